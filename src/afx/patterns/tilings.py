"""Geometric patterns made of tiles: flowing arcs, star lattices, hyperbolic and mirrored space.

Edges are anti-aliased by the size of a pixel in the tile's own space, and tiles that become smaller
than a few pixels fade into their mean. Positions are in half heights; angles in turns.
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
    fbm,
    floor,
    fract,
    hash_cell,
    iterate,
    knob,
    length,
    line,
    log,
    maximum,
    minimum,
    mix,
    mod,
    noise,
    rotate,
    select,
    sin_turns,
    smooth_minimum,
    smoothstep,
    sqrt,
    to_int,
    unit_float,
)
from afx.patterns.registry import pattern


@pattern(
    family="geometric",
    title="Truchet spiral",
    source="Tiles with two arcs: S. Truchet (1704), C. S. Smith (1987); on a logarithmic spiral",
)
def truchet(
    p: Point,
    *,
    phase: Expr = clock(0.10, 0.4, help="how fast the spiral is traveled"),
    flow: Expr = clock(0.25, 1.0, help="how fast light runs along the bands"),
    shuffle: Expr = clock(0.06, 0.24, help="how often tiles turn and join other paths"),
    morph: Expr = knob(0.35, 0.0, 1.0, help="width of the bands"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the threads along the bands"),
    warp: Expr = knob(0.2, 0.0, 1.0, help="bends the spiral's arms"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the bands swell"),
) -> Field:
    """Endless bands knot themselves along a spiral that one travels into; light runs in them."""
    # Log-polar space: one turn around the center is the lattice vector (9, 3).
    columns, rows = 9, 3
    x, y = p.x - 0.35, p.y + 0.12
    r2 = x * x + y * y + 1e-6
    angle = atan2(y, x) * (1.0 / TAU)
    octave = log(r2) * (0.5 / TAU) + warp * 0.05 * sin_turns(angle * 2.0 + phase * 0.3)
    octave = octave - phase * 0.12
    u = angle * columns - octave * rows
    v = angle * rows + octave * columns
    pixel = p.pixel / sqrt(r2) * (math.hypot(columns, rows) / TAU)
    fu, fv = floor(u), floor(v)
    # The same tile on both sides of the seam: cells are counted within one turn.
    turns = floor(fv * (1.0 / rows) + 0.01)
    iu, iv = to_int(fu - turns * columns), to_int(fv - turns * rows)
    random = unit_float(hash_cell(iu, iv, 7))
    x, y = u - fu - 0.5, v - fv - 0.5
    even = fract((fu + fv) * 0.5) < 0.25

    # The two ways to join the sides' middles are two fields that agree on the tile's border, so a
    # tile can flow from one into the other while its neighbors stay whole.
    time = shuffle + random * 7.0
    beat = floor(time)
    ease = smoothstep(0.0, 0.3, fract(time))
    start = fract((beat + floor(random * 64.0)) * 0.5) * 2.0
    state = mix(1.0 - start, start, ease)
    calm = 4.0 * (state - 0.5) * (state - 0.5)
    # Where four bands meet for a moment they melt together, but not on the border.
    middle = (1.0 - 4.0 * x * x) * (1.0 - 4.0 * y * y)
    melt = 0.01 + 0.5 * (1.0 - calm) * middle
    rising = smooth_minimum(length(x + 0.5, y + 0.5), length(x - 0.5, y - 0.5), melt) - 0.5
    falling = smooth_minimum(length(x + 0.5, y - 0.5), length(x - 0.5, y + 0.5), melt) - 0.5
    arc = mix(rising, -falling, state)
    half = 0.13 + 0.13 * morph + 0.03 * pulse
    across = absolute(arc) / half
    soft = 1.5 * pixel / half
    cover = 1.0 - smoothstep(1.0 - soft, 1.0 + soft, across)
    dome = sqrt(maximum(1.0 - across * across, 0.0))
    # Along the arc, 0 at an upright side and 1/2 at a level one, so that neighbors continue it.
    ux, uy = absolute(x), absolute(y)
    same = select(x * y > 0.0, 0.0, 1.0)
    mine = absolute(same - select(state > 0.5, 1.0, 0.0)) < 0.5
    wide = ux > uy
    cx = select(mine | wide, 0.5 - ux, 0.5 + ux)
    cy = select(mine, 0.5 - uy, select(wide, 0.5 + uy, 0.5 - uy))
    part = atan2(absolute(cx), absolute(cy)) * (2.0 / TAU)
    way = select(even, 1.0, -1.0)
    # While a tile reconnects, its middle has no direction; its border keeps its neighbors' light.
    # Nor has the diagonal between its arcs, which only shows while they melt.
    between = absolute(x + y * select(state > 0.5, -1.0, 1.0))
    strength = (1.0 - (1.0 - calm) * middle * middle) * smoothstep(0.0, 0.3, between)
    light = 0.5 + 0.5 * strength * cos_turns(part + way * flow)
    threads = 0.5 + 0.5 * cos_turns(across * across * 2.0)
    fade = smoothstep(0.35, 0.10, pixel)
    band = 0.20 + 0.42 * dome * (0.45 + 0.75 * light) + (0.08 + 0.16 * detail) * threads * dome
    shade = smoothstep(0.0, 1.3, across - 1.0)
    side = select(even, 1.0, -1.0) * clamp(arc * 8.0, -1.0, 1.0)
    back = 0.03 + (0.15 + 0.07 * side) * shade
    tone = mix(0.30, mix(back, band + 0.12 * pulse * dome, cover), fade)
    hue = mix(-0.07 * side, 0.10 * (light - 0.4), cover)
    return Field(tone=clamp(tone), hue=hue)


@pattern(
    family="geometric",
    title="Hyperbolic tiling",
    source="The disc of H. Poincaré (1882) and the Circle Limits of M. C. Escher (1958); Coxeter",
)
def hyperbolic(
    p: Point,
    *,
    phase: Expr = clock(0.08, 0.32, help="how fast one flies over the tiles"),
    veer: Expr = clock(0.015, 0.06, help="how fast the direction of flight turns"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="what fills a tile: stars to rings"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the tracery inside the tiles"),
    density: Expr = knob(0.4, 0.0, 1.0, help="size of the disc: near to far"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the leads between the tiles glow"),
) -> Field:
    """Endless flight over a plane of hexagons, four at each corner: a disc that holds them all."""
    sides, around = 6, 4
    cq, sp = math.cos(math.pi / around), math.sin(math.pi / sides)
    root = math.sqrt(cq * cq - sp * sp)
    center, radius = cq / root, sp / root
    # Half way from a tile's middle to its neighbor's, in hyperbolic length; both ways make one
    # translation of the whole tiling, so the flight closes without a jump.
    middle = center - radius
    stride = 4.0 * math.atanh(middle)
    size = 0.62 + 0.55 * density
    x, y = rotate(p.x * size, p.y * size, veer)
    r2 = x * x + y * y
    # Outside the disc lies its mirror image.
    out = r2 > 1.0
    back = select(out, 1.0 / maximum(r2, 1e-6), 1.0)
    x, y = x * back, y * back
    rim = absolute(r2 - 1.0)
    # Möbius translation by a = tanh(s/2) along x; the tiling is unchanged by a whole stride.
    s = (fract(phase) - 0.5) * stride
    grown = exp2(s * math.log2(math.e))
    a = (grown - 1.0) / (grown + 1.0)
    dx, dy = 1.0 + a * x, a * y
    inverse = 1.0 / (dx * dx + dy * dy)
    nx, ny = x + a, y
    zx, zy = (nx * dx + ny * dy) * inverse, (ny * dx - nx * dy) * inverse
    scale = size * back * (1.0 - a * a) * inverse

    tx, ty = math.sin(math.pi / sides), -math.cos(math.pi / sides)

    def step(x, y, scale, _busy):  # type: ignore[no-untyped-def]
        y = absolute(y)
        for _ in range(3):
            under = minimum(x * tx + y * ty, 0.0) * 2.0
            x, y = x - under * tx, absolute(y - under * ty)
        dx = x - center
        d2 = dx * dx + y * y
        inside = d2 < radius * radius
        k = select(inside, radius * radius / maximum(d2, 1e-9), 1.0)
        return center + dx * k, y * k, scale * k, select(inside, 1.0, 0.0)

    x, y, scale, _ = iterate(18, (zx, zy, scale, 1.0), step, until=lambda *state: state[3] < 0.5)
    pixel = p.pixel * scale
    dx = x - center
    edge = sqrt(dx * dx + y * y) - radius
    fade = smoothstep(0.12, 0.03, pixel)
    r = sqrt(x * x + y * y + 1e-9)
    mirror = absolute(x * tx + y * ty)
    lead = line(edge, 0.012 + 0.02 * pulse, pixel)
    glow = exp2(-edge * (22.0 - 8.0 * pulse))
    star = x * (0.55 + 0.4 * morph) + y * (1.1 - 0.9 * morph) - 0.34
    vein = exp2(-absolute(star) * 60.0)
    rings = 0.5 + 0.5 * cos_turns(r * (3.0 + 5.0 * morph) + mirror * 2.0 * (1.0 - morph))
    # Near the rim tiles are small and pass quickly: rings in them would only flicker.
    large = smoothstep(7.0, 2.0, scale)
    tone = (
        0.16
        + 0.30 * mix(0.5, rings, large)
        + 0.20 * glow
        + (0.15 + 0.35 * detail) * vein
        + (0.35 + 0.3 * pulse) * lead
    )
    near = smoothstep(0.0, 0.5, rim)
    tone = mix(0.30, tone, fade) * (0.30 + 0.70 * near)
    hue = 0.14 * (r - 0.35) + 0.08 * vein * fade
    return Field(tone=clamp(tone), hue=hue)


@pattern(
    family="geometric",
    title="Star lattice",
    source="Islamic star patterns: E. H. Hankin, polygons in contact (1925);"
    " parquet deformation: W. Huff (1960s)",
)
def girih(
    p: Point,
    *,
    phase: Expr = clock(0.08, 0.32, help="how fast the deformation travels over the lattice"),
    morph: Expr = knob(0.45, 0.0, 1.0, help="from blunt stars to needles"),
    density: Expr = knob(0.4, 0.0, 1.0, help="size of the stars"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the inner lines"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="bulges the lattice like a dome"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the gold between the stars lights up"),
) -> Field:
    """Stars in a lattice that opens and closes in waves, like light wandering over a dome."""
    r2 = p.x * p.x + p.y * p.y
    scale = (1.15 + 1.3 * density) * (1.0 - warp * 0.45 + warp * 0.42 * r2 / (1.0 + 0.25 * r2))
    x, y = rotate(p.x * scale, p.y * scale, 0.02 * sin_turns(phase * 0.4))
    x, y = x + 0.12 * sin_turns(phase * 0.31), y + phase * 0.3
    pixel = p.pixel * scale
    # Hexagons of apothem 1/2: the nearest center of two shifted rectangular lattices.
    h = math.sqrt(3.0)
    ax, ay = mod(x + 0.5, 1.0) - 0.5, mod(y + 0.5 * h, h) - 0.5 * h
    bx, by = mod(x, 1.0) - 0.5, mod(y, h) - 0.5 * h
    nearer = ax * ax + ay * ay < bx * bx + by * by
    hx, hy = select(nearer, ax, bx), select(nearer, ay, by)
    # Fold into a twelfth of the hexagon: 0 <= angle <= 1/12 from the middle of a side.
    fx, fy = absolute(hx), absolute(hy)
    c, s = math.cos(math.pi / 6.0), math.sin(math.pi / 6.0)
    flip = minimum(fx * s - fy * c, 0.0) * 2.0
    wx, wy = fx - flip * s, absolute(fy + flip * c)
    wave = sin_turns(x * 0.11 - y * 0.19 + phase * 0.5) + sin_turns(
        x * 0.17 + y * 0.07 - phase * 0.37
    )
    lean = 0.085 + 0.075 * morph + 0.022 * wave
    lx, ly = sin_turns(lean), cos_turns(lean)
    # The ray that leaves the middle of the side at the contact angle: inside lies the star.
    ray = (0.5 - wx) * lx - wy * ly
    first = absolute(ray)
    # A second family, steeper, as the inner rosette.
    second = absolute((0.34 - wx) * ly - (wy - 0.05) * lx)
    width = 0.030 + 0.012 * pulse
    soft = 1.5 * pixel
    cover = 1.0 - smoothstep(width - soft, width + soft, first)
    strap = sqrt(maximum(1.0 - first * first * (1.0 / (width * width)), 0.0) + 1e-4)
    thin = line(second, 0.010, pixel) * detail
    star = smoothstep(-0.02, 0.02, ray)
    r = sqrt(wx * wx + wy * wy + 1e-9)
    heart = exp2(-r * r * 16.0)
    shadow = 1.0 - 0.5 * exp2(-maximum(first - width, 0.0) * 26.0)
    stone = mix(0.30 + 0.9 * (r - 0.5), 0.13 + (0.18 + 0.22 * detail) * heart + 0.30 * thin, star)
    stone = (stone + 0.10 * wave * (0.4 + star)) * shadow
    gold = 0.50 + 0.34 * strap + (0.08 + 0.10 * pulse) * wave
    tone = mix(stone, gold, cover) - 0.08 * r2 / (1.0 + 0.4 * r2)
    hue = mix(0.05 * wave - 0.10 * star, 0.06, cover) + 0.06 * heart
    return Field(tone=clamp(tone), hue=hue)


@pattern(
    family="geometric",
    title="Kaleidoscope",
    source="Mirrors of D. Brewster (1817) around flow noise (Perlin & Neyret, 2001)",
)
def kaleidoscope(
    p: Point,
    *,
    phase: Expr = clock(0.06, 0.24, help="how fast the glass tumbles behind the mirrors"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="distance of the second ring of mirrors"),
    warp: Expr = knob(0.5, 0.0, 1.0, help="how far the glass is stirred"),
    detail: Expr = knob(0.5, 0.3, 0.7, help="weight of the fine glass"),
    density: Expr = knob(0.4, 0.0, 1.0, help="size of the pieces"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="veins of light in the glass"),
) -> Field:
    """Stirred glass seen through two rings of mirrors: a flower that never repeats."""
    # Mirrors as reflections, so that space stays continuous: fold, step aside, fold again.
    x, y = _wedge(p.x, p.y, 8)
    x, y = rotate(x - 0.42 - 0.35 * morph, y, 0.07 + 0.03 * sin_turns(phase * 0.5))
    x, y = _wedge(x, y, 3)
    x, y = rotate(x - 0.26 - 0.12 * morph, y, 0.03 * sin_turns(phase * 0.5 + 0.4) - 0.05)
    size = 1.7 + 1.8 * density
    x, y = x * size + 0.4 * sin_turns(phase * 0.23) + 3.0, y * size + phase * 0.5
    qx = noise(x, y, phase * 0.5, salt=1)
    qy = noise(x + 5.2, y + 1.3, phase * 0.4, salt=2)
    k = 1.6 * warp
    glass = fbm(x + k * qx, y + k * qy, phase * 0.6, octaves=3, gain=detail, salt=5)
    layers = glass * 1.5 + qx * 0.35
    steps = sin_turns(layers)
    vein = exp2(-absolute(cos_turns(layers)) * (9.0 - 4.0 * pulse))
    r2 = p.x * p.x + p.y * p.y
    tone = 0.42 + 0.22 * steps + 0.30 * qy + (0.22 + 0.25 * pulse) * vein
    tone = tone + (0.12 + 0.1 * detail) * glass - 0.10 * r2 / (1.0 + 0.4 * r2)
    return Field(tone=clamp(tone), hue=0.14 * qx + 0.09 * steps)


def _wedge(x: Expr, y: Expr, mirrors: int) -> tuple[Expr, Expr]:
    """Reflect the plane into the wedge between the angles 0 and 1/2 turn / `mirrors`."""
    y = absolute(y)
    angle = 2.0 * math.pi
    while angle > math.pi / mirrors + 1e-9:
        # Each mirror halves the wedge that is left, down to the wanted one.
        angle = max(angle / 2.0, math.pi / mirrors)
        nx, ny = math.sin(angle), -math.cos(angle)
        under = minimum(x * nx + y * ny, 0.0) * 2.0
        x, y = x - under * nx, absolute(y - under * ny)
    return x, y
