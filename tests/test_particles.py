"""Flow-field particles and the light they leave: nothing lost, nothing piled up, known ways."""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from afx.field.splat import splat
from afx.patterns.particles import COLUMNS, ROOM, ROWS, Points, start
from afx.patterns.simulation import Grid
from afx.patterns.splatting import Light, fading

GRID = Grid(72, 128)
KNOBS = {
    "phase": 3.0, "flow": 9.0, "density": 0.4, "warp": 0.35, "morph": 0.4, "flock": 0.0,
    "trail": 0.3, "detail": 0.5, "pulse": 0.0,
}  # fmt: skip


def at(seconds, **changed):
    """Knobs after some seconds at usual speeds."""
    clocks = {"phase": 3.0 + 0.025 * seconds, "flow": 9.0 + 0.22 * seconds}
    return KNOBS | clocks | changed


def run(fps, seconds, **changed):
    state = start(GRID, 5, at(0.0, **changed), None)
    for frame in range(1, round(fps * seconds) + 1):
        state.step(at(frame / fps, **changed), 1.0 / fps)
    return state


@functools.cache
def at_24():
    return run(24, 2.0)


def tones(state):
    return (state.buffers()["trails"].view(np.int32) & 0xFFFF) / 65535.0


# ------------------------------------------------------------------------ the splat


def test_a_point_leaves_its_weight_in_the_four_cells_around_it():
    weights, moments = np.zeros((2, 4, 5), np.float32)
    one = [np.array([v], np.float32) for v in (1.25, 2.5, 8.0, -0.5)]
    splat(*one, weights, moments)
    expected = np.zeros((4, 5))
    expected[2, 1:3] = expected[3, 1:3] = 3.0, 1.0
    np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(moments, -0.5 * expected)


def test_points_beyond_the_cells_leave_nothing():
    weights, moments = np.zeros((2, 4, 5), np.float32)
    x = np.array([-0.01, 4.0, np.nan, 1.0, np.inf, 1e30], np.float32)
    y = np.array([1.0, 1.0, 1.0, 3.0, 1.0, -np.inf], np.float32)
    splat(x, y, np.ones_like(x), np.ones_like(x), weights, moments)
    assert not weights.any()
    assert not moments.any()


def test_what_does_not_fit_is_refused():
    four = np.zeros((2, 4, 5), np.float32)
    x = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="one size: weight"):
        splat(x, x, x[:2], x, *four)
    with pytest.raises(ValueError, match="grids need equal"):
        splat(x, x, x, x, four[0], four[1, :3])


def test_splats_keep_the_sum_and_do_not_hang_on_threads():
    rng = np.random.default_rng(3)
    count = 5000
    x = (rng.random(count) * (GRID.columns - 1)).astype(np.float32)
    y = (rng.random(count) * (GRID.rows - 1)).astype(np.float32)
    weight, value = rng.random((2, count), np.float32)

    def made(_):
        light = Light(GRID)
        light.add(x, y, weight, value)
        return light.weights.tobytes(), light.moments.tobytes(), light.weights.sum()

    with ThreadPoolExecutor(3) as pool:
        alone, *others = pool.map(made, range(6))
    assert all(other == alone for other in others)
    assert alone[2] == pytest.approx(weight.sum(), rel=1e-5)


def test_light_fades_by_half_in_its_half_life():
    light = Light(GRID)
    light.weights[:] = 8.0
    for _ in range(24):
        light.fade(fading(1 / 24, 0.5))
    np.testing.assert_allclose(light.weights, 2.0, rtol=1e-5)


# ------------------------------------------------------------------------ the points


def test_in_an_even_current_a_point_goes_speed_times_time(monkeypatch):
    from afx.patterns import particles

    monkeypatch.setattr(particles, "current", lambda x, y, *_: (x * 0.0 + 0.6, y * 0.0 - 0.2))
    particles._mover.cache_clear()
    try:
        points = Points.scattered(GRID, 1, KNOBS)
        points.planes["age"][:] = 0.0
        points.planes["x"][:], points.planes["y"][:] = -1.0, 0.5
        points.planes["u"][:], points.planes["v"][:] = 0.6, -0.2
        for _ in range(10):
            points.move(KNOBS, 0.01, 0.05)
        np.testing.assert_allclose(points.planes["x"], -1.0 + 0.6 * 0.5, atol=1e-5)
        np.testing.assert_allclose(points.planes["y"], 0.5 - 0.2 * 0.5, atol=1e-5)
    finally:
        particles._mover.cache_clear()


def test_points_stay_even_for_a_minute_and_none_is_lost():
    points = Points.scattered(GRID, 2, KNOBS)
    for k in range(720):
        points.move(KNOBS | {"morph": 0.0, "phase": 3.0 + k / 480}, 1 / 12, 0.22 / 12)
    x, y = points.planes["x"], points.planes["y"]
    assert x.shape == (ROWS, COLUMNS)
    assert all(np.isfinite(values).all() for values in points.planes.values())
    seen = (np.abs(x) < 16 / 9) & (np.abs(y) < 1.0)
    assert seen.mean() == pytest.approx(1.0 / ROOM**2, rel=0.07)
    counts = np.histogram2d(y[seen], x[seen], bins=(4, 6))[0]
    assert counts.min() > 0.75 * counts.mean()
    assert counts.max() < 1.35 * counts.mean()


# ------------------------------------------------------------------------ the memory


def test_the_same_second_looks_alike_at_any_frame_rate():
    usual, fine = tones(at_24()), tones(run(60, 2.0))
    assert np.corrcoef(usual.ravel(), fine.ravel())[0, 1] > 0.9
    assert abs(usual.mean() - fine.mean()) < 0.02 * usual.mean()


def test_states_are_repeatable_and_copies_go_on_alone():
    again = run(24, 1.0)
    other = again.copy()
    before = again.buffers()["trails"].tobytes()
    for k in range(24):
        other.step(at(1.0 + (k + 1) / 24), 1 / 24)
    assert again.buffers()["trails"].tobytes() == before
    assert other.buffers()["trails"].tobytes() == at_24().buffers()["trails"].tobytes()


def test_another_seed_draws_other_trails():
    a, b = (tones(start(GRID, seed, at(0.0), None)) for seed in (1, 2))
    assert np.abs(a - b).mean() > 0.2 * a.mean()


def test_all_light_together_is_what_theory_says():
    state = at_24()
    assert math.isfinite(state.light.weights.sum())
    # Emission in equilibrium with fading: a bounded mean brightness, whatever the current does.
    crowded = run(24, 2.0, flock=1.0)
    ratio = crowded.light.weights.sum() / state.light.weights.sum()
    assert 0.5 < ratio < 2.0


def test_a_gust_makes_points_run():
    def change(pulse):
        state = start(GRID, 5, at(0.0), None)
        before = state.points.planes["x"].copy()
        state.step(at(1 / 24, pulse=pulse), 1 / 24)
        return float(np.median(np.abs(state.points.planes["x"] - before)))

    assert change(1.0) > 1.4 * change(0.0)
