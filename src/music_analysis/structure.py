"""Structure: sections, their repetitions and names, and where the music builds and drops."""

from __future__ import annotations

from dataclasses import dataclass

from music_analysis.tempo import Seconds
from music_analysis.windows import Floats


@dataclass(frozen=True)
class Section:
    """One section from ``start`` to ``end`` seconds."""

    start: float
    end: float
    label: str
    """``A``, ``B``, …; ``A'`` (and ``A''``) for a varied repetition of A."""
    group: int
    """Sections of one group repeat one another: A and A' are of one group."""
    name: str
    """``intro``, ``verse``, ``chorus``, ``bridge``, ``break``, ``solo``, ``outro`` or ``part``."""
    name_confidence: float
    confidence: float
    """How likely its start is where a listener would put it, [0, 1]."""


@dataclass(frozen=True)
class Event:
    """A build (energy rises to a point) or a drop (it comes in all at once)."""

    time: float
    """Where a build ends, or a drop falls, seconds."""
    kind: str
    """``"build"`` or ``"drop"``."""
    start: float
    """Where the build begins; the same as ``time`` for a drop."""
    strength: float
    """[0, 1]"""


@dataclass(frozen=True)
class Structure:
    """The form of a song; ``sections`` has no gaps from 0 to its end."""

    sections: tuple[Section, ...]
    confidence: float
    novelty_times: Seconds
    """[K] seconds, bar lines (or steps of 2 s where there are no bars)."""
    novelty: Floats
    """[K] in [0, 1]."""
    events: tuple[Event, ...]
    bar_times: Seconds
    """[n+1] borders of the bars of ``bar_similarity``."""
    bar_similarity: Floats
    """[n, n] in [0, 1], symmetric; at most 512 rows: longer songs are joined bar by bar."""
    beat_times: Seconds
    """[m+1] borders of the beats of ``beat_similarity``."""
    beat_similarity: Floats
    """[m, m] in [0, 1]; at most 512 rows."""
