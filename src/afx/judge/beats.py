"""C2 and C3: whether the picture has its beats where the music has them, and its strokes.

Visual beats are the peaks of motion, or its rests (dancers stand still on the beat: Li et al. 2021,
"AI Choreographer"); the better of both counts, for chance as well. Knows curves and times only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import find_peaks

from afx.chance import generator
from afx.judge.reactivity import detrended

Floats = NDArray[np.float64]

GOOD = 0.5
"""From here the beats are seen."""
SIGMA = 0.05
"""Seconds: a visual beat so far from a musical one still counts 0.6."""
CLOSEST = 0.2
"""Seconds between visual beats, at least."""
PROMINENCE = 0.5
"""Deviations by which a beat stands out from what is around it."""
SHIFTS = 200
TOGETHER = 0.05
"""Seconds within which a stroke of the picture meets one of the music."""
UNION = 0.25
"""Share of all strokes, heard or seen, that should be both."""


@dataclass(frozen=True)
class Strokes:
    """How onsets and movements meet, one to one.

    Attributes
    ----------
    share : float
        Intersection over union (AV-Align: Yariv et al. 2023, "Diverse and aligned audio-to-video
        generation").
    chance : float
        The same by chance.
    """

    share: float
    chance: float


@dataclass(frozen=True)
class Beats:
    """How visual and musical beats meet.

    Attributes
    ----------
    score : float
        F_n: 1 all of them meet, 0 as many as by chance.
    raw, chance : float
        F, and F by chance.
    rests : bool
        Whether the rests of motion are the beats, not its peaks.
    times : float64 [n]
        Visual beats, seconds.
    """

    score: float
    raw: float
    chance: float
    rests: bool
    times: Floats


def align(motion: ArrayLike, rate: float, beats: ArrayLike, *, seconds: float) -> Beats:
    """Compare the beats of a picture with those of its music.

    Parameters
    ----------
    motion : array_like [n]
        Activity of the picture.
    rate : float
        Values a second.
    beats : array_like
        Musical beats, seconds on the same clock.
    seconds : float
        Length of the video; chance shifts visual beats around in it.
    """
    musical = np.sort(np.asarray(beats, dtype=np.float64))
    both = visual_beats(motion, rate)
    found = [meeting(visual, musical) for visual in both]
    dice = generator(0, "judge.beats")
    chance = float(
        np.mean(
            [
                max(meeting(np.sort((v + shift) % seconds), musical) for v in both)
                for shift in dice.uniform(0.0, seconds, SHIFTS)
            ]
        )
    )
    rests = found[1] > found[0]
    best = max(found)
    score = (best - chance) / (1.0 - chance) if chance < 1.0 else 0.0
    return Beats(score, best, chance, rests, both[int(rests)])


def visual_beats(motion: ArrayLike, rate: float) -> tuple[Floats, Floats]:
    """Return the peaks of motion and its rests, in seconds."""
    curve = detrended(motion, rate)
    apart = max(1, round(CLOSEST * rate))
    peaks, rests = (
        find_peaks(side, prominence=PROMINENCE, distance=apart)[0] / rate
        for side in (curve, -curve)
    )
    return peaks, rests


def meeting(visual: Floats, musical: Floats) -> float:
    """Return F of two rising series of times: 1 where all meet exactly, 0 where one is empty."""
    if not len(visual) or not len(musical):
        return 0.0
    precision, recall = _near(visual, musical), _near(musical, visual)
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def strokes(onsets: ArrayLike, motion: ArrayLike, rate: float, *, delay: float = 0.0) -> Strokes:
    """Compare peaks of onsets with peaks of motion.

    Parameters
    ----------
    onsets, motion : array_like [n]
    rate : float
        Values a second.
    delay : float
        Seconds by which the curve of onsets is late.
    """
    heard, seen = visual_beats(onsets, rate)[0] - delay, visual_beats(motion, rate)[0]
    seconds = len(np.asarray(motion)) / rate
    dice = generator(0, "judge.strokes")
    chance = [
        union(heard, np.sort((seen + shift) % seconds))
        for shift in dice.uniform(0.0, seconds, SHIFTS)
    ]
    return Strokes(union(heard, seen), float(np.mean(chance)))


def union(these: Floats, those: Floats) -> float:
    """Return how many of two rising series of times meet, each once, over how many there are."""
    i = j = met = 0
    while i < len(these) and j < len(those):
        if abs(these[i] - those[j]) <= TOGETHER + 1e-9:
            i, j, met = i + 1, j + 1, met + 1
        elif these[i] < those[j]:
            i += 1
        else:
            j += 1
    return met / max(len(these) + len(those) - met, 1)


def _near(these: Floats, those: Floats) -> float:
    """Return how near each of these has one of those: the mean of Gaussians of the distance."""
    after = np.searchsorted(those, these)
    padded = np.concatenate([[-np.inf], those, [np.inf]])
    distance = np.minimum(these - padded[after], padded[after + 1] - these)
    return float(np.exp(-0.5 * (distance / SIGMA) ** 2).mean())
