"""Structure: sections, their repetitions and names, and where the music builds and drops.

Bars are compared with one another (:mod:`music_analysis.bar_features`,
:mod:`music_analysis.self_similarity`); a small network and a dynamic programme find where sections
begin (:mod:`music_analysis.segmentation`); another small network tells which of them repeat
(:mod:`music_analysis.grouping`); rules name them (:mod:`music_analysis.section_names`). Where there
are no bars, steps of two seconds stand for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from music_analysis import chords as chord_finder
from music_analysis import tempo as tempo_finder
from music_analysis.bar_features import (
    BarFeatures,
    bar_borders,
    describe,
    describe_beats,
)
from music_analysis.builds import find_builds, find_drops
from music_analysis.chords import Chords
from music_analysis.convolution import sigmoid
from music_analysis.grouping import clusters, pair_evidence, pair_logits
from music_analysis.section_names import Passage, name_sections
from music_analysis.segmentation import find_boundaries, load_weights
from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.spectra import SoundSource
from music_analysis.tempo import Seconds, Tempo
from music_analysis.windows import Floats

_SHORTEST: Final = 20.0  # seconds: less is one section
_ROWS: Final = 512  # of a similarity matrix
_BEAT: Final = 0.5  # seconds: what a beat is where there are none
_VARIED: Final = 1.0  # variety of bars: less is one section
_FORM: Final = 0.3  # confidence below which levels rise and fall without any form to build
_CERTAIN: Final = 0.95  # belief in a border between silence and sound
_UNSURE: Final = 0.1  # confidence of a single section


@dataclass(frozen=True)
class Section:
    """One section from ``start`` to ``end`` seconds."""

    start: float
    end: float
    label: str
    """``A``, ``B``, …; ``A'`` (and ``A''``) for a varied repetition of A; ``N`` for
    what is no part of the form: silence, and a pickup before the first bar."""
    group: int
    """Sections of one group repeat one another: A and A' are of one group."""
    name: str
    """``intro``, ``verse``, ``chorus``, ``bridge``, ``break``, ``solo``, ``outro``, ``part``, or
    ``silence`` and ``lead-in`` (N)."""
    name_confidence: float
    confidence: float
    """How likely its start is where a listener would put it, [0, 1]."""


@dataclass(frozen=True)
class Event:
    """A build (energy rises to a point) or a drop (it comes in all at once)."""

    time: float
    """Where a build ends, or a drop falls, seconds."""
    kind: str
    """``"build"`` or ``"drop"``."""
    start: float
    """Where the build begins; the same as ``time`` for a drop."""
    strength: float
    """[0, 1]"""


@dataclass(frozen=True)
class Structure:
    """The form of a song; ``sections`` has no gaps from 0 to its end."""

    sections: tuple[Section, ...]
    confidence: float
    novelty_times: Seconds
    """[K] seconds, bar lines (or steps of 2 s where there are no bars)."""
    novelty: Floats
    """[K] in [0, 1]."""
    events: tuple[Event, ...]
    bar_times: Seconds
    """[n+1] borders of the bars of ``bar_similarity``."""
    bar_similarity: Floats
    """[n, n] in [0, 1], symmetric; at most 512 rows: longer songs are joined bar by bar."""
    beat_times: Seconds
    """[m+1] borders of the beats of ``beat_similarity``."""
    beat_similarity: Floats
    """[m, m] in [0, 1]; at most 512 rows."""


def analyze(source: SoundSource) -> Structure:
    """Measure a sound and find its sections."""
    spectra = measure_song(source)
    tempo = tempo_finder.estimate(spectra)
    return estimate(spectra, tempo, chord_finder.estimate(spectra, tempo))


def estimate(spectra: SongSpectra, tempo: Tempo, chords: Chords) -> Structure:
    """Find the sections of a song.

    Parameters
    ----------
    spectra
        The song.
    tempo
        Its bar lines are where sections may begin.
    chords
        Their probabilities help to compare bars.

    Returns
    -------
    Structure
        One section of low confidence where there is less than 20 s of sound, nothing that changes,
        or nothing at all.
    """
    borders = bar_borders(spectra.duration, tempo)
    bars = describe(spectra, borders, chords)
    steady = tempo.bpm is not None and len(tempo.downbeats) >= 4
    starts = np.zeros(1, np.int64)
    belief = np.zeros(len(bars), np.float32)
    sounding = float(np.diff(borders)[bars.sounding].sum())
    if sounding >= _SHORTEST and bars.variety >= _VARIED:
        # silence before and after must not change what is found; a bar of it tells where it ends
        heard, over = _extent(bars.silent)
        first, stop = max(0, heard - 1), min(len(bars), over + 1)
        inner_starts, belief[first:stop] = find_boundaries(bars.page(first, stop))
        starts = inner_starts + first
        if heard > 1:
            starts = np.unique([0, heard, *starts[starts > heard]])
            belief[heard] = max(belief[heard], _CERTAIN)
        if len(bars) - over > 1:
            starts = np.unique([*starts[starts < over], over])
            belief[over] = max(belief[over], _CERTAIN)
    sections = _sections(bars, starts, belief, tempo.meter_confidence if steady else 0.0)
    inner = [s.confidence for s in sections[1:]]
    sure = float(np.mean(inner)) if inner else _UNSURE
    events = [
        *(Event(float(borders[k]), "drop", float(borders[k]), s) for _, k, s in find_drops(bars)),
        *(Event(float(borders[k]), "build", float(borders[i]), s) for i, k, s in find_builds(bars)),
    ]
    bar_times, bar_similarity = _matrix(bars)
    beat_times, beat_similarity = _beats(spectra, tempo)
    return Structure(
        sections=sections,
        confidence=sure,
        novelty_times=borders[:-1].copy(),
        novelty=belief,
        events=tuple(sorted(events, key=lambda e: e.time)) if sure >= _FORM else (),
        bar_times=bar_times,
        bar_similarity=bar_similarity,
        beat_times=beat_times,
        beat_similarity=beat_similarity,
    )


def _extent(silent: NDArray[np.bool_]) -> tuple[int, int]:
    """First bar that is not silent, and the one after the last; all of them if there is none."""
    heard = np.flatnonzero(~silent)
    return (int(heard[0]), int(heard[-1]) + 1) if len(heard) else (0, len(silent))


def _sections(
    bars: BarFeatures, starts: NDArray[np.int64], belief: Floats, meter: float
) -> tuple[Section, ...]:
    weights = load_weights()
    ends = np.append(starts[1:], len(bars))
    silent = np.logical_and.reduceat(bars.silent, starts)
    first, stop = _extent(silent)
    part = bars.page(int(starts[first]), int(ends[stop - 1]))
    within = starts[first:stop] - starts[first]
    lengths = (ends - starts)[first:stop].astype(np.float32)
    logits = pair_logits(pair_evidence(part, within), weights)
    same, alike = (float(x) for x in weights["thresholds"])
    kinds, groups = clusters(logits, lengths, (same, alike))
    # silence before and after are groups of their own
    kinds, groups = (
        np.concatenate([np.arange(-first, 0), ks, ks.max() + 1 + np.arange(len(starts) - stop)])
        for ks in (kinds, groups)
    )
    kinds, groups = kinds + first, groups + first
    seconds = np.diff(bars.borders)
    start, end = bars.borders[starts], bars.borders[ends]
    weight = seconds / np.repeat(end - start, ends - starts)

    def mean(rows: Floats) -> NDArray[np.float64]:
        return np.add.reduceat(rows * weight, starts)

    passage = Passage(
        start=start,
        end=end,
        group=groups,
        level=mean(bars.level[:, 0]),
        voice=mean(bars.register[:, :, 1].mean(axis=1)),
        height=mean(bars.register[:, :, 0].mean(axis=1)),
        silent=silent,
        lead_in=stop - first > 1
        and lengths[0] == 1
        and seconds[starts[first]] < np.median(seconds) - 0.05,
    )
    labels = _labels(kinds, groups, passage.aside)
    slope, offset, trust = (np.float32(x) for x in weights["trust"])
    odds = np.clip(belief[starts], 1e-4, 1 - 1e-4)
    sure = sigmoid(slope * np.log(odds / (1 - odds)) + trust * np.float32(meter) + offset)
    sure[0] = 1.0 if len(starts) > 1 else _UNSURE
    # names are no surer than the sections they are given to
    firm = float(np.clip(0.3 + 0.8 * sure[1:].mean(), 0, 1)) if len(starts) > 1 else 1.0
    names = name_sections(passage)
    return tuple(
        Section(
            start=float(start[k]),
            end=float(end[k]),
            label=labels[k],
            group=int(groups[k]),
            name=names[k][0],
            name_confidence=firm * names[k][1],
            confidence=float(sure[k]),
        )
        for k in range(len(starts))
    )


def _labels(
    kinds: NDArray[np.int64], groups: NDArray[np.int64], aside: NDArray[np.bool_]
) -> list[str]:
    """Letters for groups; primes for the next kinds within a group; N for what is aside."""
    seen: dict[int, list[int]] = {}
    labels = []
    for kind, group, no_part in zip(kinds.tolist(), groups.tolist(), aside.tolist(), strict=True):
        if no_part:
            labels.append("N")
            continue
        variants = seen.setdefault(group, [])
        if kind not in variants:
            variants.append(kind)
        labels.append(_letters(list(seen).index(group)) + "'" * variants.index(kind))
    return labels


def _letters(number: int) -> str:
    """Count in letters: A to Z, AA, AB."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _matrix(bars: BarFeatures) -> tuple[Seconds, Floats]:
    """Borders and similarity of bars, joined until there are at most 512."""
    n = len(bars)
    join = -(-n // _ROWS)
    starts = np.arange(0, n, join)
    used = [rows for rows in bars.vectors if rows.any()]
    total = np.zeros((len(starts), len(starts)), np.float32)
    for rows in used:
        total += _cosines(np.add.reduceat(rows, starts, axis=0))
    similarity = total / max(len(used), 1)
    return np.append(bars.borders[starts], bars.borders[-1]), _shown(similarity)


def _beats(spectra: SongSpectra, tempo: Tempo) -> tuple[Seconds, Floats]:
    """Do the same for beats, from 0 to the end of the song."""
    duration = spectra.duration
    inner = tempo.beats[(tempo.beats > 0.05) & (tempo.beats < duration - 0.05)]
    if len(inner) < 8:
        inner = np.arange(_BEAT, duration - 0.05, _BEAT)
    join = -(-(len(inner) + 1) // _ROWS)
    borders = np.concatenate([[0.0], inner, [duration]])
    borders = np.append(borders[:-1][::join], duration)
    rows = describe_beats(spectra, borders)
    return borders, _shown(rows @ rows.T)


def _cosines(rows: Floats) -> Floats:
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    unit = rows / np.maximum(length, 1e-6)
    out: Floats = unit @ unit.T
    return out


def _shown(cosines: NDArray[Any]) -> Floats:
    """Cosines as similarity in [0, 1]: what has nothing in common, and what is opposite, is 0."""
    similarity = np.clip(0.5 * (cosines + cosines.T), 0, 1)
    np.fill_diagonal(similarity, 1.0)
    out: Floats = similarity.astype(np.float32)
    return out
