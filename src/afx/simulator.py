"""Runs the memory of a scene's pattern: for any frame, asked in any order by any thread.

A state only goes forward, so frames are made one after the other under a lock, the last ones are
kept for painters that ask out of order, and some states are kept to go back to. What a frame gets
depends on its scene alone, never on who asked before.

Where nothing hangs on single frames (the measure of a scene's tones, a still without music) a state
is only sketched: gone through in coarse steps.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afx.patterns.simulation import COARSEST, Grid, Simulation, State

RECENT_BYTES, RECENT = 96 * 2**20, (12, 64)
"""Memory for the buffers of the last frames, and their fewest and most: painters are never farther
ahead of the encoder, and if they were, states are gone back to."""

APART = 90
"""Frames between states that are kept."""
LATE, EARLY = 4, 12
"""How many of the last states are kept, and at most how many of all before, ever farther apart: an
hour takes no more memory than a minute."""

SKETCH_STEPS = 480
"""About the most steps of a sketch of a scene."""

Knobs = Callable[[int], Mapping[str, float]]
"""Knob values in a frame of the scene."""
Buffers = Mapping[str, NDArray[np.float32]]
First = Callable[[], NDArray[np.float32]]
"""Gives the tones to begin from, [rows, columns] in [0, 1]."""


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
        Gives the tones to begin from; asked when a state is begun.
    """

    def __init__(
        self,
        simulation: Simulation,
        grid: Grid,
        seed: int,
        knobs: Knobs,
        fps: float,
        picture: First | None = None,
    ) -> None:
        self.simulation, self.grid, self.seed = simulation, grid, seed
        self._knobs, self._seconds, self._picture = knobs, 1.0 / fps, picture
        self._lock = threading.Lock()
        self._recent: dict[int, Buffers] = {}
        self._room = RECENT[0]
        self._kept: dict[int, State] = {}
        self._apart = APART
        self._now: State | None = None
        self._frame = -1

    def at(self, frame: int) -> Buffers:
        """Return the buffers in a frame, counted from the scene's first."""
        known = self._recent.get(frame)  # without waiting for who makes a later one
        if known is not None:
            return known
        with self._lock:
            if frame not in self._recent:
                self._go_to(frame)
            return self._recent[frame]

    def _go_to(self, frame: int) -> None:
        nearest = max((f for f in self._kept if f <= frame), default=-1)
        if self._now is None or frame < self._frame or nearest > self._frame:
            self._begin(nearest)
        assert self._now is not None
        self._show(frame)
        while self._frame < frame:
            # Broken off half way (Ctrl-C, no memory), a state is no state: nobody may find it.
            state, self._now = self._now, None
            state.step(self._knobs(self._frame + 1), self._seconds)
            self._frame += 1
            self._now = state
            self._keep()
            self._show(frame)

    def _begin(self, frame: int) -> None:
        """Go back to the state kept of a frame, or to the scene's first."""
        self._now, self._frame = None, max(frame, 0)
        if frame < 0:
            picture = self._picture() if self._picture is not None else None
            self._now = self.simulation.start(self.grid, self.seed, self._knobs(0), picture)
            self._keep()
        else:
            self._now = self._kept[frame].copy()

    def _keep(self) -> None:
        """Keep a state every so often: the last ones, and of those before ever fewer."""
        assert self._now is not None
        if self._frame % APART or self._frame in self._kept:
            return
        self._kept[self._frame] = self._now.copy()
        late = self._frame - LATE * APART
        while sum(f % self._apart == 0 for f in self._kept if f <= late) > EARLY:
            self._apart *= 2
        self._kept = {f: s for f, s in self._kept.items() if f > late or f % self._apart == 0}

    def _show(self, wanted: int) -> None:
        """Make the buffers of the state's frame, if somebody may ask for them soon."""
        assert self._now is not None
        if self._frame in self._recent or self._frame <= wanted - self._room:
            return
        made = self._now.buffers()
        size = sum(a.nbytes for a in made.values())
        self._room = min(max(RECENT_BYTES // max(size, 1), RECENT[0]), RECENT[1])
        self._recent[self._frame] = made
        while len(self._recent) > self._room:
            del self._recent[next(iter(self._recent))]


def sketch(
    simulation: Simulation,
    grid: Grid,
    seed: int,
    knobs: Callable[[float], Mapping[str, float]],
    moments: Sequence[float],
    *,
    begin: float = 0.0,
    most: int = SKETCH_STEPS,
    picture: First | None = None,
) -> Iterator[Buffers]:
    """Yield about what a pattern remembers at some moments, going there in coarse steps.

    Parameters
    ----------
    simulation, grid, seed
        As of a :class:`Simulator`.
    knobs : callable
        Values by name at a time in seconds.
    moments : sequence of float
        Seconds, rising.
    begin : float
        Seconds; when the state begins.
    most : int
        About the most steps: on longer ways it goes through time in leaps.
    picture : callable, optional
        Gives the tones to begin from.
    """
    first = picture() if picture is not None else None
    state = simulation.start(grid, seed, knobs(begin), first)
    now = begin
    pace = max(COARSEST, (max(moments, default=begin) - begin) / most)
    for moment in moments:
        way = max(moment - now, 0.0)
        steps = math.ceil(way / pace - 1e-6)
        for step in range(steps):
            at = now + way * (step + 1) / steps
            state.step(knobs(at), min(way / steps, COARSEST))
        now += way
        yield state.buffers()
