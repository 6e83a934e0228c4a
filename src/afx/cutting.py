"""Where to cut: the choice among many places that gathers the most novelty at comfortable lengths.

Knows times and worths; knows nothing of music or looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lengths:
    """How long parts may be, in seconds.

    Attributes
    ----------
    shortest : float
        None is shorter.
    comfort : float
        Where nothing speaks for another length, parts are about this long.
    longest : float
        Longer ones are priced, not forbidden: up to half as long again.
    """

    shortest: float = 12.0
    comfort: float = 24.0
    longest: float = 40.0


SCENES = Lengths()
"""Of looks."""
CUT_COST = 0.35
"""Novelty (0..1) below which a boundary is not worth a cut."""


def best_cuts(
    places: NDArray[np.float64],
    worth: NDArray[np.float64],
    start: float,
    end: float,
    lengths: Lengths = SCENES,
) -> list[tuple[float, float]]:
    """Return where to cut [start, end]: (time, worth there), rising.

    Exact, by dynamic programming.

    Parameters
    ----------
    places : [n], rising
        Times at which a cut may be.
    worth : [n]
        What a cut there is worth, 0 to 1.
    start, end : float
        The stretch.
    lengths : Lengths
    """
    inside = (places >= start + lengths.shortest) & (places <= end - lengths.shortest)
    times = np.concatenate([[start], places[inside], [end]])
    gain = np.concatenate([[0.0], worth[inside] - CUT_COST, [0.0]])
    best = np.full(len(times), -np.inf)
    best[0] = 0.0
    came = np.zeros(len(times), dtype=np.int64)
    lows = np.searchsorted(times, times - 1.5 * lengths.longest)
    highs = np.searchsorted(times, times - lengths.shortest + 1e-9, side="right")
    for j in range(1, len(times)):
        low, high = int(lows[j]), int(highs[j])
        if low >= high:
            continue
        length = times[j] - times[low:high]
        cost = 0.15 * ((length - lengths.comfort) / (lengths.longest - lengths.comfort)) ** 2
        cost += 0.5 * np.maximum(length - lengths.longest, 0.0)
        scores = best[low:high] - cost
        k = int(np.argmax(scores))
        best[j], came[j] = scores[k] + gain[j], low + k
    cuts = []
    at = int(came[-1]) if np.isfinite(best[-1]) else 0
    while at > 0:
        cuts.append((float(times[at]), float(gain[at] + CUT_COST)))
        at = int(came[at])
    return cuts[::-1]


def nearest(places: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each time the index of the place nearest to it; places rise, one at least."""
    right = np.clip(np.searchsorted(places, times), 1, max(len(places) - 1, 1))
    right = np.minimum(right, len(places) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(times - places[left] <= places[right] - times, left, right)
