"""Memories of layers: a simulation that finds its pattern's knobs under the layer's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afx.patterns.simulation import Grid, Simulation, State


@dataclass(frozen=True)
class _Named:
    """Turns a look's knobs into those that a layer's pattern knows."""

    prefix: str
    names: frozenset[str]

    def __call__(self, knobs: Mapping[str, float]) -> Mapping[str, float]:
        own = {n: knobs[self.prefix + n] for n in self.names if self.prefix + n in knobs}
        return {**knobs, **own}


class _NamedState:
    """A state that is told a layer's knobs."""

    def __init__(self, state: State, named: _Named) -> None:
        self._state, self._named = state, named

    def step(self, knobs: Mapping[str, float], seconds: float) -> None:
        self._state.step(self._named(knobs), seconds)

    def buffers(self) -> Mapping[str, NDArray[np.float32]]:
        return self._state.buffers()

    def copy(self) -> _NamedState:
        return _NamedState(self._state.copy(), self._named)


def prefixed(simulation: Simulation, prefix: str, names: frozenset[str]) -> Simulation:
    """Return a simulation whose pattern's knobs `names` come with a prefix.

    The stage's knobs are the same for all; a base's knob of the same name is hidden.
    """
    named = _Named(prefix, names)

    def start(
        grid: Grid, seed: int, knobs: Mapping[str, float], picture: NDArray[np.float32] | None
    ) -> State:
        return _NamedState(simulation.start(grid, seed, named(knobs), picture), named)

    return replace(simulation, start=start)
