"""Which transition leads from one shot to the next: chosen by the music, never one kind all along.

Knows shots and what the music is like around their border; knows no frames and no pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afx.cutting import CUT_COST
from afx.shot import UNSURE_SECONDS, Change
from afx.sources import SURE, Beats
from afx.transition import MASKS, Kind, Shape, usual_mask

FADE_SHORTEST, FADE_LONGEST = 1.0, 4.0
"""Seconds that a change lasts."""
SLOW = 3.0
"""The same at least, where music has no clear form."""
PUNCH_SHORTEST, PUNCH_LONGEST = 0.35, 0.8
"""Seconds of the zoom on a drop."""
STRONG = 0.6
"""Novelty from which a change is quick: two beats, not four."""
CALM, LOUD = 0.35, 0.6
"""Energies below and above which music is calm or driving."""
SEAM, SEAM_CALM, SEAM_GROWN = (0.12, 0.24), (0.22, 0.30), (0.45, 0.60)
"""Widths of a seam, least and most: of a wipe, of one in calm music, and of a handover, where the
new picture grows out of the old one."""
PUNCH = 0.45
"""Strength of a drop below which it may be answered by a zoom in place of a cut."""


@dataclass(frozen=True)
class Border:
    """What is known where one shot gives way to the next.

    Attributes
    ----------
    same_look : bool
        Both are one look with one seed.
    remembers : bool
        The new look has a memory and can begin from the old one's picture.
    direct : bool
        The new look paints its own colors.
    clash : bool
        Between the two palettes lies gray (`afx.casting.clash`): their pictures are not mixed.
    novelty, drop : float
        How marked the border is, and a drop on it, 0 to 1.
    after_silence : bool
    before, after : float
        Energy on both sides, 0 to 1.
    slow : bool
        Long blends: the music has no clear form.
    """

    same_look: bool
    remembers: bool = False
    direct: bool = False
    clash: bool = False
    novelty: float = 0.0
    drop: float = 0.0
    after_silence: bool = False
    before: float = 0.5
    after: float = 0.5
    slow: bool = False


def choose(border: Border, beats: Beats, last: Kind | None, chance: np.random.Generator) -> Change:
    """Choose how a shot comes in.

    Parameters
    ----------
    border : Border
    beats : Beats
    last : str or None
        The kind that was used before, between different looks.
    chance : Generator
        For this border alone.
    """
    kind = _kind(border, last, chance)
    if kind == "cut":
        return Change("cut")
    if border.drop and kind == "warp":
        return _timed("warp", 1.0, beats, PUNCH_SHORTEST, PUNCH_LONGEST, *usual_mask(kind))
    calm = max(border.before, border.after) < CALM
    count = 2.0 if border.novelty >= STRONG and not (border.slow or calm) else 4.0
    shortest = FADE_SHORTEST
    if border.slow:
        count, shortest = 2.0 * count, SLOW
    grown = kind == "handover"
    if kind == "blend" and border.clash:
        kind, grown = "wipe", True
    if kind not in MASKS or kind == "warp":  # out of its middle as the old picture flies past
        return _timed(kind, count, beats, shortest, FADE_LONGEST, *usual_mask(kind))
    shapes: tuple[Shape, ...] = ("plasma", "field")
    if not calm and not grown:
        shapes = ("radial", "field", "linear")
    if border.direct:  # what brings its own colors has no tones for a mask to go by
        shapes = tuple(shape for shape in shapes if shape != "field")
    shape = shapes[int(chance.integers(len(shapes)))]
    low, high = SEAM_GROWN if grown else SEAM_CALM if calm else SEAM
    soft = round(float(chance.uniform(low, high)), 2)
    angle = round(float(chance.integers(8)) / 8.0, 3) if shape == "linear" else 0.0
    return _timed(kind, count, beats, shortest, FADE_LONGEST, shape, soft, angle)


def _kind(border: Border, last: Kind | None, chance: np.random.Generator) -> Kind:
    if border.same_look:
        # A memory goes on from what was seen: it cannot be two things at once.
        return "handover" if border.remembers else "morph"
    if border.drop:
        return "warp" if border.drop < PUNCH and last == "cut" else "cut"
    if border.remembers:
        return "handover"
    if border.after_silence or border.after < border.before - 0.25:
        return "dip"
    calm = max(border.before, border.after) < CALM
    kinds: dict[Kind, float]
    if border.slow or calm:
        kinds = {"blend": 3.0, "wipe": 1.0, "dip": 0.7}
    elif border.novelty >= CUT_COST:
        kinds = {"wipe": 2.0, "warp": 1.6 if border.after >= LOUD else 1.0, "blend": 0.8}
    else:
        kinds = {"blend": 2.0, "wipe": 1.0, "warp": 0.8}
    kinds = {kind: weight * (0.15 if kind == last else 1.0) for kind, weight in kinds.items()}
    at = float(chance.random()) * sum(kinds.values())
    for kind, weight in kinds.items():
        at -= weight
        if at < 0.0:
            return kind
    return "blend"


def _timed(
    kind: Kind,
    count: float,
    beats: Beats,
    shortest: float,
    longest: float,
    shape: Shape = "radial",
    soft: float = 0.25,
    angle: float = 0.0,
) -> Change:
    """Return a change of so many beats; in seconds where that is too short, too long or unsure."""
    counted: float | None = count
    seconds: float | None = None
    if beats.bpm is None or beats.confidence < SURE:
        counted, seconds = None, min(max(UNSURE_SECONDS, shortest), longest)
    elif not shortest <= count * 60.0 / beats.bpm <= longest:
        counted, seconds = None, min(max(count * 60.0 / beats.bpm, shortest), longest)
        seconds = round(seconds, 3)
    return Change(kind, counted, seconds, shape, soft, angle)
