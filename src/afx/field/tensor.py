"""The torch target: a program on tensors, with gradients; the other targets' reference.

Every operation is one elementwise torch operation on float32 or int32, in the graph's order and
without contraction, so the values are those that the definition in ``expr`` gives, bit for bit.
What depends on knobs alone stays a tensor without axes. Torch is imported when a program is made,
not when this module is.

This module does not know where points lie, what a look is, or how pictures are made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from afx.field.expr import Expr
from afx.field.graph import FRAME, PIXEL, ROW, Order, order
from afx.field.network import ACTIVATIONS, Network
from afx.field.plan import Block, block, until_first
from afx.field.program import Loop, Program

if TYPE_CHECKING:
    from torch import Tensor

    Array = Tensor | NDArray[np.generic]

    NetworkRunner = Callable[[Network, Array, Sequence[Tensor]], Tensor]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


def _sqrt(x: Tensor) -> Tensor:
    """Correctly rounded square root, whose gradient at 0 is 0.

    Torch's float32 root on CPUs comes from a vector math library that is now and then one bit off;
    by way of float64 the rounding is right; cards round rightly by themselves. The gradient is so
    that a root nobody selected gives no NaN.
    """
    exact = x.double() if x.device.type == "cpu" else x
    if x.requires_grad:
        positive = exact > 0
        safe = exact.where(positive, exact.detach() * 0 + 1)
        return safe.sqrt().where(positive, exact.detach().sqrt()).float()
    return exact.sqrt().float()


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Shift in zeros: torch's shift is arithmetic, so copies of the sign are cut off."""
    return x if bits == 0 else (x >> bits) & ((1 << (32 - bits)) - 1)


def _bits(x: Tensor) -> Tensor:
    import torch

    return x.detach().view(torch.int32)


def _from_bits(x: Tensor) -> Tensor:
    import torch

    return x.view(torch.float32)


def _to_int(x: Tensor) -> Tensor:
    import torch

    return x.to(torch.int32)


def _to_float(x: Tensor) -> Tensor:
    import torch

    return x.to(torch.float32)


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "min": lambda a, b: a.where(a < b, b),
    "max": lambda a, b: a.where(a > b, b),
    "neg": lambda a: -a,
    "abs": lambda a: a.abs(),
    "floor": lambda a: a.floor(),
    "sqrt": _sqrt,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "select": lambda c, a, b: a.where(c, b),
    "bits": _bits,
    "from_bits": _from_bits,
    "to_int": _to_int,
    "to_float": _to_float,
}


@dataclass
class _Call:
    """What one call works on."""

    x: Tensor
    y: Tensor
    shape: tuple[int, ...]
    knobs: Mapping[str, float | Tensor]
    pixel: float
    buffers: Mapping[str, Array]
    planes: Mapping[str, Array]
    weights: Mapping[str, Array]
    exact: bool
    run_network: NetworkRunner | None
    values: dict[Expr, Any]

    def tensor(self, value: object, dtype: str = "float32") -> Tensor:
        """Return a number, an array or a tensor as a tensor of this type beside the points."""
        import torch

        if isinstance(value, np.ndarray):
            if dtype == "int32" and value.dtype == np.uint32:
                value = value.view(np.int32)
            value = torch.from_numpy(np.array(value, dtype=dtype))  # a copy may be written to
        kind = getattr(torch, dtype)
        if isinstance(value, (int, float)) and self.x.device.type != "cpu":
            # Filled in on the device: a number copied to it would wait for all work before.
            return torch.full((), value, dtype=kind, device=self.x.device)
        return torch.as_tensor(value, dtype=kind, device=self.x.device)

    def named(self, what: str, among: Mapping[str, Any], name: str) -> Any:
        """Look up an input by name."""
        try:
            return among[name]
        except KeyError:
            text = f"the program needs the {what} {name!r}: pass it by that name"
            raise ValueError(text) from None


class TensorProgram:
    """A program that runs on torch tensors.

    Parameters
    ----------
    program : Program

    Raises
    ------
    RuntimeError
        If torch is not installed.
    """

    def __init__(self, program: Program) -> None:
        try:
            import torch  # noqa: F401
        except ImportError:
            raise RuntimeError(
                'torch is missing: run scripts/setup neural, or pip install "torch==2.13.*"'
            ) from None
        self.program = program
        self._order = order([e for _, e in program.outputs])
        self._outputs = {name: self._order.of(e) for name, e in program.outputs}
        nodes = [n for scope in (FRAME, ROW, PIXEL) for n in self._order.nodes.get(scope, [])]
        self._main = block(self._order, nodes, self._outputs.values())
        self._bodies: dict[int, Block] = {}
        for index, loop in self._order.loops.items():
            test, rest = until_first(self._order, loop)
            ends = [
                self._order.of(e)
                for e in (*loop.step, *(() if loop.until is None else (loop.until,)))
            ]
            self._bodies[index] = block(self._order, [*test, *rest], ends, len(test))

    def __call__(
        self,
        x: Tensor,
        y: Tensor,
        knobs: Mapping[str, float | Tensor],
        *,
        pixel: float,
        buffers: Mapping[str, Array] = _EMPTY,
        planes: Mapping[str, Array] = _EMPTY,
        weights: Mapping[str, Array] = _EMPTY,
        exact: bool = False,
        run_network: NetworkRunner | None = None,
    ) -> dict[str, Tensor]:
        """Return every output at the points (x, y).

        Parameters
        ----------
        x, y : Tensor
            Positions; shapes that broadcast, such as ``[1, width]`` and ``[height, 1]``. Where `x`
            lies is where the work is done.
        knobs : mapping of str to float or Tensor
            Tensors may require gradients.
        pixel : float
            Size of a pixel.
        buffers : mapping of str to Tensor or array ``[rows, columns]``
            float32, or int32 (arrays may be uint32) where the program fetches packed words.
        planes : mapping of str to Tensor or array
            ``[height, width]`` like the points, or a whole multiple of it; beyond the edge the
            edge's values continue.
        weights : mapping of str to Tensor or array ``[size]``
            Weights of each network, flat as :class:`~afx.field.network.Network` says.
        exact : bool
            Sum a network's products one input after the other, starting at the bias, as the other
            targets do, and not by matrix products: the same bits, a lot slower.
        run_network : callable, optional
            ``run_network(network, weights, inputs) -> [outputs, *points]`` evaluates networks in
            place of this module's own matrix products. Inputs without axes are the same for the
            whole frame.

        Returns
        -------
        dict of str to Tensor
            Each output over all points: float32, int32 or bool.

        Raises
        ------
        ValueError
            If a knob, buffer, plane or network has no value.

        Notes
        -----
        Gradients flow through everything but integers, truth values and ``floor``; which points a
        loop has left is not differentiated.
        """
        import torch

        x, y = x.to(torch.float32), y.to(device=x.device, dtype=torch.float32)
        shape = np.broadcast_shapes(x.shape, y.shape)
        call = _Call(x, y, shape, knobs, pixel, buffers, planes, weights, exact, run_network, {})
        self._run(call, self._main.nodes, self._main.drops, None)
        results = {}
        for name, node in self._outputs.items():
            value = call.values[node]
            results[name] = value.expand(np.broadcast_shapes(value.shape, shape))
        return results

    def _run(
        self,
        call: _Call,
        nodes: Sequence[Expr],
        drops: Sequence[Sequence[Expr]],
        active: Tensor | None,
    ) -> None:
        values = call.values
        for node, dead in zip(nodes, drops, strict=True):
            elementwise = _ELEMENTWISE.get(node.op)
            if elementwise is not None:
                values[node] = elementwise(*(values[a] for a in node.args))
            elif node.op == "loop":
                values[node] = self._loop(call, node.data, active)
            else:
                values[node] = _special(call, node, self._order)
            for old in dead:
                del values[old]

    def _loop(self, call: _Call, loop: Loop, outer: Tensor | None) -> tuple[Tensor, ...]:
        values, of = call.values, self._order.of
        body = self._bodies[loop.index]
        state = [values[of(e)] for e in loop.start]
        names = [of(v) for v in loop.variables]
        active = outer
        for _ in range(loop.count):
            values.update(zip(names, state, strict=True))
            self._run(call, body.nodes[: body.test], body.drops[: body.test], active)
            if loop.until is not None:
                active = ~values[of(loop.until)]
                if outer is not None:
                    active = active & outer
                if not bool(active.any()):
                    break
            self._run(call, body.nodes[body.test :], body.drops[body.test :], active)
            after = [values[of(e)] for e in loop.step]
            if loop.until is None:
                state = after
            else:
                state = [a.where(active, s) for a, s in zip(after, state, strict=True)]
        for node in (*body.nodes, *names):
            values.pop(node, None)
        return tuple(state)


def _special(call: _Call, node: Expr, ordered: Order) -> Any:
    """Carry out what is not elementwise: leaves, shifts, memory, networks."""
    values, op, data = call.values, node.op, node.data
    if op == "const":
        kind = {"f": "float32", "i": "int32", "b": "bool"}[node.type]
        return call.tensor(node.value(), kind)
    if op == "knob":
        return call.tensor(call.named("knob", call.knobs, data))
    if op == "x":
        return call.x
    if op == "y":
        return call.y
    if op == "pixel":
        return call.tensor(call.pixel)
    if op == "shl":
        return values[node.args[0]] << data
    if op == "shr":
        return _shift_right(values[node.args[0]], data)
    if op in ("state", "activation"):
        return values[node.args[0]][data]
    if op == "network":
        inputs = [values[a] for a in node.args]
        if call.run_network is not None:
            weights = call.named("weights of network", call.weights, data.name)
            return call.run_network(data, weights, inputs)
        same = [ordered.scope[a] == FRAME for a in node.args]
        return _network(call, data, inputs, same)
    if op == "fetch":
        kind = "float32" if data.type == "f" else "int32"
        array = call.tensor(call.named("buffer", call.buffers, data.name), kind)
        column, row = (values[a].long() for a in node.args)
        return array[row.clamp(0, array.shape[0] - 1), column.clamp(0, array.shape[1] - 1)]
    if op == "size":
        buffer, axis = data
        array = call.named("buffer", call.buffers, buffer.name)
        return call.tensor(float(array.shape[1 - axis]))
    if op == "plane":
        return _plane(call, *data)
    raise NotImplementedError(f"the torch target has no operation {op!r}")


def _plane(call: _Call, name: str, dx: int, dy: int, step: int) -> Tensor:
    import torch

    held = call.tensor(call.named("plane", call.planes, name))
    rows = torch.arange(call.shape[-2], device=held.device) * step + dy
    columns = torch.arange(call.shape[-1], device=held.device) * step + dx
    rows, columns = rows.clamp(0, held.shape[-2] - 1), columns.clamp(0, held.shape[-1] - 1)
    return held[..., rows[:, None], columns]


def _network(
    call: _Call, network: Network, inputs: Sequence[Tensor], same: Sequence[bool]
) -> Tensor:
    """Return ``[outputs, *points]``."""
    import torch

    shape = np.broadcast_shapes(*(value.shape for value in inputs))
    h = torch.stack([value.expand(shape).reshape(-1) for value in inputs])
    film = _film(inputs[network.inputs - network.film :], shape)
    flat = call.tensor(call.named("weights of network", call.weights, network.name))
    # split() slices and reshapes only, which tensors do as arrays do.
    layers = cast("list[tuple[Tensor, Tensor]]", network.split(cast(Any, flat)))
    orders = network.columns(same)
    for number, (layer, (matrix, bias)) in enumerate(zip(network.layers, layers, strict=True)):
        own = layer.inputs - (network.film if number else 0)
        if call.exact:
            total = bias[:, None]
            for k in orders[number]:
                total = total + matrix[:, k, None] * (h[k] if k < own else film[k - own])
        else:
            start = bias[:, None]
            if own < layer.inputs:
                start = start + matrix[:, own:] @ film
            total = torch.addmm(start, matrix[:, :own], h)
        parts, at = [], 0
        for name, count in layer.activations:
            rows = total[at : at + count]
            parts.append(_activation(name)(rows, rows, {}, pixel=0.0)["value"])
            at += count
        h = torch.cat(parts) if len(parts) > 1 else parts[0]
    return h.reshape(-1, *shape)


def _film(inputs: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return the film inputs [film, points], or [film, 1] where they are plain numbers."""
    import torch

    if not inputs:
        return torch.empty(0)
    numbers = all(value.dim() == 0 for value in inputs)
    return torch.stack([value.expand(() if numbers else shape).reshape(-1) for value in inputs])


@functools.cache
def _activation(name: str) -> TensorProgram:
    return TensorProgram(Program((("value", ACTIVATIONS[name](Expr("x", "f"))),), ()))
