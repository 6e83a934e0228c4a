"""Patterns with a memory in pieces, stills and videos: one picture for a frame, however asked for.

What holds for any such pattern is asked of all that are registered.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from afx import memories, render
from afx.director import Director, Normalization
from afx.easel import Easel
from afx.field import Buffer, Point, Program
from afx.field.expr import Expr
from afx.field.jit import Kernel
from afx.look import Look
from afx.painter import Painter, field_kernel
from afx.patterns import PATTERNS
from afx.patterns.lattice import keen, linear, smooth
from afx.patterns.simulation import Grid
from afx.rehearsal import normalize
from afx.simulator import Simulator
from afx.stage import STAGE_KNOBS
from afx.transition import Transition
from afxcommand import afx, made_look, made_song
from made_pictures import ACROSS, CLOUDS, FLAT, controls, scene

SIZE = (64, 36)
FRAMES = 24
REMEMBER = sorted(name for name, p in PATTERNS.items() if p.simulation is not None)
every_memory = pytest.mark.parametrize("name", REMEMBER)
OURS = ("feedback", "reaction")
KNOWN = {p.name: p for p in (ACROSS, CLOUDS, FLAT)}


def small(name):
    """A pattern on a grid for the pictures here."""
    pattern = PATTERNS[name]
    return replace(pattern, simulation=replace(pattern.simulation, cells=96 * 54))


def moving(pattern, first, last, **tracks):
    """A scene whose clocks run and whose pulse beats."""
    frames = np.arange(first, last)
    clocks = {k.name: k.default * frames / 30 for k in pattern.knobs if k.kind == "clock"}
    beat = {"pulse": 0.5 ** (frames % 15)}
    return scene(pattern, first, last, **(clocks | beat | tracks))


def directed(*scenes, patterns=()):
    made = controls(*scenes)
    return Director(made, KNOWN | {p.name: p for p in patterns}, aspect=SIZE[0] / SIZE[1])


def alone(name):
    pattern = small(name)
    return directed(moving(pattern, 0, FRAMES), patterns=[pattern])


def planes(director, frame, **options):
    out = np.empty((SIZE[1] * 3 // 2, SIZE[0]), np.uint8)
    Painter(*SIZE, **options).video(director.picture(frame), out)
    return out.tobytes()


# ------------------------------------------------------------------------- the same pixels


@every_memory
def test_neither_order_nor_threads_nor_strips_show(name):
    director = alone(name)
    normalize(director, *SIZE)
    want = [planes(director, frame) for frame in range(FRAMES)]
    assert len(set(want)) == FRAMES, "it must move, or their order could not be seen"
    other = alone(name)
    other.normalizations = director.normalizations
    order = np.random.default_rng(0).permutation(FRAMES).tolist()
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda f: planes(other, f, strip=8), order))
    assert got == [want[frame] for frame in order]


@every_memory
def test_a_copy_goes_on_as_the_one_it_was_made_of(name):
    pattern = small(name)
    knobs = {k.name: k.default for k in (*pattern.knobs, *STAGE_KNOBS)}
    state = pattern.simulation.start(Grid.of(96 * 54, 16 / 9), 5, knobs, None)
    state.step(knobs, 1 / 30)
    before = {n: a.tobytes() for n, a in state.buffers().items()}
    kept = state.copy()
    held = state.buffers()
    for seconds in (1 / 30, 1 / 15):
        state.step(knobs, seconds)
    assert {n: a.tobytes() for n, a in held.items()} == before, "buffers stay as they are"
    for seconds in (1 / 30, 1 / 15):
        kept.step(knobs, seconds)
    for n, a in state.buffers().items():
        assert kept.buffers()[n].tobytes() == a.tobytes()


@pytest.mark.parametrize("name", OURS)
def test_frames_are_about_the_same_at_any_rate(name):
    """At 24 and at 60 frames a second the same moment shows nearly the same picture."""
    pattern = small(name)
    kernel = field_kernel(pattern)
    tones = []
    for fps in (24, 60):

        def knobs(frame, fps=fps):
            clocks = {
                k.name: k.default * frame / fps
                for k in (*pattern.knobs, *STAGE_KNOBS)
                if k.kind == "clock"
            }
            return {k.name: k.default for k in (*pattern.knobs, *STAGE_KNOBS)} | clocks

        grid = Grid.of(pattern.simulation.cells, 16 / 9)
        buffers = Simulator(pattern.simulation, grid, 1, knobs, fps).at(3 * fps)
        tones.append(kernel.evaluate(*SIZE, knobs(3 * fps), buffers=buffers)["tone"].copy())
    assert np.corrcoef(tones[0].ravel(), tones[1].ravel())[0, 1] > 0.97
    assert np.abs(tones[0] - tones[1]).mean() < 0.03


@every_memory
def test_the_music_sets_the_pace_of_everything(name):
    """A tenth of the pace is a tenth of the motion: nothing in it goes by the second."""
    pattern = small(name)
    kernel = field_kernel(pattern)
    rest = {k.name: k.default for k in (*pattern.knobs, *STAGE_KNOBS)}
    clocks = {k.name: k.default for k in pattern.knobs if k.kind == "clock"}
    grid = Grid.of(pattern.simulation.cells, 16 / 9)
    state = pattern.simulation.start(grid, 1, rest | dict.fromkeys(clocks, 0.0), None)
    time, motion = 0.0, []
    for pace, frames in ((1.0, 20), (0.1, 60)):
        tones = []
        for _ in range(frames):
            time += pace / 30
            knobs = rest | {n: v * time for n, v in clocks.items()}
            state.step(knobs, 1 / 30)
            made = kernel.evaluate(*SIZE, knobs, buffers=state.buffers())
            tones.append(made["tone"].copy())
        motion.append(np.abs(np.diff(tones[-10:], axis=0)).mean())
    assert 0.02 < motion[1] / motion[0] < 0.3


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("end", ["lo", "hi"])
def test_minutes_later_it_is_neither_dead_nor_blown_up(name, end):
    pattern = small(name)
    knobs = {k.name: getattr(k, end) for k in (*pattern.knobs, *STAGE_KNOBS)}
    clocks = {k.name: k.default for k in pattern.knobs if k.kind == "clock"}
    state = pattern.simulation.start(Grid.of(64 * 36, 16 / 9), 0, knobs | clocks, None)
    seen = []
    for step in range(1, 1801):
        seconds = step / 15
        state.step(knobs | {n: v * seconds for n, v in clocks.items()}, 1 / 15)
        if step % 300 == 0:
            seen.append({n: a.copy() for n, a in state.buffers().items()})
    for made in seen:
        for a in made.values():
            assert np.isfinite(a).all()
            assert np.abs(a).max() <= 1.0
    lights = [next(iter(made.values())) for made in seen]
    assert min(a.max() - a.min() for a in lights) > 0.2
    assert min(np.abs(b - a).mean() for a, b in itertools.pairwise(lights)) > 0.001


# ------------------------------------------------------------------------- scenes


def test_memories_of_few_scenes_are_held_and_others_come_back_the_same():
    pattern = small("feedback")
    scenes = [moving(pattern, k * 4, k * 4 + 4, name=f"s{k}") for k in range(6)]
    director = directed(*scenes, patterns=[pattern])
    want = [planes(director, frame) for frame in range(24)]
    assert len(director._memories._held) == memories.HELD
    assert [planes(director, frame) for frame in reversed(range(24))] == want[::-1]


def test_normalization_goes_through_a_scene_in_coarse_steps(monkeypatch):
    pattern = small("feedback")
    steps = []

    class Counted:
        def __init__(self, state):
            self.state = state

        def step(self, knobs, seconds):
            steps.append(seconds)
            self.state.step(knobs, seconds)

        def buffers(self):
            return self.state.buffers()

    start = pattern.simulation.start
    counted = replace(pattern.simulation, start=lambda *a: Counted(start(*a)))
    pattern = replace(pattern, simulation=counted)
    director = directed(moving(pattern, 0, 900), patterns=[pattern])
    normalize(director, *SIZE)
    assert len(steps) < 600
    assert director.normalizations[0] != Normalization()


def handed(first=20, kind="handover", old=ACROSS, name="feedback"):
    pattern = small(name)
    before = scene(old, 0, first + 4)
    after = moving(pattern, first, first + 30)
    made = directed(before, after, patterns=[pattern])
    moved = Transition(kind, float(first - 1), float(first + 4))
    return Director(
        replace(made.controls, transitions=(moved,)), made.patterns, aspect=SIZE[0] / SIZE[1]
    )


@pytest.mark.parametrize("name", OURS)
def test_a_scene_that_takes_over_begins_with_the_picture_before(name):
    director = handed(name=name)
    normalize(director, *SIZE)
    tone = {k: Painter(*SIZE).field(director.state(k, 20))[0] for k in (0, 1)}
    plain = handed(kind="blend", name=name)
    without = Painter(*SIZE).field(plain.state(1, 20))[0]

    def like(a):
        return np.corrcoef(a.ravel(), tone[0].ravel())[0, 1]

    assert like(tone[1]) > 0.6
    assert like(tone[1]) > like(without) + 0.2
    # That was its beginning: a second of its own steps later it is another picture.
    assert np.abs(Painter(*SIZE).field(director.state(1, 49))[0] - tone[1]).mean() > 0.02


def test_an_excerpt_after_a_handover_still_knows_where_it_came_from():
    whole, part = handed(), handed()
    normalize(whole, *SIZE)
    normalize(part, *SIZE, frames=(30, 40))
    assert part.needed((30, 40)) == [0, 1]
    assert handed(kind="blend").needed((30, 40)) == [1]
    assert [planes(part, f) for f in range(30, 40)] == [planes(whole, f) for f in range(30, 40)]


# ------------------------------------------------------------------------- morphs


def morphing(a, b, patterns=()):
    made = directed(a, b, patterns=patterns)
    moved = Transition("morph", float(b.first) - 1, float(a.last))
    return Director(
        replace(made.controls, transitions=(moved,)), made.patterns, aspect=SIZE[0] / SIZE[1]
    )


def test_a_morph_is_one_field_on_its_way_between_two():
    director = morphing(
        scene(CLOUDS, 0, 20, level=-0.5, exposure=0.0),
        scene(CLOUDS, 10, 30, level=0.5, exposure=0.4),
    )
    director.normalizations = [Normalization(1.0, 0.0), Normalization(2.0, 0.4)]
    share = director.controls.at(14)[1][1]
    assert 0.2 < share < 0.8
    made = director.picture(14)
    [one] = made.fields
    level = one.kernel.module.knobs.index("level")
    assert one.knobs[level] == pytest.approx(-0.5 + share)
    assert (one.scale, one.offset) == (pytest.approx(1 + share), pytest.approx(0.4 * share))
    assert made.weight == 0.0
    assert made.grade.max() > 0
    # At its ends it is what stands there alone.
    assert len(director.picture(5).fields) == len(director.picture(25).fields) == 1


def test_where_no_morph_can_be_pictures_are_blended():
    other = morphing(scene(CLOUDS, 0, 20), scene(ACROSS, 10, 30))
    assert len(other.picture(14).fields) == 2
    weighted = replace(CLOUDS, weights=lambda _seed: {})
    seeds = morphing(
        scene(weighted, 0, 20, seed=1), scene(weighted, 10, 30, seed=2), patterns=[weighted]
    )
    assert len(seeds.picture(14).fields) == 2


def test_what_turns_into_another_goes_on_remembering():
    pattern = small("feedback")
    starts = []

    def start(*given):
        starts.append(1)
        return pattern.simulation.start(*given)

    counted = replace(pattern, simulation=replace(pattern.simulation, start=start))
    old = moving(counted, 0, 20, name="a", reach=0.1)
    new = moving(counted, 10, 30, name="b", reach=0.6, seed=7)
    director = morphing(old, new, patterns=[counted])
    want = [planes(director, frame) for frame in range(30)]
    assert len(starts) == 1
    assert len(director.picture(14).fields) == 1
    reach = director._memories._knobs(0, 14)["reach"]
    assert reach == pytest.approx(0.1 + 0.5 * director.controls.at(14)[1][1], abs=1e-6)
    assert [director._memories._knobs(0, f)["reach"] for f in (5, 25)] == pytest.approx([0.1, 0.6])
    other = morphing(old, new, patterns=[counted])
    assert [planes(other, frame) for frame in reversed(range(30))] == want[::-1]


# ------------------------------------------------------------------------- stills


@pytest.mark.parametrize("name", OURS)
def test_stills_are_the_same_whenever_they_are_asked_for(name, monkeypatch):
    monkeypatch.setitem(PATTERNS, name, small(name))
    look = Look(name=name, title=name, pattern=name, palette="ember")
    easel = Easel(*SIZE)
    still = easel.still(look, seed=2)
    assert np.array_equal(easel.still(look, seed=2), still)
    assert np.array_equal(Easel(*SIZE).still(look, seed=2), still)
    assert len(easel._sketches) == 1
    assert easel.still(look, seed=2, knobs={"detail": 1.0}).tobytes() != still.tobytes()
    first, later = easel.strip(look, [0.0, 0.4])
    assert first.std() > 3
    assert not np.array_equal(first, later)


# ------------------------------------------------------------------------- feedback's ink


def test_feedback_draws_with_any_pattern():
    base, ink = PATTERNS["feedback"], PATTERNS["quasicrystal"]
    made = base.inked(ink)
    assert made is base.inked(ink)
    names = [k.name for k in made.knobs]
    assert names[: len(base.knobs)] == [k.name for k in base.knobs]
    assert {"ink.amount", *(f"ink.{k.name}" for k in ink.knobs)} <= set(names)

    def light(pattern, **changed):
        knobs = {k.name: k.default for k in (*pattern.knobs, *STAGE_KNOBS)}
        knobs |= {n.replace("__", "."): v for n, v in changed.items()}
        state = pattern.simulation.start(Grid.of(96 * 54, 16 / 9), 0, knobs, None)
        return state.buffers()

    none, full = light(made, ink__amount=0.0), light(made, ink__amount=1.0)
    plain = light(base)
    for n in plain:
        assert none[n] == pytest.approx(plain[n], abs=1e-5), "amount 0 is the base alone"
    assert np.abs(full["feedback_light"] - plain["feedback_light"]).mean() > 0.02
    network = base.inked(PATTERNS["cppn"])
    assert np.isfinite(light(network)["feedback_light"]).all()


# ------------------------------------------------------------------------- between cells

PLACE = Point(Expr("x", "f"), Expr("y", "f"), Expr("pixel", "f"))


@pytest.mark.parametrize("read", [linear, smooth, keen])
def test_reading_between_cells(read):
    kernel = Kernel(Program((("out", read(Buffer("b"), PLACE)),), ()))

    def between(values, size):
        return kernel.evaluate(*size, buffers={"b": np.ascontiguousarray(values, np.float32)})[
            "out"
        ]

    assert between(np.full((9, 16), 0.7), (50, 30)) == pytest.approx(0.7, abs=1e-6)
    # A slope stays a slope, away from the edges where it is mirrored.
    slope = np.tile(np.arange(16.0), (9, 1))
    inner = between(slope, (160, 90))[:, 30:-30]
    assert inner == pytest.approx(
        np.tile((np.arange(160) + 0.5) / 10 - 0.5, (90, 1))[:, 30:-30], abs=1e-4
    )
    noise = np.random.default_rng(0).random((9, 16))
    same = between(noise, (16, 9))
    if read is smooth:
        assert same.std() < noise.std()
    else:
        assert same == pytest.approx(noise, abs=1e-5)
    # Beyond the edge the grid is its mirror image.
    wide = kernel.evaluate(
        32, 9, geometry=replace(kernel_geometry(16, 9), x0=-2 * 16 / 9),
        buffers={"b": noise.astype(np.float32)},
    )["out"]  # fmt: skip
    assert wide[:, 8:24] == pytest.approx(same, abs=1e-5)
    assert wide[:, :8] == pytest.approx(same[:, 7::-1], abs=1e-4)


def kernel_geometry(columns, rows):
    return Grid(rows, columns).geometry


# ------------------------------------------------------------------------- videos

LOOK = 'title = "Back"\npattern = "feedback"\npalette = "ember"\n'
TINY = ("--size", "64x36", "--fps", "24", "--seed", "3")


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return made_song(tmp_path_factory.mktemp("song") / "song.wav", 2.5)


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    return made_look(tmp_path_factory.mktemp("look") / "back.toml", LOOK)


@pytest.fixture
def on_a_small_grid(monkeypatch):
    monkeypatch.setitem(PATTERNS, "feedback", small("feedback"))


def seen(folder):
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


@pytest.mark.usefixtures("on_a_small_grid")
def test_an_excerpt_and_a_still_are_the_wholes(song, look, tmp_path):
    common = ("--look", look, *TINY, "--safety", "off")
    whole, part, still = tmp_path / "whole", tmp_path / "part", tmp_path / "still.png"
    assert afx("render", song, "--frames", whole, *common).code == 0
    excerpt = ("--start", "1.5", "--duration", "0.5")
    assert afx("render", song, "--frames", part, *common, *excerpt).code == 0
    assert afx("frame", song, "-o", still, *common, "--at", "1").code == 0
    frames, cut = seen(whole), seen(part)
    assert len(cut) == 12
    assert all(np.array_equal(a, b) for a, b in zip(cut, frames[36:], strict=False))
    assert np.array_equal(np.asarray(Image.open(still)), frames[24])


@pytest.mark.usefixtures("on_a_small_grid")
def test_a_video_that_was_broken_off_goes_on_with_the_same_bits(song, look, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "SEGMENT_SECONDS", 1)
    common = ("--look", look, *TINY)
    assert afx("render", song, "-o", tmp_path / "whole.mp4", *common).code == 0
    real, painted = Painter.video, []

    def impatient(self, picture, out):
        painted.append(1)
        if len(painted) == 40:
            raise KeyboardInterrupt
        real(self, picture, out)

    monkeypatch.setattr(Painter, "video", impatient)
    assert afx("render", song, "-o", tmp_path / "again.mp4", *common).code != 0
    monkeypatch.setattr(Painter, "video", real)
    assert list(tmp_path.glob(".again.mp4.render/segment_00000.mp4"))
    assert afx("render", song, "-o", tmp_path / "again.mp4", *common).code == 0
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
