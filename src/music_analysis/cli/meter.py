"""Progress for people who wait: a bar in a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

PAUSE = 10.0
"""Seconds between two plain lines."""


def live_bar(*columns: ProgressColumn) -> Progress | None:
    """Return a bar on stderr that goes away in the end; None where the terminal can show none."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False)
    if console.is_dumb_terminal:
        return None
    return Progress(
        *columns,
        console=console,
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class Meter:
    """Shows how much of a job is done, on stderr.

    Parameters
    ----------
    total : float
        What all of it is.
    silent : bool
        Show nothing.
    """

    def __init__(self, total: float, *, silent: bool = False) -> None:
        self.total = total
        self.silent = silent
        self._told = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self.silent or not sys.stderr.isatty():
            return self
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        self._bar = live_bar(
            TextColumn("Analyzing"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[told]}", markup=False),
            TimeRemainingColumn(compact=True),
        )
        if self._bar is not None:
            self._task = self._bar.add_task("", total=self.total, told="")
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

    def __call__(self, done: float, told: str = "") -> None:
        """Take in that so much is done, and a word on it."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, told=told)
        elif not self.silent and time.monotonic() - self._told > PAUSE:
            self._told = time.monotonic()
            share = f" {told}" if told else f" {done / self.total:.0%}"
            print(f"Analyzing{share}", file=sys.stderr, flush=True)
