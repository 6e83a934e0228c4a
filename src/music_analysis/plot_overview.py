"""The overview: a whole song on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.plot_chords import block_color
from music_analysis.plot_chords import summary as chord_summary
from music_analysis.plot_key import draw_circle, draw_segments
from music_analysis.plot_structure import draw_sections, summary
from music_analysis.plot_style import INSIDE, LEFT, TOP, Sheet, levels, ribbon, say, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDE = 2.15  # inches of the column of facts


def draw(analysis: Analysis) -> Sheet:
    """Draw everything at a glance."""
    form, _ = summary(analysis.structure)
    tempo, key = analysis.tempo, analysis.key
    known = bool(analysis.structure.sections)
    sheet = Sheet(analysis, form if known else "", "form" if known else "", 6.75)
    facts = (
        ("Tempo", tempo.bpm and f"{notation.bpm_text(tempo.bpm)} bpm", tempo.confidence, ""),
        ("Key", key.label and notation.key_name(key.label), key.confidence, key.camelot or ""),
        ("Time signature", tempo.time_signature, tempo.meter_confidence, ""),
        ("Loudness", *_loudness(analysis)),
    )
    for k, (title, words, sure, more) in enumerate(facts):
        _fact(sheet, LEFT + k * INSIDE / 4, title, words or None, sure, more)

    top = 1.0
    draw_sections(sheet.axes(top, 1.0, title="Sections"), analysis, names=True)
    most, _ = chord_summary(analysis.chords)
    heard = any(chord.label != "N" for chord in analysis.chords.segments)
    note = f"mostly {most}" if heard else ""
    _chords(sheet.axes(top + 1.5, 0.34, title="Chords", note=note), analysis)
    draw_segments(sheet.axes(top + 2.3, 0.28, title="Key"), analysis)
    left = INSIDE - 2.75
    _tempo(sheet.axes(top + 3.1, 0.95, width=left, title="Tempo (bpm)"), analysis)
    _loud(sheet.axes(top + 4.6, 0.95, width=left, title="Loudness (LUFS)"), analysis)
    circle = sheet.axes(top + 3.1, 2.45, x=LEFT + INSIDE - 2.45, width=2.45)
    draw_circle(circle, key, size=0.8)
    return sheet


def _loudness(analysis: Analysis) -> tuple[str | None, float | None, str]:
    mood = analysis.mood
    if mood.integrated_loudness is None:
        return None, None, ""
    spread = "" if mood.loudness_range is None else f"range {mood.loudness_range:.1f} LU"
    return f"{mood.integrated_loudness:.1f} LUFS".replace("-", "−"), None, spread


def _fact(
    sheet: Sheet, x: float, title: str, words: str | None, sure: float | None, more: str
) -> None:
    sheet.text(x, TOP + 0.05, title, size=8, color=colors.MUTED, weight="bold")
    if words is None:
        sheet.text(x, TOP + 0.34, notation.NOT_SURE, size=13, weight="bold", color=colors.MUTED)
        sheet.text(x, TOP + 0.54, notation.NO_ANSWER, size=7.5, color=colors.MUTED)
        return
    doubt = sure is not None and sure < 0.5
    ink = colors.MUTED if doubt else colors.INK
    sheet.text(x, TOP + 0.34, words + ("?" if doubt else ""), size=13, weight="bold", color=ink)
    below = [notation.sureness(sure)] if sure is not None else []
    below += [more] if more else []
    sheet.text(x, TOP + 0.54, " · ".join(below), size=7.5, color=colors.MUTED)


def _chords(axes: Axes, analysis: Analysis) -> None:
    if not analysis.chords.segments:
        say(axes)
        return
    time_axis(axes, 0, analysis.duration)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    few = len(analysis.chords.segments) <= 40
    blocks = [
        (c.start, c.end, block_color(c), notation.chord_name(c.label) if few else "")
        for c in analysis.chords.segments
    ]
    ribbon(axes, blocks, size=6)


def _tempo(axes: Axes, analysis: Analysis) -> None:
    tempo = analysis.tempo
    if tempo.bpm is None or len(tempo.curve_bpm) < 2:
        say(axes)
        return
    time_axis(axes, 0, analysis.duration, most=8)
    reach = max(0.1 * tempo.bpm, 1.2 * float(np.abs(tempo.curve_bpm - tempo.bpm).max()))
    levels(axes, tempo.bpm - reach, tempo.bpm + reach, 4)
    axes.plot(tempo.curve_times, tempo.curve_bpm, color=colors.ACCENT, linewidth=1.1)


def _loud(axes: Axes, analysis: Analysis) -> None:
    mood = analysis.mood
    curve = np.asarray(mood.loudness_curve, np.float64)
    heard = curve[np.isfinite(curve) & (curve > -70)] if len(curve) else curve
    if mood.integrated_loudness is None or len(heard) < 2:
        say(axes)
        return
    time_axis(axes, 0, analysis.duration, most=8)
    low = max(float(heard.min()), float(heard.max()) - 40) - 2
    levels(axes, low, float(heard.max()) + 2, 4)
    shown = np.where(np.isfinite(curve), np.maximum(curve, low), low)
    axes.fill_between(mood.loudness_times, low, shown, color=colors.ACCENT, alpha=0.25, linewidth=0)
    axes.plot(mood.loudness_times, shown, color=colors.ACCENT, linewidth=1.0)
    axes.axhline(mood.integrated_loudness, color=colors.MARK, linewidth=0.9, dashes=(4, 3))
