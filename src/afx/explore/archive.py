"""The archive of an evolution: a grid whose cells each hold the best look of their kind.

MAP-Elites (Mouret & Clune 2015, "Illuminating search spaces by mapping elites"), with two rules of
our own that keep a page various: no elite may nearly look like another, and no pattern may hold
much more than its share. This module knows the grid and its file; how looks are made and judged is
known to ``evolve`` and ``measures``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from afx import __version__
from afx.explore.measures import (
    ALIKE,
    ALIKE_KIN,
    HUES_ALIKE,
    MEASURES,
    Traits,
    alike,
    hues_alike,
)
from afx.look import Look, dump, parse_look
from afx.stills import part_of
from music_analysis.errors import UserError

VERSION = 1
"""Of the file."""
MOST_BYTES = 32 * 1024 * 1024

Number = Annotated[float, Field(allow_inf_nan=False)]


def settled(look: Look) -> Look:
    """Return a look as its file tells it, so that an archive read again goes on alike."""
    return parse_look(dump(look), look.name, f"look {look.name}")


@dataclass(frozen=True)
class Elite:
    """The best look found for one cell, and the seed under which it was seen."""

    look: Look
    seed: int
    traits: Traits
    cell: tuple[int, int]
    round: int


@dataclass(frozen=True)
class Settings:
    """What decides an evolution; the same settings and rounds give the same archive.

    Attributes
    ----------
    measures : str
        A name from `MEASURES`.
    founders : tuple of Look
        Where it began.
    seed : int
    columns, rows : int
        Cells for the first and the second measure.
    locks : tuple of str
        Genes that stay.
    """

    measures: str
    founders: tuple[Look, ...]
    seed: int = 0
    columns: int = 6
    rows: int = 4
    locks: tuple[str, ...] = ()


@dataclass
class Archive:
    """A grid of elites.

    Attributes
    ----------
    settings : Settings
    edges : pair of tuple of float
        Inner borders of the columns and the rows, rising.
    elites : dict of (column, row) to Elite
    rounds, tried, good : int
        Rounds finished; looks judged, and those without faults.
    """

    settings: Settings
    edges: tuple[tuple[float, ...], tuple[float, ...]]
    elites: dict[tuple[int, int], Elite] = field(default_factory=dict)
    rounds: int = 0
    tried: int = 0
    good: int = 0

    @classmethod
    def new(cls, settings: Settings) -> Archive:
        """Return an empty archive, its borders those that were calibrated on the library."""
        across, down = MEASURES[settings.measures]
        founders = tuple(settled(look) for look in settings.founders)
        settings = replace(settings, founders=founders)
        return cls(settings, (across.edges(settings.columns), down.edges(settings.rows)))

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.settings.columns * self.settings.rows

    @property
    def quality(self) -> float:
        """Mean quality of the elites; 0 without any."""
        return sum(e.traits.quality for e in self.elites.values()) / max(len(self.elites), 1)

    @property
    def likest(self) -> float:
        """Largest likeness of any two elites, a cosine; 0 for fewer than two."""
        pairs = combinations(self.elites.values(), 2)
        return max((alike(a.traits.likeness, b.traits.likeness) for a, b in pairs), default=0.0)

    @property
    def most_of_a_pattern(self) -> int:
        """How many cells one pattern may hold: twice its share, and two at least."""
        patterns = {look.pattern for look in self.settings.founders}
        return max(2, math.ceil(2 * self.cells / max(len(patterns), 1)))

    def ordered(self) -> list[Elite]:
        """Return the elites as a page shows them: row by row, the highest row first."""
        return sorted(self.elites.values(), key=lambda e: (-e.cell[1], e.cell[0]))

    def cell(self, traits: Traits) -> tuple[int, int]:
        """Return the column and row of a look."""
        across, down = MEASURES[self.settings.measures]
        column, row = (
            sum(getattr(traits, axis.name) >= edge for edge in edges)
            for axis, edges in zip((across, down), self.edges, strict=True)
        )
        return column, row

    def offer(self, look: Look, seed: int, traits: Traits) -> bool:
        """Let a look, seen under a seed, compete for its cell; return whether it won."""
        self.tried += 1
        if traits.faults:
            return False
        self.good += 1
        cell = self.cell(traits)
        holder = self.elites.get(cell)
        if holder is not None and holder.traits.quality >= traits.quality:
            return False
        others = [elite for at, elite in self.elites.items() if at != cell]
        if any(self._twins(look, traits, other) for other in others):
            return False
        if Counter(o.look.pattern for o in others)[look.pattern] >= self.most_of_a_pattern:
            return False
        names = {other.look.name for other in others}
        if look.name in names:  # two children of one round: titles may be alike, names may not
            number = next(n for n in range(2, 1000) if f"{look.name}-{n}" not in names)
            look = look.model_copy(
                update={"name": f"{look.name}-{number}", "title": f"{look.title} {number}"}
            )
        self.elites[cell] = Elite(look, seed, traits, cell, self.rounds)
        return True

    def _twins(self, look: Look, traits: Traits, other: Elite) -> bool:
        """Tell whether people would take two looks for the same."""
        near = alike(traits.likeness, other.traits.likeness)
        if look.pattern != other.look.pattern:
            return near >= ALIKE
        # Where there are other patterns to choose from, kin must differ in color too.
        various = 3 * self.most_of_a_pattern <= self.cells
        same = hues_alike(traits.likeness, other.traits.likeness) >= HUES_ALIKE
        return near >= ALIKE_KIN or (various and same)

    def copy(self) -> Archive:
        """Return a copy that can be changed on its own."""
        return replace(self, elites=dict(self.elites))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Look(_Model):
    name: str
    look: str


class _Elite(_Look):
    seed: int = Field(ge=0, lt=2**53)
    cell: tuple[int, int]
    round: int = Field(ge=0)
    colorfulness: Number
    boundary: Number
    energy: Number
    symmetry: Number
    quality: Number
    likeness: list[Number]


class _File(_Model):
    kind: Literal["evolution"] = "evolution"
    version: Literal[1] = 1
    program: str = __version__
    measures: str
    seed: int
    columns: int = Field(ge=1, le=24)
    rows: int = Field(ge=1, le=24)
    locks: list[str]
    edges: tuple[list[Number], list[Number]]
    rounds: int = Field(ge=0)
    tried: int = Field(ge=0)
    good: int = Field(ge=0)
    founders: list[_Look] = Field(min_length=1)
    elites: list[_Elite]

    @model_validator(mode="after")
    def _fits(self) -> _File:
        if self.measures not in MEASURES:
            raise ValueError(f"unknown measures {self.measures}")
        if [len(edges) for edges in self.edges] != [self.columns - 1, self.rows - 1]:
            raise ValueError("not as many borders as cells")
        cells = [elite.cell for elite in self.elites]
        inside = all(0 <= c < self.columns and 0 <= r < self.rows for c, r in cells)
        if len(set(cells)) < len(cells) or not inside:
            raise ValueError("cells are taken twice or outside the grid")
        if len({len(elite.likeness) for elite in self.elites}) > 1:
            raise ValueError("likenesses of different lengths")
        return self


def save_archive(archive: Archive, path: Path) -> None:
    """Write an archive: whole, or as it was before.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    settings = archive.settings
    elites = [
        _Elite(
            name=elite.look.name,
            look=dump(elite.look),
            seed=elite.seed,
            cell=elite.cell,
            round=elite.round,
            likeness=list(elite.traits.likeness),
            **{name: getattr(elite.traits, name) for name in _TRAITS},
        )
        for elite in sorted(archive.elites.values(), key=lambda e: e.cell)
    ]
    file = _File(
        measures=settings.measures,
        seed=settings.seed,
        columns=settings.columns,
        rows=settings.rows,
        locks=list(settings.locks),
        edges=(list(archive.edges[0]), list(archive.edges[1])),
        rounds=archive.rounds,
        tried=archive.tried,
        good=archive.good,
        founders=[_Look(name=look.name, look=dump(look)) for look in settings.founders],
        elites=elites,
    )
    part = part_of(path)
    try:
        part.write_text(json.dumps(file.model_dump(mode="json"), indent=1), "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


_TRAITS = ("colorfulness", "boundary", "energy", "symmetry", "quality")


def read_archive(path: Path) -> Archive:
    """Read an archive.

    Raises
    ------
    UserError
        If it is none, damaged, or of a version that this one cannot go on with.
    """
    try:
        with path.open("rb") as raw:
            text = raw.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        data = json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("kind") != "evolution":
        raise UserError(
            f"{path}: not an archive of afx explore evolve, or a damaged one: choose"
            " another output with -o, or begin anew with --overwrite"
        )
    if data.get("version") != VERSION or data.get("program") != __version__:
        made = data.get("program")
        raise UserError(
            f"{path}: made by afx {made}, and this is {__version__}: choose another file with -o,"
            " or begin anew with --overwrite"
        )
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: damaged ({where + ': ' if where else ''}{first['msg']})"
        ) from None
    founders = tuple(
        parse_look(each.look, each.name, f"{path}: {each.name}") for each in file.founders
    )
    settings = Settings(
        file.measures, founders, file.seed, file.columns, file.rows, tuple(file.locks)
    )
    archive = Archive(
        settings,
        (tuple(file.edges[0]), tuple(file.edges[1])),
        rounds=file.rounds,
        tried=file.tried,
        good=file.good,
    )
    for each in file.elites:
        look = _parsed(each, path)
        traits = Traits(
            **{name: getattr(each, name) for name in _TRAITS},
            faults=(),
            likeness=tuple(each.likeness),
        )
        archive.elites[each.cell] = Elite(look, each.seed, traits, each.cell, each.round)
    return archive


def _parsed(entry: _Look, path: Path) -> Look:
    return parse_look(entry.look, entry.name, f"{path}: {entry.name}")
