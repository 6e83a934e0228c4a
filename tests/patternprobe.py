"""Patterns evaluated for the tests: on the stage, at any time, with any knob changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from afx.field.jit import Kernel
from afx.patterns import PATTERNS, Pattern
from afx.patterns.simulation import Grid
from afx.stage import STAGE_KNOBS, staged

SIZE = (96, 54)
CLOCKS = 31.7
"""Seconds after which pictures are taken if nothing else is said."""

Picture = dict[str, NDArray[np.float32]]


@cache
def kernel(name: str) -> Kernel:
    return Kernel(staged(PATTERNS[name].function))


def picture(
    name: str, time: float = CLOCKS, size: tuple[int, int] = SIZE, **changed: float
) -> Picture:
    """Evaluate a pattern `time` seconds after its clocks stood at 0."""
    values = {}
    for k in (*PATTERNS[name].knobs, *STAGE_KNOBS):
        value = changed.get(k.name, k.default)
        values[k.name] = value * time if k.kind == "clock" else value
    [buffers] = recalled(PATTERNS[name], [values], size=size)
    made = kernel(name).evaluate(*size, values, buffers=buffers)
    return {output: a.copy() for output, a in made.items()}


def recalled(
    pattern: Pattern,
    moments: Sequence[Mapping[str, float]],
    *,
    seconds: float = 0.5,
    seed: int = 0,
    size: tuple[int, int] = SIZE,
    lead: float = 0.4,
) -> Iterator[Mapping[str, NDArray[np.float32]]]:
    """Give what a pattern remembers at moments so many seconds apart; nothing, if it does not.

    It begins `lead` seconds before the first, its clocks at their usual speeds until then.
    """
    if pattern.simulation is None:
        yield from ({} for _ in moments)
        return
    grid = Grid.of(size[0] * size[1], size[0] / size[1])
    speeds = {k.name: k.default for k in (*pattern.knobs, *STAGE_KNOBS) if k.kind == "clock"}
    before = {**moments[0], **{n: moments[0][n] - lead * v for n, v in speeds.items()}}
    state = pattern.simulation.start(grid, seed, before, None)
    for values, way in zip(moments, (lead, *[seconds] * (len(moments) - 1)), strict=True):
        steps = max(1, round(way * 24))
        for step in range(steps):
            share = (step + 1) / steps
            now = {n: before[n] + (values[n] - before[n]) * share for n in speeds}
            state.step({**values, **now}, way / steps)
        before = dict(values)
        yield state.buffers()


def spread(tone: NDArray[np.float32]) -> float:
    low, high = np.percentile(tone, [1, 99])
    return float(high - low)
