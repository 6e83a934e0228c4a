"""Pattern-producing networks: shapes, symmetries, prepared weights, and pictures of any seed."""

from __future__ import annotations

import importlib.util
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from afx.color import to_ycc
from afx.field import NUMPY_ACTIVATIONS, Network
from afx.field.knob import knobs_of
from afx.oklch import TO_YCC
from afx.painter import field_kernel
from afx.patterns import CPPN, PATTERNS, Architecture, Gene, Pattern
from afx.patterns.architecture import MIXES, dealt, merged
from afx.patterns.coordinates import ARRAYS, coordinate_count, coordinates, placed
from afx.patterns.cppn import cppn_pattern
from afx.patterns.draws import draw
from afx.patterns.initializers import RECIPES
from afx.patterns.network_shape import network_of
from afx.patterns.preparing import weights_of
from afx.stage import STAGE_KNOBS

NAMES = ("cppn", "cppn_liquid")
SHAPES = [
    Architecture(width=4, depth=1),
    Architecture(width=16, depth=8, activations=("nineties",)),
    Architecture(width=24, depth=8, activations=("distill",)),
    Architecture(width=20, depth=5, activations=("siren",), music=8),
    Architecture(width=20, depth=3, activations=("finer", "softplus", "gaussian"), latents=0),
    Architecture(width=16, depth=4, fourier=6, fourier_scale=0.6, fineness=6.0, music=2),
    Architecture(width=8, depth=9, latents=16, coordinates=("x", "y", "angle")),
    Architecture(width=16, depth=4, symmetry="kaleidoscope", folds=7),
    Architecture(width=16, depth=4, symmetry="tile", tiles=0.8, coordinates=("y", "x", "angle")),
]


@cache
def weights(pattern: Pattern, seed: int) -> dict[str, NDArray[np.float32]]:
    assert pattern.weights is not None
    return dict(pattern.weights(seed))


def picture(
    pattern: Pattern,
    seed: int,
    time: float = 7.0,
    size: tuple[int, int] = (96, 54),
    **changed: float,
) -> dict[str, NDArray[np.float32]]:
    values = {}
    for k in (*pattern.knobs, *STAGE_KNOBS):
        value = changed.get(k.name, k.default)
        values[k.name] = value * time if k.kind == "clock" else value
    made = field_kernel(pattern).evaluate(*size, values, weights=weights(pattern, seed))
    return {output: array.astype(np.float64) for output, array in made.items()}


def change(a: dict[str, NDArray[np.float32]], b: dict[str, NDArray[np.float32]]) -> float:
    return float(np.abs(a["tone"] - b["tone"]).mean())


# --------------------------------------------------------------------- shapes


@pytest.mark.parametrize(("width", "depth"), [(4, 1), (16, 4), (21, 3), (512, 12)])
def test_a_network_has_the_shape_that_was_asked_for(width, depth):
    network = network_of(Architecture(width=width, depth=depth, music=3), "n")
    assert (network.inputs, network.outputs, network.film) == (4 + 1 + 4 + 3 + 3, 3, 3)
    assert [layer.outputs for layer in network.layers] == [width] * depth + [3]
    assert network.layers[1].inputs == width + 3


def test_the_plans_configuration_has_its_parameters():
    # 12 inputs, 8 layers of 256, 3 outputs: the 464 K parameters that the plan speaks of.
    assert network_of(Architecture(width=256, depth=8), "n").size == 464_643


def test_waves_stand_before_the_network_and_what_is_known_of_a_frame_gets_past_them():
    a = Architecture(width=8, depth=2, fourier=5, music=2)
    network = network_of(a, "n")
    assert network.layers[0].activations == (("linear", 3), ("sine", 10))
    assert network.film == 4 + 1 + 4 + 2
    made = weights(cppn_pattern(a), 1)["cppn"]
    waves, bias = network.split(made)[0]
    assert np.array_equal(waves[:3, :3], np.eye(3))
    assert not waves[:, 3:].any()
    assert np.array_equal(waves[3::2], waves[4::2])  # a sine and a cosine of the same wave
    assert bias[3:] == pytest.approx([0, np.pi / 2] * 5, abs=1e-3)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"width": 0}, "greater than or equal to 4"),
        ({"width": 10_000}, "less than or equal to 512"),
        ({"depth": 13}, "less than or equal to 12"),
        ({"latents": 17}, "less than or equal to 16"),
        ({"activations": ("sinus",)}, "no activation 'sinus'; did you mean 'sine'?"),
        ({"activations": ()}, "at least 1"),
        ({"activations": ("distill",), "width": 17}, "even width"),
        ({"coordinates": ("x", "x")}, "once"),
        ({"genes": ({"seed": 1, "share": 0.0},)}, "all 0"),
        ({"gain": float("nan")}, "finite"),
        ({"output": "cmyk"}, "'fields' or 'rgb'"),
    ],
)
def test_what_cannot_be_built_is_refused(said, words):
    with pytest.raises(ValidationError) as caught:
        Architecture.model_validate(said)
    assert words in str(caught.value)


def test_two_that_are_right_alone_may_not_go_together():
    with pytest.raises(ValueError, match="even width"):
        merged(Architecture(width=17), Architecture(activations=("distill",)))


def test_mixes_are_made_of_what_runs():
    assert set(dealt(tuple(MIXES))) <= set(NUMPY_ACTIVATIONS)
    assert dealt(("sine", "waves")) == ("sine", "sine", "gaussian")


def test_equal_architectures_give_the_identical_pattern_and_equal_shapes_the_same_code():
    shape = PATTERNS["cppn"].shape
    assert shape is not None
    assert shape(Architecture()) is PATTERNS["cppn"]
    one, other = (
        shape(Architecture(width=20, genes=(Gene(seed=n),), gain=1.0 + n)) for n in (1, 2)
    )
    assert one is not other
    assert one.function is other.function
    assert one is shape(Architecture(width=20, genes=(Gene(seed=1),), gain=2.0))


def test_knobs_follow_the_architecture():
    made = cppn_pattern(Architecture(latents=2, music=3))
    names = [k.name for k in knobs_of(made.function)]
    assert names == [
        "phase", "latent_1", "latent_2", "morph", "detail", "warp", "pulse",
        "sound_1", "sound_2", "sound_3",
    ]  # fmt: skip
    assert [k.name for k in made.knobs] == names


# --------------------------------------------------------------------- weights


@pytest.mark.parametrize("a", SHAPES, ids=lambda a: f"{a.width}x{a.depth}")
def test_the_same_seed_gives_the_same_weights_and_half_precision_holds_them(a):
    first = weights(cppn_pattern(a), 2)["cppn"]
    assert first.dtype == np.float32
    assert first.shape == (network_of(a, "n").size,)
    assert np.isfinite(first).all()
    assert np.array_equal(first, weights_of(a, 2))
    assert np.array_equal(first, first.astype(np.float16).astype(np.float32))


def test_every_seed_is_a_world_of_its_own():
    flat = [weights_of(Architecture(), seed) for seed in (2, 3, -3)]
    assert all(np.isfinite(f).all() for f in flat)
    assert not np.allclose(flat[0], flat[1])
    assert not np.allclose(flat[1], flat[2])


def test_a_sound_or_a_latent_more_leaves_the_rest_as_it_was():
    few = draw(Architecture(), 1)
    more = draw(Architecture(latents=6, music=3), 1)
    assert np.array_equal(few.first[:, :4], more.first[:, :4])
    assert np.array_equal(few.first[:, -3:], more.first[:, -6:-3])
    assert np.array_equal(few.hidden[1], more.hidden[1])
    assert np.array_equal(few.last, more.last)


def test_one_gene_is_its_seed_and_shares_count_by_their_ratio():
    def flat(*genes):
        return weights(cppn_pattern(Architecture(genes=genes)), 99)["cppn"]

    alone = weights(cppn_pattern(Architecture()), 5)["cppn"]
    assert np.array_equal(flat(Gene(seed=5)), alone)
    assert np.array_equal(flat(Gene(seed=5), Gene(seed=8, share=0.0)), alone)
    mixed = flat(Gene(seed=5), Gene(seed=8, share=0.5))
    assert np.array_equal(mixed, flat(Gene(seed=5, share=2.0), Gene(seed=8)))
    assert not np.allclose(mixed, alone)


def test_a_path_between_two_genes_has_no_jump():
    def tone(share):
        a = Architecture(genes=(Gene(seed=1), Gene(seed=2, share=share)))
        return picture(cppn_pattern(a), 0)

    steps = [tone(share) for share in (0.0, 0.01, 0.02)]
    assert max(change(a, b) for a, b in pairwise(steps)) < 0.06
    assert change(steps[0], tone(1.0)) > 0.05


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_have_the_spread_of_their_papers(name):
    a = Architecture(width=64, depth=3, initializer=name)
    network = network_of(a, "n")
    layers = network.split(weights(cppn_pattern(a), 3)["cppn"])
    wished = {
        "distill": 1 / 8, "lecun": 1 / 8, "he": np.sqrt(2) / 8, "glorot": np.sqrt(2 / 128),
        "siren": np.sqrt(2.0) / 8, "finer": np.sqrt(0.5) / 8, "uniform": np.sqrt(3.0),
    }[name]  # fmt: skip
    assert layers[1][0].std() == pytest.approx(wished, rel=0.04)
    if name in ("siren", "finer", "glorot", "uniform"):
        assert np.abs(layers[1][0]).max() <= wished * np.sqrt(3.0) * 1.001
    if name in ("distill", "glorot", "he", "lecun"):
        assert not layers[1][1].any()


@pytest.mark.parametrize(
    ("depth", "fineness"), [(1, 4.2), (4, 3.0), (4, 9.0), (8, 4.2), (12, 4.2), (12, 9.0)]
)
def test_pictures_are_as_fine_as_was_wished_at_any_depth(depth, fineness):
    a = Architecture(width=16, depth=depth, fineness=fineness)
    network = network_of(a, "cppn")
    found = []
    for seed in range(3):
        flat = weights(cppn_pattern(a), seed)["cppn"]
        out = run(
            network, flat, *np.meshgrid(np.linspace(-1.78, 1.78, 160), np.linspace(-1, 1, 90))
        )
        dy, dx = np.gradient(out[..., 0], 2 / 89, 3.56 / 159)
        found.append(np.sqrt((dx**2 + dy**2).mean()) / out[..., 0].std())
    assert 0.6 * fineness < np.median(found) < 1.7 * fineness


def run(
    network: Network, flat: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Run the default inputs at rest through a network, in NumPy: [rows, columns, 3]."""
    frame = np.array([0, 0, 0, 0, 0.5, 1, 0, 1, 0], np.float64)
    values = np.concatenate(
        [
            np.broadcast_to(frame, (*x.shape, 9)),
            np.stack([x, y, np.sqrt(x * x + y * y + 0.02)], -1),
        ],
        axis=-1,
    )
    for layer, (matrix, bias) in zip(network.layers, network.split(flat), strict=True):
        values = values @ matrix.astype(np.float64).T + bias
        at = 0
        for activation, count in layer.activations:
            part = values[..., at : at + count]
            values[..., at : at + count] = NUMPY_ACTIVATIONS[activation](part)
            at += count
    return values


# --------------------------------------------------------------------- pictures


@pytest.mark.parametrize("a", SHAPES, ids=lambda a: f"{a.width}x{a.depth}")
def test_the_picture_of_any_shape_is_rich_and_in_range(a):
    made = picture(cppn_pattern(a), 2)
    low, high = np.percentile(made["tone"], [1, 99])
    assert all(np.isfinite(array).all() for array in made.values())
    assert high - low > 0.4
    assert np.abs(made["hue"]).max() <= 0.25
    # Forms, not noise: neighbors are alike.
    assert np.abs(np.diff(made["tone"], axis=1)).mean() < 0.1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(6))
def test_the_picture_of_any_seed_is_rich_and_in_range(name, seed):
    made = picture(PATTERNS[name], seed)
    low, high = np.percentile(made["tone"], [1, 99])
    assert high - low > 0.45
    assert np.abs(made["tone"] - 0.5).max() < 1.0
    assert np.abs(np.diff(made["tone"], axis=1)).mean() < 0.08
    assert made["tone"][::9, ::9].std() > 0.1


@pytest.mark.parametrize(
    "a", [*SHAPES, *(PATTERNS[n].architecture for n in NAMES)], ids=lambda a: f"{a.width}x{a.depth}"
)
def test_every_latent_sound_and_knob_changes_the_picture_and_none_tears_it(a):
    pattern = cppn_pattern(a)
    rest = picture(pattern, 2)
    for k in pattern.knobs:
        if k.kind == "clock":
            continue
        ends = [picture(pattern, 2, **{k.name: end}) for end in (k.lo, k.hi)]
        assert change(*ends) > 0.01, k.name
        near = picture(pattern, 2, **{k.name: k.default + 0.002 * (k.hi - k.lo)})
        assert change(near, rest) < 0.02, k.name


@pytest.mark.parametrize("recipe", ["prepared", *sorted(RECIPES)])
def test_music_moves_the_pictures_of_every_recipe_alike(recipe):
    pattern = cppn_pattern(Architecture(width=16, depth=4, music=2, initializer=recipe))
    rest = picture(pattern, 4)
    for name in ("sound_1", "sound_2", "latent_1"):
        moved = change(rest, picture(pattern, 4, **{name: 1.0}))
        assert 0.01 < moved < 0.3, (name, moved)


@pytest.mark.parametrize("name", NAMES)
def test_time_flows_without_jumps(name):
    pictures = [picture(PATTERNS[name], 1, 20.0 + i / 60.0) for i in range(31)]
    assert change(pictures[-1], pictures[0]) > 0.01
    assert max(change(a, b) for a, b in pairwise(pictures)) < 0.03


SYMMETRIC = {
    "mirror": lambda x, y: (-x, y),
    "quarter": lambda x, y: (-x, -y),
    "rotate": lambda x, y: turned(x, y, 1 / 5),
    "kaleidoscope": lambda x, y: turned(x, -y, 2 / 5),
    "tile": lambda x, y: (x + 2 / 1.25, y - 1 / 1.25),
}


def turned(x, y, turns):
    c, s = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    return c * x - s * y, s * x + c * y


@pytest.mark.parametrize("symmetry", sorted(SYMMETRIC))
@pytest.mark.parametrize("fourier", [0, 4])
def test_symmetric_points_cannot_be_told_apart(symmetry, fourier):
    network = CPPN(
        width=12, depth=3, symmetry=symmetry, folds=5, tiles=1.25, fourier=fourier,
        coordinates=("x", "y", "radius", "angle"), seed=3,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 500))
    here = network(x, y, 9.0, warp=1.0)
    there = network(*SYMMETRIC[symmetry](x, y), 9.0, warp=1.0)
    for a, b in zip(here, there, strict=True):
        assert np.abs(a - b).max() < 2e-3
    other = network(x + 0.31, y * 0.8, 9.0, warp=1.0)
    assert np.abs(here.tone - other.tone).mean() > 0.02


@pytest.mark.parametrize("symmetry", ["none", *sorted(SYMMETRIC)])
def test_coordinates_have_no_crease(symmetry):
    a = Architecture(symmetry=symmetry, folds=9, coordinates=("x", "y", "radius", "angle"))
    # Straight lines through the center, across mirror lines and tile borders.
    t = np.linspace(-1.7, 1.7, 20_001)
    for angle in (0.0, 0.3, np.pi / 2):
        seen = coordinates(placed(t * np.cos(angle), t * np.sin(angle), a, ARRAYS), a)
        assert len(seen) == coordinate_count(a)
        for values in seen:
            bend = np.diff(values, 2) / (t[1] - t[0]) ** 2
            # A crease is a jump of the slope: its second difference grows without bound.
            assert np.abs(np.diff(bend)).max() < 0.02 * np.abs(bend).max() + 1e-3


# --------------------------------------------------------------------- raw colors


def test_raw_colors_are_colors_and_nobody_asks_a_palette():
    pattern = cppn_pattern(Architecture(output="rgb"))
    assert pattern.direct
    assert not PATTERNS["cppn"].direct
    made = picture(pattern, 1)
    ycc = np.stack([made["tone"], made["hue"], made["mask"]], axis=-1)
    rgb = ycc @ np.linalg.inv(TO_YCC).T
    assert rgb.min() > -1e-5
    assert rgb.max() < 1 + 1e-5
    assert (rgb.std(axis=(0, 1)) > 0.1).all()


def test_there_is_one_matrix_of_colors():
    assert to_ycc(np.eye(3, dtype=np.float32)) == pytest.approx(TO_YCC.T, abs=1e-6)


# --------------------------------------------------------------------- documentation


def test_the_page_on_networks_is_up_to_date():
    path = Path(__file__).parent.parent / "docs" / "make.py"
    spec = importlib.util.spec_from_file_location("docs_make", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    page = (path.parent / "cppn.md").read_text(encoding="utf-8")
    assert made.cppn_page(page) == page, "docs/cppn.md is old: run docs/make.py"
    for name in (*MIXES, *NUMPY_ACTIVATIONS):
        assert f"`{name}`" in page, name
    for field in Architecture.model_fields:
        assert field == "weights_sha256" or f"| `{field}` |" in page


# --------------------------------------------------------------------- as a function


def test_a_network_can_be_asked_at_any_points():
    network = CPPN(width=16, depth=3, activations=("mixed",), seed=2)
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 61), np.linspace(-1, 1, 41))
    whole = network(x, y, 4.0)
    assert whole.tone.shape == (41, 61)
    assert whole.tone.dtype == np.float32
    assert (whole.mask == 1).all()
    assert np.array_equal(network(x[0], y[:, :1], 4.0).tone, whole.tone)  # broadcast
    some = np.random.default_rng(1).permutation(x.size)[:700]
    assert np.array_equal(
        network(x.ravel()[some], y.ravel()[some], 4.0).hue, whole.hue.ravel()[some]
    )
    assert network(0.3, 0.1, 4.0).tone.shape == ()
    assert network(np.zeros((0, 3)), 0.0).tone.shape == (0, 3)


def test_it_is_what_a_video_shows():
    pattern = cppn_pattern(Architecture(width=16, depth=3))
    network = CPPN(Architecture(width=16, depth=3), seed=2)
    step = 2 / 54
    x, y = np.meshgrid((np.arange(96) + 0.5) * step - 96 / 54, (np.arange(54) + 0.5) * step - 1)
    shown = picture(pattern, 2, 7.0)
    assert network(x, y, 7.0).tone == pytest.approx(shown["tone"], abs=1e-4)


def test_other_weights_need_no_new_code():
    from afx.patterns.cppn_call import _kernel

    one, two = (
        CPPN(Architecture(width=8, depth=2, genes=(Gene(seed=k),)), gain=1.0 + k) for k in (1, 2)
    )
    before = _kernel.cache_info().misses
    first, second = one(0.3, 0.1, 4.0), two(0.3, 0.1, 4.0)
    assert first.tone != second.tone
    assert _kernel.cache_info().misses - before <= 1


def test_features_and_embeddings_shift_every_layer_and_none_is_rest():
    network = CPPN(width=16, depth=4, music=6, seed=1)
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 40), np.linspace(-1, 1, 30))
    rng = np.random.default_rng(0)
    rest = network(x, y)
    assert np.array_equal(network(x, y, fft_features=np.zeros(513)).tone, rest.tone)
    for length in (1, 3, 6, 64, 2048):
        spectrum = rng.random(length)
        sounds = network.sounds(spectrum)
        assert sounds.shape == (6,)
        assert ((sounds > 0) & (sounds < 1)).all()
        assert np.array_equal(sounds, network.sounds(spectrum))
        assert np.abs(network(x, y, fft_features=spectrum).tone - rest.tone).mean() > 0.003
    vector = rng.standard_normal(128) * 0.1
    assert not np.allclose(network.sounds(vector), network.sounds(None, vector))
    with pytest.raises(ValueError, match="give it music = 8"):
        CPPN(width=8, depth=2, music=0)(0.0, 0.0, fft_features=[1.0])
    with pytest.raises(ValueError, match="finite"):
        network.sounds([np.nan])
    with pytest.raises(ValueError, match="5 latents, but the network has 4"):
        network(x, y, latents=[0.1] * 5)
    with pytest.raises(ValueError, match="no knob 'wrap'"):
        network(x, y, wrap=1.0)


def test_projections_keep_lengths_as_well_as_they_can():
    from afx.patterns.cppn_call import projection

    wide, tall = projection("fft", 4, 50), projection("fft", 8, 3)
    assert wide @ wide.T == pytest.approx(np.eye(4), abs=1e-9)
    assert tall.T @ tall == pytest.approx(np.eye(3), abs=1e-9)
