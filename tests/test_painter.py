"""The painter: one picture however it is cut, and video planes that hold that picture."""

from __future__ import annotations

import numpy as np
import pytest

from afx.color import GAMMA
from afx.oklch import decode
from afx.painter import Painter, Picture
from afx.palette import PALETTES, Palette
from afx.transition import Wipe
from made_pictures import ACROSS, CLOUDS, COLORED, EMBER, FLAT, picture, state

GLACIER = PALETTES["glacier"]
SIZES = [(64, 36), (66, 50), (50, 66), (36, 64), (130, 74), (2, 2), (16, 100)]
LIGHT = {"warmth": 0.7, "halo": 0.8, "film": 0.7, "grain": 0.8, "fringe": 1.0}
EFFECTS = {"relief": 0.7, "glow": 0.5, "vignette": 0.3, "contrast": 0.7, "hue_spread": 2.0}


def scene(**rest) -> Picture:
    return picture(state(CLOUDS, zoom=0.3, turn=0.1), palette=EMBER, **(EFFECTS | rest))


def fade(weight, **rest) -> Picture:
    a, b = state(CLOUDS, zoom=0.3), state(ACROSS, turn=0.2, scale=0.8, offset=0.1)
    return picture(a, b, weight=weight, palette=EMBER, **(EFFECTS | rest))


def planes(painter, what) -> np.ndarray:
    out = np.full((painter.height * 3 // 2, painter.width), 77, np.uint8)
    painter.video(what, out)
    return out


def split(out, width, height):
    """Y, Cb, Cr of I420 planes."""
    flat = out.reshape(-1)
    n, half = width * height, (height // 2, width // 2)
    size = half[0] * half[1]
    return (
        flat[:n].reshape(height, width),
        flat[n : n + size].reshape(half),
        flat[n + size :].reshape(half),
    )


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_strips_do_not_show(size):
    gain = np.random.default_rng(1).uniform(0.3, 1.2, (9, 16)).astype(np.float32)
    direct = picture(state(COLORED, wave=1.0), state(FLAT), weight=0.3, palette=EMBER, gain=gain)
    wiped = fade(0.4, wipe=Wipe(0.4, "plasma"), second=GLACIER)
    for what in (scene(gain=gain), fade(0.4), direct, scene(**LIGHT), wiped):
        whole = Painter(*size, strip=size[1])
        want = [planes(whole, what), whole.rgb(what), whole.rgb_float(what)]
        for strip in (2, 8, None):
            painter = Painter(*size, strip=strip)
            got = [planes(painter, what), painter.rgb(what), painter.rgb_float(what)]
            for a, b in zip(got, want, strict=True):
                np.testing.assert_array_equal(a, b)


KINDS = {
    "palette": scene(exposure=-0.3),
    "fade": fade(0.4, exposure=-0.3),
    "small": picture(state(CLOUDS, internal=3, zoom=0.3), palette=EMBER, exposure=-0.3),
    "direct": picture(state(COLORED, wave=1.0), palette=EMBER, **EFFECTS),
    "wipe": fade(0.4, wipe=Wipe(0.4, "field"), second=GLACIER, exposure=-0.3),
    "light and film": scene(exposure=-0.3, chroma=0.5, **(LIGHT | {"fringe": 0.0})),
    "direct fade": picture(
        state(COLORED, wave=1.0),
        state(CLOUDS, internal=2),
        weight=0.6,
        palette=EMBER,
        exposure=-0.3,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(64, 36), (66, 50), (50, 66), (130, 74)], ids=str)
def test_video_planes_hold_the_picture(size, kind):
    """Decoded as a player does, the planes are the still within their quantization."""
    w, h = size
    painter = Painter(w, h)
    what = KINDS[kind]
    y, u, v = (p.astype(np.float64) for p in split(planes(painter, what), w, h))
    rgb = painter.rgb_float(what).astype(np.float64)
    inside = (rgb.min(axis=-1) > 0) & (rgb.max(axis=-1) < 1)  # stills clip each channel
    luma = rgb @ [0.2126, 0.7152, 0.0722]
    error = y - (16 + 219 * luma)
    assert np.abs(error[inside]).max() < 1.01  # dithered, so up to a code, and none on average
    assert abs(error[inside].mean()) < 0.05
    # Color: half size, left-sited (weights 1, 2, 1 across and 1, 1 down).
    cb, cr = (rgb[..., 2] - luma) / 1.8556, (rgb[..., 0] - luma) / 1.5748
    for plane, full in ((u, cb), (v, cr)):
        wide = np.pad(full, ((0, 0), (1, 0)), mode="edge")
        rows = (wide[0::2] + wide[1::2]) / 2
        want = 128 + 224 * (rows[:, 0:-1:2] / 4 + rows[:, 1::2] / 2 + rows[:, 2::2] / 4)
        assert np.percentile(np.abs(plane - want), 95) < 1.02
        assert abs((plane - want).mean()) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_stills_are_the_float_picture_dithered(kind):
    painter = Painter(130, 74)
    what = KINDS[kind]
    error = painter.rgb(what) - painter.rgb_float(what) * 255.0
    assert np.abs(error).max() < 1.001
    assert abs(error.mean()) < 0.05


def test_video_and_stills_drift_apart_alike():
    """Video's color differences drift at half size, stills' at full size: by as much."""
    size = (640, 360)
    painter = Painter(*size)
    what = picture(state(CLOUDS, zoom=-0.5), palette=EMBER, fringe=1.0)
    _, u, v = split(planes(painter, what), *size)
    rgb = painter.rgb_float(what)
    luma = rgb @ np.float32([0.2126, 0.7152, 0.0722])
    for plane, full in ((u, (rgb[..., 2] - luma) / 1.8556), (v, (rgb[..., 0] - luma) / 1.5748)):
        small = full.reshape(180, 2, 320, 2).mean(axis=(1, 3))
        assert np.percentile(np.abs(plane - (128 + 224 * small)), 95) < 2.5


def test_dither_keeps_the_mean_between_two_codes():
    for level in np.linspace(0.3, 0.6, 7):
        painter = Painter(64, 64)
        what = picture(state(FLAT, level=level))
        exact = painter.rgb_float(what).mean(dtype=float) * 255
        assert abs(painter.rgb(what).mean() - exact) < 0.06
        y = split(planes(painter, what), 64, 64)[0]
        assert abs(y.mean() - (16 + 219 * exact / 255)) < 0.06
        assert np.ptp(y.astype(int)) <= 1


@pytest.mark.parametrize("size", [(66, 50), (64, 36), (70, 34)], ids=str)
def test_dither_of_color_is_regular_at_odd_half_sizes_too(size):
    """The fixed pattern of the paper, without columns or rows said twice."""
    w, h = size
    for tint in np.linspace(0.0, 0.5, 9):
        what = picture(state(FLAT, level=0.5, tint=tint), palette=EMBER)
        u = split(planes(Painter(w, h), what), w, h)[1].astype(int)
        if np.ptp(u) == 1 and 0.3 < np.mean(u == u.max()) < 0.7:
            break
    else:
        pytest.fail("no flat color between two codes")
    column = np.floor(np.arange(w // 2) + 0.75 - w / 4)[None, :]
    row = np.floor(np.arange(h // 2) + 0.75 - h / 4)[:, None]
    inner = 0.06711056 * column + 0.00583715 * row
    noise = 52.9829189 * (inner - np.floor(inner))
    noise = noise - np.floor(noise)
    # The share of the upper code says where the threshold lies.
    threshold = np.quantile(noise, 1 - np.mean(u == u.max()))
    assert np.mean((noise > threshold) == (u == u.max())) > 0.97


def test_planes_stay_in_the_limited_range_whatever_the_colors():
    wild = Palette(hue=264, span=0, dark=0.3, light=0.7, chroma=0.34, chroma_dark=1.5,
                   chroma_light=1.5)  # fmt: skip
    grades = {"chroma": 1.3, "glow": 1.0, "exposure": 1.0, "contrast": 1.0, "relief": 1.0}
    seen = []
    for hue in np.linspace(-0.5, 0.5, 11):
        what = picture(state(ACROSS), palette=wild, hue=hue, **grades)
        seen.append(split(planes(Painter(64, 36), what), 64, 36))
    for k, (low, high) in enumerate(((16, 235), (16, 240), (16, 240))):
        values = np.concatenate([s[k].ravel() for s in seen])
        assert values.min() >= low
        assert values.max() <= high
    assert np.ptp(np.concatenate([s[1].ravel() for s in seen])) > 150, "colors must be wild"


def test_a_fade_begins_and_ends_with_its_scenes():
    painter = Painter(64, 36)
    a, b = fade(0.0).fields
    for weight, alone in ((0.0, a), (1.0, b)):
        got = painter.rgb_float(fade(weight))
        want = painter.rgb_float(picture(alone, palette=EMBER, **EFFECTS))
        np.testing.assert_allclose(got, want, atol=2e-3)
    pictures = [painter.rgb_float(fade(w)) for w in np.linspace(0, 1, 21)]
    change = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3))
    assert change.min() > 0
    assert change.max() < 0.05


def test_gain_darkens_light_by_its_factor():
    painter = Painter(64, 36)
    ones = np.ones((9, 16), np.float32)
    np.testing.assert_array_equal(
        planes(painter, scene(gain=ones)), planes(painter, scene(gain=None))
    )
    dark = {"exposure": -0.5, "glow": 0.0, "relief": 0.0}
    half = painter.rgb_float(scene(gain=ones * 0.5 ** (1 / GAMMA), **dark))
    plain = painter.rgb_float(scene(**dark))
    weights = [0.2126, 0.7152, 0.0722]
    assert (decode(half) @ weights).mean() == pytest.approx(
        (decode(plain) @ weights).mean() * 0.5, rel=0.08
    )


def test_a_painter_forgets_what_it_painted_before():
    """Kernels, weights, tables and gains of the last picture leave no trace in the next."""
    painter = Painter(66, 50)
    gain = np.full((9, 16), 0.5, np.float32)
    first = planes(Painter(66, 50), scene())
    other = picture(state(FLAT), palette=GLACIER, gain=gain)
    wiped = fade(0.5, wipe=Wipe(0.5, "radial"), second=GLACIER)
    befores = (other, fade(0.5), fade(0.9, gain=gain), scene(gain=gain), scene(**LIGHT), wiped)
    for before in befores:
        planes(painter, before)
        painter.rgb(before)
        np.testing.assert_array_equal(planes(painter, scene()), first)


def test_vertical_and_square_pictures_show_the_same_scale():
    """y runs from −1 to 1 whatever the width: a wide picture only shows more at its sides."""
    wide, square = (Painter(w, 64).rgb_float(scene(vignette=0.0)) for w in (128, 64))
    np.testing.assert_allclose(wide[2:-2, 34:94], square[2:-2, 2:62], atol=0.03)


def test_size_changes_detail_not_content():
    small = Painter(64, 36).rgb_float(scene(relief=0.0))
    large = Painter(256, 144).rgb_float(scene(relief=0.0))
    large = large.reshape(36, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.99
    assert abs(small.mean() - large.mean()) < 0.005


@pytest.mark.parametrize("width", [32, 64, 66, 128, 130])
@pytest.mark.parametrize("turn", [0.0, 0.25, 0.5, 0.75])
def test_relief_is_no_stronger_at_the_borders(width, turn):
    """The tones go on past the last column and row, so that no line is drawn around the picture."""
    painter = Painter(width, 64)

    def luma(relief):
        what = picture(state(ACROSS, turn=turn, scale=0.4, offset=0.3), relief=relief)
        return painter.rgb_float(what) @ np.float32([0.2126, 0.7152, 0.0722])

    effect = luma(1.0) / luma(0.0) - 1
    inside = effect[4:-4, 4:-4]
    assert np.abs(inside).min() > 0.01
    for border in (effect[:, 0], effect[:, -1], effect[0], effect[-1]):
        assert np.all(np.sign(border) == np.sign(inside.mean()))
        assert np.abs(border).max() < 1.05 * np.abs(inside).max()


def test_fields_are_given_raw():
    tone, mask = Painter(64, 36).field(state(FLAT, level=7.5, shown=0.25, scale=9.0))
    np.testing.assert_array_equal(tone, np.full((36, 64), 7.5, np.float32))
    np.testing.assert_array_equal(mask, np.full((36, 64), 0.25, np.float32))
