"""Landscapes: flowing patterns with a horizon, seen from where one stands."""

from __future__ import annotations

from afx.field import (
    Expr,
    Field,
    Point,
    absolute,
    as_expr,
    bell,
    clamp,
    clock,
    floor,
    hash_cell,
    knob,
    maximum,
    minimum,
    mix,
    noise,
    sin_turns,
    smoothstep,
    sqrt,
    squash,
    to_float,
    to_int,
    unit_float,
)
from afx.patterns.motifs import layers, swing
from afx.patterns.registry import pattern


@pattern(
    family="flowing",
    title="Aurora",
    source="Curtains of rays: Lawlor & Genetti 2011, 'Volume rendering aurora'",
)
def aurora(
    p: Point,
    *,
    phase: Expr = clock(0.10, 0.4, help="how fast the curtains wander"),
    shimmer: Expr = clock(0.35, 1.5, help="how fast the rays flicker along the curtains"),
    warp: Expr = knob(0.5, 0.0, 1.0, help="how deep the curtains fold"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="contrast of the rays"),
    density: Expr = knob(1.0, 0.6, 1.8, unit="×", help="rays per width"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="height of the curtains"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="lower edges light up"),
) -> Field:
    """Curtains of light over a still lake under stars."""
    shore = 0.60
    below = smoothstep(-1.0, 1.0, (p.y - shore) / (p.pixel * 1.5))
    under = maximum(p.y - shore, 0.0)
    # The lake mirrors the sky, stretched, broken by ripples that shrink toward the shore.
    ripple = noise(p.x * 2.2, under * 30.0 / (0.25 + under) + shimmer * 0.6, shimmer * 0.4, 9)
    x = p.x + ripple * under * 0.25
    y = shore - absolute(p.y - shore) * (1.0 + 0.35 * below)
    lens = 1.0 / (1.55 + 0.42 * y)
    wide = x * lens
    light: Expr = as_expr(0.0)
    tint: Expr = as_expr(0.0)
    for k in range(3):
        place = wide * (1.1 + 0.25 * k) + 3.7 * k
        fold = noise(place * 0.9 + phase * (0.5 - 0.3 * k), phase * 0.45 + 7.0 * k, phase, 40 + k)
        wave = swing(place * 0.55 + phase * (0.35 + 0.1 * k) + 0.2 * k)
        base = 0.34 - 0.30 * k + warp * (0.42 * fold + 0.16 * wave)
        up = base - y
        along = place * 9.0 + fold * 7.0 * warp + wave * 2.0
        ray = layers(along * density + shimmer * (0.8 - 0.5 * k), 50 + k)
        hair = layers(along * density * 3.3 - shimmer, 60 + k)
        rays = mix(0.5, ray * (0.5 + 0.7 * hair), 0.25 + 0.75 * detail)
        tall = (0.16 + 0.42 * morph) * (0.35 + 1.0 * ray)
        fade = maximum(up, 0.0) / tall
        glow = 1.0 / (1.0 + fade * fade * (1.0 + fade))
        edge = smoothstep(-0.05, 0.03, up)
        rim = bell((up - 0.02) * 24.0)
        strength = (1.0 - 0.22 * k) * (0.62 + 0.5 * swing(place * 0.8 - phase * 0.4 + 0.3 * k))
        one = (edge * glow * rays * 0.95 + rim * (0.10 + 0.25 * pulse) * rays) * strength
        light = light + one
        tint = tint + one * (minimum(fade * 0.5, 1.0) - 0.7 * rim)
    tint = tint / (light + 0.05)
    sky = 0.10 + 0.16 * smoothstep(-1.0, 0.75, y)
    # Stars, one in some of the cells of a fine grid.
    gx, gy = p.x * 9.0, p.y * 9.0
    cx, cy = floor(gx), floor(gy)
    h = hash_cell(to_int(cx), to_int(cy), 4)
    sx = gx - cx - 0.2 - 0.6 * unit_float(h)
    sy = gy - cy - 0.2 - 0.6 * to_float(h & 0xFF) * (1.0 / 256.0)
    size = maximum(0.035, 9.0 * p.pixel)
    star = bell(sqrt(sx * sx + sy * sy) * (2.2 / size)) * smoothstep(0.45, 1.0, unit_float(h * 77))
    twinkle = 0.65 + 0.35 * sin_turns(shimmer * 0.5 + unit_float(h))
    star = star * twinkle * (1.0 - below) * (1.0 - minimum(light, 1.0))
    hill = shore - 0.05 - 0.15 * layers(x * 1.1 + 3.0, 80) - 0.05 * layers(x * 3.7, 81)
    hill = hill - 0.012 * layers(x * 17.0, 82)
    land = smoothstep(-1.0, 1.0, (y - hill) / (p.pixel * 1.2))
    tone = squash(light * 0.92 + sky * 1.1) * (1.0 - 0.22 * below) + 0.75 * star
    tone = mix(tone, 0.045 + 0.10 * light * below, land * (1.0 - 0.35 * below))
    return Field(
        tone=tone, hue=0.20 * tint - 0.02, mask=clamp(0.25 + 2.0 * tone) * (1.0 - 0.6 * land)
    )


@pattern(
    family="flowing",
    title="Dunes",
    source="Silhouettes of noise with aerial perspective; value noise: Perlin 1985",
)
def dunes(
    p: Point,
    *,
    phase: Expr = clock(0.10, 0.5, help="how fast one travels over the land"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="from low dunes to high ridges"),
    warp: Expr = knob(0.5, 0.0, 1.0, help="how steep the crests lean"),
    density: Expr = knob(1.0, 0.6, 1.7, unit="×", help="crests per width"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="ripples that the wind leaves in the sand"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="light along the crests"),
) -> Field:
    """Ridge behind ridge fading into the haze, under a low sun."""
    sun_x, sun_y = 0.45 + 0.25 * sin_turns(phase * 0.11), -0.40
    dx, dy = p.x - sun_x, p.y - sun_y
    r2 = dx * dx + dy * dy
    disc = smoothstep(-1.0, 1.0, (0.17 - sqrt(r2 + 1e-6)) / (p.pixel * 1.5))
    halo = 0.10 / (0.16 + r2)
    haze = swing(p.y * 1.1 + 0.15 * swing(p.x * 0.35 + phase * 0.2) + phase * 0.1)
    tone = 0.44 + 0.30 * p.y + 0.44 * halo + 0.04 * haze + 0.14 * disc
    tint: Expr = 0.06 * halo - 0.05 * p.y
    count = 6
    for k in range(count):
        near = k / (count - 1)
        scale = density * (1.9 - 1.3 * near)
        place = p.x * scale + phase * (0.25 + 1.5 * near * near) * 1.0 + 13.7 * k
        lean = place + warp * 0.30 * swing(place * 0.5 + 0.1 * k)
        high = layers(lean * 0.8, 90 + k)
        middle = layers(lean * 2.1 + 5.0, 100 + k)
        # Sharp along the top, as the wind leaves sand.
        crest = 0.95 - 1.1 * sqrt((2.0 * high - 1.0) * (2.0 * high - 1.0) + 0.006) + 0.42 * middle
        top = (
            -0.28 + 1.12 * near**1.25 - (0.10 + 0.42 * morph) * (0.45 + 0.75 * near) * (crest - 0.3)
        )
        under = p.y - top
        cover = smoothstep(-1.0, 1.0, under / (p.pixel * 1.5))
        deep = minimum(maximum(under, 0.0) / (0.22 + 0.5 * near), 1.0)
        # Crests catch the light, feet drown in haze; near ridges are darker.
        light = 0.41 - 0.37 * near + 0.14 * (high - 0.5) + (0.10 + 0.14 * near) * deep
        light = light + 0.10 * halo * (1.0 - near) * (1.0 - near)
        rim = bell(under * (34.0 - 20.0 * near)) * (0.14 + 0.22 * pulse)
        ripples = swing(under * (15.0 - 7.0 * near) + 2.6 * middle + 1.4 * high + place * 1.3)
        light = light + rim + ripples * ((0.012 + 0.036 * near) * detail)
        tone = mix(tone, light, cover)
        tint = mix(tint, 0.10 * (1.0 - near) - 0.08 + 0.05 * rim, cover)
    return Field(tone=tone, hue=tint)
