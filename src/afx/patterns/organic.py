"""Organic patterns: what grows, divides and ripens.

All of them are stateless: a picture depends on nothing but its knobs, so that any frame can be made
without the ones before it.
"""

from __future__ import annotations

import math

from afx.field import (
    TAU,
    Expr,
    Field,
    Point,
    as_expr,
    atan2,
    bell,
    cells,
    clamp,
    clock,
    cos_turns,
    exp2,
    fbm,
    floor,
    hash_cell,
    knob,
    length,
    log2,
    maximum,
    mix,
    noise,
    sin_turns,
    smooth_minimum,
    smoothstep,
    sqrt,
    squash,
    to_int,
    unit_float,
)
from afx.patterns.motifs import GOLDEN, layers, soft_cells, swing
from afx.patterns.registry import pattern


@pattern(
    family="organic",
    title="Membranes",
    source="Cellular texture: Worley 1996; weights by inverse distance: Shepard 1968",
)
def membranes(
    p: Point,
    *,
    phase: Expr = clock(0.06, 0.3, help="how fast the cells jostle"),
    density: Expr = knob(1.5, 1.0, 2.4, unit="cells", help="cells per half height"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="how far the tissue is stretched"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="strength of the small cells inside the large ones"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="thickness of the walls"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="nuclei swell"),
) -> Field:
    """Living tissue: large soft cells with nuclei, filled with small ones."""
    a = noise(p.x * 0.55, p.y * 0.55, phase * 0.35, 5)
    b = noise(p.x * 0.55 + 7.7, p.y * 0.55 - 3.1, phase * 0.3, 6)
    x, y = (p.x + a * warp) * density, (p.y + b * warp) * density
    d, number, alone = soft_cells(x, y, phase, 0.42, 1)
    fd, fine_number, fine = soft_cells(
        x * 3.1 + a * 2.0 + 3.3, y * 3.1 + b * 2.0 - 1.7, phase * 1.3, 0.42, 2
    )
    inside = smoothstep(0.42 + 0.2 * morph, 0.98, alone)
    dome = inside * (1.0 - 0.75 * d)
    nucleus = smoothstep(0.30 + 0.12 * pulse, 0.10 + 0.08 * pulse, d)
    small = (smoothstep(0.4, 0.95, fine) * (0.75 - fd) + 0.4 * fine_number - 0.35) * detail
    tone = 0.05 + dome * (0.30 + 0.55 * number) + small * inside * (1.0 - nucleus) * 0.75
    tone = tone + nucleus * 0.33 + 0.16 * b * inside
    # A thin rim of light along the middle of the walls.
    rim = bell((alone - 0.47) * (26.0 - 12.0 * morph))
    return Field(tone=tone + 0.30 * rim, hue=0.16 * (number - 0.5) + 0.05 * nucleus + 0.05 * a)


_DIRECTIONS = 9


@pattern(
    family="organic",
    title="Coral",
    source="Turing 1952; stripes, spots and holes as a threshold on waves of one length",
)
def coral(
    p: Point,
    *,
    phase: Expr = clock(0.10, 0.5, help="how fast the walls grow and part"),
    density: Expr = knob(3.6, 2.4, 5.5, unit="walls", help="walls per half height"),
    warp: Expr = knob(0.4, 0.0, 1.0, help="how far the colony is bent"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from separate polyps to closed walls with holes"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="growth lines along the walls"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the walls' ridges swell"),
) -> Field:
    """Walls here and spots there: a coral's maze, as chemicals would draw it."""
    a = noise(p.x * 0.6, p.y * 0.6, phase * 0.25, 3)
    b = noise(p.x * 0.6 - 5.3, p.y * 0.6 + 8.1, phase * 0.21, 4)
    x, y = p.x + 0.45 * warp * a, p.y + 0.45 * warp * b
    total: Expr = as_expr(0.0)
    for k in range(_DIRECTIONS):
        # Directions over half a turn, none the mirror of another; lengths within 7 %.
        angle = math.pi * ((k + 0.31 * math.sin(5.1 * k)) / _DIRECTIONS)
        size = 0.62 * (1.0 + 0.07 * math.sin(2.7 * k + 1.0))
        rate = 0.5 * math.sin(1.9 * k + 0.4)
        fx, fy = size * math.cos(angle), size * math.sin(angle)
        total = total + cos_turns((x * fx + y * fy) * density + phase * rate + 0.137 * k * k)
    height = total * math.sqrt(2.0 / _DIRECTIONS)
    bias = 0.95 * a + 0.9 * (morph - 0.5)
    body = height + bias
    wall = 0.5 + 0.5 * squash(body * 2.0)
    ridge = bell((body - 1.25) * 1.9)
    floor_light = 0.5 + 0.5 * b
    lines = sin_turns(body * 2.2 + 0.6 * b) * detail
    tone = 0.10 + 0.50 * wall + (0.16 + 0.14 * pulse) * ridge + 0.035 * lines * (0.4 + wall)
    grain = noise(x * density * 2.9, y * density * 2.9, phase, 6)
    tone = (
        tone + 0.20 * (1.0 - wall) * floor_light + 0.16 * b + 0.09 * detail * grain * (1.2 - wall)
    )
    return Field(tone=tone, hue=0.12 * a + 0.10 * (wall - 0.5))


@pattern(
    family="organic",
    title="Seed head",
    source="Vogel 1979, sunflower heads; nearest seed by lattice: Keinert et al. 2015",
)
def seedhead(
    p: Point,
    *,
    phase: Expr = clock(0.9, 4.0, help="seeds born at the center, per second"),
    density: Expr = knob(14.0, 9.0, 20.0, help="how small and many the seeds are"),
    morph: Expr = knob(0.35, 0.0, 1.0, help="from round seeds to pointed scales"),
    warp: Expr = knob(0.3, 0.0, 1.0, help="swirl of the whole head"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="fine grooves on every seed"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="a wave of swelling seeds runs outward"),
) -> Field:
    """Seed after seed, a sunflower's head grows from its center."""
    r2 = p.x * p.x + p.y * p.y + 1e-6
    r = sqrt(r2)
    # (u, v) is area-true: seed n lies at u = n and v = n · golden turns, a plane lattice.
    scale = density * density * 0.4
    u = r2 * scale + 0.6
    born = floor(phase)
    part = phase - born
    swirl = warp * (r - 0.7) * 0.10
    v = atan2(p.y, p.x) * (1.0 / TAU) + swirl
    grown = born * GOLDEN
    v = v + (grown - floor(grown))
    # The Fibonacci pair that is closest to square at this radius spans the lattice best.
    k = floor(maximum(log2(u * (4.0 * math.pi * math.sqrt(5.0))) * (0.5 / 0.69424191), 2.0))
    golden_power = exp2(k * 0.69424191)
    small = floor(golden_power * (1.0 / math.sqrt(5.0)) + 0.5)
    large = floor(golden_power * (1.61803399 / math.sqrt(5.0)) + 0.5)
    even = 1.0 - 2.0 * (k - 2.0 * floor(k * 0.5))
    # Turns left over after `small` and `large` steps of the golden angle.
    vs = -even / golden_power
    vl = even * (1.0 / 1.61803399) / golden_power
    base = u - part
    v = v - floor(v + 0.5)
    det = small * vl - large * vs
    a = floor((base * vl - large * v) / det)
    b = floor((small * v - base * vs) / det)
    total: Expr = as_expr(1e-12)
    number: Expr = as_expr(0.0)
    squares: Expr = as_expr(0.0)
    across: Expr = as_expr(0.0)
    along: Expr = as_expr(0.0)
    root = sqrt(scale)
    for da in (0.0, 1.0):
        for db in (0.0, 1.0):
            n = (a + da) * small + (b + db) * large
            dv = v - (a + da) * vs - (b + db) * vl
            seed_r = sqrt(maximum(n + part - 0.6, 0.0))
            out = r * root - seed_r
            side = r * root * dv * TAU
            d = out * out * (1.15 - 0.45 * morph) + side * side * (0.9 + 0.35 * morph) + 0.02
            w = 1.0 / (d * d)
            w = w * w
            h = unit_float(hash_cell(to_int(floor(n - born + 4096.5)), as_expr(5, "i"), 3))
            total, squares = total + w, squares + w * w
            number = number + w * h
            across, along = across + w * side, along + w * out
    number, across, along = number / total, across / total, along / total
    alone = squares / (total * total)
    distance = 1.0 / sqrt(sqrt(sqrt(total)))
    wave = 0.5 + 0.5 * sin_turns(r * 0.8 - phase * 0.07)
    # A seed fills its place up to the gap; its tip points outward and lies higher.
    husk = smoothstep(0.46, 0.80, alone)
    dome = clamp(1.05 - 0.72 * distance)
    groove = sin_turns(across * 2.4) * detail * (0.5 + along)
    kernel = smoothstep(0.62 + 0.25 * wave * pulse, 0.10, distance + 0.25 * along * morph)
    disc = smoothstep(0.0, 0.55, r) * smoothstep(2.1, 0.5, r)
    ring = sin_turns(r * 0.62 - 0.05)
    shade = 0.26 + 0.30 * number + 0.16 * ring + 0.16 * wave
    tone = husk * (shade * (0.55 + 0.75 * dome) + 0.24 * kernel * (0.5 + number))
    tone = tone + husk * (0.05 * groove - 0.16 * along * morph)
    tone = 0.06 + 0.13 * (1.0 - husk) + tone * (0.58 + 0.42 * disc)
    # The youngest seeds are too many for the lattice at the very center: a bud hides them.
    near = r * density
    tone = mix(0.12 + 0.14 * bell(near * 1.6), tone, smoothstep(0.55, 1.7, near))
    return Field(tone=tone, hue=0.12 * (number - 0.5) + 0.14 * (r - 0.8) * (1.0 - 0.3 * r))


@pattern(
    family="organic",
    title="Lava lamp",
    source="Metaballs: Blinn 1982, 'A generalization of algebraic surface drawing'",
)
def lava(
    p: Point,
    *,
    phase: Expr = clock(0.07, 0.3, help="how fast the drops rise and sink"),
    density: Expr = knob(1.0, 0.6, 1.6, unit="×", help="how much wax there is"),
    warp: Expr = knob(0.3, 0.0, 1.0, help="how far the wax is pulled out of round"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from separate drops to one mass"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="contour lines of warmth around the drops"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="cores swell"),
) -> Field:
    """Glowing wax in drops that rise, meet and part."""
    a = noise(p.x * 0.9, p.y * 0.9 + phase * 0.8, phase * 0.9, 3)
    b = noise(p.x * 0.9 + 4.4, p.y * 0.9 + phase * 0.8, phase * 0.8, 4)
    c = noise(p.x * 2.3 + b, p.y * 2.3 + phase * 1.2, phase, 6)
    x, y = p.x + warp * (0.35 * a + 0.13 * c), p.y + warp * (0.35 * b + 0.13 * a * c)
    total: Expr = as_expr(0.0)
    tilt: Expr = as_expr(0.0)
    for k in range(18):
        # Drops sway in columns; frequencies are unrelated, so the dance does not repeat.
        f, g = 0.45 + 0.75 * ((k * GOLDEN) % 1.0), 0.5 + 0.6 * ((k * 0.7549) % 1.0)
        column = 1.8 * (2.0 * ((k * 0.5698 + 0.21) % 1.0) - 1.0)
        cx = column + 0.25 * sin_turns(phase * g + 0.37 * k)
        cy = 1.0 * sin_turns(phase * f + 0.23 * k) + 0.22 * sin_turns(phase * f * 2.3 + 0.11 * k)
        size = (0.16 + 0.20 * ((k * 0.3247) % 1.0) ** 1.5) * (1.0 + 0.18 * pulse)
        dx, dy = x - cx, y - cy
        w = size * size / (dx * dx + dy * dy + 0.012)
        total = total + w
        tilt = tilt + w * ((k * 0.7549) % 1.0)
    identity = tilt / total
    level = total * density * (0.65 + 0.7 * morph)
    # Compressed, so that cores, skins and the far glow share the tones.
    height = level / (level + 1.0)
    skin = smoothstep(0.515, 0.545, height)
    rim = bell((height - 0.53) * 60.0)
    core = smoothstep(0.55, 0.97, height)
    # Heat drawn as contour lines outside the wax, as slow marbling within.
    rings = bell(swing(height * 16.0 - phase * 1.2) * 4.0 - 4.0)
    veins = noise(x * 3.6 + 2.0 * a, y * 3.6 - phase * 1.5, phase, 5)
    # Shells within the wax, each with its own skin, brighter toward the core.
    shells = smoothstep(0.635, 0.655, height) + smoothstep(0.745, 0.763, height)
    shells = shells + smoothstep(0.845, 0.860, height)
    inside = (
        0.36
        + 0.26 * core
        + 0.10 * shells
        + 0.16 * core * core
        + (0.09 + 0.16 * detail) * veins * (1.2 - core)
    )
    outside = 0.06 + 0.30 * height + 0.30 * rings * detail * height + 0.07 * b + 0.07 * p.y
    tone = mix(outside, inside, skin) + rim * (0.10 + 0.10 * pulse)
    return Field(tone=tone, hue=0.22 * (identity - 0.5) + 0.05 * b - 0.05 * (1.0 - skin))


@pattern(
    family="organic",
    title="Agate",
    source="Banded agate: layers of unequal width around warped centers; value noise: Perlin 1985",
)
def agate(
    p: Point,
    *,
    phase: Expr = clock(0.22, 1.0, help="how fast the layers travel outward"),
    density: Expr = knob(6.0, 4.0, 9.0, unit="bands", help="bands per half height"),
    warp: Expr = knob(0.5, 0.0, 1.2, help="how wavy the layers are"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="hairlines between the bands"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="how the centers melt together"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the layers' edges light up"),
) -> Field:
    """Fine and broad layers of a cut stone that grew around dark hearts."""
    turn = phase * 0.10
    a = fbm(p.x * 0.8, p.y * 0.8, turn, octaves=3, gain=0.45, salt=1)
    b = noise(p.x * 0.7 + 9.1, p.y * 0.7 + 2.2, turn, 7)
    x, y = p.x + 0.35 * warp * b, p.y + 0.35 * warp * a
    # One heart in view, two beyond the edges whose layers sweep in; all of them wander.
    sway, lift = 0.22 * sin_turns(phase * 0.05), 0.14 * sin_turns(phase * 0.037 + 0.3)
    one = length(x - 0.52 - sway, y * 1.12 + 0.08 - lift)
    two = length((x + 1.55 - lift) * 0.95, y - 0.95 + sway) + 0.10
    three = length(x + 0.75 + sway, (y + 1.35) * 1.1 + lift) + 0.25
    melt = 0.12 + 0.55 * morph
    depth = smooth_minimum(smooth_minimum(one, two, melt), three, melt) + 0.28 * warp * a
    s = depth * density - phase
    broad = layers(s * 0.55, 1)
    middle = layers(s * 1.45, 2)
    fine = layers(s * 4.7, 3)
    edge = bell((fine - 0.82) * 9.0) * detail
    heart = smoothstep(0.10, 0.55, depth)
    tone = 0.08 + 0.50 * broad + 0.28 * middle + (0.10 + 0.22 * detail) * (fine - 0.5)
    tone = tone + (0.10 + 0.16 * pulse) * edge + 0.10 * (a + b)
    facets = cells(x * 7.0, y * 7.0, turn, jitter=0.4, salt=21)
    quartz = 0.10 + 0.55 * (facets.second - facets.nearest) * facets.identity + 0.25 * heart
    tone = mix(quartz, tone, heart)
    return Field(tone=tone, hue=0.13 * (broad - 0.5) + 0.10 * a)
