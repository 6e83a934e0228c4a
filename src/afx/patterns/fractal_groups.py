"""Fractals of inversion: circles turned inside out, and limit sets of Möbius groups.

What is finer than a pixel fades into its mean. Positions are in half heights; angles in turns
unless said otherwise.
"""

from __future__ import annotations

import math

from afx.field import (
    TAU,
    Expr,
    Field,
    Point,
    absolute,
    atan2,
    clamp,
    clock,
    cos_turns,
    exp2,
    floor,
    fract,
    iterate,
    knob,
    log2,
    maximum,
    minimum,
    mix,
    select,
    sin_turns,
    smoothstep,
    sqrt,
)
from afx.patterns.registry import pattern


@pattern(
    family="fractal",
    title="Apollonian lace",
    source="Inversion in circles, after Apollonius; folding as in I. Quilez, 'Apollonian' (2013)",
)
def apollonian(
    p: Point,
    *,
    phase: Expr = clock(0.05, 0.2, help="how fast the circles travel through each other"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="size of the inverting circles: lace to bubbles"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the fine circles"),
    warp: Expr = knob(0.4, 0.0, 1.0, help="how strongly space is turned inside out"),
    density: Expr = knob(0.4, 0.0, 1.0, help="thickness of the lines"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="circles swell like bubbles"),
) -> Field:
    """Circles kissing circles without end, turned inside out around a wandering lens."""
    ax = 0.9 * sin_turns(phase * 0.37)
    ay = 0.5 * cos_turns(phase * 0.29)
    dx, dy = p.x - ax, p.y - ay
    # Inversion in a circle around a wandering point, softened so that its middle stays finite.
    lens = 1.4 + 1.2 * warp / (dx * dx + dy * dy + 0.55)
    x = dx * lens + 0.3 * sin_turns(phase * 0.5 + 0.2) + 1.0
    y = dy * lens + phase * 0.6
    size = 1.04 + 0.22 * morph + 0.03 * pulse + 0.04 * sin_turns(phase * 0.61)
    gain = 0.6 + 0.3 * detail

    def step(x, y, scale, total, norm, weight):  # type: ignore[no-untyped-def]
        x, y = 2.0 * fract(x * 0.5 + 0.5) - 1.0, 2.0 * fract(y * 0.5 + 0.5) - 1.0
        r2 = x * x + y * y + 1e-5
        k = size / r2
        bubble = r2 * (2.0 - r2)
        return (
            x * k,
            y * k,
            scale * k,
            total + weight * bubble,
            norm + weight,
            weight * gain,
        )

    x, y, scale, total, norm, _ = iterate(7, (x, y, lens, 0.0, 0.0, 1.0), step)
    distance = minimum(absolute(x), absolute(y)) / scale
    wide = (0.002 + 0.014 * density) * (1.0 + pulse)
    edge = wide / (wide + distance + 0.7 * p.pixel)
    depth = log2(scale)
    # Rings that spread from the lace into the open circles and die away.
    octaves = log2(distance + 0.002)
    open_ = clamp(1.2 + octaves * 0.18)
    # A light that wanders behind the window.
    light = 1.0 / (1.0 + 1.4 * (dx * dx + dy * dy))
    rings = (0.5 + 0.5 * cos_turns(octaves * 1.3 + phase * 2.0)) * open_
    tone = 0.02 + 0.038 * depth + (0.10 + 0.25 * detail) * (1.0 - total / norm) + 0.30 * edge
    tone = tone + ((0.08 + 0.12 * detail) * rings + 0.66 * light * open_) * (1.0 - edge)
    # Circles smaller than some pixels become the lace's mean: as foam they would be noise.
    seen = smoothstep(0.3, 3.4, 1.0 / (scale * p.pixel))
    tone = mix(0.52, tone, seen)
    hue = (0.20 * (total / norm - 0.6) + 0.10 * edge) * seen - 0.08 * open_
    return Field(tone=clamp(tone), hue=hue)


@pattern(
    family="fractal",
    title="Kleinian pearls",
    source="Limit sets of two-generator groups: Mumford, Series & Wright, 'Indra's Pearls' (2002);"
    " escape-time drawing: J. Leys (2016)",
)
def kleinian(
    p: Point,
    *,
    phase: Expr = clock(0.05, 0.2, help="how fast the group bends and the curls wind"),
    travel: Expr = clock(0.10, 0.4, help="how fast one falls through the rings"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="from plump pearls to winding chains"),
    warp: Expr = knob(0.3, 0.0, 1.0, help="winds the rings into a spiral"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="light on the smallest pearls"),
    density: Expr = knob(0.5, 0.0, 1.0, help="glow around the chains"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the rim of every pearl lights up"),
) -> Field:
    """Chains of pearls curl into pearls: rings of a Möbius group's limit set, falling inwards."""
    fold = 4
    a = 1.868 + 0.060 * morph + 0.012 * sin_turns(phase)
    # The group is discrete only outside a border, which runs about like this near b = 0.05.
    b = 0.088 - 0.68 * (a - 1.86) + 0.010 + 0.010 * sin_turns(phase * 0.71 + 0.2)
    shear = b / a
    # The group's band 0 < y < a, of period 2 in x, becomes rings around a center.
    r2 = p.x * p.x + p.y * p.y + 1e-6
    octave = log2(r2) * 0.5
    angle = atan2(p.y, p.x) * (1.0 / TAU)
    x = angle * (2.0 * fold) + warp * octave * 0.5
    # The fall counts rings, not lengths: however far it went, a ring that grows does not make it
    # jump.
    y = octave * (-math.log(2.0) * fold / math.pi) + fract(travel * (1.0 / 1.9)) * a
    y = y - floor(y / a) * a
    local = p.pixel * (fold / math.pi) / sqrt(r2)
    power = 7.2 - (1.95 - a) * 15.0
    bulge = (2.0 * a - 1.95) * 0.25

    def step(x, y, ox, oy, _gap, scale):  # type: ignore[no-untyped-def]
        u = x + shear * y
        u = u - 2.0 * floor(u * 0.5 + 0.5) - shear * y
        side = u + b * 0.5
        far = absolute(side) * power
        # Close to 1 - exp(-far): the two sides of the fundamental region meet on this curve.
        bend = 1.0 - 1.0 / (1.0 + far + 0.5 * far * far)
        wall = a * 0.5 + bulge * select(side < 0.0, -bend, bend)
        over = y >= wall
        tx, ty = select(over, -b - u, u), select(over, a - y, y)
        r2 = tx * tx + ty * ty
        inverse = 1.0 / (r2 + 1e-9)
        nx, ny = tx * inverse - b, a - ty * inverse
        # Points outside the chains fall into a cycle of two.
        back = absolute(nx - ox) + absolute(ny - oy)
        return nx, ny, x, y, back, minimum(scale * maximum(inverse, 1.0), 1e18)

    x, y, _, _, _, scale = iterate(
        20,
        (x, y, 9.0, 9.0, 9.0, 1.0),
        step,
        until=lambda _x, y, _ox, _oy, gap, *_: (y < 0.0) | (y > a) | (gap < 1e-4),
    )
    pearl = (y < 0.0) | (y > a)
    distance = maximum(-y, y - a)  # inside a pearl, to its rim, in the last step's space
    size = 1.0 / (scale * local)  # of the smallest thing here, in pixels
    # Borders of pearls are soft, so that they slide over the pixels and do not hop.
    soft = smoothstep(-0.5, 1.5, maximum(distance, 0.0) * size)
    fade = smoothstep(0.8, 6.0, size) * select(pearl, soft, 1.0)
    depth = log2(scale)
    rim = exp2(-maximum(distance, 0.0) * (2.2 - 0.8 * pulse))
    body = 0.16 + 0.030 * depth + (0.28 + 0.46 * pulse) * rim + (0.04 + 0.14 * detail) * (1.0 - rim)
    ground = 0.02 + (0.035 + 0.045 * density) * depth
    # One falls towards a light: the rings in the middle are brightest.
    light = 0.60 + 0.65 / (1.0 + 2.2 * r2)
    tone = mix(0.34 + 0.20 * detail, select(pearl, body, ground), fade) * light
    hue = select(pearl, 0.10 - 0.20 * (1.0 - rim), -0.05) * fade
    return Field(tone=clamp(tone), hue=hue)
