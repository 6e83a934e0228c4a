"""Letters: text to coverage, set line by line with a font.

Knows fonts, spacing and where lines may break; knows nothing of colors, places or times. Sizes and
widths are in pixels. Letters are drawn several times too large and averaged, so that their spacing
does not jump with the grid and every size looks alike. Errors are `ValueError` for people.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

DEFAULT = "DejaVuSans.ttf"
LARGEST_FILE = 64 * 2**20
"""Bytes of a font: the largest, with all of Chinese, have half."""
MOST_CHARACTERS = 400
"""Of one line of text; the rest becomes an ellipsis."""
_SHARP = 256
"""Letters are drawn at about this size, in pixels."""
_NOWHERE = "\U0010fffe"
"""No character: whatever a font draws for it, it draws for all that it lacks."""


def default_font() -> Path:
    """Return the font that comes with matplotlib, without importing it."""
    spec = importlib.util.find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / DEFAULT


class Face:
    """One font, in any size.

    Parameters
    ----------
    data : bytes
        Of a TrueType or OpenType file.
    name : str
        What errors call it.

    Raises
    ------
    ValueError
        If it is no such font.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self.name = data, name
        self._at = lru_cache(maxsize=16)(self._open)
        self._wide = lru_cache(maxsize=4096)(self._unit_width)
        if len(data) > LARGEST_FILE:
            raise ValueError(f"{name}: is too large for a font")
        try:
            font = self._at(64.0)
            self._absent = self._drawn(_NOWHERE)
            usable = font.getlength("x") > 0
        except Exception:  # FreeType's errors are OSError, but what a broken font does is its own
            usable = False
        if not usable:
            raise ValueError(f"{name}: is not a font that can be read; use a TTF or OTF file")

    def _open(self, size: float) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(
            io.BytesIO(self._data), size, layout_engine=ImageFont.Layout.BASIC
        )

    def _drawn(self, character: str) -> tuple[bytes, float]:
        font = self._at(64.0)
        return bytes(font.getmask(character)), font.getlength(character)

    def refuse(self, text: str, what: str) -> None:
        """Make sure that a text can be set.

        Raises
        ------
        ValueError
            If the font lacks a character, or the text runs from right to left.
        """
        for character in dict.fromkeys(text):
            if unicodedata.bidirectional(character) in ("R", "AL"):
                raise ValueError(
                    f"{what} has {_named(character)}: writing from right to left cannot be set"
                )
            if not character.isspace() and self._drawn(character) == self._absent:
                raise ValueError(
                    f"{what} has {_named(character)}, which the font {self.name} lacks:"
                    " name one that has it with --font"
                )

    def advances(self, text: str, size: float, spacing: float) -> list[tuple[str, float]]:
        """Return letters with the marks on them, and where each begins, then ("", the end)."""
        font = self._at(size)
        places, x = [], 0.0
        letters = _clusters(text)
        for letter, following in itertools.pairwise([*letters, ""]):
            places.append((letter, x))
            x += font.getlength(letter)
            if following:  # kerning, and the space between letters
                pair = font.getlength(letter[-1] + following[0])
                x += pair - font.getlength(letter[-1]) - font.getlength(following[0])
                x += spacing * size
        return [*places, ("", x)]

    def width(self, text: str, size: float, spacing: float) -> float:
        """Return how wide a line is."""
        return size / 64.0 * self._wide(text, spacing)

    def _unit_width(self, text: str, spacing: float) -> float:
        return self.advances(text, 64.0, spacing)[-1][1]

    def draw(self, text: str, size: float, spacing: float) -> NDArray[np.uint8]:
        """Return a line's coverage, 0 to 255: the baseline at ``round(1.1 · size)`` from the top.

        Returns
        -------
        uint8 array [round(1.5 · size), width + 2 · ceil(0.3 · size)]
            The line begins ``ceil(0.3 · size)`` from the left: slanted letters lean out.
        """
        sharper = max(1, min(8, round(_SHARP / size)))
        margin = int(np.ceil(0.3 * size))
        wide = int(np.ceil(self.width(text, size, spacing))) + 2 * margin
        high = round(1.5 * size)
        image = Image.new("L", (wide * sharper, high * sharper))
        drawing = ImageDraw.Draw(image)
        font = self._at(float(size * sharper))
        for letter, x in self.advances(text, float(size * sharper), spacing)[:-1]:
            place = (margin * sharper + x, round(1.1 * size) * sharper)
            drawing.text(place, letter, fill=255, font=font, anchor="ls")
        return np.asarray(image.reduce(sharper), np.uint8)


def clean(text: str) -> str:
    """Return a line fit to be set: letters with their accents, single spaces, not too long."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    text = "".join(c if c.isprintable() else " " for c in text if not _invisible(c))
    text = " ".join(text.split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1].rstrip() + "…"


def _invisible(character: str) -> bool:
    """Tell whether it only says how others are drawn: joiners, directions, color of emoji."""
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


def _clusters(text: str) -> list[str]:
    """Return letters, each with the marks that stand on it."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.combining(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"{character!r}" + (f" ({name.lower()})" if name else "")


@dataclass(frozen=True)
class Style:
    """How a text is set.

    Attributes
    ----------
    size, smallest : float
        Of the letters, pixels: as wanted, and the least that it may shrink to.
    width : float
        Of the longest line.
    rows : int
        Lines that it may take; more only at the smallest size.
    spacing : float
        Between letters, as a share of their size.
    leading : float
        From baseline to baseline, as a share of their size.
    """

    size: float
    smallest: float
    width: float
    rows: int
    spacing: float = 0.0
    leading: float = 1.25


@dataclass(frozen=True)
class Block:
    """A text broken into lines, at its size."""

    lines: tuple[str, ...]
    size: float
    style: Style

    @property
    def height(self) -> float:
        """From above the first line's letters to below the last one's."""
        return self.size * (1.2 + self.style.leading * (len(self.lines) - 1))


def fit(face: Face, texts: Sequence[str], style: Style) -> Block:
    """Break texts, each of which begins a new line, so that they fit, or nearly.

    Lines come out about equally long. Letters shrink before there are more lines than wanted; what
    has no spaces is broken where it must.
    """
    rows = max(style.rows, len(texts))
    size = style.size
    while True:
        lines = [line for text in texts for line in _broken(face, text, size, style)]
        if len(lines) <= rows or size <= style.smallest:
            return Block(tuple(lines), size, style)
        size = max(0.94 * size, style.smallest)


def _broken(face: Face, text: str, size: float, style: Style) -> list[str]:
    """Return a text's lines: as few as can be, and the longest of them as short as can be."""
    words = [part for word in text.split() for part in _parts(face, word, size, style)]
    widths = [face.width(word, size, style.spacing) for word in words]
    space = face.width(" ", size, 0.0) + 2 * style.spacing * size
    best = _lines(widths, space, style.width)
    if len(best) > 1:
        low, high = 0.5 * style.width / len(best), style.width
        for _ in range(8):
            middle = 0.5 * (low + high)
            tried = _lines(widths, space, middle)
            if len(tried) > len(best) or max(widths) > middle:
                low = middle
            else:
                high, best = middle, tried
    return [" ".join(words[first:last]) for first, last in best]


def _lines(widths: list[float], space: float, limit: float) -> list[tuple[int, int]]:
    """Fill lines with words of these widths: (first, one past the last) of each."""
    lines: list[tuple[int, int]] = []
    filled = 0.0
    for index, width in enumerate(widths):
        if lines and filled + space + width <= limit:
            lines[-1] = (lines[-1][0], index + 1)
            filled += space + width
        else:
            lines.append((index, index + 1))
            filled = width
    return lines


def _parts(face: Face, word: str, size: float, style: Style) -> list[str]:
    """Break a word that is wider than a line."""
    if face.width(word, size, style.spacing) <= style.width:
        return [word]
    parts, begin = [""], 0.0
    places = face.advances(word, size, style.spacing)
    for (letter, x), (_, end) in itertools.pairwise(places):
        if parts[-1] and end - begin > style.width:
            parts.append("")
            begin = x
        parts[-1] += letter
    return parts


def coverage(face: Face, block: Block, align: float = 0.5) -> NDArray[np.uint8]:
    """Draw a block's lines, 0 to 255, [height, width]; `align` 0 is left, 0.5 centered."""
    drawn = [face.draw(line, block.size, block.style.spacing) for line in block.lines]
    step = block.size * block.style.leading
    high = round(step * (len(drawn) - 1)) + drawn[0].shape[0]
    wide = max(line.shape[1] for line in drawn)
    whole = np.zeros((high, wide), np.uint8)
    for row, line in enumerate(drawn):
        top, left = round(row * step), int(align * (wide - line.shape[1]))
        part = whole[top : top + line.shape[0], left : left + line.shape[1]]
        np.maximum(part, line, out=part)
    return whole
