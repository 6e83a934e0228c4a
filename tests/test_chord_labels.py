"""Harte's chord labels: read, written, and understood alike by mir_eval."""

from __future__ import annotations

import numpy as np
import pytest

from music_analysis.chord_labels import (
    FLATS,
    NAMES,
    QUALITIES,
    SHARPS,
    ChordName,
    parse,
    pitch_class,
    prefers_flats,
    spell,
    tone_table,
)


@pytest.mark.parametrize("flats", [False, True])
@pytest.mark.parametrize("quality", NAMES)
def test_what_is_written_can_be_read(quality: str, flats: bool) -> None:
    for root in range(12):
        for bass in (0, *QUALITIES[quality][1:]):
            name = ChordName(root, quality, bass)
            assert parse(spell(name, flats=flats)) == name


@pytest.mark.parametrize("quality", NAMES)
def test_labels_mean_the_same_to_mir_eval(quality: str) -> None:
    mir_eval = pytest.importorskip("mir_eval", reason="mir_eval is not installed")
    for root in range(12):
        for bass in (0, *QUALITIES[quality][1:]):
            label = spell(ChordName(root, quality, bass), flats=True)
            encoded_root, bitmap, encoded_bass = mir_eval.chord.encode(label)
            assert encoded_root == root
            assert encoded_bass == bass
            assert set(np.flatnonzero(bitmap)) == set(QUALITIES[quality])


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("C", ChordName(0, "maj")),
        ("F#:min7", ChordName(6, "min7")),
        ("Gb:7/3", ChordName(6, "7", 4)),
        ("A:min/b3", ChordName(9, "min", 3)),
        ("G:sus4(b7)", ChordName(7, "sus4")),
        ("Cb:maj", ChordName(11, "maj")),
        ("N", None),
        ("X", None),
    ],
)
def test_known_labels(label: str, name: ChordName | None) -> None:
    assert parse(label) == name


@pytest.mark.parametrize("label", ["H:maj", "C:foo", "C:maj/x", "", "c:maj", "C:maj/8"])
def test_what_is_no_label(label: str) -> None:
    with pytest.raises(ValueError):
        parse(label)


def test_a_bass_that_is_no_chord_tone_is_not_said() -> None:
    assert spell(ChordName(0, "maj", 2)) == "C:maj"
    assert spell(ChordName(10, "7", 10), flats=True) == "Bb:7/b7"
    assert spell(None) == "N"


def test_pitch_classes() -> None:
    assert [pitch_class(name) for name in SHARPS] == list(range(12))
    assert [pitch_class(name) for name in FLATS] == list(range(12))
    assert ChordName(9, "min7").pitch_classes == (9, 0, 4, 7)


def test_flats_in_flat_keys() -> None:
    major = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])
    flat = [tonic for tonic in range(12) if prefers_flats(np.roll(major, tonic))]
    assert flat == [1, 3, 5, 6, 8, 10]
    assert not prefers_flats(np.zeros(12))


def test_tone_table_holds_the_tones() -> None:
    table = tone_table()
    assert table.shape == (12 * len(NAMES), 12)
    assert list(np.flatnonzero(table[12 * NAMES.index("min7") + 9])) == [0, 4, 7, 9]
