"""What is typed after ``afx bench``: lists of numbers and sizes, and devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.device import Device, Precision

T = TypeVar("T")


def several(option: str, text: str | None, read: Callable[[str], T]) -> list[T]:
    """Read things with commas between them; an empty list if nothing was said."""
    try:
        return [] if text is None else [read(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def thread_count(text: str) -> int:
    """Read a number of threads.

    Raises
    ------
    ValueError
        With a line for a person.
    """
    from afx.profile import MOST_THREADS

    if not text.strip().isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise ValueError(f"{text.strip()!r}: use 1 to {MOST_THREADS} threads, such as 1,2,4")
    return int(text)


def pixel_count(text: str) -> int:
    """Read a number of pixels: ``100000``, ``100K``, ``1.5M``.

    Raises
    ------
    ValueError
        With a line for a person.
    """
    word = text.strip().upper()
    factor = {"K": 1e3, "M": 1e6}.get(word[-1:], 1.0)
    try:
        count = float(word.rstrip("KM")) * factor
    except ValueError:
        count = 0.0
    if not 1_000 <= count <= 100_000_000:
        raise ValueError(f"{text.strip()!r}: use 1K to 100M pixels, such as 100K,1M")
    return round(count)


def sizes_of(text: str | None) -> list[str]:
    """Check sizes; they stay words, as `make_job` takes them."""
    from afx.job import user_errors
    from afx.video import parse_size

    names = [part.strip() for part in (text or "").split(",")] if text is not None else []
    with user_errors():
        for name in names:
            parse_size(name)
    return names


def devices_of(
    wanted: Literal["auto", "cpu", "cuda", "mps"],
    precision: Literal["auto", "float32", "half"],
) -> list[tuple[Device, Precision]]:
    """Return the devices to measure besides the processor."""
    from afx.bench.machine import graphics_devices
    from afx.device import choose_device

    if wanted == "cpu":
        if precision == "half":
            raise UserError("--precision half is for graphics cards: leave it out, or --device")
        return []
    # One that is asked for by name says what is wrong if it cannot be used.
    devices = graphics_devices() if wanted == "auto" else [choose_device(wanted)]
    if precision == "half" and not devices:
        raise UserError("--precision half is for graphics cards, and there is none here")
    precisions: tuple[Precision, ...] = ("float32", "half") if precision == "auto" else (precision,)
    return [(device, p) for device in devices for p in precisions]
