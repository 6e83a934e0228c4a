"""Chords of sound that is made here: known progressions, invariances, and what holds no chord."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_chords_sound import (
    RATE,
    WAVES,
    Sound,
    agreement,
    line,
    note,
    played,
    spectra,
    steady,
    voiced,
)
from music_analysis import synth
from music_analysis.chord_labels import ChordName, parse
from music_analysis.chords import Chords, estimate

LOOP = ("C:maj", "A:min", "F:maj", "G:maj", "E:min", "D:min", "Bb:maj", "E:maj")
BAR = 1.5


def _loop(wave: str = "sawtooth", shift: float = 0.0) -> np.ndarray:
    return played(LOOP, BAR, wave, shift)


def _listen(samples: np.ndarray, bpm: float | None = 160.0, *, network: bool = True) -> Chords:
    measured = spectra(samples)
    return estimate(measured, steady(bpm, measured.duration), network=network)


def _labels(chords: Chords) -> list[tuple[float, float, ChordName | None]]:
    return [(c.start, c.end, parse(c.label)) for c in chords.segments]


def _check_form(chords: Chords, duration: float) -> None:
    """What holds for every result."""
    if chords.segments:
        assert chords.segments[0].start == 0
        assert chords.segments[-1].end == pytest.approx(duration)
    for before, after in zip(chords.segments, chords.segments[1:], strict=False):
        assert before.end == after.start
        assert before.label != after.label
    assert all(c.end > c.start and 0 <= c.confidence <= 1 for c in chords.segments)
    assert 0 <= chords.confidence <= 1
    steps = len(chords.step_times) - 1
    assert chords.chroma.shape == (steps, 12)
    assert chords.probabilities.shape == (steps, 25)
    assert ((chords.chroma >= 0) & (chords.chroma <= 1)).all()
    np.testing.assert_allclose(chords.probabilities.sum(axis=1), 1, atol=1e-4)
    assert chords.step_times[0] == 0
    assert chords.step_times[-1] == pytest.approx(duration, abs=1e-3)


@pytest.mark.parametrize("network", [True, False])
@pytest.mark.parametrize("wave", WAVES)
def test_a_known_progression(wave: str, network: bool) -> None:
    chords = _listen(_loop(wave), network=network)
    _check_form(chords, BAR * len(LOOP))
    assert agreement(chords, line(LOOP, BAR)) >= 0.95
    assert chords.confidence > 0.6


@pytest.mark.parametrize("network", [True, False])
def test_without_beats_chords_are_found_too(network: bool) -> None:
    chords = _listen(_loop(), None, network=network)
    assert agreement(chords, line(LOOP, BAR)) >= 0.9


def test_every_transposition_moves_the_labels() -> None:
    truth = line(LOOP, BAR)
    for shift in range(-6, 6):
        chords = _listen(_loop(shift=shift))
        assert agreement(chords, truth, shift=shift) >= 0.95, shift


@pytest.mark.parametrize("cents", [-35, 35])
@pytest.mark.parametrize("network", [True, False])
def test_detuning_changes_no_chord(cents: int, network: bool) -> None:
    plain = _listen(_loop("organ"), network=network)
    detuned = _listen(_loop("organ", cents / 100), network=network)
    assert _labels(detuned) == _labels(plain)


@pytest.mark.parametrize(
    "change",
    [lambda x: 0.02 * x, lambda x: -x, lambda x: np.stack([x, x]), lambda x: np.stack([x, 0 * x])],
    ids=["gain", "polarity", "stereo", "left only"],
)
def test_what_changes_nothing(change) -> None:
    samples = _loop()
    assert _labels(_listen(change(samples))) == _labels(_listen(samples))


def test_leading_silence_moves_the_chords_only() -> None:
    late = 3.75  # ten beats
    chords = _listen(np.concatenate([np.zeros(round(late * RATE), np.float32), _loop()]))
    assert chords.segments[0].label == "N"
    assert chords.segments[0].end == pytest.approx(late, abs=0.3)
    assert agreement(chords, [(a + late, b + late, c) for a, b, c in line(LOOP, BAR)]) >= 0.95


@pytest.mark.parametrize(
    ("seed", "key", "bpm", "meter"),
    [
        (1, "C major", 84, 4),
        (2, "F# minor", 118, 4),
        (3, "Eb major", 140, 3),
        (4, "A minor", 96, 4),
    ],
)
def test_composed_songs(seed: int, key: str, bpm: float, meter: int) -> None:
    sections = (("intro", 2), ("verse", 8), ("chorus", 4), ("outro", 2))
    song = synth.make_song(
        synth.SongSpec(tempo=bpm, key=key, sections=sections, meter=meter, seed=seed)
    )
    measured = spectra(song.samples)
    chords = estimate(measured, steady(bpm, song.duration, meter))
    _check_form(chords, song.duration)
    assert agreement(chords, song.chords, triads=True) >= 0.95
    assert chords.confidence > 0.7
    by_rules = estimate(measured, steady(bpm, song.duration, meter), network=False)
    assert agreement(by_rules, song.chords, triads=True) >= 0.93


SEVENTHS = ("G:7", "C:maj7", "A:min7", "D:7", "F:maj7", "E:min7", "B:hdim7", "B:dim")


@pytest.mark.parametrize("wave", ["sawtooth", "organ"])
def test_sevenths_where_they_sound(wave: str) -> None:
    chords = _listen(played(SEVENTHS, BAR, wave))
    assert agreement(chords, line(SEVENTHS, BAR)) >= 0.8
    assert agreement(chords, line(SEVENTHS, BAR), triads=True) >= 0.95


def test_no_sevenths_where_there_are_none() -> None:
    qualities = {parse(c.label).quality for c in _listen(_loop()).segments}
    assert qualities == {"maj", "min"}


INVERSIONS = ("C:maj/3", "F:maj/5", "A:min/b3", "G:maj/3", "D:min/5", "C:maj/5")


def test_inversions_where_the_bass_says_so() -> None:
    chords = _listen(played(INVERSIONS, BAR, "sawtooth"))
    truth = line(INVERSIONS, BAR)
    assert agreement(chords, truth, triads=True) >= 0.95
    right = sum(
        max(0.0, min(b, c.end) - max(a, c.start))
        for a, b, label in truth
        for c in chords.segments
        if parse(c.label) == parse(label)
    )
    assert right >= 0.8 * BAR * len(INVERSIONS)


def test_flat_keys_are_spelled_with_flats() -> None:
    flat = _listen(played(("Bb:maj", "Eb:maj", "F:maj", "Bb:maj"), BAR))
    assert [c.label.split("/")[0] for c in flat.segments[:2]] == ["Bb:maj", "Eb:maj"]
    sharp = _listen(played(("A:maj", "F#:min", "B:min", "E:maj"), BAR))
    assert any(c.label.startswith("F#") for c in sharp.segments)


def _drums(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    track = np.zeros(int(seconds * RATE), np.float32)
    t = np.arange(int(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * (48 * t + 3 * (1 - np.exp(-25 * t)))) * np.exp(-14 * t)
    snare = rng.normal(size=len(t)) * np.exp(-20 * t) * 0.5
    for beat in range(int(seconds * 2) - 1):
        at = int(beat * RATE / 2)
        track[at : at + len(t)] += 0.5 * (kick if beat % 2 == 0 else snare)
    return track


def _voice(seconds: float) -> np.ndarray:
    """One voice, without accompaniment, that slides and wavers."""
    t = np.arange(int(seconds * RATE)) / RATE
    steps = np.repeat([57, 60, 62, 59, 64, 62, 60, 55], len(t) // 8 + 1)[: len(t)]
    smooth = np.convolve(steps, np.ones(4000) / 4000, "same")
    pitch = smooth + 0.6 * np.sin(2 * np.pi * 5.2 * t)
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((pitch - 69) / 12)) / RATE
    return 0.1 * sum(np.sin(k * phase) / k for k in range(1, 10))


NO_CHORDS = {
    "white noise": lambda: synth.noise(8.0),
    "pink noise": lambda: synth.noise(8.0, color="pink"),
    "drums": lambda: _drums(10.0),
    "sine note": lambda: synth.tone(440.0, 8.0),
    "sawtooth note": lambda: note(57, 8.0),
    "low note": lambda: note(33, 8.0),
    "voice": lambda: _voice(10.0),
    "clicks": lambda: synth.clicks(120, 8.0),
}


@pytest.mark.parametrize("kind", NO_CHORDS)
@pytest.mark.parametrize("bpm", [None, 120.0])
def test_what_holds_no_chord(kind: str, bpm: float | None) -> None:
    chords = _listen(NO_CHORDS[kind](), bpm)
    _check_form(chords, chords.segments[-1].end)
    named = sum(c.end - c.start for c in chords.segments if c.label != "N")
    assert named <= 0.25 * chords.segments[-1].end or chords.confidence < 0.5


@pytest.mark.parametrize("network", [True, False])
@pytest.mark.parametrize("seconds", [0.01, 0.3, 2.0])
def test_short_and_silent(seconds: float, network: bool) -> None:
    quiet = _listen(synth.silence(seconds), None, network=network)
    assert [c.label for c in quiet.segments] == ["N"]
    assert quiet.confidence == 0
    short = _listen(synth.chord("C:maj", seconds), None, network=network)
    _check_form(short, len(synth.chord("C:maj", seconds)[0]) / RATE)


def test_a_second_time_gives_the_same() -> None:
    first, second = _listen(_loop()), _listen(_loop())
    assert first.segments == second.segments
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


def test_wrong_beats_do_not_ruin_the_chords() -> None:
    measured = spectra(_loop())
    late = steady(112.0, measured.duration)
    late = replace(late, beats=late.beats + 0.21, downbeats=late.downbeats + 0.21)
    assert agreement(estimate(measured, late), line(LOOP, BAR)) >= 0.85


def test_voicings_of_the_tests_hold_their_chords() -> None:
    for label in (*LOOP, *SEVENTHS, *INVERSIONS):
        name = parse(label)
        pitches = voiced(label)
        assert {p % 12 for p in pitches} == set(name.pitch_classes)
        assert min(pitches) % 12 == (name.root + name.bass) % 12


def test_analyze_measures_by_itself() -> None:
    from music_analysis import chords

    found = chords.analyze(Sound(_loop()))
    _check_form(found, BAR * len(LOOP))
    assert agreement(found, line(LOOP, BAR)) >= 0.85
