"""Sources that are worked out of chroma and spectrum: harmony, tonal center, the piece's timbres.

Each is a function of tracks as they were analyzed (no lead), gives curves in [0, 1] around 0.5 and
is slow. Knows tracks by name; knows nothing of frames being ahead of the sound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from afx.shaping import smooth
from afx.source_names import BANDS, CHROMA, TIMBRES

Curve = NDArray[np.float64]
Track = Callable[[str], Curve]
"""Gives a track by its name, [frames]; zeros where the analysis has none."""

TIMBRE_SECONDS = 1.5
"""Deviation of the smoothing of timbres."""
HARMONY_SECONDS = 2.0
"""The same of the harmony's drift."""
TONNETZ_SECONDS = 1.0
"""The same of the tonal center."""

SPECTRUM = (
    tuple(f"level.{band}" for band in BANDS),
    ("centroid", "flatness", "flux"),
    tuple(f"chroma.{name}" for name in CHROMA),
)
"""Tracks that tell of timbre, in groups."""
_TIMBRE_FLOOR = 0.06
_QUIET = 0.3
"""Strengths of all pitch classes together below which the tonal center goes back to the middle."""


def harmony(track: Track, fps: float) -> Curve:
    """Return the slow sideways drift of the chroma's mean on the circle of fifths, 0.5 at home.

    The sideways part of the mean direction, not its angle, which would jump where it wraps.
    """
    mean = _on_circle(track, 7)
    mean = smooth(mean.real, fps, HARMONY_SECONDS) + 1j * smooth(mean.imag, fps, HARMONY_SECONDS)
    home = mean.mean() if len(mean) else 0.0
    if abs(home) < 1e-6:
        return np.full(len(mean), 0.5)
    side: Curve = np.imag(mean * np.conj(home)) / abs(home)
    # Relative to the piece's own swing, but a monotonous piece is not blown up.
    return np.asarray(0.5 + side * (0.5 / max(float(np.quantile(np.abs(side), 0.98)), 0.15)))


def tonnetz(track: Track, fps: float) -> Curve:
    """Return the tonal center in six coordinates, [6, frames]: Harte, Sandler and Gasser 2006.

    "Detecting harmonic change in musical audio": pitch classes lie on three circles, of fifths,
    minor thirds and major thirds; the coordinates are those of their mean, sine then cosine of each
    circle, all to the same range here.
    """
    total = smooth(_on_circle(track, 0).real, fps, TONNETZ_SECONDS)
    rows = []
    for step in (7, 9, 4):  # semitones times 7π/6, 3π/2 and 2π/3, as twelfths of a turn
        mean = _on_circle(track, step)
        for part in (mean.imag, mean.real):
            center = smooth(part, fps, TONNETZ_SECONDS) / np.maximum(total, _QUIET)
            rows.append(0.5 + 0.5 * center)
    return np.stack(rows)


def _on_circle(track: Track, step: int) -> NDArray[np.complex128]:
    """Return the sum of the pitch classes as points `step` twelfths of a turn apart."""
    total = np.zeros(len(track("chroma.C")), dtype=np.complex128)
    for k, name in enumerate(CHROMA):
        total += track(f"chroma.{name}") * np.exp(2j * np.pi * (step * k % 12) / 12.0)
    return total


def timbres(track: Track, names: frozenset[str], frames: int, fps: float) -> Curve:
    """Return the principal components of the piece's spectrum over time: [TIMBRES, frames].

    What a piece varies in is what its pictures shall vary in: bass against air in one, noise
    against tones in another. Each lies in [0, 1] around 0.5. `names` are the tracks there are.
    """
    out = np.full((TIMBRES, frames), 0.5)
    columns = []
    for group in SPECTRUM:
        tracks = [track(n) for n in group if n in names]
        # Every group counts alike, however many tracks it has.
        columns += [smooth(t, fps, TIMBRE_SECONDS) / len(tracks) ** 0.5 for t in tracks]
    if len(columns) < TIMBRES or frames < 2:
        return out
    data = np.stack(columns)
    data -= data.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(data @ data.T / frames)
    for k in range(TIMBRES):
        # Largest first; a component's sign is that of its strongest track.
        loading = vectors[:, -1 - k]
        side = loading @ data * np.sign(loading[np.argmax(np.round(np.abs(loading), 6))])
        # Relative to its own swing, but a piece that hardly varies is not blown up.
        out[k] += side * (0.5 / max(float(np.quantile(np.abs(side), 0.98)), _TIMBRE_FLOOR))
    return out
