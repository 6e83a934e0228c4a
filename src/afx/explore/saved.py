"""Looks as files: what was found in a picture, written down so that a person can go on with it."""

from __future__ import annotations

from pathlib import Path

from afx import __version__
from afx.carried import Carried
from afx.explore.pages import typed
from afx.look import Look, dump, parse_look, pattern_of
from afx.patterns.weights_file import save_weights
from music_analysis.errors import UserError


def look_file(look: Look, found: Carried, path: Path, *, title: str | None = None) -> str:
    """Return the text of a look file: where it comes from, how to use it, and the look.

    Parameters
    ----------
    look : Look
    found : Carried
        The picture that it was taken from.
    path : Path
        How the file will be called.
    title : str, optional
        For people; the look's own if not given.

    Raises
    ------
    UserError
        If the title is none.
    """
    text = dump(look)
    if title is not None:
        text = dump(look.model_copy(update={"title": title}))
        parse_look(text, path.stem, f"--name {title[:40]!r}")
    where = Path(found.where).name
    how = []
    if found.seed is not None:
        how.append(f"seed {found.seed}")
    if found.moment is not None:
        how.append(f"{found.moment:g} s in")
    seen = f" ({', '.join(how)})" if how else ""
    lines = [
        f"# Taken out of {_printable(where)}{seen} by Audio Feature Explorer {__version__}.",
        f"# Try it:  afx frame song.mp3 --at 42 --look {_printable(typed(path.name))}",
        "# Edit whatever you like: afx patterns NAME tells the knobs of a pattern.",
    ]
    return "\n".join(lines) + "\n\n" + text


def _printable(text: str) -> str:
    """Spell a name so that it can stand in a comment."""
    text = text.encode("utf-8", "replace").decode()
    return text if text.isprintable() else repr(text)


def write_weights(look: Look, seed: int, path: Path, provenance: str = "") -> None:
    """Write the weights of a look's network as a safetensors file.

    Parameters
    ----------
    look : Look
    seed : int
        Decides them where the look does not.
    path : Path
    provenance : str
        For people: where they come from.

    Raises
    ------
    UserError
        If the look runs no network or the file cannot be written.
    """
    pattern = pattern_of(look)
    if pattern.weights is None or pattern.architecture is None:
        raise UserError(f"{look.title} runs no network: leave --weights out")
    flat = pattern.weights(seed)[pattern.name]  # its layers may have networks too
    try:
        save_weights(path, pattern.architecture, flat, provenance=provenance)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
