"""What is measured of fields, and the form in which it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from afx.device import Device, Precision

NETWORKS = ((16, 8), (32, 6), (64, 4), (128, 6), (256, 8), (512, 10))
"""Width and depth; 256×8 is the plan's own, with 464 K parameters."""
BATCHES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
"""Pixels a call."""
FRAMES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}

Study = Literal["architecture", "batch", "threads", "pattern", "cross", "device"]


@dataclass(frozen=True)
class FieldRow:
    """One measurement.

    Attributes
    ----------
    study : str
        What it was measured for.
    name : str
        A network's width × depth, or a pattern's name.
    device, precision : str
    threads : int
    batch : int
        Pixels a call, of each thread.
    rate : float
        Pixels a second, of the best run, all threads together.
    spread : float
        How far the median run lies below it, a share.
    runs : int
    clock : {"cpu", "wall"}
        Whether seconds are of the thread's own work or on the wall.
    work : int
        Operations a pixel (`network.work`); 0 where there is no network.
    memory : int
        Bytes that the calls hold: planes, working memory, weights.
    share : float or None
        Of the machine's matrix peak.
    """

    study: Study
    name: str
    device: str
    precision: str
    threads: int
    batch: int
    rate: float
    spread: float
    runs: int
    clock: Literal["cpu", "wall"]
    work: int
    memory: int
    share: float | None = None

    def fps(self, size: str) -> float:
        """Frames of a size in `FRAMES` a second: fields alone."""
        width, height = FRAMES[size]
        return self.rate / (width * height)


@dataclass(frozen=True)
class Peak:
    """The best matrix product found: operations a second, and whose it was."""

    device: str
    precision: str
    threads: int
    rate: float
    library: str


@dataclass(frozen=True)
class FieldPlan:
    """What to measure.

    Attributes
    ----------
    networks : sequence of (int, int)
    threads, batches : sequence of int
    devices : sequence of (device, precision)
        Besides the processor, or instead of it.
    processor : bool
    patterns : bool
        The library's patterns too.
    full : bool
        Every network with every batch and number of threads.
    quick : bool
    """

    networks: Sequence[tuple[int, int]] = NETWORKS
    threads: Sequence[int] = ()
    batches: Sequence[int] = BATCHES
    devices: Sequence[tuple[Device, Precision]] = ()
    processor: bool = True
    patterns: bool = False
    full: bool = False
    quick: bool = False
