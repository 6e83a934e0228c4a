"""The chord network: what chord, what bass and what change of chord a song's spectra show.

Knows semitone spectra and weights; knows nothing of beats or labels' spelling. The network is the
same in every key by construction: after a first layer that looks along the pitch axis for tones and
their overtones, everything is a stack of 12 pitch classes × channels, mixed by weights that depend
on the interval between two pitch classes only (a circular convolution; McFee and Bello 2017,
"Structured training for large-vocabulary chord recognition", name the parts of a chord in their
outputs likewise). Time is looked at through dilated taps, ±6 seconds in all.

Trained by ``benchmarks/learn_chords.py``; the weights and how they were made are described in
``weights/chords.md``. Rates: spectra come at 10 Hz, evidence goes out at 5 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from scipy.ndimage import uniform_filter1d

from music_analysis.chord_labels import NAMES
from music_analysis.convolution import relu, sigmoid, softmax
from music_analysis.song_spectra import PITCH_RATE, SEMITONES
from music_analysis.windows import Floats

RATE: Final = PITCH_RATE / 2  # Hz
CHORDS: Final = 12 * len(NAMES) + 1
"""Chords that are told apart: ``12 · quality + root``, and none as the last."""
DILATIONS: Final = (1, 1, 2, 4, 8)
TAPS: Final = 5
LOWEST_OVERTONE, HIGHEST_OVERTONE = -24, 31  # semitones that the first layer looks down and up
_OCTAVES: Final = SEMITONES // 12
_GAIN: Final = 100.0  # compression: what is 40 dB below the sum of all pitches is near the knee
_LEVEL_FRAMES: Final = 4 * PITCH_RATE + 1
_QUIET: Final = 1e-3  # share of the song's level below which a passage is silent (-60 dB)
_SILENT: Final = 1e-6  # -120 dB: rounding noise


@dataclass(frozen=True)
class Evidence:
    """What the network hears at 5 Hz: row j is at (2 j + ½) / 10 seconds."""

    chords: Floats
    """[T, CHORDS] probabilities, rows sum to 1."""
    bass: Floats
    """[T, 12] probability that the lowest note is C, C#, … B."""
    change: Floats
    """[T] probability that a chord begins within 0.2 s."""


def song_level(semitones: Floats) -> float:
    """Loudest sum of all pitches over 4 seconds: what silence is measured against."""
    return float(np.sqrt(_around(semitones).max(initial=0)))


def _around(semitones: Floats) -> Floats:
    power = np.square(semitones).sum(axis=1)
    # running sums may fall below zero by rounding
    mean = uniform_filter1d(power, _LEVEL_FRAMES, mode="nearest")
    around: Floats = np.maximum(mean, 0).astype(np.float32)
    return around


def features(semitones: Floats, loudest: float) -> Floats:
    """Compressed semitones over their own level, [M, 84] at 10 Hz to [(M + 1) / 2, 84] at 5 Hz.

    The level is the sum over ±2 seconds, so that gain and slow fades change nothing; passages more
    than 60 dB below ``loudest`` stay silent.
    """
    level = np.maximum(np.sqrt(_around(semitones)), max(_QUIET * loudest, _SILENT))
    rows = np.log1p(semitones * (_GAIN / level).astype(np.float32)[:, None])
    if len(rows) % 2:
        rows = np.concatenate([rows, rows[-1:]])
    pairs: Floats = 0.5 * (rows[0::2] + rows[1::2])
    return pairs


@dataclass(frozen=True)
class ChordNetwork:
    """Weights, ready for matrix products."""

    tones: Floats
    """[84, 84 · K] the first layer."""
    tones_bias: Floats
    """[84 · K]"""
    fold: Floats
    """[12, octaves · K, C] from tones to channels of each pitch class."""
    fold_bias: Floats
    """[C]"""
    time: Floats
    """[blocks, taps, 12 · C]"""
    time_bias: Floats
    """[blocks, 12 · C]"""
    mix: Floats
    """[blocks, 12 · C, 12 · C]"""
    mix_bias: Floats
    """[blocks, 12 · C]"""
    heads: Floats
    """[12 · C, CHORDS + 12 + 1]"""
    heads_bias: Floats
    """[CHORDS + 12 + 1]"""

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> ChordNetwork:
        """Spread the shared weights, as the file holds them, over the pitch classes."""
        w = {name: np.asarray(values, np.float32) for name, values in arrays.items()}
        filters = w["tones"].shape[0]
        channels = w["fold_bias"].shape[0]
        tones = np.zeros((SEMITONES, SEMITONES, filters), np.float32)
        for offset in range(LOWEST_OVERTONE, HIGHEST_OVERTONE + 1):
            at = np.arange(max(0, -offset), min(SEMITONES, SEMITONES - offset))
            tones[at + offset, at] = w["tones"][:, offset - LOWEST_OVERTONE]
        # register weights are known at the Cs and go straight from one to the next
        part = (np.arange(12, dtype=np.float32) / 12)[:, None, None, None]
        fold = (1 - part) * w["fold"][None, :-1] + part * w["fold"][None, 1:]
        root = spread(w["roots"]).reshape(12 * channels, 12, len(NAMES))
        invariant = np.tile(w["whole"], (12, 1)) / np.float32(12)
        heads = np.concatenate(
            [
                root.transpose(0, 2, 1).reshape(12 * channels, -1),
                invariant[:, :1],
                spread(w["bass"]),
                invariant[:, 1:],
            ],
            axis=1,
        )
        bias = np.concatenate(
            [np.repeat(w["roots_bias"], 12), w["whole_bias"][:1], np.zeros(12), w["whole_bias"][1:]]
        )
        return cls(
            tones=tones.reshape(SEMITONES, -1),
            tones_bias=np.tile(w["tones_bias"], SEMITONES),
            fold=fold.reshape(12, _OCTAVES * filters, channels).astype(np.float32),
            fold_bias=w["fold_bias"],
            time=np.tile(w["time"], 12),
            time_bias=np.tile(w["time_bias"], 12),
            mix=np.stack([spread(m) for m in w["mix"]]),
            mix_bias=np.tile(w["mix_bias"], 12),
            heads=np.ascontiguousarray(heads),
            heads_bias=bias.astype(np.float32),
        )

    def logits(self, rows: Floats) -> Floats:
        """[T, 84] features to [T, CHORDS + 12 + 1] logits of chords, bass and change."""
        out = np.empty((len(rows), len(self.heads_bias)), np.float32)
        # page by page: what is worked on stays in the cache, and memory does not grow with the song
        reach = TAPS // 2 * sum(DILATIONS)
        for start in range(0, len(rows), _PAGE):
            first = max(0, start - reach)
            stop = min(len(rows), start + _PAGE)
            page = self._page(rows[first : min(len(rows), stop + reach)])
            out[start:stop] = page[start - first : stop - first]
        return out

    def _page(self, rows: Floats) -> Floats:
        length = len(rows)
        found = relu(rows @ self.tones + self.tones_bias)
        octaves = found.reshape(length, _OCTAVES, 12, -1).transpose(2, 0, 1, 3)
        folded = octaves.reshape(12, length, -1) @ self.fold + self.fold_bias
        state = relu(np.ascontiguousarray(folded.transpose(1, 0, 2)).reshape(length, -1))
        for block, dilation in enumerate(DILATIONS):
            seen = np.empty_like(state)
            seen[:] = self.time_bias[block]
            for tap in range(TAPS):
                shift = (tap - TAPS // 2) * dilation
                low, high = max(0, -shift), min(length, length - shift)
                if low < high:
                    seen[low:high] += state[low + shift : high + shift] * self.time[block, tap]
            state += relu(seen) @ self.mix[block]
            state += self.mix_bias[block]
        logits: Floats = relu(state) @ self.heads + self.heads_bias
        return logits

    def listen(self, rows: Floats) -> Evidence:
        """Hear what chords sound in the features of a whole song, [T, 84] at 5 Hz."""
        logits = self.logits(rows)
        return Evidence(
            chords=softmax(logits[:, :CHORDS]),
            bass=softmax(logits[:, CHORDS : CHORDS + 12]),
            change=sigmoid(logits[:, -1]),
        )


_PAGE: Final = 1024  # rows worked on at once: 200 seconds


def spread(kernel: Floats) -> Floats:
    """Weights by interval to a full matrix: [12, inputs, outputs] to [12 · inputs, 12 · outputs].

    ``kernel[k]`` leads from pitch class p to pitch class p − k: k semitones above the output.
    """
    intervals = (np.arange(12)[:, None] - np.arange(12)) % 12
    full = kernel[intervals].transpose(0, 2, 1, 3)
    matrix: Floats = np.ascontiguousarray(full).reshape(12 * kernel.shape[1], -1)
    return matrix


@cache
def load() -> ChordNetwork:
    """Read the trained weights that come with the package."""
    from safetensors.numpy import load as read

    file = resources.files("music_analysis") / "weights" / "chords.safetensors"
    return ChordNetwork.from_arrays(read(file.read_bytes()))
