"""What the command prints: summaries and lists for people, the same as JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from afx.network_words import network_json, network_rows
from afx.progress import clock, length

if TYPE_CHECKING:
    from afx.field.knob import Knob
    from afx.job import Job
    from afx.look import Look
    from afx.look_parts import Route, Suits
    from afx.patterns import Pattern
    from afx.production import Result

CODECS = {"h264": "H.264", "h265": "H.265", "av1": "AV1"}
DEVICES = {"cpu": "the processor", "cuda": "a CUDA graphics card", "mps": "Apple's graphics card"}


def show(what: RenderableType) -> None:
    """Print for people; what was not written as styled text is not interpreted."""
    Console(highlight=False, markup=False, emoji=False).print(what)


def show_json(value: object) -> None:
    """Print for programs, in ASCII: any name survives."""
    print(json.dumps(value, indent=2, allow_nan=False))


def shown(path: str | Path) -> str:
    """Spell a path so that it can be printed and stays on one line."""
    text = os.fspath(path).encode("utf-8", "replace").decode()
    return text if text.isprintable() else repr(text)


def _grid(rows: Iterable[tuple[str, str]], indent: int = 2) -> Table:
    """Return labels and what belongs to them, in two columns."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(" " * indent + label), Text(text))
    return grid


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"


def _size_on_disk(output: Path) -> int:
    files = output.glob("frame_*.png") if output.is_dir() else (output,)
    return sum(file.stat().st_size for file in files)


def _sure(result: Result) -> bool:
    from afx.sources import SURE

    return result.tempo_confidence >= SURE


def show_result(result: Result, report: Path | None = None) -> None:
    """Print what came of a render."""
    job = result.job
    width, height = job.size
    kind = f"{result.frames} PNG pictures"
    if not result.output.is_dir():
        by = "" if job.encoder.startswith("lib") else f" ({job.encoder})"
        kind = f"{CODECS[job.codec]}{by} + AAC"
    rows = [
        (
            "File",
            f"{length(result.seconds)} · {width}×{height} · {float(job.rate):.5g} fps · {kind}"
            f" · {_bytes(_size_on_disk(result.output))}",
        ),
        ("Tempo", _tempo(result)),
        ("Temperament", _temperament(result)),
    ]
    rows += [("" if i else "Looks", row) for i, row in enumerate(_shown_looks(result.scenes))]
    if result.timeline is not None:
        rows.append(("Timeline", shown(result.timeline)))
    if report is not None:
        rows.append(("Report", shown(report)))
    if result.loop is not None:
        rows.append(("Loop", _loop(result)))
    if made := _made(result):
        rows.append(("Made", made))
    rows.append(("Safety", result.flashes.sentence()))
    rows += [("Note", concern.sentence()) for concern in result.concerns]
    rows += [("Note", note) for note in result.notes]
    rows.append(("Speed", _speed(result)))
    show(Text(shown(result.output), style="bold"))
    show(_grid(rows))


def _shown_looks(scenes: Iterable[Mapping[str, object]]) -> list[str]:
    """Say which look is shown when; variations of one after the other share a row."""
    rows = []
    for _, group in groupby(scenes, key=lambda scene: scene["look"]):
        these = list(group)
        first, last = these[0], these[-1]
        span = f"{clock(float(str(first['start'])))}–{clock(float(str(last['end'])))}"
        letters = dict.fromkeys(str(s["section"]) for s in these if s.get("section"))
        part = f" [{' '.join(letters)}]" if letters else ""
        told = [str(first["why"])] if first["why"] else []
        told += [f"{len(these)} variations"] if len(these) > 1 else []
        rows.append(f"{span}{part}  {first['title']}{': ' if told else ''}{', '.join(told)}")
    return rows


def _loop(result: Result) -> str:
    """Say what is repeated."""
    assert result.loop is not None
    bars = "1 bar" if result.loop.bars == 1 else f"{result.loop.bars} bars"
    start = result.loop.first / float(result.job.rate)
    return f"{bars} from {start:.2f} s on, {result.seconds:.3f} s, {result.frames} frames"


def _loop_json(result: Result) -> dict[str, Any] | None:
    if result.loop is None:
        return None
    start = result.loop.first / float(result.job.rate)
    return {"bars": result.loop.bars, "start": start, "beat_sure": result.loop.sure}


def _made(result: Result) -> str:
    """Say on what pictures were made and how coarsely, where that is not the usual."""
    parts = [_device(result.job)] if result.job.device != "cpu" else []
    probed = _probed(result.job)
    scenes = [s for s in result.scenes if s.get("internal", 1) != 1 or s["look"] in probed]
    for factor in sorted({int(str(scene.get("internal", 1))) for scene in scenes}):
        these = [scene for scene in scenes if scene.get("internal", 1) == factor]
        text = f"forms at 1/{factor} size" if factor > 1 else "forms at full size"
        if len(these) < len(result.scenes):
            text += f" in {len(these)} of {len(result.scenes)} scenes"
        measured = [float(str(s["psnr"])) for s in these if s.get("psnr") is not None]
        parts.append(text + (f" ({min(measured):.0f} dB)" if measured else ""))
    return " · ".join(parts)


def _probed(job: Job) -> set[str]:
    """Return the looks for which it was a question how coarsely their forms are made."""
    from afx.patterns import PATTERNS

    if job.internal != "auto":
        return set()
    return {look.name for look in job.parsed_looks() if PATTERNS[look.pattern].architecture}


def _device(job: Job) -> str:
    half = ", half precision" if job.precision == "half" else ""
    return f"on {DEVICES[job.device]}{half}"


def _temperament(result: Result) -> str:
    asked = result.job.temperament
    return f"{result.temperament}, as the music asks for" if asked == "auto" else asked


def _tempo(result: Result) -> str:
    if result.tempo is None:
        return "no steady beat"
    from music_analysis.notation import bpm_text, sureness

    return f"{bpm_text(result.tempo)} bpm, {sureness(result.tempo_confidence)}"


def _speed(result: Result) -> str:
    painted = result.frames - result.kept
    text = f"made in {length(result.total)}"
    if result.kept:
        return f"{text}; {result.kept} of {result.frames} frames were there from before"
    rate = painted / max(result.took.get("rendering", 0.0), 1e-9)
    realtime = result.seconds / result.total
    digits, few = (1, 0) if realtime >= 0.5 else (2, 1)
    return f"{text}, {realtime:.{digits}f}× realtime; {rate:.{few}f} frames a second"


def result_json(result: Result) -> dict[str, Any]:
    """Return what came of a render for programs."""
    job = result.job
    return {
        "output": str(result.output),
        "bytes": _size_on_disk(result.output),
        "frames": result.frames,
        "frames_kept": result.kept,
        "seconds": result.seconds,
        "size": list(job.size),
        "fps": job.fps,
        "codec": None if result.output.is_dir() else job.codec,
        "encoder": None if result.output.is_dir() else job.encoder,
        "seed": job.seed,
        "version": job.version,
        "device": job.device,
        "precision": job.precision,
        "internal": job.internal,
        "tempo": {
            "bpm": result.tempo,
            "confidence": result.tempo_confidence,
            "sure": result.tempo is not None and _sure(result),
        },
        "temperament": result.temperament,
        "looks": result.scenes,
        "timeline": None if result.timeline is None else str(result.timeline),
        "flashes": {**asdict(result.flashes), "sentence": result.flashes.sentence()},
        "concerns": [{**asdict(c), "sentence": c.sentence()} for c in result.concerns],
        "loop": _loop_json(result),
        "notes": result.notes,
        "took": result.took,
        "realtime": result.seconds / result.total,
    }


def show_still(output: Path, at: float, job: Job) -> None:
    """Print what came of a still."""
    width, height = job.size
    show(Text(shown(output), style="bold"))
    moment = f"{clock(at)} of {shown(Path(job.song).name)}"
    rows = [("File", f"{moment} · {width}×{height} · {_bytes(output.stat().st_size)}")]
    if job.device != "cpu":
        rows.append(("Made", _device(job)))
    show(_grid(rows))


def _suits(suits: Suits) -> str:
    force = ("calm", "moderate", "energetic")[min(2, int(suits.energy * 3))]
    light = ("dark", "neutral", "bright")[min(2, int(suits.brightness * 3))]
    return f"{force}, {light}, {suits.tempo:g} bpm"


def _entries(rows: Iterable[tuple[str, str, str]]) -> Table:
    """Return a list of things: name, what it is, and a line of words below it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    for name, what, words in rows:
        text = Text(what)
        if words:
            text.append(f"\n{words}", style="dim")
        grid.add_row(Text(name), text)
    return grid


def show_looks(looks: Mapping[str, Look], patterns: Mapping[str, Pattern]) -> None:
    """Print the library."""
    show(
        _entries(
            (
                name,
                f"{look.title} · {patterns[look.pattern].family} · {look.pattern}"
                f" · {_suits(look.suits)}",
                look.summary,
            )
            for name, look in looks.items()
        )
    )


def show_look(look: Look, patterns: Mapping[str, Pattern]) -> None:
    """Print everything about a look."""
    show(Text(f"{look.title} ({look.name})", style="bold"))
    if look.summary:
        show(Text(look.summary))
    from afx.look import pattern_of
    from afx.palette import words_of

    pattern = pattern_of(look, patterns)
    rows = [
        ("Pattern", f"{look.pattern} ({pattern.family})"),
        *_layer_rows(look),
        *network_rows(pattern),
        ("Suits", _suits(look.suits)),
        ("Palette", ", ".join((look.palette.title or "its own", *words_of(look.palette)))),
    ]
    if look.tags:
        rows.append(("Tags", ", ".join(look.tags)))
    rows += [
        ("Knobs" if not i else "", f"{name} = {value:g}")
        for i, (name, value) in enumerate(look.knobs.items())
    ]
    rows += [("Music" if not i else "", _grip(r)) for i, r in enumerate(look.routes)]
    show(_grid(rows))


def _layer_rows(look: Look) -> list[tuple[str, str]]:
    """Return what bends a look's pattern, what is drawn into it, and its mirrors."""
    rows = [] if look.warp is None else [("Warp", look.warp.pattern)]
    if look.ink is not None:
        rows.append(("Ink", f"{look.ink.pattern}, {look.ink.style}"))
    fold, mirror = look.symmetry.fold, look.symmetry.mirror
    said = [f"{fold} sectors"] if fold else []
    said += [f"mirror {mirror}"] if mirror != "none" else []
    return rows + ([("Symmetry", ", ".join(said))] if said else [])


def _grip(route: Route) -> str:
    if route.depth == 0:
        return f"{route.source} leaves {route.knob} alone"
    return f"{route.source} moves {route.knob} by {route.depth:+.3g} of its range"


def look_json(look: Look, patterns: Mapping[str, Pattern]) -> dict[str, Any]:
    """Return a look for programs."""
    from afx.look import pattern_of

    pattern = pattern_of(look, patterns)
    said = {"name": look.name, "family": pattern.family, **look.model_dump(mode="json")}
    network = network_json(pattern)
    return said if network is None else said | {"network": network}


def show_patterns(patterns: Mapping[str, Pattern]) -> None:
    """Print every pattern."""
    ordered = sorted(patterns.values(), key=lambda p: (p.family, p.name))
    show(_entries((p.name, f"{p.title} · {p.family}", p.summary) for p in ordered))


def show_pattern(pattern: Pattern, shared: Iterable[Knob]) -> None:
    """Print everything about a pattern."""
    show(Text(f"{pattern.title} ({pattern.name}, {pattern.family})", style="bold"))
    show(Text(pattern.summary))
    show(Text(f"Source: {pattern.source}", style="dim"))
    show("")
    if rows := network_rows(pattern):
        show(_grid(rows, indent=0))
        show("")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("knob", "default", "range", "unit", "help"):
        table.add_column(name, no_wrap=name in ("knob", "default", "range"))
    for knob in pattern.knobs:
        table.add_row(
            Text(knob.name),
            f"{knob.default:g}",
            f"{knob.lo:g} to {knob.hi:g}",
            knob.unit,
            Text(knob.help),
        )
    show(table)
    names = ", ".join(k.name for k in shared)
    show(Text(f"\nEvery look has also: {names}", style="dim"))


def pattern_json(pattern: Pattern) -> dict[str, Any]:
    """Return a pattern for programs."""
    return {
        "name": pattern.name,
        "family": pattern.family,
        "title": pattern.title,
        "summary": pattern.summary,
        "source": pattern.source,
        "network": network_json(pattern),
        "knobs": [asdict(k) for k in pattern.knobs],
    }
