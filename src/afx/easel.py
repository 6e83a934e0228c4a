"""Stills of looks without music: knobs at rest, clocks where they stand after some seconds.

What exploration shows: the same fields, normalization and colors as in a video, with nothing that
moves the knobs. One easel belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.color import packed_tables
from afx.field.jit import Kernel
from afx.look import Look, knobs_of, pattern_of
from afx.normal import tone_range
from afx.painter import FieldState, Painter, Picture, field_kernel, field_weights
from afx.patterns import PATTERNS, Pattern
from afx.routes import UNTURNED
from afx.stage import GRADE_KNOBS

MOMENT = 12.0
"""Seconds after the start at which a still is taken, if nothing else is said."""

SAMPLED = (0.0, 7.0, 19.0, 31.0, 43.0)
"""Seconds, from the still's moment on, over which tones are normalized, as a scene's are."""

_NONE: Mapping[str, float] = {}


def at_rest(
    look: Look,
    *,
    seed: int = 0,
    moment: float = MOMENT,
    knobs: Mapping[str, float] = _NONE,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> dict[str, float]:
    """Return the value of every knob of a look when nothing plays.

    Parameters
    ----------
    look : Look
    seed : int
        Where clocks start, as in a video of that seed.
    moment : float
        Seconds since the start; clocks run at their speed at rest.
    knobs : mapping of str to float
        Values, and for clocks speeds, in place of the look's own; held inside the knobs' ranges.
    patterns : mapping of str to Pattern
    """
    values = {}
    for knob in knobs_of(pattern_of(look, patterns)):
        value = knob.clamp(knobs.get(knob.name, look.knobs.get(knob.name, knob.default)))
        if knob.kind == "clock":
            start = 0.0
            if knob.name not in UNTURNED:
                start = 100.0 * generator(seed, f"clock.{knob.name}").random()
            value = start + value * moment
        values[knob.name] = value
    return values


class Easel:
    """Paints stills of one size; for one thread.

    Parameters
    ----------
    width, height : int
        Pixels, even.
    patterns : mapping of str to Pattern
    """

    def __init__(self, width: int, height: int, patterns: Mapping[str, Pattern] = PATTERNS) -> None:
        self.painter = Painter(width, height)
        self.patterns = patterns
        # Large enough that fine detail counts, small enough to cost little.
        scale = min(1.0, (256 * 144 / (width * height)) ** 0.5)
        self._small = (max(16, round(width * scale)), max(16, round(height * scale)))

    def still(
        self,
        look: Look,
        *,
        seed: int = 0,
        moment: float = MOMENT,
        knobs: Mapping[str, float] = _NONE,
    ) -> NDArray[np.uint8]:
        """Return a look's picture, display RGB [height, width, 3]; parameters as `at_rest`."""
        return self.painter.rgb(self.picture(look, seed=seed, moment=moment, knobs=knobs))

    def strip(
        self,
        look: Look,
        moments: list[float],
        *,
        seed: int = 0,
        knobs: Mapping[str, float] = _NONE,
    ) -> list[NDArray[np.uint8]]:
        """Return a look's pictures at several moments, normalized alike."""
        normal = self._normal(look, seed, moments[0], knobs)
        return [
            self.painter.rgb(self._picture(look, seed, moment, knobs, normal)) for moment in moments
        ]

    def picture(
        self,
        look: Look,
        *,
        seed: int = 0,
        moment: float = MOMENT,
        knobs: Mapping[str, float] = _NONE,
    ) -> Picture:
        """Return what such a still is made of."""
        return self._picture(look, seed, moment, knobs, self._normal(look, seed, moment, knobs))

    def _picture(
        self,
        look: Look,
        seed: int,
        moment: float,
        knobs: Mapping[str, float],
        normal: tuple[float, float],
    ) -> Picture:
        values = at_rest(look, seed=seed, moment=moment, knobs=knobs, patterns=self.patterns)
        grade = np.array([values[k.name] for k in GRADE_KNOBS], np.float32)
        state = self._state(look, seed, values, normal)
        return Picture((state,), 0.0, grade, packed_tables(look.palette))

    def _state(
        self, look: Look, seed: int, values: Mapping[str, float], normal: tuple[float, float]
    ) -> FieldState:
        pattern = pattern_of(look, self.patterns)
        kernel: Kernel = field_kernel(pattern)
        row = np.array([values[name] for name in kernel.module.knobs], np.float32)
        return FieldState(
            kernel, row, field_weights(pattern, seed), *normal, internal=1, direct=pattern.direct
        )

    def _normal(
        self, look: Look, seed: int, moment: float, knobs: Mapping[str, float]
    ) -> tuple[float, float]:
        """Return scale and offset of the tone, from its percentiles over some moments."""
        if pattern_of(look, self.patterns).direct:
            return 1.0, 0.0
        tones = []
        for later in SAMPLED:
            values = at_rest(
                look, seed=seed, moment=moment + later, knobs=knobs, patterns=self.patterns
            )
            state = self._state(look, seed, values, (1.0, 0.0))
            names = state.kernel.module.knobs
            made = state.kernel.evaluate(
                *self._small,
                dict(zip(names, state.knobs.tolist(), strict=True)),
                weights=state.weights,
            )
            tone, mask = made["tone"], made["mask"]
            tones.append(tone[(mask > 0.05) & np.isfinite(tone)])
        return tone_range(np.concatenate(tones))
