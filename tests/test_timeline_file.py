from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afx.compose import compose
from afx.look import Look, dump, load_library
from afx.options import Film, Picture, Show
from afx.options import plan as job_of_options
from afx.shot import Change
from afx.timeline_file import read_timeline, timeline_path, write_timeline
from afx.timeline_format import NAMED_BY, clock, parse_timeline, timeline_text
from made_music import PATTERNS, MadeSummary, grid, silence, song
from music_analysis.errors import UserError
from music_analysis.synth import SongSpec, make_song, write_wav

LOOKS = {
    name: Look.model_validate(
        {"name": name, "title": name.title(), "pattern": pattern, "palette": {"hue": hue}}
    )
    for name, pattern, hue in (
        ("one", "rings", 20.0),
        ("two", "waves", 140.0),
        ("3rd", "plain", 260),
    )
}
TWO = """\
[[scene]]
start = 0
end = 20
look = "one"

[[scene]]
start = 20
end = 40
look = "two"
transition = {kind = "wipe", beats = 2, shape = "linear", soft = 0.2, angle = 0.25}
hue = 0.1
knobs = {zoom = 0.5}
"""


def summarize(features, first, last):
    return MadeSummary(float(features.tracks["energy"][first:last].mean()))


def composed(features, looks=None, **rest):
    looks = list((looks or LOOKS).values())
    return compose(features, looks, seed=3, patterns=PATTERNS, summarize=summarize, **rest)


def read(tmp_path, text, name="my.timeline.toml", library=None):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_timeline(path, library or LOOKS, PATTERNS)


def same(one, two):
    assert one.frames == two.frames
    assert one.transitions == two.transitions
    for a, b in zip(one.scenes, two.scenes, strict=True):
        assert (a.look, a.seed, a.first, a.last, a.names) == (
            b.look,
            b.seed,
            b.first,
            b.last,
            b.names,
        )
        assert a.values.tobytes() == b.values.tobytes()
    assert one.plan() == two.plan()


@pytest.mark.parametrize("parts", ["ABACB", "ABCDEFGHA", "A"])
@pytest.mark.parametrize("sure", [0.9, 0.1])
def test_the_written_file_renders_what_was_planned(tmp_path, parts, sure):
    features = song(parts, 17.77)
    features = replace(features, beats=grid(121.3, features.duration, sure))
    planned = composed(features)
    text = timeline_text(planned.shots, "a song.mp3", "a song.timeline.toml")
    again, looks = read(tmp_path, text)
    same(planned, composed(features, looks, timeline=again))
    same(planned, composed(features, looks, timeline=text))
    # And what is written of it is the same text.
    shots = composed(features, looks, timeline=again).shots
    assert timeline_text(shots, "a song.mp3", "a song.timeline.toml") == text


def test_it_is_for_people():
    shots = composed(song("ABA")).shots
    text = timeline_text(shots, "a song.mp3", "a song.timeline.toml")
    assert "afx render 'a song.mp3' --timeline 'a song.timeline.toml'" in text
    assert "# 0:20 to 0:40" in text
    data = tomllib.loads(text)
    assert data["song"] == "a song.mp3"
    assert [s["look"] for s in data["scene"]] == [s.look.name for s in shots]
    assert "transition" not in data["scene"][0]
    assert all(s["why"] for s in data["scene"])
    odd = timeline_text(shots, "line\nbreak.mp3", "x\n.toml")
    assert tomllib.loads(odd)["song"] == "line\nbreak.mp3"


def test_every_word_of_a_scene_counts(tmp_path):
    features = replace(silence(40.0), beats=grid(120.0, 40.0))
    text, looks = read(tmp_path, TWO)
    controls = composed(features, looks, timeline=text)
    second = controls.shots[1]
    assert second.change == Change("wipe", 2.0, None, "linear", 0.2, 0.25)
    assert (second.start, second.end, second.hue) == (20, 40, 0.1)
    (change,) = controls.transitions
    assert (change.kind, change.shape, change.soft, change.angle) == ("wipe", "linear", 0.2, 0.25)
    assert change.end - change.begin == pytest.approx(30)  # two beats at 120 bpm
    plain = composed(features, looks, timeline=TWO.replace("hue = 0.1\nknobs = {zoom = 0.5}\n", ""))
    a, b = plain.scenes[1], controls.scenes[1]
    apart = {
        name: float((b.values - a.values)[:, i].mean())
        for i, name in enumerate(b.names)
        if not np.array_equal(a.values[:, i], b.values[:, i])
    }
    assert apart == {"hue": pytest.approx(0.1, abs=0.02), "zoom": pytest.approx(0.5, abs=0.05)}


def test_ends_that_are_nearly_right_are_right(tmp_path):
    features = silence(40.3)
    text, looks = read(tmp_path, TWO.replace("start = 20", "start = 20.03"))
    controls = composed(features, looks, timeline=text)
    assert controls.shots[0].end == controls.shots[1].start == 20.03
    assert controls.shots[1].end == controls.frames / 30
    assert composed(silence(39.6), looks, timeline=text).shots[1].end == pytest.approx(39.6)


def test_a_kind_alone_will_do(tmp_path):
    text, looks = read(tmp_path, re.sub(r"transition = .*", 'transition = "cut"', TWO))
    controls = composed(silence(40.0), looks, timeline=text)
    assert controls.cuts == (round((20 - 0.04) * 30),)


def test_looks_are_names_or_files_beside_it(tmp_path):
    mine = LOOKS["one"].model_copy(update={"name": "mine", "title": "Mine"})
    (tmp_path / "mine.toml").write_text(dump(mine))
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "deep.toml").write_text(dump(mine))
    text, looks = read(
        tmp_path, TWO.replace('"one"', '"mine"').replace('"two"', "'looks/deep.toml'")
    )
    assert set(looks) == {"mine", "deep"}
    assert tomllib.loads(text)["scene"][1]["look"] == "deep"
    assert text.splitlines()[:-1] == [
        line.replace('"one"', '"mine"').replace('"two"', '"deep"') for line in TWO.splitlines()
    ]
    assert composed(silence(40.0), looks, timeline=text).shots[1].look.title == "Mine"
    (tmp_path / "looks" / "one.toml").write_text(dump(mine))
    with pytest.raises(UserError, match="8: scene 2: look: two different looks are called one"):
        read(tmp_path, TWO.replace('"two"', '"looks/one.toml"').replace("\n\n", "\n"))


SECOND = "start = 20\nend = 40"
BAD = [
    (SECOND, "start = 15\nend = 40", r":7: scene 2: start: overlaps .* from 0:15 to 0:20"),
    (SECOND, "start = 22.5\nend = 40", r":7: .* nothing .* from 0:20 to 0:22.5: start at 20"),
    ("start = 0", "start = 3", r":2: scene 1: start: nothing .* from 0:00 to 0:03"),
    ("end = 20", "end = 0", r":3: scene 1: end: .*greater than 0"),
    (SECOND, "start = 20\nend = 20", r":8: scene 2: end: 20 must be .* after start = 20"),
    ("start = 20\nend = 40", "start = 30\nend = 20", r":8: scene 2: end: 20 must be"),
    ("end = 20", 'end = "late"', r":3: scene 1: end: should be a valid number, not 'late'"),
    ("end = 20", "end = nan", r":3: scene 1: end: should be a finite number"),
    ("end = 20", "end = inf", r":3: scene 1: end: .*"),
    ('look = "one"', 'look = "onne"', r":4: scene 1: look: no look 'onne'; did you mean 'one'\?"),
    ('look = "one"', 'look = "gone.toml"', r":4: scene 1: look: .*gone.toml: no such look file"),
    ('look = "one"', "", r":1: scene 1: look: missing: every scene needs it"),
    ('look = "one"', "look = 7", r":4: scene 1: look: "),
    ('look = "one"', 'lok = "one"', r":1: scene 1: look: missing"),
    ("hue = 0.1", "hugh = 0.1", r":11: scene 2: hugh: no such key; did you mean 'hue'\?"),
    ("hue = 0.1", "hue = 7", r":11: scene 2: hue: should be less than or equal to 1, not 7"),
    ("zoom", "zom", r":12: scene 2: knobs.zom: .* no such knob; did you mean 'zoom'\?"),
    ("zoom = 0.5", "zoom = 50", r":12: scene 2: knobs.zoom: 50 is outside -2 to 3 octaves"),
    ('"wipe"', '"wip"', r":10: .*kind: no transition 'wip'; did you mean 'wipe'\?"),
    ('"linear"', '"lineal"', r":10: .*shape: no shape 'lineal'; did you mean 'linear'"),
    ("beats = 2", "beats = -2", r":10: .*beats: should be greater than 0, not -2"),
    ("beats = 2", "beets = 2", r":10: .*beets: no such key; did you mean 'beats'"),
    ("knobs = {zoom = 0.5}", "knobs = 3", r":12: scene 2: knobs: should be a table"),
    ("[[scene]]", "[scene]", r":6: not valid TOML"),
    ("[[scene]]", "[[scenes]]", r": there are no scenes in it: write \[\[scene\]\], not scenes"),
    ("end = 20", "end = ", r":3: not valid TOML"),
    ('look = "one"', 'look = "one"\nversion = 1', r":5: scene 1: version: no such key"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_mistakes_are_told_by_their_line(tmp_path, old, new, message):
    text = TWO.replace(old, new)
    assert text != TWO
    with pytest.raises(UserError, match=r"my\.timeline\.toml" + message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00\x01\x02", "this is not a timeline"),
        (b"\xff\xfe\xfa", "UTF-8"),
        (b"", "no scenes"),
        (b"# nothing\n", "no scenes"),
        (b"scene = []", "no scenes"),
        (b"scene = 3", "write each scene as a"),
        (b'scene = ["a"]', "should be a table"),
        (b"version = 2\n[[scene]]\nstart=0\nend=1\nlook='one'", "reads version 1, not 2"),
        (b"x" * (2 << 20), "small TOML text file"),
        (b"a = " + b"[" * 20000, "nested too deeply|not valid TOML"),
        (b"a = " + b"9" * 9000, "too long"),
    ],
)
def test_what_is_no_timeline_is_refused(tmp_path, data, message):
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, data)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such timeline file"):
        read_timeline(tmp_path / "none.toml", LOOKS)
    with pytest.raises(UserError, match="cannot be read"):
        read_timeline(tmp_path, LOOKS)


def test_it_must_end_where_the_song_does(tmp_path):
    text, looks = read(tmp_path, TWO)
    assert text.endswith(f"{NAMED_BY}my.timeline.toml\n")
    for seconds, message in (
        (39.0, r"my\.timeline\.toml:8: scene 2: end: 40 is past the end of the song, .* 39\.000"),
        (18.0, r"my\.timeline\.toml:7: scene 2: start: past the end of the song"),
        (50.0, r"my\.timeline\.toml:8: scene 2: end: nothing is shown from 0:40 to the song's end"),
    ):
        with pytest.raises(UserError, match=message):
            composed(silence(seconds), looks, timeline=text)
    with pytest.raises(UserError, match="no look 'two'"):
        composed(silence(40.0), {"one": LOOKS["one"]}, timeline=text)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TWO) - 1), st.text(max_size=4))
def test_damage_is_refused_or_makes_another_timeline(at, text):
    broken = TWO[:at] + text + TWO[at + len(text) :]
    try:
        parse_timeline(broken, "x")
        told = "x"
    except UserError as error:
        told = str(error)
    assert told.startswith("x")
    assert "\n" not in told


def test_what_a_person_changed_is_left_alone(tmp_path):
    path = timeline_path(tmp_path / "song.mp4")
    assert path.name == "song.timeline.toml"
    assert timeline_path(tmp_path, frames=True) == tmp_path / "timeline.toml"
    assert write_timeline(path, TWO).state == "written"
    assert write_timeline(path, TWO + "# new\n").state == "written"
    assert path.read_text().endswith("# new\n")
    path.write_text(path.read_text().replace("\n", "\r\n"), newline="")  # an editor's doing
    assert write_timeline(path, TWO).state == "written"
    path.write_text(path.read_text().replace("end = 40", "end = 41"))
    assert write_timeline(path, TWO).state == "kept"
    assert "end = 41" in path.read_text()
    path.write_bytes(b"\0not ours")
    assert write_timeline(path, TWO).state == "kept"
    assert write_timeline(tmp_path / "no" / "song.timeline.toml", TWO).state == "failed"
    assert [p.name for p in tmp_path.iterdir()] == ["song.timeline.toml"]


@pytest.fixture(scope="module")
def tune(tmp_path_factory):
    made = make_song(SongSpec(sections=(("verse", 2),), sample_rate=44_100))
    path = tmp_path_factory.mktemp("tune") / "tune.wav"
    write_wav(path, made.samples, made.sample_rate)
    return path


def test_a_job_holds_the_looks_that_its_timeline_names(tmp_path, tune):
    names = list(load_library())[:2]
    text = TWO.replace('"one"', f'"{names[0]}"').replace('"two"', f'"{names[1]}"')
    text = text.replace("end = 20", "end = 2").replace("start = 20", "start = 2")
    path = tmp_path / "t.toml"
    path.write_text(text.replace("end = 40", "end = 4"))
    job = job_of_options(tune, Picture(), Film(), show=Show(timeline=path))
    assert list(job.looks) == names
    assert job.timeline is not None
    assert [s.look for s in parse_timeline(job.timeline).scenes] == names
    # Options that change looks change those of the timeline.
    folded = job_of_options(tune, Picture(), Film(), show=Show(timeline=path, mirror="x"))
    assert all(look.symmetry.mirror == "x" for look in folded.parsed_looks())
    path.write_text("nothing")
    with pytest.raises(UserError, match=r"t\.toml: not valid TOML"):
        job_of_options(tune, Picture(), Film(), show=Show(timeline=path))


def test_a_video_has_its_timeline_beside_it(tmp_path, tune):
    from afx.production import render

    def made(name, show):
        picture = Picture(size="64x36", fps="12", look="satin")
        job = job_of_options(tune, picture, Film(quality="draft"), show=show)
        folder = tmp_path / name
        return render(job, folder, frames=True, threads=1)

    first = made("first", Show())
    assert first.timeline == tmp_path / "first" / "timeline.toml"
    assert first.scenes[0]["transition"] is None
    again = made("again", Show(timeline=first.timeline))
    pictures = sorted(p.name for p in first.output.glob("*.png"))
    assert len(pictures) == first.frames
    for name in pictures:
        pair = [_pixels(made.output / name) for made in (first, again)]
        assert np.array_equal(*pair)
    first.timeline.write_text(first.timeline.read_text() + "# mine\n")
    more = made("first", Show())
    assert any("changed by hand" in note for note in more.notes)
    assert more.timeline.read_text().endswith("# mine\n")


def _pixels(path):
    return np.asarray(Image.open(path))


def test_times_are_written_as_people_read_them():
    times = [(0, "0:00"), (59.999, "1:00"), (61.5, "1:01.5"), (3600, "60:00"), (7.25, "0:07.25")]
    assert [clock(s) for s, _ in times] == [text for _, text in times]


def test_the_pages_example_is_one():
    page = (Path(__file__).parent.parent / "docs" / "timeline.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    scenes = parse_timeline(example).scenes
    assert [scene.look for scene in scenes] == ["abyss", "looks/mine.toml"]
    told = page.split("```\n")[-2]
    broken = example.replace("start = 16.0", "start = 18.0")
    with pytest.raises(UserError) as caught:
        parse_timeline(broken, "song.timeline.toml")
    assert str(caught.value) in told
