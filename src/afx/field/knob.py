"""Knobs: the named, bounded numbers by which a person or the music holds a pattern.

A pattern declares its knobs as keyword-only parameters::

    def rings(p: Point, *, phase: Expr = clock(0.3, help="how fast the rings travel"),
              count: Expr = knob(6.0, 1.0, 40.0, unit="rings", help="rings from center to edge")):
        ...

This module knows what a knob is. It does not know how a knob is traced (``expr``) or who turns it
(``compose``).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Knob:
    """One number that steers a pattern.

    Attributes
    ----------
    name : str
        The parameter's name, filled in from the function's signature.
    default, lo, hi : float
        Value at rest and the range that keeps the picture good. Values outside are clamped.
    unit : str
        Unit for people: ``"turns"``, ``"×"``, ``"cells"``; empty for a pure ratio.
    help : str
        What a person sees change when the knob turns.
    kind : {"value", "clock"}
        A ``"value"`` reaches the pattern as it is. A ``"clock"`` is a *speed* (units per second):
        the pattern receives its integral over time, so that changing the speed never makes the
        picture jump.
    """

    default: float
    lo: float
    hi: float
    unit: str = ""
    help: str = ""
    kind: str = "value"
    name: str = ""

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.default, self.lo, self.hi)):
            raise ValueError(f"knob {self.name!r}: default, lo and hi must be finite numbers")
        if not self.lo <= self.default <= self.hi or self.lo >= self.hi:
            raise ValueError(
                f"knob {self.name!r}: needs lo <= default <= hi and lo < hi, "
                f"got lo={self.lo:g}, default={self.default:g}, hi={self.hi:g}"
            )

    def clamp(self, value: float) -> float:
        """Return `value` held inside the knob's range; NaN becomes the default."""
        if math.isnan(value):
            return self.default
        return min(max(value, self.lo), self.hi)


def knob(default: float, lo: float, hi: float, *, unit: str = "", help: str) -> Any:
    """Declare a knob as the default of a keyword-only parameter of a pattern."""
    return Knob(float(default), float(lo), float(hi), unit, help)


def clock(speed: float, hi: float | None = None, *, lo: float = 0.0, help: str) -> Any:
    """Declare a clock: a knob whose value is a speed and that the pattern sees integrated.

    Parameters
    ----------
    speed : float
        Default speed, in pattern units per second.
    hi : float, optional
        Fastest speed; four times the default if not given.
    lo : float
        Slowest speed.
    help : str
        What moves.
    """
    top = 4.0 * speed if hi is None else hi
    return Knob(float(speed), float(lo), float(top), "/s", help, kind="clock")


def knobs_of(function: Callable[..., object]) -> tuple[Knob, ...]:
    """Read the knobs off a function's keyword-only parameters, in order.

    A function that takes any keyword, because its knobs' names are no identifiers, has them in an
    attribute ``knobs`` instead.

    Raises
    ------
    TypeError
        If a keyword-only parameter has no knob as its default.
    """
    named: tuple[Knob, ...] | None = getattr(function, "knobs", None)
    if named is not None:
        return named
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        if not isinstance(parameter.default, Knob):
            raise TypeError(
                f"{getattr(function, '__name__', function)}: parameter {parameter.name!r} must be a"
                " knob: write  name: Expr = knob(default, lo, hi, help=...)"
            )
        found.append(replace(parameter.default, name=parameter.name))
    return tuple(found)
