"""Correlation over lag as a picture: when the picture answers, and what chance gives."""

from __future__ import annotations

import html

import numpy as np

from afx.judge.reactivity import EARLIEST, LATEST, REACH, Link


def lag_plot(own: Link, other: Link | None = None) -> str:
    """Draw correlation over lag as SVG, with what chance gives."""
    width, height, left, bottom, top = 560, 250, 40, 216, 12
    reach = REACH + 0.05
    high = max(0.5, float(own.curve.max()) + 0.08)
    low = min(-0.1, float(own.curve.min()) - 0.05, own.chance[0] - 0.03)

    def x(lag: float) -> float:
        return round(left + (lag + reach) / (2 * reach) * (width - left - 10), 1)

    def y(r: float) -> float:
        return round(bottom - (r - low) / (high - low) * (bottom - top), 1)

    def box(a: float, b: float, r1: float, r2: float, name: str) -> str:
        return (
            f'<rect class="{name}" x="{x(a)}" y="{y(r2)}" width="{x(b) - x(a):.1f}"'
            f' height="{y(r1) - y(r2):.1f}"/>'
        )

    def curve(link: Link, name: str) -> str:
        points = " ".join(f"{x(t)},{y(r)}" for t, r in zip(link.lags, link.curve, strict=True))
        return f'<polyline class="{name}" points="{points}"/>'

    drawn = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Correlation over lag">',
        box(-reach, reach, *own.chance, "band"),
        box(EARLIEST, LATEST, low, high, "good"),
        f'<line class="axis" x1="{left}" x2="{width - 10}" y1="{y(0)}" y2="{y(0)}"/>',
        f'<line class="axis" x1="{x(0)}" x2="{x(0)}" y1="{top}" y2="{bottom}"/>',
        f'<line class="chance" x1="{left}" x2="{width - 10}" y1="{y(own.best_chance)}"'
        f' y2="{y(own.best_chance)}"/>',
    ]
    for r in np.arange(0.0, high, 0.2):
        drawn.append(f'<text x="{left - 8}" y="{y(r) + 4}" text-anchor="end">{r:.1f}</text>')
    for ms in (-200, -100, 0, 100, 200):
        words = f"{ms} ms".replace("-", "−")
        drawn.append(
            f'<text x="{x(ms / 1000)}" y="{height - 14}" text-anchor="middle">{words}</text>'
        )
    middle = x(0.5 * (EARLIEST + LATEST))
    drawn.append(f'<text x="{middle}" y="{bottom - 5}" text-anchor="middle">in time</text>')
    if other is not None:
        drawn.append(curve(other, "other"))
        drawn.append(
            f'<text class="other" x="{x(other.lags[0])}" y="{y(other.curve[0]) - 7}">'
            "another song</text>"
        )
    drawn.append(curve(own, "curve"))
    k = int(own.curve.argmax())
    best = html.escape(f"r {own.r:.2f}")
    drawn += [
        f'<circle class="best" cx="{x(own.lags[k])}" cy="{y(own.curve[k])}" r="5"/>',
        f'<text class="strong" x="{x(own.lags[k]) + 9}" y="{y(own.curve[k]) - 4}">{best}</text>',
        "</svg>",
    ]
    return "".join(drawn)
