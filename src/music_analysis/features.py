"""What the music does at every video frame: named tracks in [0, 1], beats, and a summary.

Knows which tracks there are and how a piece is summed up; each track is made in ``tracks``, from
the transforms in ``spectra``, the drums in ``onsets`` and the beats in ``tempo``. Frame i describes
the sound around t = i / fps, with no lead.

=========================== ====================================================================
track                       meaning (A/R: attack and release; σ: Gaussian)
=========================== ====================================================================
level.{band}, level.all     loudness in dB, percentiles 5 to 95 to [0, 1], A/R 40/350 ms
hit.{all,kick,snare,hat}    percussive onsets, A/R 15/180 ms; peaks within a frame of the sound
presence.{all,bass,…}       loudness over 4 s (σ 2 s): all, bass < 150 Hz, mid, treble > 4 kHz
energy                      loudness over 8 s (σ 4 s)
centroid, flatness, flux    brightness, noisiness, activity (σ 0.15 s)
contrast                    how far peaks of the spectrum stand above its valleys (σ 0.15 s)
stereo.width                side / (mid + side) power, absolute: 0 mono, 0.5 unrelated (σ 0.25 s)
chroma.{C…B}                strength of each pitch class (σ 0.2 s)
novelty                     structural change over ±8 s (Foote 2000)
beat.phase, bar.phase       0 at the beat (first beat of the bar) rising to 1 before the next
beat.pulse, downbeat.pulse  exp(−Δt/0.15 s) since the beat, exp(−Δt/0.3 s) since the downbeat
beat.conf                   how far to trust the beat; 0 where there is none
=========================== ====================================================================

All tracks but width are normalized over the whole track and do not change with its gain, down to
a floor: from −60 dB (A-weighted RMS) everything fades out and is 0 at −80 dB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import numpy as np

from music_analysis.onsets import find_onsets
from music_analysis.smoothing import decibels, pool_peaks, resample
from music_analysis.spectra import BANDS, NOTE_RATE, ONSET_RATE, SoundSource, measure
from music_analysis.tempo import BeatGrid, track_beats
from music_analysis.tracks import (
    PITCHES,
    audibility,
    beat_tracks,
    harmonic_change,
    harmony_tracks,
    hit_tracks,
    level_tracks,
    pitch_classes,
    timbre_tracks,
)
from music_analysis.windows import Floats

TRACKS: Final = (
    *(f"level.{name}" for name in ("all", *BANDS)),
    *(f"hit.{name}" for name in ("all", "kick", "snare", "hat")),
    *(f"presence.{name}" for name in ("all", "bass", "mid", "treble")),
    *("energy", "centroid", "flatness", "contrast", "flux", "stereo.width"),
    *(f"chroma.{name}" for name in PITCHES),
    *("novelty", "beat.phase", "bar.phase", "beat.pulse", "downbeat.pulse", "beat.conf"),
)


@dataclass(frozen=True)
class FeatureSummary:
    """Absolute descriptors of a piece or a part of it, for choosing looks."""

    energy: float
    """0 hushed to 1 loud, dense and busy."""
    brightness: float
    """0 dark (energy around 200 Hz) to 1 bright (around 5 kHz)."""
    pulse: float
    """0 flowing to 1 percussive."""
    tempo: float | None
    """Beats a minute."""
    tempo_confidence: float
    """As :class:`music_analysis.tempo.BeatGrid` has it."""


@dataclass(frozen=True)
class Features:
    """The tracks of a piece at the frame rate of a video."""

    fps: Fraction
    duration: float
    """Exact length of the sound, seconds."""
    frames: int
    """ceil(duration·fps), at least 1."""
    tracks: Mapping[str, Floats]
    """By the names in TRACKS: float32 [frames] in [0, 1]."""
    beats: BeatGrid
    loudness: Floats
    """[frames] RMS in dB, −120 to 0, absolute."""
    raw: Mapping[str, Floats]
    """[frames] absolute curves behind the summary: centroid (Hz), crest (dB), onset, hit (dB)."""
    summary: FeatureSummary


def extract(audio: SoundSource, fps: Fraction, beats: BeatGrid | None = None) -> Features:
    """All features, in one pass over the sound and bounded memory.

    Parameters
    ----------
    audio
        The sound: :class:`music_analysis.audio.Audio` or anything with its ``blocks``.
    fps
        Video frames a second.
    beats
        Beats and bars that are known already; found here if there are none.

    Raises
    ------
    music_analysis.errors.UserError
        If there is no sound (0 samples).
    ValueError
        If fps is not positive.
    """
    spectra = measure(audio, fps)
    onsets = find_onsets(spectra.onsets)
    frames, rate = len(spectra.power), float(fps)
    chroma = pitch_classes(spectra)
    if beats is None:
        times = np.arange(len(onsets.every)) / ONSET_RATE
        change = resample(harmonic_change(chroma), NOTE_RATE, times)
        beats = track_beats(onsets.every, ONSET_RATE, onsets.low, change)
    loud, presence = audibility(spectra)
    tracks = {
        **level_tracks(spectra, loud),
        **hit_tracks(onsets, rate, frames),
        **timbre_tracks(spectra, onsets, loud),
        **harmony_tracks(spectra, chroma),
    }
    tracks = {name: curve * presence for name, curve in tracks.items()}
    tracks |= beat_tracks(beats, rate, frames)
    power, peak = decibels(spectra.power), decibels(np.square(spectra.peak))
    raw = {
        "centroid": spectra.centroid,
        "crest": np.maximum(peak - power, 0).astype(np.float32),
        "onset": pool_peaks(onsets.every, ONSET_RATE, rate, frames),
        "hit": pool_peaks(onsets.hits, ONSET_RATE, rate, frames),
    }
    loudness = np.minimum(power, 0).astype(np.float32)
    # Rounded far below what anyone sees or hears, so that the last digit of another machine's
    # mathematics hardly ever reaches a picture.
    ordered = {
        name: (np.rint(tracks[name] * np.float32(65536)) / np.float32(65536)) for name in TRACKS
    }
    return Features(
        fps=fps,
        duration=spectra.duration,
        frames=frames,
        tracks=MappingProxyType(ordered),
        beats=beats,
        loudness=loudness,
        raw=MappingProxyType(raw),
        summary=_summary(loudness, raw, beats, rate, 0, frames),
    )


def summarize(features: Features, first_frame: int, last_frame: int) -> FeatureSummary:
    """Describe the frames [first_frame, last_frame), at least one of them."""
    first = min(max(0, first_frame), features.frames - 1)
    last = min(max(first + 1, last_frame), features.frames)
    rate = float(features.fps)
    return _summary(features.loudness, features.raw, features.beats, rate, first, last)


def _summary(
    loudness: Floats,
    raw: Mapping[str, Floats],
    beats: BeatGrid,
    rate: float,
    first: int,
    last: int,
) -> FeatureSummary:
    part = slice(first, last)
    level = loudness[part].astype(np.float64)
    sounding = level > max(float(level.max()) - 40, -80)
    if not sounding.any():
        return FeatureSummary(0.0, 0.0, 0.0, None, 0.0)
    mean_level = 10 * math.log10(float(np.mean(10 ** (level[sounding] / 10))))
    crest = float(np.mean(raw["crest"][part][sounding]))
    onset, hit = (float(np.mean(raw[name][part])) for name in ("onset", "hit"))
    loud = _share(mean_level, -34, -10)
    # the ends of these scales are those of solo piano and dense dance music
    energy = 0.5 * loud + 0.35 * _share(onset, 0.3, 1.8) + 0.15 * _share(crest, 16, 6)
    weight = 10 ** (level[sounding] / 20)
    octaves = np.log2(np.maximum(raw["centroid"][part][sounding], 20))
    brightness = _share(float(np.average(octaves, weights=weight)), math.log2(200), math.log2(5000))
    pulse = _share(hit / max(onset, 1e-9), 0.45, 0.85) * _share(hit, 0.1, 0.8)
    inside = beats.beats[(beats.beats >= first / rate) & (beats.beats < last / rate)]
    tempo = 60 / float(np.median(np.diff(inside))) if len(inside) > 4 else beats.bpm
    return FeatureSummary(energy, brightness, pulse, tempo, beats.confidence)


def _share(value: float, nothing: float, everything: float) -> float:
    """Place of a value between two ends, clipped to [0, 1]."""
    return min(1.0, max(0.0, (value - nothing) / (everything - nothing)))
