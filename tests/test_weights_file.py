"""Weights in files: what is written comes back, and what cannot be used is refused in one line."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from afx.job import Job, embedded
from afx.look import (
    dump,
    look_in,
    parse_look,
    pattern_of,
    read_look,
)
from afx.look_changes import with_network
from afx.look_weights import located, portable
from afx.patterns import CPPN, Architecture
from afx.patterns.cppn import cppn_pattern
from afx.patterns.network_shape import network_of
from afx.patterns.weights_file import file_sha256, load_weights, save_weights
from afx.stills import write_png
from music_analysis.errors import UserError

SMALL = Architecture(width=6, depth=2, music=2, latents=3)


def flat(architecture: Architecture = SMALL) -> np.ndarray:
    rng = np.random.default_rng(1)
    size = network_of(architecture, "n").size
    return rng.standard_normal(size).astype(np.float16).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    save_weights(path, SMALL, flat(), provenance="made up for a test", license="CC-BY-4.0")
    return path


def look_text(said: str = "") -> str:
    return (
        'title = "Mine"\npattern = "cppn"\npalette = "dusk"\n'
        f'[network]\nweights = "mine.safetensors"\n{said}'
    )


@pytest.mark.parametrize("half", [False, True])
def test_what_is_written_comes_back(tmp_path, half):
    path = tmp_path / "w.safetensors"
    digest = save_weights(path, SMALL, flat(), half=half)
    told, weights = load_weights(path)
    assert told == SMALL
    assert weights.dtype == np.float32
    assert np.array_equal(weights, flat())
    assert digest == file_sha256(path)
    assert list(tmp_path.iterdir()) == [path]


def test_the_header_can_be_read_by_anyone(file):
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        told = opened.metadata()
        assert opened.get_tensor("layers.0.weight").shape == (6, 3 + 1 + 4 + 3 + 2)
    assert json.loads(told["architecture"])["width"] == 6
    assert told["license"] == "CC-BY-4.0"
    assert told["provenance"] == "made up for a test"
    assert told["made_with"].startswith("Audio Feature Explorer")


def test_weights_that_are_none_are_not_written(tmp_path):
    broken = flat()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        save_weights(tmp_path / "w.safetensors", SMALL, broken)
    with pytest.raises(ValueError, match="needs"):
        save_weights(tmp_path / "w.safetensors", SMALL, flat()[:-1])
    assert list(tmp_path.iterdir()) == []


def rewritten(file: Path, change) -> None:
    """Change a file's header and numbers."""
    raw = file.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    numbers = bytearray(raw[8 + length :])
    text = json.dumps(change(header, numbers) or header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(numbers))


def _nan(header, numbers):
    numbers[0:4] = struct.pack("<f", float("nan"))


def _shape(header, numbers):
    header["layers.0.weight"]["shape"] = [13, 6]


def _kind(header, numbers):
    header["layers.0.weight"]["dtype"] = "F64"


def _gone(header, numbers):
    del header["layers.1.bias"]


def _more(header, numbers):
    header["layers.9.bias"] = header["layers.1.bias"]


def _mute(header, numbers):
    header["__metadata__"] = {}


def _huge(header, numbers):
    told = json.loads(header["__metadata__"]["architecture"])
    header["__metadata__"]["architecture"] = json.dumps(told | {"width": 10_000})


def _beyond(header, numbers):
    first, last = header["layers.0.weight"]["data_offsets"]
    header["layers.0.weight"]["data_offsets"] = [first + 2**40, last + 2**40]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_nan, "NaN or infinite"),
        (_shape, "layer 1 is 13×6, its network needs 6×13"),
        (_kind, "has F64 numbers: only F32 and F16"),
        (_gone, "lacks layer 2"),
        (_more, "other layers than it says"),
        (_mute, "does not say which network it is for"),
        (_huge, "this version cannot make"),
        (_beyond, "cut off"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(file, change, words):
    rewritten(file, change)
    with pytest.raises(ValueError) as caught:
        load_weights(file)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({"w": [1.0, 2.0]}), "a Python pickle, which can hide programs"),
        (b"PK\x03\x04" + bytes(100), "a zip archive, as torch.save writes"),
        (b"\x93NUMPY" + bytes(100), "is a NumPy file: only safetensors files are read"),
        (b"", "not a safetensors file"),
        (b"hello, I am text" * 10, "not a safetensors file"),
        (struct.pack("<Q", 2**60) + b"{}", "not a safetensors file"),
        (struct.pack("<Q", 100) + b'{"a":', "cut off"),
        (struct.pack("<Q", 8) + b'{"a": [[', "header is damaged"),
        (struct.pack("<Q", 20_000) + b'{"a":' + b"[" * 19_995, "header is damaged"),
    ],
)
def test_what_is_no_weights_file_is_refused(tmp_path, content, words):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load_weights(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [9, 200, 1200, -1])
def test_a_cut_off_file_is_refused(file, keep):
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"cut off|not a safetensors"):
        load_weights(file)


def test_a_file_too_large_is_not_even_read(tmp_path):
    path = tmp_path / "film.safetensors"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(ValueError, match="65 MB"):
        load_weights(path)


# --------------------------------------------------------------------- in a look


def test_a_look_takes_the_files_network_and_knows_its_hash(file):
    path = file.with_name("mine.toml")
    path.write_text(look_text())
    look = read_look(path)
    assert look.network is not None
    assert (look.network.width, look.network.latents) == (6, 3)
    assert look.network.weights_sha256 == file_sha256(file)
    pattern = pattern_of(look)
    assert pattern.weights is not None
    for seed in (1, 2):
        assert np.array_equal(pattern.weights(seed)["cppn"], flat())
    assert parse_look(dump(look), "mine", "mine") == look


def test_nobody_learns_in_which_folders_weights_lie(file, monkeypatch):
    path = file.with_name("mine.toml")
    path.write_text(look_text())
    text = dump(read_look(path))
    assert str(file.parent) in text
    job = Job(song="/somewhere/song.wav", song_sha256="0", looks={"mine": text})
    given = embedded(job)["looks"]["mine"]
    assert str(file.parent) not in given
    assert 'weights = "mine.safetensors"' in given
    assert portable(given) == given
    # Found again here, or where it is said to be; not anywhere else.
    with pytest.raises(UserError, match="no weights file mine"):
        parse_look(given, "mine", "mine")
    assert dump(parse_look(given, "mine", "mine", folders=(file.parent,))) == text
    monkeypatch.chdir(file.parent)
    assert dump(parse_look(given, "mine", "mine")) == text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("width = 8\n", "is for another network (width 6, not 8): leave width out"),
        ("latents = 6\n", "6 latents are asked for, but mine.safetensors has 3"),
        ('symmetry = "tile"\n', "another network (symmetry none, not tile)"),
        (f'weights_sha256 = "{"0" * 64}"\n', "its hash differs"),
        ("width = 0\n", "network.width"),
        ("depth = 13\n", "network.depth"),
        ("wdith = 8\n", "network.wdith: no such key; did you mean 'width'?"),
        ('activations = ["sinus"]\n', "no activation 'sinus'; did you mean 'sine'?"),
        ("[[network.genes]]\nseed = 3\nshaer = 1.0\n", "shaer: no such key; did you mean 'share'?"),
    ],
)
def test_a_look_that_does_not_fit_its_weights_is_told_so(file, said, words):
    path = file.with_name("mine.toml")
    path.write_text(look_text(said))
    with pytest.raises(UserError) as caught:
        read_look(path)
    assert words in str(caught.value)
    assert "mine.toml:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pattern_without_a_network_takes_none(file):
    path = file.with_name("mine.toml")
    path.write_text(look_text().replace('"cppn"', '"ripples"').replace("ripples", "sunflower"))
    with pytest.raises(UserError, match=r"no pattern|runs no network"):
        read_look(path)
    path.write_text('title = "M"\npattern = "membranes"\npalette = "dusk"\n[network]\nwidth = 8\n')
    with pytest.raises(UserError, match="membranes runs no network: leave"):
        read_look(path)


def test_the_size_of_a_files_network_is_its_own(file):
    path = file.with_name("mine.toml")
    path.write_text(look_text())
    with pytest.raises(UserError, match="which is for 6x2: leave --network out"):
        with_network({"mine": read_look(path)}, "256x8")


def test_weights_from_chance_survive_a_file_bit_by_bit(tmp_path):
    pattern = cppn_pattern(Architecture(width=8, depth=3, fourier=2))
    assert pattern.weights is not None
    made = pattern.weights(4)["cppn"]
    path = tmp_path / "w.safetensors"
    save_weights(path, pattern.architecture, made)
    assert np.array_equal(load_weights(path, pattern.architecture)[1], made)


def test_what_was_made_with_weights_finds_them_again_by_their_hash(file, tmp_path):
    path = file.with_name("mine.toml")
    path.write_text(look_text())
    look = read_look(path)
    given = portable(dump(look))
    other = tmp_path / "other"
    other.mkdir()
    assert located(given, "mine", "video.mp4", (other, file.parent)) == dump(look)
    assert located('title = "plain"\n', "plain", "video.mp4", ()) == 'title = "plain"\n'
    with pytest.raises(
        UserError, match=r"video\.mp4 was made with the weights mine\.safetensors, which are"
    ):
        located(given, "mine", "video.mp4", (other,))
    # The same name, but other numbers.
    save_weights(other / "mine.safetensors", SMALL, flat() * 2)
    with pytest.raises(UserError, match="its hash differs"):
        located(given, "mine", "video.mp4", (other,))
    assert located(given, "mine", "video.mp4", (other, file.parent)) == dump(look)


def test_a_strangers_picture_reaches_no_file_by_its_path(file, tmp_path, monkeypatch):
    """Whatever path it names: only files beside the picture, or here, are looked at."""
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    asked = []
    plain = Path.is_file
    monkeypatch.setattr(
        "afx.look_weights._is_file", lambda path: asked.append(str(path)) or plain(path)
    )
    for named in (str(file), "../mine.safetensors", r"\\\\far\\share\\mine.safetensors"):
        text = look_text().replace("mine.safetensors", named)
        picture = away / "gift.png"
        settings = {"kind": "look", "name": "gift", "look": text, "seed": 1, "moment": 0.0}
        write_png(picture, np.zeros((16, 16, 3), np.uint8), settings | {"command": ""})
        with pytest.raises(UserError, match=r"no weights file mine\.safetensors: put it beside"):
            look_in(picture)
        with pytest.raises(UserError, match="neither here nor beside it"):
            located(text, "gift", "video.mp4", (away,))
    assert set(asked) == {str(away / "mine.safetensors"), "mine.safetensors"}
    (away / "mine.safetensors").write_bytes(file.read_bytes())
    assert look_in(picture).network.weights == str(away / "mine.safetensors")


@pytest.mark.parametrize("text", ["][", "[network]\nweights = 3\n", "a = " + "[" * 9000])
def test_what_is_no_look_in_a_strangers_job_is_one_line(text):
    assert portable(text) == text
    with pytest.raises(UserError, match=r"^video\.mp4: look gift is from a version this"):
        located(text, "gift", "video.mp4", ())


def test_weights_too_large_for_half_precision_are_not_written_as_infinity(tmp_path):
    large = flat()
    large[3] = 7e4
    save_weights(tmp_path / "whole.safetensors", SMALL, large)
    with pytest.raises(ValueError, match="half precision"):
        save_weights(tmp_path / "half.safetensors", SMALL, large, half=True)
    assert [p.name for p in tmp_path.iterdir()] == ["whole.safetensors"]


def test_a_function_of_arrays_takes_a_file_and_sees_it_change(file):
    before = CPPN(weights=str(file))
    assert before.architecture.width == SMALL.width
    save_weights(file, SMALL, flat() * 2)
    after = CPPN(weights=str(file))
    assert np.array_equal(after.weights["cppn"], flat() * 2)
    assert before(0.3, 0.1).tone != after(0.3, 0.1).tone


def test_a_path_that_no_file_can_have_is_one_line(file):
    path = file.with_name("mine.toml")
    path.write_text(look_text().replace("mine.safetensors", "m" * 300))
    with pytest.raises(UserError, match="no weights file m"):
        read_look(path)
