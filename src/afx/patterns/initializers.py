"""How chance becomes weights: the known recipes by name, with their sources.

They are taken as published and keep their hidden layers, and so also their dull or frayed pictures,
which is what one wants to see of them. The one named ``prepared`` is ours and no formula: it is
measured (``preparing``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How a published initializer turns standard normal numbers into weights.

    Attributes
    ----------
    source : str
        Where it comes from.
    weights : callable
        ``weights(normal, fan_in, fan_out, first)`` for the coordinates of the first layer and for
        whole hidden layers.
    biases : callable
        ``biases(normal, fan_in, first)``.
    """

    source: str
    weights: Callable[[Floats, int, int, bool], Floats]
    biases: Callable[[Floats, int, bool], Floats]


def _even(normal: Floats) -> Floats:
    """Return numbers evenly spread over (−1, 1), rising with the normal ones."""
    from scipy.special import erf

    return np.asarray(erf(normal / math.sqrt(2.0)), dtype=np.float64)


_OMEGA = 30.0
"""SIREN's frequency, folded into weights and biases: our sine has none."""

RECIPES: dict[str, Recipe] = {
    "distill": Recipe(
        "Mordvintsev et al. 2018, Differentiable image parameterizations: N(0, 1/n), coordinates"
        " to ±√3",
        lambda z, n, _, first: z * math.sqrt(1.0 / n) * (math.sqrt(3.0) if first else 1.0),
        lambda z, *_: z * 0.0,
    ),
    "siren": Recipe(
        "Sitzmann et al. 2020, Implicit neural representations with periodic activations: ω₀ 30",
        lambda z, n, _, first: _even(z) * (_OMEGA / n if first else math.sqrt(6.0 / n)),
        lambda z, n, _: _even(z) * _OMEGA / math.sqrt(n),
    ),
    "finer": Recipe(
        "Liu et al. 2024, FINER: first biases wide, ±5; half of SIREN's bounds, as the size of"
        " x counts for more in our unit, whose ω₀ is 1",
        lambda z, n, _, first: _even(z) * (math.pi / n if first else math.sqrt(1.5 / n)),
        lambda z, n, first: _even(z) * (5.0 if first else 1.0 / math.sqrt(n)),
    ),
    "glorot": Recipe(
        "Glorot and Bengio 2010: uniform to ±√(6/(n + m))",
        lambda z, n, m, _: _even(z) * math.sqrt(6.0 / (n + m)),
        lambda z, *_: z * 0.0,
    ),
    "he": Recipe(
        "He et al. 2015: N(0, 2/n)",
        lambda z, n, *_: z * math.sqrt(2.0 / n),
        lambda z, *_: z * 0.0,
    ),
    "lecun": Recipe(
        "LeCun et al. 1998: N(0, 1/n)",
        lambda z, n, *_: z * math.sqrt(1.0 / n),
        lambda z, *_: z * 0.0,
    ),
    "uniform": Recipe(
        "Picbreeder, Secretan et al. 2008: uniform to ±3, whatever the size",
        lambda z, *_: _even(z) * 3.0,
        lambda z, *_: _even(z) * 3.0,
    ),
}
"""Published initializers by name; ``prepared`` is ours and measured, not written down."""
