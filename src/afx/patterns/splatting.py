"""Densities that patterns with a memory gather: points leave light on a grid, and light fades.

The grid covers a little more than the picture, so that a camera that sways sees no border; beyond
it space is mirrored. What a pattern reads is *developed*: each cell's tone and hue in 16 bits each,
one word, so that one look-up brings both, and smoothly between cells (quadratic B-splines: they
neither ring nor show the grid).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afx.field import (
    Buffer,
    Expr,
    Number,
    Point,
    Program,
    absolute,
    as_expr,
    clamp,
    floor,
    mix,
    mod,
    pixel_point,
    smoothstep,
    to_float,
    to_int,
)
from afx.field.jit import Call, Geometry, Kernel
from afx.field.splat import splat
from afx.patterns.simulation import Grid

REACH = 1.08
"""How much more than the picture the grid covers, across as down."""

SPARE = 64
"""Cells before and after each row of a plane, and `BORDER` rows above and below."""
BORDER = 4

CELLS = Geometry(0.0, 1.0, 0.0, 1.0, 1.0)
"""Points are cells: the first one's center lies at ½."""

Plane = NDArray[np.float32]


def fading(seconds: float, half_life: float) -> np.float32:
    """Return what is left after so many seconds; the same number on every machine."""
    return np.float32(round(0.5 ** (seconds / half_life), 8))


def cell_of(x: Number, y: Number, rows: Number, columns: Number) -> tuple[Expr, Expr]:
    """Return where a point of the picture lies in the grid, in cells; the first's center is 0."""
    per_cell = as_expr(rows) * (0.5 / REACH)
    return (
        as_expr(x) * per_cell + (as_expr(columns) * 0.5 - 0.5),
        as_expr(y) * per_cell + (as_expr(rows) * 0.5 - 0.5),
    )


def developed(name: str, p: Point) -> tuple[Expr, Expr]:
    """Return tone in [0, 1] and hue in [−1, 1] at a point, from what `Light.develop` made.

    Pictures whose pixels are larger than cells read the means of four by four cells.
    """
    near_tone, near_hue = _smooth(Buffer(name, "i"), p)
    far_tone, far_hue = _straight(Buffer(f"{name}_far", "i"), p)
    cells = p.pixel * Buffer(name, "i").height * (0.5 / REACH)
    far = smoothstep(1.2, 3.5, cells)
    return mix(near_tone, far_tone, far), mix(near_hue, far_hue, far)


def _smooth(buffer: Buffer, p: Point) -> tuple[Expr, Expr]:
    """Return a quadratic spline through nine cells."""
    u, v = _held(buffer, p)
    column, row = floor(u + 0.5), floor(v + 0.5)
    across, down = _spline(u - column), _spline(v - row)
    return _sum(buffer, to_int(column) - 1, to_int(row) - 1, across, down)


def _straight(buffer: Buffer, p: Point) -> tuple[Expr, Expr]:
    """Return straight lines between four cells."""
    u, v = _held(buffer, p)
    column, row = floor(u), floor(v)
    a, b = u - column, v - row
    return _sum(buffer, to_int(column), to_int(row), (1.0 - a, a), (1.0 - b, b))


def _held(buffer: Buffer, p: Point) -> tuple[Expr, Expr]:
    """Return where a point lies among a buffer's cells, mirrored at its ends."""
    u, v = cell_of(p.x, p.y, buffer.height, buffer.width)
    return _mirrored(u, buffer.width), _mirrored(v, buffer.height)


def _sum(
    buffer: Buffer, column: Expr, row: Expr, across: Sequence[Expr], down: Sequence[Expr]
) -> tuple[Expr, Expr]:
    """Return the weighted mean of cells from `column` and `row` on: tone and hue."""
    tone, hue = as_expr(0.0), as_expr(0.0)
    for j, below in enumerate(down):
        tones, hues = as_expr(0.0), as_expr(0.0)
        for i, beside in enumerate(across):
            found = buffer.fetch(column + i, row + j)
            tones = tones + to_float(found & 0xFFFF) * beside
            hues = hues + to_float(found >> 16) * beside
        tone, hue = tone + tones * below, hue + hues * below
    return tone * (1.0 / 65535.0), hue * (2.0 / 65535.0) - 1.0


def _mirrored(at: Expr, size: Expr) -> Expr:
    return size - absolute(mod(at + 0.5, size * 2.0) - size) - 0.5


def _spline(t: Expr) -> tuple[Expr, Expr, Expr]:
    """Return the weights of three neighbors, for t in [−½, ½]."""
    before, after = 0.5 - t, 0.5 + t
    return before * before * 0.5, 0.75 - t * t, after * after * 0.5


def word(tone: Number, hue: Number) -> Expr:
    """Return a tone in [0, 1] and a hue in [−1, 1] as the bits of one float; both are clamped."""
    low = to_int(clamp(tone) * 65535.0 + 0.5)
    high = to_int(clamp(hue, -1.0, 1.0) * 32767.0 + 32767.5)
    return Expr("from_bits", "f", (low | (high << 16),))


class Light:
    """Weights and moments on a grid: what was left there, fading.

    Attributes
    ----------
    weights, moments : float32 arrays [rows, columns]
        Views of planes with spare cells around them that stay 0.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        wide = SPARE + -(-grid.columns // SPARE) * SPARE + SPARE
        self._planes = np.zeros((2, grid.rows + 2 * BORDER, wide), np.float32)
        self._view()

    def _view(self) -> None:
        rows, columns = slice(BORDER, BORDER + self.grid.rows), self.grid.columns
        self.weights, self.moments = self._planes[:, rows, SPARE : SPARE + columns]

    def copy(self) -> Light:
        """Return the same light in memory of its own."""
        made = Light.__new__(Light)
        made.grid, made._planes = self.grid, self._planes.copy()
        made._view()
        return made

    def fade(self, factor: np.float32) -> None:
        """Keep this share of everything."""
        self._planes *= factor

    def add(self, x: Plane, y: Plane, weight: Plane, value: Plane) -> None:
        """Leave points; parameters as `afx.field.splat.splat`."""
        splat(x, y, weight, value, self.weights, self.moments)

    def develop(
        self, name: str, kernel: Kernel, knobs: Mapping[str, float]
    ) -> dict[str, NDArray[np.float32]]:
        """Return the buffers that `developed` reads: words, as the bits of floats.

        The kernel reads planes ``weight`` and ``moment`` and the buffers of `hazy`, and writes
        ``word``.
        """
        call = Call(kernel)
        call.plane("weight", self.weights)
        call.plane("moment", self.moments)
        for buffer, values in self._haze().items():
            call.buffer(buffer, values)
        rows, columns = self.grid.rows, self.grid.columns
        made = np.empty((rows, -(-columns // SPARE) * SPARE), np.float32)
        call.output("word", made)
        call.knobs[:] = [knobs[knob] for knob in kernel.module.knobs]
        call.run(CELLS, (0, rows), (0, columns))
        words = np.ascontiguousarray(made[:, :columns])
        far = _far().evaluate(columns // 4, rows // 4, buffers={"near": words}, geometry=CELLS)
        return {name: words, f"{name}_far": np.ascontiguousarray(far["word"])}

    def _haze(self) -> dict[str, Plane]:
        """Return weight and moment blurred over some sixteen cells, one of four cells each way."""
        size = self.grid.columns // 4, self.grid.rows // 4
        planes: dict[str, Plane] = {"weight": self._planes[0], "moment": self._planes[1]}
        for kernel in (_quarter(), _blurred(1), _blurred(0)):
            made = kernel.evaluate(*size, buffers=planes, geometry=CELLS)
            planes = {name: np.ascontiguousarray(values) for name, values in made.items()}
        return {"haze": planes["weight"], "haze_moment": planes["moment"]}


def _cell() -> tuple[Expr, Expr]:
    """Return the whole numbers of the cell that is being computed."""
    p = pixel_point()
    return to_int(p.x), to_int(p.y)


@functools.cache
def _quarter() -> Kernel:
    """Return the kernel that takes the mean of four by four cells."""
    column, row = _cell()
    outputs = []
    for name in ("weight", "moment"):
        buffer, total = Buffer(name), as_expr(0.0)
        for j in range(4):
            for i in range(4):
                at = column * 4 + (SPARE + i), row * 4 + (BORDER + j)
                total = total + buffer.fetch(*at)
        outputs.append((name, total * (1.0 / 16.0)))
    return Kernel(Program(tuple(outputs), ()))


@functools.cache
def _far() -> Kernel:
    """Return the kernel that takes the mean of four by four words."""
    column, row = _cell()
    even = (as_expr(0.25),) * 4
    tone, hue = _sum(Buffer("near", "i"), column * 4, row * 4, even, even)
    return Kernel(Program((("word", word(tone, hue)),), ()))


BLUR = (0.2270270, 0.1945946, 0.1216216, 0.0540541, 0.0162162)
"""A Gaussian's weights, from the middle outwards."""


@functools.cache
def _blurred(across: int) -> Kernel:
    column, row = _cell()
    outputs = []
    for name in ("weight", "moment"):
        buffer, total = Buffer(name), as_expr(0.0)
        for k in range(-len(BLUR) + 1, len(BLUR)):
            at = (column + k, row) if across else (column, row + k)
            total = total + buffer.fetch(*at) * BLUR[abs(k)]
        outputs.append((name, total))
    return Kernel(Program(tuple(outputs), ()))


def hazy() -> tuple[Expr, Expr]:
    """Return the haze's weight and moment at the cell that is being developed."""
    p = pixel_point()
    u, v = p.x * 0.25 - 0.5, p.y * 0.25 - 0.5
    column, row = floor(u), floor(v)
    a, b = u - column, v - row
    first, top = to_int(column), to_int(row)
    found = []
    for name in ("haze", "haze_moment"):
        buffer = Buffer(name)
        upper = mix(buffer.fetch(first, top), buffer.fetch(first + 1, top), a)
        lower = mix(buffer.fetch(first, top + 1), buffer.fetch(first + 1, top + 1), a)
        found.append(mix(upper, lower, b))
    return found[0], found[1]
