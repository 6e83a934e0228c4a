"""MP4 files on disk: written beside their name until they are whole, opened with plain errors.

This module knows containers; it does not know codecs' options (``afx.encoders``) or what is in the
packets that go through it.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from afx.encoders import VideoError
from afx.stills import part_of


class Output:
    """An MP4 being written beside its final name: in the end whole, or absent."""

    def __init__(
        self, path: Path, fps: Fraction, sample_rate: int = 1, *, faststart: bool = False
    ) -> None:
        self.path, self.part = path, part_of(path)
        self._open = True
        # Ticks per second: a multiple of the rate's numerator, so that every frame's time is exact.
        ticks = fps.numerator * -(-10_000 // fps.numerator)
        # Edit lists count in the movie's own ticks: by default milliseconds, which would cut up to
        # 1 ms off the sound's end. Both frames and samples must be whole numbers of them.
        movie = math.lcm(fps.numerator, sample_rate)
        movie *= -(-1000 // movie)
        options = {"video_track_timescale": str(ticks), "movie_timescale": str(movie)}
        if faststart:
            options["movflags"] = "+faststart"
        if path.is_dir():  # else known only when all the work is done
            raise VideoError(f"cannot write {path}: it is a folder")
        with one_line(f"cannot write {path}"):
            self.part.touch()  # says plainly that a folder is missing or read-only
            self.container = av.open(str(self.part), "w", format="mp4", container_options=options)

    def mux(self, packet: Packet[Any]) -> None:
        """Write a packet of one of the container's streams."""
        with one_line(f"cannot write {self.path}"):
            self.container.mux(packet)

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Discard the file if anything goes wrong inside."""
        if not self._open:
            raise ValueError(f"{self.path} is closed")
        try:
            yield
        except BaseException:
            self.discard()
            raise

    def finish(self) -> None:
        """Complete the file, make sure that it is on the disk, and give it its name."""
        with self.guard(), one_line(f"cannot write {self.path}"):
            self.container.close()
            with self.part.open("r+b") as file:
                os.fsync(file.fileno())
            self.part.replace(self.path)
            self._open = False

    def discard(self) -> None:
        """Remove what was written; harmless when the file is finished or gone."""
        if self._open:
            self._open = False
            # Removed first, so that closing does not move a long file's bytes about for faststart;
            # removed again, because Windows cannot remove an open file.
            for step in (self.part.unlink, self.container.close, self.part.unlink):
                with contextlib.suppress(FFmpegError, OSError):
                    step()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a video for reading.

    Raises
    ------
    VideoError
        If the file is missing, broken or holds no video.
    """
    with one_line(f"cannot read {path}"):
        container = av.open(str(path))
    with container:
        if not container.streams.video:
            raise VideoError(f"{path} has no video")
        yield container


@contextlib.contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turn the errors of ffmpeg and of files into a `VideoError`: "<what>: <why>"."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        raise VideoError(f"{what}: {error.strerror or error}") from error


def count_frames(path: str | Path) -> int:
    """Return how many frames a complete segment or video holds, from its header.

    Raises
    ------
    VideoError
        If the file cannot be read as a video.
    """
    with opened(Path(path)) as container:
        return int(container.streams.video[0].frames)


def name_for_apple(stream: VideoStream) -> None:
    """Call H.265 ``hvc1``, as Apple's players want; ffmpeg would write ``hev1``."""
    if stream.codec_context.codec.canonical_name == "hevc":
        stream.codec_context.codec_tag = "hvc1"
