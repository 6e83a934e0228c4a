"""Color: the palette met exactly, and every knob of the grade doing what it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from afx.color import GAMMA, HUES, TONES, pack, packed_tables, to_ycc, ycc_table
from afx.oklch import decode, oklab_from_display
from afx.painter import Painter
from afx.palette import PALETTES, ground, table
from made_pictures import (
    ACROSS,
    CLOUDS,
    COLORED,
    EMBER,
    FLAT,
    GRAYS,
    director,
    picture,
    scene,
    state,
)

W, H = 128, 72


def paint(*states, size=(W, H), **rest):
    return Painter(*size).rgb_float(picture(*states, **rest))


def luma(rgb):
    return rgb @ np.float32([0.2126, 0.7152, 0.0722])


def test_luma_and_color_differences_are_bt709s():
    rgb = np.float32([[1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]])
    want = [
        [1, 0, 0], [0, 0, 0], [0.2126, -0.1146, 0.5], [0.7152, -0.3854, -0.4542],
        [0.0722, 0.5, -0.0458], [0.5, 0, 0],
    ]  # fmt: skip
    np.testing.assert_allclose(to_ycc(rgb), want, atol=1e-4)


def test_packing_keeps_more_than_video_needs():
    rng = np.random.default_rng(1)
    ycc = rng.uniform([0, -0.5, -0.5], [1, 0.5, 0.5], (4, 50, 3)).astype(np.float32)
    words = pack(ycc).view(np.uint32)
    np.testing.assert_allclose((words & 0xFFF) / 4095, ycc[..., 0], atol=0.51 / 4095)
    for k, shift in ((1, 12), (2, 22)):
        got = (words >> shift & 0x3FF) / 1022 - 0.5
        np.testing.assert_allclose(got, ycc[..., k], atol=0.51 / 1022)
    over = pack(np.float32([[[2.0, 0.9, -0.9]]])).view(np.uint32)[0, 0]
    assert (over & 0xFFF, over >> 12 & 0x3FF, over >> 22 & 0x3FF) == (4095, 1022, 0)


def test_a_fade_of_tables_starts_and_ends_at_its_palettes():
    a, b = PALETTES["ember"], PALETTES["glacier"]
    for key in ("palette", "ground"):
        np.testing.assert_array_equal(packed_tables(a, b, 0.0)[key], packed_tables(a)[key])
        np.testing.assert_array_equal(packed_tables(a, b, 1.0)[key], packed_tables(b)[key])
    middle = packed_tables(a, b, 0.5)["palette"].view(np.uint32) & 0xFFF
    want = (ycc_table(a)[0][..., 0] + ycc_table(b)[0][..., 0]) / 2
    np.testing.assert_allclose(middle / 4095, want, atol=1e-3)


def test_between_two_palettes_chroma_is_kept():
    a, b = PALETTES["ember"], PALETTES["glacier"]

    def chroma(tables):
        words = tables["palette"].view(np.uint32)
        cb, cr = ((words >> shift & 0x3FF) / 1022 - 0.5 for shift in (12, 22))
        return np.hypot(cb, cr)

    one, other, middle = (chroma(packed_tables(a, b, s)) for s in (0.0, 1.0, 0.5))
    plain = np.hypot(*np.moveaxis((ycc_table(a)[0] + ycc_table(b)[0])[..., 1:] / 2, -1, 0))
    assert (middle >= plain - 0.003).all()
    assert (middle <= (one + other) / 2 + 0.003).all()
    assert middle.mean() > 1.2 * plain.mean()


def test_a_blend_of_unlike_tones_keeps_their_contrast():
    fields = [state(CLOUDS), state(ACROSS)]
    lights = [paint(*fields, weight=w, palette=EMBER, chroma=0.0)[..., 0] for w in (0.0, 0.5, 1.0)]
    before, middle, after = (float(light.std()) for light in lights)
    plain = float(((lights[0] + lights[2]) / 2).std())
    assert middle > 0.9 * min(before, after)
    assert middle > 1.2 * plain


@pytest.mark.parametrize("name", ["ember", "glacier", "midnight-neon"])
def test_tones_meet_the_palette(name):
    palette = PALETTES[name]
    rgb = paint(state(ACROSS), palette=palette)[H // 2]
    tone = (np.arange(W) + 0.5) / W
    ramp = table(palette, HUES, TONES)[0]
    want = np.stack([np.interp(tone * (TONES - 1), np.arange(TONES), ramp[:, k]) for k in range(3)])
    calm = luma(ramp)[(tone * (TONES - 1)).astype(int)] < 0.85  # above, highlights roll off
    # Packed luma and color differences, and half a row of hues by dither.
    np.testing.assert_allclose(rgb[calm], want.T[calm], atol=0.012)
    assert calm.sum() > W // 2


def test_tones_outside_are_the_ends():
    low, high = (paint(state(FLAT, level=v), palette=EMBER) for v in (-50.0, 50.0))
    np.testing.assert_array_equal(low, paint(state(FLAT, level=0.0), palette=EMBER))
    np.testing.assert_array_equal(high, paint(state(FLAT, level=1.0), palette=EMBER))


def test_normalization_scales_the_raw_tone():
    want = paint(state(ACROSS), palette=EMBER)
    got = paint(state(ACROSS, scale=0.25, offset=-0.25, level=3.0 - 0.5), palette=EMBER)
    assert np.abs(got - want).max() > 0.1
    raw = state(ACROSS, level=2.0)
    shifted = state(ACROSS, scale=1.0, offset=-2.0, level=2.0)
    np.testing.assert_allclose(paint(shifted, palette=EMBER), want, atol=2e-3)
    assert np.ptp(paint(raw, palette=EMBER)) > 0


def test_where_the_mask_is_0_the_ground_shows():
    base = ground(EMBER, HUES)[0]
    for relief in (0.0, 1.0):
        got = paint(state(FLAT, shown=0.0), palette=EMBER, relief=relief, glow=1.0)
        np.testing.assert_allclose(got, np.broadcast_to(base, got.shape), atol=0.01)
    half = paint(state(FLAT, shown=0.5), palette=EMBER).mean(axis=(0, 1))
    full = paint(state(FLAT), palette=EMBER).mean(axis=(0, 1))
    np.testing.assert_allclose(half, (base + full) / 2, atol=0.01)


def test_without_chroma_everything_is_gray_of_the_same_luma():
    colored = paint(state(CLOUDS), palette=EMBER)
    gray = paint(state(CLOUDS), palette=EMBER, chroma=0.0)
    assert np.ptp(gray, axis=-1).max() < 1e-5
    clipped = (colored.min(axis=-1) <= 0) | (colored.max(axis=-1) >= 1)
    np.testing.assert_allclose(luma(gray)[~clipped], luma(colored)[~clipped], atol=2e-3)
    assert np.ptp(colored, axis=-1).mean() > 0.05
    more = paint(state(CLOUDS), palette=EMBER, chroma=1.3)
    assert np.ptp(more, axis=-1).mean() > np.ptp(colored, axis=-1).mean() * 1.1


def test_turning_hues_keeps_lightness():
    plain = paint(state(ACROSS), palette=EMBER)
    lightness = oklab_from_display(plain)[..., 0]
    calm = luma(plain) < 0.8
    for hue in (-0.5, -0.2, 0.1, 0.4):
        turned = paint(state(ACROSS), palette=EMBER, hue=hue)
        assert np.abs(turned - plain).mean() > 0.02
        assert np.abs(oklab_from_display(turned)[..., 0] - lightness)[calm].max() < 0.02
    # The knob, the field's hue and whole turns are the same rotation.
    by_field = paint(state(FLAT, tint=0.1), palette=EMBER)
    np.testing.assert_allclose(by_field, paint(state(FLAT), palette=EMBER, hue=0.1), atol=0.01)
    np.testing.assert_allclose(paint(state(FLAT, tint=3.1), palette=EMBER), by_field, atol=0.01)
    np.testing.assert_array_equal(
        paint(state(FLAT, tint=0.1), palette=EMBER, hue_spread=0.0),
        paint(state(FLAT, tint=0.0), palette=EMBER),
    )


def test_turning_hues_of_gray_keeps_luma_to_two_codes():
    """What has no hue has nothing to turn: luma must not move at all."""
    plain = luma(paint(state(ACROSS)))
    for hue in (-0.4, 0.25, 0.5):
        assert np.abs(luma(paint(state(ACROSS), hue=hue)) - plain).max() < 2 / 255


def test_contrast_keeps_the_ends_and_the_middle():
    half, low, high = (luma(paint(state(ACROSS), contrast=c)[H // 2]) for c in (0.5, 0.0, 1.0))
    for other in (low, high):
        assert np.all(np.diff(other) >= -1e-6)
        np.testing.assert_allclose(other[[0, W // 2, -1]], half[[0, W // 2, -1]], atol=0.02)
    middle = slice(W // 2 - 8, W // 2 + 8)
    assert np.ptp(low[middle]) < 0.8 * np.ptp(half[middle]) < 0.6 * np.ptp(high[middle])


@pytest.mark.parametrize(("knob", "amount"), [("lift", 0.3), ("exposure", 0.5), ("glow", 1.0)])
def test_what_lightens_lightens(knob, amount):
    plain, more = (luma(paint(state(ACROSS), **{knob: v})) for v in (0.0, amount))
    assert np.all(more >= plain - 1e-6)
    assert np.mean(more - plain) > 0.01
    if knob != "glow":
        less = luma(paint(state(ACROSS), **{knob: -amount}))
        assert np.all(less <= plain + 1e-6)


def test_exposure_is_in_stops_of_light():
    plain = decode(luma(paint(state(FLAT, level=0.5))))
    for stops in (-1.0, -0.5, 0.5):
        got = decode(luma(paint(state(FLAT, level=0.5), exposure=stops)))
        assert got.mean() / plain.mean() == pytest.approx(2.0**stops, rel=0.12)


def test_glow_lifts_highlights_only():
    plain, more = (luma(paint(state(ACROSS), glow=v)[H // 2]) for v in (0.0, 1.0))
    tone = (np.arange(W) + 0.5) / W
    np.testing.assert_array_equal(more[tone < 0.55], plain[tone < 0.55])
    assert (more - plain)[(tone > 0.7) & (tone < 0.8)].min() > 0.02


def test_highlights_roll_off_and_never_clip():
    flood = paint(state(ACROSS), palette=EMBER, exposure=1.0, glow=1.0)
    light = luma(flood)[H // 2]
    assert light.max() < 1.0
    assert np.all(np.diff(light) >= -1e-5)
    assert np.ptp(flood[H // 2, -1]) < np.ptp(paint(state(ACROSS), palette=EMBER)[H // 2, -1])


def test_the_vignette_darkens_corners_and_spares_the_middle():
    plain, dark = (luma(paint(state(FLAT), vignette=v)) for v in (0.0, 0.6))
    ratio = dark / plain
    assert ratio[H // 2, W // 2] == pytest.approx(1.0, abs=0.002)
    for corner in (ratio[0, 0], ratio[0, -1], ratio[-1, 0], ratio[-1, -1]):
        assert corner == pytest.approx(0.4, abs=0.02)


def test_cycle_travels_there_and_back():
    plain, back, whole = (luma(paint(state(ACROSS), cycle=v)) for v in (0.0, 1.0, 2.0))
    np.testing.assert_allclose(whole, plain, atol=1e-3)
    np.testing.assert_allclose(back, plain[:, ::-1], atol=0.01)
    steps = [luma(paint(state(ACROSS), cycle=v)) for v in np.linspace(0, 2, 41)]
    jumps = [np.abs(b - a).max() for a, b in itertools.pairwise(steps)]
    assert max(jumps) < 0.08


def test_relief_lights_slopes_that_face_the_top_left():
    plain = luma(paint(state(ACROSS, turn=0.0)))
    for turn, sign in ((0.0, 1), (0.5, -1)):
        base = luma(paint(state(ACROSS, turn=turn)))
        lit = luma(paint(state(ACROSS, turn=turn), relief=1.0))
        middle = (slice(8, -8), slice(W // 3, W // 2))
        assert np.all((lit - base)[middle] * sign > 0.005)
    flat = paint(state(FLAT), relief=1.0)
    np.testing.assert_allclose(flat, paint(state(FLAT)), atol=1e-6)
    assert plain.std() > 0.1


def test_relief_is_the_same_at_any_size():
    def effect(size):
        lit, plain = (luma(paint(state(CLOUDS, zoom=1.0), relief=v, size=size)) for v in (1.0, 0.0))
        f = size[1] // 36
        return (lit - plain).reshape(36, f, 64, f).mean(axis=(1, 3))

    small, large = effect((256, 144)), effect((512, 288))
    assert small.std() > 0.01
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.97
    assert large.std() == pytest.approx(small.std(), rel=0.15)


def test_a_gain_of_ones_is_no_gain_and_half_is_half():
    ones = np.ones((9, 16), np.float32)
    with_ones = paint(state(CLOUDS), palette=EMBER, gain=ones)
    np.testing.assert_allclose(with_ones, paint(state(CLOUDS), palette=EMBER), atol=1e-6)
    plain = decode(luma(paint(state(FLAT, level=0.6))))
    half = decode(luma(paint(state(FLAT, level=0.6), gain=ones * 0.5 ** (1 / GAMMA))))
    np.testing.assert_allclose(half / plain, 0.5, atol=0.06)
    assert np.all(paint(state(CLOUDS), gain=ones * 0) < 0.01)


def test_gain_is_bilinear_between_the_centers_of_its_tiles():
    gain = np.ones((9, 16), np.float32)
    gain[:, 8:] = 0.5
    ratio = luma(paint(state(FLAT), gain=gain)) / luma(paint(state(FLAT)))
    np.testing.assert_allclose(ratio[:, : 7 * 8 + 4], 1.0, atol=1e-3)
    np.testing.assert_allclose(ratio[:, 8 * 8 + 4 :], 0.5, atol=1e-3)
    np.testing.assert_allclose(ratio[:, 63:65].mean(), 0.75, atol=1e-3)
    gain = np.ones((9, 16), np.float32)
    gain[2, 3] = 0.5
    ratio = luma(paint(state(FLAT), gain=gain)) / luma(paint(state(FLAT)))
    row, column = np.unravel_index(np.argmin(ratio), ratio.shape)
    assert (row // 8, column // 8) == (2, 3)
    assert ratio.min() == pytest.approx(0.5, abs=0.08)
    assert np.count_nonzero(ratio < 0.999) < 300


def test_fields_of_nan_and_infinity_still_make_a_picture():
    for level, tint, shown in ((np.nan, 0, 1), (0.5, np.nan, 1), (0.5, 0, np.nan), (np.inf,) * 3):
        got = paint(
            state(FLAT, level=level, tint=tint, shown=shown), palette=EMBER, relief=1.0, glow=1.0
        )
        assert np.all(np.isfinite(got))
        assert got.min() >= 0
        assert got.max() <= 1


def test_grays_are_gray():
    assert np.ptp(paint(state(CLOUDS), palette=GRAYS), axis=-1).max() < 1e-5


# --------------------------------------------------------------------- direct color


def rgb_state(red, green, blue, **rest):
    return state(COLORED, red=red, green=green, blue=blue, **rest)


def test_a_direct_field_gets_the_colors_it_asks_for():
    levels = (0.0, 0.02, 0.35, 0.7, 0.97, 1.0)
    for wanted in itertools.product(levels, repeat=3):
        for relief in (0.0, 1.0):
            got = paint(rgb_state(*wanted), size=(16, 16), palette=EMBER, relief=relief)
            np.testing.assert_allclose(
                got, np.broadcast_to(np.float32(wanted), got.shape), atol=1 / 255
            )


def test_a_direct_field_takes_the_grade():
    wanted = (0.5, 0.3, 0.6)
    plain = paint(rgb_state(*wanted))
    gray = paint(rgb_state(*wanted), chroma=0.0)
    np.testing.assert_allclose(gray, luma(plain)[..., None] * np.ones(3), atol=2e-3)
    brighter = paint(rgb_state(*wanted), exposure=0.3)
    np.testing.assert_allclose(decode(luma(brighter)) / decode(luma(plain)), 2**0.3, atol=0.05)
    dark, bright = (paint(rgb_state(v, v, v), contrast=1.0) for v in (0.25, 0.75))
    assert luma(dark).mean() < 0.2
    assert luma(bright).mean() > 0.8
    corners = paint(rgb_state(*wanted), vignette=0.6)
    assert luma(corners)[0, 0] < 0.6 * luma(corners)[H // 2, W // 2]
    half = np.full((9, 16), 0.5, np.float32)
    np.testing.assert_allclose(
        luma(paint(rgb_state(*wanted), gain=half)), luma(plain) / 2, atol=2e-3
    )
    for hue in (-0.4, 0.25, 0.5):
        turned = paint(rgb_state(*wanted), hue=hue)
        assert np.abs(turned - plain).max() > 0.05
        np.testing.assert_allclose(luma(turned), luma(plain), atol=2e-3)
    # Brighter than white rolls off, and never turns back.
    for value in (0.9, 1.0):
        more = [luma(paint(rgb_state(value, value, value), exposure=e)).mean() for e in (0, 0.2, 1)]
        assert value - 2e-3 < more[0] <= more[1] <= more[2] <= 1.0
    np.testing.assert_array_equal(
        paint(rgb_state(*wanted), cycle=0.3, hue_spread=2.0, relief=1.0), plain
    )


@pytest.mark.parametrize("swapped", [False, True])
def test_fades_between_direct_fields_and_palettes_mix_their_colors(swapped):
    """Both looks are seen, each in its own colors, and the fade ends where it should."""
    states = [rgb_state(0.2, 0.5, 0.7, wave=1.0), state(CLOUDS, zoom=0.3)]
    if swapped:
        states.reverse()
    effects = {"relief": 0.6, "glow": 0.4, "vignette": 0.3}
    ends = [paint(s, palette=EMBER, **effects) for s in states]
    for weight, want in zip((0.0, 1.0), ends, strict=True):
        got = paint(*states, weight=weight, palette=EMBER, **effects)
        np.testing.assert_allclose(got, want, atol=2e-3)
    middle = paint(*states, weight=0.5, palette=EMBER, relief=0.0)
    flat = [paint(s, palette=EMBER, relief=0.0) for s in states]
    calm = (np.minimum(*flat).min(-1) > 0) & (luma(np.maximum(*flat)) < 0.85)
    np.testing.assert_allclose(middle[calm], (flat[0] + flat[1])[calm] / 2, atol=6e-3)
    assert calm.mean() > 0.5


def test_fades_between_two_direct_fields():
    a, b = rgb_state(0.2, 0.5, 0.7), rgb_state(0.6, 0.1, 0.3)
    got = paint(a, b, weight=0.25, palette=EMBER)
    np.testing.assert_allclose(got, np.broadcast_to([0.3, 0.4, 0.6], got.shape), atol=2 / 255)


def test_a_direct_field_of_nan_still_makes_a_picture():
    for red in (np.nan, np.inf, -np.inf):
        got = paint(rgb_state(red, 0.5, 0.5), palette=EMBER)
        assert np.all(np.isfinite(got))


def test_the_director_knows_direct_fields():
    """A direct look's palette is not asked, and its field is not normalized."""
    own = scene(COLORED, 0, 20, palette=PALETTES["glacier"], red=0.8, green=0.2, blue=0.3)
    toned = scene(CLOUDS, 10, 30, palette=EMBER)
    made = director(own, toned)
    assert [f.direct for f in made.picture(15).fields] == [True, False]
    assert (made.state(0, 3).scale, made.state(0, 3).offset) == (1.0, 0.0)
    for frame in (12, 25):
        np.testing.assert_array_equal(
            made.picture(frame).tables["palette"], packed_tables(EMBER)["palette"]
        )
    rgb = Painter(16, 16).rgb_float(made.picture(3))
    np.testing.assert_allclose(rgb, np.broadcast_to([0.8, 0.2, 0.3], rgb.shape), atol=1 / 255)
