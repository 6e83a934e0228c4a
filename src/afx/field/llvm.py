"""CPU target: a traced program as an LLVM function that fills a block of rows.

Work is placed where it belongs: what only depends on knobs is done once a call, what depends on
``y`` once a row, the rest for vectors of pixels. With a network, a row is cut into tiles of 64
pixels: what feeds the network, the network, what is made of it.

The text is deterministic, so it is also the key under which ``jit`` keeps compiled code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afx.field.expr import Expr, TraceError
from afx.field.graph import FRAME, PIXEL, ROW
from afx.field.llvm_dense import TILE
from afx.field.llvm_network import (
    declare_scratch,
    network_functions,
    scratch_floats,
    shared_functions,
)
from afx.field.llvm_nodes import Instructions, float_literal
from afx.field.network import Network
from afx.field.program import Buffer, Program

_HEAD = """%plane = type { ptr, i64 }
%buffer = type { ptr, i64, i64 }

define void @kernel(ptr %knobs, ptr %planes_in, ptr %planes_out, ptr %buffers, ptr %weights,\
 ptr %scratch, ptr %geometry, i64 %row0, i64 %row1, i64 %column0, i64 %columns) #0 {
entry:
"""


@dataclass(frozen=True)
class Module:
    """IR text and the order in which its function takes things.

    Attributes
    ----------
    text : str
        The module; its function is called ``kernel``.
    knobs, planes, buffers, outputs : tuple of str
        Names, in the order of the entries of the corresponding argument.
    networks : tuple of Network
        In the order of their weights.
    lanes, tile : int
        Pixels of a vector; a row is filled in multiples of `tile` pixels.
    scratch : int
        Floats of working memory that one call needs.
    """

    text: str
    knobs: tuple[str, ...]
    planes: tuple[str, ...]
    buffers: tuple[str, ...]
    outputs: tuple[str, ...]
    networks: tuple[Network, ...]
    lanes: int
    tile: int
    scratch: int


def emit(
    program: Program,
    *,
    width: int = 512,
    fma: bool = True,
    byte_outputs: Sequence[str] = (),
) -> Module:
    """Write a program as IR.

    Parameters
    ----------
    program : Program
    width : int
        Bits of the hardware's vectors; twice as many are computed together.
    fma : bool
        Fuse products and sums. Off for comparisons with targets that cannot.
    byte_outputs : sequence of str
        Outputs stored as unsigned bytes (held to 0..255, then truncated); others as float32.
    """
    return _Kernel(program, width, fma, frozenset(byte_outputs)).module()


class _Kernel(Instructions):
    """The text of one kernel; used once."""

    def __init__(self, program: Program, width: int, fma: bool, bytes_: frozenset[str]) -> None:
        super().__init__([e for _, e in program.outputs], lanes=width // 32 * 2, fma=fma)
        self.program = program
        self.width = width
        self.bytes = bytes_
        self.outputs = [(name, self.order.of(e)) for name, e in program.outputs]
        for name, e in program.outputs:
            if e.type != "f":
                raise TraceError(
                    f"output {name!r} must be a float: convert with to_float or select"
                )
        self.networks = [n for n in self.order.nodes.get(PIXEL, []) if n.op == "network"]
        self.network_index = {node: index for index, node in enumerate(self.networks)}
        self.tile = TILE if self.networks else self.n
        planes: set[str] = set()
        buffers: set[str] = set()
        for node in self.order.all():
            if node.op == "plane":
                planes.add(node.data[0])
            elif node.op == "fetch":
                buffers.add(node.data.name)
            elif node.op == "size":
                buffers.add(node.data[0].name)
            elif node.op == "network":
                self._check_network(node)
        self.planes = tuple(sorted(planes))
        self.buffers = tuple(sorted(buffers))
        self.functions: list[str] = []
        self.row_float = ""
        self.column = ""
        self.within = "0"

    def _check_network(self, node: Expr) -> None:
        if self.order.scope[node] != PIXEL:
            raise TraceError("a network cannot be evaluated inside iterate")
        network: Network = node.data
        for arg in node.args[network.inputs - network.film :]:
            if self.order.scope[self.order.of(arg)] != FRAME:
                raise TraceError(
                    f"a film input of network {network.name!r} differs from pixel to pixel: give it"
                    " knobs and numbers only"
                )

    # ------------------------------------------------------------ reading from outside

    def leaf(self, node: Expr, args: list[str]) -> str:
        op = node.op
        if op == "knob":
            index = self.program.knobs.index(node.data)
            at = self.put(f"getelementptr inbounds float, ptr %knobs, i64 {index}")
            return self.put(f"load float, ptr {at}, align 4")
        if op == "pixel":
            at = self.put("getelementptr inbounds float, ptr %geometry, i64 4")
            return self.put(f"load float, ptr {at}, align 4")
        if op == "y":
            return self._coordinate(self.row_float, "%y0", "%dy", vector=False)
        if op == "x":
            return self._coordinate(self._column_float(), "%x0v", "%dxv", vector=True)
        if op == "size":
            buffer, axis = node.data
            size = f"%size{axis}_{self.buffers.index(buffer.name)}"
            return self.put(f"sitofp i64 {size} to float")
        if op == "plane":
            return self._plane(*node.data)
        if op == "fetch":
            return self._fetch(node.data, args)
        if op == "activation":
            index = self.network_index[self.order.of(node.args[0])]
            at = self.put(f"add i64 {self.within}, {node.data * TILE}")
            pointer = self.put(f"getelementptr float, ptr %net_out{index}, i64 {at}")
            return self.put(f"load <{self.n} x float>, ptr {pointer}, align 4")
        raise TraceError(f"the CPU target does not know {op!r}")

    def _coordinate(self, position: str, origin: str, step: str, vector: bool) -> str:
        kind = f"<{self.n} x float>" if vector else "float"
        scaled = self.put(f"fmul {kind} {position}, {step}")
        return self.put(f"fadd {kind} {scaled}, {origin}")

    def _column_float(self) -> str:
        first = self.put(f"sitofp i64 {self.column} to float")
        half = self.put(f"fadd float {first}, {float_literal(0.5)}")
        iota = ", ".join(f"float {float_literal(i)}" for i in range(self.n))
        return self.put(f"fadd <{self.n} x float> {self.splat(half, 'float')}, <{iota}>")

    def _plane(self, name: str, dx: int, dy: int, step: int) -> str:
        index = self.planes.index(name)
        row, column = "%row", self.column
        if step == 2:
            row = self.put(f"shl i64 {row}, 1")
            column = self.put(f"shl i64 {column}, 1")
        if dy:
            row = self.put(f"add i64 {row}, {dy}")
        low = dx % 2 if step == 2 else 0
        if dx - low:
            column = self.put(f"add i64 {column}, {dx - low}")
        start = self.put(f"mul i64 {row}, %stride_in{index}")
        at = self.put(f"add i64 {start}, {column}")
        pointer = self.put(f"getelementptr float, ptr %plane_in{index}, i64 {at}")
        if step == 1:
            return self.put(f"load <{self.n} x float>, ptr {pointer}, align 4")
        both = self.put(f"load <{2 * self.n} x float>, ptr {pointer}, align 4")
        chosen = ", ".join(f"i32 {2 * i + low}" for i in range(self.n))
        return self.put(
            f"shufflevector <{2 * self.n} x float> {both}, <{2 * self.n} x float> poison,"
            f" <{self.n} x i32> <{chosen}>"
        )

    def _fetch(self, buffer: Buffer, args: list[str]) -> str:
        index = self.buffers.index(buffer.name)
        element, suffix = ("float", "f32") if buffer.type == "f" else ("i32", "i32")
        ints, kind = f"<{self.n} x i32>", f"<{self.n} x {element}>"
        held = []
        for axis, raw in enumerate(args):
            # Out of range is a crash on a CPU, so every index is held inside the array.
            above = self.put(f"icmp sgt {ints} {raw}, zeroinitializer")
            value = self.choose(above, ints, raw, "zeroinitializer", vector=True)
            below = self.put(f"icmp slt {ints} {value}, %last{axis}_{index}")
            held.append(self.choose(below, ints, value, f"%last{axis}_{index}", vector=True))
        start = self.put(f"mul {ints} {held[1]}, %width_{index}")
        at = self.put(f"add {ints} {start}, {held[0]}")
        pointers = self.put(f"getelementptr {element}, ptr %buffer{index}, {ints} {at}")
        return self.put(
            f"call {kind} @llvm.masked.gather.v{self.n}{suffix}.v{self.n}p0(<{self.n} x ptr>"
            f" align 4 {pointers}, <{self.n} x i1> splat (i1 true), {kind} poison)"
        )

    # ------------------------------------------------------------ the function

    def module(self) -> Module:
        """Write everything."""
        scratch = self._prologue()
        for node in self.order.nodes.get(FRAME, []):
            if node not in self.absorbed:
                self.node(node, vector=False)
        for index, node in enumerate(self.networks):
            self._prepare_network(index, node)
        entry = self.block
        self.do("br label %rows")
        self.label("rows")
        self.do(f"%row = phi i64 [ %row0, %{entry} ], [ %row_next, %row_done ]")
        more = self.put("icmp slt i64 %row, %row1")
        self.do(f"br i1 {more}, label %row_body, label %end")
        self.label("row_body")
        position = self.put("sitofp i64 %row to float")
        self.row_float = self.put(f"fadd float {position}, {float_literal(0.5)}")
        for node in self.order.nodes.get(ROW, []):
            if node not in self.absorbed:
                self.node(node, vector=False)
        before = self.block
        self.do("br label %tiles")
        self.label("tiles")
        hole = len(self.lines)
        self.lines.append("")
        more = self.put("icmp slt i64 %tile, %columns")
        self.do(f"br i1 {more}, label %tile_body, label %row_done")
        self.label("tile_body")
        for index, node in enumerate(self.networks):
            self._stage(f"feed{index}", self._pixel_inputs(node), index)
            self.do(
                f"call void @net{index}(ptr %net_weights{index}, ptr %net_bias{index},"
                f" ptr %net_first{index}, ptr %net_in{index}, ptr %net_out{index},"
                f" ptr %net_a{index}, ptr %net_b{index})"
            )
        self._stage("paint", [e for _, e in self.outputs], None)
        following = self.put(f"add i64 %tile, {self.tile}")
        self.lines[hole] = f"  %tile = phi i64 [ 0, %{before} ], [ {following}, %{self.block} ]"
        self.do("br label %tiles")
        self.label("row_done")
        self.do("%row_next = add i64 %row, 1")
        self.do("br label %rows")
        self.label("end")
        self.do("ret void")
        networks = tuple(node.data for node in self.networks)
        if networks:
            self.functions.append(shared_functions(networks, width=self.width, fma=self.fma))
        return Module(
            text=self._text(),
            knobs=self.program.knobs,
            planes=self.planes,
            buffers=self.buffers,
            outputs=tuple(name for name, _ in self.outputs),
            networks=networks,
            lanes=self.n,
            tile=self.tile,
            scratch=scratch,
        )

    def _prologue(self) -> int:
        """Load what a call is given; return the floats of working memory."""
        for index, name in enumerate(("x0", "dx", "y0", "dy")):
            self.do(f"%{name}_p = getelementptr inbounds float, ptr %geometry, i64 {index}")
            self.do(f"%{name} = load float, ptr %{name}_p, align 4")
        for name in ("x0", "dx"):
            self._named_splat(f"{name}v", f"%{name}", "float")
        for index in range(len(self.planes)):
            self._load_plane("%planes_in", "in", index)
        for index in range(len(self.outputs)):
            self._load_plane("%planes_out", "out", index)
        for index in range(len(self.buffers)):
            self._load_buffer(index)
        at = 0
        for index, node in enumerate(self.networks):
            self.lines += declare_scratch(index, node.data, at)
            at += scratch_floats(node.data)
        return at

    def _named_splat(self, name: str, value: str, kind: str) -> None:
        one = self.put(f"insertelement <{self.n} x {kind}> poison, {kind} {value}, i64 0")
        self.do(
            f"%{name} = shufflevector <{self.n} x {kind}> {one}, <{self.n} x {kind}> poison,"
            f" <{self.n} x i32> zeroinitializer"
        )

    def _load_plane(self, base: str, way: str, index: int) -> None:
        name = f"{way}{index}"
        self.do(f"%pp_{name} = getelementptr inbounds %plane, ptr {base}, i64 {index}")
        self.do(f"%plane_{name} = load ptr, ptr %pp_{name}, align 8")
        self.do(f"%ps_{name} = getelementptr inbounds %plane, ptr {base}, i64 {index}, i32 1")
        self.do(f"%stride_{name} = load i64, ptr %ps_{name}, align 8")

    def _load_buffer(self, index: int) -> None:
        self.do(f"%bp{index} = getelementptr inbounds %buffer, ptr %buffers, i64 {index}")
        self.do(f"%buffer{index} = load ptr, ptr %bp{index}, align 8")
        for axis in (0, 1):
            self.do(
                f"%bs{index}_{axis} = getelementptr inbounds %buffer, ptr %buffers, i64 {index},"
                f" i32 {axis + 1}"
            )
            self.do(f"%size{axis}_{index} = load i64, ptr %bs{index}_{axis}, align 8")
            size = self.put(f"trunc i64 %size{axis}_{index} to i32")
            self._named_splat(f"last{axis}_{index}", self.put(f"sub i32 {size}, 1"), "i32")
            if axis == 0:
                self._named_splat(f"width_{index}", size, "i32")

    def _pixel_inputs(self, node: Expr) -> list[Expr]:
        """Return the inputs of a network that differ from pixel to pixel."""
        inputs = [self.order.of(a) for a in node.args]
        return [a for a in inputs if self.order.scope[a] != FRAME]

    def _prepare_network(self, index: int, node: Expr) -> None:
        network: Network = node.data
        kept: list[int] = []
        given: list[int] = []
        for position, arg in enumerate(node.args):
            if self.order.scope[self.order.of(arg)] == FRAME:
                at = self.put(f"getelementptr float, ptr %net_frame{index}, i64 {len(given)}")
                value = self.get(arg, vector=False)
                self.do(f"store float {value}, ptr {at}, align 4")
                given.append(position)
            else:
                kept.append(position)
        self.functions.append(network_functions(index, network, kept, given))
        self.do(
            f"call void @net_prepare{index}(ptr %net_weights{index}, ptr %net_frame{index},"
            f" ptr %net_bias{index}, ptr %net_first{index})"
        )

    def _stage(self, name: str, targets: list[Expr], feeds: int | None) -> None:
        """Emit the vectors of one tile: what feeds network `feeds`, or the outputs."""
        nodes = self.order.nodes.get(PIXEL, [])
        for node in nodes:
            self.vector.pop(node, None)
        many = self.tile > self.n
        before, hole = self.block, 0
        self.within = "0"
        self.column = "%column0"
        if many:
            self.do(f"br label %{name}")
            self.label(name)
            self.within = f"%{name}_at"
            hole = len(self.lines)
            self.lines.append("")
        offset = self.put(f"add i64 %tile, {self.within}")
        self.column = self.put(f"add i64 %column0, {offset}")
        self.scope(nodes, self.reach(targets, FRAME))
        if feeds is None:
            self._store_outputs()
        else:
            for slot, target in enumerate(targets):
                at = self.put(f"add i64 {self.within}, {slot * TILE}")
                pointer = self.put(f"getelementptr float, ptr %net_in{feeds}, i64 {at}")
                value = self.get(target, vector=True)
                self.do(f"store <{self.n} x float> {value}, ptr {pointer}, align 4")
        if many:
            following = f"%{name}_next"
            self.do(f"{following} = add i64 {self.within}, {self.n}")
            more = self.put(f"icmp slt i64 {following}, {self.tile}")
            self.lines[hole] = (
                f"  {self.within} = phi i64 [ 0, %{before} ], [ {following}, %{self.block} ]"
            )
            self.do(f"br i1 {more}, label %{name}, label %{name}_done")
            self.label(f"{name}_done")

    def _store_outputs(self) -> None:
        kind = f"<{self.n} x float>"
        for index, (name, node) in enumerate(self.outputs):
            value = self.get(node, vector=True)
            start = self.put(f"mul i64 %row, %stride_out{index}")
            at = self.put(f"add i64 {start}, {self.column}")
            if name not in self.bytes:
                pointer = self.put(f"getelementptr float, ptr %plane_out{index}, i64 {at}")
                self.do(f"store {kind} {value}, ptr {pointer}, align 4")
                continue
            for test, bound in (("fcmp ogt", 0.0), ("fcmp olt", 255.0)):
                limit = f"splat (float {float_literal(bound)})"
                c = self.put(f"{test} {kind} {value}, {limit}")
                value = self.choose(c, kind, value, limit, vector=True)
            whole = self.put(f"fptosi {kind} {value} to <{self.n} x i32>")
            small = self.put(f"trunc <{self.n} x i32> {whole} to <{self.n} x i8>")
            pointer = self.put(f"getelementptr i8, ptr %plane_out{index}, i64 {at}")
            self.do(f"store <{self.n} x i8> {small}, ptr {pointer}, align 1")

    def _text(self) -> str:
        declarations: dict[str, None] = {}
        for n in (self.n, self.width // 32):
            for name, arity in (("fma", 3), ("fabs", 1), ("floor", 1), ("sqrt", 1)):
                vectors, singles = [f"<{n} x float>"] * arity, ["float"] * arity
                line = f"declare <{n} x float> @llvm.{name}.v{n}f32({', '.join(vectors)})"
                declarations[line] = None
                declarations[f"declare float @llvm.{name}.f32({', '.join(singles)})"] = None
        n = self.n
        for element, suffix in (("float", "f32"), ("i32", "i32")):
            declarations[
                f"declare <{n} x {element}> @llvm.masked.gather.v{n}{suffix}.v{n}p0(<{n} x ptr>,"
                f" <{n} x i1>, <{n} x {element}>)"
            ] = None
        attributes = (
            f'attributes #0 = {{ nounwind "prefer-vector-width"="{self.width}"'
            f' "min-legal-vector-width"="{self.width}" }}\n'
        )
        body = _HEAD + "\n".join(self.lines) + "\n}"
        return "\n".join([*declarations, body, *self.functions, attributes])
