"""The tempo picture: beats under the waveform, a closer look, the local tempo, other tempos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.plot_style import (
    INSIDE,
    RIGHT,
    WIDTH,
    Sheet,
    answer,
    bare,
    levels,
    say,
    time_axis,
    wave,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CLOSE: Final = 12.0  # seconds of the closer look
_MOST_TICKS: Final = 160  # lines that can still be told apart over the width


def draw(analysis: Analysis) -> Sheet:
    """Draw tempo, beats and bars."""
    tempo = analysis.tempo
    words = None if tempo.bpm is None else f"{notation.bpm_text(tempo.bpm)} bpm"
    big, remark = answer(words, tempo.confidence)
    if tempo.time_signature:
        remark += f" · {tempo.time_signature} ({notation.sureness(tempo.meter_confidence)})"
    sheet = Sheet(analysis, big, remark, 4.6)

    whole = sheet.axes(0.05, 0.75, title="Waveform and bars")
    wave(whole, analysis, 0, analysis.duration, alpha=0.55)
    time_axis(whole, 0, analysis.duration)
    _bars(whole, analysis)

    start = _busiest(analysis)
    end = min(start + _CLOSE, analysis.duration)
    title = f"A closer look, {notation.clock(start)} to {notation.clock(end)}"
    close = sheet.axes(1.35, 0.95, title=title + (": beats and bars" if len(tempo.beats) else ""))
    wave(close, analysis, start, end, alpha=0.35)
    time_axis(close, start, end)
    _beats(close, analysis, start, end)

    side = 2.35
    curve = sheet.axes(
        2.95,
        1.6,
        width=INSIDE - side - 0.35,
        title="Tempo along the song (bpm)",
        note=_steadiness(analysis),
    )
    _curve(curve, analysis)
    others = sheet.axes(
        2.95, 1.6, x=WIDTH - RIGHT - side + 0.35, width=side - 0.35, title="Tempos to tap"
    )
    _others(others, analysis)
    return sheet


def _bars(axes: Axes, analysis: Analysis) -> None:
    """Mark bars; every 2nd, 4th, 8th … where there are many."""
    bars = analysis.tempo.downbeats
    every = 1
    while len(bars) / every > _MOST_TICKS:
        every *= 2
    axes.vlines(bars[::every], -1.05, -0.8, color=colors.MARK, linewidth=0.8)
    if every > 1:
        axes.text(
            1, -0.38, f"every {every} bars", transform=axes.transAxes, ha="right", fontsize=6.5,
            color=colors.MARK,
        )  # fmt: skip


def _beats(axes: Axes, analysis: Analysis, start: float, end: float) -> None:
    beats, bars = analysis.tempo.beats, analysis.tempo.downbeats
    shown = beats[(beats >= start) & (beats <= end)]
    axes.vlines(shown, -0.75, 0.75, color=colors.INK, linewidth=0.7, alpha=0.55)
    for k in np.flatnonzero((bars >= start) & (bars <= end)):
        axes.vlines(bars[k], -1.05, 1.05, color=colors.MARK, linewidth=1.3)
        axes.text(
            bars[k] + (end - start) / 250, 0.98, str(k + 1), fontsize=6.5, va="top",
            color=colors.MARK, weight="bold",
        )  # fmt: skip


def _busiest(analysis: Analysis) -> float:
    """Return a bar line from which the beats can be seen well: near the middle of the song."""
    bars = analysis.tempo.downbeats
    latest = max(analysis.duration - _CLOSE, 0.0)
    middle = min(analysis.duration / 2, latest)
    if not len(bars):
        return middle
    return max(0.0, min(float(bars[int(np.argmin(np.abs(bars - middle)))]) - 0.3, latest))


def _curve(axes: Axes, analysis: Analysis) -> None:
    tempo = analysis.tempo
    if tempo.bpm is None or len(tempo.curve_bpm) < 2:
        say(axes)
        return
    low, high = np.percentile(tempo.curve_bpm, [1, 99])
    # a machine's tempo is a flat line, not a zoom into rounding
    reach = max(0.06 * tempo.bpm, 1.25 * (high - tempo.bpm), 1.25 * (tempo.bpm - low))
    time_axis(axes, 0, analysis.duration, most=8)
    levels(axes, tempo.bpm - reach, tempo.bpm + reach)
    axes.axhline(tempo.bpm, color=colors.MARK, linewidth=0.9, dashes=(4, 3))
    axes.plot(tempo.curve_times, tempo.curve_bpm, color=colors.ACCENT, linewidth=1.3)


def _steadiness(analysis: Analysis) -> str:
    tempo = analysis.tempo
    if tempo.bpm is None or len(tempo.curve_bpm) < 2:
        return ""
    words = notation.steadiness(tempo.variation)
    return f"{words}: beats vary by {100 * tempo.variation:.1f} %"


def _others(axes: Axes, analysis: Analysis) -> None:
    tempo = analysis.tempo
    if tempo.bpm is None:
        say(axes)
        return
    rows = [(tempo.bpm, 1.0)] + [(a.bpm, a.strength) for a in tempo.alternatives[:5]]
    bare(axes)
    places = np.arange(len(rows))[::-1]
    strengths = [strength for _, strength in rows]
    axes.barh(places, [1.0] * len(rows), height=0.52, color=colors.GRID)
    inks = [colors.ACCENT] + [colors.mixed(colors.ACCENT, colors.PAPER, 0.5)] * (len(rows) - 1)
    axes.barh(places, strengths, height=0.52, color=inks)
    for place, (bpm, strength) in zip(places, rows, strict=True):
        axes.text(
            -0.04, place, notation.bpm_text(bpm), ha="right", va="center_baseline", fontsize=8,
            color=colors.INK, weight="bold" if strength == 1.0 and place == len(rows) - 1 else None,
        )  # fmt: skip
        axes.text(
            1.03, place, notation.percent(strength), va="center_baseline", fontsize=7,
            color=colors.MUTED,
        )  # fmt: skip
    axes.set_xlim(0, 1.18)
    axes.set_ylim(-0.6, max(len(rows), 5) - 0.4)
