"""Bars, given beats: which beats are first, and how many make a bar.

Knows how likely each beat is the first of a bar; knows nothing of sound or of how beats are found.
Method: for each meter the best path through the places in the bar (Viterbi), where a bar seldom
breaks off early; the meter whose path explains most (after Böck, Krebs and Widmer 2016, "Joint beat
and downbeat tracking with recurrent neural networks").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PRIORS: Final = {2: 0.1, 3: 0.2, 4: 0.65, 5: 0.02, 6: 0.01, 7: 0.02}
_BREAK: Final = 9.0  # cost of a bar that breaks off: about one in 8,000 beats
_TRUST: Final = 0.05  # weight of the meter's guess, a beat: neighboring beats know the same

_UNLIKELY: Final = -3.0  # log probability: the guess never rules a meter out


@dataclass(frozen=True)
class Bars:
    """The bars of a row of beats."""

    meter: int
    first: NDArray[np.bool_]
    """[B] whether a beat begins a bar."""
    margin: float
    """Nats a beat between the best meter and phase and the second best."""
    contrast: float
    """Mean log odds of first beats over that of others, nats."""


def find_bars(
    downbeat: NDArray[np.float64],
    guess: NDArray[np.float64] | None = None,
    *,
    without: int | None = None,
) -> Bars:
    """Find the meter and the first beats of bars.

    Parameters
    ----------
    downbeat
        [B] in [0, 1]: how likely each beat is the first of a bar.
    guess
        [3] mean log probabilities of 2, 3 and 4 beats to a bar, if there are any.
    without
        A meter that is out of the question.
    """
    likely = np.clip(downbeat, 0.02, 0.98)
    yes, no = np.log(likely), np.log(1 - likely)
    count = len(likely)
    found: list[tuple[float, int, NDArray[np.int64]]] = []
    for meter, prior in PRIORS.items():
        if meter == without:
            continue
        score, places = _path(yes, no, meter)
        score += float(np.log(prior))
        if guess is not None:
            known = guess[meter - 2] if meter <= 4 else _UNLIKELY
            score += _TRUST * count * max(float(known), _UNLIKELY)
        found.append((score, meter, places))
    found.sort(key=lambda each: -each[0])
    score, meter, places = found[0]
    first = places == 0
    odds = yes - no
    sums = np.array([odds[k::meter].sum() for k in range(meter)])
    own = float(odds[first].sum())
    others = np.sort(sums)[::-1]
    second = float(others[1]) if len(others) > 1 else own
    margin = min(score - found[1][0], max(0.0, own - second)) / max(count, 1)
    contrast = float(odds[first].mean() - odds[~first].mean()) if first.any() and count > 1 else 0.0
    return Bars(meter, first, margin, contrast)


def _path(
    yes: NDArray[np.float64], no: NDArray[np.float64], meter: int
) -> tuple[float, NDArray[np.int64]]:
    """Best score and the place in the bar of each beat."""
    count = len(yes)
    total = np.zeros(meter)
    came = np.empty((count, meter), np.int8)
    order = np.roll(np.arange(meter), 1)  # the place before each place
    for k in range(count):
        if k:
            onward = total[order]
            came[k] = order
            # a bar may break off anywhere, and another begin
            if total.max() - _BREAK > onward[0]:
                came[k, 0] = total.argmax()
                onward[0] = total.max() - _BREAK
            total = onward
        total = total + no[k]
        total[0] += yes[k] - no[k]
    places = np.empty(count, np.int64)
    if count:
        places[-1] = total.argmax()
        for k in range(count - 1, 0, -1):
            places[k - 1] = came[k, places[k]]
    return float(total.max()), places
