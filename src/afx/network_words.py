"""What is said of a pattern's network, to people and to programs."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from afx.field.graph import order
from afx.patterns import Pattern
from afx.patterns.architecture import Architecture
from afx.stage import staged

_FOLDED = ("rotate", "kaleidoscope")


@functools.lru_cache(maxsize=64)
def weight_count(pattern: Pattern) -> int:
    """Return how many weights and biases the networks of a pattern have."""
    nodes = order([e for _, e in staged(pattern.function).outputs]).all()
    networks = {node.data.name: node.data for node in nodes if node.op == "network"}
    return sum(network.size for network in networks.values())


def network_json(pattern: Pattern) -> dict[str, Any] | None:
    """Return a pattern's network for programs; None without one whose shape is known."""
    a = pattern.architecture
    if a is None:
        return None
    return {**a.model_dump(mode="json"), "weight_count": weight_count(pattern)}


def network_rows(pattern: Pattern) -> list[tuple[str, str]]:
    """Return labels and words for people; none without a network whose shape is known."""
    a = pattern.architecture
    if a is None:
        return []
    return [
        ("Network", f"{a.width} wide × {a.depth} deep, {weight_count(pattern):,} weights"),
        ("Activations", ", ".join(a.activations)),
        ("Sees", _sees(a)),
        ("Symmetry", a.symmetry + (f", {a.folds} folds" if a.symmetry in _FOLDED else "")),
        ("Weights", _weights(a)),
    ]


def _sees(a: Architecture) -> str:
    seen = [", ".join(a.coordinates)]
    if a.fourier:
        seen.append(f"{a.fourier} waves")
    if a.latents:
        seen.append(f"{a.latents} latents")
    if a.music:
        seen.append(f"{a.music} of the sound")
    return " · ".join(seen)


def _weights(a: Architecture) -> str:
    if a.weights is not None:
        return f"from {Path(a.weights).name}"
    if a.genes:
        return (
            f"{a.initializer}, of draw"
            + ("s " if len(a.genes) > 1 else " ")
            + ", ".join(str(g.seed) if g.share == 1 else f"{g.seed} × {g.share:g}" for g in a.genes)
        )
    return f"{a.initializer}, of each scene's seed"
