"""The page: one HTML file with everything inside it, in light and dark, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from afx import __version__
from afx.bench.chart import Line, line_chart
from afx.bench.field_rows import FRAMES, FieldRow
from afx.bench.machine import summary
from afx.bench.results import Results
from afx.bench.tables import amount, megabytes, percent, pixels, size_name
from music_analysis.page_parts import file_of, template_of

MARK = "Audio Feature Explorer"
"""By which a page of ours is known."""


@dataclass(frozen=True)
class Bar:
    """One bar: its label, what is written at it, and its length as a share of the longest."""

    label: str
    value: str
    length: float
    more: str = ""
    color: int = 0


@dataclass(frozen=True)
class Group:
    """Bars that belong together."""

    title: str
    bars: Sequence[Bar]


def page(results: Results) -> str:
    """Return the page as HTML text."""
    return str(
        template_of("afx.bench", "bench.html").render(
            r=results,
            machine=summary(results.machine),
            date=results.measured_at.replace("T", " ")[:16],
            version=__version__,
            mark=MARK,
            sizes=list(FRAMES),
            networks=_networks(results),
            rows=[_cells(row) for row in results.rows],
            charts=_charts(results),
            patterns=_patterns(results.rows),
            stages=_stages(results),
            speeds=_speeds(results),
            encoders=_encoders(results),
            versions={k: v for k, v in results.machine["versions"].items() if v},
            memory=megabytes(results.memory) if results.memory else None,
            style=file_of("afx.bench", "bench.css"),
        )
    )


def _where(row: FieldRow) -> str:
    if row.device != "cpu":
        return f"{row.device}, {row.precision}"
    return f"{row.threads} thread{'s' * (row.threads != 1)}"


def _networks(results: Results) -> list[Group]:
    """Bars of the share of the peak, one group for each number of threads or device."""
    rows = [r for r in results.rows if r.study in ("architecture", "device") and r.work]
    rows.sort(key=lambda r: (r.device != "cpu", r.precision, r.threads))
    longest = max([1.0, *(r.share or 0 for r in rows)])
    groups = []
    for color, (where, found) in enumerate(groupby(rows, key=_where)):
        bars = [
            Bar(
                r.name, f"{amount(r.rate / 1e6)} Mpx/s", (r.share or 0) / longest,
                f"{percent(r.share)} of peak", color % 4,
            )
            for r in found
        ]  # fmt: skip
        groups.append(Group(where, bars))
    return groups


def _cells(row: FieldRow) -> list[str]:
    return [
        row.name, _where(row), pixels(row.batch), amount(row.rate / 1e6), percent(row.spread),
        percent(row.share), *(amount(row.fps(size)) for size in FRAMES), megabytes(row.memory),
    ]  # fmt: skip


def _charts(results: Results) -> list[tuple[str, str, list[str], str]]:
    """Return (title, what one sees, names of lines, SVG) of each chart."""
    charts = []
    batch = [r for r in results.rows if r.study in ("batch", "cross")]
    lines = [
        Line(f"{name}, {where}", [(r.batch, r.rate / 1e6) for r in rows])
        for (name, where), rows in (
            (key, list(found)) for key, found in groupby(batch, key=lambda r: (r.name, _where(r)))
        )
        if len(rows) > 1
    ][:4]
    if lines:
        ticks = [(1e5, "100 K"), (1e6, "1 M"), (1e7, "10 M")]
        svg = line_chart(lines, x_label="pixels a call", y_label="Mpx/s", ticks=ticks)
        charts.append(("Batch size", "Mpx/s", [line.name for line in lines], svg))
    threads = [r for r in results.rows if r.study == "threads"]
    if len(threads) > 1:
        line = Line(threads[0].name, [(r.threads, r.rate / 1e6) for r in threads])
        charts.append(
            ("Threads", "Mpx/s", [line.name], _by_threads(line, "Mpx/s", results, "threads"))
        )
    painters = [s for s in results.speeds if s.study == "threads"]
    if len(painters) > 1:
        line = Line("painting + encoding", [(s.threads, s.timing.best) for s in painters])
        name = f"{line.name}, {size_name(painters[0].size)}"
        svg = _by_threads(line, "frames/s", results, "painters", ideal=False)
        charts.append(("Painters", "frames/s", [name], svg))
    return charts


def _by_threads(line: Line, unit: str, results: Results, label: str, *, ideal: bool = True) -> str:
    ticks = [(float(x), f"{x:g}") for x, _ in line.points]
    best = None
    if ideal and line.points[0][0] == 1:
        one, cores = line.points[0][1], results.machine["cores"]
        best = Line("ideal", [(x, one * min(x, cores)) for x, _ in line.points])
    return line_chart([line], x_label=label, y_label=unit, ticks=ticks, ideal=best)


def _patterns(rows: Sequence[FieldRow]) -> list[Bar]:
    found = sorted((r for r in rows if r.study == "pattern"), key=lambda r: -r.rate)
    longest = max((r.rate for r in found), default=1.0)
    return [
        Bar(
            r.name, f"{amount(r.fps('720p'))} fps", r.rate / longest,
            f"{amount(r.rate / 1e6)} Mpx/s",
        )
        for r in found
    ]  # fmt: skip


def _stages(results: Results) -> list[tuple[Any, list[tuple[str, float, str]]]]:
    """Return each job with (stage, share of its time, seconds)."""
    made = []
    for job in results.jobs:
        total = sum(job.took.values())
        made.append((job, [(n, s / total, f"{s:.2f} s") for n, s in job.took.items()]))
    return made


def _speeds(results: Results) -> list[Bar]:
    cores = results.machine["cores"]
    found = [s for s in results.speeds if s.study != "threads" or s.threads == cores]
    longest = max((s.timing.best for s in found), default=1.0)
    bars = []
    for speed in found:
        device = "" if speed.device == "cpu" else f", {speed.device} {speed.precision}"
        best = speed.timing.best
        bars.append(
            Bar(
                size_name(speed.size) + device, f"{amount(best)} fps", best / longest,
                f"{best / 30:.1f} × real time at 30", 0 if speed.device == "cpu" else 1,
            )
        )  # fmt: skip
    return bars


def _encoders(results: Results) -> list[Group]:
    groups = []
    longest = max((r.rate for r in results.encoders), default=1.0)
    for size, found in groupby(results.encoders, key=lambda r: r.size):
        rows = list(found)
        names = list(dict.fromkeys(r.encoder for r in results.encoders))
        bars = [
            Bar(
                f"{r.encoder} {r.quality}", f"{amount(r.rate)} fps", r.rate / longest,
                f"{r.megabits:.1f} Mb/s", names.index(r.encoder) % 4,
            )
            for r in rows
        ]  # fmt: skip
        groups.append(Group(size_name(size), bars))
    return groups
