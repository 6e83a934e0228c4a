"""Make docs/looks.md, the gallery of all looks, and its sheets; docs/make.py calls this."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from afx.look import Look, load_library
from afx.patterns import FAMILIES, PATTERNS

DOCS = Path(__file__).parent
COSTS = DOCS.parent / "benchmarks" / "looks.json"
SHEET = "looks.webp"
"""A few looks of every family, for the front page."""
FRONT = (
    "northern-lights", "dahlia", "elephant-valley", "starlings", "circle-limit", "tidepool",
    "sainte-chapelle", "phoenix", "rose-window", "sea-cave", "abyss", "malachite",
)  # fmt: skip
SECTIONS = (("verse", 2), ("chorus", 4))
"""Bars of the song that is played for the sheets."""
MOMENT = 10.0
"""Second of it that they show: in the chorus."""
WORDS = {
    "fractal": "Shapes within shapes, as deep as one looks.",
    "organic": "What grows, divides and dreams; networks are here, too.",
    "flowing": "Currents, cloth, light and sand on their way.",
    "geometric": "Ornaments: stars, tiles, rings and mirrors.",
    "spatial": "Flights through rooms that have no end.",
}
"""What is said of a family."""


def _level(value: float, low: str, middle: str, high: str) -> str:
    return low if value < 0.35 else middle if value <= 0.65 else high


def suits(look: Look) -> str:
    """Return the music in which a look feels at home, in words."""
    s = look.suits
    force = _level(s.energy, "quiet", "moderate", "loud")
    sound = _level(s.brightness, "dark", "balanced", "bright")
    return f"{force}, {sound}, {s.tempo:g} bpm"


def made_of(look: Look) -> str:
    """Return a look's patterns, and its mirrors, in words."""
    parts = [f"`{look.pattern}`"]
    parts += [f"bent by `{look.warp.pattern}`"] if look.warp is not None else []
    if look.ink is not None:
        lines = "lines of " if look.ink.style == "lines" else ""
        parts.append(f"with {lines}`{look.ink.pattern}`")
    parts += [f"in {look.symmetry.fold} sectors"] if look.symmetry.fold else []
    parts += [f"mirrored {look.symmetry.mirror}"] if look.symmetry.mirror != "none" else []
    return " ".join(parts)


@cache
def _measured() -> dict[str, dict[str, Any]]:
    """Return what the benchmarks have kept of every look, if they have run."""
    if not COSTS.exists():
        return {}
    kept = json.loads(COSTS.read_text(encoding="utf-8"))
    return dict(kept["looks"])


def cost(name: str) -> str:
    """Return what a frame costs, in words."""
    row = _measured().get(name, {})
    if not row.get("ms"):
        return ""
    return f"{row['ms']:.0f} ms" + (", slow" if row["realtime"] < 1.0 else "")


def families() -> dict[str, dict[str, Look]]:
    """Return the looks of every family, by name."""
    library = load_library()
    return {
        family: {n: k for n, k in sorted(library.items()) if PATTERNS[k.pattern].family == family}
        for family in FAMILIES
    }


def looks_page() -> str:
    """Return docs/looks.md."""
    found = families()
    costs = bool(_measured())
    told = (
        " *Cost* is what a frame takes on one core at 1280x720, as RESULTS.md measures it; a look"
        " called slow takes longer than the song."
    )
    lines = [
        "# Looks",
        "",
        "A look is a small TOML file: a pattern, its knobs at rest, a palette, and how the music"
        " holds the knobs. `afx looks NAME --toml > mine.toml` copies one to start from;"
        " `afx render song.mp3 --look mine.toml` uses it. [routes.md](routes.md) tells what music"
        " can do to it, [layers.md](layers.md) how patterns are put together. Made by"
        " `docs/make.py`.",
        "",
        f"There are {sum(map(len, found.values()))}, in {len(FAMILIES)} families. *Suits* is the"
        " music that a look is chosen for when nobody says which; any look can be had for any song."
        + (told if costs else ""),
        "",
    ]
    for family, looks in found.items():
        lines += [
            f"## {family.capitalize()}",
            "",
            WORDS[family],
            "",
            f"![The {family} looks, each in a chorus](looks-{family}.webp)",
            "",
            "| look | what it is | tags | suits | made of | colors |"
            + (" cost |" if costs else ""),
            "|---|---|---|---|---|---|" + ("---|" if costs else ""),
        ]
        for name, look in looks.items():
            lines.append(
                f"| `{name}` | **{look.title}**: {look.summary} | {', '.join(look.tags)} |"
                f" {suits(look)} | {made_of(look)} | {look.palette.title or 'its own'} |"
                + (f" {cost(name)} |" if costs else "")
            )
        lines.append("")
    return "\n".join(lines)


def sheets() -> None:
    """Render one sheet for every family, and one for the front page."""
    from PIL import Image, ImageDraw, ImageFont

    from afx.job import make_job
    from afx.production import still
    from music_analysis.synth import SongSpec, make_song, write_wav

    width, height, gap, below, columns = 640, 360, 6, 24, 3
    font = ImageFont.load_default(15)

    def sheet(tiles: dict[str, Image.Image], file: str, quality: int) -> None:
        rows = -(-len(tiles) // columns)
        size = (columns * (width + gap) - gap, rows * (height + gap + below) - gap)
        image = Image.new("RGB", size, (16, 16, 20))
        draw = ImageDraw.Draw(image)
        for index, (name, tile) in enumerate(tiles.items()):
            x, y = index % columns * (width + gap), index // columns * (height + gap + below)
            image.paste(tile, (x, y))
            draw.text((x + 4, y + height + 2), name, fill=(220, 220, 228), font=font)
        image.save(DOCS / file, quality=quality, method=6)

    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        made = make_song(SongSpec(tempo=120.0, sections=SECTIONS))
        write_wav(song, made.samples, made.sample_rate)
        shown: dict[str, Image.Image] = {}
        for family, looks in families().items():
            for name, look in looks.items():
                job = make_job(song, {name: look}, size=(2 * width, 2 * height), seed=1)
                big = Image.fromarray(still(job, MOMENT))
                shown[name] = big.resize((width, height), Image.Resampling.LANCZOS)
            sheet({name: shown[name] for name in looks}, f"looks-{family}.webp", 72)
        sheet({name: shown[name] for name in FRONT if name in shown}, SHEET, 76)
