"""Wipes: which of two scenes a pixel shows, as a weight that travels over the picture.

A mask gives every pixel a moment between 0 and 1; the wipe's share passes over them with a soft
seam. At the ends the weight is 0 or 1 exactly, everywhere. Nothing here knows of colors.
"""

from __future__ import annotations

from collections.abc import Callable

from afx.field import (
    Expr,
    absolute,
    clamp,
    cos_turns,
    fbm,
    sin_turns,
    sqrt,
    squash,
    uniform,
)
from afx.transition import Shape, Wipe

WIPE_KNOBS = ("wipe_edge", "wipe_steep", "wipe_angle")
"""Uniforms of a wipe, from `wipe_values`."""

NARROWEST = 0.01
"""Softest seams are as wide as the mask, the hardest this share of it, which is still smooth."""

_BEFORE_LAST = 0.9999
"""Where masks end: a little before the share does, so that rounding leaves no trace of the old."""


def wipe_values(wipe: Wipe | None) -> tuple[float, float, float]:
    """Return the values of `WIPE_KNOBS`."""
    if wipe is None:
        return 0.0, 0.0, 0.0
    soft = max(wipe.soft, NARROWEST)
    return wipe.share * (1.0 + soft), 1.0 / soft, wipe.angle


def wipe_weight(
    shape: Shape, x: Expr, y: Expr, inverse_aspect: Expr, first_tones: Callable[[], Expr]
) -> Expr:
    """Return the weight of the second field here, 0 to 1.

    Parameters
    ----------
    shape : {"radial", "linear", "plasma", "field"}
    x, y, inverse_aspect : Expr
        The pixel, and height ÷ width of the picture.
    first_tones : callable
        Gives, for ``"field"``, how early the new field shows here: 1 first, 0 last.
    """
    mask = clamp(_mask(shape, x, y, inverse_aspect, first_tones)) * _BEFORE_LAST
    t = clamp((uniform("wipe_edge") - mask) * uniform("wipe_steep"))
    return t * t * (3.0 - 2.0 * t)


def _mask(
    shape: Shape, x: Expr, y: Expr, inverse_aspect: Expr, first_tones: Callable[[], Expr]
) -> Expr:
    angle = uniform("wipe_angle")
    if shape == "radial":
        # Round whatever the picture's shape; the corners come last.
        aspect = 1.0 / inverse_aspect
        return sqrt(x * x + y * y) / sqrt(aspect * aspect + 1.0)
    if shape == "linear":
        east, south = cos_turns(angle), sin_turns(angle)
        reach = absolute(east) / inverse_aspect + absolute(south)
        return 0.5 + 0.5 * ((x * east + y * south) / reach)
    if shape == "plasma":
        return _clouds(x, y, angle)
    return 1.0 - clamp(first_tones())


def _clouds(x: Expr, y: Expr, angle: Expr) -> Expr:
    """Return soft clouds, other ones for every angle, whose values come about equally often."""
    bent_x = x + 0.22 * sin_turns(y * 0.43 + angle)
    bent_y = y + 0.22 * sin_turns(x * 0.37 - angle)
    east, south = cos_turns(angle), sin_turns(angle)
    u, v = bent_x * east - bent_y * south, bent_x * south + bent_y * east
    # Noise is near its middle mostly; squashed, its values spread, and the wipe keeps its pace.
    return 0.5 + 0.5 * squash(fbm(u * 0.8 + 7.3, v * 0.8 + 3.1, octaves=2, gain=0.4) * 4.0)
