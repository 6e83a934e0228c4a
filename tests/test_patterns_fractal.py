"""Fractal patterns: symmetries of the sets, the same picture at any resolution, calm motion."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from afx.patterns import PATTERNS
from afx.stage import STAGE_KNOBS
from patternprobe import CLOCKS, kernel, picture

NAMES = ("julia", "newton", "necklace", "apollonian", "kleinian")


@pytest.mark.parametrize("name", NAMES)
def test_stays_in_range_at_both_ends_of_every_knob(name: str) -> None:
    for k in PATTERNS[name].knobs:
        for value in (k.lo, k.hi):
            made = picture(name, **{k.name: value})
            low, high = np.percentile(made["tone"], [1, 99])
            assert np.isfinite(made["tone"]).all()
            assert made["tone"].min() >= 0.0
            assert made["tone"].max() <= 1.0
            assert high - low > 0.25, f"{k.name}={value:g} is flat"
            assert np.abs(made["hue"]).max() <= 0.25, f"{k.name}={value:g} is gaudy"


@pytest.mark.parametrize("name", NAMES)
def test_moves_within_a_second_and_never_jumps(name: str) -> None:
    # Double width and height, averaged, as a video's own resolution would be.
    def small(time: float) -> NDArray[np.float32]:
        tone = picture(name, time, (192, 108))["tone"]
        return tone.reshape(54, 2, 96, 2).mean(axis=(1, 3))

    frames = np.stack([small(CLOCKS + i / 30.0) for i in range(31)])
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    assert np.abs(frames[-1] - frames[0]).mean() > 0.008
    assert steps.max() < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_a_large_picture_made_small_is_the_small_picture(name: str) -> None:
    # What is finer than a pixel has faded into its mean; scenes are normalized on thumbnails.
    large = picture(name, size=(384, 216))["tone"].reshape(54, 4, 96, 4).mean(axis=(1, 3))
    small = picture(name)["tone"]
    assert abs(large.mean() - small.mean()) < 0.04
    assert np.abs(large - small).mean() < 0.09
    assert abs(np.percentile(large, 99) - np.percentile(small, 99)) < 0.2


def test_julia_is_the_same_on_both_sides_of_the_origin() -> None:
    # z and -z have the same square; the lamp is on the tone, so the hue shows it.
    hue = picture("julia")["hue"]
    np.testing.assert_allclose(hue, hue[::-1, ::-1], atol=1e-3)


def test_kleinian_rings_repeat_every_quarter_turn() -> None:
    # Four of the group's periods make a ring.
    tone = picture("kleinian", size=(96, 96))["tone"]
    off = np.abs(tone - np.rot90(tone))
    assert np.mean(off) < 0.004
    assert np.mean(off > 0.02) < 0.02


def test_kleinian_falls_by_one_ring_and_is_back() -> None:
    # Through one ring the picture returns but for its light, smaller by e^(πa/4).
    at_rest = picture("kleinian", 0.0, travel=0.1, phase=0.0)["tone"]
    values = {k.name: 0.0 if k.kind == "clock" else k.default for k in PATTERNS["kleinian"].knobs}
    values |= {k.name: k.default if k.kind == "value" else 0.0 for k in STAGE_KNOBS}
    values["travel"] = 1.9  # a ring, whatever its height
    later = kernel("kleinian").evaluate(96, 54, values)["tone"]
    assert np.mean(np.abs(later - at_rest) > 0.02) < 0.05


def test_newton_is_calm_at_its_roots_and_dark_between_them() -> None:
    # With the clocks at 0 one root lies at (0.95, 0), shown at 0.95 / 1.25 of the half height.
    tone = picture("newton", 0.0, (256, 144), detail=0.0)["tone"]
    column, row = round((0.95 / 1.25 + 16 / 9) * 72), 72
    around = tone[row - 4 : row + 5, column - 4 : column + 5]
    assert around.min() > np.percentile(tone, 60)
    assert around.max() - around.min() < 0.06


def test_apollonian_pulse_lets_the_lines_swell() -> None:
    assert (
        picture("apollonian", pulse=1.0)["tone"].mean()
        > picture("apollonian", pulse=0.0)["tone"].mean()
    )


def test_necklace_escapes_outside_its_ring() -> None:
    # Far from the ring the map is nearly z³: tones are dark and smooth.
    tone = picture("necklace", pan_x=1.0, zoom=-1.0)["tone"]
    assert tone[:, -8:].max() < 0.45
