"""What a person says of a network: its size, activations, inputs, symmetry, weights.

This is the ``[network]`` table of a look. It knows names and ranges; what they mean is carried out
by ``cppn`` (the field), ``initializers`` (weights from chance) and ``weights_file`` (from a file).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]

Coordinate = Literal["x", "y", "radius", "angle"]
Symmetry = Literal["none", "mirror", "quarter", "rotate", "kaleidoscope", "tile"]
Initializer = Literal["prepared", "distill", "siren", "finer", "glorot", "he", "lecun", "uniform"]


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
    weights_sha256: str | None = Field(None, description="hash of that file, written by afx")


def merged(base: Architecture, said: Architecture) -> Architecture:
    """Return `base` with what `said` was given explicitly."""
    return base.model_copy(update={name: getattr(said, name) for name in said.model_fields_set})
