"""Children of looks: valid, deterministic, as unlike their parents as was asked for."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.easel import Easel
from afx.explore.colors import color_word, harm, mixed, reflected, stepped
from afx.explore.genetics import LOCKS, MOST_GENES, breed, check_locks, mixed_genes, mutate
from afx.explore.naming import christened, slug
from afx.explore.tiles import fixed
from afx.look import Look, dump, knobs_of, load_library, parse_look, pattern_of, problems
from afx.palette import PALETTES, Palette, ramp
from afx.patterns import PATTERNS
from afx.patterns.architecture import Gene
from music_analysis.errors import UserError

LIBRARY = load_library()
NEURAL = "neural-dream"
NAMES = st.sampled_from(sorted(LIBRARY))
SEEDS = st.integers(0, 2**31 - 1)
STRENGTHS = st.floats(0, 1)
LOCKED = st.sets(st.sampled_from(LOCKS))


def genes_of(look: Look) -> dict[str, object]:
    """Everything of a look but its names."""
    return look.model_dump(exclude={"name", "title", "summary"})


@cache
def easel() -> Easel:
    return Easel(64, 36)


def picture(look: Look, seed: int = 0) -> np.ndarray:
    return easel().still(look, seed=seed).astype(np.float64)


def valid(look: Look) -> None:
    assert list(problems(look, PATTERNS)) == []
    assert parse_look(dump(look), look.name, "child") == look
    assert look.name == slug(look.title)
    assert len(look.summary) <= 200


@settings(max_examples=40, deadline=None)
@given(NAMES, SEEDS, STRENGTHS, LOCKED)
def test_every_child_is_a_look(name, seed, strength, locks):
    look = LIBRARY[name]
    child = mutate(look, seed=seed, strength=strength, locks=locks)
    valid(child)
    assert child == mutate(look, seed=seed, strength=strength, locks=locks)
    assert child.routes == look.routes
    assert (child.pattern, child.suits, child.walk) == (look.pattern, look.suits, look.walk)


@settings(max_examples=40, deadline=None)
@given(NAMES, NAMES, SEEDS, STRENGTHS, LOCKED)
def test_every_child_of_two_is_a_look(first, second, seed, strength, locks):
    a, b = LIBRARY[first], LIBRARY[second]
    child = breed(a, b, seed=seed, strength=strength, locks=locks)
    valid(child)
    assert child == breed(a, b, seed=seed, strength=strength, locks=locks)
    assert child.pattern in ({a.pattern} if "pattern" in locks else {a.pattern, b.pattern})
    if "palette" in locks:
        assert child.palette == a.palette


@pytest.mark.parametrize("name", [NEURAL, "starry-night"])
def test_no_strength_is_the_parents_picture(name):
    look = LIBRARY[name]
    child = mutate(look, seed=3, strength=0.0, scene=5)
    assert genes_of(child) == genes_of(fixed(look, 5))
    assert np.array_equal(picture(child, 5), picture(look, 5))
    twin = breed(look, look, seed=3, strength=0.0)
    assert twin.knobs == look.knobs


@pytest.mark.parametrize("name", [NEURAL, "satin", "elephant-valley"])
def test_stronger_children_are_less_alike(name):
    look = LIBRARY[name]
    parent = picture(look)
    far = [
        np.mean(
            [
                np.abs(picture(mutate(look, seed=seed, strength=strength)) - parent).mean()
                for seed in range(4)
            ]
        )
        for strength in (0.02, 0.1, 0.3, 0.8)
    ]
    assert all(a < b for a, b in itertools.pairwise(far)), far
    assert far[0] < 0.35 * far[-1]


def test_locks_hold_what_they_name():
    look = fixed(LIBRARY[NEURAL], 0)
    kinds = {k.name: k.kind for k in knobs_of(pattern_of(look))}

    def changed(child: Look) -> set[str]:
        return {n for n in child.knobs if child.knobs[n] != look.knobs.get(n)}

    free = mutate(look, seed=1, strength=0.5)
    assert {"phase", "latent_1", "detail"} <= changed(free)
    assert free.palette != look.palette
    assert free.network != look.network
    for lock, held in (
        ("speeds", {n for n, kind in kinds.items() if kind == "clock"}),
        ("latents", {n for n in kinds if n.startswith("latent_")}),
        ("knobs", {n for n, kind in kinds.items() if kind == "value" and "latent" not in n}),
        ("detail", {"detail"}),
    ):
        child = mutate(look, seed=1, strength=0.5, locks=[lock])
        assert changed(child) == changed(free) - held, lock
    assert mutate(look, seed=1, strength=0.5, locks=["palette"]).palette == look.palette
    assert mutate(look, seed=1, strength=0.5, locks=["network"]).network == look.network
    all_held = mutate(look, seed=1, strength=0.5, locks=LOCKS)
    assert genes_of(all_held) == genes_of(look)


def test_a_lock_that_holds_nothing():
    with pytest.raises(UserError, match="did you mean palette"):
        check_locks(["pallette"], [LIBRARY[NEURAL]])
    with pytest.raises(UserError, match="--lock latent_1"):
        check_locks(["latent_1"], [LIBRARY["satin"]])
    check_locks(["latent_1", "palette"], [LIBRARY[NEURAL]])


def test_music_and_camera_are_left_in_peace():
    for seed in range(8):
        child = mutate(LIBRARY["abyss"], seed=seed, strength=1.0)
        assert not {"exposure", "pulse", "hue"} & set(child.knobs)


GENES = st.lists(
    st.builds(Gene, seed=st.integers(0, 40), share=st.floats(-9, 9).map(lambda v: round(v, 4))),
    max_size=80,
)


@given(GENES, GENES, st.floats(0, 1.5707))
def test_mixed_genes_are_few_different_and_of_norm_one(a, b, angle):
    made = mixed_genes(a, b, angle)
    if made == tuple(a):  # nothing there, or all cancelled out
        return
    assert len(made) <= MOST_GENES
    assert len({gene.seed for gene in made}) == len(made)
    assert sum(gene.share**2 for gene in made) == pytest.approx(1.0, abs=1e-4)


def test_genes_lie_on_the_circle_between_their_parents():
    a, b = (Gene(seed=1),), (Gene(seed=2),)
    assert mixed_genes(a, b, 0.0) == a
    assert mixed_genes(a, b, np.pi / 2) == b
    half = {gene.seed: gene.share for gene in mixed_genes(a, b, np.pi / 4)}
    assert half == {1: pytest.approx(0.5**0.5, abs=1e-5), 2: pytest.approx(0.5**0.5, abs=1e-5)}
    again = mixed_genes((Gene(seed=1, share=2.0), Gene(seed=1, share=1.0)), (), 0.0)
    assert again == a
    assert len(mixed_genes((Gene(seed=1), Gene(seed=2, share=0.001)), (), 0.0)) == 1
    many = tuple(Gene(seed=s) for s in range(100))
    assert len(mixed_genes(many, b, 0.3)) == MOST_GENES


def test_children_of_two_networks_lie_between_them():
    a, b = (fixed(LIBRARY[NEURAL], seed) for seed in (1, 2))
    for seed in range(5):
        child = breed(a, b, seed=seed, strength=0.0)
        shares = {gene.seed: gene.share for gene in child.network.genes}
        assert set(shares) == {1, 2}
        assert min(shares.values()) > 0.3
    first = breed(a, b, seed=0, strength=0.0, locks=["network"])
    assert first.network == a.network


def test_two_patterns_share_color_and_grade_but_not_the_camera():
    a, b = LIBRARY["geode"], LIBRARY["rose-window"]
    seen = set()
    for seed in range(12):
        child = breed(a, b, seed=seed, strength=0.0)
        lead = a if child.pattern == a.pattern else b
        seen.add(child.pattern)
        assert child.routes == lead.routes
        for camera in ("zoom", "turn", "pan_x", "pan_y", "spin"):
            assert child.knobs.get(camera) == lead.knobs.get(camera)
        own = {k.name for k in PATTERNS[lead.pattern].knobs}
        assert {n: v for n, v in child.knobs.items() if n in own} == {
            n: v for n, v in lead.knobs.items() if n in own
        }
        low, high = sorted((a.knobs.get("relief", 0.0), b.knobs.get("relief", 0.0)))
        assert low <= child.knobs.get("relief", 0.0) <= high
    assert seen == {a.pattern, b.pattern}


def test_names_are_short_deterministic_and_not_taken():
    look = LIBRARY["abyss"]
    names: set[str] = set()
    for _ in range(200):
        child = christened(look, 7, names)
        assert child.name not in names
        assert len(child.title) <= 40
        names.add(child.name)
    assert christened(look, 7).name == christened(look, 7).name


# --- palettes --------------------------------------------------------------------------------


@given(st.floats(-50, 50), st.floats(-3, 3), st.floats(0, 5))
def test_reflected_stays_inside(value, lo, width):
    assert lo <= reflected(value, lo, lo + width) <= lo + width
    if lo <= value <= lo + width:
        assert reflected(value, lo, lo + width) == pytest.approx(value, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(PALETTES)), SEEDS, STRENGTHS)
def test_steps_of_palettes_stay_clean_and_light(name, seed, strength):
    palette = PALETTES[name]
    child = stepped(palette, np.random.default_rng(seed), strength)
    assert Palette.model_validate(child.model_dump(exclude_unset=True)) == child
    light = ramp(child, 32)[:, 0]
    assert (np.diff(light) > -1e-6).all()
    assert light[-1] - light[0] > 0.6
    assert harm(child) <= max(harm(palette), 0.35)


def test_mixed_palettes_lie_between_and_do_not_gray():
    a, b = PALETTES["ember"], PALETTES["glacier"]
    for share, end in ((0.0, a), (1.0, b)):
        assert np.abs(ramp(mixed(a, b, share), 64) - ramp(end, 64)).max() < 0.05
    chroma = [np.hypot(*ramp(p, 64)[:, 1:].T).mean() for p in (a, mixed(a, b, 0.5), b)]
    assert chroma[1] > 0.8 * min(chroma[0], chroma[2])


def test_mud_is_known_and_colors_have_names():
    olive = Palette(hue=105, span=20, chroma=0.12)
    assert harm(olive) > 0.25
    assert harm(PALETTES["glacier"]) < 0.02
    for name, word in (("deep-sea", "teal"), ("amethyst", "violet"), ("mono-silver", "silver")):
        assert color_word(PALETTES[name]) == word
    turned = PALETTES["glacier"].model_copy(update={"turn": 140.0})
    assert color_word(turned) != color_word(PALETTES["glacier"])


def test_a_walk_is_inherited_only_where_there_is_a_way():
    walking = parse_look(dump(LIBRARY[NEURAL]) + "\n[walk]\nseed = 4\n", "walker", "walker.toml")
    assert mutate(walking, seed=1).walk == walking.walk
    children = [breed(walking, LIBRARY["satin"], seed=seed) for seed in range(8)]
    assert {c.pattern: c.walk for c in children} == {"cppn": walking.walk, "silk": None}
