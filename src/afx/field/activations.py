"""What the units of a network do to their sums: for every target, and in float64.

Made of the language's own operations, so that all targets compute the same, and with few of them:
a network takes hundreds of activations a pixel, and they cost as much as its sums where it is
narrow. The errors stated were measured against float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from afx.field.expr import Expr, select
from afx.field.lib import (
    _SQUASH,
    absolute,
    bell,
    exp,
    exp2,
    floor,
    maximum,
    minimum,
    squash,
    tanh,
)

Floats = NDArray[np.float64]

# arctan(a) = a + a³·q(a²) on [0, 1], minimax (error 5e-8).
_ATAN = (-0.33331659, 0.199627039, -0.139765817, 0.0979423347, -0.0577735746, 0.0230401253,
         -0.00435540287)  # fmt: skip
# log(1 + t) = t + t²·q(t) on [0, 1], minimax (relative error 4e-8).
_LOG1P = (-0.49999689, 0.333223676, -0.248661694, 0.191904669, -0.138342954, 0.0801719372,
          -0.0306684104, 0.00551687514)  # fmt: skip


# sin(r) = r + r³·q(r²) and cos(r) = 1 + r²·q(r²) on [−π, π], minimax (errors 1.3e-7 and 2e-8).
_SIN = (-0.166666118, 0.00833268272, -0.000198143732, 2.70504191e-06, -2.05457755e-08)
_COS = (-0.499999925, 0.0416665172, -0.00138879022, 2.47715578e-05, -2.70926122e-07, 1.72873379e-09)
# 2π in two parts, the first with so few bits that k·part is exact for |k| < 2¹⁶.
_TURN = (6.28125, 0.0019353071795864769)


def _polynomial(x: Expr, coefficients: tuple[float, ...]) -> Expr:
    """Return the polynomial with these coefficients, lowest first, by Horner's rule."""
    total = coefficients[-2] + coefficients[-1] * x
    for c in reversed(coefficients[:-2]):
        total = total * x + c
    return total


def _within_a_turn(x: Expr) -> Expr:
    """Return `x` less whole turns, in [−π, π]."""
    k = floor(x * (1.0 / math.tau) + 0.5)
    return (x - k * _TURN[0]) - k * _TURN[1]


def _sine(x: Expr) -> Expr:
    """Return the sine (absolute error 6e-7 for |x| < 100).

    Two thirds of the operations of ``lib.sin``, which is a little more exact: a network takes
    hundreds of sines a pixel.
    """
    r = _within_a_turn(x)
    u = r * r
    return r + r * (u * _polynomial(u, _SIN))


def _cosine(x: Expr) -> Expr:
    """Return the cosine, as exact as the sine."""
    r = _within_a_turn(x)
    u = r * r
    return 1.0 + u * _polynomial(u, _COS)


def _arctangent(x: Expr) -> Expr:
    """Return the arctangent (absolute error 2e-7)."""
    size = absolute(x)
    a = minimum(size, 1.0) / maximum(size, 1.0)
    u = a * a
    r = a + a * (u * _polynomial(u, _ATAN))
    r = select(size > 1.0, math.pi / 2 - r, r)
    return select(x < 0.0, -r, r)


def _softplus(x: Expr) -> Expr:
    """Return log(1 + e^x) without overflow: max(x, 0) + log(1 + e^−|x|)."""
    t = exp(-absolute(x))
    return maximum(x, 0.0) + (t + t * (t * _polynomial(t, _LOG1P)))


def _atan_squared(x: Expr) -> Expr:
    a = _arctangent(x)
    return (a * a - 0.45) * (1.0 / 0.396)


ACTIVATIONS: dict[str, Callable[[Expr], Expr]] = {
    "linear": lambda x: x,
    "sine": _sine,
    "cosine": _cosine,
    "tanh": squash,
    "gaussian": bell,
    "absolute": absolute,
    "sigmoid": lambda x: 0.5 + 0.5 * squash(x * 0.5),
    "exact_tanh": tanh,
    "exact_gaussian": lambda x: exp2(x * x * -0.72134752),
    "relu": lambda x: maximum(x, 0.0),
    "softplus": _softplus,
    "atan": lambda x: _arctangent(x) * (1.0 / 0.67),
    "atan_squared": _atan_squared,
    "finer": lambda x: _sine((absolute(x) + 1.0) * x),
}
"""Activations by name.

``sine`` is that of SIREN (Sitzmann et al. 2020); ``finer`` is sin((|x| + 1)·x), whose frequency
grows with the bias (Liu et al. 2024, "FINER"). ``atan`` is arctan(x)/0.67 and ``atan_squared``
(arctan²(x) − 0.45)/0.396: for normal inputs both have a mean near 0 and a spread near 1, so that
deep random networks keep their contrast (Mordvintsev et al. 2018, "Differentiable image
parameterizations", Distill). ``softplus`` is log(1 + e^x) (Dugas et al. 2001). ``tanh``,
``sigmoid``, ``gaussian`` are the cheap look-alikes of ``lib``.
"""

UNBOUNDED = frozenset({"linear", "absolute", "relu", "softplus"})
"""Those whose values may be larger than half precision can hold."""


def _squash(x: Floats) -> Floats:
    v = np.clip(x, -2.6, 2.6)
    return np.asarray(v * np.polynomial.polynomial.polyval(v * v, _SQUASH))


NUMPY_ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda x: x,
    "sine": np.sin,
    "cosine": np.cos,
    "tanh": _squash,
    "gaussian": lambda x: np.maximum(1.0 - 0.1 * x * x, 0.0) ** 4,
    "absolute": np.abs,
    "sigmoid": lambda x: 0.5 + 0.5 * _squash(0.5 * x),
    "exact_tanh": np.tanh,
    "exact_gaussian": lambda x: np.exp(-0.5 * x * x),
    "relu": lambda x: np.maximum(x, 0.0),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "atan": lambda x: np.arctan(x) / 0.67,
    "atan_squared": lambda x: (np.arctan(x) ** 2 - 0.45) / 0.396,
    "finer": lambda x: np.sin((np.abs(x) + 1.0) * x),
}
"""What every activation computes, in float64 on arrays: for preparing weights and for tests."""
