"""Operations on curves that always give finite curves: what expressions of routes are made of.

Every operation takes and gives float64 arrays, [frames] or a single number, and keeps its result
within ±`BOUND`; so no chain of them overflows or knows NaN. Knows nothing of text or of sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from afx.shaping import GATE, smooth

Values = NDArray[np.float64]
Compute = Callable[[Sequence[Values], float], Values]

BOUND = 1e6
"""Largest magnitude of a number and of everything worked out on the way."""
NEAREST = 1e-3
"""A divisor that is nearer to zero counts as this far away from it (0 itself as above it)."""
LONGEST = 30.0
"""Most seconds of a delay or a smoothing, as of a route's attack."""


@dataclass(frozen=True)
class Function:
    """One function of the expression language.

    Attributes
    ----------
    usage : str
        The call as people write it.
    help : str
        What it gives, in a few words.
    least, most : int
        How many values it takes.
    compute : callable
        From the values and the frames per second.
    seconds : bool
        Whether the last value is a plain number of seconds, 0 to `LONGEST`.
    """

    usage: str
    help: str
    least: int
    most: int
    compute: Compute
    seconds: bool = False


def bounded(values: Values) -> Values:
    """Keep values within ±`BOUND`."""
    return np.asarray(np.clip(values, -BOUND, BOUND))


def divide(a: Values, b: Values) -> Values:
    """Divide; a divisor that touches zero gives something large, but finite and without holes."""
    away = np.where(b < 0.0, np.minimum(b, -NEAREST), np.maximum(b, NEAREST))
    return np.asarray(a / away)


def rise(lo: Values, hi: Values, x: Values) -> Values:
    """Rise softly from 0 at `lo` to 1 at `hi`; where `hi` is the lower one, fall."""
    t = np.clip(divide(x - lo, hi - lo), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def power(x: Values, y: Values) -> Values:
    """Raise to a power; below zero counts as zero, which to a negative power is `BOUND`."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.asarray(np.maximum(x, 0.0) ** y)


def late(x: Values, fps: float, seconds: float) -> Values:
    """Delay by whole frames; before a song there is silence. Numbers have always been there."""
    frames = min(round(seconds * fps), x.size)
    if x.ndim == 0 or frames == 0:
        return x
    return np.concatenate([np.zeros(frames), x[: x.size - frames]])


def smoothed(x: Values, fps: float, seconds: float) -> Values:
    """Smooth both ways; a number is smooth."""
    return x if x.ndim == 0 else smooth(x, fps, seconds)


def _of(compute: Callable[..., Values]) -> Compute:
    """Return a computation that needs no frames per second."""
    return lambda values, _: np.asarray(compute(*values), dtype=np.float64)


OPERATORS: Mapping[str, Compute] = MappingProxyType(
    {
        "+": _of(np.add),
        "-": _of(np.subtract),
        "*": _of(np.multiply),
        "/": _of(divide),
        "<": _of(np.less),
        "<=": _of(np.less_equal),
        ">": _of(np.greater),
        ">=": _of(np.greater_equal),
        "minus": _of(np.negative),
    }
)
"""What stands between two values, and the minus before one; comparisons give 0 or 1."""

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "min": Function(
            "min(a, b, …)", "the smallest of them", 2, 99, lambda v, _: reduce(np.minimum, v)
        ),
        "max": Function(
            "max(a, b, …)", "the largest of them", 2, 99, lambda v, _: reduce(np.maximum, v)
        ),
        "abs": Function("abs(x)", "x without its sign", 1, 1, _of(np.abs)),
        "clamp": Function(
            "clamp(x, lo, hi)",
            "x, kept between lo and hi",
            3,
            3,
            _of(lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi)),
        ),
        "mix": Function(
            "mix(a, b, t)",
            "a where t is 0, b where t is 1, between them in proportion",
            3,
            3,
            _of(lambda a, b, t: a + (b - a) * np.clip(t, 0.0, 1.0)),
        ),
        "smoothstep": Function(
            "smoothstep(lo, hi, x)",
            "a soft rise: 0 where x is below lo, 1 where it is above hi",
            3,
            3,
            _of(rise),
        ),
        "gate": Function(
            "gate(x, threshold)",
            f"opens softly, from 0 to 1, while x climbs from threshold to {GATE[1] - GATE[0]:g}"
            " above it",
            2,
            2,
            _of(lambda x, threshold: rise(threshold, threshold + (GATE[1] - GATE[0]), x)),
        ),
        "pow": Function(
            "pow(x, y)", "x to the power y; an x below 0 counts as 0", 2, 2, _of(power)
        ),
        "sqrt": Function(
            "sqrt(x)",
            "the square root; an x below 0 counts as 0",
            1,
            1,
            _of(lambda x: np.sqrt(np.maximum(x, 0.0))),
        ),
        "sin": Function(
            "sin(x)",
            "a sine, −1 to 1, of x whole turns: `sin(bar.phase)` swings once a bar",
            1,
            1,
            _of(lambda x: np.sin(2.0 * np.pi * x)),
        ),
        "delay": Function(
            "delay(x, seconds)",
            f"x, so much later (0 to {LONGEST:g}); silence before the song",
            2,
            2,
            lambda v, fps: late(v[0], fps, float(v[1])),
            seconds=True,
        ),
        "smooth": Function(
            "smooth(x, seconds)",
            f"x, smoothed both ways by so much (0 to {LONGEST:g}), without delay",
            2,
            2,
            lambda v, fps: smoothed(v[0], fps, float(v[1])),
            seconds=True,
        ),
    }
)
"""Every function by name."""


def operate(name: str, values: Sequence[Values], fps: float) -> Values:
    """Carry out one operator or function by name, on values within ±`BOUND`."""
    compute = OPERATORS[name] if name in OPERATORS else FUNCTIONS[name].compute
    return bounded(compute(values, fps))
