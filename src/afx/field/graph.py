"""The graph put in order: each value once, arguments first, each at the widest scope it allows.

Emitters walk an :class:`Order`. It merges equal nodes (hash-consing), and says for each node where
it belongs: once a *frame* (only knobs and constants), once a *row* (``y`` too), once a *pixel*, or
inside a loop. It is iterative, so graphs of any depth are fine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from afx.field.expr import Expr
from afx.field.program import Loop

FRAME, ROW, PIXEL = -3, -2, -1
"""Scopes below every loop's index, from the widest to the narrowest."""

Scope = int


@dataclass
class Order:
    """Nodes in an order that can be carried out.

    Attributes
    ----------
    nodes : dict of scope to list of Expr
        For each scope its nodes, arguments first. Loops' bodies are under the loop's index.
    scope : dict of Expr to scope
    uses : dict of Expr to int
        How many other nodes and outputs take each node's value.
    alias : dict of Expr to Expr
        For every node that was met, the one that stands for it.
    """

    nodes: dict[Scope, list[Expr]] = field(default_factory=dict)
    scope: dict[Expr, Scope] = field(default_factory=dict)
    uses: dict[Expr, int] = field(default_factory=dict)
    alias: dict[Expr, Expr] = field(default_factory=dict)
    loops: dict[int, Loop] = field(default_factory=dict)
    _known: dict[tuple[object, ...], Expr] = field(default_factory=dict)
    _free: dict[Expr, frozenset[int]] = field(default_factory=dict)

    def of(self, node: Expr) -> Expr:
        """Return the node that stands for `node`."""
        return self.alias[node]

    def all(self) -> Iterable[Expr]:
        """Every node once, in no particular order."""
        return self.scope.keys()


def _children(node: Expr) -> tuple[Expr, ...]:
    if node.op != "loop":
        return node.args
    loop: Loop = node.data
    stop = () if loop.until is None else (loop.until,)
    return loop.start + loop.variables + loop.step + stop


_ROOT_SCOPE = {"x": PIXEL, "y": ROW, "plane": PIXEL, "fetch": PIXEL, "network": PIXEL}


def order(outputs: Sequence[Expr], *, stop_at_networks: bool = False) -> Order:
    """Put everything that `outputs` need in order.

    Parameters
    ----------
    outputs : sequence of Expr
    stop_at_networks : bool
        Treat a network's outputs as given: what feeds the network is not walked.
    """
    result = Order()
    stack: list[tuple[Expr, bool]] = [(node, False) for node in reversed(outputs)]
    while stack:
        node, ready = stack.pop()
        if node in result.alias:
            continue
        cut = stop_at_networks and node.op == "activation"
        children = () if cut else _children(node)
        if not ready:
            stack.append((node, True))
            stack.extend((c, False) for c in reversed(children) if c not in result.alias)
            continue
        _place(result, node, cut)
    for node in outputs:
        kept = result.alias[node]
        result.uses[kept] = result.uses.get(kept, 0) + 1
    return result


def _place(result: Order, node: Expr, cut: bool) -> None:
    alias = result.alias
    if node.op == "loop":
        loop: Loop = node.data
        key: tuple[object, ...] = ("loop", loop.index)
    elif cut:
        network = node.args[0]
        key = ("activation", id(network), node.data)
    else:
        args = tuple(id(alias[a]) for a in node.args)
        if node.op in ("add", "mul"):
            args = tuple(sorted(args))
        key = (node.op, node.type, node.data, *args)
    known = result._known.get(key)
    if known is not None:
        alias[node] = known
        return
    children = () if cut else tuple(alias[c] for c in _children(node))
    rebuilt = any(a is not b for a, b in zip(children, node.args, strict=False))
    if node.op != "loop" and not cut and rebuilt:
        node_kept = Expr(node.op, node.type, children, node.data)
        alias[node_kept] = node_kept
    else:
        node_kept = node
    alias[node] = node_kept
    result._known[key] = node_kept
    free: frozenset[int] = frozenset().union(*(result._free[c] for c in children))
    level = max((result.scope[c] for c in children if result.scope[c] < 0), default=FRAME)
    level = max(level, _ROOT_SCOPE.get(node.op, FRAME))
    if node.op == "variable":
        free |= {node.data[0]}
    elif node.op == "loop":
        free -= {node.data.index}
        level = PIXEL
        result.loops[node.data.index] = node.data
    elif cut:
        level = PIXEL
    scope = max(free) if free else level
    result._free[node_kept] = free
    result.scope[node_kept] = scope
    result.nodes.setdefault(scope, []).append(node_kept)
    for child in children:
        result.uses[child] = result.uses.get(child, 0) + 1
