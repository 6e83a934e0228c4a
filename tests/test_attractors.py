"""Strange attractors: the map is the formula, and no place on the way is poor."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from afx.patterns.attractors import (
    COLUMNS,
    HIDDEN,
    LIFE,
    ROWS,
    STATIONS,
    Orbits,
    parameters,
    start,
)
from afx.patterns.simulation import Grid

GRID = Grid(72, 128)
KNOBS = {
    "phase": 2.5, "light": 0.0, "morph": 0.4, "warp": 0.35, "density": 0.5, "trail": 0.35,
    "detail": 0.6, "pulse": 0.0,
}  # fmt: skip


def run(fps, seconds, first=2.5):
    state = start(GRID, 5, KNOBS | {"phase": first}, None)
    for frame in range(1, round(fps * seconds) + 1):
        time = frame / fps
        state.step(KNOBS | {"phase": first + 0.04 * time, "light": time}, 1.0 / fps)
    return state


@functools.cache
def at_24():
    return run(24, 1.0)


def tones(state):
    return (state.buffers()["sheets"].view(np.int32) & 0xFFFF) / 65535.0


def test_a_step_of_an_orbit_is_the_formula():
    orbits = Orbits(GRID, 1)
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-2.0, 2.0, (2, ROWS, COLUMNS)).astype(np.float32)
    orbits.planes |= {"x": x, "y": y, "steps": np.full_like(x, 20.0)}
    a, b, c, d, e, f = at = (2.3, 2.5, 1.6, 1.5, -1.4, -0.6)
    orbits.step(at)
    np.testing.assert_allclose(orbits.planes["x"], np.sin(a * y) + e * np.cos(b * x), atol=3e-6)
    np.testing.assert_allclose(orbits.planes["y"], np.sin(c * x) + f * np.cos(d * y), atol=3e-6)
    assert np.all(orbits.planes["steps"] == 21.0)


def test_orbits_begin_anew_in_turn_and_unseen():
    orbits = Orbits(GRID, 1)
    at = parameters(0.0, 0.4, 0.35, 0.0)
    for _ in range(2 * LIFE):
        made = orbits.step(at)
        # As many at every moment, so that the light does not pulse.
        assert (made["weight"] > 0).mean() == pytest.approx(1.0 - HIDDEN / LIFE, abs=0.01)
        assert (made["steps"] == 1.0).mean() < 1.2 / LIFE
    assert made["steps"].max() <= LIFE


def test_the_way_is_closed_and_without_jumps():
    there = [parameters(k / 50, 0.4, 0.35, 0.0) for k in range(50 * len(STATIONS) + 1)]
    np.testing.assert_allclose(there[0], there[-1], atol=1e-12)
    np.testing.assert_allclose(there[100], STATIONS[2], atol=1e-12)
    assert np.abs(np.diff(there, axis=0)).max() < 0.05


def test_no_place_on_the_way_collapses():
    rng = np.random.default_rng(7)
    places = np.arange(0.0, len(STATIONS), 0.125)
    for place, (morph, warp, pulse) in zip(places, rng.random((len(places), 3)), strict=True):
        at = parameters(place, morph, warp, pulse)
        x, y = rng.uniform(-1.0, 1.0, (2, 1500))
        counts = np.zeros((48, 48))
        a, b, c, d, e, f = at
        for step in range(LIFE):
            x, y = np.sin(a * y) + e * np.cos(b * x), np.sin(c * x) + f * np.cos(d * y)
            if step >= HIDDEN:
                bounds = ((-1 - abs(f), 1 + abs(f)), (-1 - abs(e), 1 + abs(e)))
                counts += np.histogram2d(y, x, bins=48, range=bounds)[0]
        share = np.sort(counts.ravel())[::-1] / counts.sum()
        filled = -(share[share > 0] * np.log2(share[share > 0])).sum()
        assert filled > 8.0, place  # bits; 48 by 48 cells evenly filled have 11.2
        # At the knobs' extremes a short periodic window may gather a third of the light.
        assert share[:12].sum() < 0.45, place


def test_the_same_second_looks_alike_at_any_frame_rate():
    usual, fine = tones(at_24()), tones(run(60, 1.0))
    assert np.corrcoef(usual.ravel(), fine.ravel())[0, 1] > 0.98
    assert abs(usual.mean() - fine.mean()) < 0.02


def test_light_does_not_pulse_from_frame_to_frame():
    state = start(GRID, 5, KNOBS, None)
    means = []
    for frame in range(30):
        time = frame / 30
        state.step(KNOBS | {"phase": 2.5 + 0.04 * time, "light": time}, 1.0 / 30)
        means.append(tones(state).mean())
    assert np.abs(np.diff(means)).max() < 0.01 * np.mean(means)


def test_states_are_repeatable_and_copies_go_on_alone():
    again = run(24, 0.5)
    other = again.copy()
    before = again.buffers()["sheets"].tobytes()
    for k in range(12, 24):
        time = (k + 1) / 24
        other.step(KNOBS | {"phase": 2.5 + 0.04 * time, "light": time}, 1 / 24)
    assert again.buffers()["sheets"].tobytes() == before
    assert other.buffers()["sheets"].tobytes() == at_24().buffers()["sheets"].tobytes()


def test_all_light_is_accounted_for():
    state = at_24()
    made = state.light.weights.sum()
    expected = state._shone * ROWS * COLUMNS * (1.0 - HIDDEN / LIFE)
    assert made == pytest.approx(expected, rel=0.02)
    assert math.isfinite(state.light.moments.sum())
    assert np.abs(state.light.moments).sum() <= made
