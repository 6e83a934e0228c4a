"""What evolution sees of a look: whether it is good, how good, what kind, and how like others.

No model is asked. A look is painted at two moments as large as the bands of ``afx.gates`` were
calibrated for, and in small steps of time for its motion. Everything is a number that the same look
and seed give again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from afx import gates
from afx.easel import Easel
from afx.gates import ImageMeasures
from afx.look import Look
from afx.oklch import Floats, oklab_from_display
from afx.patterns import PATTERNS, Pattern

LARGE, SMALL = (456, 256), (160, 90)
"""Pixels of the pictures that are judged, and of those in which motion is seen."""
MOMENTS = (12.0, 31.0)
"""Seconds at which a look is judged: what is good only once is not good."""
STEP = 1.0 / 30.0
"""Seconds between frames whose difference is motion."""
LATER = 0.2
"""Seconds after which a motion that goes somewhere has gone further than in a `STEP`."""

HURRIED = 0.02
"""Mean change of L from frame to frame above which a look jumps rather than moves; the library has
0.002 to 0.015 at rest."""
SLACK = 0.05
"""Share of a band by which a moment may leave it: bands are for the run of a video, and curated
looks touch their ends."""
ALIKE, ALIKE_KIN = 0.8, 0.65
"""Cosine of two `Traits.likeness` from which looks are near-duplicates, and from which looks of one
pattern are (the same forms in other places look alike to people). Children at strength 0.1
have 0.80 to 0.97 with their parents (10th to 90th percentile), two looks of the library 0.26 (99 of
100 pairs below 0.82)."""

HUES_ALIKE = 0.85
"""Cosine of the hues from which two looks of one pattern are seen as the same thing twice."""

THUMB = 8
HUES = 24


@dataclass(frozen=True)
class Axis:
    """One direction of the grid.

    Attributes
    ----------
    name : str
        A field of `Traits`.
    lo, hi : float
        The span that the cells share evenly; the outer ones are open. About the 5th and the 95th
        percentile over the library's looks and eight children of each at strength 0.4.
    low, high : str
        Words for the ends.
    """

    name: str
    lo: float
    hi: float
    low: str
    high: str

    def edges(self, cells: int) -> tuple[float, ...]:
        """Return the inner edges of that many cells."""
        return tuple(round(float(e), 5) for e in np.linspace(self.lo, self.hi, cells + 1)[1:-1])


MEASURES: Mapping[str, tuple[Axis, Axis]] = {
    "colors-shape": (
        Axis("colorfulness", 46.0, 98.0, "muted", "vivid"),
        Axis("boundary", 1.06, 1.4, "plain", "intricate"),
    ),
    "energy-symmetry": (
        Axis("energy", 0.05, 0.85, "calm", "lively"),
        Axis("symmetry", 0.0, 0.7, "free", "mirrored"),
    ),
}
"""Pairs of measures by name: columns and rows of the grid."""


@dataclass(frozen=True)
class Traits:
    """What a look is like.

    Attributes
    ----------
    colorfulness, boundary : float
        As `afx.gates.ImageMeasures`, the mean of the moments.
    energy : float
        Motion: log2 of the change of L a frame, 0 at 0.002 and 1 at 0.016.
    symmetry : float
        Largest correlation of L with its mirror image, left-right or upside down; 0 none, 1 all.
    quality : float
        0 at the edge of a band, 1 well inside all of them.
    faults : tuple of str
        Why a look is refused, in words; empty if it is good.
    likeness : tuple of float
        What it looks like: a thumbnail and its hues, norm 1.
    """

    colorfulness: float
    boundary: float
    energy: float
    symmetry: float
    quality: float
    faults: tuple[str, ...]
    likeness: tuple[float, ...]

    def __post_init__(self) -> None:
        for field in fields(self)[:5]:
            # Rounded once, here: what is read from a file compares as what was measured.
            object.__setattr__(self, field.name, round(float(getattr(self, field.name)), 5))


class Judge:
    """Measures looks; for one thread.

    Parameters
    ----------
    patterns : mapping of str to Pattern
    """

    def __init__(self, patterns: Mapping[str, Pattern] = PATTERNS) -> None:
        self.large = Easel(*LARGE, patterns)
        self.small = Easel(*SMALL, patterns)

    def traits(self, look: Look, seed: int = 0) -> Traits:
        """Measure a look; what moves badly is not painted large."""
        steps = [moment + later for moment in MOMENTS for later in (0.0, STEP, LATER)]
        frames = np.stack(self.small.strip(look, steps, seed=seed))
        light = oklab_from_display(frames / 255.0)[..., 0].astype(np.float64)
        runs = light.reshape(len(MOMENTS), 3, *light.shape[1:])
        motion = float(np.abs(runs[:, 1] - runs[:, 0]).mean())
        faults = _motion_faults(runs, motion)
        if faults:
            return Traits(0, 0, 0, 0, 0, tuple(faults), ())
        pictures = self.large.strip(look, list(MOMENTS), seed=seed)
        measured = [gates.measure(picture) for picture in pictures]
        faults = [word for each in measured for word in _image_faults(each)]
        labs = [oklab_from_display(_halved(picture)) for picture in pictures]
        score = 0.0
        if not faults:
            score = min(
                quality(each, lab, motion) for each, lab in zip(measured, labs, strict=True)
            )
        return Traits(
            colorfulness=float(np.mean([each.colorfulness for each in measured])),
            boundary=float(np.mean([each.boundary for each in measured])),
            energy=float(np.log2(max(motion, 1e-6) / 0.002) / 3.0),
            symmetry=float(np.mean([symmetry(lab[..., 0]) for lab in labs])),
            quality=score,
            faults=tuple(dict.fromkeys(faults)),
            likeness=likeness(labs[0]),
        )


def _motion_faults(runs: Floats, motion: float) -> list[str]:
    faults = []
    if motion < gates.FREEZE_ACTIVITY:
        faults.append("frozen: hardly anything moves")
    near, far = (np.abs(runs[:, k] - runs[:, 0]).mean(axis=(1, 2)) for k in (1, 2))
    if near.max() > HURRIED:
        faults.append("hurried: the picture jumps from frame to frame")
    elif (far < 1.5 * near).any():  # six steps of time: an even motion goes six times as far
        faults.append("restless: motion that trembles")
    if min(run.std(axis=(1, 2)).min() for run in runs) < gates.DEAD_CONTRAST:
        faults.append("no picture: hardly any contrast")
    return faults


def _image_faults(measured: ImageMeasures) -> list[str]:
    """Return what `afx.gates.problems` says, but for a `SLACK` around the bands."""
    inside = {}
    for name, (lo, hi) in gates.BANDS.items():
        value, slack = getattr(measured, name), SLACK * (hi - lo)
        inside[name] = min(max(value, lo), hi) if lo - slack <= value <= hi + slack else value
    return gates.problems(ImageMeasures(**inside))


def quality(measured: ImageMeasures, lab: Floats, motion: float) -> float:
    """Say how far inside the bands a picture lies, 0 to 1.

    The geometric mean of smooth scores: one poor side is not made up for by the others. The shape's
    boundary is best in the middle (Spehar, Walker & Taylor 2016: preference peaks at intermediate
    dimensions).

    Parameters
    ----------
    measured : ImageMeasures
    lab : ndarray [h, w, 3]
        The picture in OKLab.
    motion : float
        Mean change of L from frame to frame.
    """
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360.0
    olive = (np.abs(hue - 108.0) < 24.0) & (light < 0.75) & (light > 0.25) & (chroma > 0.04)
    scores = (
        _inside(measured.contrast, 0.07, 0.14, 0.24, 0.28),
        _inside(measured.entropy, 3.5, 5.0, 5.72, 5.85),
        _inside(measured.slope, 1.0, 1.5, 2.4, 3.0),
        _inside(measured.boundary, 1.0, 1.15, 1.38, 1.5),
        _inside(measured.edges, 0.01, 0.04, 0.22, 0.35),
        _inside(measured.colorfulness, 25.0, 50.0, 95.0, 115.0),
        _inside(measured.clipped, -1.0, 0.0, 0.002, 0.05),
        # Large forms that one sees from afar, not wallpaper.
        _inside(float(_thumb(light).std()), 0.02, 0.09, 0.22, 0.3),
        _inside(float(olive.mean()), -1.0, 0.0, 0.04, 0.35),
        _inside(float((chroma > 0.25).mean()), -1.0, 0.0, 0.03, 0.4),
        # Many hues are a fairground; the library has 2.5 to 14.
        _inside(hue_count(hues(lab)), 0.0, 1.5, 12.5, 19.0),
        # Neither a black picture with something in it, nor a pale one.
        _inside(float(light.mean()), 0.15, 0.32, 0.62, 0.85),
        _inside(motion, gates.FREEZE_ACTIVITY, 0.002, 0.012, HURRIED),
    )
    return float(np.exp(np.mean(np.log(np.maximum(scores, 0.01)))))


def _inside(value: float, lo: float, good: float, fine: float, hi: float) -> float:
    """Return 1 from `good` to `fine`, falling smoothly to 0 at `lo` and `hi`."""
    up = (value - lo) / (good - lo)
    down = (hi - value) / (hi - fine)
    x = min(max(min(up, down), 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def symmetry(light: Floats) -> float:
    """Return the largest correlation of L [h, w] with its mirror images; none below 0."""
    centered = light - light.mean()
    power = float((centered**2).sum())
    if power <= 1e-12:
        return 0.0
    mirrors = (centered[:, ::-1], centered[::-1])
    return max(0.0, *(float((centered * mirror).sum()) / power for mirror in mirrors))


def likeness(lab: Floats) -> tuple[float, ...]:
    """Return what a picture looks like, as a vector of norm 1 that needs no model.

    Half of it is an 8×8 thumbnail in OKLab, half a histogram of hues weighted by chroma.
    """
    thumb = np.stack([_thumb(lab[..., k]) for k in range(3)])
    # Mid-gray is the origin; color counts as much as lightness does.
    thumb = (thumb - np.array([0.5, 0.0, 0.0])[:, None, None]) * np.array([1.0, 2.0, 2.0])[
        :, None, None
    ]
    found = hues(lab)
    # Neighbors share what lies near their border.
    found = 0.5 * found + 0.25 * (np.roll(found, 1) + np.roll(found, -1))
    parts = [part.ravel() / max(float(np.linalg.norm(part)), 1e-9) for part in (thumb, found)]
    vector = np.concatenate(parts) * np.sqrt(0.5)
    return tuple(round(float(v), 4) for v in vector)


def hues(lab: Floats) -> Floats:
    """Return the histogram of hues [HUES], weighted by chroma."""
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    turns = np.arctan2(lab[..., 2], lab[..., 1]) / (2.0 * np.pi) % 1.0
    bins = np.minimum((turns * HUES).astype(int), HUES - 1)
    return np.bincount(bins.ravel(), weights=chroma.ravel(), minlength=HUES).astype(np.float64)


def hue_count(histogram: Floats) -> float:
    """Return how many of the hues there really are: e to the entropy, 1 for one, `HUES` for all."""
    share = histogram / max(float(histogram.sum()), 1e-12)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def alike(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the cosine of two likenesses."""
    return float(np.dot(a, b))


def hues_alike(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the cosine of the hues of two likenesses, wherever in the picture they are."""
    return 2.0 * float(np.dot(a[-HUES:], b[-HUES:]))


def _thumb(plane: Floats) -> Floats:
    h, w = (n // THUMB * THUMB for n in plane.shape)
    blocks = plane[:h, :w].reshape(THUMB, h // THUMB, THUMB, w // THUMB)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _halved(picture: NDArray[np.uint8]) -> Floats:
    h, w = (n // 4 * 4 for n in picture.shape[:2])
    blocks = picture[:h, :w].reshape(h // 4, 4, w // 4, 4, 3)
    return np.asarray(blocks.mean(axis=(1, 3)) / 255.0)
