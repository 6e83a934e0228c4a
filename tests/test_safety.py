"""The flash limiter and the flash screen: known answers, and the bound on hostile inputs."""

import numpy as np
import pytest

from afx import oklch
from afx.flashes import CALM, LIMIT
from afx.safety import FlashScreen, limit, relative_luminance, tile_means

ALLOWED = {"strict": 3, "standard": 6}


def square(hz, fps, seconds, low, high):
    t = np.arange(round(seconds * fps)) / fps
    return np.where(np.floor(t * hz * 2 + 1e-9) % 2 == 0, low, high)


def gray(luma):
    """Display frames [h, w, 3] of a linear luminance [frames] or [frames, h, w]."""
    for y in np.asarray(luma):
        display = oklch.encode(np.broadcast_to(y, (36, 64))).astype(np.float32)
        yield np.repeat(display[..., None], 3, axis=2)


def screened(pictures, fps=30):
    screen = FlashScreen(fps)
    for picture in pictures:
        screen.push(picture)
    return screen.result()


def transitions_per_second(signals, fps, step=0.1):
    """Most transitions in any second of each signal [frames, n]: a plain zigzag, written apart."""
    low, high = signals[0].copy(), signals[0].copy()
    direction = np.zeros(signals.shape[1])
    events = np.zeros(signals.shape)
    for t, y in enumerate(signals):
        low, high = np.minimum(low, y), np.maximum(high, y)
        up = (y - low >= step) & (low < 0.8) & (direction <= 0)
        down = (high - y >= step) & (y < 0.8) & (direction >= 0) & ~up
        direction = np.where(up, 1, np.where(down, -1, direction))
        low, high = np.where(up | down, y, low), np.where(up | down, y, high)
        events[t] = up | down
    total = np.cumsum(np.concatenate([np.zeros((1, signals.shape[1])), events]), axis=0)
    second = int(np.ceil(fps))
    return (total[second:] - total[:-second]).max(axis=0)


def hostile(fps, seconds=8):
    """Signals in [0, 1] as tiles [frames, 20, 12]: squares, sines, strobes, noise, walks."""
    rng = np.random.default_rng(7)
    n = round(seconds * fps)
    t = np.arange(n)[:, None] / fps
    hz = np.array([0.7, 1, 1.7, 2, 2.5, 2.9, 3, 3.3, 4, 5, 6.1, 7.5, 10, 12, fps / 4, fps / 2])
    low, high = rng.uniform(0, 0.4, 16), rng.uniform(0.4, 1, 16)
    phase = rng.random(16)
    sine = 0.5 + 0.5 * np.sin(2 * np.pi * (t * hz + phase))
    strobe = ((t * hz + phase) % 1 < 1.5 / fps).astype(float)
    squares = ((t * hz + phase) % 1 < 0.5).astype(float)
    groups = [
        squares, low + (high - low) * squares, sine, low + (high - low) * sine, strobe, 1 - strobe,
        rng.random((n, 44)),
        np.clip(rng.standard_normal((n, 50)), 0, 1),
        np.clip(0.5 + 0.08 * np.cumsum(rng.standard_normal((n, 50)), 0), 0, 1),
    ]  # fmt: skip
    return np.concatenate(groups, axis=1).reshape(n, 20, 12)


def test_relative_luminance_is_wcags():
    corners = [[1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]]
    want = [1, 0, 0.2126, 0.7152, 0.0722, 0.21404]
    np.testing.assert_allclose(relative_luminance(corners), want, atol=1e-5)


def test_tile_means_average_any_size():
    rng = np.random.default_rng(3)
    picture = rng.random((2, 36, 64)).astype(np.float32)
    want = picture.reshape(2, 9, 4, 16, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(tile_means(picture), want, rtol=1e-5)
    np.testing.assert_allclose(tile_means(np.full((37, 65), 0.3), 9, 16), 0.3, rtol=1e-6)
    assert tile_means(np.ones((64, 36)), 16, 9).shape == (16, 9)
    with pytest.raises(ValueError, match="smaller"):
        tile_means(np.ones((8, 16)))


# ---------------------------------------------------------------------------------- the screen


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize(
    ("hz", "seconds", "low", "high", "passed", "extended", "most"),
    [
        (4, 3, 0.0, 1.0, False, False, 8),
        (2, 3.5, 0.0, 1.0, True, False, 4),
        (2, 8, 0.0, 1.0, True, True, 4),
        (3, 3, 0.1, 0.6, True, False, 6),
        (4, 6, 0.3, 0.38, True, False, 0),  # the difference is below 0.1
        (4, 6, 0.82, 1.0, True, False, 0),  # the darker state is not below 0.8
        (0.8, 9, 0.0, 1.0, True, False, 2),
    ],
)
def test_full_field_square_waves(fps, hz, seconds, low, high, passed, extended, most):
    report = screened(gray(square(hz, fps, seconds, low, high)), fps)
    assert (report.passed, report.extended, report.general) == (passed, extended, most)
    assert report.red == 0
    assert report.seconds == pytest.approx(seconds, abs=1 / fps)


def flashing(cells, hz=10, seconds=2.0):
    wave = square(hz, 60, seconds, 0.0, 1.0)
    return screened(gray(wave[:, None, None] * cells), 60)


def test_scattered_flashes_pass_and_a_compact_patch_fails():
    scattered = np.random.default_rng(4).random((36, 64)) < 0.10
    assert flashing(scattered).passed
    patch = np.zeros((36, 64))
    patch[10:22, 20:40] = 1  # 10 % of the picture
    assert not flashing(patch).passed
    small = np.zeros((36, 64))
    small[14:21, 30:39] = 1  # 63 cells: a quarter of a 21 x 12 window, 2.7 % of the picture
    assert not flashing(small).passed
    small[14, 30] = 0
    assert flashing(small).passed


def test_red_flashes_fail_at_equal_luminance():
    red = np.array([0.35, 0.0, 0.0])
    blue = np.array([0.0, 0.0, 0.35 * 0.2126 / 0.0722])
    wave = square(4, 30, 3, 0, 1)[:, None]
    colors = oklch.encode(wave * red + (1 - wave) * np.clip(blue, 0, 1)).astype(np.float32)
    report = screened(np.broadcast_to(c, (36, 64, 3)) for c in colors)
    assert report.general == 0
    assert report.red == 8
    assert not report.passed
    assert "strong red" in report.sentence()
    calm = oklch.encode(np.array([0.35, 0.02, 0.0]) * (0.9 + 0.1 * wave)).astype(np.float32)
    assert screened(np.broadcast_to(c, (36, 64, 3)) for c in calm).red == 0


def test_red_against_black_counts_and_green_against_blue_does_not():
    wave = square(4, 30, 3, 0, 1)[:, None]
    black = oklch.encode(wave * np.array([0.3, 0, 0])).astype(np.float32)
    assert screened(np.broadcast_to(c, (36, 64, 3)) for c in black).red == 8
    other = oklch.encode(wave * [0, 0.1, 0] + (1 - wave) * [0, 0, 0.9]).astype(np.float32)
    assert screened(np.broadcast_to(c, (36, 64, 3)) for c in other).red == 0


def test_a_traveling_shape_is_no_strobe():
    x = np.arange(64)[None, :]
    frames = [np.repeat(np.abs((x - t * 0.8) % 64 - 32) < 9, 36, axis=0) * 0.8 for t in range(240)]
    report = screened(gray(frames))
    assert report.passed
    assert not report.extended


@pytest.mark.parametrize(
    ("hz", "calm", "safe"), [(1, True, True), (2, False, True), (4, False, False)]
)
def test_spans_are_found_for_either_limit(hz, calm, safe):
    """2 flashes a second are 4 transitions: allowed, but not calm."""
    still = np.full((90, 36, 64, 3), 0.5, np.float32)
    screen = FlashScreen(30)
    for frame in (*still, *gray(square(hz, 30, 3, 0.1, 0.6)), *still):
        screen.push(frame)
    for most, fine in ((CALM, calm), (LIMIT, safe)):
        spans = screen.spans(most)
        assert (not spans) == fine
        assert all(60 <= first < last <= 215 for first, last in spans)
        assert len(screen.spans(most, near=True)) >= len(spans)
    assert screen.spans() == screen.spans(LIMIT)


def test_a_place_and_time_are_named():
    wave = np.concatenate([np.full(90, 0.2), square(5, 30, 2, 0.2, 0.7), np.full(60, 0.2)])
    report = screened(gray(wave))
    assert report.general == 10
    assert report.general_at == pytest.approx(4.0, abs=0.15)
    assert "TOO MANY, 10 brightness changes a second at 0:0" in report.sentence()


@pytest.mark.parametrize("shape", [(64, 36), (48, 48), (3, 3), (1, 1)])
def test_any_shape_of_picture(shape):
    wave = square(4, 30, 2, 0.0, 1.0).astype(np.float32)
    assert not screened(np.full((*shape, 3), v) for v in wave).passed


def test_reports_in_words():
    still = screened(gray(np.full(30, 0.4)))
    assert still.sentence() == "Screened for flashes: calm, no flashes at all (limit 6)."
    one = screened(gray(np.repeat([0.1, 0.5], 40)))
    assert "at most 1 brightness change a second" in one.sentence()
    long = screened(gray(square(2, 30, 8, 0, 1)))
    assert "over 4 seconds" in long.sentence()
    empty = FlashScreen(30).result()
    assert empty.passed
    for report in (still, one, long, empty):
        assert "certif" not in report.sentence()
        assert "safe" not in report.sentence()
    with pytest.raises(AttributeError):
        still.passed = False


def test_the_screen_refuses_what_it_cannot_see():
    with pytest.raises(ValueError, match="fps"):
        FlashScreen(0)
    screen = FlashScreen(30)
    with pytest.raises(ValueError, match=r"\[h, w, 3\]"):
        screen.push(np.zeros((36, 64)))
    screen.push(np.zeros((36, 64, 3)))
    with pytest.raises(ValueError, match="size changed"):
        screen.push(np.zeros((36, 60, 3)))


# --------------------------------------------------------------------------------- the limiter


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("mode", ["strict", "standard"])
def test_hostile_signals_are_held_below_the_bound(mode, fps):
    luma = hostile(fps)
    gains = limit(luma, fps, mode)
    assert gains.dtype == np.float32
    assert np.isfinite(gains).all()
    assert gains.min() >= 0
    assert gains.max() <= 1.5
    out = (luma * gains).reshape(len(luma), -1)
    slew = {"strict": 0.29, "standard": 0.55}[mode]
    assert np.abs(np.diff(out, axis=0)).max() <= slew / fps + 1e-6
    assert transitions_per_second(luma.reshape(len(luma), -1), fps).max() > 10
    assert transitions_per_second(out, fps).max() <= ALLOWED[mode]


@pytest.mark.parametrize("fps", [30, 60])
@pytest.mark.parametrize("mode", ["strict", "standard"])
def test_admitted_cuts_keep_the_bound(mode, fps):
    luma = hostile(fps, 12)
    cuts = list(range(0, len(luma), round(0.7 * fps)))
    out = luma * limit(luma, fps, mode, cuts)
    jumps = np.abs(np.diff(out, axis=0)).max(axis=(1, 2)) > 0.6 / fps
    at = np.flatnonzero(jumps) + 1
    assert 3 <= len(at) <= 6
    assert set(at) <= set(cuts)
    assert np.diff(at).min() >= 2 * fps
    assert transitions_per_second(out.reshape(len(luma), -1), fps).max() <= ALLOWED[mode]


@pytest.mark.parametrize("mode", ["strict", "standard"])
def test_calm_pictures_pass_untouched(mode):
    t = np.arange(600)[:, None, None] / 30
    phase = np.arange(144).reshape(9, 16)
    luma = 0.4 + 0.2 * np.sin(0.2 * 2 * np.pi * t + phase)  # at most 0.25 Y/s
    np.testing.assert_allclose(limit(luma.astype(np.float32), 30, mode), 1.0, atol=1e-6)
    assert (limit(np.zeros((40, 9, 16)), 30, mode) == 1).all()


def test_off_leaves_everything_and_nothing_gives_nothing():
    luma = hostile(30, 1)
    assert (limit(luma, 30, "off") == 1).all()
    assert limit(np.zeros((0, 9, 16)), 30).shape == (0, 9, 16)
    with pytest.raises(ValueError, match="strict, standard or off"):
        limit(luma, 30, "loose")
    with pytest.raises(ValueError, match="dimensions"):
        limit(luma[0], 30)


def test_an_accent_is_halved_and_stays_where_it_was():
    luma = np.full((120, 1, 1), 0.3)
    luma[60:66, 0, 0] += 0.2 * np.exp(-np.arange(6) / 3)
    out = (luma * limit(luma, 30, "strict"))[:, 0, 0]
    assert out.argmax() == 60
    assert out.max() == pytest.approx(0.4, abs=0.01)
    np.testing.assert_allclose(out[:30], 0.3, atol=1e-6)
    np.testing.assert_allclose(out[90:], 0.3, atol=1e-6)


def test_limited_frames_pass_the_screen():
    """Frames, not scalars: strobing noise with the gains spread smoothly over the picture."""
    rng = np.random.default_rng(9)
    texture = 0.3 + 0.7 * rng.random((36, 64))
    t = np.arange(150) / 30
    beat = 0.15 + 0.85 * ((t * 5) % 1 < 0.4)
    side = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * t[:, None] + np.arange(64) / 64))
    luma = np.clip(texture * beat[:, None, None] * side[:, None, :], 0, 1)
    assert not screened(gray(luma)).passed
    for mode, most in ALLOWED.items():
        gains = np.repeat(np.repeat(limit(tile_means(luma), 30, mode), 4, 1), 4, 2)
        assert screened(gray(np.clip(luma * gains, 0, 1))).general <= most
