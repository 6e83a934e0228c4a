"""The commands that breed: sheets of children, reproducible, and parents in their turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afx.carried import carried, settings_in
from afx.explore.genetics import mutate
from afx.look import load_library, look_in
from afxcommand import afx as run
from afxcommand import made_look

LIBRARY = load_library()
SMALL = ("--tile-size", "64x36", "--threads", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_look(tmp_path / "ink.toml")
    return tmp_path


def made(*words: str, code: int = 0):
    outcome = run("explore", *words)
    assert outcome.code == code, outcome.err
    return outcome


@pytest.mark.parametrize("command", ["mutate", "breed", "evolve", "walk"])
def test_help_teaches_by_example(command):
    out = made(command, "--help").out
    examples = out.partition("Examples:")[2].strip().splitlines()
    assert 2 <= len(examples) <= 5
    assert all(line.strip().startswith(f"afx explore {command}") for line in examples)
    assert max(map(len, out.splitlines())) <= 80


def test_children_of_one_look(folder):
    facts = made("mutate", "satin", "--tiles", "5", "--seed", "2", *SMALL, "--json").json
    assert facts["output"] == "children.png"
    assert facts["tiles"][0]["label"] == "Satin (parent)"
    assert look_in("children.png#1").knobs == LIBRARY["satin"].knobs
    child = mutate(LIBRARY["satin"], seed=2000, strength=0.3, taken={"satin"})
    assert look_in("children.png#2") == child
    assert carried("children.png#2").name == child.name
    # What is written below the sheet makes it again.
    words = settings_in("children.png")["command"].split()
    assert words[:4] == ["afx", "explore", "mutate", "satin"]
    made(*words[2:], *SMALL, "-o", "again.png")
    with Image.open("children.png") as one, Image.open("again.png") as two:
        assert np.array_equal(np.asarray(one), np.asarray(two))
    # A child is a parent in its turn.
    made("mutate", "children.png#3", "--tiles", "3", *SMALL, "-o", "grandchildren.html")
    # Left out, the name is another one than the parent's.
    before = Path("children.png").read_bytes()
    third = made("mutate", "children.png#3", "--tiles", "3", *SMALL, "--json").json
    assert third["output"] == "children-2.png"
    assert Path("children.png").read_bytes() == before
    refused = made("mutate", "children.png#3", *SMALL, "-o", "children.png", code=1)
    assert "what you start from" in refused.err
    refused = made("breed", "satin", "children.png#3", *SMALL, "-o", "children.png", code=1)
    assert "what you start from" in refused.err
    assert look_in("grandchildren.html#1").knobs == look_in("children.png#3").knobs


def test_a_network_keeps_the_weights_it_was_seen_with():
    made("sheet", "neural-dream", "--tiles", "3", *SMALL)
    made("mutate", "sheet.png#3", "--tiles", "2", "--strength", "0", *SMALL)
    seen, parent, child = (look_in(p) for p in ("sheet.png#3", "children.png#1", "children.png#2"))
    assert seen.network == parent.network == child.network
    assert seen.network.genes
    assert carried("children.png#1").seed == carried("sheet.png#3").seed


def test_children_of_two_looks():
    facts = made("breed", "satin", "ink.toml", "--tiles", "6", *SMALL, "--json").json
    labels = [tile["label"] for tile in facts["tiles"]]
    assert labels[:2] == ["Satin (parent)", "Ink (parent)"]
    children = [look_in(f"children.png#{k}") for k in range(3, 7)]
    assert {child.pattern for child in children} <= {"silk", "ink"}
    assert all("Satin and Ink" in child.summary for child in children)
    made("breed", "satin", "satin", "--tiles", "4", "--lock", "pattern", *SMALL)


def test_what_is_asked_wrongly(folder):
    (folder / "holiday.png").write_bytes(b"holiday")
    for words, line in (
        (("mutate", "nosuch"), "no look 'nosuch'"),
        (("mutate", "satin", "--strength", "2"), "--strength 2: use 0 to 1"),
        (("mutate", "satin", "--strength", "nan"), "--strength nan: use 0 to 1"),
        (("mutate", "satin", "--tiles", "1"), "--tiles 1: use 2 to 1000"),
        (("mutate", "satin", "--seed", "-1"), "--seed -1"),
        (("mutate", "satin", "--lock", "colour"), "--lock colour"),
        (("mutate", "satin", "--lock", "foo"), "or a knob's name"),
        (
            ("mutate", "satin", "--lock", "knobs", "--lock", "palette", "--lock", "speeds"),
            "nothing is left that could change",
        ),
        (("mutate", "satin", "--moment", "-3"), "--moment -3"),
        (("mutate", "satin", "--network", "64x4"), "runs no network"),
        (("mutate", "satin", "--tile-size", "big"), "--tile-size"),
        (("mutate", "satin", "-o", "children.jpg"), "children.png"),
        (("mutate", "satin", "-o", "holiday.png"), "--overwrite"),
        (("mutate", "holiday.png"), "carries no settings"),
        (("mutate",), "LOOK is missing"),
        (("breed", "satin"), "OTHER is missing"),
        (("breed", "satin", "abyss", "--tiles", "2"), "--tiles 2: use 3 to 1000"),
        (("breed", "satin", "nosuch"), "no look 'nosuch'"),
    ):
        refused = made(*words, code=1)
        assert line in refused.err, refused.err
        assert refused.err.count("\n") == 1, refused.err
    assert (folder / "holiday.png").read_bytes() == b"holiday"
