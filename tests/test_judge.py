"""The judge's measures on curves, vectors and pictures whose answers are known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from afx.judge import ablation, beats, diversity, matrices, motion, reactivity, structure
from afx.judge.activity import Mover
from afx.judge.reactivity import hits_link, link
from made_films import kicks, pulse, texture, uneven
from made_sound import Sound
from music_analysis.features import extract

SECONDS = 24.0


def envelope(times, fps):
    at = np.arange(round(SECONDS * fps)) / fps
    since = at[:, None] - times[None]
    return np.exp(-np.where(since >= 0, since / 0.18, -since / 0.015)).max(axis=1)


def moved(times, fps, shift=0.0):
    """What |change| a pulsing picture has."""
    return np.abs(np.diff(pulse(times, SECONDS, fps, shift=shift), prepend=0))


# ---------------------------------------------------------------- C1


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("shift", [-0.03, 0.1, -0.12])
def test_a_picture_that_answers_is_found_out_with_its_lag(fps, shift):
    times = uneven(SECONDS)
    found = link(envelope(times, fps), moved(times, fps, shift), fps, delay=0.043)
    assert found.r > 0.5
    assert found.z > 5
    assert found.z_blocks > 5
    # A frame can only show what has begun by then: half a frame late on average.
    assert found.lag == pytest.approx(shift + 0.5 / fps, abs=1 / fps)
    assert found.timely == (shift == -0.03)
    assert found.follows == (shift == -0.03)


def test_frame_rate_and_size_change_little():
    times = uneven(SECONDS)
    by_rate = [link(envelope(times, f), moved(times, f), f).r for f in (25, 30, 60)]
    assert np.ptp(by_rate) < 0.12
    sound, picture = envelope(times, 30), moved(times, 30)
    same = link(sound, picture, 30)
    scaled = link(7.0 * sound + 3.0, 0.01 * picture, 30)
    assert scaled.r == pytest.approx(same.r, abs=1e-6)
    assert scaled.z == pytest.approx(same.z, abs=1e-3)
    assert link(sound, picture, 30).z_blocks == same.z_blocks  # chance is an argument


def test_chance_is_no_answer():
    fps = 30
    sound = envelope(uneven(SECONDS), fps)
    others = [link(sound, moved(uneven(SECONDS, seed), fps), fps) for seed in range(1, 9)]
    noise = [link(sound, np.random.default_rng(k).random(len(sound)), fps) for k in range(8)]
    for found in (*others, *noise):
        assert not found.follows
    assert np.mean([found.z for found in (*others, *noise)]) == pytest.approx(0.0, abs=0.8)


def test_what_does_not_move_or_sound_has_no_link():
    sound, flat = envelope(uneven(SECONDS), 30), np.full(720, 0.3)
    for pair in ((sound, flat), (flat, sound), (np.zeros(720), np.zeros(720))):
        found = link(*pair, 30)
        assert (found.r, found.z, found.z_blocks) == (0.0, 0.0, 0.0)
        assert not found.follows


def test_a_constant_tempo_is_no_excuse_and_no_proof():
    # Shifted by a beat it fits as well: z says nothing, but shuffled blocks do.
    times = np.arange(0.5, SECONDS, 0.5)
    found = link(envelope(times, 30), moved(times, 30), 30, delay=0.043)
    assert found.z < 2
    assert found.z_blocks > 5
    assert found.follows


def test_hits_are_timed_by_their_onsets():
    times = uneven(SECONDS)
    at = np.arange(round(SECONDS * 30)) / 30
    onsets = np.exp(-0.5 * ((at[:, None] - times[None]) * 60) ** 2).max(axis=1)
    found = hits_link(envelope(times, 30), onsets, moved(times, 30, -0.04), 30)
    assert found.lag == pytest.approx(-0.04 + 0.5 / 30, abs=0.02)


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_the_delay_of_the_hits_is_what_it_is_said_to_be(fps):
    times = uneven(SECONDS)
    features = extract(Sound(kicks(times, SECONDS)), Fraction(fps))
    envelope_delay = reactivity.delay_of(features.tracks["hit.all"], times, fps)
    onset_delay = reactivity.delay_of(features.raw["hit"], times, fps)
    assert envelope_delay == pytest.approx(reactivity.ENVELOPE_DELAY, abs=0.004)
    assert onset_delay == pytest.approx(reactivity.ONSET_DELAY, abs=0.004)


def test_swells_are_followed_over_seconds():
    rng = np.random.default_rng(0)
    loud = gaussian_filter(rng.normal(size=3000), 60)
    jitter = 0.2 * loud.std() * rng.normal(size=3000)
    assert reactivity.slow_link(loud, loud + jitter, 30) > 0.9
    assert abs(reactivity.slow_link(loud, np.roll(loud, 1500), 30)) < 0.5
    assert reactivity.slow_link(loud, np.zeros(3000), 30) == 0.0


# ---------------------------------------------------------------- C2


@pytest.mark.parametrize("bpm", [70, 120, 174])
def test_beats_that_meet_and_beats_that_do_not(bpm):
    musical = np.arange(0.4, SECONDS, 60 / bpm)
    both = beats.align(moved(musical, 60), 60, musical, seconds=SECONDS)
    assert both.score > 0.9
    assert not both.rests
    # By chance, P and R are σ √(2π) over the period; the better of two is a little more.
    by_chance = beats.SIGMA * np.sqrt(2 * np.pi) * bpm / 60
    shifted = [beats.meeting(musical + d, musical) for d in np.arange(40) / 40 * 60 / bpm]
    assert np.mean(shifted) == pytest.approx(by_chance, abs=0.02)
    assert by_chance - 0.02 < both.chance < 2 * by_chance
    scores = [
        beats.align(moved(uneven(SECONDS, k), 60), 60, musical, seconds=SECONDS).score
        for k in range(6)
    ]
    assert np.mean(scores) == pytest.approx(0.0, abs=0.1)


def test_resting_on_the_beat_counts_too():
    musical = np.arange(0.5, SECONDS, 0.5)
    at = np.arange(round(SECONDS * 60)) / 60
    found = beats.align(1 - np.cos(2 * np.pi * (at - 0.5) / 0.5), 60, musical, seconds=SECONDS)
    assert found.rests
    assert found.score > 0.9


def test_beats_that_are_late_or_missing():
    assert beats.meeting(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 1.0
    assert beats.meeting(np.zeros(0), np.array([1.0])) == 0.0
    late = beats.meeting(np.array([1.08, 2.08]), np.array([1.0, 2.0]))
    assert late == pytest.approx(0.28, abs=0.01)  # a constant 80 ms, as in the design note
    assert beats.align(np.zeros(700), 30, np.arange(1.0, 20), seconds=23).score < 0.05


# ---------------------------------------------------------------- C1 over all features, C3


def test_shared_features_are_found_in_any_mixture():
    rng = np.random.default_rng(5)
    one = rng.normal(size=(300, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert matrices.rv2(one, 3.0 * one @ turn + 7.0) == pytest.approx(1.0)
    # What has nothing in common has 0, however many features there are.
    assert abs(matrices.rv2(one, rng.normal(size=(300, 200)))) < 0.05
    assert matrices.rv2(one, np.ones((300, 3))) == 0.0
    half = np.concatenate([one[:, :3], rng.normal(size=(300, 3))], axis=1)
    assert matrices.rv2(one, half) == pytest.approx(0.5, abs=0.08)
    found = matrices.shared(np.cumsum(one, axis=0), np.cumsum(one, axis=0) @ turn)
    assert found.rv2 == pytest.approx(1.0)
    assert found.chance < 0.5


def test_strokes_that_meet_are_counted_once():
    assert beats.union(np.array([1.0, 2.0, 3.0]), np.array([1.04, 2.06, 3.0])) == 2 / 4
    assert beats.union(np.array([1.0]), np.array([0.97, 1.03])) == 1 / 2
    assert beats.union(np.zeros(0), np.zeros(0)) == 0.0
    times, fps = uneven(SECONDS), 30
    heard = envelope(times, fps)
    met = beats.strokes(heard, moved(times, fps), fps)
    assert met.share > 0.8
    assert met.chance < 0.3
    late = beats.strokes(heard, moved(times, fps, 0.12), fps)
    assert late.share < 0.3


# ---------------------------------------------------------------- C5


def scenes(order, seconds=20, step=0.5, seed=0):
    rng = np.random.default_rng(seed)
    looks = {name: rng.normal(size=40) for name in sorted(set(order))}
    rows = []
    for name in order:
        here = looks[name] + 0.2 * rng.normal(size=(round(seconds / step), 40))
        rows.append(here / np.linalg.norm(here, axis=1, keepdims=True))
    return np.concatenate(rows)


def parts(order, seconds=20):
    names = sorted(set(order))
    return [
        structure.Part(k * seconds, (k + 1) * seconds, name, names.index(name))
        for k, name in enumerate(order)
    ]


def sounds(order, seconds=20, step=0.5):
    """What the same song sounds like: one track for each of its parts."""
    names = np.repeat(list(order), round(seconds / step))
    return (names[:, None] == np.array(sorted(set(order)))[None]).astype(float)


def test_form_that_can_be_seen():
    order, borders = "ABACA", np.arange(0, 100.1, 2.5)
    found = structure.compare(scenes(order), 0.5, parts(order), borders, sounds(order))
    assert found.alike is not None
    assert found.alike > 0.9
    assert found.hit == 1.0
    assert found.hit_chance < 0.5
    assert found.distance is not None
    assert found.distance < 0.2
    assert found.changes == pytest.approx((20, 40, 60, 80), abs=0.5)


def test_form_that_cannot_be_seen():
    order, borders = "ABACA", np.arange(0, 100.1, 2.5)
    one = scenes("Z" * 5)
    found = structure.compare(one, 0.5, parts(order), borders, sounds(order))
    assert found.alike is not None
    assert abs(found.alike) < 0.1
    assert found.changes == ()
    assert found.hit == 0.0
    other = structure.compare(scenes("ABCDE"), 0.5, parts(order), borders, sounds(order))
    assert other.distance is not None
    assert other.distance > 0.8  # each return comes as something new
    short = structure.compare(one[:20], 0.5, parts("A"), np.arange(0, 10.1, 2.5), np.ones((20, 4)))
    assert (short.alike, short.hit, short.distance) == (None, None, None)


def test_harmony_of_single_bars_is_no_form():
    order, borders = "ABACA", np.arange(0, 100.1, 2.5)
    chords = np.eye(4)[np.arange(200) // 5 % 4]  # another one in every bar, the same everywhere
    heard = np.concatenate([sounds(order), chords], axis=1)
    found = structure.compare(scenes(order), 0.5, parts(order), borders, heard)
    assert found.alike is not None
    assert found.alike > 0.85
    turned = structure.compare(scenes("CABAA"), 0.5, parts(order), borders, heard)
    assert turned.alike is not None
    assert turned.alike < 0.3


def test_hits_within_three_seconds_are_counted_once():
    assert structure.hit_rate([10, 20], [12.9, 17.1]) == 1.0
    assert structure.hit_rate([10, 20], [13.1, 30]) == 0.0
    assert structure.hit_rate([10], [9, 11]) == pytest.approx(2 / 3)


# ---------------------------------------------------------------- C6


def test_loud_and_quiet():
    loudness = np.concatenate([np.full(300, -30.0), np.full(300, -10.0)])
    loudness += np.random.default_rng(0).normal(size=600)
    assert ablation.loud_to_quiet(10 ** (loudness / 20), loudness, 30) > 5
    assert ablation.loud_to_quiet(np.ones(600), loudness, 30) == pytest.approx(1.0)
    drums = np.where(np.arange(600) % 15 < 4, -10.0, -40.0)  # loud all the while, not by turns
    assert ablation.loud_to_quiet(10 ** (drums / 20), drums, 30) is None


def test_silence():
    loudness = np.where(np.arange(900) // 300 == 1, -90.0, -20.0)
    lively = np.where(loudness < -60, 0.002, 0.01)
    found = ablation.silence(lively, loudness, 30)
    assert found is not None
    assert found.ratio == pytest.approx(5.0)
    assert found.idle == pytest.approx(0.002)
    assert found.seconds == pytest.approx(10.0)
    assert ablation.silence(lively, np.full(900, -20.0), 30) is None
    gaps = np.where(np.arange(900) % 60 < 30, -90.0, -20.0)  # pauses of a second are music
    assert ablation.silence(lively, gaps, 30) is None


# ---------------------------------------------------------------- C8, C10


def test_bands_are_seen_and_dither_is_not():
    ramp = np.linspace(60, 90, 640)[None, :] * np.ones((360, 1))
    dither = np.random.default_rng(0).random(ramp.shape) - 0.5
    assert motion.bands(np.rint(ramp).astype(np.uint8)) > 4 * motion.BANDING_MAX
    assert motion.bands(np.rint(ramp.T).astype(np.uint8)) > 4 * motion.BANDING_MAX
    assert motion.bands(np.rint(ramp + dither).astype(np.uint8)) < 0.1 * motion.BANDING_MAX
    assert motion.bands(np.rint(255 * texture(640, 360)).astype(np.uint8)) < motion.BANDING_MAX
    assert motion.bands(np.full((360, 640), 80, np.uint8)) == 0.0


def seen(pictures):
    mover = Mover(len(pictures))
    for slot, light in enumerate(pictures):
        mover.push(slot, np.asarray(light, np.float32))
    return mover.result()


def test_cuts_are_found_and_flashes_are_none():
    one = [texture(64, 36, turn=0.02 * k) for k in range(60)]
    two = [texture(64, 36, 2.0, 3 + 0.02 * k) for k in range(60)]
    assert motion.found_cuts(seen(one + two)) == [60]
    flashed = list(one)
    flashed[30] = 1 - flashed[30]
    assert motion.found_cuts(seen(flashed)) == []
    loud = np.full(120, -20.0)
    cut = motion.judge_motion(seen(one + two), 30, loud, loud * 0, 0.0)
    assert (cut.jumps, cut.cuts, cut.freezes, cut.dead) == ((), (2.0,), (), ())
    planned = motion.judge_motion(seen(one + two), 30, loud, loud * 0, 0.0, planned=())
    assert planned.jumps == (2.0,)


def test_still_pictures_freeze_only_while_it_sounds():
    still = seen([texture(64, 36)] * 120)
    assert not still.change.any()
    loud, silent = np.full(120, -20.0), np.full(120, -90.0)
    assert len(motion.judge_motion(still, 30, loud + np.arange(120) / 100, loud, 0.0).freezes) == 1
    assert motion.judge_motion(still, 30, silent, loud, 0.0).freezes == ()
    dark = seen([texture(64, 36)] * 60 + [np.zeros((36, 64))] * 60 + [texture(64, 36)] * 60)
    (span,) = motion.judge_motion(dark, 30, np.full(180, -20.0), np.zeros(180), 0.0).dead
    assert span == (2.0, 4.0)


def test_motion_that_begins_is_flux_and_steady_motion_is_not():
    steps = np.cumsum(np.r_[np.zeros(30), np.full(60, 0.03)])
    found = seen([texture(128, 72, turn=3.0 * s) for s in steps])
    assert found.flux[30] > 5 * np.median(found.flux[40:])
    assert found.change[30] < 2 * np.median(found.change[40:])


def test_variety_counts_what_is_different():
    eye = np.eye(12)
    assert diversity.vendi(eye) == pytest.approx(12.0)
    assert diversity.vendi(np.repeat(eye[:1], 12, axis=0)) == pytest.approx(1.0)
    assert diversity.vendi(np.repeat(eye[:3], 4, axis=0)) == pytest.approx(3.0)
    assert diversity.illumination(eye) == pytest.approx(1.0)
    assert diversity.illumination(np.repeat(eye[:3], 4, axis=0)) == pytest.approx(0.0)
    assert diversity.invention(eye) == pytest.approx(0.0)
    assert diversity.invention(np.repeat(eye[:1], 5, axis=0)) == pytest.approx(1.0)
    assert diversity.vendi(np.zeros((0, 4))) == 0.0


def test_what_a_picture_looks_like():
    def lab(light, a=0.0, b=0.0):
        return np.stack([light, np.full_like(light, a), np.full_like(light, b)], axis=-1)

    waves = texture(128, 72)
    same, later = diversity.embed(lab(waves, 0.1)), diversity.embed(lab(texture(128, 72), 0.1))
    assert np.linalg.norm(same) == pytest.approx(1.0, abs=1e-5)
    assert same @ later == pytest.approx(1.0, abs=1e-5)
    near = diversity.embed(lab(texture(128, 72, turn=0.1), 0.1))
    large = diversity.embed(lab(texture(256, 144), 0.1))
    fine = diversity.embed(lab(texture(128, 72, 0.3), 0.1))
    blue = diversity.embed(lab(waves, 0.0, -0.2))
    assert same @ large > 0.95
    assert same @ near > 0.9
    assert same @ fine < same @ near
    assert same @ blue < 0.8
    assert np.isfinite(diversity.embed(lab(np.full((72, 128), 0.5)))).all()
