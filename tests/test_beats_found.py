"""Tempo, beats and bars of sounds whose truth is known, by the network and by rules."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from made_sound import RATE, Sound
from music_analysis import tempo
from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.synth import SongSpec, clicks, make_song, noise, tone
from music_analysis.tempo import Tempo

Array = NDArray[np.float64]


def heard(samples: NDArray[np.floating], *, network: bool = True) -> Tempo:
    return tempo.estimate(measure_song(Sound(samples)), network=network)


def random(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[77, purpose]))


def clicks_at(times: Array, duration: float) -> Array:
    """One click at each time, all alike."""
    one = clicks(60, 0.2).astype(np.float64)
    one = one[0] if one.ndim == 2 else one
    out = np.zeros(round(duration * RATE))
    for time in times:
        first = round(time * RATE)
        part = out[first : first + len(one)]
        part += one[: len(part)]
    return out


def offsets(found: Tempo, truth: Array) -> Array:
    """Signed distance from each true beat to the nearest found, seconds."""
    nearest = np.abs(found.beats[None, :] - truth[:, None]).argmin(axis=1)
    distances: Array = found.beats[nearest] - truth
    return distances


def f_measure(found: Array, truth: Array) -> float:
    hits = (np.abs(found[None, :] - truth[:, None]).min(axis=1) < 0.07).sum()
    return 2 * float(hits) / (len(found) + len(truth))


def check_form(found: Tempo) -> None:
    """What holds for every estimate."""
    assert (np.diff(found.beats) > 0).all()
    assert np.isin(found.downbeats, found.beats).all()
    for value in (found.confidence, found.beat_confidence, found.meter_confidence):
        assert 0 <= value <= 1
    assert len(found.alternatives) <= 4
    strengths = [other.strength for other in found.alternatives]
    assert strengths == sorted(strengths, reverse=True)
    assert all(0 <= strength <= 1 for strength in strengths)
    assert len(found.curve_times) == len(found.curve_bpm)
    assert (found.bpm is None) == (found.confidence == 0)
    assert (found.time_signature is None) == (found.meter_confidence < 0.02)
    if found.bpm is not None:
        assert found.bpm == pytest.approx(60 / np.median(np.diff(found.beats)))


@pytest.fixture(scope="module")
def song() -> NDArray[np.float32]:
    return make_song(SongSpec(tempo=112, sections=(("verse", 6), ("chorus", 6)))).samples


@pytest.fixture(scope="module")
def song_spectra(song: NDArray[np.float32]) -> SongSpectra:
    return measure_song(Sound(song))


@pytest.mark.parametrize("bpm", [60, 75, 90, 100, 120, 128.5, 140, 174, 200])
def test_clicks_are_found_within_ten_milliseconds(bpm: float) -> None:
    truth = np.arange(0.37, 19.8, 60 / bpm)
    found = heard(clicks_at(truth, 20))
    check_form(found)
    assert found.bpm == pytest.approx(bpm, rel=0.005)
    assert np.abs(offsets(found, truth)).max() < 0.010
    assert len(found.beats) == len(truth)
    # equal clicks this fast may as well be two to a beat
    assert found.confidence > (0.4 if bpm < 160 else 0.2)
    assert found.beat_confidence > 0.6
    assert found.variation < 0.05


@pytest.mark.parametrize("meter", [3, 4])
def test_bars_of_a_made_song_are_found(meter: int) -> None:
    song = make_song(SongSpec(tempo=126, meter=meter, sections=(("verse", 8), ("chorus", 8))))
    found = heard(song.samples)
    check_form(found)
    assert found.bpm == pytest.approx(126, rel=0.01)
    assert f_measure(found.beats, song.beats) > 0.95
    assert found.meter == meter
    assert found.time_signature == f"{meter}/4"
    assert f_measure(found.downbeats, song.downbeats) > 0.9


def test_bars_of_seven_are_found() -> None:
    song = make_song(SongSpec(tempo=150, meter=7, sections=(("verse", 8), ("chorus", 8))))
    found = heard(song.samples)
    assert f_measure(found.beats, song.beats) > 0.95
    assert found.meter == 7
    assert found.time_signature == "7/8"
    assert f_measure(found.downbeats, song.downbeats) > 0.9


def six_eight(bars: int, beat: float) -> tuple[Array, Array]:
    """Bass, chord, chord, bass, chord, chord with a chord change a bar; and the beats."""
    eighth = beat / 3
    duration = bars * 2 * beat + 1
    out = np.zeros(round(duration * RATE))
    roots = [110.0, 146.8, 164.8, 110.0]
    for number in range(bars * 6):
        root = roots[number // 6 % 4]
        low = number % 3 == 0
        length = eighth * (2.5 if low else 0.9)
        t = np.arange(round(length * RATE)) / RATE
        notes = [root / 2, root] if low else [root * 2, root * 2.5, root * 3]
        gain = 0.3 if number % 6 == 0 else 0.22 if low else 0.08
        wave = sum(np.sin(2 * np.pi * k * f * t) / k**1.5 for f in notes for k in (1, 2, 3, 4))
        first = round(number * eighth * RATE)
        out[first : first + len(t)] += gain * wave * np.exp(-t / 0.4)
    scaled: Array = 0.5 * out / np.abs(out).max()
    return scaled, np.arange(bars * 2, dtype=np.float64) * beat


def test_six_eight_is_two_beats_of_three() -> None:
    samples, truth = six_eight(16, 1.0)
    found = heard(samples)
    check_form(found)
    near = [found.bpm, *(other.bpm for other in found.alternatives)]
    assert any(bpm == pytest.approx(60, rel=0.02) for bpm in near)
    if found.bpm == pytest.approx(60, rel=0.02):
        assert f_measure(found.beats, truth) > 0.9
        assert found.time_signature == "6/8"


def test_a_tempo_change_is_followed() -> None:
    first = np.arange(0.5, 20.4, 0.5)
    second = np.arange(first[-1] + 0.4, 40, 0.4)
    truth = np.concatenate([first, second])
    found = heard(clicks_at(truth, 41))
    assert f_measure(found.beats, truth) > 0.97
    slow = found.curve_bpm[(found.curve_times > 4) & (found.curve_times < 16)]
    fast = found.curve_bpm[(found.curve_times > 25) & (found.curve_times < 37)]
    assert slow == pytest.approx(120, rel=0.01)
    assert fast == pytest.approx(150, rel=0.01)


def test_a_drifting_tempo_is_followed() -> None:
    truth = 0.5 + np.cumsum(np.linspace(0.60, 0.48, 80))
    found = heard(clicks_at(truth, truth[-1] + 1))
    assert np.abs(offsets(found, truth)).max() < 0.015
    assert len(found.beats) == len(truth)
    assert found.curve_bpm[0] < 106
    assert found.curve_bpm[-1] > 120


def test_silence_before_shifts_everything(song: NDArray[np.float32]) -> None:
    lead = 3.0
    quiet = np.zeros((2, round(lead * RATE)), np.float32)
    plain, later = heard(song), heard(np.concatenate([quiet, song], axis=1))
    common = [t for t in plain.beats if np.abs(later.beats - lead - t).min() < 0.002]
    assert len(common) > 0.95 * len(plain.beats)
    assert later.beats[0] > lead - 0.03
    assert later.bpm == pytest.approx(plain.bpm, rel=0.002)


def test_gain_and_polarity_change_nothing(song: NDArray[np.float32]) -> None:
    plain = heard(song)
    for gain in (0.25, -1.0):
        other = heard(song * np.float32(gain))
        assert other.beats == pytest.approx(plain.beats, abs=1e-3)
        assert other.downbeats == pytest.approx(plain.downbeats, abs=1e-3)
        assert other.confidence == pytest.approx(plain.confidence, abs=0.02)


def test_half_speed_is_half_the_tempo() -> None:
    """The beats of a song at half speed are twice as late, at some metrical level."""
    spec = SongSpec(tempo=140, sections=(("verse", 8),))
    plain = heard(make_song(spec).samples)
    slow = heard(make_song(SongSpec(tempo=70, sections=(("verse", 8),))).samples)
    assert plain.bpm is not None
    levels = [slow.bpm, *(other.bpm for other in slow.alternatives)]
    assert any(bpm == pytest.approx(plain.bpm / 2, rel=0.01) for bpm in levels)


def test_the_same_sound_gives_the_same_answer(song_spectra: SongSpectra) -> None:
    first, second = tempo.estimate(song_spectra), tempo.estimate(song_spectra)
    assert np.array_equal(first.beats, second.beats)
    assert np.array_equal(first.downbeats, second.downbeats)
    assert (first.confidence, first.alternatives) == (second.confidence, second.alternatives)


def test_rules_alone_find_the_beats_too(song_spectra: SongSpectra) -> None:
    found = tempo.estimate(song_spectra, network=False)
    check_form(found)
    levels = [found.bpm, *(other.bpm for other in found.alternatives)]
    assert any(bpm == pytest.approx(112, rel=0.03) for bpm in levels)


def test_the_grid_for_pictures_is_the_same(song_spectra: SongSpectra) -> None:
    found = tempo.estimate(song_spectra)
    grid = found.grid
    assert grid.bpm == found.bpm
    assert np.array_equal(grid.beats, found.beats)
    assert grid.confidence == found.beat_confidence
    assert grid.meter == found.meter


def speech() -> Array:
    """Syllables at the pace of speech: bursts of buzz and noise at random."""
    draw = random(3)
    out = np.zeros(20 * RATE)
    t = np.arange(len(out)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.3 * t)) / RATE))
    envelope = np.zeros(len(out))
    for moment in np.cumsum(draw.gamma(3, 0.07, 200)):
        first, width = int(moment * RATE), int(draw.uniform(0.05, 0.2) * RATE)
        part = envelope[first : first + width]
        part += np.hanning(width)[: len(part)] * draw.uniform(0.3, 1)
    mixed: Array = 0.1 * envelope * (buzz + draw.standard_normal(len(out)))
    return mixed


def held_note() -> Array:
    return np.asarray(tone(220, 20), np.float64)


def white() -> Array:
    return np.asarray(noise(20), np.float64)


def drone() -> Array:
    t = np.arange(20 * RATE) / RATE
    swell = 1 + 0.5 * np.sin(2 * np.pi * 0.07 * t)
    wave: Array = 0.1 * swell * sum(np.sin(2 * np.pi * f * t) for f in (110, 165, 220.3, 277))
    return wave


def at_random() -> Array:
    return clicks_at(np.cumsum(random(1).exponential(0.4, 60)), 24)


def rubato() -> Array:
    return clicks_at(np.cumsum(0.5 * np.exp(random(2).normal(0, 0.3, 50))), 27)


@pytest.mark.parametrize("made", [held_note, white, drone, speech, at_random, rubato])
def test_without_a_steady_beat_nothing_is_claimed(made: object) -> None:
    assert callable(made)
    found = heard(made())
    check_form(found)
    assert found.confidence < 0.3


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.0, 2.0])
def test_short_clips_claim_nothing(song: NDArray[np.float32], seconds: float) -> None:
    found = heard(song[:, : round(seconds * RATE)])
    check_form(found)
    assert found.bpm is None or found.confidence < 0.5


@pytest.mark.parametrize("network", [True, False])
def test_silence_has_no_tempo(network: bool) -> None:
    found = heard(np.zeros(5 * RATE), network=network)
    assert found.bpm is None
    assert found.confidence == found.beat_confidence == found.meter_confidence == 0
    assert len(found.beats) == len(found.downbeats) == len(found.curve_bpm) == 0
    assert found.alternatives == ()
