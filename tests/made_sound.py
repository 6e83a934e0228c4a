"""Samples as a source: what the transforms take in place of a file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RATE = 44_100


class Sound:
    """Samples, [n] or [channels, n], as a decoder would give them: stereo at 44.1 kHz."""

    def __init__(self, samples: NDArray[np.floating]) -> None:
        rows = np.atleast_2d(samples).astype(np.float32)
        self.samples = np.repeat(rows, 2, axis=0) if len(rows) == 1 else rows

    def blocks(
        self, *, sample_rate: int | None = None, channels: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        assert (sample_rate, channels) == (RATE, 2)
        yield self.samples
