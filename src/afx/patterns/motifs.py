"""Motifs: the small shapes and waves that several patterns are made of."""

from __future__ import annotations

import math

from afx.field import (
    Expr,
    Number,
    absolute,
    as_expr,
    cos_turns,
    floor,
    hash_cell,
    mix,
    sin_turns,
    sqrt,
    to_float,
    to_int,
    unit_float,
)

GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
"""The golden ratio's fraction: turns from one seed to the next, and the least regular of steps."""


def swing(x: Number) -> Expr:
    """Return a wave of period 1 made of two parabolas, within 0.06 of sin(2πx) at half its cost.

    Its slope is continuous, its curvature is not: right for bending space, wrong for gloss.
    """
    t = as_expr(x)
    t = t - floor(t + 0.5)
    return t * (8.0 - 16.0 * absolute(t))


def layers(x: Number, salt: int = 0) -> Expr:
    """Return smooth noise along a line, in [0, 1], one feature per unit."""
    value = as_expr(x)
    whole = floor(value)
    t, cell = value - whole, to_int(whole)
    row = as_expr(7 * salt + 3, "i")
    here = unit_float(hash_cell(cell, row, salt))
    there = unit_float(hash_cell(cell + 1, row, salt))
    return mix(here, there, t * t * t * (t * (t * 6.0 - 15.0) + 10.0))


def soft_cells(x: Expr, y: Expr, turn: Expr, jitter: float, salt: int) -> tuple[Expr, Expr, Expr]:
    """Return a soft distance to scattered points, a blended cell number and how alone a point is.

    Every point weighs 1/distance⁸, so nothing jumps where the nearest point changes: the blend of
    cell numbers is continuous, and `alone` falls from 1 inside a cell to 1/2 on a wall and less
    where walls meet.
    """
    fx, fy = floor(x), floor(y)
    dx, dy = x - fx - 0.5, y - fy - 0.5
    ix, iy = to_int(fx), to_int(fy)
    c, s = cos_turns(turn) * jitter, sin_turns(turn) * jitter
    total: Expr = as_expr(1e-9)
    squares: Expr = as_expr(0.0)
    number: Expr = as_expr(0.0)
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            h = hash_cell(ix + column, iy + row, salt)
            u = to_float(h & 0xFFFF) * (1.0 / 2**15) - 1.0
            v = to_float(h >> 16) * (1.0 / 2**15) - 1.0
            qx = dx - float(column) - (u * c - v * s)
            qy = dy - float(row) - (u * s + v * c)
            d = qx * qx + qy * qy + 0.01
            w = 1.0 / (d * d)
            w = w * w
            total = total + w
            squares = squares + w * w
            number = number + w * u
    # (Σ d⁻⁸)^(−1/8), by three square roots.
    distance = 1.0 / sqrt(sqrt(sqrt(total)))
    return distance, 0.5 + 0.5 * number / total, squares / (total * total)
