"""Rehearsal: what it freezes, what it limits and what it warns of, on scenes made for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from afx.director import Director
from afx.painter import Painter
from afx.rehearsal import normalize, rehearse, thumbnail_size, tile_grid
from afx.render import Thumbnails
from afx.safety import FlashScreen
from afx.transition import Transition
from made_pictures import (
    ACROSS,
    CLOUDS,
    EMBER,
    FLAT,
    GRAYS,
    controls,
    directed,
    director,
    scene,
)

SIZE = (128, 72)
T = np.arange(120)
STROBE = np.where(T // 3 % 2, 1.0, -1.0)  # 30 fps: ten changes a second


def screened(made: Director, size=SIZE, frames=None):
    """The flash screen over finished planes, as a render has it."""
    first, last = frames or (0, made.controls.frames)
    painter, small = Painter(*size), Thumbnails(*size)
    screen = FlashScreen(made.controls.fps)
    out = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
    for frame in range(first, last):
        painter.video(made.picture(frame), out)
        screen.push(small.make(out).astype(np.float32) / 255)
    return screen.result()


# --------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("size", "small", "grid"),
    [
        ((1280, 720), (64, 36), (9, 16)),
        ((3840, 2160), (64, 36), (9, 16)),
        ((1080, 1920), (36, 64), (16, 9)),
        ((1080, 1080), (48, 48), (12, 12)),
        ((854, 480), (64, 36), (9, 16)),
    ],
)
def test_thumbnails_have_the_pictures_shape(size, small, grid):
    assert thumbnail_size(*size) == small
    assert tile_grid(*size) == grid


@pytest.mark.parametrize("size", [(16, 16), (8192, 16), (16, 4096), (66, 50), (2000, 500)])
def test_thumbnails_of_crooked_sizes_are_usable(size):
    w, h = thumbnail_size(*size)
    assert w % 4 == h % 4 == 0
    assert min(w, h) >= 16
    made = Thumbnails(*size).make(np.full((size[1] * 3 // 2, size[0]), 128, np.uint8))
    assert made.shape == (h, w, 3)
    assert np.ptp(made) == 0


def test_thumbnails_are_the_picture_made_small():
    made = director(scene(CLOUDS, 0, 1))
    painter = Painter(*SIZE)
    out = np.empty((SIZE[1] * 3 // 2, SIZE[0]), np.uint8)
    painter.video(made.picture(0), out)
    rgb = painter.rgb(made.picture(0))
    small = Thumbnails(*SIZE)
    want = rgb.reshape(36, 2, 64, 2, 3).mean(axis=(1, 3))
    for got in (small.make(out), small.of_rgb(rgb)):
        assert got.shape == (36, 64, 3)
        assert np.abs(got - want).mean() < 1.5


# --------------------------------------------------------------------- normalization


def test_percentiles_of_a_scene_become_its_range():
    made = director(scene(ACROSS, 0, 60, level=np.linspace(3.0, 5.0, 60)))
    normalize(made, *SIZE)
    painter = Painter(64, 36)
    tones = np.concatenate([painter.field(made.state(0, f))[0].ravel() for f in range(60)])
    normal = made.normalizations[0]
    low, high = np.percentile(tones * normal.scale + normal.offset, (1, 99))
    assert low == pytest.approx(0.03, abs=0.02)  # two frames of five are looked at
    assert high == pytest.approx(0.97, abs=0.02)


def test_each_scene_has_its_own_normalization():
    made = director(scene(ACROSS, 0, 40), scene(ACROSS, 30, 60, level=2.0, zoom=1.0))
    normalize(made, *SIZE)
    a, b = made.normalizations
    assert b.scale == pytest.approx(2 * a.scale, rel=0.02)
    assert a.scale * 0.5 + a.offset == pytest.approx(0.5, abs=0.01)
    assert b.scale * 2.5 + b.offset == pytest.approx(0.5, abs=0.01)


def test_what_is_hidden_does_not_count():
    """Clouds fade to the ground where their mask is low: their tones there are nobody's."""
    made = director(scene(FLAT, 0, 20, level=np.linspace(0, 9, 20), shown=T[:20] % 2 * 1.0))
    normalize(made, *SIZE)
    seen = np.linspace(0, 9, 20)[1::2]
    normal = made.normalizations[0]
    span = np.array([seen.min(), seen.max()]) * normal.scale + normal.offset
    np.testing.assert_allclose(span, [0.03, 0.97], atol=0.01)


def test_a_flat_scene_is_not_blown_up():
    made = director(scene(FLAT, 0, 20, level=0.4))
    normalize(made, *SIZE)
    normal = made.normalizations[0]
    assert normal.scale <= 0.94 / 0.02 + 1e-6
    assert 0.4 * normal.scale + normal.offset == pytest.approx(0.5, abs=1e-4)


def test_normalization_is_frozen_by_what_is_rehearsed():
    made = director(scene(CLOUDS, 0, 90, pan_x=np.linspace(0, 3, 90)))
    normalize(made, *SIZE)
    before = list(made.normalizations)
    rehearse(made, *SIZE, safety="strict", frames=(40, 50))
    assert made.normalizations == before
    again = director(scene(CLOUDS, 0, 90, pan_x=np.linspace(0, 3, 90)))
    normalize(again, *SIZE)
    assert again.normalizations == before


# --------------------------------------------------------------------- safety


@pytest.mark.parametrize(("mode", "most"), [("strict", 3), ("standard", 6)])
@pytest.mark.parametrize("pattern", [FLAT, ACROSS, CLOUDS], ids=lambda p: p.name)
def test_strobing_is_limited_until_the_screen_passes(pattern, mode, most):
    made = director(scene(pattern, 0, 120, exposure=STROBE))
    raw = screened(made)
    assert raw.general >= 9, "without a limiter this is a strobe"
    assert not raw.passed
    rehearse(made, *SIZE, safety=mode)
    limited = screened(made)
    assert limited.passed
    assert limited.general <= most


@pytest.mark.parametrize(("mode", "most"), [("strict", 3), ("standard", 6)])
def test_strobing_palettes_and_hard_cuts_are_limited_too(mode, most):
    travel = scene(ACROSS, 0, 60, cycle=STROBE[:60] * 0.5)
    cut = scene(FLAT, 60, 120, level=np.where(T[60:] // 4 % 2, 0.95, 0.05))
    made = director(travel, cut)
    assert not screened(made).passed
    rehearse(made, *SIZE, safety=mode)
    limited = screened(made)
    assert limited.passed
    assert limited.general <= most


# Half-second scenes, hard cuts between them, and strobes at 300 beats a minute.
CHANCE = np.random.default_rng(3).uniform(-1, 1, (4, len(T)))
KNOBS = {
    "exposure": STROBE, "lift": 0.3 * STROBE, "contrast": 0.5 + 0.5 * STROBE, "warmth": STROBE,
    "halo": 0.5 + 0.5 * STROBE, "glow": 0.5 + 0.5 * STROBE, "film": 0.5 - 0.5 * STROBE,
    "vignette": 0.3 + 0.3 * STROBE,
}  # fmt: skip
HOSTILE = {
    "strobe": {"exposure": STROBE},
    "noise": {
        "exposure": CHANCE[0], "lift": 0.3 * CHANCE[1], "pan_x": CHANCE[2],
        "halo": np.abs(CHANCE[3]),
    },
    "every knob a square": KNOBS,
    "red and blue": {"hue": np.where(STROBE > 0, 0.0, 0.5), "chroma": 1.3},
}  # fmt: skip


def cut_up(tracks, *, each=15, patterns=(CLOUDS, FLAT, ACROSS), palette=EMBER) -> Director:
    """Scenes of so many frames, one after the other by hard cuts."""
    scenes = [
        scene(
            patterns[k % len(patterns)],
            first,
            first + each,
            palette=palette if k % 2 else GRAYS,
            **{n: v[first : first + each] if np.ndim(v) else v for n, v in tracks.items()},
        )
        for k, first in enumerate(range(0, len(T), each))
    ]
    transitions = tuple(Transition("cut", float(s.first), float(s.first)) for s in scenes[1:])
    made = controls(*scenes)
    return directed(replace(made, transitions=transitions))


@pytest.mark.parametrize("kind", HOSTILE)
def test_strobing_scenes_with_cuts_every_half_second_are_held(kind):
    made = cut_up(HOSTILE[kind], patterns=(FLAT,) if kind == "red and blue" else (CLOUDS, ACROSS))
    raw = screened(made)
    assert max(raw.general, raw.red) >= 6
    rehearse(made, *SIZE, safety="strict")
    limited = screened(made)
    assert limited.passed
    assert not limited.extended
    assert limited.general <= 3
    assert limited.red <= 3


def test_a_hard_cut_stays_hard_but_the_next_must_wait():
    """Dark, light, dark, light …, a second each: of two cuts one is let through."""
    levels = np.repeat([0.25, 0.75] * 2, 30)
    made = cut_up({"level": levels}, each=30, patterns=(FLAT,), palette=GRAYS)
    assert made.controls.cuts == (30, 60, 90)
    rehearse(made, *SIZE, safety="strict")
    assert screened(made).general <= 3
    painter = Painter(*SIZE)
    mean = np.array([painter.rgb_float(made.picture(f)).mean() for f in range(len(T))])
    steps = np.abs(np.diff(mean))
    assert steps[29] > 0.3
    assert steps[59] < 0.05
    assert steps[89] > 0.3
    # Where nothing is planned, the same change is limited.
    blended = director(*made.controls.scenes)
    rehearse(blended, *SIZE, safety="strict")
    assert all(blended.gain(f) is not None for f in (29, 30))
    assert made.gain(20) is None


def test_cuts_are_counted_from_where_the_excerpt_begins():
    levels = np.repeat([0.25, 0.75] * 2, 30)
    made = cut_up({"level": levels}, each=30, patterns=(FLAT,), palette=GRAYS)
    rehearse(made, *SIZE, safety="strict", frames=(40, 120))
    painter = Painter(*SIZE)
    mean = [painter.rgb_float(made.picture(f)).mean() for f in (59, 60, 89, 90)]
    assert abs(mean[1] - mean[0]) > 0.3
    assert abs(mean[3] - mean[2]) < 0.05


def test_off_changes_nothing_and_calm_pictures_are_left_alone():
    strobe = director(scene(ACROSS, 0, 30, exposure=STROBE[:30]))
    rehearse(strobe, *SIZE, safety="off")
    assert all(strobe.gain(f) is None for f in range(30))
    calm = director(scene(ACROSS, 0, 60, pan_x=np.linspace(0, 0.2, 60)))
    rehearse(calm, *SIZE, safety="strict")
    assert all(calm.gain(f) is None for f in range(60))


def test_gains_belong_to_the_frames_that_were_rehearsed():
    made = director(scene(FLAT, 0, 120, exposure=STROBE))
    rehearse(made, *SIZE, safety="strict", frames=(30, 90))
    assert made.gain(29) is None
    assert made.gain(90) is None
    gains = [made.gain(f) for f in range(40, 80)]
    assert all(g is not None and g.shape == (9, 16) for g in gains)
    limited, plain = made.picture(45), made.picture(45, limited=False)
    assert limited.gain is not None
    assert plain.gain is None


def test_threads_change_no_gain_and_no_warning():
    def found(threads):
        made = director(scene(CLOUDS, 0, 120, exposure=STROBE), scene(FLAT, 120, 240))
        concerns = rehearse(made, *SIZE, safety="strict", threads=threads)
        return made.gains, concerns

    (one, told), (three, told_by_three) = found(1), found(3)
    assert (one != 1).any()
    np.testing.assert_array_equal(one, three)
    assert told == told_by_three != []


def test_away_from_its_ends_an_excerpt_has_the_gains_of_the_whole():
    def gains(frames):
        made = director(scene(FLAT, 0, 300, exposure=np.tile(STROBE, 3)[:300]))
        rehearse(made, *SIZE, safety="strict", frames=frames)
        return np.stack([made.gain(f) for f in range(140, 160)])

    np.testing.assert_allclose(gains((0, 300)), gains((50, 250)), atol=2e-3)


def test_progress_counts_up_to_the_whole():
    seen = []
    made = director(scene(FLAT, 0, 70))
    rehearse(made, *SIZE, safety="off", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(32, 70), (64, 70), (70, 70)]


# --------------------------------------------------------------------- concerns


def concerns(*scenes):
    made = director(*scenes)
    return rehearse(made, *SIZE, safety="off")


MOVING = np.linspace(0, 1, 120)


def test_a_good_scene_raises_no_concern():
    assert concerns(scene(CLOUDS, 0, 120, pan_x=MOVING)) == []


def test_dead_flat_and_frozen_stretches_are_named_with_their_time():
    made = concerns(
        scene(CLOUDS, 0, 60, pan_x=MOVING[:60], name="good"),
        scene(FLAT, 60, 120, level=0.4, name="dull"),
    )
    found = {c.what: c for c in made}
    assert set(found) == {"the picture has almost no contrast", "the picture hardly moves"}
    for concern in made:
        assert concern.look == "dull"
        assert concern.start == pytest.approx(2.0, abs=0.11)  # it looks ten times a second
        assert concern.end == pytest.approx(4.0, abs=0.11)
        assert concern.sentence().startswith("2–4 s: the picture")
        assert concern.sentence().endswith("(look dull)")


def test_a_frozen_scene_is_not_called_dead():
    (only,) = concerns(scene(CLOUDS, 0, 60))
    assert only.what == "the picture hardly moves"


def test_burnt_and_black_pictures_are_named():
    from afx.palette import Palette

    black = Palette(dark=0.0, light=0.3, chroma=0.0, chroma_dark=0.0, chroma_light=0.0)
    made = concerns(scene(ACROSS, 0, 60, palette=black, exposure=-1.0, level=MOVING[:60] * -0.5))
    assert "large areas are pure black or white" in {c.what for c in made}


def test_short_stretches_are_no_concern():
    level = np.where(T < 30, 0.4, 0.4)
    assert (
        concerns(scene(FLAT, 0, 30, level=level[:30]), scene(CLOUDS, 30, 120, pan_x=MOVING[30:]))
        == []
    )


# --------------------------------------------------------------------- the director


def test_fades_blend_grades_palettes_and_fields():
    made = director(
        scene(FLAT, 0, 40, exposure=-1.0), scene(ACROSS, 20, 60, exposure=1.0, contrast=1.0)
    )
    weights = [made.picture(f).weight for f in range(20, 40)]
    assert all(0 < w < 1 for w in weights)
    assert np.all(np.diff(weights) > 0)
    middle = made.picture(30)
    assert len(middle.fields) == 2
    names = [k for k in made.controls.scenes[0].names if k in ("exposure", "contrast")]
    assert len(names) == 2
    share = np.float32(middle.weight)
    np.testing.assert_allclose(
        middle.grade, made.grade(0, 30) * (1 - share) + made.grade(1, 30) * share, atol=1e-6
    )
    assert len(made.picture(19).fields) == len(made.picture(40).fields) == 1


def test_frames_may_be_asked_for_in_any_order():
    made = director(scene(CLOUDS, 0, 40, pan_x=MOVING[:40]), scene(ACROSS, 30, 60))
    painter = Painter(64, 36)
    forward = {f: painter.rgb(made.picture(f)).tobytes() for f in range(25, 45)}
    for frame in (44, 25, 33, 33, 29, 40):
        assert painter.rgb(made.picture(frame)).tobytes() == forward[frame]
    with pytest.raises(IndexError, match=r"outside 0\.\.59"):
        made.picture(60)


def test_made_controls_are_well_formed():
    made = controls(scene(FLAT, 0, 40), scene(ACROSS, 30, 60))
    for frame in range(60):
        assert sum(w for _, w in made.at(frame)) == pytest.approx(1.0)
