"""Flow-field particles: points carried by a current that never piles them up, drawing trails.

The current is the curl of turning noise, so it has no sources and no sinks (Bridson, Hourihan and
Nordenstam, "Curl-noise for procedural fluid flow", 2007), over a steady stream; `flock` adds a pull
up the slope of the same noise, which does gather them. One kernel carries all points. Each lives
some seconds and is born again anywhere, from a counted hash, so that none is ever lost; its light
is splatted on a grid, where it fades.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.field import (
    Expr,
    Field,
    Number,
    Point,
    Program,
    absolute,
    as_expr,
    clock,
    cos_turns,
    floor,
    hash_cell,
    knob,
    log2,
    mix,
    mod,
    noise,
    pixel_point,
    select,
    sign,
    sin_turns,
    smoothstep,
    sqrt,
    to_int,
    uniform,
    unit_float,
)
from afx.field.jit import Kernel
from afx.field.program import plane
from afx.patterns.registry import pattern
from afx.patterns.simulation import Grid, Simulation
from afx.patterns.splatting import CELLS, REACH, Light, cell_of, developed, fading, hazy, word

ROWS, COLUMNS = 80, 1024
"""The points, as planes: 81 920 of them, all moved and splatted in some 2 ms."""

STEPS = 72.0
"""Moves in a second, at least about: at usual speeds a point goes a cell at a time."""

LIFE = 2.5, 6.5
"""Shortest and longest life, seconds of the clock."""

ROOM = 1.16
"""How much larger than the picture the space is in which points live."""

FARTHEST = 2.0
"""Cells that the fastest points go at a time; in a gust there are up to twice as many moves."""

TOP = 0.5
"""Most that a point goes in a second at speed 1: the fastest `flow` in a gust."""

FASTEST = 1.8
"""About the greatest speed of the current."""

FADE = 0.10, 1.3
"""Half-lives of the light, seconds of the clock, for the shortest and the longest trails."""

WARM, DARK = 40, 72
"""24ths of a second before the first frame, so that it has trails already, and before these
without light, so that ribbons have been drawn out."""

SPEED = 0.25
"""Of the clock `flow` in a second of its time; about that in music, which drives it."""

KNOBS = ("density", "warp", "morph", "flock", "pulse", "phase")
"""What the current hangs on."""


# ------------------------------------------------------------------------ the current


def current(
    x: Expr,
    y: Expr,
    place: tuple[Number, Number],
    phase: Number,
    density: Number,
    warp: Number,
    morph: Number,
    flock: Number,
) -> tuple[Expr, Expr]:
    """Return the velocity at a point: about 1, in half heights for each unit of the clock.

    `place` is where in the noise the picture lies: added after scaling, as whirls that grow or
    shrink do so around the picture's middle.
    """
    scale = 0.55 + 1.05 * as_expr(density)
    fine = scale * 2.6
    near = 0.02
    ox, oy = place

    def stream(px: Expr, py: Expr) -> Expr:
        """Return the stream function: whirls, and smaller ones in them."""
        whirls = noise(px * scale + ox, py * scale + oy, phase, 11) * (0.85 / scale)
        small = noise(px * fine - ox, py * fine - oy, as_expr(phase) * 1.7, 12) * (1.0 / fine)
        return whirls + small * (0.10 + 0.75 * as_expr(warp))

    # The slope between points closer than the finest whirl.
    dx = (stream(x + near, y) - stream(x - near, y)) * (0.5 / near)
    dy = (stream(x, y + near) - stream(x, y - near)) * (0.5 / near)
    drift = 0.85 * (1.0 - as_expr(morph))
    whirl = 0.55 + 0.45 * as_expr(morph)
    way = 0.02 * sin_turns(as_expr(phase) * 0.31)
    pull = as_expr(flock) * 0.55
    u = whirl * (dy + pull * dx) + drift * cos_turns(way)
    v = whirl * (pull * dy - dx) + drift * sin_turns(way)
    return u, v


# ------------------------------------------------------------------------ the points


@functools.cache
def _mover() -> Kernel:
    """Return the kernel that moves every point once."""
    p = pixel_point()
    x, y, age, born = plane("x"), plane("y"), plane("age"), plane("born")
    hue, light = plane("hue"), plane("light")
    names = ("density", "warp", "morph", "flock")
    seconds, way, aspect = uniform("seconds"), uniform("way"), uniform("aspect")
    phase = uniform("phase")
    knobs = [uniform(n) for n in names]
    # Every seed has a place of its own in the noise.
    there_x, there_y = uniform("there_x"), uniform("there_y")
    number = to_int(floor(p.y) * COLUMNS + floor(p.x)) + to_int(uniform("seed")) * 7919

    def life(generation: Expr) -> Expr:
        return LIFE[0] + (LIFE[1] - LIFE[0]) * unit_float(hash_cell(number, generation, 3))

    def chance(salt: int) -> Expr:
        return unit_float(hash_cell(number, to_int(born), salt))

    # Who has lived long enough begins anew, anywhere; who has left comes back at the border.
    wide, high = aspect * ROOM, as_expr(ROOM)
    gone = (absolute(x) > wide) | (absolute(y) > high)
    age = age + seconds
    old = (age >= life(to_int(born))) | gone
    born = select(old, mod(born + 1.0, 65536.0), born)
    across, down = chance(1) * 2.0 - 1.0, chance(2) * 2.0 - 1.0
    level = chance(5) * (wide + high) < wide  # the upper or lower side of the border
    side_x, side_y = select(level, across, sign(across)), select(level, sign(down), down)
    at_x = select(gone, side_x, across) * wide
    at_y = select(gone, side_y, down) * high
    x, y = select(old, at_x, x), select(old, at_y, y)
    # Those at the border are old and young, as the stream that they come with.
    age = select(old, select(gone, 0.8 * chance(6) * life(to_int(born)), 0.0), age)

    # A few shine and most only glimmer; where they are born says their color and, in bands, how
    # much light they have, so that trails lie together in ribbons.
    band = noise(at_x * 1.1 + there_x, at_y * 1.1 + there_y, phase * 0.7, 21)
    tint = noise(at_x * 0.7 - there_x, at_y * 0.7 - there_y, phase * 0.5, 22)
    lot = chance(4) * chance(4)
    shine = (0.3 + 3.2 * lot * lot) * (0.16 + smoothstep(-0.4, 0.5, band))
    hue, light = select(old, tint * 1.4, hue), select(old, shine, light)

    # Where it went last says how its way bends (the method of Adams and Bashforth).
    u, v = current(x, y, (there_x, there_y), phase, *knobs)
    before_u, before_v = select(old, u, plane("u")), select(old, v, plane("v"))
    # Through the border come as many as flow in there: the others wait outside, and try again.
    inward = select(level, -v * sign(y), -u * sign(x))
    waits = gone & (inward < chance(7) * FASTEST)
    x = select(waits, wide * 2.0, x + (1.5 * u - 0.5 * before_u) * way)
    y = y + (1.5 * v - 0.5 * before_v) * way

    # Light comes and goes with age; the faster, the brighter, as if all were one long exposure. In
    # a gust all flare.
    done = age / life(to_int(born))
    speed = sqrt(u * u + v * v + 1e-6)
    weight = seconds * light * 4.0 * done * (1.0 - done) * (0.25 + speed)
    weight = weight * (1.0 + 2.0 * uniform("pulse"))
    column, row = cell_of(x, y, uniform("rows"), uniform("columns"))
    outputs = {
        "x": x, "y": y, "u": u, "v": v, "age": age, "born": born, "hue": hue, "light": light,
        "column": column, "row": row, "weight": weight,
    }  # fmt: skip
    held = (
        *names, "pulse", "phase", "seconds", "way", "aspect", "rows", "columns", "seed",
        "there_x", "there_y",
    )  # fmt: skip
    return Kernel(Program(tuple(outputs.items()), held))


KEPT = ("x", "y", "u", "v", "age", "born", "hue", "light")
"""What is known of a point; the rest is only for the splat."""

Planes = dict[str, NDArray[np.float32]]


class Points:
    """All points, and what moves them."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid, self.seed = grid, seed
        self.planes: Planes = {n: np.zeros((ROWS, COLUMNS), np.float32) for n in KEPT}

    @classmethod
    def scattered(cls, grid: Grid, seed: int, knobs: Mapping[str, float]) -> Points:
        """Return points anywhere, of any age."""
        made = cls(grid, seed)
        made.planes["age"][:] = LIFE[1]  # all are born in the first move
        made.move(knobs, 0.0, 0.0)
        chance = generator(seed, "particles").random((ROWS, COLUMNS), np.float32)
        made.planes["age"] = chance * np.float32(LIFE[1])
        return made

    def copy(self) -> Points:
        """Return the same points in memory of their own."""
        made = Points(self.grid, self.seed)
        made.planes = {name: values.copy() for name, values in self.planes.items()}
        return made

    def move(self, knobs: Mapping[str, float], seconds: float, way: float) -> Planes:
        """Carry all points `way` along the current, and return what is to be splatted."""
        rows, columns = self.grid.rows, self.grid.columns
        there = generator(self.seed, "current").random(2) * 40.0
        given = {
            **knobs, "there_x": float(there[0]), "there_y": float(there[1]),
            "seconds": seconds, "way": way, "aspect": columns / rows,
            "rows": rows, "columns": columns, "seed": self.seed % 65521,
        }  # fmt: skip
        made = _mover().evaluate(COLUMNS, ROWS, given, geometry=CELLS, planes=self.planes)
        self.planes = {name: made[name] for name in KEPT}
        return made


# ------------------------------------------------------------------------ the memory


@functools.cache
def _developer() -> Kernel:
    """Return the kernel that makes tones and hues of light."""
    weight, moment = plane("weight"), plane("moment")
    haze, haze_moment = hazy()
    usual = uniform("usual")
    # Where no trail is, the haze around says the hue.
    hue = (moment + 0.3 * haze_moment) / (weight + 0.3 * haze + 1e-6)
    # Crisp single threads, or soft ones in the glow of all.
    detail = uniform("detail")
    around = as_expr(0.0)
    for j in (-1, 0, 1):
        for i in (-1, 0, 1):
            around = around + plane("weight", i, j)
    thread = mix(around * (1.0 / 9.0), weight, 0.1 + 0.9 * detail)
    light = (thread * (0.45 + 0.7 * detail) + haze * (0.50 - 0.4 * detail)) * usual
    tone = log2(1.0 + 2.2 * light) * (1.0 / 6.0)
    return Kernel(Program((("word", word(tone, hue)),), ("usual", "detail")))


class Trails:
    """The state: points, their light, and the knobs of the last frame."""

    def __init__(self, points: Points, light: Light, knobs: Mapping[str, float]) -> None:
        self.points, self.light = points, light
        self.shone = 0.0
        self._knobs = dict(knobs)

    def step(self, knobs: Mapping[str, float], seconds: float) -> None:
        """Go on by one frame, in moves short enough for whole trails."""
        phase, flow = self._knobs["phase"], self._knobs["flow"]
        # A hit is a gust: more way in the same time.
        way = (knobs["flow"] - flow) * (1.0 + 1.2 * knobs["pulse"])
        way = min(max(way, 0.0), seconds * TOP)  # in a sketch the clocks leap
        # All of it is in the clock's time, light and lives as well: in quiet music the same picture
        # goes slowly, where threads that fade by the second would glitter at any pace.
        passed = way / SPEED
        usual = max(1, round(seconds * STEPS))
        # In a gust threads would fall into dots: the fastest points go some cells at a time.
        cells = way * FASTEST * self.light.grid.rows * 0.5 / REACH
        moves = min(max(usual, math.ceil(cells / FARTHEST)), 2 * usual)
        part = passed / moves
        factor = fading(part, FADE[0] + (FADE[1] - FADE[0]) * knobs["trail"])
        for k in range(moves):
            now = phase + (knobs["phase"] - phase) * (k + 1) / moves
            made = self.points.move({**knobs, "phase": now}, part, way / moves)
            self.light.fade(factor)
            self.light.add(made["column"], made["row"], made["weight"], made["hue"])
            self.shone = self.shone * float(factor) + part
        self._knobs = dict(knobs)

    def buffers(self) -> Mapping[str, NDArray[np.float32]]:
        """Return the light, developed."""
        grid = self.light.grid
        # What a cell would have if all light lay evenly.
        even = max(self.shone, 1e-6) * ROWS * COLUMNS / (grid.rows * grid.columns)
        held = {"usual": 1.0 / even, "detail": self._knobs["detail"]}
        return self.light.develop("trails", _developer(), held)

    def copy(self) -> Trails:
        """Return a state that goes on from here on its own."""
        made = Trails(self.points.copy(), self.light.copy(), self._knobs)
        made.shone = self.shone
        return made


def start(
    grid: Grid, seed: int, knobs: Mapping[str, float], picture: NDArray[np.float32] | None
) -> Trails:
    """Return the state at a scene's first frame: points that have been under way for a while."""

    def before(parts: int) -> dict[str, float]:
        """Return the knobs as if everything had gone at its usual speed so far."""
        return {**knobs, "flow": knobs["flow"] - SPEED * parts / 24.0}

    points = Points.scattered(grid, seed, knobs)
    for _ in range(DARK):
        points.move(knobs, 1.0 / 24.0, SPEED / 24.0)
    state = Trails(points, Light(grid), before(WARM))
    for k in reversed(range(WARM)):
        state.step(before(k), 1.0 / 24.0)
    return state


@pattern(
    family="flowing",
    title="Trails",
    source="Curl noise: R. Bridson, J. Hourihan and M. Nordenstam (2007)",
    simulation=Simulation(start, 960 * 540),
)
def particles(
    p: Point,
    *,
    phase: Expr = clock(0.008, 0.03, help="how fast the current turns"),
    flow: Expr = clock(0.12, 0.4, help="how fast points travel"),
    density: Expr = knob(0.4, 0.0, 1.0, help="how many whirls fit into the picture"),
    morph: Expr = knob(0.4, 0.0, 1.0, help="from streams to whirls"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="small whirls inside the large ones"),
    flock: Expr = knob(0.0, 0.0, 1.0, help="how far points gather into crowds"),
    trail: Expr = knob(0.4, 0.0, 1.0, help="how long their light stays behind them"),
    detail: Expr = knob(0.5, 0.0, 1.0, help="single threads against the glow of all"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="a gust: everything flares and runs faster"),
) -> Field:
    """Tens of thousands of points drift in a current, each drawing a thread of light."""
    tone, hue = developed("trails", p)
    return Field(tone=tone, hue=0.16 * hue, mask=smoothstep(0.0, 0.12, tone))
