"""Palettes as genes: small steps that stay harmonious, mixtures of two, and words for colors.

Hues turn as a whole, so the relations that somebody chose with care are kept; lightness hardly
moves. Knows palettes; knows nothing of looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from afx import oklch
from afx.oklch import Floats
from afx.palette import PALETTES, Anchor, Ground, Palette, ramp, table

TRIES = 6
"""Steps that are drawn at most; the first without mud and glare is taken."""
TURN = 130.0
"""Standard deviation of the hue's step at strength 1, degrees."""
LOAN = 0.35
"""Chance, per strength, that a child leans towards a curated palette."""

# Bounds of steps, tighter than what a palette may have: near-black darks, luminous lights.
_BOUNDS = {
    "span": (-120.0, 120.0), "dark": (0.06, 0.2), "light": (0.88, 0.985), "bend": (0.7, 1.5),
    "chroma": (0.05, 0.22), "chroma_dark": (0.25, 0.9), "chroma_light": (0.15, 0.8),
    "peak": (0.38, 0.66), "accent_strength": (0.0, 0.7),
}  # fmt: skip
_STEPS = {
    "span": 40.0, "dark": 0.03, "light": 0.03, "bend": 0.2, "chroma": 0.06, "chroma_dark": 0.2,
    "chroma_light": 0.2, "peak": 0.08, "accent_strength": 0.0,
}  # fmt: skip

_WORDS = (
    (12, "rose"), (38, "coral"), (62, "copper"), (84, "amber"), (108, "golden"), (130, "mossy"),
    (158, "emerald"), (182, "jade"), (212, "teal"), (240, "azure"), (268, "cobalt"),
    (292, "indigo"), (316, "violet"), (340, "orchid"), (361, "rose"),
)  # fmt: skip
"""Names of OKLCH hues, each up to its number of degrees."""


def reflected(value: float, lo: float, hi: float) -> float:
    """Return `value` inside [lo, hi], mirrored at the ends as often as it takes."""
    width = hi - lo
    if width <= 0:
        return lo
    inside = (value - lo) % (2.0 * width)
    return lo + (inside if inside <= width else 2.0 * width - inside)


def stepped(palette: Palette, rng: np.random.Generator, strength: float) -> Palette:
    """Return a palette some steps away.

    Parameters
    ----------
    palette : Palette
    rng : Generator
    strength : float
        0 gives the palette itself, 1 a stranger.
    """
    if strength <= 0.0:
        return palette
    borrowed = list(PALETTES.values())[int(rng.integers(len(PALETTES)))]
    leaning = rng.random() < LOAN * strength
    share = float(0.35 + 0.5 * rng.random())
    base = mixed(palette, borrowed, share) if leaning else palette
    # Mud that a picture hardly has is no reason to leave the drawn direction.
    least, lowest, limit = base, math.inf, harm(palette) + 0.02
    for _ in range(TRIES):
        tried = _step(base, rng.standard_normal(16), strength)
        bad = harm(tried)
        if bad <= limit:
            return tried
        if bad < lowest:
            least, lowest = tried, bad
    return least


def _step(palette: Palette, z: Floats, strength: float) -> Palette:
    turn = float(z[0]) * TURN * strength
    if palette.anchors is not None:
        factor = float(np.exp(0.3 * strength * z[1]))
        light = np.array([anchor.L for anchor in palette.anchors])
        rises = bool((np.diff(light) >= 0.0).all())
        light[1:-1] += 0.05 * strength * z[2 : len(light)]
        if rises:  # and goes on rising
            light = np.maximum.accumulate(np.minimum(light, light[-1]))
        anchors = []
        for k, anchor in enumerate(palette.anchors):
            hue = anchor.h + 14.0 * strength * float(z[8 + k])
            chroma = min(anchor.C * factor, max(anchor.C, 0.24))
            anchors.append(
                Anchor(
                    tone=anchor.tone,
                    L=_round(float(light[k]), 0.0, 1.0),
                    C=_round(chroma, 0.0, 0.34),
                    h=round(hue % 360.0, 1),
                )
            )
        return _drawn(anchors, palette.ground, turn=_angle(palette.turn + turn))
    said: dict[str, object] = {"hue": round((palette.hue + turn) % 360.0, 1)}
    for k, (name, (lo, hi)) in enumerate(_BOUNDS.items()):
        was = getattr(palette, name)
        if _STEPS[name]:
            new = reflected(
                was + _STEPS[name] * strength * float(z[1 + k]), min(lo, was), max(hi, was)
            )
            said[name] = float(f"{new:.4g}")
    old = palette.model_dump(exclude_unset=True, exclude={"title"}, exclude_none=True)
    return Palette.model_validate({**old, **said})


def mixed(a: Palette, b: Palette, share: float) -> Palette:
    """Return a palette between two: lightness, chroma and hue are mixed apart, so nothing grays.

    Parameters
    ----------
    a, b : Palette
    share : float
        0 is `a`, 1 is `b`.
    """
    tones = np.linspace(0.0, 1.0, 6)
    parts = []
    for palette in (a, b):
        lab = ramp(palette, 6)
        parts.append(
            (lab[:, 0], np.hypot(lab[:, 1], lab[:, 2]), np.unwrap(np.arctan2(lab[:, 2], lab[:, 1])))
        )
    (light_a, chroma_a, hue_a), (light_b, chroma_b, hue_b) = parts
    # Both hue paths are laid side by side as a whole: tone by tone, the shorter way could flip.
    weight = np.sqrt(chroma_a * chroma_b) + 1e-6
    apart = float(np.average(hue_b - hue_a, weights=weight))
    hue_b = hue_b - 2.0 * np.pi * np.round(apart / (2.0 * np.pi))
    light, chroma, hue = (
        (1.0 - share) * one + share * two
        for one, two in ((light_a, light_b), (chroma_a, chroma_b), (hue_a, hue_b))
    )
    anchors = tuple(
        Anchor(
            tone=round(float(t), 2),
            L=_round(float(light[k]), 0, 1),
            C=_round(float(chroma[k]), 0, 0.34),
            h=round(float(np.degrees(hue[k])) % 360.0, 1),
        )
        for k, t in enumerate(tones)
    )
    return _drawn(anchors, a.ground if share < 0.5 else b.ground)


def _drawn(anchors: Sequence[Anchor], ground: Ground | None, **said: float) -> Palette:
    """Return a palette of anchors; what it has not is left unsaid, as files do."""
    fields: dict[str, Any] = {"anchors": tuple(anchors), **said}
    return Palette(**fields) if ground is None else Palette(**fields, ground=ground)


def harm(palette: Palette) -> float:
    """Say how much of a ramp is mud (dim yellow-greens and browns) or glare: 0 none, 1 all."""
    lab = oklch.oklab_from_display(table(palette, 1, 32)[0])
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360.0
    # Olive, mustard and acid green; gold and lime that are light or pale are none of these.
    # Fields turn hues a little over a picture, so what lies beside the ramp counts as well.
    near = (hue[:, None] + np.array([-24.0, 0.0, 24.0])) % 360.0
    yellow = np.clip(1.0 - np.abs(near - 110.0) / 34.0, 0.0, 1.0).mean(axis=1)
    dim = np.clip((0.86 - light) / 0.16, 0.0, 1.0) * np.clip((light - 0.2) / 0.1, 0.0, 1.0)
    glare = np.clip((chroma - 0.23) / 0.05, 0.0, 1.0)
    return float((yellow * dim * (chroma > 0.03)).mean() + 0.5 * glare.mean())


def color_word(palette: Palette) -> str:
    """Return a word for a palette's color where it is strongest: ``"amber"``, ``"teal"``."""
    lab = oklch.oklab_from_display(table(palette, 1, 64)[0])
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    if float(chroma.max()) < 0.05:
        return "silver"
    hue = np.arctan2(lab[:, 2], lab[:, 1])
    weight = chroma * (lab[:, 0] > 0.25) * (lab[:, 0] < 0.92)
    # The densest place on the hue circle: a mean would name what lies between two colors.
    density = np.exp(12.0 * (np.cos(hue[:, None] - hue[None, :]) - 1.0)) @ weight
    degrees = float(np.degrees(hue[int(np.argmax(density * (weight > 0)))])) % 360.0
    return next(word for top, word in _WORDS if degrees < top)


def _angle(degrees: float) -> float:
    return round((degrees + 180.0) % 360.0 - 180.0, 1)


def _round(value: float, lo: float, hi: float) -> float:
    return float(f"{min(max(value, lo), hi):.4g}")
