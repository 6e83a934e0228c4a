"""Geometric patterns: their symmetries, seamless tiles, calm motion."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from afx.patterns import PATTERNS
from afx.stage import STAGE_KNOBS
from patternprobe import CLOCKS, kernel, picture

NAMES = (
    "quasicrystal",
    "chladni",
    "moire",
    "mandala",
    "truchet",
    "hyperbolic",
    "girih",
    "kaleidoscope",
)


def assert_alike(a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
    """The same picture, but for a few pixels on edges that rounding may move."""
    off = np.abs(a - b)
    assert off.mean() < 2e-3
    assert np.mean(off > 0.02) < 0.01


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
    frames = np.stack([picture(name, CLOCKS + i / 30.0)["tone"] for i in range(31)])
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    assert np.abs(frames[-1] - frames[0]).mean() > 0.02
    assert steps.max() < 0.04


@pytest.mark.parametrize("name", NAMES)
def test_a_large_picture_made_small_is_the_small_picture(name: str) -> None:
    large = picture(name, size=(384, 216))["tone"].reshape(54, 4, 96, 4).mean(axis=(1, 3))
    small = picture(name)["tone"]
    assert abs(large.mean() - small.mean()) < 0.03
    assert np.abs(large - small).mean() < 0.06


@pytest.mark.parametrize(("name", "fold"), [("quasicrystal", 7), ("mandala", 14)])
def test_looks_the_same_after_a_part_of_a_turn(name: str, fold: int) -> None:
    assert_alike(
        picture(name, turn=0.0, drift=0.0)["tone"],
        picture(name, turn=1.0 / fold, drift=0.0)["tone"],
    )


def test_kaleidoscope_has_eight_mirrors() -> None:
    tone = picture("kaleidoscope", size=(96, 96))["tone"]
    assert_alike(tone, tone[::-1])
    assert_alike(tone, tone[:, ::-1])
    assert_alike(tone, tone.T)
    turned = picture("kaleidoscope", size=(96, 96), turn=0.125)["tone"]
    assert_alike(tone, turned)


def test_chladni_has_the_symmetry_of_its_square_plate() -> None:
    tone = picture("chladni", 0.0, (96, 96))["tone"]
    assert_alike(tone, np.rot90(tone))
    assert_alike(tone, tone[::-1])


def test_hyperbolic_flight_over_one_tile_closes_without_a_jump() -> None:
    # By the group of the tiling: two half turns, about a tile's middle and about its side's.
    def after(flown: float) -> NDArray[np.float32]:
        values = {k.name: k.default for k in (*PATTERNS["hyperbolic"].knobs, *STAGE_KNOBS)}
        values |= {"phase": flown, "veer": 0.1, "drift": 0.0, "spin": 0.0}
        return kernel("hyperbolic").evaluate(96, 54, values)["tone"].copy()

    assert_alike(after(0.0), after(1.0))
    assert np.abs(after(0.0) - after(0.5)).mean() > 0.05
    assert np.abs(after(0.999) - after(1.001)).mean() < 0.01


def test_hyperbolic_tiling_is_its_own_mirror_image_along_the_flight() -> None:
    tone = picture("hyperbolic", CLOCKS, (97, 55), veer=0.0)["tone"]
    assert_alike(tone, tone[::-1])


def test_truchet_bands_run_on_over_tiles_and_the_spirals_seam() -> None:
    # So near that neighboring pixels differ little anywhere, also where tiles are just turning
    # over; the seam of the angle runs left from the center at (0.35, -0.12).
    for shuffle in (0.0, 0.11, 0.23):
        tone = picture(
            "truchet",
            1.0,
            (320, 180),
            shuffle=shuffle,
            zoom=2.0,
            pan_x=-0.5,
            pan_y=-0.12,
            drift=0.0,
        )["tone"]
        across = np.abs(np.diff(tone, axis=0))
        along = np.abs(np.diff(tone, axis=1))
        assert max(across.max(), along.max()) < 0.3
        assert np.percentile(across, 99) < 0.16
        assert across[88:92].max() < 0.2


def test_moire_sources_light_up_with_the_pulse() -> None:
    dark, lit = picture("moire", pulse=0.0)["tone"], picture("moire", pulse=1.0)["tone"]
    assert 0.005 < (lit - dark).mean() < 0.12
    assert (lit - dark).min() > -1e-6


def test_girih_straps_keep_their_width_at_any_size() -> None:
    small = picture("girih", size=(384, 216))["tone"]
    large = picture("girih", size=(1152, 648))["tone"]
    bright = [np.mean(t > 0.5) for t in (small, large)]
    assert bright[0] == pytest.approx(bright[1], abs=0.03)
