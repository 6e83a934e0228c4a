"""Sources that come from the song's form, harmony and bars: known songs, known curves."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from afx.expression import parse
from afx.expression_text import ExpressionError
from afx.source_names import SOURCES, STEM_PARTS, stem_source, words
from afx.sources import LEAD, Sources
from made_analysis import made_analysis, nothing_analysis
from made_music import grid, silence, with_tracks
from made_sound import Sound
from music_analysis import analysis as analyzers
from music_analysis.chords import Chord
from music_analysis.key import KeySegment
from music_analysis.song_spectra import measure_song
from music_analysis.structure import Event, Section
from music_analysis.synth import SongSpec, make_song

FPS = 30
SONG_NAMES = [
    name
    for name in SOURCES
    if name.startswith(("section.", "key.", "chord.", "tonnetz.", "macro.", "beat.to", "beat.ra"))
]


def section(start: float, end: float, group: int, label: str = "A") -> Section:
    return Section(start, end, label, group, "verse", 0.8, 0.8)


def song(seconds: float = 60.0, **parts: object):
    """Make an analysis that says only what is given: sections, events, keys, chords, home."""
    found = nothing_analysis(seconds)
    keys = tuple(parts.get("keys", ()))
    home = parts.get("home", keys[0].label if keys else None)
    return replace(
        found,
        structure=replace(
            found.structure,
            sections=tuple(parts.get("sections", ())),
            events=tuple(parts.get("events", ())),
        ),
        key=replace(found.key, segments=keys, label=home, confidence=0.9 if keys else 0.0),
        chords=replace(found.chords, segments=tuple(parts.get("chords", ()))),
    )


def heard(analysis=None, seconds: float = 60.0, **options) -> Sources:
    return Sources(silence(seconds), analysis=analysis, **options)


def at(sources: Sources, name: str, second: float) -> float:
    """Return what the picture does while this moment of the song is heard, less the lead."""
    return float(sources[name][round((second - LEAD) * FPS)])


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("analysis", [None, nothing_analysis(20.0)])
def test_with_nothing_known_they_are_at_rest(analysis):
    sources = heard(analysis, 20.0)
    for name in SONG_NAMES:
        rest = 0.5 if "(bipolar)" in SOURCES[name] else 0.0
        assert (sources[name] == rest).all(), name
    assert (sources["build"] == 0).all()
    assert (sources["drop"] == 0).all()
    assert (sources["tempo"] == 0.5).all()


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("frames", [1, 2, 1800])
def test_they_are_in_range_at_any_rate(fps, frames):
    features = replace(silence(frames / float(fps), fps), beats=grid(120.0, 60.0))
    sources = Sources(features, analysis=made_analysis(max(frames / float(fps), 4.0)))
    for name in SOURCES:
        track = sources[name]
        assert track.dtype == np.float32
        assert track.shape == (features.frames,), name
        assert ((track >= 0) & (track <= 1)).all(), name


def test_the_same_whatever_was_asked_before():
    analysis = made_analysis(60.0)
    forth, back = heard(analysis, seed=3), heard(analysis, seed=3)
    for name in SONG_NAMES:
        _ = forth[name]
    for name in reversed(SONG_NAMES):
        np.testing.assert_array_equal(forth[name], back[name])


# --- form ----------------------------------------------------------------------------------------

FORM = (section(0, 20, 0), section(20, 40, 1, "B"), section(40, 60, 0, "A'"))


def test_progress_runs_through_each_section():
    sources = heard(song(sections=FORM))
    for second, share in ((0.04, 0.0), (10.0, 0.5), (19.9, 0.995), (20.1, 0.005), (50.0, 0.5)):
        assert at(sources, "section.progress", second) == pytest.approx(share, abs=0.003)
    assert sources["section.progress"][-1] > 0.99


def test_a_pulse_where_a_section_begins_but_not_at_the_start():
    change = heard(song(sections=FORM))["section.change"]
    assert change[: 15 * FPS].max() < 1e-3
    peaks = [round((second - LEAD) * FPS) for second in (20, 40)]
    assert change[peaks] == pytest.approx(0.9, abs=0.01)  # 0.5 and half of how sure it is
    rise = change[peaks[0] - 6] / change[peaks[0]]
    fall = change[peaks[0] + 45] / change[peaks[0]]
    assert rise < 0.05
    assert fall == pytest.approx(np.exp(-1), abs=0.03)  # after a second and a half


def test_a_section_that_returns_has_its_value_again():
    found = heard(song(sections=FORM))["section.id"]
    first, second, third = (found[k * FPS] for k in (10, 30, 50))
    assert first == third == 0.5
    assert abs(first - second) > 0.2
    assert np.abs(np.diff(found)).max() * FPS < 1.7 * abs(first - second)  # eased


def test_groups_are_told_apart():
    many = [section(5 * k, 5 * k + 5, k) for k in range(12)]
    found = heard(song(sections=many))["section.id"]
    values = sorted(found[round((5 * k + 2.5) * FPS)] for k in range(12))
    assert np.diff(values).min() > 0.03


def test_the_energy_of_a_section_is_its_mean():
    energy = np.where(np.arange(1800) < 600, 0.2, 0.8)
    energy[600:900] = 0.4
    features = with_tracks(silence(60.0), energy=energy)
    found = Sources(features, analysis=song(sections=FORM))["section.energy"]
    assert found[300] == pytest.approx(0.2, abs=0.01)
    assert found[900] == pytest.approx(0.6, abs=0.01)
    assert found[1500] == pytest.approx(0.8, abs=0.01)


def test_builds_ramp_to_where_they_arrive_and_drops_fall_away():
    events = (Event(30.0, "build", 22.0, 0.8), Event(30.0, "drop", 30.0, 0.6))
    sources = heard(song(events=events))
    for second, value in ((21.0, 0.0), (26.0, 0.4), (29.9, 0.79), (30.6, 0.0), (40.0, 0.0)):
        assert at(sources, "build", second) == pytest.approx(value, abs=0.02)
    for second, value in ((29.0, 0.0), (30.0, 0.6), (31.5, 0.6 * np.exp(-1)), (45.0, 0.0)):
        assert at(sources, "drop", second) == pytest.approx(value, abs=0.02)


def test_without_an_analysis_slopes_tell_of_builds_and_drops():
    slow = np.clip((np.arange(1800) - 600) / 600.0, 0.0, 1.0)
    sources = Sources(with_tracks(silence(60.0), presence__all=slow, presence__bass=slow * 3))
    assert sources["build"][900] == pytest.approx(0.3, abs=0.01)
    assert sources["drop"][700] > 0.5
    known = Sources(with_tracks(silence(60.0), presence__all=slow), analysis=song())
    assert (known["build"] == 0).all()


# --- keys ----------------------------------------------------------------------------------------


def keys(*names: str, sure: float = 1.0) -> tuple[KeySegment, ...]:
    length = 60.0 / len(names)
    return tuple(KeySegment(k * length, (k + 1) * length, n, sure) for k, n in enumerate(names))


@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("C major", 0), ("A minor", 0), ("G major", 1), ("E minor", 1), ("F major", -1),
        ("D major", 2), ("Bb major", -2), ("Db major", -5), ("Gb major", 6), ("Eb minor", 6),
        ("F minor", -4), ("B major", 5), ("C# minor", 4),
    ],
)  # fmt: skip
def test_a_key_has_its_place_on_the_circle_of_fifths(key, steps):
    hue = heard(song(keys=keys(key)))["key.hue"]
    assert hue == pytest.approx(0.5 + steps / 24.0, abs=1e-4)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        (("C major", "D major"), 2),
        (("B major", "C major"), -5),
        (("Db major", "Gb major"), -1),  # past the seam, the short way
        (("Gb major", "Db major"), 1),
        (("Gb major", "B major"), -1),
        (("C major", "Gb major"), 6),
        (("Gb major", "C major"), -6),
    ],
)
def test_modulations_go_the_short_way_and_slowly(path, steps):
    hue = heard(song(keys=keys(*path)))["key.hue"]
    assert hue[1700] - hue[100] == pytest.approx(steps / 24.0, abs=1e-3)
    assert np.abs(np.diff(hue)).max() * FPS < 1.0 * abs(steps) / 24.0
    assert hue[900 - 45] == pytest.approx(hue[100], abs=1e-3)  # two seconds around the change
    assert hue[900 + 45] == pytest.approx(hue[1700], abs=1e-3)


def test_the_same_key_comes_back_to_the_same_place():
    hue = heard(song(keys=keys("Eb major", "E major", "B major", "Eb major")))["key.hue"]
    assert hue[200] == hue[-200]


def test_unsure_keys_count_less():
    sure = heard(song(keys=keys("D major", "E major")))
    unsure = heard(song(keys=keys("D major", "E major", sure=0.1)))
    moved = [abs(s["key.hue"][1700] - s["key.hue"][100]) for s in (sure, unsure)]
    assert moved[1] == pytest.approx(0.2 * moved[0], rel=0.02)


def test_the_mode_is_as_far_from_the_middle_as_it_is_sure():
    found = heard(song(keys=(*keys("C major", "C minor")[:1], KeySegment(30, 60, "C minor", 0.4))))
    assert found["key.mode"][300] == 1.0
    assert found["key.mode"][1500] == pytest.approx(0.3, abs=1e-3)
    assert np.abs(np.diff(found["key.mode"])).max() * FPS < 0.8


# --- chords --------------------------------------------------------------------------------------


def progression(*names: str, sure: float = 0.9, length: float = 2.0) -> tuple[Chord, ...]:
    return tuple(Chord(k * length, (k + 1) * length, n, sure) for k, n in enumerate(names))


@pytest.mark.parametrize(
    ("key", "chord", "steps"),
    [
        ("C major", "C:maj", 0), ("C major", "G:maj", 1), ("C major", "G:7/3", 1),
        ("C major", "F:maj", -1), ("C major", "A:min", 2 / 3), ("C major", "Bb:maj", -2),
        ("C major", "E:maj", 2), ("C major", "Eb:maj", -2), ("C major", "N", 0),
        ("A minor", "A:min", 0), ("A minor", "E:min", 1), ("A minor", "D:min7", -1),
        ("A minor", "E:maj", 2), ("Gb major", "Db:maj", 1), ("Gb major", "B:maj", -1),
    ],
)  # fmt: skip
def test_chords_are_as_far_as_the_circle_of_fifths_has_them(key, chord, steps):
    made = song(keys=keys(key), chords=progression(chord, length=60.0))
    assert heard(made)["chord.hue"] == pytest.approx(0.5 + steps / 4.0, abs=1e-4)


def test_chords_are_heard_in_the_key_of_their_time():
    made = song(keys=keys("C major", "G major"), chords=progression(*["G:maj", "C:maj"] * 15))
    hue = heard(made)["chord.hue"]
    assert hue[30] == 0.75
    assert hue[1230] == 0.5


def test_a_chord_turns_within_a_quarter_of_a_second():
    made = song(keys=keys("C major"), chords=progression("C:maj", "G:maj", length=30.0))
    hue = heard(made)["chord.hue"]
    moving = np.flatnonzero((hue > 0.51) & (hue < 0.74))
    assert 2 <= len(moving) <= 9
    assert abs(moving.mean() - (30.0 - LEAD) * FPS) <= 1.5


def test_changes_of_chord_are_events():
    names = ["C:maj", "A:min", "F:maj", "F:maj/3", "N", "G:maj"]
    found = heard(song(chords=progression(*names)))["chord.change"]
    where = np.flatnonzero(found)
    # F over its third has no new tone, and silence is nothing to answer.
    assert where.tolist() == [round(t * FPS) - 1 for t in (2, 4, 10)]
    # One tone is new, and one, and three.
    assert found[where] == pytest.approx([0.6, 0.6, 1.0], abs=1e-4)


def test_at_most_three_changes_a_second():
    found = heard(song(chords=progression(*["C:maj", "F:maj"] * 100, length=0.15)))
    where = np.flatnonzero(found["chord.change"])
    assert 50 <= len(where) <= 91
    assert np.diff(where).min() >= FPS / 3


# --- tonal center, bars, macros ------------------------------------------------------------------


def chroma(*tones: str) -> Sources:
    frames = 300
    tracks = {f"chroma__{tone}": np.full(frames, 0.8) for tone in tones}
    return Sources(with_tracks(silence(10.0), **tracks))


def test_the_tonal_center_is_where_it_was_published():
    # Harte et al. 2006, equation 1: sine and cosine of these angles times the pitch class.
    turns = np.array([7 / 6, 3 / 2, 2 / 3]) * np.pi
    for tones, classes in ((("C",), [0]), (("C", "E", "G"), [0, 4, 7]), (("D#", "A#"), [3, 10])):
        center = np.array(
            [f(turn * k) for k in classes for turn in turns for f in (np.sin, np.cos)]
        )
        want = 0.5 + 0.5 * center.reshape(len(classes), 6).mean(axis=0)
        found = chroma(*tones)
        for k in range(6):
            assert found[f"tonnetz.{k + 1}"] == pytest.approx(want[k], abs=1e-4)


def test_bars_toggle_and_draw_where_the_beat_is_sure():
    features = replace(silence(60.0), beats=grid(120.0, 60.0))
    conf = np.full(features.frames, 0.9)
    conf[1200:] = 0.1
    features = with_tracks(features, beat__conf=conf)
    sources = Sources(features, lead=0.0)
    middles = (np.arange(19) * 2.0 + 1.0) * FPS  # bars last two seconds
    rows = middles.astype(int)
    toggle, drawn = sources["beat.toggle"], sources["beat.rand"]
    assert toggle[rows].tolist() == [1.0, 0.0] * 9 + [1.0]
    assert len(set(drawn[rows].tolist())) == 19
    assert np.ptp(drawn[rows]) > 0.5
    assert (toggle[1230:] == 0.0).all()
    assert (drawn[1230:] == 0.5).all()
    assert np.abs(np.diff(toggle)).max() < 0.6  # eased
    assert (Sources(features, seed=1)["beat.rand"] != Sources(features)["beat.rand"]).any()


@pytest.mark.parametrize(
    ("bpm", "value"), [(120.0, 0.5), (60.0, 0.0), (240.0, 1.0), (90.0, 0.2925), (300.0, 1.0)]
)
def test_tempo_is_counted_in_octaves(bpm, value):
    sources = Sources(replace(silence(5.0), beats=grid(bpm, 60.0)))
    assert sources["tempo"] == pytest.approx(value, abs=1e-4)
    unsure = Sources(replace(silence(5.0), beats=grid(bpm, 60.0, confidence=0.3)))
    assert (unsure["tempo"] == 0.5).all()


def test_macros_are_what_was_set():
    sources = heard(macros={1: 0.8, 8: 1.0})
    assert sources["macro.1"] == pytest.approx(0.8, abs=1e-5)
    assert (sources["macro.8"] == 1.0).all()
    assert (sources["macro.2"] == 0.0).all()


# --- names ---------------------------------------------------------------------------------------


def test_names_of_stems_are_known_and_told():
    assert stem_source("stem.drums") == ("drums", "")
    assert stem_source("stem.lead_vox.hit") == ("lead_vox", "hit")
    for other in ("stem", "stem.", "stem.a.b.c", "stem.drums.nothing", "level.bass"):
        assert stem_source(other) is None
    assert words("stem.drums.hit") == "stem drums: its onsets"
    assert words("level.bass") == SOURCES["level.bass"]
    for part in STEM_PARTS:
        parse(f"0.5*stem.x{'.' if part else ''}{part} + bass")
    with pytest.raises(ExpressionError, match=r"write stem\.NAME, or one of \.hit, "):
        parse("stem.drums.kick")


# --- a song that was played ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def played():
    made = make_song(SongSpec(tempo=110.0, key="G major", sections=(("verse", 8), ("chorus", 8))))
    return made, analyzers.estimate(measure_song(Sound(made.samples)))


def test_a_played_song_in_g_major(played):
    made, analysis = played
    features = replace(silence(made.duration), beats=analysis.tempo.grid)
    sources = Sources(features, analysis=analysis)
    middle = features.frames // 2
    assert sources["key.hue"][middle] == pytest.approx(0.5 + 1 / 24, abs=0.01)
    assert sources["key.mode"][middle] > 0.7
    assert sources["tempo"][0] == pytest.approx(0.5 + 0.5 * np.log2(110 / 120), abs=0.01)
    right = 0
    for start, end, label in made.chords:
        hue = at(sources, "chord.hue", 0.5 * (start + end))
        known = {"G:maj": 0.5, "D:maj": 0.75, "C:maj": 0.25, "E:min": 0.5 + 1 / 6}
        right += abs(hue - known.get(label, hue + 1)) < 0.05
    named = sum(label in ("G:maj", "D:maj", "C:maj", "E:min") for _, _, label in made.chords)
    assert named >= 8
    assert right >= 0.8 * named
