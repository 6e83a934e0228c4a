"""Analyses as files: the layout, every version of it, the cache, and one decode for everything."""

from __future__ import annotations

import base64
import copy
import json
import math
import os
import re
import zlib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_analysis import made_analysis, nothing_analysis
from music_analysis import analysis as module
from music_analysis import cache
from music_analysis.analysis import ANALYZERS, SCHEMA, Analysis, analyze, load, parse, save
from music_analysis.audio import Audio
from music_analysis.audio import load as load_audio
from music_analysis.errors import UserError
from music_analysis.schema import PARTS, document, text_of
from music_analysis.synth import SongSpec, make_song
from soundfiles import encode

OLD = {
    "schema": 0,
    "analyzers": "0",
    "file": "old.mp3",
    "title": None,
    "artist": None,
    "duration": 12.5,
    "sound": "ab" * 32,
    "tempo": {
        "bpm": 96.0,
        "confidence": 0.7,
        "alternatives": [48.0, 192.0],
        "meter": 4,
        "time_signature": "4/4",
    },
    "beats": [0.5, 1.125, 1.75],
    "downbeats": [0.5],
    "key": {
        "label": "A minor",
        "tonic": "A",
        "mode": "minor",
        "confidence": 0.6,
        "ranking": [{"label": "A minor", "strength": 0.6}],
        "segments": [],
        "modulations": [],
        "camelot": "8A",
        "tuning_hz": 440.0,
    },
    "chords": [{"start": 0.0, "end": 12.5, "label": "A:min", "confidence": 0.8}],
    "sections": [],
}
"""What the first layout looked like: no mood, no arrays, alternatives as bare numbers."""


@pytest.fixture(scope="module")
def song() -> Analysis:
    return made_analysis(90.0)


def same(left: Any, right: Any, path: str = "") -> None:
    """Compare two analyses field by field; numbers within what is rounded."""
    assert type(left) is type(right), path
    if is_dataclass(left):
        for field in fields(left):
            same(
                getattr(left, field.name),
                getattr(right, field.name),  # type: ignore[arg-type]
                f"{path}.{field.name}",
            )
    elif isinstance(left, np.ndarray):
        assert left.shape == right.shape, path
        assert left.dtype == right.dtype, path
        close = 5.1e-3 if left.dtype == np.float32 else 5.1e-5
        np.testing.assert_allclose(left, right, atol=close, err_msg=path)
    elif isinstance(left, tuple):
        assert len(left) == len(right), path
        for k, pair in enumerate(zip(left, right, strict=True)):
            same(*pair, f"{path}[{k}]")
    elif isinstance(left, float):
        loose = 5.1e-3 if "loudness_curve" in path else 5.1e-5
        assert left == pytest.approx(right, abs=loose), path
    else:
        assert left == right, path


@pytest.mark.parametrize("which", ["rich", "nothing"])
def test_what_is_saved_is_loaded(song: Analysis, tmp_path: Path, which: str) -> None:
    made = song if which == "rich" else nothing_analysis()
    save(made, tmp_path / "analysis.json")
    found = load(tmp_path / "analysis.json")
    same(made, found)
    # And what was loaded is saved as it was: nothing is rounded twice.
    save(found, tmp_path / "again.json")
    same(found, load(tmp_path / "again.json"))
    assert document(load(tmp_path / "again.json")) == document(found)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.json", "analysis.json"]


def test_the_layout_has_the_keys_that_are_promised(song: Analysis) -> None:
    made = document(song)
    assert made["schema"] == SCHEMA
    assert {"bpm", "confidence", "alternatives"} <= set(made["tempo"])
    assert {"bpm", "strength"} == set(made["tempo"]["alternatives"][0])
    assert all(isinstance(t, float) for t in made["beats"] + made["downbeats"])
    assert made["key"]["label"] == "Eb major"
    assert {"start", "end", "label", "roman", "confidence"} == set(made["chords"][0])
    assert {"start", "end", "label", "group", "name"} <= set(made["sections"][0])
    assert list(made)[-1] == "arrays", "what nobody reads comes last"
    for name, keys in PARTS.items():
        part = document(song, part=name)  # type: ignore[arg-type]
        assert list(part)[7:] == list(keys)
        assert "arrays" not in part
    assert "arrays" not in document(song, arrays=False)


def test_the_text_is_for_people_too(song: Analysis) -> None:
    text = text_of(document(song))
    assert json.loads(text) == document(song)
    people = text.partition('"arrays"')[0]
    assert people.count("\n") < 100 + len(song.chords.segments) + len(song.structure.sections)
    assert '    {"start": 0.0, "end": ' in people


def test_an_hour_stays_small() -> None:
    text = text_of(document(made_analysis(3600.0)))
    assert len(text) < 3_000_000


def test_never_nan(song: Analysis) -> None:
    nan, inf = float("nan"), float("inf")
    sick = replace(
        song,
        tempo=replace(song.tempo, bpm=nan, confidence=inf, beats=np.array([nan, 1.0, inf])),
        mood=replace(song.mood, true_peak=-inf, energy=nan, loudness_curve=(-inf, nan)),
        chords=replace(song.chords, chroma=np.full((3, 12), np.nan, np.float32)),
        wave=np.full((2, 2), np.inf, np.float32),
    )
    text = text_of(document(sick))
    assert not re.search(r"NaN|Infinity", text)
    found = parse(text)
    assert found.tempo.bpm is None
    assert found.mood.true_peak is None
    assert found.mood.energy == 0.0
    assert found.tempo.beats.tolist() == [0.0, 1.0, 0.0]
    assert np.isfinite(found.wave).all()


@given(
    rows=st.integers(0, 6),
    values=st.lists(st.floats(-1e4, 1e4), min_size=12, max_size=12),
    title=st.none() | st.text(),
    bpm=st.none() | st.floats(1, 400),
)
@settings(max_examples=60, deadline=None)
def test_anything_comes_back(
    rows: int, values: list[float], title: str | None, bpm: float | None
) -> None:
    made = nothing_analysis()
    wave = np.array(values, np.float32).reshape(6, 2)[:rows]
    made = replace(made, wave=wave, title=title, tempo=replace(made.tempo, bpm=bpm))
    found = parse(text_of(document(made)))
    assert found.title == title
    assert found.tempo.bpm == (None if bpm is None else pytest.approx(bpm, abs=5.1e-5))
    step = max((abs(v) for v in wave.ravel().tolist()), default=0.0) / 127
    np.testing.assert_allclose(found.wave, wave, atol=0.51 * step + 1e-12)
    twice = parse(text_of(document(found)))
    assert document(twice) == document(found)


# ---- versions, and files that are something else -------------------------------------------------


def test_an_older_layout_is_brought_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    found = load(tmp_path / "old.json")
    assert [(a.bpm, a.strength) for a in found.tempo.alternatives] == [(48.0, 0.0), (192.0, 0.0)]
    assert found.tempo.beat_confidence == 0.7
    assert found.chords.segments[0].roman is None
    assert found.chords.chroma.shape == (0, 12)
    assert found.mood.integrated_loudness is None
    assert found.analyzers == "0", "who found it is not forgotten"
    save(found, tmp_path / "new.json")
    assert json.loads((tmp_path / "new.json").read_text())["schema"] == SCHEMA
    same(found, load(tmp_path / "new.json"))


def without(path: str) -> Any:
    def change(made: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for step in way:
            made = made[step]
        del made[last]

    return change


def with_value(path: str, value: Any) -> Any:
    def change(made: dict[str, Any]) -> None:
        *way, last = path.split(".")
        inner: Any = made
        for step in way:
            inner = inner[int(step) if step.isdigit() else step]
        inner[int(last) if last.isdigit() else last] = value

    return change


WRONG: dict[str, tuple[Any, str]] = {
    "newer": (with_value("schema", SCHEMA + 1), "newer version .* update audio-feature-explorer"),
    "no version": (without("schema"), "is not an analysis"),
    "version text": (with_value("schema", "1"), "is not an analysis"),
    "version true": (with_value("schema", True), "is not an analysis"),
    "version -1": (with_value("schema", -1), "damaged"),
    "no tempo": (without("tempo"), "tempo is missing"),
    "no beats": (without("beats"), "beats must be a list"),
    "no mood": (without("mood"), "mood must be an object"),
    "no bpm": (without("tempo.bpm"), "tempo.bpm is missing"),
    "bpm text": (with_value("tempo.bpm", "fast"), "tempo.bpm must be a number"),
    "bpm true": (with_value("tempo.bpm", True), "tempo.bpm must be a number"),
    "bpm huge": (with_value("tempo.bpm", 10**400), "tempo.bpm must be a number"),
    "bpm NaN": (with_value("tempo.bpm", math.nan), "tempo.bpm must be a number"),
    "meter 4.5": (with_value("tempo.meter", 4.5), "tempo.meter must be a whole number"),
    "chord": (with_value("chords.1.label", 7), r"chords\[1\].label must be text"),
    "chords": (with_value("chords", {}), "chords must be a list"),
    "sound": (with_value("sound", None), "sound must be text"),
    "file": (without("file"), "file must be text"),
    "structure": (with_value("structure", []), "structure"),
    "arrays": (with_value("arrays", [1]), "arrays must be an object"),
    "array data": (with_value("arrays.chroma.data", "%%%"), "arrays.chroma cannot be unpacked"),
    "array short": (with_value("arrays.chroma.shape", [9999, 12]), "chroma cannot be unpacked"),
    "array long": (with_value("arrays.chroma.shape", [1, 12]), "chroma cannot be unpacked"),
    "array vast": (with_value("arrays.chroma.shape", [2**40, 12]), "chroma is too large"),
    "array axes": (with_value("arrays.chroma.shape", [12]), "no such shape or type"),
    "array negative": (with_value("arrays.chroma.shape", [-1, 12]), "no such shape or type"),
    "array object": (with_value("arrays.chroma.dtype", "O"), "no such shape or type"),
    "array null": (with_value("arrays.chroma", None), "arrays"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(song: Analysis, tmp_path: Path, name: str) -> None:
    change, says = WRONG[name]
    made = copy.deepcopy(document(song))
    change(made)
    (tmp_path / "a.json").write_text(json.dumps(made))
    with pytest.raises(UserError, match=says) as caught:
        load(tmp_path / "a.json")
    line = str(caught.value)
    assert line.startswith(str(tmp_path / "a.json"))
    assert "\n" not in line


@pytest.mark.parametrize("data", [b"", b"RIFF\x00\xff", b'{"schema": 1', b"[]", b"[" * 99_999])
def test_files_that_are_something_else(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(UserError, match="is not an analysis"):
        load(tmp_path / "a.json")
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_a_part_is_not_taken_for_the_whole(song: Analysis, tmp_path: Path) -> None:
    (tmp_path / "tempo.json").write_text(text_of(document(song, part="tempo")))
    with pytest.raises(UserError, match="holds only the tempo"):
        load(tmp_path / "tempo.json")


def test_a_bomb_is_not_unpacked(song: Analysis) -> None:
    made = copy.deepcopy(document(song))
    bomb = base64.b64encode(zlib.compress(bytes(20_000_000), 6)).decode()
    made["arrays"]["chroma"] |= {"shape": [1, 12], "data": bomb}
    with pytest.raises(UserError, match="cannot be unpacked"):
        parse(json.dumps(made))


def test_what_cannot_be_written_is_said(song: Analysis, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write .*analysis\.json"):
        save(song, tmp_path / "none" / "analysis.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        save(song, tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


# ---- documentation -------------------------------------------------------------------------------


def keys_of(value: Any, path: str = "") -> set[str]:
    """Every key of a document, as ``chords[].label``."""
    if isinstance(value, dict):
        if path.startswith("arrays."):
            return {path}
        inner = (keys_of(v, f"{path}.{k}" if path else k) for k, v in value.items())
        return set().union(*inner) | ({path} if path else set())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return keys_of(value[0], f"{path}[]")
    return {path}


def test_every_key_is_documented_and_nothing_else(song: Analysis) -> None:
    page = Path(__file__).parent.parent / "docs" / "analysis-schema.md"
    text = page.read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))
    long = made_analysis(180.0)
    assert long.structure.events, "the example has everything"
    made = keys_of(document(long))
    parents = {key for key in made if any(k.startswith((f"{key}.", f"{key}[")) for k in made)}
    assert documented == made - parents
    assert f"`schema` {SCHEMA}" in text


# ---- the cache -----------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("AFX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "analyses"


class Counting:
    """Stands in for the analyzers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        monkeypatch.setattr(module, "estimate", self)

    def __call__(self, spectra: Any, **names: Any) -> Analysis:
        self.calls += 1
        made = made_analysis(20.0)
        return replace(made, **names, duration=spectra.duration)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(monkeypatch)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a song in every format, and once more with other tags."""
    folder = tmp_path_factory.mktemp("sounds")
    made = make_song(SongSpec(sections=(("chorus", 1),), sample_rate=44_100))
    for kind in ("wav", "flac", "ogg", "mp3", "m4a", "opus"):
        rate = 48_000 if kind == "opus" else 44_100
        for name, tags in (("a", {}), ("b", {"title": "Other", "artist": "Someone" * 50})):
            encode(folder / f"{name}.{kind}", made.samples[:, :44_100], rate, tags=tags)
    encode(folder / "other.wav", 0.5 * made.samples[:, :44_100], 44_100)
    return folder


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "m4a", "opus"])
def test_the_hash_is_of_the_sound_alone(sounds: Path, kind: str) -> None:
    left, right = (load_audio(sounds / f"{name}.{kind}") for name in "ab")
    assert left.sha256 != right.sha256
    assert left.sound_hash == right.sound_hash
    assert re.fullmatch(r"[0-9a-f]{64}", left.sound_hash)
    assert left.sound_hash != load_audio(sounds / "other.wav").sound_hash


def test_a_song_is_analyzed_once(sounds: Path, kept: Path, counting: Counting) -> None:
    first = analyze(load_audio(sounds / "a.mp3"))
    again = analyze(load_audio(sounds / "a.mp3"))
    assert counting.calls == 1
    assert document(first) == document(again)
    assert len(list(kept.iterdir())) == 1
    # The same sound by another name and with other tags: what it says of itself is told anew.
    other = analyze(load_audio(sounds / "b.mp3"))
    assert counting.calls == 1
    assert (other.file, other.title) == ("b.mp3", "Other")
    analyze(load_audio(sounds / "a.flac"))
    assert counting.calls == 2


def test_without_the_cache(sounds: Path, kept: Path, counting: Counting) -> None:
    audio = load_audio(sounds / "a.wav")
    made = analyze(audio, cache=False)
    assert not kept.exists()
    analyze(audio)
    assert document(analyze(audio, cache=False)) == document(made) == document(analyze(audio))
    assert counting.calls == 3


def test_newer_analyzers_listen_anew(
    sounds: Path, kept: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = load_audio(sounds / "a.wav")
    analyze(audio)
    monkeypatch.setattr(module, "ANALYZERS", ANALYZERS + ".1")
    analyze(audio)
    assert counting.calls == 2
    assert len(list(kept.iterdir())) == 2


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:99] + bytes([data[99] ^ 1]) + data[100:]


@pytest.mark.parametrize(
    "damage",
    [half, flipped, lambda _: b"", lambda _: zlib.compress(b'{"schema": 99}'), lambda _: b"text"],
)
def test_damaged_files_are_made_anew(
    sounds: Path, kept: Path, counting: Counting, damage: Any
) -> None:
    audio = load_audio(sounds / "a.wav")
    made = analyze(audio)
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert document(analyze(audio)) == document(made)
    assert counting.calls == 2
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_only_costs_time(
    sounds: Path, tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AFX_CACHE_DIR", str(tmp_path / "file"))
    audio = load_audio(sounds / "a.wav")
    assert document(analyze(audio)) == document(analyze(audio))
    assert counting.calls == 2


def test_the_cache_is_bounded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(1000)
    for k in range(5):
        cache.keep(f"song{k}", "1", data)
        (file,) = kept.glob(f"song{k}-*")
        os.utime(file, (k, k))
    assert cache.fetch("song0", "1") == data  # used just now
    monkeypatch.setattr(cache, "LIMIT", 3500)
    cache.keep("song5", "1", data)
    left = {p.name.partition("-")[0] for p in kept.iterdir()}
    assert left == {"song0", "song4", "song5"}


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from afx.field.jit import cache_folder as kernels

    monkeypatch.delenv("AFX_CACHE_DIR")
    assert cache.cache_folder().parent == kernels().parent


def test_other_engines_are_kept_apart(
    sounds: Path, kept: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    from music_analysis import engines

    def run(name: str, audio: Audio, own: Analysis) -> Analysis:
        key = replace(own.key, label="C major")
        return replace(own, key=key, analyzers=f"{ANALYZERS}+madmom 9, as you like")

    monkeypatch.setattr(engines, "run", run)
    audio = load_audio(sounds / "a.wav")
    for _ in range(2):
        found = analyze(audio, engine="madmom")
        assert found.key.label == "C major"
        assert found.analyzers == f"{ANALYZERS}+madmom 9, as you like"
        assert analyze(audio).key.label == "Eb major"
    assert counting.calls == 1


def test_progress_is_told(sounds: Path, kept: Path, counting: Counting) -> None:
    told: list[float] = []
    analyze(load_audio(sounds / "a.wav"), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0, abs=0.01)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_a_name_that_is_not_utf8(sounds: Path, tmp_path: Path, counting: Counting) -> None:
    path = tmp_path / os.fsdecode(b"a\xff.wav")
    path.write_bytes((sounds / "a.wav").read_bytes())
    found = analyze(load_audio(path), cache=False)
    assert found.file == "a\ufffd.wav"
    text_of(document(found)).encode("utf-8")


# ---- everything together -------------------------------------------------------------------------


def test_a_song_whose_truth_is_known(tmp_path: Path) -> None:
    made = make_song(SongSpec(tempo=118.0, key="D minor", sections=(("chorus", 8), ("outro", 4))))
    encode(tmp_path / "song.flac", made.samples, made.sample_rate)
    found = analyze(load_audio(tmp_path / "song.flac"), cache=False)
    assert found.duration == pytest.approx(made.duration, abs=0.001)
    assert found.tempo.bpm == pytest.approx(118.0, rel=0.04)
    assert found.key.label == "D minor"
    assert found.chords.segments[0].start == 0.0
    assert found.chords.segments[-1].end == pytest.approx(made.duration, abs=0.01)
    assert any(chord.roman for chord in found.chords.segments)
    assert found.structure.sections[-1].end == pytest.approx(made.duration, abs=0.01)
    assert found.mood.integrated_loudness is not None
    assert len(found.wave) == pytest.approx(20 * made.duration, abs=2)
