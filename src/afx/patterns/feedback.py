"""Feedback: the picture before is seen through a bent lens, dimmed, and drawn upon again.

Light and hue lie on a grid. With each frame they are carried outwards, turned and stirred, and a
figure is drawn into them anew; so where it was is still seen, farther out and darker, and a beat
travels through the picture as a ring. All rates are per second: the steps' number does not count.
Light is only ever moved, dimmed, or drawn up to 1, so nothing grows without end.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from afx.field import (
    Buffer,
    Complex,
    Expr,
    Field,
    Knob,
    Point,
    Program,
    as_expr,
    bell,
    clamp,
    clock,
    cos_turns,
    exp2,
    knob,
    knobs_of,
    log2,
    maximum,
    minimum,
    mix,
    pixel_point,
    rotate,
    sin_turns,
    smoothstep,
    sqrt,
    trace,
    uniform,
)
from afx.field.jit import Call, Kernel
from afx.field.program import networks_called
from afx.patterns.lattice import keen, linear, smooth
from afx.patterns.registry import PATTERNS, Pattern, pattern
from afx.patterns.simulation import Grid, Simulation

Floats = NDArray[np.float32]

CELLS = 640 * 360
DARK = 2.0**-8
"""Light of which nothing is seen any more."""
WARM_UP, PACE = 6.0, 1 / 15
"""Seconds that a scene's memory has gone on before its first frame, and their steps."""
USUAL = {"phase": 0.10, "wander": 0.05, "fall": 1.0}
"""Speeds of the clocks, as far as is known before the first frame."""
FARTHEST = 3.0
"""Most that `fall` goes in a second: in a sketch the clocks leap."""

LIGHT, TINT = Buffer("feedback_light"), Buffer("feedback_tint")


def feedback(
    p: Point,
    *,
    phase: Expr = clock(USUAL["phase"], 0.5, help="how fast the figure is drawn"),
    wander: Expr = clock(USUAL["wander"], 0.25, help="how fast the currents change"),
    fall: Expr = clock(0.5, 2.0, help="how fast light is carried away, and fades"),
    pull: Expr = knob(0.5, -1.0, 1.5, unit="octaves", help="how far all falls outwards"),
    twist: Expr = knob(0.03, -0.3, 0.3, unit="turns", help="how far all turns on its way"),
    decay: Expr = knob(0.8, 0.3, 3.0, help="how far light comes before it has faded to a half"),
    reach: Expr = knob(0.2, 0.05, 0.9, unit="half heights", help="size of the figure"),
    warp: Expr = knob(0.35, 0.0, 1.0, help="how strongly currents stir the light"),
    echo: Expr = knob(0.0, 0.0, 1.0, help="mirror images of the picture in itself"),
    morph: Expr = knob(0.3, 0.0, 1.0, help="the figure: from a ring to wandering pens"),
    density: Expr = knob(0.6, 0.0, 1.0, help="the ring's light: from cloth to separate threads"),
    detail: Expr = knob(0.3, 0.0, 1.0, help="growth rings in the fading light"),
    pulse: Expr = knob(0.0, 0.0, 1.0, help="the figure flares, and all falls faster"),
) -> Field:
    """Light drawn by a turning figure, carried outwards, twisted and stirred as it fades."""
    return _seen(p, detail)


def _seen(p: Point, detail: Expr) -> Field:
    """Return light as tone: by its logarithm, which falls evenly with age."""
    light = clamp(smooth(LIGHT, p))
    age = log2(light + DARK) * (-1.0 / math.log2(1 / DARK))
    # Rings of equal age: fine and sharp at any size, since the light itself is smooth.
    ring = sin_turns(age * 9.0)
    fading = smoothstep(0.0, 0.12, age) * smoothstep(1.0, 0.5, age)
    tone = 1.0 - age + detail * 0.085 * ring * fading
    return Field(tone=tone, hue=linear(TINT, p))


# --------------------------------------------------------------------------- the figure

PENS = 5

Carried = Callable[[Expr, Expr], tuple[Expr, Expr]]
"""Where something is after a step."""


def _figure(p: Point, k: Mapping[str, Expr], carried: Carried) -> tuple[Expr, Expr]:
    """Return how much of the figure covers a point, and the hue it is drawn in."""
    phase, density, morph, pulse, reach = (
        k[name] for name in ("phase", "density", "morph", "pulse", "reach")
    )
    # A ring whose lobes turn against each other: Re zⁿ is rⁿ cos nθ, without any angle.
    x, y = rotate(p.x, p.y, phase * 0.21)
    r = sqrt(x * x + y * y + 1e-6)
    unit = Complex(x / r, y / r)
    two = unit * unit
    three, five = two * unit, two * two * unit
    c, s = cos_turns(phase * 0.8), sin_turns(phase * 0.8)
    wave = 0.45 * (three.re * c + three.im * s) + 0.55 * (five.re * s - five.im * c)
    radius = reach * (1.0 + 0.10 * sin_turns(phase * 0.7) + 0.20 * pulse) * (1.0 + 0.22 * wave)
    ring = bell((r - radius) / (0.020 + 0.05 * reach))
    # Beads on the ring: falling outwards they draw threads.
    six = three * three
    many = six * six * five
    many = many * many
    bead = 0.5 + 0.5 * many.re
    bead = bead * bead * (0.65 + 0.35 * wave)
    ring = ring * mix(0.75 + 0.25 * wave, bead, density)
    # Pens on curves of Lissajous; each draws the way it went since the last step, from where what
    # it drew then has been carried.
    pens: Expr = as_expr(0.0)
    tint: Expr = as_expr(0.0)
    for n in range(PENS):
        before, now = carried(*_pen(k["before"], n, reach)), _pen(phase, n, reach)
        stroke = bell(_apart(p, before, now) * (1.0 / (0.018 + 0.006 * (n % 3))))
        tint = tint + stroke * ((n + 0.5) / PENS - 0.5)
        pens = maximum(pens, stroke)
    ring_share, pen_share = smoothstep(1.0, 0.6, morph), smoothstep(0.0, 0.4, morph)
    # A pen is a point where the ring is a line: it may be brighter.
    shown = maximum(
        ring * ring_share * (0.50 + 0.50 * pulse), pens * pen_share * (0.52 + 0.48 * pulse)
    )
    hue = 0.07 * sin_turns(phase * 0.9) + 0.08 * wave * ring_share + 0.12 * tint
    return shown, clamp(hue, -0.4, 0.4)


def _pen(phase: Expr, n: int, reach: Expr) -> tuple[Expr, Expr]:
    wide = 0.35 + reach
    x = 1.0 * sin_turns(phase * (0.9 + 0.13 * n) + 0.21 * n) + 0.30 * sin_turns(
        phase * (2.3 - 0.21 * n) + 0.37 * n
    )
    y = 0.75 * sin_turns(phase * (1.1 - 0.09 * n) + 0.43 * n) + 0.22 * sin_turns(
        phase * (2.7 + 0.17 * n) + 0.11 * n
    )
    return x * wide, y * wide


def _apart(p: Point, a: tuple[Expr, Expr], b: tuple[Expr, Expr]) -> Expr:
    """Return the distance of a point from the line between two."""
    wx, wy = b[0] - a[0], b[1] - a[1]
    dx, dy = p.x - a[0], p.y - a[1]
    t = clamp((dx * wx + dy * wy) / (wx * wx + wy * wy + 1e-6))
    ex, ey = dx - t * wx, dy - t * wy
    return sqrt(ex * ex + ey * ey + 1e-9)


# --------------------------------------------------------------------------- one step

Draw = Callable[[Point, Mapping[str, Expr], Carried], tuple[Expr, Expr]]


def _step(p: Point, k: Mapping[str, Expr], draw: Draw) -> tuple[Expr, Expr]:
    """Return light and hue at a point after one step."""
    way, wander = k["way"], k["wander"]
    mid_x, mid_y = 0.22 * sin_turns(wander * 0.9 + 0.1), 0.14 * sin_turns(wander * 0.7 + 0.6)
    grow = exp2(-way * k["pull"] * (1.0 + 0.8 * k["pulse"]))
    center = _stirred(mid_x, mid_y, wander)

    def before(at_x: Expr, at_y: Expr) -> tuple[Expr, Expr]:
        """Return where that was one step ago, both seen from the center, what is there now."""
        x, y = rotate(at_x, at_y, -way * k["twist"])
        here = _stirred(at_x + mid_x, at_y + mid_y, wander)
        # Around the center nothing is stirred, or all would leave it to one side.
        far = x * x + y * y
        away = way * k["warp"] * far / (far + 0.25)
        return x * grow - (here[0] - center[0]) * away, y * grow - (here[1] - center[1]) * away

    def carried(at_x: Expr, at_y: Expr) -> tuple[Expr, Expr]:
        """Return about where what was there one step ago is now."""
        x, y = before(at_x, at_y)
        return 2.0 * at_x - x, 2.0 * at_y - y

    x, y = before(p.x - mid_x, p.y - mid_y)
    source = Point(mid_x + x, mid_y + y, p.pixel)
    light, tint = keen(LIGHT, source), linear(TINT, source)
    # The echo is turned by a third and drawn towards the center; what is brighter is taken over.
    ex, ey = rotate(source.x, -source.y, 1 / 3)
    seen = Point(ex * 1.15, ey * 1.15, p.pixel)
    other = linear(LIGHT, seen) * 0.94
    share = 1.0 - exp2(-way * 9.0 * k["echo"])
    gain = share * maximum(other - light, 0.0)
    tint = mix(tint, linear(TINT, seen), clamp(gain / (light + gain + 1e-3)))
    light = clamp(light + gain) * exp2(-way / k["decay"])
    shown, hue = draw(Point(p.x - mid_x, p.y - mid_y, p.pixel), k, carried)
    # The brighter of both: drawing twice is drawing once, so the number of steps does not count.
    drawn = maximum(light, shown)
    gain = drawn - light
    tint = mix(tint, hue, clamp(2.0 * gain / (drawn + 1e-3)))
    return drawn, tint


def _stirred(x: Expr, y: Expr, wander: Expr) -> tuple[Expr, Expr]:
    """Return the current at a point: four waves, each along its crests, so none piles up light."""
    across: Expr = as_expr(0.0)
    down: Expr = as_expr(0.0)
    for n, (turn, wave, rate) in enumerate(
        ((0.04, 0.43, 0.8), (0.30, 0.55, -0.6), (0.17, 0.90, 1.1), (0.43, 1.27, -0.9))
    ):
        cx, cy = math.cos(math.tau * turn), math.sin(math.tau * turn)
        v = sin_turns((x * cx + y * cy) * wave + wander * rate + 0.29 * n) * (0.20 / wave)
        across, down = across - cy * v, down + cx * v
    return across, down


@functools.lru_cache(maxsize=32)
def _kernel(ink: Pattern | None) -> Kernel:
    names = _OWN if ink is None else _OWN + tuple(k.name for k in _ink_knobs(ink))
    inner = (*names, "before", "way")
    p = pixel_point()
    k = {name: uniform(name) for name in inner}
    draw = _figure if ink is None else functools.partial(_with_ink, ink)
    light, tint = _step(p, k, draw)
    return Kernel(Program((("light", light), ("tint", tint)), inner))


class _State:
    """Light and hue on the grid; arrays are made anew by each step and never changed."""

    def __init__(
        self, call: Call, grid: Grid, light: Floats, tint: Floats, before: tuple[float, float]
    ) -> None:
        self._call, self._grid = call, grid
        self._light, self._tint = light, tint
        self._before = before  # the clocks `phase` and `fall` of the last step

    def step(self, knobs: Mapping[str, float], seconds: float) -> None:
        """Go on by so many seconds."""
        rows, columns = self._grid.rows, self._grid.columns
        call = self._call
        call.buffer(LIGHT.name, self._light)
        call.buffer(TINT.name, self._tint)
        # What a row writes beyond its end the next row writes over; some are to spare.
        spare = -(-call.kernel.tile // columns)
        made = [np.empty((rows + spare, columns), np.float32) for _ in range(2)]
        for name, out in zip(("light", "tint"), made, strict=True):
            call.output(name, out)
        phase, fall = self._before
        way = min(knobs["fall"] - fall, FARTHEST * seconds)
        given = {**knobs, "before": phase, "way": way}
        call.knobs[:] = [given[name] for name in call.kernel.module.knobs]
        call.run(self._grid.geometry, (0, rows), (0, columns))
        self._light, self._tint = made[0][:rows], made[1][:rows]
        self._before = knobs["phase"], knobs["fall"]

    def buffers(self) -> Mapping[str, Floats]:
        """Return light and hue."""
        return {LIGHT.name: self._light, TINT.name: self._tint}

    def copy(self) -> Self:
        """Return a state that goes on from here on its own."""
        return type(self)(self._call, self._grid, self._light, self._tint, self._before)


def _simulation(ink: Pattern | None) -> Simulation:
    def start(grid: Grid, seed: int, knobs: Mapping[str, float], picture: Floats | None) -> _State:
        call = Call(_kernel(ink))
        if ink is not None and ink.weights is not None:
            for name, flat in ink.weights(seed).items():
                call.weights(f"ink.{name}", flat)
        light = np.full((grid.rows, grid.columns), DARK, np.float32)
        if picture is not None:
            light = np.maximum(light, picture * np.float32(0.8))
        steps = round(WARM_UP / PACE) if picture is None else 0

        def then(step: int) -> dict[str, float]:
            return {n: knobs[n] - speed * PACE * (steps - step) for n, speed in USUAL.items()}

        first = then(0)
        state = _State(call, grid, light, np.zeros_like(light), (first["phase"], first["fall"]))
        for step in range(steps):
            state.step({**knobs, **then(step + 1)}, PACE)
        return state

    return Simulation(start, CELLS)


_OWN = tuple(k.name for k in knobs_of(feedback))

pattern(
    family="flowing",
    title="Feedback",
    source="Texture feedback: Ryan Geiss, MilkDrop (2001); cubic convolution: Keys 1981",
    simulation=_simulation(None),
)(feedback)


# --------------------------------------------------------------------------- another pattern's ink


def _added(
    *,
    amount: float = knob(0.6, 0.0, 1.0, help="what is drawn: from the figure to the ink"),
    zoom: float = knob(0.0, -3.0, 3.0, unit="octaves", help="scale of the ink, doubling per 1"),
) -> None: ...


def _ink_knobs(ink: Pattern) -> tuple[Knob, ...]:
    return tuple(replace(k, name=f"ink.{k.name}") for k in (*knobs_of(_added), *ink.knobs))


def _with_ink(ink: Pattern, p: Point, k: Mapping[str, Expr], carried: Carried) -> tuple[Expr, Expr]:
    """Return how much the figure and the ink's bright ridges cover a point, and their hue."""
    shown, hue = _figure(p, k, carried)
    scale = exp2(-k["ink.zoom"])
    with networks_called("ink."):
        at = Point(p.x * scale, p.y * scale, p.pixel * scale)
        seen = trace(ink.function, at, {one.name: k[f"ink.{one.name}"] for one in ink.knobs})
    bright = smoothstep(0.55, 1.05, as_expr(seen.tone)) * clamp(seen.mask) * 0.9
    bright = bright * (0.6 + 0.4 * k["pulse"])
    amount = k["ink.amount"]
    figure, lines = shown * (1.0 - amount), bright * minimum(amount * 2.0, 1.0)
    share = clamp((lines - figure) * 8.0 + 0.5) * minimum(amount * 8.0, 1.0)
    return maximum(figure, lines), mix(hue, clamp(seen.hue, -0.4, 0.4), share)


@functools.lru_cache(maxsize=64)
def _inked(ink: Pattern) -> Pattern:
    """Return the pattern that draws with `ink` too."""
    base = PATTERNS["feedback"]

    def field(p: Point, **held: Expr) -> Field:
        return _seen(p, held["detail"])

    knobs = base.knobs + _ink_knobs(ink)
    field.knobs = knobs  # type: ignore[attr-defined]
    field.__name__ = field.__qualname__ = base.name
    field.__doc__ = base.summary
    return replace(base, knobs=knobs, function=field, simulation=_simulation(ink), inked=None)


PATTERNS["feedback"] = replace(PATTERNS["feedback"], inked=_inked)
