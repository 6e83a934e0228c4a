"""Looks changed by options: knobs set, mirrors put up, all of it to be seen in a frame."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from afx.look import parse_look, pattern_of
from afx.look_changes import with_knobs, with_symmetry
from afxcommand import INK, SMALL, afx, made_look, made_song
from music_analysis.errors import UserError

BENT = INK + '[warp]\npattern = "silk"\n'
SYMMETRIC = INK + '[symmetry]\nfold = 5\nmirror = "y"\n'


def looks(**texts):
    return {name: parse_look(text, name, f"{name}.toml") for name, text in texts.items()}


def test_each_look_takes_the_knobs_that_it_has():
    made = with_knobs(looks(plain=INK, bent=BENT), {"warp.amount": "0.75", "detail": "0.1"})
    assert made["plain"].knobs == {"detail": 0.1}
    assert made["bent"].knobs == {"warp.amount": 0.75, "detail": 0.1}
    assert made["bent"].palette == looks(bent=BENT)["bent"].palette


@pytest.mark.parametrize(
    ("knob", "value", "words"),
    [
        ("warp.amount", "1.5", "--set warp.amount=1.5: outside 0 to 1 (look bent)"),
        ("detail", "nan", "--set detail=nan: outside 0 to 1"),
        ("detail", "much", "--set detail=much: 'much' is not a number"),
        ("detali", "1", "--set detali: no look in play has such a knob; did you mean 'detail'?"),
        ("warp.amuont", "1", "did you mean 'warp.amount'?"),
        ("ink.amount", "1", "no look in play has such a knob"),
    ],
)
def test_knobs_that_cannot_be_set(knob, value, words):
    with pytest.raises(UserError) as raised:
        with_knobs(looks(bent=BENT), {knob: value})
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_not_said_of_the_symmetry_stays():
    given = looks(plain=INK, symmetric=SYMMETRIC)
    made = with_symmetry(given, 8, None)
    assert [(look.symmetry.fold, look.symmetry.mirror) for look in made.values()] == [
        (8, "none"), (8, "y"),
    ]  # fmt: skip
    none = with_symmetry(given, 0, "none")
    assert pattern_of(none["symmetric"]) is pattern_of(given["plain"])


@pytest.mark.parametrize("fold", [-1, 1, 33])
def test_sectors_that_are_none(fold):
    with pytest.raises(UserError, match="use 2 to 32 sectors, or 0 for none"):
        with_symmetry(looks(plain=INK), fold, None)


# ------------------------------------------------------------------------- end to end


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("changes")
    made_song(path / "song.wav")
    made_look(path / "ink.toml")
    return path


def frame(folder, *options):
    out = folder / "frame.png"
    asked = (*("--look", folder / "ink.toml"), *SMALL[:4], "--output", out, "--overwrite")
    outcome = afx("frame", folder / "song.wav", "--at", "1", *asked, *options)
    if outcome.code:
        return outcome.err
    with Image.open(out) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def test_options_change_the_frame(folder):
    plain = frame(folder)
    assert np.abs(frame(folder, "--set", "detail=1", "--set", "zoom=1") - plain).mean() > 3
    mirrored = frame(folder, "--mirror", "x")
    assert np.abs(mirrored - mirrored[:, ::-1]).mean() < 3, "but for the dither"
    assert np.abs(plain - plain[:, ::-1]).mean() > 6
    folded = frame(folder, "--kaleidoscope", "4", "--set", "vignette=0", "--reactivity", "0")
    middle = folded[:, 14:50]
    assert np.abs(middle - np.rot90(middle)).mean() < 2, "but for dither"
    both = frame(folder, "--kaleidoscope", "4", "--mirror", "both")
    assert both.shape == folded.shape


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "detail"), "--set"),
        (("--set", "detail=2"), "outside 0 to 1"),
        (("--set", "warp.amount=0.5"), "no look in play has such a knob"),
        (("--kaleidoscope", "1"), "use 2 to 32 sectors"),
        (("--kaleidoscope", "40"), "use 2 to 32 sectors"),
        (("--mirror", "z"), "--mirror"),
    ],
)
def test_options_that_cannot_be(folder, options, words):
    told = frame(folder, *options)
    assert isinstance(told, str)
    assert words in told
    assert "Traceback" not in told
