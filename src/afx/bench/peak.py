"""The machine's matrix peak: the fastest product of float32 matrices that it can be got to make.

On the processor NumPy multiplies, or torch where it is there and faster, in a process of its own
that is told to use one thread a product: so the figure of n threads is that of n products at once,
whatever those libraries do by themselves. On a graphics card torch multiplies. A product of n × n
matrices counts 2 n³ operations.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from types import TracebackType
from typing import Literal, Self

from music_analysis.errors import UserError

SIDE = 2048
"""Of the matrices: 17 MB each, about 0.1 s on an AVX-512 core. Smaller ones fall 3 to 8 % short."""

_WORKER = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
import numpy as np
side = int(sys.argv[1])
rng = np.random.default_rng(1)
a, b = (rng.standard_normal((side, side), np.float32) for _ in range(2))
results = []
def with_numpy(k):
    np.matmul(a, b, out=results[k])
libraries = {'NumPy': with_numpy}
if find_spec('torch') is not None:
    try:
        import torch
    except (ImportError, OSError):
        pass
    else:
        torch.set_num_threads(1)
        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        def with_torch(k):
            torch.mm(ta, tb, out=torch.from_numpy(results[k]))
        libraries['torch'] = with_torch
def rate(product, threads, pool):
    if threads == 1:
        start = time.thread_time()
        product(0)
        seconds = time.thread_time() - start
    else:
        start = time.perf_counter()
        list(pool.map(product, range(threads)))
        seconds = time.perf_counter() - start
    return threads * 2 * side**3 / max(seconds, 1e-9)
pools, tried = {}, {}
for line in sys.stdin:
    threads = int(line)
    while len(results) < threads:
        results.append(np.zeros_like(a))
    if threads not in pools:
        pools[threads] = ThreadPoolExecutor(threads)
        tried[threads] = {name: [] for name in libraries}
        for product in libraries.values():
            product(0)  # warms up
    rates = tried[threads]
    name = min(rates, key=lambda n: len(rates[n]))
    if len(rates[name]) >= 6:  # all had their chances, on whatever else the machine does
        name = max(rates, key=lambda n: max(rates[n]))
    rates[name].append(rate(libraries[name], threads, pools[threads]))
    print(name, rates[name][-1], flush=True)
"""

_ONE_THREAD = ("OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM")


class ProcessorPeak:
    """Measures matrix products on the processor, as often as it is asked.

    Use it as a context manager; leaving it ends the process.
    """

    def __init__(self) -> None:
        self.best: dict[int, float] = {}
        """Operations a second by number of threads, the best so far."""
        self.library = "NumPy"
        """Whose product was the fastest."""
        environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in _ONE_THREAD}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(SIDE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us; it ends when its input does
        )

    def measure(self, threads: int) -> float:
        """Return the operations a second of `threads` products at once; the best is kept.

        One thread is timed in CPU seconds, several by the clock. Libraries take turns until it is
        plain which is the fastest.

        Raises
        ------
        UserError
            If the process has ended, for lack of memory for instance.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{threads}\n")
            self._process.stdin.flush()
            name, figure = self._process.stdout.readline().split()
            rate = float(figure)
        except (OSError, ValueError) as error:
            raise UserError(
                "the matrix peak could not be measured: is there memory left for it?"
            ) from error
        if rate > self.best.get(threads, 0.0):
            self.best[threads], self.library = rate, name
        return rate

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def device_peak(device: str, precision: Literal["float32", "half"], budget: float = 1.0) -> float:
    """Return the operations a second of matrix products on a graphics card, through torch.

    Float32 is float32: the shortened products of tensor cores (TF32) are off.
    """
    import torch

    kind = torch.float16 if precision == "half" else torch.float32
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    best = 0.0
    wait = torch.cuda.synchronize if device == "cuda" else torch.mps.synchronize
    try:
        for side in (4096, 8192):
            a = torch.randn(side, side, device=device, dtype=kind)
            b = torch.randn(side, side, device=device, dtype=kind)
            end = time.perf_counter() + budget / 2
            torch.matmul(a, b)
            wait()
            while time.perf_counter() < end:
                start = time.perf_counter()
                for _ in range(4):
                    torch.matmul(a, b)
                wait()
                best = max(best, 8 * side**3 / (time.perf_counter() - start))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return best
