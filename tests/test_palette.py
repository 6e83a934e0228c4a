"""Palettes: known colors, the gamut, equal lightness under rotation, and the curated library."""

from pathlib import Path

import numpy as np
import pytest

from afx import oklch
from afx.palette import (
    COLOR_BLIND_SAFE,
    DUOTONES,
    PALETTES,
    Anchor,
    Ground,
    Palette,
    ground,
    mix,
    ramp,
    resolve,
    table,
    words_of,
)

names = pytest.mark.parametrize("name", sorted(PALETTES))


def lightness(display):
    return oklch.oklab_from_display(display)[..., 0]


def test_ottossons_published_pairs():
    # XYZ rows of his page, expressed in linear sRGB: white, and the sRGB primaries.
    known = {
        (1.0, 1.0, 1.0): (1.0, 0.0, 0.0),
        (1.0, 0.0, 0.0): (0.627955, 0.224863, 0.125846),
        (0.0, 1.0, 0.0): (0.866440, -0.233888, 0.179498),
        (0.0, 0.0, 1.0): (0.452014, -0.032457, -0.311528),
    }
    for rgb, lab in known.items():
        np.testing.assert_allclose(oklch.oklab_from_linear(rgb), lab, atol=2e-5)


def test_color_spaces_invert_each_other():
    display = np.random.default_rng(1).random((500, 3))
    linear = oklch.decode(display)
    np.testing.assert_allclose(oklch.encode(linear), display, atol=1e-12)
    lab = oklch.oklab_from_linear(linear)
    np.testing.assert_allclose(oklch.linear_from_oklab(lab), linear, atol=1e-12)
    assert oklch.decode(0.5) == pytest.approx(0.21404, abs=1e-5)


def test_max_chroma_is_the_edge_of_the_gamut():
    rng = np.random.default_rng(2)
    light, hue = rng.uniform(0.05, 0.97, 800), rng.uniform(-np.pi, np.pi, 800)
    edge = oklch.max_chroma(light, hue)
    inside = oklch.linear_from_oklab(oklch.oklab_from_oklch(light, edge, hue))
    beyond = oklch.linear_from_oklab(oklch.oklab_from_oklch(light, edge + 1e-3, hue))
    assert inside.min() >= -1e-8
    assert inside.max() <= 1 + 1e-8
    assert np.all((beyond.min(-1) < 0) | (beyond.max(-1) > 1))
    red = oklch.oklab_from_linear((1.0, 0.0, 0.0))
    assert oklch.max_chroma(red[0], np.arctan2(red[2], red[1])) == pytest.approx(
        np.hypot(red[1], red[2]), abs=1e-3
    )


@names
def test_tables_are_in_range_finite_and_frozen(name):
    colors = table(PALETTES[name])
    assert colors.shape == (64, 256, 3)
    assert colors.dtype == np.float32
    assert np.isfinite(colors).all()
    assert colors.min() >= 0
    assert colors.max() <= 1
    with pytest.raises(ValueError):
        colors[0, 0, 0] = 1


@names
def test_rotation_keeps_lightness_and_turns_hue(name):
    light = lightness(table(PALETTES[name]))
    assert np.abs(light - light[0]).max() < 2e-3
    lab = oklch.oklab_from_display(table(PALETTES[name])[:, 150])
    hues = np.unwrap(np.arctan2(lab[:, 2], lab[:, 1]))
    np.testing.assert_allclose(np.diff(hues), 2 * np.pi / 64, atol=0.01)


@names
def test_neighbors_in_a_table_are_close(name):
    """No creases: neither along the tones nor around the hues does a color jump."""
    lab = oklch.oklab_from_display(table(PALETTES[name]))
    along = np.linalg.norm(np.diff(lab, axis=1), axis=-1)
    around = np.linalg.norm(lab - np.roll(lab, 1, axis=0), axis=-1)
    assert along.max() < 0.03
    assert around.max() < 0.055


@names
def test_curated_palettes_have_depth(name):
    """Near-black darks, luminous lights, rising lightness, color in the middle."""
    wished = ramp(PALETTES[name])
    chroma = np.hypot(wished[:, 1], wished[:, 2])
    assert wished[0, 0] <= 0.2
    assert wished[-1, 0] >= 0.92
    assert np.all(np.diff(wished[:, 0]) > 0)
    assert chroma[60:220].max() >= (0.02 if name == "mono-silver" else 0.12)
    assert lightness(ground(PALETTES[name])).max() < wished[0, 0] + 1e-3


def test_curated_palettes_are_many_and_distinct():
    assert len(PALETTES) >= 14
    labs = {n: oklch.oklab_from_display(table(p)[0]) for n, p in PALETTES.items()}
    for a in labs:
        for b in labs:
            if a < b:
                distance = np.linalg.norm(labs[a] - labs[b], axis=-1).mean()
                assert distance > 0.03, (a, b)


def test_wild_chroma_is_reduced_and_never_clipped():
    wild = Palette(hue=200, span=180, chroma=0.34, chroma_dark=1.5, chroma_light=1.5)
    colors = table(wild)
    wished = ramp(wild)
    assert np.abs(lightness(colors) - wished[:, 0]).max() < 2e-3
    hue = np.arctan2(wished[:, 2], wished[:, 1])
    lab = oklch.oklab_from_display(colors[0])
    error = np.angle(np.exp(1j * (np.arctan2(lab[:, 2], lab[:, 1]) - hue)))
    assert np.abs(error[20:]).max() < 0.01  # hue is kept; the darkest few are float32-coarse


def test_ramp_says_what_its_fields_say():
    p = Palette(hue=120, span=40, dark=0.1, light=0.9, chroma=0.1, chroma_dark=0.2)
    lab = ramp(p, 257)
    assert lab[0, 0] == pytest.approx(0.1)
    assert lab[-1, 0] == pytest.approx(0.9)
    assert np.degrees(np.arctan2(lab[128, 2], lab[128, 1])) == pytest.approx(120)
    assert np.hypot(*lab[0, 1:]) == pytest.approx(0.02)
    assert np.hypot(lab[:, 1], lab[:, 2]).max() == pytest.approx(0.1, abs=1e-4)
    warm = ramp(p.model_copy(update={"accent": -90.0, "accent_strength": 1.0}), 257)
    np.testing.assert_allclose(warm[:128], lab[:128])
    assert np.degrees(np.arctan2(warm[-1, 2], warm[-1, 1])) == pytest.approx(50)
    turned = ramp(p.model_copy(update={"turn": 90.0}), 257)
    np.testing.assert_allclose(turned[:, 0], lab[:, 0])
    assert np.degrees(np.arctan2(turned[128, 2], turned[128, 1])) == pytest.approx(-150)


def test_anchors_are_met_and_not_overshot():
    rows = ((0.0, 0.1, 0.05, 10), (0.3, 0.5, 0.1, 40), (0.6, 0.52, 0.1, 50), (1.0, 0.95, 0.02, 90))
    p = Palette(anchors=tuple(Anchor(tone=t, L=a, C=c, h=h) for t, a, c, h in rows))
    lab = ramp(p, 1001)
    for t, light, c, h in rows:
        at = lab[round(t * 1000)]
        assert at[0] == pytest.approx(light, abs=1e-6)
        assert np.hypot(at[1], at[2]) == pytest.approx(c, abs=1e-6)
        assert np.degrees(np.arctan2(at[2], at[1])) == pytest.approx(h, abs=1e-3)
    assert np.all(np.diff(lab[:, 0]) >= 0)


def test_ground_is_derived_or_as_given():
    p = Palette(dark=0.2, ground=Ground(L=0.5, C=0.05, h=90))
    own = oklch.oklab_from_display(ground(p)[0])
    assert own[0] == pytest.approx(0.5, abs=1e-3)
    assert ground(p).shape == (64, 3)
    assert lightness(ground(Palette(dark=0.2))[0]) == pytest.approx(0.124, abs=2e-3)


def test_mix_fades_luminance_evenly_and_stays_in_gamut():
    a, b = table(PALETTES["ember"]), table(PALETTES["glacier"])
    np.testing.assert_array_equal(mix(a, b, 0), a)
    np.testing.assert_array_equal(mix(a, b, 1), b)
    half = mix(a, b, 0.5)
    assert half.dtype == np.float32
    want = 0.5 * (oklch.decode(a) + oklch.decode(b))
    np.testing.assert_allclose(oklch.decode(half), want, atol=1e-6)
    with pytest.raises(ValueError, match="shapes"):
        mix(a, b[:1], 0.5)


def test_resolve_names_tables_and_bases():
    assert resolve("Ink and Gold") is PALETTES["ink-and-gold"]
    assert resolve({"hue": 90, "span": 20}) == Palette(hue=90, span=20)
    turned = resolve({"base": "ember", "turn": 40})
    assert turned.anchors == PALETTES["ember"].anchors
    assert resolve({"base": "orchid", "hue": 10}).chroma == PALETTES["orchid"].chroma
    plain = [{"tone": t / 3, "L": 0.1 + t / 4, "C": 0.1, "h": 9} for t in range(4)]
    assert resolve({"base": "orchid", "anchors": plain}).anchors is not None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("embr", "did you mean 'ember'"),
        ("qqqq", "there are ember"),
        ({"base": "glaciar"}, "did you mean 'glacier'"),
        ({"chrom": 0.1}, "did you mean 'chroma'"),
        ({"chroma": 4}, "palette.chroma"),
        ({"hue": "red"}, "palette.hue"),
        ({"dark": 0.5, "light": 0.5}, "0.15 above dark"),
        ({"base": "ember", "hue": 90}, "use turn"),
        ({"anchors": [{"tone": 0, "L": 0, "C": 0, "h": 0}]}, "palette.anchors"),
        ({"anchors": [{"tone": 0.5, "L": 0.5, "C": 0, "h": 0}] * 4}, "rising tones"),
    ],
)
def test_resolve_says_what_is_wrong(spec, message):
    with pytest.raises(ValueError, match=message) as caught:
        resolve(spec)
    assert "\n" not in str(caught.value)


def test_tables_refuse_nonsense_sizes():
    with pytest.raises(ValueError, match="hues"):
        table(Palette(), 0, 256)
    assert table(Palette(), 1, 2).shape == (1, 2, 3)


def test_tables_are_cached():
    first = table(Palette(hue=123.4))
    assert table(Palette(hue=123.4)) is first


# Machado, Oliveira & Fernandes (2009), "A physiologically-based model for simulation of color
# vision deficiency", severity 1; they act on linear light.
SEEN_WITHOUT = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def seen_without(kind, display):
    """OKLab of a picture as somebody with this kind of color blindness sees it."""
    linear = np.clip(oklch.decode(display) @ np.array(SEEN_WITHOUT[kind]).T, 0.0, 1.0)
    return oklch.oklab_from_linear(linear)


def told_apart(name, kind):
    """Return the least rise of L, the least step of nine, and how far apart the hues stay."""
    lab = seen_without(kind, table(PALETTES[name])[0])
    steps = np.diff(lab[np.linspace(0, 255, 9).round().astype(int)], axis=0)
    hues = lab[180:220, 1:].mean(axis=0) - lab[60:110, 1:].mean(axis=0)
    return np.diff(lab[:, 0]).min(), np.linalg.norm(steps, axis=1).min(), np.linalg.norm(hues)


def test_the_simulation_keeps_grays_and_confuses_what_it_should():
    gray = np.linspace(0, 1, 5)[:, None] * np.ones(3)
    red, green = [0.75, 0.35, 0.2], [0.52, 0.5, 0.2]
    for kind in SEEN_WITHOUT:
        np.testing.assert_allclose(
            seen_without(kind, gray), oklch.oklab_from_display(gray), atol=2e-3
        )
    apart = np.linalg.norm(oklch.oklab_from_display(red) - oklch.oklab_from_display(green))
    seen = seen_without("deuteranopia", red) - seen_without("deuteranopia", green)
    assert np.linalg.norm(seen) < 0.5 * apart


@pytest.mark.parametrize("kind", SEEN_WITHOUT)
@pytest.mark.parametrize("name", sorted(COLOR_BLIND_SAFE))
def test_the_safe_set_can_be_told_apart_by_everyone(name, kind):
    rise, step, hues = told_apart(name, kind)
    assert rise > 1e-3  # 256 tones, each lighter than the last
    assert step > 0.07  # ten times what is just noticeable between neighbors
    assert hues > 0.08


def test_the_safe_set_is_complete_and_excludes_what_fails():
    """The bounds of the test above are no formality: most palettes fail them."""
    passing = set()
    for name in PALETTES:
        told = np.min([told_apart(name, kind) for kind in SEEN_WITHOUT], axis=0)
        if (told > [1e-3, 0.07, 0.08]).all():
            passing.add(name)
    assert passing == COLOR_BLIND_SAFE
    assert "jungle" not in passing


@pytest.mark.parametrize("name", sorted(DUOTONES))
def test_duotones_have_two_hues_far_apart(name):
    lab = ramp(PALETTES[name])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1]))
    dark, light = hue[75], hue[205]
    assert abs((light - dark + 180) % 360 - 180) > 120
    # Each ink keeps its hue over its part of the ramp.
    for part, own in ((slice(40, 90), dark), (slice(200, 230), light)):
        assert np.abs((hue[part] - own + 180) % 360 - 180).max() < 25


def test_special_palettes_say_so():
    assert set(PALETTES) >= COLOR_BLIND_SAFE | DUOTONES
    assert words_of(PALETTES["cobalt-and-peach"]) == ("color-blind safe", "duotone")
    assert words_of(PALETTES["ember"]) == ()
    assert words_of(PALETTES["lighthouse"].model_copy(update={"turn": 90.0})) == ()


def test_every_palette_is_documented():
    page = (Path(__file__).parent.parent / "docs" / "palettes.md").read_text(encoding="utf-8")
    for name in PALETTES:
        words = ", ".join(words_of(PALETTES[name]))
        assert f"| `{name}` | {words} |" in page, "run docs/make.py"
