"""Reaction: two chemicals that feed on each other and wander, in a dish that is gently stirred.

Gray and Scott's model: `v` eats `u` and makes more of itself, both diffuse, `u` is fed and `v`
dies. Which forms grow hangs on two rates, feed and kill; a knob moves them along a path through the
forms that live. The rates also differ over the dish, in clouds that drift: so some form is always
giving way to another and the dish never freezes; and drops of `v` that wander through it sow it
anew wherever it has died.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.field import (
    Buffer,
    Expr,
    Field,
    Point,
    Program,
    as_expr,
    bell,
    clamp,
    clock,
    knob,
    maximum,
    noise,
    pixel_point,
    sin_turns,
    smoothstep,
    uniform,
)
from afx.field.jit import Call, Kernel
from afx.field.program import plane
from afx.patterns.lattice import linear, smooth
from afx.patterns.registry import pattern
from afx.patterns.simulation import Grid, Simulation

Floats = NDArray[np.float32]

CELLS = 224 * 126
LEFT = 64
"""Spare columns before each row of a plane."""
RATE, MOST = 360.0, 22.0
"""Steps of the model for 1 of its clock; most of them at once: in a sketch the clock leaps."""
GROWN, GROWN_FROM_PICTURE = 1500, 150
"""Steps before a scene's first frame."""
SPREAD = 1.05, 0.5
"""How far `u` spreads in a step, for large forms and for small ones. The Laplacian's nine points
take at most 1.6 times as much away, which with what is eaten must stay below 2."""
DROPS, DROP = 7, 4.5
"""Drops that sow the dish, and their size in cells."""
SLOW = 1.6
"""Half-life of the slow mean, seconds."""
LONG = 40.0
"""Seconds after which the slow mean has forgotten how it began."""
APART = 18
"""Cells of a side of the squares in which seeds lie."""

HEIGHT, TINT = Buffer("reaction_height"), Buffer("reaction_tint")

PATH = (
    (0.0, 0.0300, 0.0608),
    (0.2, 0.0367, 0.0627),
    (0.4, 0.0460, 0.0620),
    (0.6, 0.0540, 0.0613),
    (0.8, 0.0390, 0.0588),
    (1.0, 0.0290, 0.0560),
)
"""Morph, feed and kill: solitons, dividing spots, worms, coral, holes and mazes."""


def reaction(  # the state takes most of the knobs
    p: Point,
    *,
    phase: Expr = clock(0.06, 0.3, help="how fast the clouds of food drift"),
    stir: Expr = clock(0.05, 0.25, help="how fast the stirring changes"),
    growth: Expr = clock(0.5, 1.6, help="how fast forms grow, and are carried about"),
    morph: Expr = knob(0.5, 0.0, 1.0, help="spots, worms, coral, holes, mazes"),
    density: Expr = knob(0.3, 0.0, 1.0, help="from large forms to small ones"),
    warp: Expr = knob(0.4, 0.0, 1.0, help="how strongly the dish is stirred"),
    detail: Expr = knob(0.4, 0.0, 1.0, help="contour lines on the slopes"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="forms swell, and more is sown"),
) -> Field:
    """Two chemicals growing into spots, worms, coral and mazes that never come to rest."""
    height = smooth(HEIGHT, p)
    line = sin_turns(height * 4.0)
    tone = height + 0.10 * pulse * height + 0.05 * detail * line * smoothstep(0.02, 0.25, height)
    return Field(tone=tone, hue=linear(TINT, p))


# --------------------------------------------------------------------------- the model


def _rates(morph: Expr) -> tuple[Expr, Expr]:
    """Return feed and kill on the path."""
    feed, kill = as_expr(PATH[0][1]), as_expr(PATH[0][2])
    for (a, f, k), (b, g, m) in itertools.pairwise(PATH):
        share = clamp((morph - a) * (1.0 / (b - a)))
        feed, kill = feed + (g - f) * share, kill + (m - k) * share
    return feed, kill


def _weather_program() -> Program:
    """Return the program of what changes slowly: feed, kill, the current and what is sown."""
    names = ("phase", "stir", "morph", "warp", "pulse", "cells")
    k = {name: uniform(name) for name in names}
    p, phase = pixel_point(), k["phase"]
    cloud = noise(p.x * 0.9, p.y * 0.9, phase, 3) + 0.4 * noise(p.x * 2.1, p.y * 2.1, phase, 4)
    feed, kill = _rates(clamp(k["morph"] + 0.22 * cloud))
    across: Expr = as_expr(0.0)
    down: Expr = as_expr(0.0)
    for n, (turn, wave, rate) in enumerate(
        ((0.05, 0.37, 0.9), (0.31, 0.52, -0.7), (0.19, 0.81, 1.1))
    ):
        cx, cy = math.cos(math.tau * turn), math.sin(math.tau * turn)
        v = sin_turns((p.x * cx + p.y * cy) * wave + k["stir"] * rate + 0.31 * n) * (0.35 / wave)
        across, down = across - cy * v, down + cx * v
    # Cells a step: half heights for 1 of the clock.
    speed = k["warp"] * k["cells"] * (0.5 / RATE)
    sown: Expr = as_expr(0.0)
    near = k["cells"] * (1.0 / DROP)
    for n in range(DROPS):
        x = 1.5 * sin_turns(phase * (1.1 + 0.13 * n) + 0.381 * n)
        y = 0.9 * sin_turns(phase * (1.3 - 0.11 * n) + 0.618 * n)
        dx, dy = (p.x - x) * near, (p.y - y) * near
        sown = maximum(sown, bell(dx * dx + dy * dy))
    sown = sown * (0.10 + 0.15 * k["pulse"])
    outputs = (
        ("feed", feed),
        ("kill", kill),
        ("flow_x", across * speed),
        ("flow_y", down * speed),
        ("sown", sown),
    )
    return Program(outputs, names)


def _model_program() -> Program:
    """Return the program of one step."""
    dt, spread = uniform("dt"), uniform("spread")
    u, v = plane("u"), plane("v")

    def around(name: str) -> tuple[Expr, Expr, Expr]:
        e, w, n, s = (plane(name, *at) for at in ((1, 0), (-1, 0), (0, -1), (0, 1)))
        corners = (plane(name, -1, -1) + plane(name, 1, -1)) + (
            plane(name, -1, 1) + plane(name, 1, 1)
        )
        laplace = ((e + w) + (n + s)) * 0.2 + corners * 0.05 - plane(name)
        return laplace, (e - w) * 0.5, (s - n) * 0.5

    lu, ux, uy = around("u")
    lv, vx, vy = around("v")
    fx, fy = plane("flow_x"), plane("flow_y")
    feed, kill = plane("feed"), plane("kill")
    eaten = u * v * v
    du = lu * spread - eaten + feed * (1.0 - u) - (fx * ux + fy * uy)
    dv = lv * (spread * 0.5) + eaten - (feed + kill) * v - (fx * vx + fy * vy)
    # Sown up to what grows anyway: a drop is no lamp.
    dv = dv + plane("sown") * maximum(0.3 - v, 0.0)
    return Program((("u", clamp(u + dt * du)), ("v", clamp(v + dt * dv))), ("dt", "spread"))


def _shown_program() -> Program:
    """Return the program of what the field reads: height, hue, and the slow mean it is told by."""
    share = uniform("share")
    u, v, slow = plane("u"), plane("v"), plane("slow")
    slow = slow + (v - slow) * share
    height = clamp(v * 1.6 + slow * 0.5 + (1.0 - u) * 0.25)
    tint = clamp((v - slow) * 0.5 + (slow - 0.15) * 0.8, -0.35, 0.35)
    return Program((("slow", slow), ("height", height), ("tint", tint)), ("share",))


@functools.lru_cache(maxsize=1)
def _kernels() -> tuple[Kernel, Kernel, Kernel]:
    return Kernel(_weather_program()), Kernel(_model_program()), Kernel(_shown_program())


PLANES = ("u", "v", "slow", "feed", "kill", "flow_x", "flow_y", "sown")


class _Dish:
    """Working memory on one grid: what the copies of a state share."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.weather, self.model, self.shown = (Call(k) for k in _kernels())
        room = (grid.rows + 2, LEFT + -(-grid.columns // 64) * 64 + 64)
        self.planes = {name: np.zeros(room, np.float32) for name in (*PLANES, "u2", "v2")}
        for name in ("feed", "kill", "flow_x", "flow_y", "sown"):
            self.weather.output(name, self.planes[name][1:], LEFT)
            self.model.plane(name, self.planes[name][1:], LEFT)
        for name in ("u", "v", "slow"):
            self.shown.plane(name, self.planes[name][1:], LEFT)

    def inner(self, name: str) -> Floats:
        """Return a plane's cells."""
        return self.planes[name][1:-1, LEFT : LEFT + self.grid.columns]

    def run(self, call: Call) -> None:
        """Run a program over the grid."""
        call.run(self.grid.geometry, (0, self.grid.rows), (0, self.grid.columns))

    def react(self, steps: float, spread: float) -> None:
        """Go on by so many steps of the model, whole or not."""
        count = max(1, math.ceil(steps - 1e-6))
        self.model.knobs[:] = (steps / count, spread)
        ends = [("u", "v"), ("u2", "v2")]
        for k in range(count):
            before, after = ends[k % 2], ends[1 - k % 2]
            for name, old, new in zip("uv", before, after, strict=True):
                a = self.planes[old]
                last = LEFT + self.grid.columns
                a[:, LEFT - 1], a[:, last] = a[:, LEFT], a[:, last - 1]
                a[0], a[-1] = a[1], a[-2]
                self.model.plane(name, a[1:], LEFT)
                self.model.output(name, self.planes[new][1:], LEFT)
            self.run(self.model)
        if count % 2:
            for name in "uv":
                self.inner(name)[:] = self.inner(f"{name}2")


class _State:
    """The chemicals, the slow mean of `v`, and what the field is shown."""

    def __init__(self, dish: _Dish, u: Floats, v: Floats, slow: Floats, growth: float) -> None:
        self._dish, self._u, self._v, self._slow = dish, u, v, slow
        self._growth = growth  # the clock at the last step
        self._shown: dict[str, Floats] = {}

    def step(self, knobs: Mapping[str, float], seconds: float, steps: float | None = None) -> None:
        """Go on by so many seconds and what the clock says; or by so many steps of the model."""
        dish = self._dish
        self._lay_out()
        rows = dish.grid.rows
        dish.weather.knobs[:] = [
            {**knobs, "cells": rows / 2}[name] for name in dish.weather.kernel.module.knobs
        ]
        dish.run(dish.weather)
        spread = SPREAD[0] + (SPREAD[1] - SPREAD[0]) * knobs["density"]
        grown = max(knobs["growth"] - self._growth, 0.0)
        dish.react(min(grown * RATE, MOST) if steps is None else steps, spread)
        self._growth = knobs["growth"]
        self._u, self._v = dish.inner("u").copy(), dish.inner("v").copy()
        self._show(1.0 - 2.0 ** (-seconds / SLOW))

    def remind(self, picture: Floats) -> None:
        """Let the slow mean show a picture, which it forgets."""
        self._slow = picture
        self._lay_out()
        self._show(0.0)

    def _lay_out(self) -> None:
        for name, cells in (("u", self._u), ("v", self._v), ("slow", self._slow)):
            self._dish.inner(name)[:] = cells

    def _show(self, share: float) -> None:
        """Make what the field reads; the slow mean moves on by a share."""
        dish, columns = self._dish, self._dish.grid.columns
        spare = -(-dish.shown.kernel.tile // columns)
        dish.shown.knobs[:] = [share]
        made = {}
        for name in ("slow", "height", "tint"):
            # What a row writes beyond its end the next row writes over; some are to spare.
            out = np.empty((dish.grid.rows + spare, columns), np.float32)
            dish.shown.output(name, out)
            made[name] = out[: dish.grid.rows]
        dish.run(dish.shown)
        self._slow = made["slow"]
        self._shown = {HEIGHT.name: made["height"], TINT.name: made["tint"]}

    def buffers(self) -> Mapping[str, Floats]:
        """Return height and hue."""
        return self._shown

    def copy(self) -> Self:
        """Return a state that goes on from here on its own."""
        other = type(self)(self._dish, self._u, self._v, self._slow, self._growth)
        other._shown = self._shown
        return other


def _start(grid: Grid, seed: int, knobs: Mapping[str, float], picture: Floats | None) -> _State:
    """Return a dish that has grown for a while."""
    dish = _Dish(grid)
    chance = generator(seed, "reaction.seeds")
    v = np.zeros((grid.rows, grid.columns), np.float32)
    # One seed somewhere in every square, so that no part of the dish waits for long.
    for top in range(0, grid.rows, APART):
        for left in range(0, grid.columns, APART):
            down, across, size = (int(c) for c in chance.integers((0, 0, 5), (APART, APART, 9)))
            row, column = top + down, left + across
            v[row : row + size, column : column + size] = 0.3
    if picture is not None:  # it grows where that was bright
        v *= np.clip(picture * 3.0 - 0.8, 0.0, 1.0).astype(np.float32)
    state = _State(dish, 1.0 - 1.6 * v, v, v, knobs["growth"])
    state.step(knobs, LONG, GROWN if picture is None else GROWN_FROM_PICTURE)
    if picture is not None:
        state.remind(picture)
    return state


pattern(
    family="organic",
    title="Reaction",
    source="Gray & Scott 1983; its forms: Pearson, 'Complex patterns in a simple system' (1993)",
    simulation=Simulation(_start, CELLS),
)(reaction)
