"""Light and film: each knob does what it says, nothing at 0, and the same at any size."""

from __future__ import annotations

import numpy as np
import pytest

from afx.color import Colors
from afx.field import Field, knob, smoothstep
from afx.field.expr import Expr
from afx.halo import WIDTHS, halo_size
from afx.judge.motion import bands
from afx.oklch import oklab_from_display
from afx.painter import Painter, Part
from afx.palette import PALETTES
from afx.post import EFFECTS, GRAIN_SIZE, grain_table
from afx.stage import GRADE_KNOBS
from made_pictures import ACROSS, CLOUDS, COLORED, EMBER, FLAT, GRAYS, made, picture, state

W, H = 160, 90
KNOBS = (*EFFECTS, "fringe")


def paint(*states, size=(W, H), **rest):
    return Painter(*size).rgb_float(picture(*states, **rest))


def luma(rgb):
    return rgb @ np.float32([0.2126, 0.7152, 0.0722])


def _spot(p, *, radius: Expr = knob(0.1, 0, 2, help="of the light")):
    """A light in the middle of the dark."""
    away = p.x * p.x + p.y * p.y
    return Field(smoothstep(radius * radius * 1.2, radius * radius * 0.8, away))


SPOT = made(_spot)


def test_at_0_there_is_nothing_of_them_in_the_kernel():
    assert {k.name: k.default for k in GRADE_KNOBS if k.name in KNOBS} == dict.fromkeys(KNOBS, 0.0)
    assert picture(state(CLOUDS)).colors == Colors()
    for name in EFFECTS:
        assert picture(state(CLOUDS), **{name: 0.3}).colors == Colors(effects=(name,))


@pytest.mark.parametrize("name", KNOBS)
@pytest.mark.parametrize("what", [CLOUDS, COLORED], ids=["palette", "direct"])
def test_they_come_in_gently_and_grow(name, what):
    knobs = {"wave": 1.0, "blue": 0.9} if what is COLORED else {"scale": 1.4, "offset": -0.2}
    plain = paint(state(what, **knobs), palette=EMBER)
    change = [
        np.abs(paint(state(what, **knobs), palette=EMBER, **{name: v}) - plain).mean()
        for v in (1e-4, 0.5, 1.0)
    ]
    assert change[0] < 1e-4
    assert 4e-4 < change[1] < change[2] < 0.2


# --------------------------------------------------------------------- warmth


def test_warmth_leans_to_gold_or_blue_at_equal_lightness():
    for palette in (EMBER, PALETTES["glacier"]):
        plain = paint(state(ACROSS), palette=palette)
        for warmth, sign in ((1.0, 1), (-1.0, -1)):
            got = paint(state(ACROSS), palette=palette, warmth=warmth)
            calm = (np.minimum(plain, got).min(-1) > 0.05) & (np.maximum(plain, got).max(-1) < 1)
            calm &= luma(plain) < 0.8
            assert calm.mean() > 0.1
            np.testing.assert_allclose(luma(got)[calm], luma(plain)[calm], atol=2e-3)
            before, after = oklab_from_display(plain), oklab_from_display(got)
            assert np.all(((after - before)[..., 2] * sign)[calm] > 0)  # OKLab's b: blue to yellow
            assert np.abs((after - before)[..., 0][calm]).max() < 0.045


def test_a_little_warmth_is_hardly_seen_and_black_and_white_stay():
    plain = paint(state(CLOUDS), palette=EMBER)
    little = paint(state(CLOUDS), palette=EMBER, warmth=0.2)
    assert 0.5 / 255 < np.abs(little - plain).max() < 9 / 255
    for value in (0.0, 1.0):
        color = state(COLORED, red=value, green=value, blue=value)
        np.testing.assert_allclose(paint(color, warmth=1.0), paint(color), atol=2e-3)


# --------------------------------------------------------------------- halo


def test_the_halo_spreads_light_around_what_is_bright():
    plain, halo = (luma(paint(state(SPOT), halo=v)) for v in (0.0, 1.0))
    added = halo - plain
    assert added.min() > -1e-6
    beside = added[H // 2, W // 2 + 8 :]
    assert beside[0] > 0.1
    assert np.all(np.diff(beside) < 1e-4)
    assert added[0, 0] < 0.01
    # As far to every side.
    column, row = (H // 2, W // 2 + 15), (H // 2 + 15, W // 2)
    assert added[column] == pytest.approx(added[row], rel=0.06)


def test_specks_do_not_flare_up_by_chance():
    """What is smaller than a pixel of the small picture has no halo, wherever it lies."""
    for pan in np.linspace(0.0, 0.02, 5):
        speck = state(SPOT, radius=0.012, pan_x=pan, pan_y=pan * 0.7)
        plain, halo = (luma(paint(speck, size=(640, 360), halo=v)) for v in (0.0, 1.0))
        assert plain.max() > 0.5
        beside = (halo - plain)[plain < 0.1]
        assert beside.max() < 0.03


def test_what_is_dark_has_no_halo():
    dark = state(FLAT, level=0.2)
    np.testing.assert_allclose(paint(dark, halo=1.0), paint(dark), atol=1e-5)


def test_a_halo_has_its_lights_color():
    def beside(palette):
        plain, halo = (
            paint(state(SPOT), palette=palette, halo=v)[H // 2, W // 2 + 12] for v in (0.0, 1.0)
        )
        return (halo**2 - plain**2) / (halo**2 - plain**2).sum()

    warm, cold, gray = beside(EMBER), beside(PALETTES["glacier"]), beside(GRAYS)
    assert warm[0] - warm[2] > cold[0] - cold[2] + 0.02
    np.testing.assert_allclose(gray, 1 / 3, atol=2e-3)


@pytest.mark.parametrize("size", [(320, 180), (854, 480), (1280, 720)], ids=str)
def test_a_halo_is_the_same_at_any_size(size):
    def added(size):
        a, b = (luma(paint(state(SPOT), size=size, halo=v)) for v in (0.0, 1.0))
        across = (b - a)[size[1] // 2]
        return np.interp(np.linspace(0.02, 0.98, 60), (np.arange(size[0]) + 0.5) / size[0], across)

    want = added((640, 360))
    assert want.max() > 0.1
    edge = np.abs(np.linspace(0.02, 0.98, 60) - 0.5) * 2 * 16 / 9
    clear = np.abs(edge - 0.1) > 0.03  # the light's own edge is as sharp as the picture
    np.testing.assert_allclose(added(size)[clear], want[clear], atol=0.012)


def test_the_small_picture_has_the_real_ones_shape_and_is_never_large():
    for w, h in ((1280, 720), (3840, 2160), (720, 1280), (1080, 1080), (426, 240), (16, 100)):
        small = halo_size(w, h)
        assert small[0] % 2 == small[1] % 2 == 0
        assert small[0] / small[1] == pytest.approx(w / h, rel=0.08)
        assert 8_000 < small[0] * small[1] < 11_000
    assert halo_size(1280, 720) == halo_size(3840, 2160)
    assert WIDTHS[0] < WIDTHS[1]


def test_a_part_of_a_picture_has_the_whole_ones_halo():
    what = picture(state(SPOT), halo=1.0, grain=0.0)
    whole = Painter(256, 144).rgb_float(what)
    painter = Painter(64, 32)
    painter.move(Part(120, 40, 256, 144))
    np.testing.assert_allclose(painter.rgb_float(what), whole[40:72, 120:184], atol=1e-5)


def test_the_safety_gain_holds_the_halo_too():
    half = np.full((9, 16), 0.5, np.float32)
    full, held = (luma(paint(state(SPOT), halo=1.0, gain=g)) for g in (None, half))
    calm = full < 0.8
    np.testing.assert_allclose(held[calm], full[calm] / 2, atol=4e-3)


# --------------------------------------------------------------------- film and grain


def test_film_has_a_soft_toe_and_shoulder_and_keeps_the_order():
    plain, film = (luma(paint(state(ACROSS), film=v)[H // 2]) for v in (0.0, 1.0))
    assert np.all(np.diff(film) > -1e-6)
    assert 0.005 < film[0] < 0.06
    assert film[-1] < 0.975
    slope = np.diff(film)
    middle = np.abs(plain[1:] - 0.5) < 0.1
    assert slope[middle].mean() > 1.15 * np.diff(plain)[middle].mean()
    assert slope[:6].mean() < 0.6 * np.diff(plain)[:6].mean()


def test_film_is_cool_in_the_shadows_and_warm_in_the_lights():
    b = oklab_from_display(paint(state(ACROSS), film=1.0)[H // 2])[..., 2]
    light = luma(paint(state(ACROSS)))[H // 2]
    assert b[(light > 0.15) & (light < 0.35)].max() < -0.004
    assert b[(light > 0.65) & (light < 0.85)].min() > 0.004
    assert np.abs(b).max() < 0.03


def test_grain_is_still_fine_and_strongest_in_the_midtones():
    def grained(level, size=(W, H)):
        a, b = (luma(paint(state(FLAT, level=level), size=size, grain=v)) for v in (0.0, 1.0))
        return b - a

    np.testing.assert_array_equal(grained(0.5), grained(0.5))
    large = grained(0.5, (1280, 720))
    assert abs(large.mean()) < 2e-4
    assert 3 / 255 < large.std() < 8 / 255
    for level in (0.03, 0.97):
        assert grained(level, (1280, 720)).std() < 0.4 * large.std()
    # Neighbors have something in common, as grains have; far pixels nothing.
    near, far = (np.corrcoef(large[:, :-k].ravel(), large[:, k:].ravel())[0, 1] for k in (1, 8))
    assert 0.1 < near < 0.8
    assert abs(far) < 0.05


def test_grain_is_as_large_at_any_size():
    """A picture made small shows less of it, one twice as large has grains of two pixels."""
    tables = {h: grain_table(h * 16 // 9, h).astype(float) for h in (90, 360, 720, 1440, 2160)}
    spread = [t.std() for t in tables.values()]
    np.testing.assert_allclose(spread, [0.125, 0.5, 1, 1, 1], rtol=0.02)

    def reach(table):
        power = np.abs(np.fft.fft2(table)) ** 2
        shape = np.real(np.fft.ifft2(power))[0, :16]
        return float(np.argmax(shape < 0.5 * shape[0]))

    assert reach(tables[720]) <= reach(tables[1440]) <= reach(tables[2160])
    assert reach(tables[2160]) >= 2
    assert tables[720].shape == (GRAIN_SIZE, GRAIN_SIZE)


# --------------------------------------------------------------------- fringe


def test_fringes_grow_to_the_sides_and_leave_luma_alone():
    size = (640, 360)
    colored = state(COLORED, wave=1.0, zoom=-2.0)
    plain, apart = (paint(colored, size=size, fringe=v) for v in (0.0, 1.0))
    calm = (np.minimum(plain, apart).min(-1) > 0) & (np.maximum(plain, apart).max(-1) < 1)
    assert np.abs(luma(apart) - luma(plain))[calm].max() < 2e-3
    assert calm.mean() > 0.5
    change = np.abs(apart - plain).mean(axis=(0, 2))
    middle, sides = change[280:360].mean(), (change[:80].mean(), change[-80:].mean())
    assert middle < 0.2 * min(sides)


def test_a_fringe_is_a_shift_of_the_color_differences():
    size = (640, 360)

    def differences(fringe):
        rgb = paint(state(COLORED, wave=1.0), size=size, fringe=fringe).astype(float)
        y = luma(rgb)
        return (rgb[..., 2] - y) / 1.8556, (rgb[..., 0] - y) / 1.5748

    x = np.arange(640)
    across = (x + 0.5) / 320 - 1
    drift = 0.01 * 360 * 0.8 * across * np.abs(across)
    for before, after, side in zip(differences(0.0), differences(0.8), (1, -1), strict=True):
        for row in (40, 180, 300):
            want = np.interp(x + side * drift, x, before[row])
            np.testing.assert_allclose(after[row], want, atol=2e-3)


# --------------------------------------------------------------------- bands


def test_dark_and_smooth_pictures_show_no_bands_in_any_light():
    painter = Painter(640, 360)
    out = np.empty((540, 640), np.uint8)
    dark = {"exposure": -0.8, "vignette": 0.4}
    for effects in ({}, {"halo": 1.0}, {"film": 1.0, "warmth": 0.5}, {"grain": 0.05}):
        slow = state(ACROSS, zoom=2.0, scale=0.5)
        painter.video(picture(slow, palette=EMBER, **dark, **effects), out)
        assert bands(out[:360]) < 0.002
    # The measure does see them where nothing is dithered.
    ramp = np.repeat(np.repeat(np.arange(40, 60, dtype=np.uint8), 32)[None], 360, axis=0)
    assert bands(ramp) > 0.01
