"""Contact sheets: pictures in a grid on a dark ground, each with its number and a label.

This module knows rectangles and letters; it does not know looks.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

GROUND = (14, 15, 18)
TITLE, LABEL, QUIET, NUMBER = (236, 236, 240), (172, 174, 184), (118, 121, 132), (226, 200, 150)


@dataclass(frozen=True)
class Caption:
    """What stands below a picture."""

    number: str
    label: str


@dataclass(frozen=True)
class Layout:
    """Where everything is on a sheet, in pixels; follows from the tiles' size and number alone.

    Attributes
    ----------
    tile : (int, int)
        Width and height of a picture.
    columns, rows : int
    gap, margin : int
        Between pictures, and around them all.
    small, large : int
        Sizes of letters.
    head, foot : int
        Height of the title's lines, and of a caption.
    """

    tile: tuple[int, int]
    columns: int
    rows: int
    gap: int
    margin: int
    small: int
    large: int
    head: int
    foot: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        width, height = self.tile
        return (
            2 * self.margin + self.columns * width + (self.columns - 1) * self.gap,
            2 * self.margin
            + self.head
            + self.rows * (height + self.foot)
            + (self.rows - 1) * self.gap,
        )

    def corner(self, index: int) -> tuple[int, int]:
        """Return the left and top of a picture."""
        row, column = divmod(index, self.columns)
        width, height = self.tile
        return (
            self.margin + column * (width + self.gap),
            self.margin + self.head + row * (height + self.foot + self.gap),
        )


def layout(count: int, columns: int, width: int, height: int) -> Layout:
    """Return the layout of `count` tiles of one size."""
    small = min(22, max(10, round(width / 24)))
    large = round(1.7 * small)
    gap = max(4, round(width / 32))
    return Layout(
        (width, height),
        columns,
        -(-count // columns),
        gap,
        max(12, 2 * gap),
        small,
        large,
        head=round(1.35 * large + 1.5 * small + 1.2 * gap),
        foot=round(1.75 * small),
    )


def contact(
    rgbs: Sequence[NDArray[np.uint8]],
    captions: Sequence[Caption],
    columns: int,
    title: str,
    settings: str,
) -> NDArray[np.uint8]:
    """Return a contact sheet, uint8 RGB [height, width, 3]; no text leaves its place.

    Raises
    ------
    ValueError
        If there are no pictures, or not one caption for each.
    """
    if not rgbs or len(rgbs) != len(captions):
        raise ValueError("a sheet needs pictures, and a caption for each")
    columns = min(columns, len(rgbs))
    height, width = rgbs[0].shape[:2]
    place = layout(len(rgbs), columns, width, height)
    sheet = Image.new("RGB", place.size, GROUND)
    draw = ImageDraw.Draw(sheet)
    inside = place.size[0] - 2 * place.margin
    draw.text(
        (place.margin, place.margin - 0.2 * place.large),
        fitted(title, place.large, inside),
        TITLE,
        _font(place.large),
    )
    draw.text(
        (place.margin, place.margin + 1.2 * place.large),
        fitted(settings, place.small, inside),
        QUIET,
        _font(place.small),
    )
    small = _font(place.small)
    for index, (rgb, caption) in enumerate(zip(rgbs, captions, strict=True)):
        left, top = place.corner(index)
        sheet.paste(Image.fromarray(rgb), (left, top))
        line = top + height + 0.28 * place.small
        number = fitted(caption.number, place.small, width)
        draw.text((left, line), number, NUMBER, small)
        used = small.getlength(number) + 0.55 * place.small
        label = fitted(caption.label, place.small, width - used)
        draw.text((left + used, line), label, LABEL, small)
    return np.asarray(sheet)


def fitted(text: str, size: int, width: float) -> str:
    """Return `text` in letters that the font has, cut off with … where it is wider than `width`."""
    text = plain(text)
    font = _font(size)
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest start that fits
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle].rstrip() + "…") <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def plain(text: str) -> str:
    """Return `text` in the letters that Pillow's own font has: ASCII and a few signs."""
    text = text.translate({0xD7: "x", 0x2212: "-", 0x2013: "-", 0x2014: "-", 0x2192: ">"})
    apart = unicodedata.normalize("NFKD", text.replace("…", "\0"))
    kept = (c for c in apart if not unicodedata.combining(c))
    return "".join("…" if c == "\0" else c if " " <= c <= "~" or c in "·°" else "?" for c in kept)


@functools.lru_cache(maxsize=32)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
