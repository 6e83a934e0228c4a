"""The commands that analyze, as people and programs use them."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afx.commands import app
from afxcommand import Outcome, afx, left_in, unchanged
from made_analysis import made_analysis, nothing_analysis
from music_analysis.analysis import load
from music_analysis.cli import command
from music_analysis.cli.meter import Meter
from music_analysis.errors import UserError
from music_analysis.summary import summary
from music_analysis.synth import SongSpec, make_song, noise, silence, tone, write_wav
from music_analysis.tables import COLUMNS, row_of
from music_analysis.terminal import show, songs_table
from soundfiles import encode

RATE = 22_050
PARTS = ("tempo", "key", "chords", "structure")


def four(part: str, *arguments: str | Path) -> Outcome:
    """Run one of the four commands as a shell would."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main(part, [str(a) for a in arguments])  # type: ignore[arg-type]
    for stream in (out, err):
        stream.flush()
    texts = [s.buffer.getvalue().decode() for s in (out, err)]  # type: ignore[attr-defined]
    return Outcome(code, *texts)


def run(part: str, *arguments: str | Path) -> Outcome:
    return afx("analyze", *arguments) if part == "analysis" else four(part, *arguments)


def ok(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    return outcome


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of about 12 seconds, made once."""
    path = tmp_path_factory.mktemp("made") / "song.mp3"
    song = make_song(SongSpec(tempo=118.0, sections=(("chorus", 6),), sample_rate=44_100))
    tags = {"title": "Sunny Day", "artist": "Nobody"}
    return encode(path, song.samples, song.sample_rate, tags=tags)


@pytest.fixture
def folder(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a song."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    shutil.copy(made, here / "song.mp3")
    return here


# ---- one song ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["analysis", *PARTS])
def test_a_song_for_people(folder: Path, part: str) -> None:
    outcome = ok(run(part, "song.mp3"))
    assert outcome.out.startswith("Sunny Day · Nobody\nsong.mp3")
    assert "\x1b" not in outcome.out + outcome.err
    assert max(len(line.rstrip()) for line in outcome.out.splitlines()) <= 80
    assert left_in(folder) == {"song.mp3", "song.analysis"}
    kinds = ("json", "png", "html")
    assert left_in(folder / "song.analysis") == {f"{part}.{kind}" for kind in kinds}
    assert all(f"{part}.{kind}" in outcome.out for kind in kinds)
    document = json.loads((folder / "song.analysis" / f"{part}.json").read_text())
    assert document["schema"] == 1
    assert (folder / "song.analysis" / f"{part}.png").read_bytes()[:4] == b"\x89PNG"
    assert "<html" in (folder / "song.analysis" / f"{part}.html").read_text("utf-8")[:500]


@pytest.mark.parametrize("part", ["analysis", *PARTS])
def test_a_song_for_programs(folder: Path, part: str) -> None:
    with unchanged(folder):
        outcome = ok(run(part, "song.mp3", "--json"))
    assert outcome.err == ""
    assert outcome.out.isascii()
    found = outcome.json
    assert found["title"] == "Sunny Day"
    wanted = {"tempo": "tempo", "key": "key", "chords": "chords", "structure": "sections"}
    assert found[wanted.get(part, "mood")]
    assert ("mood" in found) is (part == "analysis")
    assert "arrays" not in found


def test_what_is_printed_can_be_read_again(folder: Path) -> None:
    Path("printed.json").write_text(ok(run("analysis", "song.mp3", "--json")).out)
    ok(run("analysis", "song.mp3"))
    printed, written = load("printed.json"), load("song.analysis/analysis.json")
    assert printed.tempo.bpm == written.tempo.bpm == pytest.approx(118, rel=0.04)
    assert printed.chords.segments == written.chords.segments
    assert len(written.wave) > 200


def test_the_commands_of_the_plan_work_word_for_word(folder: Path) -> None:
    Path("song.mp3").rename("audio.mp3")
    for part in PARTS:
        words = [sys.executable, "-m", f"music_analysis.cli.analyze_{part}", "audio.mp3"]
        done = subprocess.run(
            [*words, "--no-png", "--no-html"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert "Sunny Day" in done.stdout
        assert (folder / "audio.analysis" / f"{part}.json").exists()


def test_a_song_is_listened_to_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ok(run("analysis", "song.mp3", "--json"))
    listened = []

    def listen(*_: object) -> None:
        listened.append(1)
        raise UserError("listened")

    monkeypatch.setattr("music_analysis.song_spectra.measure_song", listen)
    assert ok(run("analysis", "song.mp3", "--json")).out == first.out
    ok(run("chords", "song.mp3", "--no-png", "--no-html"))
    assert listened == []
    assert run("analysis", "song.mp3", "--json", "--no-cache").code == 1
    assert listened == [1]


def test_where_results_go_and_what_is_left_out(folder: Path) -> None:
    ok(run("analysis", "song.mp3", "-o", "a/b", "--no-png"))
    assert left_in(folder / "a" / "b") == {"analysis.json", "analysis.html"}
    ok(run("key", "song.mp3", "-o", "a/b", "--no-html"))
    assert left_in(folder / "a" / "b") == {"analysis.json", "analysis.html", "key.json", "key.png"}


def test_linked_sound_makes_a_small_page(folder: Path) -> None:
    ok(run("tempo", "song.mp3", "-o", "whole", "--no-png"))
    ok(run("tempo", "song.mp3", "-o", "linked", "--no-png", "--link-audio"))
    whole, linked = (Path(name, "tempo.html").stat().st_size for name in ("whole", "linked"))
    assert linked < whole - 0.5 * Path("song.mp3").stat().st_size
    assert "song.mp3" in Path("linked/tempo.html").read_text("utf-8")


def test_files_for_other_programs(folder: Path) -> None:
    ok(run("analysis", "song.mp3", "--export", "all", "--no-png", "--no-html", "-o", "out"))
    assert {"chords.lab", "analysis.jams", "analysis.mid", "analysis.svl", "beats.sv.csv"} <= (
        left_in(folder / "out")
    )
    ok(run("chords", "song.mp3", "--export", "lab, MIDI", "--no-png", "--no-html", "-o", "two"))
    assert left_in(folder / "two") == {"chords.json", "chords.lab", "chords.mid"}


def test_only_our_own_files_are_replaced(folder: Path) -> None:
    Path("song.analysis").mkdir()
    Path("song.analysis/key.html").write_text("my thesis")
    refused = run("key", "song.mp3", "--no-png")
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert Path("song.analysis/key.html").read_text() == "my thesis"
    ok(run("key", "song.mp3", "--no-png", "--overwrite"))
    ok(run("key", "song.mp3", "--no-png"))
    assert len(Path("song.analysis/key.html").read_text("utf-8")) > 1000


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_names_of_every_kind(folder: Path) -> None:
    name = os.fsdecode(b"a \xff [red] \xc3\xa9\n.mp3")
    Path("song.mp3").rename(name)
    outcome = ok(run("analysis", name, "--export", "all"))
    assert "Sunny Day" in outcome.out
    results = Path(os.fsdecode(b"a \xff [red] \xc3\xa9\n.analysis"))
    assert load(results / "analysis.json").file == "a \ufffd [red] é\n.mp3"
    assert (results / "analysis.html").stat().st_size > 1000
    ok(run("analysis", name, "--table", "t.csv"))
    assert run("analysis", f"{name}.none").err.count("\n") == 1


QUIET: dict[str, Any] = {
    "0.01 s": tone(440, 0.01, RATE),
    "2 s": tone(440, 2.0, RATE) * np.float32(0.3),
    "silence": silence(4.0, RATE),
    "noise": noise(6.0, RATE),
}


@pytest.mark.parametrize("kind", QUIET)
def test_nothing_to_hear_is_not_enough_to_tell(folder: Path, kind: str) -> None:
    write_wav("a.wav", QUIET[kind], RATE)
    for part in PARTS:
        outcome = ok(run(part, "a.wav", "--no-png", "--no-html"))
        if part in ("tempo", "key"):
            assert re.search("not enough to tell|not sure", outcome.out), outcome.out
    ok(run("analysis", "a.wav", "--export", "all"))


def test_a_file_that_breaks_off_is_said_to(folder: Path) -> None:
    song = make_song(SongSpec(sections=(("verse", 8),), sample_rate=RATE))
    encode(Path("whole.flac"), song.samples, RATE)
    assert "breaks off" not in ok(run("analysis", "whole.flac", "--no-png", "--no-html")).err
    data = Path("whole.flac").read_bytes()
    Path("half.flac").write_bytes(data[: len(data) // 2])
    outcome = ok(run("analysis", "half.flac", "--no-png", "--no-html"))
    assert re.search(r"half.flac: breaks off at 0:\d\d of 0:16", outcome.err), outcome.err
    both = ok(run("tempo", "whole.flac", "half.flac", "--jobs", "1", "--table", "t.csv"))
    assert both.err.count("breaks off") == 1


def test_a_name_that_looks_like_an_option(folder: Path) -> None:
    write_wav("-x.wav", tone(440, 1, RATE), RATE)
    outcome = run("tempo", "-x.wav")
    assert outcome.code == 1
    assert "./-x.wav" in outcome.err
    assert outcome.err.count("\n") == 1


def test_the_tempos_that_are_named_are_rivals(capsys: pytest.CaptureFixture[str]) -> None:
    song = made_analysis(60.0)
    faint = tuple(dataclasses.replace(a, strength=0.001) for a in song.tempo.alternatives)
    sure = dataclasses.replace(song.tempo, alternatives=faint, meter_confidence=0.2)
    show(summary(dataclasses.replace(song, tempo=sure), "tempo"))
    show(summary(dataclasses.replace(song, tempo=sure), "analysis"))
    text = capsys.readouterr().out
    assert "Or " not in text
    assert "or 60" not in text
    assert "bpm · 4/4" not in text  # a meter that is not sure is not said beside a sure tempo


# ---- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["analysis", *PARTS])
@pytest.mark.parametrize("seconds", [5.0, 200.0, 4000.0])
def test_summaries_are_short_and_fit(
    part: str, seconds: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show(summary(made_analysis(seconds), part))  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 75
    assert max(len(line.rstrip()) for line in lines) <= 80
    text = "\n".join(lines)
    wanted = {
        "analysis": (" bpm · 4/4 · sure · or 60, 240", "E♭ major · 5B · sure", "LUFS"),
        "tempo": (" bpm · sure", "60 bpm", "4/4 · fairly sure"),
        "key": ("E♭ major", "C minor", "A4 = 442.3 Hz"),
        "chords": ("A♭maj7  ", "Degrees", "│"),
        "structure": ("0:00–", "not sure", "A intro"),
    }
    assert all(word in text for word in wanted[part]), text


@pytest.mark.parametrize("part", ["analysis", *PARTS])
def test_what_cannot_be_told_is_said(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(summary(nothing_analysis(), part))  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert all("not enough to tell" in line for line in lines[1:])


def test_what_is_not_sure_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    found = made_analysis(60.0)
    doubtful = replace(
        found,
        tempo=replace(found.tempo, confidence=0.2),
        key=replace(found.key, confidence=0.4),
        chords=replace(found.chords, confidence=0.3),
        structure=replace(found.structure, confidence=0.1),
    )
    show(summary(doubtful))
    text = capsys.readouterr().out
    assert text.count("not sure") == 4
    assert "not sure: perhaps 119.9 bpm" in text
    show(songs_table([row_of(doubtful, Path("a/b.mp3")), row_of(nothing_analysis(), Path("c"))]))
    rows = capsys.readouterr().out.splitlines()
    assert re.search(r"^b\.mp3 +1:00 +119\.9\? +4/4 +E♭ major\? ", rows[1])
    assert re.search(r"^c +0:02 +– +– +–", rows[2])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(10) as meter:
        meter(3, "3/10")
        meter._told -= 11
        meter(4, "4/10")
    assert capsys.readouterr().err == "Analyzing 4/10\n"
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with Meter(10) as meter:
        meter(7, "7/10 · 1 broken")
        assert meter._bar is not None
        meter._bar.refresh()
    assert "7/10 · 1 broken" in sys.stderr.getvalue()  # type: ignore[attr-defined]


def test_help_teaches_by_example() -> None:
    for part in PARTS:
        outcome = ok(four(part, "--help"))
        assert f"python -m music_analysis.cli.analyze_{part} song.mp3" in outcome.out
        assert max(map(len, outcome.out.splitlines())) <= 80
    assert "analyze" in app


def test_starting_is_light() -> None:
    code = (
        "import sys; from music_analysis.cli.command import main; main('tempo', ['--help'])\n"
        "print([m for m in ('numpy', 'scipy', 'av', 'matplotlib', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_nothing_heavy_is_needed_to_listen(folder: Path) -> None:
    code = (
        "import sys; from music_analysis.cli.command import main\n"
        "code = main('tempo', ['song.mp3', '--json', '--no-cache'])\n"
        "heavy = ('torch', 'librosa', 'numba', 'matplotlib', 'plotly', 'pyarrow', 'mido')\n"
        "print(code, [m for m in heavy if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


# ---- mistakes ------------------------------------------------------------------------------------

BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no song": ((), "SONG is missing"),
    "missing": (("sung.mp3",), "no such file; did you mean song.mp3"),
    "not sound": (("words.mp3",), "words.mp3: cannot be read as sound"),
    "empty folder": (("empty",), "there are no sound files in this folder"),
    "jobs 0": (("song.mp3", "--jobs", "0"), "use 1 to 60"),
    "jobs many": (("song.mp3", "--jobs", "99"), "use 1 to 60"),
    "jobs words": (("song.mp3", "--jobs", "all"), "--jobs"),
    "export": (("song.mp3", "--export", "pdf"), "choose among audacity, sv"),
    "export none": (("song.mp3", "--export", ","), "--export needs a format"),
    "engine": (("song.mp3", "--engine", "ears"), '"own", "madmom", "crema", "essentia"'),
    "table kind": (("song.mp3", "--table", "a.xlsx"), "name it a.csv or .parquet"),
    "table folder": (("song.mp3", "--table", "none/a.csv"), "there is no folder none"),
    "json and output": (("song.mp3", "--json", "-o", "x"), "--json writes nothing"),
    "json and table": (("song.mp3", "--json", "--table", "x.csv"), "--json writes nothing"),
    "json and export": (("song.mp3", "--json", "--export", "lab"), "--json writes nothing"),
    "output a file": (("song.mp3", "-o", "words.mp3"), "words.mp3 is a file"),
    "output under a file": (("song.mp3", "-o", "words.mp3/x"), "cannot make folder"),
    "unknown option": (("song.mp3", "--jason"), "Did you mean --json?"),
}


@pytest.mark.parametrize("part", ["analysis", "key"])
@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_one_line(folder: Path, part: str, name: str) -> None:
    Path("words.mp3").write_text("only words\n" * 99)
    Path("empty").mkdir()
    arguments, says = BAD[name]
    with unchanged(folder):
        outcome = run(part, *arguments)
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    assert says.lower() in outcome.err.lower()
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("afx: " if part == "analysis" else "analyze_key: ")


def test_parquet_without_its_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with unchanged(folder):
        outcome = run("analysis", "song.mp3", "--table", "a.parquet")
    assert outcome.code == 1
    assert 'pip install "audio-feature-explorer[tables]"' in outcome.err


@pytest.mark.parametrize("what", ["pathlib.Path.write_bytes", "pathlib.Path.mkdir"])
def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(what, no_space)
    outcome = run("tempo", "song.mp3", "--no-png", "--no-html")
    assert outcome.code == 1
    assert "No space left on device" in outcome.err
    assert outcome.err.count("\n") == 1
    made = folder / "song.analysis"
    assert not made.exists() or left_in(made) == set()


def test_a_bug_shows_its_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("music_analysis.analysis.estimate", broken)
    with unchanged(folder), pytest.raises(ZeroDivisionError):
        run("tempo", "song.mp3", "--no-cache")


# ---- many songs ----------------------------------------------------------------------------------


@pytest.fixture
def library(folder: Path) -> Path:
    """A folder of short songs, some of one name, some broken, and of other things."""
    album = folder / "album"
    for at, name in enumerate(("1/intro.wav", "2/intro.wav", "2/song.flac", "3/song.wav")):
        path = album / name
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(path, tone(220.0 * (1 + at), 0.5, RATE), RATE)
    (album / "2" / "torn.mp3").write_bytes(b"ID3" + bytes(5000))
    (album / "empty.ogg").touch()
    (album / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    return album


SMALL = ("--no-png", "--no-html")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_broken_are_named_and_the_others_done(library: Path, jobs: str) -> None:
    outcome = run("analysis", "album", "song.mp3", *SMALL, "--jobs", jobs, "-o", "out")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert len(lines) == 3, lines
    assert lines[0].startswith(str(Path("album/2/torn.mp3")))
    assert lines[1].startswith(str(Path("album/empty.ogg")))
    assert lines[2] == "afx: 2 of 7 songs could not be analyzed; the others are done"
    assert left_in(Path("out")) == {
        "1 - intro.wav.analysis",
        "2 - intro.wav.analysis",
        "song.flac.analysis",
        "song.wav.analysis",
        "song.mp3.analysis",
    }
    assert all((p / "analysis.json").exists() for p in Path("out").iterdir())
    assert "intro.wav" in outcome.out
    assert "torn.mp3" not in outcome.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_many_songs_for_programs(library: Path, folder: Path, jobs: str) -> None:
    with unchanged(folder):
        outcome = run("key", "album/1", "--json", "album", "--jobs", jobs)
    assert outcome.code == 1
    found = outcome.json
    assert sorted(d["file"] for d in found) == ["intro.wav", "intro.wav", "song.flac", "song.wav"]
    assert "torn.mp3" in outcome.err
    shutil.rmtree(library / "1")
    shutil.rmtree(library / "3")
    (library / "2" / "torn.mp3").unlink()
    (library / "empty.ogg").unlink()
    assert len(ok(run("key", "album", "--json")).json) == 2


def test_a_table_of_a_library(library: Path, folder: Path) -> None:
    import pyarrow.parquet

    outcome = run("analysis", "album", "song.mp3", "--table", "t.csv", "--jobs", "1")
    assert outcome.code == 1
    assert left_in(folder) == {"album", "song.mp3", "t.csv"}, "the table is all that is wanted"
    with Path("t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [Path(r["path"]).as_posix() for r in rows] == [
        "album/1/intro.wav",
        "album/2/intro.wav",
        "album/2/song.flac",
        "album/3/song.wav",
        "song.mp3",
    ]
    assert float(rows[-1]["bpm"]) == pytest.approx(118, rel=0.04)
    assert rows[-1]["title"] == "Sunny Day"
    run("analysis", "album", "song.mp3", "--table", "t.parquet", "--jobs", "1")
    table = pyarrow.parquet.read_table("t.parquet")
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist()[-1]["sections"] == int(rows[-1]["sections"])
    ok(run("analysis", "song.mp3", "--table", "one.csv", "-o", "out", *SMALL))
    assert {"one.csv", "out"} <= left_in(folder)


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX matter")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_stopped_in_the_middle(folder: Path, jobs: str) -> None:
    for k in range(20):
        shutil.copy("song.mp3", f"{k}.mp3")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "afx.cli",
            "analyze",
            ".",
            *SMALL,
            "--jobs",
            jobs,
            "--no-cache",
            "-o",
            "out",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        # When each has begun another song, what came before it was told.
        while len(list(Path("out").glob("*/*.json"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, errors
    assert errors == "Stopped. What was finished is kept.\n"
    finished = list(Path("out").glob("*/*"))
    assert 2 <= len(finished) < 21
    assert all(load(path).duration > 1 for path in finished), "whole, or not there"
    assert "bpm" in out, "and what is finished is shown"
