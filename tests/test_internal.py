"""Forms made smaller and enlarged: the same picture, however it is cut, and chosen by pictures."""

from __future__ import annotations

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from afx import internal, shown
from afx.director import Director
from afx.field import Field, Layer, Network, knob, run_network, smoothstep, sqrt
from afx.field.expr import Expr
from afx.field.jit import Geometry
from afx.internal import ENOUGH, Choice, choose_internal, finest, probe, psnr
from afx.network_words import network_json, network_rows, weight_count
from afx.painter import FieldState, Painter, Part, Picture, field_kernel
from afx.patterns import PATTERNS, Pattern
from afx.patterns.architecture import Architecture, Gene
from afx.rehearsal import normalize, rehearse
from afx.upscale import FACTORS, Window, factor_for, taps, varying
from afxcommand import afx as run
from afxcommand import made_look, made_song
from made_pictures import (
    ACROSS,
    CLOUDS,
    EMBER,
    FLAT,
    controls,
    director,
    made,
    picture,
    scene,
    state,
)

ENLARGED = FACTORS[1:]
SIZES = [(322, 182), (66, 50), (50, 66), (128, 72), (16, 100)]
EFFECTS = {"relief": 0.7, "glow": 0.5, "vignette": 0.3, "hue_spread": 2.0}


def _bowl(p, *, shown: Expr = knob(0.7, 0, 1, help="mask")):
    """Second degree, which the splines and the continued edges meet exactly."""
    tone = 0.4 + 0.2 * p.x - 0.1 * p.y + 0.15 * p.x * p.y + 0.1 * p.x * p.x - 0.2 * p.y * p.y
    return Field(tone, 0.1 * p.x - 0.05 * p.y * p.y, shown)


NET = Network(
    "small", (Layer(2, (("sine", 8),)), Layer(8, (("tanh", 8),)), Layer(8, (("linear", 2),)))
)


def _dream(
    p,
    *,
    fineness: Expr = knob(1.0, 0, 100, help="how fine"),
    spot: Expr = knob(0.0, 0, 100, help="how much finer it is in a small place"),
):
    x, y = p.x - 0.8, p.y + 0.35
    scale = fineness + spot * smoothstep(0.08, 0.0, sqrt(x * x + y * y + 1e-6))
    tone, hue = run_network(NET, (p.x * scale, p.y * scale))
    return Field(tone * 0.3 + 0.5, hue * 0.1)


def _weights(seed: int):
    return {"small": np.random.default_rng(seed).standard_normal(NET.size).astype(np.float32)}


def _nothing(p, *, level: Expr = knob(0.4, 0, 1, help="tone")):
    return Field(level, 0.1, 0.8)


BOWL = made(_bowl)
DREAM = replace(made(_dream, "organic"), weights=_weights)


def dream(seed=1, factor=1, **values) -> FieldState:
    return replace(state(DREAM, **values), weights=_weights(seed), internal=factor)


def enlarged(what: Picture, *factors: int) -> Picture:
    fields = (replace(f, internal=d) for f, d in zip(what.fields, factors, strict=True))
    return replace(what, fields=tuple(fields))


def painted(painter: Painter, what: Picture) -> list[np.ndarray]:
    out = np.full((painter.height * 3 // 2, painter.width), 77, np.uint8)
    painter.video(what, out)
    return [out, painter.rgb(what), painter.rgb_float(what)]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def two(**rest) -> Picture:
    a, b = state(CLOUDS, zoom=0.3), state(ACROSS, turn=0.2, scale=0.8, offset=0.1)
    return picture(a, b, weight=0.4, palette=EMBER, **(EFFECTS | rest))


# --------------------------------------------------------------------- enlarging


@pytest.mark.parametrize("factor", FACTORS)
def test_weights_meet_every_curve_of_second_degree(factor):
    for phase, around in enumerate(taps(factor)):
        at = (phase + 0.5) / factor - 0.5
        for degree in (0, 1, 2):
            assert sum(w * k**degree for k, w in around) == pytest.approx(at**degree, abs=1e-12)
        assert all(-2 <= k <= 2 for k, _ in around)
    mirrored = [[(-k, w) for k, w in reversed(around)] for around in reversed(taps(factor))]
    for one, other in zip(taps(factor), mirrored, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("factor", ENLARGED)
@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_a_bowl_is_enlarged_exactly_up_to_its_edges(size, factor):
    what = picture(state(BOWL), palette=EMBER, **EFFECTS)
    painter = Painter(*size)
    got, want = painter.rgb_float(enlarged(what, factor)), painter.rgb_float(what)
    # The hue's dither may choose the next row of the table where rounding does.
    assert np.percentile(np.abs(got - want), 99) < 1e-3
    assert np.abs(got - want).max() < 0.02
    assert np.ptp(want) > 0.2


@pytest.mark.parametrize("factor", ENLARGED)
def test_enlarging_is_third_order(factor):
    """Half the step, an eighth of the error, as the paper promises."""
    errors = []
    for height in (180, 360):
        what = picture(state(CLOUDS), relief=0.0)
        painter = Painter(height * 16 // 9, height)
        error = painter.rgb_float(enlarged(what, factor)) - painter.rgb_float(what)
        errors.append(float(np.sqrt(np.mean(error[8:-8, 8:-8] ** 2))))
    assert 0 < errors[1] < errors[0] / 4


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_strips_do_not_show(size):
    gain = np.random.default_rng(1).uniform(0.3, 1.2, (9, 16)).astype(np.float32)
    single = picture(dream(), palette=EMBER, gain=gain, **EFFECTS)
    for what in (*(enlarged(single, d) for d in ENLARGED), enlarged(two(), 3, 2)):
        want = painted(Painter(*size, strip=size[1]), what)
        for strip in (2, 6, None):
            same(painted(Painter(*size, strip=strip), what), want)


def test_threads_do_not_show():
    what = [enlarged(two(exposure=k / 20), 2 + k % 3, 1 + k % 4) for k in range(12)]
    want = [painted(Painter(130, 74), w) for w in what]
    with ThreadPoolExecutor(3) as pool:
        made_ = list(pool.map(lambda w: painted(Painter(130, 74), w), what))
    for a, b in zip(made_, want, strict=True):
        same(a, b)


def test_a_painter_forgets_what_it_enlarged_before():
    painter = Painter(66, 50, strip=8)
    what = enlarged(two(), 3, 1)
    first = painted(Painter(66, 50), what)
    for before in (enlarged(two(), 3, 4), two(), enlarged(picture(state(FLAT)), 3)):
        painted(painter, before)
        same(painted(painter, what), first)


def test_fades_begin_and_end_with_their_scenes_whatever_their_sizes():
    painter = Painter(128, 72)
    fade = enlarged(two(relief=0.0), 2, 4)
    for weight, alone in ((0.0, fade.fields[0]), (1.0, fade.fields[1])):
        got = painter.rgb_float(replace(fade, weight=weight))
        want = painter.rgb_float(replace(fade, fields=(alone,), weight=0.0))
        np.testing.assert_allclose(got, want, atol=2e-3)


def test_what_is_the_same_everywhere_is_not_enlarged():
    assert varying(field_kernel(BOWL)) == ("tone", "hue")
    assert varying(field_kernel(CLOUDS)) == ("tone", "hue", "mask")
    assert varying(field_kernel(ACROSS)) == ("tone",)
    nothing = made(_nothing)
    assert varying(field_kernel(nothing)) == ()
    for strip in (2, 8):
        painter = Painter(66, 50, strip=strip)
        painted(painter, enlarged(two(), 3, 2))
        what = picture(state(nothing), palette=EMBER)
        same(painted(painter, enlarged(what, 3)), painted(Painter(66, 50), what))


@pytest.mark.parametrize("factor", ENLARGED)
def test_every_sample_is_evaluated_once(factor):
    w, h = 128, 90
    window = Window(w, h, 12, factor)
    kernel = field_kernel(CLOUDS)
    call = window.call(kernel)
    call.knobs[:] = state(CLOUDS).knobs
    rows: list[int] = []

    class Counted:
        kernel = call.kernel

        def run(self, geometry, span, columns, **rest):
            assert columns == (0, -(-w // factor))
            rows.extend(range(*span))
            call.run(geometry, span, columns, **rest)

    window.start(Geometry.of(w, h))
    planes = {n: np.zeros((18, 64 + 128 + 64), np.float32) for n in ("tone", "hue", "mask")}
    for top in range(0, h, 10):
        window.fill(Counted(), (top - 1, min(top + 10, h) + 1), planes, top - 4, 64)
    assert rows == list(range(rows[0], rows[-1] + 1))
    assert rows[0] == -3
    assert rows[-1] <= h // factor + 2


def test_tiny_pictures_are_evaluated_in_full():
    assert factor_for(1280, 720, 4) == 4
    assert factor_for(12, 720, 4) == 1
    for size in ((2, 2), (8, 6), (2, 100)):
        what = picture(state(CLOUDS), palette=EMBER, **EFFECTS)
        same(painted(Painter(*size), enlarged(what, 4)), painted(Painter(*size), what))


@pytest.mark.parametrize("factor", [0, -1, 5])
def test_other_factors_are_refused(factor):
    with pytest.raises(ValueError, match="enlarged 1 to 4 times"):
        Painter(64, 36).rgb(enlarged(picture(state(FLAT)), factor))
    with pytest.raises(ValueError, match="enlarged 1 to 4 times"):
        taps(factor)


def test_fields_of_nan_still_make_a_picture():
    for level in (np.nan, np.inf):
        what = picture(state(FLAT, level=level), palette=EMBER, relief=1.0)
        got = Painter(64, 36).rgb_float(enlarged(what, 3))
        assert np.all(np.isfinite(got))


def test_nothing_is_allocated_for_a_frame():
    painter = Painter(640, 360)
    out = np.empty((540, 640), np.uint8)
    what = enlarged(two(), 2, 3)
    painter.video(what, out)
    tracemalloc.start()
    try:
        for _ in range(2):
            painter.video(what, out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000, "a plane of a strip alone takes more"


def test_raw_fields_are_evaluated_in_full():
    one, other = dream(factor=1, fineness=9.0), dream(factor=4, fineness=9.0)
    np.testing.assert_array_equal(Painter(64, 36).field(one)[0], Painter(64, 36).field(other)[0])


def test_a_moved_painter_paints_a_part_of_the_picture():
    painter, part = Painter(130, 74), Painter(64, 24)
    part.move(Part(36, 24, 130, 74))
    for factor in FACTORS:
        what = enlarged(picture(state(CLOUDS), palette=EMBER, **EFFECTS), factor)
        error = np.abs(part.rgb_float(what) - painter.rgb_float(what)[24:48, 36:100])
        assert np.percentile(error[1:-1, 8:-8], 99) < 2e-3


# --------------------------------------------------------------------- the probe


def dreaming(seed=1, frames=60, fineness: object = 1.0, **rest) -> Director:
    made_ = scene(DREAM, 0, frames, palette=EMBER, seed=seed, fineness=fineness, **rest)
    found = Director(controls(made_), {DREAM.name: DREAM})
    normalize(found, 640, 360)
    return found


def test_smooth_networks_are_made_small_and_fine_ones_are_not():
    smooth, middle, fine = (probe(dreaming(fineness=f), 0, 640, 360) for f in (1.0, 10.0, 80.0))
    assert smooth.factor == 4
    assert smooth.psnr is not None
    assert smooth.psnr > ENOUGH
    assert fine == Choice(1, None)
    assert 1 <= middle.factor <= 4
    # Finer pixels take a coarser grid.
    assert probe(dreaming(fineness=10.0), 0, 1920, 1080).factor >= middle.factor


def test_what_is_chosen_holds_for_whole_frames():
    seen = set()
    for fineness in (4.0, 9.0, 20.0, 30.0):
        found = dreaming(fineness=fineness, zoom=np.linspace(0, 0.4, 60), relief=0.5)
        choice = choose_internal(found, 640, 360)[0]
        seen.add(choice.factor)
        if choice.factor > 1:
            painter = Painter(640, 360)
            for frame in (3, 30, 57):
                full = painter.rgb_float(found.picture(frame, full=True))
                assert psnr(painter.rgb_float(found.picture(frame)), full) > ENOUGH - 1.5
    assert len(seen) > 2, "the choices must differ for this to say anything"


def test_one_ragged_place_is_enough():
    """A picture that is near on the whole is not near enough where people look."""
    found = dreaming(fineness=1.5, spot=12.0)
    painter = Painter(640, 360)
    full = painter.rgb_float(found.picture(30, full=True))
    found.internal = [4]
    assert psnr(painter.rgb_float(found.picture(30)), full) > ENOUGH
    assert probe(found, 0, 640, 360).factor < 4
    assert probe(dreaming(fineness=1.5), 0, 640, 360).factor == 4


def test_tiles_lie_where_the_detail_is():
    small = np.zeros((45, 80, 3), np.float32)
    small += np.linspace(0, 1, 80, dtype=np.float32)[None, :, None]  # a ramp has none
    small[30:32, 70:72] = 1.0
    small[5, 20] = 0.5
    tiles = finest(small, 640, 360)
    assert len(tiles) == 6
    assert all(0 <= x <= 640 - 128 and 0 <= y <= 360 - 24 for x, y in tiles)
    assert all(x % 12 == y % 12 == 0 for x, y in tiles)
    for x, y in ((70 * 8, 30 * 8), (20 * 8, 5 * 8)):
        assert any(a - 12 <= x < a + 128 and b - 12 <= y < b + 36 for a, b in tiles), tiles
    assert len(finest(np.zeros((3, 16, 3), np.float32), 128, 24)) == 1


def test_the_worst_moment_decides():
    calm = np.full(80, 1.0)
    hectic = calm.copy()
    hectic[60:] = 80.0
    assert probe(dreaming(frames=80, fineness=calm), 0, 640, 360).factor == 4
    assert probe(dreaming(frames=80, fineness=hectic), 0, 640, 360).factor == 1


def test_the_same_is_chosen_again_and_for_every_excerpt():
    def pair() -> Director:
        a = scene(DREAM, 0, 60, palette=EMBER, fineness=6.0, zoom=np.linspace(0, 1, 60))
        b = scene(DREAM, 50, 120, palette=EMBER, seed=2, fineness=9.0, name="b")
        found = Director(controls(a, b), {DREAM.name: DREAM})
        normalize(found, 640, 360)
        return found

    whole = choose_internal(pair(), 640, 360)
    assert whole == choose_internal(pair(), 640, 360)
    assert all(c.factor > 1 for c in whole)
    for frames, needed in (((0, 5), (0,)), ((52, 55), (0, 1)), ((100, 101), (1,))):
        part = pair()
        chosen = choose_internal(part, 640, 360, frames=frames)
        assert part.internal == [c.factor for c in chosen]
        for i in (0, 1):
            assert chosen[i] == (whole[i] if i in needed else Choice())


def test_only_networks_are_probed_but_a_person_may_choose_for_all():
    found = director(scene(ACROSS, 0, 30))
    assert choose_internal(found, 640, 360) == [Choice()]
    for wanted in ("1", "2", "3", "4"):
        assert choose_internal(found, 640, 360, wanted) == [Choice(int(wanted))]
        assert found.internal == [int(wanted)]
        assert found.picture(7).fields[0].internal == int(wanted)
        assert found.picture(7, full=True).fields[0].internal == 1
    assert choose_internal(found, 12, 12, "4") == [Choice()]


def test_small_pictures_are_not_probed(monkeypatch):
    found = dreaming()
    assert probe(found, 0, 640, 360).factor > 1
    monkeypatch.setattr(internal, "_Tiles", None)
    assert probe(found, 0, 120, 360) == probe(found, 0, 640, 22) == Choice()


def test_psnr_is_what_it_is_called():
    a = np.zeros((4, 5, 3), np.float32)
    assert psnr(a, a) == internal.BEST
    assert psnr(a, a + np.float32(0.1)) == pytest.approx(20.0, abs=0.01)
    assert psnr(a, a + np.float32(1.0)) == pytest.approx(0.0, abs=0.01)


def test_rehearsal_does_not_see_it():
    strobe = np.where(np.arange(60) // 3 % 2, 1.0, -1.0)
    plain, small = (director(scene(CLOUDS, 0, 60, exposure=strobe)) for _ in range(2))
    small.internal = [4]
    told = []
    for one in (plain, small):
        normalize(one, 128, 72)
        told.append(rehearse(one, 128, 72, safety="standard"))
    assert plain.normalizations == small.normalizations
    assert told[0] == told[1]
    np.testing.assert_array_equal(plain.gains, small.gains)
    assert np.any(plain.gains != 1)


# --------------------------------------------------------------------- what is told


def test_the_summary_tells_what_was_made_small():
    def told(*scenes, look="ink", wanted="auto", device="cpu", precision="float32"):
        looks = [
            SimpleNamespace(name="net", pattern="cppn"),
            SimpleNamespace(name="ink", pattern="ink"),
        ]
        job = SimpleNamespace(
            device=device, precision=precision, internal=wanted, parsed_looks=lambda: looks
        )
        entries = [{"look": look, "internal": d, "psnr": p} for d, p in scenes]
        return shown._made(SimpleNamespace(job=job, scenes=entries))

    assert told((1, None), (1, None)) == ""
    assert told((1, None), look="net") == "forms at full size", "asked, and answered"
    assert told((1, None), look="net", wanted="1") == ""
    assert told((2, 52.4)) == "forms at 1/2 size (52 dB)"
    assert told((2, 52.4), (1, None), (2, 47.0)) == "forms at 1/2 size in 2 of 3 scenes (47 dB)"
    assert told((3, None)) == "forms at 1/3 size"
    both = told((4, 50.0), (2, 60.0), device="cuda", precision="half")
    assert both == (
        "on a CUDA graphics card, half precision · forms at 1/2 size in 1 of 2 scenes (60 dB)"
        " · forms at 1/4 size in 1 of 2 scenes (50 dB)"
    )


def test_a_render_and_a_still_are_made_as_chosen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_song(tmp_path / "song.wav", 1.0)
    made_look(tmp_path / "net.toml", 'title = "Net"\npattern = "cppn"\npalette = "ember"\n')
    made_look(tmp_path / "ink.toml")
    common = ("--fps", "12", "--size", "160x90", "--quality", "draft", "--json")

    def rendered(look, wanted):
        out = run("render", "song.wav", "--look", look, "--internal", wanted, "-o", "v.mp4",
                  "--overwrite", *common)  # fmt: skip
        assert out.code == 0, out.err
        return [(s["internal"], s["psnr"]) for s in out.json["looks"]], out.json["internal"]

    (chosen,), wanted = rendered("net.toml", "auto")
    assert wanted == "auto"
    assert chosen[0] in FACTORS
    assert (chosen[0] > 1) == (chosen[1] is not None)
    assert rendered("ink.toml", "auto") == ([(1, None)], "auto")
    assert rendered("ink.toml", "3") == ([(3, None)], "3")
    stills = {}
    for wanted in dict.fromkeys(("auto", "1", "3", str(chosen[0]))):
        out = run("frame", "song.wav", "--at", "0.5", "--look", "net.toml", "--size", "160x90",
                  "--internal", wanted, "-o", "s.png")  # fmt: skip
        assert out.code == 0, out.err
        with Image.open(tmp_path / "s.png") as image:
            stills[wanted] = image.tobytes()
    assert stills["1"] != stills["3"]
    assert stills["auto"] == stills[str(chosen[0])]
    refused = run("render", "song.wav", "--internal", "5")
    assert refused.code != 0
    assert "internal" in refused.err


def test_networks_are_told():
    shape = Architecture(
        width=8, depth=2, activations=("sine", "tanh"), symmetry="rotate", folds=5,
        genes=(Gene(seed=3), Gene(seed=17, share=0.5)), music=4, fourier=2,
    )  # fmt: skip
    pattern = replace(DREAM, architecture=shape)
    assert weight_count(pattern) == NET.size == (2 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 2
    rows = dict(network_rows(pattern))
    assert rows == {
        "Network": "8 wide × 2 deep, 114 weights",
        "Activations": "sine, tanh",
        "Sees": "x, y, radius · 2 waves · 4 latents · 4 of the sound",
        "Symmetry": "rotate, 5 folds",
        "Weights": "prepared, of draws 3, 17 × 0.5",
    }
    found = network_json(pattern)
    assert found is not None
    assert json.loads(json.dumps(found))["weight_count"] == 114
    assert (found["width"], found["depth"], found["symmetry"]) == (8, 2, "rotate")
    filed = replace(pattern, architecture=shape.model_copy(update={"weights": "a/b.safetensors"}))
    assert dict(network_rows(filed))["Weights"] == "from b.safetensors"
    plain = replace(pattern, architecture=Architecture())
    assert dict(network_rows(plain))["Weights"] == "prepared, of each scene's seed"
    assert network_rows(PATTERNS["ink"]) == []
    assert network_json(PATTERNS["ink"]) is None


def test_patterns_and_looks_show_their_network(monkeypatch, capsys):
    def shape(architecture: Architecture) -> Pattern:
        return replace(shaped, architecture=architecture)

    shaped = replace(DREAM, architecture=Architecture(width=8, depth=2), shape=shape)
    patterns = {shaped.name: shaped}
    look = controls(scene(DREAM, 0, 1)).scenes[0].look
    asked = look.model_copy(update={"network": Architecture(symmetry="mirror")})
    shown.show_pattern(shaped, ())
    assert "8 wide × 2 deep" in capsys.readouterr().out
    shown.show_look(asked, patterns)
    out = capsys.readouterr().out
    assert "8 wide × 2 deep" in out
    assert "mirror" in out
    assert shown.look_json(asked, patterns)["network"]["symmetry"] == "mirror"
    assert shown.look_json(asked, patterns)["network"]["width"] == 8
    assert shown.pattern_json(shaped)["network"]["depth"] == 2
