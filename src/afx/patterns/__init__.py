"""The pattern library: every pattern by name.

A pattern is a plain function of a point and its knobs that returns a :class:`~afx.field.Field`
(tone, hue offset, mask). It is traced once and emitted for every target; see ``afx.field``.
"""

from __future__ import annotations

import importlib
import pkgutil

from afx.patterns.architecture import Architecture, Gene
from afx.patterns.cppn_call import CPPN
from afx.patterns.registry import FAMILIES, PATTERNS, Pattern, pattern

# Every module of this package registers its patterns when it is imported.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["CPPN", "FAMILIES", "PATTERNS", "Architecture", "Gene", "Pattern", "pattern"]
