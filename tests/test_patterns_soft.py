"""Flowing and organic patterns: rich at any time, calm in motion, in every knob."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from afx.patterns import PATTERNS
from patternprobe import picture, spread

FLOWING = ("ink", "silk", "marbling", "currents", "veils", "aurora", "dunes")
ORGANIC = ("membranes", "coral", "seedhead", "lava", "agate")
NAMES = (*FLOWING, *ORGANIC)


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
