"""Examples for the beat network: minutes of songs, changed at random, with their truth.

Knows how a song becomes the network's inputs and targets; knows nothing of torch. Beside songs
there are metronomes of any meter, and noise and onsets at random, where there is no beat at all.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_analysis import beat_network as net
from music_analysis.audio import load
from music_analysis.song_spectra import in_semitones, measure_song
from music_analysis.synth import SongSpec, make_song

Floats = NDArray[np.float32]
LENGTH = 3000  # frames at 50 Hz: one minute


@dataclass(frozen=True)
class Lesson:
    """A song as the network's inputs are made from it, and its truth."""

    level: NDArray[np.float16]
    change: Floats
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    meter: int


def lesson(folder: Path, cache: Path) -> Lesson:
    if not cache.exists():
        sound = next(p for p in sorted(folder.iterdir()) if p.name.startswith("audio."))
        spectra = measure_song(load(sound))
        cache.parent.mkdir(parents=True, exist_ok=True)
        fields = dataclasses.fields(spectra)
        np.savez(cache, **{f.name: np.asarray(getattr(spectra, f.name)) for f in fields})
    with np.load(cache) as file:
        power, semitones = file["onsets"], in_semitones(file["pitches"], float(file["tuning"]))
    truth = json.loads((folder / "ref.json").read_text(encoding="utf-8"))
    return Lesson(
        net.levels(power).astype(np.float16),
        net.changes(semitones),
        np.array(truth["beats"]),
        np.array(truth["downbeats"]),
        {"4/4": 4, "3/4": 3, "6/8": 2}[truth["time_signature"]],
    )


class Sound:
    """Samples as a source."""

    def __init__(self, samples: Floats) -> None:
        self.samples = samples

    def blocks(
        self,
        *,
        sample_rate: int | None = None,  # noqa: ARG002
        channels: int | None = None,  # noqa: ARG002
    ) -> Iterator[Floats]:
        """All at once; they are at 44.1 kHz already."""
        yield self.samples


def made_songs(count: int, random: np.random.Generator) -> list[Lesson]:
    """Compose songs by rule, in meters that the others lack."""
    lessons = []
    for k in range(count):
        tempo, meter = float(random.uniform(65, 190)), 2 + k % 6
        bars = max(4, round(32 * tempo / 60 / meter / 2))
        spec = SongSpec(
            tempo=tempo,
            key=str(random.choice(["C major", "F# minor", "Bb major", "E minor", "G major"])),
            meter=meter,
            sections=(("verse", bars), ("chorus", bars)),
            seed=1000 + k,
            swing=float(random.choice([0, 0, 0.2])),
        )
        song = make_song(spec)
        spectra = measure_song(Sound(song.samples))
        level, change = net.levels(spectra.onsets), net.changes(spectra.semitones())
        lessons.append(Lesson(level.astype(np.float16), change, song.beats, song.downbeats, meter))
    return lessons


def targets(
    beats: NDArray[np.float64], downbeats: NDArray[np.float64], meter: int
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """[2, n] beats and downbeats, spread over neighbors; meter and tempo classes, −1: unknown."""
    both = np.zeros((2, LENGTH), np.float32)
    for row, times in zip(both, (beats, downbeats), strict=True):
        place = times * net.RATE
        near = np.rint(place).astype(np.int64)
        for shift in (-1, 0, 1):
            k = near + shift
            value = 1 - 0.5 * np.abs(k - place)
            inside = (k >= 0) & (k < LENGTH)
            np.maximum.at(row, k[inside], value[inside].astype(np.float32))
    meters = np.full(LENGTH, -1)
    tempos = np.full(LENGTH, -1)
    if len(beats) > 4:
        frames = np.arange(LENGTH) / net.RATE
        inside = (frames >= beats[0]) & (frames <= beats[-1])
        meters[inside] = net.METERS.index(meter) if meter in net.METERS else -1
        bpm = 60 / np.interp(frames, beats[2:-2], (beats[4:] - beats[:-4]) / 4)
        tempos[inside] = np.clip(np.rint(16 * np.log2(bpm / net.TEMPOS[0])), 0, 41)[inside]
    return both, meters, tempos


def speed(random: np.random.Generator) -> NDArray[np.float64]:
    """Seconds of the song at each frame at 100 Hz of the example, from 0."""
    t = np.arange(2 * LENGTH) / 100
    rate = 2.0 ** (random.triangular(-0.32, 0, 0.32) if random.random() < 0.6 else 0.0)
    pace = np.full(len(t), rate)
    if random.random() < 0.3:
        depth, period = random.uniform(0, 0.06), random.uniform(8, 60)
        pace *= 1 + depth * np.sin(2 * np.pi * (t / period + random.random()))
    return np.concatenate([[0.0], np.cumsum(pace)[:-1] / 100])


def example(song: Lesson, random: np.random.Generator) -> tuple[Any, ...]:
    moments = speed(random)
    total = len(song.level) / 100
    begin = random.uniform(-8, max(0.0, total - moments[-1]) + 8)
    if random.random() < 0.1:
        begin = random.choice([0.0, total - moments[-1]])
    moments = moments + begin
    level = at(song.level, moments * 100)
    change = at(song.change, moments[::10] * 10)
    level = vary(level, random)
    back = np.interp
    # where the truth lies in the example
    t = np.arange(2 * LENGTH) / 100

    def place(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return back(times[(times >= moments[0]) & (times <= moments[-1])], moments, t)

    x = net.inputs(level, change, 0, LENGTH)
    return x, *targets(place(song.beats), place(song.downbeats), song.meter)


def at(rows: NDArray[Any], places: NDArray[np.float64]) -> Floats:
    """Rows between rows, zeros outside."""
    below = np.floor(places).astype(np.int64)
    share = (places - below).astype(np.float32)[:, None]
    a = rows[np.clip(below, 0, len(rows) - 1)].astype(np.float32)
    b = rows[np.clip(below + 1, 0, len(rows) - 1)].astype(np.float32)
    a += share * (b - a)
    a[(below < 0) | (below >= len(rows))] = 0
    return a


def vary(level: Floats, random: np.random.Generator) -> Floats:
    """Other gains of bands, noise, missing lows or highs, less dynamics."""
    bands = np.arange(level.shape[1])
    power = np.expm1(level * np.float32(math.log(10) / 10))
    curve = np.zeros(len(bands))
    if random.random() < 0.7:
        curve += random.normal(0, 4) * (bands / 16 - 1)
        curve += random.normal(0, 3) * np.cos(bands / random.uniform(3, 12) + random.uniform(0, 6))
    if random.random() < 0.1:
        curve[bands < random.integers(2, 14)] -= 40
    if random.random() < 0.1:
        curve[bands > random.integers(16, 30)] -= 40
    power *= (10 ** (curve / 10)).astype(np.float32)
    if random.random() < 0.3:
        noise = 10 ** (random.uniform(-0.5, 2.2) + random.normal(0, 0.3) * (bands / 16 - 1))
        # a window's power of noise is chi-squared
        power += (noise * random.gamma(2.0, 0.5, level.shape)).astype(np.float32)
    loud = float(np.percentile(power[::8], 99.5, axis=0).max())
    scale = 1e4 / max(loud, 1e-3) if loud > 100 else 1.0
    if random.random() < 0.2:
        scale *= 10 ** random.uniform(-1.5, 0)
    power *= np.float32(scale)
    return np.log10(1 + power, dtype=np.float32) * np.float32(10)


def clicks(random: np.random.Generator) -> tuple[Any, ...]:
    """Make a metronome with or without accents, subdivisions and gaps."""
    bpm = 2 ** random.uniform(math.log2(50), math.log2(210))
    meter = int(random.choice([2, 3, 4, 4, 5, 7]))
    t = np.arange(2 * LENGTH) / 100
    drift = 1 + random.choice([0, 0.03, 0.1]) * np.sin(2 * np.pi * (t / 40 + random.random()))
    phase = np.cumsum(drift * bpm / 60 / 100) + random.random()
    turns = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    share = (np.ceil(phase[turns]) - phase[turns]) / (phase[turns + 1] - phase[turns])
    beats = (turns + share) / 100
    number = np.arange(len(beats)) + random.integers(meter)
    first = number % meter == 0
    accent = random.random() < 0.6
    level = np.zeros((2 * LENGTH, 32), np.float32)
    shapes = [bump(random) for _ in range(3)]
    for time_, is_first in zip(beats, first, strict=True):
        strike(level, time_, shapes[0 if is_first and accent else 1], 0 if is_first else -3)
    parts = int(random.choice([1, 1, 2, 3, 4]))
    for a, b in itertools.pairwise(beats):
        for k in range(1, parts):
            strike(level, a + (b - a) * k / parts, shapes[2], -random.uniform(6, 15))
    x = net.inputs(vary(level, random), np.zeros((600, net.CHANGES), np.float32), 0, LENGTH)
    both, meters, tempos = targets(beats, beats[first], meter if accent else 0)
    if not accent:
        both[1] = -1
    return x, both, meters, tempos


def bump(random: np.random.Generator) -> Floats:
    bands = np.arange(32)
    width = random.uniform(3, 30)
    shape = 38 - 20 * ((bands - random.uniform(0, 32)) / width) ** 2
    decay = random.uniform(0.5, 6)
    fall = -decay * np.arange(40) - np.where(np.arange(40) < 40, 0, 0)
    return np.maximum(shape[None, :] + fall[:, None], 0).astype(np.float32)


def strike(level: Floats, moment: float, shape: Floats, gain: float) -> None:
    # a window of 46 ms hears a click 2 frames before and after
    frame = round(moment * 100) - 1
    for ahead, loss in ((-1, 12.0), (0, 3.0)):
        if 0 <= frame + ahead < len(level):
            k = frame + ahead
            level[k] = np.maximum(level[k], shape[0] + gain - loss)
    stop = min(len(level), frame + 1 + len(shape))
    if 0 <= frame + 1 < stop:
        part = level[frame + 1 : stop]
        np.maximum(part, shape[: len(part)] + np.float32(gain), out=part)


def nothing(random: np.random.Generator) -> tuple[Any, ...]:
    """Noise, held sounds and onsets at random: no beat at all."""
    level = np.zeros((2 * LENGTH, 32), np.float32)
    if random.random() < 0.6:
        mean = random.choice([0.15, 0.3, 0.6, 2.0])
        moment = 0.0
        shapes = [bump(random) for _ in range(4)]
        while moment < LENGTH / net.RATE:
            moment += random.exponential(mean) + 0.03
            strike(level, moment, shapes[random.integers(4)], random.uniform(-20, 0))
    if random.random() < 0.5:
        slow = random.normal(0, 5, (2 + LENGTH // 40, 32)).cumsum(axis=0) + random.uniform(5, 30)
        level += np.maximum(at(slow.astype(np.float32), np.arange(2 * LENGTH) / 90), 0)
    change = random.gamma(0.5, 0.1, (600, net.CHANGES)).astype(np.float32)
    x = net.inputs(vary(level, random), change, 0, LENGTH)
    none = np.full(LENGTH, -1)
    return x, np.zeros((2, LENGTH), np.float32), none, none


def plain_example(song: Lesson, random: np.random.Generator) -> tuple[Any, ...]:
    """Take a minute as it is."""
    begin = float(random.uniform(0, max(1.0, len(song.level) / 100 - 60)))
    places = np.arange(2 * LENGTH) + begin * 100
    x = net.inputs(at(song.level, places), at(song.change, places[::10] / 10), 0, LENGTH)
    cut = [
        times[(times >= begin) & (times < begin + 60)] - begin
        for times in (song.beats, song.downbeats)
    ]
    return x, *targets(cut[0], cut[1], song.meter)
