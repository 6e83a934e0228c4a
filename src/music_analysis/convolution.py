"""Small convolutional networks on a processor: the few layers that the analyzers' networks need.

Knows arrays and weights; knows nothing of sound. A layer is a sum of shifted matrix products, taken
page by page, so that memory does not grow with the song.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from music_analysis.windows import Floats

_PAGE: Final = 2048  # rows worked on at once: a page and its product stay in the cache


def conv1d(rows: Floats, weight: Floats, bias: Floats, *, dilation: int = 1) -> Floats:
    """Convolve along time with zeros beyond both ends, as torch's ``Conv1d`` with same padding.

    Parameters
    ----------
    rows
        [T, inputs].
    weight
        [taps, inputs, outputs], an odd number of taps (torch has [outputs, inputs, taps]).
    bias
        [outputs].
    dilation
        Rows between taps.

    Returns
    -------
    ndarray of float32, [T, outputs]
    """
    taps, _, outputs = weight.shape
    if taps % 2 == 0:
        raise ValueError(f"the number of taps must be odd, not {taps}")
    reach = taps // 2 * dilation
    length = len(rows)
    out = np.empty((length, outputs), np.float32)
    for start in range(0, length, _PAGE):
        stop = min(start + _PAGE, length)
        out[start:stop] = bias
        for tap in range(taps):
            shift = tap * dilation - reach
            first, last = max(start, -shift), min(stop, length - shift)
            if first < last:
                out[first:last] += rows[first + shift : last + shift] @ weight[tap]
    return out


def elu(rows: Floats) -> Floats:
    """Exponential linear unit, in place: x above 0, exp(x) − 1 below."""
    below = np.minimum(rows, 0)
    np.expm1(below, out=below)
    np.maximum(rows, 0, out=rows)
    rows += below
    return rows


def relu(rows: Floats) -> Floats:
    """Rectified linear unit, in place."""
    np.maximum(rows, 0, out=rows)
    return rows


def softmax(rows: Floats) -> Floats:
    """Probabilities of logits, along the last axis."""
    shifted: Floats = rows - rows.max(axis=-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=-1, keepdims=True)
    return shifted


def sigmoid(rows: Floats) -> Floats:
    """Probabilities of logits, each for itself."""
    probability: Floats = np.float32(0.5) * (np.float32(1) + np.tanh(np.float32(0.5) * rows))
    return probability
