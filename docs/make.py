"""Make the pages and pictures of the documentation that come from the code itself.

.venv/bin/python docs/make.py            # patterns.md, looks.md, tables of cppn.md and routes.md
.venv/bin/python docs/make.py --pictures # also the stills, the sheets and the analysis
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import get_args

from afx.expression import ALIASES
from afx.field import Knob
from afx.look import load_library
from afx.look_parts import Route
from afx.operations import FUNCTIONS
from afx.palette import resolve
from afx.patterns import FAMILIES, PATTERNS, Architecture, Pattern
from afx.patterns.architecture import Coordinate
from afx.patterns.initializers import RECIPES
from afx.source_names import SOURCES, STEM_PARTS
from afx.stage import GRADE_KNOBS, STAGE_KNOBS

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
from make_looks import looks_page, sheets  # noqa: E402 - beside this file

STILLS = ("still-1.webp", "still-2.webp", "still-3.webp")
ANALYSIS = "analysis.webp"
MOMENT = 31.0
"""Second of the demo song that the stills show: in the first chorus."""


def knob_table(knobs: tuple[Knob, ...]) -> list[str]:
    """Return a Markdown table of knobs."""
    lines = ["| knob | at rest | range | unit | what it does |", "|---|---|---|---|---|"]
    for k in knobs:
        unit = "speed, per second" if k.kind == "clock" else k.unit
        lines.append(f"| `{k.name}` | {k.default:g} | {k.lo:g} … {k.hi:g} | {unit} | {k.help} |")
    return lines


def _pattern(p: Pattern) -> list[str]:
    return [
        f"### `{p.name}`: {p.title}",
        "",
        f"{p.summary}.",
        "",
        *knob_table(p.knobs),
        "",
        f"*Source: {p.source}.*",
        "",
    ]


MEMORY = (
    "Most patterns know nothing of the frames before: any frame can be made alone."
    f" {', '.join(f'`{n}`' for n, p in sorted(PATTERNS.items()) if p.simulation is not None)} have"
    " a memory: light that fades, chemicals that grow, points on their way. Clocks carry them all:"
    " in quiet music the same picture goes slowly, and a hit pushes it on. It lies on a grid of"
    " its own, so a thumbnail and a 4K frame show the same; it begins with each scene, or at a"
    " *handover* with the picture of the scene before; and it goes forward frame by frame, so a"
    " frame late in a scene takes all the steps before it (4 to 16 ms each). Excerpts, stills"
    " and resumed videos show exactly the whole's frames. Stills without music, as on contact"
    " sheets, are sketched in coarse steps over the last seconds. A look has room for one memory."
    " The ink of `feedback` is drawn into its light and carried away with it, not laid over it.",
)
"""What is said of patterns with a memory."""


def patterns_page() -> str:
    """Return docs/patterns.md."""
    lines = [
        "# Patterns",
        "",
        "A pattern is a scalar field: for each point of the picture a tone (its place in the"
        " palette), an offset of the hue and a mask. The music holds its knobs; `afx patterns NAME`"
        " prints the same tables. Made by `docs/make.py`.",
        "",
        *MEMORY,
        "",
    ]
    for family in FAMILIES:
        lines += [f"## {family.capitalize()}", ""]
        for name in sorted(PATTERNS):
            if PATTERNS[name].family == family:
                lines += _pattern(PATTERNS[name])
    lines += [
        "## Knobs that every look has",
        "",
        "The stage is the camera and a soft current that bends space:",
        "",
        *knob_table(STAGE_KNOBS),
        "",
        "The grade turns tones into color:",
        "",
        *knob_table(GRADE_KNOBS),
        "",
    ]
    return "\n".join(lines)


def analysis_picture() -> None:
    """Draw the analysis of the demo song."""
    from dataclasses import replace

    from PIL import Image

    from music_analysis import analysis, plots
    from music_analysis.audio import load
    from music_analysis.synth import demo_song, write_wav

    with tempfile.TemporaryDirectory() as folder:
        song, picture = Path(folder) / "demo.wav", Path(folder) / "demo.png"
        made = demo_song()
        write_wav(song, made.samples, made.sample_rate)
        found = analysis.analyze(load(song), cache=False)
        plots.draw(replace(found, title="The demo song"), "analysis", picture)
        image = Image.open(picture).convert("RGB")
        size = (1280, round(image.height * 1280 / image.width))
        image.resize(size, Image.Resampling.LANCZOS).save(DOCS / ANALYSIS, quality=84, method=6)


def pictures() -> None:
    """Render the three stills."""
    from PIL import Image

    from afx.job import make_job
    from afx.production import still
    from music_analysis.synth import demo_song, write_wav

    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "demo.wav"
        made = demo_song()
        write_wav(song, made.samples, made.sample_rate)
        library = load_library()
        for name, file in zip(FAVORITES, STILLS, strict=True):
            job = make_job(song, {name: library[name]}, size=(1280, 720), seed=1)
            image = Image.fromarray(still(job, MOMENT))
            image.save(DOCS / file, quality=84, method=6)


def network_table() -> str:
    """Return the table of a look's [network] keys, from the model that checks them."""
    lines = ["| key | if left out | range | what it is |", "|---|---|---|---|"]
    for name, field in Architecture.model_fields.items():
        if name == "weights_sha256":
            continue  # written by afx, not by people
        limits = {type(m).__name__: m for m in field.metadata}
        lo = limits["Ge"].ge if "Ge" in limits else ""
        hi = limits["Le"].le if "Le" in limits else ""
        choices = get_args(field.annotation)
        if choices and all(isinstance(c, str) for c in choices):
            allowed = ", ".join(f"`{c}`" for c in choices)
        elif name == "coordinates":
            allowed = ", ".join(f"`{c}`" for c in get_args(Coordinate))
        elif name == "activations":
            allowed = "names of activations and mixes, see above"
        else:
            allowed = f"{lo:g} … {hi:g}" if lo != "" and hi != "" else ""
        default = field.default
        if isinstance(default, tuple):
            default = ", ".join(default)
        shown = f"`{default}`" if default not in (None, "") else ""
        lines.append(f"| `{name}` | {shown} | {allowed} | {field.description} |")
    return "\n".join(lines)


def recipe_table() -> str:
    """Return the table of initializers and where they come from."""
    lines = ["| name | what it does, and its source |", "|---|---|"]
    lines.append("| `prepared` | ours: every unit and the whole picture measured and set |")
    return "\n".join(lines + [f"| `{name}` | {r.source} |" for name, r in RECIPES.items()])


def cppn_page(text: str) -> str:
    """Return docs/cppn.md with its tables made anew."""
    return _with_tables(text, {"network": network_table(), "recipes": recipe_table()})


def _with_tables(text: str, tables: dict[str, str]) -> str:
    """Return a page with the tables between its marks made anew."""
    for mark, table in tables.items():
        start, end = f"<!-- {mark}: made by docs/make.py -->", f"<!-- end of {mark} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return text


def source_table() -> str:
    """Return the table of all sources."""
    short = {full: name for name, full in ALIASES.items()}
    lines = ["| source | short | what it is |", "|---|---|---|"]
    for name, words in SOURCES.items():
        alias = f"`{short[name]}`" if name in short else ""
        lines.append(f"| `{name}` | {alias} | {words} |")
    return "\n".join(lines)


def stem_table() -> str:
    """Return the table of what there is of every stem."""
    lines = ["| source | what it is |", "|---|---|"]
    for part, (_, told) in STEM_PARTS.items():
        lines.append(f"| `stem.drums{'.' if part else ''}{part}` | {told} |")
    return "\n".join(lines)


def route_table() -> str:
    """Return the table of a route's keys, from the model that checks them."""
    lines = ["| key | if left out | range | what it is |", "|---|---|---|---|"]
    for name, field in Route.model_fields.items():
        limits = {type(m).__name__: m for m in field.metadata}
        choices = ", ".join(f"`{c}`" for c in get_args(field.annotation))
        numbers = f"{limits['Ge'].ge:g} … {limits['Le'].le:g}" if "Ge" in limits else ""
        allowed = numbers or choices
        default = "needed" if field.is_required() else f"`{str(field.default).lower()}`"
        lines.append(f"| `{name}` | {default} | {allowed} | {field.description} |")
    return "\n".join(lines)


def function_table() -> str:
    """Return the table of the functions of expressions."""
    lines = ["| function | what it gives |", "|---|---|"]
    return "\n".join(lines + [f"| `{f.usage}` | {f.help} |" for f in FUNCTIONS.values()])


def routes_page(text: str) -> str:
    """Return docs/routes.md with its tables made anew."""
    tables = {
        "keys": route_table(),
        "sources": source_table(),
        "stems": stem_table(),
        "functions": function_table(),
    }
    return _with_tables(text, tables)


Tile = tuple[str, dict[str, object], str, int]
"""What stands below it, its [network], its palette, its seed."""


def _cppn_sheets() -> dict[str, tuple[int, list[Tile]]]:
    """Return columns and tiles of every sheet of docs/cppn.md."""
    return {
        "sizes": (
            4,
            [
                (f"{width} wide, {depth} deep", {"width": width, "depth": depth}, "dusk", 8)
                for depth in (1, 4, 8, 12)
                for width in (6, 16, 64, 256)
            ],
        ),
        "activations": (
            4,
            [
                (" ".join(names), {"width": 24, "depth": 4, "activations": names}, "glacier", 5)
                for names in (
                    ["mixed"], ["waves"], ["distill"], ["nineties"], ["siren"], ["finer"],
                    ["tanh"], ["gaussian"], ["softplus", "cosine"], ["absolute"], ["sigmoid"],
                    ["relu"],
                )
            ],
        ),
        "symmetry": (
            3,
            [
                (label, {"width": 16, "depth": 5, "fineness": 5.0, **said}, "solar-wind", 4)
                for label, said in (
                    ("none", {}),
                    ("mirror", {"symmetry": "mirror"}),
                    ("quarter", {"symmetry": "quarter"}),
                    ("rotate, folds 5", {"symmetry": "rotate", "folds": 5}),
                    ("kaleidoscope, folds 8", {"symmetry": "kaleidoscope", "folds": 8}),
                    ("tile", {"symmetry": "tile", "tiles": 0.75}),
                )
            ],
        ),
        "initializers": (
            4,
            [
                (name, {"width": 32, "depth": 6, "initializer": name, **said}, "aurora", 3)
                for name, said in (
                    ("prepared", {}),
                    ("distill", {"activations": ["distill"]}),
                    ("siren", {"activations": ["siren"]}),
                    ("finer", {"activations": ["finer"]}),
                    *((name, {}) for name in ("glorot", "lecun", "he", "uniform")),
                )
            ],
        ),
        "inputs": (
            3,
            [
                (label, {"width": 20, "depth": 4, **said}, "copper-patina", 8)
                for label, said in (
                    ("fineness 2.5", {"fineness": 2.5}),
                    ("fineness 4.2", {}),
                    ("fineness 9", {"fineness": 9.0}),
                    ("x and y alone", {"coordinates": ["x", "y"]}),
                    ("with angle", {"coordinates": ["x", "y", "radius", "angle"]}),
                    ("Fourier 16, scale 1", {"fourier": 16, "fineness": 9.0}),
                )
            ],
        ),
        "raw": (
            4,
            [
                (f"{label}, seed {seed}", {"output": out, "activations": nineties}, "dusk", seed)
                for nineties in [["nineties"]]
                for label, out in (("raw RGB", "rgb"), ("through a palette", "fields"))
                for seed in (1, 2, 4, 6)
            ],
        ),
    }  # fmt: skip


def cppn_pictures() -> None:
    """Render the sheets of docs/cppn.md."""
    from PIL import Image, ImageDraw, ImageFont

    from afx.easel import Easel

    width, height, gap, below = 288, 162, 6, 20
    easel, font = Easel(width * 2, height * 2), ImageFont.load_default(13)
    base = load_library()["neural-dream"]
    for sheet, (columns, tiles) in _cppn_sheets().items():
        rows = -(-len(tiles) // columns)
        size = (columns * (width + gap) - gap, rows * (height + gap + below) - gap)
        image = Image.new("RGB", size, (16, 16, 20))
        draw = ImageDraw.Draw(image)
        for index, (label, said, palette, seed) in enumerate(tiles):
            network = Architecture.model_validate(said)
            look = base.model_copy(update={"network": network, "palette": resolve(palette)})
            made = Image.fromarray(easel.still(look, seed=seed))
            x, y = index % columns * (width + gap), index // columns * (height + gap + below)
            image.paste(made.resize((width, height), Image.Resampling.LANCZOS), (x, y))
            draw.text((x + 3, y + height + 1), label, fill=(220, 220, 228), font=font)
        image.save(DOCS / f"cppn-{sheet}.webp", quality=80, method=6)


FAVORITES = ("northern-lights", "dahlia", "elephant-valley")
"""Looks of the three stills."""


def main() -> None:
    """Write everything asked for."""
    (DOCS / "patterns.md").write_text(patterns_page(), encoding="utf-8")
    (DOCS / "looks.md").write_text(looks_page(), encoding="utf-8")
    for name, made in (("cppn.md", cppn_page), ("routes.md", routes_page)):
        page = DOCS / name
        page.write_text(made(page.read_text(encoding="utf-8")), encoding="utf-8")
    import make_layers
    import make_light
    import make_palettes

    make_layers.write(pictures="--pictures" in sys.argv[1:])
    make_palettes.write(pictures="--pictures" in sys.argv[1:])
    make_light.write(pictures="--pictures" in sys.argv[1:])
    if "--pictures" in sys.argv[1:]:
        analysis_picture()
        pictures()
        sheets()
        cppn_pictures()


if __name__ == "__main__":
    main()
