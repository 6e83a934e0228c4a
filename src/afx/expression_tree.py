"""The tree of an expression, and working it out over a song.

A tree is made by ``expression.parse`` alone, which sees to it that it is small. Knows nothing of
text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from afx.operations import Values, operate


@dataclass(frozen=True)
class Number:
    """A plain number."""

    value: float


@dataclass(frozen=True)
class Name:
    """A source, by its full name."""

    name: str


@dataclass(frozen=True)
class Call:
    """An operator or a function of others."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Call


@dataclass(frozen=True)
class Expression:
    """An expression that can be worked out; two are equal if they say the same.

    Attributes
    ----------
    text : str
        As it was written.
    root : Node
        Parts without names are worked out already.
    """

    text: str = field(compare=False)
    root: Node

    @property
    def names(self) -> tuple[str, ...]:
        """The sources in it by their full names, each once, as they come."""
        return tuple(dict.fromkeys(_names(self.root)))

    def evaluate(
        self, lookup: Callable[[str], NDArray[np.float32]], frames: int, fps: float
    ) -> NDArray[np.float32]:
        """Work it out.

        Parameters
        ----------
        lookup : callable
            Gives a source by its full name, [frames] in [0, 1].
        frames : int
        fps : float
            Frames per second, for what is told in seconds.

        Returns
        -------
        float32 [frames]
            Finite, in [0, 1]: what lies outside in the end is cut off.
        """
        values = np.broadcast_to(_worked_out(self.root, lookup, fps), (frames,))
        return np.clip(values, 0.0, 1.0).astype(np.float32)


def _names(node: Node) -> Iterable[str]:
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from _names(argument)


def _worked_out(node: Node, lookup: Callable[[str], NDArray[np.float32]], fps: float) -> Values:
    if isinstance(node, Number):
        return np.asarray(node.value, dtype=np.float64)
    if isinstance(node, Name):
        return lookup(node.name).astype(np.float64)
    values = [_worked_out(argument, lookup, fps) for argument in node.arguments]
    return operate(node.function, values, fps)
