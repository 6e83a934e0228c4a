"""From fields to color: the grade, the palette and the picture's final planes.

A field's tone, hue and mask become color in one kernel: tone curve, palette, side light,
highlights, vignette, safety gain, light and film, dither. It works in Y'CbCr, which is a linear map
of display RGB, so gains, blends and colorfulness mean the same there and video planes cost nothing
extra.

A field may also bring its own colors (a *direct* field): then its three planes are Y', Cb and Cr,
and only the grade is applied. What a picture does not use is not in its kernel: :class:`Colors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afx.chroma import dither, rgb_outputs, to_rgb
from afx.field import (
    Buffer,
    Expr,
    Program,
    absolute,
    as_expr,
    clamp,
    cos_turns,
    exp2,
    floor,
    fract,
    maximum,
    minimum,
    mix,
    sin_turns,
    smoothstep,
    sqrt,
    to_int,
    uniform,
)
from afx.field.program import plane
from afx.packed import HUES, TONES, pack, packed_tables, paired_tables, to_ycc, unpack, ycc_table
from afx.post import EFFECTS, bilinear, filmed, grained, haloed, lit, warmed
from afx.stage import GRADE_KNOBS
from afx.transition import Shape
from afx.wipes import WIPE_KNOBS, wipe_weight

__all__ = [
    "EFFECTS",
    "FRAME_KNOBS",
    "GAMMA",
    "HUES",
    "TONES",
    "Colors",
    "light_program",
    "pack",
    "packed_tables",
    "paired_tables",
    "planes_program",
    "rgb_program",
    "to_ycc",
    "video_program",
    "ycc_table",
]

GAMMA = 2.2
"""Display exponent by which gains on linear light become gains on encoded values."""

FRAME_KNOBS = (
    *(k.name for k in GRADE_KNOBS),
    "scale_a",
    "offset_a",
    "scale_b",
    "offset_b",
    "weight_b",
    "inverse_aspect",
    *WIPE_KNOBS,
)
"""Uniforms of the color kernels: grade, each scene's normalization, the cross-fade, the shape, the
wipe."""

_SLOPE_TO_LIGHT = (0.6, 0.8)
"""Slopes that face the light: it comes from the top left, as people expect light to fall."""


@dataclass(frozen=True)
class Colors:
    """What a picture's colors need: which kernel makes them.

    Attributes
    ----------
    fade : bool
        There is a second field (planes ``*_b``).
    gain : bool
        The safety gain of the buffer ``gain`` is applied (encoded values, bilinear).
    direct : (bool, bool)
        Which of the fields bring their own colors: their planes ``tone, hue, mask`` are Y' in
        [0, 1] and Cb, Cr in [−½, ½]. Of the grade they take contrast, lift, hue (which turns Cb and
        Cr), chroma, glow, vignette, exposure and all `EFFECTS`; they have no relief.
    wipe : str, optional
        A mask, not the knob ``weight_b``, says how much of the second field a pixel shows.
    palettes : int
        2 if each field of a wipe has its own tables (``palette_a``, ``palette_b``, …).
    effects : tuple of str
        Those of `EFFECTS` that are not 0.
    """

    fade: bool = False
    gain: bool = False
    direct: tuple[bool, bool] = (False, False)
    wipe: Shape | None = None
    palettes: int = 1
    effects: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Mix:
    """The fields that a color is made of, and the share of the second.

    Attributes
    ----------
    of : str
        ``"a"``, ``"b"`` or ``"ab"``.
    weight : Expr
    wiped : bool
        The weight differs from pixel to pixel, and is 0 or 1 in most.
    """

    of: str
    weight: Expr
    wiped: bool = False

    def only(self, of: str) -> _Mix:
        """Return some of the fields."""
        return _Mix(of, self.weight, self.wiped)

    def join(self, values: Sequence[Expr]) -> Expr:
        """Return the mixture of one value for each field."""
        if len(values) == 1:
            return values[0]
        if self.wiped:  # as a product each, so that at the ends one is left exactly
            return values[0] * (1.0 - self.weight) + values[1] * self.weight
        return mix(values[0], values[1], self.weight)


def _blend(name: str, fields: _Mix) -> Expr:
    """Return a plane's value here."""
    return fields.join([plane(f"{name}_{role}") for role in fields.of])


def _normalized(role: str, dx: int = 0, dy: int = 0) -> Expr:
    return plane(f"tone_{role}", dx, dy) * uniform(f"scale_{role}") + uniform(f"offset_{role}")


def _normalized_tone(fields: _Mix, dx: int = 0, dy: int = 0) -> Expr:
    """Return the tone of this pixel, or a neighbor, by its scene's frozen percentiles."""
    return fields.join([_normalized(role, dx, dy) for role in fields.of])


def _lively_tone(fields: _Mix) -> Expr:
    """Return this pixel's tone, with the contrast that a mean of two unlike tones has lost.

    As much as keeps the variance (Heitz and Neyret 2018, "High-performance by-example noise using a
    histogram-preserving blending operator").
    """
    tone = _normalized_tone(fields)
    if len(fields.of) == 1:
        return tone
    share, rest = fields.weight, 1.0 - fields.weight
    lost = 1.0 / sqrt(share * share + rest * rest) - 1.0  # exactly 0 at both ends
    return tone + (tone - 0.5) * lost


def _curve(tone: Expr) -> Expr:
    """Contrast and lift; [0, 1] stays [0, 1]."""
    t = clamp(tone)
    steep = (uniform("contrast") - 0.5) * 2.0
    t = t + steep * (t * (1.0 - t) * (2.0 * t - 1.0))
    return t + uniform("lift") * 2.0 * (t * (1.0 - t))


def _tone_curve(tone: Expr) -> Expr:
    """Contrast, lift and the palette's travel; [0, 1] stays [0, 1]."""
    # The palette is a ramp, not a circle: a tone that travels past its end comes back.
    u = (_curve(tone) + uniform("cycle")) * 0.5
    return 1.0 - absolute(1.0 - 2.0 * (u - floor(u)))


def _side_light(fields: _Mix) -> Expr:
    """Return the light on the tones seen as a landscape, −1 (shade) to 1 (lit)."""
    if fields.wiped:  # each field's own, or the seam would be a slope
        return fields.join([_side_light(_Mix(role, fields.weight)) for role in fields.of])
    # Central differences a pixel apart, per unit of the picture: the same slope at any size.
    per_unit = 0.5 / as_expr(Expr("pixel", "f"))
    gx = (_normalized_tone(fields, 1, 0) - _normalized_tone(fields, -1, 0)) * per_unit
    gy = (_normalized_tone(fields, 0, 1) - _normalized_tone(fields, 0, -1)) * per_unit
    height = 0.35
    gx, gy = gx * height, gy * height
    return (gx * _SLOPE_TO_LIGHT[0] + gy * _SLOPE_TO_LIGHT[1]) / sqrt(1.0 + gx * gx + gy * gy)


@dataclass(frozen=True)
class _Base:
    """The color of a pixel before light and grade.

    Attributes
    ----------
    ycc : tuple of three Expr
    tone : Expr
        What decides where highlights glow.
    mask : Expr
        How much of the pixel is form, not ground: only forms glow and have relief.
    light : Expr
        The side light, −1 to 1.
    knee : Expr
        Luma from which highlights roll off.
    """

    ycc: tuple[Expr, Expr, Expr]
    tone: Expr
    mask: Expr
    light: Expr
    knee: Expr


_KNEE, _ROOM = 0.86, 0.14
"""Luma from which highlights roll off, and how far they get above it."""


def _looked_up(suffix: str, tone: Expr, line: Expr, mask: Expr) -> tuple[Expr, Expr, Expr]:
    """Return the color that a palette has for a tone in one of its rows of hues."""
    at = tone * float(TONES - 1)
    first = floor(at)
    share = at - first
    table, ground = Buffer(f"palette{suffix}", "i"), Buffer(f"ground{suffix}", "i")
    low = unpack(table.fetch(to_int(first), line))
    high = unpack(table.fetch(to_int(first) + 1, line))
    base = unpack(ground.fetch(line, as_expr(0, "i")))
    luma, cb, cr = (mix(g, mix(a, b, share), mask) for a, b, g in zip(low, high, base, strict=True))
    return luma, cb, cr


def _from_palette(fields: _Mix, palettes: int, noise: Expr) -> _Base:
    """Return the color that the palette has for the fields."""
    tone = _tone_curve(_lively_tone(fields))
    hue = _blend("hue", fields) * uniform("hue_spread") + uniform("hue")
    mask = clamp(_blend("mask", fields))
    # Between the table's hues by dither: rows differ by less than two codes of video.
    turn = (hue - floor(hue)) * float(HUES) + fract(noise * 7.31)
    line = to_int(turn)
    line = line & (HUES - 1)
    if palettes == 1:
        luma, cb, cr = _looked_up("", tone, line, mask)
    else:
        both = [_looked_up(f"_{role}", tone, line, mask) for role in fields.of]
        luma, cb, cr = (fields.join(values) for values in zip(*both, strict=True))
    return _Base((luma, cb, cr), tone, mask, _side_light(fields), as_expr(_KNEE))


def _from_field(fields: _Mix) -> _Base:
    """Return the color that direct fields bring themselves."""
    luma = _curve(_normalized_tone(fields))
    cb, cr = clamp(_blend("hue", fields), -0.5, 0.5), clamp(_blend("mask", fields), -0.5, 0.5)
    turned, across = cos_turns(uniform("hue")), sin_turns(uniform("hue"))
    ycc = (luma, cb * turned - cr * across, cb * across + cr * turned)
    # Colors that were chosen stay as they are: only what the grade adds rolls off.
    return _Base(ycc, luma, as_expr(1.0), as_expr(0.0), maximum(luma, _KNEE))


def _mixed(a: _Base, b: _Base, fields: _Mix) -> _Base:
    luma, cb, cr = (fields.join([x, y]) for x, y in zip(a.ycc, b.ycc, strict=True))
    return _Base(
        (luma, cb, cr),
        fields.join([a.tone, b.tone]),
        fields.join([a.mask, b.mask]),
        fields.join([a.light, b.light]),
        fields.join([a.knee, b.knee]),
    )


def _base(colors: Colors, fields: _Mix, noise: Expr) -> _Base:
    painted = "".join(r for r, own in zip(fields.of, colors.direct, strict=False) if own)
    toned = "".join(r for r in fields.of if r not in painted)
    if not painted:
        return _from_palette(fields, colors.palettes, noise)
    if not toned:
        return _from_field(fields)
    parts = {
        toned: _from_palette(fields.only(toned), 1, noise),
        painted: _from_field(fields.only(painted)),
    }
    return _mixed(parts["a"], parts["b"], fields)


def _first_tones(direct: bool) -> Expr:
    """Return how early the new field shows in a wipe by its own tones: lights and forms first."""
    tone = clamp(_normalized("b"))
    return tone if direct else tone * clamp(plane("mask_b"))


def _fields(colors: Colors, x: Expr, y: Expr) -> _Mix:
    if not colors.fade:
        return _Mix("a", uniform("weight_b"))
    if colors.wipe is None:
        return _Mix("ab", uniform("weight_b"))
    weight = wipe_weight(
        colors.wipe, x, y, uniform("inverse_aspect"), lambda: _first_tones(colors.direct[1])
    )
    return _Mix("ab", weight, wiped=True)


def graded(colors: Colors) -> tuple[Expr, Expr, Expr, Expr]:
    """Return (Y', Cb, Cr, dither) of the pixel."""
    x, y, pixel = (Expr(n, "f") for n in ("x", "y", "pixel"))
    inverse_aspect = uniform("inverse_aspect")
    per_pixel = 1.0 / pixel
    column = floor(x * per_pixel)
    row = floor(y * per_pixel)
    noise = dither(column, row)
    base = _base(colors, _fields(colors, x, y), noise)
    effects = colors.effects
    luma, cb, cr = warmed(base.ycc) if "warmth" in effects else base.ycc
    light, mask = base.light, base.mask
    relief = uniform("relief") * mask
    factor = 1.0 + relief * (0.55 * light)
    factor = factor * (1.0 + uniform("glow") * 0.6 * smoothstep(0.55, 1.0, base.tone) * mask)
    across = x * inverse_aspect
    corner = (across * across + y * y) * 0.5
    factor = factor * (1.0 - uniform("vignette") * corner)
    factor = factor * exp2(uniform("exposure") * (1.0 / GAMMA))
    gain = bilinear(Buffer("gain"), across, y)[0] if colors.gain else None
    if gain is not None:
        factor = factor * gain
    # A glint where the landscape faces the light.
    facing = maximum(light, 0.0)
    glint = relief * 0.22 * (facing * facing) * (facing * facing)
    luma = luma * factor + glint
    chroma = uniform("chroma") * minimum(factor, 1.25)
    if "halo" in effects:
        luma, cb, cr = haloed((luma, cb * chroma, cr * chroma), base.ycc[0], across, y, gain)
        chroma = as_expr(1.0)
    # Highlights roll off instead of clipping, and lose color as they do.
    over = maximum(luma - base.knee, 0.0) * (1.0 / _ROOM)
    keep = 1.0 / (1.0 + over)
    luma = minimum(luma, base.knee) + _ROOM * (over * keep)
    chroma = chroma * keep
    luma, cb, cr = clamp(luma), cb * chroma, cr * chroma
    if "film" in effects:
        luma, cb, cr = filmed((luma, cb, cr))
    if "grain" in effects:
        luma = clamp(grained(luma, column, row))
    return luma, cb, cr, noise


def video_program(colors: Colors) -> Program:
    """Return the kernel that writes luma as bytes and color differences at full size.

    Outputs: ``y``, bytes in limited range; ``cb``, ``cr``, floats in codes before dither, which may
    add a whole code: they stay that much below the range's end.
    """
    luma, cb, cr, noise = graded(colors)
    return Program(
        (
            ("y", 16.0 + 219.0 * luma + noise),
            ("cb", 128.0 + 224.0 * clamp(cb, -0.5, 0.4999)),
            ("cr", 128.0 + 224.0 * clamp(cr, -0.5, 0.4999)),
        ),
        FRAME_KNOBS,
    )


def rgb_program(colors: Colors, *, floats: bool) -> Program:
    """Return the kernel for stills: display RGB as bytes (dithered) or floats in [0, 1]."""
    luma, cb, cr, noise = graded(colors)
    return Program(rgb_outputs(luma, cb, cr, None if floats else noise), FRAME_KNOBS)


def planes_program(colors: Colors) -> Program:
    """Return the kernel for what a fringe is made of: ``luma, cb, cr`` as floats, undithered."""
    luma, cb, cr, _ = graded(colors)
    return Program((("luma", luma), ("cb", cb), ("cr", cr)), FRAME_KNOBS)


def light_program(colors: Colors) -> Program:
    """Return the kernel for what a halo is made of: the light of what is bright."""
    luma, cb, cr, _ = graded(colors)
    return Program(lit(to_rgb(luma, cb, cr), luma), FRAME_KNOBS)
