"""Knob tables of shots: those of their looks, as the shots vary them and transitions bend them.

Knows shots, and how the music holds a look's knobs; knows no frames but those it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from afx.crossing import bend
from afx.field.knob import Knob
from afx.look import Look, knobs_of, pattern_of
from afx.patterns import Pattern
from afx.routes import Grip
from afx.shot import Shot
from afx.transition import Transition


class ShotTables:
    """Knob tables of shots: their looks', as varied, bent by transitions.

    To be asked shot by shot, all of one look one after the other.
    """

    def __init__(
        self,
        grip: Grip,
        patterns: Mapping[str, Pattern],
        shots: Sequence[Shot],
        transitions: Sequence[Transition],
    ) -> None:
        self.names: tuple[str, ...] = ()
        self._grip, self._patterns = grip, patterns
        self._shots, self._transitions = shots, transitions
        self._look: Look | None = None
        self._knobs: tuple[Knob, ...] = ()
        self._own = 0
        self._table = np.zeros((0, 0), np.float32)
        self._varied: dict[tuple[int, float], NDArray[np.float32]] = {}

    def rows(self, index: int, first: int, last: int) -> NDArray[np.float32]:
        """Return the table of shot `index` for frames [first, last) of the piece."""
        shot = self._shots[index]
        if shot.look is not self._look:
            self._turn_to(shot.look)
        changed = self._changed(shot)
        values = self._table[first:last].copy()
        for column, value in changed.items():
            values[:, column] = self._column(column, value)[first:last]
        comes = self._transitions[index - 1] if index else None
        goes = self._transitions[index] if index < len(self._transitions) else None
        values += self._offsets(index)[None, :]
        bend(values, first, self._knobs, float(self._grip.sources.fps), comes=comes, goes=goes)
        return values

    def _turn_to(self, look: Look) -> None:
        pattern = pattern_of(look, self._patterns)
        self._look, self._knobs, self._own = look, knobs_of(pattern), len(pattern.knobs)
        self.names = tuple(knob.name for knob in self._knobs)
        self._table = self._grip.table(look, self._knobs, self._own)
        self._varied.clear()

    def _changed(self, shot: Shot) -> dict[int, float]:
        """Return the columns that a shot varies, with the values at rest."""
        asked = dict(shot.knobs)
        if shot.hue:
            own = asked.get("hue", shot.look.knobs.get("hue", 0.0))
            # Half a turn one way is half a turn the other.
            asked["hue"] = float(np.mod(own + shot.hue + 0.5, 1.0) - 0.5)
        columns = {name: column for column, name in enumerate(self.names)}
        return {columns[name]: value for name, value in asked.items()}

    def _column(self, column: int, value: float) -> NDArray[np.float32]:
        """Return one knob over the whole piece, at another value at rest."""
        key = (column, value)
        if key not in self._varied:
            assert self._look is not None
            knob = self._knobs[column]
            look = self._look.model_copy(update={"knobs": {**self._look.knobs, knob.name: value}})
            made = self._grip.table(look, (knob,), int(column < self._own))
            self._varied[key] = made[:, 0]
        return self._varied[key]

    def _offsets(self, index: int) -> NDArray[np.float32]:
        """Return what is added to the clocks of a shot so that they go on through morphs."""
        offsets = np.zeros(len(self._knobs), np.float32)
        chain = [index]
        while chain[0] and self._transitions[chain[0] - 1].kind == "morph":
            if self._shots[chain[0] - 1].look is not self._look:
                break
            chain.insert(0, chain[0] - 1)
        clocks = [i for i, knob in enumerate(self._knobs) if knob.kind == "clock"]
        for before, after in pairwise(chain):
            transition = self._transitions[before]
            was, will = self._changed(self._shots[before]), self._changed(self._shots[after])
            row = min(max(int(transition.begin), 0), len(self._table) - 1)
            for column in clocks:
                if was.get(column) == will.get(column):
                    continue
                old, new = (
                    self._column(column, change[column])[row]
                    if column in change
                    else self._table[row, column]
                    for change in (was, will)
                )
                offsets[column] += old - new
        return offsets
