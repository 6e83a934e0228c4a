"""An analysis as a MIDI file: a click on the beats, the chords, and a tempo that follows the music.

Knows ticks, tempo and notes. The tempo changes at every beat, so that ticks are beats *and* notes
sound at the right seconds: opened in a sequencer, its bars lie on the bars of the recording. What
comes before the first bar line is a bar of its own length. Rounding is made up for at the
next beat and does not add up.

Source: the Standard MIDI Files 1.0 specification; General MIDI for the click (wood blocks).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.schema import Part

QUARTER: Final = 960  # ticks: half a millisecond at 120 bpm
_SLOWEST: Final = 2**24 - 1  # microseconds to a quarter: what the format can say
_LONGEST: Final = 4.0  # seconds: a longer gap between beats is counted in several
_STEADY: Final = 500_000  # microseconds to a quarter where there are no beats
_HIGH_BLOCK, _LOW_BLOCK = 76, 77
_CLICK: Final = 0.03  # seconds
_DRUMS: Final = 9  # channel, counted from 0

_QUALITIES: Final = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8),
    "sus2": (0, 2, 7), "sus4": (0, 5, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10), "minmaj7": (0, 3, 7, 11), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10),
    "maj6": (0, 4, 7, 9), "min6": (0, 3, 7, 9), "9": (0, 4, 7, 10, 14), "maj9": (0, 4, 7, 11, 14),
    "min9": (0, 3, 7, 10, 14), "5": (0, 7), "1": (0,),
}  # fmt: skip
"""Semitones above the root, in Harte's words."""
_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DEGREES: Final = (0, 2, 4, 5, 7, 9, 11)
_SHORTEST: Final = 0.0601
"""Seconds of a quarter: many programs know no tempo above 999."""
_LOWEST_BASS, _LOWEST_TONE = 36, 55  # C2, G3


def chord_notes(label: str) -> tuple[int, ...]:
    """Return MIDI notes for a chord: its bass, and its tones from G3 up; none for ``N``."""
    name, _, bass = label.partition("/")
    root_name, _, quality = name.partition(":")
    if root_name[:1] not in _LETTERS:
        return ()
    root = _LETTERS[root_name[0]] + root_name.count("#") - root_name.count("b")
    steps = _QUALITIES.get(quality.partition("(")[0] or "maj", (0, 4, 7))
    low = _LOWEST_BASS + (root + _interval(bass) - _LOWEST_BASS) % 12
    return (low, *sorted(_LOWEST_TONE + (root + s - _LOWEST_TONE) % 12 for s in steps))


def _interval(degree: str) -> int:
    """Semitones of a degree such as ``b3`` above the root; 0 for none."""
    number = degree.lstrip("#b")
    if not number.isdigit() or number == "0":
        return 0
    octave, step = divmod(int(number) - 1, 7)
    return 12 * octave + _DEGREES[step] + degree.count("#") - degree.count("b")


class Clock:
    """Where seconds lie in ticks, and the tempos that make it so.

    Parameters
    ----------
    beats, downbeats : array
        Seconds.
    meter : int
        Beats to a bar.
    signature : str or None
        ``"4/4"``, ``"6/8"``, …: how long a beat is.
    """

    def __init__(
        self,
        beats: NDArray[np.float64],
        downbeats: NDArray[np.float64],
        meter: int,
        signature: str | None,
    ) -> None:
        self.unit, self.numerator, self.denominator = _beat(meter, signature)
        self.tempos: list[tuple[int, int]] = []
        """(tick, microseconds to a quarter) where the tempo changes."""
        self.bars: list[tuple[int, int]] = []
        """(tick, beats) where the number of beats to the bar changes."""
        self._ticks, self._micros = [0], [0]
        if len(beats) < 2:
            self.tempos.append((0, _STEADY))
            self.bars.append((0, meter))
            return
        typical = float(np.median(np.diff(beats)))
        # time before the first beat is about as many beats as would fit
        lead = max(1, round(float(beats[0]) / typical))
        if float(beats[0]) * QUARTER / self.unit < _SHORTEST:
            lead = 0  # too little for a beat of its own: the first beat lasts longer
        if lead:
            self._advance(lead, float(beats[0]))
        ticks = [self._ticks[-1]]
        for before, after in itertools.pairwise(beats.tolist()):
            gap = after - before
            self._advance(max(1, round(gap / typical)) if gap > _LONGEST else 1, after)
            ticks.append(self._ticks[-1])
        self._find_bars(np.array(ticks), beats, downbeats, meter)

    def _advance(self, count: int, until: float) -> None:
        """Let so many beats pass until a moment."""
        ticks = count * self.unit
        target = round(until * 1e6)
        tempo = round((target - self._micros[-1]) * QUARTER / ticks)
        tempo = min(max(tempo, 1), _SLOWEST)
        if not self.tempos or self.tempos[-1][1] != tempo:
            self.tempos.append((self._ticks[-1], tempo))
        self._micros.append(self._micros[-1] + round(tempo * ticks / QUARTER))
        self._ticks.append(self._ticks[-1] + ticks)

    def _find_bars(
        self,
        ticks: NDArray[np.int64],
        beats: NDArray[np.float64],
        downbeats: NDArray[np.float64],
        meter: int,
    ) -> None:
        nearest = np.searchsorted(beats, downbeats - 1e-3)
        lines = [int(t) for t in ticks[nearest[nearest < len(ticks)]]]
        borders = [0, *(line for line in lines if line > 0)]
        for start, end in itertools.pairwise(borders):
            count = round((end - start) / self.unit)
            if start == 0 and 0 not in lines and count > meter and count % meter == 0:
                count = meter  # silence before the music: whole bars of it
            if not self.bars or self.bars[-1][1] != count:
                self.bars.append((start, min(count, 255)))
        if not self.bars or self.bars[-1][1] != meter:
            self.bars.append((borders[-1], meter))

    def tick(self, seconds: float) -> int:
        """Return the tick that is nearest to a moment."""
        micros = max(0.0, seconds * 1e6)
        k = int(np.searchsorted(self._micros, micros, side="right")) - 1
        tempo = self.tempos[-1][1]
        if k + 1 < len(self._micros):
            span = self._micros[k + 1] - self._micros[k]
            share = (micros - self._micros[k]) / span if span else 0.0
            return round(self._ticks[k] + share * (self._ticks[k + 1] - self._ticks[k]))
        return round(self._ticks[k] + (micros - self._micros[k]) * QUARTER / tempo)

    def signatures(self) -> Iterator[tuple[int, int, int]]:
        """Yield (tick, numerator, denominator)."""
        for tick, count in self.bars:
            numerator = count * self.unit * self.denominator // (4 * QUARTER)
            yield tick, min(max(numerator, 1), 255), self.denominator


def _beat(meter: int, signature: str | None) -> tuple[int, int, int]:
    """Return the ticks of a beat, and the time signature: in 6/8 a beat is a dotted quarter."""
    numerator, denominator = meter, 4
    if signature is not None:
        over, _, under = signature.partition("/")
        if over.isdigit() and under in ("2", "4", "8", "16") and 0 < int(over) < 256:
            numerator, denominator = int(over), int(under)
    unit = 4 * QUARTER * numerator // (denominator * meter)
    if unit * meter * denominator != 4 * QUARTER * numerator or not unit:
        return QUARTER, meter, 4
    return unit, numerator, denominator


def save_midi(analysis: Analysis, path: Path, part: Part = "analysis") -> Path:
    """Write the MIDI file of an analysis, whole or not at all.

    Parameters
    ----------
    analysis
    path
    part
        All of it, or what one command says: ``"tempo"`` has no chords, and so on.

    Raises
    ------
    UserError
        It cannot be written.
    """
    import mido

    tempo = analysis.tempo
    clock = Clock(tempo.beats, tempo.downbeats, tempo.meter, tempo.time_signature)
    whole = part == "analysis"
    file = mido.MidiFile(type=1, ticks_per_beat=QUARTER, charset="utf-8")
    head = [(0, 0, mido.MetaMessage("track_name", name=analysis.title or analysis.file))]
    head += [(t, 1, mido.MetaMessage("set_tempo", tempo=micros)) for t, micros in clock.tempos]
    head += [
        (t, 0, mido.MetaMessage("time_signature", numerator=over, denominator=under))
        for t, over, under in clock.signatures()
    ]
    if whole or part == "key":
        head += [
            (clock.tick(s.start), 2, mido.MetaMessage("key_signature", key=key))
            for s in analysis.key.segments
            if (key := _key_signature(s.label)) is not None
        ]
    if whole or part == "structure":
        head += [
            (clock.tick(s.start), 3, mido.MetaMessage("marker", text=f"{s.label} {s.name}"))
            for s in analysis.structure.sections
        ]
    file.tracks.append(_track(head, clock.tick(analysis.duration)))
    if whole or part == "tempo":
        file.tracks.append(_track(_clicks(analysis, clock)))
    if whole or part == "chords":
        file.tracks.append(_track(_chords(analysis, clock)))
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        file.save(str(temporary))
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return path


def _clicks(analysis: Analysis, clock: Clock) -> list[tuple[int, int, Any]]:
    import mido

    events = [(0, 0, mido.MetaMessage("track_name", name="Click"))]
    downbeats = {round(t, 3) for t in analysis.tempo.downbeats.tolist()}
    for t in analysis.tempo.beats.tolist():
        first = round(t, 3) in downbeats
        note, force = (_HIGH_BLOCK, 120) if first else (_LOW_BLOCK, 85)
        start = clock.tick(t)
        end = max(start + 1, clock.tick(t + _CLICK))
        on = mido.Message("note_on", channel=_DRUMS, note=note, velocity=force)
        off = mido.Message("note_off", channel=_DRUMS, note=note, velocity=0)
        events += [(start, 5, on), (end, 4, off)]
    return events


def _chords(analysis: Analysis, clock: Clock) -> list[tuple[int, int, Any]]:
    import mido

    events = [
        (0, 0, mido.MetaMessage("track_name", name="Chords")),
        (0, 1, mido.Message("program_change", channel=0, program=0)),
    ]
    for chord in analysis.chords.segments:
        notes = chord_notes(chord.label)
        start, end = clock.tick(chord.start), clock.tick(chord.end)
        if not notes or end <= start:
            continue
        events.append((start, 2, mido.MetaMessage("text", text=chord.label)))
        for note in notes:
            on = mido.Message("note_on", channel=0, note=note, velocity=70)
            off = mido.Message("note_off", channel=0, note=note, velocity=0)
            events += [(start, 5, on), (end, 4, off)]
    return events


def _track(events: list[tuple[int, int, Any]], until: int = 0) -> Any:
    """Return a track of (tick, rank, message): at one tick, lower ranks come first."""
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, until - now)))
    return track


def _key_signature(label: str) -> str | None:
    """``"Gb major"`` as ``"Gb"``, ``"A minor"`` as ``"Am"``, if the format knows it."""
    tonic, _, mode = label.partition(" ")
    name = tonic + ("m" if mode == "minor" else "")
    flats = "C F Bb Eb Ab Db Gb Cb Am Dm Gm Cm Fm Bbm Ebm Abm"
    sharps = "G D A E B F# C# Em Bm F#m C#m G#m D#m A#m"
    return name if name in (flats + " " + sharps).split() else None
