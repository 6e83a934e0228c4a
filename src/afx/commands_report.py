"""``afx render --report``: a page about the video that was made, with the judge's word on it.

Heavy modules are imported inside the functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.job import Job
    from afx.judge.judging import Stage


def report_beside(video: Path, *, overwrite: bool) -> Path:
    """Return where the report on a video goes, sure that it may be written there.

    Raises
    ------
    UserError
        If something lies there that is not a report of ours.
    """
    from afx.report.page import is_report

    target = video.with_suffix(".report.html")
    if target.is_dir():
        raise UserError(f"{target} is a folder: move it, or leave --report out")
    if target.exists() and not overwrite and not is_report(target):
        raise UserError(f"{target} exists and is not a report of ours: replace it with --overwrite")
    return target


def report_on(video: Path, job: Job, target: Path, *, silent: bool) -> None:
    """Judge a video of ours and write its report.

    Raises
    ------
    UserError
        If the video is too short to judge, or the page cannot be written.
    """
    from afx.judge.judging import judge
    from afx.judge.verdict import verdict
    from afx.judge.why import recompose
    from afx.progress import Count
    from afx.report.page import write_report

    again = recompose(job)
    with Count("watching", "frames", silent=silent) as count:

        def progress(stage: Stage, done: int, total: int) -> None:
            if stage == "watching":
                count(done, total)

        found = judge(video, again=again, on_progress=progress)
    write_report(found, verdict(found), again, target)
