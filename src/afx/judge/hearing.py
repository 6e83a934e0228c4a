"""What the judge hears: the sound's curves on the grid of the video, and its form on its clock.

Knows the analysis and where a video begins in its song; knows nothing of pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_analysis.analysis import Analysis, OnProgress
from music_analysis.audio import load
from music_analysis.listening import listen

Floats = NDArray[np.float64]

SURE = 0.5
"""Belief in the beat from which beats are asked about."""
PULSE = 0.12
"""Percussiveness (``FeatureSummary.pulse``) from which a piece has hits to follow: songs with
drums have 0.14 to 0.7, pianos and orchestras 0 to 0.1, however sure their beat."""
SILENCE = -60.0
"""dB (RMS) below which nothing is heard."""
_OF_THE_BEAT = ("beat.", "bar.", "downbeat.", "novelty")  # tracks that say when, not what


@dataclass(frozen=True)
class Heard:
    """A sound as long as a video, [slots] each.

    Attributes
    ----------
    path : Path
    title : str
        For people.
    rate : float
        Slots a second.
    shift : float
        Seconds of the song at which the video begins.
    duration : float
        Seconds of sound that there are from there on.
    hits, onsets, kicks : float64 [slots]
        Envelope of percussive hits (0 to 1), their bare onsets (dB of rise), envelope of low hits.
    loudness : float64 [slots]
        RMS, dB.
    sounds : float64 [slots, k]
        What the music is like: every track but those of the beat.
    analysis : Analysis
        In the song's own seconds.
    rhythmic : bool
        Whether it has hits to follow, or only swells.
    """

    path: Path
    title: str
    rate: float
    shift: float
    duration: float
    hits: Floats
    onsets: Floats
    kicks: Floats
    loudness: Floats
    sounds: Floats
    analysis: Analysis
    rhythmic: bool

    @property
    def beats(self) -> Floats:
        """Beats on the clock of the video, seconds."""
        times = np.asarray(self.analysis.tempo.beats, dtype=np.float64) - self.shift
        return times[(times >= 0) & (times < len(self.hits) / self.rate)]

    def each(self, step: float, count: int) -> Floats:
        """Return `sounds` averaged over every `step` seconds from 0: [count, k]."""
        starts = np.minimum((np.arange(count) * step * self.rate).astype(int), len(self.sounds) - 1)
        sums = np.add.reduceat(self.sounds, starts, axis=0)
        sizes = np.diff(np.append(starts, len(self.sounds)))
        return np.asarray(sums / np.maximum(sizes, 1)[:, None])

    @property
    def tempo(self) -> float | None:
        """Beats a minute, where they are sure."""
        tempo = self.analysis.tempo
        return tempo.bpm if tempo.beat_confidence >= SURE else None

    @property
    def amplitude(self) -> Floats:
        """RMS, linear."""
        return np.asarray(10 ** (self.loudness / 20))


def hear(
    path: str | Path, rate: Fraction, slots: int, shift: float, progress: OnProgress | None = None
) -> Heard:
    """Listen to a sound for a video.

    Parameters
    ----------
    path : path
        A sound file or a video with sound.
    rate : Fraction
        Slots a second.
    slots : int
        Length of the video.
    shift : float
        Seconds of the sound at which the video begins; below 0 where sound begins after it.
    progress : callable, optional

    Raises
    ------
    UserError
        If it cannot be heard.
    """
    audio = load(path)
    heard = listen(audio, rate, progress=progress)
    features = heard.features
    at = np.arange(slots) + shift * float(rate)

    def aligned(curve: NDArray[np.float32], outside: float) -> Floats:
        frames = np.arange(len(curve))
        values = curve.astype(np.float64)
        return np.asarray(np.interp(at, frames, values, left=outside, right=outside))

    return Heard(
        path=Path(path),
        title=heard.analysis.title or Path(path).name,
        rate=float(rate),
        shift=shift,
        duration=features.duration - shift,
        hits=aligned(features.tracks["hit.all"], 0.0),
        onsets=aligned(features.raw["hit"], 0.0),
        kicks=aligned(features.tracks["hit.kick"], 0.0),
        loudness=aligned(features.loudness, -120.0),
        sounds=np.stack(
            [
                aligned(features.tracks[name], 0.0)
                for name in sorted(features.tracks)
                if not name.startswith(_OF_THE_BEAT)
            ],
            axis=1,
        ),
        analysis=heard.analysis,
        rhythmic=features.summary.pulse >= PULSE,
    )
