"""An analysis for other programs: Audacity, Sonic Visualiser, JAMS, MIDI and ``.lab`` files.

Knows their formats; what they hold is in layers: beats, downbeats, chords, sections and keys. MIDI
is in :mod:`music_analysis.midi`. Times are seconds from the first sample. Layers of which nothing
is known are left out, and a format with no layers at all is an empty file of its kind.

Sources: the Audacity manual ("Importing and Exporting Labels"); Sonic Visualiser's annotation
layers as CSV and as the XML that it writes; the schema of JAMS 0.3 (Humphrey et al. 2014, "JAMS: a
JSON annotated music specification for reproducible MIR research"); Harte 2010, "Towards automatic
extraction of harmony information from music signals", for ``.lab``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from music_analysis.analysis import ANALYZERS, write_text

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis
    from music_analysis.schema import Part

FORMATS: Final = ("audacity", "sv", "svl", "jams", "midi", "lab")
_LAYERS: Final[dict[str, tuple[str, ...]]] = {
    "analysis": ("beats", "downbeats", "chords", "sections", "keys"),
    "tempo": ("beats", "downbeats"),
    "key": ("keys",),
    "chords": ("chords",),
    "structure": ("sections",),
}


@dataclass(frozen=True)
class Mark:
    """A labeled moment, or a labeled stretch where ``end`` is later."""

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class Layer:
    """Marks of one kind."""

    name: str
    marks: tuple[Mark, ...]
    instants: bool


def layers_of(analysis: Analysis, part: Part = "analysis") -> list[Layer]:
    """Return what there is to export, in order."""
    found = {
        "beats": _beats(analysis),
        "downbeats": _downbeats(analysis),
        "chords": [Mark(c.start, c.end, c.label, c.confidence) for c in analysis.chords.segments],
        "sections": [
            Mark(s.start, s.end, f"{s.label} {s.name}", s.confidence)
            for s in analysis.structure.sections
        ],
        "keys": [Mark(s.start, s.end, s.label, s.confidence) for s in analysis.key.segments],
    }
    return [
        Layer(name, tuple(found[name]), instants=name in ("beats", "downbeats"))
        for name in _LAYERS[part]
        if found[name]
    ]


def _beats(analysis: Analysis) -> list[Mark]:
    """Beats, labeled by their place in the bar; those before the first bar line count up to it."""
    tempo = analysis.tempo
    numbers = beat_numbers(tempo.beats.tolist(), tempo.downbeats.tolist(), tempo.meter)
    return [
        Mark(t, t, str(number), tempo.beat_confidence)
        for t, number in zip(tempo.beats.tolist(), numbers, strict=True)
    ]


def _downbeats(analysis: Analysis) -> list[Mark]:
    tempo = analysis.tempo
    return [
        Mark(t, t, str(bar), tempo.meter_confidence)
        for bar, t in enumerate(tempo.downbeats.tolist(), start=1)
    ]


def beat_numbers(beats: Sequence[float], downbeats: Sequence[float], meter: int) -> list[int]:
    """Return each beat's place in its bar, 1 for downbeats; 1 for all where there are no bars."""
    firsts = [k for k, t in enumerate(beats) if any(abs(t - d) < 1e-3 for d in _near(downbeats, t))]
    if not firsts:
        return [1] * len(beats)
    ones, numbers = set(firsts), list[int]()
    for k in range(len(beats)):
        before = (k - firsts[0]) % meter + 1  # as if bars went on to the left
        numbers.append(before if k < firsts[0] else 1 if k in ones else numbers[-1] + 1)
    return numbers


def _near(times: Sequence[float], t: float) -> Sequence[float]:
    from bisect import bisect_left

    at = bisect_left(times, t - 1e-3)
    return times[at : at + 1]


def write(
    analysis: Analysis,
    folder: str | Path,
    formats: Sequence[str],
    *,
    part: Part = "analysis",
    sample_rate: int = 44_100,
) -> list[Path]:
    """Write an analysis for other programs; each file is whole or not there.

    Parameters
    ----------
    analysis
    folder
        Where; it must exist.
    formats
        Of :data:`FORMATS`.
    part
        What: all layers, or those of one command.
    sample_rate
        The song's, in Hz: Sonic Visualiser counts samples.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UserError
        They cannot be written.
    """
    folder = Path(folder)
    layers = layers_of(analysis, part)
    made: list[Path] = []

    def put(name: str, text: str) -> None:
        write_text(folder / name, text)
        made.append(folder / name)

    per_layer: dict[str, tuple[str, Callable[[Layer], str]]] = {
        "audacity": (".audacity.txt", audacity),
        "sv": (".sv.csv", sonic_csv),
        "lab": (".lab", lab),
    }
    for form in formats:
        if form in per_layer:
            ending, text_of = per_layer[form]
            for layer in layers:
                put(f"{layer.name}{ending}", text_of(layer))
        elif form == "svl":
            put(f"{part}.svl", sonic_layers(analysis, layers, sample_rate))
        elif form == "jams":
            put(f"{part}.jams", json.dumps(jams(analysis, layers), indent=1, allow_nan=False))
        elif form == "midi":
            from music_analysis.midi import save_midi

            made.append(save_midi(analysis, folder / f"{part}.mid", part))
        else:
            raise ValueError(f"formats are {', '.join(FORMATS)}, not {form!r}")
    return made


def audacity(layer: Layer) -> str:
    """Return a label track: start, end and label, separated by tabs."""
    return "".join(f"{m.start:.6f}\t{m.end:.6f}\t{m.label}\n" for m in layer.marks)


def lab(layer: Layer) -> str:
    """Return lines as MIREX and mir_eval read them: start, end and label, or time and label.

    Sections are their letters alone and keys are ``C major``, separated by tabs.
    """
    if layer.instants:
        return "".join(f"{m.start:.4f}\t{m.label}\n" for m in layer.marks)
    letters = layer.name == "sections"
    return "".join(
        f"{m.start:.4f}\t{m.end:.4f}\t{m.label.split()[0] if letters else m.label}\n"
        for m in layer.marks
    )


def sonic_csv(layer: Layer) -> str:
    """Return an annotation layer: time and label, or time, value, duration and label."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    values = _values(layer)
    for m in layer.marks:
        if layer.instants:
            writer.writerow([f"{m.start:.6f}", m.label])
        else:
            length = f"{m.end - m.start:.6f}"
            writer.writerow([f"{m.start:.6f}", values[m.label], length, m.label])
    return text.getvalue()


def _values(layer: Layer) -> dict[str, int]:
    """Return heights for labels, in the order in which they come, so that equal ones are level."""
    return {label: k for k, label in enumerate(dict.fromkeys(m.label for m in layer.marks), 1)}


def sonic_layers(analysis: Analysis, layers: Sequence[Layer], rate: int) -> str:
    """Return all layers as one Sonic Visualiser layer file (SVL)."""
    models, displays = [], []
    end = round(analysis.duration * rate)
    for index, layer in enumerate(layers):
        model, dataset = 2 * index + 1, 2 * index
        values = _values(layer)
        dimensions = 1 if layer.instants else 3
        extra = "" if layer.instants else f' subtype="region" minimum="1" maximum="{len(values)}"'
        extra += "" if layer.instants else ' valueQuantization="0" units=""'
        models.append(
            f'    <model id="{model}" name={quoteattr(layer.name)} sampleRate="{rate}" start="0"'
            f' end="{end}" type="sparse" dimensions="{dimensions}" resolution="1"'
            f' notifyOnAdd="true" dataset="{dataset}"{extra}/>'
        )
        models.append(f'    <dataset id="{dataset}" dimensions="{dimensions}">')
        for m in layer.marks:
            frame, label = round(m.start * rate), quoteattr(m.label)
            region = f' value="{values[m.label]}" duration="{round(m.end * rate) - frame}"'
            region = "" if layer.instants else region
            models.append(f'      <point frame="{frame}"{region} label={label}/>')
        models.append("    </dataset>")
        kind = "timeinstants" if layer.instants else "regions"
        displays.append(
            f'    <layer id="{1000 + index}" type="{kind}" name={quoteattr(layer.name)}'
            f' model="{model}"/>'
        )
    lines = ["<sv>", "  <data>", *models, "  </data>", "  <display>", *displays]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n'
    return head + "\n".join([*lines, "  </display>", "</sv>", ""])


_SPACES: Final = {
    "beats": "beat",
    "chords": "chord",
    "sections": "segment_open",
    "keys": "key_mode",
}


def jams(analysis: Analysis, layers: Sequence[Layer]) -> dict[str, Any]:
    """Return a JAMS document: beats (by their place in the bar), chords, sections, keys, tempo."""
    duration = round(analysis.duration, 6)
    annotations = []
    for layer in layers:
        if layer.name not in _SPACES:
            continue
        data = [
            {
                "time": round(m.start, 6),
                "duration": round(m.end - m.start, 6),
                "value": _jams_value(layer.name, m.label),
                "confidence": round(m.confidence, 4),
            }
            for m in layer.marks
        ]
        annotations.append(_annotation(_SPACES[layer.name], data, duration))
    tempo = analysis.tempo
    if tempo.bpm is not None and any(layer.name == "beats" for layer in layers):
        data = [
            {
                "time": 0.0,
                "duration": duration,
                "value": round(tempo.bpm, 4),
                "confidence": round(tempo.confidence, 4),
            }
        ]
        annotations.append(_annotation("tempo", data, duration))
    return {
        "annotations": annotations,
        "file_metadata": {
            "title": analysis.title or "",
            "artist": analysis.artist or "",
            "release": "",
            "duration": duration,
            "identifiers": {"sha256_of_sound": analysis.sound, "file": analysis.file},
            "jams_version": "0.3.4",
        },
        "sandbox": {},
    }


def _jams_value(layer: str, label: str) -> int | str:
    if layer == "beats":
        return int(label)
    if layer == "keys":
        return label.replace(" ", ":")
    return label.split()[0] if layer == "sections" else label


def _annotation(namespace: str, data: list[dict[str, Any]], duration: float) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "data": data,
        "time": 0.0,
        "duration": duration,
        "annotation_metadata": {
            "curator": {"name": "", "email": ""},
            "annotator": {},
            "version": ANALYZERS,
            "corpus": "",
            "annotation_tools": "audio-feature-explorer",
            "annotation_rules": "",
            "validation": "",
            "data_source": "program",
        },
        "sandbox": {},
    }
