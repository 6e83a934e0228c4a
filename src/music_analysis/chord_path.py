"""From evidence at every step to a sequence of chords: a hidden Markov model with a metrical sense.

Knows steps of time, states and their log likelihoods; knows nothing of sound. A chord stays unless
the evidence pays for a change, and a change costs less on a beat than between beats and least at
the beginning of a bar (Papadopoulos and Peeters 2011, "Joint estimation of chords and downbeats
from an audio signal").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.tempo import Tempo
from music_analysis.windows import Floats

Seconds = NDArray[np.float64]

FIXED_STEP: Final = 0.15  # s: steps where there are no beats to go by
_ATTACK: Final = 0.010  # s: notes begin before their onsets are strongest, which is where beats are
_LONGEST_STEP: Final = 0.7  # s: half a beat at 43 bpm; longer gaps between beats are filled
_COLUMNS: Final = 24  # pooled at once
_SAME: Final = 0.03  # s: closer than that is the same moment
# Beat confidence from which on half beats are better steps than fixed ones: nearly always. In songs
# whose beats were far from sure, majmin was 0.03 higher with their half beats.
_TRUSTED: Final = 0.05

NONE, HALF, BEAT, BAR = 0, 1, 2, 3


@dataclass(frozen=True)
class Steps:
    """Half beats from 0 to the end of a song, or steps of fixed length where no beats are known."""

    times: Seconds
    """[K+1] borders, seconds."""
    place: NDArray[np.int8]
    """[K] what begins with the step: NONE (fixed steps), HALF, BEAT or BAR."""


def make_steps(tempo: Tempo, duration: float) -> Steps:
    """Cut a song into half beats; before the first beat and after the last one the pulse goes on.

    Parameters
    ----------
    tempo
        Its beats and downbeats; with fewer than four beats or little confidence the steps are
        fixed, :data:`FIXED_STEP` long.
    duration
        Seconds.
    """
    beats = np.unique(np.asarray(tempo.beats, np.float64)) - _ATTACK
    beats = beats[(beats >= 0) & (beats <= duration)]
    if len(beats) < 4 or tempo.beat_confidence < _TRUSTED:
        count = max(1, int(np.ceil(duration / FIXED_STEP - 1e-6)))
        times = np.minimum(np.arange(count + 1) * FIXED_STEP, duration)
        return Steps(times, np.zeros(count, np.int8))
    gaps = np.diff(beats)
    first, last = (max(float(np.median(g)), 0.2) for g in (gaps[:8], gaps[-8:]))
    before = beats[0] - first * np.arange(np.ceil(beats[0] / first), 0, -1)
    after = beats[-1] + last * np.arange(1, np.ceil((duration - beats[-1]) / last) + 1)
    pulse = np.concatenate([before, beats, after])
    parts = np.maximum(2 * np.ceil(np.diff(pulse) / (2 * _LONGEST_STEP)), 2).astype(np.int64)
    start = np.repeat(np.arange(len(parts)), parts)
    part = np.arange(len(start)) - np.repeat(np.cumsum(parts) - parts, parts)
    times = np.append(pulse[start] + part / parts[start] * np.diff(pulse)[start], pulse[-1])
    place = np.full(len(times), HALF, np.int8)
    place[np.append(part == 0, True)] = BEAT
    bars = np.asarray(tempo.downbeats, np.float64) - _ATTACK
    if len(bars):
        nearest = bars[np.searchsorted(0.5 * (bars[1:] + bars[:-1]), times)]
        place[np.abs(nearest - times) < _SAME] = BAR
    inside = (times > _SAME) & (times < duration - _SAME)
    at_zero = place[np.abs(times) <= _SAME].max(initial=HALF)
    return Steps(
        np.concatenate([[0.0], times[inside], [duration]]),
        np.concatenate([[at_zero], place[inside]]).astype(np.int8),
    )


def pool(rows: Floats, rate: float, times: Seconds, *, first: float = 0.0) -> Floats:
    """Mean of frames within each step, [T, n] to [K, n].

    Frame i is at first + i / rate seconds and speaks for half a frame before and after.
    """
    if len(rows) == 0:
        return np.zeros((len(times) - 1, rows.shape[1]), np.float32)
    at = np.clip((times - first) * rate + 0.5, 0, len(rows))
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(rows))
    part = (at - low)[:, None]
    span = np.diff(at)
    pooled = np.empty((len(span), rows.shape[1]), np.float32)
    # some columns at a time: sums of all would be several times as large as the rows
    for column in range(0, rows.shape[1], _COLUMNS):
        some = slice(column, column + _COLUMNS)
        sums = np.zeros((len(rows) + 1, len(rows[0, some])))
        np.cumsum(rows[:, some], axis=0, dtype=np.float64, out=sums[1:])
        upto = sums[low] * (1 - part) + sums[high] * part
        pooled[:, some] = np.diff(upto, axis=0) / np.maximum(span, 1e-6)[:, None]
    empty = span < 1e-6  # beyond the last frame
    pooled[empty] = rows[np.minimum(low[:-1][empty], len(rows) - 1)]
    return pooled


def best_path(evidence: Floats, change: Floats) -> NDArray[np.int64]:
    """States that explain the evidence best, by Viterbi's algorithm.

    Parameters
    ----------
    evidence
        [K, states] log likelihood of every step.
    change
        [K] log probability of a change at the beginning of the step.

    Returns
    -------
    ndarray of int64, [K]
    """
    steps, states = evidence.shape
    came = np.zeros((steps, states), np.int16)  # two hours: 25 MB for 400 states
    score = evidence[0].astype(np.float64)
    own = np.arange(states)
    for step in range(1, steps):
        best = int(score.argmax())
        arrived = float(score[best]) + change[step]
        stay = score >= arrived
        came[step] = np.where(stay, own, best)
        score = np.where(stay, score, arrived) + evidence[step]
    path = np.empty(steps, np.int64)
    path[-1] = int(score.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came[step, path[step]]
    return path
