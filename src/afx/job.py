"""The settings of a render: everything that decides its pixels and its sound.

A :class:`Job` is embedded in the file that it makes, so that any of our videos can be made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from afx import __version__
from afx.lettering import clean
from afx.look import Look, dump, parse_look
from afx.look_weights import located, portable
from afx.routes import Temperament
from afx.source_names import MACROS
from afx.video import (
    VideoError,
    choose_encoder,
    parse_fps,
    parse_size,
    read_settings,
)
from music_analysis.audio import Audio, load
from music_analysis.errors import UserError

LONGEST = 1e9
"""Seconds: a file that tells of more was made to do harm."""


class Attached(BaseModel):
    """A file that a render needs beside its song."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="where it is; its name alone where it is embedded")
    sha256: str = Field(description="hash of its bytes")


class Job(BaseModel):
    """Everything that decides a render.

    Looks are kept as text, so that a video can be made again when the library has changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    song: str = Field(description="path of the sound; its name alone where it is embedded")
    song_sha256: str = Field(description="hash of its bytes")
    looks: dict[str, str] = Field(description="candidates: name to TOML text", min_length=1)
    seed: int = Field(0, ge=0, lt=2**63, description="the same seed gives the same pixels")
    size: tuple[int, int] = Field((1280, 720), description="width and height, pixels")
    fps: str = Field("30", description="frames per second, exact")
    start: float = Field(0.0, ge=0, le=LONGEST, description="seconds into the song")
    duration: float | None = Field(
        None, gt=0, le=LONGEST, description="seconds; to the end if not given"
    )
    codec: Literal["h264", "h265", "av1"] = "h264"
    encoder: str = "libx264"
    quality: Literal["draft", "standard", "high"] = "standard"
    safety: Literal["strict", "standard", "off"] = "standard"
    reactivity: float = Field(1.0, ge=0, le=2, description="how strongly the music holds the knobs")
    internal: Literal["auto", "1", "2", "3", "4"] = Field(
        "auto", description="fields are made at 1/this of the size; auto: where nobody sees it"
    )
    device: Literal["cpu", "cuda", "mps"] = Field("cpu", description="what makes the pictures")
    precision: Literal["float32", "half"] = Field(
        "float32", description="of networks on a device; the first layer is always float32"
    )
    temperament: Temperament = Field("auto", description="how the music takes hold")
    timeline: str | None = Field(None, description="TOML text: exactly these scenes")
    stems: dict[str, Attached] = Field({}, description="parts of the music, as sources")
    macros: dict[Annotated[int, Field(ge=1, le=MACROS)], Annotated[float, Field(ge=0, le=1)]] = (
        Field({}, description="values of the sources macro.1 to macro.8")
    )
    loop: int | None = Field(None, ge=1, le=512, description="bars after which it begins anew")
    title: str | None = Field(
        None, min_length=1, max_length=200, description="rows of the title card"
    )
    logo: Attached | None = Field(None, description="a picture in the corner")
    lyrics: Attached | None = Field(None, description="words in time, from an .lrc file")
    font: Attached | None = Field(None, description="for title and lyrics")
    version: str = __version__

    @field_validator("fps")
    @classmethod
    def _is_rate(cls, text: str) -> str:
        try:
            parse_fps(text)
        except VideoError as error:
            raise ValueError(str(error)) from None
        return text

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return parse_fps(self.fps)

    def parsed_looks(self) -> list[Look]:
        """Return the candidates."""
        return [parse_look(text, name, f"look {name}") for name, text in self.looks.items()]


def make_job(
    song: str | Path, looks: Mapping[str, Look], *, hardware: bool = False, **settings: Any
) -> Job:
    """Return a job for a song, checked.

    Parameters
    ----------
    song : path
    looks : mapping of str to Look
        One look, or candidates to choose from.
    hardware : bool
        Encode on the graphics card where the machine can: faster, but the video's bits are then
        that card's.
    settings
        Fields of `Job`; ``size`` and ``fps`` also as text (``"720p"``, ``"29.97"``).

    Raises
    ------
    UserError
        If the song cannot be used or a setting is out of range.
    """
    audio = load(song)
    with user_errors():
        if isinstance(settings.get("size"), str):
            settings["size"] = parse_size(settings["size"])
        if "fps" in settings:
            settings["fps"] = str(parse_fps(str(settings["fps"])))
        if settings.get("title") is not None:
            settings["title"] = _card(settings["title"], audio)
        if settings.get("loop") is not None and settings.get("duration") is not None:
            raise UserError("--loop says how long the video is: leave out --duration")
        try:
            job = Job(
                song=str(Path(song).resolve()),
                song_sha256=audio.sha256,
                looks={name: dump(look) for name, look in looks.items()},
                **settings,
            )
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            _, should, wanted = first["msg"].rpartition("should ")
            said = should + wanted
            raise UserError(f"--{name.replace('_', '-')}: {said}") from None
        encoder = choose_encoder(job.codec, *job.size, hardware=hardware)
        return job.model_copy(update={"encoder": encoder})


def _card(text: str, audio: Audio) -> str:
    """Return the rows of a title card; of ``"song"``, what the song says of itself."""
    rows = text.splitlines()
    if text.strip().lower() == "song":
        title = audio.title or audio.path.stem.replace("_", " ")
        rows = [row[:99] for row in (title, audio.artist) if row]
    card = "\n".join(row for row in map(clean, rows) if row)
    if not card:
        raise UserError("--title: write the title, or the word song to use the song's own")
    return card


def embedded(job: Job) -> dict[str, Any]:
    """Return a job as it is written into a file: what it was made of by name and hash alone.

    Whoever is sent the file learns nothing of the folders it was made in.
    """
    bare = job.model_copy(update=_attachments(job, lambda a: a.model_copy(
        update={"path": Path(a.path).name}
    )))  # fmt: skip
    return bare.model_dump(mode="json") | {
        "song": Path(job.song).name,
        "looks": {name: portable(text) for name, text in job.looks.items()},
    }


def attach(path: str | Path) -> Attached:
    """Return a file that a render needs, with its hash.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    return Attached(path=str(path.resolve()), sha256=digest)


def _attachments(job: Job, change: Callable[[Attached], Attached]) -> dict[str, Any]:
    """Return every attached file of a job, changed."""
    single = {name: getattr(job, name) for name in ("logo", "lyrics", "font")}
    return {
        "stems": {name: change(stem) for name, stem in job.stems.items()},
        **{name: None if a is None else change(a) for name, a in single.items()},
    }


def _found_again(attached: Attached, made: str | Path) -> Attached:
    """Return a file of an earlier render where it is now: here, or beside what was made.

    Raises
    ------
    UserError
        If it is in neither place, or is another one.
    """
    name = Path(attached.path).name
    for place in (Path(name), Path(made).resolve().parent / name):
        if place.is_file() and attach(place).sha256 == attached.sha256:
            return attach(place)
    raise UserError(f"{made} was made with {name}, which is neither here nor beside it")


def job_of(path: str | Path, song: str | Path | None = None) -> Job:
    """Return the job that an earlier video was made with, its song found again.

    Parameters
    ----------
    path : path
        A video, picture or folder of frames of ours.
    song : path, optional
        Where the song is now; else it is looked for here and beside the video.

    Raises
    ------
    UserError
        If the file is not ours or the song is not the one it was made from.
    """
    with user_errors():
        settings = read_settings(path)
    try:
        # Before there was a choice, every pixel was evaluated, and music took hold in one way.
        job = Job.model_validate({"internal": "1", "temperament": "groove", **settings})
    except ValidationError:
        raise UserError(f"{path}: its settings are not from a version this one can read") from None
    places = (
        [Path(song)]
        if song is not None
        else [
            Path(Path(job.song).name),
            Path(path).resolve().parent / Path(job.song).name,
        ]
    )
    for place in places:
        if place.is_file() and load(place).sha256 == job.song_sha256:
            looks = {
                name: located(text, name, path, (Path(), Path(path).resolve().parent))
                for name, text in job.looks.items()
            }
            again = _attachments(job, lambda a: _found_again(a, path))
            return job.model_copy(update={"song": str(place.resolve()), "looks": looks, **again})
    if song is not None:
        raise UserError(f"{song} is not the song that {path} was made from")
    raise UserError(
        f"{path} was made from {Path(job.song).name}, which is neither here nor beside it:"
        " say where it is with --song"
    )


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn the errors of modules that know nothing of people into one line for them."""
    try:
        yield
    except VideoError as error:
        raise UserError(str(error)) from error
