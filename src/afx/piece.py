"""A song listened to and composed, ready for any of its frames.

What every way of showing a job begins with: renders, stills, the profiler.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from afx.compose import Controls, compose
from afx.device import painters_for
from afx.director import Director
from afx.internal import Choice, choose_internal
from afx.job import Job
from afx.loop import ROUNDS, Loop, find_loop, looped
from afx.overlay import Overlay
from afx.rehearsal import normalize
from afx.shot import Shot
from afx.stems import listen_to_stems
from afx.words import Span, Words
from music_analysis.audio import Audio, load
from music_analysis.errors import UserError
from music_analysis.features import Features
from music_analysis.listening import Heard, listen

Stage = Literal["listening", "composing", "rehearsing", "rendering", "joining"]
OnProgress = Callable[[Stage, int, int], None]
"""Told the stage, how much of it is done, and of how much."""

MARGIN_SECONDS = 10.0
"""The limiter looks this far around an excerpt, so that its ends are as in the whole (but where a
long stretch that flashes is dimmed only in part)."""


@dataclass(frozen=True)
class Piece:
    """A song listened to and composed: ready for any of its frames.

    Attributes
    ----------
    job : Job
    audio : Audio
    features : Features
    controls : Controls
        Of the whole song; of a loop, of `afx.loop.ROUNDS` rounds of it.
    director : Director
    frames : (int, int)
        What is shown: the first of the Controls' frames, and one past the last.
    choices : list of Choice
        How coarsely each scene's field is evaluated.
    words : Words
        What is laid over the pictures.
    shots : tuple of Shot
        The timeline of the whole song.
    loop : Loop, optional
    """

    job: Job
    audio: Audio
    features: Features
    controls: Controls
    director: Director
    frames: tuple[int, int]
    choices: list[Choice]
    words: Words
    shots: tuple[Shot, ...]
    loop: Loop | None = None

    def moment(self, frame: int) -> float:
        """Return when in the song a frame is."""
        away = 0 if self.loop is None else self.loop.first - self.frames[0]
        return float((frame + away) / self.job.rate)

    def overlay(self) -> Overlay:
        """Return what is laid over the frames that are shown."""
        begin, end = (self.moment(frame) for frame in self.frames)
        return self.words.overlay(Span(begin, end, self.loop is not None), self.moment)

    def notes(self) -> list[str]:
        """Return what a person may want to know."""
        notes = self.words.notes(self.features.duration)
        if self.loop is not None and not self.loop.sure:
            notes.append("the beat is not sure: a bar of the loop is 2 seconds")
        return notes


def prepare(job: Job, on_progress: OnProgress, took: dict[str, float] | None = None) -> Piece:
    """Listen to a job's song and compose it.

    Raises
    ------
    UserError
        If the song is too short for the range, or holds no sound.
    """
    clock = Clock(took if took is not None else {})
    audio = load(job.song)
    words = Words(job)  # what is wrong with it is said before minutes of work
    fps = job.rate
    with clock("listening"):
        on_progress("listening", 0, 100)
        heard = listen(
            audio, fps, progress=lambda share: on_progress("listening", int(80 * share), 100)
        )
        features = heard.features
        on_progress("listening", 100, 100)
    if job.start >= features.duration:
        raise UserError(
            f"--start {job.start:g} is past the end: {audio.path.name} lasts"
            f" {features.duration:.1f} seconds"
        )
    first = first_frame(job, features.frames)
    last = features.frames
    if job.duration is not None:
        last = min(last, first + max(1, int(Fraction(job.duration) * fps + Fraction(1, 2))))
    loop = None
    if job.loop is not None:
        loop = find_loop(features.beats, fps, features.frames, job.start, job.loop)
        first, last = loop.first, loop.first + loop.frames
    with clock("composing"):
        on_progress("composing", 0, 1)
        looks = job.parsed_looks()
        controls = compose(
            features,
            looks[0] if len(looks) == 1 else looks,
            seed=job.seed,
            reactivity=job.reactivity,
            reach=0 if loop is None else loop.seam,
            **listened(job, heard),
        )
        director = Director(controls, aspect=job.size[0] / job.size[1])
        painters = painters_for(job.device, job.precision)
        around = frames_around((first, last), job, controls.frames)
        normalize(director, *job.size, frames=around, painters=painters)
        choices = choose_internal(director, *job.size, wanted=job.internal, frames=around)
        if loop is not None:
            director, choices = _rounds(director, choices, loop)
            first, last = ROUNDS // 2 * loop.frames, (ROUNDS // 2 + 1) * loop.frames
        on_progress("composing", 1, 1)
    shown = (first, last)
    return Piece(
        job, audio, features, director.controls, director, shown, choices, words,
        controls.shots, loop,
    )  # fmt: skip


def _rounds(director: Director, choices: list[Choice], loop: Loop) -> tuple[Director, list[Choice]]:
    """Return the director of a loop; scenes look as they do in the song, measured over all."""
    controls, origins = looped(director.controls, loop)
    made = Director(controls, director.patterns, aspect=director.aspect)
    made.normalizations = [director.normalizations[origin] for origin in origins]
    made.internal = [director.internal[origin] for origin in origins]
    return made, [choices[origin] for origin in origins]


def first_frame(job: Job, frames: int) -> int:
    """Return the frame of a song at which a job begins: the nearest one, as for a still."""
    return min(int(Fraction(job.start) * job.rate + Fraction(1, 2)), frames - 1)


def listened(job: Job, heard: Heard) -> dict[str, Any]:
    """Return what `compose` is told beyond features, looks, seed and reactivity.

    Raises
    ------
    UserError
        If a stem cannot be used.
    """
    return {
        "analysis": heard.analysis,
        "temperament": job.temperament,
        "stems": listen_to_stems(job, heard.features),
        "macros": job.macros,
        "timeline": job.timeline,
    }


class Clock:
    """Adds up the wall-clock seconds of stages."""

    def __init__(self, took: dict[str, float]) -> None:
        self.took = took

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Take the time of what is done inside."""
        start = time.perf_counter()
        yield
        self.took[stage] = self.took.get(stage, 0.0) + time.perf_counter() - start


def frames_around(span: tuple[int, int], job: Job, frames: int) -> tuple[int, int]:
    """Return the frames that are rehearsed for the frames `span`."""
    margin = int(MARGIN_SECONDS * job.rate)
    return max(0, span[0] - margin), min(frames, span[1] + margin)
