"""Decoding: known samples go into files of every kind and must come back."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music_analysis.audio import Audio, load
from music_analysis.blocks import mix
from soundfiles import FORMATS, Sound, decode, encode, pitch_of, raw_wav, sine


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_gives_back_pitch_level_and_length(
    tmp_path: Path, kind: str, channels: int
) -> None:
    if kind == "ogg" and channels == 1:
        pytest.skip("the Vorbis encoder at hand is stereo only")
    rate = 48_000
    audio = load(encode(tmp_path / f"a.{kind}", sine(1_000, 1.0, rate, channels), rate))
    assert (audio.sample_rate, audio.channels) == (rate, channels)
    assert audio.duration == pytest.approx(1.0, abs=0.06)
    sound = decode(audio)
    assert sound.dtype == np.float32
    assert sound.shape[0] == channels
    # AAC has no place for the padding of its last frame.
    assert 0 <= sound.shape[1] - rate <= (1_024 if kind in {"m4a", "aac"} else 0)
    middle = sound[0, 12_000:36_000]
    assert pitch_of(middle, rate) == pytest.approx(1_000, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_click_keeps_its_time_to_the_millisecond(tmp_path: Path, kind: str) -> None:
    rate = 48_000
    sound = np.zeros((2, rate), np.float32)
    sound[:, 24_000] = 0.9
    audio = load(encode(tmp_path / f"click.{kind}", sound, rate))
    assert np.abs(decode(audio)[0]).argmax() == pytest.approx(24_000, abs=48)
    mono = decode(audio, sample_rate=22_050, channels=1)
    assert np.abs(mono[0]).argmax() / 22_050 == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize(
    ("codec", "form", "step"),
    [
        ("pcm_u8", "u8", 2**-7),
        ("pcm_s16le", "s16", 2**-15),
        ("pcm_s24le", "s32", 2**-23),
        ("pcm_s32le", "s32", 2**-23),
        ("pcm_f32le", "flt", 0.0),
        ("pcm_f64le", "dbl", 0.0),
    ],
)
def test_every_wav_type_is_exact(tmp_path: Path, codec: str, form: str, step: float) -> None:
    sound = np.random.default_rng(0).uniform(-0.99, 0.99, (2, 5_000)).astype(np.float32)
    audio = load(encode(tmp_path / "a.wav", sound, 44_100, codec=codec, form=form))
    assert audio.codec == codec
    assert np.abs(decode(audio) - sound).max() <= 1.01 * step


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_resampling_keeps_time_pitch_and_level(tmp_path: Path, rate: int) -> None:
    audio = load(encode(tmp_path / "a.wav", sine(997, 1.0, rate), rate))
    for wanted in (22_050, 48_000):
        sound = decode(audio, sample_rate=wanted)
        assert abs(sound.shape[1] - wanted) <= 1
        t = np.arange(sound.shape[1]) / wanted
        expected = 0.5 * np.sin(2 * np.pi * 997 * t)
        inner = slice(wanted // 20, -wanted // 20)
        np.testing.assert_allclose(sound[0, inner], expected[inner], atol=2e-4)


def test_resampling_removes_what_the_new_rate_cannot_hold(tmp_path: Path) -> None:
    audio = load(encode(tmp_path / "a.wav", sine(15_000, 0.5, 48_000), 48_000))
    assert np.abs(decode(audio, sample_rate=22_050)[:, 500:-500]).max() < 1e-4


def test_mono_is_the_mean_and_stereo_is_mixed_by_place(tmp_path: Path) -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4, -0.2, 0.25], np.float32)  # FL FR FC LFE BL BR
    sound = np.repeat(values[:, np.newaxis], 1_000, axis=1)
    audio = load(
        encode(tmp_path / "a.wav", sound, 44_100, codec="pcm_f32le", form="flt", layout="5.1")
    )
    assert audio.speakers == ("FL", "FR", "FC", "LFE", "BL", "BR")
    np.testing.assert_allclose(decode(audio), sound)
    np.testing.assert_allclose(decode(audio, channels=1), values.mean(), atol=1e-6)
    h = np.sqrt(0.5)
    left, right = 0.1 + h * (0.3 + 0.4 - 0.2), 0.2 + h * (0.3 + 0.4 + 0.25)
    stereo = decode(audio, channels=2)
    np.testing.assert_allclose(stereo[:, 0], np.array([left, right]) / (1 + 3 * h), rtol=1e-5)
    mono = load(encode(tmp_path / "m.wav", sound[:1], 44_100))
    doubled = decode(mono, channels=2)
    assert doubled.shape == (2, 1_000)
    np.testing.assert_array_equal(doubled[0], doubled[1])


@pytest.mark.parametrize(
    ("suffix", "codec", "form", "tolerance"),
    [
        ("flac", "flac", "s16", 1e-4),
        ("wav", "pcm_f32le", "flt", 0.0),
        ("opus", "libopus", "flt", 0.03),
        ("m4a", "aac", "fltp", 0.03),
    ],
)
def test_eight_channels(
    tmp_path: Path, suffix: str, codec: str, form: str, tolerance: float
) -> None:
    steps = np.arange(1, 9, dtype=np.float32)[:, np.newaxis] / 16
    sound = steps * (2 * sine(500, 0.5, 48_000, 1))
    path = encode(tmp_path / f"a.{suffix}", sound, 48_000, codec=codec, form=form)
    audio = load(path)
    assert audio.channels == 8
    got = decode(audio)[:, :24_000]
    # LFE (channel 4) is low-passed by lossy encoders.
    kept = [0, 1, 2, 4, 5, 6, 7]
    loudest = np.abs(got[:, 8_000:16_000]).max(axis=1)
    np.testing.assert_allclose(loudest[kept], steps[kept, 0], atol=tolerance)
    assert decode(audio, channels=2).shape[0] == 2
    assert decode(audio, channels=1, sample_rate=22_050).shape[0] == 1


@given(st.integers(1, 8), st.sampled_from([(), ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")]))
def test_no_mix_is_louder_than_its_loudest_channel(count: int, speakers: tuple[str, ...]) -> None:
    ones = np.ones((count, 3), np.float32)
    for channels in (1, 2):
        assert np.abs(mix(ones, channels, speakers[:count])).max() <= 1.0 + 1e-6


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Audio, Sound]:
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 30_000)).astype(np.float32)
    path = tmp_path_factory.mktemp("sound") / "noise.flac"
    audio = load(encode(path, sound, 44_100))
    return audio, decode(audio, sample_rate=22_050)


@settings(max_examples=40, deadline=None)
@given(
    block=st.integers(50, 40_000),
    start=st.floats(0.0, 0.8),
    duration=st.none() | st.floats(0.0, 0.8),
)
def test_samples_do_not_depend_on_block_start_or_duration(
    stereo: tuple[Audio, Sound], block: int, start: float, duration: float | None
) -> None:
    audio, whole = stereo
    blocks = list(audio.blocks(sample_rate=22_050, start=start, duration=duration, block=block))
    end = None if duration is None else round((start + duration) * 22_050)
    expected = whole[:, round(start * 22_050) : end]
    assert all(b.shape == (2, block) for b in blocks[:-1])
    assert all(b.flags.c_contiguous and b.flags.owndata and b.shape[1] for b in blocks)
    got = np.concatenate(blocks, axis=1) if blocks else expected[:, :0]
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=15, deadline=None)
@given(channels=st.integers(1, 8), samples=st.integers(1, 3_000), rate=st.integers(8_000, 192_000))
def test_any_shape_comes_back(
    tmp_path_factory: pytest.TempPathFactory, channels: int, samples: int, rate: int
) -> None:
    sound = np.random.default_rng(samples).integers(-9_999, 9_999, (channels, samples), np.int16)
    path = tmp_path_factory.mktemp("shape") / "a.wav"
    audio = load(raw_wav(path, sound, rate))
    assert (audio.channels, audio.sample_rate) == (channels, rate)
    assert audio.duration == pytest.approx(samples / rate, abs=1e-4)
    np.testing.assert_array_equal(decode(audio), sound.astype(np.float32) / 32_768)
    assert decode(audio, channels=2, sample_rate=22_050).shape[1] == pytest.approx(
        samples * 22_050 / rate, abs=1
    )


def test_nan_infinity_and_absurd_values_become_tame(tmp_path: Path) -> None:
    values = np.array([0.5, np.nan, np.inf, -np.inf, 1e30, -1e30, -0.5], np.float32)
    tame = np.array([[0.5, 0.0, 0.0, 0.0, 8.0, -8.0, -0.5]], np.float32)
    audio = load(raw_wav(tmp_path / "a.wav", values, 44_100, tag=3))
    np.testing.assert_array_equal(decode(audio), tame)
    double = np.array([1e300, np.nan, 0.25], np.float64)
    audio = load(raw_wav(tmp_path / "b.wav", double, 44_100, tag=3))
    np.testing.assert_array_equal(decode(audio), [[8.0, 0.0, 0.25]])
    assert np.isfinite(decode(audio, sample_rate=22_050)).all()


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_the_sound_of_a_video(tmp_path: Path, kind: str) -> None:
    audio = load(encode(tmp_path / f"film.{kind}", sine(600, 1.0, 44_100), 44_100, video=True))
    assert audio.channels == 2
    assert audio.duration == pytest.approx(1.0, abs=0.08)
    mono = decode(audio, channels=1)
    assert pitch_of(mono[0, 8_000:36_000], 44_100) == pytest.approx(600, abs=2)


def test_tags_codec_and_hash(tmp_path: Path) -> None:
    tags = {"title": "Étude", "artist": "Somebody"}
    for kind, codec in (("mp3", "mp3"), ("flac", "flac"), ("ogg", "vorbis"), ("m4a", "aac")):
        path = encode(tmp_path / f"a.{kind}", sine(440, 0.2, 44_100), 44_100, tags=tags)
        audio = load(str(path))
        assert (audio.title, audio.artist, audio.codec) == ("Étude", "Somebody", codec)
        assert audio.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(encode(tmp_path / "b.wav", sine(440, 0.2, 44_100), 44_100)).title is None


def test_names_that_look_like_addresses_are_only_names(tmp_path: Path) -> None:
    for name in ("http:song.wav", "concat:a|b.wav", "100% %03d ünï 音.wav"):
        path = raw_wav(tmp_path / name, np.ones(100, np.int16), 44_100)
        assert decode(load(path)).shape == (1, 100)


@pytest.mark.parametrize("samples", [1, 7, 2_205])
def test_very_short_sounds_are_read(tmp_path: Path, samples: int) -> None:
    for kind in ("wav", "flac"):
        audio = load(encode(tmp_path / f"a.{kind}", sine(440, samples / 44_100, 44_100), 44_100))
        assert decode(audio).shape == (2, samples)
        assert abs(decode(audio, sample_rate=22_050).shape[1] - samples / 2) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": 0},
        {"channels": 3},
        {"start": -1.0},
        {"start": float("nan")},
        {"duration": -0.1},
        {"duration": float("inf")},
        {"block": 0},
    ],
)
def test_arguments_out_of_range_are_refused_at_once(
    stereo: tuple[Audio, Sound], wrong: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match="must be"):
        stereo[0].blocks(**wrong)  # type: ignore[arg-type]


def test_a_long_file_needs_little_memory(tmp_path: Path) -> None:
    path = raw_wav(tmp_path / "long.wav", np.ones((2, 10_000_000), np.int16), 44_100)  # 80 MB float
    audio = load(path)
    tracemalloc.start()
    try:
        total = sum(block.shape[1] for block in audio.blocks(sample_rate=22_050, channels=1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 5_000_000
    assert peak < 8e6
