"""From fields to color: the grade, the palette and the picture's final planes.

A field's tone, hue and mask become color in one kernel: tone curve, palette, side light,
highlights, vignette, safety gain, dither. It works in Y'CbCr, which is a linear map of display RGB,
so gains, blends and colorfulness mean the same there and video planes cost nothing extra.

The palette is a table over (hue rotation, tone): turning all hues, by music or by the field, is
only another row of the table, at equal lightness. A field may also bring its own colors (a *direct*
field): then its three planes are Y', Cb and Cr, and only the grade is applied.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx import palette as palettes
from afx.field import (
    Buffer,
    Expr,
    Number,
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
    to_float,
    to_int,
    uniform,
)
from afx.field.program import plane
from afx.oklch import TO_YCC
from afx.stage import GRADE_KNOBS

HUES, TONES = 128, 256
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
)
"""Uniforms of the color kernels: grade, each scene's normalization, the cross-fade, the shape."""

# ITU-R BT.709: luma weights, and the scale of the color differences.
_KR, _KB = float(TO_YCC[0, 0]), float(TO_YCC[0, 2])
_SLOPE_TO_LIGHT = (0.6, 0.8)
"""Slopes that face the light: it comes from the top left, as people expect light to fall."""


def to_ycc(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Y' in [0, 1] and Cb, Cr in [−½, ½] of display RGB [..., 3]."""
    return np.asarray(rgb @ TO_YCC.T, dtype=np.float32)


@functools.lru_cache(maxsize=64)
def ycc_table(palette: palettes.Palette) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a palette as Y'CbCr: the table [HUES, TONES, 3] and the ground [HUES, 3]."""
    return (
        to_ycc(palettes.table(palette, HUES, TONES)),
        to_ycc(palettes.ground(palette, HUES)),
    )


def pack(ycc: NDArray[np.float32]) -> NDArray[np.int32]:
    """Pack Y' into 12 bits and Cb, Cr into 10 each, four times finer than a byte of video.

    Of the 10 bits 1023 values are used, so that the middle one is gray exactly.
    """
    return _words(_codes(ycc))


def _codes(ycc: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Y'CbCr [..., 3] in units of the packed codes, as planes [3, ...]."""
    y, cb, cr = np.moveaxis(ycc, -1, 0)
    codes = np.stack((y * 4095.0, (cb + 0.5) * 1022.0, (cr + 0.5) * 1022.0))
    top = np.array([4095.0, 1022.0, 1022.0]).reshape(3, *[1] * (codes.ndim - 1))
    return np.asarray(np.clip(codes, 0.0, top), dtype=np.float32)


def _words(codes: NDArray[np.float32]) -> NDArray[np.int32]:
    """Round planes of codes and put them into words."""
    whole = (codes + np.float32(0.5)).astype(np.int32)
    whole[1] <<= 12
    whole[2] <<= 22
    whole[0] |= whole[1]
    whole[0] |= whole[2]
    words: NDArray[np.int32] = whole[0]
    return words


def packed_tables(
    a: palettes.Palette, b: palettes.Palette | None = None, weight: float = 0.0
) -> Mapping[str, NDArray[np.int32]]:
    """Return the buffers ``palette`` and ``ground`` of one palette, or of two cross-faded."""
    if b is None or weight <= 0.0 or a == b:
        return _packed(a)
    if weight >= 1.0:
        return _packed(b)
    share = np.float32(weight)
    table, ground = (_words(x + (y - x) * share) for x, y in zip(_both(a), _both(b), strict=True))
    return {"palette": table, "ground": ground[None, :]}


@functools.lru_cache(maxsize=64)
def _both(palette: palettes.Palette) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the codes of a palette's table [3, HUES, TONES] and of its ground [3, HUES]."""
    table, ground = ycc_table(palette)
    return _codes(table), _codes(ground)


@functools.lru_cache(maxsize=64)
def _packed(palette: palettes.Palette) -> Mapping[str, NDArray[np.int32]]:
    table, ground = _both(palette)
    return {"palette": _words(table), "ground": _words(ground)[None, :]}


def _unpack(word: Expr) -> tuple[Expr, Expr, Expr]:
    return (
        to_float(word & 0xFFF) * (1.0 / 4095.0),
        to_float((word >> 12) & 0x3FF) * (1.0 / 1022.0) - 0.5,
        to_float((word >> 22) & 0x3FF) * (1.0 / 1022.0) - 0.5,
    )


def _dither(column: Expr, row: Expr) -> Expr:
    """Return a fixed pattern in [0, 1) whose neighbors differ: interleaved gradient noise.

    Jorge Jimenez, "Next generation post processing in Call of Duty: Advanced Warfare", 2014.
    """
    return fract(52.9829189 * fract(0.06711056 * column + 0.00583715 * row))


def _blend(name: str, of: str, dx: int = 0, dy: int = 0) -> Expr:
    """Return a plane's value here, of one field (``"a"``) or of two cross-faded (``"ab"``)."""
    first = plane(f"{name}_{of[0]}", dx, dy)
    if len(of) == 1:
        return first
    return mix(first, plane(f"{name}_{of[1]}", dx, dy), uniform("weight_b"))


def _normalized_tone(of: str, dx: int = 0, dy: int = 0) -> Expr:
    """Return the tone of this pixel, or a neighbor, by its scene's frozen percentiles."""
    tones = [
        plane(f"tone_{r}", dx, dy) * uniform(f"scale_{r}") + uniform(f"offset_{r}") for r in of
    ]
    return tones[0] if len(tones) == 1 else mix(tones[0], tones[1], uniform("weight_b"))


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


def _side_light(of: str) -> Expr:
    """Return the light on the tones seen as a landscape, −1 (shade) to 1 (lit)."""
    # Central differences a pixel apart, per unit of the picture: the same slope at any size.
    per_unit = 0.5 / as_expr(Expr("pixel", "f"))
    gx = (_normalized_tone(of, 1, 0) - _normalized_tone(of, -1, 0)) * per_unit
    gy = (_normalized_tone(of, 0, 1) - _normalized_tone(of, 0, -1)) * per_unit
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


def _from_palette(of: str, noise: Expr) -> _Base:
    """Return the color that the palette has for the fields `of`."""
    tone = _tone_curve(_normalized_tone(of))
    hue = _blend("hue", of) * uniform("hue_spread") + uniform("hue")
    mask = clamp(_blend("mask", of))
    # Between the table's hues by dither: rows differ by less than two codes of video.
    turn = (hue - floor(hue)) * float(HUES) + fract(noise * 7.31)
    line = to_int(turn)
    line = line & (HUES - 1)
    at = tone * float(TONES - 1)
    first = floor(at)
    share = at - first
    table, ground = Buffer("palette", "i"), Buffer("ground", "i")
    low = _unpack(table.fetch(to_int(first), line))
    high = _unpack(table.fetch(to_int(first) + 1, line))
    base = _unpack(ground.fetch(line, as_expr(0, "i")))
    luma, cb, cr = (mix(g, mix(a, b, share), mask) for a, b, g in zip(low, high, base, strict=True))
    return _Base((luma, cb, cr), tone, mask, _side_light(of), as_expr(_KNEE))


def _from_field(of: str) -> _Base:
    """Return the color that the direct fields `of` bring themselves."""
    luma = _curve(_normalized_tone(of))
    cb, cr = clamp(_blend("hue", of), -0.5, 0.5), clamp(_blend("mask", of), -0.5, 0.5)
    turned, across = cos_turns(uniform("hue")), sin_turns(uniform("hue"))
    ycc = (luma, cb * turned - cr * across, cb * across + cr * turned)
    # Colors that were chosen stay as they are: only what the grade adds rolls off.
    return _Base(ycc, luma, as_expr(1.0), as_expr(0.0), maximum(luma, _KNEE))


def _mixed(a: _Base, b: _Base) -> _Base:
    weight = uniform("weight_b")
    luma, cb, cr = (mix(x, y, weight) for x, y in zip(a.ycc, b.ycc, strict=True))
    return _Base(
        (luma, cb, cr),
        mix(a.tone, b.tone, weight),
        mix(a.mask, b.mask, weight),
        mix(a.light, b.light, weight),
        mix(a.knee, b.knee, weight),
    )


def _base(roles: str, direct: Sequence[bool], noise: Expr) -> _Base:
    painted = "".join(r for r, own in zip(roles, direct, strict=False) if own)
    toned = "".join(r for r in roles if r not in painted)
    if not painted:
        return _from_palette(toned, noise)
    if not toned:
        return _from_field(painted)
    parts = {toned: _from_palette(toned, noise), painted: _from_field(painted)}
    return _mixed(parts["a"], parts["b"])


def graded(
    *, fade: bool, gain: bool, direct: tuple[bool, bool] = (False, False)
) -> tuple[Expr, Expr, Expr, Expr]:
    """Return (Y', Cb, Cr, dither) of the pixel.

    Parameters
    ----------
    fade : bool
        Read a second field (planes ``*_b``) and cross-fade to it.
    gain : bool
        Apply the safety gain of the buffer ``gain`` (encoded values, bilinear).
    direct : (bool, bool)
        Which of the fields bring their own colors: their planes ``tone, hue, mask`` are Y' in
        [0, 1] and Cb, Cr in [−½, ½]. Of the grade they take contrast, lift, hue (which turns Cb and
        Cr), chroma, glow, vignette and exposure; they have no relief.
    """
    x, y, pixel = (Expr(n, "f") for n in ("x", "y", "pixel"))
    inverse_aspect = uniform("inverse_aspect")
    per_pixel = 1.0 / pixel
    column = floor(x * per_pixel)
    row = floor(y * per_pixel)
    noise = _dither(column, row)
    base = _base("ab" if fade else "a", direct, noise)
    luma, cb, cr = base.ycc
    light, mask = base.light, base.mask
    relief = uniform("relief") * mask
    factor = 1.0 + relief * (0.55 * light)
    factor = factor * (1.0 + uniform("glow") * 0.6 * smoothstep(0.55, 1.0, base.tone) * mask)
    across = x * inverse_aspect
    corner = (across * across + y * y) * 0.5
    factor = factor * (1.0 - uniform("vignette") * corner)
    factor = factor * exp2(uniform("exposure") * (1.0 / GAMMA))
    if gain:
        factor = factor * _gain(across, y)
    # A glint where the landscape faces the light.
    facing = maximum(light, 0.0)
    glint = relief * 0.22 * (facing * facing) * (facing * facing)
    luma = luma * factor + glint
    # Highlights roll off instead of clipping, and lose color as they do.
    over = maximum(luma - base.knee, 0.0) * (1.0 / _ROOM)
    keep = 1.0 / (1.0 + over)
    luma = minimum(luma, base.knee) + _ROOM * (over * keep)
    chroma = uniform("chroma") * minimum(factor, 1.25) * keep
    return clamp(luma), cb * chroma, cr * chroma, noise


def _gain(across: Expr, y: Expr) -> Expr:
    """Return the safety gain here: bilinear between the tiles' centers."""
    tiles = Buffer("gain", "f")
    u = (across * 0.5 + 0.5) * tiles.width - 0.5
    v = (y * 0.5 + 0.5) * tiles.height - 0.5
    u = clamp(u, 0.0, tiles.width - 1.0)
    v = clamp(v, 0.0, tiles.height - 1.0)
    fu, fv = floor(u), floor(v)
    i, j = to_int(fu), to_int(fv)
    top = mix(tiles.fetch(i, j), tiles.fetch(i + 1, j), u - fu)
    bottom = mix(tiles.fetch(i, j + 1), tiles.fetch(i + 1, j + 1), u - fu)
    return mix(top, bottom, v - fv)


def _rgb(luma: Expr, cb: Expr, cr: Expr) -> tuple[Expr, Expr, Expr]:
    red = luma + (2 * (1 - _KR)) * cr
    blue = luma + (2 * (1 - _KB)) * cb
    green = (luma - _KR * red - _KB * blue) * (1.0 / (1 - _KR - _KB))
    return red, green, blue


def video_program(*, fade: bool, gain: bool, direct: tuple[bool, bool] = (False, False)) -> Program:
    """Return the kernel that writes luma as bytes and color differences at full size.

    Outputs: ``y``, bytes in limited range; ``cb``, ``cr``, floats in codes before dither, which may
    add a whole code: they stay that much below the range's end.
    """
    luma, cb, cr, noise = graded(fade=fade, gain=gain, direct=direct)
    return Program(
        (
            ("y", 16.0 + 219.0 * luma + noise),
            ("cb", 128.0 + 224.0 * clamp(cb, -0.5, 0.4999)),
            ("cr", 128.0 + 224.0 * clamp(cr, -0.5, 0.4999)),
        ),
        FRAME_KNOBS,
    )


def chroma_program() -> Program:
    """Return the kernel that brings color differences to half size, as bytes (4:2:0).

    Samples lie on the even columns and between the rows ("left"), where every player expects them:
    weights 1, 2, 1 across and 1, 1 down.
    """
    x, y, pixel = (Expr(n, "f") for n in ("x", "y", "pixel"))
    # Half sizes may be odd: columns then lie at whole numbers, away from which a quarter keeps off.
    noise = _dither(floor(x / pixel + 0.25), floor(y / pixel + 0.25))

    def average(name: str, shifted: Number) -> Expr:
        across = [plane(name, dx, 0, step=2) + plane(name, dx, 1, step=2) for dx in (-1, 0, 1)]
        return (across[0] + across[2]) * 0.125 + across[1] * 0.25 + shifted

    return Program((("u", average("cb", noise)), ("v", average("cr", 1.0 - noise))), ())


def rgb_program(
    *, fade: bool, gain: bool, floats: bool, direct: tuple[bool, bool] = (False, False)
) -> Program:
    """Return the kernel for stills: display RGB as bytes (dithered) or floats in [0, 1]."""
    luma, cb, cr, noise = graded(fade=fade, gain=gain, direct=direct)
    channels = _rgb(luma, cb, cr)
    if floats:
        values = tuple(clamp(c) for c in channels)
    else:
        values = tuple(clamp(c) * 255.0 + noise for c in channels)
    return Program(tuple(zip(("r", "g", "b"), values, strict=True)), FRAME_KNOBS)
