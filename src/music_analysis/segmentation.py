"""Where sections begin: a small network over bars, then the best path of section lengths.

The network looks at the evidence at each bar line (:func:`music_analysis.self_similarity.evidence`)
and its neighbors, and, by attention whose weights are the repetitions of the song, at what lies at
the same place in other repetitions: where a verse begins once, it begins whenever it comes back.
(Boundaries learnt from self-similarity: Grill and Schlüter 2015, "Music boundary detection using
neural networks on combined features and two-level annotations"; attention: Vaswani et al. 2017.)
A dynamic programme then weighs its belief against how long sections are in bars (Sargent, Bimbot
and Vincent 2017, "Estimating the structural segmentation of popular music pieces under regularity
constraints"; Marmoret, Cohen and Bimbot 2023, "Barwise music structure analysis with the
correlation block-matching segmentation algorithm").
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.bar_features import BarFeatures
from music_analysis.convolution import conv1d, relu, sigmoid
from music_analysis.self_similarity import along_diagonals, evidence, similarities
from music_analysis.windows import Floats

LONGEST: Final = 48  # bars: a section that is longer is cut, at the price of the longest
_PAGE: Final = 640  # bars compared with one another at once
_LAP: Final = 64  # bars that two pages share
_FAR: Final = 3  # bars: closer ones do not attend to each other
_LASTING: Final = 30.0  # seconds: mean length of sections at most
_MOST: Final = 4.0  # what may be added to the log odds of a boundary to get there
_SHARPNESS: Final = np.float32(8.0)

Weights = dict[str, Floats]


@cache
def load_weights() -> Weights:
    """Weights of the networks for boundaries and for pairs of sections."""
    from safetensors.numpy import load

    data = resources.files("music_analysis").joinpath("weights/structure.safetensors").read_bytes()
    return {name: rows.astype(np.float32) for name, rows in load(data).items()}


def boundary_logits(bars: BarFeatures, weights: Weights) -> Floats:
    """Log odds that a section begins at the beginning of each bar, [n].

    Songs of more than 640 bars are looked at page by page.
    """
    n = len(bars)
    out = np.empty(n, np.float32)
    step = _PAGE - 2 * _LAP
    starts = [0] if n <= _PAGE else list(range(0, n - 2 * _LAP, step))
    for start in starts:
        stop = min(start + _PAGE, n)
        page = bars if n <= _PAGE else bars.page(start, stop)
        keep = 0 if start == 0 else _LAP
        out[start + keep : stop] = _network(page, weights)[keep:]
    return out


def _network(bars: BarFeatures, weights: Weights) -> Floats:
    similarity = similarities(bars)
    onward, back = along_diagonals(similarity)
    rows = evidence(bars, similarity, onward, back)
    mixes = _attention(onward, back, weights)
    hidden = relu(conv1d(rows, weights["c1.weight"], weights["c1.bias"]))
    for attend, conv, dilation in (("v", "c2", 1), ("", "c3", 2), ("v2", "c4", 1)):
        seen = hidden
        if attend:
            values = hidden @ weights[f"{attend}.weight"][0] + weights[f"{attend}.bias"]
            parts = np.split(values, len(mixes), axis=1)
            seen = np.concatenate(
                [hidden, *(mix @ part for mix, part in zip(mixes, parts, strict=True))], axis=1
            )
        weight, bias = weights[f"{conv}.weight"], weights[f"{conv}.bias"]
        hidden = hidden + relu(conv1d(seen, weight, bias, dilation=dilation))
    out: Floats = conv1d(hidden, weights["o.weight"], weights["o.bias"])[:, 0]
    return out


def _attention(onward: Floats, back: Floats, weights: Weights) -> Floats:
    """How much each bar line looks at each other, [heads, n, n]; rows sum to at most 1."""
    n = onward.shape[-1]
    flat = np.concatenate([onward, back]).reshape(-1, n * n)
    scores = (_SHARPNESS * weights["m.weight"].T) @ flat + weights["m.bias"][:, None]
    scores = scores.reshape(-1, n, n)
    index = np.arange(n)
    scores[:, np.abs(index[:, None] - index) < _FAR] = -np.inf
    # a bar that never comes back looks at nothing
    nothing = weights["null"][:, None, None]
    top = np.maximum(scores.max(axis=2, keepdims=True), nothing)
    np.exp(scores - top, out=scores)
    scores /= scores.sum(axis=2, keepdims=True) + np.exp(nothing - top)
    out: Floats = scores
    return out


def best_boundaries(logits: Floats, lengths: Floats, bonus: float) -> NDArray[np.int64]:
    """Choose the bars at which sections begin, 0 first.

    Parameters
    ----------
    logits
        [n] log odds of a boundary at each bar.
    lengths
        [LONGEST+1] gain of a section of so many bars; the first is not used.
    bonus
        Added to every boundary: more make more sections.
    """
    n = len(logits)
    best = np.full(n + 1, -np.inf)
    best[0] = 0.0
    came = np.zeros(n + 1, np.int64)
    backward = lengths[::-1].astype(np.float64)
    for end in range(1, n + 1):
        first = max(0, end - LONGEST)
        options = best[first:end] + backward[LONGEST - (end - first) : LONGEST]
        k = int(options.argmax())
        best[end] = options[k] + (float(logits[end]) + bonus if end < n else 0.0)
        came[end] = first + k
    path = [int(came[n])]
    while path[-1] > 0:
        path.append(int(came[path[-1]]))
    return np.array(path[::-1], np.int64)


def find_boundaries(bars: BarFeatures) -> tuple[NDArray[np.int64], Floats]:
    """Bars at which sections begin (0 first), and how likely one begins at each bar, [n].

    Where the network believes in so few that sections would last more than 30 s on average, as in
    music unlike what it learnt from, its best guesses are taken: their likelihood stays low.
    """
    weights = load_weights()
    logits = boundary_logits(bars, weights)
    seconds = float(np.diff(bars.borders)[bars.sounding].sum())
    starts = np.zeros(1, np.int64)
    for more in np.arange(0.0, _MOST + 0.1, 0.5):
        bonus = float(weights["bonus"][0]) + float(more)
        starts = best_boundaries(logits, weights["lengths"], bonus)
        if seconds <= _LASTING * len(starts):
            break
    return starts, sigmoid(logits)
