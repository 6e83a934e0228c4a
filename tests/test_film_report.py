"""The report on a video: known songs and knobs come out as they went in, and the page stands alone.

The page about a song alone is in test_report.py.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from afx.compose import Controls, Scene
from afx.look import Look, knobs_of, pattern_of
from afx.report.data import MOST, knob_curves, scenes_of, song_facts
from afx.shot import Shot
from afx.transition import Transition
from afxcommand import SMALL, Outcome, afx, left_in, made_look, made_song, unchanged
from made_analysis import nothing_analysis
from music_analysis.chords import Chord
from music_analysis.key import KeySegment
from music_analysis.structure import Event, Section

if TYPE_CHECKING:
    from browser import Browser

pytest_plugins = ("browser",)

FPS = Fraction(20)


# ------------------------------------------------------------------ data


def test_a_song_is_told_in_the_seconds_of_the_excerpt() -> None:
    empty = nothing_analysis(40.0)
    beats = np.arange(0.0, 40.0, 0.5)
    song = replace(
        empty,
        tempo=replace(empty.tempo, beats=beats, downbeats=beats[::4]),
        key=replace(empty.key, segments=(KeySegment(0.0, 40.0, "F# minor", 0.9),)),
        chords=replace(
            empty.chords,
            segments=(
                Chord(0.0, 10.0, "C:maj", 0.9),
                Chord(10.0, 12.5, "A:min", 0.9),
                Chord(12.5, 30.0, "N", 0.9),
                Chord(30.0, 40.0, "G:maj", 0.9),
            ),
        ),
        structure=replace(
            empty.structure,
            sections=(
                Section(0.0, 12.0, "A", 0, "verse", 0.8, 0.8),
                Section(12.0, 18.0, "B", 1, "chorus", 0.8, 0.8),
                Section(18.0, 40.0, "A", 0, "verse", 0.8, 0.8),
            ),
            events=(
                Event(9.9, "drop", 9.9, 0.5),
                Event(12.0, "build", 8.0, 0.5),
                Event(12.0, "drop", 12.0, 0.5),
                Event(20.0, "drop", 20.0, 0.5),
            ),
        ),
    )
    facts = song_facts(song, start=10.0, seconds=10.0)
    assert [(s["label"], s["start"], s["end"]) for s in facts["sections"]] == [
        ("A", 0.0, 2.0),
        ("B", 2.0, 8.0),
        ("A", 8.0, 10.0),
    ]
    chords = [(c["label"], c["start"], c["end"]) for c in facts["chords"]]
    assert chords == [("Am", 0.0, 2.5), ("", 2.5, 10.0)]
    assert [(k["label"], k["start"], k["end"]) for k in facts["keys"]] == [("F♯ minor", 0.0, 10.0)]
    assert facts["beats"] == np.arange(0.0, 10.0, 0.5).tolist()
    assert facts["downbeats"] == [0.0, 2.0, 4.0, 6.0, 8.0]
    # A build that began before is cut off; what falls on the end is no longer in it.
    events = [(e["kind"], e["start"], e["time"]) for e in facts["events"]]
    assert events == [("build", 0.0, 2.0), ("drop", 2.0, 2.0)]


def test_of_a_song_without_anything_nothing_is_told() -> None:
    assert all(told == [] for told in song_facts(nothing_analysis(4.0), 0.0, 4.0).values())


def look(name: str, pattern: str = "ink") -> Look:
    return Look.model_validate(
        {"name": name, "title": name.title(), "pattern": pattern, "palette": {}}
    )


def scene(of: Look, first: int, last: int, lead: int = 0, **knobs: Any) -> Scene:
    """Make a scene whose knobs rest, but those of which a function of the frame is given."""
    known = knobs_of(pattern_of(of))
    frames = np.arange(first - lead, last)
    columns = [
        knobs[k.name](frames) if k.name in knobs else np.full(frames.size, k.default) for k in known
    ]
    table = np.stack(columns, axis=1).astype(np.float32)
    return Scene(of, 0, first, last, tuple(k.name for k in known), table, lead)


def controls(*scenes: Scene, frames: int, at: float, **rest: Any) -> Controls:
    shots = (
        Shot(scenes[0].look, 0, 0.0, at, why="first"),
        Shot(scenes[1].look, 1, at, frames / float(FPS), why="then"),
    )
    crossing = Transition("blend", scenes[1].first, scenes[0].last)
    return Controls(FPS, frames, scenes, shots, (crossing,), **rest)


def curve(found: dict[str, Any], name: str, pattern: str = "") -> dict[str, Any]:
    (knob,) = [k for k in found["knobs"] if (k["name"], k["pattern"]) == (name, pattern)]
    return knob


def values(knob: dict[str, Any], span: int) -> np.ndarray:
    """Return a span's values in the knob's own unit, as the page reads them."""
    share = np.frombuffer(base64.b64decode(knob["spans"][span]["values"]), np.uint8) / 254
    return knob["lo"] + share * (knob["hi"] - knob["lo"])


def two_scenes() -> Controls:
    """Two scenes of ten seconds, a second of which they share; the second has rows before it."""
    ramp = {"zoom": lambda f: f / 400.0, "phase": lambda f: 7.0 + f * 0.01}
    other = {"zoom": lambda f: 1.0 - f / 800.0, "phase": lambda f: f * 0.02}
    return controls(
        scene(look("one"), 0, 210, **ramp),
        scene(look("two"), 190, 400, lead=40, **other),
        frames=400,
        at=10.0,
    )


def test_scenes_are_told_with_how_they_come_in() -> None:
    first, second = scenes_of(two_scenes())
    assert (first["look"], first["start"], first["end"], first["transition"]) == (
        "one", 0.0, 10.0, "",
    )  # fmt: skip
    assert (second["look"], second["start"], second["end"], second["transition"]) == (
        "two", 10.0, 20.0, "blend",
    )  # fmt: skip
    assert (second["first"], second["last"], second["why"]) == (9.5, 20.0, "then")


def test_knobs_are_told_in_every_scene_and_clocks_by_their_speed() -> None:
    found = knob_curves(two_scenes())
    assert found["step"] == 0.1
    zoom = curve(found, "zoom")
    assert zoom["group"] == "camera"
    assert (zoom["lo"], zoom["hi"]) == (0.0, pytest.approx(0.7625))
    assert [span["first"] for span in zoom["spans"]] == [0, 95]
    one, two = values(zoom, 0), values(zoom, 1)
    fine = (zoom["hi"] - zoom["lo"]) / 254
    assert np.abs(one - np.arange(0, 210, 2) / 400.0).max() < fine
    assert np.abs(two - (1.0 - np.arange(190, 400, 2) / 800.0)).max() < fine
    assert zoom["moved"] > 0.0
    phase = curve(found, "phase", "ink")
    assert phase["unit"].endswith("/s")
    assert (phase["lo"], phase["hi"]) == (
        pytest.approx(0.2, abs=1e-3),
        pytest.approx(0.4, abs=1e-3),
    )
    assert values(phase, 0) == pytest.approx(0.2, abs=2e-3)
    assert values(phase, 1) == pytest.approx(0.4, abs=2e-3)


def test_what_rests_has_not_moved_and_patterns_share_no_knobs() -> None:
    both = controls(
        scene(look("one"), 0, 110), scene(look("two", "agate"), 90, 200), frames=200, at=5.0
    )
    found = knob_curves(both)
    assert all(knob["moved"] == 0.0 for knob in found["knobs"])
    assert len(curve(found, "exposure")["spans"]) == 2
    for pattern in ("ink", "agate"):
        assert len(curve(found, "phase", pattern)["spans"]) == 1
        assert curve(found, "phase", pattern)["group"] == "form"


def test_an_hour_has_no_more_values_than_can_be_seen() -> None:
    frames = 72_000
    long = controls(
        scene(look("one"), 0, 36_001), scene(look("two"), 36_000, frames), frames=frames, at=1800.0
    )
    found = knob_curves(long)
    count = sum(len(values(curve(found, "zoom"), k)) for k in (0, 1))
    assert MOST - 2 <= count <= MOST + 1


# ------------------------------------------------------------------ the page


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """Render a song with a report; the words over it lie in a folder of their own."""
    folder = tmp_path_factory.mktemp("reported")
    made_song(folder / "a <song>.wav", 5.0)
    ink = made_look(folder / "ink.toml")
    video = folder / "film.mp4"
    said = afx(
        "render", folder / "a <song>.wav", "--look", ink, "-o", video, "--report", "--json", *SMALL
    )
    return folder, said


def test_a_report_lies_beside_the_video(made: tuple[Path, Outcome]) -> None:
    folder, said = made
    assert said.code == 0, said.err
    page = folder / "film.report.html"
    assert Path(said.json["report"]) == page
    assert left_in(folder) == {
        "a <song>.wav", "ink.toml", "film.mp4", "film.timeline.toml", "film.report.html",
    }  # fmt: skip
    text = page.read_text()
    assert "<title>a &lt;song&gt; – made by afx</title>" in text
    assert "<td>a &lt;song&gt;.wav</td>" in text
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert data is not None
    told = json.loads(data[1])
    assert told["seconds"] == pytest.approx(5.0, abs=0.05)
    assert [s["look"] for s in told["scenes"]] == ["ink"]
    assert told["why"]["scenes"][0]["pulls"], "nothing is said to hold the pictures"
    assert any(knob["moved"] > 0 for knob in told["knobs"])


def test_a_report_asks_nobody_and_names_no_folder(made: tuple[Path, Outcome]) -> None:
    folder, _ = made
    text = (folder / "film.report.html").read_text()
    assert not re.search(r"https?://|@import|url\(", text)
    sources = re.findall(r'\b(?:src|href)="([^"]*)"', text)
    assert [s for s in sources if not s.startswith("data:image/jpeg;base64,")] == ["film.mp4"]
    assert str(folder) not in text
    assert folder.name not in text


def test_a_report_is_replaced_and_nothing_else(made: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder, _ = made
    again = ("render", folder / "a <song>.wav", "--look", folder / "ink.toml", "--report", *SMALL)
    other = tmp_path / "film.report.html"
    for write in (lambda: other.write_text("<title>mine</title>"), other.mkdir):
        write()
        with unchanged(tmp_path):
            refused = afx(*again, "-o", tmp_path / "film.mp4")
        assert refused.code == 1
        assert "film.report.html" in refused.err
        assert len(refused.err.splitlines()) == 1
        if other.is_file():
            assert other.read_text() == "<title>mine</title>"
            other.unlink()
    refused = afx(*again, "--frames", tmp_path / "pictures")
    assert "leave --frames out" in refused.err


def test_of_what_is_too_short_to_judge_there_is_a_video_all_the_same(tmp_path: Path) -> None:
    song, ink = made_song(tmp_path / "song.wav"), made_look(tmp_path / "ink.toml")
    said = afx(
        "render", song, "--look", ink, "-o", tmp_path / "film.mp4", "--report", "--json", *SMALL
    )
    assert said.code == 1
    assert "the report could not be made: " in said.err
    assert Path(said.json["output"]).is_file(), "and it is told of"
    assert "report" not in said.json
    assert not (tmp_path / "film.report.html").exists()


@pytest.mark.browser
def test_a_report_works_in_a_browser(made: tuple[Path, Outcome], browser: Browser) -> None:
    folder, _ = made

    def visit(page: Any) -> dict[str, Any]:
        trouble: list[str] = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda r: r.url.startswith("http") and trouble.append(r.url))
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto((folder / "film.report.html").as_uri())
        page.wait_for_selector("#knobs .lane canvas")
        seen = {"first": page.inner_text("#now")}
        page.focus("#moment")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        seen["then"], seen["look"] = page.inner_text("#now"), page.inner_text("#now-look")
        page.locator("#scenes").click(position={"x": 100, "y": 10})
        seen["clicked"] = page.inner_text("#now")
        page.click("#theme")
        seen["wide"] = page.evaluate("document.documentElement.scrollWidth")
        seen["drawn"] = page.evaluate(
            "['scenes','sound','motion','knob-0'].map((id) => {"
            " const c = document.getElementById(id), g = c.getContext('2d');"
            " return g.getImageData(0, 0, c.width, c.height).data.some((v) => v) })"
        )
        page.close()
        return seen | {"trouble": trouble}

    page = browser.new_page()
    seen = browser.call(lambda _: visit(page))
    assert seen["trouble"] == []
    assert seen["then"] == "0:00.1"
    assert seen["look"] == "Ink"
    assert seen["clicked"] != seen["then"]
    assert seen["wide"] <= 390
    assert seen["drawn"] == [True] * 4
