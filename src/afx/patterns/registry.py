"""How a function becomes a pattern with a name, a family and a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from afx.field.knob import Knob, knobs_of

if TYPE_CHECKING:
    from afx.patterns.architecture import Architecture
    from afx.patterns.simulation import Simulation

FAMILIES = ("fractal", "organic", "flowing", "geometric", "spatial")

Weights = Callable[[int], Mapping[str, NDArray[np.float32]]]
"""From a seed to each network's flat weights."""

PATTERNS: dict[str, Pattern] = {}


@dataclass(frozen=True)
class Pattern:
    """A scalar field with knobs.

    Attributes
    ----------
    name : str
        How looks and commands call it: the function's name.
    family : str
        One of `FAMILIES`.
    title, summary, source : str
        For people: what it is called, what one sees, and the paper or person it comes from.
    knobs : tuple of Knob
        In the order of the function's keyword-only parameters.
    function : callable
        ``function(p, **knobs) -> Field``, traceable.
    weights : callable, optional
        ``weights(seed)`` makes the weights of the networks that the pattern runs.
    architecture : Architecture, optional
        The shape of its network, where a look may choose another one.
    shape : callable, optional
        ``shape(architecture)`` gives the same pattern with another network; equal architectures
        give the identical object.
    direct : bool
        Its outputs ``tone, hue, mask`` are Y' in [0, 1] and Cb, Cr in [−½, ½]: it paints its own
        colors, and no palette is asked.
    simulation : Simulation, optional
        What it keeps from frame to frame; its function reads buffers of that.
    inked : callable, optional
        ``inked(ink)`` gives the same pattern drawing with another one, whose knobs are then among
        its own as ``ink.<name>``; equal inks give the identical object.
    """

    name: str
    family: str
    title: str
    summary: str
    source: str
    knobs: tuple[Knob, ...]
    function: Callable[..., Any]
    weights: Weights | None = None
    architecture: Architecture | None = None
    shape: Callable[[Architecture], Pattern] | None = None
    direct: bool = False
    simulation: Simulation | None = None
    inked: Callable[[Pattern], Pattern] | None = None


def pattern(
    *,
    family: str,
    title: str,
    source: str,
    weights: Weights | None = None,
    simulation: Simulation | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a pattern; its docstring's first line is the summary."""
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}: one of {', '.join(FAMILIES)}")

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        if name in PATTERNS:
            raise ValueError(f"two patterns are called {name!r}")
        summary = (function.__doc__ or "").strip().split("\n")[0].rstrip(".")
        if not summary:
            raise ValueError(
                f"pattern {name!r} needs a docstring: its first line is shown to people"
            )
        PATTERNS[name] = Pattern(
            name, family, title, summary, source, knobs_of(function), function, weights,
            simulation=simulation,
        )  # fmt: skip
        return function

    return register
