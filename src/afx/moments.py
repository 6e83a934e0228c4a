"""Moments: the times at which sources are asked for, and curves between what happens at a time.

What changes at once in an analysis is eased here, around the moment of the change. Knows times and
values; knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afx.shaping import follow, smooth

Curve = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Evenly spaced moments of a song.

    Attributes
    ----------
    time : float64 [frames]
        Seconds.
    fps : float
        Of them a second.
    """

    time: Curve
    fps: float

    def rest(self, value: float) -> Curve:
        """Return a curve that stays at a value."""
        return np.full(len(self.time), value)

    def inside(self, starts: ArrayLike) -> NDArray[np.int64]:
        """Return in which stretch every moment lies; before the first counts as in it."""
        found = np.searchsorted(np.asarray(starts), self.time, side="right") - 1
        return np.maximum(found, 0)

    def held(self, starts: ArrayLike, values: ArrayLike, rest: float, ease: float) -> Curve:
        """Return values that are held from their starts to the next ones.

        Parameters
        ----------
        starts : [n], rising
            Seconds.
        values : [n]
        rest : float
            The value if there are none.
        ease : float
            Seconds from one value to the next, half of them before the moment of the change.
        """
        steps = np.asarray(values, dtype=np.float64)
        if not steps.size:
            return self.rest(rest)
        # A Gaussian's step is done, but for a twentieth, within four deviations.
        return smooth(steps[self.inside(starts)], self.fps, 0.25 * ease)

    def pulses(self, marks: Sequence[tuple[float, float]], attack: float, release: float) -> Curve:
        """Return pulses, each as high as its mark says: (seconds, strength)."""
        out = self.rest(0.0)
        for when, strength in marks:
            self._strike(out, when, strength)
        return follow(out, self.fps, attack, release) if marks else out

    def _strike(self, out: Curve, when: float, strength: float) -> None:
        if not len(out):
            return
        frame = round((when - float(self.time[0])) * self.fps)
        if 0 <= frame < len(out):
            out[frame] = max(out[frame], strength)
