"""What the speed benchmarks share: the size of a frame, and the best of several runs."""

from __future__ import annotations

from collections.abc import Callable

WIDTH, HEIGHT = 1280, 720


def best(run: Callable[[], object], times: int, clock: Callable[[], float]) -> float:
    """Return the least time of several runs."""
    found = []
    for _ in range(times):
        start = clock()
        run()
        found.append(clock() - start)
    return min(found)
