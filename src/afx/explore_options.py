"""The options that the commands of ``afx explore`` share, and what their words mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from afx.explore.tiles import Tile

Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]


def examples(*lines: tuple[str, str]) -> str:
    """Return examples as help shows them: a command line and what it is for."""
    return "\n".join(("Examples:", *(f"  {line:<49}  {why}".rstrip() for line, why in lines), ""))


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


@Parameter(name="*")
@dataclass(frozen=True)
class Work:
    """How exploration runs; none of it changes a pixel."""

    threads: Annotated[
        int | None, Parameter(help="Painters at work. Left out, one for each core.")
    ] = None
    overwrite: Annotated[
        bool,
        Parameter(help="Replace a file that is not ours.", negative="", show_default=False),
    ] = False
    json: Annotated[
        bool,
        Parameter(help="Print the result as JSON, for programs.", negative="", show_default=False),
    ] = False


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
        name, seed=start.seed, moment=start.moment, turns=start.turn, network=start.network
    )
