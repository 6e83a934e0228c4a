"""Why it moved: which sound held which knob at each moment, for videos that are ours.

A video of ours carries its settings, so its Controls can be composed again from its song. Nothing
is painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afx.compose import Controls, compose
from afx.expression import parse
from afx.field.knob import Knob
from afx.job import Job, job_of
from afx.look import Look, knobs_of, pattern_of
from afx.production import listened
from afx.routes import CLOCK_IDLE, PATTERN_CLOCK, STAGE_CLOCK, Grip, routes_of
from afx.sources import SOURCES, Sources
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.listening import listen

RATE = 10.0
"""Values a second that are kept."""
MOST = 6000
"""Values of one curve that are kept, at most: of an hour, one in 0.6 s."""
ABRUPT = 3
"""Frames: what fades no longer than this is a cut."""


@dataclass(frozen=True)
class Pull:
    """One sound's hold on one knob during a scene.

    Attributes
    ----------
    source, source_words : str
    knob, knob_words : str
    clock : bool
        Whether the knob is a clock: then values are shares of its speed at rest, else of the knob's
        range.
    values : float32 [n]
        One for each step of the scene.
    """

    source: str
    source_words: str
    knob: str
    knob_words: str
    clock: bool
    values: NDArray[np.float32]


@dataclass(frozen=True)
class ScenePulls:
    """A scene: which look, from when to when (seconds of the video), why, and what held it."""

    look: str
    title: str
    why: str
    start: float
    end: float
    pulls: tuple[Pull, ...]


@dataclass(frozen=True)
class Why:
    """Why a video moved.

    Attributes
    ----------
    step : float
        Seconds between values.
    scenes : tuple of ScenePulls
    cuts : tuple of int
        Frames of the video at which a scene was meant to come at once.
    """

    step: float
    scenes: tuple[ScenePulls, ...]
    cuts: tuple[int, ...]


def explain(video: Path, song: Path | None) -> Why:
    """Compose a video of ours again and tell what held it.

    Raises
    ------
    UserError
        If it is not ours, or its song is not found; with one line that says so.
    """
    job = job_of(video, song)
    heard = listen(load(job.song), job.rate)
    features = heard.features
    first = min(int(job.start * float(job.rate) + 0.5), features.frames - 1)
    frames = None if job.duration is None else max(1, int(job.duration * float(job.rate) + 0.5))
    looks = job.parsed_looks()
    told = listened(job, heard)
    controls = compose(
        features, looks, seed=job.seed, reactivity=job.reactivity, first_frame=first,
        frames=frames, **told,
    )  # fmt: skip
    sources = Sources(
        features, seed=job.seed, analysis=heard.analysis, stems=told["stems"], macros=job.macros
    )
    grip = Grip(sources, reactivity=job.reactivity, temperament=job.temperament)
    return _told(controls, grip, job)


def _told(controls: Controls, grip: Grip, job: Job) -> Why:
    fps = float(job.rate)
    count = min(MOST, max(2, round(controls.frames / fps * RATE)))
    step = controls.frames / fps / count
    plan = controls.plan()
    scenes = []
    for scene, shot in zip(controls.scenes, plan, strict=True):
        start, end = scene.first / fps, scene.last / fps
        times = np.arange(np.ceil(start / step), np.ceil(end / step)) * step
        rows = np.minimum((times * fps + 0.5).astype(int), controls.frames - 1)
        rows += controls.first_frame
        scenes.append(
            ScenePulls(
                look=scene.look.name,
                title=scene.look.title,
                why=str(shot["why"]),
                start=float(times[0]) if len(times) else start,
                end=end,
                pulls=_pulls(scene.look, grip, rows),
            )
        )
    cuts = [
        round(t.begin) - controls.first_frame
        for t in controls.transitions
        if t.end - t.begin <= ABRUPT
    ]
    return Why(step, tuple(scenes), tuple(cuts))


def _pulls(look: Look, grip: Grip, rows: NDArray[np.int64]) -> tuple[Pull, ...]:
    pattern = pattern_of(look)
    knobs = knobs_of(pattern)
    named = {knob.name: (column, knob) for column, knob in enumerate(knobs)}
    routes = routes_of(look, knobs)
    pulls = []
    for route in routes:
        _, knob = named[route.knob]
        values = grip.shaped(route)[rows] * np.float32(route.depth * grip.reactivity)
        if knob.kind == "clock":  # of its speed at rest, as the clock's own gains are
            rest = max(knob.clamp(look.knobs.get(knob.name, knob.default)), 1e-6)
            values = values * np.float32((knob.hi - knob.lo) / rest)
        pulls.append(_pull(route.source, knob, values))
    for column, knob in named.values():
        if knob.kind != "clock" or not look.knobs.get(knob.name, knob.default):
            continue
        said = {route.source for route in look.routes if route.knob == knob.name}
        gains = PATTERN_CLOCK if column < len(pattern.knobs) else STAGE_CLOCK
        for source, gain in gains.items():
            if source not in said:
                values = grip.sources[source][rows] * np.float32(gain * grip.reactivity)
                pulls.append(_pull(source, knob, values))
        idle = np.full(len(rows), CLOCK_IDLE, np.float32)
        pulls.append(Pull("", "at rest, whatever sounds", knob.name, knob.help, True, idle))
    return tuple(pull for pull in pulls if np.abs(pull.values).max(initial=0) > 1e-3)


def _pull(source: str, knob: Knob, values: NDArray[np.float32]) -> Pull:
    words = SOURCES.get(source) or "; ".join(SOURCES.get(n, n) for n in parse(source).names)
    return Pull(source, words, knob.name, knob.help, knob.kind == "clock", values)


def settings_of(video: Path) -> dict[str, object] | None:
    """Return the settings that a video of ours carries; None if it is not ours."""
    from afx.stills import read_settings
    from afx.video import VideoError

    try:
        return read_settings(video)
    except VideoError:
        return None


def begins_at(video: Path, song: Path) -> float:
    """Return the second of a song at which a video of ours begins; 0 if it is not made from it."""
    settings = settings_of(video) or {}
    start, rate = settings.get("start"), settings.get("fps")
    if not isinstance(start, int | float) or not start or not isinstance(rate, str):
        return 0.0
    try:
        if load(song).sha256 != settings.get("song_sha256"):
            return 0.0
        fps = float(Job.model_validate(settings).rate)
    except (UserError, ValueError):
        return 0.0
    return int(start * fps + 0.5) / fps
