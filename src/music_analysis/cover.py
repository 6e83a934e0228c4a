"""The cover picture inside a sound file, as the bytes of the image that somebody put there.

FLAC and Ogg pictures, ID3 pictures of MP3 and WAV, the cover of M4A: FFmpeg shows all of them as a
stream with one packet. Nothing is decoded here.
"""

from __future__ import annotations

from pathlib import Path

import av
from av.stream import Disposition

from music_analysis.audio import _open, _shown
from music_analysis.errors import UserError

MOST_BYTES = 64 * 1024 * 1024
"""Of the image; real ones have a few hundred kilobytes."""


def cover(path: str | Path) -> bytes | None:
    """Return the front cover embedded in a sound file, else its first picture.

    Parameters
    ----------
    path : str or Path
        A sound or video file.

    Returns
    -------
    bytes or None
        The image file (JPEG, PNG, …) as it was embedded; None if there is none.

    Raises
    ------
    UserError
        The file cannot be read, or its picture is absurdly large.
    """
    path = Path(path)
    with _open(path) as container:
        pictures = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
        if not pictures:
            return None
        # FLAC and ID3 say what each picture shows; M4A does not, and has the cover first.
        front = [s for s in pictures if "front" in s.metadata.get("comment", "").lower()]
        chosen = (front or pictures)[0]
        try:
            packet = next((p for p in container.demux(chosen) if p.size), None)
        except av.FFmpegError:
            return None
        if packet is None:
            return None
        if packet.size > MOST_BYTES:
            raise UserError(f"{_shown(path)}: its cover picture is larger than 64 MB")
        return bytes(packet)
