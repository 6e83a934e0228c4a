"""From measurements to named curves in [0, 1] at the video's frame times.

Knows how each track is scaled and smoothed (the table is in ``features``); knows nothing of files,
transforms or what the tracks will move.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from music_analysis.onsets import Onsets
from music_analysis.smoothing import (
    LARGEST_RANGE,
    SMALLEST_RANGE,
    decibels,
    envelope,
    glide,
    normalized_hits,
    placed,
    pool_peaks,
    resample,
    span,
)
from music_analysis.spectra import BAND_EDGES, BANDS, NOTE_RATE, ONSET_RATE, Spectra
from music_analysis.tempo import BeatGrid
from music_analysis.windows import Floats

PITCHES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_PRESENCE: Final = {
    "bass": ("sub", "bass"),
    "mid": ("lowmid", "mid", "highmid"),
    "treble": ("presence", "air"),
}
# dB of rise that a typical hit has at least: about twice what white noise reaches
_SMALLEST_HIT: Final = {"all": 3.0, "kick": 8.0, "snare": 3.5, "hat": 5.0}
_SMALLEST_FLUX: Final = 1.5  # dB
_LATE: Final = 0.003  # s: onset strengths peak 0 (clicks) to 5 ms (drums) after the start
_UNHEARD: Final = 50.0  # dB below the loudest band: what leaks there from other bands
_NOVELTY_RATE: Final = 2  # Hz
_NOVELTY_REACH: Final = 16  # steps: ±8 s


def audibility(spectra: Spectra) -> tuple[NDArray[np.bool_], np.float32]:
    """Which frames sound (percentiles count those), and the fade of a piece near the floor."""
    loudness = decibels(glide(spectra.weighted, float(spectra.fps), 0.15))
    top = float(np.percentile(loudness, 99.5))
    return loudness > max(top - 60, -90), np.float32(np.clip((top + 80) / 20, 0, 1))


def level_tracks(spectra: Spectra, loud: NDArray[np.bool_]) -> dict[str, Floats]:
    """level.*, presence.* and energy."""
    fps = float(spectra.fps)
    bands = dict(zip(BANDS, spectra.bands.T, strict=True))
    curves = {"level.all": spectra.weighted, "presence.all": spectra.weighted}
    curves |= {f"level.{name}": power for name, power in bands.items()}
    for name, members in _PRESENCE.items():
        columns = [BANDS.index(member) for member in members]
        curves[f"presence.{name}"] = spectra.bands[:, columns].sum(axis=1)
    curves["energy"] = spectra.weighted
    if not loud.any():
        return {name: np.zeros(len(loud), np.float32) for name in curves}
    heard = _heard(bands, fps, loud)
    tracks = {}
    for name, power in curves.items():
        if name.startswith("level."):
            level = _level(power, fps, loud)
            tracks[name] = envelope(level * heard.get(name[6:], 1), fps, 0.04, 0.35)
        else:
            sigma = 4.0 if name == "energy" else 2.0
            members = _PRESENCE.get(name[9:], BANDS)
            audible = max(heard[member] for member in members)
            tracks[name] = _slow_level(power, fps, loud, sigma) * audible
    return tracks


def _heard(bands: dict[str, Floats], fps: float, loud: NDArray[np.bool_]) -> dict[str, np.float32]:
    """0 for bands that hold no more than what leaks there from other bands, else up to 1."""
    tops = {}
    for name, power in bands.items():
        # music falls by about 3 dB an octave: with that undone, bands can be compared
        tilt = 10 * math.log10(math.sqrt(math.prod(BAND_EDGES[name])) / 1000)
        tops[name] = tilt + float(np.percentile(decibels(glide(power, fps, 0.15))[loud], 95))
    top = max(tops.values())
    return {n: np.float32(np.clip((t - top + _UNHEARD) / 20, 0, 1)) for n, t in tops.items()}


def _level(power: Floats, fps: float, loud: NDArray[np.bool_]) -> Floats:
    # the range is that of the curve over 0.35 s: the jitter of a narrow band of noise is none
    limits = span(decibels(glide(power, fps, 0.15))[loud], SMALLEST_RANGE, LARGEST_RANGE)
    return placed(decibels(glide(power, fps, 0.02)), limits)


def _slow_level(power: Floats, fps: float, loud: NDArray[np.bool_], sigma: float) -> Floats:
    # the mean of dB, not of power: one drum must not fill four seconds
    level = decibels(glide(power, fps, 0.02))
    level = np.maximum(level, np.percentile(level[loud], 95) - LARGEST_RANGE)
    slow = glide(level.astype(np.float32), fps, sigma).astype(np.float64)
    return placed(slow, span(slow[loud], SMALLEST_RANGE, LARGEST_RANGE))


def hit_tracks(onsets: Onsets, fps: float, frames: int) -> dict[str, Floats]:
    """hit.*: peaks within a frame of the sound."""
    curves = {"all": onsets.hits, "kick": onsets.kick, "snare": onsets.snare, "hat": onsets.hat}
    tracks = {}
    for name, curve in curves.items():
        strength = normalized_hits(curve, _SMALLEST_HIT[name])
        pooled = np.minimum(pool_peaks(strength, ONSET_RATE, fps, frames, _LATE), 1)
        tracks[f"hit.{name}"] = envelope(pooled, fps, 0.015, 0.18)
    return tracks


def timbre_tracks(spectra: Spectra, onsets: Onsets, loud: NDArray[np.bool_]) -> dict[str, Floats]:
    """centroid, flatness, contrast, flux and stereo.width."""
    fps, frames = float(spectra.fps), len(spectra.power)
    # weighted by amplitude, a curve keeps its value through pauses instead of falling to 0
    weight = np.sqrt(spectra.power) + np.float32(1e-9)

    def steady(curve: Floats, sigma: float) -> NDArray[np.float64]:
        total = glide(curve * weight, fps, sigma).astype(np.float64)
        return total / np.maximum(glide(weight, fps, sigma), 1e-12)

    octaves = np.log2(np.maximum(spectra.centroid, 20)).astype(np.float32)
    tracks = {}
    for name, curve, smallest in (
        ("centroid", steady(octaves, 0.15), 1.0),
        ("flatness", steady(spectra.flatness, 0.15), 0.2),
        ("contrast", steady(spectra.contrast, 0.15), 6.0),
    ):
        limits = span(curve[loud], smallest, math.inf) if loud.any() else (0.0, math.inf)
        tracks[name] = placed(curve, limits)
    busy = glide(onsets.every, ONSET_RATE, 0.15)
    usual = max(float(np.percentile(busy, 95)), _SMALLEST_FLUX)
    times = np.arange(frames) / fps
    tracks["flux"] = np.clip(resample(busy, ONSET_RATE, times) / np.float32(usual), 0, 1)
    tracks["stereo.width"] = np.clip(steady(spectra.width, 0.25), 0, 1).astype(np.float32)
    return tracks


def pitch_classes(spectra: Spectra) -> Floats:
    """[M, 12] in [0, 1] at 10 Hz: 1 is the strongest that a pitch class gets in this piece.

    In noise no pitch stands out: then 1 is what the power of the whole would give a chord.
    """
    smooth = glide(spectra.chroma, NOTE_RATE, 0.2)
    strongest = float(np.percentile(smooth.max(axis=1), 99))
    chord = 0.15 * math.sqrt(float(np.percentile(spectra.power, 95)))
    chroma: Floats = np.clip(smooth / np.float32(max(strongest, chord, 1e-6)), 0, 1)
    return chroma


def harmonic_change(chroma: Floats) -> Floats:
    """[M] how much the pitch classes of the 0.4 s after differ from those of the 0.4 s before."""
    reach = 4
    padded = np.pad(chroma, ((reach, reach), (0, 0)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    means = (sums[reach:] - sums[:-reach]) / reach
    change: Floats = np.abs(means[reach:] - means[:-reach]).sum(axis=1).astype(np.float32)
    return change[: len(chroma)]


def harmony_tracks(spectra: Spectra, chroma: Floats) -> dict[str, Floats]:
    """chroma.* and novelty."""
    times = np.arange(len(spectra.power)) / float(spectra.fps)
    smooth = resample(chroma, NOTE_RATE, times)
    tracks = {f"chroma.{name}": smooth[:, k].copy() for k, name in enumerate(PITCHES)}
    change = _novelty(spectra.onsets, chroma)
    # value k speaks for the moment between the half seconds k - 1 and k
    tracks["novelty"] = resample(change, _NOVELTY_RATE, times)
    return tracks


def _novelty(power: Floats, chroma: Floats) -> Floats:
    """Foote's novelty at 2 Hz (2000, "Automatic audio segmentation using a measure of novelty").

    His checkerboard kernel, tapered by a Gaussian, slides along the diagonal of the matrix of
    inner products. It separates: the sum over the kernel is the squared length of the features
    convolved with a signed Gaussian, so the matrix is never made and memory grows with time only.
    """
    timbre = _mean_decibels(power, ONSET_RATE // _NOVELTY_RATE).astype(np.float64)
    timbre -= timbre.mean(axis=0)
    harmony = _means(chroma, NOTE_RATE // _NOVELTY_RATE).astype(np.float64)
    harmony -= harmony.mean(axis=0)
    count = min(len(timbre), len(harmony))
    # no less than 3 dB (a tenth of full pitch strength) counts as a whole difference
    parts = [
        part[:count] / max(float(np.sqrt(np.square(part).mean())), least) / math.sqrt(part.shape[1])
        for part, least in ((timbre, 3.0), (harmony, 0.1))
    ]
    features = np.concatenate(parts, axis=1)
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1.0)
    step = np.arange(-_NOVELTY_REACH, _NOVELTY_REACH) + 0.5
    kernel = np.sign(step) * np.exp(-0.5 * np.square(step / (0.4 * _NOVELTY_REACH)))
    kernel /= np.abs(kernel).sum()
    padded = np.pad(features, ((_NOVELTY_REACH, _NOVELTY_REACH), (0, 0)), mode="symmetric")
    # row k of the result has the rows k - 16 to k - 1 before it and k to k + 15 after it
    contrast = correlate1d(padded, kernel, axis=0, mode="nearest")
    novelty = np.square(contrast[_NOVELTY_REACH:-_NOVELTY_REACH]).sum(axis=1)
    usual = max(float(np.percentile(novelty, 99)), 0.15)
    share: Floats = np.clip(novelty / usual, 0, 1).astype(np.float32)
    return share


def _means(curve: Floats, count: int) -> Floats:
    """Means of ``count`` rows each; the last of what is left."""
    whole = len(curve) // count * count
    means: Floats = curve[:whole].reshape(-1, count, curve.shape[1]).mean(axis=1)
    if whole == len(curve):
        return means
    return np.concatenate([means, curve[whole:].mean(axis=0, keepdims=True)])


def _mean_decibels(power: Floats, count: int) -> Floats:
    """As _means, of decibels down to 60 below the loudest; a page at a time to bound the memory."""
    floor = np.float32(max(float(power.max()) * 1e-6, 1e-12))
    pages = [
        _means(10 * np.log10(np.maximum(power[k : k + 100 * count], floor)), count)
        for k in range(0, len(power), 100 * count)
    ]
    return np.concatenate(pages)


def beat_tracks(beats: BeatGrid, fps: float, frames: int) -> dict[str, Floats]:
    """beat.phase, bar.phase, beat.pulse, downbeat.pulse and beat.conf."""
    times = np.arange(frames) / fps
    conf = np.zeros(frames)
    if len(beats.beats) > 1:
        first, last = beats.beats[[0, -1]]
        away = np.maximum(np.maximum(first - times, times - last), 0)
        conf = beats.confidence * np.clip(2 - away, 0, 1)  # gone two seconds away from the beats
    curves = {
        "beat.phase": _phase(beats.beats, times),
        "bar.phase": _phase(beats.downbeats, times),
        "beat.pulse": _pulse(beats.beats, times, 0.15),
        "downbeat.pulse": _pulse(beats.downbeats, times, 0.3),
        "beat.conf": conf,
    }
    return {name: curve.astype(np.float32) for name, curve in curves.items()}


def _phase(marks: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 at a mark to 1 before the next; beyond the ends at the pace of the nearest interval."""
    if len(marks) < 2:
        return np.zeros(len(times))
    k = np.clip(np.searchsorted(marks, times, side="right") - 1, 0, len(marks) - 2)
    position = (times - marks[k]) / (marks[k + 1] - marks[k])
    # rounding must not turn 0.99999999 into 1, which would be the next beat's 0
    return np.minimum(position % 1.0, 1 - 1e-6)


def _pulse(
    marks: NDArray[np.float64], times: NDArray[np.float64], decay: float
) -> NDArray[np.float64]:
    """exp(−Δt/decay) since the last mark; one less than half a frame ahead is there already."""
    if not len(marks):
        return np.zeros(len(times))
    half = 0.5 * (times[1] - times[0]) if len(times) > 1 else 0.0
    k = np.searchsorted(marks, times + half, side="right") - 1
    since = np.where(k < 0, np.inf, np.maximum(times - marks[np.maximum(k, 0)], 0))
    pulse: NDArray[np.float64] = np.exp(-since / decay)
    return pulse
