"""Palettes from images: known hues, nothing that depends on how an image lies, and bad files."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from afx import oklch
from afx.easel import Easel
from afx.explore.colors import harm
from afx.explore.start import starting_tile
from afx.gates import measure, problems
from afx.image_file import MOST_PIXELS, read_reduced
from afx.image_palette import palette_of, palette_of_pixels
from afx.look import dump, load_library, parse_look
from afx.palette import PALETTES, Palette, ramp, table
from afx.palette_choice import palette_named, with_palette
from afxcommand import afx
from music_analysis.errors import UserError

Pixels = NDArray[np.float64]
RED, BLUE, GREEN = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.6, 0.2)


def flat(*color: float, size: int = 24) -> Pixels:
    return np.tile(np.array(color, dtype=float), (size, size, 1))


def halves(a: tuple[float, ...], b: tuple[float, ...], share: float = 0.5) -> Pixels:
    made = flat(*a, size=40)
    made[round(40 * share) :] = b
    return made


def gradient(a: tuple[float, ...], b: tuple[float, ...]) -> Pixels:
    t = np.linspace(0, 1, 64)[:, None, None] * np.ones((64, 64, 1))
    return (1 - t) * np.array(a) + t * np.array(b)


def logo() -> Pixels:
    """Navy, a little white and a red dot of 2 % of the area."""
    made = flat(0.06, 0.1, 0.23, size=60)
    made[5:12, 5:40] = 0.95
    y, x = np.mgrid[:60, :60]
    made[(y - 42) ** 2 + (x - 42) ** 2 < 23] = (0.94, 0.22, 0.15)
    return made


def noise(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).random((50, 50, 3))


IMAGES: dict[str, Pixels] = {
    "red and blue": halves(RED, BLUE),
    "sunset": gradient((0.2, 0.1, 0.4), (1.0, 0.7, 0.3)),
    "forest": gradient((0.04, 0.09, 0.04), (0.5, 0.6, 0.2)),
    "logo": logo(),
    "noise": noise(),
    "black and white": gradient((0, 0, 0), (1, 1, 1)),
    "black": flat(0, 0, 0),
    "yellow": flat(1, 0.9, 0, size=1),
    "pastel": gradient((0.98, 0.8, 0.85), (0.75, 0.85, 0.98)),
}
names = pytest.mark.parametrize("name", IMAGES)


def has_hue(palette: Palette, degrees: float, within: float = 8.0) -> bool:
    assert palette.anchors is not None
    return any(
        abs((a.h - degrees + 180) % 360 - 180) <= within and a.C > 0.08 for a in palette.anchors
    )


def hue_of(color: tuple[float, ...]) -> float:
    lab = oklch.oklab_from_display(color)
    return float(np.degrees(np.arctan2(lab[2], lab[1])))


def is_sound(palette: Palette) -> None:
    """Rising lightness from near black to near white, no wish outside the gamut, no mud."""
    wished = ramp(palette)
    assert (np.diff(wished[:, 0]) > 0).all()
    assert wished[0, 0] < 0.15
    assert wished[-1, 0] > 0.93
    assert palette.anchors is not None
    for a in palette.anchors:
        assert oklch.max_chroma(a.L, np.radians(a.h)) >= a.C
    steps = np.linalg.norm(np.diff(oklch.oklab_from_display(table(palette)[0]), axis=0), axis=-1)
    assert steps.max() < 0.03
    assert harm(palette) < 0.25


def test_red_and_blue_give_red_and_blue_and_blue_is_the_dark_one() -> None:
    palette = palette_of_pixels(IMAGES["red and blue"])
    assert has_hue(palette, hue_of(RED))
    assert has_hue(palette, hue_of(BLUE))
    assert not has_hue(palette, hue_of(GREEN), 40)
    assert palette.anchors is not None
    light = {round(a.h): a.L for a in palette.anchors[1:-1]}
    assert light[round(hue_of(BLUE)) % 360] < light[round(hue_of(RED))]


@pytest.mark.parametrize("color", [RED, BLUE, GREEN, (0.6, 0.2, 0.7), (0.1, 0.6, 0.6)])
def test_one_color_stays_that_color(color: tuple[float, ...]) -> None:
    palette = palette_of_pixels(flat(*color))
    assert has_hue(palette, hue_of(color), 5.0)
    assert palette.anchors is not None
    assert all(abs((a.h - hue_of(color) + 180) % 360 - 180) < 45 for a in palette.anchors)


def test_a_small_vivid_accent_counts_and_a_speck_of_dust_does_not() -> None:
    assert has_hue(palette_of_pixels(IMAGES["logo"]), hue_of((0.94, 0.22, 0.15)))
    dusty = flat(0.5, 0.5, 0.5, size=60)
    dusty[3, 3] = RED
    assert palette_of_pixels(dusty) == palette_of_pixels(flat(0.5, 0.5, 0.5, size=60))


def test_gray_images_give_a_calm_duotone_and_tinted_ones_their_tint() -> None:
    gray = palette_of_pixels(IMAGES["black and white"])
    assert np.hypot(*ramp(gray)[:, 1:].T).max() < 0.08
    sepia = palette_of_pixels(flat(0.52, 0.5, 0.47))
    assert sepia.anchors is not None
    assert all(30 < a.h < 100 for a in sepia.anchors)


def test_dark_images_stay_dark_for_longer() -> None:
    dark, light = (palette_of_pixels(flat(*c)) for c in ((0.15, 0.02, 0.03), (1.0, 0.75, 0.78)))
    assert ramp(dark)[128, 0] < ramp(light)[128, 0] - 0.05


@names
def test_every_image_gives_a_sound_palette(name: str) -> None:
    is_sound(palette_of_pixels(IMAGES[name]))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=6),
    st.integers(0, 2**31),
)
def test_any_colors_give_a_sound_palette(colors: list[tuple[float, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    picked = np.array(colors)[rng.integers(len(colors), size=(20, 20))]
    is_sound(palette_of_pixels(picked))


@names
def test_how_an_image_lies_and_how_large_it_is_changes_nothing(name: str, tmp_path: Path) -> None:
    pixels = IMAGES[name]
    palette = palette_of_pixels(pixels)
    for other in (pixels, np.rot90(pixels), pixels[::-1], np.repeat(np.repeat(pixels, 3, 0), 3, 1)):
        assert palette_of_pixels(other) == palette
    eight = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
    eight.save(tmp_path / "a.png")
    eight.rotate(90, expand=True).save(tmp_path / "b.png")
    a, b = palette_of(tmp_path / "a.png"), palette_of(tmp_path / "b.png")
    assert a.anchors == b.anchors
    assert (a.title, b.title) == ("From a.png", "From b.png")


@pytest.mark.parametrize("name", ["red and blue", "sunset", "logo"])
def test_a_huge_copy_gives_nearly_the_same(name: str, tmp_path: Path) -> None:
    small = Image.fromarray(np.round(IMAGES[name] * 255).astype(np.uint8))
    small.resize((2400, 1800), Image.Resampling.NEAREST).save(tmp_path / "large.jpg", quality=92)
    far = ramp(palette_of(tmp_path / "large.jpg")) - ramp(palette_of_pixels(IMAGES[name]))
    assert np.linalg.norm(far, axis=-1).max() < 0.05


@pytest.mark.parametrize("look", ["satin", "northern-lights", "living-tissue"])
def test_stills_in_these_colors_pass_the_gates(look: str) -> None:
    easel, base = Easel(384, 216), load_library()[look]
    for name, pixels in IMAGES.items():
        dressed = base.model_copy(update={"palette": palette_of_pixels(pixels)})
        assert problems(measure(easel.still(dressed, seed=3))) == [], name


def test_a_look_carries_the_palette_without_the_image() -> None:
    dressed = with_palette(load_library(), palette_of_pixels(IMAGES["logo"]))["satin"]
    assert parse_look(dump(dressed), "satin", "satin.toml") == dressed


# Files as people have them.


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def rgb(*color: int) -> Image.Image:
    return Image.new("RGB", (8, 8), color)


def test_modes_and_formats_are_read_as_what_they_show() -> None:
    red = rgb(200, 30, 40)
    clear = red.convert("RGBA")
    clear.paste((0, 0, 255, 0), (0, 0, 4, 8))
    files = {
        "PNG": saved(red, "PNG"),
        "JPEG": saved(red, "JPEG", quality=95),
        "WebP": saved(red, "WEBP", lossless=True),
        "GIF": saved(red.quantize(4), "GIF"),
        "palette": saved(red.quantize(4), "PNG"),
        "CMYK": saved(Image.new("CMYK", (8, 8), (55, 225, 215, 0)), "TIFF"),
        "CMYK JPEG": saved(Image.new("CMYK", (8, 8), (55, 225, 215, 0)), "JPEG", quality=95),
        "sRGB profile": saved(
            red,
            "PNG",
            icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        ),
        "broken profile": saved(red, "PNG", icc_profile=b"no profile at all"),
        "animated": saved(red, "GIF", save_all=True, append_images=[rgb(0, 0, 255)]),
    }
    for kind, data in files.items():
        read = read_reduced(data)
        assert read.shape == (8, 8, 4), kind
        np.testing.assert_allclose(read[4, 4] * 255, [200, 30, 40, 255], atol=3, err_msg=kind)
    read = read_reduced(saved(clear, "PNG"))
    np.testing.assert_allclose(read[0, :, 3], [0, 0, 0, 0, 1, 1, 1, 1])
    palette = palette_of(saved(clear, "PNG"))
    assert has_hue(palette, hue_of((200 / 255, 30 / 255, 40 / 255)), 2)
    assert not has_hue(palette, hue_of(BLUE), 30)


def test_a_wide_gamut_profile_is_heeded() -> None:
    """The same numbers with another gamma mean another color."""
    lab = Image.new("LAB", (8, 8), (128, 178, 128))  # a rose of L* 50, a* 50
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    read = read_reduced(saved(lab, "TIFF", icc_profile=profile))[0, 0]
    assert read[0] > read[1] + 0.25
    assert abs(read[1] - read[2]) < 0.25


@pytest.mark.parametrize("mode", ["L", "I;16", "I", "F", "1", "LA"])
def test_grays_of_any_depth_are_the_same_ramp(mode: str) -> None:
    steps = np.tile(np.linspace(0, 255, 16).round().astype(np.uint8), (16, 1))
    if mode == "I;16":
        image = Image.fromarray(steps.astype(np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(steps.astype(np.int32) * 257)
    elif mode == "F":
        image = Image.fromarray(steps.astype(np.float32) / 255)
    else:
        image = Image.fromarray(steps).convert(mode)
    read = read_reduced(saved(image, "TIFF" if mode in ("I", "F") else "PNG"))
    want = steps / 255 if mode != "1" else np.asarray(image, dtype=float)
    np.testing.assert_allclose(read[..., 0], want, atol=1 / 255)
    np.testing.assert_allclose(read[..., 3], 1)


def test_a_camera_held_upright_is_heeded() -> None:
    image = Image.new("RGB", (16, 8), (200, 30, 40))
    image.paste((20, 40, 220), (8, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it
    read = read_reduced(saved(image, "PNG", exif=exif))
    assert read.shape == (16, 8, 4)
    assert read[2, 4, 0] > 0.7
    assert read[13, 4, 2] > 0.7


def test_shapes_at_the_limits() -> None:
    assert read_reduced(saved(Image.new("RGB", (1, 1)), "PNG")).shape == (1, 1, 4)
    assert read_reduced(saved(Image.new("RGB", (5000, 2)), "PNG")).shape == (1, 128, 4)


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that says it is huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        said = struct.pack(">I", len(body)) + kind + body
        return said + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body


PHOTO = saved(Image.fromarray((noise(3) * 255).astype(np.uint8)), "JPEG")
PICTURE = saved(Image.fromarray((noise(3) * 255).astype(np.uint8)), "PNG")
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "no such file"),
    "a folder": (Path.mkdir, "is a folder"),
    "empty": (Path.touch, "is empty"),
    "words": (lambda p: p.write_text("Only words.\n" * 50), "is not an image"),
    "a program for a printer": (lambda p: p.write_bytes(EPS), "is not an image"),
    "half a photo": (lambda p: p.write_bytes(PHOTO[: len(PHOTO) // 2]), "damaged or cut short"),
    "half a picture": (lambda p: p.write_bytes(PICTURE[:3000]), "damaged or cut short"),
    "its first bytes": (lambda p: p.write_bytes(PICTURE[:20]), "image"),
    "a bomb": (lambda p: p.write_bytes(bomb(100_000, 100_000)), "up to 80 million pixels"),
    "a small bomb": (lambda p: p.write_bytes(bomb(10_000, 10_000)), "up to 80 million pixels"),
    "just too large": (lambda p: p.write_bytes(bomb(9_000, 9_000)), "up to 80 million pixels"),
    "nothing to see": (
        lambda p: p.write_bytes(saved(Image.new("RGBA", (9, 9)), "PNG")),
        "is all transparent",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_images_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make, says = BAD[name]
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "cover.png")
    before = set(tmp_path.iterdir())
    outcome = afx("explore", "still", "satin", "--palette", "cover.png")
    assert outcome.code == 1
    assert outcome.err.startswith("afx: --palette cover.png: ")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1
    assert set(tmp_path.iterdir()) == before


def test_the_limit_is_lower_than_where_pillow_gives_up() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert Image.MAX_IMAGE_PIXELS > MOST_PIXELS


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("embr", "did you mean 'ember'"),
        ("qqqq", "name an image, such as cover.jpg"),
        ("", "name a palette"),
        ("cover", "no song here"),
        ("a\nb.png", "no such file"),
        ("x" * 300, "unknown palette"),
        ("x" * 300 + ".png", "name too long"),
        ("a\0.png", "--palette"),
    ],
)
def test_words_that_name_nothing(word: str, says: str) -> None:
    with pytest.raises(UserError, match="--palette") as caught:
        palette_named(word)
    assert says.lower() in str(caught.value).lower()
    assert str(caught.value).isprintable()


def test_names_of_palettes_are_known_as_people_write_them() -> None:
    assert palette_named(" Ink and Gold ") == PALETTES["ink-and-gold"]
    assert starting_tile("satin", palette="peacock").look.palette == PALETTES["peacock"]


def test_looks_that_paint_raw_colors_have_no_palette(tmp_path: Path) -> None:
    neural = load_library()["neural-dream"]
    text = dump(neural).split("[network]")[0] + '\n[network]\noutput = "rgb"\n'
    (tmp_path / "raw.toml").write_text(text)
    raw = starting_tile(str(tmp_path / "raw.toml")).look
    with pytest.raises(UserError, match="makes its own colors"):
        with_palette({"raw": raw}, PALETTES["ember"])
    both = with_palette({"raw": raw, "neural": neural}, PALETTES["ember"])
    assert both["raw"] == raw
    assert both["neural"].palette == PALETTES["ember"]


def test_stills_and_sheets_take_an_image_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cover.png").write_bytes(saved(rgb(200, 30, 40), "PNG"))
    dressed = ("--palette", tmp_path / "cover.png")
    assert afx("explore", "still", "satin", *dressed, "--size", "64x36").code == 0
    sheet = ("--vary", "seeds", "--tiles", "2", "--tile-size", "64x36")
    assert afx("explore", "sheet", "satin", *dressed, *sheet).code == 0
    plain = ("explore", "still", "satin", "--size", "64x36", "-o", "plain.png")
    assert afx(*plain).code == 0
    for name in ("satin.png", "sheet.png#2"):
        made = starting_tile(name).look
        assert made.palette.anchors == palette_of(tmp_path / "cover.png").anchors
    told = Image.open(tmp_path / "sheet.png").text  # type: ignore[attr-defined]
    assert any("--palette cover.png" in text for text in told.values())
    first, second = (Image.open(tmp_path / n).convert("RGB") for n in ("satin.png", "plain.png"))
    assert first.tobytes() != second.tobytes()


def test_the_travel_through_hues_is_never_a_rainbow() -> None:
    hues = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    wheel = oklch.display_from_oklch(0.65, 0.1, hues)[None].repeat(20, axis=0)
    palette = palette_of_pixels(wheel)
    is_sound(palette)
    assert palette.anchors is not None
    turns = [(b.h - a.h + 180) % 360 - 180 for a, b in itertools.pairwise(palette.anchors[1:-1])]
    assert sum(map(abs, turns)) < 200
