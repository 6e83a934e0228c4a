"""Clocks: what makes a picture flow, and how music sets its pace.

A clock is a knob that is a speed; the pattern sees its integral, so nothing that drives it can make
the picture jump, and a short push moves it on and never back: one movement for each hit, where a
knob that goes up and down again makes two. At rest a clock idles; loudness sets its pace, and hits
and beats push it. Knows numbers; where the curves come from is for ``routes``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afx.look_parts import Route
from afx.shaping import Curve, limit_rate, soft_clip

CLOCK_IDLE = 0.18
"""Share of a clock's speed that is left in silence: the picture is never frozen."""
TOP = 1.5
"""How far a push may go beyond a clock's fastest speed, as a factor."""
RATE = 40.0
"""Fastest change of a clock's speed in ranges per second: a push may begin in a single frame."""
UNTURNED = ("spin", "cycle")
"""Clocks that start at 0 whatever the seed: a look's own orientation and tones are its design."""


class Drive(NamedTuple):
    """Something that drives clocks.

    Attributes
    ----------
    route : Route
        The source and its shape; its knob and depth say nothing.
    gain : float
        How much of a clock's speed at rest it adds at full swing.
    """

    route: Route
    gain: float


def _drive(
    source: str, gain: float, attack: float, release: float, curve: Curve = "linear"
) -> Drive:
    shape = Route(
        source=source, knob="clock", depth=1.0, curve=curve, attack=attack, release=release
    )
    return Drive(shape, gain)


_LOUD = "(0.6*level.all + 0.4*level.bass)"
LOUD = f"smooth{_LOUD[:-1]}, 0.25)"
"""Loudness over a breath, as ears weigh it, with a word for the bass."""
PUSH = (
    "max(0.9*event.kick, 0.8*event.snare, beat.conf*pow(beat.pulse, 2)*(0.5 + 0.5*hit.all))"
    f" * (0.2 + 0.8*{LOUD})"
)
"""The strongest of what hits now, weaker where it is quiet. The beat, where it is sure, keeps a
groove between its drums. One of them, not their sum: pushes that are alike are a rhythm, and one
that towers over the others is a stumble."""

BAR_PUSH = "beat.conf * pow(downbeat.pulse, 2)"

PATTERN_DRIVES = (
    # Bent so that loud is much faster than quiet.
    _drive(LOUD, 2.00, 0.0, 0.0, "exp"),
    _drive("energy", 0.10, 0.0, 0.0),
    _drive("build", 0.50, 0.50, 0.40),
    # Up at once, down before the next one.
    _drive(PUSH, 3.4, 0.015, 0.13),
)
"""What drives a pattern's clocks."""
STAGE_DRIVES = (
    _drive(LOUD, 0.80, 0.0, 0.0, "exp"),
    _drive(PUSH, 1.0, 0.015, 0.15),
)
"""The same for the stage's: the current and the camera."""
DEAL_DRIVES = (
    _drive(LOUD, 0.40, 0.0, 0.0, "exp"),
    _drive(BAR_PUSH, 5.0, 0.030, 0.30),
)
"""The same for `DEALERS`."""
DEALERS = ("shuffle", "deal")
"""Clocks of patterns that are dealt anew now and then: bars do it."""


NAMES = {LOUD: "loudness", PUSH: "push", BAR_PUSH: "push of the bar"}
"""Short names of what drives clocks, for people."""


def drives_of(name: str, *, pattern: bool, said: Collection[str] = ()) -> tuple[Drive, ...]:
    """Return what drives a clock.

    Parameters
    ----------
    name : str
        Of the knob.
    pattern : bool
        Whether it is the pattern's own, not the stage's or the grade's.
    said : collection of str
        Sources that a look has its own word on, depth 0 included: it replaces ours.
    """
    drives = PATTERN_DRIVES if pattern else STAGE_DRIVES
    if pattern and name.rpartition(".")[2] in DEALERS:
        drives = DEAL_DRIVES
    return tuple(drive for drive in drives if drive.route.source not in said)


def run(
    speed: NDArray[np.float64], fps: float, *, lo: float, hi: float, idle: float
) -> NDArray[np.float64]:
    """Integrate a clock from 0.

    Parameters
    ----------
    speed : float64 [frames]
        What drives it, all together, per second.
    fps : float
        Frames per second.
    lo, hi : float
        Its slowest and fastest speed; pushes may go beyond by `TOP`.
    idle : float
        Its speed in silence.
    """
    bounded = soft_clip(speed, min(lo, TOP * lo), TOP * hi, idle)
    bounded = limit_rate(bounded, fps, RATE * (hi - lo))
    clock = np.cumsum(bounded) / fps
    return np.asarray(clock - clock[:1])
