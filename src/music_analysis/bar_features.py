"""What every bar sounds like: harmony, melody, bass, timbre and rhythm, position by position.

Knows spectra and bar lines; knows nothing of sections. A bar is cut into twelve slots, which suits
two, three and four beats, so that two bars are alike only if the same happens at the same place in
both. Everything is relative to the song's own level and mean: a louder copy is the same song.

Units: seconds; levels in bel of power over the song's mean. Axis 0 is the bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.chords import Chords
from music_analysis.song_spectra import (
    ONSET_RATE,
    PITCH_RATE,
    SongSpectra,
)
from music_analysis.tempo import Tempo
from music_analysis.windows import Floats

SLOTS: Final = 12  # positions in a bar
STEP: Final = 2.0  # seconds: what a bar is where there are no bar lines
CHANNELS: Final = ("harmony", "melody", "bass", "timbre", "rhythm", "chords")
"""What bars are compared by, each with vectors of its own."""
_USUAL: Final = (1.6, 6.0, 0.8, 2.0, 0.9, 1.3)
"""Least distance of a bar from the mean that songs have in each channel; half of it in the first
four says that nothing changes (a held note has a tenth, noise a quarter)."""

_FLOOR: Final = 1e-5  # of the song's mean power: what is quieter is silence
_HUSH: Final = 1e-4  # of it: what a reverberation fades away to
_SILENT: Final = 1e-13  # power: rounding noise
_SHORTEST: Final = 0.05  # seconds: borders closer than this are one


@dataclass(frozen=True)
class BarFeatures:
    """One row for each of n bars."""

    borders: NDArray[np.float64]
    """[n+1] seconds, from 0 to the end of the song."""
    vectors: tuple[Floats, ...]
    """[n, d] for each of CHANNELS: the bar less the song's mean, of length 1; 0 where it is
    silent."""
    level: Floats
    """[n, 4] bel over the song's mean: all, below 200 Hz, to 1.6 kHz and above."""
    flux: Floats
    """[n, SLOTS, 3] rise of level in the same three ranges of pitch, relative to the mean."""
    register: Floats
    """[n, SLOTS, 2] octaves above C4 of what sounds above C4, and how much of it there is."""
    sounding: NDArray[np.bool_]
    """[n] whether the bar is louder than 50 dB below the song."""
    silent: NDArray[np.bool_]
    """[n] whether less than a quarter of the bar is louder than 40 dB below the song; where that
    is so all through, whether the bar does not sound."""
    variety: float
    """How much the bars differ: 2 and more in songs, below 0.7 for a held note or noise."""

    def __len__(self) -> int:
        return len(self.level)

    def page(self, start: int, stop: int) -> BarFeatures:
        """Take the bars from ``start`` to before ``stop``."""
        return BarFeatures(
            borders=self.borders[start : stop + 1],
            vectors=tuple(rows[start:stop] for rows in self.vectors),
            level=self.level[start:stop],
            flux=self.flux[start:stop],
            register=self.register[start:stop],
            sounding=self.sounding[start:stop],
            silent=self.silent[start:stop],
            variety=self.variety,
        )


def bar_borders(duration: float, tempo: Tempo) -> NDArray[np.float64]:
    """Borders of the bars, from 0 to ``duration``; steps of two seconds where there are none.

    What lies before the first bar line and after the last is cut into bars of the same length.
    """
    downbeats = np.asarray(tempo.downbeats, np.float64)
    downbeats = downbeats[(downbeats >= 0) & (downbeats <= duration)]
    if tempo.bpm is None or len(downbeats) < 4:
        count = max(1, round(duration / STEP))
        return np.linspace(0.0, duration, count + 1)
    length = float(np.median(np.diff(downbeats)))
    before = np.arange(downbeats[0] - length, 0.0, -length)[::-1]
    after = np.arange(downbeats[-1] + length, duration, length)
    borders = np.concatenate([before, downbeats, after])
    far = (borders > _SHORTEST) & (borders < duration - _SHORTEST)
    return np.concatenate([[0.0], borders[far], [duration]])


def describe(spectra: SongSpectra, borders: NDArray[np.float64], chords: Chords) -> BarFeatures:
    """Measure every bar.

    Parameters
    ----------
    spectra
        The song.
    borders
        [n+1] seconds, ascending from 0 to the song's end.
    chords
        Their probabilities are one of the channels; they may be empty.
    """
    count = len(borders) - 1
    slots = (borders[:-1, None] + np.diff(borders)[:, None] * np.arange(SLOTS) / SLOTS).ravel()
    middles = slots + np.repeat(np.diff(borders), SLOTS) / (2 * SLOTS)

    power = _means(spectra.onsets, slots * ONSET_RATE).reshape(count, SLOTS, -1)
    mean = _mean_power(spectra)
    halves = power.reshape(count, 2, SLOTS // 2, -1).mean(axis=2)
    bands = np.log10(halves / mean + _FLOOR)
    whole = power.mean(axis=1)
    low, middle, high = np.split(whole, [9, 21], axis=1)
    ranges = np.stack([part.sum(axis=1) for part in (whole, low, middle, high)], axis=1)
    level = np.log10(ranges / mean + _FLOOR)
    sounding = ranges[:, 0] > _FLOOR * mean
    silent = (power.sum(axis=2) > _HUSH * mean).mean(axis=1) < 0.25
    if silent.all():  # single strokes, far apart: what sounds at all is no silence
        silent = ~sounding
    flux = _flux(spectra.onsets, slots * ONSET_RATE, mean).reshape(count, SLOTS, 3)
    if sounding.any():
        flux /= flux[sounding].mean(axis=(0, 1)) + 1e-3

    tones = _at(spectra.semitones(), middles * PITCH_RATE)
    heard = np.repeat(sounding, SLOTS) if sounding.any() else slice(None)
    loud = float(np.sqrt(np.square(tones[heard]).mean(dtype=np.float64))) + 1e-12
    tones = np.sqrt(tones / loud).reshape(count, SLOTS, -1)
    chroma = tones[:, :, 12:72].reshape(count, SLOTS // 2, 2, 5, 12).mean(axis=(2, 3))
    treble = tones[:, :, 36:78]
    bass = tones[:, :, :36].reshape(count, 4, SLOTS // 4, 3, 12).mean(axis=(2, 3))
    voice = np.square(treble)
    total = voice.sum(axis=2)
    height = (voice @ (np.arange(42, dtype=np.float32) / 12)) / (total + 1e-3)
    usual = float(total[sounding].mean()) if sounding.any() else 0.0
    register = np.stack([height, total / (usual + 1e-3)], axis=2)

    if len(chords.probabilities) and np.isfinite(chords.probabilities).all():
        steps = np.asarray(chords.step_times, np.float64)
        quarters = middles.reshape(count, 4, 3)[:, :, 1].ravel()
        rows = np.clip(np.searchsorted(steps, quarters, side="right") - 1, 0, len(steps) - 2)
        beliefs = np.maximum(np.asarray(chords.probabilities, np.float32)[rows], 0)
        harmony = np.sqrt(beliefs).reshape(count, 4, -1)
    else:
        harmony = np.zeros((count, 4, 25), np.float32)

    shapes = (chroma, treble, bass, bands, np.sqrt(flux), harmony)
    pairs = zip(shapes, _USUAL, strict=True)
    vectors, varied = zip(
        *(_centered(shape.reshape(count, -1), sounding, usual) for shape, usual in pairs),
        strict=True,
    )
    return BarFeatures(
        borders=borders,
        vectors=vectors,
        level=level.astype(np.float32),
        flux=flux,
        register=register.astype(np.float32),
        sounding=sounding,
        silent=silent,
        variety=2 * float(np.mean(varied[:4])),
    )


def describe_beats(spectra: SongSpectra, borders: NDArray[np.float64]) -> Floats:
    """Vectors of beats whose products are their similarity, [m, 44]: chroma and timbre.

    ``borders`` are [m+1] seconds; each half of a vector is less the song's mean and of length √½.
    """
    middles = 0.5 * (borders[:-1] + borders[1:])
    tones = _at(spectra.semitones(), middles * PITCH_RATE)
    loud = float(np.sqrt(np.square(tones).mean(dtype=np.float64))) + 1e-12
    tones = np.sqrt(tones[:, 12:72] / np.float32(loud))
    chroma = tones.reshape(len(middles), 5, 12).mean(axis=1)
    bands = _means(spectra.onsets, borders[:-1] * ONSET_RATE) / _mean_power(spectra)
    sounding = bands.sum(axis=1) > _FLOOR
    halves = (chroma, np.log10(bands + _FLOOR))
    usual = (0.3, 0.5)
    both = zip(halves, usual, strict=True)
    joined = np.concatenate([_centered(half, sounding, least)[0] for half, least in both], axis=1)
    out: Floats = joined * np.float32(np.sqrt(0.5))
    return out


def _mean_power(spectra: SongSpectra) -> np.float32:
    """Mean power of the sound, without its silence."""
    power = spectra.onsets.sum(axis=1)
    loud = power[power > max(1e-5 * float(power.mean(dtype=np.float64)), _SILENT)]
    return np.float32(loud.mean(dtype=np.float64)) if len(loud) else np.float32(1.0)


def _means(rows: Floats, starts: NDArray[np.float64]) -> Floats:
    """Means of rows from each start to the next (the last: to the end), at least of one row."""
    first = np.clip(np.rint(starts).astype(np.int64), 0, len(rows) - 1)
    sums = np.asarray(np.add.reduceat(rows, first, axis=0), np.float32)
    counts = np.maximum(np.diff(np.append(first, len(rows))), 1)
    return np.asarray(sums / counts[:, None].astype(np.float32), np.float32)


def _flux(onsets: Floats, starts: NDArray[np.float64], mean: np.float32) -> Floats:
    """Rise of the level of low, middle and high pitches within 30 ms, [slots, 3], bel."""
    width = onsets.shape[1] // 8
    grouped = onsets.reshape(len(onsets), 8, width).sum(axis=2)
    grouped /= mean
    grouped += np.float32(1e-4)
    level = np.log10(grouped, out=grouped)
    rise = np.zeros_like(level)
    np.subtract(level[3:], level[:-3], out=rise[3:])
    np.maximum(rise, 0, out=rise)
    # what sounds at a bar line begins to rise up to two frames before it
    means = _means(rise, starts - 2)
    out: Floats = np.add.reduceat(means, [0, 2, 5], axis=1)
    return out


def _at(rows: Floats, places: NDArray[np.float64]) -> Floats:
    """Rows at broken indices, interpolated."""
    places = np.clip(places, 0, len(rows) - 1)
    left = np.minimum(places.astype(np.int64), max(len(rows) - 2, 0))
    part = (places - left).astype(np.float32)[:, None]
    right = np.minimum(left + 1, len(rows) - 1)
    out: Floats = rows[left] * (1 - part) + rows[right] * part
    return out


def _centered(rows: Floats, sounding: NDArray[np.bool_], usual: float) -> tuple[Floats, float]:
    """Less the mean of the bars that sound, each of length 1; and their mean length in ``usual``.

    A bar that hardly differs from the mean says nothing of where it belongs, and stays short.
    """
    rows = rows.astype(np.float32)
    if not sounding.any():
        return np.zeros_like(rows), 0.0
    rows = rows - rows[sounding].mean(axis=0)
    rows[~sounding] = 0
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    varied = float(length[sounding].mean())
    out: Floats = rows / np.maximum(length, max(0.05 * varied, 0.25 * usual))
    return out, varied / usual
