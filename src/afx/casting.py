"""Casting: which look is shown for which part of a song.

A look should suit the sound, its neighbors should be of another family and of other colors, and
the loudest part should get the strongest look. Those wishes are prices; the cast is the cheapest
that exchanging one look or two finds. Knows looks and what music is like; knows no times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from afx.look import Look
from afx.palette import Palette, ramp
from afx.patterns import Pattern
from afx.sources import SURE

FAMILY_COST, COLOR_COST, CHANCE = 0.40, 0.60, 0.15
"""What neighbors of one family and of the same colors cost, and how far chance decides, in suit
distance."""
ANY_COLOR_COST = 0.06
"""What the same colors in parts that are not neighbors cost."""
MODE_COST = 0.12
"""What a cool look costs in a major key, or a warm one in a minor key (Palmer et al. 2013)."""
STRETCH, CLIMAX = 1.5, 0.2
"""How far parts are set apart in energy, and what the loudest gets on top."""
KEEPS = 0.75
"""Share of the lesser contrast or chroma of two palettes that there has to be between them."""
TWICE = 10.0
"""What the same look in neighbors costs: never, if there is another one."""


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
class Role:
    """A part that asks for a look.

    Attributes
    ----------
    energy, brightness : float
        From 0 to 1.
    tempo : float or None
        Beats per minute.
    tempo_confidence : float
    mode : float
        From −1 minor to 1 major; 0 where that is not known.
    """

    energy: float
    brightness: float
    tempo: float | None
    tempo_confidence: float
    mode: float = 0.0


def roles(
    summaries: Sequence[Summary],
    modes: Sequence[float],
    energies: Sequence[float],
    peaks: Sequence[float],
    weights: Sequence[float],
) -> list[Role]:
    """Return what parts ask for: their energies set apart from one another, the loudest on top.

    Parameters
    ----------
    summaries : sequence of Summary
    modes : sequence of float
        From −1 minor to 1 major.
    energies, peaks : sequence of float
        Their energies, on the whole and where they are loudest.
    weights : sequence of float
        Their lengths.
    """
    mean = float(np.average(energies, weights=weights))
    asked = np.clip(mean + STRETCH * (np.array(energies) - mean), 0.0, 1.0)
    if len(asked) > 1:
        top = int(np.argmax(peaks))
        asked[top] = min(asked[top] + CLIMAX, 1.0)
    return [
        Role(float(energy), s.brightness, s.tempo, s.tempo_confidence, mode)
        for energy, s, mode in zip(asked, summaries, modes, strict=True)
    ]


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


@lru_cache(maxsize=512)
def _shades(palette: Palette) -> NDArray[np.float64]:
    """Return a palette's colors at nine tones, in OKLab."""
    return np.asarray(ramp(palette, 9), dtype=np.float64)


def color_distance(one: Palette, other: Palette) -> float:
    """Return how different two palettes look: 0 the same, 1 clearly others."""
    apart = (_shades(one) - _shades(other)) * (0.6, 1.0, 1.0)
    return min(float(np.mean(np.linalg.norm(apart, axis=1))) / 0.2, 1.0)


def clash(one: Palette, other: Palette) -> bool:
    """Tell whether what lies between two palettes is gray or flat.

    It is where one is light in the tones in which the other is dark, and where their hues face one
    another.
    """
    a, b = _shades(one), _shades(other)
    contrast = [float(np.std(shades[:, 0])) for shades in (a, b, (a + b) / 2)]
    chroma = [float(np.mean(np.linalg.norm(s[:, 1:], axis=1))) for s in (a, b, (a + b) / 2)]
    flat, gray = (ends[2] < KEEPS * min(ends[:2]) for ends in (contrast, chroma))
    return flat or gray


def warmth(palette: Palette) -> float:
    """Return how warm a palette is: −1 blue, 1 yellow."""
    return float(np.clip(np.mean(_shades(palette)[:, 2]) / 0.07, -1.0, 1.0))


def cast(
    roles: Sequence[Role],
    neighbors: Sequence[tuple[int, int]],
    looks: Sequence[Look],
    patterns: Mapping[str, Pattern],
    chance: NDArray[np.float64],
) -> list[int]:
    """Choose a look for each role.

    Parameters
    ----------
    roles : sequence of Role
    neighbors : sequence of (int, int)
        Roles that follow one another somewhere.
    looks : sequence of Look
    patterns : mapping
    chance : [roles, looks] in [0, 1)
        Decides among looks that suit alike.

    Returns
    -------
    list of int
        Indices of looks; none is used twice before all were.
    """
    n, m = len(roles), len(looks)
    fit = np.array([[distance(look, role) for look in looks] for role in roles])
    warm = np.array([warmth(look.palette) for look in looks])
    modes = np.array([role.mode for role in roles])
    # Rounded, so that the last digit of another machine's mathematics never changes the cast.
    fit = np.round(fit + CHANCE * chance - MODE_COST * modes[:, None] * warm[None, :], 9)
    alike = np.array(
        [[round(1.0 - color_distance(a.palette, b.palette), 9) for b in looks] for a in looks]
    )
    kin = np.array(
        [[patterns[a.pattern].family == patterns[b.pattern].family for b in looks] for a in looks]
    )
    # What two looks cost one another, [looks, looks]: far apart, before all were seen, and beside.
    apart = ANY_COLOR_COST * alike
    early = apart + TWICE * np.eye(m)
    beside = FAMILY_COST * kin + COLOR_COST * alike + TWICE * np.eye(m)
    touching = {(a, b) for a, b in neighbors} | {(b, a) for a, b in neighbors}

    def price(i: int, choice: int, chosen: Sequence[int]) -> float:
        total = float(fit[i, choice])
        for k in range(n):
            if k != i and chosen[k] >= 0:
                rule = beside if (i, k) in touching else early if i // m == k // m else apart
                total += float(rule[choice, chosen[k]])
        return total

    chosen = [-1] * n
    # The loudest part chooses first, then in order.
    top = int(np.argmax([role.energy for role in roles]))
    for i in [top, *(k for k in range(n) if k != top)]:
        chosen[i] = min(range(m), key=lambda j: price(i, j, chosen))
    for _ in range(4):
        if not _improve(chosen, m, price):
            break
    return chosen


def _improve(
    chosen: list[int], looks: int, price: Callable[[int, int, Sequence[int]], float]
) -> bool:
    """Exchange one look for another, or two for one another, where that is cheaper."""
    better = False
    n = len(chosen)
    for i in range(n):
        for j in range(looks):
            if price(i, j, chosen) < price(i, chosen[i], chosen) - 1e-9:
                chosen[i], better = j, True
        for k in range(i + 1, n):
            now = price(i, chosen[i], chosen) + price(k, chosen[k], chosen)
            other = list(chosen)
            other[i], other[k] = chosen[k], chosen[i]
            if price(i, other[i], other) + price(k, other[k], other) < now - 1e-9:
                chosen[:], better = other, True
    return better


def words(summary: Summary) -> str:
    """Say what music is like, in a few words."""
    force = "calm" if summary.energy < 0.35 else "driving" if summary.energy > 0.65 else "moderate"
    light = "dark" if summary.brightness < 0.4 else "bright" if summary.brightness > 0.6 else "warm"
    tempo = (
        f" at {summary.tempo:.0f} bpm" if summary.tempo and summary.tempo_confidence >= SURE else ""
    )
    return f"{force}, {light} music{tempo}"
