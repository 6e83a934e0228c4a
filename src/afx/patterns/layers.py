"""Patterns made of patterns: one bends another's space, is drawn into it, or is folded.

The knobs of a layer carry its name: ``warp.amount``, ``warp.density``, ``ink.amount``. What comes
back is a pattern like any other, with one kernel; equal questions give the identical pattern.
"""

from __future__ import annotations

import functools
from typing import Literal

from afx.patterns.registry import Pattern

Mirror = Literal["none", "x", "y", "both"]


class LayerError(ValueError):
    """Patterns that do not go together; `layer` is the table of the look that says so."""

    def __init__(self, layer: str, message: str) -> None:
        super().__init__(message)
        self.layer = layer


@functools.lru_cache(maxsize=256)
def layered(base: Pattern, *, warp: Pattern | None = None, ink: Pattern | None = None) -> Pattern:
    """Return `base` with its space bent by `warp` and with `ink` drawn into it.

    A base that keeps pictures of its own (`Pattern.inked`) is given the ink to draw with instead.

    Raises
    ------
    LayerError
        If they do not go together.
    """
    if warp is None and ink is None:
        return base
    raise LayerError("warp" if warp is not None else "ink", "layers are not there yet")


@functools.lru_cache(maxsize=256)
def folded(base: Pattern, fold: int, mirror: Mirror) -> Pattern:
    """Return `base` seen in a kaleidoscope of `fold` sectors, or mirrored; itself for neither."""
    if fold == 0 and mirror == "none":
        return base
    raise LayerError("symmetry", "folds are not there yet")
