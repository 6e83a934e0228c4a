"""Fractal patterns: escape-time sets and Newton's method.

Iterated maps show detail of every size, so everything here is drawn from smooth measures of the
orbit (distance estimates, trap distances, averages), and what is finer than a pixel fades into its
mean. Positions are in half heights; angles in turns unless said otherwise.
"""

from __future__ import annotations

from afx.field import (
    Complex,
    Expr,
    Field,
    Point,
    absolute,
    bell,
    clamp,
    clock,
    cos_turns,
    exp2,
    iterate,
    knob,
    log2,
    maximum,
    minimum,
    mix,
    rotate,
    select,
    sin_turns,
    smoothstep,
    sqrt,
)
from afx.patterns.registry import pattern


def _depth(distance: Expr, pixel: Expr) -> Expr:
    """Return octaves of distance to a set: 0 far away, 1 at a thousandth, at any resolution.

    Within a few pixels of the set single values are chance, so they give way to their mean.
    """
    return mix(0.80, clamp(-log2(distance + 1e-6) * 0.1), smoothstep(0.2, 1.6, distance / pixel))


def _lamp(p: Point, turn: Expr) -> Expr:
    """Return light from a lamp that circles before the picture: about 1.1 near it, 0.4 far away.

    Tones are stretched to each scene's brightest percent; a lamp keeps that from being half the
    picture where a fractal is dense.
    """
    dx, dy = p.x - 0.65 * cos_turns(turn), p.y - 0.32 * sin_turns(turn)
    return 0.42 + 0.70 / (1.0 + 3.5 * (dx * dx + dy * dy))


@pattern(
    family="fractal",
    title="Julia",
    source="Julia sets: G. Julia (1918); distance estimate: Milnor (1989); stripe average:"
    " Jussi Härkönen, 'On smooth fractal coloring techniques' (2007)",
)
def julia(
    p: Point,
    *,
    phase: Expr = clock(0.03, 0.12, help="how fast the set travels around the cardioid"),
    morph: Expr = knob(0.45, 0.0, 1.0, help="from joined basins (0) to open spirals (1)"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the stripes along the flow lines"),
    warp: Expr = knob(0.2, 0.0, 1.0, help="bends the plane into a swirl before iterating"),
    density: Expr = knob(0.5, 0.0, 1.0, help="width of the glow around the filaments"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="threads of light open in the spirals"),
) -> Field:
    """Spirals and filaments of z² + c while c travels just outside the main cardioid."""
    turn = warp * 0.12 / (0.35 + p.x * p.x + p.y * p.y)
    zx, zy = rotate(p.x * 0.86, p.y * 0.86, turn + 0.19)
    # The multiplier w of the fixed point: |w| = 1 is the cardioid, a little more opens its spirals.
    # The angle swings from the cusp, where all is dust, to the bulb at 1/3 and makes a detour
    # around the bulbs at 1/5 and 1/4, inside which there would be a blob.
    angle = 0.18 + 0.09 * sin_turns(phase) + 0.02 * sin_turns(phase * 2.7)
    detour = 0.10 * bell((angle - 0.25) * 45.0) + 0.055 * bell((angle - 0.2) * 75.0)
    detour = detour + 0.15 * bell((angle - 0.333) * 35.0)
    radius = 1.025 + 0.06 * morph + detour + 0.01 * sin_turns(phase * 1.9)
    w = Complex(radius * cos_turns(angle), radius * sin_turns(angle))
    c = w * 0.5 - w.square() * 0.25
    trap_x, trap_y = rotate(0.35, 0.0, phase * 3.0)

    def step(x, y, slope, trap, stripes, _before, n):  # type: ignore[no-untyped-def]
        r2 = x * x + y * y
        nx, ny = x * x - y * y + c.re, 2.0 * x * y + c.im
        n2 = nx * nx + ny * ny
        # sin of four times the argument, without an arctangent.
        stripe = nx * ny * (nx * nx - ny * ny) * 4.0 / (n2 * n2 + 1e-12)
        dx, dy = nx - trap_x, ny - trap_y
        return (
            nx,
            ny,
            minimum(slope * r2 * 4.0, 1e30),
            select(n < 7.0, minimum(trap, dx * dx + dy * dy), trap),
            stripes + stripe,
            stripes,
            n + 1.0,
        )

    x, y, slope, trap, stripes, before, n = iterate(
        72,
        (zx, zy, 1.0, 4.0, 0.0, 0.0, 0.0),
        step,
        until=lambda x, y, *_: x * x + y * y > 400.0,
    )
    r2 = maximum(x * x + y * y, 1e-12)
    level = log2(maximum(r2, 1.0001)) * 0.5
    escaped = r2 > 400.0
    # How much of the last step was too much; it blends the averages so that no step shows.
    over = clamp(log2(maximum(level, 1e-3) * (1.0 / 4.3219)))
    average = mix(stripes / maximum(n, 1.0), before / maximum(n - 1.0, 1.0), over)
    # Points that do not escape lie on the set as far as a pixel can tell; only where the map has
    # clearly drawn them in (slope far below 1) are they inside, and darker.
    distance = select(escaped, sqrt(r2) * level * 0.6931 / sqrt(slope), 0.0)
    drawn_in = select(escaped, 0.0, smoothstep(2.0, 40.0, -log2(slope)))
    depth = _depth(distance, p.pixel) * (1.0 - 0.6 * drawn_in)
    # The trap sees only the first steps: broad lights that lie over the finest filaments too.
    threads = exp2(-sqrt(trap) * (10.0 - 3.0 * pulse))
    # A lamp that wanders over the set gives it a near and a far side.
    lamp = _lamp(p, phase * 2.1)
    fade = smoothstep(0.4, 3.0, distance / p.pixel)
    tone = (
        0.05
        + depth * lamp * (0.52 + 0.40 * density)
        + fade * (0.10 + 0.32 * detail) * average
        + (0.28 + 0.08 * pulse) * threads * lamp
    )
    hue = 0.10 * fade * average + 0.08 * threads - 0.08 * drawn_in
    return Field(tone=clamp(tone), hue=hue)


@pattern(
    family="fractal",
    title="Newton's lace",
    source="Basins of Newton's method: A. Cayley (1879); relaxed steps and traps as in 'nova'"
    " (P. Derbyshire, 1995)",
)
def newton(
    p: Point,
    *,
    phase: Expr = clock(0.035, 0.14, help="how fast the roots circle each other"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="overshoot of each step: wider, wilder basins"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="turns each step, so that basins wind into spirals"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the lace inside the basins"),
    density: Expr = knob(0.4, 0.0, 1.0, help="scale of the lace"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the lace swells"),
) -> Field:
    """Three attractors share the plane; their borders braid into endless chains of lace."""
    ax, ay = rotate(0.95, 0.0, phase)
    bx, by = rotate(0.82 + 0.10 * sin_turns(phase * 1.7), 0.0, 0.36 - phase * 0.6)
    cx, cy = rotate(0.75, 0.12 * sin_turns(phase * 1.3), 0.69 + phase * 0.35)
    gain = 1.0 + 0.38 * morph
    sx, sy = gain, 0.45 * warp
    ring = 0.28 + 0.35 * density
    melt = p.pixel * 1.25
    root_a, root_b, root_c = Complex(ax, ay), Complex(bx, by), Complex(cx, cy)

    def step(x, y, count, trap, _moved, spread, widest):  # type: ignore[no-untyped-def]
        z = Complex(x, y)
        da, db, dc = z - root_a, z - root_b, z - root_c
        pair = da * db
        value, slope = pair * dc, pair + (da + db) * dc
        inverse = 1.0 / (slope.norm() + 1e-9)
        q = value * slope.conjugate() * inverse
        # How far a step draws neighbors apart: |1 − gain (1 − f f″ / f′²)|, squared.
        curve = q * ((da + db + dc) * 2.0) * (slope.conjugate() * inverse)
        stretch = 1.0 - (1.0 - curve) * Complex(sx, sy)
        spread = minimum(spread * stretch.norm(), 1e30)
        move = q * Complex(sx, sy)
        mx, my = move.re, move.im
        nx, ny = x - mx, y - my
        m2 = mx * mx + my * my
        r = sqrt(nx * nx + ny * ny)
        # Where a pixel is wider than the lace, single threads are chance: they melt together.
        wide = sqrt(spread) * melt
        return (
            nx,
            ny,
            count + m2 / (m2 + 0.02),
            minimum(trap, absolute(r - ring) + wide),
            m2,
            spread,
            maximum(widest, wide),
        )

    x, y, count, trap, _, _, widest = iterate(
        20,
        (p.x * 1.25, p.y * 1.25, 0.0, 2.0, 1.0, 1.0, 0.0),
        step,
        until=lambda *state: state[4] < 1e-6,
    )
    weights = []
    for rx, ry in ((ax, ay), (bx, by), (cx, cy)):
        dx, dy = x - rx, y - ry
        weights.append(1.0 / (dx * dx + dy * dy + 1e-3))
    total = weights[0] + weights[1] + weights[2]
    basin = (weights[0] - weights[1]) / total
    side = weights[2] / total
    lace = exp2(-trap * (16.0 - 8.0 * pulse))
    tone = 0.92 - 0.085 * count + (0.2 + 0.5 * detail) * (lace - 0.45) + 0.10 * side
    seen = smoothstep(1.0, 0.12, widest)
    hue = (0.10 * basin + 0.05 * (lace - 0.5)) * seen
    return Field(tone=mix(0.40, clamp(tone), seen), hue=hue)


@pattern(
    family="fractal",
    title="Necklace",
    source="Rational maps zⁿ + λ/zⁿ: C. McMullen (1988);"
    " R. Devaney, 'Singular perturbations of complex polynomials' (2005)",
)
def necklace(
    p: Point,
    *,
    phase: Expr = clock(0.03, 0.12, help="how fast the pearls travel through their rings"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="from fine rings to wide open beads"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the threads inside the beads"),
    density: Expr = knob(0.5, 0.0, 1.0, help="strength of the glow around the lace"),
    warp: Expr = knob(0.2, 0.0, 1.0, help="winds the necklace into a spiral"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the threads of light widen"),
) -> Field:
    """Rings of beads around rings of beads: the lace of z³ + λ/z³, turning like a jewel."""
    r2 = p.x * p.x + p.y * p.y
    x0, y0 = rotate(p.x * 0.52 + 0.34, p.y * 0.52 + 0.16, warp * 0.10 / (0.3 + r2) + phase * 0.25)
    size = 0.028 + 0.055 * morph + 0.008 * sin_turns(phase * 1.7)
    turn = phase
    lx, ly = size * cos_turns(turn), size * sin_turns(turn)
    trap_x, trap_y = rotate(0.55, 0.0, phase * -2.0)

    def step(x, y, slope, trap, stripes, _before, n):  # type: ignore[no-untyped-def]
        z = Complex(x, y)
        s2 = z.square()
        cube = s2 * z
        inverse = 1.0 / (cube.norm() + 1e-12)
        qx = (lx * cube.re + ly * cube.im) * inverse
        qy = (ly * cube.re - lx * cube.im) * inverse
        nx, ny = cube.re + qx, cube.im + qy
        fx, fy = cube.re - qx, cube.im - qy
        rate = 9.0 * (fx * fx + fy * fy) / (x * x + y * y + 1e-12)
        n2 = nx * nx + ny * ny
        stripe = 2.0 * nx * ny / (n2 + 1e-12)
        dx, dy = nx - trap_x, ny - trap_y
        return (
            nx,
            ny,
            minimum(slope * rate, 1e30),
            select(n < 3.0, minimum(trap, dx * dx + dy * dy), trap),
            stripes + stripe,
            stripes,
            n + 1.0,
        )

    x, y, slope, trap, stripes, before, n = iterate(
        24,
        (x0, y0, 1.0, 4.0, 0.0, 0.0, 0.0),
        step,
        until=lambda x, y, *_: x * x + y * y > 100.0,
    )
    r2 = maximum(x * x + y * y, 1e-12)
    level = log2(maximum(r2, 1.0001)) * 0.5
    over = clamp(log2(maximum(level, 1e-3) * (1.0 / 3.3219)) * 0.6309)
    average = mix(stripes / maximum(n, 1.0), before / maximum(n - 1.0, 1.0), over)
    distance = sqrt(minimum(r2, 1e12)) * level * 0.6931 / sqrt(slope)
    distance = select(r2 > 100.0, distance, 0.0)
    depth = _depth(distance, p.pixel)
    # The lace is finer than a pixel nearly everywhere: only a lamp gives it light and shade.
    depth = depth * (0.55 + 0.45 * depth) * _lamp(p, phase * -1.7)
    threads = exp2(-sqrt(trap) * (7.0 - 3.0 * pulse))
    fade = smoothstep(0.4, 3.0, distance / p.pixel)
    tone = (
        0.06
        + depth * (0.55 + 0.45 * density)
        + fade * (0.10 + 0.28 * detail) * average
        + (0.46 + 0.10 * pulse) * threads
    )
    return Field(tone=clamp(tone), hue=fade * (0.12 * average + 0.10 * threads) - 0.05 * depth)
