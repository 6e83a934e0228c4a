"""Routes: how the music holds the knobs of a look, and the table of knob values that results.

The default matrix works for any pattern: it holds the stage and the grade, which every look has,
and the pattern's own knobs where they carry a name it knows (``detail``, ``morph``, ``warp``,
``pulse``, ``density``) or are clocks. A look adds to it or overrides it. Knows sources and looks;
knows nothing of scenes or pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.color_routes import COLOR_ROUTES
from afx.expression import parse
from afx.field.knob import Knob
from afx.look import Look
from afx.look_parts import Route
from afx.shaping import bend, follow, limit_rate, smooth, soft_clip
from afx.sources import SOURCES, SURE, Beats, Sources
from afx.wander import BAR, closed_path, stations, walked

Temperament = Literal["auto", "calm", "groove", "impact", "ambient"]
TEMPERAMENTS: tuple[Temperament, ...] = get_args(Temperament)
"""How music takes hold: softly, as designed, hard, or without any events; ``auto`` asks the music.
"""


def _route(
    source: str, knob: str, depth: float, attack: float, release: float, *, bipolar: bool = False
) -> Route:
    return Route(
        source=source, knob=knob, depth=depth, attack=attack, release=release, bipolar=bipolar
    )


DEFAULT_ROUTES: tuple[Route, ...] = (
    # Hits move the camera and the space, never the brightness of the whole picture.
    _route("event.kick", "zoom", 0.016, 0.040, 0.26),
    _route("event.kick", "pulse", 0.30, 0.030, 0.25),
    _route("event.snare", "sway", 0.12, 0.040, 0.25),
    _route("event.snare", "warp", 0.12, 0.040, 0.25),
    # Fast and high sounds are texture.
    _route("hit.hat", "detail", 0.15, 0.020, 0.12),
    _route("level.air", "detail", 0.15, 0.080, 0.35),
    # Slower than the voice it follows: shapes that jump with every syllable look nervous.
    _route("level.mid", "morph", 0.25, 0.40, 0.90),
    _route("presence.mid", "warp", 0.12, 0.8, 1.5),
    _route("presence.treble", "density", 0.15, 0.8, 1.5),
    _route("presence.bass", "relief", 0.25, 0.8, 1.5),
    # Loudness is color and depth: quiet is soft and pastel.
    _route("energy", "contrast", 0.12, 1.0, 1.5, bipolar=True),
    _route("energy", "chroma", 0.12, 1.0, 1.5, bipolar=True),
    _route("energy", "glow", 0.20, 1.0, 1.5),
    _route("energy", "sway", 0.08, 1.0, 1.5),
    # Higher sounds are lighter (cross-modal pitch and lightness); harmony turns hues by ±18°.
    _route("centroid", "lift", 0.12, 0.25, 0.50, bipolar=True),
    _route("harmony", "hue", 0.05, 1.0, 2.0, bipolar=True),
    _route("stereo.width", "hue_spread", 0.08, 0.25, 0.50),
    # A breath keeps steady grooves locked; bars glow; the camera is never quite still.
    _route("beat.breath", "zoom", -0.008, 0.0, 0.0),
    _route("downbeat.pulse", "glow", 0.10, 0.040, 0.40),
    _route("build", "zoom", 0.03, 0.5, 0.5),
    _route("drop", "glow", 0.15, 0.050, 0.80),
    _route("lfo.sin", "turn", 0.012, 0.0, 0.0, bipolar=True),
    _route("lfo.noise", "pan_x", 0.020, 0.0, 0.0, bipolar=True),
    _route("lfo.tri", "pan_y", 0.010, 0.5, 0.5, bipolar=True),
    # What networks hear: slow on both sides, so that every layer flows and none of them shakes.
    # Bipolar around one half, where a sound at rest stands and shifts nothing.
    _route("level.bass", "sound_1", 0.30, 1.2, 1.6, bipolar=True),
    _route("level.mid", "sound_2", 0.30, 1.2, 1.6, bipolar=True),
    _route("level.air", "sound_3", 0.30, 1.2, 1.6, bipolar=True),
    _route("energy", "sound_4", 0.40, 1.5, 2.5, bipolar=True),
    _route("timbre.1", "sound_5", 0.45, 1.0, 1.0, bipolar=True),
    _route("timbre.2", "sound_6", 0.45, 1.0, 1.0, bipolar=True),
    _route("timbre.3", "sound_7", 0.45, 1.0, 1.0, bipolar=True),
    _route("timbre.4", "sound_8", 0.45, 1.0, 1.0, bipolar=True),
    *COLOR_ROUTES,
)
"""The default matrix for value knobs; depths are shares of the knob's range."""

ROUNDING = 0.6
"""Deviation of the smoothing after attack and release, as a share of the attack."""

CLOCK_IDLE = 0.35
"""Share of a clock's speed that is left in silence: the picture is never frozen."""
PATTERN_CLOCK = {"energy": 0.90, "level.bass": 0.45}
STAGE_CLOCK = {"energy": 0.65, "level.bass": 0.15}
"""What adds to a clock's speed, in shares of its speed at rest."""
WALK_PACE = {"energy": 1.30}
"""The same for a walk: at middling energy it reaches a station every so many bars as it says."""
UNTURNED = ("spin", "cycle")
"""Clocks that start at 0 whatever the seed: a look's own orientation and tones are its design."""

RATES = {
    "zoom": 0.3,
    "turn": 0.5,
    "pan_x": 0.5,
    "pan_y": 0.5,
    "contrast": 0.5,
    "lift": 0.8,
    "chroma": 0.8,
    "hue": 0.25,
    "glow": 2.0,
    "exposure": 0.6,
    "vignette": 0.5,
    "relief": 1.0,
}
"""Fastest change in ranges per second: color may not flicker, the camera may kick."""
RATE = 4.0
"""The same for all other knobs."""
CLOCK_RATE = 2.0
"""The same for the speed of a clock."""


def tempo_factor(beats: Beats) -> float:
    """Return how much faster than at 120 beats per minute things move: 0.6 to 1.6; 1 if unsure."""
    if beats.bpm is None or beats.confidence < SURE:
        return 1.0
    return min(max(beats.bpm / 120.0, 0.6), 1.6)


def routes_of(look: Look, knobs: Sequence[Knob]) -> tuple[Route, ...]:
    """Return the routes in force: the default matrix on `knobs`, changed by the look's own.

    A look's route replaces the default one with the same source and knob; depth 0 removes it.
    """
    names = {knob.name for knob in knobs}
    table = {(r.source, r.knob): r for r in (*DEFAULT_ROUTES, *look.routes) if r.knob in names}
    return tuple(route for route in table.values() if route.depth)


class Grip:
    """The music's hold on the knobs of any look, for one piece and one seed.

    Shaped sources are kept, since most looks share most routes.

    Parameters
    ----------
    sources : Sources
        Of the whole piece: values and clocks are worked out for all of it, so that an excerpt has
        exactly the rows of the whole.
    reactivity : float
        Scales all depths; 0 leaves knobs at rest and clocks idling.
    temperament : str
        One of `TEMPERAMENTS`.
    """

    def __init__(
        self, sources: Sources, *, reactivity: float = 1.0, temperament: Temperament = "groove"
    ) -> None:
        self.sources = sources
        self.temperament = temperament
        self.reactivity = reactivity
        self.tempo = tempo_factor(sources.features.beats)
        self._heard: dict[str, NDArray[np.float32]] = {}
        self._shaped: dict[tuple[object, ...], NDArray[np.float32]] = {}

    def table(self, look: Look, knobs: Sequence[Knob], pattern_knobs: int) -> NDArray[np.float32]:
        """Return the values of `knobs` over the piece, float32 [frames, knobs].

        Clocks are integrated from a start that depends on the seed.

        Parameters
        ----------
        look : Look
            Values at rest and routes.
        knobs : sequence of Knob
            The columns.
        pattern_knobs : int
            How many of them, from the first, belong to the pattern: their clocks follow the music
            more than the stage's do.
        """
        routes = routes_of(look, knobs)
        steps = self._steps(look)
        moving = walked(knob.name for knob in knobs) if look.walk is not None else ()
        out = np.empty((self.sources.frames, len(knobs)), dtype=np.float32)
        for column, knob in enumerate(knobs):
            own = [route for route in routes if route.knob == knob.name]
            rest = knob.clamp(look.knobs.get(knob.name, knob.default))
            if knob.kind == "clock":
                gains = PATTERN_CLOCK if column < pattern_knobs else STAGE_CLOCK
                # A look's word on this source and clock, depth 0 included, replaces ours.
                said = {route.source for route in look.routes if route.knob == knob.name}
                gains = {name: gain for name, gain in gains.items() if name not in said}
                out[:, column] = self._clock(knob, rest, gains, own)
            elif look.walk is not None and knob.name in moving:
                stops = stations(
                    look.walk.seed, knob.name, look.walk.stations,
                    lo=knob.lo, hi=knob.hi, rest=rest, reach=look.walk.reach,
                )  # fmt: skip
                out[:, column] = self._value(knob, rest, own, closed_path(stops, steps) - rest)
            else:
                out[:, column] = self._value(knob, rest, own)
        return out

    def _steps(self, look: Look) -> NDArray[np.float64]:
        """Return how far a look's walk is at every frame, in stations: an integral, as clocks."""
        if look.walk is None:
            return np.zeros(self.sources.frames)
        beats = self.sources.features.beats
        bar = BAR
        if beats.confidence >= SURE and len(beats.downbeats) >= 3:
            bar = float(np.median(np.diff(beats.downbeats)))
        pace = np.full(self.sources.frames, CLOCK_IDLE)
        for source, gain in WALK_PACE.items():
            pace += self.sources[source] * (gain * self.reactivity)
        steps = np.cumsum(pace) / (self.sources.fps * bar * look.walk.bars)
        return np.asarray(steps - steps[:1])

    def heard(self, source: str) -> NDArray[np.float32]:
        """Return what a route hears, [frames] in [0, 1]: a source or an expression over sources.

        Raises
        ------
        ExpressionError
            If it is neither.
        """
        tracks = self.sources.features.tracks
        if source in SOURCES or source in tracks:
            return self.sources[source]
        if source not in self._heard:
            expression = parse(source, {*SOURCES, *tracks})
            self._heard[source] = expression.evaluate(
                self.sources.__getitem__, self.sources.frames, self.sources.fps
            )
        return self._heard[source]

    def shaped(self, route: Route) -> NDArray[np.float32]:
        """Return a route's source after curve, attack and release: 0..1, or −1..1 if bipolar."""
        key = (route.source, route.curve, route.attack, route.release, route.bipolar)
        if key not in self._shaped:
            source, fps = self.heard(route.source), self.sources.fps
            if route.bipolar:
                # Peaks would be followed upwards only; a swing is smoothed both ways instead.
                swing = 2.0 * source.astype(np.float64) - 1.0
                swing = np.sign(swing) * bend(np.abs(swing), route.curve)
                shape = smooth(swing, fps, 0.25 * (route.attack + route.release))
            else:
                shape = follow(bend(source, route.curve), fps, route.attack, route.release)
                # Rounded by as much as it rises: a cusp between two frames looks like a stumble.
                shape = smooth(shape, fps, ROUNDING * route.attack)
            self._shaped[key] = shape.astype(np.float32)
        return self._shaped[key]

    def _moved(self, knob: Knob, routes: Sequence[Route]) -> NDArray[np.float64]:
        total = np.zeros(self.sources.frames)
        for route in routes:
            total += self.shaped(route) * (route.depth * self.reactivity * (knob.hi - knob.lo))
        return total

    def _value(
        self,
        knob: Knob,
        rest: float,
        routes: Sequence[Route],
        walk: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64] | float:
        if not routes and walk is None:
            return rest
        wished = rest + self._moved(knob, routes)
        if walk is not None:
            wished += walk
        moved = soft_clip(wished, knob.lo, knob.hi, rest)
        rate = RATES.get(knob.name, RATE) * (knob.hi - knob.lo)
        # Again, as rounding in the last digit may leave the range.
        return np.clip(limit_rate(moved, self.sources.fps, rate), knob.lo, knob.hi)

    def _clock(
        self, knob: Knob, rest: float, gains: dict[str, float], routes: Sequence[Route]
    ) -> NDArray[np.float64]:
        base = rest * self.tempo
        speed = self._moved(knob, routes) * self.tempo
        speed += CLOCK_IDLE * base
        for source, gain in gains.items():
            speed += self.sources[source] * (gain * self.reactivity * base)
        fps = self.sources.fps
        speed = soft_clip(speed, knob.lo, knob.hi, CLOCK_IDLE * base)
        speed = limit_rate(speed, fps, CLOCK_RATE * (knob.hi - knob.lo))
        start = 0.0
        if knob.name not in UNTURNED:
            start = 100.0 * generator(self.sources.seed, f"clock.{knob.name}").random()
        clock = np.cumsum(speed) / fps
        return np.asarray(start + clock - clock[:1])
