"""Labels as musicians write them."""

from __future__ import annotations

import pytest

from music_analysis import notation


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Bb:min7", "B♭m7"),
        ("C:maj/3", "C/E"),
        ("C:min7/b3", "Cm7/E♭"),
        ("G:7/b7", "G7/F"),
        ("Eb:maj/5", "E♭/B♭"),
        ("A:maj/3", "A/C♯"),
        ("Gb:maj/3", "G♭/B♭"),
        ("F#:hdim7", "F♯ø7"),
        ("B:dim", "B°"),
        ("C:aug", "C+"),
        ("D:sus4(b7)", "Dsus4(♭7)"),
        ("C", "C"),
        ("N", "N.C."),
        ("what?", "what?"),
    ],
)
def test_chords(label, name):
    assert notation.chord_name(label) == name


def test_keys_and_numerals():
    assert notation.key_name("Gb major") == "G♭ major"
    assert notation.key_short("F# minor") == "F♯m"
    assert notation.roman_name("viio7") == "vii°7"
    assert notation.roman_name("bVII") == "♭VII"
    assert notation.roman_name("V7/bII") == "V7/♭II"
    assert notation.section_letter("B''") == "B″"


def test_pitch_classes_and_modes():
    assert [notation.pitch_class(x) for x in ("C", "F#:min", "Gb major", "Cb", "N")] == [
        0, 6, 6, 11, None,
    ]  # fmt: skip
    assert all(map(notation.is_minor, ("A minor", "A:min7", "B:hdim7", "B:dim")))
    assert not any(map(notation.is_minor, ("A:maj7", "A major", "A:7", "N")))


def test_time_and_numbers():
    assert notation.clock(187.44) == "3:07"
    assert notation.clock(3723.2) == "1:02:03"
    assert notation.clock(59.96, tenths=True) == "1:00.0"
    assert notation.bpm_text(120.02) == "120"
    assert notation.bpm_text(83.5) == "83.5"
    assert [notation.percent(x) for x in (0.0, 0.002, 0.004, 0.98)] == [
        "0 %",
        "< 1 %",
        "< 1 %",
        "98 %",
    ]
    assert [notation.sureness(x) for x in (0.95, 0.8, 0.6, 0.5, 0.49)] == [
        "very sure", "sure", "fairly sure", "a guess", "not sure",
    ]  # fmt: skip


@pytest.mark.parametrize("span", [0.01, 3.0, 60.0, 200.0, 7200.0, 50_000.0])
def test_ticks_are_few(span):
    assert span / notation.tick_step(span, 12) <= 14
