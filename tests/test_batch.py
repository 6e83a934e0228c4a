"""Many songs at once: which there are, where results go, processes that crash or are stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from music_analysis import batch
from music_analysis.batch import Done, Order, Task, check_folder, find_songs, folders_for, run
from music_analysis.errors import UserError
from music_analysis.processes import in_processes


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_folders_are_searched(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.MP3", "b/1.flac", "a.ogg", "cover.jpg", "notes.txt", ".hidden.mp3")
    touch(tmp_path, ".trash/x.mp3", "1.analysis/beats.wav", "b/c/d/e.m4a", "video.mp4")
    found = [p.relative_to(tmp_path).as_posix() for p in find_songs([tmp_path])]
    assert found == ["a.ogg", "b/1.flac", "b/2.MP3", "b/c/d/e.m4a"]
    # A file that is named is taken, whatever it is called, and once.
    named = [tmp_path / "video.mp4", tmp_path / "b", tmp_path / "b" / ".." / "b" / "1.flac"]
    assert [p.name for p in find_songs(named)] == ["video.mp4", "1.flac", "2.MP3", "e.m4a"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no sound files in this folder"):
        find_songs([tmp_path / "empty"])
    assert find_songs([Path("missing.mp3")]) == [Path("missing.mp3")]


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights elsewhere")
def test_links_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    touch(tmp_path, "album/1.mp3")
    (tmp_path / "album" / "self").symlink_to(tmp_path / "album")
    (tmp_path / "again.mp3").symlink_to(tmp_path / "album" / "1.mp3")
    assert len(find_songs([tmp_path])) == 1


@pytest.mark.parametrize(
    ("songs", "folders"),
    [
        (["a/x.mp3", "b/y.mp3"], ["x", "y"]),
        (["a/x.mp3", "a/x.flac"], ["x.mp3", "x.flac"]),
        (["a/x.mp3", "b/X.mp3"], ["a - x.mp3", "b - X.mp3"]),
        (["r/a/x.mp3", "s/a/x.mp3"], ["a - x.mp3", "a - x.mp3 (2)"]),
        (["a/x.mp3", "a/x.flac", "a/x.mp3.wav"], ["a - x.mp3", "x.flac", "a - x.mp3.wav"]),
        (["a/.mp3"], [".mp3"]),
    ],
)
def test_no_two_songs_share_a_folder(songs: list[str], folders: list[str]) -> None:
    found = folders_for([Path(s) for s in songs], Path("out"))
    assert [f.name for f in found] == [f"{name}.analysis" for name in folders]
    assert len({f.name.casefold() for f in found}) == len(songs)


def test_only_our_own_files_are_replaced(tmp_path: Path) -> None:
    order = Order(part="key")
    check_folder(tmp_path, order)
    check_folder(tmp_path / "new", order)
    (tmp_path / "key.png").write_text("a picture of my key")
    with pytest.raises(UserError, match="--overwrite"):
        check_folder(tmp_path, order)
    check_folder(tmp_path, Order(part="key", overwrite=True))
    check_folder(tmp_path, Order(part="tempo"))
    (tmp_path / "key.json").write_text('{"house": 1}')
    with pytest.raises(UserError, match="not ours"):
        check_folder(tmp_path, order)
    (tmp_path / "key.json").write_text('{\n  "schema": 1,\n  "analyzers": "1"}')
    check_folder(tmp_path, order)
    with pytest.raises(UserError, match="is a file"):
        check_folder(tmp_path / "key.png", order)


def test_one_after_the_other() -> None:
    tasks = [Task(Path(f"{k}.mp3")) for k in range(3)]
    done = list(run(tasks, lambda task: Done(task.song, {"n": task.song.stem}), 1))
    assert [d.row for d in done] == [{"n": "0"}, {"n": "1"}, {"n": "2"}]


def test_a_bug_over_one_song_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(batch, "analyze_song", broken)
    done = batch.Complete(Order())(Task(Path("a.mp3")))
    assert done.error is not None
    assert "a.mp3: a bug of ours (ZeroDivisionError: ours)" in done.error


# ---- processes -----------------------------------------------------------------------------------


def double(number: int) -> int:
    return 2 * number


def crash(number: int) -> int:
    if number in (3, 7):
        os._exit(9)
    return number


def fail(number: int) -> int:
    if number == 2:
        raise LookupError("number 2")
    return number


def test_every_call_comes_back() -> None:
    taken = []

    def numbers():
        for k in range(12):
            taken.append(k)
            yield k

    found = {}
    for call, result in in_processes(double, numbers(), 2):
        found[call] = result
        assert len(taken) - len(found) <= 4, "no more is taken than is needed"
    assert found == {k: 2 * k for k in range(12)}
    assert list(in_processes(double, [], 2)) == []


def test_a_crash_costs_one_call() -> None:
    assert dict(in_processes(crash, range(10), 2)) == {
        k: None if k in (3, 7) else k for k in range(10)
    }


def test_an_error_is_handed_on() -> None:
    with pytest.raises(LookupError, match="number 2"):
        list(in_processes(fail, range(5), 2))


def test_a_song_that_crashes_is_named() -> None:
    tasks = [Task(Path("1.mp3")), Task(Path("bad.mp3")), Task(Path("3.mp3"))]
    done = {d.song.name: d for d in run(tasks, crash_over, 2)}
    assert done["1.mp3"].error is done["3.mp3"].error is None
    assert done["bad.mp3"].error == "bad.mp3: is damaged, and crashed the program that read it"


def crash_over(task: Task) -> Done:
    if task.song.name == "bad.mp3":
        os._exit(11)
    return Done(task.song, {})


def slowly(folder: Path) -> None:
    """Make a file that must not stay, and be busy for long."""
    part = folder / f"{os.getpid()}.part"
    part.touch()
    try:
        for _ in range(6000):
            time.sleep(0.01)
    finally:
        part.unlink()


STOPPED = """
import sys
from pathlib import Path
from music_analysis.processes import in_processes
from test_batch import slowly
if __name__ == "__main__":
    for _ in in_processes(slowly, [Path(sys.argv[1])] * 9, 2):
        pass
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX matter")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("group", [False, True], ids=["parent", "terminal"])
def test_stopped_workers_put_things_in_order(
    tmp_path: Path, number: signal.Signals, group: bool
) -> None:
    if group and number == signal.SIGKILL:
        return
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, str(script), str(work)],
        env=environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while len(list(work.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        workers = [int(p.stem) for p in work.iterdir()]
        assert len(workers) == 2
        (os.killpg if group else os.kill)(process.pid, number)
        while any(alive(w) for w in workers) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(alive(w) for w in workers)
        assert list(work.iterdir()) == []
        _, errors = process.communicate(timeout=20)
        if number == signal.SIGINT:
            # The parent's own KeyboardInterrupt; workers have nothing to say.
            assert errors.decode().count("Traceback") == 1
    finally:
        process.kill()
        process.communicate()


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{number}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
