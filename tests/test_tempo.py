from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from music_analysis.tempo import BeatGrid, track_beats

RATE = 100.0


def onsets(
    times: NDArray[np.float64],
    duration: float,
    strength: float | NDArray[np.float64] = 20.0,
    rate: float = RATE,
) -> NDArray[np.float32]:
    """An onset curve as clicks give it: bumps 25 ms wide, centered on the times."""
    t = np.arange(round(duration * rate)) / rate
    curve = np.zeros(len(t))
    for time, height in zip(times, np.broadcast_to(strength, len(times)), strict=True):
        curve += height * np.exp(-0.5 * ((t - time) / 0.01) ** 2)
    return curve.astype(np.float32)


def random(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[21, purpose]))


def farthest(grid: BeatGrid, times: NDArray[np.float64]) -> float:
    """Largest distance from a true beat to the nearest one found."""
    return float(np.abs(grid.beats[None, :] - times[:, None]).min(axis=1).max())


@pytest.mark.parametrize("rate", [50.0, 100.0, 120.0])
@pytest.mark.parametrize("bpm", [70, 83, 95, 110, 120, 128.5, 140, 155, 170, 174, 180])
def test_clicks_have_their_tempo(bpm: float, rate: float) -> None:
    times = np.arange(0.4, 11.7, 60 / bpm)
    grid = track_beats(onsets(times, 12, rate=rate), rate)
    assert grid.bpm == pytest.approx(bpm, rel=0.02)
    assert grid.confidence > 0.9
    assert farthest(grid, times) < 0.03
    assert len(grid.beats) == len(times)
    assert np.isin(grid.downbeats, grid.beats).all()


def test_alternatives_hold_half_and_double() -> None:
    times = np.arange(0.3, 20, 0.5)
    strength = np.where(np.arange(len(times)) % 2 == 0, 20.0, 8.0)
    grid = track_beats(onsets(times, 20, strength), RATE)
    found = dict(grid.alternatives)
    assert any(bpm == pytest.approx(60, rel=0.02) for bpm in [*found, grid.bpm])
    assert all(0 <= strength <= 1 for strength in found.values())
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_drifting_tempo_is_followed() -> None:
    intervals = np.linspace(0.6, 0.5, 60)
    times = 0.5 + np.cumsum(intervals)
    grid = track_beats(onsets(times, times[-1] + 0.5), RATE)
    assert farthest(grid, times) < 0.03
    assert grid.confidence > 0.6


def test_beats_go_on_where_a_click_is_missing() -> None:
    times = np.arange(0.3, 15, 0.5)
    heard = np.delete(times, [8, 15, 16])
    grid = track_beats(onsets(heard, 15), RATE)
    assert farthest(grid, times) < 0.03


@pytest.mark.parametrize("meter", [3, 4])
def test_bass_and_harmony_tell_the_bar(meter: int) -> None:
    times = np.arange(0.5, 25, 0.5)
    first = times[2::meter]
    grid = track_beats(onsets(times, 25), RATE, onsets(first, 25), onsets(first, 25, 1.0))
    assert grid.meter == meter
    assert grid.downbeats == pytest.approx(first, abs=0.03)


def test_noise_is_not_trusted() -> None:
    noise = np.abs(random(1).standard_normal(6000)).astype(np.float32)
    assert track_beats(noise, RATE).confidence < 0.3


def test_onsets_at_random_are_not_trusted() -> None:
    times = np.cumsum(random(2).exponential(0.4, 140))
    grid = track_beats(onsets(times[times < 50], 50), RATE)
    assert grid.confidence < 0.3


def test_a_drone_has_no_beat() -> None:
    times = np.array([0.05])
    assert track_beats(onsets(times, 20), RATE).confidence < 0.3


@pytest.mark.parametrize("length", [0, 1, 3, 30, 500])
def test_silence_of_any_length_has_no_tempo(length: int) -> None:
    grid = track_beats(np.zeros(length, np.float32), RATE)
    assert grid.bpm is None
    assert grid.confidence == 0
    assert len(grid.beats) == len(grid.downbeats) == 0
    assert grid.alternatives == ()


@pytest.mark.parametrize("length", [1, 5, 40, 60, 90, 130, 200])
def test_short_curves_work(length: int) -> None:
    curve = np.abs(random(3).standard_normal(length)).astype(np.float32) * 10
    grid = track_beats(curve, RATE)
    assert np.isfinite(grid.beats).all()
    assert (np.diff(grid.beats) > 0).all()
    assert 0 <= grid.confidence < 0.3 or len(grid.beats) > 2


def test_beats_lie_where_there_is_sound() -> None:
    times = np.arange(5.0, 15.0, 0.5)
    grid = track_beats(onsets(times, 25), RATE)
    assert grid.beats[0] > 4.9
    assert grid.beats[-1] < 15.1


def test_gain_changes_nothing() -> None:
    times = np.arange(0.3, 12, 0.45)
    first = track_beats(onsets(times, 12, 20.0), RATE)
    second = track_beats(onsets(times, 12, 10.0), RATE)
    assert second.beats == pytest.approx(first.beats, abs=1e-6)
