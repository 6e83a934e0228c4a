"""Pattern-producing networks: shapes, prepared weights, and pictures of any seed."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from afx.field.jit import Kernel
from afx.field.knob import knobs_of
from afx.patterns import PATTERNS
from afx.patterns.cppn import (
    FRAME_INPUTS,
    INPUTS,
    OUTPUTS,
    cppn_network,
    cppn_pattern,
    prepared_weights,
)
from afx.stage import STAGE_KNOBS, staged

NAMES = ("cppn", "cppn_liquid")


@cache
def kernel(name: str) -> Kernel:
    return Kernel(staged(PATTERNS[name].function))


@cache
def weights(name: str, seed: int) -> dict[str, NDArray[np.float32]]:
    make = PATTERNS[name].weights
    assert make is not None
    return dict(make(seed))


def picture(
    name: str, seed: int, time: float = 7.0, **changed: float
) -> dict[str, NDArray[np.float32]]:
    values = {}
    for k in (*PATTERNS[name].knobs, *STAGE_KNOBS):
        value = changed.get(k.name, k.default)
        values[k.name] = value * time if k.kind == "clock" else value
    made = kernel(name).evaluate(96, 54, values, weights=weights(name, seed))
    return {output: array.copy() for output, array in made.items()}


@pytest.mark.parametrize(("width", "depth"), [(8, 2), (16, 4), (21, 3), (64, 10)])
def test_a_network_has_the_shape_that_was_asked_for(width: int, depth: int) -> None:
    network = cppn_network("n", width, depth)
    assert (network.inputs, network.outputs) == (INPUTS, OUTPUTS)
    assert [layer.outputs for layer in network.layers] == [width] * depth + [OUTPUTS]
    assert prepared_weights(network, 1).shape == (network.size,)


@pytest.mark.parametrize(
    ("width", "depth", "activations", "words"),
    [
        (7, 4, ("sine",), "width is 8 to 64, not 7"),
        (65, 4, ("sine",), "width is 8 to 64, not 65"),
        (16, 1, ("sine",), "depth is 2 to 10, not 1"),
        (16, 11, ("sine",), "depth is 2 to 10, not 11"),
        (16, 4, (), "at least one activation"),
        (16, 4, ("relu",), "unknown activation 'relu'"),
    ],
)
def test_what_cannot_be_built_is_refused(
    width: int, depth: int, activations: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        cppn_pattern("n", width, depth, activations)


def test_a_seed_is_a_world_of_its_own_and_stays_it() -> None:
    network = cppn_network("n", 16, 4)
    again = prepared_weights(network, 5)
    assert again.dtype == np.float32
    assert np.array_equal(prepared_weights(network, 5), again)
    assert not np.allclose(prepared_weights(network, 6), again)
    assert np.isfinite(prepared_weights(network, -3)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(6))
def test_the_picture_of_any_seed_is_rich_and_in_range(name: str, seed: int) -> None:
    made = picture(name, seed)
    low, high = np.percentile(made["tone"], [1, 99])
    assert all(np.isfinite(array).all() for array in made.values())
    assert high - low > 0.45
    assert np.abs(made["tone"] - 0.5).max() < 1.0
    assert np.abs(made["hue"]).max() <= 0.25
    # Forms, not noise: neighbors are alike, and the picture has more than one slope of light.
    assert np.abs(np.diff(made["tone"], axis=1)).mean() < 0.08
    assert made["tone"][::9, ::9].std() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_every_latent_and_knob_changes_the_picture(name: str) -> None:
    rest = picture(name, 2)["tone"]
    for k in knobs_of(PATTERNS[name].function):
        if k.kind == "clock":
            continue
        ends = [picture(name, 2, **{k.name: end})["tone"] for end in (k.lo, k.hi)]
        assert np.abs(ends[1] - ends[0]).mean() > 0.01, k.name
        near = picture(name, 2, **{k.name: k.default + 0.002 * (k.hi - k.lo)})["tone"]
        assert np.abs(near - rest).mean() < 0.02, k.name


@pytest.mark.parametrize("name", NAMES)
def test_time_flows_without_jumps(name: str) -> None:
    tones = [picture(name, 1, 20.0 + i / 60.0)["tone"] for i in range(61)]
    assert np.abs(tones[-1] - tones[0]).mean() > 0.02
    assert max(np.abs(b - a).mean() for a, b in pairwise(tones)) < 0.03


def test_what_music_holds_comes_before_where_a_point_is() -> None:
    # Inputs that are the same for a frame come first, so that they fold into the first bias.
    assert [k.name for k in knobs_of(PATTERNS["cppn"].function)][:5] == [
        "phase",
        "latent_1",
        "latent_2",
        "latent_3",
        "latent_4",
    ]
    assert INPUTS - FRAME_INPUTS == 3


def test_a_network_of_another_shape_makes_a_pattern() -> None:
    function, make = cppn_pattern("mine", 9, 3, ("sine", "gaussian"))
    values = {k.name: k.default for k in (*knobs_of(function), *STAGE_KNOBS)}
    made = Kernel(staged(function)).evaluate(48, 27, values, weights=dict(make(4)))
    assert set(make(4)) == {"mine"}
    assert made["tone"].std() > 0.1
