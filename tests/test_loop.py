"""Loops: the frame after the last is the first, whatever it is made of; so it is with sound."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from afx.compose import Controls
from afx.director import Director, Normalization
from afx.field import Buffer, Field, knob
from afx.field.expr import Expr
from afx.loop import Loop, find_loop, loop_sound, looped, over
from afx.painter import Painter
from afx.patterns.simulation import Simulation
from afx.transition import Transition
from afxcommand import RATE, afx, made_look, pictures, unchanged
from made_pictures import ACROSS, CLOUDS, EMBER, made, scene
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.synth import SongSpec, clicks, make_song, noise, tone, write_wav

SIZE = (64, 36)
FPS = Fraction(10)
LENGTH = 120


@dataclass
class Grid:
    bpm: float | None
    confidence: float
    downbeats: np.ndarray


SURE = Grid(120.0, 0.9, np.arange(0.5, 11.5, 2.0))
UNSURE = Grid(93.0, 0.3, np.arange(0.1, 11.0, 2.6))


# --------------------------------------------------------------------- which frames


@pytest.mark.parametrize(
    ("start", "bars", "first", "frames", "before"),
    [
        (2.4, 2, 25, 40, True),
        (3.6, 1, 45, 20, True),
        (0.0, 3, 5, 60, False),  # a quarter of a bar before it: from what follows
        (4.4, 3, 45, 60, True),
        (11.9, 1, 85, 20, True),  # the last whole bar
    ],
)
def test_a_loop_begins_at_the_nearest_bar(start, bars, first, frames, before):
    got = find_loop(SURE, FPS, LENGTH, start, bars)
    assert (got.first, got.frames, got.before, got.sure) == (first, frames, before, True)
    assert got.seam == (10 if bars == 1 else 20)


def test_where_the_beat_is_not_sure_bars_are_two_seconds():
    got = find_loop(UNSURE, FPS, LENGTH, 2.3, 3)
    assert (got.first, got.frames, got.sure) == (23, 60, False)


@pytest.mark.parametrize("grid", [SURE, UNSURE])
def test_a_song_too_short_for_it(grid):
    with pytest.raises(UserError, match=r"--loop 9: from \d\.\d s on the song has \d bars"):
        find_loop(grid, FPS, LENGTH, 2.0, 9)
    whole = replace_downbeats(grid, np.arange(0.0, 12.1, 2.0))
    with pytest.raises(UserError, match=r"that is the whole song, .* use --loop 5"):
        find_loop(whole, FPS, LENGTH, 0.0, 6)


def replace_downbeats(grid: Grid, downbeats: np.ndarray) -> Grid:
    return Grid(120.0, 0.9, downbeats) if grid.confidence > 0.5 else replace(grid)


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(24)])
def test_bars_are_whole_to_half_a_frame(fps):
    beats = Grid(93.7, 0.9, 0.37 + np.arange(40) * 240 / 93.7)
    got = find_loop(beats, fps, int(100 * fps), 20.0, 8)
    assert abs(got.frames / fps - 8 * 240 / 93.7) <= 0.5 / fps + 1e-9


# --------------------------------------------------------------------- what is seen


@dataclass
class Sum:
    """A memory: all that its knob ever was."""

    total: float

    def step(self, knobs: Mapping[str, float], seconds: float) -> None:  # noqa: ARG002
        self.total = 0.9 * self.total + knobs["level"]

    def buffers(self) -> Mapping[str, np.ndarray]:
        return {"total": np.full((36, 64), 0.1 * self.total, np.float32)}

    def copy(self) -> Sum:
        return replace(self)


def _summing(p, *, level: Expr = knob(0.5, 0, 1, help="adds")):
    return Field(Buffer("total").fetch(3, 3) + p.x * 0.1 + level * 0.0)


SUMMING = replace(
    made(_summing),
    simulation=Simulation(lambda _grid, _seed, knobs, _picture: Sum(5 * knobs["level"]), 64 * 36),
)
T = np.arange(LENGTH)
PATTERNS = {p.name: p for p in (ACROSS, CLOUDS, SUMMING)}


def reaching(made_scene, lead, beyond):
    """A scene that is seen in a part of its rows."""
    return replace(
        made_scene, first=made_scene.first + lead, last=made_scene.last - beyond, lead=lead
    )


def song(*edges, kind="blend", half=4, families=(CLOUDS, SUMMING, ACROSS)):
    """Scenes that change at `edges`, with rows for 20 frames beyond them."""
    scenes, changes = [], []
    borders = [0, *edges, LENGTH]
    for index, (begin, end) in enumerate(itertools.pairwise(borders)):
        wide = half if kind != "cut" else 0
        first = begin - wide + 1 if begin and wide else begin
        last = end + wide if end < LENGTH else end
        low, high = max(first - 20, 0), min(last + 20, LENGTH)
        t = np.arange(low, high)
        own = {
            "level": 0.45 + 0.3 * np.sin(t / 5.0 + index),
            "pan_x": t / 40.0 + index,
            "turn": t / 90.0,
        }
        pattern = families[index % len(families)]
        made_scene = scene(pattern, low, high, palette=EMBER, seed=index, **own)
        scenes.append(reaching(made_scene, first - low, high - last))
        if index:
            changes.append(Transition(kind, float(begin - wide), float(begin + wide)))
    return Controls(FPS, LENGTH, tuple(scenes), (), tuple(changes))


def painted(controls: Controls, frames) -> list[np.ndarray]:
    director = Director(controls, PATTERNS)
    director.normalizations = [Normalization(0.8, 0.1) for _ in controls.scenes]
    painter = Painter(*SIZE)
    return [painter.rgb_float(director.picture(frame)) for frame in frames]


SONGS = {
    "one scene": song(),
    "two": song(60),
    "a change at the beginning": song(30, 80),
    "a change in the seam": song(55, 75),
    "changes at both ends": song(30, 90),
    "cuts at both ends": song(30, 90, kind="cut"),
    "a cut just before the end": song(50, 88, kind="cut"),
    "many": song(20, 37, 52, 66, 95),
    "slow changes": song(34, 84, half=12),
}
LOOPS = {
    "before": Loop(3, 30, 60, 20, before=True, sure=True),
    "after": Loop(3, 30, 60, 20, before=False, sure=True),
    "short": Loop(1, 30, 30, 15, before=True, sure=True),
}


@pytest.mark.parametrize("which", LOOPS)
@pytest.mark.parametrize("name", SONGS)
def test_the_frame_after_the_last_is_the_first(name, which):
    loop = LOOPS[which]
    rounds, origins = looped(SONGS[name], loop)
    n = loop.frames
    assert rounds.frames == 3 * n
    assert len(origins) == len(rounds.scenes) == len(rounds.transitions) + 1
    shown = painted(rounds, range(n, 2 * n + 1))
    assert np.array_equal(shown[0], shown[-1]), "bit by bit"
    steps = [float(np.abs(a - b).mean()) for a, b in itertools.pairwise(shown)]
    assert steps[-1] <= 1.5 * max(steps[-2], steps[0], float(np.median(steps)))


@pytest.mark.parametrize("name", SONGS)
def test_outside_the_seam_it_is_the_song(name):
    loop = LOOPS["before"]
    rounds, origins = looped(SONGS[name], loop)
    for frame in range(loop.frames, 2 * loop.frames):
        visible = rounds.at(frame)
        assert 1 <= len(visible) <= 2
        for index, weight in visible:
            scene_ = rounds.scenes[index]
            whole = SONGS[name].scenes[origins[index]]
            row = scene_.values[scene_.row(frame)]
            again = frame - loop.frames + loop.first
            lap = again if weight > 0.5 and frame < 2 * loop.frames - loop.seam else None
            if lap is not None:
                assert np.array_equal(row, whole.values[whole.row(lap)])


@pytest.mark.parametrize("kind", ["blend", "wipe", "cut"])
def test_changes_within_a_loop_are_the_songs(kind):
    whole = song(30, 60, 90, kind=kind, families=(CLOUDS, ACROSS))
    rounds, _ = looped(whole, LOOPS["before"])
    for frame in (50, 58, 60, 63, 69):
        assert np.array_equal(painted(rounds, [frame + 30])[0], painted(whole, [frame])[0])


def test_one_scene_begins_as_the_song_has_it():
    rounds, _ = looped(SONGS["one scene"], LOOPS["before"])
    assert np.array_equal(painted(rounds, [60])[0], painted(SONGS["one scene"], [30])[0])


# --------------------------------------------------------------------- what is heard


@pytest.mark.parametrize("alike", [1.0, 0.0])
def test_sound_goes_over_equally_loud(alike):
    rng = np.random.default_rng(4)
    old = rng.normal(size=(1, 200_000)).astype(np.float32)
    new = (alike * old + (1 - alike) * rng.normal(size=old.shape)).astype(np.float32)
    made_ = over(old, new)
    power = (made_.reshape(10, -1) ** 2).mean(axis=1)
    assert power == pytest.approx(1.0, abs=0.05)
    assert abs(made_[0, 0] - old[0, 0]) < 0.01
    assert abs(made_[0, -1] - new[0, -1]) < 0.01


@pytest.mark.parametrize("first", [0, 45])
@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001)])
def test_sound_is_as_long_as_the_frames_and_meets(tmp_path, first, fps):
    seconds = 6.0
    wave = tone(130.3, seconds, RATE, level=0.5)[0]
    write_wav(tmp_path / "a.wav", np.vstack((wave, wave)), RATE)
    loop = Loop(2, first, 97, 20, before=True, sure=True)
    blocks = list(loop_sound(load(tmp_path / "a.wav"), RATE, 2, loop, fps))
    made_ = np.concatenate(blocks, axis=1)
    assert abs(made_.shape[1] - 97 / fps * RATE) <= 0.5
    twice = np.concatenate([made_, made_], axis=1)[0].astype(float)
    assert np.abs(np.diff(twice)).max() < 1.2 * np.abs(np.diff(wave)).max(), "no click"
    begin = round(first / float(fps) * RATE)
    middle = slice(RATE, 2 * RATE)
    assert np.allclose(made_[0, middle], wave[begin:][middle], atol=1e-3)


# --------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def groove(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song whose bars are sure: 120 bpm, six bars of four."""
    path = tmp_path_factory.mktemp("groove") / "song.wav"
    made_song = make_song(SongSpec(tempo=120.0, sections=(("verse", 6),)))
    write_wav(path, made_song.samples, made_song.sample_rate)
    return path


OPTIONS = ("--look", "ink.toml", "--size", "64x36", "--fps", "12", "--quality", "draft")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made_look(tmp_path / "ink.toml")
    return tmp_path


def test_a_loop_of_bars(folder: Path, groove: Path) -> None:
    wanted = (*OPTIONS, "--loop", "2", "--start", "4")
    made_ = afx("render", groove, *wanted, "--json")
    assert made_.code == 0, made_.err
    loop = made_.json["loop"]
    assert loop["bars"] == 2
    assert loop["beat_sure"] is True
    assert made_.json["frames"] == 48
    assert made_.json["seconds"] == pytest.approx(4.0)
    with av.open(str(folder / "song.mp4")) as container:
        sound, film = container.streams.audio[0], container.streams.video[0]
        lasts = [float(s.duration * s.time_base) for s in (sound, film)]
    assert lasts[0] == pytest.approx(lasts[1], abs=1 / 44100)
    again = afx("render", "song.mp4", "--again", "--song", groove)
    assert again.code == 0, again.err
    assert (pictures(folder / "song.again.mp4") == pictures(folder / "song.mp4")).all()
    # With music, pictures leap on the downbeat itself.
    told = afx("render", groove, *wanted, "--reactivity", "0", "--frames", "out")
    assert "2 bars from 4.00 s on, 4.000 s, 48 frames" in told.out
    files = sorted((folder / "out").glob("*.png"))
    seen = np.stack([np.asarray(Image.open(file), float) for file in files])
    steps = np.abs(np.diff(seen, axis=0)).mean(axis=(1, 2, 3))
    assert len(seen) == 48
    assert np.abs(seen[0] - seen[-1]).mean() <= 1.5 * np.median(steps)


def test_a_loop_without_a_beat(folder: Path) -> None:
    write_wav(folder / "hiss.wav", noise(7.0, RATE, level=0.1), RATE)
    made_ = afx("render", "hiss.wav", *OPTIONS, "--loop", "2", "--start", "1.5", "--json")
    assert made_.code == 0, made_.err
    assert made_.json["frames"] == 48
    assert made_.json["notes"] == ["the beat is not sure: a bar of the loop is 2 seconds"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--loop", "0"), "--loop: should be greater than or equal to 1"),
        (("--loop", "-3"), "--loop: "),
        (("--loop", "two"), "--loop"),
        (("--loop", "700"), "--loop: "),
        (("--loop", "64"), "--loop 64: from 0.0 s on the song has 6 bars"),
        (("--loop", "6"), "use --loop 5"),
        (("--loop", "2", "--duration", "4"), "--loop says how long the video is"),
        (("--loop", "1", "--start", "99"), "--start 99 is past the end"),
    ],
)
def test_loops_that_cannot_be(folder: Path, groove: Path, options, says) -> None:
    with unchanged(folder):
        outcome = afx("render", groove, *OPTIONS, *options)
    assert outcome.code == 1, outcome
    (line,) = [line for line in outcome.err.splitlines() if line.startswith("afx: ")]
    assert says in line


def test_a_song_of_a_moment_has_no_loop(folder: Path) -> None:
    write_wav(folder / "tick.wav", np.vstack((clicks(120, 0.6, RATE),) * 2), RATE)
    outcome = afx("render", "tick.wav", *OPTIONS, "--loop", "1")
    assert outcome.code == 1
    assert "--loop 1: from 0.0 s on the song has no bars of 2 s" in outcome.err
