"""Songs whose truth is known, and plain test signals: sound made here, from nothing but numbers.

:func:`make_song` composes and plays a song by rule, and says exactly where its beats, bars, chords
and sections are. The demo plays one; the tests measure with them. Knows music, not files or
analysis; the sounds themselves are in :mod:`music_analysis.instruments`.

Times are seconds from the first sample, labels are in mir_eval's syntax (``"A:min"``,
``"C major"``), samples are float32 [channels, n] within ±1. The same specification gives the same
samples.
"""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from music_analysis.arrangement import Player

Label = tuple[float, float, str]

SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FLAT_KEYS = frozenset(
    f"{tonic} {mode}"
    for mode, tonics in (
        ("major", ("F", "Bb", "Eb", "Ab", "Db", "Gb")),
        ("minor", ("D", "G", "C", "F", "Bb", "Eb", "Ab")),
    )
    for tonic in tonics
)
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
"""Semitones above the tonic."""
_TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7)}
"""Semitones above the root."""

# One chord a bar, as degrees of the scale; a section takes them in turn. The fifth of a minor key
# is major, as harmonic minor has it: it leads home. Diminished chords are not used.
_PROGRESSIONS: dict[str, dict[str, tuple[int, ...]]] = {
    "minor": {
        "intro": (1, 1, 6, 7),
        "verse": (1, 6, 3, 7, 1, 6, 4, 5),
        "chorus": (6, 3, 7, 1, 6, 4, 7, 1),
        "breakdown": (1, 6, 4, 5),
        "outro": (6, 7, 1, 1),
    },
    "major": {
        "intro": (1, 1, 4, 5),
        "verse": (1, 6, 4, 5, 1, 3, 4, 5),
        "chorus": (4, 1, 5, 6, 4, 1, 5, 1),
        "breakdown": (6, 4, 2, 5),
        "outro": (4, 5, 1, 1),
    },
}
_QUALITIES = {
    "major": ("maj", "min", "min", "maj", "maj", "min", ""),
    "minor": ("min", "", "maj", "min", "maj", "maj", "maj"),
}


@dataclass(frozen=True)
class SongSpec:
    """What to compose.

    Attributes
    ----------
    tempo : float
        Beats per minute, 30 to 300.
    key : str
        A tonic and ``major`` or ``minor``: ``"C major"``, ``"F# minor"``, ``"Bb major"``.
    sections : tuple of (str, int)
        Labels and lengths in bars. ``intro``, ``verse``, ``chorus``, ``breakdown`` and ``outro``
        are arranged each in its way; any other label sounds like a verse.
    meter : int
        Beats to the bar, 2 to 7.
    sample_rate : int
        Hz, 8,000 to 192,000.
    seed : int
        Draws the melody and the noise of the drums.
    swing : float
        Delay of every second sixteenth, in sixteenths, 0 to 0.5.
    """

    tempo: float = 118.0
    key: str = "D minor"
    sections: tuple[tuple[str, int], ...] = (
        ("intro", 4),
        ("verse", 8),
        ("chorus", 8),
        ("breakdown", 4),
        ("chorus", 8),
        ("outro", 4),
    )
    meter: int = 4
    sample_rate: int = 44_100
    seed: int = 3
    swing: float = 0.0

    def __post_init__(self) -> None:
        if not 30.0 <= self.tempo <= 300.0:
            raise ValueError(f"tempo must be 30 to 300 bpm, not {self.tempo}")
        if not 2 <= self.meter <= 7:
            raise ValueError(f"meter must be 2 to 7 beats, not {self.meter}")
        if not 8_000 <= self.sample_rate <= 192_000:
            raise ValueError(f"sample_rate must be 8,000 to 192,000 Hz, not {self.sample_rate}")
        if not 0.0 <= self.swing <= 0.5:
            raise ValueError(f"swing must be 0 to 0.5, not {self.swing}")
        if not self.sections or any(bars < 1 for _, bars in self.sections):
            raise ValueError("sections must be (label, bars) pairs of one bar or more")
        tonic, _, mode = self.key.partition(" ")
        if mode not in _SCALES or tonic not in SHARPS + FLATS:
            raise ValueError(f'key must be like "C major" or "F# minor", not {self.key!r}')

    @property
    def bar_seconds(self) -> float:
        """Length of one bar."""
        return float(self.meter * 60.0 / self.tempo)


@dataclass(frozen=True)
class Song:
    """A song and the truth about it.

    Attributes
    ----------
    samples : ndarray of float32, [2, n]
        Stereo, within ±1.
    sample_rate : int
        Hz.
    tempo : float
        Beats per minute.
    beats, downbeats : ndarray of float64
        Seconds; the first of both is 0.
    key : str
        As in the specification.
    chords : tuple of (float, float, str)
        Start, end and label (``"D:min"``), without gaps from 0 to the end; equal neighbors are
        joined.
    sections : tuple of (float, float, str)
        Start, end and label, without gaps from 0 to the end.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    tempo: float
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    key: str
    chords: tuple[Label, ...]
    sections: tuple[Label, ...]

    @cached_property
    def duration(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.sample_rate)


def make_song(spec: SongSpec) -> Song:
    """Compose a song and play it.

    Parameters
    ----------
    spec : SongSpec
        What to compose.

    Returns
    -------
    Song
        The samples end with the last bar, in which the last chord rings out.
    """
    bar = spec.bar_seconds
    tonic, _, mode = spec.key.partition(" ")
    root = _pitch_class(tonic)
    names = FLATS if spec.key in _FLAT_KEYS else SHARPS
    player = Player(spec.tempo, spec.meter, spec.sample_rate, spec.seed, spec.swing, _bars(spec))

    chords: list[Label] = []
    sections: list[Label] = []
    at = 0
    for number, (label, bars) in enumerate(spec.sections):
        sections.append((at * bar, (at + bars) * bar, label))
        degrees = _PROGRESSIONS[mode].get(label, _PROGRESSIONS[mode]["verse"])
        following = spec.sections[number + 1][0] if number + 1 < len(spec.sections) else None
        harmony = []
        for index in range(bars):
            last_of_all = following is None and index == bars - 1
            degree = 1 if last_of_all else degrees[index % len(degrees)]
            chord_root = (root + _SCALES[mode][degree - 1]) % 12
            quality = _QUALITIES[mode][degree - 1]
            tones = tuple((chord_root + step) % 12 for step in _TRIADS[quality])
            # What lies a semitone beside a chord's tone but not in it would grate: the natural
            # seventh gives way where the minor key's fifth is major.
            scale = {(root + step) % 12 for step in _SCALES[mode]}
            if mode == "minor" and degree == 5:
                scale = (scale - {(root + 10) % 12}) | {(root + 11) % 12}
            harmony.append((tones, tuple(sorted(scale))))
            name = f"{names[chord_root]}:{quality}"
            start, end = (at + index) * bar, (at + index + 1) * bar
            if chords and chords[-1][2] == name:
                start = chords.pop()[0]
            chords.append((start, end, name))
        player.play(label, at, harmony, following)
        at += bars

    samples = player.mixdown()
    count = at * spec.meter
    beats = np.arange(count, dtype=np.float64) * (60.0 / spec.tempo)
    return Song(
        samples=samples,
        sample_rate=spec.sample_rate,
        tempo=spec.tempo,
        beats=beats,
        downbeats=beats[:: spec.meter].copy(),
        key=spec.key,
        chords=tuple(chords),
        sections=tuple(sections),
    )


def demo_song() -> Song:
    """Play the song that a newcomer hears first: 73 seconds in D minor."""
    return make_song(SongSpec())


def _bars(spec: SongSpec) -> int:
    return sum(bars for _, bars in spec.sections)


def _pitch_class(name: str) -> int:
    return SHARPS.index(name) if name in SHARPS else FLATS.index(name)


def write_wav(path: str | Path, samples: NDArray[np.float32], sample_rate: int) -> None:
    """Write a 16-bit WAV file.

    Parameters
    ----------
    path : str or Path
        Replaced where it exists.
    samples : ndarray, [channels, n] or [n]
        Full scale ±1; what is beyond is clipped.
    sample_rate : int
        Hz.
    """
    rows = np.atleast_2d(samples)
    integers = np.rint(np.clip(rows, -1.0, 1.0) * 32_767.0).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(rows.shape[0])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.ascontiguousarray(integers.T).tobytes())


def clicks(
    bpm: float, duration: float, sample_rate: int = 44_100, *, first: float = 0.0
) -> NDArray[np.float32]:
    """Make a metronome: a 5 ms burst of 1 kHz at ``first`` and every beat after. [1, n].

    Each click's first non-zero sample is within one sample of its beat.
    """
    samples = np.zeros(round(duration * sample_rate), dtype=np.float32)
    t = np.arange(round(0.005 * sample_rate)) / sample_rate
    click = (0.8 * np.cos(2.0 * np.pi * 1_000.0 * t) * np.exp(-t / 0.0015)).astype(np.float32)
    for beat in np.arange(first, duration, 60.0 / bpm):
        at = round(beat * sample_rate)
        room = samples[at : at + click.size]
        room += click[: room.size]
    return samples[np.newaxis]


def tone(
    frequency: float, duration: float, sample_rate: int = 44_100, *, level: float = 0.5
) -> NDArray[np.float32]:
    """Make a sine of that peak level. [1, n]."""
    t = np.arange(round(duration * sample_rate)) / sample_rate
    return (level * np.sin(2.0 * np.pi * frequency * t)).astype(np.float32)[np.newaxis]


def chord(
    label: str, duration: float, sample_rate: int = 44_100, *, level: float = 0.5
) -> NDArray[np.float32]:
    """Make a triad of soft tones (six harmonics each) around middle C. [1, n].

    Parameters
    ----------
    label : str
        ``"C:maj"`` or ``"F#:min"``.
    duration : float
        Seconds.
    sample_rate : int
        Hz.
    level : float
        Peak level at most.
    """
    root, _, quality = label.partition(":")
    if quality not in _TRIADS or root not in SHARPS + FLATS:
        raise ValueError(f'a chord must be like "C:maj" or "F#:min", not {label!r}')
    t = np.arange(round(duration * sample_rate)) / sample_rate
    total = np.zeros(t.size)
    for step in _TRIADS[quality]:
        frequency = 440.0 * 2.0 ** ((60 + _pitch_class(root) + step - 69) / 12.0)
        for harmonic in range(1, 7):
            if harmonic * frequency < 0.45 * sample_rate:
                total += 0.5**harmonic * np.sin(2.0 * np.pi * harmonic * frequency * t)
    return (level / 3.0 * total).astype(np.float32)[np.newaxis]


def noise(
    duration: float,
    sample_rate: int = 44_100,
    *,
    color: Literal["white", "pink"] = "white",
    level: float = 0.1,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Make Gaussian noise of that RMS level, clipped at ±1. [1, n]."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
    samples = rng.standard_normal(round(duration * sample_rate))
    if color == "pink" and samples.size:
        spectrum = np.fft.rfft(samples)
        spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
        spectrum[0] = 0.0
        samples = np.fft.irfft(spectrum, samples.size)
        samples /= math.sqrt(float(np.mean(samples**2))) or 1.0
    return np.clip(level * samples, -1.0, 1.0).astype(np.float32)[np.newaxis]


def silence(duration: float, sample_rate: int = 44_100) -> NDArray[np.float32]:
    """Make digital silence. [1, n]."""
    return np.zeros((1, round(duration * sample_rate)), dtype=np.float32)
