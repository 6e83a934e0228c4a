"""Elementary functions, made only of operations that every target rounds alike.

``sin``, ``exp``, ``log``, ``tanh`` and ``atan2`` here are the project's own polynomials rather than
a target's library calls: they become vector code everywhere, and a laptop's CPU, a browser and a
GPU compute the same function. Coefficients are Chebyshev fits made for these ranges; the errors
stated were measured against float64.

All functions take and return expressions or numbers; angles are in radians unless said otherwise.
"""

from __future__ import annotations

import math

from afx.field.expr import Expr, Number, as_expr, binary, select, unary

TAU = 2.0 * math.pi

# Odd polynomial of sine on [−π/2, π/2], degree 9 (error 2e-7 with rounding).
_SIN = (-0.16666666, 0.00833324, -0.00019822395, 2.6336331e-06)
# π in three parts, the first two with few enough bits that k·part is exact for |k| < 2¹¹.
_PI = (3.140625, 9.670257568359375e-4, 6.277114152908325e-7)
# 2^f − 1 over f on [−1/2, 1/2] (error 2e-7).
_EXP2 = (0.69314718, 0.24022348, 0.05550357, 0.009666374, 0.0013390867)
# Odd polynomial of arctangent on [0, 1], degree 13 (error 3e-6).
_ATAN = (-0.33332959, 0.19971229, -0.13916722, 0.09285412, -0.045494974, 0.010826281)
# Odd polynomial close to tanh on [−2.6, 2.6] (within 0.013) that arrives at ±1 with slope 0.
_SQUASH = (0.9754565954, -0.2532245219, 0.0488365218, -0.00485273731, 0.000185958648)


def minimum(a: Number, b: Number) -> Expr:
    """Return the smaller of two; `b` if `a` is NaN."""
    return binary("min", as_expr(a) if not isinstance(b, Expr) else a, b)


def maximum(a: Number, b: Number) -> Expr:
    """Return the larger of two; `b` if `a` is NaN."""
    return binary("max", as_expr(a) if not isinstance(b, Expr) else a, b)


def clamp(x: Number, lo: Number = 0.0, hi: Number = 1.0) -> Expr:
    """Hold `x` in [lo, hi]; NaN becomes `lo`."""
    return minimum(maximum(x, lo), hi)


def floor(x: Number) -> Expr:
    """Return the largest whole number not above `x`, as a float."""
    return unary("floor", x)


def sqrt(x: Number) -> Expr:
    """Return the square root; `x` must not be negative."""
    return unary("sqrt", x)


def absolute(x: Number) -> Expr:
    """Return |x|."""
    return unary("abs", x)


def sign(x: Number) -> Expr:
    """Return −1 for negative `x`, else 1."""
    return select(as_expr(x) < 0.0, -1.0, 1.0)


def fract(x: Number) -> Expr:
    """Return x − floor(x), in [0, 1)."""
    value = as_expr(x)
    return value - floor(value)


def mod(x: Number, period: Number) -> Expr:
    """Return `x` brought into [0, period)."""
    value = as_expr(x)
    return value - floor(value / period) * period


def mix(a: Number, b: Number, amount: Number) -> Expr:
    """Return the blend from `a` (amount 0) to `b` (amount 1)."""
    start = as_expr(a)
    return start + (as_expr(b) - start) * as_expr(amount)


def linear_step(lo: Number, hi: Number, x: Number) -> Expr:
    """Return 0 below `lo`, 1 above `hi`, and a straight line between."""
    low = as_expr(lo)
    return clamp((as_expr(x) - low) / (as_expr(hi) - low))


def smoothstep(lo: Number, hi: Number, x: Number) -> Expr:
    """Return 0 below `lo`, 1 above `hi`, and a smooth S between."""
    t = linear_step(lo, hi, x)
    return t * t * (3.0 - 2.0 * t)


def sin(x: Number) -> Expr:
    """Return the sine (absolute error 2e-7 for |x| < 30, 3e-6 for |x| < 3000)."""
    value = as_expr(x)
    k = floor(value * (1.0 / math.pi) + 0.5)
    r = value - k * _PI[0]
    r = r - k * _PI[1]
    r = r - k * _PI[2]
    odd = k - 2.0 * floor(k * 0.5)
    r = r * (1.0 - 2.0 * odd)
    u = r * r
    p = ((_SIN[3] * u + _SIN[2]) * u + _SIN[1]) * u + _SIN[0]
    return r + r * (u * p)


def cos(x: Number) -> Expr:
    """Return the cosine, as sin(x + π/2)."""
    return sin(as_expr(x) + math.pi / 2)


def sin_turns(x: Number) -> Expr:
    """Return sin(2πx): `x` in turns. Cheaper than `sin`, and exact for whole turns."""
    value = as_expr(x)
    k = floor(value * 2.0 + 0.5)
    r = (value - k * 0.5) * TAU
    odd = k - 2.0 * floor(k * 0.5)
    r = r * (1.0 - 2.0 * odd)
    u = r * r
    p = ((_SIN[3] * u + _SIN[2]) * u + _SIN[1]) * u + _SIN[0]
    return r + r * (u * p)


def cos_turns(x: Number) -> Expr:
    """Return cos(2πx): `x` in turns (the quarter turn added costs 1e-6 at |x| = 4)."""
    return sin_turns(as_expr(x) + 0.25)


def exponent(x: Number) -> Expr:
    """Return floor(log2 |x|) as a float, for finite x ≠ 0."""
    bits = Expr("bits", "i", (as_expr(x, "f"),))
    return to_float(((bits >> 23) & 255) - 127)


def power_of_two(k: Number) -> Expr:
    """Return 2^k for a whole-numbered float `k` in [−126, 127]."""
    return Expr("from_bits", "f", ((to_int(k) + 127) << 23,))


def exp2(x: Number) -> Expr:
    """Return 2^x (relative error 3e-7); beyond ±126 it stays at the ends."""
    value = clamp(as_expr(x), -126.0, 126.0)
    k = floor(value + 0.5)
    f = value - k
    p = (((_EXP2[4] * f + _EXP2[3]) * f + _EXP2[2]) * f + _EXP2[1]) * f + _EXP2[0]
    return (1.0 + f * p) * power_of_two(k)


def exp(x: Number) -> Expr:
    """Return e^x."""
    return exp2(as_expr(x) * math.log2(math.e))


def log(x: Number) -> Expr:
    """Return the natural logarithm of x > 0 (absolute error 2e-7 near 1); of 0 about −87."""
    value = clamp(as_expr(x), 1.2e-38, 1.7e38)
    e = exponent(value)
    m = value * power_of_two(-e)
    high = m > math.sqrt(2.0)
    m = select(high, m * 0.5, m)
    e = select(high, e + 1.0, e)
    s = (m - 1.0) / (m + 1.0)
    u = s * s
    p = ((u * (2.0 / 7.0) + 2.0 / 5.0) * u + 2.0 / 3.0) * u
    return e * math.log(2.0) + (s + s + s * p)


def log2(x: Number) -> Expr:
    """Return the logarithm to base 2 of x > 0."""
    return log(x) * math.log2(math.e)


def power(x: Number, y: Number) -> Expr:
    """Return x^y for x ≥ 0."""
    return exp2(as_expr(y) * log2(x))


def tanh(x: Number) -> Expr:
    """Return the hyperbolic tangent (absolute error 1e-6)."""
    t = exp(-2.0 * absolute(x))
    return sign(x) * ((1.0 - t) / (1.0 + t))


def squash(x: Number) -> Expr:
    """Return a tanh-like S without exp or division: within 0.013 of tanh, ±1 beyond ±2.6."""
    v = clamp(x, -2.6, 2.6)
    u = v * v
    p = (((_SQUASH[4] * u + _SQUASH[3]) * u + _SQUASH[2]) * u + _SQUASH[1]) * u + _SQUASH[0]
    return v * p


def bell(x: Number) -> Expr:
    """Return a Gaussian-like bump, (1 − x²/10)⁴ clamped: 1 at 0, 0 beyond ±3.2."""
    value = as_expr(x)
    t = maximum(1.0 - value * value * 0.1, 0.0)
    t = t * t
    return t * t


def atan2(y: Number, x: Number) -> Expr:
    """Return the angle of (x, y) in (−π, π] (absolute error 3e-6); 0 at the origin."""
    px, py = as_expr(x), as_expr(y)
    ax, ay = absolute(px), absolute(py)
    a = minimum(ax, ay) / maximum(maximum(ax, ay), 1e-30)
    u = a * a
    p = _ATAN[5]
    acc: Number = p
    for c in reversed(_ATAN[:5]):
        acc = acc * u + c
    r = a + a * (u * acc)
    r = select(ay > ax, math.pi / 2 - r, r)
    r = select(px < 0.0, math.pi - r, r)
    return select(py < 0.0, -r, r)


def length(x: Number, y: Number) -> Expr:
    """Return √(x² + y²)."""
    a, b = as_expr(x), as_expr(y)
    return sqrt(a * a + b * b)


def rotate(x: Number, y: Number, turns: Number) -> tuple[Expr, Expr]:
    """Rotate (x, y) by `turns`, clockwise on the screen as y points down."""
    c, s = cos_turns(turns), sin_turns(turns)
    a, b = as_expr(x), as_expr(y)
    return a * c - b * s, a * s + b * c


def to_int(x: Number) -> Expr:
    """Return the whole part of `x` (toward 0) as a 32-bit integer; `floor` it first if below 0."""
    return Expr("to_int", "i", (as_expr(x, "f"),))


def to_float(n: Expr) -> Expr:
    """Return an integer's value as a float."""
    return Expr("to_float", "f", (as_expr(n, "i"),))


def smooth_minimum(a: Number, b: Number, width: Number) -> Expr:
    """Return the minimum with its corner rounded over `width` (Quilez' polynomial form)."""
    x, y, k = as_expr(a), as_expr(b), as_expr(width)
    h = maximum(k - absolute(x - y), 0.0) / k
    return minimum(x, y) - h * h * k * 0.25


def line(distance: Number, width: Number, pixel: Number) -> Expr:
    """Return an anti-aliased line: 1 where |distance| < width, falling to 0 over a pixel."""
    soft = as_expr(pixel) * 1.5
    return 1.0 - smoothstep(as_expr(width) - soft, as_expr(width) + soft, absolute(distance))
