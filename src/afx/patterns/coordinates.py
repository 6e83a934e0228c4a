"""What a network sees of a point: where it is, how far, in which direction, under a symmetry.

A picture is symmetric because its network cannot tell the points apart: the symmetry is applied to
the inputs, not to the picture. Every function here is smooth, so that no crease shows: mirrors are
even functions, and angles fade at the center, where they have no value (|x| and the tip of √(x²+y²)
would leave kinks that every later layer sharpens).

The same code works on expressions, when a pattern is traced, and on arrays, when weights are
prepared, since it only needs arithmetic and the functions of a `Maths`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from afx.field import cos_turns, sin_turns, sqrt
from afx.patterns.architecture import Architecture

ROUND = 0.02
"""Added to squares under a root: without it a distance has a kink at its center."""

_TURN_REACH = 2.6
"""Over the number of folds: how strongly the angle counts. A circle around the center goes through
all that a sector shows n times, so that forms are as wide as they are long: stronger gives spokes,
weaker rings."""
_RADIUS_REACH = 1.8
"""How strongly the distance from the center counts under rotations."""


@dataclass(frozen=True)
class Maths:
    """The functions needed beyond arithmetic; angles in turns."""

    sqrt: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]


TRACED = Maths(sqrt, sin_turns, cos_turns)
ARRAYS = Maths(
    np.sqrt, lambda turns: np.sin(2 * np.pi * turns), lambda turns: np.cos(2 * np.pi * turns)
)


@dataclass(frozen=True)
class Place:
    """A point after the symmetry, in units of half heights.

    Attributes
    ----------
    across, down : tuple of values
        What stands for x and for y: one value each, or two where they run around a circle.
    radius : value
        Distance from the center, or from the nearest of the tile centers.
    angle : tuple of values
        Direction as (sine, cosine), 0 at the center.
    """

    across: tuple[Any, ...]
    down: tuple[Any, ...]
    radius: Any
    angle: tuple[Any, Any]


def placed(x: Any, y: Any, architecture: Architecture, maths: Maths) -> Place:
    """Return a point as the network's symmetry lets it be seen.

    Parameters
    ----------
    x, y : expression or array
        Half heights from the center; y points down.
    architecture : Architecture
        Its `symmetry`, `folds` and `tiles`.
    maths : Maths
        `TRACED` for expressions, `ARRAYS` for arrays.
    """
    symmetry = architecture.symmetry
    if symmetry == "tile":
        return _tiled(x, y, architecture.tiles, maths)
    if symmetry in ("rotate", "kaleidoscope"):
        return _turned(x, y, architecture.folds, symmetry == "kaleidoscope", maths)
    if symmetry in ("mirror", "quarter"):
        x = maths.sqrt(x * x + ROUND)
    if symmetry == "quarter":
        y = maths.sqrt(y * y + ROUND)
    radius = maths.sqrt(x * x + y * y + ROUND)
    return Place((x,), (y,), radius, (y / radius, x / radius))


def _turned(x: Any, y: Any, folds: int, mirrored: bool, maths: Maths) -> Place:
    """Return the point after every angle was multiplied by `folds`: (c + is)ⁿ of its direction."""
    square = x * x + y * y
    radius = maths.sqrt(square + ROUND)
    # The n-th power needs a sharper center, else a plain disc grows with n.
    small = maths.sqrt(square + ROUND / folds)
    c, s = _power(x / small, y / small, folds)
    if mirrored:
        # Even in the angle: cos nθ and ½ cos 2nθ instead of cos nθ and sin nθ.
        s = c * c - 0.5
    turn = _TURN_REACH / folds
    reach = radius * turn
    return Place((reach * c,), (reach * s,), radius * _RADIUS_REACH, (s * turn, c * turn))


def _power(c: Any, s: Any, exponent: int) -> tuple[Any, Any]:
    """Return real and imaginary part of (c + is) to a whole power, by squaring."""
    total: tuple[Any, Any] | None = None
    while exponent:
        if exponent & 1:
            if total is None:
                total = (c, s)
            else:
                total = (total[0] * c - total[1] * s, total[0] * s + total[1] * c)
        exponent >>= 1
        if exponent:
            c, s = c * c - s * s, c * s * 2.0
    assert total is not None
    return total


def _tiled(x: Any, y: Any, tiles: float, maths: Maths) -> Place:
    """Return the point on a torus: both directions run around circles of one tile."""
    size = 1.0 / (2.0 * np.pi * tiles) * 2.0  # a little larger than true: tiles are seen small
    sin_x, cos_x = maths.sin(x * tiles), maths.cos(x * tiles)
    sin_y, cos_y = maths.sin(y * tiles), maths.cos(y * tiles)
    # As round as a single center is, where tiles are large enough for that.
    round_ = min(1.0, ROUND * (2.0 * np.pi * tiles) ** 2)
    # 2(1 − cos a) is a² near the center and smooth between two tiles.
    radius = maths.sqrt((2.0 - cos_x - cos_y) * 2.0 + round_) * size
    angle_size = maths.sqrt(sin_x * sin_x + sin_y * sin_y + round_)
    return Place(
        (sin_x * size, cos_x * size),
        (sin_y * size, cos_y * size),
        radius,
        (sin_y / angle_size, sin_x / angle_size),
    )


def coordinates(place: Place, architecture: Architecture) -> list[Any]:
    """Return the network's inputs from a place, in the order of the architecture."""
    parts = {
        "x": place.across,
        "y": place.down,
        "radius": (place.radius,),
        "angle": place.angle,
    }
    return [value for name in architecture.coordinates for value in parts[name]]


def coordinate_count(architecture: Architecture) -> int:
    """Return how many inputs `coordinates` gives."""
    around = 2 if architecture.symmetry == "tile" else 1
    return sum(
        {"x": around, "y": around, "radius": 1, "angle": 2}[n] for n in architecture.coordinates
    )
