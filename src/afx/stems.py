"""Stems: parts of the music given as files of their own, each a set of sources."""

from __future__ import annotations

from collections.abc import Mapping

from afx.job import Job
from music_analysis.errors import UserError
from music_analysis.features import Features


def listen_to_stems(job: Job, features: Features) -> Mapping[str, Features]:  # noqa: ARG001
    """Return the features of a job's stems, each with as many frames as the song.

    Raises
    ------
    UserError
        If one cannot be read, or is not as long as the song.
    """
    for name in job.stems:
        raise UserError(f"--stem {name}: stems are not there yet")
    return {}
