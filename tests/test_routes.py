from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.chance import generator
from afx.clocks import CLOCK_IDLE
from afx.default_routes import DEFAULT_ROUTES
from afx.look import Look, knobs_of
from afx.look_parts import Route
from afx.routes import Grip, routes_of, tempo_factor
from afx.shaping import bend, follow, limit_rate, smooth, soft_clip
from afx.sources import LEAD, SOURCES, Sources, thin
from made_music import PATTERNS, TRACKS, MadeBeats, grid, silence, song, with_tracks
from music_analysis import features as features_module

FPS = Fraction(30)


def look(**changes) -> Look:
    return Look.model_validate(
        {"name": "test", "title": "Test", "pattern": "rings", "palette": {}} | changes
    )


def column(features, name, *, reactivity=1.0, seed=0, **changes):
    made = look(**changes)
    knobs = knobs_of(PATTERNS[made.pattern])
    grip = Grip(Sources(features, seed=seed), reactivity=reactivity)
    table = grip.table(made, knobs, len(PATTERNS[made.pattern].knobs))
    return table[:, [k.name for k in knobs].index(name)]


# --- shaping ---------------------------------------------------------------------------------


def test_curves_keep_zero_and_one():
    x = np.linspace(0, 1, 101)
    for curve in ("linear", "exp", "log", "smooth", "gate"):
        y = bend(x, curve)
        assert y[0] == 0
        assert y[-1] == 1
        assert (np.diff(y) >= 0).all()
    assert bend(np.array([0.5]), "exp")[0] == 0.25
    assert bend(np.array([0.25]), "log")[0] == 0.5
    assert bend(np.array([0.5]), "gate")[0] == 0


def test_follow_is_exponential_both_ways_and_peaks_at_the_event():
    x = np.zeros(400)
    x[200] = 0.8
    y = follow(x, 100.0, 0.05, 0.30)
    t = (np.arange(400) - 200) / 100.0
    expected = 0.8 * np.exp(np.where(t < 0, t / 0.05, -t / 0.30))
    np.testing.assert_allclose(y, np.where(expected < 2e-6, 0, expected), atol=3e-6)
    assert y.argmax() == 200
    assert y[200] == pytest.approx(0.8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.floats(0, 2), st.floats(0, 2))
def test_follow_stays_above_and_below_the_largest(values, attack, release):
    x = np.array(values)
    y = follow(x, 30.0, attack, release)
    assert (y >= np.where(x > 3e-6, x, 0) - 1e-9).all()
    assert y.max() <= max(x.max(), 2e-6) + 1e-9
    slow = y.copy()
    for i in range(1, len(slow)):  # the definition, frame by frame
        if release * 30.0 > 0.05:
            assert y[i] >= y[i - 1] * np.exp(-1 / (30.0 * release)) - 1e-5


def test_smooth_keeps_constants_and_sums():
    assert smooth(np.full(50, 0.3), 30.0, 1.0) == pytest.approx(0.3)
    x = np.zeros(601)
    x[300] = 1.0
    y = smooth(x, 30.0, 1.0)
    t = np.arange(601) - 300
    assert y.sum() == pytest.approx(1.0)
    assert np.sqrt((y * t * t).sum()) == pytest.approx(30.0, rel=0.02)
    np.testing.assert_allclose(y, y[::-1], atol=1e-12)


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=30),
    st.floats(-3, 3),
    st.floats(0.01, 5),
    st.floats(0, 1),
)
def test_soft_clip_stays_in_range_and_leaves_rest_alone(values, lo, width, share):
    hi = lo + width
    rest = min(lo + share * width, hi)
    y = soft_clip(np.array([rest, *values]), lo, hi, rest)
    assert (y >= lo).all()
    assert (y <= hi).all()
    assert y[0] == pytest.approx(rest, abs=1e-12)
    order = np.argsort([rest, *values], kind="stable")
    assert (np.diff(y[order]) >= -1e-12).all()


def test_soft_clip_leaves_the_middle_alone():
    x = np.linspace(0.2, 0.8, 20)
    assert (soft_clip(x, 0.0, 1.0, 0.5) == x).all()


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60), st.floats(0.1, 100))
def test_limit_rate_limits_and_stays_within(values, rate):
    x = np.array(values)
    y = limit_rate(x, 30.0, rate)
    assert np.abs(np.diff(y)).max() <= rate / 30.0 + 1e-9
    assert y.max() <= x.max() + 1e-9
    assert y.min() >= x.min() - 1e-9


def test_limit_rate_turns_a_step_into_a_centered_ramp():
    x = np.repeat([0.0, 1.0], 50)
    y = limit_rate(x, 10.0, 1.0)
    assert y[49] + y[50] == pytest.approx(1.0)
    assert y[40] == 0.0
    assert y[60] == pytest.approx(1.0)
    slow = np.linspace(0, 1, 100)
    assert (limit_rate(slow, 10.0, 1.0) == slow).all()


# --- sources ---------------------------------------------------------------------------------


def test_every_source_is_there_in_range_even_in_silence():
    for features in (silence(3.0), song("AB", 6.0)):
        sources = Sources(features)
        for name in SOURCES:
            track = sources[name]
            assert track.dtype == np.float32
            assert track.shape == (features.frames,)
            assert ((track >= 0) & (track <= 1)).all(), name
    assert set(TRACKS) <= set(SOURCES)
    assert set(features_module.TRACKS) == set(TRACKS)
    with pytest.raises(KeyError):
        sources["nothing"]


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_sources_of_hardly_any_frames(frames):
    sources = Sources(silence(frames / 30))
    for name in SOURCES:
        assert np.isfinite(sources[name]).all()


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(60), Fraction(120)])
def test_sources_are_ahead_by_forty_milliseconds(fps):
    features = silence(10.0, fps)
    time = np.arange(features.frames) / float(fps)
    bump = np.exp(-(((time - 5.0) / 0.2) ** 2))
    got = Sources(with_tracks(features, level__bass=bump))["level.bass"]
    center = (got * time).sum() / got.sum()
    assert center == pytest.approx(5.0 - LEAD, abs=1e-3)


def test_phases_are_never_read_between_the_end_and_the_start():
    features = silence(4.0)
    phase = np.mod(np.arange(features.frames) / 15.0, 1.0)
    got = Sources(with_tracks(features, beat__phase=phase))["beat.phase"][:-3]
    want = np.mod((np.arange(features.frames) + LEAD * 30) / 15.0, 1.0)[:-3]
    away = np.abs(got - want)
    assert np.minimum(away, 1 - away).max() < 1e-5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 15), st.sampled_from([24.0, 29.97, 30.0, 60.0]))
def test_events_are_at_most_three_a_second(seed, rate, fps):
    chance = np.random.default_rng(seed)
    hits = np.zeros(int(20 * fps))
    hits[:: max(int(fps / rate), 1)] = chance.uniform(0.1, 1, len(hits[:: max(int(fps / rate), 1)]))
    where, strength = thin(hits, fps)
    assert (np.diff(where) / fps >= 1 / 3 - 1e-9).all()
    assert (strength >= 0.15).all()
    if hits.max() >= 0.15:
        # The strongest hit may merge with an equal neighbor, but its strength is kept.
        assert strength.max() == hits.max()


def test_ten_hits_a_second_leave_at_least_two_events():
    hits = np.zeros(600)
    hits[::3] = 0.9
    where, _ = thin(hits, 30.0)
    assert 2 * 20 <= len(where) <= 3 * 20


def test_of_equal_hits_those_on_the_bar_become_events():
    features = silence(16.0)
    hits, bars = np.zeros(480), np.zeros(480)
    hits[3::6] = 0.9  # five a second, the bar's among them
    bars[27::60] = 1.0
    made = with_tracks(features, hit__kick=hits, downbeat__pulse=bars, beat__conf=np.ones(480))
    events = np.flatnonzero(Sources(made)["event.kick"])
    assert set(np.arange(27, 480, 60) - 1) <= set(events)


def test_harmony_moves_with_the_circle_of_fifths():
    features = silence(60.0)
    time = np.arange(features.frames) / 30.0
    there = {"chroma.C": 0.9 * (time < 40), "chroma.G": 0.9 * (time >= 40)}
    got = Sources(with_tracks(features, **{k.replace(".", "__"): v for k, v in there.items()}))[
        "harmony"
    ]
    assert got[300] < 0.5 < got[1650]
    assert np.abs(np.diff(got)).max() < 0.02
    assert (Sources(silence(5.0))["harmony"] == 0.5).all()


def test_swings_last_four_bars_where_the_beat_is_sure():
    features = replace(silence(60.0), beats=grid(120.0, 60.0))
    sine = Sources(features)["lfo.sin"]
    np.testing.assert_allclose(sine[:1000], sine[240:1240], atol=1e-5)  # 4 bars = 8 s
    slow = replace(silence(60.0), beats=grid(60.0, 60.0))
    sine = Sources(slow)["lfo.sin"]
    np.testing.assert_allclose(sine[:1000], sine[480:1480], atol=1e-5)
    unsure = replace(silence(60.0), beats=grid(60.0, 60.0, confidence=0.2))
    triangle = Sources(unsure)["lfo.tri"]
    np.testing.assert_allclose(triangle[:99], triangle[240:339], atol=1e-5)
    assert np.abs(np.diff(Sources(features)["lfo.noise"])).max() < 0.03
    other = Sources(features, seed=5)["lfo.noise"]
    assert np.abs(other - Sources(features)["lfo.noise"]).max() > 0.1


# --- routes ----------------------------------------------------------------------------------


def test_the_default_matrix_is_sound():
    pairs = [(r.source, r.knob) for r in DEFAULT_ROUTES]
    assert len(set(pairs)) == len(pairs)
    assert {r.source for r in DEFAULT_ROUTES} <= set(SOURCES)
    known = {k.name for k in knobs_of(PATTERNS["plain"])}
    assert {r.knob for r in DEFAULT_ROUTES} - known == {
        "pulse",
        "warp",
        "detail",
        "morph",
        "density",
        *(f"sound_{k}" for k in range(1, 9)),
    }


def test_looks_override_add_and_remove_routes():
    knobs = knobs_of(PATTERNS["rings"])
    changed = look(
        routes=[
            {"source": "event.kick", "knob": "zoom", "depth": 0.5},
            {"source": "energy", "knob": "glow", "depth": 0},
            {"source": "flux", "knob": "count", "depth": 0.3},
        ]
    )
    got = {(r.source, r.knob): r.depth for r in routes_of(changed, knobs)}
    assert got["event.kick", "zoom"] == 0.5
    assert ("energy", "glow") not in got
    assert got["flux", "count"] == 0.3
    assert ("level.mid", "morph") in got
    plain = {r.knob for r in routes_of(look(pattern="plain"), knobs_of(PATTERNS["plain"]))}
    assert "morph" not in plain
    assert "zoom" in plain


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30), Fraction(60)])
def test_a_kick_is_fastest_a_little_ahead(fps):
    features = silence(6.0, fps)
    time = np.arange(features.frames) / float(fps)
    event = 3.0
    kick = np.where(time >= event - 1e-9, np.exp(-(time - event) / 0.1), 0.0)
    kicked = with_tracks(features, hit__kick=kick)
    moved = column(kicked, "zoom") - column(features, "zoom")
    rise = np.diff(moved.astype(float), prepend=0.0)
    # The eye takes the fastest moment of a movement for its time.
    assert event - 0.09 <= time[rise.argmax()] <= event
    depth = next(r.depth for r in DEFAULT_ROUTES if (r.source, r.knob) == ("event.kick", "zoom"))
    assert 0.5 * depth * 5.0 < moved.max() <= depth * 5.0 * 1.001  # rounded off a little
    # The way back is too slow to be a second movement, and ends at rest.
    assert -rise.min() < 0.35 * rise.max()
    assert abs(moved[time > event + 2.9]).max() < 0.01 * moved.max()
    # A clock is pushed on, and never back.
    pace = np.diff(column(kicked, "phase").astype(float)) * float(fps)
    assert event - 0.07 <= time[1:][pace.argmax()] <= event
    assert pace.min() == pytest.approx(CLOCK_IDLE * 0.5, rel=1e-2)
    assert pace.max() > 1.5 * pace.min()


@settings(max_examples=25, deadline=None)
@given(st.floats(-2, 2), st.floats(0, 3), st.floats(-2, 3), st.booleans())
def test_values_never_leave_the_range(depth, reactivity, rest, bipolar):
    routes = [
        {"source": s, "knob": "zoom", "depth": depth, "bipolar": bipolar}
        for s in ("level.bass", "flux", "lfo.noise")
    ]
    zoom = column(SONG, "zoom", reactivity=reactivity, knobs={"zoom": rest}, routes=routes)
    assert zoom.min() >= -2.0
    assert zoom.max() <= 3.0
    assert np.abs(np.diff(zoom)).max() <= 2.5 * 5.0 / 30.0 + 1e-5


SONG = song("AB", 6.0)


def test_without_reactivity_knobs_rest():
    knobs = knobs_of(PATTERNS["rings"])
    made = look(knobs={"zoom": 0.4, "relief": 0.2})
    table = Grip(Sources(SONG), reactivity=0.0).table(made, knobs, 4)
    for i, k in enumerate(knobs):
        if k.kind == "value":
            assert table[:, i] == pytest.approx(made.knobs.get(k.name, k.default), abs=1e-6)


def test_in_silence_clocks_idle():
    features = silence(20.0)
    for name, speed in (("phase", 0.5), ("drift", 0.15)):
        steps = np.diff(column(features, name).astype(float)) * 30.0
        assert steps.mean() == pytest.approx(CLOCK_IDLE * speed, rel=1e-3)
        assert steps.min() > 0
    assert (column(features, "spin") == 0).all()
    assert column(features, "spin", knobs={"spin": -0.1})[-1] < -0.3


def test_clocks_never_run_backwards_and_follow_energy():
    features = with_tracks(silence(20.0), energy=np.repeat([0.0, 1.0], 300))
    clock = column(features, "phase").astype(float)
    steps = np.diff(clock) * 30.0
    assert steps.min() > 0
    assert steps.max() < 2.0
    assert steps[:250].mean() == pytest.approx(CLOCK_IDLE * 0.5, rel=1e-2)
    assert steps[-250:].mean() == pytest.approx((CLOCK_IDLE + 0.1) * 0.5, rel=1e-2)
    assert np.abs(np.diff(steps)).max() < 0.2


def test_seeds_start_clocks_elsewhere():
    starts = [column(silence(1.0), "phase", seed=s)[0] for s in range(20)]
    assert len(set(starts)) == 20
    assert min(starts) >= 0
    assert max(starts) <= 100
    assert column(silence(1.0), "phase", seed=3)[0] == starts[3]


def test_a_look_may_replace_what_drives_a_clock():
    loud = with_tracks(silence(10.0), energy=np.ones(300))
    still = column(loud, "phase", routes=[{"source": "energy", "knob": "phase", "depth": 0}])
    assert np.diff(still.astype(float)).mean() * 30 == pytest.approx(CLOCK_IDLE * 0.5, rel=1e-2)
    fast = column(loud, "phase", routes=[{"source": "energy", "knob": "phase", "depth": 0.5}])
    assert np.diff(fast.astype(float)).mean() * 30 == pytest.approx(
        CLOCK_IDLE * 0.5 + 1.0, rel=1e-2
    )


def test_tempo_sets_the_pace():
    assert tempo_factor(MadeBeats(None, 0.0)) == 1.0
    assert tempo_factor(grid(174.0, 10.0)) == pytest.approx(1.45)
    assert tempo_factor(grid(30.0, 10.0)) == 0.6
    assert tempo_factor(grid(400.0, 10.0)) == 1.6
    assert tempo_factor(grid(174.0, 10.0, confidence=0.2)) == 1.0


def test_bipolar_routes_swing_around_the_middle():
    level = np.repeat([0.0, 0.5, 1.0], 200)
    features = with_tracks(silence(20.0), flux=level)
    routes = [{"source": "flux", "knob": "count", "depth": 0.25, "bipolar": True}]
    count = column(features, "count", routes=routes, knobs={"count": 20})
    assert count[100] == pytest.approx(20 - 0.25 * 39, abs=1e-3)
    assert count[300] == pytest.approx(20, abs=1e-3)
    assert count[500] == pytest.approx(20 + 0.25 * 39, abs=1e-3)


def test_chance_is_keyed_by_seed_and_purpose():
    def draw(*key):
        return generator(*key).random()

    assert draw(1, "a") == draw(1, "a")
    assert len({draw(1, "a"), draw(2, "a"), draw(1, "b"), draw(-1, "a")}) == 4


def test_route_defaults_are_levels():
    route = Route(source="energy", knob="zoom", depth=0.1)
    assert (route.curve, route.bipolar) == ("linear", False)
