from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afx.compose import compose
from afx.expression import ALIASES, MAX_DEPTH, MAX_LENGTH, MAX_NODES, parse
from afx.expression_text import ExpressionError
from afx.expression_tree import Call, Name, Number
from afx.judge.why import _pulls
from afx.look import Look, dump, knobs_of, parse_look
from afx.look_parts import Route
from afx.operations import BOUND, FUNCTIONS
from afx.patterns import PATTERNS as REAL
from afx.routes import Grip, routes_of
from afx.shaping import bend, smooth
from afx.sources import SOURCES, Sources
from afxcommand import afx
from made_music import PATTERNS, MadeSummary, song, with_tracks
from music_analysis.errors import UserError

FPS = 10.0
FRAMES = 40
RNG = np.random.default_rng(5)
CURVES = {name: RNG.random(FRAMES).astype(np.float32) for name in SOURCES}
CURVES["level.bass"] = np.linspace(0, 1, FRAMES, dtype=np.float32)
CURVES["hit.kick"] = np.float32(np.arange(FRAMES) % 10 == 0)
CURVES["drop"] = np.zeros(FRAMES, np.float32)
BASS, KICK = (CURVES[n].astype(np.float64) for n in ("level.bass", "hit.kick"))


def value(text: str) -> np.ndarray:
    got = parse(text).evaluate(CURVES.__getitem__, FRAMES, FPS)
    assert got.dtype == np.float32
    assert got.shape == (FRAMES,)
    return got


# --- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4 == 14", None),
        ("0.1 + 0.2 * 3", 0.7),
        ("(0.1 + 0.2) * 3", 0.9),
        ("0.9 - 0.3 - 0.2", 0.4),
        ("0.8 / 2 / 2", 0.2),
        ("0.9 - (0.3 - 0.2)", 0.8),
        ("1 - -0.5 * -1", 0.5),
        ("--0.5", 0.5),
        ("-0.5 + 1", 0.5),
        ("2 > 1", 1),
        ("1 > 2", 0),
        ("1 >= 1", 1),
        ("1 < 1", 0),
        ("1 <= 1", 1),
        ("0.5 + 1 > 1.4", 1),  # comparisons are the weakest
        ("(2 > 1) * 0.3 + .2", 0.5),
        ("5e-1", 0.5),
        ("7", 1),
        ("-7", 0),
        ("min(0.9, 0.4, 0.6)", 0.4),
        ("max(0.1, 0.4)", 0.4),
        ("abs(0.2 - 0.5)", 0.3),
        ("clamp(5, 0.2, 0.6)", 0.6),
        ("clamp(-5, 0.2, 0.6)", 0.2),
        ("mix(0.2, 0.6, 0.25)", 0.3),
        ("mix(0.2, 0.6, 9)", 0.6),
        ("smoothstep(0, 1, 0.25)", 0.15625),
        ("smoothstep(1, 0, 0.25)", 0.84375),
        ("smoothstep(0.5, 0.5, 0.6)", 1),
        ("gate(0.3, 0.3)", 0),
        ("gate(0.45, 0.3)", 1),
        ("gate(0.375, 0.3)", 0.5),
        ("pow(0.5, 2)", 0.25),
        ("pow(-2, 2)", 0),
        ("pow(0, -1)", 1),
        ("pow(1000000, 1000000)", 1),
        ("sqrt(0.25)", 0.5),
        ("sqrt(-1)", 0),
        ("sin(0.25)", 1),
        ("0.5 + 0.5 * sin(0.75)", 0),
        ("delay(0.5, 3)", 0.5),
        ("smooth(0.5, 3)", 0.5),
        ("1000000 * 1000000 / 1000000", 1),
    ],
)
def test_known_answers(text, expected):
    if expected is None:
        with pytest.raises(ExpressionError):
            parse(text)
        return
    assert value(text) == pytest.approx(expected, abs=1e-7)


def test_curves():
    np.testing.assert_array_equal(value("bass"), CURVES["level.bass"])
    np.testing.assert_array_equal(value("chroma.C#"), CURVES["chroma.C#"])
    np.testing.assert_allclose(
        value("0.5*bass + 0.3*beat.pulse"), 0.5 * BASS + 0.3 * CURVES["beat.pulse"], atol=1e-7
    )
    np.testing.assert_array_equal(value("bass > 0.6"), np.float32(BASS > 0.6))
    np.testing.assert_array_equal(value("gate(bass, 0.6)"), np.float32(bend(BASS, "gate")))
    np.testing.assert_array_equal(value("delay(kick, 0.3)"), np.roll(KICK, 3) * (KICK * 0 + 1))
    assert not value("delay(bass + 0.5, 30)").any()
    np.testing.assert_allclose(value("smooth(kick, 0.5)"), smooth(KICK, FPS, 0.5), atol=1e-7)
    np.testing.assert_array_equal(value("smooth(kick, 0)"), CURVES["hit.kick"])


def test_a_divisor_that_touches_zero():
    assert not value("drop / drop").any()  # 0 / 0.001
    assert (value("bass / drop")[1:] == 1).all()
    np.testing.assert_allclose(value("0.0001 / drop"), 0.1, atol=1e-7)
    np.testing.assert_allclose(value("-0.0001 / -drop"), 0, atol=1e-7)  # -0 is on the upper side
    np.testing.assert_allclose(value("0.0001 / (0.5 - bass)")[-1:], 0, atol=1e-7)


def test_the_tree():
    e = parse("2*3 * kick + smooth(bass, 60/120)")
    assert e.root == Call(
        "+",
        (
            Call("*", (Number(6.0), Name("hit.kick"))),
            Call("smooth", (Name("level.bass"), Number(0.5))),
        ),
    )
    assert e.names == ("hit.kick", "level.bass")
    assert e == parse(" 6*hit.kick+smooth( level.bass,0.5 )")
    assert e != parse("6*hit.kick")
    assert len({e, parse(e.text)}) == 1


def test_every_short_name_is_a_source_and_no_function():
    assert set(ALIASES.values()) <= set(SOURCES)
    assert not set(ALIASES) & set(SOURCES)
    assert not set(FUNCTIONS) & (set(ALIASES) | set(SOURCES))
    for short, full in ALIASES.items():
        assert parse(short) == parse(full)
    for name in SOURCES:  # every one can be written
        assert parse(f"1 - {name}").names == (name,)


def test_other_sources_can_be_known():
    assert parse("stem.drums / 2", {"stem.drums"}).names == ("stem.drums",)
    with pytest.raises(ExpressionError, match=r"no source 'bass'; did you mean"):
        parse("bass", {"stem.bass"})


# --- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing is written: name a source, such as bass"),
        (" \n", "nothing is written: name a source, such as bass"),
        ("bas", "no source 'bas'; did you mean 'bass'?"),
        ("1 + bas", "no source 'bas'; did you mean 'bass'? (character 5)"),
        ("chroma.c#", "no source 'chroma.c#'; did you mean 'chroma.C#'?"),
        ("2 * smoth(bass, 1)", "no function 'smoth'; did you mean 'smooth'? (character 5)"),
        ("smooth", "smooth is a function: smooth(x, seconds) (character 1)"),
        ("bass(2)", "an operator is missing after bass (character 5)"),
        ("2bass", "an operator is missing before bass (character 2)"),
        ("bass (2)", "an operator is missing after bass (character 6)"),
        ("(2)(3)", "an operator is missing before ( (character 4)"),
        ("bass kick", "an operator is missing before kick (character 6)"),
        ("bass / (1 - 1)", "division by zero (character 6)"),
        ("bass / 0.0001", "0.0001 is too near to zero to divide by (character 6)"),
        ("bass +", "it ends where a value should follow (character 7)"),
        ("* bass", "a value is missing before * (character 1)"),
        ("bass ** 2", "powers are written pow(x, y) (character 7)"),
        ("bass ^ 2", "'^' has no meaning here: powers are written pow(x, y) (character 6)"),
        ("bass == 1", "'=' has no meaning here: compare with <, <=, > or >= (character 6)"),
        ("0.2 < bass < 0.5", "two comparisons in a row: write (a < b) * (b < c) (character 12)"),
        ("bass; import os", "';' has no meaning here (character 5)"),
        ("__import__('os')", '"\'" has no meaning here (character 12)'),
        ("bass.__class__", "no source 'bass.__class__'"),
        ("(bass", "this ( is never closed (character 1)"),
        ("max((bass, 1)", "a comma has no place here (character 10)"),
        ("max(bass, 1", "this ( is never closed (character 4)"),
        ("bass)", "this ) closes nothing (character 5)"),
        ("bass, kick", "a comma has no place here (character 5)"),
        ("max(bass,)", "a value is missing before ) (character 10)"),
        ("max(bass)", "max takes 2 values or more: max(a, b, …) (character 1)"),
        ("clamp(bass, 1)", "clamp takes 3 values: clamp(x, lo, hi) (character 1)"),
        ("abs()", "abs takes 1 value: abs(x) (character 1)"),
        ("clamp(bass, 1, 0)", "clamp(x, lo, hi): nothing is between 1 and 0 (character 1)"),
        (
            "delay(bass, kick)",
            "delay(x, seconds): seconds are a number from 0 to 30 (character 1)",
        ),
        ("smooth(bass, -1)", "smooth(x, seconds): seconds are a number from 0 to 30"),
        ("1e400 * bass", "1e400 is too large: numbers go up to 1000000 (character 1)"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_limits():
    parse("(" * MAX_DEPTH + "bass" + ")" * MAX_DEPTH)
    parse("-" * MAX_DEPTH + "bass")
    wide = "+".join(["air"] * (MAX_NODES // 2))
    parse(wide)
    parse("bass".ljust(MAX_LENGTH))
    deep = rf"nested too deeply: .* \(character {MAX_DEPTH + 1}\)"
    for opening in ("(", "-"):
        with pytest.raises(ExpressionError, match=deep):
            parse(opening * (MAX_DEPTH + 1) + "bass")
    with pytest.raises(ExpressionError, match="nested too deeply"):
        parse("abs(" * (MAX_DEPTH + 1) + "bass")
    with pytest.raises(ExpressionError, match=f"too large: at most {MAX_NODES} "):
        parse(wide + "+air")
    with pytest.raises(ExpressionError, match=f"501 characters .* at most {MAX_LENGTH}"):
        parse("bass".ljust(MAX_LENGTH + 1))


pieces = st.sampled_from(
    [*"+-*/()<>,.#=^", "<=", "bass", "kick", "chroma.C#", "drop", "0", "0.5", "1e6", "3", " "]
    + [f"{name}(" for name in FUNCTIONS]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(pieces, max_size=25).map("".join)))
def test_any_text_is_an_expression_or_its_own_mistake(text):
    try:
        got = value(text)
    except ExpressionError as error:
        mistake = error
    else:
        assert np.isfinite(got).all()
        assert ((got >= 0) & (got <= 1)).all()
        return
    assert "\n" not in str(mistake)
    assert mistake.position is None or 1 <= mistake.position <= len(text) + 1


# --- a twin in NumPy -------------------------------------------------------------------------


def bound(x):
    return np.clip(x, -BOUND, BOUND)


def divided(a, b):
    return a / (np.where(b < 0, -1, 1) * np.maximum(np.abs(b), 1e-3))


def stepped(lo, hi, x):
    t = np.clip(divided(x - lo, hi - lo), 0, 1)
    return t * t * (3 - 2 * t)


BINARY = {
    "+": (2, np.add),
    "-": (2, np.subtract),
    "*": (3, np.multiply),
    "/": (3, divided),
    ">": (1, lambda a, b: (a > b) * 1.0),
    "<=": (1, lambda a, b: (a <= b) * 1.0),
}
CALLS = {
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "abs": (1, np.abs),
    "mix": (3, lambda a, b, t: a + (b - a) * np.clip(t, 0, 1)),
    "smoothstep": (3, stepped),
    "gate": (2, lambda x, t: stepped(t, t + 0.15, x)),
    "pow": (2, lambda x, y: np.maximum(x, 0) ** y),
    "sqrt": (1, lambda x: np.sqrt(np.maximum(x, 0))),
    "sin": (1, lambda x: np.sin(2 * np.pi * x)),
}
ATOM = 9  # how strongly an atom holds together; the minus sign is 4
Made = tuple[str, int, np.ndarray]

names = st.sampled_from(["bass", "kick", "drop", "energy", "chroma.A#", "lfo.tri"]).map(
    lambda n: (n, ATOM, CURVES[ALIASES.get(n, n)].astype(np.float64))
)
numbers = st.integers(1, 3000).map(lambda n: (f"{n / 1000}", ATOM, np.full(FRAMES, n / 1000)))


def inside(made: Made, least: int) -> str:
    return made[0] if made[1] >= least else f"({made[0]})"


def binary(sign: str, a: Made, b: Made) -> Made:
    strength, twin = BINARY[sign]
    # Equal strength reads from the left; comparisons stand alone.
    text = f"{inside(a, strength + (strength == 1))} {sign} {inside(b, strength + 1)}"
    return text, strength, bound(twin(a[2], b[2]))


def called(name: str, values: list[Made]) -> Made:
    count, twin = CALLS[name]
    with np.errstate(all="ignore"):
        result = bound(twin(*(v[2] for v in values[:count])))
    return f"{name}({', '.join(v[0] for v in values[:count])})", ATOM, result


def negated(a: Made) -> Made:
    return f"-{inside(a, 4)}", 4, -a[2]


def delayed(a: Made, tenths: int) -> Made:
    held = np.concatenate([np.zeros(tenths), a[2]])[:FRAMES]
    return f"delay({a[0]}, {tenths / 10})", ATOM, held


def musical(made: Made) -> Made:
    """Add a source: what is only numbers cannot divide, and is not delayed."""
    return binary("+", made, ("bass", ATOM, BASS))


trees = st.recursive(
    names | numbers,
    lambda inner: st.one_of(
        st.builds(binary, st.sampled_from(["+", "-", "*", ">", "<="]), inner, inner),
        st.builds(binary, st.just("/"), inner, inner.map(musical) | numbers),
        st.builds(called, st.sampled_from(sorted(CALLS)), st.lists(inner, min_size=3, max_size=3)),
        inner.map(negated),
        st.builds(delayed, inner.map(musical), st.integers(0, 25)),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(trees)
def test_it_equals_its_twin_in_numpy(made):
    text, _, expected = made
    if len(text) > MAX_LENGTH:
        return
    with np.errstate(under="ignore"):
        got = value(text)
    np.testing.assert_allclose(got, np.clip(expected, 0, 1), atol=1e-6)


# --- in looks --------------------------------------------------------------------------------

MINE = """\
title = "Mine"
pattern = "rings"
palette = {}

[[routes]]
source = "0.5*bass + 0.3*beat.pulse"
knob = "count"
depth = 0.4

[[routes]]
source = "energy"
knob = "zoom"
depth = 0.1
"""


def mine(**changes: str) -> Look:
    text = MINE
    for old, new in changes.items():
        text = text.replace({"first": "0.5*bass + 0.3*beat.pulse", "second": "energy"}[old], new)
    return parse_look(text, "mine", "mine.toml", PATTERNS)


def made(*routes: dict) -> Look:
    return Look.model_validate(
        {"name": "m", "title": "M", "pattern": "rings", "palette": {}, "routes": routes}
    )


def table(look: Look) -> np.ndarray:
    knobs = knobs_of(PATTERNS["rings"])
    return Grip(Sources(song("AB"))).table(look, knobs, len(PATTERNS["rings"].knobs))


def test_a_look_keeps_its_expression():
    look = mine()
    assert look.routes[0].source == "0.5*bass + 0.3*beat.pulse"
    assert parse_look(dump(look), "mine", "mine.toml", PATTERNS) == look


def test_short_names_become_full_ones():
    assert mine(second=" kick ").routes[1].source == "hit.kick"
    knobs = knobs_of(REAL["cppn"])
    usual = {(r.source, r.knob) for r in routes_of(Look(
        title="T", pattern="cppn", palette="dusk"), knobs)}  # fmt: skip
    assert ("level.mid", "morph") in usual
    silenced = Look(
        title="T", pattern="cppn", palette="dusk",
        routes=(Route(source="mid", knob="morph", depth=0),),
    )  # fmt: skip
    left = {(r.source, r.knob) for r in routes_of(silenced, knobs)}
    assert usual - left == {("level.mid", "morph")}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("0.5*bas + 1", "no source 'bas'; did you mean 'bass'? (character 5)"),
        ("bass / 0", "division by zero (character 6)"),
        ("(" * 99, "nested too deeply: at most 32 inside each other (character 33)"),
        ("0.5", "no source is in it: name one, such as bass"),
        ("x" * 9000, "9000 characters are too many: an expression has at most 500"),
    ],
)
def test_mistakes_name_file_line_and_key(source, message):
    with pytest.raises(UserError) as raised:
        mine(first=source)
    assert str(raised.value) == f"mine.toml:6: routes.1.source: {message}"


def test_the_same_said_twice():
    with pytest.raises(UserError, match=r"mine\.toml:10: routes\.2: .* holds count twice"):
        parse_look(
            MINE.replace('"energy"', '"0.5 * level.bass+.3*beat"').replace("zoom", "count"),
            "mine", "mine.toml", PATTERNS,
        )  # fmt: skip


def test_a_name_in_an_expression_changes_nothing():
    plain = made({"source": "level.bass", "knob": "count", "depth": 0.4})
    for same in ("bass", "(level.bass)", "0.5*bass + 0.5*bass", "clamp(bass, 0, 1)"):
        other = made({"source": same, "knob": "count", "depth": 0.4})
        np.testing.assert_array_equal(table(other), table(plain))
    turned = made({"source": "1 - level.bass", "knob": "count", "depth": 0.4})
    assert (table(turned) != table(plain)).any()


def test_expressions_are_made_once_and_shaped_like_sources():
    sources = Sources(song("AB"))
    grip = Grip(sources)
    route = Route(source="bass * (energy > 0.6)", knob="count", depth=1, attack=0, release=0)
    loud = sources["energy"] > 0.6
    assert 0.1 < loud.mean() < 0.9
    np.testing.assert_allclose(grip.shaped(route), sources["level.bass"] * loud, atol=2e-6)
    assert grip.heard(route.source) is grip.heard(route.source)
    with pytest.raises(ExpressionError, match="no source 'bas'"):
        grip.heard("bas")


def test_controls_follow_an_expression():
    heard = song("AB")
    loud = np.arange(heard.frames) >= heard.frames // 2
    heard = with_tracks(heard, energy=np.where(loud, 0.9, 0.2))
    look = made({"source": "0.8*gate(energy, 0.5) + 0.2*kick", "knob": "count", "depth": 0.5})
    controls = compose(heard, look, seed=1, patterns=PATTERNS, summarize=lambda *_: MadeSummary())
    (scene,) = controls.scenes
    assert np.isfinite(scene.values).all()
    moved = scene.values[:, scene.names.index("count")] - 6.0  # where it rests
    near = np.abs(np.arange(heard.frames) - heard.frames // 2) < 150
    # A fifth of half its range, 1 … 40; attack and release round the kicks a little.
    assert moved[~loud & ~near].max() == pytest.approx(0.2 * 0.5 * 39, rel=0.1)
    assert moved[loud & ~near].min() >= 0.8 * 0.5 * 39


def test_why_it_moved_knows_expressions():
    source = "0.5*bass + 0.5*energy"
    name = next(k.name for k in REAL["ink"].knobs if k.kind == "value")
    look = Look(
        title="T", pattern="ink", palette="dusk",
        routes=(Route(source=source, knob=name, depth=0.5),),
    )  # fmt: skip
    sources = Sources(song("AB"))
    grip, rows = Grip(sources), np.arange(0, sources.frames, 3)
    pull = next(p for p in _pulls(look, grip, rows) if p.source == source)
    assert pull.knob == name
    np.testing.assert_allclose(pull.values, grip.shaped(look.routes[0])[rows] * 0.5, atol=1e-6)


def test_the_command_shows_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE.replace('"rings"', '"veils"').replace('"count"', '"zoom"'))
    shown = afx("looks", path)
    assert shown.code == 0, shown.err
    assert "0.5*bass + 0.3*beat.pulse moves zoom by +0.4" in " ".join(shown.out.split())
    path.write_text(path.read_text().replace("0.5*bass", "0.5*bas"))
    shown = afx("looks", path)
    assert shown.code == 1
    assert "mine.toml:6: routes.1.source: no source 'bas'; did you mean 'bass'?" in shown.err
