"""Stems: parts of the music given as files of their own, each a set of sources.

Only what sounds in them is measured: tempo, beats, key and form are the song's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from afx.job import Job
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.features import Features
from music_analysis.listening import listen_to_part

TOLERANCE = 1.0
"""Seconds by which a stem may be longer or shorter than the song: encoders add a little."""


def listen_to_stems(job: Job, features: Features) -> Mapping[str, Features]:
    """Return the features of a job's stems, each with as many frames as the song.

    Raises
    ------
    UserError
        If one cannot be read, or is not as long as the song.
    """
    stems = {}
    for name, stem in job.stems.items():
        try:
            heard = listen_to_part(load(stem.path), features.fps, features.beats)
        except UserError as error:
            raise UserError(f"--stem {name}: {error}") from None
        if abs(heard.duration - features.duration) > TOLERANCE:
            raise UserError(
                f"--stem {name}: {Path(stem.path).name} lasts {heard.duration:.1f} seconds and the"
                f" song {features.duration:.1f}: a stem is as long as the song, from its start"
            )
        stems[name] = _as_long_as(heard, features)
    return stems


def _as_long_as(stem: Features, song: Features) -> Features:
    """Cut a stem to the song's frames, or let silence follow it."""
    missing = max(song.frames - stem.frames, 0)
    tracks = {
        name: np.pad(track[: song.frames], (0, missing)) for name, track in stem.tracks.items()
    }
    return replace(stem, frames=song.frames, duration=song.duration, tracks=tracks)
