"""Sweeps: one knob across its range as a row, two as a grid, or as a film that goes there and back.

A clock's value is a speed, which no still can show: a sweep goes through the phase it has reached.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from afx.color import packed_tables
from afx.easel import Easel, at_rest
from afx.explore.sheet import Sheet, columns_for
from afx.explore.tiles import OnTile, Tile, fixed, tile_settings
from afx.explore.variety import Choice, along, knob_named, span
from afx.field.knob import Knob
from afx.painter import Picture
from afx.patterns import PATTERNS, Pattern
from afx.stage import GRADE_KNOBS
from afx.video import SegmentWriter, VideoFormat, join
from music_analysis.errors import UserError

STEPS, GRID_STEPS = 9, 5
"""Of one knob, and of each of two: round numbers across a range of 1."""
FPS = Fraction(30)
SECONDS = 6.0

_PROBES = 5
"""Values of the knob at which a film's tones are measured."""


def swept(
    base: Tile,
    names: tuple[str, ...],
    *,
    start: float | None = None,
    end: float | None = None,
    steps: int = STEPS,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> Sheet:
    """Return tiles across the range of one knob, or of two: the first from left to right.

    Parameters
    ----------
    base : Tile
    names : tuple of one or two str
    start, end : float, optional
        Of the first knob; its range if not given.
    steps : int
        Values of each knob.

    Raises
    ------
    UserError
        If the look has no such knob or the range is none of it.
    """
    knobs = _knobs(base, names, patterns)
    low, high = _range(knobs[0], base.moment, start, end)
    across = along(knobs[0], low, high, steps, base.moment)
    title = f"{base.look.title} · {knobs[0].name.replace('_', ' ')}"
    if len(knobs) == 1:
        cells: list[tuple[Choice, ...]] = [(choice,) for choice in across]
        columns = steps if steps <= 12 else columns_for(steps, 16 / 9)
    else:
        down = along(knobs[1], *span(knobs[1], base.moment), steps, base.moment)
        cells = [(one, two) for two in down for one in across]
        title += f" × {knobs[1].name.replace('_', ' ')}"
        columns = steps
    tiles = []
    for choices in cells:
        tile = base
        for choice in choices:
            tile = choice.apply(tile)
        tiles.append(
            replace(
                tile,
                look=fixed(tile.look, tile.seed, patterns),
                name="-".join([base.name, *(choice.name for choice in choices)]),
                label=" · ".join(choice.label for choice in choices),
            )
        )
    return Sheet(title, tuple(tiles), columns, grid=len(knobs) > 1)


def film(
    base: Tile,
    names: tuple[str, ...],
    path: Path,
    width: int,
    height: int,
    *,
    start: float | None = None,
    end: float | None = None,
    seconds: float = SECONDS,
    on_frame: OnTile | None = None,
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> int:
    """Write a silent MP4 in which a knob goes through its range and back; two go around each other.

    Everything else stands still, so what moves is the knob alone; the last frame leads to the
    first. The file carries the look as a still does.

    Returns
    -------
    int
        Frames written.

    Raises
    ------
    UserError
        As `swept`.
    VideoError
        If the file cannot be written.
    """
    knobs = _knobs(base, names, patterns)
    ranges = [_range(knobs[0], base.moment, start, end)]
    ranges += [span(knob, base.moment) for knob in knobs[1:]]
    tile = replace(base, look=fixed(base.look, base.seed, patterns))
    frames = round(seconds * FPS)

    def turned(share: float) -> Tile:
        """Return the tile at a share of the way around."""
        values = dict(tile.knobs)
        for k, (knob, (low, high)) in enumerate(zip(knobs, ranges, strict=True)):
            # A quarter of the way apart, two knobs draw an ellipse through their ranges.
            value = low + (high - low) * (0.5 - 0.5 * math.cos(math.tau * (share - 0.25 * k)))
            if knob.kind == "clock":
                value /= tile.moment
            values[knob.name] = knob.clamp(value)
        return replace(tile, knobs=values)

    easel = Easel(width, height, patterns)
    normal = _common([_picture(easel, turned(k / _PROBES)) for k in range(_PROBES)])
    first = easel.picture(
        tile.look, seed=tile.seed, moment=tile.moment, knobs=turned(0.0).knobs
    ).fields[0]
    encoded = VideoFormat(width, height, FPS)
    planes = np.empty((height * 3 // 2, width), np.uint8)
    with tempfile.TemporaryDirectory(prefix="afx-") as folder:
        segment = Path(folder) / "segment.mp4"
        with SegmentWriter(segment, encoded) as writer:
            for index in range(frames):
                now = turned(index / frames)
                values = at_rest(
                    now.look,
                    seed=now.seed,
                    moment=now.moment,
                    knobs=now.knobs,
                    patterns=patterns,
                )
                row = np.array([values[name] for name in first.kernel.module.knobs], np.float32)
                grade = np.array([values[k.name] for k in GRADE_KNOBS], np.float32)
                state = replace(first, knobs=row, scale=normal[0], offset=normal[1])
                picture = Picture((state,), 0.0, grade, packed_tables(now.look.palette))
                easel.painter.video(picture, planes)
                writer.write(planes)
                if on_frame is not None:
                    on_frame(index + 1, frames)
        settings = tile_settings(tile, patterns)
        join([segment], path, encoded, settings=settings, title=tile.look.title)
    return frames


def _picture(easel: Easel, tile: Tile) -> Picture:
    return easel.picture(tile.look, seed=tile.seed, moment=tile.moment, knobs=tile.knobs)


def _common(pictures: list[Picture]) -> tuple[float, float]:
    """Return one normalization for all: brightness must not swim while a knob turns."""
    states = [picture.fields[0] for picture in pictures]
    if states[0].direct:
        return 1.0, 0.0
    low = float(np.mean([(0.03 - s.offset) / s.scale for s in states]))
    high = float(np.mean([(0.97 - s.offset) / s.scale for s in states]))
    scale = 0.94 / (high - low)
    return scale, 0.03 - low * scale


def _knobs(base: Tile, names: tuple[str, ...], patterns: Mapping[str, Pattern]) -> tuple[Knob, ...]:
    if len(set(names)) < len(names):
        raise UserError(f"{names[0]} twice: sweep one knob, or two different ones")
    return tuple(knob_named(base.look, name, patterns) for name in names)


def _range(
    knob: Knob, moment: float, start: float | None, end: float | None
) -> tuple[float, float]:
    """Return what the first knob goes through.

    Raises
    ------
    UserError
        If it is outside the knob's range, or empty.
    """
    low, high = span(knob, moment)
    most = (knob.lo * moment, knob.hi * moment) if knob.kind == "clock" else (knob.lo, knob.hi)
    for option, value in (("--from", start), ("--to", end)):
        if value is not None and not most[0] <= value <= most[1]:
            where = f" at --moment {moment:g}" if knob.kind == "clock" else ""
            raise UserError(
                f"{option} {value:g}: {knob.name} goes from {most[0]:g} to {most[1]:g}{where}"
            )
    low, high = low if start is None else start, high if end is None else end
    if low == high:
        raise UserError(f"--from and --to are both {low:g}: nothing would change")
    return low, high
