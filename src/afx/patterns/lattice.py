"""Reading what lies on a grid between its cells: for the fields of patterns with a memory.

Points are where patterns have them: `y` from −1 to 1 over the grid's rows, its cells square. Beyond
its edges the grid goes on as its mirror image, so that a camera that leaves it sees no border.
"""

from __future__ import annotations

from collections.abc import Callable

from afx.field import Buffer, Expr, Point, absolute, floor, mix, mod, to_int

Weights = Callable[[Expr], tuple[Expr, Expr, Expr, Expr]]


def linear(buffer: Buffer, p: Point) -> Expr:
    """Return the value between the four cells around a point: continuous, with visible facets."""
    (tx, column), (ty, row) = _cells(buffer, p)
    above = mix(buffer.fetch(column, row), buffer.fetch(column + 1, row), tx)
    below = mix(buffer.fetch(column, row + 1), buffer.fetch(column + 1, row + 1), tx)
    return mix(above, below, ty)


def smooth(buffer: Buffer, p: Point) -> Expr:
    """Return the cubic B-spline over the sixteen cells around a point.

    Slopes and curvatures are continuous, so neither palette nor side light shows the grid; what is
    finer than two cells is softened.
    """
    return _cubic(buffer, p, _b_spline)


def keen(buffer: Buffer, p: Point) -> Expr:
    """Return the Catmull-Rom spline over the sixteen cells around a point.

    It goes through the cells' values and hardly softens them, so a picture may be moved with it
    again and again. No wave comes out larger than it went in, but single values may overshoot.
    """
    return _cubic(buffer, p, _catmull_rom)


def _cells(buffer: Buffer, p: Point) -> tuple[tuple[Expr, Expr], tuple[Expr, Expr]]:
    """Return the cell before a point and the share of the way to the next, across and down."""
    half = buffer.height * 0.5
    found = []
    for at, size in ((p.x, buffer.width), (p.y, buffer.height)):
        # Mirrored at the outer borders of the outer cells.
        place = size - absolute(mod(at * half + size * 0.5, size * 2.0) - size) - 0.5
        whole = floor(place)
        found.append((place - whole, to_int(whole)))
    return found[0], found[1]


def _cubic(buffer: Buffer, p: Point, weights: Weights) -> Expr:
    (tx, column), (ty, row) = _cells(buffer, p)
    across, down = weights(tx), weights(ty)

    def line(at: Expr) -> Expr:
        a, b, c, d = (buffer.fetch(column + (k - 1), at) * across[k] for k in range(4))
        return (a + b) + (c + d)

    a, b, c, d = (line(row + (k - 1)) * down[k] for k in range(4))
    return (a + b) + (c + d)


def _b_spline(t: Expr) -> tuple[Expr, Expr, Expr, Expr]:
    s = 1.0 - t
    tt, ss = t * t, s * s
    return (
        ss * s * (1 / 6),
        (2 / 3) - tt * (1.0 - 0.5 * t),
        (2 / 3) - ss * (1.0 - 0.5 * s),
        tt * t * (1 / 6),
    )


def _catmull_rom(t: Expr) -> tuple[Expr, Expr, Expr, Expr]:
    return (
        t * (-0.5 + t * (1.0 - 0.5 * t)),
        1.0 + t * t * (-2.5 + 1.5 * t),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (-0.5 + 0.5 * t),
    )
