"""The parts of the structure analysis, each alone on numbers made up for it."""

from __future__ import annotations

import numpy as np

from music_analysis.bar_features import CHANNELS, SLOTS, BarFeatures
from music_analysis.builds import find_builds, find_drops
from music_analysis.grouping import PAIR_INPUTS, clusters, pair_evidence, pair_logits
from music_analysis.section_names import Passage, name_sections
from music_analysis.segmentation import (
    LONGEST,
    best_boundaries,
    boundary_logits,
    find_boundaries,
    load_weights,
)
from music_analysis.self_similarity import (
    INPUTS,
    along_diagonals,
    evidence,
    novelty,
    similarities,
)


def bars_of(
    form: str, each: int = 8, seed: int = 0, level: np.ndarray | None = None, spread: float = 1.0
):
    """Bars of a form such as ``ABAB``: each letter is ``each`` bars of its own."""
    noise = np.random.default_rng(seed)
    kinds = {
        k: spread * noise.standard_normal((each, 40)) + noise.standard_normal(40)
        for k in sorted(set(form))
    }
    rows = np.concatenate([kinds[k] for k in form]).astype(np.float32)
    rows += 0.1 * noise.standard_normal(rows.shape).astype(np.float32)
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    n = len(rows)
    return BarFeatures(
        borders=np.arange(n + 1) * 2.0,
        vectors=(rows,) * len(CHANNELS),
        level=np.zeros((n, 4), np.float32) if level is None else level.astype(np.float32),
        flux=np.ones((n, SLOTS, 3), np.float32),
        register=np.ones((n, SLOTS, 2), np.float32),
        sounding=np.ones(n, bool),
        silent=np.zeros(n, bool),
        variety=3.0,
    )


def test_repetitions_lie_on_diagonals() -> None:
    bars = bars_of("ABAB")
    similarity = similarities(bars)
    assert np.allclose(similarity, similarity.transpose(0, 2, 1), atol=1e-6)
    onward, back = along_diagonals(similarity)
    brute = np.mean([similarity[0, 3 + k, 19 + k] for k in range(4)])
    assert np.isclose(onward[0, 3, 19], brute, atol=1e-6)
    assert np.isclose(back[0, 7, 23], brute, atol=1e-6)
    assert onward[0, 0, 16] > 0.9
    assert onward[0, 0, 8] < 0.3
    assert evidence(bars, similarity, onward, back).shape == (32, INPUTS)


def test_novelty_peaks_where_blocks_meet() -> None:
    curve = novelty(similarities(bars_of("ABCA", spread=0.3)), 4)[0]
    assert sorted(np.argsort(curve)[-3:].tolist()) == [8, 16, 24]


def test_the_path_weighs_belief_against_length() -> None:
    logits = np.full(24, -3.0, np.float32)
    logits[[8, 11, 16]] = [2.0, 0.5, 2.0]
    flat = np.zeros(LONGEST + 1, np.float32)
    assert best_boundaries(logits, flat, 0.0).tolist() == [0, 8, 11, 16]
    usual = flat.copy()
    usual[8] = 1.0
    assert best_boundaries(logits, usual, 0.0).tolist() == [0, 8, 16]
    assert best_boundaries(logits, flat, -9.0).tolist() == [0]
    assert np.diff(best_boundaries(np.full(200, -9, np.float32), flat, 0.0)).max() <= LONGEST


def test_boundaries_are_found_from_repetition_alone() -> None:
    starts, belief = find_boundaries(bars_of("ABACABCA"))
    assert set(range(0, 64, 8)) - set(starts.tolist()) <= {0}
    assert len(starts) <= 10
    assert belief[8::8].mean() > 4 * np.delete(belief, np.s_[::8]).mean()


def test_a_long_song_is_read_page_by_page() -> None:
    form = "".join("ABAC"[k % 4] for k in range(100))
    bars, weights = bars_of(form), load_weights()
    whole = boundary_logits(bars, weights)
    page = boundary_logits(bars.page(0, 512), weights)
    assert len(whole) == 800
    assert (np.sign(whole[64:448]) == np.sign(page[64:448])).mean() > 0.97


def test_sections_of_one_kind_are_closest() -> None:
    pairs = pair_evidence(bars_of("ABAB"), np.array([0, 8, 16, 24]))
    assert pairs.shape == (4, 4, PAIR_INPUTS)
    assert np.allclose(pairs, pairs.transpose(1, 0, 2), atol=1e-5)
    assert pairs[0, 2, 1] > 0.9 > 0.3 > pairs[0, 1, 1]


def test_pairs_of_many_sections_are_looked_at_page_by_page() -> None:
    weights = load_weights()
    pairs = pair_evidence(bars_of("ABAC" * 40, each=2), np.arange(0, 320, 2))
    logits = pair_logits(pairs, weights)
    assert logits.shape == (160, 160)
    rows = np.concatenate([np.arange(3), np.arange(60, 70), np.arange(150, 160)])
    some = pair_logits(pairs[rows[:, None], rows], weights)
    np.testing.assert_allclose(logits[rows[:, None], rows], some, rtol=1e-4, atol=1e-4)


def test_clusters_are_nested_and_numbered_as_they_come() -> None:
    logits = np.full((4, 4), -3.0, np.float32)
    logits[1, 3] = logits[3, 1] = 2.0
    logits[0, 2] = logits[2, 0] = 0.5
    strict, loose, all_one = clusters(logits, np.ones(4, np.float32), (1.0, 0.0, -9.0))
    assert strict.tolist() == [0, 1, 2, 1]
    assert loose.tolist() == [0, 1, 0, 1]
    assert all_one.tolist() == [0, 0, 0, 0]


def test_builds_and_drops() -> None:
    level = np.zeros((40, 4))
    level[8:16] = np.linspace(-1.0, 0.0, 8)[:, None]
    level[24:28] = [-0.5, -2.0, -0.5, -0.5]
    bars = bars_of("ABCDE", level=level)
    assert [k for _, k, _ in find_drops(bars)] == [28]
    assert any(abs(i - 8) <= 1 and abs(k - 16) <= 1 for i, k, _ in find_builds(bars))
    still = bars_of("ABCDE")
    assert find_drops(still) == []
    assert find_builds(still) == []


def passage(form: str, level: list[float]) -> Passage:
    count = len(form)
    letters = sorted(set(form), key=form.index)
    return Passage(
        start=np.arange(count) * 16.0,
        end=np.arange(1, count + 1) * 16.0,
        group=np.array([letters.index(k) for k in form]),
        level=np.array(level),
        voice=np.ones(count),
        height=np.ones(count),
        silent=np.array(level) < -4,
    )


def test_names_of_a_song() -> None:
    form = "IVCVCBCO"
    named = name_sections(passage(form, [-0.6, -0.1, 0.2, -0.1, 0.2, -0.1, 0.2, -0.6]))
    assert [name for name, _ in named] == [
        *("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")
    ]
    assert all(0 < sure < 1 for _, sure in named)


def test_names_where_nothing_repeats() -> None:
    named = name_sections(passage("ABCDEFG", [0.0] * 7))
    assert {name for name, _ in named} <= {"intro", "part", "outro"}
    assert name_sections(passage("A", [0.0])) == [("part", 0.2)]
