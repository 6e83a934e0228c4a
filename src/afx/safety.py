"""Photosensitivity: a limiter that keeps pictures from flashing.

It bounds how fast the linear luminance of each tile of the picture may change, by a gain on linear
light; shape and color stay. What finished pictures still do is counted by the flash screen
(``afx.flashes``, offered here too). Neither knows what the pictures show or why they change.

Luminance is WCAG's relative luminance, linear, in [0, 1]; tiles and pictures are [rows, columns].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afx.flashes import FlashReport, FlashScreen, relative_luminance

__all__ = ["FlashReport", "FlashScreen", "Mode", "limit", "relative_luminance", "tile_means"]

Mode = Literal["strict", "standard", "off"]

# The slew (Y per second) that allows 3 or 6 transitions a second: a change of 0.1 takes 0.1 / slew
# seconds, so n of them fit into a second only if slew > 0.1 (n - 1). 0.3 and 0.6 are the exact
# bounds; a margin stays for rounding to 8 bits.
_SLEW = {"strict": 0.29, "standard": 0.55}
# A cut adds one transition, so within a second of it one transition less must fit.
_SLEW_NEAR_CUT = {"strict": 0.19, "standard": 0.46}
CUT_SPACING = 2.0

# Gain upwards is bounded: lifting a dark tile further would show its noise and clip its lights.
GAIN_MAX = 1.5


def tile_means(luma: ArrayLike, rows: int = 9, columns: int = 16) -> NDArray[np.float32]:
    """Average pictures [..., h, w] over a grid of tiles: float32 [..., rows, columns]."""
    picture = np.asarray(luma, dtype=np.float32)
    h, w = picture.shape[-2:]
    if h < rows or w < columns:
        raise ValueError(f"a picture of {w}x{h} is smaller than {columns}x{rows} tiles")
    ys, xs = np.arange(rows) * h // rows, np.arange(columns) * w // columns
    sums = np.add.reduceat(np.add.reduceat(picture, ys, axis=-2), xs, axis=-1)
    area = np.diff(np.append(ys, h))[:, None] * np.diff(np.append(xs, w))[None, :]
    result: NDArray[np.float32] = (sums / area).astype(np.float32)
    return result


def limit(
    luma: NDArray[np.floating],
    fps: Fraction | float,
    mode: Mode = "strict",
    cuts: Sequence[int] = (),
) -> NDArray[np.float32]:
    """Find the gains on linear light that keep every tile from flashing.

    Parameters
    ----------
    luma : ndarray [frames, rows, columns]
        Mean linear luminance of each tile, in [0, 1].
    fps : Fraction or float
        Frames per second.
    mode : {"strict", "standard", "off"}
        0.29 Y/s and at most 3 transitions in any second (below IRIS's warning too), 0.55 Y/s and at
        most 6 (WCAG), or all gains 1.
    cuts : sequence of int
        First frames of new scenes. Those at least 2 s after the last one allowed may change the
        picture at once; the others are limited like everything else.

    Returns
    -------
    ndarray, float32 [frames, rows, columns]
        Gains in [0, 1.5]; exactly 1 where the picture is calm enough as it is.

    Notes
    -----
    The output is ``y = lower(min((lower(x) + upper(x)) / 2, 1.5 x))``, where ``lower`` is the
    largest signal below and ``upper`` the smallest above whose slope is bounded by the slew rate
    (the Lipschitz envelopes of McShane and Whitney, 1934). Their mean is the signal of bounded
    slope that is nearest to the input: accents lose half their height and dips half their depth, so
    the exposure stays, where a limiter that can only darken would turn a beat into a blackout. A
    gain cannot lift a black frame, though, so the last step darkens *before* the fall: the slope is
    bounded both ways by construction, whatever the input, which no limiter without look-ahead can
    promise.
    """
    y = np.asarray(luma)
    if y.ndim != 3:
        raise ValueError(f"luma must be [frames, rows, columns], got {y.ndim} dimensions")
    if mode == "off" or len(y) == 0:
        return np.ones(y.shape, dtype=np.float32)
    if mode not in _SLEW:
        raise ValueError(f"safety mode must be strict, standard or off, not {mode!r}")
    rate = float(fps)
    allowed = _admit(cuts, len(y), rate)
    slew = np.full(len(y), _SLEW[mode])
    for cut in allowed:
        near = slice(max(0, math.floor(cut - rate)), math.ceil(cut + rate) + 1)
        slew[near] = _SLEW_NEAR_CUT[mode]
    # How far luminance may have traveled by each frame. Taking it away turns "slope at most" into
    # "never rises", which a running minimum enforces: no loop over frames.
    travel = (np.cumsum(slew) / rate)[:, None]
    gains = np.empty(y.shape, dtype=np.float32)
    tiles, flat = y.reshape(len(y), -1), gains.reshape(len(y), -1)
    edges = [0, *allowed, len(y)]
    # A few tiles at a time, in float64: an hour needs tens of megabytes beside its own tables.
    for first in range(0, tiles.shape[1], 8):
        some = slice(first, first + 8)
        for begin, end in itertools.pairwise(edges):
            x = np.clip(tiles[begin:end, some].astype(np.float64), 0.0, 1.0)
            way = travel[begin:end]
            nearest = 0.5 * (_lower(x, way) - _lower(-x, way))
            out = _lower(np.minimum(nearest, GAIN_MAX * x), way)
            lit = x > 1e-6
            gain = np.where(lit, out / np.where(lit, x, 1.0), 1.0)
            flat[begin:end, some] = np.where(np.abs(gain - 1.0) < 1e-6, 1.0, gain)
    return gains


def _lower(x: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the largest signal below `x` [frames, n] whose changes never exceed those of `way`."""
    forward = np.minimum.accumulate(x - way, axis=0) + way
    backward = np.minimum.accumulate((forward + way)[::-1], axis=0)[::-1] - way
    return np.asarray(backward)


def _admit(cuts: Sequence[int], frames: int, fps: float) -> list[int]:
    """Pick the cuts that may change the picture at once: a bucket of one token, filled in 2 s."""
    allowed: list[int] = []
    for cut in sorted(set(cuts)):
        if 0 < cut < frames and (not allowed or cut - allowed[-1] >= CUT_SPACING * fps):
            allowed.append(cut)
    return allowed
