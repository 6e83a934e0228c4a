"""Wipes: where the second field shows, each side in its own colors, and nothing of a seam."""

from __future__ import annotations

import numpy as np
import pytest

from afx.field import Program, uniform
from afx.field.expr import Expr, as_expr
from afx.field.jit import Kernel
from afx.painter import Painter
from afx.palette import PALETTES
from afx.transition import SHAPES, Transition, Wipe
from afx.wipes import WIPE_KNOBS, wipe_values, wipe_weight
from made_pictures import (
    ACROSS,
    CLOUDS,
    COLORED,
    EMBER,
    FLAT,
    controls,
    directed,
    picture,
    scene,
    state,
)

W, H = 160, 90
GLACIER = PALETTES["glacier"]


def paint(*states, **rest):
    return Painter(W, H).rgb_float(picture(*states, **rest))


def weight(shape, share, soft=0.25, angle=0.0, tone=0.5, size=(W, H)):
    """The weight itself over a picture."""
    at = wipe_weight(
        shape, Expr("x", "f"), Expr("y", "f"), uniform("inverse_aspect"), lambda: as_expr(tone)
    )
    kernel = Kernel(Program((("w", at),), (*WIPE_KNOBS, "inverse_aspect")))
    values = dict(zip(WIPE_KNOBS, wipe_values(Wipe(share, shape, soft, angle)), strict=True))
    return kernel.evaluate(*size, values | {"inverse_aspect": size[1] / size[0]})["w"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("soft", [0.0, 0.2, 1.0])
def test_a_wipe_begins_and_ends_with_one_of_them_exactly(shape, soft):
    a, b = state(CLOUDS, zoom=0.3), state(ACROSS, turn=0.2, scale=0.8, offset=0.1)
    look = {"relief": 0.6, "glow": 0.5}
    for share, alone, palette in ((0.0, a, EMBER), (1.0, b, GLACIER)):
        got = paint(a, b, wipe=Wipe(share, shape, soft, 0.1), palette=EMBER, second=GLACIER, **look)
        np.testing.assert_array_equal(got, paint(alone, palette=palette, **look))


@pytest.mark.parametrize("shape", ["radial", "linear", "plasma"])
@pytest.mark.parametrize("size", [(160, 90), (90, 160), (96, 96)], ids=str)
def test_a_wipe_only_advances_and_keeps_its_pace(shape, size):
    shares = np.linspace(0, 1, 21)
    made = np.stack([weight(shape, s, angle=0.13, size=size) for s in shares])
    assert np.all(np.diff(made, axis=0) >= 0)
    covered = made.mean(axis=(1, 2))
    assert covered[0] == 0
    assert covered[-1] == 1
    # It neither stands still at first nor is over before its time.
    assert covered[7] > 0.03
    assert covered[13] < 0.97
    assert np.diff(covered).max() < 0.16


def test_radial_is_round_and_linear_has_its_direction():
    round_ = weight("radial", 0.5, soft=0.05)
    inside = round_ > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert inside[H // 2, W // 2]
    assert not inside[0, 0]
    assert abs(len(rows) - len(columns)) <= 2 or len(rows) == H
    for angle, first in ((0.0, np.s_[:, 0]), (0.5, np.s_[:, -1]), (0.25, np.s_[0, :])):
        some = weight("linear", 0.3, angle=angle)
        assert some[first].min() > 0.9
        assert some.mean() < 0.5


def test_clouds_differ_with_the_angle_and_are_soft():
    one, other = (weight("plasma", 0.5, soft=1.0, angle=a) for a in (0.0, 0.4))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.6
    assert np.abs(np.diff(one, axis=1)).max() < 0.15


def test_the_new_field_shows_its_lights_first_and_its_ground_last():
    assert weight("field", 0.5, tone=0.9).min() > 0.9
    assert weight("field", 0.5, tone=0.1).max() < 0.1
    before, after = state(FLAT, level=0.5), state(ACROSS)
    seen = paint(before, after, wipe=Wipe(0.4, "field", 0.1), palette=EMBER, second=GLACIER)
    np.testing.assert_array_equal(seen[:, 0], paint(before, palette=EMBER)[:, 0])
    np.testing.assert_array_equal(seen[:, -1], paint(after, palette=GLACIER)[:, -1])
    hidden = state(FLAT, level=0.95, shown=0.0)
    seen = paint(before, hidden, wipe=Wipe(0.6, "field", 0.2), palette=EMBER, second=GLACIER)
    np.testing.assert_array_equal(seen, paint(before, palette=EMBER))


def test_each_side_has_its_own_palette_and_the_seam_what_lies_between():
    a = b = state(FLAT, level=0.4)
    seen = paint(a, b, wipe=Wipe(0.5, "linear", 0.3), palette=EMBER, second=GLACIER)[H // 2]
    left, right = (paint(a, palette=p)[H // 2, 0] for p in (GLACIER, EMBER))
    np.testing.assert_array_equal(seen[0], left)
    np.testing.assert_array_equal(seen[-1], right)
    low, high = np.minimum(left, right) - 1e-3, np.maximum(left, right) + 1e-3
    assert np.all((seen >= low) & (seen <= high))
    # One palette needs no second table.
    once = picture(a, b, wipe=Wipe(0.5, "linear"), palette=EMBER, second=EMBER)
    assert once.colors.palettes == 1
    assert set(once.tables) == {"palette", "ground"}


def test_the_seam_casts_no_light():
    """Two flat fields are flat on both sides and between: relief must find no slope."""
    a, b = state(FLAT, level=0.2), state(FLAT, level=0.8)
    for shape in SHAPES:
        flat, lit = (
            paint(a, b, wipe=Wipe(0.5, shape, 0.1), palette=EMBER, relief=r) for r in (0.0, 1.0)
        )
        np.testing.assert_allclose(lit, flat, atol=1e-6)


@pytest.mark.parametrize("direct", [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_direct_fields_are_wiped_too(direct, shape):
    made = [state(COLORED, red=0.3, wave=0.8), state(COLORED, blue=0.8, wave=0.5)]
    pairs = zip(made, direct, strict=True)
    states = [m if own else state(CLOUDS, zoom=k) for k, (m, own) in enumerate(pairs)]
    for share, alone in ((0.0, states[0]), (1.0, states[1])):
        got = paint(*states, wipe=Wipe(share, shape), palette=EMBER)
        np.testing.assert_array_equal(got, paint(alone, palette=EMBER))
    middle = paint(*states, wipe=Wipe(0.5, shape), palette=EMBER)
    ends = [paint(s, palette=EMBER) for s in states]
    assert all(np.abs(middle - end).mean() > 0.005 for end in ends)


def test_the_director_gives_a_wipe_both_palettes():
    made = controls(scene(ACROSS, 0, 30, palette=EMBER), scene(CLOUDS, 10, 40, palette=GLACIER))
    blend = made.transitions[0]
    wipe = Transition("wipe", blend.begin, blend.end, "plasma", 0.3, 0.2)
    for kind, names in (
        (blend, {"palette", "ground"}),
        (wipe, {"palette_a", "ground_a", "palette_b", "ground_b"}),
    ):
        object.__setattr__(made, "transitions", (kind,))
        got = directed(made).picture(20)
        assert set(got.tables) == names
        assert (got.wipe is None) == (kind is blend)
    assert got.wipe == Wipe(wipe.share(20), "plasma", 0.3, 0.2)
    assert got.colors.wipe == "plasma"
    first, last = directed(made).picture(5), directed(made).picture(35)
    assert first.colors.wipe is last.colors.wipe is None
