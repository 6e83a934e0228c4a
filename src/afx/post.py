"""Light and film: what the grade does to finished colors, each only in kernels that use it.

All of it works on Y', Cb and Cr. Warmth leans midtones and lights to gold or blue and leaves luma
alone; the halo adds light that was spread by ``afx.halo``; film bends luma as a film's curve does,
shadows a little cool and highlights a little warm; grain is a still pattern that is strongest in
the midtones.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.field import Buffer, Expr, clamp, floor, maximum, mix, smoothstep, to_int, uniform
from afx.oklch import TO_YCC
from afx.packed import unpack

Color = tuple[Expr, Expr, Expr]

EFFECTS = ("warmth", "halo", "film", "grain")
"""Knobs of the grade for which kernels exist with and without: 0 costs nothing."""

GRAIN_SIZE = 256
"""Pixels across and down after which grain repeats: fine and without large features, so that
nobody sees it do so."""

_GRAIN_HEIGHT = 720
"""Pixels of a picture's shorter side for which a grain is as large as a pixel."""

_GRAIN = 0.022
"""Standard deviation of luma in the midtones at full strength: five and a half codes."""

_WARM = (-0.062, 0.040)
"""Cb and Cr added at full warmth: toward gold."""

_HALO = 1.3
"""Spread light at full strength, as a share of the light it comes from."""


LIGHT = ("light_y", "light_b", "light_r")
"""Planes of light: luma and color differences of squared display values."""


def bilinear(fetch: Buffer, across: Expr, y: Expr) -> tuple[Expr, ...]:
    """Return a buffer over the picture here, smooth between its cells' centers.

    Parameters
    ----------
    fetch : Buffer
        Numbers, or packed colors of which Y', Cb and Cr are returned.
    across, y : Expr
        Where: −1 to 1 over the picture.
    """
    u = (across * 0.5 + 0.5) * fetch.width - 0.5
    v = (y * 0.5 + 0.5) * fetch.height - 0.5
    u = clamp(u, 0.0, fetch.width - 1.0)
    v = clamp(v, 0.0, fetch.height - 1.0)
    fu, fv = floor(u), floor(v)
    i, j = to_int(fu), to_int(fv)
    corners = [fetch.fetch(i + dx, j + dy) for dy in (0, 1) for dx in (0, 1)]
    values = [unpack(c) if fetch.type == "i" else (c,) for c in corners]
    return tuple(
        mix(mix(a, b, u - fu), mix(c, d, u - fu), v - fv)
        for a, b, c, d in zip(*values, strict=True)
    )


def warmed(color: Color) -> Color:
    """Return a color leaning to gold or blue, most in the lighter midtones, at equal luma."""
    luma, cb, cr = color
    held = clamp(luma)
    # Nothing at black and white, where there is no room for color; 1 at luma 0.58.
    amount = uniform("warmth") * (held * (1.0 - held * held) * 2.6)
    return luma, cb + amount * _WARM[0], cr + amount * _WARM[1]


def lit(rgb: tuple[Expr, Expr, Expr], luma: Expr) -> tuple[tuple[str, Expr], ...]:
    """Return the outputs `LIGHT` of a pixel: its light as far as it is bright."""
    keep = smoothstep(0.35, 0.95, luma)
    squares = [clamp(c) * clamp(c) for c in rgb]
    rows = [[float(v) for v in row] for row in TO_YCC]
    return tuple(
        (name, keep * (squares[0] * row[0] + squares[1] * row[1] + squares[2] * row[2]))
        for name, row in zip(LIGHT, rows, strict=True)
    )


def _inverse_root(x: Expr) -> Expr:
    """Return 1 / √x of x > 0 (relative error 5e-6), several times faster than root and quotient.

    The exponent halved in the number's bits is within 3.4 %; two of Newton's steps do the rest.
    """
    guess = Expr("from_bits", "f", (0x5F375A86 - (Expr("bits", "i", (x,)) >> 1),))
    for _ in range(2):
        guess = guess * (1.5 - 0.5 * x * guess * guess)
    return guess


def haloed(color: Color, own: Expr, across: Expr, y: Expr, gain: Expr | None) -> Color:
    """Return a color with the light of the buffer ``halo`` added.

    Light is about the square of encoded values, so luma is the root of a sum of squares, and color
    differences, which are small against luma, add in proportion to what each light is.

    Parameters
    ----------
    color : tuple of three Expr
    own : Expr
        Luma before the grade: where it is bright already, less is added, so that lights keep their
        detail.
    across, y : Expr
        Where: −1 to 1 over the picture.
    gain : Expr or None
        The safety gain that the color has already.
    """
    luma, cb, cr = color
    spread, spread_cb, spread_cr = bilinear(Buffer("halo", "i"), across, y)
    share = uniform("halo") * _HALO * spread * (1.0 - 0.6 * clamp(own))
    if gain is not None:
        share = share * (gain * gain)
    light = luma * luma + share * spread
    per = _inverse_root(maximum(light, 2.0**-20))
    return light * per, (cb * luma + share * spread_cb) * per, (cr * luma + share * spread_cr) * per


def filmed(color: Color) -> Color:
    """Return a color as on film: soft toe and shoulder, cool shadows and warm highlights."""
    luma, cb, cr = color
    amount = uniform("film")
    room = luma * (1.0 - luma)
    lean = room * (1.0 - 2.0 * luma)
    # A fifth as steep at the ends, 1.4 times in the middle; black is a little gray.
    curved = 0.02 + 0.955 * (luma - 0.8 * lean)
    return mix(luma, curved, amount), cb + amount * (0.26 * lean), cr - amount * (0.20 * lean)


def grained(luma: Expr, column: Expr, row: Expr) -> Expr:
    """Return luma with the buffer ``grain`` on it, strongest in the midtones."""
    last = GRAIN_SIZE - 1
    grain = Buffer("grain").fetch(to_int(column) & last, to_int(row) & last)
    return luma + (uniform("grain") * (4.0 * _GRAIN)) * (luma * (1.0 - luma)) * grain


@functools.lru_cache(maxsize=8)
def grain_table(width: int, height: int) -> NDArray[np.float32]:
    """Return the grain of pictures of this size, [`GRAIN_SIZE`, `GRAIN_SIZE`].

    A grain has the same share of the picture's height at any size; in pictures in which it is
    smaller than a pixel, what a pixel averages is left of it. Made of whole numbers, so that it is
    the same on every machine.
    """
    size = min(width, height) / _GRAIN_HEIGHT
    noise = generator(0, "film grain").integers(-128, 128, (GRAIN_SIZE, GRAIN_SIZE))
    # Repeated (1, 2, 1) is a Gaussian; one of the square of the size's half makes such grains.
    rounds = min(max(1, round(0.5 * size * size)), 12)
    for _ in range(rounds):
        for axis in (0, 1):
            noise = np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)
    wide = noise
    for _ in range(12 * rounds):
        for axis in (0, 1):
            wide = (np.roll(wide, 1, axis) + 2 * wide + np.roll(wide, -1, axis)) >> 2
    # Without what is large: clouds of grain would be seen to repeat.
    fine = (noise - wide).astype(np.float64)
    fine -= fine.mean()
    fine *= min(1.0, size) / np.sqrt(np.mean(fine * fine))
    table = (np.round(fine * 64.0) / 64.0).astype(np.float32)
    table.setflags(write=False)
    return table
