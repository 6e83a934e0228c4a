"""Compose: an analysis and looks become Controls, one row of knob values per video frame.

This is the seam between music and pictures: what renders Controls knows nothing of music. The whole
piece is always composed and an excerpt cut from it, so an excerpt has exactly the whole's rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from afx.look import Look, knobs_of, pattern_of, problems
from afx.patterns import PATTERNS, Pattern
from afx.routes import Grip, Temperament
from afx.sources import LEAD, SURE, Beats, Features, Sources
from afx.timeline import Shot, Summarize, plan
from afx.transition import Transition
from music_analysis.analysis import Analysis
from music_analysis.errors import UserError
from music_analysis.features import summarize

FADE_SHORTEST, FADE_LONGEST, FADE_UNSURE = 1.0, 4.0, 2.5
"""Length of cross-fades in seconds; the last one where the beat is not sure."""
STRONG = 0.6
"""Novelty from which a change is quick: two beats, not four."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A look over some frames.

    Attributes
    ----------
    look : Look
    seed : int
        For what the pattern leaves to chance.
    first, last : int
        It is visible in frames [first, last) of the Controls, cross-fades included.
    names : tuple of str
        Knobs: the pattern's, then the stage's, then the grade's.
    values : float32 [last - first, len(names)]
        Their values; clocks are integrated and continuous over the whole piece.
    """

    look: Look
    seed: int
    first: int
    last: int
    names: tuple[str, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Controls:
    """What to show in every frame.

    Attributes
    ----------
    fps : Fraction
    frames : int
        Number of frames; frame i here is frame ``first_frame + i`` of the piece.
    scenes : tuple of Scene
        In time; each overlaps the next during the cross-fade.
    shots : tuple of Shot
        The timeline's entry for each scene.
    transitions : tuple of Transition
        For each scene but the first, how and when it comes in.
    first_frame : int
        Where the excerpt begins in the piece.
    """

    fps: Fraction
    frames: int
    scenes: tuple[Scene, ...]
    shots: tuple[Shot, ...] = ()
    transitions: tuple[Transition, ...] = ()
    first_frame: int = 0

    def at(self, frame: int) -> tuple[tuple[int, float], ...]:
        """Return what is visible in a frame: one or two (scene index, weight), weights sum to 1.

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        if not 0 <= frame < self.frames:
            raise IndexError(f"frame {frame} is outside 0..{self.frames - 1}")
        now = max(i for i, scene in enumerate(self.scenes) if scene.first <= frame)
        if now == 0 or frame >= self.scenes[now - 1].last:
            return ((now, 1.0),)
        weight = self.transitions[now - 1].share(frame + self.first_frame)
        return ((now - 1, 1.0 - weight), (now, weight))

    def transition(self, frame: int) -> Transition | None:
        """Return the transition that is going on in a frame in which two scenes are visible."""
        visible = self.at(frame)
        return self.transitions[visible[1][0] - 1] if len(visible) > 1 else None

    def plan(self) -> list[dict[str, object]]:
        """Return the timeline for people: look, title, start and end (seconds here) and why."""
        zero, fps = self.first_frame / float(self.fps), float(self.fps)
        return [
            {
                "look": shot.look.name,
                "title": shot.look.title,
                "start": max(shot.start - zero, 0.0),
                "end": min(max(shot.end - zero, 0.0), self.frames / fps),
                "why": shot.why,
            }
            for shot in self.shots
        ]


def compose(
    features: Features,
    looks: Look | Sequence[Look],
    *,
    seed: int,
    reactivity: float = 1.0,
    first_frame: int = 0,
    frames: int | None = None,
    patterns: Mapping[str, Pattern] = PATTERNS,
    summarize: Summarize = summarize,
    analysis: Analysis | None = None,
    temperament: Temperament = "groove",
    stems: Mapping[str, Features] | None = None,
    macros: Mapping[int, float] | None = None,
    timeline: str | None = None,  # noqa: ARG001
) -> Controls:
    """Turn music into knob values.

    Parameters
    ----------
    features : Features
        Analysis of the whole piece.
    looks : Look or sequence of Look
        One look for all of it, or candidates to choose from.
    seed : int
        Same features, looks and seed: same bytes.
    reactivity : float
        How strongly the music holds the knobs; 0 not at all, 1 as designed.
    first_frame, frames : int
        The excerpt; to the end if `frames` is None.
    patterns : mapping
        Patterns by name.
    summarize : callable
        Describes a part of the piece.
    analysis : Analysis, optional
        What the analyzers say of the whole piece: its sections, keys and chords.
    temperament : str
        How the music takes hold: one of `afx.routes.TEMPERAMENTS`.
    stems : mapping of str to Features, optional
        Parts of the music by name, at the piece's frame rate: sources of their own.
    macros : mapping of int to float, optional
        Values of the sources ``macro.1`` to ``macro.8``.
    timeline : str, optional
        TOML text of a timeline: exactly its scenes are composed.

    Raises
    ------
    UserError
        If a look does not fit its pattern, or the timeline not the piece.
    ValueError
        If there are no looks or no frames, or `reactivity` is not a number from 0 up.
    """
    candidates = [looks] if isinstance(looks, Look) else list(looks)
    if not candidates:
        raise ValueError("no looks to compose with")
    if not 0 <= first_frame < features.frames or (frames is not None and frames < 1):
        raise ValueError(f"no frames there: the piece has frames 0 to {features.frames - 1}")
    if not 0.0 <= reactivity < np.inf:
        raise ValueError(f"reactivity must be 0 or more, got {reactivity:g}")
    for look in candidates:
        for loc, message in problems(look, patterns):
            key = ".".join(map(str, loc))
            raise UserError(f"look {look.name or look.title!r}: {key}: {message}")
    stop = features.frames if frames is None else min(first_frame + frames, features.frames)
    shots = plan(features, candidates, seed=seed, patterns=patterns, summarize=summarize)
    fades = [_fade(shot, features) for shot in shots[1:]]
    starts = [0, *(int(np.floor(begin)) + 1 for begin, _ in fades)]
    ends = [*(int(np.ceil(end)) for _, end in fades), features.frames]
    seen = [i for i in range(len(shots)) if starts[i] < stop and ends[i] > first_frame]

    sources = Sources(features, seed=seed, analysis=analysis, stems=stems, macros=macros)
    grip = Grip(sources, reactivity=reactivity, temperament=temperament)
    scenes: dict[int, Scene] = {}
    # Look by look, so that one whole table at a time is in memory.
    for look in candidates:
        own = [i for i in seen if shots[i].look is look]
        if not own:
            continue
        pattern = pattern_of(look, patterns)
        knobs = knobs_of(pattern)
        table = grip.table(look, knobs, len(pattern.knobs))
        for i in own:
            first, last = max(starts[i], first_frame), min(ends[i], stop)
            scenes[i] = Scene(
                look,
                shots[i].seed,
                first - first_frame,
                last - first_frame,
                tuple(knob.name for knob in knobs),
                table[first:last].copy(),
            )
    return Controls(
        features.fps,
        stop - first_frame,
        tuple(scenes[i] for i in seen),
        tuple(shots[i] for i in seen),
        tuple(Transition("blend", *fades[i - 1]) for i in seen[1:]),
        first_frame,
    )


def _fade(shot: Shot, features: Features) -> tuple[float, float]:
    """Return where a shot fades in, in frames: centered on its start, ahead of it by the lead."""
    fps = float(features.fps)
    half = 0.5 * _fade_seconds(features.beats, shot.novelty)
    center = shot.start - LEAD
    return (center - half) * fps, (center + half) * fps


def _fade_seconds(beats: Beats, novelty: float) -> float:
    if beats.bpm is None or beats.confidence < SURE:
        return FADE_UNSURE
    length = (2.0 if novelty >= STRONG else 4.0) * 60.0 / beats.bpm
    return min(max(length, FADE_SHORTEST), FADE_LONGEST)
