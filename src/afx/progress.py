"""Progress for people who wait: a bar in a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from music_analysis.cli.meter import live_bar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from afx.piece import Stage

PAUSE_PLAIN, PAUSE_BAR = 10.0, 0.1
"""Seconds between two messages about the same stage."""

WINDOW = 8.0
"""Seconds over which speed is measured: what a resumed render finds done soon no longer counts."""


def clock(seconds: float) -> str:
    """Write a time as people do: ``0:07``, ``3:25``, ``1:02:03``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def length(seconds: float) -> str:
    """Write a length as people do: ``1.5 s``, ``3:25``."""
    return f"{seconds:.1f} s" if seconds < 10 else clock(seconds)


class Meter:
    """Told of every step of a job (`afx.piece.OnProgress`), shows it on stderr.

    Parameters
    ----------
    fps : float
        Frames per second of the video.
    silent : bool
        Show nothing.
    """

    def __init__(self, fps: float, *, silent: bool = False) -> None:
        self.fps = fps
        self.silent = silent
        self.stage: Stage | None = None
        self._told = 0.0
        self._seen: deque[tuple[float, int]] = deque()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self.silent or not sys.stderr.isatty():
            return self
        from rich.progress import BarColumn, TextColumn

        self._bar = live_bar(
            TextColumn("{task.description:<10}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[told]}", markup=False),
        )
        if self._bar is not None:
            self._task = self._bar.add_task("", total=None, told="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: Stage, done: int, total: int) -> None:
        """Take in that `done` of `total` steps of a stage are done."""
        if self.silent:
            return
        now = time.monotonic()
        new = stage != self.stage
        if new:
            self.stage = stage
            self._seen.clear()
        pause = PAUSE_PLAIN if self._bar is None else PAUSE_BAR
        if done in (0, total) and not new and self._bar is None:
            return
        if not new and done < total and now - self._told < pause:
            return
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()
        self._told = now
        words = self._words(done, total)
        if self._bar is not None and self._task is not None:
            # A stage of one step says only that it is at work.
            self._bar.update(
                self._task,
                description=stage.capitalize(),
                total=total if total > 1 else None,
                completed=done,
                told=words,
            )
        else:
            print(f"{stage.capitalize()} {words}".rstrip(), file=sys.stderr, flush=True)

    def _words(self, done: int, total: int) -> str:
        """Say how far a stage is, in about 45 characters."""
        if total <= 1:
            return ""
        if self._bar is None and len(self._seen) == 1:
            return f"{total} frames"
        (before, already), (now, _) = self._seen[0], self._seen[-1]
        words = f"{done}/{total}"
        if done > already and now > before:
            rate = (done - already) / (now - before)
            words += (
                f" · {rate:.0f} fps · {rate / self.fps:.1f}× · {clock((total - done) / rate)} left"
            )
        return words


class Count:
    """Shows how many of some things are made, on stderr: a bar, or a line now and then.

    Parameters
    ----------
    doing, things : str
        Such as ``"painting"`` and ``"tiles"``.
    silent : bool
        Show nothing.
    """

    def __init__(self, doing: str, things: str, *, silent: bool = False) -> None:
        self.doing, self.things, self.silent = doing.capitalize(), things, silent
        self._told = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self.silent or not sys.stderr.isatty():
            return self
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        self._bar = live_bar(
            TextColumn("{task.description:<10}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn(self.things, markup=False),
        )
        if self._bar is not None:
            self._task = self._bar.add_task(self.doing, total=None)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Take in that `done` of `total` are made."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total, completed=done)
        elif not self.silent and done < total and time.monotonic() - self._told >= PAUSE_PLAIN:
            self._told = time.monotonic()
            print(f"{self.doing} {done}/{total} {self.things}", file=sys.stderr, flush=True)
