"""What commands print for people: a list of songs, the files that were written, and where it goes.

Knows terminals and rich text; knows nothing of music but a table's columns. Without a terminal,
lines are no longer than 80 columns.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from music_analysis.notation import bpm_text, clock, key_name

SURE: Final = 0.5
"""Confidence below which an answer is said to be not sure."""
WIDTH: Final = 62
"""Cells of strips and curves, where the terminal has them."""
_REMARKS: Final = {".html": "open it in a browser: the song plays in it"}


class _Terminal(Console):
    """A console that leaves it to the edge of the command what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _terminal() -> Console:
    return _Terminal(highlight=False, markup=False, emoji=False)


def show(what: RenderableType) -> None:
    """Print for people; what was not written as styled text is not interpreted."""
    _terminal().print(what)


def width() -> int:
    """Return the cells that a strip or a curve has beside its name."""
    return max(20, min(WIDTH, _terminal().width - 11))


def printable(text: str) -> str:
    """Return text with marks for what a terminal must not be sent."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def songs_table(rows: Iterable[dict[str, Any]]) -> Table:
    """Return one line a song, of the rows of :mod:`music_analysis.tables`."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("song", overflow="ellipsis", no_wrap=True, max_width=32)
    for name in ("length", "bpm", "meter", "key", "", "sections"):
        right = name in ("length", "bpm", "sections")
        table.add_column(name, no_wrap=True, justify="right" if right else "left")
    rows = list(rows)
    paths = [row["path"].replace("\\", "/").rsplit("/", 2) for row in rows]
    names = Counter(path[-1] for path in paths)
    for row, path in zip(rows, paths, strict=True):
        name = path[-1] if names[path[-1]] == 1 else "/".join(path[-2:])
        doubt = "?" if row["bpm_confidence"] < SURE else ""
        unsure = row["time_signature"] and row["meter_confidence"] < SURE
        meter_doubt = "?" if unsure else ""
        key_doubt = "?" if row["key_confidence"] < SURE else ""
        table.add_row(
            Text(printable(name)),
            clock(row["duration"]),
            "–" if row["bpm"] is None else bpm_text(row["bpm"]) + doubt,
            (row["time_signature"] or "–") + meter_doubt,
            "–" if row["key"] is None else key_name(row["key"]) + key_doubt,
            Text(row["camelot"] or "", style="dim"),
            "–"
            if row["sections"] < 2 and row["sections_confidence"] < SURE
            else str(row["sections"]),
        )
    return table


def written(files: Sequence[Path]) -> Text:
    """Say which files were written."""
    lines = Text()
    for file in files:
        words = _REMARKS.get(file.suffix, "")
        lines.append(f"{chr(10) * bool(lines)}  → ", style="dim")
        lines.append(printable(os.fsencode(file).decode("utf-8", "replace")))
        lines.append(f"  {words}" if words else "", style="dim")
    return lines
