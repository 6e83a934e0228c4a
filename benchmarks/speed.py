"""How fast it is: every figure of RESULTS.md, measured in one run.

    .venv/bin/python benchmarks/speed.py   # all, some ten minutes; writes RESULTS.md
    .venv/bin/python benchmarks/speed.py --only patterns,networks,job,memory,start,listening
    .venv/bin/python benchmarks/speed.py --only listening --peer-python PEERS/bin/python

Figures are the best of several runs, in CPU seconds where one core is meant, so that other work on
the machine disturbs them little. Ratios carry over to other machines; absolute figures do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from afx.job import Job

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent))
import listening  # noqa: E402 - beside this file
import networks  # noqa: E402
import results_page  # noqa: E402
from timing import HEIGHT, WIDTH, best  # noqa: E402


def patterns(results: dict[str, Any]) -> None:
    """Each pattern on one core, against NumPy strips and torch."""
    import torch

    from afx.field.jit import Call, Geometry, Kernel
    from afx.field.tensor import TensorProgram
    from afx.patterns import PATTERNS
    from afx.stage import STAGE_KNOBS, staged
    from numpy_field import NumPyField

    torch.set_num_threads(1)
    rows = []
    for name, pattern in sorted(PATTERNS.items()):
        program = staged(pattern.function)
        os.environ["AFX_CACHE_DIR"] = tempfile.mkdtemp()
        start = time.process_time()
        kernel = Kernel(program)
        compiled = time.process_time() - start
        knobs = {k.name: k.default * (7 if k.kind == "clock" else 1)
                 for k in pattern.knobs + STAGE_KNOBS}  # fmt: skip
        weights = dict(pattern.weights(0)) if pattern.weights else {}
        stride = -(-WIDTH // kernel.tile) * kernel.tile
        call = Call(kernel)
        for output in kernel.module.outputs:
            call.output(output, np.zeros((HEIGHT, stride), np.float32))
        for network, values in weights.items():
            call.weights(network, values)
        call.knobs[:] = [knobs[k] for k in kernel.module.knobs]
        geometry = Geometry.of(WIDTH, HEIGHT)
        ours = best(lambda: call.run(geometry, (0, HEIGHT), (0, WIDTH)), 7, time.process_time)
        # The references are slow: a quarter of the rows, counted four times.
        quarter = HEIGHT // 4
        by_numpy = NumPyField(program)
        numpy_time = 4 * best(
            lambda: by_numpy(WIDTH, quarter, knobs, weights), 1, time.process_time
        )
        tensors = TensorProgram(program)
        x = torch.linspace(-1.7, 1.7, WIDTH)[None, :]
        y = torch.linspace(-1, 1, quarter)[:, None]
        torch_time = 4 * best(
            lambda: tensors(x, y, knobs, pixel=2 / HEIGHT, weights=weights),
            1, time.process_time,
        )  # fmt: skip
        rows.append(
            {
                "pattern": name,
                "family": pattern.family,
                "ms": ours * 1e3,
                "fps": 1 / ours,
                "numpy": numpy_time / ours,
                "torch": torch_time / ours,
                "compile": compiled,
            }
        )
        print(f"  {name:16} {1 / ours:6.0f} fps  {numpy_time / ours:5.1f} × NumPy"
              f"  {torch_time / ours:5.1f} × torch  compile {compiled:.2f} s")  # fmt: skip
    results["patterns"] = rows


def _song(folder: Path, seconds: float) -> Path:
    from music_analysis.synth import demo_song, write_wav

    made = demo_song()
    path = folder / "song.wav"
    samples = made.samples[:, : int(seconds * made.sample_rate)]
    write_wav(path, samples, made.sample_rate)
    return path


def _parts(settings: Job) -> tuple[float, float]:
    """Return CPU seconds a frame of painting alone and of encoding alone, one thread each.

    Ten stretches of neighboring frames, spread over the piece.
    """
    from afx.painter import Painter
    from afx.piece import prepare
    from afx.rehearsal import rehearse
    from afx.video import SegmentWriter, VideoFormat

    piece = prepare(settings, lambda *_: None)
    rehearse(piece.director, *settings.size, safety=settings.safety)
    w, h = settings.size
    painter = Painter(w, h)
    fmt = VideoFormat(w, h, settings.rate, "h264", "standard", settings.encoder)
    length = 20
    planes = np.empty((length, h * 3 // 2, w), np.uint8)
    paint = encode = 0.0
    starts = np.linspace(0, piece.controls.frames - length - 1, 10).astype(int)
    for start in starts:
        begin = time.process_time()
        for i in range(length):
            painter.video(piece.director.picture(int(start) + i), planes[i])
        paint += time.process_time() - begin
        with tempfile.TemporaryDirectory() as name:
            begin = time.process_time()
            with SegmentWriter(Path(name) / "part.mp4", fmt) as writer:
                for frame in planes:
                    writer.write(frame)
            encode += time.process_time() - begin
    return paint / (len(starts) * length), encode / (len(starts) * length)


def job(results: dict[str, Any]) -> None:
    """Measure the whole job on two threads, and what its parts cost alone."""
    from afx.job import make_job
    from afx.look import load_library
    from afx.production import available_threads, render

    library = load_library()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = _song(folder, 40)
        for size, fps, rounds in ((("1280x720"), 30, 3), ("1920x1080", 60, 1)):
            settings = make_job(song, library, size=size, fps=fps, seed=1)
            render(settings.model_copy(update={"duration": 1.0}), folder / "warm.mp4")
            walls, cpus, paints, encodes = [], [], [], []
            for _ in range(rounds):  # in turn, so that the machine's moods meet all of them
                before, begin = time.process_time(), time.perf_counter()
                made = render(settings, folder / "out.mp4")
                walls.append(time.perf_counter() - begin)
                cpus.append(time.process_time() - before)
                paint, encode = _parts(settings)
                paints.append(paint)
                encodes.append(encode)
            wall, cpu, paint, encode = min(walls), min(cpus), min(paints), min(encodes)
            w, h = settings.size
            rows.append(
                {
                    "job": f"{w}×{h} at {fps}",
                    "realtime": made.seconds / wall,
                    "fps": made.frames / made.took["rendering"],
                    "cpu": cpu / made.frames * 1e3,
                    "paint": paint * 1e3,
                    "encode": encode * 1e3,
                    "overhead": cpu / made.frames / (paint + encode),
                    "megabits": (folder / "out.mp4").stat().st_size * 8e-6 / made.seconds,
                    "threads": available_threads(),
                }
            )
            print("  " + json.dumps(rows[-1]))
    results["job"] = rows


_HOUR = """
import sys
from pathlib import Path
from afx.job import make_job
from afx.production import render
from afx.look import load_library

class Enough(Exception): pass
def watch(stage, done, total):
    if stage == "rendering" and done >= 90:
        raise Enough
job = make_job(sys.argv[1], load_library(), size="1280x720", seed=1)
try:
    render(job, sys.argv[2], on_progress=watch)
except Enough:
    pass
# Not getrusage: its figure begins with the parent's.
status = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))
"""


def memory(results: dict[str, Any]) -> None:
    """Peak resident memory of a whole-hour job, up to its first frames at full size."""
    from music_analysis.synth import demo_song, write_wav

    made = demo_song()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in (1, 10, 60):
            song = folder / "long.wav"
            copies = -(-minutes * 60 * made.sample_rate // made.samples.shape[1])
            _write_repeated(song, made.samples, made.sample_rate, copies, write_wav)
            out = subprocess.run(
                [sys.executable, "-c", _HOUR, str(song), str(folder / "out.mp4")],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            rows.append({"minutes": minutes, "mb": float(out.stdout.strip().splitlines()[-1])})
            shutil.rmtree(folder / ".out.mp4.render", ignore_errors=True)
            print(f"  {minutes} min: {rows[-1]['mb']:.0f} MB")
    results["memory"] = rows


def _write_repeated(path: Path, samples: Any, rate: int, copies: int, _write: Any) -> None:
    import wave

    data = (np.clip(samples.T, -1, 1) * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        for _ in range(copies):
            file.writeframes(data)


def start(results: dict[str, Any]) -> None:
    """Start-up: the command's help, and the time to a first frame beyond the analysis."""
    afx = Path(sys.executable).parent / "afx"
    help_time = best(
        lambda: subprocess.run([afx, "--help"], capture_output=True, check=True), 5,
        time.perf_counter,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        song = _song(Path(name), 20)
        from music_analysis.audio import load
        from music_analysis.features import extract

        extract(load(song), Fraction(30))
        listening = best(lambda: extract(load(song), Fraction(30)), 2, time.perf_counter)
        still = Path(name) / "still.png"
        first = best(
            lambda: subprocess.run(
                [afx, "frame", song, "--at", "5", "-o", still], capture_output=True, check=True
            ),
            3, time.perf_counter,
        )  # fmt: skip
    results["start"] = {"help": help_time, "first": first - listening}
    print(f"  help {help_time:.2f} s, first frame {first - listening:.2f} s after the analysis")


def machine() -> str:
    """Describe the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = next(
            x.split(":")[1].strip() for x in text.splitlines() if x.startswith("model name")
        )
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    from afx.field.jit import vector_width

    return f"{name}, {os.cpu_count()} cores, {vector_width()}-bit vectors"


def page(results: dict[str, Any]) -> str:
    """Return RESULTS.md."""
    commits = results.get("commits", {})
    measured = "; ".join(f"{p} at {commits.get(p, 'unknown')}" for p in PARTS if p in results)
    lines = [
        "# Results",
        "",
        f"Made by `benchmarks/speed.py` on {platform.system()}, {machine()}, Python"
        f" {platform.python_version()}. Commits: {measured}. The machine is shared: in a busy"
        " minute figures a core were a third lower, with the same ratios. Frames are 1280×720"
        " unless stated.",
        "",
    ]
    if "patterns" in results:
        lines += [
            "## Patterns, one core",
            "",
            "The bars: 60 frames a second, 5 × NumPy strips, 10 × torch (eager, one thread), 0.5 s"
            " to compile. Networks have a bar of their own below.",
            "",
            "| pattern | family | frames/s | ms | × NumPy | × torch | compile (CPU s) |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| `{r['pattern']}` | {r['family']} | {r['fps']:.0f} | {r['ms']:.1f}"
            f" | {r['numpy']:.1f} | {r['torch']:.1f} | {r['compile']:.2f} |"
            for r in results["patterns"]
        ]
        lines.append("")
    if "networks" in results:
        lines += networks.section(results)
    if "job" in results:
        lines += [
            "## The whole job, default looks, standard quality",
            "",
            "From the song to the finished MP4: decoding, analysis, rehearsal, painting, encoding,"
            " screening, joining. CPU is a frame's share of everything; overhead is CPU over"
            " painting alone plus encoding alone.",
            "",
            "| video | threads | × realtime | frames/s | CPU ms | paint ms | encode ms | overhead"
            " | Mb/s |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {r['job']} | {r['threads']} | {r['realtime']:.2f} | {r['fps']:.0f} | {r['cpu']:.1f}"
            f" | {r['paint']:.1f} | {r['encode']:.1f} | {r['overhead']:.2f} | {r['megabits']:.1f} |"
            for r in results["job"]
        ]
        lines.append("")
    if "memory" in results:
        lines += ["## Memory", "", "| song | peak resident memory |", "|---|---|"]
        lines += [f"| {r['minutes']} min | {r['mb']:.0f} MB |" for r in results["memory"]]
        lines.append("")
    if "start" in results:
        s = results["start"]
        lines += [
            "## Starting",
            "",
            f"`afx --help` takes {s['help']:.2f} s; a first 720p frame is there {s['first']:.2f} s"
            " after the analysis, process start included.",
            "",
        ]
    if "listening" in results:
        lines += listening.section(results["listening"])
    return "\n".join(lines)


PARTS = {
    "patterns": patterns,
    "networks": networks.measure,
    "job": job,
    "memory": memory,
    "start": start,
    "listening": listening.listening,
}


def main() -> None:
    """Measure and write RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--peer-python", help="a Python with librosa to compare with")
    told = parser.parse_args()
    chosen = told.only.split(",")
    parts = PARTS | {"listening": partial(listening.listening, peer_python=told.peer_python)}
    kept = ROOT / "benchmarks" / "speed.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for part in chosen:
        print(part)
        parts[part](results)
        results.setdefault("commits", {})[part] = results_page.commit()
        kept.write_text(json.dumps(results, indent=1) + "\n")
    results_page.write()
    print(f"peak memory of this run: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")


if __name__ == "__main__":
    main()
