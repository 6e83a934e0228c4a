"""Calls of a function in several processes, in bounded memory, that can be stopped at any moment.

Knows processes and signals; knows nothing of music. Workers are started afresh ("spawn": the same
on every system), so the function and its arguments must be picklable. A process that crashes costs
only the call that crashed it. When the parent stops or is killed, workers put their files in order
and end.
"""

from __future__ import annotations

import _thread
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

_C = TypeVar("_C")
_R = TypeVar("_R")

MOST: Final = 60
"""Processes: Windows can wait for no more."""
_GRACE: Final = 10.0
"""Seconds in which a worker that lost its parent puts its files in order."""
_AHEAD: Final = 2
"""Calls handed out for each worker: one that it is at, and one that waits."""

_busy, _stopping, _ending = threading.Event(), threading.Event(), threading.Event()


def in_processes(
    function: Callable[[_C], _R], calls: Iterable[_C], jobs: int
) -> Iterator[tuple[_C, _R | None]]:
    """Yield each call with its result as soon as it is done.

    Parameters
    ----------
    function
        Of one argument, and found by its name in its module.
    calls
        The arguments; taken as workers become free.
    jobs
        Processes, 1 to :data:`MOST`.

    Yields
    ------
    tuple
        The argument, and the result, or None if the process crashed over it.
    """
    rest = iter(calls)
    while suspects := (yield from _until_crash(function, rest, jobs)):
        # One of these did it: each is tried again in a process of its own.
        for call in suspects:
            if (yield from _until_crash(function, iter([call]), 1)):
                yield call, None


def _until_crash(
    function: Callable[[_C], _R], calls: Iterator[_C], jobs: int
) -> Generator[tuple[_C, _R | None], None, list[_C]]:
    """Yield results; return the calls that were lost when a process crashed, none at the end."""
    lost: list[_C] = []
    running: dict[Future[_R], _C] = {}
    with _workers(jobs) as pool:
        while True:
            for call in () if lost else islice(calls, jobs * _AHEAD - len(running)):
                try:
                    with _signals_held():
                        future = pool.submit(_work, function, call)
                except BrokenProcessPool:
                    lost.append(call)
                    break
                running[future] = call
            if not running:
                return lost
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                call = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(call)
                    continue
                yield call, result


@contextlib.contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    # Nothing is ever written: workers learn from its end that the parent has stopped.
    reader, writer = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(reader,))
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        writer.close()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        writer.close()
        reader.close()


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back signals while workers may be started: these inherit it, and hear the pipe alone."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# ---- in the worker -------------------------------------------------------------------------------


def _start_worker(reader: Connection) -> None:
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _end)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()


def _interrupt(_number: int, _frame: Any) -> None:
    if _busy.is_set():
        raise KeyboardInterrupt


def _end(_number: int, _frame: Any) -> None:
    """End at once, or as soon as what is being done has put its files in order."""
    _ending.set()
    if not _busy.is_set():
        os._exit(1)
    raise KeyboardInterrupt


def _watch(reader: Connection) -> None:
    parent = os.getppid()
    with contextlib.suppress(EOFError, OSError):
        reader.recv_bytes()
    _stopping.set()
    _thread.interrupt_main()
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline:
        time.sleep(0.02)
        if not _busy.is_set() and os.getppid() != parent:  # nobody is there to say goodbye to
            break
    os._exit(1)


def _work(function: Callable[[_C], _R], call: _C) -> _R:
    _busy.set()
    try:
        if _stopping.is_set():
            raise KeyboardInterrupt
        return function(call)
    finally:
        _busy.clear()
        if _ending.is_set():
            os._exit(1)
