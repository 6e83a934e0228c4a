"""What can make the pictures: the processor, or a graphics card through torch."""

from __future__ import annotations

from typing import Literal

from afx.painter import Painter, Painters

Device = Literal["cpu", "cuda", "mps"]
Precision = Literal["float32", "half"]


def choose_device(wanted: Literal["auto", "cpu", "cuda", "mps"]) -> Device:
    """Return the device to work on."""
    return "cpu" if wanted == "auto" else wanted


def painters_for(device: Device, precision: Precision) -> Painters:
    """Return what makes painters on a device."""
    del device, precision
    return Painter
