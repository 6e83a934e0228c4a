"""C8: whether the picture flickers, jumps, freezes or dies, and has bands.

The limits are those of ``afx.gates``; what is added here is where a foreign video has its cuts, and
a measure of banding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter1d

from afx import gates
from afx.judge.activity import Activity
from afx.judge.hearing import SILENCE

Floats = NDArray[np.float64]

BANDING_MAX = 0.005
"""Share of the picture that clean contours may cover: a smooth ramp without dither has 0.03, the
same ramp dithered 0."""
_FLAT = 4  # pixels of one code on both sides of a clean step
_LONG = 24  # pixels of height or width from which a contour is seen
_FADE = 3.0  # seconds at the ends in which a picture may come and go
_CUT = 3.0  # a cut changes the picture by so many times what happens around it
_BESIDE = 4  # slots before and after a cut that are compared


@dataclass(frozen=True)
class Motion:
    """How the picture moves in itself.

    Attributes
    ----------
    flicker : float
        Share of the mean lightness's movement that is above 8 Hz.
    jumps : tuple of float
        Seconds at which the picture jumps outside of cuts.
    jumps_on_hits : int
        How many of them are at a hit of the music.
    freezes : tuple of (float, float)
        Where it stands still while there is sound.
    dead : tuple of (float, float)
        Where there is no picture.
    smoothness : float
    cuts : tuple of float
        Seconds of cuts, planned or found.
    banding : float
    """

    flicker: float
    jumps: tuple[float, ...]
    jumps_on_hits: int
    freezes: tuple[tuple[float, float], ...]
    dead: tuple[tuple[float, float], ...]
    smoothness: float
    cuts: tuple[float, ...]
    banding: float


def judge_motion(
    seen: Activity,
    rate: float,
    loudness: Floats,
    hits: Floats,
    banding: float,
    planned: Sequence[int] | None = None,
) -> Motion:
    """Judge how a picture moves.

    Parameters
    ----------
    seen : Activity
    rate : float
        Slots a second.
    loudness, hits : float64 [slots]
        Of the sound.
    banding : float
        `bands` of its frames.
    planned : sequence of int, optional
        Slots of cuts that were meant; found in the picture if not given.
    """
    cuts = list(planned) if planned is not None else found_cuts(seen, rate)
    jumps = gates.jumps(seen.change[1:], cuts, rate)
    # Between two drums there is music: a second around each moment decides.
    around = maximum_filter1d(loudness, max(1, round(rate)))
    sounding = around > max(float(np.percentile(loudness, 20)), SILENCE)
    near = max(1, round(0.1 * rate))
    loud = np.flatnonzero(hits > 0.5)
    on_hits = sum(bool(len(loud)) and int(np.abs(loud - jump).min()) <= near for jump in jumps)
    dead = [
        span
        for span in _spans(gates.dead_frames(seen.contrast))
        if not _is_fade(span, len(seen.mean), rate)
    ]
    return Motion(
        flicker=gates.flicker(seen.mean, rate),
        jumps=tuple(jump / rate for jump in jumps),
        jumps_on_hits=on_hits,
        freezes=tuple(gates.freezes(seen.change[1:], rate, sounding[1:])),
        dead=tuple((first / rate, last / rate) for first, last in dead),
        smoothness=seen.smoothness,
        cuts=tuple(cut / rate for cut in cuts),
        banding=banding,
    )


def found_cuts(seen: Activity, rate: float = 30.0) -> list[int]:
    """Find cuts: slots where the picture becomes another one and stays so.

    A flash comes back and a fast movement goes on; only a cut has stillness, as compared with it,
    on both sides.
    """
    thumbs = seen.thumbs.astype(np.float64)
    found = []
    for jump in gates.jumps(seen.change[1:], rate=rate):
        first, last = jump - _BESIDE, jump + _BESIDE
        if first < 0 or last > len(thumbs):
            continue
        before, after = thumbs[first:jump], thumbs[jump:last]
        across = float(np.abs(before.mean(axis=0) - after.mean(axis=0)).mean())
        within = max(
            float(np.abs(side - side.mean(axis=0)).mean(axis=1).max()) for side in (before, after)
        )
        if across > 0.02 and across > _CUT * within:
            found.append(jump)
    return found


def bands(luma: NDArray[np.uint8]) -> float:
    """Return the share of a picture that lies on clean, long contours of one code.

    A step of exactly one code between flat runs is what the eye sees as a band; dither breaks the
    runs up, and detail has no runs. Short ones are not counted.

    Parameters
    ----------
    luma : uint8 array [h, w]
        At the size it is shown in.
    """
    plane = luma.astype(np.int16)
    across, down = _clean(plane), _clean(plane.T).T
    total = 0
    for steps in (across, down):
        names, count = label(steps, np.ones((3, 3)))
        if count:
            total += _long(names, count)
    return total / luma.size


def _clean(plane: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Mark pixels [h, w] whose right neighbor is one code away, with flat runs on both sides."""
    step = np.diff(plane, axis=1)
    flat = step == 0
    w = step.shape[1]
    marked = np.zeros(plane.shape, bool)
    if w < 2 * _FLAT + 1:
        return marked
    middle = np.abs(step[:, _FLAT - 1 : w - _FLAT + 1]) == 1
    for k in range(1, _FLAT):
        middle &= flat[:, _FLAT - 1 - k : w - _FLAT + 1 - k]
        middle &= flat[:, _FLAT - 1 + k : w - _FLAT + 1 + k]
    marked[:, _FLAT - 1 : _FLAT - 1 + middle.shape[1]] = middle
    return marked


def _long(names: NDArray[np.integer], count: int) -> int:
    """Add up the pixels of contours that are long enough."""
    ys, xs = np.nonzero(names)
    of = names[ys, xs]
    sizes = np.bincount(of, minlength=count + 1)
    low = np.full((2, count + 1), np.iinfo(np.int64).max)
    high = np.full((2, count + 1), -1)
    for k, at in enumerate((ys, xs)):
        np.minimum.at(low[k], of, at)
        np.maximum.at(high[k], of, at)
    extent = (high - low).max(axis=0) + 1
    return int(sizes[extent >= _LONG].sum())


def _spans(slots: Sequence[int]) -> list[tuple[int, int]]:
    """Join neighbors to spans [first, last)."""
    spans: list[tuple[int, int]] = []
    for slot in slots:
        if spans and slot == spans[-1][1]:
            spans[-1] = (spans[-1][0], slot + 1)
        else:
            spans.append((slot, slot + 1))
    return spans


def _is_fade(span: tuple[int, int], slots: int, rate: float) -> bool:
    """Tell whether a span is where a video fades in or out, and not all of it."""
    first, last = span
    at_end = first == 0 or last == slots
    return at_end and last - first <= min(_FADE * rate, 0.5 * slots)
