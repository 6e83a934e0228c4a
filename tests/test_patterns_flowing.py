"""Flowing patterns, landscapes included: what is theirs alone."""

from __future__ import annotations

import numpy as np
import pytest

from patternprobe import picture


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
