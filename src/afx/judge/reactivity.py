"""C1: whether the picture moves when the sound does, and by more than chance.

Knows curves at one rate; knows nothing of videos or songs. The curve of the sound and the curve of
the picture are freed of everything slower than two seconds and compared at every lag up to 0.2 s.
What chance gives is found from the same two curves, put together wrongly.

Lags are in seconds; below 0 the picture leads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter1d, median_filter, uniform_filter1d

from afx.chance import generator

Floats = NDArray[np.float64]

STRONG = 0.35
"""Correlation from which a picture follows."""
SURE = 5.0
"""Deviations above chance from which it is no chance."""
EARLIEST, LATEST = -0.080, 0.020
"""Seconds within which sight and sound are one (negative: the picture leads)."""
AMBIENT = 0.5
"""The same as `STRONG` for slow music, of loudness and motion smoothed over a second."""
REACH = 0.2
"""Seconds of lag that are tried."""
SHIFTS = 200
SHORTEST_SHIFT = 5.0
BLOCK = (0.6, 1.7)
"""Seconds: lengths of the blocks that are shuffled."""
MOMENT = 1.0 / 30.0
"""Deviation of what is one moment to the eye: curves are smoothed by it, so that a video of 60
frames a second is not judged by finer steps than one of 25."""
SLOW = 2.0
"""Seconds: the running median taken away."""
ENVELOPE_DELAY, ONSET_DELAY = 0.043, 0.0035
"""Seconds by which the curves of hits are late against synthetic kicks (`delay_of`): the envelope
because it dies away slowly (180 ms), the bare onsets by what their windows take."""


@dataclass(frozen=True)
class Link:
    """How two curves hang together.

    Attributes
    ----------
    r : float
        Largest correlation within the reach.
    lag : float
        Seconds at which it is reached, between frames by a parabola.
    z : float
        Deviations by which `r` is above that of curves shifted against one another (by 5 s or
        more). Music of constant tempo fits itself when shifted by a bar: there it says little.
    z_blocks : float
        The same for a picture whose blocks of about a second are shuffled.
    lags, curve : float64 [2 reach + 1]
        All correlations.
    chance : (float, float)
        Where nine in ten correlations of shifted curves lie.
    best_chance : float
        What `r` exceeds by chance in one of twenty cases.
    """

    r: float
    lag: float
    z: float
    z_blocks: float
    lags: Floats
    curve: Floats
    chance: tuple[float, float]
    best_chance: float

    @property
    def sure(self) -> float:
        """The larger of both z."""
        return max(self.z, self.z_blocks)

    @property
    def timely(self) -> bool:
        """Whether sight and sound are one."""
        # A nanosecond for rounding.
        return EARLIEST - 1e-9 <= self.lag <= LATEST + 1e-9

    @property
    def follows(self) -> bool:
        """Whether the picture follows: strongly, surely, in time."""
        return self.r >= STRONG and self.sure >= SURE and self.timely


def link(
    sound: ArrayLike, picture: ArrayLike, rate: float, *, delay: float = 0.0, purpose: str = ""
) -> Link:
    """Compare two curves.

    Parameters
    ----------
    sound, picture : array_like [n]
        Of one rate, from the same moment on.
    rate : float
        Values a second.
    delay : float
        Seconds by which the sound's curve is late.
    purpose : str
        What chance is asked for; the same curves and purpose give the same figures.

    Returns
    -------
    Link
        All zero where one of the curves is flat.
    """
    heard, seen = detrended(sound, rate), detrended(picture, rate)
    n = len(heard)
    reach = max(1, min(round(REACH * rate), (n - 1) // 2))
    center = -round(delay * rate)  # where the sound's late curve meets a picture in time
    lags = (center + np.arange(-reach, reach + 1)) / rate + delay
    if not heard.any() or not seen.any():
        flat = np.zeros(2 * reach + 1)
        return Link(0.0, 0.0, 0.0, 0.0, lags, flat, (0.0, 0.0), 0.0)
    spectrum = np.conj(fft.rfft(heard))
    all_lags = _correlations(spectrum, seen)
    curve = _around(all_lags, center, reach)
    dice = generator(0, f"judge.{purpose}")
    shifted = _shifted(all_lags, reach, rate, dice)
    blocks = np.array(
        [
            _around(_correlations(spectrum, _shuffled(seen, rate, dice)), center, reach).max()
            for _ in range(SHIFTS)
        ]
    )
    best = float(curve.max())
    low, high = np.percentile(shifted, (5, 95))
    return Link(
        r=best,
        lag=float(lags[0] + _peak(curve) / rate),
        z=_deviations(best, shifted.max(axis=1)),
        z_blocks=_deviations(best, blocks),
        lags=lags,
        curve=curve,
        chance=(float(low), float(high)),
        best_chance=float(np.percentile(shifted.max(axis=1), 95)),
    )


def hits_link(envelope: ArrayLike, onsets: ArrayLike, picture: ArrayLike, rate: float) -> Link:
    """Compare a picture with percussive hits: how strongly by their envelope, when by their onsets.

    An eye takes a movement that dies away with the drum for an answer, so the envelope tells how
    strongly and how surely a picture follows. But its tail draws the lag along: that is
    taken from the bare onsets, where these are seen beyond chance.
    """
    whole = link(envelope, picture, rate, delay=ENVELOPE_DELAY, purpose="hits")
    sharp = link(onsets, picture, rate, delay=ONSET_DELAY, purpose="onsets")
    return replace(whole, lag=sharp.lag) if sharp.r > sharp.best_chance else whole


def detrended(curve: ArrayLike, rate: float) -> Floats:
    """Smooth a curve by a moment, take its slow part away, and scale it to deviation 1.

    A curve that is flat, or nearly so beside its own size, gives zeros.
    """
    x = gaussian_filter1d(np.asarray(curve, dtype=np.float64), MOMENT * rate, mode="nearest")
    size = float(np.abs(x).max(initial=0.0))
    x = x - median_filter(x, min(round(SLOW * rate) | 1, 2 * len(x) + 1), mode="nearest")
    x = x - x.mean() if len(x) else x
    spread = float(x.std()) if len(x) else 0.0
    return x / spread if spread > 1e-6 * max(size, 1e-6) else np.zeros_like(x)


def slow_link(loudness: ArrayLike, picture: ArrayLike, rate: float) -> float:
    """Return the correlation of loudness and motion, both smoothed over a second."""
    size = max(1, round(rate))
    both = [
        uniform_filter1d(np.asarray(curve, dtype=np.float64), size, mode="nearest")
        for curve in (loudness, picture)
    ]
    x, y = (curve - curve.mean() for curve in both)
    power = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / power) if power > 1e-12 else 0.0


def delay_of(curve: ArrayLike, times: ArrayLike, rate: float) -> float:
    """Return by how much a curve of hits is late, whose true times are known."""
    at = np.arange(len(np.asarray(curve))) / rate
    truth = np.zeros(len(at))
    for time in np.asarray(times):
        truth += np.exp(-0.5 * ((at - time) / (0.5 / rate)) ** 2)
    return -link(curve, truth, rate).lag


def _correlations(spectrum: NDArray[np.complex128], seen: Floats) -> Floats:
    """Return the circular correlation at every lag: element k has the picture k later."""
    return np.asarray(fft.irfft(spectrum * fft.rfft(seen), len(seen)) / len(seen))


def _around(all_lags: Floats, at: int, reach: int) -> Floats:
    return all_lags[np.arange(at - reach, at + reach + 1) % len(all_lags)]


def _shifted(all_lags: Floats, reach: int, rate: float, dice: np.random.Generator) -> Floats:
    """Return the correlations around `SHIFTS` wrong places: [shifts, 2 reach + 1]."""
    n = len(all_lags)
    least = min(round(SHORTEST_SHIFT * rate), n // 4)
    possible = np.arange(least, n - least + 1)
    places = dice.choice(possible, SHIFTS, replace=len(possible) < SHIFTS)
    return np.stack([_around(all_lags, int(place), reach) for place in places])


def _shuffled(seen: Floats, rate: float, dice: np.random.Generator) -> Floats:
    """Cut a curve into blocks of `BLOCK` seconds and put them together in another order."""
    n = len(seen)
    lengths = dice.uniform(*BLOCK, int(n / rate / BLOCK[0]) + 2) * rate
    cuts = np.cumsum(np.maximum(1, lengths.astype(int)))
    parts = np.split(seen, cuts[cuts < n])
    return np.concatenate([parts[k] for k in dice.permutation(len(parts))])


def _deviations(value: float, null: Floats) -> float:
    return (value - float(null.mean())) / max(float(null.std()), 1e-3)


def _peak(curve: Floats) -> float:
    """Return the place of the highest value, between elements by a parabola."""
    k = int(curve.argmax())
    if not 0 < k < len(curve) - 1:
        return float(k)
    a, b, c = curve[k - 1 : k + 2]
    bend = a - 2 * b + c
    return k + float(0.5 * (a - c) / bend) if bend < 0 else float(k)
