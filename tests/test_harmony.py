from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from music_analysis import harmony
from music_analysis.chords import Chord, Chords
from music_analysis.key import Key, KeyCandidate, KeySegment
from music_analysis.tempo import Tempo

EMPTY = np.zeros(0)


def chords_of(*labels: str, seconds: float = 2.0) -> Chords:
    segments = tuple(
        Chord(number * seconds, (number + 1) * seconds, label, 0.9)
        for number, label in enumerate(labels)
    )
    times = np.arange(len(labels) + 1, dtype=np.float32) * np.float32(seconds)
    none = np.zeros((len(labels), 12), np.float32)
    return Chords(segments, 0.9, times, none, np.zeros((len(labels), 25), np.float32))


def key_of(*parts: tuple[float, float, str]) -> Key:
    label = parts[0][2]
    tonic, mode = label.split()
    segments = tuple(KeySegment(start, end, name, 0.9) for start, end, name in parts)
    ranking = (KeyCandidate(label, 1.0),)
    return Key(label, tonic, mode, 0.9, ranking, segments, (), harmony.camelot(label), 440.0)


def tempo_of(beats: int, meter: int = 4, period: float = 0.5, first: int = 0) -> Tempo:
    times = np.arange(beats) * period
    return Tempo(
        bpm=60 / period,
        confidence=1.0,
        alternatives=(),
        beats=times,
        beat_confidence=1.0,
        downbeats=times[first::meter],
        meter=meter,
        time_signature=f"{meter}/4",
        meter_confidence=1.0,
        curve_times=EMPTY,
        curve_bpm=EMPTY,
        variation=0.0,
    )


@dataclass(frozen=True)
class MadeSection:
    start: float
    label: str
    name: str


@dataclass(frozen=True)
class MadeStructure:
    sections: tuple[MadeSection, ...] = field(default=())


def numerals(key: str, *labels: str) -> list[str | None]:
    named = harmony.with_roman_numerals(chords_of(*labels), key_of((0.0, 1e3, key)))
    return [chord.roman for chord in named.segments]


def test_degrees_of_a_major_key() -> None:
    labels = ("C:maj", "D:min", "E:min", "F:maj", "G:7", "A:min7", "B:dim", "C:maj7")
    assert numerals("C major", *labels) == ["I", "ii", "iii", "IV", "V7", "vi7", "vii°", "Imaj7"]


def test_degrees_of_a_minor_key() -> None:
    labels = ("A:min", "B:dim", "C:maj", "D:min", "E:7", "F:maj", "G:maj", "G#:dim", "B:hdim7")
    expected = ["i", "ii°", "III", "iv", "V7", "VI", "VII", "vii°", "iiø7"]
    assert numerals("A minor", *labels) == expected


def test_borrowed_and_colored_chords() -> None:
    labels = ("Bb:maj", "F:min", "Ab:maj", "G:sus4", "C:aug", "F#:dim", "Db:maj", "N")
    expected = ["bVII", "iv", "bVI", "Vsus4", "I+", "#iv°", "bII", None]
    assert numerals("C major", *labels) == expected


def test_inversions_are_figured() -> None:
    labels = ("G:maj/3", "C:maj/5", "G:7/3", "G:7/5", "G:7/b7", "D:min7/b3", "A:min/b3", "C:maj/2")
    assert numerals("C major", *labels) == ["V6", "I64", "V65", "V43", "V42", "ii65", "vi6", "I"]


@pytest.mark.parametrize(
    ("key", "chord", "following", "numeral"),
    [
        ("C major", "D:7", "G:maj", "V7/V"),
        ("C major", "D:7", "D:min", "II7"),  # the next root is no goal
        ("C major", "E:maj", "A:min", "V/vi"),
        ("C major", "A:7/3", "D:min7", "V65/ii"),
        ("C major", "C:7", "F:maj", "V7/IV"),
        ("C major", "C:maj", "F:maj", "I"),  # at home in the key: nothing is borrowed
        ("C major", "F#:dim7", "G:maj", "vii°7/V"),
        ("C major", "G:7", "C:maj", "V7"),
        ("C major", "Bb:maj", "Eb:maj", "bVII"),  # its goal is not of the key
        ("A minor", "E:maj", "A:min", "V"),
        ("A minor", "A:7", "D:min", "V7/iv"),
        ("A minor", "G:7", "C:maj", "VII7"),
        ("A minor", "D:7", "G:maj", "V7/VII"),
        ("A minor", "B:7", "E:maj", "V7/V"),
    ],
)
def test_applied_dominants(key: str, chord: str, following: str, numeral: str) -> None:
    assert numerals(key, chord, following)[0] == numeral


def test_a_dominant_waits_for_its_goal_through_its_own_root() -> None:
    assert numerals("C major", "D:maj", "D:7", "G:maj") == ["V/V", "V7/V", "V"]


def test_numerals_are_those_of_the_key_of_their_time() -> None:
    key = key_of((0.0, 4.0, "C major"), (4.0, 8.0, "D major"))
    named = harmony.with_roman_numerals(chords_of("C:maj", "G:maj", "D:maj", "A:maj"), key)
    assert [chord.roman for chord in named.segments] == ["I", "V", "I", "V"]


def test_without_a_key_nothing_is_said() -> None:
    chords = chords_of("C:maj", "G:maj")
    none = Key(None, None, None, 0.0, (), (), (), None, 440.0)
    assert harmony.with_roman_numerals(chords, none) == chords
    nothing = chords_of()
    assert harmony.with_roman_numerals(nothing, key_of((0.0, 1.0, "C major"))) == nothing


@pytest.mark.parametrize(
    ("label", "key", "spelled"),
    [
        ("C#:maj", "Ab major", "Db:maj"),
        ("C#:maj", "F# minor", "C#:maj"),
        ("B:maj", "Gb major", "Cb:maj"),
        ("B:maj", "C minor", "B:maj"),
        ("Ab:7", "E major", "G#:7"),
        ("A#:min7/b3", "Gb major", "Bb:min7/b3"),
        ("Db:dim", "C major", "C#:dim"),
        ("C#:maj", "C major", "Db:maj"),
        ("Ab:dim", "A minor", "G#:dim"),
        ("F:maj", "C# minor", "F:maj"),
        ("N", "C major", "N"),
    ],
)
def test_spelling(label: str, key: str, spelled: str) -> None:
    assert harmony.spell(label, key) == spelled


def test_scales_of_all_keys_use_each_letter_once() -> None:
    for mode, steps in (("major", (0, 2, 4, 5, 7, 9, 11)), ("minor", (0, 2, 3, 5, 7, 8, 10))):
        for tonic in range(12):
            key = harmony.key_label(tonic, mode)
            notes = [
                harmony.spell(f"{harmony.MINOR_TONICS[(tonic + step) % 12]}:maj", key)
                for step in steps
            ]
            assert len({note[0] for note in notes}) == 7, key


def test_wheels() -> None:
    majors = {"C": "8B", "G": "9B", "B": "1B", "F#": "2B", "Gb": "2B", "Db": "3B", "E": "12B"}
    minors = {"A": "8A", "E": "9A", "G#": "1A", "Ab": "1A", "D": "7A", "C#": "12A", "F": "4A"}
    assert all(harmony.camelot(f"{tonic} major") == code for tonic, code in majors.items())
    assert all(harmony.camelot(f"{tonic} minor") == code for tonic, code in minors.items())
    every = [
        harmony.camelot(harmony.key_label(t, m)) for t in range(12) for m in ("major", "minor")
    ]
    assert len(set(every)) == 24
    with pytest.raises(ValueError, match="not a key"):
        harmony.camelot("C dorian")
