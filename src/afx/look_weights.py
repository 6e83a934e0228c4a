"""Weights that a look takes from a file: found where it says, and by name in what others give.

A look names its weights by a path. In what leaves this machine (videos, pictures) only the file's
name stays, and of what comes from elsewhere only the name is used: a path in a stranger's picture
may be that of any file of this machine, or of another one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from afx.patterns.architecture import Architecture, merged
from afx.patterns.weights_file import file_sha256, load_weights
from afx.tomltext import write
from music_analysis.errors import UserError


def with_weights(said: Architecture, folders: Sequence[Path]) -> Architecture:
    """Return the network that a weights file is for, changed by what the look says of it.

    Raises
    ------
    ValueError, FileNotFoundError
        If the file cannot be used or is not there; a line for people.
    """
    path = find_weights(said, folders)
    told, _ = load_weights(path)
    wanted = merged(told, said)
    load_weights(path, wanted)
    update = {"weights": str(path.resolve()), "weights_sha256": file_sha256(path)}
    return wanted.model_copy(update=update)


def find_weights(said: Architecture, folders: Sequence[Path]) -> Path:
    """Return where the weights file of a network is: where it says, in `folders`, or here.

    Raises
    ------
    FileNotFoundError
        If there is none; its text is for people. One with another hash is better than none: who
        reads it says so.
    """
    name = Path(said.weights or "")
    if not name.name:
        raise FileNotFoundError("name a safetensors file beside the look, or leave weights out")
    places = [folder / name for folder in folders] + [name, *(f / name.name for f in folders)]
    there = [place for place in places if _is_file(place)]
    if not there:
        raise FileNotFoundError(f"no weights file {name.name}: put it beside the look")
    right = [p for p in there if said.weights_sha256 in (None, file_sha256(p))]
    return (right or there)[0]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for one, or in a folder that is closed to us
        return False


def portable(text: str) -> str:
    """Return a look's text without the folders its weights lie in: for others, and from them.

    What is no look is left as it is, for its reader to refuse.
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    network = data.get("network")
    said = network.get("weights") if isinstance(network, dict) else None
    if not isinstance(said, str) or not re.search(r"[/\\]", said):
        return text
    data["network"]["weights"] = re.split(r"[/\\]", said)[-1]
    return write(data)


def located(text: str, name: str, made: str | Path, folders: Sequence[Path]) -> str:
    """Return a look's text with its weights found again, as `portable` took their folders away.

    Parameters
    ----------
    text, name : str
        The look.
    made : path
        What was made with it, for the error.
    folders : sequence of Path
        Where the weights may lie.

    Raises
    ------
    UserError
        If they are not there, or others of that name are.
    """
    text = portable(text)
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise UserError(f"{made}: look {name} is from a version this one cannot read") from None
    network = data.get("network")
    if not isinstance(network, dict) or "weights" not in network:
        return text
    file = network["weights"]
    try:
        said = Architecture.model_validate(network)
        found = find_weights(said, folders)
        load_weights(found, said)
    except FileNotFoundError:
        raise UserError(
            f"{made} was made with the weights {file}, which are neither here nor beside it"
        ) from None
    except ValidationError:
        raise UserError(f"{made}: look {name} is from a version this one cannot read") from None
    except ValueError as error:
        raise UserError(f"{made}: {error}") from None
    network["weights"] = str(found.resolve())
    return write(data)
