"""What a traced pattern is made with, beyond arithmetic: points, fields, loops, buffers, programs.

``expr`` has the values and their operations; this module has what surrounds them.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from afx.field.expr import Expr, Number, TraceError, as_expr

if TYPE_CHECKING:
    from afx.field.network import Network


@dataclass(frozen=True, eq=False)
class Loop:
    """An iterated map: state, one step, and when to stop.

    Attributes
    ----------
    index : int
        Counts loops in the order in which their tracing began, so an inner loop's is larger.
    count : int
        Most steps taken.
    start, variables, step : tuple of Expr
        The state's first values, its names inside the body, and its next values.
    until : Expr or None
        Where it holds, the state no longer changes.
    """

    index: int
    count: int
    start: tuple[Expr, ...]
    variables: tuple[Expr, ...]
    step: tuple[Expr, ...]
    until: Expr | None


@dataclass(frozen=True)
class Buffer:
    """A two-dimensional array of float32 (``"f"``) or packed 32-bit words (``"i"``) in memory."""

    name: str
    type: str = "f"

    def fetch(self, column: Number, row: Number) -> Expr:
        """Return the element at integer `column` and `row`, held inside the array."""
        return Expr("fetch", self.type, (as_expr(column, "i"), as_expr(row, "i")), self)

    @property
    def width(self) -> Expr:
        """Number of columns, as a float."""
        return Expr("size", "f", (), (self, 0))

    @property
    def height(self) -> Expr:
        """Number of rows, as a float."""
        return Expr("size", "f", (), (self, 1))


@dataclass(frozen=True)
class Point:
    """Where a field is asked for its value.

    Attributes
    ----------
    x, y : Expr
        Position; `y` points down and runs from −1 to 1 over the height, `x` from −aspect to aspect.
    pixel : Expr
        Size of one pixel in the same units, for lines and edges that stay smooth at any size.
    """

    x: Expr
    y: Expr
    pixel: Expr


@dataclass(frozen=True)
class Field:
    """What a pattern gives back for a point.

    Attributes
    ----------
    tone : Expr
        Position in the palette, in [0, 1] after the scene's normalization.
    hue : Expr or float
        Offset of the hue, in turns.
    mask : Expr or float
        1 shows the palette, 0 its ground color.
    """

    tone: Number
    hue: Number = 0.0
    mask: Number = 1.0


@dataclass(frozen=True)
class Program:
    """A traced function: what goes in by name, and the expressions that come out.

    Attributes
    ----------
    outputs : tuple of (str, Expr)
    knobs : tuple of str
        Names of the uniforms, in the order in which emitters take their values.
    """

    outputs: tuple[tuple[str, Expr], ...]
    knobs: tuple[str, ...]
    notes: dict[str, Any] = field(default_factory=dict, compare=False)


# --------------------------------------------------------------------------- loops

_counter = itertools.count()
_counter_lock = threading.Lock()


def iterate(
    count: int,
    state: Sequence[Number],
    step: Callable[..., Sequence[Number]],
    *,
    until: Callable[..., Expr] | None = None,
) -> tuple[Expr, ...]:
    """Repeat `step` on `state`, at most `count` times, point by point until `until` holds.

    Parameters
    ----------
    count : int
        Most steps, at least 1; known when the pattern is traced.
    state : sequence of float values
        First values.
    step : callable
        ``step(*state) -> next state``, as many values as `state` has.
    until : callable, optional
        ``until(*state) -> truth value``: from there on the point's state stays as it is, and when
        no point is left the loop ends early.

    Returns
    -------
    tuple of Expr
        The state at the end.

    Notes
    -----
    Escape-time loops have no useful gradient; the torch target does not differentiate through
    ``until``.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise TraceError(
            "iterate(count, ...) takes a Python number: count steps in the state and stop by until="
        )
    if count < 1:
        raise TraceError("iterate(count, ...) takes at least one step")
    start = tuple(as_expr(v) for v in state)
    with _counter_lock:
        index = next(_counter)
    variables = tuple(Expr("variable", value.type, (), (index, k)) for k, value in enumerate(start))
    result = step(*variables)
    if not isinstance(result, (tuple, list)) or len(result) != len(start):
        raise TraceError(f"the step of iterate must return {len(start)} values, one for each state")
    after = tuple(as_expr(v, s.type) for v, s in zip(result, start, strict=True))
    stop = as_expr(until(*variables), "b") if until is not None else None
    loop = Loop(index, int(count), start, variables, after, stop)
    node = Expr("loop", "f", (), loop)
    return tuple(Expr("state", s.type, (node,), k) for k, s in enumerate(start))


_prefix: contextvars.ContextVar[str] = contextvars.ContextVar("prefix", default="")


@contextlib.contextmanager
def networks_called(prefix: str) -> Iterator[None]:
    """Put `prefix` before the names of the networks that are traced meanwhile.

    So that fields that run networks of the same name can be parts of one program.
    """
    token = _prefix.set(prefix + _prefix.get())
    try:
        yield
    finally:
        _prefix.reset(token)


def run_network(network: Network, inputs: Sequence[Number]) -> tuple[Expr, ...]:
    """Evaluate a network at a point: one expression for each of its outputs."""
    if len(inputs) != network.inputs:
        raise TraceError(f"the network takes {network.inputs} inputs, not {len(inputs)}")
    if _prefix.get():
        network = replace(network, name=_prefix.get() + network.name)
    node = Expr("network", "f", tuple(as_expr(v, "f") for v in inputs), network)
    return tuple(Expr("activation", "f", (node,), k) for k in range(network.outputs))


def plane(name: str, dx: int = 0, dy: int = 0, step: int = 1) -> Expr:
    """Return the value that plane `name` holds at this pixel, `dx`, `dy` pixels away.

    With `step` 2 the plane has twice the resolution, and `dx`, `dy` count its pixels.
    """
    return Expr("plane", "f", (), (name, int(dx), int(dy), int(step)))


def uniform(name: str) -> Expr:
    """Return a knob: one float for a whole frame."""
    return Expr("knob", "f", (), name)
