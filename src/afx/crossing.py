"""What transitions do to knobs: the push of a warp, the fall of a dip, clocks that meet in a morph.

Knows knob tables and transitions; knows nothing of looks or music.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afx.field.knob import Knob
from afx.transition import Transition

PUSH_OCTAVES, PUSH_PACE = 0.8, 0.6
"""Zoom of a warp: at most so many octaves, and so many for every second that it lasts. The two
scenes meet at twice that pace: 1.2 octaves a second, within what the camera may do."""
TWIST = 0.05
"""Turns by which a warp twists each scene, at its full length."""
DIP_STOPS, DIP_PACE = 1.0, 0.3
"""Depth of a dip in stops, and how much of it a second allows: the exposure's own fastest change.
"""
DIP_LIFT, DIP_CHROMA = -0.12, -0.25
"""Tones and colorfulness at the bottom of a full dip."""

Table = NDArray[np.float32]


def bend(
    values: Table, first: int, knobs: Sequence[Knob], fps: float,
    *, comes: Transition | None = None, goes: Transition | None = None,
) -> None:  # fmt: skip
    """Change a scene's table in place where it comes and goes by a warp or a dip.

    Parameters
    ----------
    values : float32 [frames, knobs]
    first : int
        The frame of the piece that the first row is for.
    knobs : sequence of Knob
        The columns.
    fps : float
    comes, goes : Transition or None
        By which the scene begins and ends.
    """
    columns = {knob.name: (i, knob) for i, knob in enumerate(knobs)}
    for transition, out in ((comes, False), (goes, True)):
        if transition is None or transition.end <= transition.begin:
            continue
        frames = np.arange(first, first + len(values))
        # Rows in which the scene is not yet seen, or no longer, stay as at the border.
        low = int(np.searchsorted(frames, transition.begin)) if out else 0
        high = len(frames) if out else int(np.searchsorted(frames, transition.end))
        span = transition.end - transition.begin
        part = np.clip((frames[low:high] - transition.begin) / span, 0.0, 1.0)
        for name, moved in _moves(transition, part, span / fps, out=out).items():
            column, knob = columns[name]
            wished = values[low:high, column] + moved
            values[low:high, column] = np.clip(wished, knob.lo, knob.hi).astype(np.float32)


def _moves(
    transition: Transition, part: NDArray[np.float64], seconds: float, *, out: bool
) -> Mapping[str, NDArray[np.float64]]:
    """Return what is added to knobs, at shares `part` of a transition of so many seconds."""
    if transition.kind == "warp":
        # Both scenes travel the same way: one speeds up as it leaves, the other comes to rest.
        way = part * part if out else -((1.0 - part) ** 2)
        octaves = min(PUSH_OCTAVES, PUSH_PACE * seconds)
        twist = TWIST * min(1.0, seconds) * (1.0 if transition.angle < 0.5 else -1.0)
        return {"zoom": octaves * way, "turn": twist * way}
    if transition.kind == "dip":
        # sin² by its parabolas: only products, which round alike everywhere.
        near = 1.0 - np.abs(2.0 * part - 1.0)
        deep = np.where(near < 0.5, 2.0 * near * near, 1.0 - 2.0 * (1.0 - near) ** 2)
        depth = min(DIP_STOPS, DIP_PACE * seconds)
        return {
            "exposure": -depth * deep,
            "lift": DIP_LIFT * depth * deep,
            "chroma": DIP_CHROMA * depth * deep,
        }
    return {}
