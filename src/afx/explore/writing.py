"""Sheets as files: painted, laid out as a picture or a page, and written with their settings."""

from __future__ import annotations

from pathlib import Path

from afx.explore import MOST_PIXELS
from afx.explore.contact import layout
from afx.explore.pages import page
from afx.explore.sheet import Sheet
from afx.explore.tiles import OnTile, contact_sheet, paint, sheet_settings
from afx.job import user_errors
from afx.stills import write_png
from music_analysis.errors import UserError
from music_analysis.page_parts import write_text

SHEETS = (".png", ".html")


def check_sheet_size(sheet: Sheet, width: int, height: int) -> None:
    """Make sure that a sheet of tiles of this size can be made.

    Raises
    ------
    UserError
        If it has too many pixels.
    """
    count = len(sheet.tiles)
    across, down = layout(count, sheet.columns, width, height).size
    if across * down > MOST_PIXELS:
        raise UserError(
            f"{count} tiles of {width}x{height} are {across * down / 1e6:.0f} million pixels,"
            f" {MOST_PIXELS // 10**6} million are possible: use fewer or smaller tiles"
        )


def write_sheet(
    sheet: Sheet,
    path: Path,
    width: int,
    height: int,
    command: str,
    *,
    threads: int = 1,
    on_tile: OnTile | None = None,
) -> None:
    """Paint a sheet and write it as a PNG picture or, by the name's ending, an HTML page.

    Parameters
    ----------
    sheet : Sheet
    path : Path
    width, height : int
        Of a tile, even.
    command : str
        What makes the sheet again.
    threads : int
        Painters; no pixel depends on it.
    on_tile : callable, optional

    Raises
    ------
    UserError
        If the sheet is too large, or cannot be written.
    """
    check_sheet_size(sheet, width, height)
    rgbs = paint(sheet.tiles, width, height, threads, on_tile)
    settings = sheet_settings(sheet.tiles, sheet.columns, command)
    if path.suffix.lower() == ".html":
        text = page(
            rgbs,
            sheet.tiles,
            sheet.columns,
            sheet.title,
            settings,
            file_name=path.name,
            words=f"{len(rgbs)} tiles. Each can be used in place of a look.",
            grid=sheet.grid,
        )
        write_text(path, text)
        return
    whole = contact_sheet(rgbs, sheet.tiles, sheet.columns, sheet.title, command)
    with user_errors():
        write_png(path, whole, settings)
