"""How raw tones become [0, 1]: by percentiles that are frozen for a scene, never per frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST_SPREAD = 0.02
"""A tone that varies less than this over a scene is flat, and not stretched further."""


def tone_range(tones: NDArray[np.float32]) -> tuple[float, float]:
    """Return (scale, offset) with which the 1st and 99th percentile become 0.03 and 0.97.

    Parameters
    ----------
    tones : float32 array
        All visible tones of some pictures; without any, nothing is changed.
    """
    if not tones.size:
        return 1.0, 0.0
    low, high = np.percentile(tones, (1.0, 99.0))
    spread = max(float(high - low), LOWEST_SPREAD)
    middle = float(high + low) / 2
    # Rounded, so that the last digit of another machine's mathematics rarely moves a pixel.
    scale = float(f"{0.94 / spread:.4g}")
    return scale, round(0.5 - middle * scale, 4)
