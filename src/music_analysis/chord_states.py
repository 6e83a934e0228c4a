"""The states of the chord model: every chord over every bass that it may have, and no chord.

Knows the network's evidence and steps of time. A major or minor chord or its seventh may lie over
any of its tones; the rarer qualities are in root position. Because the bass is part of the state, a
new bass under the same harmony begins a new segment where the evidence pays for it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from music_analysis.chord_labels import NAMES, QUALITIES, TRIAD_OF, ChordName
from music_analysis.chord_network import CHORDS, RATE, Evidence
from music_analysis.chord_path import Steps, best_path, pool
from music_analysis.windows import Floats

FIRST_ROW: Final = 0.05  # s: where the first of the network's rows is

_TURNED: Final = ("maj", "min", "7", "maj7", "min7")

STATES: Final[tuple[ChordName | None, ...]] = (
    *(
        ChordName(root, quality, bass)
        for quality, steps in QUALITIES.items()
        for bass in (steps if quality in _TURNED else (0,))
        for root in range(12)
    ),
    None,
)
_NAMED: Final = [name for name in STATES if name is not None]
_CHORD: Final = np.array([12 * NAMES.index(s.quality) + s.root for s in _NAMED] + [CHORDS - 1])
_BASS: Final = np.array([(s.root + s.bass) % 12 for s in _NAMED])
_INVERTED: Final = np.array([s.bass > 0 for s in _NAMED])
_UNUSUAL: Final = np.array([s.quality not in _TURNED for s in _NAMED])
_SEVENTHS: Final = np.array([s.quality in _TURNED[2:] for s in _NAMED])

# Chosen on 25 songs that the network was not trained with, for the sum of majmin, sevenths and seg;
# moving any one of them by a third changed each score by less than 0.003.
_SCALE: Final = 2.0  # of log likelihoods of a step of 0.35 s: neighboring rows are not independent
_ROOT_OF_LENGTH: Final = 0.5  # evidence grows with the root of a step's length
_BASS_WEIGHT: Final = 0.7
_NO_CHORD: Final = -0.2  # in place of the bass where there is no chord
_INVERSION: Final = 0.1  # what a bass other than the root has to make up for
_RARE: Final = 2.0  # what a chord that is neither major nor minor has to make up for
_SEVENTH: Final = 0.2  # in favor of sevenths, which the network is shy of
_CHANGE: Final = np.array([-4.0, -5.0, -3.0, -2.0], np.float32)  # at NONE, HALF, BEAT, BAR
_CHANGE_HEARD: Final = 1.0  # weight of the network's own idea of where chords begin
_PAGE: Final = 2048  # steps
_CHANGE_SHARE: Final = 0.15  # of rows: what it says on average


def find_states(evidence: Evidence, steps: Steps) -> list[ChordName | None]:
    """Name the chord of every step, [K]."""
    chords = pool(
        np.log(np.maximum(evidence.chords, np.float32(1e-5))), RATE, steps.times, first=FIRST_ROW
    )
    bass = pool(
        np.log(np.maximum(evidence.bass, np.float32(1e-4))), RATE, steps.times, first=FIRST_ROW
    )
    worth = np.empty((len(chords), len(STATES)), np.float32)
    against = _INVERSION * _INVERTED + _RARE * _UNUSUAL - _SEVENTH * _SEVENTHS
    for first in range(0, len(chords), _PAGE):
        page = worth[first : first + _PAGE]
        page[:] = chords[first : first + _PAGE, _CHORD]
        page[:, :-1] += np.float32(_BASS_WEIGHT) * bass[first : first + _PAGE, _BASS]
        page[:, :-1] -= against.astype(np.float32)
        page[:, -1] += np.float32(_NO_CHORD)
    lengths = np.diff(steps.times) / 0.35
    worth *= (_SCALE * lengths**_ROOT_OF_LENGTH).astype(np.float32)[:, None]
    rows = FIRST_ROW + np.arange(len(evidence.change)) / RATE
    heard = np.interp(steps.times[:-1], rows, evidence.change)
    change = _CHANGE[steps.place] + _CHANGE_HEARD * np.log(np.maximum(heard, 1e-3) / _CHANGE_SHARE)
    path = best_path(worth, change.astype(np.float32))
    return [STATES[state] for state in path]


def _basic_table() -> Floats:
    """[CHORDS, 25] what each chord gives to 12 major chords, 12 minor chords and none."""
    table = np.zeros((CHORDS, 25), np.float32)
    for number, quality in enumerate(NAMES):
        for root in range(12):
            row = table[12 * number + root]
            if quality in ("sus2", "sus4"):  # no third: either may be meant
                row[root] = row[12 + root] = 0.5
            else:
                row[root + 12 * (QUALITIES[quality][1] == 3)] = 1
    table[-1, 24] = 1
    return table


def _family_table() -> Floats:
    """[CHORDS, CHORDS] 1 where root and triad are the same."""
    names = [TRIAD_OF.get(quality, quality) for quality in NAMES]
    of = np.array([12 * names.index(n) + r for n in names for r in range(12)] + [CHORDS - 1])
    same: Floats = (of[:, None] == of).astype(np.float32)
    return same


BASIC: Final = _basic_table()
FAMILY: Final = _family_table()


def number(name: ChordName | None) -> int:
    """Which of the network's chords it is."""
    return CHORDS - 1 if name is None else 12 * NAMES.index(name.quality) + name.root
