"""What one frame is made of: its fields at a moment, its colors and its grade.

A :class:`Picture` says everything that a painter carries out, on a processor or a graphics card,
and which kernels that takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from afx.color import Colors
from afx.field.jit import Geometry, Kernel
from afx.post import EFFECTS
from afx.stage import GRADE_KNOBS
from afx.transition import Wipe
from afx.wipes import wipe_values

_AT = {knob.name: index for index, knob in enumerate(GRADE_KNOBS)}
_NOT_SPREAD = ("halo", "film", "grain", "fringe")
"""Knobs that do nothing to the light of a halo: they come after it."""


@dataclass(frozen=True)
class FieldState:
    """One field at one moment.

    Attributes
    ----------
    kernel : Kernel
    knobs : float32 array
        In the kernel's order.
    weights : mapping of str to float32 array
        For each network its flat weights.
    scale, offset : float
        Normalize the tone: ``tone · scale + offset`` lies in [0, 1].
    internal : int
        The field is evaluated at one in so many pixels, across as down, and enlarged: 1 to 4.
    direct : bool
        The field's planes are Y' in [0, 1] and Cb, Cr in [−½, ½], not tone, hue and mask.
    buffers : mapping of str to float32 array
        What a pattern with a memory reads.
    """

    kernel: Kernel
    knobs: NDArray[np.float32]
    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    scale: float = 1.0
    offset: float = 0.0
    internal: int = 1
    direct: bool = False
    buffers: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """Everything that one frame is made of.

    Attributes
    ----------
    fields : tuple of one or two FieldState
    weight : float
        Share of the second field.
    grade : float32 array
        Values of ``afx.stage.GRADE_KNOBS``.
    tables : mapping of str to int32 array
        ``palette`` and ``ground``, from ``afx.color.packed_tables``.
    gain : float32 array [rows, columns], optional
        Factors on encoded values from the flash limiter.
    wipe : Wipe, optional
        Which pixels show the second field, in place of `weight`.
    """

    fields: tuple[FieldState, ...]
    weight: float
    grade: NDArray[np.float32]
    tables: Mapping[str, NDArray[np.int32]]
    gain: NDArray[np.float32] | None = None
    wipe: Wipe | None = None

    @property
    def colors(self) -> Colors:
        """What decides the kernel of its colors."""
        fade = len(self.fields) > 1
        wipe = self.wipe.shape if fade and self.wipe is not None else None
        return Colors(
            fade,
            self.gain is not None,
            (self.fields[0].direct, fade and self.fields[1].direct),
            wipe,
            2 if wipe is not None and "palette_b" in self.tables else 1,
            tuple(name for name in EFFECTS if self.grade[_AT[name]]),
        )

    @property
    def fringe(self) -> float:
        """How far colors drift apart."""
        return float(self.grade[_AT["fringe"]])

    def values(self, inverse_aspect: float) -> tuple[float, ...]:
        """Return the values of ``afx.color.FRAME_KNOBS`` in a picture of this shape."""
        a, b = self.fields[0], self.fields[-1]
        return (
            *self.grade.tolist(),
            a.scale,
            a.offset,
            b.scale,
            b.offset,
            self.weight,
            inverse_aspect,
            *wipe_values(self.wipe),
        )

    def unfinished(self) -> Picture:
        """Return the picture whose light a halo spreads: in full, and without what comes later."""
        whole = tuple(replace(state, internal=1) for state in self.fields)
        return replace(self.without(*_NOT_SPREAD), fields=whole, gain=None)

    def without(self, *knobs: str) -> Picture:
        """Return the picture with some knobs of its grade at 0."""
        grade = self.grade.copy()
        grade[[_AT[name] for name in knobs]] = 0.0
        return replace(self, grade=grade)


@dataclass(frozen=True)
class Part:
    """A rectangle of a larger picture: its place in it, and that picture's size, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def geometry(self) -> Geometry:
        """Where the rectangle's pixels lie."""
        g = Geometry.of(self.width, self.height)
        return Geometry(g.x0 + self.left * g.dx, g.dx, g.y0 + self.top * g.dy, g.dy, g.pixel)
