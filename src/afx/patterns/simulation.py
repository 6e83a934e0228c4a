"""Patterns with a memory: what they keep from frame to frame, on a grid of their own.

A pattern of this kind reads the buffers of a :class:`State` at the points that it is asked for. A
state goes forward one frame at a time, from its scene's first frame, whatever is painted when; its
grid hangs on the picture's shape alone, so that a thumbnail and a 4K frame show the same thing.
Knows grids and steps; nothing of threads or frames (``afx.simulator``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from afx.field.jit import Geometry

COARSEST = 1 / 15
"""Longest step in seconds: of sketches. Frames are shorter."""


@dataclass(frozen=True)
class Grid:
    """Square cells over the whole picture: y from −1 to 1, x from −aspect to aspect."""

    rows: int
    columns: int

    @classmethod
    def of(cls, cells: int, aspect: float) -> Self:
        """Return the grid of about `cells` cells for a picture of this width ÷ height."""
        rows = max(8, round((cells / aspect) ** 0.5 / 4) * 4)
        return cls(rows, max(8, round(rows * aspect / 4) * 4))

    @property
    def geometry(self) -> Geometry:
        """Where the cells' centers lie."""
        return Geometry.of(self.columns, self.rows)


class State(Protocol):
    """What a pattern remembers at one moment.

    For one thread at a time, copies of one beginning included: they may share working memory.
    """

    def step(self, knobs: Mapping[str, float], seconds: float) -> None:
        """Go on by so many seconds, at most `COARSEST`.

        Knobs are the pattern's and the stage's by name, clocks as read at the end of the step. The
        same seconds in more steps come to about the same; the last digit may hang on the steps.
        """

    def buffers(self) -> Mapping[str, NDArray[np.float32]]:
        """Return what the pattern reads, [rows, columns] each: arrays that stay as they are."""

    def copy(self) -> State:
        """Return a state that goes on from here on its own."""


@dataclass(frozen=True)
class Simulation:
    """How a pattern's memory begins.

    Attributes
    ----------
    start : callable
        ``start(grid, seed, knobs, picture) -> State``: the state at a scene's first frame.
        `picture`, [rows, columns] in [0, 1] or None, are the tones of the scene before, to begin
        from. Kernels and chance are the state's own; the same arguments give the same state.
    cells : int
        About how many cells the grid has.
    """

    start: Callable[[Grid, int, Mapping[str, float], NDArray[np.float32] | None], State]
    cells: int = 640 * 360
