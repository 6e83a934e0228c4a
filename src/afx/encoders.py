"""What a video is to be (size, rate, codec, quality), and which encoder makes it, and how.

This module knows codecs and their options; it does not know files (``afx.mp4``) or pictures.
Rates are exact fractions, sizes are pixels, and every message of a `VideoError` is one line that
says what to write instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

Codec = Literal["h264", "h265", "av1"]
Quality = Literal["draft", "standard", "high"]
CODECS: tuple[Codec, ...] = ("h264", "h265", "av1")
QUALITIES: tuple[Quality, ...] = ("draft", "standard", "high")

MIN_SIDE, MAX_SIDE = 16, 8192
MIN_SIDE_AV1 = 32  # SVT-AV1 4.1 accepts 16×256 and then never answers
MAX_PIXELS = 8192 * 4352  # the largest picture of H.264 level 6.2 and AV1 level 6
MIN_FPS, MAX_FPS = 12, 120

SIZES: dict[str, tuple[int, int]] = {
    "480p": (854, 480),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "1440p": (2560, 1440),
    "4k": (3840, 2160),
    "vertical": (1080, 1920),
    "square": (1080, 1080),
}

_SOFTWARE: dict[Codec, str] = {"h264": "libx264", "h265": "libx265", "av1": "libsvtav1"}
_HARDWARE: dict[Codec, tuple[str, ...]] = {
    "h264": ("h264_nvenc", "h264_qsv", "h264_amf"),
    "h265": ("hevc_nvenc", "hevc_qsv", "hevc_amf"),
    "av1": ("av1_nvenc", "av1_qsv", "av1_amf"),
}
# Below the first, NVENC refuses; above the second, H.264 in hardware does.
_HARDWARE_SIDES = (160, 4096)


class VideoError(Exception):
    """A video cannot be made or read as asked: one line for a person."""


@dataclass(frozen=True)
class VideoFormat:
    """Everything that decides the bits of a video, apart from its pixels.

    Parameters
    ----------
    width, height : int
        Pixels, even, 16 to 8192.
    fps : fractions.Fraction
        Frames per second, exact, 12 to 120.
    codec : {"h264", "h265", "av1"}
    quality : {"draft", "standard", "high"}
    encoder : str
        The encoder's own name, from `choose_encoder`: it is part of a render's identity, because
        two encoders never make the same bits.

    Raises
    ------
    VideoError
        If one of them is out of range.
    """

    width: int
    height: int
    fps: Fraction
    codec: Codec = "h264"
    quality: Quality = "standard"
    encoder: str = "libx264"

    def __post_init__(self) -> None:
        _check_size(self.width, self.height)
        _check_fps(self.fps, str(self.fps))
        if self.codec not in CODECS:
            raise VideoError(f"unknown codec {self.codec!r}: use {_either(CODECS)}")
        if self.quality not in QUALITIES:
            raise VideoError(f"unknown quality {self.quality!r}: use {_either(QUALITIES)}")
        if self.codec == "av1" and min(self.width, self.height) < MIN_SIDE_AV1:
            size = f"size {self.width}x{self.height}"
            raise VideoError(f"{size}: AV1 needs at least {MIN_SIDE_AV1} pixels a side")
        if self.encoder not in (_SOFTWARE[self.codec], *_HARDWARE[self.codec]):
            raise VideoError(f"encoder {self.encoder!r} does not make {self.codec}")

    @property
    def has_b_frames(self) -> bool:
        """Whether packets leave the encoder in another order than they are shown."""
        return self.quality == "high" and self.encoder in ("libx264", "libx265")


def parse_size(text: str) -> tuple[int, int]:
    """Read a picture size: ``1280x720``, ``720p``, ``1080p``, ``4k``, ``vertical`` or ``square``.

    Returns
    -------
    (width, height) in pixels, both even.

    Raises
    ------
    VideoError
        If the text is no size, or one that a video cannot have.
    """
    name = text.strip().lower()
    if name in SIZES:
        return SIZES[name]
    match = re.fullmatch(r"(\d{1,9})\s*[x×*]\s*(\d{1,9})", name, re.ASCII)
    if match is None:
        raise VideoError(f"cannot read size {text!r}: use 1280x720 or {_either(SIZES)}")
    width, height = int(match[1]), int(match[2])
    _check_size(width, height)
    return width, height


def parse_fps(text: str) -> Fraction:
    """Read a frame rate: ``30``, ``12.5``, ``30000/1001``; ``29.97`` is the exact 30000/1001.

    Raises
    ------
    VideoError
        If the text is no rate, or one outside 12 to 120 frames per second.
    """
    if re.fullmatch(r"\d{1,7}(\.\d{1,6})?|\d{1,7}/\d{1,7}", text.strip(), re.ASCII) is None:
        hint = "must be positive" if text.strip().startswith("-") else "is not a frame rate"
        raise VideoError(f"fps {text!r} {hint}: use 30, 60, 29.97 or 30000/1001")
    try:
        fps = Fraction(text.strip())
    except ZeroDivisionError:
        raise VideoError(f"fps {text!r} divides by zero: use 30, 29.97 or 30000/1001") from None
    if "." in text:  # 23.976, 23.98, 29.97, 47.95, 59.94 and 119.88 are names of NTSC rates
        for whole in (24, 30, 48, 60, 120):
            if abs(fps - Fraction(whole * 1000, 1001)) < Fraction(1, 200):
                fps = Fraction(whole * 1000, 1001)
    _check_fps(fps, text.strip())
    return fps


def _check_size(width: int, height: int) -> None:
    size = f"size {width}x{height}"
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise VideoError(f"{size}: each side must be {MIN_SIDE} to {MAX_SIDE} pixels")
    if width % 2 or height % 2:
        even = f"{width + width % 2}x{height + height % 2}"
        raise VideoError(f"{size}: odd sizes are not possible in yuv420p: use {even}")
    if width * height > MAX_PIXELS:
        raise VideoError(f"{size} is more than a video can hold: use at most 8192x4352")


def _check_fps(fps: Fraction, text: str) -> None:
    if not MIN_FPS <= fps <= MAX_FPS:
        raise VideoError(f"fps {text} is out of range: use {MIN_FPS} to {MAX_FPS}")
    if fps.denominator > 1001:
        raise VideoError(f"fps {text} is too odd for a player: use 30, 29.97 or 30000/1001")


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"


def choose_encoder(codec: Codec, width: int, height: int, hardware: bool = False) -> str:
    """Name the encoder for `codec` on this machine.

    With `hardware`, an encoder of the graphics card (NVENC, QSV, AMF) is chosen when it really
    encodes a few frames here and the picture has a size that it accepts; otherwise, and by default,
    the software one, whose bits are the same everywhere.

    Raises
    ------
    VideoError
        If the codec is unknown or this PyAV has no encoder for it.
    """
    if codec not in CODECS:
        raise VideoError(f"unknown codec {codec!r}: use {_either(CODECS)}")
    low, high = _HARDWARE_SIDES
    if hardware and min(width, height) >= low and max(width, height) <= high:
        for name in _HARDWARE[codec]:
            if encodes(codec, name):
                return name
    if not encodes(codec, _SOFTWARE[codec]):
        raise VideoError(f"this installation cannot encode {codec}: use --codec h264")
    return _SOFTWARE[codec]


@cache
def encodes(codec: Codec, encoder: str) -> bool:
    """Tell whether `encoder` works here, by encoding three gray 256×256 frames."""
    fmt = VideoFormat(256, 256, Fraction(30), codec, "draft", encoder)
    gray = np.full((fmt.height * 3 // 2, fmt.width), 128, np.uint8)
    try:
        context = cast(VideoCodecContext, VideoCodecContext.create(encoder, "w"))
        configure(context, fmt)
        packets = []
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(gray, "yuv420p")
            frame.pts, frame.time_base = index, 1 / fmt.fps
            packets += context.encode(frame)
        packets += context.encode(None)
    except (FFmpegError, ValueError):  # ValueError: an encoder that this build does not know
        return False
    return len(packets) == 3


def threads(fmt: VideoFormat) -> int:
    """Return the encoder's thread count: by the picture's size alone.

    Frame threads change the bits, so the machine's core count must not decide. Measured (x264,
    720p, two cores): 1 thread 140, 2 threads 190, 4 threads 164, 6 threads 110 frames/s.
    """
    pixels = fmt.width * fmt.height
    return 2 if pixels <= 1280 * 720 else 4 if pixels <= 2560 * 1440 else 8


def configure(context: VideoCodecContext, fmt: VideoFormat) -> None:
    """Set an unopened encoder up for `fmt`: size, rate, color tags, threads, quality options."""
    context.width, context.height = fmt.width, fmt.height
    context.pix_fmt = "nv12" if fmt.encoder.endswith("_qsv") else "yuv420p"
    context.framerate = fmt.fps
    context.time_base = 1 / fmt.fps
    context.thread_count = threads(fmt)
    # A key frame every four seconds: quick seeking for about 1 % of the bits.
    context.gop_size = round(4 * fmt.fps)
    if fmt.codec != "av1":
        context.max_b_frames = 2 if fmt.has_b_frames else 0
    if fmt.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # its only way to be quiet
    tags = {
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
        "chroma_sample_location": "left",
    }
    context.options = {**tags, **_options(fmt)}


def _options(fmt: VideoFormat) -> dict[str, str]:
    """Return the encoder's options for the quality asked for."""
    level = QUALITIES.index(fmt.quality)
    if fmt.encoder == "libx264":
        most = int(_MOST_BITS[fmt.quality] * fmt.width * fmt.height * fmt.fps)
        return {**_X264[fmt.quality], "maxrate": str(most), "bufsize": str(2 * most)}
    if fmt.encoder == "libx265":
        params = f"log-level=none:open-gop=0:pools={threads(fmt)}:frame-threads=2"
        return {**_X265[fmt.quality], "x265-params": params}
    if fmt.encoder == "libsvtav1":
        params = f"lp={threads(fmt)}:irefresh-type=2"
        return {**_SVT[fmt.quality], "svtav1-params": params}
    # Hardware: constant quality, no B-frames, real IDR frames. Not measured; QP-like numbers chosen
    # to be near x264's.
    quality = ("27", "21", "17")[level]
    profile = {"h264": {"profile": "high"}, "h265": {"profile": "main"}, "av1": {}}[fmt.codec]
    if fmt.encoder.endswith("_nvenc"):
        preset = ("p1", "p4", "p6")[level]
        return {"preset": preset, "rc": "vbr", "cq": quality, "b": "0", **profile}
    if fmt.encoder.endswith("_qsv"):
        preset = ("veryfast", "medium", "slow")[level]
        return {"preset": preset, "global_quality": quality, **profile}
    effort = ("speed", "balanced", "quality")[level]
    return {"quality": effort, "rc": "cqp", "qp_i": quality, "qp_p": quality, **profile}


# Measured with PyAV 18.1 at 1280×720, 45 frames, on a busy two-core AVX-512 machine: frames/s per
# core · Mb/s at 30 fps · PSNR of luma (dB) on three dithered moving pictures: a smooth flow of
# sines | full-contrast warped noise | dark gradients, where blocks would show.
#
#   x264  draft     155 ·  1.4 · 50.3 | 125 ·  8.8 · 38.2 | 157 · 2.1 · 46.8
#         standard  126 ·  1.6 · 52.0 |  75 · 13.1 · 43.7 | 125 · 4.2 · 49.0
#         high       40 ·  2.1 · 52.5 |  37 · 14.0 · 44.7 |  36 · 4.4 · 50.6
#   x265  draft      28 ·  0.3 · 49.1 |  14 ·  5.2 · 40.1 |  26 · 0.6 · 45.0
#         standard   25 ·  0.5 · 50.5 |  12 · 10.2 · 43.5 |  20 · 1.4 · 47.4
#         high       11 ·  0.5 · 52.3 |   6 ·  8.9 · 45.4 |  13 · 2.1 · 50.3
#   SVT   draft      81 ·  0.2 · 49.9 |  49 ·  3.5 · 40.1 |  93 · 0.6 · 46.4
#         standard   69 ·  0.3 · 51.5 |  36 ·  6.0 · 43.8 |  64 · 1.0 · 48.3
#         high       25 ·  0.4 · 51.9 |  15 ·  6.8 · 45.0 |  18 · 1.3 · 49.1
#
# x264 standard against plain ultrafast (crf 20: 192 · 1.8 · 50.8): CABAC saves a third of the bits,
# deblocking removes block edges, the 8×8 transform makes it High profile for nothing, and sub-pixel
# search (subme 1) gives 14 % fewer bits and 1.2 dB on warped noise for 10 % of the time. Adaptive
# quantization made files larger at no better PSNR; macroblock-tree lookahead cost 2 dB.
#
# That row is at crf 17. On our own looks (60 frames, Mb/s · dB): at crf 17 abyss 4.6 · 49.2, dahlia
# 11.9 · 45.6, leaded-light 26.8 · 43.4, indras-pearls 34.0 · 42.4; at 19 3.6 · 48.3, 9.2 · 44.4,
# 22.7 · 42.0, 28.4 · 40.9. Fractals filled with detail would make files that nobody can send, so
# the rate is held under a share of a bit a pixel: at 0.35 those two fall to about 10 Mb/s.
_MOST_BITS: dict[Quality, float] = {"draft": 0.25, "standard": 0.35, "high": 1.0}
_X264: dict[Quality, dict[str, str]] = {
    "draft": {"preset": "ultrafast", "crf": "24", "x264-params": "8x8dct=1:deblock=0,0"},
    "standard": {
        "preset": "ultrafast",
        "crf": "19",
        "x264-params": "cabac=1:deblock=0,0:8x8dct=1:subme=1",
    },
    "high": {"preset": "veryfast", "crf": "14"},
}
_X265: dict[Quality, dict[str, str]] = {
    "draft": {"preset": "ultrafast", "crf": "24"},
    "standard": {"preset": "ultrafast", "crf": "18"},
    "high": {"preset": "veryfast", "crf": "16"},
}
_SVT: dict[Quality, dict[str, str]] = {
    "draft": {"preset": "10", "crf": "32"},
    "standard": {"preset": "9", "crf": "22"},
    "high": {"preset": "7", "crf": "17"},
}
