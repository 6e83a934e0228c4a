"""Spatial patterns: worlds that one flies through, at a point's own depth.

Rays are followed a fixed, small number of steps; what is not reached by then lies in the fog. The
camera goes along a line that is free for certain, so nothing has to be asked where it is.
"""

from __future__ import annotations

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
    hash_cell,
    iterate,
    knob,
    maximum,
    minimum,
    mix,
    rotate,
    sin_turns,
    smoothstep,
    sqrt,
    to_int,
    unit_float,
)
from afx.patterns.registry import pattern

STEPS = 10
"""Steps of a ray through the cave."""

STEEP = 9.6
"""Nearly the gyroid's steepest slope, per turn: steps are as long as they may be, and no longer."""


def wave(turns: Expr) -> Expr:
    """Return sin(2πx) within 0.001, by parabolas: half the work, and as smooth to the eye."""
    f = turns - floor(turns + 0.5)
    y = f * (8.0 - 16.0 * absolute(f))
    return y * (0.775 + 0.225 * absolute(y))


def gyroid(x: Expr, y: Expr, z: Expr) -> Expr:
    """Return A. H. Schoen's gyroid, sin x cos y + sin y cos z + sin z cos x, of angles in turns."""
    return wave(x) * wave(y + 0.25) + wave(y) * wave(z + 0.25) + wave(z) * wave(x + 0.25)


def gyroid_with_slope(x: Expr, y: Expr, z: Expr) -> tuple[Expr, Expr, Expr, Expr]:
    """Return the gyroid and its slope, per radian."""
    sx, sy, sz = wave(x), wave(y), wave(z)
    cx, cy, cz = wave(x + 0.25), wave(y + 0.25), wave(z + 0.25)
    value = sx * cy + sy * cz + sz * cx
    return value, cx * cy - sz * sx, cy * cz - sx * sy, cz * cx - sy * sz


@pattern(
    family="spatial",
    title="Gyroid cave",
    source="The gyroid: A. H. Schoen (1970); sphere tracing: J. C. Hart (1996)",
)
def cave(
    p: Point,
    *,
    flight: Expr = clock(0.06, 0.24, help="how fast one flies"),
    phase: Expr = clock(0.03, 0.12, help="how fast the gaze wanders and the light turns"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from narrow caves to open arches"),
    density: Expr = knob(0.4, 0.0, 1.0, help="how many halls are in sight: a wider view"),
    detail: Expr = knob(0.4, 0.0, 1.0, help="layers in the rock"),
    warp: Expr = knob(0.3, 0.0, 1.0, help="bends the halls"),
    fog: Expr = knob(0.5, 0.0, 1.0, help="how soon the distance is lost in light"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the light ahead swells"),
) -> Field:
    """Fly through an endless cave of curved halls, toward a light in the distance."""
    # Along x = ¼, y = 0 the gyroid is 1 all the way: the middle of a hall that never ends.
    ox = 0.25 + 0.035 * sin_turns(phase * 0.9)
    oy = 0.03 * sin_turns(phase * 1.3 + 0.2)
    oz = fract(flight)
    wide = 0.80 + 1.1 * density
    dx = p.x * wide + 0.22 * sin_turns(phase * 0.7 + 0.1)
    dy = p.y * wide + 0.16 * sin_turns(phase * 1.1 + 0.4)
    scale = 1.0 / sqrt(1.0 + dx * dx + dy * dy)
    dx, dy, dz = dx * scale, dy * scale, scale
    level = 0.25 - 1.1 * morph
    bend_x = (warp - 0.1) * 0.3 * cos_turns(phase * 0.4)
    bend_y = (warp - 0.1) * 0.3 * sin_turns(phase * 0.4)

    def there(t: Expr) -> tuple[Expr, Expr, Expr]:
        """Return the point of the cave at a distance along the ray, in turns."""
        return (
            t * (dx + bend_x * t) + ox,
            t * (dy + bend_y * t) + oy,
            t * dz + oz,
        )

    (t,) = iterate(
        STEPS,
        (0.04,),
        lambda t: (t + maximum((gyroid(*there(t)) - level) * (1.25 / STEEP), 0.0),),
    )
    x, y, z = there(t)
    value, gx, gy, gz = gyroid_with_slope(x, y, z)
    steep = sqrt(gx * gx + gy * gy + gz * gz + 0.003)
    nx, ny, nz = gx / steep, gy / steep, gz / steep
    # What is left to the rock, straight ahead: rays that graze it never quite arrive.
    graze = -(nx * dx + ny * dy + nz * dz)
    against = maximum(graze, 0.2)
    left = clamp((value - level) / (steep * against * TAU), -0.05, 0.10)
    far = t + left
    x, y, z = x + left * dx, y + left * dy, z + left * dz

    # Layers, as water leaves them, stirred by what stirs the light; no finer than a pixel shows.
    small = gyroid(x * 3.0 + 0.1, y * 3.0, z * 3.0 + phase * 1.5)
    fine = smoothstep(0.35, 0.1, p.pixel * wide * far * 9.0)
    # Where a ray only grazes the rock they would crowd into a moire.
    layers = (
        sin_turns((y - 0.3 * x) * 11.0 + small * 1.1)
        * fine
        * smoothstep(0.0, 0.45, graze)
        * exp2(-0.7 * far)
    )
    # Light from above, which travels, a lamp at hand, and clefts where neither comes.
    lx, ly = rotate(0.3, -0.8, 0.06 * sin_turns(phase))
    face = nx * lx + ny * ly + nz * 0.45
    lit = 0.5 + 0.5 * face
    rim = 1.0 - against
    open_ = gyroid(x + nx * 0.13, y + ny * 0.13, z + nz * 0.13)
    shade = clamp(0.30 + 0.62 * (open_ - level))
    rock = 0.13 + 0.55 * lit * lit + 0.16 * rim * rim + 0.05 * small
    rock = rock + layers * (0.02 + 0.16 * detail) * (0.3 + lit)
    rock = rock * shade
    mist = 1.0 - exp2(-far * far * (0.30 + 1.3 * fog))
    center = exp2(-(dx * dx + dy * dy) * 1.6)
    light = 0.62 + (0.28 + 0.10 * pulse) * center
    tone = mix(rock, light, mist)
    hue = (0.10 * (nx - ny) + 0.05 * small) * (1.0 - mist) - 0.10 * mist + 0.05
    return Field(tone=clamp(tone), hue=hue)


PANES = 12
"""Windows around the nave."""


@pattern(
    family="spatial",
    title="Nave of windows",
    source="Polar depth 1/r, as in the tunnels of the demo scene since the late 1980s",
)
def nave(
    p: Point,
    *,
    flight: Expr = clock(0.9, 3.6, help="how fast one flies, in windows"),
    phase: Expr = clock(0.05, 0.2, help="how the nave winds and the windows change"),
    wavefront: Expr = clock(0.35, 1.4, help="how fast waves of light run ahead"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="from a round tunnel to one of lobes"),
    density: Expr = knob(0.4, 0.0, 1.0, help="how close the arches stand"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="twists the nave and lets it wind"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="tracery in the windows"),
    fog: Expr = knob(0.45, 0.0, 1.0, help="how soon the distance is lost in light"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the waves of light swell"),
) -> Field:
    """Fly down a winding nave of glass, each window lit as waves of light run past."""
    wind = 0.10 + 0.45 * warp
    # The nave's axis, seen from a point on it: nothing near, and winding the more the farther.
    # What is seen in a direction hangs on where the axis is there, so depth is found in turns.
    depth = 1.0 / sqrt(p.x * p.x + p.y * p.y + 0.01)
    qx, qy = p.x, p.y
    for _ in range(3):
        far = depth / (1.0 + 0.12 * depth)
        bend = wind * far * 0.16
        qx = p.x - bend * (cos_turns(phase * 0.6 + far * 0.05))
        qy = p.y - bend * (sin_turns(phase * 0.83 + far * 0.06)) * 0.7
        depth = mix(depth, 1.0 / sqrt(qx * qx + qy * qy + 0.004), 0.7)
    r2 = qx * qx + qy * qy + 0.002
    angle = atan2(qy, qx) * (1.0 / TAU)
    # Lobes, as in a gothic foil, and a twist that grows with depth.
    lobes = 1.0 + 0.16 * morph * cos_turns(angle * 7.0) + 0.03
    depth = lobes / sqrt(r2)
    around = angle * PANES + (warp - 0.35) * 1.2 * depth
    along = depth * (0.9 + 1.6 * density)
    v = along + flight
    row, column = floor(v), floor(around)
    # Every other row is shifted by half a window.
    odd = row - 2.0 * floor(row * 0.5)
    around = around + 0.5 * odd
    column = floor(around)
    du, dv = around - column - 0.5, v - row - 0.5
    pixel_v = p.pixel * (0.9 + 1.6 * density) * depth / sqrt(r2) + 0.001
    pixel_u = p.pixel * (PANES / TAU) / sqrt(r2) + 0.001
    pane = column - PANES * floor(column / PANES)
    bits = hash_cell(to_int(pane), to_int(row), 41)
    lot = unit_float(bits)
    other = unit_float(hash_cell(to_int(pane), to_int(row), 42))

    # A window with a pointed arch: its edges as wide as a pixel at least.
    arch = 0.40 - 0.30 * maximum(dv, 0.0) * maximum(dv, 0.0) * 4.0
    inside = minimum(arch - absolute(du), (0.43 - absolute(dv)) * 0.9)
    soft = maximum(pixel_u, pixel_v) * 1.2 + 0.015
    glass = smoothstep(-1.0 * soft, soft, inside)
    rim = exp2(-absolute(inside) * 22.0)
    # Leaded diamonds, where there is room for them.
    across, back = (du + 0.7 * dv) * 5.0, (du - 0.7 * dv) * 5.0
    lead = 0.5 - maximum(absolute(fract(across) - 0.5), absolute(fract(back) - 0.5))
    fine = soft * 5.0
    room = smoothstep(0.4, 0.08, fine)
    leads = (1.0 - smoothstep(0.015, 0.03 + fine, lead)) * room
    facet = unit_float(hash_cell(to_int(floor(across)), to_int(floor(back) + row * 7.0), 43)) - 0.5
    cut = facet * room
    # Light: every window's own, which comes and goes, and waves that run into the distance.
    own = 0.5 + 0.5 * sin_turns(phase * (1.0 + other) + lot)
    wave_at = fract(along * 0.11 - wavefront + 0.06 * lot) - 0.5
    run = exp2(-wave_at * wave_at * 60.0)
    run = run * (0.35 + 0.65 * other) * smoothstep(0.2, 1.6, depth)
    shine = 0.16 + 0.36 * own * own + (0.42 + 0.25 * pulse) * run
    shine = shine * (0.80 + 0.9 * maximum(inside, 0.0) + 0.55 * cut * detail)
    shine = shine * (1.0 - leads * (0.10 + 0.60 * detail))
    stone = 0.09 + 0.12 * run + 0.10 * rim * (0.5 + run)
    small = smoothstep(0.45, 0.08, maximum(pixel_u, pixel_v))
    tone = mix(stone, shine, glass)
    tone = mix(0.26 + 0.22 * run, tone, small)
    mist = 1.0 - exp2(-depth * depth * (0.010 + 0.05 * fog))
    tone = mix(tone, 0.78 + 0.10 * pulse, mist)
    hue = (0.34 * (lot - 0.5) * glass * small + 0.06 * run) * (1.0 - mist)
    return Field(tone=clamp(tone), hue=hue)
