"""Complex numbers as pairs of expressions, for fractals and conformal maps."""

from __future__ import annotations

from dataclasses import dataclass

from afx.field.expr import Expr, Number, as_expr
from afx.field.lib import atan2, cos, exp, log, sin, sqrt


@dataclass(frozen=True)
class Complex:
    """A complex number z = re + i·im."""

    re: Expr
    im: Expr

    @staticmethod
    def of(re: Number, im: Number = 0.0) -> Complex:
        """Return re + i·im from expressions or numbers."""
        return Complex(as_expr(re), as_expr(im))

    @staticmethod
    def polar(radius: Number, angle: Number) -> Complex:
        """Return radius · e^(i·angle), `angle` in radians."""
        r = as_expr(radius)
        return Complex(r * cos(angle), r * sin(angle))

    def _other(self, value: Complex | Number) -> Complex:
        return value if isinstance(value, Complex) else Complex.of(value)

    def __add__(self, other: Complex | Number) -> Complex:
        o = self._other(other)
        return Complex(self.re + o.re, self.im + o.im)

    __radd__ = __add__

    def __sub__(self, other: Complex | Number) -> Complex:
        o = self._other(other)
        return Complex(self.re - o.re, self.im - o.im)

    def __rsub__(self, other: Complex | Number) -> Complex:
        return self._other(other) - self

    def __neg__(self) -> Complex:
        return Complex(-self.re, -self.im)

    def __mul__(self, other: Complex | Number) -> Complex:
        if not isinstance(other, Complex):
            return Complex(self.re * other, self.im * other)
        return Complex(
            self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Complex | Number) -> Complex:
        if not isinstance(other, Complex):
            return Complex(self.re / other, self.im / other)
        scale = 1.0 / (other.norm() + 1e-30)
        return self * other.conjugate() * scale

    def __rtruediv__(self, other: Complex | Number) -> Complex:
        return self._other(other) / self

    def conjugate(self) -> Complex:
        """Return re − i·im."""
        return Complex(self.re, -self.im)

    def norm(self) -> Expr:
        """Return |z|²."""
        return self.re * self.re + self.im * self.im

    def magnitude(self) -> Expr:
        """Return |z|."""
        return sqrt(self.norm())

    def angle(self) -> Expr:
        """Return arg z in (−π, π]."""
        return atan2(self.im, self.re)

    def square(self) -> Complex:
        """Return z², one multiplication cheaper than z·z."""
        return Complex(self.re * self.re - self.im * self.im, 2.0 * self.re * self.im)

    def power(self, n: int) -> Complex:
        """Return zⁿ for a whole number n ≥ 1."""
        result: Complex | None = None
        base = self
        while n:
            if n & 1:
                result = base if result is None else result * base
            n >>= 1
            if n:
                base = base.square()
        if result is None:
            raise ValueError("Complex.power takes a whole number of at least 1")
        return result

    def exp(self) -> Complex:
        """Return e^z."""
        return Complex.polar(exp(self.re), self.im)

    def log(self) -> Complex:
        """Return the principal logarithm."""
        return Complex(0.5 * log(self.norm()), self.angle())
