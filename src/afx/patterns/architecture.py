"""What a person says of a network: its size, activations, inputs, symmetry, weights.

This is the ``[network]`` table of a look. It knows names and ranges; what they mean is carried out
by ``cppn`` (the field), ``preparing`` (weights from chance) and ``weights_file`` (from a file).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from afx.field.network import ACTIVATIONS

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]

Coordinate = Literal["x", "y", "radius", "angle"]
Symmetry = Literal["none", "mirror", "quarter", "rotate", "kaleidoscope", "tile"]
Initializer = Literal["prepared", "distill", "siren", "finer", "glorot", "he", "lecun", "uniform"]

MIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # Waves cost three times what the others do, and a third of them is enough.
        "mixed": ("sine", "tanh", "gaussian", "cosine", "tanh", "gaussian"),
        "waves": ("sine", "gaussian"),
        "distill": ("atan", "atan_squared"),
        "siren": ("sine",),
        "nineties": ("sine", "cosine", "tanh", "gaussian", "sigmoid", "absolute"),
    }
)
"""Mixes of activations by name.

``mixed`` and ``waves`` are ours. ``distill`` is the composite of Mordvintsev et al. 2018
("Differentiable image parameterizations"): each unit gives two values, so its rows are tied in
pairs and the width is even. ``siren`` is Sitzmann et al. 2020. ``nineties`` are the functions that
CPPNs began with (Stanley 2007). One activation alone, such as FINER's (Liu et al. 2024), goes by
its own name.
"""


def dealt(activations: tuple[str, ...]) -> tuple[str, ...]:
    """Return plain activations, every mix among them replaced by what it is made of."""
    return tuple(one for name in activations for one in MIXES.get(name, (name,)))


class Gene(BaseModel):
    """A draw of chance that weights are made of, and how much of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Whole = Field(ge=0, lt=2**53, description="which draw")
    share: Number = Field(1.0, ge=-1000, le=1000, description="how much of it; only ratios count")


class Architecture(BaseModel):
    """A network that paints: everything that decides its shape and its weights.

    Weights are made of standard normal draws, one for each of `genes`, added up by their shares and
    brought back to unit variance: any such sum is again a standard normal draw, so children and
    paths between networks are networks as good as their parents. Without genes the draw is the
    scene's seed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Whole = Field(12, ge=4, le=512, description="units of a hidden layer")
    depth: Whole = Field(4, ge=1, le=12, description="hidden layers")
    activations: tuple[str, ...] = Field(
        ("mixed",), min_length=1, max_length=24, description="dealt to the units of a layer in turn"
    )
    coordinates: tuple[Coordinate, ...] = Field(
        ("x", "y", "radius"), min_length=1, max_length=4, description="what it sees of a point"
    )
    fourier: Whole = Field(0, ge=0, le=64, description="random waves among the inputs, in pairs")
    fourier_scale: Number = Field(1.0, ge=0.05, le=20, description="their waves per half height")
    symmetry: Symmetry = Field("none", description="of the inputs, and so of the picture")
    folds: Whole = Field(6, ge=2, le=24, description="of rotate and kaleidoscope")
    tiles: Number = Field(1.0, ge=0.1, le=8, description="of tile, per half height")
    latents: Whole = Field(4, ge=0, le=16, description="directions of change that routes can hold")
    music: Whole = Field(
        0, ge=0, le=16, description="inputs the sound shifts every layer by (knobs sound_1 …)"
    )
    initializer: Initializer = Field("prepared", description="how chance becomes weights")
    gain: Number = Field(1.35, ge=0.2, le=4, description="how strongly each layer bends: 2 frays")
    fineness: Number = Field(4.2, ge=0.5, le=30, description="how fine the forms are")
    output: Literal["fields", "rgb"] = Field(
        "fields", description="tones for the palette, or raw colors as in the 1990s"
    )
    genes: tuple[Gene, ...] = Field(
        (), max_length=64, description="draws of chance; none: each scene has its own"
    )
    weights: str | None = Field(None, description="a safetensors file instead of chance")
    weights_sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="hash of that file, written by afx"
    )

    @field_validator("activations")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [*MIXES, *ACTIVATIONS]
        for name in names:
            if name not in known:
                near = get_close_matches(name, known, 1, 0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
                raise ValueError(f"no activation {name!r}; {hint}")
        return names

    @field_validator("coordinates")
    @classmethod
    def _once(cls, names: tuple[Coordinate, ...]) -> tuple[Coordinate, ...]:
        if len(set(names)) < len(names):
            raise ValueError("name each coordinate once")
        return names

    @model_validator(mode="after")
    def _possible(self) -> Architecture:
        return _checked(self)

    @property
    def tied(self) -> bool:
        """Whether the rows of a layer come in pairs that share their weights."""
        return self.activations == ("distill",)

    @property
    def shape(self) -> Architecture:
        """The same without what only decides weights: equal shapes run the same code."""
        return self.model_copy(
            update={
                "initializer": "prepared",
                "gain": 1.35,
                "fineness": 4.2,
                "genes": (),
                "weights": None,
                "weights_sha256": None,
            }
        )


def merged(base: Architecture, said: Architecture) -> Architecture:
    """Return `base` with what `said` was given explicitly.

    Raises
    ------
    ValueError
        If the two do not go together (an odd width for tied rows).
    """
    update = {name: getattr(said, name) for name in said.model_fields_set}
    # A copy is not checked by itself, and values that are right alone may not go together.
    return _checked(base.model_copy(update=update))


def _checked(architecture: Architecture) -> Architecture:
    """Return an architecture whose parts go together; else raise a ValueError."""
    if architecture.tied and architecture.width % 2:
        raise ValueError(
            f"units of the distill mix come in pairs: take an even width, not {architecture.width}"
        )
    if architecture.genes and not any(gene.share for gene in architecture.genes):
        raise ValueError("the shares of the genes are all 0: leave genes out or give one 1")
    return architecture
