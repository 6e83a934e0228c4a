"""RESULTS.md: one page of what the benchmarks have kept in their JSON files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def commit() -> str:
    """Return the commit that is measured."""
    made = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return made.stdout.strip() or "unknown"


def write() -> None:
    """Write RESULTS.md from what has been measured: speed, accuracy, reactivity."""
    import accuracy
    import looks
    import reactivity
    import speed

    kept = {
        name: json.loads((ROOT / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("speed", "accuracy", "reactivity", "looks")
        if (ROOT / "benchmarks" / f"{name}.json").exists()
    }
    text = speed.page(kept.get("speed", {}))
    if "accuracy" in kept:
        text = text.rstrip("\n") + "\n\n" + "\n".join(accuracy.section(kept["accuracy"]))
    if "reactivity" in kept:
        text = text.rstrip("\n") + "\n\n" + "\n".join(reactivity.section(kept["reactivity"]))
    if "looks" in kept:
        text = text.rstrip("\n") + "\n\n" + "\n".join(looks.section(kept["looks"]))
    (ROOT / "RESULTS.md").write_text(text, encoding="utf-8")
