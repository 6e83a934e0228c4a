"""What the pictures have in common: paper, type, headings and axes.

A :class:`Sheet` is one picture, laid out in inches from its top left corner, so that nothing moves
when a label grows and every picture keeps the same margins. It is drawn by matplotlib's Agg canvas
without pyplot: no global state, and a third of the time to import.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from music_analysis import colors, notation
from music_analysis.analysis import Analysis
from music_analysis.windows import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap

WIDTH: Final = 9.0  # inches; 1,800 pixels
DPI: Final = 200
LEFT: Final = 0.62  # inches: room for the labels of the axes
RIGHT: Final = 0.4
TOP: Final = 1.22  # inches: the heading
BOTTOM: Final = 0.5
INSIDE: Final = WIDTH - LEFT - RIGHT
_USUAL: Final = "DejaVu Sans"
_OTHER_LETTERS: Final = (  # for names that are not written in Latin, Greek, Cyrillic, Arabic
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)
_COLUMNS: Final = 1400  # what is drawn of a curve: about the pixels there are


class Sheet:
    """One picture: ``height`` inches high, with a heading.

    Parameters
    ----------
    analysis
        Whose name stands at the left of the heading.
    answer, remark
        What the picture says, in large type at the right, and a line below it.
    height
        Inches below the heading, without the bottom margin.
    """

    def __init__(self, analysis: Analysis, answer: str, remark: str, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.height = TOP + height + BOTTOM
        self.figure = Figure(figsize=(WIDTH, self.height), dpi=DPI, facecolor=colors.PAPER)
        FigureCanvasAgg(self.figure)
        # song names may hold dollar signs: they are names, not formulas
        name = analysis.title or Path(analysis.file).stem or "untitled"
        below = [analysis.artist] if analysis.artist else []
        below.append(notation.clock(analysis.duration))
        self.text(LEFT, 0.47, fitted(name, 34), size=17, weight="bold")
        self.text(LEFT, 0.76, fitted(" · ".join(below), 62), size=9, color=colors.MUTED)
        right = WIDTH - RIGHT
        ink = colors.MUTED if answer.endswith("?") or answer == notation.NOT_SURE else colors.ACCENT
        self.text(right, 0.47, answer, size=17, weight="bold", ha="right", color=ink)
        self.text(right, 0.76, remark, size=9, color=colors.MUTED, ha="right")

    def text(self, x: float, y: float, words: str, **style: Any) -> None:
        """Write at ``x``, ``y`` inches from the top left corner, on the baseline."""
        style = {"color": colors.INK, "va": "baseline", **style}
        style["fontsize"] = style.pop("size", 8)
        words, families = printable(words)
        if families:
            style["fontfamily"] = families
        self.figure.text(x / WIDTH, 1 - y / self.height, words, parse_math=False, **style)

    def axes(
        self,
        top: float,
        height: float,
        *,
        x: float = LEFT,
        width: float = INSIDE,
        title: str = "",
        note: str = "",
    ) -> Axes:
        """Add axes ``top`` inches below the heading; title and note stand above their ends."""
        bottom = self.height - TOP - top - height
        made = self.figure.add_axes(
            (x / WIDTH, bottom / self.height, width / WIDTH, height / self.height)
        )
        made.set_facecolor("none")
        for side in ("top", "right", "left"):
            made.spines[side].set_visible(False)
        made.spines["bottom"].set_color(colors.FAINT)
        made.tick_params(colors=colors.MUTED, labelsize=7, length=0, pad=3)
        if title:
            self.text(x, TOP + top - 0.09, title, size=8, color=colors.MUTED, weight="bold")
        if note:
            self.text(x + width, TOP + top - 0.09, note, size=7, color=colors.MUTED, ha="right")
        return made

    def save(self, path: Path) -> None:
        """Write a PNG."""
        self.figure.savefig(path, format="png", pil_kwargs={"compress_level": 3})


def printable(words: str) -> tuple[str, list[str]]:
    """Words that can be drawn, and the font families for them where the usual one has no letters.

    What none of this machine's fonts has becomes a replacement mark.
    """
    missing = set(words) - _letters(_USUAL)
    if not missing:
        return words, []
    from matplotlib.font_manager import fontManager

    here = {entry.name for entry in fontManager.ttflist}
    families = [_USUAL]
    for name in _OTHER_LETTERS:
        if missing and name in here and missing & _letters(name):
            families.append(name)
            missing -= _letters(name)
    return "".join("\N{REPLACEMENT CHARACTER}" if c in missing else c for c in words), families


@functools.cache
def _letters(family: str) -> frozenset[str]:
    """All characters that a font has."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(map(chr, get_font(findfont(family)).get_charmap()))


def fitted(words: str, most: int) -> str:
    """Cut to ``most`` characters, on one line."""
    words = " ".join(words.split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def time_axis(axes: Axes, start: float, end: float, *, labels: bool = True, most: int = 12) -> None:
    """Make the x axis one of minutes and seconds."""
    end = max(end, start + 1e-3)
    axes.set_xlim(start, end)
    step = notation.tick_step(end - start, most)
    ticks = np.arange(np.ceil(start / step) * step, end + 1e-9, step)
    tenths = step < 1
    names = [notation.clock(t, tenths=tenths) for t in ticks] if labels else []
    axes.set_xticks(ticks, names if labels else [""] * len(ticks))


def levels(axes: Axes, low: float, high: float, most: int = 6) -> None:
    """Make the y axis one of values, with lines at whole numbers or nice parts of them."""
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(low, high)
    edge = 0.06 * (high - low)
    ticks = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    shown = [float(t) for t in ticks if low + edge <= t <= high - edge]
    axes.set_yticks(shown, [f"{t:.10g}".replace("-", "−") for t in shown])
    axes.grid(axis="y", color=colors.GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def bare(axes: Axes) -> None:
    """Leave nothing but what is drawn."""
    axes.set_yticks([])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def say(axes: Axes, words: str = notation.NO_ANSWER) -> None:
    """Say in the middle of empty axes why they are empty."""
    bare(axes)
    axes.set_facecolor("#f5f6f8")
    axes.text(
        0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=9,
        color=colors.MUTED, style="italic",
    )  # fmt: skip


def wave(axes: Axes, analysis: Analysis, start: float, end: float, **style: Any) -> None:
    """Draw the waveform from ``start`` to ``end`` seconds, in as many columns as can be seen."""
    columns, rate = analysis.wave, 20.0
    first, last = int(start * rate), int(np.ceil(end * rate))
    part = columns[first:last]
    if not len(part):
        say(axes, "no sound")
        return
    size = max(1, -(-len(part) // _COLUMNS))
    low, high = _pooled(part[:, 0], size, np.min), _pooled(part[:, 1], size, np.max)
    times = (first + (np.arange(len(low)) + 0.5) * size) / rate
    top = max(float(np.abs(part).max()), 1e-3)
    style = {"color": colors.ACCENT, "linewidth": 0, **style}
    axes.fill_between(times, low / top, high / top, step="mid", **style)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks([])
    axes.set_xlim(start, end)


def _pooled(values: Floats, size: int, pool: Any) -> Floats:
    padded = np.concatenate([values, np.full(-len(values) % size, values[-1], np.float32)])
    return np.asarray(pool(padded.reshape(-1, size), axis=1), np.float32)


def ribbon(
    axes: Axes,
    blocks: Sequence[tuple[float, float, str, str]],
    *,
    low: float = 0.0,
    high: float = 1.0,
    size: float = 7.0,
    gap: float = 0.0,
) -> None:
    """Draw blocks (start, end, color, label) side by side, labels where they fit.

    The limits and the place of the axes must be set before: they say how wide a letter is.
    """
    from matplotlib.collections import PolyCollection

    shapes = [
        ((a + gap, low), (b - gap, low), (b - gap, high), (a + gap, high)) for a, b, _, _ in blocks
    ]
    first, last = axes.get_xlim()
    pixel = (last - first) / (axes.get_position().width * WIDTH * DPI)  # seconds
    axes.add_collection(
        PolyCollection(
            shapes,
            facecolors=[c for _, _, c, _ in blocks],
            edgecolors=colors.PAPER,
            # a gap as wide as its block would leave nothing of it
            linewidths=[0.6 if b - a > 8 * pixel else 0.0 for a, b, _, _ in blocks],
        )
    )
    # seconds that a letter of one point takes: DejaVu's letters are 0.6 of their size wide
    letter = 0.6 / 72 * (last - first) / (axes.get_position().width * WIDTH)
    for start, end, _, label in blocks:
        start, end = max(start, first), min(end, last)
        length = max(map(len, label.split("\n"))) * letter + letter
        fits = [s for s in (size, 0.9 * size, 0.8 * size) if length * s <= end - start]
        if label and fits:
            axes.text(
                (start + end) / 2, (low + high) / 2, label, fontsize=fits[0], ha="center",
                va="center" if "\n" in label else "center_baseline", color=colors.INK,
                linespacing=1.15, parse_math=False,
            )  # fmt: skip


def scale() -> LinearSegmentedColormap:
    """Color map from paper to ink."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ink", list(colors.SCALE))


def answer(words: str | None, confidence: float) -> tuple[str, str]:
    """Heading and remark of a picture: the answer and how sure it is, or that there is none."""
    if words is None:
        return notation.NOT_SURE, notation.NO_ANSWER
    sure = f"{notation.sureness(confidence)} ({100 * confidence:.0f} %)"
    return (words if confidence >= 0.5 else f"{words}?"), sure
