"""Builds and drops: where energy rises to a point, and where it comes in all at once.

Knows levels and onsets per bar; knows nothing of sections. A drop is a bar line after which sound
or bass is far stronger than in the two bars before, and loud for this song. A build is four or
eight bars in which level and onsets rise steadily to where they stop rising. (Builds and drops as
steps and ramps of level, bass and onset density: after Yadati et al. 2014, "Detecting drops in
electronic dance music: content based approaches to a socially significant music event".)

Units: bel (10 dB).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from music_analysis.bar_features import BarFeatures
from music_analysis.windows import Floats

Found = tuple[int, int, float]
"""Bar line at which it begins, bar line at which it happens, strength in [0, 1]."""

_AROUND: Final = 2  # bars to either side of a drop
_RISE, _BASS = 0.5, 0.9  # bel: all of the sound, and below 200 Hz
_FULL: Final = 1.5  # bel: the strongest drop
_APART: Final = 4  # bars between two of a kind
_SPANS: Final = (8, 4)  # bars of a build
_CLIMB: Final = 0.3  # bel over a build, at least
_STEADY: Final = 0.85  # correlation with a straight line, at least


def find_drops(bars: BarFeatures) -> list[Found]:
    """Bar lines at which sound and bass come in all at once."""
    n = len(bars)
    if n < 2 * _AROUND + 1 or not bars.sounding.any():
        return []
    windows = sliding_window_view(bars.level, _AROUND, axis=0).mean(axis=2)
    # windows[i] are bars i and i + 1
    before, after = windows[:-_AROUND], windows[_AROUND:]
    rise = after[:, 0] - before[:, 0]
    bass = np.clip(after[:, 1] - before[:, 1], 0, 2)
    loud = after[:, 0] >= np.quantile(bars.level[bars.sounding, 0], 0.5) - 0.1
    heard = before[:, 0] > -2.5  # silence before is a beginning, not a drop
    strength = np.clip((0.6 * np.maximum(rise, 0) + 0.4 * bass) / _FULL, 0, 1)
    drop = loud & heard & ((rise > _RISE) | ((bass > _BASS) & (rise > 0.1)))
    found = np.where(drop, strength, 0.0)
    # at the bar line itself, not within two bars of it
    step = bars.level[_AROUND : n - _AROUND + 1, :2] - bars.level[_AROUND - 1 : n - _AROUND, :2]
    found = found * (step.sum(axis=1) > 0.5 * (rise + bass))
    return [(k + _AROUND, k + _AROUND, float(found[k])) for k in _peaks(found)]


def find_builds(bars: BarFeatures) -> list[Found]:
    """Stretches of four or eight bars in which level and onsets rise to a point."""
    n = len(bars)
    density = np.log10(bars.flux.mean(axis=(1, 2)) + 0.05)
    energy = bars.level[:, 0] + 0.5 * bars.level[:, 3] + 0.5 * density
    found: list[Found] = []
    taken = np.zeros(n + 1, bool)
    for span in _SPANS:
        if n < span:
            continue
        windows = sliding_window_view(energy, span).astype(np.float64)
        heard = sliding_window_view(bars.sounding, span).all(axis=1)
        line = np.arange(span) - (span - 1) / 2
        centered = windows - windows.mean(axis=1, keepdims=True)
        slope = centered @ line / np.square(line).sum()
        spread = np.sqrt(np.square(centered).sum(axis=1) * np.square(line).sum())
        steady = centered @ line / np.maximum(spread, 1e-9)
        climb = slope * (span - 1)
        # one step is a drop, not a build: no single bar may make half of the rise
        largest = np.diff(windows, axis=1).max(axis=1)
        good = heard & (climb > _CLIMB) & (steady > _STEADY) & (largest < 0.5 * climb)
        strength = np.where(good, np.clip(climb * steady / _FULL, 0, 1), 0.0)
        for k in _peaks(strength):
            if not taken[k : k + span + 1].any():
                taken[k : k + span + 1] = True
                found.append((k, k + span, float(strength[k])))
    return sorted(found)


def _peaks(strength: NDArray[np.float64] | Floats) -> list[int]:
    """Find the strongest of their surroundings, ascending."""
    left = np.array(strength, np.float64)
    found = []
    while len(left) and left.max() > 0:
        k = int(left.argmax())
        found.append(k)
        left[max(0, k - _APART + 1) : k + _APART] = 0
    return sorted(found)
