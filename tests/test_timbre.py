"""What networks hear: the piece's own directions of sound, and routes that let pictures flow."""

from __future__ import annotations

import numpy as np
import pytest

from afx.compose import compose
from afx.look import knobs_of, load_library, pattern_of
from afx.routes import Grip
from afx.sources import SOURCES, TIMBRES, Sources
from made_music import MadeSummary, silence, with_tracks

NAMES = [f"timbre.{k + 1}" for k in range(TIMBRES)]


def piece(seconds: float = 60.0):
    """Bass swings slowly, noise twice as fast and half as far; C answers the bass."""
    base = silence(seconds)
    time = np.arange(base.frames) / 30.0
    swing = np.sin(2 * np.pi * time / 20.0)
    hiss = np.sin(2 * np.pi * time / 10.0)
    return (
        with_tracks(
            base,
            level__bass=0.5 + 0.4 * swing,
            level__sub=0.5 + 0.4 * swing,
            flatness=0.5 + 0.2 * hiss,
            flux=0.5 + 0.2 * hiss,
            chroma__C=0.5 - 0.2 * swing,
        ),
        swing,
        hiss,
    )


def test_timbres_are_named_and_there_in_any_piece():
    assert set(NAMES) <= set(SOURCES)
    for features in (silence(2.0), silence(1 / 30), piece()[0]):
        for name in NAMES:
            track = Sources(features)[name]
            assert track.shape == (features.frames,)
            assert ((track >= 0) & (track <= 1)).all()


def test_silence_has_no_timbre():
    assert (Sources(silence(3.0))["timbre.1"] == 0.5).all()


def test_the_largest_timbre_is_what_varies_most_and_they_are_unlike():
    features, swing, hiss = piece()
    sources = Sources(features, lead=0.0)
    first, second = sources["timbre.1"] - 0.5, sources["timbre.2"] - 0.5
    # Towards the strongest track, whatever sign the eigenvectors happen to have.
    assert np.corrcoef(first, swing)[0, 1] > 0.97
    assert np.corrcoef(second, hiss)[0, 1] > 0.97
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    assert 0.4 < np.ptp(first) <= 1.0


def test_timbres_are_slow():
    base = silence(20.0)
    rng = np.random.default_rng(0)
    noisy = with_tracks(base, **{"level__bass": rng.random(base.frames)})
    track = Sources(noisy)["timbre.1"]
    assert np.abs(np.diff(track)).max() * 30.0 < 1.0  # of their range in a second


@pytest.mark.parametrize("name", ["deep-listening", "compass-rose", "malachite"])
def test_sounds_flow_and_do_not_shake(name):
    look = load_library()[name]
    knobs = knobs_of(pattern_of(look))
    features, *_ = piece()
    hits = np.zeros(features.frames)
    hits[::15] = 1.0  # two hard hits a second in every band
    features = with_tracks(features, level__mid=hits, level__air=hits, level__bass=hits)
    pattern_knobs = len(pattern_of(look).knobs)
    table = Grip(Sources(features)).table(look, knobs, pattern_knobs)
    moved = 0
    for column, knob in enumerate(knobs):
        if knob.name.startswith("sound_"):
            # At most about a third of the range in a second, the two hits a second hardly seen.
            assert np.abs(np.diff(table[:, column])).max() * 30.0 < 0.35, knob.name
            moved += np.ptp(table[60:-60, column]) > 0.05
    assert moved >= 2
    assert compose(features, look, seed=1, summarize=lambda *_: MadeSummary()) is not None
