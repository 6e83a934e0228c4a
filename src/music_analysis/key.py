"""Key: tonic and mode, over the whole song and along it.

Knows semitone spectra and chords; knows nothing of beats. Evidence for a key is taken relative to
its tonic, so that all twelve tonics share one set of weights for major and one for minor: how
strong each tone is (treble and bass chroma, overtones taken off), how long each chord sounds, and
which chords come first and last. The weights are learnt (multinomial logistic regression over the
24 keys, ``benchmarks/fit_key.py``); profiles of tones after Krumhansl 1990, "Cognitive Foundations
of Musical Pitch", and chords as evidence after Noland and Sandler 2006, "Key estimation using a
hidden Markov model".

Along the song the same is done in windows of half a minute, and the path through the 24 keys that
explains them best is found by Viterbi's algorithm; a change costs more the shorter the new key
lasts. What the song as a whole is in is asked of the key that lasts longest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from music_analysis.chord_labels import parse
from music_analysis.chords import Chords
from music_analysis.harmony import camelot, key_label
from music_analysis.song_spectra import PITCH_RATE, SongSpectra, in_semitones, measure_song
from music_analysis.spectra import SoundSource
from music_analysis.tempo import Tempo
from music_analysis.windows import Floats

Numbers = NDArray[np.float64]

PARTS: Final = {"treble": 12, "bass": 12, "chords": 24, "first": 24, "last": 24}
"""What is known of a stretch of music, and in how many numbers."""
ALONG: Final = ("treble", "bass", "chords")
"""What is known of a window: it has no first and last chord."""

WINDOW: Final = 10.0  # s: standard deviation of the windows along the song
_CHANGE: Final = 4.0  # cost of a change of key, in nats of a window's evidence
_SHORTEST: Final = 15  # s: a new key that lasts less is no modulation
_STRIDE: Final = 2  # every second frame: the windows of the spectra are longer than that
_BASS: Final = 24  # semitones from C1: below C3 is bass
_COMPRESSION: Final = 30.0
# share of a tone's strength that its overtones 2 to 6 are expected to have
_OVERTONES: Final = ((12, 0.45), (19, 0.35), (24, 0.3), (28, 0.2), (31, 0.15))
_OCTAVES: Final = np.array([0.3, 0.7, 1.0, 1.0, 0.8, 0.4, 0.1], np.float32)
_SILENT: Final = 1e-6  # magnitude
_MINOR: Final = ("min", "min7", "dim", "hdim7")
# not enough to tell: seconds of chords, number of chords, unevenness of the tones
_SECONDS: Final = 5.0
_CHORDS: Final = 1.6
_UNEVEN: Final = 0.25


@dataclass(frozen=True)
class KeyCandidate:
    """One of the 24 keys and how well it fits."""

    label: str
    """``"Gb major"``, ``"A minor"``: the usual spelling, as mir_eval reads it."""
    strength: float
    """Share of belief, [0, 1]; all 24 sum to 1."""


@dataclass(frozen=True)
class KeySegment:
    """A stretch of one key."""

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class Modulation:
    """A change of key."""

    time: float
    before: str
    after: str


@dataclass(frozen=True)
class Key:
    """The key of a song. ``label`` is None where there is not enough to tell."""

    label: str | None
    tonic: str | None
    mode: str | None
    """``"major"`` or ``"minor"``."""
    confidence: float
    """How likely ``label`` is right, [0, 1]."""
    ranking: tuple[KeyCandidate, ...]
    """All 24, best first; empty without a key."""
    segments: tuple[KeySegment, ...]
    """Keys along the song, without gaps; empty without a key."""
    modulations: tuple[Modulation, ...]
    camelot: str | None
    """Camelot wheel code as DJs use it, ``"8B"`` for C major."""
    tuning_hz: float
    """What the recording's A4 is, Hz; 440 where it cannot be told."""


@dataclass(frozen=True)
class Evidence:
    """Tones and chords of a song, second by second."""

    treble: Numbers
    """[S, 12] tone strengths."""
    bass: Numbers
    """[S, 12]."""
    chords: Numbers
    """[S, 24] seconds of 12 major and 12 minor chords."""

    def of(self, first: int, stop: int) -> Floats:
        """Everything of :data:`PARTS` in seconds ``first`` to ``stop``, [96], C for a tonic.

        First and last chords are only those of the song, not of a stretch inside it.
        """
        sums = [part[first:stop].sum(axis=0) for part in (self.treble, self.bass, self.chords)]
        shares = [part / max(float(part.sum()), 1e-9) for part in sums]
        ends = [np.zeros(24), np.zeros(24)]
        sounding = np.flatnonzero(self.chords.sum(axis=1) > 0.5)
        for place, end in ((0, 0), (-1, 1)):
            if len(sounding) and first <= sounding[place] < stop:
                ends[end][self.chords[sounding[place]].argmax()] = 1
        return np.concatenate([*shares, *ends]).astype(np.float32)

    def along(self) -> Floats:
        """Give :data:`ALONG` in windows around every second, [S, 48]."""
        shares = []
        for part in (self.treble, self.bass, self.chords):
            around = gaussian_filter1d(part, WINDOW, axis=0, mode="constant", truncate=2.5)
            shares.append(around / np.maximum(around.sum(axis=1, keepdims=True), 1e-9))
        return np.concatenate(shares, axis=1).astype(np.float32)


def analyze(source: SoundSource) -> Key:
    """Measure a sound and find its key; beats and chords are estimated on the way.

    Raises
    ------
    UserError
        If there is not a single sample.
    """
    from music_analysis import chords, tempo

    spectra = measure_song(source)
    beats = tempo.estimate(spectra)
    return estimate(spectra, beats, chords.estimate(spectra, beats))


def estimate(spectra: SongSpectra, tempo: Tempo, chords: Chords) -> Key:
    """Find the key of a song from its spectra and chords.

    Parameters
    ----------
    spectra
        Of the whole song.
    tempo
        Its bars: a modulation is put at a bar line.
    chords
        Its chords.
    """
    evidence = gather(spectra, chords)
    tuning = 440.0 * 2.0 ** (spectra.tuning / 12)
    enough = _enough(evidence)
    if enough == 0:
        return Key(None, None, None, 0.0, (), (), (), None, tuning)
    local = log_beliefs(evidence.along(), "along")
    path = _path(local, evidence.chords.sum(axis=1))
    longest = int(np.bincount(path, minlength=24).argmax())
    where = np.flatnonzero(path == longest)
    # the stretches of the key that lasts longest, from its first second to its last
    belief = np.exp(log_beliefs(evidence.of(int(where[0]), int(where[-1]) + 1)[None], "song")[0])
    order = np.argsort(-belief, kind="stable")
    best = int(order[0])
    confidence = float(belief[best]) * enough
    segments = _segments(path, local, best, longest, spectra.duration, tempo, enough)
    label = _label(best)
    return Key(
        label=label,
        tonic=label.split()[0],
        mode=label.split()[1],
        confidence=confidence,
        ranking=tuple(KeyCandidate(_label(int(k)), float(belief[k])) for k in order),
        segments=segments,
        modulations=tuple(Modulation(b.start, a.label, b.label) for a, b in pairwise(segments)),
        camelot=camelot(label),
        tuning_hz=tuning,
    )


def gather(spectra: SongSpectra, chords: Chords) -> Evidence:
    """Tones and chords of every second."""
    seconds = max(1, math.ceil(spectra.duration))
    treble, bass = _tones(in_semitones(spectra.pitches[::_STRIDE], spectra.tuning))
    second = np.arange(len(treble)) * _STRIDE // PITCH_RATE
    second = np.minimum(second, seconds - 1)
    borders = np.searchsorted(second, np.arange(seconds))
    # a last second shorter than a frame has none of its own
    borders = np.minimum(borders, len(treble) - 1)
    sums = [np.add.reduceat(part, borders, axis=0, dtype=np.float64) for part in (treble, bass)]
    lengths = np.zeros((seconds, 24))
    for chord in chords.segments:
        name = parse(chord.label)
        if name is None or chord.end <= chord.start:
            continue
        state = name.root + 12 * (name.quality in _MINOR)
        first, last = int(chord.start), min(math.ceil(chord.end), seconds)
        edges = np.clip(np.arange(first, last + 1, dtype=np.float64), chord.start, chord.end)
        lengths[first:last, state] += np.diff(edges)
    return Evidence(sums[0], sums[1], lengths)


def log_beliefs(features: Floats, kind: str) -> Numbers:
    """Log probabilities of the 24 keys, major first, [n, 24], by features, [n, 96] or [n, 48]."""
    weights = _weights()
    score = relative(features) @ weights[kind].T.astype(np.float64)  # [n, 12, 2]
    score[:, :, 1] += float(weights[f"{kind}_minor"][0])
    flat = score.transpose(0, 2, 1).reshape(len(features), 24)
    flat -= flat.max(axis=1, keepdims=True)
    logs: Numbers = flat - np.log(np.exp(flat).sum(axis=1, keepdims=True))
    return logs


def relative(features: Floats) -> Numbers:
    """Turn features, [n, D], to those against each tonic, [n, 12, D]."""
    rows = features.reshape(len(features), -1, 12)
    turned = [np.roll(rows, -tonic, axis=2).reshape(len(rows), -1) for tonic in range(12)]
    return np.stack(turned, axis=1).astype(np.float64)


@cache
def _weights() -> dict[str, Floats]:
    from safetensors.numpy import load

    loaded: dict[str, Floats] = load(
        files("music_analysis").joinpath("weights/key.safetensors").read_bytes()
    )
    return loaded


def _tones(semitones: Floats) -> tuple[Floats, Floats]:
    """Treble and bass chroma [M, 12]: compressed, above their surroundings, less overtones."""
    if not len(semitones):
        return np.zeros((1, 12), np.float32), np.zeros((1, 12), np.float32)
    level = np.sqrt(np.square(semitones).sum(axis=1))
    around = uniform_filter1d(level, 4 * PITCH_RATE // _STRIDE + 1, mode="nearest")
    # quiet passages count as much as loud ones, down to 60 dB under the loudest
    around = np.maximum(around, max(1e-3 * float(around.max(initial=0)), _SILENT))
    rows = np.log1p(semitones * (np.float32(_COMPRESSION) / around[:, None]))
    rows -= uniform_filter1d(rows, 13, axis=1, mode="nearest")
    np.maximum(rows, 0, out=rows)
    strengths = rows.copy()
    for shift, share in _OVERTONES:
        strengths[:, shift:] -= np.float32(share) * rows[:, :-shift]
    np.maximum(strengths, 0, out=strengths)
    octaves = strengths.reshape(len(strengths), -1, 12)
    treble = np.einsum("tok,o->tk", octaves, _OCTAVES)
    bass = octaves[:, : _BASS // 12].sum(axis=1) + np.float32(0.3) * octaves[:, _BASS // 12]
    return treble, bass


def _enough(evidence: Evidence) -> float:
    """How far there is enough to tell a key by, 0 to 1: time, different chords, uneven tones."""
    lengths = evidence.chords.sum(axis=0)
    seconds = float(lengths.sum())
    if seconds < _SECONDS:
        return 0.0
    part = lengths[lengths > 0] / seconds
    number = float(np.exp(-(part * np.log(part)).sum()))
    tones = evidence.treble.sum(axis=0)
    uneven = float(tones.std() / max(float(tones.mean()), 1e-9))
    if number < _CHORDS or uneven < _UNEVEN:
        return 0.0
    return (
        min(1.0, 0.3 + 0.7 * seconds / 30)
        * min(1.0, (number - 1) / 2)
        * min(1.0, (uneven - 0.15) / 0.25)
    )


def _path(local: Numbers, sounding: Numbers) -> NDArray[np.int64]:
    """Find the key of every second, [S]: the path that explains the windows best."""
    # windows overlap: each second tells what a window does, over its length
    gain = np.minimum(sounding, 1) / (WINDOW * math.sqrt(2 * math.pi))
    evidence = local * gain[:, None]
    came = np.zeros(local.shape, np.int64)
    cost = _costs()
    score = evidence[0].copy()
    for second in range(1, len(local)):
        moved = score[:, None] - cost
        came[second] = moved.argmax(axis=0)
        score = moved.max(axis=0) + evidence[second]
    path = np.empty(len(local), np.int64)
    path[-1] = int(score.argmax())
    for second in range(len(local) - 1, 0, -1):
        path[second - 1] = came[second, path[second]]
    return _without_short(path)


def _costs() -> Numbers:
    """Say what a change from one key to another costs, [24, 24]; none to stay.

    Twice as much to the relative key, whose scale is the same: songs waver between the two.
    """
    cost = np.full((24, 24), _CHANGE)
    np.fill_diagonal(cost, 0)
    major = np.arange(12)
    minor = (major + 9) % 12 + 12
    cost[major, minor] = cost[minor, major] = 2 * _CHANGE
    return cost


def _without_short(path: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give stretches that do not last to the longer of their neighbors."""
    while True:
        borders = np.flatnonzero(np.diff(path)) + 1
        edges = np.concatenate([[0], borders, [len(path)]])
        lengths = np.diff(edges)
        if len(lengths) == 1 or lengths.min() >= _SHORTEST:
            return path
        shortest = int(lengths.argmin())
        before = lengths[shortest - 1] if shortest > 0 else -1
        after = lengths[shortest + 1] if shortest + 1 < len(lengths) else -1
        source = edges[shortest] - 1 if before >= after else edges[shortest + 1]
        path[edges[shortest] : edges[shortest + 1]] = path[source]


def _segments(
    path: NDArray[np.int64],
    local: Numbers,
    best: int,
    longest: int,
    duration: float,
    tempo: Tempo,
    enough: float,
) -> tuple[KeySegment, ...]:
    """Stretches of one key; what lasts longest has the key of the song."""
    named = np.where(path == longest, best, path)
    borders = np.flatnonzero(np.diff(named)) + 1
    times = [_at_a_bar(float(border), tempo) for border in borders]
    edges = [0.0, *times, duration]
    bins = [0, *borders.tolist(), len(path)]
    found = []
    for number, (start, end) in enumerate(pairwise(edges)):
        first, stop = bins[number], bins[number + 1]
        key = int(named[first])
        mean = np.exp(local[first:stop, key]).mean()
        found.append(KeySegment(start, end, _label(key), float(mean) * enough))
    return tuple(found)


def _at_a_bar(time: float, tempo: Tempo) -> float:
    """Move a time to the nearest bar line, if there is one within 2 s."""
    if not len(tempo.downbeats):
        return time
    nearest = float(tempo.downbeats[np.abs(tempo.downbeats - time).argmin()])
    return nearest if abs(nearest - time) <= 2 else time


def _label(key: int) -> str:
    return key_label(key % 12, "minor" if key >= 12 else "major")
