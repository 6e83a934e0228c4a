"""``afx judge``: how well did the picture follow the sound.

Heavy modules are imported inside the command.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.judge.judging import Judgment, Stage
    from afx.judge.verdict import Verdict

EXAMPLES = """\
Examples:
  afx judge film.mp4                           makes film.judge.html
  afx judge film.mp4 --control other.mp3       and: does another song do?
  afx judge silent.webm --song song.mp3        a video without its sound
  afx judge film.mp4 --json                    for programs
"""


def judge(
    video: Path,
    /,
    *,
    song: Path | None = None,
    control: Path | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    overwrite: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Measure how well a video's picture follows its sound.

    Any video will do, ours or another's. Prints a verdict and writes a page
    with curves over time; for our own videos it tells why they moved.

    Parameters
    ----------
    video
        A video file.
    song
        The sound to judge by, if it is not the video's own.
    control
        Another song, in another tempo: the picture should not follow it.
    output
        The page to write. Left out, it is called as the video, such as film.judge.html.
    overwrite
        Replace a file that is not ours.
    json
        Print JSON, for programs; the page is written only if -o names it.
    """
    target = output
    if target is None and not json:
        target = Path(f"{video.stem or 'video'}.judge.html")
    if target is not None:
        _check_page(target, (video, song, control), overwrite=overwrite)
    from afx.judge.judging import judge as judged
    from afx.judge.verdict import as_json, verdict
    from afx.progress import Count
    from afx.shown import show_json

    with Count("watching", "frames", silent=json) as count:

        def progress(stage: Stage, done: int, total: int) -> None:
            if stage == "watching":
                count(done, total)

        found = judged(video, song, control, on_progress=progress)
    said = verdict(found)
    if target is not None:
        from afx.judge.page import write

        write(found, said, target)
    if json:
        show_json(as_json(found, said) | ({} if target is None else {"page": str(target)}))
    else:
        _show(found, said, target)


def _check_page(target: Path, inputs: tuple[Path | None, ...], *, overwrite: bool) -> None:
    """Make sure that a page may be written there, before the work."""
    if target.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{target}: the judge writes a page, name it such as video.html")
    if target.is_dir():
        raise UserError(f"{target} is a folder: name a file, such as {target / 'video.html'}")
    if any(path is not None and path.exists() and target.exists() and target.samefile(path)
           for path in inputs):  # fmt: skip
        raise UserError(f"{target} would replace what is judged: choose another page with -o")
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}: make it first")
    if target.exists() and not overwrite and not _is_ours(target):
        raise UserError(
            f"{target} exists and is not a page of the judge: replace it with --overwrite"
        )


def _is_ours(target: Path) -> bool:
    from afx.judge.page import is_page

    return is_page(target)


def _show(found: Judgment, said: Verdict, target: Path | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from afx.judge.page import GROUPS
    from afx.shown import show, shown

    show(Text(said.sentence, style="bold"))
    signs = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for style in ("", "bold", "dim"):
        grid.add_column(no_wrap=True, style=style)
    grid.add_column(overflow="fold", style="dim")
    last = ""
    for measure in said.measures:
        if measure.group != last:
            last = measure.group
            grid.add_row(Text(""), Text(GROUPS[last], style="dim"))
        sign, style = signs[measure.met]
        grid.add_row(
            Text(f"  {sign}", style=style),
            Text(measure.name),
            Text(measure.shown),
            Text(measure.bar),
            Text(measure.words),
        )
    show(grid)
    if found.why_not:
        show(Text(found.why_not, style="dim"))
    if target is not None:
        show(Text(f"Page: {shown(target)}"))
