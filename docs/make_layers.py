"""Make the tables and the sheet of docs/layers.md; docs/make.py calls this."""

from __future__ import annotations

from pathlib import Path

from afx.field.knob import Knob, knobs_of
from afx.look import parse_look
from afx.patterns.layer_fields import ink_knobs, line_knobs, warp_knobs

DOCS = Path(__file__).parent
PAGE, SHEET = "layers.md", "layers.webp"

TILES: tuple[tuple[str, str, str, float], ...] = (
    ("girih", "", "ember", 12),
    ("warp ink", '[warp]\npattern = "ink"', "ember", 12),
    ("warp silk", '[warp]\npattern = "silk"\namount = 0.8', "ember", 12),
    ("warp hyperbolic", '[warp]\npattern = "hyperbolic"', "ember", 12),
    ("silk", "", "glacier", 12),
    ("ink girih", '[ink]\npattern = "girih"\namount = 0.7', "glacier", 12),
    ("ink mandala", '[ink]\npattern = "mandala"\namount = 0.8', "glacier", 12),
    ("ink coral, lines", '[ink]\npattern = "coral"\nstyle = "lines"\namount = 0.9', "glacier", 12),
    ("truchet, 6 sectors", "[symmetry]\nfold = 6", "peacock", 12),
    ("silk, 5 sectors", "[symmetry]\nfold = 5", "peacock", 12),
    ("agate, 3 sectors", "[symmetry]\nfold = 3", "peacock", 12),
    ("ink, mirror x", '[symmetry]\nmirror = "x"', "peacock", 12),
)
"""What stands below each picture, what its look says besides, its palette, its moment."""

BASES = ("girih",) * 4 + ("silk",) * 4 + ("truchet", "silk", "agate", "ink")


def knob_table(layer: str, knobs: tuple[Knob, ...]) -> str:
    """Return the table of a layer's own knobs."""
    lines = ["| knob | at rest | range | unit | what it does |", "|---|---|---|---|---|"]
    for k in knobs:
        name = f"{layer}.{k.name}"
        lines.append(f"| `{name}` | {k.default:g} | {k.lo:g} … {k.hi:g} | {k.unit} | {k.help} |")
    return "\n".join(lines)


def layers_page(text: str) -> str:
    """Return docs/layers.md with its tables made anew."""
    tables = {
        "warp": knob_table("warp", knobs_of(warp_knobs)),
        "tones": knob_table("ink", knobs_of(ink_knobs)),
        "lines": knob_table("ink", knobs_of(line_knobs)),
    }
    for mark, table in tables.items():
        start, end = f"<!-- {mark}: made by docs/make.py -->", f"<!-- end of {mark} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return text


def write(*, pictures: bool) -> None:
    """Write the page's tables, and its sheet if asked for."""
    page = DOCS / PAGE
    page.write_text(layers_page(page.read_text(encoding="utf-8")), encoding="utf-8")
    if pictures:
        sheet()


def sheet() -> None:
    """Render the page's sheet."""
    from PIL import Image, ImageDraw, ImageFont

    from afx.easel import Easel

    width, height, gap, below, columns = 288, 162, 6, 20, 4
    easel, font = Easel(width * 2, height * 2), ImageFont.load_default(13)
    rows = -(-len(TILES) // columns)
    size = (columns * (width + gap) - gap, rows * (height + gap + below) - gap)
    image = Image.new("RGB", size, (16, 16, 20))
    draw = ImageDraw.Draw(image)
    for index, ((label, said, palette, moment), base) in enumerate(zip(TILES, BASES, strict=True)):
        text = f'title = "T"\npattern = "{base}"\npalette = "{palette}"\n\n{said}\n'
        look = parse_look(text, "tile", "tile")
        made = Image.fromarray(easel.still(look, seed=1, moment=moment))
        x, y = index % columns * (width + gap), index // columns * (height + gap + below)
        image.paste(made.resize((width, height), Image.Resampling.LANCZOS), (x, y))
        draw.text((x + 3, y + height + 1), label, fill=(220, 220, 228), font=font)
    image.save(DOCS / SHEET, quality=80, method=6)
