"""What the commands of ``afx explore`` write, and what they say of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afx.explore_options import Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from afx.explore.sheet import Sheet
    from afx.explore.tiles import Tile


def make_sheet(
    made: Sheet,
    target: Path,
    size: tuple[int, int],
    command: str,
    base: Tile,
    work: Work,
    source: str = "",
) -> None:
    """Paint and write a sheet, and say so; `source`, a picture, is not written over."""
    from afx.explore.outputs import check_target
    from afx.explore.writing import SHEETS, check_sheet_size, write_sheet
    from afx.production import available_threads
    from afx.progress import Count

    check_target(target, SHEETS, overwrite=work.overwrite, source=source)
    check_sheet_size(made, *size)
    began = time.perf_counter()
    threads = work.threads or available_threads()
    with Count("painting", "tiles", silent=work.json) as count:
        write_sheet(made, target, *size, command, threads=threads, on_tile=count)
    facts = {
        "output": str(target),
        "title": made.title,
        "tile_size": list(size),
        "command": command,
        "seed": base.seed,
        "moment": base.moment,
        "columns": made.columns,
        "tiles": [
            {"number": k, "name": t.name, "label": t.label, "seed": t.seed, "knobs": dict(t.knobs)}
            for k, t in enumerate(made.tiles, 1)
        ],
    }
    number = min(7, len(made.tiles))
    what = f"{len(made.tiles)} tiles of {size[0]}×{size[1]}"
    name = made.tiles[number - 1].name
    tell(target, facts, what, f"{target}#{number}", name, began, work)


def make_film(
    base: Tile,
    names: tuple[str, ...],
    target: Path,
    size: tuple[int, int],
    span: tuple[float | None, float | None],
    seconds: float,
    command: str,
    source: str,
    work: Work,
) -> None:
    """Paint and write a silent film of a tile's knobs, and say so."""
    from dataclasses import replace

    from afx.explore.outputs import check_target
    from afx.explore.sweep import film
    from afx.job import user_errors
    from afx.progress import Count

    check_target(target, (".mp4",), overwrite=work.overwrite, source=source)
    tile = replace(base, command=command)
    began = time.perf_counter()
    with user_errors(), Count("painting", "frames", silent=work.json) as progress:
        frames = film(
            tile,
            names,
            target,
            *size,
            start=span[0],
            end=span[1],
            seconds=seconds,
            on_frame=progress,
        )
    facts = {
        "output": str(target),
        "size": list(size),
        "frames": frames,
        "seconds": seconds,
        "command": command,
    }
    what = f"{seconds:g} s · {size[0]}×{size[1]} · no sound"
    tell(target, facts, what, target, base.name, began, work)


def tell(
    target: Path,
    facts: Mapping[str, Any],
    what: str,
    reference: str | Path,
    name: str,
    began: float,
    work: Work,
) -> None:
    """Say what was made, and how to go on from it."""
    from afx.shown_explore import show_made

    took = time.perf_counter() - began
    show_made(target, facts, what, reference, name, took, json=work.json)
