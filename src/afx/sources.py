"""Sources: the named curves, 0 to 1, by which music can hold a knob.

Every track of the analysis is a source, and a few are made here: events thinned to what eyes can
follow, slow swings in bars, a breath on the beat, the drift of the harmony. All of them are sampled
a little ahead, so that pictures lead the sound. Knows the analysis; knows nothing of knobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from afx.chance import generator
from afx.shaping import smooth

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis

LEAD = 0.040
"""Seconds by which pictures lead the sound; 30–50 ms looks simultaneous (Arrighi et al. 2006)."""
EVENT_GAP = 1.0 / 3.0
"""Least seconds between events: synchrony is not seen above 4 Hz (Fujisaki & Nishida 2005) and
flashes above 3 Hz are unsafe (WCAG 2.3.1)."""
EVENT_FLOOR = 0.15
"""Hits weaker than this are texture, not events."""
SURE = 0.5
"""Beat confidence from which bars may time things."""
SWING_BARS, SWING_SECONDS = 4.0, 8.0
"""Period of the ``lfo`` sources: in bars where the beat is sure, else in seconds."""

TIMBRES = 4
"""How many of the piece's own directions of sound there are, ``timbre.1`` being the largest."""
TIMBRE_SECONDS = 1.5
"""Deviation of their smoothing."""

CHROMA = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


_BANDS = ("all", "sub", "bass", "lowmid", "mid", "highmid", "presence", "air")
_SPECTRUM = (
    tuple(f"level.{band}" for band in _BANDS),
    ("centroid", "flatness", "flux"),
    tuple(f"chroma.{name}" for name in CHROMA),
)
"""Tracks that tell of timbre, in groups."""
_TIMBRE_FLOOR = 0.06


def _names() -> dict[str, str]:
    names = {f"level.{b}": f"loudness: {b}" for b in _BANDS}
    names |= {f"hit.{h}": f"onsets: {h}" for h in ("all", "kick", "snare", "hat")}
    names |= {
        f"presence.{b}": f"slow loudness (4 s): {b}" for b in ("all", "bass", "mid", "treble")
    }
    names |= {
        "energy": "overall energy (8 s)",
        "centroid": "brightness of the sound",
        "flatness": "noise (1) or tones (0)",
        "flux": "how fast the spectrum changes",
        "stereo.width": "width of the stereo picture",
        "novelty": "structural change",
        "beat.phase": "0 to 1 within each beat",
        "bar.phase": "0 to 1 within each bar",
        "beat.pulse": "a pulse on each beat",
        "downbeat.pulse": "a pulse on each bar",
        "beat.conf": "how sure the beat is",
    }
    names |= {f"chroma.{c}": f"strength of pitch class {c}" for c in CHROMA}
    return names | {
        "event.kick": "kicks, at most three a second",
        "event.snare": "snares, at most three a second",
        "harmony": "drift around the circle of fifths; 0.5 is the piece's home (bipolar)",
        **{
            f"timbre.{k + 1}": f"{word} way in which this piece's sound varies, slow (bipolar)"
            for k, word in enumerate(("the largest", "the second", "the third", "the fourth"))
        },
        "lfo.sin": "slow sine, four bars or 8 s (bipolar)",
        "lfo.tri": "slow triangle, four bars or 8 s (bipolar)",
        "lfo.noise": "slow random wander (bipolar)",
        "beat.breath": "a soft swell between beats",
        "build": "loudness building up",
        "drop": "bass coming in at once",
    }


SOURCES: Mapping[str, str] = MappingProxyType(_names())
"""Every source by name, with what it is in a few words."""


class Beats(Protocol):
    """The part of a beat grid that is read here."""

    @property
    def bpm(self) -> float | None:
        """Tempo in beats per minute."""

    @property
    def confidence(self) -> float:
        """How sure the grid is, 0 to 1."""

    @property
    def downbeats(self) -> NDArray[np.float64]:
        """First beats of the bars, in seconds."""


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
        For ``lfo.noise``.
    lead : float
        Seconds by which pictures lead the sound.
    analysis : Analysis, optional
        What the analyzers say of the piece.
    stems : mapping of str to Features
        Parts of the music by name.
    macros : mapping of int to float
        Values of ``macro.1`` to ``macro.8``.
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
        self._timbres: NDArray[np.float64] | None = None

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Return one source.

        Raises
        ------
        KeyError
            If there is no such source.
        """
        if name not in self._made:
            self._made[name] = np.clip(self._make(name), 0.0, 1.0).astype(np.float32)
        return self._made[name]

    def _make(self, name: str) -> NDArray[np.float64]:
        if name in self.features.tracks:
            return self._ahead(self._track(name), wraps=name.endswith(".phase"))
        if name.startswith("event."):
            return self._event("hit." + name.removeprefix("event."))
        if name.startswith("lfo."):
            return self._swing(name.removeprefix("lfo."))
        if name == "harmony":
            return self._ahead(self._harmony())
        if name.startswith("timbre."):
            if self._timbres is None:
                self._timbres = self._principal()
            return self._ahead(self._timbres[int(name.removeprefix("timbre.")) - 1])
        if name == "beat.breath":
            # No grid, no breath: beat.conf is 0 there.
            wave = 0.5 - 0.5 * np.cos(2.0 * np.pi * self["beat.phase"].astype(np.float64))
            return np.asarray(wave * self["beat.conf"])
        if name in ("build", "drop"):
            # A 4 s Gaussian turns a full step into a slope of about 0.1–0.25 per second.
            slow = self._track("presence.all" if name == "build" else "presence.bass")
            slope = self._ahead(np.gradient(slow) * self.fps) if self.frames > 1 else slow * 0.0
            return slope * 6.0 if name == "build" else slope * 8.0 - 0.3
        if name in SOURCES:
            return np.zeros(self.frames)
        raise KeyError(name)

    def _track(self, name: str) -> NDArray[np.float64]:
        """Return a track as analyzed (no lead); zeros where the analysis has none."""
        track = self.features.tracks.get(name)
        return np.zeros(self.frames) if track is None else track.astype(np.float64)

    def _ahead(self, track: NDArray[np.float64], *, wraps: bool = False) -> NDArray[np.float64]:
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

    def _event(self, hits: str) -> NDArray[np.float64]:
        """Return one-frame pulses as strong as the hits that were kept."""
        out = np.zeros(self.frames)
        where, strength = thin(self._track(hits), self.fps, self._pull())
        # Whole frames: a pulse shared by two frames would lose up to half its strength.
        where = where - round(self.shift)
        seen = where >= 0
        out[where[seen]] = strength[seen]
        return out

    def _pull(self) -> NDArray[np.float64]:
        """Return how much the grid favors an event here: of equals, those on the bar are kept."""
        grid = 0.05 * self._track("beat.pulse") + 0.10 * self._track("downbeat.pulse")
        return grid * self._track("beat.conf")

    def _harmony(self) -> NDArray[np.float64]:
        """Return the slow sideways drift of the chroma's mean on the circle of fifths, 0.5 at home.

        The sideways part of the mean direction, not its angle, which would jump where it wraps.
        """
        mean = np.zeros(self.frames, dtype=np.complex128)
        for k, name in enumerate(CHROMA):
            mean += self._track(f"chroma.{name}") * np.exp(2j * np.pi * (7 * k % 12) / 12.0)
        mean = smooth(mean.real, self.fps, 2.0) + 1j * smooth(mean.imag, self.fps, 2.0)
        home = mean.mean() if self.frames else 0.0
        if abs(home) < 1e-6:
            return np.full(self.frames, 0.5)
        side: NDArray[np.float64] = np.imag(mean * np.conj(home)) / abs(home)
        # Relative to the piece's own swing, but a monotonous piece is not blown up.
        return np.asarray(0.5 + side * (0.5 / max(float(np.quantile(np.abs(side), 0.98)), 0.15)))

    def _principal(self) -> NDArray[np.float64]:
        """Return the principal components of the piece's spectrum over time: [TIMBRES, frames].

        What a piece varies in is what its pictures shall vary in: bass against air in one, noise
        against tones in another. Each lies in [0, 1] around 0.5.
        """
        out = np.full((TIMBRES, self.frames), 0.5)
        columns = []
        for group in _SPECTRUM:
            tracks = [self._track(n) for n in group if n in self.features.tracks]
            # Every group counts alike, however many tracks it has.
            columns += [smooth(t, self.fps, TIMBRE_SECONDS) / len(tracks) ** 0.5 for t in tracks]
        if len(columns) < TIMBRES or self.frames < 2:
            return out
        data = np.stack(columns)
        data -= data.mean(axis=1, keepdims=True)
        _, vectors = np.linalg.eigh(data @ data.T / self.frames)
        for k in range(TIMBRES):
            # Largest first; a component's sign is that of its strongest track.
            loading = vectors[:, -1 - k]
            side = loading @ data * np.sign(loading[np.argmax(np.round(np.abs(loading), 6))])
            # Relative to its own swing, but a piece that hardly varies is not blown up.
            out[k] += side * (0.5 / max(float(np.quantile(np.abs(side), 0.98)), _TIMBRE_FLOOR))
        return out

    def _swing(self, kind: str) -> NDArray[np.float64]:
        turns = self._swing_turns()
        if kind == "sin":
            return np.asarray(0.5 + 0.5 * np.sin(2.0 * np.pi * turns))
        if kind == "tri":
            return np.asarray(2.0 * np.abs(np.mod(turns + 0.25, 1.0) - 0.5))
        if kind != "noise":
            raise KeyError(f"lfo.{kind}")
        at = 2.0 * (turns - turns.min(initial=0.0))
        low = at.astype(np.int64)
        nodes = generator(self.seed, "lfo.noise").random(int(low.max(initial=0)) + 2)
        part = at - low
        part = part * part * (3.0 - 2.0 * part)
        return np.asarray(nodes[low] + part * (nodes[low + 1] - nodes[low]))

    def _swing_turns(self) -> NDArray[np.float64]:
        time = (np.arange(self.frames) + self.shift) / self.fps
        bars = self.features.beats.downbeats
        if self.features.beats.confidence < SURE or len(bars) < 3:
            return np.asarray(time / SWING_SECONDS)
        bar = float(np.median(np.diff(bars)))
        inside: NDArray[np.float64] = np.interp(time, bars, np.arange(float(len(bars))))
        outside = np.minimum(time - bars[0], 0.0) + np.maximum(time - bars[-1], 0.0)
        return np.asarray((inside + outside / bar) / SWING_BARS)


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
