"""The timeline: which look is shown when, how it comes in, and why.

Where the form of a song is clear its sections are the scenes (``scene_plan``); other music gets an
arc (``arc``). Each different part is given a look that suits it (``casting``), a part that comes
back brings its look back, varied a little (``variation``), and the music says how one gives way to
the next (``transition_plan``). Knows nothing of knob tables or frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from afx.arc import arc
from afx.casting import Summarize, Summary, cast, clash, roles, words
from afx.chance import generator
from afx.look import Look, pattern_of
from afx.patterns import Pattern
from afx.scene_plan import scenes
from afx.shot import Change, Part, Shot
from afx.sources import SURE, Features
from afx.transition import Kind
from afx.transition_plan import Border, choose
from afx.variation import varied

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.key import Key


ECHOES = 3
"""Of a section that is repeated in a row: so many take turns."""


def plan(
    features: Features,
    looks: Sequence[Look],
    *,
    seed: int,
    patterns: Mapping[str, Pattern],
    summarize: Summarize,
    analysis: Analysis | None = None,
) -> tuple[Shot, ...]:
    """Lay looks along the music.

    Shots follow one another without gaps from 0 to the end. Times are whole milliseconds, so that
    a file says them exactly.

    Parameters
    ----------
    features : Features
    looks : sequence of Look
        One, of which all shots are variations, or candidates.
    seed : int
    patterns : mapping
    summarize : callable
        Describes a part of the piece.
    analysis : Analysis, optional
        Its sections are the scenes. With one look and without it there is one shot.
    """
    duration = features.frames / float(features.fps)
    parts = None
    if analysis is not None:
        parts = scenes(analysis.structure, duration, _downbeats(features))
    clear = parts is not None
    if parts is None:
        one = len(looks) == 1 and analysis is None
        parts = [Part(0.0, duration, 0)] if one else arc(features)
    parts = _in_milliseconds(parts)
    summaries = [_summary(features, summarize, p.start, p.end) for p in parts]
    modes = [_mode(None if analysis is None else analysis.key, p) for p in parts]
    chosen, spoken = _cast(parts, summaries, modes, looks, seed, patterns, features.frames)
    shots = _shots(parts, chosen, spoken, looks, seed, patterns)
    return _with_changes(parts, shots, summaries, features, seed, patterns, slow=not clear)


def _downbeats(features: Features) -> NDArray[np.float64]:
    beats = features.beats
    return beats.downbeats if beats.confidence >= SURE else np.zeros(0)


def _in_milliseconds(parts: Sequence[Part]) -> list[Part]:
    """Round times, but for the end of the piece."""
    edges = [round(part.start, 3) for part in parts] + [parts[-1].end]
    return [
        replace(part, start=a, end=b, novelty=round(part.novelty, 3))
        for part, (a, b) in zip(parts, pairwise(edges), strict=True)
    ]


def _summary(features: Features, summarize: Summarize, start: float, end: float) -> Summary:
    first = min(int(start * float(features.fps)), features.frames - 1)
    return summarize(features, first, max(int(end * float(features.fps)), first + 1))


def _mode(key: Key | None, part: Part) -> float:
    """Return the mode of a part: −1 minor, 1 major, less where the key is not sure."""
    if key is None or key.mode is None:
        return 0.0
    total = weight = 0.0
    for segment in key.segments:
        shared = min(segment.end, part.end) - max(segment.start, part.start)
        if shared > 0.0:
            side = -1.0 if segment.label.endswith("minor") else 1.0
            total += shared * side * segment.confidence
            weight += shared
    if not weight:
        return (-1.0 if key.mode == "minor" else 1.0) * key.confidence
    return total / weight


def _cast(
    parts: Sequence[Part],
    summaries: Sequence[Summary],
    modes: Sequence[float],
    looks: Sequence[Look],
    seed: int,
    patterns: Mapping[str, Pattern],
    frames: int,
) -> tuple[list[int], list[Summary]]:
    """Return the look of each cast, and what spoke for it."""
    count = 1 + max(part.cast for part in parts)
    longest = []
    for number in range(count):
        own = [i for i, part in enumerate(parts) if part.cast == number]
        plain = [i for i in own if parts[i].kin == 0] or own
        longest.append(max(plain, key=lambda i: parts[i].end - parts[i].start))
    spoken = [summaries[i] for i in longest]
    if len(looks) == 1:
        return [0] * count, spoken
    energy = np.array([summary.energy for summary in summaries])
    lengths = np.array([part.end - part.start for part in parts])
    members = [np.array([part.cast == number for part in parts]) for number in range(count)]
    seconds = [float(lengths[own].sum()) for own in members]
    energies = [float(np.average(energy[own], weights=lengths[own])) for own in members]
    peaks = [float(energy[own].max()) for own in members]
    # Another song is dealt other chances, so that songs alike in sound do not all look alike.
    chance = generator(seed, f"timeline.looks.{frames}").random((count, len(looks)))
    neighbors = sorted({(a.cast, b.cast) for a, b in pairwise(parts) if a.cast != b.cast})
    asked = roles(spoken, [modes[i] for i in longest], energies, peaks, seconds)
    return cast(asked, neighbors, looks, patterns, chance), spoken


def _shots(
    parts: Sequence[Part],
    chosen: Sequence[int],
    spoken: Sequence[Summary],
    looks: Sequence[Look],
    seed: int,
    patterns: Mapping[str, Pattern],
) -> list[Shot]:
    first_with = [chosen.index(look) for look in chosen]
    # Casts that have to share a look are told apart by variation.
    others = [
        [k for k in range(len(chosen)) if chosen[k] == look].index(number)
        for number, look in enumerate(chosen)
    ]
    shown: dict[tuple[int, int], list[Part]] = {}
    shots = []
    for part in parts:
        look = looks[chosen[part.cast]]
        before = shown.setdefault((part.cast, part.kin), [])
        # In a row: counted from where the row began; it returns as it was, row by row.
        rows = [k for k, p in enumerate(before) if not k or before[k - 1].end != p.start]
        on = bool(before) and before[-1].end == part.start
        hue, knobs = varied(
            look, patterns, other=others[part.cast], kin=part.kin,
            echo=(len(before) - rows[-1]) % ECHOES if on else 0,
            times=len(rows) - on,
            shared=chosen.count(chosen[part.cast]) > 1,
        )  # fmt: skip
        shots.append(
            Shot(
                look,
                int(generator(seed, f"scene.{first_with[part.cast]}").integers(2**31)),
                part.start,
                part.end,
                _why(part, before, shown, spoken[part.cast], alone=len(looks) == 1),
                part.novelty,
                part.label,
                part.name,
                hue=hue,
                knobs=knobs,
            )
        )
        before.append(part)
    return shots


def _why(
    part: Part,
    before: Sequence[Part],
    shown: Mapping[tuple[int, int], Sequence[Part]],
    spoken: Summary,
    *,
    alone: bool,
) -> str:
    if before and before[-1].end == part.start:
        return "goes on, changed a little"
    if before:
        return f"comes back: as at {_clock(before[0].start)}, changed a little"
    earlier = [p for (number, _), seen in shown.items() if number == part.cast for p in seen]
    if earlier:
        return f"a variation of {_clock(earlier[0].start)}"
    if alone:
        return "the only look" if not shown else "the only look, varied for another part"
    return f"suits {words(spoken)}"


def _with_changes(
    parts: Sequence[Part],
    shots: Sequence[Shot],
    summaries: Sequence[Summary],
    features: Features,
    seed: int,
    patterns: Mapping[str, Pattern],
    *,
    slow: bool,
) -> tuple[Shot, ...]:
    """Say of each shot how it comes in."""
    made = [shots[0]]
    last: Kind | None = None
    for i, (old, new) in enumerate(pairwise(shots), 1):
        pattern = pattern_of(new.look, patterns)
        border = Border(
            same_look=new.look is old.look and new.seed == old.seed,
            remembers=pattern.simulation is not None,
            direct=pattern.direct,
            clash=clash(old.look.palette, new.look.palette),
            novelty=parts[i].novelty,
            drop=parts[i].drop,
            after_silence=parts[i].after_silence,
            before=summaries[i - 1].energy,
            after=summaries[i].energy,
            slow=slow and (features.beats.confidence < SURE or summaries[i].energy < 0.35),
        )
        change: Change = choose(
            border, features.beats, last, generator(seed, f"timeline.change.{i}")
        )
        last = last if border.same_look else change.kind
        made.append(replace(new, change=change))
    return tuple(made)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
