"""Why it moved: which sound held which knob at each moment, for videos that are ours.

A video of ours carries its settings, so its Controls can be composed again from its song. Nothing
is painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afx.clocks import NAMES
from afx.compose import Controls, compose
from afx.expression import parse
from afx.field.knob import Knob
from afx.job import Job, job_of
from afx.look import Look, knobs_of, pattern_of
from afx.loop import find_loop
from afx.piece import first_frame, listened
from afx.routes import Grip
from afx.source_names import words
from afx.sources import Sources
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.listening import Heard, listen

RATE = 10.0
"""Values a second that are kept."""
MOST = 6000
"""Values of one curve that are kept, at most: of an hour, one in 0.6 s."""
DRIVEN = {
    "push": "hits and beats push it on",
    "push of the bar": "each bar pushes it on",
    "loudness": "loudness sets its pace",
}
"""What drives clocks, in fewer words than all the sources behind it."""
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


@dataclass(frozen=True, eq=False)
class Recomposed:
    """What a video of ours was made of, from its settings and its song; nothing is painted."""

    job: Job
    heard: Heard
    controls: Controls
    grip: Grip


def explain(video: Path, song: Path | None) -> Why:
    """Compose a video of ours again and tell what held it.

    Raises
    ------
    UserError
        If it is not ours, or its song is not found; with one line that says so.
    """
    return told_of(recompose(job_of(video, song)))


def told_of(again: Recomposed) -> Why:
    """Tell what held a video of ours that was composed again."""
    return _told(again.controls, again.grip, again.job)


def recompose(job: Job) -> Recomposed:
    """Compose what a job asks for, once more.

    Raises
    ------
    UserError
        If its song or what else it needs cannot be used.
    """
    heard = listen(load(job.song), job.rate)
    features = heard.features
    first = first_frame(job, features.frames)
    frames = None if job.duration is None else max(1, int(job.duration * float(job.rate) + 0.5))
    if job.loop is not None:
        loop = find_loop(features.beats, job.rate, features.frames, job.start, job.loop)
        first, frames = loop.first, loop.frames
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
    return Recomposed(job, heard, controls, grip)


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
    pulls = []
    for pull in grip.pulls(look, knobs_of(pattern), len(pattern.knobs)):
        knob, clock = pull.knob, pull.knob.kind == "clock"
        # A clock's are told as shares of its speed at rest, others of the knob's range.
        share = knob.hi - knob.lo
        if clock:
            share = (knob.clamp(look.knobs.get(knob.name, knob.default)) or 1e-6) * grip.tempo
        values = (pull.values[rows] / share).astype(np.float32)
        if np.abs(values).max(initial=0) > 1e-3:
            pulls.append(_pull(pull.source, knob, values))
    return tuple(pulls)


def _pull(source: str, knob: Knob, values: NDArray[np.float32]) -> Pull:
    name = NAMES.get(source, source)
    told = "at rest, whatever sounds"
    if name in DRIVEN:
        told = DRIVEN[name]
    elif source:
        told = "; ".join(words(part) for part in parse(source).names)
    return Pull(name, told, knob.name, knob.help, knob.kind == "clock", values)


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
    if not settings.get("start") and not settings.get("loop"):
        return 0.0
    try:
        audio = load(song)
        if audio.sha256 != settings.get("song_sha256"):
            return 0.0
        job = Job.model_validate(settings)
        first = int(Fraction(job.start) * job.rate + Fraction(1, 2))
        if job.loop is not None:  # it begins at a bar
            features = listen(audio, job.rate).features
            found = find_loop(features.beats, job.rate, features.frames, job.start, job.loop)
            first = found.first
    except (UserError, ValueError):
        return 0.0
    return float(first / job.rate)
