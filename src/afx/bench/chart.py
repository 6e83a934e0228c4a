"""Line charts as SVG text: small, sharp, colored by the page's style, readable without scripts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 400, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 8, 12, 50


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes
    ----------
    name : str
    points : sequence of (float, float)
        Positive where the axis is logarithmic.
    """

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    ticks: Sequence[tuple[float, str]],
    ideal: Line | None = None,
) -> str:
    """Return a chart with a logarithmic x axis and a y axis from 0.

    Parameters
    ----------
    lines : sequence of Line
        At most four: the style has so many colors.
    x_label, y_label : str
    ticks : sequence of (float, str)
        Where the x axis is marked, and with what.
    ideal : Line, optional
        Drawn dashed, as what could be at best.
    """
    drawn = [*lines, *([ideal] if ideal else [])]
    xs = [x for line in drawn for x, _ in line.points] + [x for x, _ in ticks]
    low, high = math.log(min(xs)), math.log(max(xs))
    steps = _steps(max(y for line in drawn for _, y in line.points))
    top = steps[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - low) / (high - low) if high > low else 0.5
        return (
            _LEFT + 16 + across * (WIDTH - _LEFT - _RIGHT - 38),
            HEIGHT - _BOTTOM - y / top * (HEIGHT - _TOP - _BOTTOM),
        )

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(y_label)} by {escape(x_label)}">'
    ]
    for step in steps:
        y = place(math.exp(low), step)[1]
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4.5:.1f}" class="end">{step:g}</text>')
    for value, text in ticks:
        x = place(value, 0)[0]
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 22}" class="mid">{escape(text)}</text>'
        )
    parts.append(
        f'<text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 8}" class="mid">{escape(x_label)}</text>'
    )
    if ideal is not None:
        parts.append(f'<path class="line ideal" d="{_path(ideal, place)}"/>')
    for index, line in enumerate(lines):
        parts.append(f'<path class="line c{index}" d="{_path(line, place)}"/>')
        for x, y in line.points:
            across, down = place(x, y)
            parts.append(
                f'<circle class="dot c{index}" cx="{across:.1f}" cy="{down:.1f}" r="4.5">'
                f"<title>{escape(line.name)}: {y:.3g} {escape(y_label)}</title></circle>"
            )
    return "".join(parts) + "</svg>"


def _path(line: Line, place: Callable[[float, float], tuple[float, float]]) -> str:
    points = (place(x, y) for x, y in line.points)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _steps(highest: float) -> list[float]:
    """Return three to six round numbers from 0 to at least the highest."""
    rough = max(highest, 1e-9) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= rough)
    return [step * k for k in range(math.ceil(highest / step - 1e-9) + 1)]
