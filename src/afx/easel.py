"""Stills of looks without music: knobs at rest, clocks where they stand after some seconds.

What exploration shows: the same fields, normalization and colors as in a video, with nothing that
moves the knobs. What a pattern remembers is only sketched: gone through in coarse steps, over the
last seconds before the still. One easel belongs to one thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.color import packed_tables
from afx.field.jit import Kernel
from afx.look import Look, knobs_of, pattern_of
from afx.normal import tone_range
from afx.painter import FieldState, Painter, Picture, field_kernel, field_weights
from afx.patterns import PATTERNS, Pattern
from afx.patterns.simulation import Grid
from afx.routes import UNTURNED
from afx.simulator import Buffers, sketch
from afx.stage import GRADE_KNOBS

MOMENT = 12.0
"""Seconds after the start at which a still is taken, if nothing else is said."""

SAMPLED = (0.0, 7.0, 19.0, 31.0, 43.0)
"""Seconds, from the still's moment on, over which tones are normalized, as a scene's are."""

REMEMBERED = 8.0
"""Seconds before the first moment at which a pattern with a memory begins."""

RECALLED = (0.0, 1.5, 3.0, 4.5)
"""In place of `SAMPLED` for a pattern with a memory: seconds back from the still, which it goes
through anyway; or on from it, where the still is earlier."""

STEPS = 120
"""About the most steps of its sketch: half a second of work, and it goes through more in leaps."""

KEPT = 4
"""Sketches that are kept, for pictures that are asked for again."""

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
        self._aspect = width / height
        self._sketches: OrderedDict[Hashable, dict[float, Buffers]] = OrderedDict()

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
        asked = _Asked(look, seed, knobs, self._recalled(look, seed, moments, knobs))
        normal = self._normal(asked, moments[0])
        return [self.painter.rgb(self._picture(asked, moment, normal)) for moment in moments]

    def picture(
        self,
        look: Look,
        *,
        seed: int = 0,
        moment: float = MOMENT,
        knobs: Mapping[str, float] = _NONE,
    ) -> Picture:
        """Return what such a still is made of."""
        asked = _Asked(look, seed, knobs, self._recalled(look, seed, [moment], knobs))
        return self._picture(asked, moment, self._normal(asked, moment))

    def _picture(self, asked: _Asked, moment: float, normal: tuple[float, float]) -> Picture:
        values = self._values(asked, moment)
        grade = np.array([values[k.name] for k in GRADE_KNOBS], np.float32)
        state = self._state(asked, moment, normal)
        return Picture((state,), 0.0, grade, packed_tables(asked.look.palette))

    def _values(self, asked: _Asked, moment: float) -> dict[str, float]:
        return at_rest(
            asked.look, seed=asked.seed, moment=moment, knobs=asked.knobs, patterns=self.patterns
        )

    def _state(self, asked: _Asked, moment: float, normal: tuple[float, float]) -> FieldState:
        pattern = pattern_of(asked.look, self.patterns)
        kernel: Kernel = field_kernel(pattern)
        values = self._values(asked, moment)
        row = np.array([values[name] for name in kernel.module.knobs], np.float32)
        return FieldState(
            kernel,
            row,
            field_weights(pattern, asked.seed),
            *normal,
            internal=1,
            direct=pattern.direct,
            buffers=asked.recalled.get(moment, {}),
        )

    def _normal(self, asked: _Asked, moment: float) -> tuple[float, float]:
        """Return scale and offset of the tone, from its percentiles over some moments."""
        pattern = pattern_of(asked.look, self.patterns)
        if pattern.direct:
            return 1.0, 0.0
        tones = []
        for at in _sampled(pattern, moment):
            state = self._state(asked, at, (1.0, 0.0))
            names = state.kernel.module.knobs
            made = state.kernel.evaluate(
                *self._small,
                dict(zip(names, state.knobs.tolist(), strict=True)),
                buffers=state.buffers,
                weights=state.weights,
            )
            tone, mask = made["tone"], made["mask"]
            tones.append(tone[(mask > 0.05) & np.isfinite(tone)])
        return tone_range(np.concatenate(tones))

    def _recalled(
        self, look: Look, seed: int, moments: Sequence[float], knobs: Mapping[str, float]
    ) -> Mapping[float, Buffers]:
        """Return what the look's pattern remembers at the moments, and where tones are sampled."""
        pattern = pattern_of(look, self.patterns)
        if pattern.simulation is None:
            return {}
        wanted = sorted({*_sampled(pattern, moments[0]), *moments})
        turned = tuple(sorted(look.knobs.items())), tuple(sorted(knobs.items()))
        key = (pattern, seed, tuple(wanted), turned)
        if key not in self._sketches:
            asked = _Asked(look, seed, knobs, {})
            made = sketch(
                pattern.simulation,
                Grid.of(pattern.simulation.cells, self._aspect),
                seed,
                lambda time: self._values(asked, time),
                wanted,
                begin=max(0.0, min(wanted[0], moments[0] - REMEMBERED)),
                most=STEPS,
            )
            self._sketches[key] = dict(zip(wanted, made, strict=True))
            while len(self._sketches) > KEPT:
                self._sketches.popitem(last=False)
        self._sketches.move_to_end(key)
        return self._sketches[key]


@dataclass(frozen=True)
class _Asked:
    """A look as it is asked for, and what its pattern remembers at some moments."""

    look: Look
    seed: int
    knobs: Mapping[str, float]
    recalled: Mapping[float, Buffers]


def _sampled(pattern: Pattern, moment: float) -> list[float]:
    """Return the moments over which a still's tones are normalized."""
    if pattern.simulation is None:
        return [moment + later for later in SAMPLED]
    sign = -1.0 if moment >= RECALLED[-1] else 1.0
    return [moment + sign * away for away in RECALLED]
