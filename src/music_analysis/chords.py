"""Chords: what harmony sounds when, in Harte's syntax.

Knows a song's spectra and beats; knows nothing of keys. Chords are looked for on half beats: a
small network (:mod:`music_analysis.chord_network`) or rules (:mod:`music_analysis.chord_rules`)
tell what sounds in every step, and a hidden Markov model (:mod:`music_analysis.chord_path`) makes a
sequence of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.chord_labels import NAMES, ChordName, prefers_flats, spell
from music_analysis.chord_network import RATE, features, load, song_level
from music_analysis.chord_path import Steps, best_path, make_steps, pool
from music_analysis.chord_rules import fold, is_one_note, tone_strengths, triad_evidence
from music_analysis.chord_states import BASIC, FAMILY, FIRST_ROW, find_states, number
from music_analysis.convolution import softmax
from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.spectra import SoundSource
from music_analysis.tempo import Tempo
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


# log probability of a change by rules at the beginning of a fixed step, half beat, beat, bar
_THIRD: Final = 0.02  # of the strongest tone; in rendered songs one of 1,000 chords has so little
_RULE_CHANGE: Final = np.array([-4.5, -6.0, -4.0, -2.5], np.float32)


def analyze(source: SoundSource) -> Chords:
    """Measure a sound, find its beats, its chords and, against its key, their Roman numerals.

    Raises
    ------
    UserError
        If there is not a single sample.
    """
    from music_analysis import harmony, key, tempo

    spectra = measure_song(source)
    beats = tempo.estimate(spectra)
    chords = estimate(spectra, beats)
    return harmony.with_roman_numerals(chords, key.estimate(spectra, beats, chords))


def estimate(spectra: SongSpectra, tempo: Tempo, *, network: bool = True) -> Chords:
    """Find the chords of a song from its spectra.

    Parameters
    ----------
    spectra
        Of the whole song.
    tempo
        Its beats; where they are not to be trusted, chords change anywhere.
    network
        False: by rules, without the trained network.
    """
    steps = make_steps(tempo, spectra.duration)
    semitones = spectra.semitones()
    rows = features(semitones, song_level(semitones))
    treble, bass = (pool(c, RATE, steps.times, first=FIRST_ROW) for c in fold(tone_strengths(rows)))
    if is_one_note(semitones):
        none = np.zeros((len(steps.place), 25), np.float32)
        none[:, -1] = 1
        return _result(steps, [None] * len(none), none[:, -1], treble, none)
    return _by_network(steps, rows, treble) if network else _by_rules(steps, treble, bass)


def _by_network(steps: Steps, rows: Floats, chroma: Floats) -> Chords:
    evidence = load().listen(rows)
    names = find_states(evidence, steps)
    chords = pool(evidence.chords, RATE, steps.times, first=FIRST_ROW)
    numbers = np.array([number(name) for name in names])
    right = (chords * FAMILY[numbers]).sum(axis=1)
    return _result(steps, names, right, chroma, chords @ BASIC)


def _by_rules(steps: Steps, treble: Floats, bass: Floats) -> Chords:
    evidence = triad_evidence(treble, bass)
    path = best_path(evidence, _RULE_CHANGE[steps.place])
    probabilities = softmax(evidence.copy())
    names = [ChordName(int(s) % 12, NAMES[int(s) // 12]) if s < 24 else None for s in path]
    right = probabilities[np.arange(len(path)), path]
    return _result(steps, names, right, treble, probabilities)


def _result(
    steps: Steps,
    names: list[ChordName | None],
    right: Floats,
    chroma: Floats,
    probabilities: Floats,
) -> Chords:
    """Join equal steps to segments, spell them and gather everything."""
    lengths = np.diff(steps.times).astype(np.float32)
    top = chroma.max(axis=1, keepdims=True, initial=0)
    chroma = (chroma / np.maximum(top, 1e-6) * np.minimum(top, 1)).astype(np.float32)
    flats = prefers_flats(_tone_weights(names, lengths))
    segments = []
    first = 0
    for step in range(1, len(names) + 1):
        if step < len(names) and names[step] == names[first]:
            continue
        weights = np.maximum(lengths[first:step], 1e-9)
        sure = float(np.average(right[first:step], weights=weights))
        if _lacks_third(names[first], np.average(chroma[first:step], axis=0, weights=weights)):
            sure *= 0.5  # major or minor is then a toss-up
        segments.append(
            Chord(
                start=float(steps.times[first]),
                end=float(steps.times[step]),
                label=spell(names[first], flats=flats),
                confidence=sure,
            )
        )
        first = step
    sounding = [(c.end - c.start, c.confidence) for c in segments if c.label != "N"]
    total = sum(length for length, _ in sounding)
    mean = sum(length * sure for length, sure in sounding) / total if total > 0 else 0.0
    times = steps.times.astype(np.float32)
    return Chords(tuple(segments), mean, times, chroma, probabilities)


def _lacks_third(name: ChordName | None, chroma: NDArray[Any]) -> bool:
    """Whether nothing is heard of the third that a chord is named for: an open fifth."""
    if name is None:
        return False
    thirds = [t for t in ((name.root + 3) % 12, (name.root + 4) % 12) if t in name.pitch_classes]
    return bool(thirds) and float(chroma[thirds].max()) < _THIRD * float(chroma.max())


def _tone_weights(names: list[ChordName | None], lengths: Floats) -> Floats:
    weights = np.zeros(12, np.float32)
    for name, length in zip(names, lengths, strict=True):
        if name is not None:
            weights[list(name.pitch_classes)] += length
    return weights
