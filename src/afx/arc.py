"""An arc for music without sections: a beginning, a development and a close.

Boundaries come from the structural novelty, lie on bars where there are any, and leave every look
time to be seen. Parts that sound alike share a look; there are never more than a few, however long
the music, and long parts are divided into variations. Knows the features; knows no looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from afx.cutting import SCENES, Lengths, best_cuts, nearest
from afx.shot import Part
from afx.sources import SURE, Features

NEAR = 2.0
"""Farthest a boundary may be moved to fall on a bar, in seconds."""
RETURNS = 0.8
"""Cosine between two parts' deviations from the piece from which one is the other come back."""
MOST = 5
"""Looks in an arc."""
LONG = 60.0
"""Seconds from which a part is divided into variations."""
KINDS = 3
"""Variations of a look that take turns in a long part."""


def boundaries(features: Features, lengths: Lengths = SCENES) -> list[tuple[float, float]]:
    """Return where looks may change: (seconds, novelty there), inside the piece, rising.

    The choice among all bars (half seconds, where there are none) that gathers the most novelty.
    """
    duration = features.frames / float(features.fps)
    if duration < 2.0 * lengths.shortest:
        return []
    places, worth = _worths(features, duration)
    return best_cuts(places, worth, 0.0, duration, lengths)


def arc(features: Features) -> list[Part]:
    """Divide a piece into parts: all of it, without gaps, none shorter than a look should be."""
    fps = float(features.fps)
    duration = features.frames / fps
    lengths = Lengths(
        max(SCENES.shortest, duration / 8.0),
        max(SCENES.comfort, duration / 4.5),
        max(SCENES.longest, duration / 2.5),
    )
    cuts = boundaries(features, lengths)
    edges = [0.0, *(time for time, _ in cuts), duration]
    spans = list(pairwise(edges))
    casts = _casts(features, spans)
    found = []
    for i, ((start, end), cast) in enumerate(zip(spans, casts, strict=True)):
        inner: list[tuple[float, float]] = []
        if end - start > LONG:
            places, worth = _worths(features, duration)
            inner = best_cuts(places, worth, start, end, Lengths(20.0, 36.0, 60.0))
        marks = [(start, cuts[i - 1][1] if i else 0.0), *inner, (end, 0.0)]
        for k, ((a, novelty), (b, _)) in enumerate(pairwise(marks)):
            found.append(Part(a, b, cast, k % KINDS, novelty=min(novelty, 1.0)))
    return found


def _casts(features: Features, spans: Sequence[tuple[float, float]]) -> list[int]:
    """Give each part a number, one to those that sound alike, and few in all."""
    alike = _alike(features, spans)
    casts: list[int] = []
    twins = 0
    for i in range(len(spans)):
        old = [j for j in range(i) if casts[j] != casts[-1] and alike[i, j] > RETURNS]
        if not old and len(set(casts)) == MOST:
            old = [j for j in range(i) if casts[j] != casts[-1]]
        else:
            twins += bool(old)
        casts.append(casts[max(old, key=lambda j: alike[i, j])] if old else len(set(casts)))
    if len(casts) >= 4 and not twins and casts[-2] != casts[0]:
        # Nothing has come back: the close does, and the circle is closed.
        casts[-1] = casts[0]
    return casts


def _worths(features: Features, duration: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times at which a look may change, and the novelty near each."""
    places = _places(features, duration)
    worth = np.zeros(len(places))
    novelty = features.tracks.get("novelty")
    if novelty is not None and len(places):
        padded = np.concatenate([[-1.0], novelty, [-1.0]])
        peaks = np.flatnonzero((novelty > padded[:-2]) & (novelty >= padded[2:]))
        times = peaks / float(features.fps)
        at = nearest(places, times)
        near = np.abs(places[at] - times) <= NEAR
        np.maximum.at(worth, at[near], novelty[peaks[near]].astype(np.float64))
    return places, worth


def _places(features: Features, duration: float) -> NDArray[np.float64]:
    """Return the times at which a look may change: bars, and half seconds far from any bar."""
    low, high = SCENES.shortest, duration - SCENES.shortest
    grid = np.arange(low, high + 1e-9, 0.5)
    bars = features.beats.downbeats if features.beats.confidence >= SURE else np.zeros(0)
    bars = bars[(bars >= low) & (bars <= high)]
    if not len(bars):
        return grid
    far = np.abs(bars[nearest(bars, grid)] - grid) > 4.0
    return np.sort(np.concatenate([bars, grid[far]]))


def _alike(features: Features, parts: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return how alike parts sound, [parts, parts]: cosine of their deviations from the piece.

    Deviations, as all music is alike in its absolute levels; small ones count for little.
    """
    fps = float(features.fps)
    rows = []
    for name in sorted(features.tracks):
        if name.endswith((".phase", ".pulse", ".conf")) or name == "novelty":
            continue
        track = features.tracks[name]
        means = [
            float(np.mean(track[int(a * fps) : max(int(b * fps), int(a * fps) + 1)], dtype=float))
            for a, b in parts
        ]
        rows.append((np.array(means) - np.mean(means)) / (float(np.std(track)) + 0.05))
    if not rows:
        return np.zeros((len(parts), len(parts)))
    vectors = np.stack(rows, axis=1)
    length = np.linalg.norm(vectors, axis=1)
    # Rounded, so that the order in which another machine adds never decides what is alike.
    return np.asarray(np.round(vectors @ vectors.T / (np.outer(length, length) + 0.1), 9))
