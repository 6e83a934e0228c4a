"""What exploration prints: what was made, and how to go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from afx.explore.pages import typed
from afx.progress import length
from afx.shown import _bytes, _grid, show, show_json, shown


def show_made(
    target: Path,
    facts: Mapping[str, Any],
    what: str,
    reference: str | Path,
    name: str,
    seconds: float,
    *,
    json: bool,
) -> None:
    """Print what came of a picture, sheet or film.

    Parameters
    ----------
    target : Path
        The file.
    facts : mapping
        For programs.
    what : str
        For people: how many, how large.
    reference : str or path
        What stands for a look, such as ``sheet.png#7``.
    name : str
        How that look may be called.
    seconds : float
        How long it took.
    json : bool
        Print for programs.
    """
    size = target.stat().st_size
    if json:
        show_json({**facts, "bytes": size})
        return
    look = typed(reference)
    rows = [
        ("File", f"{what} · {_bytes(size)} · made in {length(seconds)}"),
        ("Keep", f"afx explore save {look} -o {typed(f'{name}.toml')}"),
        ("Try it", f"afx frame song.mp3 --at 42 --look {look}"),
    ]
    show(Text(shown(target), style="bold"))
    show(_grid(rows))


def show_saved(target: Path, weights: Path | None, text: str, *, json: bool) -> None:
    """Print where a look was saved, and its weights if they were."""
    if json:
        made = {"output": str(target), "look": text}
        show_json(made if weights is None else {**made, "weights": str(weights)})
        return
    look = typed(target)
    rows = [] if weights is None else [("Weights", shown(weights))]
    rows += [
        ("Try it", f"afx frame song.mp3 --at 42 --look {look}"),
        ("A video", f"afx render song.mp3 --look {look}"),
        ("More", f"afx explore mutate {look}"),
    ]
    show(Text(shown(target), style="bold"))
    show(_grid(rows))
