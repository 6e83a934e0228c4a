"""Names of chords in Harte's syntax: qualities, spelling and parsing.

Knows pitch classes (0 is C) and intervals in semitones; knows nothing of sound. Syntax: Harte,
Sandler, Abdallah and Gómez 2005, "Symbolic representation of musical chords"; the labels are those
that mir_eval reads: ``C:maj``, ``F#:min7``, ``G:7/3``, ``N``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NO_CHORD: Final = "N"
SHARPS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

QUALITIES: Final[dict[str, tuple[int, ...]]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "hdim7": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
}
"""Semitones above the root of the qualities that are told apart; the first two are the basic."""
NAMES: Final = tuple(QUALITIES)
TRIAD_OF: Final = {"7": "maj", "maj7": "maj", "min7": "min", "hdim7": "dim"}
"""The triad inside each seventh chord."""

# other qualities by the nearest of those above
_NEAREST: Final = {
    "": "maj",
    "maj6": "maj",
    "6": "maj",
    "9": "7",
    "maj9": "maj7",
    "min6": "min",
    "min9": "min7",
    "minmaj7": "min",
    "dim7": "dim",
    "sus4(b7)": "sus4",
    "11": "7",
    "13": "7",
    "5": "maj",
    "1": "maj",
}
_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DEGREES: Final = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11, 9: 2, 11: 5, 13: 9}
_BASS_NAMES: Final = {2: "2", 3: "b3", 4: "3", 5: "4", 6: "b5", 7: "5", 8: "#5", 10: "b7", 11: "7"}
_MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)


@dataclass(frozen=True)
class ChordName:
    """A chord, apart from how it is written."""

    root: int
    """Pitch class, C is 0."""
    quality: str
    """One of :data:`QUALITIES`."""
    bass: int = 0
    """Semitones of the lowest note above the root, 0 to 11."""

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The notes, from the root up."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])


def pitch_class(name: str) -> int:
    """Pitch class of a note's name: ``C#`` is 1, ``Cb`` is 11.

    Raises
    ------
    ValueError
        If it is not a letter from A to G with sharps or flats.
    """
    accidentals = name[1:]
    if name[:1] not in _LETTERS or accidentals.strip("#b"):
        raise ValueError(f"not a note: {name!r}")
    return (_LETTERS[name[0]] + accidentals.count("#") - accidentals.count("b")) % 12


def parse(label: str) -> ChordName | None:
    """Read a label; other qualities become the nearest of :data:`QUALITIES`.

    Returns
    -------
    ChordName or None
        None for no chord (``N``) and for what cannot be told (``X``).

    Raises
    ------
    ValueError
        If the label is not in Harte's syntax or its quality is not known.
    """
    if label in (NO_CHORD, "X"):
        return None
    chord, _, bass = label.partition("/")
    root, _, quality = chord.partition(":")
    quality = _NEAREST.get(quality, quality)
    if quality not in QUALITIES:
        raise ValueError(f"unknown quality in {label!r}")
    return ChordName(pitch_class(root), quality, _interval(bass) if bass else 0)


def _interval(degree: str) -> int:
    number = degree.lstrip("#b")
    if not number.isdigit() or int(number) not in _DEGREES:
        raise ValueError(f"not a degree: {degree!r}")
    shift = degree.count("#") - degree.count("b")
    return (_DEGREES[int(number)] + shift) % 12


def spell(name: ChordName | None, *, flats: bool = False) -> str:
    """Write a label: ``Bb:min7``, ``C:maj/3``, ``N``. A bass that is no chord tone is not said."""
    if name is None:
        return NO_CHORD
    root = (FLATS if flats else SHARPS)[name.root]
    bass = f"/{_BASS_NAMES[name.bass]}" if name.bass in QUALITIES[name.quality][1:] else ""
    return f"{root}:{name.quality}{bass}"


def prefers_flats(weights: Sequence[float] | NDArray[np.float32]) -> bool:
    """Whether music with these weights of the 12 pitch classes is written with flats.

    It is in keys of one flat to six (F to Gb major and their relatives): the scale that holds most
    of the weight decides; without a difference, sharps.
    """
    strength = np.asarray(weights, np.float64)
    totals = [strength[[(tonic + step) % 12 for step in _MAJOR]].sum() for tonic in range(12)]
    # ties go to fewer accidentals: C G D A E B, then F Bb Eb Ab Db Gb
    order = [0, 7, 2, 9, 4, 11, 5, 10, 3, 8, 1, 6]
    best = max(order, key=lambda tonic: totals[tonic])
    return best in (5, 10, 3, 8, 1, 6)


def tone_table() -> NDArray[np.float32]:
    """[qualities · 12, 12] of 1 for the tones of each chord: row ``12 q + root``."""
    table = np.zeros((len(NAMES) * 12, 12), np.float32)
    for number, steps in enumerate(QUALITIES.values()):
        for root in range(12):
            table[12 * number + root, [(root + step) % 12 for step in steps]] = 1
    return table
