"""Frames made, in order, by several threads: streamed into segments or pictures, never collected.

Painters work ahead of the encoder in a ring of reused buffers. A video is written as fixed,
independent segments in a working folder beside the output; segments that are already there are
kept, so that a render that was killed goes on where it stopped, with the same pixels.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from afx.director import Director
from afx.overlay import Overlay
from afx.painter import Painter, Painters
from afx.rehearsal import thumbnail_size
from afx.safety import FlashScreen
from afx.video import FrameSequence, SegmentWriter, VideoError, VideoFormat, count_frames

SEGMENT_SECONDS = 10
"""Length of a segment: what a killed render loses at most, and how far a player must seek."""

AHEAD = 4
"""Frames in the ring beyond those being painted."""

OnFrame = Callable[[int], None]
"""Told how many more frames are done."""


def frames_per_segment(fps: float) -> int:
    """Return the fixed number of frames of a segment."""
    return max(1, round(SEGMENT_SECONDS * fps))


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return a short name for everything that decides the bits of a render."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:24]


class Workplace:
    """The folder beside an output in which its segments wait; for one render at a time.

    Parameters
    ----------
    output : Path
    identity : str
        `fingerprint` of the render. Segments of another one are removed.

    Raises
    ------
    VideoError
        If the folder cannot be made or another render is at work in it.
    """

    def __init__(self, output: Path, identity: str) -> None:
        self.folder = output.with_name(f".{output.name}.render")
        self._lock: IO[str] | None = None
        # Parents that were missing go again if the render comes to nothing.
        self._made = [p for p in (output.parent, *output.parent.parents) if not p.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder / "lock", output)
            marker = self.folder / "identity"
            if not marker.exists() or marker.read_bytes() != identity.encode():
                for old in self.folder.iterdir():
                    if old.name != "lock":
                        old.unlink()
                marker.write_bytes(identity.encode())
        except OSError as error:
            self.leave()
            raise VideoError(f"cannot write {output}: {error.strerror or error}") from error
        except BaseException:
            self.leave()
            raise

    def segment(self, index: int) -> Path:
        """Return the path of a segment."""
        return self.folder / f"segment_{index:05d}.mp4"

    def thumbnails(self, index: int) -> Path:
        """Return the path of a segment's thumbnails, which the flash screen looks at."""
        return self.folder / f"segment_{index:05d}.npy"

    def has(self, index: int, frames: int) -> bool:
        """Tell whether a segment of so many frames is there and whole; a damaged one is not."""
        try:
            seen = np.load(self.thumbnails(index), mmap_mode="r")
            return len(seen) == frames and count_frames(self.segment(index)) == frames
        except (VideoError, OSError, ValueError, EOFError):
            return False

    def leave(self) -> None:
        """Stop working here; what is finished stays for the next time."""
        if self._lock is None:  # left before, or the folder is another render's
            return
        # A workplace without a finished segment (a render refused or stopped early) is of no use.
        if not any(p.with_suffix(".mp4").exists() for p in self.folder.glob("*.npy")):
            self._remove()
            with contextlib.suppress(OSError):
                for parent in self._made:
                    parent.rmdir()  # only if it is empty
        self._unlock()

    def clear(self) -> None:
        """Remove everything."""
        self._remove()
        self._unlock()

    def _remove(self) -> None:
        """Remove the folder while it is still ours; Windows keeps files that are open."""
        if os.name == "nt":
            self._unlock()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _locked(path: Path, output: Path) -> IO[str]:
    """Open a lock file that nobody else holds."""
    file = path.open("w")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise VideoError(f"another render is writing {output}: wait for it, or use -o") from None
    return file


class Thumbnails:
    """Small display-RGB pictures of finished 4:2:0 planes, for the flash screen.

    Each cell is the mean of 4×4 samples spread evenly over it.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.columns, self.rows = thumbnail_size(width, height)
        self._y = _grid(height, 4 * self.rows), _grid(width, 4 * self.columns)
        self._c = _grid(height // 2, 2 * self.rows), _grid(width // 2, 2 * self.columns)

    def make(self, planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return uint8 [rows, columns, 3] of one frame's planes."""
        w, h = self.width, self.height
        flat = planes.reshape(-1)[h * w :]
        size = h // 2 * (w // 2)
        parts = (
            (planes[:h], self._y, 4),
            (flat[:size].reshape(h // 2, w // 2), self._c, 2),
            (flat[size:].reshape(h // 2, w // 2), self._c, 2),
        )
        means = [_cell_means(plane, grid, n) for plane, grid, n in parts]
        y, cb, cr = (means[0] - 16) / 219, (means[1] - 128) / 224, (means[2] - 128) / 224
        red, blue = y + 1.5748 * cr, y + 1.8556 * cb
        green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
        rgb = np.clip(np.stack((red, green, blue), axis=-1), 0, 1)
        made: NDArray[np.uint8] = (rgb * 255 + 0.5).astype(np.uint8)
        return made

    def of_rgb(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return uint8 [rows, columns, 3] of a display-RGB picture."""
        mean = [_cell_means(rgb[..., k], self._y, 4) for k in range(3)]
        return (np.stack(mean, axis=-1) + 0.5).astype(np.uint8)


def _grid(size: int, samples: int) -> NDArray[np.int64]:
    return ((np.arange(samples) + 0.5) * (size / samples)).astype(np.int64)


def _cell_means(
    plane: NDArray[np.uint8], grid: tuple[NDArray[np.int64], NDArray[np.int64]], n: int
) -> NDArray[np.float32]:
    """Return the mean of n×n samples for each cell."""
    samples = plane.take(grid[0], axis=0).take(grid[1], axis=1).astype(np.uint16)
    # Sums of slices: several times faster than NumPy's mean over two short axes.
    down = samples[::n].copy()
    for k in range(1, n):
        down += samples[k::n]
    both = down[:, ::n].copy()
    for k in range(1, n):
        both += down[:, k::n]
    return np.asarray(both * np.float32(1.0 / n**2), dtype=np.float32)


class _Crew:
    """Threads that paint frames ahead, in order, into a ring of buffers."""

    def __init__(self, threads: int, make: Callable[[int, int], Any], slots: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="painter")
        self._make = make
        self._slots = slots

    def frames(self, first: int, last: int) -> Iterator[tuple[int, Any]]:
        """Yield (slot, result) of each frame; its slot is free again when the next is asked for."""
        free = deque(range(self._slots))
        waiting: deque[tuple[int, Future[Any]]] = deque()
        following = first
        try:
            while following < last or waiting:
                while free and following < last:
                    slot = free.popleft()
                    waiting.append((slot, self._pool.submit(self._make, following, slot)))
                    following += 1
                slot, future = waiting.popleft()
                yield slot, future.result()
                free.append(slot)
        finally:
            for _, future in waiting:
                future.cancel()

    def close(self) -> None:
        """Wait for the frames being painted and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def render_segments(
    director: Director,
    fmt: VideoFormat,
    workplace: Workplace,
    frames: tuple[int, int],
    *,
    threads: int,
    screen: FlashScreen,
    on_frame: OnFrame | None = None,
    painters: Painters = Painter,
    overlay: Overlay | None = None,
) -> list[Path]:
    """Write a range of frames as segments.

    Parameters
    ----------
    director : Director
        Rehearsed.
    fmt : VideoFormat
    workplace : Workplace
    frames : (int, int)
        First and one past the last frame of the piece.
    threads : int
        Painters; pixels do not depend on it.
    screen : FlashScreen
        Sees every frame in order, kept segments' too.
    on_frame : callable, optional
    painters : callable
        Makes what paints, one for each thread.
    overlay : Overlay, optional
        What is laid over the finished frames; the screen sees it.

    Returns
    -------
    list of Path
        Segments in order.
    """
    first, last = frames
    step = frames_per_segment(float(fmt.fps))
    spans = [(i, at, min(at + step, last)) for i, at in enumerate(range(first, last, step))]
    slots = threads + AHEAD
    ring = np.empty((slots, fmt.height * 3 // 2, fmt.width), np.uint8)
    local = threading.local()
    thumbnails = Thumbnails(fmt.width, fmt.height)

    def paint(frame: int, slot: int) -> NDArray[np.uint8]:
        if not hasattr(local, "painter"):
            local.painter = painters(fmt.width, fmt.height)
        local.painter.video(director.picture(frame), ring[slot])
        if overlay is not None:
            overlay.video(frame, ring[slot])
        return thumbnails.make(ring[slot])

    crew = _Crew(threads, paint, slots)
    try:
        # Runs of missing segments are painted without a pause between segments.
        for kept, run in _runs(spans, workplace):
            if kept:
                for index, start, end in run:
                    for thumbnail in np.load(workplace.thumbnails(index)):
                        screen.push(thumbnail.astype(np.float32) / 255)
                    if on_frame is not None:
                        on_frame(end - start)
                continue
            made = crew.frames(run[0][1], run[-1][2])
            for index, start, end in run:
                seen = []
                with SegmentWriter(workplace.segment(index), fmt) as writer:
                    for _ in range(start, end):
                        slot, thumbnail = next(made)
                        writer.write(ring[slot])
                        screen.push(thumbnail.astype(np.float32) / 255)
                        seen.append(thumbnail)
                        if on_frame is not None:
                            on_frame(1)
                _save(workplace.thumbnails(index), np.stack(seen))
    finally:
        crew.close()
    return [workplace.segment(index) for index, _, _ in spans]


def _runs(
    spans: list[tuple[int, int, int]], workplace: Workplace
) -> Iterator[tuple[bool, list[tuple[int, int, int]]]]:
    """Yield (already there, neighboring spans) in order."""
    run: list[tuple[int, int, int]] = []
    kept = False
    for span in spans:
        there = workplace.has(span[0], span[2] - span[1])
        if run and there != kept:
            yield kept, run
            run = []
        kept = there
        run.append(span)
    if run:
        yield kept, run


def _save(path: Path, thumbnails: NDArray[np.uint8]) -> None:
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            np.save(file, thumbnails)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise VideoError(f"cannot write {path}: {error.strerror or error}") from error


def render_frames(
    director: Director,
    width: int,
    height: int,
    sequence: FrameSequence,
    frames: tuple[int, int],
    *,
    threads: int,
    screen: FlashScreen,
    on_frame: OnFrame | None = None,
    painters: Painters = Painter,
    overlay: Overlay | None = None,
) -> None:
    """Write a range of frames as numbered PNG pictures; parameters as `render_segments`."""
    local = threading.local()
    thumbnails = Thumbnails(width, height)

    def paint(frame: int, _slot: int) -> NDArray[np.uint8]:
        if not hasattr(local, "painter"):
            local.painter = painters(width, height)
        rgb = local.painter.rgb(director.picture(frame))
        if overlay is not None:
            overlay.rgb(frame, rgb)
        sequence.write(frame - frames[0], rgb)
        return thumbnails.of_rgb(rgb)

    crew = _Crew(threads, paint, threads + AHEAD)
    try:
        for _, thumbnail in crew.frames(*frames):
            screen.push(thumbnail.astype(np.float32) / 255)
            if on_frame is not None:
                on_frame(1)
    finally:
        crew.close()
