"""What is laid over pictures: exact blending, soft fades, letters that fit, and bad files."""

from __future__ import annotations

import re
import shutil
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afx.job import embedded, make_job
from afx.lettering import Face, Style, clean, coverage, default_font, fit
from afx.look import parse_look
from afx.overlay import FULL, Cue, Overlay, Plate, lettered
from afx.production import _identity
from afx.safety import FlashScreen
from afx.words import Frame, Span, Words, logo, sung, title, title_times
from afxcommand import INK, afx, made_look, made_song, pictures, unchanged
from music_analysis.errors import UserError

FACE = Face(default_font().read_bytes(), "DejaVu Sans")
SHORT = ("--look", "ink.toml", "--size", "160x90", "--fps", "12", "--quality", "draft")
WORDS = ("--title", "Nocturne", "--lyrics", "song.lrc", "--logo", "logo.png")


def plate(left=4, top=2, size=(8, 12), rgba=(255, 255, 255, 255)):
    return Plate(left, top, np.full((*size, 4), rgba, np.uint8))


def always(*plates):
    return Overlay([Cue(-9.0, 9.0, 0.0, lambda p=p: p) for p in plates], float)


# --------------------------------------------------------------------- blending


@pytest.mark.parametrize("ground", [0, 16, 128, 255])
def test_what_is_opaque_covers_and_what_is_clear_does_not(ground):
    whole = np.full((36, 64, 3), ground, np.uint8)
    always(plate(rgba=(200, 100, 5, 255)), plate(20, 20, rgba=(0, 0, 0, 0))).rgb(0, whole)
    assert (whole[2:10, 4:16] == (200, 100, 5)).all()
    whole[2:10, 4:16] = ground
    assert (whole == ground).all(), "only the rectangle is touched"


@pytest.mark.parametrize("ground", [16, 90, 235])
def test_planes_are_those_of_the_blended_picture(ground):
    rng = np.random.default_rng(3)
    alpha = rng.uniform(0, 1, (8, 12, 1)).repeat(2, 0).repeat(2, 1)
    color = rng.uniform(0, 1, (8, 12, 3)).repeat(2, 0).repeat(2, 1)
    rgba = np.rint(np.concatenate([color * alpha, alpha], -1) * 255).astype(np.uint8)
    planes = np.full((54, 64), 128, np.uint8)
    planes[:36] = ground
    overlay = always(Plate(6, 8, rgba))
    overlay.video(0, planes)
    gray = (ground - 16) / 219
    want = gray * (1 - alpha) + color * alpha
    luma = want @ (0.2126, 0.7152, 0.0722)
    assert np.abs(planes[8:24, 6:30] - (16 + 219 * luma)).max() < 2.5
    cb, cr = planes[36:].reshape(2, 18, 32)[:, 4:12, 3:15].astype(float)
    assert np.abs(cb - 128 - 224 / 1.8556 * (want[::2, ::2, 2] - luma[::2, ::2])).max() < 2.5
    assert np.abs(cr - 128 - 224 / 1.5748 * (want[::2, ::2, 0] - luma[::2, ::2])).max() < 2.5
    planes[8:24, 6:30] = ground
    assert (planes[:36] == ground).all(), "only the rectangle is touched"


@pytest.mark.parametrize("light", [0, 255])
def test_no_share_of_anything_overflows(light):
    """Every alpha, black or white, on the brightest there is: nothing wraps around."""
    alpha = np.arange(256, dtype=np.uint8)
    rgba = np.stack([alpha * (light > 0)] * 3 + [alpha], -1)[None].repeat(2, axis=0)
    for share in range(0, FULL + 1, 16):
        moment = float(np.arccos(1 - 2 * share / FULL) / np.pi)
        overlay = Overlay([Cue(0.0, 2.0, 1.0, lambda: Plate(0, 0, rgba))], lambda _: moment)  # noqa: B023
        part = alpha / 255 * share / FULL
        made = np.full((2, 256, 3), 255, np.uint8)
        overlay.rgb(0, made)
        assert np.abs(made - (255 * (1 - part) + light * part)[:, None]).max() < 2.1
        planes = np.full((3, 256), 255, np.uint8)
        overlay.video(0, planes)
        want = 255 * (1 - part) + (16 + 219 * light / 255) * part
        assert np.abs(planes[:2] - want).max() < 2.6


def test_plates_at_the_edge_are_cut():
    rgba = np.full((10, 10, 4), 255, np.uint8)
    for left, top in ((-4, -3), (58, 30), (-100, 5), (21, 13)):
        cut = Plate.within(left, top, rgba, (64, 36))
        assert cut.left % 2 == cut.top % 2 == 0
        whole = np.zeros((36, 64, 3), np.uint8)
        always(cut).rgb(0, whole)
        want = np.zeros((36, 64), bool)
        want[max(top, 0) : max(top + 10, 0), max(left, 0) : max(left + 10, 0)] = True
        assert ((whole[..., 0] == 255) == want).all()


def test_it_comes_and_goes_in_small_steps_and_is_not_there_else():
    cue = Cue(1.0, 5.0, 0.5, plate)
    shares = [cue.share(k / 30) for k in range(200)]
    steps = np.abs(np.diff(shares))
    assert max(shares) == FULL
    assert steps.max() < 0.12 * FULL
    assert {k / 30 for k, s in enumerate(shares) if s} <= {k / 30 for k in range(30, 150)}
    overlay = Overlay([cue], lambda frame: frame / 30)
    before = np.full((54, 64), 77, np.uint8)
    overlay.video(10, before)
    assert (before == 77).all()
    assert overlay.shares(10) == []


def test_the_order_of_frames_does_not_show():
    cues = [Cue(k * 0.2, k * 0.2 + 1, 0.25, lambda k=k: plate(2 * k, 2)) for k in range(20)]

    def frames(order):
        overlay = Overlay(cues, lambda frame: frame / 30)
        made = {}
        for frame in order:
            made[frame] = np.full((54, 64), 60, np.uint8)
            overlay.video(frame, made[frame])
        return [made[frame].tobytes() for frame in sorted(made)]

    assert frames(range(120)) == frames(reversed(range(120)))


def test_lyrics_as_fast_as_they_may_be_do_not_flash():
    white = plate(0, 0, (36, 64))
    cues = [Cue(k * 0.68, k * 0.68 + 0.34, 0.25, lambda: white) for k in range(20)]
    overlay, screen = Overlay(cues, lambda frame: frame / 30), FlashScreen(Fraction(30))
    for frame in range(300):
        made = np.zeros((36, 64, 3), np.uint8)
        overlay.rgb(frame, made)
        screen.push(made.astype(np.float32) / 255)
    assert screen.result().passed, "even if they filled the picture"


# --------------------------------------------------------------------- letters


@pytest.mark.parametrize("size", [3.0, 12.0, 37.5, 180.0])
def test_letters_have_the_size_asked_for(size):
    high = np.flatnonzero(FACE.draw("H", size, 0.0).max(axis=1) > 100)
    assert len(high) == pytest.approx(0.73 * size, abs=1.5)
    assert high[-1] + 1 == pytest.approx(round(1.1 * size), abs=1.01), "on the baseline"


def test_spacing_and_marks():
    plain, wide = FACE.width("abc", 50, 0.0), FACE.width("abc", 50, 0.1)
    assert wide - plain == pytest.approx(2 * 0.1 * 50)
    assert FACE.width("e\u0301\u0323", 50, 0.1) == pytest.approx(FACE.width("e", 50, 0.1))


FOX = "The quick brown fox jumps over the lazy dog "
TEXTS = ("Hi", FOX * 3, "Donaudampfschiff" * 8, "a " * 99)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width", [90, 400, 3000])
def test_lines_fit_and_nothing_is_lost(text, width):
    style = Style(40.0, 8.0, width, 2, 0.02)
    block = fit(FACE, [text], style)
    assert "".join("".join(block.lines).split()) == "".join(text.split())
    assert max(FACE.width(line, block.size, 0.02) for line in block.lines) <= width * 1.02
    assert len(block.lines) <= 2 or block.size == 8.0
    assert coverage(FACE, block).shape[1] <= width * 1.01 + 0.7 * block.size + 3


def test_lines_are_about_equally_long():
    block = fit(FACE, ["one two three four five six seven"], Style(40, 10, 600, 2))
    widths = [FACE.width(line, block.size, 0) for line in block.lines]
    assert len(widths) == 2
    assert min(widths) > 0.75 * max(widths)


def test_white_letters_are_legible_on_white():
    """As WCAG 2.2 asks of large text, 3:1, measured right around the letters."""
    cover = FACE.draw("HHHH", 40, 0.0)
    rgba, margin = lettered([(cover, 40.0)], (1.0, 1.0, 1.0))
    picture = np.full((*rgba.shape[:2], 3), 255, np.uint8)
    even = Plate.within(0, 0, rgba, (rgba.shape[1] // 2 * 2, rgba.shape[0] // 2 * 2))
    always(even).rgb(0, picture)
    inside = np.pad(cover, margin) == 255
    near = np.pad(cover, margin) == 0
    for axis in (0, 1):
        near &= sum(np.roll(inside, k, axis) for k in (-2, 2)) == 0
    touching = np.roll(inside, 3, axis=1) & near
    light = lambda v: (v / 255) ** 2.2 + 0.05  # noqa: E731
    assert light(picture[inside].mean()) / light(np.median(picture[touching])) > 3
    assert (picture[:2] > 235).all(), "the halo ends softly"


def test_what_is_set_is_cleaned():
    assert clean(" a\tb\u200b\x00\u202e  c\u0301 ") == "a b ć"
    assert len(clean("x" * 9999)) == 400


@pytest.mark.parametrize("size", [(1280, 720), (1080, 1920), (1080, 1080), (3840, 2160), (64, 36)])
def test_everything_has_its_place_in_every_format(size):
    frame = Frame(*size)
    corner = logo(_png(300, 200), "logo.png", frame)
    beside = frame.width - corner.left
    placed = [
        title(FACE, ["A rather long title for a song of so few words", "Somebody"], frame),
        sung(FACE, ("And the river goes on and on until the morning comes",), frame, beside),
        corner,
    ]
    safe = 0.02 * frame.short
    seen = []
    for p in placed:
        rows, columns = np.nonzero(p.rgba[..., 0] > 60)
        left, right = p.left + columns.min(), p.left + columns.max()
        top, bottom = p.top + rows.min(), p.top + rows.max()
        assert safe <= left <= right <= frame.width - safe
        assert safe <= top <= bottom <= frame.height - safe
        seen.append((left, top, right, bottom))
    for i, a in enumerate(seen):
        for b in seen[i + 1 :]:
            apart = a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
            assert apart or frame.short < 40, "nothing lies over another"
    if frame.height > frame.width:
        assert max(b for *_, b in seen) < 0.84 * frame.height, "telephones lay words there"


# --------------------------------------------------------------------- logo and title


def _png(width, height, alpha=255):
    import io

    file = io.BytesIO()
    Image.new("RGBA", (width, height), (250, 120, 10, alpha)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("shape", [(4000, 4000), (16, 16), (5, 3000), (3000, 5), (1, 1), (90, 30)])
def test_logos_of_every_shape_fit(shape):
    made = logo(_png(*shape), "logo.png", Frame(1280, 720))
    high, wide = made.rgba.shape[:2]
    assert high <= 0.09 * 720 + 2
    assert wide <= 0.3 * 1280 + 2
    assert made.rgba[..., 3].max() == pytest.approx(0.85 * 255, abs=1)
    assert made.left + wide == pytest.approx(1280 - 0.05 * 720, abs=2)
    assert (made.rgba[..., :3] <= made.rgba[..., 3:]).all()


def test_clear_borders_of_a_logo_are_cut_off():
    whole = np.zeros((400, 400, 4), np.uint8)
    whole[:50, :50] = 255
    import io

    file = io.BytesIO()
    Image.fromarray(whole).save(file, "PNG")
    assert logo(file.getvalue(), "x", Frame(1280, 720)).rgba.shape[0] >= 62


def test_the_title_suits_the_length_of_the_video():
    for length in (1.0, 2.9, 4.0, 60.0):
        cue = title_times(Span(30.0, 30.0 + length), plate)
        shares = [cue.share(30.0 + k / 30) for k in range(round(30 * length))]
        assert max(shares) > 0.95 * FULL
        assert np.abs(np.diff(shares)).max(initial=0) < 0.12 * FULL
    assert shares[0] == 0
    assert sum(s > 0.9 * FULL for s in shares) / 30 == pytest.approx(4.3, abs=0.4)


# --------------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made_song(tmp_path / "song.wav", 3.2)
    made_look(tmp_path / "ink.toml")
    (tmp_path / "song.lrc").write_text("[00:00.40]Hello\n[00:02.00]there\n[00:09]too late\n")
    (tmp_path / "logo.png").write_bytes(_png(40, 40))
    return tmp_path


def test_words_are_in_videos_pictures_and_stills_alike(folder: Path) -> None:
    made = afx("render", "song.wav", *SHORT, *WORDS, "--json")
    assert made.code == 0, made.err
    assert made.json["notes"] == ["song.lrc: 1 line past the song's end is left out"]
    assert made.json["flashes"]["passed"]
    assert afx("render", "song.wav", *SHORT, "-o", "bare.mp4").code == 0
    assert afx("render", "song.wav", *SHORT, *WORDS, "--frames", "out").code == 0
    still = ("--look", "ink.toml", "--size", "160x90", "--fps", "12", *WORDS)
    assert afx("frame", "song.wav", "--at", "1", *still).code == 0
    words, bare = (pictures(folder / f"{n}.mp4").astype(float) for n in ("song", "bare"))
    corner = np.abs(words - bare)[:, 78:84, 147:153].mean(axis=(1, 2))
    assert (corner > 10).all(), "the logo is always there"
    assert np.abs(words[12] - bare[12])[36:54, 40:120].mean() > 8, "the title"
    picture = np.asarray(Image.open(folder / "out" / "frame_000013.png"))
    assert (picture == np.asarray(Image.open(folder / "song.png"))).all()
    luma = 16 + picture @ np.array((0.2126, 0.7152, 0.0722)) * 219 / 255
    assert np.corrcoef(words[12, :90].ravel(), luma.ravel())[0, 1] > 0.9
    # Made again from the file alone, wherever the files are now.
    for name in ("song.lrc", "logo.png"):
        assert (folder / name).exists()
    again = afx("render", "song.mp4", "--again", "-o", "again.mp4")
    assert again.code == 0, again.err
    assert (pictures(folder / "again.mp4") == words).all()
    (folder / "song.lrc").write_text("[00:01]other words\n")
    refused = afx("render", "song.mp4", "--again", "-o", "again.mp4")
    assert refused.code == 1
    assert "was made with song.lrc, which is neither here nor beside it" in refused.err


def test_an_excerpt_shows_the_songs_lyrics_and_a_title_at_its_start(folder: Path) -> None:
    job = make_job(folder / "song.wav", {"ink": parse_look(INK, "ink", "ink")}, title="T")
    words = Words(job)
    overlay = words.overlay(Span(60.0, 90.0), lambda frame: frame / 30)
    assert overlay.shares(30 * 62) == [(0, FULL)]
    assert overlay.shares(30) == []


def test_the_same_words_are_the_same_render_wherever_they_lie(folder: Path) -> None:
    looks = {"ink": parse_look(INK, "ink", "ink")}
    from afx.job import attach

    def identity(lyrics: str) -> str:
        return _identity(embedded(make_job("song.wav", looks, lyrics=attach(lyrics))))

    (folder / "sub").mkdir()
    shutil.copy("song.lrc", "sub/other.lrc")
    assert identity("song.lrc") == identity("sub/other.lrc")
    (folder / "sub" / "other.lrc").write_text("[00:01]x")
    assert identity("song.lrc") != identity("sub/other.lrc")


@pytest.mark.parametrize(
    ("text", "card"), [("song", "my song"), (" One\n\n two ", "One\ntwo"), ("SONG", "my song")]
)
def test_a_title_of_the_songs_own(folder: Path, text: str, card: str) -> None:
    shutil.copy("song.wav", "my_song.wav")
    job = make_job("my_song.wav", {"ink": parse_look(INK, "ink", "ink")}, title=text)
    assert job.title == card


def _bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


FILES = {
    "text.png": b"hello, I am a picture",
    "bomb.png": _bomb(),
    "clear.png": _png(20, 20, alpha=0),
    "cut.png": _png(200, 200)[:90],
    "empty.lrc": b"",
    "words.lrc": b"just words\n",
    "bad.lrc": b"[00:01.00]a\n[00:61.00]b\n",
    "binary.lrc": bytes(range(256)),
    "hebrew.lrc": "[00:01]שלום".encode(),
    "kanji.lrc": "[00:01]東京".encode(),
    "late.ttf": b"\0\1\0\0" + bytes(200),
}
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no logo": (("--logo", "none.png"), "none.png: no such file"),
    "logo a folder": (("--logo", "."), "cannot be read"),
    "logo no image": (("--logo", "text.png"), "text.png: is not an image"),
    "logo a bomb": (("--logo", "bomb.png"), "bomb.png: is too large; up to 80 million pixels"),
    "logo clear": (("--logo", "clear.png"), "clear.png: is transparent everywhere"),
    "logo cut": (("--logo", "cut.png"), "cut.png: is damaged"),
    "no lyrics": (("--lyrics", "none.lrc"), "none.lrc: no such file"),
    "lyrics empty": (("--lyrics", "empty.lrc"), "empty.lrc: is empty"),
    "lyrics without times": (("--lyrics", "words.lrc"), "words.lrc: has no times such as"),
    "lyrics broken": (("--lyrics", "bad.lrc"), "bad.lrc, line 2: '[00:61.00]b' has a broken time"),
    "lyrics no text": (("--lyrics", "binary.lrc"), "binary.lrc: is not a text file"),
    "from right to left": (("--lyrics", "hebrew.lrc"), "writing from right to left"),
    "not in the font": (("--lyrics", "kanji.lrc"), "which the font DejaVu Sans lacks"),
    "title not in it": (("--title", "東"), "the title has '東' (cjk unified ideograph-6771)"),
    "title empty": (("--title", " "), "--title: write the title"),
    "title endless": (("--title", "x" * 201), "--title: "),
    "font no font": (("--title", "T", "--font", "text.png"), "text.png: is not a font"),
    "font cut": (("--title", "T", "--font", "late.ttf"), "late.ttf: is not a font"),
    "no font": (("--title", "T", "--font", "none.ttf"), "none.ttf: no such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(folder: Path, name: str) -> None:
    for file, data in FILES.items():
        (folder / file).write_bytes(data)
    options, says = BAD[name]
    with unchanged(folder):
        outcome = afx("render", "song.wav", *SHORT, *options)
    assert outcome.code == 1, outcome
    (line,) = [line for line in outcome.err.splitlines() if line.startswith("afx: ")]
    assert says in line
    assert re.search(r"Traceback|Listening", outcome.err) is None, "said before the work"


def test_a_file_that_changes_after_it_was_read(folder: Path) -> None:
    from afx.job import attach

    job = make_job("song.wav", {"ink": parse_look(INK, "ink", "ink")}, lyrics=attach("song.lrc"))
    (folder / "song.lrc").write_text("[00:01]other")
    with pytest.raises(UserError, match=r"song\.lrc: was changed meanwhile"):
        Words(job)
