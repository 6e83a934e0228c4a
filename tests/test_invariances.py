"""What the whole analysis owes to any sound: what does not change music changes nothing.

And where there is not enough music to tell, it says so: None, nothing, or a low confidence, but
never a number that was made up, and never a crash. Sound is made here, songs by the generator.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import soxr

from music_analysis import synth
from music_analysis.analysis import Analysis, analyze, estimate
from music_analysis.audio import load
from music_analysis.notation import is_minor, pitch_class
from music_analysis.schema import document
from music_analysis.song_spectra import measure_song
from music_analysis.synth import SongSpec, make_song
from soundfiles import encode

RATE = 44_100
TEMPO = 112.0
FORM = (("intro", 2), ("verse", 8), ("chorus", 8), ("outro", 2))
SPEC = SongSpec(tempo=TEMPO, key="C major", sections=FORM)
UNSURE = 0.5
"""Below this, a person is told "not sure"."""


@dataclass(frozen=True)
class Sound:
    """Samples as a file would give them: [channels, n] at 44.1 kHz."""

    samples: np.ndarray

    def blocks(self, *, sample_rate=None, channels=None):
        assert sample_rate == RATE
        stereo = np.broadcast_to(self.samples, (2, self.samples.shape[1]))
        assert channels == 2
        yield np.ascontiguousarray(stereo, np.float32)


def heard(samples) -> Analysis:
    return estimate(measure_song(Sound(np.atleast_2d(samples))))


@functools.cache
def song(spec: SongSpec = SPEC):
    return make_song(spec)


@functools.cache
def plain(spec: SongSpec = SPEC) -> Analysis:
    return heard(song(spec).samples)


# ---- what is compared


def chord_at(analysis: Analysis, times):
    """Root and third of the chord at each time: (pitch class or None, minor)."""
    starts = np.array([c.start for c in analysis.chords.segments])
    named = []
    for place in np.searchsorted(starts, times, side="right") - 1:
        label = analysis.chords.segments[max(place, 0)].label
        root = pitch_class(label)
        named.append((root, root is not None and ":min" in label))
    return named


def same_chords(one: Analysis, other: Analysis, *, shift=0.0, stretch=1.0, up=0) -> float:
    """Share of the time of ``one`` whose root and third ``other`` has, moved ``up`` semitones."""
    times = np.arange(0.05, one.duration - 0.05, 0.1)
    before = chord_at(one, times)
    after = chord_at(other, times * stretch + shift)
    moved = [(None if r is None else (r + up) % 12, minor) for r, minor in before]
    return float(np.mean([a == b for a, b in zip(moved, after, strict=True)]))


def same_beats(one, other, *, shift=0.0, stretch=1.0, within=0.03) -> float:
    """F measure of the beats."""
    if not len(one) or not len(other):
        return 0.0
    apart = np.abs(np.asarray(one)[:, None] * stretch + shift - np.asarray(other)) <= within
    return float((apart.any(axis=1).sum() + apart.any(axis=0).sum()) / (len(one) + len(other)))


def check_same(one: Analysis, other: Analysis, *, shift=0.0, exact=True) -> None:
    """Everything but the loudness is the same, moved by ``shift`` seconds."""
    assert other.tempo.bpm == pytest.approx(one.tempo.bpm, rel=0.002)
    assert other.tempo.meter == one.tempo.meter
    assert same_beats(one.tempo.beats, other.tempo.beats, shift=shift) > 0.97
    assert same_beats(one.tempo.downbeats, other.tempo.downbeats, shift=shift) > 0.9
    assert other.key.label == one.key.label
    assert other.key.tuning_hz == pytest.approx(one.key.tuning_hz, rel=0.001)
    assert same_chords(one, other, shift=shift) > (0.99 if exact else 0.97)
    # silence is told of, as N, and is no part of the form
    form, same = ([s for s in a.structure.sections if s.label != "N"] for a in (one, other))
    if not exact:  # whether a repetition is a varied one may hang on a hair
        form, same = (
            [replace(s, label=s.label.rstrip("'")) for s in part] for part in (form, same)
        )
    assert [(s.label, s.name) for s in same] == [(s.label, s.name) for s in form]
    starts = [s.start + shift for s in form[1:]]
    assert [s.start for s in same[1:]] == pytest.approx(starts, abs=0.1)


def sane(analysis: Analysis) -> None:
    """Numbers where numbers belong, times in order and within the sound, JSON without NaN."""
    json.dumps(document(analysis), allow_nan=False)
    tempo, key, chords = analysis.tempo, analysis.key, analysis.chords
    sure = [tempo.confidence, tempo.beat_confidence, tempo.meter_confidence, key.confidence]
    sure += [chords.confidence, analysis.structure.confidence]
    sure += [c.confidence for c in chords.segments]
    sure += [s.confidence for s in analysis.structure.sections]
    assert all(0.0 <= value <= 1.0 for value in sure)
    assert tempo.bpm is None or 20 < tempo.bpm < 400
    assert (tempo.bpm is None) <= (tempo.confidence == 0)
    assert (np.diff(tempo.beats) > 0).all()
    assert ((tempo.beats >= -0.05) & (tempo.beats <= analysis.duration + 0.05)).all()
    assert np.isin(tempo.downbeats, tempo.beats).all()
    assert (key.label is None) == (key.ranking == ())
    for rows in (chords.segments, analysis.structure.sections):
        if rows:
            assert (rows[0].start, rows[-1].end) == pytest.approx((0, analysis.duration), abs=0.02)
            ends = [row.end for row in rows[:-1]]
            assert [row.start for row in rows[1:]] == pytest.approx(ends, abs=1e-6)


# ---- the song itself


def test_the_song_is_heard_as_it_was_made() -> None:
    made, found = song(), plain()
    sane(found)
    told = [found.tempo.bpm, *(a.bpm for a in found.tempo.alternatives)]
    assert any(bpm == pytest.approx(TEMPO, rel=0.02) for bpm in told)
    assert same_beats(made.beats, found.tempo.beats, within=0.05) > 0.6  # 2/3 at half its tempo
    assert found.key.label == made.key
    times = np.arange(0.05, made.duration - 0.05, 0.1)
    starts = np.array([c[0] for c in made.chords])
    truth = [made.chords[k][2] for k in np.searchsorted(starts, times, side="right") - 1]
    right = [
        (pitch_class(label), ":min" in label) == said
        for label, said in zip(truth, chord_at(found, times), strict=True)
    ]
    assert np.mean(right) > 0.85


# ---- what changes nothing


@pytest.mark.parametrize("decibels", [-30.0, -12.0, 6.0])
def test_gain_changes_nothing(decibels: float) -> None:
    louder = song().samples * np.float32(10 ** (decibels / 20))
    found = heard(louder)
    check_same(plain(), found)
    before, after = plain().mood.integrated_loudness, found.mood.integrated_loudness
    assert after - before == pytest.approx(decibels, abs=0.2)


def test_polarity_changes_nothing() -> None:
    check_same(plain(), heard(-song().samples))


def test_mono_changes_nothing() -> None:
    check_same(plain(), heard(song().samples.mean(axis=0)))


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_the_format_changes_nothing(kind: str, tmp_path) -> None:
    path = encode(tmp_path / f"song.{kind}", song().samples, RATE)
    found = analyze(load(path), cache=False)
    check_same(plain(), found, exact=kind in {"wav", "flac"})


@pytest.mark.parametrize("rate", [22_050, 48_000, 96_000])
def test_the_sample_rate_changes_nothing(rate: int, tmp_path) -> None:
    samples = soxr.resample(song().samples.T, RATE, rate).T
    path = encode(tmp_path / "song.flac", samples, rate)
    check_same(plain(), analyze(load(path), cache=False), exact=False)


@pytest.mark.parametrize("seconds", [0.73, 4.0])
def test_silence_before_it_shifts_it(seconds: float) -> None:
    silence = np.zeros((2, round(seconds * RATE)), np.float32)
    found = heard(np.concatenate([silence, song().samples], axis=1))
    check_same(plain(), found, shift=seconds, exact=False)


# ---- what changes one thing


@pytest.mark.parametrize(
    ("key", "up"), [("D major", 2), ("Bb major", -2), ("F# major", 6), ("Ab major", 8)]
)
def test_transposed_it_is_transposed(key: str, up: int) -> None:
    found = plain(SongSpec(tempo=TEMPO, key=key, sections=FORM))
    before = plain().key.label
    assert pitch_class(found.key.label) == (pitch_class(before) + up) % 12
    assert is_minor(found.key.label) == is_minor(before)
    assert same_chords(plain(), found, up=up) > 0.95
    assert found.tempo.bpm == pytest.approx(plain().tempo.bpm, rel=0.01)


@pytest.mark.parametrize("cents", [-35, -20, 20, 35])
def test_out_of_tune_it_has_the_same_chords(cents: int) -> None:
    faster = 2 ** (cents / 1200)
    found = heard(soxr.resample(song().samples.T, RATE * faster, RATE).T)
    assert found.key.label == plain().key.label
    assert same_chords(plain(), found, stretch=1 / faster) > 0.98
    assert found.key.tuning_hz == pytest.approx(plain().key.tuning_hz * faster, rel=0.003)
    assert found.tempo.bpm == pytest.approx(plain().tempo.bpm * faster, rel=0.01)


def test_at_half_speed_it_has_half_the_tempo_or_says_so() -> None:
    slow = plain(SongSpec(tempo=TEMPO / 2, key="C major", sections=FORM))
    told = [slow.tempo.bpm, *(a.bpm for a in slow.tempo.alternatives)]
    assert any(bpm == pytest.approx(plain().tempo.bpm / 2, rel=0.02) for bpm in told)
    # and the beats of both lie on one grid
    fast, slower = plain().tempo.beats * 2, slow.tempo.beats
    fewer, more = sorted((fast, slower), key=len)
    apart = np.abs(fewer[:, None] - more).min(axis=1)
    assert (apart < 0.05).mean() > 0.95
    assert slow.key.label == plain().key.label


# ---- not enough to tell


def chance(number: int) -> np.random.Generator:
    return np.random.default_rng([17, number])


def clip(seconds: float) -> np.ndarray:
    start = round(20.0 * RATE)
    return song().samples[:, start : start + round(seconds * RATE)]


def held_note(seconds: float = 25.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return sum(0.3 / k * np.sin(2 * np.pi * 220 * k * t) for k in range(1, 8)).astype(np.float32)


def drone(seconds: float = 90.0) -> np.ndarray:
    """An open fifth whose overtones swell and fade, each in its own slow time."""
    t = np.arange(round(seconds * RATE)) / RATE
    total = np.zeros(t.size)
    for k, hertz in enumerate((65.4, 98.0, 130.8, 196.0, 261.6)):
        swell = 0.6 + 0.4 * np.sin(2 * np.pi * t / (7.3 + 3.1 * k) + k)
        total += 0.12 * swell * np.sin(2 * np.pi * hertz * t)
    return total.astype(np.float32)


def drums(bpm: float = 120.0, seconds: float = 24.0) -> np.ndarray:
    """Bass drum, snare and hi-hat: falling sines and noise, no pitch that lasts."""
    total = np.zeros(round(seconds * RATE), np.float32)
    t = np.arange(round(0.25 * RATE)) / RATE
    kick = 0.8 * np.sin(2 * np.pi * (50 * t + 6 * (1 - np.exp(-t * 30)))) * np.exp(-t * 18)
    noise = chance(1).standard_normal(t.size)
    snare, hat = 0.3 * noise * np.exp(-t * 22), 0.12 * np.diff(noise, prepend=0) * np.exp(-t * 70)
    for step in range(int(seconds * bpm / 30)):
        at = round(step * 30 / bpm * RATE)
        for sound, plays in ((hat, True), (kick, step % 4 == 0), (snare, step % 4 == 2)):
            if plays:
                room = total[at : at + t.size]
                room += sound[: room.size].astype(np.float32)
    return total


def sung_line(seconds: float = 30.0) -> np.ndarray:
    """One voice in free time: wavering notes of no key in particular, with breaths."""
    rng = chance(2)
    pieces = []
    while sum(p.size for p in pieces) < seconds * RATE:
        t = np.arange(round(float(rng.uniform(0.2, 1.6)) * RATE)) / RATE
        hertz = 220 * 2 ** (rng.integers(0, 15) / 12)
        phase = 2 * np.pi * hertz * t + 3.0 * np.sin(2 * np.pi * 5.5 * t)
        voice = sum(np.sin(k * phase) / k**1.5 for k in range(1, 9))
        pieces.append(0.2 * voice * np.minimum(1, np.minimum(t, t[::-1]) / 0.06))
        pieces.append(np.zeros(round(float(rng.choice([0, 0, 0.5])) * RATE)))
    return np.concatenate(pieces)[: round(seconds * RATE)].astype(np.float32)


def speech(seconds: float = 30.0) -> np.ndarray:
    """Syllables of uneven length: a buzz that glides, or hiss, and pauses between phrases."""
    rng = chance(3)
    pieces = []
    while sum(p.size for p in pieces) < seconds * RATE:
        t = np.arange(round(float(rng.uniform(0.08, 0.3)) * RATE)) / RATE
        if rng.random() < 0.3:
            body = np.diff(rng.standard_normal(t.size), prepend=0.0) * 0.4
        else:
            glide = rng.uniform(90, 180) * 2 ** (rng.uniform(-0.5, 0.5) * t / t[-1])
            phase = 2 * np.pi * np.cumsum(glide) / RATE
            formant = rng.uniform(400, 2500)
            body = sum(
                np.sin(k * phase) * math.exp(-(((k * 130 - formant) / 600) ** 2))
                for k in range(1, 25)
            )
        pieces.append(0.3 * body * np.hanning(t.size))
        pieces.append(np.zeros(round(float(rng.choice([0.02, 0.05, 0.12, 0.5])) * RATE)))
    return np.concatenate(pieces)[: round(seconds * RATE)].astype(np.float32)


def tempo_unsure(found: Analysis) -> bool:
    return found.tempo.bpm is None or found.tempo.confidence < UNSURE


def beats_unsure(found: Analysis) -> bool:
    return not len(found.tempo.beats) or found.tempo.beat_confidence < UNSURE


def bars_unsure(found: Analysis) -> bool:
    return not len(found.tempo.downbeats) or found.tempo.meter_confidence < UNSURE


def key_unsure(found: Analysis) -> bool:
    return found.key.label is None or found.key.confidence < UNSURE


def chords_unsure(found: Analysis) -> bool:
    """No chords, or (almost) only ``N``, or not sure."""
    spoken = sum(c.end - c.start for c in found.chords.segments if c.label != "N")
    return spoken < 0.1 * found.duration or found.chords.confidence < UNSURE


def structure_unsure(found: Analysis) -> bool:
    """No more than one section, or not sure of them."""
    return len(found.structure.sections) <= 1 or found.structure.confidence < UNSURE


EVERYTHING = (
    tempo_unsure, beats_unsure, bars_unsure, key_unsure, chords_unsure, structure_unsure
)  # fmt: skip
UNTOLD = {
    # its two chords can be heard, and are
    "two seconds": (
        lambda: clip(2.0),
        tuple(part for part in EVERYTHING if part is not chords_unsure),
    ),
    "a held note": (held_note, EVERYTHING),
    "a drone": (drone, EVERYTHING),
    "drums only": (drums, (key_unsure, chords_unsure)),
    "a free voice": (sung_line, (tempo_unsure, beats_unsure, bars_unsure, key_unsure)),
    "speech": (speech, EVERYTHING),
    "white noise": (lambda: synth.noise(25.0, color="white"), EVERYTHING),
    "pink noise": (lambda: synth.noise(25.0, color="pink", seed=4), EVERYTHING),
    "silence": (lambda: synth.silence(20.0), EVERYTHING),
    "almost silence": (lambda: 3e-6 * synth.noise(20.0), EVERYTHING),
    "a hundredth of a second": (lambda: clip(0.01), EVERYTHING),
    "one sample": (lambda: np.ones((1, 1), np.float32), EVERYTHING),
}


@functools.cache
def untold(name: str) -> Analysis:
    return heard(UNTOLD[name][0]())


@pytest.mark.parametrize("name", UNTOLD)
def test_any_sound_has_a_sane_analysis(name: str) -> None:
    sane(untold(name))


@pytest.mark.parametrize(
    ("name", "unsure"),
    [(name, unsure) for name, (_, owed) in UNTOLD.items() for unsure in owed],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_where_there_is_not_enough_it_says_so(name: str, unsure) -> None:
    assert unsure(untold(name))


def test_silence_has_nothing_at_all() -> None:
    found = untold("silence")
    assert found.tempo.bpm is None
    assert len(found.tempo.beats) == 0
    assert found.key.label is None
    assert all(c.label == "N" for c in found.chords.segments)
    assert found.mood.integrated_loudness is None


def test_drums_have_a_tempo() -> None:
    found = untold("drums only")
    told = [found.tempo.bpm, *(a.bpm for a in found.tempo.alternatives)]
    assert any(bpm == pytest.approx(120, rel=0.02) for bpm in told if bpm is not None)


# ---- music that is hard


@functools.cache
def changing() -> Analysis:
    parts = [
        make_song(SongSpec(tempo=bpm, key="A minor", sections=(("verse", bars),))).samples
        for bpm, bars in ((100.0, 10), (140.0, 14))
    ]
    return heard(np.concatenate(parts, axis=1))


def test_a_tempo_change_is_followed_or_doubted() -> None:
    found = changing()
    sane(found)
    curve = found.tempo.curve_bpm
    early = np.median(curve[found.tempo.curve_times < 22])
    late = np.median(curve[found.tempo.curve_times > 26])
    followed = any(late / early == pytest.approx(r, rel=0.05) for r in (1.4, 0.7, 2.8))
    assert followed or (tempo_unsure(found) and beats_unsure(found))


def test_seven_to_the_bar_is_counted_or_doubted() -> None:
    spec = SongSpec(tempo=170.0, key="G major", meter=7, sections=(("verse", 8), ("chorus", 8)))
    found = plain(spec)
    sane(found)
    bars = same_beats(song(spec).downbeats, found.tempo.downbeats, within=0.07)
    counted = found.tempo.meter == 7 and bars > 0.8
    assert counted or bars_unsure(found)
    on_grid = np.abs(found.tempo.beats[:, None] - np.arange(0, 60, 30 / 170)).min(axis=1) < 0.05
    assert beats_unsure(found) or on_grid.mean() > 0.9
