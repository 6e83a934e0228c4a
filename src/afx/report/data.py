"""What the report shows, as plain data: the song's facts and every knob over the video's time.

Knows the analysis, the Controls and the job they were composed from; knows nothing of pages. All
times are seconds of the video.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afx.compose import Controls, Scene
from afx.field.knob import Knob
from afx.judge.why import Recomposed
from afx.look import knobs_of, pattern_of
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from music_analysis.analysis import Analysis
from music_analysis.notation import chord_name, key_name

RATE = 10.0
"""Values a second of a knob's curve."""
MOST = 4000
"""Values of one curve at most: of an hour, about one a second."""
STILL = 0.01
"""Shares of its range within which a knob counts as at rest."""


def song_facts(analysis: Analysis, start: float, seconds: float) -> dict[str, Any]:
    """Return sections, chords, keys, beats and events between two moments of a song.

    Parameters
    ----------
    analysis : Analysis
    start, seconds : float
        Where the video begins in the song, and how long it is.
    """
    end = start + seconds

    def inside(spans: Sequence[Any]) -> list[tuple[Any, float, float]]:
        return [
            (s, round(max(s.start, start) - start, 3), round(min(s.end, end) - start, 3))
            for s in spans
            if s.end > start and s.start < end
        ]

    def moments(times: NDArray[np.floating]) -> list[float]:
        kept = times[(times >= start) & (times < end)] - start
        return [round(float(t), 3) for t in kept]

    structure = analysis.structure
    return {
        "sections": [
            {"start": a, "end": b, "label": s.label, "name": s.name, "group": s.group}
            for s, a, b in inside(structure.sections)
        ],
        "chords": [
            {"start": a, "end": b, "label": chord_name(c.label) if c.label != "N" else ""}
            for c, a, b in inside(analysis.chords.segments)
        ],
        "keys": [
            {"start": a, "end": b, "label": key_name(k.label)}
            for k, a, b in inside(analysis.key.segments)
        ],
        "beats": moments(np.asarray(analysis.tempo.beats)),
        "downbeats": moments(np.asarray(analysis.tempo.downbeats)),
        "events": [
            {
                "kind": e.kind,
                "start": round(max(e.start - start, 0.0), 3),
                "time": round(e.time - start, 3),
            }
            for e in structure.events
            if start <= e.time < end
        ],
    }


def scenes_of(controls: Controls) -> list[dict[str, Any]]:
    """Return the timeline: who is seen from when to when, and how each came in."""
    fps = float(controls.fps)
    rows = []
    for k, (scene, shot) in enumerate(zip(controls.scenes, controls.plan(), strict=True)):
        coming = controls.transitions[k - 1] if k else None
        rows.append(
            {
                "look": scene.look.name,
                "title": scene.look.title,
                "why": str(shot["why"]),
                "start": round(float(str(shot["start"])), 3),
                "end": round(float(str(shot["end"])), 3),
                "first": round(scene.first / fps, 3),
                "last": round(scene.last / fps, 3),
                "transition": "" if coming is None else coming.kind,
            }
        )
    return rows


def knob_curves(controls: Controls) -> dict[str, Any]:
    """Return what each knob did, as bytes a person can look at.

    Returns
    -------
    dict
        ``step`` (seconds), and ``knobs``: each with ``name``, ``help``, ``unit``, ``group``
        (``"form"``, ``"camera"``, ``"color"``), ``lo`` and ``hi`` of what is drawn, ``moved``
        (standard deviation as a share of the range) and ``spans``: for each scene that has it its
        first step and its values in 0–254. Of clocks it is their speed.
    """
    fps = float(controls.fps)
    seconds = controls.frames / fps
    step = max(1.0 / RATE, seconds / MOST)
    camera, color = {k.name for k in STAGE_KNOBS}, {k.name for k in GRADE_KNOBS}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for scene in controls.scenes:
        for column, knob in enumerate(knobs_of(pattern_of(scene.look))):
            group = "camera" if knob.name in camera else "color" if knob.name in color else "form"
            first, values = _sampled(scene, column, knob, fps, step)
            if not len(values):
                continue
            # Knobs of two patterns may share a name and not a meaning.
            key = (knob.name, "" if group != "form" else scene.look.pattern)
            entry = found.setdefault(
                key,
                {
                    "name": knob.name,
                    "help": knob.help,
                    "unit": knob.unit,
                    "group": group,
                    "pattern": key[1],
                    "range": (knob.lo, knob.hi),
                    "spans": [],
                },
            )
            entry["spans"].append((first, values))
    return {"step": step, "knobs": [_drawn(entry) for entry in found.values()]}


def _sampled(
    scene: Scene, column: int, knob: Knob, fps: float, step: float
) -> tuple[int, NDArray[np.float64]]:
    """Return a knob's values at the steps inside a scene; a clock's speed."""
    values = scene.values[:, column].astype(np.float64)
    if knob.kind == "clock":
        values = np.gradient(values) * fps if len(values) > 1 else values * 0.0
    first = int(np.ceil(scene.first / fps / step - 1e-9))
    last = int(np.floor((scene.last - 1) / fps / step + 1e-9))
    frames = np.rint(np.arange(first, last + 1) * step * fps).astype(int)
    frames = np.clip(frames, scene.first, scene.last - 1)
    return first, values[frames - scene.first + scene.lead]


def _drawn(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a knob with its curve scaled to what it did, so that small moves can be seen."""
    whole = np.concatenate([values for _, values in entry["spans"]])
    lo, hi = float(whole.min()), float(whole.max())
    reach = max(entry["range"][1] - entry["range"][0], 1e-9)
    middle, half = 0.5 * (lo + hi), max(0.5 * (hi - lo), 0.5 * STILL * reach)
    low = middle - half
    return {
        **{k: entry[k] for k in ("name", "help", "unit", "group", "pattern")},
        "lo": round(lo, 4),
        "hi": round(hi, 4),
        "moved": round(float(whole.std()) / reach, 4) if hi - lo > STILL * reach else 0.0,
        "spans": [
            {"first": first, "values": _packed((values - low) / (2 * half))}
            for first, values in entry["spans"]
        ],
    }


def _packed(share: NDArray[np.float64]) -> str:
    codes = np.rint(np.clip(share, 0.0, 1.0) * 254).astype(np.uint8)
    return base64.b64encode(codes.tobytes()).decode()


def report_data(again: Recomposed) -> Mapping[str, Any]:
    """Return everything about a video that comes from its song and its looks.

    Parameters
    ----------
    again : Recomposed
        The video's settings and Controls.
    """
    controls = again.controls
    fps = float(controls.fps)
    seconds = controls.frames / fps
    return {
        "seconds": seconds,
        "scenes": scenes_of(controls),
        **song_facts(again.heard.analysis, controls.first_frame / fps, seconds),
        **knob_curves(controls),
    }
