"""How alike the bars of a song are, and where that tells of a new section.

Knows vectors of bars (:mod:`music_analysis.bar_features`); knows nothing of names or probability.
Similarity is the cosine of two bars' vectors; a repetition is a diagonal of high similarity. Three
things tell of a boundary (Nieto et al. 2020, "Audio-based music structure analysis: current trends,
open challenges, and applications"): novelty, where blocks meet at their corners (Foote 2000,
"Automatic audio segmentation using a measure of audio novelty"); repetition, where diagonals begin
and end (Serrà et al. 2012, "Unsupervised detection of music boundaries by time series structure
features"); and homogeneity, which the blocks before and after show.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.bar_features import CHANNELS, SLOTS, BarFeatures
from music_analysis.windows import Floats

Places = NDArray[np.int64]

SPAN: Final = 4  # bars: how far a repetition is followed to either side of a bar line
_NEAR: Final = 3  # bars: closer than this is the same passage, not a repetition
_SIZES: Final = (2, 4, 8)  # bars to either side: novelty
_LAGS: Final = (1, 2, 4, 8, 16)  # bars
GROUPS: Final = (("harmony", "chords", "bass"), ("melody",), ("timbre", "rhythm"))
"""Channels whose similarities are averaged."""
INPUTS: Final = len(GROUPS) * (len(_SIZES) + 2 * len(_LAGS) + 5) + 9 + SLOTS * 5 + 4
"""Numbers that :func:`evidence` gives for every bar line."""


def similarities(bars: BarFeatures) -> Floats:
    """Cosines of the bars, [groups, n, n] in [−1, 1]."""
    out = np.zeros((len(GROUPS), len(bars), len(bars)), np.float32)
    for k, names in enumerate(GROUPS):
        used = [bars.vectors[CHANNELS.index(name)] for name in names]
        used = [rows for rows in used if rows.any()]
        for rows in used:
            out[k] += rows @ rows.T
        if used:
            out[k] /= len(used)
    return out


def along_diagonals(similarity: Floats, span: int = SPAN) -> tuple[Floats, Floats]:
    """Means of ``span`` bars from each pair of bar lines on, and before it, [..., n, n].

    Beyond either end of the song nothing is like anything (0).
    """
    n = similarity.shape[-1]
    onward = np.zeros_like(similarity)
    back = np.zeros_like(similarity)
    for k in range(min(span, n)):
        onward[..., : n - k, : n - k] += similarity[..., k:, k:]
        if k + 1 < n:
            back[..., k + 1 :, k + 1 :] += similarity[..., : n - k - 1, : n - k - 1]
    onward /= span
    back /= span
    return onward, back


def novelty(similarity: Floats, size: int) -> Floats:
    """How much unlike what follows is what came before each bar line, [..., n], 0 to about 2.

    The mean similarity inside the ``size`` bars before and inside those after, less that between.
    """
    n = similarity.shape[-1]
    sums = np.zeros((*similarity.shape[:-2], n + 1, n + 1), np.float64)
    np.cumsum(np.cumsum(similarity, axis=-1, dtype=np.float64), axis=-2, out=sums[..., 1:, 1:])
    middle = np.arange(n)
    low, high = np.maximum(middle - size, 0), np.minimum(middle + size, n)

    def block(a: Places, b: Places, c: Places, d: Places) -> NDArray[np.float64]:
        area = np.maximum((b - a) * (d - c), 1)
        total = sums[..., b, d] - sums[..., a, d] - sums[..., b, c] + sums[..., a, c]
        return total / area

    before, after = block(low, middle, low, middle), block(middle, high, middle, high)
    cross = block(low, middle, middle, high)
    out: Floats = np.maximum(0.5 * (before + after) - cross, 0).astype(np.float32)
    out[..., 0] = 0
    return out


def evidence(bars: BarFeatures, similarity: Floats, onward: Floats, back: Floats) -> Floats:
    """Collect what tells of a boundary at each bar's beginning, [n, INPUTS], about 0 ± 1."""
    n = len(bars)
    columns: list[NDArray[Any]] = []
    for size in _SIZES:
        columns.extend(2 * novelty(similarity, size))
    index = np.arange(n)
    for lag in _LAGS:
        later, earlier = np.minimum(index + lag, n - 1), np.maximum(index - lag, 0)
        for matrix in onward:
            columns.append(np.where(index + lag < n, matrix[index, later], 0))
            columns.append(np.where(index >= lag, matrix[index, earlier], 0))
    far = np.abs(index[:, None] - index) >= _NEAR
    for ahead, behind in zip(onward, back, strict=True):
        repeats, repeated = np.where(far, ahead, -1), np.where(far, behind, -1)
        columns.append(repeats.max(axis=1))
        columns.append(repeated.max(axis=1))
        begins = np.where(far & (ahead > 0), ahead - behind, -1)
        ends = np.where(far & (behind > 0), behind - ahead, -1)
        columns.append(begins.max(axis=1))
        columns.append(ends.max(axis=1))
        columns.append(np.square(np.maximum(begins, 0)).sum(axis=1) / 4)
    columns.extend(bars.level.T)
    change = np.diff(bars.level, axis=0, prepend=bars.level[:1])
    columns.extend(np.clip(change, -2, 2).T)
    columns.append(bars.sounding.astype(np.float32))
    columns.extend(np.minimum(bars.flux, 6).reshape(n, -1).T / 2)
    columns.extend(bars.register.reshape(n, -1).T)
    lengths = np.diff(bars.borders)
    typical = float(np.median(lengths))
    columns.append(np.clip(np.log2(np.maximum(lengths, 1e-3) / typical), -2, 2))
    columns.append(np.full(n, np.log2(typical / 2)))
    columns.append(np.minimum(index, 16) / 16)
    columns.append(np.minimum(n - index, 16) / 16)
    out: Floats = np.clip(np.stack(columns, axis=1), -4, 4).astype(np.float32)
    return out
