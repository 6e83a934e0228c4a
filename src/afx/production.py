"""A render from start to finish: listen, compose, rehearse, render, join.

Everything it does is decided by a :class:`~afx.job.Job`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from afx.compose import Controls, compose
from afx.device import painters_at_once, painters_for, versions
from afx.director import Director
from afx.internal import Choice, choose_internal
from afx.job import Job, embedded, user_errors
from afx.rehearsal import Concern, normalize, rehearse
from afx.render import (
    Workplace,
    fingerprint,
    frames_per_segment,
    render_frames,
    render_segments,
)
from afx.safety import FlashReport, FlashScreen
from afx.stems import listen_to_stems
from afx.video import (
    FrameSequence,
    Sound,
    VideoFormat,
    join,
    sound_rate,
    write_png,
)
from music_analysis.audio import Audio, load
from music_analysis.errors import UserError
from music_analysis.features import Features
from music_analysis.listening import Heard, listen

Stage = Literal["listening", "composing", "rehearsing", "rendering", "joining"]
OnProgress = Callable[[Stage, int, int], None]
"""Told the stage, how much of it is done, and of how much."""

MARGIN_SECONDS = 10.0
"""The limiter looks this far around an excerpt, so that its ends are as in the whole (but where a
long stretch that flashes is dimmed only in part)."""


@dataclass(frozen=True)
class Result:
    """What a render came to.

    Attributes
    ----------
    output : Path
        The file or folder made.
    job : Job
    frames : int
    seconds : float
        Length of the video.
    took : dict of str to float
        Wall-clock seconds of each stage.
    scenes : list of dict
        Looks used: ``look``, ``title``, ``start``, ``end``, ``why``, ``internal`` (2: forms are
        made at half the size) and ``psnr`` (how near they come to full ones in dB, if measured).
    tempo : float or None
    tempo_confidence : float
    flashes : FlashReport
    concerns : list of Concern
    kept : int
        Frames that an earlier, interrupted render had left.
    """

    output: Path
    job: Job
    frames: int
    seconds: float
    took: dict[str, float]
    scenes: list[dict[str, object]]
    tempo: float | None
    tempo_confidence: float
    flashes: FlashReport
    concerns: list[Concern] = field(default_factory=list)
    kept: int = 0

    @property
    def total(self) -> float:
        """Wall-clock seconds of everything."""
        return sum(self.took.values())


def available_threads() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Piece:
    """A song listened to and composed: ready for any of its frames."""

    job: Job
    audio: Audio
    features: Features
    controls: Controls
    director: Director
    frames: tuple[int, int]
    choices: list[Choice]


def prepare(job: Job, on_progress: OnProgress, took: dict[str, float] | None = None) -> Piece:
    """Listen to a job's song and compose it.

    Raises
    ------
    UserError
        If the song is too short for the range, or holds no sound.
    """
    clock = _Clock(took if took is not None else {})
    audio = load(job.song)
    fps = job.rate
    with clock("listening"):
        on_progress("listening", 0, 100)
        heard = listen(
            audio, fps, progress=lambda share: on_progress("listening", int(80 * share), 100)
        )
        features = heard.features
        on_progress("listening", 100, 100)
    if job.start >= features.duration:
        raise UserError(
            f"--start {job.start:g} is past the end: {audio.path.name} lasts"
            f" {features.duration:.1f} seconds"
        )
    # The nearest frame, as for a still.
    first = min(int(Fraction(job.start) * fps + Fraction(1, 2)), features.frames - 1)
    last = features.frames
    if job.duration is not None:
        last = min(last, first + max(1, int(Fraction(job.duration) * fps + Fraction(1, 2))))
    with clock("composing"):
        on_progress("composing", 0, 1)
        looks = job.parsed_looks()
        controls = compose(
            features,
            looks[0] if len(looks) == 1 else looks,
            seed=job.seed,
            reactivity=job.reactivity,
            **listened(job, heard),
        )
        director = Director(controls, aspect=job.size[0] / job.size[1])
        painters = painters_for(job.device, job.precision)
        around = _around((first, last), job, controls.frames)
        normalize(director, *job.size, frames=around, painters=painters)
        choices = choose_internal(director, *job.size, wanted=job.internal, frames=around)
        on_progress("composing", 1, 1)
    return Piece(job, audio, features, controls, director, (first, last), choices)


def listened(job: Job, heard: Heard) -> dict[str, Any]:
    """Return what `compose` is told beyond features, looks, seed and reactivity.

    Raises
    ------
    UserError
        If a stem cannot be used.
    """
    return {
        "analysis": heard.analysis,
        "temperament": job.temperament,
        "stems": listen_to_stems(job, heard.features),
        "macros": job.macros,
        "timeline": job.timeline,
    }


class _Clock:
    def __init__(self, took: dict[str, float]) -> None:
        self.took = took

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.took[stage] = self.took.get(stage, 0.0) + time.perf_counter() - start


def _identity(settings: Mapping[str, Any]) -> str:
    """Return the fingerprint of a render: its settings, and what else decides its bits.

    Where the song lies does not: it is known by its hash.
    """
    decisive = {name: value for name, value in settings.items() if name != "song"}
    libraries = {name: version(name) for name in ("av", "numpy", "scipy", "soxr", "llvmlite")}
    libraries |= versions(settings["device"])
    return fingerprint({**decisive, "segment": frames_per_segment(30.0), **libraries})


def _around(span: tuple[int, int], job: Job, frames: int) -> tuple[int, int]:
    """Return the frames that are rehearsed for the frames `span`."""
    margin = int(MARGIN_SECONDS * job.rate)
    return max(0, span[0] - margin), min(frames, span[1] + margin)


def _rehearse(
    piece: Piece, span: tuple[int, int], on_progress: OnProgress, threads: int
) -> list[Concern]:
    around = _around(span, piece.job, piece.controls.frames)

    def report(done: int, total: int) -> None:
        on_progress("rehearsing", done, total)

    return rehearse(
        piece.director,
        *piece.job.size,
        safety=piece.job.safety,
        frames=around,
        progress=report,
        painters=painters_for(piece.job.device, piece.job.precision),
        threads=threads,
    )


def _broken_off(piece: Piece) -> list[Concern]:
    """Say so if a file holds less sound than it promises: it is cut off or damaged."""
    promised, found = piece.audio.duration, piece.features.duration
    if found >= 0.95 * promised - 1.0:
        return []
    return [Concern(found, promised, "", "the file breaks off here, and the video ends")]


def _silent(_stage: Stage, _done: int, _total: int) -> None:
    return


def render(
    job: Job,
    output: str | Path,
    *,
    frames: bool = False,
    threads: int | None = None,
    on_progress: OnProgress = _silent,
) -> Result:
    """Carry out a job.

    Parameters
    ----------
    job : Job
    output : path
        The MP4, or with `frames` the folder of PNG pictures.
    frames : bool
        Write pictures instead of a video.
    threads : int, optional
        Painters; the machine's cores if not given. Pixels do not depend on it.
    on_progress : callable

    Raises
    ------
    UserError
        For everything a person can mend; an interrupted video goes on when rendered again.
    """
    output = Path(output)
    if output.exists() and output.samefile(job.song):
        raise UserError(f"{output} is the song itself: choose another output with -o")
    if not frames and output.is_dir():
        raise UserError(f"{output} is a folder: name a file, such as {output / 'video.mp4'}")
    if not frames and output.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        raise UserError(
            f"{output}: videos are MP4 files, name it {output.with_suffix('.mp4').name}"
        )
    threads = painters_at_once(job.device, threads or available_threads())
    new_folder = frames and not output.exists()
    settings = embedded(job)
    took: dict[str, float] = {}
    clock = _Clock(took)
    with user_errors():
        width, height = job.size
        fmt = VideoFormat(width, height, job.rate, job.codec, job.quality, job.encoder)
        # The output is tried before minutes of work.
        workplace = None if frames else Workplace(output, _identity(settings))
        try:
            sequence = FrameSequence(output, settings) if frames else None
            piece = prepare(job, on_progress, took)
            first, last = piece.frames
            with clock("rehearsing"):
                concerns = _broken_off(piece) + _rehearse(piece, piece.frames, on_progress, threads)
            screen = FlashScreen(job.rate)
            count = _Count(on_progress, last - first)
            painters = painters_for(job.device, job.precision)
            with clock("rendering"):
                on_progress("rendering", 0, last - first)
                if sequence is not None:
                    render_frames(
                        piece.director, width, height, sequence, piece.frames,
                        threads=threads, screen=screen, on_frame=count,
                        painters=painters,
                    )  # fmt: skip
                else:
                    assert workplace is not None
                    segments = render_segments(
                        piece.director, fmt, workplace, piece.frames,
                        threads=threads, screen=screen, on_frame=count,
                        painters=painters,
                    )  # fmt: skip
            if workplace is not None:
                with clock("joining"):
                    on_progress("joining", 0, 1)
                    join(
                        segments,
                        output,
                        fmt,
                        sound=_sound(piece),
                        settings=settings,
                        title=piece.audio.title,
                        artist=piece.audio.artist,
                    )
                    on_progress("joining", 1, 1)
                workplace.clear()
        except BaseException:
            if new_folder:  # a sequence is not resumed: a part of one is of no use
                with suppress(OSError):
                    _remove_beyond(output, 0)
                    output.rmdir()
            raise
        finally:
            if workplace is not None:
                workplace.leave()
    if frames:
        _remove_beyond(output, last - first)
    return Result(
        output=output,
        job=job,
        frames=last - first,
        seconds=float((last - first) / job.rate),
        took=took,
        scenes=_scenes(piece),
        tempo=piece.features.beats.bpm,
        tempo_confidence=piece.features.beats.confidence,
        flashes=screen.result(),
        concerns=concerns,
        kept=count.kept,
    )


def _remove_beyond(folder: Path, frames: int) -> None:
    """Remove a sequence's pictures from number `frames` on."""
    kept = {FrameSequence.name(folder, index) for index in range(frames)}
    for old in folder.glob("frame_*.png"):
        if re.fullmatch(r"frame_\d{6}\.png", old.name) and old not in kept:
            old.unlink()


class _Count:
    """Adds up finished frames; those of a kept segment come all at once."""

    def __init__(self, on_progress: OnProgress, total: int) -> None:
        self.done, self.kept, self.total, self.tell = 0, 0, total, on_progress

    def __call__(self, frames: int) -> None:
        self.done += frames
        self.kept += frames if frames > 1 else 0
        self.tell("rendering", self.done, self.total)


def _sound(piece: Piece) -> Sound:
    rate = sound_rate(piece.audio.sample_rate)
    channels = min(2, piece.audio.channels)
    first, last = piece.frames
    fps = piece.job.rate
    blocks = piece.audio.blocks(
        sample_rate=rate,
        channels=channels,
        start=float(first / fps),
        duration=float((last - first) / fps),
    )
    return Sound(rate, channels, blocks)


def _scenes(piece: Piece) -> list[dict[str, object]]:
    """Return the timeline cut to what was rendered, in the video's own seconds."""
    fps = float(piece.job.rate)
    begin, end = (f / fps for f in piece.frames)
    found = []
    for entry, choice in zip(piece.controls.plan(), piece.choices, strict=True):
        start, stop = float(str(entry["start"])), float(str(entry["end"]))
        if stop > begin and start < end:
            found.append(
                {**entry, "start": max(start, begin) - begin, "end": min(stop, end) - begin}
                | {"internal": choice.factor, "psnr": choice.psnr}
            )
    return found


def still(
    job: Job, at: float, output: str | Path | None = None, *, on_progress: OnProgress = _silent
) -> Any:
    """Make the frame that is shown at a moment of the song; write it as PNG if `output` is given.

    Returns
    -------
    uint8 array [height, width, 3]
        Display RGB.

    Raises
    ------
    UserError
        If there is no such moment or the file cannot be written.
    """
    if output is not None:
        try:  # before the work, not after it
            Path(output).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write {output}: {error.strerror or error}") from error
    piece = prepare(job, on_progress)
    if not 0 <= at < piece.features.duration:
        raise UserError(
            f"--at {at:g} is outside the song: it lasts {piece.features.duration:.1f} seconds"
        )
    frame = min(int(Fraction(at) * job.rate + Fraction(1, 2)), piece.controls.frames - 1)
    threads = painters_at_once(job.device, available_threads())
    _rehearse(piece, (frame, frame + 1), on_progress, threads)
    painter = painters_for(job.device, job.precision)(*job.size)
    rgb = painter.rgb(piece.director.picture(frame))
    if output is not None:
        with user_errors():
            write_png(output, rgb, embedded(job))
    return rgb
