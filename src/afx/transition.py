"""Transitions: how one scene gives way to the next.

Knows times and shares; what they look like is for the director and the painter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

Kind = Literal["cut", "blend", "morph", "wipe", "warp", "dip", "handover"]
Shape = Literal["radial", "linear", "plasma", "field"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SHAPES: tuple[Shape, ...] = get_args(Shape)
MASKS: Mapping[Kind, tuple[Shape, float]] = MappingProxyType(
    {"wipe": ("radial", 0.25), "warp": ("radial", 0.6), "handover": ("field", 0.6)}
)
"""Kinds whose pictures share the frame pixel by pixel, in place of being mixed all over it, with
the mask and the width of its seam where nobody says another."""


def usual_mask(kind: Kind) -> tuple[Shape, float]:
    """Return a kind's mask and seam where nobody says another; kinds without have a wipe's."""
    return MASKS.get(kind, MASKS["wipe"])


@dataclass(frozen=True)
class Wipe:
    """Which pixels show the second of two fields: those whose mask the share has passed.

    Attributes
    ----------
    share : float
        From 0 (nowhere) to 1 (everywhere).
    shape : {"radial", "linear", "plasma", "field"}
        The mask: distance from the center, a direction, clouds, or the new field's own tones.
    soft : float
        Width of the seam, as a share of the mask's range.
    angle : float
        Direction of a linear one, in turns.
    """

    share: float
    shape: Shape = "radial"
    soft: float = 0.25
    angle: float = 0.0


@dataclass(frozen=True)
class Transition:
    """From one scene to the next.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    begin, end : float
        In frames of the piece; a cut has both at the new scene's first frame.
    shape, soft, angle
        Of those with a mask (`MASKS`), as `Wipe` has them.
    """

    kind: Kind
    begin: float
    end: float
    shape: Shape = "radial"
    soft: float = 0.25
    angle: float = 0.0

    def share(self, frame: float) -> float:
        """Return how much of the new scene is seen in a frame of the piece, 0 to 1, eased."""
        if self.end <= self.begin:
            return float(frame >= self.begin)
        part = min(max((frame - self.begin) / (self.end - self.begin), 0.0), 1.0)
        # Rounded: the last digit of a cosine is another machine's own.
        return round(0.5 - 0.5 * float(np.cos(np.pi * part)), 9)

    def wipe(self, frame: float) -> Wipe | None:
        """Return the mask in a frame, None if this kind has none."""
        if self.kind not in MASKS:
            return None
        return Wipe(self.share(frame), self.shape, self.soft, self.angle)
