"""The `afx` command: what is said of mistakes in calling it, and of stopping it.

The edge itself (exit codes, signals) is in ``music_analysis.cli.edge``, what the commands are in
``afx.commands``; nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from music_analysis.cli import edge

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError


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
    return edge.run("afx", lambda: _run(arguments), _farewell(arguments))


def _run(arguments: list[str]) -> str | None:
    """Carry out a command; return what is wrong with how it was called, if anything is."""
    from afx.commands import app

    error = edge.typed(app, arguments)
    if error is None:
        return None
    return _typing_mistake(error, arguments, app)


def _typing_mistake(error: CycloptsError, arguments: list[str], app: App) -> str:
    """Say in one line what is wrong with a command line, and where its help is."""
    commands, at = [], app
    for word in arguments:
        if word[:1] == "-" or word not in set(at):
            break
        commands.append(word)
        at = at[word]
    if not commands and arguments and os.path.isfile(arguments[0]):  # noqa: PTH113
        return f"what shall be done with {arguments[0]}? Try: afx render {arguments[0]}"
    return f"{edge.mistake(error)} Help: {' '.join(['afx', *commands, '--help'])}"


def _farewell(arguments: list[str]) -> str:
    resumes = arguments[:1] in (["render"], ["demo"]) and not any(
        a.startswith("--frames") for a in arguments
    )
    if arguments[:2] == ["explore", "evolve"]:
        return (
            "Stopped, and saved. Run the same command again to go on,"
            " or with --minutes 0 for the pictures."
        )
    if arguments[:1] == ["analyze"]:
        return "Stopped. What was finished is kept."
    return "Stopped." + (
        " Run the same command again to go on where it stopped." if resumes else ""
    )


if __name__ == "__main__":
    sys.exit(main())
