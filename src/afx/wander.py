"""Walks: closed, smooth paths of knobs through seeded stations.

Pure mathematics of curves: knows numbers and ranges; what paces a walk is known to ``routes``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afx.chance import generator

Floats = NDArray[np.float64]

BAR = 2.0
"""Seconds of a bar where the beat is not sure: four beats at 120 a minute."""


def walked(names: Iterable[str]) -> tuple[str, ...]:
    """Return which of these knobs a walk moves: latents, and ``morph`` along with them.

    Without latents there is no path to walk, and nothing is returned.
    """
    known = tuple(names)
    latents = tuple(name for name in known if name.startswith("latent_"))
    return (*latents, "morph") if latents and "morph" in known else latents


def stations(
    seed: int, name: str, count: int, *, lo: float, hi: float, rest: float, reach: float
) -> Floats:
    """Return a knob's values at the stations of a walk, in their order.

    Parameters
    ----------
    seed : int
        Which path; the same seed gives the same one.
    name : str
        The knob's: every knob goes its own way.
    count : int
        Stations.
    lo, hi, rest : float
        The knob's range and where it rests.
    reach : float
        Share of the way from rest to the ends that the farthest stations lie at; 0 stays at rest.

    Returns
    -------
    ndarray, float64 [count]
        Evenly spread between the ends and shuffled: no two stations of a knob are alike.
    """
    levels = generator(seed, f"walk.{name}").permutation(np.linspace(-1.0, 1.0, count))
    room = np.where(levels > 0.0, hi - rest, rest - lo)
    return np.asarray(rest + reach * levels * room)


def closed_path(points: Floats, at: ArrayLike) -> Floats:
    """Return where a closed Catmull-Rom spline is (Catmull & Rom 1974).

    Parameters
    ----------
    points : ndarray [stations]
        Values at whole positions; the last is followed by the first.
    at : array_like
        Positions, in stations; any number of rounds.

    Returns
    -------
    ndarray, of the shape of `at`
        Without jumps or corners; between stations it may go beyond them by an eighth of their step.
    """
    count = len(points)
    position = np.mod(np.asarray(at, dtype=np.float64), count)
    # A position just below 0 may round to the end of the round itself.
    here = np.floor(position).astype(np.int64) % count
    u = position - np.floor(position)
    before, start, end, after = (points[(here + k) % count] for k in (-1, 0, 1, 2))
    return np.asarray(
        start
        + 0.5
        * u
        * (
            (end - before)
            + u
            * (
                (2.0 * before - 5.0 * start + 4.0 * end - after)
                + u * (3.0 * (start - end) + after - before)
            )
        )
    )
