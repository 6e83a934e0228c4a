"""The flash screen: counts flashes and red flashes in a stream of small pictures.

After WCAG 2.3.1, with the figures of EA's open IRIS checker. It screens; it certifies nothing, and
it does not know how the pictures were made (``afx.safety`` limits them beforehand).

Luminance is WCAG's relative luminance, linear, in [0, 1]; pictures are [rows, columns].
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afx.oklch import decode

# WCAG 2.3.1: an opposing change of 10 % of the largest luminance, the darker state below 0.80, over
# a quarter of any 10 degree field; three flashes (six transitions) in any second.
TRANSITION = 0.1
DARKER_STATE = 0.8
AREA = 0.25
LIMIT = 6
# IRIS's warning: 4 or more transitions a second, for more than 4 s within 5 s.
WARN = 4
WARN_SECONDS = 4.0
WARN_WINDOW = 5.0
# Below that warning; and from which counts on pictures are near the two limits.
CALM = WARN - 1
NEAR = {LIMIT: LIMIT - 1, CALM: CALM}

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
# 4096 steps are sixteen to a code of 8 bits: exact enough, and ten times as fast as a power.
_DECODED = decode(np.arange(4097) / 4096.0).astype(np.float32)

Flips = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def relative_luminance(rgb: ArrayLike) -> NDArray[np.float32]:
    """Give WCAG relative luminance [...] of display sRGB [..., 3] in [0, 1]."""
    result: NDArray[np.float32] = (decode(rgb) @ _WEIGHTS).astype(np.float32)
    return result


@dataclass(frozen=True)
class FlashReport:
    """What the flash screen saw.

    Attributes
    ----------
    passed : bool
        At most 6 general and at most 6 red transitions in any second (three flashes).
    extended : bool
        4 or more transitions a second for more than 4 s within 5 s (IRIS's "extended" failure).
    general, red : int
        Most transitions within one second, of luminance and of saturated red, in the worst place.
    general_at, red_at, extended_at : float or None
        Second at which that was first reached; None if it never was (or the count is 0).
    seconds : float
        Length that was screened.
    """

    passed: bool
    extended: bool
    general: int
    red: int
    general_at: float | None
    red_at: float | None
    extended_at: float | None
    seconds: float

    def sentence(self) -> str:
        """Say it in one sentence for people."""
        red_is_worse = self.red > self.general
        worst = self.red if red_is_worse else self.general
        kind = "changes of strong red" if red_is_worse else "brightness changes"
        if worst == 1:
            kind = kind.replace("changes", "change")
        at = self.red_at if red_is_worse else self.general_at
        if not self.passed:
            return (
                f"Screened for flashes: TOO MANY, {worst} {kind} a second at {_clock(at)}"
                f" (limit {LIMIT})."
            )
        if self.extended:
            return (
                f"Screened for flashes: within the limit of {LIMIT} {kind} a second, but {WARN} or"
                f" more go on for over {WARN_SECONDS:g} seconds, at {_clock(self.extended_at)}."
            )
        mood = "calm, " if worst < WARN else ""
        amount = f"at most {worst} {kind} a second" if worst else "no flashes at all"
        return f"Screened for flashes: {mood}{amount} (limit {LIMIT})."


def _clock(seconds: float | None) -> str:
    whole = int(seconds or 0.0)
    return f"{whole // 60}:{whole % 60:02d}"


class FlashScreen:
    """Counts flashes in a stream of small pictures; memory does not grow with the length.

    Parameters
    ----------
    fps : Fraction or float
        Frames per second.

    Notes
    -----
    Each cell (pixel of the thumbnail) reports a transition when its luminance has moved by 0.1 or
    more from its last extreme, against the direction before, and the darker of both is below 0.8. A
    place (the whole picture, or any window of a third of its width and height: 21 x 12 of 64 x 36)
    has a transition when a quarter of its cells reported one of the same direction within 1/15 s
    (two frames at 30 fps), in turn up and down. Its count for a second is no larger than what a
    quarter of its cells really went through themselves, so that a bright shape that merely travels
    is not taken for a strobe.

    Red works alike on CIE 1976 u'v': into or out of saturated red, R / (R + G + B) >= 0.8 in linear
    light, by more than 0.2. A white flare of 1 % (a real screen in a real room) gives black a
    color.
    """

    def __init__(self, fps: Fraction | float) -> None:
        if not 0 < float(fps) <= 1000:
            raise ValueError(f"fps must be above 0 and at most 1000, got {fps}")
        self._fps = float(fps)
        self._frames = 0
        self._shape: tuple[int, int] | None = None

    def push(self, rgb: ArrayLike) -> None:
        """Look at the next frame: display sRGB [h, w, 3] in [0, 1], all of one size."""
        picture = np.asarray(rgb, dtype=np.float32)
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"a picture must be [h, w, 3], got {picture.shape}")
        if self._shape is None:
            self._shape = (picture.shape[0], picture.shape[1])
            self._light = _LightCells(self._shape)
            self._reds = _RedCells(self._shape)
            self._general = _Counter(self._shape, self._fps)
            self._red = _Counter(self._shape, self._fps)
        if picture.shape[:2] != self._shape:
            raise ValueError(
                f"the picture's size changed from {self._shape} to {picture.shape[:2]}"
            )
        linear = _decode_fast(picture)
        luma = linear @ _WEIGHTS
        self._general.push(*self._light.push(luma))
        self._red.push(*self._reds.push(linear, luma))
        self._frames += 1

    def spans(self, most: int = LIMIT, *, near: bool = False) -> list[tuple[int, int]]:
        """Return the frames [first, last) with too many flashes, in order and joined.

        Parameters
        ----------
        most : {6, 3}
            Transitions allowed in a second: `LIMIT`, or `CALM`, which is below IRIS's warning too.
        near : bool
            Count what is only just allowed as too many.
        """
        if self._shape is None:
            return []
        least = NEAR[most] if near else most + 1
        found = [s for c in (self._general, self._red) for s in c.spans[least]]
        joined: list[tuple[int, int]] = []
        for first, last in sorted(found):
            if joined and first <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return joined

    def result(self) -> FlashReport:
        """Report what has been seen so far."""
        if self._shape is None:
            return FlashReport(True, False, 0, 0, None, None, None, 0.0)
        general, red = self._general, self._red
        times = [t for t in (general.extended_at, red.extended_at) if t is not None]
        return FlashReport(
            passed=general.worst <= LIMIT and red.worst <= LIMIT,
            extended=bool(times),
            general=general.worst,
            red=red.worst,
            general_at=general.worst_at,
            red_at=red.worst_at,
            extended_at=min(times, default=None),
            seconds=self._frames / self._fps,
        )


def _decode_fast(display: NDArray[np.float32]) -> NDArray[np.float32]:
    index = (np.clip(display, 0.0, 1.0) * 4096.0 + 0.5).astype(np.int32)
    return _DECODED[index]


class _LightCells:
    """Follows each cell's luminance from extreme to extreme."""

    def __init__(self, shape: tuple[int, int]) -> None:
        # Both extremes since the last transition; the direction decides which of them counts.
        self._low = np.full(shape, np.inf, dtype=np.float32)
        self._high = np.full(shape, -np.inf, dtype=np.float32)
        self._rising = np.zeros(shape, dtype=bool)
        self._falling = np.zeros(shape, dtype=bool)

    def push(self, y: NDArray[np.float32]) -> Flips:
        np.minimum(self._low, y, out=self._low)
        np.maximum(self._high, y, out=self._high)
        # 1e-4: a change of exactly 0.1 counts in spite of float32.
        step = TRANSITION - 1e-4
        up = (y - self._low >= step) & (self._low < DARKER_STATE) & ~self._rising
        down = (self._high - y >= step) & (y < DARKER_STATE) & ~self._falling
        flipped = up | down
        if flipped.any():
            self._low[flipped] = y[flipped]
            self._high[flipped] = y[flipped]
            self._rising = np.where(flipped, up, self._rising)
            self._falling = np.where(flipped, down, self._falling)
        return up, down


class _RedCells:
    """Follows each cell into and out of saturated red."""

    _RED = (0.4507, 0.5229)  # u'v' of the sRGB red primary
    _FLARE = 0.01

    def __init__(self, shape: tuple[int, int]) -> None:
        # u'v' of the most red (index 0) and the least red (1) seen since the last transition.
        self._uv = np.full((2, 2, *shape), np.nan, dtype=np.float32)
        self._distance = np.stack([np.full(shape, np.inf), np.full(shape, -np.inf)]).astype("f4")
        self._into = np.zeros(shape, dtype=bool)
        self._out = np.zeros(shape, dtype=bool)

    def push(self, linear: NDArray[np.float32], luma: NDArray[np.float32]) -> Flips:
        r, g, b = (linear[..., i] + np.float32(self._FLARE) for i in range(3))
        # u' = 4X / (X + 15Y + 3Z), v' = 9Y / (…), with X and Z from the sRGB matrix.
        x = 0.4124 * r + 0.3576 * g + 0.1805 * b
        y = luma + np.float32(self._FLARE)
        scale = 1.0 / (x + 15.0 * y + 3.0 * (0.0193 * r + 0.1192 * g + 0.9505 * b))
        u, v = 4.0 * x * scale, 9.0 * y * scale
        red = r >= 0.8 * (r + g + b)
        distance = np.hypot(u - self._RED[0], v - self._RED[1])
        most = red & (distance < self._distance[0])
        least = ~red & (distance > self._distance[1])
        for i, better in enumerate((most, least)):
            if not better.any():
                continue
            self._distance[i][better] = distance[better]
            self._uv[i, 0][better] = u[better]
            self._uv[i, 1][better] = v[better]
        # Where no red (or no other color) was seen yet, NaN compares false: no transition.
        from_other = np.hypot(u - self._uv[1, 0], v - self._uv[1, 1]) > 0.2
        from_red = np.hypot(u - self._uv[0, 0], v - self._uv[0, 1]) > 0.2
        into = red & from_other & ~self._into
        out = ~red & from_red & ~self._out
        flipped = into | out
        if flipped.any():
            self._distance[0] = np.where(
                flipped, np.where(into, distance, np.inf), self._distance[0]
            )
            self._distance[1] = np.where(
                flipped, np.where(out, distance, -np.inf), self._distance[1]
            )
            for i, here in enumerate((into, out)):
                self._uv[i, 0] = np.where(here, u, np.where(flipped, np.nan, self._uv[i, 0]))
                self._uv[i, 1] = np.where(here, v, np.where(flipped, np.nan, self._uv[i, 1]))
            self._into = np.where(flipped, into, self._into)
            self._out = np.where(flipped, out, self._out)
        return into, out


class _Counter:
    """Turns the cells' flips into transitions of places, and those into counts per second."""

    def __init__(self, shape: tuple[int, int], fps: float) -> None:
        self._fps = fps
        self._shape = shape
        self._window = (max(1, round(shape[0] / 3)), max(1, round(shape[1] / 3)))
        self._places = (shape[0] - self._window[0] + 1) * (shape[1] - self._window[1] + 1) + 1
        self._sizes = np.full(self._places, self._window[0] * self._window[1])
        self._sizes[-1] = shape[0] * shape[1]
        self._second = math.ceil(fps)
        self._recent: deque[Flips | None] = deque(maxlen=max(2, round(fps / 15)))
        self._events: deque[tuple[NDArray[np.bool_], NDArray[np.bool_]] | None] = deque()
        self._direction = np.zeros(self._places, dtype=np.int8)
        self._count = np.zeros(self._places, dtype=np.int16)
        self._cell_count = np.zeros(shape, dtype=np.int16)
        self._busy: deque[bool] = deque(maxlen=round(WARN_WINDOW * fps))
        self._busy_frames = 0
        self._frame = 0
        self.worst = 0
        self.worst_at: float | None = None
        self.extended_at: float | None = None
        # Frames [first, last) of the seconds with so many transitions.
        self.spans: dict[int, list[tuple[int, int]]] = {
            n: [] for most, near in NEAR.items() for n in (near, most + 1)
        }

    def push(self, up: NDArray[np.bool_], down: NDArray[np.bool_]) -> None:
        flips = up | down
        any_now = bool(flips.any())
        self._recent.append((up, down) if any_now else None)
        fired = self._fire() if any_now else None
        self._events.append((flips, fired) if fired is not None else None)
        if fired is not None:
            self._count += fired
            self._cell_count += flips
        if len(self._events) > self._second:
            old = self._events.popleft()
            if old is not None:
                self._cell_count -= old[0]
                self._count -= old[1]
        self._judge()
        self._frame += 1

    def _fire(self) -> NDArray[np.bool_]:
        """Find the places where a quarter of the cells flipped one way, in turn with the other."""
        known = [flips for flips in self._recent if flips is not None]
        fired = np.zeros(self._places, dtype=bool)
        for way, sign in ((0, 1), (1, -1)):
            cells = np.logical_or.reduce([flips[way] for flips in known])
            hit = self._wide(cells) & (self._direction != sign) & ~fired
            self._direction[hit] = sign
            fired |= hit
        return fired

    def _wide(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell for each place whether the cells cover a quarter of it."""
        total = int(cells.sum())
        if total < AREA * self._sizes[0]:
            return np.zeros(self._places, dtype=bool)
        (h, w), (wh, ww) = self._shape, self._window
        sums = np.zeros((h + 1, w + 1), dtype=np.int32)
        np.cumsum(np.cumsum(cells, axis=0, dtype=np.int32), axis=1, out=sums[1:, 1:])
        boxes = sums[wh:, ww:] - sums[:-wh, ww:] - sums[wh:, :-ww] + sums[:-wh, :-ww]
        return np.append(boxes.ravel(), total) >= AREA * self._sizes

    def _reached(self, n: int) -> bool:
        """Tell whether some place went through at least `n` transitions in the last second."""
        candidates = self._count >= n
        return bool(candidates.any() and (candidates & self._wide(self._cell_count >= n)).any())

    def _judge(self) -> None:
        while self._reached(self.worst + 1):
            self.worst += 1
            self.worst_at = self._frame / self._fps
        for n in sorted(self.spans):
            if self.worst < n or not self._reached(n):
                break
            self._extend(self.spans[n], self._second)
        busy = self.worst >= WARN and self._reached(WARN)
        if len(self._busy) == self._busy.maxlen:
            self._busy_frames -= self._busy[0]
        self._busy.append(busy)
        self._busy_frames += busy
        if self._busy_frames <= WARN_SECONDS * self._fps:
            return
        if self.extended_at is None:
            self.extended_at = max(0.0, (self._frame + 1) / self._fps - WARN_WINDOW)

    def _extend(self, spans: list[tuple[int, int]], length: int) -> None:
        """Add the last `length` frames to spans of frames."""
        first, last = max(0, self._frame + 1 - length), self._frame + 1
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
