"""The steps from activations to beats and bars, each with truth made by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from music_analysis import beat_network, tempo
from music_analysis.beat_network import METERS, TEMPOS, Activations, changes, inputs, levels, listen
from music_analysis.beat_path import carry_on, find_beats, follow_tempo, score_beats
from music_analysis.meter import find_bars
from music_analysis.song_spectra import SongSpectra
from music_analysis.tempo_trust import BARS, BEATS, TEMPO, Clues, one_tempo, trust

Array = NDArray[np.float64]


def random(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[78, purpose]))


def bumps(times: Array, length: int, height: float = 0.9) -> NDArray[np.float32]:
    """Activations at 50 Hz as the network gives them: three frames wide."""
    t = np.arange(length)[:, None]
    distance = np.abs(t - times * 50).min(axis=1)
    out: NDArray[np.float32] = (height * np.maximum(1 - 0.5 * distance, 0.01)).astype(np.float32)
    return out


def struck(times: Array, length: int) -> NDArray[np.float32]:
    """Onsets at 100 Hz, not very strong."""
    t = np.arange(2 * length)[:, None]
    out: NDArray[np.float32] = np.float32(0.5) * (np.abs(t - times * 100).min(axis=1) < 1.5)
    return out


def activations(beats: Array, meter: int, length: int, height: float = 0.9) -> Activations:
    flat = np.full((length, len(METERS)), 1 / len(METERS), np.float32)
    guess = np.full((length, len(TEMPOS)), 1 / len(TEMPOS), np.float32)
    return Activations(
        bumps(beats, length, height),
        bumps(beats[::meter], length, height),
        flat,
        guess,
        np.zeros(2 * length, np.float32),
        np.zeros(2 * length, np.float32),
    )


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("bpm", [45, 62.5, 88, 120, 171, 215])
def test_tempo_and_beats_of_clear_activations(bpm: float, meter: int) -> None:
    beats = np.arange(0.3, 39.8, 60 / bpm)
    heard = activations(beats, meter, 2000)
    score = score_beats(heard.beat, struck(beats, 2000))
    path = follow_tempo(score, heard)
    assert path.bpm == pytest.approx(bpm, rel=0.03)
    found = find_beats(score, path.bpm) / 100
    assert np.abs(found[None, :] - beats[:, None]).min(axis=1).max() < 0.021
    inside = (found > 0.25) & (found < beats[-1] + 0.05)
    assert inside.sum() == len(beats)


def test_beats_are_carried_through_a_passage_that_misleads() -> None:
    """Twenty-four seconds of off-beats between clear passages do not turn the beat around."""
    beats = np.arange(0.3, 59, 0.5)
    quiet = (beats > 20) & (beats < 44)
    clear = bumps(beats[~quiet], 3000)
    misleading = bumps(beats[quiet] + 0.25, 3000, 0.45)
    beat = np.maximum(clear, misleading)
    bpm = np.full(3000, 120.0)
    onsets = struck(np.sort(np.concatenate([beats[~quiet], beats[quiet] + 0.25])), 3000)
    first = find_beats(score_beats(beat, onsets), bpm)
    turned = np.abs(first[None, :] / 100 - beats[quiet][:, None]).min(axis=1)
    assert (turned > 0.1).any()  # it would be misled
    found = find_beats(score_beats(carry_on(beat, first), onsets), bpm) / 100
    assert np.abs(found[None, :] - beats[:, None]).min(axis=1).max() < 0.03


def test_a_new_tempo_is_not_overruled() -> None:
    """Where a passage has clear beats of its own, nothing is carried into it."""
    beats = np.concatenate([np.arange(0.3, 20, 0.5), np.arange(20.2, 40, 0.4)])
    beat = bumps(beats, 2000)
    score = score_beats(beat, struck(beats, 2000))
    first = find_beats(score, np.where(np.arange(2000) < 1000, 120.0, 150.0))
    carried = carry_on(beat, first)
    raised = np.flatnonzero(carried > beat + 0.1) / 50
    # only beyond the first and the last beat
    assert ((raised < 0.4) | (raised > 39.5)).all()


@pytest.mark.parametrize("meter", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("phase", [0, 1])
def test_bars_of_any_meter(meter: int, phase: int) -> None:
    likely = np.full(60, 0.1)
    likely[phase::meter] = 0.7
    bars = find_bars(likely)
    assert bars.meter == meter
    assert np.flatnonzero(bars.first).tolist() == list(range(phase, 60, meter))
    assert bars.margin > 0
    assert bars.contrast > 1


def test_a_bar_may_break_off_once() -> None:
    likely = np.full(62, 0.05)
    likely[0:30:4] = 0.9
    likely[30::4] = 0.9
    bars = find_bars(likely)
    assert bars.meter == 4
    assert np.flatnonzero(bars.first).tolist() == [*range(0, 30, 4), *range(30, 62, 4)]


def test_equal_beats_have_bars_of_little_worth() -> None:
    bars = find_bars(np.full(40, 0.25))
    assert bars.margin < 0.05
    assert abs(bars.contrast) < 1e-9


def made_spectra(minutes: float, purpose: int) -> SongSpectra:
    """Spectra of strokes of all bands twice a second over faint noise."""
    draw = random(purpose)
    n = round(minutes * 6000)
    onsets = draw.random((n, 32), np.float32) * np.float32(1e-6)
    for k in range(6):
        onsets[25 + k :: 50] += np.float32(1e-2 / (1 + k) ** 3)
    pitches = draw.random((n // 10, 252), np.float32) * np.float32(0.01)
    few = np.zeros(n // 10, np.float32)
    return SongSpectra(
        duration=n / 100,
        onsets=onsets,
        pitches=pitches,
        tuning=0.0,
        loudness=few,
        peaks=few,
        true_peak=0.5,
        wave=np.zeros((n // 5, 2), np.float32),
        mono=True,
    )


def test_pages_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    spectra = made_spectra(1.5, 1)
    whole = listen(spectra)
    monkeypatch.setattr(beat_network, "_PAGE", 1000)
    paged = listen(spectra)
    assert paged.beat == pytest.approx(whole.beat, abs=1e-4)
    assert paged.downbeat == pytest.approx(whole.downbeat, abs=1e-4)
    assert paged.tempo == pytest.approx(whole.tempo, abs=1e-4)
    np.testing.assert_array_equal(paged.onset, whole.onset)
    np.testing.assert_array_equal(paged.low, whole.low)
    level = levels(spectra.onsets)
    rise = np.maximum(level[2:] - level[:-2], 0)
    assert whole.onset[1:-1] == pytest.approx(rise.mean(axis=1), abs=1e-4)


def test_changes_of_harmony_are_the_same_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    semitones = made_spectra(0.5, 5).semitones()
    whole = changes(semitones)
    monkeypatch.setattr(beat_network, "_PAGE", 71)
    np.testing.assert_array_equal(changes(semitones), whole)


@pytest.mark.parametrize("length", [51, 75, 76, 150])
def test_a_second_has_a_tempo_path(length: int) -> None:
    heard = activations(np.arange(0, length / 50, 0.5), 4, length)
    path = follow_tempo(score_beats(heard.beat, np.zeros(2 * length, np.float32)), heard)
    assert path.bpm.shape == (length,)
    assert np.isfinite(path.bpm).all()


def test_inputs_do_not_depend_on_where_a_page_begins() -> None:
    spectra = made_spectra(0.5, 2)
    level, change = levels(spectra.onsets), changes(spectra.semitones())
    whole = inputs(level, change, 0, 1500)
    assert inputs(level, change, 700, 1100) == pytest.approx(whole[700:1100])


def test_gain_does_not_reach_the_network() -> None:
    spectra = made_spectra(0.5, 3)
    assert levels(spectra.onsets * np.float32(4)) == pytest.approx(levels(spectra.onsets), abs=0.01)
    semitones = spectra.semitones()
    assert changes(semitones * np.float32(3)) == pytest.approx(changes(semitones), abs=1e-4)


def test_a_change_of_harmony_is_seen_where_it_is() -> None:
    semitones = np.zeros((100, 84), np.float32)
    semitones[:50, [0, 40, 44]] = 1
    semitones[50:, [5, 41, 45]] = 1
    change = changes(semitones)
    assert change.min() >= 0
    assert change.max() <= 1
    assert (np.abs(change.argmax(axis=0) - 49.5) <= 1).all()
    assert change[10:30].max() < 1e-6


def test_memory_grows_with_the_song_and_no_faster() -> None:
    """Two hours must fit: 70 MB an hour at most."""
    peaks = []
    for minutes in (10, 20):
        spectra = made_spectra(minutes, 4)
        tracemalloc.start()
        found = tempo.estimate(spectra)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.bpm == pytest.approx(120, rel=0.01)
        assert len(found.beats) == pytest.approx(120 * minutes, abs=3)
    assert peaks[1] < 2.2 * peaks[0]
    assert peaks[1] - peaks[0] < 70e6 / 6


def test_trust_is_a_probability_that_grows_with_the_evidence() -> None:
    sure = Clues(0.9, 0.02, 0.9, -1.5, 0.05, 0.01, 0.01, 4.0, 0.5, 0.95)
    doubtful = Clues(0.25, 0.2, 0.1, 0.3, 0.3, 0.1, 0.2, 0.3, 0.01, 0.4)
    for weights in (TEMPO, BEATS, BARS):
        assert 0 <= trust(doubtful, weights) < 0.3
        assert 0.6 < trust(sure, weights) <= 1


def test_one_number_is_not_the_tempo_of_rubato() -> None:
    assert one_tempo(0.02) == 1
    assert one_tempo(0.2) == pytest.approx(0.25)
    assert one_tempo(0.5) == pytest.approx(0.25)
