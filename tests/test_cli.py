"""Every command as people and programs use it, and renders that are stopped at every moment."""

from __future__ import annotations

import io
import itertools
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

import afx.render
from afx import __version__
from afx import job as jobs
from afx.commands import app
from afx.progress import Meter
from afx.stills import read_settings
from afxcommand import SMALL, Outcome, made_look, made_song, pictures, unchanged
from afxcommand import afx as run
from made_films import kicks, texture, write_film
from music_analysis.audio import load
from music_analysis.synth import SongSpec, make_song


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a song of 1.5 seconds and a look."""
    monkeypatch.chdir(tmp_path)
    made_song(tmp_path / "song.wav")
    made_look(tmp_path / "ink.toml")
    return tmp_path


@pytest.fixture
def film(folder: Path) -> Path:
    """A video with a drum in it, long enough to be judged."""
    frames = [texture(64, 36, turn=k / 8) for k in range(39)]
    sound = kicks(np.arange(0.2, 3, 0.6), 3.2)
    return write_film(folder / "film.mp4", frames, fps=Fraction(12), sound=sound)


LOOK = ("--look", "ink.toml")
TIMELINE = ".timeline.toml"
COMMANDS: dict[str, tuple[tuple[str, ...], set[str], str]] = {
    # what is typed, files it makes, a word of what it prints
    "render": (
        ("render", "song.wav", *LOOK, *SMALL),
        {"song.mp4", "song.timeline.toml"},
        "Screened for flashes",
    ),
    "demo": (
        ("demo", *LOOK, *SMALL, "--duration", "0.5", "--start", "0:01.5"),
        {"demo.wav", "demo.mp4", "demo.timeline.toml"},
        "bpm, very sure",
    ),
    "frame": (
        ("frame", "song.wav", "--at", "1", *LOOK, "--size", "64x36"),
        {"song.png"},
        "64×36",
    ),
    "analyze": (("analyze", "song.wav"), {"song.analysis"}, "Tempo"),
    "looks": (("looks",), set(), "bpm"),
    "looks NAME": (("looks", "ink.toml"), set(), "Glacier"),
    "judge": (("judge", "film.mp4"), {"film.judge.html"}, "bars met"),
    "patterns": (("patterns",), set(), "ink"),
    "patterns NAME": (("patterns", "ink"), set(), "Source: "),
    "bench": (("bench", "profile"), set(), "No profile"),
    "explore": (
        ("explore", "still", "ink.toml", "--size", "64x36"),
        {"ink.png"},
        "afx explore save ink.png",
    ),
}


def ok(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    return outcome


@pytest.mark.parametrize("name", COMMANDS)
def test_command_for_people(folder: Path, film: Path, name: str) -> None:
    arguments, makes, word = COMMANDS[name]
    before = {p.name for p in folder.iterdir()}
    outcome = ok(run(*arguments))
    assert word in outcome.out
    assert "\x1b" not in outcome.out + outcome.err
    assert max(len(line.rstrip()) for line in outcome.out.splitlines()) <= 80
    assert {p.name for p in folder.iterdir()} == before | makes


@pytest.fixture
def short_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SongSpec(sections=(("chorus", 1),), sample_rate=8_000)
    monkeypatch.setattr("music_analysis.synth.demo_song", lambda: make_song(spec))


@pytest.mark.parametrize("name", COMMANDS)
def test_command_for_programs(folder: Path, film: Path, short_demo: None, name: str) -> None:
    outcome = ok(run(*COMMANDS[name][0], "--json"))
    assert isinstance(outcome.json, dict if name not in ("looks", "patterns") else list)
    assert outcome.err == ""


@pytest.mark.parametrize("command", ["", *(c for c in app if not c.startswith("-"))])
def test_help_teaches_by_example(command: str) -> None:
    outcome = ok(run(*command.split(), "--help"))
    examples = outcome.out.partition("Examples:")[2].strip().splitlines()
    assert 2 <= len(examples) <= 5
    assert all(line.strip().startswith(f"afx {command}") for line in examples)
    assert max(map(len, outcome.out.splitlines())) <= 80
    if command:
        assert command in COMMANDS
    else:
        assert run().out == outcome.out  # `afx` alone


def test_version() -> None:
    assert run("--version").out == f"afx {__version__}\n"


def test_starting_is_light() -> None:
    heavy = ["numpy", "scipy", "av", "llvmlite", "pydantic", "PIL", "soxr"]
    code = (
        "import sys; from afx.cli import main; main(['render', '--help'])\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_finished_video(folder: Path) -> None:
    made = ok(run("render", "song.wav", *LOOK, *SMALL, "--seed", "7", "--json")).json
    output = folder / "song.mp4"
    assert (made["output"], made["frames"], made["size"]) == ("song.mp4", 36, [64, 36])
    assert made["bytes"] == output.stat().st_size
    assert [look["look"] for look in made["looks"]] == ["ink"]
    with av.open(str(output)) as container:
        assert [s.type for s in container.streams] == ["video", "audio"]
        video, sound = container.streams
        assert (video.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert float(video.duration * video.time_base) == 1.5
        assert float(sound.duration * sound.time_base) == pytest.approx(1.5, abs=0.03)
    settings = read_settings(output)
    assert (settings["seed"], settings["fps"], settings["quality"]) == (7, "24", "draft")

    again = ok(run("render", "song.mp4", "--again"))
    assert "song.again.mp4" in again.out
    assert (folder / "song.again.mp4").read_bytes() == output.read_bytes()

    # An MP4 is a song too, and is not overwritten.
    ok(run("render", "song.mp4", *LOOK, *SMALL, "--duration", "0.5"))
    assert len(pictures(folder / "song.afx.mp4")) == 12


def test_again_elsewhere_and_later(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = jobs.make_job
    with monkeypatch.context() as patch:
        patch.setattr(
            jobs, "make_job", lambda *a, **k: make(*a, **k).model_copy(update={"version": "0.0.1"})
        )
        ok(run("render", "song.wav", *LOOK, *SMALL, "--duration", "0.5"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "song.wav").rename(tmp_path / "elsewhere" / "moved.wav")
    lost = run("render", "song.mp4", "--again")
    assert lost.code == 1
    assert "say where it is with --song" in lost.err
    found = ok(
        run("render", "song.mp4", "--again", "--song", "elsewhere/moved.wav", "-o", "new.mp4")
    )
    assert f"made with version 0.0.1, this is {__version__}" in found.err
    assert read_settings("new.mp4")["version"] == __version__
    assert np.array_equal(pictures(tmp_path / "new.mp4"), pictures(tmp_path / "song.mp4"))


def test_a_folder_of_pictures(folder: Path) -> None:
    ok(run("render", "song.wav", *LOOK, *SMALL, "--frames", "out"))
    assert len(list((folder / "out").glob("*.png"))) == 36
    assert (folder / "out" / "timeline.toml").is_file()
    with Image.open(folder / "out" / "frame_000036.png") as image:
        assert image.size == (64, 36)
    made = ok(run("render", "song.wav", *LOOK, *SMALL, "--frames", "out", "--duration", "0.5"))
    assert len(list((folder / "out").glob("*.png"))) == 12, made.out
    # Pictures carry their settings as videos do.
    ok(run("render", "out", "--again"))
    assert len(pictures(folder / "out.again.mp4")) == 12


def test_a_still_is_the_frame_of_the_video(folder: Path) -> None:
    ok(run("render", "song.wav", *LOOK, *SMALL, "--frames", "out"))
    ok(run("frame", "song.wav", "--at", "1", *LOOK, *SMALL[:4], "-o", "still.png"))
    with Image.open("still.png") as still, Image.open("out/frame_000025.png") as video:
        assert np.array_equal(np.asarray(still), np.asarray(video))


def test_only_our_own_files_are_replaced(folder: Path, short_demo: None) -> None:
    render = ("render", "song.wav", *LOOK, *SMALL, "--duration", "0.5")
    output = folder / "song.mp4"
    output.write_text("holiday")
    refused = run(*render)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert output.read_text() == "holiday"
    ok(run(*render, "--overwrite"))
    ok(run(*render))
    (folder / "still.png").write_text("holiday")
    still = ("frame", "song.wav", "--at", "0", *LOOK, *SMALL[:4], "-o", "still.png")
    assert "--overwrite" in run(*still).err
    (folder / "photos").mkdir()
    (folder / "photos" / "me.jpg").touch()
    assert "--overwrite" in run(*render, "--frames", "photos").err
    (folder / "demo.wav").write_text("holiday")
    assert "--overwrite" in run("demo", *LOOK, *SMALL).err
    assert (folder / "demo.wav").read_text() == "holiday"


def test_looks_can_be_copied(folder: Path) -> None:
    text = ok(run("looks", "ink.toml", "--toml")).out
    (folder / "mine.toml").write_text(text)
    assert ok(run("looks", "mine.toml", "--toml")).out == text
    assert ok(run("looks", "mine.toml", "--json")).json["pattern"] == "ink"


def test_names_of_every_kind(folder: Path) -> None:
    name = os.fsdecode(b"a \xff [red] \xc3\xa9\n.wav") if os.name == "posix" else "a [red] é.wav"
    (folder / "song.wav").rename(folder / name)
    made = ok(run("render", name, *LOOK, *SMALL, "--duration", "0.3"))
    assert "[red] é" in made.out.replace("\\n", "")
    output = Path(name).with_suffix(".mp4")
    assert ok(run("render", output, "--again", "--json")).json["frames"] == 7
    missing = run("render", f"{name}.mp3")
    assert (missing.code, missing.err.count("\n")) == (1, 1)


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    command = f"{sys.executable} -m afx.cli patterns | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_progress_in_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(30.0) as meter:
        for stage in ("listening", "rendering"):
            for done in range(101):
                meter(stage, done, 100)
    assert capsys.readouterr().err == "Listening 100 frames\nRendering 100 frames\n"
    with Meter(30.0, silent=True) as meter:
        meter("rendering", 0, 10)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    ticks = itertools.count()
    monkeypatch.setattr("afx.progress.time", SimpleNamespace(monotonic=lambda: next(ticks) * 0.2))
    with Meter(30.0) as meter:
        meter("listening", 0, 1)
        for done in range(0, 61):
            meter("rendering", done, 60)
        assert meter._bar is not None
        meter._bar.refresh()
    text = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "60/60 · 5 fps · 0.2× · 0:00 left" in text
    assert "\x1b[3" not in text, "no color"
    assert text.endswith("\x1b[2K"), "it goes away"


# Slowed down, with segments of a second, so that a signal finds it at work.
SLOW = """
import sys, time
import afx.render as render
from afx.cli import main
render.SEGMENT_SECONDS = 1
make = render.Thumbnails.make
def slowly(self, planes):
    time.sleep(0.02)
    return make(self, planes)
render.Thumbnails.make = slowly
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX matter")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_render_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(afx.render, "SEGMENT_SECONDS", 1)
    made_song(folder / "song.wav", 4.0)
    render = ("render", "song.wav", *LOOK, *SMALL, "-o", "video.mp4", "--threads", "1")
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *render], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        first = folder / ".video.mp4.render" / "segment_00000.npy"
        deadline = time.monotonic() + 30
        while not first.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert first.exists()
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        last = errors.decode().splitlines()[-1]
        assert last == "Stopped. Run the same command again to go on where it stopped."
        assert "Traceback" not in errors.decode()
    assert not (folder / "video.mp4").exists()

    made = ok(run(*render, "--json")).json
    assert 24 <= made["frames_kept"] < made["frames"] == 96
    ok(run(*render[:-4], "-o", "undisturbed.mp4"))
    assert (folder / "video.mp4").read_bytes() == (folder / "undisturbed.mp4").read_bytes()
    left = {p.name for p in folder.iterdir()}
    made_files = {f"{name}{end}" for name in ("video", "undisturbed") for end in (".mp4", TIMELINE)}
    assert left == {"song.wav", "ink.toml"} | made_files


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX matter")
@pytest.mark.parametrize("stage", ["listening", "composing", "rehearsing", "rendering", "joining"])
@pytest.mark.parametrize("kind", [(), ("--frames", "out")], ids=["video", "frames"])
def test_stopped_in_every_stage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str, kind: tuple[str, ...]
) -> None:
    if kind and stage == "joining":
        return
    tell = Meter.__call__

    def stop(self: Meter, now: str, done: int, total: int) -> None:
        tell(self, now, done, total)  # type: ignore[arg-type]
        if now == stage and (done > 3 or total == 1 or now == "rehearsing"):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Meter, "__call__", stop)
    handler = signal.getsignal(signal.SIGINT)
    with unchanged(folder):
        outcome = run("render", "song.wav", *LOOK, *SMALL, *kind)
        if stage == "joining":  # every segment is there: they wait for the next time
            assert (folder / ".song.mp4.render").is_dir()
            monkeypatch.undo()
            monkeypatch.chdir(folder)
            ok(run("render", "song.wav", *LOOK, *SMALL))
            (folder / "song.mp4").unlink()
            (folder / "song.timeline.toml").unlink()
    assert outcome.code == 130
    assert outcome.err.splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in outcome.err
    assert signal.getsignal(signal.SIGINT) == handler


def test_the_sound_of_the_video_is_the_song(folder: Path) -> None:
    ok(run("render", "song.wav", *LOOK, *SMALL, "--start", "0.5", "--duration", "0:01"))
    with_video = load(folder / "song.mp4")
    sound = np.concatenate(list(with_video.blocks(channels=1)), axis=1)[0]
    song = np.concatenate(list(load("song.wav").blocks(channels=1, start=0.5)), axis=1)[0]
    loudest = int(np.argmax(np.abs(song[5000:])))
    assert abs(int(np.argmax(np.abs(sound[5000:]))) - loudest) < 0.04 * with_video.sample_rate


def test_a_start_is_the_nearest_frame_as_for_a_still(folder: Path) -> None:
    # 8.2 s is frame 246 of 30 a second; cutting 8.2 × 30.0 down would give 245.
    made_song(folder / "long.wav", 8.5)
    look = ("--look", "ink.toml", "--size", "64x36")
    ok(run("render", "long.wav", *look, "--start", "8.2", "--duration", "0.05", "--frames", "f"))
    ok(run("frame", "long.wav", *look, "--at", "8.2", "-o", "still.png"))
    first, still = (
        np.asarray(Image.open(folder / name)) for name in ("f/frame_000001.png", "still.png")
    )
    assert (first == still).all()


def test_a_file_tells_nothing_of_the_folders_it_was_made_in(folder: Path) -> None:
    ok(run("render", folder / "song.wav", *LOOK, *SMALL, "--duration", "0.2"))
    assert read_settings(folder / "song.mp4")["song"] == "song.wav"
    assert str(folder).encode() not in (folder / "song.mp4").read_bytes()


def test_looks_are_found_by_their_titles_too(folder: Path) -> None:
    assert "starry-night" in ok(run("looks", "Starry Night")).out
