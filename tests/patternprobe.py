"""Patterns evaluated for the tests: on the stage, at any time, with any knob changed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from afx.field.jit import Kernel
from afx.patterns import PATTERNS
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
    return {output: a.copy() for output, a in kernel(name).evaluate(*size, values).items()}


def spread(tone: NDArray[np.float32]) -> float:
    low, high = np.percentile(tone, [1, 99])
    return float(high - low)
