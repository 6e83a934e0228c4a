"""Sections of songs whose form is known, and of sounds that have none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from music_analysis import chords as chord_finder
from music_analysis import structure, synth
from music_analysis import tempo as tempo_finder
from music_analysis.bar_features import bar_borders
from music_analysis.chords import Chords
from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.structure import Structure
from music_analysis.tempo import Tempo

RATE = 44_100
NO_CHORDS = Chords(
    (), 0.0, np.zeros(0, np.float32), np.zeros((0, 12), np.float32), np.zeros((0, 25), np.float32)
)
FORM = (
    ("intro", 4),
    ("verse", 8),
    ("chorus", 8),
    ("verse", 8),
    ("chorus", 8),
    ("breakdown", 4),
    ("chorus", 8),
    ("outro", 4),
)


@dataclasses.dataclass(frozen=True)
class Sound:
    """Samples [channels, n] at 44.1 kHz as a source of blocks."""

    samples: NDArray[np.float32]

    def blocks(self, *, sample_rate: int, channels: int) -> Iterator[NDArray[np.float32]]:
        assert (sample_rate, channels) == (RATE, 2)
        sound = np.broadcast_to(self.samples, (2, self.samples.shape[1]))
        for start in range(0, sound.shape[1], 1 << 16):
            yield np.ascontiguousarray(sound[:, start : start + (1 << 16)])


def spectra_of(samples: NDArray[np.float32]) -> SongSpectra:
    return measure_song(Sound(samples))


def known_tempo(beats: NDArray[np.float64], downbeats: NDArray[np.float64]) -> Tempo:
    bpm = 60 / float(np.median(np.diff(beats))) if len(beats) > 1 else None
    meter = round(len(beats) / max(len(downbeats), 1)) or 4
    return Tempo(bpm, 0.9, (), beats, 0.9, downbeats, meter, None, 0.9, beats, beats, 0.0)


NO_TEMPO = known_tempo(np.zeros(0), np.zeros(0))


def sections_of(samples: NDArray[np.float32], tempo: Tempo) -> Structure:
    return structure.estimate(spectra_of(samples), tempo, NO_CHORDS)


def found(result: Structure, truth: list[float], near: float = 0.5) -> float:
    """F measure of the inner boundaries."""
    mine = np.array([s.start for s in result.sections[1:]])
    if not len(mine):
        return 0.0
    distance = np.abs(mine[:, None] - np.array(truth))
    precision = float((distance.min(axis=1) <= near).mean())
    recall = float((distance.min(axis=0) <= near).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def label_at(result: Structure, time: float) -> str:
    return next(s.label for s in result.sections if s.start <= time < s.end)


def without_gaps(result: Structure, duration: float) -> bool:
    starts = [s.start for s in result.sections]
    ends = [s.end for s in result.sections]
    return starts[0] == 0 and starts[1:] == ends[:-1] and abs(ends[-1] - duration) < 1e-6


@pytest.fixture(scope="module")
def song() -> synth.Song:
    return synth.make_song(synth.SongSpec(sections=FORM, tempo=124.0, key="A minor"))


@pytest.fixture(scope="module")
def result(song: synth.Song) -> Structure:
    return sections_of(song.samples, known_tempo(song.beats, song.downbeats))


def test_boundaries_lie_on_the_bars_where_the_arrangement_changes(song, result) -> None:
    truth = [start for start, _, _ in song.sections[1:]]
    assert without_gaps(result, song.duration)
    starts = np.array([s.start for s in result.sections])
    missed = [t for t in truth if np.abs(starts - t).min() > 0.5]
    assert len(missed) <= 1, missed
    assert found(result, truth) >= 0.75


def test_what_repeats_has_one_label_and_what_differs_another(song, result) -> None:
    inside = {name: [] for name in ("verse", "chorus")}
    for start, end, name in song.sections:
        if name in inside:
            inside[name].append(label_at(result, start + 0.3 * (end - start))[0])
    assert len(set(inside["verse"])) == 1
    assert len(set(inside["chorus"])) == 1
    assert inside["verse"][0] != inside["chorus"][0]


def test_the_loud_repeated_part_is_the_chorus(song, result) -> None:
    names = [
        (s.name, name)
        for s in result.sections
        for start, end, name in song.sections
        if start <= 0.5 * (s.start + s.end) < end
    ]
    assert all(mine == "chorus" for mine, true in names if true == "chorus"), names
    assert all(mine != "chorus" for mine, true in names if true != "chorus"), names
    assert names[0][0] == "intro"
    assert names[-1][0] == "outro"


def test_a_drop_is_where_the_chorus_comes_after_the_break(song, result) -> None:
    breakdown = next(s for s in song.sections if s[2] == "breakdown")
    drops = [e for e in result.events if e.kind == "drop"]
    assert any(abs(e.time - breakdown[1]) < 0.5 and e.strength > 0.3 for e in drops), drops
    assert all(e.start == e.time for e in drops)


def test_aaba(song) -> None:
    form = (("verse", 8), ("verse", 8), ("chorus", 8), ("verse", 8))
    made = synth.make_song(synth.SongSpec(sections=form, tempo=110.0, key="F major", seed=5))
    result = sections_of(made.samples, known_tempo(made.beats, made.downbeats))
    bar = 4 * 60 / 110
    starts = [s.start for s in result.sections]
    assert min(abs(s - 16 * bar) for s in starts) < 0.5
    assert min(abs(s - 24 * bar) for s in starts) < 0.5
    first, third, fourth = (label_at(result, (k + 3) * bar)[0] for k in (0, 16, 24))
    assert first == fourth
    assert first != third


def test_a_waltz_has_bars_of_three() -> None:
    form = (("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8))
    made = synth.make_song(synth.SongSpec(sections=form, tempo=150.0, meter=3))
    result = sections_of(made.samples, known_tempo(made.beats, made.downbeats))
    assert found(result, [start for start, _, _ in made.sections[1:]]) >= 0.6


def test_found_by_our_own_ears(song) -> None:
    result = structure.analyze(Sound(song.samples))
    assert found(result, [start for start, _, _ in song.sections[1:]]) >= 0.6
    assert 0 < result.confidence <= 1


def same(one: Structure, other: Structure, shift: float = 0.0) -> float:
    """Share of the boundaries of one that the other has."""
    mine = np.array([s.start for s in one.sections[1:]]) + shift
    theirs = np.array([s.start for s in other.sections])
    return float((np.abs(mine[:, None] - theirs).min(axis=1) < 0.1).mean())


@pytest.mark.parametrize("gain", [0.03, -0.5])
def test_gain_and_polarity_change_nothing(song, result, gain) -> None:
    softer = sections_of(song.samples * np.float32(gain), known_tempo(song.beats, song.downbeats))
    assert [s.label for s in softer.sections] == [s.label for s in result.sections]
    assert same(result, softer) == 1.0


def test_leading_silence_moves_the_boundaries_and_adds_one(song, result) -> None:
    silence = 3 * 60 / 124.0 * 4
    lead = np.zeros((2, round(silence * RATE)), np.float32)
    samples = np.concatenate([lead, song.samples], axis=1)
    silence = lead.shape[1] / RATE
    later = sections_of(samples, known_tempo(song.beats + silence, song.downbeats + silence))
    assert same(result, later, silence) >= 0.85
    assert same(later, result, -silence) >= 0.7


def test_transposition_changes_no_boundary(result) -> None:
    made = synth.make_song(synth.SongSpec(sections=FORM, tempo=124.0, key="B minor"))
    higher = sections_of(made.samples, known_tempo(made.beats, made.downbeats))
    assert same(result, higher) >= 0.85
    assert same(higher, result) >= 0.85


@pytest.mark.parametrize(
    "samples",
    [
        synth.silence(0.01),
        synth.silence(30.0),
        synth.noise(60.0),
        synth.noise(60.0, color="pink"),
        synth.tone(220.0, 60.0),
        synth.chord("C:maj", 40.0),
        synth.chord("A:min", 2.0),
        synth.clicks(120.0, 2.0),
    ],
    ids=["sample", "silence", "white", "pink", "tone", "chord", "short", "clicks"],
)
def test_what_has_no_form_is_one_section_and_not_sure(samples) -> None:
    spectra = spectra_of(samples)
    for tempo in (NO_TEMPO, tempo_finder.estimate(spectra)):
        result = structure.estimate(spectra, tempo, NO_CHORDS)
        assert len(result.sections) == 1
        assert without_gaps(result, spectra.duration)
        assert result.confidence < 0.3
        assert result.sections[0].confidence < 0.3
        assert result.sections[0].name == "silence" or result.sections[0].name_confidence < 0.3
        assert not result.events


def test_strokes_far_apart_are_no_silence() -> None:
    strokes = np.zeros((2, 12 * RATE), np.float32)
    strokes[:, 4 * RATE :: 5 * RATE] = 0.5
    result = structure.estimate(spectra_of(strokes), NO_TEMPO, NO_CHORDS)
    assert [(s.label, s.name) for s in result.sections] == [("A", "part")]
    assert (
        structure.estimate(spectra_of(synth.silence(12.0)), NO_TEMPO, NO_CHORDS).sections[0].label
        == "N"
    )


def long_spectra(seconds: int, seed: int = 0, *, form: bool) -> SongSpectra:
    """Made-up measurements of a long recording: passages of 32 s that come back, or one drone."""
    noise = np.random.default_rng(seed)
    onsets = np.full((100 * seconds, 32), 1e-4, np.float32)
    pitches = np.full((10 * seconds, 252), 1e-3, np.float32)
    onsets *= 1 + 0.05 * noise.random((100 * seconds, 1), np.float32)
    if form:
        kinds = noise.integers(0, 6, seconds // 32 + 1)
        for k, kind in enumerate(kinds):
            shape = np.random.default_rng(kind)
            onsets[3200 * k : 3200 * (k + 1)] *= 10 ** shape.uniform(-1, 1, 32).astype(np.float32)
            pitches[320 * k : 320 * (k + 1)] += shape.random(252).astype(np.float32) ** 8
        onsets[::50] *= 30
    power = onsets.sum(axis=1)[::10].copy()
    wave = np.zeros((20 * seconds, 2), np.float32)
    return dataclasses.replace(
        spectra_of(synth.silence(0.1)),
        duration=float(seconds),
        onsets=onsets,
        pitches=pitches,
        loudness=power,
        peaks=power,
        wave=wave,
    )


def test_a_drone_of_15_minutes_is_one_section() -> None:
    result = structure.estimate(long_spectra(900, form=False), NO_TEMPO, NO_CHORDS)
    assert len(result.sections) == 1
    assert result.confidence < 0.3


def test_two_hours_stay_small() -> None:
    import tracemalloc

    spectra = long_spectra(7200, form=True)
    beats = np.arange(0.0, 7200.0, 0.5)
    tempo = known_tempo(beats, beats[::4])
    tracemalloc.start()
    result = structure.estimate(spectra, tempo, NO_CHORDS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 250e6
    assert without_gaps(result, 7200.0)
    assert len(result.bar_similarity) <= 512
    assert len(result.beat_similarity) <= 512
    assert len(result.novelty) == len(result.novelty_times) == 3600
    starts = np.array([s.start for s in result.sections])
    assert len(starts) > 60
    # most of the sections begin where a passage does
    off = starts / 32 - np.rint(starts / 32)
    assert float((np.abs(off) < 0.02).mean()) > 0.5


def test_matrices_fit_their_borders(result) -> None:
    for times, matrix in (
        (result.bar_times, result.bar_similarity),
        (result.beat_times, result.beat_similarity),
    ):
        assert matrix.shape == (len(times) - 1,) * 2
        assert matrix.dtype == np.float32
        assert np.array_equal(matrix, matrix.T)
        assert matrix.min() >= 0
        assert matrix.max() <= 1
        assert (np.diff(times) > 0).all()
    assert result.novelty.min() >= 0
    assert result.novelty.max() <= 1


def test_borders_reach_from_start_to_end() -> None:
    downbeats = np.array([5.0, 7.0, 9.0, 11.0, 13.0])
    borders = bar_borders(20.0, known_tempo(np.arange(5.0, 14.0, 0.5), downbeats))
    assert borders.tolist() == [0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20]
    assert bar_borders(0.01, NO_TEMPO).tolist() == [0, 0.01]
    assert len(bar_borders(61.0, NO_TEMPO)) == 31


def test_chords_that_say_nothing_do_no_harm(song, result) -> None:
    spectra = spectra_of(song.samples)
    tempo = known_tempo(song.beats, song.downbeats)
    chords = chord_finder.estimate(spectra, tempo)
    broken = dataclasses.replace(chords, probabilities=np.full_like(chords.probabilities, np.nan))
    starts = [s.start for s in structure.estimate(spectra, tempo, broken).sections]
    assert starts == [s.start for s in result.sections]
