"""Where and when a network is looked at to prepare its weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.patterns.architecture import Architecture
from afx.patterns.coordinates import ARRAYS, coordinates, placed
from afx.patterns.draws import TIMES, Draw
from afx.patterns.network_shape import CLOCKS, frame_count

Floats = NDArray[np.float64]

RESOLVED = 4.2
"""The slope that the grid below resolves."""
_GRID = (41, 23)
_DENSE = 20_000
"""Weights up to which all points of the grid are used; beyond, ever fewer."""
_REACH = (1.78, 1.0)
"""Half width and half height of the sampled picture."""


@dataclass(frozen=True)
class Samples:
    """Where and when a network is looked at.

    Attributes
    ----------
    space : [1 or 3, points, coordinates and waves]
        The points of a grid, and the same a step to the right and a step down.
    shape : (int, int)
        Rows and columns of the grid.
    steps : (float, float)
        Those steps down and to the right, half heights; between neighbors where there are none.
    frame : [moments, frame inputs]
    sounds : [moments, sounds]
    """

    space: Floats
    shape: tuple[int, int]
    steps: tuple[float, float]
    frame: Floats
    sounds: Floats


def samples_of(architecture: Architecture, drawn: Draw, size: int) -> Samples:
    """Return the samples for an architecture whose network has `size` weights."""
    held = architecture.latents + 1
    count = 1 + held + TIMES + architecture.music
    scale = min(1.0, _DENSE / size) ** 0.28
    if scale < 1.0:  # the more moments, the fewer points each
        scale *= min(1.0, 11 / count) ** 0.25
    columns, rows = (max(5, round(n * scale)) for n in _GRID)
    x, y = np.meshgrid(np.linspace(-1.0, 1.0, columns), np.linspace(-1.0, 1.0, rows))
    x, y = x.ravel() * _REACH[0], y.ravel() * _REACH[1]
    down, right = (2.0 * _REACH[k] / (_GRID[k] - 1) for k in (1, 0))
    corners = [(x, y)]
    # On the whole grid neighbors tell the slopes of forms that are not too fine; else every point
    # gets two neighbors of its own, so near that the finest form is a slope between them.
    finest = _finest(architecture)
    if scale < 1.0 or finest > 2.0:
        near = 2.0 / max(1.0, finest)
        down, right = down * near, right * near
        corners += [(x, y + down), (x + right, y)]
    space = []
    for px, py in corners:
        seen = np.stack(coordinates(placed(px, py, architecture, ARRAYS), architecture), axis=-1)
        space.append(np.concatenate([seen, _waved(seen @ wave_rows(architecture, drawn).T)], -1))
    frame = np.zeros((count, frame_count(architecture)))
    frame[:, architecture.latents] = 0.5
    frame[1 : 1 + held, :held] += np.eye(held)
    times = np.repeat(drawn.angles[:1], count, axis=0)
    times[1 + held : 1 + held + TIMES] = drawn.angles[-TIMES:]
    frame[:, held:] = np.stack([np.cos(times), np.sin(times)], axis=-1).reshape(count, CLOCKS)
    sounds = np.full((count, architecture.music), 0.5)
    if architecture.music:
        sounds[-architecture.music :] += 0.5 * np.eye(architecture.music)
    return Samples(np.stack(space), (rows, columns), (down, right), frame, sounds)


def _finest(architecture: Architecture) -> float:
    """Return how many times finer than what the grid resolves the forms may be."""
    a = architecture
    own = {"tile": 2.0 * a.tiles, "rotate": a.folds / 6.0, "kaleidoscope": a.folds / 6.0}
    waves = 2.0 * a.fourier_scale if a.fourier else 0.0
    return max(a.fineness / RESOLVED, waves, own.get(a.symmetry, 0.0))


def wave_rows(architecture: Architecture, drawn: Draw) -> Floats:
    """Return the waves' directions, radians per unit of each coordinate: [waves, coordinates].

    Waves run over x and y where the network sees them; distances and angles bend on their own.
    """
    columns, flat = [], ("x", "y")
    some = any(name in flat for name in architecture.coordinates)
    for name in architecture.coordinates:
        count = 2 if name == "angle" or (architecture.symmetry == "tile" and name in flat) else 1
        columns += [1.0 if name in flat or not some else 0.0] * count
    rows = drawn.waves * np.array(columns) * (2.0 * np.pi * architecture.fourier_scale)
    return half(rows)


def _waved(phase: Floats) -> Floats:
    """Return sine and cosine of each wave, side by side in pairs."""
    return np.stack([np.sin(phase), np.cos(phase)], -1).reshape(*phase.shape[:-1], -1)


def half(values: Floats) -> Floats:
    """Round to what half precision holds."""
    return np.clip(values, -65504.0, 65504.0).astype(np.float16).astype(np.float64)
