"""Flowing patterns: what streams, folds and drifts.

Clocks move waves and turn noise. No clock is multiplied by a knob, which would throw the picture
about when the knob moves, nor by what differs from point to point, which would shear it for ever.
"""

from __future__ import annotations

from afx.field import (
    TAU,
    Expr,
    Field,
    Point,
    absolute,
    as_expr,
    atan2,
    bell,
    clamp,
    clock,
    fbm,
    floor,
    knob,
    maximum,
    minimum,
    mix,
    noise,
    rotate,
    sin_turns,
    smoothstep,
    sqrt,
    squash,
)
from afx.patterns.motifs import GOLDEN, layers, swing
from afx.patterns.registry import pattern


@pattern(
    family="flowing",
    title="Ink in water",
    source="Domain warping: Inigo Quilez, 'Domain warping'; flow noise: Perlin & Neyret 2001",
)
def ink(
    p: Point,
    *,
    phase: Expr = clock(0.10, 0.4, help="how fast the ink churns"),
    warp: Expr = knob(0.8, 0.2, 1.6, help="how far the ink folds over itself"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the fine strands"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from clouds to threads"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="threads light up"),
) -> Field:
    """Noise folded by noise folded by noise: ink unrolling in clear water."""
    x, y = p.x * 0.75, p.y * 0.75
    rise = phase * 0.35
    qx = fbm(x, y + rise, phase, octaves=2, gain=0.4, salt=1)
    qy = fbm(x + 5.2, y + rise + 1.3, phase * 0.9, octaves=2, gain=0.4, salt=11)
    far = warp * 1.7
    rx = noise(x + far * qx + 1.7, y + far * qy + 9.2, phase * 0.7, 21)
    ry = noise(x + far * qx + 8.3, y + far * qy + 2.8, phase * 0.8, 22)
    near = warp * 0.8
    u, v = x + far * 0.5 * qx + near * rx, y + far * 0.5 * qy + near * ry
    cloud = noise(u * 1.2, v * 1.2, phase * 0.6, 31)
    curl = noise(u * 2.9 + cloud, v * 2.9, phase * 0.8, 32)
    fine = noise(u * 7.1 + 2.0 * curl, v * 7.1 - 2.0 * rx, phase, 33)
    # Threads where folded layers meet: ridges of the middle scale, sharpened.
    ridge = 1.0 - minimum(absolute(curl) * 2.4, 1.0)
    ridge = ridge * ridge
    body = 0.46 + 0.62 * cloud + 0.42 * rx + 0.26 * (1.0 - morph) * curl
    thread = ridge * (0.06 + 0.42 * morph + 0.22 * pulse) * (0.35 + body)
    tone = body + thread + 0.26 * detail * fine * (0.4 + ridge)
    return Field(tone=tone, hue=0.16 * rx + 0.09 * qx)


@pattern(
    family="flowing",
    title="Silk",
    source="Iterated sine warps, after Stefan Gustavson's and the demo scene's 'plasma' folds",
)
def silk(
    p: Point,
    *,
    phase: Expr = clock(0.09, 0.4, help="how fast the folds travel"),
    density: Expr = knob(1.0, 0.6, 1.8, unit="folds", help="folds per half height"),
    warp: Expr = knob(0.6, 0.2, 1.0, help="how deep the cloth is gathered"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="the weave's threads"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from satin's soft light to sharp gloss"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="gloss on the crests"),
) -> Field:
    """Cloth thrown in folds, its gloss traveling over the crests."""
    x, y = rotate(p.x, p.y, 0.07)
    x, y = x * density, y * density
    size = 1.0
    for k in range(5):
        step = warp * 0.50 / size
        x = x + step * sin_turns(y * size * 0.36 + phase * (0.5 + 0.13 * k) + 0.31 * k)
        y = y + step * sin_turns(x * size * 0.31 - phase * (0.4 + 0.11 * k) + 0.17 * k)
        size *= 1.42
    u = y * 1.15 + 0.45 * x
    slope, lean = sin_turns(u), sin_turns(u + 0.25)
    broad = sin_turns(x * 0.42 - y * 0.25 + 0.1)
    pleat = sin_turns(u * 3.0 + 0.35 * broad + 0.3 * lean)
    # The gloss is sharp on one flank of a fold and soft on the other, as on satin.
    satin = 0.5 + 0.5 * slope
    gloss = bell((slope + 0.30 * lean - 0.85) * (3.0 + 5.0 * morph))
    hollow = bell((slope - 0.35 * lean + 0.95) * 2.4)
    tone = 0.20 + 0.42 * satin * (0.75 + 0.25 * broad) + 0.13 * broad
    tone = tone + gloss * (0.30 + 0.20 * pulse) - 0.12 * hollow + 0.055 * pleat * (0.4 + satin)
    thread = sin_turns(x * 13.0 + 2.0 * lean) + sin_turns(u * 11.0)
    tone = tone + thread * (0.028 * detail) * (0.4 + satin)
    return Field(tone=tone, hue=0.12 * broad + 0.05 * lean)


@pattern(
    family="flowing",
    title="Marbled paper",
    source="Mathematical marbling: Lu, Jaffer, Jin, Zhao & Mao 2012 (drops and combs as maps)",
)
def marbling(
    p: Point,
    *,
    phase: Expr = clock(0.06, 0.3, help="how fast the combs are drawn to and fro"),
    warp: Expr = knob(0.55, 0.0, 1.0, help="how far the combs drag the paint"),
    density: Expr = knob(1.6, 1.0, 2.6, unit="tines", help="tines of the comb per half height"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="size of the drops"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="fine rings and grain of the paint"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the drops spread"),
) -> Field:
    """Paint dropped on a bath in rings and drawn into feathers by combs."""
    x, y = rotate(p.x, p.y, 0.04)
    # Undo the combs, last first: each tine drags what is near it, less with distance.
    combs = ((0.50, 0.9, 1.0), (-0.42, 0.7, 0.55), (-0.30, 0.8, 0.8))
    for k, (amount, rate, tines) in enumerate(combs):
        across = (y if k == 1 else x) * (density * tines)
        across = across + 0.35 * sin_turns(phase * rate * 0.6 + 0.3 * k) + 0.25 * k
        tine = across - floor(across) - 0.5
        # Tines take turns in direction, so that the sheet as a whole stays.
        pull = 0.05 / (0.05 + tine * tine) - 0.36
        pull = pull * (amount * (1.0 + 0.4 * sin_turns(phase * rate + 0.4 * k))) * warp
        if k == 1:
            x = x + pull
        else:
            y = y + pull
    x = x + 0.20 * swing(y * 0.36 + phase * 0.8)
    y = y + 0.20 * swing(x * 0.29 - phase * 0.7)
    tone: Expr = as_expr(0.0)
    tint: Expr = as_expr(0.0)
    left: Expr = as_expr(1.0)
    soft = p.pixel * 2.2
    for k in range(7):
        cx = 1.60 * (2.0 * ((k * GOLDEN + 0.13) % 1.0) - 1.0)
        cy = 0.95 * (2.0 * ((k * 0.7549 + 0.4) % 1.0) - 1.0)
        mid_x = cx + 0.12 * sin_turns(phase * 0.6 + 0.21 * k)
        mid_y = cy + 0.12 * sin_turns(phase * 0.5 + 0.37 * k)
        size = (0.24 + 0.20 * ((k * 0.3247 + 0.2) % 1.0)) * (0.65 + 0.6 * morph)
        size = size * (1.0 + 0.10 * sin_turns(phase * (0.7 + 0.05 * k) + 0.29 * k))
        size = size * (1.0 + 0.14 * pulse)
        dx, dy = x - mid_x, y - mid_y
        d2 = dx * dx + dy * dy + 1e-9
        inside = smoothstep(-1.0, 1.0, (size - sqrt(d2)) / soft) * left
        # Equal areas of paint, ring within ring.
        depth = d2 / (size * size)
        ring = swing(depth * (1.2 + 0.35 * (k % 3)) + 0.17 * k)
        paint = 0.20 + 0.55 * ((k * GOLDEN + 0.3) % 1.0)
        tone = tone + inside * (paint + 0.17 * squash(ring * (2.0 + 1.6 * detail)))
        tint = tint + inside * (0.24 * ((k * 0.5698) % 1.0) - 0.12 + 0.05 * ring)
        left = left - inside
        scale = sqrt(maximum(1.0 - size * size / d2, 1e-4))
        x, y = mid_x + dx * scale, mid_y + dy * scale
    # What no drop covers is the bath: stripes of older paint, combed and pushed aside by all drops.
    tine = x * density * 2.0 + 0.25 * swing(phase * 0.5)
    way = tine * 0.5 - floor(tine * 0.5 + 0.5)
    tine = tine - floor(tine) - 0.5
    comb = (0.06 / (0.06 + tine * tine) - 0.4) * (1.0 - 4.0 * absolute(way))
    v = y + comb * (0.28 * warp) + 40.0
    bath = squash((layers(v * 5.2, 3) - 0.5) * 3.4)
    fine = layers(v * 17.0 + 0.7 * x, 4)
    broad = swing(0.23 * x + 0.31 * y + 0.3)
    grain = noise(p.x * 8.0 + x, p.y * 8.0 + y, phase * 0.4, 4)
    tone = tone + left * (0.42 + 0.26 * bath + 0.10 * broad + (0.10 + 0.16 * detail) * (fine - 0.5))
    return Field(tone=tone + 0.07 * detail * grain, hue=tint + left * (0.07 * bath + 0.05 * broad))


@pattern(
    family="flowing",
    title="Currents",
    source="Area-true twirls of space around wandering eyes; strokes: stretched noise",
)
def currents(
    p: Point,
    *,
    phase: Expr = clock(0.16, 0.7, help="how fast the strokes stream"),
    wander: Expr = clock(0.05, 0.25, help="how fast the eyes of the whirls travel"),
    warp: Expr = knob(0.55, 0.0, 1.0, help="how far the whirls wind up"),
    density: Expr = knob(1.0, 0.6, 1.7, unit="×", help="strokes per height"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="bristle marks in the strokes"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="size of the whirls"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="eyes of the whirls light up"),
) -> Field:
    """Brush strokes drawn around wandering whirls, like a night sky in thick paint."""
    x, y = p.x, p.y
    eyes: Expr = as_expr(0.0)
    wound: Expr = as_expr(0.0)
    for k in range(6):
        cx = 1.6 * (2.0 * ((k * GOLDEN + 0.37) % 1.0) - 1.0)
        cy = 0.85 * (2.0 * ((k * 0.7549 + 0.15) % 1.0) - 1.0)
        mid_x = cx + 0.30 * sin_turns(wander * (0.8 + 0.07 * k) + 0.23 * k)
        mid_y = cy + 0.22 * sin_turns(wander * (0.6 + 0.09 * k) + 0.41 * k)
        size = (0.30 + 0.22 * ((k * 0.5698) % 1.0)) * (0.7 + 0.7 * morph)
        hand = 1.0 if k % 2 else -1.0
        dx, dy = x - mid_x, y - mid_y
        w = 1.0 / (1.0 + (dx * dx + dy * dy) / (size * size))
        w = w * w
        # A rotation by four half-angle tangents: no sine or cosine at any point.
        t = w * warp * (hand * 1.25)
        inverse = 1.0 / (1.0 + t * t)
        c, s = (1.0 - t * t) * inverse, 2.0 * t * inverse
        c, s = c * c - s * s, 2.0 * c * s
        x, y = mid_x + dx * c - dy * s, mid_y + dx * s + dy * c
        eyes = eyes + w * w * w
        wound = wound + w * hand
    a = noise(x * 0.7, y * 0.9, wander, 5)
    v = y * density + 0.35 * a
    bands = noise(x * 0.55 - phase * 0.5, v * 2.4, wander * 0.8, 6)
    strokes = noise(x * 1.5 - phase * 1.1, v * 7.0, wander, 7)
    bristle = noise(x * 3.0 - phase * 1.5, v * 17.0 + 3.0 * strokes, wander, 8)
    tone = 0.45 + 0.50 * bands + 0.20 * a + 0.26 * strokes + 0.16 * detail * bristle
    tone = tone + eyes * (0.42 + 0.3 * pulse) - 0.10 * minimum(absolute(wound), 1.0)
    return Field(tone=tone, hue=0.13 * bands + 0.10 * minimum(eyes, 1.0) + 0.05 * a)


@pattern(
    family="flowing",
    title="Veils",
    source="Threads on twisted sheets: the caustics of a projected helix, inverted in closed form",
)
def veils(
    p: Point,
    *,
    phase: Expr = clock(0.12, 0.5, help="how fast the veils twist"),
    density: Expr = knob(26.0, 14.0, 44.0, unit="threads", help="threads in a sheet"),
    warp: Expr = knob(0.5, 0.0, 1.0, help="how far the sheets billow"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="width of the sheets"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="from gauze to separate threads"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="folds light up"),
) -> Field:
    """Sheets of luminous thread that twist through the dark."""
    light: Expr = as_expr(0.0)
    tint: Expr = as_expr(0.0)
    for k in range(3):
        f = 0.21 + 0.06 * k
        x = p.x + 0.20 * swing(p.y * 0.3 + phase * 0.3 + 0.25 * k)
        swell = sin_turns(x * f * 1.3 + phase * (0.37 - 0.11 * k) + 0.31 * k)
        middle = (0.34 + 0.26 * warp) * sin_turns(x * f - phase * (0.3 + 0.07 * k) + 0.29 * k)
        middle = middle + warp * 0.16 * sin_turns(x * f * 2.7 + phase * 0.5 + 0.13 * k)
        wide = (0.22 + 0.48 * morph) * (1.0 + 0.60 * swell)
        z = (p.y - middle) / wide
        inside = 1.0 - z * z
        root = sqrt(maximum(inside, 0.0))
        # Where this point lies around the twisted sheet, seen from the front.
        u = atan2(clamp(z, -1.0, 1.0), maximum(root, 1e-4)) * (1.0 / TAU)
        lean = u - x * (0.15 + 0.035 * k)
        travel = phase * (0.3 - 0.125 * k)
        # Threads that come closer than pixels melt into cloth.
        blur = p.pixel * density / (wide * TAU * maximum(root, 0.02))
        # The clock moves threads by its own measure: times `density` it would throw them about.
        thread = _thread(lean * density - travel * 24.0, detail * clamp(1.4 - 3.0 * blur))
        coarse = 0.5 + 0.5 * sin_turns((lean - travel) * 5.0 + 0.6 * swell)
        shade = 0.5 + 0.5 * sin_turns(2.0 * (lean - travel) - u)
        fold = 0.14 / (0.14 + root)
        veil = (0.18 + 0.50 * shade + (0.45 + 0.35 * pulse) * coarse * coarse) * (
            0.30 + 0.9 * thread
        )
        rim = fold * fold * fold * (0.30 + 0.6 * pulse)
        edge = smoothstep(0.0, 0.06, inside)
        aura = 0.09 / (0.45 + z * z)
        one = edge * (veil * (0.34 + 0.5 * fold) + rim) + aura
        light = light + one
        tint = tint + one * (0.15 * k - 0.15 + 0.12 * (shade - 0.5))
    tint = tint / (light + 0.02)
    return Field(tone=squash(light * 0.66), hue=tint, mask=smoothstep(-0.05, 0.5, light))


def _thread(u: Expr, seen: Expr) -> Expr:
    """Return a row of bright lines, one per unit of `u`, fading to their mean as `seen` does."""
    t = u - floor(u) - 0.5
    t = 1.0 - 4.0 * t * t
    t = t * t
    return mix(0.5, t * t * 1.25, seen)
