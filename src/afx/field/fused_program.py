"""Whole programs as one Triton kernel each: the fields and colors of a frame without temporaries.

A program without networks is one kernel over pixels that reads planes and buffers and writes its
outputs, floats or bytes. A program with networks is cut at them: one kernel makes a network's
inputs, the network runs, and the next kernel reads its outputs like planes.

What is given per frame (knobs, geometry) lies in one small array on the device, so that a kernel is
compiled once, whatever the music does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afx.field.expr import Expr
from afx.field.fused_text import (
    LAUNCH,
    TRITON,
    TRITON_IMPORTS,
    Writer,
    functions,
    triton_constant,
)
from afx.field.graph import FRAME, Order, order
from afx.field.network import Network
from afx.field.program import Buffer, Program

if TYPE_CHECKING:
    from torch import Tensor

BLOCK, WARPS = 256, 4
"""Pixels of a program, and its warps: two pixels a thread, which hides the latency of loads and
leaves registers for fields with hundreds of live values."""

GEOMETRY = ("x0", "dx", "y0", "dy", "pixel")


@dataclass(frozen=True)
class _Kernel:
    """One kernel and what it is called with, by name and in its order."""

    function: Any
    outputs: tuple[str, ...]
    planes: tuple[str, ...]
    buffers: tuple[str, ...]
    networks: tuple[int, ...]


@dataclass(frozen=True)
class _Stage:
    """A network, and the kernel that makes its inputs that differ from pixel to pixel."""

    network: Network
    inputs: tuple[Expr, ...]
    frame: tuple[bool, ...]
    kernel: _Kernel | None
    scalars: _Kernel | None


class _Names:
    """What a kernel is passed, in the order in which it was met."""

    def __init__(self, program: Program, networks: Mapping[Expr, int], full: Order) -> None:
        self.program, self.networks, self.full = program, networks, full
        self.planes: dict[str, str] = {}
        self.buffers: dict[str, str] = {}
        self.used: dict[int, str] = {}

    def plane(self, name: str) -> str:
        return self.planes.setdefault(name, f"p{len(self.planes)}")

    def buffer(self, name: str) -> str:
        return self.buffers.setdefault(name, f"b{len(self.buffers)}")

    def leaf(self, node: Expr, args: list[str]) -> str:
        """Return the text of what is read from outside."""
        op, data = node.op, node.data
        if op in ("x", "y", "pixel"):
            return op
        if op == "knob":
            return f"tl.load(frame + {len(GEOMETRY) + self.program.knobs.index(data)})"
        if op == "activation":
            which = self.networks[self.full.of(node.args[0])]
            name = self.used.setdefault(which, f"n{which}")
            return f"tl.load({name} + {data} * count + index, mask=inside, other=0.0)"
        if op == "fetch":
            name = self.buffer(data.name)
            held = [
                f"tl.maximum(tl.minimum({a}, {name}_{size} - 1), 0)"
                for a, size in zip(args, ("columns", "rows"), strict=True)
            ]
            return f"tl.load({name} + {held[1]} * {name}_columns + {held[0]})"
        if op == "size":
            held_buffer: Buffer = data[0]
            size = ("columns", "rows")[data[1]]
            return f"({self.buffer(held_buffer.name)}_{size}).to(tl.float32)"
        if op == "plane":
            plane, dx, dy, step = data
            name = self.plane(plane)
            row = f"tl.maximum(tl.minimum(row * {step} + {dy} + lead, plane_rows - 1), 0)"
            column = f"tl.maximum(tl.minimum(column * {step} + {dx}, plane_columns - 1), 0)"
            return f"tl.load({name} + {row} * plane_columns + {column}, mask=inside, other=0.0)"
        raise NotImplementedError(f"the Triton target has no operation {op!r}")


_HEAD = """    index = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = index < count
    row = index // columns
    column = index - row * columns
    x0, dx = tl.load(frame + 0), tl.load(frame + 1)
    y0, dy, pixel = tl.load(frame + 2), tl.load(frame + 3), tl.load(frame + 4)
    x = x0 + (column.to(tl.float32) + 0.5) * dx
    y = y0 + ((row + first_row).to(tl.float32) + 0.5) * dy
"""


def _kernel(
    program: Program,
    outputs: Sequence[tuple[str, Expr]],
    bytes_: Sequence[str],
    networks: Mapping[Expr, int],
    full: Order,
) -> _Kernel:
    """Write and load the kernel that fills `outputs`."""
    ordered = order([e for _, e in outputs], stop_at_networks=True)
    names = _Names(program, networks, full)
    writer = Writer(ordered, TRITON, triton_constant, names.leaf)
    writer.everything()
    for name, value in outputs:
        text = f"tl.broadcast_to({writer.name(value)}, (BLOCK,))"
        if value.type == "b":
            text += ".to(tl.int32)"
        if value.type != "f":
            text += ".to(tl.float32)"
        if name in bytes_:
            writer.line(f"w = {text}")
            writer.line("w = tl.where(w > 0.0, w, 0.0)")  # NaN becomes 0
            writer.line("w = tl.where(w < 255.0, w, 255.0)")
            text = "w.to(tl.int32).to(tl.uint8)"
        writer.line(f"tl.store(o_{name} + index, {text}, mask=inside)")
    arguments = [f"o_{name}" for name, _ in outputs]
    arguments += list(names.planes.values()) + [f"n{k}" for k in names.used]
    for buffer in names.buffers.values():
        arguments += [buffer, f"{buffer}_columns", f"{buffer}_rows"]
    sizes = ["columns", "count", "first_row", "lead", "plane_columns", "plane_rows"]
    arguments += ["frame", *sizes]
    # Else Triton compiles anew for sizes that are 1 or multiples of 16.
    plain = sizes + [f"{b}_{s}" for b in names.buffers.values() for s in ("columns", "rows")]
    head = (
        f"@triton.jit(do_not_specialize={plain})\n"
        f"def program({', '.join(arguments)}, BLOCK: tl.constexpr):\n{_HEAD}"
    )
    text = head + "\n".join(writer.lines) + "\n"
    return _Kernel(
        functions(text, TRITON_IMPORTS)["program"],
        tuple(name for name, _ in outputs),
        tuple(names.planes),
        tuple(names.buffers),
        tuple(names.used),
    )


class FusedProgram:
    """A program as Triton kernels.

    Parameters
    ----------
    program : Program
    byte_outputs : sequence of str
        Outputs that are bytes.

    Raises
    ------
    NotImplementedError
        If a network runs inside a loop.
    """

    def __init__(self, program: Program, byte_outputs: Sequence[str] = ()) -> None:
        self.program, self.byte_outputs = program, frozenset(byte_outputs)
        full = order([e for _, e in program.outputs])
        found = [n for scope in full.nodes.values() for n in scope if n.op == "network"]
        if any(full.scope[n] >= 0 for n in found):
            raise NotImplementedError("a network runs inside a loop")
        networks = {node: k for k, node in enumerate(found)}
        self._stages = [self._stage(node, networks, full) for node in found]
        self._paint = _kernel(program, program.outputs, byte_outputs, networks, full)

    def _stage(self, node: Expr, networks: Mapping[Expr, int], full: Order) -> _Stage:
        frame = tuple(full.scope[full.of(e)] == FRAME for e in node.args)
        groups: list[_Kernel | None] = []
        for whole in (False, True):
            wanted = [
                (f"i{k}", e) for k, (e, f) in enumerate(zip(node.args, frame, strict=True))
                if f is whole
            ]  # fmt: skip
            groups.append(_kernel(self.program, wanted, (), networks, full) if wanted else None)
        return _Stage(node.data, node.args, frame, groups[0], groups[1])

    def __call__(
        self,
        rows: tuple[int, int],
        columns: int,
        frame: Tensor,
        *,
        planes: Mapping[str, Tensor],
        lead: int = 0,
        buffers: Mapping[str, Tensor],
        weights: Mapping[str, Any],
        run_network: Callable[[Network, Any, Sequence[Tensor]], Tensor],
    ) -> dict[str, Tensor]:
        """Return every output over rows of a picture.

        Parameters
        ----------
        rows : (int, int)
            First and one past the last.
        columns : int
        frame : Tensor
            The geometry (`GEOMETRY`), then the knobs in the program's order.
        planes : mapping of str to Tensor
            All of one size; beyond the edge the edge's values continue.
        lead : int
            Row of the planes that belongs to row ``rows[0]``.
        buffers, weights : mapping
        run_network : callable
            As of ``TensorProgram``.

        Returns
        -------
        dict of str to Tensor [rows, columns]
            Float32, or uint8 for byte outputs.
        """
        import torch

        height = rows[1] - rows[0]
        made: list[Tensor] = []

        def launch(kernel: _Kernel, results: list[Tensor], high: int, wide: int) -> None:
            sizes = [1, 1]
            if kernel.planes:
                sizes = list(planes[kernel.planes[0]].shape)
            arguments: list[Any] = [*results, *(planes[name] for name in kernel.planes)]
            arguments += [made[k] for k in kernel.networks]
            for name in kernel.buffers:
                held = buffers[name]
                arguments += [held, held.shape[1], held.shape[0]]
            count = high * wide
            with LAUNCH:
                kernel.function[(-(-count // BLOCK),)](
                    *arguments, frame, wide, count, rows[0], lead, sizes[1], sizes[0],
                    BLOCK=BLOCK, num_warps=WARPS, enable_fp_fusion=True,
                )  # fmt: skip

        def empty(*shape: int, byte: bool = False) -> Tensor:
            kind = torch.uint8 if byte else torch.float32
            return torch.empty(shape, dtype=kind, device=frame.device)

        for stage in self._stages:
            inputs: list[Tensor] = [frame] * len(stage.inputs)
            for kernel, whole in ((stage.kernel, False), (stage.scalars, True)):
                if kernel is None:
                    continue
                high, wide = (1, 1) if whole else (height, columns)
                block = empty(len(kernel.outputs), high, wide)
                launch(kernel, list(block), high, wide)
                for name, plane in zip(kernel.outputs, block, strict=True):
                    inputs[int(name[1:])] = plane.reshape(()) if whole else plane
            made.append(run_network(stage.network, weights[stage.network.name], inputs))
        results = {
            name: empty(height, columns, byte=name in self.byte_outputs)
            for name in self._paint.outputs
        }
        launch(self._paint, list(results.values()), height, columns)
        return results


@functools.lru_cache(maxsize=256)
def _cached(program: Same, byte_outputs: tuple[str, ...]) -> FusedProgram:
    return FusedProgram(program.program, byte_outputs)


@dataclass(frozen=True)
class Same:
    """A program as a key: by identity."""

    program: Program

    def __hash__(self) -> int:
        return id(self.program)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.program is other.program


def fused_program(program: Program, byte_outputs: Sequence[str] = ()) -> FusedProgram:
    """Return a program's kernels; the same program is emitted once."""
    return _cached(Same(program), tuple(byte_outputs))
