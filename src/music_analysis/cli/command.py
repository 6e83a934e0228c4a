"""What the commands that analyze have in common: options, printing and what is said at the end.

Each command is an :class:`~music_analysis.batch.Order` carried out for some songs. Heavy modules
are imported when there is something to do, so that help comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Group, Parameter

from music_analysis.cli import edge
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.batch import Order, Task
    from music_analysis.schema import Part

EXPORTS = ("audacity", "sv", "svl", "jams", "midi", "lab")
"""Formats of other programs."""
MOST_JOBS = 60

_WORDS = {
    "tempo": "tempo, beats and bars",
    "key": "key, its rivals and its changes",
    "chords": "chords, with a chord sheet",
    "structure": "sections, repetitions, builds and drops",
}


def _flag(help: str, name: str | None = None) -> Parameter:
    return Parameter(name=name, help=help, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What is wanted of the songs."""

    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help="Folder for the results. Left out, SONG.analysis here; of several songs, each has"
            " one of its own in it.",
        ),
    ] = None
    json: Annotated[bool, _flag("Print JSON, for programs, and write nothing.")] = False
    table: Annotated[
        Path | None,
        Parameter(help="Write a table, one row a song: CSV, or Parquet by its name."),
    ] = None
    export: Annotated[
        str | None,
        Parameter(help=f"Write also for other programs: {','.join(EXPORTS)} or all."),
    ] = None
    engine: Annotated[
        Literal["own", "madmom", "crema", "essentia"],
        Parameter(help="Who listens; others than our own must be installed by you."),
    ] = "own"
    jobs: Annotated[int | None, Parameter(help="Songs at a time. Left out, one for each core.")] = (
        None
    )
    no_png: Annotated[bool, _flag("Draw no pictures.")] = False
    no_html: Annotated[bool, _flag("Make no page.")] = False
    link_audio: Annotated[
        bool, _flag("Let the page play the song from where it is, instead of holding it.")
    ] = False
    no_cache: Annotated[bool, _flag("Listen anew, and keep nothing for the next time.")] = False
    overwrite: Annotated[bool, _flag("Replace files that are not ours.")] = False


def main(part: Part, argv: Sequence[str] | None = None) -> int:
    """Run one of the four commands ``python -m music_analysis.cli.analyze_…``.

    Returns
    -------
    int
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = f"analyze_{part}"
    typed = f"python -m music_analysis.cli.{name}"

    def work() -> str | None:
        if not arguments:
            return f"SONG is missing. Usage: {typed} SONG… ({typed} --help says more)"
        error = edge.typed(_app(part, typed), arguments)
        return None if error is None else f"{edge.mistake(error)} Help: {typed} --help"

    return edge.run(name, work, "Stopped. What was finished is kept.")


def _app(part: Part, typed: str) -> App:
    app = App(
        name=typed,
        help=f"Find {_WORDS[part]}.",
        usage=f"Usage: {typed} [OPTIONS] SONG…",
        help_format="plaintext",
        help_epilogue=f"Examples:\n  {typed} song.mp3\n  {typed} song.mp3 --json\n",
        group_parameters=Group("Options", sort_key=1),
        group_arguments=Group("Songs", sort_key=0),
        version_flags=[],
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    app["--help"].group = "Options"

    def command(
        *song: Annotated[Path, Parameter(required=True)], options: Options = Options()
    ) -> None:
        analyze(song, options, part)

    command.__doc__ = f"""Find {_WORDS[part]}.

    Parameters
    ----------
    song
        Sound files, or folders of them.
    """
    app.default(command)
    return app


def analyze(named: Sequence[Path], options: Options, part: Part = "analysis") -> None:
    """Analyze songs, write what is wanted of them, and print what was found.

    Parameters
    ----------
    named
        Files and folders.
    options
    part
        ``"analysis"`` for everything, else ``"tempo"``, ``"key"``, ``"chords"`` or ``"structure"``.

    Raises
    ------
    UserError
        The options make no sense, or a song could not be analyzed; with several songs, the others
        were.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # threads for small products cost more than they bring
    from music_analysis.batch import find_songs

    order = _order(options, part)
    songs = find_songs(named)
    several = len(songs) > 1 or any(path.is_dir() for path in named)
    tasks = _tasks(songs, options, several=several)
    if several:
        _several(tasks, order, options)
    else:
        _one(tasks[0], order, options)


def _order(options: Options, part: Part) -> Order:
    from music_analysis.batch import Order

    if options.json:
        for name in ("output", "table", "export"):
            if getattr(options, name) is not None:
                raise UserError(f"--json writes nothing: leave out --{name}, or --json")
    if options.jobs is not None and not 1 <= options.jobs <= MOST_JOBS:
        raise UserError(
            f"--jobs {options.jobs}: use 1 to {MOST_JOBS}, or leave it out for one for each core"
        )
    if options.table is not None:
        from music_analysis.tables import check_table

        check_table(options.table)
    return Order(
        part=part,
        engine=options.engine,
        cache=not options.no_cache,
        png=not options.no_png,
        html=not options.no_html,
        link_audio=options.link_audio,
        exports=_exports(options.export),
        overwrite=options.overwrite,
        document=options.json,
    )


def _exports(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return EXPORTS
    for name in names:
        if name not in EXPORTS:
            raise UserError(f"--export {name}: choose among {', '.join(EXPORTS)}, or all")
    if not names:
        raise UserError(f"--export needs a format: {', '.join(EXPORTS)}, or all")
    return tuple(dict.fromkeys(names))


def _tasks(songs: Sequence[Path], options: Options, *, several: bool) -> list[Task]:
    from music_analysis.batch import Task, folders_for

    # A table alone is all that is wanted of a library.
    table_alone = options.table is not None and options.output is None and options.export is None
    if options.json or table_alone:
        return [Task(song) for song in songs]
    if options.output is not None and not several:
        return [Task(songs[0], options.output)]
    parent = options.output if options.output is not None else Path()
    return [Task(s, f) for s, f in zip(songs, folders_for(songs, parent), strict=True)]


def _one(task: Task, order: Order, options: Options) -> None:
    from music_analysis.batch import analyze_song, broken_off, files_of
    from music_analysis.cli.meter import Meter

    with Meter(1.0, silent=options.json) as meter:
        analysis = analyze_song(task, order, meter)
    warning = broken_off(task.song, analysis)
    if options.json:
        from music_analysis.schema import document, text_of

        print(_ascii(text_of(document(analysis, part=order.part, arrays=False))), end="")
        if warning:
            edge.say(warning)
        return
    from music_analysis.summary import summary
    from music_analysis.terminal import show, written

    show(summary(analysis, order.part))
    files = files_of(task, order)
    if options.table is not None:
        from music_analysis.tables import row_of, write_table

        write_table([row_of(analysis, task.song)], options.table)
        files.append(options.table)
    show(written(files))
    sys.stdout.flush()
    if warning:
        edge.say(warning)


def _several(tasks: Sequence[Task], order: Order, options: Options) -> None:
    from music_analysis.batch import Complete, available_cores, run
    from music_analysis.cli.meter import Meter

    rows: dict[Path, dict[str, Any]] = {}
    broken: dict[Path, str] = {}
    warnings: dict[Path, str] = {}
    jobs = options.jobs or available_cores()
    try:
        if options.json:
            print("[", end="")
        with (
            Meter(len(tasks), silent=options.json) as meter,
            closing(run(tasks, Complete(order), jobs)) as results,
        ):
            meter(0, f"0/{len(tasks)}")
            for done in results:
                if done.error is not None:
                    broken[done.song] = done.error
                elif done.row is not None:
                    if done.text is not None:
                        print("," if rows else "", _ascii(done.text), sep="\n", end="")
                    rows[done.song] = done.row
                    if done.warning is not None:
                        warnings[done.song] = done.warning
                count = len(rows) + len(broken)
                wrong = f" · {len(broken)} broken" if broken else ""
                meter(count, f"{count}/{len(tasks)}{wrong}")
    finally:
        # Whatever happened: what is finished is shown, and the broken are named.
        songs = [task.song for task in tasks]
        _close(
            [rows[s] for s in songs if s in rows],
            [{**warnings, **broken}[s] for s in songs if s in warnings or s in broken],
            options,
            folders=any(task.folder for task in tasks),
        )
    if broken:
        rest = "; the others are done" if rows else ""
        raise UserError(f"{len(broken)} of {len(tasks):,} songs could not be analyzed{rest}")


def _close(
    rows: list[dict[str, Any]], complaints: list[str], options: Options, *, folders: bool
) -> None:
    if options.json:
        print("]")
    elif rows:
        from music_analysis.terminal import show, songs_table, written

        show(songs_table(rows))
        files = [(options.output or Path()) / "*.analysis"] if folders else []
        if options.table is not None:
            from music_analysis.tables import write_table

            write_table(rows, options.table)
            files.append(options.table)
        show(written(files))
    sys.stdout.flush()
    for line in complaints:
        edge.say(line)


def _ascii(text: str) -> str:
    """Escape what is not ASCII in JSON: it survives any terminal and pipe."""
    if text.isascii():
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[k : k + 2], "big") for k in range(0, len(units), 2))
    return "".join(chr(c) if c < 128 else f"\\u{c:04x}" for c in codes)
