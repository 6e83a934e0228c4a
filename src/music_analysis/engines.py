"""Other programs that listen, where the user has them: ``--engine madmom|crema|essentia``.

Knows how to run one and how to put what it says in the place of ours; nothing of any of them is
installed with this package or copied into it. An engine runs in a process of its own, by the
Python of the environment variable ``AFX_ENGINE_PYTHON`` or else by the one that runs us, and is
handed the sound as a WAV file.

========= ================================= =====================================================
engine    what it gives                     licence
========= ================================= =====================================================
madmom    beats, bars, tempo, key, chords   code BSD-2-Clause, models CC BY-NC-SA 4.0
crema     chords                            BSD-2-Clause
essentia  beats, tempo, key, chords         AGPL-3.0
========= ================================= =====================================================

All else is ours: sections and mood are found anew on top of what the engine says. Where the engine
does not say how sure it is of a chord, our own evidence for it does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.audio import Audio
    from music_analysis.chords import Chords
    from music_analysis.key import Key
    from music_analysis.tempo import Seconds, Tempo

PYTHON_VARIABLE: Final = "AFX_ENGINE_PYTHON"
_MISSING: Final = 3  # the exit code by which the script says so
_RATE: Final = 44_100
_NEAR: Final = 0.04  # tempos closer than this are one
_WITHIN: Final = 0.07  # seconds: two beats closer than this are one (the measure of mir_eval)


@dataclass(frozen=True)
class Engine:
    """A program that listens."""

    package: str
    """What pip installs."""
    licence: str


ENGINES: Final[dict[str, Engine]] = {
    "madmom": Engine("madmom", "models CC BY-NC-SA 4.0, not for commercial use"),
    "crema": Engine("crema", "BSD-2-Clause"),
    "essentia": Engine("essentia", "AGPL-3.0"),
}


def run(name: str, audio: Audio, analysis: Analysis) -> Analysis:
    """Put what an engine hears in the place of what we heard.

    Parameters
    ----------
    name
        One of :data:`ENGINES`.
    audio
        The song.
    analysis
        Ours, of the same song.

    Returns
    -------
    Analysis
        ``analyzers`` names the engine, its version and its licence. Silence stays as it is.

    Raises
    ------
    UserError
        There is no such engine, it is not installed, or it failed; one line says what to do.
    """
    if name not in ENGINES:
        raise UserError(f"there is no engine {name!r}: choose one of {', '.join(ENGINES)}")
    said = _listen(name, audio)
    named = f"{analysis.analyzers}+{said['engine']}, {ENGINES[name].licence}"
    if analysis.mood.integrated_loudness is None:  # nothing to be heard, whatever it says
        return replace(analysis, analyzers=named)
    from music_analysis import harmony, mood, structure
    from music_analysis.song_spectra import measure_song

    spectra = measure_song(audio)
    tempo, key, chords = analysis.tempo, analysis.key, analysis.chords
    if "beats" in said:
        tempo = _tempo(said, tempo)
    if "key" in said:
        key = _key(said["key"], key, analysis.duration)
    if "chords" in said:
        chords = _chords(said["chords"], chords, analysis.duration)
    return replace(
        analysis,
        analyzers=named,
        tempo=tempo,
        key=key,
        chords=harmony.with_roman_numerals(chords, key),
        structure=structure.estimate(spectra, tempo, chords),
        mood=mood.estimate(spectra, tempo, key),
    )


def _listen(name: str, audio: Audio) -> dict[str, Any]:
    """Run the engine and return what it says."""
    python = os.environ.get(PYTHON_VARIABLE) or sys.executable
    script = resources.files("music_analysis") / "engine_scripts" / "listen.py"
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, resources.as_file(script) as file:
        sound = Path(folder) / "song.wav"
        _write(audio, sound)
        try:
            done = subprocess.run(
                [python, os.fspath(file), name, os.fspath(sound)],
                capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
        except OSError as error:
            raise UserError(
                f"{python} cannot be run ({error.strerror or error}): set {PYTHON_VARIABLE} to the"
                f" Python that has {name}"
            ) from error
    if done.returncode == _MISSING:
        last = _last_line(done.stderr) or f"{name} is not installed"
        raise UserError(
            f"{last} for {python}: install it with `{python} -m pip install"
            f" {ENGINES[name].package}`, or set {PYTHON_VARIABLE} to a Python that has it"
        )
    try:
        said = json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("engine"), str):
        why = _last_line(done.stderr) or f"exit code {done.returncode}"
        raise UserError(f"{name} could not listen to {audio.path.name} ({why}): try without it")
    return said


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _write(audio: Audio, path: Path) -> None:
    """Write the sound as one channel of 16 bits at 44.1 kHz, which every engine reads."""
    with wave.open(os.fspath(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        for block in audio.blocks(sample_rate=_RATE, channels=1):
            numbers = np.rint(np.clip(block[0], -1.0, 1.0) * 32_767.0).astype("<i2")
            file.writeframes(numbers.tobytes())


def _tempo(said: dict[str, Any], ours: Tempo) -> Tempo:
    """Beats and tempo of the engine; bars as well if it gives them, else as ours lie on them."""
    from scipy.ndimage import uniform_filter1d

    from music_analysis.tempo import TempoAlternative

    beats = np.unique(np.asarray(said["beats"], np.float64))
    if len(beats) < 3:
        return ours
    intervals = np.diff(beats)
    bpm = 60.0 / float(np.median(intervals))
    sure = float(said.get("confidence", ours.beat_confidence))
    told = () if ours.bpm is None else (TempoAlternative(ours.bpm, 1.0), *ours.alternatives)
    if "downbeats" in said:
        downbeats = np.unique(np.asarray(said["downbeats"], np.float64))
        places = np.unique(np.searchsorted(beats, downbeats - 1e-6))  # two on one beat are one
        gaps = np.diff(places)
        meter, meter_sure = (int(np.median(gaps)) if len(gaps) else ours.meter), sure
    else:
        downbeats, share = _bars_like(ours, beats)
        meter, meter_sure = ours.meter, ours.meter_confidence * share
    signature = ours.time_signature if meter == ours.meter else None
    return replace(
        ours,
        bpm=bpm,
        confidence=sure,
        alternatives=tuple(a for a in told if abs(a.bpm / bpm - 1) > _NEAR)[:4],
        beats=beats,
        beat_confidence=sure,
        downbeats=downbeats,
        meter=meter,
        time_signature=signature or f"{meter}/4",
        meter_confidence=meter_sure,
        curve_times=beats[:-1],
        curve_bpm=60.0 / uniform_filter1d(intervals, min(8, len(intervals)), mode="nearest"),
        variation=float(intervals.std() / intervals.mean()),
    )


def _bars_like(ours: Tempo, beats: Seconds) -> tuple[Seconds, float]:
    """Every ``meter``-th beat, from the one that meets most of our bar lines; and that share."""
    best = (beats[:: ours.meter], 0.0)
    if not len(ours.downbeats):
        return best
    for first in range(ours.meter):
        bars = beats[first :: ours.meter]
        if not len(bars):
            continue
        after = np.clip(np.searchsorted(ours.downbeats, bars), 1, len(ours.downbeats)) - 1
        near = ours.downbeats[np.stack([after, np.minimum(after + 1, len(ours.downbeats) - 1)])]
        share = float((np.abs(near - bars).min(axis=0) <= _WITHIN).mean())
        if share > best[1]:
            best = (bars, share)
    return best


def _key(said: list[list[Any]], ours: Key, duration: float) -> Key:
    """Take the engine's key; where it says only one, the others keep the strengths of ours."""
    from music_analysis import harmony
    from music_analysis.key import KeyCandidate, KeySegment

    told = {_usual(label): float(strength) for label, strength in said}
    label = max(told, key=lambda name: told[name])
    sure = told[label]
    if len(told) == 24:
        whole = sum(told.values()) or 1.0
        ranking = tuple(KeyCandidate(name, s / whole) for name, s in told.items())
        ranking = tuple(sorted(ranking, key=lambda c: -c.strength))
    else:  # the two change places
        swap = {label: ours.label, ours.label: label}
        ranking = tuple(
            KeyCandidate(swap.get(c.label) or c.label, c.strength) for c in ours.ranking
        )
    same = label == ours.label
    tonic, _, mode = label.partition(" ")
    return replace(
        ours,
        label=label,
        tonic=tonic,
        mode=mode,
        confidence=sure,
        ranking=ranking,
        # the engine knows one key; ours along the song would be of another
        segments=ours.segments if same else (KeySegment(0.0, duration, label, sure),),
        modulations=ours.modulations if same else (),
        camelot=harmony.camelot(label),
    )


def _usual(label: str) -> str:
    """Spell a key as ours are: ``"F# major"`` is ``"Gb major"``."""
    from music_analysis import harmony
    from music_analysis.notation import pitch_class

    tonic, _, mode = label.partition(" ")
    place = pitch_class(tonic)
    return label if place is None else harmony.key_label(place, mode)


def _chords(said: list[list[Any]], ours: Chords, duration: float) -> Chords:
    """Take the engine's chords, without gaps from 0 to the end."""
    from music_analysis.chords import Chord

    rows: list[Chord] = []
    at = 0.0
    for begin, end, name, told in sorted(said, key=lambda row: float(row[0])):
        start, stop = max(float(begin), at), min(float(end), duration)
        if stop - start < 1e-3:
            continue
        label = "N" if name in {"N", "X"} else str(name)
        if start - at > 1e-3:
            rows.append(Chord(at, start, "N", 0.0))
        sure = _evidence(ours, start, stop, label) if told is None else float(told)
        rows.append(Chord(at if start - at <= 1e-3 else start, stop, label, min(1.0, sure)))
        at = stop
    if not rows:
        return ours
    if duration - at > 1e-3:
        rows.append(Chord(at, duration, "N", 0.0))
    weights = np.array([(c.end - c.start) * (c.label != "N") for c in rows])
    whole = float(weights.sum())
    sure = float(weights @ [c.confidence for c in rows]) / whole if whole else 0.0
    return replace(ours, segments=tuple(rows), confidence=sure)


def _evidence(ours: Chords, start: float, stop: float, label: str) -> float:
    """Mean of our probability that this root and third sound between two times, [0, 1]."""
    from music_analysis.notation import pitch_class

    place = pitch_class(label)
    quality = label.partition(":")[2]
    minor = quality.startswith(("min", "dim", "hdim"))
    column = 24 if place is None else place + 12 * minor
    borders = np.asarray(ours.step_times, np.float64)
    inside = np.minimum(borders[1:], stop) - np.maximum(borders[:-1], start)
    weights = np.maximum(inside, 0.0)
    if not len(weights) or weights.sum() <= 0:
        return 0.0
    return float(weights @ ours.probabilities[:, column] / weights.sum())
