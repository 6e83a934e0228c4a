"""Chords: what harmony sounds when, in Harte's syntax."""

from __future__ import annotations

from dataclasses import dataclass

from music_analysis.windows import Floats


@dataclass(frozen=True)
class Chord:
    """One chord from ``start`` to ``end`` seconds."""

    start: float
    end: float
    label: str
    """Harte's syntax as mir_eval reads it: ``C:maj``, ``A:min7``, ``G:7/3``, ``N`` for none."""
    confidence: float
    """How likely root and third are right, [0, 1]."""
    roman: str | None = None
    """Roman numeral against the key of its time: ``I``, ``vi``, ``V7/V``; None without a key."""


@dataclass(frozen=True)
class Chords:
    """The chords of a song, without gaps from 0 to its end; empty where there is no sound."""

    segments: tuple[Chord, ...]
    confidence: float
    """Mean confidence over the time that is not N; below 0.5 means not sure."""
    step_times: Floats
    """[K+1] seconds: borders of the steps (half beats) that chroma is averaged over."""
    chroma: Floats
    """[K, 12] strength of C, C#, … B in [0, 1], for plots."""
    probabilities: Floats
    """[K, 25] of 12 major, 12 minor chords (C first) and N, rows sum to 1."""
