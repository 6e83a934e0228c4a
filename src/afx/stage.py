"""The stage: what every pattern can do, whatever it is, and how its tones become color.

A pattern is put on a stage: a camera (zoom, turn, spin, pan), a soft current that bends space
(sway, drift), and a grade (contrast, chroma, hue, relief, glow, …). These knobs exist for every
look, so that the default routes of music to pictures work for any pattern. The field transform
lives here; the grade is carried out by ``afx.color``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from afx.field import (
    Field,
    Number,
    Point,
    Program,
    as_expr,
    exp2,
    pixel_point,
    rotate,
    sin_turns,
    trace,
    uniform,
)
from afx.field.knob import Knob, clock, knob, knobs_of


def place(
    p: Point,
    *,
    zoom: Number = knob(
        0.0, -2.0, 3.0, unit="octaves", help="scale of the picture, doubling per 1"
    ),
    turn: Number = knob(0.0, -1.0, 1.0, unit="turns", help="rotation of the picture"),
    spin: Number = clock(0.0, 0.25, lo=-0.25, help="steady rotation, turns per second"),
    pan_x: Number = knob(0.0, -1.0, 1.0, unit="half heights", help="camera to the right"),
    pan_y: Number = knob(0.0, -1.0, 1.0, unit="half heights", help="camera downwards"),
    sway: Number = knob(0.0, 0.0, 1.0, help="how much a soft current bends the space"),
    drift: Number = clock(0.15, 2.0, help="how fast that current changes"),
) -> Point:
    """Return the point of the pattern that a point of the screen shows."""
    scale = exp2(-as_expr(zoom))
    x, y = rotate(p.x, p.y, as_expr(turn) + as_expr(spin))
    x, y = x * scale + pan_x, y * scale + pan_y
    # Two crossing waves a direction, their lengths unrelated so that the current never repeats.
    # 0.15 is about the strongest bend under which space never folds over itself.
    t, amount = as_expr(drift), as_expr(sway) * 0.15
    bent_x = x + amount * (
        sin_turns(y * 0.31 + t * 0.23) + sin_turns(y * 0.73 - x * 0.21 - t * 0.31)
    )
    bent_y = y + amount * (
        sin_turns(x * 0.29 - t * 0.27 + 0.3) + sin_turns(x * 0.67 + y * 0.25 + t * 0.19)
    )
    return Point(bent_x, bent_y, p.pixel * scale)


def _grade(
    *,
    contrast: float = knob(0.5, 0.0, 1.0, help="tone curve: 0 flat, 0.5 as is, 1 steep"),
    lift: float = knob(0.0, -0.3, 0.3, help="moves all tones along the palette"),
    chroma: float = knob(1.0, 0.0, 1.3, unit="×", help="colorfulness"),
    hue: float = knob(0.0, -0.5, 0.5, unit="turns", help="turns the palette's hues"),
    hue_spread: float = knob(1.0, 0.0, 3.0, unit="×", help="how far hue varies over the picture"),
    relief: float = knob(0.0, 0.0, 1.0, help="side light on the tones as a landscape"),
    glow: float = knob(0.0, 0.0, 1.0, help="lifts the highlights"),
    vignette: float = knob(0.15, 0.0, 0.6, help="darker corners"),
    exposure: float = knob(0.0, -1.0, 1.0, unit="stops", help="brightness of the whole picture"),
    warmth: float = knob(0.0, -1.0, 1.0, help="colors lean to blue (−1) or to gold (1)"),
    halo: float = knob(0.0, 0.0, 1.0, help="bloom: light spreads around what is bright"),
    film: float = knob(0.0, 0.0, 1.0, help="a film's tone curve: soft shadows, soft highlights"),
    grain: float = knob(0.0, 0.0, 1.0, help="film grain, still"),
    fringe: float = knob(0.0, 0.0, 1.0, help="colors drift apart towards the edges"),
    cycle: float = clock(0.0, 0.5, lo=-0.5, help="tones travel through the palette, per second"),
) -> None:
    """Declare the grade knobs; `afx.color` carries them out."""


STAGE_KNOBS: tuple[Knob, ...] = knobs_of(place)
GRADE_KNOBS: tuple[Knob, ...] = knobs_of(_grade)


def staged(function: Callable[..., Any]) -> Program:
    """Trace a pattern on the stage into a program with outputs ``tone``, ``hue`` and ``mask``.

    Its knobs are the pattern's own, then the stage's. A pattern that folds the screen, before the
    camera, says so by an attribute ``screen`` of its function: from a point to a point.
    """
    screen: Callable[[Point], Point] = getattr(function, "screen", lambda p: p)
    at = place(screen(pixel_point()), **{k.name: uniform(k.name) for k in STAGE_KNOBS})
    made: Field = trace(function, at)
    names = tuple(k.name for k in knobs_of(function)) + tuple(k.name for k in STAGE_KNOBS)
    outputs = (
        ("tone", as_expr(made.tone, "f")),
        ("hue", as_expr(made.hue, "f")),
        ("mask", as_expr(made.mask, "f")),
    )
    return Program(outputs, names)
