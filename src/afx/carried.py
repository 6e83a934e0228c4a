"""Looks out of pictures: what sheets, stills, videos and pages of ours carry inside.

A picture can stand wherever a look can: ``still.png``, ``sheet.png#7`` (tiles are counted from 1),
``sheet.png#name``, ``video.mp4#name``, a folder of frames. This module finds the text of the look;
``afx.look`` knows what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeGuard

from afx.encoders import VideoError
from afx.stills import MOST_SETTINGS, FrameSequence, read_settings
from music_analysis.errors import UserError

PICTURES = (".png", ".mp4", ".m4v", ".mov", ".html")
PAGE_START = '<script type="application/json" id="afx-settings">'
"""What stands before the settings in a page of ours."""

MOST_TILES = 1000
MOST_NAMED = 12
"""Names of looks that an error lists."""
MOST_TEXT = 256 * 1024
"""Characters of one look; no look needs more."""


@dataclass(frozen=True)
class Carried:
    """A look as a picture carries it.

    Attributes
    ----------
    name : str
        For commands: the tile's or the file's, in letters, digits, dashes and dots.
    text : str
        TOML.
    where : str
        What errors call it.
    seed, moment : number or None
        How the picture was made, if it says so.
    knobs : mapping of str to float
        What was turned for the picture; all but clocks are in the text too.
    """

    name: str
    text: str
    where: str
    seed: int | None = None
    moment: float | None = None
    knobs: Mapping[str, float] = field(default_factory=dict)


def is_picture(reference: str | Path) -> bool:
    """Tell whether a picture, video, page or folder is meant, and not a look's name or file."""
    path, _ = _parts(reference)
    # Nothing at all, as from a variable that a shell does not know, is not the folder we are in.
    return path.suffix.lower() in PICTURES or (str(reference) != "" and path.is_dir())


def source_of(reference: str | Path) -> Path:
    """Return the path in a reference, without a tile's number or name."""
    return _parts(reference)[0]


def carried(reference: str | Path) -> Carried:
    """Return the look in a picture of ours.

    Parameters
    ----------
    reference : str or path
        A path, with ``#`` and a tile's number or a name where there are several looks.

    Raises
    ------
    UserError
        If there is none, or it does not say which.
    """
    path, part = _parts(reference)
    settings = settings_in(path)
    kind = settings.get("kind")
    if kind == "sheet":
        return _tile(path, part, settings)
    if kind == "look":
        if part not in (None, "1", settings.get("name"), _slug(path.stem)):
            raise UserError(f"{path} holds one look: leave out #{part}")
        return _entry(settings, _slug(path.stem), str(path))
    if kind is None and isinstance(settings.get("looks"), dict):
        return _filmed(path, part, settings)
    raise UserError(f"{path}: its settings are not from a version this one can read")


def settings_in(path: str | Path) -> dict[str, Any]:
    """Return the settings that a picture, video, page or folder of frames of ours carries.

    Raises
    ------
    UserError
        If there are none.
    """
    path = Path(path)
    if path.is_dir() and not FrameSequence.name(path, 0).is_file():
        raise UserError(
            f"{path} is a folder without frames of ours: name a look, a look file or a picture"
        )
    if path.suffix.lower() == ".html":
        return _page_settings(path)
    try:
        return read_settings(path)
    except VideoError as error:
        raise UserError(str(error)) from None


def _page_settings(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            start = file.read(MOST_SETTINGS).decode("utf-8", "replace")
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    text = start.partition(PAGE_START)[2].partition("</script>")[0]
    try:
        document = json.loads(text)
        ours = str(document["made_with"]).startswith("Audio Feature Explorer ")
        settings = document["settings"]
    except (ValueError, KeyError, TypeError, RecursionError):
        ours, settings = False, None
    if not ours or not isinstance(settings, dict):
        raise UserError(f"{path} carries no settings: it was not made by Audio Feature Explorer")
    return settings


def _parts(reference: str | Path) -> tuple[Path, str | None]:
    """Return the path and what stands after its last ``#``, unless that belongs to a name."""
    text = str(reference)
    before, mark, part = text.rpartition("#")
    if not mark or not before or Path(text).exists():
        return Path(text), None
    return Path(before), part.strip()


def _tile(path: Path, part: str | None, settings: Mapping[str, Any]) -> Carried:
    tiles = settings.get("tiles")
    if not isinstance(tiles, list) or not 1 <= len(tiles) <= MOST_TILES:
        raise _damaged(path)
    if not all(isinstance(tile, dict) and isinstance(tile.get("name"), str) for tile in tiles):
        raise _damaged(path)
    count = len(tiles)
    holds = f"{path} holds {count} tile{'s' if count != 1 else ''}"
    if not part:
        if count > 1:
            raise UserError(f"{holds}: add the number, such as {path}#{min(7, count)}")
        part = "1"
    names = [tile["name"] for tile in tiles]
    if part in names:
        index = names.index(part)
    elif re.fullmatch(r"-?\d{1,9}", part, re.ASCII):
        index = int(part) - 1
        if not 0 <= index < count:
            raise UserError(f"{holds}: there is no #{part}")
    else:
        near = get_close_matches(part, names, 1, 0.5)
        hint = f"did you mean #{near[0]}?" if near else f"use a number, 1 to {count}"
        raise UserError(f"{path} has no tile {part!r}: {hint}")
    return _entry(tiles[index], _slug(names[index]), f"{path}#{index + 1}")


def _entry(entry: Mapping[str, Any], name: str, where: str) -> Carried:
    seed, moment, knobs = entry.get("seed"), entry.get("moment"), entry.get("knobs")
    knobs = knobs if isinstance(knobs, dict) else {}
    return Carried(
        name,
        _text(entry.get("look"), where),
        where,
        # bool is an int, and a picture of somebody else's may say anything
        seed if type(seed) is int and 0 <= seed < 2**63 else None,
        float(moment) if _number(moment) and 0 <= moment < 1e6 else None,
        {str(k): float(v) for k, v in knobs.items() if _number(v)},
    )


def _number(value: object) -> TypeGuard[float]:
    return type(value) in (int, float) and abs(value) < 1e9  # type: ignore[arg-type]


def _filmed(path: Path, part: str | None, settings: Mapping[str, Any]) -> Carried:
    """Return a look of a video, or of a frame of one."""
    looks = settings["looks"]
    if not 1 <= len(looks) <= MOST_TILES:
        raise _damaged(path)
    names = {_slug(name): name for name in looks}
    some = ", ".join([*list(names)[:MOST_NAMED], *(["…"] if len(names) > MOST_NAMED else [])])
    if not part:
        if len(names) > 1:
            raise UserError(
                f"{path} was made with {len(names)} looks: add one,"
                f" such as {path}#{next(iter(names))} (there are {some})"
            )
        part = next(iter(names))
    name = _slug(part)
    if name not in names:
        near = get_close_matches(name, names, 1, 0.5)
        hint = f"did you mean #{near[0]}?" if near else f"there are {some}"
        raise UserError(f"{path} has no look {part!r}: {hint}")
    where = f"{path}#{name}"
    seed = settings.get("seed")
    text = _text(looks[names[name]], where)
    return Carried(name, text, where, seed if type(seed) is int and 0 <= seed < 2**63 else None)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise _damaged(where)
    return value


def _damaged(where: str | Path) -> UserError:
    return UserError(f"{where}: the settings that it carries are damaged")


def _slug(name: str) -> str:
    """Make a name fit for a command line and for one line of text."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "look"
