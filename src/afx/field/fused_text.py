"""Expressions as program text for graphics cards: Triton's language, and torch's for its compiler.

One writer puts a graph's nodes down, a line for each, in the graph's order, so that a card computes
the functions that the other targets compute; only products and sums may be fused, as on the CPU.
"""

from __future__ import annotations

import linecache
import sys
import threading
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from afx.field.expr import Expr
from afx.field.graph import FRAME, PIXEL, ROW, Order, order
from afx.field.network import ACTIVATIONS
from afx.field.plan import until_first
from afx.field.program import Loop

_SHARED = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "neg": "-{0}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "eq": "{0} == {1}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "shl": "{0} << {data}",
}

TRITON = _SHARED | {
    "div": "tl.div_rn({0}, {1})",
    "min": "tl.where({0} < {1}, {0}, {1})",
    "max": "tl.where({0} > {1}, {0}, {1})",
    "abs": "tl.abs({0})",
    "floor": "tl.floor({0})",
    "sqrt": "tl.sqrt_rn({0})",
    "select": "tl.where({0}, {1}, {2})",
    "bits": "{0}.to(tl.int32, bitcast=True)",
    "from_bits": "{0}.to(tl.float32, bitcast=True)",
    "to_int": "{0}.to(tl.int32)",
    "to_float": "{0}.to(tl.float32)",
    "shr": "({0}.to(tl.uint32, bitcast=True) >> {data}).to(tl.int32, bitcast=True)",
}
"""How Triton writes each operation; ``data`` is a shift's number of bits."""

TORCH = _SHARED | {
    "div": "{0} / {1}",
    "min": "torch.where({0} < {1}, {0}, {1})",
    "max": "torch.where({0} > {1}, {0}, {1})",
    "abs": "torch.abs({0})",
    "floor": "torch.floor({0})",
    "sqrt": "torch.sqrt({0})",
    "select": "torch.where({0}, {1}, {2})",
    "bits": "{0}.view(torch.int32)",
    "from_bits": "{0}.view(torch.float32)",
    "to_int": "{0}.to(torch.int32)",
    "to_float": "{0}.to(torch.float32)",
    "shr": "({0} >> {data}) & ((1 << (32 - {data})) - 1)",
}
"""The same for torch, whose shifts bring in copies of the sign."""

_TYPES = {"f": "tl.float32", "i": "tl.int32", "b": "tl.int1"}


def triton_constant(node: Expr) -> str:
    """Return a constant's text; by its bits where no decimal says it."""
    value = node.value()
    if node.type != "f":
        return f"tl.full((), {int(value)}, {_TYPES[node.type]})"
    number = float(value)
    if not np.isfinite(number) or (number == 0.0 and node.data != 0):
        bits = int(np.uint32(node.data).view(np.int32))
        return f"tl.full((), {bits}, tl.int32).to(tl.float32, bitcast=True)"
    return f"tl.full((), {number!r}, tl.float32)"


def torch_constant(node: Expr) -> str:
    """Return a constant's text: a number, which torch takes at its tensor's precision."""
    value = node.value()
    if node.type == "f" and not np.isfinite(float(value)):
        return f"float('{value}')"
    return repr(value)


class Writer:
    """Writes the statements of one function.

    Parameters
    ----------
    ordered : Order
    formats : mapping of str to str
        `TRITON` or `TORCH`.
    constant : callable
        Text of a constant.
    leaf : callable, optional
        ``leaf(node, names of its arguments)`` gives the text of everything else: points, knobs,
        memory.
    depth : int
        Indentation.
    """

    def __init__(
        self,
        ordered: Order,
        formats: Mapping[str, str],
        constant: Callable[[Expr], str],
        leaf: Callable[[Expr, list[str]], str] | None = None,
        depth: int = 1,
    ) -> None:
        self.order, self.formats, self.constant, self.leaf = ordered, formats, constant, leaf
        self.depth = depth
        self.lines: list[str] = []
        self.names: dict[Expr, str] = {}
        self._states: dict[Expr, list[str]] = {}
        self._outer = ""  # which pixels are still in the loop around this one
        self._count = 0

    def fresh(self, stem: str) -> str:
        """Return a name that is not taken yet."""
        self._count += 1
        return f"{stem}{self._count}"

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + text)

    def name(self, node: Expr) -> str:
        """Return the name of a node's value."""
        return self.names[self.order.of(node)]

    def everything(self) -> None:
        """Write all that does not belong to a loop."""
        for scope in (FRAME, ROW, PIXEL):
            self.write(self.order.nodes.get(scope, []))

    def write(self, nodes: Iterable[Expr]) -> None:
        """Write statements for `nodes`, which are in order and of one scope."""
        for node in nodes:
            if node.op == "loop":
                self._loop(node)
            elif node.op == "state":
                self.names[node] = self._states[node.args[0]][node.data]
            elif node not in self.names:
                self.names[node] = name = self.fresh("v")
                self.line(f"{name} = {self._value(node)}")

    def _value(self, node: Expr) -> str:
        arguments = [self.names[a] for a in node.args] if node.op != "activation" else []
        if node.op == "const":
            return self.constant(node)
        if node.op == "shr" and node.data == 0:
            return arguments[0]
        if node.op in self.formats:
            return self.formats[node.op].format(*arguments, data=node.data)
        if self.leaf is None:
            raise NotImplementedError(f"no text for {node.op!r} here")
        return self.leaf(node, arguments)

    def _loop(self, node: Expr) -> None:
        """Write a loop of Triton: each pixel keeps its state once its ``until`` holds."""
        loop: Loop = node.data
        state = [self.fresh("s") for _ in loop.start]
        for name, start in zip(state, loop.start, strict=True):
            self.line(f"{name} = tl.broadcast_to({self.name(start)}, (BLOCK,))")
        self.names.update((self.order.of(v), s) for v, s in zip(loop.variables, state, strict=True))
        step, going = self.fresh("i"), self.fresh("g")
        test, rest = until_first(self.order, loop)
        if loop.until is None:
            self.line(f"for {step} in range(0, {loop.count}):")
            self.depth += 1
            self.write(rest)
            self._advance(state, [self.name(e) for e in loop.step], None)
            self.depth -= 1
            self._states[node] = state
            return
        active = self.fresh("a")
        self.line(f"{step} = tl.full((), 0, tl.int32)")
        self.line(f"{going} = tl.full((), 1, tl.int32)")
        self.line(f"while {going} > 0:")
        self.depth += 1
        self.write(test)
        outer = f" & {self._outer}" if self._outer else ""
        self.line(f"{active} = (tl.broadcast_to({self.name(loop.until)}, (BLOCK,)) == 0){outer}")
        around, self._outer = self._outer, active
        self.write(rest)
        self._outer = around
        self._advance(state, [self.name(e) for e in loop.step], active)
        self.line(f"{step} = {step} + 1")
        some = f"tl.max({active}.to(tl.int32), axis=0)"
        self.line(f"{going} = {some} * ({step} < {loop.count}).to(tl.int32)")
        self.depth -= 1
        self._states[node] = state

    def _advance(self, state: list[str], after: list[str], active: str | None) -> None:
        """Change all of the state at once."""
        put_by = []
        for name, new in zip(state, after, strict=True):
            kept = self.fresh("n")
            whole = f"tl.broadcast_to({new}, (BLOCK,))"
            self.line(
                f"{kept} = {whole}" if active is None else
                f"{kept} = tl.where({active}, {whole}, {name})"
            )  # fmt: skip
            put_by.append(kept)
        for name, kept in zip(state, put_by, strict=True):
            self.line(f"{name} = {kept}")


def activation_text(name: str, *, torch: bool = False) -> str:
    """Return a function ``act_<name>(x)`` as text: Triton's, or torch's."""
    value = ACTIVATIONS[name](Expr("x", "f"))
    ordered = order([value])
    formats, constant = (TORCH, torch_constant) if torch else (TRITON, triton_constant)
    writer = Writer(ordered, formats, constant, lambda node, _: node.op)
    for node in ordered.all():
        if node.op == "x":
            writer.names[node] = "x"
    writer.everything()
    head = "" if torch else "@triton.jit\n"
    body = "\n".join([*writer.lines, f"    return {writer.name(value)}"])
    return f"{head}def act_{name}(x):\n{body}\n"


_made: dict[str, dict[str, Any]] = {}
_lock = threading.Lock()


def functions(text: str, imports: Sequence[str]) -> Mapping[str, Any]:
    """Return what program text defines; the same text is carried out once.

    Triton and torch's compiler read a function's source again, so it is kept where Python looks
    for the lines of a file.
    """
    with _lock:
        if text not in _made:
            head = "".join(f"{line}\n" for line in imports)
            source, file = head + text, f"<afx field {len(_made)}>"
            linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
            # The compiler also looks functions' modules up by their names.
            module = types.ModuleType(f"afx.field.text_{len(_made)}")
            sys.modules[module.__name__] = module
            exec(compile(source, file, "exec"), module.__dict__)
            _made[text] = module.__dict__
        return _made[text]


LAUNCH = threading.RLock()
"""Held while a kernel is launched: two threads that need the same one compile it once."""

TRITON_IMPORTS = ("import triton", "import triton.language as tl")
