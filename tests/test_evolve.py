"""Evolution: measures that know good pictures, an archive that lasts, the same page every time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zlib
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from afx import oklch
from afx.carried import carried
from afx.explore import evolve as evolving
from afx.explore.archive import Archive, Settings, read_archive, save_archive
from afx.explore.evolve import BATCH, candidates, evolve
from afx.explore.measures import (
    ALIKE,
    MEASURES,
    Judge,
    Traits,
    alike,
    hue_count,
    hues,
    likeness,
    symmetry,
)
from afx.look import Look, dump, load_library, problems
from afx.patterns import PATTERNS
from afxcommand import afx as run
from music_analysis.errors import UserError

LIBRARY = load_library()
FOUNDERS = tuple(LIBRARY[name] for name in ("satin", "geode", "rose-window"))


def unit(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple((numbers / np.linalg.norm(numbers)).tolist())


class FakeJudge:
    """Measures that follow from a look's text at once; every fifth look is refused."""

    def traits(self, look: Look, seed: int) -> Traits:
        rng = np.random.default_rng(zlib.crc32(f"{seed} {dump(look)}".encode()))
        faults = ("dull",) if rng.random() < 0.2 else ()
        color, form, quality = rng.uniform((40, 1.0, 0), (110, 1.5, 1))
        return Traits(color, form, 0.5, 0.5, quality, faults, unit(rng.standard_normal(64)))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolving, "Judge", FakeJudge)
    monkeypatch.setattr(evolving, "field_kernel", lambda _pattern: None)


def text_of(archive: Archive, path: Path) -> str:
    save_archive(archive, path)
    return path.read_text()


# --- measures --------------------------------------------------------------------------------


def test_mirrored_pictures_are_known():
    rng = np.random.default_rng(1)
    noise = rng.random((36, 64))
    assert symmetry(noise) < 0.1
    assert symmetry(np.hstack([noise, noise[:, ::-1]])) == pytest.approx(1.0)
    assert symmetry(np.vstack([noise, noise[::-1]])) == pytest.approx(1.0)
    assert symmetry(np.full((36, 64), 0.3)) == 0.0


def test_likeness_knows_colors_and_places():
    rng = np.random.default_rng(2)
    place = np.kron(rng.random((8, 8)), np.ones((6, 6)))
    red, blue = (oklch.oklab_from_oklch(place, 0.12, hue) for hue in (0.5, 4.5))
    mirrored = red[:, ::-1]
    assert np.linalg.norm(likeness(red)) == pytest.approx(1.0, abs=0.01)
    assert alike(likeness(red), likeness(red + 1e-3)) > 0.99
    assert alike(likeness(red), likeness(blue)) < 0.5
    assert alike(likeness(red), likeness(mirrored)) < ALIKE + 0.1
    assert hue_count(hues(red)) == pytest.approx(1.0, abs=0.05)
    rainbow = oklch.oklab_from_oklch(0.6, 0.1, np.linspace(0, 2 * np.pi, 240)[None, :])
    assert hue_count(hues(rainbow)) == pytest.approx(24, rel=0.02)


def test_the_judge_likes_the_library_and_refuses_what_is_broken():
    judge = Judge()
    traits = {name: judge.traits(LIBRARY[name]) for name in ("abyss", "rose-window", "satin")}
    assert all(t.faults == () and t.quality > 0.6 for t in traits.values()), traits
    assert traits["rose-window"].symmetry > 0.9 > traits["satin"].symmetry
    assert judge.traits(LIBRARY["satin"]) == traits["satin"]
    knobs = {"phase": 0.0, "drift": 0.0, "spin": 0.0}
    frozen = LIBRARY["satin"].model_copy(update={"knobs": LIBRARY["satin"].knobs | knobs})
    assert "frozen" in judge.traits(frozen).faults[0]
    gray = LIBRARY["satin"].model_copy(update={"knobs": {"chroma": 0.0}})
    assert any("too gray" in fault for fault in judge.traits(gray).faults)
    likeliest = max(alike(a.likeness, b.likeness) for a, b in combinations(traits.values(), 2))
    assert likeliest < ALIKE


# --- archive ---------------------------------------------------------------------------------


def traits(color: float, form: float, quality: float, seed: int) -> Traits:
    vector = unit(np.random.default_rng(seed).standard_normal(64))
    return Traits(color, form, 0.5, 0.5, quality, (), vector)


def test_cells_hold_the_best_of_their_kind():
    archive = Archive.new(Settings("colors-shape", FOUNDERS))
    across, down = MEASURES["colors-shape"]
    assert archive.cells == 24
    assert archive.cell(traits(0, 0, 1, 0)) == (0, 0)
    assert archive.cell(traits(999, 9, 1, 0)) == (5, 3)
    middle = traits(0.5 * (across.lo + across.hi) + 0.1, down.lo + 0.01, 0.5, 1)
    assert archive.cell(middle) == (3, 0)
    a, b, c = (FOUNDERS[0].model_copy(update={"name": n}) for n in "abc")
    assert archive.offer(a, 0, middle)
    assert not archive.offer(b, 0, replace(middle, quality=0.4))
    assert archive.offer(c, 0, replace(middle, quality=0.6))
    assert not archive.offer(b, 0, replace(middle, quality=0.9, faults=("dull",)))
    assert [elite.look.name for elite in archive.elites.values()] == ["c"]
    assert (archive.tried, archive.good) == (4, 3)


def test_no_two_elites_are_alike_and_no_pattern_takes_all():
    archive = Archive.new(Settings("colors-shape", tuple(LIBRARY.values())))
    look = FOUNDERS[0]
    assert archive.offer(look, 0, traits(50, 1.0, 0.9, 1))
    twin = replace(traits(50, 1.0, 0.9, 1), boundary=1.39)
    assert not archive.offer(look, 0, twin)
    assert archive.offer(look, 0, traits(70, 1.2, 0.5, 2))
    assert archive.most_of_a_pattern == 2
    assert not archive.offer(look, 0, traits(90, 1.3, 0.9, 3))
    assert archive.offer(look, 0, traits(70, 1.2, 0.6, 4))  # its own cell may get better
    assert len(archive.elites) == 2


def test_archives_are_kept(tmp_path):
    archive = Archive.new(Settings("energy-symmetry", FOUNDERS, 7, 3, 2, ("palette",)))
    archive.offer(FOUNDERS[1], 5, traits(70, 1.2, 0.5, 2))
    archive.rounds = 4
    path = tmp_path / "a.json"
    text = text_of(archive, path)
    back = read_archive(path)
    assert back == archive
    assert text_of(back, path) == text
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_archives_that_cannot_be_gone_on_with(tmp_path):
    path = tmp_path / "a.json"
    good = text_of(Archive.new(Settings("colors-shape", FOUNDERS[:1])), path)
    data = json.loads(good)
    for text, word in (
        ("", "not an archive"),
        ("{" * 100_000, "not an archive"),
        (good[: len(good) // 2], "not an archive"),
        (json.dumps({"kind": "sheet"}), "not an archive"),
        (json.dumps(data | {"version": 9}), "begin anew"),
        (json.dumps(data | {"program": "0.0.1"}), "made by afx 0.0.1"),
        (json.dumps(data | {"measures": "beauty"}), "damaged"),
        (json.dumps(data | {"rounds": -1}), "damaged"),
        (json.dumps(data | {"edges": [[1.0], []]}), "damaged"),
        (json.dumps(data | {"founders": [{"name": "x", "look": "title = 3"}]}), "x"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=word) as caught:
            read_archive(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_archive(tmp_path)


# --- the loop --------------------------------------------------------------------------------


def test_interrupted_or_not_on_any_threads_the_archive_is_the_same(tmp_path, quick):
    path = tmp_path / "a.json"
    settings = Settings("colors-shape", FOUNDERS, 3)
    whole = text_of(evolve(Archive.new(settings), rounds=5), path)
    threaded = text_of(evolve(Archive.new(settings), rounds=5, threads=3), path)
    assert threaded == whole

    broken = Archive.new(settings)

    def stop(progress):
        if progress.archive.rounds == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evolve(broken, rounds=5, on_round=stop)
    assert broken.rounds == 3
    save_archive(broken, path)
    assert text_of(evolve(read_archive(path), rounds=5), path) == whole
    assert text_of(evolve(Archive.new(replace(settings, seed=4)), rounds=5), path) != whole


def test_a_round_that_is_stopped_leaves_nothing(quick, monkeypatch, tmp_path):
    archive = evolve(Archive.new(Settings("colors-shape", FOUNDERS)), rounds=2)
    before = text_of(archive, tmp_path / "a.json")
    calls = []

    class Stopped(FakeJudge):
        def traits(self, look, seed):
            calls.append(look)
            if len(calls) == 5:
                raise KeyboardInterrupt
            return super().traits(look, seed)

    monkeypatch.setattr(evolving, "Judge", Stopped)
    with pytest.raises(KeyboardInterrupt):
        evolve(archive, rounds=9)
    assert text_of(archive, tmp_path / "a.json") == before


def test_children_are_looks_of_their_own(quick):
    archive = evolve(Archive.new(Settings("colors-shape", FOUNDERS)), rounds=6)
    assert archive.tried == len(FOUNDERS) + 5 * BATCH
    elites = archive.ordered()
    assert len(elites) > 12
    assert len({elite.look.name for elite in elites}) == len(elites)
    for elite in elites:
        assert list(problems(elite.look, PATTERNS)) == []
        assert archive.cell(elite.traits) == elite.cell
    cells = [elite.cell for elite in elites]
    assert cells == sorted(cells, key=lambda c: (-c[1], c[0]))
    made = candidates(archive)
    assert len({each.look.name for each in made}) == BATCH
    held = Archive.new(Settings("colors-shape", FOUNDERS, locks=("palette",)))
    palettes = {look.palette for look in FOUNDERS}
    assert {e.look.palette for e in evolve(held, rounds=4).elites.values()} <= palettes


def test_quality_never_falls(quick):
    seen: dict[tuple[int, int], float] = {}

    def check(progress):
        for cell, best in seen.items():
            assert progress.archive.elites[cell].traits.quality >= best
        for cell, elite in progress.archive.elites.items():
            seen[cell] = elite.traits.quality

    evolve(Archive.new(Settings("colors-shape", FOUNDERS)), rounds=10, on_round=check)
    assert len(seen) > 12


# --- the command -----------------------------------------------------------------------------

SMALL = ("--tile-size", "64x36", "--threads", "1")


def test_the_page_and_going_on_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = ("explore", "evolve", "satin", "abyss", *SMALL, "-o", "sea.html")
    made = run(*start, "--rounds", "2", "--json")
    assert made.code == 0, made.err
    assert {p.name for p in tmp_path.iterdir()} == {"sea.html", "sea.png", "sea.json"}
    facts = made.json
    assert (facts["rounds"], facts["tried"], facts["cells"]) == (2, 2 + BATCH, 24)
    assert facts["filled"] == len(facts["tiles"]) > 3
    assert facts["likest"] < ALIKE
    for page in ("sea.html", "sea.png"):
        assert carried(f"{page}#2").name == facts["tiles"][1]["name"]
        assert carried(f"{page}#2").seed == facts["tiles"][1]["seed"]

    again = run("explore", "evolve", "-o", "sea.html", *SMALL, "--minutes", "0")
    assert again.code == 0, again.err
    assert f"{facts['filled']} of 24" in again.out
    elsewhere = run("explore", "evolve", "-o", str(tmp_path / "sea.html"), *SMALL, "--minutes", "0")
    # The command that is told works from here, also for a page in another folder.
    told = elsewhere.out.replace("\n", " ").split("explore evolve -o ")[1]
    assert "".join(told.split()) == str(tmp_path / "sea.html")
    assert json.loads(Path("sea.json").read_text())["rounds"] == 2

    for words, line in (
        (("--measures", "energy-symmetry"), "--measures energy-symmetry"),
        (("--grid", "3x3"), "--grid 3x3"),
        (("--seed", "5"), "--seed 5"),
        (("--lock", "palette"), "--lock"),
        (("geode",), "other looks"),
    ):
        refused = run("explore", "evolve", *words, "-o", "sea.html", "--minutes", "0")
        assert refused.code == 1
        assert f"begun without {line}" in refused.err
        assert refused.err.count("\n") == 1


def test_what_evolve_is_asked_wrongly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.html").write_text("holiday")
    (tmp_path / "bad.json").write_text("{}")
    for words, line in (
        (("nosuchlook",), "no look 'nosuchlook'"),
        (("satin", "satin"), "two of the looks have one name"),
        (("--minutes", "-1"), "--minutes -1"),
        (("--rounds", "0"), "--rounds 0"),
        (("--grid", "many"), "--grid 'many'"),
        (("--grid", "99x2"), "--grid '99x2'"),
        (("--lock", "palete"), "did you mean palette"),
        (("--threads", "0"), "--threads 0"),
        (("--seed", "-1"), "--seed -1"),
        (("-o", "page.txt"), "name the page, such as page.html"),
        (("-o", "mine.html"), "--overwrite"),
        (("-o", "bad.html"), "not an archive"),
        (("-o", "bad.html"), "begin anew with --overwrite"),
        (("-o", "new.html", "--minutes", "0"), "new.json holds no looks yet"),
        (("--measures", "beauty"), "colors-shape"),
    ):
        refused = run("explore", "evolve", *words)
        assert refused.code == 1, words
        assert line in refused.err, refused.err
        assert refused.err.count("\n") == 1, refused.err
    assert (tmp_path / "mine.html").read_text() == "holiday"


def test_stopped_it_is_saved_and_says_how_to_go_on(tmp_path):
    command = (sys.executable, "-m", "afx.cli", "explore", "evolve", "satin", *SMALL)
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Evolving  ")  # after the first round
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped, and saved." in said
    assert "Traceback" not in said
    archive = read_archive(tmp_path / "evolved.json")
    assert archive.rounds >= 1
    assert archive.settings.founders[0].name == "satin"
    assert not list(tmp_path.glob(".*"))
