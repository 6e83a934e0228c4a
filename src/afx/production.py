"""A render from start to finish: listen, compose, rehearse, render, join.

Everything it does is decided by a :class:`~afx.job.Job`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from afx.device import painters_at_once, painters_for, versions
from afx.job import Job, embedded, user_errors
from afx.loop import Loop, loop_sound
from afx.piece import Clock, OnProgress, Piece, Stage, frames_around, prepare
from afx.rehearsal import Concern, rehearse
from afx.render import (
    Workplace,
    fingerprint,
    frames_per_segment,
    render_frames,
    render_segments,
)
from afx.safety import FlashReport, FlashScreen
from afx.timeline_file import timeline_path, write_timeline
from afx.timeline_format import timeline_text
from afx.video import (
    FrameSequence,
    Sound,
    VideoFormat,
    join,
    sound_rate,
    write_png,
)
from music_analysis.errors import UserError


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
    loop : Loop or None
        What is repeated, if the video is a loop.
    notes : list of str
        What else a person may want to know.
    timeline : Path or None
        The file that says what is shown when, for people to edit.
    temperament : str
        How the music took hold.
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
    loop: Loop | None = None
    notes: list[str] = field(default_factory=list)
    timeline: Path | None = None
    temperament: str = "groove"

    @property
    def total(self) -> float:
        """Wall-clock seconds of everything."""
        return sum(self.took.values())


def available_threads() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _identity(settings: Mapping[str, Any]) -> str:
    """Return the fingerprint of a render: its settings, and what else decides its bits.

    Where the song and other files lie does not: they are known by their hashes.
    """
    decisive = _nameless({name: value for name, value in settings.items() if name != "song"})
    # Letters and logos are Pillow's; the font that letters have unless one is named, matplotlib's.
    names = ("av", "numpy", "scipy", "soxr", "llvmlite", "pillow", "matplotlib")
    libraries = {name: version(name) for name in names}
    libraries |= versions(settings["device"])
    return fingerprint({**decisive, "segment": frames_per_segment(30.0), **libraries})


def _nameless(value: Any) -> Any:
    """Return settings without the paths of attached files."""
    if isinstance(value, Mapping):
        attached = set(value) == {"path", "sha256"}
        return {k: _nameless(v) for k, v in value.items() if not (attached and k == "path")}
    return value


def _rehearse(
    piece: Piece, span: tuple[int, int], on_progress: OnProgress, threads: int
) -> list[Concern]:
    around = frames_around(span, piece.job, piece.controls.frames)

    def report(done: int, total: int) -> None:
        on_progress("rehearsing", done, total)

    concerns = rehearse(
        piece.director,
        *piece.job.size,
        safety=piece.job.safety,
        frames=around,
        progress=report,
        painters=painters_for(piece.job.device, piece.job.precision),
        threads=threads,
    )
    return concerns if piece.loop is None else _of_loop(piece, concerns)


def _of_loop(piece: Piece, concerns: list[Concern]) -> list[Concern]:
    """Return what concerns the round that is shown, in the song's seconds."""
    fps = float(piece.job.rate)
    begin, end = (frame / fps for frame in piece.frames)
    away = piece.moment(0)
    return [
        replace(c, start=max(c.start, begin) + away, end=min(c.end, end) + away)
        for c in concerns
        if c.start < end and c.end > begin
    ]


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
    clock = Clock(took)
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
            overlay = piece.overlay()
            with clock("rendering"):
                on_progress("rendering", 0, last - first)
                if sequence is not None:
                    render_frames(
                        piece.director, width, height, sequence, piece.frames,
                        threads=threads, screen=screen, on_frame=count,
                        painters=painters, overlay=overlay,
                    )  # fmt: skip
                else:
                    assert workplace is not None
                    segments = render_segments(
                        piece.director, fmt, workplace, piece.frames,
                        threads=threads, screen=screen, on_frame=count,
                        painters=painters, overlay=overlay,
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
    timeline, notes = _write_timeline(piece, timeline_path(output, frames=frames))
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
        loop=piece.loop,
        notes=piece.notes() + notes,
        timeline=timeline,
        temperament=piece.controls.temperament,
    )


def _write_timeline(piece: Piece, path: Path) -> tuple[Path | None, list[str]]:
    """Write the song's timeline; return where it is, and what a person may want to know."""
    text = timeline_text(piece.shots, Path(piece.job.song).name, path.name)
    written = write_timeline(path, text)
    if written.state == "failed":
        return None, [f"the timeline could not be written to {path.name} ({written.reason})"]
    if written.state == "kept" and piece.job.timeline is None:
        return path, [f"{path.name} was changed by hand: left as it is, use it with --timeline"]
    return path, []


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
    if piece.loop is not None:
        return Sound(rate, channels, loop_sound(piece.audio, rate, channels, piece.loop, fps))
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
    # A still is of the song, and no loop has it all.
    piece = prepare(job.model_copy(update={"loop": None}), on_progress)
    if not 0 <= at < piece.features.duration:
        raise UserError(
            f"--at {at:g} is outside the song: it lasts {piece.features.duration:.1f} seconds"
        )
    frame = min(int(Fraction(at) * job.rate + Fraction(1, 2)), piece.controls.frames - 1)
    threads = painters_at_once(job.device, available_threads())
    _rehearse(piece, (frame, frame + 1), on_progress, threads)
    painter = painters_for(job.device, job.precision)(*job.size)
    rgb = painter.rgb(piece.director.picture(frame))
    piece.overlay().rgb(frame, rgb)
    if output is not None:
        with user_errors():
            write_png(output, rgb, embedded(job))
    return rgb
