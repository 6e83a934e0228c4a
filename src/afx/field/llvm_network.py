"""Networks on the CPU: loops over weights in memory, a tile of 64 pixels at a time.

A dense layer keeps four rows by several pixel vectors of sums in registers and reads each weight
once for all of them, so the code is small whatever the network's size and new weights need no new
code. Inputs that are the same for a whole frame (latents, time, the music) are folded into the
first layer's bias once a call.

Every sum is built in the same order (bias, then the inputs one by one) whatever the tiling.
"""

from __future__ import annotations

from collections.abc import Sequence

from afx.field.expr import Expr
from afx.field.graph import PIXEL
from afx.field.llvm_nodes import Instructions
from afx.field.network import ACTIVATIONS, Network

TILE = 64
"""Pixels a network works on at a time."""

ROWS = 4
"""Rows of a layer computed together."""


def _widest(network: Network) -> int:
    return max(layer.outputs for layer in network.layers)


def _sections(network: Network) -> list[tuple[str, int]]:
    """Parts of the working memory and their sizes in floats."""
    first = network.layers[0]
    return [
        ("in", network.inputs * TILE),
        ("out", network.outputs * TILE),
        ("a", _widest(network) * TILE),
        ("b", _widest(network) * TILE),
        ("bias", first.outputs),
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
    return _prepare(index, network, kept, given) + "\n" + _run(index, network, len(kept))


def _prepare(index: int, network: Network, kept: Sequence[int], given: Sequence[int]) -> str:
    """Fold the frame's inputs into the first bias; gather the other columns side by side."""
    first = network.layers[0]
    lines = [
        f"define internal void @net_prepare{index}(ptr %w, ptr %frame, ptr %bias, ptr %first)"
        " #0 {",
        "entry:",
        "  br label %row",
        "row:",
        "  %r = phi i64 [ 0, %entry ], [ %next, %row ]",
        f"  %start = mul i64 %r, {first.inputs}",
        f"  %bat = add i64 %r, {first.outputs * first.inputs}",
        "  %bp = getelementptr float, ptr %w, i64 %bat",
        "  %s0 = load float, ptr %bp, align 4",
    ]
    total = "%s0"
    for slot, position in enumerate(given):
        lines += [
            f"  %gi{slot} = add i64 %start, {position}",
            f"  %gp{slot} = getelementptr float, ptr %w, i64 %gi{slot}",
            f"  %gw{slot} = load float, ptr %gp{slot}, align 4",
            f"  %fp{slot} = getelementptr float, ptr %frame, i64 {slot}",
            f"  %fv{slot} = load float, ptr %fp{slot}, align 4",
            f"  %m{slot} = fmul float %gw{slot}, %fv{slot}",
            f"  %s{slot + 1} = fadd float {total}, %m{slot}",
        ]
        total = f"%s{slot + 1}"
    lines += [
        "  %op = getelementptr float, ptr %bias, i64 %r",
        f"  store float {total}, ptr %op, align 4",
        f"  %dense = mul i64 %r, {len(kept)}",
    ]
    for slot, position in enumerate(kept):
        lines += [
            f"  %ki{slot} = add i64 %start, {position}",
            f"  %kp{slot} = getelementptr float, ptr %w, i64 %ki{slot}",
            f"  %kw{slot} = load float, ptr %kp{slot}, align 4",
            f"  %di{slot} = add i64 %dense, {slot}",
            f"  %dp{slot} = getelementptr float, ptr %first, i64 %di{slot}",
            f"  store float %kw{slot}, ptr %dp{slot}, align 4",
        ]
    lines += [
        "  %next = add i64 %r, 1",
        f"  %more = icmp slt i64 %next, {first.outputs}",
        "  br i1 %more, label %row, label %end",
        "end:",
        "  ret void",
        "}",
    ]
    return "\n".join(lines)


def _run(index: int, network: Network, kept: int) -> str:
    """Run all layers for one tile."""
    lines = [
        f"define internal void @net{index}(ptr %w, ptr %bias, ptr %first, ptr %in, ptr %out,"
        " ptr %a, ptr %b) #0 {",
        "entry:",
    ]
    source, at = "%in", 0
    last = len(network.layers) - 1
    for number, layer in enumerate(network.layers):
        target = "%out" if number == last else ("%a" if number % 2 == 0 else "%b")
        size = layer.inputs * layer.outputs
        if number == 0:
            matrix, bias, inputs = "%first", "%bias", kept
        else:
            matrix, bias, inputs = f"%w{number}", f"%c{number}", layer.inputs
            lines.append(f"  {matrix} = getelementptr float, ptr %w, i64 {at}")
            lines.append(f"  {bias} = getelementptr float, ptr %w, i64 {at + size}")
        lines.append(
            f"  call void @dense(ptr {matrix}, ptr {bias}, ptr {source}, ptr {target},"
            f" i64 {inputs}, i64 {layer.outputs})"
        )
        row = 0
        for run, (name, count) in enumerate(layer.activations):
            if name != "linear":
                part = f"%p{number}_{run}"
                lines.append(f"  {part} = getelementptr float, ptr {target}, i64 {row * TILE}")
                lines.append(f"  call void @activate_{name}(ptr {part}, i64 {count * TILE})")
            row += count
        source = target
        at += size + layer.outputs
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
    parts = [_dense(width // 32, fma)]
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
            f"define internal void @activate_{name}(ptr %data, i64 %count) #0 {{",
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


def _dense(lanes: int, fma: bool) -> str:
    """Multiply a layer: ``target[m, TILE] = matrix[m, k] source[k, TILE] + bias[m]``."""
    # 16 sums in flight fill the latency of a fused multiply-add twice over, and with their
    # operands they fit in 32 registers (AVX-512) or, as 8, in 16 (AVX2).
    vectors = min(TILE // lanes, 4 if lanes >= 16 else 2)
    lines = [
        "define internal void @dense(ptr noalias %matrix, ptr noalias %bias, ptr noalias %source,"
        " ptr noalias %target, i64 %k, i64 %m) #0 {",
        "entry:",
        f"  %whole = and i64 %m, {-ROWS}",
        "  br label %quad",
    ]
    for name, rows, start, before in (
        ("quad", ROWS, "0", "entry"),
        ("one", 1, "%whole", "quad_end"),
    ):
        bound = "%whole" if rows > 1 else "%m"
        lines += [
            f"{name}:",
            f"  %{name}_r = phi i64 [ {start}, %{before} ], [ %{name}_next, %{name}_done ]",
            f"  %{name}_more = icmp slt i64 %{name}_r, {bound}",
            f"  br i1 %{name}_more, label %{name}_tile, label %{name}_end",
            f"{name}_tile:",
            f"  %{name}_v = phi i64 [ 0, %{name} ], [ %{name}_vnext, %{name}_store ]",
            *_block(name, rows, lanes, vectors, fma),
            f"  %{name}_vnext = add i64 %{name}_v, {vectors * lanes}",
            f"  %{name}_vmore = icmp slt i64 %{name}_vnext, {TILE}",
            f"  br i1 %{name}_vmore, label %{name}_tile, label %{name}_done",
            f"{name}_done:",
            f"  %{name}_next = add i64 %{name}_r, {rows}",
            f"  br label %{name}",
            f"{name}_end:",
            "  br label %one" if rows > 1 else "  ret void",
        ]
    lines.append("}")
    return "\n".join(lines)


def _block(name: str, rows: int, lanes: int, vectors: int, fma: bool) -> list[str]:
    """Sum `rows` rows by `vectors` pixel vectors, from the bias over all inputs, into memory."""
    kind = f"<{lanes} x float>"
    lines: list[str] = []

    def splat(value: str, result: str) -> None:
        lines.append(f"  {result}_1 = insertelement {kind} poison, float {value}, i64 0")
        lines.append(
            f"  {result} = shufflevector {kind} {result}_1, {kind} poison,"
            f" <{lanes} x i32> zeroinitializer"
        )

    p = f"%{name}_"
    for row in range(rows):
        lines.append(f"  {p}i{row} = add i64 {p}r, {row}")
        lines.append(f"  {p}bp{row} = getelementptr float, ptr %bias, i64 {p}i{row}")
        lines.append(f"  {p}b{row} = load float, ptr {p}bp{row}, align 4")
        splat(f"{p}b{row}", f"{p}bs{row}")
        lines.append(f"  {p}wi{row} = mul i64 {p}i{row}, %k")
        lines.append(f"  {p}wp{row} = getelementptr float, ptr %matrix, i64 {p}wi{row}")
    lines.append(f"  {p}sp = getelementptr float, ptr %source, i64 {p}v")
    lines.append(f"  {p}any = icmp sgt i64 %k, 0")
    lines.append(f"  br i1 {p}any, label {p}sum, label {p}store")
    lines.append(f"{name}_sum:")
    lines.append(f"  {p}j = phi i64 [ 0, {p}tile ], [ {p}jnext, {p}sum ]")
    sums = [(row, vector) for row in range(rows) for vector in range(vectors)]
    for row, vector in sums:
        lines.append(
            f"  {p}s{row}_{vector} = phi {kind} [ {p}bs{row}, {p}tile ],"
            f" [ {p}n{row}_{vector}, {p}sum ]"
        )
    lines.append(f"  {p}jt = mul i64 {p}j, {TILE}")
    lines.append(f"  {p}xp = getelementptr float, ptr {p}sp, i64 {p}jt")
    for vector in range(vectors):
        lines.append(f"  {p}xp{vector} = getelementptr float, ptr {p}xp, i64 {vector * lanes}")
        lines.append(f"  {p}x{vector} = load {kind}, ptr {p}xp{vector}, align 4")
    for row in range(rows):
        lines.append(f"  {p}wq{row} = getelementptr float, ptr {p}wp{row}, i64 {p}j")
        lines.append(f"  {p}w{row} = load float, ptr {p}wq{row}, align 4")
        splat(f"{p}w{row}", f"{p}ws{row}")
        for vector in range(vectors):
            a, b, c = f"{p}ws{row}", f"{p}x{vector}", f"{p}s{row}_{vector}"
            result = f"{p}n{row}_{vector}"
            if fma:
                lines.append(
                    f"  {result} = call {kind} @llvm.fma.v{lanes}f32({kind} {a}, {kind} {b},"
                    f" {kind} {c})"
                )
            else:
                lines.append(f"  {result}_m = fmul {kind} {a}, {b}")
                lines.append(f"  {result} = fadd {kind} {c}, {result}_m")
    lines.append(f"  {p}jnext = add i64 {p}j, 1")
    lines.append(f"  {p}jmore = icmp slt i64 {p}jnext, %k")
    lines.append(f"  br i1 {p}jmore, label {p}sum, label {p}store")
    lines.append(f"{name}_store:")
    for row, vector in sums:
        lines.append(
            f"  {p}f{row}_{vector} = phi {kind} [ {p}bs{row}, {p}tile ],"
            f" [ {p}n{row}_{vector}, {p}sum ]"
        )
    for row in range(rows):
        lines.append(f"  {p}ti{row} = mul i64 {p}i{row}, {TILE}")
        lines.append(f"  {p}tv{row} = add i64 {p}ti{row}, {p}v")
        for vector in range(vectors):
            lines.append(f"  {p}ta{row}_{vector} = add i64 {p}tv{row}, {vector * lanes}")
            lines.append(
                f"  {p}tp{row}_{vector} = getelementptr float, ptr %target, i64 {p}ta{row}_{vector}"
            )
            lines.append(f"  store {kind} {p}f{row}_{vector}, ptr {p}tp{row}_{vector}, align 4")
    return lines
