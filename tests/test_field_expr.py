"""Tracing: what becomes a graph, where its nodes belong, and what is refused in one sentence."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from afx.field import (
    Complex,
    Field,
    Knob,
    Point,
    TraceError,
    as_expr,
    clamp,
    clock,
    exp2,
    fract,
    hash_cell,
    iterate,
    knob,
    knobs_of,
    maximum,
    minimum,
    mix,
    pixel_point,
    run_network,
    select,
    sin,
    sqrt,
    to_float,
    to_int,
    trace,
    uniform,
)
from afx.field.expr import Expr, constant
from afx.field.graph import FRAME, PIXEL, ROW, order
from afx.field.llvm import emit
from afx.field.network import Layer, Network
from afx.field.program import Buffer, Program, plane

X, Y = Expr("x", "f"), Expr("y", "f")
K = uniform("k")
N, B = to_int(X), X > 0.0

# What a person may write, and a word of the advice that must come back.
REFUSED = {
    "if": (lambda: 1 if X > 0 else 2, "select"),
    "and": (lambda: (X > 0) and (Y > 0), "a & b"),
    "or": (lambda: (X > 0) or (Y > 0), "a | b"),
    "not": (lambda: not (X > 0), "~a"),
    "a chain of comparisons": (lambda: 0 < X < 1, "a & b"),
    "min": (lambda: min(X, 1.0), "minimum"),
    "max": (lambda: max(X, Y), "maximum"),
    "sorted": (lambda: sorted([X, Y]), "minimum"),
    "in": (lambda: X in (Y, K), "select"),
    "while": (lambda: next(iter(int, 1)) if X < 3 else None, "select"),
    "math.sin": (lambda: math.sin(X), "afx.field"),
    "math.hypot": (lambda: math.hypot(X, Y), "afx.field"),
    "math.floor": (lambda: math.floor(X), "afx.field"),
    "math.trunc": (lambda: math.trunc(X), "floor"),
    "complex": (lambda: complex(X), "afx.field"),
    "float": (lambda: float(X), "afx.field"),
    "int": (lambda: int(X), "floor"),
    "round": (lambda: round(X), "floor(x + 0.5)"),
    "a format": (lambda: f"{X:.2f}", "{x}"),
    "range": (lambda: range(X), "iterate"),
    "a list's index": (lambda: [1, 2][X], "iterate"),
    "iteration": (lambda: [v for v in X], "each part"),  # noqa: C416
    "an index": (lambda: X[0], "each part"),
    "len": (lambda: len(X), "Python number"),
    "%": (lambda: X % 2.0, "mod"),
    "% of a number": (lambda: 2.0 % X, "mod"),
    "divmod": (lambda: divmod(X, 2.0), "mod"),
    "//": (lambda: X // 2.0, "floor(a / b)"),
    "// of a number": (lambda: 2.0 // X, "floor(a / b)"),
    "** of a fraction": (lambda: X**0.5, "power"),
    "** of a negative": (lambda: X**-1, "power"),
    "** of a large number": (lambda: X**65, "power"),
    "** of a value": (lambda: X**Y, "power"),
    "a number ** a value": (lambda: 2.0**X, "exp2"),
    "np.sin": (lambda: np.sin(X), "afx.field"),
    "np.where": (lambda: np.where(X > 0, 1.0, 2.0), "afx.field"),
    "np.clip": (lambda: np.clip(X, 0, 1), "afx.field"),
    "np.array": (lambda: np.array([X]), "afx.field"),
    "an array before": (lambda: np.ones(3) * X, "afx.field"),
    "an array after": (lambda: X * np.ones(3), "a number"),
    "a string": (lambda: X + "1", "a number"),
    "a quotient by a string": (lambda: X / "1", "a number"),
    "a quotient by nothing": (lambda: X / None, "a number"),
    "a quotient by zero": (lambda: X / 0, "division by zero"),
    "== with a string": (lambda: X == "1", "comparison"),
    "integer + float": (lambda: N + X, "to_float"),
    "integer < float": (lambda: N < X, "to_float"),
    "integer + fraction": (lambda: N + 0.5, "whole number"),
    "integer + infinity": (lambda: N + math.inf, "whole number"),
    "integer + NaN": (lambda: N + math.nan, "whole number"),
    "integer / integer": (lambda: N / 2, "to_float"),
    "select of both kinds": (lambda: select(B, N, X), "to_float"),
    "root of an integer": (lambda: sqrt(N), "to_float"),
    "minimum of both kinds": (lambda: minimum(N, X), "to_float"),
    "float & float": (lambda: X & Y, "to_int"),
    "float << bits": (lambda: X << 2, "integer"),
    "shift by a value": (lambda: N << N, "constant"),
    "shift of a constant by a value": (lambda: 1 << N, "constant"),
    "shift too far": (lambda: N >> 32, "0 to 31"),
    "truth + number": (lambda: B + 1.0, "select"),
    "number * truth": (lambda: X * B, "select"),
    "truth + truth": (lambda: B + B, "select"),
    "minus truth": (lambda: -B, "to_float"),
    "truth < number": (lambda: 0.5 > B, "comparison"),  # noqa: SIM300
    "truth < truth": (lambda: (Y > 0) > B, "no order"),
    "truth & number": (lambda: B & 1, "comparison"),
    "float + True": (lambda: X + True, "1.0 or 0.0"),
    "a number as condition": (lambda: select(1.0, X, Y), "comparison"),
    "a float as condition": (lambda: select(X, X, Y), "truth value"),
    "iterate a fraction of times": (lambda: iterate(2.5, (X,), lambda x: (x,)), "Python number"),
    "iterate a traced number": (lambda: iterate(N, (X,), lambda x: (x,)), "Python number"),
    "iterate True": (lambda: iterate(True, (X,), lambda x: (x,)), "Python number"),
    "iterate never": (lambda: iterate(0, (X,), lambda x: (x,)), "at least one"),
    "a step too short": (lambda: iterate(2, (X, Y), lambda *both: both[:1]), "2 values"),
    "a step without a result": (lambda: iterate(2, (X,), lambda *_: None), "1 values"),
    "a step with a bare value": (lambda: iterate(2, (X,), lambda x: x + 1.0), "1 values"),
    "a step of another type": (lambda: iterate(2, (X,), lambda x: (to_int(x),)), "to_float"),
    "until a float": (lambda: iterate(2, (X,), lambda x: (x,), until=lambda x: x), "truth value"),
    "until a number": (lambda: iterate(2, (X,), lambda x: (x,), until=lambda *_: 1), "truth value"),
    "a column that is a float": (lambda: Buffer("b").fetch(X, N), "to_int"),
    "a network with other inputs": (
        lambda: run_network(Network("n", (Layer(2, (("sine", 1),)),)), [X]),
        "2 inputs",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_traced_is_refused_with_advice(case):
    wrong, advice = REFUSED[case]
    with pytest.raises(TraceError) as caught:
        wrong()
    text = str(caught.value)
    assert advice in text
    assert "\n" not in text
    assert len(text) > 10


def test_text_of_a_value_may_be_shown():
    assert f"{constant(0.5)}" == "<0.5>"


# --------------------------------------------------------------------- knobs


@pytest.mark.parametrize(
    ("default", "lo", "hi"), [(2, 0, 1), (-1, 0, 1), (0, 1, 0), (0, 0, 0), (math.nan, 0, 1)]
)
def test_knobs_outside_their_range_are_refused(default, lo, hi):
    with pytest.raises(ValueError, match=r"knob .*(lo <= default <= hi|finite)"):
        knob(default, lo, hi, help="")


def test_knobs_are_read_off_the_signature_in_order_and_clamp():
    def rings(p, *, count=knob(6, 1, 40, unit="rings", help="h"), phase=clock(0.3, help="t")):
        return Field(count)

    first, second = knobs_of(rings)
    assert first == Knob(6.0, 1.0, 40.0, "rings", "h", "value", "count")
    assert (second.kind, second.lo, second.hi) == ("clock", 0.0, 1.2)
    assert [first.clamp(v) for v in (-5, 7.5, 99, math.nan)] == [1, 7.5, 40, 6]


def test_a_parameter_that_is_no_knob_is_named():
    def wrong(p, *, size=3.0):
        return Field(size)

    with pytest.raises(TypeError, match=r"wrong: parameter 'size' must be a knob"):
        knobs_of(wrong)


def test_tracing_names_what_is_wrong_with_a_pattern():
    def good(p: Point, *, a: Expr = knob(0.5, 0, 1, help="a")) -> Field:
        return Field(p.x * a)

    with pytest.raises(TraceError, match=r"good has no knob called size"):
        trace(good, pixel_point(), {"size": 1.0})
    with pytest.raises(TraceError, match=r"returned Expr: a pattern returns Field"):
        trace(lambda p: p.x, pixel_point())
    made = trace(good, pixel_point(), {"a": 1.0})
    assert as_expr(made.tone).op == "x"


# --------------------------------------------------------------------- constants


def test_constants_are_their_bits():
    assert constant(0.0).data != constant(-0.0).data
    assert constant(0.1).value() == struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert math.isnan(constant(math.nan).value())
    assert constant(2**31, "i").value() == -(2**31)
    assert constant(0xFFFFFFFF, "i").value() == -1


def test_zeros_of_both_signs_stay_apart_in_a_graph():
    positive = select(X > 0.0, as_expr(0.0), as_expr(-0.0))
    kept = [n.data for n in order([positive]).all() if n.op == "const"]
    assert sorted(kept) == [0, 0x80000000]


def test_constants_fold_as_float32():
    third = constant(1.0) / constant(3.0)
    assert third.value() == float(np.float32(1) / np.float32(3))
    assert (constant(1e30) * constant(1e30)).value() == math.inf
    assert (constant(1.0) / constant(0.0)).value() == math.inf
    assert math.isnan(sqrt(-1.0).value())
    assert minimum(math.nan, 2.0).value() == 2.0
    assert clamp(math.nan).value() == 0.0


def test_neutral_operations_leave_the_value_as_it_is():
    assert X * 1.0 is X
    assert X + 0.0 is X
    assert 0.0 + X is X
    assert X - 0.0 is X
    assert +X is X
    assert (X**1) is X
    assert (X**0).value() == 1.0


def test_whole_powers_take_few_products():
    products = [n for n in order([X**10]).all() if n.op == "mul"]
    assert len(products) == 4


def test_dividing_by_a_number_is_a_product():
    quotient = X / 4.0
    assert quotient.op == "mul"
    assert quotient.args[1].value() == 0.25


# --------------------------------------------------------------------- order


def test_equal_values_are_computed_once():
    def long_way():
        return sin(X * 3.0 + Y) * sqrt(Y * Y + 1.0)

    once = len(order([long_way()]).scope)
    assert len(order([long_way() + long_way()]).scope) == once + 1
    a, b = X * Y, Y * X
    ordered = order([a, b])
    assert ordered.of(a) is ordered.of(b)
    c, d = X - Y, Y - X
    ordered = order([c, d])
    assert ordered.of(c) is not ordered.of(d)


def test_arguments_come_first_within_and_across_scopes():
    out = sin(X * exp2(K) + fract(Y * K)) * to_float(hash_cell(to_int(X), to_int(Y)))
    ordered = order([out])
    done = set()
    for scope in (FRAME, ROW, PIXEL):
        for node in ordered.nodes.get(scope, []):
            assert all(ordered.of(a) in done for a in node.args)
            done.add(node)
    assert ordered.of(out) in done


def test_work_belongs_to_the_widest_scope():
    frame, row = exp2(K) * 2.0, sin(Y * K)
    pixel = X * row + frame
    ordered = order([pixel, plane("p"), Buffer("b").fetch(0, 0)])
    scope = ordered.scope
    assert scope[ordered.of(frame)] == FRAME
    assert scope[ordered.of(row)] == ROW
    assert scope[ordered.of(pixel)] == PIXEL
    assert all(s == PIXEL for n, s in scope.items() if n.op in ("plane", "fetch", "x"))


def test_loops_keep_inside_only_what_changes_inside():
    hoisted = sin(Y * K)
    inner_of = {}

    def step(a, n):
        inside = a * 0.5
        inner_of["outer"] = inside
        (b,) = iterate(3, (a,), lambda b: (b * hoisted + inside,))
        return b, n + 1.0

    out, _ = iterate(5, (X, 0.0), step, until=lambda a, _: a > 4.0)
    ordered = order([out])
    outer, inner = sorted(ordered.loops)
    assert ordered.scope[ordered.of(hoisted)] == ROW
    assert ordered.scope[ordered.of(inner_of["outer"])] == outer
    loops = {n.data.index: ordered.scope[n] for n in ordered.all() if n.op == "loop"}
    assert loops == {outer: PIXEL, inner: outer}


def test_chains_of_fifty_thousand_nodes_need_no_recursion():
    value = X
    for k in range(25_000):
        value = maximum(value + Y, 0.001 * k)
    ordered = order([value])
    assert len(ordered.nodes[PIXEL]) == 50_001
    assert emit(Program((("out", value),), ())).text.count("fadd <") > 25_000


def test_mix_of_equal_ends_is_not_special():
    # mix is a + (b − a)·t on every target: no rule may skip it, as NaN must pass through.
    out = mix(X, X, K)
    assert out.op == "add"


def test_complex_numbers_take_numbers_and_values():
    z = Complex.of(X, Y)
    both = (2.0 + z, z + 2.0, 1.0 - z, z * 3.0, 3.0 * z, 1.0 / z, z / 2.0)
    assert all(isinstance(v, Complex) for v in both)
    with pytest.raises(ValueError, match="at least 1"):
        z.power(0)


# --------------------------------------------------------------------- networks' shapes


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Layer(2, (("sinus", 3),)), "unknown activation 'sinus'"),
        (lambda: Layer(2, (("sine", 0),)), "at least 1"),
        (lambda: Network("n", ()), "at least one layer"),
        (
            lambda: Network("n", (Layer(2, (("sine", 3),)), Layer(4, (("sine", 1),)))),
            "3 outputs feeds one with 4 inputs",
        ),
    ],
)
def test_impossible_networks_say_what_is_wrong(make, says):
    with pytest.raises(ValueError, match=says):
        make()
