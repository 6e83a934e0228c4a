"""The chord network in NumPy: equal to torch, the same in every key, quick, and small."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from music_analysis import chord_network as cn
from music_analysis.chord_labels import NAMES

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def _random_weights(seed: int = 1, filters: int = 8, channels: int = 24) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    reach = cn.HIGHEST_OVERTONE - cn.LOWEST_OVERTONE + 1
    blocks, qualities = len(cn.DILATIONS), len(NAMES)
    shapes: dict[str, tuple[int, ...]] = {
        "tones": (filters, reach),
        "tones_bias": (filters,),
        "fold": (8, filters, channels),
        "fold_bias": (channels,),
        "time": (blocks, cn.TAPS, channels),
        "time_bias": (blocks, channels),
        "mix": (blocks, 12, channels, channels),
        "mix_bias": (blocks, channels),
        "roots": (12, channels, qualities),
        "roots_bias": (qualities,),
        "bass": (12, channels, 1),
        "whole": (channels, 2),
        "whole_bias": (2,),
    }
    return {k: rng.normal(size=v).astype(np.float32) * 0.1 for k, v in shapes.items()}


def _rows(length: int, seed: int = 2) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(size=(length, 84))).astype(np.float32)


def test_numbers_equal_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import learn_chords

    torch.manual_seed(7)
    net = learn_chords.build(torch)
    rows = torch.from_numpy(np.stack([_rows(90, seed) for seed in range(4)]))
    for _ in range(3):  # so that the running means are not 0 and 1
        net(rows)
    net.eval()
    with torch.no_grad():
        chords, bass, whole = net(rows)
        expected = torch.cat([chords, bass, whole[:, None]], dim=1).numpy()
    network = cn.ChordNetwork.from_arrays(learn_chords.export(net))
    found = np.concatenate([network.logits(r.numpy()) for r in rows])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for name in [n for n in sys.modules if n in ("learn_chords", "made_chords", "chord_crops")]:
        del sys.modules[name]


def test_pages_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    network, rows = cn.ChordNetwork.from_arrays(_random_weights()), _rows(700)
    whole = network.logits(rows)
    monkeypatch.setattr(cn, "_PAGE", 150)
    np.testing.assert_allclose(network.logits(rows), whole, atol=1e-4)


@pytest.mark.parametrize("semitones", [1, 5, 11])
def test_another_key_turns_the_answer(semitones: int) -> None:
    """Exactly so once register does not matter: with the same fold in every octave."""
    weights = _random_weights()
    weights["fold"][:] = weights["fold"][:1]
    network = cn.ChordNetwork.from_arrays(weights)
    rows = np.zeros((40, 84), np.float32)
    rows[:, 32:44] = _rows(40)[:, :12]  # no tone's surroundings leave the range
    moved = np.roll(rows, semitones, axis=1)
    before, after = network.logits(rows), network.logits(moved)
    chords = before[:, : cn.CHORDS - 1].reshape(40, len(NAMES), 12)
    turned = np.roll(chords, semitones, axis=2).reshape(40, -1)
    np.testing.assert_allclose(after[:, : cn.CHORDS - 1], turned, atol=1e-4)
    np.testing.assert_allclose(after[:, -1], before[:, -1], atol=1e-4)
    bass = before[:, cn.CHORDS : cn.CHORDS + 12]
    np.testing.assert_allclose(
        after[:, cn.CHORDS : cn.CHORDS + 12], np.roll(bass, semitones, axis=1), atol=1e-4
    )


def test_gain_changes_nothing_and_silence_is_silent() -> None:
    semitones = _rows(61) * 0.01
    rows = cn.features(semitones, cn.song_level(semitones))
    assert rows.shape == (31, 84)
    louder = cn.features(semitones * 100, cn.song_level(semitones * 100))
    np.testing.assert_allclose(louder, rows, rtol=1e-4)
    assert not cn.features(np.zeros((10, 84), np.float32), 0.0).any()
    quiet = np.concatenate([semitones, np.zeros((100, 84), np.float32), semitones])
    assert not cn.features(quiet, cn.song_level(quiet))[45:65].any()


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_the_shortest_sounds(length: int) -> None:
    network = cn.load()
    evidence = network.listen(_rows(length))
    assert evidence.chords.shape == (length, cn.CHORDS)
    np.testing.assert_allclose(evidence.chords.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(evidence.bass.sum(axis=1), 1, atol=1e-5)
    assert ((evidence.change >= 0) & (evidence.change <= 1)).all()


def test_the_weights_are_small_and_described() -> None:
    folder = resources.files("music_analysis") / "weights"
    assert len((folder / "chords.safetensors").read_bytes()) < 600_000
    card = (folder / "chords.md").read_text(encoding="utf-8")
    assert "synthesized" in card
    assert "learn_chords.py" in card
