"""Enlarging a field: evaluated on a coarse grid, brought to the picture's size smoothly.

Values between samples are Catmull-Rom splines, first along the rows, then along the columns: their
slopes are continuous, so the side light, which looks at slopes, shows no facets. At the left and
right edge the samples that are missing continue those that are there (Keys, "Cubic convolution
interpolation for digital image processing", 1981); above and below they are evaluated.

Every pixel lies at one of few places between samples, so each place has its own four weights and is
made for a whole row at once. A :class:`Window` goes down the picture with the painter's strips and
keeps no more than it needs; each sample is evaluated once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afx.field import Expr, Program
from afx.field.graph import FRAME, order
from afx.field.jit import Call, Geometry, Kernel
from afx.field.program import plane

FACTORS = (1, 2, 3, 4)
"""How many times a field may be enlarged."""

LEFT = 64
"""Spare columns before each row of a plane."""

REACH = 2
"""Samples around a pixel's own that its value depends on, to each side."""

FEWEST = 4
"""Samples across and down below which nothing is enlarged: tiny pictures are evaluated in full."""

PLANES = ("tone", "hue", "mask")


def taps(factor: int) -> tuple[tuple[tuple[int, float], ...], ...]:
    """Return how the pixels of one sample are made of the samples around it.

    Parameters
    ----------
    factor : int
        Pixels for each sample, across as down.

    Returns
    -------
    tuple of tuple of (int, float)
        For each of the sample's pixels, four offsets (in samples, from −`REACH` to `REACH`) and
        weights.

    Raises
    ------
    ValueError
        If a field is not enlarged by such a factor.
    """
    if factor not in FACTORS:
        raise ValueError(f"a field is enlarged 1 to {FACTORS[-1]} times, not {factor}")
    made = []
    for phase in range(factor):
        at = (phase + 0.5) / factor - 0.5
        first = -1 if at < 0 else 0
        t = at - first
        weights = (
            t * (-0.5 + t * (1.0 - 0.5 * t)),
            1.0 + t * t * (-2.5 + 1.5 * t),
            t * (0.5 + t * (2.0 - 1.5 * t)),
            t * t * (-0.5 + 0.5 * t),
        )
        made.append(tuple((first - 1 + k, w) for k, w in enumerate(weights) if w))
    return tuple(made)


def samples(pixels: int, factor: int) -> int:
    """Return how many samples cover so many pixels; the last may reach past them."""
    return -(-pixels // factor)


def factor_for(width: int, height: int, factor: int) -> int:
    """Return by how much a field is enlarged in a picture of this size: 1 if that is tiny.

    Raises
    ------
    ValueError
        If a field is not enlarged by such a factor.
    """
    if factor not in FACTORS:
        raise ValueError(f"a field is enlarged 1 to {FACTORS[-1]} times, not {factor}")
    return factor if min(samples(width, factor), samples(height, factor)) >= FEWEST else 1


def coarse(geometry: Geometry, factor: int) -> Geometry:
    """Return where samples lie; a pattern is still told the size of the picture's pixels."""
    g = geometry
    return Geometry(g.x0, g.dx * factor, g.y0, g.dy * factor, g.pixel)


@functools.lru_cache(maxsize=256)
def varying(kernel: Kernel) -> tuple[str, ...]:
    """Return the outputs of a field that differ over the picture: others need no enlarging."""
    outputs = kernel.program.outputs
    placed = order([e for _, e in outputs])
    return tuple(name for name, e in outputs if placed.scope[placed.of(e)] != FRAME)


@functools.lru_cache(maxsize=16)
def _along(factor: int, names: tuple[str, ...], axis: int) -> Kernel:
    """Return the kernel that makes the pixels of each sample along rows (1) or columns (0)."""

    def value(name: str, phase: tuple[tuple[int, float], ...]) -> Expr:
        total: Expr | None = None
        for offset, weight in phase:
            near = plane(name, offset, 0) if axis else plane(name, 0, offset)
            total = near * weight if total is None else total + near * weight
        assert total is not None
        return total

    outputs = tuple(
        (f"{name}_{k}", value(name, phase))
        for name in names
        for k, phase in enumerate(taps(factor))
    )
    return Kernel(Program(outputs, ()))


def _continue(rows: NDArray[np.float32], columns: int) -> None:
    """Write the missing samples beside rows: a parabola through the last three says the next."""
    with np.errstate(invalid="ignore"):  # fields may be infinite, but nobody wants to read of it
        for k in range(REACH):
            for to, step in ((LEFT - 1 - k, 1), (LEFT + columns + k, -1)):
                near, second, third = (rows[:, to + step * j] for j in (1, 2, 3))
                rows[:, to] = 3.0 * (near - second) + third


class Window:
    """The part of a coarse field that one strip of a picture is made of; for one thread.

    Parameters
    ----------
    width, height : int
        Of the picture, pixels.
    rows : int
        Most rows asked for at once.
    factor : int
        Pixels for each sample, across as down; at least 2.
    """

    def __init__(self, width: int, height: int, rows: int, factor: int) -> None:
        self.width, self.height, self.factor = width, height, factor
        self.columns = samples(width, factor)
        room = rows // factor + 2 + 2 * REACH + 1
        narrow = LEFT + -(-self.columns // 64) * 64 + 64
        wide = -(-self.columns * factor // 64) * 64 + 64
        self._fine = {name: np.zeros((room, narrow), np.float32) for name in PLANES}
        self._parts = {
            f"{name}_{k}": np.zeros((room, narrow), np.float32)
            for name in PLANES
            for k in range(factor)
        }
        self._wide = {name: np.zeros((room, wide), np.float32) for name in PLANES}
        self._across: dict[tuple[str, ...], Call] = {}
        self._down: dict[tuple[str, ...], Call] = {}
        self.start(Geometry.of(width, height))

    def call(self, kernel: Kernel) -> Call:
        """Return a call of a field's kernel that writes samples here."""
        call = Call(kernel)
        for name in PLANES:
            call.output(name, self._fine[name], LEFT)
        return call

    def _call(self, names: tuple[str, ...], axis: int) -> Call:
        calls = self._across if axis else self._down
        if names not in calls:
            call = Call(_along(self.factor, names, axis))
            for name in names:
                if axis:
                    call.plane(name, self._fine[name], LEFT)
                    for k in range(self.factor):
                        call.output(f"{name}_{k}", self._parts[f"{name}_{k}"], LEFT)
                else:
                    call.plane(name, self._wide[name])
            calls[names] = call
        return calls[names]

    def start(self, geometry: Geometry) -> None:
        """Begin a picture whose pixels lie there: nothing of the one before is kept."""
        self.geometry = coarse(geometry, self.factor)
        self._first = self._done = -self.height - REACH

    def fill(
        self,
        field: Call,
        rows: tuple[int, int],
        planes: Mapping[str, NDArray[np.float32]],
        top: int,
        left: int,
    ) -> None:
        """Make rows of a field's planes; those of a picture are asked for from top to bottom.

        Parameters
        ----------
        field : Call
            As `call` made it, with its knobs and weights.
        rows : (int, int)
            First and one past the last, in pixels of the picture.
        planes : mapping of str to float32 array
            What is written: ``tone``, ``hue``, ``mask``, with `factor` − 1 spare rows before and
            after the rows asked for.
        top : int
            Row of the picture that lies in row 0 of the planes.
        left : int
            Index of column 0 in the planes.
        """
        d = self.factor
        names = varying(field.kernel)
        first, last = rows[0] // d, (rows[1] - 1) // d + 1
        self._advance(field, names, first - REACH, last + REACH)
        for name in PLANES:
            if name not in names:  # the same everywhere, so any sample tells it
                planes[name][:] = self._fine[name][0, LEFT]
        if not names:
            return
        down = self._call(names, 0)
        for name in names:
            for k in range(d):
                down.output(f"{name}_{k}", planes[name][first * d + k - top :: d], left)
        down.run(self.geometry, (first, last), (0, self.width), out_row=first, in_row=self._first)

    def _advance(self, field: Call, names: tuple[str, ...], first: int, last: int) -> None:
        """Bring the rows [first, last) of samples, as wide as the picture, into memory."""
        d, n = self.factor, self.columns
        kept = max(self._done - first, 0)
        for name in names:
            wide = self._wide[name]
            for row in range(kept):  # one by one: they overlap
                wide[row] = wide[first - self._first + row]
        self._first = first
        begin = first + kept
        if begin >= last:
            return
        field.run(self.geometry, (begin, last), (0, n), out_row=begin)
        self._done = last
        if not names:
            return
        count = last - begin
        for name in names:
            _continue(self._fine[name][:count], n)
        across = self._call(names, 1)
        across.run(self.geometry, (0, count), (0, n))
        for name in names:
            wide = self._wide[name][kept : kept + count, : n * d]
            for k in range(d):
                wide[:, k::d] = self._parts[f"{name}_{k}"][:count, LEFT : LEFT + n]
