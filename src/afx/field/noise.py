"""Hashes and noise: randomness that is the same on every target.

The noise is *flow noise*: gradient noise whose gradients all turn with one angle, which makes it
churn in place, costs almost nothing (the offset is turned once instead of every gradient), and
comes back exactly after a whole turn, so that loops close (Perlin and Neyret, "Flow Noise", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

from afx.field.expr import Expr, Number, as_expr, select
from afx.field.lib import (
    cos_turns,
    floor,
    maximum,
    minimum,
    mix,
    sin_turns,
    sqrt,
    to_float,
    to_int,
)

_X, _Y, _MIX = 0x27D4EB2D, 0x165667B1, 0x2C1B3C6D


def hash_cell(ix: Expr, iy: Expr, salt: int = 0) -> Expr:
    """Return 32 random bits for an integer cell (a multiply-xorshift hash; two multiplications)."""
    return _scramble(ix * _X + (iy * _Y + salt * 0x3504F333))


def _scramble(h: Expr) -> Expr:
    h = h ^ (h >> 15)
    h = h * _MIX
    return h ^ (h >> 13)


def unit_float(bits: Expr) -> Expr:
    """Return random bits as a float in [0, 1)."""
    return to_float(bits >> 8) * (1.0 / 2**24)


def _gradient(h: Expr, x: Expr, y: Expr) -> Expr:
    """Dot product of (x, y) with the pseudo-random gradient of `h`, each component in [−1, 1)."""
    gx = to_float(h & 0xFFFF) * (1.0 / 2**15) - 1.0
    gy = to_float(h >> 16) * (1.0 / 2**15) - 1.0
    return gx * x + gy * y


def noise(x: Number, y: Number, turn: Number = 0.0, salt: int = 0) -> Expr:
    """Return flow noise at (x, y), about in [−1, 1], with one feature per unit.

    Parameters
    ----------
    x, y : float
        Position; the lattice has spacing 1.
    turn : float
        Angle of all gradients, in turns: a slowly growing value makes the noise churn.
    salt : int
        Another salt gives independent noise.
    """
    px, py = as_expr(x), as_expr(y)
    fx, fy = floor(px), floor(py)
    dx, dy = px - fx, py - fy
    ix, iy = to_int(fx), to_int(fy)
    hx0 = ix * _X
    hy0 = iy * _Y + salt * 0x3504F333
    hx1, hy1 = hx0 + _X, hy0 + _Y
    c, s = cos_turns(turn), sin_turns(turn)
    # The offset turned by −turn once; the other corners differ by turned unit vectors.
    rx, ry = dx * c + dy * s, dy * c - dx * s
    n00 = _gradient(_scramble(hx0 + hy0), rx, ry)
    n10 = _gradient(_scramble(hx1 + hy0), rx - c, ry + s)
    n01 = _gradient(_scramble(hx0 + hy1), rx - s, ry - c)
    n11 = _gradient(_scramble(hx1 + hy1), rx - c - s, ry + s - c)
    ux = dx * dx * dx * (dx * (dx * 6.0 - 15.0) + 10.0)
    uy = dy * dy * dy * (dy * (dy * 6.0 - 15.0) + 10.0)
    return mix(mix(n00, n10, ux), mix(n01, n11, ux), uy) * 1.25


def fbm(
    x: Number,
    y: Number,
    turn: Number = 0.0,
    *,
    octaves: int = 4,
    gain: Number = 0.5,
    lacunarity: float = 2.03,
    salt: int = 0,
) -> Expr:
    """Return fractal noise: octaves of `noise`, each finer, weaker and turned against the last.

    Parameters
    ----------
    x, y, turn
        As for `noise`; finer octaves churn faster.
    octaves : int
        How many, at least 1.
    gain : float
        Weight of an octave against the one before it.
    lacunarity : float
        Ratio of scales; not a whole number, so that lattices never line up.

    Returns
    -------
    Expr
        About in [−1, 1], scaled by the sum of the weights.
    """
    px, py = as_expr(x), as_expr(y)
    weight: Number = 1.0
    total: Number = 0.0
    norm: Number = 0.0
    # Turning each octave by about 37° hides the lattice; 0.8² + 0.6² = 1 keeps the scale.
    for octave in range(octaves):
        total = total + noise(px, py, as_expr(turn) * (1.0 + 0.6 * octave), salt + octave) * weight
        norm = norm + weight
        px, py = (
            (px * 0.8 - py * 0.6) * lacunarity + 17.3,
            (px * 0.6 + py * 0.8) * lacunarity - 9.1,
        )
        weight = weight * gain
    return as_expr(total) / norm


@dataclass(frozen=True)
class Cells:
    """Distances to a scattered set of points.

    Attributes
    ----------
    nearest, second : Expr
        Distance to the nearest and the second nearest point.
    identity : Expr
        The nearest point's random number in [0, 1).
    """

    nearest: Expr
    second: Expr
    identity: Expr


def cells(
    x: Number, y: Number, turn: Number = 0.0, *, jitter: Number = 0.4, salt: int = 0
) -> Cells:
    """Return cellular noise (Worley, "A cellular texture basis function", 1996).

    Parameters
    ----------
    x, y : float
        Position; one point in each unit square.
    turn : float
        The points travel around their squares' centers, one round per turn.
    jitter : float
        How far from the center, 0 (a square lattice) to 0.5.
    """
    px, py = as_expr(x), as_expr(y)
    fx, fy = floor(px), floor(py)
    dx, dy = px - fx - 0.5, py - fy - 0.5
    ix, iy = to_int(fx), to_int(fy)
    c, s = cos_turns(turn), sin_turns(turn)
    amount = as_expr(jitter)
    # ±√2 from the centre at most before the jitter scales it, whatever the angle.
    c, s = c * amount, s * amount
    nearest: Expr = as_expr(64.0)
    second: Expr = as_expr(64.0)
    identity: Expr = as_expr(0.0)
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            h = hash_cell(ix + column, iy + row, salt)
            u = to_float(h & 0xFFFF) * (1.0 / 2**15) - 1.0
            v = to_float(h >> 16) * (1.0 / 2**15) - 1.0
            qx = dx - float(column) - (u * c - v * s)
            qy = dy - float(row) - (u * s + v * c)
            d = qx * qx + qy * qy
            second = minimum(second, maximum(nearest, d))
            identity = select(d < nearest, unit_float(h), identity)
            nearest = minimum(nearest, d)
    return Cells(sqrt(nearest), sqrt(second), identity)
