"""How the song itself colors the pictures: mode, key, chords, tempo and loudness on the grade."""

from __future__ import annotations

from afx.look_parts import Route

COLOR_ROUTES: tuple[Route, ...] = ()
"""Part of the default matrix (``afx.routes``)."""
