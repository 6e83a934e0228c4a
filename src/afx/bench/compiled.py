"""Compiled fields as they are timed: calls on one thread or many, and what they hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from afx.bench.network import KNOBS, NAME, random_network, work
from afx.field.jit import Call, Geometry, Kernel

WIDTH = 1280
"""Of the rows that calls fill, pixels: a batch is whole rows."""
_GEOMETRY = Geometry.of(1280, 720)


class CompiledField:
    """A compiled field and what its calls need.

    Attributes
    ----------
    name : str
    work : int
        Operations a pixel, of its networks alone.
    """

    def __init__(
        self, name: str, kernel: Kernel, knobs: Mapping[str, float],
        weights: Mapping[str, NDArray[np.float32]],
        buffers: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.name, self.kernel = name, kernel
        self.knobs, self.weights, self.buffers = knobs, weights, buffers
        self.work = work(kernel.program)

    def call(self, rows: int) -> Call:
        """Return a call with memory of its own for so many rows."""
        call = Call(self.kernel)
        for output in self.kernel.module.outputs:
            kind = np.uint8 if output in self.kernel.byte_outputs else np.float32
            call.output(output, np.zeros((rows, WIDTH), kind))
        for name, values in self.weights.items():
            call.weights(name, values)
        for name, values in self.buffers.items():
            call.buffer(name, values)
        call.knobs[:] = [self.knobs[k] for k in self.kernel.module.knobs]
        return call

    def memory(self, rows: int, threads: int) -> int:
        """Return the bytes that so many calls hold."""
        planes = len(self.kernel.module.outputs) * rows * WIDTH * 4
        weights = sum(values.nbytes for values in self.weights.values())
        return threads * (planes + 4 * self.kernel.module.scratch) + weights


def _run(call: Call, rows: int, times: int = 1) -> None:
    for _ in range(times):
        call.run(_GEOMETRY, (0, rows), (0, WIDTH))


def one_thread(call: Call, rows: int) -> Callable[[], float]:
    """Return what runs a call: pixels for each CPU second of this thread."""

    def run() -> float:
        start = time.thread_time()
        _run(call, rows)
        return rows * WIDTH / max(time.thread_time() - start, 1e-9)

    return run


def many_threads(
    pool: ThreadPoolExecutor, calls: list[Call], rows: int, times: int
) -> Callable[[], float]:
    """Return what runs calls at once, each some times: pixels a second by the clock."""

    def run() -> float:
        start = time.perf_counter()
        list(pool.map(lambda call: _run(call, rows, times), calls))
        return len(calls) * times * rows * WIDTH / (time.perf_counter() - start)

    return run


def network_field(width: int, depth: int) -> CompiledField:
    """Return a random network's compiled field."""
    made = random_network(width, depth)
    return CompiledField(f"{width}×{depth}", Kernel(made.program), KNOBS, {NAME: made.weights})


def pattern_field(name: str) -> CompiledField:
    """Return a pattern's compiled field, on the stage, seven seconds into a piece.

    What it remembers is as at its beginning: the steps of a memory are not timed.
    """
    from afx.patterns import PATTERNS
    from afx.patterns.simulation import Grid
    from afx.stage import STAGE_KNOBS, staged

    pattern = PATTERNS[name]
    knobs = {
        k.name: k.default * (7 if k.kind == "clock" else 1) for k in pattern.knobs + STAGE_KNOBS
    }
    weights = dict(pattern.weights(0)) if pattern.weights else {}
    buffers: Mapping[str, NDArray[np.float32]] = {}
    if (memory := pattern.simulation) is not None:
        buffers = memory.start(Grid.of(memory.cells, 16 / 9), 0, knobs, None).buffers()
    return CompiledField(name, Kernel(staged(pattern.function)), knobs, weights, buffers)
