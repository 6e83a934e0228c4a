"""Compose: an analysis and looks become Controls, one row of knob values per video frame.

This is the seam between music and pictures: what renders Controls knows nothing of music. The whole
piece is always composed and an excerpt cut from it, so an excerpt has exactly the whole's rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from afx.casting import Summarize
from afx.look import Look, problems
from afx.patterns import PATTERNS, Pattern
from afx.routes import Grip, Temperament
from afx.shot import Shot
from afx.shot_tables import ShotTables
from afx.sources import LEAD, SURE, Features, Sources
from afx.timeline import plan
from afx.timeline_format import parse_timeline, shots_of
from afx.transition import Transition
from music_analysis.analysis import Analysis
from music_analysis.errors import UserError
from music_analysis.features import summarize


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
    values : float32 [at least lead + last - first, len(names)]
        Their values; clocks are integrated and continuous over the whole piece.
    lead : int
        Rows of `values` that come before `first`: a memory begins with them.
    """

    look: Look
    seed: int
    first: int
    last: int
    names: tuple[str, ...]
    values: NDArray[np.float32]
    lead: int = 0

    def row(self, frame: int) -> int:
        """Return which row of `values` is a frame's."""
        return frame - self.first + self.lead


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
    temperament : str
        How the music takes hold; never ``auto``.
    """

    fps: Fraction
    frames: int
    scenes: tuple[Scene, ...]
    shots: tuple[Shot, ...] = ()
    transitions: tuple[Transition, ...] = ()
    first_frame: int = 0
    temperament: Temperament = "groove"

    def at(self, frame: int) -> tuple[tuple[int, float], ...]:
        """Return what is visible in a frame: one or two (scene index, weight), weights sum to 1.

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        if not 0 <= frame < self.frames:
            raise IndexError(f"frame {frame} is outside 0..{self.frames - 1}")
        now = bisect_right(self.scenes, frame, key=lambda scene: scene.first) - 1
        if now == 0 or frame >= self.scenes[now - 1].last:
            return ((now, 1.0),)
        weight = self.transitions[now - 1].share(frame + self.first_frame)
        return ((now - 1, 1.0 - weight), (now, weight))

    def transition(self, frame: int) -> Transition | None:
        """Return the transition that is going on in a frame in which two scenes are visible."""
        visible = self.at(frame)
        return self.transitions[visible[1][0] - 1] if len(visible) > 1 else None

    @property
    def cuts(self) -> tuple[int, ...]:
        """First frames (here) of scenes that come in by a hard cut, rising."""
        return tuple(
            scene.first
            for scene, transition in zip(self.scenes[1:], self.transitions, strict=True)
            if transition.kind == "cut"
        )

    def plan(self) -> list[dict[str, object]]:
        """Return the timeline for people and pages.

        For each shot its look's name and title, start and end (seconds here), the section's letter
        and name (empty where there is none), how it comes in (None for the first), and why.
        """
        zero, fps = self.first_frame / float(self.fps), float(self.fps)
        return [
            {
                "look": shot.look.name,
                "title": shot.look.title,
                "start": max(shot.start - zero, 0.0),
                "end": min(max(shot.end - zero, 0.0), self.frames / fps),
                "section": shot.label,
                "name": shot.name,
                "transition": self.transitions[i - 1].kind if i else None,
                "why": shot.why,
            }
            for i, shot in enumerate(self.shots)
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
    timeline: str | None = None,
    reach: int = 0,
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
    reach : int
        Rows that every scene has beyond the frames in which it is seen, before and after, as far
        as the piece goes.

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
    if timeline is not None:
        named = {look.name: look for look in candidates}
        shots = shots_of(parse_timeline(timeline), named, features, patterns)
    else:
        shots = plan(
            features, candidates, seed=seed, patterns=patterns, summarize=summarize,
            analysis=analysis,
        )  # fmt: skip
    transitions = _transitions(shots, features)
    starts = [0, *(int(np.floor(t.begin)) + 1 for t in transitions)]
    ends = [*(int(np.ceil(t.end)) for t in transitions), features.frames]
    for i, transition in enumerate(transitions):
        if transition.kind == "cut":
            starts[i + 1] = ends[i] = int(transition.begin)
    seen = [
        i for i in range(len(shots)) if starts[i] < min(stop, ends[i]) and ends[i] > first_frame
    ]

    sources = Sources(features, seed=seed, analysis=analysis, stems=stems, macros=macros)
    grip = Grip(sources, reactivity=reactivity, temperament=temperament)
    tables = ShotTables(grip, patterns, shots, transitions)
    scenes: dict[int, Scene] = {}
    # Look by look, so that one whole table at a time is in memory.
    for look in {id(shots[i].look): shots[i].look for i in seen}.values():
        for i in [i for i in seen if shots[i].look is look]:
            first, last = max(starts[i], first_frame), min(ends[i], stop)
            low, high = max(first - reach, 0), min(last + reach, features.frames)
            values = tables.rows(i, low, high)
            scenes[i] = Scene(
                look,
                shots[i].seed,
                first - first_frame,
                last - first_frame,
                tables.names,
                values,
                first - low,
            )
    return Controls(
        features.fps,
        stop - first_frame,
        tuple(scenes[i] for i in seen),
        tuple(shots[i] for i in seen),
        tuple(transitions[i - 1] for i in seen[1:]),
        first_frame,
        grip.temperament,
    )


def _transitions(shots: Sequence[Shot], features: Features) -> list[Transition]:
    """Return how shots come in, in frames: centered on their starts, ahead of them by the lead."""
    fps, beats = float(features.fps), features.beats
    bpm = beats.bpm if beats.confidence >= SURE else None
    made = []
    for old, new in pairwise(shots):
        change = new.change
        center = new.start - LEAD
        if change.kind == "cut":
            frame = float(min(max(round(center * fps), 1), features.frames - 1))
            made.append(Transition("cut", frame, frame))
            continue
        # Never so long that a third shot would be seen.
        room = 0.9 * min(old.end - old.start, new.end - new.start)
        half = 0.5 * min(change.length(bpm), room)
        begin, end = (center - half) * fps, (center + half) * fps
        made.append(Transition(change.kind, begin, end, change.shape, change.soft, change.angle))
    return made
