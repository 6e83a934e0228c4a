"""Pages: a contact sheet as one self-contained HTML file, with the commands to go on from it.

Everything is inside: pictures, style, script, and the settings that make the page a sheet like any
other (``page.html#7`` stands for a look). It asks the network for nothing.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afx.carried import PAGE_START
from afx.explore.tiles import Tile
from afx.stills import stamp
from music_analysis.page_parts import file_of, in_script, template_of


@dataclass(frozen=True)
class Step:
    """One thing to do with a tile: what for, and the command line."""

    words: str
    command: str


def typed(path: str | Path) -> str:
    """Spell a path for a command line; a ``#`` inside a word needs no quotes in any shell."""
    text = os.fspath(path)
    if re.fullmatch(r"[\w./:#+,=@%-]+", text) and not text.startswith("#"):
        return text
    return f'"{text}"' if os.name == "nt" else shlex.quote(text)


def next_steps(reference: str, name: str) -> list[Step]:
    """Return what can be done with a tile of a file: `reference` is such as ``sheet.png#7``."""
    look = typed(reference)
    return [
        Step("Keep it as a look file", f"afx explore save {look} -o {typed(f'{name}.toml')}"),
        Step("Try it on a song", f"afx frame song.mp3 --at 42 --look {look}"),
        Step("Make a video with it", f"afx render song.mp3 --look {look}"),
        Step("Paint it large", f"afx explore still {look} -o {typed(f'{name}.png')}"),
        Step("Children of it", f"afx explore mutate {look}"),
    ]


def page(
    rgbs: Sequence[NDArray[np.uint8]],
    tiles: Sequence[Tile],
    columns: int,
    title: str,
    settings: Mapping[str, Any],
    *,
    file_name: str,
    words: str = "",
    grid: bool = False,
    steps: Sequence[Sequence[Step]] | None = None,
    head: str = "",
) -> str:
    """Return a page of tiles as HTML.

    Parameters
    ----------
    rgbs : sequence of uint8 arrays [height, width, 3]
    tiles : sequence of Tile
        As many.
    columns : int
        On a wide screen, where `grid` is true.
    title : str
    settings : mapping
        From `afx.explore.tiles.sheet_settings`.
    file_name : str
        How the page will be called: commands name it.
    words : str
        A line below the title.
    grid : bool
        Whether columns mean something; else tiles flow.
    steps : sequence of sequences of Step, optional
        What can be done with each tile, if not `next_steps`.
    head : str
        More for the page's head, trusted HTML (a page that is still growing reloads itself).
    """
    height, width = rgbs[0].shape[:2]
    entries = []
    for index, (rgb, tile) in enumerate(zip(rgbs, tiles, strict=True)):
        own = next_steps(f"{file_name}#{index + 1}", tile.name)
        entries.append(
            {
                "number": index + 1,
                "name": tile.name,
                "label": tile.label,
                "picture": _webp(rgb),
                "facts": _facts(tile),
                "steps": steps[index] if steps is not None else own,
            }
        )
    return str(
        template_of("afx.explore", "sheet.html").render(
            title=title,
            words=words,
            command=settings.get("command", ""),
            tiles=entries,
            columns=columns if grid else 0,
            width=width,
            height=height,
            start=PAGE_START,
            settings=in_script(stamp(settings)),
            style=file_of("afx.explore", "sheet.css"),
            script=file_of("afx.explore", "sheet.js"),
            head=head,
        )
    )


def _facts(tile: Tile) -> list[tuple[str, str]]:
    """Return what a tile is made of, as rows of words."""
    look = tile.look
    facts = [("look", look.title), ("pattern", look.pattern)]
    facts.append(("palette", look.palette.title or "its own"))
    facts.append(("seed", f"{tile.seed}"))
    facts.append(("moment", f"{tile.moment:g} s"))
    if look.network is not None:
        said = look.network.model_dump(mode="json", exclude_unset=True)
        genes = said.pop("genes", None)
        facts += [(key.replace("_", " "), _value(value)) for key, value in said.items()]
        if genes:
            facts.append(("genes", ", ".join(str(gene["seed"]) for gene in genes)))
    knobs = {**look.knobs, **tile.knobs}
    facts += [(name, f"{value:.4g}") for name, value in sorted(knobs.items())]
    return facts


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _webp(rgb: NDArray[np.uint8]) -> str:
    data = io.BytesIO()
    # At 90 a tile of 320×180 has some 15 kB and shows no blocks in dark gradients.
    Image.fromarray(rgb).save(data, "WEBP", quality=90, method=4)
    return base64.b64encode(data.getvalue()).decode()
