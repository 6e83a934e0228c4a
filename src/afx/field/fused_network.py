"""The fused kernel of a network: its activations never leave the chip.

Each program of the kernel takes a block of pixels through all layers. A layer's activations are
held as named chunks of up to 64 columns in registers (Triton cannot slice a block of registers, so
each chunk is a variable of its own), and weights stream in as tiles in the order in which they are
used, a tile ahead of the product that takes it. Equal hidden layers are one loop. Sums are float32;
the first layer is float32 throughout, because half precision has no room for a position times a
high frequency.

After Müller, Rousselle, Novák, Keller, "Real-time Neural Radiance Caching for Path Tracing", 2021.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afx.field.fused_text import LAUNCH, TRITON_IMPORTS, activation_text, functions
from afx.field.fused_weights import HALF_MOST, chunks, may_overflow
from afx.field.network import Layer, Network

if TYPE_CHECKING:
    from torch import Tensor

UNROLLED = 8
"""Up to so many inputs of the first layer are written out; more are a loop."""


@dataclass(frozen=True)
class Block:
    """How a kernel is laid out on a card. Never chosen by timing: pixels could depend on it.

    Attributes
    ----------
    pixels : int
        Taken through the network together.
    warps : int
        Of 32 threads each.
    """

    pixels: int
    warps: int


def block_for(network: Network, *, half: bool) -> Block:
    """Return the layout for a network.

    Registers decide. A layer's inputs and outputs, both of them in registers, take
    ``2 · pixels · width`` values, and the sums of a chunk ``pixels · 64`` more; a multiprocessor
    has 65,536 registers of 4 bytes and a thread may have 255 of them. 128 pixels of a 256-wide
    network in half precision are 160 a thread in 8 warps (240 with addresses and the rest, nothing
    spilled, says the compiler for Hopper). Larger blocks read the weights, which stream from the
    second-level cache, less often (7 KB a pixel at 128 pixels, 14 KB at 64); smaller ones leave
    room for a second block that computes while the first one waits.
    """
    widest = max(sum(chunks(layer.outputs)) for layer in network.layers)
    if half:
        if widest <= 64:
            return Block(128, 4)
        return Block(128, 8) if widest <= 256 else Block(64, 8)  # wider: asked for by name
    if widest <= 64:
        return Block(64, 4)
    return Block(64, 8) if widest <= 128 else Block(32, 8)


class _Text:
    """Writes the kernel's lines."""

    def __init__(self, network: Network, inputs: int, kind: str) -> None:
        self.network, self.inputs, self.kind = network, inputs, kind
        self.lines: list[str] = []
        self.depth = 1

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def kernel(self) -> str:
        """Return the whole source."""
        names = {n for layer in self.network.layers for n, _ in layer.activations if n != "linear"}
        self._first()
        for first, count in _runs(self.network.layers):
            self._hidden(first, count)
        self._write()
        helpers = [activation_text(name) for name in sorted(names)]
        head = (
            "@triton.jit\n"
            "def network(out, inputs, first, tiles, bias, count, BLOCK: tl.constexpr):\n"
        )
        return "\n".join([*helpers, head + "\n".join(self.lines) + "\n"])

    # ------------------------------------------------------------ layers

    def _first(self) -> None:
        layer = self.network.layers[0]
        sizes = chunks(layer.outputs)
        width = sum(sizes)
        self.line("pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)")
        self.line("inside = pixel < count")
        for size in sorted(
            {*sizes, *(s for one in self.network.layers for s in chunks(one.outputs))}
        ):
            self.line(f"c{size} = tl.arange(0, {size})")
        if self.inputs <= UNROLLED:
            for i in range(self.inputs):
                self.line(f"x{i} = tl.load(inputs + {i} * count + pixel, mask=inside, other=0.0)")
        at = 0
        for k, size in enumerate(sizes):
            start = f"tl.load(bias + {at} + c{size})[None, :]"
            self.line(f"acc = tl.zeros((BLOCK, {size}), tl.float32) + {start}")
            row = f"tl.load(first + {{}} * {width} + {at} + c{size})[None, :]"
            if self.inputs <= UNROLLED:
                for i in range(self.inputs):
                    self.line(f"acc += x{i}[:, None] * {row.format(i)}")
            else:
                self.line(f"for i in range(0, {self.inputs}):")
                self.line("    x = tl.load(inputs + i * count + pixel, mask=inside, other=0.0)")
                self.line(f"    acc += x[:, None] * {row.format('i')}")
            self._activate(layer, at, size, f"h{k}")
            at += size
        self.tile_at, self.bias_at = 0, width

    def _hidden(self, first: int, count: int) -> None:
        """Write `count` equal layers from `first` on."""
        layers = self.network.layers
        layer = layers[first]
        ins, outs = chunks(layers[first - 1].outputs), chunks(layer.outputs)
        stride, width = sum(ins) * sum(outs), sum(outs)
        if count > 1:
            self.line(f"for layer in range(0, {count}):")
            self.depth += 1
        which = "layer" if count > 1 else "0"
        self.line(f"t = tiles + {self.tile_at} + {which} * {stride}")
        self.line(f"z = bias + {self.bias_at} + {which} * {width}")
        order = list(itertools.product(enumerate(outs), enumerate(ins)))
        offset = 0
        # Named apart from the tiles of the layers before: what is known before a loop has to keep
        # its shape in it.
        tile, following = f"w{first}", f"following{first}"
        self._load(tile, offset, ins[0], outs[0])
        at = 0
        for turn, ((n, size), (k, deep)) in enumerate(order):
            offset += size * deep
            if turn + 1 < len(order):  # the next tile is under way while this one is multiplied
                (_, next_size), (_, next_deep) = order[turn + 1]
                self._load(following, offset, next_deep, next_size)
            if k == 0:
                start = f"tl.load(z + {at} + c{size})[None, :]"
                self.line(f"acc = tl.zeros((BLOCK, {size}), tl.float32) + {start}")
            self.line(f'acc = tl.dot(h{k}, {tile}, acc, input_precision="ieee")')
            if turn + 1 < len(order):
                self.line(f"{tile} = {following}")
            if k == len(ins) - 1:
                self._activate(layer, at, size, f"g{n}")
                at += size
        for n in range(len(outs)):
            self.line(f"h{n} = g{n}")
        if count > 1:
            self.depth -= 1
        self.tile_at += count * stride
        self.bias_at += count * width

    def _load(self, name: str, offset: int, deep: int, size: int) -> None:
        rows = f"c{deep}" if deep in _sizes(self.network) else f"tl.arange(0, {deep})"
        self.line(f"{name} = tl.load(t + {offset} + {rows}[:, None] * {size} + c{size}[None, :])")

    def _activate(self, layer: Layer, at: int, size: int, name: str) -> None:
        """Write the activation of a chunk: of each run of rows that reaches into it."""
        start, some = 0, []
        for kind, count in layer.activations:
            low, high = max(start - at, 0), min(start + count - at, size)
            if low < high:
                some.append((kind, low))
            start += count
        last = layer is self.network.layers[-1]
        target = "tl.float32" if last else self.kind
        for kind, low in some or [("linear", 0)]:
            value = "acc" if kind == "linear" else f"act_{kind}(acc)"
            whole = value if low == 0 else f"tl.where(c{size}[None, :] >= {low}, {value}, acted)"
            self.line(f"acted = {whole}")
        if target == "tl.float16" and may_overflow(layer):
            self.line(f"acted = tl.minimum(tl.maximum(acted, -{HALF_MOST}), {HALF_MOST})")
        self.line(f"{name} = acted.to({target})")

    def _write(self) -> None:
        at = 0
        outputs = self.network.outputs
        for k, size in enumerate(chunks(outputs)):
            place = f"({at} + c{size}[None, :]) * count + pixel[:, None]"
            held = f"inside[:, None] & ({at} + c{size}[None, :] < {outputs})"
            self.line(f"tl.store(out + {place}, h{k}, mask={held})")
            at += size


def _sizes(network: Network) -> set[int]:
    return {size for layer in network.layers for size in chunks(layer.outputs)}


def _runs(layers: Sequence[Layer]) -> list[tuple[int, int]]:
    """Return (first, count) of runs of equal layers after the first layer.

    The last layer is on its own: its results stay float32.
    """
    found: list[tuple[int, int]] = []
    for k in range(1, len(layers)):
        same = (
            found
            and k < len(layers) - 1
            and layers[k].activations == layers[k - 1].activations
            and found[-1][0] <= k - 1
            and layers[found[-1][0] - 1].outputs == layers[k - 1].outputs
            and k - 1 >= 1
        )
        if same:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((k, 1))
    return found


def network_source(network: Network, inputs: int, *, half: bool) -> str:
    """Return the kernel's source.

    Parameters
    ----------
    network : Network
    inputs : int
        Inputs that differ from pixel to pixel.
    half : bool
        Hold activations and weights as float16, sums as float32.
    """
    return _Text(network, inputs, "tl.float16" if half else "tl.float32").kernel()


@functools.lru_cache(maxsize=64)
def network_kernel(network: Network, inputs: int, *, half: bool) -> Any:
    """Return the kernel; it is compiled when it first runs."""
    text = network_source(network, inputs, half=half)
    return functions(text, TRITON_IMPORTS)["network"]


def run_network(
    network: Network,
    inputs: Tensor,
    first: Tensor,
    tiles: Tensor,
    bias: Tensor,
    *,
    half: bool,
    block: Block | None = None,
) -> Tensor:
    """Evaluate a network.

    Parameters
    ----------
    network : Network
    inputs : Tensor [pixel inputs, pixels]
        Float32, contiguous.
    first, tiles, bias : Tensor
        From ``afx.field.fused_weights``.
    half : bool
    block : Block, optional

    Returns
    -------
    Tensor [outputs, pixels]
        Float32.
    """
    import torch

    count = inputs.shape[1]
    block = block or block_for(network, half=half)
    out = torch.empty((network.outputs, count), dtype=torch.float32, device=inputs.device)
    kernel = network_kernel(network, inputs.shape[0], half=half)
    # One stage: tiles are fetched ahead in the text, and a deeper pipeline would hold whole layers.
    with LAUNCH:
        kernel[(-(-count // block.pixels),)](
            out, inputs, first, tiles, bias, count,
            BLOCK=block.pixels, num_warps=block.warps, num_stages=1, enable_fp_fusion=True,
        )  # fmt: skip
    return out
