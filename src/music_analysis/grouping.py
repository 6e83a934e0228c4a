"""Which sections repeat one another: a small network over pairs, then clusters.

Knows bars and where sections begin; knows nothing of names. Two sections are compared bar by bar
from their beginnings and from their ends, and as a whole. Clusters are joined while the mean log
odds that two sections are the same stay above a threshold (average linkage).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.bar_features import CHANNELS, BarFeatures
from music_analysis.self_similarity import GROUPS
from music_analysis.windows import Floats

ALIGNED: Final = 8  # bars compared one by one
PAIR_INPUTS: Final = 4 * len(GROUPS) + 10
"""Numbers that :func:`pair_evidence` gives for two sections."""


def pair_evidence(bars: BarFeatures, starts: NDArray[np.int64]) -> Floats:
    """Collect what tells whether two sections are the same, [sections, sections, PAIR_INPUTS]."""
    n, count = len(bars), len(starts)
    ends = np.append(starts[1:], n)
    lengths = ends - starts
    columns: list[NDArray[Any]] = []
    shared = np.minimum(lengths[:, None], lengths)
    for names in GROUPS:
        rows = [bars.vectors[CHANNELS.index(name)] for name in names]
        rows = [part for part in rows if part.any()]
        if not rows:
            columns.extend([np.zeros((count, count), np.float32)] * 4)
            continue
        joined = np.concatenate(rows, axis=1) / np.float32(np.sqrt(len(rows)))
        for forward in (True, False):
            total = np.zeros((count, count), np.float32)
            for k in range(min(ALIGNED, int(lengths.max()))):
                at = starts + k if forward else ends - 1 - k
                here = joined[np.clip(at, 0, n - 1)] * (k < lengths)[:, None].astype(np.float32)
                total += here @ here.T
                if forward and k == 1:
                    columns.append(total / np.minimum(shared, 2))
            if forward and lengths.max() < 2:
                columns.append(total.copy())
            columns.append(total / np.minimum(shared, ALIGNED))
        sums = np.add.reduceat(joined, starts, axis=0) / lengths[:, None].astype(np.float32)
        columns.append(sums @ sums.T)
    level = np.add.reduceat(bars.level, starts, axis=0) / lengths[:, None]
    columns.extend(np.minimum(np.abs(level[:, None] - level), 2).transpose(2, 0, 1))
    ratio = np.abs(np.log2(lengths[:, None] / lengths))
    short = np.minimum(shared, 16) / 8
    middle = (starts + ends) / (2 * n)
    apart = np.abs(middle[:, None] - middle)
    first = np.equal(starts, 0).astype(np.float32)
    last = np.equal(ends, n).astype(np.float32)
    columns.extend([np.minimum(ratio, 3), short, apart])
    edge = first + last
    columns.append(np.maximum(edge[:, None], edge))
    quiet = (level[:, 0] < -2).astype(np.float32)
    columns.append(np.maximum(quiet[:, None], quiet))
    columns.append(np.minimum(quiet[:, None], quiet))
    out: Floats = np.stack(columns, axis=2).astype(np.float32)
    return out


def pair_logits(evidence: Floats, weights: dict[str, Floats]) -> Floats:
    """Log odds that two sections have the same label, [sections, sections], symmetric."""
    hidden = np.maximum(evidence @ weights["p1.weight"] + weights["p1.bias"], 0)
    out: Floats = (hidden @ weights["p2.weight"] + weights["p2.bias"])[..., 0]
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
