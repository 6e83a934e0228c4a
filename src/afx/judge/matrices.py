"""C1 over everything at once: how much of what is heard is in what is seen, feature by feature.

The modified RV coefficient (Smilde et al. 2009, "Matrix correlations for high-dimensional data") of
two matrices over the same moments: the correlation of their tables of likeness, moment by moment,
without the diagonals, whose size alone grows with the number of features. Knows matrices; knows
nothing of videos or songs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MOST = 2000
"""Moments that are compared, at most: evenly chosen from more."""
SHIFTS = 39


@dataclass(frozen=True)
class Shared:
    """How two matrices hang together.

    Attributes
    ----------
    rv2 : float
        1 the same up to rotation and scale, 0 nothing in common; it may fall below 0.
    chance : float
        The mean of the same with one matrix shifted around: slow curves always share something.
    """

    rv2: float
    chance: float


def shared(sound: ArrayLike, picture: ArrayLike) -> Shared:
    """Compare what is heard with what is seen.

    Parameters
    ----------
    sound : array_like [n, p]
    picture : array_like [n, q]
        At the same moments.
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (sound, picture))
    every = max(1, math.ceil(len(x) / MOST))
    a, b = _likeness(x[::every]), _likeness(y[::every])
    n = len(a)
    turns = sorted({round(n * k / (SHIFTS + 1)) for k in range(1, SHIFTS + 1)} - {0, n})
    others = [_coefficient(a, np.roll(b, turn, axis=(0, 1))) for turn in turns]
    return Shared(_coefficient(a, b), float(np.mean(others)) if others else 0.0)


def rv2(sound: ArrayLike, picture: ArrayLike) -> float:
    """Return the modified RV coefficient of two matrices, [n, p] and [n, q]."""
    return _coefficient(_likeness(sound), _likeness(picture))


def balanced(*parts: ArrayLike) -> Floats:
    """Put parts [n, d] side by side, each with an equal say: of variance 1 in all."""
    columns = []
    for part in parts:
        rows = np.asarray(part, dtype=np.float64)
        rows = rows - rows.mean(axis=0)
        columns.append(rows / max(math.sqrt(float((rows**2).sum()) / max(len(rows), 1)), 1e-9))
    return np.concatenate(columns, axis=1)


def scaled(rows: ArrayLike) -> Floats:
    """Bring columns of different units to deviation 1; those that never change to 0."""
    values = np.asarray(rows, dtype=np.float64)
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf))


def _likeness(rows: ArrayLike) -> Floats:
    """Return the products of centered rows, [n, n], with an empty diagonal."""
    values = np.asarray(rows, dtype=np.float64)
    values = values - values.mean(axis=0)
    products = values @ values.T
    np.fill_diagonal(products, 0.0)
    return np.asarray(products)


def _coefficient(a: Floats, b: Floats) -> float:
    power = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum() / power) if power > 1e-18 else 0.0
