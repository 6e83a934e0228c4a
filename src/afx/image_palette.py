"""A palette from an image: its hues, in an order that lets dark lead to light without mud.

Colors are clustered in OKLab, weighed by area and chroma, so a small vivid accent counts. Up to
three hues are laid along a ramp whose lightness is ours, near black to near white: an image decides
which colors there are, not whether a picture has contrast. Nothing depends on where in the image a
color is, so turned, mirrored or enlarged images give the same palette. Gray images give a duotone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afx import oklch
from afx.image_file import read_reduced
from afx.oklch import Floats
from afx.palette import Anchor, Palette

CLUSTERS = 8
MOST_HUES = 3
FAINTEST = 0.03
"""Chroma below which a color counts as gray."""
APART = 34.0
"""Degrees; hues that are nearer are one hue."""
FARTHEST = 190.0
"""Degrees that a ramp may travel through its hues: beyond, it is a rainbow."""

_DARK, _LIGHT = 0.105, 0.955
_MUD, _MUD_WIDTH = 108.0, 48.0
"""Dim colors of about this hue look dirty: olive, mustard. Fields turn hues by another 20°."""


@dataclass(frozen=True)
class _Hue:
    """One hue of an image: degrees, OKLab chroma and lightness, and how much it counts."""

    degrees: float
    chroma: float
    lightness: float
    weight: float


def palette_of(source: str | Path | bytes, *, name: str = "") -> Palette:
    """Return a palette with the colors of an image file; arguments and errors as `read_reduced`.

    Raises
    ------
    ValueError
        If the image cannot be read, or shows nothing; one line for people.
    """
    rgba = read_reduced(source, name=name)
    called = name or ("an image" if isinstance(source, bytes) else Path(source).name)
    called = "".join(c for c in called if c.isprintable())
    try:
        palette = palette_of_pixels(rgba)
    except ValueError as error:
        raise ValueError(f"{called}: {error}") from None
    return palette.model_copy(update={"title": f"From {called[:60]}"})


def palette_of_pixels(rgba: Floats) -> Palette:
    """Return a palette with the colors of a picture.

    Parameters
    ----------
    rgba : ndarray [h, w, 3 or 4]
        Display sRGB in [0, 1], and alpha; what is below half does not count.

    Raises
    ------
    ValueError
        If all of it is transparent.
    """
    pixels = np.asarray(rgba, dtype=np.float64).reshape(-1, np.shape(rgba)[-1])
    if pixels.shape[1] == 4:
        pixels = pixels[pixels[:, 3] >= 0.5]
    if not len(pixels):
        raise ValueError("is all transparent: there are no colors in it")
    colors, areas = _counted(oklch.oklab_from_display(pixels[:, :3]))
    middle = float(areas @ colors[:, 0])
    chroma = np.hypot(colors[:, 1], colors[:, 2])
    colored = float(areas[chroma >= FAINTEST].sum())
    if colored < 0.004:
        return _from_gray(colors, areas, middle)
    hues = _main_hues(colors, areas * (chroma >= FAINTEST))
    return _drawn(_best_order(hues), middle, min(1.0, 3.0 * colored))


def _counted(lab: Floats) -> tuple[Floats, Floats]:
    """Gather OKLab colors [n, 3] in small cells: mean colors [k, 3] and areas [k] that sum to 1.

    Cells are sorted and colors rounded, so the order of pixels leaves no trace.
    """
    cells = np.floor(lab * [40.0, 60.0, 60.0] + 0.5).astype(np.int64)
    _, where, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    where = where.reshape(-1)
    sums = [np.bincount(where, weights=lab[:, i]) for i in range(3)]
    return np.round(np.stack(sums, axis=-1) / count[:, None], 9), count / count.sum()


def _main_hues(colors: Floats, areas: Floats) -> list[_Hue]:
    """Return the hues that matter, most important first: one at least, `MOST_HUES` at most."""
    chroma = np.hypot(colors[:, 1], colors[:, 2])
    used = areas > 0.0
    colors, chroma, areas = colors[used], chroma[used], areas[used]
    weights = areas * np.minimum(chroma, 0.2)
    labels = _clusters(colors * [0.5, 1.0, 1.0], weights)
    hues = []
    for label in np.unique(labels):
        mine = labels == label
        share, w = float(areas[mine].sum()), weights[mine]
        light, a, b = np.average(colors[mine], axis=0, weights=w)
        strong = float(np.average(chroma[mine], weights=w * chroma[mine]))
        weight = share**0.5 * min(strong, 0.2)  # by the root, a small accent counts
        hues.append(_Hue(float(np.degrees(np.arctan2(b, a))) % 360, strong, float(light), weight))
    hues = _merged(sorted(hues, key=lambda hue: -hue.weight))
    heard = [hue for hue in hues if hue.weight >= 0.1 * hues[0].weight][: MOST_HUES + 2]
    chosen: tuple[_Hue, ...] = (heard[0],)
    for count in range(2, MOST_HUES + 1):
        for others in itertools.combinations(heard[1:], count - 1):
            tried = (heard[0], *others)
            more = sum(hue.weight for hue in tried) > sum(hue.weight for hue in chosen) + 1e-9
            if more and _travel(_best_order(tried)) <= FARTHEST:
                chosen = tried
    return list(chosen)


def _clusters(points: Floats, weights: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Label points [n, d] by weighted k-means; starts where k-means++ most likely would."""
    centers = [points[int(np.argmax(weights))]]
    nearest = ((points - centers[0]) ** 2).sum(axis=1)
    while len(centers) < min(CLUSTERS, len(points)):
        # Not drawn by chance but the likeliest: the same image gives the same palette.
        farthest = int(np.argmax(weights**0.5 * nearest))
        if nearest[farthest] < 0.03**2:
            break
        centers.append(points[farthest])
        nearest = np.minimum(nearest, ((points - points[farthest]) ** 2).sum(axis=1))
    at = np.array(centers)
    labels = np.zeros(len(points), dtype=np.intp)
    for _ in range(20):
        labels = ((points[:, None, :] - at[None]) ** 2).sum(axis=-1).argmin(axis=1)
        moved = at.copy()
        for k in np.unique(labels):
            mine = labels == k
            moved[k] = np.average(points[mine], axis=0, weights=weights[mine])
        if np.allclose(moved, at, atol=1e-7):
            break
        at = moved
    return labels


def _merged(hues: list[_Hue]) -> list[_Hue]:
    """Join hues that people would call one; the strongest first, as they come."""
    joined: list[list[_Hue]] = []
    for hue in hues:
        near = [g for g in joined if abs(_turn(g[0].degrees, hue.degrees)) < APART]
        if near:
            min(near, key=lambda g: abs(_turn(g[0].degrees, hue.degrees))).append(hue)
        else:
            joined.append([hue])
    made = []
    for group in joined:
        w = np.array([hue.weight for hue in group])
        offsets = [_turn(group[0].degrees, hue.degrees) for hue in group]
        made.append(
            _Hue(
                (group[0].degrees + float(np.average(offsets, weights=w))) % 360.0,
                float(np.average([hue.chroma for hue in group], weights=w)),
                float(np.average([hue.lightness for hue in group], weights=w)),
                float(np.hypot.reduce(w)),
            )
        )
    return sorted(made, key=lambda hue: -hue.weight)


def _best_order(hues: Sequence[_Hue]) -> list[_Hue]:
    """Order hues from dark to light: as they are in the image and by nature, in small turns."""
    at = np.linspace(0.3, 0.78, len(hues))

    def cost(order: list[_Hue]) -> float:
        wished = [0.5 * hue.lightness + 0.5 * _cusp(hue.degrees) for hue in order]
        return float(np.abs(at - wished).mean()) + _travel(order) / 400.0

    return min(map(list, itertools.permutations(hues)), key=cost)


def _travel(order: Sequence[_Hue]) -> float:
    """Return the degrees from each hue to the next, added up."""
    return sum(abs(_turn(a.degrees, b.degrees)) for a, b in itertools.pairwise(order))


def _cusp(degrees: float) -> float:
    """Return the lightness at which sRGB shows a hue strongest: yellow high, blue low."""
    light = np.linspace(0.2, 0.98, 79)
    return float(light[int(np.argmax(oklch.max_chroma(light, np.radians(degrees))))])


def _turn(start: float, end: float) -> float:
    """Return the degrees from one hue to another, the short way: −180 to 180."""
    return (end - start + 180.0) % 360.0 - 180.0


def _drawn(hues: list[_Hue], middle: float, colored: float) -> Palette:
    """Lay ordered hues along a ramp.

    Parameters
    ----------
    hues : list of _Hue
        From dark to light.
    middle : float
        Mean lightness of the image: dark images give ramps that stay dark for longer.
    colored : float
        How much of the image is not gray, 0 to 1: the ends of the ramp are as gray as the image.
    """
    stops = _stops_of_one(hues[0]) if len(hues) == 1 else _stops(hues)
    bend = float(np.clip(1.0 + 0.6 * (0.55 - middle), 0.86, 1.2))
    ends = 0.35 + 0.65 * colored
    # The more hues there are, the less of each: many strong ones together are garish.
    calm = 1.0 - 0.2 * abs(stops[-1][1] - stops[0][1]) / FARTHEST
    inner = [_anchor(tone, degrees, calm * chroma, bend) for tone, degrees, chroma in stops]
    first, last = inner[0].h, inner[-1].h
    dark = _anchor(0.0, first + _towards(first, 280.0, 20.0), 0.045 * ends, bend)
    light = _anchor(1.0, last + _towards(last, 86.0, 22.0), 0.055 * ends, bend)
    return Palette(anchors=(dark, *inner, light))


def _stops_of_one(hue: _Hue) -> list[tuple[float, float, float]]:
    """Return tones, degrees and chromas of a ramp in one hue, cooler in the dark."""
    tone = float(np.clip(0.5 * (_cusp(hue.degrees) + hue.lightness), 0.45, 0.7))
    chroma = _vivid(hue.chroma)
    cool, warm = (_towards(hue.degrees, end, 10.0) for end in (280.0, 86.0))
    return [
        (0.5 * tone, hue.degrees + cool, 0.75 * chroma),
        (tone, hue.degrees, chroma),
        (0.5 * (1.0 + tone), hue.degrees + warm, 0.7 * chroma),
    ]


def _stops(hues: list[_Hue]) -> list[tuple[float, float, float]]:
    """Return tones, degrees (not wrapped) and chromas of the ramp's inner anchors."""
    # A hue has room on the ramp by its weight, and some in any case.
    room = np.array([hue.weight for hue in hues])
    room = 0.5 / len(hues) + 0.5 * room / room.sum()
    tones = 0.14 + 0.76 * (np.cumsum(room) - 0.5 * room)
    turns = [_turn(a.degrees, b.degrees) for a, b in itertools.pairwise(hues)]
    widest = max(range(len(turns)), key=lambda k: abs(turns[k]))
    degrees = hues[0].degrees
    stops = [(float(tones[0]), degrees, _vivid(hues[0].chroma))]
    for k, turn in enumerate(turns):
        chroma = _vivid(hues[k + 1].chroma)
        if k == widest and abs(turn) > 70.0:
            # Half-way and fainter: around gray, not through it.
            tone = 0.5 * float(tones[k] + tones[k + 1])
            between = degrees + 0.5 * turn
            faint = 0.4 if abs(_turn(_MUD, between)) < _MUD_WIDTH else 0.65
            stops.append((tone, between, faint * min(stops[-1][2], chroma)))
        degrees += turn
        stops.append((float(tones[k + 1]), degrees, chroma))
    return stops


def _vivid(chroma: float) -> float:
    """Return a ramp's chroma for an image's: never dull, never glaring."""
    return float(np.clip(1.15 * chroma, 0.095, 0.2))


def _towards(degrees: float, end: float, most: float) -> float:
    """Return the step from a hue to another, `most` degrees at most."""
    return float(np.clip(_turn(degrees, end), -most, most))


def _anchor(tone: float, degrees: float, chroma: float, bend: float) -> Anchor:
    """Return a ramp's color at a tone: inside the gamut, and not where it would look dirty."""
    lightness = _DARK + (_LIGHT - _DARK) * tone**bend
    off = _turn(_MUD, degrees)
    if abs(off) < _MUD_WIDTH and tone > 0.0:
        # Shadows of yellow are brown, shadows of yellow-green are green: never olive.
        dim = float(np.clip((0.84 - lightness) / 0.3, 0.0, 1.0))
        degrees += dim * (math.copysign(_MUD_WIDTH, off - 8.0) - off)
        # And light yellow is gold or straw only with some color in it, else khaki.
        chroma *= 1.0 + 0.6 * (1.0 - abs(off) / _MUD_WIDTH) * (1.0 - dim)
    edge = float(oklch.max_chroma(lightness, np.radians(degrees)))
    return Anchor(
        tone=round(tone, 3),
        L=round(lightness, 3),
        C=math.floor(1000.0 * min(chroma, 0.92 * edge)) / 1000.0,
        h=round(degrees % 360.0, 1),
    )


def _from_gray(colors: Floats, areas: Floats, middle: float) -> Palette:
    """Return a duotone for an image without colors: ink and ivory, or in its own faint tint."""
    tint = areas @ colors[:, 1:]
    rows: tuple[tuple[float, float, float], ...]
    bend = float(np.clip(1.0 + 0.6 * (0.55 - middle), 0.86, 1.2))
    if float(np.hypot(*tint)) < 0.006:
        rows = ((0.0, 268, 0.035), (0.3, 262, 0.07), (0.55, 325, 0.035), (0.78, 62, 0.065))
        rows += ((1.0, 88, 0.035),)
    else:
        own = float(np.degrees(np.arctan2(tint[1], tint[0])))
        cool = own + _towards(own, 280.0, 30.0)
        rows = ((0.0, cool, 0.03), (0.3, cool, 0.055), (0.55, own, 0.07), (0.78, own, 0.06))
        rows += ((1.0, own + _towards(own, 86.0, 20.0), 0.03),)
    return Palette(anchors=tuple(_anchor(t, h, c, bend) for t, h, c in rows))
