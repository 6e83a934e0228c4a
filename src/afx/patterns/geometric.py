"""Geometric patterns made of waves: quasicrystals, vibrating plates, interference and mandalas.

Waves have no edges, so they never alias; what gives them a place to look at is that their weight,
scale or order changes over the picture. Positions are in half heights; angles in turns.
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
    knob,
    log2,
    maximum,
    minimum,
    mix,
    noise,
    rotate,
    sin_turns,
    smoothstep,
    sqrt,
)
from afx.patterns.registry import pattern

WAVES = 7
"""Families of plane waves in the quasicrystal."""


@pattern(
    family="geometric",
    title="Quasicrystal",
    source="Sums of plane waves: D. Shechtman et al. (1984); N. G. de Bruijn (1981)",
)
def quasicrystal(
    p: Point,
    *,
    phase: Expr = clock(0.08, 0.32, help="how fast the waves pass through each other"),
    density: Expr = knob(0.6, 0.0, 1.0, help="how many figures fit into the picture"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the finer crystal inside the coarse one"),
    morph: Expr = knob(0.3, 0.0, 1.0, help="from rosettes to folded bands"),
    warp: Expr = knob(0.25, 0.0, 1.0, help="bends the crystal like a lens"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="sharpens the rims of the figures"),
) -> Field:
    """Seven families of waves that never repeat: rosettes within rosettes, always opening."""
    r2 = p.x * p.x + p.y * p.y
    # A lens: the middle is near, the borders far.
    scale = (1.0 + 1.6 * density) * (1.0 + warp * 0.8 * r2 / (1.0 + 0.5 * r2))
    x, y = p.x * scale, p.y * scale
    coarse: Expr | float = 0.0
    fine: Expr | float = 0.0
    for k in range(WAVES):
        # Directions over the whole turn and one phase for all: an odd number of waves then keeps
        # its rosette in the middle while it opens and closes.
        turn = TAU * k / WAVES
        along = x * math.cos(turn) + y * math.sin(turn)
        coarse = coarse + cos_turns(along + phase)
        fine = fine + cos_turns(along * 2.618 - phase * 0.6)
    waves = coarse * (1.0 / WAVES)
    small = fine * (1.0 / WAVES)
    # The coarse waves draw the figures; the finer ones are engraved into them.
    height = waves * 1.15
    folded = sin_turns(height * (0.55 + 0.8 * morph) + 0.06 * small + 0.03)
    rim = exp2(-absolute(folded) * (8.0 - 3.0 * pulse))
    engraved = small * (0.10 + 0.34 * detail) * (1.0 - 0.6 * rim)
    tone = 0.40 + 0.30 * height + 0.17 * folded + (0.18 + 0.20 * pulse) * rim + engraved
    tone = tone - 0.08 * r2 / (1.0 + 0.3 * r2)
    return Field(tone=clamp(tone), hue=0.10 * small - 0.10 * folded)


@pattern(
    family="geometric",
    title="Chladni plate",
    source="Sand figures on vibrating plates: E. F. F. Chladni (1787); W. Ritz (1909)",
)
def chladni(
    p: Point,
    *,
    phase: Expr = clock(0.05, 0.2, help="how fast one figure turns into the next"),
    density: Expr = knob(0.4, 0.0, 1.0, help="order of the vibration: finer figures"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="balance of the two tones that sound together"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of the overtones"),
    warp: Expr = knob(0.2, 0.0, 1.0, help="from a square plate to a round one"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="sand gathers in brighter lines"),
) -> Field:
    """Sand dances into the still lines of a singing plate, from one figure to the next."""
    r2 = p.x * p.x + p.y * p.y
    # The round plate crowds its figures towards the rim.
    bend = 1.0 + (warp - 0.25) * 0.9 * r2 / (1.0 + 0.35 * r2)
    x, y = rotate(p.x * bend * 0.5, p.y * bend * 0.5, 0.125 + 0.02 * sin_turns(phase * 0.43))
    low = 0.9 + 1.1 * density
    n = low * (1.15 + 0.35 * sin_turns(phase))
    m = low * (2.35 + 0.55 * sin_turns(phase * 0.73 + 0.3))
    k = low * (3.9 + 0.6 * sin_turns(phase * 0.57 + 0.6))
    # Equal parts of (n, m) and (m, n) keep the plate's own symmetry.
    first = _plate(x, y, n, m)
    second = _plate(x, y, m, k)
    third = _plate(x, y, k, n + k * 0.5)
    swing = first * (1.1 - 0.7 * morph) + (0.15 + 0.75 * morph) * second
    swing = swing + (0.06 + 0.30 * detail) * third * sin_turns(phase * 0.9 + 0.1)
    sand = exp2(-absolute(swing) * (8.0 - 3.0 * pulse))
    halo = exp2(-absolute(swing) * 1.8)
    grain = exp2(-absolute(third + 0.3 * first) * 6.0)
    tone = 0.05 + 0.36 * halo + (0.40 + 0.2 * pulse) * sand + 0.10 * clamp(swing, -1.0, 1.0)
    tone = tone + (0.03 + 0.20 * detail) * grain * (1.0 - halo * halo)
    tone = tone * (1.10 - 0.34 * r2 / (1.0 + 0.5 * r2))
    return Field(tone=clamp(tone), hue=0.14 * swing / (1.0 + absolute(swing)) + 0.05 * second)


def _plate(x: Expr, y: Expr, n: Expr, m: Expr) -> Expr:
    """Return a square plate's modes (n, m) and (m, n) in equal parts."""
    return cos_turns(x * n) * cos_turns(y * m) + cos_turns(x * m) * cos_turns(y * n)


@pattern(
    family="geometric",
    title="Ripple tank",
    source="Interference of circular waves: T. Young (1807); moiré envelopes: G. Oster (1964)",
)
def moire(
    p: Point,
    *,
    phase: Expr = clock(0.02, 0.08, help="how fast the sources orbit"),
    ripple: Expr = clock(0.25, 1.0, help="how fast the waves run outwards"),
    density: Expr = knob(0.4, 0.0, 1.0, help="waves from a source to the border"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="how far apart the sources are"),
    detail: Expr = knob(0.4, 0.0, 1.0, help="weight of the single waves against their beats"),
    warp: Expr = knob(0.3, 0.0, 1.0, help="stirs the water"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the sources light up"),
) -> Field:
    """Five orbiting sources send rings through each other; their beats draw great arcs."""
    stir = noise(p.x * 0.8 + 3.0, p.y * 0.8, phase * 0.7, salt=3) * (0.30 * warp)
    x, y = p.x + stir, p.y - stir * 0.7
    waves = 2.6 + 4.4 * density
    real: Expr | float = 0.0
    imag: Expr | float = 0.0
    weight: Expr | float = 0.0
    close: Expr | float = 0.0
    for k in range(5):
        way = 1.0 if k % 2 else -0.7
        angle = phase * (way * (1.0 + 0.13 * k)) + k * 0.2
        reach = (0.30 + 0.75 * morph) * (0.55 + 0.22 * k)
        sx = reach * 1.25 * cos_turns(angle)
        sy = reach * 0.72 * sin_turns(angle)
        d2 = (x - sx) * (x - sx) + (y - sy) * (y - sy)
        d = sqrt(d2 + 0.002)
        a = 1.0 / (0.55 + d)
        turn = d * (waves * (1.0 + 0.035 * k)) - ripple
        real = real + a * cos_turns(turn)
        imag = imag + a * sin_turns(turn)
        weight = weight + a
        close = close + exp2(-d2 * 26.0)
    beat = sqrt(real * real + imag * imag + 1e-4) / weight
    carrier = real / weight
    tone = 0.03 + 1.12 * beat + (0.12 + 0.30 * detail) * carrier * (1.15 - beat)
    tone = tone + (0.10 + 0.30 * pulse) * close
    return Field(tone=clamp(tone), hue=0.16 * (beat - 0.4) + 0.05 * stir)


@pattern(
    family="geometric",
    title="Mandala",
    source="Petals on a logarithmic lattice, as in dahlias and in sand mandalas",
)
def mandala(
    p: Point,
    *,
    phase: Expr = clock(0.06, 0.24, help="how fast the rings of petals sway against each other"),
    bloom: Expr = clock(0.15, 0.6, help="how fast new rings open from the center"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from round petals to pointed ones"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="weight of veins and rims"),
    density: Expr = knob(0.4, 0.0, 1.0, help="how close the rings follow each other"),
    warp: Expr = knob(0.3, 0.0, 1.0, help="winds the petals into a spiral"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the tips of the petals light up"),
) -> Field:
    """Rings of petals open from the center without end, each swaying against the last."""
    petals = 14
    r2 = p.x * p.x + p.y * p.y
    r = sqrt(r2 + 1e-6)
    angle = atan2(p.y, p.x) * (1.0 / TAU)
    octave = log2(r)
    pixel = p.pixel * (petals / TAU) / r
    depth = octave * (1.5 + 1.3 * density) - bloom
    ring = floor(depth)
    around = angle * petals + warp * 1.2 * octave
    tone: Expr | float = 0.0
    hue: Expr | float = 0.0
    # The point lies on a petal of its own ring or, where it reaches that far, on one of the ring
    # inside, which lies on top; a petal is two rings long.
    for back in (0.0, 1.0):
        own = ring - back
        v = depth - own
        u = fract(around + own * 0.5 + 0.22 * sin_turns(phase + own * 0.13)) - 0.5
        t = maximum(v - 1.0, 0.0)
        round_ = sqrt(maximum(1.0 - t * t, 0.0))
        pointed = (1.0 - t) * (1.0 + 0.75 * t)
        width = 0.5 * mix(round_, pointed, morph)
        inside = width - absolute(u)
        cover = smoothstep(-1.0 * pixel, 1.0 * pixel, inside)
        edge = clamp(inside * 2.0 / (width + 0.05))
        dome = sqrt(edge * (2.0 - edge) + 1e-5)
        tip = v * 0.5
        vein = cos_turns(u * (5.0 - 1.5 * tip) / (width * 2.0 + 0.2) * 1.0)
        spine = exp2(-absolute(u) * 26.0)
        rim = exp2(-maximum(inside, 0.0) * (22.0 - 8.0 * pulse))
        shade = 0.08 + (0.18 + 0.42 * tip) * dome + (0.02 + 0.12 * detail) * vein * dome * tip
        shade = shade + (0.10 + 0.22 * detail) * spine * (1.0 - tip)
        shade = shade + (0.10 + 0.22 * detail + 0.25 * pulse) * rim * tip * tip
        own_hue = 0.10 * sin_turns(own * 0.11 + phase * 0.5) + 0.10 * (tip - 0.5)
        if back == 0.0:
            tone, hue = shade, own_hue
        else:
            # The petal above throws a soft shadow on the one below.
            shadow = 1.0 - 0.55 * exp2(minimum(inside, 0.0) * 14.0)
            tone, hue = mix(tone * shadow, shade, cover), mix(hue, own_hue, cover)
    core = exp2(-r * 9.0)
    fade = smoothstep(0.5, 0.15, pixel)
    tone = mix(0.45, tone, fade) + 0.45 * core - 0.05 * r
    return Field(tone=clamp(tone), hue=hue * fade)
