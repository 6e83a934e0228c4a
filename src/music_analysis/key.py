"""Key: tonic and mode, over the whole song and along it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyCandidate:
    """One of the 24 keys and how well it fits."""

    label: str
    """``"Gb major"``, ``"A minor"``: the usual spelling, as mir_eval reads it."""
    strength: float
    """Share of belief, [0, 1]; all 24 sum to 1."""


@dataclass(frozen=True)
class KeySegment:
    """A stretch of one key."""

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class Modulation:
    """A change of key."""

    time: float
    before: str
    after: str


@dataclass(frozen=True)
class Key:
    """The key of a song. ``label`` is None where there is not enough to tell."""

    label: str | None
    tonic: str | None
    mode: str | None
    """``"major"`` or ``"minor"``."""
    confidence: float
    """How likely ``label`` is right, [0, 1]."""
    ranking: tuple[KeyCandidate, ...]
    """All 24, best first; empty without a key."""
    segments: tuple[KeySegment, ...]
    """Keys along the song, without gaps; empty without a key."""
    modulations: tuple[Modulation, ...]
    camelot: str | None
    """Camelot wheel code as DJs use it, ``"8B"`` for C major."""
    tuning_hz: float
    """What the recording's A4 is, Hz; 440 where it cannot be told."""
