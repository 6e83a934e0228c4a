"""Planes and sound in, a finished MP4 out: how the project writes video.

A video is written as independent segments, each a small MP4 of its own that starts with a key frame
and refers to nothing outside itself, and joined by copying packets: a render that was killed
goes on at its first missing segment, and the bits are the same as if it had never stopped. Frame
i is shown at exactly i / fps. A file appears under its name only when it is complete.

This is the door to its neighbors: ``afx.encoders`` chooses codecs, ``afx.aac`` encodes sound,
``afx.mp4`` keeps files whole, ``afx.stills`` writes pictures and embedded settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from afx.aac import AAC_RATES, Sound, encode, sound_rate
from afx.encoders import (
    CODECS,
    QUALITIES,
    SIZES,
    VideoError,
    VideoFormat,
    choose_encoder,
    configure,
    parse_fps,
    parse_size,
)
from afx.mp4 import Output, count_frames, name_for_apple, one_line, opened
from afx.stills import MADE_WITH, FrameSequence, read_settings, stamp, write_png

__all__ = [
    "AAC_RATES",
    "CODECS",
    "QUALITIES",
    "SIZES",
    "FrameSequence",
    "SegmentWriter",
    "Sound",
    "VideoError",
    "VideoFormat",
    "choose_encoder",
    "count_frames",
    "join",
    "parse_fps",
    "parse_size",
    "read_settings",
    "sound_rate",
    "write_png",
]


class SegmentWriter:
    """Encodes frames into one independent segment.

    The same frames and format give the same bytes on any machine with the same PyAV and a software
    encoder. Use it as a context manager: an exception inside leaves nothing on disk.

    Parameters
    ----------
    path : path
        Where the complete segment appears at `close`.
    fmt : VideoFormat

    Raises
    ------
    VideoError
        If the file cannot be written or the encoder refuses the format.
    """

    def __init__(self, path: str | Path, fmt: VideoFormat) -> None:
        self.path = Path(path)
        self.fmt = fmt
        self.frames = 0
        self._output = Output(self.path, fmt.fps)
        with self._output.guard():
            stream = self._output.container.add_stream(fmt.encoder, rate=fmt.fps)
            self._stream = cast(VideoStream, stream)
            configure(self._stream.codec_context, fmt)
            name_for_apple(self._stream)

    def write(self, planes: NDArray[np.uint8]) -> None:
        """Encode one frame: uint8 [height · 3/2, width], I420, bt709, limited range.

        The planes are copied: the caller may reuse the array at once. The encoder runs without the
        interpreter's lock.
        """
        shape = (self.fmt.height * 3 // 2, self.fmt.width)
        if planes.shape != shape or planes.dtype != np.uint8:
            raise ValueError(f"planes must be uint8 {shape}, not {planes.dtype} {planes.shape}")
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts, frame.time_base = self.frames, 1 / self.fmt.fps
        # 1 is bt709 in ffmpeg's lists of matrices, primaries and curves, and limited range.
        frame.colorspace = frame.color_primaries = frame.color_trc = frame.color_range = 1
        self._encode(frame)
        self.frames += 1

    def close(self) -> None:
        """Finish the segment and give it its name."""
        if self.frames == 0:
            self.abort()
            raise ValueError("a segment needs at least one frame")
        self._encode(None)
        self._output.finish()

    def abort(self) -> None:
        """Forget the segment and remove what was written of it."""
        self._output.discard()

    def _encode(self, frame: av.VideoFrame | None) -> None:
        with self._output.guard():
            with one_line(f"encoder {self.fmt.encoder} failed"):
                packets = self._stream.encode(frame)
            for packet in packets:
                packet.duration = 1
                self._output.mux(packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()


def join(
    segments: Sequence[str | Path],
    path: str | Path,
    fmt: VideoFormat,
    *,
    sound: Sound | None = None,
    settings: Mapping[str, Any] | None = None,
    title: str | None = None,
    artist: str | None = None,
) -> None:
    """Join segments, in order, and sound into a finished MP4 that can start playing at once.

    The video's packets are copied, not encoded again. The sound is encoded as it is pulled, so that
    memory does not grow with length. An error raised by ``sound.blocks`` goes through as it
    is; whatever goes wrong, nothing is left on disk and an older file at `path` stays.

    Parameters
    ----------
    segments : sequence of path
        At least one, all written with `fmt`.
    path : path
        The MP4 to write or to replace.
    fmt : VideoFormat
    sound : Sound, optional
        None makes a silent video.
    settings : mapping, optional
        JSON values that `read_settings` gives back.
    title, artist : str, optional
        Tags for players.

    Raises
    ------
    VideoError
        If a segment is broken or was made with another format, or the file cannot be written.
    """
    path = Path(path)
    if not segments:
        raise ValueError("a video needs at least one segment")
    output = Output(path, fmt.fps, sound.sample_rate if sound else 1, faststart=True)
    with output.guard():
        tags = {"title": title, "artist": artist, "encoding_tool": MADE_WITH}
        if settings is not None:
            tags["comment"] = stamp(settings)
        output.container.metadata.update({k: _tag(v) for k, v in tags.items() if v})
        with opened(Path(segments[0])) as first:
            stream = output.container.add_stream_from_template(first.streams.video[0], opaque=True)
        stream.time_base = 1 / fmt.fps
        name_for_apple(stream)
        # Interleaved by time, so that a player never has to jump about in the file.
        waves = encode(sound, output.container) if sound else iter(())
        wave = next(waves, None)
        for picture in _copied([Path(s) for s in segments], fmt, stream):
            while wave is not None and _seconds(wave) <= _seconds(picture):
                output.mux(wave)
                wave = next(waves, None)
            output.mux(picture)
        while wave is not None:
            output.mux(wave)
            wave = next(waves, None)
        output.finish()


def _copied(
    segments: Sequence[Path], fmt: VideoFormat, stream: VideoStream
) -> Iterator[Packet[Any]]:
    """Yield the packets of all segments for `stream`, numbered through in units of 1 / fps."""
    # Packets come in decoding order; with B-frames one is decoded up to 2 frames before its time.
    delay = 2 if fmt.has_b_frames else 0
    headers: set[bytes] = set()
    start = decoded = 0
    for segment in segments:
        shown: set[Fraction] = set()
        with opened(segment) as container:
            source = container.streams.video[0]
            context = source.codec_context
            headers.add(bytes(context.extradata or b""))
            if (context.width, context.height) != (fmt.width, fmt.height) or len(headers) > 1:
                raise VideoError(f"{segment} was made with other settings: remove it, render again")
            packets = container.demux(source)
            while True:
                with one_line(f"cannot read {segment}"):
                    packet = next(packets, None)
                if packet is None or packet.pts is None:  # the end
                    break
                index = packet.pts * packet.time_base * fmt.fps
                if index.denominator != 1:
                    raise VideoError(f"{segment} has another rate: remove it, render again")
                shown.add(index)
                packet.stream = stream
                packet.time_base = 1 / fmt.fps
                packet.pts, packet.dts = start + int(index), decoded - delay
                packet.duration = 1
                decoded += 1
                yield packet
        start += len(shown)
        if start != decoded or shown != set(range(len(shown))):
            raise VideoError(f"{segment} is not whole: remove it, render again")


def _seconds(packet: Packet[Any]) -> Fraction:
    return (packet.dts or 0) * packet.time_base


def _tag(text: str) -> str:
    """Make text fit for a tag: no control characters, nothing that is not valid UTF-8."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
