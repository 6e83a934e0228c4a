"""Quality gates: measures that tell a rich picture from a flat, garish or frozen one.

Image measures and bands after a calibration on scalar fields through OKLCH palettes, on classic
CPPN recipes that paint RGB, and on noise and flat color; no measure is beauty, but a picture
outside the bands is almost surely a bad one. Colorfulness alone says nothing (flat color scores 20
to 52), so the bands hold together. Temporal measures take a small proxy (about 128x72) at the
video's rate.

Pictures are display sRGB; L is OKLab lightness in [0, 1]. Where a measure needs a scale, it is that
of a picture about 256 pixels high: larger ones are averaged down first.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter

from afx.oklch import oklab_from_display

Floats = NDArray[np.float64]

_PROXY = 256  # pixels of the shorter side that the bands were calibrated at

# Good bands: name -> (lowest, highest). Reference values: curated looks 56-106, 0.12-0.15, 4.7-5.1,
# 1.7-2.8, 1.1-1.4, 0.02-0.25, 0; white noise 138, 0.16, 5.4, 0, 2.0, 0.95, 0. Those looks spanned L
# 0.25-0.85 and had entropies up to 5.6; our ramps reach from near black to near white, where a well
# spread picture has 5.6 to 5.7 of the 6 possible bits. The border of a plain shape has dimension 1;
# where the picture cuts it off, boxes count a few percent less.
BANDS: dict[str, tuple[float, float]] = {
    "colorfulness": (25.0, 115.0),
    "contrast": (0.07, 0.28),
    "entropy": (3.5, 5.85),
    "slope": (1.0, 3.0),
    "boundary": (0.95, 1.5),
    "edges": (0.01, 0.35),
    "clipped": (0.0, 0.05),
}

LINES: dict[str, tuple[float, float]] = {
    "edges": (0.01, 0.58),
    "boundary": (0.95, 1.6),
    "contrast": (0.07, 0.30),
}
"""Wider bands for ornaments and fractals, which are drawn in lines: their edges and crossings are
the picture. They are the measured ends of the library (white noise has edges 0.95, boundary 2)."""
DRAWN_IN_LINES = ("geometric", "fractal", "particles")
"""Families of such pictures, and a pattern of another family: threads of light, each drawn."""

_WORDS = {
    "colorfulness": ("too gray", "garish"),
    "contrast": ("too flat: little contrast", "harsh: too much contrast"),
    "entropy": ("too few tones", "every tone equally common"),
    "slope": ("too much fine grain", "too blurred: no detail"),
    "boundary": ("shapes too plain", "shapes frayed like noise"),
    "edges": ("no edges at all", "edges everywhere"),
    "clipped": ("", "large areas burnt out or black"),
}

# Limits of the temporal measures.
FLICKER_MAX = 0.05
SMOOTHNESS_MAX = 0.8
FREEZE_ACTIVITY = 0.001
FREEZE_SECONDS = 1.5
DEAD_CONTRAST = 0.03
JUMP_SECONDS = 4.0
"""Seconds around a frame whose activity is the usual one."""
JUMP_ALONE, JUMP_BESIDE = 3.0, 0.1
"""A jump is so many times what is beside it, so many seconds on each side."""


@dataclasses.dataclass(frozen=True)
class ImageMeasures:
    """Measures of one picture.

    Attributes
    ----------
    colorfulness : float
        M3 of Hasler & Süsstrunk (2003), on 0..255.
    contrast : float
        RMS contrast: standard deviation of L.
    entropy : float
        Bits, of a histogram of L with 64 bins.
    slope : float
        Spectral slope: amplitude falls as frequency to the minus `slope`; noise 0, blur 3 and more.
    boundary : float
        Fractal dimension of the border of the area lighter than the median, 1 to 2; 0 without one.
    edges : float
        Share of pixels where L changes by more than 0.04 a pixel.
    clipped : float
        Share of pixels whose channels are all within 1/255 of black, or all of white.
    """

    colorfulness: float
    contrast: float
    entropy: float
    slope: float
    boundary: float
    edges: float
    clipped: float


def measure(rgb: ArrayLike) -> ImageMeasures:
    """Measure a picture.

    Parameters
    ----------
    rgb : array_like [h, w, 3]
        Display sRGB, uint8 or floats in [0, 1]; at least 16 pixels in each direction.

    Raises
    ------
    ValueError
        Wrong shape or too small.
    """
    picture = _reduced(rgb)
    light = oklab_from_display(picture)[..., 0]
    return ImageMeasures(
        colorfulness=colorfulness(picture),
        contrast=float(light.std()),
        entropy=entropy(light),
        slope=spectral_slope(light),
        boundary=boundary_dimension(light),
        edges=edge_density(light),
        clipped=clipped_share(picture),
    )


def bands(kinds: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return the bands for a picture, given the names and families of the patterns it shows."""
    drawn = any(kind in DRAWN_IN_LINES for kind in kinds)
    return BANDS | (LINES if drawn else {})


def problems(measures: ImageMeasures) -> list[str]:
    """Say in words which measures lie outside their bands; an empty list is a good picture."""
    found = []
    for name, (low, high) in BANDS.items():
        value = getattr(measures, name)
        if not low <= value <= high:
            word = _WORDS[name][0 if value < low else 1]
            found.append(f"{word} ({name} {value:.3g}, good is {low:g} to {high:g})")
    return found


def colorfulness(rgb: Floats) -> float:
    """Give Hasler & Süsstrunk's M3 (2003) of display sRGB in [0, 1], on their 0..255 scale."""
    r, g, b = (255.0 * rgb[..., i] for i in range(3))
    rg, yb = r - g, 0.5 * (r + g) - b
    spread = math.hypot(float(rg.std()), float(yb.std()))
    return spread + 0.3 * math.hypot(float(rg.mean()), float(yb.mean()))


def entropy(light: Floats, bins: int = 64) -> float:
    """Give the entropy in bits of the histogram of L over [0, 1]."""
    counts = np.histogram(np.clip(light, 0.0, 1.0), bins=bins, range=(0.0, 1.0))[0]
    p = counts[counts > 0] / light.size
    return float(max(0.0, -(p * np.log2(p)).sum()))


def spectral_slope(light: Floats) -> float:
    """Fit amplitude ~ frequency**-slope from 3 to 90 cycles per picture height.

    A Hann window keeps the picture's borders from counting as edges. A flat picture gives 0.
    """
    h, w = light.shape
    window = np.hanning(h)[:, None] * np.hanning(w)[None, :]
    mean = (light * window).sum() / window.sum()
    amplitude = np.abs(np.fft.rfft2((light - mean) * window))
    cycles = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None, :]) * h
    ring = np.round(cycles).astype(int)
    top = min(90, int(0.35 * h), int(0.35 * w * h / max(h, w)))
    count = np.bincount(ring.ravel())
    total = np.bincount(ring.ravel(), weights=amplitude.ravel())
    at = np.arange(3, max(top, 5) + 1)
    at = at[(at < len(count)) & (count[np.minimum(at, len(count) - 1)] > 0)]
    level = total[at] / count[at]
    if level.size < 2 or level.max() <= 1e-9:
        return 0.0
    x, y = np.log(at), np.log(np.maximum(level, 1e-12))
    x = x - x.mean()
    return float(-(x * y).sum() / (x * x).sum())


def boundary_dimension(light: Floats) -> float:
    """Count boxes of 2 to 32 pixels that the border of the area above the median touches."""
    above = light > np.median(light)
    border = np.zeros(above.shape, dtype=bool)
    border[:, :-1] |= above[:, :-1] != above[:, 1:]
    border[:-1] |= above[:-1] != above[1:]
    if not border.any():
        return 0.0
    sizes = [s for s in (2, 4, 8, 16, 32) if s <= min(light.shape) // 2]
    counts = []
    for size in sizes:
        rows, columns = (np.arange(0, n, size) for n in light.shape)
        boxes = np.logical_or.reduceat(
            np.logical_or.reduceat(border, rows, axis=0), columns, axis=1
        )
        counts.append(boxes.sum())
    x = np.log(sizes) - np.log(sizes).mean()
    return float(-(x * np.log(counts)).sum() / (x * x).sum())


def edge_density(light: Floats, threshold: float = 0.04) -> float:
    """Give the share of pixels where the gradient of L is above `threshold` a pixel."""
    dy, dx = np.gradient(light)
    return float((np.hypot(dx, dy) > threshold).mean())


def clipped_share(rgb: Floats) -> float:
    """Give the share of pixels that are black (≤ 1/255) or white (≥ 254/255) in all channels."""
    black = (rgb <= 1.0 / 255.0 + 1e-6).all(axis=-1)
    white = (rgb >= 254.0 / 255.0 - 1e-6).all(axis=-1)
    return float((black | white).mean())


def activity(light: NDArray[np.floating]) -> Floats:
    """Give the mean |change of L| from frame to frame: [frames - 1] of L [frames, h, w]."""
    return np.asarray(np.abs(np.diff(light, axis=0)).mean(axis=(1, 2), dtype=np.float64))


def flicker(mean_light: ArrayLike, fps: Fraction | float) -> float:
    """Give the share of the mean lightness's movement that is faster than 8 Hz (0 to 1).

    Parameters
    ----------
    mean_light : array_like [frames]
        Mean L of each frame.
    fps : Fraction or float
        Frames per second.
    """
    values = np.asarray(mean_light, dtype=np.float64)
    if values.size < 4:
        return 0.0
    power = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(values.size))) ** 2
    hz = np.fft.rfftfreq(values.size) * float(fps)
    moving = power[hz > 0.2].sum()
    # Rounding noise of a picture that does not move is not flicker.
    if moving <= 1e-12 * values.size**2:
        return 0.0
    return float(power[hz > 8.0].sum() / moving)


def jumps(changes: ArrayLike, cuts: Sequence[int] = (), rate: float = 30.0) -> list[int]:
    """Find frames that jump: activity far above what is usual around them, in them alone.

    A frame's activity is above median + 8 MAD of the four seconds around it, and above three times
    the median of the fifth of a second around it. The first is local, as a film has calm scenes and
    busy ones; the second tells a jump from a transition, which is as strong and takes its time, and
    from a push on a beat, which dies away over several frames.

    Parameters
    ----------
    changes : array_like [frames - 1]
        `activity`; its element i belongs to frame i + 1.
    cuts : sequence of int
        First frames of planned scenes; these and their neighbors are forgiven.
    rate : float
        Frames per second.
    """
    v = np.asarray(changes, dtype=np.float64)
    if v.size == 0:
        return []
    around = 2 * round(0.5 * JUMP_SECONDS * rate) + 1
    median = _running_median(v, around)
    # A floor for the deviation: in an even flow any ripple would else be a jump.
    spread = np.maximum(_running_median(np.abs(v - median), around), 0.05 * median)
    usual = median + 8.0 * np.maximum(spread, 1e-4)
    alone = JUMP_ALONE * _running_median(v, 2 * max(1, round(JUMP_BESIDE * rate)) + 1)
    planned = {cut + d for cut in cuts for d in (-1, 0, 1)}
    at = np.flatnonzero((v > usual) & (v > alone)) + 1
    return [int(frame) for frame in at if int(frame) not in planned]


def _running_median(values: Floats, size: int) -> Floats:
    """Return the median of `size` values around each; the ends are mirrored."""
    return np.asarray(median_filter(values, min(size, 2 * len(values) - 1), mode="reflect"))


def freezes(
    changes: ArrayLike, fps: Fraction | float, sounding: NDArray[np.bool_] | None = None
) -> list[tuple[float, float]]:
    """Find stretches above 1.5 s in which nothing moves while there is sound.

    Parameters
    ----------
    changes : array_like [frames - 1]
        `activity`; frozen is below 0.001.
    fps : Fraction or float
        Frames per second.
    sounding : ndarray of bool [frames - 1], optional
        Where the sound is above its own 20th percentile; everywhere if not given.

    Returns
    -------
    list of (start, end)
        Seconds.
    """
    still = np.asarray(changes) < FREEZE_ACTIVITY
    if sounding is not None:
        still = still & sounding
    edges = np.flatnonzero(np.diff(np.concatenate([[0], still.astype(np.int8), [0]])))
    rate = float(fps)
    runs = [(int(a) / rate, int(b) / rate) for a, b in edges.reshape(-1, 2)]
    return [(start, end) for start, end in runs if end - start > FREEZE_SECONDS]


def dead_frames(contrast: ArrayLike, fades: NDArray[np.bool_] | None = None) -> list[int]:
    """Find frames without a picture: standard deviation of L below 0.03, outside planned fades."""
    dead = np.asarray(contrast) < DEAD_CONTRAST
    if fades is not None:
        dead = dead & ~fades
    return [int(frame) for frame in np.flatnonzero(dead)]


def smoothness(light: NDArray[np.floating]) -> float:
    """Give mean |2nd difference| / mean |1st difference| of L [frames, h, w]; good is ≤ 0.8."""
    if len(light) < 3:
        return 0.0
    first = np.diff(np.asarray(light, dtype=np.float64), axis=0)
    moving = float(np.abs(first).mean())
    return float(np.abs(np.diff(first, axis=0)).mean()) / moving if moving > 1e-9 else 0.0


def _reduced(rgb: ArrayLike) -> Floats:
    """Give the picture as floats in [0, 1], averaged down to about 256 pixels."""
    picture = np.asarray(rgb)
    if picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape[:2]) < 16:
        raise ValueError(f"a picture must be [h, w, 3] with h, w >= 16, got {picture.shape}")
    scale = 255.0 if picture.dtype == np.uint8 else 1.0
    factor = max(1, round(min(picture.shape[:2]) / _PROXY))
    h, w = (n // factor * factor for n in picture.shape[:2])
    # One axis after the other, bytes as integers: ten times as fast as both at once.
    kind = np.uint32 if picture.dtype == np.uint8 else np.float64
    rows = picture[:h, :w].reshape(h // factor, factor, w, 3).sum(axis=1, dtype=kind)
    blocks = rows.reshape(h // factor, w // factor, factor, 3).sum(axis=2, dtype=kind)
    return np.asarray(blocks / (factor * factor) / scale, dtype=np.float64)
