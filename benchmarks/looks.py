"""The library's looks: what a frame of each costs, and whether every one of its pictures is good.

    .venv/bin/python benchmarks/looks.py                     # writes looks.json and RESULTS.md
    .venv/bin/python benchmarks/looks.py --looks satin dahlia --print

Pictures: twelve moments of six synthesized songs, 72 a look at 1280x720, each inside the bands of
`afx.gates`; of two songs for looks with a memory, which must go through every frame. Cost: CPU time
of whole frames on one core, state and field to 4:2:0, in a loud part; and the CPU time that a
longer video takes more than a shorter one, rehearsal and encoding included: what a song's every
second costs. (Other work on the machine changes CPU time less than the time of day.)
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent))
import results_page  # noqa: E402 - beside this file
from timing import HEIGHT, WIDTH  # noqa: E402

KEPT = ROOT / "benchmarks" / "looks.json"
MOMENTS = 12
SHORT, LONG = 1.0, 7.0
"""Seconds of the two videos that are made of each look."""
CORES = 2
"""Of the laptop that is spoken of."""
FRAMES = 24
SONGS: tuple[dict[str, Any], ...] = (
    {"tempo": 126.0, "key": "F minor", "seed": 1},
    {"tempo": 72.0, "key": "D major", "seed": 2,
     "sections": (("intro", 4), ("breakdown", 4), ("verse", 4), ("outro", 2))},
    {"tempo": 174.0, "key": "A minor", "seed": 3},
    {"tempo": 96.0, "key": "G major", "seed": 4, "swing": 0.3},
    {"tempo": 140.0, "key": "C# minor", "seed": 5,
     "sections": (("chorus", 8), ("breakdown", 2), ("chorus", 8))},
    {"tempo": 84.0, "key": "Bb major", "seed": 6, "meter": 3,
     "sections": (("intro", 4), ("verse", 8), ("outro", 4))},
)  # fmt: skip
"""Six songs unlike one another: fast and slow, major and minor, full and thin."""
REMEMBERED = 2
"""How many of them for a look with a memory, whose every frame takes all before it."""


def songs(folder: Path) -> list[Path]:
    """Write the songs."""
    from music_analysis.synth import SongSpec, make_song, write_wav

    found = []
    for index, spec in enumerate(SONGS):
        form = {"sections": (("intro", 2), ("verse", 4), ("chorus", 6), ("breakdown", 2)), **spec}
        made = make_song(SongSpec(**form, sample_rate=22_050))
        found.append(folder / f"song-{index}.wav")
        write_wav(found[-1], made.samples, made.sample_rate)
    return found


def pictures(name: str, look: Any, made: list[Path]) -> list[str]:
    """Return what is wrong with a look's pictures, a line each."""
    from afx import gates
    from afx.job import make_job
    from afx.painter import Painter
    from afx.patterns import PATTERNS
    from afx.piece import prepare

    painter, found = Painter(WIDTH, HEIGHT), []
    drawn = [look.pattern, *([look.ink.pattern] if look.ink else [])]
    if any(PATTERNS[p].simulation is not None for p in drawn):
        made = made[:REMEMBERED]
    bands = gates.bands([*drawn, *(PATTERNS[p].family for p in drawn)])
    for song in made:
        piece = prepare(make_job(song, {name: look}, seed=1), lambda *_: None)
        last = piece.controls.frames - 1
        for share in (np.arange(MOMENTS) + 0.5) / MOMENTS:
            frame = int(share * last)
            measures = gates.measure(painter.rgb(piece.director.picture(frame)))
            for gate, (low, high) in bands.items():
                value = getattr(measures, gate)
                if not low <= value <= high:
                    at = frame / float(piece.controls.fps)
                    found.append(f"{song.stem} {at:.1f} s: {gate} {value:.3g}")
    return found


def cost(name: str, look: Any, song: Path, folder: Path) -> dict[str, float]:
    """Return milliseconds of one core a frame, and how fast a video is made of it."""
    from afx.job import make_job
    from afx.painter import Painter
    from afx.piece import prepare
    from afx.production import render

    piece = prepare(make_job(song, {name: look}, seed=1), lambda *_: None)
    painter = Painter(WIDTH, HEIGHT)
    out = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    first = piece.controls.frames // 2
    painter.video(piece.director.picture(first), out)
    best = []
    for _ in range(3):
        begin = time.process_time()
        for frame in range(first + 1, first + 1 + FRAMES):
            painter.video(piece.director.picture(frame), out)
        best.append((time.process_time() - begin) / FRAMES)
        first += FRAMES
    took = []
    for seconds in (SHORT, LONG):
        began = sum(os.times()[:4])
        render(make_job(song, {name: look}, seed=1, duration=seconds), folder / f"{name}.mp4")
        took.append(sum(os.times()[:4]) - began)
        (folder / f"{name}.mp4").unlink()
    return {"ms": 1000 * min(best), "realtime": CORES * (LONG - SHORT) / (took[1] - took[0])}


def section(kept: dict[str, Any]) -> list[str]:
    """Return the lines of RESULTS.md about looks."""
    rows = kept["looks"]
    timed = {n: r for n, r in rows.items() if r["ms"]}
    slow = {n: r["realtime"] for n, r in timed.items() if r["realtime"] < 1.0}
    bad = {n: r["wrong"] for n, r in rows.items() if r["wrong"]}
    shown = MOMENTS * len(SONGS)
    costs = ""
    if timed:
        times = sorted(r["ms"] for r in timed.values())
        speeds = sorted(r["realtime"] for r in timed.values())
        late = f"Slower than realtime: {', '.join(sorted(slow))}." if slow else ""
        costs = (
            f" A frame costs {times[0]:.0f} to {times[-1]:.0f} ms of one core (median"
            f" {np.median(times):.0f}). By CPU time, with rehearsal and encoding, {CORES} cores"
            f" make {speeds[0]:.1f} to {speeds[-1]:.1f} s of video a second in standard quality."
            f" {late or 'None is slower than realtime.'}"
        )
    lines = [
        "## Looks",
        "",
        f"Made by `benchmarks/looks.py` at {kept['commit']}: {len(rows)} looks.{costs}",
        "",
        f"Of {shown} pictures of each look (twelve moments of six synthesized songs; two songs for"
        " looks with a memory)"
        f" {'all are' if not bad else 'not all are'} inside the image bands"
        + ("." if not bad else ": " + "; ".join(
            f"`{n}` {len({w.rsplit(':', 1)[0] for w in wrong})} outside"
            f" ({', '.join(sorted({w.split(': ')[1].split()[0] for w in wrong}))})"
            for n, wrong in sorted(bad.items())) + "."),
        "",
    ]  # fmt: skip
    if timed:
        lines += ["| look | ms a frame | × realtime |", "|---|---|---|"]
        for n, r in sorted(timed.items()):
            lines.append(f"| `{n}` | {r['ms']:.1f} | {r['realtime']:.2f} |")
        lines.append("")
    return lines


def main() -> None:
    """Measure, and write RESULTS.md."""
    from afx.look import load_library

    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--looks", nargs="*", help="only these")
    parser.add_argument("--part", choices=("all", "pictures", "cost"), default="all")
    parser.add_argument("--print", action="store_true", help="write nothing, only print")
    told = parser.parse_args()
    library = load_library()
    chosen = {n: library[n] for n in told.looks or library}
    rows: dict[str, Any] = {}
    if KEPT.exists():
        before = json.loads(KEPT.read_text(encoding="utf-8"))["looks"]
        rows = {n: row for n, row in before.items() if n in library}
    with tempfile.TemporaryDirectory() as name:
        made = songs(Path(name))
        for look in chosen:
            row = rows.get(look, {"ms": 0.0, "realtime": 0.0, "wrong": []})
            if told.part != "cost":
                row = {**row, "wrong": pictures(look, chosen[look], made)}
            if told.part != "pictures":
                row = {**row, **cost(look, chosen[look], made[0], Path(name))}
            rows[look] = row
            print(f"{look:18} {row['ms']:5.1f} ms  {row['realtime']:.2f} ×  "
                  f"{'; '.join(row['wrong'][:4])}{' …' if len(row['wrong']) > 4 else ''}",
                  flush=True)  # fmt: skip
    if told.print:
        return
    kept = {"commit": results_page.commit(), "looks": rows}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    results_page.write()


if __name__ == "__main__":
    main()
