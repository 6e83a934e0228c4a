"""Onset strengths: how much sound begins at each moment, in all and by kind of drum.

Knows quarter-octave powers at 100 Hz; knows nothing of video frames, smoothing or beats. Method:
positive change of the log spectrum against its neighborhood two frames earlier (SuperFlux, Böck and
Widmer 2013, "Maximum filter vibrato suppression for onset detection"), and for the drums a
soft mask that tells what is short and broad from what is long and narrow (after Fitzgerald 2010,
"Harmonic/percussive separation using median filtering", with box means in place of medians, which
cost a hundredth).

Units: onset strengths are decibels of rise, averaged over bands: 0 where nothing begins, 10 to 30
for a drum. They do not change with the gain of the recording, down to the floor of −100 dB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from music_analysis.spectra import ONSET_CENTERS
from music_analysis.windows import Floats

_LAG: Final = 2  # frames: 20 ms, one window
_PAGE: Final = 4096  # frames worked on at once: memory does not grow with the song
_MARGIN: Final = 32  # frames of context on either side of a page
_SHADOW: Final = 1e-3  # 30 dB under the loudest band (after the tilt) is as good as silence
_SPLASH: Final = np.float32(0.15)  # share of a bass drum's rise that its click has in the middle
_FLOOR: Final = 1e-10
_HOLD: Final = 25  # frames: 0.25 s, longer than a drum, shorter than most notes
_BREADTH: Final = 9  # bands: two octaves


@dataclass(frozen=True)
class _Kinds:
    """Which bands are those of a bass drum, a snare drum, a hi-hat, and low."""

    kick: NDArray[np.bool_]
    snare: NDArray[np.bool_]
    hat: NDArray[np.bool_]
    low: NDArray[np.bool_]


@dataclass(frozen=True)
class Onsets:
    """Onset strengths at 100 Hz, all float32 [N], in dB of rise; frame k speaks for k / 100 s."""

    every: Floats
    """All that begins, notes and drums."""
    low: Floats
    """What begins below 250 Hz."""
    hits: Floats
    """Drums and other short, broad sounds."""
    kick: Floats
    snare: Floats
    hat: Floats


def find_onsets(power: Floats, centers: NDArray[np.float64] = ONSET_CENTERS) -> Onsets:
    """Onset strengths of quarter-octave powers.

    Parameters
    ----------
    power
        float32 [N, B] at 100 Hz, as :class:`music_analysis.spectra.Spectra` has it.
    centers
        [B] Hz: the centers of the bands, quarter octaves, ascending.
    """
    kinds = _Kinds(centers < 150, (centers > 300) & (centers < 5000), centers > 5000, centers < 250)
    tilt = np.sqrt(centers / 1000).astype(np.float32)  # music falls by 3 to 5 dB an octave
    # every k-th frame is enough for a percentile, and bounds the cost for an hour
    loud = np.percentile(power[:: 1 + len(power) // 40_000], 99.5, axis=0) * tilt
    floor = np.float32(max(float(loud.max()) * _SHADOW, _FLOOR))
    gain = tilt / floor
    columns = np.zeros((6, len(power)), np.float32)
    for start in range(0, len(power), _PAGE):
        stop = min(start + _PAGE, len(power))
        first, last = max(0, start - _MARGIN), min(len(power), stop + _MARGIN)
        part = _strengths(power[first:last] * gain, kinds, silent_before=first == 0)
        columns[:, start:stop] = part[:, start - first : stop - first]
    return Onsets(*columns)


def _strengths(scaled: Floats, kinds: _Kinds, *, silent_before: bool) -> Floats:
    """[n, B] powers over their floors to the six strengths, [6, n]."""
    level = np.float32(10) * np.log10(np.float32(1) + scaled)
    highest = maximum_filter1d(level, 3, axis=1)
    before = np.empty_like(level)
    before[_LAG:] = highest[:-_LAG]
    before[:_LAG] = 0 if silent_before else highest[:1]
    rise = np.maximum(level - before, 0)
    long = uniform_filter1d(level, _HOLD, axis=0)
    broad = uniform_filter1d(level, _BREADTH, axis=1)
    np.square(long, out=long)
    np.square(broad, out=broad)
    sharp = rise * (broad / (broad + long + np.float32(1e-3)))
    every, low = rise.mean(axis=1), rise[:, kinds.low].mean(axis=1)
    kick, snare, hat = (
        sharp[:, kind].mean(axis=1) for kind in (kinds.kick, kinds.snare, kinds.hat)
    )
    # the sharp start of a bass drum splashes into the middle: that is no snare
    snare = np.maximum(snare - _SPLASH * maximum_filter1d(kick, 3), 0)
    return np.stack([every, low, sharp.mean(axis=1), kick, snare, hat])
