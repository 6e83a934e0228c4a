"""The profile: kept whole, believed only where it was measured, and never in the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from afx import profile
from afx.options import Run, painters_at_work
from afx.profile import Profile, forget, look, profile_path, read_profile, write_profile
from afxcommand import afx as run
from afxcommand import left_in

BEST = Profile(threads=3, device="cpu", precision="float32")


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("AFX_CONFIG_DIR", str(folder))
    return folder


def keep(best: Profile = BEST) -> Path:
    return write_profile(
        best, measured_at="2030-01-02T03:04:05+00:00", because=["Painters: 3."], measured={}
    )


def test_what_was_kept_is_read() -> None:
    assert read_profile() == Profile()
    keep()
    assert read_profile() == BEST
    assert look().state == "used"
    keep(Profile())
    assert read_profile() == Profile()
    assert look().state == "used"


def test_it_is_one_file_and_nothing_beside_it(config: Path) -> None:
    keep()
    keep(Profile(threads=7))
    assert left_in(config) == {"profile.json"}


def test_forgotten() -> None:
    assert not forget()
    keep()
    assert forget()
    assert read_profile() == Profile()
    assert look().state == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("processor", "Another 9000"),
        ("cores", 4096),
        ("graphics", ["A card that was sold"]),
        ("afx", "0.0.0"),
        ("llvmlite", "0.0.0"),
        ("system", "Plan9 vax"),
    ],
)
def test_elsewhere_it_is_not_believed(name: str, value: object) -> None:
    path = keep()
    document = json.loads(path.read_text())
    document["fingerprint"][name] = value
    path.write_text(json.dumps(document))
    assert read_profile() == Profile()
    found = look()
    assert found.state == "other"
    assert name in found.why


def _with(**settings: Any) -> str:
    said = {"threads": 2, "device": None, "precision": None} | settings
    return json.dumps({"profile": 1, "fingerprint": profile.fingerprint(), "settings": said})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[1, 2]",
        '"profile"',
        "{}",
        "[" * 100_000,
        '{"profile": 1, "fingerprint": {}}',
        '{"profile": 2, "fingerprint": {}, "settings": {}}',
        '{"profile": 1, "fingerprint": [], "settings": {}}',
        '{"profile": 1, "fingerprint": {}, "settings": [1, 2, 3]}',
        "\ud800 not text",
        _with(threads=0),
        _with(threads=-1),
        _with(threads=100_000),
        _with(threads=2.0),
        _with(threads=True),
        _with(threads="2"),
        _with(device="abacus"),
        _with(device=["cuda"]),
        _with(precision="double"),
    ],
)
def test_a_damaged_file_is_no_profile(text: str) -> None:
    path = profile_path()
    path.parent.mkdir()
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read_profile() == Profile()
    assert look().state == "damaged"
    shown = run("bench", "profile")
    assert shown.code == 0
    assert "not used" in shown.out


def test_a_file_cut_short_anywhere_is_no_profile() -> None:
    path = keep()
    whole = path.read_bytes()
    for end in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:end])
        assert read_profile() == Profile()


def test_a_place_that_is_no_folder(config: Path) -> None:
    config.write_text("a file, not a folder")
    assert read_profile() == Profile()
    with pytest.raises(OSError, match=r"exists|directory"):
        keep()
    assert config.read_text() == "a file, not a folder"


def test_a_folder_of_its_name(config: Path) -> None:
    (config / "profile.json").mkdir(parents=True)
    assert read_profile() == Profile()
    with pytest.raises(OSError, match=r".+"):
        keep()
    assert left_in(config) == {"profile.json"}
    assert run("bench", "profile", "--forget").code == 1


def test_renders_use_it_unless_told_otherwise() -> None:
    keep()
    assert painters_at_work(Run()) == 3
    assert painters_at_work(Run(threads=5)) == 5
    assert painters_at_work(Run(profile="off")) is None


def test_the_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AFX_CONFIG_DIR")
    name = "audio-feature-explorer"
    monkeypatch.setattr(profile.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert profile.config_folder() == tmp_path / name
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert profile.config_folder() == tmp_path / ".config" / name
    monkeypatch.setattr(profile.sys, "platform", "darwin")
    assert profile.config_folder() == tmp_path / "Library" / "Application Support" / name
    monkeypatch.setattr(profile.sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    assert profile.config_folder() == tmp_path / "roaming" / name


def test_without_a_home_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFX_CONFIG_DIR")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert read_profile() == Profile()


def test_shown_and_forgotten_by_command() -> None:
    keep()
    shown = run("bench", "profile")
    assert "threads 3" in shown.out
    assert "Painters: 3." in shown.out
    told = run("bench", "profile", "--json").json
    assert (told["state"], told["settings"]["threads"]) == ("used", 3)
    assert "forgotten" in run("bench", "profile", "--forget").out
    assert "No profile" in run("bench", "profile").out
    assert "no profile to forget" in run("bench", "profile", "--forget").out
