"""Which device paints: cheap to choose, and one line where it cannot be had."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from afx import commands, device
from afx.device import (
    choose_device,
    choose_precision,
    driver_there,
    painters_at_once,
    painters_for,
    versions,
)
from afx.job import make_job
from afx.look import load_library
from afx.painter import Painter
from afx.production import _identity
from afx.profile import Profile
from afxcommand import INK, SMALL, afx, made_look, made_song
from music_analysis.errors import UserError

NOTHING = Profile()


def card(monkeypatch, *, driver=True, built=True, available=True, installed=True):
    """Pretend a machine: a driver, and a torch built with CUDA that finds a card."""
    monkeypatch.setattr(device, "driver_there", lambda: driver)
    monkeypatch.setattr(device, "find_spec", lambda _name: object() if installed else None)
    torch = types.ModuleType("torch")
    torch.version = types.SimpleNamespace(cuda="13.0" if built else None)
    torch.cuda = types.SimpleNamespace(is_available=lambda: available)
    monkeypatch.setitem(sys.modules, "torch", torch)


def test_without_a_driver_torch_is_not_even_looked_for(monkeypatch):
    monkeypatch.setattr(device, "driver_there", lambda: False)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    assert choose_device("auto", NOTHING) == "cpu"
    assert choose_device("cpu", NOTHING) == "cpu"


def test_a_card_that_can_be_used_is_used(monkeypatch):
    card(monkeypatch)
    assert choose_device("auto", NOTHING) == "cuda"
    assert choose_device("cuda", NOTHING) == "cuda"
    card(monkeypatch, available=False)
    assert choose_device("auto", NOTHING) == "cpu"
    card(monkeypatch, installed=False)
    assert choose_device("auto", NOTHING) == "cpu"


def test_the_profile_decides_where_it_can(monkeypatch):
    card(monkeypatch)
    assert choose_device("auto", Profile(device="cpu")) == "cpu"
    assert choose_device("auto", Profile(device="cuda")) == "cuda"
    assert choose_device("cuda", Profile(device="cpu")) == "cuda"
    card(monkeypatch, available=False)
    assert choose_device("auto", Profile(device="cuda")) == "cpu"
    assert choose_device("auto", Profile(device="mps")) == "cpu"


def test_precision_is_half_on_cards_alone():
    assert choose_precision("auto", "cpu", NOTHING) == "float32"
    assert choose_precision("half", "cpu", NOTHING) == "float32"
    assert choose_precision("auto", "cuda", NOTHING) == "half"
    assert choose_precision("float32", "cuda", NOTHING) == "float32"
    assert choose_precision("auto", "cuda", Profile(precision="float32")) == "float32"


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"installed": False}, "torch is missing: scripts/setup neural, or pip install"),
        ({"built": False}, "built without CUDA: install one that is .* or use --device cpu"),
        ({"available": False}, "no NVIDIA card that torch can use is here: use --device cpu"),
    ],
)
def test_what_is_missing_for_cuda_is_said_in_one_line(monkeypatch, machine, words):
    card(monkeypatch, **machine)
    with pytest.raises(UserError, match=words) as caught:
        choose_device("cuda", NOTHING)
    assert "\n" not in str(caught.value)


def test_what_is_missing_for_mps_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(device, "system", lambda: "Linux")
    with pytest.raises(UserError, match="--device mps: this is for Macs"):
        choose_device("mps", NOTHING)
    card(monkeypatch)
    monkeypatch.setattr(device, "system", lambda: "Darwin")
    sys.modules["torch"].backends = types.SimpleNamespace(
        mps=types.SimpleNamespace(is_available=lambda: False)
    )
    with pytest.raises(UserError, match="torch cannot use this Mac's graphics"):
        choose_device("mps", NOTHING)
    sys.modules["torch"].backends.mps.is_available = lambda: True
    assert choose_device("mps", NOTHING) == "mps"
    assert choose_device("auto", Profile(device="mps")) == "mps"


def test_the_driver_is_found_or_not():
    assert driver_there() in (True, False)


def test_the_processor_needs_nothing_and_a_card_two_or_three_painters():
    assert painters_for("cpu", "float32") is Painter
    assert [painters_at_once("cpu", n) for n in (1, 8)] == [1, 8]
    assert [painters_at_once("cuda", n) for n in (1, 2, 16)] == [2, 2, 3]
    assert versions("cpu") == {}
    assert set(versions("cuda")) == {"torch", "triton"}


def test_notes_are_printed_once(capsys):
    for _ in range(2):
        painters_for("cuda", "half")._say("something new of this test")
    assert capsys.readouterr().err == "Note: something new of this test.\n"


def test_a_render_is_known_by_its_device_precision_and_their_libraries():
    settings = {"song": "a", "device": "cpu", "precision": "float32"}
    names = [
        _identity(settings | changes)
        for changes in ({}, {"device": "cuda"}, {"device": "cuda", "precision": "half"})
    ]
    assert len(set(names)) == 3
    assert _identity(settings | {"song": "b"}) == names[0]


def test_a_torch_of_another_version_is_another_render(monkeypatch):
    settings = {"song": "a", "device": "cuda", "precision": "half"}
    before = _identity(settings)
    monkeypatch.setattr("afx.production.versions", lambda _device: {"torch": "1", "triton": "1"})
    assert _identity(settings) != before


def test_cuda_asked_for_and_absent_is_one_line(tmp_path, monkeypatch):
    card(monkeypatch, available=False)
    song = made_song(tmp_path / "song.wav")
    for command in (
        ("render", song, "-o", tmp_path / "out.mp4"),
        ("frame", song, "--at", "0.5", "-o", tmp_path / "out.png"),
    ):
        done = afx(*command, "--device", "cuda")
        assert done.code == 1
        assert done.err.strip().endswith("use --device cpu")
        assert len(done.err.strip().splitlines()) == 1


def test_a_video_made_on_a_card_is_made_again_without_one(tmp_path, monkeypatch, capsys):
    song = made_song(tmp_path / "song.wav")
    ink = {"ink": next(iter(load_library().values()))}
    job = make_job(song, ink, device="cuda", precision="half")
    monkeypatch.setattr("afx.job.job_of", lambda _path, _song: job)
    card(monkeypatch, available=False)
    again = commands._again(tmp_path / "old.mp4", None)
    assert (again.device, again.precision) == ("cpu", "float32")
    said = capsys.readouterr().err
    assert said.startswith("Note: painted on cuda, which this machine has not: the processor")
    card(monkeypatch)
    again = commands._again(tmp_path / "old.mp4", None)
    assert (again.device, again.precision) == ("cuda", "half")
    assert capsys.readouterr().err == ""


def test_rendering_on_the_processor_imports_neither_torch_nor_triton(tmp_path):
    song = made_song(tmp_path / "song.wav", 0.5)
    look = made_look(tmp_path / "ink.toml", INK)
    arguments = ["render", str(song), "--look", str(look), "--device", "cpu", *SMALL]
    arguments += ["-o", str(tmp_path / "out.mp4"), "--json"]
    code = (
        "import sys; from afx.cli import main\n"
        f"code = main({arguments!r})\n"
        "heavy = {'torch', 'triton', 'afx.tensor_painter'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").stat().st_size > 1000
