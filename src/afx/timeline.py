"""The timeline: which look is shown when, and why.

Looks change where the music changes: boundaries come from the structural novelty, lie on bars, and
leave every look time to be seen. Each part gets the look that suits it; a part that comes back
brings its look back. Knows the analysis and what looks suit; knows nothing of knob values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.look import Look
from afx.patterns import Pattern
from afx.sources import SURE, Features

SHORTEST, LONGEST = 12.0, 40.0
"""Seconds for which a look is shown."""
COMFORT = 24.0
"""Where nothing speaks for another length, scenes are about this long, in seconds."""
CUT_COST = 0.35
"""Novelty (0..1) below which a boundary is not worth a cut."""
NEAR = 2.0
"""Farthest a boundary may be moved to fall on a bar, in seconds."""
RETURNS = 0.8
"""Cosine between two parts' deviations from the piece from which one is the other come back."""
FAMILY_COST, CHANCE = 0.25, 0.25
"""What a look of the family just seen costs, and how far chance decides, in suit distance."""


class Summary(Protocol):
    """The part of a summary of some seconds of music that is read here."""

    @property
    def energy(self) -> float:
        """From 0 calm to 1 full force."""

    @property
    def brightness(self) -> float:
        """From 0 dark to 1 bright."""

    @property
    def tempo(self) -> float | None:
        """Beats per minute."""

    @property
    def tempo_confidence(self) -> float:
        """How sure the tempo is, 0 to 1."""


Summarize = Callable[[Any, int, int], Summary]
"""``summarize(features, first, last)`` for the frames [first, last)."""


@dataclass(frozen=True)
class Shot:
    """One look on the timeline.

    Attributes
    ----------
    look : Look
    seed : int
        The same for parts that are alike.
    start, end : float
        Seconds in the music, boundary to boundary.
    why : str
        For people.
    novelty : float
        How much the music changes where the shot begins, 0 to 1.
    """

    look: Look
    seed: int
    start: float
    end: float
    why: str
    novelty: float = 0.0


def plan(
    features: Features,
    looks: Sequence[Look],
    *,
    seed: int,
    patterns: Mapping[str, Pattern],
    summarize: Summarize,
) -> tuple[Shot, ...]:
    """Lay looks along the music.

    With one look there is one shot. Shots follow one another without gaps from 0 to the end; with
    several, none is shorter than `SHORTEST`.
    """
    duration = features.frames / float(features.fps)
    cuts = boundaries(features) if len(looks) > 1 else []
    edges = [0.0, *(time for time, _ in cuts), duration]
    parts = list(pairwise(edges))
    alike = _alike(features, parts)
    # Another song is dealt other chances, so that songs alike in sound do not all look alike.
    chance = generator(seed, f"timeline.looks.{features.frames}").random((len(parts), len(looks)))
    used = [0] * len(looks)
    chosen: list[int] = []
    labels: list[int] = []
    shots = []
    for i, (start, end) in enumerate(parts):
        before = chosen[-1] if chosen else None
        twin = _twin(alike[i], chosen)
        if len(looks) == 1:
            best, label, why = 0, 0, "the only look"
        elif twin is not None:
            best, label = chosen[twin], labels[twin]
            why = f"sounds like the part at {_clock(parts[twin][0])}"
        else:
            rows = _rows(start, end, float(features.fps))
            summary = summarize(features, rows.start, rows.stop)
            costs = [
                distance(look, summary)
                + FAMILY_COST * _same_family(look, looks, before, patterns)
                + CHANCE * chance[i, j]
                for j, look in enumerate(looks)
            ]
            # No look twice before all were seen, none twice in a row.
            free = [j for j in range(len(looks)) if j != before]
            fewest = min(used[j] for j in free)
            best = min((j for j in free if used[j] == fewest), key=lambda j: costs[j])
            label, why = i, f"suits {_words(summary)}"
        used[best] += 1
        chosen.append(best)
        labels.append(label)
        own = int(generator(seed, f"scene.{label}").integers(2**31))
        novelty = cuts[i - 1][1] if i else 0.0
        shots.append(Shot(looks[best], own, start, end, why, novelty))
    return tuple(shots)


def boundaries(features: Features) -> list[tuple[float, float]]:
    """Return where looks may change: (seconds, novelty there), inside the piece, rising.

    The choice among all bars (half seconds, where there are none) that gathers the most novelty
    while keeping every part between `SHORTEST` and about `LONGEST`: exact, by dynamic programming.
    """
    fps, frames = float(features.fps), features.frames
    duration = frames / fps
    if duration < 2.0 * SHORTEST:
        return []
    places = _places(features, duration)
    worth = np.zeros(len(places))
    novelty = features.tracks.get("novelty")
    if novelty is not None:
        padded = np.concatenate([[-1.0], novelty, [-1.0]])
        peaks = np.flatnonzero((novelty > padded[:-2]) & (novelty >= padded[2:]))
        nearest = _nearest(places, peaks / fps)
        near = np.abs(places[nearest] - peaks / fps) <= NEAR
        np.maximum.at(worth, nearest[near], novelty[peaks[near]].astype(np.float64))
    times = np.concatenate([[0.0], places, [duration]])
    gain = np.concatenate([[0.0], worth - CUT_COST, [0.0]])
    best = np.full(len(times), -np.inf)
    best[0] = 0.0
    came = np.zeros(len(times), dtype=np.int64)
    # Half as long again as the longest may be needed; it is priced, not forbidden.
    lows = np.searchsorted(times, times - 1.5 * LONGEST)
    highs = np.searchsorted(times, times - SHORTEST + 1e-9, side="right")
    for j in range(1, len(times)):
        low, high = int(lows[j]), int(highs[j])
        if low >= high:
            continue
        length = times[j] - times[low:high]
        cost = 0.15 * ((length - COMFORT) / (LONGEST - COMFORT)) ** 2
        cost += 0.5 * np.maximum(length - LONGEST, 0.0)
        scores = best[low:high] - cost
        k = int(np.argmax(scores))
        best[j], came[j] = scores[k] + gain[j], low + k
    cuts = []
    at = int(came[-1]) if np.isfinite(best[-1]) else 0
    while at > 0:
        cuts.append((float(times[at]), float(worth[at - 1])))
        at = int(came[at])
    return cuts[::-1]


def distance(look: Look, summary: Summary) -> float:
    """Return how far a look is from suiting some music: 0 fits, 1 does not."""
    suits = look.suits
    octaves = 0.0
    if summary.tempo:
        octaves = min(abs(float(np.log2(summary.tempo / suits.tempo))), 1.0)
    return float(
        np.hypot(
            np.hypot(summary.energy - suits.energy, 0.7 * (summary.brightness - suits.brightness)),
            0.5 * octaves * summary.tempo_confidence,
        )
    )


def _places(features: Features, duration: float) -> NDArray[np.float64]:
    """Return the times at which a look may change: bars, and half seconds far from any bar."""
    grid = np.arange(SHORTEST, duration - SHORTEST + 1e-9, 0.5)
    bars = features.beats.downbeats if features.beats.confidence >= SURE else np.zeros(0)
    bars = bars[(bars >= SHORTEST) & (bars <= duration - SHORTEST)]
    if not len(bars):
        return grid
    far = np.abs(bars[_nearest(bars, grid)] - grid) > 4.0
    return np.sort(np.concatenate([bars, grid[far]]))


def _nearest(places: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    right = np.clip(np.searchsorted(places, times), 1, max(len(places) - 1, 1))
    right = np.minimum(right, len(places) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(times - places[left] <= places[right] - times, left, right)


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
        means = [float(np.mean(track[_rows(a, b, fps)], dtype=np.float64)) for a, b in parts]
        rows.append((np.array(means) - np.mean(means)) / (float(np.std(track)) + 0.05))
    if not rows:
        return np.zeros((len(parts), len(parts)))
    vectors = np.stack(rows, axis=1)
    length = np.linalg.norm(vectors, axis=1)
    return np.asarray(vectors @ vectors.T / (np.outer(length, length) + 0.1))


def _rows(start: float, end: float, fps: float) -> slice:
    first = int(start * fps)
    return slice(first, max(int(end * fps), first + 1))


def _twin(alike: NDArray[np.float64], chosen: Sequence[int]) -> int | None:
    """Return the earlier part most like this one, if it is like it and its look is not on now."""
    old = [j for j in range(len(chosen)) if chosen[j] != chosen[-1] and alike[j] > RETURNS]
    return max(old, key=lambda j: alike[j]) if old else None


def _same_family(
    look: Look, looks: Sequence[Look], before: int | None, patterns: Mapping[str, Pattern]
) -> bool:
    if before is None:
        return False
    return patterns[look.pattern].family == patterns[looks[before].pattern].family


def _words(summary: Summary) -> str:
    """Say what music is like, in a few words."""
    force = "calm" if summary.energy < 0.35 else "driving" if summary.energy > 0.65 else "moderate"
    light = "dark" if summary.brightness < 0.4 else "bright" if summary.brightness > 0.6 else "warm"
    tempo = (
        f" at {summary.tempo:.0f} bpm" if summary.tempo and summary.tempo_confidence >= SURE else ""
    )
    return f"{force}, {light} music{tempo}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
