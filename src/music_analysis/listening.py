"""Listening to a song for pictures: its analysis and its features, each made once and kept.

Knows the analysis, the features and the cache; what they hold is theirs. Features hang on the
frame rate and on the beats of the analysis, so they are kept by the sound's hash, the rate and both
versions. They are the same bit by bit whether they were kept or made.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from music_analysis.analysis import ANALYZERS, Analysis, OnProgress, analyze
from music_analysis.audio import Audio
from music_analysis.cache import fetch, keep
from music_analysis.features import TRACKS, Features, FeatureSummary, extract
from music_analysis.tempo import BeatGrid

FEATURES: Final = "2"
"""Version of the tracks: what an older one made is made anew."""

_RAW: Final = ("centroid", "crest", "onset", "hit")


@dataclass(frozen=True)
class Heard:
    """What pictures follow."""

    analysis: Analysis
    features: Features


def listen(
    audio: Audio, fps: Fraction, *, cache: bool = True, progress: OnProgress | None = None
) -> Heard:
    """Analyze a song and extract its features, or find what was found before.

    Parameters
    ----------
    audio
        The song (:func:`music_analysis.audio.load`).
    fps
        Video frames a second, positive.
    cache
        Whether to look for what was kept of the same sound, and to keep this.
    progress
        Told how much is done, 0 to 1.

    Raises
    ------
    music_analysis.errors.UserError
        The sound cannot be read, or there is none (0 samples).
    """
    analysis = analyze(audio, cache=cache, progress=progress)
    grid = analysis.tempo.grid
    if not cache:
        return Heard(analysis, extract(audio, fps, grid))
    return Heard(analysis, _kept(audio, fps, grid, ANALYZERS))


def listen_to_part(audio: Audio, fps: Fraction, beats: BeatGrid, *, cache: bool = True) -> Features:
    """Extract the features of a part of a song, such as its drums alone; raises as `listen`.

    Parameters
    ----------
    audio
        The part, as long as its song.
    fps
        Video frames a second, positive.
    beats
        Those of the song: a part alone may not tell them.
    cache
        Whether to look for what was kept of the same sound, and to keep this.
    """
    if not cache:
        return extract(audio, fps, beats)
    grid = hashlib.sha256(repr((beats.bpm, beats.confidence)).encode())
    for times in (beats.beats, beats.downbeats):
        grid.update(np.ascontiguousarray(times, dtype=np.float64).tobytes() + b"|")
    return _kept(audio, fps, beats, f"part-{grid.hexdigest()[:16]}")


def _kept(audio: Audio, fps: Fraction, beats: BeatGrid, of: str) -> Features:
    """Return features that were kept under this name, or extract and keep them."""
    version = f"{of}-features-{FEATURES}-{fps.numerator}-{fps.denominator}"
    data = fetch(audio.sound_hash, version)
    if data is not None:
        try:
            return _unpacked(data, fps, beats)
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            pass  # damaged: made anew
    features = extract(audio, fps, beats)
    keep(audio.sound_hash, version, _packed(features))
    return features


def _packed(features: Features) -> bytes:
    summary = {
        name: getattr(features.summary, name) for name in FeatureSummary.__dataclass_fields__
    }
    file = io.BytesIO()
    np.savez(
        file,
        tracks=np.stack([features.tracks[name] for name in TRACKS]),
        loudness=features.loudness,
        raw=np.stack([features.raw[name] for name in _RAW]),
        rest=np.array(json.dumps({"duration": features.duration, "summary": summary})),
        allow_pickle=False,
    )
    return file.getvalue()


def _unpacked(data: bytes, fps: Fraction, beats: BeatGrid) -> Features:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        rest: Mapping[str, Any] = json.loads(str(arrays["rest"]))
        tracks, raw = arrays["tracks"], arrays["raw"]
        loudness = arrays["loudness"]
    return Features(
        fps=fps,
        duration=float(rest["duration"]),
        frames=len(loudness),
        tracks=MappingProxyType(dict(zip(TRACKS, tracks, strict=True))),
        beats=beats,
        loudness=loudness,
        raw=MappingProxyType(dict(zip(_RAW, raw, strict=True))),
        summary=FeatureSummary(**rest["summary"]),
    )
