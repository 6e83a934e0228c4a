"""Elementary functions, noise and complex numbers on the CPU target, against float64."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.field import (
    Complex,
    absolute,
    atan2,
    bell,
    cells,
    clamp,
    cos,
    cos_turns,
    exp,
    exp2,
    fbm,
    floor,
    fract,
    hash_cell,
    length,
    line,
    linear_step,
    log,
    log2,
    maximum,
    minimum,
    mix,
    mod,
    noise,
    power,
    rotate,
    select,
    sign,
    sin,
    sin_turns,
    smooth_minimum,
    smoothstep,
    sqrt,
    squash,
    tanh,
    to_float,
    to_int,
    unit_float,
)
from afx.field.expr import Expr
from afx.field.jit import Kernel
from afx.field.program import Program, plane

NAN, INF = math.nan, math.inf


@functools.cache
def kernel(function, arguments: int) -> Kernel:
    """Compile a function of planes; outputs are named o0, o1, …"""
    made = function(*(plane(f"p{k}") for k in range(arguments)))
    values = made if isinstance(made, tuple) else (made,)
    return Kernel(Program(tuple((f"o{k}", v) for k, v in enumerate(values)), ()))


def at(function, *arguments):
    """Values of a function at arrays of points, one dimension."""
    n = len(np.atleast_1d(arguments[0]))
    planes = {}
    for k, a in enumerate(arguments):
        padded = np.zeros((1, n + 64), np.float32)
        padded[0, :n] = a
        planes[f"p{k}"] = padded
    compiled = kernel(function, len(arguments))
    used = {name: planes[name] for name in compiled.module.planes}
    made = compiled.evaluate(n, 1, planes=used)
    out = [made[f"o{k}"][0].copy() for k in range(len(made))]
    return out[0] if len(out) == 1 else out


def span(lo, hi, count=20_001):
    return np.linspace(lo, hi, count).astype(np.float32)


# Name, function, what it should be, range, absolute and relative error. The errors are those that
# the docstrings promise; where they name none, what float32 arithmetic itself costs.
FUNCTIONS = [
    ("sin", sin, np.sin, (-30, 30), 2.1e-7, 0),
    ("sin far away", sin, np.sin, (-3000, 3000), 3e-6, 0),
    ("cos", cos, np.cos, (-10, 10), 1e-6, 0),
    ("sin_turns", sin_turns, lambda t: np.sin(2 * np.pi * t), (-2, 2), 4e-7, 0),
    ("cos_turns", cos_turns, lambda t: np.cos(2 * np.pi * t), (-2, 2), 1e-6, 0),
    ("exp2", exp2, np.exp2, (-126, 126), 0, 3e-7),
    ("exp", exp, np.exp, (-5, 5), 0, 1e-6),
    ("log near 1", log, np.log, (0.7, 1.5), 2e-7, 0),
    ("log", log, np.log, (1e-30, 1e30), 0, 3e-7),
    ("log2", log2, np.log2, (0.5, 100), 1e-6, 3e-7),
    ("tanh", tanh, np.tanh, (-12, 12), 1e-6, 0),
    ("squash", squash, np.tanh, (-8, 8), 0.013, 0),
    ("sqrt", sqrt, np.sqrt, (0, 1e6), 0, 6e-8),
    ("absolute", absolute, np.abs, (-9, 9), 0, 0),
    ("floor", floor, np.floor, (-9.5, 9.5), 0, 0),
    ("fract", fract, lambda x: x - np.floor(x), (-9.5, 9.5), 6e-8, 0),
    ("sign", sign, lambda x: np.where(x < 0, -1.0, 1.0), (-2, 2), 0, 0),
    ("bell", bell, lambda x: np.maximum(1 - x * x / 10, 0) ** 4, (-5, 5), 4e-7, 0),
    (
        "smoothstep",
        lambda x: smoothstep(-0.5, 2.0, x),
        lambda x: (lambda t: t * t * (3 - 2 * t))(np.clip((x + 0.5) / 2.5, 0, 1)),
        (-2, 4),
        4e-7,
        0,
    ),
    (
        "linear_step",
        lambda x: linear_step(1.0, 3.0, x),
        lambda x: np.clip((x - 1) / 2, 0, 1),
        (-2, 4),
        1e-7,
        0,
    ),
    ("mod", lambda x: mod(x, 0.75), lambda x: np.mod(x, 0.75), (0.01, 0.74), 1e-6, 0),
]


@pytest.mark.parametrize("case", FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_elementary_functions_are_as_exact_as_they_say(case):
    _, function, truth, (lo, hi), absolute_error, relative_error = case
    x = span(lo, hi) if lo != 1e-30 else np.geomspace(lo, hi, 20_001).astype(np.float32)
    got, want = at(function, x).astype(np.float64), truth(x.astype(np.float64))
    assert np.all(np.abs(got - want) <= absolute_error + relative_error * np.abs(want))


def test_the_bell_is_the_fourth_power_it_says_and_near_a_gaussian():
    x = span(-4, 4)
    assert at(bell, np.float32([0.0]))[0] == 1.0
    assert np.all(at(bell, np.float32([-3.2, 3.2, 9.0])) == 0.0)
    gaussian = np.exp(-0.5 * x.astype(np.float64) ** 2)
    assert np.max(np.abs(at(bell, x) - gaussian)) < 0.052


def test_functions_of_turns_are_exact_where_they_should_be():
    whole = np.arange(-40, 41, dtype=np.float32)
    assert np.all(at(sin_turns, whole) == 0.0)
    assert np.all(at(sin_turns, whole / 2) == 0.0)
    np.testing.assert_allclose(at(cos_turns, whole), 1.0, atol=2e-7)


def test_functions_of_two_numbers():
    rng = np.random.default_rng(1)
    a, b, t = rng.uniform(-5, 5, (3, 4001)).astype(np.float32)
    d = [v.astype(np.float64) for v in (a, b, t)]
    np.testing.assert_array_equal(at(minimum, a, b), np.minimum(a, b))
    np.testing.assert_array_equal(at(maximum, a, b), np.maximum(a, b))
    np.testing.assert_allclose(at(mix, a, b, t), d[0] + (d[1] - d[0]) * d[2], atol=6e-6)
    np.testing.assert_allclose(at(length, a, b), np.hypot(d[0], d[1]), rtol=3e-7)
    np.testing.assert_allclose(at(mod, a, np.abs(b) + 1), np.mod(d[0], np.abs(d[1]) + 1), atol=2e-6)
    np.testing.assert_allclose(at(power, np.abs(a), b), np.abs(d[0]) ** d[1], rtol=8e-6)
    turned = at(rotate, a, b, t)
    angle = 2 * np.pi * d[2]
    np.testing.assert_allclose(turned[0], d[0] * np.cos(angle) - d[1] * np.sin(angle), atol=1e-5)
    np.testing.assert_allclose(turned[1], d[0] * np.sin(angle) + d[1] * np.cos(angle), atol=1e-5)


def test_angles_in_every_direction():
    rng = np.random.default_rng(2)
    y, x = rng.normal(size=(2, 20_001)).astype(np.float32)
    got = at(atan2, y, x)
    assert np.max(np.abs(got - np.arctan2(y.astype(np.float64), x))) < 3e-6
    axes = np.float32([[0, 1, 0, -1, 0], [1, 0, -1, 0, 0]])
    np.testing.assert_allclose(at(atan2, *axes), [0, np.pi / 2, np.pi, -np.pi / 2, 0], atol=3e-6)


def test_smooth_minimum_is_the_minimum_away_from_the_corner_and_below_it_there():
    a, b = span(-2, 2, 401), np.zeros(401, np.float32)
    got = at(lambda x, y: smooth_minimum(x, y, 0.5), a, b)
    far = np.abs(a) > 0.5
    np.testing.assert_array_equal(got[far], np.minimum(a, b)[far])
    assert np.all(got <= np.minimum(a, b))
    assert got[200] == pytest.approx(-0.125)


def test_lines_are_full_inside_and_gone_outside():
    d = span(-1, 1, 2001)
    got = at(lambda x: line(x, 0.3, 0.02), d)
    assert np.all(got[np.abs(d) < 0.269] == 1.0)
    assert np.all(got[np.abs(d) > 0.331] == 0.0)
    np.testing.assert_allclose(got, got[::-1], atol=1e-5)
    assert at(lambda x: line(x, 0.3, 0.02), np.float32([0.3]))[0] == pytest.approx(0.5, abs=1e-5)


# --------------------------------------------------------------------- NaN and infinity

ODD = np.float32([NAN, INF, -INF, 0.0, -0.0, 1e38, -1e38, 1e-45])


def test_nan_in_the_first_place_gives_the_second():
    nan, two = np.full(3, NAN, np.float32), np.full(3, 2.0, np.float32)
    assert np.all(at(minimum, nan, two) == 2.0)
    assert np.all(at(maximum, nan, two) == 2.0)
    assert np.all(np.isnan(at(minimum, two, nan)))
    assert np.all(at(lambda x: clamp(x, -1.0, 2.0), nan) == -1.0)


@pytest.mark.parametrize(
    ("function", "lo", "hi"),
    [
        (clamp, 0, 1),
        (squash, -1 - 5e-7, 1 + 5e-7),  # its polynomial rounds
        (bell, 0, 1),
        (lambda x: smoothstep(0.2, 0.6, x), 0, 1),
        (exp2, 2.0**-126, 2.0**126),
        (exp, 2.0**-126, 2.0**126),
        (lambda x: log(absolute(x)), -88, 89),
        (tanh, -1, 1),
    ],
)
def test_clamping_functions_are_finite_whatever_comes_in(function, lo, hi):
    got = at(function, ODD)
    assert np.all(np.isfinite(got))
    assert np.all((got >= np.float32(lo)) & (got <= np.float32(hi)))


def test_the_logarithm_of_zero_and_the_ends_of_exp2():
    assert at(log, np.float32([0.0]))[0] == pytest.approx(-87.3, abs=0.1)
    assert at(log, np.float32([-3.0]))[0] == pytest.approx(-87.3, abs=0.1)
    np.testing.assert_array_equal(
        at(exp2, np.float32([500.0, -500.0])), np.float32([2.0**126, 2.0**-126])
    )
    np.testing.assert_array_equal(
        at(exp2, np.arange(-126, 127, dtype=np.float32)), 2.0 ** np.arange(-126, 127)
    )


# --------------------------------------------------------------------- properties

finite = st.floats(-100, 100, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=40))
def test_identities_hold_anywhere(pairs):
    x, y = np.float32(pairs).T
    s, c = at(sin, x), at(cos, x)
    np.testing.assert_allclose(s * s + c * c, 1.0, atol=1e-5)
    np.testing.assert_allclose(at(sin, -x), -s, atol=1e-6)
    f = at(fract, x)
    assert np.all((f >= 0) & (f <= 1))
    assert np.all(at(lambda a: floor(a), x) <= x)
    low, high = at(minimum, x, y), at(maximum, x, y)
    np.testing.assert_array_equal(low + high, x + y)
    r = at(lambda a, b: length(*rotate(a, b, 0.37)), x, y)
    np.testing.assert_allclose(r, np.hypot(x, y), rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(2**-20, 2**20, width=32), min_size=1, max_size=40))
def test_logarithm_and_exponential_undo_each_other(values):
    x = np.float32(values)
    np.testing.assert_allclose(at(lambda a: exp2(log2(a)), x), x, rtol=1e-5)
    np.testing.assert_allclose(at(lambda a: power(a, 0.5), x), np.sqrt(x), rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=40))
def test_integers_wrap_and_shift_logically(values):
    n = np.array(values, np.int64)
    low, high = np.float32(n & 0xFFFF), np.float32((n >> 16) & 0xFFFF)

    def parts(a, b):
        whole = (to_int(b) << 16) | to_int(a)
        made = (whole * 0x2C1B3C6D, whole >> 15, whole + 0x7FFFFFFF, ~whole, whole ^ 0x55555555)
        # Halves of the words, as a float holds 24 bits.
        return tuple(to_float(v & 0xFFFF) for v in made) + tuple(to_float(v >> 16) for v in made)

    got = at(parts, low, high)
    w = n & 0xFFFFFFFF
    want = [w * 0x2C1B3C6D, w >> 15, w + 0x7FFFFFFF, ~w, w ^ 0x55555555]
    for k, value in enumerate(want):
        np.testing.assert_array_equal(got[k], value & 0xFFFF)
        np.testing.assert_array_equal(got[k + 5], (value >> 16) & 0xFFFF)


def test_conversions_and_choices():
    x = np.float32([-2.7, -0.5, 0.0, 0.5, 2.7])
    np.testing.assert_array_equal(at(lambda a: to_float(to_int(a)), x), np.trunc(x))
    picked = at(lambda a: select((a > 0.0) & ~(a == 0.5), 1.0, 2.0), x)
    np.testing.assert_array_equal(picked, [2, 2, 2, 2, 1])
    both = at(lambda a: select((a < -1.0) | (a >= 2.7), a, 0.0), x)
    np.testing.assert_array_equal(both, np.float32([-2.7, 0, 0, 0, 2.7]))
    either = at(lambda a: select((a <= 0.0) ^ (a != 0.0), 1.0, 0.0), x)
    np.testing.assert_array_equal(either, [0, 0, 1, 1, 1])


# --------------------------------------------------------------------- hash and noise

SIZE = 256


def pixels(function, scale=1.0):
    """Values over a square of SIZE pixels, `scale` units of the pattern a pixel."""
    x, y = Expr("x", "f"), Expr("y", "f")
    made = function(x * (SIZE / 2 * scale), y * (SIZE / 2 * scale))
    values = made if isinstance(made, tuple) else (made,)
    program = Program(tuple((f"o{k}", v) for k, v in enumerate(values)), ())
    out = Kernel(program).evaluate(SIZE, SIZE)
    return [out[f"o{k}"].copy() for k in range(len(values))]


def python_hash(ix, iy, salt):
    m = 0xFFFFFFFF
    h = (ix * 0x27D4EB2D + iy * 0x165667B1 + salt * 0x3504F333) & m
    h ^= h >> 15
    h = h * 0x2C1B3C6D & m
    return h ^ (h >> 13)


def test_the_hash_is_its_formula_and_uniform():
    def cell(x, y):
        ix, iy = to_int(floor(x)), to_int(floor(y))
        return unit_float(hash_cell(ix, iy, 5)), to_float(hash_cell(ix, iy, 5) & 0xFFFF)

    u, low = pixels(cell)
    for row, column in ((0, 0), (3, 250), (128, 128), (255, 1)):
        h = python_hash(column - 128, row - 128, 5)
        assert u[row, column] == np.float32((h >> 8) / 2**24)
        assert low[row, column] == h & 0xFFFF
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 0.01
    assert abs(u.std() - 1 / math.sqrt(12)) < 0.01
    # Neighbors, and the same cell under another salt, know nothing of each other.
    other = pixels(lambda x, y: unit_float(hash_cell(to_int(floor(x)), to_int(floor(y)), 6)))[0]
    for a, b in ((u[:, 1:], u[:, :-1]), (u[1:], u[:-1]), (u, other)):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02


def test_noise_is_centered_bounded_smooth_and_periodic_in_its_turn():
    n, again, turned, salted = pixels(
        lambda x, y: (noise(x, y, 0.3), noise(x, y, 1.3), noise(x, y, 0.8), noise(x, y, 0.3, 9)),
        scale=0.11,
    )
    assert np.abs(n).max() < 1.5
    assert abs(n.mean()) < 0.05
    assert 0.15 < n.std() < 0.6
    assert np.abs(np.diff(n, axis=1)).max() < 0.4
    np.testing.assert_allclose(n, again, atol=2e-5)
    np.testing.assert_allclose(n, -turned, atol=2e-5)  # half a turn turns every gradient around
    assert abs(np.corrcoef(n.ravel(), salted.ravel())[0, 1]) < 0.15
    at_lattice = pixels(lambda x, y: noise(floor(x), floor(y), 0.4))[0]
    np.testing.assert_allclose(at_lattice, 0.0, atol=1e-6)


def test_fbm_is_bounded_and_finer_with_more_octaves():
    one, single, five, rough = pixels(
        lambda x, y: (
            fbm(x, y, 0.2, octaves=1),
            noise(x, y, 0.2),
            fbm(x, y, 0.2, octaves=5),
            fbm(x, y, 0.2, octaves=5, gain=0.8),
        ),
        scale=0.02,
    )
    np.testing.assert_allclose(one, single, atol=1e-6)
    for value in (five, rough):
        assert np.abs(value).max() < 1.5
        assert abs(value.mean()) < 0.2

    def grain(v):
        return np.abs(np.diff(v, axis=1)).mean() / v.std()

    assert grain(one) < grain(five) < grain(rough)


def test_cells_know_their_nearest_points():
    near, second, identity = pixels(
        lambda x, y: (lambda c: (c.nearest, c.second, c.identity))(cells(x, y, 0.1)), scale=0.05
    )
    assert np.all(near >= 0)
    assert np.all(near <= second)
    assert near.max() < 1.5
    assert identity.min() >= 0
    assert identity.max() < 1
    # Within a cell's inside the nearest point's number stays, and the distance has slope 1.
    inside = second - near > 0.1
    slope = np.hypot(*np.gradient(near.astype(np.float64), 0.05))
    assert np.median(slope[inside & (near > 0.1)]) == pytest.approx(1.0, abs=0.01)


def test_cells_without_jitter_are_a_square_lattice():
    near, second = pixels(
        lambda x, y: (lambda c: (c.nearest, c.second))(cells(x, y, jitter=0.0)), scale=0.05
    )
    at_pixel = (np.arange(SIZE) + 0.5 - SIZE / 2) * 0.05
    off = np.abs(at_pixel - np.floor(at_pixel) - 0.5)
    np.testing.assert_allclose(near, np.hypot(off[None, :], off[:, None]), atol=1e-4)
    assert np.all(second >= near)


# --------------------------------------------------------------------- complex numbers


def test_complex_arithmetic_is_numpys():
    rng = np.random.default_rng(4)
    parts = rng.uniform(-2, 2, (4, 2001)).astype(np.float32)
    z, w = parts[0] + 1j * parts[1].astype(np.float64), parts[2] + 1j * parts[3].astype(np.float64)
    cases = {
        "sum": (lambda a, b: a + b, z + w),
        "difference": (lambda a, b: a - b, z - w),
        "product": (lambda a, b: a * b, z * w),
        "quotient": (lambda a, b: a / b, z / w),
        "inverse": (lambda a, _: 1.0 / a, 1 / z),
        "numbers": (lambda a, _: 2.0 - a * 3.0 + 1.0, 2 - z * 3 + 1),
        "square": (lambda a, _: a.square(), z * z),
        "power": (lambda a, _: a.power(5), z**5),
        "exp": (lambda a, _: a.exp(), np.exp(z)),
        "log": (lambda a, _: a.log(), np.log(z)),
        "conjugate": (lambda a, _: -a.conjugate(), -z.conj()),
    }
    for name, (function, want) in cases.items():

        def both(a, b, c, d, function=function):
            made = function(Complex(a, b), Complex(c, d))
            return made.re, made.im

        re, im = at(both, *parts)
        error = np.abs(re + 1j * im - want) / (1 + np.abs(want))
        assert error.max() < 2e-5, name
    size = at(lambda a, b: (lambda q: (q.magnitude(), q.angle()))(Complex(a, b)), *parts[:2])
    np.testing.assert_allclose(size[0], np.abs(z), rtol=1e-6)
    np.testing.assert_allclose(size[1], np.angle(z), atol=4e-6)


def test_division_by_complex_zero_is_finite():
    zero, one = np.zeros(2, np.float32), np.ones(2, np.float32)

    def quotient(a, b):
        made = Complex(a, a) / Complex(b, b)
        return made.re, made.im

    assert np.all(np.isfinite(at(quotient, one, zero)))
