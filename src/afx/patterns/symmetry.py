"""Symmetry of any pattern: a kaleidoscope or mirrors in front of the camera."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from afx.field import (
    TAU,
    Expr,
    Field,
    Point,
    absolute,
    atan2,
    cos_turns,
    floor,
    knobs_of,
    length,
    sin_turns,
    trace,
)  # fmt: skip
from afx.patterns.architecture import Architecture
from afx.patterns.layer_fields import Traced
from afx.patterns.layers import LayerError, called_as
from afx.patterns.registry import Pattern

Mirror = Literal["none", "x", "y", "both"]


@functools.lru_cache(maxsize=1024)
def folded(base: Pattern, fold: int, mirror: Mirror) -> Pattern:
    """Return `base` seen in a kaleidoscope of `fold` sectors, or mirrored; itself for neither.

    The mirrors stand before the camera: zooming, turning and panning move what is seen in them.

    Raises
    ------
    LayerError
        If there are no such sectors.
    """
    if fold == 0 and mirror == "none":
        return base
    if fold and not 2 <= fold <= 32:
        raise LayerError("symmetry", "a kaleidoscope has 2 to 32 sectors; 0 is none")
    shape = None if base.shape is None else _Folds(base.shape, fold, mirror)
    return replace(base, function=_folded_function(base.function, fold, mirror), shape=shape)


@functools.lru_cache(maxsize=512)
def _folded_function(base: Traced, fold: int, mirror: Mirror) -> Traced:
    def field(p: Point, **held: Expr) -> Field:
        return trace(base, p, held)

    def screen(p: Point) -> Point:
        x = -absolute(p.x) if mirror in ("x", "both") else p.x
        y = -absolute(p.y) if mirror in ("y", "both") else p.y
        p = Point(x, y, p.pixel)
        return kaleidoscope(p, fold) if fold else p

    field.screen = screen  # type: ignore[attr-defined]
    return called_as(base, field, knobs_of(base))


@dataclass(frozen=True)
class _Folds:
    """Makes a folded pattern with another network."""

    shape: Callable[[Architecture], Pattern]
    fold: int
    mirror: Mirror

    def __call__(self, architecture: Architecture) -> Pattern:
        return folded(self.shape(architecture), self.fold, self.mirror)


def kaleidoscope(p: Point, sectors: int) -> Point:
    """Return the point that one sees at `p` in a kaleidoscope: every sector is half a mirror image.

    One of the mirrors stands upright above the middle. What lies to the right of the pattern's
    center, where pictures are widest, is what the mirrors repeat.
    """
    width = 1.0 / sectors
    turn = atan2(p.x, -p.y) * (1.0 / TAU)  # from above, clockwise
    inside = turn - floor(turn * sectors) * width
    angle = absolute(inside - 0.5 * width) - 0.25 * width
    radius = length(p.x, p.y)
    return Point(radius * cos_turns(angle), radius * sin_turns(angle), p.pixel)
