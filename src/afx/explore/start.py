"""Where exploration starts: a look, or what a picture carries, at a moment, with knobs turned.

Everything that a person types is checked here, and spelled again for others to repeat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from afx.carried import Carried, carried, is_picture
from afx.easel import MOMENT
from afx.explore.pages import typed
from afx.explore.tiles import Tile
from afx.explore.variety import knob_named
from afx.look import Look, find_look, knobs_of, load_library, pattern_of
from afx.look_changes import with_network
from afx.palette_choice import palette_named, with_palette
from music_analysis.errors import UserError


def starting_tile(
    name: str,
    *,
    seed: int | None = None,
    moment: float | None = None,
    turns: Sequence[str] = (),
    network: str | None = None,
    palette: str | None = None,
) -> Tile:
    """Return the tile that a person starts from; a picture brings its seed and moment along.

    Parameters
    ----------
    name : str
        A look's name or file, or a picture of ours.
    seed, moment : number, optional
        If not given, the picture's, or 0 and `afx.easel.MOMENT`.
    turns : sequence of str
        Knobs to turn first, each ``knob=value``.
    network : str, optional
        Another size of the look's network, such as ``"64x4"``.
    palette : str, optional
        Other colors, as `afx.palette_choice.palette_named` has them.

    Raises
    ------
    UserError
        If anything of it is not possible.
    """
    if seed is not None and not 0 <= seed < 2**53:
        raise UserError(f"--seed {seed}: use 0 to {2**53 - 1}")
    if moment is not None and not 0 <= moment <= 86_400:
        raise UserError(f"--moment {moment:g}: use seconds, 0 to 86400")
    library = load_library()
    look = find_look(name, library)
    brought = Carried(look.name, "", "")
    if library.get(look.name) is not look and is_picture(name):
        brought = carried(name)
    if network is not None:
        look = with_network({look.name: look}, network)[look.name]
    if palette is not None:
        look = with_palette({look.name: look}, palette_named(palette))[look.name]
    look = with_turns(look, turns)
    knobs: Mapping[str, float] = {}
    if moment is None:  # where a picture's clocks stand
        turned = {text.partition("=")[0].strip() for text in turns}
        clocks = {k.name for k in knobs_of(pattern_of(look)) if k.kind == "clock"} - turned
        knobs = {n: v for n, v in brought.knobs.items() if n in clocks}
    seed = seed if seed is not None else brought.seed
    moment = moment if moment is not None else brought.moment
    return Tile(
        look.name or "look",
        look.title,
        look,
        0 if seed is None else seed,
        MOMENT if moment is None else moment,
        knobs,
    )


def with_turns(look: Look, turns: Sequence[str]) -> Look:
    """Return a look with knobs turned, each ``knob=value``.

    Raises
    ------
    UserError
        If one is written otherwise, or the look has no such knob or value.
    """
    values = {}
    for text in turns:
        name, equals, number = (part.strip() for part in text.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (name and equals) or not math.isfinite(value):
            raise UserError(f"--set {text}: write knob=value, such as density=0.8")
        knob = knob_named(look, name)
        if not knob.lo <= value <= knob.hi:
            unit = f" {knob.unit}" if knob.unit else ""
            raise UserError(f"--set {text}: {name} goes from {knob.lo:g} to {knob.hi:g}{unit}")
        values[name] = value
    return look.model_copy(update={"knobs": {**look.knobs, **values}}) if values else look


def spelled(
    command: str,
    name: str | None,
    *said: str,
    base: Tile,
    turns: Sequence[str] = (),
    network: str | None = None,
    palette: str | None = None,
    output: Path | None = None,
) -> str:
    """Return the command line that makes a picture again, without the folders of this machine.

    Parameters
    ----------
    command : str
        Of ``afx explore``.
    name : str, optional
        As for `starting_tile`.
    said : str
        Words that are the command's own.
    base : Tile
        Where it started.
    turns, network, palette
        As for `starting_tile`.
    output : Path, optional
        What is written, if a person chose it.
    """
    words = ["afx explore", command, *([] if name is None else [typed(Path(name).name)])]
    words += [typed(word) for word in said]
    words += ["--seed", str(base.seed), "--moment", f"{base.moment:g}"]
    for turn in turns:
        words += ["--set", typed(turn)]
    if network is not None:
        words += ["--network", typed(network)]
    if palette is not None:
        words += ["--palette", typed(Path(palette).name)]
    if output is not None:
        words += ["-o", typed(output.name)]
    return " ".join(words)
