"""Temperaments: how music takes hold of the pictures, and which of them suits a piece.

Four ways to carry out the same matrix of routes; ``auto`` asks the music. Knows numbers about a
piece; knows nothing of looks or pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol, cast, get_args

from afx.color_routes import COLOR_ROUTES
from afx.expression import parse
from afx.expression_text import ExpressionError
from afx.look_parts import Route

Temperament = Literal["auto", "calm", "groove", "impact", "ambient"]
TEMPERAMENTS: tuple[Temperament, ...] = get_args(Temperament)
"""How music takes hold: softly, as designed, hard, or without any events; ``auto`` asks the music.
"""

SURE_BEAT = 0.5
"""Belief in the beat from which a piece has one."""
FLOWING = 0.12
"""Percussiveness below which nothing hits: songs with drums have 0.14 to 0.7, pianos and orchestras
0 to 0.1."""
HARD_PULSE, HARD_ENERGY = 0.45, 0.70
"""What is as percussive and as loud as this is dance music, metal, drum and bass."""
SOFT_ENERGY = 0.42
"""What is not even as loud and dense as this is calm, drums or not."""

EVENTS = ("event.", "hit.", "beat.", "bar.", "downbeat.", "drop", "chord.change", "section.change")
"""Sources, by how their names begin, that tell of moments and not of states."""

_COLORS = frozenset((route.source, route.knob) for route in COLOR_ROUTES)


class Summary(Protocol):
    """What is asked of a piece; `music_analysis.features.FeatureSummary` fits."""

    @property
    def energy(self) -> float:
        """0 hushed to 1 loud, dense and busy."""

    @property
    def pulse(self) -> float:
        """0 flowing to 1 percussive."""


@dataclass(frozen=True)
class Character:
    """What a temperament does to every route.

    Attributes
    ----------
    depth : float
        Factor on how far knobs are moved.
    release : float
        Factor on how long they take to come back.
    events : bool
        Whether single moments (hits, beats, bars, drops) are answered at all.
    slowest : float
        Least attack and release, in seconds.
    """

    depth: float = 1.0
    release: float = 1.0
    events: bool = True
    slowest: float = 0.0


CHARACTERS: Mapping[str, Character] = MappingProxyType(
    {
        "calm": Character(depth=0.5, release=2.0),
        "groove": Character(),
        "impact": Character(depth=1.4),
        "ambient": Character(events=False, slowest=1.0),
    }
)


def resolve(temperament: Temperament, summary: Summary | None, confidence: float) -> Temperament:
    """Return the temperament itself, or for ``auto`` the one that suits a piece.

    Without a sure beat and without hits there is nothing to be in time with: the picture follows
    the sound's states only. With a beat but hardly a hit, or with little force in all, it answers
    softly; hard hits in loud music are answered hard; all else as designed.

    Parameters
    ----------
    temperament : str
        One of `TEMPERAMENTS`.
    summary : Summary or None
        Of the whole piece; without one, ``auto`` goes by the beat alone.
    confidence : float
        How sure the beat is.

    Raises
    ------
    ValueError
        If there is no such temperament.
    """
    if temperament not in TEMPERAMENTS:
        raise ValueError(f"no temperament {temperament!r}: choose of {', '.join(TEMPERAMENTS)}")
    if temperament != "auto":
        return temperament
    if summary is None:
        return "groove"
    chosen = "groove"
    if summary.pulse < FLOWING:
        chosen = "calm" if confidence >= SURE_BEAT else "ambient"
    elif summary.energy < SOFT_ENERGY:
        chosen = "calm"
    elif summary.pulse >= HARD_PULSE and summary.energy >= HARD_ENERGY:
        chosen = "impact"
    return cast(Temperament, chosen)


def is_event(source: str) -> bool:
    """Tell whether a source or an expression tells of moments: hits, beats, bars."""
    try:
        names = parse(source).names
    except ExpressionError:
        names = (source,)
    return any(name.startswith(EVENTS) or name.endswith((".hit", ".event")) for name in names)


def tempered(route: Route, character: Character) -> Route | None:
    """Return a route as a temperament carries it out; None where it does not.

    The colors of a song are as far as they are in any temperament: what it feels like is not how
    hard it takes hold, and colors pushed beyond their measure are garish.
    """
    if not character.events and is_event(route.source):
        return None
    factor = 1.0 if (route.source, route.knob) in _COLORS else character.depth
    changed = {
        "depth": min(max(route.depth * factor, -2.0), 2.0),
        "attack": max(route.attack, character.slowest),
        "release": max(min(route.release * character.release, 30.0), character.slowest),
    }
    return route.model_copy(update=changed)
