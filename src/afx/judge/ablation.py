"""C6: controls: whether another song would do as well, and what loud, quiet and silent parts do.

Knows curves on one grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, uniform_filter1d

from afx.judge.activity import STILL
from afx.judge.hearing import SILENCE, Heard
from afx.judge.reactivity import Link, hits_link

Floats = NDArray[np.float64]

LOUD_TO_QUIET = 1.8
"""Motion in the loudest tenth over motion in the quietest."""
MUSIC_TO_SILENCE = 3.0
"""Motion while there is sound over motion in silence."""
CONTROL_SURE, CONTROL_WEAK, CONTROL_SHARE = 2.0, 0.15, 0.3
"""Another song must stay below this z, and below this r or this share of the song's own."""
SAME_TEMPO = 0.04
"""Tempos nearer than this are no control: beats would meet by themselves."""
LEAST_RANGE = 3.0
"""dB between the tenths below which there is no loud and quiet to tell."""
LEAST_SILENCE = 1.5
"""Seconds of silence in a row from which it counts."""
_EDGE = 0.3  # seconds around silence in which pictures may still come to rest


@dataclass(frozen=True)
class Control:
    """What another song makes of the same picture.

    Attributes
    ----------
    link : Link
    fair : bool
        Whether it has another tempo (not even double or half of it).
    refused : bool
        Whether the picture does not follow it, as it should not.
    title : str
    """

    link: Link
    fair: bool
    refused: bool
    title: str


def control(own: Link, heard: Heard, other: Heard, motion: Floats) -> Control:
    """Compare a picture with a song that it was not made from."""
    link = hits_link(other.hits, other.onsets, motion, other.rate)
    refused = link.z < CONTROL_SURE and link.r < max(CONTROL_WEAK, CONTROL_SHARE * own.r)
    return Control(link, _differ(heard.tempo, other.tempo), refused, other.title)


def _differ(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return True
    return all(abs(a * factor / b - 1) > SAME_TEMPO for factor in (0.5, 1.0, 2.0))


def loud_to_quiet(motion: Floats, loudness: Floats, rate: float) -> float | None:
    """Return motion in the loudest tenth of what sounds over that in the quietest.

    Both are smoothed over a second: between two drums it is not quiet. None where no tenth is
    louder than another by `LEAST_RANGE`.
    """
    size = max(1, round(rate))
    power = uniform_filter1d(10 ** (loudness / 10), size, mode="nearest")
    level = 10 * np.log10(np.maximum(power, 1e-12))
    sounding = level > SILENCE
    if sounding.sum() < 20:
        return None
    level, moved = level[sounding], uniform_filter1d(motion, size, mode="nearest")[sounding]
    low, high = np.percentile(level, (10, 90))
    if high - low < LEAST_RANGE:
        return None
    quiet, loud = float(moved[level <= low].mean()), float(moved[level >= high].mean())
    return loud / max(quiet, STILL)


@dataclass(frozen=True)
class Silence:
    """Motion with music and without.

    Attributes
    ----------
    ratio : float
        Mean motion with music over that without.
    variance : float
        The same for the variance of motion.
    idle : float
        Mean motion without music.
    seconds : float
        How much silence there is.
    """

    ratio: float
    variance: float
    idle: float
    seconds: float


def silence(motion: Floats, loudness: Floats, rate: float) -> Silence | None:
    """Compare motion with music and without; None where there is no silence."""
    quiet = _runs(loudness <= SILENCE, round(LEAST_SILENCE * rate))
    edge = np.ones(2 * round(_EDGE * rate) + 1, bool)
    inside = binary_erosion(quiet, edge, border_value=1)
    sounding = ~quiet
    if not inside.any() or not sounding.any():
        return None
    idle, lively = float(motion[inside].mean()), float(motion[sounding].mean())
    return Silence(
        ratio=lively / max(idle, STILL),
        variance=float(motion[sounding].var() / max(motion[inside].var(), STILL**2)),
        idle=idle,
        seconds=float(quiet.sum() / rate),
    )


def _runs(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Keep what is true for `least` values in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    kept = np.zeros_like(mask)
    for first, last in edges.reshape(-1, 2):
        kept[first:last] = last - first >= least
    return kept
