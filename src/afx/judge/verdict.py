"""The verdict: one sentence, every measure, and all of it for programs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from afx import gates
from afx.judge.bars import Measure, measures_of, milliseconds, strength
from afx.judge.judging import Judgment
from afx.judge.reactivity import AMBIENT, LATEST, STRONG, SURE, Link

_RARELY = 0.05  # share of frames: a codec stirs a still picture now and then


@dataclass(frozen=True)
class Verdict:
    """What the judge says.

    Attributes
    ----------
    sentence : str
    follows : bool
        Whether the picture follows the sound.
    measures : tuple of Measure
    """

    sentence: str
    follows: bool
    measures: tuple[Measure, ...]

    @property
    def missed(self) -> tuple[Measure, ...]:
        """Measures whose bar is missed."""
        return tuple(m for m in self.measures if m.met is False)


def verdict(found: Judgment) -> Verdict:
    """Say what a judgment means."""
    measures = measures_of(found)
    return Verdict(_sentence(found, measures), follows(found), measures)


def follows(found: Judgment) -> bool:
    """Tell whether the picture follows the sound, hits or swells as the piece has them."""
    return found.hits.follows if found.heard.rhythmic else found.slow >= AMBIENT


def as_json(found: Judgment, said: Verdict) -> dict[str, Any]:
    """Return everything for programs; times in seconds of the video."""
    film, heard = found.film, found.heard
    return {
        "video": film.path.name,
        "song": heard.path.name if not found.own_sound else None,
        "seconds": film.duration,
        "size": [film.width, film.height],
        "fps": float(film.told_rate),
        "judged_fps": float(film.rate),
        "verdict": said.sentence,
        "follows": said.follows,
        "measures": [_finite(asdict(m)) for m in said.measures],
        "music": {
            "rhythmic": heard.rhythmic,
            "tempo": heard.tempo,
            "sections": [asdict(part) for part in found.parts],
        },
        "links": {name: _link(getattr(found, name)) for name in ("hits", "flux", "kicks", "swell")}
        | ({"control": _link(found.control.link)} if found.control else {}),
        "pictures": [
            {"at": at, **asdict(measures), "faults": list(faults)}
            for at, measures, faults in zip(
                found.viewed.pictures.moments,
                found.viewed.pictures.measures,
                found.viewed.pictures.faults,
                strict=True,
            )
        ],
        "changes": list(found.form.changes),
        "jumps": list(found.motion.jumps),
        "freezes": [list(span) for span in found.motion.freezes],
        "dead": [list(span) for span in found.motion.dead],
        "cuts": list(found.motion.cuts),
        "flashes": {**asdict(found.viewed.flashes), "spans": list(found.viewed.flash_spans)},
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "r": link.r,
        "lag": link.lag,
        "z": link.z,
        "z_blocks": link.z_blocks,
        "chance": list(link.chance),
        "best_chance": link.best_chance,
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    value = row["value"]
    return {**row, "value": value if value is None or math.isfinite(value) else None}


def _sentence(found: Judgment, measures: tuple[Measure, ...]) -> str:
    hits, rhythmic = found.hits, found.heard.rhythmic
    if (found.viewed.activity.change > gates.FREEZE_ACTIVITY).mean() < _RARELY:
        said = "The picture hardly moves"
    elif rhythmic:
        if hits.follows:
            said = f"The picture follows the sound {strength(hits.r, hits.sure)}, in time"
        elif hits.r <= hits.best_chance and hits.sure < SURE:
            said = "The picture does not follow the sound"
        elif not hits.timely:
            late = "late" if hits.lag > LATEST else "too early"
            said = f"The picture follows the sound, but {late} ({milliseconds(hits.lag)})"
        elif hits.r < STRONG:
            said = "The picture follows the sound, but weakly"
        else:
            said = "The picture seems to follow the sound, but it may be chance"
    elif found.slow >= AMBIENT:
        said = "The picture swells and rests with the music"
    elif found.slow >= 0.5 * AMBIENT:
        said = "The picture follows the music's loudness, but weakly"
    else:
        said = "The picture does not follow the music's loudness"
    asked = [m for m in measures if m.met is not None]
    met = sum(bool(m.met) for m in asked)
    if not found.viewed.flashes.passed:
        said += "; it flashes too much to be safe"
    return f"{said}. {met} of {len(asked)} bars met."
