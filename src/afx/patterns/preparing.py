"""Weights whose pictures are rich for any seed: measured on sample points and set.

Random networks are as likely dull as rich. Here every unit is brought to the same gain (after
Mishkin and Matas 2016, "All you need is a good init", here unit by unit), then it is measured how
fine the picture is, and set. Published recipes (``initializers``) keep their hidden layers.

For every recipe three things are set by measurement, since no paper had to ask them: the outputs
have mean 0 and spread 1; a latent, a clock or a sound moves the picture by a known amount, so that
music lets it flow and does not tear it; and the finished weights are rounded to what half precision
holds, which keeps them the same on every machine and makes half precision exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from afx.field.network import NUMPY_ACTIVATIONS
from afx.patterns.architecture import Architecture
from afx.patterns.coordinates import coordinate_count
from afx.patterns.draws import TIMES, Draw, draw
from afx.patterns.initializers import RECIPES
from afx.patterns.network_shape import OUTPUTS, frame_count, network_of, runs
from afx.patterns.samples import Samples, half, samples_of, wave_rows

Floats = NDArray[np.float64]

_LIKE: dict[str, Callable[[Floats], Floats]] = {
    # The functions themselves: what runs is within 0.013 of them, and looks were curated so.
    **NUMPY_ACTIVATIONS,
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
}
_PULL = 0.65
"""Root mean square change of the standardized output when one latent moves by 1."""
_SOUND_PULL = 0.35
"""The same when one sound moves by half its range: there are many, and they never rest."""
_FLOW = 0.85
"""The same from one time to another far from it."""
_LEAST_SCALE = 0.25
"""Below this what enters the first layer hardly bends it, and the layer is lost."""
_LEAST_WAVES = 0.3
"""Below this part of their usual share one hardly sees the waves."""
_LEAST_GAIN = 0.5
"""Below this networks are almost linear."""
_ROUNDS = 10


def weights_of(architecture: Architecture, seed: int) -> NDArray[np.float32]:
    """Return the flat weights of an architecture's network, made from chance.

    Parameters
    ----------
    architecture : Architecture
        With genes, they are the chance; without, `seed` is.
    seed : int
        Any whole number; the same seed gives the same weights on every machine.

    Returns
    -------
    ndarray, float32 [network.size]
        Every value is one that half precision holds exactly.
    """
    drawn = draw(architecture, seed)
    network = network_of(architecture, "sampled")
    samples = samples_of(architecture, drawn, network.size)
    work = _Work(architecture, drawn, samples)
    work.search()
    return _flat(architecture, drawn, work)


class _Work:
    """One network on its way to its weights.

    Attributes
    ----------
    matrices : list of [width, inputs without sound]
    film : list of [width, sounds]
    biases : list of [width]
        All three of the hidden layers and, last, the output.
    """

    def __init__(self, architecture: Architecture, drawn: Draw, samples: Samples) -> None:
        self.architecture, self.drawn, self.samples = architecture, drawn, samples
        a = architecture
        self.frame, self.seen = frame_count(a), coordinate_count(a)
        self.recipe = RECIPES.get(a.initializer)
        sounds = drawn.first.shape[1] - a.music
        self.normal_first, self.normal_film = drawn.first[:, :sounds], drawn.first[:, sounds:]
        self.scale = np.full(sounds, 0.35)
        self.scale[self.frame :] = 1.0
        if a.fourier:
            # All waves together count as much as all coordinates together.
            self.scale[self.frame + self.seen :] = math.sqrt(self.seen / (2.0 * a.fourier))
        self.sound_scale = np.full(a.music, 0.2)
        # Near where the search ends for such a depth.
        deep = min(1.0, 4.0 / a.depth) if self.recipe is None else 1.0
        self.gain = a.gain * deep**0.65
        self.entering, self.hushed = max(deep**2, _LEAST_SCALE), 1.0
        self.scale[self.frame :] *= self.entering
        self.matrices: list[Floats] = []
        self.film: list[Floats] = []
        self.biases: list[Floats] = []

    def search(self) -> None:
        """Turn the scales of the inputs until the picture is as fine and as lively as wished."""
        a, held = self.architecture, self.architecture.latents + 1
        for _ in range(_ROUNDS if a.depth <= 4 and not a.fourier else _ROUNDS + 3):
            out = self.run()[..., 0]
            moved = np.sqrt(np.mean((out[1 : len(self.samples.frame)] - out[0]) ** 2, axis=1))
            if self.recipe is None:
                self._refine(_fineness(out, self.samples))
            self.scale[:held] *= _toward(_PULL, moved[:held])
            # Half a round of both clocks may remake the picture, no more.
            flow = moved[held : held + TIMES].mean()
            self.scale[held : self.frame] *= _toward(_FLOW, flow)
            if a.music:
                self.sound_scale *= _toward(_SOUND_PULL, moved[held + TIMES :])
        self.run()

    def _refine(self, fineness: float) -> None:
        """Make the picture finer or calmer: by the inputs' scale, the gain, the waves' share.

        Deep networks are chaotic at a gain that is right for shallow ones (Poole et al. 2016,
        "Exponential expressivity in deep neural networks"): however little enters, much comes out.
        So where the inputs are small already, the gain gives way, and then the waves, which have a
        fineness of their own.
        """
        a = self.architecture
        # One form in a tile is as plain as tiles can be.
        wished = max(a.fineness, 2.0 * math.pi * a.tiles) if a.symmetry == "tile" else a.fineness
        step = float(_toward(wished, fineness))
        calmer = step < 1.0
        waves = self.scale[self.frame + self.seen :]
        if self.entering > _LEAST_SCALE if calmer else self.gain >= a.gain:
            entering = max(self.entering * step, _LEAST_SCALE)
            self.scale[self.frame :] *= entering / self.entering
            self.entering = entering
        elif len(waves) and (self.hushed > _LEAST_WAVES if calmer else self.hushed < 1.0):
            hushed = min(max(self.hushed * step, _LEAST_WAVES), 1.0)
            waves *= hushed / self.hushed
            self.hushed = hushed
        else:
            gain = self.gain * step ** (2.0 / a.depth)
            self.gain = min(max(gain, _LEAST_GAIN), a.gain)

    def run(self) -> Floats:
        """Set the layers by the scales; return the outputs [moments and steps, points, 3]."""
        a, samples, recipe = self.architecture, self.samples, self.recipe
        aside, points = len(samples.space) - 1, samples.space.shape[1]
        count = len(samples.frame)
        # Every moment at the points; then the first moment again, a step aside.
        order = np.concatenate([np.zeros(count, int), np.arange(1, 1 + aside)])
        when = np.concatenate([np.arange(count), np.zeros(aside, int)])
        space, frame, sounds = samples.space[order], samples.frame[when], samples.sounds[when]
        matrices, films, biases = [], [], []
        values = space
        for k in range(a.depth + 1):
            last = k == a.depth
            film = np.zeros((OUTPUTS, a.music)) if last else self._film(k)
            matrix, bias = self._layer(k)
            columns = matrix[:, self.frame :] if k == 0 else matrix
            before = (values.reshape(-1, values.shape[-1]) @ columns.T).reshape(
                len(order), points, len(matrix)
            )
            if last or (k and recipe is None):
                # The spread over the points of a moment: what changes with time alone does not
                # count, and steps aside are not samples of their own.
                spread = np.sqrt(before[:count].var(axis=1).mean(axis=0))
                gain = (1.0 if last else self.gain) / np.maximum(spread, 1e-6)
                matrix = matrix * gain[:, None]
                before = before * gain
                bias = bias - before[:count].mean(axis=(0, 1))
            # A sound at rest stands at one half and shifts nothing.
            shift = bias + (sounds - 0.5) @ film.T
            if k == 0:
                shift = shift + frame @ matrix[:, : self.frame].T
            before = before + shift[:, None, :]
            values = before if last else _activated(before, a)
            matrices.append(matrix)
            films.append(film)
            biases.append(bias - 0.5 * film.sum(axis=1))
        self.matrices, self.film, self.biases = matrices, films, biases
        return np.asarray(values)

    def _layer(self, k: int) -> tuple[Floats, Floats]:
        """Return hidden layer `k`, or the output after the last of them, before any measuring."""
        width, recipe = self.architecture.width, self.recipe
        if k == self.architecture.depth:
            return self.drawn.last, np.zeros(OUTPUTS)
        offset = self.drawn.offsets[k]
        if k == 0:
            matrix = self.normal_first * self.scale
            if recipe is None:
                return matrix, 0.6 * offset
            seen = self.normal_first[:, self.frame :]
            matrix[:, self.frame :] = recipe.weights(seen, seen.shape[1], width, True)
            return matrix, recipe.biases(offset, seen.shape[1], True)
        normal = self.drawn.hidden[k - 1]
        if recipe is None:
            return normal, 0.6 * offset
        return recipe.weights(normal, width, width, False), recipe.biases(offset, width, False)

    def _film(self, k: int) -> Floats:
        """Return what the sounds do to hidden layer `k`: the same pull on every layer."""
        normal = self.normal_film if k == 0 else self.drawn.film[k - 1]
        return np.asarray(normal * self.sound_scale)


def _fineness(out: Floats, samples: Samples) -> float:
    """Return the root mean square slope of an output [moments and steps, points]."""
    if len(samples.space) == 1:
        slopes = np.gradient(out.reshape(-1, *samples.shape), *samples.steps, axis=(1, 2))
        down, right = slopes[0], slopes[1]
    else:
        down, right = ((out[k - 2] - out[0]) / samples.steps[k] for k in (0, 1))
    return float(np.sqrt(np.mean(down**2 + right**2)))


def _toward(wished: float, found: Floats | float) -> Floats:
    """Return the factors by which scales move in one round, from what was measured."""
    ratio = wished / np.maximum(found, 1e-3)
    return np.asarray(np.clip(ratio**0.7, 0.5, 2.0))


def _activated(before: Floats, architecture: Architecture) -> Floats:
    parts, at = [], 0
    for name, count in runs(architecture):
        parts.append(_LIKE[name](before[..., at : at + count]))
        at += count
    return np.concatenate(parts, axis=-1)


def _flat(architecture: Architecture, drawn: Draw, work: _Work) -> NDArray[np.float32]:
    """Return all layers as one array, in the order in which the network has its inputs."""
    frame, seen, music = work.frame, work.seen, architecture.music
    parts: list[Floats] = []
    if architecture.fourier:
        rows = np.repeat(wave_rows(architecture, drawn), 2, axis=0)
        top = np.concatenate([np.eye(seen), rows])
        parts += [np.concatenate([top, np.zeros((len(top), frame + music))], axis=1).ravel()]
        # A cosine is a sine a quarter turn on.
        quarter = np.tile([0.0, math.pi / 2], architecture.fourier)
        parts += [half(np.concatenate([np.zeros(seen), quarter]))]
    for k, (matrix, film, bias) in enumerate(
        zip(work.matrices, work.film, work.biases, strict=True)
    ):
        if not architecture.fourier:
            whole: Sequence[Floats] = (matrix, film)
        elif k == 0:
            whole = (matrix[:, frame:], matrix[:, :frame], film)
        else:
            whole = (matrix, np.zeros((len(matrix), frame)), film)
        parts += [half(np.concatenate(whole, axis=1)).ravel(), half(bias)]
    return np.concatenate(parts).astype(np.float32)
