"""Pictures that people give: a reduced copy of any image file, or one clear line why not.

Knows files, pixel formats and what can be wrong with them; knows nothing of what colors are for.
Sizes are checked before anything is decoded, and only formats are opened whose decoders run no
other program. Errors are `ValueError` with a line for people.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

Floats = NDArray[np.float64]

MOST_PIXELS = 80_000_000
"""Of the whole picture: the largest cameras have fewer, a bomb has more."""

# EPS and PDF would start another program; nobody has a cover in the others.
_FORMATS = (
    "PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO",
)  # fmt: skip


def read_reduced(source: str | Path | bytes, side: int = 128, *, name: str = "") -> Floats:
    """Read an image, averaged down to at most `side` pixels in each direction.

    Turned as its EXIF data say, CMYK and other color profiles brought to sRGB, the first picture of
    an animation.

    Parameters
    ----------
    source : path or bytes
        A file, or its content.
    side : int
        The longest side of the result; smaller images stay as they are.
    name : str
        What errors call it; the path if not given.

    Returns
    -------
    ndarray, float64 [h, w, 4]
        Display sRGB and alpha, in [0, 1].

    Raises
    ------
    ValueError
        If it is missing, not an image, damaged or too large; one line for people.
    """
    name = name or ("the picture" if isinstance(source, bytes) else _shown(Path(source)))
    if not isinstance(source, bytes):
        _check_file(Path(source), name)
    file = io.BytesIO(source) if isinstance(source, bytes) else Path(source)
    Image.init()
    formats = [known for known in _FORMATS if known in Image.OPEN]
    large = f"{name}: is too large; up to {MOST_PIXELS // 1_000_000} million pixels can be read"
    try:
        with warnings.catch_warnings():
            # Pillow warns of oddities in metadata; and of bombs, where its limit is below ours.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=formats) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise ValueError(large)
                image.draft(image.mode, (4 * side, 4 * side))  # JPEGs decode faster, reduced
                image.load()
                return _rgba(image, side)
    except Image.DecompressionBombError:
        raise ValueError(large) from None
    except UnidentifiedImageError:
        raise ValueError(f"{name}: is not an image; use a PNG, JPEG or WebP file") from None
    except PermissionError:
        raise ValueError(f"{name}: may not be read; change its permissions") from None
    except MemoryError:
        raise ValueError(f"{name}: is too large for this machine's memory") from None
    except Exception as error:  # decoders raise what they like: OSError, SyntaxError, zlib.error …
        if str(error) == large:
            raise
        raise ValueError(f"{name}: is damaged or cut short; save the image again") from None


def _check_file(path: Path, name: str) -> None:
    try:
        if path.is_dir():
            raise ValueError(f"{name}: is a folder; name one image in it")
        if not path.exists():
            raise ValueError(f"{name}: no such file")
        if not path.is_file():
            raise ValueError(f"{name}: is not a file")
        if path.stat().st_size == 0:
            raise ValueError(f"{name}: is empty (0 bytes)")
    except OSError as error:  # too long a name, a failing disk
        raise ValueError(f"{name}: cannot be read ({error.strerror or error})") from None


def _rgba(image: Image.Image, side: int) -> Floats:
    """Reduce a decoded image and bring it to sRGB with alpha, [h, w, 4] in [0, 1]."""
    profile = image.info.get("icc_profile")
    sparse = max(image.size) // (16 * side)
    if sparse > 1:
        # Of a huge image a grid of pixels is enough, and copies of it cost no gigabyte.
        fewer = (max(1, image.width // sparse), max(1, image.height // sparse))
        image = image.resize(fewer, Image.Resampling.NEAREST)
    deep = image.mode if image.mode in ("I", "F") or image.mode.startswith("I;16") else ""
    if deep:
        image = image.convert("I").convert("F") if deep.startswith("I;16") else image.convert("F")
    elif image.has_transparency_data:
        image = image.convert("RGBA")  # averaged with weights of alpha, by Pillow itself
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    scale = min(1.0, side / max(image.size))
    if scale < 1.0:
        small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(small, Image.Resampling.BOX)
    image = ImageOps.exif_transpose(image)
    if deep:
        return _from_deep(np.asarray(image, dtype=np.float64), deep)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    color = _to_srgb(image.convert("RGB") if alpha else image, profile)
    rgb = np.asarray(color, dtype=np.float64) / 255.0
    opaque = np.ones(rgb.shape[:2]) if alpha is None else np.asarray(alpha) / 255.0
    return np.concatenate([rgb, opaque[..., None]], axis=-1)


def _from_deep(gray: Floats, mode: str) -> Floats:
    """Scale grays of 16 bits and more, or floats, to [0, 1] and make them RGBA."""
    gray = np.nan_to_num(gray, nan=0.0, posinf=0.0, neginf=0.0)
    top = float(gray.max(initial=0.0))
    if mode == "F" and top <= 1.0:
        white = 1.0
    elif not mode.startswith("I;16") and top <= 255.0:
        white = 255.0
    else:
        white = max(65535.0, top)
    gray = np.clip(gray / white, 0.0, 1.0)
    return np.stack([gray, gray, gray, np.ones_like(gray)], axis=-1)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Bring a reduced image to sRGB by its profile, or without one if that cannot be used."""
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            wanted = ImageCms.createProfile("sRGB")
            made = ImageCms.profileToProfile(image, own, wanted, outputMode="RGB")
            if made is not None:
                return made
        except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError):
            pass
    return image.convert("RGB")


def _shown(path: Path) -> str:
    """Spell a path so that it stays on one line."""
    text = str(path)
    return text if text.isprintable() else repr(text)
