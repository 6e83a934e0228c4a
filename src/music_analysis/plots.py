"""PNG pictures of an analysis that a musician reads at once.

Five of them: ``tempo``, ``key``, ``chords``, ``structure`` and ``analysis``, the overview of all.
Each is a pure function from an analysis to a sheet, in a module of its own; here they are written
to files. What is not known is said to be so. matplotlib is imported when the first one is drawn.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from music_analysis.analysis import Analysis
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.plot_style import Sheet

Part = Literal["tempo", "key", "chords", "structure", "analysis"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)


def draw(analysis: Analysis, part: Part, path: str | Path) -> None:
    """Write one picture, 1,800 pixels wide; the file is whole or not there.

    Raises
    ------
    ValueError
        There is no such part.
    UserError
        The file cannot be written.
    """
    write_whole(Path(path), sheet(analysis, part).save)


def sheet(analysis: Analysis, part: Part) -> Sheet:
    """Draw one picture and return it unwritten."""
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    module = "plot_overview" if part == "analysis" else f"plot_{part}"
    drawn: Sheet = importlib.import_module(f"music_analysis.{module}").draw(analysis)
    return drawn


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write(part)`` on a name beside ``path``, then move it there in one step."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            raise UserError(f"cannot write {path}: {error.strerror or error}") from error
        raise
