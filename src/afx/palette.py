"""Palettes: from tone to color, as ramps in OKLCH that stay inside the sRGB gamut.

A pattern never paints RGB: it gives a tone in [0, 1], and a palette says which color that is. Ramps
are drawn in OKLCH, so lightness, colorfulness and hue are three independent decisions, and turning
the hue keeps the lightness. Colors that sRGB cannot show lose chroma at constant lightness and hue;
RGB is never clipped. Tables are display sRGB in [0, 1]; angles are degrees. The curated palettes
are at the end. What a tone means and where tables are looked up is not known here.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from afx import oklch
from afx.oklch import Floats

Table = NDArray[np.float32]

# Knee of the chroma compression: at the gamut's edge 92 % of the edge's chroma is left, far inside
# everything. A hard limit would leave visible creases where a ramp enters the edge.
_KNEE = 8.0

# The fields that describe the parametric ramp and mean nothing once anchors are given.
_ACCENT_FIELDS = {"accent", "accent_strength", "accent_from"}
_RAMP_FIELDS = _ACCENT_FIELDS | (
    {"hue", "span", "dark", "light", "bend", "chroma", "chroma_dark", "chroma_light", "peak"}
)


class Anchor(BaseModel):
    """One fixed color of a ramp."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tone: float = Field(ge=0, le=1, description="where on the ramp, 0 dark to 1 light")
    L: float = Field(ge=0, le=1, description="OKLCH lightness")
    C: float = Field(ge=0, le=0.34, description="OKLCH chroma")
    h: float = Field(ge=-360, le=720, description="OKLCH hue, degrees")


class Ground(BaseModel):
    """The color where a pattern shows nothing (mask 0)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    L: float = Field(ge=0, le=1, description="OKLCH lightness")
    C: float = Field(ge=0, le=0.34, description="OKLCH chroma")
    h: float = Field(0.0, ge=-180, le=180, description="degrees from the ramp's darkest hue")


class Palette(BaseModel):
    """A ramp of colors from tone 0 to tone 1, by a dozen numbers or by a few anchors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str | None = Field(None, description="name for people")
    hue: float = Field(30.0, ge=-360, le=720, description="hue at the middle tone, degrees")
    span: float = Field(70.0, ge=-180, le=180, description="hue drift from dark to light, degrees")
    dark: float = Field(0.12, ge=0, le=0.7, description="lightness at tone 0")
    light: float = Field(0.94, ge=0.3, le=1, description="lightness at tone 1")
    bend: float = Field(1.0, ge=0.4, le=2.5, description="tone gamma: above 1 more darkness")
    chroma: float = Field(0.16, ge=0, le=0.34, description="chroma at its peak")
    chroma_dark: float = Field(0.4, ge=0, le=1.5, description="share of it at tone 0")
    chroma_light: float = Field(0.35, ge=0, le=1.5, description="share of it at tone 1")
    peak: float = Field(0.55, ge=0.1, le=0.9, description="tone where the chroma peaks")
    accent: float = Field(0.0, ge=-180, le=180, description="hue offset of highlights, degrees")
    accent_strength: float = Field(0.0, ge=0, le=1, description="how far highlights follow it")
    accent_from: float = Field(0.55, ge=0, le=0.95, description="tone where the accent begins")
    turn: float = Field(0.0, ge=-180, le=180, description="turns all hues, degrees")
    anchors: tuple[Anchor, ...] | None = Field(
        None, min_length=4, max_length=6, description="4 to 6 fixed colors instead of the ramp"
    )
    ground: Ground | None = Field(
        None, description="color where the mask is 0; none: a darker dark"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Palette:
        if self.anchors is not None:
            tones = [anchor.tone for anchor in self.anchors]
            if any(b - a < 0.01 for a, b in itertools.pairwise(tones)):
                raise ValueError("anchors must have rising tones, at least 0.01 apart")
            useless = sorted(_RAMP_FIELDS & self.model_fields_set)
            if useless:
                raise ValueError(
                    f"anchors replace the ramp, so {', '.join(useless)} has no effect: "
                    "use turn to turn the hues, or leave the anchors out"
                )
        elif self.light - self.dark < 0.15:
            raise ValueError("light must be at least 0.15 above dark, or the picture is flat")
        return self


def ramp(palette: Palette, tones: int = 256) -> Floats:
    """Give the palette's wished colors, before any gamut mapping, as OKLab [tones, 3]."""
    t = np.linspace(0.0, 1.0, tones)
    turn = np.radians(palette.turn)
    if palette.anchors is not None:
        at = np.array([anchor.tone for anchor in palette.anchors])
        points = np.array([(a.L, a.C, np.radians(a.h)) for a in palette.anchors])
        colors = oklch.oklab_from_oklch(points[:, 0], points[:, 1], points[:, 2] + turn)
        return _monotone_cubic(t, at, colors)
    lightness = palette.dark + (palette.light - palette.dark) * t**palette.bend
    rising = np.clip(t / palette.peak, 0.0, 1.0)
    falling = np.clip((1.0 - t) / (1.0 - palette.peak), 0.0, 1.0)
    end = np.where(t < palette.peak, palette.chroma_dark, palette.chroma_light)
    swell = np.sin(0.5 * np.pi * np.minimum(rising, falling)) ** 2
    chroma = palette.chroma * (end + (1.0 - end) * swell)
    hue = turn + np.radians(palette.hue + palette.span * (t - 0.5))
    lab = oklch.oklab_from_oklch(lightness, chroma, hue)
    if palette.accent_strength:
        x = np.clip((t - palette.accent_from) / (1.0 - palette.accent_from), 0.0, 1.0)
        share = (palette.accent_strength * x * x * (3.0 - 2.0 * x))[:, None]
        accent = oklch.oklab_from_oklch(lightness, chroma, hue + np.radians(palette.accent))
        lab = (1.0 - share) * lab + share * accent
    return lab


@lru_cache(maxsize=128)
def table(palette: Palette, hues: int = 64, tones: int = 256) -> Table:
    """Tabulate a palette's colors over tone and hue rotation.

    Parameters
    ----------
    palette : Palette
        The ramp.
    hues : int
        Number of rotations; row k turns every hue by k/hues turns at equal lightness (periodic).
    tones : int
        Number of tones, from 0 to 1.

    Returns
    -------
    ndarray, float32 [hues, tones, 3]
        Display sRGB in [0, 1]; read-only, since it is cached.
    """
    if hues < 1 or tones < 2:
        raise ValueError(f"a palette table needs hues >= 1 and tones >= 2, got {hues} and {tones}")
    return _rotations(ramp(palette, tones), hues)


@lru_cache(maxsize=128)
def ground(palette: Palette, hues: int = 64) -> Table:
    """Give the color where a pattern's mask is 0, for each rotation of `table`.

    Returns
    -------
    ndarray, float32 [hues, 3]
        Display sRGB in [0, 1]; read-only.
    """
    dark = ramp(palette, 2)[0]
    hue, chroma = np.arctan2(dark[2], dark[1]), np.hypot(dark[1], dark[2])
    if palette.ground is None:
        # Deeper than the darkest tone, so that what the mask reveals stands in front of it.
        color = oklch.oklab_from_oklch(0.62 * dark[0], 0.7 * chroma, hue)
    else:
        own = palette.ground
        color = oklch.oklab_from_oklch(own.L, own.C, hue + np.radians(own.h))
    result = _rotations(color[None, :], hues)[:, 0]
    result.flags.writeable = False
    return result


def mix(a: Table, b: Table, w: float) -> Table:
    """Cross-fade two tables of one shape in linear light: 0 gives `a`, 1 gives `b`.

    Linear light keeps every mixture inside the gamut and moves luminance evenly with `w`.
    """
    if a.shape != b.shape:
        raise ValueError(f"cannot mix tables of shapes {a.shape} and {b.shape}")
    if w <= 0.0:
        return a
    if w >= 1.0:
        return b
    light = (1.0 - w) * oklch.decode(a) + w * oklch.decode(b)
    return oklch.encode(light).astype(np.float32)


def resolve(spec: str | Mapping[str, Any]) -> Palette:
    """Make a palette from what a look file says.

    Parameters
    ----------
    spec : str or mapping
        A palette's name; or fields of `Palette`, with ``base = "name"`` to start from a named one.

    Raises
    ------
    ValueError
        Unknown name (with a suggestion), unknown field or a value outside its bounds; one line.
    """
    if isinstance(spec, str):
        return _named(spec)
    fields = dict(spec)
    base = fields.pop("base", None)
    if base is not None:
        start = _named(str(base)).model_dump(exclude_unset=True)
        if fields.get("anchors") is not None:
            start = {name: v for name, v in start.items() if name not in _RAMP_FIELDS}
        fields = {**start, **fields}
    try:
        return Palette.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = sorted(Palette.model_fields)
        hint = _suggestion(where, known) if first["type"] == "extra_forbidden" else ""
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"palette{'.' + where if where else ''}: {message}{hint}") from error


def _named(name: str) -> Palette:
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    if key not in PALETTES:
        hint = _suggestion(key, list(PALETTES)) or f"; there are {', '.join(PALETTES)}"
        raise ValueError(f"unknown palette {name!r}{hint}")
    return PALETTES[key]


def _suggestion(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _rotations(lab: Floats, hues: int) -> Table:
    """Turn OKLab colors [n, 3] through all hues, inside the gamut: float32 [hues, n, 3]."""
    lightness = np.clip(lab[:, 0], 0.0, 1.0)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    turned = np.arctan2(lab[:, 2], lab[:, 1]) + 2.0 * np.pi * np.arange(hues)[:, None] / hues
    edge = oklch.max_chroma(lightness, turned)
    if hues >= 16:
        # The gamut's edge has corners (pure red, cyan, …). The minimum of three neighbors, then
        # their average, rounds them and by construction never exceeds the edge itself.
        near = np.minimum(np.minimum(np.roll(edge, 1, 0), np.roll(edge, -1, 0)), edge)
        edge = 0.5 * near + 0.25 * (np.roll(near, 1, 0) + np.roll(near, -1, 0))
    ratio = chroma / np.maximum(edge, 1e-9)
    fitted = np.where(edge > 1e-9, chroma / (1.0 + ratio**_KNEE) ** (1.0 / _KNEE), 0.0)
    result = oklch.display_from_oklch(lightness, fitted, turned).astype(np.float32)
    result.flags.writeable = False
    return result


def _monotone_cubic(x: Floats, at: Floats, values: Floats) -> Floats:
    """Interpolate `values` [n, k] given at `at` [n], smoothly and without overshoot.

    Cubic Hermite with harmonic-mean slopes (Fritsch & Butland 1984). Straight lines between anchors
    would show as bands, an ordinary spline would overshoot in lightness. Constant beyond the ends.
    """
    step = np.diff(at)[:, None]
    slope = np.diff(values, axis=0) / step
    left, right = slope[:-1], slope[1:]
    same = left * right > 0.0
    w1, w2 = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    inverse = w1 / np.where(same, left, 1.0) + w2 / np.where(same, right, 1.0)
    inner = np.where(same, (w1 + w2) / np.where(same, inverse, 1.0), 0.0)
    tangent = np.concatenate([slope[:1], inner, slope[-1:]])
    x = np.clip(x, at[0], at[-1])
    k = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    h = step[k]
    u = ((x - at[k])[:, None]) / h
    result: Floats = (
        (1 + 2 * u) * (1 - u) ** 2 * values[k]
        + u * (1 - u) ** 2 * h * tangent[k]
        + u * u * (3 - 2 * u) * values[k + 1]
        + u * u * (u - 1) * h * tangent[k + 1]
    )
    return result


def _drawn(title: str, *points: tuple[float, float, float, float]) -> Palette:
    """Make a palette from (tone, L, C, h) rows."""
    anchors = tuple(Anchor(tone=t, L=light, C=c, h=h) for t, light, c, h in points)
    return Palette(title=title, anchors=anchors)


# Chosen by eye on warped noise, ridges and a Julia set at several hue rotations. Each has a
# near-black dark end, its strongest color in the middle and a luminous, not pastel, light end.
# Where two far hues meet, an anchor between them leads the way around gray. Formatted by hand: a
# row of anchors reads as a ramp, one number per line does not.
# fmt: off
PALETTES: dict[str, Palette] = {
    "ember": _drawn(
        "Ember", (0.0, 0.10, 0.035, 350), (0.28, 0.30, 0.120, 18), (0.52, 0.54, 0.185, 34),
        (0.76, 0.76, 0.160, 66), (1.0, 0.96, 0.070, 96),
    ),
    "glacier": _drawn(
        "Glacier", (0.0, 0.11, 0.040, 268), (0.30, 0.33, 0.115, 258), (0.58, 0.60, 0.130, 234),
        (0.80, 0.83, 0.090, 208), (1.0, 0.98, 0.020, 190),
    ),
    "orchid": Palette(
        title="Orchid", hue=335, span=75, dark=0.12, light=0.94, chroma=0.21, chroma_dark=0.32,
        chroma_light=0.30, peak=0.52,
    ),
    "jungle": _drawn(
        "Jungle", (0.0, 0.10, 0.030, 190), (0.30, 0.32, 0.085, 160), (0.58, 0.58, 0.150, 142),
        (0.80, 0.82, 0.175, 122), (1.0, 0.97, 0.100, 108),
    ),
    "dusk": _drawn(
        "Dusk", (0.0, 0.12, 0.060, 282), (0.26, 0.30, 0.125, 296), (0.50, 0.50, 0.160, 342),
        (0.74, 0.72, 0.150, 38), (1.0, 0.95, 0.075, 84),
    ),
    "aurora": _drawn(
        "Aurora", (0.0, 0.10, 0.050, 285), (0.25, 0.29, 0.125, 280), (0.50, 0.55, 0.115, 215),
        (0.75, 0.80, 0.180, 160), (1.0, 0.97, 0.090, 125),
    ),
    "ink-and-gold": _drawn(
        "Ink and gold", (0.0, 0.08, 0.025, 270), (0.30, 0.23, 0.075, 264), (0.46, 0.36, 0.055, 350),
        (0.60, 0.53, 0.100, 62), (0.79, 0.77, 0.145, 82), (1.0, 0.96, 0.075, 98),
    ),
    "coral-reef": _drawn(
        "Coral reef", (0.0, 0.12, 0.045, 235), (0.26, 0.36, 0.080, 215), (0.48, 0.58, 0.105, 185),
        (0.62, 0.70, 0.095, 95), (0.78, 0.75, 0.160, 34), (1.0, 0.96, 0.050, 70),
    ),
    "midnight-neon": _drawn(
        "Midnight neon", (0.0, 0.07, 0.045, 280), (0.30, 0.28, 0.185, 278),
        (0.54, 0.54, 0.270, 322), (0.78, 0.74, 0.180, 355), (1.0, 0.95, 0.060, 60),
    ),
    "porcelain": _drawn(
        "Porcelain", (0.0, 0.16, 0.080, 268), (0.25, 0.37, 0.150, 264), (0.50, 0.64, 0.110, 254),
        (0.75, 0.86, 0.040, 240), (1.0, 0.985, 0.012, 90),
    ),
    "copper-patina": _drawn(
        "Copper patina", (0.0, 0.11, 0.030, 40), (0.26, 0.34, 0.100, 44), (0.46, 0.55, 0.125, 56),
        (0.60, 0.66, 0.085, 110), (0.75, 0.75, 0.095, 176), (1.0, 0.95, 0.055, 168),
    ),
    "rose-quartz": Palette(
        title="Rose quartz", hue=5, span=70, dark=0.15, light=0.96, bend=0.9, chroma=0.165,
        chroma_dark=0.5, chroma_light=0.22, peak=0.5,
    ),
    "deep-sea": Palette(
        title="Deep sea", hue=222, span=-95, dark=0.08, light=0.93, bend=1.25, chroma=0.135,
        chroma_dark=0.4, chroma_light=0.7, peak=0.6,
    ),
    "mono-silver": Palette(
        title="Mono silver", hue=262, span=-60, dark=0.09, light=0.985, bend=1.05, chroma=0.026,
        chroma_dark=0.8, chroma_light=0.2, peak=0.4, accent=160, accent_strength=0.6,
    ),
    "viridian": _drawn(
        "Viridian", (0.0, 0.11, 0.040, 300), (0.27, 0.32, 0.090, 250), (0.52, 0.55, 0.105, 190),
        (0.76, 0.77, 0.160, 148), (1.0, 0.95, 0.150, 108),
    ),
    "solar-wind": _drawn(
        "Solar wind", (0.0, 0.09, 0.050, 275), (0.30, 0.34, 0.155, 264), (0.50, 0.52, 0.100, 315),
        (0.62, 0.64, 0.125, 25), (0.79, 0.78, 0.150, 66), (1.0, 0.97, 0.085, 100),
    ),
    "amethyst": Palette(
        title="Amethyst", hue=300, span=-55, dark=0.11, light=0.95, bend=1.05, chroma=0.22,
        chroma_dark=0.35, chroma_light=0.3, peak=0.5,
    ),
    "desert-rose": _drawn(
        "Desert rose", (0.0, 0.13, 0.045, 330), (0.30, 0.38, 0.115, 12), (0.55, 0.60, 0.135, 36),
        (0.78, 0.80, 0.090, 68), (1.0, 0.96, 0.030, 190),
    ),
    "lighthouse": _drawn(
        "Lighthouse", (0.0, 0.10, 0.050, 270), (0.27, 0.31, 0.120, 262), (0.47, 0.50, 0.090, 254),
        (0.60, 0.63, 0.045, 230), (0.78, 0.79, 0.135, 84), (1.0, 0.96, 0.090, 98),
    ),
    "peacock": _drawn(
        "Peacock", (0.0, 0.11, 0.060, 300), (0.25, 0.30, 0.150, 288), (0.50, 0.53, 0.145, 252),
        (0.76, 0.78, 0.110, 205), (1.0, 0.97, 0.080, 105),
    ),
    "nightshade": _drawn(
        "Nightshade", (0.0, 0.10, 0.050, 290), (0.27, 0.31, 0.160, 295), (0.50, 0.51, 0.170, 328),
        (0.72, 0.73, 0.120, 15), (1.0, 0.955, 0.090, 92),
    ),
    "cobalt-and-peach": _drawn(
        "Cobalt and peach", (0.0, 0.10, 0.060, 268), (0.34, 0.36, 0.185, 265),
        (0.52, 0.52, 0.110, 300), (0.66, 0.67, 0.085, 10), (0.82, 0.81, 0.115, 48),
        (1.0, 0.955, 0.050, 70),
    ),
    "brick-and-sky": _drawn(
        "Brick and sky", (0.0, 0.11, 0.040, 20), (0.32, 0.35, 0.130, 28), (0.50, 0.51, 0.120, 20),
        (0.63, 0.635, 0.050, 320), (0.80, 0.80, 0.095, 238), (1.0, 0.97, 0.030, 220),
    ),
    "plum-and-mint": _drawn(
        "Plum and mint", (0.0, 0.11, 0.050, 330), (0.32, 0.34, 0.125, 335),
        (0.50, 0.50, 0.100, 315), (0.64, 0.65, 0.055, 230), (0.80, 0.81, 0.110, 168),
        (1.0, 0.965, 0.050, 160),
    ),
    "pine-and-blush": _drawn(
        "Pine and blush", (0.0, 0.10, 0.030, 175), (0.32, 0.33, 0.075, 168),
        (0.52, 0.52, 0.055, 150), (0.64, 0.645, 0.040, 60), (0.80, 0.79, 0.125, 12),
        (1.0, 0.96, 0.035, 30),
    ),
}
# fmt: on

# Under simulated protanopia, deuteranopia and tritanopia these stay lighter step by step, and dark
# and light keep different hues (tests/test_palette.py); of the others lightness alone is left.
COLOR_BLIND_SAFE = frozenset(
    {
        "brick-and-sky", "cobalt-and-peach", "lighthouse", "midnight-neon", "nightshade", "peacock",
        "solar-wind",
    }
)  # fmt: skip
DUOTONES = frozenset({"brick-and-sky", "cobalt-and-peach", "pine-and-blush", "plum-and-mint"})


def words_of(palette: Palette) -> tuple[str, ...]:
    """Return what is special about a palette, in words; nothing of one that is not curated."""
    name = next((name for name, known in PALETTES.items() if known == palette), "")
    sets = (("color-blind safe", COLOR_BLIND_SAFE), ("duotone", DUOTONES))
    return tuple(word for word, members in sets if name in members)
