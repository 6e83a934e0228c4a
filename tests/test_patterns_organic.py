"""Organic patterns and the motifs that all patterns share."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from afx.field import Expr, Field, Point, clock, knob
from afx.field.jit import Kernel
from afx.patterns.motifs import layers, soft_cells, swing
from afx.stage import STAGE_KNOBS, staged
from patternprobe import picture


def test_seeds_are_born_without_a_jump() -> None:
    # The clock passes a whole number: seeds change their numbers but not their places.
    before = picture("seedhead", 1.0, phase=2.999)["tone"]
    after = picture("seedhead", 1.0, phase=3.001)["tone"]
    assert np.abs(after - before).mean() < 0.01


@cache
def motif_kernel() -> Kernel:
    def motifs(
        p: Point,
        *,
        at: Expr = knob(0.0, -50.0, 50.0, help="where"),
        round_: Expr = clock(0.1, help="turn"),
    ) -> Field:
        distance, number, alone = soft_cells(p.x * 4.0 + at, p.y * 4.0, round_, 0.42, 3)
        return Field(tone=layers(p.x * 2.0 + at, 1), hue=swing(p.x), mask=alone * distance * number)

    return Kernel(staged(motifs))


def motif(at: float) -> dict[str, NDArray[np.float32]]:
    values = {k.name: k.default if k.kind == "value" else 0.0 for k in STAGE_KNOBS}
    return {
        n: a.copy()
        for n, a in motif_kernel().evaluate(400, 200, values | {"at": at, "round_": 0.2}).items()
    }


def test_swing_is_a_wave_of_period_one() -> None:
    wave = motif(0.0)["hue"][0]
    x = (np.arange(400) + 0.5) / 200.0 * 2.0 - 2.0
    assert np.abs(wave - np.sin(2.0 * np.pi * x)).max() < 0.06


def test_layers_are_smooth_and_lie_between_0_and_1() -> None:
    line = motif(0.0)["tone"][0]
    assert np.abs(line - 0.5).max() <= 0.5
    # Slope of the quintic blend: at most 1.875 a unit; here a pixel is a fiftieth of a unit.
    assert np.abs(np.diff(line)).max() < 1.875 / 50.0 + 1e-5


def test_soft_cells_are_continuous_across_the_lattice() -> None:
    made = motif(0.25)["mask"]
    assert np.isfinite(made).all()
    assert max(np.abs(np.diff(made, axis=0)).max(), np.abs(np.diff(made, axis=1)).max()) < 0.12
