"""The stage: what the camera does to a pattern that shows its own coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from afx.field import Field
from afx.field.jit import Kernel
from afx.stage import GRADE_KNOBS, STAGE_KNOBS, staged

W, H = 64, 36
REST = {k.name: k.default if k.kind == "value" else 0.0 for k in STAGE_KNOBS}


def where(p):
    """Tone is x, hue is y, mask is the pixel's size."""
    return Field(p.x, p.y, p.pixel)


KERNEL = Kernel(staged(where))
Y, X = np.mgrid[0:H, 0:W]
X, Y = (X + 0.5) * 2 / H - W / H, (Y + 0.5) * 2 / H - 1.0


def shown(**knobs):
    """Which point of the pattern each pixel shows, and the size of a pixel there."""
    made = KERNEL.evaluate(W, H, REST | knobs)
    return made["tone"], made["hue"], made["mask"]


def near(got, want, tolerance=2e-6):
    np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), atol=tolerance)


def test_at_rest_the_pattern_lies_as_it_is():
    x, y, pixel = shown()
    near(x, X)
    near(y, Y)
    near(pixel, 2 / H)
    assert y[0, 0] < 0 < y[-1, 0], "y points down"
    assert x[0, 0] == pytest.approx(-W / H + 1 / H)


@pytest.mark.parametrize("zoom", [-2.0, -1.0, 0.5, 3.0])
def test_zoom_is_in_octaves_around_the_middle(zoom):
    x, y, pixel = shown(zoom=zoom)
    near(x, X * 2.0**-zoom, 1e-5)
    near(y, Y * 2.0**-zoom, 1e-5)
    near(pixel, 2 / H * 2.0**-zoom, 1e-6)


@pytest.mark.parametrize("knob", ["turn", "spin"])
@pytest.mark.parametrize("turns", [0.25, -0.25, 0.1, 0.5])
def test_turn_rotates_clockwise(knob, turns):
    x, y, _ = shown(**{knob: turns})
    angle = 2 * np.pi * turns
    near(x, X * np.cos(angle) - Y * np.sin(angle), 5e-6)
    near(y, X * np.sin(angle) + Y * np.cos(angle), 5e-6)


def test_whole_turns_change_nothing_and_turn_and_spin_add():
    near(shown(turn=1.0)[0], X, 5e-6)
    near(shown(spin=7.0)[0], X, 5e-6)
    for a, b in zip(shown(turn=0.3, spin=0.4), shown(turn=0.7), strict=True):
        near(a, b, 5e-6)


def test_pan_moves_the_camera_in_half_heights_of_the_pattern():
    x, y, _ = shown(pan_x=0.5, pan_y=-0.25)
    near(x, X + 0.5)
    near(y, Y - 0.25)
    x, y, _ = shown(pan_x=0.5, zoom=1.0, turn=0.25)
    near(x, -Y / 2 + 0.5, 5e-6)
    near(y, X / 2, 5e-6)


def test_sway_bends_smoothly_and_drift_moves_it():
    calm = shown(sway=0.0, drift=3.0)
    near(calm[0], X)
    bent = shown(sway=1.0)
    for at, plain in zip(bent[:2], (X, Y), strict=True):
        assert 0.02 < np.abs(at - plain).max() <= 0.3 + 1e-6
    later = shown(sway=1.0, drift=0.5)
    assert np.abs(later[0] - bent[0]).max() > 0.01
    half = shown(sway=0.5)
    near(half[0] - X, (bent[0] - X) / 2, 5e-6)


def test_sway_never_folds_space():
    """Everything lies in one place only: the map's determinant stays positive."""
    step = 2 / H
    for drift in np.linspace(0, 60, 61):
        x, y, _ = (v.astype(np.float64) for v in shown(sway=1.0, drift=drift))
        (xy, xx), (yy, yx) = np.gradient(x, step), np.gradient(y, step)
        assert (xx * yy - xy * yx).min() > 0, drift


def test_names_of_the_stage_and_the_grade_are_all_different_and_explained():
    knobs = STAGE_KNOBS + GRADE_KNOBS
    assert len({k.name for k in knobs}) == len(knobs)
    assert all(k.help for k in knobs)
    assert {k.name for k in STAGE_KNOBS} == {
        "zoom", "turn", "spin", "pan_x", "pan_y", "sway", "drift",
    }  # fmt: skip


def test_a_staged_pattern_has_its_knobs_then_the_stages():
    program = staged(where)
    assert program.knobs == tuple(k.name for k in STAGE_KNOBS)
    assert [name for name, _ in program.outputs] == ["tone", "hue", "mask"]
