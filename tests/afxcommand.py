"""The `afx` command, run inside the test's own process, and small things to give to it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from afx.cli import main
from music_analysis.synth import clicks, tone, write_wav

RATE = 22_050
INK = 'title = "Ink"\npattern = "ink"\npalette = "glacier"\n'
SMALL = ("--size", "64x36", "--fps", "24", "--quality", "draft")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def afx(*arguments: str | Path) -> Outcome:
    """Run the command as a shell would, with output that is a file's, not a terminal's."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(a) for a in arguments])
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Outcome(code, *texts)


def made_song(path: Path, seconds: float = 1.5) -> Path:
    """Write a tone with clicks at 120 bpm, in stereo."""
    beat = clicks(120, seconds, RATE)
    write_wav(path, np.vstack((beat + tone(220, seconds, RATE, level=0.2),) * 2), RATE)
    return path


def made_look(path: Path, text: str = INK) -> Path:
    path.write_text(text)
    return path


def pictures(path: Path) -> NDArray[np.uint8]:
    """Decode a video: uint8 [frames, height * 3 / 2, width]."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray() for frame in container.decode(video=0)])


def left_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Make sure that nothing is left behind in a folder, or taken from it."""
    before = left_in(folder)
    yield
    assert left_in(folder) == before
