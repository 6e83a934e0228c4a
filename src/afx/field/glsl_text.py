"""Numbers and names as GLSL writes them, exactly and without collisions."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from afx.field.expr import Expr


def uniform_name(knob: str) -> str:
    """Return the name of a knob's float uniform."""
    return "k_" + identifier(knob)


def texture_name(name: str) -> str:
    """Return the name of a buffer's or plane's sampler uniform."""
    return "t_" + identifier(name)


def identifier(name: str) -> str:
    """Return `name` as a part of a GLSL name, which holds no two underscores in a row.

    Characters that GLSL does not know become their code, so that different names stay different.
    """
    return re.sub(r"[^A-Ya-z0-9_]|^_|_(?=_)|_$", lambda m: f"Z{ord(m.group()):x}Z", name)


def literal(value: float) -> str:
    """Return the shortest text of a float32 that every compiler reads back as the same bits."""
    number = np.float32(value)
    size = abs(number)
    plain = np.isfinite(number) and (size >= np.finfo(np.float32).tiny or number == 0)
    if plain and not (number == 0 and np.signbit(number)):
        if number == 0 or 1e-4 <= size < 1e7:
            text = np.format_float_positional(number, unique=True, trim="0")
        else:
            text = np.format_float_scientific(number, unique=True, trim="0")
        # Compilers read a double first and round it.
        if np.float32(float(text)) == number:
            return f"({text})" if number < 0 else text
    return f"uintBitsToFloat(0x{int(number.view(np.uint32)):08x}u)"


def integer(value: int) -> str:
    """Return the text of a 32-bit integer; the lowest has no decimal text."""
    return f"0x{value:x}" if value >= 0 else f"int(0x{value & 0xFFFFFFFF:08x}u)"


def constant(node: Expr) -> str:
    """Return the text of a constant node."""
    if node.type == "f":
        return literal(float(node.value()))
    return integer(int(node.value())) if node.type == "i" else str(bool(node.value())).lower()


def vector(type_: str, numbers: NDArray[np.float32]) -> str:
    """Return a vector of constants, as short as it can be: networks have thousands."""
    texts = [re.sub(r"^\(?(-?)(0(?=\.[0-9]))?([^()]*)\)?$", r"\1\3", literal(n)) for n in numbers]
    return f"({texts[0]})" if type_ == "float" else f"{type_}({','.join(texts)})"
