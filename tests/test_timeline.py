from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.arc import MOST, arc
from afx.casting import clash, color_distance, warmth
from afx.compose import compose
from afx.field.knob import Knob
from afx.look import Look, knobs_of, load_library, pattern_of
from afx.palette import Palette
from afx.patterns import PATTERNS as LIBRARY
from afx.scene_plan import scenes
from afx.shot import Change
from afx.sources import LEAD
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from afx.timeline import plan
from afx.transition_plan import Border, choose
from afx.variation import hue_share, varied
from made_analysis import nothing_analysis
from made_music import PATTERNS, MadeSummary, grid, silence, song
from made_sound import Sound
from music_analysis.key import KeySegment
from music_analysis.structure import Event, Section, Structure

BAR = 2.0  # seconds, at 120 bpm


def look(name, pattern="rings", hue=30.0, **suits):
    return Look.model_validate(
        {"name": name, "title": name, "pattern": pattern, "palette": {"hue": hue}, "suits": suits}
    )


LOOKS = [
    look(f"{pattern}{k}", pattern, 40.0 * k + 13.0 * j, energy=0.1 + 0.2 * k)
    for j, pattern in enumerate(("rings", "waves", "plain"))
    for k in range(5)
]


def form(text, *, names=None, events=(), confidence=0.8, bars=1.0):
    """Make a form of letters and bars (``"A8 B8 A'4"``) at two seconds a bar."""
    sections, at = [], 0.0
    letters = {}
    for k, word in enumerate(text.split()):
        label = word.rstrip("0123456789")
        seconds = float(word[len(label) :]) * BAR * bars
        group = letters.setdefault(label.rstrip("'") if label != "N" else f"N{k}", len(letters))
        name = "silence" if label == "N" else (names or {}).get(label, "verse")
        sections.append(Section(at, at + seconds, label, group, name, 0.5, 0.8))
        at += seconds
    times = np.arange(0.0, at, BAR)
    none = np.zeros(0)
    return Structure(
        tuple(sections), confidence, times, np.zeros(len(times), np.float32), tuple(events),
        none, np.zeros((0, 0), np.float32), none, np.zeros((0, 0), np.float32),
    )  # fmt: skip


def analysis(structure, mode=None):
    end = structure.sections[-1].end
    known = nothing_analysis(end)
    key = known.key
    if mode is not None:
        key = replace(key, mode=mode, segments=(KeySegment(0.0, end, f"C {mode}", 1.0),))
    return replace(known, structure=structure, key=key)


def made(structure, energies=None):
    """Make features as long as a form; the energy of each section may be told by its letter."""
    seconds = structure.sections[-1].end
    features = replace(silence(seconds), beats=grid(120.0, seconds))
    for section in structure.sections:
        rows = slice(int(section.start * 30), int(section.end * 30))
        features.tracks["energy"][rows] = (energies or {}).get(section.label[0], 0.5)
    return features


def summarize(features, first, last):
    return MadeSummary(float(features.tracks["energy"][first:last].mean()))


def planned(structure, looks=LOOKS, *, energies=None, mode=None, seed=1):
    return plan(
        made(structure, energies), looks, seed=seed, patterns=PATTERNS, summarize=summarize,
        analysis=analysis(structure, mode),
    )  # fmt: skip


def composed(structure, looks=LOOKS, **rest):
    return compose(
        made(structure), looks, seed=1, patterns=PATTERNS, summarize=summarize,
        analysis=analysis(structure), **rest,
    )  # fmt: skip


def test_sections_are_scenes_and_return():
    shots = planned(form("A8 B8 A8 C8 B8"))
    assert [s.start for s in shots] == [0, 16, 32, 48, 64]
    assert [s.label for s in shots] == ["A", "B", "A", "C", "B"]
    names = [s.look.name for s in shots]
    assert names[0] == names[2]
    assert names[1] == names[4]
    assert len(set(names)) == 3
    assert shots[0].seed == shots[2].seed != shots[1].seed
    assert (shots[0].hue, shots[0].knobs) == (0.0, {})
    # It comes back changed, but hardly.
    assert 0 < abs(shots[2].hue) < 0.03
    assert "0:00" in shots[2].why
    assert {s.change.kind for s in shots[1:]}.isdisjoint({"morph", "cut"})


def test_a_repeated_section_goes_on_and_a_varied_one_is_seen_to_vary():
    first, again, prime = planned(form("A8 A8 A'8 B8"))[:3]
    assert first.look is again.look is prime.look
    assert 15 / 360 < abs(again.hue) < 25 / 360
    assert abs(prime.hue) >= 25 / 360
    assert again.change.kind == prime.change.kind == "morph"


def test_palettes_clash_where_only_gray_lies_between_them():
    def palette(hue, **ends):
        low, high = ends.get("L", (0.2, 0.9))
        tones = [0.0, 0.35, 0.7, 1.0]
        return Palette.model_validate(
            {
                "title": "P",
                "ground": {"L": low, "C": 0.05, "h": hue},
                "anchors": [
                    {"tone": t, "L": low + t * (high - low), "C": 0.1, "h": hue} for t in tones
                ],
            }
        )

    assert not clash(palette(40), palette(40))
    assert not clash(palette(40), palette(110))
    assert clash(palette(40), palette(-140))  # opposite hues
    assert clash(palette(40), palette(40, L=(0.9, 0.2)))  # light where the other is dark


def test_a_long_row_of_one_section_is_shared_by_two_looks():
    shots = planned(form("A10 A10 A10 A10 A10 A10 B10 A10 A10 A10 A10 A10 A10"))
    names = [s.look.name for s in shots if s.label == "A"]
    assert names[:6] == names[6:]
    one, two = names[0], names[5]
    assert names[:6] == [one] * 3 + [two] * 3  # 60 seconds, then another
    assert {s.look.name for s in shots if s.label == "B"}.isdisjoint({one, two})
    # What is left for another look is too short: it stays.
    assert len({s.look.name for s in planned(form("A20 A20 A4 B10"))[:3]}) == 1


def test_four_bars_of_slow_music_have_a_look_of_their_own():
    shots = planned(form("A5 B5 C10"))  # ten seconds
    assert len({s.look.name for s in shots}) == 3
    shots = planned(form("A4 B4 C10"))  # eight
    assert len({s.look.name for s in shots}) == 2


def test_neighbors_among_variations_are_turned_to_different_sides():
    # What is too short for a look is one more variation; the third stands beside the first.
    shots = planned(form("A7 D3 A3 E3 F3 D3 B8"))
    turned = {s.label: s.hue for s in shots if s.look is shots[0].look}
    assert set(turned) == set("ADEF")
    assert abs(turned["D"] - turned["F"]) > 60 / 360


def test_what_is_too_short_for_a_look_varies_its_neighbors():
    shots = planned(form("A8 B4 C8 B4 A8"))
    assert [s.label for s in shots] == ["A", "B", "C", "B", "A"]
    looks = {s.look.name for s in shots}
    assert len(looks) == 2
    assert shots[1].look in (shots[0].look, shots[2].look)
    assert abs(shots[1].hue) >= 25 / 360
    assert shots[1].look is shots[3].look  # the same host, where it can be


def test_a_moment_is_not_shown():
    shots = planned(form("A1 B8 C1 A8 B8 D2"))
    assert [s.start for s in shots] == [0, 20, 36]
    assert [s.label for s in shots] == ["B", "A", "B"]


def test_silence_has_no_look():
    structure = form("N2 A8 N3 B8 N4")
    shots = planned(structure)
    assert [(s.label, s.start) for s in shots] == [("A", 0), ("B", 26)]
    assert shots[1].end == 50
    assert shots[1].change.kind == "dip"


def test_a_long_section_is_divided_where_it_changes():
    structure = form("A45 B8")
    structure.novelty[15] = structure.novelty[31] = 0.9
    shots = planned(structure)
    assert [s.start for s in shots] == [0, 30, 62, 90]
    assert len({s.look.name for s in shots[:3]}) == 1
    turned = [s.hue for s in shots[:3]]
    assert all(abs(a - b) >= 25 / 360 for a, b in itertools.combinations(turned, 2))


def test_beginnings_lie_on_the_nearest_bar():
    structure = form("A8 B8 A8")
    moved = tuple(replace(s, start=s.start and s.start + 0.7) for s in structure.sections)
    late = replace(structure, sections=moved)
    assert [s.start for s in planned(late)] == [0, 16, 32]


def test_a_drop_is_a_hard_cut_on_the_downbeat():
    structure = form("A8 B8 A8", events=[Event(16.1, "drop", 16.1, 0.9)])
    controls = composed(structure)
    assert controls.shots[1].change == Change("cut")
    (frame,) = controls.cuts
    assert frame == round((16 - LEAD) * 30)
    assert controls.at(frame - 1) == ((0, 1.0),)
    assert controls.at(frame) == ((1, 1.0),)
    assert controls.plan()[1]["transition"] == "cut"
    part = composed(structure, first_frame=400, frames=300)
    assert part.cuts == (frame - 400,)


def test_the_loudest_part_gets_the_strongest_look():
    shots = planned(form("A8 B8 C8 A8"), energies={"A": 0.2, "B": 0.8, "C": 0.5})
    force = {s.label: s.look.suits.energy for s in shots}
    assert force["B"] == max(force.values()) >= 0.7
    assert force["A"] == min(force.values())


def test_neighbors_are_of_other_families_and_other_colors():
    shots = planned(form("A8 B8 C8 A8 D8 B8 E8"))
    for a, b in itertools.pairwise(shots):
        assert a.look.pattern != b.look.pattern
        assert color_distance(a.look.palette, b.look.palette) > 0.3


def test_minor_is_cooler_than_major():
    looks = [look(f"h{h}", "rings", h) for h in (75.0, 250.0)]
    assert warmth(looks[0].palette) > 0 > warmth(looks[1].palette)
    chosen = {}
    for mode in ("major", "minor"):
        chosen[mode] = [
            planned(form("A8 A8 A'8"), looks, mode=mode, seed=s)[0].look.name for s in range(12)
        ]
    assert chosen["major"].count("h75.0") > chosen["minor"].count("h75.0")


def test_with_one_look_the_sections_are_still_seen():
    shots = planned(form("A8 B8 A8 C8 B8"), LOOKS[:1])
    assert [s.start for s in shots] == [0, 16, 32, 48, 64]
    assert len({s.seed for s in shots}) == 1
    assert all(s.change.kind == "morph" for s in shots[1:])
    hues = [s.hue for s in shots]
    assert abs(hues[0] - hues[2]) < 0.03
    assert abs(hues[1] - hues[4]) < 0.03
    for a, b in itertools.combinations([hues[0], hues[1], hues[3]], 2):
        assert abs(a - b) >= 25 / 360
    knobs = shots[1].knobs
    assert {"zoom"} < set(knobs)
    assert planned(form("A8 B8 A8 C8 B8"), LOOKS[:1]) == shots


@pytest.mark.parametrize("parts", ["A8 B3", "A8", "N20"])
def test_no_form_no_sections(parts):
    structure = form(parts)
    assert scenes(structure, structure.sections[-1].end, np.arange(0.0, 99.0, BAR)) is None
    unclear = form("A8 B8 A8", confidence=0.2)
    assert scenes(unclear, 48.0, np.arange(0.0, 99.0, BAR)) is None


@pytest.mark.parametrize("seconds", [5.0, 23.0, 40.0, 120.0, 700.0, 3600.0])
def test_music_without_a_form_gets_an_arc(seconds):
    features = silence(seconds, Fraction(10))
    chance = np.random.default_rng(3)
    wander = np.cumsum(chance.standard_normal(features.frames))
    features.tracks["energy"][:] = (wander - wander.min()) / np.ptp(wander)
    features.tracks["novelty"][:] = chance.random(features.frames)
    parts = arc(features)
    assert parts[0].start == 0
    assert parts[-1].end == features.duration
    assert all(a.end == b.start for a, b in itertools.pairwise(parts))
    casts = len({p.cast for p in parts})
    assert casts <= MOST
    assert casts >= 2 or seconds < 30
    shots = plan(
        features, LOOKS, seed=0, patterns=PATTERNS, summarize=summarize,
        analysis=analysis(form("A8", confidence=0.1)),
    )  # fmt: skip
    assert len({s.look.name for s in shots}) == casts
    for shot in shots[1:]:
        if shot.change.kind not in ("morph", "cut"):
            assert shot.change.length(None) >= 2.5


def test_an_arc_closes_where_it_began():
    parts = arc(song("ABCDE", 24.0))
    assert [p.cast for p in parts] == [0, 1, 2, 3, 0]


words = st.lists(
    st.tuples(st.sampled_from(["A", "A'", "B", "C", "D", "N"]), st.integers(1, 30)),
    min_size=1,
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(words, st.floats(0.3, 1.6), st.integers(1, 15))
def test_any_form_is_covered(sections, bars, looks):
    structure = form(" ".join(f"{a}{n}" for a, n in sections), bars=bars)
    controls = composed(structure, LOOKS[:looks])
    shots = controls.shots
    assert shots[0].start == 0
    assert shots[-1].end == controls.frames / 30
    assert all(a.end == b.start for a, b in itertools.pairwise(shots))
    assert controls.scenes[0].first == 0
    assert controls.scenes[-1].last == controls.frames
    for a, b in itertools.pairwise(controls.transitions):
        assert a.end <= b.begin
    for a, b in itertools.pairwise(controls.scenes):
        assert a.first < b.first <= a.last < b.last
    runs = [list(g) for _, g in itertools.groupby(shots, key=lambda s: s.look.name)]
    if len(runs) > 1:
        assert min(run[-1].end - run[0].start for run in runs) >= 12 - BAR
    for scene in controls.scenes:
        for k, values in zip(knobs_of(PATTERNS[scene.look.pattern]), scene.values.T, strict=True):
            if k.kind == "value":
                assert values.min() >= np.float32(k.lo)
                assert values.max() <= np.float32(k.hi)


def test_transitions_are_many_and_follow_the_music():
    beats = grid(120.0, 60.0)

    def kinds(**border):
        found = [
            choose(Border(same_look=False, **border), beats, None, np.random.default_rng(k))
            for k in range(60)
        ]
        return {c.kind for c in found}, found

    calm, changes = kinds(before=0.2, after=0.2)
    assert calm == {"blend", "wipe", "dip"}
    assert all(c.length(120.0) == 2.0 for c in changes)  # four beats
    marked, changes = kinds(novelty=0.8, after=0.8)
    assert marked == {"wipe", "warp", "blend"}
    assert all(c.length(120.0) == 1.0 for c in changes)  # two
    assert {c.shape for c in changes if c.kind == "wipe"} == {"radial", "field", "linear"}
    assert all(0.12 <= c.soft <= 0.3 for c in changes if c.kind == "wipe")
    assert {(c.shape, c.soft) for c in changes if c.kind == "warp"} == {("radial", 0.6)}
    # Where only gray lies between two palettes, nothing is mixed all over the picture.
    clashing, changes = kinds(before=0.2, after=0.2, clash=True)
    assert clashing == {"wipe", "dip"}
    assert all(
        c.soft >= 0.2 and c.shape in ("plasma", "field") for c in changes if c.kind == "wipe"
    )
    grown, changes = kinds(remembers=True)
    assert grown == {"handover"}
    assert {c.shape for c in changes} == {"plasma", "field"}
    assert all(0.45 <= c.soft <= 0.6 for c in changes)
    assert {c.shape for c in kinds(remembers=True, direct=True)[1]} == {"plasma"}
    assert choose(Border(True), beats, None, np.random.default_rng(0)).kind == "morph"
    assert choose(Border(True, True), beats, None, np.random.default_rng(0)).kind == "handover"
    assert kinds(drop=0.9)[0] == {"cut"}
    punch = choose(Border(False, drop=0.3), beats, "cut", np.random.default_rng(0))
    assert (punch.kind, punch.length(120.0)) == ("warp", 0.5)
    # The last kind is not likely to come again.
    again = [choose(Border(False, novelty=0.8), beats, "wipe", np.random.default_rng(k)).kind
             for k in range(60)]  # fmt: skip
    assert again.count("wipe") < 20


def column(scene, name):
    return scene.values[:, scene.names.index(name)].astype(float)


def check_speed(values, knob: Knob, most: float):
    assert np.abs(np.diff(values)).max() * 30 <= most * (knob.hi - knob.lo)


def timeline(change, **second):
    extra = "".join(f"{k} = {v}\n" for k, v in second.items())
    return (
        '[[scene]]\nstart = 0\nend = 20\nlook = "one"\n'
        f'[[scene]]\nstart = 20\nend = 40\nlook = "two"\ntransition = {change}\n{extra}'
    )


def shown(change, looks=None, **second):
    looks = looks or [look("one", "rings"), look("two", "waves")]
    return compose(
        replace(silence(40.0), beats=grid(120.0, 40.0)), looks, seed=1, patterns=PATTERNS,
        summarize=summarize, timeline=timeline(change, **second),
    )  # fmt: skip


def test_a_warp_pushes_both_scenes_the_same_way():
    plain, pushed = shown('"blend"'), shown('"warp"')
    (change,) = pushed.transitions
    begin, end = int(change.begin) + 1, int(np.ceil(change.end))
    for name, knob in ((k.name, k) for k in STAGE_KNOBS if k.name in ("zoom", "turn")):
        out, into = (
            column(b, name) - column(a, name)
            for a, b in zip(plain.scenes, pushed.scenes, strict=True)
        )
        assert np.all(out[:begin] == 0)
        assert np.all(np.diff(out[begin:end]) > 0)
        assert np.all(np.diff(into[: end - begin]) > 0)
        assert into[0] < -0.03
        assert np.abs(into[end - begin :]).max() < 1e-6
        check_speed(out, knob, 0.6)
        check_speed(into, knob, 0.6)


def test_a_dip_goes_down_and_up_and_no_faster_than_exposure_may():
    dipped, plain = (shown(f'{{kind = "{kind}", seconds = 4}}') for kind in ("dip", "blend"))
    knob = next(k for k in GRADE_KNOBS if k.name == "exposure")
    for a, b in zip(plain.scenes, dipped.scenes, strict=True):
        depth = column(b, "exposure") - column(a, "exposure")
        assert depth.min() == pytest.approx(-1.0, abs=0.02)
        check_speed(depth, knob, 0.6)
    assert depth[-1] == 0


def test_clocks_meet_in_a_morph():
    one = look("one").model_copy(update={"knobs": {"phase": 0.2}})
    controls = shown('"morph"', [one, one.model_copy(update={"name": "two"})], knobs="{phase = 1}")
    # Of two looks, clocks run on; of one, the new speed begins where the old one was.
    both = compose(
        replace(silence(40.0), beats=grid(120.0, 40.0)), [one], seed=1, patterns=PATTERNS,
        summarize=summarize,
        timeline=timeline('"morph"', knobs="{phase = 1}").replace('"two"', '"one"'),
    )  # fmt: skip
    begin = int(both.transitions[0].begin) + 1
    old, new = (column(scene, "phase") for scene in both.scenes)
    assert new[0] == pytest.approx(old[begin], abs=0.05)
    assert (new[-1] - new[0]) > 2 * (old[-1] - old[0])
    apart = column(controls.scenes[1], "phase")[0] - column(controls.scenes[0], "phase")[begin]
    assert abs(apart) > 0.05


def test_every_look_has_something_to_vary():
    for name, one in load_library().items():
        knobs = {k.name: k for k in knobs_of(pattern_of(one, LIBRARY))}
        hue, changed = varied(one, LIBRARY, other=1)
        share = hue_share(one.palette)
        assert abs(hue) >= 25 / 360 * share, name
        assert len(changed) >= 3, name
        for kin in range(1, 6):
            turn, values = varied(one, LIBRARY, kin=kin)
            assert 25 / 360 * share <= abs(turn) <= 55 / 360 * share, name
            for knob, value in values.items():
                assert knobs[knob].lo <= value <= knobs[knob].hi, (name, knob)
        for other, kin, echo in itertools.product(range(4), range(5), range(3)):
            turn, _ = varied(one, LIBRARY, other=other, kin=kin, echo=echo, shared=other > 0)
            assert abs(turn) <= 62 / 360 * share, name
        assert varied(one, LIBRARY, kin=2, times=1) == varied(one, LIBRARY, kin=2, times=1)
        assert varied(one, LIBRARY) == (0.0, {})


def test_warm_palettes_turn_less():
    def turned(hue, **palette):
        one = Look.model_validate(
            {"name": "a", "title": "a", "pattern": "rings", "palette": {"hue": hue, **palette}}
        )
        return abs(varied(one, PATTERNS, other=1)[0])

    assert turned(240) == turned(150) >= 43 / 360  # water may be blue or green
    assert turned(60, span=40) == pytest.approx(0.4 * turned(240), abs=1e-4)  # fur is tawny
    assert turned(60, span=40) < turned(0, span=40) < turned(-60, span=40) + 1e-9
    assert turned(60, chroma=0.0) == turned(240)  # gray is not warm


def test_a_played_song_shows_its_sections():
    from music_analysis.analysis import estimate
    from music_analysis.features import extract
    from music_analysis.features import summarize as summary
    from music_analysis.song_spectra import measure_song
    from music_analysis.synth import SongSpec, make_song

    sections = (("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8))
    made = make_song(SongSpec(tempo=120.0, sections=sections))
    sound = Sound(made.samples)
    heard = estimate(measure_song(sound))
    features = extract(sound, Fraction(10), heard.tempo.grid)
    looks = list(load_library().values())
    shots = plan(
        features, looks, seed=0, patterns=LIBRARY, summarize=summary, analysis=heard
    )  # fmt: skip
    starts = [s.start for s in shots]
    for border in (16.0, 32.0, 48.0):
        assert min(abs(start - border) for start in starts) < 0.5
    at = {t: next(s for s in shots if s.start <= t < s.end).look.name for t in (8, 24, 40, 56)}
    assert at[8] == at[40] != at[24] == at[56]


def test_a_row_of_sections_returns_row_by_row():
    shots = planned(form("A8 A8 A8 B8 A8 A8 B8"))
    hues = [s.hue for s in shots if s.label == "A"]
    assert all(abs(a - b) > 0.03 for a, b in itertools.pairwise(hues[:3]))
    assert hues[3:] == pytest.approx(hues[:2], abs=0.03)
