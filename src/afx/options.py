"""The options that commands share, and what their words mean.

Each group is a frozen dataclass; the command line, its help and its defaults are derived from it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.job import Job
    from afx.look import Look

MOST_THREADS = 256

Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]
Threads = Annotated[int | None, Parameter(help="Painters at work. Left out, one for each core.")]
Overwrite = Annotated[
    bool, Parameter(help="Replace a file that is not ours.", negative="", show_default=False)
]
Json = Annotated[
    bool,
    Parameter(help="Print the result as JSON, for programs.", negative="", show_default=False),
]


def examples(*lines: tuple[str, str]) -> str:
    """Return examples as help shows them: command lines, and beside each what it is for."""
    width = max(len(line) for line, why in lines if why)
    told = (f"  {line:<{width}}  {why}".rstrip() for line, why in lines)
    return "\n".join(("Examples:", *told, ""))


@Parameter(name="*")
@dataclass(frozen=True)
class Picture:
    """What the pictures look like."""

    look: Annotated[
        str | None,
        Parameter(help="A look's name (see: afx looks) or file. Left out, the music chooses."),
    ] = None
    size: Annotated[
        str,
        Parameter(help="480p, 720p, 1080p, 1440p, 4k, vertical, square, or such as 1280x720."),
    ] = "720p"
    fps: Annotated[str, Parameter(help="Frames per second: 30, 60, 29.97, 24000/1001 …")] = "30"
    seed: Annotated[int, Parameter(help="Another number makes another video of the song.")] = 0
    reactivity: Annotated[
        float, Parameter(help="How strongly the music holds the pictures: 0 to 2.")
    ] = 1.0
    safety: Annotated[
        Literal["strict", "standard", "off"], Parameter(help="How far flashing is held down.")
    ] = "standard"
    network: Annotated[
        str | None,
        Parameter(help="Size of the look's neural network: width × depth, such as 256x8."),
    ] = None
    palette: Annotated[
        str | None,
        Parameter(help="Other colors: a palette's name, an image, or: cover, the song's own."),
    ] = None
    internal: Annotated[
        Literal["auto", "1", "2", "3", "4"],
        Parameter(help="Make forms at 1/N of the size; auto: where nobody sees it."),
    ] = "auto"
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"], Parameter(help="What makes the pictures.")
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "half"],
        Parameter(help="Of networks on a graphics card; auto: half."),
    ] = "auto"


@Parameter(name="*")
@dataclass(frozen=True)
class Show:
    """How the pictures follow the song."""

    timeline: Annotated[
        Path | None,
        Parameter(help="Show exactly these scenes: a file as afx writes it beside a video."),
    ] = None
    temperament: Annotated[
        Literal["auto", "calm", "groove", "impact", "ambient"],
        Parameter(help="How the music takes hold of the pictures; auto: as it suits the music."),
    ] = "auto"
    stem: Annotated[
        tuple[str, ...],
        Parameter(help="Another source: drums=drums.wav. May be given several times."),
    ] = ()
    macro: Annotated[
        tuple[str, ...],
        Parameter(
            help="Value of macro 1 to 8, for looks that listen to it: 1=0.8. See docs/routes.md."
        ),
    ] = ()
    set: Annotated[
        tuple[str, ...],
        Parameter(help="A knob of the look: glow=0.4, halo=0.3. May be given several times."),
    ] = ()
    kaleidoscope: Annotated[
        int | None, Parameter(help="Fold the picture into so many sectors: 2 to 32.")
    ] = None
    mirror: Annotated[
        Literal["none", "x", "y", "both"] | None, Parameter(help="Mirror the picture.")
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Words:
    """What is laid over the pictures."""

    title: Annotated[
        str | None, Parameter(help="Title card at the start: a text, or: song, for its own tags.")
    ] = None
    logo: Annotated[Path | None, Parameter(help="A picture in the corner, best a PNG.")] = None
    lyrics: Annotated[Path | None, Parameter(help="Words in time, from an .lrc file.")] = None
    font: Annotated[Path | None, Parameter(help="A font file for title and lyrics.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Film:
    """What part of the song is made, and how it is written."""

    start: Annotated[str, Parameter(help="Where in the song to begin: seconds, or 1:30.")] = "0"
    duration: Annotated[
        str | None, Parameter(help="How much of it: seconds, or 0:20. Left out, all.")
    ] = None
    quality: Annotated[
        Literal["draft", "standard", "high"], Parameter(help="Of the encoding, against its speed.")
    ] = "standard"
    codec: Annotated[
        Literal["h264", "h265", "av1"],
        Parameter(help="h264 plays everywhere; the others are smaller and slower."),
    ] = "h264"
    loop: Annotated[
        int | None, Parameter(help="So many bars that play round and round without a seam.")
    ] = None
    hardware: Annotated[
        bool,
        Parameter(
            help="Encode on the graphics card (NVENC, QSV, AMF), if this machine can.",
            negative="",
            show_default=False,
        ),
    ] = False


@Parameter(name="*")
@dataclass(frozen=True)
class Run:
    """How a command runs; none of it changes a pixel."""

    threads: Threads = None
    profile: Annotated[
        Literal["auto", "off"],
        Parameter(help="Use what afx bench found best for this machine, or not."),
    ] = "auto"
    overwrite: Overwrite = False
    json: Json = False


def seconds(option: str, text: str, *, least: float = 0.0) -> float:
    """Read seconds (``90``, ``12.5``) or minutes and seconds (``1:30``, ``1:02:03.5``).

    Raises
    ------
    UserError
        If the text is no time, or one below `least`.
    """
    number = r"\d+(\.\d*)?|\.\d+"
    if re.fullmatch(rf"-?({number})|(\d+:){{1,2}}[0-5]?\d(\.\d*)?", text.strip(), re.ASCII):
        value = 0.0
        for part in text.strip().split(":"):
            value = value * 60 + float(part)
        if value >= least and math.isfinite(value):
            return value
        if least == 0.0:
            raise UserError(f"{option} {text}: must be 0 or more seconds")
        raise UserError(f"{option} {text}: must be more than 0 seconds")
    raise UserError(f"{option} {text!r} is not a time: use seconds, such as 12.5, or 1:30")


def plan(
    song: Path,
    picture: Picture,
    film: Film | None = None,
    *,
    show: Show | None = None,
    words: Words | None = None,
    profile: bool = True,
    look: Look | None = None,
) -> Job:
    """Return the job that these options ask for.

    Parameters
    ----------
    song : Path
    picture : Picture
    film : Film, optional
    show : Show, optional
    words : Words, optional
    profile : bool
        Heed what was measured on this machine.
    look : Look, optional
        In place of the one that `picture` names.

    Raises
    ------
    UserError
        For everything that is wrong with them, the look or the song.
    """
    from afx.added_sources import attach_stems, check_heard, macro_values
    from afx.device import choose_device, choose_precision
    from afx.job import attach, make_job
    from afx.look import find_look, load_library
    from afx.look_changes import with_knobs, with_network, with_symmetry
    from afx.profile import Profile, read_profile
    from afx.timeline_file import read_timeline

    film, show, words = film or Film(), show or Show(), words or Words()
    shortest = 1e-6
    start = seconds("--start", film.start)
    duration = None
    if film.duration is not None:
        duration = seconds("--duration", film.duration, least=shortest)
    looks = load_library()
    if look is None and picture.look is not None:
        look = find_look(picture.look, looks)
    timeline = None
    if show.timeline is not None:
        known_looks = looks if look is None else {**looks, look.name: look}
        timeline, looks = read_timeline(show.timeline, known_looks)
    elif look is not None:
        looks = {look.name: look}
    if picture.network is not None:
        shaped = with_network(looks, picture.network)
        # A timeline's other looks stay as they are.
        looks = shaped if timeline is None else {**looks, **shaped}
    if picture.palette is not None:
        from afx.palette_choice import palette_named, with_palette

        looks = with_palette(looks, palette_named(picture.palette, song))
    looks = with_knobs(looks, pairs("--set", show.set))
    if show.kaleidoscope is not None or show.mirror is not None:
        looks = with_symmetry(looks, show.kaleidoscope, show.mirror)
    stems = attach_stems(pairs("--stem", show.stem))
    macros = macro_values(pairs("--macro", show.macro))
    check_heard(looks, stems, macros)
    known = read_profile() if profile else Profile()
    device = choose_device(picture.device, known)
    precision = choose_precision(picture.precision, device, known)
    return make_job(
        song,
        looks,
        size=picture.size,
        fps=picture.fps,
        seed=picture.seed,
        reactivity=picture.reactivity,
        safety=picture.safety,
        internal=picture.internal,
        device=device,
        precision=precision,
        start=start,
        duration=duration,
        quality=film.quality,
        codec=film.codec,
        hardware=film.hardware,
        temperament=show.temperament,
        timeline=timeline,
        stems=stems,
        macros=macros,
        loop=film.loop,
        title=words.title,
        logo=None if words.logo is None else attach(words.logo),
        lyrics=None if words.lyrics is None else attach(words.lyrics),
        font=None if words.font is None else attach(words.font),
    )


def pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Read options of the form ``name=value``.

    Raises
    ------
    UserError
        If one is not, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not (name and sign and value):
            raise UserError(f"{option} {text!r}: write a name, = and a value")
        if name in found:
            raise UserError(f"{option} {name}: said twice")
        found[name] = value
    return found


def check_threads(threads: int | None) -> None:
    """Raise a `UserError` for a number of painters that makes no sense."""
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UserError(
            f"--threads {threads}: use 1 to {MOST_THREADS}, or leave it out for all cores"
        )


def painters_at_work(run: Run) -> int | None:
    """Return how many painters were asked for, or are best by this machine's profile."""
    from afx.profile import read_profile

    if run.threads is None and run.profile == "auto":
        return read_profile().threads
    return run.threads


def check_output(output: Path, song: Path, *, overwrite: bool, folder: bool = False) -> None:
    """Raise a `UserError` rather than let something be replaced that we did not make.

    Parameters
    ----------
    output, song : Path
    overwrite : bool
        Replace files that are not ours.
    folder : bool
        The output is a folder of pictures.
    """
    from afx.video import VideoError, read_settings

    if not output.exists():
        return
    if song.exists() and output.samefile(song):
        raise UserError(f"{output} is the song itself: choose another output with -o")
    if output.is_dir() and not folder:
        raise UserError(f"{output} is a folder: name a file, such as {output / 'video.mp4'}")
    if overwrite or (output.is_dir() and not any(output.iterdir())):
        return
    try:
        read_settings(output)
    except VideoError:
        what = "is a folder with other things" if output.is_dir() else "exists"
        raise UserError(
            f"{output} {what} and was not made by afx: choose another output,"
            " or replace it with --overwrite"
        ) from None


def refuse_changes(*options: Picture | Film | Show | Words) -> None:
    """Raise a `UserError` if anything was chosen that ``--again`` takes from the old file."""
    for group in options:
        for field in fields(group):
            if getattr(group, field.name) != field.default:
                raise UserError(
                    f"--again takes everything from the old file: leave out --{field.name}"
                )
