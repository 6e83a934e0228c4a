"""A stereo stream looked at through Hann windows at exact times, the same whatever its blocks.

Knows slabs, rings of samples, decimation and window grids; knows nothing of what is measured.
Incoming blocks of any length are cut anew into slabs of one length, so that every sum is taken
over the same samples in the same order. Times are absolute sample numbers; samples before the
first and after the last are zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft, sparse

Floats = NDArray[np.float32]

SAMPLE_RATE: Final = 44_100
DECIMATION: Final = 8

_SLAB: Final = 65_536
_ROWS: Final = 16_384  # of a page: 2 MB of onsets
_TAPS: Final = 97  # 60 dB from 3.1 kHz on: what folds back lies above the 2.1 kHz that are used


def slabs(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """Cut any blocks anew into slabs of one length, the last one shorter."""
    waiting: list[Floats] = []
    held = 0
    for block in blocks:
        if not held and block.shape[1] == _SLAB:
            yield block  # already cut as it should be
            continue
        waiting.append(block)
        held += block.shape[1]
        if held >= _SLAB:
            joined = np.concatenate(waiting, axis=1)
            whole = held - held % _SLAB
            for start in range(0, whole, _SLAB):
                yield joined[:, start : start + _SLAB]
            waiting, held = [joined[:, whole:]], held - whole
    if held:
        yield np.concatenate(waiting, axis=1)


class Weights:
    """A matrix of few numbers, [inputs, outputs], that rows of values are multiplied with.

    Sparse on purpose, even where it is full: BLAS would start its threads for these small products,
    at twice the CPU time, and its sums depend on their number.
    """

    def __init__(self, matrix: Floats) -> None:
        self.outputs = sparse.csr_array(np.ascontiguousarray(matrix.T, np.float32))

    def __call__(self, rows: Floats) -> Floats:
        """[n, inputs] to [n, outputs]."""
        product: Floats = np.ascontiguousarray((self.outputs @ rows.T).T)
        return product


class Ring:
    """The last stretch of a stream, addressed by absolute sample numbers.

    ``keep`` is the longest window: a center may lie half a window back, and a whole one is kept.
    """

    def __init__(self, *, channels: int = 2, keep: int = 2048) -> None:
        self.keep = keep
        self.data: Floats = np.zeros((channels, keep), np.float32)
        self.base = -keep
        self.real = 0
        self.end = 0

    def push(self, block: Floats, *, real: bool) -> None:
        """Append a block; ``real`` says that it is sound and not padding."""
        kept = self.data[:, -self.keep :]
        self.data = np.concatenate([kept, block], axis=1)
        self.end += block.shape[1]
        self.base = self.end - self.data.shape[1]
        if real:
            self.real = self.end


class Decimator:
    """Every eighth sample of the low-passed stream; the filter's delay is a whole sample.

    With the stream folded into rows of eight, the filter is one matrix product and a few sums.
    """

    delay = _TAPS // 2 // DECIMATION

    def __init__(self) -> None:
        # a windowed sinc: half power at 2.6 kHz, Kaiser's window for 60 dB
        taps = np.sinc(2 * 2600 / SAMPLE_RATE * (np.arange(_TAPS) - _TAPS // 2))
        taps *= np.kaiser(_TAPS, 5.65)
        taps /= taps.sum()
        rows = -(-_TAPS // DECIMATION)
        padded = np.pad(taps, (0, rows * DECIMATION - _TAPS))
        self.length = rows
        self.taps = Weights(padded.reshape(rows, DECIMATION).T.astype(np.float32))
        self.history: Floats = np.zeros((2, (rows - 1) * DECIMATION), np.float32)
        self.skip = self.delay

    def __call__(self, slab: Floats) -> Floats:
        """[2, n] to [2, ceil(n/8)]; the first call leaves out what lies before time 0."""
        lacking = -slab.shape[1] % DECIMATION
        joined = np.concatenate([self.history, slab, np.zeros((2, lacking), np.float32)], axis=1)
        self.history = joined[:, -self.history.shape[1] :]
        count = joined.shape[1] // DECIMATION - self.length + 1
        out = np.zeros((2, count), np.float32)
        for channel, result in zip(joined, out, strict=True):
            products = self.taps.outputs @ channel.reshape(-1, DECIMATION).T
            for k in range(self.length):
                result += products[k, k : k + count]
        skip, self.skip = self.skip, 0
        rest: Floats = out[:, skip:]
        return rest


class Pages:
    """Rows that come a few at a time and are joined at the end, never held twice.

    They are kept in pages of one length, which are laid side by side and given back one by one.
    """

    def __init__(self) -> None:
        self.pages: list[Floats] = []
        self.count = 0

    def append(self, rows: Floats) -> None:
        """Take the next rows, [n, ...]."""
        start = 0
        while start < len(rows):
            at = self.count % _ROWS
            if at == 0:
                self.pages.append(np.empty((_ROWS, *rows.shape[1:]), np.float32))
            taken = min(_ROWS - at, len(rows) - start)
            self.pages[-1][at : at + taken] = rows[start : start + taken]
            start, self.count = start + taken, self.count + taken


def joined(*parts: Pages) -> Floats:
    """All rows of each, side by side if there are several; the pages go as they are copied."""
    tail = parts[0].pages[0].shape[1:]
    if len(parts) > 1:
        tail = (sum(part.pages[0].shape[1] for part in parts),)
    out = np.empty((parts[0].count, *tail), np.float32)
    for start in range(0, len(out), _ROWS):
        rows = out[start : start + _ROWS]
        pages = [part.pages.pop(0)[: len(rows)] for part in parts]
        if len(pages) == 1:
            rows[:] = pages[0]
        else:
            np.concatenate(pages, axis=1, out=rows)
    return out


class Grid:
    """Hann windows of one length, centered on round(i·sample_rate/rate), read from a ring."""

    centered = True
    """Whether the mean of every window is removed. Without, a constant offset shows in the lowest
    two bins."""

    def __init__(
        self, ring: Ring, rate: Fraction, sample_rate: Fraction | int, window: int
    ) -> None:
        self.ring, self.rate, self.window = ring, rate, window
        self.step = Fraction(sample_rate) / rate
        turn = 2 * np.pi * np.arange(window) / window
        self.hann: Floats = (0.5 - 0.5 * np.cos(turn)).astype(np.float32)
        # Parseval: with it, the sum of a one-sided power spectrum is the mean square
        self.mean: Floats = (self.hann / self.hann.sum(dtype=np.float64)).astype(np.float32)
        self.scale = np.float32(2.0 / (window * float(np.sum(self.hann.astype(np.float64) ** 2))))
        self.frequencies = np.arange(window // 2 + 1) * float(sample_rate) / window
        self.next = 0
        self.parts: tuple[Pages, ...] = ()

    def advance(self, count: int | None = None) -> None:
        """Take every window that lies wholly in the ring, up to the count-th."""
        half = self.window // 2
        num, den = self.step.numerator, self.step.denominator
        centers: list[int] = []
        while count is None or self.next < count:
            center = (2 * self.next * num + den) // (2 * den)
            if center + half > self.ring.end:
                break
            centers.append(center)
            self.next += 1
        if centers:
            self._take(np.array(centers) - half)

    def finish(self, count: int) -> None:
        """Take what is left once the ring ends in zeros."""
        self.advance(count)

    def columns(self) -> tuple[Floats, ...]:
        """Everything measured, joined along time; may be asked once."""
        return tuple(joined(part) for part in self.parts)

    def _take(self, starts: NDArray[np.int64]) -> None:
        ring = self.ring
        # identical channels (mono) need one transform, not two
        data = ring.data[:1] if np.array_equal(ring.data[0], ring.data[-1]) else ring.data
        assert starts[0] >= ring.base, "a window was asked for after its samples were dropped"
        frames = sliding_window_view(data, self.window, axis=1)[:, starts - ring.base]
        ends = np.flatnonzero((starts < 0) | (starts + self.window > ring.real))
        whole = np.ones(len(starts), np.bool_)
        whole[ends] = False
        if self.centered:
            offset = np.einsum("cnw,w->cn", frames, self.mean)
            offset[:, ~whole] = 0
            frames -= offset[..., None]
        for k in ends:
            # at the ends the mean is that of the real samples alone: zeros are no sound
            first, last = max(0, -int(starts[k])), min(self.window, ring.real - int(starts[k]))
            real = frames[:, k, first:last]
            share = max(float(self.mean[first:last].sum()), 1e-9)
            mean = np.einsum("cw,w->c", real, self.mean[first:last]) / np.float32(share)
            real -= mean[:, None]
        measured = self._measure(frames)
        if not self.parts:
            self.parts = tuple(Pages() for _ in measured)
        for part, rows in zip(self.parts, measured, strict=True):
            part.append(rows)

    def _spectrum(self, frames: Floats) -> Floats:
        """[channels, n, window], windowed in place, to [n, bins] power, the channels' mean."""
        frames *= self.hann
        lines = fft.rfft(frames, axis=2).view(np.float32)
        np.square(lines, out=lines)
        power = lines[..., 0::2] + lines[..., 1::2]
        mean: Floats = power[0] if len(power) == 1 else (power[0] + power[1]) * np.float32(0.5)
        mean *= self.scale
        return mean

    def _measure(self, frames: Floats) -> tuple[Floats, ...]:
        raise NotImplementedError
