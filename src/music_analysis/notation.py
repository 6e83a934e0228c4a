"""Labels as musicians write them, and numbers as people say them.

Knows the spelling of analysis results only: Harte's chord syntax (``Bb:min7/5``), keys
(``"Gb major"``), Roman numerals, confidences in [0, 1] and seconds. All functions are pure; a label
that is not understood comes back as it is, with its accidentals made proper.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

NOT_SURE: Final = "not sure"
NO_ANSWER: Final = "not enough to tell"
RIVAL: Final = 0.3
"""Strength from which another tempo is named beside the answer."""

_STEPS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FLATS: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_DEGREES: Final = {
    "1": 0,
    "2": 2,
    "3": 4,
    "4": 5,
    "5": 7,
    "6": 9,
    "7": 11,
    "9": 2,
    "11": 5,
    "13": 9,
}
_QUALITIES: Final = {
    "": "",
    "maj": "",
    "min": "m",
    "dim": "°",
    "aug": "+",
    "7": "7",
    "maj7": "maj7",
    "min7": "m7",
    "minmaj7": "m(maj7)",
    "dim7": "°7",
    "hdim7": "ø7",
    "maj6": "6",
    "min6": "m6",
    "9": "9",
    "maj9": "maj9",
    "min9": "m9",
    "sus2": "sus2",
    "sus4": "sus4",
    "1": "",
    "5": "5",
}
_CHORD: Final = re.compile(r"^([A-G])([#b]*)(?::([^/(]*)(\([^)]*\))?)?(?:/([#b]*)(\d+))?$")
_ACCIDENTAL: Final = re.compile(r"(?<=[A-G])([#b]+)")


def section_letter(label: str) -> str:
    """``"B''"`` → ``"B″"``; what is no part of the form, ``N``, has no letter: ``"–"``."""
    if label == "N":
        return "–"
    return label.replace("''", "″").replace("'", "′")


def section_name(name: str, confidence: float) -> str:
    """Write a section's name, with a mark where it is a guess; ``part`` says nothing."""
    if name == "part":
        return ""
    return name + ("?" if confidence < 0.5 else "")


def accidentals(text: str) -> str:
    """Write ♯ and ♭ for ``#`` and ``b``."""
    return text.replace("#", "♯").replace("b", "♭")


def key_name(label: str) -> str:
    """``"Gb major"`` → ``"G♭ major"``."""
    return _ACCIDENTAL.sub(lambda found: accidentals(found[1]), label)


def key_short(label: str) -> str:
    """``"Gb major"`` → ``"G♭"``, ``"F# minor"`` → ``"F♯m"``."""
    tonic, _, mode = label.partition(" ")
    return accidentals(tonic) + ("m" if mode == "minor" else "")


def pitch_class(name: str) -> int | None:
    """Semitones above C of a note, a chord or a key by its first letters; None for ``N``."""
    found = re.match(r"^([A-G])([#b]*)", name)
    if not found:
        return None
    return (_STEPS[found[1]] + found[2].count("#") - found[2].count("b")) % 12


def is_minor(label: str) -> bool:
    """Whether a chord or key in any of the syntaxes here has a minor third."""
    quality = label.partition(":")[2] or label.partition(" ")[2]
    return quality.startswith(("min", "dim", "hdim"))


def chord_name(label: str) -> str:
    """``"Bb:min7"`` → ``"B♭m7"``, ``"C:maj/3"`` → ``"C/E"``, ``"N"`` → ``"N.C."``."""
    if label in {"N", "X"}:
        return "N.C."
    found = _CHORD.match(label)
    if not found:
        return key_name(label)
    letter, sign, quality, extra, bass_sign, bass = found.groups()
    name = letter + accidentals(sign) + _QUALITIES.get(quality or "", quality or "")
    name += accidentals(extra or "")
    if bass:
        root = _STEPS[letter] + sign.count("#") - sign.count("b")
        tone = root + _DEGREES.get(bass, 0) + bass_sign.count("#") - bass_sign.count("b")
        name += "/" + accidentals(_spelled(letter, int(bass), tone % 12))
    return name


def _spelled(letter: str, degree: int, pitch: int) -> str:
    """Name of a pitch class that is the given degree above a letter: E flat's third is a G."""
    above = "CDEFGAB"[("CDEFGAB".index(letter) + degree - 1) % 7]
    shift = (pitch - _STEPS[above] + 6) % 12 - 6
    return (
        above + ("", "#")[shift]
        if shift in (0, 1)
        else above + "b"
        if shift == -1
        else _FLATS[pitch]
    )


def roman_name(roman: str) -> str:
    """``"viio7"`` → ``"vii°7"``, ``"bVII"`` → ``"♭VII"``."""
    text = re.sub(r"(?<=[IViv])o", "°", roman)
    return re.sub(r"[#b](?=[IViv])", lambda found: accidentals(found[0]), text).replace("%", "ø")


def sureness(confidence: float) -> str:
    """Say a confidence in words; below one half it is "not sure"."""
    for least, words in (
        (0.9, "very sure"),
        (0.75, "sure"),
        (0.6, "fairly sure"),
        (0.5, "a guess"),
    ):
        if confidence >= least:
            return words
    return NOT_SURE


def steadiness(variation: float) -> str:
    """Say in words how much the distances of beats vary, a share of their mean."""
    for most, words in ((0.01, "very steady"), (0.04, "steady"), (0.12, "breathing")):
        if variation < most:
            return words
    return "free"


def main_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of a curve but for the 2 % at either end, which are slips of the ear."""
    ordered, last = sorted(values), len(values) - 1
    return ordered[round(0.02 * last)], ordered[round(0.98 * last)]


def percent(share: float) -> str:
    """Whole percent; what is little but not nothing is said to be little."""
    return "< 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Seconds → ``"3:07"``, ``"1:02:33"``, with tenths ``"3:07.4"``."""
    scale = 10 if tenths else 1
    whole = round(max(seconds, 0.0) * scale)
    minutes, rest = divmod(whole, 60 * scale)
    hours, minutes = divmod(minutes, 60)
    end = f"{rest // scale:02d}" + (f".{rest % scale}" if tenths else "")
    return f"{hours}:{minutes:02d}:{end}" if hours else f"{minutes}:{end}"


def bpm_text(bpm: float) -> str:
    """Whole beats a minute where they are whole, else one decimal."""
    return f"{bpm:.0f}" if abs(bpm - round(bpm)) < 0.05 else f"{bpm:.1f}"


def tick_step(span: float, most: int) -> float:
    """Nice distance of the ticks of a time axis, seconds, so that at most ``most`` fit."""
    for step in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800):
        if span / step <= most:
            return float(step)
    return 3600.0
