"""Curves made fit to move pictures: zero-phase smoothing and normalization over the whole track.

Knows curves; knows nothing of sound. Everything looks both ways in time, which only offline work
can do: peaks stay where they are, and a rise begins a little before its peak instead of late.

Units: seconds, Hz, dB; results in [0, 1] where it says "normalized".
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

Floats = NDArray[np.float32]

SMALLEST_RANGE: Final = 6.0  # dB: a band that moves less is not blown up to full swing
LARGEST_RANGE: Final = 36.0  # dB: pauses do not flatten everything else to the top
_STILL: Final = 1e-6  # what is 0 on the way through logarithms


def decibels(power: Floats) -> NDArray[np.float64]:
    """Power to dB, −120 and up."""
    return 10 * np.log10(np.maximum(power.astype(np.float64), 1e-12))


def envelope(curve: Floats, rate: float, attack: float, release: float) -> Floats:
    """Peaks held, falling by 1/e in ``release`` seconds and rising likewise in ``attack`` before.

    y[n] = max over k of curve[k]·exp(−(n−k)/release) for k ≤ n and exp(−(k−n)/attack) for k > n:
    the forward and backward passes of a peak follower in closed form, with no delay.
    """
    n = np.arange(len(curve), dtype=np.float64)
    logs = np.log(np.maximum(curve.astype(np.float64), _STILL))
    fall, rise = n / (rate * release), n / (rate * attack)
    after = np.maximum.accumulate(logs + fall) - fall
    before = np.maximum.accumulate((logs - rise)[::-1])[::-1] + rise
    held = np.exp(np.maximum(after, before))
    return np.where(held <= 1.01 * _STILL, 0, held).astype(np.float32)


def glide(curve: Floats, rate: float, sigma: float) -> Floats:
    """Gaussian mean over time, sigma in seconds, along axis 0; the ends are repeated.

    Long ones work on means of blocks a sixteenth of sigma long or shorter: the cost and the error
    (under 0.1 %) do not depend on the frame rate.
    """
    block = max(1, int(rate * sigma / 16))
    if block == 1:
        return _gaussian(curve, rate * sigma)
    count = -(-len(curve) // block)
    padded = np.pad(curve, [(0, count * block - len(curve))] + [(0, 0)] * (curve.ndim - 1), "edge")
    means = padded.reshape(count, block, *curve.shape[1:]).mean(axis=1, dtype=np.float32)
    smooth = _gaussian(means, rate * sigma / block)
    return resample(smooth, 1 / block, np.arange(len(curve), dtype=np.float64) - (block - 1) / 2)


def _gaussian(curve: Floats, sigma: float) -> Floats:
    smooth: Floats = gaussian_filter1d(curve, sigma, axis=0, mode="nearest", truncate=3.5)
    return smooth


def resample(curve: Floats, rate: float, times: NDArray[np.float64]) -> Floats:
    """Linear interpolation along axis 0 at ``times``; beyond the ends the end value."""
    position = np.clip(times * rate, 0, len(curve) - 1)
    first = np.minimum(position.astype(np.int64), max(0, len(curve) - 2))
    share = (position - first).astype(np.float32)
    share = share.reshape(-1, *[1] * (curve.ndim - 1))
    second = np.minimum(first + 1, len(curve) - 1)
    result: Floats = curve[first] * (1 - share) + curve[second] * share
    return result


def pool_peaks(curve: Floats, rate: float, fps: float, frames: int, late: float = 0.0) -> Floats:
    """Bring a peaky curve to video frames: the maximum within half a frame of each frame's time.

    Three points between any two samples are interpolated first (cubic), so that a peak between two
    samples is neither lost nor moved by more than an eighth of a sample. ``late`` is by how many
    seconds the curve lags behind; that is undone.
    """
    dense = _with_midpoints(_with_midpoints(curve))
    pooled = resample(dense, 4 * rate, np.arange(frames) / fps + late)
    times = np.maximum(np.arange(len(dense)) / (4 * rate) - late, 0)
    nearest = np.rint(times * fps).astype(np.int64)
    inside = nearest < frames
    np.maximum.at(pooled, nearest[inside], dense[inside])
    return pooled


def _with_midpoints(curve: Floats) -> Floats:
    """[n] to [2n]: after every value that of the cubic through its two neighbors on either side."""
    padded = np.pad(curve, (1, 2), mode="edge")
    a, b, c, d = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    dense = np.empty(2 * len(curve), np.float32)
    dense[0::2] = curve
    dense[1::2] = np.maximum((9 * (b + c) - a - d) / np.float32(16), 0)
    return dense


def span(values: NDArray[np.float64], smallest: float, largest: float) -> tuple[float, float]:
    """Percentiles 5 and 95, at least ``smallest`` and at most ``largest`` apart.

    A smaller span is widened around its middle, so that what hardly moves stays near 0.5; a larger
    one is cut from below.
    """
    low, high = (float(p) for p in np.percentile(values, [5, 95]))
    low = max(low, high - largest)
    lacking = max(0.0, smallest - (high - low))
    return low - lacking / 2, high + lacking / 2


def placed(values: NDArray[np.float64], limits: tuple[float, float]) -> Floats:
    """Values between the limits to [0, 1], clipped."""
    low, high = limits
    share: Floats = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return share


def normalized_hits(curve: Floats, smallest: float) -> Floats:
    """Onset strengths to [0, 1]: a typical strong peak is near 1, small ones are pressed down.

    Typical is the contraharmonic mean of the peaks (their mean weighted by their squares), which,
    unlike a percentile, does not depend on how many frames lie between the peaks; it counts as
    ``smallest`` (dB) at least, so that noise does not become drums.
    """
    peaks = curve[(curve == maximum_filter1d(curve, 9, mode="nearest")) & (curve > 0)]
    squares = np.square(peaks, dtype=np.float64)
    typical = float((squares * peaks).sum() / squares.sum()) if len(peaks) else 0.0
    share = np.clip(curve / np.float32(1.1 * max(typical, smallest)), 0, 1)
    result: Floats = (share * np.sqrt(share)).astype(np.float32)
    return result
