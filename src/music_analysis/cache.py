"""Analyses that were made before, kept in the user's cache folder.

Knows files and bytes; knows nothing of what they hold. A file is called by the sound's hash and the
analyzers' version, so that a song is analyzed once, wherever it lies and whatever its tags say.
Files are compressed with a checksum: damaged ones count as missing. A folder that cannot be written
only costs time.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

LIMIT: Final = 200_000_000
"""Bytes in all, about 700 songs; what was not used for longest goes first."""


def cache_folder() -> Path:
    """Return the folder for analyses; ``AFX_CACHE_DIR`` moves it, as it does the kernels'."""
    if override := os.environ.get("AFX_CACHE_DIR"):
        return Path(override) / "analyses"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "audio-feature-explorer" / "analyses"


def _path(sound: str, analyzers: str) -> Path:
    return cache_folder() / (re.sub(r"[^\w.+-]", "_", f"{sound}-{analyzers}") + ".z")


def fetch(sound: str, analyzers: str) -> bytes | None:
    """Return what was kept for a sound, or None."""
    with suppress(OSError, RuntimeError, zlib.error):  # RuntimeError: there is no home folder
        path = _path(sound, analyzers)
        data = zlib.decompress(path.read_bytes())
        os.utime(path)  # used just now
        return data
    return None


def keep(sound: str, analyzers: str, data: bytes) -> None:
    """Keep something for a sound."""
    with suppress(OSError, RuntimeError):
        path = _path(sound, analyzers)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
        try:
            part.write_bytes(zlib.compress(data, 1))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _trim(path.parent)


def _trim(folder: Path) -> None:
    """Remove what was not used for longest until the rest is within the limit."""
    files = []
    for entry in os.scandir(folder):
        with suppress(OSError):
            status = entry.stat()
            files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= LIMIT:
            return
        with suppress(OSError):
            Path(path).unlink()
        total -= size
