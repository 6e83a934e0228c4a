from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.arc import boundaries
from afx.casting import distance
from afx.compose import compose
from afx.cutting import SCENES
from afx.look import Look, knobs_of
from afx.sources import LEAD
from made_music import PATTERNS, MadeSummary, grid, silence, song
from music_analysis.errors import UserError


def look(name: str, pattern: str = "rings", **changes) -> Look:
    return Look.model_validate(
        {"name": name, "title": name.title(), "pattern": pattern, "palette": {}} | changes
    )


LOOKS = [
    look("calm", "rings", suits={"energy": 0.1}),
    look("loud", "waves", suits={"energy": 0.9}),
    look("middle", "plain"),
    look("other", "waves", suits={"brightness": 0.9}, knobs={"spin": 0.1}),
]


def summarize(features, first, last):
    energy, brightness = (features.tracks[t][first:last].mean() for t in ("energy", "centroid"))
    return MadeSummary(float(energy), float(brightness))


def composed(features, looks=LOOKS, *, seed=1, **rest):
    return compose(features, looks, seed=seed, patterns=PATTERNS, summarize=summarize, **rest)


def test_one_look_is_one_scene():
    features = song("AB")
    controls = composed(features, LOOKS[0])
    assert controls.frames == features.frames
    assert controls.fps == 30
    (scene,) = controls.scenes
    assert (scene.first, scene.last) == (0, features.frames)
    assert scene.names == tuple(k.name for k in knobs_of(PATTERNS["rings"]))
    assert scene.values.shape == (features.frames, len(scene.names))
    assert scene.values.dtype == np.float32
    assert controls.at(0) == ((0, 1.0),)
    assert controls.plan()[0]["look"] == "calm"


def test_every_value_is_finite_and_in_range():
    for scene in composed(song("ABAC")).scenes:
        assert np.isfinite(scene.values).all()
        for k, values in zip(knobs_of(PATTERNS[scene.look.pattern]), scene.values.T, strict=True):
            if k.kind == "value":
                inside = (values >= np.float32(k.lo)) & (values <= np.float32(k.hi))
                assert inside.all(), k.name


def check_cover(controls):
    scenes = controls.scenes
    assert scenes[0].first == 0
    assert scenes[-1].last == controls.frames
    before = {}
    for frame in range(controls.frames):
        seen = controls.at(frame)
        assert 1 <= len(seen) <= 2
        assert sum(w for _, w in seen) == pytest.approx(1.0)
        for index, weight in seen:
            assert 0 < weight <= 1
            assert scenes[index].first <= frame < scenes[index].last
            assert abs(weight - before.get(index, 0.0)) < 0.2 or frame == 0
        before = dict(seen)


def test_scenes_cover_all_frames_and_weights_sum_to_one():
    controls = composed(song("ABAC"))
    assert len(controls.scenes) == 4
    check_cover(controls)
    with pytest.raises(IndexError):
        controls.at(controls.frames)
    with pytest.raises(IndexError):
        controls.at(-1)


def test_looks_change_where_the_music_does():
    controls = composed(song("ABAC"))
    starts = [shot.start for shot in controls.shots]
    assert starts == pytest.approx([0, 20, 40, 60], abs=1.01)
    assert all(s % 2.0 == pytest.approx(0) for s in starts)  # on bars of 2 s
    # Two beats at a strong change, centered on it, ahead by the lead.
    begin, end = controls.transitions[0].begin, controls.transitions[0].end
    assert end - begin == pytest.approx(30)
    assert (begin + end) / 2 == pytest.approx((20 - LEAD) * 30)


def test_a_part_that_returns_brings_its_look_back():
    shots = composed(song("ABACB")).shots
    names = [shot.look.name for shot in shots]
    assert names[0] == names[2]
    assert names[1] == names[4]
    assert len(set(names[:2] + names[3:4])) == 3
    assert shots[0].seed == shots[2].seed != shots[1].seed
    assert "0:00" in shots[2].why


def test_looks_suit_the_music():
    features = song("A", 30.0)
    loud = replace(features, tracks=features.tracks | {"energy": np.full(900, 0.95, np.float32)})
    calm = replace(features, tracks=features.tracks | {"energy": np.full(900, 0.05, np.float32)})
    both = LOOKS[:2]
    assert composed(loud, both).shots[0].look.name == "loud"
    assert composed(calm, both).shots[0].look.name == "calm"
    assert distance(LOOKS[0], MadeSummary(0.1, 0.5, 120.0)) == 0
    assert distance(LOOKS[0], MadeSummary(0.1, 0.5, 60.0)) == pytest.approx(0.5)
    assert distance(LOOKS[0], MadeSummary(0.1, 0.5, 60.0, 0.0)) == 0


def test_no_look_twice_before_all_were_seen_and_families_alternate():
    looks = [one.model_copy(update={"suits": LOOKS[2].suits}) for one in LOOKS]
    shots = composed(song("ABCDEFGH"), looks).shots
    names = [shot.look.name for shot in shots]
    assert set(names[:4]) == {lk.name for lk in LOOKS}
    assert all(a != b for a, b in itertools.pairwise(names))
    waves = [shot.look.pattern == "waves" for shot in shots[:4]]
    assert not any(a and b for a, b in itertools.pairwise(waves))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(1, 400), st.sampled_from([0.0, 0.9]), st.floats(40, 220))
def test_no_look_is_shown_too_briefly(seed, seconds, confidence, bpm):
    chance = np.random.default_rng(seed)
    features = silence(seconds, Fraction(10))
    features.tracks["novelty"][:] = chance.random(features.frames)
    features = replace(features, beats=grid(bpm, seconds, confidence))
    edges = [0.0, *(t for t, _ in boundaries(features)), features.duration]
    lengths = np.diff(edges)
    if len(edges) > 2:
        assert lengths.min() >= SCENES.shortest - 1e-6
    if seconds >= 2 * SCENES.longest:
        assert lengths.max() <= SCENES.longest + 8.0
    if seconds < 20:
        assert len(edges) == 2


def test_a_change_too_early_for_a_cut_is_not_moved_to_a_later_bar():
    features = silence(36.0)
    time = np.arange(features.frames) / 30.0
    features.tracks["novelty"][:] = np.exp(-((time - 8.0) ** 2)) + 0.9 * np.exp(
        -((time - 20.3) ** 2)
    )
    features = replace(features, beats=grid(120.0, 36.0))
    assert boundaries(features) == [(20.0, pytest.approx(0.9, abs=0.01))]


def test_silence_still_makes_a_calm_moving_video():
    controls = composed(silence(60.0))
    assert len(controls.scenes) >= 2
    for scene in controls.scenes:
        clock = scene.values[:, scene.names.index("drift")].astype(float)
        assert np.diff(clock).min() > 0


@pytest.mark.parametrize("window", [(0, 1), (0, 700), (590, 20), (605, 1), (1234, None), (2399, 9)])
def test_an_excerpt_has_the_rows_of_the_whole(window):
    features = song("ABAC")
    whole = composed(features)
    first, count = window
    part = composed(features, first_frame=first, frames=count)
    assert part.frames == (features.frames - first if count is None else min(count, 2400 - first))
    for frame in range(0, part.frames, 1 if part.frames < 50 else 7):
        a, b = part.at(frame), whole.at(frame + first)
        assert [w for _, w in a] == [w for _, w in b]
        for (i, _), (j, _) in zip(a, b, strict=True):
            one, two = part.scenes[i], whole.scenes[j]
            assert (one.look, one.seed, one.names) == (two.look, two.seed, two.names)
            row = two.values[frame + first - two.first]
            assert one.values[frame - one.first].tobytes() == row.tobytes()
    if part.frames > 1:
        check_cover(part)


def test_same_inputs_same_bytes_and_seeds_differ():
    features = song("ABCD")
    one, two = composed(features), composed(features)
    assert [s.look.name for s in one.scenes] == [s.look.name for s in two.scenes]
    assert all(
        a.values.tobytes() == b.values.tobytes()
        for a, b in zip(one.scenes, two.scenes, strict=True)
    )
    other = composed(features, seed=2)
    assert other.scenes[0].seed != one.scenes[0].seed
    assert other.scenes[0].values.tobytes() != one.scenes[0].values.tobytes()


def test_clocks_run_on_while_another_look_is_shown():
    features = song("ABA")
    whole = composed(features, LOOKS[:2])
    a, b, again = whole.scenes
    assert a.look is again.look
    assert b.look is not a.look
    alone = composed(features, a.look).scenes[0]
    clocks = [i for i, k in enumerate(knobs_of(PATTERNS[a.look.pattern])) if k.kind == "clock"]
    heard = alone.values[again.first : again.last, clocks]
    assert again.values[:, clocks].tobytes() == heard.tobytes()


def test_mistakes():
    features = song("A")
    with pytest.raises(ValueError, match="no looks"):
        composed(features, [])
    with pytest.raises(ValueError, match="frames 0 to 599"):
        composed(features, first_frame=600)
    with pytest.raises(ValueError, match="frames"):
        composed(features, frames=0)
    with pytest.raises(ValueError, match="reactivity"):
        composed(features, reactivity=float("nan"))
    with pytest.raises(UserError, match="no pattern 'gone'"):
        composed(features, look("bad", "gone"))


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_hardly_any_frames(frames):
    controls = composed(silence(frames / 30))
    assert controls.frames == frames
    assert np.isfinite(controls.scenes[0].values).all()
    check_cover(controls)


def test_the_plan_is_for_people():
    controls = composed(song("ABAC"), first_frame=300)
    plan = controls.plan()
    assert plan[0]["start"] == 0
    assert plan[-1]["end"] == pytest.approx(70)
    assert all(p["why"] and p["end"] > p["start"] for p in plan)


def test_an_hour_of_controls_is_small():
    features = song("ABCD", 900.0)
    looks = [look(f"look{i}", ["rings", "waves", "plain"][i % 3]) for i in range(12)]
    controls = composed(features, looks)
    assert sum(scene.values.nbytes for scene in controls.scenes) < 40e6
