"""Walks: closed smooth paths, paced by bars, sped up by energy, honored by every command."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afx.carried import carried
from afx.clocks import CLOCK_IDLE
from afx.explore.walk import knobs_at, strip, with_walk
from afx.look import Look, dump, knobs_of, load_library, look_in, parse_look, pattern_of
from afx.look_parts import Walk
from afx.routes import WALK_PACE, Grip
from afx.sources import Sources
from afx.stills import read_settings
from afx.wander import BAR, closed_path, stations, walked
from afxcommand import SMALL, made_look, made_song, pictures
from afxcommand import afx as run
from made_music import MadeBeats, silence, song, with_tracks
from music_analysis.errors import UserError

NEURAL = load_library()["neural-dream"]
FPS = Fraction(30)


def table(look: Look, features, *, reactivity: float = 1.0):
    pattern = pattern_of(look)
    knobs = knobs_of(pattern)
    grip = Grip(Sources(features), reactivity=reactivity)
    made = grip.table(look, knobs, len(pattern.knobs))
    return {knob.name: made[:, k] for k, knob in enumerate(knobs)}


def walking(**walk) -> Look:
    return NEURAL.model_copy(update={"walk": Walk(**walk), "routes": ()})


# --- curves ----------------------------------------------------------------------------------

POINTS = st.lists(st.floats(-1, 1), min_size=3, max_size=64).map(np.array)


@given(POINTS, st.floats(-100, 100))
def test_a_path_goes_through_its_stations_and_comes_back(points, at):
    n = len(points)
    np.testing.assert_allclose(closed_path(points, np.arange(n)), points, atol=1e-12)
    near, far = closed_path(points, at), closed_path(points, at + n)
    assert near == pytest.approx(far, abs=1e-6)
    assert abs(near) <= np.abs(points).max() * 1.25 + 1e-12


@given(POINTS)
def test_a_path_has_no_jumps_and_no_corners(points):
    step = 1e-3
    way = closed_path(points, np.arange(0, len(points) + 1, step))
    assert np.abs(np.diff(way)).max() < 4.0 * step
    assert np.abs(np.diff(way, 2)).max() < 30.0 * step**2


def test_a_straight_line_stays_straight():
    points = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    np.testing.assert_allclose(closed_path(points, [1.25, 2.5, 3.9]), [1.25, 2.5, 3.9])


def test_stations_spread_over_the_reach_and_follow_the_seed():
    made = stations(1, "latent_1", 9, lo=-1.0, hi=3.0, rest=0.0, reach=0.5)
    assert sorted(made)[0] == -0.5
    assert sorted(made)[-1] == 1.5
    assert len(set(made.tolist())) == 9
    assert (made == stations(1, "latent_1", 9, lo=-1.0, hi=3.0, rest=0.0, reach=0.5)).all()
    assert (made != stations(2, "latent_1", 9, lo=-1.0, hi=3.0, rest=0.0, reach=0.5)).any()
    assert (made != stations(1, "latent_2", 9, lo=-1.0, hi=3.0, rest=0.0, reach=0.5)).any()
    assert (stations(1, "a", 5, lo=-1.0, hi=1.0, rest=0.2, reach=0.0) == 0.2).all()


def test_what_walks():
    assert walked(["phase", "latent_2", "morph", "latent_1"]) == ("latent_2", "latent_1", "morph")
    assert walked(["phase", "morph"]) == ()
    assert walked(["latent_1"]) == ("latent_1",)


# --- in a piece ------------------------------------------------------------------------------


def test_latents_walk_and_nothing_else():
    features = song("AB", 20.0)
    still, moved = (table(look, features) for look in (walking(reach=0.0), walking()))
    plain = table(NEURAL.model_copy(update={"routes": ()}), features)
    for name, column in plain.items():
        np.testing.assert_allclose(still[name], column, atol=1e-6, err_msg=name)
        if name.startswith("latent_") or name == "morph":
            assert np.ptp(moved[name]) > np.ptp(column) + 0.05, name
        else:
            assert (moved[name] == column).all(), name


def test_a_walk_comes_back_after_its_stations():
    # In silence the pace is even: a station every bars × BAR / CLOCK_IDLE seconds.
    round_trip = 4 * 1.0 * BAR / CLOCK_IDLE
    features = silence(2.2 * round_trip)
    look = walking(stations=4, bars=1.0)
    moved = table(look, features)["latent_1"]
    knob = next(k for k in knobs_of(pattern_of(look)) if k.name == "latent_1")
    stops = stations(0, "latent_1", 4, lo=knob.lo, hi=knob.hi, rest=0.0, reach=0.6)
    frames = np.arange(len(moved))
    expected = closed_path(stops, frames / 30.0 * CLOCK_IDLE / BAR)
    np.testing.assert_allclose(moved, expected, atol=2e-3)
    assert moved[0] == pytest.approx(stops[0], abs=1e-3)


def test_bars_and_energy_pace_it():
    features = silence(20.0)
    calm, loud = (
        with_tracks(features, energy=np.full(features.frames, value, np.float32))
        for value in (0.0, 1.0)
    )

    def way(made, bars):
        return table(walking(bars=bars), made)["latent_1"]

    assert np.ptp(way(loud, 8.0)) > 0.2
    # Twice the bars, half as fast; energy and tempo count like fewer bars.
    np.testing.assert_allclose(way(loud, 8.0)[::2], way(loud, 4.0)[:300], atol=2e-2)
    share = CLOCK_IDLE / (CLOCK_IDLE + WALK_PACE["energy"])
    np.testing.assert_allclose(way(loud, 16.0), way(calm, 16.0 * share), atol=1e-5)
    beats = MadeBeats(bpm=240.0, confidence=1.0, downbeats=np.arange(0.0, 20.0, 1.0))
    np.testing.assert_allclose(way(replace(loud, beats=beats), 8.0), way(loud, 4.0), atol=1e-5)
    step = np.repeat(np.array([0.0, 1.0], np.float32), features.frames // 2)
    jumping = table(walking(bars=1.0), with_tracks(features, energy=step))["latent_1"]
    assert np.abs(np.diff(jumping)).max() < 0.1


def test_walks_add_to_what_routes_do():
    features = song("AB", 12.0)
    routed = NEURAL.model_copy(update={"walk": None})
    both = NEURAL.model_copy(update={"walk": Walk()})
    alone = table(walking(), features)["latent_2"]
    added = table(both, features)["latent_2"]
    held = table(routed, features)["latent_2"]
    assert np.corrcoef(added - held, alone)[0, 1] > 0.9


# --- looks and commands ----------------------------------------------------------------------


def test_a_walk_is_part_of_the_look_file():
    look = with_walk(NEURAL, seed=3, bars=4.0)
    assert parse_look(dump(look), look.name, "x") == look
    assert with_walk(look, reach=0.2).walk == Walk(seed=3, bars=4.0, reach=0.2)
    with pytest.raises(UserError, match="satin has no latents"):
        with_walk(load_library()["satin"])
    with pytest.raises(UserError, match=r"x\.toml:\d+: walk: .* has no latents"):
        parse_look(dump(load_library()["satin"]) + "\n[walk]\nseed = 1\n", "x", "x.toml")


def test_the_strip_shows_stations_and_the_way_between():
    from afx.explore.tiles import Tile

    look = with_walk(NEURAL, stations=5)
    made = strip(Tile("dream", "Dream", look))
    assert len(made.tiles) == 15
    assert made.columns == 6
    assert len({tile.name for tile in made.tiles}) == 15
    assert made.tiles[3].knobs == knobs_at(look, 1.0)
    assert knobs_at(look, 5.0) == pytest.approx(knobs_at(look, 0.0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_walk_without_a_song_is_a_sheet(folder):
    made = run("explore", "walk", "neural-dream", "--stations", "3", "--size", "64x36", "--json")
    assert made.code == 0, made.err
    assert made.json["output"] == "walk.png"
    assert len(made.json["tiles"]) == 9
    look = look_in("walk.png#4")
    assert look.walk == Walk(stations=3)
    assert look.knobs["latent_1"] == pytest.approx(made.json["tiles"][3]["knobs"]["latent_1"])


def test_a_walk_with_a_song_is_a_video(folder):
    made_song(folder / "song.wav", 3.0)
    words = ("explore", "walk", "neural-dream", "song.wav", *SMALL, "--bars", "1", "--seed", "2")
    made = run(*words, "--json")
    assert made.code == 0, made.err
    assert made.json["walk"] == {"seed": 2, "bars": 1.0, "stations": 8, "reach": 0.6}
    look = parse_look(next(iter(read_settings("song.walk.mp4")["looks"].values())), "n", "n")
    assert look.walk == Walk(seed=2, bars=1.0)
    assert carried("song.walk.mp4").name == "neural-dream"
    saved = run("explore", "save", "song.walk.mp4", "-o", "mine.toml")
    assert saved.code == 0, saved.err
    assert "[walk]" in (folder / "mine.toml").read_text()
    render = run("render", "song.wav", "--look", "mine.toml", *SMALL, "-o", "again.mp4")
    assert render.code == 0, render.err
    assert np.array_equal(pictures(folder / "again.mp4"), pictures(folder / "song.walk.mp4"))


def test_what_walk_is_asked_wrongly(folder):
    made_look(folder / "ink.toml")
    made_song(folder / "song.wav", 0.5)
    (folder / "mine.mp4").write_text("holiday")
    for words, line in (
        (("ink.toml",), "has no latents"),
        (("nosuch",), "no look 'nosuch'"),
        (("neural-dream", "--bars", "0"), "--bars 0: use 1 to 128"),
        (("neural-dream", "--stations", "2"), "--stations 2: use 3 to 64"),
        (("neural-dream", "--reach", "2"), "--reach 2: use 0 to 1"),
        (("neural-dream", "--reach", "nan"), "--reach nan: use 0 to 1"),
        (("neural-dream", "--seed", "-1"), "--seed -1: use 0 to 9007199254740991"),
        (("neural-dream", "missing.wav"), "missing.wav"),
        (("neural-dream", "song.wav", "-o", "mine.mp4"), "--overwrite"),
        (("neural-dream", "song.wav", "-o", "song.wav"), "song itself"),
        (("neural-dream", "song.wav", "--size", "huge"), "huge"),
        (("neural-dream", "-o", "walk.mp4"), "a video needs a song"),
        (("neural-dream", "--threads", "0"), "--threads 0"),
    ):
        refused = run("explore", "walk", *words)
        assert refused.code == 1, words
        assert line in refused.err, refused.err
        assert refused.err.count("\n") == 1, refused.err
