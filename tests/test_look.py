from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.field.knob import knob
from afx.look import Look, dump, find_look, knobs_of, load_library, parse_look, read_look
from afx.look_parts import Route
from afx.palette import PALETTES, Palette
from afx.sources import SOURCES
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from afx.tomltext import line_of, write
from made_music import PATTERNS, made_pattern
from music_analysis.errors import UserError

EMBER = """\
title = "Ember"
pattern = "rings"
summary = "rings that glow"
tags = ["warm", "deep"]
suits = { energy = 0.7, brightness = 0.3, tempo = 120 }

[knobs]
zoom = 0.3
count = 12

[palette]
hue = 30

[[routes]]
source = "hit.kick"
knob = "zoom"
depth = 0.1
curve = "exp"
attack = 0.01
release = 0.22

[[routes]]
source = "energy"
knob = "count"
depth = -0.2
"""


def _read(text: str) -> Look:
    return parse_look(text, "ember", "ember.toml", PATTERNS)


def test_a_look_is_read():
    look = _read(EMBER)
    assert look.name == "ember"
    assert look.knobs == {"zoom": 0.3, "count": 12.0}
    assert look.suits.energy == 0.7
    assert look.palette == Palette(hue=30)
    assert look.routes[0] == Route(
        source="hit.kick", knob="zoom", depth=0.1, curve="exp", attack=0.01, release=0.22
    )
    assert look.routes[1].depth == -0.2


def test_a_palette_may_be_named():
    name = next(iter(PALETTES))
    look = _read(f'title = "T"\npattern = "plain"\npalette = "{name}"\n')
    assert look.palette == PALETTES[name]
    assert Look(title="T", pattern="plain", palette=name).palette == PALETTES[name]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('title = "Ember"', 'titel = "Ember"', "", "title: missing"),
        ('summary = "', 'sumary = "', ":3", "sumary: no such key; did you mean 'summary'?"),
        ('"rings"', '"ring"', ":2", "no pattern 'ring'; did you mean 'rings'?"),
        (
            "energy = 0.7",
            "energy = 7",
            ":5",
            "suits.energy: should be less than or equal to 1, not 7",
        ),
        ("energy = 0.7", "enrgy = 0.7", ":5", "suits.enrgy: no such key; did you mean 'energy'?"),
        (
            "zoom = 0.3",
            "zom = 0.3",
            ":8",
            "knobs.zom: rings has no such knob; did you mean 'zoom'?",
        ),
        ("zoom = 0.3", "zoom = 9", ":8", "knobs.zoom: 9 is outside -2 to 3 octaves"),
        ("zoom = 0.3", 'zoom = "big"', ":8", "knobs.zoom: should be a valid number, not 'big'"),
        ("zoom = 0.3", "zoom = true", ":8", "knobs.zoom: should be a valid number, not True"),
        ("zoom = 0.3", "zoom = nan", ":8", "knobs.zoom: should be a finite number"),
        ("count = 12", "count = 0", ":9", "knobs.count: 0 is outside 1 to 40 rings"),
        ("hue = 30", "hew = 30", ":12", "palette.hew: "),
        ("hue = 30", "hue = 9000", ":12", "palette.hue: "),
        ('"hit.kick"', '"hit.kik"', ":15", "no source 'hit.kik'; did you mean 'hit.kick'?"),
        ('knob = "count"', 'knob = "cuont"', ":24", "no knob 'cuont'; did you mean 'count'?"),
        ("depth = -0.2", "depth = -20", ":25", "routes.2.depth: "),
        ("depth = -0.2", "deep = 1", ":22", "routes.2.depth: missing"),
        ('curve = "exp"', 'curve = "wild"', ":18", "routes.1.curve: "),
        ("attack = 0.01", "attack = -1", ":19", "routes.1.attack: "),
        ('source = "energy"\nknob = "count"', 'source = "hit.kick"\nknob = "zoom"', ":22", "twice"),
        ("zoom = 0.3", "zoom 0.3", ":8", "not valid TOML"),
        ("zoom = 0.3", "zoom = 0.3\nzoom = 0.4", ":9", "not valid TOML"),
        ('title = "Ember"', 'title = "Ember"\nname = "x"', ":2", "the file's name"),
        ("[palette]\nhue = 30", "", "", "palette: missing: every look needs it"),
    ],
)
def test_mistakes_name_file_line_and_key(old, new, line, words):
    assert old in EMBER
    with pytest.raises(UserError) as raised:
        _read(EMBER.replace(old, new, 1))
    message = str(raised.value)
    assert message.startswith(f"ember.toml{line}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("palette", "words"),
    [
        ("3", "write a palette's name"),
        ('"embr"', "did you mean 'ember'"),
        ("{ base = 3 }", "unknown palette"),
        ("{ anchors = [] }", "palette.anchors: "),
    ],
)
def test_mistakes_in_the_palette(palette, words):
    with pytest.raises(UserError, match=r"^ember\.toml:2: palette") as raised:
        _read(f'title = "T"\npalette = {palette}\npattern = "plain"\n')
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00", b"\x89PNG\0\0", b"a = " + b"[" * 5000, b"#" * 300_000, b"x = 1"],
)
def test_files_that_are_no_looks(tmp_path, data):
    path = tmp_path / "bad.toml"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"bad\.toml"):
        read_look(path, PATTERNS)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(UserError, match="no such look file"):
        read_look(tmp_path / "none.toml", PATTERNS)
    with pytest.raises(UserError, match="cannot be read"):
        read_look(tmp_path, PATTERNS)


def test_find_look_by_name_or_file(tmp_path):
    ember = _read(EMBER)
    library = {"ember": ember}
    assert find_look("ember", library, PATTERNS) is ember
    path = tmp_path / "mine.toml"
    path.write_text("\ufeff" + EMBER.replace("\n", "\r\n"), encoding="utf-8")
    assert find_look(str(path), library, PATTERNS) == ember.model_copy(update={"name": "mine"})
    with pytest.raises(UserError, match="no look 'embr'; did you mean 'ember'"):
        find_look("embr", library, PATTERNS)
    with pytest.raises(UserError, match="no such look file"):
        find_look("gone.toml", library, PATTERNS)
    with pytest.raises(UserError, match="there are none"):
        find_look("x", {}, PATTERNS)


def test_the_library_loads():
    library = load_library()
    assert list(library) == sorted(library)
    assert all(name == look.name for name, look in library.items())


def test_every_look_has_the_stage_and_the_grade():
    names = [k.name for k in knobs_of(PATTERNS["plain"])]
    assert names == ["size"] + [k.name for k in STAGE_KNOBS + GRADE_KNOBS]

    def clash(p, *, zoom: float = knob(0.0, -1.0, 1.0, help="x")): ...

    with pytest.raises(ValueError, match="zoom"):
        knobs_of(made_pattern("clash", "organic", clash))


number = st.floats(0, 1)
routes = st.builds(
    Route,
    source=st.sampled_from(sorted(SOURCES)),
    knob=st.sampled_from(["zoom", "count", "hue", "phase"]),
    depth=st.floats(-2, 2),
    curve=st.sampled_from(["linear", "exp", "log", "smooth", "gate"]),
    attack=number,
    release=number,
    bipolar=st.booleans(),
)
text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('activations = "siren"', "network.activations: should be a list, such as ['siren']"),
        ("activations = 3", "network.activations: should be a list"),
        ("coordinates = []", "network.coordinates: name at least 1"),
        ('coordinates = ["x", "y", "x", "y", "x"]', "network.coordinates: at most 4 can be named"),
        ("genes = [[1]]", "network.genes.1: should be a table, such as {name = value}"),
        ('weights = "."', "network.weights: name a safetensors file"),
        ('weights = ""', "network.weights: "),
    ],
)
def test_mistakes_in_a_network_are_told_in_plain_words(said, words):
    text = 'title = "Mine"\npattern = "cppn"\npalette = "dusk"\n[network]\n' + said
    with pytest.raises(UserError, match=r"^mine\.toml:5: ") as raised:
        parse_look(text, "mine", "mine.toml")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


looks = st.builds(
    Look,
    name=st.just("ember"),
    title=text,
    summary=text,
    pattern=st.just("rings"),
    tags=st.lists(text, max_size=3).map(tuple),
    suits=st.fixed_dictionaries({}, optional={"energy": number, "tempo": st.floats(30, 300)}),
    knobs=st.fixed_dictionaries({}, optional={"zoom": st.floats(-2, 3), "detail": number}),
    palette=st.one_of(
        st.sampled_from(sorted(PALETTES)),
        st.fixed_dictionaries({}, optional={"hue": st.floats(-180, 180), "title": text}),
    ),
    routes=st.lists(routes, max_size=3, unique_by=lambda r: (r.source, r.knob)).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(looks)
def test_a_dumped_look_reads_back_equal(look):
    assert _read(dump(look)) == look


@given(st.dictionaries(text, st.one_of(st.integers(-9, 9), st.booleans(), text, st.lists(text))))
def test_written_toml_reads_back(data):
    assert tomllib.loads(write(data)) == data


def test_toml_has_no_word_for_none():
    with pytest.raises(TypeError, match="None"):
        write({"a": None})


def test_lines_of_keys():
    assert line_of(EMBER, ("routes", 1, "depth")) == 25
    assert line_of(EMBER, ("routes", 1, "nothing")) == 22
    assert line_of(EMBER, ("suits", "energy")) == 5
    assert line_of(EMBER, ("missing",)) is None
    assert line_of('"a b".c = 1\nx.y = 2', ("x", "y")) == 2
