"""Colors in words: palettes as tables of packed Y'CbCr that kernels read.

A palette is a table over (hue rotation, tone): turning all hues, by music or by the field, is only
another row of the table, at equal lightness.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afx import palette as palettes
from afx.field import Expr, to_float
from afx.oklch import TO_YCC

HUES, TONES = 128, 256


def to_ycc(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Y' in [0, 1] and Cb, Cr in [−½, ½] of display RGB [..., 3]."""
    return np.asarray(rgb @ TO_YCC.T, dtype=np.float32)


@functools.lru_cache(maxsize=64)
def ycc_table(palette: palettes.Palette) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a palette as Y'CbCr: the table [HUES, TONES, 3] and the ground [HUES, 3]."""
    return (
        to_ycc(palettes.table(palette, HUES, TONES)),
        to_ycc(palettes.ground(palette, HUES)),
    )


def pack(ycc: NDArray[np.float32]) -> NDArray[np.int32]:
    """Pack Y' into 12 bits and Cb, Cr into 10 each, four times finer than a byte of video.

    Of the 10 bits 1023 values are used, so that the middle one is gray exactly.
    """
    return words(codes(ycc))


def codes(ycc: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Y'CbCr [..., 3] in units of the packed codes, as planes [3, ...]."""
    y, cb, cr = np.moveaxis(ycc, -1, 0)
    planes = np.stack((y * 4095.0, (cb + 0.5) * 1022.0, (cr + 0.5) * 1022.0))
    top = np.array([4095.0, 1022.0, 1022.0]).reshape(3, *[1] * (planes.ndim - 1))
    return np.asarray(np.clip(planes, 0.0, top), dtype=np.float32)


def words(planes: NDArray[np.float32]) -> NDArray[np.int32]:
    """Round planes of codes and put them into words."""
    whole = (planes + np.float32(0.5)).astype(np.int32)
    whole[1] <<= 12
    whole[2] <<= 22
    whole[0] |= whole[1]
    whole[0] |= whole[2]
    packed: NDArray[np.int32] = whole[0]
    return packed


def packed_tables(
    a: palettes.Palette, b: palettes.Palette | None = None, weight: float = 0.0
) -> Mapping[str, NDArray[np.int32]]:
    """Return the buffers ``palette`` and ``ground`` of one palette, or of two cross-faded."""
    if b is None or weight <= 0.0 or a == b:
        return _packed(a)
    if weight >= 1.0:
        return _packed(b)
    share = np.float32(weight)
    table, ground = (words(x + (y - x) * share) for x, y in zip(_both(a), _both(b), strict=True))
    return {"palette": table, "ground": ground[None, :]}


def paired_tables(a: palettes.Palette, b: palettes.Palette) -> Mapping[str, NDArray[np.int32]]:
    """Return the buffers of two palettes side by side, for a wipe.

    Their names are those of `packed_tables` with ``_a`` and ``_b``; equal palettes need but one.
    """
    if a == b:
        return _packed(a)
    return {
        f"{name}_{role}": table
        for role, palette in zip("ab", (a, b), strict=True)
        for name, table in _packed(palette).items()
    }


@functools.lru_cache(maxsize=64)
def _both(palette: palettes.Palette) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the codes of a palette's table [3, HUES, TONES] and of its ground [3, HUES]."""
    table, ground = ycc_table(palette)
    return codes(table), codes(ground)


@functools.lru_cache(maxsize=64)
def _packed(palette: palettes.Palette) -> Mapping[str, NDArray[np.int32]]:
    table, ground = _both(palette)
    return {"palette": words(table), "ground": words(ground)[None, :]}


def unpack(word: Expr) -> tuple[Expr, Expr, Expr]:
    """Return Y', Cb and Cr of a word."""
    return (
        to_float(word & 0xFFF) * (1.0 / 4095.0),
        to_float((word >> 12) & 0x3FF) * (1.0 / 1022.0) - 0.5,
        to_float((word >> 22) & 0x3FF) * (1.0 / 1022.0) - 0.5,
    )
