"""Loudness and other signal measures of a song's character. No opinion: each is a formula."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """Signal measures; None where there is not enough sound to measure.

    ``energy``, ``brightness`` and ``pulse_clarity`` are in [0, 1].
    """

    integrated_loudness: float | None
    """LUFS (EBU R128, ITU-R BS.1770-5)."""
    loudness_range: float | None
    """LU (EBU Tech 3342)."""
    loudest_momentary: float | None
    """LUFS, the largest over 400 ms."""
    loudest_short_term: float | None
    """LUFS, the largest over 3 s."""
    true_peak: float | None
    """dBTP, of the sound at four times its rate."""
    dynamic_range: float | None
    """dB between the loud (95th percentile) and the quiet (10th) of the 3-second loudness."""
    crest: float | None
    """dB of the largest sample over the mean power."""
    energy: float
    """0 hushed to 1 loud, dense and busy."""
    brightness: float
    """0 dark to 1 bright: where the middle of the spectrum lies."""
    pulse_clarity: float
    """0 no pulse to 1 a clear one (after Lartillot et al. 2008): how danceable, roughly."""
    onset_rate: float
    """Onsets a second."""
    mode_majorness: float | None
    """−1 minor to 1 major: evidence for the mode, 0 undecided."""
    loudness_times: tuple[float, ...]
    """Seconds, one a second at most: times of ``loudness_curve``."""
    loudness_curve: tuple[float, ...]
    """Short-term loudness, LUFS, for plots."""
