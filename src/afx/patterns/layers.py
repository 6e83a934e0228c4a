"""Patterns made of patterns: one bends another's space, or is drawn into it.

The knobs of a layer carry its name: ``warp.amount``, ``warp.density``, ``ink.amount``. What comes
back is a pattern like any other, with one kernel; equal questions give the identical pattern.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from afx.field import Expr, Field, Knob, Point, knobs_of, trace
from afx.patterns.architecture import Architecture
from afx.patterns.layer_fields import (
    Traced,
    bent,
    ink_knobs,
    inked,
    line_knobs,
    lined,
    warp_knobs,
)  # fmt: skip
from afx.patterns.registry import Pattern, Weights
from afx.patterns.remembering import prefixed

Style = Literal["tones", "lines"]


class LayerError(ValueError):
    """Patterns that do not go together; `layer` is the table of the look that says so."""

    def __init__(self, layer: str, message: str) -> None:
        super().__init__(message)
        self.layer = layer


def layered(
    base: Pattern,
    *,
    warp: Pattern | None = None,
    ink: Pattern | None = None,
    style: Style = "tones",
) -> Pattern:
    """Return `base` with its space bent by `warp` and with `ink` drawn into it.

    A base that keeps pictures of its own (`Pattern.inked`) is given the ink to draw with instead.

    Parameters
    ----------
    base, warp, ink : Pattern
    style : {"tones", "lines"}
        The ink's lights and shadows are drawn, or its contour lines: as on a map, equally wide
        everywhere. Lines ask for the ink's field three times.

    Raises
    ------
    LayerError
        If they do not go together.
    """
    return _layered(base, warp, ink, style)


@functools.lru_cache(maxsize=1024)
def _layered(base: Pattern, warp: Pattern | None, ink: Pattern | None, style: Style) -> Pattern:
    _check(base, warp, ink)
    if ink is not None and base.inked is not None:
        if style == "lines":
            raise LayerError(
                "ink", f"{base.name} draws its ink's lights, no lines: leave style out"
            )
        base, ink = base.inked(ink), None
    if warp is None and ink is None:
        return base
    knobs, simulation, weights = base.knobs, base.simulation, {"": base.weights}
    for name, layer, own in _parts(warp, ink, style):
        called = [k.name for k in own]
        if twice := {n for n in called if called.count(n) > 1}:
            raise LayerError(name, f"{layer.name} has a knob {min(twice)!r}, as the layer itself")
        knobs += tuple(replace(k, name=f"{name}.{k.name}") for k in own)
        weights[f"{name}."] = layer.weights
        if layer.simulation is not None:
            names = frozenset(k.name for k in layer.knobs)
            simulation = prefixed(layer.simulation, f"{name}.", names)
    made = tuple((prefix, make) for prefix, make in weights.items() if make is not None)
    traced = tuple(None if part is None else part.function for part in (warp, ink))
    return replace(
        base,
        knobs=knobs,
        function=_function(base.function, *traced, style, base.direct, knobs),
        weights=_Weights(made) if made else None,
        shape=None if base.shape is None else _Shaper(base.shape, warp, ink, style),
        simulation=simulation,
        inked=None,
    )


def _check(base: Pattern, warp: Pattern | None, ink: Pattern | None) -> None:
    """Raise where patterns do not go together."""
    given = [("pattern", base), ("warp", warp), ("ink", ink)]
    named = [(name, layer) for name, layer in given if layer is not None]
    for name, layer in named[1:]:
        if layer.direct:
            raise LayerError(name, f"{layer.name} paints its own colors: only tones can be a layer")
    memories = [(name, layer.name) for name, layer in named if layer.simulation is not None]
    if len(memories) > 1:
        (_, first), (name, second) = memories[:2]
        raise LayerError(
            name, f"{first} and {second} both remember what they drew: a look can have one"
        )


def _parts(
    warp: Pattern | None, ink: Pattern | None, style: Style
) -> Iterator[tuple[str, Pattern, tuple[Knob, ...]]]:
    """Yield the layers: name, pattern, knobs as the pattern and its place in the look have them."""
    if warp is not None:
        yield "warp", warp, knobs_of(warp_knobs) + _calm(warp.knobs)
    if ink is not None and style == "lines":
        yield "ink", ink, knobs_of(line_knobs) + _calm(ink.knobs)
    elif ink is not None:
        yield "ink", ink, knobs_of(ink_knobs) + ink.knobs


def _calm(knobs: tuple[Knob, ...]) -> tuple[Knob, ...]:
    """Return knobs with fine detail away at rest: it would fray what is bent, and contour lines."""
    return tuple(replace(k, default=k.lo) if k.name == "detail" else k for k in knobs)


@functools.lru_cache(maxsize=512)
def _function(
    base: Traced,
    warp: Traced | None,
    ink: Traced | None,
    style: Style,
    direct: bool,
    knobs: tuple[Knob, ...],
) -> Traced:
    """Return the function of layers; by functions, as networks with other weights share theirs."""

    def field(p: Point, **held: Expr) -> Field:
        if warp is not None:
            p = bent(p, warp, _of("warp", held))
        made = trace(base, p, {k.name: held[k.name] for k in knobs_of(base)})
        if ink is None:
            return made
        draw = lined if style == "lines" else inked
        return draw(made, p, ink, _of("ink", held), direct)

    return called_as(base, field, knobs)


def called_as(base: Traced, field: Traced, knobs: tuple[Knob, ...]) -> Traced:
    """Return `field` with knobs, some of whose names are no identifiers, and `base`'s name."""
    field.knobs = knobs  # type: ignore[attr-defined]
    field.__name__ = field.__qualname__ = getattr(base, "__name__", "pattern")
    field.__doc__ = base.__doc__
    return field


@dataclass(frozen=True)
class _Shaper:
    """Makes the base of layers with another network."""

    shape: Callable[[Architecture], Pattern]
    warp: Pattern | None
    ink: Pattern | None
    style: Style

    def __call__(self, architecture: Architecture) -> Pattern:
        return _layered(self.shape(architecture), self.warp, self.ink, self.style)


@dataclass(frozen=True)
class _Weights:
    """The weights of several patterns' networks, named by their layers."""

    makers: tuple[tuple[str, Weights], ...]

    def __call__(self, seed: int) -> Mapping[str, NDArray[np.float32]]:
        return {
            prefix + name: flat for prefix, make in self.makers for name, flat in make(seed).items()
        }


def _of(layer: str, held: Mapping[str, Expr]) -> dict[str, Expr]:
    """Return a layer's knobs by the names that it knows them under."""
    start = f"{layer}."
    return {name.removeprefix(start): v for name, v in held.items() if name.startswith(start)}
