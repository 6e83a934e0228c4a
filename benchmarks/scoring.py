"""How right an estimate of a song is: the usual measures of music information retrieval.

Knows two dictionaries, a reference (``ref.json`` of the songs with ground truth) and an estimate
with the keys of ``analysis.json``; the measures themselves are mir_eval's (Raffel et al. 2014). A
part that is missing, empty or broken scores zero, so that saying nothing never helps.

================== ================================================================================
tempo Acc1, Acc2   within 4 % of the reference; Acc2 also of 2, 3, 1/2 and 1/3 times it
tempo reported     Acc1 of the best of the tempo and its first four alternatives
beat F             within 70 ms, after the first 5 s
beat CMLt, AMLt    longest total continuity at the annotated or at any allowed metrical level
downbeat F         as beat F, of the bar lines
key MIREX          1 right, .5 a fifth off, .3 relative, .2 parallel; exact: 1 or 0
chords             share of the time that is right: root, majmin, sevenths; seg: 1 minus the worse
                   of over- and under-segmentation
sections F@0.5, @3 boundaries within 0.5 or 3 s, without start and end; pairwise F and V of labels.
                   Songs have two annotators: "best" is the nearer one for each song and measure
================== ================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import mir_eval
import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]
Scores = dict[str, float]
Times = NDArray[np.float64]

TOLERANCE = 0.04
REPORTED = 4  # alternatives beyond these are not looked at: a list of all tempos is no answer
RESAMPLES = 2000

MEASURES: dict[str, tuple[str, ...]] = {
    "tempo": ("tempo Acc1", "tempo Acc2", "tempo reported"),
    "beats": ("beat F", "beat CMLt", "beat AMLt"),
    "downbeats": ("downbeat F",),
    "key": ("key MIREX", "key exact"),
    "chords": ("chords root", "chords majmin", "chords sevenths", "chords seg"),
    "sections": (
        "sections F@0.5", "sections F@3", "sections pairwise", "sections V",
    ),
}  # fmt: skip


_WRONG_FORM = (
    ValueError, TypeError, LookupError, AttributeError, mir_eval.chord.InvalidChordException,
)  # fmt: skip
"""What a part of a wrong form makes mir_eval and us raise: it is a wrong answer."""


def score(ref: Json, est: Json) -> Scores:
    """Score one song: every measure of every part, NaN where the reference has none to compare."""
    scores: Scores = {}
    for part, names in MEASURES.items():
        found: Scores = {}
        if est.get(part) is not None:
            try:
                found = _SCORERS[part](ref, est)
            except _WRONG_FORM:
                found = {}
        scores.update({name: float(found.get(name, 0.0)) for name in names})
    return scores


def given(estimates: Iterable[Json]) -> set[str]:
    """Return the parts that any of the estimates has: some tools do only some tasks."""
    return {part for est in estimates for part in MEASURES if est.get(part) is not None}


def mean_and_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over songs and its 95 % bootstrap interval (percentiles; NaN songs are left out)."""
    known = np.array([v for v in values if not math.isnan(v)])
    if not known.size:
        return math.nan, math.nan, math.nan
    drawn = np.random.default_rng(0).integers(known.size, size=(RESAMPLES, known.size))
    low, high = np.percentile(known[drawn].mean(axis=1), (2.5, 97.5))
    return float(known.mean()), float(low), float(high)


def same_tempo(bpm: float, reference: float, factors: Sequence[float] = (1.0,)) -> bool:
    """Whether a tempo is within 4 % of the reference, or of one of its multiples."""
    return any(abs(bpm / (reference * f) - 1.0) <= TOLERANCE for f in factors)


def _tempo(ref: Json, est: Json) -> Scores:
    told = est["tempo"]
    rows = told.get("alternatives") or ()
    bpm = float(told["bpm"])
    others = [float(row["bpm"] if isinstance(row, dict) else row) for row in rows]
    true = float(ref["tempo"])
    return {
        "tempo Acc1": same_tempo(bpm, true),
        "tempo Acc2": same_tempo(bpm, true, (1.0, 2.0, 3.0, 1 / 2, 1 / 3)),
        "tempo reported": any(same_tempo(b, true) for b in (bpm, *others[:REPORTED])),
    }


def _later(times: Sequence[float]) -> Times:
    """Ascending times from 5 s on, as mir_eval's beat measures want them."""
    return np.asarray(mir_eval.beat.trim_beats(np.unique(np.asarray(times, np.float64))))


def _beats(ref: Json, est: Json) -> Scores:
    true, found = _later(ref["beats"]), _later(est["beats"])
    if found.size < 2:
        return {}
    _, annotated, _, allowed = mir_eval.beat.continuity(true, found)
    return {
        "beat F": mir_eval.beat.f_measure(true, found),
        "beat CMLt": annotated,
        "beat AMLt": allowed,
    }


def _downbeats(ref: Json, est: Json) -> Scores:
    true, found = _later(ref["downbeats"]), _later(est["downbeats"])
    return {"downbeat F": mir_eval.beat.f_measure(true, found)} if found.size else {}


def _key(ref: Json, est: Json) -> Scores:
    points = float(mir_eval.key.weighted_score(ref["key"]["label"], est["key"]["label"]))
    return {"key MIREX": points, "key exact": points == 1.0}


def spans(rows: Sequence[Any], fill: str) -> tuple[Times, list[str]]:
    """Borders [n, 2] and labels of rows ``{start, end, label}`` or ``[start, end, label]``.

    In order, without overlaps; ``fill`` is put where nothing is said.
    """
    plain = [(r["start"], r["end"], r["label"]) if isinstance(r, dict) else r for r in rows]
    borders: list[tuple[float, float]] = []
    labels: list[str] = []
    for start, end, label in sorted(plain, key=lambda r: (float(r[0]), float(r[1]))):
        begin = float(start) if not borders else max(float(start), borders[-1][1])
        if float(end) - begin <= 1e-4:
            continue
        if borders and begin - borders[-1][1] > 1e-6:
            borders.append((borders[-1][1], begin))
            labels.append(fill)
        borders.append((borders[-1][1] if borders else begin, float(end)))
        labels.append(str(label))
    if not borders:
        raise ValueError("no rows")
    return np.array(borders), labels


def compared_chords(ref: Json, est: Json) -> tuple[Times, list[str], list[str]]:
    """Cut both into common pieces: seconds of each, the true and the estimated labels."""
    none = mir_eval.chord.NO_CHORD
    where, true = spans(ref["chords"], none)
    there, found = mir_eval.util.adjust_intervals(
        *spans(est["chords"], none), where.min(), where.max(), none, none
    )
    pieces, a, b = mir_eval.util.merge_labeled_intervals(where, true, there, found)
    return mir_eval.util.intervals_to_durations(pieces), a, b


def _chords(ref: Json, est: Json) -> Scores:
    lib = mir_eval.chord
    none = lib.NO_CHORD
    seconds, true, found = compared_chords(ref, est)
    scores = {}
    for name, compare in (("root", lib.root), ("majmin", lib.majmin), ("sevenths", lib.sevenths)):
        points = compare(true, found)  # −1 where the reference is outside this vocabulary
        known = bool((points >= 0).any())
        scores[f"chords {name}"] = lib.weighted_accuracy(points, seconds) if known else math.nan
    where, labels = spans(ref["chords"], none)
    there, others = mir_eval.util.adjust_intervals(
        *spans(est["chords"], none), where.min(), where.max(), none, none
    )
    scores["chords seg"] = lib.seg(
        lib.merge_chord_intervals(where, labels), lib.merge_chord_intervals(there, others)
    )
    return scores


def annotators(ref: Json) -> list[tuple[Times, list[str]]]:
    """Return the sections of both annotators from 0 to the end of the sound."""
    return [
        mir_eval.util.adjust_intervals(
            *spans(ref[name], "silence"), 0.0, float(ref["duration"]), "start", "end"
        )
        for name in ("segments", "segments_alt")
    ]


def _sections(ref: Json, est: Json) -> Scores:
    lib, end = mir_eval.segment, float(ref["duration"])
    where, labels = spans(est["sections"], "silence")
    # a start or an end a little off is no boundary of its own
    if where[0, 0] < 0.5:
        where[0, 0] = 0.0
    if where[-1, 1] > end - 0.5:
        where[-1, 1] = end
    where, labels = mir_eval.util.adjust_intervals(where, labels, 0.0, end, "start", "end")
    each = []
    for there, names in annotators(ref):
        each.append(
            (
                lib.detection(there, where, window=0.5, trim=True)[2],
                lib.detection(there, where, window=3.0, trim=True)[2],
                lib.pairwise(there, names, where, labels)[2],
                lib.vmeasure(there, names, where, labels)[2],
            )
        )
    best = np.array(each).max(axis=0)
    return dict(zip(MEASURES["sections"], (float(v) for v in best), strict=True))


_SCORERS = {
    "tempo": _tempo,
    "beats": _beats,
    "downbeats": _downbeats,
    "key": _key,
    "chords": _chords,
    "sections": _sections,
}
