"""Layers and symmetry: any pattern as base, warp or ink of any other, folded in any way."""

from __future__ import annotations

import functools
import importlib.util
import zlib
from pathlib import Path

import numpy as np
import pytest

from afx.field import Buffer, Expr, Field, clock, knob, knobs_of
from afx.field.glsl import fragment_shader
from afx.field.jit import Kernel
from afx.field.llvm import emit
from afx.look import dump, load_library, parse_look, pattern_of
from afx.painter import field_kernel
from afx.patterns import PATTERNS, Architecture, Pattern
from afx.patterns.layers import LayerError, layered
from afx.patterns.simulation import Grid, Simulation
from afx.patterns.symmetry import folded
from afx.stage import STAGE_KNOBS, staged
from made_pictures import ACROSS, CLOUDS, COLORED, made
from music_analysis.errors import UserError

W, H = 96, 54
NAMES = sorted(PATTERNS)


def partners(name: str) -> tuple[str, str]:
    """A warp and an ink for a base; over all bases every pattern is each of the three once."""
    at = NAMES.index(name)
    return NAMES[(at + 7) % len(NAMES)], NAMES[(at + 13) % len(NAMES)]


def memories(*patterns: Pattern) -> int:
    return sum(p.simulation is not None for p in patterns)


def stack(name: str) -> Pattern | None:
    """A base with its partners, fewer where more than one would remember."""
    base = PATTERNS[name]
    warp, ink = (PATTERNS[n] for n in partners(name))
    if memories(base, warp) > 1:
        warp = PATTERNS["silk"]
    if memories(base, warp, ink) > 1 or base.inked is not None:
        ink = None
    return layered(base, warp=warp, ink=ink)


def settings(pattern: Pattern, seconds=20.0, **given):
    values = {
        k.name: k.default * (seconds if k.kind == "clock" else 1.0)
        for k in (*pattern.knobs, *STAGE_KNOBS)
    }
    return values | {name.replace("__", "."): value for name, value in given.items()}


def chance(pattern: Pattern, seed: int):
    rng = np.random.default_rng(seed)
    return {
        k.name: rng.uniform(k.lo, k.hi) * (60.0 if k.kind == "clock" else 1.0)
        for k in (*pattern.knobs, *STAGE_KNOBS)
    }


@functools.cache
def weights(pattern: Pattern):
    return {} if pattern.weights is None else dict(pattern.weights(3))


@functools.cache
def buffers(simulation: Simulation | None, names: tuple[str, ...], values: tuple[float, ...]):
    """What a memory holds after a step."""
    if simulation is None:
        return {}
    knobs = dict(zip(names, values, strict=True))
    state = simulation.start(Grid(36, 64), 1, knobs, None)
    state.step(knobs, 0.04)
    return dict(state.buffers())


def shown(pattern: Pattern, values, size=(W, H)):
    """Tone, hue and mask; of a memory, what it holds with its knobs at rest."""
    rest = settings(pattern)
    held = buffers(pattern.simulation, tuple(rest), tuple(rest.values()))
    kernel = field_kernel(pattern)
    made = kernel.evaluate(*size, values, weights=weights(pattern), buffers=held)
    return {k: v.copy() for k, v in made.items()}


def same(a, b) -> bool:
    return all(np.array_equal(a[k], b[k]) for k in ("tone", "hue", "mask"))


def apart(a, b) -> float:
    return sum(float(np.abs(a[k] - b[k]).mean()) for k in ("tone", "hue", "mask"))


# ------------------------------------------------------------------------- any pattern


@pytest.mark.parametrize("name", NAMES)
def test_any_pattern_goes_with_any_other(name):
    base, pattern = PATTERNS[name], stack(name)
    for values in (settings(pattern), chance(pattern, zlib.crc32(name.encode()))):
        made = shown(pattern, values)
        assert all(np.isfinite(v).all() for v in made.values()), values
        assert made["mask"].min() >= 0
        assert made["mask"].max() <= 1 + 1e-6
        assert np.abs(made["hue"]).max() <= 1
    none = {k.name: 0.0 for k in pattern.knobs if k.name.endswith(".amount")}
    bare = shown(base, settings(base))
    assert same(shown(pattern, settings(pattern) | none), bare), "amount 0 is the base alone"
    for amount in none:
        alone = settings(pattern) | none | {amount: 0.8}
        assert apart(shown(pattern, alone), bare) > 0.003, amount


@pytest.mark.parametrize("name", [n for n in NAMES if PATTERNS[n].inked is None])
def test_no_knob_of_a_pattern_is_called_as_a_layers_own(name):
    layer = PATTERNS[name]
    for style in ("tones", "lines"):
        assert len({k.name for k in layered(ACROSS, ink=layer, style=style).knobs}) > 3
    assert len({k.name for k in layered(ACROSS, warp=layer).knobs}) > 3


def test_every_pattern_had_its_turn_in_every_place():
    for place in (0, 1):
        assert {partners(name)[place] for name in NAMES} == set(NAMES)


# ------------------------------------------------------------------------- what comes back


def test_equal_questions_give_the_identical_pattern():
    base, warp, ink = (PATTERNS[n] for n in ("silk", "ink", "girih"))
    one = layered(base, warp=warp, ink=ink)
    assert one is layered(base, warp=warp, ink=ink)
    assert one is not layered(base, warp=ink, ink=warp)
    assert folded(one, 6, "x") is folded(one, 6, "x")
    assert layered(base) is base
    assert folded(base, 0, "none") is base
    assert emit(staged(one.function)).text == emit(staged(one.function)).text


def test_knobs_carry_their_layers_name_and_clocks_stay_clocks():
    pattern = layered(PATTERNS["silk"], warp=PATTERNS["silk"], ink=PATTERNS["veils"])
    knobs = {k.name: k for k in pattern.knobs}
    assert len(knobs) == len(pattern.knobs)
    assert {"phase", "warp.phase", "ink.phase", "warp.amount", "ink.amount"} <= set(knobs)
    assert knobs["warp.phase"].kind == knobs["ink.phase"].kind == "clock"
    assert knobs["density"] == PATTERNS["silk"].knobs[1]
    assert knobs_of(pattern.function) == pattern.knobs
    assert "k_warpZ2eZamount" in fragment_shader(staged(pattern.function))


def test_a_pattern_may_be_its_own_warp_with_knobs_of_its_own():
    pattern = layered(PATTERNS["ink"], warp=PATTERNS["ink"])
    rest = shown(pattern, settings(pattern, warp__amount=1.0))
    moved = shown(pattern, settings(pattern, warp__amount=1.0, warp__phase=9.0))
    assert apart(rest, moved) > 0.01


def test_two_networks_at_once_have_weights_of_their_own():
    small = PATTERNS["cppn"].shape(Architecture(width=6, depth=2))
    pattern = layered(small, warp=PATTERNS["cppn"], ink=PATTERNS["cppn_liquid"])
    assert set(weights(pattern)) == {"cppn", "warp.cppn", "ink.cppn_liquid"}
    assert weights(pattern)["cppn"].size < weights(pattern)["warp.cppn"].size
    bare = shown(small, settings(small))
    none = settings(pattern, warp__amount=0.0, ink__amount=0.0)
    assert same(shown(pattern, none), bare)
    assert apart(shown(pattern, settings(pattern)), bare) > 0.01
    # Another network for the base is asked for as if it were alone.
    larger = Architecture(width=8, depth=3)
    assert pattern.architecture == small.architecture
    again = pattern.shape(larger)
    assert again is layered(small.shape(larger), warp=PATTERNS["cppn"], ink=PATTERNS["cppn_liquid"])
    assert folded(pattern, 5, "none").shape(larger) is folded(again, 5, "none")
    assert "warp.cppn" in {n.name for n in field_kernel(pattern).module.networks}


def test_a_base_that_paints_its_own_colors_is_bent_and_drawn_into():
    pattern = layered(COLORED, warp=CLOUDS, ink=ACROSS)
    assert pattern.direct
    bare, inked = (shown(pattern, settings(pattern, ink__amount=a)) for a in (0.0, 1.0))
    assert apart(bare, inked) > 0.05
    assert np.array_equal(bare["hue"], inked["hue"]), "Cb and Cr are not the ink's"


@pytest.mark.parametrize("where", ["warp", "ink"])
def test_what_paints_its_own_colors_is_no_layer(where):
    with pytest.raises(LayerError, match="own colors") as raised:
        layered(ACROSS, **{where: COLORED})
    assert raised.value.layer == where


@pytest.mark.parametrize(
    ("style", "base", "warp"), [("tones", "girih", "cppn_liquid"), ("lines", "silk", "ink")]
)
def test_torch_makes_the_same_picture(style, base, warp):
    torch = pytest.importorskip("torch")
    from afx.field.tensor import TensorProgram

    pattern = layered(PATTERNS[base], warp=PATTERNS[warp], ink=PATTERNS["moire"], style=style)
    pattern = folded(pattern, 5, "y")
    values = settings(pattern, seconds=4.0)
    want = shown(pattern, values)
    y, x = np.mgrid[0:H, 0:W].astype(np.float32)
    program = TensorProgram(staged(pattern.function))
    got = program(
        torch.from_numpy(((x + 0.5) * 2 - W) / H),
        torch.from_numpy((y + 0.5) * 2 / H - 1),
        values,
        pixel=2 / H,
        weights={n: torch.tensor(v) for n, v in weights(pattern).items()},
    )
    for name, value in want.items():
        off = np.abs(torch.broadcast_to(got[name], (H, W)).numpy() - value)
        assert np.quantile(off, 0.99) < 2e-3, name


# ------------------------------------------------------------------------- warp and ink


def test_a_warp_moves_points_a_little_and_never_tears():
    """A jump would be as large in a finer picture; a steep place is not."""
    place = made(_place)
    for name in ("truchet", "girih", "ink"):
        pattern = layered(place, warp=PATTERNS[name])
        values = settings(pattern, warp__amount=1.0)
        still = shown(place, settings(place))
        bent = shown(pattern, values)
        moved = np.hypot(*(bent[k] - still[k] for k in ("tone", "hue"))) * 8
        assert 0.05 < moved.max() < 0.45
        assert np.median(bent["mask"]) == pytest.approx(2 / H * 1.7, rel=1e-3), "smoother lines"
        steps = []
        for size in ((W, H), (8 * W, 8 * H)):
            x, y = (shown(pattern, values, size)[k] for k in ("tone", "hue"))
            steps.append(np.hypot(np.diff(x, axis=1), np.diff(y, axis=1)).max())
        assert steps[1] < 0.3 * steps[0], name


def _place(p, *, phase: Expr = clock(0.1, help="nothing")):
    return Field(p.x * 0.125, p.y * 0.125 + phase * 0.0, p.pixel)


def test_ink_lightens_darkens_and_leaves_alone():
    def half(p, *, level: Expr = knob(0.5, 0, 1, help="tone")):
        return Field(level + p.x * 0.0)

    plain = made(half)
    pattern = layered(plain, ink=plain)

    def tone(level):
        values = settings(pattern, level=0.5, ink__level=level, ink__amount=1.0)
        return float(shown(pattern, values)["tone"].mean())

    assert tone(0.42) == pytest.approx(0.5, abs=1e-6)
    assert tone(1.0) == pytest.approx(1.0, abs=1e-5)
    assert tone(0.0) < 0.25
    assert tone(0.2) < tone(0.35) < 0.5 < tone(0.6) < tone(0.8)


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_contour_lines_are_equally_wide_on_any_slope(slope):
    def hill(p, *, steep: Expr = knob(1.0, 0, 9, help="slope")):
        return Field(p.x * steep)

    def black(p, *, level: Expr = knob(0.0, 0, 1, help="tone")):
        return Field(level + p.x * 0.0)

    pattern = layered(made(black), ink=made(hill), style="lines")
    values = settings(pattern, ink__amount=1.0, ink__steep=slope, ink__levels=1.0, ink__width=1.0)
    row = shown(pattern, values, (1280, 720))["tone"][360]
    starts = np.flatnonzero(np.diff((row > 0.5).astype(int)) == 1)
    assert starts.size == pytest.approx(2 * 16 / 9 * slope, abs=1)
    widths = [row[max(s - 9, 0) : s + 20].sum() * 2 / 720 for s in starts if s < 1240]
    assert min(widths) == pytest.approx(0.0164, rel=0.1)
    assert max(widths) <= 0.0164 * 1.75, "every fourth is bolder"


# ------------------------------------------------------------------------- what remembers


class _Counter:
    def __init__(self, value: float) -> None:
        self.value = value

    def step(self, knobs, seconds) -> None:
        self.value += knobs["gain"] * seconds

    def buffers(self):
        return {"counter": np.full((8, 8), self.value, np.float32)}

    def copy(self):
        return _Counter(self.value)


def _remembering(p, *, gain: Expr = knob(0.5, 0, 1, help="per second")):
    return Field(Buffer("counter").fetch(2, 2) + p.x * 0.1 + gain * 0.0)


def _start(grid, seed, knobs, picture):
    return _Counter(10.0 * knobs["gain"])


def remembering() -> Pattern:
    from dataclasses import replace

    return replace(made(_remembering), simulation=Simulation(_start))


@pytest.mark.parametrize("place", ["base", "warp", "ink"])
def test_a_layer_that_remembers_finds_its_own_knobs(place):
    pattern = {
        "base": lambda: layered(remembering(), warp=ACROSS),
        "warp": lambda: layered(ACROSS, warp=remembering()),
        "ink": lambda: layered(ACROSS, ink=remembering()),
    }[place]()
    own = "gain" if place == "base" else f"{place}.gain"
    knobs = settings(pattern) | {"gain": 0.9} | {own: 0.2}
    state = folded(pattern, 4, "none").simulation.start(Grid(8, 8), 0, knobs, None)
    state.step(knobs, 1.0)
    before = state.copy()
    state.step(knobs, 1.0)
    assert state.buffers()["counter"][0, 0] == pytest.approx(2.4)
    assert before.buffers()["counter"][0, 0] == pytest.approx(2.2)


@pytest.mark.parametrize(("base", "warp", "ink", "layer"), [
    (1, 1, 0, "warp"), (1, 0, 1, "ink"), (0, 1, 1, "ink"),
])  # fmt: skip
def test_two_that_remember_are_refused(base, warp, ink, layer):
    memory = remembering()
    with pytest.raises(LayerError, match="a look can have one") as raised:
        layered(
            memory if base else ACROSS,
            warp=memory if warp else CLOUDS,
            ink=memory if ink else CLOUDS,
        )
    assert raised.value.layer == layer


def test_a_knob_called_as_a_layers_own_is_refused():
    def wide(p, *, width: Expr = knob(0.5, 0, 1, help="of it")):
        return Field(p.x * width)

    assert layered(ACROSS, ink=made(wide))
    with pytest.raises(LayerError, match="knob 'width'"):
        layered(ACROSS, ink=made(wide), style="lines")


def test_a_base_that_draws_with_its_ink_is_given_it():
    from dataclasses import replace

    given = replace(ACROSS, inked=lambda ink: CLOUDS if ink is FLATTER else ACROSS)
    assert layered(given, ink=FLATTER) is CLOUDS
    assert layered(given, warp=ACROSS, ink=FLATTER).knobs[0] == CLOUDS.knobs[0]
    with pytest.raises(LayerError, match="leave style out"):
        layered(given, ink=FLATTER, style="lines")


FLATTER = PATTERNS["silk"]


# ------------------------------------------------------------------------- folds


def _where(p):
    return Field(p.x * 0.125, p.y * 0.125, p.pixel)


def seen(fold, mirror="none", **stage):
    """The point of the pattern that each pixel shows, as complex numbers, and its pixel."""
    pattern = folded(made(_where), fold, mirror)
    size = 97  # odd and square: the middle is a pixel, and turns by a quarter are exact
    values = settings(pattern, seconds=0.0, **stage)
    found = Kernel(staged(pattern.function)).evaluate(size, size, values)
    return (found["tone"] + 1j * found["hue"]) * 8, found["mask"]


Y, X = (np.mgrid[0:97, 0:97] + 0.5) * 2 / 97 - 1


@pytest.mark.parametrize("fold", [2, 3, 5, 8, 31])
def test_a_kaleidoscope_keeps_distances_and_repeats(fold):
    z, pixel = seen(fold)
    np.testing.assert_allclose(np.abs(z), np.hypot(X, Y), atol=2e-5)
    assert (pixel == np.float32(2 / 97)).all()
    assert np.abs(np.angle(z[np.hypot(X, Y) > 0.1])).max() <= np.pi / fold / 2 + 1e-4
    np.testing.assert_allclose(z, z[:, ::-1], atol=2e-5)  # a mirror stands upright
    # Nothing jumps: mirrors keep neighbors as far apart as they are, or nearer.
    for axis in (0, 1):
        assert np.abs(np.diff(z, axis=axis)).max() <= 2 / 97 + 1e-4
    if fold % 2 == 0:
        np.testing.assert_allclose(z, z[::-1], atol=2e-5)
    if fold % 4 == 0:
        np.testing.assert_allclose(z, np.rot90(z), atol=2e-5)


def test_the_camera_moves_what_is_seen_in_the_mirrors():
    z, _ = seen(6)
    zoomed, pixel = seen(6, zoom=1.0)
    np.testing.assert_allclose(zoomed, z / 2, atol=1e-5)
    np.testing.assert_allclose(pixel, 1 / 97, rtol=1e-5)
    panned, _ = seen(6, pan_x=0.3, pan_y=-0.1)
    np.testing.assert_allclose(panned, z + 0.3 - 0.1j, atol=1e-5)
    turned, _ = seen(6, turn=0.25)
    np.testing.assert_allclose(turned, z * 1j, atol=1e-5)


def test_mirrors_show_the_left_and_the_upper_half():
    for mirror, x, y in (("x", -abs(X), Y), ("y", X, -abs(Y)), ("both", -abs(X), -abs(Y))):
        z, _ = seen(0, mirror)
        np.testing.assert_allclose(z, x + 1j * y, atol=1e-6)


def test_a_mirror_and_a_kaleidoscope_go_together():
    z, _ = seen(3, "y")
    np.testing.assert_allclose(z, z[::-1], atol=2e-5)


@pytest.mark.parametrize("fold", [-1, 1, 33])
def test_sectors_that_are_none(fold):
    with pytest.raises(LayerError, match="2 to 32"):
        folded(ACROSS, fold, "none")


# ------------------------------------------------------------------------- looks' files

LAYERED = """\
title = "Layered"
pattern = "silk"
palette = "ember"

[warp]
pattern = "ink"
amount = 0.3

[warp.knobs]
phase = 0.05
zoom = 2

[ink]
pattern = "girih"
style = "lines"
amount = 0.7

[ink.knobs]
levels = 2

[symmetry]
fold = 6
mirror = "x"

[[routes]]
source = "level.mid"
knob = "warp.amount"
depth = 0.2
"""


def test_layers_are_read_and_written():
    look = parse_look(LAYERED, "layered", "layered.toml")
    assert look.knobs["warp.amount"] == 0.3
    assert look.knobs["ink.levels"] == 2.0
    assert look.ink.style == "lines"
    assert parse_look(dump(look), "layered", "layered.toml") == look
    assert pattern_of(look) is pattern_of(parse_look(dump(look), "other", "other.toml"))


def test_a_bases_own_knob_called_warp_is_no_layers():
    text = LAYERED.replace("[warp]", "[knobs]\nwarp = 0.9\n\n[warp]", 1)
    look = parse_look(text, "layered", "layered.toml")
    assert look.knobs["warp"] == 0.9
    assert parse_look(dump(look), "layered", "layered.toml") == look


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"ink"\namount', '"inkk"\namount', 6, "warp.pattern: no pattern 'inkk'; did you mean"),
        ("amount = 0.3", "amount = 3", 7, "warp.amount: 3 is outside 0 to 1"),
        ("amount = 0.3", "amuont = 0.3", 7, "warp.amuont: no such key; did you mean 'amount'?"),
        ("phase = 0.05", "faze = 0.05", 10, "warp.knobs.faze: silk has no such knob"),
        ("zoom = 2", "zoom = 4", 11, "warp.knobs.zoom: 4 is outside -3 to 3 octaves"),
        ('"lines"', '"linse"', 15, "ink.style: "),
        ("levels = 2", "levels = true", 19, "ink.knobs.levels: should be a valid number"),
        ("fold = 6", "fold = 1", 22, "symmetry.fold: a kaleidoscope has 2 to 32 sectors"),
        ("fold = 6", "fold = 33", 22, "symmetry.fold: should be less than"),
        ('mirror = "x"', 'mirror = "z"', 23, "symmetry.mirror: "),
        ('"warp.amount"', '"warp.amuont"', 27, "no knob 'warp.amuont'; did you mean 'warp.amount'"),
        ('style = "lines"\n', "", 18, "ink.knobs.levels: silk has no such knob"),
    ],
)
def test_mistakes_in_layers_name_their_line(old, new, line, words):
    assert old in LAYERED
    with pytest.raises(UserError) as raised:
        parse_look(LAYERED.replace(old, new, 1), "layered", "layered.toml")
    message = str(raised.value)
    assert message.startswith(f"layered.toml:{line}: "), message
    assert words in message
    assert "\n" not in message


def test_the_library_has_looks_of_layers_and_of_mirrors():
    library = load_library().values()
    assert sum(look.warp is not None for look in library) >= 3
    assert sum(look.ink is not None for look in library) >= 3
    assert sum(look.symmetry.fold > 0 for look in library) >= 2


def test_the_page_of_the_documentation_is_up_to_date():
    docs = Path(__file__).parent.parent / "docs"
    spec = importlib.util.spec_from_file_location("make_layers", docs / "make_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (docs / "layers.md").read_text(encoding="utf-8")
    assert module.layers_page(page) == page, "docs/layers.md is old: run docs/make.py"
    look = parse_look(page.split("```toml\n")[1].split("```")[0], "page", "page")
    assert look.warp is not None
    assert look.ink is not None
