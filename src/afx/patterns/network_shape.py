"""From an architecture to the shape of a network: which inputs it has and in which order.

Inputs that are the same for a whole frame cost nothing per pixel. Without Fourier features they
come first and reach the first layer; what the sound says comes last, as film, and shifts every
layer. With Fourier features a layer of fixed waves stands before the network, in the same stack, so
that waves are weights and not code; all frame inputs then are film, to get past it.
"""

from __future__ import annotations

from collections import Counter

from afx.field import Layer, Network
from afx.patterns.architecture import Architecture, dealt
from afx.patterns.coordinates import coordinate_count

OUTPUTS = 3
CLOCKS = 4
"""Two clocks on their circles: cosine and sine of each."""


def frame_count(architecture: Architecture) -> int:
    """Return how many inputs are the same for a frame, without what the sound says."""
    return architecture.latents + 1 + CLOCKS


def wave_count(architecture: Architecture) -> int:
    """Return how many values the layer of waves adds: a sine and a cosine for each wave."""
    return 2 * architecture.fourier


def runs(architecture: Architecture) -> tuple[tuple[str, int], ...]:
    """Return the activations of a hidden layer as runs of rows, in the order of the rows."""
    names = dealt(architecture.activations)
    width = architecture.width
    return tuple(Counter(names[k % len(names)] for k in range(width)).items())


def network_of(architecture: Architecture, name: str) -> Network:
    """Return the shape of an architecture's network.

    Parameters
    ----------
    architecture : Architecture
    name : str
        Under which its weights are found.
    """
    frame, music = frame_count(architecture), architecture.music
    seen, width = coordinate_count(architecture), architecture.width
    hidden = runs(architecture)
    film = music
    layers = []
    entering = frame + seen + music
    if architecture.fourier:
        waves = wave_count(architecture)
        film = frame + music
        layers.append(Layer(seen + film, (("linear", seen), ("sine", waves))))
        entering = seen + waves + film
    for _ in range(architecture.depth):
        layers.append(Layer(entering, hidden))
        entering = width + film
    layers.append(Layer(entering, (("linear", OUTPUTS),)))
    return Network(name, tuple(layers), film)
