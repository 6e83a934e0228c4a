"""How fast encoders are, and how large they make a video: of frames of ours, not of noise."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from afx.bench.frames import Sample
from afx.encoders import CODECS, QUALITIES, Codec, Quality

FPS = 30


@dataclass(frozen=True)
class EncodeRow:
    """One encoder at one quality and size.

    Attributes
    ----------
    codec, quality, encoder : str
    hardware : bool
        Whether a graphics card encodes.
    size : (int, int)
    rate : float
        Frames a second, encoding alone.
    cpu_ms : float
        CPU time of a frame.
    megabits : float
        Mb/s of a video at 30 frames a second.
    frames : int
        How many were encoded.
    """

    codec: Codec
    quality: Quality
    encoder: str
    hardware: bool
    size: tuple[int, int]
    rate: float
    cpu_ms: float
    megabits: float
    frames: int


@dataclass(frozen=True)
class EncodePlan:
    """What to measure: sizes, codecs, qualities."""

    sizes: Sequence[str] = ("720p", "1080p", "4k")
    codecs: Sequence[Codec] = CODECS
    qualities: Sequence[Quality] = QUALITIES
    quick: bool = False


@dataclass
class EncodeBench:
    """Carries out a plan, row by row.

    Attributes
    ----------
    plan : EncodePlan
    rows : list of EncodeRow
        What was found so far.
    """

    plan: EncodePlan
    rows: list[EncodeRow] = field(default_factory=list)

    def run(self, sample: Sample) -> Iterator[EncodeRow]:
        """Measure; yield each row as soon as it is there."""
        from afx.video import parse_size

        for name in self.plan.sizes:
            size = parse_size(name)
            small = size[0] * size[1] <= 1280 * 720
            # 4:2:0 frames of 4K are 12 MB each.
            planes = sample.planes(*size, 32 if small else 16 if size[0] <= 1920 else 8)
            for codec in self.plan.codecs:
                for encoder, hardware in _encoders(codec, *size):
                    for quality in self.plan.qualities:
                        if self.plan.quick and not small and (codec, quality) != _USUAL:
                            continue
                        row = self._row(sample, planes, codec, quality, encoder, hardware)
                        self.rows.append(row)
                        yield row

    def _row(
        self, sample: Sample, planes: NDArray[np.uint8], codec: Codec, quality: Quality,
        encoder: str, hardware: bool,
    ) -> EncodeRow:  # fmt: skip
        """Encode frames there and back, so that motion stays what it is, for a given time."""
        from afx.video import SegmentWriter, VideoFormat

        height, width = planes.shape[1] * 2 // 3, planes.shape[2]
        fmt = VideoFormat(width, height, Fraction(FPS), codec, quality, encoder)
        budget, least = (0.7, 12) if self.plan.quick else (2.5, 30)
        path = sample.folder / "encoded.mp4"
        period = 2 * len(planes) - 2
        best: tuple[float, float, int] | None = None
        for _ in range(2 if self.plan.quick else 3):
            cpu, start = time.process_time(), time.perf_counter()
            with SegmentWriter(path, fmt) as writer:
                # A slow encoder shall not take forever, and one frame a second is a result too.
                while writer.frames < least or time.perf_counter() - start < budget / 2:
                    at = writer.frames % period
                    writer.write(planes[min(at, period - at)])
                    if time.perf_counter() - start > 2 * budget and writer.frames >= 4:
                        break
                frames = writer.frames
            wall = time.perf_counter() - start
            spent = time.process_time() - cpu
            if best is None or frames / wall > best[0]:
                best = frames / wall, spent / frames * 1e3, frames
            if wall > budget:
                break
        assert best is not None
        megabits = path.stat().st_size * 8e-6 * FPS / frames
        path.unlink()
        size = (width, height)
        return EncodeRow(
            codec, quality, encoder, hardware, size, best[0], best[1], megabits, best[2]
        )


_USUAL: tuple[Codec, Quality] = ("h264", "standard")


def _encoders(codec: Codec, width: int, height: int) -> list[tuple[str, bool]]:
    """Return the encoders of a codec that work here, and whether each is a graphics card's."""
    from afx.video import VideoError, choose_encoder

    found: list[tuple[str, bool]] = []
    for hardware in (False, True):
        try:
            name = choose_encoder(codec, width, height, hardware=hardware)
        except VideoError:
            continue
        if name not in [known for known, _ in found]:
            found.append((name, hardware))
    return found
