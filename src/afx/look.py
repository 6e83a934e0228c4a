"""Looks: what people edit. A pattern, its knobs at rest, a palette and how the music holds it.

A look is a TOML file. This module knows the format, reads and writes it, and tells a person which
line of which file to mend. It does not know how routes are carried out (``routes``) or when a look
is shown (``timeline``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from afx.carried import carried, is_picture, source_of
from afx.expression import parse
from afx.expression_text import ExpressionError
from afx.field.knob import Knob
from afx.look_parts import (
    Ink,
    Layer,
    Number,
    Route,
    Suits,
    Symmetry,
    Table,
    Walk,
    file_place,
    gathered,
    scattered,
)
from afx.look_weights import portable, with_weights
from afx.palette import Palette, resolve
from afx.patterns import PATTERNS, Pattern
from afx.patterns.architecture import Architecture, Gene, merged
from afx.patterns.layers import LayerError, layered
from afx.patterns.symmetry import folded
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from afx.tomlfile import read_text, tables
from afx.tomltext import line_of, write
from afx.wander import walked
from music_analysis.errors import UserError

Loc = tuple[str | int, ...]

MAX_BYTES = 256 * 1024
"""No look needs more; a song given by mistake is refused before it is parsed."""


class Look(Table):
    """A pattern dressed for music.

    ``name`` is the file's stem and not part of the file.
    """

    name: str = Field("", exclude=True, description="how commands call it")
    title: str = Field(min_length=1, max_length=80, description="for people")
    pattern: str = Field(description="a name from afx.patterns.PATTERNS")
    summary: str = Field("", max_length=200, description="one line for people")
    tags: tuple[str, ...] = Field((), description="words to find it by")
    suits: Suits = Field(default_factory=Suits, description="where in music it feels at home")
    knobs: dict[str, Number] = Field(default_factory=dict, description="values at rest; speeds")
    palette: Annotated[Palette, BeforeValidator(lambda p: _palette(p))] = Field(
        description="a palette's name or its parameters"
    )
    routes: tuple[Route, ...] = Field((), description="added to the default routes")
    network: Architecture | None = Field(
        None, description="another network than the pattern's own; what is left out stays"
    )
    walk: Walk | None = Field(None, description="a path on which the latents wander")
    warp: Layer | None = Field(None, description="a pattern that bends this one's space")
    ink: Ink | None = Field(None, description="a pattern that is drawn into this one")
    symmetry: Symmetry = Field(default_factory=Symmetry, description="kaleidoscope and mirror")


def _palette(value: Any) -> Palette:
    if isinstance(value, Palette):
        return value
    if isinstance(value, str | dict):
        return resolve(value)
    raise ValueError("write a palette's name, or its parameters in a [palette] table")


def pattern_of(look: Look, patterns: Mapping[str, Pattern] = PATTERNS) -> Pattern:
    """Return the pattern that a look shows, its network in the look's shape.

    Raises
    ------
    KeyError
        If there is no pattern of that name.
    ValueError
        If the look asks for a network and the pattern has none, or one that cannot be made;
        a `LayerError` if its layers do not go together.
    """
    pattern = patterns[look.pattern]
    if look.network is not None:
        if pattern.shape is None or pattern.architecture is None:
            raise ValueError(f"{look.pattern} runs no network: leave [network] out")
        pattern = pattern.shape(merged(pattern.architecture, look.network))
    warp = None if look.warp is None else patterns[look.warp.pattern]
    ink = None if look.ink is None else patterns[look.ink.pattern]
    style = "tones" if look.ink is None else look.ink.style
    pattern = layered(pattern, warp=warp, ink=ink, style=style)
    return folded(pattern, look.symmetry.fold, look.symmetry.mirror)


def knobs_of(pattern: Pattern) -> tuple[Knob, ...]:
    """Return every knob a look of this pattern has: the pattern's, the stage's, the grade's.

    Raises
    ------
    ValueError
        If the pattern takes a name that belongs to the stage or the grade.
    """
    shared = STAGE_KNOBS + GRADE_KNOBS
    twice = {k.name for k in pattern.knobs} & {k.name for k in shared}
    if twice:
        raise ValueError(f"pattern {pattern.name!r}: every look has a knob {min(twice)!r} already")
    return pattern.knobs + shared


def read_look(path: str | Path, patterns: Mapping[str, Pattern] = PATTERNS) -> Look:
    """Read and check a look file.

    Raises
    ------
    UserError
        If it cannot be read or is not a look; names the file, the line and the key.
    """
    path = Path(path)
    text = read_text(path, "look", MAX_BYTES)
    return parse_look(text, path.stem, str(path), patterns, folders=(path.parent,))


def parse_look(
    text: str,
    name: str,
    where: str,
    patterns: Mapping[str, Pattern] = PATTERNS,
    *,
    folders: Sequence[Path] = (),
) -> Look:
    """Make a look from TOML `text`; `where` is what errors call it. Raises as `read_look`.

    Weights of its network are looked for in `folders`, then here. The look that comes back knows
    their whole path, their hash and the network that they are for.
    """
    data = tables(text, where, "look")
    if "name" in data:
        raise UserError(
            f"{where}{_line(text, ('name',))}: name: the file's name is the look's name"
        )
    try:
        # Apart from the rest, so that its errors keep their keys.
        if "palette" in data:
            data["palette"] = _palette(data["palette"])
    except ValueError as error:
        loc = _cause(error)
        message = str(error).removeprefix(f"{_dotted(loc)}: ")
        raise UserError(f"{where}{_line(text, loc)}: {_dotted(loc)}: {message}") from None
    try:
        look = Look.model_validate(gathered(data) | {"name": name})
    except ValidationError as error:
        loc, message = _explain(error)
        loc = file_place(loc)
        raise UserError(f"{where}{_line(text, loc)}: {_dotted(loc)}: {message}") from None
    if look.network is not None and look.network.weights is not None:
        try:
            look = look.model_copy(update={"network": with_weights(look.network, folders)})
        except (ValueError, FileNotFoundError) as error:
            loc = ("network", "weights")
            raise UserError(f"{where}{_line(text, loc)}: {_dotted(loc)}: {error}") from None
    for found, message in problems(look, patterns):
        loc = file_place(found)
        raise UserError(f"{where}{_line(text, loc)}: {_dotted(loc)}: {message}")
    return look


def problems(look: Look, patterns: Mapping[str, Pattern]) -> Iterable[tuple[Loc, str]]:
    """Yield what keeps a look from working with these patterns, as (key path, message)."""
    asked: list[tuple[Loc, str]] = [(("pattern",), look.pattern)]
    asked += [(("warp", "pattern"), look.warp.pattern)] if look.warp is not None else []
    asked += [(("ink", "pattern"), look.ink.pattern)] if look.ink is not None else []
    for loc, name in asked:
        if name not in patterns:
            yield loc, f"no pattern {name!r}{_hint(name, patterns)}"
            return
    try:
        pattern = pattern_of(look, patterns)
    except LayerError as error:
        yield (error.layer,), str(error)
        return
    except ValueError as error:
        yield ("network",), str(error)
        return
    known = {k.name: k for k in knobs_of(pattern)}
    for name, value in look.knobs.items():
        if name not in known:
            yield ("knobs", name), f"{look.pattern} has no such knob{_hint(name, known)}"
            continue
        knob = known[name]
        if not knob.lo <= value <= knob.hi:
            unit = f" {knob.unit}" if knob.unit else ""
            yield ("knobs", name), f"{value:g} is outside {knob.lo:g} to {knob.hi:g}{unit}"
    seen: set[tuple[object, str]] = set()
    for i, route in enumerate(look.routes):
        said: object = route.source
        try:
            expression = parse(route.source)
            said = expression.root
            if not expression.names:
                yield ("routes", i, "source"), "no source is in it: name one, such as bass"
        except ExpressionError as error:
            yield ("routes", i, "source"), str(error)
        if route.knob not in known:
            text = f"{look.pattern} has no knob {route.knob!r}{_hint(route.knob, known)}"
            yield ("routes", i, "knob"), text
        if (said, route.knob) in seen:
            yield ("routes", i), f"{route.source} holds {route.knob} twice: keep one"
        seen.add((said, route.knob))
    if look.walk is not None and not walked(known):
        yield ("walk",), f"{look.pattern} has no latents to wander through: leave [walk] out"


def look_in(reference: str | Path, patterns: Mapping[str, Pattern] = PATTERNS) -> Look:
    """Return the look that a picture of ours carries: ``still.png``, ``sheet.png#7``, ``a.mp4``.

    Raises
    ------
    UserError
        If it carries none, or several and `reference` does not say which.
    """
    found = carried(reference)
    beside = source_of(reference).parent
    text = portable(found.text)
    return parse_look(text, found.name, found.where, patterns, folders=(beside,))


def load_library(patterns: Mapping[str, Pattern] = PATTERNS) -> dict[str, Look]:
    """Read the looks that come with the program, by name, in alphabetical order."""
    folder = resources.files("afx") / "looks"
    if not folder.is_dir():
        return {}
    files = [f for f in folder.iterdir() if f.name.endswith(".toml")]
    return {
        stem: parse_look(file.read_text("utf-8"), stem, file.name, patterns)
        for stem, file in sorted((f.name.removesuffix(".toml"), f) for f in files)
    }


def find_look(
    name_or_path: str,
    library: Mapping[str, Look],
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> Look:
    """Return a look by its name in `library`, or read it if a file is meant.

    A picture of ours is such a file: the look that it was made with is taken out of it.

    Raises
    ------
    UserError
        If there is no such look (with the nearest name) or the file is not one.
    """
    # "Starry Night" and "starry_night" are meant for starry-night.
    name = name_or_path.strip().lower().replace(" ", "-").replace("_", "-").replace("'", "")
    if name in library:
        return library[name]
    if is_picture(name_or_path):
        return look_in(name_or_path, patterns)
    path = Path(name_or_path)
    if path.suffix.lower() == ".toml" or len(path.parts) > 1 or path.is_file():
        return read_look(path, patterns)
    raise UserError(f"no look {name_or_path!r}{_hint(name_or_path, library)}")


def dump(look: Look) -> str:
    """Return the TOML text of a look; reading it back gives an equal look."""
    data = look.model_dump(mode="json", exclude_defaults=True)
    # Written even where it equals a default: a look without a palette is none.
    data["palette"] = look.palette.model_dump(mode="json", exclude_unset=True)
    if look.network is not None:  # a default of ours may differ from the pattern's
        data["network"] = look.network.model_dump(mode="json", exclude_unset=True)
    return write(scattered(data))


def _cause(error: ValueError) -> Loc:
    """Return the key path of a palette's error, as deep as it is known."""
    cause = error.__cause__
    inner = cause.errors()[0]["loc"] if isinstance(cause, ValidationError) else ()
    return ("palette", *inner)


def _explain(error: ValidationError) -> tuple[Loc, str]:
    """Turn pydantic's first complaint into a key path and a sentence."""
    first = error.errors(include_url=False)[0]
    loc, kind = first["loc"], first["type"]
    if kind == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {
            "suits": Suits, "routes": Route, "network": Architecture, "genes": Gene, "walk": Walk,
            "warp": Layer, "ink": Ink, "symmetry": Symmetry,
        }  # fmt: skip
        around = [str(part) for part in loc[:-1] if part in models]
        model = models[around[-1]] if around else Look
        known = [k for k in model.model_fields if k != "name"]
        if issubclass(model, Layer):  # in the file; see `gathered`
            known += ["amount", "knobs"]
        return loc, f"no such key{_hint(str(loc[-1]), known)}"
    if kind == "missing":
        return loc, "missing: every look needs it" if len(loc) == 1 else "missing"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind == "value_error":  # ours, and whole sentences
        return loc, message
    if kind in ("tuple_type", "list_type"):
        one = first["input"]
        return loc, "should be a list" + (f", such as [{one!r}]" if isinstance(one, str) else "")
    if kind in ("model_type", "dict_type"):
        message = "should be a table, such as {name = value}"
    if kind in ("too_short", "too_long"):
        least, most = first["ctx"].get("min_length"), first["ctx"].get("max_length")
        return loc, f"at most {most} can be named" if least is None else f"name at least {least}"
    return loc, f"{message}, not {first['input']!r}" if len(repr(first["input"])) < 40 else message


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, 1, 0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not names:
        return ": there are none"
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return f"; there are {', '.join(names[:40])}{more}"


def _dotted(loc: Loc) -> str:
    """Return a key path as people write it; routes are counted from 1."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)


def _line(text: str, loc: Loc) -> str:
    line = line_of(text, loc)
    return "" if line is None else f":{line}"
