"""The GLSL target: its text, and its pixels in a real browser against the torch target's."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from afx.field import lib
from afx.field.expr import Expr, as_expr, constant, select
from afx.field.glsl import field_source, fragment_shader, texture_name, uniform_name
from afx.field.glsl_text import identifier, literal
from afx.field.jit import Kernel
from afx.field.network import ACTIVATIONS, Layer, Network
from afx.field.noise import cells, fbm, hash_cell, noise
from afx.field.program import Buffer, Program, iterate, plane, run_network, uniform
from afx.field.tensor import TensorProgram
from afx.patterns import PATTERNS
from afx.stage import STAGE_KNOBS, staged

if TYPE_CHECKING:
    from browser import Browser

torch = pytest.importorskip("torch")
pytest_plugins = ("browser",)

X, Y, PIXEL = Expr("x", "f"), Expr("y", "f"), Expr("pixel", "f")
T = uniform("t")
WIDTH, HEIGHT = 192, 108
PICTURE = (-WIDTH / HEIGHT, WIDTH / HEIGHT, -1.0, 1.0)


def program(outputs, knobs=("t",)):
    return Program(tuple((f"o{k}", as_expr(v)) for k, v in enumerate(outputs)), tuple(knobs))


def geometry(box, width, height):
    x0, x1, y0, y1 = box
    return tuple(float(np.float32(v)) for v in (x0, (x1 - x0) / width, y0, (y1 - y0) / height))


def points(box, width, height):
    """Where pixels lie, by the same float32 operations as the shader's."""
    x0, dx, y0, dy = (np.float32(v) for v in geometry(box, width, height))
    half = np.float32(0.5)
    x = (np.arange(width, dtype=np.float32) + half) * dx + x0
    y = (np.arange(height, dtype=np.float32) + half) * dy + y0
    return torch.from_numpy(x)[None], torch.from_numpy(y)[:, None]


def on_gpu(browser, text, knobs, box=PICTURE, size=(WIDTH, HEIGHT), textures=None):
    width, height = size
    values = {uniform_name(k): v for k, v in knobs.items()}
    values |= {"u_size": size, "u_geometry": geometry(box, *size), "u_pixel": 2 / height}
    named = {texture_name(k): v for k, v in (textures or {}).items()}
    return browser.run_shader(text, width, height, values, named)


def both(
    browser: Browser,
    outputs,
    *,
    knobs=None,
    box=PICTURE,
    size=(WIDTH, HEIGHT),
    buffers=None,
    planes=None,
    weights=None,
    exact=True,
):
    """Run outputs, four at a time, on both targets: pairs of (shader's, torch's) arrays."""
    knobs = {"t": 0.3} if knobs is None else knobs
    x, y = points(box, *size)
    pairs = []
    for first in range(0, len(outputs), 4):
        some = program(outputs[first : first + 4], knobs)
        text = fragment_shader(some, weights=weights or {}, bits=True)
        words = on_gpu(browser, text, knobs, box, size, {**(buffers or {}), **(planes or {})})
        wanted = TensorProgram(some)(
            x,
            y,
            knobs,
            pixel=2 / size[1],
            buffers=buffers or {},
            planes=planes or {},
            weights=weights or {},
            exact=exact,
        )
        for k, value in enumerate(wanted.values()):
            reference = value.numpy()
            kind = np.float32 if reference.dtype == np.float32 else np.int32
            got = np.ascontiguousarray(words[..., k]).view(kind)
            pairs.append((got, reference.astype(kind)))
    return pairs


def psnr(got, wanted, peak=1.0):
    error = np.mean((got.astype(np.float64) - wanted) ** 2)
    return 200.0 if error == 0 else 10 * np.log10(peak**2 / error)


def close(got, wanted):
    """Share of pixels within one step of 8 bits."""
    return np.mean(np.abs(got - wanted) <= 1 / 255)


# ------------------------------------------------------------------- text


def test_literals_are_short_and_read_back_as_the_same_bits():
    words = np.random.default_rng(1).integers(0, 2**32, 4000, dtype=np.uint32)
    special = np.float32(
        [0, -0.0, 1, 0.1, 1e-40, 1.2e-38, 3.4e38, np.inf, -np.inf, np.nan, 16777217]
    )
    for number in (*words.view(np.float32), *special):
        text = literal(number)
        bits = struct.unpack("<I", struct.pack("<f", number))[0]
        if text.startswith("uintBitsToFloat(0x"):
            assert int(text[16:-2], 16) == number.view(np.uint32)
        else:
            assert "." in text
            read = np.float32(float(text.strip("()")))
            assert read.view(np.uint32) == bits
    assert literal(0.1) == "0.1"
    assert literal(-2.0) == "(-2.0)"
    assert literal(-0.0) == "uintBitsToFloat(0x80000000u)"


def test_names_are_legal_and_stay_apart():
    names = ["hit.kick", "hit_kick", "a__b", "a_b", "_a", "a_", "a", "Z", "Z5aZ", "größe", "a b"]
    made = [identifier(n) for n in names]
    assert len(set(made)) == len(names)
    for name in made:
        assert "__" not in f"k_{name}_"[:-1]
        assert name.isascii()
        assert name.replace("_", "").isalnum()


def traced():
    zoom = uniform("zoom")
    (n,) = iterate(4, (X,), lambda v: (v * zoom + 0.5,), until=lambda v: v > 2.0)
    return Program((("tone", fbm(X * zoom, Y, n)), ("mask", as_expr(1.0))), ("zoom",))


def test_the_text_depends_on_the_program_only():
    texts = {fragment_shader(traced()) for _ in range(3)}
    assert len(texts) == 1
    text = texts.pop()
    assert text.startswith("#version 300 es\nprecision highp float;\n")
    assert "uniform float k_zoom;" in text
    source = field_source(traced())
    assert "void field(vec2 p, float pixel, out float o_tone, out float o_mask) {" in source
    assert source in text


def small_network(width: int, depth: int, inputs: int = 4) -> Network:
    runs = tuple((name, width // 4) for name in ("sine", "cosine", "tanh", "gaussian"))
    layers = [Layer(inputs if k == 0 else width, runs) for k in range(depth)]
    return Network("net", (*layers, Layer(width, (("linear", 2), ("sigmoid", 1)))))


def random_weights(network: Network, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = []
    for layer in network.layers:
        parts.append(rng.normal(0, 1.5 / np.sqrt(layer.inputs), layer.outputs * layer.inputs))
        parts.append(rng.normal(0, 0.3, layer.outputs))
    return np.concatenate(parts).astype(np.float32)


def test_networks_up_to_32_by_6_fit_and_larger_ones_are_refused_clearly():
    inputs = (X, Y, T, lib.length(X, Y), *(uniform(f"z{k}") for k in range(4)))
    fits = small_network(32, 6, 8)
    text = fragment_shader(
        program(run_network(fits, inputs)), weights={"net": random_weights(fits, 1)}
    )
    assert len(text) < 80 * 1024
    large = small_network(64, 4, 8)
    with pytest.raises(ValueError, match=r"weights make \d+ KB of shader.*smaller network"):
        fragment_shader(
            program(run_network(large, inputs)), weights={"net": random_weights(large, 1)}
        )
    with pytest.raises(ValueError, match="weights of network 'net'"):
        fragment_shader(program(run_network(fits, inputs)))


def test_a_shader_has_one_to_four_outputs():
    for outputs in ([], [X] * 5):
        with pytest.raises(ValueError, match="one to four outputs"):
            fragment_shader(program(outputs))


# ------------------------------------------------------------------- pixels

pixels = pytest.mark.browser

EXACT = {
    "arithmetic": ((X + Y) * T - X / (Y + 3.0), PICTURE),
    "floor": (lib.floor(X), (-9, 9, 0, 1)),
    "fract": (lib.fract(X), (-9, 9, 0, 1)),
    "mod": (lib.mod(X, 0.75), (-9, 9, 0, 1)),
    "sqrt": (lib.sqrt(X), (0, 50, 0, 1)),
    "abs, sign": (lib.absolute(X) * lib.sign(Y), PICTURE),
    "mix": (lib.mix(X, Y, T), PICTURE),
    "clamp": (lib.clamp(X), PICTURE),
    "smoothstep": (lib.smoothstep(-1.0, T, X), PICTURE),
    "sin": (lib.sin(X), (-40, 40, 0, 1)),
    "sin far": (lib.sin(X), (-3000, 3000, 0, 1)),
    "cos": (lib.cos(X), (-9, 9, 0, 1)),
    "sin_turns": (lib.sin_turns(X), (-4, 4, 0, 1)),
    "cos_turns": (lib.cos_turns(X), (-4, 4, 0, 1)),
    "exp2": (lib.exp2(X), (-120, 120, 0, 1)),
    "exp": (lib.exp(X), (-20, 20, 0, 1)),
    "exponent": (lib.exponent(X), (0.001, 99, 0, 1)),
    "tanh": (lib.tanh(X), (-9, 9, 0, 1)),
    "squash": (lib.squash(X), (-5, 5, 0, 1)),
    "bell": (lib.bell(X), (-5, 5, 0, 1)),
    "atan2": (lib.atan2(Y, X), PICTURE),
    "length": (lib.length(X, Y), PICTURE),
    "rotate": (lib.rotate(X, Y, T)[0], PICTURE),
    "smooth_minimum": (lib.smooth_minimum(X, Y, T), PICTURE),
    "line": (lib.line(X, T, PIXEL), PICTURE),
    "log": (lib.log(X), (0.001, 99, 0, 1)),
    "log2": (lib.log2(X), (0.001, 99, 0, 1)),
    "power": (lib.power(X, T), (0.001, 9, 0, 1)),
    "exp of a multiple": (lib.exp(X * 5.0), PICTURE),
}


@pixels
def test_elementary_functions_are_the_same_bit_for_bit(browser):
    by_box: dict[tuple[float, ...], list[str]] = {}
    for name, (_, box) in EXACT.items():
        by_box.setdefault(box, []).append(name)
    for box, names in by_box.items():
        pairs = both(browser, [EXACT[n][0] for n in names], box=box, size=(512, 4))
        for name, (got, wanted) in zip(names, pairs, strict=True):
            np.testing.assert_array_equal(got.view(np.int32), wanted.view(np.int32), err_msg=name)


@pixels
def test_hashes_and_integers_are_the_same_bit_for_bit(browser):
    i, j = lib.to_int(lib.floor(X)), lib.to_int(lib.floor(Y))
    outputs = [
        hash_cell(i, j, 7),
        i * 0x27D4EB2D,
        (i >> 3) ^ (j << 21),
        ~i & 0xFFFF | j,
        -i - j,
        lib.to_int(X),
        Expr("bits", "i", (X,)),
        Expr("from_bits", "f", (Expr("bits", "i", (X,)) + 1,)),
        lib.to_float(i * 77),
        select(X < Y, i, j),
        (i < j) ^ (X <= 0.0) & (i == j) | (X != X),
        lib.minimum(i, j) + lib.maximum(i, 5),
    ]
    for got, wanted in both(browser, outputs, box=(-500, 500, -300, 300)):
        np.testing.assert_array_equal(got.view(np.int32), wanted.view(np.int32))


@pixels
def test_nan_and_odd_constants_follow_the_definition(browser):
    nan = (X - X) / (Y - Y)  # computed, so that nobody folds it
    infinity = 1.0 / (X - X)
    outputs = [
        lib.minimum(nan, 2.0),
        lib.maximum(nan, 3.0),
        lib.clamp(nan),
        select(lib.minimum(as_expr(2.0), nan) == 2.0, 1.0, 0.0),
        lib.minimum(infinity, X),
        Expr("bits", "i", (constant(-0.0),)),
        Expr("bits", "i", (constant(float("inf")),)),
        Expr("bits", "i", (constant(3.4e38),)),
        Expr("bits", "i", (-(X - X),)),
    ]
    got = [a for a, _ in both(browser, outputs, size=(16, 8))]
    for k, value in enumerate((2, 3, 0, 0)):
        assert np.all(got[k] == value)
    np.testing.assert_array_equal(got[4][0], points(PICTURE, 16, 8)[0][0].numpy())
    wanted = [-0.0, np.inf, 3.4e38, -0.0]
    for a, b in zip(got[5:], wanted, strict=True):
        assert np.all(a == np.float32(b).view(np.int32))


@pixels
def test_noise_is_within_one_step_of_8_bits(browser):
    cell = cells(X * 4.0, Y * 4.0, T)
    warp = fbm(X * 2.0, Y * 2.0, T, octaves=3)
    outputs = [
        noise(X * 8.0, Y * 8.0, T),
        fbm(X * 3.0, Y * 3.0, T),
        cell.nearest,
        cell.identity,
        fbm(X * 2.0 + warp * 3.0, Y * 2.0 - warp * 3.0, T, octaves=3),
    ]
    for got, wanted in both(browser, outputs):
        assert wanted.std() > 0.05
        assert close(got, wanted) >= 0.995
        assert psnr(got, wanted) >= 60


@pixels
def test_julia_and_nested_loops_agree(browser):
    zx, zy, steps = iterate(
        64,
        (X, Y, 0.0),
        lambda a, b, n: (a * a - b * b - 0.8, 2.0 * a * b + T, n + 1.0),
        until=lambda a, b, _n: a * a + b * b > 16.0,
    )
    outside = X * Y

    def outer(total, k):
        # The state trades places, and the inner loop takes values from every level.
        a, _b, n = iterate(
            7,
            (k, outside, constant(1, "i")),
            lambda a, b, n: (b + T, a * 0.9, n * 3),
            until=lambda a, _b, n: (a > total + 1.0) & (n > 2),
        )
        return total + a * lib.to_float(n & 7), k + outside

    total, k = iterate(9, (0.0, Y), outer, until=lambda total, _k: total > 40.0)
    swapped = iterate(5, (X, Y, constant(True, "b")), lambda a, b, f: (b, a, ~f))
    outputs = [steps * (1 / 64), zx, zy, total, k, *swapped]
    pairs = both(browser, outputs, knobs={"t": 0.156})
    assert len(np.unique(pairs[0][1])) > 10
    for got, wanted in pairs[:3]:
        assert psnr(got, wanted) >= 60
    for got, wanted in pairs[3:]:
        np.testing.assert_array_equal(got, wanted)


@pixels
def test_a_small_cppn_agrees_with_both_ways_of_summing(browser):
    network = small_network(16, 3)
    weights = {"net": random_weights(network, 3)}
    outputs = run_network(network, (X, Y, lib.length(X, Y), T))
    for got, wanted in both(browser, outputs, weights=weights):
        np.testing.assert_array_equal(got, wanted)
    for got, wanted in both(browser, outputs, weights=weights, exact=False):
        assert wanted.std() > 0.05
        assert psnr(got, wanted) >= 60
        assert np.abs(got - wanted).max() <= 1e-4


@pixels
@pytest.mark.parametrize("film", [1, 3])
def test_film_inputs_are_uniforms_that_every_layer_sees(browser, film):
    runs = (("sine", 5), ("exact_tanh", 4))
    first, later = Layer(3 + film, runs), Layer(9 + film, runs)
    network = Network("net", (first, later, Layer(9 + film, (("linear", 2),))), film)
    weights = {"net": random_weights(network, 6)}
    values = (X, T * 0.5, Y, *(T * (k + 1.0) - 0.25 for k in range(film)))
    outputs = run_network(network, values)
    for got, wanted in both(browser, outputs, weights=weights):
        assert wanted.std() > 0.05
        np.testing.assert_array_equal(got, wanted)
    rendered = Kernel(program(outputs), fma=False).evaluate(
        WIDTH, HEIGHT, {"t": 0.3}, weights=weights
    )
    shown = on_gpu(
        browser,
        fragment_shader(program(outputs), weights=weights),
        {"t": 0.3},
        (-WIDTH / HEIGHT, WIDTH / HEIGHT, -1.0, 1.0),
    )
    for channel, plane_ in enumerate(rendered.values()):
        np.testing.assert_allclose(shown[..., channel], plane_, atol=2e-6)


@pixels
def test_every_activation_and_every_width_of_a_group_runs(browser):
    runs = tuple((name, 1) for name in ACTIVATIONS)
    network = Network("net", (Layer(3, runs), Layer(len(runs), (("sine", 2),)), Layer(2, runs[:1])))
    weights = {"net": random_weights(network, 4)}
    outputs = run_network(network, (X, Y, T))
    ((got, wanted),) = both(browser, outputs, weights=weights)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


@pixels
def test_textures_are_read_as_buffers_and_planes_are(browser):
    rng = np.random.default_rng(5)
    size = (32, 18)
    buffers = {
        "table": rng.normal(size=(5, 9)).astype(np.float32),
        "words": rng.integers(0, 2**32, (3, 4), dtype=np.uint32),
    }
    planes = {
        "before": rng.normal(size=size[::-1]).astype(np.float32),
        "fine": rng.normal(size=(36, 64)).astype(np.float32),
    }
    table = Buffer("table")
    i, j = lib.to_int(lib.floor(X * 7.0)), lib.to_int(lib.floor(Y * 7.0))
    outputs = [
        table.fetch(i, j),
        Buffer("words", "i").fetch(i, j),
        table.width * 100.0 + table.height,
        plane("before"),
        plane("before", 2, -3),
        plane("fine", 1, 0, step=2),
    ]
    for got, wanted in both(browser, outputs, size=size, buffers=buffers, planes=planes):
        np.testing.assert_array_equal(got, wanted)


@pixels
def test_rows_count_from_the_top_and_both_targets_hold_the_same(browser):
    some = program([X, Y, X < Y, lib.to_int(X * 9.0)])
    words = on_gpu(browser, fragment_shader(some, bits=True), {"t": 0.0})
    floats = on_gpu(browser, fragment_shader(some), {"t": 0.0})
    assert floats.dtype == np.float32
    _x, y = points(PICTURE, WIDTH, HEIGHT)
    np.testing.assert_array_equal(floats[:, 0, 1], y[:, 0].numpy())
    assert floats[0, 0, 1] < floats[-1, 0, 1]
    np.testing.assert_array_equal(words[..., 0].view(np.float32), floats[..., 0])
    np.testing.assert_array_equal(words[..., 2], floats[..., 2])
    np.testing.assert_array_equal(words[..., 3].view(np.int32), floats[..., 3])


@pixels
def test_a_changed_knob_or_weight_changes_the_picture(browser):
    text = fragment_shader(program([fbm(X * 3.0, Y * 3.0, T)]))
    first, again, other = (on_gpu(browser, text, {"t": t})[..., 0] for t in (0.3, 0.3, 0.4))
    np.testing.assert_array_equal(first, again)
    assert np.mean(np.abs(first - other) > 1 / 255) > 0.5
    network = small_network(8, 2)
    some = program(run_network(network, (X, Y, T, X * Y))[:1])
    pictures = [
        on_gpu(
            browser, fragment_shader(some, weights={"net": random_weights(network, s)}), {"t": 0.1}
        )
        for s in (1, 2)
    ]
    assert np.mean(np.abs(pictures[0] - pictures[1])[..., 0] > 1 / 255) > 0.5


@pixels
@pytest.mark.parametrize("name", sorted(n for n, p in PATTERNS.items() if p.simulation is None))
def test_what_a_browser_shows_is_what_the_cpu_renders(browser, name):
    """Every pattern as it is rendered, fused operations included, against its shader.

    Memories are made on the processor only.
    """
    pattern = PATTERNS[name]
    made = staged(pattern.function)
    size = (160, 90)
    knobs = {
        k.name: k.default * (7.0 if k.kind == "clock" else 1.0)
        for k in (*pattern.knobs, *STAGE_KNOBS)
    }
    weights = dict(pattern.weights(0)) if pattern.weights else {}
    shown = on_gpu(
        browser,
        fragment_shader(made, weights=weights),
        knobs,
        (-160 / 90, 160 / 90, -1.0, 1.0),
        size,
    )
    rendered = Kernel(made).evaluate(*size, knobs, weights=weights)
    for channel, output in enumerate(("tone", "hue", "mask")):
        got, wanted = shown[..., channel], rendered[output]
        assert close(got, wanted) >= 0.995, output
        assert psnr(got, wanted) >= 60, output
