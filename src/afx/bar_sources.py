"""Sources that the bars time: slow swings, and values that change from bar to bar.

Where the beat is not sure, seconds stand for bars in the swings, and bars are at rest. Knows the
beat grid; knows nothing of sound.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.moments import Curve, Moments

SURE = 0.5
"""Beat confidence from which bars may time things."""
SWING_BARS, SWING_SECONDS = 4.0, 8.0
"""Period of the ``lfo`` sources: in bars where the beat is sure, else in seconds."""
BAR_EASE = 0.2
"""Seconds from one bar's value to the next one's."""
MIDDLE_TEMPO = 120.0
"""Beats a minute at which ``tempo`` is 0.5; twice as many are 1, half as many 0."""


class Beats(Protocol):
    """The part of a beat grid that is read here."""

    @property
    def bpm(self) -> float | None:
        """Tempo in beats per minute."""

    @property
    def confidence(self) -> float:
        """How sure the grid is, 0 to 1."""

    @property
    def downbeats(self) -> NDArray[np.float64]:
        """First beats of the bars, in seconds."""


def swing(kind: str, beats: Beats, at: Moments, seed: int) -> Curve:
    """Return one of the slow swings: ``sin``, ``tri``, ``saw`` or ``noise``.

    Raises
    ------
    KeyError
        If it is none of them.
    """
    turns = _turns(beats, at)
    if kind == "sin":
        return np.asarray(0.5 + 0.5 * np.sin(2.0 * np.pi * turns))
    if kind == "tri":
        return np.asarray(2.0 * np.abs(np.mod(turns + 0.25, 1.0) - 0.5))
    if kind == "saw":
        return np.asarray(np.mod(turns, 1.0))
    if kind != "noise":
        raise KeyError(f"lfo.{kind}")
    along = 2.0 * (turns - turns.min(initial=0.0))
    low = along.astype(np.int64)
    nodes = generator(seed, "lfo.noise").random(int(low.max(initial=0)) + 2)
    part = along - low
    part = part * part * (3.0 - 2.0 * part)
    return np.asarray(nodes[low] + part * (nodes[low + 1] - nodes[low]))


def bar_random(beats: Beats, at: Moments, confidence: Curve, seed: int) -> Curve:
    """Return a value drawn for each bar, 0.5 where the beat is not sure.

    Parameters
    ----------
    beats : Beats
    at : Moments
    confidence : [frames]
        How sure the beat is at these moments.
    seed : int
    """
    values = generator(seed, "beat.rand").random(len(beats.downbeats) + 1)
    return _by_bar(beats, at, confidence, values, 0.5)


def bar_toggle(beats: Beats, at: Moments, confidence: Curve) -> Curve:
    """Return 0 and 1 in turn from bar to bar, 0 where the beat is not sure."""
    values = np.arange(len(beats.downbeats) + 1, dtype=np.float64) % 2.0
    return _by_bar(beats, at, confidence, values, 0.0)


def tempo(beats: Beats, at: Moments) -> Curve:
    """Return how fast the song is, an octave of tempo being one half; 0.5 if that is not sure."""
    if beats.bpm is None or beats.confidence < SURE:
        return at.rest(0.5)
    octaves = float(np.log2(beats.bpm / MIDDLE_TEMPO))
    return at.rest(round(min(max(0.5 + 0.5 * octaves, 0.0), 1.0), 4))


def _by_bar(beats: Beats, at: Moments, confidence: Curve, values: Curve, rest: float) -> Curve:
    # The first value is that of what sounds before the first bar.
    starts = np.concatenate([[-np.inf], beats.downbeats])
    sure = np.where(confidence >= SURE, values[at.inside(starts)], rest)
    stretches = np.flatnonzero(np.diff(sure, prepend=np.nan))
    return at.held(at.time[stretches], sure[stretches], rest, BAR_EASE)


def _turns(beats: Beats, at: Moments) -> Curve:
    bars, time = beats.downbeats, at.time
    if beats.confidence < SURE or len(bars) < 3:
        return np.asarray(time / SWING_SECONDS)
    bar = float(np.median(np.diff(bars)))
    inside: Curve = np.interp(time, bars, np.arange(float(len(bars))))
    outside = np.minimum(time - bars[0], 0.0) + np.maximum(time - bars[-1], 0.0)
    return np.asarray((inside + outside / bar) / SWING_BARS)
