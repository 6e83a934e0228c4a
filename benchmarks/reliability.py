"""Whether a confidence is honest: among answers given with .7, seven of ten should be right.

Answers are put in ten bins of confidence; each bin keeps the sums of weights, of confidences and of
how right the answers were, so that bins of several groups of songs add up. Songs weigh 1 each,
chords weigh their seconds, section borders 1 each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scoring

BINS = 10
_NEAR = 0.5  # seconds between a border and where a listener puts it
_FEW = 200  # answers, below which neighboring bins are drawn as one
WHAT = {
    "tempo": "tempo within 4 %",
    "beats": "beats at an allowed level (AMLt)",
    "bar lines": "bar lines (downbeat F)",
    "key": "key exact",
    "chords": "chords, root and third (time)",
    "sections": "section borders within 0.5 s",
}
"""What is asked of each confidence."""

Points = list[tuple[float, float, float]]
"""Weight, confidence and how right, [0, 1]."""


def measured(songs: list[tuple[dict[str, Any], dict[str, Any], dict[str, float]]]) -> Any:
    """Bin what was said (reference, estimate and scores of each song).

    Returns ``{what: [[weight, weighted confidence, weighted rightness], …]}``, ten rows each.
    """
    points: dict[str, Points] = {what: [] for what in WHAT}
    for ref, est, scores in songs:
        tempo = est.get("tempo")
        if tempo and tempo["bpm"] is not None:
            points["tempo"].append((1.0, tempo["confidence"], scores["tempo Acc1"]))
            points["beats"].append((1.0, tempo["beat_confidence"], scores["beat AMLt"]))
            points["bar lines"].append((1.0, tempo["meter_confidence"], scores["downbeat F"]))
        key = est.get("key")
        if key and key["label"] is not None:
            points["key"].append((1.0, key["confidence"], scores["key exact"]))
        if est.get("chords"):
            points["chords"] += _chords(ref, est)
        if est.get("sections"):
            points["sections"] += _borders(ref, est)
    return {what: np.round(binned(rows), 4).tolist() for what, rows in points.items()}


def binned(points: Points) -> NDArray[np.float64]:
    """Sum weight, confidence and rightness in ten bins of confidence, [10, 3]."""
    table = np.zeros((BINS, 3))
    for weight, confidence, right in points:
        row = min(int(confidence * BINS), BINS - 1)
        table[row] += (weight, weight * confidence, weight * right)
    return table


def calibration_error(table: NDArray[np.float64]) -> float:
    """Mean distance between confidence and accuracy over the answers (ECE, Naeini 2015)."""
    total = table[:, 0].sum()
    return float(np.abs(table[:, 1] - table[:, 2]).sum() / total) if total else float("nan")


def _chords(ref: dict[str, Any], est: dict[str, Any]) -> Points:
    """Each piece of time with a chord: how sure, and whether root and third are right."""
    import mir_eval

    sure = [{**row, "label": f"{i}"} for i, row in enumerate(est["chords"])]
    names = {str(i): row for i, row in enumerate(est["chords"])}
    where, true = scoring.spans(ref["chords"], "N")
    there, found = scoring.spans(sure, "")
    there, found = mir_eval.util.adjust_intervals(there, found, where.min(), where.max(), "", "")
    pieces, a, b = mir_eval.util.merge_labeled_intervals(where, true, there, found)
    seconds = mir_eval.util.intervals_to_durations(pieces)
    told = [names[i]["label"] if i else "N" for i in b]
    right = mir_eval.chord.thirds(a, told)
    return [
        (float(length), float(names[i]["confidence"]), float(hit))
        for length, i, label, hit in zip(seconds, b, told, right, strict=True)
        if label != "N" and hit >= 0
    ]


def _borders(ref: dict[str, Any], est: dict[str, Any]) -> Points:
    """Each section but the first: how sure its start is, and whether an annotator has it near."""
    true = np.concatenate([where[:, 0] for where, _ in scoring.annotators(ref)])
    return [
        (1.0, float(row["confidence"]), float(np.abs(true - row["start"]).min() <= _NEAR))
        for row in est["sections"][1:]
    ]


def _summed(parts: list[Any]) -> dict[str, NDArray[np.float64]]:
    return {
        what: np.sum([np.asarray(p[what]) for p in parts if what in p], axis=0)
        for what in WHAT
        if any(what in p for p in parts)
    }


def section(parts: list[Any]) -> list[str]:
    """Return the lines of RESULTS.md: accuracy by confidence, of all groups together."""
    if not parts:
        return []
    edges = [(a / 10, a / 10 + 0.2) for a in range(0, BINS, 2)]
    lines = [
        "### Is confidence honest?",
        "",
        "How right answers of each confidence are, over all groups above; in brackets how many"
        " there are (of chords, minutes). Error: mean distance of confidence and accuracy.",
        "",
        "![Accuracy by confidence](docs/reliability.png)",
        "",
        "| confidence | " + " | ".join(f"{a:.1f}–{b:.1f}" for a, b in edges) + " | error |",
        "|---|" + "---|" * (len(edges) + 1),
    ]
    for what, table in _summed(parts).items():
        pairs = table.reshape(BINS // 2, 2, 3).sum(axis=1)
        cells = [
            f"{right / weight:.2f} ({weight / (60 if what == 'chords' else 1):.0f})"
            if weight >= 0.5
            else ""
            for weight, _, right in pairs
        ]
        error = f"{calibration_error(table):.2f}" if table.any() else ""
        lines.append(f"| {WHAT[what]} | " + " | ".join(cells) + f" | {error} |")
    return [*lines, ""]


def draw(parts: list[Any], path: Path) -> None:
    """Draw accuracy over confidence, one small plot each, dots as large as their bins."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tables = _summed(parts)
    if not tables:
        return
    figure, axes = pyplot.subplots(2, 3, figsize=(9, 6.2), sharex=True, sharey=True, dpi=110)
    for axis, (what, table) in zip(axes.flat, tables.items(), strict=False):
        axis.set(title=WHAT[what], xlim=(-0.03, 1.03), ylim=(-0.03, 1.06))
        axis.title.set_fontsize(10)
        if not table.any():
            continue
        error = calibration_error(table)
        if table[:, 0].sum() < _FEW:
            table = table.reshape(BINS // 2, 2, 3).sum(axis=1)
        weight, sure, right = table[table[:, 0] > 0].T
        axis.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", zorder=1)
        axis.plot(sure / weight, right / weight, color="#2b6cb0", linewidth=1.2, zorder=2)
        size = 12 + 260 * weight / weight.sum()
        axis.scatter(
            sure / weight, right / weight, s=size, color="#2b6cb0", edgecolor="white", zorder=3
        )
        axis.grid(alpha=0.25)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        axis.text(
            0.98, 0.04, f"error {error:.2f}", transform=axis.transAxes, ha="right", fontsize=9
        )
    figure.supxlabel("confidence", fontsize=10)
    figure.supylabel("share that is right", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)
