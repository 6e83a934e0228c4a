"""Quality gates: pictures and movements whose measures are known beforehand."""

import numpy as np
import pytest

from afx import gates
from afx.palette import PALETTES, table


def fbm(alpha, seed=1, n=256):
    """Noise in [0, 1] whose amplitude falls as f ** -alpha."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((n, n)))
    f = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]) * n
    f[0, 0] = 1
    field = np.fft.irfft2(spectrum * f**-alpha, s=(n, n))
    low, high = np.percentile(field, [1, 99])
    return np.clip((field - low) / (high - low), 0, 1)


def painted(tone, palette="dusk"):
    return table(PALETTES[palette])[0, np.round(tone * 255).astype(int)]


FLAT = np.full((256, 256, 3), (0.8, 0.3, 0.1))
NOISE = np.random.default_rng(2).random((256, 256, 3))


def test_flat_color_is_colorful_and_still_fails():
    m = gates.measure(FLAT)
    assert m.colorfulness > 25
    assert (m.contrast, m.slope, m.edges) == pytest.approx((0, 0, 0), abs=1e-12)
    assert (m.entropy, m.boundary) == (0, 0)
    assert any("flat" in p for p in gates.problems(m))


def test_white_noise_has_the_calibrated_values_and_fails():
    m = gates.measure(NOISE)
    assert m.colorfulness == pytest.approx(138, abs=6)
    assert m.entropy == pytest.approx(5.45, abs=0.15)
    assert m.slope == pytest.approx(0, abs=0.1)
    assert m.boundary == pytest.approx(2.0, abs=0.08)
    assert m.edges > 0.85
    words = " ".join(gates.problems(m))
    assert "garish" in words
    assert "grain" in words


@pytest.mark.parametrize("palette", ["dusk", "ember", "viridian", "midnight-neon"])
def test_natural_tones_through_a_palette_pass_every_band(palette):
    assert gates.problems(gates.measure(painted(fbm(1.7), palette))) == []


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0, 2.5])
def test_spectral_slope_is_the_one_put_in(alpha):
    assert gates.spectral_slope(fbm(alpha)) == pytest.approx(alpha, abs=0.2)


def test_boundary_dimension_of_a_line_and_of_rougher_fields():
    x = np.broadcast_to(np.linspace(0, 1, 256), (256, 256))
    assert gates.boundary_dimension(x) == pytest.approx(1.0, abs=0.01)
    rough, fine = gates.boundary_dimension(fbm(1.5)), gates.boundary_dimension(fbm(2.5))
    assert 0.95 < fine < rough - 0.1 < 1.9


def test_gradient_measures():
    ramp = np.broadcast_to(np.linspace(0, 1, 256)[None, :, None], (256, 256, 3))
    m = gates.measure(ramp)
    assert m.colorfulness == pytest.approx(0, abs=1e-9)
    assert m.edges < 0.02
    assert 5.0 < m.entropy < 6.0
    assert m.clipped == pytest.approx(4 / 256)
    assert any("gray" in p for p in gates.problems(m))


def test_colorfulness_by_hand():
    # Half red, half green: rg = ±255, yb = 127.5; M3 = 255 + 0.3 * 127.5.
    two = np.zeros((16, 16, 3))
    two[:8, :, 0] = 1
    two[8:, :, 1] = 1
    assert gates.colorfulness(two) == pytest.approx(255 + 0.3 * 127.5)


def test_clipped_share_counts_black_and_white_only():
    picture = np.full((100, 100, 3), 0.5)
    picture[:3] = 0
    picture[3:7] = 1
    picture[7:20] = (1.0, 0.0, 0.0)
    assert gates.clipped_share(picture) == pytest.approx(0.07)


def test_bytes_floats_and_large_pictures_agree():
    picture = np.round(painted(fbm(2.3)) * 255) / 255
    same = gates.measure(np.round(picture * 255).astype(np.uint8))
    np.testing.assert_allclose(
        list(vars(same).values()), list(vars(gates.measure(picture)).values()), atol=1e-6
    )
    large = gates.measure(np.repeat(np.repeat(picture, 3, 0), 3, 1))
    np.testing.assert_allclose(
        list(vars(large).values()), list(vars(same).values()), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("shape", [(256, 256), (8, 64, 3), (64, 64, 4)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\[h, w, 3\]"):
        gates.measure(np.zeros(shape))


@pytest.mark.parametrize("shape", [(16, 16, 3), (72, 128, 3), (128, 72, 3), (17, 300, 3)])
def test_any_size_of_picture_is_finite(shape):
    m = gates.measure(np.random.default_rng(1).random(shape))
    assert np.isfinite(list(vars(m).values())).all()


def test_flicker_separates_slow_from_fast():
    t = np.arange(300) / 30
    slow = 0.5 + 0.1 * np.sin(2 * np.pi * t)
    assert gates.flicker(slow, 30) < 1e-3
    assert gates.flicker(slow + 0.1 * np.sin(2 * np.pi * 11 * t), 30) == pytest.approx(
        0.5, abs=0.02
    )
    assert gates.flicker(np.full(300, 0.4), 30) == 0
    assert gates.flicker([0.1, 0.2], 30) == 0


def test_jumps_freezes_and_dead_frames_are_found():
    changes = 0.02 + 0.002 * np.sin(np.arange(200))
    changes[49] = 0.3
    changes[119] = 0.3
    assert gates.jumps(changes) == [50, 120]
    assert gates.jumps(changes, cuts=[120]) == [50]
    assert gates.jumps(np.zeros(0)) == []
    changes[100:160] = 0.0002
    changes[10:40] = 0
    assert gates.freezes(changes, 30) == [(pytest.approx(100 / 30), pytest.approx(160 / 30))]
    quiet = np.ones(200, dtype=bool)
    quiet[120:140] = False
    assert gates.freezes(changes, 30, quiet) == []
    contrast = np.full(10, 0.1)
    contrast[[3, 7]] = 0.01
    assert gates.dead_frames(contrast) == [3, 7]
    assert gates.dead_frames(contrast, np.arange(10) > 5) == [3]


@pytest.mark.parametrize("rate", [25, 30, 60])
def test_a_jump_is_one_frame_and_no_transition_or_push(rate):
    t = np.arange(24 * rate) / rate
    # Two scenes, one three times as busy as the other, pushed twice a second, and a slow blend
    # between them that is stronger than either.
    since = np.mod(t, 0.5)
    flow = np.where(t < 12, 0.006, 0.018) * (1 + 3 * np.exp(-since / 0.13))
    flow += 0.08 * np.exp(-0.5 * ((t - 12) / 0.3) ** 2)
    assert gates.jumps(flow, rate=rate) == []
    jumped = flow.copy()
    at = [round(4.3 * rate), round(19.4 * rate)]
    jumped[at] = 0.15
    assert gates.jumps(jumped, rate=rate) == [k + 1 for k in at]
    assert gates.jumps(jumped, cuts=[at[1] + 1], rate=rate) == [at[0] + 1]


def test_activity_and_smoothness_of_steady_and_jittering_motion():
    t = np.arange(60)[:, None, None]
    steady = 0.5 + 0.3 * np.sin(0.05 * t + np.linspace(0, 6, 32)) * np.ones((60, 18, 32))
    assert gates.smoothness(steady) < 0.1
    jitter = np.random.default_rng(1).random((60, 18, 32))
    assert gates.smoothness(jitter) > 1.2
    assert gates.activity(jitter).shape == (59,)
    assert gates.activity(jitter).mean() == pytest.approx(1 / 3, abs=0.01)
    assert gates.smoothness(np.zeros((9, 4, 4))) == 0
