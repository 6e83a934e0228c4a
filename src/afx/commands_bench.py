"""``afx bench``: the profiler's commands. What they measure and say is in ``afx.bench``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Group, Parameter

from afx.options import examples
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.bench.results import Results
    from afx.bench.tables import Live
    from afx.encoders import Codec
    from afx.profile import Kept

Quick = Annotated[
    bool,
    Parameter(help="Under half a minute: fewer and shorter runs.", negative="", show_default=False),
]
Sizes = Annotated[
    str | None, Parameter(help="Sizes, with commas. Left out: 720p,1080p,4k.", name="--sizes")
]
Keep = Annotated[
    Literal["auto", "off"],
    Parameter(help="Keep what is best here for afx render to use, or not."),
]
Wanted = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], Parameter(help="What to measure. auto: all there is.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Written:
    """Where results go."""

    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help="Folder or file for the page and its JSON. Left out: afx-bench.html, here.",
        ),
    ] = None
    overwrite: Annotated[
        bool,
        Parameter(help="Replace files that are not ours.", negative="", show_default=False),
    ] = False
    json: Annotated[
        bool,
        Parameter(
            help="Print JSON, for programs; files only with -o.", negative="", show_default=False
        ),
    ] = False


_WRITTEN = Written()


bench = App(
    name="bench",
    help_format="plaintext",
    help_epilogue=examples(
        ("afx bench", "a minute: what suits this machine"),
        ("afx bench fields --networks 256x8", "one neural network"),
        ("afx bench render --quick", "the whole job"),
        ("afx bench encode --sizes 1080p", "codecs and encoders"),
        ("afx bench profile", "what is kept for afx render"),
    ),
    group_commands=Group("Commands", sort_key=0),
    group_parameters=Group("Options", sort_key=1),
)
bench["--help"].group = "Options"


@bench.default
def everything(
    *,
    quick: Annotated[
        bool,
        Parameter(
            help="About a minute for everything, or several.",
            name="--quick",
            negative="--long",
        ),
    ] = True,
    profile: Keep = "auto",
    written: Written = _WRITTEN,
) -> None:
    """Measure this machine and find its best settings.

    Fields, whole renders and encoders, one after the other; a page with plots
    and its figures as JSON. afx render uses what was found (--profile off: not).
    """
    from afx.bench.encode import EncodeBench, EncodePlan
    from afx.bench.field_rows import FieldPlan
    from afx.bench.fields import FieldBench
    from afx.bench.frames import sample
    from afx.bench.render import RenderBench, RenderPlan
    from afx.bench.typed import devices_of

    with _round(written, quick=quick, keep=profile == "auto") as (results, tell):
        devices = devices_of("auto", "auto")
        fields = FieldBench(FieldPlan(devices=devices, quick=quick))
        for row in fields.run():
            tell(row)
        results.rows, results.peaks = fields.rows, fields.peaks
        results.left_out, results.remarks = fields.left_out, fields.remarks
        with sample(6.0 if quick else 30.0) as song:
            render = RenderBench(RenderPlan(devices=devices, quick=quick))
            for step in render.run(song):
                tell(step)
            results.jobs, results.speeds = render.jobs, render.speeds
            results.remarks = [*fields.remarks, *render.remarks]
            encode = EncodeBench(EncodePlan(quick=quick))
            for encoded in encode.run(song):
                tell(encoded)
            results.encoders = encode.rows


@bench.command(
    help_epilogue=examples(
        ("afx bench fields --quick", "some seconds"),
        ("afx bench fields --networks 64x4,256x8", ""),
        ("afx bench fields --patterns", "every pattern too"),
        ("afx bench fields --full --json > all.json", "many minutes"),
    )
)
def fields(
    *,
    quick: Quick = False,
    full: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    patterns: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    networks: str | None = None,
    threads: str | None = None,
    batches: str | None = None,
    device: Wanted = "auto",
    precision: Literal["auto", "float32", "half"] = "auto",
    written: Written = _WRITTEN,
) -> None:
    """Measure neural networks: pixels a second, frames a second, share of the peak.

    The machine's matrix peak is measured in the same run. Fields alone are
    timed, without colors and encoding.

    Parameters
    ----------
    full
        Every network with every batch and number of threads.
    patterns
        The library's patterns too.
    networks
        Width x depth, with commas. Left out: 16x8 to 512x10.
    threads
        Numbers of threads, with commas. Left out: 1 to twice the cores.
    batches
        Pixels a call, with commas: 100K, 3M. Left out: 100K to 10M.
    precision
        On a graphics card; auto: both.
    """
    from afx.bench.field_rows import BATCHES, NETWORKS, FieldPlan
    from afx.bench.fields import FieldBench
    from afx.bench.network import parse_size
    from afx.bench.typed import devices_of, pixel_count, several, thread_count

    sizes = several("--networks", networks, parse_size)
    plan = FieldPlan(
        networks=sizes or NETWORKS,
        threads=several("--threads", threads, thread_count),
        batches=several("--batches", batches, pixel_count) or BATCHES,
        devices=devices_of(device, precision),
        processor=device in ("auto", "cpu") and precision != "half",
        patterns=patterns,
        full=full,
        quick=quick,
    )
    with _round(written, quick=quick) as (results, tell):
        run = FieldBench(plan)
        for row in run.run():
            tell(row)
        results.rows, results.peaks = run.rows, run.peaks
        results.left_out, results.remarks = run.left_out, run.remarks


@bench.command(
    help_epilogue=examples(
        ("afx bench render", "by size and painters"),
        ("afx bench render --quick", ""),
        ("afx bench render --sizes vertical --threads 2,4", ""),
        ("afx bench render --profile off", "changes nothing"),
    )
)
def render(
    *,
    quick: Quick = False,
    sizes: Sizes = None,
    threads: str | None = None,
    device: Wanted = "auto",
    profile: Keep = "auto",
    written: Written = _WRITTEN,
) -> None:
    """Measure whole videos: a made-up song, from the sound to the MP4.

    Then painting and encoding alone, at several sizes and with several painters.

    Parameters
    ----------
    threads
        Numbers of painters, with commas. Left out: half the cores to twice.
    """
    from afx.bench.frames import sample
    from afx.bench.render import SIZES, RenderBench, RenderPlan
    from afx.bench.typed import devices_of, several, sizes_of, thread_count

    plan = RenderPlan(
        sizes=sizes_of(sizes) or SIZES,
        threads=several("--threads", threads, thread_count),
        devices=devices_of(device, "auto"),
        quick=quick,
    )
    with (
        _round(written, quick=quick, keep=profile == "auto") as (results, tell),
        sample(6.0 if quick else 30.0) as song,
    ):
        run = RenderBench(plan)
        for step in run.run(song):
            tell(step)
        results.jobs, results.speeds, results.remarks = run.jobs, run.speeds, run.remarks


@bench.command(
    help_epilogue=examples(
        ("afx bench encode", "every codec and quality"),
        ("afx bench encode --quick", ""),
        ("afx bench encode --sizes 4k --codec av1", ""),
    )
)
def encode(
    *,
    quick: Quick = False,
    sizes: Sizes = None,
    codec: Annotated[Literal["all", "h264", "h265", "av1"], Parameter(help="Which codec.")] = "all",
    written: Written = _WRITTEN,
) -> None:
    """Measure encoders: frames a second and megabits, of frames of ours."""
    from afx.bench.encode import EncodeBench, EncodePlan
    from afx.bench.frames import sample
    from afx.bench.typed import sizes_of
    from afx.encoders import CODECS

    codecs: tuple[Codec, ...] = CODECS if codec == "all" else (codec,)
    plan = EncodePlan(codecs=codecs, quick=quick)
    if chosen := sizes_of(sizes):
        plan = EncodePlan(chosen, codecs, quick=quick)
    with _round(written, quick=quick) as (results, tell), sample(6.0) as song:
        run = EncodeBench(plan)
        for row in run.run(song):
            tell(row)
        results.encoders = run.rows


@bench.command(
    help_epilogue=examples(
        ("afx bench profile", "what afx render uses, and why"),
        ("afx bench profile --forget", "back to the defaults"),
    )
)
def profile(
    *,
    forget: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Annotated[
        bool, Parameter(help="Print JSON, for programs.", negative="", show_default=False)
    ] = False,
) -> None:
    """Show what is kept of this machine, or forget it.

    Parameters
    ----------
    forget
        Remove it: afx render goes back to its defaults.
    """
    from dataclasses import asdict

    from rich.text import Text

    from afx import profile as kept
    from afx.shown import show, show_json, shown

    try:
        path = kept.profile_path()
        gone = kept.forget() if forget else False
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"cannot remove the profile: {reason}") from error
    found = kept.look()
    if json:
        show_json(
            {"path": str(path), "state": found.state, "why": found.why, "forgotten": gone}
            | {"settings": asdict(found.profile), "document": found.document}
        )
        return
    lines = []
    if forget:
        lines.append("The profile is forgotten." if gone else "There was no profile to forget.")
    elif found.state == "none":
        lines.append("No profile: nothing was measured here yet. Try: afx bench")
    else:
        lines.append(f"Profile: {shown(path)}")
        if found.state == "used":
            lines += _settings(found)
        else:
            lines.append(f"It is not used: {found.why}. Measure again: afx bench")
    for line in lines:
        show(Text(line))


def _settings(found: Kept) -> list[str]:
    """Say what a profile holds and why."""
    from dataclasses import asdict

    from afx.shown import shown

    settings = {name: value for name, value in asdict(found.profile).items() if value is not None}
    words = ", ".join(f"{name} {value}" for name, value in settings.items())
    reasons = found.document.get("because")
    return [
        f"Measured {str(found.document.get('measured_at', ''))[:16].replace('T', ' ')}.",
        f"afx render uses: {words or 'its defaults, for nothing was better'}.",
        *(shown(str(r)) for r in (reasons if isinstance(reasons, list) else [])),
    ]


# ------------------------------------------------------------------ around the measuring


@contextmanager
def _round(written: Written, *, quick: bool, keep: bool = False) -> Iterator[tuple[Results, Live]]:
    """Give empty results to be filled while a table grows; then write, keep and show them."""
    import time
    from datetime import datetime

    from afx.bench.advice import advise
    from afx.bench.files import files_for, promised, write
    from afx.bench.machine import describe, peak_memory
    from afx.bench.results import Results
    from afx.bench.tables import live, report
    from afx.job import user_errors
    from afx.shown import show, show_json, shown

    files = None if written.json and written.output is None else files_for(written.output)
    start = time.perf_counter()
    with promised(files, overwrite=written.overwrite), user_errors():
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        results = Results(describe(), now, quick)
        with live(silent=written.json) as tell:
            yield results, tell
        results.seconds = time.perf_counter() - start
        results.memory = peak_memory()
        results.advice, best = advise(results)
        if keep:
            from afx.bench.keeping import keep_profile

            results.profile = keep_profile(results, best)
        if files is not None:
            write(results, files)
    if written.json:
        show_json(results.document())
    else:
        show(report(results))
        if files is not None:
            print(f"  → {shown(files.html)}  open it in a browser\n  → {shown(files.json)}")
