"""Beats and bars from onset strengths.

Knows one onset curve at a constant rate, and if given a curve of low onsets and one of harmonic
change; knows nothing of spectra or video. Method: the beats are the path through a tempo-phase
state space that explains the onsets best, found by Viterbi's algorithm (Krebs, Böck and Widmer
2015, "An efficient state-space model for joint tempo and meter tracking"): the tempo may change at
beats only, so the search is over (time of beat, interval before it), and a block of times as long
as the shortest interval is computed at once. Confidence is how well the onsets repeat after a beat.

Units: seconds, beats a minute; confidence and strengths in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

Floats = NDArray[np.float32]
Seconds = NDArray[np.float64]

SLOWEST, FASTEST = 50.0, 210.0  # beats a minute
_RATE: Final = 100.0  # Hz: what the search runs at
_CENTER, _SPREAD = (
    110.0,
    1.0,
)  # bpm, octaves: a mild prior (human tempo preference is 120 ± 1 octave)
_PRIOR: Final = 0.2  # per beat-second
_THRESHOLD: Final = 0.35  # a moment as strong as this share of a strong onset is a beat or is not
_HALF: Final = 0.25  # what an onset halfway between beats adds
_CHANGE: Final = 60.0  # cost of a change of the interval by 100 % (Krebs: 100 with other units)
_NEAR: Final = 0.25  # of it for a change by one frame
_REACH: Final = 8  # the interval changes by at most so many steps of 10 ms at a beat
_LOW: Final = 0.5  # weight of low onsets beside all onsets
_QUIET: Final = 0.5  # dB: a curve that never rises by this much holds no onsets


@dataclass(frozen=True)
class BeatGrid:
    """Beats and bars.

    ``confidence`` in [0, 1] tells how far to trust the grid: above 0.9 for clicks, about 0.3 to 0.8
    for music with a beat, below 0.3 for noise, drones and silence (``bpm`` is then often None).
    """

    bpm: float | None
    confidence: float
    beats: Seconds
    """[B] times of the beats, ascending."""
    downbeats: Seconds
    """[D] those beats that begin a bar."""
    alternatives: tuple[tuple[float, float], ...]
    """(bpm, strength) of related tempos, strongest first; strength 1 is as good as ``bpm``."""
    meter: int = 4
    """Beats to a bar."""


_NONE: Final = BeatGrid(None, 0.0, np.zeros(0), np.zeros(0), ())


def track_beats(
    onset: Floats, rate: float, low: Floats | None = None, change: Floats | None = None
) -> BeatGrid:
    """Find the beats of an onset curve.

    Parameters
    ----------
    onset
        float [N], dB of rise (:class:`music_analysis.onsets.Onsets`); frame k is at k / rate s.
    rate
        Hz, 40 or more.
    low, change
        float [N], any unit: onsets below 250 Hz (or their energy) and change of harmony. Both
        vote for the first beat of the bar.
    """
    length = int(np.ceil(len(onset) / rate * _RATE))
    if len(onset) == 0 or length < 2 * 60 / FASTEST * _RATE or float(onset.max()) < _QUIET:
        return _NONE
    times = np.arange(length) / _RATE
    curves = [
        np.zeros(length) if c is None else np.interp(times, np.arange(len(c)) / rate, c)
        for c in (onset, low, change)
    ]
    # a bass drum says more about the beat than a hi-hat that is as loud
    clear = activation(curves[0] + _LOW * curves[1])
    frames = _search(clear)
    frames = _with_sound(frames, clear)
    if len(frames) < 3:
        return _NONE
    beats = _refined(frames, clear) / _RATE
    span = min(8, len(beats) - 1)
    bpm = 60.0 * span / float(np.median(beats[span:] - beats[:-span]))
    confidence, similarity = _trust(clear, frames)
    meter, first = _bar(frames, curves[1], curves[2])
    return BeatGrid(
        bpm=bpm,
        confidence=confidence,
        beats=beats,
        downbeats=beats[first::meter],
        alternatives=_alternatives(bpm, similarity),
        meter=meter,
    )


def activation(onset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Onsets over their surroundings, strong ones near 1 in loud and in quiet passages."""
    smooth = gaussian_filter1d(onset, 1.5, mode="constant")
    over = np.maximum(smooth - uniform_filter1d(smooth, int(_RATE), mode="constant"), 0)
    # local strength: the mean of what is above, weighted by itself, over ±5 s
    window = int(10 * _RATE)
    first = uniform_filter1d(over, window, mode="reflect")
    second = uniform_filter1d(np.square(over), window, mode="reflect")
    local = second / np.maximum(first, 1e-9)
    overall = float(np.square(over).mean() / max(float(over.mean()), 1e-9))
    scale = np.maximum(local, 0.3 * overall)
    return np.minimum(over / np.maximum(1.25 * scale, 0.25 * _QUIET), 1.0)


def _search(activation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Frames of the beats on the best path; the first may lie anywhere in the first interval."""
    shortest, longest = int(60 / FASTEST * _RATE), int(np.ceil(60 / SLOWEST * _RATE))
    interval = np.arange(shortest, longest + 1)
    count, length = len(interval), len(activation)
    octaves = np.log2(60 * _RATE / interval / _CENTER) / _SPREAD
    prior = (-_PRIOR * 0.5 * np.square(octaves) * interval / _RATE).astype(np.float32)
    steps = np.arange(-_REACH, _REACH + 1)
    # turn[j, k]: from the interval j + steps[k] before a beat to the interval j after it. Krebs'
    # cost is linear in the change; here one frame is nearly free, for an interval that lies between
    # two whole frames needs both
    far = np.maximum(np.abs(steps) - 1, 0) + _NEAR * (steps != 0)
    turn = (-_CHANGE * far[None, :] / interval[:, None]).astype(np.float32)
    # onward[s % kept, j]: best score up to a beat at frame s, with interval j to come; 0 before 0
    kept = longest + shortest
    onward = np.zeros((kept, count), np.float32)
    came = np.zeros((length, count), np.int8)
    wide = np.full((shortest, count + 2 * _REACH), -np.inf, np.float32)
    pad = longest
    gain = np.concatenate([np.zeros(pad), activation]).astype(np.float32)
    column = np.arange(count)
    best = (-np.inf, 0, 0)
    for start in range(0, length, shortest):
        stop = min(start + shortest, length)
        now = np.arange(start, stop)[:, None]
        half = gain[now - interval // 2 + pad]
        beat = gain[now + pad] - _THRESHOLD + _HALF * half
        arrived = onward[(now - interval) % kept, column] + beat + prior
        wide[: stop - start, _REACH:-_REACH] = arrived
        options = sliding_window_view(wide[: stop - start], 2 * _REACH + 1, axis=1) + turn
        choice = options.argmax(axis=2)
        came[start:stop] = choice
        best_options = np.take_along_axis(options, choice[..., None], axis=2)[..., 0]
        onward[now[:, 0] % kept] = best_options
        if stop > length - longest:
            open_end = np.where(now + interval >= length, arrived, -np.inf)
            k = int(open_end.argmax())
            if open_end.flat[k] > best[0]:
                best = (float(open_end.flat[k]), start + k // count, k % count)
    _, frame, state = best
    path = []
    while frame >= 0:
        path.append(frame)
        frame -= int(interval[state])
        if frame >= 0:
            state += int(came[frame, state]) - _REACH
    return np.array(path[::-1], dtype=np.int64)


def _with_sound(frames: NDArray[np.int64], activation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Without the beats before the first and after the last onset."""
    strong = np.flatnonzero(activation > 0.2)
    if not len(strong):
        return frames[:0]
    within: NDArray[np.int64] = frames[(frames >= strong[0] - 5) & (frames <= strong[-1] + 5)]
    return within


def _refined(frames: NDArray[np.int64], activation: NDArray[np.float64]) -> Seconds:
    """Beats at the vertex of the parabola through the peak within 20 ms, if there is one."""
    around = np.clip(frames[:, None] + np.arange(-2, 3), 1, len(activation) - 2)
    k = around[np.arange(len(frames)), activation[around].argmax(axis=1)]
    a, b, c = activation[k - 1], activation[k], activation[k + 1]
    peak = (b >= a) & (b >= c) & (a + c < 2 * b)
    curve = np.where(peak, a - 2 * b + c, -1.0)
    return np.where(peak, k + 0.5 * (a - c) / curve, frames.astype(np.float64))


def _trust(
    activation: NDArray[np.float64], frames: NDArray[np.int64]
) -> tuple[float, dict[float, float]]:
    """How well the onsets repeat after a beat, and after its simple multiples and parts."""
    blurred = gaussian_filter1d(activation, 2.0)
    intervals = np.diff(frames).astype(np.float64)
    local = uniform_filter1d(intervals, min(8, len(intervals)), mode="nearest")
    span = np.arange(frames[0], frames[-1])
    period = np.interp(span, frames[:-1], local)
    similarity = {}
    for factor in (1.0, 2.0, 0.5, 3.0, 1 / 3, 1.5, 2 / 3):
        later = span + period * factor
        inside = later < len(blurred) - 1
        if inside.sum() < _RATE:
            similarity[factor] = 0.0
            continue
        x = blurred[span[inside]]
        y = np.interp(later[inside], np.arange(len(blurred)), blurred)
        x, y = x - x.mean(), y - y.mean()
        norm = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
        similarity[factor] = max(0.0, float((x * y).sum()) / norm) if norm > 1e-9 else 0.0
    steady = float(np.clip(1.5 - 4 * np.std(intervals) / intervals.mean(), 0, 1))
    best = max(similarity[1.0], similarity[2.0])  # backbeats repeat after two beats
    # what chance makes of as many beats, and some more
    chance = 0.05 + 0.8 / np.sqrt(len(frames))
    few = min(1.0, len(frames) / 8)
    return float(np.clip((best - chance) / 0.6, 0, 1)) * steady * few, similarity


def _alternatives(bpm: float, similarity: dict[float, float]) -> tuple[tuple[float, float], ...]:
    top = max(*similarity.values(), 1e-9)
    found = [(bpm / f, min(1.0, s / top)) for f, s in similarity.items() if f != 1.0]
    found = [(b, s) for b, s in found if 30 <= b <= 300]
    return tuple(sorted(found, key=lambda pair: -pair[1]))


def _bar(
    frames: NDArray[np.int64], low: NDArray[np.float64], change: NDArray[np.float64]
) -> tuple[int, int]:
    """Beats to a bar (4 or 3) and the first downbeat: where bass and harmony move together."""
    vote = np.zeros(len(frames))
    for curve, reach in ((low, 4), (change, 10)):
        peaks = np.array([curve[max(0, f - reach) : f + reach + 1].max() for f in frames])
        if peaks.std() > 1e-9:
            vote += np.clip((peaks - peaks.mean()) / peaks.std(), -2, 2)
    scores = {}
    for meter in (4, 3):
        sums = [float(vote[k::meter].mean()) if k < len(vote) else -np.inf for k in range(meter)]
        scores[meter] = (max(sums), int(np.argmax(sums)))
    # three beats to a bar must be clearly better: four are more common
    meter = 3 if scores[3][0] > 1.2 * scores[4][0] + 0.1 else 4
    return meter, scores[meter][1]
