"""The judgment of one video: read it, hear it, compare.

Knows the order of things; what is measured is in the modules that it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from afx.judge import ablation, beats, matrices, structure, why
from afx.judge.activity import STILL
from afx.judge.beats import Strokes
from afx.judge.diversity import invention, vendi
from afx.judge.hearing import SURE, Heard, hear
from afx.judge.matrices import Shared
from afx.judge.motion import Motion, judge_motion
from afx.judge.reactivity import ENVELOPE_DELAY, ONSET_DELAY, Link, hits_link, link, slow_link
from afx.judge.reading import SHORTEST, Film, look_into
from afx.judge.viewing import LOOKS, Viewed, view
from music_analysis.errors import UserError

Floats = NDArray[np.float64]
Stage = Literal["watching", "listening", "comparing"]
OnProgress = Callable[[Stage, int, int], None]

SHORT_SONG = 0.5
"""Seconds by which a song may be shorter than its video."""
TOUCH = 0.5
"""Seconds of a section that are too few to count."""
EVERY = 2.0
"""Seconds between the pictures whose variety is measured."""


@dataclass(frozen=True)
class Judgment:
    """All that was found.

    Attributes
    ----------
    film : Film
    viewed : Viewed
    heard : Heard
    own_sound : bool
        Whether the video's own sound was heard.
    hits : Link
        Motion against percussive hits: the main measure.
    flux, kicks, swell : Link
        Rises of motion against hits, motion against low hits and against loudness.
    slow : float
        Loudness against motion, over seconds.
    beats : Beats or None
        None where the tempo is not sure.
    strokes : Strokes
        Onsets against movements.
    shared : Shared
        All that is heard against all that is seen, over half seconds.
    form : Form
    parts : tuple of Part
    control : Control or None
    loud : float or None
        Motion while loud over motion while quiet.
    silence : Silence or None
    motion : Motion
    vendi, invention : float
    why : Why or None
    why_not : str
        If there is no `why`: one line.
    """

    film: Film
    viewed: Viewed
    heard: Heard
    own_sound: bool
    hits: Link
    flux: Link
    kicks: Link
    swell: Link
    slow: float
    beats: beats.Beats | None
    strokes: Strokes
    shared: Shared
    form: structure.Form
    parts: tuple[structure.Part, ...]
    control: ablation.Control | None
    loud: float | None
    silence: ablation.Silence | None
    motion: Motion
    vendi: float
    invention: float
    why: why.Why | None
    why_not: str


def _silent(_stage: Stage, _done: int, _total: int) -> None:
    return


def judge(
    video: str | Path,
    song: str | Path | None = None,
    control: str | Path | None = None,
    *,
    again: why.Recomposed | None = None,
    on_progress: OnProgress = _silent,
) -> Judgment:
    """Judge how well a video's picture follows its sound.

    Parameters
    ----------
    video : path
        Any video file.
    song : path, optional
        Sound to judge it by, from its beginning (or from where a video of ours begins in it); the
        video's own sound if not given.
    control : path, optional
        Another song, that the picture should not follow.
    again : Recomposed, optional
        What a video of ours was made of, where that is known, for telling why it moved.

    Raises
    ------
    UserError
        If a file cannot be used; one line that says why.
    """
    video = Path(video)
    film = look_into(video)
    if song is None and not film.sound:
        raise UserError(f"{video}: has no sound; say with --song what it was made for")
    heard = _heard(film, Path(song) if song is not None else None, on_progress)
    other = None if control is None else _other(film, Path(control))
    viewed = view(film, lambda done, total: on_progress("watching", done, total))
    on_progress("comparing", 0, 1)
    explained, why_not = (why.told_of(again), "") if again is not None else _explained(video, song)
    moved, rate = viewed.activity.change, float(film.rate)
    # The first slot has nothing before it: what it would say is the second's.
    moved = np.concatenate([moved[1:2], moved[1:]])
    moved = np.where(moved < STILL, 0.0, moved)
    own = hits_link(heard.hits, heard.onsets, moved, rate)
    parts = _parts(heard, film.duration)
    form = heard.analysis.structure
    sounds = heard.each(LOOKS, len(viewed.vectors))
    judgment = Judgment(
        film=film,
        viewed=viewed,
        heard=heard,
        own_sound=song is None,
        hits=own,
        flux=hits_link(heard.hits, heard.onsets, viewed.activity.flux, rate),
        kicks=link(heard.kicks, moved, rate, delay=ENVELOPE_DELAY, purpose="kicks"),
        swell=link(heard.amplitude, moved, rate, purpose="swell"),
        slow=slow_link(heard.amplitude, moved, rate),
        beats=_beats(heard, moved, film),
        strokes=beats.strokes(heard.onsets, moved, rate, delay=ONSET_DELAY),
        shared=matrices.shared(matrices.scaled(sounds), _all_seen(viewed, rate)),
        form=structure.compare(viewed.vectors, LOOKS, parts, form.bar_times - heard.shift, sounds),
        parts=parts,
        control=None if other is None else ablation.control(own, heard, other, moved),
        loud=ablation.loud_to_quiet(moved, heard.loudness, rate),
        silence=ablation.silence(moved, heard.loudness, rate),
        motion=judge_motion(
            viewed.activity,
            rate,
            heard.loudness,
            heard.hits,
            viewed.banding,
            None if explained is None else explained.cuts,
        ),
        vendi=vendi(viewed.vectors[:: round(EVERY / LOOKS)]),
        invention=invention(viewed.vectors[:: round(EVERY / LOOKS)]),
        why=explained,
        why_not=why_not,
    )
    on_progress("comparing", 1, 1)
    return judgment


def _heard(film: Film, song: Path | None, on_progress: OnProgress) -> Heard:
    def progress(share: float) -> None:
        on_progress("listening", int(100 * share), 100)

    if song is None:
        heard = hear(film.path, film.rate, film.slots, -film.sound_start, progress)
        if heard.duration < SHORTEST:
            raise UserError(
                f"{film.path}: has only {max(0.0, heard.duration):.1f} seconds of sound;"
                " say with --song what it was made for"
            )
        return heard
    heard = hear(song, film.rate, film.slots, why.begins_at(film.path, song), progress)
    if heard.duration < film.duration - SHORT_SONG:
        raise UserError(
            f"{song}: has {heard.duration:.1f} seconds of sound for a video of"
            f" {film.duration:.1f}: name the whole song"
        )
    return heard


def _other(film: Film, control: Path) -> Heard:
    heard = hear(control, film.rate, film.slots, 0.0)
    if heard.duration < film.duration - SHORT_SONG:
        raise UserError(
            f"{control}: has {heard.duration:.1f} seconds of sound for a video of"
            f" {film.duration:.1f}: choose a longer song as a control"
        )
    return heard


def _all_seen(viewed: Viewed, rate: float) -> Floats:
    """Return what a picture looks like and how it moves, at the times of the vectors."""
    a, n = viewed.activity, len(viewed.vectors)
    starts = np.minimum((np.arange(n) * LOOKS * rate).astype(int), len(a.change) - 1)
    sizes = np.maximum(np.diff(np.append(starts, len(a.change))), 1)
    curves = np.stack([a.change, a.flux, a.mean, a.contrast], axis=1)
    moving = np.add.reduceat(curves, starts, axis=0) / sizes[:, None]
    return matrices.balanced(viewed.vectors, matrices.scaled(moving))


def _beats(heard: Heard, moved: Floats, film: Film) -> beats.Beats | None:
    if heard.analysis.tempo.beat_confidence < SURE or len(heard.beats) < 4:
        return None
    return beats.align(moved, heard.rate, heard.beats, seconds=film.duration)


def _parts(heard: Heard, duration: float) -> tuple[structure.Part, ...]:
    return tuple(
        structure.Part(
            max(0.0, s.start - heard.shift), min(duration, s.end - heard.shift), s.label, s.group
        )
        for s in heard.analysis.structure.sections
        # What only touches the ends of the video cannot be seen in it.
        if s.end - heard.shift > TOUCH and s.start - heard.shift < duration - TOUCH
    )


def _explained(video: Path, song: str | Path | None) -> tuple[why.Why | None, str]:
    if why.settings_of(video) is None:
        return None, "Why it moved can be told of our own videos only."
    try:
        return why.explain(video, None if song is None else Path(song)), ""
    except UserError as error:
        # The page may be sent to others: it names files, not folders.
        told = str(error).replace(str(video), video.name)
        return None, f"Why it moved cannot be told: {told}."
