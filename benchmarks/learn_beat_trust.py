"""Fit how far to trust tempo, beats and bars: ``benchmarks/learn_beat_trust.py --data FOLDER``.

FOLDER is that of ``learn_beats.py``; the held songs are used, since the network knows the others by
heart: as they are, spoiled by noise and lost bands, and played unevenly; and noise, drones, speech
rhythms and onsets at random. Prints the weights for ``music_analysis/tempo_trust.py`` and how
reliable they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_analysis.song_spectra import SongSpectra, measure_song
from music_analysis.tempo import Tempo, follow

ROOT = Path(__file__).parents[1]
RATE = 44_100
Array = NDArray[np.float64]


class Sound:
    """Mono samples as a source."""

    def __init__(self, samples: Array) -> None:
        self.samples = np.tile(samples.astype(np.float32), (2, 1))

    def blocks(
        self,
        *,
        sample_rate: int | None = None,  # noqa: ARG002
        channels: int | None = None,  # noqa: ARG002
    ) -> Iterator[NDArray[np.float32]]:
        """All at once; they are at 44.1 kHz already."""
        yield self.samples


def spoiled(spectra: SongSpectra, random: np.random.Generator) -> SongSpectra:
    """Noise at some decibels under the music, and lost bands."""
    power = spectra.onsets.astype(np.float64)
    loud = np.percentile(power[::8].sum(axis=1), 90)
    noise = loud * 10 ** random.uniform(-4, -1) / power.shape[1]
    power = power + noise * random.gamma(2.0, 0.5, power.shape)
    lost = int(random.integers(0, 20))
    power[:, :lost] *= 1e-4
    return replace(spectra, onsets=power.astype(np.float32))


def uneven(
    spectra: SongSpectra, beats: Array, random: np.random.Generator, depth: float
) -> tuple[SongSpectra, Array]:
    """Played with intervals that vary by ``depth`` (standard deviation over mean)."""
    moments = np.concatenate([[0.0], beats, [spectra.duration]])
    steps = np.diff(moments) * np.exp(random.normal(0, depth, len(moments) - 1))
    new = np.concatenate([[0.0], np.cumsum(steps)])

    def warp(rows: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
        places = np.interp(np.arange(int(new[-1] * rate)) / rate, new, moments) * rate
        return rows[np.clip(np.rint(places).astype(int), 0, len(rows) - 1)]

    changed = replace(spectra, onsets=warp(spectra.onsets, 100), pitches=warp(spectra.pitches, 10))
    return changed, np.interp(beats, moments, new)


def beatless(random: np.random.Generator) -> Array:
    """Half a minute without a beat."""
    n = 30 * RATE
    t = np.arange(n) / RATE
    kind = random.integers(5)
    if kind == 0:  # noise of some color
        lines = np.fft.rfft(random.standard_normal(n))
        x = np.fft.irfft(lines * np.arange(1, len(lines) + 1.0) ** -random.uniform(0, 1), n)
    elif kind == 1:  # a drone that swells
        notes = random.uniform(80, 600, 4)
        x = sum(
            np.sin(2 * np.pi * f * t)
            * (1 + 0.5 * np.sin(2 * np.pi * random.uniform(0.02, 0.2) * t))
            for f in notes
        )
    elif kind == 2:  # syllables: bursts at random, half voice and half noise
        moments = np.cumsum(random.gamma(3, random.uniform(0.05, 0.09), 300))
        envelope = np.zeros(n)
        for moment in moments[moments < 29]:
            k, width = int(moment * RATE), int(random.uniform(0.05, 0.2) * RATE)
            envelope[k : k + width] += np.hanning(width)[: n - k] * random.uniform(0.3, 1)
        pitch = 120 * np.exp(np.interp(t, np.arange(31), random.normal(0, 0.15, 31)))
        voice = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / RATE))
        x = envelope * (voice + random.standard_normal(n))
    else:  # notes or clicks at random
        x = np.zeros(n)
        moments = np.cumsum(random.exponential(random.uniform(0.2, 1.0), 300))
        decay = np.exp(-np.arange(RATE // 2) / RATE / random.uniform(0.01, 0.3))
        for moment in moments[moments < 29]:
            k = int(moment * RATE)
            wave = (
                np.sin(2 * np.pi * random.uniform(100, 1500) * np.arange(RATE // 2) / RATE)
                if kind == 3
                else random.standard_normal(RATE // 2)
            )
            x[k : k + RATE // 2] += wave * decay * random.uniform(0.2, 1)
    return 0.3 * np.asarray(x) / np.abs(x).max()


def share_found(truth: Array, found: Array) -> float:
    """Beat F-measure, 70 ms."""
    if not len(truth) or not len(found):
        return 0.0
    hits = np.abs(found[None, :] - truth[:, None]).min(axis=1) < 0.07
    return 2 * float(hits.sum()) / (len(truth) + len(found))


def verdicts(tempo: Tempo, bpm: float, beats: Array, downbeats: Array, *, one: bool) -> list[bool]:
    """Whether tempo, beats (at some level) and bars are right."""
    assert tempo.bpm is not None
    half = (beats[:-1] + beats[1:]) / 2
    levels = [beats, half, beats[::2], beats[1::2], np.sort(np.concatenate([beats, half]))]
    return [
        one and abs(tempo.bpm / bpm - 1) < 0.04,
        one and max(share_found(level, tempo.beats) for level in levels) > 0.85,
        one and share_found(downbeats, tempo.downbeats) > 0.85,
    ]


def fit(x: Array, y: Array, penalty: float = 1.0) -> Array:
    """Fit a logistic regression by Newton's method; the penalty is on standardized slopes."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([np.ones(len(x)), (x - mean) / scale])
    w = np.zeros(z.shape[1])
    ridge = penalty * np.eye(len(w))
    ridge[0, 0] = 0
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ w))
        hessian = z.T @ (z * (p * (1 - p))[:, None]) + ridge
        w += np.linalg.solve(hessian + 1e-6 * np.eye(len(w)), z.T @ (y - p) - ridge @ w)
    slopes = w[1:] / scale
    return np.concatenate([[w[0] - slopes @ mean], slopes])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    random = np.random.Generator(np.random.Philox(7))
    clues, truths = [], []

    def learn(spectra: SongSpectra, *truth: Array | float, one: bool) -> None:
        found = follow(spectra)
        if found is not None:
            clues.append(astuple(found[1]))
            bpm, beats, downbeats = truth
            truths.append(verdicts(found[0], float(bpm), beats, downbeats, one=one))

    for ref in sorted((options.data / "held").glob("*/ref.json")):
        cache = options.data / "feat" / "held" / f"{ref.parent.name}.npz"
        truth = json.loads(ref.read_text(encoding="utf-8"))
        with np.load(cache) as file:
            spectra = SongSpectra(
                duration=float(file["duration"]),
                onsets=file["onsets"],
                pitches=file["pitches"],
                tuning=float(file["tuning"]),
                loudness=file["loudness"],
                peaks=file["peaks"],
                true_peak=1.0,
                wave=file["wave"],
                mono=False,
            )
        beats, downbeats = np.array(truth["beats"]), np.array(truth["downbeats"])
        bpm = truth["tempo"]
        learn(spectra, bpm, beats, downbeats, one=True)
        begin = float(random.uniform(0, spectra.duration * 0.7))
        length = float(random.uniform(8, 40))
        part = replace(
            spectra,
            onsets=spectra.onsets[int(begin * 100) :][: int(length * 100)],
            pitches=spectra.pitches[int(begin * 10) :][: int(length * 10)],
        )
        offset = int(begin * 10) / 10 if int(begin * 100) % 10 == 0 else int(begin * 100) / 100
        inside = [t[(t > offset) & (t < offset + length)] - offset for t in (beats, downbeats)]
        if len(inside[0]) > 4:
            learn(spoiled(part, random), bpm, *inside, one=True)
        depth = float(random.uniform(0.15, 0.4))
        warped, moved = uneven(part, inside[0], random, depth)
        if len(moved) > 4:
            learn(warped, bpm, moved, moved[:0], one=depth < 0.15)
    for _ in range(60):
        none = np.zeros(0)
        learn(measure_song(Sound(beatless(random))), 1e9, none, none, one=False)
    x, y = np.array(clues), np.array(truths, float)
    print(len(x), "examples; right:", y.mean(axis=0).round(3))
    for k, name in enumerate(("TEMPO", "BEATS", "BARS")):
        w = fit(x, y[:, k])
        p = 1 / (1 + np.exp(-(w[0] + x @ w[1:])))
        print(f"{name}: Final = ({', '.join(f'{v:.2f}' for v in w)})")
        order = np.array_split(np.argsort(p), 5)
        print(
            "  predicted, right:", *((p[o].mean().round(2), y[o, k].mean().round(2)) for o in order)
        )


if __name__ == "__main__":
    main()
