"""The song generator tells the truth about what it plays."""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from music_analysis import synth
from music_analysis.synth import FLATS, SHARPS, Song, SongSpec, demo_song, make_song

SHORT = (("intro", 2), ("verse", 4), ("chorus", 4), ("breakdown", 2), ("outro", 2))


@pytest.fixture(scope="module")
def demo() -> Song:
    return demo_song()


@pytest.fixture(scope="module")
def song() -> Song:
    return make_song(SongSpec(tempo=100, key="C major", sections=SHORT, sample_rate=22_050, seed=3))


def pitch_class(name: str) -> int:
    return SHARPS.index(name) if name in SHARPS else FLATS.index(name)


def tones_of(label: str) -> set[int]:
    root, _, quality = label.partition(":")
    return {
        (pitch_class(root) + step) % 12 for step in ((0, 4, 7) if quality == "maj" else (0, 3, 7))
    }


def chroma(sound: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Energy per pitch class between 100 Hz and 1 kHz, measured at the notes themselves."""
    mono = sound.mean(axis=0) * np.hanning(sound.shape[1])
    power = np.abs(np.fft.rfft(mono)) ** 2
    spacing = rate / mono.size
    energy = np.zeros(12)
    for note in range(44, 84):
        middle = 440 * 2 ** ((note - 69) / 12)
        low, high = middle * 2 ** (-1 / 36), middle * 2 ** (1 / 36)
        energy[note % 12] += power[int(low / spacing) : int(high / spacing) + 1].sum()
    return energy / energy.sum()


def decibels(sound: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-20))


def part(song: Song, start: float, end: float) -> NDArray[np.float32]:
    return song.samples[:, round(start * song.sample_rate) : round(end * song.sample_rate)]


def test_beats_and_bars_stand_where_the_tempo_says(song: Song) -> None:
    np.testing.assert_allclose(np.diff(song.beats), 0.6)
    np.testing.assert_array_equal(song.downbeats, song.beats[::4])
    assert song.beats[0] == 0.0
    assert song.duration == pytest.approx(14 * 2.4, abs=1e-4)
    assert song.beats.size == 14 * 4


@pytest.mark.parametrize("which", ["song", "demo"])
def test_sections_and_chords_cover_the_song_without_gaps(
    which: str, request: pytest.FixtureRequest
) -> None:
    song: Song = request.getfixturevalue(which)
    for labels in (song.sections, song.chords):
        assert labels[0][0] == 0.0
        assert labels[-1][1] == pytest.approx(song.duration, abs=1e-4)
        for before, after in pairwise(labels):
            assert before[1] == after[0]
            assert before[0] < before[1]
    assert all(before[2] != after[2] for before, after in pairwise(song.chords))
    bars = set(np.round(song.downbeats, 9)) | {round(song.chords[-1][1], 9)}
    assert {round(start, 9) for start, _, _ in (*song.chords, *song.sections)} <= bars


@pytest.mark.parametrize("which", ["song", "demo"])
def test_every_chord_sounds_as_labeled(which: str, request: pytest.FixtureRequest) -> None:
    song: Song = request.getfixturevalue(which)
    for start, end, label in song.chords:
        energy = chroma(part(song, start + 0.3, end - 0.1), song.sample_rate)
        tones = tones_of(label)
        # Fills and snares have tones of their own, and the tune steps beside the chord.
        assert sum(energy[tone] for tone in tones) > 0.42, (start, label)
        # Every tone of the chord is there, and the label fits better than any other triad.
        assert min(energy[tone] for tone in tones) > 0.02, (start, label)
        fits = {
            f"{name}:{quality}": sum(
                np.sqrt(energy[tone]) for tone in tones_of(f"{name}:{quality}")
            )
            for name in SHARPS
            for quality in ("maj", "min")
        }
        assert tones_of(max(fits, key=fits.__getitem__)) == tones, (start, label)


@pytest.mark.parametrize("which", ["song", "demo"])
def test_drums_strike_on_the_beat(which: str, request: pytest.FixtureRequest) -> None:
    song: Song = request.getfixturevalue(which)
    start, end, _ = next(section for section in song.sections if section[2] == "chorus")
    rate = song.sample_rate
    sos = signal.butter(4, 120, btype="lowpass", fs=rate, output="sos")
    low = np.abs(signal.sosfiltfilt(sos, song.samples.mean(axis=0)))
    for beat in song.beats[(song.beats > start) & (song.beats < end - 3)]:
        at = round(beat * rate)
        after, before = low[at : at + rate // 25], low[at - rate // 25 : at]
        assert after.max() > 1.5 * np.median(before)
    # And the flux of the whole rises at the beats, not between them.
    hop = 256
    _, times, spectrum = signal.stft(
        song.samples.mean(axis=0), rate, nperseg=1024, noverlap=1024 - hop
    )
    flux = np.maximum(0, np.diff(np.log1p(100 * np.abs(spectrum)), axis=1)).sum(axis=0)
    beats = song.beats[(song.beats > start) & (song.beats < end - 3)]

    def around(when: NDArray[np.float64]) -> float:
        return float(np.mean([flux[np.abs(times[1:] - t) < 0.03].max() for t in when]))

    quarter = 0.25 * 60 / song.tempo
    assert around(beats) > 1.3 * around(beats + quarter)


def test_swing_moves_the_second_sixteenths_only() -> None:
    plain = make_song(SongSpec(sections=(("chorus", 2), ("verse", 1)), sample_rate=8_000))
    swung = make_song(
        SongSpec(sections=(("chorus", 2), ("verse", 1)), sample_rate=8_000, swing=0.3)
    )
    np.testing.assert_array_equal(plain.beats, swung.beats)
    first_sixteenth = round(0.9 * 15 / 118 * 8_000)
    np.testing.assert_allclose(
        plain.samples[:, :first_sixteenth], swung.samples[:, :first_sixteenth], atol=1e-5
    )
    assert np.abs(plain.samples - swung.samples).max() > 0.05


def test_the_demo_is_a_piece_to_listen_to(demo: Song) -> None:
    assert 60 <= demo.duration <= 75
    assert demo.samples.dtype == np.float32
    assert np.isfinite(demo.samples).all()
    assert 0.7 < np.abs(demo.samples).max() < 0.95
    level = {label: decibels(part(demo, start, end)) for start, end, label in demo.sections}
    assert level["chorus"] > level["verse"] + 2 > level["intro"] + 6
    assert level["chorus"] > level["breakdown"] + 6
    assert -12 < level["chorus"] < -7
    # Two channels that differ but hold together, no offset, and a quiet end.
    left, right = demo.samples
    assert 0.2 < np.corrcoef(left, right)[0, 1] < 0.95
    assert abs(decibels(left[None]) - decibels(right[None])) < 1.0
    assert np.abs(demo.samples.mean(axis=1)).max() < 2e-3
    assert np.abs(demo.samples[:, -200:]).max() < 1e-3
    # Balanced: neither all bass nor all hiss (shares of the chorus' power).
    start, end, _ = demo.sections[2]
    frequencies, power = signal.welch(part(demo, start, end).mean(axis=0), 44_100, nperseg=8_192)
    edges = (20, 150, 600, 2_500, 20_000)
    shares = [
        power[(frequencies >= low) & (frequencies < high)].sum() / power.sum()
        for low, high in pairwise(edges)
    ]
    assert 0.2 < shares[0] < 0.55
    assert 0.15 < shares[1] < 0.6
    assert 0.1 < shares[2] < 0.5
    assert 0.01 < shares[3] < 0.15


def test_the_chorus_comes_back_as_it_was(demo: Song) -> None:
    (a, _, _), (b, _, _) = (section for section in demo.sections if section[2] == "chorus")
    # The second bar on, when the hall no longer remembers what came before.
    first, second = part(demo, a + 4, a + 12), part(demo, b + 4, b + 12)
    size = min(first.shape[1], second.shape[1])
    first, second = first[0, :size], second[0, :size]
    shift = round(b * 44_100) - round(a * 44_100)
    assert shift > 0
    assert np.corrcoef(first, second)[0, 1] > 0.7


def test_same_seed_same_samples_other_seed_other_song() -> None:
    spec = SongSpec(sections=(("chorus", 3), ("outro", 1)), sample_rate=8_000, seed=5)
    one, two = make_song(spec), make_song(spec)
    np.testing.assert_array_equal(one.samples, two.samples)
    other = make_song(SongSpec(sections=spec.sections, sample_rate=8_000, seed=6))
    assert np.abs(one.samples - other.samples).max() > 0.05


@settings(max_examples=12, deadline=None)
@given(
    tempo=st.floats(30, 300),
    meter=st.integers(2, 7),
    tonic=st.sampled_from(sorted(set(SHARPS) | set(FLATS))),
    mode=st.sampled_from(["major", "minor"]),
    labels=st.lists(
        st.sampled_from(["intro", "verse", "chorus", "bridge", "outro"]), min_size=1, max_size=3
    ),
    rate=st.sampled_from([8_000, 11_025, 16_000]),
    swing=st.floats(0, 0.5),
)
def test_any_song_can_be_made(
    tempo: float, meter: int, tonic: str, mode: str, labels: list[str], rate: int, swing: float
) -> None:
    sections = tuple((label, 1) for label in labels)
    song = make_song(
        SongSpec(tempo, f"{tonic} {mode}", sections, meter=meter, sample_rate=rate, swing=swing)
    )
    assert song.samples.shape == (2, round(len(labels) * meter * 60 / tempo * rate))
    assert np.abs(song.samples).max() < 1
    assert np.abs(song.samples).max() > 0.02
    assert song.beats.size == meter * len(labels)
    assert [label for _, _, label in song.sections] == labels
    assert tones_of(song.chords[-1][2]) >= {pitch_class(tonic)}


def test_chords_are_spelled_in_their_key() -> None:
    sections = (("verse", 8), ("chorus", 8))
    flat = make_song(SongSpec(key="F major", sections=sections, sample_rate=8_000))
    sharp = make_song(SongSpec(key="F# minor", sections=sections, sample_rate=8_000))
    assert "Bb:maj" in {label for _, _, label in flat.chords}
    assert {"F#:min", "C#:maj"} <= {label for _, _, label in sharp.chords}


@pytest.mark.parametrize(
    "wrong",
    [
        {"tempo": 20},
        {"tempo": float("nan")},
        {"key": "H major"},
        {"key": "C"},
        {"sections": ()},
        {"sections": (("verse", 0),)},
        {"meter": 1},
        {"sample_rate": 4_000},
        {"swing": 0.7},
    ],
)
def test_impossible_songs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SongSpec(**wrong)  # type: ignore[arg-type]


def test_wav_files_hold_the_samples(tmp_path: Path) -> None:
    samples = np.array([[0.0, 0.5, -0.5, 1.0, 2.0], [0.25, 0.0, -1.0, -3.0, 0.1]], np.float32)
    synth.write_wav(tmp_path / "a.wav", samples, 22_050)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 22_050)
        back = np.frombuffer(file.readframes(5), "<i2").reshape(-1, 2).T / 32_767
    np.testing.assert_allclose(back, np.clip(samples, -1, 1), atol=2e-5)
    synth.write_wav(tmp_path / "b.wav", synth.silence(0.1)[0], 44_100)
    with wave.open(str(tmp_path / "b.wav")) as file:
        assert (file.getnchannels(), file.getnframes()) == (1, 4_410)


def test_clicks_stand_on_their_beats() -> None:
    samples = synth.clicks(120, 3.0, 44_100, first=0.25)[0]
    envelope = np.abs(samples)
    onsets = np.flatnonzero((envelope > 0.5) & (np.roll(envelope, 400) < 0.01))
    starts = onsets[np.diff(onsets, prepend=-10_000) > 1_000] / 44_100
    np.testing.assert_allclose(starts, np.arange(0.25, 3.0, 0.5), atol=1 / 44_100)


def test_plain_signals_are_what_they_say() -> None:
    tone = synth.tone(440, 1.0, 8_000, level=0.3)
    assert tone.shape == (1, 8_000)
    assert np.abs(tone).max() == pytest.approx(0.3, abs=1e-3)
    assert np.argmax(np.abs(np.fft.rfft(tone[0]))) == 440

    triad = synth.chord("Eb:min", 1.0, 22_050)
    assert np.abs(triad).max() <= 0.5
    energy = chroma(triad, 22_050)
    assert set(np.argsort(energy)[-3:]) == tones_of("Eb:min")
    with pytest.raises(ValueError, match="chord must be"):
        synth.chord("Eb:sus4", 1.0)

    white = synth.noise(2.0, 22_050, level=0.1, seed=1)
    assert np.sqrt(np.mean(white**2)) == pytest.approx(0.1, rel=0.02)
    np.testing.assert_array_equal(white, synth.noise(2.0, 22_050, level=0.1, seed=1))
    pink = synth.noise(2.0, 22_050, color="pink", level=0.1)
    assert np.sqrt(np.mean(pink**2)) == pytest.approx(0.1, rel=0.02)
    power = np.abs(np.fft.rfft(pink[0])) ** 2
    per_octave = [power[2 * f : 4 * f].sum() for f in (100, 400, 1_600)]
    np.testing.assert_allclose(per_octave / np.mean(per_octave), 1.0, atol=0.25)

    assert not synth.silence(0.5, 8_000).any()
    for empty in (
        synth.silence(0),
        synth.noise(0),
        synth.noise(0, color="pink"),
        synth.clicks(120, 0),
    ):
        assert empty.shape == (1, 0)
