"""The tables of a look: where it feels at home, how music holds it, what else is drawn into it.

Each is frozen, refuses what it does not know and has bounds on every number. Knows the format;
whether a knob or a pattern exists is for ``look``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from afx.expression import canonical
from afx.shaping import Curve

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Table(BaseModel):
    """A table of a look's file: frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Suits(Table):
    """Where in music a look feels at home."""

    energy: Number = Field(0.5, ge=0, le=1, description="0 calm, 1 full force")
    brightness: Number = Field(0.5, ge=0, le=1, description="0 dark sound, 1 bright sound")
    tempo: Number = Field(120.0, ge=30, le=300, description="beats per minute")


class Route(Table):
    """One grip of the music on a knob."""

    source: Annotated[str, AfterValidator(canonical)] = Field(
        description="what of the music: a source or an expression"
    )
    knob: str = Field(description="a knob of the pattern, the stage or the grade")
    depth: Number = Field(
        ge=-2, le=2, description="share of the knob's range moved at full swing; 0 takes it away"
    )
    curve: Curve = Field("linear", description="how the source is bent")
    attack: Number = Field(0.04, ge=0, le=30, description="seconds to rise, ahead of the event")
    release: Number = Field(0.35, ge=0, le=30, description="seconds to fall")
    bipolar: bool = Field(False, strict=True, description="swing around the source's middle")
    hold: Number = Field(0.0, ge=0, le=30, description="seconds a peak stays before it falls")
    every: int = Field(1, strict=True, ge=1, le=64, description="answer only every so many beats")
    gate: Number = Field(
        0.0, ge=0, le=0.95, description="what of the source stays below is nothing"
    )
    steps: int = Field(0, strict=True, ge=0, le=64, description="round to so many steps; 0: none")


class Walk(Table):
    """A path through a network's latents, closed and smooth, that the music's energy paces."""

    seed: int = Field(0, strict=True, ge=0, lt=2**53, description="which path")
    bars: Number = Field(8.0, ge=1, le=128, description="bars from one station to the next")
    stations: int = Field(8, strict=True, ge=3, le=64, description="before the path comes back")
    reach: Number = Field(0.6, ge=0, le=1, description="how far from rest it leads")


class Layer(Table):
    """Another pattern in a look: it bends the space of the look's own, or is drawn into it.

    In a look's file the table also has ``amount`` and ``knobs``; in a `Look` these are among its
    knobs, as ``warp.amount`` or ``ink.density``, so that whatever holds knobs holds them too.
    """

    pattern: str = Field(description="a name from afx.patterns.PATTERNS")


class Ink(Layer):
    """A layer that is drawn."""

    style: Literal["tones", "lines"] = Field(
        "tones", description="its lights and shadows are drawn, or its contour lines"
    )


def _sectors(fold: int) -> int:
    if fold == 1:
        raise ValueError("a kaleidoscope has 2 to 32 sectors; 0 is none")
    return fold


class Symmetry(Table):
    """Folds of the picture's space, before the camera."""

    fold: Annotated[int, AfterValidator(_sectors)] = Field(
        0, strict=True, ge=0, le=32, description="sectors of a kaleidoscope; 0: none"
    )
    mirror: Literal["none", "x", "y", "both"] = Field(
        "none", description="the left half, the upper half or a quarter, mirrored"
    )


LAYERS = ("warp", "ink")
"""The tables of a look that are a `Layer`."""


def gathered(data: dict[str, Any]) -> dict[str, Any]:
    """Return a look's tables as a `Look` has them: the layers' knobs among its own.

    What is not shaped as layers are is left for validation to refuse.
    """
    data = dict(data)
    knobs = data.get("knobs", {})
    if not isinstance(knobs, dict):
        return data
    knobs = dict(knobs)
    for name in LAYERS:
        layer = data.get(name)
        if not isinstance(layer, dict):
            continue
        layer = dict(layer)
        if "amount" in layer:
            knobs[f"{name}.amount"] = layer.pop("amount")
        if isinstance(layer.get("knobs"), dict):
            knobs |= {f"{name}.{knob}": value for knob, value in layer.pop("knobs").items()}
        data[name] = layer
    if knobs or "knobs" in data:
        data["knobs"] = knobs
    return data


def scattered(data: dict[str, Any]) -> dict[str, Any]:
    """Return a look's tables as its file has them: the reverse of `gathered`."""
    knobs: dict[str, Any] = {}
    made = dict(data)
    layers = {name: dict(data[name]) for name in LAYERS if isinstance(data.get(name), dict)}
    for name, value in data.get("knobs", {}).items():
        layer, dot, knob = name.partition(".")
        if not dot or layer not in layers:  # a pattern may have a knob called warp
            knobs[name] = value
        elif knob == "amount":
            layers[layer]["amount"] = value
        else:
            layers[layer].setdefault("knobs", {})[knob] = value
    made |= layers
    if "knobs" in made:
        made["knobs"] = knobs
        if not knobs:
            del made["knobs"]
    return made


def file_place(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return where in a look's file a key path of a `Look` is."""
    if len(loc) == 2 and loc[0] == "knobs" and isinstance(loc[1], str) and "." in loc[1]:
        layer, _, knob = loc[1].partition(".")
        if layer in LAYERS:
            return (layer, "amount") if knob == "amount" else (layer, "knobs", knob)
    return loc
