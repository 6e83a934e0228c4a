"""The PNG pictures: what they say, that it fits, and that files are whole."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from PIL import Image

from made_analysis import made_analysis, nothing_analysis
from music_analysis import colors, plots
from music_analysis.errors import UserError
from music_analysis.plot_style import Sheet

RICH = made_analysis()
CASES = {
    "song": RICH,
    "nothing": nothing_analysis(),
    "an instant": nothing_analysis(0.01),
    "a moment": made_analysis(4.0),
    "an hour": made_analysis(3600.0),
}


@functools.cache
def drawn(part: plots.Part, case: str = "song") -> Sheet:
    return plots.sheet(CASES[case], part)


def texts(sheet: Sheet) -> list[str]:
    import matplotlib.text

    found = sheet.figure.findobj(matplotlib.text.Text)
    return [t.get_text() for t in found if t.get_visible() and t.get_text()]


def boxes(sheet: Sheet):
    """Texts and their places, [n, 4] left, bottom, right, top in pixels."""
    import matplotlib.text

    sheet.figure.draw_without_rendering()
    shown = [
        t
        for t in sheet.figure.findobj(matplotlib.text.Text)
        if t.get_visible() and t.get_text().strip()
    ]
    # a tick beyond the limits exists and is not drawn
    shown = [t for t in shown if t.get_window_extent().width > 0]
    places = np.array([t.get_window_extent().extents for t in shown]).reshape(-1, 4)
    return [t.get_text() for t in shown], places


@pytest.mark.parametrize("part", plots.PARTS)
@pytest.mark.parametrize("case", CASES)
def test_every_word_is_inside_and_apart_from_the_others(part, case):
    sheet = drawn(part, case)
    words, places = boxes(sheet)
    width, height = sheet.figure.canvas.get_width_height()
    assert len(words) > 3
    for word, (left, low, right, high) in zip(words, places, strict=True):
        assert left >= 0, word
        assert low >= 0, word
        assert right <= width, word
        assert high <= height, word
    across = np.minimum(places[:, None, 2:], places[None, :, 2:]) - np.maximum(
        places[:, None, :2], places[None, :, :2]
    )
    over = (across.min(axis=2) > 3) & ~np.eye(len(words), dtype=bool)
    clashes = [(words[a], words[b]) for a, b in np.argwhere(np.triu(over))]
    assert not clashes


@pytest.mark.parametrize("part", plots.PARTS)
def test_a_file_is_1800_pixels_wide_and_not_blank(part, tmp_path):
    path = tmp_path / "picture.png"
    plots.draw(RICH, part, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width == 1800
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 100
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


def test_the_answers_stand_in_the_pictures():
    tempo, key = texts(drawn("tempo")), texts(drawn("key"))
    assert any("bpm" in t and t.startswith("119.9") for t in tempo)
    assert "sure (86 %) · 4/4 (fairly sure)" in tempo
    assert {"60", "240", "80", "180"} <= set(tempo)
    assert "E♭ major" in key
    assert "sure (81 %) · Camelot 5B · A = 442 Hz" in key
    assert "E♭ major to F major at 2:48" in key
    chords = set(texts(drawn("chords")))
    assert {"E♭", "Cm7", "B♭7", "V7/V", "vii°", "B♭/D"} <= chords
    structure = set(texts(drawn("structure")))
    assert {"C\nchorus", "A B C B C D B E C A B C B", "build, drop"} <= structure
    overview = set(texts(drawn("analysis")))
    assert {"E♭ major", "4/4", "−14.2 LUFS", "Harbor at Dawn"} <= overview


def test_sharps_and_flats_are_proper_in_every_picture():
    for part in plots.PARTS:
        joined = " ".join(texts(drawn(part)))
        assert "#" not in joined
        assert not any(f"{note}b" in joined for note in "ABDEG")


@pytest.mark.parametrize("part", plots.PARTS)
def test_what_is_not_known_is_said_so(part):
    said = texts(drawn(part, "nothing"))
    assert "not sure" in said
    assert "not enough to tell" in said
    assert not any("nan" in t.lower() or "None" in t for t in said)


def test_a_doubtful_answer_carries_a_question_mark():
    unsure = dataclasses.replace(RICH, tempo=dataclasses.replace(RICH.tempo, confidence=0.3))
    said = texts(plots.sheet(unsure, "tempo"))
    assert "119.9 bpm?" in said
    assert any(t.startswith("not sure (30 %)") for t in said)


@pytest.mark.parametrize(
    "title", ["$x^2$ and \\frac", "two\nlines\x07", "月亮代表我的心", "🎵 הללויה", "W" * 300]
)
def test_any_title_can_be_drawn(title, tmp_path):
    song = made_analysis(20.0, title=title, artist=title)
    plots.draw(song, "tempo", tmp_path / "picture.png")
    words, places = boxes(plots.sheet(song, "tempo"))
    assert "\n" not in words[0]
    first, answer = places[0], places[[w.endswith(" bpm") for w in words].index(True)]
    assert first[2] < answer[0]


def test_a_file_that_breaks_off_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")

    def breaks(self, part):
        part.write_bytes(b"half")
        raise RuntimeError("power cut")

    monkeypatch.setattr(Sheet, "save", breaks)
    with pytest.raises(RuntimeError, match="power cut"):
        plots.draw(RICH, "key", path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        plots.draw(RICH, "key", tmp_path / "nowhere" / "picture.png")
    with pytest.raises(ValueError, match="part must be one of tempo, key"):
        plots.draw(RICH, "mood", tmp_path / "picture.png")  # type: ignore[arg-type]


# Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color
# vision deficiency": matrices of complete protanopia and deuteranopia, for linear RGB
BLIND = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
}  # fmt: skip


@pytest.mark.parametrize("kind", BLIND)
def test_sections_differ_for_the_color_blind(kind):
    srgb = np.array([list(bytes.fromhex(colors.section_color(k)[1:])) for k in range(6)]) / 255
    seen = np.clip((srgb**2.2) @ np.array(BLIND[kind]).T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None, :], axis=2)
    assert apart[np.triu_indices(6, 1)].min() > 0.1


def test_the_scale_darkens_evenly():
    light = [sum(bytes.fromhex(c[1:])) for c in colors.SCALE]
    assert light == sorted(light, reverse=True)
    assert light[0] > 740
    assert light[-1] < 220
