"""Reading a video for the judge: a small proxy of every frame, at an even rate, streamed.

Knows containers and frames; knows nothing of music or of measures. A video of uneven rate is laid
on an even grid by its timestamps: where nothing new was shown, nothing changed. No more than one
frame is in memory at a time.

Times are seconds from the first picture. Proxies are display sRGB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

PROXY_PIXELS = 128 * 72
"""Size of the proxy: 128×72 for 16:9, as many pixels for any other shape."""
SHORTEST = 3.0
"""Seconds below which nothing can be said."""
LOWEST_RATE, HIGHEST_RATE = 10, 120
"""Frames per second of the grid: slide shows are held, slow motion is thinned."""
LONGEST = 8 * 3600.0
"""Seconds that can be judged: a damaged file may tell of millions of years."""
MOST_PIXELS = 16384 * 8192
"""Of one frame: what has more was made to do harm."""
_BROADCAST = (24000, 30000, 60000, 120000)  # frames in 1001 s
_BT709, _UNSAID = 1, 2  # ffmpeg's numbers for matrices
_HIGH_DEFINITION = 720


@dataclass(frozen=True)
class Film:
    """What there is to read of a video.

    Attributes
    ----------
    path : Path
    width, height : int
        Pixels of the picture.
    rate : Fraction
        Frames per second of the even grid on which it is judged.
    told_rate : Fraction
        Its own frames per second, on average.
    slots : int
        Frames of that grid.
    frames : int
        Pictures in the file.
    even : bool
        Whether its own frames lie on the grid, one to a slot.
    sound : bool
        Whether there is a stream of sound.
    sound_start : float
        Seconds from the first picture to the first sound; below 0 where the sound is first.
    """

    path: Path
    width: int
    height: int
    rate: Fraction
    told_rate: Fraction
    slots: int
    frames: int
    even: bool
    sound: bool
    sound_start: float

    @property
    def duration(self) -> float:
        """Length of the picture in seconds."""
        return float(self.slots / self.rate)

    @property
    def proxy(self) -> tuple[int, int]:
        """Width and height of the proxy: its shape, even, at least 16."""
        scale = math.sqrt(PROXY_PIXELS / (self.width * self.height))
        width, height = (max(16, 2 * round(n * scale / 2)) for n in (self.width, self.height))
        return width, height


@dataclass(frozen=True)
class Shown:
    """One slot of the grid.

    Attributes
    ----------
    slot : int
    rgb : uint8 array [height, width, 3]
        The proxy.
    frame : av.VideoFrame or None
        The picture itself; None where the one before is still shown.
    """

    slot: int
    rgb: NDArray[np.uint8]
    frame: av.VideoFrame | None


def look_into(path: str | Path) -> Film:
    """Find out what a video is, from its headers and the times of its packets.

    Raises
    ------
    UserError
        If it is no video, cannot be read, or is shorter than `SHORTEST`.
    """
    path = Path(path)
    with _opened(path) as container:
        stream = _pictures(container, path)
        width, height = stream.codec_context.width, stream.codec_context.height
        told = stream.average_rate or stream.guessed_rate or Fraction(25)
        times = _times(container, stream)
        tick = float(stream.time_base or 0)
        sound = next(iter(container.streams.audio), None)
        heard = 0.0
        if sound is not None and sound.start_time and sound.time_base:
            heard = max(0.0, float(sound.start_time * sound.time_base))
    if len(times) == 0 or width < 16 or height < 16:
        raise UserError(f"{_shown(path)}: {_DAMAGED}")
    if width * height > MOST_PIXELS:
        raise UserError(f"{_shown(path)}: {width}x{height} pixels are more than can be judged")
    span = float(times[-1] - times[0])
    if span > LONGEST:
        raise UserError(
            f"{_shown(path)}: lasts {span / 3600:.0f} hours by its own word:"
            f" it is damaged, or longer than the {LONGEST / 3600:.0f} hours that can be judged"
        )
    steps = np.diff(times)
    steps = steps[steps > 0]
    if len(steps):  # a stream's own word is often rounded, or wrong where the rate is uneven
        told = _named(Fraction((len(times) - 1) / span).limit_denominator(100_000))
        # The shortest steps that are no exception: where pictures are left out, its own grid. Times
        # in whole ticks (Matroska's are milliseconds) make one step now shorter, now longer.
        short = float(np.percentile(steps, 10))
        like = steps[np.abs(steps - short) <= 1.5 * tick]
        usual = _named(Fraction(1.0 / float(like.mean() if len(like) else short)), 0.02)
    else:
        usual = told
    own = told if abs(told / usual - 1) < 0.02 else usual
    rate = min(max(own, Fraction(LOWEST_RATE)), Fraction(HIGHEST_RATE))
    last = round(span * rate)
    held = round(rate / told) if told < LOWEST_RATE else 1
    slots = last + max(1, held)
    if slots / rate < SHORTEST:
        raise UserError(
            f"{_shown(path)}: lasts {float(slots / rate):.1f} seconds;"
            f" at least {SHORTEST:g} are needed to judge it"
        )
    even = len(times) == slots and bool(np.abs(steps * float(rate) - 1).max(initial=0) < 0.5)
    start = heard - float(times[0])
    return Film(path, width, height, rate, told, slots, len(times), even, sound is not None, start)


def watch(film: Film) -> Iterator[Shown]:
    """Show every slot of a film's grid, in order; the last picture stays where the file breaks off.

    Yields
    ------
    Shown
        `Shown.frame` is good until the next one.

    Raises
    ------
    UserError
        If less than half of it can be decoded.
    """
    width, height = film.proxy
    shrink = VideoReformatter()
    first: float | None = None
    slot, decoded = -1, 0
    rgb: NDArray[np.uint8] | None = None
    for index, frame in enumerate(_frames(film)):
        decoded += 1
        time = frame.time if frame.time is not None else float(index / film.told_rate)
        first = time if first is None else first
        here = min(round((time - first) * film.rate), film.slots - 1)
        if here <= slot:  # two in one slot: the first of them was shown
            continue
        if rgb is not None:
            for gone in range(slot + 1, here):
                yield Shown(gone, rgb, None)
        small = shrink.reformat(
            frame, width, height, "rgb24", src_colorspace=_matrix(frame),
            interpolation=Interpolation.AREA,
        )  # fmt: skip
        rgb, slot = np.asarray(small.to_ndarray(), np.uint8), here
        yield Shown(slot, rgb, frame)
    if rgb is None or decoded < 0.5 * film.frames:
        raise UserError(f"{_shown(film.path)}: {_DAMAGED}")
    for gone in range(slot + 1, film.slots):
        yield Shown(gone, rgb, None)


def enlarged(frame: av.VideoFrame, shorter: int) -> NDArray[np.uint8]:
    """Return a picture as display sRGB [h, w, 3], its shorter side `shorter` pixels at most."""
    scale = min(1.0, shorter / min(frame.width, frame.height))
    width, height = (max(16, 2 * round(n * scale / 2)) for n in (frame.width, frame.height))
    made = VideoReformatter().reformat(
        frame, width, height, "rgb24", src_colorspace=_matrix(frame),
        interpolation=Interpolation.AREA,
    )  # fmt: skip
    return np.asarray(made.to_ndarray(), np.uint8)


def luma(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Return a picture's luma at its own size, 8 bits: what a screen is sent."""
    gray = frame if frame.format.name in ("yuv420p", "yuvj420p") else frame.reformat(
        format="yuv420p"
    )  # fmt: skip
    plane = gray.planes[0]
    data = memoryview(cast(Any, plane))
    rows = np.frombuffer(data, np.uint8).reshape(plane.height, plane.line_size)
    return np.asarray(rows[:, : plane.width])


_DAMAGED = "cannot be read as a video; it is damaged, cut short or something else than a video file"


def _opened(path: Path) -> InputContainer:
    if path.is_dir():
        raise UserError(f"{_shown(path)}: is a folder; name one video in it")
    if not path.exists():
        raise UserError(f"{_shown(path)}: no such file")
    try:
        # "file:" and the whitelist: a name like "http:film" or a playlist opens no connection.
        return av.open(
            f"file:{path}", metadata_errors="replace", options={"protocol_whitelist": "file"}
        )
    except PermissionError:
        raise UserError(f"{_shown(path)}: may not be read; change its permissions") from None
    except (av.FFmpegError, UnicodeError):
        raise UserError(f"{_shown(path)}: {_DAMAGED}") from None


def _pictures(container: InputContainer, path: Path) -> VideoStream:
    """Choose the moving picture; the cover of an album is none."""
    cover = av.stream.Disposition.attached_pic
    for stream in container.streams.video:
        if not stream.disposition & cover and stream.codec_context is not None:
            for other in container.streams:
                if other.index != stream.index:
                    other.discard = av.stream.Discard.all
            return stream
    if container.streams.audio:
        raise UserError(f"{_shown(path)}: is sound without a moving picture; name a video")
    raise UserError(f"{_shown(path)}: {_DAMAGED}")


def _times(container: InputContainer, stream: VideoStream) -> NDArray[np.float64]:
    """Return when pictures are shown, in order; evenly spread where the file does not say."""
    found: list[int | None] = []
    base = stream.time_base
    with suppress(av.FFmpegError):  # cut short: what came until then counts
        for packet in container.demux(stream):
            if packet.size:
                found.append(packet.pts)
    if base is None or not found or any(pts is None for pts in found):
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        return np.arange(len(found)) / float(rate)
    return np.unique(np.array(found, dtype=np.float64)) * float(base)


def _frames(film: Film) -> Iterator[av.VideoFrame]:
    """Decode; what is damaged is left out."""
    with _opened(film.path) as container:
        stream = _pictures(container, film.path)
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            yield from frames


def _matrix(frame: av.VideoFrame) -> int | None:
    """Say what matrix a frame has that does not say so itself, as players guess it."""
    told = int(frame.colorspace)
    if told != _UNSAID:
        return told
    return _BT709 if frame.height >= _HIGH_DEFINITION else None


def _named(rate: Fraction, near: float = 0.0004) -> Fraction:
    """Return the usual rate that is meant, if one is as near as that; whole ones first."""
    whole = Fraction(max(1, round(rate)))
    for usual in (whole, *(Fraction(n, 1001) for n in _BROADCAST)):
        if abs(rate / usual - 1) < near:
            return usual
    return rate.limit_denominator(1001)


def _shown(path: Path) -> str:
    """Spell a path so that it stays on one line."""
    text = str(path)
    return text if text.isprintable() else repr(text)
