"""Names of sections by rule: intro, verse, chorus, bridge, break, solo, outro, or else part.

What is no part of the form is called silence, or lead-in where it sounds before the first bar line.

Knows of each section its group, length, place and levels; knows nothing of spectra. What comes back
most and loudest is the chorus; what comes back before it, the verse; what is heard once between
them, a bridge, a break where it is quiet, a solo where the high voice stands out. A rule of thumb
for songs, and no more: confidence says by how far the rule held (after the cues of Paulus and
Klapuri 2009, "Music structure analysis using a probabilistic fitness measure and a greedy search
algorithm", which names sections by a model of their order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SOFT: Final = -0.25  # bel under the middle section
_PICKUP: Final = 5.0  # seconds: a shorter section does not make an intro or outro of its own
_EDGE: Final = 0.2  # share of the song that an intro or outro may take


@dataclass(frozen=True)
class Passage:
    """What names are given by, one row for each section."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    group: NDArray[np.int64]
    level: NDArray[np.float64]
    """Bel over the song's mean."""
    voice: NDArray[np.float64]
    """How much sounds above C4, 1 on average."""
    height: NDArray[np.float64]
    """Octaves above C4 of that."""
    silent: NDArray[np.bool_]
    lead_in: bool = False
    """Whether the first one that is not silent is only what sounds before the first bar line."""

    @property
    def aside(self) -> NDArray[np.bool_]:
        """Whether it is no part of the form: silence, or the lead-in."""
        aside = self.silent.copy()
        if self.lead_in and not aside.all():
            aside[np.argmin(aside)] = True
        return aside


def name_sections(passage: Passage) -> list[tuple[str, float]]:
    """Name and confidence in [0, 1] of each section."""
    count = len(passage.start)
    if count == 0:
        return []
    if count < 3:
        return [_aside(passage, k) if passage.aside[k] else ("part", 0.2) for k in range(count)]
    length = passage.end - passage.start
    total = float(length.sum())
    quiet = passage.aside
    order = np.argsort(passage.level)
    middle = float(passage.level[order][np.searchsorted(np.cumsum(length[order]), 0.5 * total)])
    over = passage.level - middle
    repeats = np.bincount(passage.group)[passage.group]
    names: list[tuple[str, float] | None] = [None] * count

    first, last = _edges(passage, over, repeats, quiet, total)
    for k in range(first):
        names[k] = ("intro", 0.85 if k == 0 or quiet[k - 1] else 0.6)
    for k in range(last, count):
        names[k] = ("outro", 0.85 if k == count - 1 or quiet[k + 1] else 0.6)
    inner = [k for k in range(first, last) if not quiet[k]]
    chorus, margin = _chorus(passage, inner, over, repeats)
    verses = {int(passage.group[k]) for k in inner if repeats[k] > 1 and passage.group[k] != chorus}
    places = [k for k in inner if passage.group[k] == chorus]
    for k in range(first, last):
        group = int(passage.group[k])
        between = bool(places) and places[0] < k < places[-1]
        if group == chorus:
            names[k] = ("chorus", 0.35 + 0.4 * margin)
        elif group in verses:
            names[k] = ("verse", 0.3 + 0.3 * margin)
        elif over[k] < _SOFT:
            names[k] = ("break", float(np.clip(0.35 - 0.5 * over[k], 0.35, 0.7)))
        elif between:
            stands_out = passage.height[k] > np.quantile(passage.height, 0.8)
            names[k] = ("solo", 0.3) if stands_out else ("bridge", 0.45)
        elif places and k < places[0]:
            names[k] = ("verse", 0.3)
        else:
            names[k] = ("part", 0.3)
    for k in np.flatnonzero(quiet).tolist():
        names[k] = _aside(passage, k)
    return [name if name is not None else ("part", 0.2) for name in names]


def _aside(passage: Passage, k: int) -> tuple[str, float]:
    """Name what is no part of the form."""
    return "silence" if passage.silent[k] else "lead-in", 0.95


def _edges(
    passage: Passage,
    over: NDArray[np.float64],
    repeats: NDArray[np.int64],
    quiet: NDArray[np.bool_],
    total: float,
) -> tuple[int, int]:
    """Find the first section after the intro and the first one of the outro."""
    count = len(over)
    length = passage.end - passage.start
    plain = (repeats == 1) | (over < _SOFT)
    first = 0
    while first < count - 1 and (
        quiet[first] or (plain[first] and passage.end[first] <= _EDGE * total)
    ):
        first += 1
        if not quiet[first - 1] and length[first - 1] > _PICKUP:
            break
    last = count
    while last > first + 1 and (
        quiet[last - 1] or (plain[last - 1] and total - passage.start[last - 1] <= _EDGE * total)
    ):
        last -= 1
        if not quiet[last] and length[last] > _PICKUP:
            break
    return first, last


def _chorus(
    passage: Passage, inner: list[int], over: NDArray[np.float64], repeats: NDArray[np.int64]
) -> tuple[int, float]:
    """Find the group most like a chorus, and by how far, [0, 1]; -1 where nothing repeats."""
    scores: dict[int, float] = {}
    length = passage.end - passage.start
    for group in {int(passage.group[k]) for k in inner if repeats[k] > 1}:
        places = [k for k in inner if passage.group[k] == group]
        weight = length[places]
        share = float(weight.sum() / length.sum())
        level = float(np.average(over[places], weights=weight))
        voice = float(np.average(passage.voice[places], weights=weight))
        late = float(np.average((passage.start[places] > passage.start.mean()), weights=weight))
        opens = places[0] == inner[0]
        scores[group] = (
            2.0 * np.tanh(3 * level) + np.tanh(voice - 1) + 1.5 * share + 0.5 * late - 0.7 * opens
        )
    if not scores:
        return -1, 0.0
    ranked = sorted(scores.values(), reverse=True)
    best = max(scores, key=lambda g: scores[g])
    margin = ranked[0] - ranked[1] if len(ranked) > 1 else 0.5
    return best, float(np.clip(margin, 0, 1))
