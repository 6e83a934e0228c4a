"""Covers inside sound files of every kind come out byte for byte, and color a video."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afx.image_palette import palette_of
from afx.look import parse_look
from afx.options import Picture, plan
from afx.palette import PALETTES
from afx.palette_choice import palette_named
from afxcommand import afx, made_look, pictures
from music_analysis.audio import load
from music_analysis.cover import cover
from music_analysis.errors import UserError
from soundfiles import encode, sine


def jpeg(color: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (48, 48), color).save(file, "JPEG")
    return file.getvalue()


FRONT, BACK = jpeg((200, 30, 40)), jpeg((30, 60, 200))
SOUND = sine(440, 0.5, 48_000)


def flac_picture(kind: int, data: bytes) -> bytes:
    """A picture as FLAC and Ogg have it; kind 3 is the front cover, 4 the back."""
    said = struct.pack(">II", kind, 10) + b"image/jpeg" + struct.pack(">I", 0)
    return said + struct.pack(">IIIII", 48, 48, 24, 0, len(data)) + data


def flac(path: Path) -> None:
    raw = encode(path, SOUND, 48_000).read_bytes()
    first = 8 + int.from_bytes(raw[5:8], "big")  # the mark and the first block stay in front
    blocks = b""
    for kind, data in ((4, BACK), (3, FRONT)):
        block = flac_picture(kind, data)
        blocks += b"\x06" + len(block).to_bytes(3, "big") + block
    path.write_bytes(raw[:first] + blocks + raw[first:])


def mp3(path: Path) -> None:
    raw = encode(path, SOUND, 48_000).read_bytes()
    frames = b""
    for kind, data in ((4, BACK), (3, FRONT)):
        body = b"\x00image/jpeg\x00" + bytes([kind]) + b"%d\x00" % kind + data
        frames += b"APIC" + struct.pack(">I", len(body)) + b"\x00\x00" + body
    size = bytes((len(frames) >> shift) & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\x00\x00" + size + frames + raw)


def m4a(path: Path) -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    raw = encode(path, SOUND, 48_000).read_bytes()
    at = raw.index(b"moov") - 4
    size = int.from_bytes(raw[at : at + 4], "big")
    assert at + size == len(raw), "what is written behind the sound moves none of it"
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    art = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + FRONT))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", art)))
    path.write_bytes(raw[:at] + box(b"moov", raw[at + 8 :] + tags))


def ogg(path: Path) -> None:
    text = base64.b64encode(flac_picture(3, FRONT)).decode()
    encode(path, SOUND, 48_000, tags={"METADATA_BLOCK_PICTURE": text})


COVERED: dict[str, Callable[[Path], None]] = {
    "a.flac": flac, "a.mp3": mp3, "a.m4a": m4a, "a.ogg": ogg, "a.opus": ogg,
}  # fmt: skip


@pytest.mark.parametrize("name", COVERED)
def test_the_front_cover_comes_out_as_it_was_put_in(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    COVERED[name](path)
    assert cover(path) == FRONT
    assert load(path).channels == 2, "and the sound is still one"
    assert palette_named("cover", path).anchors == palette_of(FRONT).anchors
    assert palette_named(str(path)) == palette_named("cover", path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.ogg"])
def test_files_without_a_cover(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name, SOUND, 48_000)
    assert cover(path) is None
    with pytest.raises(UserError, match=f"{name} has no cover in it; name an image"):
        palette_named("Cover", path)


def test_a_videos_pictures_are_no_cover(tmp_path: Path) -> None:
    assert cover(encode(tmp_path / "a.mp4", SOUND, 48_000, video=True)) is None


def test_covers_that_are_no_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.flac"
    for bad, says in ((b"words" * 99, "is not an image"), (FRONT[:-200], "damaged or cut short")):
        monkeypatch.setattr("afx.palette_choice.cover", lambda _, bad=bad: bad)
        with pytest.raises(UserError, match=says) as caught:
            palette_named("cover", path)
        assert "the cover of a.flac" in str(caught.value)


def test_sounds_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("words " * 500)
    for path, says in ((tmp_path / "a.mp3", "read as sound"), (tmp_path / "b.mp3", "no such file")):
        with pytest.raises(UserError, match=says):
            palette_named(str(path))


def test_the_cover_colors_the_video_and_is_not_needed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made_look(tmp_path / "ink.toml")
    encode(tmp_path / "song.flac", SOUND, 48_000)
    (tmp_path / "red.jpg").write_bytes(FRONT)
    small = ("--size", "64x36", "--fps", "24", "--quality", "draft", "--look", "ink.toml")
    for output, palette in (("a.mp4", "red.jpg"), ("plain.mp4", "glacier")):
        assert afx("render", "song.flac", "-o", output, "--palette", palette, *small).code == 0
    (tmp_path / "red.jpg").unlink()
    (tmp_path / "ink.toml").unlink()
    assert afx("render", "a.mp4", "--again").code == 0
    first, again = pictures(tmp_path / "a.mp4"), pictures(tmp_path / "a.again.mp4")
    np.testing.assert_array_equal(first, again)
    # Rows below the picture's height are its color differences: Cb, and Cr with red high.
    assert first[:, 45:].mean() > pictures(tmp_path / "plain.mp4")[:, 45:].mean() + 3
    refused = afx("render", "a.mp4", "--again", "--palette", "ember")
    assert refused.code == 1
    assert "leave out --palette" in refused.err


def test_a_plan_dresses_every_look_that_the_music_may_choose(tmp_path: Path) -> None:
    song = encode(tmp_path / "song.wav", SOUND, 48_000)
    job = plan(song, Picture(palette="Cobalt and Peach"))
    assert len(job.looks) > 20
    looks = [parse_look(text, name, name) for name, text in job.looks.items()]
    assert {look.palette for look in looks} == {PALETTES["cobalt-and-peach"]}
