"""The structure picture: sections over novelty over the self-similarity that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.plot_style import INSIDE, LEFT, Sheet, ribbon, say, scale, time_axis, wave
from music_analysis.structure import Section, Structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MATRIX: Final = 4.6  # inches


def draw(analysis: Analysis) -> Sheet:
    """Draw the form of a song."""
    structure = analysis.structure
    big, remark = summary(structure)
    sheet = Sheet(analysis, big, remark, 2.78 + _MATRIX)
    band = sheet.axes(0.05, 0.95, title="Sections", note="pale: border not sure")
    draw_sections(band, analysis, names=True)
    novelty = sheet.axes(1.47, 0.62, title="Novelty, builds and drops")
    _novelty(novelty, analysis)
    matrix = sheet.axes(
        2.58, _MATRIX, width=_MATRIX, title="Self-similarity: what sounds like what"
    )
    _matrix(matrix, analysis)
    left = LEFT + _MATRIX + 0.35
    _table(sheet, analysis, left, 2.58)
    return sheet


def summary(structure: Structure) -> tuple[str, str]:
    """Heading and remark: the letters of the form, and how sure they are."""
    sections = [s for s in structure.sections if s.label != "N"]
    if not sections or (len(sections) == 1 and structure.confidence < 0.5):
        return notation.NOT_SURE, notation.NO_ANSWER
    form = " ".join(notation.section_letter(s.label) for s in sections)
    if len(form) > 26:
        form = " ".join(s.label.rstrip("'") for s in sections)
    if len(form) > 26:
        form = form[:24].rstrip() + " …"
    sure = f"{notation.sureness(structure.confidence)} ({100 * structure.confidence:.0f} %)"
    count = "one section" if len(sections) == 1 else f"{len(sections)} sections"
    kinds = len({s.group for s in sections})
    remark = f"{count} of {kinds} {'kind' if kinds == 1 else 'kinds'} · {sure}"
    return form + ("?" if structure.confidence < 0.5 else ""), remark


def section_name(section: Section) -> str:
    """Name of a section, with a mark where it is a guess."""
    return notation.section_name(section.name, section.name_confidence)


def draw_sections(axes: Axes, analysis: Analysis, *, names: bool) -> None:
    """Draw sections as blocks with the waveform on them, or with their letters alone."""
    sections = analysis.structure.sections
    if not sections:
        say(axes)
        return
    time_axis(axes, 0, analysis.duration)
    wave(axes, analysis, 0, analysis.duration, color=colors.INK, alpha=0.3, zorder=2)
    axes.set_xlim(0, max(analysis.duration, 1e-3))
    axes.set_ylim(-1.1, 2.2)
    axes.set_yticks([])
    tints = [(s.start, s.end, colors.mixed(_color(s), colors.PAPER, 0.28), "") for s in sections]
    ribbon(axes, tints, low=-1.1, high=1.15)
    bands = [
        (
            s.start,
            s.end,
            colors.mixed(_color(s), colors.PAPER, 0.3 + 0.6 * s.confidence),
            _label(s, analysis.duration, names),
        )
        for s in sections
    ]
    ribbon(axes, bands, low=1.15, high=2.2, size=7.5)


def _color(section: Section) -> str:
    return colors.section_color(section.group, section.label)


def _label(section: Section, duration: float, names: bool) -> str:
    letter = notation.section_letter(section.label)
    name = section_name(section)
    share = (section.end - section.start) / max(duration, 1e-3)
    if section.label == "N":  # gray says that it has no letter
        return name
    return f"{letter}\n{name}" if name and names and share > 0.0105 * len(name) else letter


def _novelty(axes: Axes, analysis: Analysis) -> None:
    structure = analysis.structure
    if not len(structure.novelty):
        say(axes)
        return
    time_axis(axes, 0, analysis.duration)
    axes.set_ylim(0, 1.6)
    axes.set_yticks([])
    axes.fill_between(
        structure.novelty_times, structure.novelty, color=colors.ACCENT, alpha=0.25, linewidth=0
    )
    axes.plot(structure.novelty_times, structure.novelty, color=colors.ACCENT, linewidth=0.9)
    borders = [s.start for s in structure.sections[1:]]
    axes.vlines(borders, 0, 1.05, color=colors.INK, linewidth=0.6, alpha=0.5)
    _events(axes, analysis)


def _events(axes: Axes, analysis: Analysis) -> None:
    """Mark builds as bars and drops as arrows, with words where there is room for them."""
    events, duration = analysis.structure.events, analysis.duration
    for event in events:
        if event.kind == "drop":
            axes.plot([event.time], [1.44], "v", color=colors.MARK, markersize=5)
        else:
            axes.plot(
                [event.start, event.time], [1.12, 1.12], color=colors.MARK, linewidth=2.4,
                solid_capstyle="butt",
            )  # fmt: skip
    free = -1.0
    for time in sorted({e.time for e in events}):
        # a build and the drop that it leads to are within a beat of one another
        kinds = sorted({e.kind for e in events if abs(e.time - time) < 0.6})
        late = time > 0.85 * duration
        if time < free or (late and free > time - 0.09 * duration):
            continue
        axes.text(
            time + (-1 if late else 1) * duration / 110, 1.44, ", ".join(kinds), fontsize=6.5,
            ha="right" if late else "left", va="center_baseline", color=colors.MARK,
        )  # fmt: skip
        free = time + 0.09 * duration


def _matrix(axes: Axes, analysis: Analysis) -> None:
    structure = analysis.structure
    if not len(structure.bar_similarity):
        say(axes)
        return
    matrix, borders = structure.bar_similarity, structure.bar_times
    first, last = float(borders[0]), float(borders[-1])
    # an even grid: bars of free tempo are not equally long
    size = int(np.clip(2 * len(matrix), 64, 700))
    at = first + (np.arange(size) + 0.5) * (last - first) / size
    bar = np.clip(np.searchsorted(borders, at, side="right") - 1, 0, len(matrix) - 1)
    low = float(np.percentile(matrix, 3))
    axes.imshow(
        matrix[np.ix_(bar, bar)], cmap=scale(), origin="upper", aspect="auto",
        extent=(first, last, last, first), vmin=low, vmax=1, interpolation="nearest",
    )  # fmt: skip
    time_axis(axes, first, last, most=8)
    axes.set_ylim(last, first)
    ticks = axes.get_xticks()
    axes.set_yticks(ticks, [notation.clock(t) for t in ticks])
    for section in structure.sections[1:]:
        axes.axvline(section.start, color=colors.MARK, linewidth=0.6, alpha=0.8)
        axes.axhline(section.start, color=colors.MARK, linewidth=0.6, alpha=0.8)


def _table(sheet: Sheet, analysis: Analysis, left: float, top: float) -> None:
    """List the sections beside the matrix; the middle is left out where there are too many."""
    sections = analysis.structure.sections
    if not sections:
        return
    from music_analysis.plot_style import TOP

    most, line = 22, 0.205
    width = LEFT + INSIDE - left
    sheet.text(left, TOP + top - 0.09, "Sections", size=8, color=colors.MUTED, weight="bold")
    shown: list[Section | None] = list(sections)
    if len(shown) > most:
        shown = [*sections[: most - 2], None, sections[-1]]
    axes = sheet.axes(top, line * len(shown), x=left, width=width)
    axes.set_xlim(0, width)
    axes.set_ylim(len(shown), 0)
    axes.axis("off")
    for row, section in enumerate(shown):
        middle = row + 0.5
        if section is None:
            axes.text(0.3, middle, f"… {len(sections) - most + 1} more", fontsize=7.5,
                      color=colors.MUTED, va="center_baseline")  # fmt: skip
            continue
        axes.barh(middle, 0.2, height=0.72, color=_color(section), linewidth=0)
        words = (
            (0.3, notation.section_letter(section.label), colors.INK, "left"),
            (0.72, section_name(section), colors.INK, "left"),
            (2.05, notation.clock(section.start), colors.MUTED, "right"),
            (width, notation.clock(section.end - section.start) + " long", colors.MUTED, "right"),
        )
        for x, text, ink, align in words:
            axes.text(x, middle, text, fontsize=7.5, color=ink, ha=align, va="center_baseline")
