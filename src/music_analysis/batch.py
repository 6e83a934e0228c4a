"""Many songs: which there are, where their results go, and analyzing them side by side.

Knows files and folders; what is printed is the command's. A song that cannot be read costs the
others nothing: it comes back with one line that says why. Only what a table holds of a song is
kept, so that memory does not grow with a library.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis, OnProgress
    from music_analysis.schema import Part

_KINDS: Final = """
mp3 flac wav wave ogg oga opus m4a m4b aac aif aiff aifc wma mka wv ape ac3 eac3 mp2 caf au snd tta
mpc w64 amr spx dsf dff
"""
SUFFIXES: Final = frozenset(f".{kind}" for kind in _KINDS.split())
"""What sound files in folders are called; files that are named may be called anything."""
RESULTS: Final = ".analysis"
"""What folders of results are called: SONG.analysis."""


@dataclass(frozen=True)
class Order:
    """What is wanted of every song."""

    part: Part = "analysis"
    """``"analysis"``, or ``"tempo"``, ``"key"``, ``"chords"``, ``"structure"``."""
    engine: str = "own"
    cache: bool = True
    png: bool = True
    html: bool = True
    link_audio: bool = False
    exports: tuple[str, ...] = ()
    overwrite: bool = False
    document: bool = False
    """Whether the JSON document is to come back."""


@dataclass(frozen=True)
class Task:
    """A song, and the folder for its results if there is one."""

    song: Path
    folder: Path | None = None


@dataclass(frozen=True)
class Done:
    """What came of a song."""

    song: Path
    row: dict[str, Any] | None = None
    """Its row of a table."""
    text: str | None = None
    """Its JSON document, if wanted."""
    error: str | None = None
    """One line, if it could not be done."""
    warning: str | None = None
    """One line, if only a part of it is there."""


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def find_songs(named: Sequence[Path]) -> list[Path]:
    """Return the files that are named, and the sound files in folders that are, each once.

    Raises
    ------
    UserError
        If a folder that is named holds no sound files.
    """
    found: dict[str, Path] = {}
    for path in named:
        inside = sorted(_sound_files(path)) if path.is_dir() else [path]
        if not inside:
            raise UserError(f"{path}: there are no sound files in this folder")
        for song in inside:
            found.setdefault(os.path.realpath(song), song)
    return list(found.values())


def _sound_files(folder: Path) -> Iterator[Path]:
    for base, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".") and not f.endswith(RESULTS)]
        for name in files:
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):  # noqa: PTH122
                yield Path(base) / name


def folders_for(songs: Sequence[Path], parent: Path) -> list[Path]:
    """Return a folder in `parent` for each song, called as the song; never one for two songs.

    Songs of one name get their suffix too (``song.mp3.analysis``), then their folder's name, then
    a number.
    """
    names = [song.stem or song.name for song in songs]
    for other in (
        lambda song: song.name,
        lambda song: f"{song.absolute().parent.name} - {song.name}",
    ):
        seen = Counter(name.casefold() for name in names)
        names = [
            other(song) if seen[name.casefold()] > 1 else name
            for song, name in zip(songs, names, strict=True)
        ]
    taken: set[str] = set()
    folders = []
    for name in names:
        free, number = name, 1
        while free.casefold() in taken:
            number += 1
            free = f"{name} ({number})"
        taken.add(free.casefold())
        folders.append(parent / f"{free}{RESULTS}")
    return folders


def analyze_song(task: Task, order: Order, progress: OnProgress | None = None) -> Analysis:
    """Analyze a song and write what is wanted of it.

    Raises
    ------
    UserError
        The song cannot be read, or the results cannot be written.
    """
    from music_analysis.analysis import analyze
    from music_analysis.audio import load

    audio = load(task.song)
    if task.folder is not None:
        check_folder(task.folder, order)
    analysis = analyze(audio, cache=order.cache, engine=order.engine, progress=progress)
    if task.folder is not None:
        write(analysis, task, order, audio.sample_rate)
    return analysis


def broken_off(song: Path, analysis: Analysis) -> str | None:
    """Return a line if a file holds less sound than it promises: it is cut off or damaged."""
    from music_analysis.audio import load
    from music_analysis.notation import clock

    try:
        promised = load(song).duration
    except UserError:  # it went away meanwhile
        return None
    if analysis.duration >= 0.95 * promised - 1.0:
        return None
    end = clock(analysis.duration)
    return f"{song}: breaks off at {end} of {clock(promised)}; what there is was analyzed"


def check_folder(folder: Path, order: Order) -> None:
    """Raise a `UserError` rather than let something be replaced that is not ours."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder for the results with -o")
    names = [f"{order.part}.{kind}" for kind in ("json", "png", "html")]
    if order.overwrite or not any((folder / name).exists() for name in names):
        return
    try:
        with (folder / names[0]).open("rb") as file:
            ours = b'"analyzers"' in file.read(200)
    except OSError:
        ours = False
    if not ours:
        raise UserError(
            f"{folder} holds files that are called as results and are not ours:"
            " choose another folder with -o, or replace them with --overwrite"
        )


def write(analysis: Analysis, task: Task, order: Order, sample_rate: int = 44_100) -> None:
    """Write a song's results to its folder, each file whole or not at all."""
    from music_analysis.analysis import write_text
    from music_analysis.schema import document, text_of

    folder, part = task.folder, order.part
    assert folder is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make folder {folder}: {error.strerror or error}") from error
    write_text(folder / f"{part}.json", text_of(document(analysis, part=part)))
    try:
        if order.png:
            from music_analysis.plots import draw

            draw(analysis, part, folder / f"{part}.png")
        if order.html:
            from music_analysis.report import write as write_page

            write_page(
                analysis,
                task.song,
                folder / f"{part}.html",
                part=part,
                link_audio=order.link_audio,
            )
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error
    if order.exports:
        from music_analysis import exports

        exports.write(analysis, folder, order.exports, part=part, sample_rate=sample_rate)


def files_of(task: Task, order: Order) -> list[Path]:
    """Return the files that are written for a song, exports aside."""
    if task.folder is None:
        return []
    kinds = ["json"] + ["png"] * order.png + ["html"] * order.html
    return [task.folder / f"{order.part}.{kind}" for kind in kinds]


@dataclass(frozen=True)
class Complete:
    """Does a song, and comes back with what came of it, whatever that is."""

    order: Order

    def __call__(self, task: Task) -> Done:
        """Analyze a song and write what is wanted of it."""
        from music_analysis.schema import document, text_of
        from music_analysis.tables import row_of

        song, order = task.song, self.order
        try:
            analysis = analyze_song(task, order)
        except UserError as error:
            complaint = str(error)
            return Done(song, error=complaint if song.name in complaint else f"{song}: {complaint}")
        except Exception as error:  # a bug of ours: the other songs are still wanted
            words = f"a bug of ours ({type(error).__name__}: {error})"
            return Done(song, error=f"{song}: {words}; analyze it alone to see more")
        text = None
        if order.document:
            # a list of songs says which is which
            path = os.fsencode(song).decode("utf-8", "replace")
            text = text_of({"path": path, **document(analysis, part=order.part, arrays=False)})
        return Done(song, row_of(analysis, song), text, warning=broken_off(song, analysis))


def run(
    tasks: Sequence[Task], work: Callable[[Task], Done], jobs: int
) -> Generator[Done, None, None]:
    """Do many songs, so many at a time, each as soon as it is done.

    Closing the iterator, as Ctrl-C does, stops the work; what is finished stays.
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        yield from map(work, tasks)
        return
    from music_analysis.processes import in_processes

    for task, done in in_processes(work, tasks, jobs):
        crashed = f"{task.song}: is damaged, and crashed the program that read it"
        yield Done(task.song, error=crashed) if done is None else done
