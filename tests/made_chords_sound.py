"""Chords as sound for the tests: plain waveforms, voicings, and comparison with the truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from music_analysis.chord_labels import ChordName, parse
from music_analysis.chords import Chords
from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.tempo import Tempo

RATE = 44_100
WAVES = {
    "sine": [1.0],
    "sawtooth": [1 / k for k in range(1, 16)],
    "square": [1 / k if k % 2 else 0.0 for k in range(1, 16)],
    "organ": [1.0, 0.8, 0.6, 0.5, 0.0, 0.3, 0.0, 0.3],
}
Samples = NDArray[np.float32]


class Sound:
    """Samples [channels, n] at 44.1 kHz as a source; one channel is played on both sides."""

    def __init__(self, samples: NDArray[np.floating]) -> None:
        self.samples = np.atleast_2d(np.asarray(samples, np.float32))

    def blocks(self, *, sample_rate: int | None = None, channels: int | None = None) -> Iterator:
        assert (sample_rate, channels) == (RATE, 2)
        two = self.samples if len(self.samples) == 2 else np.repeat(self.samples, 2, axis=0)
        yield np.ascontiguousarray(two)


def spectra(samples: NDArray[np.floating]) -> SongSpectra:
    return measure_song(Sound(samples))


def steady(bpm: float | None, seconds: float, meter: int = 4) -> Tempo:
    """A tempo that is known exactly, or not at all (None)."""
    beats = np.zeros(0) if bpm is None else np.arange(0, seconds, 60 / bpm)
    sure = float(bpm is not None)
    return Tempo(
        bpm=bpm,
        confidence=sure,
        alternatives=(),
        beats=beats,
        beat_confidence=sure,
        downbeats=beats[::meter],
        meter=meter,
        time_signature=None if bpm is None else f"{meter}/4",
        meter_confidence=sure,
        curve_times=beats,
        curve_bpm=np.full(len(beats), bpm or 0.0),
        variation=0.0,
    )


@cache
def note(pitch: float, seconds: float, wave: str = "sawtooth") -> Samples:
    """A tone of MIDI number ``pitch``, which may be broken."""
    t = np.arange(round(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    total = np.zeros(len(t))
    for k, strength in enumerate(WAVES[wave], 1):
        if strength and k * frequency < 8000:
            total += strength * np.sin(2 * np.pi * k * frequency * t)
    fade = np.minimum(1, np.minimum(np.arange(len(t)), np.arange(len(t))[::-1]) / 200)
    return (0.1 * fade * total).astype(np.float32)


def voiced(label: str) -> list[int]:
    """MIDI numbers: the bass below, the chord's tones around and above middle C."""
    name = parse(label)
    if name is None:
        return []
    high = [60 + (tone - 7) % 12 - 5 for tone in name.pitch_classes]
    return [36 + (name.root + name.bass + 2) % 12 - 2, *high, 60 + name.root]


def played(
    labels: Sequence[str], seconds: float, wave: str = "sawtooth", shift: float = 0.0
) -> Samples:
    """Chords one after another, ``shift`` semitones above what they say."""
    parts = []
    for label in labels:
        total = np.zeros(round(seconds * RATE), np.float32)
        for pitch in voiced(label):
            total += note(pitch + shift, seconds, wave)
        parts.append(total)
    return np.concatenate(parts)


def shifted(label: str, semitones: int) -> ChordName | None:
    name = parse(label)
    if name is None:
        return None
    return ChordName((name.root + semitones) % 12, name.quality, name.bass)


def agreement(
    chords: Chords,
    truth: Iterable[tuple[float, float, str]],
    *,
    shift: int = 0,
    triads: bool = False,
) -> float:
    """Share of the time at which root and quality are right; ``triads``: sevenths do not count."""
    right = total = 0.0
    for start, end, label in truth:
        expected = shifted(label, shift)
        total += end - start
        for chord in chords.segments:
            common = min(end, chord.end) - max(start, chord.start)
            if common > 0 and _key(parse(chord.label), triads) == _key(expected, triads):
                right += common
    return right / total


def _key(name: ChordName | None, triads: bool) -> tuple[int, str] | None:
    if name is None:
        return None
    quality = {"7": "maj", "maj7": "maj", "min7": "min"}.get(name.quality, name.quality)
    return name.root, quality if triads else name.quality


def line(labels: Sequence[str], seconds: float) -> list[tuple[float, float, str]]:
    return [(i * seconds, (i + 1) * seconds, label) for i, label in enumerate(labels)]
