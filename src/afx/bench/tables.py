"""What ``afx bench`` prints: a table that grows while it measures, and the summary after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from afx.bench.encode import EncodeRow
from afx.bench.field_rows import FRAMES, FieldRow
from afx.bench.machine import summary
from afx.bench.render import Job, Speed
from afx.bench.results import Results

Row = FieldRow | Job | Speed | EncodeRow


def amount(value: float) -> str:
    """Write a rate with three digits that count."""
    for least, digits in ((99.5, 0), (9.95, 1), (0.995, 2)):
        if value >= least:
            return f"{value:.{digits}f}"
    return f"{value:.3f}"


def pixels(count: int) -> str:
    """Write a number of pixels: ``99.8 K``, ``3.0 M``."""
    return f"{count / 1e6:.1f} M" if count >= 950_000 else f"{count / 1e3:.0f} K"


def megabytes(count: int) -> str:
    """Write bytes."""
    return f"{count / 1e6:.0f} MB" if count >= 9.5e6 else f"{count / 1e6:.1f} MB"


def percent(share: float | None) -> str:
    """Write a share."""
    return "–" if share is None else f"{100 * share:.0f} %"


def size_name(size: tuple[int, int]) -> str:
    """Write a picture's size as people do."""
    names = {(1280, 720): "720p", (1920, 1080): "1080p", (3840, 2160): "4K"}
    return names.get(size, f"{size[0]}×{size[1]}")


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=True)
    return table


STUDIES = {
    "architecture": "networks", "device": "networks", "batch": "by batch", "threads": "by threads",
    "cross": "all", "pattern": "patterns",
}  # fmt: skip
"""What a table of fields is called, by what its rows were measured for."""


def fields_table(rows: Sequence[FieldRow], title: str) -> Table:
    """Return one line for each measurement of fields."""
    table = _table(title, "threads", "batch", "Mpx/s", "±", "% peak", *FRAMES, "memory")
    for row in rows:
        where = f"{row.device} {row.precision}" if row.device != "cpu" else str(row.threads)
        table.add_row(
            row.name, where, pixels(row.batch), amount(row.rate / 1e6), percent(row.spread),
            Text(percent(row.share), style="bold"),
            *(amount(row.fps(size)) for size in FRAMES), megabytes(row.memory),
        )  # fmt: skip
    return table


def jobs_table(jobs: Sequence[Job]) -> Table:
    """Return one line for each whole render."""
    table = _table("whole job", "painters", "× realtime", "frames/s", "CPU ms", "where time goes")
    table.columns[-1].justify = "left"
    for job in jobs:
        total = sum(job.took.values())
        shares = sorted(job.took.items(), key=lambda item: -item[1])
        table.add_row(
            f"{size_name(job.size)}, {job.seconds:.0f} s", str(job.threads),
            Text(f"{job.realtime:.2f}", style="bold"), amount(job.frames / job.wall),
            f"{job.cpu_ms:.1f}",
            "\n".join(f"{n} {100 * s / total:.0f} %" for n, s in shares[:2]),
        )  # fmt: skip
    return table


def speeds_table(speeds: Sequence[Speed]) -> Table:
    """Return one line for each measurement of painting and encoding."""
    table = _table("painting + encoding", "device", "painters", "frames/s", "±", left=2)
    for speed in speeds:
        device = speed.device if speed.device == "cpu" else f"{speed.device} {speed.precision}"
        table.add_row(
            size_name(speed.size), device, str(speed.threads),
            Text(amount(speed.timing.best), style="bold"), percent(speed.timing.spread),
        )  # fmt: skip
    return table


def encoders_table(rows: Sequence[EncodeRow]) -> Table:
    """Return one line for each encoder, quality and size."""
    table = _table("encoder", "quality", "size", "frames/s", "CPU ms", "Mb/s at 30", left=3)
    for row in rows:
        table.add_row(
            row.encoder, row.quality, size_name(row.size), Text(amount(row.rate), style="bold"),
            f"{row.cpu_ms:.1f}", f"{row.megabits:.1f}",
        )  # fmt: skip
    return table


def tables(rows: Iterable[Row]) -> list[Table]:
    """Return the tables that hold rows of any kinds."""
    rows = list(rows)
    kinds: tuple[tuple[type, Callable[..., Table]], ...] = (
        (Job, jobs_table), (Speed, speeds_table), (EncodeRow, encoders_table),
    )  # fmt: skip
    found = []
    for study, title in STUDIES.items():
        if fields := [r for r in rows if isinstance(r, FieldRow) and r.study == study]:
            found.append(fields_table(fields, title))
    for kind, table in kinds:
        if mine := [r for r in rows if isinstance(r, kind)]:
            found.append(table(mine))
    return found


class Live:
    """Shows rows as they come, on stderr, if that is a terminal."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._rows: list[Row] = []
        self._live: object | None = None

    def __call__(self, row: Row) -> None:
        """Take a row in."""
        self._rows.append(row)
        if self._live is not None:
            self._live.update(self._shown(), refresh=True)  # type: ignore[attr-defined]

    def _shown(self) -> RenderableType:
        """Return the last rows, as many as there is room for."""
        assert self._console is not None
        room = max(3, self._console.height - 8)
        return Group(*tables(self._rows[-room:]), Text("Measuring … Ctrl-C stops.", style="dim"))


@contextmanager
def live(*, silent: bool) -> Iterator[Live]:
    """Show a table that grows; nothing where nobody looks."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if silent or not sys.stderr.isatty() or console.is_dumb_terminal:
        yield Live(None)
        return
    from rich.live import Live as Screen

    shown = Live(console)
    with Screen(
        Text("Measuring … Ctrl-C stops.", style="dim"), console=console, transient=True,
        auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
    ) as screen:  # fmt: skip
        shown._live = screen
        yield shown


def advice_table(results: Results) -> Table:
    """Return the recommended settings, each with its reason."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for advice in results.advice:
        text = Text(advice.value, style="bold")
        if advice.option:
            text.append(f"   {advice.option}", style="not bold cyan")
        table.add_row(f"  {advice.setting}", text)
        table.add_row("", Text(advice.why, style="dim"))
    return table


def report(results: Results) -> RenderableType:
    """Return everything, for people."""
    parts: list[RenderableType] = [Text(summary(results.machine)), Text()]
    rows: list[Row] = [*results.rows, *results.jobs, *results.speeds, *results.encoders]
    for table in tables(rows):
        parts += [table, Text()]
    if results.advice:
        parts += [Text("Recommended", style="bold"), advice_table(results), Text()]
    parts += [Text(note, style="dim") for note in results.notes]
    if results.profile:
        parts.append(Text(results.profile))
    return Group(*parts)
