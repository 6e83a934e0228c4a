"""Pictures to measure with: a made-up song's, as a video of ours has them, and plain ones."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from afx.bench.network import KNOBS, NAME, Sized

if TYPE_CHECKING:
    from afx.job import Job
    from afx.painter import Picture
    from afx.piece import Piece

SEED = 1
"""Of the piece: looks, weights and clocks follow from it."""


@dataclass(frozen=True)
class Sample:
    """A made-up song in a folder of its own.

    Attributes
    ----------
    folder : Path
        For everything that is measured: it goes when the measuring ends.
    song : Path
    """

    folder: Path
    song: Path

    def job(self, size: str, fps: int = 30) -> Job:
        """Return the job that the library's looks would make of it."""
        from afx.job import make_job
        from afx.look import load_library

        return make_job(self.song, load_library(), size=size, fps=fps, seed=SEED)

    @functools.cached_property
    def piece(self) -> Piece:
        """The song, composed and rehearsed: any frame of it can be painted at any size."""
        from afx.piece import prepare
        from afx.rehearsal import rehearse

        job = self.job("720p")
        piece = prepare(job, lambda *_: None)
        rehearse(piece.director, *job.size, safety=job.safety)
        return piece

    def planes(self, width: int, height: int, count: int) -> NDArray[np.uint8]:
        """Return neighboring frames as 4:2:0 planes, uint8 [count, height · 3/2, width].

        They are from the middle of the piece, where music and pictures are in full motion.
        """
        from afx.painter import Painter

        piece = self.piece
        count = min(count, piece.controls.frames)
        first = (piece.controls.frames - count) // 2
        painter = Painter(width, height)
        made = np.empty((count, height * 3 // 2, width), np.uint8)
        for index in range(count):
            painter.video(piece.director.picture(first + index), made[index])
        return made


@contextmanager
def sample(seconds: float) -> Iterator[Sample]:
    """Make a song up and keep it as long as it is needed.

    Raises
    ------
    UserError
        If there is no room for it.
    """
    from music_analysis.errors import UserError
    from music_analysis.synth import demo_song, write_wav

    try:
        with TemporaryDirectory(prefix="afx-bench-", ignore_cleanup_errors=True) as name:
            made = demo_song()
            song = Path(name) / "song.wav"
            length = int(seconds * made.sample_rate)
            # From its loud part on: the beginning of the demo is sparse.
            start = min(int(16 * made.sample_rate), max(0, made.samples.shape[1] - length))
            write_wav(song, made.samples[:, start : start + length], made.sample_rate)
            yield Sample(Path(name), song)
    except OSError as error:
        raise UserError(
            f"cannot measure: {error.filename or 'temporary files'}: {error.strerror or error}"
        ) from error


def plain_picture(made: Sized) -> Picture:
    """Return a picture of a network's tone and hue, whole, at rest."""
    from afx.color import packed_tables
    from afx.field import Program, as_expr
    from afx.field.jit import Kernel
    from afx.look import load_library
    from afx.painter import FieldState, Picture
    from afx.stage import GRADE_KNOBS

    program = Program((*made.program.outputs, ("mask", as_expr(1.0, "f"))), made.program.knobs)
    kernel = Kernel(program)
    knobs = np.array([KNOBS[name] for name in kernel.module.knobs], np.float32)
    state = FieldState(kernel, knobs, {NAME: made.weights}, 0.25, 0.5)
    palette = next(iter(load_library().values())).palette
    grade = np.array([knob.default for knob in GRADE_KNOBS], np.float32)
    return Picture((state,), 0.0, grade, packed_tables(palette))
