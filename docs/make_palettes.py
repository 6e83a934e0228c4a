"""Make the table and the pictures of docs/palettes.md; docs/make.py calls this."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from afx.easel import Easel
from afx.image_palette import palette_of_pixels
from afx.look import load_library
from afx.oklch import oklab_from_display
from afx.palette import PALETTES, Palette, table, words_of

DOCS = Path(__file__).parent
BEHIND, INK = (16, 16, 20), (220, 220, 228)


def palette_table() -> str:
    """Return the table of curated palettes."""
    lines = ["| name | | hues, dark to light |", "|---|---|---|"]
    for name, palette in PALETTES.items():
        lab = oklab_from_display(table(palette, 1)[0][[60, 130, 200]])
        hues = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
        shown = ", ".join(f"{hue:.0f}°" for hue in hues)
        lines.append(f"| `{name}` | {', '.join(words_of(palette))} | {shown} |")
    return "\n".join(lines)


def palettes_page(text: str) -> str:
    """Return docs/palettes.md with its table made anew."""
    start, end = "<!-- palettes: made by docs/make.py -->", "<!-- end of palettes -->"
    before, rest = text.split(start)
    return f"{before}{start}\n\n{palette_table()}\n\n{end}{rest.split(end)[1]}"


def swatches() -> None:
    """Draw all palettes, from dark to light."""
    width, height, gap, columns, font = 308, 40, 8, 3, ImageFont.load_default(13)
    rows = -(-len(PALETTES) // columns)
    size = (columns * (width + gap) - gap, rows * (height + gap + 18) - gap)
    sheet = Image.new("RGB", size, BEHIND)
    draw = ImageDraw.Draw(sheet)
    for index, (name, palette) in enumerate(PALETTES.items()):
        x, y = index % columns * (width + gap), index // columns * (height + gap + 18)
        sheet.paste(_swatch(palette, (width, height)), (x, y))
        draw.text((x + 2, y + height), name, fill=INK, font=font)
    sheet.save(DOCS / "palettes.webp", quality=82, method=6)


def images() -> None:
    """Draw made-up covers beside what is painted in their colors, and the ramps below."""
    side, wide, gap = 162, 288, 8
    easel, library = Easel(2 * wide, 2 * side), load_library()
    looks = [library[name] for name in ("satin", "northern-lights")]
    covers = _covers(side)
    size = (side + 2 * (wide + gap), len(covers) * (side + 26 + gap) - gap)
    sheet = Image.new("RGB", size, BEHIND)
    for index, pixels in enumerate(covers):
        y = index * (side + 26 + gap)
        palette = palette_of_pixels(pixels)
        sheet.paste(Image.fromarray((255 * pixels).round().astype(np.uint8)), (0, y))
        sheet.paste(_swatch(palette, (sheet.width, 20)), (0, y + side + 4))
        for k, look in enumerate(looks):
            made = easel.still(look.model_copy(update={"palette": palette}), seed=3)
            frame = Image.fromarray(made).resize((wide, side), Image.Resampling.LANCZOS)
            sheet.paste(frame, (side + gap + k * (wide + gap), y))
    sheet.save(DOCS / "palettes-images.webp", quality=76, method=6)


def _swatch(palette: Palette, size: tuple[int, int]) -> Image.Image:
    row = (255 * table(palette, 1)[0]).round().astype(np.uint8)
    return Image.fromarray(row[None]).resize(size, Image.Resampling.BICUBIC)


def _covers(size: int) -> list[NDArray[np.float64]]:
    """Return made-up covers: an evening, a dark sleeve with a red dot, leaves, gray fog."""
    y, x = np.mgrid[:size, :size] / size
    rng = np.random.default_rng(5)

    def cloud(cells: int) -> NDArray[np.float64]:
        grid = rng.random((cells, cells)).astype(np.float32)
        image = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)
        return np.clip(np.asarray(image, dtype=np.float64), 0, 1)

    def blend(
        a: tuple[float, ...], b: tuple[float, ...], t: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return np.array(a) + (np.array(b) - np.array(a)) * np.clip(t, 0, 1)[..., None]

    sky = blend((0.16, 0.1, 0.36), (0.97, 0.46, 0.34), y / 0.62)
    water = blend((1.0, 0.74, 0.4), (0.1, 0.08, 0.2), (y - 0.62) / 0.38)
    evening = np.where((y < 0.62)[..., None], sky, water)
    sleeve = np.tile(np.array([0.06, 0.1, 0.24]), (size, size, 1))
    sleeve[np.hypot(x - 0.7, y - 0.68) < 0.09] = (0.94, 0.24, 0.16)
    sleeve[(y > 0.16) & (y < 0.24) & (x > 0.12) & (x < 0.55)] = 0.92
    leaves = blend((0.04, 0.09, 0.05), (0.5, 0.64, 0.24), 0.6 * cloud(6) + 0.5 * cloud(24) - 0.1)
    fog = blend((0.05, 0.05, 0.05), (0.95, 0.95, 0.95), 0.7 * cloud(4) + 0.4 * cloud(10) - 0.1)
    return [evening, sleeve, leaves, fog]


def write(*, pictures: bool) -> None:
    """Write the page's table, and its pictures if asked for."""
    page = DOCS / "palettes.md"
    page.write_text(palettes_page(page.read_text(encoding="utf-8")), encoding="utf-8")
    if pictures:
        swatches()
        images()
