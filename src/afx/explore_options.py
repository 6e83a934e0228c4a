"""The options that the commands of ``afx explore`` share, and what their words mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from afx.options import Json, Overwrite, Threads

if TYPE_CHECKING:
    from afx.explore.tiles import Tile


@Parameter(name="*")
@dataclass(frozen=True)
class Start:
    """What a picture without music shows."""

    seed: Annotated[
        int | None, Parameter(help="Another number, another start. Left out, the picture's, or 0.")
    ] = None
    moment: Annotated[
        float | None, Parameter(help="Seconds since the start. Left out, the picture's, or 12.")
    ] = None
    turn: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set",
            help="Turn a knob first: knob=value. May come often.",
            negative="",
            show_default=False,
        ),
    ] = ()
    network: Annotated[
        str | None,
        Parameter(help="Size of the look's neural network: width × depth, such as 64x4."),
    ] = None
    palette: Annotated[
        str | None,
        Parameter(help="Other colors: a palette's name, an image, or a song with a cover."),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Work:
    """How exploration runs; none of it changes a pixel."""

    threads: Threads = None
    overwrite: Overwrite = False
    json: Json = False


START, WORK = Start(), Work()


def size_of(option: str, text: str) -> tuple[int, int]:
    """Read a size; errors name the option."""
    from afx.job import user_errors
    from afx.video import VideoError, parse_size

    with user_errors():
        try:
            return parse_size(text)
        except VideoError as error:
            raise VideoError(f"{option}: {error}") from None


def tile_of(name: str, start: Start) -> Tile:
    """Return the tile that a command starts from: a look, as its options have it."""
    from afx.explore.start import starting_tile

    return starting_tile(
        name,
        seed=start.seed,
        moment=start.moment,
        turns=start.turn,
        network=start.network,
        palette=start.palette,
    )
