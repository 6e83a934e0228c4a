"""Overlays: pictures with alpha laid over finished frames, each for a while and where it belongs.

Blending is in display space with whole numbers, only within the rectangle that a picture covers, on
4:2:0 planes as on RGB; a frame's pixels hang on its moment alone. Knows nothing of text, songs or
jobs. What comes and goes fades, so that nothing flashes.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

FULL = 256
"""A share of 1."""
_KEPT = 6
"""Plates whose tables are in memory: more than are ever seen at once."""

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Plate:
    """A picture with alpha and its place.

    Attributes
    ----------
    left, top : int
        Pixels of the frame, even.
    rgba : uint8 array [even height, even width, 4]
        Display RGB times alpha, and alpha.
    """

    left: int
    top: int
    rgba: Bytes

    @classmethod
    def within(cls, left: int, top: int, rgba: Bytes, size: tuple[int, int]) -> Plate:
        """Return a plate cut to a frame of `size` (width, height), its borders made even."""
        (height, width), (wide, high) = rgba.shape[:2], size
        x0, y0 = max(0, left) // 2 * 2, max(0, top) // 2 * 2
        x1 = min(wide, left + width + 1) // 2 * 2
        y1 = min(high, top + height + 1) // 2 * 2
        whole = np.zeros((max(y1 - y0, 0), max(x1 - x0, 0), 4), np.uint8)
        part = rgba[max(y0 - top, 0) : max(y1 - top, 0), max(x0 - left, 0) : max(x1 - left, 0)]
        y, x = max(top - y0, 0), max(left - x0, 0)
        whole[y : y + part.shape[0], x : x + part.shape[1]] = part
        return cls(x0, y0, whole)


@dataclass(frozen=True)
class Cue:
    """When a plate is seen.

    Attributes
    ----------
    begin, end : float
        Seconds, fades included.
    fade : float
        Seconds it takes to come and to go; 0: it is there at once.
    make : callable
        Makes the plate when it is first needed.
    """

    begin: float
    end: float
    fade: float
    make: Callable[[], Plate]

    def share(self, moment: float) -> int:
        """Return how much of it is seen, 0 to `FULL`, eased."""
        if not self.begin <= moment < self.end:
            return 0
        if self.fade <= 0.0:
            return FULL
        near = min((moment - self.begin) / self.fade, (self.end - moment) / self.fade, 1.0)
        return round(FULL * (0.5 - 0.5 * math.cos(math.pi * near)))


Table = tuple[Words, Words]
"""What is left of the frame (of `FULL`), and what is added to it."""


class Overlay:
    """Lays plates over frames; may be asked by any thread, in any order.

    Parameters
    ----------
    cues : sequence of Cue
        In the order in which they lie above one another.
    moment : callable
        The time of a frame, in the cues' seconds.
    """

    def __init__(self, cues: Sequence[Cue], moment: Callable[[int], float]) -> None:
        self.cues = tuple(cues)
        self._moment = moment
        self._begin = np.array([cue.begin for cue in self.cues])
        self._end = np.array([cue.end for cue in self.cues])
        self._tables: OrderedDict[tuple[int, bool], tuple[Plate, tuple[Table, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def shares(self, frame: int) -> list[tuple[int, int]]:
        """Return which cues are seen in a frame, and how much of each (of `FULL`)."""
        if not self.cues:
            return []
        moment = self._moment(frame)
        near = np.flatnonzero((self._begin <= moment) & (moment < self._end)).tolist()
        found = [(index, self.cues[index].share(moment)) for index in near]
        return [(index, share) for index, share in found if share]

    def video(self, frame: int, planes: Bytes) -> None:
        """Lay what is seen in a frame over its I420 planes [height · 3/2, width], in place."""
        for index, share in self.shares(frame):
            plate, tables = self._made(index, video=True)
            width = planes.shape[1]
            height = planes.shape[0] * 2 // 3
            chroma = planes.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
            for target, table, shrink in zip(
                (planes[:height], chroma[0], chroma[1]), tables, (1, 2, 2), strict=True
            ):
                _blend(_part(target, plate, shrink), table, share)

    def rgb(self, frame: int, picture: Bytes) -> None:
        """Lay what is seen in a frame over a display-RGB picture [height, width, 3], in place."""
        for index, share in self.shares(frame):
            plate, tables = self._made(index, video=False)
            _blend(_part(picture, plate, 1), tables[0], share)

    def _made(self, index: int, *, video: bool) -> tuple[Plate, tuple[Table, ...]]:
        with self._lock:
            key = (index, video)
            if key not in self._tables:
                plate = self.cues[index].make()
                tables = _video_tables(plate.rgba) if video else (_rgb_table(plate.rgba),)
                self._tables[key] = (plate, tables)
                while len(self._tables) > _KEPT:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(key)
            return self._tables[key]


def _part(plane: Bytes, plate: Plate, shrink: int) -> Bytes:
    high, wide = (n // shrink for n in plate.rgba.shape[:2])
    top, left = plate.top // shrink, plate.left // shrink
    return plane[top : top + high, left : left + wide]


def _blend(region: Bytes, table: Table, share: int) -> None:
    """Lay a table over a region, in 16 bits: no sum of codes up to 255 reaches 2^16."""
    kept, added = table
    if share < FULL:
        taken = ((np.uint16(FULL) - kept) * np.uint16(share) + np.uint16(255)) >> np.uint16(8)
        kept = np.uint16(FULL) - taken
    total = kept * region
    total += added * np.uint16(share)
    total += np.uint16(128)
    total >>= 8
    region[...] = total


def _kept(alpha: NDArray[np.float32]) -> Words:
    return np.asarray(FULL - np.floor(alpha * FULL + np.float32(0.5)), np.uint16)


def _rgb_table(rgba: Bytes) -> Table:
    alpha = rgba[..., 3:].astype(np.float32) * np.float32(1 / 255)
    return np.broadcast_to(_kept(alpha), (*rgba.shape[:2], 3)), rgba[..., :3].astype(np.uint16)


def _video_tables(rgba: Bytes) -> tuple[Table, ...]:
    """Return tables for Y', Cb and Cr: bt709, limited range."""
    share = rgba.astype(np.float32) * np.float32(1 / 255)
    small = (share[::2, ::2] + share[1::2, ::2] + share[::2, 1::2] + share[1::2, 1::2]) * 0.25
    luma = _luma(share)
    red, blue, middle = small[..., 0], small[..., 2], _luma(small)
    alpha, part = share[..., 3], small[..., 3]
    return (
        (_kept(alpha), _code(16 * alpha + 219 * luma)),
        (_kept(part), _code(128 * part + (224 / 1.8556) * (blue - middle))),
        (_kept(part), _code(128 * part + (224 / 1.5748) * (red - middle))),
    )


def _luma(rgba: NDArray[np.float32]) -> NDArray[np.float32]:
    luma: NDArray[np.float32] = (
        np.float32(0.2126) * rgba[..., 0]
        + np.float32(0.7152) * rgba[..., 1]
        + np.float32(0.0722) * rgba[..., 2]
    )
    return luma


def _code(values: NDArray[np.float32]) -> Words:
    return np.asarray(np.floor(np.maximum(values + np.float32(0.5), 0)), np.uint16)


def lettered(
    covers: Sequence[tuple[Bytes, float]], color: tuple[float, float, float]
) -> tuple[Bytes, int]:
    """Return letters with a dark halo that makes them legible on any picture.

    Parameters
    ----------
    covers : sequence of (uint8 array [h, w], float)
        Pieces of text, as they lie over one another, and the size of each one's letters in pixels.
    color : (float, float, float)
        Display RGB, 0 to 1.

    Returns
    -------
    rgba : uint8 array [h + 2m, w + 2m, 4]
        As a `Plate` has it.
    margin : int
        m: how far the halo may reach.
    """
    largest = max(size for _, size in covers)
    margin = math.ceil(0.9 * largest)
    pieces = [(np.pad(cover, margin), size) for cover, size in covers]
    whole = np.maximum.reduce([piece for piece, _ in pieces])
    near = np.maximum.reduce([_blurred(piece, 0.10 * size, 2.4) for piece, size in pieces])
    far = np.roll(_blurred(whole, 0.32 * largest, 2.0), round(0.05 * largest), axis=0)
    light = (1 - np.float32(0.66) * near) * (1 - np.float32(0.45) * far)
    letters = whole.astype(np.float32) * np.float32(1 / 255)
    alpha = 1 - (1 - letters) * light
    rgb = letters[..., None] * np.array(color, np.float32)
    rgba = np.concatenate([rgb, alpha[..., None]], axis=-1)
    return np.asarray(np.floor(rgba * 255 + np.float32(0.5)), np.uint8), margin


def _blurred(cover: Bytes, radius: float, gain: float) -> NDArray[np.float32]:
    """Return a picture blurred (Pillow counts in whole numbers) and raised, at most 1."""
    image = Image.fromarray(cover).filter(ImageFilter.GaussianBlur(radius))
    raised: NDArray[np.float32] = np.asarray(image, np.float32) * np.float32(gain / 255)
    return np.minimum(raised, np.float32(1))
