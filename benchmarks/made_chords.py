"""Clips of synthesized tones with known chords, to train with beside played songs.

What rendered songs lack: plain waveforms (sines, sawtooths, organ stops), rare qualities and
inversions in equal shares, and sounds that hold no chord: noise, drums, one note, a voice alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from music_analysis.chord_labels import QUALITIES, ChordName, spell
from music_analysis.song_spectra import measure_song

RATE = 11_025  # what is looked at lies below 4 kHz
COUNT = 100
SECONDS = 48.0
_SHARES = {
    "maj": 0.3, "min": 0.26, "7": 0.09, "maj7": 0.06, "min7": 0.09, "dim": 0.04, "hdim7": 0.04,
    "aug": 0.03, "sus2": 0.04, "sus4": 0.05,
}  # fmt: skip

Sound = NDArray[np.float64]


class Source:
    """Samples as a sound source."""

    def __init__(self, samples: Sound) -> None:
        self.samples = samples

    def blocks(self, **_: Any) -> Any:
        """Yield all of it, as stereo at 44.1 kHz."""
        samples = soxr.resample(self.samples.astype(np.float32), RATE, 44_100)
        yield np.tile(samples, (2, 1))


class Timbre:
    """Harmonics and an envelope, drawn at random."""

    def __init__(self, rng: np.random.Generator) -> None:
        kind = rng.integers(0, 6)
        k = np.arange(1, 17)
        self.harmonics = [
            (k == 1).astype(float),
            1.0 / k,
            (k % 2) / k,
            np.isin(k, (1, 2, 3, 4, 6, 8)) * rng.random(16),
            rng.random(16) / k,
            rng.uniform(0.2, 0.8) ** k,
        ][kind]
        self.harmonics = self.harmonics / np.sqrt(np.square(self.harmonics).sum())
        self.decay = rng.choice([0.0, 0.0, 0.7, 2.0, 5.0])
        self.vibrato = rng.choice([0.0, 0.0, 0.1])

    def note(self, pitch: float, seconds: float) -> Sound:
        """Play a note of MIDI number ``pitch``."""
        t = np.arange(int(seconds * RATE)) / RATE
        bend = self.vibrato * np.sin(2 * np.pi * 5.5 * t) if self.vibrato else np.zeros(1)
        frequency = 440 * 2 ** ((pitch - 69 + bend) / 12)
        phase = np.cumsum(np.broadcast_to(frequency, t.shape)) * (2 * np.pi / RATE)
        wave = np.zeros(len(t))
        top = 440 * 2 ** ((pitch - 69) / 12)
        for k, strength in enumerate(self.harmonics, 1):
            if strength > 0.01 and k * top < 5000:
                wave += strength * np.sin(k * phase)
        fade = np.minimum(1, np.minimum(t, t[-1] - t if len(t) else t) / 0.01)
        return wave * fade * np.exp(-self.decay * t)


def _add(track: Sound, at: float, wave: Sound, gain: float) -> None:
    start = int(at * RATE)
    stop = min(len(track), start + len(wave))
    if stop > start >= 0:
        track[start:stop] += gain * wave[: stop - start]


def drums(seconds: float, beat: float, rng: np.random.Generator) -> Sound:
    """Kicks, snares and hats."""
    track = np.zeros(int(seconds * RATE))
    t = np.arange(int(0.3 * RATE)) / RATE
    fall = rng.uniform(5, 40)
    kick = np.sin(2 * np.pi * (rng.uniform(40, 60) * t + 60 / fall * (1 - np.exp(-fall * t))))
    kick *= np.exp(-t * rng.uniform(8, 25))
    body = 0.4 * np.sin(2 * np.pi * rng.uniform(150, 260) * t)
    snare = (rng.normal(size=len(t)) * 0.5 + body) * np.exp(-t * rng.uniform(12, 30))
    hat = np.diff(rng.normal(size=len(t)), prepend=0) * np.exp(-t * 50)
    for step, at in enumerate(np.arange(0, seconds, beat / 2)):
        if step % 4 == 0 or rng.random() < 0.1:
            _add(track, at, kick, 1.0)
        if step % 4 == 2:
            _add(track, at, snare, 0.7)
        _add(track, at, hat, 0.3)
    return track


def _voicing(name: ChordName, rng: np.random.Generator) -> tuple[int, list[int]]:
    low = 36 + (name.root + name.bass) % 12 + 12 * int(rng.random() < 0.4)
    tones = []
    for tone in name.pitch_classes:
        for octave in (4, 5, 6):
            if rng.random() < (0.75, 0.35, 0.12)[octave - 4]:
                tones.append(12 * octave + int(tone))
    have = {t % 12 for t in tones}
    tones += [60 + tone for tone in name.pitch_classes if tone not in have]
    return low, sorted(t for t in tones if t > low) or [72 + name.root]


def _music(rng: np.random.Generator) -> tuple[Sound, list[Any]]:
    beat = 60 / rng.uniform(60, 170)
    track = np.zeros(int(SECONDS * RATE))
    chords: list[Any] = []
    high, bass, lead = Timbre(rng), Timbre(rng), Timbre(rng)
    detune = rng.uniform(-0.5, 0.5)
    has_bass, has_lead = rng.random() < 0.8, rng.random() < 0.4
    strum = rng.choice([0, 1, 2])  # held, repeated, broken
    key = int(rng.integers(0, 12))
    at = 0.0
    while at < SECONDS:
        beats = int(rng.choice([1, 2, 2, 4, 4, 4, 8]))
        length = min(max(beats, 1) * beat, SECONDS - at)
        root = key + int(rng.choice([0, 2, 4, 5, 7, 9, 11, rng.integers(0, 12)]))
        quality = str(rng.choice(list(_SHARES), p=list(_SHARES.values())))
        steps = QUALITIES[quality]
        turned = has_bass and rng.random() < 0.2
        name = ChordName(root % 12, quality, int(rng.choice(steps[1:])) if turned else 0)
        if rng.random() < 0.04:
            chords.append((at, at + length, "N"))
            at += length
            continue
        low, tones = _voicing(name, rng)
        if not has_bass:
            lowest = tones[0]
            name = ChordName(name.root, quality, (lowest - name.root) % 12)
            if name.bass and quality in ("aug", "sus2", "sus4"):
                tones.insert(0, 48 + name.root)
                name = ChordName(name.root, quality)
        for number, tone in enumerate(tones):
            if strum == 0:
                _add(track, at, high.note(tone + detune, length), 0.2)
            else:
                grid = beat / 2
                for step in range(round(length / grid)):
                    if strum == 1 or step % len(tones) == number:
                        span = grid if strum == 1 else min(3 * grid, length - step * grid)
                        _add(track, at + step * grid, high.note(tone + detune, span), 0.25)
        if has_bass:
            for step in range(max(1, round(length / (2 * beat)))):
                here = step * 2 * beat
                span = min(2 * beat, length - here)
                if span > 0.05:
                    gain = rng.uniform(0.25, 0.6)
                    _add(track, at + here, bass.note(low + detune, span), gain)
        if has_lead:
            here = 0.0
            while here < length - 0.1:
                span = min(beat * float(rng.choice([0.5, 1, 2])), length - here)
                steps_up = [t + 60 for t in name.pitch_classes]
                if rng.random() < 0.3:
                    steps_up = [60 + (key + s) % 12 for s in (0, 2, 4, 5, 7, 9, 11)]
                tone = int(rng.choice(steps_up)) + 12 * int(rng.integers(0, 2))
                _add(track, at + here, lead.note(tone + detune, span), 0.25)
                here += span
        chords.append((at, at + length, spell(name)))
        at += length
    if rng.random() < 0.4:
        track += rng.uniform(0.1, 0.8) * drums(SECONDS, beat, rng)[: len(track)]
    return track, chords


def _nothing(rng: np.random.Generator) -> tuple[Sound, list[Any]]:
    """Passages without a chord, six seconds and longer, each of another kind."""
    parts: list[Sound] = []
    while sum(len(p) for p in parts) < SECONDS * RATE:
        seconds = float(rng.uniform(6, 16))
        count = int(seconds * RATE)
        kind = rng.integers(0, 7)
        timbre = Timbre(rng)
        part = np.zeros(count)
        if kind == 0:
            spectrum = np.fft.rfft(rng.normal(size=count))
            spectrum *= np.maximum(np.arange(len(spectrum)), 1) ** -rng.uniform(0, 1)
            part = np.fft.irfft(spectrum, count)
            part *= 0.1 / np.std(part)
        elif kind in (1, 2):
            part = drums(seconds, 60 / rng.uniform(60, 180), rng)[:count]
        elif kind == 3:  # one note, held, struck again or in octaves
            pitch = rng.uniform(33, 90)
            if rng.random() < 0.5:
                part = timbre.note(pitch, seconds)
            else:
                for at in np.arange(0, seconds, rng.uniform(0.3, 1.5)):
                    _add(part, at, timbre.note(pitch, 0.5), 0.3)
                if rng.random() < 0.5:
                    _add(part, 0, timbre.note(pitch - 12, seconds), 0.2)
        elif kind == 4:  # a voice alone: notes that slide
            at = 0.0
            while at < seconds:
                span = float(rng.uniform(0.15, 0.8))
                timbre.vibrato = float(rng.uniform(0.3, 2.5))
                _add(part, at, timbre.note(rng.uniform(45, 75), span), 0.3)
                at += span
        elif kind == 5:  # speech: gliding pulses through formants, with pauses
            t = np.arange(count) / RATE
            wander = np.interp(
                t,
                np.arange(0, seconds + 1, 0.25),
                rng.normal(0, 4, int(np.ceil((seconds + 1) / 0.25))),
            )
            frequency = rng.uniform(90, 220) * 2 ** (wander / 12)
            phase = 2 * np.pi * np.cumsum(frequency) / RATE
            formants = rng.uniform((300, 900, 2000), (900, 2000, 3500))
            for k in range(1, 25):
                around = np.exp(-np.abs(k * frequency[:, None] - formants) / 200).sum(axis=1)
                part += around * np.sin(k * phase) / k**0.5
            part *= 0.2 * (np.sin(2 * np.pi * t * rng.uniform(1.5, 4)) > -0.5)
            part += 0.02 * rng.normal(size=count)
        if kind != 3 and rng.random() < 0.3:
            part += 0.05 * rng.normal(size=count) * rng.random()
        parts.append(part)
    track = np.concatenate(parts)[: int(SECONDS * RATE)]
    return track, [(0.0, SECONDS, "N")]


def made_clips(seed: int, cache: Path) -> list[tuple[NDArray[np.float32], float, list[Any]]]:
    """Pitches [M, 252], tuning and chords of every clip; one in six holds no chord at all."""
    if cache.exists():
        with np.load(cache, allow_pickle=True) as kept:
            return list(kept["clips"])
    clips = []
    for number in range(COUNT):
        rng = np.random.Generator(np.random.Philox(key=[seed, number]))
        track, chords = _nothing(rng) if number % 6 == 0 else _music(rng)
        spectra = measure_song(Source(0.3 * track / max(1.0, float(np.abs(track).max()))))
        clips.append((spectra.pitches, spectra.tuning, chords))
    held = np.empty(len(clips), object)
    held[:] = clips
    np.savez(cache, clips=held)
    return clips
