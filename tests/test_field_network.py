"""Networks on the CPU against float64, for shapes that tile well and shapes that do not."""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.field import (
    Expr,
    Program,
    TraceError,
    llvm,
    llvm_dense,
    llvm_network,
    run_network,
    sin,
    uniform,
)
from afx.field.jit import Call, Geometry, Kernel
from afx.field.network import ACTIVATIONS, NUMPY_ACTIVATIONS, Layer, Network

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
    "relu": lambda x: x * (x > 0),
    "softplus": lambda x: np.log1p(np.exp(-np.abs(x))) + x * (x > 0),
    "atan": lambda x: np.angle(1 + 1j * x) / 0.67,
    "atan_squared": lambda x: (np.angle(1 + 1j * x) ** 2 - 0.45) / 0.396,
    "finer": lambda x: np.sin(x + x * np.abs(x)),
}


def test_every_activation_has_a_truth_and_a_twin_in_numpy():
    assert set(TRUTH) == set(ACTIVATIONS) == set(NUMPY_ACTIVATIONS)
    x = np.linspace(-50, 50, 10001)
    for name, twin in NUMPY_ACTIVATIONS.items():
        assert twin(x).dtype == np.float64
        np.testing.assert_allclose(twin(x), TRUTH[name](x), atol=1e-12, err_msg=name)


def stack(inputs, *widths, names=tuple(ACTIVATIONS), name="net", film=0):
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
        inputs = width + film
    return Network(name, tuple(layers), film)


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
    film = h[network.inputs - network.film :]
    for layer, (matrix, bias) in zip(network.layers, network.split(weights), strict=True):
        if layer is not network.layers[0]:
            h = np.concatenate([h, film])
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
    (3, (512, 3)),
    (3, (130, 37, 131, 1)),
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
    # What goes into the sine of "finer" is rounded at 55.
    np.testing.assert_allclose(got, want, atol=1e-5 if name == "finer" else 2e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_stay_exact_where_sums_are_large(name):
    network = Network("net", (Layer(1, ((name, 1),)),))
    weights = {"net": np.float32([32.0, 0.125])}
    geometry = Geometry(-1.5, 3.0 / 1536, 0.0, 1.0, 0.01)
    got = kernel(network, [X]).evaluate(1536, 1, geometry=geometry, weights=weights)["o0"][0]
    x = 32.0 * (-1.5 + (np.arange(1536) + 0.5) * 3.0 / 1536) + 0.125
    assert (x.min(), x.max()) == (-47.84375, 48.09375)  # exact in float32
    want = NUMPY_ACTIVATIONS[name](x)
    slack = 2e-7 * np.square(x) if name == "finer" else 2e-7 * np.abs(want)
    np.testing.assert_array_less(np.abs(got - want), slack + 2e-6)


FEW = ("sine", "tanh", "linear", "gaussian")
FILM = [(3, 1, (9, 4, 2)), (5, 4, (16, 16, 3)), (2, 2, (7, 5, 1)), (6, 3, (33,)), (4, 1, (8,) * 11)]


@pytest.mark.parametrize(("inputs", "film", "widths"), FILM, ids=str)
@pytest.mark.parametrize("others_held", [False, True])
def test_film_inputs_reach_every_layer(inputs, film, widths, others_held):
    network = stack(inputs, *widths, film=film, names=FEW)
    weights = weights_of(network, 11)
    knobs = {f"k{k}": 0.7 - 0.4 * k for k in range(inputs)}
    values = [uniform(f"k{k}") for k in range(inputs)]
    x, y = grid()
    full = [np.full((H, W), np.float32(v)) for v in knobs.values()]
    if not others_held and inputs > film:
        values[0], full[0] = X * 0.1, x + 0 * y
        if inputs - film > 2:
            values[2], full[2] = Y, y + 0 * x
    got = stacked(kernel(network, values, knobs).evaluate(W, H, knobs, weights={"net": weights}))
    np.testing.assert_allclose(got, truth(network, weights, full), atol=3e-5 * len(widths))
    # Every film input matters to a network that is cut off from its first layer.
    if len(widths) > 1:
        deaf = weights.copy()
        deaf[: network.layers[0].outputs * inputs] = 0
        run = functools.partial(kernel(network, values, knobs).evaluate, 4, 1)
        before = stacked(run(knobs, weights={"net": deaf}))
        for k in range(inputs):
            moved = stacked(run(knobs | {f"k{k}": 2.0}, weights={"net": deaf}))
            assert np.any(moved != before) == (k >= inputs - film), k


def test_film_inputs_are_the_same_for_a_frame():
    network = stack(3, 5, 2, film=1)
    for value in (X, Y, X * uniform("k") + 1.0):
        with pytest.raises(TraceError, match=r"film input .*'net'.* knobs and numbers only"):
            kernel(network, [X, Y, value], ("k",))


@pytest.mark.parametrize(
    "shape", [(5, 4, (16, 7, 3)), (4, 2, (33, 18, 1)), (6, 0, (9, 4))], ids=str
)
def test_without_fused_operations_torch_gives_the_same_bits(shape):
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: neural)")
    from afx.field.tensor import TensorProgram

    inputs, film, widths = shape
    network = stack(inputs, *widths, film=film, names=FEW)
    weights = {"net": weights_of(network, 13)}
    knobs = {f"k{k}": 0.3 * k - 0.7 for k in range(inputs)}
    # A held input between the moving ones: it is added before them everywhere.
    values = [X * 0.1, uniform("k1"), Y, X * Y, uniform("k4") * 2.0, uniform("k5")][:inputs]
    values[inputs - film :] = [uniform(f"k{k}") for k in range(inputs - film, inputs)]
    outputs = tuple((f"o{k}", v) for k, v in enumerate(run_network(network, values)))
    program = Program(outputs, tuple(knobs))
    g = Geometry.of(W, H)
    column, row = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (W, H))
    x = (column * np.float32(g.dx) + np.float32(g.x0))[None, :]
    y = (row * np.float32(g.dy) + np.float32(g.y0))[:, None]
    made = TensorProgram(program)(
        torch.from_numpy(x), torch.from_numpy(y), knobs, pixel=0.1, weights=weights, exact=True
    )
    wanted = np.stack([made[name].numpy() for name, _ in outputs])
    assert np.ptp(wanted) > 0.1
    for bits in (128, 256, 512):
        got = stacked(Kernel(program, fma=False, width=bits).evaluate(W, H, knobs, weights=weights))
        np.testing.assert_array_equal(got.view(np.int32), wanted.view(np.int32))


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


DEEP = {
    "plain": (3, 0, (19, 6, 2)),
    "one unit": (2, 0, (1,)),
    "12 layers": (3, 1, (4,) * 11 + (3,)),
    "wide": (3, 1, (512, 2)),
    "odd": (11, 2, (131, 127, 3)),
}


def deep(name, **options):
    inputs, film, widths = DEEP[name]
    network = stack(inputs, *widths, film=film, names=FEW)
    values = [X * 0.1, *(Y * (0.3 * k) + X * Y for k in range(1, inputs - film))]
    values += [uniform("k") * (k + 1.0) for k in range(film)]
    return kernel(network, values, ("k",), **options), {"net": weights_of(network, 7)}


@pytest.mark.parametrize("fma", [True, False])
@pytest.mark.parametrize("name", DEEP)
def test_the_width_of_vectors_does_not_show(name, fma):
    made = []
    for bits in (128, 256, 512):
        k, weights = deep(name, width=bits, fma=fma)
        made.append(stacked(k.evaluate(W, H, {"k": 0.3}, weights=weights)).tobytes())
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("name", ["12 layers", "odd"])
def test_the_size_of_tiles_does_not_show(name, monkeypatch):
    made = []
    for tile in (64, 128):
        for module in (llvm, llvm_network, llvm_dense):
            monkeypatch.setattr(module, "TILE", tile)
        k, weights = deep(name)
        assert k.tile == tile
        made.append(stacked(k.evaluate(W, H, {"k": 0.3}, weights=weights)))
    np.testing.assert_array_equal(made[0], made[1])


@pytest.mark.parametrize("name", DEEP)
def test_strips_and_where_a_tile_begins_do_not_show(name):
    k, weights = deep(name)
    width, height = 150, 7
    geometry = Geometry.of(width, height)
    whole = stacked(k.evaluate(width, height, {"k": 0.3}, weights=weights))
    call = Call(k)
    call.weights("net", weights["net"])
    call.knobs[:] = [0.3]
    for rows, columns in (((0, 3), (0, width)), ((3, 7), (1, 130)), ((2, 3), (37, 38))):
        strips = [np.zeros((rows[1] - rows[0], 192), np.float32) for _ in whole]
        for index, strip in enumerate(strips):
            call.output(f"o{index}", strip, -columns[0])
        call.run(geometry, rows, columns, out_row=rows[0])
        for strip, all_ in zip(strips, whole, strict=True):
            got = strip[:, : columns[1] - columns[0]]
            np.testing.assert_array_equal(got, all_[rows[0] : rows[1], slice(*columns)])


def test_code_and_working_memory_stay_small_whatever_the_size():
    """Layers are loops: 512 wide is as much code as 16 wide, and compiles as fast."""

    def module(width, depth):
        runs = (("sine", width // 2), ("tanh", width // 2))
        layers = [Layer(3, runs), *[Layer(width + 1, runs)] * (depth - 1)]
        network = Network("net", (*layers, Layer(width + 1, (("linear", 3),))), 1)
        outputs = run_network(network, [X, Y, uniform("k")])
        return llvm.emit(Program(tuple((f"o{k}", v) for k, v in enumerate(outputs)), ("k",)))

    narrow, wide = module(16, 12), module(512, 12)
    assert abs(len(wide.text) - len(narrow.text)) < 0.02 * len(narrow.text)
    assert len(wide.text) - len(module(512, 4).text) < 8 * 1000
    assert wide.scratch * 4 < 320 * 1024, "bytes a thread"


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
