"""Make the pictures of docs/light.md; docs/make.py calls this."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from afx.color import paired_tables
from afx.easel import Easel
from afx.look import load_library
from afx.painter import Picture
from afx.stage import GRADE_KNOBS
from afx.transition import SHAPES, Wipe

DOCS = Path(__file__).parent
BEHIND, INK = (16, 16, 20), (220, 220, 228)
SIZE = (1280, 720)
EFFECTS = (
    ("as it is", {}), ("halo 1", {"halo": 1.0}), ("film 1", {"film": 1.0}),
    ("warmth -0.8", {"warmth": -0.8}), ("warmth 0.8", {"warmth": 0.8}),
    ("grain 1, fringe 1, close up", {"grain": 1.0, "fringe": 1.0}),
)  # fmt: skip
WIPES = (("desert-dusk", "abyss"), ("elephant-valley", "neon-veils"), ("satin", "starry-night"),
         ("abyss", "dahlia"))  # fmt: skip


def _graded(picture: Picture, knobs: dict[str, float]) -> Picture:
    grade = picture.grade.copy()
    for name, value in knobs.items():
        grade[[k.name for k in GRADE_KNOBS].index(name)] = value
    return replace(picture, grade=grade)


def _sheet(rows: list[list[tuple[str, NDArray[np.uint8]]]], name: str) -> None:
    """Save pictures with their titles below."""
    height, width = rows[0][0][1].shape[:2]
    gap, line, font = 6, 18, ImageFont.load_default(12)
    columns = len(rows[0])
    sheet = Image.new("RGB", (columns * (width + gap) - gap, len(rows) * (height + line)), BEHIND)
    draw = ImageDraw.Draw(sheet)
    for i, row in enumerate(rows):
        for k, (title, pixels) in enumerate(row):
            x, y = k * (width + gap), i * (height + line)
            sheet.paste(Image.fromarray(pixels), (x, y))
            draw.text((x + 2, y + height + 1), title, fill=INK, font=font)
    sheet.save(DOCS / name, quality=84, method=6)


def _small(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    h, w = pixels.shape[0] // factor, pixels.shape[1] // factor
    parts = pixels.reshape(h, factor, w, factor, 3).astype(np.float32)
    return (parts.mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def effects(easel: Easel) -> None:
    """Draw looks in every light."""
    library = load_library()
    rows = []
    for name in ("desert-dusk", "dahlia", "starry-night"):
        picture = easel.picture(library[name], seed=3)
        row = []
        for title, knobs in EFFECTS:
            pixels = easel.painter.rgb(_graded(picture, knobs))
            close = pixels[270:450, 880:1200]
            row.append((title, close if "close" in title else _small(pixels, 4)))
        rows += [row[:3], row[3:]]
    _sheet(rows, "light.webp")


def wipes(easel: Easel) -> None:
    """Draw every shape of wipe on its way."""
    library = load_library()
    rows = []
    for shape, names in zip(SHAPES, WIPES, strict=True):
        looks = [library[name] for name in names]
        a, b = (easel.picture(look, seed=3 + k) for k, look in enumerate(looks))
        row = []
        for share in (0.25, 0.5, 0.75):
            picture = Picture(
                (a.fields[0], b.fields[0]),
                share,
                a.grade + (b.grade - a.grade) * np.float32(share),
                paired_tables(looks[0].palette, looks[1].palette),
                wipe=Wipe(share, shape, 0.25, 0.08),
            )
            row.append((f"{shape}, {share:g}", _small(easel.painter.rgb(picture), 4)))
        rows.append(row)
    _sheet(rows, "wipes.webp")


def write(*, pictures: bool) -> None:
    """Draw the page's pictures if asked for."""
    if pictures:
        easel = Easel(*SIZE)
        effects(easel)
        wipes(easel)
