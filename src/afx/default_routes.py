"""The default matrix: which sound holds which knob, for any look.

It holds the stage and the grade, which every look has, and a pattern's own knobs where they carry a
name it knows (``detail``, ``morph``, ``warp``, ``pulse``, ``density``, …). What drives clocks is in
``clocks``. A look adds to it or overrides it. Knows names of sources and knobs, and nothing of how
routes are carried out.
"""

from __future__ import annotations

from afx.color_routes import COLOR_ROUTES
from afx.look_parts import Route


def _route(
    source: str, knob: str, depth: float, attack: float, release: float, *, bipolar: bool = False
) -> Route:
    return Route(
        source=source, knob=knob, depth=depth, attack=attack, release=release, bipolar=bipolar
    )


DEFAULT_ROUTES: tuple[Route, ...] = (
    # Hits push what flows (see `clocks`); the camera and the space answer with a short rise and a
    # long way back, too slow to be seen as a second movement. The brightness of the whole picture
    # is never theirs.
    _route("event.kick", "zoom", 0.004, 0.050, 0.50),
    _route("event.kick", "pulse", 0.30, 0.050, 0.40),
    _route("event.snare", "sway", 0.04, 0.050, 0.60),
    _route("event.snare", "warp", 0.04, 0.050, 0.60),
    # Fast and high sounds are texture.
    _route("hit.hat", "detail", 0.10, 0.050, 0.15),
    _route("level.air", "detail", 0.15, 0.15, 0.50),
    # Slower than the voice it follows: shapes that jump with every syllable look nervous.
    _route("level.mid", "morph", 0.25, 0.60, 1.20),
    _route("presence.mid", "warp", 0.12, 0.8, 1.5),
    _route("presence.treble", "density", 0.15, 0.8, 1.5),
    _route("presence.bass", "relief", 0.25, 0.8, 1.5),
    # Loudness is color and depth: quiet is soft and pastel.
    _route("energy", "contrast", 0.12, 1.0, 1.5, bipolar=True),
    _route("energy", "chroma", 0.12, 1.0, 1.5, bipolar=True),
    _route("energy", "glow", 0.20, 1.0, 1.5),
    _route("energy", "sway", 0.08, 1.0, 1.5),
    # Higher sounds are lighter (cross-modal pitch and lightness); harmony turns hues by ±18°.
    _route("centroid", "lift", 0.12, 0.25, 0.50, bipolar=True),
    _route("harmony", "hue", 0.05, 1.0, 2.0, bipolar=True),
    # Width: sound that is spread out spreads the hues, and parts the colors at the edges a little.
    _route("stereo.width", "hue_spread", 0.08, 0.25, 0.50),
    _route("stereo.width", "fringe", 0.10, 0.50, 1.00),
    # A breath keeps steady grooves locked; bars glow; the camera is never quite still.
    _route("beat.breath", "zoom", -0.0004, 0.0, 0.0),
    _route("downbeat.pulse", "glow", 0.10, 0.040, 0.60),
    # A build pulls in, turns and drains the color; all of it is let go when it drops.
    _route("build", "zoom", 0.03, 0.5, 0.4),
    _route("build", "turn", 0.006, 0.5, 0.4),
    _route("build", "chroma", -0.15, 0.5, 0.3),
    _route("drop", "glow", 0.15, 0.050, 0.80),
    _route("drop", "pulse", 0.30, 0.050, 1.20),
    _route("lfo.sin", "turn", 0.002, 0.0, 0.0, bipolar=True),
    _route("lfo.noise", "pan_x", 0.020, 0.0, 0.0, bipolar=True),
    _route("lfo.tri", "pan_y", 0.010, 0.5, 0.5, bipolar=True),
    # What networks hear: slow on both sides, so that every layer flows and none of them shakes.
    # Bipolar around one half, where a sound at rest stands and shifts nothing.
    _route("level.bass", "sound_1", 0.30, 1.2, 1.6, bipolar=True),
    _route("level.mid", "sound_2", 0.30, 1.2, 1.6, bipolar=True),
    _route("level.air", "sound_3", 0.30, 1.2, 1.6, bipolar=True),
    _route("energy", "sound_4", 0.40, 1.5, 2.5, bipolar=True),
    _route("timbre.1", "sound_5", 0.45, 1.0, 1.0, bipolar=True),
    _route("timbre.2", "sound_6", 0.45, 1.0, 1.0, bipolar=True),
    _route("timbre.3", "sound_7", 0.45, 1.0, 1.0, bipolar=True),
    _route("timbre.4", "sound_8", 0.45, 1.0, 1.0, bipolar=True),
    *COLOR_ROUTES,
)
"""The default matrix for value knobs; depths are shares of the knob's range."""

AMBIENT_ROUTES: tuple[Route, ...] = (
    _route("timbre.1", "morph", 0.20, 1.5, 1.5, bipolar=True),
    _route("timbre.2", "warp", 0.12, 1.5, 1.5, bipolar=True),
    _route("timbre.3", "density", 0.06, 2.0, 2.0, bipolar=True),
    _route("level.all", "zoom", 0.015, 2.0, 3.0),
)
"""What holds the picture in place of events where there are none to answer: the sound's color."""
