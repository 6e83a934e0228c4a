"""Sources: the named curves, 0 to 1, by which music can hold a knob.

Every track of the analysis is a source, and more are made here and in the modules below: events
thinned to what eyes can follow, slow swings, what the song's form and harmony say, the parts of the
music that come as stems. All of them are sampled a little ahead, so that pictures lead the sound.
Knows the analysis; knows nothing of knobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from afx import bar_sources, song_sources, tone_sources
from afx.bar_sources import SURE, Beats
from afx.moments import Curve, Moments
from afx.source_names import (
    CHROMA,
    MACROS,
    SOURCES,
    STAND_INS,
    STEM_PARTS,
    TIMBRES,
    stem_source,
    words,
)
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis

__all__ = [
    "CHROMA", "EVENT_FLOOR", "EVENT_GAP", "LEAD", "MACROS", "SOURCES", "STEM_PARTS", "SURE",
    "TIMBRES", "Beats", "Features", "Sources", "stem_source", "thin", "words",
]  # fmt: skip

LEAD = 0.040
"""Seconds by which pictures lead the sound; 30–50 ms looks simultaneous (Arrighi et al. 2006)."""
EVENT_GAP = 1.0 / 3.0
"""Least seconds between events: synchrony is not seen above 4 Hz (Fujisaki & Nishida 2005) and
flashes above 3 Hz are unsafe (WCAG 2.3.1)."""
EVENT_FLOOR = 0.15
"""Hits weaker than this are texture, not events."""

STEPS = 65536.0
"""What values are rounded to, a part of the range."""


class Features(Protocol):
    """The part of an analysis that is read here; `music_analysis.features.Features` fits."""

    @property
    def fps(self) -> Fraction:
        """Frames per second."""

    @property
    def frames(self) -> int:
        """Rows of every track."""

    @property
    def tracks(self) -> Mapping[str, NDArray[np.float32]]:
        """Tracks in [0, 1] by name."""

    @property
    def beats(self) -> Beats:
        """The beat grid."""


class Sources:
    """The sources of one piece, each made when first asked for.

    ``sources[name]`` is float32 [frames] in [0, 1]; row i drives the picture at i/fps and tells of
    the sound `lead` seconds later.

    Parameters
    ----------
    features : Features
        The analysis of the piece.
    seed : int
        For ``lfo.noise`` and ``beat.rand``.
    lead : float
        Seconds by which pictures lead the sound.
    analysis : Analysis, optional
        What the analyzers say of the piece.
    stems : mapping of str to Features
        Parts of the music by name, each with as many frames as the piece.
    macros : mapping of int to float
        Values of ``macro.1`` to ``macro.8``; those left out are 0.
    """

    def __init__(
        self,
        features: Features,
        *,
        seed: int = 0,
        lead: float = LEAD,
        analysis: Analysis | None = None,
        stems: Mapping[str, Features] | None = None,
        macros: Mapping[int, float] | None = None,
    ) -> None:
        self.features = features
        self.analysis = analysis
        self.stems = dict(stems or {})
        self.macros = dict(macros or {})
        self.seed = seed
        self.fps = float(features.fps)
        self.frames = features.frames
        self.shift = lead * self.fps
        self._made: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Return one source.

        Raises
        ------
        KeyError
            If there is no such source.
        UserError
            If it is of a stem that was not given.
        """
        if name not in self._made:
            # As the tracks are: the last digit of a machine's mathematics stays out of pictures.
            made = np.rint(np.clip(self._make(name), 0.0, 1.0) * STEPS) / STEPS
            self._made[name] = made.astype(np.float32)
        return self._made[name]

    def _make(self, name: str) -> Curve:
        if name in self.features.tracks:
            return self._ahead(self._track(name), wraps=name.endswith(".phase"))
        stem = stem_source(name)
        if stem is not None:
            return self._stem(name, *stem)
        if name not in SOURCES:
            raise KeyError(name)
        kind, _, part = name.partition(".")
        if kind == "event":
            return self._events(self._track(f"hit.{part}"))
        if kind == "lfo":
            return bar_sources.swing(part, self.features.beats, self._beyond, self.seed)
        if kind == "macro":
            return np.full(self.frames, self.macros.get(int(part), 0.0))
        if kind == "timbre":
            return self._ahead(self._timbres[int(part) - 1])
        if kind == "tonnetz":
            return self._ahead(self._tonnetz[int(part) - 1])
        if kind == "beat":
            return self._by_beat(name)
        return self._of_song(name)

    def _of_song(self, name: str) -> Curve:
        """Return what tells of the song as a whole: its form, harmony and tempo."""
        if name == "harmony":
            return self._ahead(tone_sources.harmony(self._track, self.fps))
        if name == "tempo":
            return bar_sources.tempo(self.features.beats, self._moments)
        if name in ("build", "drop"):
            return self._build() if name == "build" else self._drop()
        song = self.analysis
        if name == "chord.change":
            marks = [] if song is None else song_sources.chord_changes(song)
            # On the frames of the sound, as hits are.
            heard = Moments(np.arange(float(self.frames)) / self.fps, self.fps)
            return self._events(heard.pulses(marks, 0.0, 0.0))
        if name == "section.energy" and song is not None:
            energy = self["energy"].astype(np.float64)
            return song_sources.section_energy(song, self._moments, energy)
        if name in song_sources.CURVES:
            make, rest = song_sources.CURVES[name]
            return self._moments.rest(rest) if song is None else make(song, self._moments)
        # A track that this analysis lacks; only the mean of a section swings around its middle.
        return self._moments.rest(0.5 if name == "section.energy" else 0.0)

    @cached_property
    def _beyond(self) -> Moments:
        """The moments that the rows tell of, at the very end past the sound."""
        return Moments((np.arange(float(self.frames)) + self.shift) / self.fps, self.fps)

    @cached_property
    def _moments(self) -> Moments:
        """The moments that the rows tell of; the end is held."""
        last = max(self.frames - 1, 0) / self.fps
        return Moments(np.minimum(self._beyond.time, last), self.fps)

    @cached_property
    def _timbres(self) -> Curve:
        names = frozenset(self.features.tracks)
        return tone_sources.timbres(self._track, names, self.frames, self.fps)

    @cached_property
    def _tonnetz(self) -> Curve:
        return tone_sources.tonnetz(self._track, self.fps)

    def _track(self, name: str) -> Curve:
        """Return a track as analyzed (no lead); zeros where the analysis has none."""
        features = self.features
        for stem, tracks in STAND_INS.items():
            if name in tracks and stem in self.stems:
                features = self.stems[stem]
        track = features.tracks.get(name)
        return np.zeros(self.frames) if track is None else track.astype(np.float64)

    def _ahead(self, track: Curve, *, wraps: bool = False) -> Curve:
        """Sample a track `shift` frames ahead, between frames linearly; the end is held."""
        if self.frames == 0:
            return track
        at = np.minimum(np.arange(self.frames) + self.shift, self.frames - 1.0)
        low = at.astype(np.int64)
        here, there = track[low], track[np.minimum(low + 1, self.frames - 1)]
        if wraps:  # between 0.9 and 0.1 lies 0.0, not 0.5
            there = there + (there < here - 0.5)
            return np.asarray(np.mod(here + (at - low) * (there - here), 1.0))
        return np.asarray(here + (at - low) * (there - here))

    def _events(self, hits: Curve) -> Curve:
        """Return one-frame pulses as strong as the hits that were kept."""
        out = np.zeros(self.frames)
        where, strength = thin(hits, self.fps, self._pull())
        # Whole frames: a pulse shared by two frames would lose up to half its strength.
        where = where - round(self.shift)
        seen = where >= 0
        out[where[seen]] = strength[seen]
        return out

    def _pull(self) -> Curve:
        """Return how much the grid favors an event here: of equals, those on the bar are kept."""
        grid = 0.05 * self._track("beat.pulse") + 0.10 * self._track("downbeat.pulse")
        return grid * self._track("beat.conf")

    def _by_beat(self, name: str) -> Curve:
        sure = self["beat.conf"].astype(np.float64)
        if name == "beat.breath":
            # No grid, no breath: beat.conf is 0 there.
            wave = 0.5 - 0.5 * np.cos(2.0 * np.pi * self["beat.phase"].astype(np.float64))
            return np.asarray(wave * sure)
        beats = self.features.beats
        if name == "beat.rand":
            return bar_sources.bar_random(beats, self._moments, sure, self.seed)
        if name == "beat.toggle":
            return bar_sources.bar_toggle(beats, self._moments, sure)
        return self._moments.rest(0.0)  # a track that this analysis lacks

    def _build(self) -> Curve:
        if self.analysis is not None:
            return song_sources.build(self.analysis, self._moments)
        return 6.0 * self._slope("presence.all")

    def _drop(self) -> Curve:
        if self.analysis is not None:
            return song_sources.drop(self.analysis, self._moments)
        return 8.0 * self._slope("presence.bass") - 0.3

    def _slope(self, name: str) -> Curve:
        # A 4 s Gaussian turns a full step into a slope of about 0.1–0.25 per second.
        slow = self._track(name)
        return self._ahead(np.gradient(slow) * self.fps) if self.frames > 1 else slow * 0.0

    def _stem(self, source: str, name: str, part: str) -> Curve:
        if name not in self.stems:
            there = f" (there is {', '.join(sorted(self.stems))})" if self.stems else ""
            raise UserError(
                f"the look listens to {source}, and there is no stem {name!r}{there}:"
                f" give it with --stem {name}=FILE"
            )
        tracks, track = self.stems[name].tracks, STEM_PARTS[part][0]
        curve = tracks[track].astype(np.float64) if track in tracks else np.zeros(self.frames)
        return self._events(curve) if part == "event" else self._ahead(curve)


def thin(
    hits: NDArray[np.float64], fps: float, pull: NDArray[np.float64] | float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pick the peaks of an onset curve that may become events: the strongest, none too close.

    Parameters
    ----------
    hits : [frames], 0..1
        Onset strength.
    fps : float
        Frames per second.
    pull : [frames] or float
        Added to a peak's strength when deciding which of two near peaks stays.

    Returns
    -------
    frames : int64 [events], rising
        Any two at least `EVENT_GAP` seconds apart, so at most three in any second.
    strength : [events], 0..1
        The curve's values there.
    """
    padded = np.concatenate([[-1.0], hits, [-1.0]])
    peaks = np.flatnonzero((hits >= EVENT_FLOOR) & (hits > padded[:-2]) & (hits >= padded[2:]))
    order = np.argsort(-(hits + pull)[peaks], kind="stable")
    gap = int(np.ceil(EVENT_GAP * fps - 1e-9))
    taken = np.zeros(len(hits) + 2 * gap, dtype=bool)
    kept = []
    for peak in peaks[order].tolist():
        if not taken[peak + gap]:
            kept.append(peak)
            taken[peak + 1 : peak + 2 * gap] = True
    where = np.sort(np.array(kept, dtype=np.int64))
    return where, hits[where]
