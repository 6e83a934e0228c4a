"""How much a picture moves at every moment: curves at the rate of the grid, gathered in one pass.

Knows proxies of frames; knows nothing of sound. L is OKLab lightness in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.oklch import decode, oklab_from_linear

Floats = NDArray[np.float64]

STILL = 1e-4
"""A mean change of L below this is a codec's noise: the picture stands still."""
_THUMB = 8
_SLOPE = 0.01  # of L a pixel: flatter places have no direction that could be told
_FASTEST = 2.0  # pixels a frame: faster normal flow is noise

# 8-bit codes to linear light: two hundred times faster than a power for every pixel.
_LINEAR = decode(np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class Activity:
    """What the picture did, [slots] each.

    Attributes
    ----------
    change : float64 [slots]
        V: mean |ΔL| from the slot before; 0 in the first.
    flux : float64 [slots]
        Rise of motion: see `Mover`.
    mean, contrast : float64 [slots]
        Mean and standard deviation of L.
    thumbs : float16 [slots, 64]
        L averaged to 8×8.
    smoothness : float
        mean |second difference of L| over mean |first difference|; 0 where nothing moves.
    """

    change: Floats
    flux: Floats
    mean: Floats
    contrast: Floats
    thumbs: NDArray[np.float16]
    smoothness: float


class Mover:
    """Gathers `Activity` from a stream of proxies.

    Parameters
    ----------
    slots : int
        Length of the grid.

    Notes
    -----
    ``flux`` is a directogram's (Davis & Agrawala 2018, "Visual Rhythm and Beat"), made cheap: in
    place of dense optical flow it takes normal flow, the speed −ΔL / |∇L| across the edges that
    move, with which each pixel votes for one of eight directions. What counts is by how much votes
    grow from one frame to the next, direction by direction: motion that begins or turns.
    """

    def __init__(self, slots: int) -> None:
        self._change, self._flux = np.zeros(slots), np.zeros(slots)
        self._mean, self._contrast = np.zeros(slots), np.zeros(slots)
        self._thumbs = np.zeros((slots, _THUMB * _THUMB), np.float16)
        self._light: NDArray[np.float32] | None = None
        self._step: NDArray[np.float32] | None = None
        self._votes = np.zeros(8)
        self._first = self._second = 0.0
        self._last = -1

    def push(self, slot: int, light: NDArray[np.float32] | None) -> None:
        """Take the L [h, w] of a slot, or None where the one before is still shown."""
        # What is left out (a file may break off) shows what was there before.
        gap = slice(self._last + 1, slot + (light is None))
        for curve in (self._mean, self._contrast, self._thumbs):
            curve[gap] = curve[max(self._last, 0)]
        if light is None:
            if self._step is not None:
                self._second += float(np.abs(self._step).mean())
                self._step = np.zeros_like(self._step)
            self._votes[:] = 0.0
            self._last = slot
            return
        self._mean[slot], self._contrast[slot] = float(light.mean()), float(light.std())
        self._thumbs[slot] = _thumb(light)
        if self._light is not None:
            step = light - self._light
            moved = float(np.abs(step).mean())
            self._change[slot] = moved
            votes = _directogram(light, step)
            self._flux[slot] = float(np.maximum(votes - self._votes, 0.0).sum())
            self._votes = votes
            if self._step is not None:
                self._first += moved
                self._second += float(np.abs(step - self._step).mean())
            self._step = step
        self._light = light
        self._last = slot

    def result(self) -> Activity:
        """Return what has been gathered; where the file broke off, the last picture stays."""
        if 0 <= self._last < len(self._change) - 1:
            self.push(len(self._change) - 1, None)
        smoothness = self._second / self._first if self._first > 1e-9 else 0.0
        return Activity(
            self._change, self._flux, self._mean, self._contrast, self._thumbs, smoothness
        )


def lab_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn display sRGB, uint8 [..., 3], into OKLab [..., 3]."""
    return oklab_from_linear(_LINEAR[rgb]).astype(np.float32)


def _thumb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    ys, xs = (np.arange(_THUMB) * n // _THUMB for n in light.shape)
    sums = np.add.reduceat(np.add.reduceat(light, ys, axis=0), xs, axis=1)
    sizes = [np.diff(np.append(at, n)) for at, n in zip((ys, xs), light.shape, strict=True)]
    return (sums / np.outer(*sizes)).ravel().astype(np.float32)


def _directogram(light: NDArray[np.float32], step: NDArray[np.float32]) -> Floats:
    """Mean normal speed in each of eight directions, pixels a frame."""
    dy = light[2:, 1:-1] - light[:-2, 1:-1]
    dx = light[1:-1, 2:] - light[1:-1, :-2]
    inner = step[1:-1, 1:-1]
    slope = 0.5 * np.hypot(dx, dy)
    speed = np.minimum(np.abs(inner) / np.maximum(slope, _SLOPE), _FASTEST)
    # What grows lighter moves down the slope: its direction is that of the gradient, reversed.
    back = inner > 0
    octant = (
        ((dx > 0) ^ back).astype(np.int8) + 2 * ((dy > 0) ^ back) + 4 * (np.abs(dx) > np.abs(dy))
    )
    votes = np.bincount(octant.ravel(), weights=speed.ravel(), minlength=8)
    return np.asarray(votes / speed.size)
