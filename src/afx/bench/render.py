"""How fast whole videos are: a made-up song, from the sound to the finished MP4.

Then the stage that takes longest, painting and encoding together, alone: with several numbers of
painters in turn, at several sizes, and on every device.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from afx.bench.frames import Sample
from afx.bench.timing import Timing, rounds
from afx.profile import available_cores

if TYPE_CHECKING:
    from afx.device import Device, Precision

SIZES = ("720p", "1080p", "4k")


@dataclass(frozen=True)
class Job:
    """A whole render.

    Attributes
    ----------
    size : (int, int)
    fps : int
        Of the video.
    seconds : float
        Length of the video.
    frames : int
    wall : float
        Seconds for everything.
    cpu_ms : float
        CPU time of a frame: its share of everything.
    took : dict of str to float
        Seconds of each stage.
    threads : int
    """

    size: tuple[int, int]
    fps: int
    seconds: float
    frames: int
    wall: float
    cpu_ms: float
    took: dict[str, float]
    threads: int

    @property
    def realtime(self) -> float:
        """How many times faster than the music."""
        return self.seconds / self.wall

    @property
    def rate(self) -> float:
        """Frames a second while painting and encoding."""
        return self.frames / self.took["rendering"]


@dataclass(frozen=True)
class Speed:
    """Painting and encoding alone.

    Attributes
    ----------
    study : {"threads", "size", "device"}
    size : (int, int)
    threads : int
    device, precision : str
    rates : tuple of float
        Frames a second of each run.
    """

    study: Literal["threads", "size", "device"]
    size: tuple[int, int]
    threads: int
    device: str
    precision: str
    rates: tuple[float, ...]

    @property
    def timing(self) -> Timing:
        """The runs."""
        return Timing(self.rates)


@dataclass(frozen=True)
class RenderPlan:
    """What to measure.

    Attributes
    ----------
    sizes : sequence of str
    threads : sequence of int
        Painters to try besides the usual number.
    devices : sequence of (device, precision)
        Besides the processor.
    quick : bool
    """

    sizes: Sequence[str] = SIZES
    threads: Sequence[int] = ()
    devices: Sequence[tuple[Device, Precision]] = ()
    quick: bool = False


@dataclass
class RenderBench:
    """Carries out a plan, step by step.

    Attributes
    ----------
    plan : RenderPlan
    jobs, speeds : list
        What was found so far.
    remarks : list of str
        What painters on devices had to say.
    """

    plan: RenderPlan
    jobs: list[Job] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def run(self, sample: Sample) -> Iterator[Job | Speed]:
        """Measure; yield each result as soon as it is there."""
        job = _whole(sample, self.plan.sizes[0])
        self.jobs.append(job)
        yield job
        for speeds in (self._threads(sample), self._sizes(sample), self._devices(sample)):
            for speed in speeds:
                self.speeds.append(speed)
                yield speed

    def _threads(self, sample: Sample) -> Iterator[Speed]:
        """Try several numbers of painters in turn, so that they meet the same moods."""
        cores = available_cores()
        tried = sorted(set(self.plan.threads or candidates(cores)) | {cores})
        size = _size(self.plan.sizes[0])
        frames = _enough(self.jobs[0].rate, 0.6 if self.plan.quick else 1.5)
        jobs = [_painted(sample, size, frames, n, "cpu", "float32") for n in tried]
        timings = rounds(
            jobs, budget=6.0 if self.plan.quick else 20.0, least=3, most=3 if self.plan.quick else 7
        )
        for n, timing in zip(tried, timings, strict=True):
            yield Speed("threads", size, n, "cpu", "float32", timing.rates)

    def _sizes(self, sample: Sample) -> Iterator[Speed]:
        """Try the other sizes with the usual number of painters."""
        cores = available_cores()
        first = _size(self.plan.sizes[0])
        for name in self.plan.sizes[1:]:
            size = _size(name)
            guess = self.jobs[0].rate * first[0] * first[1] / (size[0] * size[1])
            frames = _enough(guess, 0.8 if self.plan.quick else 2.5)
            job = _painted(sample, size, frames, cores, "cpu", "float32")
            timing = rounds([job], budget=1.5 if self.plan.quick else 5.0, least=2, most=4)[0]
            yield Speed("size", size, cores, "cpu", "float32", timing.rates)

    def _devices(self, sample: Sample) -> Iterator[Speed]:
        """Try every device at every size."""
        from afx.device import painters_at_once

        for device, precision in self.plan.devices:
            for name in self.plan.sizes:
                size = _size(name)
                painters = painters_at_once(device, available_cores())
                once = _painted(sample, size, 8, painters, device, precision, self.remarks.append)()
                frames = _enough(once, 0.6 if self.plan.quick else 1.5)
                job = _painted(
                    sample, size, frames, painters, device, precision, self.remarks.append
                )
                timing = rounds([job], budget=1.5 if self.plan.quick else 5.0, least=3, most=5)[0]
                yield Speed("device", size, painters, device, precision, timing.rates)


def candidates(cores: int) -> list[int]:
    """Return the numbers of painters worth trying: half, all, one more, and twice the cores."""
    return sorted({max(1, cores // 2), cores, cores + 1, min(2 * cores, max(24, cores))})


def _size(name: str) -> tuple[int, int]:
    from afx.video import parse_size

    return parse_size(name)


def _enough(rate: float, seconds: float) -> int:
    """Return a number of frames that takes about so long; the pipeline must fill and empty."""
    return int(min(150, max(8, rate * seconds)))


def _whole(sample: Sample, size: str) -> Job:
    """Render the song once, with code compiled before but nothing known of the song."""
    from afx.production import available_threads, render

    job = sample.job(size)
    # Compiles what the looks need.
    render(job.model_copy(update={"duration": 0.5}), sample.folder / "warm.mp4")
    with _unheard(sample.folder):
        cpu, start = time.process_time(), time.perf_counter()
        made = render(job, sample.folder / "whole.mp4")
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Job(
        job.size, int(job.rate), made.seconds, made.frames, wall, cpu / made.frames * 1e3,
        made.took, available_threads(),
    )  # fmt: skip


@contextmanager
def _unheard(folder: Path) -> Iterator[None]:
    """Hide what was analyzed before. Compiled code is in memory by now, and stays."""
    before = os.environ.get("AFX_CACHE_DIR")
    os.environ["AFX_CACHE_DIR"] = str(folder / "cache")
    try:
        yield
    finally:
        if before is None:
            del os.environ["AFX_CACHE_DIR"]
        else:
            os.environ["AFX_CACHE_DIR"] = before


def _painted(
    sample: Sample, size: tuple[int, int], frames: int, threads: int,
    device: Device, precision: Precision, note: Callable[[str], None] | None = None,
) -> Callable[[], float]:  # fmt: skip
    """Return what paints and encodes frames from the middle of the song: frames a second."""
    from afx.device import painters_for
    from afx.render import Workplace, render_segments
    from afx.safety import FlashScreen
    from afx.video import VideoFormat

    piece = sample.piece
    count = min(frames, piece.controls.frames)
    first = (piece.controls.frames - count) // 2
    fmt = VideoFormat(*size, Fraction(30))
    painters = painters_for(device, precision, note)

    def run() -> float:
        workplace = Workplace(sample.folder / "part.mp4", "bench")
        try:
            start = time.perf_counter()
            render_segments(
                piece.director, fmt, workplace, (first, first + count),
                threads=threads, screen=FlashScreen(fmt.fps), painters=painters,
            )  # fmt: skip
            return count / (time.perf_counter() - start)
        finally:
            workplace.clear()

    return run
