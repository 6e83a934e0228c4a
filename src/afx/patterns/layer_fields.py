"""What layers do to a point and to a field: bend, draw lights and shadows, draw contour lines.

Coordinate modulation after Olivia Jack's Hydra; what is bent and drawn here are fields, so that the
whole stays one picture in one palette. Each function is told its layer's knobs by the names that
the layer's pattern knows them under, and its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from afx.field import (
    Expr,
    Field,
    Number,
    Point,
    absolute,
    as_expr,
    clamp,
    cos_turns,
    exp2,
    floor,
    knob,
    knobs_of,
    maximum,
    minimum,
    select,
    sin_turns,
    smoothstep,
    sqrt,
    trace,
)  # fmt: skip
from afx.field.program import networks_called

Traced = Callable[..., Field]
"""A pattern's function."""
Held = Mapping[str, Expr]

SOFT = 0.03
"""Size of the pixels, in half heights, that a warp is asked for: its edges would tear the picture,
and patterns smooth over pixels what is sharp."""

REACH = 0.10
"""Radius of the circle on which amount 1 moves a point, in half heights where the warp's own forms
are as large as its pattern has them."""

TURNS = 0.6
"""How far around it goes from the darkest to the lightest tone. With these two a point goes 0.38
half heights for a whole tone, and patterns change their tone, softened, once in half a height:
farther, and space would fold over itself."""

STRETCH = 0.7
"""How much longer a pixel becomes at amount 1, on the whole, so that lines stay smooth."""

MIDDLE = 0.42
"""Tone of an ink that neither lightens nor darkens: near the median of most patterns."""


def warp_knobs(
    *,
    amount: float = knob(0.5, 0.0, 1.0, help="how far the warp bends the picture"),
    zoom: float = knob(1.0, -3.0, 3.0, unit="octaves", help="scale of the warp, doubling per 1"),
) -> None:
    """Declare a warp's own knobs; its layer's name is put before theirs."""


def ink_knobs(
    *,
    amount: float = knob(0.5, 0.0, 1.0, help="how strongly the ink is drawn"),
    zoom: float = knob(0.0, -3.0, 3.0, unit="octaves", help="scale of the ink, doubling per 1"),
) -> None:
    """Declare an ink's own knobs."""


def line_knobs(
    *,
    amount: float = knob(0.5, 0.0, 1.0, help="how strongly the ink is drawn"),
    zoom: float = knob(0.0, -3.0, 3.0, unit="octaves", help="scale of the ink, doubling per 1"),
    tone: float = knob(1.0, 0.0, 1.0, help="the lines' place in the palette, dark to light"),
    levels: float = knob(6.0, 1.0, 24.0, unit="lines", help="contour lines from dark to light"),
    width: float = knob(0.4, 0.0, 1.0, help="how bold the lines are"),
) -> None:
    """Declare the own knobs of an ink of lines."""


def _asked(function: Traced, p: Point, held: Held, layer: str) -> Field:
    with networks_called(f"{layer}."):
        return trace(function, p, {k.name: held[k.name] for k in knobs_of(function)})


def bent(p: Point, warp: Traced, held: Held) -> Point:
    """Return the point that is seen through the warp.

    It lies on a circle, and the warp's tone says where: so the warp bends both directions and jumps
    nowhere. A middling tone leaves a point where it is, lest the picture as a whole goes away.
    """
    scale = exp2(-held["zoom"])
    pixel = maximum(p.pixel * scale, SOFT)
    seen = _asked(warp, Point(p.x * scale, p.y * scale, pixel), held, "warp")
    turn = (as_expr(seen.tone) - MIDDLE) * TURNS + as_expr(seen.hue) * 0.5
    amount = held["amount"]
    reach = amount * REACH / scale * clamp(seen.mask)
    return Point(
        p.x + reach * sin_turns(turn),
        p.y + reach * (1.0 - cos_turns(turn)),
        p.pixel * (1.0 + STRETCH * amount),
    )


def inked(base: Field, p: Point, ink: Traced, held: Held, direct: bool) -> Field:
    """Return the base with the ink's lights and shadows drawn into it."""
    scale = exp2(-held["zoom"])
    seen = _asked(ink, Point(p.x * scale, p.y * scale, p.pixel * scale), held, "ink")
    # What is of middle tone leaves the base as it is.
    light = clamp((as_expr(seen.tone) - MIDDLE) * 2.0, -1.0, 1.0)
    share = light * light * held["amount"] * clamp(seen.mask)
    tone = as_expr(base.tone)
    end = select(light > 0.0, maximum(tone, 1.0), minimum(tone, 0.0))
    return _drawn(base, share, end, seen.hue, direct)


def lined(base: Field, p: Point, ink: Traced, held: Held, direct: bool) -> Field:
    """Return the base with the ink's contour lines drawn into it."""
    scale = exp2(-held["zoom"])
    pixel = p.pixel * scale
    x, y = p.x * scale, p.y * scale
    seen = _asked(ink, Point(x, y, pixel), held, "ink")
    tone = as_expr(seen.tone)
    dx = (as_expr(_asked(ink, Point(x + pixel, y, pixel), held, "ink").tone) - tone) / pixel
    dy = (as_expr(_asked(ink, Point(x, y + pixel, pixel), held, "ink").tone) - tone) / pixel
    slope = sqrt(dx * dx + dy * dy) * scale
    level = tone * held["levels"]
    # As on maps, every fourth line is bolder.
    whole = floor(level)
    bold = select(whole - floor(whole * 0.25) * 4.0 < 0.5, 1.7, 1.0)
    half = maximum((0.0012 + 0.007 * held["width"]) * bold, p.pixel * 0.5)
    apart = 1.0 / (held["levels"] * maximum(slope, 1e-4))
    away = absolute(level - whole - 0.5) * apart
    soft = p.pixel * 0.75
    stroke = 1.0 - smoothstep(half - soft, half + soft, away)
    # On a plateau there is no line, and on a cliff there is no room for several.
    stroke = stroke * smoothstep(0.02, 0.2, slope) * smoothstep(half * 2.0, half * 5.0, apart)
    share = stroke * held["amount"] * clamp(seen.mask)
    return _drawn(base, share, held["tone"], 0.0, direct)


def _drawn(base: Field, share: Expr, tone: Number, hue: Number, direct: bool) -> Field:
    """Return a field brought to a tone by a share; nothing is rounded where the share is 0."""
    old = as_expr(base.tone)
    made = old + (as_expr(tone) - old) * share
    if direct:  # hue and mask are the other two parts of its color
        return Field(made, base.hue, base.mask)
    turned = as_expr(base.hue) + (as_expr(hue) - base.hue) * share
    return Field(made, turned, as_expr(base.mask) + (1.0 - as_expr(base.mask)) * share)
