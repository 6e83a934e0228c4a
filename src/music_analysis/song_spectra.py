"""What the analyzers hear: transforms of a whole song, each computed once, in one pass.

Knows windows, pitches and powers; knows nothing of beats, keys or chords. The sound is read as
stereo at 44.1 kHz, measured for loudness, mixed to mono and looked at through five grids of
Hann windows, each centered on the time it speaks for:

======== ========== ==================== ====================================================
grid     times      window               gives
======== ========== ==================== ====================================================
onsets   i / 100 Hz 46 ms at 22.05 kHz   quarter-octave bands, 40 Hz to 10.2 kHz
high     i / 10 Hz  186 ms at 11 kHz     pitches from C5 (523 Hz) up
middle   i / 10 Hz  372 ms at 5.5 kHz    pitches from C3 (131 Hz) to B4
low      i / 10 Hz  743 ms at 2.8 kHz    pitches below C3
tuning   i / 2.5 Hz 372 ms at 5.5 kHz    how far the song is from 440 Hz
======== ========== ==================== ====================================================

Pitches are three to a semitone, C1 (33 Hz) to B7 (3951 Hz): a constant-Q-like transform made of
three resolutions. How far the recording is from 440 Hz is estimated from the peaks of all of it,
and :meth:`SongSpectra.semitones` undoes it.

Channels that cancel each other (a mono mix with less than a twentieth of the power) are heard
through the left one. The numbers do not depend on the lengths of the blocks that come in.

Units: seconds, Hz, power as mean square, tuning in semitones. Axis 0 is time everywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

from music_analysis.errors import UserError
from music_analysis.spectra import SoundSource, band_matrix
from music_analysis.true_peak import TruePeak
from music_analysis.windows import SAMPLE_RATE, Floats, Grid, Ring, Weights, joined, slabs

ONSET_RATE: Final = 100  # Hz
ONSET_EDGES: Final[NDArray[np.float64]] = 40.0 * 2.0 ** (np.arange(33) / 4.0)
ONSET_CENTERS: Final[NDArray[np.float64]] = np.sqrt(ONSET_EDGES[:-1] * ONSET_EDGES[1:])

PITCH_RATE: Final = 10  # Hz
LOWEST_PITCH: Final = 24  # MIDI number of the first semitone: C1, 32.7 Hz
SEMITONES: Final = 84
PER_SEMITONE: Final = 3  # the middle one of three is the tempered pitch at 440 Hz

LOUDNESS_RATE: Final = 10  # Hz: blocks of 100 ms, four of them a momentary loudness (EBU R128)
WAVE_RATE: Final = 20  # Hz: what is drawn as a waveform

_PAGE: Final = 2048  # rows worked on at once: three minutes
_PADDED: Final = 4608  # samples: 100 ms and some zeros, a length that is quick to transform
_SILENT: Final = 1e-12  # power of a bin: rounding noise has no tuning
_CANCELED: Final = 0.05  # a mono mix with less than this share of the power has canceled itself out


@dataclass(frozen=True)
class SongSpectra:
    """What one pass over a song measures. N frames at 100 Hz, M at 10 Hz."""

    duration: float
    """Exact length of the sound, seconds."""
    onsets: Floats
    """[N, 32] power between ONSET_EDGES at 100 Hz; frame i is at i / 100 s."""
    pitches: Floats
    """[M, 252] magnitude, three pitches to a semitone from C1; frame i is at i / 10 s."""
    tuning: float
    """Semitones that the recording is above 440 Hz, −0.5 to 0.5."""
    loudness: Floats
    """[L] K-weighted power (ITU-R BS.1770), summed over the channels, in blocks of 100 ms."""
    peaks: Floats
    """[L] largest sample of either channel in the same blocks."""
    wave: Floats
    """[W, 2] smallest and largest sample of the mono mix at 20 Hz, for drawing."""
    mono: bool
    """Whether both channels are the same."""
    true_peak: float
    """Largest swing of either channel at four times the rate; 1 is full scale."""

    def semitones(self) -> Floats:
        """Magnitudes of the 84 semitones from C1, [M, 84], with the tuning undone."""
        return in_semitones(self.pitches, self.tuning)


def measure_song(source: SoundSource) -> SongSpectra:
    """Measure everything in one pass and bounded memory (about 90 MB an hour).

    Parameters
    ----------
    source
        The sound: :class:`music_analysis.audio.Audio` or anything with its ``blocks``.

    Raises
    ------
    UserError
        If there is not a single sample.
    """
    # a sum of rows: ten times as fast as a mean over so short an axis
    measured = _pass(source, lambda slab: ((slab[0] + slab[1]) * np.float32(0.5))[None])
    if measured is None:
        measured = _pass(source, lambda slab: slab[:1], last=True)
    assert measured is not None
    return measured


def in_semitones(pitches: Floats, tuning: float) -> Floats:
    """Pitches at three to a semitone to semitones, [M, 252] to [M, 84], ``tuning`` undone.

    A semitone is the root of the mean square of its middle and half of its neighbors.
    """
    # shifted by whole and broken bins, so that the song's own A lies in the middle of three
    shift = tuning * PER_SEMITONE
    whole = math.floor(shift)
    part = np.float32(shift - whole)
    start = 3 + whole
    weights = np.array([0.5, 1.0, 0.5], np.float32)
    semitones = np.empty((len(pitches), SEMITONES), np.float32)
    for first in range(0, len(pitches), _PAGE):
        power = np.square(pitches[first : first + _PAGE])
        padded = np.pad(power, ((0, 0), (3, 4)))
        moved = padded[:, start : start + power.shape[1]] * (1 - part)
        moved += padded[:, start + 1 : start + 1 + power.shape[1]] * part
        triples = moved.reshape(len(power), SEMITONES, PER_SEMITONE)
        np.sqrt(np.maximum(triples @ weights, 0), out=semitones[first : first + _PAGE])
    return semitones


def _pass(
    source: SoundSource, mix: Callable[[Floats], Floats], *, last: bool = False
) -> SongSpectra | None:
    # each ring holds half the rate of the one before: 22.05, 11.025, 5.5 and 2.8 kHz
    rates = [Fraction(SAMPLE_RATE, 2 << k) for k in range(4)]
    rings = [Ring(channels=1, keep=2048) for _ in rates]
    halvers = [_Halver(2 * rate) for rate in rates]
    onsets = _OnsetGrid(rings[0], rates[0])
    tuning = _TuningGrid(rings[2], rates[2])
    notes = [_PitchGrid(rings[k], rates[k], *pitches) for k, *pitches in _RESOLUTIONS]
    meter, wave = _Meter(), _Wave()
    samples, mono = 0, True
    for slab in slabs(source.blocks(sample_rate=SAMPLE_RATE, channels=2)):
        samples += slab.shape[1]
        mono = mono and np.array_equal(slab[0], slab[1])
        mixed = slab[:1] if mono else mix(slab)
        meter.push(slab, mixed)
        wave.push(mixed)
        for ring, halve in zip(rings, halvers, strict=True):
            mixed = halve(mixed)
            ring.push(mixed, real=True)
        for grid in (onsets, tuning, *notes):
            grid.advance()
    if samples == 0:
        path = getattr(source, "path", None)
        name = "the file" if path is None else path.name
        raise UserError(f"{name} holds no sound (0 samples): give a file with something to hear")
    if meter.canceled and not last:
        return None
    rest = np.zeros((1, 0), np.float32)
    for ring, halve in zip(rings, halvers, strict=True):
        rest = halve(rest, last=True)
        ring.push(rest, real=True)
    for grid in (onsets, tuning, *notes):
        grid.advance()  # before the zeros push out what it still needs
    for ring in rings:
        ring.push(np.zeros((1, 4096), np.float32), real=False)
    duration = Fraction(samples, SAMPLE_RATE)
    for grid in (onsets, tuning, *notes):
        grid.finish(max(1, math.ceil(duration * grid.rate)))
    pitches = joined(*(grid.parts[0] for grid in notes))
    loudness, peaks = meter.columns()
    return SongSpectra(
        duration=float(duration),
        onsets=onsets.columns()[0],
        pitches=pitches,
        tuning=_circular_mean(tuning.columns()[0]),
        loudness=loudness,
        peaks=peaks,
        wave=wave.columns(),
        mono=mono,
        true_peak=meter.true_peak.finish(),
    )


class _Halver:
    """Halves the rate of a mono stream (soxr HQ), in time with its input."""

    def __init__(self, rate: Fraction) -> None:
        self.stream = soxr.ResampleStream(float(rate), float(rate / 2), 1, dtype="float32")

    def __call__(self, block: Floats, *, last: bool = False) -> Floats:
        out: Floats = self.stream.resample_chunk(np.ascontiguousarray(block.T), last=last).T
        return out


class _OnsetGrid(Grid):
    centered = False

    def __init__(self, ring: Ring, sample_rate: Fraction) -> None:
        super().__init__(ring, Fraction(ONSET_RATE), sample_rate, 1024)
        pairs = [(float(a), float(b)) for a, b in itertools.pairwise(ONSET_EDGES)]
        self.weights = Weights(band_matrix(self.frequencies, pairs))

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        return (self.weights(self._spectrum(frames)),)


# number of the ring, first pitch and the one after the last (MIDI numbers)
_RESOLUTIONS: Final = ((3, 24, 48), (2, 48, 72), (1, 72, 108))


class _PitchGrid(Grid):
    centered = False

    def __init__(self, ring: Ring, sample_rate: Fraction, first: int, stop: int) -> None:
        super().__init__(ring, Fraction(PITCH_RATE), sample_rate, 2048)
        places = np.arange((stop - first) * PER_SEMITONE)
        pitch = first + (places - 1) / PER_SEMITONE
        center = 440.0 * 2.0 ** ((pitch - 69) / 12)
        # a raised cosine a third of a semitone to either side, and never narrower than the bins:
        # where they are wider than the pitches, neighbors share them
        reach = np.maximum(center * (2.0 ** (1 / 36) - 1), 1.0 * self.frequencies[1])
        distance = np.abs(self.frequencies[:, None] - center) / reach
        shape = np.where(distance < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1)), 0.0)
        self.weights = Weights(shape.astype(np.float32))

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        return (np.sqrt(self.weights(self._spectrum(frames))),)


class _TuningGrid(Grid):
    """Where the peaks of the spectrum lie within their semitones, as sums of unit vectors.

    Peaks are placed by the parabola through three bins of the log spectrum; every one counts by its
    magnitude (the circular mean; a histogram in Zhu, Kankanhalli and Gao 2005, "Music key detection
    for musical audio").
    """

    centered = False

    def __init__(self, ring: Ring, sample_rate: Fraction) -> None:
        super().__init__(ring, Fraction(5, 2), sample_rate, 2048)
        # C3 to C7: below, windows are too short; above, overtones are stretched
        self.first, self.stop = np.searchsorted(self.frequencies, (130.0, 2093.0))

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        power = self._spectrum(frames)[:, self.first - 1 : self.stop + 1]
        left, middle, right = power[:, :-2], power[:, 1:-1], power[:, 2:]
        loud = middle > np.float32(1e-3) * power.max(axis=1, keepdims=True)
        peak = (middle > left) & (middle >= right) & loud & (middle > _SILENT)
        row, column = np.nonzero(peak)
        a, b, c = (np.log(part[peak] + np.float32(1e-20)) for part in (left, middle, right))
        place = 0.5 * (a - c) / np.minimum(a - 2 * b + c, np.float32(-1e-6))
        hertz = (self.first + column + place) * self.frequencies[1]
        turn = np.exp(2j * np.pi * 12 * np.log2(hertz / 440.0)) * np.sqrt(middle[peak])
        sums = np.zeros((len(power), 2), np.float64)
        np.add.at(sums, row, np.stack([turn.real, turn.imag], axis=1))
        return (sums.astype(np.float32),)


def _circular_mean(vectors: Floats) -> float:
    """Semitones from sums of unit vectors, [n, 2]; 0 where nothing sounds."""
    x, y = vectors.sum(axis=0, dtype=np.float64)
    return math.atan2(y, x) / (2 * math.pi) if math.hypot(x, y) > 1e-6 else 0.0


class _Meter:
    """K-weighted power in blocks of 100 ms, and whether mixing to mono cancels the sound.

    The weighting of BS.1770 is applied to the spectrum of each block: its impulse response is short
    beside 100 ms, so the difference from filtering in time is below 0.1 dB for music.
    """

    def __init__(self) -> None:
        self.length = SAMPLE_RATE // LOUDNESS_RATE
        frequencies = np.arange(_PADDED // 2 + 1) * float(SAMPLE_RATE) / _PADDED
        gain = k_weighting(frequencies) * 2.0 / (self.length * _PADDED)
        gain[[0, -1]] /= 2  # the ends of the spectrum stand for themselves
        # twice, for real and imaginary parts
        self.gain: Floats = np.repeat(gain, 2).astype(np.float32)
        self.rest: Floats = np.zeros((2, 0), np.float32)
        self.power: list[Floats] = []
        self.peak: list[Floats] = []
        self.true_peak = TruePeak()
        self.total = self.mixed = 0.0

    @property
    def canceled(self) -> bool:
        return self.mixed < _CANCELED * self.total

    def push(self, slab: Floats, mixed: Floats) -> None:
        self.true_peak.push(slab, twins=np.array_equal(slab[0], slab[1]))
        self.total += float(np.vdot(slab, slab)) / 2
        self.mixed += float(np.vdot(mixed, mixed))
        joined = np.concatenate([self.rest, slab], axis=1)
        whole = joined.shape[1] // self.length
        self._take(joined[:, : whole * self.length].reshape(2, whole, self.length))
        self.rest = joined[:, whole * self.length :]

    def _take(self, blocks: Floats) -> None:
        if not blocks.shape[1]:
            return
        self.peak.append(np.maximum(blocks.max(axis=2), -blocks.min(axis=2)).max(axis=0))
        twins = np.array_equal(blocks[0], blocks[1])
        heard = blocks[:1] if twins else blocks
        # a constant offset is no sound, but its ends would be: the zeros after each block
        heard = heard - heard.mean(axis=2, keepdims=True)
        lines = fft.rfft(heard, n=_PADDED, axis=2).view(np.float32)
        np.square(lines, out=lines)
        power = lines @ self.gain
        self.power.append(power[0] * np.float32(2) if twins else power.sum(axis=0))

    def columns(self) -> tuple[Floats, Floats]:
        """Powers and peaks; what is left of the last block counts as a block of its own."""
        left = self.rest.shape[1]
        if left:
            self._take(np.pad(self.rest, ((0, 0), (0, self.length - left)))[:, None])
            self.power[-1] = self.power[-1] * np.float32(self.length / left)
        return np.concatenate(self.power), np.concatenate(self.peak)


class _Wave:
    """Smallest and largest samples, for drawing."""

    def __init__(self) -> None:
        self.length = SAMPLE_RATE // WAVE_RATE
        self.rest: Floats = np.zeros(0, np.float32)
        self.parts: list[Floats] = []

    def push(self, mixed: Floats) -> None:
        joined = np.concatenate([self.rest, mixed[0]])
        whole = len(joined) // self.length
        blocks = joined[: whole * self.length].reshape(whole, self.length)
        self.parts.append(np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1))
        self.rest = joined[whole * self.length :]

    def columns(self) -> Floats:
        if len(self.rest):
            self.parts.append(np.array([[self.rest.min(), self.rest.max()]], np.float32))
        return np.concatenate(self.parts)


def k_weighting(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power gain of the K weighting at 44.1 kHz (ITU-R BS.1770-5: a shelf and a high-pass).

    The coefficients of the standard are for 48 kHz; here its analog prototypes (De Man 2014,
    "Evaluation of implementations of the EBU R128 loudness measurement") are transformed anew.
    """
    total = np.ones(len(frequencies))
    z = np.exp(-2j * np.pi * frequencies / SAMPLE_RATE)
    shelf_gain, shelf_q, shelf_hz = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    pass_q, pass_hz = 0.5003270373238773, 38.13547087602444
    k = math.tan(math.pi * shelf_hz / SAMPLE_RATE)
    vh = 10.0 ** (shelf_gain / 20)
    vb = vh**0.4996667741545416
    shelf = (
        (vh + vb * k / shelf_q + k * k, 2 * (k * k - vh), vh - vb * k / shelf_q + k * k),
        (1 + k / shelf_q + k * k, 2 * (k * k - 1), 1 - k / shelf_q + k * k),
    )
    k = math.tan(math.pi * pass_hz / SAMPLE_RATE)
    scale = 1 + k / pass_q + k * k
    # the numerator of the standard is 1, −2, 1 at every rate
    high_pass = ((scale, -2 * scale, scale), (scale, 2 * (k * k - 1), 1 - k / pass_q + k * k))
    for over, under in (shelf, high_pass):
        ratio = np.polyval(over[::-1], z) / np.polyval(under[::-1], z)
        total *= np.square(np.abs(ratio))
    return total
