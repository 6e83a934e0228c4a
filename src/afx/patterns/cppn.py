"""Compositional pattern-producing networks: pictures painted by random neural networks of any size.

A network sees where a point is, how far it is from the center, where two unrelated clocks stand on
their circles, the latents that music holds and what the music sounds like; it answers with three
scalars, which become tone and hue, or raw colors. What it is made of is its `Architecture`; which
weights it has is decided by chance (``preparing``) or by a file (``weights_file``).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afx.field import (
    Expr,
    Field,
    Knob,
    Point,
    bell,
    clock,
    cos_turns,
    knob,
    knobs_of,
    noise,
    run_network,
    sin_turns,
    squash,
)
from afx.oklch import TO_YCC
from afx.patterns.architecture import Architecture
from afx.patterns.coordinates import TRACED, Place, coordinates, placed
from afx.patterns.network_shape import network_of
from afx.patterns.preparing import weights_of
from afx.patterns.registry import PATTERNS, Pattern, pattern
from afx.patterns.weights_file import load_weights

_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"),
    *("ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth"),
    "sixteenth",
)

_SAID = (
    "Neural dream",
    "CPPN: Stanley 2007; random networks as pictures: Ha 2016, Mordvintsev et al. 2018",
)
_SUMMARY = "Forms that a small random neural network dreams up; every seed is another world."


def knobs_for(architecture: Architecture) -> dict[str, Knob]:
    """Return the knobs of a CPPN by name: they depend on its latents and sounds."""
    latents = {
        f"latent_{k + 1}": knob(0.0, -1.0, 1.0, help=f"{word} direction of change")
        for k, word in enumerate(_ORDINALS[: architecture.latents])
    }
    sounds = {
        f"sound_{k + 1}": knob(0.5, 0.0, 1.0, help=f"what the {word} sound does to every layer")
        for k, word in enumerate(_ORDINALS[: architecture.music])
    }
    return {
        "phase": clock(0.05, 0.25, help="how fast the network dreams on"),
        **latents,
        "morph": knob(0.5, 0.0, 1.0, help="a fifth direction, held by the voice"),
        "detail": knob(0.5, 0.0, 1.0, help="fine folds inside the large forms"),
        "warp": knob(0.2, 0.0, 1.0, help="how far a current bends the forms"),
        "pulse": knob(0.0, 0.0, 1.0, help="veins light up"),
        **sounds,
    }


@functools.lru_cache(maxsize=512)
def field_function(name: str, shape: Architecture) -> Callable[..., Field]:
    """Return the function of a CPPN pattern; of equal shapes the same one, whatever the weights.

    Parameters
    ----------
    name : str
        Of the pattern and of its network.
    shape : Architecture
        `Architecture.shape`.
    """
    network = network_of(shape, name)

    def field(p: Point, **held: Expr) -> Field:
        phase, warp = held["phase"], held["warp"]
        place, bend_x = _bent(p, shape, phase, warp)
        slow = phase * 0.6180340
        frame = (
            *(held[f"latent_{k + 1}"] for k in range(shape.latents)),
            held["morph"],
            cos_turns(phase),
            sin_turns(phase),
            cos_turns(slow),
            sin_turns(slow),
        )
        seen = coordinates(place, shape)
        sounds = tuple(held[f"sound_{k + 1}"] for k in range(shape.music))
        # Frame inputs before or after the coordinates: see `network_shape`.
        inputs = (*seen, *frame) if shape.fourier else (*frame, *seen)
        form, tint, fine = run_network(network, (*inputs, *sounds))
        if shape.output == "rgb":
            return _colored(form, tint, fine, held["detail"], held["pulse"])
        return _toned(form, tint, fine, held["detail"], held["pulse"], bend_x)

    parameters = [inspect.Parameter("p", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [
        inspect.Parameter(held, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Expr)
        for held, default in knobs_for(shape).items()
    ]
    field.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    field.__name__ = field.__qualname__ = name
    field.__doc__ = _SUMMARY
    return field


def _bent(p: Point, shape: Architecture, phase: Expr, warp: Expr) -> tuple[Place, Expr]:
    """Return the place that the network sees, bent by a current, and the current."""
    if shape.symmetry == "none":
        bend_x = noise(p.x * 0.8, p.y * 0.8, phase * 1.3, 1)
        x = p.x + 0.4 * warp * bend_x
        y = p.y + 0.4 * warp * noise(p.x * 0.8, p.y * 0.8 + 9.0, phase, 2)
        return placed(x, y, shape, TRACED), bend_x
    # After the symmetry, and a function of what it leaves: a current across it would break it.
    place = placed(p.x, p.y, shape, TRACED)
    a, b = place.across[-1] + place.radius, place.down[-1] - place.radius
    bend_x = noise(a * 0.8, b * 0.8, phase * 1.3, 1)
    bend_y = noise(a * 0.8, b * 0.8 + 9.0, phase, 2)
    amount = 0.25 * warp
    moved = Place(
        tuple(v + amount * bend_x for v in place.across),
        tuple(v + amount * bend_y for v in place.down),
        place.radius + amount * (bend_x - bend_y),
        place.angle,
    )
    return moved, bend_x


def _toned(form: Expr, tint: Expr, fine: Expr, detail: Expr, pulse: Expr, bend_x: Expr) -> Field:
    """Return a field for the palette: large forms, and folds and veins of the same forms."""
    folds = sin_turns(form * 0.75 + fine * 0.45)
    veins = bell((fine + 0.45 * form) * 5.5) + bell((fine - 0.6 * form + 0.7) * 7.0)
    strands = sin_turns(fine * 1.6 - form * 1.0)
    tone = 0.45 + 0.34 * squash(form * 0.85) + 0.14 * squash(fine)
    tone = tone + detail * (0.15 * folds + 0.04 * strands)
    tone = tone + veins * (0.06 + 0.14 * detail + 0.12 * pulse)
    return Field(tone=tone, hue=0.11 * squash(tint * 0.8) + 0.03 * bend_x)


def _colored(form: Expr, tint: Expr, fine: Expr, detail: Expr, pulse: Expr) -> Field:
    """Return raw colors as Y'CbCr: each output is a channel of RGB, as in the 1990s."""
    veins = (bell((fine + 0.45 * form) * 5.5) + bell((fine - 0.6 * form + 0.7) * 7.0)) * (
        0.3 * pulse
    )
    rgb = [
        0.5 + 0.5 * squash(own * 0.9 + detail * 0.3 * sin_turns(own * 0.5 + other * 0.3) + veins)
        for own, other in ((form, tint), (tint, fine), (fine, form))
    ]
    luma, blue, red = (
        float(row[0]) * rgb[0] + float(row[1]) * rgb[1] + float(row[2]) * rgb[2] for row in TO_YCC
    )
    return Field(tone=luma, hue=blue, mask=red)


@functools.lru_cache(maxsize=24)
def _weights_of(architecture: Architecture, seed: int) -> NDArray[np.float32]:
    """Return an architecture's weights from chance; kept, as scenes that return ask again."""
    flat = weights_of(architecture, seed)
    flat.flags.writeable = False
    return flat


@dataclass(frozen=True)
class _Maker:
    """The weights of one pattern's network by seed."""

    name: str
    architecture: Architecture

    def __call__(self, seed: int) -> Mapping[str, NDArray[np.float32]]:
        a = self.architecture
        if a.weights is not None:  # asked anew: another file may have taken its place
            return {self.name: load_weights(a.weights, a)[1]}
        # With genes the seed says nothing: then equal networks are kept once.
        return {self.name: _weights_of(a, 0 if a.genes else seed)}


@dataclass(frozen=True)
class Shaper:
    """Makes one pattern with any architecture; equal architectures give the identical pattern."""

    name: str
    title: str
    source: str

    def __call__(self, architecture: Architecture) -> Pattern:
        """Return the pattern with a network of that architecture."""
        return _shaped(self, architecture)


@functools.lru_cache(maxsize=1024)
def _shaped(shaper: Shaper, architecture: Architecture) -> Pattern:
    function = field_function(shaper.name, architecture.shape)
    return Pattern(
        name=shaper.name,
        family="organic",
        title=shaper.title,
        summary=_SUMMARY.rstrip("."),
        source=shaper.source,
        knobs=knobs_of(function),
        function=function,
        weights=_Maker(shaper.name, architecture),
        architecture=architecture,
        shape=shaper,
        direct=architecture.output == "rgb",
    )


def cppn_pattern(architecture: Architecture, name: str = "cppn") -> Pattern:
    """Return the CPPN pattern of an architecture; equal ones give the identical pattern."""
    return _shaped(Shaper(name, *_SAID), architecture)


def _register(shaper: Shaper, architecture: Architecture) -> Callable[..., Field]:
    made = _shaped(shaper, architecture)
    function = pattern(family=made.family, title=made.title, source=made.source)(made.function)
    PATTERNS[shaper.name] = made
    return function


cppn = _register(
    Shaper("cppn", *_SAID),
    Architecture(),
)
cppn_liquid = _register(
    Shaper(
        "cppn_liquid",
        "Liquid dream",
        "CPPN: Stanley 2007; periodic activations: Sitzmann et al. 2020, SIREN",
    ),
    Architecture(depth=3, activations=("waves",)),
)
