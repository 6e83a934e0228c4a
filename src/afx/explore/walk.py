"""Walks as pictures: a look's path through its latents, station by station.

How a walk moves a video is known to ``afx.routes``; this module puts a walk on a look and shows
where it leads.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from pydantic import ValidationError

from afx.explore.sheet import Sheet
from afx.explore.tiles import Tile
from afx.look import Look, knobs_of, pattern_of
from afx.look_parts import Walk
from afx.wander import closed_path, stations, walked
from music_analysis.errors import UserError

BETWEEN = 2
"""Pictures between two stations."""
ACROSS = 6


def with_walk(
    look: Look,
    *,
    seed: int | None = None,
    bars: float | None = None,
    stations: int | None = None,
    reach: float | None = None,
) -> Look:
    """Return a look that walks; what is not said is as in its own walk, or as usual.

    Parameters
    ----------
    look : Look
    seed, bars, stations, reach
        As in `afx.look.Walk`.

    Raises
    ------
    UserError
        If its pattern has no latents, or a number is out of range.
    """
    if not walked(knob.name for knob in knobs_of(pattern_of(look))):
        raise UserError(
            f"{look.name or look.title} has no latents to wander through:"
            " take a neural look, such as neural-dream"
        )
    said = {"seed": seed, "bars": bars, "stations": stations, "reach": reach}
    own = {} if look.walk is None else look.walk.model_dump()
    try:
        walk = Walk.model_validate(own | {k: v for k, v in said.items() if v is not None})
    except ValidationError as error:
        name = str(error.errors(include_url=False)[0]["loc"][0])
        raise UserError(f"--{name} {said[name]:g}: use {_range(name)}") from None
    return look.model_copy(update={"walk": walk})


def _range(name: str) -> str:
    """Return what a number of `Walk` may be, for people: ``1 to 128``."""
    limits: dict[str, int] = {}
    for limit in Walk.model_fields[name].metadata:
        limits |= {end: getattr(limit, end) for end in ("ge", "le", "lt") if hasattr(limit, end)}
    return f"{limits['ge']} to {limits['lt'] - 1 if 'lt' in limits else limits['le']}"


def knobs_at(look: Look, position: float) -> dict[str, float]:
    """Return the walking knobs of a look at a position of its walk, in stations.

    Raises
    ------
    ValueError
        If the look does not walk.
    """
    if look.walk is None:
        raise ValueError(f"{look.name} does not walk")
    known = {knob.name: knob for knob in knobs_of(pattern_of(look))}
    values = {}
    for name in walked(known):
        knob = known[name]
        rest = knob.clamp(look.knobs.get(name, knob.default))
        stops = stations(
            look.walk.seed, name, look.walk.stations,
            lo=knob.lo, hi=knob.hi, rest=rest, reach=look.walk.reach,
        )  # fmt: skip
        values[name] = knob.clamp(float(closed_path(stops, position)))
    return values


def strip(base: Tile, between: int = BETWEEN) -> Sheet:
    """Return a sheet of a walk's stations and the way between them, for a look that walks.

    Time stands still in it, so that only the walk is seen.
    """
    if base.look.walk is None:
        raise ValueError(f"{base.look.name} does not walk")
    tiles = []
    for station in range(base.look.walk.stations):
        for part in range(between + 1):
            share = Fraction(part, between + 1)
            label = f"{station + 1}" if not part else f"{station + 1} + {share}"
            tiles.append(
                replace(
                    base,
                    name=f"{base.name}-{station + 1}" + (f"-{part}" if part else ""),
                    label=f"station {label}",
                    knobs={**base.knobs, **knobs_at(base.look, station + float(share))},
                )
            )
    columns = (between + 1) * max(1, ACROSS // (between + 1))
    return Sheet(f"{base.look.title} · a walk", tuple(tiles), columns, grid=True)
