"""How well our pictures follow the music: excerpts with default settings, judged.

    .venv/bin/python benchmarks/reactivity.py                         # writes RESULTS.md
    .venv/bin/python benchmarks/reactivity.py --songs 3 --seconds 30 --size 480p
    .venv/bin/python benchmarks/reactivity.py --data FOLDER --keep FOLDER   # keep the videos

Songs are those of the data folder, if there is one, and synthesized ones. Each is rendered as
`afx render SONG` would, at a small size, and judged by the whole song (in draft quality the
encoder's noise would count as roughness: 0.9 in place of 0.74); the control is the next song (where
that has the same tempo it is no control, and this says so). Two songs are rendered with less and
with no reactivity as well: their correlation has to rise with it. Bars are those of docs/judge.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent))
import results_page  # noqa: E402 - beside this file

DATA = ROOT.parent / "shared" / "data"
KEPT = ROOT / "benchmarks" / "reactivity.json"
CHOSEN = (
    "extra/dance-204/audio.ogg",
    "songs/048/audio.ogg",
    "made:rest",
    "extra/breakbeat-340/audio.ogg",
    "made:demo",
    "extra/waltz-02/audio.ogg",
    "songs/406/audio.ogg",
    "real/loyalists.ogg",
    "songs/227/audio.ogg",
    "real/elvish-theme.ogg",
)
"""With drums and without, 56 to 174 bpm, in this order; the last three have no hits to follow."""
COLUMNS = {
    "correlation": "r*",
    "surety": "z",
    "lag": "lag, ms",
    "beats": "beats F",
    "strokes": "strokes",
    "shared": "RV",
    "swell": "swell",
    "control": "other song, r",
    "dynamics": "loud ÷ quiet",
    "silence": "music ÷ silence",
    "form": "form r",
    "boundaries": "boundaries F",
    "returns": "returns",
    "jumps": "jumps",
    "smoothness": "smooth",
    "flashes": "flashes",
    "pictures": "pictures",
}
"""Measures of the judge, as heads of the table."""
REACTIVITIES = (0.0, 0.5, 1.0)
"""How strongly music takes hold, of the songs in `RISING`: r* has to rise."""
RISING = 2
"""Songs that this is asked of, the first with hits."""
PLACE = 0.35
"""Where in a song an excerpt begins, as a share of what may be left out."""


def _made(name: str, folder: Path) -> Path:
    """Write a synthesized song; ``rest`` has eight seconds of silence in its middle."""
    from music_analysis.synth import SongSpec, demo_song, make_song, write_wav

    path = folder / f"{name}.wav"
    song = demo_song() if name == "demo" else make_song(SongSpec(tempo=94.0, key="A minor", seed=5))
    samples, rate = song.samples, song.sample_rate
    if name == "rest":
        middle = int(round(24 * 60 / 94 * 2) * rate)
        pause = np.zeros((2, 8 * rate), np.float32)
        samples = np.concatenate([samples[:, :middle], pause, samples[:, middle:]], axis=1)
    write_wav(path, samples, rate)
    return path


def songs_of(data: Path, count: int, folder: Path) -> list[tuple[str, Path]]:
    """Return the first songs that there are, with their names."""
    found = []
    for name in CHOSEN:
        if name.startswith("made:"):
            found.append((name.replace(":", " "), _made(name.removeprefix("made:"), folder)))
        elif (data / name).exists():
            found.append((name.removesuffix("/audio.ogg").removesuffix(".ogg"), data / name))
        if len(found) == count:
            break
    return found


def _job(song: Path, told: argparse.Namespace, reactivity: float = 1.0) -> Any:
    """Return the job of rendering an excerpt, with the library's looks."""
    from afx.job import make_job
    from afx.look import load_library
    from music_analysis.audio import load

    length = load(song).duration
    seconds = min(told.seconds, length)
    return make_job(
        song, load_library(), size=told.size, reactivity=reactivity,
        start=round(PLACE * (length - seconds), 1), duration=seconds,
    )  # fmt: skip


def rising(song: Path, folder: Path, told: argparse.Namespace) -> list[float]:
    """Return r* at each of `REACTIVITIES` but the last, which has been measured before."""
    from afx.judge.judging import judge
    from afx.production import render

    found = []
    for reactivity in REACTIVITIES[:-1]:
        target = folder / f"reactivity-{reactivity:g}.mp4"
        render(_job(song, told, reactivity), target)
        found.append(judge(target, song).hits.r)
        target.unlink()
    return found


def measure(name: str, song: Path, control: Path, folder: Path, told: argparse.Namespace) -> Any:
    """Render an excerpt and judge it."""
    from afx.judge.judging import judge
    from afx.judge.verdict import as_json, verdict
    from afx.production import render

    job = _job(song, told)
    target = folder / f"{name.replace('/', '-').replace(' ', '-')}.mp4"
    began = time.process_time()
    made = render(job, target)
    rendered = time.process_time()
    found = judge(target, song, control)
    said = verdict(found)
    if found.control is not None and not found.control.fair:
        print(f"  the control {control} has the tempo of {name}: it counts for nothing")
    whole = as_json(found, said)
    return {
        "song": name,
        "start": job.start,
        "seconds": job.duration,
        "looks": [scene["look"] for scene in made.scenes],
        "verdict": said.sentence,
        "follows": said.follows,
        "rhythmic": found.heard.rhythmic,
        "tempo": found.heard.tempo,
        "links": whole["links"],
        "measures": {
            m.id: {"value": m.value, "shown": m.shown, "bar": m.bar, "met": m.met}
            for m in said.measures
        },
        "cpu": {"render": rendered - began, "judge": time.process_time() - rendered},
    }


def library() -> dict[str, Any]:
    """Measure how different the looks of the library are, each at rest at three moments."""
    from afx.easel import Easel
    from afx.judge.diversity import embed, illumination, vendi
    from afx.look import load_library
    from afx.oklch import oklab_from_display

    easel = Easel(256, 144)
    names, vectors = [], []
    for name, look in load_library().items():
        frames = easel.strip(look, [12.0, 20.0, 28.0], seed=0)
        mean = np.mean([embed(oklab_from_display(rgb / 255.0)) for rgb in frames], axis=0)
        names.append(name)
        vectors.append(mean / np.linalg.norm(mean))
    rows = np.stack(vectors).astype(np.float64)
    cosines = rows @ rows.T - 2 * np.eye(len(rows))
    a, b = np.unravel_index(int(cosines.argmax()), cosines.shape)
    return {
        "looks": len(names),
        "vendi": vendi(rows),
        "illumination": illumination(rows),
        "nearest": [names[a], names[b], float(cosines[a, b])],
    }


def section(kept: dict[str, Any]) -> list[str]:
    """Return the lines of RESULTS.md about reactivity."""
    rows = kept["songs"]
    lines = [
        "## How well pictures follow the music",
        "",
        f"Made by `benchmarks/reactivity.py` at {kept['commit']}: {len(rows)} songs,"
        f" {kept['seconds']:g} seconds of each at {kept['size']}, rendered with default settings"
        " and judged by `afx judge` (docs/judge.md says what each figure is). **Bold** misses its"
        " bar; – does not apply.",
        "",
        f"| song | {' | '.join(COLUMNS.values())} |",
        f"|---|{'---|' * len(COLUMNS)}",
    ]
    bars: dict[str, str] = {}
    for row in rows:
        cells = []
        for name in COLUMNS:
            m = row["measures"].get(name, {"shown": "–", "met": None, "bar": ""})
            if m["bar"]:
                bars.setdefault(name, m["bar"])
            short = m["shown"]
            for unit in ("r ", "z ", "F ", " ms", " ×", " a second"):
                short = short.removeprefix(unit).removesuffix(unit)
            cells.append(f"**{short}**" if m["met"] is False else short)
        lines.append(f"| {row['song']} ({', '.join(row['looks'])}) | {' | '.join(cells)} |")
    lines.append(f"| *bar* | {' | '.join(bars.get(name, '') for name in COLUMNS)} |")
    lines += ["", *_summary(rows), ""]
    steps = " and ".join(f"{r:g}" for r in REACTIVITIES)
    for row in rows:
        if "rising" in row:
            shown = ", ".join(f"{r:.2f}" for r in row["rising"]).replace("-", "−")
            rises = all(a < b for a, b in itertools.pairwise(row["rising"]))
            word = "rises" if rises else "**does not rise**"
            lines.append(f"{row['song']}: r* {word} with `--reactivity` {steps}: {shown}.")
    lines.append("")
    if "library" in kept:
        one, two, cosine = kept["library"]["nearest"]
        lines += [
            f"The library's {kept['library']['looks']} looks are {kept['library']['vendi']:.1f}"
            " different ones in effect (Vendi score of the judge's vectors; ASAL's illumination"
            f" {kept['library']['illumination']:.2f}); nearest to one another are `{one}` and"
            f" `{two}` ({cosine:.2f}).",
            "",
        ]
    return lines


def _summary(rows: list[Any]) -> list[str]:
    rhythmic = [row for row in rows if row["rhythmic"]]
    if not rhythmic:
        return ["No song among them has hits to follow."]

    def median(name: str) -> float:
        values = [r["measures"][name]["value"] for r in rhythmic if name in r["measures"]]
        return float(np.median([v for v in values if v is not None] or [np.nan]))

    met = sum(bool(row["follows"]) for row in rows)
    return [
        f"{met} of {len(rows)} follow by the judge's word. Medians of the {len(rhythmic)} songs"
        f" with hits: r* {median('correlation'):.2f}, z {median('surety'):.1f}, lag"
        f" {median('lag'):+.0f} ms, beats {median('beats'):.2f}, loud ÷ quiet"
        f" {median('dynamics'):.2f}.".replace("-", "−")
    ]


def main() -> None:
    """Render, judge, and write RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--songs", type=int, default=6, help="how many")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each")
    parser.add_argument("--size", default="480p")
    parser.add_argument("--data", type=Path, default=DATA, help="a folder of groups of songs")
    parser.add_argument("--keep", type=Path, help="a folder to keep the videos in")
    parser.add_argument("--print", action="store_true", help="write nothing, only print")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = told.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        songs = songs_of(told.data, max(2, told.songs), folder)
        rows = []
        for k, (title, song) in enumerate(songs[: told.songs]):
            control = songs[(k + 1) % len(songs)][1]
            rows.append(measure(title, song, control, folder, told))
            print(f"{title}: {rows[-1]['verdict']}", flush=True)
        with_hits = [(row, songs[k][1]) for k, row in enumerate(rows) if row["rhythmic"]]
        for row, song in with_hits[:RISING]:
            row["rising"] = [*rising(song, folder, told), row["links"]["hits"]["r"]]
            print(f"{row['song']}: r* {row['rising']}", flush=True)
    kept = {
        "commit": results_page.commit(),
        "seconds": told.seconds,
        "size": told.size,
        "songs": rows,
        "library": library(),
    }
    print("\n".join(section(kept)))
    if not told.print:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        results_page.write()


if __name__ == "__main__":
    main()
