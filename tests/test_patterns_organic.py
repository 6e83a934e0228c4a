"""Organic patterns and the motifs that all patterns share."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from afx.field import Expr, Field, Point, clock, knob
from afx.field.jit import Kernel
from afx.patterns import PATTERNS
from afx.patterns.motifs import layers, soft_cells, swing
from afx.stage import STAGE_KNOBS, staged

NAMES = ("membranes", "coral", "seedhead", "lava", "agate")
SIZE = (96, 54)


@cache
def kernel(name: str) -> Kernel:
    return Kernel(staged(PATTERNS[name].function))


def picture(name: str, time: float = 31.7, **changed: float) -> dict[str, NDArray[np.float32]]:
    """Evaluate a pattern `time` seconds after its clocks stood at 0."""
    pattern = PATTERNS[name]
    values = {}
    for k in (*pattern.knobs, *STAGE_KNOBS):
        value = changed.get(k.name, k.default)
        values[k.name] = value * time if k.kind == "clock" else value
    made = kernel(name).evaluate(*SIZE, values)
    return {output: array.copy() for output, array in made.items()}


def spread(tone: NDArray[np.float32]) -> float:
    low, high = np.percentile(tone, [1, 99])
    return float(high - low)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("time", [0.0, 31.7, 2000.0])
def test_a_pattern_is_finite_rich_and_in_range_at_any_time(name: str, time: float) -> None:
    made = picture(name, time)
    assert all(np.isfinite(array).all() for array in made.values())
    assert spread(made["tone"]) > 0.35
    assert np.abs(made["tone"] - 0.5).max() < 1.0
    assert np.abs(made["hue"]).max() <= 0.25
    assert np.abs(made["mask"] - 0.5).max() <= 0.5


@pytest.mark.parametrize("name", NAMES)
def test_every_knob_shows_and_keeps_the_picture_rich_at_both_ends(name: str) -> None:
    for k in PATTERNS[name].knobs:
        if k.kind == "clock":
            continue
        low, high = (picture(name, **{k.name: end})["tone"] for end in (k.lo, k.hi))
        assert np.abs(high - low).mean() > 0.002, k.name
        assert min(spread(low), spread(high)) > 0.3, k.name


@pytest.mark.parametrize("name", NAMES)
def test_a_small_turn_of_a_knob_is_a_small_change_however_late(name: str) -> None:
    # A clock that stands at hundreds must not be multiplied by a knob.
    rest = picture(name, 3000.0)["tone"]
    for k in PATTERNS[name].knobs:
        if k.kind == "clock":
            continue
        step = 0.001 * (k.hi - k.lo) * (1.0 if k.default < k.hi else -1.0)
        turned = picture(name, 3000.0, **{k.name: k.default + step})["tone"]
        assert np.abs(turned - rest).mean() < 0.004, k.name


@pytest.mark.parametrize("name", NAMES)
def test_motion_is_alive_and_never_jumps(name: str) -> None:
    tones = [picture(name, 20.0 + i / 60.0)["tone"] for i in range(61)]
    assert np.abs(tones[-1] - tones[0]).mean() > 0.01
    steps = [np.abs(b - a).mean() for a, b in pairwise(tones)]
    assert max(steps) < 0.03


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
