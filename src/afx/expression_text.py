"""The words of an expression: its text cut into numbers, names and signs, and what a mistake is.

Knows nothing of what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*#?")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGN = re.compile(r"[<>]=?|[-+*/(),]")

INSTEAD = {
    "=": "compare with <, <=, > or >=",
    "!": "compare with <, <=, > or >=",
    "^": "powers are written pow(x, y)",
    "&": "two conditions are multiplied: (a > 0.5) * (b > 0.5)",
    "|": "of two conditions take the larger: max(a > 0.5, b > 0.5)",
}
"""What to write in place of signs of other languages."""


class ExpressionError(ValueError):
    """A mistake in an expression: one sentence, with the character (from 1) at which it is.

    Attributes
    ----------
    position : int or None
        None where the whole text is meant.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} (character {position})")
        self.position = position


class Token(NamedTuple):
    """A piece of text: its kind ("number", "name", "end" or the sign itself) and its place."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Cut a text into pieces; the last one is its end.

    Raises
    ------
    ExpressionError
        At a character that belongs to none.
    """
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        for kind, pattern in (("number", _NUMBER), ("name", _NAME), ("", _SIGN)):
            if found := pattern.match(text, at):
                yield Token(kind or found[0], found[0], at + 1)
                at = found.end()
                break
        else:
            sign = text[at]
            advice = f": {INSTEAD[sign]}" if sign in INSTEAD else ""
            raise ExpressionError(f"{sign!r} has no meaning here{advice}", at + 1)
    yield Token("end", "", len(text) + 1)
