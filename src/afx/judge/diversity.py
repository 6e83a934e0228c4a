"""C10: what a picture looks like as a vector, and how different many pictures are.

The vector needs no trained model: an 8×8 thumbnail in OKLab, a histogram of 24 hues, the energy in
six directions at four scales (Gabor filters), and the spectrum over scales. Each of the four is of
length 1, so each has an equal say. Serves the frames of a video and a library of looks alike.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

THUMB, HUES, DIRECTIONS, SCALES, RINGS = 8, 24, 6, 4, 16
INVENTIVE = (0.6, 0.97)
"""Good band of `invention`: below it noise, above it a picture that only repeats itself."""
MOST = 600
"""Pictures that are compared with one another, at most: evenly chosen from more."""


def embed(lab: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what a picture looks like: a vector of length 1.

    Parameters
    ----------
    lab : array [h, w, 3]
        OKLab, at least 16 pixels each way.
    """
    values = np.asarray(lab, dtype=np.float64)
    parts = (_thumb(values), _hues(values), *_textures(values[..., 0]))
    scaled = [part / max(float(np.linalg.norm(part)), 1e-9) for part in parts]
    return (np.concatenate(scaled) / math.sqrt(len(parts))).astype(np.float32)


def vendi(vectors: NDArray[np.floating]) -> float:
    """Return how many different pictures there are in effect: 1 to n.

    The Vendi score (Friedman & Dieng 2022): exp of the entropy of the eigenvalues of the matrix of
    similarities over n.

    Parameters
    ----------
    vectors : array [n, d]
        Of length 1.
    """
    rows = _some(vectors)
    if not len(rows):
        return 0.0
    values = np.linalg.eigvalsh(rows @ rows.T / len(rows))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def illumination(vectors: NDArray[np.floating]) -> float:
    """Return 1 − mean of each picture's nearest cosine (Kumar et al. 2024, ASAL): 0 all alike."""
    rows = _some(vectors)
    if len(rows) < 2:
        return 0.0
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -1.0)
    return float(1.0 - cosines.max(axis=1).mean())


def invention(vectors: NDArray[np.floating]) -> float:
    """Return how much of a film was there before: mean over time of the nearest earlier cosine.

    After ASAL's open-endedness; lower keeps inventing.

    Parameters
    ----------
    vectors : array [n, d]
        In order of time, of length 1.
    """
    rows = _some(vectors)
    if len(rows) < 2:
        return 1.0
    cosines = rows @ rows.T
    cosines[np.triu_indices(len(rows))] = -1.0
    return float(cosines[1:].max(axis=1).mean())


def _some(vectors: NDArray[np.floating]) -> Floats:
    rows = np.asarray(vectors, dtype=np.float64)
    if len(rows) <= MOST:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, MOST).round().astype(int)])


def _thumb(lab: Floats) -> Floats:
    h, w = lab.shape[:2]
    ys, xs = np.arange(THUMB) * h // THUMB, np.arange(THUMB) * w // THUMB
    sums = np.add.reduceat(np.add.reduceat(lab, ys, axis=0), xs, axis=1)
    sizes = np.outer(np.diff(np.append(ys, h)), np.diff(np.append(xs, w)))
    # Middle gray is the origin, and color counts as much as lightness.
    centered = (sums / sizes[..., None] - np.array([0.5, 0.0, 0.0])) * np.array([1.0, 2.0, 2.0])
    return np.asarray(centered.ravel())


def _hues(lab: Floats) -> Floats:
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    turns = np.arctan2(lab[..., 2], lab[..., 1]) / (2.0 * np.pi) % 1.0
    bins = np.minimum((turns * HUES).astype(int), HUES - 1)
    counts = np.bincount(bins.ravel(), weights=chroma.ravel(), minlength=HUES)
    # Neighbors share what lies near their border.
    return np.asarray(0.5 * counts + 0.25 * (np.roll(counts, 1) + np.roll(counts, -1)))


def _textures(light: Floats) -> tuple[Floats, Floats]:
    """Return Gabor energies and the spectrum over rings, as amplitudes."""
    h, w = light.shape
    window, gabor, rings = _filters(h, w)
    mean = float((light * window).sum() / window.sum())
    power = np.abs(np.fft.rfft2((light - mean) * window)).ravel() ** 2
    return np.sqrt(gabor @ power), np.sqrt(rings @ power)


@functools.lru_cache(maxsize=8)
def _filters(h: int, w: int) -> tuple[Floats, Floats, Floats]:
    """Return a window and the weights of frequencies in each Gabor filter and ring."""
    window = np.hanning(h)[:, None] * np.hanning(w)[None, :]
    fy = np.fft.fftfreq(h)[:, None] * h  # cycles over the picture's height
    fx = np.fft.rfftfreq(w)[None, :] * h
    cycles, angle = np.hypot(fy, fx), np.arctan2(fy, fx)
    octave = np.log2(np.maximum(cycles, 1e-6))
    gabor = []
    for scale in range(SCALES):
        along = np.exp(-0.5 * ((octave - 1.5 - scale) / 0.5) ** 2)  # 2.8 to 23 cycles
        for direction in range(DIRECTIONS):
            off = (angle - np.pi * direction / DIRECTIONS + 0.5 * np.pi) % np.pi - 0.5 * np.pi
            gabor.append((along * np.exp(-0.5 * (off / (0.5 * np.pi / DIRECTIONS)) ** 2)).ravel())
    edges = np.geomspace(1.0, 0.5 * h, RINGS + 1)
    means = []
    for low, high in itertools.pairwise(edges):
        ring = ((cycles >= low) & (cycles < high)).ravel()
        # A mean, not a sum; and times the frequency, as amplitudes of any picture fall with it:
        # else all of them would look alike for their coarsest waves.
        means.append(ring * (low * high / max(int(ring.sum()), 1)))
    return window, np.array(gabor), np.array(means)
