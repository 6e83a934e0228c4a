"""How the song generator plays: parts, patterns, melody, and the mix.

Knows bars, steps and pitch classes; is handed the harmony, and knows nothing of its names. A step
is a sixteenth note, four to the beat. Notes are MIDI numbers (A4 = 69 = 440 Hz).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from music_analysis import instruments

Sound = NDArray[np.float32]
Bar = tuple[tuple[int, ...], tuple[int, ...]]
"""The pitch classes of a bar's chord (root first) and of its scale."""


@dataclass(frozen=True)
class Part:
    """What plays in a section, as levels (0: silent)."""

    pad: float
    pad_cutoff: float  # Hz, at the section's end; it opens from half of that
    pluck: float
    pluck_every: int  # steps
    bass: float
    bass_style: str  # "long", "groove", "drive"
    lead: float
    kick: str  # "none", "sparse", "groove", "four"
    snare: float
    hat: float
    hat_every: int  # steps
    clap: bool = False


PARTS = {
    "intro": Part(0.46, 1_200, 0.44, 2, 0.0, "long", 0.0, "none", 0.0, 0.16, 4),
    "verse": Part(0.42, 1_600, 0.56, 2, 0.30, "groove", 0.0, "groove", 0.46, 0.30, 2),
    "chorus": Part(0.64, 3_600, 0.58, 1, 0.36, "drive", 0.44, "four", 0.58, 0.42, 1, True),
    "breakdown": Part(0.56, 1_600, 0.36, 4, 0.0, "long", 0.18, "none", 0.0, 0.0, 4),
    "outro": Part(0.48, 1_400, 0.46, 2, 0.24, "long", 0.0, "sparse", 0.0, 0.20, 2),
}

# Melody rhythms over two bars of 4/4: (step, length in steps).
_RHYTHMS = (
    ((0, 6), (6, 4), (10, 4), (14, 2), (16, 8), (24, 4), (28, 4)),
    ((0, 4), (4, 2), (6, 6), (12, 4), (16, 6), (22, 8)),
    ((0, 3), (3, 3), (6, 6), (12, 4), (16, 3), (19, 3), (22, 10)),
)
# Rising and falling figures of the plucked strings: indices into two octaves of chord tones.
_FIGURES = ((0, 2, 4, 3, 1, 3, 5, 4), (0, 1, 2, 4, 3, 2, 4, 1), (4, 3, 1, 2, 5, 4, 2, 3))


def _hertz(note: float) -> float:
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def _above(low: int, pitch_class: int) -> int:
    """Find the lowest note of a pitch class at or above a note."""
    return low + (pitch_class - low) % 12


def _stepped(note: int, move: int, allowed: list[int]) -> int:
    """Go to the next allowed note up (1) or down (-1), or the nearest (0); turn at the ends."""
    if move == 0:
        return min(allowed, key=lambda near: abs(near - note))
    for direction in (move, -move):
        ahead = [near for near in allowed if (near - note) * direction > 0]
        if ahead:
            return min(ahead, key=lambda near: abs(near - note))
    return note


class Player:
    """Plays sections onto mixing buses; :meth:`mixdown` gives the whole."""

    def __init__(
        self, tempo: float, meter: int, rate: int, seed: int, swing: float, bars: int
    ) -> None:
        self._step = 15.0 / tempo
        self._steps = 4 * meter
        self._meter = meter
        self._rate = rate
        self._swing = swing
        self._bars = bars
        self._seed = seed
        size = round(bars * self._steps * self._step * rate)
        self._drums = np.zeros((2, size), dtype=np.float32)
        self._bass = np.zeros((2, size), dtype=np.float32)
        self._music = np.zeros((2, size), dtype=np.float32)
        self._sung = np.zeros((2, size), dtype=np.float32)  # pluck and lead: they get the echo
        self._kicks: list[float] = []
        self._made: dict[tuple[object, ...], Sound] = {}
        draw = self._random(1)
        self._rhythm = _RHYTHMS[int(draw.integers(len(_RHYTHMS)))]
        self._figure = _FIGURES[int(draw.integers(len(_FIGURES)))]
        self._contour = draw.choice([-1, -1, 0, 1, 1], size=16)
        self._note = 74
        self._touch = draw.uniform(0.85, 1.0, size=256)
        noise = self._random(2)
        self._kick = instruments.kick(rate)
        self._snare = instruments.snare(rate, noise)
        self._clap = instruments.clap(rate, noise)
        # Several hats: the same noise over and over would sound like a machine gun.
        self._hats = [instruments.hat(rate, noise, seconds=0.028) for _ in range(4)]
        self._open_hat = instruments.hat(rate, noise, seconds=0.13)
        self._crash = instruments.crash(rate, noise)

    def play(self, label: str, first: int, harmony: Sequence[Bar], following: str | None) -> None:
        """Play a section.

        Parameters
        ----------
        label : str
            Chooses the arrangement; unknown labels are played as a verse.
        first : int
            The section's first bar, counted from 0.
        harmony : sequence of (chord, scale)
            One per bar, pitch classes.
        following : str or None
            The next section's label, or None for the last.
        """
        part = PARTS.get(label, PARTS["verse"])
        grows = following == "chorus" and label != "chorus"
        if label == "chorus":
            self._add(self._drums, self._crash, first * self._steps, 0.34)
        if grows:
            length = self._steps * self._step
            sweep = instruments.riser(self._rate, self._random(3), seconds=length)
            self._add(self._music, sweep, (first + len(harmony) - 1) * self._steps, 0.14)
        for index, (tones, scale) in enumerate(harmony):
            bar = first + index
            way = (index + 1) / len(harmony)
            final = following is None and index == len(harmony) - 1
            self._play_pad(part, bar, tones, way)
            if part.bass:
                self._play_bass(part, bar, tones, final)
            if part.pluck:
                self._play_pluck(part, bar, tones, final)
            if part.lead:
                self._play_lead(part, bar, index, tones, scale)
            if not final:
                fill = index == len(harmony) - 1 and following is not None
                self._play_drums(part, bar, fill)

    def mixdown(self) -> Sound:
        """Mix: ducking under the kick, echo, hall, soft clipping, a fade at the end. [2, n]."""
        rate = self._rate
        duck = self._ducking(0.55)
        sung = self._sung + instruments.echo(
            self._sung, rate, seconds=3 * self._step, feedback=0.42
        )
        music = self._music * duck + sung * (0.45 + 0.55 * duck)
        hall = instruments.reverb(
            0.9 * self._music + sung + 0.14 * self._drums, rate, self._random(4)
        )
        mix = self._drums + self._bass * self._ducking(0.7) + music + 0.5 * hall * duck
        # tanh keeps the peaks under 1 and warms what comes near; the makeup keeps quiet parts.
        mix = np.float32(0.94) * np.tanh(mix)
        fade = min(round(self._steps * self._step * rate), mix.shape[1])
        ramp = np.cos(np.linspace(0.0, 0.5 * np.pi, fade, dtype=np.float32)) ** 2
        mix[:, -fade:] *= ramp
        return np.ascontiguousarray(mix, dtype=np.float32)

    def _random(self, purpose: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self._seed, purpose]))

    def _once(self, make: Callable[..., Sound], *key: object, **settings: object) -> Sound:
        """Make each distinct note once; songs repeat themselves."""
        known = (make.__name__, *key, *sorted(settings.items()))
        if known not in self._made:
            self._made[known] = partial(make, self._rate)(*key, **settings)
        return self._made[known]

    def _seconds_at(self, step: float) -> float:
        late = self._swing if step % 2 == 1 else 0.0
        return (step + late) * self._step

    def _add(self, bus: Sound, sound: Sound, step: float, level: float, pan: float = 0.0) -> None:
        """Add a sound at a step of the song; ``pan`` from -1 (left) to 1."""
        at = round(self._seconds_at(step) * self._rate)
        room = bus[:, at : at + sound.shape[-1]]
        if room.shape[1]:
            sides = np.array([[1.0 - max(0.0, pan)], [1.0 + min(0.0, pan)]], dtype=np.float32)
            room += np.float32(level) * sides * np.atleast_2d(sound)[:, : room.shape[1]]

    def _play_pad(self, part: Part, bar: int, tones: tuple[int, ...], way: float) -> None:
        # The nearest inversion between G3 and F#4, and the root an octave below: chords change
        # with the least movement.
        notes = sorted(_above(55, tone) for tone in tones)
        pitches = tuple(_hertz(note) for note in (_above(43, tones[0]), *notes))
        length = self._steps * self._step
        cutoff = part.pad_cutoff * (0.5 + 0.5 * round(way * 4) / 4)
        sound = self._once(instruments.pad, pitches, seconds=length + 0.15, cutoff=cutoff)
        self._add(self._music, sound, bar * self._steps, part.pad)

    def _play_bass(self, part: Part, bar: int, tones: tuple[int, ...], final: bool) -> None:
        low = _above(33, tones[0])
        fifth = _above(low, tones[2])
        style = "long" if final else part.bass_style
        if style == "long":
            notes = [(0, self._steps, low)]
        elif style == "groove":
            turn = [(0, 3, low), (3, 3, low), (6, 2, low + 12), (8, 3, low), (11, 3, low)]
            notes = [*turn, (14, 2, fifth)]
        else:
            notes = [(s, 2, low + 12 * (s % 4 == 2)) for s in range(0, self._steps, 2)]
        for step, steps, note in notes:
            if step < self._steps:
                steps = min(steps, self._steps - step)
                sound = self._once(
                    instruments.bass,
                    _hertz(note),
                    seconds=0.92 * steps * self._step,
                    cutoff=1_500.0 if style == "drive" else 800.0,
                )
                level = part.bass * (1.0 if step % 4 == 0 else 0.85)
                self._add(self._bass, sound, bar * self._steps + step, level)

    def _play_pluck(self, part: Part, bar: int, tones: tuple[int, ...], final: bool) -> None:
        base = sorted(_above(67, tone) for tone in tones)
        ladder = [*base, *(note + 12 for note in base)]
        every = part.pluck_every
        for index, step in enumerate(range(0, 1 if final else self._steps, every)):
            note = ladder[self._figure[index % len(self._figure)]]
            cutoff = 1_500.0 + 1.1 * part.pad_cutoff
            sound = self._once(instruments.pluck, _hertz(note), seconds=0.9, cutoff=cutoff)
            accent = 1.0 if step % 4 == 0 else 0.62
            level = part.pluck * accent * self._touch[(bar * 7 + step) % 256]
            side = 0.35 if index % 2 else -0.35
            self._add(self._sung, sound, bar * self._steps + step, float(level), side)

    def _play_lead(
        self, part: Part, bar: int, index: int, tones: tuple[int, ...], scale: tuple[int, ...]
    ) -> None:
        """Sing one bar of a two-bar rhythm: chord tones on the beat and held, the scale between."""
        half = (index % 2) * 16
        chord = [note for note in range(69, 87) if note % 12 in tones]
        ladder = [note for note in range(69, 87) if note % 12 in scale]
        if index % 4 == 0:  # a phrase starts low, its answer higher
            target = 79 if index % 8 else 74
            self._note = min(chord, key=lambda note: abs(note - target))
        # Every four bars the same contour: a tune is what comes back.
        cursor = (index % 4 // 2) * 8
        for order, (step, length) in enumerate(self._rhythm):
            if not half <= step < half + min(16, self._steps):
                continue
            move = int(self._contour[cursor + order])
            self._note = _stepped(
                self._note, move, chord if step % 4 == 0 or length >= 4 else ladder
            )
            length = min(length, self._steps - (step - half))
            sound = self._once(
                instruments.lead,
                _hertz(self._note),
                seconds=0.96 * length * self._step,
                cutoff=4_000.0 if part.lead > 0.4 else 1_500.0,
            )
            self._add(self._sung, sound, bar * self._steps + step - half, part.lead)

    def _play_drums(self, part: Part, bar: int, fill: bool) -> None:
        start = bar * self._steps
        filled = self._steps - 4 if fill and part.kick in {"groove", "four"} else self._steps
        for step in self._kick_steps(part.kick):
            if step < filled:
                self._add(self._drums, self._kick, start + step, 0.62)
                self._kicks.append(self._seconds_at(start + step))
        if part.snare:
            for beat in range(1, self._meter, 2):
                if beat * 4 < filled:
                    self._add(self._drums, self._snare, start + beat * 4, part.snare)
                    if part.clap:
                        self._add(self._drums, self._clap, start + beat * 4, 0.45)
            if part.clap and filled > 7:
                self._add(self._drums, self._snare, start + 7, 0.16)  # a ghost note
        if part.hat:
            for step in range(0, self._steps, part.hat_every):
                accent = {0: 0.8, 2: 1.0}.get(step % 4, 0.5)
                level = part.hat * accent * self._touch[(bar * 5 + step) % 256]
                hat = self._hats[step % len(self._hats)]
                self._add(self._drums, hat, start + step, float(level), 0.25)
            if part.hat_every == 1:
                for step in range(2, self._steps, 4):
                    self._add(self._drums, self._open_hat, start + step, 0.9 * part.hat, 0.25)
        if filled < self._steps:
            for index in range(4):
                level = 0.35 + 0.12 * index
                self._add(self._drums, self._snare, start + filled + index, 0.6 * level)
                pitch = (210.0, 180.0, 140.0, 105.0)[index]
                drum = self._once(instruments.tom, pitch)
                self._add(self._drums, drum, start + filled + index, level, 0.5 - 0.33 * index)

    def _kick_steps(self, style: str) -> tuple[int, ...]:
        if style == "four":
            return tuple(range(0, self._steps, 4))
        if style == "sparse":
            return (0,)
        if style == "groove":
            return tuple(step for step in (0, 6, 8, 14) if step < self._steps - 1)
        return ()

    def _ducking(self, depth: float) -> Sound:
        """Gain [n] that dips at every kick and recovers in a quarter of a second."""
        gain = np.ones(self._drums.shape[1], dtype=np.float32)
        t = np.arange(round(0.4 * self._rate), dtype=np.float32) / np.float32(self._rate)
        dip = 1.0 - depth * np.exp(-((t / 0.13) ** 2)) * (1.0 - np.exp(-t / 0.004))
        for kick in self._kicks:
            room = gain[round(kick * self._rate) :][: t.size]
            np.minimum(room, dip[: room.size].astype(np.float32), out=room)
        return gain
