"""Whatever is wrong with what a person gives: one clear line, exit code 1, nothing left behind.

And whatever is odd but can be heard, or is nothing but silence, still gives a calm, moving video.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from afxcommand import RATE, SMALL, afx, made_look, made_song, pictures, unchanged
from music_analysis.audio import load
from music_analysis.synth import noise, tone
from soundfiles import encode, raw_wav

FLOAT = 3
"""The tag of float samples in a WAV header."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a song of 1.5 seconds and a look."""
    monkeypatch.chdir(tmp_path)
    made_song(tmp_path / "song.wav")
    made_look(tmp_path / "ink.toml")
    return tmp_path


def refused(folder: Path, *arguments: str | Path) -> str:
    """Run a command that must be refused; return the one line."""
    with unchanged(folder):
        outcome = afx(*arguments)
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    lines = [line for line in outcome.err.splitlines() if line.startswith("afx: ")]
    assert "Traceback" not in outcome.err
    assert lines == outcome.err.splitlines()[-1:], "one line, the last"
    assert 10 < len(lines[0]) < 400
    return lines[0]


def mute_video(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 90, np.uint8), "yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def cut_in_half(path: Path) -> None:
    encode(path, np.tile(tone(440, 2.0, 44_100), (2, 1)), 44_100)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def wav(samples: NDArray[np.generic], rate: int = RATE, tag: int = 1) -> Callable[[Path], object]:
    return lambda path: raw_wav(path, samples, rate, tag)


BAD_SONGS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("sung.wav", lambda _: None, "no such file; did you mean song.wav"),
    "folder": ("album", Path.mkdir, "is a folder"),
    "empty": ("a.mp3", Path.touch, "is empty"),
    "text": ("a.mp3", lambda p: p.write_text("Only words.\n" * 99), "cannot be read as sound"),
    "zeros": ("a.flac", lambda p: p.write_bytes(bytes(9999)), "cannot be read as sound"),
    "no sound": ("a.mp4", mute_video, "without sound"),
    "cut M4A": ("a.m4a", cut_in_half, "cut short"),
    "0 samples": ("a.wav", wav(np.zeros(0, np.int16)), "holds no sound"),
    "1 Hz": ("a.wav", wav(np.zeros(99, np.int16), 1), "1 Hz; 8 to 192 kHz"),
    "384 kHz": ("a.wav", wav(np.zeros(99, np.int16), 384_000), "384,000 Hz; 8 to 192 kHz"),
    "0 Hz": ("a.wav", wav(np.zeros(99, np.int16), 0), "a.wav"),
    "9 channels": ("a.wav", wav(np.zeros((9, 99), np.int16)), "9 channels"),
    "header only": ("a.wav", lambda p: p.write_bytes(b"RIFF" + struct.pack("<I", 4)), "a.wav"),
}


@pytest.mark.parametrize("name", BAD_SONGS)
def test_songs_that_cannot_be_used(folder: Path, name: str) -> None:
    file, make, says = BAD_SONGS[name]
    make(folder / file)
    assert says in refused(folder, "render", file, "--look", "ink.toml", *SMALL)


RENDER = ("render", "song.wav", "--look", "ink.toml")
BAD_OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "size 0x0": ((*RENDER, "--size", "0x0"), "16 to 8192"),
    "size odd": ((*RENDER, "--size", "641x361"), "use 642x362"),
    "size huge": ((*RENDER, "--size", "100000x100000"), "16 to 8192"),
    "size square huge": ((*RENDER, "--size", "8192x8192"), "at most 8192x4352"),
    "size garbage": ((*RENDER, "--size", "big"), "use 1280x720 or"),
    "size negative": ((*RENDER, "--size", "-64x-36"), "--size"),
    "fps 0": ((*RENDER, "--fps", "0"), "use 12 to 120"),
    "fps negative": ((*RENDER, "--fps", "-30"), "must be positive"),
    "fps 1000": ((*RENDER, "--fps", "1000"), "use 12 to 120"),
    "fps words": ((*RENDER, "--fps", "abc"), "not a frame rate"),
    "fps by zero": ((*RENDER, "--fps", "30/0"), "divides by zero"),
    "codec": ((*RENDER, "--codec", "vp9"), '"h264", "h265", "av1"'),
    "quality": ((*RENDER, "--quality", "best"), '"draft", "standard", "high"'),
    "start past the end": ((*RENDER, "--start", "99"), "past the end: song.wav lasts 1.5"),
    "start negative": ((*RENDER, "--start", "-1"), "must be 0 or more seconds"),
    "start words": ((*RENDER, "--start", "chorus"), "use seconds, such as 12.5, or 1:30"),
    "start nan": ((*RENDER, "--start", "nan"), "is not a time"),
    "duration negative": ((*RENDER, "--duration", "-3"), "must be more than 0"),
    "duration 0": ((*RENDER, "--duration", "0"), "must be more than 0"),
    "duration infinite": ((*RENDER, "--duration", "inf"), "is not a time"),
    "threads 0": ((*RENDER, "--threads", "0"), "use 1 to 256"),
    "threads many": ((*RENDER, "--threads", "100000"), "use 1 to 256"),
    "threads words": ((*RENDER, "--threads", "all"), "--threads"),
    "seed negative": ((*RENDER, "--seed", "-1"), "--seed"),
    "seed huge": ((*RENDER, "--seed", str(2**70)), "--seed"),
    "reactivity 9": ((*RENDER, "--reactivity", "9"), "--reactivity"),
    "reactivity nan": ((*RENDER, "--reactivity", "nan"), "--reactivity"),
    "look unknown": (("render", "song.wav", "--look", "abys"), "did you mean 'abyss'?"),
    "look missing": (("render", "song.wav", "--look", "mine.toml"), "no such look file"),
    "look a song": (("render", "song.wav", "--look", "song.wav"), "this is not a look"),
    "output a folder": ((*RENDER, "-o", "."), "folder"),
    "output no MP4": ((*RENDER, "-o", "video.avi"), "name it video.mp4"),
    "output the song": ((*RENDER, "-o", "song.wav"), "is the song itself"),
    "output under a file": ((*RENDER, "-o", "ink.toml/video.mp4"), "cannot write"),
    "output a long name": ((*RENDER, "-o", "x" * 300 + ".mp4"), "name too long"),
    "frames is a file": ((*RENDER, "--frames", "ink.toml"), "was not made by afx"),
    "frames under a file": ((*RENDER, "--frames", "ink.toml/out"), "cannot make folder"),
    "frames past the end": ((*RENDER, "--frames", "out", "--start", "9"), "past the end"),
    "frames and output": ((*RENDER, "--frames", "out", "-o", "a.mp4"), "choose one"),
    "again: not ours": (("render", "song.wav", "--again"), "carries no settings"),
    "again: missing": (("render", "none.mp4", "--again"), "no such file"),
    "again: changed": (("render", "a.mp4", "--again", "--seed", "3"), "leave out --seed"),
    "song alone": ((*RENDER, "--song", "song.wav"), "--again"),
    "no song": (("render",), "SONG is missing"),
    "no value": ((*RENDER, "--size"), "--size needs a value"),
    "two songs": ((*RENDER, "two.wav"), "a name with spaces needs quotes"),
    "unknown option": ((*RENDER, "--siez", "720p"), "Did you mean --size?"),
    "unknown command": (("rendr", "song.wav"), 'Did you mean "render"?'),
    "forgotten command": (("song.wav",), "Try: afx render song.wav"),
    "at past the end": (("frame", "song.wav", "--at", "9"), "--at 9 is outside the song"),
    "at words": (("frame", "song.wav", "--at", "end"), "is not a time"),
    "at missing": (("frame", "song.wav"), "--at needs a value"),
    "still no PNG": (("frame", "song.wav", "--at", "0", "-o", "a.jpg"), "name it a.png"),
    "pattern unknown": (("patterns", "jula"), "did you mean 'julia'?"),
    "looks unknown": (("looks", "abys"), "did you mean 'abyss'?"),
    "toml of all": (("looks", "--toml"), "needs a look's name"),
    "demo size": (("demo", "--size", "huge"), "cannot read size"),
    "demo under a file": (("demo", "ink.toml/demo.mp4"), "cannot write"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_options_that_cannot_be(folder: Path, name: str) -> None:
    arguments, says = BAD_OPTIONS[name]
    assert says.lower() in refused(folder, *arguments).lower()


BAD_LOOKS = {
    "syntax": ('title = "Ink\n', "bad.toml:1: not valid TOML"),
    "unknown key": ('title = "A"\npattern = "ink"\npalette = "glacier"\nspeed = 3\n', ":4: speed:"),
    "unknown knob": (
        'title = "A"\npattern = "ink"\npalette = "glacier"\n[knobs]\nzom = 1\n',
        ":5: knobs.zom: ink has no such knob; did you mean 'zoom'?",
    ),
    "unknown pattern": ('title = "A"\npattern = "inc"\npalette = "glacier"\n', ":2: pattern:"),
    "out of range": (
        'title = "A"\npattern = "ink"\npalette = "glacier"\n[knobs]\nzoom = 99\n',
        ":5: knobs.zoom: 99 is outside",
    ),
    "no text": ("\x00\x01", "this is not a look"),
}


@pytest.mark.parametrize("name", BAD_LOOKS)
def test_looks_that_cannot_be(folder: Path, name: str) -> None:
    text, says = BAD_LOOKS[name]
    made_look(folder / "bad.toml", text)
    assert says in refused(folder, "render", "song.wav", "--look", "bad.toml")
    assert says in refused(folder, "looks", "bad.toml")


HALF = RATE // 2
ODD_SONGS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "1 sample": ("a.wav", wav(np.ones(1, np.int16))),
    "0.05 s": ("a.wav", wav(np.ones(RATE // 20, np.int16))),
    "silence": ("a.wav", wav(np.zeros(HALF, np.int16))),
    "DC": ("a.wav", wav(np.full(HALF, 0.9, np.float32), tag=FLOAT)),
    "noise": ("a.wav", wav(noise(0.5, RATE, level=3.0)[0], tag=FLOAT)),
    "clipping": ("a.wav", wav(np.clip(tone(200, 0.5, RATE)[0] * 50, -1, 1), tag=FLOAT)),
    "far too loud": ("a.wav", wav(tone(200, 0.5, RATE)[0] * np.float32(1e30), tag=FLOAT)),
    "NaN": ("a.wav", wav(np.full(HALF, np.nan, np.float32), tag=FLOAT)),
    "Inf": ("a.wav", wav(np.full(HALF, np.inf, np.float32), tag=FLOAT)),
    "cut MP3": ("a.mp3", cut_in_half),
    "cut FLAC": ("a.flac", cut_in_half),
    "8 kHz": ("a.wav", wav(np.ones(4000, np.int16), 8_000)),
    "192 kHz": ("a.wav", wav(np.ones(96_000, np.int16), 192_000)),
}


@pytest.mark.parametrize("name", ODD_SONGS)
def test_odd_songs_render(folder: Path, name: str) -> None:
    file, make = ODD_SONGS[name]
    make(folder / file)
    outcome = afx("render", file, "--look", "ink.toml", *SMALL, "-o", "video.mp4", "--json")
    assert outcome.code == 0, outcome.err
    made = outcome.json
    seen = pictures(folder / "video.mp4")
    assert len(seen) == made["frames"] >= 1
    luma = seen[:, :36].astype(float)
    assert 16 < luma.mean() < 200
    assert luma.std() > 3, "there is a picture"
    assert made["flashes"]["passed"]
    assert made["tempo"]["sure"] is False
    assert load(folder / "video.mp4").codec == "aac"


@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_nothing_to_hear_still_moves_calmly(folder: Path, kind: str) -> None:
    sound = np.zeros(2 * RATE, np.float32) if kind == "silence" else noise(2.0, RATE, level=1.0)[0]
    raw_wav(folder / "a.wav", sound, RATE, FLOAT)
    outcome = afx("render", "a.wav", "--look", "ink.toml", *SMALL, "--json")
    seen = pictures(folder / "a.mp4")[:, :36].astype(float)
    steps = np.abs(np.diff(seen, axis=0)).mean(axis=(1, 2))
    assert np.abs(seen[-1] - seen[0]).mean() > 1, "it moves"
    assert steps.max() < 12, "calmly"
    assert outcome.json["concerns"] == []


def test_the_rates_of_television(folder: Path) -> None:
    small = [*SMALL[:2], *SMALL[4:]]
    made = afx(*RENDER, *small, "--fps", "29.97", "--json")
    assert made.json["fps"] == "30000/1001"
    with av.open(str(folder / "song.mp4")) as container:
        assert container.streams.video[0].average_rate * 1001 == 30_000


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("afx.mp4.os.fsync", ()),
        ("afx.render.np.save", ()),
        ("PIL.Image.Image.save", ("--frames", "out")),
        ("music_analysis.synth.write_wav", None),
    ],
)
def test_a_full_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, kind: tuple[str, ...] | None
) -> None:
    monkeypatch.setattr(what, no_space)
    line = refused(folder, *(("demo",) if kind is None else (*RENDER, *SMALL, *kind)))
    assert "No space left on device" in line


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_folders_that_cannot_be_written(folder: Path) -> None:
    for output in ("/proc/afx/video.mp4", "/proc/video.mp4"):
        assert "cannot write" in refused(folder, *RENDER, "-o", output)
    assert "cannot write" in refused(
        folder, "frame", "song.wav", "--at", "0", *SMALL[:2], "-o", "/proc/a.png"
    )


def test_a_bug_shows_its_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("afx.piece.compose", broken)
    with unchanged(folder), pytest.raises(ZeroDivisionError):
        afx(*RENDER, *SMALL)


def test_a_file_that_breaks_off_is_rendered_and_said(folder: Path) -> None:
    sound = np.random.default_rng(1).normal(0.0, 0.1, (1, 8 * RATE)).astype(np.float32)
    data = encode(folder / "whole.flac", sound, RATE).read_bytes()
    (folder / "cut.flac").write_bytes(data[: len(data) // 2])
    outcome = afx("render", "cut.flac", "--look", "ink.toml", *SMALL, "--json")
    assert outcome.code == 0
    assert any("breaks off" in concern["what"] for concern in outcome.json["concerns"])
