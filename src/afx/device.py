"""What can make the pictures: the processor, or a graphics card through torch.

The processor needs nothing. A card needs torch, which takes seconds to import, so it is asked only
where a card was asked for or the driver of one is there.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from platform import system
from typing import Literal

from afx.painter import Painter, Painters
from afx.profile import Profile, read_profile
from music_analysis.errors import UserError

Device = Literal["cpu", "cuda", "mps"]
Precision = Literal["float32", "half"]

OVERLAPPING = 3
"""Painters at work on a card: one waits for its frame to come back and one is told what to do next
while the third's frame is made. More would only hold memory."""

_TORCH = 'scripts/setup neural, or pip install "torch==2.13.*"'


def choose_device(
    wanted: Literal["auto", "cpu", "cuda", "mps"], profile: Profile | None = None
) -> Device:
    """Return the device to work on.

    ``auto`` is what the profile says, if that can be used, else an NVIDIA card that can be used,
    else the processor.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda", "mps"}
    profile : Profile, optional
        This machine's, if not given.

    Raises
    ------
    UserError
        If a card was asked for and cannot be used: what to do about it.
    """
    if wanted == "cpu":
        return "cpu"
    if wanted != "auto":
        problem = _cuda_problem() if wanted == "cuda" else _mps_problem()
        if problem:
            raise UserError(f"--device {wanted}: {problem}")
        return wanted
    known = (profile or read_profile()).device
    if known == "cpu":
        return "cpu"
    if known == "mps" and not _mps_problem():
        return "mps"
    return "cuda" if driver_there() and not _cuda_problem() else "cpu"


def choose_precision(
    wanted: Literal["auto", "float32", "half"], device: Device, profile: Profile | None = None
) -> Precision:
    """Return the precision of networks: ``auto`` is what the profile says, else half on cards."""
    if device == "cpu":  # the processor has no use for half precision
        return "float32"
    if wanted != "auto":
        return wanted
    return (profile or read_profile()).precision or "half"


def painters_for(
    device: Device,
    precision: Precision,
    note: Callable[[str], None] | None = None,
    *,
    network: Literal["fused", "compiled", "eager"] | None = None,
) -> Painters:
    """Return what makes painters on a device.

    Parameters
    ----------
    device : {"cpu", "cuda", "mps"}
    precision : {"float32", "half"}
    note : callable, optional
        Told, once each, what a person may want to know; else it is printed.
    network : {"fused", "compiled", "eager"}, optional
        Form of networks on a card, to compare them; what suits the network if not given.
    """
    if device == "cpu":
        return Painter
    from afx.tensor_painter import TensorPainters

    return TensorPainters(device, precision, note or _print, network=network)


def painters_at_once(device: Device, threads: int) -> int:
    """Return how many painters to have at work: on a card, two or three that overlap."""
    return threads if device == "cpu" else max(2, min(threads, OVERLAPPING))


def versions(device: Device) -> dict[str, str]:
    """Return the versions of the libraries that decide pixels on a device."""
    if device == "cpu":
        return {}
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("torch", "triton"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def driver_there() -> bool:
    """Tell whether the library of NVIDIA's driver is there; takes microseconds."""
    name = "nvcuda.dll" if system() == "Windows" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _torch_problem() -> str:
    return "" if find_spec("torch") is not None else f"torch is missing: {_TORCH}"


def _cuda_problem() -> str:
    """Return why CUDA cannot be used and what to do, or nothing."""
    if problem := _torch_problem():
        return problem
    import torch

    if torch.version.cuda is None:
        return (
            "the torch that is installed is built without CUDA: install one that is"
            " (https://pytorch.org/get-started/locally), or use --device cpu"
        )
    if not torch.cuda.is_available():
        return "no NVIDIA card that torch can use is here: use --device cpu"
    return ""


def _mps_problem() -> str:
    """Return why Apple's graphics cannot be used and what to do, or nothing."""
    if system() != "Darwin":
        return "this is for Macs with Apple's own processors: use --device cpu"
    if problem := _torch_problem():
        return problem
    import torch

    if not torch.backends.mps.is_available():
        return "torch cannot use this Mac's graphics: use --device cpu"
    return ""


@cache
def _print(text: str) -> None:
    """Say something once: each stage of a render has painters of its own."""
    print(f"Note: {text}.", file=sys.stderr)
