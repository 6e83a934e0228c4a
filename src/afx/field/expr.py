"""The expression graph: what a traced pattern becomes, and the errors of tracing.

A pattern is run once with :class:`Expr` values in place of numbers; every operation on them adds a
node to a graph. The graph knows three types: ``"f"`` (float32), ``"i"`` (32-bit integer, wrapping)
and ``"b"`` (truth value). Nothing here knows how the graph is carried out; that is the emitters'
work (``llvm``, ``glsl``, ``tensor``), and all of them give the same function because the graph
holds only operations that every target rounds alike.

Semantics that every emitter keeps:

* ``minimum(a, b)`` is ``a if a < b else b`` and ``maximum(a, b)`` is ``a if a > b else b``; so NaN
  in the first argument gives the second, and ``minimum(maximum(x, 0), 1)`` turns NaN into 0.
* integers wrap; shifts to the right are logical; float to integer truncates, int to float is
  signed.
* a loop keeps each point's state unchanged from the step at which its ``until`` holds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Union

import numpy as np

if TYPE_CHECKING:
    pass

Number = Union["Expr", float, int]

_PYTHON_HINT = (
    "a pattern is traced once for all points, so it cannot use {what} on a value that differs from"
    " point to point: write {instead}"
)


class TraceError(TypeError):
    """A pattern did something that cannot be traced; the message says what to write instead."""


def _refuse(what: str, instead: str) -> NoReturn:
    raise TraceError(_PYTHON_HINT.format(what=what, instead=instead))


class Expr:
    """One value of the expression graph: an operation and its arguments.

    Attributes
    ----------
    op : str
        Name of the operation.
    type : {"f", "i", "b"}
        float32, 32-bit integer or truth value.
    args : tuple of Expr
        What the operation works on.
    data : hashable
        What is not an Expr: a constant's bits, a knob's name, a buffer, a loop.
    """

    __slots__ = ("args", "data", "op", "type")
    __hash__ = object.__hash__

    def __init__(self, op: str, type_: str, args: tuple[Expr, ...] = (), data: Any = None) -> None:
        self.op = op
        self.type = type_
        self.args = args
        self.data = data

    def __repr__(self) -> str:
        if self.op == "const":
            return f"<{self.value()}>"
        return f"<{self.op}:{self.type} {self.data or ''}>"

    def value(self) -> float | int | bool:
        """Return a constant's number."""
        if self.type == "f":
            return float(struct.unpack("<f", struct.pack("<I", self.data))[0])
        return bool(self.data) if self.type == "b" else int(self.data)

    # Arithmetic.
    def __add__(self, other: Number) -> Expr:
        return binary("add", self, other)

    def __radd__(self, other: Number) -> Expr:
        return binary("add", other, self)

    def __sub__(self, other: Number) -> Expr:
        return binary("sub", self, other)

    def __rsub__(self, other: Number) -> Expr:
        return binary("sub", other, self)

    def __mul__(self, other: Number) -> Expr:
        return binary("mul", self, other)

    def __rmul__(self, other: Number) -> Expr:
        return binary("mul", other, self)

    def __truediv__(self, other: Number) -> Expr:
        return divide(self, other)

    def __rtruediv__(self, other: Number) -> Expr:
        return divide(other, self)

    def __neg__(self) -> Expr:
        return unary("neg", self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return unary("abs", self)

    def __pow__(self, exponent: int) -> Expr:
        if not isinstance(exponent, int) or not 0 <= exponent <= 64:
            raise TraceError(
                "** takes a whole number from 0 to 64 here; for other exponents write power(x, y)"
            )
        result: Expr = constant(1.0)
        square = self
        while exponent:
            if exponent & 1:
                result = result * square
            exponent >>= 1
            if exponent:
                square = square * square
        return result

    # Comparison.
    def __lt__(self, other: Number) -> Expr:
        return compare("lt", self, other)

    def __gt__(self, other: Number) -> Expr:
        return compare("lt", other, self)

    def __le__(self, other: Number) -> Expr:
        return compare("le", self, other)

    def __ge__(self, other: Number) -> Expr:
        return compare("le", other, self)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        if not isinstance(other, (Expr, int, float)):
            _refuse(f"== with {type(other).__name__}", "a comparison with a number")
        return compare("eq", self, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return ~(self == other)

    # Bits and truth.
    def __and__(self, other: Number) -> Expr:
        return bitwise("and", self, other)

    def __or__(self, other: Number) -> Expr:
        return bitwise("or", self, other)

    def __xor__(self, other: Number) -> Expr:
        return bitwise("xor", self, other)

    def __invert__(self) -> Expr:
        return bitwise("xor", self, True if self.type == "b" else -1)

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def __lshift__(self, bits: int) -> Expr:
        return shift("shl", self, bits)

    def __rshift__(self, bits: int) -> Expr:
        return shift("shr", self, bits)

    # What cannot be traced.
    def __bool__(self) -> bool:
        _refuse(
            "`if`, `and`, `or`, `not`, `min` or `max`",
            "select(condition, a, b), a & b, a | b, ~a, minimum(a, b) or maximum(a, b)",
        )

    def __float__(self) -> float:
        _refuse("float(), math.* or a format", "the function of the same name from afx.field")

    def __int__(self) -> int:
        _refuse("int()", "floor(x)")

    def __index__(self) -> int:
        _refuse("an index or range()", "iterate(count, state, step, until=...)")

    def __round__(self, _digits: int | None = None) -> int:
        _refuse("round()", "floor(x + 0.5)")

    def __iter__(self) -> Iterator[Expr]:
        _refuse("iteration", "one expression for each part")

    def __len__(self) -> int:
        _refuse("len()", "a Python number")

    def __getitem__(self, _index: object) -> Expr:
        _refuse("an index", "one expression for each part")

    def __trunc__(self) -> int:
        _refuse("math.trunc()", "floor(x)")

    def __format__(self, spec: str) -> str:
        if spec:
            _refuse("a number's format", "{x} without one")
        return repr(self)

    def __mod__(self, _other: object) -> Expr:
        _refuse("%", "mod(a, b)")

    def __floordiv__(self, _other: object) -> Expr:
        _refuse("//", "floor(a / b)")

    def __rpow__(self, _base: object) -> Expr:
        _refuse("** with a number before it", "exp2(x), exp(x) or power(a, x)")

    def __rlshift__(self, _value: object) -> Expr:
        _refuse("a number of bits", "a shift by a constant")

    __rmod__ = __divmod__ = __rdivmod__ = __mod__
    __rfloordiv__ = __floordiv__
    __rrshift__ = __rlshift__

    def __array__(self, *_args: object, **_kwargs: object) -> NoReturn:
        _refuse("NumPy", "the function of the same name from afx.field")

    def __array_ufunc__(self, *_args: object, **_kwargs: object) -> NoReturn:
        _refuse("NumPy", "the function of the same name from afx.field")


# --------------------------------------------------------------------------- making nodes


def constant(value: float | int | bool, type_: str = "f") -> Expr:
    """Return a constant; floats are told apart by their bits, so 0.0 is not −0.0."""
    if type_ == "f":
        with np.errstate(over="ignore"):  # beyond float32 it becomes infinite
            bits = int(np.float32(value).view(np.uint32))
        return Expr("const", "f", (), bits)
    if type_ == "i":
        wrapped = (int(value) + 2**31) % 2**32 - 2**31
        return Expr("const", "i", (), wrapped)
    return Expr("const", "b", (), bool(value))


def as_expr(value: Number | bool, type_: str | None = None) -> Expr:
    """Turn a number into a constant of the wanted type; check the type of an expression."""
    if isinstance(value, Expr):
        if type_ is not None and value.type != type_:
            names = {"f": "a float", "i": "an integer", "b": "a truth value"}
            raise TraceError(
                f"{names[type_]} is needed here, not {names[value.type]}: convert with to_float(n),"
                " to_int(x) or select(condition, 1.0, 0.0)"
            )
        return value
    if isinstance(value, (bool, np.bool_)):
        if type_ == "f":
            raise TraceError("a float is needed here, not True or False: write 1.0 or 0.0")
        return constant(bool(value), type_ or "b")
    if type_ == "b" and isinstance(value, (int, float, np.number)):
        raise TraceError(f"a truth value is needed here, not {value}: write a comparison")
    if isinstance(value, (int, np.integer)):
        return constant(int(value), type_ or "f")
    if isinstance(value, (float, np.floating)):
        if type_ == "i" and not float(value).is_integer():
            raise TraceError(f"an integer is needed here, not {value}: write a whole number")
        return constant(float(value), type_ or "f")
    raise TraceError(f"a number or a traced value is needed here, not {type(value).__name__}")


def is_const(e: Expr, value: float | None = None) -> bool:
    """Tell whether `e` is a constant (and of this value)."""
    return e.op == "const" and (value is None or e.value() == value)


def _pair(a: Number, b: Number) -> tuple[Expr, Expr]:
    type_ = next(v.type for v in (a, b) if isinstance(v, Expr))
    if (
        isinstance(a, Expr)
        and isinstance(b, Expr)
        and a.type != b.type
        and {a.type, b.type} <= {"f", "i"}
    ):
        raise TraceError(
            "integers and floats do not mix: convert with to_float(n) or to_int(x) first"
        )
    return as_expr(a, type_), as_expr(b, type_)


_FOLD: dict[str, Callable[[np.float32, np.float32], np.float32]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "min": lambda a, b: a if a < b else b,
    "max": lambda a, b: a if a > b else b,
}


_NO_BOOL = "arithmetic on truth values: write select(condition, a, b)"


def binary(op: str, a: Number, b: Number) -> Expr:
    """Return a two-argument arithmetic node, folding constants and x·1, x+0."""
    if any(isinstance(v, Expr) and v.type == "b" for v in (a, b)):
        raise TraceError(_NO_BOOL)
    x, y = _pair(a, b)
    if x.type == "i" and op == "mul" and x.op == y.op == "const":
        return constant(int(x.value()) * int(y.value()), "i")
    if x.type == "f" and x.op == y.op == "const":
        with np.errstate(all="ignore"):
            return constant(float(_FOLD[op](np.float32(x.value()), np.float32(y.value()))))
    if x.type == "i" and op == "div":
        raise TraceError("division of integers: write floor(to_float(a) / b)")
    if op == "mul":
        if is_const(x, 1):
            return y
        if is_const(y, 1):
            return x
        # (x·a)·b is x·(ab) here, so that no target's compiler has a reason to round it otherwise.
        for scaled, factor in ((x, y), (y, x)):
            if factor.op == "const" and scaled.op == "mul" and scaled.type == factor.type:
                for inner, known in (scaled.args, scaled.args[::-1]):
                    if known.op == "const":
                        return binary("mul", inner, binary("mul", known, factor))
    if op in ("add", "sub") and is_const(y, 0):
        return x
    if op == "add" and is_const(x, 0):
        return y
    return Expr(op, x.type, (x, y))


def divide(a: Number, b: Number) -> Expr:
    """Return a / b; a constant divisor becomes a factor, on every target alike."""
    if isinstance(b, (int, float, np.number)):
        if b == 0:
            raise TraceError("division by zero")
        if isinstance(a, Expr) and a.type == "f":
            return a * float(1.0 / float(b))
    return binary("div", a, b)


def unary(op: str, a: Number) -> Expr:
    """Return a one-argument arithmetic node: neg, abs, floor, sqrt."""
    x = as_expr(a)
    if x.type != "f":
        if op == "neg" and x.type == "i":
            return binary("sub", constant(0, "i"), x)
        raise TraceError(f"{op} takes a float: convert with to_float(n) first")
    if x.op == "const":
        value = np.float32(x.value())
        with np.errstate(all="ignore"):
            folded = {
                "neg": np.negative,
                "abs": np.abs,
                "floor": np.floor,
                "sqrt": np.sqrt,
            }[op](value)
        return constant(float(folded))
    return Expr(op, "f", (x,))


def compare(op: str, a: Number, b: Number) -> Expr:
    """Return a comparison: lt, le or eq."""
    x, y = _pair(a, b)
    if x.type == "b" and op != "eq":
        raise TraceError("truth values have no order: write a & ~b, a | b or select(a, x, y)")
    return Expr(op, "b", (x, y))


def bitwise(op: str, a: Number, b: Number) -> Expr:
    """Return and, or, xor of two integers or two truth values."""
    x, y = _pair(a, b)
    if x.type == "f":
        raise TraceError("&, | and ^ take integers or truth values: convert with to_int(x) first")
    return Expr(op, x.type, (x, y))


def shift(op: str, a: Expr, bits: int) -> Expr:
    """Return an integer shifted by a constant number of bits."""
    if a.type != "i" or not isinstance(bits, int) or not 0 <= bits < 32:
        raise TraceError("<< and >> take an integer value and a constant from 0 to 31")
    return Expr(op, "i", (a,), bits)


def select(condition: Expr | bool, a: Number, b: Number) -> Expr:
    """Return `a` where `condition` holds, else `b`; both are computed."""
    if isinstance(condition, (bool, np.bool_)):
        return as_expr(a if condition else b)
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        x, y = as_expr(a, "f"), as_expr(b, "f")
    else:
        x, y = _pair(a, b)
    return Expr("select", x.type, (as_expr(condition, "b"), x, y))
