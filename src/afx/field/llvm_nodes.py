"""Nodes of the graph as LLVM instructions on vectors.

:class:`Instructions` turns the nodes of a scope into text: arithmetic, choices, memory, and loops
whose state is a whole vector and that end when none of its pixels is active. What surrounds them
(the function, its rows and tiles) is the work of ``llvm``.

No fast-math flag is used. Where a product and a sum become one fused operation is decided here, by
rule, so that the same pixels come out of every vector width and every machine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from afx.field.expr import Expr, TraceError
from afx.field.graph import PIXEL, Order, order
from afx.field.program import Loop

UNROLL = 4
"""Steps of a loop between two questions whether any pixel is still active."""

_TYPES = {"f": "float", "i": "i32", "b": "i1"}
_BINARY = {
    ("add", "f"): "fadd", ("sub", "f"): "fsub", ("mul", "f"): "fmul", ("div", "f"): "fdiv",
    ("add", "i"): "add", ("sub", "i"): "sub", ("mul", "i"): "mul",
    ("and", "i"): "and", ("or", "i"): "or", ("xor", "i"): "xor",
    ("and", "b"): "and", ("or", "b"): "or", ("xor", "b"): "xor",
    ("shl", "i"): "shl", ("shr", "i"): "lshr",
}  # fmt: skip
_COMPARE = {
    ("lt", "f"): "fcmp olt", ("le", "f"): "fcmp ole", ("eq", "f"): "fcmp oeq",
    ("lt", "i"): "icmp slt", ("le", "i"): "icmp sle", ("eq", "i"): "icmp eq",
    ("eq", "b"): "icmp eq",
}  # fmt: skip


def float_literal(value: float) -> str:
    """Return a float32 constant as IR wants it: the bits of the equal double."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def loop_parts(loop: Loop) -> tuple[Expr, ...]:
    """Return every expression that a loop takes, in one tuple."""
    return loop.start + loop.step + (() if loop.until is None else (loop.until,))


class Instructions:
    """Text of instructions for the nodes of one graph.

    Parameters
    ----------
    outputs : sequence of Expr
        What is to be computed.
    lanes : int
        Pixels a vector.
    fma : bool
        Fuse products and sums.
    """

    def __init__(self, outputs: Sequence[Expr], lanes: int, fma: bool) -> None:
        self.n = lanes
        self.fma = fma
        self.lines: list[str] = []
        self.count = 0
        self.block = "entry"
        self.scalar: dict[Expr, str] = {}
        self.vector: dict[Expr, str] = {}
        self.loop_results: dict[Expr, list[str]] = {}
        self.order: Order = order(outputs)
        self.fused = self._find_fused() if fma else {}
        self.absorbed = {product for product, _ in self.fused.values()}
        self.wanted_as_vector = self._find_wanted(outputs)

    def _find_fused(self) -> dict[Expr, tuple[Expr, int]]:
        """Find sums that take a product of their own: node → (the product, its position)."""
        found: dict[Expr, tuple[Expr, int]] = {}
        for nodes in self.order.nodes.values():
            for node in nodes:
                if node.op not in ("add", "sub") or node.type != "f":
                    continue
                for position, arg in enumerate(node.args):
                    product = self.order.of(arg)
                    if (
                        product.op == "mul"
                        and self.order.uses[product] == 1
                        and self.order.scope[product] == self.order.scope[node]
                    ):
                        found[node] = (product, position)
                        break
        return found

    def _find_wanted(self, outputs: Sequence[Expr]) -> set[Expr]:
        """Frame and row values that some vector operation takes."""
        wanted = {self.order.of(e) for e in outputs}
        for scope, nodes in self.order.nodes.items():
            if scope < PIXEL:
                continue
            for node in nodes:
                wanted.update(self.order.of(a) for a in node.args)
                if node.op == "loop":
                    wanted.update(self.order.of(a) for a in loop_parts(node.data))
        return wanted

    # ------------------------------------------------------------ text

    def put(self, text: str) -> str:
        """Add ``%vN = text`` and return ``%vN``."""
        name = f"%v{self.count}"
        self.count += 1
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def fresh(self, stem: str) -> str:
        """Return a name that was not used before."""
        self.count += 1
        return f"{stem}{self.count}"

    def kind(self, node: Expr, vector: bool) -> str:
        """Return the IR type of a node's value."""
        base = _TYPES[node.type]
        return f"<{self.n} x {base}>" if vector else base

    def constant(self, node: Expr, vector: bool) -> str:
        """Return a constant as an operand."""
        if node.type == "f":
            literal = float_literal(struct.unpack("<f", struct.pack("<I", node.data))[0])
        elif node.type == "b":
            literal = "true" if node.data else "false"
        else:
            literal = str(node.data)
        return f"splat ({_TYPES[node.type]} {literal})" if vector else literal

    def get(self, node: Expr, vector: bool) -> str:
        """Return a node's value as an operand."""
        node = self.order.of(node)
        if node.op == "const":
            return self.constant(node, vector)
        return (self.vector if vector else self.scalar)[node]

    def splat(self, value: str, kind: str) -> str:
        """Emit a vector with one value in all lanes."""
        one = self.put(f"insertelement <{self.n} x {kind}> poison, {kind} {value}, i64 0")
        return self.put(
            f"shufflevector <{self.n} x {kind}> {one}, <{self.n} x {kind}> poison,"
            f" <{self.n} x i32> zeroinitializer"
        )

    # ------------------------------------------------------------ nodes

    def node(self, node: Expr, vector: bool) -> None:
        """Emit one node (not a loop) at the current place."""
        if node.op == "const":
            return
        store = self.vector if vector else self.scalar
        store[node] = self._value(node, vector)
        if not vector and node in self.wanted_as_vector:
            self.vector[node] = self.splat(self.scalar[node], _TYPES[node.type])

    def _value(self, node: Expr, vector: bool) -> str:
        kind = self.kind(node, vector)
        op = node.op
        if node in self.fused:
            return self._fused(node, vector)
        if op == "activation":
            return self.leaf(node, [])
        args = [self.get(a, vector) for a in node.args]
        first = self.order.of(node.args[0]).type if node.args else "f"
        if (op, node.type) in _BINARY:
            if op in ("shl", "shr"):
                bits = f"splat (i32 {node.data})" if vector else str(node.data)
                return self.put(f"{_BINARY[op, node.type]} {kind} {args[0]}, {bits}")
            return self.put(f"{_BINARY[op, node.type]} {kind} {args[0]}, {args[1]}")
        argument_kind = f"<{self.n} x {_TYPES[first]}>" if vector else _TYPES[first]
        if op in ("lt", "le", "eq"):
            return self.put(f"{_COMPARE[op, first]} {argument_kind} {args[0]}, {args[1]}")
        if op in ("min", "max"):
            test = ("fcmp olt", "fcmp ogt") if node.type == "f" else ("icmp slt", "icmp sgt")
            c = self.put(f"{test[op == 'max']} {kind} {args[0]}, {args[1]}")
            return self.choose(c, kind, args[0], args[1], vector)
        if op == "select":
            return self.choose(args[0], kind, args[1], args[2], vector)
        if op == "neg":
            return self.put(f"fneg {kind} {args[0]}")
        if op in ("abs", "floor", "sqrt"):
            name = {"abs": "fabs"}.get(op, op)
            suffix = f"v{self.n}f32" if vector else "f32"
            return self.put(f"call {kind} @llvm.{name}.{suffix}({kind} {args[0]})")
        if op == "to_int":
            raw = self.put(f"fptosi {argument_kind} {args[0]} to {kind}")
            return self.put(f"freeze {kind} {raw}")
        if op == "to_float":
            return self.put(f"sitofp {argument_kind} {args[0]} to {kind}")
        if op in ("bits", "from_bits"):
            return self.put(f"bitcast {argument_kind} {args[0]} to {kind}")
        return self.leaf(node, args)

    def choose(self, c: str, kind: str, a: str, b: str, vector: bool) -> str:
        """Emit a select."""
        condition = f"<{self.n} x i1>" if vector else "i1"
        return self.put(f"select {condition} {c}, {kind} {a}, {kind} {b}")

    def _fused(self, node: Expr, vector: bool) -> str:
        product, position = self.fused[node]
        kind = self.kind(node, vector)
        a, b = (self.get(x, vector) for x in product.args)
        other = self.get(node.args[1 - position], vector)
        if node.op == "sub" and position == 0:
            other = self.put(f"fneg {kind} {other}")
        elif node.op == "sub":
            a = self.put(f"fneg {kind} {a}")
        suffix = f"v{self.n}f32" if vector else "f32"
        return self.put(f"call {kind} @llvm.fma.{suffix}({kind} {a}, {kind} {b}, {kind} {other})")

    def leaf(self, node: Expr, args: list[str]) -> str:
        """Emit a node that reads from outside the graph; what is known depends on the function."""
        raise TraceError(f"{node.op!r} has no place here ({len(args)} arguments)")

    # ------------------------------------------------------------ scopes

    def scope(self, nodes: Sequence[Expr], needed: set[Expr] | None = None) -> None:
        """Emit the vector nodes of a scope that are not there yet."""
        for node in nodes:
            if node in self.vector or node in self.absorbed or node.op in ("network", "variable"):
                continue
            if needed is not None and node not in needed:
                continue
            if node.op == "loop":
                self.loop(node)
            elif node.op == "state":
                self.vector[node] = self.loop_results[self.order.of(node.args[0])][node.data]
            else:
                self.node(node, vector=True)

    def loop(self, node: Expr) -> None:
        """Emit a loop over a vector's state, unrolled, left when no pixel is active."""
        loop: Loop = node.data
        nodes = self.order.nodes.get(loop.index, [])
        state = [self.get(s, vector=True) for s in loop.start]
        kinds = [self.kind(self.order.of(s), vector=True) for s in loop.start]
        for _ in range(loop.count % UNROLL):
            state = self._step(loop, nodes, state, kinds)
        rounds = loop.count // UNROLL
        if rounds:
            state = self._rounds(loop, nodes, state, kinds, rounds)
        self.loop_results[node] = state
        self.vector[node] = "done"  # so that it is not run again in this step

    def _rounds(
        self, loop: Loop, nodes: list[Expr], state: list[str], kinds: list[str], rounds: int
    ) -> list[str]:
        before, head = self.block, self.fresh("loop")
        body, done = self.fresh("body"), self.fresh("done")
        self.do(f"br label %{head}")
        self.label(head)
        names = [self.fresh("%s") for _ in state]
        counter = self.fresh("%i")
        hole = len(self.lines)
        self.lines.append("")
        self._bind(loop, nodes, names)
        go = self.put(f"icmp ult i32 {counter}, {rounds}")
        if loop.until is not None:
            self.scope(nodes, self.reach([loop.until], loop.index))
            stop = self.get(loop.until, vector=True)
            active = self.put(f"xor <{self.n} x i1> {stop}, splat (i1 true)")
            word = self.put(f"bitcast <{self.n} x i1> {active} to i{self.n}")
            some = self.put(f"icmp ne i{self.n} {word}, 0")
            go = self.put(f"and i1 {go}, {some}")
        self.do(f"br i1 {go}, label %{body}, label %{done}")
        self.label(body)
        after = self._step(loop, nodes, names, kinds, bound=True)
        for _ in range(UNROLL - 1):
            after = self._step(loop, nodes, after, kinds)
        following = self.put(f"add i32 {counter}, 1")
        last = self.block
        self.do(f"br label %{head}")
        phis = [
            f"  {name} = phi {kind} [ {start}, %{before} ], [ {end}, %{last} ]"
            for name, kind, start, end in zip(names, kinds, state, after, strict=True)
        ]
        phis.append(f"  {counter} = phi i32 [ 0, %{before} ], [ {following}, %{last} ]")
        self.lines[hole] = "\n".join(phis)
        self.label(done)
        return names

    def _bind(self, loop: Loop, nodes: list[Expr], state: list[str]) -> None:
        """Forget the values of the last step and name the state's variables."""
        for node in nodes:
            self.vector.pop(node, None)
        for variable, value in zip(loop.variables, state, strict=True):
            self.vector[self.order.of(variable)] = value

    def _step(
        self, loop: Loop, nodes: list[Expr], state: list[str], kinds: list[str], bound: bool = False
    ) -> list[str]:
        if not bound:
            self._bind(loop, nodes, state)
        self.scope(nodes)
        after = [self.get(s, vector=True) for s in loop.step]
        if loop.until is None:
            return after
        stop = self.get(loop.until, vector=True)
        return [
            self.choose(stop, kind, old, new, vector=True)
            for kind, old, new in zip(kinds, state, after, strict=True)
        ]

    def reach(self, targets: Iterable[Expr], scope: int) -> set[Expr]:
        """Return the nodes at or below `scope` that `targets` need; networks' outputs are given."""
        found: set[Expr] = set()
        stack = [self.order.of(t) for t in targets]
        while stack:
            node = stack.pop()
            if node in found or self.order.scope[node] < scope:
                continue
            found.add(node)
            if node.op == "activation":
                continue
            stack.extend(self.order.of(a) for a in node.args)
            if node.op == "loop":
                stack.extend(self.order.of(a) for a in loop_parts(node.data))
        return found
