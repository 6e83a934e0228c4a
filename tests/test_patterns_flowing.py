"""Flowing patterns, landscapes included."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from afx.field.jit import Kernel
from afx.patterns import PATTERNS
from afx.stage import STAGE_KNOBS, staged

NAMES = ("ink", "silk", "marbling", "currents", "veils", "aurora", "dunes")
SIZE = (96, 54)


@cache
def kernel(name: str) -> Kernel:
    return Kernel(staged(PATTERNS[name].function))


def picture(
    name: str, time: float = 31.7, size: tuple[int, int] = SIZE, **changed: float
) -> dict[str, NDArray[np.float32]]:
    """Evaluate a pattern `time` seconds after its clocks stood at 0."""
    values = {}
    for k in (*PATTERNS[name].knobs, *STAGE_KNOBS):
        value = changed.get(k.name, k.default)
        values[k.name] = value * time if k.kind == "clock" else value
    made = kernel(name).evaluate(*size, values)
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


@pytest.mark.parametrize("name", ["aurora", "dunes", "marbling", "veils"])
def test_edges_are_smooth_at_any_size(name: str) -> None:
    # A picture averaged down is the small picture, but for what a pixel blurs.
    large = picture(name, size=(384, 216))["tone"].reshape(54, 4, 96, 4).mean(axis=(1, 3))
    small = picture(name)["tone"]
    assert np.abs(large - small).mean() < 0.03


def test_the_lake_mirrors_the_sky() -> None:
    # Without light in the sky there is none in the lake, and the shore parts them.
    tone = picture("aurora", morph=0.9)["tone"]
    sky, lake = tone[:30].mean(), tone[-8:].mean()
    assert 0.03 < lake < sky


def test_far_ridges_drown_in_light_and_near_ones_do_not() -> None:
    tone = picture("dunes")["tone"]
    assert tone[26:32].mean() > tone[36:42].mean() > tone[-6:].mean()


def test_veils_leave_the_dark_around_them_dark() -> None:
    made = picture("veils", morph=0.2)
    assert (made["mask"] < 0.5).mean() > 0.2
    assert (made["mask"] > 0.95).mean() > 0.2
