"""What the judge sees: everything that is measured of the picture, gathered in one pass.

Knows frames and measures of pictures; knows nothing of sound. What is kept does not grow with the
size of the picture, and by some hundred bytes a slot with its length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx import gates
from afx.flashes import FlashReport, FlashScreen
from afx.judge.activity import Activity, Mover, lab_of
from afx.judge.diversity import embed
from afx.judge.motion import bands
from afx.judge.pictures import MOMENTS, SIDE, Pictures, judge_pictures
from afx.judge.reading import Film, enlarged, luma, watch

STRIP = 24
"""Pictures of the film strip, about as many."""
STRIP_SIDE = 90
"""Pixels of their shorter side."""
LOOKS = 0.5
"""Seconds between vectors of what the picture looks like."""

OnSlot = Callable[[int, int], None]


@dataclass(frozen=True)
class Viewed:
    """A video as the judge saw it.

    Attributes
    ----------
    activity : Activity
    vectors : float32 [n, d]
        What the picture looks like every `LOOKS` seconds.
    pictures : Pictures
    banding : float
        Median of `afx.judge.motion.bands` over those moments.
    flashes : FlashReport
    flash_spans, near_spans : tuple of (float, float)
        Seconds with too many flashes, and with as many as are allowed or one fewer.
    strip : tuple of (float, uint8 array [h, w, 3])
        Pictures for people, with their seconds.
    """

    activity: Activity
    vectors: NDArray[np.float32]
    pictures: Pictures
    banding: float
    flashes: FlashReport
    flash_spans: tuple[tuple[float, float], ...]
    near_spans: tuple[tuple[float, float], ...]
    strip: tuple[tuple[float, NDArray[np.uint8]], ...]


def view(film: Film, on_slot: OnSlot | None = None) -> Viewed:
    """Watch a film once.

    Parameters
    ----------
    film : Film
    on_slot : callable, optional
        Told now and then how many slots are seen, and of how many.

    Raises
    ------
    UserError
        If it cannot be decoded.
    """
    rate = float(film.rate)
    mover, screen = Mover(film.slots), FlashScreen(film.rate)
    closely = _spread(film.slots, MOMENTS)
    shown = _spread(film.slots, STRIP)
    vectors: list[NDArray[np.float32]] = []
    moments, measures, banding = [], [], []
    strip: list[tuple[float, NDArray[np.uint8]]] = []
    for each in watch(film):
        screen.push(_halved(each.rgb))
        if each.frame is None:
            mover.push(each.slot, None)
            while len(vectors) * LOOKS * rate <= each.slot and vectors:
                vectors.append(vectors[-1])
            continue
        lab = lab_of(each.rgb)
        mover.push(each.slot, np.ascontiguousarray(lab[..., 0]))
        if len(vectors) * LOOKS * rate <= each.slot:
            now = embed(lab)
            while len(vectors) * LOOKS * rate <= each.slot:
                vectors.append(now)
        if closely and each.slot >= closely[0]:
            while closely and each.slot >= closely[0]:
                closely.pop(0)
            moments.append(each.slot / rate)
            measures.append(gates.measure(enlarged(each.frame, SIDE)))
            banding.append(bands(luma(each.frame)))
        if shown and each.slot >= shown[0]:
            while shown and each.slot >= shown[0]:
                shown.pop(0)
            strip.append((each.slot / rate, enlarged(each.frame, STRIP_SIDE)))
        if on_slot is not None and each.slot % 64 == 0:
            on_slot(each.slot, film.slots)
    if on_slot is not None:
        on_slot(film.slots, film.slots)
    over = [(a / rate, b / rate) for a, b in screen.spans()]
    near = [(a / rate, b / rate) for a, b in screen.spans(near=True)]
    return Viewed(
        activity=mover.result(),
        vectors=np.stack(vectors),
        pictures=judge_pictures(moments, measures),
        banding=float(np.median(banding)),
        flashes=screen.result(),
        flash_spans=tuple(over),
        near_spans=tuple(near),
        strip=tuple(strip),
    )


def _spread(slots: int, count: int) -> list[int]:
    """Return slots in the middles of `count` equal parts."""
    return [int((k + 0.5) * slots / count) for k in range(count)]


def _halved(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the thumbnail on which flashes are screened: 64×36 for 16:9, in [0, 1]."""
    h, w = rgb.shape[:2]
    blocks = rgb.reshape(h // 2, 2, w // 2, 2, 3)
    sums = blocks.sum(axis=(1, 3), dtype=np.float32)
    return np.asarray(sums * np.float32(0.25 / 255.0))
