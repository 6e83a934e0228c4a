"""The chord picture: rows like lines of a score, chords over the chroma that they explain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.chords import Chord, Chords
from music_analysis.plot_style import Sheet, ribbon, say, scale, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_SECONDS: Final = 45.0
_MOST_ROWS: Final = 8
_ROW: Final = 0.98  # inches of a row
_PITCH: Final = 1.28  # inches from row to row
_BAND: Final = 12.6  # where the band of chords begins above the twelve rows of chroma
_TOP: Final = 20.0
_COLUMNS: Final = 700


def draw(analysis: Analysis) -> Sheet:
    """Draw the chords of the whole song."""
    chords = analysis.chords
    rows = int(np.clip(np.ceil(analysis.duration / _ROW_SECONDS), 1, _MOST_ROWS))
    big, remark = summary(chords)
    sheet = Sheet(analysis, big, remark, _PITCH * rows + 0.12)
    if not chords.segments:
        say(sheet.axes(0.05, _ROW, title="Chords over chroma"))
        return sheet
    span = analysis.duration / rows
    for row in range(rows):
        axes = sheet.axes(
            0.05 + _PITCH * row,
            _ROW,
            title="Chords over chroma" if row == 0 else "",
            note="pale: not sure · small: degree in the key" if row == 0 else "",
        )
        _row(axes, analysis, row * span, (row + 1) * span)
    return sheet


def summary(chords: Chords) -> tuple[str, str]:
    """Heading and remark: the chords heard longest, and how sure they are."""
    time: Counter[str] = Counter()
    for chord in chords.segments:
        if chord.label not in {"N", "X"}:
            time[chord.label] += round(1000 * (chord.end - chord.start))
    if not time:
        return notation.NOT_SURE, notation.NO_ANSWER
    words = "  ".join(notation.chord_name(label) for label, _ in time.most_common(4))
    sure = f"{notation.sureness(chords.confidence)} ({100 * chords.confidence:.0f} %)"
    kinds = f"{len(time)} different chords" if len(time) > 1 else "one chord"
    return words + ("?" if chords.confidence < 0.5 else ""), f"{kinds} · {sure}"


def block_color(chord: Chord) -> str:
    """Color of a chord, paler the less sure it is."""
    minor = notation.is_minor(chord.label)
    color = colors.chord_color(notation.pitch_class(chord.label), minor)
    return colors.mixed(color, colors.PAPER, min(1.0, 0.25 + 0.9 * chord.confidence))


def _row(axes: Axes, analysis: Analysis, start: float, end: float) -> None:
    chords = analysis.chords
    time_axis(axes, start, end, most=10)
    axes.set_ylim(-0.5, _TOP)
    chroma = _chroma(chords, start, end)
    if chroma is not None:
        axes.imshow(
            chroma, aspect="auto", origin="lower", extent=(start, end, -0.5, 11.5), cmap=scale(),
            vmin=0, vmax=1.15, interpolation="nearest",
        )  # fmt: skip
    axes.set_xlim(start, end)
    axes.set_ylim(-0.5, _TOP)
    axes.set_yticks([0, 4, 7, 11], list("CEGB"), fontsize=5)
    inside = [c for c in chords.segments if c.end > start and c.start < end]
    blocks = [
        (c.start, c.end, block_color(c), notation.chord_name(c.label) if c.label != "N" else "–")
        for c in inside
    ]
    ribbon(axes, blocks, low=_BAND + 2.4, high=_TOP, size=7.5)
    degrees = [
        (c.start, c.end, colors.PAPER, notation.roman_name(c.roman) if c.roman else "")
        for c in inside
    ]
    ribbon(axes, degrees, low=_BAND - 0.7, high=_BAND + 2.4, size=6)
    bars = analysis.tempo.downbeats
    shown = bars[(bars > start) & (bars < end)]
    if len(shown) < 60:
        axes.vlines(shown, -0.5, _BAND - 1.1, color=colors.MARK, linewidth=0.5, alpha=0.7)


def _chroma(chords: Chords, start: float, end: float) -> np.ndarray | None:
    """Chroma [12, columns] on an even grid."""
    if not len(chords.chroma):
        return None
    centers = start + (np.arange(_COLUMNS) + 0.5) * (end - start) / _COLUMNS
    step = np.searchsorted(chords.step_times, centers, side="right") - 1
    return chords.chroma[np.clip(step, 0, len(chords.chroma) - 1)].T
