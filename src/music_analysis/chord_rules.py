"""Chords without a trained network: chroma against templates of major and minor triads.

Knows semitone spectra; knows nothing of beats. Overtones are taken off the spectrum, what remains
is folded to a treble and a bass chroma, and each step is compared with the tones of every triad.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from music_analysis.song_spectra import SEMITONES
from music_analysis.windows import Floats

# share of a tone's strength (compressed) that its overtones are expected to have, and how many
# semitones above they lie: harmonics 2 to 6
_OVERTONES: Final = ((12, 0.45), (19, 0.35), (24, 0.3), (28, 0.2), (31, 0.15))
_BASS: Final = 24  # semitones from C1: below C3 is bass
_FAINT: Final = 1e-4  # share of the loudest power below which a moment does not count
_EXPLAINED: Final = 0.97
_SHARPNESS: Final = 9.0  # log likelihood per unit of template agreement


def tone_strengths(rows: Floats) -> Floats:
    """How far each tone rises above its surroundings and the overtones of others.

    Parameters
    ----------
    rows
        [T, 84] compressed semitones (:func:`music_analysis.chord_network.features`).

    Returns
    -------
    ndarray of float32, [T, 84], 0 or more
    """
    padded = np.pad(rows, ((0, 0), (6, 6)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    around = (sums[:, 13:] - sums[:, :-13]) / 13
    strengths: Floats = np.maximum(rows - around, 0).astype(np.float32)
    expected = np.zeros_like(strengths)
    for shift, share in _OVERTONES:
        expected[:, shift:] += share * strengths[:, :-shift]
    np.maximum(strengths - expected, 0, out=strengths)
    return strengths


def fold(strengths: Floats) -> tuple[Floats, Floats]:
    """Treble and bass chroma, each [M, 12], of tone strengths [M, 84]."""
    octaves = strengths.reshape(len(strengths), SEMITONES // 12, 12)
    weight = np.array([0.3, 0.7, 1.0, 1.0, 0.8, 0.4, 0.1], np.float32)
    treble: Floats = np.einsum("tok,o->tk", octaves, weight)
    bass: Floats = octaves[:, : _BASS // 12].sum(axis=1) + np.float32(0.3) * octaves[:, 2]
    return treble, bass


def is_one_note(semitones: Floats) -> bool:
    """Tell whether all that sounds, [M, 84] magnitudes, are one note and its overtones.

    A held note holds its own major triad among the overtones, but nobody plays a chord. Where the
    notes change or a chord is played, the mean spectrum has tones that no single note explains.
    """
    power = np.square(semitones)
    total = power.sum(axis=1)
    sounding = total > _FAINT * total.max(initial=0)
    if not sounding.any():
        return False
    power = power[sounding]
    power /= total[sounding, None]
    mean = power.mean(axis=0)
    lowest = int(np.argmax(mean > 0.02 * mean.max()))
    lowest += int(np.argmax(mean[lowest : lowest + 3]))  # its skirt reaches below it
    series = lowest + np.rint(12 * np.log2(np.arange(1, 17))).astype(np.int64)
    near = (series[:, None] + np.array([-1, 0, 1])).ravel()
    explained = mean[np.unique(near[(near >= 0) & (near < SEMITONES)])].sum()
    return bool(explained > _EXPLAINED)


def triad_evidence(treble: Floats, bass: Floats) -> Floats:
    """Log likelihood [K, 25] of 12 major triads, 12 minor ones and none; chroma [K, 12] each.

    None is as likely as a chord that agrees poorly: chroma without tones (silence, noise) gives it.
    """
    size = np.linalg.norm(treble, axis=1, keepdims=True)
    chroma = treble / np.maximum(size, 1e-6)
    low = bass / np.maximum(bass.max(axis=1, keepdims=True), 1e-6)
    low *= np.minimum(1, bass.max(axis=1, keepdims=True))
    fit = np.empty((len(treble), 25), np.float32)
    for mode, third in enumerate((4, 3)):
        for root in range(12):
            tones = [root, (root + third) % 12, (root + 7) % 12]
            wrong = (root + 7 - third) % 12
            fit[:, 12 * mode + root] = (
                chroma[:, tones].sum(axis=1) / np.sqrt(3)
                - 0.2 * chroma[:, wrong]
                + 0.12 * low[:, root]
                + 0.04 * low[:, (root + 7) % 12]
            )
    tonal = np.minimum(1, size[:, 0] / 1.5)
    fit[:, :24] *= tonal[:, None]
    fit[:, 24] = 0.45
    evidence: Floats = _SHARPNESS * fit
    return evidence
