"""How the song itself colors the pictures: mode, key, chords, tempo and loudness on the grade.

Emotion decides lightness, chroma and warmth: faster music in major is lighter, more colorful and
yellower, slower music in minor darker, grayer and bluer (Palmer, Schloss, Xu and Prado-León 2013,
"Music-color associations are mediated by emotion"); loud music is darker, more colorful and redder
(Whiteford, Schloss, Helwig and Palmer 2018, "Color, music, and emotion"). The circle of fifths
tells one song's palette from another's, and chords turn it at equal lightness. Depths are shares of
a knob's range; every one is small against the palette's own design, so that a look keeps its
identity.
"""

from __future__ import annotations

from afx.look_parts import Route

KEY_TURN = 0.16
"""Turns of hue for twelve steps around the circle of fifths: 4.8° a step. A song's key is at most
six steps from C major, so palettes are turned by at most 29°: at 45° embers are olive."""
CHORD_TURN = 0.04
"""Turns of hue for a chord two steps or more from home: 14°; a dominant turns by half of it."""


def _route(source: str, knob: str, depth: float, seconds: float) -> Route:
    return Route(
        source=source, knob=knob, depth=depth, attack=seconds, release=seconds, bipolar=True
    )


COLOR_ROUTES: tuple[Route, ...] = (
    _route("key.mode", "lift", 0.22, 1.0),
    _route("key.mode", "chroma", 0.08, 1.0),
    _route("key.mode", "warmth", 0.15, 1.0),
    _route("tempo", "lift", 0.06, 0.0),
    _route("tempo", "chroma", 0.04, 0.0),
    _route("energy", "lift", -0.08, 1.5),
    _route("energy", "warmth", 0.08, 1.5),
    _route("key.hue", "hue", KEY_TURN, 1.0),
    _route("chord.hue", "hue", CHORD_TURN, 0.3),
)
"""Part of the default matrix (``afx.default_routes``)."""
