"""Runs the memory of a scene's pattern: for any frame, asked in any order by any thread.

A state only goes forward, so frames are made one after the other under a lock, the last ones are
kept for painters that ask out of order, and some states are kept to go back to. What a frame gets
depends on its scene alone, never on who asked before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from afx.patterns.simulation import Grid, Simulation, State

RECENT = 48
"""Frames whose buffers are kept: more than painters are ever ahead of the encoder."""
STATES, APART = 24, 150
"""States to go back to: at most so many, at first so many frames apart."""

Knobs = Callable[[int], Mapping[str, float]]
"""Knob values in a frame of the scene."""
Buffers = Mapping[str, NDArray[np.float32]]


class Simulator:
    """The buffers of one scene.

    Parameters
    ----------
    simulation : Simulation
    grid : Grid
    seed : int
    knobs : callable
        Values by name in a frame, 0 being the scene's first.
    fps : float
    picture : callable, optional
        Gives the tones to begin from, [rows, columns] in [0, 1].
    """

    def __init__(
        self,
        simulation: Simulation,
        grid: Grid,
        seed: int,
        knobs: Knobs,
        fps: float,
        picture: Callable[[], NDArray[np.float32]] | None = None,
    ) -> None:
        self.simulation, self.grid, self.seed = simulation, grid, seed
        self._knobs, self._seconds, self._picture = knobs, 1.0 / fps, picture
        self._lock = threading.Lock()
        self._recent: OrderedDict[int, Buffers] = OrderedDict()
        self._kept: dict[int, State] = {}
        self._apart = APART
        self._now: State | None = None
        self._frame = -1

    def at(self, frame: int) -> Buffers:
        """Return the buffers in a frame, counted from the scene's first."""
        with self._lock:
            if frame not in self._recent:
                self._go_to(frame)
            return self._recent[frame]

    def _go_to(self, frame: int) -> None:
        if self._now is None or frame <= self._frame:
            self._go_back(frame)
        else:  # what was kept may be nearer
            nearest = max((f for f in self._kept if f <= frame), default=-1)
            if nearest > self._frame:
                self._go_back(frame)
        assert self._now is not None
        if self._frame == frame:
            self._show()
        while self._frame < frame:
            self._frame += 1
            self._now.step(self._knobs(self._frame), self._seconds)
            self._keep()
            if self._frame > frame - RECENT:
                self._show()

    def _go_back(self, frame: int) -> None:
        nearest = max((f for f in self._kept if f <= frame), default=None)
        if nearest is None:
            picture = self._picture() if self._picture is not None else None
            self._now = self.simulation.start(self.grid, self.seed, self._knobs(0), picture)
            self._frame = 0
            self._keep()
        else:
            self._now, self._frame = self._kept[nearest].copy(), nearest

    def _keep(self) -> None:
        """Keep a state every so often, half as often when there are too many."""
        assert self._now is not None
        if self._frame % self._apart or self._frame in self._kept:
            return
        self._kept[self._frame] = self._now.copy()
        while len(self._kept) > STATES:
            self._apart *= 2
            self._kept = {f: s for f, s in self._kept.items() if f % self._apart == 0}

    def _show(self) -> None:
        assert self._now is not None
        self._recent[self._frame] = self._now.buffers()
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)
