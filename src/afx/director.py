"""From Controls to pictures: what each frame is made of.

The director knows the scenes, their compiled fields, their weights and palettes; asked for a frame
it gives the :class:`~afx.painter.Picture` that a painter carries out. Frames may be asked for in
any order and from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afx.color import packed_tables, paired_tables
from afx.compose import Controls, Scene
from afx.field.jit import Kernel
from afx.look import pattern_of
from afx.memories import Memories
from afx.painter import FieldState, Picture, field_kernel, field_weights
from afx.patterns import PATTERNS, Pattern
from afx.patterns.simulation import Grid
from afx.stage import GRADE_KNOBS
from afx.transition import Wipe

GRADE_NAMES = tuple(k.name for k in GRADE_KNOBS)


@dataclass(frozen=True)
class Normalization:
    """How a scene's raw tone becomes [0, 1]: ``tone · scale + offset``, frozen for the scene."""

    scale: float = 1.0
    offset: float = 0.0


class Director:
    """Says what every frame of a piece is made of.

    Parameters
    ----------
    controls : Controls
    patterns : mapping of str to Pattern
    aspect : float
        Width ÷ height of the real picture: patterns with a memory keep it on a grid of that shape.

    Attributes
    ----------
    normalizations : list of Normalization
        One for each scene, from `afx.rehearsal.normalize`.
    internal : list of int
        For each scene, that its field is evaluated at one in so many pixels across and down, from
        `afx.internal.choose_internal`.
    gains : float16 array [frames, rows, columns] or None
        Of the flash limiter, from `afx.rehearsal.rehearse`, for the frames from `gains_from` on.
    """

    def __init__(
        self,
        controls: Controls,
        patterns: Mapping[str, Pattern] = PATTERNS,
        *,
        aspect: float = 16 / 9,
    ) -> None:
        self.controls = controls
        self.patterns = patterns
        self.aspect = aspect
        self.normalizations = [Normalization() for _ in controls.scenes]
        self.internal = [1] * len(controls.scenes)
        self.gains: NDArray[np.float16] | None = None
        self.gains_from = 0
        self._columns: dict[int, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
        self._memories = Memories(controls, aspect, self.pattern, self._tones)

    def kernel(self, scene: Scene) -> Kernel:
        """Return the compiled field of a scene."""
        return field_kernel(self.pattern(scene))

    def pattern(self, scene: Scene) -> Pattern:
        """Return a scene's pattern, in its look's shape."""
        return pattern_of(scene.look, self.patterns)

    def _places(self, index: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where a scene's table holds its field's knobs, and its grade."""
        if index not in self._columns:
            scene = self.controls.scenes[index]
            self._columns[index] = (
                np.array([scene.names.index(n) for n in self.kernel(scene).module.knobs]),
                np.array([scene.names.index(n) for n in GRADE_NAMES]),
            )
        return self._columns[index]

    def state(self, index: int, frame: int, *, full: bool = False) -> FieldState:
        """Return scene `index`'s field in a frame; `full` leaves its internal resolution out."""
        return self._state(index, frame, self._memories.at(index, frame), full=full)

    def sketched(self, index: int, frames: Sequence[int]) -> Iterator[FieldState]:
        """Give scene `index`'s field in rising frames in full, where its tones are all that counts.

        What a pattern remembers is gone through in coarse steps.
        """
        for frame, buffers in zip(frames, self._memories.sketched(index, frames), strict=True):
            yield self._state(index, frame, buffers, full=True)

    def needed(self, frames: tuple[int, int] | None) -> list[int]:
        """Return the scenes that frames [first, last) hang on: all without any.

        Those that are visible, and those that hand their picture over to one of them.
        """
        scenes = self.controls.scenes
        found: set[int] = set()
        for index in reversed(range(len(scenes))):
            scene = scenes[index]
            seen = frames is None or (scene.last > frames[0] and scene.first < frames[1])
            if seen or index in found:
                found.add(index)
                before = self._memories.before(index)
                found |= set() if before is None else {before}
        return sorted(found)

    def _state(
        self, index: int, frame: int, buffers: Mapping[str, NDArray[np.float32]], *, full: bool
    ) -> FieldState:
        scene = self.controls.scenes[index]
        normal = self.normalizations[index]
        pattern = self.pattern(scene)
        return FieldState(
            self.kernel(scene),
            scene.values[scene.row(frame)][self._places(index)[0]],
            field_weights(pattern, scene.seed),
            normal.scale,
            normal.offset,
            1 if full else self.internal[index],
            pattern.direct,
            buffers,
        )

    def _tones(self, index: int, frame: int, grid: Grid) -> NDArray[np.float32]:
        """Return scene `index`'s normalized tones in a frame, on a grid."""
        state = self.state(index, frame, full=True)
        made = state.kernel.evaluate(
            grid.columns,
            grid.rows,
            dict(zip(state.kernel.module.knobs, state.knobs.tolist(), strict=True)),
            geometry=grid.geometry,
            buffers=state.buffers,
            weights=state.weights,
        )
        tones = made["tone"] * np.float32(state.scale) + np.float32(state.offset)
        if not state.direct:
            tones = tones * made["mask"]
        return np.ascontiguousarray(np.clip(np.nan_to_num(tones), 0.0, 1.0), np.float32)

    def _morphed(self, frame: int, *, full: bool) -> FieldState | None:
        """Return the one field that two scenes are while one becomes the other, if they can be.

        They can where a morph is wanted and both show the same pattern with the same weights; else
        their pictures are blended.
        """
        visible = self.controls.at(frame)
        transition = self.controls.transition(frame)
        if transition is None or transition.kind != "morph":
            return None
        (a, _), (b, share) = visible
        if not self._memories.continues(b):
            return None
        one, other = (self.state(i, frame, full=full) for i in (a, b))
        knobs = one.knobs + (other.knobs - one.knobs) * np.float32(share)
        return replace(
            one,
            knobs=knobs.astype(np.float32),
            scale=one.scale + (other.scale - one.scale) * share,
            offset=one.offset + (other.offset - one.offset) * share,
            internal=min(one.internal, other.internal),
        )

    def grade(self, index: int, frame: int) -> NDArray[np.float32]:
        """Return scene `index`'s grade in a frame."""
        scene = self.controls.scenes[index]
        values: NDArray[np.float32] = scene.values[scene.row(frame)][self._places(index)[1]]
        return values

    def gain(self, frame: int) -> NDArray[np.float32] | None:
        """Return the limiter's factors on encoded values, None where it does nothing."""
        if self.gains is None or not 0 <= frame - self.gains_from < len(self.gains):
            return None
        gain = self.gains[frame - self.gains_from]
        return None if bool(np.all(gain == 1)) else gain.astype(np.float32)

    def picture(self, frame: int, *, limited: bool = True, full: bool = False) -> Picture:
        """Return what a frame is made of.

        Parameters
        ----------
        frame : int
            From 0, in the piece.
        limited : bool
            With the gains of the flash limiter.
        full : bool
            Fields are evaluated at every pixel: for pictures smaller than the real ones.
        """
        visible = self.controls.at(frame)
        weight = visible[1][1] if len(visible) > 1 else 0.0
        grades = [self.grade(i, frame) for i, _ in visible]
        grade = grades[0]
        if len(visible) > 1:
            grade = np.asarray(
                grades[0] + (grades[1] - grades[0]) * np.float32(weight), dtype=np.float32
            )
        wipe = self._wipe(frame)
        one = self._morphed(frame, full=full)
        return Picture(
            tuple(self.state(i, frame, full=full) for i, _ in visible) if one is None else (one,),
            weight if one is None else 0.0,
            grade,
            self._tables([i for i, _ in visible], weight, wiped=wipe is not None),
            self.gain(frame) if limited else None,
            wipe,
        )

    def _wipe(self, frame: int) -> Wipe | None:
        transition = self.controls.transition(frame)
        if transition is None:
            return None
        return transition.wipe(frame + self.controls.first_frame)

    def _tables(
        self, visible: list[int], weight: float, *, wiped: bool
    ) -> Mapping[str, NDArray[np.int32]]:
        """Return the tables of the scenes' palettes; a direct field has no use for its look's."""
        scenes = [self.controls.scenes[i] for i in visible]
        asked = [s.look.palette for s in scenes if not self.pattern(s).direct]
        if len(asked) == 2 and wiped:  # each side of the seam has its own
            return paired_tables(asked[0], asked[1])
        if len(asked) == 2:
            return packed_tables(asked[0], asked[1], weight)
        return packed_tables(asked[0] if asked else scenes[0].look.palette)
