"""Loudness and other signal measures of a song's character. No opinion: each is a formula.

Knows powers, band powers and peaks at constant rates, the tempo and the key; decodes nothing.
Loudness is that of EBU R128: ITU-R BS.1770-5 with its gates, and the range of EBU Tech 3342.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import maximum_filter1d

from music_analysis.key import Key
from music_analysis.song_spectra import (
    LOUDNESS_RATE,
    ONSET_EDGES,
    ONSET_RATE,
    SongSpectra,
    measure_song,
)
from music_analysis.spectra import SoundSource
from music_analysis.tempo import Tempo
from music_analysis.windows import Floats

Powers = NDArray[np.float64]

_MOMENTARY: Final = 4  # blocks: 400 ms
_SHORT: Final = 30  # blocks: 3 s
_GATE: Final = -70.0  # LUFS: below is no program
_SILENT: Final = 1e-12
_NOTHING: Final = 1e-6  # −120 dB
_POINTS: Final = 3600  # of the loudness curve
_LAG: Final = 2  # frames: 20 ms
_PAGE: Final = 4096  # frames worked on at once: memory does not grow with the song
_RISE: Final = 1.5  # dB: what begins
_RIPPLE: Final = 0.5  # dB
_WINDOWS: Final = 240  # of the pulse


@dataclass(frozen=True)
class Mood:
    """Signal measures; None where there is not enough sound to measure.

    ``energy``, ``brightness`` and ``pulse_clarity`` are in [0, 1].
    """

    integrated_loudness: float | None
    """LUFS (EBU R128, ITU-R BS.1770-5)."""
    loudness_range: float | None
    """LU (EBU Tech 3342)."""
    loudest_momentary: float | None
    """LUFS, the largest over 400 ms."""
    loudest_short_term: float | None
    """LUFS, the largest over 3 s."""
    true_peak: float | None
    """dBTP, of the sound at four times its rate."""
    dynamic_range: float | None
    """dB between the loud (95th percentile) and the quiet (10th) of the 3-second loudness."""
    crest: float | None
    """dB of the largest sample over the mean power."""
    energy: float
    """0 hushed to 1 loud, dense and busy."""
    brightness: float
    """0 dark to 1 bright: where the middle of the spectrum lies."""
    pulse_clarity: float
    """0 no pulse to 1 a clear one (after Lartillot et al. 2008): how danceable, roughly."""
    onset_rate: float
    """Onsets a second."""
    mode_majorness: float | None
    """−1 minor to 1 major: evidence for the mode, 0 undecided."""
    loudness_times: tuple[float, ...]
    """Seconds, one a second at most: times of ``loudness_curve``."""
    loudness_curve: tuple[float, ...]
    """Short-term loudness, LUFS, for plots."""


def analyze(source: SoundSource) -> Mood:
    """Measure a sound and say its mood facts; key and tempo are estimated on the way.

    Raises
    ------
    UserError
        If there is not a single sample.
    """
    from music_analysis import chords, key, tempo

    spectra = measure_song(source)
    beats = tempo.estimate(spectra)
    return estimate(spectra, beats, key.estimate(spectra, beats, chords.estimate(spectra, beats)))


def estimate(spectra: SongSpectra, tempo: Tempo, key: Key) -> Mood:
    """Signal measures of a song from its spectra.

    Parameters
    ----------
    spectra
        What :func:`music_analysis.song_spectra.measure_song` heard.
    tempo
        Its tempo: a steady beat is where the pulse is looked for first.
    key
        Its key, for the mode.
    """
    # a last block that is not whole is no block
    whole = int(spectra.duration * LOUDNESS_RATE + 1e-6)
    power = spectra.loudness[:whole].astype(np.float64)
    momentary, short = _sliding(power, _MOMENTARY), _sliding(power, _SHORT)
    peak = float(spectra.peaks.max(initial=0))
    integrated = integrated_loudness(momentary)
    onset, mean = _rises(spectra.onsets)
    sounding = np.flatnonzero(_lufs(momentary) > _GATE)
    # clicks have silence between them, and songs have it at their ends
    span = float(np.ptp(sounding) + _MOMENTARY) / LOUDNESS_RATE if len(sounding) else 0.0
    rate = _onset_rate(onset, span)
    times, curve = _curve(power, spectra.duration)
    heard = integrated is not None
    total = float(mean.sum(dtype=np.float64))
    return Mood(
        integrated_loudness=integrated,
        loudness_range=loudness_range(short),
        loudest_momentary=_loudest(momentary),
        loudest_short_term=_loudest(short),
        true_peak=20 * math.log10(max(spectra.true_peak, peak)) if peak > _NOTHING else None,
        dynamic_range=_dynamic_range(short),
        crest=10 * math.log10(peak**2 / total) if heard and total > _SILENT else None,
        energy=_energy(integrated, rate, mean),
        brightness=_brightness(mean),
        pulse_clarity=_pulse_clarity(onset, tempo) if heard else 0.0,
        onset_rate=rate,
        mode_majorness=_majorness(key),
        loudness_times=times,
        loudness_curve=curve,
    )


def integrated_loudness(momentary: Powers) -> float | None:
    """Integrated loudness in LUFS of momentary powers, 10 a second (ITU-R BS.1770-5).

    Momentary blocks under −70 LUFS are left out, and then those 10 LU under the mean of the others.
    None where nothing is left.
    """
    loud = momentary[_lufs(momentary) > _GATE]
    if not len(loud):
        return None
    loud = loud[loud > loud.mean() * 0.1]
    return float(_lufs(loud.mean()))


def loudness_range(short: Powers) -> float | None:
    """Loudness range in LU of short-term powers, 10 a second (EBU Tech 3342).

    From the 10th to the 95th percentile of what lies above −70 LUFS and less than 20 LU under the
    mean. None where nothing does.
    """
    loud = short[_lufs(short) > _GATE]
    if not len(loud):
        return None
    loud = loud[loud > loud.mean() * 0.01]
    low, high = np.percentile(_lufs(loud), (10, 95))
    return float(high - low)


def _dynamic_range(short: Powers) -> float | None:
    loud = short[_lufs(short) > _GATE]
    if not len(loud):
        return None
    low, high = np.percentile(_lufs(loud), (10, 95))
    return float(high - low)


def _loudest(powers: Powers) -> float | None:
    highest = float(powers.max(initial=0))
    return float(_lufs(np.float64(highest))) if highest > _SILENT else None


def _sliding(power: Powers, length: int) -> Powers:
    """Mean over so many blocks, a block apart; empty where there are fewer."""
    if len(power) < length:
        return np.zeros(0)
    # sums of windows, not differences of a running sum: silence after noise must be silence
    means: Powers = sliding_window_view(power, length).mean(axis=1)
    return means


def _lufs(power: Powers | np.float64) -> Powers:
    decibels: Powers = 10 * np.log10(np.maximum(power, _SILENT)) - 0.691
    return decibels


def _curve(power: Powers, duration: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Short-term loudness around every second; in songs of over an hour, of every few seconds."""
    if not len(power):
        return (), ()
    step = max(1, math.ceil(duration / _POINTS))
    times = np.arange(0.0, duration, step)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    centers = np.round(times * LOUDNESS_RATE).astype(np.int64)
    first = np.clip(centers - _SHORT // 2, 0, len(power) - 1)
    last = np.clip(centers + _SHORT // 2, first + 1, len(power))
    levels = np.maximum(_lufs((sums[last] - sums[first]) / (last - first)), _GATE)
    return tuple(times.tolist()), tuple(np.round(levels, 2).tolist())


def _rises(bands: Floats) -> tuple[Floats, Floats]:
    """How much the log spectrum rises at each 10 ms, dB a band, [N]; and the mean power, [32].

    A rise counts against the loudest of a band and its neighbors 20 ms before (SuperFlux, Böck and
    Widmer 2013). The floor lies 50 dB under the mean, so gain changes nothing.
    """
    mean: Floats = bands.mean(axis=0, dtype=np.float64).astype(np.float32)
    loudest = float(mean.max(initial=0))
    rises = np.zeros(len(bands), np.float32)
    if loudest <= _SILENT:
        return rises, mean
    scale = np.float32(1 / (loudest * 1e-5))
    for start in range(0, len(bands), _PAGE):
        first = max(0, start - _LAG)
        level = np.log1p(bands[first : start + _PAGE] * scale)
        before = level[:-_LAG].copy()
        np.maximum(before[:, 1:], level[:-_LAG, :-1], out=before[:, 1:])
        np.maximum(before[:, :-1], level[:-_LAG, 1:], out=before[:, :-1])
        rise = np.maximum(level[_LAG:] - before, 0).mean(axis=1)
        rises[first + _LAG : first + _LAG + len(rise)] = rise
    rises *= np.float32(10 / math.log(10))
    return rises, mean


def _onset_rate(onset: Floats, seconds: float) -> float:
    """Peaks of the onset curve a second of sound: higher than all within 50 ms and 1.5 dB."""
    if len(onset) < 11 or seconds < 0.5:
        return 0.0
    inner = onset[5:-5]
    peak = (inner >= maximum_filter1d(onset, 11)[5:-5]) & (inner > _RISE)
    # a quarter of a strong onset: below is what ripples between notes
    strong = float(np.percentile(inner[peak], 90)) if peak.any() else 0.0
    return float(np.count_nonzero(peak & (inner > 0.25 * strong)) / seconds)


def _pulse_clarity(onset: Floats, tempo: Tempo) -> float:
    """How well onsets repeat: the highest autocorrelation at 0.25 to 1.5 s, in windows of 6 s.

    After Lartillot, Eerola, Toiviainen and Fornari 2008, "Multi-feature modeling of pulse clarity".
    Where beats are known, the lag is theirs, a half or a double of it.
    """
    length = 6 * ONSET_RATE
    if len(onset) < length:
        return 0.0
    # a few hundred windows say the same as thousands
    step = max(length // 2, (len(onset) - length) // _WINDOWS + 1)
    frames = sliding_window_view(onset, length)[::step].astype(np.float32)
    frames -= frames.mean(axis=1, keepdims=True)
    lines = fft.rfft(frames, 2 * length, axis=1)
    similar = fft.irfft(np.square(np.abs(lines)), axis=1)[:, : length // 2]
    # fewer pairs at longer lags
    similar *= length / (length - np.arange(length // 2, dtype=np.float32))
    whole = similar[:, 0]
    lags = np.arange(25, 151)
    if tempo.bpm is not None and tempo.beat_confidence > 0.5:
        period = 60 * ONSET_RATE / tempo.bpm
        near = np.zeros(len(lags), np.bool_)
        for factor in (0.5, 1.0, 2.0):
            near |= np.abs(lags - period * factor) <= max(2.0, 0.04 * period * factor)
        lags = lags[near] if near.any() else lags
    best = similar[:, lags].max(axis=1)
    loud = whole > 1e-3 * max(float(whole.max()), 1e-12)
    if not loud.any():
        return 0.0
    # what ripples by less than half a decibel is no onset
    clarity = np.clip(best[loud] / (whole[loud] + length * _RIPPLE**2), 0, 1)
    # noise repeats by chance to about 0.15
    return _share(float(clarity.mean()), 0.15, 0.85)


def _brightness(mean: Floats) -> float:
    """Where half of the magnitude lies below, from 150 Hz to 5 kHz on a scale of octaves."""
    magnitude = np.sqrt(mean.astype(np.float64))
    total = magnitude.sum()
    if total <= math.sqrt(_SILENT):
        return 0.0
    below = np.concatenate([[0.0], np.cumsum(magnitude) / total])
    middle = float(np.interp(0.5, below, np.log2(ONSET_EDGES)))
    return _share(middle, math.log2(150), math.log2(5000))


def _energy(integrated: float | None, rate: float, mean: Floats) -> float:
    """Half loudness (−30 to −8 LUFS), a third onsets (1 to 8 a second), the rest density.

    Density is how evenly the magnitude is spread over the bands: their entropy.
    """
    if integrated is None:
        return 0.0
    magnitude = np.sqrt(mean.astype(np.float64))
    part = magnitude / max(float(magnitude.sum()), 1e-12)
    entropy = float(-(part * np.log(np.maximum(part, 1e-12))).sum() / math.log(len(part)))
    loud, busy = _share(integrated, -30, -8), _share(rate, 1, 8)
    return 0.5 * loud + 0.35 * busy + 0.15 * _share(entropy, 0.5, 1.0)


def _majorness(key: Key) -> float | None:
    if key.label is None:
        return None
    signs = [(1 if c.label.endswith("major") else -1) * c.strength for c in key.ranking]
    return float(np.clip(sum(signs), -1, 1))


def _share(value: float, nothing: float, everything: float) -> float:
    """Place of a value between two ends, clipped to [0, 1]."""
    return min(1.0, max(0.0, (value - nothing) / (everything - nothing)))
