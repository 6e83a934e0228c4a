"""Variations of a look: its pattern with other hues, denser or sparser, nearer or farther.

A song's sections shall be seen to change and to return with the sound off, also where one look is
shown all the way. What is varied is what people see and what may be moved smoothly: hues, the
camera's distance, and those knobs of a pattern that the music holds as well. The same variation of
the same look is always the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from afx.chance import generator
from afx.field.knob import Knob
from afx.look import Look, knobs_of, pattern_of
from afx.palette import Palette, ramp
from afx.patterns import Pattern
from afx.wander import walked

VARIED = ("morph", "density", "detail", "warp", "amount")
"""Knobs of patterns and layers that may be varied: music moves them as well, so they are smooth."""
FINER = ("density", "detail")
"""Those of them that make finer figures, as does a camera farther away."""
HUE_REACH = 0.17
"""Turns from the look's own hues, at most: 60°. Beyond, it is no longer the palette that somebody
chose; the song's key and chords turn it a little more."""
WARM_HUE = 60.0
"""Degrees: the middle of red, brown, orange and yellow."""
WARM, HOT, HOT_SHARE = 0.5, 0.85, 0.4
"""How warm a palette is from which hues turn less, and from which only by that share."""
ZOOM_LOW, ZOOM_HIGH = -0.8, 1.6
"""Octaves between which a variation may bring the camera; never farther than 0 from a pattern with
a memory, whose grid ends with the picture."""


@dataclass(frozen=True)
class Strength:
    """How far a variation goes.

    Attributes
    ----------
    hue : (float, float)
        Turns, least and most.
    knob : (float, float)
        Shares of a knob's range.
    zoom : (float, float)
        Octaves.
    lift : float
        How far tones move along the palette.
    count : int
        Knobs of the pattern that take part.
    """

    hue: tuple[float, float]
    knob: tuple[float, float]
    zoom: tuple[float, float]
    lift: float
    count: int


OTHER = Strength((0.12, 0.16), (0.18, 0.25), (0.25, 0.45), 0.10, 3)
"""Of different sections that have to share a look: nobody should take one for the other."""
VARIED_SECTION = Strength((0.100, 0.120), (0.15, 0.24), (0.25, 0.40), 0.08, 3)
"""Of what is heard as a variation: seen at once, and still the same look."""
SHARED = Strength((0.070, 0.085), (0.15, 0.24), (0.20, 0.35), 0.06, 3)
"""The same of a look that different sections share: hues tell those from one another first."""
ECHO = Strength((0.062, 0.069), (0.12, 0.18), (0.20, 0.30), 0.06, 2)
"""Of what is heard twice in a row: its beginning is seen, and nobody takes it for another part."""
RETURN = Strength((0.010, 0.022), (0.03, 0.06), (0.02, 0.05), 0.0, 2)
"""Of what comes back: changed a little."""
_CORNERS = ((1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0))
"""Ways to turn hues and to move the camera, for variations 1, 2, 3 and 4; then again. Tones follow
the product of both, so that any two differ in two of the three."""


def varied(
    look: Look,
    patterns: Mapping[str, Pattern],
    *,
    other: int = 0,
    kin: int = 0,
    echo: int = 0,
    times: int = 0,
    shared: bool = False,
) -> tuple[float, dict[str, float]]:
    """Return a variation of a look: turns of its hues, and values at rest in place of its own.

    Parameters
    ----------
    look : Look
    patterns : mapping
    other : int
        0, or which different section it stands for.
    kin : int
        0, or which variation within a section.
    echo : int
        0, or which repetition in a row.
    times : int
        How often the same has been shown before, and something else since.
    shared : bool
        Different sections share this look.

    Returns
    -------
    hue : float
        Turns, relative to the look's; fewer for warm palettes (`hue_share`).
    knobs : dict
        Only those that change; every one inside its range.
    """
    pattern = pattern_of(look, patterns)
    knobs = {k.name: k for k in knobs_of(pattern) if k.kind == "value"}
    farthest = ZOOM_LOW if pattern.simulation is None else 0.0
    own = look.knobs.get("hue", 0.0)
    rest = {name: k.clamp(look.knobs.get(name, k.default)) for name, k in knobs.items()}
    free = [
        name
        for name in knobs
        if name.rpartition(".")[2] in VARIED
        and not (look.walk is not None and name in walked(knobs))
        # A layer that is not there has nothing to vary.
        and not (name.endswith(".amount") and rest[name] == 0.0)
    ]
    hue, moved = 0.0, dict(rest)
    steps = [
        ("other", other, OTHER), ("kin", kin, SHARED if shared else VARIED_SECTION),
        ("echo", echo, ECHO), ("times", times, RETURN),
    ]  # fmt: skip
    for word, number, strength in steps:
        if not number:
            continue
        chance = generator(number, f"variation.{word}.{look.pattern}.{look.name}")
        side, way = _CORNERS[(number - 1) % len(_CORNERS)]
        hue = _turned(hue, own, number, strength, side, chance)
        names = list(chance.permutation(len(free))[: strength.count]) if free else []
        for index in names:
            name = free[int(index)]
            share = chance.uniform(*strength.knob)
            up = chance.random() < 0.5
            # Farther away and finer as well would be edges everywhere.
            up = up and not (way < 0 and name.rpartition(".")[2] in FINER)
            moved[name] = _pushed(knobs[name], moved[name], share, up)
        octaves = chance.uniform(*strength.zoom) * way
        near = moved["zoom"] + octaves
        moved["zoom"] = near if farthest <= near <= ZOOM_HIGH else moved["zoom"] - octaves
        moved["lift"] += strength.lift * side * way
    changed = {
        name: round(knobs[name].clamp(value), 4)
        for name, value in moved.items()
        if value != rest[name]
    }
    hue *= hue_share(look.palette)
    return round(hue, 4), {name: knobs[name].clamp(value) for name, value in changed.items()}


@lru_cache(maxsize=512)
def hue_share(palette: Palette) -> float:
    """Return how far of the usual a palette's hues may be turned: 1, or less if it is warm.

    People tell warm hues apart finely: pink, red, brown, orange and yellow lie as close together as
    kinds of blue (Berlin & Kay 1969, "Basic color terms"). Fur, embers and gold are themselves only
    there, and olive or green beside it, while water may be blue, green or violet.
    """
    lab = ramp(palette, 33)
    middle = np.radians(WARM_HUE)
    # Chroma by how near its hue is to the middle; light colors are seen more than dark ones.
    warm = lab[:, 0] @ (lab[:, 1] * np.cos(middle) + lab[:, 2] * np.sin(middle))
    chroma = lab[:, 0] @ np.hypot(lab[:, 1], lab[:, 2])
    share = np.clip((warm / max(chroma, 1e-9) - WARM) / (HOT - WARM), 0.0, 1.0)
    return round(1.0 - (1.0 - HOT_SHARE) * float(share), 4)


def _turned(
    hue: float,
    own: float,
    number: int,
    strength: Strength,
    side: float,
    chance: np.random.Generator,
) -> float:
    """Turn hues further to a side, or to the other where they have been turned too far."""
    low, high = strength.hue
    if strength is OTHER:  # spread out evenly: the third is far from the first and the second
        turn = low + (high - low) * float(np.mod(0.5 * (number - 1) * 0.618034, 1.0))
    else:
        turn = float(chance.uniform(low, high))
    if strength is ECHO:
        if abs(hue) > high:
            # Past the plain section to its other side, then outward: never where that is itself.
            side = -float(np.sign(hue)) if number == 1 else float(np.sign(hue))
            turn = abs(hue) + 0.7 * turn if number == 1 else min(turn, HUE_REACH - abs(hue))
        else:  # the first variation, which often comes next, goes the other way
            side = -side
    for candidate in (hue + side * turn, hue - side * turn):
        if abs(candidate) <= HUE_REACH + 1e-9 and abs(own + candidate) <= 0.5:
            return candidate
    return hue


def _pushed(knob: Knob, value: float, share: float, up: bool) -> float:
    """Move a knob by a share of its range, to where there is room."""
    span = knob.hi - knob.lo
    low, high = knob.lo + 0.04 * span, knob.hi - 0.04 * span
    for step in (share * span, -share * span) if up else (-share * span, share * span):
        if low <= value + step <= high:
            return value + step
    return min(max(value + (share if value < 0.5 * (low + high) else -share) * span, low), high)
