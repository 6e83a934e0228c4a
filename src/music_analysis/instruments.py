"""The sounds of the song generator: drums, bass, pad, pluck, lead, and their room.

Every function makes one sound as float32 at a given rate in Hz: [n] when mono, [2, n] when
stereo, full scale about ±1. Knows nothing of notes' names, bars or songs. Noise comes from the
generator handed in, so the same generator gives the same sound.

All pitched sounds are one oscillator: the sum of ``r**h sin(h x) / h`` over all harmonics h is
``atan2(r sin x, 1 - r cos x)``, a sawtooth whose harmonics fade exponentially with frequency. Its
``r = exp(-f / cutoff)`` may move from sample to sample, which is a low-pass filter with an
envelope for the price of one arc tangent, and it hardly aliases.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Sound = NDArray[np.float32]


def _times(seconds: float, rate: int) -> NDArray[np.float32]:
    return np.arange(round(seconds * rate), dtype=np.float32) / np.float32(rate)


def _decay(t: Sound, seconds: float) -> Sound:
    """Fall to 1/e in that many seconds."""
    fall: Sound = np.exp(t * np.float32(-1.0 / seconds))
    return fall


def _edges(sound: Sound, rate: int, attack: float, release: float) -> Sound:
    """Raised-cosine fade in and out, in place, along the last axis."""
    for seconds, at_end in ((attack, False), (release, True)):
        n = min(round(seconds * rate), sound.shape[-1])
        if n:
            ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
            if at_end:
                sound[..., -n:] *= ramp[::-1]
            else:
                sound[..., :n] *= ramp
    return sound


def _filtered(noise: NDArray[np.float64], rate: int, low: float, high: float) -> Sound:
    """Keep the band from low to high Hz (second-order slopes), at the level of white noise."""
    high = min(high, 0.45 * rate)
    low = min(low, 0.5 * high)
    sos = signal.butter(2, (low, high), btype="bandpass", fs=rate, output="sos")
    kept = signal.sosfilt(sos, noise)
    return (kept / max(float(np.std(kept)), 1e-9) * 0.35).astype(np.float32)


def saw(frequency: float | Sound, t: Sound, cutoff: float | Sound, phase: float = 0.0) -> Sound:
    """Make a soft sawtooth.

    Parameters
    ----------
    frequency : float, or ndarray [n]
        Hz. An array is the frequency at every time (vibrato, glides).
    t : ndarray of float32, [n]
        Times in seconds, evenly spaced.
    cutoff : float, or ndarray [n]
        Hz: harmonics fade as ``exp(-f / cutoff)``.
    phase : float
        In turns.
    """
    if isinstance(frequency, np.ndarray):
        step = float(t[1] - t[0]) if t.size > 1 else 0.0
        turns = np.cumsum(frequency, dtype=np.float64) * step + phase
        pitch = float(np.mean(frequency))
    else:
        turns = t.astype(np.float64) * frequency + phase
        pitch = frequency
    x = (2.0 * np.pi * (turns - np.floor(turns))).astype(np.float32)
    r = np.exp(np.float32(-pitch) / np.asarray(cutoff, dtype=np.float32))
    wave: Sound = np.arctan2(r * np.sin(x), np.float32(1.0) - r * np.cos(x))
    wave *= np.float32(2.0 / np.pi)
    return wave


def kick(rate: int) -> Sound:
    """Strike a bass drum: a sine that falls from a click to 47 Hz."""
    t = _times(0.42, rate)
    pitch = 47.0 + 95.0 * _decay(t, 0.04) + 420.0 * _decay(t, 0.006)
    body = np.sin(2.0 * np.pi * np.cumsum(pitch, dtype=np.float64) / rate).astype(np.float32)
    sound = np.tanh(np.float32(1.6) * body * _decay(t, 0.17))
    return _edges(sound, rate, 0.0005, 0.08)


def snare(rate: int, rng: np.random.Generator) -> Sound:
    """Strike a snare: two drum-head tones and a burst of noise."""
    t = _times(0.3, rate)
    head = np.sin(2 * np.pi * 188.0 * t) + 0.6 * np.sin(2 * np.pi * 331.0 * t + 0.4)
    wires = _filtered(rng.standard_normal(t.size), rate, 1_400.0, 9_500.0)
    sound = 0.42 * head * _decay(t, 0.05) + 0.95 * wires * _decay(t, 0.085)
    return _edges(sound.astype(np.float32), rate, 0.0005, 0.08)


def clap(rate: int, rng: np.random.Generator) -> Sound:
    """Clap: four hands that do not quite meet, stereo."""
    t = _times(0.32, rate)
    shape = 0.55 * _decay(t, 0.09)
    for late in (0.0, 0.011, 0.021, 0.03):
        since = np.maximum(t - np.float32(late), np.float32(0.0))
        shape = shape + np.where(t >= late, _decay(since, 0.006), np.float32(0.0))
    sides = [_filtered(rng.standard_normal(t.size), rate, 900.0, 4_500.0) * shape for _ in range(2)]
    return _edges(np.stack(sides) * np.float32(0.6), rate, 0.0005, 0.1)


def hat(rate: int, rng: np.random.Generator, *, seconds: float) -> Sound:
    """Strike a hi-hat: high noise that dies in that many seconds: 0.03 is closed, 0.15 open."""
    t = _times(min(0.05 + 4.0 * seconds, 0.6), rate)
    hiss = _filtered(rng.standard_normal(t.size), rate, 7_000.0, 16_000.0)
    return _edges(hiss * _decay(t, seconds), rate, 0.001, 0.02)


def tom(rate: int, pitch: float) -> Sound:
    """Strike a drum with a falling pitch in Hz."""
    t = _times(0.4, rate)
    falling = pitch * (1.0 + 0.5 * _decay(t, 0.05))
    body = np.sin(2.0 * np.pi * np.cumsum(falling, dtype=np.float64) / rate).astype(np.float32)
    return _edges(body * _decay(t, 0.12), rate, 0.001, 0.1)


def crash(rate: int, rng: np.random.Generator) -> Sound:
    """Strike a cymbal, stereo, 2.5 s."""
    t = _times(2.5, rate)
    sides = [_filtered(rng.standard_normal(t.size), rate, 3_500.0, 15_000.0) for _ in range(2)]
    return _edges(np.stack(sides) * _decay(t, 0.55), rate, 0.002, 0.5)


def riser(rate: int, rng: np.random.Generator, *, seconds: float) -> Sound:
    """Make noise that climbs from 400 Hz to 10 kHz and grows, to announce what comes. Stereo."""
    t = _times(seconds, rate)
    way = t / np.float32(max(seconds, 1e-3))
    bands = np.geomspace(400.0, 10_000.0, 6)
    sides = []
    for _ in range(2):
        noise = rng.standard_normal(t.size)
        side = np.zeros(t.size, dtype=np.float32)
        for index, center in enumerate(bands):
            near = np.exp(-(((way * 5.0 - index) / 0.9) ** 2)).astype(np.float32)
            side += near * _filtered(noise, rate, center * 0.7, center * 1.4)
        sides.append(side * way**2)
    return _edges(np.stack(sides), rate, 0.05, 0.02)


def bass(rate: int, frequency: float, *, seconds: float, cutoff: float) -> Sound:
    """Play a bass note: a saw whose filter closes, over a sine of the same pitch."""
    t = _times(seconds, rate)
    growl = saw(frequency, t, cutoff * (0.35 + 0.65 * _decay(t, 0.12)))
    under = np.sin(2.0 * np.pi * frequency * t).astype(np.float32)
    sound = (np.float32(0.5) * growl + np.float32(0.6) * under) * (0.55 + 0.45 * _decay(t, 0.2))
    return _edges(sound.astype(np.float32), rate, 0.004, 0.03)


def pluck(rate: int, frequency: float, *, seconds: float, cutoff: float) -> Sound:
    """Pluck a string, bright at once and dull soon: two strings a hair apart, stereo."""
    t = _times(seconds, rate)
    opening = np.float32(cutoff) * (0.12 + 0.88 * _decay(t, 0.09))
    fading = _decay(t, 0.24)
    sides = [
        saw(frequency * apart, t, opening, p) * fading
        for apart, p in ((0.9985, 0.0), (1.0015, 0.07))
    ]
    return _edges(np.stack(sides), rate, 0.002, 0.05)


def lead(rate: int, frequency: float, *, seconds: float, cutoff: float) -> Sound:
    """Sing: a voice of two saws with a late vibrato, stereo."""
    t = _times(seconds, rate)
    late = np.clip((t - 0.25) / 0.3, 0.0, 1.0)
    bend = 1.0 + 0.0045 * late * np.sin(2.0 * np.pi * 5.3 * t)
    opening = np.float32(cutoff) * (0.45 + 0.55 * _decay(t, 0.25))
    sides = [
        saw((frequency * apart * bend).astype(np.float32), t, opening, p)
        for apart, p in ((0.997, 0.0), (1.003, 0.3))
    ]
    sound = np.stack(sides) * (0.75 + 0.25 * _decay(t, 0.3))
    return _edges(sound.astype(np.float32), rate, 0.012, min(0.09, seconds / 3))


def pad(rate: int, frequencies: tuple[float, ...], *, seconds: float, cutoff: float) -> Sound:
    """Bow a chord that breathes in, stereo: each note thrice, a little apart."""
    t = _times(seconds, rate)
    opening = np.float32(cutoff) * (0.6 + 0.4 * np.sin(np.pi * t / np.float32(seconds)))
    sides = np.zeros((2, t.size), dtype=np.float32)
    for index, frequency in enumerate(frequencies):
        for voice, (apart, left) in enumerate(((0.9955, 0.8), (1.0, 0.5), (1.0045, 0.2))):
            # Fixed, irregular phases: in step they would sound as one.
            tone = saw(frequency * apart, t, opening, phase=0.37 * index + 0.61 * voice)
            sides[0] += np.float32(left) * tone
            sides[1] += np.float32(1.0 - left) * tone
    sides *= np.float32(0.5 / len(frequencies))
    return _edges(sides, rate, 0.12, 0.3)


def echo(sound: Sound, rate: int, *, seconds: float, feedback: float, times: int = 4) -> Sound:
    """Make repeats that bounce between left and right; the original is left out. [2, n]."""
    echoes = np.zeros_like(sound)
    for turn in range(1, times + 1):
        late = round(seconds * rate * turn)
        if late >= sound.shape[1]:
            break
        source = sound[::-1] if turn % 2 else sound
        echoes[:, late:] += np.float32(feedback**turn) * source[:, :-late]
    return echoes


def reverb(sound: Sound, rate: int, rng: np.random.Generator) -> Sound:
    """Answer as a hall: convolve with noise that decays, treble first. [2, n], wet only."""
    t = _times(1.8, rate)
    sides = []
    for side in sound:
        noise = rng.standard_normal(t.size)
        warm = _filtered(noise, rate, 180.0, 2_500.0) * _decay(t, 0.42)
        bright = _filtered(noise, rate, 2_500.0, 9_000.0) * _decay(t, 0.16)
        tail = _edges(warm + np.float32(0.6) * bright, rate, 0.012, 0.3)
        tail /= np.sqrt(np.sum(tail * tail))
        sides.append(signal.oaconvolve(side, tail)[: side.size].astype(np.float32))
    return np.stack(sides)
