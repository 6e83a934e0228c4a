"""A network as a function of arrays: ``CPPN(...)(x, y, time, features, embeddings, latents)``.

For scripts and notebooks, and for whatever is no song: any points, any vector of features. The
vectors reach the network through fixed random projections into the inputs that shift every layer,
so nothing needs to be trained and nothing is spent per pixel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afx.chance import generator
from afx.field import Point, Program, as_expr, knobs_of, trace
from afx.field.program import plane
from afx.patterns.architecture import Architecture, merged
from afx.patterns.cppn import cppn_pattern
from afx.patterns.registry import Pattern
from afx.patterns.weights_file import load_weights

_ROW = 4096
"""Points a kernel call works on in one row."""


class Fields(NamedTuple):
    """What a network answers for every point, each float32 and of the points' shape.

    Attributes
    ----------
    tone : ndarray
        Place in the palette, about 0 to 1; Y' if the output is raw color.
    hue : ndarray
        Offset of the hue in turns; Cb if the output is raw color.
    mask : ndarray
        1 where the palette shows; Cr if the output is raw color.
    """

    tone: NDArray[np.float32]
    hue: NDArray[np.float32]
    mask: NDArray[np.float32]


class CPPN:
    """A network that can be asked at any points.

    Parameters
    ----------
    architecture : Architecture, optional
        What it is made of; without one, what a weights file among the changes is for, else 8
        sounds so that features have where to enter.
    seed : int
        The chance its weights are made of, where the architecture has no genes and no file.
    **changes
        Fields of `Architecture` in place of those.

    Examples
    --------
    >>> network = CPPN(width=32, depth=6, seed=7)
    >>> x, y = np.meshgrid(np.linspace(-1.6, 1.6, 320), np.linspace(-1, 1, 200))
    >>> tone, hue, mask = network(x, y, 3.5, fft_features=np.random.rand(64))
    """

    def __init__(
        self, architecture: Architecture | None = None, *, seed: int = 0, **changes: Any
    ) -> None:
        base = Architecture(music=8) if architecture is None else architecture
        if architecture is None and changes.get("weights") is not None:
            base, _ = load_weights(changes["weights"])
        self.architecture = merged(base, Architecture(**changes))
        self.seed = seed
        self.pattern: Pattern = cppn_pattern(self.architecture)
        assert self.pattern.weights is not None
        self.weights = self.pattern.weights(seed)

    def __call__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        time: float = 0.0,
        fft_features: ArrayLike | None = None,
        ml_embeddings: ArrayLike | None = None,
        latents: Sequence[float] | None = None,
        **knobs: float,
    ) -> Fields:
        """Evaluate the network.

        Parameters
        ----------
        x, y : array_like
            Points, half heights from the center, y downwards; any shapes that broadcast together.
        time : float
            Seconds; the dream goes on at the pattern's usual speed.
        fft_features, ml_embeddings : array_like [any length], optional
            Vectors of numbers of order 1 that tell of the moment's sound; none is a zero vector.
        latents : sequence of float, optional
            At most as many as the architecture has, −1 to 1; the others are 0.
        **knobs
            Values of the pattern's other knobs: morph, detail, warp, pulse.

        Raises
        ------
        ValueError
            If something does not fit the architecture.
        """
        values = {k.name: k.default for k in self.pattern.knobs}
        values["phase"] *= time
        for k, value in enumerate(latents if latents is not None else ()):
            if k >= self.architecture.latents:
                raise ValueError(
                    f"{len(latents or ())} latents, but the network has {self.architecture.latents}"
                )
            values[f"latent_{k + 1}"] = float(value)
        for k, sound in enumerate(self.sounds(fft_features, ml_embeddings)):
            values[f"sound_{k + 1}"] = float(sound)
        if unknown := sorted(set(knobs) - set(values)):
            raise ValueError(f"the network has no knob {unknown[0]!r}")
        values |= knobs
        across, down = np.broadcast_arrays(
            np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)
        )
        made = self._evaluate(across.ravel(), down.ravel(), values)
        return Fields(*(part.reshape(across.shape) for part in made))

    def sounds(
        self, fft_features: ArrayLike | None = None, ml_embeddings: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return the sounds, each 0 to 1, that vectors of features come to: [music].

        Each vector is turned by a fixed matrix whose rows are at right angles (as far as there is
        room), and the sum is held in range by tanh. A zero vector gives 0.5 everywhere.

        Raises
        ------
        ValueError
            If there are features, but no sounds that they could be.
        """
        count = self.architecture.music
        total = np.zeros(count)
        for purpose, given in (("fft", fft_features), ("embedding", ml_embeddings)):
            if given is None:
                continue
            vector = np.asarray(given, dtype=np.float64).ravel()
            if not np.isfinite(vector).all():
                raise ValueError(f"{purpose} features must be finite numbers")
            if not count:
                raise ValueError("the network does not listen: give it music = 8 inputs")
            if vector.size:
                total += projection(purpose, count, vector.size) @ vector
        return 0.5 + 0.5 * np.tanh(total)

    def _evaluate(
        self, x: NDArray[np.float32], y: NDArray[np.float32], values: dict[str, float]
    ) -> list[NDArray[np.float32]]:
        rows = max(1, -(-x.size // _ROW))
        planes = {}
        for name, array in (("x", x), ("y", y)):
            planes[name] = np.zeros((rows, _ROW), np.float32)
            planes[name].reshape(-1)[: x.size] = array
        kernel = _kernel(self.pattern.function)
        made = kernel.evaluate(_ROW, rows, values, planes=planes, weights=self.weights)
        return [made[name].ravel()[: x.size].copy() for name in ("tone", "hue", "mask")]


@functools.lru_cache(maxsize=32)
def projection(purpose: str, rows: int, columns: int) -> NDArray[np.float64]:
    """Return the matrix [rows, columns] by which features of that purpose become sounds.

    Its rows are orthonormal where there are at least as many columns, else its columns are: lengths
    and angles are kept as well as they can be (Johnson and Lindenstrauss 1984).
    """
    normal = generator(0, f"cppn {purpose} {columns}").standard_normal((columns, rows))
    tall = normal if columns >= rows else normal.T
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0.0, -1.0, 1.0)  # the one whose signs do not depend on LAPACK
    matrix = q.T if columns >= rows else q
    matrix.flags.writeable = False
    return np.asarray(matrix)


@functools.lru_cache(maxsize=16)
def _kernel(function: Callable[..., Any]) -> Any:
    """Return a pattern function's compiled field whose points come from planes of memory.

    By function: networks of one shape with other weights are other patterns with the same field.
    """
    from afx.field.jit import Kernel

    made = trace(function, Point(plane("x"), plane("y"), as_expr(2.0 / 1080)))
    outputs = tuple((name, as_expr(getattr(made, name), "f")) for name in Fields._fields)
    return Kernel(Program(outputs, tuple(k.name for k in knobs_of(function))))
