"""A field program carried out by NumPy in strips of rows: what a pattern costs without a compiler.

The reference of ``speed.py``. It walks the same graph as the other targets, so equal parts are
computed once, and works on strips that stay in cache, which is how one would write it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afx.field.expr import Expr
from afx.field.graph import FRAME, PIXEL, ROW, Order, order
from afx.field.jit import Geometry
from afx.field.llvm_nodes import loop_parts
from afx.field.network import NUMPY_ACTIVATIONS, Network
from afx.field.program import Loop, Program

Array = NDArray[Any]

_OPS: dict[str, Callable[..., Array]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "min": lambda a, b: np.where(a < b, a, b), "max": lambda a, b: np.where(a > b, a, b),
    "neg": np.negative, "abs": np.abs, "floor": np.floor, "sqrt": np.sqrt,
    "lt": np.less, "le": np.less_equal, "eq": np.equal,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "select": np.where,
    "to_int": lambda a: a.astype(np.int32), "to_float": lambda a: a.astype(np.float32),
    "bits": lambda a: np.ascontiguousarray(a).view(np.int32),
    "from_bits": lambda a: np.ascontiguousarray(a).view(np.float32),
}  # fmt: skip


class NumPyField:
    """Evaluates a program strip by strip.

    Parameters
    ----------
    program : Program
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.order: Order = order([e for _, e in program.outputs])
        self.done_with = self._last_uses()

    def _last_uses(self) -> dict[Expr, list[Expr]]:
        """Return for each pixel node the values that nothing needs after it: they are dropped."""
        nodes = self.order.nodes.get(PIXEL, [])
        kept = {self.order.of(e) for _, e in self.program.outputs}
        last: dict[Expr, Expr] = {}
        for node in nodes:
            stack, seen = [node], set()
            while stack:
                user = stack.pop()
                needs = list(user.args)
                if user.op == "loop":
                    needs += loop_parts(user.data)
                for need in map(self.order.of, needs):
                    if self.order.scope[need] == PIXEL:
                        last[need] = node
                    elif self.order.scope[need] > PIXEL and need not in seen:
                        seen.add(need)
                        stack.append(need)
        found: dict[Expr, list[Expr]] = {}
        for value, node in last.items():
            if value not in kept:
                found.setdefault(node, []).append(value)
        return found

    def __call__(
        self,
        width: int,
        height: int,
        knobs: Mapping[str, float],
        weights: Mapping[str, NDArray[np.float32]],
        *,
        strip: int = 8,
    ) -> dict[str, NDArray[np.float32]]:
        """Return every output [height, width]."""
        g = Geometry.of(width, height)
        out = {n: np.empty((height, width), np.float32) for n, _ in self.program.outputs}
        x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) * np.float32(g.dx)
        x = (x + np.float32(g.x0))[None, :]
        with np.errstate(all="ignore"):
            for top in range(0, height, strip):
                rows = np.arange(top, min(top + strip, height), dtype=np.float32)[:, None]
                y = (rows + np.float32(0.5)) * np.float32(g.dy) + np.float32(g.y0)
                values = self._strip(x, y, np.float32(g.pixel), knobs, weights)
                for name, node in self.program.outputs:
                    out[name][top : top + strip] = values[self.order.of(node)]
        return out

    def _strip(
        self,
        x: Array,
        y: Array,
        pixel: np.float32,
        knobs: Mapping[str, float],
        weights: Mapping[str, NDArray[np.float32]],
    ) -> dict[Expr, Any]:
        values: dict[Expr, Any] = {}
        shape = (y.shape[0], x.shape[1])
        for scope in (FRAME, ROW, PIXEL):
            for node in self.order.nodes.get(scope, []):
                self._node(node, values, x, y, pixel, knobs, weights, shape)
                for value in self.done_with.get(node, []):
                    values.pop(value, None)
        return values

    def _node(self, node: Expr, values: dict[Expr, Any], *context: Any) -> None:
        x, y, pixel, knobs, weights, shape = context
        op = node.op
        if op == "const":
            kinds = {"f": np.float32, "i": np.int32, "b": np.bool_}
            values[node] = kinds[node.type](node.value())
        elif op in ("x", "y", "pixel", "knob"):
            values[node] = (
                np.float32(knobs[node.data]) if op == "knob" else {"x": x, "y": y}.get(op, pixel)
            )
        elif op == "loop":
            values[node] = self._loop(node.data, values, context)
        elif op in ("state", "activation"):
            values[node] = values[self.order.of(node.args[0])][node.data]
        elif op == "network":
            values[node] = _network(
                node.data, [values[self.order.of(a)] for a in node.args], weights, shape
            )
        elif op in ("shl", "shr"):
            a = np.asarray(values[self.order.of(node.args[0])]).astype(np.uint32)
            moved = a << np.uint32(node.data) if op == "shl" else a >> np.uint32(node.data)
            values[node] = moved.astype(np.int32)
        elif op != "variable":
            values[node] = _OPS[op](*(values[self.order.of(a)] for a in node.args))

    def _loop(self, loop: Loop, values: dict[Expr, Any], context: Any) -> list[Array]:
        shape = context[-1]
        of = self.order.of
        state = [np.array(np.broadcast_to(values[of(s)], shape)) for s in loop.start]
        for _ in range(loop.count):
            for variable, value in zip(loop.variables, state, strict=True):
                values[of(variable)] = value
            for node in self.order.nodes.get(loop.index, []):
                if node.op != "variable":
                    self._node(node, values, *context)
            after = [values[of(s)] for s in loop.step]
            if loop.until is None:
                state = [np.broadcast_to(a, shape) for a in after]
                continue
            stop = np.broadcast_to(values[of(loop.until)], shape)
            if stop.all():
                break
            state = [np.where(stop, old, new) for old, new in zip(state, after, strict=True)]
        return state


def _network(
    network: Network,
    inputs: list[Any],
    weights: Mapping[str, NDArray[np.float32]],
    shape: tuple[int, int],
) -> list[Array]:
    h = np.stack([np.broadcast_to(i, shape).ravel() for i in inputs]).astype(np.float32)
    # Film inputs are numbers: what they add to a layer is one vector.
    film = np.array(inputs[network.inputs - network.film :], np.float32).reshape(network.film)
    for number, (layer, (matrix, bias)) in enumerate(
        zip(network.layers, network.split(weights[network.name]), strict=True)
    ):
        if number:
            own = layer.inputs - network.film
            h = matrix[:, :own] @ h + (bias + matrix[:, own:] @ film)[:, None]
        else:
            h = matrix @ h + bias[:, None]
        row = 0
        for name, count in layer.activations:
            h[row : row + count] = _activation(name, h[row : row + count])
            row += count
    return [row.reshape(shape) for row in h]


def _activation(name: str, values: NDArray[np.float32]) -> Array:
    """NumPy's own functions: faster here than our polynomials written out."""
    plain: dict[str, Callable[[Array], Array]] = {
        **NUMPY_ACTIVATIONS,
        "tanh": np.tanh,
        "gaussian": lambda v: np.exp(v * v * np.float32(-0.4)),
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    }
    return plain[name](values)
