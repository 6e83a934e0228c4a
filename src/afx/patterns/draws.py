"""The chance that weights are made of: standard normal numbers, keyed by seed and purpose.

Any weighted sum of such draws, brought back to unit variance, is again such a draw: so children of
networks, and every step on a path between two, are networks as good as the ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.patterns.architecture import Architecture
from afx.patterns.coordinates import coordinate_count
from afx.patterns.network_shape import CLOCKS, OUTPUTS

Floats = NDArray[np.float64]

TIMES = 5
"""Moments besides the one at rest at which a network is looked at."""
_CORE_LATENTS = 4
"""Latents whose draws come from the same stream as the rest of the core."""
_CORE = _CORE_LATENTS + 1 + CLOCKS + 3


@dataclass(frozen=True)
class Draw:
    """Standard normal numbers for every weight of an architecture, before any recipe.

    Attributes
    ----------
    first : [width, inputs]
        Of the first hidden layer, its inputs in the order frame, coordinates, waves, sounds.
    hidden : list of [width, width]
        Of the other hidden layers.
    film : list of [width, sounds]
        Of the other hidden layers' inputs from sound.
    last : [3, width]
    offsets : list of [width]
        Of the hidden layers.
    waves : [waves, coordinates]
    angles : [times, 2]
        Where the two clocks stand at rest (first) and at other times (last), radians.
    """

    first: Floats
    hidden: list[Floats]
    film: list[Floats]
    last: Floats
    offsets: list[Floats]
    waves: Floats
    angles: Floats


def _core(architecture: Architecture, seed: int) -> dict[str, Floats]:
    """Return one seed's numbers for the parts that every network has, in one stream."""
    key = np.array([seed % 2**64, 0x4350504E], dtype=np.uint64)
    rng = np.random.Generator(np.random.Philox(key=key))
    width, depth = architecture.width, architecture.depth
    parts = {"first": rng.standard_normal((width, _CORE))}
    for k in range(1, depth):
        parts[f"hidden{k}"] = rng.standard_normal((width, width))
    parts["last"] = rng.standard_normal((OUTPUTS, width))
    parts["offsets"] = rng.standard_normal((depth, width))
    # A stream of its own for everything that not every network has: with a latent more or a
    # sound more, the rest of the picture stays what it was.
    for k in range(_CORE_LATENTS, architecture.latents):
        parts[f"latent{k}"] = _extra(seed, f"latent {k}", (width,))
    for name, part in _coordinate_parts(architecture):
        parts[f"{name}{part}"] = _extra(seed, f"coordinate {name} {part}", (width,))
    for k in range(architecture.music):
        parts[f"sound{k}"] = _extra(seed, f"sound {k}", (depth, width))
    for k in range(architecture.fourier):
        parts[f"wave{k}"] = _extra(seed, f"wave {k}", (coordinate_count(architecture) + 2 * width,))
    rng.standard_normal(OUTPUTS)
    angles = rng.uniform(0.0, 2.0 * np.pi, (2 + _CORE_LATENTS + TIMES, 2))
    # As directions, which can be mixed.
    return parts | {"cosines": np.cos(angles), "sines": np.sin(angles)}


def _coordinate_parts(architecture: Architecture) -> list[tuple[str, int]]:
    """Return name and number of every value that `coordinates.coordinates` gives."""
    around = 2 if architecture.symmetry == "tile" else 1
    counts = {"x": around, "y": around, "radius": 1, "angle": 2}
    return [(name, part) for name in architecture.coordinates for part in range(counts[name])]


def _extra(seed: int, purpose: str, shape: tuple[int, ...]) -> Floats:
    return generator(seed, f"cppn {purpose}").standard_normal(shape)


def draw(architecture: Architecture, seed: int) -> Draw:
    """Return the numbers of an architecture's genes, or of `seed` if it has none.

    The genes' numbers are added up by their shares and brought back to unit variance.
    """
    genes = [(g.seed, g.share) for g in architecture.genes if g.share] or [(seed, 1.0)]
    size = math.sqrt(sum(share * share for _, share in genes))
    mixed: dict[str, Floats] = {}
    for gene, share in genes:
        for key, numbers in _core(architecture, gene).items():
            mixed[key] = mixed.get(key, np.zeros(())) + numbers * (share / size)
    a, depth = architecture, architecture.depth
    core = mixed["first"]
    at = {"x": _CORE - 3, "y": _CORE - 2, "radius": _CORE - 1}
    columns = [core[:, k] for k in range(min(a.latents, _CORE_LATENTS))]
    columns += [mixed[f"latent{k}"] for k in range(_CORE_LATENTS, a.latents)]
    columns += [core[:, k] for k in range(_CORE_LATENTS, _CORE - 3)]
    for name, part in _coordinate_parts(a):
        known = part == 0 and name in at
        columns.append(core[:, at[name]] if known else mixed[f"{name}{part}"])
    waves = [mixed[f"wave{k}"] for k in range(a.fourier)]
    for wave in waves:
        both = wave[coordinate_count(a) :].reshape(2, a.width)
        columns += [both[0], both[1]]
    columns += [mixed[f"sound{k}"][0] for k in range(a.music)]
    sounds = [
        np.stack([mixed[f"sound{j}"][k] for j in range(a.music)], axis=1)
        if a.music
        else np.zeros((a.width, 0))
        for k in range(1, depth)
    ]
    made = Draw(
        first=np.stack(columns, axis=1),
        hidden=[mixed[f"hidden{k}"] for k in range(1, depth)],
        film=sounds,
        last=mixed["last"],
        offsets=list(mixed["offsets"]),
        waves=np.stack([w[: coordinate_count(a)] for w in waves])
        if waves
        else np.zeros((0, coordinate_count(a))),
        angles=np.arctan2(mixed["sines"], mixed["cosines"]),
    )
    return _tied(made) if a.tied else made


def _tied(made: Draw) -> Draw:
    """Give the second half of every layer's rows the first half's numbers."""

    def twice(rows: Floats) -> Floats:
        half = rows[: len(rows) // 2]
        return np.concatenate([half, half])

    return Draw(
        first=twice(made.first),
        hidden=[twice(m) for m in made.hidden],
        film=[twice(m) for m in made.film],
        last=made.last,
        offsets=[twice(o) for o in made.offsets],
        waves=made.waves,
        angles=made.angles,
    )
