"""What a sheet can vary: seeds, networks, activations, palettes, looks, moments, any knob.

An axis is a list of choices; a choice makes another tile of a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import get_args

from pydantic import ValidationError

from afx.explore.tiles import Tile
from afx.field.knob import Knob
from afx.look import Look, knobs_of, pattern_of
from afx.palette import PALETTES
from afx.patterns import PATTERNS, Pattern
from afx.patterns.architecture import Architecture, Gene, Initializer, Symmetry
from music_analysis.errors import UserError

AXES = (
    "seeds",
    "networks",
    "activations",
    "symmetries",
    "initializers",
    "palettes",
    "looks",
    "moments",
)
"""Names of axes; ``knob:NAME`` is one too."""

OPEN = ("seeds", "moments")
"""Axes without an end: as long as one likes. So is a knob's."""

PACE = 4.0
"""Seconds from one moment to the next."""

NETWORKS = (
    *((8, 2), (8, 4), (8, 8), (12, 4), (16, 2), (16, 4), (16, 8), (24, 4)),
    *((32, 2), (32, 4), (32, 6), (48, 4), (64, 4), (64, 8), (128, 4), (128, 6)),
)
"""Width and depth, from a blink to some seconds a tile."""

ACTIVATIONS: tuple[tuple[str, ...], ...] = (
    *(("mixed",), ("waves",), ("nineties",), ("distill",), ("siren",), ("finer",)),
    *(("cosine",), ("tanh",), ("gaussian",), ("sigmoid",), ("absolute",), ("softplus",)),
    *(("sine", "tanh"), ("gaussian", "tanh"), ("absolute", "cosine"), ("finer", "gaussian")),
)

_FOLDED: Mapping[str, tuple[dict[str, float], ...]] = {
    "rotate": ({"folds": 3}, {"folds": 5}, {"folds": 8}),
    "kaleidoscope": ({"folds": 4}, {"folds": 6}, {"folds": 10}),
    "tile": ({"tiles": 0.5}, {"tiles": 1.0}),
}
"""What else is said with a symmetry."""


@dataclass(frozen=True)
class Choice:
    """One place on an axis.

    Attributes
    ----------
    name : str
        For commands.
    label : str
        For people.
    apply : callable
        ``apply(tile)`` gives the tile changed; its name and label are the caller's.
    first : bool
        Must be applied before others.
    """

    name: str
    label: str
    apply: Callable[[Tile], Tile]
    first: bool = False


def is_open(axis: str) -> bool:
    """Tell whether an axis goes on as long as one likes."""
    return axis in OPEN or axis.startswith("knob:")


def choices(
    axis: str,
    base: Tile,
    count: int,
    library: Mapping[str, Look],
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> list[Choice]:
    """Return up to `count` choices of an axis.

    Parameters
    ----------
    axis : str
        One of `AXES`, or ``knob:NAME``.
    base : Tile
        What is varied.
    count : int
    library : mapping of str to Look
        The looks to show where looks are varied.

    Raises
    ------
    UserError
        If there is no such axis or knob, or the look has no network to vary.
    """
    if axis.startswith("knob:"):
        knob = knob_named(base.look, axis.removeprefix("knob:"), patterns)
        return along(knob, *span(knob, base.moment), count, base.moment)
    if axis not in AXES:
        near = get_close_matches(axis, (*AXES, "knob:"), 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(AXES)}, knob:NAME"
        raise UserError(f"cannot vary {axis!r}: {hint}")
    if axis in ("networks", "activations", "symmetries", "initializers"):
        if patterns[base.look.pattern].shape is None:
            raise UserError(
                f"the look {base.look.name or base.look.title} runs no network:"
                f" {axis} can be varied of such as neural-dream"
            )
        made = _NETWORK_AXES[axis]()
    else:
        made = _plain(axis, base, count, library)
    return [choice for choice, _ in zip(made, range(count), strict=False)]


def _plain(axis: str, base: Tile, count: int, library: Mapping[str, Look]) -> Iterator[Choice]:
    if axis == "seeds":
        for k in range(count):
            seed = (base.seed + k) % 2**53
            yield Choice(f"seed-{seed}", f"seed {seed}", _seeded(seed))
    elif axis == "moments":
        for k in range(count):
            moment = round(base.moment + PACE * k, 3)
            yield Choice(f"{moment:g}s", f"{moment:g} s", _at(moment))
    elif axis == "palettes":
        for name, palette in PALETTES.items():
            yield Choice(name, palette.title or name, _dressed({"palette": palette}))
    else:
        for name, look in library.items():
            yield Choice(name, look.title, _shown(look), first=True)


def _networks() -> Iterator[Choice]:
    for width, depth in NETWORKS:
        said = {"width": width, "depth": depth}
        yield Choice(f"{width}x{depth}", f"{width} × {depth}", _networked(said))


def _activations() -> Iterator[Choice]:
    for names in ACTIVATIONS:
        yield Choice("-".join(names), " + ".join(names), _networked({"activations": names}))


def _symmetries() -> Iterator[Choice]:
    for symmetry in get_args(Symmetry):
        for more in _FOLDED.get(symmetry, ({},)):
            words = [symmetry, *(f"{value:g}" for value in more.values())]
            said = {"symmetry": symmetry, **more}
            yield Choice("-".join(words), " ".join(words), _networked(said))


def _initializers() -> Iterator[Choice]:
    for name in get_args(Initializer):
        yield Choice(name, name, _networked({"initializer": name}))


_NETWORK_AXES: Mapping[str, Callable[[], Iterator[Choice]]] = {
    "networks": _networks,
    "activations": _activations,
    "symmetries": _symmetries,
    "initializers": _initializers,
}


def along(knob: Knob, start: float, end: float, steps: int, moment: float) -> list[Choice]:
    """Return values of one knob, evenly from `start` to `end`.

    A clock's value is a speed, which a still cannot show: there the phase that it has reached is
    meant, in turns since the start.
    """
    made = []
    for k in range(steps):
        value = start + (end - start) * (k / (steps - 1) if steps > 1 else 0.0)
        shown = float(f"{value:.4g}")
        unit = f" {knob.unit}" if knob.unit and knob.kind != "clock" else ""
        label = f"{knob.name} {shown:g}{unit}"
        if knob.kind == "clock":
            label = f"{knob.name} has reached {shown:g}"
        made.append(Choice(f"{knob.name}-{shown:g}", label, _turned(knob, value, moment)))
    return made


def span(knob: Knob, moment: float) -> tuple[float, float]:
    """Return what a sweep of a knob goes through: its range; of a clock a turn, if it gets there.

    Raises
    ------
    UserError
        If a clock is meant and no time has passed.
    """
    if knob.kind != "clock":
        return knob.lo, knob.hi
    if moment <= 0:
        raise UserError(f"{knob.name} is a clock: --moment must be more than 0 to sweep it")
    return max(0.0, knob.lo * moment), min(1.0, knob.hi * moment)


def knob_named(look: Look, name: str, patterns: Mapping[str, Pattern] = PATTERNS) -> Knob:
    """Return a look's knob.

    Raises
    ------
    UserError
        If it has none of that name; with the nearest.
    """
    known = {k.name: k for k in knobs_of(pattern_of(look, patterns))}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise UserError(f"{look.pattern} has no knob {name!r}; {hint}")


def _seeded(seed: int) -> Callable[[Tile], Tile]:
    """Give a tile another seed, and a network's weights from chance with it."""

    def change(tile: Tile) -> Tile:
        said = tile.look.network
        if said is None or said.weights is not None or not said.genes:
            return replace(tile, seed=seed)
        network = said.model_copy(update={"genes": (Gene(seed=seed),)})
        return replace(tile, seed=seed, look=tile.look.model_copy(update={"network": network}))

    return change


def _at(moment: float) -> Callable[[Tile], Tile]:
    return lambda tile: replace(tile, moment=moment)


def _shown(look: Look) -> Callable[[Tile], Tile]:
    return lambda tile: replace(tile, look=look)


def _dressed(update: Mapping[str, object]) -> Callable[[Tile], Tile]:
    return lambda tile: replace(tile, look=tile.look.model_copy(update=update))


def _networked(said: Mapping[str, object]) -> Callable[[Tile], Tile]:
    """Say more of a tile's network."""

    def change(tile: Tile) -> Tile:
        before = tile.look.network
        kept = {} if before is None else before.model_dump(exclude_unset=True)
        try:
            network = Architecture.model_validate({**kept, **said})
        except ValidationError as error:
            word = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            named = ", ".join(f"{k} {v}" for k, v in said.items())
            raise UserError(f"the network cannot have {named}: {word}") from None
        return replace(tile, look=tile.look.model_copy(update={"network": network}))

    return change


def _turned(knob: Knob, value: float, moment: float) -> Callable[[Tile], Tile]:
    if knob.kind == "clock":
        value = value / moment if moment > 0 else 0.0
    value = float(f"{knob.clamp(value):.6g}")
    return lambda tile: replace(tile, knobs={**tile.knobs, knob.name: value})
