from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray

from made_sound import RATE, Sound
from music_analysis import mood
from music_analysis.key import Key, KeyCandidate
from music_analysis.mood import Mood
from music_analysis.song_spectra import measure_song
from music_analysis.synth import SongSpec, chord, clicks, make_song, noise
from music_analysis.tempo import Tempo

NONE = np.zeros(0)
NO_TEMPO = Tempo(None, 0.0, (), NONE, 0.0, NONE, 4, None, 0.0, NONE, NONE, 0.0)
NO_KEY = Key(None, None, None, 0.0, (), (), (), None, 440.0)


def mood_of(samples: NDArray[np.floating], key: Key = NO_KEY) -> Mood:
    return mood.estimate(measure_song(Sound(samples)), NO_TEMPO, key)


def steps(*parts: tuple[float, float]) -> NDArray[np.float64]:
    """1 kHz in stretches of (dBFS, seconds): peaks of a sine, as EBU's test signals have them."""
    levels = np.concatenate([np.full(round(s * RATE), 10 ** (db / 20)) for db, s in parts])
    return levels * np.sin(2 * np.pi * 1000 * np.arange(len(levels)) / RATE)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        # EBU Tech 3341, cases 1 to 5 (the middle of 3 and 4 shortened)
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 30), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 30), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_integrated_loudness(parts: list[tuple[float, float]], expected: float) -> None:
    assert mood_of(steps(*parts)).integrated_loudness == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        # EBU Tech 3342, cases 1 to 4
        ([(-20, 20), (-30, 20)], 10.0),
        ([(-20, 20), (-15, 20)], 5.0),
        ([(-40, 20), (-20, 20)], 20.0),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0),
    ],
)
def test_loudness_range(parts: list[tuple[float, float]], expected: float) -> None:
    assert mood_of(steps(*parts)).loudness_range == pytest.approx(expected, abs=0.5)


def test_one_channel_is_three_decibels_less() -> None:
    tone = steps((-20, 5))
    both = mood_of(tone).integrated_loudness
    left = mood_of(np.stack([tone, 0 * tone])).integrated_loudness
    assert both is not None
    assert left == pytest.approx(both - 3.01, abs=0.01)


def test_low_and_high_tones_are_weighted() -> None:
    """40 Hz counts 5.6 dB less than 1 kHz, 10 kHz 3.3 dB more (BS.1770, figures 4 and 5)."""

    def level(hertz: float) -> float:
        t = np.arange(5 * RATE) / RATE
        found = mood_of(0.1 * np.sin(2 * np.pi * hertz * t)).integrated_loudness
        assert found is not None
        return found

    assert level(40) - level(1000) == pytest.approx(-6.3, abs=1.0)
    assert level(10_000) - level(1000) == pytest.approx(3.3, abs=0.2)


def test_maxima_over_short_times() -> None:
    found = mood_of(steps((-40, 10), (-20, 0.4), (-40, 10)))
    assert found.loudest_momentary == pytest.approx(-20.0, abs=0.1)
    mean = (0.4 * 10**-2 + 2.6 * 10**-4) / 3
    assert found.loudest_short_term == pytest.approx(10 * np.log10(mean), abs=0.1)


def test_true_peak_and_crest_of_a_sine() -> None:
    found = mood_of(steps((-6, 5)))
    assert found.true_peak == pytest.approx(-6.0, abs=0.05)
    assert found.crest == pytest.approx(3.01, abs=0.05)
    t = np.arange(5 * RATE)
    between = mood_of(0.5 * np.sin(np.pi / 2 * t + np.pi / 4) * np.clip(t / 4410, 0, 1))
    assert between.true_peak == pytest.approx(-6.02, abs=0.2)


def test_gain_moves_decibels_and_nothing_else() -> None:
    song = make_song(SongSpec(sections=(("verse", 4),))).samples
    loud, quiet = mood_of(song), mood_of(song / 4)
    for name in (
        "integrated_loudness",
        "loudest_momentary",
        "loudest_short_term",
        "true_peak",
    ):
        assert getattr(loud, name) - getattr(quiet, name) == pytest.approx(12.04, abs=0.02)
    for name in ("loudness_range", "dynamic_range", "crest", "brightness", "pulse_clarity"):
        assert getattr(loud, name) == pytest.approx(getattr(quiet, name), abs=0.02)
    assert loud.onset_rate == pytest.approx(quiet.onset_rate, rel=0.05)
    assert loud.energy > quiet.energy


def test_silence_says_nothing() -> None:
    for seconds in (0.01, 0.3, 10.0):
        found = mood_of(np.zeros((2, round(seconds * RATE))))
        values = astuple(found)
        assert values[:7] == (None,) * 7
        assert values[7:11] == (0.0, 0.0, 0.0, 0.0)
        assert found.mode_majorness is None


def test_a_moment_has_a_peak_but_no_loudness() -> None:
    found = mood_of(steps((-6, 0.2)))
    assert found.true_peak == pytest.approx(-6, abs=0.3)
    assert found.integrated_loudness is None
    assert found.loudness_range is None


def test_brightness_rises_with_pitch() -> None:
    t = np.arange(3 * RATE) / RATE
    found = [mood_of(0.3 * np.sin(2 * np.pi * f * t)).brightness for f in (60, 400, 1500, 6000)]
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] == 1
    assert mood_of(noise(3.0)).brightness > 0.7


def test_pulse_of_clicks_and_none_of_noise() -> None:
    assert mood_of(clicks(120, 20)).pulse_clarity > 0.9
    assert mood_of(clicks(97, 20)).pulse_clarity > 0.9
    assert mood_of(noise(20)).pulse_clarity < 0.1
    assert mood_of(chord("C:maj", 20)).pulse_clarity < 0.1


@pytest.mark.parametrize("bpm", [60, 120, 200])
def test_onset_rate_of_clicks(bpm: float) -> None:
    assert mood_of(clicks(bpm, 20)).onset_rate == pytest.approx(bpm / 60, rel=0.1)


def test_energy_orders_a_hush_and_a_song() -> None:
    song = make_song(SongSpec(sections=(("chorus", 8),))).samples
    assert mood_of(song).energy > 0.5
    assert mood_of(chord("C:maj", 10, level=0.02)).energy < 0.15


def test_majorness_follows_the_ranking() -> None:
    ranking = (KeyCandidate("C major", 0.7), KeyCandidate("A minor", 0.3))
    key = Key("C major", "C", "major", 0.7, ranking, (), (), "8B", 440.0)
    assert mood_of(steps((-20, 1)), key).mode_majorness == pytest.approx(0.4)


def test_curve_has_one_point_a_second() -> None:
    found = mood_of(steps((-40, 10), (-20, 10)))
    assert found.loudness_times == tuple(float(second) for second in range(20))
    assert len(found.loudness_curve) == 20
    assert found.loudness_curve[4] == pytest.approx(-40, abs=0.1)
    assert found.loudness_curve[16] == pytest.approx(-20, abs=0.1)
