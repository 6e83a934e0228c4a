"""Sound in: the only file that decodes.

Knows containers, codecs, channel layouts and sample rates; knows nothing of music. Sound leaves as
float32 arrays shaped [channels, samples], in blocks, so that an hour costs no more memory than a
minute. Time is in seconds from the first decoded sample, rates are in Hz, full scale is ±1.

What an encoder puts before the sound (MP3, AAC, Opus, Vorbis priming) is dropped: a click keeps
its place. FFmpeg does that wherever the file says how much there is; see :func:`_frames` for the
one kind of file that does not say.
"""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

from music_analysis.blocks import LOUDEST, cut, mix, resample
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
MOST_CHANNELS = 8

_UNREADABLE = (
    "cannot be read as sound; it is damaged, cut short or something else than a sound or video file"
)
# Decoded frames (576 to 4,608 samples) are joined to about this many samples before any arithmetic:
# per-call costs vanish, and a batch of 8 channels is still only 2 MB.
_BATCH = 65_536


@dataclass(frozen=True)
class Audio:
    """One sound file that can be read: what it is, and its samples as often as wanted.

    Attributes
    ----------
    path : Path
        The file.
    sample_rate : int
        Its own rate in Hz, 8,000 to 192,000.
    channels : int
        Its own number of channels, 1 to 8.
    duration : float
        Seconds as the container tells: an estimate. The exact length is known after decoding.
    codec : str
        ``"mp3"``, ``"flac"``, ``"pcm_s16le"``, …
    title, artist : str or None
        From the file's tags.
    speakers : tuple of str
        One FFmpeg name per channel (``"FL"``, ``"FR"``, ``"FC"``, ``"LFE"``, …).
    """

    path: Path
    sample_rate: int
    channels: int
    duration: float
    codec: str
    title: str | None = None
    artist: str | None = None
    speakers: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal; computed when first asked for."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def sound_hash(self) -> str:
        """The SHA-256 of the sound as it is encoded, in hexadecimal: tags and pictures are not in.

        Taken over the packets of the chosen stream, undecoded, and its codec, rate and channels.
        """
        kind = f"{self.codec} {self.sample_rate} {self.channels}\n"
        digest = hashlib.sha256(kind.encode())
        with _open(self.path) as container:
            for packet in _packets(container, _sound_of(container, self.path)):
                digest.update(memoryview(packet))
        return digest.hexdigest()

    def blocks(
        self,
        *,
        sample_rate: int | None = None,
        channels: int | None = None,
        start: float = 0.0,
        duration: float | None = None,
        block: int = 65_536,
    ) -> Iterator[NDArray[np.float32]]:
        """Decode, mix and resample, block by block, in bounded memory.

        The samples are the same whatever ``block``; with ``start`` and ``duration`` they are
        exactly those with indices ``round(start * rate)`` up to
        ``round((start + duration) * rate)`` of the whole, so neighboring ranges tile.

        Parameters
        ----------
        sample_rate : int, optional
            Rate of the result in Hz; the file's own when left out. Resampled by soxr (HQ).
        channels : int, optional
            1: the mean of all channels. 2: stereo (mono is doubled; more are mixed down by where
            the speakers stand, never louder than the file). Left out: the file's own.
        start, duration : float
            The range wanted, in seconds; to the end when ``duration`` is left out.
        block : int
            Samples per block.

        Yields
        ------
        ndarray of float32, [channels, n]
            ``n == block`` in all but the last. Finite (NaN and infinities become 0), within ±8.

        Raises
        ------
        UserError
            The file can no longer be read.
        ValueError
            An argument is out of range.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        if rate < 1 or block < 1:
            raise ValueError(f"sample_rate and block must be positive, not {rate} and {block}")
        if channels is not None and channels not in {1, 2, self.channels}:
            raise ValueError(f"channels must be 1, 2 or left out, not {channels}")
        if not (start >= 0.0 and math.isfinite(start)):
            raise ValueError(f"start must be 0 s or later, not {start}")
        if duration is not None and not (duration >= 0.0 and math.isfinite(duration)):
            raise ValueError(f"duration must be 0 s or more, not {duration}")
        first = round(start * rate)
        last = None if duration is None else round((start + duration) * rate)
        mixed = (mix(batch, channels, self.speakers) for batch in _batches(self))
        if rate == self.sample_rate:
            return cut(mixed, first, last, block)
        return cut(resample(mixed, self.sample_rate, rate), first, last, block)


def load(path: str | Path) -> Audio:
    """Look into a sound or video file and make sure that it can be heard.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, OGG/Vorbis, Opus, MP3, M4A/AAC, or a video with sound; mono to 8 channels,
        8 to 192 kHz.

    Returns
    -------
    Audio
        The first frame was decoded; the rest is read by :meth:`Audio.blocks`.

    Raises
    ------
    UserError
        There is no such file, it cannot be read, it holds no sound, or its rate or number of
        channels is not supported.
    """
    path = Path(path)
    with _open(path) as container:
        stream = _sound_of(container, path)
        first = next(_frames(container, stream), None)
        if first is None:
            raise UserError(
                f"{_shown(path)}: holds no sound that can be decoded; it is empty or damaged"
            )
        rate, channels = first.sample_rate, first.layout.nb_channels
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise UserError(
                f"{_shown(path)}: its sample rate is {rate:,} Hz;"
                f" 8 to 192 kHz can be read: convert it to 44,100 Hz first"
            )
        if channels > MOST_CHANNELS:
            raise UserError(
                f"{_shown(path)}: it has {channels} channels;"
                f" up to {MOST_CHANNELS} can be read: mix it down to stereo first"
            )
        # Ogg keeps its tags with the stream, everything else with the container.
        tags = {
            key.lower(): value.strip()
            for source in (stream.metadata, container.metadata)
            for key, value in source.items()
        }
        codec = stream.codec_context.codec.canonical_name
        duration = _told_duration(container, stream)
        speakers = tuple(channel.name for channel in first.layout.channels)
    return Audio(
        path=path,
        sample_rate=rate,
        channels=channels,
        duration=_counted_duration(path) if duration is None else duration,
        codec=codec,
        title=tags.get("title") or None,
        artist=tags.get("artist") or tags.get("album_artist") or None,
        speakers=speakers,
    )


def _shown(path: Path) -> str:
    """Spell a path so that it stays on one line."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def _check_file(path: Path) -> None:
    """Find what can be wrong with a path before anything tries to decode it."""
    shown = _shown(path)
    try:
        if path.is_dir():
            raise UserError(f"{shown}: is a folder; name one sound file in it")
        if not path.exists():
            raise UserError(f"{shown}: no such file{_close_names(path)}")
        if not path.is_file():
            raise UserError(f"{shown}: is not a file")
        with path.open("rb") as file:
            if not file.read(1):
                raise UserError(f"{shown}: is empty (0 bytes)")
    except PermissionError:
        raise UserError(f"{shown}: may not be read; change its permissions") from None
    except (OSError, ValueError) as error:  # too long a name, a NUL in it, a failing disk
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{shown}: cannot be read ({reason})") from None


def _close_names(path: Path) -> str:
    """Suggest files with a similar name in the same folder."""
    if not path.parent.is_dir():
        return f" (nor a folder {_shown(path.parent)})"
    names = {entry.name.lower(): entry.name for entry in path.parent.iterdir()}
    close = difflib.get_close_matches(path.name.lower(), names, n=3, cutoff=0.6)
    if not close:
        return ""
    return "; did you mean " + " or ".join(_shown(Path(names[name])) for name in close) + "?"


def _open(path: Path) -> InputContainer:
    _check_file(path)
    try:
        # "file:" and the whitelist: a name like "http:song" or a playlist opens no connection.
        return av.open(
            f"file:{path}",
            metadata_errors="replace",
            options={"protocol_whitelist": "file"},
        )
    except (av.FFmpegError, UnicodeError):
        raise UserError(f"{_shown(path)}: {_UNREADABLE}") from None


def _sound_of(container: InputContainer, path: Path) -> AudioStream:
    """Choose the sound among a file's streams and skip every other."""
    best = container.streams.best("audio")
    sound = next((s for s in container.streams.audio if best and s.index == best.index), None)
    if sound is None:
        seen = container.streams.video
        why = "is a video or picture without sound; name one that has some" if seen else _UNREADABLE
        raise UserError(f"{_shown(path)}: {why}")
    for stream in container.streams:
        if stream.index != sound.index:
            stream.discard = av.stream.Discard.all
    if sound.codec_context is None:
        raise UserError(f"{_shown(path)}: its sound is in a format that cannot be decoded")
    # One thread: a song decodes in well under a second, and the other cores draw pictures.
    sound.codec_context.thread_type = "NONE"
    sound.codec_context.thread_count = 1
    return sound


def _told_duration(container: InputContainer, stream: AudioStream) -> float | None:
    """Seconds by the file's own account, if it has one to be trusted."""
    if container.format.name == "aac":  # guessed from the bit rate of its first frames: far off
        return None
    if stream.duration is not None and stream.time_base is not None:
        return max(0.0, float(stream.duration * stream.time_base))
    return None if container.duration is None else max(0.0, container.duration / av.time_base)


def _counted_duration(path: Path) -> float:
    """Add up a file's packets, undecoded."""
    seconds = 0.0
    with _open(path) as container:
        stream = _sound_of(container, path)
        for packet in _packets(container, stream):
            if packet.duration and packet.time_base:
                seconds += float(packet.duration * packet.time_base)
    return seconds


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[av.Packet[AudioStream]]:
    """Yield what can be read of a stream; where a file breaks off is where the sound ends."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        yield packet


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Decode what can be decoded, leaving out damaged packets and the encoder's priming."""
    # A bare AAC stream does not tell its priming. It is one frame at least, whatever the encoder
    # (the transform overlaps by half), and exactly one with FFmpeg's.
    priming = 1 if container.format.name == "aac" else 0
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if priming:
                priming -= 1
            elif frame.samples:
                yield frame
    # A decoder may hold frames back that a file's sudden end left unasked for.
    try:
        yield from (frame for frame in stream.decode(None) if frame.samples)
    except av.FFmpegError:
        return


def _batches(audio: Audio) -> Iterator[NDArray[np.float32]]:
    """Decode a file to float32 [its channels, about 65,536 samples]."""
    with _open(audio.path) as container:
        stream = _sound_of(container, audio.path)
        kind: tuple[str, str, int] | None = None
        converters: dict[tuple[str, str, int], av.AudioResampler] = {}
        planes: list[NDArray[np.generic]] = []
        size = 0
        for frame in _frames(container, stream):
            this = (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind is None:
                if (frame.layout.nb_channels, frame.sample_rate) != (
                    audio.channels,
                    audio.sample_rate,
                ):
                    raise UserError(f"{_shown(audio.path)}: changed while it was being read")
                # PyAV 18 looks for a ninth plane where there are eight, beyond the frame's end.
                unsafe = frame.format.is_planar and audio.channels >= 8
                kind = ("flt", *this[1:]) if unsafe else this
            pieces = [frame]
            if this != kind:
                # Joined recordings may change layout or rate half-way: bring them to the first's.
                if this not in converters:
                    converters[this] = av.AudioResampler(*kind)
                frame.pts = None
                pieces = converters[this].resample(frame)
            for piece in pieces:
                planes.append(piece.to_ndarray())
                size += piece.samples
            if size >= _BATCH:
                yield _to_float(planes, audio.channels)
                planes, size = [], 0
        for converter in converters.values():
            planes.extend(piece.to_ndarray() for piece in converter.resample(None))
        if planes:
            yield _to_float(planes, audio.channels)


def _to_float(planes: list[NDArray[np.generic]], channels: int) -> NDArray[np.float32]:
    """Join decoded frames and scale them to ±1, float32 [channels, n]."""
    joined = np.concatenate(planes, axis=1)
    if joined.shape[0] != channels:  # packed: samples of all channels in turn
        joined = joined.reshape(-1, channels).T
    if joined.dtype == np.uint8:
        return np.ascontiguousarray((joined.astype(np.float32) - 128.0) / 128.0)
    if np.issubdtype(joined.dtype, np.integer):
        scale = np.float32(2.0 ** (1 - 8 * joined.dtype.itemsize))
        return np.ascontiguousarray(joined.astype(np.float32) * scale)
    # two reductions that nearly always find nothing to do; they pass NaN on
    with np.errstate(invalid="ignore"):
        loudest = max(float(joined.max(initial=0)), -float(joined.min(initial=0)))
    if not loudest <= LOUDEST:
        joined = np.clip(np.where(np.isfinite(joined), joined, 0), -LOUDEST, LOUDEST)
    return np.ascontiguousarray(joined, dtype=np.float32)
