"""Points spread onto a grid: the one thing that a kernel, which only reads, cannot do.

Each point leaves its weight in the four cells around it, each by its nearness, and weight times
value in a second grid of the same shape, so that the mean value of what lies in a cell is known.
Points are taken one after the other with plain float32 products and sums, so the result is the
same on every machine; NumPy's ``bincount`` needs about ten times as long for it.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afx.field.jit import load_function

_PAIR = "<2 x float>"
_BOTH = f"{_PAIR} poison, <2 x i32> splat (i32 0)"


def _row(name: str, offset: str, share: str) -> str:
    """Return IR that adds to two neighboring cells of both grids, at `offset` elements."""
    lines = [
        f"%{name}_one = insertelement {_PAIR} poison, float %{share}, i32 0",
        f"%{name}_both = shufflevector {_PAIR} %{name}_one, {_BOTH}",
        f"%{name}_weight = fmul {_PAIR} %across, %{name}_both",
        f"%{name}_moment = fmul {_PAIR} %{name}_weight, %values",
    ]
    for grid in ("weight", "moment"):
        at = f"%{name}_{grid}_at"
        lines += [
            f"{at} = getelementptr float, ptr %{grid}s, i64 %{offset}",
            f"%{name}_{grid}_old = load {_PAIR}, ptr {at}, align 4",
            f"%{name}_{grid}_new = fadd {_PAIR} %{name}_{grid}_old, %{name}_{grid}",
            f"store {_PAIR} %{name}_{grid}_new, ptr {at}, align 4",
        ]
    return "\n  ".join(lines)


def _text() -> str:
    return f"""declare float @llvm.floor.f32(float)

define void @splat(ptr %xs, ptr %ys, ptr %ws, ptr %vs, i64 %count, ptr %weights, ptr %moments,\
 i64 %stride, i64 %rows, i64 %columns) {{
entry:
  %last_row = sub i64 %rows, 1
  %last_column = sub i64 %columns, 1
  %bottom = sitofp i64 %last_row to float
  %right = sitofp i64 %last_column to float
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k_next, %done ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %point, label %end
point:
  %x_at = getelementptr float, ptr %xs, i64 %k
  %y_at = getelementptr float, ptr %ys, i64 %k
  %x = load float, ptr %x_at, align 4
  %y = load float, ptr %y_at, align 4
  %in_left = fcmp oge float %x, 0.0
  %in_right = fcmp olt float %x, %right
  %in_top = fcmp oge float %y, 0.0
  %in_bottom = fcmp olt float %y, %bottom
  %in_x = and i1 %in_left, %in_right
  %in_y = and i1 %in_top, %in_bottom
  %inside = and i1 %in_x, %in_y
  br i1 %inside, label %add, label %done
add:
  %w_at = getelementptr float, ptr %ws, i64 %k
  %v_at = getelementptr float, ptr %vs, i64 %k
  %w = load float, ptr %w_at, align 4
  %v = load float, ptr %v_at, align 4
  %x_floor = call float @llvm.floor.f32(float %x)
  %y_floor = call float @llvm.floor.f32(float %y)
  %column = fptosi float %x_floor to i64
  %row = fptosi float %y_floor to i64
  %x_far = fsub float %x, %x_floor
  %y_far = fsub float %y, %y_floor
  %x_near = fsub float 1.0, %x_far
  %y_near = fsub float 1.0, %y_far
  %across_0 = insertelement {_PAIR} poison, float %x_near, i32 0
  %across = insertelement {_PAIR} %across_0, float %x_far, i32 1
  %values_0 = insertelement {_PAIR} poison, float %v, i32 0
  %values = shufflevector {_PAIR} %values_0, {_BOTH}
  %upper_share = fmul float %w, %y_near
  %lower_share = fmul float %w, %y_far
  %start = mul i64 %row, %stride
  %upper = add i64 %start, %column
  %lower = add i64 %upper, %stride
  {_row("up", "upper", "upper_share")}
  {_row("low", "lower", "lower_share")}
  br label %done
done:
  %k_next = add i64 %k, 1
  br label %next
end:
  ret void
}}
"""


@functools.cache
def _function() -> tuple[Any, Any]:
    engine, address = load_function(_text(), "splat")
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    kind = ctypes.CFUNCTYPE(None, *[pointer] * 4, number, pointer, pointer, *[number] * 3)
    return engine, kind(address)


Plane = NDArray[np.float32]


def splat(x: Plane, y: Plane, weight: Plane, value: Plane, weights: Plane, moments: Plane) -> None:
    """Add points to two grids, in order.

    Parameters
    ----------
    x, y, weight, value : float32 arrays, contiguous and of one size
        Where each point lies, in cells, the first cell's center being 0; what it weighs, and what
        it is worth. Points that do not lie between cells' centers are left out.
    weights, moments : float32 arrays [rows, columns], rows contiguous and equally far apart
        What is added to: the weight, and weight times value.

    Raises
    ------
    ValueError
        If an array does not fit.
    """
    for name, array in (("x", x), ("y", y), ("weight", weight), ("value", value)):
        if array.dtype != np.float32 or not array.flags.c_contiguous or array.size != x.size:
            raise ValueError(f"points need contiguous float32 arrays of one size: {name}")
    for name, array in (("weights", weights), ("moments", moments)):
        fits = array.ndim == 2 and array.dtype == np.float32 and array.strides[1] == 4
        if not fits or array.shape != weights.shape or array.strides != weights.strides:
            raise ValueError(f"grids need equal float32 arrays with contiguous rows: {name}")
    _function()[1](
        x.ctypes.data, y.ctypes.data, weight.ctypes.data, value.ctypes.data, x.size,
        weights.ctypes.data, moments.ctypes.data, weights.strides[0] // 4, *weights.shape,
    )  # fmt: skip
