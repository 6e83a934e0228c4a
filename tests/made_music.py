"""Made-up analyses and patterns whose every number is known, for tests of what builds on them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from afx.field.knob import clock, knob, knobs_of
from afx.patterns import Pattern
from afx.sources import CHROMA, SOURCES
from music_analysis.features import TRACKS as ANALYZED

TRACKS = [name for name in SOURCES if name in ANALYZED]


@dataclass(frozen=True)
class MadeBeats:
    bpm: float | None = None
    confidence: float = 0.0
    beats: np.ndarray = field(default_factory=lambda: np.zeros(0))
    downbeats: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class MadeFeatures:
    fps: Fraction
    frames: int
    tracks: dict[str, np.ndarray]
    beats: MadeBeats = MadeBeats()

    @property
    def duration(self) -> float:
        return self.frames / float(self.fps)


@dataclass(frozen=True)
class MadeSummary:
    energy: float = 0.5
    brightness: float = 0.5
    tempo: float | None = 120.0
    tempo_confidence: float = 1.0


def silence(seconds: float, fps: Fraction = Fraction(30)) -> MadeFeatures:
    frames = int(np.ceil(seconds * fps))
    return MadeFeatures(fps, frames, {name: np.zeros(frames, np.float32) for name in TRACKS})


def with_tracks(features: MadeFeatures, **tracks: np.ndarray) -> MadeFeatures:
    """Replace tracks; a double underscore stands for the dot."""
    named = {name.replace("__", "."): np.float32(track) for name, track in tracks.items()}
    return replace(features, tracks=features.tracks | named)


def grid(bpm: float, seconds: float, confidence: float = 0.9) -> MadeBeats:
    beats = np.arange(0.0, seconds, 60.0 / bpm)
    return MadeBeats(bpm, confidence, beats, beats[::4])


def song(parts: str, part: float = 20.0, fps: Fraction = Fraction(30), seed: int = 0):
    """Make a song at 120 bpm whose parts, one letter each, sound alike where the letter is."""
    seconds = part * len(parts)
    features = silence(seconds, fps)
    frames = features.frames
    time = np.arange(frames) / float(fps)
    chance = np.random.default_rng(seed)
    tracks = {}
    where = np.minimum((time / part).astype(int), len(parts) - 1)
    for name in TRACKS:
        key = [len(name), sum(map(ord, name))]
        levels = np.array([np.random.default_rng([ord(c), *key]).random() for c in parts])
        track = levels[where] + 0.1 * chance.standard_normal(frames)
        tracks[name] = np.clip(track, 0, 1).astype(np.float32)
    phase = np.mod(time * 2.0, 1.0)
    novelty = np.zeros(frames)
    for k in range(1, len(parts)):
        novelty = np.maximum(novelty, np.exp(-(((time - k * part) / 1.5) ** 2)))
    tracks |= {
        "beat.phase": phase,
        "beat.conf": np.full(frames, 0.9),
        "hit.kick": np.exp(-phase * 8.0),
        "novelty": novelty,
    }
    tracks = {name: track.astype(np.float32) for name, track in tracks.items()}
    return MadeFeatures(fps, frames, tracks, grid(120.0, seconds))


def _rings(
    p,
    *,
    phase: float = clock(0.5, help="how fast"),
    detail: float = knob(0.5, 0.0, 1.0, help="how fine"),
    morph: float = knob(0.3, 0.0, 1.0, help="which"),
    count: float = knob(6.0, 1.0, 40.0, unit="rings", help="how many"),
): ...


def _plain(p, *, size: float = knob(1.0, 0.5, 2.0, help="how large")): ...


def made_pattern(name: str, family: str, function=_rings) -> Pattern:
    return Pattern(
        name, family, name.title(), "Made for tests", "none", knobs_of(function), function
    )


PATTERNS = {
    "rings": made_pattern("rings", "geometric"),
    "waves": made_pattern("waves", "flowing"),
    "plain": made_pattern("plain", "organic", _plain),
}

__all__ = ["CHROMA", "PATTERNS", "TRACKS", "MadeBeats", "MadeFeatures", "MadeSummary", "grid"]
__all__ += ["made_pattern", "silence", "song", "with_tracks"]
