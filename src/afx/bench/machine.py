"""What was measured on: the machine, its devices, and the versions that its speed depends on."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from afx.profile import fingerprint
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.device import Device


def describe() -> dict[str, Any]:
    """Return the machine in words and numbers: JSON values."""
    from afx.field.jit import vector_width

    return fingerprint() | {
        "vector_bits": vector_width(),
        "memory_gb": _memory(),
        "python": platform.python_version(),
        "load": _load(),
        "versions": {name: _version(name) for name in ("numpy", "av", "torch", "triton")},
    }


def summary(machine: dict[str, Any]) -> str:
    """Say in one line what a machine is."""
    cores = machine["cores"]
    parts = [
        machine["processor"],
        f"{cores} core" + "s" * (cores != 1),
        f"{machine['vector_bits']}-bit vectors",
        *([f"{machine['memory_gb']:.0f} GB"] if machine["memory_gb"] else []),
        *machine["graphics"],
    ]
    return " · ".join(parts)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> float | None:
    """Return the machine's memory in GB, where the system says it in the usual way."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _load() -> float | None:
    """Return how many threads wanted to run in the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def peak_memory() -> int | None:
    """Return the most memory that this process has held so far, bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def graphics_devices() -> list[Device]:
    """Return the devices besides the processor that can be used here: cuda, mps.

    Importing torch takes seconds, so it is asked only where there may be such a device.
    """
    from afx.device import choose_device, driver_there

    tried: list[Device] = []
    if driver_there():
        tried.append("cuda")
    if sys.platform == "darwin":
        tried.append("mps")
    found = []
    for name in tried:
        with suppress(UserError):
            found.append(choose_device(name))
    return found
