"""What a network on the CPU does once a call: inputs that are the same for a frame join the biases.

Latents, clocks and the music hold for a whole frame, so their share of a sum is computed once and
not for every pixel. The first layer's other columns are put side by side for its loops; film inputs
are folded into the bias of every layer. All of it loops over tables of positions, so a network with
many inputs is no more code.
"""

from __future__ import annotations

from collections.abc import Sequence

from afx.field.network import Network

PREPARE = """\
define internal void @fold(ptr %matrix, i64 %stride, ptr %positions, ptr %values, i64 %count,\
 ptr %given, ptr %bias, i64 %rows) #0 noinline {
entry:
  br label %row
row:
  %r = phi i64 [ 0, %entry ], [ %r_next, %done ]
  %start = mul i64 %r, %stride
  %given_p = getelementptr float, ptr %given, i64 %r
  %b = load float, ptr %given_p, align 4
  br label %input
input:
  %k = phi i64 [ 0, %row ], [ %k_next, %add ]
  %sum = phi float [ %b, %row ], [ %total, %add ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %add, label %done
add:
  %position_p = getelementptr i64, ptr %positions, i64 %k
  %position = load i64, ptr %position_p, align 8
  %at = add i64 %start, %position
  %w_p = getelementptr float, ptr %matrix, i64 %at
  %w = load float, ptr %w_p, align 4
  %v_p = getelementptr float, ptr %values, i64 %k
  %v = load float, ptr %v_p, align 4
  %product = fmul float %w, %v
  %total = fadd float %sum, %product
  %k_next = add i64 %k, 1
  br label %input
done:
  %out_p = getelementptr float, ptr %bias, i64 %r
  store float %sum, ptr %out_p, align 4
  %r_next = add i64 %r, 1
  %r_more = icmp slt i64 %r_next, %rows
  br i1 %r_more, label %row, label %end
end:
  ret void
}

define internal void @gather(ptr %matrix, i64 %stride, ptr %positions, i64 %count, ptr %out,\
 i64 %rows) #0 noinline {
entry:
  br label %row
row:
  %r = phi i64 [ 0, %entry ], [ %r_next, %done ]
  %start = mul i64 %r, %stride
  %dense = mul i64 %r, %count
  br label %input
input:
  %k = phi i64 [ 0, %row ], [ %k_next, %copy ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %copy, label %done
copy:
  %position_p = getelementptr i64, ptr %positions, i64 %k
  %position = load i64, ptr %position_p, align 8
  %at = add i64 %start, %position
  %w_p = getelementptr float, ptr %matrix, i64 %at
  %w = load float, ptr %w_p, align 4
  %to = add i64 %dense, %k
  %out_p = getelementptr float, ptr %out, i64 %to
  store float %w, ptr %out_p, align 4
  %k_next = add i64 %k, 1
  br label %input
done:
  %r_next = add i64 %r, 1
  %r_more = icmp slt i64 %r_next, %rows
  br i1 %r_more, label %row, label %end
end:
  ret void
}"""
"""The loops of all networks: biases with the frame's inputs in them, columns side by side."""


def starts(network: Network) -> list[tuple[int, int]]:
    """Return where each layer's weights and its bias for the frame begin."""
    starts, at, out = [], 0, 0
    for layer in network.layers:
        starts.append((at, out))
        at += layer.outputs * (layer.inputs + 1)
        out += layer.outputs
    return starts


def prepare_function(
    index: int, network: Network, kept: Sequence[int], given: Sequence[int]
) -> str:
    """Return ``net_prepare<index>``, which fills the biases and the first layer's matrix.

    Parameters
    ----------
    index : int
        Number of the network in its program.
    network : Network
    kept, given : sequence of int
        Positions of the inputs that differ by pixel, and of those that are the same for a frame.
    """
    first = network.layers[0]
    lines = [
        _table(f"kept{index}", kept),
        _table(f"given{index}", given),
        _table(f"film{index}", range(network.film)),
        f"define internal void @net_prepare{index}(ptr %w, ptr %frame, ptr %bias, ptr %first)"
        " #0 {",
        f"  call void @gather(ptr %w, i64 {first.inputs}, ptr @kept{index}, i64 {len(kept)},"
        f" ptr %first, i64 {first.outputs})",
        # The film inputs come last among those of the frame.
        f"  %film = getelementptr float, ptr %frame, i64 {len(given) - network.film}",
    ]
    for number, (at, out) in enumerate(starts(network)):
        layer = network.layers[number]
        column, table, values, count = at, f"given{index}", "%frame", len(given)
        if number:
            column += layer.inputs - network.film
            table, values, count = f"film{index}", "%film", network.film
        if count or not number:
            given_bias = at + layer.inputs * layer.outputs
            lines += [
                f"  %w{number} = getelementptr float, ptr %w, i64 {column}",
                f"  %c{number} = getelementptr float, ptr %w, i64 {given_bias}",
                f"  %b{number} = getelementptr float, ptr %bias, i64 {out}",
                f"  call void @fold(ptr %w{number}, i64 {layer.inputs}, ptr @{table},"
                f" ptr {values}, i64 {count}, ptr %c{number}, ptr %b{number},"
                f" i64 {layer.outputs})",
            ]
    lines += ["  ret void", "}"]
    return "\n".join(lines)


def _table(name: str, numbers: Sequence[int]) -> str:
    """Return a constant array of numbers, with at least one."""
    entries = ", ".join(f"i64 {n}" for n in numbers) or "i64 0"
    return f"@{name} = internal constant [{max(1, len(numbers))} x i64] [{entries}]"
