"""Chance as an argument: counter-based random numbers keyed by a seed and a purpose.

Two purposes never share numbers, and drawing more for one never changes another, so the same seed
gives the same piece whatever else the program learns to do.
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of random numbers for one `purpose` under one `seed`.

    Parameters
    ----------
    seed : int
        Any integer; taken modulo 2**64.
    purpose : str
        What the numbers are for, e.g. ``"clock.phase"``.
    """
    words = [seed % 2**64, zlib.crc32(purpose.encode("utf-8"))]
    # As an array of 64-bit words: a list of large numbers would pass through float and lose bits.
    return np.random.Generator(np.random.Philox(key=np.array(words, dtype=np.uint64)))
