"""Networks as part of a field: their shape and where their weights lie.

A network's weights are data, not code: the LLVM target loops over them in memory, so new weights
need no new code; the GLSL target writes them into the shader as constants; torch multiplies
matrices. All of them evaluate, layer by layer, ``h ← activation(W h + V f + b)``, where ``f`` are
the film inputs: values that are the same for a whole frame and shift every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.field.activations import ACTIVATIONS, NUMPY_ACTIVATIONS

__all__ = ["ACTIVATIONS", "NUMPY_ACTIVATIONS", "Layer", "Network"]


@dataclass(frozen=True)
class Layer:
    """One dense layer, its rows sorted into runs that share an activation.

    Attributes
    ----------
    inputs : int
    activations : tuple of (str, int)
        Name and number of rows of each run, in the order of the rows.
    """

    inputs: int
    activations: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        for name, count in self.activations:
            if name not in ACTIVATIONS:
                raise ValueError(f"unknown activation {name!r}: one of {', '.join(ACTIVATIONS)}")
            if count < 1:
                raise ValueError(f"a run of {count} rows of {name!r}: at least 1 is needed")

    @property
    def outputs(self) -> int:
        """Number of rows."""
        return sum(count for _, count in self.activations)


@dataclass(frozen=True)
class Network:
    """A stack of dense layers whose weights are found under `name` when it runs.

    The weights are one flat float32 array: for each layer the matrix ``W[outputs, inputs]`` row by
    row, then the bias ``b[outputs]``.

    Attributes
    ----------
    name : str
    layers : tuple of Layer
    film : int
        How many of the inputs, the last ones, reach every layer and not only the first (after Perez
        et al. 2018, "FiLM", shifts alone). They must be the same for a whole frame. The matrix of
        each layer has its columns for them last: a later layer has as many inputs as the one before
        has outputs, and `film` more.
    """

    name: str
    layers: tuple[Layer, ...]
    film: int = 0

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("a network needs at least one layer")
        if not 0 <= self.film <= self.layers[0].inputs:
            raise ValueError(f"{self.film} film inputs of {self.layers[0].inputs} inputs")
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            if before.outputs + self.film != after.inputs:
                raise ValueError(
                    f"a layer with {before.outputs} outputs feeds one with {after.inputs} inputs"
                    + (f", {self.film} of them film" if self.film else "")
                )

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.layers[-1].outputs

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return sum(layer.outputs * (layer.inputs + 1) for layer in self.layers)

    def columns(self, same: Sequence[bool]) -> list[list[int]]:
        """Return for each layer the columns of its matrix in the order in which they are summed.

        After the bias come the inputs that are the same for a frame, because they can be added to
        it once, then the others. All targets sum in this order, so their rounding is the same.

        Parameters
        ----------
        same : sequence of bool
            For each input of the network, whether it is the same for a frame.
        """
        orders = [sorted(range(self.inputs), key=lambda k: not same[k])]
        for layer in self.layers[1:]:
            own = layer.inputs - self.film
            orders.append([*range(own, layer.inputs), *range(own)])
        return orders

    def split(
        self, weights: NDArray[np.float32]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return (W, b) of each layer as views into the flat array.

        Raises
        ------
        ValueError
            If the array has another size than the network.
        """
        if weights.shape != (self.size,):
            raise ValueError(f"the network needs {self.size} weights, got {weights.shape}")
        parts, at = [], 0
        for layer in self.layers:
            n = layer.outputs * layer.inputs
            matrix = weights[at : at + n].reshape(layer.outputs, layer.inputs)
            parts.append((matrix, weights[at + n : at + n + layer.outputs]))
            at += n + layer.outputs
        return parts
