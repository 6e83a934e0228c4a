"""Small videos whose movement is known: what the judge is tried on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afx.video import SegmentWriter, Sound, VideoFormat, join
from music_analysis.synth import write_wav

RATE = 44_100
SIZE = (128, 72)

Floats = NDArray[np.float64]


def kicks(times: Floats, seconds: float) -> NDArray[np.float32]:
    """Play a bass drum at these times: [2, n], with a click, and some hiss under it."""
    t = np.arange(round(0.25 * RATE)) / RATE
    body = np.sin(2 * np.pi * (55 * t + 1.8 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.08)
    click = np.random.default_rng(3).normal(size=len(t)) * np.exp(-t / 0.004)
    drum = 0.7 * body + 0.3 * click
    sound = 1e-3 * np.random.default_rng(4).normal(size=round(seconds * RATE))
    for time in times:
        at = round(float(time) * RATE)
        part = sound[at : at + len(drum)]
        part += drum[: len(part)]
    return np.repeat(np.clip(sound, -1, 1)[None], 2, axis=0).astype(np.float32)


def uneven(seconds: float, seed: int = 0) -> Floats:
    """Times without a tempo, 0.45 to 0.95 s apart."""
    steps = np.random.default_rng(seed).uniform(0.45, 0.95, int(seconds / 0.45))
    times = 0.3 + np.cumsum(steps)
    return times[times < seconds - 0.4]


def pulse(times: Floats, seconds: float, fps: float, *, shift: float = 0.0) -> Floats:
    """[frames] in 0 to 1: up at each time, falling by 1/e in 0.15 s; `shift` seconds later."""
    at = np.arange(round(seconds * fps)) / fps
    since = at[:, None] - (times + shift)[None] + 1e-9
    return np.where(since >= 0, np.exp(-np.maximum(since, 0) / 0.15), 0.0).max(axis=1)


def texture(width: int, height: int, zoom: float = 1.0, turn: float = 0.0) -> Floats:
    """Soft waves in 0 to 1: [height, width]."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1.7 : 1.7 : width * 1j] / zoom  # type: ignore[misc]
    waves = np.sin(7 * x + 2 * np.sin(3 * y + turn)) + np.sin(6 * y - 3 * x + 1.3 * turn)
    return np.asarray(0.5 + 0.25 * waves)


def gray(tones: Floats) -> NDArray[np.uint8]:
    """Planes of a picture from tones in 0 to 1: orange in the lights, blue in the darks."""
    h, w = tones.shape
    planes = np.empty((h * 3 // 2, w), np.uint8)
    planes[:h] = np.rint(24 + 190 * np.clip(tones, 0, 1))
    small = tones[::2, ::2]
    blue = np.rint(160 - 60 * small).astype(np.uint8)
    red = np.rint(96 + 60 * small).astype(np.uint8)
    planes[h:] = np.concatenate([blue.ravel(), red.ravel()]).reshape(h // 2, w)
    return planes


def pulsing(strength: Floats, size: tuple[int, int] = SIZE, fps: float = 30) -> list[Floats]:
    """Frames that breathe with a curve, in scale and a little in light, and drift slowly."""
    width, height = size
    return [
        texture(width, height, 1 + 0.12 * s, 0.25 * k / fps) * (0.8 + 0.1 * s)
        for k, s in enumerate(strength)
    ]


def write_film(
    path: Path,
    frames: list[Floats],
    *,
    fps: Fraction = Fraction(30),
    sound: NDArray[np.float32] | None = None,
    settings: dict[str, object] | None = None,
) -> Path:
    """Encode frames of tones, with sound if given."""
    height, width = frames[0].shape
    fmt = VideoFormat(width, height, fps, "h264", "draft", "libx264")
    part = path.with_suffix(".part.mp4")
    with SegmentWriter(part, fmt) as writer:
        for tones in frames:
            writer.write(gray(tones))
    heard = None if sound is None else Sound(RATE, 2, iter([sound]))
    join([part], path, fmt, sound=heard, settings=settings)
    part.unlink()
    return path


def write_song(path: Path, sound: NDArray[np.float32]) -> Path:
    write_wav(path, sound, RATE)
    return path
