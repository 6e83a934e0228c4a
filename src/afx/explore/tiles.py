"""Tiles: small pictures of looks, painted side by side, and the settings that they carry.

A tile is a look at one moment, without music. This module paints tiles and writes down what they
are; what a sheet varies is known to ``variety``, how tiles are laid out to ``contact``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afx.easel import MOMENT, Easel
from afx.explore.contact import Caption, contact
from afx.look import Look, dump, knobs_of, pattern_of
from afx.look_weights import portable
from afx.painter import field_kernel
from afx.patterns import PATTERNS, Pattern
from afx.patterns.architecture import Architecture, Gene

OnTile = Callable[[int, int], None]
"""Told how many tiles are painted, and of how many."""


@dataclass(frozen=True)
class Tile:
    """A look at one moment.

    Attributes
    ----------
    name : str
        How commands call it (``sheet.png#name``); unique on its sheet.
    label : str
        For people: what is special about it.
    look : Look
    seed : int
        Where clocks start; and the network's weights, unless its look says them.
    moment : float
        Seconds since the start.
    knobs : mapping of str to float
        In place of the look's own; for clocks their speed.
    command : str
        What makes this picture again; may be empty.
    """

    name: str
    label: str
    look: Look
    seed: int = 0
    moment: float = MOMENT
    knobs: Mapping[str, float] = field(default_factory=dict)
    command: str = ""


def paint(
    tiles: Sequence[Tile],
    width: int,
    height: int,
    threads: int = 1,
    on_tile: OnTile | None = None,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> list[NDArray[np.uint8]]:
    """Return the tiles' pictures in their order, each display RGB [height, width, 3].

    Parameters
    ----------
    tiles : sequence of Tile
    width, height : int
        Pixels, even.
    threads : int
        Painters at work; pixels do not depend on it.
    on_tile : callable, optional
        Called on this thread, after every tile.
    patterns : mapping of str to Pattern
    """
    mine = threading.local()
    shaped = [pattern_of(tile.look, patterns) for tile in tiles]
    # By function: networks of one shape share a field, whatever their weights.
    compiling = {pattern.function: threading.Lock() for pattern in shaped}

    def one(tile: Tile, pattern: Pattern) -> NDArray[np.uint8]:
        if not hasattr(mine, "easel"):
            mine.easel = Easel(width, height, patterns)
        # Painters that need the same field would all compile it.
        with compiling[pattern.function]:
            field_kernel(pattern)
        picture: NDArray[np.uint8] = mine.easel.still(
            tile.look, seed=tile.seed, moment=tile.moment, knobs=tile.knobs
        )
        return picture

    with ThreadPoolExecutor(max(1, min(threads, len(tiles))), "easel") as pool:
        waiting = [pool.submit(one, *each) for each in zip(tiles, shaped, strict=True)]
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                if on_tile is not None:
                    on_tile(done, len(tiles))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in waiting]


def contact_sheet(
    rgbs: Sequence[NDArray[np.uint8]],
    tiles: Sequence[Tile],
    columns: int,
    title: str,
    settings: str = "",
) -> NDArray[np.uint8]:
    """Return tiles laid out on one picture, numbered from 1 and labeled.

    Parameters
    ----------
    rgbs : sequence of uint8 arrays [height, width, 3]
        As `paint` returns them.
    tiles : sequence of Tile
        As many.
    columns : int
    title, settings : str
        The large and the small line above them.

    Returns
    -------
    ndarray, uint8 [sheet height, sheet width, 3]
    """
    captions = [Caption(str(number), tile.label) for number, tile in enumerate(tiles, 1)]
    return contact(rgbs, captions, columns, title, settings)


def fixed(look: Look, seed: int, patterns: Mapping[str, Pattern] = PATTERNS) -> Look:
    """Return `look` with its network's weights written into it, whatever the seed of a video.

    Looks without a network, and those whose weights are fixed already, come back as they are.
    """
    if patterns[look.pattern].shape is None:
        return look
    said = look.network
    if said is not None and (said.genes or said.weights is not None):
        return look
    genes = {"genes": (Gene(seed=seed % 2**53),)}
    network = Architecture(**genes) if said is None else said.model_copy(update=genes)
    return look.model_copy(update={"network": network})


def turned(
    look: Look, knobs: Mapping[str, float], patterns: Mapping[str, Pattern] = PATTERNS
) -> Look:
    """Return `look` with these knobs at rest, held inside their ranges.

    Clocks are left alone: where a clock stands is a matter of the moment, not of the look.
    """
    known = {k.name: k for k in knobs_of(pattern_of(look, patterns)) if k.kind != "clock"}
    values = {n: float(f"{known[n].clamp(v):.6g}") for n, v in knobs.items() if n in known}
    return look.model_copy(update={"knobs": {**look.knobs, **values}}) if values else look


def tile_settings(tile: Tile, patterns: Mapping[str, Pattern] = PATTERNS) -> dict[str, Any]:
    """Return the settings of a picture of one tile, as JSON values."""
    return {"kind": "look", **_entry(tile, patterns), "command": tile.command}


def sheet_settings(
    tiles: Sequence[Tile],
    columns: int,
    command: str,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> dict[str, Any]:
    """Return the settings of a sheet of tiles, as JSON values."""
    entries = [_entry(tile, patterns) for tile in tiles]
    return {"kind": "sheet", "command": command, "columns": columns, "tiles": entries}


def _entry(tile: Tile, patterns: Mapping[str, Pattern]) -> dict[str, Any]:
    return {
        "name": tile.name,
        "label": tile.label,
        "look": portable(dump(turned(tile.look, tile.knobs, patterns))),
        "seed": tile.seed,
        "moment": tile.moment,
        "knobs": dict(tile.knobs),
    }
