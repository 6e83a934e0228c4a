"""Color from the song: what mode, tempo, loudness, key and chords do to a palette, in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from afx import palette as palettes
from afx.color_routes import COLOR_ROUTES
from afx.default_routes import DEFAULT_ROUTES
from afx.look import Look, dump, knobs_of, load_library, parse_look, pattern_of
from afx.palette import PALETTES
from afx.palette_choice import with_palette
from afx.routes import Grip, Temperament, routes_of
from afx.source_names import SOURCES
from afx.sources import Sources
from afx.stage import GRADE_KNOBS
from made_analysis import nothing_analysis
from made_music import grid, silence, with_tracks
from music_analysis.chords import Chord
from music_analysis.key import KeySegment

LOOK = Look(title="Plain", pattern="ink", palette="ember")
KNOBS = knobs_of(pattern_of(LOOK))
REST = {knob.name: knob.default for knob in KNOBS}
SECONDS = 20.0


def graded(
    key: str = "",
    chord: str = "",
    bpm: float = 120.0,
    energy: float = 0.5,
    sure: float = 1.0,
    temperament: Temperament = "groove",
) -> dict[str, float]:
    """Return the grade in the middle of a song of one key, chord, tempo and loudness."""
    song = nothing_analysis(SECONDS)
    if key:
        segments = (KeySegment(0.0, SECONDS, key, sure),)
        song = replace(song, key=replace(song.key, label=key, confidence=sure, segments=segments))
    if chord:
        chords = (Chord(0.0, SECONDS, chord, 1.0),)
        song = replace(song, chords=replace(song.chords, segments=chords))
    features = replace(silence(SECONDS), beats=grid(bpm, SECONDS))
    frames = features.frames
    features = with_tracks(features, energy=np.full(frames, energy), centroid=np.full(frames, 0.5))
    grip = Grip(Sources(features, analysis=song), temperament=temperament)
    table = grip.table(LOOK, KNOBS, 0)
    return {knob.name: float(table[frames // 2, i]) for i, knob in enumerate(KNOBS)}


def lightness(grade: dict[str, float]) -> float:
    """Return the mean OKLab lightness of ember's ramp with this lift, over all tones."""
    tones = np.linspace(0, 1, 256)
    ramp = palettes.ramp(PALETTES["ember"])[:, 0]
    lifted = tones + grade["lift"] * 2.0 * tones * (1.0 - tones)
    return float(np.interp(lifted, tones, ramp).mean())


MIDDLE = graded()


def test_they_hold_what_every_look_has_and_swing_around_the_middle():
    grade = {knob.name for knob in GRADE_KNOBS}
    assert {route.knob for route in COLOR_ROUTES} == {"hue", "chroma", "lift", "warmth"}
    assert {route.knob for route in COLOR_ROUTES} <= grade
    assert set(COLOR_ROUTES) <= set(DEFAULT_ROUTES)
    pairs = [(route.source, route.knob) for route in DEFAULT_ROUTES]
    assert len(set(pairs)) == len(pairs)
    for route in COLOR_ROUTES:
        assert route.bipolar
        assert "(bipolar)" in SOURCES[route.source] or route.source == "energy"


def test_a_middling_song_leaves_colors_alone():
    for name in ("hue", "chroma", "lift", "warmth"):
        assert MIDDLE[name] == pytest.approx(REST[name], abs=1e-4), name


def test_major_is_lighter_more_colorful_and_warmer_than_minor():
    major, minor = graded("C major"), graded("A minor")
    assert 0.02 < lightness(major) - lightness(MIDDLE) < 0.05
    assert 0.02 < lightness(MIDDLE) - lightness(minor) < 0.05
    assert 1.1 < major["chroma"] < 1.25
    assert 0.75 < minor["chroma"] < 0.9
    assert 0.2 < major["warmth"] == pytest.approx(-minor["warmth"])
    assert major["warmth"] < 0.4
    assert major["hue"] == minor["hue"] == pytest.approx(0.0, abs=1e-4)
    unsure = graded("C major", sure=0.2)
    assert unsure["warmth"] == pytest.approx(0.2 * major["warmth"], rel=0.02)


def test_fast_is_lighter_and_more_colorful():
    fast, slow = graded(bpm=180.0), graded(bpm=70.0)
    assert lightness(fast) > lightness(MIDDLE) > lightness(slow)
    assert fast["chroma"] > MIDDLE["chroma"] > slow["chroma"]
    assert fast["hue"] == slow["hue"] == MIDDLE["hue"]


def test_loud_is_darker_more_colorful_and_redder():
    loud, quiet = graded(energy=1.0), graded(energy=0.0)
    assert lightness(loud) < lightness(MIDDLE) < lightness(quiet)
    assert loud["chroma"] > MIDDLE["chroma"] > quiet["chroma"]
    assert loud["warmth"] > MIDDLE["warmth"] > quiet["warmth"]


@pytest.mark.parametrize(
    ("key", "degrees"), [("G major", 4.8), ("F major", -4.8), ("E major", 19.2), ("Gb major", 28.8)]
)
def test_keys_turn_palettes_a_little(key, degrees):
    assert 360.0 * graded(key)["hue"] == pytest.approx(degrees, abs=0.05)


@pytest.mark.parametrize(
    ("chord", "degrees"),
    [("C:maj", 0), ("G:maj", 7.2), ("F:maj", -7.2), ("A:min", 4.8), ("E:maj", 14.4), ("N", 0)],
)
def test_chords_turn_hues_and_nothing_else(chord, degrees):
    home, away = graded("C major"), graded("C major", chord)
    assert 360.0 * (away["hue"] - home["hue"]) == pytest.approx(degrees, abs=0.05)
    assert {**away, "hue": 0.0} == {**home, "hue": 0.0}


def test_the_whole_of_it_keeps_a_look_recognizable():
    extremes = [
        graded(key, chord, bpm, energy)
        for key, chord in (("Gb major", "Ab:maj"), ("Db major", "B:maj"), ("Eb minor", "Bb:maj"))
        for bpm in (60.0, 200.0)
        for energy in (0.0, 1.0)
    ]
    for grade in extremes:
        assert abs(360.0 * grade["hue"]) < 45.0
        assert abs(grade["lift"]) < 0.25
        assert 0.55 < grade["chroma"] <= 1.3
        assert abs(grade["warmth"]) < 0.6


@pytest.mark.parametrize("temperament", ["calm", "impact", "ambient"])
def test_colors_are_the_same_in_every_temperament(temperament):
    mine, groove = graded("E minor", temperament=temperament), graded("E minor")
    for name in ("hue", "chroma", "lift", "warmth"):
        assert mine[name] == pytest.approx(groove[name], abs=1e-3)


def test_colors_that_were_asked_for_are_not_turned_by_the_key():
    looks = with_palette({"plain": LOOK}, PALETTES["peacock"])
    holds = {(r.source, r.knob) for r in routes_of(looks["plain"], KNOBS)}
    assert ("key.hue", "hue") not in holds
    assert ("chord.hue", "hue") in holds
    assert with_palette(looks, PALETTES["dusk"])["plain"].routes == looks["plain"].routes
    name = next(iter(load_library()))
    dressed = with_palette({name: load_library()[name]}, PALETTES["dusk"])[name]
    assert parse_look(dump(dressed), name, "x.toml") == dressed
