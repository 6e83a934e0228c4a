"""The edge of the `afx` command: exit codes, one line for every mistake, and a clean stop.

Mistakes of a person are one line and exit code 1, a stop is one line and 130 (Ctrl-C) or 143
(SIGTERM), and everything else is a bug that shows its traceback. What the commands are is in
``afx.commands``; nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from cyclopts import CycloptsError

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; the process's own if not given.

    Returns
    -------
    int
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # A name that the terminal cannot write is shown with question marks, not with a traceback.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    with _stoppable() as stop:
        try:
            complaint = _run(arguments)
            sys.stdout.flush()
        except KeyboardInterrupt:
            _say(_farewell(arguments))
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
            name = f"{error.filename}: " if error.filename else ""
            complaint = f"{name}{error.strerror}"
    if complaint is None:
        return 0
    _say(f"afx: {complaint}")
    return 1


def _run(arguments: list[str]) -> str | None:
    """Carry out a command; return what is wrong with how it was called, if anything is."""
    from cyclopts import CycloptsError

    from afx.commands import app

    try:
        app(arguments, exit_on_error=False, print_error=False, verbose=False)
    except CycloptsError as error:
        return _typing_mistake(error, arguments, {name for name in app if name[0] != "-"})
    return None


def _typing_mistake(error: CycloptsError, arguments: list[str], commands: set[str]) -> str:
    """Say in one line what is wrong with a command line, and where its help is."""
    from cyclopts import MissingArgumentError, UnusedCliTokensError

    command = next((a for a in arguments[:1] if a in commands), None)
    text = " ".join(str(error).split())
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        text = f"one thing too many: {error.unused_tokens[0]!r} (a name with spaces needs quotes)."
    elif isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.names[0] if error.argument.names else error.argument.name
        text = f"{name} is missing." if not name.startswith("-") else f"{name} needs a value."
    elif command is None and arguments and os.path.isfile(arguments[0]):  # noqa: PTH113
        return f"what shall be done with {arguments[0]}? Try: afx render {arguments[0]}"
    return f"{text} Help: afx {f'{command} ' if command else ''}--help"


def _farewell(arguments: list[str]) -> str:
    resumes = arguments[:1] in (["render"], ["demo"]) and not any(
        a.startswith("--frames") for a in arguments
    )
    return "Stopped." + (
        " Run the same command again to go on where it stopped." if resumes else ""
    )


def _say(line: str) -> None:
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
            os._exit(128 + number)  # a render survives even this


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


if __name__ == "__main__":
    sys.exit(main())
