"""From a song's sections to parts that are shown in one way each.

Sections that follow one another and repeat one another are one scene. What is too short for a look
of its own becomes a variation of its neighbor's, what is very long is divided into variations, and
silence belongs to the music beside it. Knows the form of a song; knows no looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from afx.cutting import Lengths, best_cuts, nearest
from afx.shot import Part

if TYPE_CHECKING:
    from music_analysis.structure import Event, Section, Structure

CLEAR = 0.3
"""Confidence of a form from which its sections are scenes."""
LEAST = 24.0
"""Seconds: a shorter song has no sections to show."""
SHORTEST = 10.0
"""Seconds for which a look is shown at least."""
BARS, LASTING = 3.5, 20.0
"""Bars of a look: four, of which one may begin late; slow music needs no more than so many
seconds."""
MORSEL = 5.0
"""Seconds: what is shorter is not shown at all."""
NEAR = 2.0
"""Farthest a boundary may be moved to fall on a bar, in seconds."""
PIECES = Lengths(12.0, 24.0, 36.0)
"""Of variations within a long section."""
LONG = 45.0
"""Seconds from which a section is divided."""
ACT, ACTS = 60.0, 2
"""Where one section follows another of its kind for longer than so many seconds, another look takes
over at the next beginning; two looks take turns."""
STAGE, STAGES = 32.0, 3
"""In a long scene another variation of the look begins after so many seconds; so many take turns.
"""


@dataclass
class _Span:
    """A section on its way to the screen."""

    start: float
    end: float
    group: int
    label: str
    name: str
    sure: float
    after_silence: bool = False

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class _Run:
    """Spans that share a look: that of `owner`."""

    owner: int
    spans: list[_Span] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.spans[-1].end - self.spans[0].start


def scenes(
    structure: Structure, duration: float, downbeats: NDArray[np.float64]
) -> list[Part] | None:
    """Return the parts of a song with a clear form; None if it has none.

    Parameters
    ----------
    structure : Structure
    duration : float
        Of the song, seconds.
    downbeats : [n]
        Where bars begin; empty where that is not sure.
    """
    spans = _spans(structure.sections, duration)
    if structure.confidence < CLEAR or duration < LEAST or len(spans) < 2:
        return None
    bar = float(np.median(np.diff(downbeats))) if len(downbeats) >= 3 else 0.0
    spans = _without_morsels(spans)
    _snap(spans, downbeats)
    runs = _joined([_Run(span.group, [span]) for span in spans])
    # Groups that are long enough for a look somewhere.
    lasting = {run.owner for run in runs if _lasts(run.seconds, bar)}
    hosts: dict[int, int] = {}
    while len(runs) > 1:
        short = [run for run in runs if not _lasts(run.seconds, bar)]
        if not short:
            break
        _merge(runs, min(short, key=lambda run: run.seconds), lasting, hosts)
        runs = _joined(runs)
    if len(runs) < 2 and len(spans) < 3:
        return None
    return _parts(runs, structure, bar)


def _spans(sections: Sequence[Section], duration: float) -> list[_Span]:
    """Return the sections that sound, from 0 to the end; each lasts until the next begins."""
    spans: list[_Span] = []
    silence = False
    for section in sections:
        if section.label == "N":
            silence = section.name == "silence" and bool(spans)
            continue
        if section.start >= duration:
            break
        spans.append(
            _Span(
                section.start, duration, section.group, section.label, section.name,
                section.confidence, silence,
            )
        )  # fmt: skip
        silence = False
    if spans:
        spans[0].start = 0.0
    for before, after in pairwise(spans):
        before.end = after.start
    return spans


def _without_morsels(spans: list[_Span]) -> list[_Span]:
    """Give what is too short to be seen to the neighbor from which it is set off least."""
    spans = list(spans)
    while len(spans) > 1:
        i = min(range(len(spans)), key=lambda k: spans[k].seconds)
        if spans[i].seconds >= MORSEL:
            break
        forward = i + 1 < len(spans) and (i == 0 or spans[i + 1].sure < spans[i].sure)
        if forward:
            spans[i + 1].start = spans[i].start
            spans[i + 1].sure = spans[i].sure
        else:
            spans[i - 1].end = spans[i].end
        del spans[i]
    return spans


def _snap(spans: list[_Span], downbeats: NDArray[np.float64]) -> None:
    """Move beginnings to the bar line nearest to them."""
    if not len(downbeats):
        return
    for before, after in pairwise(spans):
        bar = float(downbeats[nearest(downbeats, np.array([after.start]))[0]])
        inside = before.start + 0.5 * MORSEL < bar < after.end - 0.5 * MORSEL
        if abs(bar - after.start) <= NEAR and inside:
            before.end = after.start = bar


def _lasts(seconds: float, bar: float) -> bool:
    """Say whether a look can be shown for so long."""
    return seconds >= LASTING or (seconds >= SHORTEST and seconds >= BARS * bar - 1e-6)


def _joined(runs: Sequence[_Run]) -> list[_Run]:
    """Join neighbors of one owner."""
    made: list[_Run] = []
    for run in runs:
        if made and made[-1].owner == run.owner:
            made[-1].spans += run.spans
        else:
            made.append(_Run(run.owner, list(run.spans)))
    return made


def _merge(runs: list[_Run], short: _Run, lasting: set[int], hosts: dict[int, int]) -> None:
    """Give a run to the neighbor that took its group before, or from which it is set off least.

    Of two that are both too short, the one whose group has a look elsewhere gives the look.
    """
    i = next(k for k, run in enumerate(runs) if run is short)
    beside = [k for k in (i - 1, i + 1) if 0 <= k < len(runs)]
    known = [k for k in beside if hosts.get(short.owner) == runs[k].owner]
    # An opening leads on, a close rounds off.
    k = min(known or beside, key=lambda k: runs[max(i, k)].spans[0].sure)
    host = runs[k].owner
    if short.owner in lasting and host not in lasting:
        host, guest = short.owner, host
    else:
        guest = short.owner
    hosts.setdefault(guest, host)
    first, second = min(i, k), max(i, k)
    runs[first : second + 1] = [_Run(host, runs[first].spans + runs[second].spans)]


def _parts(runs: Sequence[_Run], structure: Structure, bar: float) -> list[Part]:
    casts: dict[tuple[int, int], int] = {}
    kins: dict[int, dict[tuple[int, str, int], int]] = {}
    parts: list[Part] = []
    for run in runs:
        for act, spans in _acts(run, bar):
            cast = casts.setdefault((run.owner, act), len(casts))
            known = kins.setdefault(cast, {})
            stage, begun = 0, spans[0].start
            for span in spans:
                for k, (start, end, novelty) in enumerate(_pieces(span, structure)):
                    if k or start - begun >= STAGE - 1e-6:
                        stage, begun = (stage + 1) % STAGES, start
                    # A guest looks the same wherever it comes back.
                    key = (span.group, span.label, stage if span.group == run.owner else k)
                    # The look itself is for what it was chosen for, wherever that comes first.
                    if span.group == run.owner and not any(g == run.owner for g, _, _ in known):
                        known[key] = 0
                    kin = known.setdefault(key, max([0, *known.values()]) + 1)
                    drop = 0.0 if k else _drop(structure.events, start, bar)
                    parts.append(
                        Part(
                            start, end, cast, kin, span.label, span.name, novelty, drop,
                            span.after_silence and not k,
                        )
                    )  # fmt: skip
    return _told_apart(parts)


def _acts(run: _Run, bar: float) -> list[tuple[int, list[_Span]]]:
    """Divide a run between looks where it would be one for too long: (which look, spans)."""
    acts: list[tuple[int, list[_Span]]] = [(0, [])]
    for span in run.spans:
        number, seen = acts[-1]
        left = run.spans[-1].end - span.start
        if seen and span.start - seen[0].start >= ACT - 1e-6 and _lasts(left, bar):
            acts.append(((number + 1) % ACTS, [span]))
        else:
            seen.append(span)
    return acts


def _told_apart(parts: Sequence[Part]) -> list[Part]:
    """Give the variations of each look numbers by which neighbors are turned to different sides.

    Odd ones are turned one way and even ones the other (``afx.variation``); in order of their first
    appearance each takes the side that fewer of its neighbors have.
    """
    beside: dict[tuple[int, int], list[int]] = {}
    for a, b in pairwise(parts):
        if a.cast == b.cast and a.kin != b.kin:
            beside.setdefault((a.cast, a.kin), []).append(b.kin)
            beside.setdefault((b.cast, b.kin), []).append(a.kin)
    numbers: dict[tuple[int, int], int] = {}
    for part in parts:
        key = (part.cast, part.kin)
        if key in numbers:
            continue
        if not part.kin:
            numbers[key] = 0
            continue
        taken = {n for (cast, _), n in numbers.items() if cast == part.cast}
        near = [numbers.get((part.cast, kin), 0) for kin in beside.get(key, ())]
        odd, even = (sum(n > 0 and n % 2 == rest for n in near) for rest in (1, 0))
        first = 1 if odd <= even else 2
        numbers[key] = next(
            n for n in range(first, first + 2 * len(parts) + 2, 2) if n not in taken
        )
    return [replace(part, kin=numbers[part.cast, part.kin]) for part in parts]


def _pieces(span: _Span, structure: Structure) -> list[tuple[float, float, float]]:
    """Divide a long section at its inner novelty: (start, end, novelty there)."""
    cuts: list[tuple[float, float]] = []
    if span.seconds > LONG:
        worth = np.asarray(structure.novelty, dtype=np.float64)
        cuts = best_cuts(structure.novelty_times, worth, span.start, span.end, PIECES)
    marks = [(span.start, span.sure), *cuts, (span.end, 0.0)]
    return [(a, b, min(max(n, 0.0), 1.0)) for (a, n), (b, _) in pairwise(marks)]


def _drop(events: Sequence[Event], time: float, bar: float) -> float:
    """Return the strength of a drop that falls on a time, 0 if none does."""
    near = max(0.6 * bar, 0.6)
    found = [e.strength for e in events if e.kind == "drop" and abs(e.time - time) <= near]
    return max(found, default=0.0)
