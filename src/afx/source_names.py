"""The names of the sources: everything of the music that can hold a knob, with a few words each.

Knows names alone; where their curves come from is for ``sources``. Those of stems are made up as
stems are given: ``stem.drums`` and its parts are names in any look, whoever renders it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

CHROMA = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
BANDS = ("all", "sub", "bass", "lowmid", "mid", "highmid", "presence", "air")
TIMBRES = 4
"""How many of the piece's own directions of sound there are, ``timbre.1`` being the largest."""
MACROS = 8
"""How many sources people may set by hand: ``macro.1`` and on."""
STEM_PARTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "": ("level.all", "its loudness"),
        "hit": ("hit.all", "its onsets"),
        "event": ("hit.all", "its onsets, at most three a second"),
        "slow": ("presence.all", "its slow loudness (4 s)"),
        "bass": ("level.bass", "its loudness in the bass"),
        "air": ("level.air", "its loudness in the air"),
        "bright": ("centroid", "its brightness"),
    }
)
"""What there is of every stem: what follows its name, the track it comes from and a few words."""
STAND_INS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "drums": ("hit.kick", "hit.snare", "hit.hat"),
        "bass": ("level.bass", "presence.bass"),
        "vocals": ("level.mid", "presence.mid"),
    }
)
"""Stems by the names that splitters give them, and the tracks of the song that are theirs then:
what is alone is heard better than in the mix."""

_STEM = re.compile(r"stem\.([A-Za-z0-9_]+)(?:\.([a-z]+))?")


def _names() -> dict[str, str]:
    names = {f"level.{b}": f"loudness: {b}" for b in BANDS}
    names |= {f"hit.{h}": f"onsets: {h}" for h in ("all", "kick", "snare", "hat")}
    names |= {
        f"presence.{b}": f"slow loudness (4 s): {b}" for b in ("all", "bass", "mid", "treble")
    }
    names |= {
        "energy": "overall energy (8 s)",
        "centroid": "brightness of the sound",
        "flatness": "noise (1) or tones (0)",
        "contrast": "clear partials (1) or a dense wash of sound (0)",
        "flux": "how fast the spectrum changes",
        "stereo.width": "width of the stereo picture",
        "novelty": "structural change",
        "beat.phase": "0 to 1 within each beat",
        "bar.phase": "0 to 1 within each bar",
        "beat.pulse": "a pulse on each beat",
        "downbeat.pulse": "a pulse on each bar",
        "beat.conf": "how sure the beat is",
    }
    names |= {f"chroma.{c}": f"strength of pitch class {c}" for c in CHROMA}
    names |= {
        "event.kick": "kicks, at most three a second",
        "event.snare": "snares, at most three a second",
        "harmony": "drift around the circle of fifths; 0.5 is the piece's home (bipolar)",
        **{
            f"timbre.{k + 1}": f"{word} way in which this piece's sound varies, slow (bipolar)"
            for k, word in enumerate(("the largest", "the second", "the third", "the fourth"))
        },
        "lfo.sin": "slow sine, four bars or 8 s (bipolar)",
        "lfo.tri": "slow triangle, four bars or 8 s (bipolar)",
        "lfo.saw": "slow rise, four bars or 8 s, and back at once",
        "lfo.noise": "slow random wander (bipolar)",
        "beat.breath": "a soft swell between beats",
        "beat.rand": "another random value in each bar (bipolar)",
        "beat.toggle": "0 and 1 in turn, bar by bar",
        "build": "music building up, full where it arrives",
        "drop": "sound and bass coming in at once",
        "tempo": "how fast the song is: 0.5 is 120 beats a minute, twice as fast is 1 (bipolar)",
        "section.progress": "0 to 1 within each section",
        "section.change": "a pulse where a section begins",
        "section.id": "a value for each kind of section, the same when it returns (bipolar)",
        "section.energy": "mean energy of the section (bipolar)",
        "key.hue": "the key on the circle of fifths; 0.5 is C major and A minor (bipolar)",
        "key.mode": "0 minor, 0.5 not sure, 1 major (bipolar)",
        "chord.hue": "the chord's distance from home on the circle of fifths (bipolar)",
        "chord.change": "changes of chord, at most three a second",
    }
    axes = ("fifths", "minor thirds", "major thirds")
    names |= {
        f"tonnetz.{k + 1}": f"tonal center on the circle of {axes[k // 2]},"
        f" {'across' if k % 2 == 0 else 'along'} (bipolar)"
        for k in range(6)
    }
    return names | {f"macro.{k}": f"set by hand: --macro {k}=0.8" for k in range(1, MACROS + 1)}


SOURCES: Mapping[str, str] = MappingProxyType(_names())
"""Every source by name, with what it is in a few words; those of stems come on top."""


def stem_source(name: str) -> tuple[str, str] | None:
    """Return the stem and the part that a source's name says; None if it is no stem's.

    ``stem.drums`` is ``("drums", "")``, ``stem.drums.hit`` is ``("drums", "hit")``.
    """
    found = _STEM.fullmatch(name)
    if found is None or (found[2] or "") not in STEM_PARTS:
        return None
    return found[1], found[2] or ""


def words(name: str) -> str:
    """Return what a source is in a few words; of an unknown one its name."""
    stem = stem_source(name)
    if stem is not None:
        return f"stem {stem[0]}: {STEM_PARTS[stem[1]][1]}"
    return SOURCES.get(name, name)
