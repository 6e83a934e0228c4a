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
_TOP = np.array([4095.0, 1022.0, 1022.0], np.float32)
"""The greatest codes of Y', Cb and Cr."""
_RICHER = np.float32(1.6)
"""How much chroma a mixture of two palettes is given back at most: opposite hues pass by gray."""


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
    return _clipped(planes).astype(np.float32)


def _clipped(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    made: NDArray[np.float32] = np.clip(planes, 0.0, _TOP.reshape(3, *[1] * (planes.ndim - 1)))
    return made


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
    table, ground = (
        words(_crossfaded(x, y, np.float32(weight)))
        for x, y in zip(_both(a), _both(b), strict=True)
    )
    return {"palette": table, "ground": ground[None, :]}


def _crossfaded(
    one: NDArray[np.float32], other: NDArray[np.float32], share: np.float32
) -> NDArray[np.float32]:
    """Mix codes; what lies between two hues keeps more of their chroma than a mean of them has."""
    mixed = one + (other - one) * share
    gray = np.float32(511.0)
    first, second, between = (
        np.sqrt(np.sum((p[1:] - gray) ** 2, axis=0)) for p in (one, other, mixed)
    )
    wanted = first + (second - first) * share
    factor = np.minimum(wanted / np.maximum(between, np.float32(1.0)), _RICHER)
    mixed[1:] = gray + (mixed[1:] - gray) * np.maximum(factor, np.float32(1.0))
    return _clipped(mixed)


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
