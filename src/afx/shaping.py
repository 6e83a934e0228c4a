"""Curves over time: how a source is bent, followed, smoothed, kept in range and slowed down.

Knows arrays and frames per second; knows nothing of music, knobs or looks. The whole piece is in
hand, so every filter looks both ways and adds no delay, and every one is a handful of NumPy passes:
an hour at 30 frames per second takes milliseconds. All arrays are [frames].
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Curve = Literal["linear", "exp", "log", "smooth", "gate"]
Track = NDArray[np.float32] | NDArray[np.float64]

FLOOR = 1e-6
"""Below this a followed value counts as zero (its logarithm is needed)."""
GATE = (0.6, 0.75)
"""A gate opens between these levels, softly: a hard edge would chatter."""
KNEE = 0.15
"""Share of a range, at either end, in which values are bent to stay inside."""
SILL = 0.25
"""Share of what is above a `gated` threshold over which it opens."""
RISER = 0.4
"""Share of a step of `stepped` over which it climbs to the next."""


def bend(values: Track, curve: Curve) -> NDArray[np.float64]:
    """Apply a response curve to values in [0, 1]; the ends 0 and 1 stay where they are."""
    x = np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0)
    if curve == "exp":
        return x * x
    if curve == "log":
        return np.sqrt(x)
    if curve == "gate":
        x = np.clip((x - GATE[0]) / (GATE[1] - GATE[0]), 0.0, 1.0)
    if curve in ("smooth", "gate"):
        return x * x * (3.0 - 2.0 * x)
    return x


def gated(values: Track, threshold: float) -> NDArray[np.float64]:
    """Take away what is below a threshold and stretch the rest back to [0, 1], without a corner.

    Parameters
    ----------
    values : [frames] in [0, 1]
    threshold : float
        From 0, which changes nothing, to below 1.
    """
    x = np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0)
    if threshold <= 0.0:
        return x
    over = np.maximum(x - threshold, 0.0) / (1.0 - threshold)
    # A parabola up to the sill and its tangent from there on, scaled so that 1 stays 1.
    opened = np.where(over < SILL, over * over / (2.0 * SILL), over - 0.5 * SILL)
    return np.asarray(opened / (1.0 - 0.5 * SILL))


def stepped(values: Track, steps: int) -> NDArray[np.float64]:
    """Round values in [0, 1] to 0, 1/steps, …, 1; between two treads is a short, soft riser.

    A curve that moves evenly stands, climbs and stands again; nothing jumps. 0 steps change
    nothing.
    """
    x = np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0)
    if steps < 1:
        return x
    place = x * steps
    tread = np.floor(place)
    rise = np.clip((place - tread - 0.5) / RISER + 0.5, 0.0, 1.0)
    return np.asarray((tread + rise * rise * (3.0 - 2.0 * rise)) / steps)


def held(values: Track, fps: float, seconds: float) -> NDArray[np.float64]:
    """Let every value stay for so many seconds unless a larger one comes: a running maximum."""
    x = np.asarray(values, dtype=np.float64).copy()
    left, reach = round(seconds * fps), 1
    # Windows double: each pass looks back by as much as all before it together.
    while left > 0 and reach <= x.size:
        back = min(reach, left)
        x[back:] = np.maximum(x[back:], x[:-back].copy())
        left, reach = left - back, 2 * reach
    return x


def each_nth(times: NDArray[np.float64], first: float, every: int) -> NDArray[np.float64]:
    """Return every so many of rising times, counted from the one that is nearest to `first`."""
    if every <= 1 or times.size == 0:
        return times
    start = int(np.abs(times - first).argmin())
    return times[start % every :: every]


def follow(values: Track, fps: float, attack: float, release: float) -> NDArray[np.float64]:
    """Follow peaks: rise towards each one ahead of it, touch it, and fall away after it.

    The result is the smallest curve above `values` that falls no faster than exp(−t/release) and
    rises no faster than exp(t/attack). Being offline we may look ahead, so it peaks *at* the event
    and not an attack later. In the logarithm a decay is a straight line, which makes both passes a
    running maximum.

    Parameters
    ----------
    values : [frames], 0 or more
    fps : float
        Frames per second.
    attack, release : float
        Time constants in seconds; 0 means at once.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        return x.copy()
    level = np.log(np.maximum(x, FLOOR))
    time = np.arange(x.size) / fps
    if release * fps > 0.05:
        ramp = time / release
        level = np.maximum.accumulate(level + ramp) - ramp
    if attack * fps > 0.05:
        ramp = time / attack
        level = np.maximum.accumulate((level - ramp)[::-1])[::-1] + ramp
    out = np.exp(level)
    out[out < 2.0 * FLOOR] = 0.0
    return out


def smooth(values: Track, fps: float, seconds: float) -> NDArray[np.float64]:
    """Smooth both ways by three running means, close to a Gaussian of deviation `seconds`.

    The ends are held, so a constant stays that constant.
    """
    x = np.asarray(values, dtype=np.float64)
    # Three boxes of width w have variance 3 (w² − 1)/12.
    width = np.sqrt(1.0 + 4.0 * (seconds * fps) ** 2)
    half = round((width - 1.0) / 2.0)
    if half < 1 or x.size < 2:
        return x.copy()
    for _ in range(3):
        padded = np.concatenate([np.full(half + 1, x[0]), x, np.full(half, x[-1])])
        total = np.cumsum(padded)
        x = (total[2 * half + 1 :] - total[: -(2 * half + 1)]) / (2 * half + 1)
    return x


def soft_clip(values: Track, lo: float, hi: float, rest: float) -> NDArray[np.float64]:
    """Keep values inside [lo, hi] without a corner; those away from the ends stay as they are.

    Parameters
    ----------
    values : [frames]
    lo, hi : float
        The range.
    rest : float
        A value that must come through untouched (the knob at rest), even near an end: the bent zone
        at that end shrinks to leave it out.
    """
    x = np.asarray(values, dtype=np.float64)
    rest = min(max(rest, lo), hi)
    over, under = min(KNEE * (hi - lo), hi - rest), min(KNEE * (hi - lo), rest - lo)
    least = 1e-6 * (hi - lo)  # thinner zones are a hard edge to anyone's eye
    if over > least and x.size and x.max() > hi - over:
        x = np.where(x > hi - over, hi - over + over * np.tanh((x - hi + over) / over), x)
    if under > least and x.size and x.min() < lo + under:
        x = np.where(x < lo + under, lo + under - under * np.tanh((lo + under - x) / under), x)
    return np.clip(x, lo, hi)


def limit_rate(values: Track, fps: float, rate: float) -> NDArray[np.float64]:
    """Let values change by at most `rate` per second, without delay.

    The mean of the largest curve of that slope below the values and the smallest above them
    (McShane 1934, Extension of range of functions): where the values are slow enough already, both
    meet them and nothing changes; a step becomes a ramp centered on the step.
    """
    x = np.asarray(values, dtype=np.float64)
    step = rate / fps
    if x.size < 2 or np.abs(np.diff(x)).max() <= step:
        return x.copy()
    ramp = step * np.arange(x.size)
    above = np.maximum.accumulate(x + ramp) - ramp
    above = np.maximum(above, np.maximum.accumulate((x - ramp)[::-1])[::-1] + ramp)
    below = np.minimum.accumulate(x - ramp) + ramp
    below = np.minimum(below, np.minimum.accumulate((x + ramp)[::-1])[::-1] - ramp)
    return np.asarray(0.5 * (above + below))
