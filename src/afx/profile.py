"""The profile: settings that suit this machine best, measured by ``afx bench`` and kept.

Nothing in it changes a pixel, except the device, whose pictures differ from the processor's by at
most a step in 255 here and there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Profile:
    """What suits this machine; None where nothing was measured.

    Attributes
    ----------
    threads : int or None
        Painters at work.
    device : {"cpu", "cuda", "mps"} or None
    precision : {"float32", "half"} or None
    """

    threads: int | None = None
    device: Literal["cpu", "cuda", "mps"] | None = None
    precision: Literal["float32", "half"] | None = None


def read_profile() -> Profile:
    """Return this machine's profile; an empty one if there is none or it is of another machine."""
    return Profile()
