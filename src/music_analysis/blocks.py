"""Streams of sample blocks: mix their channels, change their rate, cut them to measure.

Pure arithmetic on float32 arrays [channels, n] that follow one another in time; knows nothing of
files. Rates are in Hz, full scale is ±1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

# Beyond any sane recording (+18 dB), yet small enough that no later sum or square overflows.
LOUDEST = 8.0

_HALF_POWER = math.sqrt(0.5)
_LEFT = frozenset({"FL", "BL", "SL", "FLC", "TFL", "TBL", "WL", "SDL", "DL", "BFL"})
_RIGHT = frozenset({"FR", "BR", "SR", "FRC", "TFR", "TBR", "WR", "SDR", "DR", "BFR"})
_MIDDLE = frozenset({"FC", "BC", "TC", "TFC", "TBC", "BFC", "LFE", "LFE2"})


def mix(
    sound: NDArray[np.float32], channels: int | None, speakers: tuple[str, ...]
) -> NDArray[np.float32]:
    """Bring sound to 1 or 2 channels.

    Parameters
    ----------
    sound : ndarray of float32, [its channels, n]
    channels : int or None
        1: the mean. 2: mono doubled, or a stereo mix by where the ``speakers`` stand, never louder
        than the sound. None: as it is.
    speakers : tuple of str
        FFmpeg's name of each channel (``"FL"``, ``"FR"``, ``"FC"``, …); others get a side in turn.

    Returns
    -------
    ndarray of float32, [channels, n]
    """
    count = sound.shape[0]
    if channels is None or channels == count:
        return sound
    if channels == 1:
        # A sum of rows: ten times as fast as mean(axis=0) over so short an axis.
        mono: NDArray[np.float32] = sound[0] + sound[1]
        for row in sound[2:]:
            mono += row
        mono *= np.float32(1.0 / count)
        return mono[np.newaxis]
    if count == 1:
        return np.repeat(sound, 2, axis=0)
    stereo: NDArray[np.float32] = _stereo_weights(speakers, count) @ sound
    return stereo


def _stereo_weights(speakers: tuple[str, ...], count: int) -> NDArray[np.float32]:
    """Weights [2, count] of a stereo mix.

    As ITU-R BS.775-3 (front 1, center and surround 0.71), with the low-frequency channel kept like
    a center, then scaled so that no full-scale input can clip. Channels without a place are dealt
    to the left and right in turn.
    """
    weights = np.zeros((2, count), dtype=np.float64)
    for index, name in enumerate(speakers if len(speakers) == count else ("",) * count):
        if name in _LEFT or name in _RIGHT:
            side = 0 if name in _LEFT else 1
            weights[side, index] = 1.0 if name in {"FL", "FR"} else _HALF_POWER
        elif name in _MIDDLE:
            weights[:, index] = _HALF_POWER
        else:
            weights[index % 2, index] = 1.0
    scaled: NDArray[np.float32] = (weights / weights.sum(axis=1).max()).astype(np.float32)
    return scaled


def resample(
    batches: Iterable[NDArray[np.float32]], rate_in: int, rate_out: int
) -> Iterator[NDArray[np.float32]]:
    """Resample batches [channels, n] as one continuous stream, by soxr (HQ).

    Yields
    ------
    ndarray of float32, [channels, n]
        Pieces of any size, also none; aligned in time with the input (no delay), within ±8.
    """
    resampler: soxr.ResampleStream | None = None
    channels = 1
    for batch in batches:
        if resampler is None:
            channels = batch.shape[0]
            resampler = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32")
        yield _limited(resampler.resample_chunk(np.ascontiguousarray(batch.T)))
    if resampler is not None:
        rest = np.zeros((0, channels), dtype=np.float32)
        yield _limited(resampler.resample_chunk(rest, last=True))


def _limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn soxr's [n, channels] around and keep its overshoot within bounds."""
    limited: NDArray[np.float32] = np.clip(samples.T, -LOUDEST, LOUDEST)
    return limited


def cut(
    batches: Iterable[NDArray[np.float32]], first: int, last: int | None, block: int
) -> Iterator[NDArray[np.float32]]:
    """Re-cut batches into blocks of samples ``first`` up to ``last`` of the whole.

    Yields
    ------
    ndarray of float32, [channels, n]
        C-contiguous copies; ``n == block`` in all but the last.
    """
    out: NDArray[np.float32] | None = None
    filled = 0  # samples in `out`
    seen = 0  # samples that came before the next batch
    for batch in batches:
        if last is not None and seen >= last:
            break
        wanted = batch[:, max(0, first - seen) : None if last is None else last - seen]
        seen += batch.shape[1]
        while wanted.shape[1]:
            if out is None:
                out, filled = np.empty((wanted.shape[0], block), np.float32), 0
            taken = min(block - filled, wanted.shape[1])
            out[:, filled : filled + taken] = wanted[:, :taken]
            wanted, filled = wanted[:, taken:], filled + taken
            if filled == block:
                yield out
                out = None
    if out is not None:
        yield np.ascontiguousarray(out[:, :filled])
