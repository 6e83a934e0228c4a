"""Which sections repeat one another: a small network over pairs, then clusters.

Knows bars and where sections begin; knows nothing of names. Two sections are compared bar by bar
from their beginnings and from their ends, and as a whole. Clusters are joined while the mean log
odds that two sections are the same stay above a threshold (average linkage).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.bar_features import CHANNELS, BarFeatures
from music_analysis.self_similarity import GROUPS
from music_analysis.windows import Floats

ALIGNED: Final = 8  # bars compared one by one
PAIR_INPUTS: Final = 4 * len(GROUPS) + 10
"""Numbers that :func:`pair_evidence` gives for two sections."""
_PAGE: Final = 64  # sections whose pairs are looked at at once


def pair_evidence(bars: BarFeatures, starts: NDArray[np.int64]) -> Floats:
    """Collect what tells whether two sections are the same, [sections, sections, PAIR_INPUTS]."""
    # one by one: two hours may have 700 sections, and a column of their pairs is 4 MB
    out = np.empty((len(starts), len(starts), PAIR_INPUTS), np.float32)
    for number, column in enumerate(_columns(bars, starts)):
        out[..., number] = column
    return out


def _columns(bars: BarFeatures, starts: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
    """Yield PAIR_INPUTS times a number for each pair of sections."""
    n, count = len(bars), len(starts)
    ends = np.append(starts[1:], n)
    lengths = ends - starts
    shared = np.minimum(lengths[:, None], lengths)
    for names in GROUPS:
        rows = [bars.vectors[CHANNELS.index(name)] for name in names]
        rows = [part for part in rows if part.any()]
        if not rows:
            yield from [np.zeros((count, count), np.float32)] * 4
            continue
        joined = np.concatenate(rows, axis=1) / np.float32(np.sqrt(len(rows)))
        for forward in (True, False):
            total = np.zeros((count, count), np.float32)
            for k in range(min(ALIGNED, int(lengths.max()))):
                at = starts + k if forward else ends - 1 - k
                here = joined[np.clip(at, 0, n - 1)] * (k < lengths)[:, None].astype(np.float32)
                total += here @ here.T
                if forward and k == 1:
                    yield total / np.minimum(shared, 2)
            if forward and lengths.max() < 2:
                yield total
            yield total / np.minimum(shared, ALIGNED)
        sums = np.add.reduceat(joined, starts, axis=0) / lengths[:, None].astype(np.float32)
        yield sums @ sums.T
    level = np.add.reduceat(bars.level, starts, axis=0) / lengths[:, None]
    for band in level.T:
        yield np.minimum(np.abs(band[:, None] - band), 2)
    ratio = np.abs(np.log2(lengths[:, None] / lengths))
    short = np.minimum(shared, 16) / 8
    middle = (starts + ends) / (2 * n)
    apart = np.abs(middle[:, None] - middle)
    first = np.equal(starts, 0).astype(np.float32)
    last = np.equal(ends, n).astype(np.float32)
    yield np.minimum(ratio, 3)
    yield short
    yield apart
    edge = first + last
    yield np.maximum(edge[:, None], edge)
    quiet = (level[:, 0] < -2).astype(np.float32)
    yield np.maximum(quiet[:, None], quiet)
    yield np.minimum(quiet[:, None], quiet)


def pair_logits(evidence: Floats, weights: dict[str, Floats]) -> Floats:
    """Log odds that two sections have the same label, [sections, sections], symmetric."""
    out = np.empty(evidence.shape[:2], np.float32)
    for first in range(0, len(evidence), _PAGE):
        page = evidence[first : first + _PAGE]
        hidden = np.maximum(page @ weights["p1.weight"] + weights["p1.bias"], 0)
        out[first : first + _PAGE] = (hidden @ weights["p2.weight"] + weights["p2.bias"])[..., 0]
    return np.float32(0.5) * (out + out.T)


def clusters(
    logits: Floats, sizes: Floats, thresholds: tuple[float, ...]
) -> list[NDArray[np.int64]]:
    """Cluster numbers [sections] at each threshold (descending), in order of first appearance.

    Clusters at a lower threshold are unions of those at a higher one. ``sizes`` weigh sections.
    """
    count = len(logits)
    weight = sizes.astype(np.float64)
    mean = logits.astype(np.float64)
    np.fill_diagonal(mean, -np.inf)
    member = np.arange(count)
    found: list[NDArray[np.int64]] = []
    for threshold in thresholds:
        while count > 1:
            k = int(mean.argmax())
            a, b = sorted(divmod(k, count))
            if mean[a, b] <= threshold:
                break
            joined = (weight[a] * mean[a] + weight[b] * mean[b]) / (weight[a] + weight[b])
            mean[a], mean[:, a] = joined, joined
            mean[b], mean[:, b], mean[a, a] = -np.inf, -np.inf, -np.inf
            weight[a] += weight[b]
            member[member == b] = a
        _, first, inverse = np.unique(member, return_index=True, return_inverse=True)
        order = np.empty(len(first), np.int64)
        order[np.argsort(first)] = np.arange(len(first))
        found.append(order[inverse])
    return found
