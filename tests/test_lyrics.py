"""Lyrics from .lrc files: what is read, when it is shown, and what is refused in one line."""

from __future__ import annotations

import itertools

import pytest

from afx.lyrics import LONGEST, STAYS_LONGEST, parse_lyrics

PLAIN = "[ti:Río]\n[00:01.50]Über den Fluß\n[00:03]and back\n"


def read(text: str | bytes):
    return parse_lyrics(text if isinstance(text, bytes) else text.encode(), "song.lrc")


def lines(text: str | bytes):
    return [(line.time, *line.rows) for line in read(text).lines]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("00:01.5", 1.5),
        ("00:01.05", 1.05),
        ("1:02.345", 62.345),
        ("01:02:50", 62.5),
        ("01:02,50", 62.5),
        ("90:00", 5400.0),
        ("01:02:03.25", 3723.25),
        ("0:7", 7.0),
    ],
)
def test_times_of_every_kind(stamp, seconds):
    assert lines(f"[{stamp}] words") == [(pytest.approx(seconds), "words")]


def test_a_line_sung_twice_comes_twice_in_time():
    got = lines("[00:10.00][00:02.00] [00:30]chorus\n[00:05.00]verse")
    assert got == [(2.0, "chorus"), (5.0, "verse"), (10.0, "chorus"), (30.0, "chorus")]


@pytest.mark.parametrize(("offset", "first"), [("+500", 9.5), ("-250ms", 10.25), ("0", 10.0)])
def test_a_positive_offset_makes_words_come_sooner(offset, first):
    assert lines(f"[offset:{offset}]\n[00:10]x")[0][0] == pytest.approx(first)


def test_times_of_words_are_left_out_and_hearts_are_not():
    assert lines("[00:01]<00:01.00>I <00:01.50>love <3 you")[0][1] == "I love <3 you"


def test_tags_and_what_has_no_time():
    got = read("[ti: Name ]\n[by:me]\n[Chorus]\nno time\n\n[00:01]x")
    assert got.tags == {"ti": "Name", "by": "me"}
    assert got.untimed == 2
    assert len(got.lines) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_unicode(encoding):
    assert lines(PLAIN.encode(encoding)) == [(1.5, "Über den Fluß"), (3.0, "and back")]


def test_the_encoding_of_old_windows_and_its_line_ends():
    assert lines(PLAIN.replace("\n", "\r\n").encode("cp1252")) == lines(PLAIN)


def test_what_comes_at_once_is_one_below_the_other():
    got = lines("[00:01]hello\n[00:01]hallo\n[00:01.2]hello\n[00:02]next")
    assert got == [(1.0, "hello", "hallo"), (2.0, "next")]


def test_words_never_come_faster_than_three_a_second():
    many = "".join(f"[00:{k // 20:02}.{k % 20 * 5:02}]word {k}\n" for k in range(200))
    times = [line.time for line in read(many).lines]
    assert len(times) > 20
    assert min(b - a for a, b in itertools.pairwise(times)) >= 1 / 3


def test_a_line_is_shown_until_the_next_a_pause_or_for_a_while():
    spans = read("[00:01]one\n[00:04]two\n[00:06]\n[00:08]three\n[01:00]four").spans()
    assert [(a, b) for a, b, _ in spans[:2]] == [(1.0, 4.0), (4.0, 6.0)]
    assert [rows for *_, rows in spans] == [("one",), ("two",), ("three",), ("four",)]
    for begin, end, _ in spans[2:]:
        assert 4 <= end - begin <= STAYS_LONGEST


def test_endless_lines_are_cut():
    (row,) = read("[00:01]" + "la " * 5000).lines[0].rows
    assert len(row) <= LONGEST
    assert row.endswith("…")


BAD = {
    "[00:01]a\n[00:75.00]b": "song.lrc, line 2: '[00:75.00]b' has a broken time",
    "[00:01]a\r\n\r\n[0x:10]b": "song.lrc, line 3",
    "[00:01 a": "line 1: '[00:01 a' has a broken time",
    "[12]a": "line 1",
    "[-1:00]a": "line 1",
    "[00:01][00:zz]a": "line 1",
    "[offset:soon]\n[00:01]a": "song.lrc, line 1: the offset 'soon' is no number of milliseconds",
    "": "song.lrc: is empty",
    " \n ": "song.lrc: is empty",
    "only words\n": "song.lrc: has no times such as [01:23.45]",
}


@pytest.mark.parametrize("text", BAD)
def test_broken_files_are_refused_in_one_line(text):
    with pytest.raises(ValueError, match=r"song\.lrc") as caught:
        read(text)
    message = str(caught.value)
    assert BAD[text] in message
    assert "\n" not in message


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x89PNG\r\n\x1a\n" + bytes(400)])
def test_what_is_no_text_is_refused(data):
    with pytest.raises(ValueError, match="is not a text file"):
        read(data)


def test_a_huge_file_is_refused():
    with pytest.raises(ValueError, match="too large"):
        read(b"[00:01]x\n" * 1_000_000)
