"""The profile: settings that suit this machine best, measured by ``afx bench`` and kept.

It is one small JSON file in the user's config folder. Nothing in it changes a pixel, except the
device, whose pictures differ from the processor's by at most a step in 255 here and there. It is
believed only on the machine, and with the versions, that it was measured with; a damaged file is no
profile. Nothing heavy is imported here: reading it costs a few milliseconds at most.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from afx import __version__

FORMAT = 1
"""Of the file; another number is another file."""

MOST_THREADS = 256
_LARGEST_FILE = 1_000_000


@dataclass(frozen=True)
class Profile:
    """What suits this machine; None where nothing was measured to be better than the default.

    Attributes
    ----------
    threads : int or None
        Painters at work.
    device : {"cpu", "cuda", "mps"} or None
    precision : {"float32", "half"} or None
    """

    threads: int | None = None
    device: Literal["cpu", "cuda", "mps"] | None = None
    precision: Literal["float32", "half"] | None = None


@dataclass(frozen=True)
class Kept:
    """What lies in the config folder.

    Attributes
    ----------
    profile : Profile
        Empty if it is not to be used.
    state : {"used", "none", "damaged", "other"}
        Whether it is used, or why not; ``other``: measured elsewhere or with other versions.
    why : str
        The state, for a person.
    document : mapping
        The whole file; empty if it cannot be read.
    """

    profile: Profile
    state: Literal["used", "none", "damaged", "other"]
    why: str
    document: Mapping[str, Any]


def config_folder() -> Path:
    """Return the user's config folder for this program; ``AFX_CONFIG_DIR`` moves it.

    Raises
    ------
    RuntimeError
        If there is no home folder.
    """
    if override := os.environ.get("AFX_CONFIG_DIR"):
        return Path(override)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "audio-feature-explorer"


def profile_path() -> Path:
    """Return where the profile lies."""
    return config_folder() / "profile.json"


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name as its maker writes it, or what it is a kind of."""
    name = ""
    with contextlib.suppress(OSError, ValueError, AttributeError, ImportError):
        if sys.platform == "linux":
            with Path("/proc/cpuinfo").open(errors="replace") as lines:
                named = (line.partition(":")[2] for line in lines if line.startswith("model name"))
                name = next(named, "")
        elif sys.platform == "darwin":
            name = _from_sysctl("machdep.cpu.brand_string")
        elif sys.platform == "win32":
            import winreg

            place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
                name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    return " ".join(name.split()) or platform.machine() or "unknown processor"


def _from_sysctl(name: str) -> str:
    """Ask macOS; a subprocess would cost more than everything else here."""
    import ctypes

    size = ctypes.c_size_t(256)
    text = ctypes.create_string_buffer(size.value)
    ask = ctypes.CDLL(None).sysctlbyname
    if ask(name.encode(), text, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return ""
    return text.value.decode("utf-8", "replace")


def graphics() -> list[str]:
    """Return the NVIDIA cards that Linux's driver tells of; elsewhere nothing is asked."""
    cards = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            for line in path.read_text(errors="replace").splitlines():
                if line.startswith("Model:"):
                    cards.append(line.partition(":")[2].strip())
    return cards


def fingerprint() -> dict[str, Any]:
    """Return what a measurement holds for: the machine, and what its speed depends on."""
    import llvmlite

    return {
        "processor": processor(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "graphics": graphics(),
        "afx": __version__,
        "llvmlite": llvmlite.__version__,
    }


def read_profile() -> Profile:
    """Return this machine's profile; an empty one if there is none that fits. Never fails."""
    return look().profile


def look() -> Kept:
    """Return what lies in the config folder and whether it is used. Never fails."""
    try:
        path = profile_path()
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE)
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return Kept(Profile(), "none", "nothing was measured here yet", {})
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such name"
        return Kept(Profile(), "damaged", f"it cannot be read: {reason}", {})
    try:
        document = json.loads(data)
        profile = _checked(document)
    except (ValueError, TypeError, KeyError, RecursionError):
        return Kept(Profile(), "damaged", "the file is damaged, or of another version", {})
    here, there = fingerprint(), document["fingerprint"]
    other = [
        f"{name} was {_plain(there.get(name))}, is {_plain(here[name])}"
        for name in here
        if there.get(name) != here[name]
    ]
    if other:
        why = "it was measured under other circumstances: " + "; ".join(other)
        return Kept(Profile(), "other", why, document)
    return Kept(profile, "used", "it fits this machine", document)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)[:80]


def _checked(document: Any) -> Profile:
    """Return the settings of a file.

    Raises
    ------
    ValueError, TypeError, KeyError
        If anything in it is not what was written.
    """
    if document["profile"] != FORMAT or not isinstance(document["fingerprint"], dict):
        raise ValueError("not a profile")
    settings = document["settings"]
    threads, device, precision = (settings[name] for name in ("threads", "device", "precision"))
    if threads is not None and (type(threads) is not int or not 1 <= threads <= MOST_THREADS):
        raise ValueError("threads")
    if device not in (None, "cpu", "cuda", "mps") or precision not in (None, "float32", "half"):
        raise ValueError("device or precision")
    return Profile(threads, device, precision)


def write_profile(
    profile: Profile, *, measured_at: str, because: list[str], measured: Mapping[str, Any]
) -> Path:
    """Keep a profile of this machine, in place of an older one: whole, or not at all.

    Parameters
    ----------
    profile : Profile
    measured_at : str
        Date and time, ISO 8601.
    because : list of str
        A reason for each setting, for a person.
    measured : mapping
        Figures behind them, JSON values.

    Raises
    ------
    OSError, RuntimeError
        If the folder or the file cannot be written.
    """
    path = profile_path()
    document = {
        "profile": FORMAT,
        "made_with": f"Audio Feature Explorer {__version__}",
        "measured_at": measured_at,
        "fingerprint": fingerprint(),
        "settings": {
            "threads": profile.threads,
            "device": profile.device,
            "precision": profile.precision,
        },
        "because": because,
        "measured": dict(measured),
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="ascii", dir=path.parent, prefix=".profile-", delete=False
    ) as file:
        part = Path(file.name)
        try:
            file.write(text)
            file.close()  # before it is renamed: Windows insists
            part.replace(path)
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
    return path


def forget() -> bool:
    """Remove the profile; tell whether there was one.

    Raises
    ------
    OSError, RuntimeError
        If it is there and cannot be removed.
    """
    path = profile_path()
    there = path.exists()
    path.unlink(missing_ok=True)
    return there
