"""C5: whether the sections of the music can be seen.

Knows vectors of what the picture looks like, at even times, and the form of the music; both on the
clock of the video.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

Floats = NDArray[np.float64]

ALIKE = 0.3
"""Correlation of the distances from which the form is seen: the form itself, shown without a flaw
(one picture for each label), reaches 0.35 to 0.5 with real songs, and 0 when it is shifted."""
HIT = 0.7
"""F of boundaries from which they are seen."""
DISTANCE = 0.7
"""Distance of repeated sections over that of different ones below which repetition is seen."""
TOLERANCE = 3.0
"""Seconds by which a change of the picture may miss a boundary."""
HALF = 8.0
"""Seconds on either side that are compared for novelty (Foote 2000)."""
APART = 6.0
"""Seconds between changes of the picture, at least."""
SHORTEST = 4.0
"""Seconds: sections that are shorter do not count."""
PHRASE = 4
"""Bars over which sound and sight are averaged before they are compared: what is one bar alone is
harmony and drums, and no form."""
_FLOOR = 0.01  # novelty (of cosines) below which nothing has changed


@dataclass(frozen=True)
class Part:
    """A section: start and end in seconds of the video, its label and what it repeats."""

    start: float
    end: float
    label: str
    group: int


@dataclass(frozen=True)
class Form:
    """How the picture's form meets the music's; None where it cannot be told.

    Attributes
    ----------
    alike : float or None
        Correlation of the distances of phrases, heard and seen.
    hit : float or None
        F of boundaries within 3 s; how many would be hit by chance is `hit_chance`.
    hit_chance : float
    distance : float or None
        Mean distance of sections that repeat one another, over that of different ones.
    novelty : float64 [n]
        How much the picture changes around each vector, 0 to 1.
    changes : tuple of float
        Seconds at which it changes most.
    """

    alike: float | None
    hit: float | None
    hit_chance: float
    distance: float | None
    novelty: Floats
    changes: tuple[float, ...]


def compare(
    vectors: NDArray[np.floating],
    step: float,
    parts: Sequence[Part],
    borders: NDArray[np.float64],
    sounds: NDArray[np.floating],
) -> Form:
    """Compare the form of a picture with that of its music.

    Parameters
    ----------
    vectors : array [n, d]
        What the picture looks like (`afx.judge.diversity.embed`) every `step` seconds from 0.
    step : float
    parts : sequence of Part
    borders : float64 [b + 1]
        Borders of bars on the clock of the video.
    sounds : array [n, k]
        What the music is like (levels, timbre, harmony) at the times of the vectors.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    seconds = len(rows) * step
    curve = novelty(rows, step)
    changes = tuple(float(t) for t in peaks(curve, step))
    inner = [p.start for p in parts[1:] if TOLERANCE < p.start < seconds - TOLERANCE]
    hit, by_chance = None, 0.0
    if inner:
        hit = hit_rate(inner, changes)
        turns = np.arange(1, 40) / 40 * seconds
        by_chance = float(
            np.mean([hit_rate(inner, sorted((t + d) % seconds for t in changes)) for d in turns])
        )
    return Form(
        alike=_alike(rows, step, borders, np.asarray(sounds, dtype=np.float64)),
        hit=hit,
        hit_chance=by_chance,
        distance=_distance(rows, step, parts),
        novelty=np.clip(curve / max(float(curve.max(initial=0.0)), 20 * _FLOOR), 0.0, 1.0),
        changes=changes,
    )


def novelty(rows: Floats, step: float) -> Floats:
    """Return how much each moment parts what was before from what comes: [n].

    The mean cosine within the past and within the future, less that between them, with a Gaussian
    that fades towards the ends of the kernel. The ends of the film look at what there is.
    """
    n, half = len(rows), max(1, round(HALF / step))
    fade = np.exp(-0.5 * ((np.arange(half) + 0.5) / (0.5 * half)) ** 2)
    found = np.zeros(n)
    for k in range(1, n):
        before, after = rows[max(0, k - half) : k], rows[k : k + half]
        left, right = fade[: len(before)][::-1], fade[: len(after)]
        # Weighted means of vectors: their products are the weighted means of all cosines.
        past = left @ before / left.sum()
        future = right @ after / right.sum()
        found[k] = 0.5 * float(((past - future) ** 2).sum())
    # A few frames are no past to speak of.
    edge = min(half // 4, n // 2)
    found[:edge] = found[n - edge :] = 0.0
    return found


def peaks(curve: Floats, step: float) -> Floats:
    """Return when a curve of novelty peaks, in seconds."""
    if not len(curve):
        return np.zeros(0)
    height = max(_FLOOR, float(curve.mean() + 0.5 * curve.std()))
    found, _ = find_peaks(
        curve, height=height, prominence=0.5 * height, distance=max(1, round(APART / step))
    )
    return np.asarray(found * step)


def hit_rate(these: Sequence[float], those: Sequence[float]) -> float:
    """Return F of two series of times, each time used once, within the tolerance."""
    if not these or not those:
        return 0.0
    taken: set[int] = set()
    hits = 0
    for time in these:
        near = sorted((abs(other - time), k) for k, other in enumerate(those) if k not in taken)
        if near and near[0][0] <= TOLERANCE:
            taken.add(near[0][1])
            hits += 1
    return 2.0 * hits / (len(these) + len(those))


def _between(rows: Floats, step: float, start: float, end: float) -> Floats | None:
    """Return the mean vector of a stretch, or None where there is none."""
    first, last = round(start / step), round(end / step)
    part = rows[max(0, first) : max(first + 1, last)]
    return np.asarray(part.mean(axis=0)) if len(part) and first >= 0 else None


def _alike(rows: Floats, step: float, borders: Floats, sounds: Floats) -> float | None:
    """Return the correlation of the distances of phrases, heard and seen."""
    seconds = len(rows) * step + step
    inside = [(max(0.0, a), b) for a, b in itertools.pairwise(borders) if a > -0.1 and b <= seconds]
    pairs = [(_between(rows, step, *bar), _between(sounds, step, *bar)) for bar in inside]
    both = [(seen, heard) for seen, heard in pairs if seen is not None and heard is not None]
    if len(both) < 2 * PHRASE:
        return None
    seen, heard = (np.stack(side) for side in zip(*both, strict=True))
    # Tracks of one unit each; what never changes says nothing.
    spread = heard.std(axis=0)
    heard = heard[:, spread > 1e-6] / spread[spread > 1e-6]
    x, y = _distances(heard), _distances(seen)
    if x.std() < 1e-6 or y.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _distances(bars: Floats) -> Floats:
    """Return the distances of all pairs of phrases around bars [b, d]: [b (b − 1) / 2]."""
    phrases = uniform_filter1d(bars, PHRASE, axis=0, mode="nearest")
    power = (phrases**2).sum(axis=1)
    squares = power[:, None] + power[None] - 2.0 * phrases @ phrases.T
    return np.asarray(np.sqrt(np.maximum(squares[np.triu_indices(len(bars), 1)], 0.0)))


def _distance(rows: Floats, step: float, parts: Sequence[Part]) -> float | None:
    known = []
    for part in parts:
        end = min(part.end, len(rows) * step)
        if part.label != "N" and part.start >= -0.1 and end - part.start >= SHORTEST:
            vector = _between(rows, step, max(0.0, part.start), end)
            if vector is not None:
                known.append((part.group, vector))
    same: list[float] = []
    other: list[float] = []
    for k, (group, vector) in enumerate(known):
        for group2, vector2 in known[k + 1 :]:
            (same if group == group2 else other).append(float(np.linalg.norm(vector - vector2)))
    if not same or not other:
        return None
    return float(np.mean(same) / max(float(np.mean(other)), 1e-9))
