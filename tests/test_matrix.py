"""The matrix of routes: hold, every, gate, steps, temperaments and what drives clocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.clocks import CLOCK_IDLE, NAMES, PATTERN_DRIVES, PUSH, STAGE_DRIVES, TOP, drives_of
from afx.default_routes import AMBIENT_ROUTES, DEFAULT_ROUTES
from afx.expression import parse
from afx.look import Look, knobs_of
from afx.look_parts import Route
from afx.routes import OCTAVE_SKIP, RATES, Grip, routes_of
from afx.shaping import each_nth, gated, held, stepped
from afx.sources import SOURCES, Sources
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from afx.temperaments import CHARACTERS, TEMPERAMENTS, is_event, resolve, tempered
from made_music import PATTERNS, grid, silence, song, with_tracks


def route(source="level.bass", **changes):
    return Route(
        source=source, knob="detail", depth=1.0, **{"attack": 0.0, "release": 0.0, **changes}
    )


def shaped(features, made, **told):
    return Grip(Sources(features, lead=0.0), **told).shaped(made)


def look(**changes):
    data = {"name": "test", "title": "Test", "pattern": "rings", "palette": {}}
    return Look.model_validate(data | changes)


def column(features, name, *, made=None, **told):
    knobs = knobs_of(PATTERNS["rings"])
    table = Grip(Sources(features), **told).table(made or look(), knobs, 4)
    return table[:, [k.name for k in knobs].index(name)].astype(float)


# --- gate, hold, steps, every ------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 0.95), st.integers(0, 64))
def test_gates_and_steps_keep_the_ends_and_the_order(threshold, steps):
    x = np.linspace(0, 1, 301)
    for y in (gated(x, threshold), stepped(x, steps)):
        assert y[0] == 0
        assert y[-1] == pytest.approx(1)
        assert (np.diff(y) >= -1e-12).all()
    assert (gated(x, threshold)[x <= threshold] <= (x[1] if threshold == 0 else 0)).all()


def test_a_gate_opens_without_a_corner():
    x = np.linspace(0, 1, 2001)
    slope = np.gradient(gated(x, 0.5), x)
    assert np.abs(np.diff(slope)).max() < 0.05
    np.testing.assert_array_equal(gated(x, 0.0), x)


def test_steps_stand_and_climb():
    x = np.linspace(0, 1, 1001)
    y = stepped(x, 4)
    standing = np.isin(np.round(y, 9), [0, 0.25, 0.5, 0.75, 1])
    assert 0.5 < standing.mean() < 0.8
    assert y[375] == pytest.approx(0.375)  # the middle of a riser
    assert np.diff(y).max() < 6 * np.diff(x).max()
    np.testing.assert_array_equal(stepped(x, 0), x)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(0, 70))
def test_a_hold_is_a_running_maximum(values, frames):
    x = np.array(values)
    want = [x[max(0, i - frames) : i + 1].max() for i in range(len(x))]
    np.testing.assert_array_equal(held(x, 10.0, frames / 10.0), want)


def test_routes_hold_gate_and_step():
    level = np.zeros(120)
    level[30] = 0.8
    features = with_tracks(silence(4.0), level__bass=level)
    long = shaped(features, route(hold=1.0))
    np.testing.assert_allclose(long[30:61], 0.8, atol=1e-4)
    assert long[62:].max() == 0
    assert shaped(features, route(gate=0.9)).max() == 0
    assert 0 < shaped(features, route(gate=0.5)).max() < 0.8
    assert shaped(features, route(steps=4, gate=0.1, hold=1.0))[40] == 0.75
    swing = with_tracks(silence(4.0), level__bass=np.repeat([0.45, 0.0, 1.0], 40))
    both = shaped(swing, route(bipolar=True, gate=0.3, steps=2))
    assert np.abs(both[:30]).max() < 0.01
    assert both[60] == -1
    assert both[110] == 1


def test_every_nth_is_counted_from_the_first_bar():
    times = np.arange(0.5, 10, 0.5)
    np.testing.assert_array_equal(each_nth(times, 1.0, 4), np.arange(1.0, 10, 2.0))
    np.testing.assert_array_equal(each_nth(times, 1.0, 1), times)
    assert each_nth(np.zeros(0), 1.0, 4).size == 0


def _kicks(at, seconds, *, every, bpm=120.0, confidence=0.9, source="event.kick"):
    hits = np.zeros(int(seconds * 30))
    hits[np.round(np.asarray(at) * 30).astype(int)] = 0.9
    beats = replace(grid(bpm, seconds, confidence), downbeats=grid(bpm, seconds).beats[1::4])
    features = replace(with_tracks(silence(seconds), hit__kick=hits), beats=beats)
    return np.flatnonzero(shaped(features, route(source, every=every))) / 30


def test_only_every_nth_beat_answers():
    at = np.arange(0.5, 16, 0.5)
    got = _kicks(at, 16.0, every=4)
    # Beats at 0, 0.5, …; bars begin at 0.5: every fourth beat from there.
    np.testing.assert_allclose(got, np.arange(0.5, 16, 2.0), atol=1e-6)
    # Kicks of the beats between are left out, a little early ones belong to their beat.
    early = _kicks(at[1:] - 0.067, 16.0, every=4)
    np.testing.assert_allclose(early, np.arange(2.5, 16, 2.0) - 0.067, atol=0.02)
    assert len(_kicks(at, 16.0, every=1)) == len(at)


def test_without_a_beat_every_nth_event_answers():
    at = np.cumsum(np.tile([0.5, 0.7, 0.9], 6))
    got = _kicks(at, 15.0, every=3, confidence=0.1)
    np.testing.assert_allclose(got, at[::3], atol=0.02)
    assert not len(_kicks([], 5.0, every=3, confidence=0.1))


def test_fast_music_has_every_other_kick_answered():
    step = 60.0 / 175.0
    at = step * np.arange(1, 40)
    few = _kicks(at, 16.0, every=1, bpm=175.0)
    assert len(few) == pytest.approx(len(at) / 2, abs=1)
    assert np.diff(few).min() > 1.8 * step
    assert OCTAVE_SKIP < 175.0
    # Who asks for a divisor gets that one; other sources keep all of theirs.
    assert len(_kicks(at, 16.0, every=1, bpm=175.0, source="hit.kick")) > 30


# --- temperaments ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    energy: float
    pulse: float


@pytest.mark.parametrize(
    ("energy", "pulse", "confidence", "chosen"),
    [
        (0.78, 0.69, 1.0, "impact"),  # dance music
        (0.58, 0.67, 1.0, "groove"),  # a pop song with drums
        (0.50, 0.14, 1.0, "groove"),
        (0.34, 0.00, 1.0, "calm"),  # a piano ballad
        (0.30, 0.50, 1.0, "calm"),  # brushes
        (0.58, 0.10, 0.06, "ambient"),  # an orchestra
        (0.37, 0.00, 0.01, "ambient"),
    ],
)
def test_auto_asks_the_music(energy, pulse, confidence, chosen):
    assert resolve("auto", Said(energy, pulse), confidence) == chosen
    for name in TEMPERAMENTS[1:]:
        assert resolve(name, Said(energy, pulse), confidence) == name


def test_a_temperament_is_resolved_or_refused():
    assert resolve("auto", None, 0.9) == "groove"
    with pytest.raises(ValueError, match="no temperament 'wild'"):
        resolve("wild", None, 0.9)
    assert Grip(Sources(silence(1.0)), temperament="auto").temperament == "groove"


def test_temperaments_scale_depths_and_releases():
    own = Route(source="event.kick", knob="zoom", depth=0.2, attack=0.05, release=0.4)
    calm = tempered(own, CHARACTERS["calm"])
    assert (calm.depth, calm.attack, calm.release) == (0.1, 0.05, 0.8)
    assert tempered(own, CHARACTERS["groove"]) == own
    assert tempered(own, CHARACTERS["impact"]).depth == pytest.approx(0.28)
    assert tempered(own, CHARACTERS["ambient"]) is None
    slow = tempered(own.model_copy(update={"source": "level.bass"}), CHARACTERS["ambient"])
    assert (slow.attack, slow.release) == (1.0, 1.0)
    hard = own.model_copy(update={"depth": -2.0, "release": 20.0})
    assert tempered(hard, CHARACTERS["impact"]).depth == -2.0
    assert tempered(hard, CHARACTERS["calm"]).release == 30.0


def test_ambient_knows_states_but_no_moments():
    for name in ("event.kick", "0.5*bass + 0.3*beat.pulse", "stem.drums.hit", "drop", PUSH):
        assert is_event(name), name
    for name in ("level.bass", "energy", "timbre.1", "stem.drums", "build", "0.5*bass"):
        assert not is_event(name), name
    knobs = knobs_of(PATTERNS["rings"])
    grip = Grip(Sources(silence(2.0)), temperament="ambient")
    there = grip.routes(look(), knobs)
    assert not any(is_event(r.source) for r in there)
    extra = {(r.source, r.knob) for r in there} - {
        (r.source, r.knob) for r in routes_of(look(), knobs)
    }
    assert extra == {(r.source, r.knob) for r in AMBIENT_ROUTES if r.knob in ("morph", "zoom")}
    # A look's own word counts here too.
    silent = look(routes=[{"source": "timbre.1", "knob": "morph", "depth": 0}])
    assert ("timbre.1", "morph") not in {(r.source, r.knob) for r in grip.routes(silent, knobs)}


def test_harder_temperaments_push_harder():
    kicks = np.zeros(600)
    kicks[::45] = 1.0
    features = with_tracks(silence(20.0), hit__kick=kicks, level__all=np.full(600, 0.6))
    way = {
        name: float(np.ptp(column(features, "phase", temperament=name)))
        for name in ("ambient", "groove", "impact")
    }
    assert way["ambient"] < way["groove"] < way["impact"]
    pace = np.diff(column(features, "phase", temperament="ambient"))[60:-60]
    assert pace.max() < 1.02 * pace.min()


# --- clocks ------------------------------------------------------------------------------------


def test_what_drives_clocks_is_sound():
    for drive in (*PATTERN_DRIVES, *STAGE_DRIVES):
        assert set(parse(drive.route.source).names) <= set(SOURCES)
        assert drive.gain > 0
    assert set(NAMES) <= {
        d.route.source for d in (*PATTERN_DRIVES, *drives_of("shuffle", pattern=True))
    }
    assert drives_of("phase", pattern=True, said={PUSH}) == tuple(
        d for d in PATTERN_DRIVES if d.route.source != PUSH
    )
    assert drives_of("phase", pattern=False) == STAGE_DRIVES
    assert drives_of("warp.shuffle", pattern=True) == drives_of("shuffle", pattern=True)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(60)])
@pytest.mark.parametrize("reactivity", [0.5, 1.0, 2.0])
def test_a_push_goes_on_and_never_back(fps, reactivity):
    frames = int(8 * fps)
    kicks, loud = np.zeros(frames), np.full(frames, 0.7)
    kicks[[int(2 * fps), int(5 * fps)]] = 1.0
    features = with_tracks(silence(8.0, fps), hit__kick=kicks, level__all=loud, level__bass=loud)
    pace = np.diff(column(features, "phase", reactivity=reactivity)) * float(fps)
    assert pace.min() > CLOCK_IDLE * 0.5 * 0.99
    assert pace.max() <= TOP * 2.0 + 1e-3
    # One movement for each hit: the pace rises and falls once.
    one = pace[int(1.2 * fps) : int(3.5 * fps)]
    top = int(one.argmax())
    assert (np.diff(one[: top + 1]) >= -1e-3).all()
    assert (np.diff(one[top:]) <= 1e-3).all()
    assert one.max() > (1.3 if reactivity < 1 else 1.8) * one[0]


def test_reactivity_is_a_master():
    features = song("AB", 8.0)
    ways = [np.ptp(column(features, "phase", reactivity=r)) for r in (0.0, 0.5, 1.0, 2.0)]
    assert ways[0] == pytest.approx(CLOCK_IDLE * 0.5 * (features.frames - 1) / 30.0, rel=1e-3)
    assert (np.diff(ways) > 0.1).all()


# --- the default matrix ------------------------------------------------------------------------


def test_every_destination_has_a_fastest_change():
    held_knobs = {r.knob for r in (*DEFAULT_ROUTES, *AMBIENT_ROUTES)}
    assert {n for n in held_knobs if not n.startswith("sound_")} <= set(RATES)
    stage = {k.name for k in (*STAGE_KNOBS, *GRADE_KNOBS) if k.kind == "value"}
    assert stage <= set(RATES)
    assert all(rate > 0 for rate in RATES.values())


def test_a_build_is_let_go():
    build = np.interp(np.arange(600), [150, 400, 405], [0.0, 1.0, 0.0])
    features = with_tracks(silence(20.0), presence__all=np.cumsum(build) / 600)
    zoom, chroma = column(features, "zoom"), column(features, "chroma")
    assert zoom[380] > zoom[100] + 0.02
    assert chroma[380] < chroma[100] - 0.02
    assert zoom[560] == pytest.approx(zoom[100], abs=0.02)


def test_what_moves_without_music_is_small():
    """Silence idles: nothing that swings by itself may hide what the music does."""
    features = silence(30.0)
    for name, most in (("turn", 0.013), ("pan_x", 0.08), ("pan_y", 0.04), ("zoom", 0.001)):
        assert np.ptp(column(features, name)) <= most, name
