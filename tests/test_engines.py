"""Other programs that listen: how they are run, and how what they say takes the place of ours.

The programs themselves are not installed here. Stand-ins take their place: a Python that only
repeats a written answer, and a package named crema that answers as CREMA does. One test at the end
runs the real essentia where ``AFX_ENGINE_PYTHON`` is a Python that has it.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from music_analysis import engines
from music_analysis.analysis import analyze
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.synth import SongSpec, make_song, silence, write_wav

TEMPO = 120.0
SPEC = SongSpec(tempo=TEMPO, key="C major", sections=(("verse", 8), ("chorus", 8)))
LENGTH = 32.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    made = make_song(SPEC)
    path = tmp_path_factory.mktemp("song") / "song.wav"
    write_wav(path, made.samples, made.sample_rate)
    audio = load(path)
    return audio, analyze(audio, cache=False)


@pytest.fixture
def repeats(tmp_path, monkeypatch):
    """Put a stand-in for Python in place that repeats an answer and keeps what it was asked."""

    def install(answer: object, code: int = 0, complaint: str = "") -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        (tmp_path / "answer").write_text(text)
        python = tmp_path / "python"
        python.write_text(
            f"#!/bin/sh\necho \"$2\" > '{tmp_path}/asked'\ncp \"$3\" '{tmp_path}/heard.wav'\n"
            f"cat '{tmp_path}/answer'\necho '{complaint}' >&2\nexit {code}\n"
        )
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv(engines.PYTHON_VARIABLE, str(python))

    return install


def madmom_says(**changed):
    beats = [0.25 + 0.5 * k for k in range(60)]
    return {
        "engine": "madmom 0.0 (stand-in)",
        "confidence": 0.8,
        "beats": beats,
        "downbeats": beats[1::3],
        "key": [["F# major", 0.7], ["A minor", 0.2], *([name, 0.1 / 22] for name in others())],
        "chords": [[0.5, 10.0, "F#:maj", None], [10.0, 30.0, "C#:min", None]],
    } | changed  # fmt: skip


def others():
    tonics = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    names = [f"{tonic} {mode}" for mode in ("major", "minor") for tonic in tonics]
    return [name for name in names if name not in {"F# major", "A minor"}]


def test_bar_lines_that_fall_on_one_beat_make_no_bar_of_no_beats(song) -> None:
    _, ours = song
    said = madmom_says(downbeats=[0.3, 0.31, 0.32, 0.33])
    found = engines._tempo(said, ours.tempo)
    assert found.meter == ours.tempo.meter
    doubled = madmom_says()
    doubled["downbeats"] = sorted(t + d for t in doubled["downbeats"] for d in (0.0, -0.2, -0.4))
    assert engines._tempo(doubled, ours.tempo).meter == 3


def test_what_it_says_takes_the_place_of_ours(song, repeats, tmp_path) -> None:
    audio, ours = song
    repeats(madmom_says())
    found = engines.run("madmom", audio, ours)
    assert (tmp_path / "asked").read_text().strip() == "madmom"
    assert found.tempo.bpm == pytest.approx(120)
    assert found.tempo.beats[0] == pytest.approx(0.25)
    assert found.tempo.downbeats == pytest.approx(found.tempo.beats[1::3])
    assert (found.tempo.meter, found.tempo.time_signature) == (3, "3/4")
    assert found.tempo.confidence == pytest.approx(0.8)
    assert found.tempo.variation == pytest.approx(0, abs=1e-6)
    assert all(abs(a.bpm / 120 - 1) > 0.04 for a in found.tempo.alternatives)
    assert (found.key.label, found.key.tonic, found.key.mode) == ("Gb major", "Gb", "major")
    assert found.key.camelot == "2B"
    assert len(found.key.ranking) == 24
    assert sum(c.strength for c in found.key.ranking) == pytest.approx(1)
    assert [s.label for s in found.key.segments] == ["Gb major"]
    # spelled as the key has it, with numerals of it
    labels = [(c.start, c.end, c.label) for c in found.chords.segments]
    assert labels == [
        (0.0, 0.5, "N"), (0.5, 10.0, "Gb:maj"), (10.0, 30.0, "Db:min"),
        (30.0, ours.duration, "N"),
    ]  # fmt: skip
    assert [c.roman for c in found.chords.segments][1] == "I"
    assert all(0 <= c.confidence <= 1 for c in found.chords.segments)


def test_what_it_does_not_say_stays(song, repeats) -> None:
    audio, ours = song
    repeats({"engine": "CREMA 0.2.0", "chords": [[0.0, LENGTH, "C:maj7/3", 0.9]]})
    found = engines.run("crema", audio, ours)
    assert np.array_equal(found.tempo.beats, ours.tempo.beats)
    assert found.key == ours.key
    assert [(c.label, c.confidence) for c in found.chords.segments] == [("C:maj7/3", 0.9)]
    assert found.mood.integrated_loudness == pytest.approx(ours.mood.integrated_loudness, abs=0.01)
    assert np.array_equal(found.chords.chroma, ours.chords.chroma)


def test_bars_of_ours_lie_on_the_beats_of_an_engine_without_bars(song, repeats) -> None:
    audio, ours = song
    beats = [0.01 + 0.5 * k for k in range(62)]
    repeats({"engine": "essentia 2", "bpm": 120.0, "confidence": 0.6, "beats": beats})
    found = engines.run("essentia", audio, ours)
    assert found.tempo.meter == ours.tempo.meter
    near = np.abs(found.tempo.downbeats[:, None] - ours.tempo.downbeats).min(axis=1)
    assert (near < 0.07).mean() > 0.9


def test_a_second_key_takes_the_place_of_the_first(song, repeats) -> None:
    audio, ours = song
    repeats({"engine": "essentia 2", "key": [["E minor", 0.61]]})
    found = engines.run("essentia", audio, ours)
    assert (found.key.label, found.key.confidence) == ("E minor", 0.61)
    assert found.key.ranking[0].label == "E minor"
    assert len({c.label for c in found.key.ranking}) == len(ours.key.ranking)


@pytest.mark.parametrize("name", sorted(engines.ENGINES))
def test_the_licence_is_said(name, song, repeats) -> None:
    audio, ours = song
    repeats({"engine": f"{name} 9.9"})
    found = engines.run(name, audio, ours)
    assert f"{name} 9.9, {engines.ENGINES[name].licence}" in found.analyzers


def test_it_hears_the_song(song, repeats, tmp_path) -> None:
    audio, ours = song
    repeats({"engine": "essentia 2"})
    engines.run("essentia", audio, ours)
    heard = load(tmp_path / "heard.wav")
    assert (heard.sample_rate, heard.channels) == (44_100, 1)
    assert heard.duration == pytest.approx(audio.duration, abs=1e-4)


def test_silence_stays_silent_whatever_it_says(repeats, tmp_path) -> None:
    path = tmp_path / "silence.wav"
    write_wav(path, silence(5.0), 44_100)
    audio = load(path)
    ours = analyze(audio, cache=False)
    repeats(madmom_says())
    found = engines.run("madmom", audio, ours)
    assert found.tempo.bpm is None
    assert found.key.label is None


def test_one_that_is_not_there_is_one_line_that_says_how_to_get_it(song, monkeypatch) -> None:
    audio, ours = song
    monkeypatch.delenv(engines.PYTHON_VARIABLE, raising=False)
    missing = [name for name in engines.ENGINES if importlib.util.find_spec(name) is None]
    if not missing:
        pytest.skip("all three engines are installed here")
    absent = missing[0]
    with pytest.raises(UserError) as caught:
        engines.run(absent, audio, ours)
    message = str(caught.value)
    assert f"-m pip install {absent}" in message
    assert engines.PYTHON_VARIABLE in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("answer", "code", "complaint", "said"),
    [
        ("", 1, "MemoryError: too long", "MemoryError: too long"),
        ("beats: many", 0, "", "exit code 0"),
        ("[1, 2]", 0, "", "exit code 0"),
        ("{}", 137, "", "exit code 137"),
    ],
)
def test_one_that_fails_is_one_line(answer, code, complaint, said, song, repeats) -> None:
    audio, ours = song
    repeats(answer, code, complaint)
    with pytest.raises(UserError) as caught:
        engines.run("essentia", audio, ours)
    assert said in str(caught.value)
    assert "song.wav" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_python_that_cannot_be_run(song, monkeypatch, tmp_path) -> None:
    audio, ours = song
    monkeypatch.setenv(engines.PYTHON_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=engines.PYTHON_VARIABLE):
        engines.run("crema", audio, ours)


def test_an_unknown_engine(song) -> None:
    audio, ours = song
    with pytest.raises(UserError, match="madmom, crema, essentia"):
        engines.run("oracle", audio, ours)


def test_the_script_asks_crema_as_it_wants_to_be_asked(song, monkeypatch, tmp_path) -> None:
    """A stand-in package named crema, with the one function that the script calls."""
    audio, ours = song
    package = tmp_path / "stand_in" / "crema"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0 (stand-in)"\nprint("loading")\n')
    (package / "analyze.py").write_text(
        textwrap.dedent(
            """
            import os, wave
            from types import SimpleNamespace as Made

            def analyze(filename):
                os.system("echo what a library prints from C")
                with wave.open(filename) as file:
                    seconds = file.getnframes() / file.getframerate()
                row = Made(time=0.0, duration=seconds, value="A:min", confidence=0.75)
                found = [Made(data=[row])]
                return Made(annotations=Made(search=lambda namespace: found))
            """
        )
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv(engines.PYTHON_VARIABLE, sys.executable)
    found = engines.run("crema", audio, ours)
    assert "CREMA 0 (stand-in), BSD-2-Clause" in found.analyzers
    (chord,) = found.chords.segments
    assert (chord.start, chord.label, chord.confidence) == (0.0, "A:min", 0.75)
    assert chord.end == pytest.approx(ours.duration)


@functools.cache
def _essentia() -> str | None:
    python = os.environ.get(engines.PYTHON_VARIABLE)
    if not python:
        return None
    done = subprocess.run([python, "-c", "import essentia"], capture_output=True, check=False)
    return python if done.returncode == 0 else None


def test_the_real_essentia(song) -> None:
    if _essentia() is None:
        pytest.skip(f"{engines.PYTHON_VARIABLE} is not a Python that has essentia")
    audio, ours = song
    found = engines.run("essentia", audio, ours)
    assert "essentia 2" in found.analyzers
    assert "AGPL-3.0" in found.analyzers
    assert any(found.tempo.bpm == pytest.approx(b, rel=0.04) for b in (60, 120, 240))
    truth = make_song(SPEC).beats
    near = np.abs(found.tempo.beats[:, None] - truth).min(axis=1)
    assert (near < 0.07).mean() > 0.8
    assert found.key.label in {"C major", "G major", "A minor", "F major"}
    assert len(found.chords.segments) > 5
