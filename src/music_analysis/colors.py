"""Colors of the pictures and the page: chosen once, by rule, as ``#rrggbb``.

Hues are laid out in OKLCH (Ottosson 2020, "A perceptual color space for image processing"), so that
colors of one lightness look equally light. Roots stand around the circle of fifths: chords that are
close in harmony are close in color, major chords are light and minor ones deeper. Sections wear
a palette after Okabe and Ito (2008, "Color universal design"), which people with any color vision
can tell apart. No color ever says what a label beside it does not.
"""

from __future__ import annotations

import math
from typing import Final

INK: Final = "#1c2230"
MUTED: Final = "#687083"
FAINT: Final = "#c9cdd6"
GRID: Final = "#e6e8ee"
PAPER: Final = "#ffffff"
ACCENT: Final = "#1f5fa8"
"""Of what is measured."""
MARK: Final = "#c8401f"
"""Of what one should see first: downbeats, the playhead, a change of key."""
NO_CHORD: Final = "#d8dae0"

_OKABE_ITO: Final = (
    "#56b4e9",
    "#e69f00",
    "#1ea27c",
    "#cc79a7",
    "#f0e442",
    "#4f86d9",
    "#e07b45",
    "#a3a8b4",
)


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """Convert OKLCH (hue in degrees) to ``#rrggbb``, clipped to sRGB."""
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
        -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
        -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
    )
    bytes_ = []
    for channel in linear:
        x = min(max(channel, 0.0), 1.0)
        bent = 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
        bytes_.append(round(255 * bent))
    return "#" + "".join(f"{value:02x}" for value in bytes_)


def _roots(lightness: float, chroma: float) -> tuple[str, ...]:
    """Twelve colors from C upward by semitones, hues by fifths."""
    return tuple(oklch(lightness, chroma, 95 + 30 * (7 * root % 12)) for root in range(12))


MAJOR: Final = _roots(0.89, 0.07)
MINOR: Final = _roots(0.79, 0.11)

# from paper to ink through blue: lightness falls evenly, so it also reads in gray
SCALE: Final = tuple(
    oklch(0.99 - 0.70 * x, 0.005 + 0.30 * x * (1 - 0.62 * x), 215 + 55 * x)
    for x in (k / 8 for k in range(9))
)


def chord_color(root: int | None, minor: bool) -> str:
    """Color of a chord; gray where there is none."""
    if root is None:
        return NO_CHORD
    return (MINOR if minor else MAJOR)[root]


def section_color(group: int, label: str = "") -> str:
    """Color of a group of sections; gray for what is no part of the form (``N``)."""
    if label == "N":
        return NO_CHORD
    return _OKABE_ITO[group % len(_OKABE_ITO)]


def mixed(color: str, other: str, share: float) -> str:
    """``share`` of ``color`` on top of ``other``."""
    pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(share * x + (1 - share) * y):02x}" for x, y in pairs)
