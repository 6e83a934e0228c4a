"""Files that exploration may write: nothing of a person is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afx.carried import PICTURES, settings_in, source_of
from afx.stills import part_of
from music_analysis.errors import UserError


def check_target(path: Path, suffixes: Sequence[str], *, overwrite: bool, source: str = "") -> None:
    """Make sure that a file can be written, before any work; its folder is made.

    Pictures, videos and pages of ours are replaced; look files and whatever else is there are not.

    Parameters
    ----------
    path : Path
    suffixes : sequence of str
        What it may end in; the first is proposed.
    overwrite : bool
        Replace it whatever it is.
    source : str
        What the work starts from: a look's name, or a picture, which is not replaced.

    Raises
    ------
    UserError
        If it is there and not ours, has another ending, or its folder cannot be written to.
    """
    if path.suffix.lower() not in suffixes:
        name = path.with_suffix(suffixes[0]).name if path.name else f"name{suffixes[0]}"
        kinds = " or ".join(suffixes)
        raise UserError(f"{path}: this is written as {kinds}: name it {name}")
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file, such as {path / f'name{suffixes[0]}'}")
    if path.exists() and not overwrite:
        start = source_of(source)
        if start.exists() and start.samefile(path):
            raise UserError(f"{path} is what you start from: choose another output with -o")
        try:
            if suffixes[0] not in PICTURES:
                raise UserError("a look may have been edited")
            settings_in(path)
        except UserError:
            what = "exists and was not made by afx" if suffixes[0] in PICTURES else "exists"
            raise UserError(
                f"{path} {what}: choose another output with -o, or replace it with --overwrite"
            ) from None
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()  # says plainly that a folder is read-only
        part.unlink()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
