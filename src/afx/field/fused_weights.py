"""A network's weights as graphics cards take them: frame inputs folded, padded, cut into tiles.

What is the same for a whole frame (time, latents, music, film) is no input of any pixel: its part
of every layer's sum is added to the biases once a frame, by one small matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from afx.field.activations import UNBOUNDED
from afx.field.network import Layer, Network

if TYPE_CHECKING:
    from torch import Tensor

MULTIPLE = 16
"""Matrix units of all cards since Volta take operands in multiples of 16."""

HALF_MOST = 65504.0
"""Largest number of half precision: what is larger is held there, as infinity makes NaN."""

WIDEST = 64
"""Most columns of a tile: 64×64 in half precision is 8 KB, of which several fit into registers or
shared memory while the sums of 64–128 pixels stay beside them."""


def may_overflow(layer: Layer) -> bool:
    """Tell whether a layer's values have to be held within half precision."""
    return any(name in UNBOUNDED for name, _ in layer.activations)


@dataclass(frozen=True)
class Matrices:
    """A network on a device.

    Attributes
    ----------
    first : Tensor [outputs, pixel inputs]
        Of the first layer, float32.
    rest : tuple of Tensor [outputs, inputs]
        Of the other layers, without film, in the precision of the work.
    bias : Tensor [all outputs]
        Biases of all layers, one after the other, float32.
    shift : Tensor [all outputs, frame inputs]
        What frame inputs add to the biases, float32.
    """

    first: Tensor
    rest: tuple[Tensor, ...]
    bias: Tensor
    shift: Tensor

    def biases(self, frame: Tensor) -> Tensor:
        """Return the biases of a frame whose frame inputs are these."""
        import torch

        return torch.addmv(self.bias, self.shift, frame) if frame.numel() else self.bias


def matrices(
    network: Network, weights: NDArray[np.float32], frame: Sequence[bool], device: Any, half: Any
) -> Matrices:
    """Return a network's weights on a device.

    Parameters
    ----------
    network : Network
    weights : float32 array [size]
    frame : sequence of bool
        Which of the inputs are the same for a whole frame; the film inputs must be.
    device : torch.device
    half : torch.dtype
        Of all layers but the first.

    Raises
    ------
    ValueError
        If a film input differs from pixel to pixel.
    """
    import torch

    if network.film and not all(frame[-network.film :]):
        raise ValueError(f"film inputs of network {network.name!r} differ from pixel to pixel")
    whole = np.array(frame, bool)
    parts = network.split(np.ascontiguousarray(weights, np.float32))
    shifts = [parts[0][0][:, whole]]
    rest = []
    for matrix, _ in parts[1:]:
        kept = matrix.shape[1] - network.film
        shift = np.zeros((matrix.shape[0], int(whole.sum())), np.float32)
        if network.film:  # the last frame inputs are the film inputs
            shift[:, -network.film :] = matrix[:, kept:]
        shifts.append(shift)
        rest.append(matrix[:, :kept])

    def put(array: NDArray[np.float32], kind: Any = torch.float32) -> Tensor:
        # A copy: weights may be read-only, of which torch warns.
        copied = torch.from_numpy(np.array(array, order="C"))
        if kind == torch.float16:
            copied.clamp_(-HALF_MOST, HALF_MOST)
        return copied.to(device=device, dtype=kind)

    return Matrices(
        put(parts[0][0][:, ~whole]),
        tuple(put(matrix, half) for matrix in rest),
        put(np.concatenate([bias for _, bias in parts])),
        put(np.concatenate(shifts)),
    )


# ------------------------------------------------------------------------- padded, in tiles


def chunks(width: int) -> tuple[int, ...]:
    """Return the columns of the tiles that a layer of this width is cut into.

    Tiles are powers of two, as Triton's blocks are: 100 is 64 + 32 + 16, of which 12 are padding.
    """
    left = -(-width // MULTIPLE) * MULTIPLE
    found = []
    size = WIDEST
    while left:
        while size > left:
            size //= 2
        found.append(size)
        left -= size
    return tuple(found)


@dataclass(frozen=True)
class Tiled:
    """A network's weights in the order in which the fused kernel reads them.

    Attributes
    ----------
    first : Tensor [pixel inputs, padded outputs]
        Float32.
    tiles : Tensor
        Of each later layer, for each chunk of outputs, for each chunk of inputs, one tile
        ``[inputs, outputs]`` row by row.
    """

    first: Tensor
    tiles: Tensor


def tiled(network: Network, made: Matrices) -> Tiled:
    """Cut matrices into tiles, padded with zeros."""
    import torch

    outs = [layer.outputs for layer in network.layers]
    first = torch.zeros(
        (made.first.shape[1], sum(chunks(outs[0]))), dtype=torch.float32, device=made.first.device
    )
    first[:, : outs[0]] = made.first.T
    tiles = []
    for before, after, matrix in zip(outs, outs[1:], made.rest, strict=False):
        padded = matrix.new_zeros((sum(chunks(before)), sum(chunks(after))))
        padded[:before, :after] = matrix.T
        for columns in torch.split(padded, list(chunks(after)), dim=1):
            tiles += [t.reshape(-1) for t in torch.split(columns, list(chunks(before)), dim=0)]
    blank = made.first.new_zeros(16)
    return Tiled(first, torch.cat(tiles) if tiles else blank)


def padded_bias(network: Network, biases: Tensor) -> Tensor:
    """Return the biases of all layers, each padded as its tiles are."""
    import torch

    parts = []
    for part, layer in zip(
        torch.split(biases, [layer.outputs for layer in network.layers]),
        network.layers,
        strict=True,
    ):
        missing = sum(chunks(layer.outputs)) - layer.outputs
        parts.append(torch.nn.functional.pad(part, (0, missing)) if missing else part)
    return torch.cat(parts)
