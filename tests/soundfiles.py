"""Sound files of every kind, written for the tests that read them back."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from music_analysis.audio import Audio

Sound = NDArray[np.float32]

# suffix -> (encoder, sample format, options)
FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    "wav": ("pcm_s16le", "s16", {}),
    "flac": ("flac", "s16", {}),
    "ogg": ("vorbis", "fltp", {"strict": "-2"}),
    "opus": ("libopus", "flt", {"b": "128000"}),
    "mp3": ("libmp3lame", "fltp", {"b": "192000"}),
    "m4a": ("aac", "fltp", {}),
    "aac": ("aac", "fltp", {}),
    "mka": ("flac", "s16", {}),
}


def encode(
    path: Path,
    sound: Sound,
    rate: int,
    *,
    codec: str = "",
    form: str = "",
    layout: str = "",
    video: bool = False,
    tags: dict[str, str] | None = None,
) -> Path:
    """Write [channels, n] to a file whose kind its suffix tells; ``video`` adds moving gray."""
    kind = path.suffix[1:]
    default_codec, default_form, options = FORMATS.get(kind, ("aac", "fltp", {}))
    if codec == "aac" or default_codec == "aac":
        options = {"b": str(96_000 * sound.shape[0])}
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[sound.shape[0]]
    form = form or default_form
    # Ogg pages of 0.1 s instead of 1 s, so that damage costs little also in short files.
    paged = {"page_duration": "100000"} if kind in {"ogg", "opus"} else {}
    with av.open(str(path), "w", options=paged) as container:
        container.metadata.update(tags or {})
        pictures = None
        if video:
            pictures = container.add_stream("mpeg4", rate=25)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        stream = container.add_stream(codec or default_codec, rate=rate, options=options)
        stream.layout, stream.format = layout, form
        shape = av.AudioResampler(form, layout, rate)
        if pictures is not None:
            for index in range(round(25 * sound.shape[1] / rate)):
                gray = np.full((72, 64), index % 200, np.uint8)
                picture = av.VideoFrame.from_ndarray(gray, "yuv420p")
                picture.pts = index
                container.mux(pictures.encode(picture))
            container.mux(pictures.encode(None))
        for at in range(0, sound.shape[1], 4096):
            piece = sound[:, at : at + 4096].astype(np.float32)
            # Packed: PyAV cannot take eight planes.
            frame = av.AudioFrame.from_ndarray(piece.T.reshape(1, -1).copy(), "flt", layout)
            frame.sample_rate, frame.pts = rate, at
            for shaped in shape.resample(frame):
                container.mux(stream.encode(shaped))
        container.mux(stream.encode(None))
    return path


def raw_wav(path: Path, samples: NDArray[np.generic], rate: int, tag: int = 1) -> Path:
    """Write a WAV header by hand: rates, types and values that an encoder would refuse."""
    rows = np.atleast_2d(samples)
    data = np.ascontiguousarray(rows.T).tobytes()
    width, channels = rows.dtype.itemsize, rows.shape[0]
    form = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * channels * width, channels * width, 8 * width
    )
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def sine(frequency: float, seconds: float, rate: int, channels: int = 2) -> Sound:
    t = np.arange(round(seconds * rate)) / rate
    return np.tile((0.5 * np.sin(2 * np.pi * frequency * t)).astype(np.float32), (channels, 1))


def decode(audio: Audio, **wanted: float | int | None) -> Sound:
    blocks = list(audio.blocks(**wanted))  # type: ignore[arg-type]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((0, 0), np.float32)


def pitch_of(mono: Sound, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(mono.size)))
    return float(np.argmax(spectrum) * rate / mono.size)
