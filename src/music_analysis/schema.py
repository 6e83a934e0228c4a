"""The layout of analysis.json: an analysis as a document, and back.

Knows keys and versions; knows nothing of files. The part for people comes first: plain numbers and
words. Matrices and curves are packed under the one key ``arrays`` as ``{"shape", "dtype", "scale",
"data"}``, where ``data`` is base64 of zlib of little-endian integers, and a value is integer times
``scale``. docs/analysis-schema.md lists every key. Times are rounded to 0.1 ms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_origin

import numpy as np
from numpy.typing import NDArray

from music_analysis.analysis import SCHEMA, Analysis
from music_analysis.chords import Chord, Chords
from music_analysis.errors import UserError
from music_analysis.key import Key
from music_analysis.mood import Mood
from music_analysis.packing import (
    WrongError,
    assemble,
    build,
    check,
    hints,
    may_be_none,
    member,
    numbers,
    pack,
    plain,
    record,
    times,
    unpack,
)
from music_analysis.structure import Event, Section, Structure
from music_analysis.tempo import Tempo

Document = dict[str, Any]
Part = Literal["tempo", "key", "chords", "structure", "analysis"]

HEAD: Final = ("schema", "analyzers", "file", "title", "artist", "duration", "sound")
PARTS: Final[dict[str, tuple[str, ...]]] = {
    "tempo": ("tempo", "beats", "downbeats"),
    "key": ("key",),
    "chords": ("key", "harmony", "chords"),
    "structure": ("structure", "sections"),
}
"""What is in tempo.json and so on, beside :data:`HEAD`."""

# name: type and scale of the integers, type in memory, shape when empty; no scale: by the largest
_ARRAYS: Final[dict[str, tuple[str, float | None, str, tuple[int, ...]]]] = {
    "wave": ("int8", None, "float32", (0, 2)),
    "chroma_times": ("int32", 1e-4, "float32", (0,)),
    "chroma": ("uint8", 1 / 255, "float32", (0, 12)),
    "chord_probabilities": ("uint8", 1 / 255, "float32", (0, 25)),
    "novelty_times": ("int32", 1e-4, "float64", (0,)),
    "novelty": ("uint8", 1 / 255, "float32", (0,)),
    "bar_times": ("int32", 1e-4, "float64", (0,)),
    "bar_similarity": ("uint8", 1 / 255, "float32", (0, 0)),
    "beat_times": ("int32", 1e-4, "float64", (0,)),
    "beat_similarity": ("uint8", 1 / 255, "float32", (0, 0)),
    "loudness_times": ("int32", 1e-4, "float64", (0,)),
    "loudness": ("int16", 0.01, "float64", (0,)),
}


def document(analysis: Analysis, *, part: str = "analysis", arrays: bool = True) -> Document:
    """Return an analysis as it is written to JSON.

    Parameters
    ----------
    analysis
    part
        ``"analysis"`` for all of it, else a key of :data:`PARTS`.
    arrays
        Whether matrices and curves are wanted; a part never has any.
    """
    tempo, chords = analysis.tempo, analysis.chords
    structure, mood = analysis.structure, analysis.mood
    whole: Document = {
        "schema": SCHEMA,
        "analyzers": analysis.analyzers,
        "file": analysis.file,
        "title": analysis.title,
        "artist": analysis.artist,
        "duration": plain(analysis.duration),
        "sound": analysis.sound,
        "tempo": {
            **record(tempo, leave=("beats", "downbeats", "curve_times", "curve_bpm")),
            "curve": {"times": numbers(tempo.curve_times), "bpm": numbers(tempo.curve_bpm)},
        },
        "beats": numbers(tempo.beats),
        "downbeats": numbers(tempo.downbeats),
        "key": record(analysis.key),
        "harmony": {"confidence": plain(chords.confidence)},
        "chords": plain(chords.segments),
        "structure": {
            "confidence": plain(structure.confidence),
            "events": plain(structure.events),
        },
        "sections": plain(structure.sections),
        "mood": record(mood, leave=("loudness_times", "loudness_curve")),
    }
    if part != "analysis":
        return {name: whole[name] for name in (*HEAD, *PARTS[part])}
    if arrays:
        found: dict[str, NDArray[Any]] = {
            "wave": analysis.wave,
            "chroma_times": chords.step_times,
            "chroma": chords.chroma,
            "chord_probabilities": chords.probabilities,
            "novelty_times": structure.novelty_times,
            "novelty": structure.novelty,
            "bar_times": structure.bar_times,
            "bar_similarity": structure.bar_similarity,
            "beat_times": structure.beat_times,
            "beat_similarity": structure.beat_similarity,
            "loudness_times": np.array(mood.loudness_times, np.float64),
            "loudness": np.array(mood.loudness_curve, np.float64),
        }
        whole["arrays"] = {
            name: pack(found[name], kind, scale) for name, (kind, scale, *_) in _ARRAYS.items()
        }
    return whole


def text_of(document: Document) -> str:
    """Return a document as JSON that people can read: one chord, section or list to a line."""
    lines = []
    for name, value in document.items():
        if isinstance(value, dict) and value:
            inner = (f"    {_json(key)}: {_lines(part, 4)}" for key, part in value.items())
            lines.append(f"  {_json(name)}: {{\n" + ",\n".join(inner) + "\n  }")
        else:
            lines.append(f"  {_json(name)}: {_lines(value, 2)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(value: Any, indent: int) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        space = " " * (indent + 2)
        return "[\n" + ",\n".join(space + _json(v) for v in value) + "\n" + " " * indent + "]"
    return _json(value)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # half a character, which a tag may hold, cannot be written as itself
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half.group()):04x}", text)


def analysis_of(value: object) -> Analysis:
    """Return the analysis that a document tells of; older layouts are brought up to date.

    Raises
    ------
    UserError
        What is wrong with the document, without its name.
    """
    if not isinstance(value, dict) or type(value.get("schema")) is not int:
        raise UserError("is not an analysis: make one with afx analyze")
    version = value["schema"]
    if version > SCHEMA:
        raise UserError(
            f"was made by a newer version (layout {version}, this one reads up to {SCHEMA}):"
            " update audio-feature-explorer"
        )
    parts = [name for name, keys in PARTS.items() if all(key in value for key in keys)]
    if parts and "chords" not in value:
        raise UserError(f"holds only the {parts[0]}: give the analysis.json of afx analyze")
    try:
        while version < SCHEMA:
            check(version in _MIGRATIONS, f"there is no layout {version}")
            value = _MIGRATIONS[version](value)
            version += 1
        return _analysis(value)
    except WrongError as error:
        raise UserError(f"is damaged: {error}; analyze the song again") from None


def _analysis(value: Mapping[str, Any]) -> Analysis:
    packed = value.get("arrays", {})  # left out, they are empty
    check(isinstance(packed, Mapping), "arrays must be an object")
    arrays = {
        name: unpack(packed[name], len(empty), memory, f"arrays.{name}")
        if name in packed
        else np.zeros(empty, memory)
        for name, (_, _, memory, empty) in _ARRAYS.items()
    }
    kinds = hints(Analysis)
    curve = member(member(value, "tempo"), "curve", "tempo")
    structure, harmony = member(value, "structure"), member(value, "harmony")
    return Analysis(
        **{name: build(kinds[name], value.get(name), name) for name in HEAD if name in kinds},
        tempo=assemble(
            Tempo,
            value["tempo"],
            "tempo",
            beats=times(value.get("beats"), "beats"),
            downbeats=times(value.get("downbeats"), "downbeats"),
            curve_times=times(member(curve, "times", "tempo.curve"), "tempo.curve.times"),
            curve_bpm=times(member(curve, "bpm", "tempo.curve"), "tempo.curve.bpm"),
        ),
        key=assemble(Key, value.get("key"), "key"),
        chords=Chords(
            segments=build(tuple[Chord, ...], value.get("chords"), "chords"),
            confidence=build(float, member(harmony, "confidence", "harmony"), "harmony.confidence"),
            step_times=arrays["chroma_times"],
            chroma=arrays["chroma"],
            probabilities=arrays["chord_probabilities"],
        ),
        structure=Structure(
            sections=build(tuple[Section, ...], value.get("sections"), "sections"),
            confidence=build(
                float, member(structure, "confidence", "structure"), "structure.confidence"
            ),
            events=build(
                tuple[Event, ...], member(structure, "events", "structure"), "structure.events"
            ),
            novelty_times=arrays["novelty_times"],
            novelty=arrays["novelty"],
            bar_times=arrays["bar_times"],
            bar_similarity=arrays["bar_similarity"],
            beat_times=arrays["beat_times"],
            beat_similarity=arrays["beat_similarity"],
        ),
        mood=assemble(
            Mood,
            value.get("mood"),
            "mood",
            loudness_times=tuple(numbers(arrays["loudness_times"])),
            loudness_curve=tuple(numbers(arrays["loudness"])),
        ),
        wave=arrays["wave"],
    )


# ---- older layouts -------------------------------------------------------------------------------


def _from_0(old: Document) -> Document:
    """Bring up to date what layout 0 had: no mood, no arrays, alternatives as bare numbers."""
    new = {**old, "schema": 1}
    tempo = dict(member(old, "tempo"))
    alternatives = tempo.get("alternatives", [])
    check(isinstance(alternatives, list), "tempo.alternatives must be a list")
    tempo["alternatives"] = [
        {"bpm": a, "strength": 0.0} if isinstance(a, (int, float)) else a for a in alternatives
    ]
    tempo.setdefault("beat_confidence", tempo.get("confidence", 0.0))
    tempo.setdefault("meter_confidence", 0.0)
    tempo.setdefault("variation", 0.0)
    tempo.setdefault("curve", {"times": [], "bpm": []})
    new["tempo"] = tempo
    new.setdefault("harmony", {"confidence": 0.0})
    new.setdefault("structure", {"confidence": 0.0, "events": []})
    kinds = {n: k for n, k in hints(Mood).items() if get_origin(k) is not tuple}
    new.setdefault("mood", {n: None if may_be_none(k) else 0.0 for n, k in kinds.items()})
    return new


_MIGRATIONS: Final[dict[int, Callable[[Document], Document]]] = {0: _from_0}
