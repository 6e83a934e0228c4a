"""TOML files that people write, looks and timelines: read, or refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from music_analysis.errors import UserError


def read_text(path: Path, kind: str, most: int) -> str:
    """Return the text of a small TOML file.

    Parameters
    ----------
    path : Path
    kind : str
        What it should be, for people: ``"look"``.
    most : int
        Bytes; a song given by mistake is refused before it is parsed.

    Raises
    ------
    UserError
        If it cannot be read or is no such text.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such {kind} file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(raw) > most or b"\0" in raw:
        raise UserError(f"{path}: this is not a {kind} (a small TOML text file)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: this is not a {kind} (TOML is UTF-8 text)") from None


def tables(text: str, where: str, kind: str) -> dict[str, Any]:
    """Return what TOML `text` holds; `where` is what errors call it.

    Raises
    ------
    UserError
        If it is not TOML; with the line, where that is known.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, at = str(error).partition(" (at line ")
        line = f":{at.split(',')[0]}" if at[:1].isdigit() else ""
        raise UserError(f"{where}{line}: not valid TOML: {reason}") from None
    except RecursionError:
        raise UserError(f"{where}: not a {kind}: nested too deeply") from None
    except ValueError:  # a number of thousands of digits
        raise UserError(f"{where}: not a {kind}: a number in it is too long") from None
