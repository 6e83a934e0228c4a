"""Spatial patterns: the gyroid is one, the way through it is free, and edges are smooth."""

from __future__ import annotations

import numpy as np
import pytest

from afx.field import Program, pixel_point, sin_turns
from afx.field.jit import Geometry, Kernel
from afx.patterns.spatial import gyroid, gyroid_with_slope, wave
from patternprobe import picture

UNIT = Geometry(0.0, 1 / 64, 0.0, 1 / 64, 1 / 64)


def planes(**outputs):
    made = Kernel(Program(tuple(outputs.items()), ())).evaluate(64, 64, geometry=UNIT)
    return {name: values.astype(np.float64) for name, values in made.items()}


def test_parabolas_follow_the_sine_and_repeat():
    p = pixel_point()
    made = planes(near=wave(p.x * 3.0), far=wave(p.x * 3.0 - 7.0), exact=sin_turns(p.x * 3.0))
    assert np.abs(made["near"] - made["exact"]).max() < 1.3e-3
    np.testing.assert_allclose(made["near"], made["far"], atol=1e-5)


def test_the_gyroid_is_schoens_and_its_slope_is_the_slope():
    p = pixel_point()
    z, step = p.x * 0.0 + 0.3, 1e-3
    value, gx, gy, gz = gyroid_with_slope(p.x, p.y, z)
    made = planes(
        value=value, gx=gx, gy=gy, gz=gz, same=gyroid(p.x, p.y, z),
        dx=(gyroid(p.x + step, p.y, z) - gyroid(p.x - step, p.y, z)) * (0.5 / step),
        dz=(gyroid(p.x, p.y, z + step) - gyroid(p.x, p.y, z - step)) * (0.5 / step),
    )  # fmt: skip
    at = (np.arange(64) + 0.5) / 64 * 2 * np.pi
    x, y, w = at[None, :], at[:, None], 0.3 * 2 * np.pi
    expected = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(w) + np.sin(w) * np.cos(x)
    np.testing.assert_allclose(made["value"], expected, atol=5e-3)
    np.testing.assert_allclose(made["same"], made["value"], atol=1e-6)
    np.testing.assert_allclose(made["gx"] * 2 * np.pi, made["dx"], atol=0.12)
    np.testing.assert_allclose(made["gz"] * 2 * np.pi, made["dz"], atol=0.12)


def test_the_way_through_the_cave_is_free():
    p = pixel_point()
    # All of a period forward, as far aside as the camera sways, against the narrowest cave.
    for x, y in ((0.25, 0.0), (0.285, 0.03), (0.215, -0.03), (0.285, -0.03)):
        made = planes(value=gyroid(p.x * 0.0 + x, p.x * 0.0 + y, p.x))
        assert made["value"].min() > 0.25 + 0.2


@pytest.mark.parametrize("name", ["cave", "nave"])
def test_edges_are_smooth_at_any_size(name):
    large = picture(name, size=(384, 216))["tone"].reshape(54, 4, 96, 4).mean(axis=(1, 3))
    small = picture(name)["tone"]
    assert np.abs(large - small).mean() < 0.035


@pytest.mark.parametrize("name", ["cave", "nave"])
def test_the_distance_is_lost_in_light(name):
    near, far = (picture(name, fog=fog)["tone"] for fog in (0.0, 1.0))
    assert far.mean() > near.mean() + 0.02


def test_the_cave_comes_back_after_a_turn_of_the_flight():
    a, b = (picture("cave", 1.0, flight=turns)["tone"] for turns in (0.25, 3.25))
    np.testing.assert_allclose(a, b, atol=1e-5)
