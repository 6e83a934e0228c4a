"""TOML as text: write plain data, and find the line on which a key stands.

``tomllib`` reads values but neither writes them nor remembers their lines. This covers what look
files use: strings, numbers, booleans, arrays, tables, and arrays of tables.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?")
_KEY = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[\w\"'-]+)*)\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")
_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the line (from 1) of the key at `path`, or of the nearest thing around it.

    Parameters
    ----------
    text : str
        A TOML document.
    path : sequence of str or int
        E.g. ``("routes", 1, "depth")``: the second ``[[routes]]``.

    Returns
    -------
    int or None
        None if not even the outermost key is in the text.
    """
    want = tuple(path)
    table: tuple[str | int, ...] = ()
    counts: Counter[str] = Counter()
    best, found = 0, None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                table = (*table, counts[header[2]])
                counts[header[2]] += 1
            here = table
        elif key := _KEY.match(line):
            here = table + _parts(key[1])
        else:
            continue
        shared = 0
        while shared < min(len(here), len(want)) and here[shared] == want[shared]:
            shared += 1
        # All of `here` must lie on the way to `want`: a sibling is no help.
        if shared == len(here) and shared > best:
            best, found = shared, number
    return found


def _parts(dotted: str) -> tuple[str | int, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))


def write(data: Mapping[str, Any]) -> str:
    """Return a TOML document of plain data (str, bool, int, float, list, dict; no None).

    Values come first, then tables, then arrays of tables; tables inside those are written inline.

    Raises
    ------
    TypeError
        For a value TOML has no word for.
    """
    plain, tables, arrays = [], [], []
    for key, value in data.items():
        if isinstance(value, Mapping):
            rows = [f"{_key(k)} = {_value(v)}" for k, v in value.items()]
            tables.append("\n".join([f"[{_key(key)}]", *rows]))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for item in value:
                rows = [f"{_key(k)} = {_value(v)}" for k, v in item.items()]
                arrays.append("\n".join([f"[[{_key(key)}]]", *rows]))
        else:
            plain.append(f"{_key(key)} = {_value(value)}")
    return "\n\n".join(part for part in ["\n".join(plain), *tables, *arrays] if part) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    raise TypeError(f"TOML has no word for {value!r}")


def _string(text: str) -> str:
    """Quote a string; control characters (which TOML forbids raw) are escaped."""
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    body = [
        short.get(c) or (f"\\u{ord(c):04X}" if ord(c) < 32 or ord(c) == 127 else c) for c in text
    ]
    return '"' + "".join(body) + '"'
