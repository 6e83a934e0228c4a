"""The timeline as a file beside a video: read with the looks it names, and written with care.

What a person has changed is never overwritten: a line in the file's head has a hash of the rest.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from afx.carried import is_picture
from afx.look import Look, find_look, read_look
from afx.patterns import PATTERNS, Pattern
from afx.timeline_format import NAMED_BY, Timeline, check_knobs, parse_timeline
from afx.tomlfile import read_text
from afx.tomltext import line_of
from music_analysis.errors import UserError

MAX_BYTES = 1024 * 1024
"""No timeline needs more; a song given by mistake is refused before it is parsed."""
_MARK = "# as afx wrote it: "


def read_timeline(
    path: str | Path,
    library: Mapping[str, Look],
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> tuple[str, dict[str, Look]]:
    """Return a timeline's text and the looks it names, checked as far as can be without the song.

    Where it names look files, the text that comes back has their names: line for line the same
    otherwise, and ended by a comment with the file's own name.

    Parameters
    ----------
    path : path
    library : mapping of str to Look
        Looks by name. Others are looked for beside the file.
    patterns : mapping

    Raises
    ------
    UserError
        If it cannot be read or is not a timeline; names the file, the line and the key.
    """
    path = Path(path)
    text = _text(path)
    timeline = parse_timeline(text, str(path))
    looks: dict[str, Look] = {}
    known: dict[str, Look] = {}
    for i, scene in enumerate(timeline.scenes):
        at = ("scene", i, "look")
        if scene.look not in known:
            try:
                known[scene.look] = _look(scene.look, library, path.parent, patterns)
            except UserError as error:
                raise timeline.error(at, str(error)) from None
        look = known[scene.look]
        if looks.setdefault(look.name, look) != look:
            raise timeline.error(at, f"two different looks are called {look.name}: rename one")
        check_knobs(timeline, i, look, patterns)
        if scene.look != look.name:
            text = _renamed(text, timeline, i, look.name)
    name = "".join(c if c.isprintable() else "?" for c in path.name)
    return f"{text.rstrip()}\n{NAMED_BY}{name}\n", looks


def _text(path: Path) -> str:
    return read_text(path, "timeline", MAX_BYTES).replace("\r\n", "\n")


def _look(
    reference: str, library: Mapping[str, Look], folder: Path, patterns: Mapping[str, Pattern]
) -> Look:
    """Return the look that is meant: of the library, or a file beside the timeline."""
    is_file = reference.lower().endswith(".toml") or is_picture(reference)
    if is_file or len(Path(reference).parts) > 1:
        return find_look(str(folder / reference), {}, patterns)
    with suppress(OSError, ValueError):
        beside = folder / f"{reference}.toml"
        if reference not in library and beside.is_file():
            return read_look(beside, patterns)
    return find_look(reference, library, patterns)


def _renamed(text: str, timeline: Timeline, index: int, name: str) -> str:
    """Write a look's name in place of what a scene calls it, on the same line."""
    line = line_of(text, ("scene", index, "look"))
    if line is not None:
        rows = text.split("\n")
        rows[line - 1] = re.sub(
            r"""(\blook\s*=\s*)("(?:[^"\\]|\\.)*"|'[^']*')""",
            lambda found: f'{found[1]}"{name}"',
            rows[line - 1],
            count=1,
        )
        changed = "\n".join(rows)
        with suppress(tomllib.TOMLDecodeError, KeyError, IndexError, TypeError):
            if tomllib.loads(changed)["scene"][index]["look"] == name:
                return changed
    raise timeline.error(
        ("scene", index, "look"), f"write the scene as a [[scene]] table with a line look = {name}"
    )


@dataclass(frozen=True)
class Beside:
    """What became of the timeline beside a video.

    Attributes
    ----------
    path : Path
    state : {"written", "kept", "failed"}
        ``"kept"``: somebody had changed it, so it was left alone.
    reason : str
        Why it could not be written.
    """

    path: Path
    state: Literal["written", "kept", "failed"]
    reason: str = ""


def timeline_path(output: Path, *, frames: bool = False) -> Path:
    """Return where the timeline of a video, or of a folder of pictures, is written."""
    return output / "timeline.toml" if frames else output.with_suffix(".timeline.toml")


def write_timeline(path: Path, text: str) -> Beside:
    """Write a timeline, unless somebody has changed the one that is there."""
    # Names of bytes that are no text get question marks.
    text = text.encode("utf-8", "replace").decode("utf-8")
    part = path.with_name(f".{path.name}.part")
    try:
        if path.exists() and not _is_ours(path):
            return Beside(path, "kept")
        part.write_text(f"{_MARK}{_digest(text)}\n{text}", encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        return Beside(path, "failed", error.strerror or str(error))
    finally:
        with suppress(OSError):
            part.unlink()
    return Beside(path, "written")


def _is_ours(path: Path) -> bool:
    """Say whether a file is as we wrote it."""
    try:
        text = _text(path)
    except UserError:
        return False
    mark, _, rest = text.partition("\n")
    return mark == f"{_MARK}{_digest(rest)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
