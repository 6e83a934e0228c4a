"""Steps, pooling and the best path, apart from any sound."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from made_chords_sound import steady
from music_analysis.chord_path import BAR, BEAT, FIXED_STEP, HALF, best_path, make_steps, pool


@pytest.mark.parametrize("duration", [0.01, 0.2, 2.0, 31.37])
@pytest.mark.parametrize("bpm", [None, 50.0, 120.0, 200.0])
def test_steps_cover_the_song_without_gaps(bpm: float | None, duration: float) -> None:
    steps = make_steps(steady(bpm, duration), duration)
    assert steps.times[0] == 0
    assert steps.times[-1] == duration
    assert len(steps.place) == len(steps.times) - 1
    assert (np.diff(steps.times) > 0).all()


def test_steps_are_half_beats() -> None:
    steps = make_steps(steady(120.0, 8.0), 8.0)
    assert (steps.times[0], steps.times[-1]) == (0.0, 8.0)
    # a chord begins 10 ms before its onset is strongest
    np.testing.assert_allclose(steps.times[1:-1], np.arange(1, 32) * 0.25 - 0.01, atol=1e-9)
    assert list(steps.place[:9]) == [BAR, HALF, BEAT, HALF, BEAT, HALF, BEAT, HALF, BAR]


def test_the_pulse_goes_on_before_and_after_the_beats() -> None:
    tempo = steady(120.0, 20.0)
    inner = (tempo.beats > 4.9) & (tempo.beats < 10.1)
    part = replace(tempo, beats=tempo.beats[inner], downbeats=tempo.beats[inner][::4])
    steps = make_steps(part, 20.0)
    np.testing.assert_allclose(np.diff(steps.times)[1:-1], 0.25, atol=1e-6)
    assert np.abs(np.diff(steps.times)[[0, -1]] - 0.25).max() < 0.011


def test_beats_that_are_not_to_be_trusted_are_not_used() -> None:
    unsure = replace(steady(97.0, 10.0), beat_confidence=0.01)
    steps = make_steps(unsure, 10.0)
    np.testing.assert_allclose(np.diff(steps.times)[:-1], FIXED_STEP)


def test_a_long_gap_between_beats_is_filled() -> None:
    tempo = steady(120.0, 30.0)
    gap = (tempo.beats > 10) & (tempo.beats < 20)
    steps = make_steps(replace(tempo, beats=tempo.beats[~gap]), 30.0)
    assert np.diff(steps.times).max() < 0.75


def test_pool_is_the_mean_within_the_step() -> None:
    rows = np.arange(20, dtype=np.float32)[:, None]
    pooled = pool(rows, 10.0, np.array([0.0, 0.45, 0.95, 3.0]))
    # frames 0 to 4 with half of frame 0 cut off, frames 5 to 9, frames 10 to 19
    np.testing.assert_allclose(pooled[:, 0], [10 / 4.5, 7, 14.5], rtol=1e-6)
    assert pool(rows[:0], 10.0, np.array([0.0, 1.0])).shape == (1, 1)
    beyond = pool(rows, 10.0, np.array([0.0, 2.5, 2.75, 3.0]))
    np.testing.assert_allclose(beyond[1:, 0], 19)


def test_columns_are_pooled_each_for_itself() -> None:
    rows = np.random.default_rng(0).random((50, 61), np.float32)
    times = np.array([0.0, 0.3, 0.31, 2.0, 4.9, 6.0, 7.0])
    pooled = pool(rows, 10.0, times)
    assert pooled.shape == (6, 61)
    for column in range(61):
        np.testing.assert_array_equal(pooled[:, [column]], pool(rows[:, [column]], 10.0, times))


def test_the_path_is_the_best_of_all() -> None:
    rng = np.random.default_rng(4)
    evidence = rng.normal(size=(6, 3)).astype(np.float32)
    change = rng.normal(size=6).astype(np.float32)

    def worth(path: tuple[int, ...]) -> float:
        total = float(sum(evidence[step, state] for step, state in enumerate(path)))
        for step in range(1, 6):
            before, now = path[step - 1], path[step]
            if before != now:
                total += change[step]
        return total

    best = max(itertools.product(range(3), repeat=6), key=worth)
    assert tuple(best_path(evidence, change - 2)) == max(
        itertools.product(range(3), repeat=6),
        key=lambda p: worth(p) - 2 * sum(a != b for a, b in itertools.pairwise(p)),
    )
    assert worth(best) >= worth((0,) * 6)
