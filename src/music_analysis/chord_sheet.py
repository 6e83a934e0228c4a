"""A chord sheet for the terminal: the bars of a song in rows, with what is played in them.

Knows rich text and the spelling of chords; knows nothing of files or sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from music_analysis.colors import chord_color
from music_analysis.notation import chord_name, clock, is_minor, pitch_class

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.chords import Chord

INK: Final = "#101318"
"""Of letters on color: they can be read on dark and on light terminals."""
_BARS, _ROWS = 4, 32
_SURE: Final = 0.5
_NEAR: Final = 0.1  # seconds: a chord that reaches this far into a bar is not of it


def chord_sheet(analysis: Analysis) -> Table:
    """Return a chord sheet: four bars to a row; without bars, one chord to a cell."""
    segments = analysis.chords.segments
    bars = [float(t) for t in analysis.tempo.downbeats]
    sheet = Table.grid(padding=(0, 1, 0, 0))
    sheet.add_column(justify="right", style="dim", no_wrap=True)
    for _ in range(_BARS):
        sheet.add_column(no_wrap=True)
    cells: list[tuple[float, Text]] = []
    if len(bars) > 1 and analysis.tempo.meter_confidence >= _SURE:
        if bars[0] > 0.5:
            bars.insert(0, 0.0)
        index = 0
        for start, end in zip(bars, [*bars[1:], analysis.duration], strict=True):
            while index < len(segments) - 1 and segments[index].end <= start + _NEAR:
                index += 1
            within = index
            inside: list[Chord] = []
            while within < len(segments) and segments[within].start < end - _NEAR:
                inside.append(segments[within])
                within += 1
            cells.append((start, _cell(inside, start if cells else 0.0)))
    else:
        cells = [(chord.start, _cell([chord], chord.start)) for chord in segments]
    rows = [cells[k : k + _BARS] for k in range(0, len(cells), _BARS)]
    for row in rows[:_ROWS]:
        sheet.add_row(f"  {clock(row[0][0])}", *(cell for _, cell in row))
    if len(rows) > _ROWS:
        sheet.add_row("", Text("…", style="dim"))
    return sheet


def _cell(chords: Sequence[Chord], start: float) -> Text:
    """Return a bar of the sheet; a chord that goes on from the bar before is a sign."""
    cell = Text.assemble(("│", "dim"))
    for chord in chords:
        if chord.start < start - _NEAR and len(chords) == 1:
            cell.append(" %", style="dim")
            continue
        style = "dim"
        if chord.label != "N":
            style = f"{INK} on {chord_color(pitch_class(chord.label), is_minor(chord.label))}"
        cell.append(f" {chord_name(chord.label)} ", style=style)
    return cell
