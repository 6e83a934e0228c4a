"""What is no part of the form, silence and the lead-in, is gray and has no letter, everywhere."""

import dataclasses
from pathlib import Path

import pytest

from made_analysis import made_analysis
from music_analysis import colors, notation, plot_structure, report_facts
from music_analysis.analysis import Analysis
from music_analysis.report_data import page_data
from music_analysis.structure import Section
from music_analysis.summary import summary
from music_analysis.tables import row_of
from music_analysis.terminal import show


def _song(*, only_silence: bool = False) -> Analysis:
    """Make a song whose first section is silence; or nothing but silence."""
    song = made_analysis(200.0)
    first, *others = song.structure.sections
    end = song.duration if only_silence else first.end
    silent = Section(0.0, end, "N", first.group, "silence", 0.95, 0.9)
    sections = (silent,) if only_silence else (silent, *others)
    structure = dataclasses.replace(song.structure, sections=sections)
    return dataclasses.replace(song, structure=structure)


def test_it_is_gray_and_nothing_else_is() -> None:
    assert colors.section_color(0, "N") == colors.NO_CHORD
    letters = {colors.section_color(k, "A") for k in range(30)}
    assert len(letters) == 8
    assert colors.NO_CHORD not in letters
    page = page_data(_song(), "structure")["sections"]
    assert [s["color"] == colors.NO_CHORD for s in page] == [True] + [False] * (len(page) - 1)


def test_it_is_no_letter_of_the_form_and_not_counted() -> None:
    song = _song()
    count = len(song.structure.sections) - 1
    form, remark = plot_structure.summary(song.structure)
    assert "N" not in form
    assert "–" not in form
    assert remark.startswith(f"{count} sections of ")
    row = row_of(song, Path("a.wav"))
    assert row["sections"] == count == len(row["form"].split())
    assert "N" not in row["form"].split()
    card = next(c for c in report_facts.cards(song, "structure") if c.title == "Form")
    assert card.more == f"{count} sections"
    assert report_facts.sheet(song)[0][0] == "silence"
    assert page_data(song, "structure")["sections"][0]["label"] == ""


@pytest.mark.parametrize("part", ["analysis", "structure"])
def test_the_terminal_shows_a_dash(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(summary(_song(), part))
    text = capsys.readouterr().out
    strip = next(line for line in text.splitlines() if "Form" in line)
    assert strip.split()[1].lstrip("▏").startswith("–")
    assert "N" not in strip
    assert "– silence" in " ".join(text.split())


def test_nothing_but_silence_has_no_form(capsys: pytest.CaptureFixture[str]) -> None:
    song = _song(only_silence=True)
    assert plot_structure.summary(song.structure) == (notation.NOT_SURE, notation.NO_ANSWER)
    assert report_facts.cards(song, "structure")[0].answer is None
    show(summary(song, "structure"))
    assert capsys.readouterr().out.split("Form")[1].strip() == "not enough to tell"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_strips_fit_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    song = made_analysis(200.0)
    show(summary(song, "analysis"))
    strip = [line for line in capsys.readouterr().out.splitlines() if "▏" in line]
    assert len(strip) == 1
    assert len(strip[0].rstrip()) <= width
