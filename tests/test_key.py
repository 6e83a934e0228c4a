from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from made_sound import RATE, Sound
from music_analysis import chords, key, synth
from music_analysis.chords import Chord, Chords
from music_analysis.key import Key
from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.synth import SongSpec, make_song
from music_analysis.tempo import Tempo

NONE = np.zeros(0)
SHORT = (("intro", 2), ("verse", 8), ("chorus", 4), ("outro", 2))


def tempo_of(beats: NDArray[np.float64]) -> Tempo:
    """Beats that are known: what is tested here is the key."""
    sure = 1.0 if len(beats) else 0.0
    return Tempo(None, sure, (), beats, sure, beats[::4], 4, None, sure, NONE, NONE, 0.0)


def chords_of(spectra: SongSpectra, *labels: tuple[str, float]) -> Chords:
    """Chords that are known, each with its seconds."""
    ends = np.cumsum([seconds for _, seconds in labels])
    segments = tuple(
        Chord(float(end - seconds), float(end), label, 1.0)
        for (label, seconds), end in zip(labels, ends, strict=True)
    )
    times = np.array([0.0, spectra.duration], np.float32)
    return Chords(segments, 1.0, times, np.zeros((1, 12), np.float32), np.zeros((1, 25)))


def key_of(samples: NDArray[np.floating], beats: NDArray[np.float64] = NONE) -> Key:
    spectra = measure_song(Sound(samples))
    tempo = tempo_of(beats)
    return key.estimate(spectra, tempo, chords.estimate(spectra, tempo))


def played(*labels: str, seconds: float = 2.0, transpose: int = 0) -> NDArray[np.float32]:
    names = []
    for label in labels:
        root, _, quality = label.partition(":")
        number = (synth.SHARPS.index(root) + transpose) % 12
        names.append(f"{synth.SHARPS[number]}:{quality}")
    return np.concatenate([synth.chord(name, seconds, RATE, level=0.3) for name in names], axis=1)


AXIS = ("C:maj", "G:maj", "A:min", "F:maj")
MINOR = ("A:min", "D:min", "E:maj", "A:min")


@pytest.mark.parametrize("name", ["Eb major", "B major", "F# minor"])
def test_key_of_a_song(name: str) -> None:
    song = make_song(SongSpec(tempo=120, key=name, sections=SHORT))
    found = key_of(song.samples, song.beats)
    assert found.label == name
    assert found.confidence > 0.6
    assert (found.tonic, found.mode) == tuple(name.split())
    assert found.segments[0].start == 0
    assert found.segments[-1].end == song.duration
    assert found.modulations == ()


def test_all_that_is_said_fits_together() -> None:
    found = key_of(played(*AXIS * 4))
    assert found.label == "C major"
    assert found.camelot == "8B"
    assert len(found.ranking) == 24
    assert sum(candidate.strength for candidate in found.ranking) == pytest.approx(1)
    strengths = [candidate.strength for candidate in found.ranking]
    assert strengths == sorted(strengths, reverse=True)
    assert found.ranking[0].label == found.label
    assert len({candidate.label for candidate in found.ranking}) == 24
    assert found.tuning_hz == pytest.approx(440, abs=0.5)


@pytest.mark.parametrize("steps", [1, 6, 10])
def test_transposing_moves_the_key(steps: int) -> None:
    for loop, mode, tonic in ((AXIS, "major", 0), (MINOR, "minor", 9)):
        found = key_of(played(*loop * 2, transpose=steps, seconds=1.5))
        assert found.label == key.key_label((tonic + steps) % 12, mode)


@pytest.mark.parametrize("cents", [-35, 35])
def test_a_detuned_recording(cents: int) -> None:
    song = make_song(SongSpec(tempo=120, key="D minor", sections=SHORT))
    factor = 2 ** (cents / 1200)
    at = np.arange(int(song.samples.shape[1] / factor)) * factor
    slower = np.stack([np.interp(at, np.arange(song.samples.shape[1]), c) for c in song.samples])
    found = key_of(slower, song.beats / factor)
    assert found.label == "D minor"
    assert 1200 * np.log2(found.tuning_hz / 440) == pytest.approx(cents, abs=4)


def test_gain_and_polarity_change_nothing() -> None:
    song = make_song(SongSpec(tempo=120, key="G major", sections=SHORT))
    found = key_of(song.samples, song.beats)
    for other in (key_of(song.samples / 32, song.beats), key_of(-song.samples, song.beats)):
        assert other.label == found.label
        assert other.confidence == pytest.approx(found.confidence, abs=0.02)


def test_a_modulation_is_found_where_it_is() -> None:
    up = [label for label, _ in zip(AXIS * 5, range(20), strict=True)]
    parts = [played(*up * 2, seconds=1.0), played(*up, transpose=1, seconds=1.0)]
    samples = np.concatenate(parts, axis=1)
    found = key_of(samples)
    assert found.label == "C major"  # the longer one
    assert [segment.label for segment in found.segments] == ["C major", "Db major"]
    (change,) = found.modulations
    assert (change.before, change.after) == ("C major", "Db major")
    assert change.time == pytest.approx(40, abs=4)
    assert all(segment.confidence > 0.5 for segment in found.segments)


def test_a_modulation_falls_on_a_bar_line() -> None:
    samples = np.concatenate([played(*AXIS * 6), played(*AXIS * 5, transpose=2)], axis=1)
    found = key_of(samples, np.arange(0, 88, 0.5))
    (change,) = found.modulations
    assert change.time == pytest.approx(48.0, abs=2.01)
    assert change.time % 2 == pytest.approx(0, abs=1e-6)


def test_a_passing_chord_of_another_key_is_no_modulation() -> None:
    found = key_of(played(*AXIS * 3, "E:maj", "A:maj", "E:maj", *AXIS * 3))
    assert found.label == "C major"
    assert found.modulations == ()


@pytest.mark.parametrize(
    "sound",
    [
        synth.silence(20),
        synth.silence(0.01),
        synth.noise(20),
        synth.noise(20, color="pink"),
        synth.clicks(120, 20),
        synth.tone(220, 20),
        synth.chord("C:maj", 20),
        played("C:maj", "G:maj", seconds=1.0),
    ],
    ids=["silence", "10 ms", "noise", "pink noise", "clicks", "tone", "one chord", "two seconds"],
)
def test_not_enough_to_tell(sound: NDArray[np.float32]) -> None:
    found = key_of(sound)
    assert found.label is None
    assert found.confidence == 0
    assert found.ranking == found.segments == found.modulations == ()
    assert found.tonic is found.mode is found.camelot is None


def test_little_is_not_sure() -> None:
    assert key_of(played(*("C:maj", "G:maj") * 10)).confidence < 0.5  # I V or IV I?
    assert key_of(played(*AXIS)).confidence < 0.7  # eight seconds
    assert key_of(played(*AXIS * 8)).confidence > 0.9


def test_a_relative_ambiguity_is_not_sure() -> None:
    """C and A minor by turns, as long as one another, in the same scale."""
    found = key_of(played(*("A:min", "C:maj", "G:maj", "C:maj", "A:min", "E:min") * 4))
    assert {candidate.label for candidate in found.ranking[:3]} & {"A minor", "C major"}
    assert found.confidence < 0.9


def test_chords_decide_where_the_tones_are_the_same() -> None:
    spectra = measure_song(Sound(played(*("C:maj", "F:maj", "A:min", "E:min") * 4)))
    tempo = tempo_of(NONE)
    major = chords_of(spectra, *[(label, 2.0) for label in ("C:maj", "F:maj", "G:7", "C:maj") * 4])
    minor = chords_of(spectra, *[(label, 2.0) for label in ("A:min", "D:min", "E:7", "A:min") * 4])
    strength = [
        {c.label: c.strength for c in key.estimate(spectra, tempo, heard).ranking}
        for heard in (major, minor)
    ]
    assert strength[0]["C major"] > 0.8
    assert strength[1]["A minor"] > strength[0]["A minor"] + 0.3


def test_beliefs_turn_with_the_tones() -> None:
    rng = np.random.Generator(np.random.Philox(key=[4, 4]))
    features = rng.random((3, 96)).astype(np.float32)
    logs = key.log_beliefs(features, "song")
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1)
    turned = np.roll(features.reshape(3, 8, 12), 5, axis=2).reshape(3, 96)
    moved = np.roll(logs.reshape(3, 2, 12), 5, axis=2).reshape(3, 24)
    np.testing.assert_allclose(key.log_beliefs(turned, "song"), moved, atol=1e-6)


def test_hours_take_no_more_than_their_seconds() -> None:
    """Two hours of a loop, from made-up spectra: segments stay whole and borders in order."""
    minutes = 120
    seconds = 60 * minutes
    short = measure_song(Sound(played(*AXIS * 2)))
    frames = np.tile(short.pitches, (seconds // 16, 1))
    long = SongSpectra(
        duration=float(seconds),
        onsets=short.onsets,
        pitches=frames,
        tuning=0.0,
        loudness=short.loudness,
        peaks=short.peaks,
        wave=short.wave,
        mono=True,
        true_peak=0.3,
    )
    heard = chords_of(long, *[(AXIS[k % 4], 2.0) for k in range(seconds // 2)])
    found = key.estimate(long, tempo_of(NONE), heard)
    assert found.label == "C major"
    assert [segment.label for segment in found.segments] == ["C major"]
    assert found.segments[0].end == seconds
