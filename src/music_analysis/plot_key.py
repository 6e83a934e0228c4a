"""The key picture: the ranking, the circle of fifths, and the key along the song."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.key import Key
from music_analysis.plot_style import (
    INSIDE,
    LEFT,
    Sheet,
    answer,
    bare,
    fitted,
    ribbon,
    say,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS: Final = 8
_MAJORS: Final = ("C", "G", "D", "A", "E", "B", "Gb", "Db", "Ab", "Eb", "Bb", "F")
_MINORS: Final = ("A", "E", "B", "F#", "C#", "G#", "Eb", "Bb", "F", "C", "G", "D")


def draw(analysis: Analysis) -> Sheet:
    """Draw the key, its rivals and its changes."""
    key = analysis.key
    big, remark = answer(key.label and notation.key_name(key.label), key.confidence)
    if key.camelot:
        remark += f" · Camelot {key.camelot}"
    if key.label and abs(key.tuning_hz - 440) >= 1:
        remark += f" · A = {key.tuning_hz:.0f} Hz"
    sheet = Sheet(analysis, big, remark, 4.75)
    circle_size = 3.35
    ranking = sheet.axes(
        0.05, circle_size, x=LEFT + 0.7, width=INSIDE - circle_size - 1.6, title="Ranking"
    )
    _ranking(ranking, key)
    circle = sheet.axes(
        0.05,
        circle_size,
        x=LEFT + INSIDE - circle_size,
        width=circle_size,
        title="Circle of fifths" if key.ranking else "",
    )
    draw_circle(circle, key)
    along = sheet.axes(3.95, 0.5, title="Key along the song", note=changes(key))
    draw_segments(along, analysis)
    return sheet


def changes(key: Key) -> str:
    """Say in a few words how often the key changes."""
    if not key.label:
        return ""
    count = len(key.modulations)
    if not count:
        return "no modulation"
    first = key.modulations[0]
    words = f"{notation.key_name(first.before)} to {notation.key_name(first.after)}"
    words += f" at {notation.clock(first.time)}"
    return words if count == 1 else f"{count} modulations, the first {words}"


def draw_segments(axes: Axes, analysis: Analysis) -> None:
    """Draw the keys along the song as a band, with marks at modulations."""
    key = analysis.key
    if not key.segments:
        say(axes)
        return
    time_axis(axes, 0, analysis.duration)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    blocks = []
    for segment in key.segments:
        color = colors.chord_color(
            notation.pitch_class(segment.label), notation.is_minor(segment.label)
        )
        faded = colors.mixed(color, colors.PAPER, 0.35 + 0.65 * segment.confidence)
        name = notation.key_name(segment.label)
        wide = (segment.end - segment.start) / max(analysis.duration, 1e-3) > 0.014 * len(name)
        label = name if wide else notation.key_short(segment.label)
        unsure = "?" if segment.confidence < 0.5 else ""
        blocks.append((segment.start, segment.end, faded, label + unsure))
    ribbon(axes, blocks, size=8)
    axes.vlines([m.time for m in key.modulations], 0, 1, color=colors.MARK, linewidth=1.4)


def _ranking(axes: Axes, key: Key) -> None:
    if not key.ranking:
        say(axes)
        return
    bare(axes)
    top = key.ranking[:_BARS]
    most = max(top[0].strength, 1e-6)
    for place, one in zip(range(len(top) - 1, -1, -1), top, strict=True):
        first = place == len(top) - 1
        ink = colors.ACCENT if first else colors.mixed(colors.ACCENT, colors.PAPER, 0.5)
        axes.barh(place, 1.0, height=0.56, color=colors.GRID)
        axes.barh(place, one.strength / most, height=0.56, color=ink)
        axes.text(
            -0.03, place, notation.key_name(one.label), ha="right", va="center_baseline",
            fontsize=8.5, color=colors.INK, weight="bold" if first else None,
        )  # fmt: skip
        axes.text(
            1.02, place, notation.percent(one.strength), va="center_baseline", fontsize=7.5,
            color=colors.MUTED,
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.5, _BARS - 0.5)


def draw_circle(axes: Axes, key: Key, *, size: float = 1.0) -> None:
    """Draw the circle of fifths: majors outside, minors inside, darker where belief is stronger."""
    from matplotlib.patches import Circle, Wedge

    bare(axes)
    if not key.ranking:
        say(axes)
        return
    axes.set_aspect("equal")
    axes.set_xlim(-1.03, 1.03)
    axes.set_ylim(-1.03, 1.03)
    belief = {_place(one.label): one.strength for one in key.ranking}
    most = max(max(belief.values()), 1e-6)
    best = _place(key.label) if key.label else None
    for ring, (names, outer, inner) in enumerate(((_MAJORS, 1.0, 0.68), (_MINORS, 0.68, 0.38))):
        for k, name in enumerate(names):
            root = notation.pitch_class(name)
            # the square root lets the rivals be seen beside the best
            share = math.sqrt(belief.get((root, bool(ring)), 0.0) / most)
            color = _shade(share)
            middle = 90 - 30 * k
            axes.add_patch(
                Wedge(
                    (0, 0), outer, middle - 15, middle + 15, width=outer - inner, facecolor=color,
                    edgecolor=colors.PAPER, linewidth=1.2,
                )
            )  # fmt: skip
            where = (outer + inner) / 2
            axes.text(
                where * math.cos(math.radians(middle)), where * math.sin(math.radians(middle)),
                notation.key_short(f"{name} {'minor' if ring else 'major'}"),
                ha="center", va="center_baseline", fontsize=(8 if ring else 10) * size,
                color=colors.PAPER if share > 0.62 else colors.INK,
                weight="bold" if (root, bool(ring)) == best else None,
            )  # fmt: skip
            if (root, bool(ring)) == best:
                axes.add_patch(
                    Wedge(
                        (0, 0), outer, middle - 15, middle + 15, width=outer - inner, fill=False,
                        edgecolor=colors.MARK, linewidth=2, zorder=3,
                    )
                )  # fmt: skip
    axes.add_patch(Circle((0, 0), 0.38, facecolor=colors.PAPER, edgecolor="none"))
    axes.text(
        0, 0, key.camelot or fitted("?", 1), ha="center", va="center_baseline",
        fontsize=13 * size, weight="bold", color=colors.INK,
    )  # fmt: skip


def _place(label: str) -> tuple[int | None, bool]:
    return notation.pitch_class(label), notation.is_minor(label)


def _shade(share: float) -> str:
    """Color of a belief in [0, 1]."""
    at = 0.35 + 6.2 * share**1.4
    low = int(at)
    return colors.mixed(colors.SCALE[low + 1], colors.SCALE[low], at - low)
