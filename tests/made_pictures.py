"""Made-up fields whose every tone is known, and pictures made of them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np

from afx.color import packed_tables, paired_tables
from afx.compose import Controls, Scene
from afx.director import Director
from afx.field import Field, fbm, knob, knobs_of
from afx.field.expr import Expr
from afx.look import Look
from afx.painter import FieldState, Picture, field_kernel
from afx.palette import PALETTES, Palette
from afx.patterns import Pattern
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from afx.transition import Transition

GRAYS = Palette(dark=0.05, light=0.97, chroma=0.0, chroma_dark=0.0, chroma_light=0.0)
EMBER = PALETTES["ember"]
# As a look without any effect: what is left is the palette.
PLAIN = {"vignette": 0.0}


def made(function, family="geometric") -> Pattern:
    return Pattern(
        function.__name__, family, "Made", "Made up", "here", knobs_of(function), function
    )


def _across(p, *, level: Expr = knob(0.0, -2, 2, help="adds")):
    """Tone from 0 at the left edge of a picture 16:9 to 1 at the right."""
    return Field(p.x * (0.5 * 9 / 16) + 0.5 + level)


def _flat(
    p,
    *,
    level: Expr = knob(0.5, -100, 100, help="tone"),
    tint: Expr = knob(0.0, -10, 10, help="hue"),
    shown: Expr = knob(1.0, 0, 1, help="mask"),
):
    return Field(level + p.x * 0.0, tint, shown)


def _clouds(p, *, level: Expr = knob(0.0, -2, 2, help="adds")):
    """Something of every scale, with hues and holes."""
    tone = fbm(p.x * 2.0, p.y * 2.0, octaves=4) * 0.6 + 0.5 + level
    return Field(tone, fbm(p.x, p.y, 0.3) * 0.2, fbm(p.x + 9.0, p.y) * 2.0 + 0.7)


def _colored(
    p,
    *,
    red: Expr = knob(0.5, -1, 2, help="display red"),
    green: Expr = knob(0.5, -1, 2, help="display green"),
    blue: Expr = knob(0.5, -1, 2, help="display blue"),
    wave: Expr = knob(0.0, 0, 1, help="how much it changes over the picture"),
):
    """Its own color: Y', Cb and Cr, without a palette."""
    shift = wave * fbm(p.x * 1.5, p.y * 1.5, octaves=3) * 0.4
    r, g, b = red + shift, green - shift, blue + shift * 0.5
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return Field(luma, (b - luma) * (1 / 1.8556), (r - luma) * (1 / 1.5748))


ACROSS, FLAT, CLOUDS = made(_across), made(_flat), made(_clouds)
COLORED = replace(made(_colored), direct=True)


def state(pattern, scale=1.0, offset=0.0, internal=1, **values) -> FieldState:
    kernel = field_kernel(pattern)
    given = {k.name: k.default for k in (*pattern.knobs, *STAGE_KNOBS)}
    given |= {k.name: 0.0 for k in (*pattern.knobs, *STAGE_KNOBS) if k.kind == "clock"}
    assert set(values) <= set(given), values
    row = [(given | values)[n] for n in kernel.module.knobs]
    row = np.array(row, np.float32)
    return FieldState(kernel, row, {}, scale, offset, internal, pattern.direct)


def grade(**values) -> np.ndarray:
    given = {k.name: k.default if k.kind == "value" else 0.0 for k in GRADE_KNOBS}
    assert set(values) <= set(given), values
    return np.array([(given | values)[k.name] for k in GRADE_KNOBS], np.float32)


def picture(
    *states, palette=GRAYS, second=None, weight=0.0, gain=None, wipe=None, **grades
) -> Picture:
    """With a `second` palette each side of a wipe has its own."""
    tables = packed_tables(palette) if second is None else paired_tables(palette, second)
    return Picture(tuple(states), weight, grade(**(PLAIN | grades)), tables, gain, wipe)


def look(name: str, pattern: Pattern = FLAT, palette: Palette = GRAYS) -> Look:
    return Look(name=name, title=name.title(), pattern=pattern.name, palette=palette)


def scene(
    pattern: Pattern,
    first: int,
    last: int,
    *,
    palette: Palette = GRAYS,
    seed: int = 0,
    name: str = "made",
    **tracks: object,
) -> Scene:
    """A scene whose knobs are at rest (clocks at 0) but for `tracks`: numbers or one a frame."""
    knobs = (*pattern.knobs, *STAGE_KNOBS, *GRADE_KNOBS)
    values = np.empty((last - first, len(knobs)), np.float32)
    for column, k in enumerate(knobs):
        rest = 0.0 if k.kind == "clock" or k.name == "vignette" else k.default
        values[:, column] = tracks.pop(k.name, rest)
    assert not tracks, tracks
    names = tuple(k.name for k in knobs)
    return Scene(look(name, pattern, palette), seed, first, last, names, values)


def controls(*scenes: Scene, fps: int = 30) -> Controls:
    """Scenes that overlap fade over their overlap."""
    fades = tuple(
        Transition("blend", float(after.first) - 1, float(before.last))
        for before, after in itertools.pairwise(scenes)
    )
    return Controls(Fraction(fps), scenes[-1].last, tuple(scenes), (), fades)


def director(*scenes: Scene, fps: int = 30) -> Director:
    return directed(controls(*scenes, fps=fps))


def directed(made: Controls) -> Director:
    return Director(made, {p.name: p for p in (ACROSS, FLAT, CLOUDS, COLORED)})
