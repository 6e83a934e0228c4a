"""Loops: so many bars of a song that play round and round without a seam.

In the last bar the picture goes over, field into field, to the bar that leads to the first frame
(or in the first bar from what follows the end, where nothing leads to it). Both are the song's own
frames at their own times, so whatever there is in them, clocks, knobs and memories, meets exactly:
the frame after the last would be the first. (But a memory that the song's scene before handed over
begins with nothing here, in every round.) Sound goes over in the same way, in an instant.

What is returned are Controls of three rounds, of which the second is shown: what looks around a
frame, such as the flash limiter, sees the seams on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from afx.compose import Controls, Scene
from afx.sources import SURE, Beats
from afx.transition import Transition
from music_analysis.audio import Audio
from music_analysis.errors import UserError

ROUNDS = 3
BAR_SECONDS = 2.0
"""Of a bar where the beat is not sure: four beats at 120 bpm."""
SHORTEST_SEAM = 0.25
"""Seconds."""
SOUND_SEAM = 0.03
"""Seconds: long enough not to click, too short to be heard."""


@dataclass(frozen=True)
class Loop:
    """A part of a song that is repeated.

    Attributes
    ----------
    bars : int
    first, frames : int
        It is frames [first, first + frames) of the song.
    seam : int
        Frames over which the end goes over into the beginning.
    before : bool
        They are the last ones, and go over to what comes before the first; else they are the first
        ones, and come from what follows the last.
    sure : bool
        Bars are the music's; else they are `BAR_SECONDS` long.
    """

    bars: int
    first: int
    frames: int
    seam: int
    before: bool
    sure: bool


def find_loop(beats: Beats, fps: Fraction, frames: int, start: float, bars: int) -> Loop:
    """Return the loop that begins at the bar nearest to `start`.

    Parameters
    ----------
    beats : Beats
        Of the song.
    fps : Fraction
    frames : int
        Of the song.
    start : float
        Seconds.
    bars : int
        From 1.

    Raises
    ------
    UserError
        If the song is too short.
    """
    sure = beats.bpm is not None and beats.confidence >= SURE and len(beats.downbeats) > 1
    edges = _edges(beats, frames / fps) if sure else _plain(start, frames / fps)
    index = int(np.argmin(np.abs(edges - start)))
    if sure and index == len(edges) - 1:  # the song's very end begins no bar
        index -= 1
    if index + bars >= len(edges):
        there = len(edges) - 1 - index
        raise UserError(
            f"--loop {bars}: from {edges[index]:.1f} s on the song has {there or 'no'}"
            f" bar{'' if there == 1 else 's'}{'' if sure else ' of 2 s (its beat is not sure)'}:"
            " use fewer, or an earlier --start"
        )
    first = min(_frame(edges[index], fps), frames - 1)
    length = min(_frame(edges[index + bars] - edges[index], fps), frames - first)
    last = first + length
    wanted = max(1, min(round(length / bars), length // 2))
    before, after = min(wanted, first), min(wanted, frames - last)
    seam = max(before, after)
    if seam < SHORTEST_SEAM * fps:
        raise UserError(
            f"--loop {bars}: that is the whole song, and nothing is left to go over into the"
            f" beginning: {f'use --loop {bars - 1}' if bars > 1 else 'it is too short for a loop'}"
        )
    return Loop(bars, first, length, seam, before >= after, sure)


def _frame(seconds: float, fps: Fraction) -> int:
    return int(np.floor(float(seconds) * float(fps) + 0.5))


def _edges(beats: Beats, duration: Fraction) -> NDArray[np.float64]:
    """Return where bars begin, carried on at both ends as far as the song goes."""
    found = np.asarray(beats.downbeats, np.float64)
    bar = float(np.median(np.diff(found)))
    slack = 0.1 * bar  # a last bar may end a little after the sound does
    early = np.arange(found[0] - bar, -slack, -bar)[::-1]
    late = np.arange(found[-1] + bar, float(duration) + slack, bar)
    edges: NDArray[np.float64] = np.concatenate([early, found, late])
    clipped: NDArray[np.float64] = np.clip(
        edges[edges <= float(duration) + slack], 0.0, float(duration)
    )
    return clipped


def _plain(start: float, duration: Fraction) -> NDArray[np.float64]:
    count = int((float(duration) - start) / BAR_SECONDS + 1e-6)
    return start + BAR_SECONDS * np.arange(count + 1, dtype=np.float64)


def looped(controls: Controls, loop: Loop) -> tuple[Controls, list[int]]:
    """Return Controls of `ROUNDS` rounds, and which of the song's scenes each scene is.

    Parameters
    ----------
    controls : Controls
        Of the whole song, with a reach of at least ``loop.seam``.
    loop : Loop
    """
    begin, length = loop.first, loop.frames
    a, b = _shown(controls, loop)
    scenes: list[Scene] = []
    shots, origins = [], []
    transitions: list[Transition] = []
    for lap in range(ROUNDS):
        shift = lap * length - begin
        for index in range(a, b + 1):
            scene = controls.scenes[index]
            first, last = scene.first + shift, scene.last + shift
            if index == a:
                seam = lap * length - (loop.seam if loop.before else 0)
                first = seam + 1 if lap else 0
                change = Transition("blend", seam, seam + loop.seam)
            else:
                old = controls.transitions[index - 1]
                change = replace(
                    old,
                    begin=max(old.begin, begin) + shift,
                    end=min(old.end, begin + length) + shift,
                )
                first = max(first, lap * length + 1)
            if index == b:
                last = (lap + 1) * length + (0 if loop.before else loop.seam)
            else:
                last = min(last, (lap + 1) * length)
            if scenes:
                transitions.append(change)
            scenes.append(_moved(scene, first, min(last, ROUNDS * length), shift, whole=index == a))
            origins.append(index)
            if controls.shots:
                shot, fps = controls.shots[index], float(controls.fps)
                start = lap * length / fps if index == a else shot.start + shift / fps
                end = (lap + 1) * length / fps if index == b else shot.end + shift / fps
                shots.append(replace(shot, start=start, end=end))
    made = Controls(
        controls.fps, ROUNDS * length, tuple(scenes), tuple(shots), tuple(transitions),
        temperament=controls.temperament,
    )  # fmt: skip
    return made, origins


def _shown(controls: Controls, loop: Loop) -> tuple[int, int]:
    """Return the first and the last scene of a loop, those left out that would meet its seam."""

    def strongest(frame: int) -> int:
        return max(controls.at(frame), key=lambda visible: visible[1])[0]

    a, b = strongest(loop.first), strongest(loop.first + loop.frames - 1)
    changes = controls.transitions
    if loop.before:
        while b > a and changes[b - 1].end > loop.first + loop.frames - loop.seam:
            b -= 1
    else:
        while a < b and changes[a].begin < loop.first + loop.seam:
            a += 1
    return a, b


def _moved(scene: Scene, first: int, last: int, shift: int, *, whole: bool) -> Scene:
    """Return a scene seen in frames [first, last) of the loop; its memory begins where it did."""
    values, lead = scene.values, scene.row(first - shift)
    if not whole:  # only what comes round again needs rows from before it was seen
        values, lead = values[scene.lead :], lead - scene.lead
    return replace(scene, first=first, last=last, values=values, lead=lead)


def loop_sound(
    audio: Audio, rate: int, channels: int, loop: Loop, fps: Fraction
) -> Iterator[NDArray[np.float32]]:
    """Yield a loop's sound, float32 [channels, n]: as many samples as its frames last.

    The end goes over into what leads to the beginning, so that it does not click where it begins
    anew (or, at a song's start, the beginning comes out of what follows the end).
    """
    first = int(Fraction(loop.first * rate) / fps + Fraction(1, 2))
    count = int(Fraction(loop.frames * rate) / fps + Fraction(1, 2))
    seam = min(int(SOUND_SEAM * rate), count // 2)
    before = first >= seam

    def part(begin: int, samples: int) -> Iterator[NDArray[np.float32]]:
        return audio.blocks(
            sample_rate=rate, channels=channels, start=begin / rate, duration=samples / rate
        )

    other = _exactly(part(first - seam if before else first + count, seam), channels, seam)
    if before:
        yield from _some(part(first, count - seam), channels, count - seam)
        end = _exactly(part(first + count - seam, seam), channels, seam)
        yield over(end, other)
    else:
        yield over(other, _exactly(part(first, seam), channels, seam))
        yield from _some(part(first + seam, count - seam), channels, count - seam)


def over(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one sound going over into another of the same length, equally loud all the way.

    With equal powers, and less so the more alike they are: the same sound would swell by 3 dB.
    """
    turn = 0.5 * np.pi * (np.arange(old.shape[-1]) + 0.5) / old.shape[-1]
    out, into = np.cos(turn), np.sin(turn)
    powers = float(np.sqrt(np.sum(old.astype(float) ** 2) * np.sum(new.astype(float) ** 2)))
    alike = float(np.sum(old.astype(float) * new)) / powers if powers > 0 else 0.0
    level = 1.0 / np.sqrt(1.0 + 2.0 * max(alike, 0.0) * out * into)
    return np.asarray((old * out + new * into) * level, np.float32)


def _some(
    blocks: Iterator[NDArray[np.float32]], channels: int, samples: int
) -> Iterator[NDArray[np.float32]]:
    """Yield blocks, and silence where there are too few."""
    missing = samples
    for block in blocks:
        missing -= block.shape[1]
        yield block
    if missing > 0:
        yield np.zeros((channels, missing), np.float32)


def _exactly(
    blocks: Iterator[NDArray[np.float32]], channels: int, samples: int
) -> NDArray[np.float32]:
    return np.concatenate(list(_some(blocks, channels, samples)), axis=1)[:, :samples]
