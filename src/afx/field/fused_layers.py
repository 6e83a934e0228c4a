"""A network's layers by torch: matrix products and activations, eager or compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from afx.field.fused_text import activation_text, functions
from afx.field.fused_weights import HALF_MOST, may_overflow
from afx.field.network import Layer

if TYPE_CHECKING:
    from torch import Tensor

_NATIVE: dict[str, Callable[[Tensor], Tensor]] = {
    "sine": lambda x: x.sin_(),
    "cosine": lambda x: x.cos_(),
    "exact_tanh": lambda x: x.tanh_(),
    "absolute": lambda x: x.abs_(),
    "relu": lambda x: x.relu_(),
    "finer": lambda x: x.mul_(x.abs().add_(1.0)).sin_(),
    "exact_gaussian": lambda x: x.square_().mul_(-0.5).exp_(),
    "atan": lambda x: x.atan_().mul_(1.0 / 0.67),
}
"""Activations for which torch's own function is the same one to float32 rounding, and far quicker
than a chain of small operations. In place; used by the eager form alone."""

Activate = Callable[["Layer", "Tensor"], "Tensor"]


def layer_stack(
    layers: Sequence[Layer],
    first: Tensor,
    rest: Sequence[Tensor],
    biases: Tensor,
    x: Tensor,
    activate: Activate,
    *,
    emulated: bool,
) -> Tensor:
    """Take inputs through all layers.

    Parameters
    ----------
    layers : sequence of Layer
    first, rest, biases
        From :class:`~afx.field.fused_weights.Matrices`.
    x : Tensor [pixel inputs, pixels]
    activate : callable
        ``activate(layer, sums) -> activations``; may change the sums.
    emulated : bool
        Half precision on a CPU: values are rounded to it, products are float32, as a card's matrix
        units do it.
    """
    import torch

    at = layers[0].outputs
    h = activate(layers[0], torch.addmm(biases[:at, None], first, x))
    for before, layer, matrix in zip(layers, layers[1:], rest, strict=False):
        bias = biases[at : at + layer.outputs, None]
        at += layer.outputs
        if matrix.dtype == torch.float32:
            h = activate(layer, torch.addmm(bias, matrix, h))
            continue
        held = h.clamp(-HALF_MOST, HALF_MOST) if may_overflow(before) else h
        rounded = held.to(matrix.dtype)
        if emulated:
            sums = torch.addmm(bias, matrix.float(), rounded.float())
        elif matrix.is_cuda:  # else a sum would be rounded to half precision on its way out
            sums = torch.mm(matrix, rounded, out_dtype=torch.float32) + bias
        else:
            sums = torch.mm(matrix, rounded).float() + bias
        h = activate(layer, sums)
    return h


def activate_in_place(layer: Layer, sums: Tensor) -> Tensor:
    """Overwrite each run of rows with its activation."""
    at = 0
    for name, count in layer.activations:
        rows = sums[at : at + count]
        at += count
        if name in _NATIVE:
            _NATIVE[name](rows)
        elif name != "linear":
            rows.copy_(torch_activation(name)(rows))
    return sums


@functools.cache
def torch_activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return an activation as a function on tensors."""
    made: Callable[[Tensor], Tensor] = functions(
        activation_text(name, torch=True), ("import torch",)
    )[f"act_{name}"]
    return made


def traced_activations(layers: Sequence[Layer]) -> Activate:
    """Return what activates layers without changing tensors, as compilers like it."""
    known = {name: torch_activation(name) for layer in layers for name, _ in layer.activations}

    def activate(layer: Layer, sums: Tensor) -> Tensor:
        import torch

        parts, at = [], 0
        for name, count in layer.activations:
            rows = sums[at : at + count]
            parts.append(rows if name == "linear" else known[name](rows))
            at += count
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    return activate


_COMPILED = """
def make(layers, activate, emulated, layer_stack):
    # {layers}
    def stack(first, rest, biases, x):
        return layer_stack(layers, first, rest, biases, x, activate, emulated=emulated)
    return stack
"""


@functools.lru_cache(maxsize=64)
def compiled_stack(
    layers: tuple[Layer, ...], emulated: bool, backend: str
) -> Callable[[Tensor, Sequence[Tensor], Tensor, Tensor], Tensor]:
    """Return ``stack(first, rest, biases, x)`` by torch's compiler, for batches of one size.

    Each shape has code of its own: torch gives up on code that it had to compile too often.
    """
    import torch

    make = functions(_COMPILED.format(layers=layers), ("import torch",))["make"]
    whole = make(layers, traced_activations(layers), emulated, layer_stack)
    compiled: Callable[..., Tensor] = torch.compile(
        whole, backend=backend, fullgraph=True, dynamic=False
    )
    return compiled
