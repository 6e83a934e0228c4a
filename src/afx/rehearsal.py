"""Rehearsal: the piece run once at thumbnail size before the real frames.

It freezes each scene's tone percentiles, works out the flash limiter's gains over the whole range,
and warns early of pictures that are dead, flat, clipped or frozen. Afterwards a frame needs nothing
from the frames before it, so segments can be made in any order and again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.color import GAMMA
from afx.director import Director, Normalization
from afx.flashes import CALM, LIMIT
from afx.normal import tone_range
from afx.painter import Painter, Painters
from afx.safety import FlashScreen, Mode, limit, relative_luminance, tile_means

SAMPLES = 24
"""Frames of a scene from which its percentiles are taken."""

UNTOUCHED = 0.004
"""Gains this close to 1 are left out: less than a code of video."""

SHARPER, SHARPEST = 2, 4
"""Thumbnails are averaged from pictures this many times as wide, so that thin lines weigh what they
will in the end; the sharpest for stretches that turned out to flash."""

DIMMING, DIMMINGS, EASE_SECONDS = 0.85, 8, 1.0
"""Where flashes are left after the limiter (fine textures that race), the picture is dimmed by this
factor, up to so many times, and eased into and out of over this long."""

DEAD_CONTRAST, CLIPPED_SHARE, FROZEN_SECONDS = 0.02, 0.10, 1.5
FROZEN_CHANGE = 0.0012
"""Mean change in a tenth of a second below which nothing seems to move."""


@dataclass(frozen=True)
class Concern:
    """Something a person may want to know before the render."""

    start: float
    end: float
    look: str
    what: str

    def sentence(self) -> str:
        """Return it in words."""
        span = (
            f"{self.start:.0f}–{self.end:.0f} s"
            if self.end - self.start >= 1
            else f"{self.start:.1f} s"
        )
        return f"{span}: {self.what}" + (f" (look {self.look})" if self.look else "")


def thumbnail_size(width: int, height: int) -> tuple[int, int]:
    """Return an even size of about 2,300 pixels with nearly the picture's shape."""
    scale = (64 * 36 / (width * height)) ** 0.5
    return max(16, round(width * scale / 4) * 4), max(16, round(height * scale / 4) * 4)


def tile_grid(width: int, height: int) -> tuple[int, int]:
    """Return the (rows, columns) of the limiter's tiles: 9×16 in a wide picture, 16×9 in a tall."""
    w, h = thumbnail_size(width, height)
    return h // 4, w // 4


def normalize(
    director: Director,
    width: int,
    height: int,
    frames: tuple[int, int] | None = None,
    painters: Painters = Painter,
) -> None:
    """Freeze the tone percentiles of a director's scenes.

    The 1st and 99th percentile of what is visible become 0.03 and 0.97.

    Parameters
    ----------
    director : Director
    width, height : int
        Of the real picture.
    frames : (int, int), optional
        Only scenes that are visible in these frames are needed; each is measured over its whole
        length all the same.
    painters : callable
        Makes what paints.
    """
    w, h = thumbnail_size(width, height)
    # Few frames, so they may be sharp: fine detail counts as it will in the real picture.
    painter = painters(SHARPEST * w, SHARPEST * h)
    for index in director.needed(frames):
        scene = director.controls.scenes[index]
        if director.pattern(scene).direct:  # what paints its own colors is left as it is
            continue
        sampled = np.unique(np.linspace(scene.first, scene.last - 1, SAMPLES).astype(int))
        made = [painter.field(state) for state in director.sketched(index, sampled.tolist())]
        tones = np.concatenate([t[(mask > 0.05) & np.isfinite(t)] for t, mask in made])
        if not tones.size:  # a scene of nothing but ground
            tones = np.concatenate([np.nan_to_num(t).ravel() for t, _ in made])
        director.normalizations[index] = Normalization(*tone_range(tones))


def rehearse(
    director: Director,
    width: int,
    height: int,
    *,
    safety: Mode,
    frames: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    painters: Painters = Painter,
    threads: int = 1,
) -> list[Concern]:
    """Run a range of frames at thumbnail size: gains into the director, warnings back.

    Parameters
    ----------
    director : Director
        Normalized; its gains are set.
    width, height : int
        Of the real picture.
    safety : {"strict", "standard", "off"}
    frames : (int, int), optional
        First and one past the last; everything if not given.
    progress : callable, optional
        ``progress(done, total)``.
    painters : callable
        Makes what paints, one for each thread.
    threads : int
        Painters; gains do not depend on it.

    Notes
    -----
    Hard cuts change the picture at once, at most one in two seconds; more of them are limited like
    any other change, and near one less may happen. The flash screen has the last word on all.
    """
    first, last = frames or (0, director.controls.frames)
    w, h = thumbnail_size(width, height)
    rows, columns = tile_grid(width, height)
    small = _Small(director, (w, h), SHARPER, painters, threads)
    # Half precision (0.05 % of a value) is far finer than a transition, and an hour of it small.
    luma = np.empty((last - first, rows, columns), np.float16)
    fps = director.controls.fps
    watch = _Watch(float(fps))
    screen = FlashScreen(fps)
    for frame, rgb in enumerate(small.pictures(range(first, last), limited=False), first):
        light = relative_luminance(rgb)
        if safety != "off":
            screen.push(rgb)
        luma[frame - first] = tile_means(light, rows, columns)
        scene = director.controls.scenes[director.controls.at(frame)[-1][0]]
        if (frame - first) % watch.step == 0:
            watch.see(frame, scene.look.name or scene.look.title, rgb, light)
        if progress is not None and (frame - first) % 32 == 31:
            progress(frame - first + 1, last - first)
    director.gains = np.empty(luma.shape, np.float16)
    cuts = [cut - first for cut in director.controls.cuts if first < cut < last]
    # Tiles know nothing of each other, so a row of them at a time keeps an hour small in memory.
    for row in range(rows):
        encoded = np.power(
            limit(luma[:, row : row + 1].astype(np.float32), fps, safety, cuts), 1.0 / GAMMA
        )
        encoded[np.abs(encoded - 1) < UNTOUCHED] = 1.0
        director.gains[:, row : row + 1] = encoded
    del luma
    director.gains_from = first
    margin = round(2 * float(fps))
    # Near the limit counts here: the limiter changed the pictures, and these were small.
    most = CALM if safety == "strict" else LIMIT
    for start, end in screen.spans(most, near=True):
        around = (max(first, first + start - margin), min(last, first + end + margin))
        watch.found += _dim(director, (w, h), around, painters, threads, most)
    if progress is not None:
        progress(last - first, last - first)
    return watch.warnings()


def _dim(
    director: Director,
    size: tuple[int, int],
    frames: tuple[int, int],
    painters: Painters,
    threads: int,
    most: int,
) -> list[Concern]:
    """Darken a stretch until the flash screen counts no more than `most` transitions a second."""
    assert director.gains is not None
    small = _Small(director, size, SHARPEST, painters, threads)
    fps = float(director.controls.fps)
    base = director.gains_from
    dimmed: list[tuple[int, int]] = []
    for _ in range(DIMMINGS):
        screen = FlashScreen(director.controls.fps)
        for rgb in small.pictures(range(*frames), limited=True):
            screen.push(rgb)
        spans = screen.spans(most)
        if not spans:
            break
        ease = round(EASE_SECONDS * fps)
        for start, end in ((frames[0] + a, frames[0] + b) for a, b in spans):
            at = np.arange(len(director.gains)) + base
            away = np.maximum(np.maximum(start - at, at - (end - 1)), 0) / ease
            share = 0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1.0))
            factor = 1.0 - (1.0 - DIMMING) * share
            director.gains *= factor[:, None, None].astype(np.float16)
            dimmed.append((start, end))
    if not dimmed:
        return []
    first, last = min(s for s, _ in dimmed), max(e for _, e in dimmed)
    scene = director.controls.scenes[director.controls.at(first)[-1][0]]
    look = scene.look.name or scene.look.title
    return [Concern(first / fps, last / fps, look, "it flashed, so the picture was dimmed")]


class _Small:
    """Paints thumbnails: larger pictures averaged down."""

    def __init__(
        self,
        director: Director,
        size: tuple[int, int],
        sharper: int,
        painters: Painters,
        threads: int,
    ) -> None:
        self.director, self.sharper, self.threads = director, sharper, threads
        self._size = (sharper * size[0], sharper * size[1])
        self._painters = painters
        self._own = threading.local()

    def pictures(self, frames: range, *, limited: bool) -> Iterator[NDArray[np.float32]]:
        """Yield display RGB [height, width, 3] of frames, in order."""
        waiting: deque[Future[NDArray[np.float32]]] = deque()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="rehearsal") as pool:
            try:
                for frame in frames:
                    waiting.append(pool.submit(self._rgb, frame, limited))
                    if len(waiting) > 4 * self.threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _rgb(self, frame: int, limited: bool) -> NDArray[np.float32]:
        if not hasattr(self._own, "painter"):
            self._own.painter = self._painters(*self._size)
        picture = self.director.picture(frame, limited=limited, full=True)
        large: NDArray[np.float32] = self._own.painter.rgb_float(picture)
        n = self.sharper
        total = np.zeros_like(large[::n, ::n])
        for row in range(n):
            for column in range(n):
                total += large[row::n, column::n]
        return total * np.float32(1.0 / n**2)


class _Watch:
    """Looks out for stretches that are dead, clipped or frozen, ten times a second."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.step = max(1, round(fps / 10))
        self.open: dict[str, tuple[int, int, str]] = {}
        self.found: list[Concern] = []
        self.before: NDArray[np.float32] | None = None

    def see(
        self, frame: int, look: str, rgb: NDArray[np.float32], light: NDArray[np.float32]
    ) -> None:
        """Take in one thumbnail."""
        seen = np.sqrt(light)
        still = self.before is not None and float(np.mean(np.abs(seen - self.before)))
        self.before = seen
        self._note(
            "the picture has almost no contrast", float(seen.std()) < DEAD_CONTRAST, frame, look
        )
        burnt = np.all(rgb >= 254 / 255, axis=-1) | np.all(rgb <= 1 / 255, axis=-1)
        self._note(
            "large areas are pure black or white", float(burnt.mean()) > CLIPPED_SHARE, frame, look
        )
        frozen = still is not False and still < FROZEN_CHANGE
        self._note("the picture hardly moves", frozen, frame, look)

    def _note(self, what: str, holds: bool, frame: int, look: str) -> None:
        known = self.open.get(what)
        if holds and known is not None and known[2] == look:
            self.open[what] = (known[0], frame, look)
            return
        if known is not None:
            self._close(what, *known)
            del self.open[what]
        if holds:
            self.open[what] = (frame, frame, look)

    def _close(self, what: str, first: int, last: int, look: str) -> None:
        if last - first + 1 >= FROZEN_SECONDS * self.fps:
            self.found.append(Concern(first / self.fps, (last + 1) / self.fps, look, what))

    def warnings(self) -> list[Concern]:
        """Return what was found, in time."""
        for what, known in self.open.items():
            self._close(what, *known)
        self.open.clear()
        return sorted(self.found, key=lambda w: (w.start, w.what))
