"""Tracing: from a pattern's function to an expression graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afx.field.expr import Expr, Number, TraceError
from afx.field.knob import knobs_of
from afx.field.program import Field, Point, uniform


def pixel_point() -> Point:
    """Return the point of the pixel that is being computed."""
    return Point(Expr("x", "f"), Expr("y", "f"), Expr("pixel", "f"))


def trace(
    function: Callable[..., Any], at: Point, knobs: Mapping[str, Number] | None = None
) -> Field:
    """Run a pattern on expressions and return the field it makes.

    Parameters
    ----------
    function : callable
        ``function(p, **knobs) -> Field``.
    at : Point
        Where the field is evaluated; any expressions, so fields can bend each other's space.
    knobs : mapping of str to expression or number, optional
        Values for some knobs; the others become uniforms of their own name.

    Raises
    ------
    TraceError
        If the pattern does something that cannot be traced, or returns no `Field`.
    """
    given = dict(knobs or {})
    values = {k.name: given.pop(k.name, uniform(k.name)) for k in knobs_of(function)}
    name = getattr(function, "__name__", "pattern")
    if given:
        raise TraceError(f"{name} has no knob called {', '.join(sorted(given))}")
    result = function(at, **values)
    if not isinstance(result, Field):
        raise TraceError(
            f"{name} returned {type(result).__name__}: a pattern returns Field(tone, hue, mask)"
        )
    return result
