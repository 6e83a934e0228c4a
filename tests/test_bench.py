"""The profiler: its arithmetic, its plans, its advice, and what it writes."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import afx.bench.fields as fields
from afx import profile
from afx.bench import network, tables
from afx.bench.advice import advise, gain
from afx.bench.chart import Line, _steps, line_chart
from afx.bench.encode import EncodeBench, EncodePlan, EncodeRow
from afx.bench.field_rows import FieldPlan, FieldRow, Peak
from afx.bench.fields import FieldBench
from afx.bench.files import files_for, write
from afx.bench.frames import plain_picture, sample
from afx.bench.network import random_network, work
from afx.bench.page import page
from afx.bench.peak import ProcessorPeak
from afx.bench.render import Job, RenderBench, RenderPlan, Speed, candidates
from afx.bench.results import Results
from afx.bench.timing import Timing, rounds
from afx.commands_bench import bench
from afx.field import Layer, Network, Program, pixel_point, run_network, uniform
from afx.field.jit import Kernel
from afx.painter import Painter
from afx.video import parse_size
from afxcommand import Outcome, left_in, unchanged
from afxcommand import afx as run
from music_analysis.errors import UserError
from music_analysis.synth import SongSpec, make_song

GIGA = 1e9


class FakePeak:
    """A machine whose matrix product does 100 billion operations a second for each thread."""

    library = "NumPy"

    def __init__(self) -> None:
        self.best: dict[int, float] = {}

    def measure(self, threads: int) -> float:
        self.best[threads] = 100 * GIGA * threads
        return self.best[threads]

    def __enter__(self) -> FakePeak:
        return self

    def __exit__(self, *_: object) -> None:
        return


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, a machine with two cores, and no waiting."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AFX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(fields, "ProcessorPeak", FakePeak)
    monkeypatch.setattr(fields, "available_cores", lambda: 2)
    spec = SongSpec(sections=(("chorus", 1),), sample_rate=8_000)
    monkeypatch.setattr("music_analysis.synth.demo_song", lambda: make_song(spec))
    before = FieldBench.__init__

    def hasty(self: FieldBench, plan: FieldPlan) -> None:
        before(self, plan)
        self._span, self._budget, self._least = 0.002, 0.0, 2

    monkeypatch.setattr(FieldBench, "__init__", hasty)
    return tmp_path


# ------------------------------------------------------------------ networks and their work


def test_the_work_of_a_network_is_that_of_its_matrices() -> None:
    # x, y, r and x·y differ from pixel to pixel; the other two inputs are folded into the bias.
    assert work(random_network(64, 4).program) == 2 * (4 * 64 + 3 * 64 * 64 + 64 * 2)
    assert work(random_network(256, 8).program) == 2 * (4 * 256 + 7 * 256 * 256 + 256 * 2)


def test_film_and_frame_inputs_cost_a_pixel_nothing() -> None:
    layers = (
        Layer(3, (("sine", 8),)),
        Layer(9, (("tanh", 8),)),
        Layer(9, (("linear", 1),)),
    )
    p = pixel_point()
    (tone,) = run_network(Network("n", layers, film=1), (p.x, p.y, uniform("f")))
    program = Program((("tone", tone),), ("f",))
    assert work(program) == 2 * (2 * 8 + 8 * 8 + 8 * 1)
    assert work(Program((("tone", p.x * 2.0),), ())) == 0


def test_a_network_has_a_quarter_of_each_unit_and_always_the_same_weights() -> None:
    made = random_network(128, 6)
    node = next(n for n in Kernel(made.program).module.networks)
    assert len(node.layers) == 7
    assert all(
        layer.activations == (("sine", 32), ("cosine", 32), ("tanh", 32), ("gaussian", 32))
        for layer in node.layers[:-1]
    )
    assert (node.inputs, node.outputs, node.size) == (6, 2, len(made.weights))
    assert (random_network(128, 6).weights == made.weights).all()
    assert np.std(made.weights) == pytest.approx(1.2 / np.sqrt(128), rel=0.02)


@pytest.mark.parametrize("size", [(4, 1), (5, 2), (11, 12)])
def test_networks_of_any_width_run(size: tuple[int, int]) -> None:
    made = random_network(*size)
    out = Kernel(made.program).evaluate(64, 2, network.KNOBS, weights={network.NAME: made.weights})
    assert np.isfinite(out["tone"]).all()
    assert np.ptp(out["tone"]) > 0


def test_a_plain_picture_can_be_painted() -> None:
    planes = np.zeros((54, 64), np.uint8)
    Painter(64, 36).video(plain_picture(random_network(16, 2)), planes)
    assert np.ptp(planes[:36]) > 20


# ------------------------------------------------------------------ time


def test_rounds_go_in_turn() -> None:
    order: list[str] = []

    def job(name: str, rate: float) -> Callable[[], float]:
        def work() -> float:
            order.append(name)
            return rate

        return work

    a, b = rounds([job("a", 1.0), job("b", 2.0)], budget=0.0, least=3)
    assert "".join(order) == "ababab"
    assert (a.best, b.best, a.spread) == (1.0, 2.0, 0.0)


def test_the_best_run_counts_and_the_spread_is_said() -> None:
    timing = Timing((50.0, 100.0, 80.0))
    assert timing.best == 100.0
    assert timing.spread == pytest.approx(0.2)


def test_the_matrix_peak_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afx.bench.peak.SIDE", 256)
    monkeypatch.setattr("afx.bench.peak._WORKER", _without_torch())
    with ProcessorPeak() as peak:
        rates = [peak.measure(1) for _ in range(3)]
        peak.measure(2)
        process = peak._process
        assert process.poll() is None
    # Between a watch and a supercomputer.
    assert 1e8 < peak.best[1] < 1e13
    assert peak.best[1] == max(rates)
    assert set(peak.best) == {1, 2}
    assert process.poll() is not None


def _without_torch() -> str:
    from afx.bench.peak import _WORKER

    return _WORKER.replace("find_spec('torch')", "None")


def test_a_peak_that_cannot_be_measured_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afx.bench.peak._WORKER", "raise SystemExit(1)")
    with ProcessorPeak() as peak, pytest.raises(UserError, match="memory"):
        peak.measure(1)


# ------------------------------------------------------------------ fields


def measured(plan: FieldPlan) -> tuple[FieldBench, list[FieldRow]]:
    bench = FieldBench(plan)
    return bench, list(bench.run())


def test_a_row_says_what_it_measured() -> None:
    plan = FieldPlan(networks=[(8, 2)], threads=[1, 2], batches=[2_560, 12_800], quick=True)
    bench, seen = measured(plan)
    assert [(r.study, r.name, r.threads) for r in seen] == [
        ("architecture", "8×2", 1), ("architecture", "8×2", 2),
        ("architecture", "cppn", 1), ("architecture", "cppn", 2),
        ("batch", "8×2", 1), ("batch", "8×2", 1),
        ("threads", "8×2", 1), ("threads", "8×2", 2),
    ]  # fmt: skip
    assert [r.batch for r in seen if r.study == "batch"] == [2_560, 12_800]
    assert [r.clock for r in seen[:2]] == ["cpu", "wall"]
    for row in bench.rows:
        peak = 100 * GIGA * row.threads
        assert row.share == pytest.approx(row.rate * row.work / peak)
        assert row.fps("4K") == pytest.approx(row.rate / (3840 * 2160))
        assert row.runs >= 1
    # What one thread did is run again at the end.
    assert [after.runs - row.runs for row, after in zip(seen, bench.rows, strict=True)] == [
        2, 0, 2, 0, 0, 0, 0, 0
    ]  # fmt: skip
    assert all(after.rate >= row.rate for row, after in zip(seen, bench.rows, strict=True))
    # Two planes of floats, the scratch, the weights.
    batches = [r for r in seen if r.study == "batch"]
    assert batches[1].memory - batches[0].memory == 2 * 4 * (12_800 - 2_560)
    assert [(p.threads, p.rate) for p in bench.peaks] == [(1, 100 * GIGA), (2, 200 * GIGA)]


def test_full_crosses_everything() -> None:
    plan = FieldPlan(networks=[(4, 1), (8, 1)], threads=[1, 2], batches=[1_280, 2_560], full=True)
    _, seen = measured(plan)
    crossed = {(r.name, r.threads, r.batch) for r in seen if r.study == "cross"}
    assert len(crossed) == 2 * 2 * 2


def test_batches_that_would_take_minutes_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "PATIENCE", 0.0)
    plan = FieldPlan(networks=[(8, 2)], threads=[1], batches=[1_280, 2_560])
    bench, seen = measured(plan)
    assert not [r for r in seen if r.study == "batch"]
    assert bench.left_out == 2
    assert "2 batches were left out" in " ".join(results(left_out=2).notes)


def test_patterns_are_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from afx.patterns import PATTERNS

    few = {name: PATTERNS[name] for name in ("cppn", "ink")}
    monkeypatch.setattr("afx.patterns.PATTERNS", few)
    bench, seen = measured(FieldPlan(networks=[], threads=[1], patterns=True))
    rows = {r.name: r for r in bench.rows if r.study == "pattern"}
    assert set(rows) == set(few)
    assert rows["ink"].share is None
    assert rows["cppn"].share is not None
    assert len(seen) == 3


def test_devices_go_through_their_painters(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def painters_for(device: str, precision: str, note: Callable[[str], None]) -> Any:
        asked.append((device, precision))
        note("memory is tight")
        return Painter

    monkeypatch.setattr("afx.device.painters_for", painters_for)
    monkeypatch.setattr(fields, "device_peak", lambda *_: 50 * GIGA)
    held = [10**9]  # of a row before
    monkeypatch.setattr(fields, "_forget_memory", lambda _: held.__setitem__(0, 123))
    monkeypatch.setattr(fields, "_device_memory", lambda _: held[0])
    monkeypatch.setattr(fields, "FRAMES", {"720p": (64, 36), "1080p": (64, 36), "4K": (64, 36)})
    plan = FieldPlan(networks=[(8, 2)], devices=[("cuda", "half")], processor=False)
    bench, seen = measured(plan)
    assert [(r.device, r.precision, r.study, r.memory) for r in seen] == [
        ("cuda", "half", "device", 123)
    ]
    assert asked == [("cuda", "half")]
    (row,) = bench.rows
    assert row.share == pytest.approx(row.rate * row.work / (50 * GIGA))
    assert bench.remarks == ["memory is tight"]
    assert "Memory is tight." in results(remarks=bench.remarks * 2).notes


def test_usual_threads() -> None:
    assert fields.usual_threads(1) == [1, 2]
    assert fields.usual_threads(2) == [1, 2, 4]
    assert fields.usual_threads(6) == [1, 2, 4, 6, 8]
    assert fields.usual_threads(64) == [1, 2, 4, 8, 16, 64]
    assert candidates(2) == [1, 2, 3, 4]
    assert candidates(64) == [32, 64, 65]


# ------------------------------------------------------------------ whole renders and encoders


def test_whole_renders(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afx.bench.render._enough", lambda *_: 2)
    caches = os.environ["AFX_CACHE_DIR"]
    bench = RenderBench(RenderPlan(sizes=("64x36", "96x54"), threads=[1], quick=True))
    with sample(0.6) as song:
        folder = song.folder
        seen = list(bench.run(song))
    (job,) = bench.jobs
    assert seen == [job, *bench.speeds]
    assert job.frames == 18
    assert job.seconds == pytest.approx(0.6)
    assert set(job.took) == {"listening", "composing", "rehearsing", "rendering", "joining"}
    assert job.wall >= sum(job.took.values()) * 0.99
    assert job.realtime == pytest.approx(0.6 / job.wall)
    cores = profile.available_cores()
    assert [(s.study, s.size, s.threads) for s in bench.speeds] == [
        *(("threads", (64, 36), n) for n in sorted({1, cores})),
        ("size", (96, 54), cores),
    ]
    assert all(rate > 0 for s in bench.speeds for rate in s.rates)
    assert not folder.exists()
    assert os.environ["AFX_CACHE_DIR"] == caches


def test_encoders() -> None:
    bench = EncodeBench(EncodePlan(("64x36",), ("h264",), ("draft", "high"), quick=True))
    with sample(0.5) as song:
        seen = list(bench.run(song))
    assert [(r.quality, r.encoder, r.size) for r in seen if not r.hardware] == [
        ("draft", "libx264", (64, 36)),
        ("high", "libx264", (64, 36)),
    ]
    assert all(r.rate > 0 and r.megabits > 0 and r.frames >= 4 for r in seen)


# ------------------------------------------------------------------ advice


def test_a_gain_must_be_more_than_noise() -> None:
    usual = (100.0, 101.0, 99.0)
    assert gain((130.0, 131.0, 129.0), usual) == pytest.approx(0.3)
    assert gain((103.0, 104.0, 102.0), usual) is None  # too little to matter
    assert gain((130.0, 131.0, 98.0), usual) is None  # lost a round
    assert gain((130.0, 180.0, 110.0), usual) is None  # differs more than it gains
    assert gain((130.0, 131.0), usual) is None  # seen too seldom
    assert gain(usual, usual) is None


MACHINE: dict[str, Any] = {
    "processor": "Some <Processor> & Sons", "cores": 4, "system": "Linux x86_64", "graphics": [],
    "afx": "1", "llvmlite": "2", "vector_bits": 256, "memory_gb": 16.0, "python": "3.11",
    "load": 0.1, "versions": {"numpy": "2", "torch": None},
}  # fmt: skip


def speed(threads: int, rate: float, **said: Any) -> Speed:
    usual = {"study": "threads", "size": (1280, 720), "device": "cpu", "precision": "float32"}
    return Speed(threads=threads, rates=(rate, rate * 0.99, rate * 0.995), **(usual | said))


def field_row(name: str, rate: float, **said: Any) -> FieldRow:
    usual: dict[str, Any] = {
        "study": "architecture", "device": "cpu", "precision": "float32", "threads": 4,
        "batch": 100_000, "spread": 0.01, "runs": 3, "clock": "wall", "work": 1000,
        "memory": 10**6, "share": 0.5,
    }  # fmt: skip
    return FieldRow(name=name, rate=rate, **(usual | said))


def results(**said: Any) -> Results:
    job = Job((1280, 720), 30, 6.0, 180, 3.0, 20.0, {"listening": 0.5, "rendering": 2.0}, 4)
    usual: dict[str, Any] = {
        "rows": [
            field_row("16×8", 90e6), field_row("64×4", 40e6), field_row("256×8", 1e6),
            field_row("16×8", 80e6, study="batch"), field_row("16×8", 9e6, study="batch", batch=9),
            field_row("64×4", 40e6, study="threads"),
            field_row("64×4", 12e6, study="threads", threads=1),
            field_row("ink", 40e6, study="pattern", work=0, share=None),
        ],
        "peaks": [Peak("cpu", "float32", 4, 200e9, "NumPy")],
        "jobs": [job],
        "speeds": [speed(2, 50), speed(4, 90), speed(8, 91),
                   speed(4, 40, study="size", size=(1920, 1080)),
                   speed(4, 10, study="size", size=(3840, 2160))],
        "encoders": [EncodeRow("h264", "standard", "libx264", False, (1280, 720), 110, 9, 8, 30)],
    }  # fmt: skip
    return Results(MACHINE, "2030-01-02T03:04:05+00:00", True, **(usual | said))


def test_defaults_stay_where_nothing_is_better() -> None:
    advice, best = advise(results())
    assert best == profile.Profile()
    said = {a.setting: a for a in advice}
    assert said["Painters"].value.startswith("4,")
    assert said["Painters"].option == ""
    assert said["Real time"].value == "720p at 60 fps, 1080p at 30 fps"
    assert said["Real time"].option == "--size 1080p --fps 30"
    assert said["Networks"].value.startswith("up to 64×4 at 720p30")
    assert said["Encoder"].option == "--codec h264"


@pytest.mark.parametrize(
    ("size", "typed"), [((720, 1280), "720x1280"), ((1280, 720), "720p"), ((3840, 2160), "4k")]
)
def test_a_recommended_size_can_be_typed(size: tuple[int, int], typed: str) -> None:
    advice, _ = advise(results(speeds=[speed(4, 90, size=size)]))
    (told,) = (a for a in advice if a.setting == "Real time")
    assert told.option == f"--size {typed} --fps 60"
    assert parse_size(typed) == size


def test_what_is_clearly_better_is_recommended_with_its_figures() -> None:
    speeds = [speed(2, 50), speed(4, 60), speed(8, 90)]
    advice, best = advise(results(speeds=speeds))
    assert best.threads == 8
    assert (advice[0].value, advice[0].option) == ("8", "--threads 8")
    assert "50 % faster" in advice[0].why
    assert "4: 60" in advice[0].why


def test_a_device_is_recommended_only_if_it_is_faster() -> None:
    def on(device: str, precision: str, rate: float) -> Speed:
        return speed(2, rate, study="device", device=device, precision=precision)

    def best(*found: Speed) -> tuple[str | None, str | None]:
        profile = advise(results(speeds=[speed(4, 90), *found]))[1]
        return profile.device, profile.precision

    assert best(on("cuda", "float32", 300), on("cuda", "half", 500)) == ("cuda", "half")
    # Half precision must be worth what it costs in exactness.
    assert best(on("cuda", "float32", 300), on("cuda", "half", 303)) == ("cuda", "float32")
    assert best(on("cuda", "float32", 91), on("cuda", "half", 92)) == (None, None)
    assert best(on("cuda", "float32", 20), on("cuda", "half", 30)) == ("cpu", None)


def test_a_faster_encoder_in_hardware_is_named() -> None:
    plain = results().encoders[0]
    card = replace(plain, encoder="h264_nvenc", hardware=True, rate=600.0)
    told = {a.setting: a for a in advise(results(encoders=[plain, card]))[0]}
    assert told["Encoder"].option == "--hardware"


# ------------------------------------------------------------------ what is shown and written


def test_what_a_reader_must_know() -> None:
    notes = " ".join(results().notes)
    assert "200 GFLOP/s on 4 threads, NumPy" in notes
    assert "Above 100" not in notes
    assert "busy" not in notes
    over = [field_row("128×6", 1e6, share=1.08)]
    notes = " ".join(results(rows=over).notes)
    assert "Above 100 % (128×6 on 4: 108 %)" in notes
    busy = results()
    busy.machine = MACHINE | {"load": 3.5}
    assert "busy" in " ".join(busy.notes)


def test_the_page_has_everything_inside() -> None:
    found = results()
    found.advice, _ = advise(found)
    text = page(found)
    assert "Some &lt;Processor&gt; &amp; Sons" in text
    assert "<script" not in text
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text)
    assert len(text) < 60_000
    for word in ("Recommended", "64×4", "of peak", "libx264", "ink", "rendering"):
        assert word in text
    assert str(Path.home()) not in text


def test_a_page_of_one_thing_only() -> None:
    empty = {"rows": (), "peaks": (), "jobs": (), "speeds": (), "encoders": ()}
    text = page(results(**(empty | {"encoders": results().encoders})))
    assert "Encoders" in text
    assert "Networks and fields" not in text
    assert "A whole video" not in text


def test_charts_hold_their_points() -> None:
    line = Line("a <b>", [(1, 5.0), (2, 9.0), (4, 17.0)])
    svg = line_chart([line], x_label="x", y_label="y", ticks=[(1, "1"), (4, "4")])
    xs = [float(x) for x in re.findall(r'cx="([\d.]+)"', svg)]
    ys = [float(y) for y in re.findall(r'cy="([\d.]+)"', svg)]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)  # logarithmic
    assert ys[0] > ys[1] > ys[2] > 0
    assert "a &lt;b&gt;" in svg
    assert "nan" not in line_chart([Line("one", [(3, 1.0)])], x_label="", y_label="", ticks=[])


@pytest.mark.parametrize("highest", [0.003, 0.9, 1.0, 7.2, 8.0, 24.1, 99.0, 101.0, 12345.0])
def test_axes_are_round_and_reach_their_highest(highest: float) -> None:
    steps = _steps(highest)
    assert steps[0] == 0
    assert steps[-1] >= highest * (1 - 1e-9)
    assert steps[-2] < highest
    assert 2 <= len(steps) <= 6


def test_where_files_go(workplace: Path) -> None:
    assert files_for(None).html == Path("afx-bench.html")
    assert files_for(Path("a/b.v2.html")).json == Path("a/b.v2.json")
    assert files_for(Path("x.json")).html == Path("x.html")
    assert files_for(Path("new")).html == Path("new/afx-bench.html")
    (workplace / "d.html").mkdir()
    assert files_for(Path("d.html")).html == Path("d.html/afx-bench.html")


def test_files_are_whole_or_not_there(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_for(None)
    write(results(), files)
    old = files.html.read_bytes()

    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, unchanged(workplace):
        patch.setattr(Path, "write_text", full)
        with pytest.raises(UserError, match=r"cannot write .*No space left"):
            write(results(seconds=9.0), files)
    assert files.html.read_bytes() == old


# ------------------------------------------------------------------ the command

TINY = ("--quick", "--networks", "8x2", "--threads", "1", "--batches", "2K")


def ok(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.err
    return outcome


@pytest.mark.parametrize("command", [c for c in bench if not c.startswith("-")])
def test_help_teaches_by_example(command: str) -> None:
    out = ok(run("bench", command, "--help")).out
    examples = out.partition("Examples:")[2].strip().splitlines()
    assert 2 <= len(examples) <= 5
    assert all(line.strip().startswith(f"afx bench {command}") for line in examples)
    assert max(map(len, out.splitlines())) <= 80


def test_fields_for_people(workplace: Path) -> None:
    out = ok(run("bench", "fields", *TINY)).out
    assert "8×2" in out
    assert "% peak" in out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    assert left_in(workplace) == {"afx-bench.html", "afx-bench.json"}
    document = json.loads((workplace / "afx-bench.json").read_text())
    assert document["fields"][0]["name"] == "8×2"
    ok(run("bench", "fields", *TINY))  # ours are replaced


def test_fields_for_programs(workplace: Path) -> None:
    with unchanged(workplace):
        outcome = ok(run("bench", "fields", *TINY, "--json"))
    row = outcome.json["fields"][0]
    assert (row["name"], row["threads"], row["work"]) == ("8×2", 1, 2 * (4 * 8 + 8 * 8 + 8 * 2))
    assert row["fps"]["720p"] == pytest.approx(row["rate"] / (1280 * 720))
    assert outcome.err == ""
    ok(run("bench", "fields", *TINY, "--json", "-o", "there/x.html"))
    assert left_in(workplace / "there") == {"x.html", "x.json"}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured; everything is found at once."""

    def of(name: str, *wanted: str) -> Callable[..., Iterator[Any]]:
        def run(self: Any, *_: object) -> Iterator[Any]:
            found = results()
            for attribute in wanted:
                rows = list(getattr(found, attribute))
                if name == "EncodeBench":
                    self.rows = rows
                elif name == "RenderBench":
                    setattr(self, attribute, rows)
                else:
                    self._rows = rows
                yield from rows

        return run

    monkeypatch.setattr(FieldBench, "run", of("FieldBench", "rows"))
    monkeypatch.setattr(RenderBench, "run", of("RenderBench", "jobs", "speeds"))
    monkeypatch.setattr(EncodeBench, "run", of("EncodeBench", "encoders"))
    monkeypatch.setattr("afx.bench.machine.describe", lambda: MACHINE)


def test_everything_is_kept_for_renders(workplace: Path, short: None) -> None:
    outcome = ok(run("bench", "--quick"))
    assert "Recommended" in outcome.out
    assert "Kept for afx render" in outcome.out
    assert max(len(line.rstrip()) for line in outcome.out.splitlines()) <= 80
    assert profile.look().state == "used"
    assert str(workplace) not in (workplace / "afx-bench.html").read_text()
    assert str(workplace) not in (workplace / "afx-bench.json").read_text()
    # A damaged one is replaced, and said to have been of no use.
    profile.profile_path().write_text("{")
    assert "damaged" in " ".join(ok(run("bench", "--long")).out.split())
    assert profile.look().state == "used"


def test_nothing_is_kept_if_so_wished_or_impossible(workplace: Path, short: None) -> None:
    ok(run("bench", "--profile", "off"))
    ok(run("bench", "encode", "--quick"))
    assert profile.look().state == "none"
    (workplace / "config").write_text("no folder")
    out = ok(run("bench", "render", "--quick")).out
    assert "could not be kept" in out


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("fields --networks big", "'big' is no network: write width x depth, such as 256x8"),
        ("fields --networks 64x4,", "'' is no network"),
        ("fields --networks 0x4", "width must be 4 to 512"),
        ("fields --networks 64x13", "depth must be 1 to 12"),
        ("fields --networks 10000x2", "width must be 4 to 512"),
        ("fields --threads 0", "use 1 to 256 threads"),
        ("fields --threads 2,x", "use 1 to 256 threads"),
        ("fields --threads -1", "threads"),
        ("fields --batches 5", "use 1K to 100M pixels"),
        ("fields --batches many", "use 1K to 100M pixels"),
        ("fields --batches nan", "use 1K to 100M pixels"),
        ("fields --device cuda", "--device cuda: there is none here"),
        ("fields --device cpu --precision half", "for graphics cards"),
        ("fields --precision half", "for graphics cards"),
        ("fields --device abacus", "abacus"),
        ("render --sizes 12x12", "size 12x12"),
        ("render --threads 0", "use 1 to 256 threads"),
        ("render --device mps", "--device mps: there is none here"),
        ("encode --sizes huge", "huge"),
        ("encode --codec vp9", "vp9"),
        ("everythin", "everythin"),
        ("fields -o taken.html", "taken.html exists and was not made by afx bench"),
        ("fields -o file.txt/x.html", "cannot write"),
    ],
)
def test_mistakes_are_one_line(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, typed: str, says: str
) -> None:
    monkeypatch.setattr("afx.bench.machine.graphics_devices", list)
    for question in ("_cuda_problem", "_mps_problem"):
        monkeypatch.setattr(f"afx.device.{question}", lambda: "there is none here")
    (workplace / "taken.html").write_text("<p>mine")
    (workplace / "file.txt").write_text("mine")
    with unchanged(workplace):
        outcome = run("bench", *typed.split())
    assert outcome.code == 1
    assert says in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert (workplace / "taken.html").read_text() == "<p>mine"


@pytest.mark.parametrize("output", [None, "new/folder"])
def test_a_stop_leaves_nothing(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, output: str | None
) -> None:
    def stopped(self: FieldBench) -> Iterator[FieldRow]:
        yield field_row("16×8", 1e6)
        raise KeyboardInterrupt

    monkeypatch.setattr(FieldBench, "run", stopped)
    with unchanged(workplace):
        outcome = run("bench", *(("-o", output) if output else ()))
    assert outcome.code == 130
    assert outcome.err.splitlines() == ["Stopped."]
    assert profile.look().state == "none"


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, workplace: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere/song.wav")

    monkeypatch.setattr("music_analysis.synth.write_wav", full)
    with unchanged(workplace):
        outcome = run("bench", "encode", "--quick")
    assert outcome.code == 1
    assert outcome.err == "afx: cannot measure: /somewhere/song.wav: No space left on device\n"


def test_devices_are_looked_for_only_where_there_may_be_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from afx.bench.machine import graphics_devices

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
    monkeypatch.setattr("afx.device.driver_there", lambda: False)
    assert graphics_devices() == []
    # A driver without a torch that can use it is no device either, and no mistake of anybody's.
    monkeypatch.setattr("afx.device.driver_there", lambda: True)
    monkeypatch.setattr("afx.device._cuda_problem", lambda: "there is none here")
    assert graphics_devices() == []
    monkeypatch.setattr("afx.device._cuda_problem", lambda: "")
    assert graphics_devices() == ["cuda"]


def test_where_the_time_goes_is_told_whole_on_a_narrow_terminal():
    took = {"rendering": 3.36, "listening": 0.14, "rehearsing": 0.18}
    job = Job((1280, 720), 30, 6.0, 180, 3.9, 39.2, took, 2)
    console = Console(width=80, file=io.StringIO())
    console.print(tables.jobs_table([job]))
    told = console.file.getvalue()
    assert "…" not in told
    assert "rehearsing" in told
