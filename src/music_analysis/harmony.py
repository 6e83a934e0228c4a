"""What chords mean in a key, and how both are written: numerals, spelling, chord sheets.

Knows labels of chords (Harte's syntax) and keys (``"Gb major"``); knows nothing of sound. Notes are
places on the line of fifths (C is 0, G is 1, F is −1), where an interval is a difference and every
place has one spelling: that is what tells D♭ from C♯.

Numerals: upper case holds a major third, lower case a minor one; ``°`` diminished, ``ø7`` half
diminished, ``+`` augmented. Degrees are those of the major scale, and of the natural minor scale in
minor keys, where ``vii°`` is on the leading note. Inversions are figured: ``V6``, ``I64``; ``V65``,
``V43``, ``V42``. A dominant borrowed from another degree says whose it is (``V7/V``, ``vii°/ii``)
when that degree follows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from music_analysis.chord_labels import pitch_class

if TYPE_CHECKING:
    from music_analysis.chords import Chords
    from music_analysis.key import Key

MAJOR_TONICS: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
MINOR_TONICS: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
"""How keys are usually written: no more than six accidentals."""

_FIFTHS: Final = "FCGDAEB"
# semitones above the tonic to steps along the line of fifths: ♭2, ♭3, ♯4, ♭6, ♭7
_CHROMATIC: Final = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)
_DEGREE_FIFTHS: Final = {1: 0, 2: 2, 3: 4, 4: -1, 5: 1, 6: 3, 7: 5, 9: 2, 11: -1, 13: 3}
_WHITE: Final = {"E#": "F", "B#": "C", "Cb": "B", "Fb": "E"}
_SCALES: Final = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}

# numerals of the twelve semitones above the tonic, in upper case
_NUMERALS: Final = {
    "major": ("I", "bII", "II", "bIII", "III", "IV", "bV", "V", "bVI", "VI", "bVII", "VII"),
    "minor": ("I", "bII", "II", "III", "#III", "IV", "bV", "V", "VI", "#VI", "VII", "#VII"),
}
# where a diminished chord leads up by a semitone, it is written below its goal
_LEADING: Final = {
    "major": {1: "#I", 3: "#II", 6: "#IV", 8: "#V"},
    "minor": {1: "#I", 6: "#IV", 11: "VII"},
}

# quality: how a numeral writes it, whether the third is minor, its tones
_QUALITIES: Final[dict[str, tuple[str, bool, tuple[int, ...]]]] = {
    "": ("", False, (0, 4, 7)),
    "maj": ("", False, (0, 4, 7)),
    "min": ("", True, (0, 3, 7)),
    "7": ("7", False, (0, 4, 7, 10)),
    "maj7": ("maj7", False, (0, 4, 7, 11)),
    "min7": ("7", True, (0, 3, 7, 10)),
    "minmaj7": ("maj7", True, (0, 3, 7, 11)),
    "maj6": ("add6", False, (0, 4, 7, 9)),
    "min6": ("add6", True, (0, 3, 7, 9)),
    "9": ("9", False, (0, 4, 7, 10, 2)),
    "maj9": ("maj9", False, (0, 4, 7, 11, 2)),
    "min9": ("9", True, (0, 3, 7, 10, 2)),
    "dim": ("°", True, (0, 3, 6)),
    "dim7": ("°7", True, (0, 3, 6, 9)),
    "hdim7": ("ø7", True, (0, 3, 6, 10)),
    "aug": ("+", False, (0, 4, 8)),
    "sus2": ("sus2", False, (0, 2, 7)),
    "sus4": ("sus4", False, (0, 5, 7)),
    "sus4(b7)": ("7sus4", False, (0, 5, 7, 10)),
    "5": ("5", False, (0, 7)),
}
_FIGURES: Final = {3: ("", "6", "64"), 4: ("7", "65", "43", "42")}


def camelot(label: str) -> str:
    """Place of a key on the Camelot wheel: ``"8B"`` for C major, ``"8A"`` for A minor."""
    number, minor = _wheel(label)
    return f"{(number + 7) % 12 + 1}{'A' if minor else 'B'}"


def key_label(tonic: int, mode: str) -> str:
    """Spell a key as is usual: pitch class (C is 0) and ``"major"`` or ``"minor"``."""
    return f"{(MAJOR_TONICS if mode == 'major' else MINOR_TONICS)[tonic % 12]} {mode}"


def spell(label: str, key: str) -> str:
    """Spell a chord's root as its key has it: ``C#:maj`` becomes ``Db:maj`` in Ab major."""
    if not label or label[0] not in _FIFTHS:
        return label
    chord, slash, bass = label.partition("/")
    root, colon, quality = chord.partition(":")
    tonic, mode = _parts(key)
    above = (pitch_class(root) - pitch_class(tonic)) % 12
    step = _CHROMATIC[above]
    if quality.startswith(("dim", "hdim")) and step < 0 and above in _LEADING[mode]:
        step += 12
    name = _note(_place(tonic) + step)
    if above not in _SCALES[mode]:  # E sharp and its like only where the scale has them
        name = _WHITE.get(name, name)
    return f"{name}{colon}{quality}{slash}{bass}"


def with_roman_numerals(chords: Chords, key: Key) -> Chords:
    """Say of every chord what it is in the key of its time, and spell it in that key.

    Parameters
    ----------
    chords
        The chords of a song.
    key
        Its key. Without one, chords stay as they are.

    Returns
    -------
    Chords
        A copy; N has no numeral.
    """
    if key.label is None or not chords.segments:
        return chords
    keys = [segment.label for segment in key.segments] or [key.label]
    starts = [segment.start for segment in key.segments][1:]
    local = [keys[bisect_right(starts, (c.start + c.end) / 2)] for c in chords.segments]
    names = [chord.label for chord in chords.segments]
    segments = tuple(
        replace(chord, label=spell(chord.label, home), roman=roman(chord.label, home, after))
        for chord, home, after in zip(chords.segments, local, _followers(names), strict=True)
    )
    return replace(chords, segments=segments)


def roman(label: str, key: str, following: str = "N") -> str | None:
    """Name one chord by its numeral; ``following`` is the next one of another root.

    Returns
    -------
    str or None
        None for N and for chords that are no chord.
    """
    chord = _read(label)
    if chord is None:
        return None
    root, quality, _ = chord
    tonic, mode = _parts(key)
    home = pitch_class(tonic)
    scale = {(home + step) % 12 for step in _SCALES[mode]}
    if mode == "minor":
        scale.add((home + 11) % 12)
    goal = _read(following)
    tones = {(root + step) % 12 for step in _QUALITIES[quality][2]}
    if goal is not None and goal[0] != home and not tones <= scale:
        degree = _numeral(goal[0], goal[1], home, mode)
        fifth = quality in ("", "maj", "7", "9") and (root - goal[0]) % 12 == 7
        leading = quality in ("dim", "dim7", "hdim7") and (root - goal[0]) % 12 == 11
        settled = goal[1] not in ("dim", "dim7", "hdim7", "aug")
        if (fifth or leading) and settled and (goal[0] - home) % 12 in _SCALES[mode]:
            return f"{'V' if fifth else 'vii'}{_figured(chord)}/{degree}"
    return _numeral(root, quality, home, mode) + _figured(chord)


def _followers(labels: Sequence[str]) -> list[str]:
    """For each chord the next one with another root, or N."""
    after: list[str] = ["N"] * len(labels)
    for number in range(len(labels) - 2, -1, -1):
        mine, other = _read(labels[number]), _read(labels[number + 1])
        same = mine is not None and other is not None and mine[0] == other[0]
        after[number] = after[number + 1] if same else labels[number + 1]
    return after


def _read(label: str) -> tuple[int, str, int] | None:
    """Root, quality and bass (semitones above the root) of a chord."""
    if not label or label[0] not in _FIFTHS:
        return None
    chord, _, bass = label.partition("/")
    root, _, quality = chord.partition(":")
    degree = bass.lstrip("#b")
    low = 0
    if degree.isdigit() and int(degree) in _DEGREE_FIFTHS:
        shift = bass.count("#") - bass.count("b")
        low = (7 * _DEGREE_FIFTHS[int(degree)] + shift) % 12
    return pitch_class(root), quality if quality in _QUALITIES else "", low


def _numeral(root: int, quality: str, home: int, mode: str) -> str:
    above = (root - home) % 12
    name = _NUMERALS[mode][above]
    if quality in ("dim", "dim7", "hdim7"):
        name = _LEADING[mode].get(above, name)
    return name.lower() if _QUALITIES[quality][1] else name


def _figured(chord: tuple[int, str, int]) -> str:
    """Write what follows the numeral: the kind of chord, and its inversion if it has one."""
    _, quality, bass = chord
    kind, _, tones = _QUALITIES[quality]
    figures = _FIGURES.get(len(tones))
    if figures is None or bass not in tones[1:] or "sus" in quality or "6" in quality:
        return kind
    return kind.removesuffix("7") + figures[tones.index(bass)]


def _wheel(label: str) -> tuple[int, bool]:
    """Fifths above C of a key or its relative major, 0 to 11, and whether it is minor."""
    tonic, mode = _parts(label)
    return 7 * (pitch_class(tonic) + (3 if mode == "minor" else 0)) % 12, mode == "minor"


def _parts(key: str) -> tuple[str, str]:
    tonic, _, mode = key.partition(" ")
    if mode not in _SCALES:
        raise ValueError(f"not a key: {key!r}")
    return tonic, mode


def _place(note: str) -> int:
    """Where a note lies on the line of fifths."""
    shift = note.count("#") - note[1:].count("b")
    return _FIFTHS.index(note[0]) - 1 + 7 * shift


def _note(place: int) -> str:
    """Name the note at a place of the line of fifths, without double accidentals."""
    while place < -8:
        place += 12
    while place > 12:
        place -= 12
    shift, letter = divmod(place + 1, 7)
    return _FIFTHS[letter] + ("#" * shift if shift > 0 else "b" * -shift)
