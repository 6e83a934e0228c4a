"""The documentation is true: its code runs, its pages are up to date, nothing is left out."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from afx.expression import parse
from afx.look import load_library
from afx.patterns import PATTERNS
from afxcommand import afx, pictures
from music_analysis.synth import SongSpec, make_song
from soundfiles import encode

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date():
    made = maker()
    for name, text in (("patterns.md", made.patterns_page()), ("looks.md", made.looks_page())):
        stored = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert stored == text, f"docs/{name} is old: run docs/make.py"


@pytest.mark.parametrize("name", ["cppn", "routes"])
def test_generated_tables_are_up_to_date(name: str):
    stored = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    made = getattr(maker(), f"{name}_page")(stored)
    assert made.count("made by docs/make.py -->\n\n| ") >= 2
    assert stored == made, f"docs/{name}.md is old: run docs/make.py"


def test_expressions_of_the_documentation_work():
    page = (ROOT / "docs" / "routes.md").read_text(encoding="utf-8")
    examples = page.split("| expression |")[1].split("\n\n")[0]
    found = re.findall(r"^\| `(.*?)` \|", examples, re.MULTILINE)
    assert len(found) >= 8
    for text in [*found, *re.findall(r'source = "(.*?)"', page)]:
        assert parse(text).names


def test_every_pattern_and_look_is_documented():
    patterns = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
    looks = (ROOT / "docs" / "looks.md").read_text(encoding="utf-8")
    assert [p for p in PATTERNS if f"`{p}`" not in patterns] == []
    assert [name for name in load_library() if f"`{name}`" not in looks] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    gone = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert gone == []


def test_the_readmes_pattern_is_one():
    (code,) = blocks("python")
    try:
        exec(compile(code, "README.md", "exec"), {})
        made = PATTERNS["ripples"]
        assert [k.name for k in made.knobs] == ["phase", "distance"]
        from afx.painter import field_kernel

        assert field_kernel(made).module.outputs == ("tone", "hue", "mask")
    finally:
        PATTERNS.pop("ripples", None)


def test_the_readmes_commands_run_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    song = make_song(SongSpec(tempo=120.0, sections=(("verse", 2),)))
    encode(tmp_path / "song.mp3", song.samples[:, : 3 * song.sample_rate], song.sample_rate)
    monkeypatch.chdir(tmp_path)
    seen = 0
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(re.sub(r"(^|\s)#.*", "", line))  # as a shell: not inside a word
        if not words or words[0] != ".venv/bin/afx":
            continue
        target = None
        if ">" in words:
            words, target = words[: words.index(">")], words[-1]
        outcome = afx(*_small(words[1:]))
        assert outcome.code == 0, f"{line}: {outcome.err}"
        if target is not None:
            Path(target).write_text(outcome.out, encoding="utf-8")
        seen += 1
    assert seen >= 6
    first, again = (pictures(tmp_path / name) for name in ("song.mp4", "song.again.mp4"))
    assert (first == again).all()
    for made in ("song.mp4", "north.mp4", "short.mp4", "song.again.mp4", "still.png", "mine.png"):
        assert (tmp_path / made).stat().st_size > 1000


def _small(words: list[str]) -> list[str]:
    """Return a command that takes no minutes: little pictures, few of them."""
    cheaper = {"--size": "160x90", "--duration": "0.5", "--minutes": "0.02", "--loop": "1"}
    kept = [cheaper.get(before, word) for before, word in itertools.pairwise(["", *words])]
    if kept[:2] in (["explore", "sheet"], ["explore", "mutate"], ["explore", "breed"]):
        return [*kept, "--tile-size", "64x36"]
    if kept[:2] == ["explore", "walk"]:
        return [*kept, "--size", "160x90"]
    return kept


def test_the_two_commands_are_there():
    for name in ("setup", "demo", "check"):
        script = ROOT / "scripts" / name
        assert script.stat().st_mode & 0o111, f"scripts/{name} must be executable"
    assert "scripts/check" in (ROOT / ".ci" / "run").read_text()
