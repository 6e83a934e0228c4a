"""What listening to a song costs: CPU seconds, memory, and what is imported on the way.

A part of ``benchmarks/speed.py``. The song is six minutes long, made by the song generator and
encoded as MP3 at 192 kb/s; the two-hour mix is the same packets over and over. Everything is
measured in processes of their own, one thread each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 360
MIX_HOURS = 2
BARS = {"warm": 1.5, "cold": 3.0, "pictures": 3.0, "mb": 400.0}
FORBIDDEN = ("librosa", "numba", "torch")

_WARM = """
import json, sys, time
from music_analysis import analysis, chords, harmony, key, mood, structure, tempo
from music_analysis.audio import load
from music_analysis.song_spectra import measure_song

def timed(name, work, times=3):
    best = None
    for _ in range(times):
        begin = time.process_time()
        made = work()
        took = time.process_time() - begin
        best = took if best is None else min(best, took)
    stages[name] = best
    return made

stages = {}
audio = load(sys.argv[1])
analysis.analyze(audio, cache=False)
whole = timed("whole", lambda: analysis.analyze(audio, cache=False), 4)
def decode():
    for _ in audio.blocks(sample_rate=44100, channels=2): pass
timed("decode", decode)
s = timed("spectra", lambda: measure_song(audio))
stages["spectra"] -= stages["decode"]
t = timed("tempo", lambda: tempo.estimate(s))
c = timed("chords", lambda: chords.estimate(s, t))
k = timed("key", lambda: key.estimate(s, t, c))
timed("structure", lambda: structure.estimate(s, t, c))
timed("mood", lambda: mood.estimate(s, t, k))
print(json.dumps(stages))
"""

_WATCHED = """
import atexit, json, os, runpy, sys
out = sys.argv[1]
def tell():
    status = open("/proc/self/status").read().splitlines()
    peak = next(int(x.split()[1]) / 1024 for x in status if x.startswith("VmHWM"))
    # soon after exec VmHWM is the child's own; getrusage's begins with the parent's
    loaded = sorted({name.split(".")[0] for name in sys.modules})
    with open(out, "w") as file:
        json.dump({"mb": peak, "modules": loaded}, file)
atexit.register(tell)
sys.argv[:] = sys.argv[2:]
if sys.argv[0] == "afx":
    from afx.cli import main
    sys.exit(main())
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def listening(results: dict[str, Any], peer_python: str | None = None) -> None:
    """Measure the analysis warm, cold as commands, with pictures, its memory, and its stages."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    row: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = make_mp3(folder / "song.mp3")
        done = subprocess.run(
            [sys.executable, "-c", _WARM, str(song)], env=env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        row["stages"] = json.loads(done.stdout.splitlines()[-1])
        row["warm"] = row["stages"].pop("whole")
        print(f"  warm {row['warm']:.2f} s: {row['stages']}")
        afx = str(Path(sys.executable).parent / "afx")
        commands = {
            "analyze_chords": [sys.executable, "-m", "music_analysis.cli.analyze_chords"],
            "afx analyze": [afx, "analyze"],
        }
        row["cold"] = {}
        for label, command in commands.items():
            quiet = [*command, str(song), "--json", "--no-cache"]
            row["cold"][label] = min(cpu_of(quiet, env, folder) for _ in range(3))
            print(f"  {label}, cold: {row['cold'][label]:.2f} s")
        shown = [afx, "analyze", str(song), "--no-cache", "--overwrite", "-o", str(folder / "out")]
        whole = min(cpu_of(shown, env, folder) for _ in range(2))
        row["pictures"] = whole - row["cold"]["afx analyze"]
        print(f"  PNG and HTML on top: {row['pictures']:.2f} s")
        one = watched(["music_analysis.cli.analyze_chords", str(song), "--json", "--no-cache"],
                      env, folder)  # fmt: skip
        row["mb"] = one["mb"]
        drawn = watched(["afx", *shown[1:]], env, folder)
        row["mb pictures"] = drawn["mb"]
        row["forbidden"] = sorted(set(FORBIDDEN) & {*one["modules"], *drawn["modules"]})
        row["modules"] = len(one["modules"])
        mix = repeat_mp3(song, folder / "mix.mp3", MIX_HOURS * 3600 // SECONDS)
        long = ["afx", "analyze", str(mix), "--json", "--no-cache"]
        row["mb mix"] = watched(long, env, folder)["mb"]
        print(f"  memory {row['mb']:.0f} MB, with pictures {row['mb pictures']:.0f} MB,"
              f" {MIX_HOURS} h {row['mb mix']:.0f} MB; imported: {row['forbidden']}")  # fmt: skip
        if peer_python:
            row["librosa"] = _librosa(peer_python, song, folder, env)
            print(f"  librosa {row['librosa']}")
        elif "librosa" in results.get("listening", {}):
            row["librosa"] = results["listening"]["librosa"]
    results["listening"] = row


def cpu_of(command: list[str], env: dict[str, str], folder: Path) -> float:
    """Run a command and return its user and system seconds, children included."""
    begin = os.times()
    subprocess.run(command, env=env, check=True, capture_output=True, cwd=folder)
    end = os.times()
    return (
        end.children_user - begin.children_user + end.children_system - begin.children_system
    )  # fmt: skip


def watched(command: list[str], env: dict[str, str], folder: Path) -> dict[str, Any]:
    """Run a command of ours and return its peak memory (MB) and the packages it imported."""
    told = folder / "told.json"
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, str(told), *command], env=env, cwd=folder,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(told.read_text())
    return found


def _librosa(python: str, song: Path, folder: Path, env: dict[str, str]) -> dict[str, float]:
    """CPU seconds of librosa's calls for the same song, the first time and once warm."""
    script = ROOT / "benchmarks" / "peers" / "librosa_peer.py"
    outs = [folder / "first.json", folder / "second.json"]
    pairs = [text for out in outs for text in (str(song), str(out))]
    subprocess.run([python, str(script), *pairs], env=env, check=True, capture_output=True)
    first, second = (json.loads(out.read_text())["seconds"]["all"] for out in outs)
    return {"first": first, "warm": second}


def make_mp3(path: Path) -> Path:
    """Compose three minutes, and encode them twice in a row."""
    from music_analysis.synth import SongSpec, make_song

    form = (("intro", 9), *(("verse", 8), ("chorus", 8), ("breakdown", 8)) * 3, ("outro", 12))
    made = make_song(SongSpec(tempo=124.0, key="A minor", sections=form))
    count = SECONDS * made.sample_rate
    samples = np.tile(made.samples, 2)[:, :count]
    assert samples.shape[1] == count
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=made.sample_rate, layout="stereo")
        stream.bit_rate = 192_000
        for at in range(0, count, 1152 * 64):
            block = np.ascontiguousarray(samples[:, at : at + 1152 * 64])
            frame = av.AudioFrame.from_ndarray(block, "fltp", "stereo")
            frame.sample_rate, frame.pts = made.sample_rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def repeat_mp3(song: Path, path: Path, times: int) -> Path:
    """Write the packets of an MP3 over and over."""
    with av.open(str(path), "w") as out:
        stream = None
        shift = 0
        for _ in range(times):
            last = shift
            with av.open(str(song)) as container:
                source = container.streams.audio[0]
                if stream is None:
                    stream = out.add_stream_from_template(source)
                for packet in container.demux(source):
                    if packet.pts is None or packet.size == 0:
                        continue
                    last = shift + packet.pts + (packet.duration or 0)
                    packet.pts = packet.dts = shift + packet.pts
                    packet.stream = stream
                    out.mux(packet)
            shift = last
    return path


def section(row: dict[str, Any]) -> list[str]:
    """Return the lines of RESULTS.md about the cost of listening."""

    def against(value: float, bar: float) -> str:
        return f"{value:.2f} | {bar:.1f} | {'met' if value <= bar else '**not met**'}"

    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in row["stages"].items())
    lines = [
        "## Listening, a six-minute MP3, one thread",
        "",
        "| what | CPU seconds | bar | |",
        "|---|---|---|---|",
        f"| the whole analysis, warm | {against(row['warm'], BARS['warm'])} |",
    ]
    lines += [
        f"| `{label} --json`, cold, imports included | {against(seconds, BARS['cold'])} |"
        for label, seconds in row["cold"].items()
    ]
    lines += [
        f"| PNG and HTML on top | {against(row['pictures'], BARS['pictures'])} |",
        "",
        f"Stages of the warm analysis, alone: {stages}. Peak memory: {row['mb']:.0f} MB,"
        f" {row['mb pictures']:.0f} MB with PNG and HTML (bar: {BARS['mb']:.0f});"
        f" {row['mb mix']:.0f} MB for a mix of {MIX_HOURS} hours. Of {', '.join(FORBIDDEN)} it"
        f" imports {', '.join(row['forbidden']) or 'nothing'}.",
        "",
    ]
    if "librosa" in row:
        peer = row["librosa"]
        lines += [
            f"librosa's calls for tempo, key, chords and sections of the same file:"
            f" {peer['warm']:.1f} s warm, {peer['first']:.1f} s the first time in a process:"
            f" {peer['warm'] / row['warm']:.1f} and"
            f" {peer['first'] / row['cold']['analyze_chords']:.1f} times ours.",
            "",
        ]
    return lines
