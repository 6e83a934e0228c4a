"""Contact sheets of a look: one thing varied, or two as rows and columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from afx.explore.tiles import Tile, fixed
from afx.explore.variety import Choice, choices, is_open
from afx.look import Look, pattern_of
from afx.patterns import PATTERNS, Pattern
from music_analysis.errors import UserError

MOST_TILES = 1000
DEFAULT_TILES = 24
ACROSS = 6
"""Places of an open axis in a grid, if nothing is said."""


@dataclass(frozen=True)
class Sheet:
    """Tiles in their order, and how they are to be laid out.

    Attributes
    ----------
    title : str
        For people.
    tiles : tuple of Tile
    columns : int
    grid : bool
        Whether columns mean something.
    """

    title: str
    tiles: tuple[Tile, ...]
    columns: int
    grid: bool = False


def varied(
    base: Tile,
    axis: str,
    library: Mapping[str, Look],
    *,
    tiles: int = DEFAULT_TILES,
    aspect: float = 16 / 9,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> Sheet:
    """Return a sheet on which one thing varies.

    Parameters
    ----------
    base : Tile
        What is varied; its name starts the names of all tiles.
    axis : str
        One of `afx.explore.variety.AXES` or ``knob:NAME``.
    library : mapping of str to Look
    tiles : int
        At most this many.
    aspect : float
        Width of a tile over its height.

    Raises
    ------
    UserError
        If the axis cannot be varied.
    """
    made = choices(axis, base, tiles, library, patterns)
    title = "Looks" if axis == "looks" else f"{base.look.title} · {_words(axis)}"
    done = [_tile(base, (choice,), patterns, alone=axis == "looks") for choice in made]
    return Sheet(title, _different(done), columns_for(len(done), aspect))


def crossed(
    base: Tile,
    rows: str,
    columns: str,
    library: Mapping[str, Look],
    *,
    tiles: int | None = None,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> Sheet:
    """Return a sheet on which one thing varies from row to row and another across.

    Parameters are as for `varied`; without `tiles` a closed axis shows all that there is.

    Raises
    ------
    UserError
        If one of them cannot be varied, or both are the same.
    """
    if rows == columns:
        raise UserError(f"rows and columns both vary {rows}: choose two things")
    most = MOST_TILES if tiles is None else tiles
    long = most if tiles is not None else ACROSS
    down = choices(rows, base, long if is_open(rows) else most, library, patterns)
    across = choices(columns, base, ACROSS if is_open(columns) else most, library, patterns)
    if len(down) * len(across) > most:
        if is_open(rows) and not is_open(columns):
            across = across[:most]
            down = down[: max(1, most // len(across))]
        elif is_open(columns) and not is_open(rows):
            down = down[:most]
            across = across[: max(1, most // len(down))]
        else:
            across = across[: max(1, min(ACROSS, math.isqrt(most)))]
            down = down[: max(1, most // len(across))]
    done = [_tile(base, (row, column), patterns) for row in down for column in across]
    title = f"{base.look.title} · {_words(rows)} × {_words(columns)}"
    return Sheet(title, _different(done), len(across), grid=True)


def columns_for(count: int, aspect: float) -> int:
    """Return how many columns give `count` tiles a pleasant page: wide, with full rows."""

    def unpleasant(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = abs(math.log(columns * aspect / (rows * 2.1)))
        return shape + 2.5 * (rows * columns - count) / columns

    return min(range(1, count + 1), key=unpleasant)


def _tile(
    base: Tile,
    changes: Sequence[Choice],
    patterns: Mapping[str, Pattern],
    *,
    alone: bool = False,
) -> Tile:
    """Return `base` with some choices, its weights fixed in its look."""
    tile = base
    # Another look first: it would take with it what others have changed.
    for choice in sorted(changes, key=lambda choice: not choice.first):
        tile = choice.apply(tile)
    names = [choice.name for choice in changes]
    try:
        pattern_of(tile.look, patterns)
    except ValueError as error:
        raise UserError(f"{' · '.join(c.label for c in changes)}: {error}") from None
    return replace(
        tile,
        look=fixed(tile.look, tile.seed, patterns),
        name="-".join(names if alone else [base.name, *names]),
        label=" · ".join(choice.label for choice in changes),
    )


def _different(tiles: Sequence[Tile]) -> tuple[Tile, ...]:
    """Return tiles of which no two have the same name."""
    seen: set[str] = set()
    done = []
    for tile in tiles:
        name, number = tile.name, 2
        while name in seen:
            name, number = f"{tile.name}-{number}", number + 1
        seen.add(name)
        done.append(replace(tile, name=name))
    return tuple(done)


def _words(axis: str) -> str:
    return axis.removeprefix("knob:").replace("_", " ")
