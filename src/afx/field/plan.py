"""Plans: what to do in which turn, what a loop must know before it may stop, what can be let go.

An :class:`~afx.field.graph.Order` says where nodes belong; emitters that work scope by scope (GLSL,
torch) take from here how to go through one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from afx.field.expr import Expr
from afx.field.graph import Order
from afx.field.program import Loop


def until_first(ordered: Order, loop: Loop) -> tuple[list[Expr], list[Expr]]:
    """Split a loop's body into what its ``until`` needs and the rest, each in order."""
    body = [n for n in ordered.nodes.get(loop.index, []) if n.op != "variable"]
    if loop.until is None:
        return [], body
    inside = set(body)
    wanted: set[Expr] = set()
    stack = [ordered.of(loop.until)]
    while stack:
        node = stack.pop()
        if node in inside and node not in wanted:
            wanted.add(node)
            stack.extend(node.args if node.op != "loop" else needs(ordered, node))
    return [n for n in body if n in wanted], [n for n in body if n not in wanted]


def needs(ordered: Order, node: Expr) -> Iterable[Expr]:
    """Everything that must be known before `node` is: for a loop, what its whole body takes."""
    if node.op != "loop":
        return node.args
    found: set[Expr] = set()
    stack: list[Loop] = [node.data]
    while stack:
        loop = stack.pop()
        ends = (*loop.start, *loop.step, *(() if loop.until is None else (loop.until,)))
        found.update(ordered.of(n) for n in ends)
        for inner in ordered.nodes.get(loop.index, []):
            found.update(inner.args)
            if inner.op == "loop":
                stack.append(inner.data)
    return found


@dataclass(frozen=True)
class Block:
    """Nodes to carry out in turn, and after each the nodes whose values nobody needs any more."""

    nodes: tuple[Expr, ...]
    drops: tuple[tuple[Expr, ...], ...]
    test: int = 0
    """In a loop's body: how many of the nodes come before ``until`` is known."""


def block(ordered: Order, nodes: Sequence[Expr], keep: Iterable[Expr], test: int = 0) -> Block:
    """Plan `nodes`, which are in order; the values of `keep` are needed after the last."""
    last: dict[Expr, int] = {}
    for at, node in enumerate(nodes):
        for needed in needs(ordered, node):
            last[needed] = at
    drops: list[list[Expr]] = [[] for _ in nodes]
    kept = set(keep)
    for node in nodes:
        if node in last and node not in kept:
            drops[last[node]].append(node)
    return Block(tuple(nodes), tuple(tuple(d) for d in drops), test)
