"""The memories of a piece: what each scene's pattern remembers in a frame, where it does.

Knows scenes, which begin with nothing or, handed over, with the picture of the scene before; and
that a scene which the one before turns into has no memory of its own: they have one. Only the last
few memories are held; another is gone through again from its beginning.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afx.compose import Controls, Scene
from afx.patterns import Pattern
from afx.patterns.simulation import Grid, Simulation
from afx.simulator import Buffers, Simulator, sketch

HELD = 3
"""Scenes whose memory is held: two are seen at once, and painters are a little apart."""

Tones = Callable[[int, int, Grid], NDArray[np.float32]]
"""``tones(index, frame, grid)``: a scene's tones in [0, 1] on a grid."""


class Memories:
    """What the scenes of a piece remember; for any number of threads.

    Parameters
    ----------
    controls : Controls
    aspect : float
        Width ÷ height of the real picture.
    pattern : callable
        Gives a scene's pattern.
    tones : callable
        Gives what a scene hands over.
    """

    def __init__(
        self,
        controls: Controls,
        aspect: float,
        pattern: Callable[[Scene], Pattern],
        tones: Tones,
    ) -> None:
        self._controls, self._aspect = controls, aspect
        self._pattern, self._tones = pattern, tones
        self._held: OrderedDict[int, Simulator] = OrderedDict()
        self._handed: dict[int, NDArray[np.float32]] = {}
        self._lock = threading.Lock()

    def at(self, index: int, frame: int) -> Buffers:
        """Return the buffers that scene `index`'s pattern reads in a frame: none for most."""
        root = self._root(index)
        scene = self._controls.scenes[root]
        simulation = self._pattern(scene).simulation
        if simulation is None:
            return {}
        with self._lock:
            if root not in self._held:
                self._held[root] = Simulator(
                    simulation,
                    self._grid(simulation),
                    scene.seed,
                    functools.partial(self._knobs, root),
                    float(self._controls.fps),
                    self._first(root),
                )
            self._held.move_to_end(root)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
            simulator = self._held[root]
        return simulator.at(scene.row(frame))

    def sketched(self, index: int, frames: Sequence[int]) -> Iterator[Buffers]:
        """Give about what scene `index`'s pattern remembers in rising frames, at less cost."""
        scene = self._controls.scenes[index]
        simulation = self._pattern(scene).simulation
        if simulation is None:
            return iter([{} for _ in frames])
        fps = float(self._controls.fps)
        return sketch(
            simulation,
            self._grid(simulation),
            scene.seed,
            lambda time: _row(scene, round(time * fps)),
            [scene.row(frame) / fps for frame in frames],
            picture=self._first(index),
        )

    def before(self, index: int) -> int | None:
        """Return the scene whose picture scene `index`'s memory began with, if there is one."""
        root = self._root(index)
        if not root or self._controls.transitions[root - 1].kind != "handover":
            return None
        remembers = self._pattern(self._controls.scenes[root]).simulation is not None
        return root - 1 if remembers else None

    def continues(self, index: int) -> bool:
        """Tell whether scene `index` is what the scene before it turns into.

        It is if a morph is wanted and both show the same pattern with the same weights.
        """
        if not index or self._controls.transitions[index - 1].kind != "morph":
            return False
        old, new = self._controls.scenes[index - 1 : index + 1]
        pattern = self._pattern(new)
        return pattern is self._pattern(old) and (pattern.weights is None or old.seed == new.seed)

    def _root(self, index: int) -> int:
        """Return the scene with which scene `index`'s memory began."""
        while self.continues(index):
            index -= 1
        return index

    def _knobs(self, root: int, row: int) -> Mapping[str, float]:
        """Return the knobs in a row from the first of scene `root`, of what it turns into too."""
        scenes, transitions = self._controls.scenes, self._controls.transitions
        frame = scenes[root].first - scenes[root].lead + row
        index = root
        while (
            index + 1 < len(scenes)
            and scenes[index + 1].first <= frame
            and self.continues(index + 1)
        ):
            index += 1
        knobs = _row(scenes[index], scenes[index].row(frame))
        if index == root or frame >= scenes[index - 1].last:
            return knobs
        old = _row(scenes[index - 1], scenes[index - 1].row(frame))
        share = transitions[index - 1].share(frame + self._controls.first_frame)
        return {name: old[name] + (value - old[name]) * share for name, value in knobs.items()}

    def _grid(self, simulation: Simulation) -> Grid:
        return Grid.of(simulation.cells, self._aspect)

    def _first(self, index: int) -> Callable[[], NDArray[np.float32]] | None:
        before = self.before(index)
        if before is None:
            return None
        scene, old = self._controls.scenes[index], self._controls.scenes[before]
        simulation = self._pattern(scene).simulation
        assert simulation is not None
        # The frame of the new scene's first row, as far as the old one goes.
        low, high = old.first - old.lead, old.first - old.lead + len(old.values) - 1
        frame = min(max(scene.first - scene.lead, low), high)
        grid = self._grid(simulation)

        def handed() -> NDArray[np.float32]:
            if index not in self._handed:
                self._handed[index] = self._tones(before, frame, grid)
            return self._handed[index]

        return handed


def _row(scene: Scene, row: int) -> Mapping[str, float]:
    """Return a scene's knobs in a row of its table, by name."""
    values = scene.values[min(row, len(scene.values) - 1)]
    return dict(zip(scene.names, values.tolist(), strict=True))
