"""The gallery of an evolution: its archive as tiles, painted once each while it grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afx.explore.archive import Archive
from afx.explore.measures import MEASURES
from afx.explore.pages import page
from afx.explore.tiles import Tile, contact_sheet, paint, sheet_settings
from afx.look import dump

RELOAD = '<meta http-equiv="refresh" content="15">'
"""A page that is still growing loads itself again."""


class Gallery:
    """Pictures of an archive's elites.

    Parameters
    ----------
    archive : Archive
    width, height : int
        Of a tile, pixels.
    command : str
        What makes it.
    threads : int
        Painters.
    """

    def __init__(
        self, archive: Archive, width: int, height: int, command: str, threads: int = 1
    ) -> None:
        self.archive, self.command, self.threads = archive, command, threads
        self.width, self.height = width, height
        self._painted: dict[tuple[str, int], NDArray[np.uint8]] = {}

    @property
    def title(self) -> str:
        """What the page is called."""
        across, down = MEASURES[self.archive.settings.measures]
        return f"Evolved · {across.low} to {across.high} × {down.low} to {down.high}"

    @property
    def words(self) -> str:
        """How far it is, in a line."""
        found = self.archive
        return (
            f"{len(found.elites)} of {found.cells} kinds · best of {found.tried:,} looks"
            f" · {found.rounds} rounds · seed {found.settings.seed}"
        )

    @property
    def tiles(self) -> list[Tile]:
        """The elites, the most of the second measure first."""
        return [
            Tile(elite.look.name, elite.look.title, elite.look, elite.seed)
            for elite in self.archive.ordered()
        ]

    @property
    def _columns(self) -> int:
        return self.archive.settings.columns

    def settings(self) -> dict[str, object]:
        """Return what picture and page carry."""
        return sheet_settings(self.tiles, self._columns, self.command)

    def page(self, file_name: str, *, growing: bool = False) -> str:
        """Return the page; one that is `growing` loads itself again."""
        tiles = self.tiles
        return page(
            self._pictures(tiles),
            tiles,
            self._columns,
            self.title,
            self.settings(),
            file_name=file_name,
            words=self.words,
            grid=len(tiles) == self.archive.cells,
            head=RELOAD if growing else "",
        )

    def sheet(self) -> NDArray[np.uint8]:
        """Return the picture, uint8 [height, width, 3]."""
        tiles = self.tiles
        return contact_sheet(self._pictures(tiles), tiles, self._columns, self.title, self.words)

    def _pictures(self, tiles: Sequence[Tile]) -> list[NDArray[np.uint8]]:
        keys = [(dump(tile.look), tile.seed) for tile in tiles]
        new = [k for k, key in enumerate(keys) if key not in self._painted]
        if new:
            made = paint([tiles[k] for k in new], self.width, self.height, self.threads)
            self._painted |= {keys[k]: rgb for k, rgb in zip(new, made, strict=True)}
        return [self._painted[key] for key in keys]
