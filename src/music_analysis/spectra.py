"""The transforms: each computed once per song, in one pass over the sound, and shared.

Knows windows, frequency bands and powers; knows nothing of normalization, smoothing or beats.
The sound is read as a stereo stream at 44.1 kHz, cut into slabs of fixed length and looked at
through four grids of Hann windows, each centered on the time it speaks for:

======== =============== ======================= =========================================
grid     times           window                  gives
======== =============== ======================= =========================================
frames   i / fps         46 ms                   bands above 400 Hz, loudness, timbre, width
low      i / fps         93 ms, decimated by 8   bands below 400 Hz
onsets   i / 100 Hz      23 ms                   quarter-octave bands for onsets and tempo
notes    i / 10 Hz       372 ms, decimated by 8  pitch classes
======== =============== ======================= =========================================

Powers are mean squares over the channels (a full-scale sine is 0.5), so sound that is out of phase
between the channels counts in full. The mean of every window is removed: a constant offset is
no sound. Samples before the first and after the last are zero. Because slabs have a fixed length,
the numbers are the same bit by bit whatever the lengths of the blocks that come in.

Units: seconds, Hz, power as mean square. Axis 0 is time everywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from music_analysis.errors import UserError
from music_analysis.windows import (
    DECIMATION,
    SAMPLE_RATE,
    Decimator,
    Floats,
    Grid,
    Ring,
    Weights,
    slabs,
)

ONSET_RATE: Final = 100  # Hz: 10 ms, the usual hop of onset detection (Böck & Widmer 2013)
NOTE_RATE: Final = 10  # Hz: what is drawn from pitch classes is smoothed over 0.4 s

BAND_EDGES: Final = {
    "sub": (20.0, 60.0),
    "bass": (60.0, 150.0),
    "lowmid": (150.0, 400.0),
    "mid": (400.0, 1500.0),
    "highmid": (1500.0, 4000.0),
    "presence": (4000.0, 8000.0),
    "air": (8000.0, 16000.0),
}
BANDS: Final = tuple(BAND_EDGES)
LOW_BANDS: Final = 3  # of BANDS: what the decimated stream resolves and the other does not

ONSET_EDGES: Final[NDArray[np.float64]] = 40.0 * 2.0 ** (np.arange(36) / 4.0)
ONSET_CENTERS: Final[NDArray[np.float64]] = np.sqrt(ONSET_EDGES[:-1] * ONSET_EDGES[1:])

CONTRAST_OCTAVES: Final = (200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0)
"""Hz at which the octaves of the spectral contrast begin."""
_EXTREMES: Final = 0.1  # the share of an octave's bins that are its peaks, and its valleys

_NOTES: Final = np.arange(36, 97)  # C2 65 Hz to C7 2093 Hz, MIDI numbers
_TIMBRE_FLOOR: Final = 1e-11  # −110 dB: below it a spectrum is rounding noise and has no shape


class SoundSource(Protocol):
    """Anything that yields sound in blocks; :class:`music_analysis.audio.Audio` is one."""

    def blocks(
        self, *, sample_rate: int | None = None, channels: int | None = None
    ) -> Iterable[Floats]:
        """Yield float32 blocks of shape [channels, n], any n."""
        ...


@dataclass(frozen=True)
class Spectra:
    """What one pass over the sound measures. F frames at fps, N at 100 Hz, M at 10 Hz."""

    fps: Fraction
    samples: int
    """Length of the sound at 44.1 kHz."""
    bands: Floats
    """[F, 7] power in BANDS."""
    weighted: Floats
    """[F] A-weighted power (IEC 61672), as loud as it is to the ear."""
    power: Floats
    """[F] mean square."""
    peak: Floats
    """[F] largest sample."""
    centroid: Floats
    """[F] magnitude-weighted mean of log2(f), as Hz; 0 where there is no sound."""
    flatness: Floats
    """[F] geometric over arithmetic mean density of quarter octaves, 0 (tone) to 1 (noise)."""
    contrast: Floats
    """[F] mean over octaves of how far peaks stand above valleys, dB; 0 where there is no sound."""
    width: Floats
    """[F] side / (mid + side) power: 0 mono, 0.5 unrelated channels, 1 out of phase."""
    onsets: Floats
    """[N, 35] power between ONSET_EDGES at 100 Hz."""
    chroma: Floats
    """[M, 12] magnitude of pitch classes C, C#, … B above their surroundings at 10 Hz."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / SAMPLE_RATE


def measure(source: SoundSource, fps: Fraction) -> Spectra:
    """Measure everything in one pass and bounded memory (about 70 MB for an hour at 30 fps).

    Parameters
    ----------
    source
        The sound.
    fps
        Video frames a second, positive. Frame i is centered on sample round(i·44100/fps).

    Raises
    ------
    UserError
        If there is not a single sample.
    """
    if fps <= 0:
        raise ValueError(f"fps must be positive, not {fps}")
    wide, low = Ring(), Ring()
    frames = _FrameGrid(wide, fps, SAMPLE_RATE, 2048)
    onsets = _BandGrid(wide, Fraction(ONSET_RATE), SAMPLE_RATE, 1024, _pairs(ONSET_EDGES))
    slow = Fraction(SAMPLE_RATE, DECIMATION)
    edges = [BAND_EDGES[name] for name in BANDS[:LOW_BANDS]]
    bass = _BandGrid(low, fps, slow, 512, edges)
    notes = _NoteGrid(low, Fraction(NOTE_RATE), slow, 2048)
    grids: tuple[Grid, ...] = (frames, onsets, bass, notes)
    decimate = Decimator()
    for slab in slabs(source.blocks(sample_rate=SAMPLE_RATE, channels=2)):
        wide.push(slab, real=True)
        low.push(decimate(slab), real=True)
        for grid in grids:
            grid.advance()
    samples = wide.real
    if samples == 0:
        path = getattr(source, "path", None)
        name = "the file" if path is None else path.name
        raise UserError(f"{name} holds no sound (0 samples): give a file with something to hear")
    low.push(decimate(np.zeros((2, decimate.delay * DECIMATION), np.float32)), real=True)
    low.real = -(-samples // DECIMATION)
    for grid in grids:
        grid.advance()  # before the zeros push out what it still needs
    for ring in (wide, low):
        ring.push(np.zeros((2, 4096), np.float32), real=False)
    for grid in grids:
        grid.finish(max(1, math.ceil(Fraction(samples, SAMPLE_RATE) * grid.rate)))
    bands, weighted, power, peak, centroid, flatness, contrast, width = frames.columns()
    return Spectra(
        fps=fps,
        samples=samples,
        bands=np.concatenate([bass.columns()[0], bands], axis=1),
        weighted=weighted,
        power=power,
        peak=peak,
        centroid=centroid,
        flatness=flatness,
        contrast=contrast,
        width=width,
        onsets=onsets.columns()[0],
        chroma=notes.columns()[0],
    )


def spectral_contrast(spectrum: Floats, octaves: Sequence[NDArray[np.intp]]) -> Floats:
    """Return how far peaks stand above valleys, the mean over octaves, in dB.

    The octave-based spectral contrast of D.-N. Jiang, L. Lu, H.-J. Zhang, J.-H. Tao and L.-H. Cai,
    "Music type classification by spectral contrast feature" (ICME 2002): few clear partials have
    much of it, dense and noisy sound little.

    Parameters
    ----------
    spectrum : float32 array [frames, bins]
        Power.
    octaves : of int arrays
        The bins of each octave.

    Returns
    -------
    float32 array [frames]
        At most 60.
    """
    total = np.zeros(len(spectrum), np.float32)
    for bins in octaves:
        part = spectrum[:, bins[0] : bins[-1] + 1]
        few = max(1, round(_EXTREMES * len(bins)))
        part = np.partition(part, (few - 1, len(bins) - few), axis=1)
        peak = part[:, -few:].mean(axis=1)
        # 60 dB below a peak is what leaks from it.
        valley = part[:, :few].mean(axis=1) + peak * np.float32(1e-6) + np.float32(1e-20)
        total += np.log10((peak + np.float32(1e-20)) / valley) * np.float32(10.0 / len(octaves))
    return total


class _FrameGrid(Grid):
    def __init__(
        self, ring: Ring, rate: Fraction, sample_rate: Fraction | int, window: int
    ) -> None:
        super().__init__(ring, rate, sample_rate, window)
        edges = [BAND_EDGES[name] for name in BANDS[LOW_BANDS:]]
        bands = band_matrix(self.frequencies, edges)
        fine = band_matrix(self.frequencies, _pairs(ONSET_EDGES[ONSET_EDGES >= 160]))
        self.count = bands.shape[1]
        weight = a_weighting(self.frequencies).astype(np.float32)[:, None]
        self.weights = Weights(np.concatenate([bands, weight, fine], axis=1))
        self.density = fine.sum(axis=0)
        self.octaves = [
            np.flatnonzero((self.frequencies >= low) & (self.frequencies < 2 * low))
            for low in CONTRAST_OCTAVES
        ]
        octaves = np.zeros(len(self.frequencies))
        heard = (self.frequencies >= 40) & (self.frequencies <= 16_000)
        octaves[heard] = np.log2(self.frequencies[heard])
        self.moments = Weights(np.stack([heard, octaves], axis=1).astype(np.float32))

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        peak = np.maximum(frames.max(axis=(0, 2)), -frames.min(axis=(0, 2)))
        spectrum = self._spectrum(frames)
        out = self.weights(spectrum)
        fine = out[:, self.count + 1 :] / self.density + np.float32(1e-20)
        flatness = np.exp(np.log(fine).mean(axis=1)) / fine.mean(axis=1)
        moments = self.moments(np.sqrt(spectrum))
        left, right = frames[0], frames[-1]
        norm = np.float32(1.0 / np.sum(self.hann.astype(np.float64) ** 2))
        ll, rr, lr = (
            np.einsum("ij,ij->i", a, b) * norm
            for a, b in ((left, left), (right, right), (left, right))
        )
        power = (ll + rr) * np.float32(0.5)
        side = np.maximum((ll + rr - 2 * lr) * np.float32(0.25), 0)
        sounding = power > _TIMBRE_FLOOR
        safe = np.where(sounding, power, np.float32(1))
        octave = np.where(sounding, moments[:, 1] / np.maximum(moments[:, 0], 1e-12), 0)
        return (
            out[:, : self.count],
            out[:, self.count],
            power,
            peak,
            np.where(sounding, np.exp2(octave), 0).astype(np.float32),
            np.where(sounding, flatness, 0).astype(np.float32),
            np.where(sounding, spectral_contrast(spectrum, self.octaves), 0).astype(np.float32),
            np.where(sounding, np.minimum(side / safe, 1), 0).astype(np.float32),
        )


class _BandGrid(Grid):
    """Powers in bands and nothing else."""

    def __init__(
        self,
        ring: Ring,
        rate: Fraction,
        sample_rate: Fraction | int,
        window: int,
        edges: list[tuple[float, float]],
    ) -> None:
        super().__init__(ring, rate, sample_rate, window)
        self.weights = Weights(band_matrix(self.frequencies, edges))

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        return (self.weights(self._spectrum(frames)),)


class _NoteGrid(Grid):
    def __init__(
        self, ring: Ring, rate: Fraction, sample_rate: Fraction | int, window: int
    ) -> None:
        super().__init__(ring, rate, sample_rate, window)
        pitch = 69 + 12 * np.log2(np.maximum(self.frequencies, 1e-3) / 440.0)
        # raised cosines one semitone to either side: a detuned note is shared by its neighbors
        distance = np.abs(pitch[:, None] - _NOTES[None, :])
        shape = np.where(distance < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1)), 0.0)
        self.notes = Weights(shape.astype(np.float32))
        # the middle of the keyboard tells harmony best (Ellis 2007: a bell around 400 Hz)
        weight = np.exp(-0.5 * ((_NOTES - 64) / 15.0) ** 2)
        fold = np.zeros((len(_NOTES), 12), np.float32)
        fold[np.arange(len(_NOTES)), _NOTES % 12] = weight
        self.fold = Weights(fold)

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        notes = np.sqrt(self.notes(self._spectrum(frames)))
        padded = np.pad(notes, ((0, 0), (3, 3)), mode="edge")
        around = sliding_window_view(padded, 7, axis=1).mean(axis=2)
        return (self.fold(np.maximum(notes - around, 0)),)


def _pairs(edges: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in itertools.pairwise(edges)]


def band_matrix(frequencies: NDArray[np.float64], edges: list[tuple[float, float]]) -> Floats:
    """Shares of every bin in every band, [bins, bands]: a bin across an edge is split.

    Bin 0 belongs to no band: it holds the mean, which is no sound.
    """
    width = frequencies[1] - frequencies[0]
    low, high = frequencies[:, None] - width / 2, frequencies[:, None] + width / 2
    starts, stops = np.array(edges).T
    share = (np.minimum(high, stops) - np.maximum(low, starts)) / width
    share[0] = 0
    matrix: Floats = np.clip(share, 0, 1).astype(np.float32)
    return matrix


def a_weighting(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power gain of the A curve (IEC 61672-1), 1 at 1 kHz."""
    f2 = np.square(frequencies)
    numerator = (12194.0**2) * f2 * f2
    denominator = (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2)
    return np.square(numerator / denominator * 10 ** (2.0 / 20))
