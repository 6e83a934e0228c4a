"""What ``--palette`` means: a palette's name, an image, or the cover inside a sound file.

The palette is written into each look, so what was made can be made again without the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from afx.image_palette import palette_of
from afx.look import Look, pattern_of
from afx.look_parts import Route
from afx.palette import PALETTES, Palette, resolve
from music_analysis.cover import cover
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.patterns import Pattern

COVER = "cover"
"""Stands for the picture inside the song."""

_SOUNDS = {
    ".aac", ".aif", ".aiff", ".flac", ".m4a", ".m4b", ".mka", ".mp3", ".oga", ".ogg", ".opus",
    ".wav", ".wma",
}  # fmt: skip


def palette_named(word: str, song: Path | None = None) -> Palette:
    """Return the palette that a person asks for.

    Parameters
    ----------
    word : str
        A palette's name, the path of an image or of a sound file with a cover, or ``"cover"``.
    song : Path, optional
        Whose cover ``"cover"`` is.

    Raises
    ------
    UserError
        If there is none, or the image cannot be used.
    """
    name = word.strip().lower().replace(" ", "-").replace("_", "-")
    path = Path(word)
    if name in PALETTES:
        return PALETTES[name]
    if name == COVER:
        if song is None:
            raise UserError(f"--palette {COVER}: no song here; name a sound file with a cover")
        return _from_cover(song)
    if not name:
        raise UserError("--palette: name a palette, such as ember, or an image")
    if path.suffix.lower() in _SOUNDS:
        return _from_cover(path)
    if path.suffix or len(path.parts) != 1 or _exists(path):
        try:
            return palette_of(path)
        except ValueError as error:
            raise UserError(f"--palette {error}") from None
    try:
        return resolve(word)
    except ValueError as error:
        more = "" if "did you mean" in str(error) else ", or name an image, such as cover.jpg"
        raise UserError(f"--palette: {error}{more}") from None


def with_palette(looks: Mapping[str, Look], palette: Palette) -> dict[str, Look]:
    """Return looks in another palette; those that make colors of their own keep them.

    The key of the song does not turn this palette; its chords still do, around it.

    Raises
    ------
    UserError
        If none of them has a palette.
    """
    dressed, changed = {}, 0
    for name, look in looks.items():
        pattern: Pattern = pattern_of(look)
        changed += not pattern.direct
        if not pattern.direct:
            look = look.model_copy(update={"palette": palette, "routes": _keeping(look.routes)})
        dressed[name] = look
    if not changed:
        only = next(iter(looks))
        raise UserError(f"--palette: the look {only} makes its own colors, without a palette")
    return dressed


def _keeping(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return routes by which the song's key turns no hues: these colors were asked for."""
    kept = Route(source="key.hue", knob="hue", depth=0)
    said = any((r.source, r.knob) == (kept.source, kept.knob) for r in routes)
    return routes if said else (*routes, kept)


def _from_cover(song: Path) -> Palette:
    image = cover(song)
    if image is None:
        raise UserError(
            f"--palette {COVER}: {_inline(song.name)} has no cover in it;"
            " name an image, such as --palette cover.jpg"
        )
    try:
        return palette_of(image, name=f"the cover of {_inline(song.name)}")
    except ValueError as error:
        raise UserError(f"--palette {COVER}: {error}") from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _inline(text: str) -> str:
    return text if text.isprintable() else repr(text)
