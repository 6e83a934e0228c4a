"""``afx explore``: walks, mutation, breeding and evolution."""

from __future__ import annotations

from afx.commands_explore import explore

__all__ = ["explore"]
