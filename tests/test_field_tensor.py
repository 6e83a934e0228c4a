"""The torch target, against float64, plain Python and its own definition."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from afx.field import lib
from afx.field.complexes import Complex
from afx.field.expr import Expr, as_expr, constant, select
from afx.field.graph import PIXEL, order
from afx.field.network import Layer, Network
from afx.field.noise import cells, fbm, hash_cell, noise
from afx.field.plan import block
from afx.field.program import Buffer, Program, iterate, plane, run_network, uniform
from afx.field.tensor import TensorProgram

torch = pytest.importorskip("torch")

X, Y = Expr("x", "f"), Expr("y", "f")


def run(value, x, y=0.0, knobs=None, **inputs):
    """Value of one expression as an array."""
    program = TensorProgram(Program((("out", as_expr(value)),), tuple(knobs or ())))
    tensors = [torch.as_tensor(np.asarray(v, np.float32)) for v in (x, y)]
    inputs.setdefault("pixel", 0.01)
    return program(*tensors, knobs or {}, **inputs)["out"].detach().numpy()


def span(lo: float, hi: float, count: int = 4001) -> np.ndarray:
    return np.linspace(lo, hi, count, dtype=np.float32)


FUNCTIONS = [
    ("sin", lib.sin, np.sin, (-30, 30), 2.5e-7, 0),
    ("sin far", lib.sin, np.sin, (-3000, 3000), 3e-6, 0),
    ("cos", lib.cos, np.cos, (-10, 10), 1e-6, 0),
    ("sin_turns", lib.sin_turns, lambda t: np.sin(2 * np.pi * t), (-4, 4), 4e-7, 0),
    ("cos_turns", lib.cos_turns, lambda t: np.cos(2 * np.pi * t), (-4, 4), 2e-6, 0),
    ("exp2", lib.exp2, np.exp2, (-125, 126), 0, 4e-7),
    ("exp", lib.exp, np.exp, (-10, 10), 0, 2e-6),
    ("log", lib.log, np.log, (1e-3, 20), 4e-7, 1e-7),
    ("log wide", lib.log, np.log, (1, 1e30), 0, 2e-7),
    ("log2", lib.log2, np.log2, (0.01, 100), 1e-6, 1e-7),
    ("tanh", lib.tanh, np.tanh, (-9, 9), 1e-6, 0),
    ("squash", lib.squash, np.tanh, (-5, 5), 0.014, 0),
    ("bell", lib.bell, lambda t: np.maximum(1 - t * t / 10, 0) ** 4, (-5, 5), 1e-6, 0),
    ("sqrt", lib.sqrt, np.sqrt, (0, 1000), 0, 5.97e-8),
    ("floor", lib.floor, np.floor, (-9, 9), 0, 0),
    ("fract", lib.fract, lambda t: t - np.floor(t), (-9, 9), 3e-7, 0),
    ("mod", lambda t: lib.mod(t, 0.75), lambda t: np.mod(t, 0.75), (0.01, 2.2), 5e-7, 0),
    ("absolute", lib.absolute, np.abs, (-9, 9), 0, 0),
    ("sign", lib.sign, lambda t: np.where(t < 0, -1, 1), (-9, 9), 0, 0),
    ("clamp", lambda t: lib.clamp(t, -1, 2), lambda t: np.clip(t, -1, 2), (-9, 9), 0, 0),
    ("mix", lambda t: lib.mix(2.0, 5.0, t), lambda t: 2 + 3 * t, (0, 1), 5e-7, 0),
    ("power", lambda t: lib.power(t, 2.5), lambda t: t**2.5, (0.01, 8), 0, 4e-6),
    ("exponent", lib.exponent, lambda t: np.floor(np.log2(t)), (0.3, 99), 0, 0),
    ("x ** 5", lambda t: t**5, lambda t: t**5, (-2, 2), 0, 3e-7),
    ("smoothstep", lambda t: lib.smoothstep(-1, 2, t), None, (-3, 4), 4e-7, 0),
]


@pytest.mark.parametrize("case", FUNCTIONS, ids=[case[0] for case in FUNCTIONS])
def test_elementary_functions_agree_with_float64(case):
    _, function, reference, (lo, hi), absolute, relative = case
    x = span(lo, hi)
    exact = x.astype(np.float64)
    if reference is None:
        t = np.clip((exact + 1) / 3, 0, 1)
        wanted = t * t * (3 - 2 * t)
    else:
        wanted = reference(exact)
    got = run(function(X), x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=relative, atol=absolute)


def test_roots_and_quotients_are_correctly_rounded():
    x = np.random.default_rng(8).uniform(0, 9, 100_000).astype(np.float32)
    np.testing.assert_array_equal(run(lib.sqrt(X), x), np.sqrt(x))
    np.testing.assert_array_equal(run(1.0 / (X + 3.0), x), np.float32(1) / (x + np.float32(3)))


def test_functions_of_two_numbers_agree_with_float64():
    angle = span(-3.14, 3.14)
    radius = 10.0 ** np.linspace(-3, 3, angle.size)
    x = (radius * np.cos(angle)).astype(np.float32)
    y = (radius * np.sin(angle)).astype(np.float32)
    exact = np.arctan2(y.astype(np.float64), x.astype(np.float64))
    np.testing.assert_allclose(run(lib.atan2(Y, X), x, y), exact, atol=3e-6)
    np.testing.assert_allclose(run(lib.length(X, Y), x, y), radius, rtol=3e-7)
    assert run(lib.atan2(Y, X), 0.0, 0.0) == 0
    np.testing.assert_allclose(run(lib.atan2(Y, X), -1.0, 0.0), np.pi, atol=1e-6)
    turned = [run(v, x, y) for v in lib.rotate(X, Y, 0.25)]
    np.testing.assert_allclose(turned[0], -y, rtol=1e-6, atol=1e-6 * radius.max())
    near = run(lib.smooth_minimum(X, Y, 0.5), x, y)
    assert np.all(near <= np.minimum(x, y) + 1e-6)
    assert np.all(near >= np.minimum(x, y) - 0.1251)


def test_lines_are_one_inside_and_zero_outside():
    value = run(lib.line(X, 0.1, Expr("pixel", "f")), span(-1, 1, 401), pixel=0.01)
    assert value[200] == 1
    assert value[0] == 0
    assert np.all((value >= 0) & (value <= 1))
    assert np.count_nonzero((value > 0) & (value < 1)) < 20


def test_complex_numbers_follow_numpy():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-2, 2, (2, 500)).astype(np.float32)
    z, exact = Complex(X, Y), x.astype(np.complex128) + 1j * y

    def value(c: Complex) -> np.ndarray:
        return run(c.re, x, y) + 1j * run(c.im, x, y).astype(np.complex128)

    np.testing.assert_allclose(value(z * z), exact**2, atol=2e-6)
    np.testing.assert_allclose(value(z.square()), exact**2, atol=2e-6)
    np.testing.assert_allclose(value(z.power(5)), exact**5, atol=1e-3)
    np.testing.assert_allclose(value(1.0 / z), 1 / exact, rtol=1e-5)
    np.testing.assert_allclose(value((z + 1.0) / (z - 3.0)), (exact + 1) / (exact - 3), rtol=1e-4)
    np.testing.assert_allclose(value(z.exp()), np.exp(exact), atol=1e-5)
    np.testing.assert_allclose(value(z.log()), np.log(exact), atol=4e-6)


# ------------------------------------------------------------------- integers, truth, odd floats


def test_integers_wrap_and_shift_logically():
    x = np.array([-3.9, -1.0, -0.5, 0.0, 1.9, 65535.0, 1e9], np.float32)
    n = x.astype(np.int32)
    u = n.view(np.uint32)
    i = lib.to_int(X)
    cases = {
        "trunc": (i, n),
        "mul": (i * 0x27D4EB2D, (u * np.uint32(0x27D4EB2D)).view(np.int32)),
        "add": (i + 0x7FFFFFFF, (u + np.uint32(0x7FFFFFFF)).view(np.int32)),
        "shr": (i >> 15, (u >> np.uint32(15)).view(np.int32)),
        "shr 0": (i >> 0, n),
        "shr 31": (i >> 31, (u >> np.uint32(31)).view(np.int32)),
        "shl": (i << 20, (u << np.uint32(20)).view(np.int32)),
        "and": (i & 0xFFFF, n & 0xFFFF),
        "or": (i | 5, n | 5),
        "xor": (i ^ 0x55, n ^ 0x55),
        "not": (~i, ~n),
        "neg": (-i, -n),
        "float": (lib.to_float(i), n.astype(np.float32)),
    }
    for name, (value, wanted) in cases.items():
        np.testing.assert_array_equal(run(value, x), wanted, err_msg=name)


def test_hash_is_the_one_in_its_formula():
    ix, iy = np.mgrid[-40:40, -40:40].reshape(2, -1)
    u, v = ix.astype(np.int32).view(np.uint32), iy.astype(np.int32).view(np.uint32)
    salt = np.uint32(3 * 0x3504F333 & 0xFFFFFFFF)
    h = u * np.uint32(0x27D4EB2D) + (v * np.uint32(0x165667B1) + salt)
    h = h ^ (h >> np.uint32(15))
    h = h * np.uint32(0x2C1B3C6D)
    h = h ^ (h >> np.uint32(13))
    got = run(hash_cell(lib.to_int(X), lib.to_int(Y), 3), ix, iy)
    np.testing.assert_array_equal(got.view(np.uint32), h)
    assert np.unique(h).size > 0.999 * h.size


def test_minimum_and_maximum_take_the_second_where_the_first_is_nan():
    nan = np.float32("nan")
    x = np.array([nan, 1, 3, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(run(lib.minimum(X, 2.0), x), [2, 1, 2, 2, -np.inf])
    np.testing.assert_array_equal(run(lib.maximum(X, 2.0), x), [2, 2, 3, np.inf, 2])
    np.testing.assert_array_equal(run(lib.minimum(as_expr(2.0), X), x), [nan, 1, 2, 2, -np.inf])
    np.testing.assert_array_equal(run(lib.clamp(X), x), [0, 1, 1, 1, 0])


def test_select_takes_either_side_and_hides_nan():
    x = np.array([-1, 0, 4], np.float32)
    np.testing.assert_array_equal(run(select(X < 0.0, 7.0, lib.sqrt(X)), x), [7, 0, 2])
    inside = (X > -0.5) & ~(X == 4.0) | (X != X)
    np.testing.assert_array_equal(run(inside, x), [False, True, False])
    np.testing.assert_array_equal(run(select(inside, lib.to_int(X), 9), x), [9, 0, 9])


def test_zeros_keep_their_sign():
    bits = Expr("bits", "i", (-X,))
    assert run(bits, np.float32(0)).view(np.uint32) == 0x80000000
    assert run(Expr("bits", "i", (constant(-0.0),)), 0.0).view(np.uint32) == 0x80000000


# ------------------------------------------------------------------- noise


def test_noise_is_smooth_bounded_zero_on_the_lattice_and_periodic_in_its_turn():
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-50, 50, (2, 20000)).astype(np.float32)
    value = run(noise(X, Y, 0.3), x, y)
    assert np.abs(value).max() < 1.5
    assert 0.2 < value.std() < 0.6
    assert abs(value.mean()) < 0.02
    np.testing.assert_allclose(run(noise(X, Y, 1.3), x, y), value, atol=2e-6)
    assert np.abs(run(noise(X, Y, 0.3, salt=1), x, y) - value).mean() > 0.1
    whole = np.round(x)
    np.testing.assert_allclose(run(noise(X, Y, 0.3), whole, np.round(y)), 0, atol=1e-6)
    edge = [run(noise(X, Y, 0.3), whole + np.float32(d), y) for d in (-1e-4, 1e-4)]
    assert np.abs(edge[1] - edge[0]).max() < 1e-3


def test_fbm_with_one_octave_is_noise_and_stays_bounded_with_many():
    x, y = np.random.default_rng(3).uniform(-9, 9, (2, 4000)).astype(np.float32)
    np.testing.assert_array_equal(run(fbm(X, Y, 0.2, octaves=1), x, y), run(noise(X, Y, 0.2), x, y))
    assert np.abs(run(fbm(X, Y, 0.2, octaves=6), x, y)).max() < 1.5


def test_cells_find_the_nearest_point_of_a_square_lattice():
    x, y = np.random.default_rng(4).uniform(-9, 9, (2, 4000)).astype(np.float32)
    found = cells(X, Y, jitter=0.0)
    dx, dy = np.abs(x - np.floor(x) - 0.5), np.abs(y - np.floor(y) - 0.5)
    np.testing.assert_allclose(run(found.nearest, x, y), np.hypot(dx, dy), atol=1e-6)
    second = np.minimum(np.hypot(1 - dx, dy), np.hypot(dx, 1 - dy))
    np.testing.assert_allclose(run(found.second, x, y), second, atol=1e-6)
    identity = run(found.identity, x, y)
    assert np.all((identity >= 0) & (identity < 1))
    assert np.unique(identity).size == np.unique(np.floor(x) * 100 + np.floor(y)).size


# ------------------------------------------------------------------- loops


def test_each_point_leaves_a_loop_on_its_own():
    x = span(-2, 2, 301)
    zx, zy, steps = iterate(
        50,
        (X, Y, 0.0),
        lambda a, b, n: (a * a - b * b - 0.7, 2.0 * a * b + 0.27, n + 1.0),
        until=lambda a, b, _n: a * a + b * b > 16.0,
    )
    wanted = []
    for start in x:
        a, b, n = start, np.float32(0.3), 0
        while n < 50 and not a * a + b * b > 16:
            a, b = a * a - b * b - np.float32(0.7), np.float32(2) * a * b + np.float32(0.27)
            n += 1
        wanted.append((a, b, n))
    got = np.stack([run(v, x, 0.3) for v in (zx, zy, steps)], axis=-1)
    np.testing.assert_array_equal(got, np.array(wanted, np.float32))
    assert len(np.unique(got[:, 2])) > 5


def test_a_loop_stops_when_no_point_is_left():
    (value,) = iterate(10_000_000, (X,), lambda a: (a + 1.0,), until=lambda a: a > 5.0)
    np.testing.assert_array_equal(run(value, [0.0, 4.5, 9.0]), [6, 5.5, 9])


def test_state_changes_all_at_once_and_keeps_its_types():
    a, b, n, flag = iterate(
        5,
        (X, Y, constant(1, "i"), constant(False, "b")),
        lambda a, b, n, f: (b, a, n * 3, ~f),
    )
    assert run(a, 1.0, 2.0) == 2
    assert run(b, 1.0, 2.0) == 1
    assert run(n, 0.0) == 243
    assert run(flag, 0.0)


def test_loops_nest_and_take_values_from_outside():
    outside = X * 2.0

    def outer(total, k):
        (inner,) = iterate(
            10, (k,), lambda v: (v + outside,), until=lambda v: v >= total + 3.0 * outside
        )
        return total + inner, k + 1.0

    total, k = iterate(6, (0.0, 0.0), outer, until=lambda total, _k: total > 40.0)
    x = np.array([0.25, 0.5, 1.0, 2.0, 30.0], np.float32)
    wanted = []
    for value in x:
        t, j, o = 0.0, 0.0, 2.0 * float(value)
        for _ in range(6):
            if t > 40:
                break
            v = j
            for _ in range(10):
                if v >= t + 3 * o:
                    break
                v += o
            t, j = t + v, j + 1
        wanted.append((t, j))
    np.testing.assert_allclose(run(total, x), [w[0] for w in wanted], rtol=1e-6)
    np.testing.assert_array_equal(run(k, x), [w[1] for w in wanted])


# ------------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    ("function", "derivative", "lo", "hi"),
    [
        (lib.sin, np.cos, -9, 9),
        (lib.exp, np.exp, -3, 3),
        (lib.log, lambda t: 1 / t, 0.1, 9),
        (lib.tanh, lambda t: 1 - np.tanh(t) ** 2, -3, 3),
        (lib.sqrt, lambda t: 0.5 / np.sqrt(t), 0.1, 9),
        (lambda t: lib.atan2(0.8, t), lambda t: -0.8 / (t * t + 0.64), -3, 3),
        (lambda t: lib.power(t, 3.0), lambda t: 3 * t * t, 0.2, 3),
        (lambda t: iterate(3, (t,), lambda v: (v * v,))[0], lambda t: 8 * t**7, -1.2, 1.2),
    ],
)
def test_gradients_are_the_derivatives(
    function: Callable[[Expr], Expr], derivative: Callable[..., np.ndarray], lo: float, hi: float
):
    x = torch.tensor(span(lo, hi, 200), requires_grad=True)
    program = TensorProgram(Program((("out", function(X)),), ()))
    program(x, torch.zeros(()), {}, pixel=0.01)["out"].sum().backward()
    wanted = derivative(x.detach().double().numpy())
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-3, atol=1e-4)


def test_gradients_reach_points_and_knobs_through_noise():
    program = TensorProgram(Program((("out", fbm(X, Y, uniform("t"), octaves=2)),), ("t",)))
    rng = np.random.default_rng(5)
    start = torch.tensor(rng.uniform(0.1, 0.9, (3, 64)).astype(np.float32) * 0.2 + 0.3)

    def total(values):
        return program(values[0], values[1], {"t": values[2]}, pixel=0.01)["out"]

    values = start.clone().requires_grad_()
    total(values).sum().backward()
    for k in range(3):
        step = torch.zeros_like(start)
        step[k] = 2e-3
        slope = (total(start + step) - total(start - step)) / 4e-3
        np.testing.assert_allclose(values.grad[k].numpy(), slope.numpy(), atol=0.02, rtol=0.02)
    knob = torch.tensor(0.3, requires_grad=True)
    out = program(start[0], start[1], {"t": knob}, pixel=0.01)["out"]
    out.sum().backward()
    assert knob.grad.shape == ()
    assert knob.grad != 0


def test_a_root_at_zero_leaves_gradients_finite():
    x = torch.tensor([0.0, 3.0], requires_grad=True)
    program = TensorProgram(Program((("out", lib.length(X, Y)),), ()))
    program(x, torch.tensor([0.0, 4.0]), {}, pixel=0.01)["out"].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 0.6], rtol=1e-6)


# ------------------------------------------------------------------- shapes, inputs, size


def test_knobs_round_as_float32_and_results_have_the_points_shape():
    value = uniform("a") * 0.1 + uniform("b")
    got = run(value, np.zeros((1, 5)), np.zeros((3, 1)), knobs={"a": 0.7, "b": 1e-8})
    wanted = np.float32(0.7) * np.float32(0.1) + np.float32(1e-8)
    np.testing.assert_array_equal(got, np.full((3, 5), wanted, np.float32))
    scaled = run(X * uniform("a") + Y, span(0, 1, 4)[None], span(0, 1, 3)[:, None], {"a": 2.0})
    assert scaled.shape == (3, 4)
    assert scaled[2, 3] == 3
    batch = torch.tensor([1.0, 2.0])[:, None]
    np.testing.assert_array_equal(
        run(X * uniform("a"), [1.0, 2.0, 3.0], 0.0, {"a": batch}).shape, (2, 3)
    )


def test_very_deep_graphs_need_no_recursion():
    value = X
    for _ in range(10_000):
        value = value * 0.999 + 0.001
    x = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)
    program = TensorProgram(Program((("out", value),), ()))
    out = program(x, torch.zeros(3), {}, pixel=0.01)["out"]
    out.sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), [1, 1, 1], atol=2e-3)
    np.testing.assert_allclose(x.grad.numpy(), 0.999**10_000, rtol=1e-3)


def test_values_are_let_go_after_their_last_use():
    value = X
    for _ in range(300):
        value = value * 0.5 + Y
    ordered = order([value])
    nodes = [n for scope in sorted(ordered.nodes) for n in ordered.nodes[scope]]
    plan = block(ordered, nodes, [ordered.of(value)])
    live = most = 0
    for dead in plan.drops:
        live += 1
        most = max(most, live)
        live -= len(dead)
    assert live == 1
    assert most <= 5
    assert PIXEL in ordered.nodes


def test_buffers_hold_their_edges_and_give_words():
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    held = Buffer("table")
    ix, iy = lib.to_int(X), lib.to_int(Y)
    x, y = [0, 3, -5, 99, 1], [0, 2, 1, -9, 99]
    np.testing.assert_array_equal(
        run(held.fetch(ix, iy), x, y, buffers={"table": table}), [0, 11, 4, 3, 9]
    )
    assert run(held.width * 10.0 + held.height, 0.0, buffers={"table": table}) == 43
    words = np.array([[0xFFFFFFFF, 0x80FF0001]], np.uint32)
    packed = Buffer("words", "i").fetch(ix, 0)
    np.testing.assert_array_equal(
        run((packed >> 16) & 0xFF, [0, 1], 0.0, buffers={"words": words}), [255, 255]
    )


def test_planes_are_read_beside_the_pixel():
    held = np.arange(12, dtype=np.float32).reshape(3, 4)
    grid = np.zeros((3, 4), np.float32)
    np.testing.assert_array_equal(run(plane("p"), grid, planes={"p": held}), held)
    beside = run(plane("p", dx=1, dy=-1), grid, planes={"p": held})
    wanted = np.pad(held, 1, mode="edge")[0:3, 2:6]
    np.testing.assert_array_equal(beside, wanted)
    twice = np.arange(48, dtype=np.float32).reshape(6, 8)
    np.testing.assert_array_equal(
        run(plane("p", 1, 1, step=2), grid, planes={"p": twice}), twice[1::2, 1::2]
    )


def test_networks_agree_with_float64_in_both_ways_of_summing():
    layers = (
        Layer(3, (("sine", 3), ("gaussian", 2), ("exact_tanh", 3))),
        Layer(8, (("linear", 2),)),
    )
    network = Network("net", layers)
    weights = np.random.default_rng(6).normal(0, 0.6, network.size).astype(np.float32)
    outputs = run_network(network, (X, Y, uniform("z")))
    x, y = np.random.default_rng(7).uniform(-1, 1, (2, 500)).astype(np.float32)
    h = np.stack([x, y, np.full_like(x, 0.25)]).astype(np.float64)
    (w0, b0), (w1, b1) = network.split(weights)
    total = w0 @ h + b0[:, None]
    bell = np.maximum(1 - total[3:5] ** 2 / 10, 0) ** 4
    wanted = w1 @ np.concatenate([np.sin(total[:3]), bell, np.tanh(total[5:])]) + b1[:, None]
    for exact in (True, False):
        for k, output in enumerate(outputs):
            got = run(output, x, y, {"z": 0.25}, weights={"net": weights}, exact=exact)
            np.testing.assert_allclose(got, wanted[k], atol=3e-6)
    tensor = torch.tensor(weights, requires_grad=True)
    program = TensorProgram(Program((("out", outputs[1]),), ("z",)))
    result = program(
        torch.tensor(x), torch.tensor(y), {"z": 0.25}, pixel=0.0, weights={"net": tensor}
    )
    result["out"].sum().backward()
    assert tensor.grad[-1] == 500
    assert tensor.grad[-2] == 0


@pytest.mark.parametrize("by_point", [False, True], ids=["numbers", "by point"])
def test_film_inputs_reach_every_layer(by_point):
    layers = (Layer(4, (("sine", 5),)), Layer(7, (("softplus", 3),)), Layer(5, (("linear", 2),)))
    network = Network("net", layers, film=2)
    weights = np.random.default_rng(8).normal(0, 0.6, network.size).astype(np.float32)
    outputs = run_network(network, (X, Y, uniform("z"), uniform("k")))
    x, y = np.random.default_rng(9).uniform(-1, 1, (2, 300)).astype(np.float32)
    z, k = (np.linspace(-1, 1, 300, dtype=np.float32), 0.5) if by_point else (0.25, 0.5)
    film = np.stack(np.broadcast_arrays(np.full(300, z), k)).astype(np.float64)
    h, acts = np.stack([x, y]).astype(np.float64), (np.sin, lambda t: np.log1p(np.exp(t)), None)
    for (matrix, bias), act in zip(network.split(weights), acts, strict=True):
        h = matrix @ np.concatenate([h, film]) + bias[:, None]
        h = act(h) if act else h
    tensors = [torch.tensor(v, requires_grad=True) for v in (z, k)]
    program = TensorProgram(Program((("a", outputs[0]), ("b", outputs[1])), ("z", "k")))
    for exact in (True, False):
        made = program(
            torch.from_numpy(x),
            torch.from_numpy(y),
            dict(zip("zk", tensors, strict=True)),
            pixel=0.0,
            weights={"net": weights},
            exact=exact,
        )
        for name, wanted in zip("ab", h, strict=True):
            np.testing.assert_allclose(made[name].detach().numpy(), wanted, atol=3e-6)
        for tensor in tensors:
            (slope,) = torch.autograd.grad(made["a"].sum(), tensor, retain_graph=True)
            assert bool((slope != 0).all())


def test_what_is_missing_is_named():
    for value, name in (
        (uniform("zoom"), "zoom"),
        (Buffer("table").fetch(0, 0), "table"),
        (plane("before"), "before"),
        (run_network(Network("net", (Layer(1, (("sine", 1),)),)), (X,))[0], "net"),
    ):
        with pytest.raises(ValueError, match=f"needs the .*'{name}'"):
            run(value, np.zeros((2, 2)))


def test_without_torch_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RuntimeError, match="run scripts/setup neural, or pip install"):
        TensorProgram(Program((("out", X),), ()))


def test_the_module_itself_does_not_import_torch():
    code = "import sys, afx.field.tensor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
