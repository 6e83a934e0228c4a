"""What a report says in words: the cards at its top and its chord sheet.

Knows analyses and notation; knows nothing of HTML. What is not known is None, for the page to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music_analysis import notation, plot_chords, plot_structure
from music_analysis.analysis import Analysis
from music_analysis.plot_key import changes
from music_analysis.plots import Part
from music_analysis.report_data import roman

_CARDS: Final[dict[Part, tuple[str, ...]]] = {
    "analysis": ("tempo", "key", "meter", "chords", "form", "loudness", "mood"),
    "tempo": ("tempo", "meter", "steady"),
    "key": ("key", "tuning", "changes"),
    "chords": ("chords", "key"),
    "structure": ("form", "events"),
}


@dataclass(frozen=True)
class Card:
    """One fact: its name, the answer, how sure it is and what else there is to say."""

    title: str
    answer: str | None
    """None where there is not enough to tell."""
    sure: float | None = None
    more: str = ""
    meters: tuple[tuple[str, float], ...] = ()
    """Names and values in [0, 1] of small bars."""

    @property
    def doubtful(self) -> bool:
        """Whether the answer is a guess."""
        return self.sure is not None and self.sure < 0.5

    @property
    def words(self) -> str:
        """How sure, in words."""
        return "" if self.sure is None else notation.sureness(self.sure)


@dataclass(frozen=True)
class Bar:
    """A cell of the chord sheet: where it begins, its number and what is played in it."""

    start: float
    number: int
    chords: tuple[tuple[int, str, str, float], ...]
    """Index of the chord, its name (``·`` when it goes on), its numeral, its share of the bar."""


def cards(analysis: Analysis, part: Part) -> list[Card]:
    """Return the facts at the top of a page."""
    makers = {
        "tempo": _tempo_card,
        "key": _key_card,
        "meter": lambda a: Card(
            "Time signature",
            a.tempo.time_signature,
            a.tempo.meter_confidence,
            f"{len(a.tempo.downbeats):,} bars" if len(a.tempo.downbeats) else "",
        ),
        "chords": _chords_card,
        "form": _form_card,
        "loudness": _loudness_card,
        "mood": _mood_card,
        "steady": _steady_card,
        "tuning": lambda a: Card("Tuning", a.key.label and f"A = {a.key.tuning_hz:.1f} Hz"),
        "changes": _changes_card,
        "events": _events_card,
    }
    return [makers[name](analysis) for name in _CARDS[part]]


def _tempo_card(analysis: Analysis) -> Card:
    tempo = analysis.tempo
    if tempo.bpm is None:
        return Card("Tempo", None)
    others = ", ".join(
        notation.bpm_text(a.bpm) for a in tempo.alternatives[:3] if a.strength >= notation.RIVAL
    )
    return Card(
        "Tempo",
        f"{notation.bpm_text(tempo.bpm)} bpm",
        tempo.confidence,
        f"or {others}" if others else "",
    )


def _steady_card(analysis: Analysis) -> Card:
    tempo = analysis.tempo
    if tempo.bpm is None or len(tempo.curve_bpm) < 2:
        return Card("Tempo range", None)
    low, high = notation.main_range(tempo.curve_bpm.tolist())
    words = f"{notation.bpm_text(low)}–{notation.bpm_text(high)} bpm"
    return Card("Tempo range", words, None, f"beats vary by {100 * tempo.variation:.1f} %")


def _key_card(analysis: Analysis) -> Card:
    key = analysis.key
    if not key.label:
        return Card("Key", None)
    more = [f"Camelot {key.camelot}"] if key.camelot else []
    if abs(key.tuning_hz - 440) >= 1:
        more.append(f"A = {key.tuning_hz:.0f} Hz")
    return Card("Key", notation.key_name(key.label), key.confidence, " · ".join(more))


def _changes_card(analysis: Analysis) -> Card:
    key = analysis.key
    if not key.label:
        return Card("Modulations", None)
    count = len(key.modulations)
    return Card("Modulations", str(count) if count else "none", None, changes(key) if count else "")


def _chords_card(analysis: Analysis) -> Card:
    if not any(c.label not in {"N", "X"} for c in analysis.chords.segments):
        return Card("Chords", None)
    words, _ = plot_chords.summary(analysis.chords)
    count = len({c.label for c in analysis.chords.segments} - {"N", "X"})
    kinds = f"{count} different" if count > 1 else "one chord"
    return Card("Chords", words.rstrip("?"), analysis.chords.confidence, kinds)


def _form_card(analysis: Analysis) -> Card:
    structure = analysis.structure
    count = sum(section.label != "N" for section in structure.sections)
    if not count or (count == 1 and structure.confidence < 0.5):
        return Card("Form", None)
    words, _ = plot_structure.summary(structure)
    sections = f"{count} sections" if count > 1 else "one section"
    return Card("Form", words.rstrip("?"), structure.confidence, sections)


def _events_card(analysis: Analysis) -> Card:
    events = analysis.structure.events
    if not analysis.structure.sections:
        return Card("Builds and drops", None)
    if not events:
        return Card("Builds and drops", "none")
    times = ", ".join(f"{e.kind} {notation.clock(e.time)}" for e in events[:4])
    return Card(
        "Builds and drops", str(len(events)), None, times + (" …" if len(events) > 4 else "")
    )


def _loudness_card(analysis: Analysis) -> Card:
    mood = analysis.mood
    if mood.integrated_loudness is None:
        return Card("Loudness", None)
    more = []
    if mood.loudness_range is not None:
        more.append(f"range {mood.loudness_range:.1f} LU")
    if mood.true_peak is not None:
        more.append(f"peak {mood.true_peak:.1f} dBTP")
    words = f"{mood.integrated_loudness:.1f} LUFS"
    return Card("Loudness", words.replace("-", "−"), None, " · ".join(more).replace("-", "−"))


def _mood_card(analysis: Analysis) -> Card:
    mood = analysis.mood
    if mood.integrated_loudness is None:
        return Card("Signal", None)
    values = (
        ("energy", mood.energy),
        ("brightness", mood.brightness),
        ("pulse", mood.pulse_clarity),
    )
    return Card("Signal", "", None, "", values)


def sheet(analysis: Analysis) -> list[tuple[str, list[Bar]]]:
    """Chord sheet: (heading, bars) for each section; every chord is a cell where bars are unknown.

    A chord that begins up to a quarter of a beat before a bar line belongs behind it.
    """
    segments = analysis.chords.segments
    if not segments:
        return []
    downbeats = analysis.tempo.downbeats
    if len(downbeats) > 1:
        early = 0.25 * float(np.median(np.diff(downbeats))) / max(analysis.tempo.meter, 1)
        borders = [0.0] if downbeats[0] > 4 * early else []
        borders += [float(t) for t in downbeats]
        first = 0 if len(borders) > len(downbeats) else 1
    else:
        early, first = 0.0, 1
        borders = [c.start for c in segments]
    ends = [*borders[1:], analysis.duration]
    starts = np.array([c.start for c in segments])
    bars: list[Bar] = []
    for number, (start, end) in enumerate(zip(borders, ends, strict=True), first):
        low = max(int(np.searchsorted(starts, start + early, side="right")) - 1, 0)
        high = int(np.searchsorted(starts, end - early, side="left"))
        cells = []
        for k in range(low, max(high, low + 1)):
            chord = segments[k]
            share = (min(chord.end, end) - max(chord.start, start)) / max(end - start, 1e-3)
            begins = chord.start >= start - early or not bars
            name = notation.chord_name(chord.label) if begins else "·"
            cells.append((k, name, roman(chord) if begins else "", round(max(share, 0.1), 2)))
        bars.append(Bar(start, number, tuple(cells)))
    return _grouped(analysis, bars, early)


def _grouped(analysis: Analysis, bars: list[Bar], early: float) -> list[tuple[str, list[Bar]]]:
    sections = analysis.structure.sections
    if not sections:
        return [("", bars)]
    starts = np.array([s.start for s in sections])
    groups: list[tuple[str, list[Bar]]] = []
    last = -1
    for bar in bars:
        at = max(int(np.searchsorted(starts, bar.start + early + 1e-3, side="right")) - 1, 0)
        if at != last or not groups:
            section = sections[at]
            name = notation.section_name(section.name, section.name_confidence)
            letter = "" if section.label == "N" else notation.section_letter(section.label)
            groups.append((" · ".join(filter(None, (letter, name))), []))
            last = at
        groups[-1][1].append(bar)
    return groups
