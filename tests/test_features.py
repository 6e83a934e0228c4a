from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from music_analysis.errors import UserError
from music_analysis.features import TRACKS, Features, extract, summarize
from music_analysis.smoothing import envelope, glide
from music_analysis.spectra import BAND_EDGES, BANDS, a_weighting, measure, spectral_contrast

RATE = 44_100
FPS = Fraction(30)


class Sound:
    """Samples that come in blocks of any sizes, as a decoder would give them."""

    def __init__(self, samples: NDArray[np.floating], blocks: tuple[int, ...] = (65_536,)) -> None:
        stereo = samples if samples.ndim == 2 else np.stack([samples, samples])
        self.samples = stereo.astype(np.float32)
        self.sizes = blocks

    def blocks(
        self, *, sample_rate: int | None = None, channels: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        assert (sample_rate, channels) == (RATE, 2)
        start, turn = 0, 0
        while start < self.samples.shape[1]:
            size = self.sizes[turn % len(self.sizes)]
            yield self.samples[:, start : start + size]
            start, turn = start + size, turn + 1


def random(purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[20, purpose]))


def seconds(duration: float) -> NDArray[np.float64]:
    return np.arange(round(duration * RATE)) / RATE


def tone(frequency: float, duration: float, level: float = 0.4) -> NDArray[np.float64]:
    t = seconds(duration)
    fade = np.minimum(1, np.minimum(t, duration - t) / 0.05)
    return level * fade * np.sin(2 * np.pi * frequency * t)


def kick() -> NDArray[np.float64]:
    t = seconds(0.3)
    swept = 50 * t + 100 * 0.03 * (1 - np.exp(-t / 0.03))
    return 0.8 * np.sin(2 * np.pi * swept) * np.exp(-t / 0.1)


def hat() -> NDArray[np.float64]:
    t = seconds(0.08)
    noise = np.diff(random(1).standard_normal(len(t)), n=2, prepend=[0, 0])
    return 0.1 * noise * np.exp(-t / 0.02)


def snare() -> NDArray[np.float64]:
    t = seconds(0.2)
    noise = random(2).standard_normal(len(t))
    spectrum = np.fft.rfft(noise)
    frequency = np.fft.rfftfreq(len(t), 1 / RATE)
    spectrum[(frequency < 200) | (frequency > 4500)] = 0
    return np.fft.irfft(spectrum, len(t)) * np.exp(-t / 0.05)


DRUMS = {"kick": kick, "snare": snare, "hat": hat}


def played(
    hit: NDArray[np.float64], times: NDArray[np.float64], duration: float
) -> NDArray[np.float64]:
    out = np.zeros(round(duration * RATE))
    for time in times:
        start = round(time * RATE)
        part = hit[: len(out) - start]
        out[start : start + len(part)] += part
    return out


def assert_sane(features: Features) -> None:
    assert tuple(features.tracks) == TRACKS
    for name, track in features.tracks.items():
        assert track.dtype == np.float32, name
        assert track.shape == (features.frames,), name
        assert np.isfinite(track).all(), name
        assert track.min() >= 0, name
        assert track.max() <= 1, name
    for curve in (features.loudness, *features.raw.values()):
        assert curve.dtype == np.float32
        assert curve.shape == (features.frames,)
        assert np.isfinite(curve).all()
    for value in (features.summary.energy, features.summary.brightness, features.summary.pulse):
        assert 0 <= value <= 1


@pytest.fixture(scope="module")
def song() -> NDArray[np.float64]:
    """12 s: drums at 120 bpm, a chord that changes at 6 s, a little noise, wider to the right."""
    duration = 12.0
    beats = np.arange(0.25, duration - 0.1, 0.5)
    left = played(kick(), beats[::2], duration) + played(snare(), beats[1::2], duration) * 0.5
    left += played(hat(), np.arange(0.25, duration - 0.1, 0.25), duration)
    for k, pitches in enumerate(((220.0, 277.2, 329.6), (196.0, 246.9, 293.7))):
        chord = sum(tone(p, 6.0, 0.08) for p in pitches)
        left[k * 6 * RATE : (k + 1) * 6 * RATE] += chord
    right = left + 0.01 * random(3).standard_normal(len(left))
    return np.stack([left, right]) * 0.7


@pytest.mark.parametrize(
    ("frequency", "band"),
    [
        (35, "sub"),
        (100, "bass"),
        (250, "lowmid"),
        (800, "mid"),
        (2500, "highmid"),
        (5600, "presence"),
        (11500, "air"),
    ],
)
def test_tone_lights_its_band_and_no_other(frequency: float, band: str) -> None:
    # on for two seconds, off for two: the band swings, the others stay dark
    sound = np.concatenate([tone(frequency, 2), np.zeros(2 * RATE), tone(frequency, 2)])
    features = extract(Sound(sound), FPS)
    assert_sane(features)
    on, off = slice(10, 50), slice(90, 115)
    track = features.tracks[f"level.{band}"]
    assert track[on].min() > 0.9
    assert track[off].max() < 0.1
    here = BANDS.index(band)
    for k, other in enumerate(BANDS):
        if k != here:
            limit = 0.8 if abs(k - here) == 1 and here < 2 else 0.2
            assert features.tracks[f"level.{other}"][on].mean() < limit, other


def test_power_of_a_sine_is_half_its_square() -> None:
    spectra = measure(Sound(tone(1000, 1, 0.5)), FPS)
    middle = spectra.bands[10:20]
    assert middle[:, BANDS.index("mid")] == pytest.approx(0.125, rel=1e-3)
    assert spectra.power[10:20] == pytest.approx(0.125, rel=1e-3)
    assert spectra.weighted[10:20] == pytest.approx(0.125, rel=0.01)
    assert spectra.peak[10:20] == pytest.approx(0.5, rel=1e-3)
    assert spectra.centroid[10:20] == pytest.approx(1000, rel=0.02)


def test_a_weighting_is_that_of_the_standard() -> None:
    gain = 10 * np.log10(a_weighting(np.array([31.62, 100.0, 1000.0, 10000.0])))
    assert gain == pytest.approx([-39.4, -19.1, 0.0, -2.5], abs=0.1)


@pytest.mark.parametrize("name", ["kick", "snare", "hat"])
def test_each_drum_has_its_track(name: str) -> None:
    times = np.arange(0.5, 7.5, 0.7)
    features = extract(Sound(played(DRUMS[name](), times, 8)), FPS)
    frames = np.rint(times * 30).astype(int)
    own = features.tracks[f"hit.{name}"][frames]
    assert own.min() > 0.6
    for other in DRUMS.keys() - {name}:
        assert features.tracks[f"hit.{other}"][frames].mean() < 0.45 * own.mean(), other


def test_drums_are_told_apart_when_they_play_together() -> None:
    kicks, hats = np.arange(0.5, 9.5, 1.0), np.arange(0.75, 9.5, 0.5)
    sound = played(kick(), kicks, 10) + played(hat(), hats, 10)
    tracks = extract(Sound(sound), FPS).tracks
    at_kicks, at_hats = (np.rint(times * 30).astype(int) for times in (kicks, hats))
    assert tracks["hit.kick"][at_kicks].min() > 3 * tracks["hit.kick"][at_hats].max()
    assert tracks["hit.hat"][at_hats].min() > 3 * tracks["hit.hat"][at_kicks].max()


@pytest.mark.parametrize("fps", [24, 30, Fraction(30_000, 1001), 60, 120])
@pytest.mark.parametrize("name", ["kick", "snare", "hat"])
def test_hits_peak_within_a_frame(fps: int | Fraction, name: str) -> None:
    fps = Fraction(fps)
    times = 0.5 + np.cumsum(random(4).uniform(0.5, 0.8, 10))
    features = extract(Sound(played(DRUMS[name](), times, 9)), fps)
    track = features.tracks[f"hit.{name}"]
    for time in times:
        exact = time * float(fps)
        first = round(exact - float(fps) * 0.15)
        peak = first + int(np.argmax(track[first : round(exact + float(fps) * 0.15)]))
        assert abs(peak - exact) <= 1.0, time
        # look-ahead is short: nothing shows 0.1 s before
        assert track[round(exact - 0.1 * float(fps))] < 0.35 * track[peak]


@pytest.mark.parametrize("fps", [24, Fraction(24_000, 1001), 25, 30, 59, 60, 120])
def test_frames_are_as_many_as_the_sound_needs(fps: int | Fraction) -> None:
    features = extract(Sound(tone(440, 1.7)), Fraction(fps))
    assert features.duration == pytest.approx(1.7)
    assert features.frames == -(-Fraction(17, 10) * fps // 1)
    assert_sane(features)


def test_blocks_of_any_size_give_the_same_bits(song: NDArray[np.float64]) -> None:
    expected = extract(Sound(song, (65_536,)), Fraction(30_000, 1001))
    for sizes in ((1_000_000,), (1, 7, 4096, 65_537), (997,)):
        found = extract(Sound(song, sizes), Fraction(30_000, 1001))
        for name in TRACKS:
            assert found.tracks[name].tobytes() == expected.tracks[name].tobytes(), (sizes, name)
        assert found.loudness.tobytes() == expected.loudness.tobytes()
        assert found.beats.beats.tobytes() == expected.beats.beats.tobytes()
        assert found.summary == expected.summary


def test_beats_do_not_depend_on_the_frame_rate(song: NDArray[np.float64]) -> None:
    first, second = (extract(Sound(song), Fraction(fps)).beats for fps in (24, 60))
    assert first.bpm == second.bpm
    assert np.array_equal(first.beats, second.beats)


def test_gain_changes_nothing_but_loudness(song: NDArray[np.float64]) -> None:
    loud, quiet = extract(Sound(song), FPS), extract(Sound(song * 0.25), FPS)
    for name in TRACKS:
        difference = np.abs(loud.tracks[name] - quiet.tracks[name]).max()
        assert difference < 1e-3, (name, difference)
    shift = loud.loudness - quiet.loudness
    assert shift[loud.loudness > -80] == pytest.approx(20 * np.log10(4), abs=0.01)


def test_known_song(song: NDArray[np.float64]) -> None:
    features = extract(Sound(song), FPS)
    assert_sane(features)
    assert features.summary.tempo == pytest.approx(120, rel=0.02)
    assert features.beats.confidence > 0.8
    assert features.summary.pulse > 0.5
    # the harmony changes at 6 s
    assert abs(np.argmax(features.tracks["novelty"]) / 30 - 6) < 0.6
    first, second = slice(45, 135), slice(225, 315)
    for name, here, there in (("A", first, second), ("C#", first, second), ("G", second, first)):
        track = features.tracks[f"chroma.{name}"]
        assert track[here].mean() > 3 * track[there].mean(), name
    near_beats = [round(b * 30) for b in features.beats.beats]
    assert features.tracks["beat.pulse"][near_beats].min() > 0.75
    phase = features.tracks["beat.phase"]
    assert phase.max() < 1
    assert np.minimum(phase[near_beats], 1 - phase[near_beats]).max() < 0.1
    part = summarize(features, 0, 150)
    assert part.tempo == pytest.approx(120, rel=0.02)
    whole = summarize(features, 0, features.frames)
    assert whole.energy == features.summary.energy
    assert whole.tempo == pytest.approx(features.summary.tempo, rel=0.02)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.3], ids=["silence", "offset", "negative"])
def test_silence_and_offset_are_no_sound(value: float) -> None:
    features = extract(Sound(np.full(3 * RATE, value)), FPS)
    assert_sane(features)
    for name, track in features.tracks.items():
        assert track.max() == 0, name
    assert features.loudness.max() <= -119
    assert features.beats.bpm is None
    assert features.summary.energy == 0


def test_full_scale_noise_is_calm() -> None:
    features = extract(Sound(random(5).uniform(-1, 1, (2, 12 * RATE))), FPS)
    assert_sane(features)
    after = slice(15, -15)
    for name in ("level.all", "level.mid", "level.air", "energy", "presence.all", "centroid"):
        assert np.std(features.tracks[name][after]) < 0.15, name
    for name in ("hit.all", "hit.kick", "hit.snare", "hit.hat", "novelty", "chroma.C"):
        assert features.tracks[name][after].max() < 0.5, name
    assert features.tracks["stereo.width"][after] == pytest.approx(0.5, abs=0.1)
    assert features.beats.confidence < 0.3


def test_quiet_passages_stay_quiet(song: NDArray[np.float64]) -> None:
    sound = np.concatenate([song * 0.03, song], axis=1)  # 30 dB apart
    tracks = extract(Sound(sound), FPS).tracks
    for name in ("level.all", "level.mid", "energy", "presence.all"):
        quiet, loud = tracks[name][60:240].mean(), tracks[name][480:660].mean()
        assert quiet < 0.5 * loud, name


def test_near_silence_fades_out() -> None:
    hiss = random(6).standard_normal((2, 3 * RATE)) * 1e-5
    features = extract(Sound(hiss), FPS)
    for name, track in features.tracks.items():
        if not name.startswith(("beat", "bar", "downbeat")):
            assert track.max() == 0, name


def test_width_of_mono_unrelated_and_opposite_channels() -> None:
    left, right = random(7).standard_normal((2, 2 * RATE)) * 0.1
    widths = [
        extract(Sound(np.stack(pair)), FPS).tracks["stereo.width"][5:-5]
        for pair in ((left, left), (left, right), (left, -left))
    ]
    assert widths[0].max() == 0
    assert widths[1] == pytest.approx(0.5, abs=0.1)
    assert widths[2].min() > 0.99


def test_sound_out_of_phase_counts_in_full() -> None:
    kicks = played(kick(), np.arange(0.5, 3.5, 0.5), 4)
    same, opposite = (extract(Sound(np.stack([kicks, sign * kicks])), FPS) for sign in (1, -1))
    for name in ("level.bass", "hit.kick"):
        assert opposite.tracks[name] == pytest.approx(same.tracks[name], abs=1e-3)


@pytest.mark.parametrize("samples", [1, 2, 100, 2205, 13_230])
@pytest.mark.parametrize("fps", [Fraction(24), Fraction(120)])
def test_the_shortest_sounds_work(samples: int, fps: Fraction) -> None:
    features = extract(Sound(random(8).uniform(-1, 1, samples)), fps)
    assert_sane(features)
    assert features.frames == max(1, -(-Fraction(samples, RATE) * fps // 1))


def test_no_samples_are_a_mistake_of_the_user() -> None:
    with pytest.raises(UserError, match="no sound"):
        extract(Sound(np.zeros((2, 0))), FPS)


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(-30)])
def test_frame_rates_are_positive(fps: Fraction) -> None:
    with pytest.raises(ValueError, match="fps must be positive"):
        extract(Sound(np.zeros(10)), fps)


def test_envelope_keeps_peaks_where_they_are() -> None:
    curve = np.zeros(100, np.float32)
    curve[40] = 0.8
    held = envelope(curve, 30, 0.015, 0.18)
    assert int(held.argmax()) == 40
    assert held[40] == pytest.approx(0.8)
    assert held[40 + 9] == pytest.approx(0.8 * np.exp(-0.3 / 0.18), rel=1e-5)
    assert held[39] == pytest.approx(0.8 * np.exp(-1 / 30 / 0.015), rel=1e-5)
    assert held[0] == 0


@pytest.mark.parametrize("rate", [24.0, 120.0])
def test_glide_is_a_gaussian_at_any_rate(rate: float) -> None:
    t = np.arange(int(60 * rate)) / rate
    smooth = glide(np.cos(2 * np.pi * 0.05 * t).astype(np.float32), rate, 2.0)
    expected = np.exp(-2 * (np.pi * 0.05 * 2.0) ** 2) * np.cos(2 * np.pi * 0.05 * t)
    inside = (t > 8) & (t < 52)
    assert smooth[inside] == pytest.approx(expected[inside], abs=2e-3)


def test_bands_meet_without_gaps() -> None:
    edges = list(BAND_EDGES.values())
    assert all(a[1] == b[0] for a, b in pairwise(edges))


def test_few_clear_partials_have_more_contrast_than_noise() -> None:
    time = np.arange(4 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * 220.0 * 2**k * time) for k in range(6)) * 0.05
    noise = random(8).standard_normal(4 * RATE) * 0.1
    half = (time < 2.0).astype(float)
    tracks = extract(Sound(tones * half + noise * (1.0 - half)), FPS).tracks
    assert tracks["contrast"][10:50].min() > 0.9
    assert tracks["contrast"][70:110].max() < 0.1


def test_spectral_contrast_is_in_decibels() -> None:
    flat = np.ones((1, 32), np.float32)
    peaks = flat.copy()
    peaks[:, ::8] = 1000.0
    octaves = [np.arange(0, 16), np.arange(16, 32)]
    assert spectral_contrast(flat, octaves) == pytest.approx([0.0], abs=1e-4)
    assert spectral_contrast(peaks, octaves) == pytest.approx([30.0], abs=0.01)
    assert spectral_contrast(np.zeros((2, 32), np.float32), octaves) == pytest.approx([0.0, 0.0])
