"""Expressions over sources, such as ``0.5*bass + 0.3*beat.pulse``: the grammar and its limits.

A route's source may be one. The text is parsed by hand into a small frozen tree and never executed;
limits on length, depth and size keep hostile ones harmless. Knows the names of the sources, not
where their curves come from.

From weak to strong: one comparison (``< <= > >=``, giving 0 or 1), ``+ -``, ``* /``, a minus in
front, then numbers, names, functions and parentheses. A ``#`` belongs to the name before it
(``chroma.C#``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

import numpy as np

from afx.expression_text import INSTEAD, ExpressionError, Token, tokens
from afx.expression_tree import Call, Expression, Name, Node, Number
from afx.operations import BOUND, FUNCTIONS, LONGEST, NEAREST, operate
from afx.source_names import SOURCES, STEM_PARTS, stem_source

MAX_LENGTH = 500
"""Characters of an expression, at most."""
MAX_DEPTH = 32
"""Parentheses, functions and minus signs inside each other, at most."""
MAX_NODES = 200
"""Numbers, names, operators and functions together, at most."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "loud": "level.all",
        "sub": "level.sub",
        "bass": "level.bass",
        "lowmid": "level.lowmid",
        "mid": "level.mid",
        "highmid": "level.highmid",
        "air": "level.air",
        "hit": "hit.all",
        "kick": "hit.kick",
        "snare": "hit.snare",
        "hat": "hit.hat",
        "beat": "beat.pulse",
        "downbeat": "downbeat.pulse",
        "breath": "beat.breath",
        "bright": "centroid",
        "width": "stereo.width",
    }
)
"""Short names of the sources that people reach for most."""


def parse(text: str, known: Iterable[str] = SOURCES) -> Expression:
    """Read an expression.

    Parameters
    ----------
    text : str
    known : iterable of str
        The sources there are, by their full names; those of stems are known whatever their names.

    Raises
    ------
    ExpressionError
        If it is none, names something unknown, divides by zero or is too large.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"{len(text)} characters are too many: an expression has at most {MAX_LENGTH}"
        )
    parser = _Parser(text, frozenset(known))
    return Expression(text, parser.whole())


def canonical(text: str) -> str:
    """Return a route's source as it is kept: a short name becomes the full one."""
    text = text.strip()
    return ALIASES.get(text, text)


class _Parser:
    """Reads one text, from left to right, one token ahead."""

    def __init__(self, text: str, known: frozenset[str]) -> None:
        self.text = text
        self.known = known
        self.tokens = list(tokens(text))
        self.next = 0
        self.depth = 0
        self.nodes = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise ExpressionError("nothing is written: name a source, such as bass")
        root = self.comparison()
        if self.token.kind == ")":
            raise self.mistake("this ) closes nothing")
        if self.token.kind != "end":
            raise self.mistake(self.out_of_place())
        return root

    def comparison(self) -> Node:
        left = self.chain(("+", "-"), lambda: self.chain(("*", "/"), self.signed))
        if self.token.kind[0] not in "<>":
            return left
        sign = self.take()
        right = self.chain(("+", "-"), lambda: self.chain(("*", "/"), self.signed))
        if self.token.kind[0] in "<>":
            raise self.mistake("two comparisons in a row: write (a < b) * (b < c)")
        return self.made(sign, sign.kind, (left, right))

    def chain(self, signs: tuple[str, ...], part: Callable[[], Node]) -> Node:
        left = part()
        while self.token.kind in signs:
            sign = self.take()
            right = part()
            if sign.kind == "/" and isinstance(right, Number) and abs(right.value) < NEAREST:
                what = "division by zero"
                if right.value:
                    what = f"{right.value:g} is too near to zero to divide by"
                raise self.mistake(what, sign)
            left = self.made(sign, sign.kind, (left, right))
        return left

    def signed(self) -> Node:
        if self.token.kind != "-":
            return self.single()
        sign = self.take()
        self.down(sign)
        inner = self.signed()
        self.depth -= 1
        return self.made(sign, "minus", (inner,))

    def single(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.take()
            value = float(token.text)
            if value > BOUND:
                raise self.mistake(
                    f"{token.text[:40]} is too large: numbers go up to {BOUND:.0f}", token
                )
            self.count(token)
            return Number(value)
        if token.kind == "name":
            self.take()
            return self.call(token) if self.token.kind == "(" else self.named(token)
        if token.kind == "(":
            self.down(self.take())
            inner = self.comparison()
            self.close(token)
            return inner
        raise self.mistake(self.out_of_place())

    def named(self, token: Token) -> Node:
        name = ALIASES.get(token.text, token.text)
        if name not in self.known and stem_source(name) is None:
            if token.text in FUNCTIONS:
                raise self.mistake(
                    f"{token.text} is a function: {FUNCTIONS[token.text].usage}", token
                )
            hint = nearest(token.text, [*ALIASES, *sorted(self.known)])
            if name == "stem" or name.startswith("stem."):
                parts = ", ".join(f".{part}" for part in STEM_PARTS if part)
                hint = f": write stem.NAME, or one of {parts} after it"
            # Nobody needs to be told where a lone name is.
            alone = self.text.strip() == token.text
            raise ExpressionError(
                f"no source {token.text[:60]!r}{hint}", None if alone else token.at
            )
        self.count(token)
        return Name(name)

    def call(self, token: Token) -> Node:
        function = FUNCTIONS.get(token.text)
        if function is None:
            if ALIASES.get(token.text, token.text) in self.known:
                raise self.mistake(f"an operator is missing after {token.text}", self.token)
            raise self.mistake(
                f"no function {token.text[:60]!r}{nearest(token.text, FUNCTIONS)}", token
            )
        opening = self.take()
        self.down(opening)
        arguments: list[Node] = []
        if self.token.kind != ")":
            arguments.append(self.comparison())
            while self.token.kind == ",":
                self.take()
                arguments.append(self.comparison())
        self.close(opening)
        if not function.least <= len(arguments) <= function.most:
            needs = "2 values or more" if function.most > 3 else f"{function.least} values"
            needs = "1 value" if function.most == 1 else needs
            raise self.mistake(f"{token.text} takes {needs}: {function.usage}", token)
        if function.seconds:
            last = arguments[-1]
            if not isinstance(last, Number) or not 0.0 <= last.value <= LONGEST:
                raise self.mistake(
                    f"{function.usage}: seconds are a number from 0 to {LONGEST:g}", token
                )
        if token.text == "clamp":
            _, lo, hi = arguments
            if isinstance(lo, Number) and isinstance(hi, Number) and lo.value > hi.value:
                raise self.mistake(
                    f"{function.usage}: nothing is between {lo.value:g} and {hi.value:g}", token
                )
        return self.made(token, token.text, tuple(arguments))

    def made(self, token: Token, function: str, arguments: tuple[Node, ...]) -> Node:
        """Return a call, or its value if it needs no music."""
        self.count(token)
        numbers = [np.float64(a.value) for a in arguments if isinstance(a, Number)]
        if len(numbers) < len(arguments):
            return Call(function, arguments)
        return Number(float(operate(function, [np.asarray(n) for n in numbers], 1.0)))

    def take(self) -> Token:
        token = self.token
        self.next += 1
        return token

    def close(self, opening: Token) -> None:
        if self.token.kind == "end":
            raise self.mistake("this ( is never closed", opening)
        if self.token.kind != ")":
            raise self.mistake(self.out_of_place())
        self.take()
        self.depth -= 1

    def down(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.mistake(f"nested too deeply: at most {MAX_DEPTH} inside each other", token)

    def count(self, token: Token) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.mistake(
                f"too large: at most {MAX_NODES} numbers, names, operators and functions", token
            )

    def out_of_place(self) -> str:
        kind, text, _ = self.token
        before = self.tokens[self.next - 1].kind if self.next else ""
        if kind == before == "*":
            return INSTEAD["^"]
        if kind in ("name", "number", "(") and before in ("name", "number", ")"):
            return f"an operator is missing before {text[:60]}"
        if kind == "end":
            return "it ends where a value should follow"
        return f"a value is missing before {text}" if kind != "," else "a comma has no place here"

    def mistake(self, message: str, token: Token | None = None) -> ExpressionError:
        return ExpressionError(message, (token or self.token).at)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: what may be meant instead."""
    names = list(known)
    alike = [other for other in names if other.lower() == name.lower()]
    if near := alike or get_close_matches(name, names, 1, 0.5):
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
