"""The most likely beats, given how likely a beat is at each moment.

Knows activations (beats, and the tempo if there is a guess) at a constant rate; knows nothing of
sound, networks or bars. Two dynamic programs, so that six minutes cost some hundredths of a second:

1. the tempo: how well combs of beats at each tempo and phase fit the seconds around a moment, then
   the best path of tempos, where small changes are cheap and jumps are dear;
2. the beats: the sequence that lies on strong activations with intervals near those of that tempo
   (Ellis 2007, "Beat tracking by dynamic programming"), searched a block of moments at a time.

This is the tempo-phase state space of Krebs, Böck and Widmer (2015, "An efficient state-space model
for joint tempo and meter tracking"), with the tempo decided first.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from music_analysis.beat_network import TEMPOS, Activations
from music_analysis.windows import Floats

SLOWEST, FASTEST = 40.0, 226.0
_STEPS: Final = 32  # tempos to the octave
GRID: Final[NDArray[np.float64]] = SLOWEST * 2.0 ** (np.arange(81) / _STEPS)
"""Beats a minute: the tempos tried."""
_RATE: Final = 50  # Hz, of the activations
_FINE: Final = 100  # Hz, of the beats
_SPAN: Final = 5.0  # seconds to either side that a comb of beats reaches
_BAR_SPAN: Final = 12.0  # and one of bars
_BLOCK: Final = 75  # frames: the longest interval, in which every phase occurs
_BEAT, _BAR = 1.5, 4.0  # seconds: the longest beat and a long bar
_DOUBT: Final = 2.0  # nats: the most that doubt lifts
_BARS: Final = 3.0  # weight of the combs of bars
_METERS: Final = {2: 32, 3: 51, 4: 64}  # steps of the grid from a tempo down to that of its bars
_EVIDENCE: Final = 0.6  # weight of the combs
_GUESS: Final = 0.5  # weight a second of the network's guess of the tempo
_METER: Final = 0.3  # weight a second of the guess of the meter
_STRUCK: Final = 3.0  # nats between a strong onset and none
_ENOUGH: Final = 0.35  # an onset as strong as this share of a strong one is no news
_LIFT: Final = 0.5  # what any beat gains: without it, weak activations would favor few beats
_CHANGE: Final = 120.0  # cost of a change of tempo by an octave, per block
_JUMP: Final = 40.0  # the most that a change costs
_LOOSE: Final = 0.03  # octaves: intervals so near the tempo's are as good as exact
_STIFF: Final = 1500.0  # cost of an interval by squared octaves beyond
_RUN: Final = 8  # beats: fewer clear ones prove nothing
_PACE: Final = 32  # beats that tell the interval at the edge of a clear passage
_STRONG: Final = 0.7  # of the song's strong activations: clear
_EVEN: Final = 0.03  # mean change of the interval from beat to beat: regular
_SAME: Final = 0.015  # octaves between the tempos before and after a passage
_WHOLE: Final = 0.2  # intervals left over
_EXPECTED, _HOPED = 0.75, 0.6  # how likely beats are between clear passages, and beyond them
_AHEAD: Final = 64  # beats beyond
_WIDE: Final = 0.2  # octaves: intervals tried to either side of the tempo's


@dataclass(frozen=True)
class TempoPath:
    """The tempo through the song."""

    bpm: NDArray[np.float64]
    """[n] beats a minute at each frame at 50 Hz."""
    salience: NDArray[np.float64]
    """[81] mean score a second of each tempo in GRID: how well it fits the whole song."""


def evidence(activation: Floats, around: float) -> Floats:
    """Score of a beat at each frame: log odds, within ±4.

    Where even the peaks are more unlikely than not, because several levels or phases share them,
    all is lifted until the peaks are even: doubt is no reason to hear fewer beats.

    Parameters
    ----------
    activation
        [n] at 50 Hz.
    around
        Seconds in which there should be a peak.
    """
    inside = np.clip(activation, 0.02, 0.95)
    odds: Floats = np.log(inside / (1 - inside))
    size = int(around * _RATE)
    peaks = uniform_filter1d(maximum_filter1d(odds, size), 3 * size)
    odds += np.clip(-peaks, 0, _DOUBT)
    return odds


def score_beats(beat: Floats, struck: Floats) -> Floats:
    """Score of a beat at each frame at 50 Hz, from what the network and plain onsets say.

    Parameters
    ----------
    beat
        [n] how likely a beat is, at 50 Hz.
    struck
        [N] in [0, 1]: how strong an onset is beside its surroundings, at 100 Hz.
    """
    padded = np.zeros(2 * len(beat) + 1, np.float32)
    padded[1 : 1 + min(len(struck), 2 * len(beat))] = struck[: 2 * len(beat)]
    pooled = np.maximum(np.maximum(padded[0:-1:2], padded[1::2]), padded[2::2])
    scores: Floats = evidence(beat, _BEAT) + np.float32(_LIFT)
    scores += np.float32(_STRUCK) * (pooled - np.float32(_ENOUGH))
    return scores


def follow_tempo(score: Floats, heard: Activations) -> TempoPath:
    """Find the tempo at each frame.

    Parameters
    ----------
    score
        [n] of a beat at each frame, at 50 Hz (:func:`score_beats`).
    heard
        Where bars are likely, and the network's guesses of meter and tempo.
    """
    scores = _EVIDENCE * _combs(score, GRID, _SPAN)
    blocks = scores.shape[0]

    def mean(columns: Floats) -> Floats:
        """Over each block."""
        whole = len(columns) // _BLOCK
        averages = np.empty((blocks, columns.shape[1]), np.float32)
        averages[:whole] = (
            columns[: whole * _BLOCK].reshape(whole, _BLOCK, columns.shape[1]).mean(axis=1)
        )
        if whole < blocks:
            rest = columns[whole * _BLOCK :]
            padded = np.pad(rest, ((0, _BLOCK - len(rest)), (0, 0)), mode="edge")
            averages[whole] = padded[None].mean(axis=1)
        return averages

    # bars are as regular as beats: they tell half and double tempo apart
    lowest = max(_METERS.values())
    slow = SLOWEST * 2.0 ** (np.arange(-lowest, len(GRID) - min(_METERS.values())) / _STEPS)
    bars = _combs(evidence(heard.downbeat, _BAR), slow, _BAR_SPAN)
    meters = np.log(np.maximum(mean(heard.meter), 1e-3))
    scores += _BARS * np.max(
        [
            bars[:, lowest - steps : lowest - steps + len(GRID)] + _METER * meters[:, k, None]
            for k, steps in enumerate(_METERS.values())
        ],
        axis=0,
    )
    places = np.log2(GRID / TEMPOS[0]) * 16
    below = np.minimum(places.astype(np.int64), len(TEMPOS) - 2)
    share = np.clip(places - below, 0, 1)
    guess = mean(heard.tempo)
    fine = guess[:, below] * (1 - share) + guess[:, below + 1] * share
    scores += _GUESS * np.log(np.maximum(fine, 1e-4))
    scores *= _BLOCK / _RATE
    step = np.abs(np.arange(len(GRID))[:, None] - np.arange(len(GRID))) / _STEPS
    turn = np.minimum(_CHANGE * step, _JUMP)
    total = scores[0]
    came = np.zeros(scores.shape, np.int16)
    for k in range(1, blocks):
        options = total[None, :] - turn
        came[k] = options.argmax(axis=1)
        total = options.max(axis=1) + scores[k]
    path = np.empty(blocks, np.int64)
    path[-1] = int(total.argmax())
    for k in range(blocks - 1, 0, -1):
        path[k - 1] = came[k, path[k]]
    centers = (np.arange(blocks) + 0.5) * _BLOCK
    logs = np.interp(np.arange(len(score)), centers, np.log2(GRID[path]))
    # no glides through the tempos between, where the tempo jumps
    nearest = np.log2(GRID[path])[np.minimum(np.arange(len(score)) // _BLOCK, blocks - 1)]
    logs = np.where(np.abs(logs - nearest) > 0.1, nearest, logs)
    return TempoPath(2.0**logs, scores.mean(axis=0) * _RATE / _BLOCK)


def _combs(score: Floats, tempos: NDArray[np.float64], span: float) -> NDArray[np.float64]:
    """[blocks, T] score a second of the best phase of each tempo, around each block."""
    length = len(score)
    blocks = -(-length // _BLOCK)
    reach = int(span * _RATE)
    padded = np.full(blocks * _BLOCK + 2 * reach, np.float32(0), np.float32)
    padded[reach : reach + length] = score
    # a comb is as wide as its tooth: neighbors count, so that no tempo falls between frames
    padded[1:-1] = np.maximum(padded[1:-1], 0.75 * np.maximum(padded[:-2], padded[2:]))
    out = np.empty((blocks, len(tempos)))
    sums = np.empty(blocks * _BLOCK, np.float32)
    for k, bpm in enumerate(tempos):
        interval = 60 / bpm * _RATE
        teeth = int(reach / interval)
        sums[:] = 0
        weights = 0.0
        for tooth in range(-teeth, teeth + 1):
            shift = reach + round(tooth * interval)
            weight = 1 - abs(tooth * interval) / (reach + interval)
            sums += np.float32(weight) * padded[shift : shift + len(sums)]
            weights += weight
        best = sums.reshape(blocks, _BLOCK).max(axis=1)
        if interval > _BLOCK:  # the phases of a bar need more than a block
            best = maximum_filter1d(best, int(np.ceil(interval / _BLOCK)))
        out[:, k] = best * (bpm / 60 / weights)
    return out


def find_beats(score: Floats, bpm: NDArray[np.float64]) -> NDArray[np.int64]:
    """Frames at 100 Hz of the best sequence of beats, all through the song.

    Parameters
    ----------
    score
        [n] of a beat at each frame, at 50 Hz (:func:`score_beats`).
    bpm
        [n] the tempo there.
    """
    length = 2 * len(score)
    fine = np.empty(length, np.float32)
    fine[0::2] = score
    fine[1:-1:2] = 0.5 * (score[:-1] + score[1:])
    fine[-1] = score[-1]
    intervals = 60 / bpm * _FINE
    pad = int(intervals.max() * 2**_WIDE) + 2
    total = np.zeros(length + pad, np.float32)
    came = np.zeros(length, np.int32)
    ladders: dict[int, tuple[int, Floats]] = {}
    start = 0
    while start < length:
        now = float(intervals[start // 2])
        key = round(now * 4)
        if key not in ladders:
            shortest, longest = int(now / 2**_WIDE), int(np.ceil(now * 2**_WIDE))
            off = np.abs(np.log2(np.arange(shortest, longest + 1) / now))
            off = np.maximum(off - np.maximum(_LOOSE, np.log2(1 + 0.6 / now)), 0)
            ladders[key] = shortest, (-_STIFF * np.square(off))[::-1].astype(np.float32)
        shortest, costs = ladders[key]
        stop = min(start + shortest, length)
        longest = shortest + len(costs) - 1
        past = total[start + pad - longest : stop + pad - shortest]
        # windows of past, a step apart: sliding_window_view takes ten times as long for so few
        windows = as_strided(past, (stop - start, len(costs)), past.strides * 2, writeable=False)
        options = windows + costs
        choice = options.argmax(axis=1)
        best = options[np.arange(stop - start), choice]
        total[start + pad : stop + pad] = best + fine[start:stop]
        came[start:stop] = longest - choice
        start = stop
    tail = int(intervals[-1]) + 1
    frame = length - tail + int(total[-tail:].argmax()) if length >= tail else length - 1
    path = []
    while frame >= 0:
        path.append(frame)
        frame -= int(came[frame])
    return np.array(path[::-1], dtype=np.int64)


def carry_on(beat: Floats, frames: NDArray[np.int64]) -> Floats:
    """Beats where the pulse goes on through a passage that hardly shows it.

    Music made to a steady pulse keeps it through a break without drums, where the melody's
    syncopations would pull the beats aside. Where beats are clear and regular on both sides of
    such a passage, and a whole number of intervals fits between, they are likely there; beyond the
    first and the last clear beats less so.

    Parameters
    ----------
    beat
        [n] how likely a beat is, at 50 Hz.
    frames
        [B] the best beats without this knowledge, at 100 Hz.

    Returns
    -------
    ndarray of float32, [n]
        ``beat``, raised where the pulse is expected.
    """
    runs = _clear(beat, frames)
    out = beat.copy()

    def expect(places: NDArray[np.float64], likely: float) -> None:
        k = np.rint(places / 2).astype(np.int64)
        k = k[(k >= 0) & (k < len(out))]
        out[k] = np.maximum(out[k], likely)

    for (_, stop), (start, _) in itertools.pairwise(runs):
        before, after = _pace(frames[:stop][-_PACE:]), _pace(frames[start:][:_PACE])
        gap = float(frames[start] - frames[stop - 1])
        count = gap / np.sqrt(before * after)
        if abs(np.log2(before / after)) < _SAME and abs(count - round(count)) < _WHOLE:
            inner = np.arange(1, round(count)) / round(count)
            expect(frames[stop - 1] + gap * inner, _EXPECTED)
    if runs:
        first, last = runs[0][0], runs[-1][1]
        later = np.arange(1, _AHEAD + 1)
        expect(frames[first] - later * _pace(frames[first:][:_PACE]), _HOPED)
        expect(frames[last - 1] + later * _pace(frames[:last][-_PACE:]), _HOPED)
    return out


def _clear(beat: Floats, frames: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Find runs of beats, [start, stop), that are strong and regular."""
    if len(frames) < 2 * _RUN:
        return []
    strength = uniform_filter1d(beat[np.minimum(frames // 2, len(beat) - 1)], _RUN)
    intervals = np.diff(frames).astype(np.float64)
    uneven = np.abs(np.diff(intervals, prepend=intervals[:1])) / intervals
    uneven = uniform_filter1d(np.append(uneven, uneven[-1]), _RUN)
    clear = (strength > _STRONG * np.percentile(strength, 90)) & (uneven < _EVEN)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], clear.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= _RUN]


def _pace(frames: NDArray[np.int64]) -> float:
    """Mean interval."""
    return float(frames[-1] - frames[0]) / max(1, len(frames) - 1)
