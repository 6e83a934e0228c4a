"""The edge of every command: exit codes, one line for every mistake, and a clean stop.

Mistakes of a person are one line and exit code 1, a stop is one line and 130 (Ctrl-C) or 143
(SIGTERM), and everything else is a bug that shows its traceback. Knows nothing of what commands do;
imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

PATIENCE = 1.0
"""Seconds in which a second Ctrl-C is taken for the first; later it ends the process at once."""

_FIXED_BY_PEOPLE = frozenset(
    (
        errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG,
        errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ELOOP, errno.EIO, errno.EMFILE,
        errno.EINVAL,
    )
)  # fmt: skip
"""What disks and permissions say, where no better line was found on the way."""


def run(name: str, work: Callable[[], str | None], farewell: str = "Stopped.") -> int:
    """Carry out a command.

    Parameters
    ----------
    name : str
        What its complaints begin with.
    work : callable
        The command; returns what is wrong with how it was called, if anything is.
    farewell : str
        What is said when it is stopped.

    Returns
    -------
    int
        The exit code.
    """
    # A name that the terminal cannot write is shown with question marks, not with a traceback.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    with _stoppable() as stop:
        try:
            complaint = work()
            sys.stdout.flush()
        except KeyboardInterrupt:
            say(farewell)
            return 128 + stop.number
        except BrokenPipeError:  # `afx looks | head`: the reader has seen enough
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + 13
        except UserError as error:
            complaint = str(error)
        except OSError as error:
            if error.errno not in _FIXED_BY_PEOPLE:
                raise
            file = f"{error.filename}: " if error.filename else ""
            complaint = f"{file}{error.strerror}"
    if complaint is None:
        return 0
    say(f"{name}: {complaint}")
    return 1


def typed(app: App, arguments: list[str]) -> CycloptsError | None:
    """Carry out what was typed; return what cannot be understood of it."""
    from cyclopts import CycloptsError

    try:
        app(arguments, exit_on_error=False, print_error=False, verbose=False)
    except CycloptsError as error:
        return error
    return None


def mistake(error: CycloptsError) -> str:
    """Say in one line what is wrong with a command line."""
    from cyclopts import MissingArgumentError, UnknownOptionError, UnusedCliTokensError

    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"one thing too many: {error.unused_tokens[0]!r} (a name with spaces needs quotes)."
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.names[0] if error.argument.names else error.argument.name
        return f"{name} is missing." if not name.startswith("-") else f"{name} needs a value."
    if isinstance(error, UnknownOptionError):
        name = error.token.keyword or error.token.value
        if os.path.lexists(name):
            return f"unknown option {name}; the file of that name is ./{name}."
    return " ".join(str(error).split())


def say(line: str) -> None:
    """Write one line to stderr: one, whatever is in the names it mentions."""
    plain = "".join(c if c.isprintable() else "?" for c in " ".join(line.splitlines()))
    with contextlib.suppress(OSError):
        print(plain, file=sys.stderr, flush=True)


class _Stop:
    """Turns the first signal into `KeyboardInterrupt`, so that everything is put in order."""

    def __init__(self) -> None:
        self.number = int(signal.SIGINT)
        self.asked: float | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked is None:
            self.asked, self.number = now, number
            raise KeyboardInterrupt
        if now - self.asked > PATIENCE:
            os._exit(128 + number)  # files are whole or not there: what is made survives even this


@contextlib.contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Listen for Ctrl-C and SIGTERM; elsewhere than in the main thread, do not."""
    stop = _Stop()
    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop)
    except ValueError:
        before.clear()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
