"""``afx explore``: contact sheets, sweeps, stills, and looks taken out of pictures.

Walks, mutation, breeding and evolution are in ``commands_breed``. Heavy modules are imported
inside the commands.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Group, Parameter

from afx.explore_made import make_film, make_sheet, tell
from afx.explore_options import START, WORK, Start, Work, size_of, tile_of
from afx.options import Output, check_threads, examples
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.explore.tiles import Tile

NEURAL = "neural-dream"
TILE_SIZE, FILM_SIZE, STILL_SIZE = "320x180", "640x360", "1280x720"

explore = App(
    name="explore",
    help="Find looks: sheets, sweeps, walks, breeding, evolution.",
    help_format="plaintext",
    help_epilogue=examples(
        ("afx explore sheet", "24 seeds of a network"),
        ("afx explore sheet abyss --vary palettes", ""),
        ("afx explore sweep satin density", "one knob across its range"),
        ("afx explore save sheet.png#7 -o mine.toml", "a tile as a look file"),
        ("afx explore sheet --help", "everything to vary"),
    ),
    group_commands=Group("Commands", sort_key=0),
    group_parameters=Group("Options", sort_key=1),
)


@explore.command(
    help_epilogue=examples(
        ("afx explore sheet", "24 seeds, makes sheet.png"),
        ("afx explore sheet abyss --vary palettes", ""),
        ("afx explore sheet --vary knob:warp --tiles 8", ""),
        ("afx explore sheet --rows symmetries --columns seeds", ""),
        ("afx explore sheet mine.toml -o sheet.html", "a page with commands"),
    )
)
def sheet(
    look: str | None = None,
    /,
    *,
    output: Output = None,
    vary: str | None = None,
    rows: str | None = None,
    columns: str | None = None,
    tiles: int | None = None,
    tile_size: str = TILE_SIZE,
    start: Start = START,
    work: Work = WORK,
) -> None:
    """Paint many versions of a look side by side: a contact sheet.

    What varies is one of: seeds, networks, activations, symmetries,
    initializers (of neural looks), palettes, looks, moments, knob:NAME.
    Every tile can be used in place of a look: sheet.png#7.

    Parameters
    ----------
    look
        A look's name or file, or a picture of ours. Left out: neural-dream.
    output
        The PNG picture or HTML page to write. Left out: sheet.png.
    vary
        What differs from tile to tile. Left out: seeds.
    rows
        What differs from row to row; with --columns.
    columns
        What differs across; with --rows.
    tiles
        At most so many. Left out: 24, and all where there is an end, as of looks.
    tile_size
        Pixels of a tile.
    """
    from afx.explore.sheet import DEFAULT_TILES, MOST_TILES, crossed, varied
    from afx.explore.variety import AXES, is_open
    from afx.look import load_library

    check_threads(work.threads)
    if (rows is None) != (columns is None):
        raise UserError("--rows and --columns go together; for one thing use --vary")
    if rows is not None and vary is not None:
        raise UserError("--vary is for one thing, --rows and --columns for two: choose")
    if tiles is not None and not 1 <= tiles <= MOST_TILES:
        raise UserError(f"--tiles {tiles}: use 1 to {MOST_TILES}")
    size = size_of("--tile-size", tile_size)
    base = tile_of(look or NEURAL, start)
    library = load_library()
    if rows is not None and columns is not None:
        made = crossed(base, rows, columns, library, tiles=tiles)
        said = ["--rows", rows, "--columns", columns]
    else:
        axis = vary if vary is not None else AXES[0]
        aspect = size[0] / size[1]
        most = tiles or (DEFAULT_TILES if is_open(axis) else MOST_TILES)
        made = varied(base, axis, library, tiles=most, aspect=aspect)
        said = ["--vary", axis]
    if tiles is not None:
        said += ["--tiles", str(tiles)]
    if tile_size != TILE_SIZE:
        said += ["--tile-size", tile_size]
    command = _command("sheet", look, said, base, start, output)
    make_sheet(made, output or Path("sheet.png"), size, command, base, work, look or "")


@explore.command(
    help_epilogue=examples(
        ("afx explore sweep satin detail", "9 steps, makes sweep.png"),
        ("afx explore sweep satin detail density", "a grid"),
        ("afx explore sweep satin detail --from 0.2 --to 0.6", ""),
        ("afx explore sweep satin detail -o sweep.mp4", "there and back"),
    )
)
def sweep(
    look: str,
    knob: str,
    second: str | None = None,
    /,
    *,
    output: Output = None,
    first: Annotated[float | None, Parameter(name="--from")] = None,
    last: Annotated[float | None, Parameter(name="--to")] = None,
    steps: int | None = None,
    seconds: float | None = None,
    tile_size: str | None = None,
    start: Start = START,
    work: Work = WORK,
) -> None:
    """Turn one knob across its range, or two as a grid.

    With -o name.mp4 a silent film in which the knob goes there and back, and
    nothing else moves. A clock's value is a speed, which no still shows: of a
    clock, the phase it has reached is swept.

    Parameters
    ----------
    look
        A look's name or file, or a picture of ours.
    knob
        A knob of the look (see: afx patterns NAME).
    second
        Another one, from top to bottom.
    output
        The PNG, HTML or MP4 to write. Left out: sweep.png.
    first
        Where the first knob starts. Left out: its lowest.
    last
        Where it ends. Left out: its highest.
    steps
        Pictures in a row, 2 to 100. Left out: 9, for a grid 5.
    seconds
        Length of a film, 1 to 60. Left out: 6.
    tile_size
        Pixels of a tile. Left out: 320x180, for a film 640x360.
    """
    from afx.explore.sweep import GRID_STEPS, SECONDS, STEPS, swept

    check_threads(work.threads)
    target = output or Path("sweep.png")
    filmed = target.suffix.lower() == ".mp4"
    names = (knob,) if second is None else (knob, second)
    for option, value in (("--from", first), ("--to", last)):
        if value is not None and not math.isfinite(value):
            raise UserError(f"{option} {value}: use a number")
    if steps is not None and filmed:
        raise UserError("a film has no steps: leave out --steps, or name a .png")
    if seconds is not None and not filmed:
        raise UserError("--seconds is for films: name the output .mp4")
    most = 100 if second is None else 31
    if steps is not None and not 2 <= steps <= most:
        raise UserError(f"--steps {steps}: use 2 to {most}")
    if seconds is not None and not 1 <= seconds <= 60:
        raise UserError(f"--seconds {seconds:g}: use 1 to 60")
    size = size_of("--tile-size", tile_size or (FILM_SIZE if filmed else TILE_SIZE))
    base = tile_of(look, start)
    said = [*names]
    said += [] if first is None else ["--from", f"{first:g}"]
    said += [] if last is None else ["--to", f"{last:g}"]
    said += [] if tile_size is None else ["--tile-size", tile_size]
    if not filmed:
        said += [] if steps is None else ["--steps", str(steps)]
        count = steps or (STEPS if second is None else GRID_STEPS)
        made = swept(base, names, start=first, end=last, steps=count)
        command = _command("sweep", look, said, base, start, output)
        make_sheet(made, target, size, command, base, work, look)
        return
    said += [] if seconds is None else ["--seconds", f"{seconds:g}"]
    command = _command("sweep", look, said, base, start, output)
    make_film(base, names, target, size, (first, last), seconds or SECONDS, command, look, work)


@explore.command(
    help_epilogue=examples(
        ("afx explore still abyss", "makes abyss.png"),
        ("afx explore still sheet.png#7 --size 4k", "a tile, large"),
        ("afx explore still satin --set density=0.8 --seed 3", ""),
    )
)
def still(
    look: str,
    /,
    *,
    output: Output = None,
    size: str = STILL_SIZE,
    start: Start = START,
    work: Work = WORK,
) -> None:
    """Paint one picture of a look, without music.

    It carries its settings and can be used in place of a look.

    Parameters
    ----------
    look
        A look's name or file, or a picture of ours.
    output
        The PNG to write. Left out, it is called as the look.
    size
        480p, 720p, 1080p, 1440p, 4k, vertical, square, or such as 1280x720.
    """
    from dataclasses import replace

    from afx.explore.outputs import check_target
    from afx.explore.tiles import fixed, paint, tile_settings
    from afx.job import user_errors
    from afx.progress import Count
    from afx.video import write_png

    check_threads(work.threads)
    width, height = size_of("--size", size)
    base = tile_of(look, start)
    target = output if output is not None else Path(f"{base.name}.png")
    check_target(target, (".png",), overwrite=work.overwrite, source=look)
    said = ["--size", size] if size != STILL_SIZE else []
    command = _command("still", look, said, base, start, output)
    tile = replace(base, look=fixed(base.look, base.seed), command=command)
    began = time.perf_counter()
    with Count("painting", "pictures", silent=work.json) as count:
        (picture,) = paint([tile], width, height, 1, count)
    settings = tile_settings(tile)
    with user_errors():
        write_png(target, picture, settings)
    facts = {"output": str(target), "size": [width, height], **settings}
    what = f"{width}×{height} · seed {tile.seed} · {tile.moment:g} s in"
    tell(target, facts, what, target, tile.name, began, work)


@explore.command(
    help_epilogue=examples(
        ("afx explore save sheet.png#7 -o mine.toml", "a tile"),
        ("afx explore save sheet.html#7 --name 'Night sea'", ""),
        ("afx explore save song.mp4", "the look of a video"),
        ("afx explore save tile.png --weights mine.safetensors", ""),
    )
)
def save(
    picture: str,
    /,
    *,
    output: Output = None,
    name: str | None = None,
    weights: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Save the look of a picture as a look file.

    Parameters
    ----------
    picture
        A sheet with a tile's number (sheet.png#7), a still, a video, a page.
    output
        The look file to write (.toml). Left out, it is called as the tile.
    name
        A title for people.
    weights
        Write the network's weights to this .safetensors file too.
    overwrite
        Replace a file that is there.
    json
        Print the result as JSON, for programs.
    """
    from afx.carried import carried, is_picture
    from afx.explore.outputs import check_target
    from afx.explore.saved import look_file, write_weights
    from afx.look import look_in
    from afx.shown_explore import show_saved
    from music_analysis.page_parts import write_text

    if not is_picture(picture):
        raise UserError(
            f"{picture} is no picture of ours: use such as sheet.png#7;"
            f" a look is copied with afx looks NAME --toml"
        )
    found, look = carried(picture), look_in(picture)
    target = output if output is not None else Path(f"{found.name}.toml")
    check_target(target, (".toml",), overwrite=overwrite)
    text = look_file(look, found, target, title=name)
    if weights is not None:
        check_target(weights, (".safetensors",), overwrite=overwrite)
        write_weights(look, found.seed or 0, weights, f"taken out of {Path(found.where).name}")
    write_text(target, text)
    show_saved(target, weights, text, json=json)


def _command(
    command: str, look: str | None, said: list[str], base: Tile, start: Start, output: Path | None
) -> str:
    """Return the command line that makes a picture again."""
    from afx.explore.start import spelled

    return spelled(
        command,
        look,
        *said,
        base=base,
        turns=start.turn,
        network=start.network,
        palette=start.palette,
        output=output,
    )
