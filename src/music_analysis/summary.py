"""What people read of an analysis in a terminal: a few lines, with colors where there are any.

Knows rich text and words; knows nothing of files. What is not sure says so, and what cannot be told
says "not enough to tell". Nothing is said by color alone, and without a terminal lines are no
longer than 80 columns.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from music_analysis.chord_sheet import INK, chord_sheet
from music_analysis.colors import chord_color, section_color
from music_analysis.notation import (
    NO_ANSWER,
    NOT_SURE,
    bpm_text,
    chord_name,
    clock,
    is_minor,
    key_name,
    pitch_class,
    sureness,
)
from music_analysis.tables import main_chords

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.tempo import Tempo

SURE: Final = 0.5
"""Confidence below which an answer is said to be not sure."""
WIDTH: Final = 62
"""Cells of strips and curves."""
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_REMARKS: Final = {".html": "open it in a browser: the song plays in it"}

Row = tuple[str, str | Text]


def show(what: RenderableType) -> None:
    """Print for people; what was not written as styled text is not interpreted."""
    Console(highlight=False, markup=False, emoji=False).print(what)


def summary(analysis: Analysis, part: str = "analysis") -> RenderableType:
    """Return what is to be read of a song.

    Parameters
    ----------
    analysis
    part
        ``"analysis"`` for something of everything; ``"tempo"``, ``"key"``, ``"chords"`` and
        ``"structure"`` for more of one.
    """
    made = {
        "analysis": _everything,
        "tempo": _tempo,
        "key": _key,
        "chords": _chords,
        "structure": _structure,
    }[part](analysis)
    engine = analysis.analysers.partition("+")[2]
    credit = [Text(f"  heard by {_printable(engine)}", style="dim")] if engine else []
    return Group(_heading(analysis), *made, *credit)


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
        key_doubt = "?" if row["key_confidence"] < SURE else ""
        table.add_row(
            Text(_printable(name)),
            clock(row["duration"]),
            "–" if row["bpm"] is None else bpm_text(row["bpm"]) + doubt,
            row["time_signature"] or "–",
            "–" if row["key"] is None else key_name(row["key"]) + key_doubt,
            Text(row["camelot"] or "", style="dim"),
            str(row["sections"] or "–"),
        )
    return table


def _heading(analysis: Analysis) -> Text:
    name, length = _printable(analysis.file), clock(analysis.duration)
    if analysis.title is None:
        return Text.assemble((name, "bold"), (f"  {length}", "dim"))
    artist = f" · {_printable(analysis.artist)}" if analysis.artist else ""
    return Text.assemble(
        (_printable(analysis.title), "bold"), artist, (f"\n{name}  {length}", "dim")
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _grid(rows: Iterable[Row]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(f"  {label}"), text if isinstance(text, Text) else Text(text))
    return grid


def _answer(value: str | None, confidence: float, more: str = "") -> Text:
    """Return an answer and how sure it is; not sure comes first."""
    if value is None:
        return Text(NO_ANSWER, style="yellow")
    if confidence < SURE:
        return Text.assemble((f"{NOT_SURE}: ", "yellow"), f"perhaps {value}{more}")
    return Text.assemble((value, "bold"), f"{more} · {sureness(confidence)}")


def _bar(share: float, cells: int = 20) -> str:
    full = round(min(max(share, 0.0), 1.0) * cells)
    return "█" * full + "░" * (cells - full)


def _number(value: float | None, unit: str, digits: int = 1) -> str | None:
    return None if value is None else f"{value:.{digits}f} {unit}".replace("-", "−")


# ---- everything ----------------------------------------------------------------------------------


def _everything(analysis: Analysis) -> list[RenderableType]:
    rows: list[Row] = [
        ("Tempo", _bpm(analysis.tempo)),
        ("Key", _tonality(analysis)),
        ("Chords", _chord_words(analysis)),
        *_form_rows(analysis),
        *_sound_rows(analysis),
    ]
    return [_grid(rows)]


def _bpm(tempo: Tempo) -> Text:
    if tempo.bpm is None:
        return _answer(None, 0.0)
    more = f" · {tempo.time_signature}" if tempo.time_signature else ""
    text = _answer(f"{bpm_text(tempo.bpm)} bpm", tempo.confidence, more)
    others = [bpm_text(a.bpm) for a in tempo.alternatives if a.strength >= 0.3][:3]
    if others:
        text.append(f" · or {', '.join(others)}", style="dim")
    return text


def _tonality(analysis: Analysis) -> Text:
    key = analysis.key
    if key.label is None:
        return _answer(None, 0.0)
    camelot = f" · {key.camelot}" if key.camelot else ""
    text = _answer(key_name(key.label), key.confidence, camelot)
    for change in key.modulations[:2]:
        words = f"{key_name(change.after)} from"
        if change is key.modulations[0] and change.after == key.label:
            words = f"{key_name(change.before)} until"
        text.append(f" · {words} {clock(change.time)}", style="dim")
    if len(key.modulations) > 2:
        text.append(f" · {len(key.modulations)} changes of key in all", style="dim")
    return text


def _chord_words(analysis: Analysis) -> Text:
    most = main_chords(analysis)[:5]
    if not most:
        return _answer(None, 0.0)
    text = Text()
    if analysis.chords.confidence < SURE:
        text.append(f"{NOT_SURE}: perhaps ", style="yellow")
    for index, (label, share) in enumerate(most):
        text.append(" " * bool(index))
        color = chord_color(pitch_class(label), is_minor(label))
        text.append(f" {chord_name(label)} ", style=f"{INK} on {color}")
        text.append(f" {share:.0%}", style="dim")
    return text


def _form_rows(analysis: Analysis) -> list[Row]:
    if not analysis.structure.sections:
        return [("Form", _answer(None, 0.0))]
    legend = _legend(analysis)
    rows: list[Row] = [("Form", _strip(analysis)), *([("", legend)] if legend else [])]
    if analysis.structure.confidence < SURE:
        rows.append(("", Text(f"{NOT_SURE} where sections begin", style="yellow")))
    return rows


def _strip(analysis: Analysis) -> Text:
    """Return a song's sections along a strip."""
    sections = analysis.structure.sections
    whole = max(analysis.duration, 1e-9)
    borders = [round(s.start / whole * WIDTH) for s in sections] + [WIDTH]
    strip = Text()
    for section, start, end in zip(sections, borders, borders[1:], strict=False):
        cells = end - start
        text = f"▏{section.label}" if cells > 1 else section.label
        style = f"{INK} on {section_color(section.group)}"
        strip.append(text[:cells].ljust(cells), style=style)
    return strip


def _legend(analysis: Analysis) -> Text:
    """Return what the strip's letters are called, the longest first."""
    groups: dict[int, Counter[str]] = {}
    letters: dict[int, str] = {}
    for section in analysis.structure.sections:
        names = groups.setdefault(section.group, Counter())
        names[section.name] += max(1, round(section.end - section.start))
        letters.setdefault(section.group, section.label.rstrip("'"))
    legend = Text(style="dim")
    for group, names in sorted(groups.items(), key=lambda item: -item[1].total())[:6]:
        words = "/".join(name for name, _ in names.most_common(2) if name != "part")
        if words:
            legend.append(f"{' · ' * bool(legend)}{letters[group]} {words}")
    return legend


def _sound_rows(analysis: Analysis) -> list[Row]:
    mood = analysis.mood
    loudness = (
        _number(mood.integrated_loudness, "LUFS"),
        None if mood.loudness_range is None else f"range {_number(mood.loudness_range, 'LU')}",
        None if mood.true_peak is None else f"peak {_number(mood.true_peak, 'dBTP')}",
    )
    known = " · ".join(part for part in loudness if part)
    if not known:
        return [("Sound", _answer(None, 0.0))]
    text = Text()
    for name, value in (
        ("energy", mood.energy),
        ("brightness", mood.brightness),
        ("pulse", mood.pulse_clarity),
    ):
        text.append(f"{'  ' * bool(text)}{name} ")
        text.append(_bar(value, 8), style="dim")
    return [("Sound", known), ("", text)]


# ---- one part ------------------------------------------------------------------------------------


def _tempo(analysis: Analysis) -> list[RenderableType]:
    tempo = analysis.tempo
    rows: list[Row] = []
    if tempo.bpm is None:
        return [_grid([("Tempo", _answer(None, 0.0))])]
    rows.append(("Tempo", _answer(f"{bpm_text(tempo.bpm)} bpm", tempo.confidence)))
    rows += [
        (
            "Or" if index == 0 else "",
            Text.assemble(
                f"{bpm_text(other.bpm):>5} bpm ",
                (_bar(other.strength), "cyan"),
                f" {other.strength:.2f}",
            ),
        )
        for index, other in enumerate(tempo.alternatives)
    ]
    rows.append(("Meter", _answer(tempo.time_signature, tempo.meter_confidence)))
    if len(tempo.beats):
        span = f"{clock(float(tempo.beats[0]), tenths=True)} to "
        span += clock(float(tempo.beats[-1]), tenths=True)
        rows.append(("Beats", f"{len(tempo.beats)}, {len(tempo.downbeats)} bars · {span}"))
    rows.append(("Pulse", f"{_steadiness(tempo.variation)} (varies by {tempo.variation:.1%})"))
    if len(tempo.curve_bpm) > 1:
        rows.append(("Curve", Text(_sparks(tempo.curve_bpm.tolist()), style="cyan")))
        low, high = float(tempo.curve_bpm.min()), float(tempo.curve_bpm.max())
        rows.append(("", f"{bpm_text(low)} to {bpm_text(high)} bpm"))
    return [_grid(rows)]


def _steadiness(variation: float) -> str:
    for most, words in ((0.01, "steady as a machine"), (0.05, "steady"), (0.2, "breathing")):
        if variation < most:
            return words
    return "free (rubato)"


def _sparks(values: Sequence[float]) -> str:
    """Draw a curve in one line; a span of less than 4 % of its middle is nearly flat."""
    means = []
    for k in range(min(WIDTH, len(values))):
        first, last = (j * len(values) // min(WIDTH, len(values)) for j in (k, k + 1))
        means.append(sum(values[first:last]) / (last - first))
    middle = (min(means) + max(means)) / 2
    span = max(max(means) - min(means), 0.04 * abs(middle), 1e-9)
    steps = len(_SPARKS) - 1
    return "".join(_SPARKS[round(((v - middle) / span + 0.5) * steps)] for v in means)


def _key(analysis: Analysis) -> list[RenderableType]:
    key = analysis.key
    rows: list[Row] = [("Key", _tonality(analysis))]
    if key.label is None:
        return [_grid(rows)]
    rows += [
        (
            "Ranking" if index == 0 else "",
            Text.assemble(
                f"{key_name(other.label):<9} ",
                (_bar(other.strength), "cyan"),
                f" {other.strength:.0%}",
            ),
        )
        for index, other in enumerate(key.ranking[:5])
    ]
    if len(key.segments) > 1:
        rows += [
            (
                "Keys" if index == 0 else "",
                f"{clock(s.start):>5}–{clock(s.end)}  {key_name(s.label)}"
                f" · {sureness(s.confidence)}",
            )
            for index, s in enumerate(key.segments[:12])
        ]
    rows.append(("Tuning", f"A4 = {key.tuning_hz:.1f} Hz"))
    return [_grid(rows)]


def _chords(analysis: Analysis) -> list[RenderableType]:
    rows: list[Row] = [("Chords", _chord_words(analysis))]
    if not analysis.chords.segments:
        return [_grid(rows)]
    confidence = analysis.chords.confidence
    if confidence >= SURE:
        rows.append(("", f"{sureness(confidence)} on the whole"))
    rows.append(("Key", _tonality(analysis)))
    return [_grid(rows), Text(), chord_sheet(analysis)]


def _structure(analysis: Analysis) -> list[RenderableType]:
    structure = analysis.structure
    if not structure.sections:
        return [_grid(_form_rows(analysis))]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    for _ in range(4):
        table.add_column(no_wrap=True)
    for section in structure.sections[:40]:
        name = section.name if section.name_confidence >= SURE else f"{section.name}?"
        table.add_row(
            Text(f"  {clock(section.start)}–{clock(section.end)}", style="dim"),
            Text(f" {section.label} ", style=f"{INK} on {section_color(section.group)}"),
            Text(name),
            Text(f"{section.end - section.start:.0f} s", style="dim"),
            Text(sureness(section.confidence), style="dim"),
        )
    rows: list[Row] = [
        (
            "Events" if index == 0 else "",
            f"{event.kind} "
            + (f"{clock(event.start)} to " if event.kind == "build" else "at ")
            + clock(event.time),
        )
        for index, event in enumerate(structure.events[:12])
    ]
    return [_grid(_form_rows(analysis)), Text(), table, *([_grid(rows)] if rows else [])]


def written(files: Sequence[Path]) -> Text:
    """Say which files were written."""
    lines = Text()
    for file in files:
        words = _REMARKS.get(file.suffix, "")
        lines.append(f"{chr(10) * bool(lines)}  → ", style="dim")
        lines.append(_printable(os.fsencode(file).decode("utf-8", "replace")))
        lines.append(f"  {words}" if words else "", style="dim")
    return lines
