"""The sound of a report: bytes that a browser plays, inside the page or beside it.

Knows files, codecs and browsers; knows nothing of music. A file that every current browser plays
goes in as it is, unless it is large; other files are encoded to AAC at 128 kbit/s or less; what
would make a page too heavy to send is linked.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import numpy as np

from music_analysis.audio import Audio, load

MOST_BYTES: Final = 12_000_000
"""Largest sound inside a page; base64 makes it a third larger."""
_LONGEST: Final = 25 * 60.0  # s: at 64 kbit/s that is MOST_BYTES
_BIT_RATE: Final = 128_000
_FRAME: Final = 1024  # samples in a packet of AAC (ISO/IEC 14496-3)
_AAC_RATES: Final = (22050, 24000, 32000, 44100, 48000)

# (container as FFmpeg calls it, codec) → media type; "pcm" stands for the kinds browsers know
_PLAYED: Final = {
    ("mp3", "mp3"): "audio/mpeg",
    ("mp3", "mp3float"): "audio/mpeg",
    ("aac", "aac"): "audio/aac",
    ("mov", "aac"): "audio/mp4",
    ("ogg", "vorbis"): "audio/ogg",
    ("ogg", "opus"): "audio/ogg",
    ("ogg", "flac"): "audio/ogg",
    ("flac", "flac"): "audio/flac",
    ("wav", "pcm"): "audio/wav",
}
_PCM: Final = {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"}


@dataclass(frozen=True)
class Sound:
    """What a page plays: either the bytes or where they are."""

    kind: str
    """Media type, ``""`` if it is not known to play."""
    data: bytes = b""
    link: str = ""
    """URL relative to the page; empty when ``data`` is given."""


def sound_for(audio_path: Path, html_path: Path, *, link: bool) -> Sound:
    """Choose how a page gets its sound.

    Raises
    ------
    UserError
        The file cannot be read as sound.
    """
    audio = load(audio_path)
    kind = _kind(audio)
    if link:
        return Sound(kind, link=_relative(audio_path, html_path))
    if kind and audio_path.stat().st_size <= MOST_BYTES:
        return Sound(kind, audio_path.read_bytes())
    if audio.duration <= _LONGEST:
        return Sound("audio/mp4", encode(audio))
    return Sound(kind, link=_relative(audio_path, html_path))


def encode(audio: Audio) -> bytes:
    """Encode to AAC in an MP4 of at most `MOST_BYTES`, or about that."""
    import av

    rate = audio.sample_rate if audio.sample_rate in _AAC_RATES else 44_100
    channels = min(audio.channels, 2)
    bits = 8 * MOST_BYTES / max(audio.duration, 1.0)
    bits = float(np.clip(bits, 32_000, _BIT_RATE if channels == 2 else _BIT_RATE // 2))
    layout = "stereo" if channels == 2 else "mono"
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(
            "aac", rate=rate, options={"b": str(int(bits)), "aac_coder": "fast"}
        )
        stream.layout, stream.format = layout, "fltp"
        done = 0
        for block in audio.blocks(sample_rate=rate, channels=channels, block=64 * _FRAME):
            clipped = np.clip(np.ascontiguousarray(block), -1, 1)
            for at in range(0, clipped.shape[1], _FRAME):
                piece = np.ascontiguousarray(clipped[:, at : at + _FRAME])
                frame = av.AudioFrame.from_ndarray(piece, "fltp", layout)
                frame.sample_rate, frame.pts = rate, done
                done += piece.shape[1]
                container.mux(stream.encode(frame))
        if done:
            container.mux(stream.encode(None))
    return file.getvalue()


def _kind(audio: Audio) -> str:
    """Media type of a file that browsers play and that holds no pictures that move."""
    import av

    with av.open(str(audio.path), metadata_errors="replace") as container:
        # a cover is a video stream of one attached picture
        if any(not int(s.disposition) & 0x400 for s in container.streams.video):
            return ""
        name = container.format.name.split(",")[0]
    codec = "pcm" if audio.codec in _PCM else audio.codec
    return _PLAYED.get((name, codec), "")


def _relative(audio_path: Path, html_path: Path) -> str:
    """URL from the page to the sound; names need not be UTF-8."""
    target = audio_path.resolve()
    try:
        path = os.path.relpath(target, html_path.resolve().parent)
    except ValueError:  # another drive
        return target.as_uri()
    # "./" keeps a name with a colon from being read as a scheme
    return "./" + quote(os.fsencode(Path(path).as_posix()))
