"""Sources from what the analyzers say of a song: sections, builds and drops, keys and chords.

Every curve is made at the moments that are asked for, so the lead is the caller's. Where the
analysis knows nothing, curves rest: at 0, or at 0.5 if they swing around it. Knows the analysis;
knows nothing of knobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from afx.moments import Curve, Moments
from music_analysis.chord_labels import ChordName, parse, pitch_class

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis

KEY_EASE, CHORD_EASE, SECTION_EASE = 2.0, 0.25, 1.0
"""Seconds from one value to the next, around the moment of the change."""
SECTION_PULSE, DROP_PULSE = (0.05, 1.5), (0.05, 1.5)
"""Seconds to rise ahead of a moment and to fall after it."""
BEAT = 0.5
"""Seconds: what a beat is where there is none."""
SURE_KEY = 0.5
"""Confidence from which keys and chords count in full; below, in proportion."""
FARTHEST = 2.0
"""Steps of fifths from home from which on a chord is no farther away."""
_GOLDEN = 0.6180339887498949
_MINOR = ("min", "min7", "dim", "hdim7")


# --- form ----------------------------------------------------------------------------------------


def section_progress(song: Analysis, at: Moments) -> Curve:
    """Return how much of the section has passed, 0 to 1."""
    sections = song.structure.sections
    if not sections:
        return at.rest(0.0)
    starts, ends = (np.array([getattr(s, end) for s in sections]) for end in ("start", "end"))
    now = at.inside(starts)
    share = (at.time - starts[now]) / np.maximum(ends - starts, 1e-9)[now]
    return np.asarray(np.clip(share, 0.0, 1.0))


def section_change(song: Analysis, at: Moments) -> Curve:
    """Return pulses where sections begin, the stronger the surer; none at the song's start."""
    marks = [(s.start, 0.5 + 0.5 * s.confidence) for s in song.structure.sections[1:]]
    return at.pulses(marks, *SECTION_PULSE)


def section_id(song: Analysis, at: Moments) -> Curve:
    """Return a value for each group of sections, far from the others'; the first one's is 0.5."""
    sections = song.structure.sections
    # Multiples of the golden ratio never crowd, however many there are.
    values = [(0.5 + s.group * _GOLDEN) % 1.0 for s in sections]
    return at.held([s.start for s in sections], values, 0.5, SECTION_EASE)


def section_energy(song: Analysis, at: Moments, energy: Curve) -> Curve:
    """Return the mean of the energy, [frames] at these moments, over each section."""
    starts = [s.start for s in song.structure.sections]
    if not starts:
        return at.rest(0.5)
    now = at.inside(starts)
    counts = np.bincount(now, minlength=len(starts))
    means = np.bincount(now, weights=energy, minlength=len(starts)) / np.maximum(counts, 1)
    return at.held(starts, means, 0.5, SECTION_EASE)


def build(song: Analysis, at: Moments) -> Curve:
    """Return ramps up to where builds arrive, as high as they are strong; a beat later they end."""
    out = at.rest(0.0)
    beat = BEAT if song.tempo.bpm is None else 60.0 / song.tempo.bpm
    for event in song.structure.events:
        if event.kind == "build":
            times = [event.start, max(event.time, event.start + 1e-6)]
            times.append(times[1] + beat)
            ramp = np.interp(at.time, times, [0.0, event.strength, 0.0], left=0.0, right=0.0)
            np.maximum(out, ramp, out=out)
    return out


def drop(song: Analysis, at: Moments) -> Curve:
    """Return pulses at drops, as high as they are strong."""
    drops = [(e.time, e.strength) for e in song.structure.events if e.kind == "drop"]
    return at.pulses(drops, *DROP_PULSE)


# --- harmony -------------------------------------------------------------------------------------


def key_hue(song: Analysis, at: Moments) -> Curve:
    """Return the key's place on the circle of fifths: 0.5 is C major, a step up 1/24 more.

    A circle has a seam on a line. Here no song crosses it: its own key lies from 5 flats (−5) to 6
    sharps, and all keys along the song lie within six steps of that one, the same key at the same
    place. Minor keys lie where their relative major keys do. Places count as far as they are sure.
    """
    key = song.key
    if key.label is None:
        return at.rest(0.5)
    home = (_fifths(key.label) + 5) % 12 - 5
    values = []
    for segment in key.segments:
        away = _short_way(_fifths(segment.label) - home)
        if away == -6 and home <= 0:  # both ways are as short: towards the middle
            away = 6
        values.append(home * _trust(key.confidence) + away * _trust(segment.confidence))
    places = 0.5 + np.array(values) / 24.0
    return at.held([s.start for s in key.segments], places, 0.5, KEY_EASE)


def key_mode(song: Analysis, at: Moments) -> Curve:
    """Return 0 in minor and 1 in major, nearer to 0.5 the less sure it is."""
    segments = song.key.segments
    values = [
        0.5 + 0.5 * s.confidence * (1.0 if s.label.endswith("major") else -1.0) for s in segments
    ]
    return at.held([s.start for s in segments], values, 0.5, KEY_EASE)


def chord_hue(song: Analysis, at: Moments) -> Curve:
    """Return how far the chord is from the key's own on the line of fifths: 0.75 is one step up.

    A triad lies where the mean of its tones does: the dominant one step above the tonic, the
    subdominant one below, the relative minor two thirds above. Two steps or more are 0 or 1.
    """
    segments, keys = song.chords.segments, song.key.segments
    if not keys:
        return at.rest(0.5)
    starts = [s.start for s in keys]
    tonics = [_center(*_tonic(s.label)) for s in keys]
    values = []
    for chord in segments:
        name = parse(chord.label)
        away = 0.0
        if name is not None:
            local = np.searchsorted(starts, 0.5 * (chord.start + chord.end), side="right") - 1
            here = _center(name.root, name.quality in _MINOR)
            away = _short_way(here - tonics[max(int(local), 0)]) * _trust(chord.confidence)
        values.append(0.5 + 0.5 * min(max(away / FARTHEST, -1.0), 1.0))
    return at.held([c.start for c in segments], values, 0.5, CHORD_EASE)


def chord_changes(song: Analysis) -> list[tuple[float, float]]:
    """Return when chords change, in seconds, and how much: by new tones, and as far as it is sure.

    Only what has tones that were not there before is a change.
    """
    marks = []
    for before, after in pairwise(song.chords.segments):
        new = _tones(parse(after.label)) - _tones(parse(before.label))
        if new:
            strength = 0.4 + 0.2 * min(len(new), 3)
            marks.append((after.start, strength * _trust(after.confidence)))
    return marks


def _trust(confidence: float) -> float:
    return min(max(confidence / SURE_KEY, 0.0), 1.0)


def _tones(name: ChordName | None) -> frozenset[int]:
    return frozenset() if name is None else frozenset(name.pitch_classes)


def _tonic(label: str) -> tuple[int, bool]:
    tonic, _, mode = label.partition(" ")
    return pitch_class(tonic), mode == "minor"


def _fifths(label: str) -> int:
    """Return the fifths from C up to a key, or to its relative major, 0 to 11."""
    root, minor = _tonic(label)
    return (7 * root - (3 if minor else 0)) % 12


def _center(root: int, minor: bool) -> float:
    """Return the mean place of a triad's tones on the line of fifths, C being 0."""
    # Root, fifth (1) and major third (4), or minor third (−3).
    return 7 * root % 12 + (-2.0 if minor else 5.0) / 3.0


def _short_way(steps: float) -> float:
    """Return the same way around the circle, but the short one: −6 to 6, 6 left out."""
    return (steps + 6.0) % 12.0 - 6.0


CURVES: Mapping[str, tuple[Callable[[Analysis, Moments], Curve], float]] = MappingProxyType(
    {
        "section.progress": (section_progress, 0.0),
        "section.change": (section_change, 0.0),
        "section.id": (section_id, 0.5),
        "key.hue": (key_hue, 0.5),
        "key.mode": (key_mode, 0.5),
        "chord.hue": (chord_hue, 0.5),
    }
)
"""Sources that come from an analysis alone, and where they rest without one."""
