"""How far to trust a tempo, its beats and its bars.

Knows what was measured while they were found; knows nothing of sound. Each probability is a
logistic regression on a few of these clues, fitted by ``benchmarks/learn_beat_trust.py`` to songs
whose truth is known, as they are, spoiled and played unevenly, and to sounds without any beat.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Final


@dataclass(frozen=True)
class Clues:
    """What tells a sure tempo from a doubtful one."""

    on_beats: float
    """Mean activation at beats, [0, 1]."""
    between: float
    """Mean activation halfway or a third of the way between beats."""
    guess: float
    """Share of the network's guess of the tempo that is within 6 % of it."""
    rival: float
    """Score of the best half, double, third, triple… less its own, nats a second."""
    few: float
    """1 over the root of the number of beats."""
    uneven: float
    """Mean change of the logarithm of the interval from one beat to the next."""
    variation: float
    """Standard deviation over mean of the intervals."""
    contrast: float
    """Log odds of first beats of bars over that of the others, nats."""
    margin: float
    """Between the best bars and the second best, nats a beat."""
    meter: float
    """Mean probability of the meter."""


_LOOSE: Final = 0.12  # interval variation up to which a song has one tempo
_RUBATO: Final = 0.2  # and from which it has none

# the bias, then the weights of Clues in their order
TEMPO: Final = (-5.28, 4.92, 1.47, 5.86, 0.05, -2.64, -23.79, -8.61, 0.30, -1.51, 0.81)
BEATS: Final = (-4.35, 5.93, 5.62, 6.11, -0.11, -6.22, -51.95, -15.40, 0.44, 1.48, 0.65)
BARS: Final = (-7.57, 2.48, 2.04, 3.48, -0.22, -0.36, -14.21, -3.91, 0.69, 3.58, 1.56)


def trust(clues: Clues, weights: tuple[float, ...]) -> float:
    """Probability that the answer is right, [0, 1]."""
    bias, *slopes = weights
    odds = bias + sum(w * x for w, x in zip(slopes, astuple(clues), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def one_tempo(variation: float) -> float:
    """How far one number can stand for the tempo: 1 for a pulse, 0.25 for rubato (≥ 0.2)."""
    return min(1.0, max(0.25, 1.0 - 0.75 * (variation - _LOOSE) / (_RUBATO - _LOOSE)))
