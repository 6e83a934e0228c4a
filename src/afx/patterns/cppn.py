"""Compositional pattern-producing networks: pictures painted by small random neural networks.

A network sees where a point is, how far it is from the center, where two unrelated clocks stand on
their circles, and the latents that music holds; it answers with scalars, which become tone and hue.
Random networks are as likely dull as rich, so a seed's weights are prepared here: every layer is
brought to the same gain on sample points, then the fineness of the picture and the pull of every
latent are measured and set. The same seed gives the same network everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afx.field import (
    ACTIVATIONS,
    Expr,
    Field,
    Layer,
    Network,
    Point,
    bell,
    clock,
    cos_turns,
    knob,
    noise,
    run_network,
    sin_turns,
    sqrt,
    squash,
)
from afx.patterns.registry import Weights, pattern

Floats = NDArray[np.float64]

LATENTS = 4
FRAME_INPUTS = LATENTS + 1 + 4
"""Latents, morph, and two clocks as cosine and sine: the same for all points of a frame."""
INPUTS = FRAME_INPUTS + 3
_HELD = LATENTS + 1
OUTPUTS = 3
MIXED = ("sine", "tanh", "gaussian", "cosine", "tanh", "gaussian")
"""Waves cost three times what the others do, and a third of them is enough for rich pictures."""
WIDTHS, DEPTHS = (8, 64), (2, 10)
"""Smallest and largest width and number of hidden layers."""

_GAIN = 1.35
"""Standard deviation of what enters an activation: lower is dull, above 2 shapes fray."""
_FINENESS = 4.2
"""Root mean square slope of the standardized output, per half height of the picture."""
_PULL = 0.65
"""Root mean square change of the standardized output when one latent moves by 1."""
_FLOW = 0.85
"""The same from one time to another far from it."""
_ROUND = 0.02
"""Added to r²: without it the distance has a kink at the center (the tip of a cone)."""
_GRID = (41, 23)

_NUMPY: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda x: x,
    "sine": np.sin,
    "cosine": np.cos,
    "tanh": np.tanh,
    "gaussian": lambda x: np.maximum(1.0 - 0.1 * x * x, 0.0) ** 4,
    "absolute": np.abs,
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "exact_tanh": np.tanh,
    "exact_gaussian": lambda x: np.exp(-0.5 * x * x),
}


def cppn_network(name: str, width: int, depth: int, activations: Sequence[str] = MIXED) -> Network:
    """Return the shape of a CPPN.

    Parameters
    ----------
    name : str
        Under which its weights are found.
    width : int
        Units of a hidden layer, 8 to 64.
    depth : int
        Hidden layers, 2 to 10.
    activations : sequence of str
        Names from `afx.field.ACTIVATIONS`, dealt to the units of every hidden layer in turn; a name
        may come twice.

    Raises
    ------
    ValueError
        If a number is out of range or an activation unknown.
    """
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        raise ValueError(f"a CPPN's width is {WIDTHS[0]} to {WIDTHS[1]}, not {width}")
    if not DEPTHS[0] <= depth <= DEPTHS[1]:
        raise ValueError(f"a CPPN's depth is {DEPTHS[0]} to {DEPTHS[1]}, not {depth}")
    if not activations:
        raise ValueError("a CPPN needs at least one activation")
    for wanted in activations:
        if wanted not in ACTIVATIONS:
            raise ValueError(f"unknown activation {wanted!r}: one of {', '.join(ACTIVATIONS)}")
    dealt = Counter(activations[k % len(activations)] for k in range(width))
    runs = tuple(dealt.items())
    hidden = tuple(Layer(INPUTS if k == 0 else width, runs) for k in range(depth))
    return Network(name, (*hidden, Layer(width, (("linear", OUTPUTS),))))


def prepared_weights(network: Network, seed: int) -> NDArray[np.float32]:
    """Return weights for which the network's picture is rich, whatever the seed.

    Parameters
    ----------
    network : Network
        As `cppn_network` makes it.
    seed : int
        Any whole number; the same seed gives the same weights.

    Returns
    -------
    ndarray, float32 [network.size]
        Over the sample points every output has mean 0 and a standard deviation of 1 a picture.
    """
    key = np.array([seed % 2**64, 0x4350504E], dtype=np.uint64)
    rng = np.random.Generator(np.random.Philox(key=key))
    matrices = [rng.standard_normal((layer.outputs, layer.inputs)) for layer in network.layers]
    offsets = [0.6 * rng.standard_normal(layer.outputs) for layer in network.layers]
    columns, rows = _GRID
    x, y = np.meshgrid(np.linspace(-1.78, 1.78, columns), np.linspace(-1.0, 1.0, rows))
    space = np.stack([x, y, np.sqrt(x * x + y * y + _ROUND)], axis=-1)
    moments = _moments(rng)
    scale = np.concatenate([np.full(FRAME_INPUTS, 0.35), np.full(3, 1.0)])
    first = matrices[0]
    for _ in range(10):
        matrices[0] = first * scale
        out = _standardize(network, matrices, offsets, space, moments)[0][..., 0]
        slopes = np.gradient(out, 2.0 / (rows - 1), 3.56 / (columns - 1), axis=(1, 2))
        fineness = float(np.sqrt(np.mean(slopes[0] ** 2 + slopes[1] ** 2)))
        scale[FRAME_INPUTS:] *= np.clip((_FINENESS / max(fineness, 1e-3)) ** 0.7, 0.5, 2.0)
        moved = np.sqrt(np.mean((out[1:] - out[:1]) ** 2, axis=(1, 2)))
        pull = np.clip((_PULL / np.maximum(moved, 1e-3)) ** 0.7, 0.5, 2.0)
        scale[:_HELD] *= pull[:_HELD]
        # Half a round of both clocks may remake the picture, no more.
        flow = float(moved[_HELD:].mean())
        scale[_HELD:FRAME_INPUTS] *= np.clip((_FLOW / max(flow, 1e-3)) ** 0.7, 0.5, 2.0)
    matrices[0] = first * scale
    _, matrices, biases = _standardize(network, matrices, offsets, space, moments)
    flat = [part.ravel() for pair in zip(matrices, biases, strict=True) for part in pair]
    return np.concatenate(flat).astype(np.float32)


def _moments(rng: np.random.Generator) -> Floats:
    """Return frame inputs: a moment at rest, one for each held input moved, five other times."""
    rest = np.zeros((1 + _HELD + 5, FRAME_INPUTS))
    rest[:, LATENTS] = 0.5
    angles = rng.uniform(0.0, 2.0 * np.pi, (len(rest), 2))
    angles[1 : 1 + _HELD] = angles[0]
    rest[:, _HELD:] = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(len(rest), 4)
    rest[1 : 1 + _HELD, :_HELD] += np.eye(_HELD)
    return rest


def _standardize(
    network: Network,
    matrices: Sequence[Floats],
    offsets: Sequence[Floats],
    space: Floats,
    moments: Floats,
) -> tuple[Floats, list[Floats], list[Floats]]:
    """Set every layer's gain on the samples: outputs [moments, rows, columns, 3], matrices, biases.

    The rows of a layer are scaled so that what enters each activation has the wished spread over
    the points (after Mishkin & Matas 2016, "All you need is a good init", here unit by unit). The
    first layer is left alone: its scales are what is searched for.
    """
    shape = (len(moments), *space.shape[:2])
    frame = np.broadcast_to(moments[:, None, None], (*shape, FRAME_INPUTS))
    values = np.concatenate([frame, np.broadcast_to(space, (*shape, 3))], axis=-1)
    scaled, biases = [], []
    last = len(network.layers) - 1
    for k, (layer, matrix, offset) in enumerate(
        zip(network.layers, matrices, offsets, strict=True)
    ):
        bias = offset
        if k:
            before = (values @ matrix.T).reshape(len(moments), -1, layer.outputs)
            # The spread over the points of a moment: what changes with time alone does not count.
            spread = np.sqrt(before.var(axis=1).mean(axis=0))
            gain = (1.0 if k == last else _GAIN) / np.maximum(spread, 1e-6)
            matrix = matrix * gain[:, None]
            bias = offset * (k < last) - before.mean(axis=(0, 1)) * gain
        values = values @ matrix.T + bias
        parts, at = [], 0
        for name, count in layer.activations:
            parts.append(_NUMPY[name](values[..., at : at + count]))
            at += count
        values = np.concatenate(parts, axis=-1)
        scaled.append(matrix)
        biases.append(bias)
    return np.asarray(values), scaled, biases


def cppn_pattern(
    name: str, width: int, depth: int, activations: Sequence[str] = MIXED
) -> tuple[Callable[..., Field], Weights]:
    """Return a pattern's function and the maker of its weights, for a CPPN of any shape.

    Raises
    ------
    ValueError
        As `cppn_network`.

    Examples
    --------
    >>> function, weights = cppn_pattern("mine", 24, 6, ("sine", "tanh"))
    >>> pattern(family="organic", title="Mine", source="Stanley 2007", weights=weights)(function)
    """
    network = cppn_network(name, width, depth, activations)

    def field(
        p: Point,
        *,
        phase: Expr = clock(0.05, 0.25, help="how fast the network dreams on"),
        latent_1: Expr = knob(0.0, -1.0, 1.0, help="first direction of change"),
        latent_2: Expr = knob(0.0, -1.0, 1.0, help="second direction of change"),
        latent_3: Expr = knob(0.0, -1.0, 1.0, help="third direction of change"),
        latent_4: Expr = knob(0.0, -1.0, 1.0, help="fourth direction of change"),
        morph: Expr = knob(0.5, 0.0, 1.0, help="a fifth direction, held by the voice"),
        detail: Expr = knob(0.5, 0.0, 1.0, help="fine folds inside the large forms"),
        warp: Expr = knob(0.2, 0.0, 1.0, help="how far a current bends the forms"),
        pulse: Expr = knob(0.0, 0.0, 1.0, help="veins light up"),
    ) -> Field:
        """Forms that a small random neural network dreams up; every seed is another world."""
        bend_x = noise(p.x * 0.8, p.y * 0.8, phase * 1.3, 1)
        x, y = (
            p.x + 0.4 * warp * bend_x,
            p.y + 0.4 * warp * noise(p.x * 0.8, p.y * 0.8 + 9.0, phase, 2),
        )
        slow = phase * 0.6180340
        frame = (
            latent_1,
            latent_2,
            latent_3,
            latent_4,
            morph,
            cos_turns(phase),
            sin_turns(phase),
            cos_turns(slow),
            sin_turns(slow),
        )
        form, tint, fine = run_network(network, (*frame, x, y, sqrt(x * x + y * y + _ROUND)))
        # Folds and veins of the same forms give detail where the forms have any.
        folds = sin_turns(form * 0.75 + fine * 0.45)
        veins = bell((fine + 0.45 * form) * 5.5) + bell((fine - 0.6 * form + 0.7) * 7.0)
        strands = sin_turns(fine * 1.6 - form * 1.0)
        tone = 0.45 + 0.34 * squash(form * 0.85) + 0.14 * squash(fine)
        tone = tone + detail * (0.15 * folds + 0.04 * strands)
        tone = tone + veins * (0.06 + 0.14 * detail + 0.12 * pulse)
        return Field(tone=tone, hue=0.11 * squash(tint * 0.8) + 0.03 * bend_x)

    def weights(seed: int) -> Mapping[str, NDArray[np.float32]]:
        return {name: prepared_weights(network, seed)}

    field.__name__ = name
    return field, weights


_function, _weights = cppn_pattern("cppn", 12, 4)
cppn = pattern(
    family="organic",
    title="Neural dream",
    source="CPPN: Stanley 2007; random networks as pictures: Ha 2016, Mordvintsev et al. 2018",
    weights=_weights,
)(_function)

_function, _weights = cppn_pattern("cppn_liquid", 12, 3, ("sine", "gaussian"))
cppn_liquid = pattern(
    family="organic",
    title="Liquid dream",
    source="CPPN: Stanley 2007; periodic activations: Sitzmann et al. 2020, SIREN",
    weights=_weights,
)(_function)
