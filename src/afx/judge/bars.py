"""The lines of the verdict: each measure with its bar, met or missed, in plain words.

Bars are those of docs/judge.md. A measure that does not apply to a video (no silence in it, no sure
tempo) has no value and says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from afx import gates
from afx.flashes import LIMIT
from afx.judge import ablation, beats, diversity, motion, structure
from afx.judge.judging import Judgment
from afx.judge.reactivity import AMBIENT, EARLIEST, LATEST, STRONG, SURE


@dataclass(frozen=True)
class Measure:
    """One line of the verdict.

    Attributes
    ----------
    id : str
        For programs.
    group : str
        ``reactivity``, ``structure``, ``controls``, ``picture``, ``motion``, ``safety``,
        ``variety``.
    name : str
        For people.
    value : float or None
        None where it does not apply.
    shown : str
        The value with its unit.
    bar : str
        What is asked for; empty where a figure is only told.
    met : bool or None
        None where it does not apply or there is no bar.
    words : str
        What it means.
    """

    id: str
    group: str
    name: str
    value: float | None
    shown: str
    bar: str
    met: bool | None
    words: str


def measures_of(found: Judgment) -> tuple[Measure, ...]:
    """Return every measure of a judgment, group by group."""
    return (
        *_reactivity(found),
        *_structure(found),
        *_controls(found),
        *_picture(found),
        *_motion(found),
        _flashes(found),
        *_variety(found),
    )


def _none(id: str, group: str, name: str, why: str) -> Measure:
    return Measure(id, group, name, None, "–", "", None, why)


def milliseconds(seconds: float) -> str:
    """Write a lag: ``−34 ms``."""
    return f"{1000 * seconds:+.0f} ms".replace("-", "−")


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _when(lag: float) -> str:
    if lag < EARLIEST:
        return "too early to seem at once"
    if lag > LATEST:
        return "too late to seem at once"
    return "sight and sound are one"


def strength(r: float, sure: float, strong: float = STRONG) -> str:
    """Say how strongly a picture follows, in a word or two."""
    if sure < SURE and r < strong:
        return "no more than chance gives"
    if r < 0.6 * strong:
        return "hardly"
    if r < strong:
        return "a little"
    return "clearly" if r < 2 * strong else "closely"


def _reactivity(found: Judgment) -> list[Measure]:
    hits, slow, rhythmic = found.hits, found.slow, found.heard.rhythmic
    group = "reactivity"
    seen = hits.r > hits.best_chance
    rows = []
    if rhythmic:
        rows = [
            Measure(
                "correlation", group, "Moves with the hits", hits.r, f"r {_number(hits.r)}",
                f"≥ {STRONG}", hits.r >= STRONG, strength(hits.r, hits.sure),
            ),
            Measure(
                "surety", group, "Beyond chance", hits.sure, f"z {_number(hits.sure, 1)}",
                f"≥ {SURE:g}", hits.sure >= SURE,
                f"shifted {_number(hits.z, 1)}, shuffled {_number(hits.z_blocks, 1)}",
            ),
            Measure(
                "lag", group, "In time", 1000 * hits.lag, milliseconds(hits.lag),
                f"{1000 * EARLIEST:.0f} to {1000 * LATEST:+.0f} ms".replace("-", "−"),
                hits.timely and seen, _when(hits.lag) if seen else "no answer to time",
            ),
            Measure(
                "swell", group, "Moves with loudness", slow, _number(slow), "", None,
                "asked of calm music only",
            ),
        ]  # fmt: skip
    else:
        rows = [
            Measure(
                "swell", group, "Moves with loudness", slow, _number(slow), f"≥ {AMBIENT}",
                slow >= AMBIENT, "over seconds",
            ),
            Measure(
                "correlation", group, "Moves with the hits", hits.r, f"r {_number(hits.r)}", "",
                None, "asked where there are hits",
            ),
        ]  # fmt: skip
    u, all_ = found.strokes, found.shared
    rows += [
        Measure(
            "strokes", group, "Strokes meet", u.share, f"{100 * u.share:.0f} %",
            f"≥ {100 * beats.UNION:.0f} %" if rhythmic else "",
            u.share >= beats.UNION if rhythmic else None,
            f"of onsets and movements, by chance {100 * u.chance:.0f} %",
        ),
        Measure(
            "shared", group, "Sound in the picture", all_.rv2, f"RV {_number(all_.rv2)}", "", None,
            f"all features, by chance {_number(all_.chance)}",
        ),
    ]  # fmt: skip
    if found.beats is None:
        return [*rows, _none("beats", group, "Beats seen", "the tempo is not sure")]
    b = found.beats
    asked = rhythmic
    rows.append(
        Measure(
            "beats", group, "Beats seen", b.score, f"F {_number(b.score)}",
            f"≥ {beats.GOOD}" if asked else "", b.score >= beats.GOOD if asked else None,
            f"{100 * b.raw:.0f} % meet, by chance {100 * b.chance:.0f} %",
        )
    )  # fmt: skip
    return rows


def _structure(found: Judgment) -> list[Measure]:
    form, group, rows = found.form, "structure", []
    if form.alike is None:
        rows.append(_none("form", group, "Form seen", "too few bars to compare"))
    else:
        rows.append(
            Measure(
                "form", group, "Form seen", form.alike, f"r {_number(form.alike)}",
                f"≥ {structure.ALIKE}", form.alike >= structure.ALIKE,
                "like sounds have like looks"
                if form.alike >= structure.ALIKE
                else "like sounds look unlike",
            )
        )  # fmt: skip
    if form.hit is None:
        rows.append(_none("boundaries", group, "Sections visible", "one section only"))
    else:
        rows.append(
            Measure(
                "boundaries", group, "Sections visible", form.hit, f"F {_number(form.hit)}",
                f"≥ {structure.HIT}", form.hit >= structure.HIT,
                f"by chance {_number(form.hit_chance)}",
            )
        )  # fmt: skip
    if form.distance is None:
        rows.append(_none("returns", group, "Sections return", "none returns beside others"))
    else:
        met = form.distance <= structure.DISTANCE
        rows.append(
            Measure(
                "returns", group, "Sections return", form.distance, f"{_number(form.distance)} ×",
                f"≤ {structure.DISTANCE}", met,
                "as different as others" if not met else "they look alike",
            )
        )  # fmt: skip
    return rows


def _controls(found: Judgment) -> list[Measure]:
    group, rows = "controls", []
    if found.control is not None:
        c = found.control
        words = f"z {_number(c.link.z, 1)} with {c.title}"
        if not c.fair:
            words = "it has the same tempo: choose another"
        rows.append(
            Measure(
                "control", group, "Ignores another song", c.link.r, f"r {_number(c.link.r)}",
                f"< {_number(max(ablation.CONTROL_WEAK, ablation.CONTROL_SHARE * found.hits.r))},"
                f" z < {ablation.CONTROL_SURE:g}",
                c.refused if c.fair else None, words,
            )
        )  # fmt: skip
    if found.loud is None:
        rows.append(_none("dynamics", group, "Loud moves more", "equally loud throughout"))
    else:
        rows.append(
            Measure(
                "dynamics", group, "Loud moves more", found.loud, f"{_number(found.loud)} ×",
                f"≥ {ablation.LOUD_TO_QUIET}", found.loud >= ablation.LOUD_TO_QUIET,
                "loudest tenth to quietest",
            )
        )  # fmt: skip
    s = found.silence
    if s is None:
        rows.append(_none("silence", group, "Rests in silence", "there is none in it"))
    else:
        alive = s.idle >= gates.FREEZE_ACTIVITY * 0.1
        rows.append(
            Measure(
                "silence", group, "Rests in silence", s.ratio, f"{_number(s.ratio, 1)} ×",
                f"≥ {ablation.MUSIC_TO_SILENCE:g}",
                s.ratio >= ablation.MUSIC_TO_SILENCE and alive,
                f"music to {s.seconds:.1f} s of silence"
                if alive
                else "frozen in silence",
            )
        )  # fmt: skip
    return rows


def _picture(found: Judgment) -> list[Measure]:
    p = found.viewed.pictures
    count = len(p.faults)
    good = sum(not words for words in p.faults)
    return [
        Measure(
            "pictures", "picture", "Good pictures", p.good, f"{good} of {count}", "all",
            good == count, p.worst() or "not flat, garish or noisy",
        ),
        Measure(
            "banding", "picture", "Bands", found.motion.banding,
            f"{100 * found.motion.banding:.2f} %", f"≤ {100 * motion.BANDING_MAX:g} %",
            found.motion.banding <= motion.BANDING_MAX,
            "on contours of one code",
        ),
    ]  # fmt: skip


def _motion(found: Judgment) -> list[Measure]:
    m, group = found.motion, "motion"
    jumps = "outside of cuts"
    if m.jumps:
        jumps = f"{m.jumps_on_hits} on a hit; from {_clock(m.jumps[0])} on"
    return [
        Measure(
            "flicker", group, "Flicker", m.flicker, _number(m.flicker, 3),
            f"≤ {gates.FLICKER_MAX}", m.flicker <= gates.FLICKER_MAX,
            "of it above 8 Hz",
        ),
        Measure(
            "jumps", group, "Jumps", len(m.jumps), str(len(m.jumps)), "0", not m.jumps,
            jumps,
        ),
        Measure(
            "smoothness", group, "Smoothness", m.smoothness, _number(m.smoothness),
            f"≤ {gates.SMOOTHNESS_MAX}", m.smoothness <= gates.SMOOTHNESS_MAX,
            "from frame to frame",
        ),
        Measure(
            "freezes", group, "Freezes", len(m.freezes), str(len(m.freezes)), "0",
            not m.freezes, _first(m.freezes) or "always moving",
        ),
        Measure(
            "dead", group, "Empty pictures", len(m.dead), str(len(m.dead)), "0", not m.dead,
            _first(m.dead) or "never without contrast",
        ),
    ]  # fmt: skip


def _first(spans: tuple[tuple[float, float], ...]) -> str:
    if not spans:
        return ""
    (start, end), *_ = spans
    return f"first at {_clock(start)}, {end - start:.1f} s"


def _flashes(found: Judgment) -> Measure:
    report = found.viewed.flashes
    worst = max(report.general, report.red)
    kind = "changes of red" if report.red > report.general else "changes of brightness"
    at = report.red_at if report.red > report.general else report.general_at
    words = kind if report.passed else f"{kind}, at {_clock(at or 0.0)}"
    if report.passed and report.extended:
        words = f"for too long, at {_clock(report.extended_at or 0.0)}"
    return Measure(
        "flashes", "safety", "Flashing", worst, f"{worst} a second", f"≤ {LIMIT}",
        report.passed and not report.extended,
        words,
    )  # fmt: skip


def _variety(found: Judgment) -> list[Measure]:
    lo, hi = diversity.INVENTIVE
    inside = lo <= found.invention <= hi
    word = "neither stuck nor adrift"
    if not inside:
        word = "the same again and again" if found.invention > hi else "falls apart"
    return [
        Measure(
            "invention", "variety", "Keeps inventing", found.invention, _number(found.invention),
            f"{lo} to {hi}", inside, word,
        ),
        Measure(
            "variety", "variety", "Different pictures", found.vendi, f"{found.vendi:.1f}", "",
            None, "in effect (Vendi score)",
        ),
    ]  # fmt: skip


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
