"""The commands of `afx`: each is one library call and one print.

Heavy modules are imported inside the commands, so that help comes at once.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Group, Parameter

from afx import __version__
from afx.commands_bench import bench
from afx.commands_breed import explore
from afx.commands_judge import EXAMPLES as JUDGE_EXAMPLES
from afx.commands_judge import judge
from afx.commands_library import LOOKS_EXAMPLES, PATTERNS_EXAMPLES, looks, patterns
from afx.commands_report import report_beside, report_on
from afx.options import (
    Film,
    Json,
    Output,
    Picture,
    Run,
    Show,
    Words,
    check_output,
    check_threads,
    examples,
    painters_at_work,
    plan,
    refuse_changes,
    seconds,
)
from music_analysis.cli import command as analysis_command
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.job import Job

_PICTURE, _FILM, _RUN, _SHOW, _WORDS = Picture(), Film(), Run(), Show(), Words()
_OPTIONS = analysis_command.Options()


app = App(
    name="afx",
    help="Audio Feature Explorer: a song in, a video out that moves with it.",
    version=f"afx {__version__}",
    help_format="plaintext",
    help_epilogue=examples(
        ("afx demo", "no song at hand: makes one up"),
        ("afx render song.mp3", "makes song.mp4"),
        ("afx render song.mp3 --duration 20", "a first impression"),
        ("afx analyze song.mp3", "tempo, key, chords, sections"),
        ("afx render --help", "everything that can be chosen"),
    ),
    group_commands=Group("Commands", sort_key=0),
    group_parameters=Group("Options", sort_key=1),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app.command(explore)
app.command(bench)
app.command(judge, help_epilogue=JUDGE_EXAMPLES)
app["--help"].group = app["--version"].group = "Options"


@app.command(
    help_epilogue=examples(
        ("afx render song.mp3", "makes song.mp4, 720p"),
        ("afx render song.mp3 --look mine.toml", "with one look, yours"),
        ("afx render song.flac --size vertical", "for a telephone"),
        ("afx render song.mp3 --start 1:00 --duration 20", ""),
        ("afx render song.mp4 --again", "makes song.again.mp4, alike"),
    )
)
def render(
    song: Path,
    /,
    *,
    output: Output = None,
    picture: Picture = _PICTURE,
    film: Film = _FILM,
    show: Show = _SHOW,
    words: Words = _WORDS,
    frames: Path | None = None,
    report: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    again: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    song_now: Annotated[Path | None, Parameter(name="--song")] = None,
    run: Run = _RUN,
) -> None:
    """Make a video of a song.

    The result is an MP4 with sound. A render that was stopped goes on when the
    same command is run again. The same song, options and seed give the same
    pixels.

    Parameters
    ----------
    song
        A sound file, or a video with sound.
    output
        The MP4 to write. Left out, it is called as the song and written to the current folder.
    frames
        Write numbered PNG pictures to this folder instead of a video.
    report
        Write a page beside the video: it plays, and tells what moved it and how well.
    again
        Make a video of ours again from the settings in the file.
    song_now
        With --again: where the song is now.
    """
    check_threads(run.threads)
    if frames is not None and output is not None:
        raise UserError("--frames writes pictures and -o a video: choose one")
    if report and frames is not None:
        raise UserError("--report is about a video: leave --frames out")
    if song_now is not None and not again:
        raise UserError("--song goes with --again: it says where an old video's song is now")
    named = frames if frames is not None else output
    target = named if named is not None else _beside(song, "again" if again else "afx")
    if again:
        refuse_changes(picture, film, show, words)
        job = _again(song, song_now)
    else:
        job = plan(song, picture, film, show=show, words=words, profile=run.profile == "auto")
    check_output(target, Path(job.song), overwrite=run.overwrite, folder=frames is not None)
    page = report_beside(target, overwrite=run.overwrite) if report else None
    _make(job, target, run, frames=frames is not None, page=page)


def _beside(song: Path, word: str) -> Path:
    """Return the output's name if none is given: never the song's own."""
    stem = song.stem or "video"
    return Path(f"{stem}.mp4" if word == "afx" and not _is_mp4(song) else f"{stem}.{word}.mp4")


def _is_mp4(song: Path) -> bool:
    return song.suffix.lower() == ".mp4"


def _again(old: Path, song: Path | None) -> Job:
    """Return an old file's job, fit for this machine; say what can no longer be the same."""
    from afx.device import choose_device
    from afx.encoders import encodes
    from afx.job import job_of, user_errors
    from afx.video import choose_encoder

    job = job_of(old, song)
    changes: dict[str, object] = {"version": __version__}
    if job.version != __version__:
        _note(f"made with version {job.version}, this is {__version__}: pixels may differ")
    if not encodes(job.codec, job.encoder):
        with user_errors():
            changes["encoder"] = choose_encoder(job.codec, *job.size)
        _note(
            f"encoded with {job.encoder}, which this machine has not: {changes['encoder']} instead"
        )
    try:
        choose_device(job.device)
    except UserError:
        changes |= {"device": "cpu", "precision": "float32"}
        _note(
            f"painted on {job.device}, which this machine has not: the processor instead,"
            " a few pixels may differ by a step"
        )
    return job.model_copy(update=changes)


def _note(text: str) -> None:
    import sys

    print(f"Note: {text}.", file=sys.stderr)


def _make(
    job: Job, target: Path, run: Run, *, frames: bool = False, page: Path | None = None
) -> None:
    from afx import production
    from afx.progress import Meter

    with Meter(float(job.rate), silent=run.json) as meter:
        result = production.render(
            job, target, frames=frames, threads=painters_at_work(run), on_progress=meter
        )
    refused: UserError | None = None
    if page is not None:
        try:
            report_on(target, result.job, page, silent=run.json)
        except UserError as error:  # the video is there all the same, and is told of
            page, refused = None, UserError(f"the report could not be made: {error}")
    from afx.shown import result_json, show_json, show_result

    if run.json:
        show_json(result_json(result) | ({} if page is None else {"report": str(page)}))
    else:
        show_result(result, page)
    if refused is not None:
        raise refused


@app.command(
    help_epilogue=examples(
        ("afx demo", "makes demo.wav and demo.mp4"),
        ("afx demo try.mp4 --duration 10 --look mine.toml", ""),
        ("afx demo --quality draft --size 480p", "quickly"),
    )
)
def demo(
    output: Path = Path("demo.mp4"),
    /,
    *,
    picture: Picture = _PICTURE,
    film: Film = _FILM,
    show: Show = _SHOW,
    words: Words = _WORDS,
    run: Run = _RUN,
) -> None:
    """Make up a song and a video of it: nothing is needed.

    Parameters
    ----------
    output
        The MP4 to write; the song is written beside it.
    """
    check_threads(run.threads)
    song = output.with_suffix(".wav")
    check_output(output, song, overwrite=run.overwrite)
    new = not song.exists()
    _write_demo_song(song, overwrite=run.overwrite)
    try:
        job = plan(song, picture, film, show=show, words=words, profile=run.profile == "auto")
        _make(job, output, run)
    except UserError:
        if new:
            song.unlink(missing_ok=True)
        raise


def _write_demo_song(song: Path, *, overwrite: bool) -> None:
    """Write the song that is made up; another file of that name is left alone."""
    from afx.stills import part_of
    from music_analysis.synth import demo_song, write_wav

    made = demo_song()
    part = part_of(song)
    try:
        part.touch()  # says plainly that a folder is missing or read-only
        write_wav(part, made.samples, made.sample_rate)
        if song.exists() and not overwrite and song.read_bytes() != part.read_bytes():
            raise UserError(
                f"{song} exists and is not the demo's song: name another video,"
                " or replace it with --overwrite"
            )
        part.replace(song)
    except OSError as error:
        raise UserError(f"cannot write {song}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


@app.command(
    help_epilogue=examples(
        ("afx frame song.mp3 --at 42", "makes song.png"),
        ("afx frame song.mp3 --at 1:30 -o still.png", ""),
        ("afx frame song.mp3 --at 42 --look mine.toml", "to try a look"),
    )
)
def frame(
    song: Path,
    /,
    *,
    at: str,
    output: Output = None,
    picture: Picture = _PICTURE,
    show: Show = _SHOW,
    words: Words = _WORDS,
    overwrite: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Json = False,
) -> None:
    """Make one frame of a song's video, as a PNG picture.

    Parameters
    ----------
    song
        A sound file, or a video with sound.
    at
        The moment in the song: seconds, or 1:30.
    output
        The PNG to write. Left out, it is called as the song and written to the current folder.
    overwrite
        Replace a file that is not ours.
    """
    moment = seconds("--at", at)
    target = output if output is not None else Path(f"{song.stem or 'still'}.png")
    if target.suffix.lower() != ".png":
        raise UserError(
            f"{target}: stills are PNG pictures, name it {target.with_suffix('.png').name}"
        )
    job = plan(song, picture, show=show, words=words)
    check_output(target, song, overwrite=overwrite)
    from afx.production import still
    from afx.progress import Meter

    with Meter(float(job.rate), silent=json) as meter:
        still(job, moment, target, on_progress=meter)
    from afx.shown import show_json, show_still

    if json:
        settings = job.model_dump(mode="json")
        show_json({"output": str(target), "at": moment, "size": job.size, "settings": settings})
    else:
        show_still(target, moment, job)


@app.command(
    usage="Usage: afx analyze [OPTIONS] SONG…",
    help_epilogue=examples(
        ("afx analyze song.mp3", "makes song.analysis"),
        ("afx analyze song.mp3 --json", "for programs"),
        ("afx analyze album -o results --export midi", ""),
        ("afx analyze ~/Music --table music.csv", "a library"),
    ),
)
def analyze(
    *song: Annotated[Path, Parameter(required=True)],
    options: analysis_command.Options = _OPTIONS,
) -> None:
    """Find tempo, key, chords and sections.

    Writes analysis.json, a picture, and a page in which the song plays.

    Parameters
    ----------
    song
        Sound files, or folders of them.
    """
    analysis_command.analyze(song, options)


app.command(looks, help_epilogue=LOOKS_EXAMPLES)
app.command(patterns, help_epilogue=PATTERNS_EXAMPLES)
