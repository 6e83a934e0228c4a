"""The halo: light of what is bright, spread over the picture around it.

A picture is painted small, always about as many pixels whatever its real size, so that the halo is
the same in a preview as in the film. What is bright in it is blurred twice, narrowly and widely,
and read smoothly in between by the color kernel. Two passes of weighted sums, along rows and down
columns, each also doubling the resolution, as Gaussians may be sampled anywhere.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from afx.field import Expr, Program, clamp, maximum, minimum, sqrt
from afx.field.jit import Call, Geometry, Kernel
from afx.field.program import plane
from afx.packed import words
from afx.post import LIGHT
from afx.upscale import LEFT

PIXELS = 128 * 72
"""About so many are in the small picture."""

WIDTHS = (1.15, 4.4)
"""Standard deviations of the blurs, in its pixels: 1.6 % and 6 % of a wide picture's height."""

REACHES = (3, 10)
"""Pixels around one that each blur takes in."""

SHARES = (0.5, 0.5)
"""How much of the light each blur has."""

CALM = ("calm_y", "calm_b", "calm_r")
CODES = ("y", "b", "r")


def halo_size(width: int, height: int) -> tuple[int, int]:
    """Return the small picture's size: even, and the shape of the real one, nearly."""
    scale = math.sqrt(PIXELS / (width * height))
    return max(16, round(width * scale / 2) * 2), max(16, round(height * scale / 2) * 2)


def _weights(width: float, reach: int, phase: int) -> list[tuple[int, float]]:
    """Return a Gaussian around a quarter of a pixel to the left (0) or the right (1)."""
    center = 0.5 * phase - 0.25
    raw = [math.exp(-0.5 * ((k - center) / width) ** 2) for k in range(-reach, reach + 1)]
    # Rounded: machines' exponentials may differ in the last digit, pictures must not.
    return [(k, round(w / sum(raw), 6)) for k, w in zip(range(-reach, reach + 1), raw, strict=True)]


def _blurred(name: str, which: int, phase: int, axis: int) -> Expr:
    total: Expr | None = None
    for k, weight in _weights(WIDTHS[which], REACHES[which], phase):
        near = plane(name, k, 0) if axis else plane(name, 0, k)
        total = near * weight if total is None else total + near * weight
    assert total is not None
    return total


@functools.lru_cache(maxsize=1)
def calmed_program() -> Program:
    """Return the pass before: `LIGHT` without single bright pixels: ``calm_y``, ….

    What is smaller than a pixel of the small picture is hit or missed by chance, and would flare up
    and vanish as it moves. A pixel may be three times as bright as those around it: lines keep most
    of their light, spots of two pixels and more all of it.
    """
    y = plane(LIGHT[0])
    near = [plane(LIGHT[0], dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy]
    around = functools.reduce(lambda a, b: a + b, near)
    keep = minimum(around * (3.0 / 8.0) / maximum(y, 1e-6), 1.0)
    return Program(
        tuple((calm, plane(name) * keep) for calm, name in zip(CALM, LIGHT, strict=True)), ()
    )


@functools.lru_cache(maxsize=1)
def along_program() -> Program:
    """Return the pass along rows: of `CALM` both blurs, twice as wide: ``calm_y_0_1``, …."""
    return Program(
        tuple(
            (f"{name}_{which}_{phase}", _blurred(name, which, phase, 1))
            for name in CALM
            for which in (0, 1)
            for phase in (0, 1)
        ),
        (),
    )


@functools.lru_cache(maxsize=1)
def down_program() -> Program:
    """Return the pass down columns, twice as high: packed codes of the light's encoded color."""
    outputs = []
    for phase in (0, 1):
        y, b, r = (
            _blurred(f"{name}_0", 0, phase, 0) * SHARES[0]
            + _blurred(f"{name}_1", 1, phase, 0) * SHARES[1]
            for name in CALM
        )
        luma = sqrt(maximum(y, 0.0))
        half = 0.5 / maximum(luma, 1e-4)
        outputs += [
            (f"y_{phase}", clamp(luma) * 4095.0),
            (f"b_{phase}", (clamp(b * half, -0.5, 0.5) + 0.5) * 1022.0),
            (f"r_{phase}", (clamp(r * half, -0.5, 0.5) + 0.5) * 1022.0),
        ]
    return Program(tuple(outputs), ())


@functools.lru_cache(maxsize=1)
def _calmed() -> Kernel:
    return Kernel(calmed_program())


@functools.lru_cache(maxsize=1)
def _along() -> Kernel:
    return Kernel(along_program())


@functools.lru_cache(maxsize=1)
def _down() -> Kernel:
    return Kernel(down_program())


class Spread:
    """Spreads the light of small pictures of one size; for one thread.

    Parameters
    ----------
    width, height : int
        Of the small picture.

    Attributes
    ----------
    light : dict of str to float32 array
        Planes `LIGHT` for a kernel to write, column 0 at `LEFT`.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        room = LEFT + -(-width // 64) * 64 + 64
        self._light = {name: np.zeros((height + 2, room), np.float32) for name in LIGHT}
        self.light = {name: around[1:-1] for name, around in self._light.items()}
        self._calm = {name: np.zeros((height, room), np.float32) for name in CALM}
        self._reach = max(REACHES)
        self._parts = {
            f"{name}_{which}_{phase}": np.zeros((height, room), np.float32)
            for name in CALM
            for which in (0, 1)
            for phase in (0, 1)
        }
        wide = -(-2 * width // 64) * 64 + 64
        self._wide = {
            f"{name}_{which}": np.zeros((height + 2 * self._reach, wide), np.float32)
            for name in CALM
            for which in (0, 1)
        }
        self._codes = {
            f"{name}_{phase}": np.zeros((height, wide), np.float32)
            for name in CODES
            for phase in (0, 1)
        }
        self._calls: list[Call] = []

    def _connected(self) -> list[Call]:
        if not self._calls:
            calmed, along, down = Call(_calmed()), Call(_along()), Call(_down())
            for name, plane_ in self._light.items():
                calmed.plane(name, plane_, LEFT)
            for name, plane_ in self._calm.items():
                calmed.output(name, plane_, LEFT)
                along.plane(name, plane_, LEFT)
            for name, plane_ in self._parts.items():
                along.output(name, plane_, LEFT)
            for name, plane_ in self._wide.items():
                down.plane(name, plane_)
            for name, plane_ in self._codes.items():
                down.output(name, plane_)
            self._calls = [calmed, along, down]
        return self._calls

    def words(self) -> NDArray[np.int32]:
        """Return the spread light as packed colors, twice as large as the small picture."""
        calmed, along, down = self._connected()
        w, h, reach = self.width, self.height, self._reach
        geometry = Geometry.of(w, h)
        # Beyond the edge it is as bright as at the edge.
        for light in self._light.values():
            light[0], light[-1] = light[1], light[-2]
            _widen(light, w, 1)
        calmed.run(geometry, (0, h), (0, w), in_row=-1)
        for calm in self._calm.values():
            _widen(calm, w, reach)
        along.run(geometry, (0, h), (0, w))
        for name, wide in self._wide.items():
            for phase in (0, 1):
                wide[reach : reach + h, phase : 2 * w : 2] = self._parts[f"{name}_{phase}"][
                    :, LEFT : LEFT + w
                ]
            wide[:reach] = wide[reach]
            wide[reach + h :] = wide[reach + h - 1]
        down.run(geometry, (0, h), (0, 2 * w), in_row=-reach)
        codes = np.empty((3, 2 * h, 2 * w), np.float32)
        for k, name in enumerate(CODES):
            for phase in (0, 1):
                codes[k, phase::2] = self._codes[f"{name}_{phase}"][:, : 2 * w]
        return words(codes)


def _widen(rows: NDArray[np.float32], width: int, reach: int) -> None:
    """Write what lies beside rows: as it is at their ends."""
    rows[:, LEFT - reach : LEFT] = rows[:, LEFT, None]
    rows[:, LEFT + width : LEFT + width + reach] = rows[:, LEFT + width - 1, None]
