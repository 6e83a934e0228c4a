"""Networks to measure with: their size is what counts, their weights are chance.

``random_network`` is what RESULTS.md's rows are made of too: six inputs of which four differ from
pixel to pixel (x, y, the distance from the center, x·y) and two hold for a frame; hidden layers a
quarter each of sine, cosine, tanh and Gaussian units; two outputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.field import Layer, Network, Program, length, pixel_point, run_network, uniform
from afx.field.graph import FRAME, order

NAME = "w"
"""Under which the weights are found."""
KNOBS = {"t": 0.3, "z": 0.5}
"""The inputs that hold for a frame, and their values while measuring."""
_UNITS = ("sine", "cosine", "tanh", "gaussian")
WIDTHS, DEPTHS = (4, 512), (1, 12)


@dataclass(frozen=True)
class Sized:
    """A program that runs a network, and its weights.

    Attributes
    ----------
    program : Program
        Outputs tone, hue; knobs t, z; network ``"w"``.
    weights : float32 array
    """

    program: Program
    weights: NDArray[np.float32]


def parse_size(text: str) -> tuple[int, int]:
    """Read a network's size, such as ``256x8``: width (4 to 512) and depth (1 to 12).

    Raises
    ------
    ValueError
        With a line for a person.
    """
    found = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", text.strip().lower())
    if found is None:
        raise ValueError(f"{text.strip()!r} is no network: write width x depth, such as 256x8")
    width, depth = int(found[1]), int(found[2])
    for value, (low, high), what in ((width, WIDTHS, "width"), (depth, DEPTHS, "depth")):
        if not low <= value <= high:
            raise ValueError(f"{width}x{depth}: {what} must be {low} to {high}")
    return width, depth


def random_network(width: int, depth: int, seed: int = 1) -> Sized:
    """Return a network of `depth` hidden layers of `width` units, with random weights.

    Parameters
    ----------
    width, depth : int
    seed : int
        Of the weights: normal, with standard deviation 1.2 / √width.
    """
    shares = [width * (k + 1) // 4 - width * k // 4 for k in range(4)]
    runs = tuple((unit, n) for unit, n in zip(_UNITS, shares, strict=True) if n)
    hidden = [Layer(6, runs), *[Layer(width, runs)] * (depth - 1)]
    network = Network(NAME, (*hidden, Layer(width, (("linear", 2),))))
    weights = np.random.default_rng(seed).normal(size=network.size).astype(np.float32)
    weights *= np.float32(1.2 / np.sqrt(width))
    p = pixel_point()
    inputs = (uniform("t"), uniform("z"), p.x, p.y, length(p.x, p.y), p.x * p.y)
    tone, hue = run_network(network, inputs)
    return Sized(Program((("tone", tone), ("hue", hue)), tuple(KNOBS)), weights)


def work(program: Program) -> int:
    """Return the additions and multiplications that a program's networks need for a pixel.

    The layers' matrices alone, two for each weight: activations and all else count nothing, and
    inputs that hold for a frame cost a pixel nothing. So the share of a machine's peak that follows
    from it is what a matrix product would have, never more.
    """
    ordered = order([value for _, value in program.outputs])
    total = 0
    for node in ordered.all():
        if node.op != "network":
            continue
        network: Network = node.data
        for index, layer in enumerate(network.layers):
            if index == 0:
                inputs = sum(ordered.scope[ordered.of(n)] != FRAME for n in node.args)
            else:
                inputs = layer.inputs - network.film
            total += 2 * inputs * layer.outputs
    return total
