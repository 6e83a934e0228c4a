"""What a timeline is made of: stretches of music, the shots that show them, and their changes.

Plain values, shared by what plans a timeline, what writes it to a file and what composes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afx.look import Look
from afx.transition import Kind, Shape

UNSURE_SECONDS = 2.5
"""Length of a change that is told in beats where there are none."""


@dataclass(frozen=True)
class Part:
    """A stretch of music that is shown in one way.

    Attributes
    ----------
    start, end : float
        Seconds.
    cast : int
        Parts of one number share a look; numbered from 0 as they first appear.
    kin : int
        Which variation of that look: 0 is the look itself.
    label, name : str
        The section's letter (``"A'"``) and what it is (``"chorus"``); empty where there is none.
    novelty : float
        How marked its beginning is, 0 to 1.
    drop : float
        Strength of a drop that falls on its beginning; 0 if none does.
    after_silence : bool
        Nothing sounds just before it.
    """

    start: float
    end: float
    cast: int
    kin: int = 0
    label: str = ""
    name: str = ""
    novelty: float = 0.0
    drop: float = 0.0
    after_silence: bool = False


@dataclass(frozen=True)
class Change:
    """How a shot comes in, in musical terms.

    Attributes
    ----------
    kind : str
        One of `afx.transition.KINDS`.
    beats, seconds : float or None
        Its length; seconds count if both are given, and a cut has neither.
    shape, soft, angle
        Of those with a mask, as `afx.transition.Wipe` has them.
    """

    kind: Kind = "blend"
    beats: float | None = None
    seconds: float | None = None
    shape: Shape = "radial"
    soft: float = 0.25
    angle: float = 0.0

    def length(self, bpm: float | None) -> float:
        """Return its length in seconds at a tempo."""
        if self.kind == "cut":
            return 0.0
        if self.seconds is not None:
            return self.seconds
        if self.beats is None or not bpm:
            return UNSURE_SECONDS
        return self.beats * 60.0 / bpm


@dataclass(frozen=True)
class Shot:
    """One look on the timeline.

    Attributes
    ----------
    look : Look
    seed : int
        The same for parts that are alike.
    start, end : float
        Seconds in the music, boundary to boundary.
    why : str
        For people.
    novelty : float
        How much the music changes where the shot begins, 0 to 1.
    label, name : str
        Of the section: its letter, and what it is.
    change : Change
        How it comes in; the first one's counts for nothing.
    hue : float
        Turns by which the look's hues are turned.
    knobs : mapping of str to float
        Values at rest in place of the look's.
    """

    look: Look
    seed: int
    start: float
    end: float
    why: str
    novelty: float = 0.0
    label: str = ""
    name: str = ""
    change: Change = Change()
    hue: float = 0.0
    knobs: Mapping[str, float] = field(default_factory=dict)
