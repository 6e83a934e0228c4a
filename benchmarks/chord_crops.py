"""Crops of songs to train the chord network with, disturbed in many ways.

Every crop is transposed and a little detuned; most are also filtered and have noise, drum hits or a
singing line added, or their bass or treble taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_analysis import chord_network as cn
from music_analysis.song_spectra import in_semitones

CROP = 400  # frames of 10 Hz
UNKNOWN = -1


@dataclass
class Item:
    """A song to learn from."""

    pitches: NDArray[np.float16]
    tuning: float
    level: float
    chord: NDArray[np.int16]
    bass: NDArray[np.int16]
    change: NDArray[np.float32]


def crop(item: Item, bank: Bank, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Cut out a piece, transpose and disturb it: features and targets at 5 Hz."""
    start = 2 * int(rng.integers(0, max(1, (len(item.pitches) - CROP) // 2 + 1)))
    pitches = item.pitches[start : start + CROP].astype(np.float32)
    real = len(pitches)
    if real < CROP:
        pitches = np.pad(pitches, ((0, CROP - real), (0, 0)))
    steps = int(rng.integers(-5, 7))
    level = item.level
    if rng.random() < 0.85:
        pitches = disturb(pitches, level, bank, rng)
    detune = float(np.clip(rng.normal(0, 0.06), -0.15, 0.15))
    whole = in_semitones(np.roll(pitches, 3 * steps, axis=1), item.tuning + detune)
    if steps > 0:
        whole[:, :steps] = 0
    elif steps < 0:
        whole[:, steps:] = 0
    rows = cn.features(whole, level)
    half = slice(start // 2, start // 2 + CROP // 2)
    chord, bass, change = (
        np.pad(a[half].astype(np.float32), (0, CROP // 2 - len(a[half])), constant_values=UNKNOWN)
        for a in (item.chord, item.bass, item.change)
    )
    chord, bass = chord.astype(np.int64), bass.astype(np.int64)
    tonal = (chord >= 0) & (chord < cn.CHORDS - 1)
    chord = np.where(tonal, chord // 12 * 12 + (chord % 12 + steps) % 12, chord)
    bass = np.where(bass >= 0, (bass + steps) % 12, bass)
    return rows, chord, bass, change


def disturb(
    pitches: NDArray[np.float32], level: float, bank: Bank, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Other equalization, noise, drum hits, a singing line, less bass or less treble."""
    place = np.arange(pitches.shape[1]) / 36  # octaves
    knots = rng.normal(0, 5, 8) + rng.normal(0, 3) * np.arange(8)
    gain = 10 ** (np.interp(place, np.arange(8), knots) / 20)
    chance = rng.random(4)
    if chance[0] < 0.12:  # no bass
        gain /= 1 + np.exp(-8 * (place - rng.uniform(1.2, 2.6)))
    elif chance[0] < 0.24:  # no treble
        gain /= 1 + np.exp(8 * (place - rng.uniform(3.0, 5.5)))
    pitches = pitches * gain.astype(np.float32)
    power = np.square(pitches)
    now = float(power.sum(axis=1).mean()) + 1e-6 * level**2
    if chance[1] < 0.4:
        color = 10 ** (rng.normal(0, 3) * place / 10)
        noise = bank.pick(bank.noise, rng) * (color / color.sum()).astype(np.float32)
        power += noise * np.float32(now * 10 ** rng.uniform(-5, -0.2))
    if chance[2] < 0.5:
        power += bank.pick(bank.hits, rng) * np.float32(now * 10 ** rng.uniform(-2.5, 0.3))
    if chance[3] < 0.3:
        power += bank.pick(bank.sung, rng) * np.float32(now * 10 ** rng.uniform(-2.4, -0.2))
    return np.sqrt(power)


class Bank:
    """Powers of disturbances, [many, CROP, 252], made once and moved in time for every use."""

    def __init__(self, rng: np.random.Generator, many: int = 48) -> None:
        size = (many, CROP, 252)
        self.noise = np.square(rng.standard_normal(size, np.float32))
        self.hits = np.stack([hits(CROP, 252, rng) for _ in range(many)])
        self.sung = np.stack([np.square(sung(CROP, 252, rng)) for _ in range(many)])

    def pick(self, kind: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """One of a kind, turned in time."""
        chosen = kind[rng.integers(0, len(kind))]
        return np.roll(chosen, int(rng.integers(0, CROP)), axis=0)


def hits(frames: int, bins: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Power of drum hits in time, smeared as the windows smear them; about 1 at a hit."""
    place = np.arange(bins) / 36
    out = np.zeros((frames, bins), np.float32)
    kinds = [np.exp(-0.5 * ((place - rng.uniform(0, 7)) / rng.uniform(0.5, 3)) ** 2) for _ in "123"]
    for at in np.arange(rng.uniform(0, 4), frames - 2, rng.uniform(2, 8)):
        shape = kinds[rng.integers(0, 3)]
        spread = np.square(rng.normal(size=bins)) * shape / shape.sum() * rng.uniform(0.3, 1)
        frame = int(at)
        out[frame] += spread
        out[frame + 1] += 0.3 * spread
        out[max(0, frame - 2) : frame + 3] += 0.4 * spread * (place < 2)
    return out


def sung(frames: int, bins: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Sing a melody that wavers and that need not fit the chords: magnitudes [frames, bins]."""
    curve = np.zeros(frames)
    loud = np.zeros(frames)
    at, note = 0, rng.uniform(60, 130)
    while at < frames:
        length = int(rng.integers(2, 12))
        note = np.clip(note + 3 * rng.integers(-5, 6), 60, 150)
        curve[at : at + length] = note
        loud[at : at + length] = rng.random() > 0.3
        at += length
    curve = np.convolve(curve, np.ones(2) / 2, "same") + 0.7 * np.sin(
        np.arange(frames) * rng.uniform(2, 4)
    )
    out = np.zeros((frames, bins), np.float32)
    slope = rng.uniform(0.6, 1.6)
    grid = np.arange(bins)
    for harmonic in range(1, 9):
        center = curve + 36 * np.log2(harmonic)
        out += loud[:, None] * harmonic**-slope * np.exp(-np.square(grid - center[:, None]) / 2)
    return (out / np.sqrt(np.square(out).sum() / frames + 1e-9)).astype(np.float32)
