"""Tempo, beats and bars of a song.

Knows how the parts go together: what the network hears (``beat_network``), the best beats through
it (``beat_path``), the bars over them (``meter``), and how far to trust it all (``tempo_trust``);
``beats`` finds them by rules alone. Knows nothing of files, keys or pictures.

Units: seconds, beats a minute; confidences and strengths in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from music_analysis.beat_network import RATE, TEMPOS, Activations, changes, listen
from music_analysis.beat_path import (
    GRID,
    TempoPath,
    carry_on,
    find_beats,
    follow_tempo,
    score_beats,
)
from music_analysis.beats import BeatGrid as BeatGrid
from music_analysis.beats import activation
from music_analysis.beats import track_beats as track_beats
from music_analysis.meter import Bars, find_bars
from music_analysis.onsets import find_onsets
from music_analysis.song_spectra import (
    ONSET_CENTERS,
    ONSET_RATE,
    PITCH_RATE,
    SongSpectra,
    measure_song,
)
from music_analysis.spectra import SoundSource
from music_analysis.tempo_trust import BARS, BEATS, TEMPO, Clues, one_tempo, trust
from music_analysis.windows import Floats

_SHORTEST: Final = 1.0  # seconds: less has no tempo
_FEWEST: Final = 4  # beats
_AUDIBLE: Final = 0.2  # activation of a beat that counts
_FAINT: Final = 0.1  # mean activation below which there is nothing to tell
_ALTERNATIVES: Final = 4
_HOPELESS: Final = 0.02  # confidence: of answers below, none was right
_FACTORS: Final = (1 / 2, 2.0, 1 / 3, 3.0, 2 / 3, 3 / 2)  # tempos that one may tap as well
_SAME: Final = 1.4 / 16  # octaves: 6 %
_RISE: Final = 0.3  # dB: less is no onset
_LATE: Final = -0.011  # seconds: decibels rise before the sound, clicks by 14 ms, notes by 8

Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class TempoAlternative:
    """Another tempo at which one may tap along, such as half or double."""

    bpm: float
    strength: float
    """In [0, 1]: 1 is as good as the tempo itself."""


@dataclass(frozen=True)
class Tempo:
    """Tempo, beats, bars and how far to trust them.

    ``bpm`` is None where there is not enough to tell; beats may then be empty.
    """

    bpm: float | None
    """Beats a minute: 60 over the median interval of the beats."""
    confidence: float
    """How likely ``bpm`` is right within 4 %, [0, 1]."""
    alternatives: tuple[TempoAlternative, ...]
    """Related tempos, strongest first, at most four."""
    beats: Seconds
    """[B] seconds, ascending."""
    beat_confidence: float
    """How likely a beat lies within 70 ms of where a listener taps, at some metrical level."""
    downbeats: Seconds
    """[D] those of ``beats`` that begin a bar."""
    meter: int
    """Beats to a bar."""
    time_signature: str | None
    """``"4/4"``, ``"3/4"``, ``"6/8"``…: a guess; None where there is not enough to tell."""
    meter_confidence: float
    """How likely the bar lines are right, [0, 1]."""
    curve_times: Seconds
    """[K] seconds: where the local tempo is known, at beats."""
    curve_bpm: Seconds
    """[K] local tempo, smoothed over about two bars."""
    variation: float
    """Standard deviation over mean of the intervals between beats: 0 machine, ≥ 0.2 rubato."""

    @property
    def grid(self) -> BeatGrid:
        """The part that pictures follow."""
        return BeatGrid(
            bpm=self.bpm,
            confidence=self.beat_confidence,
            beats=self.beats,
            downbeats=self.downbeats,
            alternatives=tuple((a.bpm, a.strength) for a in self.alternatives),
            meter=self.meter,
        )


def analyze(source: SoundSource) -> Tempo:
    """Measure a sound and find its tempo, beats and bars."""
    return estimate(measure_song(source))


def estimate(spectra: SongSpectra, *, network: bool = True) -> Tempo:
    """Find tempo, beats and bars in what one pass has measured.

    Parameters
    ----------
    spectra
        The song.
    network
        Whether to ask the trained network (:mod:`music_analysis.beat_network`); else rules alone
        decide (:func:`music_analysis.beats.track_beats`).
    """
    if not network:
        return _by_rules(spectra)
    found = follow(spectra)
    if found is None:
        return _NOTHING
    tempo, clues = found
    sure = trust(clues, TEMPO) * one_tempo(tempo.variation)
    bars = trust(clues, BARS)
    if sure < _HOPELESS:  # a number would be made up
        tempo = replace(tempo, bpm=None, alternatives=())
        sure = 0.0
    if bars < _HOPELESS:
        tempo = replace(tempo, time_signature=None)
    return replace(
        tempo, confidence=sure, beat_confidence=trust(clues, BEATS), meter_confidence=bars
    )


def follow(spectra: SongSpectra) -> tuple[Tempo, Clues] | None:
    """Find tempo, beats and bars without confidences, and the clues to these; None: no beat."""
    heard = listen(spectra)
    beat = np.maximum(heard.beat, heard.downbeat)
    if len(beat) < _SHORTEST * RATE:
        return None
    # a bass drum says more about the beat than a hi-hat that is as loud
    struck = activation(heard.onset + np.float32(0.5) * heard.low).astype(np.float32)
    score = score_beats(beat, struck)
    path = follow_tempo(score, heard)
    frames = find_beats(score, path.bpm)
    frames = find_beats(score_beats(carry_on(beat, frames), struck), path.bpm)
    frames = _with_sound(frames, heard.onset)
    strength = _near(beat, frames)
    if (strength > _AUDIBLE).sum() < _FEWEST or float(strength.mean()) < _FAINT:
        return None
    inside = slice(frames[0] // 2, frames[-1] // 2 + 1)
    meters = np.log(np.maximum(heard.meter[inside], 1e-4)).mean(axis=0).astype(np.float64)
    three = _in_three(frames, heard.onset)
    # what the network knows as two beats is 6/8: at least as likely as 12/8 if beats fall into
    # three parts, and else half a bar of 4/4, whose halves may look alike
    if three:
        meters[0] = max(meters[0], meters[2])
    halved = not three and meters[0] < meters[2]
    bars = find_bars(_near(heard.downbeat, frames), meters, without=2 if halved else None)
    beats = _on_onsets(frames, heard.onset) / ONSET_RATE
    intervals = np.diff(beats)
    bpm = 60 / float(np.median(intervals))
    tempo = Tempo(
        bpm=bpm,
        confidence=0.0,
        alternatives=_related(bpm, bars.meter, path.salience),
        beats=beats,
        beat_confidence=0.0,
        downbeats=beats[bars.first],
        meter=bars.meter,
        time_signature=_signature(bars.meter, three=three),
        meter_confidence=0.0,
        curve_times=beats[:-1],
        curve_bpm=_local(intervals, bars.meter),
        variation=float(intervals.std() / intervals.mean()),
    )
    return tempo, _clues(heard, path, frames, bars, tempo)


def _clues(
    heard: Activations, path: TempoPath, frames: NDArray[np.int64], bars: Bars, tempo: Tempo
) -> Clues:
    beat = np.maximum(heard.beat, heard.downbeat)
    inside = slice(frames[0] // 2, frames[-1] // 2 + 1)
    bpm = tempo.bpm or 1.0
    guess = heard.tempo[inside].mean(axis=0)
    meters = heard.meter[inside].mean(axis=0)
    rival = max(_fit(path.salience, bpm * f) for f in _FACTORS)
    intervals = np.diff(tempo.beats)
    return Clues(
        on_beats=float(_near(beat, frames).mean()),
        between=max(float(_near(beat, _between(frames, s)).mean()) for s in (1 / 3, 1 / 2, 2 / 3)),
        guess=float(guess[np.abs(np.log2(TEMPOS / bpm)) < _SAME].sum()),
        rival=float(np.clip(rival - _fit(path.salience, bpm), -5, 5)),
        few=len(frames) ** -0.5,
        uneven=float(np.abs(np.diff(np.log(intervals))).mean()),
        variation=tempo.variation,
        contrast=bars.contrast,
        margin=bars.margin,
        meter=float(meters[bars.meter - 2]) if bars.meter <= 4 else 0.0,
    )


def _by_rules(spectra: SongSpectra) -> Tempo:
    onsets = find_onsets(spectra.onsets, ONSET_CENTERS)
    change = changes(spectra.semitones()).mean(axis=1)
    times = np.arange(len(onsets.every)) / ONSET_RATE
    turns = np.interp(times, np.arange(len(change)) / PITCH_RATE, change).astype(np.float32)
    grid = track_beats(onsets.every, ONSET_RATE, onsets.low, turns)
    if grid.bpm is None or len(grid.beats) < _FEWEST:
        return _NOTHING
    intervals = np.diff(grid.beats)
    return Tempo(
        bpm=60 / float(np.median(intervals)),
        confidence=grid.confidence,
        alternatives=tuple(TempoAlternative(*pair) for pair in grid.alternatives[:_ALTERNATIVES]),
        beats=grid.beats,
        beat_confidence=grid.confidence,
        downbeats=grid.downbeats,
        meter=grid.meter,
        time_signature=f"{grid.meter}/4",
        meter_confidence=0.5 * grid.confidence,
        curve_times=grid.beats[:-1],
        curve_bpm=_local(intervals, grid.meter),
        variation=float(intervals.std() / intervals.mean()),
    )


_NOTHING: Final = Tempo(
    bpm=None,
    confidence=0.0,
    alternatives=(),
    beats=np.zeros(0),
    beat_confidence=0.0,
    downbeats=np.zeros(0),
    meter=4,
    time_signature=None,
    meter_confidence=0.0,
    curve_times=np.zeros(0),
    curve_bpm=np.zeros(0),
    variation=0.0,
)


def _near(curve: Floats, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Largest value of a curve at 50 Hz within a frame of each place at 100 Hz."""
    k = frames // 2
    last = len(curve) - 1
    near = np.stack([curve[np.clip(k + shift, 0, last)] for shift in (-1, 0, 1)])
    return np.asarray(near.max(axis=0), np.float64)


def _with_sound(frames: NDArray[np.int64], onset: Floats) -> NDArray[np.int64]:
    """Without the beats before the first onset and after the last."""
    enough = max(3 * _RISE, 0.15 * float(np.percentile(onset, 99)))
    loud = np.flatnonzero(onset > enough)
    if not len(loud):
        return frames[:0]
    within: NDArray[np.int64] = frames[(frames >= loud[0] - 6) & (frames <= loud[-1] + 6)]
    return within


def _between(frames: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Places at a share of the way from each beat to the next."""
    return np.rint(frames[:-1] + share * np.diff(frames)).astype(np.int64)


def _on_onsets(frames: NDArray[np.int64], onset: Floats) -> NDArray[np.float64]:
    """Beats in the middle of the onset within 40 ms, if there is one: frames at 100 Hz."""
    reach = 4
    near = np.arange(-reach, reach + 1)
    last = len(onset) - 1
    around = np.clip(frames[:, None] + near, 0, last)
    # nearer is likelier
    value = onset[around] * (1 - 0.1 * np.abs(near))
    k = around[np.arange(len(frames)), value.argmax(axis=1)]
    hill = np.clip(k[:, None] + near[2:-2], 0, last)
    weight = np.maximum(onset[hill] - 0.25 * onset[k][:, None], 0).astype(np.float64)
    sums = weight.sum(axis=1)
    middle = (weight * hill).sum(axis=1) / np.maximum(sums, 1e-9)
    return np.where(onset[k] > _RISE, middle - _LATE * ONSET_RATE, frames.astype(np.float64))


def _local(intervals: NDArray[np.float64], meter: int) -> Seconds:
    """Tempo over two bars around each interval."""
    size = min(2 * meter, len(intervals))
    return 60 / np.asarray(uniform_filter1d(intervals, size, mode="nearest"), np.float64)


def _fit(salience: NDArray[np.float64], bpm: float) -> float:
    """How well a tempo fits the song, as :class:`music_analysis.beat_path.TempoPath` has it."""
    places = np.abs(np.log2(GRID / bpm)) < 0.04
    return float(salience[places].max()) if places.any() else float(salience.min())


def _related(bpm: float, meter: int, salience: NDArray[np.float64]) -> tuple[TempoAlternative, ...]:
    """Half and double, and the two best of third, triple and three to two, strongest first."""
    own = _fit(salience, bpm)
    strength = {f: float(np.exp(min(0.0, _fit(salience, bpm * f) - own))) for f in _FACTORS}
    # in three, bars are as regular as beats
    rest = sorted(_FACTORS[2:], key=lambda f: strength[f] + (f == 1 / 3 and meter in (3, 6)))
    chosen = [f for f in (*_FACTORS[:2], *rest[:-3:-1]) if 20 <= bpm * f <= 400]
    chosen.sort(key=lambda f: -strength[f])
    return tuple(TempoAlternative(bpm * f, strength[f]) for f in chosen[:_ALTERNATIVES])


def _in_three(frames: NDArray[np.int64], onset: Floats) -> bool:
    """Whether much begins a third of the way between beats, beside what begins halfway.

    In held songs the ratio is below 0.4 in 4/4 and above 0.8 in 6/8.
    """
    last = len(onset) - 1
    parts = [
        np.max(
            [onset[np.clip(_between(frames, s) + d, 0, last)] for d in (-2, -1, 0, 1, 2)], axis=0
        )
        for s in (1 / 3, 2 / 3, 1 / 2)
    ]
    return 0.5 * float(parts[0].mean() + parts[1].mean()) > 0.6 * float(parts[2].mean())


def _signature(meter: int, *, three: bool) -> str:
    if meter == 2:
        return "6/8" if three else "2/4"
    return f"{meter}/8" if meter > 5 else f"{meter}/4"
