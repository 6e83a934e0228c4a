"""Files for other programs, read back by those programs' own rules."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import mido
import mir_eval
import numpy as np
import pytest

from made_analysis import made_analysis, nothing_analysis
from music_analysis import exports
from music_analysis.analysis import Analysis
from music_analysis.midi import QUARTER, Clock, chord_notes


@pytest.fixture(scope="module")
def song() -> Analysis:
    return made_analysis(60.0)


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_everything_is_written(song: Analysis, tmp_path: Path) -> None:
    made = exports.write(song, tmp_path, exports.FORMATS)
    kinds = (".audacity.txt", ".sv.csv", ".lab")
    layers = ("beats", "downbeats", "chords", "sections", "keys")
    expected = {layer + kind for layer in layers for kind in kinds}
    expected |= {"analysis.svl", "analysis.jams", "analysis.mid"}
    assert {p.name for p in made} == names(tmp_path) == expected


@pytest.mark.parametrize(
    ("part", "layers"),
    [
        ("tempo", {"beats", "downbeats"}),
        ("key", {"keys"}),
        ("chords", {"chords"}),
        ("structure", {"sections"}),
    ],
)
def test_a_part_has_its_own_layers(
    song: Analysis, tmp_path: Path, part: str, layers: set[str]
) -> None:
    exports.write(song, tmp_path, ("lab", "midi"), part=part)  # type: ignore[arg-type]
    assert names(tmp_path) == {f"{layer}.lab" for layer in layers} | {f"{part}.mid"}


@pytest.mark.parametrize("form", exports.FORMATS)
def test_nothing_to_tell_is_no_error(tmp_path: Path, form: str) -> None:
    exports.write(nothing_analysis(), tmp_path, (form,))
    assert names(tmp_path) == {
        "svl": {"analysis.svl"},
        "jams": {"analysis.jams"},
        "midi": {"analysis.mid"},
    }.get(form, set())


def test_an_unknown_format_is_refused(song: Analysis, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="audacity"):
        exports.write(song, tmp_path, ("pdf",))


def test_lab_files_are_read_by_mir_eval(song: Analysis, tmp_path: Path) -> None:
    exports.write(song, tmp_path, ("lab",))
    beats, numbers = mir_eval.io.load_labeled_events(str(tmp_path / "beats.lab"))
    np.testing.assert_allclose(beats, song.tempo.beats, atol=1e-4)
    mir_eval.beat.validate(beats, beats)
    assert numbers[:5] == ["1", "2", "3", "4", "1"]
    intervals, labels = mir_eval.io.load_labeled_intervals(str(tmp_path / "chords.lab"))
    assert labels == [c.label for c in song.chords.segments]
    assert mir_eval.chord.evaluate(intervals, labels, intervals, labels)["majmin"] == 1.0
    intervals, labels = mir_eval.io.load_labeled_intervals(str(tmp_path / "sections.lab"))
    assert labels == [s.label for s in song.structure.sections]
    mir_eval.segment.validate_structure(intervals, labels, intervals, labels)
    intervals, labels = mir_eval.io.load_labeled_intervals(str(tmp_path / "keys.lab"))
    assert mir_eval.key.evaluate(labels[0], "Eb major")["Weighted Score"] == 1.0


def test_audacity_labels(song: Analysis, tmp_path: Path) -> None:
    exports.write(song, tmp_path, ("audacity",))
    lines = (tmp_path / "sections.audacity.txt").read_text().splitlines()
    for line, section in zip(lines, song.structure.sections, strict=True):
        start, end, label = line.split("\t")
        assert (float(start), float(end)) == pytest.approx((section.start, section.end), abs=1e-6)
        assert label == f"{section.label} {section.name}"
    bars = (tmp_path / "downbeats.audacity.txt").read_text().splitlines()
    assert bars[1].split("\t")[2] == "2"


def test_sonic_visualiser(song: Analysis, tmp_path: Path) -> None:
    odd = replace(song.structure.sections[0], name='<"&')
    sections = (odd, *song.structure.sections[1:])
    song = replace(song, structure=replace(song.structure, sections=sections))
    exports.write(song, tmp_path, ("sv", "svl"), sample_rate=48_000)
    rows = list(csv.reader(io.StringIO((tmp_path / "chords.sv.csv").read_text())))
    assert [row[3] for row in rows] == [c.label for c in song.chords.segments]
    assert {row[1] for row in rows if row[3] == rows[0][3]} == {rows[0][1]}, "equal ones are level"

    tree = ET.parse(tmp_path / "analysis.svl").getroot()
    models = {m.get("name"): m for m in tree.iter("model")}
    sets = {d.get("id"): d for d in tree.iter("dataset")}
    assert set(models) == {"beats", "downbeats", "chords", "sections", "keys"}
    assert {e.get("model") for e in tree.iter("layer")} == {m.get("id") for m in models.values()}
    for name, model in models.items():
        points = sets[model.get("dataset")].findall("point")
        assert points[0].get("label"), name
        assert model.get("sampleRate") == "48000"
    points = sets[models["sections"].get("dataset")].findall("point")
    assert points[0].get("label") == 'A <"&'
    ends = [int(p.get("frame", "")) + int(p.get("duration", "")) for p in points]
    wanted = [round(s.end * 48_000) for s in song.structure.sections]
    assert ends == pytest.approx(wanted, abs=1)


KEY_MODE = re.compile(r"^N|([A-G][b#]?)(:(major|minor))?$")


def test_jams_follows_its_schema(song: Analysis, tmp_path: Path) -> None:
    exports.write(song, tmp_path, ("jams",))
    made = json.loads((tmp_path / "analysis.jams").read_text())
    assert set(made) == {"annotations", "file_metadata", "sandbox"}
    meta = made["file_metadata"]
    assert {"title", "artist", "release", "duration", "identifiers", "jams_version"} == set(meta)
    spaces = [a["namespace"] for a in made["annotations"]]
    assert spaces == ["beat", "chord", "segment_open", "key_mode", "tempo"]
    for annotation in made["annotations"]:
        assert {"namespace", "data", "annotation_metadata", "sandbox"} <= set(annotation)
        assert {"curator", "annotator", "version", "corpus"} <= set(
            annotation["annotation_metadata"]
        )
        for row in annotation["data"]:
            assert set(row) == {"time", "duration", "value", "confidence"}
            assert row["time"] >= 0
            assert row["duration"] >= 0
            kinds = {"beat": int, "tempo": float}
            assert isinstance(row["value"], kinds.get(annotation["namespace"], str))
            if annotation["namespace"] == "key_mode":
                assert KEY_MODE.fullmatch(row["value"])
    tempo = made["annotations"][-1]["data"][0]
    assert 0 <= tempo["confidence"] <= 1
    assert tempo["duration"] == song.duration


# ---- MIDI ----------------------------------------------------------------------------------------


def sounding(path: Path) -> tuple[dict[str, list[float]], dict[str, list[tuple[float, int]]]]:
    """Read a MIDI file: seconds of what is said, and of notes by track, with mido's own clock."""
    file = mido.MidiFile(str(path), charset="utf-8")
    said: dict[str, list[float]] = {"marker": [], "time_signature": []}
    now = 0.0
    for message in file:
        now += message.time
        if message.type in said:
            said[message.type].append(now)
    notes: dict[str, list[tuple[float, int]]] = {}
    for track in file.tracks[1:]:
        alone = mido.MidiFile(type=1, ticks_per_beat=file.ticks_per_beat)
        alone.tracks = [file.tracks[0], track]
        now, found = 0.0, []
        for message in alone:
            now += message.time
            if message.type == "note_on" and message.velocity > 0:
                found.append((now, message.note))
        notes[track.name] = found
    return said, notes


def test_midi_notes_sound_at_the_right_seconds(song: Analysis, tmp_path: Path) -> None:
    exports.write(song, tmp_path, ("midi",))
    path = tmp_path / "analysis.mid"
    said, notes = sounding(path)
    clicks = np.array([t for t, _ in notes["Click"]])
    np.testing.assert_allclose(clicks, song.tempo.beats, atol=0.005)
    accents = np.array([t for t, note in notes["Click"] if note == 76])
    np.testing.assert_allclose(accents, song.tempo.downbeats, atol=0.005)
    starts = sorted({t for t, _ in notes["Chords"]})
    wanted = [c.start for c in song.chords.segments if c.label != "N"]
    np.testing.assert_allclose(starts, wanted, atol=0.005)
    np.testing.assert_allclose(
        said["marker"], [s.start for s in song.structure.sections], atol=0.005
    )
    assert mido.MidiFile(str(path)).length == pytest.approx(song.duration, abs=0.05)


def made_clock(beats: list[float], first: int, meter: int = 4, signature: str = "4/4") -> Clock:
    times = np.array(beats)
    return Clock(times, times[first::meter], meter, signature)


def seconds_at(clock: Clock, tick: int) -> float:
    changes = [*clock.tempos, (10**9, 1)]
    return sum(
        (min(tick, end) - start) * micros / QUARTER / 1e6
        for (start, micros), (end, _) in itertools.pairwise(changes)
        if start < tick
    )


@pytest.mark.parametrize("start", [0.0, 0.0003, 0.02, 0.31, 2.9, 61.7])
@pytest.mark.parametrize(("meter", "signature"), [(4, "4/4"), (3, "3/4"), (2, "6/8"), (7, "7/8")])
def test_ticks_are_beats_and_seconds(start: float, meter: int, signature: str) -> None:
    rng = np.random.default_rng(5)
    steps = 0.5 + 0.1 * rng.standard_normal(400).cumsum() / 20
    steps[100], steps[200] = 25.0, 3.0  # silences within the song
    beats = [start, *(start + np.maximum(steps, 0.2).cumsum())]
    clock = made_clock(beats, 1, meter, signature)
    for t in np.linspace(0, beats[-1] + 5, 397):
        assert seconds_at(clock, clock.tick(t)) == pytest.approx(t, abs=0.005)
    # a moment too short for a beat of its own belongs to the first beat
    kept = beats[1:] if 0 < start < 0.06 else beats
    assert all(clock.tick(t) % clock.unit in (0, 1, clock.unit - 1) for t in kept)
    assert all(1 <= micros < 2**24 for _, micros in clock.tempos)
    changes = list(clock.signatures())
    assert changes[-1][1:] == tuple(int(n) for n in signature.split("/"))
    # Bar lines of the file fall on the song's.
    tick, over, under = changes[-1]
    bar = over * 4 * QUARTER // under
    lines = [clock.tick(t) for t in np.array(beats)[1::meter]]
    assert all((line - tick) % bar == 0 for line in lines if line >= tick)


def test_without_beats_time_still_runs() -> None:
    clock = Clock(np.zeros(0), np.zeros(0), 4, None)
    assert seconds_at(clock, clock.tick(12.345)) == pytest.approx(12.345, abs=0.001)


@pytest.mark.parametrize(
    ("label", "notes"),
    [
        ("N", ()),
        ("X", ()),
        ("C:maj", (36, 55, 60, 64)),
        ("A:min/5", (40, 57, 60, 64)),
        ("Bb:7/b7", (44, 56, 58, 62, 65)),
        ("C", (36, 55, 60, 64)),
        ("F#:hdim7", (42, 57, 60, 64, 66)),
        ("D:sus4(b7)", (38, 55, 57, 62)),
    ],
)
def test_notes_of_chords(label: str, notes: tuple[int, ...]) -> None:
    assert chord_notes(label) == notes


def test_notes_agree_with_mir_eval() -> None:
    for root in ("C", "Gb", "A#", "B"):
        for quality in ("maj", "min", "7", "maj7", "min7", "dim", "hdim7", "aug", "sus2", "min6"):
            bitmap = mir_eval.chord.encode(f"{root}:{quality}")
            classes = {(bitmap[0] + k) % 12 for k in np.flatnonzero(bitmap[1])}
            assert {n % 12 for n in chord_notes(f"{root}:{quality}")} == classes


def test_beats_before_the_first_bar_line_count_up_to_it() -> None:
    beats = [float(t) for t in range(9)]
    assert exports.beat_numbers(beats, beats[2::4], 4) == [3, 4, 1, 2, 3, 4, 1, 2, 3]
    assert exports.beat_numbers(beats, [], 4) == [1] * 9
    assert exports.beat_numbers(beats, [0.0, 3.0, 8.0], 3) == [1, 2, 3, 1, 2, 3, 4, 5, 1]


def test_names_of_every_kind(song: Analysis, tmp_path: Path) -> None:
    odd = replace(song, title="Ääkköset ♥ <&>", file="a \ufffd.wav")
    exports.write(odd, tmp_path, exports.FORMATS)
    assert (
        mido.MidiFile(str(tmp_path / "analysis.mid"), charset="utf-8").tracks[0].name == odd.title
    )


@pytest.mark.parametrize("first", [0.0, 0.004, 0.011, 0.05, 0.2, 1.3])
def test_no_tempo_is_faster_than_programs_know(first: float) -> None:
    beats = first + 0.5 * np.arange(16)
    clock = Clock(beats, beats[::4], 4, "4/4")
    assert min(tempo for _, tempo in clock.tempos) > 60e6 / 1000
    assert [numerator for _, numerator, _ in clock.signatures()][-1] == 4
    # from the second beat on, the grid lies on the beats
    ticks = [clock.tick(float(t)) for t in beats[1:]]
    assert set(np.diff(ticks)) == {clock.unit}
    assert ticks[0] % clock.unit == 0
