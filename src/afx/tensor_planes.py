"""Planes brought to other sizes on a device: fields enlarged, and light spread.

The same sums as on the processor (``afx.upscale``, ``afx.halo``), over whole planes at once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from afx.field.jit import Geometry
from afx.field.program import Program
from afx.halo import CALM, CODES, along_program, calmed_program, down_program
from afx.upscale import REACH, taps
from afx.workbench import Work, Workbench

if TYPE_CHECKING:
    from torch import Tensor


def enlarged(plane: Tensor, factor: int) -> Tensor:
    """Return a plane of samples enlarged as ``afx.upscale`` does it.

    Parameters
    ----------
    plane : Tensor [rows + 2 · REACH, columns]
    factor : int

    Returns
    -------
    Tensor [rows · factor, columns · factor]
    """
    columns, rows = plane.shape[1], plane.shape[0] - 2 * REACH
    wide = plane.new_empty((plane.shape[0], columns + 2 * REACH))
    wide[:, REACH:-REACH] = plane
    for k in range(REACH):
        # A parabola through the last three samples says what the next one is.
        for to, step in ((REACH - 1 - k, 1), (REACH + columns + k, -1)):
            near, second, third = (wide[:, to + step * j] for j in (1, 2, 3))
            wide[:, to] = 3.0 * (near - second) + third
    across = plane.new_empty((plane.shape[0], columns * factor))
    large = plane.new_empty((rows * factor, columns * factor))
    for k, phase in enumerate(taps(factor)):
        parts = [wide[:, REACH + at : REACH + at + columns] * weight for at, weight in phase]
        across[:, k::factor] = functools.reduce(lambda a, b: a + b, parts)
    for k, phase in enumerate(taps(factor)):
        parts = [across[REACH + at : REACH + at + rows] * weight for at, weight in phase]
        large[k::factor] = functools.reduce(lambda a, b: a + b, parts)
    return large


def spread(bench: Workbench, light: Mapping[str, Tensor], width: int, height: int) -> Tensor:
    """Return light spread as ``afx.halo.Spread`` does it.

    Parameters
    ----------
    bench : Workbench
    light : mapping of str to Tensor [height, width]
        The planes ``afx.post.LIGHT`` of the small picture.
    width, height : int

    Returns
    -------
    int32 Tensor [2 · height, 2 · width]
        Packed colors.
    """
    import torch

    def passed(program: Program, columns: int, planes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        geometry = Geometry.of(columns, height)
        return bench.evaluate(Work(program, (0, height), columns, geometry, (), planes=planes))

    calm = passed(calmed_program(), width, light)
    along = passed(along_program(), width, calm)
    wide = {
        f"{name}_{which}": torch.stack(
            [along[f"{name}_{which}_{phase}"] for phase in (0, 1)], dim=-1
        ).reshape(height, 2 * width)
        for name in CALM
        for which in (0, 1)
    }
    down = passed(down_program(), 2 * width, wide)
    y, b, r = (
        (torch.stack([down[f"{name}_{phase}"] for phase in (0, 1)], dim=1) + 0.5)
        .reshape(2 * height, 2 * width)
        .to(torch.int32)
        for name in CODES
    )
    return y | (b << 12) | (r << 22)
