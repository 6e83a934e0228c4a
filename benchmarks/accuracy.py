"""How right the analysis is: songs with ground truth, scored beside other programs.

    .venv/bin/python benchmarks/accuracy.py --data FOLDER             # songs and extra; RESULTS.md
    .venv/bin/python benchmarks/accuracy.py --data FOLDER --groups held --jobs 2
    .venv/bin/python benchmarks/accuracy.py --peers librosa essentia --peer-python PEERS/bin/python

FOLDER holds groups of songs, ``GROUP/ID/audio.*`` with ``GROUP/ID/ref.json`` beside it. Peers are
run by the Python that has them, each by its script in ``benchmarks/peers``; what they say is kept
(``--estimates``), for they do not change. Means over songs have 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import reliability
import results_page
import scoring

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "benchmarks" / "accuracy.json"
DATA = ROOT.parent / "shared" / "data"
OURS = "ours"

BARS: dict[str, float] = {
    "tempo Acc1": 0.80,
    "tempo Acc2": 0.98,
    "tempo reported": 0.98,
    "beat F": 0.92,
    "beat AMLt": 0.98,
    "downbeat F": 0.92,
    "key MIREX": 0.93,
    "chords majmin": 0.93,
    "chords sevenths": 0.87,
    "chords seg": 0.90,
    "sections F@0.5": 0.45,
    "sections F@3": 0.70,
    "sections pairwise": 0.68,
}
"""What is aimed at in each group; measures without a bar are told, not judged."""

PEERS = {
    "librosa": "librosa 0.11: beat_track, Krumhansl's profiles, triad templates, agglomerative"
    " sections",
    "essentia": "essentia 2.1b6: RhythmExtractor2013 multifeature, KeyExtractor bgate,"
    " ChordsDetection, SBic",
    "madmom": "madmom 0.16.1: its pretrained networks (CC BY-NC-SA 4.0: not for commercial use) for"
    " beats, bars, key and (deep chroma) chords",
    "crema": "CREMA 0.2: its pretrained chord network",
}

CITED: dict[str, dict[str, dict[str, float]]] = {
    "songs": {
        "crema": {
            "chords root": 0.901,
            "chords majmin": 0.893,
            "chords sevenths": 0.830,
            "chords seg": 0.855,
        }
    },
    "extra": {
        "crema": {
            "chords root": 0.912,
            "chords majmin": 0.905,
            "chords sevenths": 0.819,
            "chords seg": 0.797,
        }
    },
}
"""Figures from the notes of this project, of the same songs and measures; shown until a peer was
run here (``--peers crema``)."""
_CITED_NOTE = (
    "Columns with `cited` are from this project's notes, of the same songs and measures, where"
    " the peer was not run to the end here. madmom (its pretrained networks), there on 60-second"
    " excerpts of eight of the songs: beat F .875, AMLt .997, downbeat F .875, key .787"
)

_NAMES = {"songs": "Songs", "extra": "Dance, breakbeat, waltz and 6/8", "held": "Held-out songs"}


def songs_of(data: Path, group: str) -> list[tuple[str, Path, dict[str, Any]]]:
    """Return name, sound file and reference of every song of a group."""
    found = []
    for ref in sorted((data / group).glob("*/ref.json")):
        sound = next(iter(sorted(ref.parent.glob("audio.*"))), None)
        if sound is not None:
            found.append((ref.parent.name, sound, json.loads(ref.read_text(encoding="utf-8"))))
    if not found:
        sys.exit(f"accuracy: no songs in {data / group}: give --data a folder of groups of songs")
    return found


def estimate_of(made: Any) -> dict[str, Any]:
    """Return what an Analysis says, in the layout of analysis.json, confidences included."""
    tempo, key = made.tempo, made.key
    return {
        "tempo": {
            "bpm": tempo.bpm,
            "alternatives": [{"bpm": a.bpm, "strength": a.strength} for a in tempo.alternatives],
            "confidence": tempo.confidence,
            "beat_confidence": tempo.beat_confidence,
            "meter_confidence": tempo.meter_confidence,
            "time_signature": tempo.time_signature,
        },
        "beats": [float(t) for t in tempo.beats],
        "downbeats": [float(t) for t in tempo.downbeats],
        "key": {"label": key.label, "confidence": key.confidence},
        "chords": [
            {"start": c.start, "end": c.end, "label": c.label, "confidence": c.confidence}
            for c in made.chords.segments
        ],
        "sections": [
            {"start": s.start, "end": s.end, "label": s.label, "confidence": s.confidence}
            for s in made.structure.sections
        ],
    }


def listen(sound: str) -> dict[str, Any]:
    """Analyze one file with ours; the CPU seconds count from the file to the Analysis."""
    from music_analysis.analysis import analyze
    from music_analysis.audio import load

    begin = time.process_time()
    made = analyze(load(sound), cache=False)
    took = time.process_time() - begin
    return estimate_of(made) | {"seconds": {"all": took}}


def _one_thread() -> None:
    warnings.filterwarnings("ignore", category=UserWarning, module="mir_eval")


def ours(group: str, songs: list[tuple[str, Path, Any]], kept: Path, jobs: int) -> None:
    """Analyze every song, in ``jobs`` processes, and keep what was said."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        said = pool.map(listen, [str(sound) for _, sound, _ in songs])
        for (name, _, _), estimate in zip(songs, said, strict=True):
            _write(kept / OURS / group / f"{name}.json", estimate)


def peer(
    name: str, group: str, songs: list[tuple[str, Path, Any]], kept: Path, python: str | None
) -> None:
    """Run a peer over the songs that it has not heard yet."""
    missing = [(s, kept / name / group / f"{s[0]}.json") for s in songs]
    missing = [(s, out) for s, out in missing if not out.exists()]
    if not missing:
        return
    if python is None:
        print(f"  {name}: {len(missing)} songs are missing and there is no --peer-python for it")
        return
    (kept / name / group).mkdir(parents=True, exist_ok=True)
    script = ROOT / "benchmarks" / "peers" / f"{name}_peer.py"
    pairs = [text for (_, sound, _), out in missing for text in (str(sound), str(out))]
    done = subprocess.run([python, str(script), *pairs], env=_quiet(), check=False)
    if done.returncode:
        print(f"  {name}: ended with code {done.returncode}; what it finished is used")


def _quiet() -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return os.environ | dict.fromkeys(threads, "1")


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def judged(name: str, songs: list[tuple[str, Path, Any]], folder: Path) -> dict[str, Any] | None:
    """Score what is kept of one tool in one group; None if that is nothing."""
    estimates = {}
    for song, _, _ in songs:
        path = folder / f"{song}.json"
        if path.exists():
            estimates[song] = json.loads(path.read_text(encoding="utf-8"))
    if not estimates:
        return None
    references = {song: ref for song, _, ref in songs}
    if name == OURS:  # a song of ours that is missing is a wrong answer
        estimates = {song: estimates.get(song, {}) for song in references}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mir_eval warns of empty lists, which score zero
        scores = {song: scoring.score(references[song], est) for song, est in estimates.items()}
    parts = scoring.given(estimates.values())
    minutes = sum(references[song]["duration"] for song in estimates) / 60
    seconds = [est.get("seconds", {}).get("all") for est in estimates.values()]
    run: dict[str, Any] = {
        "commit": results_page.commit(),
        "date": datetime.date.today().isoformat(),
        "engine": next((e["engine"] for e in estimates.values() if "engine" in e), "this package"),
        "of": len(songs),
        "parts": sorted(parts),
        "seconds a minute": None if None in seconds else round(sum(seconds) / minutes, 4),
        "songs": {
            song: {m: None if math.isnan(v) else round(v, 4) for m, v in row.items()}
            for song, row in scores.items()
        },
    }
    if name == OURS:
        run["reliability"] = reliability.measured(
            [(references[song], est, scores[song]) for song, est in estimates.items()]
        )
    return run


def means(run: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Return mean and interval of every measure of the parts that a tool does."""
    found = {}
    for part, names in scoring.MEASURES.items():
        for name in names if part in run["parts"] else ():
            values = [row[name] for row in run["songs"].values()]
            found[name] = scoring.mean_and_interval([math.nan if v is None else v for v in values])
    return found


def short(value: float) -> str:
    """Write a share as the literature does: .873, 1.00."""
    return f"{value:.2f}" if value >= 0.9995 else f"{value:.3f}"[1:]


def section(kept: dict[str, Any]) -> list[str]:
    """Return the lines of RESULTS.md about accuracy."""
    lines = [
        "## Listening accuracy",
        "",
        "Made by `benchmarks/accuracy.py`: songs with exact ground truth (rendered from MIDI by"
        " several sound fonts, no voices), scored by mir_eval. In brackets: 95 % bootstrap interval"
        " of the mean over songs. Beats are compared from 5 s on within 70 ms; tempo within 4 %"
        " (Acc2: also its double, half, triple and third); sections with the nearer of two"
        " annotators. Peers run on whole songs at their defaults; where a choice had to be made"
        " (chords of essentia, sections of librosa), with the best of a dozen settings tried.",
        "",
        *(f"* {text}." for name, text in PEERS.items() if _has(kept, name)),
        f"* {_CITED_NOTE}.",
        "",
    ]
    for group, runs in kept.get("runs", {}).items():
        cited = {n: row for n, row in CITED.get(group, {}).items() if n not in runs}
        lines += _table(group, runs, cited)
    lines += reliability.section(
        [r[OURS]["reliability"] for r in kept.get("runs", {}).values() if OURS in r]
    )
    return lines


def _has(kept: dict[str, Any], name: str) -> bool:
    return any(name in runs for runs in kept.get("runs", {}).values())


def _table(group: str, runs: dict[str, Any], cited: dict[str, Any]) -> list[str]:
    runs = {name: runs[name] for name in (OURS, *PEERS) if name in runs}
    columns = {name: means(run) for name, run in runs.items()}
    count = max(run["of"] for run in runs.values())
    heads = [
        name if len(runs[name]["songs"]) == count else f"{name} ({len(runs[name]['songs'])} songs)"
        for name in columns
    ]
    heads += [f"{name}, cited" for name in cited]
    lines = [
        f"### {_NAMES.get(group, group)} (`{group}`, n = {count})",
        "",
        "| measure | bar | " + " | ".join(heads) + " | |",
        "|---|---|" + "---|" * (len(heads) + 1),
    ]
    met = []
    for names in scoring.MEASURES.values():
        for name in names:
            cells = [
                f"{short(c[name][0])} ({short(c[name][1])}–{short(c[name][2])})"
                if name in c and tool == OURS
                else short(c[name][0]) if name in c else ""
                for tool, c in columns.items()
            ]  # fmt: skip
            cells += [short(c[name]) if name in c else "" for c in cited.values()]
            bar, said = BARS.get(name), ""
            if bar is not None and name in columns.get(OURS, {}):
                reached = columns[OURS][name][0] >= bar
                met.append(reached)
                said = "met" if reached else "**not met**"
            bar_text = "" if bar is None else short(bar)
            lines.append(f"| {name} | {bar_text} | " + " | ".join(cells) + f" | {said} |")
    costs = [runs[name].get("seconds a minute") for name in columns]
    lines.append(
        "| CPU s for 6 min of sound | | "
        + " | ".join("" if c is None else f"{6 * c:.1f}" for c in costs)
        + " | " * len(cited) + " | |"
    )  # fmt: skip
    dates = "; ".join(f"{n} on {r['date']} at {r['commit']}" for n, r in runs.items() if n == OURS)
    lines += ["", f"{sum(met)} of {len(met)} bars are met. Measured: {dates}."]
    return [*lines, ""]


def main() -> None:
    """Listen, score, keep, and write RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of groups of songs")
    parser.add_argument("--groups", nargs="+", default=["songs", "extra"])
    parser.add_argument("--peers", nargs="*", default=[], choices=PEERS, help="score these as well")
    parser.add_argument("--peer-python", nargs="+", default=[], metavar="[NAME=]PYTHON",
                        help="the Python that has the peers, or NAME=PYTHON")  # fmt: skip
    parser.add_argument("--only-peers", action="store_true", help="leave our own figures as kept")
    parser.add_argument("--as-kept", action="store_true", help="score what ours said last time")
    parser.add_argument("--jobs", type=int, default=1, help="processes for ours")
    parser.add_argument("--estimates", type=Path, metavar="FOLDER",
                        default=Path(tempfile.gettempdir()) / "listening-estimates",
                        help="where what was said of each song is kept")  # fmt: skip
    told = parser.parse_args()
    pythons = dict(p.split("=", 1) if "=" in p else ("", p) for p in told.peer_python)
    _one_thread()
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    for group in told.groups:
        songs = songs_of(told.data, group)
        print(f"{group}: {len(songs)} songs")
        if not (told.only_peers or told.as_kept):
            ours(group, songs, told.estimates, told.jobs)
        for name in told.peers:
            peer(name, group, songs, told.estimates, pythons.get(name, pythons.get("")))
        for name in ([] if told.only_peers else [OURS]) + told.peers:
            run = judged(name, songs, told.estimates / name / group)
            if run is None:
                continue
            kept.setdefault("runs", {}).setdefault(group, {})[name] = run
            for measure, (mean, low, high) in means(run).items():
                bar = BARS.get(measure)
                verdict = "" if bar is None else "  met" if mean >= bar else f"  below {bar}"
                print(f"  {name:9} {measure:18} {mean:.3f} ({low:.3f} to {high:.3f}){verdict}")
        KEPT.write_text(_packed(kept), encoding="utf-8")
    figure = ROOT / "docs" / "reliability.png"
    runs = kept.get("runs", {}).values()  # none, if nothing could be run
    reliability.draw([r[OURS]["reliability"] for r in runs if OURS in r], figure)
    results_page.write()


def _packed(kept: dict[str, Any]) -> str:
    """Write JSON with one line for a song, so that a change of one can be seen."""
    text = json.dumps(kept, indent=1)
    out: list[str] = []
    deep = 0
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if deep and indent > deep:
            out[-1] += line.strip() + " "
            continue
        if deep:
            out[-1] = out[-1].rstrip() + line.strip()
            deep = 0
            continue
        out.append(line)
        if indent >= 5 and line.rstrip().endswith(("{", "[")):
            deep = indent
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
