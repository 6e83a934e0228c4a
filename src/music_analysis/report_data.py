"""What a report draws, as plain values for its script.

Knows analyses and notation; knows nothing of HTML. Long arrays go as base64 of little-endian bytes,
so that the page is small and quick to read: times and curves float32, pictures uint8.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.chords import Chord
from music_analysis.plots import Part

LANES: Final[dict[Part, tuple[str, ...]]] = {
    "analysis": ("sections", "chords", "key", "beats", "tempo", "loudness", "novelty"),
    "tempo": ("wave", "beats", "tempo"),
    "key": ("wave", "key", "chroma"),
    "chords": ("wave", "chords", "chroma", "beats"),
    "structure": ("sections", "novelty", "loudness"),
}
"""Lanes of each page, from top to bottom."""
PANELS: Final[dict[Part, tuple[str, ...]]] = {
    "analysis": ("sheet", "similarity", "sections", "circle", "ranking"),
    "tempo": ("tempos",),
    "key": ("circle", "ranking"),
    "chords": ("sheet",),
    "structure": ("similarity", "sections"),
}
"""Panels below the lanes."""


def packed(values: ArrayLike, kind: str = "<f4") -> str:
    """Base64 of an array's bytes."""
    array = np.ascontiguousarray(np.asarray(values), dtype=kind)
    return base64.b64encode(array.tobytes()).decode()


def bytes_of(values: ArrayLike) -> str:
    """Base64 of values in [0, 1] as uint8."""
    return packed(np.round(255 * np.clip(np.nan_to_num(np.asarray(values)), 0, 1)), "u1")


def page_data(analysis: Analysis, part: Part) -> dict[str, Any]:
    """Everything that the script draws."""
    tempo, structure, key, mood = analysis.tempo, analysis.structure, analysis.key, analysis.mood
    panels = PANELS[part]
    shown = set(LANES[part]) | set(panels)
    top = max(float(np.abs(analysis.wave).max()), 1e-3) if len(analysis.wave) else 1.0
    loud = np.nan_to_num(np.asarray(mood.loudness_curve, np.float64), neginf=-99.0, nan=-99.0)
    data: dict[str, Any] = {
        "duration": analysis.duration,
        "lanes": LANES[part],
        "panels": panels,
        "wave": packed(np.round(127 * analysis.wave / top), "i1"),
        "beats": packed(tempo.beats),
        "downbeats": packed(tempo.downbeats),
        "meter": tempo.meter,
        "bpm": tempo.bpm,
        "curveTimes": packed(tempo.curve_times),
        "curveBpm": packed(tempo.curve_bpm),
        "alternatives": [[a.bpm, a.strength] for a in tempo.alternatives],
        "loudTimes": packed(mood.loudness_times),
        "loud": packed(loud),
        "integrated": mood.integrated_loudness,
        "keys": [
            {
                "start": s.start,
                "end": s.end,
                "name": notation.key_name(s.label),
                "short": notation.key_short(s.label),
                "sure": round(s.confidence, 3),
                "color": colors.chord_color(
                    notation.pitch_class(s.label), notation.is_minor(s.label)
                ),
            }
            for s in key.segments
        ],
        "sections": [
            {
                "start": s.start,
                "end": s.end,
                "label": "" if s.label == "N" else notation.section_letter(s.label),
                "name": notation.section_name(s.name, s.name_confidence),
                "sure": round(s.confidence, 3),
                "color": colors.section_color(s.group, s.label),
            }
            for s in structure.sections
        ],
        "noveltyTimes": packed(structure.novelty_times),
        "novelty": packed(structure.novelty),
        "events": [[e.kind, e.start, e.time, round(e.strength, 3)] for e in structure.events],
        "scale": colors.SCALE,
        **_chord_data(analysis),
    }
    if "chroma" in shown:
        data["stepTimes"] = packed(analysis.chords.step_times)
        data["chroma"] = bytes_of(analysis.chords.chroma)
    if "similarity" in shown:
        data["barTimes"] = packed(structure.bar_times)
        data["similarity"] = bytes_of(structure.bar_similarity)
    if {"ranking", "circle"} & shown:
        data["ranking"] = [
            [
                notation.key_name(c.label),
                notation.pitch_class(c.label),
                int(notation.is_minor(c.label)),
                round(c.strength, 4),
                notation.key_short(c.label),
            ]
            for c in key.ranking
        ]
    return data


def _chord_data(analysis: Analysis) -> dict[str, Any]:
    """Chords as rows of numbers, with their names and colors in a table of their own."""
    kinds: dict[str, int] = {}
    numerals: dict[str, int] = {"": 0}
    rows = []
    for chord in analysis.chords.segments:
        kind = kinds.setdefault(chord.label, len(kinds))
        numeral = numerals.setdefault(roman(chord), len(numerals))
        sure = round(chord.confidence, 2)
        rows.append([round(chord.start, 3), round(chord.end, 3), kind, numeral, sure])
    table = [
        [
            notation.chord_name(label),
            colors.chord_color(notation.pitch_class(label), notation.is_minor(label)),
        ]
        for label in kinds
    ]
    return {"chords": rows, "kinds": table, "romans": list(numerals)}


def roman(chord: Chord) -> str:
    """Roman numeral as it is written, or nothing."""
    return notation.roman_name(chord.roman) if chord.roman else ""
