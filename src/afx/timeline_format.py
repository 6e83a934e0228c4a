"""The format of a timeline: TOML text that people edit, and the shots it stands for.

Text becomes checked entries, entries become shots over a piece, shots become text again. Who is at
fault is told by the line. Knows no files.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from afx.look import Look, knobs_of, pattern_of
from afx.look_parts import Number, Table
from afx.patterns import Pattern
from afx.shot import Change, Shot
from afx.sources import Features
from afx.tomlfile import tables
from afx.tomltext import line_of, write
from afx.transition import KINDS, MASKS, SHAPES, Kind, Shape, usual_mask
from music_analysis.errors import UserError

NEAR_END = 0.5
"""Seconds that the last scene may end before or after the song."""
NEAR = 0.05
"""Seconds that scenes may be apart or overlap: that is meant to be one border."""
SHORTEST = 0.1
"""Seconds that a scene lasts at least."""
MOST = 2000
"""Scenes."""
NAMED_BY = "# file: "
"""Begins the last line of a timeline that was read from a file: how errors call it."""

Loc = tuple[str | int, ...]


def _word(value: Any) -> Any:
    """Let a transition's kind stand for a table of it."""
    return {"kind": value} if isinstance(value, str) else value


class ChangeEntry(Table):
    """How a scene comes in."""

    kind: Kind = Field("blend", description="cut, blend, morph, wipe, warp, dip or handover")
    beats: Number | None = Field(None, gt=0, le=64, description="how long, in beats")
    seconds: Number | None = Field(None, gt=0, le=60, description="how long, in place of beats")
    shape: Shape | None = Field(
        None, description="of a wipe, warp or handover: radial, linear, plasma or field"
    )
    soft: Number | None = Field(None, ge=0.02, le=1, description="width of its seam")
    angle: Number = Field(0.0, ge=-1, le=1, description="direction of a linear wipe, turns")


class SceneEntry(Table):
    """One scene."""

    start: Number = Field(ge=0, le=1e6, description="seconds in the song")
    end: Number = Field(gt=0, le=1e6, description="seconds in the song")
    look: str = Field(min_length=1, max_length=500, description="a look's name or file")
    seed: int = Field(0, strict=True, ge=0, lt=2**63, description="for what is left to chance")
    section: str = Field("", max_length=20, description="the section's letter, for people")
    name: str = Field("", max_length=80, description="what the section is, for people")
    why: str = Field("", max_length=300, description="for people")
    hue: Number = Field(0.0, ge=-1, le=1, description="turns the look's hues, in turns")
    knobs: dict[str, Number] = Field({}, description="values at rest in place of the look's")
    transition: Annotated[ChangeEntry, BeforeValidator(_word)] | None = Field(
        None, description="how it comes in"
    )


class _File(Table):
    version: Literal[1] = 1
    song: str = ""
    scene: tuple[SceneEntry, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """A timeline that was read: in itself it is in order, and without gaps or overlaps."""

    text: str
    where: str
    scenes: tuple[SceneEntry, ...]

    def error(self, loc: Loc, message: str) -> UserError:
        """Return an error that names the file, the line and the key."""
        return _error(self.text, self.where, loc, message)


def parse_timeline(text: str, where: str | None = None) -> Timeline:
    """Read a timeline's text.

    Parameters
    ----------
    text : str
    where : str, optional
        What errors call it; else what its last line says.

    Raises
    ------
    UserError
        If it is none.
    """
    if where is None:
        last = text.rstrip("\n").rpartition("\n")[2]
        where = last.removeprefix(NAMED_BY) if last.startswith(NAMED_BY) else "the timeline"
    data = tables(text, where, "timeline")
    if not data.get("scene"):
        hint = f": write [[scene]], not {next(iter(data))}" if "scenes" in data else ""
        raise UserError(f"{where}: there are no scenes in it{hint}")
    try:
        read = _File.model_validate(data)
    except ValidationError as error:
        raise _error(text, where, *_explained(error)) from None
    if len(read.scene) > MOST:
        raise UserError(f"{where}: {len(read.scene)} scenes are too many: {MOST} at most")
    timeline = Timeline(text, where, read.scene)
    _check_order(timeline)
    return timeline


def _check_order(timeline: Timeline) -> None:
    before = 0.0
    for i, scene in enumerate(timeline.scenes):
        change = scene.transition
        if change is not None and change.beats is not None and change.seconds is not None:
            message = "lasts so many beats or so many seconds: say one of them"
            raise timeline.error(("scene", i, "transition"), message)
        if scene.end - scene.start < SHORTEST:
            message = f"{scene.end:g} must be at least {SHORTEST:g} s after start = {scene.start:g}"
            raise timeline.error(("scene", i, "end"), message)
        at = ("scene", i, "start")
        if i and scene.start < timeline.scenes[i - 1].start:
            raise timeline.error(at, "begins before the scene above: put scenes in order of time")
        if scene.start < before - NEAR:
            span = f"from {clock(scene.start)} to {clock(min(before, scene.end))}"
            raise timeline.error(at, f"overlaps the scene above {span}: it ends at {before:g}")
        if scene.start > before + NEAR:
            span = f"from {clock(before)} to {clock(scene.start)}"
            raise timeline.error(at, f"nothing is shown {span}: start at {before:g}")
        before = scene.end


def check_knobs(
    timeline: Timeline, index: int, look: Look, patterns: Mapping[str, Pattern]
) -> None:
    """Raise a `UserError` if a scene turns a knob that its look has not, or too far."""
    known = {knob.name: knob for knob in knobs_of(pattern_of(look, patterns))}
    for name, value in timeline.scenes[index].knobs.items():
        loc = ("scene", index, "knobs", name)
        if name not in known:
            raise timeline.error(loc, f"the look {look.name} has no such knob{_hint(name, known)}")
        knob = known[name]
        if not knob.lo <= value <= knob.hi:
            unit = f" {knob.unit}" if knob.unit else ""
            raise timeline.error(loc, f"{value:g} is outside {knob.lo:g} to {knob.hi:g}{unit}")


def check_end(timeline: Timeline, duration: float) -> None:
    """Raise a `UserError` if a timeline does not end where its song does."""
    last = len(timeline.scenes) - 1
    end = timeline.scenes[last].end
    if end > duration + NEAR_END:
        for i, scene in enumerate(timeline.scenes):
            if scene.start >= duration - SHORTEST:
                raise timeline.error(
                    ("scene", i, "start"), f"past the end of the song, which is at {duration:.3f}"
                )
        raise timeline.error(
            ("scene", last, "end"),
            f"{end:g} is past the end of the song, which is at {duration:.3f}",
        )
    if end < duration - NEAR_END:
        span = f"from {clock(end)} to the song's end: end at {duration:.3f}"
        raise timeline.error(("scene", last, "end"), f"nothing is shown {span}")


def shots_of(
    timeline: Timeline,
    looks: Mapping[str, Look],
    features: Features,
    patterns: Mapping[str, Pattern],
) -> tuple[Shot, ...]:
    """Return a timeline's shots over a piece.

    Parameters
    ----------
    timeline : Timeline
    looks : mapping of str to Look
        Every look it names.
    features : Features
        Of the piece.
    patterns : mapping

    Raises
    ------
    UserError
        If it names other looks, or knobs that they have not, or does not fit the piece.
    """
    duration = features.frames / float(features.fps)
    check_end(timeline, duration)
    starts = [0.0, *(scene.start for scene in timeline.scenes[1:])]
    shots = []
    for i, (scene, end) in enumerate(zip(timeline.scenes, [*starts[1:], duration], strict=True)):
        if scene.look not in looks:
            hint = _hint(scene.look, looks)
            raise timeline.error(("scene", i, "look"), f"no look {scene.look!r}{hint}")
        look = looks[scene.look]
        check_knobs(timeline, i, look, patterns)
        shots.append(
            Shot(
                look, scene.seed, starts[i], end, scene.why,
                label=scene.section, name=scene.name, change=_change(scene.transition),
                hue=scene.hue, knobs=scene.knobs,
            )
        )  # fmt: skip
    return tuple(shots)


def _change(entry: ChangeEntry | None) -> Change:
    if entry is None:
        return Change("blend", beats=4.0)
    beats = 4.0 if entry.beats is None and entry.seconds is None else entry.beats
    shape, soft = usual_mask(entry.kind)
    return Change(
        entry.kind,
        beats,
        entry.seconds,
        entry.shape or shape,
        soft if entry.soft is None else entry.soft,
        entry.angle,
    )


def timeline_text(shots: Sequence[Shot], song: str, file: str) -> str:
    """Return the text of a timeline for people to edit.

    Parameters
    ----------
    shots : sequence of Shot
        Of the whole piece.
    song, file : str
        Names, for the command that its first lines tell.
    """
    command = f"afx render {_printable(song)} --timeline {_printable(file)}"
    head = f"""\
# Which look is shown when, and how it comes in. Change what you like and make the video again:
#   {command}
# Times are seconds of the song. A look is a name (afx looks) or a look file beside this one; hue
# turns its hues (1 is all the way round), knobs replace its own values (afx looks NAME).
# Transitions are {", ".join(KINDS)};
# shapes of a wipe, warp or handover are {", ".join(SHAPES)}. They last so many beats, or seconds.
# Once you have changed this file, afx leaves it alone.
"""
    parts = [head + write({"version": 1, "song": song})]
    for i, shot in enumerate(shots):
        told = " ".join(w for w in (shot.name, f"({shot.label})" if shot.label else "") if w)
        span = f"# {clock(shot.start)} to {clock(shot.end)}" + (f", {told}" if told else "")
        entry: dict[str, Any] = {
            "start": shot.start,
            "end": round(shot.end, 3),
            "look": shot.look.name,
            "seed": shot.seed,
        }
        entry |= {k: v for k, v in (("section", shot.label), ("name", shot.name)) if v}
        entry |= {"why": shot.why} if shot.why else {}
        entry |= {"transition": _told(shot.change)} if i else {}
        entry |= {"hue": shot.hue} if shot.hue else {}
        entry |= {"knobs": dict(shot.knobs)} if shot.knobs else {}
        parts.append(f"{span}\n{write({'scene': [entry]})}")
    return "\n".join(parts)


def _told(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": change.kind}
    if change.kind != "cut":
        if change.seconds is not None:
            told["seconds"] = change.seconds
        elif change.beats is not None:
            told["beats"] = change.beats
    if change.kind in MASKS:
        told |= {"shape": change.shape, "soft": change.soft}
        if change.shape == "linear" or (change.kind == "warp" and change.angle):
            told["angle"] = change.angle
    return told


def clock(seconds: float) -> str:
    """Return a time as people read it: ``1:02.5``."""
    minutes, rest = divmod(round(seconds, 2), 60.0)
    whole = f"{rest:05.2f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}:{whole}"


def _printable(name: str) -> str:
    return shlex.quote(name) if name.isprintable() else repr(name)


def _explained(error: ValidationError) -> tuple[Loc, str]:
    """Turn pydantic's first complaint into a key path and a sentence."""
    first = error.errors(include_url=False)[0]
    # The table that a transition may be is not a key of the file.
    loc = tuple(part for part in first["loc"] if part != "ChangeEntry")
    kind, given = first["type"], first["input"]
    if kind == "extra_forbidden":
        model: type[BaseModel] = _File
        if loc[0] == "scene":
            model = ChangeEntry if "transition" in loc else SceneEntry
        return loc, f"no such key{_hint(str(loc[-1]), model.model_fields)}"
    if kind == "missing":
        return loc, "missing: every scene needs it"
    if kind == "literal_error" and loc == ("version",):
        return loc, f"this afx reads version 1, not {given!r}"
    if kind == "literal_error":
        choices: Mapping[str, Iterable[str]] = {"kind": KINDS, "shape": SHAPES}
        known = choices[str(loc[-1])]
        what = {"kind": "transition", "shape": "shape"}[str(loc[-1])]
        return loc, f"no {what} {given!r}{_hint(str(given), known)}"
    if kind in ("tuple_type", "list_type"):
        return loc, "write each scene as a [[scene]] table"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return loc, "should be a table, such as {name = value}"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return loc, f"{message}, not {given!r}" if len(repr(given)) < 40 else message


def _error(text: str, where: str, loc: Loc, message: str) -> UserError:
    line = line_of(text, loc)
    told = list(loc)
    if len(told) > 1 and isinstance(told[1], int):
        told[:2] = [f"scene {told[1] + 1}"]
    at = "" if line is None else f":{line}"
    return UserError(f"{where}{at}: {'.'.join(map(str, told)).replace('.', ': ', 1)}: {message}")


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, 1, 0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return f"; there are {', '.join(names[:40])}{more}"
