"""Time taken fairly on a machine that does other things too: several short runs, the best counts.

What disturbs a run only makes it longer, so the shortest is nearest to what the machine can do; how
far the others lie from it is said beside it. One thread alone is timed by its own CPU seconds,
which others' work hardly changes; several threads only the clock on the wall can time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timing:
    """Rates of several runs of the same work.

    Attributes
    ----------
    rates : tuple of float
        Work a second, of each run.
    """

    rates: tuple[float, ...]

    @property
    def best(self) -> float:
        """The fastest run."""
        return max(self.rates)

    @property
    def spread(self) -> float:
        """How far the median run lies below the best, as a share of it, in [0, 1]."""
        return 1.0 - median(self.rates) / self.best


def rounds(
    jobs: Sequence[Callable[[], float]],
    *,
    budget: float,
    least: int = 2,
    most: int = 7,
) -> list[Timing]:
    """Run jobs in turn, so that the machine's moods meet all of them alike.

    Parameters
    ----------
    jobs : sequence of callable
        Each does its work once and returns its rate.
    budget : float
        Seconds after which no new round begins.
    least, most : int
        Number of rounds.
    """
    rates: list[list[float]] = [[] for _ in jobs]
    start = time.perf_counter()
    while len(rates[0]) < least or (len(rates[0]) < most and time.perf_counter() - start < budget):
        for job, found in zip(jobs, rates, strict=True):
            found.append(job())
    return [Timing(tuple(found)) for found in rates]
