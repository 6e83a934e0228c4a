"""Pictures painted on a device are the processor's, but for a step in 255 here and there.

Torch's own "cpu" stands in for a card: everything but its streams and its speed is the same.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from afx import render
from afx.color import packed_tables
from afx.director import Director
from afx.easel import Easel
from afx.look import Look, load_library
from afx.look_changes import with_network
from afx.painter import FieldState, Painter, Picture
from afx.palette import PALETTES
from afx.patterns import PATTERNS
from afx.rehearsal import normalize, rehearse
from afx.render import Workplace, render_segments
from afx.safety import FlashScreen
from afx.transition import SHAPES, Wipe
from afx.upscale import FACTORS, REACH
from afx.video import VideoFormat
from made_pictures import (
    ACROSS,
    CLOUDS,
    COLORED,
    EMBER,
    FLAT,
    controls,
    picture,
    scene,
    state,
)
from music_analysis.errors import UserError

torch = pytest.importorskip("torch", reason="torch is not installed")

from afx.tensor_painter import TensorPainter, TensorPainters  # noqa: E402
from afx.tensor_planes import enlarged  # noqa: E402

needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Pictures this small are made more quickly by one thread than shared out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SIZE = (66, 38)
EFFECTS = {"relief": 0.7, "glow": 0.5, "vignette": 0.3, "contrast": 0.7, "hue_spread": 2.0}


def planes(painter, what) -> np.ndarray:
    out = np.full((painter.height * 3 // 2, painter.width), 77, np.uint8)
    painter.video(what, out)
    return out


def still(name: str, size=SIZE, network: str | None = None) -> Picture:
    look = Look(
        name=name, title=name, pattern=name, palette=EMBER, knobs={"relief": 0.6, "glow": 0.4}
    )
    if network is not None:
        look = with_network({name: look}, network)[name]
    return Easel(*size).picture(look, seed=3)


def within_a_step(a: np.ndarray, b: np.ndarray) -> float:
    """Share of values that differ by at most one."""
    return float(np.mean(np.abs(a.astype(int) - b) <= 1))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(max(np.mean((a.astype(float) - b) ** 2), 1e-12)))


# ------------------------------------------------------------------ the processor's pictures


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_every_pattern_is_the_processors(name):
    what = still(name)
    want = planes(Painter(*SIZE), what)
    assert within_a_step(planes(TensorPainter(*SIZE), what), want) >= 0.995


LIBRARY = load_library()


@pytest.mark.parametrize("name", [n for n, look in LIBRARY.items() if look.network is not None])
def test_every_network_of_the_library_is_the_processors(name):
    """Networks of other shapes: film, Fourier features, symmetries, their own units."""
    what = Easel(*SIZE).picture(LIBRARY[name], seed=1)
    painter = Painter(*SIZE)
    assert within_a_step(planes(TensorPainter(*SIZE), what), planes(painter, what)) >= 0.995
    half = TensorPainter(*SIZE, precision="half").rgb_float(what)
    assert psnr(half, painter.rgb_float(what)) > 45


def clouds(**rest) -> Picture:
    return picture(state(CLOUDS, zoom=0.3, turn=0.1), palette=EMBER, **(EFFECTS | rest))


GAIN = np.random.default_rng(1).uniform(0.3, 1.2, (9, 16)).astype(np.float32)
PICTURES = {
    "plain": clouds(),
    "gain": clouds(gain=GAIN),
    "fade": picture(
        state(CLOUDS, zoom=0.3), state(ACROSS, turn=0.2, scale=0.8, offset=0.1), weight=0.4,
        palette=EMBER, **EFFECTS,
    ),
    "direct": picture(state(COLORED, wave=0.7), hue=0.2, glow=0.5),
    "fade to direct": picture(
        state(CLOUDS), state(COLORED, wave=0.7), weight=0.5, palette=EMBER, gain=GAIN, **EFFECTS
    ),
    "light and film": clouds(gain=GAIN, warmth=0.6, halo=0.8, film=1.0, grain=1.0, fringe=1.0),
    "direct in another light": picture(
        state(COLORED, wave=0.7), warmth=-0.6, halo=0.8, film=0.5, grain=1.0, fringe=0.7
    ),
    **{
        f"{shape} wipe": picture(
            state(CLOUDS, zoom=0.3), state(ACROSS, turn=0.2, internal=2),
            palette=EMBER, second=PALETTES["glacier"], wipe=Wipe(0.4, shape, 0.3, 0.1),
            halo=0.5, **EFFECTS,
        )
        for shape in SHAPES
    },
    "flat": picture(state(FLAT, level=0.4, tint=0.3), palette=EMBER),
    "enlarged fade": picture(
        state(CLOUDS, zoom=-0.5, internal=3), state(ACROSS, internal=2), weight=0.3,
        palette=EMBER, **EFFECTS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("size", [(66, 38), (2, 2), (16, 100)], ids=str)
@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_of_picture_is_the_processors(name, size):
    """To the edges: what lies beyond them decides side light and half-size color."""
    what = PICTURES[name]
    painter, device = Painter(*size), TensorPainter(*size)
    # A last bit now and then chooses the neighboring row of the palette's table.
    assert within_a_step(planes(device, what), planes(painter, what)) >= 0.998
    got, want = device.rgb(what), painter.rgb(what)
    assert within_a_step(got, want) >= 0.998
    for edge in (0, -1):
        assert within_a_step(got[edge], want[edge]) >= 0.99
        assert within_a_step(got[:, edge], want[:, edge]) >= 0.99


@pytest.mark.parametrize("factor", FACTORS[1:])
def test_enlarging_is_the_processors(factor):
    for size in ((66, 38), (46, 34)):
        what = picture(state(CLOUDS, zoom=-1.0, internal=factor), palette=EMBER, **EFFECTS)
        want = Painter(*size).rgb_float(what)
        near = np.abs(TensorPainter(*size).rgb_float(what) - want) < 1e-3
        assert np.mean(near) >= 0.998


def test_enlarging_keeps_straight_slopes_straight():
    columns, rows = torch.arange(6.0), torch.arange(-REACH, 5.0 + REACH)
    found = enlarged(columns[None, :] * 2.0 + rows[:, None] * 3.0, 4).numpy()
    x, y = (np.arange(24) + 0.5) / 4 - 0.5, (np.arange(20) + 0.5) / 4 - 0.5
    np.testing.assert_allclose(found, x[None, :] * 2 + y[:, None] * 3, atol=1e-5)


def test_fields_are_given_raw():
    device = TensorPainter(64, 36, strip=6)
    tone, mask = device.field(state(FLAT, level=7.5, shown=0.25, scale=9.0))
    np.testing.assert_array_equal(tone, np.full((36, 64), 7.5, np.float32))
    np.testing.assert_array_equal(mask, np.full((36, 64), 0.25, np.float32))
    want = Painter(64, 36).field(state(CLOUDS))
    for a, b in zip(device.field(state(CLOUDS)), want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


# ------------------------------------------------------------------ precision


def test_half_precision_is_near():
    """On a processor half precision is imitated: values are rounded to it, sums are float32."""
    what = still("cppn", network="64x4")
    want = Painter(*SIZE).rgb_float(what)
    found = TensorPainter(*SIZE, precision="half").rgb_float(what)
    exact = TensorPainter(*SIZE).rgb_float(what)
    assert psnr(exact, want) > 70
    assert 45 < psnr(found, want) < psnr(exact, want)


# ------------------------------------------------------------------ nothing else shows


@pytest.mark.parametrize(
    "name", ["plain", "fade to direct", "enlarged fade", "light and film", "field wipe"]
)
def test_bands_do_not_show(name):
    what = PICTURES[name]
    whole = TensorPainter(*SIZE)
    for strip in (10, 20):
        bands = TensorPainter(*SIZE, strip=strip)
        np.testing.assert_array_equal(planes(bands, what), planes(whole, what))
        np.testing.assert_array_equal(bands.rgb(what), whole.rgb(what))


def test_a_painter_forgets_what_it_painted_before():
    device = TensorPainter(*SIZE)
    first = planes(TensorPainter(*SIZE), PICTURES["plain"])
    for name in ("fade", "direct", "enlarged fade"):
        planes(device, PICTURES[name])
        np.testing.assert_array_equal(planes(device, PICTURES["plain"]), first)


def test_new_weights_of_the_same_shape_are_seen():
    device = TensorPainter(*SIZE)
    one, two = still("cppn"), still("cppn_liquid")
    names = list(one.fields[0].weights)
    first = planes(device, one)
    field = one.fields[0]
    other = {name: field.weights[name] * np.float32(0.9) for name in names}
    changed = FieldState(field.kernel, field.knobs, other, field.scale, field.offset)
    moved = Picture((changed,), 0.0, one.grade, one.tables)
    assert not np.array_equal(planes(device, moved), first)
    planes(device, two)
    np.testing.assert_array_equal(planes(device, one), first)


def test_when_memory_is_full_bands_are_made_smaller_and_it_is_said_once(monkeypatch):
    notes, seen = [], []
    device = TensorPainter(*SIZE, note=notes.append)
    want = planes(TensorPainter(*SIZE), PICTURES["plain"])
    plain = TensorPainter._fields

    def short_of_memory(self, what, top, bottom):
        seen.append(bottom - top)
        if bottom - top > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(self, what, top, bottom)

    monkeypatch.setattr(TensorPainter, "_fields", short_of_memory)
    for _ in range(2):
        np.testing.assert_array_equal(planes(device, PICTURES["plain"]), want)
    assert seen == [38, 18, 18, 2, 18, 18, 2]
    assert notes == ["the device's memory is full: frames are made in smaller bands"]


def test_memory_too_small_for_anything_is_one_line(monkeypatch):
    def no_memory(*_args):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TensorPainter, "_fields", no_memory)
    with pytest.raises(UserError, match=r"memory of the device \(cpu\) is too small.*--device cpu"):
        planes(TensorPainter(*SIZE), PICTURES["plain"])


def test_without_triton_torch_paints_and_it_is_said_once(monkeypatch):
    def missing(*_args):
        raise ModuleNotFoundError("No module named 'triton'")

    monkeypatch.setattr("afx.workbench.fused_program", missing)
    notes = []
    painters = TensorPainters("cpu", "float32", notes.append, programs="fused")
    want = planes(TensorPainter(*SIZE), PICTURES["fade"])
    for _ in range(2):
        np.testing.assert_array_equal(planes(painters(*SIZE), PICTURES["fade"]), want)
    assert len(notes) == 1
    assert "No module named 'triton'" in notes[0]


# ------------------------------------------------------------------ a whole second of video


@pytest.fixture(scope="module")
def second():
    cppn = PATTERNS["cppn"]
    made = Director(
        controls(
            scene(cppn, 0, 18, palette=EMBER, pan_x=np.arange(18) / 40),
            scene(CLOUDS, 12, 30, palette=PALETTES["glacier"], turn=np.arange(18) / 90),
        ),
        {cppn.name: cppn, CLOUDS.name: CLOUDS},
    )
    normalize(made, *SIZE)
    rehearse(made, *SIZE, safety="strict")
    return made


def recorded(second, folder, monkeypatch, *, threads, painters) -> list[bytes]:
    """The planes of every frame, as the encoder gets them."""
    seen: list[bytes] = []

    class Recorder:
        def __init__(self, path, _fmt):
            self.path = path

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            self.path.write_bytes(b"x")

        def write(self, frame):
            seen.append(frame.tobytes())

    monkeypatch.setattr(render, "SegmentWriter", Recorder)
    place = Workplace(folder / "video.mp4", "id")
    fmt = VideoFormat(*SIZE, Fraction(30), quality="draft")
    try:
        render_segments(
            second, fmt, place, (0, 30), threads=threads, screen=FlashScreen(30),
            painters=painters,
        )  # fmt: skip
    finally:
        place.clear()
    return seen


def test_a_video_is_the_same_for_any_threads_batches_and_bands(second, tmp_path, monkeypatch):
    want = [
        recorded(second, tmp_path, monkeypatch, threads=threads, painters=painters)
        for threads, painters in (
            (1, TensorPainters("cpu", "float32")),
            (3, TensorPainters("cpu", "float32", batch=512, strip=20)),
        )
    ]
    assert len(set(want[0])) == 30, "frames must differ"
    assert want[1] == want[0]
    there = recorded(second, tmp_path, monkeypatch, threads=2, painters=Painter)
    for a, b in zip(want[0], there, strict=True):
        assert within_a_step(np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)) >= 0.995


# ------------------------------------------------------------------ with a card


@needs_card
@pytest.mark.parametrize("programs", ["fused", "eager"])
def test_pictures_on_a_card_are_the_processors(programs):
    size = (320, 180)
    device = TensorPainter(*size, device="cuda", programs=programs)
    for name in ("cppn", "julia", "marbling", "girih"):
        what = still(name, size)
        assert within_a_step(planes(device, what), planes(Painter(*size), what)) >= 0.995, name
    for name, what in PICTURES.items():
        got = TensorPainter(*size, device="cuda", programs=programs)
        assert within_a_step(planes(got, what), planes(Painter(*size), what)) >= 0.995, name
    assert device.bench.fused == (programs == "fused")


@needs_card
def test_half_precision_on_a_card_is_near():
    size = (320, 180)
    what = still("cppn", size, network="256x8")
    found = TensorPainter(*size, device="cuda", precision="half").rgb_float(what)
    assert psnr(found, Painter(*size).rgb_float(what)) > 45


@needs_card
def test_a_video_on_a_card_is_the_same_for_any_threads(second, tmp_path, monkeypatch):
    painters = TensorPainters("cuda", "half")
    one, three = (
        recorded(second, tmp_path, monkeypatch, threads=threads, painters=painters)
        for threads in (1, 3)
    )
    assert one == three
    assert packed_tables(EMBER)["palette"].dtype == np.int32
