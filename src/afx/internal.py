"""Internal resolution: how coarsely each scene's field may be evaluated without anybody seeing it.

A probe paints small parts of a scene at several moments both ways, in full and enlarged, at the
real size and in the final colors, and keeps the coarsest grid that in every moment comes near
enough to the full picture. The parts are those with the finest detail, and none may be far off: a
picture that is mostly smooth may be near on the whole and yet have a ragged line somewhere, which
people see. The probe goes by pictures and never by the clock, and looks at the whole scene whatever
is rendered of it: the same song, look and seed are always made alike.

Only fields that run a network are probed. Enlarging tone and hue costs 2 ms a 720p frame, and the
smallest network (4 wide, 1 deep) costs 7; other patterns cost about what the colors do, which are
made at full size anyway, or live by edges that nobody could enlarge. So do patterns with a memory:
they read smooth splines from their grid, 5 to 9 ms a 720p frame. Where such a pattern is part of a
look that runs a network, its memory is sketched for the probe, once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from afx.color import packed_tables
from afx.director import Director
from afx.painter import Painter, Part, Picture
from afx.upscale import FACTORS, factor_for

Internal = Literal["auto", "1", "2", "3", "4"]
Floats = NDArray[np.float32]

ENOUGH = 45.0
"""Peak signal-to-noise ratio in dB, over display RGB, that a moment's tiles must reach together: a
root mean square error of 1.4 steps in 255."""

EACH = 42.0
"""What each of them must reach: magnified four times, 42 dB look the same as the full picture, 40
lack a line here and there, and at 35 slanted lines are ropes."""

MOMENTS = 8
"""Moments of a scene that are looked at."""

GRID = (3, 2)
"""Parts of a picture, across and down, of each of which the finest tile is looked at."""

TILE = (128, 24)
"""Their size in pixels: wide, because networks work on 64 pixels of a row at a time."""

STEP = 8
"""Fine detail is looked for in a picture this many times smaller."""

BORDER = 2 * FACTORS[-1]
"""Columns at a tile's ends that are left out: there samples are missing that the picture has."""

BEST = 99.0
"""What is told of pictures that are the same, in dB."""


@dataclass(frozen=True)
class Choice:
    """What was chosen for a scene.

    Attributes
    ----------
    factor : int
        Its field is evaluated at one in so many pixels, across as down.
    psnr : float or None
        How near the finest parts of the worst moment come to the full picture, in dB; None if that
        was not measured: where nothing is enlarged, or the person chose.
    """

    factor: int = 1
    psnr: float | None = None


def choose_internal(
    director: Director,
    width: int,
    height: int,
    wanted: Internal = "auto",
    frames: tuple[int, int] | None = None,
) -> list[Choice]:
    """Choose for each scene, and tell the director.

    Parameters
    ----------
    director : Director
        Normalized.
    width, height : int
        Of the real picture.
    wanted : {"auto", "1", "2", "3", "4"}
        ``"auto"`` probes; a number is what a person chose, for every pattern.
    frames : (int, int), optional
        Only scenes that are visible in these frames are needed; the others are left in full.

    Returns
    -------
    list of Choice
        One for each scene.
    """
    choices = []
    for index, scene in enumerate(director.controls.scenes):
        choice = Choice()
        if frames is None or (scene.last > frames[0] and scene.first < frames[1]):
            if wanted != "auto":
                choice = Choice(factor_for(width, height, int(wanted)))
            elif director.kernel(scene).module.networks:
                choice = probe(director, index, width, height)
        director.internal[index] = choice.factor
        choices.append(choice)
    return choices


def probe(director: Director, index: int, width: int, height: int) -> Choice:
    """Return the coarsest grid for scene `index` that is near enough to the full picture."""
    if width < TILE[0] or height < TILE[1]:  # a picture so small costs nothing
        return Choice()
    seen = _Tiles(director, index, width, height)
    for factor in sorted(FACTORS[1:], reverse=True):
        worst = BEST
        for moment in range(MOMENTS):
            worst = min(worst, seen.nearness(moment, factor))
            if worst < ENOUGH:
                break
        if worst >= ENOUGH:
            return Choice(factor, worst)
    return Choice()


def psnr(a: Floats, b: Floats) -> float:
    """Return the peak signal-to-noise ratio of pictures in [0, 1], in dB.

    Rounded, so that the last digit of another machine's mathematics decides nothing.
    """
    error = float(np.mean(np.square(a - b, dtype=np.float64)))
    return round(min(BEST, -10.0 * float(np.log10(max(error, 1e-12)))), 2)


class _Tiles:
    """Small parts of a scene's pictures, as they will be in the end."""

    def __init__(self, director: Director, index: int, width: int, height: int) -> None:
        self.director, self.index, self.size = director, index, (width, height)
        scene = director.controls.scenes[index]
        share = (np.arange(MOMENTS) + 0.5) / MOMENTS
        frames = (scene.first + share * (scene.last - scene.first)).astype(int)
        self.frames: list[int] = frames.tolist()
        self.states = list(director.sketched(index, self.frames))
        self.tables = packed_tables(scene.look.palette)
        self.painter = Painter(*TILE, strip=TILE[1])
        self.small = Painter(width // STEP, height // STEP)
        self._parts: dict[int, list[Part]] = {}
        self._full: dict[int, list[Floats]] = {}

    def nearness(self, moment: int, factor: int) -> float:
        """Return how near an enlarged moment comes to the full one, in dB; 0 if a tile is off."""
        full, made = self.full(moment), self.made(moment, factor)
        if min(psnr(a, b) for a, b in zip(full, made, strict=True)) < EACH:
            return 0.0
        return psnr(np.stack(full), np.stack(made))

    def full(self, moment: int) -> list[Floats]:
        """Return a moment's tiles evaluated at every pixel."""
        if moment not in self._full:
            self._full[moment] = self.made(moment, 1)
        return self._full[moment]

    def made(self, moment: int, factor: int) -> list[Floats]:
        """Return a moment's tiles, each display RGB [height, width, 3]."""
        picture = self._picture(moment, factor)
        made = []
        for part in self._finest(moment):
            self.painter.move(part)
            made.append(self.painter.rgb_float(picture)[:, BORDER:-BORDER])
        return made

    def _picture(self, moment: int, factor: int) -> Picture:
        state = replace(self.states[moment], internal=factor)
        grade = self.director.grade(self.index, self.frames[moment])
        # The halo is made in full anyway, and for each tile it would be made again.
        return Picture((state,), 0.0, grade, self.tables).without("halo")

    def _finest(self, moment: int) -> list[Part]:
        if moment not in self._parts:
            rgb = self.small.rgb_float(self._picture(moment, 1))
            self._parts[moment] = [Part(*at, *self.size) for at in finest(rgb, *self.size)]
        return self._parts[moment]


def finest(small: Floats, width: int, height: int) -> list[tuple[int, int]]:
    """Return left and top of the tiles with the finest detail, one in each part of a picture.

    Parameters
    ----------
    small : float32 array [height / STEP, width / STEP, 3]
        The picture made small.
    width, height : int
        Its real size.
    """
    light = np.pad(small.sum(axis=-1, dtype=np.float64), 1, mode="edge")
    around = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:]
    bent = np.square(around - 4.0 * light[1:-1, 1:-1])
    wide, high = TILE[0] // STEP, TILE[1] // STEP
    total = np.pad(bent.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    detail = (
        total[high:, wide:] - total[:-high, wide:] - total[high:, :-wide] + total[:-high, :-wide]
    )
    found = []
    for rows in np.array_split(np.arange(detail.shape[0]), GRID[1]):
        for columns in np.array_split(np.arange(detail.shape[1]), GRID[0]):
            if rows.size and columns.size:
                part = detail[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                row, column = np.unravel_index(int(np.argmax(part)), part.shape)
                left = min(int(columns[column]) * STEP, width - TILE[0])
                top = min(int(rows[row]) * STEP, height - TILE[1])
                # On the picture's own grid of samples, whatever the factor.
                found.append((left // 12 * 12, top // 12 * 12))
    return found
