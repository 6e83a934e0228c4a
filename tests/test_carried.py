"""Looks out of pictures: whatever exploration and rendering made can stand in place of a look."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from afx.carried import MOST_TEXT, MOST_TILES, PAGE_START, carried
from afx.look import dump, find_look, load_library, look_in
from afx.stills import MADE_WITH, MOST_SETTINGS, write_png
from afxcommand import INK, SMALL, made_look, made_song
from afxcommand import afx as run
from music_analysis.errors import UserError

PIXELS = np.zeros((16, 16, 3), np.uint8)
INK_TILE = {"name": "ink-1", "label": "1", "look": INK, "seed": 3, "moment": 7.5, "knobs": {}}


def tile(name: str, title: str) -> dict[str, Any]:
    return {**INK_TILE, "name": name, "look": INK.replace('"Ink"', f'"{title}"')}


def sheet(count: int) -> dict[str, Any]:
    tiles = [tile(f"ink-{k}", f"Ink {k}") for k in range(1, count + 1)]
    return {"kind": "sheet", "command": "afx explore sheet", "columns": 4, "tiles": tiles}


@pytest.fixture
def picture(tmp_path: Path):
    def make(document: dict[str, Any], name: str = "sheet.png") -> Path:
        write_png(tmp_path / name, PIXELS, document)
        return tmp_path / name

    return make


def test_a_tile_is_found_by_number_and_by_name(picture) -> None:
    path = picture(sheet(5))
    for part, title in (("1", "Ink 1"), ("5", "Ink 5"), ("ink-4", "Ink 4")):
        look = find_look(f"{path}#{part}", {})
        assert look.title == title
        assert look.name == f"ink-{title[-1]}"
    found = carried(f"{path}#2")
    assert (found.seed, found.moment, found.where) == (3, 7.5, f"{path}#2")
    # The only tile of a sheet needs no number.
    assert look_in(picture(sheet(1), "one.png")).title == "Ink 1"


def test_a_still_is_called_as_its_file(picture) -> None:
    path = picture({"kind": "look", **INK_TILE, "command": ""}, "my sea.png")
    assert find_look(str(path), {}).name == "my-sea"
    assert find_look(f"{path}#ink-1", {}).title == "Ink"
    with pytest.raises(UserError, match="holds one look: leave out #2"):
        look_in(f"{path}#2")


def test_a_look_of_the_library_comes_before_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "abyss").mkdir()
    library = load_library()
    assert find_look("abyss", library) is library["abyss"]


def test_a_path_may_hold_a_number_sign(picture, tmp_path: Path) -> None:
    (tmp_path / "take #2").mkdir()
    path = picture(sheet(3), "take #2/a#1.png")
    assert look_in(f"{path}#3").title == "Ink 3"
    with pytest.raises(UserError, match="holds 3 tiles"):
        look_in(path)


def test_videos_and_frames_give_their_looks_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made_song(tmp_path / "song.wav", 0.5)
    made_look(tmp_path / "deep sea.toml")
    look = find_look("deep sea.toml", {})
    render = ("render", "song.wav", "--look", "deep sea.toml", *SMALL)
    assert run(*render).code == 0
    assert run(*render, "--frames", "out").code == 0
    for reference in ("song.mp4", "song.mp4#deep-sea", "out", "out/frame_000001.png"):
        again = find_look(reference, {})
        assert again.name == "deep-sea"
        assert dump(again) == dump(look)
    assert run("frame", "song.wav", "--at", "0", "--look", "song.mp4", *SMALL[:4]).code == 0
    assert dump(find_look("song.png", {})) == dump(look)


def test_a_video_of_several_looks_lists_them(picture) -> None:
    looks = {"sea": INK, "night sky": INK.replace('"Ink"', '"Night"')}
    path = picture({"song": "a.mp3", "looks": looks, "seed": 4}, "frame.png")
    with pytest.raises(UserError, match=r"2 looks: add one.*#sea \(there are sea, night-sky\)"):
        look_in(path)
    assert look_in(f"{path}#night sky").title == "Night"
    assert look_in(f"{path}#night-sky").name == "night-sky"
    with pytest.raises(UserError, match="no look 'see': did you mean #sea"):
        look_in(f"{path}#see")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("", "holds 24 tiles: add the number, such as .*sheet.png#7$"),
        ("#0", "there is no #0"),
        ("#25", "there is no #25"),
        ("#-1", "there is no #-1"),
        ("#999999999999", "use a number, 1 to 24"),
        ("#ink-40", "did you mean #ink-4"),
        ("#zebra", "use a number, 1 to 24"),
    ],
)
def test_which_tile_is_asked_for(picture, part: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        look_in(f"{picture(sheet(24))}{part}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "sheet"},
        {"kind": "sheet", "tiles": []},
        {"kind": "sheet", "tiles": [1]},
        {"kind": "sheet", "tiles": [{"name": 1}]},
        {"kind": "sheet", "tiles": [{"name": "a"}]},
        {"kind": "sheet", "tiles": [{"name": "a", "look": "x" * (MOST_TEXT + 1)}]},
        {"kind": "sheet", "tiles": [INK_TILE] * (MOST_TILES + 1)},
        {"kind": "look"},
        {"kind": "look", "look": 5},
        {"kind": "look", "look": "title = "},
        {"kind": "look", "look": INK + "[knobs]\nwarp = 7\n"},
        {"kind": "opera"},
        {"looks": {}},
        {"looks": {"a": None}},
        {},
    ],
)
def test_damaged_settings_are_one_line(picture, document: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        look_in(f"{picture(document)}#1" if "tiles" in document else picture(document))
    assert "sheet.png" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "look", "seed", "moment", "knobs", "tiles", "kind", "looks"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind=st.sampled_from(["sheet", "look", None]), document=values, tile=values)
def test_nothing_that_a_picture_says_is_trusted(picture, kind, document, tile) -> None:
    made = dict(document) if isinstance(document, dict) else {"looks": document}
    made = {"look": INK, **made, "kind": kind, "tiles": [INK_TILE, tile]}
    if kind is None:
        del made["kind"]
    path = picture(made)
    for part in ("", "#1", "#2", "#name"):
        with suppress(UserError):  # and nothing else
            assert look_in(f"{path}{part}").pattern == "ink"


def _png(path: Path, add) -> Path:
    text = PngImagePlugin.PngInfo()
    add(text)
    Image.fromarray(PIXELS).save(path, pnginfo=text)
    return path


def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    name = tmp_path / "bomb.png"
    start = f'{{"made_with": "{MADE_WITH}", "settings": '
    long = start + '{"kind": "look", "look": "' + "a" * MOST_SETTINGS + '"}}'
    deep = start + "[" * 200_000 + "]" * 200_000 + "}"
    packed = zlib.compress(b"a" * 10**8)
    for add in (
        lambda text: text.add_text("Comment", long),
        lambda text: text.add_text("Comment", deep),
        lambda text: text.add(b"zTXt", b"Comment\0\0" + packed),
    ):
        with pytest.raises(UserError, match="carries no settings"):
            look_in(_png(name, add))


def test_pages_carry_looks_too(tmp_path: Path) -> None:
    page = tmp_path / "sheet.html"
    text = json.dumps({"made_with": MADE_WITH, "settings": sheet(3)}).replace("<", "\\u003c")
    page.write_text(f"<!doctype html>{PAGE_START}{text}</script><p>and so on")
    assert find_look(f"{page}#3", {}).title == "Ink 3"
    for broken in (text[:-40], text.replace(MADE_WITH, "Somebody"), "[" * 200_000, ""):
        page.write_text(f"<!doctype html>{PAGE_START}{broken}</script>")
        with pytest.raises(UserError, match="carries no settings"):
            find_look(f"{page}#3", {})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "no such file"),
        ("missing.html#3", "no such file"),
        ("missing.mp4#a", "no such file"),
        ("empty.png", "carries no settings"),
        ("empty.mov", "carries no settings"),
        ("plain.png#2", "carries no settings"),
        ("folder", "a folder without frames of ours"),
    ],
)
def test_pictures_of_somebody_else(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "empty.mov").touch()
    write_png(tmp_path / "plain.png", PIXELS)
    with pytest.raises(UserError, match=message) as caught:
        find_look(str(tmp_path / name), {})
    assert "\n" not in str(caught.value)


def test_no_name_at_all_is_no_folder() -> None:
    with pytest.raises(UserError, match="no look ''"):
        find_look("", {})
