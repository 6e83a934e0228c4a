"""Sheets, sweeps, stills and saved looks: what is varied, what is painted, what can be typed."""

from __future__ import annotations

import math
import re
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from afx.carried import carried, settings_in
from afx.commands_explore import explore
from afx.easel import Easel
from afx.explore.contact import Caption, contact, fitted, layout, plain
from afx.explore.pages import typed
from afx.explore.sheet import columns_for, crossed, varied
from afx.explore.start import starting_tile
from afx.explore.sweep import swept
from afx.explore.tiles import Tile, fixed, paint, tile_settings, turned
from afx.explore.variety import AXES, choices
from afx.look import find_look, load_library, look_in, parse_look, pattern_of
from afx.painter import field_kernel
from afx.palette import PALETTES
from afx.patterns.weights_file import load_weights
from afx.progress import Count
from afx.stills import read_settings, write_png
from afxcommand import INK, Outcome, left_in
from afxcommand import afx as run
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from afx.field.jit import Kernel
    from afx.patterns import Pattern
    from browser import Browser

pytest_plugins = ("browser",)

LIBRARY = load_library()
NEURAL = Tile("dream", "Dream", LIBRARY["neural-dream"], seed=5)
PLAIN = Tile("ink", "Ink", parse_look(INK + "[knobs]\nwarp = 0.3\n", "ink", "ink"), seed=2)
SMALL = ("--tile-size", "32x18")


def ok(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.err
    return outcome


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ink.toml").write_text(INK)
    return tmp_path


# ------------------------------------------------------------------ tiles


def test_painters_do_not_compile_one_field_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Networks of one shape share a field, whatever their weights."""
    busy: list[object] = []
    clashes: list[object] = []

    def slow(pattern: Pattern) -> Kernel:
        clashes.extend(each for each in busy if each is pattern.function)
        busy.append(pattern.function)
        time.sleep(0.01)
        busy.remove(pattern.function)
        return field_kernel(pattern)

    monkeypatch.setattr("afx.explore.tiles.field_kernel", slow)
    tiles = varied(NEURAL, "seeds", LIBRARY, tiles=6).tiles
    assert len({id(pattern_of(tile.look)) for tile in tiles}) == 6
    paint(tiles, 16, 16, threads=4)
    assert clashes == []


def test_tiles_are_the_same_on_any_number_of_threads() -> None:
    tiles = [
        *(replace(PLAIN, seed=seed) for seed in range(4)),
        *varied(NEURAL, "networks", LIBRARY, tiles=2).tiles,
    ]
    seen: list[tuple[int, int]] = []
    alone = paint(tiles, 48, 26, 1, lambda done, total: seen.append((done, total)))
    together = paint(tiles, 48, 26, 3)
    assert seen == [(k, len(tiles)) for k in range(1, len(tiles) + 1)]
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    # In their order, and each its own picture.
    assert np.array_equal(alone[2], Easel(48, 26).still(PLAIN.look, seed=2))
    assert len({picture.tobytes() for picture in alone}) == len(tiles)


def test_an_error_while_painting_comes_through() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint([PLAIN] * 8, 32, 18, 2, stop)


@pytest.mark.parametrize(
    "axis",
    ["seeds", "activations", "initializers", "palettes", "moments", "knob:warp", "knob:phase"],
)
def test_a_tile_is_the_look_that_it_carries(tmp_path: Path, axis: str) -> None:
    sheet = varied(NEURAL, axis, LIBRARY, tiles=2)
    pictures = paint(sheet.tiles, 48, 26)
    assert len({picture.tobytes() for picture in pictures}) == 2
    for tile, picture in zip(sheet.tiles, pictures, strict=True):
        write_png(tmp_path / "tile.png", picture, tile_settings(tile))
        again = starting_tile(str(tmp_path / "tile.png"))
        assert (again.seed, again.moment) == (tile.seed, tile.moment)
        assert np.array_equal(paint([again], 48, 26)[0], picture)


def test_the_weights_of_a_tile_are_its_own() -> None:
    look = fixed(NEURAL.look, 5)
    assert look.network is not None
    assert [gene.seed for gene in look.network.genes] == [5]
    pattern = pattern_of(look)
    assert pattern.weights is not None
    here, there = pattern.weights(0)["cppn"], pattern.weights(99)["cppn"]
    assert np.array_equal(here, there)
    free = pattern_of(NEURAL.look).weights
    assert free is not None
    assert np.array_equal(here, free(5)["cppn"])
    assert fixed(look, 6) is look
    assert fixed(PLAIN.look, 6) is PLAIN.look


def test_turned_knobs_stay_in_range_and_clocks_are_left_alone() -> None:
    look = turned(PLAIN.look, {"detail": 7.0, "phase": 0.2, "nothing": 1.0})
    assert look.knobs == {"warp": 0.3, "detail": 1.0}


# ------------------------------------------------------------------ what varies


def test_every_axis_has_names_that_differ() -> None:
    for axis in (*AXES, "knob:warp"):
        made = choices(axis, NEURAL, 1000 if axis not in ("seeds", "moments") else 9, LIBRARY)
        assert len(made) > 5
        assert len({choice.name for choice in made}) == len(made)
        assert len({choice.label for choice in made}) == len(made)
        for choice in made:
            assert re.fullmatch(r"[\w.-]+", choice.name)


def test_seeds_replace_fixed_weights() -> None:
    base = replace(NEURAL, look=fixed(NEURAL.look, 3))
    genes = [t.look.network.genes[0].seed for t in varied(base, "seeds", LIBRARY, tiles=3).tiles]
    assert genes == [5, 6, 7]


def test_a_sheet_of_looks_leaves_none_out(tmp_path: Path) -> None:
    small = ("--tile-size", "16x16", "--threads", "1", "--json")
    made = run("explore", "sheet", "--vary", "looks", "-o", str(tmp_path / "all.png"), *small)
    assert made.code == 0, made.err
    assert [tile["name"] for tile in made.json["tiles"]] == sorted(LIBRARY)
    few = run(
        "explore", "sheet", "--vary", "looks", "--tiles", "3", "-o", str(tmp_path / "3.png"), *small
    )
    assert len(few.json["tiles"]) == 3


def test_rows_and_columns() -> None:
    sheet = crossed(NEURAL, "symmetries", "seeds", LIBRARY)
    assert sheet.columns == 6
    assert len(sheet.tiles) == 66
    assert [t.seed for t in sheet.tiles[:7]] == [5, 6, 7, 8, 9, 10, 5]
    assert len({t.name for t in sheet.tiles}) == 66
    palettes = len(PALETTES)
    small = crossed(NEURAL, "palettes", "seeds", LIBRARY, tiles=2 * palettes + 4)
    assert (small.columns, len(small.tiles)) == (2, 2 * palettes)
    assert len(crossed(NEURAL, "seeds", "moments", LIBRARY, tiles=7).tiles) <= 7
    assert len(crossed(NEURAL, "palettes", "looks", LIBRARY, tiles=12).tiles) <= 12
    # Another look does not undo what the other axis changed.
    both = crossed(NEURAL, "palettes", "looks", LIBRARY, tiles=12)
    titles = [t.look.palette.title for t in both.tiles]
    assert titles[0] == titles[1] != titles[both.columns]


@pytest.mark.parametrize("count", [1, 2, 7, 12, 24, 27, 100])
def test_pages_are_wider_than_high(count: int) -> None:
    columns = columns_for(count, 16 / 9)
    rows = math.ceil(count / columns)
    assert rows * columns - count < columns
    assert 0.8 <= columns * 16 / 9 / rows <= 6.0


def test_a_sweep_goes_from_end_to_end() -> None:
    sheet = swept(PLAIN, ("morph",), steps=5)
    assert [t.knobs["morph"] for t in sheet.tiles] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert sheet.columns == 5
    part = swept(PLAIN, ("morph",), start=0.8, end=0.2, steps=3)
    assert [t.knobs["morph"] for t in part.tiles] == [0.8, 0.5, 0.2]
    grid = swept(PLAIN, ("morph", "detail"), steps=3)
    assert [t.knobs["morph"] for t in grid.tiles] == [0.0, 0.5, 1.0] * 3
    assert [t.knobs["detail"] for t in grid.tiles] == [0.0] * 3 + [0.5] * 3 + [1.0] * 3
    assert len({picture.tobytes() for picture in paint(grid.tiles, 48, 26)}) == 9


def test_of_a_clock_the_phase_is_swept() -> None:
    base = replace(PLAIN, moment=20.0)
    sheet = swept(base, ("phase",), steps=3)
    # Phases 0, ½ and 1, reached in 20 seconds; the look keeps its own speed.
    assert [t.knobs["phase"] for t in sheet.tiles] == [0.0, 0.025, 0.05]
    assert sheet.tiles[1].label == "phase has reached 0.5"
    assert tile_settings(sheet.tiles[0])["look"] == tile_settings(sheet.tiles[2])["look"]


# ------------------------------------------------------------------ the picture


def test_labels_never_leave_their_tiles() -> None:
    rng = np.random.default_rng(0)
    rgbs = [rng.integers(0, 256, (36, 64, 3), np.uint8) for _ in range(6)]
    long = "A label that is much longer than any tile is wide, in every language"
    captions = [Caption(str(k), long) for k in range(1, 7)]
    sheet = contact(rgbs, captions, 3, long * 9, long * 9)
    place = layout(6, 3, 64, 36)
    assert sheet.shape == (place.size[1], place.size[0], 3)
    ground = sheet[0, 0]
    for index, rgb in enumerate(rgbs):
        left, top = place.corner(index)
        assert np.array_equal(sheet[top : top + 36, left : left + 64], rgb)
        below = sheet[top + 36 : top + 36 + place.foot]
        assert (below[:, left : left + 64] != ground).any(), "it has a caption"
        assert (below[:, left + 64 : left + 64 + place.gap] == ground).all()
    assert (sheet[:, -place.margin :] == ground).all()
    bottom = place.corner(5)[1] + 36 + place.foot
    assert (sheet[bottom:] == ground).all()


def test_letters_that_the_font_lacks() -> None:
    assert plain("Küste × 3 → “日”…") == "Kuste x 3 > ???…"
    assert fitted("hello", 12, 1) == ""
    assert fitted("hello", 12, 1000) == "hello"


# ------------------------------------------------------------------ commands


def test_help_teaches_by_example() -> None:
    for command in (c for c in explore if not c.startswith("-")):
        outcome = ok(run("explore", command, "--help"))
        examples = outcome.out.partition("Examples:")[2].strip().splitlines()
        assert 2 <= len(examples) <= 5, command
        assert all(line.strip().startswith(f"afx explore {command}") for line in examples)
        assert max(map(len, outcome.out.splitlines())) <= 80


def test_a_sheet_and_what_follows(folder: Path) -> None:
    made = ok(run("explore", "sheet", "--tiles", "3", *SMALL, "--seed", "4", "--json"))
    assert made.err == ""
    assert made.json["output"] == "sheet.png"
    assert [tile["name"] for tile in made.json["tiles"]] == [
        f"neural-dream-seed-{seed}" for seed in (4, 5, 6)
    ]
    assert read_settings("sheet.png")["command"] == made.json["command"]
    again = ok(run(*made.json["command"].split()[1:], "-o", "again.png"))
    assert "again.png#3" in again.out
    with Image.open("sheet.png") as one, Image.open("again.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))

    saved = ok(run("explore", "save", "sheet.png#2", "-o", "new/sea.toml", "--name", "Night sea"))
    assert "afx render song.mp3 --look new/sea.toml" in saved.out
    text = Path("new/sea.toml").read_text()
    assert text.startswith("# Taken out of sheet.png#2 (seed 5, 12 s in)")
    assert tomllib.loads(text)["network"] == {"genes": [{"seed": 5}]}
    look = find_look("new/sea.toml", {})
    assert (look.name, look.title) == ("sea", "Night sea")
    assert look.knobs == look_in("sheet.png#2").knobs

    # The tile, large: the same picture as of the look at the same seed and moment.
    ok(run("explore", "still", "sheet.png#2", "--size", "64x36", "-o", "large.png"))
    ok(run("explore", "still", "new/sea.toml", "--size", "64x36", "--seed", "5"))
    with Image.open("large.png") as one, Image.open("sea.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert settings_in("large.png")["kind"] == "look"
    assert "new" not in settings_in("sea.png")["command"], "no folders of this machine"


def test_weights_are_saved_beside_the_look(folder: Path) -> None:
    ok(run("explore", "still", "neural-dream", "--seed", "3", "--size", "32x18", "-o", "a.png"))
    made = ok(run("explore", "save", "a.png", "--weights", "a.safetensors", "--json")).json
    assert made["weights"] == "a.safetensors"
    weights = pattern_of(look_in("a.png")).weights
    assert weights is not None
    assert np.array_equal(load_weights("a.safetensors")[1], weights(0)["cppn"])
    ok(run("explore", "still", "ink.toml", "--size", "32x18"))
    refused = run("explore", "save", "ink.png", "-o", "b.toml", "--weights", "b.safetensors")
    assert "runs no network: leave --weights out" in refused.err
    assert not Path("b.toml").exists()


def test_a_film_goes_there_and_back(folder: Path) -> None:
    film = ("explore", "sweep", "ink.toml", "warp", "--tile-size", "160x90", "--seconds", "2")
    assert ok(run(*film, "-o", "film.mp4", "--json")).json["frames"] == 60
    with av.open("film.mp4") as container:
        assert [s.type for s in container.streams] == ["video"]
        frames = [f.to_ndarray(format="rgb24").astype(int) for f in container.decode(video=0)]
    apart = [float(np.abs(frame - frames[0]).mean()) for frame in frames]
    assert int(np.argmax(apart)) in range(25, 36), "farthest in the middle"
    assert apart[-1] < 0.2 * max(apart), "the end leads to the beginning"
    assert find_look("film.mp4", {}).pattern == "ink"
    ok(run("explore", "sweep", "ink.toml", "warp", "phase", *film[4:], "-o", "two.mp4"))


def test_only_our_own_files_are_replaced(folder: Path) -> None:
    sheet = ("explore", "sheet", "ink.toml", "--tiles", "2", *SMALL)
    Path("sheet.png").write_text("holiday")
    Path("page.html").write_text("<p>holiday")
    for target in ("sheet.png", "page.html"):
        refused = run(*sheet, "-o", target)
        assert "was not made by afx" in refused.err
        assert "holiday" in Path(target).read_text()
        ok(run(*sheet, "-o", target, "--overwrite"))
        ok(run(*sheet, "-o", target))
    assert "is what you start from" in run("explore", "still", "sheet.png#1", "-o", "sheet.png").err
    refused = run("explore", "save", "sheet.png#1", "-o", "ink.toml")
    assert "ink.toml exists" in refused.err
    assert Path("ink.toml").read_text() == INK
    ok(run("explore", "save", "page.html#2", "-o", "ink.toml", "--overwrite"))
    assert left_in(folder) == {"sheet.png", "page.html", "ink.toml"}


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("sheet nolook", "no look 'nolook'"),
        ("sheet --vary sseds", "did you mean seeds"),
        ("sheet --vary knob:wrp", "did you mean 'warp'"),
        ("sheet ink.toml --vary networks", "runs no network"),
        ("sheet ink.toml --vary knob:phase --moment 0", "must be more than 0"),
        ("sheet --tiles 0", "use 1 to 1000"),
        ("sheet --tiles 24 --tile-size 4k", "64 million are possible"),
        ("sheet --tile-size 3x3", "--tile-size: size 3x3"),
        ("sheet --tile-size big", "--tile-size: cannot read size 'big'"),
        ("sheet --rows seeds", "go together"),
        ("sheet --rows seeds --columns seeds", "choose two things"),
        ("sheet --rows seeds --columns looks --vary palettes", "--vary is for one thing"),
        ("sheet --seed -1", "--seed -1"),
        ("sheet --moment nan", "--moment nan"),
        ("sheet --network 3", "write width x depth"),
        ("sheet --set warp", "write knob=value"),
        ("sheet --set warp=nan", "write knob=value"),
        ("sheet --set warp=7", "warp goes from 0 to 1"),
        ("sheet --set wrp=1", "did you mean 'warp'"),
        ("sheet -o sheet.jpg", "name it sheet.png"),
        ("sheet -o .", "name it"),
        ("sheet --threads 0", "--threads 0"),
        ("sweep", "LOOK is missing"),
        ("sweep ink.toml", "KNOB is missing"),
        ("sweep ink.toml dtail", "did you mean 'detail'"),
        ("sweep ink.toml detail --steps 0", "use 2 to 100"),
        ("sweep ink.toml detail warp --steps 99", "use 2 to 31"),
        ("sweep ink.toml detail --from 3", "detail goes from 0 to 1"),
        ("sweep ink.toml detail --to inf", "--to inf"),
        ("sweep ink.toml detail --from 0.5 --to 0.5", "nothing would change"),
        ("sweep ink.toml detail detail", "detail twice"),
        ("sweep ink.toml phase --moment 0", "must be more than 0"),
        ("sweep ink.toml phase --to 9", "at --moment 12"),
        ("sweep ink.toml detail -o s.mp4 --steps 3", "a film has no steps"),
        ("sweep ink.toml detail --seconds 3", "name the output .mp4"),
        ("sweep ink.toml detail -o s.mp4 --seconds 900", "use 1 to 60"),
        ("still", "LOOK is missing"),
        ("still missing.png", "no such file"),
        ("still ink.toml -o still.mp4", "name it still.png"),
        ("still ink.toml --size 9x9", "--size"),
        ("save", "PICTURE is missing"),
        ("save abyss", "is no picture of ours"),
        ("save ink.toml", "is no picture of ours"),
        ("save missing.png#3", "no such file"),
    ],
)
def test_mistakes_are_one_line(folder: Path, typed: str, message: str) -> None:
    outcome = run("explore", *typed.split())
    assert outcome.code == 1
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("afx: ")
    assert left_in(folder) == {"ink.toml"}


def test_titles_are_checked(folder: Path) -> None:
    ok(run("explore", "still", "ink.toml", "--size", "32x18"))
    for title in ("", "x" * 81):
        refused = run("explore", "save", "ink.png", "-o", "new.toml", "--name", title)
        assert refused.code == 1
        assert "title" in refused.err
        assert refused.err.count("\n") == 1


def test_paths_are_spelled_for_a_shell() -> None:
    assert typed("a/sheet.png#7") == "a/sheet.png#7"
    assert typed("my sheet.png#7") in ("'my sheet.png#7'", '"my sheet.png#7"')


# ------------------------------------------------------------------ pages


def test_a_page_asks_nobody_for_anything(folder: Path) -> None:
    look = INK.replace('"Ink"', '"</script><b>Ink"').replace("palette", 'summary = "x"\npalette')
    Path("evil.toml").write_text(look)
    ok(run("explore", "sheet", "evil.toml", "--tiles", "2", *SMALL, "-o", "page.html"))
    text = Path("page.html").read_text()
    assert not re.search(r"https?://|src=\"(?!data:)", text)
    assert "<b>Ink" not in text
    assert carried("page.html#2").seed == 1
    assert look_in("page.html#2").title == "</script><b>Ink"
    assert "afx explore save page.html#2 -o evil-seed-1.toml" in text


def test_a_page_in_a_browser(folder: Path, browser: Browser) -> None:
    ok(run("explore", "sheet", "ink.toml", "--vary", "palettes", "--tiles", "5", *SMALL,
           "-o", "page.html"))  # fmt: skip

    page = browser.new_page()

    def look(_) -> dict[str, object]:
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto((folder / "page.html").as_uri())
        page.set_viewport_size({"width": 360, "height": 700})
        seen: dict[str, object] = {"wide": page.evaluate("document.documentElement.scrollWidth")}
        colors = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_selector(f":root[data-theme={scheme}]")
            colors.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        seen["colors"] = colors
        page.keyboard.press("Tab")  # the light
        page.keyboard.press("Tab")  # the first tile
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        seen["title"] = page.inner_text("dialog h2")
        seen["command"] = page.inner_text("dialog .copy >> nth=0")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        seen["around"] = page.inner_text("dialog h2")
        page.keyboard.press("Escape")
        page.wait_for_selector("#tile-5 .tile:focus")
        seen["open"] = page.evaluate("document.querySelector('dialog').open")
        seen["mistakes"] = mistakes
        page.close()
        return seen

    seen = browser.call(look)
    assert seen["mistakes"] == []
    assert seen["wide"] == 360
    light, dark = seen["colors"]
    assert light != dark
    assert str(seen["title"]).startswith("2")
    assert "afx explore save page.html#2" in str(seen["command"])
    assert str(seen["around"]).startswith("5")
    assert seen["open"] is False


def test_a_choice_that_a_network_cannot_have_is_said() -> None:
    odd = starting_tile("neural-dream", network="13x3")
    with pytest.raises(UserError, match=r"^the network cannot have|^distill"):
        varied(odd, "activations", LIBRARY)


def test_weights_stay_beside_the_picture(folder: Path) -> None:
    ok(run("explore", "still", "neural-dream", "--seed", "3", "--size", "32x18", "-o", "a.png"))
    ok(run("explore", "save", "a.png", "-o", "deep/a.toml", "--weights", "deep/a.safetensors"))
    text = Path("deep/a.toml").read_text()
    Path("deep/b.toml").write_text(
        text.replace("genes = [{seed = 3}]", 'weights = "a.safetensors"')
    )
    ok(run("explore", "still", "deep/b.toml", "--seed", "3", "--size", "32x18", "-o", "deep/b.png"))
    with Image.open("a.png") as one, Image.open("deep/b.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert str(folder) not in settings_in("deep/b.png")["look"], "no folders of this machine"
    assert look_in("deep/b.png").network is not None
    Path("deep/b.png").rename("b.png")
    alone = run("explore", "still", "b.png", "-o", "c.png")
    assert "no weights file a.safetensors: put it beside the look" in alone.err
    assert alone.err.count("\n") == 1


def test_progress_says_little_and_nothing_to_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("afx.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    for silent in (False, True):
        with Count("painting", "tiles", silent=silent) as count:
            for done in range(1, 31):
                now[0] += 1.0
                count(done, 30)
    assert capsys.readouterr().err == "Painting 10/30 tiles\nPainting 20/30 tiles\n"
