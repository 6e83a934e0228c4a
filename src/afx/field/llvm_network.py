"""Networks on the CPU: loops over weights in memory, a tile of 64 pixels at a time.

The layers (``llvm_dense``) and activations are functions that all networks share, so the code is
small whatever a network's size, and new weights need no new code. Inputs that are the same for a
whole frame (latents, time, the music) are folded into the first layer's bias once a call, film
inputs into the bias of every layer.

Every sum is built in the same order whatever the tiling: the bias, the inputs that are the same for
a frame, the others (:meth:`~afx.field.network.Network.columns`).
"""

from __future__ import annotations

from collections.abc import Sequence

from afx.field.expr import Expr
from afx.field.graph import PIXEL
from afx.field.llvm_dense import TILE, dense_function
from afx.field.llvm_fold import PREPARE, prepare_function, starts
from afx.field.llvm_nodes import Instructions
from afx.field.network import ACTIVATIONS, Network


def _widest(network: Network) -> int:
    return max(layer.outputs for layer in network.layers)


def _sections(network: Network) -> list[tuple[str, int]]:
    """Parts of the working memory and their sizes in floats."""
    first = network.layers[0]
    # With film inputs every layer has a bias of its own for the frame.
    biases = network.layers if network.film else network.layers[:1]
    return [
        ("in", network.inputs * TILE),
        ("out", network.outputs * TILE),
        ("a", _widest(network) * TILE),
        ("b", _widest(network) * TILE),
        ("bias", sum(layer.outputs for layer in biases)),
        ("first", first.outputs * first.inputs),
        ("frame", first.inputs),
    ]


def _rounded(floats: int) -> int:
    return (floats + 15) // 16 * 16


def scratch_floats(network: Network) -> int:
    """Return how many floats of working memory one call needs."""
    return sum(_rounded(size) for _, size in _sections(network))


def declare_scratch(index: int, network: Network, start: int) -> list[str]:
    """Return instructions that name the parts of the working memory and the weights."""
    lines = []
    at = start
    for name, size in _sections(network):
        lines.append(f"  %net_{name}{index} = getelementptr float, ptr %scratch, i64 {at}")
        at += _rounded(size)
    lines.append(f"  %net_wp{index} = getelementptr ptr, ptr %weights, i64 {index}")
    lines.append(f"  %net_weights{index} = load ptr, ptr %net_wp{index}, align 8")
    return lines


def network_functions(
    index: int, network: Network, kept: Sequence[int], given: Sequence[int]
) -> str:
    """Return the functions that prepare and run one network.

    Parameters
    ----------
    index : int
        Number of the network in its program.
    network : Network
    kept, given : sequence of int
        Positions of the inputs that differ by pixel, and of those that are the same for a frame.
    """
    return prepare_function(index, network, kept, given) + "\n" + _run(index, network, len(kept))


def _run(index: int, network: Network, kept: int) -> str:
    """Run all layers for one tile."""
    lines = [
        f"define internal void @net{index}(ptr %w, ptr %bias, ptr %first, ptr %in, ptr %out,"
        " ptr %a, ptr %b) #0 {",
        "entry:",
    ]
    source = "%in"
    last = len(network.layers) - 1
    for number, (layer, (at, out)) in enumerate(zip(network.layers, starts(network), strict=True)):
        target = "%out" if number == last else ("%a" if number % 2 == 0 else "%b")
        if number == 0:
            matrix, bias, stride, inputs = "%first", "%bias", kept, kept
        else:
            matrix, bias = f"%w{number}", f"%c{number}"
            stride, inputs = layer.inputs, layer.inputs - network.film
            lines.append(f"  {matrix} = getelementptr float, ptr %w, i64 {at}")
            if network.film:
                lines.append(f"  {bias} = getelementptr float, ptr %bias, i64 {out}")
            else:
                size = at + layer.inputs * layer.outputs
                lines.append(f"  {bias} = getelementptr float, ptr %w, i64 {size}")
        lines.append(
            f"  call void @dense(ptr {matrix}, i64 {stride}, ptr {bias}, ptr {source},"
            f" ptr {target}, i64 {inputs}, i64 {layer.outputs})"
        )
        row = 0
        for run, (name, count) in enumerate(layer.activations):
            if name != "linear":
                part = f"%p{number}_{run}"
                lines.append(f"  {part} = getelementptr float, ptr {target}, i64 {row * TILE}")
                lines.append(f"  call void @activate_{name}(ptr {part}, i64 {count * TILE})")
            row += count
        source = target
    lines += ["  ret void", "}"]
    return "\n".join(lines)


def shared_functions(networks: Sequence[Network], *, width: int, fma: bool) -> str:
    """Return the functions that all networks of a module share: layers and activations.

    Parameters
    ----------
    networks : sequence of Network
    width : int
        Bits of the hardware's vectors.
    fma : bool
        Fuse products and sums.
    """
    names = {n for network in networks for layer in network.layers for n, _ in layer.activations}
    parts = ["declare void @llvm.prefetch.p0(ptr, i32, i32, i32)", dense_function(width // 32, fma)]
    parts.append(PREPARE)
    parts += [_activate(name, width // 32 * 2, fma) for name in sorted(names - {"linear"})]
    return "\n".join(parts)


def _activate(name: str, lanes: int, fma: bool) -> str:
    """Apply an activation in place; `count` is a multiple of the tile."""
    x = Expr("x", "f")
    result = ACTIVATIONS[name](x)
    code = Instructions([result], lanes, fma)
    code.block = "loop"
    code.vector[code.order.of(x)] = "%value"
    for node in (n for scope in (-3, -2) for n in code.order.nodes.get(scope, [])):
        code.node(node, vector=False)
    code.scope(code.order.nodes[PIXEL])
    value = code.get(result, vector=True)
    return "\n".join(
        [
            f"define internal void @activate_{name}(ptr %data, i64 %count) #0 noinline {{",
            "entry:",
            "  br label %loop",
            "loop:",
            "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
            "  %p = getelementptr float, ptr %data, i64 %i",
            f"  %value = load <{lanes} x float>, ptr %p, align 4",
            *code.lines,
            f"  store <{lanes} x float> {value}, ptr %p, align 4",
            f"  %next = add i64 %i, {lanes}",
            "  %more = icmp slt i64 %next, %count",
            "  br i1 %more, label %loop, label %end",
            "end:",
            "  ret void",
            "}",
        ]
    )
