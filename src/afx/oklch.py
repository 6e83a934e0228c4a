"""Color spaces: display sRGB, linear sRGB, OKLab and OKLCH, and the edge of the sRGB gamut.

Knows the arithmetic of color and nothing of palettes. Arrays hold color on their last axis. OKLab
is Björn Ottosson's (2020, "A perceptual color space for image processing"): L in [0, 1], chroma C
from 0 to about 0.33 inside sRGB. Hues are radians here; degrees are for people (``afx.palette``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Ottosson's two matrices: linear sRGB -> cone responses -> (after a cube root) Lab.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_CONES_INVERSE = np.linalg.inv(_CONES)
_LAB_INVERSE = np.linalg.inv(_LAB)

# ITU-R BT.709: luma weights, and display RGB -> Y' in [0, 1], Cb, Cr in [-1/2, 1/2].
_KR, _KB = 0.2126, 0.0722
TO_YCC = np.array(
    [
        [_KR, 1 - _KR - _KB, _KB],
        [-_KR / (2 * (1 - _KB)), -(1 - _KR - _KB) / (2 * (1 - _KB)), 0.5],
        [0.5, -(1 - _KR - _KB) / (2 * (1 - _KR)), -_KB / (2 * (1 - _KR))],
    ]
)

# No sRGB color reaches this chroma (the largest, a magenta, has 0.323).
CHROMA_CEILING = 0.34
_BISECTIONS = 14  # 0.34 / 2**14 = 2e-5, far below one code of 8 bits


def encode(linear: ArrayLike) -> Floats:
    """Turn linear light in [0, 1] into display sRGB in [0, 1] (IEC 61966-2-1)."""
    x = np.maximum(np.asarray(linear, dtype=np.float64), 0.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1.0 / 2.4) - 0.055)


def decode(display: ArrayLike) -> Floats:
    """Turn display sRGB in [0, 1] into linear light in [0, 1]; the inverse of `encode`."""
    x = np.maximum(np.asarray(display, dtype=np.float64), 0.0)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def oklab_from_linear(rgb: ArrayLike) -> Floats:
    """Turn linear sRGB [..., 3] into OKLab [..., 3] (L, a, b)."""
    cones = np.asarray(rgb, dtype=np.float64) @ _CONES.T
    result: Floats = np.cbrt(cones) @ _LAB.T
    return result


def linear_from_oklab(lab: ArrayLike) -> Floats:
    """Turn OKLab [..., 3] into linear sRGB [..., 3]; out of gamut gives values outside [0, 1]."""
    roots = np.asarray(lab, dtype=np.float64) @ _LAB_INVERSE.T
    result: Floats = roots**3 @ _CONES_INVERSE.T
    return result


def oklab_from_display(rgb: ArrayLike) -> Floats:
    """Turn display sRGB [..., 3] into OKLab [..., 3]."""
    return oklab_from_linear(decode(rgb))


def oklab_from_oklch(lightness: ArrayLike, chroma: ArrayLike, hue: ArrayLike) -> Floats:
    """Turn L, C and h (radians; arrays that broadcast) into OKLab [..., 3]."""
    light, c, h = np.broadcast_arrays(lightness, chroma, hue)
    return np.stack([light, c * np.cos(h), c * np.sin(h)], axis=-1)


def display_from_oklch(lightness: ArrayLike, chroma: ArrayLike, hue: ArrayLike) -> Floats:
    """Turn L, C and h (radians) *inside the gamut* into display sRGB [..., 3].

    Only rounding errors are clipped; call `max_chroma` first to stay inside.
    """
    return np.clip(encode(linear_from_oklab(oklab_from_oklch(lightness, chroma, hue))), 0.0, 1.0)


def max_chroma(lightness: ArrayLike, hue: ArrayLike) -> Floats:
    """Give the largest chroma that sRGB can show at this lightness and hue.

    Parameters
    ----------
    lightness : array_like
        OKLab L, in [0, 1].
    hue : array_like
        Radians; broadcast against `lightness`.

    Returns
    -------
    ndarray
        Chroma, 0 at black and white. Found by bisection, always on the inner side of the edge.
    """
    light, h = np.broadcast_arrays(
        np.asarray(lightness, dtype=np.float64), np.asarray(hue, dtype=np.float64)
    )
    # Along a hue, each cone's cube root is L + C * direction: three small lines, not a matrix.
    plane = np.stack([np.cos(h), np.sin(h)])
    directions = np.tensordot(_LAB_INVERSE[:, 1:], plane, axes=1)
    low = np.zeros(light.shape)
    high = np.full(light.shape, CHROMA_CEILING)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        cones = (light + middle * directions) ** 3
        rgb = np.tensordot(_CONES_INVERSE, cones, axes=1)
        inside = (rgb.min(axis=0) >= -1e-9) & (rgb.max(axis=0) <= 1.0 + 1e-9)
        low = np.where(inside, middle, low)
        high = np.where(inside, high, middle)
    return low
