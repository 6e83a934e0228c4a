"""An analysis: everything that the analysers say of one song."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from music_analysis.chords import Chords
from music_analysis.key import Key
from music_analysis.mood import Mood
from music_analysis.structure import Structure
from music_analysis.tempo import Tempo
from music_analysis.windows import Floats

SCHEMA: Final = 1
"""Version of the layout of analysis.json."""
ANALYSERS: Final = "1"
"""Version of the analysers: what an older one found is found anew."""


@dataclass(frozen=True)
class Analysis:
    """Everything that the analysers say of one song."""

    file: str
    """Name of the file, without its folder."""
    title: str | None
    artist: str | None
    duration: float
    """Exact length of the sound, seconds."""
    sound: str
    """SHA-256 of the sound as it is encoded, hexadecimal: the same whatever the tags."""
    analysers: str
    """Version of the analysers, and the engine if it is another one."""
    tempo: Tempo
    key: Key
    chords: Chords
    structure: Structure
    mood: Mood
    wave: Floats
    """[W, 2] smallest and largest sample at 20 Hz, for drawing."""
