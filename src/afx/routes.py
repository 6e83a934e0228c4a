"""Routes: how the music holds the knobs of a look, and the table of knob values that results.

The default matrix (``default_routes``) works for any pattern, what drives clocks is in ``clocks``,
and how hard all of it takes hold in ``temperaments``; here they are carried out. Knows sources and
looks; knows nothing of scenes or pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.clocks import CLOCK_IDLE, UNTURNED, Drive, drives_of, run
from afx.default_routes import AMBIENT_ROUTES, DEFAULT_ROUTES
from afx.expression import parse
from afx.field.knob import Knob
from afx.look import Look
from afx.look_parts import Route
from afx.shaping import (
    bend,
    each_nth,
    follow,
    gated,
    held,
    limit_rate,
    smooth,
    soft_clip,
    stepped,
)
from afx.sources import SOURCES, SURE, Beats, Sources, thin
from afx.temperaments import (
    CHARACTERS,
    TEMPERAMENTS,
    Character,
    Temperament,
    is_event,
    resolve,
    tempered,
)
from afx.wander import BAR, closed_path, stations, walked

__all__ = [
    "DEFAULT_ROUTES", "RATE", "RATES", "TEMPERAMENTS", "UNTURNED", "WALK_PACE",
    "Grip", "Pull", "Temperament", "routes_of", "tempo_factor",
]  # fmt: skip

ROUNDING = 0.6
"""Deviation of the smoothing after attack and release, as a share of the attack."""
WALK_PACE = {"energy": 1.30}
"""What adds to a walk's pace: at middling energy it is a station every so many bars as it says."""
OCTAVE_SKIP = 170.0
"""Beats a minute above which kicks are answered every other beat: more often they only blur."""
EARLY = 0.25
"""Share of a beat by which what comes before it still belongs to it."""

RATES = {
    # The camera may kick and the light may not flicker.
    "zoom": 0.5,
    "turn": 0.5,
    "pan_x": 0.5,
    "pan_y": 0.5,
    "sway": 2.0,
    # What swells with a hit.
    "pulse": 12.0,
    "detail": 6.0,
    # What bends or rescales all of the picture.
    "warp": 3.0,
    "morph": 2.0,
    "density": 1.0,
    # Light and color.
    "contrast": 0.5,
    "lift": 0.8,
    "chroma": 0.8,
    "hue": 0.25,
    "hue_spread": 1.0,
    "warmth": 0.25,
    "glow": 2.0,
    "halo": 1.5,
    "exposure": 0.6,
    "vignette": 0.5,
    "relief": 1.0,
    "film": 0.25,
    "grain": 0.5,
    "fringe": 1.0,
}
"""Fastest change in ranges per second, by knob; those of layers go by what is after their dot."""
RATE = 4.0
"""The same for all other knobs."""


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


@dataclass(frozen=True, eq=False)
class Pull:
    """What one source does to one knob.

    Attributes
    ----------
    source : str
        Empty for what a clock does at rest.
    knob : Knob
    values : float64 [frames]
        In the knob's own unit, per second for clocks.
    """

    source: str
    knob: Knob
    values: NDArray[np.float64]


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

    Attributes
    ----------
    temperament : str
        Never ``auto``: what the music was found to be.
    """

    def __init__(
        self, sources: Sources, *, reactivity: float = 1.0, temperament: Temperament = "groove"
    ) -> None:
        self.sources = sources
        beats = sources.features.beats
        self.temperament = resolve(
            temperament, getattr(sources.features, "summary", None), beats.confidence
        )
        self.character: Character = CHARACTERS[self.temperament]
        self.reactivity = reactivity
        self.tempo = tempo_factor(beats)
        self._heard: dict[str, NDArray[np.float32]] = {}
        self._shaped: dict[tuple[object, ...], NDArray[np.float32]] = {}

    def routes(self, look: Look, knobs: Sequence[Knob]) -> tuple[Route, ...]:
        """Return the routes in force as the temperament carries them out."""
        own = routes_of(look, knobs)
        if not self.character.events:
            names = {knob.name for knob in knobs}
            said = {(route.source, route.knob) for route in (*own, *look.routes)}
            own += tuple(
                r for r in AMBIENT_ROUTES if r.knob in names and (r.source, r.knob) not in said
            )
        made = (tempered(route, self.character) for route in own)
        return tuple(route for route in made if route is not None)

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
        routes = self.routes(look, knobs)
        steps = self._steps(look)
        moving = walked(knob.name for knob in knobs) if look.walk is not None else ()
        out = np.empty((self.sources.frames, len(knobs)), dtype=np.float32)
        for column, knob in enumerate(knobs):
            pulls = self._pulls(look, knob, routes, pattern=column < pattern_knobs)
            rest = knob.clamp(look.knobs.get(knob.name, knob.default))
            if knob.kind == "clock":
                out[:, column] = self._clock(knob, rest, pulls)
            elif look.walk is not None and knob.name in moving:
                stops = stations(
                    look.walk.seed, knob.name, look.walk.stations,
                    lo=knob.lo, hi=knob.hi, rest=rest, reach=look.walk.reach,
                )  # fmt: skip
                out[:, column] = self._value(knob, rest, pulls, closed_path(stops, steps) - rest)
            else:
                out[:, column] = self._value(knob, rest, pulls)
        return out

    def pulls(self, look: Look, knobs: Sequence[Knob], pattern_knobs: int) -> tuple[Pull, ...]:
        """Return everything that moves the knobs of a look; parameters as `table`."""
        routes = self.routes(look, knobs)
        return tuple(
            pull
            for column, knob in enumerate(knobs)
            for pull in self._pulls(look, knob, routes, pattern=column < pattern_knobs)
        )

    def _pulls(
        self, look: Look, knob: Knob, routes: Sequence[Route], *, pattern: bool
    ) -> list[Pull]:
        found = []
        clock = knob.kind == "clock"
        pace = self.tempo if clock else 1.0
        for route in routes:
            if route.knob == knob.name:
                scale = route.depth * self.reactivity * (knob.hi - knob.lo) * pace
                found.append(self._pull(route, knob, scale))
        if not clock:
            return found
        rest = knob.clamp(look.knobs.get(knob.name, knob.default)) * pace
        if rest == 0.0:
            return found
        # A look's word on a source and clock, depth 0 included, replaces ours.
        said = {route.source for route in look.routes if route.knob == knob.name}
        for drive in drives_of(knob.name, pattern=pattern, said=said):
            found += self._driven(drive, knob, rest)
        found.append(Pull("", knob, np.full(self.sources.frames, CLOCK_IDLE * rest)))
        return found

    def _driven(self, drive: Drive, knob: Knob, rest: float) -> list[Pull]:
        route, gain = drive
        if is_event(route.source):
            # Pushes are events; that loud music flows faster is left to every temperament.
            made = tempered(route, self.character)
            if made is None:
                return []
            # In slow music broad, in fast music short: over before the next one.
            route = made.model_copy(update={"release": made.release / self.tempo})
            gain *= made.depth
        return [self._pull(route, knob, gain * self.reactivity * rest)]

    def _pull(self, route: Route, knob: Knob, scale: float) -> Pull:
        return Pull(route.source, knob, self.shaped(route).astype(np.float64) * scale)

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
            return self._source(source)
        if source not in self._heard:
            expression = parse(source, {*SOURCES, *tracks})
            self._heard[source] = expression.evaluate(
                self._source, self.sources.frames, self.sources.fps
            )
        return self._heard[source]

    def _source(self, name: str) -> NDArray[np.float32]:
        """Return a source; kicks of very fast music are answered every other beat."""
        beats = self.sources.features.beats
        fast = beats.bpm is not None and beats.bpm > OCTAVE_SKIP and beats.confidence >= SURE
        if name != "event.kick" or not fast:
            return self.sources[name]
        if name not in self._heard:
            kicks = self.sources[name].astype(np.float64)
            self._heard[name] = self._divided(kicks, 2, rest=0.0).astype(np.float32)
        return self._heard[name]

    def shaped(self, route: Route) -> NDArray[np.float32]:
        """Return a route's source after all its shaping: 0..1, or −1..1 if bipolar.

        In this order: every Nth beat, curve, gate, hold, attack and release, steps.
        """
        key = (
            route.source, route.curve, route.attack, route.release, route.bipolar,
            route.hold, route.gate, route.steps, route.every,
        )  # fmt: skip
        if key not in self._shaped:
            source, fps = self.heard(route.source).astype(np.float64), self.sources.fps
            if route.every > 1:
                rest = 0.5 if route.bipolar else 0.0
                source = self._divided(source, route.every, rest=rest)
            if route.bipolar:
                # Peaks would be followed upwards only; a swing is smoothed both ways instead.
                swing = 2.0 * source - 1.0
                size = gated(bend(np.abs(swing), route.curve), route.gate)
                swing = smooth(np.sign(swing) * size, fps, 0.25 * (route.attack + route.release))
                shape = np.sign(swing) * stepped(np.abs(swing), route.steps)
            else:
                shape = held(gated(bend(source, route.curve), route.gate), fps, route.hold)
                shape = follow(shape, fps, route.attack, route.release)
                # Rounded by as much as it rises: a cusp between two frames looks like a stumble.
                shape = stepped(smooth(shape, fps, ROUNDING * route.attack), route.steps)
            self._shaped[key] = shape.astype(np.float32)
        return self._shaped[key]

    def _divided(
        self, source: NDArray[np.float64], every: int, *, rest: float
    ) -> NDArray[np.float64]:
        """Leave of a source what falls on every Nth beat, counted from the first bar.

        Without a sure beat, of every Nth peak of the source itself.
        """
        beats = self.sources.features.beats
        fps, shift = self.sources.fps, self.sources.shift
        times = np.asarray(getattr(beats, "beats", ()), dtype=np.float64)
        # The row that tells of a moment comes before it by the lead.
        marks = times * fps - shift
        first = float(beats.downbeats[0]) * fps - shift if len(beats.downbeats) else 0.0
        if beats.confidence < SURE or len(marks) < 2:
            marks = thin(np.abs(source - rest), fps)[0].astype(np.float64)
            first = float(marks[0]) if len(marks) else 0.0
        if not len(marks):
            return source
        spans = np.diff(
            marks, append=marks[-1] + (marks[-1] - marks[-2] if len(marks) > 1 else fps)
        )
        answered = np.isin(marks, each_nth(marks, first, every))
        rows = np.arange(len(source), dtype=np.float64)
        starts = marks - EARLY * np.concatenate([spans[:1], spans[:-1]])
        which = np.searchsorted(starts, rows + 0.5, side="right") - 1
        open_ = (which >= 0) & answered[np.maximum(which, 0)]
        return np.where(open_, source, rest)

    def _value(
        self,
        knob: Knob,
        rest: float,
        pulls: Sequence[Pull],
        walk: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64] | float:
        if not pulls and walk is None:
            return rest
        wished = rest + _total(pulls, self.sources.frames)
        if walk is not None:
            wished += walk
        moved = soft_clip(wished, knob.lo, knob.hi, rest)
        rate = RATES.get(knob.name.rpartition(".")[2], RATE) * (knob.hi - knob.lo)
        # Again, as rounding in the last digit may leave the range.
        return np.clip(limit_rate(moved, self.sources.fps, rate), knob.lo, knob.hi)

    def _clock(self, knob: Knob, rest: float, pulls: Sequence[Pull]) -> NDArray[np.float64]:
        start = 0.0
        if knob.name not in UNTURNED:
            start = 100.0 * generator(self.sources.seed, f"clock.{knob.name}").random()
        return start + run(
            _total(pulls, self.sources.frames), self.sources.fps,
            lo=knob.lo, hi=knob.hi, idle=CLOCK_IDLE * rest * self.tempo,
        )  # fmt: skip


def _total(pulls: Sequence[Pull], frames: int) -> NDArray[np.float64]:
    total = np.zeros(frames)
    for pull in pulls:
        total += pull.values
    return total
