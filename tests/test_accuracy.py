"""What the accuracy benchmark scores, on answers whose scores are known."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import accuracy  # noqa: E402
import reliability  # noqa: E402
import scoring  # noqa: E402

END = 64.0


def reference(**changed):
    """A minute at 120 bpm in C major: eight bars of C, eight of F, twice."""
    beats = [0.5 * k for k in range(129)]
    segments = [[0.0, 16.0, "A"], [16.0, 32.0, "B"], [32.0, 48.0, "A"], [48.0, END, "B"]]
    return {
        "duration": END,
        "tempo": 120.0,
        "beats": beats,
        "downbeats": beats[::4],
        "key": {"label": "C major", "agree": True},
        "chords": [
            [16.0 * k, 16.0 * k + 16.0, ("C:maj", "F:maj")[k % 2]] for k in range(4)
        ],
        "segments": segments,
        "segments_alt": segments,
    } | changed  # fmt: skip


def perfect(**changed):
    ref = reference()
    rows = ("start", "end", "label")
    return {
        "tempo": {"bpm": 120.0, "alternatives": [{"bpm": 60.0, "strength": 0.5}]},
        "beats": ref["beats"],
        "downbeats": ref["downbeats"],
        "key": {"label": "C major"},
        "chords": [dict(zip(rows, row, strict=True)) for row in ref["chords"]],
        "sections": [dict(zip(rows, row, strict=True)) for row in ref["segments"]],
    } | changed


def test_the_truth_scores_one_everywhere() -> None:
    scores = scoring.score(reference(), perfect())
    assert set(scores) == {name for names in scoring.MEASURES.values() for name in names}
    assert all(value == pytest.approx(1.0) for value in scores.values())


def test_nothing_scores_zero_everywhere() -> None:
    for empty in ({}, dict.fromkeys(scoring.MEASURES), dict.fromkeys(scoring.MEASURES, ())):
        assert set(scoring.score(reference(), empty).values()) == {0.0}
    unsure = {"tempo": {"bpm": None, "alternatives": []}, "key": {"label": None}}
    assert set(scoring.score(reference(), unsure).values()) == {0.0}


@pytest.mark.parametrize(
    ("bpm", "acc1", "acc2", "reported"),
    [(120, 1, 1, 1), (124.7, 1, 1, 1), (125, 0, 0, 0), (60, 0, 1, 1), (240, 0, 1, 0), (40, 0, 1, 0),
     (360, 0, 1, 0), (80, 0, 0, 0), (90, 0, 0, 0)],
)  # fmt: skip
def test_tempo_within_four_percent_and_its_octaves(bpm, acc1, acc2, reported) -> None:
    others = [{"bpm": 120.0}] if bpm == 60 else []
    scores = scoring.score(reference(), {"tempo": {"bpm": bpm, "alternatives": others}})
    assert [scores[f"tempo {m}"] for m in ("Acc1", "Acc2", "reported")] == [acc1, acc2, reported]


def test_a_fifth_alternative_is_not_looked_at() -> None:
    far = [{"bpm": float(b)} for b in (70, 75, 85, 100, 120)]
    scores = scoring.score(reference(), {"tempo": {"bpm": 90.0, "alternatives": far}})
    assert scores["tempo reported"] == 0
    far.insert(3, far.pop())
    scores = scoring.score(reference(), {"tempo": {"bpm": 90.0, "alternatives": far}})
    assert scores["tempo reported"] == 1


def test_beats_between_the_beats_and_half_of_them() -> None:
    beats = np.array(reference()["beats"])
    late = scoring.score(reference(), {"beats": list(beats + 0.1), "downbeats": list(beats + 0.1)})
    assert late["beat F"] == 0
    assert late["downbeat F"] == 0
    half = scoring.score(reference(), {"beats": list(beats[::2])})
    assert half["beat F"] == pytest.approx(2 / 3, abs=0.01)
    assert half["beat CMLt"] == 0
    assert half["beat AMLt"] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("label", "points"),
    [("C major", 1), ("G major", 0.5), ("A minor", 0.3), ("C minor", 0.2), ("F# major", 0)],
)
def test_key_points(label, points) -> None:
    scores = scoring.score(reference(), {"key": {"label": label}})
    assert scores["key MIREX"] == pytest.approx(points)
    assert scores["key exact"] == (points == 1)


def test_chords_count_by_their_time() -> None:
    rows = perfect()["chords"]
    rows[1] = rows[1] | {"label": "F:min"}  # 16 of 64 s: root right, third wrong
    scores = scoring.score(reference(), {"chords": rows})
    assert scores["chords root"] == pytest.approx(1.0)
    assert scores["chords majmin"] == pytest.approx(0.75)
    late = [row | {"start": row["start"] + 8, "end": row["end"] + 8} for row in rows[:1]]
    scores = scoring.score(reference(), {"chords": late})
    assert scores["chords root"] == pytest.approx(8 / 64)


def test_a_reference_outside_the_vocabulary_is_left_out() -> None:
    ref = reference(chords=[[0.0, END, "C:sus4"]])
    scores = scoring.score(ref, perfect())
    assert math.isnan(scores["chords majmin"])
    assert scores["chords root"] == pytest.approx(0.5)
    assert scoring.mean_and_interval([0.5, math.nan])[0] == 0.5


def test_the_nearer_annotator_counts() -> None:
    other = [[0.0, 32.0, "A"], [32.0, END, "B"]]
    scores = scoring.score(reference(segments_alt=other), perfect())
    assert scores["sections F@0.5"] == pytest.approx(1.0)
    rows = [row | {"start": max(0.0, row["start"] + 1), "end": row["end"] + 1}
            for row in perfect()["sections"]]  # fmt: skip
    scores = scoring.score(reference(), {"sections": rows})
    # all borders a second late: within 3 s, not within 0.5 s
    assert scores["sections F@0.5"] < 0.3
    assert scores["sections F@3"] > 0.7


def test_broken_parts_are_wrong_answers() -> None:
    broken = perfect(
        beats="many",
        chords=[{"start": 0, "end": 64, "label": "H:funny"}],
        key={"label": "Z"},
        sections=[{"start": 5}],
    )
    scores = scoring.score(reference(), broken)
    assert scores["tempo Acc1"] == 1
    for part in ("beats", "key", "chords", "sections"):
        assert all(scores[name] == 0 for name in scoring.MEASURES[part])


def test_intervals_hold_the_mean_and_do_not_change() -> None:
    values = list(np.random.default_rng(5).random(30))
    mean, low, high = scoring.mean_and_interval(values)
    assert low < mean < high
    assert mean == pytest.approx(np.mean(values))
    assert scoring.mean_and_interval(values) == (mean, low, high)
    # about two standard errors to either side
    assert high - low == pytest.approx(3.9 * np.std(values) / np.sqrt(30), rel=0.15)


def test_an_honest_confidence_has_no_calibration_error() -> None:
    honest = [(1.0, 0.75, float(k < 3)) for k in range(4)] + [(2.0, 0.5, 1.0), (2.0, 0.5, 0.0)]
    assert reliability.calibration_error(reliability.binned(honest)) == pytest.approx(0.0)
    boasting = [(1.0, 0.95, 0.0), (1.0, 0.95, 1.0)]
    assert reliability.calibration_error(reliability.binned(boasting)) == pytest.approx(0.45)


def test_reliability_weighs_chords_by_their_seconds() -> None:
    est = perfect()
    est["tempo"] |= {"confidence": 0.9, "beat_confidence": 0.8, "meter_confidence": 0.7}
    est["key"]["confidence"] = 0.65
    for k, row in enumerate(est["chords"]):
        row |= {"confidence": 0.95 if k else 0.15, "label": row["label"] if k else "G:min"}
    for row in est["sections"]:
        row["confidence"] = 0.55
    scores = scoring.score(reference(), est)
    tables = reliability.measured([(reference(), est, scores)])
    assert tables["tempo"][9] == [1.0, 0.9, 1.0]
    assert tables["key"][6] == [1.0, 0.65, 1.0]
    assert tables["chords"][1] == pytest.approx([16.0, 2.4, 0.0])
    assert tables["chords"][9] == pytest.approx([48.0, 45.6, 48.0])
    assert tables["sections"][5] == pytest.approx([3.0, 1.65, 3.0])


def test_the_page_says_which_bars_are_met() -> None:
    row = dict.fromkeys((n for names in scoring.MEASURES.values() for n in names), 1.0)
    run = {
        "commit": "abc", "date": "2026-01-01", "engine": "this package", "of": 1,
        "parts": list(scoring.MEASURES), "seconds a minute": 0.2,
        "songs": {"x": row | {"beat F": 0.9, "sections V": None}},
        "reliability": reliability.measured([]),
    }  # fmt: skip
    text = "\n".join(accuracy.section({"runs": {"waltzes": {"ours": run}}}))
    assert "| beat F | .920 | .900 (.900–.900) | **not met** |" in text
    assert "| beat AMLt | .980 | 1.00 (1.00–1.00) | met |" in text
    assert f"{len(accuracy.BARS) - 1} of {len(accuracy.BARS)} bars are met" in text
