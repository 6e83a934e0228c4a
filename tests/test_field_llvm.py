"""The CPU target: one image whatever the vectors, strips and threads, and equal to torch's."""

from __future__ import annotations

import functools
import itertools
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.field import (
    Buffer,
    Complex,
    Expr,
    Program,
    TraceError,
    absolute,
    as_expr,
    atan2,
    cells,
    clamp,
    cos,
    exp,
    fbm,
    floor,
    fract,
    hash_cell,
    iterate,
    jit,
    log,
    maximum,
    minimum,
    noise,
    power,
    run_network,
    select,
    sin,
    sin_turns,
    smooth_minimum,
    sqrt,
    squash,
    tanh,
    to_float,
    to_int,
    uniform,
    unit_float,
)
from afx.field.jit import Call, Geometry, Kernel
from afx.field.llvm import emit
from afx.field.network import Layer, Network
from afx.field.program import plane

X, Y, PIXEL = (Expr(n, "f") for n in ("x", "y", "pixel"))
KNOBS = {"a": 0.37, "b": -1.2}
A, B = uniform("a"), uniform("b")


def one(value, knobs=("a", "b")):
    return Program((("out", value),), knobs)


def julia():
    c = Complex.of(-0.78 + A * 0.1, 0.156)

    def step(x, y, n):
        z = Complex(x, y).square() + c
        return z.re, z.im, n + 1.0

    x, y, n = iterate(37, (X * 1.6, Y * 1.6, 0.0), step, until=lambda x, y, _: x * x + y * y > 16.0)
    return n + 0.1 * log(maximum(x * x + y * y, 1e-6))


def nested():
    def outer(a, n):
        b, m = iterate(
            6,
            (a, 0.0),
            lambda b, m: (b * 0.9 + Y * 0.1, m + 1.0),
            until=lambda b, m: (b < 0.1) | (m > a * 5.0),
        )
        return a * 0.7 + b * 0.2 + 0.05, n + m

    a, n = iterate(7, (sqrt(X * X + 0.01), 0.0), outer, until=lambda a, _: a < 0.2)
    return a + n


NET = Network(
    "net",
    (
        Layer(3, (("sine", 5), ("tanh", 3), ("gaussian", 2))),
        Layer(10, (("cosine", 3), ("linear", 4))),
        Layer(7, (("sigmoid", 1), ("exact_tanh", 1))),
    ),
)
WEIGHTS = {"net": np.random.default_rng(1).normal(0, 0.7, NET.size).astype(np.float32)}


def network():
    one, two = run_network(NET, [X, Y, A])
    return one + two * X


VALUES = {
    "arithmetic": lambda: (X * 3.0 + A) / (Y * Y + 0.5) - minimum(X, Y) * PIXEL,
    "sine": lambda: sin(X * 9.0) + cos(Y * 7.0 + A) * sin_turns(X * Y),
    "exponential": lambda: exp(X * 3.0) * log(Y * Y + 0.1) + tanh(X * Y * 4.0) + power(Y + 2.0, A),
    "angle": lambda: atan2(Y, X) + squash(X * 2.0) + smooth_minimum(X, Y, 0.3),
    "hash": lambda: unit_float(hash_cell(to_int(floor(X * 40.0)), to_int(floor(Y * 40.0)), 3)),
    "integers": lambda: to_float(((to_int(X * 90.0) * 77) ^ (to_int(Y * 90.0) << 7)) >> 3),
    "noise": lambda: noise(X * 5.0, Y * 5.0, A),
    "fbm": lambda: fbm(X * 3.0 + fbm(X, Y, A), Y * 3.0, B, octaves=3),
    "cells": lambda: (lambda c: c.second - c.nearest + c.identity)(cells(X * 4.0, Y * 4.0, A)),
    "julia": julia,
    "nested": nested,
    "choices": lambda: select((X > Y) & ~(X > A), fract(X * 7.0), clamp(Y * 3.0)),
    "constant": lambda: A * 0.0 + 0.25,
    "row": lambda: sin(Y * 5.0) + B,
    "network": network,
}


@functools.cache
def program(name):
    return one(VALUES[name]())


@functools.cache
def kernel(name, width=None, fma=True):
    return Kernel(program(name), width=width, fma=fma)


def picture(name, width, height, bits=None, fma=True):
    weights = WEIGHTS if name == "network" else None
    made = kernel(name, bits, fma).evaluate(width, height, KNOBS, weights=weights)
    return made["out"].copy()


@functools.cache
def whole(name):
    return picture(name, 67, 41)


# --------------------------------------------------------------------- one image


@pytest.mark.parametrize("name", VALUES)
def test_every_vector_width_gives_the_same_bytes(name):
    want = whole(name)
    assert np.all(np.isfinite(want))
    for bits in (128, 256, 512):
        assert picture(name, 67, 41, bits).tobytes() == want.tobytes(), bits


@pytest.mark.parametrize("name", ["noise", "julia", "network"])
def test_any_size_is_a_cut_of_the_plane(name):
    """Pixels depend on where they lie, not on how many there are beside them."""
    big = whole(name)
    call_kernel = kernel(name)
    for width, height in ((1, 1), (2, 3), (31, 2), (32, 1), (33, 5), (63, 4), (64, 4), (65, 41)):
        got = call_kernel.evaluate(
            width,
            height,
            KNOBS,
            geometry=Geometry.of(67, 41),
            weights=WEIGHTS if name == "network" else None,
        )["out"]
        np.testing.assert_array_equal(got, big[:height, :width])


cut = st.integers(1, 66)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(["fbm", "julia", "nested", "network"]),
    rows=st.lists(st.integers(1, 40), max_size=3),
    columns=st.lists(cut, max_size=3),
    left=st.integers(0, 5),
)
def test_any_split_into_strips_and_columns_is_the_same(name, rows, columns, left):
    call = Call(kernel(name))
    call.knobs[:] = [KNOBS[k] for k in kernel(name).module.knobs]
    if name == "network":
        call.weights("net", WEIGHTS["net"])
    out = np.full((41, left + 67 + 128), np.nan, np.float32)
    geometry = Geometry.of(67, 41)
    row_edges = sorted({0, 41, *rows})
    column_edges = sorted({0, 67, *columns})
    for top, bottom in itertools.pairwise(row_edges):
        strip = np.zeros((bottom - top, out.shape[1]), np.float32)
        call.output("out", strip, left)
        for start, end in itertools.pairwise(column_edges):
            call.run(geometry, (top, bottom), (start, end), out_row=top)
            out[top:bottom, left + start : left + end] = strip[:, left + start : left + end]
    np.testing.assert_array_equal(out[:, left : left + 67], whole(name))


@settings(max_examples=25, deadline=None)
@given(width=st.integers(1, 70), height=st.integers(1, 70))
def test_any_width_and_height_fills_all_and_only_its_pixels(width, height):
    k = Kernel(one(Y * 0.0 + 7.0 + X * 0.0, ()))
    call = Call(k)
    room = -(-width // k.tile) * k.tile
    out = np.full((height + 2, room + 8), -1.0, np.float32)
    call.output("out", out, 4)
    call.run(Geometry.of(width, height), (0, height), (0, width), out_row=-1)
    assert np.all(out[1:-1, 4 : 4 + width] == 7.0)
    assert np.all(out[[0, -1]] == -1.0)
    assert np.all(out[:, :4] == -1.0)
    assert np.all(out[:, 4 + room :] == -1.0)


def test_several_threads_at_once_do_not_disturb_each_other():
    names = ["fbm", "julia", "network", "cells"]
    for name in names:
        kernel(name)
    start = threading.Barrier(4)

    def work(name):
        start.wait()
        return [picture(name, 67, 41).tobytes() == whole(name).tobytes() for _ in range(8)]

    want = {name: whole(name) for name in names}
    assert len(want) == 4
    with ThreadPoolExecutor(4) as pool:
        assert all(all(found) for found in pool.map(work, names))


def test_several_threads_may_compile_at_once():
    def work(k):
        return float(Kernel(one(X * 0.0 + 0.5 * k, ())).evaluate(3, 1)["out"][0, 0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == [0.5 * k for k in range(8)]


# --------------------------------------------------------------------- equal to torch


@pytest.mark.parametrize("name", VALUES)
def test_without_fused_operations_torch_gives_the_same_bits(name):
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: neural)")
    from afx.field.tensor import TensorProgram

    w, h = 67, 41
    g = Geometry.of(w, h)
    # The kernel's coordinates, in its own order of float32 operations.
    column, row = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (w, h))
    x = torch.from_numpy(column * np.float32(g.dx) + np.float32(g.x0))[None, :]
    y = torch.from_numpy(row * np.float32(g.dy) + np.float32(g.y0))[:, None]
    made = TensorProgram(program(name))(
        x, y, KNOBS, pixel=g.pixel, weights=WEIGHTS if name == "network" else {}, exact=True
    )["out"].numpy()
    got = picture(name, w, h, fma=False)
    np.testing.assert_array_equal(got.view(np.int32), made.view(np.int32))
    # Fusing changes rounding only, away from the borders of what is not continuous.
    fused = picture(name, w, h)
    assert np.median(np.abs(fused - got)) < 1e-4


def steps(a, b, c, n, m):
    """What may be made of three floats and two integers."""
    return (
        a + b * c,
        a * b - c,
        a - b * c,
        a * b + b * c,
        a / (absolute(b) + 0.25),
        minimum(a, b),
        maximum(a, b) - c,
        select((a < b) | (b >= c), a, c),
        select(~(a <= b) & (a != c), -a, b),
        select((a < b) ^ (n > m), a, fract(b)),
        floor(a * 3.0) * b,
        sqrt(absolute(a)),
        clamp(a, -2.0, b),
        sin(clamp(a, -9.0, 9.0)),
        unit_float(hash_cell(n, m)),
        to_float(((n * m) ^ (n << 5)) >> 7) * 1e-6,
        to_float((n & 255) | (m & 3)) * 0.01,
        to_float(select(n < m, n, m)),
    )


def random_value(rng):
    """Any expression: whatever a person may write, the targets must agree on."""
    floats = [X, Y, A, B, PIXEL, X * Y, as_expr(0.5), as_expr(-0.0), as_expr(3.0)]
    for _ in range(int(rng.integers(8, 25))):
        a, b, c, d, e = (floats[k] for k in rng.integers(len(floats), size=5))
        n, m = (to_int(clamp(v * 50.0, -1000.0, 1000.0)) for v in (d, e))
        made = steps(a, b, c, n, m)
        kind = int(rng.integers(len(made) + 2))
        value = made[kind] if kind < len(made) else random_loop(rng, (a, b, c))
        floats.append(clamp(value, -1e6, 1e6) if rng.random() < 0.3 else value)
    return floats[-1] + floats[-2] * 0.5


def random_loop(rng, start, depth=0):
    count = int(rng.integers(1, 11))
    inner = int(rng.integers(2**31))
    size = int(rng.integers(1, 4))

    def step(*state):
        own = np.random.default_rng(inner)
        values = [s * 0.75 + o * 0.25 for s, o in zip(state, start, strict=False)]
        if depth < 1 and own.random() < 0.4:
            values[0] = random_loop(own, (values[0], X, A), depth + 1)
        return [clamp(v, -50.0, 50.0) for v in values]

    until = (lambda *s: s[0] * s[-1] > 0.5) if rng.random() < 0.7 else None
    return iterate(count, start[:size], step, until=until)[-1]


@pytest.mark.parametrize("seed", range(16))
def test_random_programs_are_one_function_everywhere(seed):
    made = one(random_value(np.random.default_rng([seed, 7])))
    images = [
        Kernel(made, width=bits).evaluate(37, 5, KNOBS)["out"].tobytes() for bits in (128, 512)
    ]
    assert images[0] == images[1]
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: neural)")
    from afx.field.tensor import TensorProgram

    g = Geometry.of(37, 5)
    column, row = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (37, 5))
    x = torch.from_numpy(column * np.float32(g.dx) + np.float32(g.x0))[None, :]
    y = torch.from_numpy(row * np.float32(g.dy) + np.float32(g.y0))[:, None]
    want = TensorProgram(made)(x, y, KNOBS, pixel=g.pixel)["out"].numpy()
    got = Kernel(made, fma=False).evaluate(37, 5, KNOBS)["out"]
    both_nan = np.isnan(got) & np.isnan(want)
    same = (got.view(np.int32) == want.view(np.int32)) | both_nan
    assert same.all(), (got[~same][:3], want[~same][:3])


# --------------------------------------------------------------------- loops


def columns(value, xs, **knobs):
    """Values at points whose x are the whole numbers `xs`."""
    values = np.zeros((1, len(xs) + 64), np.float32)
    values[0, : len(xs)] = xs
    return Kernel(one(value, tuple(knobs))).evaluate(len(xs), 1, knobs, planes={"p": values})[
        "out"
    ][0]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 30])
def test_each_pixel_stops_on_its_own(count):
    limit = plane("p")
    (n,) = iterate(count, (0.0,), lambda n: (n + 1.0,), until=lambda n: n >= limit)
    xs = np.arange(-1, 40)
    np.testing.assert_array_equal(columns(n, xs), np.clip(xs, 0, count))


@pytest.mark.parametrize("count", [1, 3, 4, 6, 8])
def test_a_loop_without_until_takes_all_its_steps(count):
    a, b = iterate(count, (plane("p"), 1.0), lambda a, b: (b, a + b))
    want = [3.0, 1.0]
    for _ in range(count):
        want = [want[1], want[0] + want[1]]
    assert columns(a + 100.0 * b, [3])[0] == want[0] + 100 * want[1]


def test_until_that_holds_at_first_leaves_the_start():
    (n,) = iterate(9, (plane("p"),), lambda n: (n + 1.0,), until=lambda n: n < 1e9)
    np.testing.assert_array_equal(columns(n, [0, 5, 77]), [0, 5, 77])


def test_a_state_of_nan_does_not_hang_or_spread():
    (n,) = iterate(20, (plane("p"),), lambda n: (n * 2.0,), until=lambda n: n > 100.0)
    got = columns(n, [math.nan, 1.0, 0.0, math.inf])
    assert math.isnan(got[0])
    np.testing.assert_array_equal(got[1:], [128.0, 0.0, math.inf])


def test_nested_loops_count_as_python_does():
    p = plane("p")

    def outer(total, i):
        _, inside = iterate(
            5, (0.0, 0.0), lambda j, s: (j + 1.0, s + i * j), until=lambda j, _: j >= p
        )
        return total + inside, i + 1.0

    total, _ = iterate(6, (0.0, 0.0), outer, until=lambda _, i: i * 2.0 > p)

    def plain(limit):
        total = i = 0
        while i < 6 and not i * 2 > limit:
            total += sum(i * j for j in range(5) if not j >= limit)
            i += 1
        return total

    xs = range(12)
    np.testing.assert_array_equal(columns(total, list(xs)), [plain(x) for x in xs])


def test_a_loop_may_hold_integers_and_truth_values():
    n, up, _ = iterate(
        10,
        (to_int(plane("p")), plane("p") > 3.0, 0.0),
        lambda n, up, k: (select(up, n >> 1, n * 3 + 1), ~up, k + 1.0),
        until=lambda n, up, _: (n > 1000) & up,
    )

    def plain(n):
        up = n > 3
        for _ in range(10):
            if n > 1000 and up:
                break
            n, up = (n >> 1 if up else n * 3 + 1), not up
        return n + 0.5 * up

    xs = [*range(20), 900, 5000]
    np.testing.assert_array_equal(
        columns(to_float(n) + select(up, 0.5, 0.0), xs), [plain(x) for x in xs]
    )


def test_a_loop_on_knobs_alone_and_one_after_another():
    (a,) = iterate(3, (A,), lambda v: (v * v + 0.25,))
    (b,) = iterate(5, (a + X * 0.0,), lambda v: (v * 0.5,), until=lambda v: v < a * 0.3)
    want = np.float64(0.5)
    for _ in range(3):
        want = want * want + 0.25
    got = Kernel(one(b)).evaluate(3, 2, {"a": 0.5, "b": 0.0})["out"]
    np.testing.assert_allclose(got, want * 0.25, rtol=1e-6)


# --------------------------------------------------------------------- memory


def test_buffers_hold_wild_indices_inside():
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    words = table.astype(np.int32) * 1000
    f, i = Buffer("f"), Buffer("i", "i")
    p = plane("p")
    value = f.fetch(to_int(p), to_int(p * 0.5)) + to_float(i.fetch(to_int(p), 1))
    xs = np.float32([-5, -1, 0, 1, 2, 3, 4, 9, 1e6])
    padded = np.zeros((1, 96), np.float32)
    padded[0, : len(xs)] = xs
    k = Kernel(one(value, ()))
    got = k.evaluate(len(xs), 1, planes={"p": padded}, buffers={"f": table, "i": words})["out"][0]
    column = np.clip(np.trunc(xs), 0, 3).astype(int)
    row = np.clip(np.trunc(xs * 0.5), 0, 2).astype(int)
    np.testing.assert_array_equal(got, table[row, column] + words[1, column])
    # Indices made of NaN, infinity and what no integer holds read something, inside.
    padded[0, :8] = [math.nan, math.inf, -math.inf, 1e38, -1e38, 3e9, -3e9, 2**31]
    got = k.evaluate(8, 1, planes={"p": padded}, buffers={"f": table, "i": words})["out"][0]
    assert np.all(np.isin(got % 1000, table))
    nonsense = to_int(log(X * 0.0 - 1.0) / (X - X)) * to_int(sqrt(X * 0.0 - 1.0) * 1e30)
    wild = Kernel(one(f.fetch(nonsense, nonsense << 5), ()))
    out = wild.evaluate(40, 3, buffers={"f": table})["out"]
    assert np.all(np.isin(out, table))


def test_a_buffer_of_one_element_and_sizes():
    f = Buffer("f")
    k = Kernel(one(f.fetch(to_int(X * 100.0), to_int(Y * 100.0)) + f.width * 10.0 + f.height, ()))
    assert np.all(k.evaluate(5, 3, buffers={"f": np.full((1, 1), 0.5, np.float32)})["out"] == 11.5)
    assert np.all(k.evaluate(5, 3, buffers={"f": np.full((2, 7), 0.5, np.float32)})["out"] == 72.5)


def test_planes_are_read_beside_the_pixel_and_at_twice_the_size():
    rng = np.random.default_rng(2)
    base = rng.normal(size=(30, 300)).astype(np.float32)
    for dx, dy in ((0, 0), (1, 0), (-1, -1), (2, 1)):
        k = Kernel(one(plane("p", dx, dy), ()))
        call = Call(k)
        out = np.zeros((8, 128), np.float32)
        call.output("out", out)
        call.plane("p", base, 10)
        call.run(Geometry.of(70, 8), (0, 8), (0, 70), in_row=-3)
        want = base[3 + dy : 11 + dy, 10 + dx : 80 + dx]
        np.testing.assert_array_equal(out[:, :70], want)
    for dx in (-2, -1, 0, 1, 3):
        for dy in (0, 1):
            k = Kernel(one(plane("p", dx, dy, step=2), ()))
            call = Call(k)
            out = np.zeros((8, 128), np.float32)
            call.output("out", out)
            call.plane("p", base, 10)
            call.run(Geometry.of(70, 8), (0, 8), (0, 70), in_row=-2)
            want = base[2 + dy : 18 + dy : 2, 10 + dx : 150 + dx : 2]
            np.testing.assert_array_equal(out[:, :70], want)


def test_bytes_are_held_in_range_and_nan_is_zero():
    values = np.float32([-5, -0.1, 0, 0.99, 1, 127.5, 254.99, 255, 300, 1e30, math.inf, -math.inf])
    padded = np.full((1, 96), math.nan, np.float32)
    padded[0, : len(values)] = values
    k = Kernel(Program((("b", plane("p")), ("f", plane("p"))), ()), byte_outputs=("b",))
    made = k.evaluate(20, 1, planes={"p": padded})
    assert made["b"].dtype == np.uint8
    want = [0, 0, 0, 0, 1, 127, 254, 255, 255, 255, 255, 0, *[0] * 8]
    np.testing.assert_array_equal(made["b"][0], want)
    assert np.isnan(made["f"][0, 12:]).all()


def test_what_is_missing_or_wrong_is_said_before_it_can_crash():
    f = Buffer("f")
    value = f.fetch(to_int(X), 0) + plane("p") + run_network(NET, [X, Y, A])[0]
    k = Kernel(one(value))
    planes = {"p": np.zeros((2, 128), np.float32)}
    buffers = {"f": np.zeros((1, 1), np.float32)}
    good = {"planes": planes, "buffers": buffers, "weights": WEIGHTS}
    assert np.all(np.isfinite(k.evaluate(4, 2, KNOBS, **good)["out"]))
    for leave_out, says in (
        ("planes", "needs the plane 'p'"),
        ("buffers", "needs the buffer 'f'"),
        ("weights", "needs the network 'net'"),
    ):
        with pytest.raises(ValueError, match=says):
            k.evaluate(4, 2, KNOBS, **{n: v for n, v in good.items() if n != leave_out})
    with pytest.raises(ValueError, match="needs the knob 'b'"):
        k.evaluate(4, 2, {"a": 0.0}, **good)
    with pytest.raises(ValueError, match="no network 'other'"):
        k.evaluate(4, 2, KNOBS, **(good | {"weights": {"other": WEIGHTS["net"]}}))
    for wrong in (np.zeros(3, np.float32), WEIGHTS["net"].astype(np.float64), WEIGHTS["net"][:-1]):
        with pytest.raises(ValueError, match=f"needs {NET.size} float32 weights"):
            k.evaluate(4, 2, KNOBS, **(good | {"weights": {"net": wrong}}))
    for wrong in (np.zeros((0, 4), np.float32), np.zeros((2, 2)), np.zeros((4, 4), "f4")[:, ::2]):
        with pytest.raises(ValueError, match="contiguous 2-D array of 4-byte values"):
            k.evaluate(4, 2, KNOBS, **(good | {"buffers": {"f": wrong}}))
    with pytest.raises(ValueError, match="needs float32 memory"):
        Call(k).output("out", np.zeros((2, 128)))


# --------------------------------------------------------------------- compiling


def test_outputs_must_be_floats():
    for value in (to_int(X), X > 0.0):
        with pytest.raises(TraceError, match="output 'out' must be a float"):
            emit(one(value))


def test_a_network_inside_a_loop_is_refused():
    (v,) = iterate(3, (X,), lambda v: (run_network(NET, [v, Y, A])[0],))
    with pytest.raises(TraceError, match="network cannot be evaluated inside iterate"):
        emit(one(v))


@pytest.mark.parametrize("name", VALUES)
def test_text_depends_on_the_program_only(name):
    assert emit(one(VALUES[name]())).text == emit(one(VALUES[name]())).text


def test_compiled_code_is_kept_and_damage_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("AFX_CACHE_DIR", str(tmp_path / "kernels"))

    def compile_again():
        return Kernel(one(sin(X * 3.0) + Y, ())).evaluate(20, 10)["out"].tobytes()

    first = compile_again()
    (path,) = (tmp_path / "kernels").iterdir()
    kept = path.read_bytes()
    real = jit.llvm.parse_assembly
    parsed = []
    monkeypatch.setattr(jit.llvm, "parse_assembly", lambda t: parsed.append(t) or real(t))
    assert compile_again() == first
    assert not any(parsed), "a kept object needs no compiling"
    middle = len(kept) // 2
    damaged = (b"", b"nonsense", kept[:-9], kept[:40], kept[:middle] + b"\xff" + kept[middle + 1 :])
    for wrong in damaged:
        path.write_bytes(wrong)
        parsed.clear()
        assert compile_again() == first
        assert any(parsed)
        assert path.read_bytes() == kept
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file where the folder should be")
    assert compile_again() == first
