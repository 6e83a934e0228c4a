"""The judge's page: one self-contained HTML file with the curves over time and why it moved.

Everything is inside: pictures, style, script. It asks the network for nothing; the video itself is
linked where it lies, for playing along, and left out where it is not found.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from afx.judge.bars import Measure
from afx.judge.judging import Judgment
from afx.judge.lagplot import lag_plot
from afx.judge.verdict import Verdict
from afx.judge.why import Why
from afx.stills import MADE_WITH
from music_analysis.page_parts import file_of, script_json, template_of, write_text

GROUPS = {
    "reactivity": "Follows the sound",
    "structure": "Shows the form",
    "controls": "Quiet and loud",
    "picture": "Pictures",
    "motion": "Motion",
    "safety": "Flashes",
    "variety": "Variety",
}
"""Groups of measures, as people call them."""
_QUIETEST = -60.0  # dB: the bottom of the curve of loudness


def write(found: Judgment, said: Verdict, target: Path) -> None:
    """Write the page; the file is whole or not there.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    write_text(target, page(found, said, target))


def is_page(path: Path) -> bool:
    """Tell whether a file is a page of the judge, that may be replaced."""
    try:
        with path.open("rb") as file:
            return b"<title>" in (head := file.read(2000)) and b"\xe2\x80\x93 judged" in head
    except OSError:
        return False


def page(found: Judgment, said: Verdict, target: Path) -> str:
    """Return the page as text; the video is linked as seen from `target`."""
    film, heard = found.film, found.heard
    data = script_json(page_data(found))
    facts = [
        length(film.duration),
        f"{film.width}×{film.height}",
        f"{float(film.told_rate):.5g} frames a second",
        "its own sound" if found.own_sound else f"judged by {heard.title}",
    ]
    if heard.tempo is not None:
        facts.append(f"{heard.tempo:.0f} bpm")
    return str(
        template_of("afx.judge", "judge.html").render(
            title=film.path.name,
            facts=" · ".join(facts),
            sentence=said.sentence,
            follows=said.follows,
            groups=groups_of(said.measures),
            strip=strip_of(found),
            video=link_to(film.path, target),
            why_not=found.why_not,
            lag=lag_plot(found.hits, found.control.link if found.control else None),
            measured=tables_of(said.measures),
            made_with=MADE_WITH,
            nonce=hashlib.sha256(data.encode()).hexdigest()[:32],
            data=data,
            style=file_of("afx.judge", "judge.css"),
            script=file_of("afx.judge", "film.js") + file_of("afx.judge", "judge.js"),
        )
    )


def page_data(found: Judgment) -> dict[str, Any]:
    """Return the curves, parts and pulls of a judgment, for a page's script."""
    motion, heard = found.viewed.activity.change, found.heard
    top = max(float(np.percentile(motion, 99.5)), 1e-6)
    trouble = [
        *found.viewed.flash_spans,
        *found.motion.freezes,
        *found.motion.dead,
        *((t, t) for t in found.motion.jumps),
    ]
    loud = (np.maximum(heard.loudness, _QUIETEST) - _QUIETEST) / -_QUIETEST
    best = int(np.argmax(np.convolve(heard.hits * motion, np.ones(round(heard.rate)), "same")))
    return {
        "seconds": found.film.duration,
        "rate": heard.rate,
        "start": round(best / heard.rate, 1),
        "curves": {
            "hits": _packed(heard.hits),
            "loud": _packed(loud),
            "motion": _packed(motion / top),
            "novelty": _packed(found.form.novelty),
        },
        "parts": [
            {"start": p.start, "end": p.end, "label": p.label, "group": p.group}
            for p in found.parts
        ],
        "changes": list(found.form.changes),
        "cuts": list(found.motion.cuts),
        "trouble": [list(span) for span in trouble],
        "beats": np.round(heard.beats, 3).tolist(),
        "seen": np.round(found.beats.times, 3).tolist() if found.beats else [],
        "why": None if found.why is None else _why(found.why),
    }


def _why(why: Why) -> dict[str, Any]:
    scenes = []
    for scene in why.scenes:
        pulls = []
        for pull in scene.pulls:
            scale = float(np.abs(pull.values).max())
            codes = np.rint(pull.values / scale * 127).astype(np.int8)
            pulls.append(
                {
                    "source": pull.source,
                    "words": pull.source_words,
                    "knob": pull.knob,
                    "help": pull.knob_words,
                    "clock": pull.clock,
                    "swing": bool((pull.values < 0).any()),
                    "scale": scale,
                    "values": base64.b64encode(codes.tobytes()).decode(),
                }
            )
        scenes.append(
            {
                "title": scene.title,
                "why": scene.why,
                "start": scene.start,
                "end": scene.end,
                "pulls": pulls,
            }
        )
    return {"step": why.step, "scenes": scenes}


def groups_of(measures: Sequence[Measure]) -> list[dict[str, str]]:
    """Return what each group of measures came to, in words."""
    found = []
    for name, title in GROUPS.items():
        asked = [m for m in measures if m.group == name and m.met is not None]
        missed = [m for m in asked if not m.met]
        if not asked:
            words, state = "not asked here", "open"
        elif not missed:
            words, state = "all met" if len(asked) > 1 else "met", "met"
        else:
            words = "missed: " + ", ".join(m.name[:1].lower() + m.name[1:] for m in missed)
            state = "missed"
        found.append({"title": title, "words": words, "state": state})
    return found


def tables_of(measures: Sequence[Measure]) -> str:
    """Return the tables of everything measured, as HTML in two columns."""
    ends = [k for k in range(1, len(measures)) if measures[k].group != measures[k - 1].group]
    middle = min(ends, key=lambda k: abs(2 * k - len(measures)))  # never inside a group
    halves = measures[:middle], measures[middle:]
    return str(template_of("afx.judge", "measured.html").render(halves=halves))


def _packed(curve: ArrayLike) -> str:
    codes = np.rint(np.clip(np.asarray(curve, dtype=np.float64), 0.0, 1.0) * 255).astype(np.uint8)
    return base64.b64encode(codes.tobytes()).decode()


def strip_of(found: Judgment) -> list[str]:
    """Return a film strip's pictures as links that hold them."""
    return [_jpeg(rgb) for _, rgb in found.viewed.strip]


def _jpeg(rgb: NDArray[np.uint8]) -> str:
    kept = io.BytesIO()
    Image.fromarray(rgb).save(kept, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(kept.getvalue()).decode()


def link_to(video: Path, target: Path) -> str:
    """Return the video as seen from the page; nothing if there is no way (another drive)."""
    try:
        way = os.path.relpath(video.resolve(), target.resolve().parent)
    except ValueError:
        return ""
    return quote(os.fsencode(way.replace(os.sep, "/")))


def length(seconds: float) -> str:
    """Write a duration: ``3:05``, or ``12.5 s``."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{int(rest):02d}" if minutes else f"{seconds:.1f} s"
