"""What people read of an analysis in a terminal: a few lines, with colors where there are any.

Knows rich text and words; knows nothing of files. What is not sure says so, and what cannot be told
says "not enough to tell". Nothing is said by color alone, and without a terminal lines are no
longer than 80 columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from music_analysis.chord_sheet import INK, chord_sheet
from music_analysis.colors import chord_color, section_color
from music_analysis.notation import (
    NO_ANSWER,
    NOT_SURE,
    RIVAL,
    bpm_text,
    chord_name,
    clock,
    is_minor,
    key_name,
    main_range,
    percent,
    pitch_class,
    roman_name,
    section_letter,
    section_name,
    steadiness,
    sureness,
)
from music_analysis.tables import main_chords
from music_analysis.terminal import SURE, WIDTH, printable, width

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.structure import Structure
    from music_analysis.tempo import Tempo

_LITTLE: Final = 0.005
"""Strength below which a rival is not worth a line."""
_SPARKS: Final = "▁▂▃▄▅▆▇█"

Row = tuple[str, str | Text]


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
    engine = analysis.analyzers.partition("+")[2]
    credit = [Text(f"  heard by {printable(engine)}", style="dim")] if engine else []
    return Group(_heading(analysis), *made, *credit)


def _heading(analysis: Analysis) -> Text:
    name, length = printable(analysis.file), clock(analysis.duration)
    if analysis.title is None:
        return Text.assemble((name, "bold"), (f"  {length}", "dim"))
    artist = f" · {printable(analysis.artist)}" if analysis.artist else ""
    return Text.assemble(
        (printable(analysis.title), "bold"), artist, (f"\n{name}  {length}", "dim")
    )


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
    meter = tempo.time_signature if tempo.meter_confidence >= SURE else None
    more = f" · {meter}" if meter else ""
    text = _answer(f"{bpm_text(tempo.bpm)} bpm", tempo.confidence, more)
    others = [bpm_text(a.bpm) for a in tempo.alternatives if a.strength >= RIVAL][:3]
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
    """Return the chords that sound longest, each with its share of the time."""
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
        text.append(f" {percent(share)}", style="dim")
    return text


def _form_rows(analysis: Analysis) -> list[Row]:
    structure = analysis.structure
    if not _has_form(structure):
        return [("Form", _answer(None, 0.0))]
    legend = _legend(analysis)
    rows: list[Row] = [("Form", _strip(analysis)), *([("", legend)] if legend else [])]
    if structure.confidence < SURE:
        rows.append(("", Text(f"{NOT_SURE} where sections begin", style="yellow")))
    return rows


def _has_form(structure: Structure) -> bool:
    """Whether there is more to say than that something sounds."""
    letters = [section.label for section in structure.sections if section.label != "N"]
    return len(letters) > 1 or (len(letters) == 1 and structure.confidence >= SURE)


def _strip(analysis: Analysis) -> Text:
    """Return a song's sections along a strip."""
    sections = analysis.structure.sections
    whole = max(analysis.duration, 1e-9)
    columns = width()
    borders = [round(s.start / whole * columns) for s in sections] + [columns]
    strip = Text()
    for section, start, end in zip(sections, borders, borders[1:], strict=False):
        cells = end - start
        letter = section_letter(section.label)
        text = f"▏{letter}" if cells > 1 else letter
        style = f"{INK} on {section_color(section.group, section.label)}"
        strip.append(text[:cells].ljust(cells), style=style)
    return strip


def _legend(analysis: Analysis) -> Text:
    """Return what the strip's letters are called, the longest first."""
    groups: dict[str, Counter[str]] = {}
    sure: Counter[tuple[str, str]] = Counter()  # seconds times confidence
    for section in analysis.structure.sections:
        letter, seconds = section_letter(section.label.rstrip("'")), section.end - section.start
        names = groups.setdefault(letter, Counter())
        names[section.name] += seconds  # type: ignore[assignment]
        sure[letter, section.name] += section.name_confidence * seconds  # type: ignore[assignment]
    legend = Text(style="dim")
    aside = section_letter("N")
    longest = sorted(groups.items(), key=lambda item: (item[0] == aside, -item[1].total()))
    for letter, names in [*longest[:6], *(g for g in longest[6:] if g[0] == aside)]:
        found = (
            section_name(name, sure[letter, name] / max(seconds, 1e-9))
            for name, seconds in names.most_common(2)
        )
        words = "/".join(filter(None, found))
        if words:
            legend.append(f"{' · ' * bool(legend)}{letter} {words}")
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
    if mood.integrated_loudness is None:
        return [("Sound", known)]
    for name, value in (
        ("energy", mood.energy),
        ("brightness", mood.brightness),
        ("pulse", mood.pulse_clarity),
    ):
        text.append(f"{'  ' * bool(text)}{name} ")
        text.append(_bar(value, 8 if width() == WIDTH else 4), style="dim")
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
                f" {percent(other.strength)}",
            ),
        )
        for index, other in enumerate(a for a in tempo.alternatives if a.strength >= _LITTLE)
    ]
    rows.append(("Meter", _answer(tempo.time_signature, tempo.meter_confidence)))
    if len(tempo.beats):
        span = f"{clock(float(tempo.beats[0]), tenths=True)} to "
        span += clock(float(tempo.beats[-1]), tenths=True)
        rows.append(("Beats", f"{len(tempo.beats)}, {len(tempo.downbeats)} bars · {span}"))
    rows.append(
        ("Pulse", f"{steadiness(tempo.variation)} (beats vary by {100 * tempo.variation:.1f} %)")
    )
    if len(tempo.curve_bpm) > 1:
        rows.append(("Curve", Text(_sparks(tempo.curve_bpm.tolist()), style="cyan")))
        low, high = main_range(tempo.curve_bpm.tolist())
        rows.append(("", f"{bpm_text(low)} to {bpm_text(high)} bpm"))
    return [_grid(rows)]


def _sparks(values: Sequence[float]) -> str:
    """Draw a curve in one line; a span of less than 4 % of its middle is nearly flat."""
    means = []
    cells = min(width(), len(values))
    for k in range(cells):
        first, last = (j * len(values) // cells for j in (k, k + 1))
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
                f" {percent(other.strength)}",
            ),
        )
        for index, other in enumerate(r for r in key.ranking[:5] if r.strength >= _LITTLE)
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
    romans = {c.label: c.roman for c in analysis.chords.segments}
    degrees = [roman_name(romans.get(label) or "–") for label, _ in main_chords(analysis)[:5]]
    if any(degree != "–" for degree in degrees):
        rows.append(("Degrees", "   ".join(degrees)))
    rows.append(("Key", _tonality(analysis)))
    return [_grid(rows), Text(), chord_sheet(analysis)]


def _structure(analysis: Analysis) -> list[RenderableType]:
    structure = analysis.structure
    if not _has_form(structure):
        return [_grid(_form_rows(analysis))]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    for _ in range(4):
        table.add_column(no_wrap=True)
    for section in structure.sections[:40]:
        name = section_name(section.name, section.name_confidence)
        table.add_row(
            Text(f"  {clock(section.start)}–{clock(section.end)}", style="dim"),
            Text(
                f" {section_letter(section.label)} ",
                style=f"{INK} on {section_color(section.group, section.label)}",
            ),
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
