"""C7: whether each picture is rich, neither flat nor garish nor noise: ``afx.gates``' bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from afx import gates
from afx.gates import ImageMeasures

MOMENTS = 12
"""Pictures looked at closely, evenly spread."""
SIDE = 256
"""Pixels of their shorter side, for which the bands were calibrated."""


@dataclass(frozen=True)
class Pictures:
    """What the pictures of a video are like.

    Attributes
    ----------
    moments : tuple of float
        Seconds.
    measures : tuple of ImageMeasures
    faults : tuple of tuple of str
        What is wrong with each, in words.
    """

    moments: tuple[float, ...]
    measures: tuple[ImageMeasures, ...]
    faults: tuple[tuple[str, ...], ...]

    @property
    def good(self) -> float:
        """Share of pictures inside all bands."""
        return float(np.mean([not words for words in self.faults])) if self.faults else 0.0

    def medians(self) -> dict[str, float]:
        """Return the median of each measure."""
        return {
            field.name: float(np.median([getattr(each, field.name) for each in self.measures]))
            for field in fields(ImageMeasures)
        }

    def worst(self) -> str:
        """Say what is wrong most often; nothing if all is well."""
        words = [word.partition(" (")[0] for faults in self.faults for word in faults]
        return max(sorted(set(words)), key=words.count) if words else ""


def judge_pictures(moments: Sequence[float], measures: Sequence[ImageMeasures]) -> Pictures:
    """Judge measured pictures."""
    return Pictures(
        tuple(moments), tuple(measures), tuple(tuple(gates.problems(each)) for each in measures)
    )
