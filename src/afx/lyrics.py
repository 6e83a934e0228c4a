"""Lyrics: words in time, from an .lrc file.

Read are times of any precision, several on a line, ``[offset:±ms]``, tags, and times within lines
(``<01:23.45>``), which are left out. Knows the format; knows nothing of pictures. Errors are
`ValueError` with one line for people.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from afx.lettering import clean

LARGEST_FILE = 4_000_000
"""Bytes: an hour of rap has a fortieth."""
LONGEST = 200
"""Characters of a line; the rest becomes an ellipsis."""
TOGETHER = 0.34
"""Seconds: lines that come faster than three a second are shown as one, one below the other."""
MOST_ROWS = 3
STAYS, READING = 4.0, 0.09
"""A line stays for so many seconds, and so many more for each of its characters, if no other
follows."""
STAYS_LONGEST = 9.0

_TIME = re.compile(
    r"(\d{1,3}):([0-5]?\d)(?:[.:,](\d{1,3}))?|(\d{1,2}):([0-5]\d):([0-5]\d)[.,](\d{1,3})", re.ASCII
)
_STAMP = re.compile(r"\s*\[\s*(?=[\d.:+-])")
_WORD_TIME = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>", re.ASCII)
_TAG = re.compile(r"(#|[A-Za-z][\w ]*):(.*)")


@dataclass(frozen=True)
class Line:
    """What is sung from `time` (seconds) on; rows below one another, none: a pause begins."""

    time: float
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Lyrics:
    """A file's lines, in time, and its tags in lower case (``ti``, ``ar`` …)."""

    lines: tuple[Line, ...]
    tags: dict[str, str]
    untimed: int = 0

    def spans(self) -> list[tuple[float, float, tuple[str, ...]]]:
        """Return when which rows are shown: (begin, end, rows), in seconds."""
        found = []
        for index, line in enumerate(self.lines):
            if not line.rows:
                continue
            end = line.time + min(STAYS + READING * sum(map(len, line.rows)), STAYS_LONGEST)
            following = [later.time for later in self.lines[index + 1 : index + 2]]
            if following and following[0] - line.time <= STAYS_LONGEST:
                end = following[0]
            found.append((line.time, end, line.rows))
        return found


def parse_lyrics(data: bytes, name: str) -> Lyrics:
    """Read an .lrc file.

    Parameters
    ----------
    data : bytes
        UTF-8, UTF-16 or Windows-1252.
    name : str
        What errors call it.

    Raises
    ------
    ValueError
        If it is no text, a time in it is broken, or it has none.
    """
    stamped: list[tuple[float, str]] = []
    tags: dict[str, str] = {}
    untimed, offset = 0, 0.0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", _text(data, name)), start=1):
        where = f"{name}, line {number}"
        times, rest = _stamps(line.strip(), where)
        if times:
            words = clean(_WORD_TIME.sub(" ", rest))
            if len(words) > LONGEST:
                words = words[: LONGEST - 1].rstrip() + "…"
            stamped += [(time, words) for time in times]
        elif tag := re.fullmatch(r"\[" + _TAG.pattern + r"\]", line.strip()):
            tags[tag[1].strip().lower()] = tag[2].strip()
            if tag[1].strip().lower() == "offset":
                offset = _offset(tag[2], where)
        elif line.strip():
            untimed += 1
    if not stamped:
        raise ValueError(f"{name}: has no times such as [01:23.45]: lyrics come as an .lrc file")
    # A positive offset makes words come sooner.
    shifted = sorted(((time - offset, words) for time, words in stamped), key=lambda s: s[0])
    return Lyrics(tuple(_joined(shifted)), tags, untimed)


def _text(data: bytes, name: str) -> str:
    if not data.strip():
        raise ValueError(f"{name}: is empty")
    if len(data) > LARGEST_FILE:
        raise ValueError(f"{name}: is too large for lyrics")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        names = ["utf-16"]
    elif b"\0" in data[:64]:  # UTF-16 without its mark: every other byte of ASCII is 0
        names = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    else:
        names = ["utf-8-sig", "cp1252"]
    for encoding in names:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        strange = sum(not (c.isprintable() or c.isspace()) for c in text.lstrip("\ufeff"))
        if strange <= len(text) // 100:
            return text.lstrip("\ufeff")
    raise ValueError(f"{name}: is not a text file; lyrics come as an .lrc file")


def _stamps(line: str, where: str) -> tuple[list[float], str]:
    """Return the times at a line's beginning, in seconds, and the rest of it."""
    times, at = [], 0
    while begun := _STAMP.match(line, at):
        end = line.find("]", at)
        inside = line[begun.end() : end if end >= 0 else None].strip()
        time = _TIME.fullmatch(inside)
        if end < 0 or time is None:
            shown = line[at:].lstrip()
            shown = shown if len(shown) <= 40 else shown[:39] + "…"
            raise ValueError(
                f"{where}: {shown!r} has a broken time: write minutes and seconds, as [01:23.45]"
            )
        minutes, seconds, part, hours, minutes_too, seconds_too, part_too = time.groups()
        if hours is not None:
            minutes, seconds, part = 60 * int(hours) + int(minutes_too), seconds_too, part_too
        times.append(60.0 * int(minutes) + float(f"{seconds}.{part or 0}"))
        at = end + 1
    return times, line[at:].lstrip()


def _offset(text: str, where: str) -> float:
    if not re.fullmatch(r"\s*[+-]?\d{1,7}\s*(ms)?\s*", text, re.ASCII):
        raise ValueError(f"{where}: the offset {text.strip()!r} is no number of milliseconds")
    return int(text.replace("ms", "")) / 1000.0


def _joined(stamped: list[tuple[float, str]]) -> list[Line]:
    """Join what comes at once, such as a translation, or faster than eyes can follow."""
    lines: list[Line] = []
    for time, words in stamped:
        rows = (words,) if words else ()
        before = lines[-1] if lines else None
        if before is not None and time - before.time < TOGETHER:
            if len(before.rows) < MOST_ROWS and words not in before.rows:
                lines[-1] = Line(before.time, before.rows + rows)
        else:
            lines.append(Line(time, rows))
    return lines
