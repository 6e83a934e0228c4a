"""Strange attractors: where the orbits of a simple map gather, as light on a grid.

The map x' = sin(a·y) + e·cos(b·x), y' = sin(c·x) + f·cos(d·y) has Clifford Pickover's and Peter de
Jong's among its members. Its six parameters travel on a closed curve through stations that were
chosen so that nowhere on the way, their sway by the music included, does the picture collapse to a
few dots; and orbits live for some steps only, so that a short periodic window is crossed unseen.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afx.field import (
    Expr,
    Field,
    Point,
    Program,
    as_expr,
    clamp,
    clock,
    cos,
    floor,
    hash_cell,
    knob,
    log2,
    maximum,
    mix,
    mod,
    pixel_point,
    select,
    sin,
    smoothstep,
    to_int,
    uniform,
    unit_float,
)
from afx.field.jit import Kernel
from afx.field.program import plane
from afx.patterns.registry import pattern
from afx.patterns.simulation import Grid, Simulation
from afx.patterns.splatting import CELLS, Light, cell_of, developed, fading, hazy, word

STATIONS = (
    (2.31, 2.50, 1.62, 1.55, -1.39, -0.63),
    (2.39, 2.35, 2.40, 1.27, -1.00, -0.71),
    (1.61, 2.09, 1.71, 1.79, -0.94, -1.36),
    (1.65, 1.54, 1.15, 2.08, -1.36, -1.14),
    (2.34, 1.86, 1.51, 2.44, -0.59, -1.33),
    (1.72, 1.79, 1.89, 2.55, -0.63, -1.11),
    (1.86, 1.45, 2.41, 1.60, -0.68, -1.29),
    (2.27, 2.54, 2.46, 1.71, -0.81, -0.70),
)
"""Parameters a to f of maps whose orbits fill their frame with fine, uneven folds."""

NAMES = "abcdef"

GRAIN = 0.4
"""Variance of a cell's weight by chance, over its mean: below 1, as light fades and is spread."""

ROWS, COLUMNS = 64, 1024
"""The orbits, as planes: 65 536 of them."""

RATE = 144.0
"""Steps of every orbit for 1 of its clock: nine million points of light."""

SPEED, FARTHEST = 0.5, 1.6
"""Of that clock in a second: at rest, and at most: in a sketch it leaps."""

LIFE, HIDDEN = 72, 10
"""Steps after which an orbit begins anew, and its first ones, on the way to the attractor."""

FADE = 0.10, 0.70
"""Half-lives of the light, in the clock's time, at the ends of the knob."""

FILL = 0.97
"""Share of the picture, across as down, that the map's bounds take."""

WARM = 90
"""Steps before the first frame."""

Planes = dict[str, NDArray[np.float32]]


def parameters(phase: float, morph: float, warp: float, pulse: float) -> tuple[float, ...]:
    """Return a to f at a place on the curve, in stations, swayed by the knobs."""
    first = math.floor(phase)
    t = phase - first
    around = [STATIONS[(first + k) % len(STATIONS)] for k in (-1, 0, 1, 2)]
    found = []
    for before, here, there, after in zip(*around, strict=True):  # a Catmull-Rom spline
        bend = 2.0 * before - 5.0 * here + 4.0 * there - after
        twist = 3.0 * (here - there) + after - before
        found.append(here + 0.5 * t * (there - before + t * (bend + t * twist)))
    a, b, c, d, e, f = found
    sway, swell = 0.10 * (warp - 0.35), 1.0 + 0.14 * (morph - 0.4)
    kick = 0.035 * pulse
    return a + sway, b - sway, c + sway + kick, d - sway + kick, e * swell, f * swell


def mapped(x: Expr, y: Expr, p: tuple[Expr, ...]) -> tuple[Expr, Expr]:
    """Return the next point of an orbit."""
    a, b, c, d, e, f = p
    return sin(a * y) + e * cos(b * x), sin(c * x) + f * cos(d * y)


@functools.cache
def _stepper() -> Kernel:
    """Return the kernel that takes every orbit one step further."""
    p = pixel_point()
    at = tuple(uniform(n) for n in NAMES)
    number = to_int(floor(p.y) * COLUMNS + floor(p.x)) + to_int(uniform("seed")) * 7919
    steps, born = plane("steps"), plane("born")
    old = steps >= float(LIFE)
    born = select(old, mod(born + 1.0, 65536.0), born)
    steps = select(old, 0.0, steps)

    def anywhere(salt: int) -> Expr:
        return unit_float(hash_cell(number, to_int(born), salt)) * 2.0 - 1.0

    before_x = select(old, anywhere(31), plane("x"))
    before_y = select(old, anywhere(32), plane("y"))
    x, y = mapped(before_x, before_y, at)
    wide, high = 1.0 + abs(at[4]), 1.0 + abs(at[5])
    fill = as_expr(FILL)
    column, row = cell_of(
        x / wide * (fill * uniform("aspect")), y / high * fill, uniform("rows"), uniform("columns")
    )
    # Where a point comes from says its color: sheets that cross are told apart.
    value = clamp(0.8 * before_x / wide + 0.2 * before_y / high, -1.0, 1.0)
    outputs = {
        "x": x, "y": y, "steps": steps + 1.0, "born": born,
        "column": column, "row": row, "value": value,
        "weight": select(steps < float(HIDDEN), 0.0, 1.0),
    }  # fmt: skip
    held = (*NAMES, "aspect", "rows", "columns", "seed")
    return Kernel(Program(tuple(outputs.items()), held))


KEPT = ("x", "y", "steps", "born")


class Orbits:
    """Points on their way to the attractor and around it."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid, self.seed = grid, seed
        self.planes: Planes = {n: np.zeros((ROWS, COLUMNS), np.float32) for n in KEPT}
        # All begin in the first step that finds them too old: spread evenly over a life.
        numbers = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
        self.planes["steps"] += (LIFE - numbers * 53 % LIFE).astype(np.float32)
        self.planes["x"] += np.float32(0.1)

    def copy(self) -> Orbits:
        """Return the same orbits in memory of their own."""
        made = Orbits(self.grid, self.seed)
        made.planes = {name: values.copy() for name, values in self.planes.items()}
        return made

    def step(self, at: tuple[float, ...]) -> Planes:
        """Take every orbit one step further with these parameters; return what is to be seen."""
        rows, columns = self.grid.rows, self.grid.columns
        given = {
            **dict(zip(NAMES, at, strict=True)), "aspect": columns / rows,
            "rows": rows, "columns": columns, "seed": self.seed % 65521,
        }  # fmt: skip
        made = _stepper().evaluate(COLUMNS, ROWS, given, geometry=CELLS, planes=self.planes)
        self.planes = {name: made[name] for name in KEPT}
        return made


@functools.cache
def _developer() -> Kernel:
    """Return the kernel that makes tones and hues of light."""
    weight, moment = plane("weight"), plane("moment")
    haze, haze_moment = hazy()
    around, wide, squares = as_expr(0.0), as_expr(0.0), as_expr(0.0)
    for j in (-2, -1, 0, 1, 2):
        for i in (-2, -1, 0, 1, 2):
            here = plane("weight", i, j)
            wide = wide + here * (1.0 / 25.0)
            if abs(i) < 2 and abs(j) < 2:
                around, squares = around + here * (1.0 / 9.0), squares + here * here * (1.0 / 9.0)
    # What differs more than counting points by chance explains is drawn; the rest is smoothed (the
    # local Wiener filter: J.-S. Lee, 1980), the more the fewer points there are.
    chance = wide * GRAIN + 1e-6
    spread = maximum(squares - around * around - chance * 1.5, 0.0)
    near = spread / (spread + chance * 2.5) * uniform("sharp")
    sure = wide / (wide + 1.0)
    light = mix(mix(haze, 0.35 * around + 0.65 * wide, sure), weight, near)
    hue = (moment + 0.5 * haze_moment) / (weight + 0.5 * haze + 1e-6)
    gain = uniform("gain")
    tone = log2(1.0 + gain * light * uniform("usual")) * uniform("scale")
    return Kernel(Program((("word", word(tone, hue)),), ("sharp", "gain", "usual", "scale")))


class Sheets:
    """The state: orbits, their light, and where the clock stood."""

    def __init__(self, orbits: Orbits, light: Light, knobs: Mapping[str, float]) -> None:
        self.orbits, self.light = orbits, light
        self._phase = knobs["phase"]
        self._shone = 0.0
        self._knobs = dict(knobs)

    def step(self, knobs: Mapping[str, float], seconds: float) -> None:
        """Go on by one frame, as far as the clock says.

        Points that come and go by the second would glitter at any pace of the music.
        """
        passed = max(knobs["light"] - self._knobs["light"], 0.0)
        self.draw(knobs, min(passed, seconds * FARTHEST) * RATE)

    def draw(self, knobs: Mapping[str, float], count: float) -> None:
        """Let orbits draw `count` steps' worth of light, in steps of one at most."""
        steps = max(1, math.ceil(count - 1e-6))
        part = count / steps
        half_life = FADE[0] + (FADE[1] - FADE[0]) * knobs["trail"]
        factor = fading(part / RATE, half_life)
        for k in range(steps):
            share = (k + 1) / steps
            phase = self._phase + (knobs["phase"] - self._phase) * share
            at = parameters(phase, knobs["morph"], knobs["warp"], knobs["pulse"])
            self.light.fade(factor)
            self.expose(at, part)
            self._shone = self._shone * float(factor) + part
        self._phase, self._knobs = knobs["phase"], dict(knobs)

    def expose(self, at: tuple[float, ...], part: float = 1.0) -> None:
        """Let every orbit leave one point of so much light."""
        made = self.orbits.step(at)
        weight = made["weight"] * np.float32(part)
        self.light.add(made["column"], made["row"], weight, made["value"])

    def buffers(self) -> Mapping[str, NDArray[np.float32]]:
        """Return the light, developed."""
        grid = self.light.grid
        even = self._shone * ROWS * COLUMNS * (1.0 - HIDDEN / LIFE) / (grid.rows * grid.columns)
        gain = 0.8 + 5.0 * self._knobs["density"] ** 2
        given = {
            "sharp": 0.3 + 0.7 * self._knobs["detail"], "gain": gain, "usual": 1.0 / even,
            "scale": 1.0 / round(math.log2(1.0 + gain * 24.0), 6),
        }  # fmt: skip
        return self.light.develop("sheets", _developer(), given)

    def copy(self) -> Sheets:
        """Return a state that goes on from here on its own."""
        made = Sheets(self.orbits.copy(), self.light.copy(), self._knobs)
        made._phase, made._shone = self._phase, self._shone
        return made


def start(
    grid: Grid, seed: int, knobs: Mapping[str, float], picture: NDArray[np.float32] | None
) -> Sheets:
    """Return the state at a scene's first frame: an attractor that has been exposed already."""
    state = Sheets(Orbits(grid, seed), Light(grid), knobs)
    held = dict(knobs)
    for _ in range(LIFE):  # every orbit has begun anew
        state.orbits.step(parameters(held["phase"], held["morph"], held["warp"], held["pulse"]))
    state.draw(held, WARM)
    return state


@pattern(
    family="fractal",
    title="Strange attractor",
    source="C. A. Pickover, Computers, Pattern, Chaos and Beauty (1990); P. de Jong (1987)",
    simulation=Simulation(start, 960 * 540),
)
def attractor(
    p: Point,
    *,
    phase: Expr = clock(0.04, 0.2, help="how fast one attractor turns into the next"),
    light: Expr = clock(SPEED, 1.6, help="how fast light is drawn, and fades"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="swells the folds"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="shears the folds against each other"),
    density: Expr = knob(0.5, 0.0, 1.0, help="how much light the faint veils have"),
    trail: Expr = knob(0.35, 0.0, 1.0, help="how long light stays: smoother, and slower"),
    detail: Expr = knob(0.6, 0.0, 1.0, help="crispness of single threads"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="pushes all threads aside"),
) -> Field:
    """Millions of points fall into folds of light that never repeat and never leave."""
    tone, hue = developed("sheets", p)
    return Field(tone=tone, hue=0.22 * hue, mask=smoothstep(0.0, 0.10, tone))
