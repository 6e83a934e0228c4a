"""``afx explore evolve``: a page that fills with good looks while one waits.

Heavy modules are imported inside the command.
"""

from __future__ import annotations

import math
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from afx.commands_explore import explore
from afx.explore import MOST_PIXELS
from afx.explore_options import WORK, Work, size_of
from afx.options import Output, check_threads, examples
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.explore.archive import Archive
    from afx.explore.evolve import Progress
    from afx.explore.gallery import Gallery

__all__ = ["Locks", "explore"]

MINUTES = 3.0
SAVED_EVERY, SHOWN_EVERY = 3.0, 15.0
"""Seconds between two versions of the archive, and of the growing page."""

Locks = Annotated[
    tuple[str, ...],
    Parameter(
        name="--lock",
        help="What stays: network, latents, knobs, palette, speeds, pattern, or a knob's name."
        " May come often.",
        negative="",
        show_default=False,
    ),
]


@explore.command(
    usage="Usage: afx explore evolve [OPTIONS] [LOOK…]",
    help_epilogue=examples(
        ("afx explore evolve", "makes evolved.html"),
        ("afx explore evolve --minutes 20", "goes on with it"),
        ("afx explore evolve abyss satin -o sea.html", "from two looks"),
        ("afx explore evolve --measures energy-symmetry", ""),
    ),
)
def evolve(
    *look: str,
    output: Output = None,
    measures: Literal["colors-shape", "energy-symmetry"] | None = None,
    minutes: float | None = None,
    rounds: int | None = None,
    grid: str | None = None,
    lock: Locks = (),
    seed: int | None = None,
    tile_size: str = "320x180",
    work: Work = WORK,
) -> None:
    """Fill a page with good looks that differ, while you wait.

    Children of good looks are judged by measures of color, form and motion;
    the best of every kind stays. The page (.html) grows while it runs, a
    picture (.png) comes at the end, and the archive (.json) beside them is
    gone on with when the same command runs again.

    Parameters
    ----------
    look
        Looks to begin with. Left out: the whole library.
    output
        The page to write; picture and archive are called alike. Left out: evolved.html.
    measures
        Kinds by color and outline, or by motion and symmetry. Left out: colors-shape.
    minutes
        How long. Left out: 3. With 0, page and picture are made of what is there.
    rounds
        Stop when it has had so many rounds of 16 looks in all.
    grid
        Kinds of the first measure times kinds of the second. Left out: 6x4.
    seed
        Another number, another evolution.
    tile_size
        Pixels of a tile.
    """
    from afx.explore.archive import save_archive
    from afx.explore.contact import layout
    from afx.explore.evolve import evolve as evolved
    from afx.explore.gallery import RELOAD, Gallery
    from afx.explore.outputs import check_target
    from afx.job import user_errors
    from afx.production import available_threads
    from afx.video import write_png
    from music_analysis.page_parts import write_text

    check_threads(work.threads)
    if minutes is not None and not 0 <= minutes <= 100_000:
        raise UserError(f"--minutes {minutes:g}: use 0 or more")
    if rounds is not None and not 1 <= rounds <= 10**7:
        raise UserError(f"--rounds {rounds}: use 1 or more")
    if seed is not None and not 0 <= seed < 2**53:
        raise UserError(f"--seed {seed}: use 0 to {2**53 - 1}")
    size = size_of("--tile-size", tile_size)
    target = output or Path("evolved.html")
    if target.suffix.lower() not in (".html", ".png", ".json"):
        raise UserError(f"{target}: name the page, such as {target.with_suffix('.html').name}")
    page, picture, file = (target.with_suffix(s) for s in (".html", ".png", ".json"))
    for made in (page, picture):
        for source in look or ("",):
            check_target(made, (made.suffix,), overwrite=work.overwrite, source=source)
    archive = _archive(file, look, measures, grid, lock, seed, overwrite=work.overwrite)
    whole = layout(archive.cells, archive.settings.columns, *size).size
    if whole[0] * whole[1] > MOST_PIXELS:
        raise UserError(f"--tile-size {tile_size}: too large for {archive.cells} tiles")
    threads = work.threads or available_threads()
    gallery = Gallery(archive, *size, _evolve_command(archive, look, target), threads)
    if minutes is None and rounds is None:
        minutes = MINUTES
    status = _Status(minutes, rounds, silent=work.json)
    began = saved = shown = time.monotonic()
    rate, growing = 0.0, ""

    def told(progress: Progress) -> None:
        nonlocal saved, shown, rate, growing
        status(progress)
        rate = progress.rate
        now = time.monotonic()
        if now - saved >= SAVED_EVERY:
            save_archive(archive, file)
            saved = now
        if now - shown >= SHOWN_EVERY and archive.elites:
            growing = gallery.page(page.name, growing=True)
            write_text(page, growing)
            shown = time.monotonic()

    try:
        evolved(
            archive,
            rounds=rounds,
            seconds=None if minutes is None else 60.0 * minutes,
            threads=threads,
            on_round=told,
        )
    finally:
        # Also when it is stopped: the archive is whole after every round, and the page at rest.
        save_archive(archive, file)
        if growing:
            write_text(page, growing.replace(RELOAD, ""))
        status.close()
    if not archive.elites and not archive.tried:
        raise UserError(f"{file} holds no looks yet: give it some time, such as --minutes 3")
    if not archive.elites:
        raise UserError(
            f"none of {archive.tried} looks was good enough yet: run the command again to go on"
        )
    write_text(page, gallery.page(page.name))
    with user_errors():
        write_png(picture, gallery.sheet(), gallery.settings())
    _tell_evolved(gallery, page, picture, file, target, rate, began, work)


def _archive(
    file: Path,
    names: tuple[str, ...],
    measures: str | None,
    grid: str | None,
    lock: tuple[str, ...],
    seed: int | None,
    *,
    overwrite: bool,
) -> Archive:
    """Return the archive to go on with, or a new one.

    Raises
    ------
    UserError
        If the one that is there was not made in the way that is asked for now.
    """
    from afx.explore.archive import Archive, Settings, read_archive
    from afx.explore.genetics import check_locks
    from afx.look import dump, find_look, load_library

    library = load_library()
    founders = tuple(find_look(name, library) for name in names)
    columns, rows = _grid(grid) if grid is not None else (6, 4)
    if file.exists() and not overwrite:
        there = read_archive(file)
        was = there.settings
        differs = {
            f"--measures {measures}": measures not in (None, was.measures),
            f"--grid {grid}": grid is not None and (columns, rows) != (was.columns, was.rows),
            f"--seed {seed}": seed not in (None, was.seed),
            "--lock": bool(lock) and set(lock) != set(was.locks),
            "other looks": bool(founders)
            and sorted(map(dump, founders)) != sorted(map(dump, was.founders)),
        }
        for what, true in differs.items():
            if true:
                raise UserError(
                    f"{file} was begun without {what}: choose another output with -o,"
                    " or begin anew with --overwrite"
                )
        return there
    if len({look.name for look in founders}) < len(founders):
        raise UserError("two of the looks have one name: give each once")
    founders = founders or tuple(library.values())
    check_locks(lock, founders)
    kind = measures or "colors-shape"
    return Archive.new(Settings(kind, founders, seed or 0, columns, rows, tuple(sorted(set(lock)))))


def _grid(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2})\s*[x×]\s*(\d{1,2})", text.strip().lower())
    if found is None or not all(1 <= int(n) <= 24 for n in found.groups()):
        raise UserError(f"--grid {text!r}: write columns x rows, such as 6x4, at most 24x24")
    return int(found[1]), int(found[2])


def _evolve_command(archive: Archive, names: tuple[str, ...], target: Path) -> str:
    from afx.explore.pages import typed

    settings = archive.settings
    words = ["afx explore evolve", *(typed(Path(name).name) for name in names)]
    words += ["-o", typed(target.name), "--measures", settings.measures]
    words += ["--grid", f"{settings.columns}x{settings.rows}", "--seed", str(settings.seed)]
    for lock in settings.locks:
        words += ["--lock", typed(lock)]
    return " ".join(words)


class _Status:
    """Tells people how far an evolution is: one line that changes, or a new one now and then."""

    def __init__(self, minutes: float | None, rounds: int | None, *, silent: bool) -> None:
        self.minutes, self.rounds, self.silent = minutes, rounds, silent
        self.live = not silent and sys.stderr.isatty()
        self._told = -math.inf
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        from afx.progress import PAUSE_PLAIN, clock

        if self.silent:
            return
        now = time.monotonic()
        if now - self._told < (0.2 if self.live else PAUSE_PLAIN):
            return
        self._told = now
        archive = progress.archive
        words = (
            f"Evolving  {len(archive.elites)}/{archive.cells} kinds"
            f" · quality {archive.quality:.2f} · {archive.tried} looks · {progress.rate:.0f}/s"
        )
        if self.minutes is not None:
            words += f" · {clock(max(60 * self.minutes - progress.seconds, 0))} left"
        elif self.rounds is not None:
            words += f" · round {archive.rounds}/{self.rounds}"
        if self.live:
            print(f"\r{words:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(words)
        else:
            print(words, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the line away."""
        if self.live and self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=sys.stderr, flush=True)


def _tell_evolved(
    gallery: Gallery,
    page: Path,
    picture: Path,
    file: Path,
    target: Path,
    rate: float,
    began: float,
    work: Work,
) -> None:
    from rich.text import Text

    from afx.explore.pages import typed
    from afx.progress import length
    from afx.shown import _grid as _grid_of
    from afx.shown import show, show_json, shown

    archive = gallery.archive
    if work.json:
        show_json(
            {
                "output": str(page),
                "picture": str(picture),
                "archive": str(file),
                "command": gallery.command,
                "measures": archive.settings.measures,
                "filled": len(archive.elites),
                "cells": archive.cells,
                "rounds": archive.rounds,
                "tried": archive.tried,
                "good": archive.good,
                "quality": round(archive.quality, 4),
                "likest": round(archive.likest, 4),
                "per_second": round(rate, 2),
                "tiles": [
                    {
                        "number": k,
                        "name": elite.look.name,
                        "label": elite.look.title,
                        "seed": elite.seed,
                        "cell": list(elite.cell),
                        "quality": elite.traits.quality,
                    }
                    for k, elite in enumerate(archive.ordered(), 1)
                ],
            }
        )
        return
    show(Text(shown(page), style="bold"))
    number = min(7, len(archive.elites))
    look = typed(f"{picture}#{number}")
    name = gallery.tiles[number - 1].name
    kinds = f"{len(archive.elites)} of {archive.cells}, mean quality {archive.quality:.2f}"
    rows = [
        ("Kinds", f"{kinds}, likest pair {archive.likest:.2f}"),
        ("Looks", f"{archive.tried} judged, {archive.good} good · {rate:.1f} a second"),
        ("Files", f"{shown(picture)} · {shown(file)} · {length(time.monotonic() - began)}"),
        ("Keep", f"afx explore save {look} -o {typed(f'{name}.toml')}"),
        ("Try it", f"afx frame song.mp3 --at 42 --look {look}"),
        ("Go on", f"afx explore evolve -o {typed(str(target))}"),
    ]
    show(_grid_of(rows))
