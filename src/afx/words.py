"""What a job lays over its pictures: title card, lyrics and logo, each at its place and time.

Sizes are shares of the frame's short side, so that a vertical, a square and a 4K video are set
alike. The title belongs to the video, and comes at its start; lyrics belong to the song, and are
shown when they are sung, also in an excerpt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from afx.image_file import read_reduced
from afx.job import Attached, Job
from afx.lettering import Face, Style, coverage, default_font, fit
from afx.lyrics import Lyrics, parse_lyrics
from afx.overlay import Bytes, Cue, Overlay, Plate, lettered
from music_analysis.errors import UserError

WHITE = (0.985, 0.98, 0.97)
TITLE, ARTIST, LYRICS, LOGO = 0.088, 0.047, 0.052, 0.09
"""Sizes of letters, and the logo's height, as shares of the short side."""
TITLE_BEGINS, TITLE_STAYS, TITLE_FADE = 0.8, 5.2, 0.7
"""Seconds into the video, fades included in how long it stays."""
LYRICS_FADE = 0.25
"""Seconds; a line has come when it is sung."""
LOGO_STRENGTH = 0.85
MARGIN = 0.05
"""Around everything, as a share of the short side: televisions cut less off."""
TALL, TALL_MARGIN = 1.4, 0.17
"""In frames so much higher than wide, telephones lay their own words over this share below."""


@dataclass(frozen=True)
class Frame:
    """The size of a frame, and measures taken from it."""

    width: int
    height: int

    @property
    def short(self) -> int:
        """The shorter side."""
        return min(self.width, self.height)

    @property
    def bottom(self) -> float:
        """Where the part begins that is kept free below."""
        if self.height > TALL * self.width:
            return self.height * (1 - TALL_MARGIN)
        return self.height - MARGIN * self.short


@dataclass(frozen=True)
class Span:
    """The part of a song that a video shows, in seconds; a loop's begins anew at its end."""

    begin: float
    end: float
    loop: bool = False


class Words:
    """Everything that is laid over a job's pictures, read and checked.

    Parameters
    ----------
    job : Job

    Raises
    ------
    UserError
        If a file cannot be used, or the font lacks a character.
    """

    def __init__(self, job: Job) -> None:
        self.frame = Frame(*job.size)
        self._title = job.title
        self._logo: Plate | None = None
        self._lyrics: Lyrics | None = None
        self._name = ""
        with _for_people():
            if job.logo is not None:
                self._logo = logo(_read(job.logo), Path(job.logo.path).name, self.frame)
            if job.title is None and job.lyrics is None:
                return
            self._face = _face(job.font)
            if job.title is not None:
                self._face.refuse(job.title, "the title")
            if job.lyrics is not None:
                self._name = Path(job.lyrics.path).name
                self._lyrics = parse_lyrics(_read(job.lyrics), self._name)
                words = "".join(row for line in self._lyrics.lines for row in line.rows)
                self._face.refuse(words, self._name)  # each letter once, however many lines

    def overlay(self, span: Span, moment: Callable[[int], float]) -> Overlay:
        """Return it, laid out for a part of the song; `moment` gives a frame's time in the song."""
        cues = []
        if self._logo is not None:
            plate = self._logo
            cues.append(Cue(-np.inf, np.inf, 0.0, lambda: plate))
        cues += self._sung(span)
        if self._title is not None:
            rows = self._title.split("\n")
            cues.append(title_times(span, partial(title, self._face, rows, self.frame)))
        return Overlay(cues, moment)

    def notes(self, duration: float) -> list[str]:
        """Return what a person may want to know, for a song of so many seconds."""
        if self._lyrics is None:
            return []
        notes = []
        late = sum(line.time >= duration for line in self._lyrics.lines if line.rows)
        if late:
            are = "is" if late == 1 else "are"
            notes.append(f"{self._name}: {_lines(late)} past the song's end {are} left out")
        if self._lyrics.untimed:
            are = "is" if self._lyrics.untimed == 1 else "are"
            notes.append(
                f"{self._name}: {_lines(self._lyrics.untimed)} without a time {are} left out"
            )
        return notes

    def _sung(self, span: Span) -> Iterator[Cue]:
        if self._lyrics is None:
            return
        beside = 0 if self._logo is None else self.frame.width - self._logo.left
        for begin, end, rows in self._lyrics.spans():
            begin, end = begin - LYRICS_FADE, end
            if span.loop:  # nothing may stand there at once when it begins anew
                begin, end = max(begin, span.begin), min(end, span.end)
            if end > begin and end > span.begin and begin < span.end:
                made = partial(sung, self._face, rows, self.frame, beside)
                yield Cue(begin, end, LYRICS_FADE, made)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


@contextmanager
def _for_people() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UserError(str(error)) from error


def _read(file: Attached) -> bytes:
    """Return an attached file's bytes, which must still be those that were attached."""
    try:
        data = Path(file.path).read_bytes()
    except OSError as error:
        raise UserError(f"{file.path}: cannot be read ({error.strerror or error})") from None
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise UserError(f"{file.path}: was changed meanwhile; run the command again")
    return data


def _face(font: Attached | None) -> Face:
    if font is None:
        path = default_font()
        return Face(path.read_bytes(), "DejaVu Sans")
    return Face(_read(font), Path(font.path).name)


def title_times(span: Span, make: Callable[[], Plate]) -> Cue:
    """Return when the title card is seen: at the start, sooner and shorter in a short video."""
    length = span.end - span.begin
    if length < 4 * TITLE_FADE:  # too short to come and go
        return Cue(span.begin, np.inf, 0.0, make)
    begin = min(TITLE_BEGINS, 0.12 * length)
    end = min(begin + TITLE_STAYS, length - begin)
    return Cue(span.begin + begin, span.begin + end, TITLE_FADE, make)


def title(face: Face, rows: list[str], frame: Frame) -> Plate:
    """Set a title card: the first row large, the others small below it."""
    wide = 0.84 * frame.width
    size = TITLE * frame.short
    head = fit(face, rows[:1], Style(size, 0.4 * size, wide, 2, 0.03, 1.2))
    parts = [(coverage(face, head), head.size)]
    if rows[1:]:
        below = min(ARTIST * frame.short, 0.62 * head.size)
        rest = fit(face, rows[1:], Style(below, 0.5 * below, wide, 2, 0.10, 1.4))
        parts.append((coverage(face, rest), rest.size))
    covers = _stacked(parts)
    rgba, _ = lettered(covers, WHITE)
    left = round(0.5 * (frame.width - rgba.shape[1]))
    top = round(0.48 * frame.height - 0.5 * rgba.shape[0])
    return Plate.within(left, top, rgba, (frame.width, frame.height))


def _stacked(parts: list[tuple[Bytes, float]]) -> list[tuple[Bytes, float]]:
    """Lay pieces of text below one another, centered, each on a sheet as large as all."""
    high = sum(piece.shape[0] for piece, _ in parts)
    wide = max(piece.shape[1] for piece, _ in parts)
    sheets, top = [], 0
    for piece, size in parts:
        sheet = np.zeros((high, wide), np.uint8)
        left = (wide - piece.shape[1]) // 2
        sheet[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        sheets.append((sheet, size))
        top += piece.shape[0]
    return sheets


def sung(face: Face, rows: tuple[str, ...], frame: Frame, beside: int) -> Plate:
    """Set a line of lyrics, centered at the bottom; `beside`: what the logo takes of the width."""
    wide = min(0.84 * frame.width, 1.55 * frame.short)
    free = frame.width - 2 * beside - MARGIN * frame.short
    above = free < 0.75 * frame.width  # too narrow beside the logo: above it
    size = LYRICS * frame.short
    style = Style(size, 0.6 * size, wide if above else min(wide, free), 2, 0.01, 1.3)
    block = fit(face, rows, style)
    cover = coverage(face, block)
    rgba, margin = lettered([(cover, block.size)], WHITE)
    left = round(0.5 * (frame.width - rgba.shape[1]))
    bottom = frame.bottom - (1.5 * LOGO * frame.short if above and beside else 0.0)
    # Below the last baseline a line has 0.4 of its size, more than letters reach down.
    top = round(bottom - cover.shape[0] + 0.15 * block.size) - margin
    return Plate.within(left, top, rgba, (frame.width, frame.height))


def logo(data: bytes, name: str, frame: Frame) -> Plate:
    """Scale a logo and put it into the corner at the bottom right.

    Raises
    ------
    ValueError
        If it is no picture, too large to be read, or nothing of it can be seen.
    """
    high, wide = LOGO * frame.short, 0.3 * frame.width
    # Twice what is needed, so that the last step is sharp.
    side = max(64, 2 * round(max(high, wide)))
    rgba = np.asarray(read_reduced(data, side, name=name), np.float32)
    seen = np.argwhere(rgba[..., 3] > 0.02)
    if not len(seen):
        raise ValueError(f"{name}: is transparent everywhere: there is nothing to show")
    (top, left), (bottom, right) = seen.min(axis=0), seen.max(axis=0) + 1
    rgba = rgba[top:bottom, left:right]
    shape = rgba.shape[1] / rgba.shape[0]
    high *= min(1.0, (3.0 / shape) ** 0.5)  # a long one needs less height to be as large
    scale = min(high / rgba.shape[0], wide / rgba.shape[1])
    size = (max(1, round(rgba.shape[1] * scale)), max(1, round(rgba.shape[0] * scale)))
    rgba[..., :3] *= rgba[..., 3:]
    planes = [
        Image.fromarray(np.ascontiguousarray(rgba[..., k])).resize(size, Image.Resampling.LANCZOS)
        for k in range(4)
    ]
    small = np.clip(np.stack([np.asarray(p) for p in planes], axis=-1), 0.0, 1.0)
    small[..., :3] = np.minimum(small[..., :3], small[..., 3:])
    made = np.asarray(np.floor(small * np.float32(255 * LOGO_STRENGTH) + 0.5), np.uint8)
    margin = MARGIN * frame.short
    place = (round(frame.width - margin - size[0]), round(frame.bottom - size[1]))
    return Plate.within(*place, made, (frame.width, frame.height))
