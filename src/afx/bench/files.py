"""Where results are written: a page and JSON, whole or not at all; only our own are replaced."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afx.bench.page import MARK, page
from afx.bench.results import Results
from afx.stills import part_of
from music_analysis.errors import UserError
from music_analysis.page_parts import write_text

NAME = "afx-bench"


@dataclass(frozen=True)
class Files:
    """The two files of a round."""

    html: Path
    json: Path


def files_for(output: Path | None) -> Files:
    """Return where results go.

    Parameters
    ----------
    output : Path, optional
        A folder, or a file's name of which the ending is replaced; the current folder if not given.
    """
    if output is None:
        base = Path(NAME)
    elif output.is_dir() or output.suffix.lower() not in (".html", ".json"):
        base = output / NAME
    else:
        base = output.with_suffix("")
    return Files(base.with_name(base.name + ".html"), base.with_name(base.name + ".json"))


@contextlib.contextmanager
def promised(files: Files | None, *, overwrite: bool) -> Iterator[None]:
    """Make sure, before minutes of work, that results can be written after it.

    A folder that is made for them goes again if the work comes to nothing.

    Raises
    ------
    UserError
        If a file is there that is not ours, or the folder cannot be written.
    """
    if files is None:
        yield
        return
    folder = files.html.parent
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in (files.html, files.json):
                _check(path, overwrite=overwrite)
        except OSError as error:
            raise UserError(f"cannot write {files.html}: {error.strerror or error}") from error
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for made in missing:
                made.rmdir()  # only if it is empty
        raise


def _check(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder: name another file with -o")
    if path.exists() and not overwrite and not _ours(path):
        raise UserError(
            f"{path} exists and was not made by afx bench: choose another with -o,"
            " or replace it with --overwrite"
        )
    part = part_of(path)
    part.touch()
    part.unlink()


def _ours(path: Path) -> bool:
    with path.open("rb") as file:
        beginning = file.read(4096)
    word = b'name="generator"' if path.suffix == ".html" else b'"made_with"'
    return word in beginning and MARK.encode() in beginning


def write(results: Results, files: Files) -> None:
    """Write the page and the JSON file.

    Raises
    ------
    UserError
        If there is no room for them, or no permission.
    """
    document = json.dumps(results.document(), indent=1, allow_nan=False) + "\n"
    for path, text in ((files.json, document), (files.html, page(results))):
        write_text(path, text)
