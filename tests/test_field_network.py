"""Networks on the CPU against float64, for shapes that tile well and shapes that do not."""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.field import Expr, Program, run_network, sin, uniform
from afx.field.jit import Call, Geometry, Kernel
from afx.field.network import ACTIVATIONS, Layer, Network

X, Y = Expr("x", "f"), Expr("y", "f")
W, H = 67, 5

SQUASH = (0.9754565954, -0.2532245219, 0.0488365218, -0.00485273731, 0.000185958648)


def squash(x):
    v = np.clip(x, -2.6, 2.6)
    return v * sum(c * v ** (2 * k) for k, c in enumerate(SQUASH))


TRUTH = {
    "linear": lambda x: x,
    "sine": np.sin,
    "cosine": np.cos,
    "tanh": squash,
    "gaussian": lambda x: np.maximum(1 - x * x / 10, 0) ** 4,
    "absolute": np.abs,
    "sigmoid": lambda x: 0.5 + 0.5 * squash(x / 2),
    "exact_tanh": np.tanh,
    "exact_gaussian": lambda x: np.exp(-x * x / 2),
}


def test_every_activation_has_a_truth():
    assert set(TRUTH) == set(ACTIVATIONS)


def stack(inputs, *widths, names=tuple(ACTIVATIONS), name="net"):
    """A network whose layers mix activations: runs of 1, 2, 3, … rows."""
    layers = []
    turn = 0
    for width in widths:
        runs, left, size = [], width, 1
        while left:
            count = min(size, left)
            runs.append((names[turn % len(names)], count))
            turn, left, size = turn + 1, left - count, size + 1
        layers.append(Layer(inputs, tuple(runs)))
        inputs = width
    return Network(name, tuple(layers))


def weights_of(network, seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for layer in network.layers:
        parts.append(rng.normal(0, 1.1 / math.sqrt(layer.inputs), layer.outputs * layer.inputs))
        parts.append(rng.normal(0, 0.4, layer.outputs))
    return np.concatenate(parts).astype(np.float32)


def truth(network, weights, inputs):
    """Outputs [outputs, …] in float64."""
    h = np.stack(np.broadcast_arrays(*inputs)).astype(np.float64)
    for layer, (matrix, bias) in zip(network.layers, network.split(weights), strict=True):
        h = np.tensordot(matrix.astype(np.float64), h, 1) + bias[:, None, None]
        row = 0
        for name, count in layer.activations:
            h[row : row + count] = TRUTH[name](h[row : row + count])
            row += count
    return h


def grid(width=W, height=H):
    g = Geometry.of(width, height)
    x = np.float32(g.x0) + (np.arange(width, dtype=np.float32) + 0.5) * np.float32(g.dx)
    y = np.float32(g.y0) + (np.arange(height, dtype=np.float32) + 0.5) * np.float32(g.dy)
    return x[None, :] * np.float32(0.1), y[:, None]


def kernel(network, values, knobs=(), **options):
    outputs = tuple((f"o{k}", v) for k, v in enumerate(run_network(network, values)))
    return Kernel(Program(outputs, tuple(knobs)), **options)


def stacked(made):
    return np.stack([made[f"o{k}"] for k in range(len(made))])


SHAPES = [
    (2, (1,)),
    (3, (4,)),
    (1, (5, 2)),
    (2, (16, 16, 3)),
    (5, (7, 13, 1)),
    (4, (64, 64, 1)),
    (6, (33, 17, 9, 2)),
    (2, (8, 8, 8, 8, 8, 4)),
    (12, (3, 64, 2)),
]


@pytest.mark.parametrize(("inputs", "widths"), SHAPES, ids=[f"{i}-{w}" for i, w in SHAPES])
def test_networks_are_their_definition(inputs, widths):
    network = stack(inputs, *widths)
    weights = weights_of(network, 3)
    values = [X * 0.1, Y, sin(X), X * Y, Y + 0.5, X * 0.2 + 0.3][:inputs]
    values += [X * (0.01 * k) for k in range(inputs - len(values))]
    x, y = grid()
    full = [x, y, np.sin(x * 10.0), x * 10 * y, y + 0.5, x * 2 + 0.3][:inputs]
    full += [x * (0.1 * k) for k in range(inputs - len(full))]
    got = stacked(kernel(network, values).evaluate(W, H, weights={"net": weights}))
    assert got.shape == (widths[-1], H, W)
    want = truth(network, weights, full)
    assert np.abs(got - want).max() < 3e-5 * len(widths)
    assert np.ptp(want, axis=(1, 2)).max() > 1e-3, "the truth itself must vary"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_alone(name):
    network = Network("net", (Layer(1, ((name, 1),)),))
    got = kernel(network, [X * 0.5]).evaluate(W, H, weights={"net": np.float32([1.0, 0.25])})["o0"]
    x, _ = grid()
    want = np.broadcast_to(TRUTH[name](x.astype(np.float64) * 5 + 0.25), got.shape)
    np.testing.assert_allclose(got, want, atol=2e-6)


@pytest.mark.parametrize("moving", [(0,), (1, 3), (0, 1, 2, 3), ()], ids=str)
def test_inputs_of_the_frame_or_of_the_pixel_are_the_same_to_the_network(moving):
    """What is the same for a whole frame is folded into the first bias."""
    network = stack(4, 9, 2)
    weights = weights_of(network, 5)
    knobs = {f"k{k}": 0.3 * k - 0.4 for k in range(4)}
    zero = X * 1e-30  # as large as nothing, yet the compiler cannot know

    def value(k, by_pixel):
        own = X * 0.1 if k in moving else uniform(f"k{k}")
        return own + zero if by_pixel else own

    made = [
        stacked(
            kernel(network, [value(k, by_pixel) for k in range(4)], knobs).evaluate(
                W, H, knobs, weights={"net": weights}
            )
        )
        for by_pixel in (False, True)
    ]
    np.testing.assert_allclose(made[0], made[1], atol=3e-6)
    x, y = grid()
    inputs = [x if k in moving else np.full_like(x, knobs[f"k{k}"]) for k in range(4)]
    want = truth(network, weights, [v + 0 * y for v in inputs])
    np.testing.assert_allclose(made[0], want, atol=2e-5)


def test_new_weights_need_no_new_code():
    network = stack(2, 6, 1)
    k = kernel(network, [X, Y])
    x, y = grid()
    for seed in range(3):
        weights = weights_of(network, seed)
        got = k.evaluate(W, H, weights={"net": weights})["o0"]
        want = truth(network, weights, [x * 10, y])[0]
        np.testing.assert_allclose(got, want, atol=3e-5)


def test_a_network_may_run_at_several_points_and_feed_another():
    first = stack(2, 5, 2, name="first")
    second = stack(3, 4, 1, name="second")
    u, v = run_network(first, [X * 0.1, Y])
    (w,) = run_network(second, [u, v, Y])
    u2, _ = run_network(first, [u * 0.5, w])
    k = Kernel(Program((("w", w), ("u2", u2), ("sum", u + X)), ()))
    weights = {"first": weights_of(first, 1), "second": weights_of(second, 2)}
    made = k.evaluate(W, H, weights=weights)
    x, y = grid()
    a = truth(first, weights["first"], [x, y])
    b = truth(second, weights["second"], [a[0], a[1], y])
    c = truth(first, weights["first"], [a[0] * 0.5, b[0]])
    np.testing.assert_allclose(made["w"], b[0], atol=3e-5)
    np.testing.assert_allclose(made["u2"], c[0], atol=3e-5)
    np.testing.assert_allclose(made["sum"], a[0] + x * 10, atol=3e-5)


def test_the_width_of_vectors_does_not_show_and_fusing_hardly():
    network = stack(3, 19, 6, 2)
    weights = {"net": weights_of(network, 7)}
    values = [X * 0.1, Y, uniform("k")]
    for fma in (True, False):
        made = [
            stacked(
                kernel(network, values, ("k",), width=bits, fma=fma).evaluate(
                    W, H, {"k": 0.3}, weights=weights
                )
            ).tobytes()
            for bits in (128, 256, 512)
        ]
        assert made[0] == made[1] == made[2]


@functools.cache
def small():
    network = stack(2, 9, 4, 1)
    return kernel(network, [X, Y]), {"net": weights_of(network, 2)}


@settings(max_examples=25, deadline=None)
@given(width=st.integers(1, 140), height=st.integers(1, 6))
def test_any_width_is_a_cut_of_a_wide_picture(width, height):
    k, weights = small()
    geometry = Geometry.of(140, 6)
    wide = k.evaluate(140, 6, geometry=geometry, weights=weights)["o0"]
    got = k.evaluate(width, height, geometry=geometry, weights=weights)["o0"]
    np.testing.assert_array_equal(got, wide[:height, :width])


def test_threads_with_their_own_calls_and_weights():
    k, _ = small()
    network = k.module.networks[0]
    others = [weights_of(network, seed) for seed in range(4)]
    want = [k.evaluate(W, H, weights={"net": w})["o0"].copy() for w in others]
    assert len({w.tobytes() for w in want}) == 4

    def work(index):
        call = Call(k)
        out = np.zeros((H, 128), np.float32)
        call.output("o0", out)
        call.weights("net", others[index])
        good = 0
        for _ in range(60):
            out[:] = 0
            call.run(Geometry.of(W, H), (0, H), (0, W))
            good += bool(np.array_equal(out[:, :W], want[index]))
        return good

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [60] * 4


def test_weights_of_another_size_are_refused():
    k, weights = small()
    flat = weights["net"]
    for wrong in (flat[:-1], np.append(flat, np.float32(0)), flat[None, :]):
        with pytest.raises(ValueError, match=f"needs {flat.size} "):
            k.evaluate(4, 4, weights={"net": wrong})
        with pytest.raises(ValueError, match=f"needs {flat.size} "):
            k.module.networks[0].split(wrong)


def test_split_is_row_by_row_then_bias():
    network = Network("n", (Layer(2, (("sine", 3),)), Layer(3, (("linear", 1),))))
    assert (network.inputs, network.outputs, network.size) == (2, 1, 13)
    parts = network.split(np.arange(13, dtype=np.float32))
    np.testing.assert_array_equal(parts[0][0], [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(parts[0][1], [6, 7, 8])
    np.testing.assert_array_equal(parts[1][0], [[9, 10, 11]])
    np.testing.assert_array_equal(parts[1][1], [12])
