"""PNG pictures and frame sequences, and the settings that every output carries.

What made a file is written into it as one JSON text, in an MP4's comment tag or a PNG's text
chunk, so that the same picture can be made again from the file alone. JSON is written in ASCII:
then any title and any file name survives, also names that are not valid UTF-8.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

import afx
from afx.encoders import VideoError

MADE_WITH = f"Audio Feature Explorer {afx.__version__}"
_PNG_KEY = "Comment"
MOST_SETTINGS = 16 * 2**20
"""Characters: a sheet of a thousand tiles has a tenth; what has more was made to do harm."""


def stamp(settings: Mapping[str, Any]) -> str:
    """Return `settings` as the JSON text that outputs carry.

    Raises
    ------
    ValueError, TypeError
        If a value is not JSON (NaN, an array, …): a mistake of the caller, not of a person.
    """
    return json.dumps({"made_with": MADE_WITH, "settings": dict(settings)}, allow_nan=False)


def read_settings(path: str | Path) -> dict[str, Any]:
    """Return the settings that an MP4, a PNG or a folder of frames was made with.

    Raises
    ------
    VideoError
        If the file is missing, unreadable or was not made by this program.
    """
    path = Path(path)
    if path.is_dir():
        path = FrameSequence.name(path, 0)
    if not path.is_file():
        raise VideoError(f"no such file: {path}")
    try:
        text = _comment(path)
        document = json.loads(text) if len(text) <= MOST_SETTINGS else {}
        made_with, settings = document["made_with"], document["settings"]
        ours = str(made_with).startswith("Audio Feature Explorer ") and isinstance(settings, dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        ours = False
    if not ours:
        raise VideoError(f"{path} carries no settings: it was not made by Audio Feature Explorer")
    return dict(settings)


def _comment(path: Path) -> str:
    try:
        with path.open("rb") as file:
            is_png = file.read(8) == b"\x89PNG\r\n\x1a\n"
        if is_png:
            with Image.open(path) as image:
                return str(image.info.get(_PNG_KEY, ""))
        # "file:" and the whitelist: a playlist that calls itself a video opens no connection.
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            return container.metadata.get("comment", "")
    except (
        OSError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        av.FFmpegError,
        SyntaxError,
        UnicodeDecodeError,
    ):
        return ""


def part_of(path: Path) -> Path:
    """Return where `path` is written until it is whole: beside it, so that renaming is atomic.

    The name is fixed, so what a killed process leaves is overwritten by the next try.
    """
    return path.with_name(f".{path.name}.part")


def write_png(
    path: str | Path, rgb: NDArray[np.uint8], settings: Mapping[str, Any] | None = None
) -> None:
    """Write an 8-bit sRGB picture [height, width, 3], with its settings if given.

    Raises
    ------
    ValueError
        If `rgb` has another shape or type.
    VideoError
        If the file cannot be written.
    """
    path = Path(path)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"a picture is uint8 [h, w, 3], not {rgb.dtype} {list(rgb.shape)}")
    text = PngImagePlugin.PngInfo()
    text.add_text("Software", MADE_WITH)
    if settings is not None:
        text.add_text(_PNG_KEY, stamp(settings))
    part = part_of(path)
    try:
        # Level 1 is several times faster than the default for files about a tenth larger.
        Image.fromarray(rgb).save(part, "PNG", compress_level=1, pnginfo=text)
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            raise VideoError(f"cannot write {path}: {error.strerror or error}") from error
        raise


class FrameSequence:
    """A folder of numbered pictures: frame 0 is ``frame_000001.png``.

    Each picture appears whole or not at all; the first carries the settings.

    Raises
    ------
    VideoError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self._settings = settings
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VideoError(f"cannot make folder {folder}: {error.strerror}") from error

    @staticmethod
    def name(folder: Path, index: int) -> Path:
        """Return the path of frame `index`, counted from 0."""
        return folder / f"frame_{index + 1:06d}.png"

    def write(self, index: int, rgb: NDArray[np.uint8]) -> None:
        """Write frame `index` (counted from 0, in any order, from any thread): uint8 [h, w, 3]."""
        settings = self._settings if index == 0 else None
        write_png(self.name(self.folder, index), rgb, settings)
