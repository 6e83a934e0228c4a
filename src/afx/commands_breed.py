"""``afx explore``: mutation, breeding and walks.

Sheets, sweeps, stills and saving are in ``commands_explore``, evolution in ``commands_evolve``.
Heavy modules are imported inside the commands.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from afx.commands_evolve import Locks, explore
from afx.explore_made import make_sheet
from afx.explore_options import WORK, Start, Work, size_of, tile_of
from afx.options import Film, Output, check_output, check_threads, examples, plan
from afx.options import Picture as _Picture
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from afx.explore.tiles import Tile
    from afx.look import Look

__all__ = ["explore"]

TILES = 24
_FILM = Film()


@explore.command(
    help_epilogue=examples(
        ("afx explore mutate starry-night", "makes children.png"),
        ("afx explore mutate sheet.png#7 --strength 0.15", "small steps"),
        ("afx explore mutate satin --lock palette", "other forms only"),
        ("afx explore mutate mine.toml -o children.html", "a page"),
    )
)
def mutate(
    look: str,
    /,
    *,
    output: Output = None,
    strength: float = 0.3,
    lock: Locks = (),
    tiles: int = TILES,
    seed: int = 0,
    moment: float | None = None,
    network: str | None = None,
    tile_size: str = "320x180",
    work: Work = WORK,
) -> None:
    """Paint children of a look: the first tile is the look itself.

    Every tile can be used in place of a look, also for children of its own:
    afx explore mutate children.png#7.

    Parameters
    ----------
    look
        A look's name or file, or a picture of ours.
    output
        The PNG picture or HTML page to write. Left out: children.png.
    strength
        How unlike their parent children are: 0 not at all, 1 hardly a likeness.
    tiles
        So many, with the parent.
    seed
        Another number, other children.
    moment
        Seconds since the start. Left out, the picture's, or 12.
    network
        Size of the look's neural network: width × depth, such as 64x4.
    tile_size
        Pixels of a tile.
    """
    from afx.explore import genetics
    from afx.explore.tiles import fixed

    base = _parent(look, moment, network)
    _check(strength, tiles, seed, work, least=2)
    genetics.check_locks(lock, [base.look])
    base = replace(base, look=fixed(base.look, base.seed))
    children: list[Look] = []
    for number in range(tiles - 1):
        taken = {base.name, *(child.name for child in children)}
        children.append(
            genetics.mutate(
                base.look, seed=1000 * seed + number, strength=strength, locks=lock,
                scene=base.seed, taken=taken,
            )
        )  # fmt: skip
    if lock and strength > 0 and all(_alike(child, base.look) for child in children):
        raise UserError("--lock: nothing is left that could change: leave one out")
    said = _said([look], strength, lock, tiles, seed, base, network)
    _write_family("mutate", [base], children, output, tile_size, said, [look], work)


@explore.command(
    help_epilogue=examples(
        ("afx explore breed geode rose-window", "makes children.png"),
        ("afx explore breed sheet.png#3 sheet.png#7", "of two tiles"),
        ("afx explore breed abyss satin --lock pattern", "the first's forms"),
        ("afx explore breed mine.toml satin -o sea.html", "a page"),
    )
)
def breed(
    look: str,
    other: str,
    /,
    *,
    output: Output = None,
    strength: float = 0.1,
    lock: Locks = (),
    tiles: int = TILES,
    seed: int = 0,
    moment: float | None = None,
    tile_size: str = "320x180",
    work: Work = WORK,
) -> None:
    """Paint children of two looks: the first two tiles are the parents.

    Of one pattern, children lie between their parents in everything. Of two
    patterns, a child has one parent's forms and the colors of both.

    Parameters
    ----------
    look
        A look's name or file, or a picture of ours.
    other
        Another one.
    output
        The PNG picture or HTML page to write. Left out: children.png.
    strength
        How far children step beyond what they inherit: 0 to 1.
    tiles
        So many, with the parents.
    seed
        Another number, other children.
    moment
        Seconds since the start. Left out, the first picture's, or 12.
    tile_size
        Pixels of a tile.
    """
    from afx.explore import genetics
    from afx.explore.tiles import fixed

    first, second = _parent(look, moment), _parent(other, moment)
    _check(strength, tiles, seed, work, least=3)
    genetics.check_locks(lock, [first.look, second.look])
    first, second = (replace(t, look=fixed(t.look, t.seed)) for t in (first, second))
    if second.name == first.name:
        second = replace(second, name=f"{second.name}-2")
    children: list[Look] = []
    for number in range(tiles - 2):
        taken = {first.name, second.name, *(child.name for child in children)}
        children.append(
            genetics.breed(
                first.look, second.look, seed=1000 * seed + number, strength=strength,
                locks=lock, scene=first.seed, taken=taken,
            )
        )  # fmt: skip
    said = _said([look, other], strength, lock, tiles, seed, first)
    _write_family("breed", [first, second], children, output, tile_size, said, [look, other], work)


@explore.command(
    usage="Usage: afx explore walk [OPTIONS] LOOK [SONG]",
    help_epilogue=examples(
        ("afx explore walk neural-dream", "its path, makes walk.png"),
        ("afx explore walk neural-dream song.mp3", "a video"),
        ("afx explore walk sheet.png#7 song.mp3 --bars 4", "twice as fast"),
        ("afx explore walk liquid-dream --seed 3 --reach 1", "another path"),
    ),
)
def walk(
    look: str,
    song: Path | None = None,
    /,
    *,
    output: Output = None,
    bars: float | None = None,
    stations: int | None = None,
    reach: float | None = None,
    seed: int | None = None,
    size: str | None = None,
    fps: str = "30",
    film: Film = _FILM,
    work: Work = WORK,
) -> None:
    """Lead a neural look along a smooth path through its latents, to music.

    The path is closed and goes through stations that chance has set; the
    music's bars pace it, and loud music is faster. Without a song, a sheet
    shows the stations and the way between them.

    Parameters
    ----------
    look
        A neural look's name or file, or a picture of ours.
    song
        A sound file, or a video with sound.
    output
        The MP4, or without a song the PNG or HTML. Left out: SONG.walk.mp4, walk.png.
    bars
        Bars from one station to the next, 1 to 128. Left out: 8.
    stations
        Before the path comes back, 3 to 64. Left out: 8.
    reach
        How far from rest it leads: 0 to 1. Left out: 0.6.
    seed
        Another number, another path.
    size
        Of the video: 720p, 1080p, vertical, …; of a tile: 320x180.
    fps
        Frames per second of the video.
    """
    from afx.explore.tiles import fixed
    from afx.explore.walk import strip, with_walk

    check_threads(work.threads)
    base = tile_of(look, Start())
    walking = with_walk(base.look, seed=seed, bars=bars, stations=stations, reach=reach)
    base = replace(base, look=fixed(walking, base.seed))
    assert base.look.walk is not None
    way = base.look.walk
    if song is None:
        from afx.explore.pages import typed

        if film != Film() or fps != "30":
            raise UserError("--fps, --duration and their like are for videos: name a song as well")
        if output is not None and output.suffix.lower() == ".mp4":
            raise UserError(
                f"{output}: a video needs a song, after the look; without one name it"
                f" {output.with_suffix('.png').name}"
            )

        command = (
            f"afx explore walk {typed(Path(look).name)} --bars {way.bars:g}"
            f" --stations {way.stations} --reach {way.reach:g} --seed {way.seed}"
        )
        if output is not None:
            command += f" -o {typed(output.name)}"
        target = output or _unlike(Path("walk.png"), [look])
        tile_size = size_of("--size", size or "320x180")
        make_sheet(strip(base), target, tile_size, command, base, work, look)
        return
    target = output or Path(f"{song.stem or 'song'}.walk.mp4")
    picture = _Picture(size=size or "720p", fps=fps, seed=base.seed)
    job = plan(song, picture, film, look=base.look)
    check_output(target, Path(job.song), overwrite=work.overwrite)
    from afx import production
    from afx.options import Run, painters_at_work
    from afx.progress import Meter
    from afx.shown import result_json, show_json, show_result

    threads = painters_at_work(Run(threads=work.threads))
    with Meter(float(job.rate), silent=work.json) as meter:
        result = production.render(job, target, threads=threads, on_progress=meter)
    if work.json:
        show_json({**result_json(result), "walk": way.model_dump()})
    else:
        show_result(result)


def _parent(look: str, moment: float | None, network: str | None = None) -> Tile:
    return tile_of(look, Start(moment=moment, network=network))


def _alike(child: Look, parent: Look) -> bool:
    """Tell whether two looks differ in nothing but what they are called."""
    called = {"name", "title", "summary"}
    return child.model_dump(exclude=called) == parent.model_dump(exclude=called)


def _check(strength: float, tiles: int, seed: int, work: Work, *, least: int) -> None:
    check_threads(work.threads)
    if not (math.isfinite(strength) and 0.0 <= strength <= 1.0):
        raise UserError(f"--strength {strength:g}: use 0 to 1")
    if not least <= tiles <= 1000:
        raise UserError(f"--tiles {tiles}: use {least} to 1000")
    if not 0 <= seed < 10**9:
        raise UserError(f"--seed {seed}: use 0 to {10**9 - 1}")


def _said(
    looks: Sequence[str],
    strength: float,
    lock: Sequence[str],
    tiles: int,
    seed: int,
    base: Tile,
    network: str | None = None,
) -> list[str]:
    """Return the words of a command line that makes the same children again."""
    words = [*(Path(look).name for look in looks), "--strength", f"{strength:g}"]
    for each in lock:
        words += ["--lock", each]
    words += ["--tiles", str(tiles), "--seed", str(seed), "--moment", f"{base.moment:g}"]
    return words if network is None else [*words, "--network", network]


def _write_family(
    command: str,
    parents: Sequence[Tile],
    children: Sequence[Look],
    output: Path | None,
    tile_size: str,
    said: Sequence[str],
    sources: Sequence[str],
    work: Work,
) -> None:
    from afx.explore.outputs import check_target
    from afx.explore.pages import typed
    from afx.explore.sheet import Sheet, columns_for
    from afx.explore.writing import SHEETS

    first = parents[0]
    size = size_of("--tile-size", tile_size)
    tiles = [replace(t, label=f"{t.look.title} (parent)") for t in parents]
    for child in children:
        # The clocks of the first parent: a picture may have brought where they stood.
        own = {} if child.pattern != first.look.pattern else first.knobs
        tiles.append(replace(first, name=child.name, label=child.title, look=child, knobs=own))
    titles = " × ".join(t.look.title for t in parents)
    made = Sheet(f"Children of {titles}", tuple(tiles), columns_for(len(tiles), size[0] / size[1]))
    chosen = [] if output is None else ["-o", output.name]
    words = " ".join(["afx explore", command, *map(typed, [*said, *chosen])])
    target = output or _unlike(Path("children.png"), sources)
    for source in sources[1:]:
        check_target(target, SHEETS, overwrite=work.overwrite, source=source)
    make_sheet(made, target, size, words, first, work, sources[0])


def _unlike(path: Path, sources: Sequence[str]) -> Path:
    """Return a name that is not one of the pictures that work starts from: children of children."""
    from afx.carried import source_of

    taken = {source_of(source).absolute() for source in sources}
    if path.absolute() not in taken:
        return path
    names = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return next(name for name in names if name.absolute() not in taken)
