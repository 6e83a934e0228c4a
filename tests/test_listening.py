"""What pictures follow is the same whether it was kept or made."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from music_analysis import listening
from music_analysis.audio import load
from music_analysis.cache import cache_folder
from music_analysis.features import TRACKS, Features
from music_analysis.listening import listen
from music_analysis.synth import SongSpec, make_song, write_wav

FPS = Fraction(30)


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFX_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "song.wav"
    made = make_song(SongSpec(seed=3))
    write_wav(path, made.samples[:, : 20 * made.sample_rate], made.sample_rate)
    return path


def same(a: Features, b: Features) -> None:
    assert all(np.array_equal(a.tracks[name], b.tracks[name]) for name in TRACKS)
    assert all(np.array_equal(a.raw[name], b.raw[name]) for name in a.raw)
    assert np.array_equal(a.loudness, b.loudness)
    assert np.array_equal(a.beats.beats, b.beats.beats)
    assert (a.fps, a.duration, a.frames, a.summary) == (b.fps, b.duration, b.frames, b.summary)
    assert (a.beats.bpm, a.beats.confidence) == (b.beats.bpm, b.beats.confidence)


def test_kept_and_made_are_the_same(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = listen(load(song), FPS, cache=False)
    made = listen(load(song), FPS)

    def never(*_: object) -> Features:
        raise AssertionError("extracted again")

    monkeypatch.setattr(listening, "extract", never)
    kept = listen(load(song), FPS)
    same(fresh.features, made.features)
    same(fresh.features, kept.features)
    assert kept.analysis.sound == load(song).sound_hash


def test_another_rate_is_made_anew(song: Path) -> None:
    listen(load(song), FPS)
    assert listen(load(song), Fraction(24)).features.frames == 20 * 24


def test_damage_costs_only_time(song: Path) -> None:
    made = listen(load(song), FPS)
    files = sorted(cache_folder().iterdir())
    assert len(files) == 2
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    same(made.features, listen(load(song), FPS).features)
    for file in files:
        import zlib

        file.write_bytes(zlib.compress(b"PK something else"))
    same(made.features, listen(load(song), FPS).features)
