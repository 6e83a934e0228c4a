"""Color differences: back to RGB, to half size for video (4:2:0), and drifting apart.

The fringe samples Cb and Cr apart, as a lens does that bends blue more than red: not at all in the
middle of the picture, most at its sides. Luma stays where it is, so shapes stay sharp.
"""

from __future__ import annotations

import functools
import math

from afx.field import Expr, Program, absolute, clamp, floor, fract, maximum, uniform
from afx.field.program import plane
from afx.oklch import TO_YCC

# ITU-R BT.709: luma weights, and the scale of the color differences.
_KR, _KB = float(TO_YCC[0, 0]), float(TO_YCC[0, 2])

FRINGE = 0.01
"""How far Cb drifts at the sides, and Cr against it, as a share of the picture's shorter side."""

FRINGE_KNOBS = ("fringe_pixels", "inverse_aspect")
"""Uniforms of the programs here that have a fringe."""


def fringe_pixels(width: int, height: int, amount: float) -> float:
    """Return how many pixels color drifts at the sides of a picture of this size."""
    return FRINGE * min(width, height) * amount


def fringe_reach(width: int, height: int) -> int:
    """Return the whole pixels around one that its color may come from."""
    return max(1, math.ceil(fringe_pixels(width, height, 1.0)))


def dither(column: Expr, row: Expr) -> Expr:
    """Return a fixed pattern in [0, 1) whose neighbors differ: interleaved gradient noise.

    Jorge Jimenez, "Next generation post processing in Call of Duty: Advanced Warfare", 2014.
    """
    return fract(52.9829189 * fract(0.06711056 * column + 0.00583715 * row))


def to_rgb(luma: Expr, cb: Expr, cr: Expr) -> tuple[Expr, Expr, Expr]:
    """Return display RGB of Y', Cb and Cr."""
    red = luma + (2 * (1 - _KR)) * cr
    blue = luma + (2 * (1 - _KB)) * cb
    green = (luma - _KR * red - _KB * blue) * (1.0 / (1 - _KR - _KB))
    return red, green, blue


def rgb_outputs(luma: Expr, cb: Expr, cr: Expr, noise: Expr | None) -> tuple[tuple[str, Expr], ...]:
    """Return display RGB: as bytes, dithered by `noise`, or without it as floats in [0, 1]."""
    channels = (clamp(c) for c in to_rgb(luma, cb, cr))
    values = channels if noise is None else (c * 255.0 + noise for c in channels)
    return tuple(zip(("r", "g", "b"), values, strict=True))


def _apart(blue: str, red: str, reach: int) -> tuple[Expr, Expr]:
    """Return two planes sampled to one side and to the other, linearly between pixels."""
    across = clamp(Expr("x", "f") * uniform("inverse_aspect"), -1.0, 1.0)
    drift = uniform("fringe_pixels") * (across * absolute(across))
    values = []
    for name, side in ((blue, 1), (red, -1)):
        parts = [
            plane(name, side * k) * maximum(1.0 - absolute(drift - float(k)), 0.0)
            for k in range(-reach, reach + 1)
        ]
        values.append(functools.reduce(lambda a, b: a + b, parts))
    return values[0], values[1]


def chroma_program() -> Program:
    """Return the kernel that brings color differences to half size, as bytes (4:2:0).

    Samples lie on the even columns and between the rows ("left"), where every player expects them:
    weights 1, 2, 1 across and 1, 1 down.
    """
    noise = _half_dither()
    return Program((("u", _half("cb") + noise), ("v", _half("cr") + (1.0 - noise))), ())


def half_program() -> Program:
    """Return the same kernel without dither and bytes: the planes ``u_half`` and ``v_half``."""
    return Program((("u_half", _half("cb")), ("v_half", _half("cr"))), ())


def _half_dither() -> Expr:
    x, y, pixel = (Expr(n, "f") for n in ("x", "y", "pixel"))
    # Half sizes may be odd: columns then lie at whole numbers, away from which a quarter keeps off.
    return dither(floor(x / pixel + 0.25), floor(y / pixel + 0.25))


def _half(name: str) -> Expr:
    across = [plane(name, dx, 0, step=2) + plane(name, dx, 1, step=2) for dx in (-1, 0, 1)]
    return (across[0] + across[2]) * 0.125 + across[1] * 0.25


def fringed_chroma_program(reach: int) -> Program:
    """Return the kernel that makes bytes of the planes ``u_half, v_half``, drifting apart.

    Parameters
    ----------
    reach : int
        Of the drift, in their pixels.
    """
    noise = _half_dither()
    u, v = _apart("u_half", "v_half", reach)
    return Program((("u", u + noise), ("v", v + (1.0 - noise))), FRINGE_KNOBS)


def fringed_rgb_program(reach: int, *, floats: bool) -> Program:
    """Return the kernel that makes stills of the planes ``luma, cb, cr``, color drifting apart."""
    x, y, pixel = (Expr(n, "f") for n in ("x", "y", "pixel"))
    per_pixel = 1.0 / pixel
    noise = None if floats else dither(floor(x * per_pixel), floor(y * per_pixel))
    cb, cr = _apart("cb", "cr", reach)
    return Program(rgb_outputs(plane("luma"), cb, cr, noise), FRINGE_KNOBS)
