"""The report's page: one self-contained HTML file beside the video, which it plays.

Everything else is inside: pictures, style, script, data. It asks the network for nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from afx.job import Job
from afx.judge.judging import Judgment
from afx.judge.page import groups_of, length, link_to, page_data, strip_of, tables_of
from afx.judge.verdict import Verdict
from afx.judge.why import Recomposed
from afx.report.data import report_data
from afx.stills import MADE_WITH
from music_analysis.page_parts import file_of, script_json, template_of, write_text

MARK = b"\xe2\x80\x93 made by afx</title>"
"""What tells our pages from others."""


def write_report(found: Judgment, said: Verdict, again: Recomposed, target: Path) -> None:
    """Write the report on a video; the file is whole or not there.

    Parameters
    ----------
    found, said : Judgment, Verdict
        What the judge says of the video.
    again : Recomposed
        The video's settings and Controls.
    target : Path

    Raises
    ------
    UserError
        If it cannot be written.
    """
    write_text(target, report_page(found, said, again, target))


def is_report(path: Path) -> bool:
    """Tell whether a file is a report of ours, that may be replaced."""
    try:
        with path.open("rb") as file:
            return MARK in file.read(4000)
    except OSError:
        return False


def report_page(found: Judgment, said: Verdict, again: Recomposed, target: Path) -> str:
    """Return the page as text; the video is linked as seen from `target`."""
    film, audio = found.film, again.heard.analysis
    data = script_json({**page_data(found), **report_data(again)})
    title = audio.title or Path(again.job.song).stem
    if audio.title and audio.artist:
        title = f"{audio.artist} – {audio.title}"
    facts = [film.path.name, length(film.duration), f"{film.width}×{film.height}"]
    facts.append(f"{float(film.told_rate):.5g} frames a second")
    if audio.tempo.bpm is not None:
        facts.append(f"{audio.tempo.bpm:.0f} bpm")
    style = "\n".join((file_of("afx.judge", "judge.css"), file_of("afx.report", "report.css")))
    script = "\n".join((file_of("afx.judge", "film.js"), file_of("afx.report", "report.js")))
    return str(
        template_of("afx.report", "report.html").render(
            title=title,
            file=film.path.name,
            facts=" · ".join(facts),
            sentence=said.sentence,
            follows=said.follows,
            groups=groups_of(said.measures),
            measured=tables_of(said.measures),
            strip=strip_of(found),
            video=link_to(film.path, target),
            why_not=found.why_not,
            settings=_settings(again.job, again.grip.temperament),
            made_with=MADE_WITH,
            nonce=hashlib.sha256(data.encode()).hexdigest()[:32],
            data=data,
            style=style,
            script=script,
        )
    )


def _settings(job: Job, temperament: str) -> list[tuple[str, str]]:
    """Return what was chosen for a video, in words; what nobody chose is left out."""
    few = len(job.looks) <= 6
    looks = ", ".join(job.looks) if few else f"the music's choice of {len(job.looks)}"
    macros = ", ".join(f"{k} = {v:g}" for k, v in job.macros.items())
    rows = [
        ("Song", Path(job.song).name),
        ("Looks", looks),
        ("Seed", str(job.seed)),
        ("Temperament", temperament),
        ("Reactivity", f"{job.reactivity:g}"),
        ("Safety", job.safety),
        ("Encoding", f"{job.codec}, {job.quality}"),
        ("Stems", ", ".join(job.stems)),
        ("Macros", macros),
        ("Timeline", "from a file" if job.timeline else ""),
        ("Loop", f"{job.loop} bars" if job.loop else ""),
        ("Title", job.title or ""),
        ("Logo", Path(job.logo.path).name if job.logo else ""),
        ("Lyrics", Path(job.lyrics.path).name if job.lyrics else ""),
        ("Version", f"afx {job.version}"),
    ]
    return [(name, value) for name, value in rows if value]
