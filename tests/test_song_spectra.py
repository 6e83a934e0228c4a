from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from music_analysis import song_spectra, windows
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.mood import integrated_loudness
from music_analysis.song_spectra import (
    LOWEST_PITCH,
    PER_SEMITONE,
    SEMITONES,
    SongSpectra,
    k_weighting,
    measure_song,
)
from music_analysis.synth import SongSpec, make_song, noise
from music_analysis.true_peak import TruePeak
from soundfiles import encode

RATE = 44_100
Samples = NDArray[np.float32]


class Sound:
    """Samples that come in blocks of any sizes, as a decoder would give them."""

    def __init__(self, samples: NDArray[np.floating], blocks: tuple[int, ...] = (65_536,)) -> None:
        rows = np.atleast_2d(samples)
        self.samples = np.repeat(rows, 2, axis=0) if len(rows) == 1 else rows
        self.samples = self.samples.astype(np.float32)
        self.sizes = blocks

    def blocks(
        self, *, sample_rate: int | None = None, channels: int | None = None
    ) -> Iterator[Samples]:
        assert (sample_rate, channels) == (RATE, 2)
        start, turn = 0, 0
        while start < self.samples.shape[1]:
            size = self.sizes[turn % len(self.sizes)]
            yield self.samples[:, start : start + size]
            start, turn = start + size, turn + 1


class Repeated:
    """A block again and again: a long sound that is never in memory as a whole."""

    def __init__(self, block: Samples, count: int) -> None:
        self.block, self.count = block, count

    def blocks(
        self, *, sample_rate: int | None = None, channels: int | None = None
    ) -> Iterator[Samples]:
        assert (sample_rate, channels) == (RATE, 2)
        return repeat(self.block, self.count)


def tones(frequencies: Iterable[float], duration: float, level: float = 0.3) -> NDArray[np.float64]:
    t = np.arange(round(duration * RATE)) / RATE
    fade = np.clip(np.minimum(t, duration - t) / 0.05, 0, 1)
    waves = [np.sin(2 * np.pi * frequency * t) for frequency in frequencies]
    mixed: NDArray[np.float64] = level * fade * np.sum(waves, axis=0)
    return mixed


def pitch(number: float) -> float:
    return float(440.0 * 2.0 ** ((number - 69) / 12))


@pytest.fixture(scope="module")
def song() -> Samples:
    return make_song(SongSpec(tempo=120, key="A minor", sections=(("verse", 5),))).samples


@pytest.fixture(scope="module")
def heard(song: Samples) -> SongSpectra:
    return measure_song(Sound(song))


def assert_same(a: SongSpectra, b: SongSpectra, *, but: tuple[str, ...] = ()) -> None:
    for field in fields(SongSpectra):
        if field.name not in but:
            np.testing.assert_array_equal(
                getattr(a, field.name), getattr(b, field.name), field.name
            )


def test_shapes_and_duration(song: Samples, heard: SongSpectra) -> None:
    seconds = song.shape[1] / RATE
    assert heard.duration == seconds
    assert heard.onsets.shape == (int(np.ceil(seconds * 100)), 32)
    assert heard.pitches.shape == (int(np.ceil(seconds * 10)), SEMITONES * PER_SEMITONE)
    assert heard.semitones().shape == (len(heard.pitches), SEMITONES)
    assert len(heard.loudness) == len(heard.peaks) == int(np.ceil(seconds * 10))
    assert heard.wave.shape == (int(np.ceil(seconds * 20)), 2)
    for name in ("onsets", "pitches", "loudness", "peaks", "wave"):
        assert getattr(heard, name).dtype == np.float32
        assert np.isfinite(getattr(heard, name)).all()


@pytest.mark.parametrize("sizes", [(1024,), (1, 4096, 333), (1_000_000,)])
def test_lengths_of_blocks_change_no_bit(
    song: Samples, heard: SongSpectra, sizes: tuple[int, ...]
) -> None:
    assert_same(heard, measure_song(Sound(song, sizes)))


@pytest.mark.parametrize("rows", [1, 7, 20])
def test_pages_change_no_bit(
    song: Samples, heard: SongSpectra, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    semitones = heard.semitones()
    monkeypatch.setattr(windows, "_ROWS", rows)
    monkeypatch.setattr(song_spectra, "_PAGE", rows)
    again = measure_song(Sound(song))
    assert_same(heard, again)
    np.testing.assert_array_equal(semitones, again.semitones())


@pytest.mark.parametrize("samples", [1, 2, 441, 4410, 44_100, 100_001])
def test_duration_is_exact(samples: int) -> None:
    sound = np.full(samples, 0.1)
    assert measure_song(Sound(sound)).duration == samples / RATE


@pytest.mark.parametrize("cents", [-47, -35, -20, -7, 0, 7, 20, 35, 47])
def test_tuning_of_detuned_tones(cents: float) -> None:
    chord = [pitch(number + cents / 100) for number in (48, 55, 60, 64, 67, 76)]
    spectra = measure_song(Sound(tones(chord, 4.0, 0.1)))
    assert spectra.tuning * 100 == pytest.approx(cents, abs=2)
    # and undone: the same chord in tune lies in the same semitones
    plain = spectra.semitones()[20]
    assert {LOWEST_PITCH + int(k) for k in np.argsort(plain)[-6:]} == {48, 55, 60, 64, 67, 76}


def test_every_semitone_lies_at_its_pitch() -> None:
    """One tone after another, a second each, all 84 of them."""
    numbers = range(LOWEST_PITCH, LOWEST_PITCH + SEMITONES)
    sound = np.concatenate([tones([pitch(number)], 1.0) for number in numbers])
    spectra = measure_song(Sound(sound))
    middles = np.arange(SEMITONES) * 10 + 5
    np.testing.assert_array_equal(spectra.semitones()[middles].argmax(axis=1), np.arange(SEMITONES))
    fine = spectra.pitches[middles].argmax(axis=1)
    # the lowest octave is coarser than a third of a semitone
    np.testing.assert_allclose(fine, np.arange(SEMITONES) * PER_SEMITONE + 1, atol=1)
    np.testing.assert_array_equal(fine[24:], np.arange(24, SEMITONES) * PER_SEMITONE + 1)


def test_neighbors_of_a_tone_are_weak() -> None:
    spectra = measure_song(Sound(tones([pitch(57)], 3.0)))
    row = spectra.semitones()[15]
    k = 57 - LOWEST_PITCH
    assert row[k] > 20 * np.delete(row, [k - 1, k, k + 1]).max()


def test_mono_and_stereo_are_heard_alike(song: Samples) -> None:
    left = song[:1]
    mono = measure_song(Sound(left))
    assert mono.mono
    other = np.concatenate([left, left])
    other[1, -1] += np.float32(1e-7)  # hardly stereo
    stereo = measure_song(Sound(other))
    assert not stereo.mono
    np.testing.assert_allclose(stereo.onsets, mono.onsets, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(stereo.loudness, mono.loudness, rtol=1e-5)
    assert stereo.tuning == pytest.approx(mono.tuning, abs=1e-4)


def test_channels_out_of_phase_are_heard_through_the_left(song: Samples) -> None:
    left = song[0]
    opposed = measure_song(Sound(np.stack([left, -left])))
    alone = measure_song(Sound(left))
    assert_same(opposed, alone, but=("mono",))
    assert not opposed.mono


def test_polarity_changes_nothing_that_is_heard(song: Samples, heard: SongSpectra) -> None:
    turned = measure_song(Sound(-song))
    assert_same(heard, turned, but=("wave",))
    np.testing.assert_array_equal(turned.wave, -heard.wave[:, ::-1])


def test_gain_scales_and_does_no_more(song: Samples, heard: SongSpectra) -> None:
    quiet = measure_song(Sound(song / 16))
    np.testing.assert_array_equal(quiet.loudness * np.float32(256), heard.loudness)
    np.testing.assert_array_equal(quiet.pitches * np.float32(16), heard.pitches)
    assert quiet.true_peak * 16 == heard.true_peak
    assert quiet.tuning == pytest.approx(heard.tuning, abs=0.005)


def test_leading_silence_moves_everything(song: Samples, heard: SongSpectra) -> None:
    led = measure_song(Sound(np.concatenate([np.zeros((2, 3 * RATE)), song], axis=1)))
    np.testing.assert_allclose(led.onsets[305:], heard.onsets[5:], rtol=1e-2, atol=1e-8)
    np.testing.assert_allclose(led.pitches[34:], heard.pitches[4:], rtol=1e-2, atol=1e-5)
    np.testing.assert_allclose(led.loudness[30:], heard.loudness, rtol=1e-3)
    assert not led.loudness[:29].any()
    assert led.tuning == pytest.approx(heard.tuning, abs=0.01)
    assert led.true_peak == pytest.approx(heard.true_peak, rel=1e-6)


def test_silence() -> None:
    spectra = measure_song(Sound(np.zeros((2, RATE))))
    assert spectra.tuning == 0
    assert spectra.true_peak == 0
    assert not spectra.pitches.any()
    assert not spectra.loudness.any()


def test_a_constant_offset_is_not_loud(song: Samples, heard: SongSpectra) -> None:
    alone = measure_song(Sound(np.full(2 * RATE, 0.5)))
    assert integrated_loudness(alone.loudness.astype(np.float64)) is None
    with_song = measure_song(Sound(song + np.float32(0.2)))
    assert with_song.loudness == pytest.approx(heard.loudness, rel=1e-2, abs=1e-6)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(UserError, match="0 samples"):
        measure_song(Sound(np.zeros((2, 0))))


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_sample_rates_change_nothing(rate: int, tmp_path: Path) -> None:
    t = np.arange(3 * rate) / rate
    wave = 0.1 * sum(np.sin(2 * np.pi * pitch(number) * t) for number in (48.2, 60.2, 64.2, 67.2))
    path = encode(tmp_path / "sound.wav", np.tile(wave, (2, 1)).astype(np.float32), rate)
    spectra = measure_song(load(path))
    assert spectra.duration == pytest.approx(3.0, abs=1e-3)
    assert spectra.tuning == pytest.approx(0.2, abs=0.02)
    assert {int(k) for k in np.argsort(spectra.semitones()[15])[-4:]} == {24, 36, 40, 43}
    expected = 10 * np.log10(4 * 2 * 0.1**2 / 2)  # four sines, two channels; K adds 0.2 to 0.7 dB
    level = 10 * np.log10(spectra.loudness[5:25].mean())
    assert expected - 0.7 < level < expected + 0.3


def test_memory_does_not_grow_with_the_sound() -> None:
    """Three minutes need little more than one: a two-hour mix needs 180 MB."""
    block = noise(1.0, level=0.2)
    stereo = np.concatenate([block, block[:, ::-1]])

    def most(seconds: int) -> int:
        tracemalloc.start()
        measure_song(Repeated(stereo, seconds))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    once, thrice = most(40), most(120)
    assert thrice - once < 80 / 60 * 1.8e6  # 1.8 MB a minute: what is kept, and no copy of it
    assert thrice < 60e6


def test_k_weighting_is_that_of_the_standard() -> None:
    """Gains of the filter pair of BS.1770 at 48 kHz, from its printed coefficients."""
    hertz = np.array([40.0, 100.0, 500.0, 997.0, 2000.0, 5000.0, 10_000.0])
    z = np.exp(-2j * np.pi * hertz / 48_000)
    shelf = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], z)
    shelf /= np.polyval([0.73248077421585, -1.69065929318241, 1.0], z)
    high = np.polyval([1.0, -2.0, 1.0], z)
    high /= np.polyval([0.99007225036621, -1.99004745483398, 1.0], z)
    expected = 20 * np.log10(np.abs(shelf * high))
    np.testing.assert_allclose(10 * np.log10(k_weighting(hertz)), expected, atol=0.06)


@pytest.mark.parametrize(
    ("divisor", "turns", "level"),
    # EBU Tech 3341, cases 15 to 19: a quarter, a sixth and an eighth of the sample rate
    [(4, 0.0, 0.5), (4, 1 / 8, 0.5), (6, 1 / 6, 0.5), (8, 1 / 16, 0.5), (4, 1 / 8, 1.41)],
)
def test_true_peaks_between_samples(divisor: int, turns: float, level: float) -> None:
    t = np.arange(RATE) / divisor
    fade = np.clip(np.minimum(np.arange(RATE), np.arange(RATE)[::-1]) / 4410, 0, 1)
    wave = level * fade * np.sin(2 * np.pi * (t + turns))
    found = measure_song(Sound(wave)).true_peak
    assert -0.4 < 20 * np.log10(found / level) < 0.2


def test_true_peak_is_that_of_the_whole_sound_oversampled() -> None:
    lines = np.fft.rfft(np.clip(3 * noise(4.0, level=0.25, seed=2)[0], -0.9, 0.9))
    lines[len(lines) * 4 // 5 :] = 0  # as music has it: little above 18 kHz
    rough = np.fft.irfft(lines)[np.newaxis].astype(np.float32)
    expected = 4 * np.abs(np.fft.irfft(lines, 4 * rough.shape[1])).max()
    meter = TruePeak()
    for start in range(0, rough.shape[1], 30_000):
        meter.push(np.repeat(rough[:, start : start + 30_000], 2, axis=0), twins=True)
    assert 20 * np.log10(meter.finish() / expected) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("at", [0, 3, 29_999, 30_000, 30_001, 59_990, 59_999])
def test_true_peak_at_the_borders_of_slabs(at: int) -> None:
    """Two samples of full scale swing to 4/π between them, wherever they are."""
    sound = np.zeros((2, 60_000), np.float32)
    sound[1, at : at + 2] = 1
    meter = TruePeak()
    for start in (0, 30_000):
        meter.push(sound[:, start : start + 30_000], twins=False)
    single = at == 59_999
    assert meter.finish() == pytest.approx(1.0 if single else 4 / np.pi, rel=0.01)
