"""Where beats and first beats of bars are likely: a small network's view of a song.

Knows onset bands, pitches and trained weights; knows nothing of intervals, bars as a whole or how
beats are chosen. The network is a stack of dilated convolutions with residual connections (a
temporal convolutional network: Davies and Böck 2019, "Temporal convolutional networks for musical
audio beat tracking"; Böck and Davies 2020, "Deconstruct, analyse, reconstruct: how to improve
tempo, beat, and downbeat estimation"): it hears 20 s to either side of a moment.

Frames are at 50 Hz: frame i speaks for i / 50 s. Nothing changes with the gain of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from music_analysis.convolution import conv1d, elu, sigmoid, softmax
from music_analysis.song_spectra import ONSET_CENTERS, PITCH_RATE, SongSpectra
from music_analysis.windows import Floats

RATE: Final = 50  # Hz
METERS: Final = (2, 3, 4)
"""Beats to a bar that the network tells apart; 2 is that of 6/8 too."""
TEMPOS: Final[NDArray[np.float64]] = 40.0 * 2.0 ** (np.arange(42) / 16.0)
"""Beats a minute, sixteen to the octave, 40 to 236."""

_SHADOW: Final = 1e-4  # 40 dB under the loudest band (after the tilt) is as good as silence
_FLOOR: Final = 1e-10  # power: −100 dB, as in music_analysis.onsets
_LAG: Final = 2  # frames at 100 Hz: rises are over 20 ms
_SPANS: Final = (3, 6, 12)  # frames at 10 Hz: harmony before is compared with harmony after
_BASS: Final = 28  # semitones from C1: up to E3
_LOW: Final = 250.0  # Hz, as in music_analysis.onsets
_PAGE: Final = 16_384  # frames at 50 Hz that the network sees at once
CHANGES: Final = 2 * len(_SPANS)
INPUTS: Final = 2 * len(ONSET_CENTERS) + CHANGES


@dataclass(frozen=True)
class Activations:
    """What the network makes of a song, n frames at 50 Hz."""

    beat: Floats
    """[n] in [0, 1]: how likely a beat is here; a beat spreads over about three frames."""
    downbeat: Floats
    """[n] in [0, 1]: the same for first beats of bars."""
    meter: Floats
    """[n, 3] probabilities of METERS."""
    tempo: Floats
    """[n, 42] probabilities of TEMPOS."""
    onset: Floats
    """[N] at 100 Hz: mean rise of the bands in dB, what beats are placed by to the millisecond."""
    low: Floats
    """[N] the same of the bands below 250 Hz."""


def listen(spectra: SongSpectra) -> Activations:
    """Run the network over a song."""
    weights = _weights()
    scale = _scale(spectra.onsets)
    change = changes(spectra.semitones())
    count = len(spectra.onsets)
    length = (count + 1) // 2
    margin = reach(weights)
    onset = np.zeros((2, count), np.float32)
    odds = np.empty((length, 2 + len(METERS)), np.float32)
    tempo = np.empty((length, len(TEMPOS)), np.float32)
    for start in range(0, length, _PAGE):
        stop = min(start + _PAGE, length)
        first, last = max(0, start - margin), min(length, stop + margin)
        # a page of levels at a time: those of two hours are 90 MB
        before = _before(first)
        level = _decibels(spectra.onsets[before : 2 * last], scale)
        _onset(level, before, onset[:, 2 * start : 2 * stop], 2 * start)
        rows = _run(weights, _inputs(level, change, first, last))[start - first : stop - first]
        odds[start:stop] = rows[:, : odds.shape[1]]
        tempo[start:stop] = softmax(rows[:, odds.shape[1] :])
    beat, downbeat = sigmoid(np.ascontiguousarray(odds[:, :2].T))
    return Activations(beat, downbeat, softmax(odds[:, 2:]), tempo, onset[0], onset[1])


def levels(power: Floats) -> Floats:
    """Quarter-octave powers [N, 32] at 100 Hz to decibels over a floor, [N, 32], 0 for silence."""
    return _decibels(power, _scale(power))


def _scale(power: Floats) -> Floats:
    """Return what powers are multiplied by, [32]: the tilt of music over the floor."""
    tilt = np.sqrt(ONSET_CENTERS / 1000).astype(np.float32)  # music falls by 3 to 5 dB an octave
    if not len(power):
        return tilt
    # some thousand frames are enough for a percentile
    loud = np.percentile(power[:: 1 + len(power) // 4000], 99.5, axis=0) * tilt
    floor = np.float32(max(float(loud.max()) * _SHADOW, _FLOOR))
    scale: Floats = tilt / floor
    return scale


def _decibels(power: Floats, scale: Floats) -> Floats:
    out = power * scale
    out += np.float32(1)
    np.log10(out, out=out)
    out *= np.float32(10)
    return out


def _onset(level: Floats, before: int, out: Floats, start: int) -> None:
    """Mean rise of all bands and of the low ones around each frame.

    Parameters
    ----------
    level
        [n, 32] decibels at 100 Hz, from the frame ``before``.
    out
        [2, m] is filled; the first is the frame ``start``. The song's last frame stays 0.
    """
    low = int(np.searchsorted(ONSET_CENTERS, _LOW))
    first = max(1, start - before)
    stop = min(start - before + out.shape[1], len(level) - 1)
    if first < stop:
        rise = level[first + 1 : stop + 1] - level[first - 1 : stop - 1]
        np.maximum(rise, 0, out=rise)
        inside = slice(first + before - start, stop + before - start)
        out[0, inside] = rise.mean(axis=1)
        out[1, inside] = rise[:, :low].mean(axis=1)
    if start == 0 and out.shape[1]:
        out[:, 0] = level[0].mean(), level[0, :low].mean()


def changes(semitones: Floats) -> Floats:
    """How much the harmony changes around each moment, [M, 84] to [M, 6], in [0, 1].

    One minus the cosine between what sounds before and after, over 0.3, 0.6 and 1.2 s: pitches of
    the bass, then pitch classes above it.
    """
    loud = float(semitones.max()) if len(semitones) else 0.0
    bass = np.empty((len(semitones), _BASS), np.float32)
    treble = np.empty((len(semitones), 12), np.float32)
    for first in range(0, len(semitones), _PAGE):
        page = slice(first, first + _PAGE)
        rows = np.log1p(semitones[page] * np.float32(100 / loud if loud > 0 else 0))
        bass[page] = rows[:, :_BASS]
        treble[page] = rows[:, 24:].reshape(len(rows), 5, 12).mean(axis=1)
    columns = [_turn(part, span) for part in (bass, treble) for span in _SPANS]
    return np.stack(columns, axis=1)


def _turn(rows: Floats, span: int) -> Floats:
    """One minus the cosine between the means of the ``span`` rows before and after each row."""
    sums = np.zeros((len(rows) + 2 * span + 1, rows.shape[1]), np.float64)
    sums[span + 1 : span + 1 + len(rows)] = rows
    np.cumsum(sums, axis=0, out=sums)
    turned = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), _PAGE):
        stop = min(first + _PAGE, len(rows))
        before = sums[first + span : stop + span] - sums[first:stop]
        later = first + span + 1
        after = sums[later + span : stop + 2 * span + 1] - sums[later : stop + span + 1]
        norm = np.sqrt(np.square(before).sum(axis=1) * np.square(after).sum(axis=1))
        # silence on either side is no change of harmony
        product = np.where(norm > 1e-9, (before * after).sum(axis=1) / np.maximum(norm, 1e-9), 1.0)
        turned[first:stop] = np.clip(1 - product, 0, 1)
    return turned


def inputs(level: Floats, change: Floats, first: int, last: int) -> Floats:
    """Make what the network sees in frames [first, last) at 50 Hz: [last − first, 70], about ±2.

    Parameters
    ----------
    level
        [N, 32] decibels at 100 Hz.
    change
        [M, 6] at 10 Hz.
    """
    return _inputs(level[_before(first) : 2 * last], change, first, last)


def _before(first: int) -> int:
    """First frame at 100 Hz that inputs from ``first`` on need: rises begin three frames before."""
    return max(0, 2 * first - 3)


def _inputs(part: Floats, change: Floats, first: int, last: int) -> Floats:
    count = last - first
    bands = part.shape[1]
    out = np.zeros((count, INPUTS), np.float32)
    padded = np.zeros((2 * count + 3, bands), np.float32)
    offset = max(0, 3 - 2 * first)
    padded[offset : offset + len(part)] = part
    highest = padded.copy()
    np.maximum(highest[:, 1:], padded[:, :-1], out=highest[:, 1:])
    np.maximum(highest[:, :-1], padded[:, 1:], out=highest[:, :-1])
    rise = padded[_LAG:] - highest[:-_LAG]  # from frame 2·first − 1
    np.maximum(rise, 0, out=rise)
    # frame i at 50 Hz is frame 2i at 100 Hz and its neighbors
    out[:, :bands] = padded[3::2] / np.float32(15)
    strongest = np.maximum(rise[1::2], rise[0:-1:2])
    np.maximum(strongest, rise[2::2], out=strongest)
    out[:, bands : 2 * bands] = strongest / np.float32(6)
    if len(change):
        places = np.arange(first, last) * (PITCH_RATE / RATE)
        below = np.minimum(places.astype(np.int64), len(change) - 1)
        above = np.minimum(below + 1, len(change) - 1)
        share = (places - below).astype(np.float32)[:, None]
        out[:, 2 * bands :] = 2 * (change[below] * (1 - share) + change[above] * share)
    return out


def reach(weights: dict[str, Floats]) -> int:
    """Frames on either side that an output depends on."""
    return sum(
        value.shape[0] // 2 * (2 ** int(name.split(".")[1]) if name.startswith("block") else 1)
        for name, value in weights.items()
        if name.endswith("weight")
    )


def _run(weights: dict[str, Floats], rows: Floats) -> Floats:
    def layer(name: str, rows: Floats, dilation: int = 1) -> Floats:
        return conv1d(rows, weights[f"{name}.weight"], weights[f"{name}.bias"], dilation=dilation)

    rows = elu(layer("stem", rows))
    for k in range(sum(name.endswith("far.weight") for name in weights)):
        rows += layer(f"block.{k}.near", elu(layer(f"block.{k}.far", rows, 2**k)))
    return layer("head", elu(rows))


@cache
def _weights() -> dict[str, Floats]:
    from safetensors.numpy import load

    data = resources.files("music_analysis").joinpath("weights/beats.safetensors").read_bytes()
    return {name: value.astype(np.float32) for name, value in load(data).items()}
