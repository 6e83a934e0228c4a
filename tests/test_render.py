"""Frames to segments: the same pixels for any threads, cuts and restarts, in memory that stays."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from afx import render
from afx.painter import Painter
from afx.rehearsal import normalize, rehearse
from afx.render import (
    Workplace,
    fingerprint,
    frames_per_segment,
    render_frames,
    render_segments,
)
from afx.safety import FlashScreen
from afx.video import FrameSequence, SegmentWriter, VideoError, VideoFormat, count_frames, join
from made_pictures import ACROSS, CLOUDS, EMBER, director, scene

SIZE = (64, 36)
FORMAT = VideoFormat(*SIZE, Fraction(30), quality="draft")
FRAMES = 75
T = np.arange(FRAMES)


def piece(strobe=0.0):
    light = strobe * (-1) ** (T[:45] // 3)
    made = director(
        scene(CLOUDS, 0, 45, palette=EMBER, pan_x=T[:45] / 40, exposure=light),
        scene(ACROSS, 35, FRAMES, turn=T[35:] / 90),
    )
    normalize(made, *SIZE)
    rehearse(made, *SIZE, safety="off" if strobe else "strict")
    return made


@pytest.fixture(scope="module")
def made():
    return piece()


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch):
    monkeypatch.setattr(render, "SEGMENT_SECONDS", 1)


class Recorder:
    """Stands in for the writer of segments: keeps copies of the planes."""

    seen: ClassVar[list[tuple[str, bytes]]] = []

    def __init__(self, path, _fmt):
        self.path = Path(path)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is None:
            self.path.write_bytes(b"x")

    def write(self, planes):
        self.seen.append((self.path.name, planes.tobytes()))


def recorded(made, tmp_path, monkeypatch, *, threads=2, frames=(0, FRAMES)):
    monkeypatch.setattr(Recorder, "seen", [])
    monkeypatch.setattr(render, "SegmentWriter", Recorder)
    place = Workplace(tmp_path / "video.mp4", "id")
    try:
        screen = FlashScreen(30)
        render_segments(made, FORMAT, place, frames, threads=threads, screen=screen)
        return [planes for _, planes in Recorder.seen], screen.result()
    finally:
        place.clear()


def run(made, place, *, threads=2, screen=None, on_frame=None, frames=(0, FRAMES)):
    screen = screen or FlashScreen(30)
    segments = render_segments(
        made, FORMAT, place, frames, threads=threads, screen=screen, on_frame=on_frame
    )
    return segments, screen.result()


def expected(made, frames=range(FRAMES)):
    painter = Painter(*SIZE)
    out = np.empty((SIZE[1] * 3 // 2, SIZE[0]), np.uint8)
    planes = []
    for frame in frames:
        painter.video(made.picture(frame), out)
        planes.append(out.tobytes())
    return planes


# --------------------------------------------------------------------- the same pixels


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_show(made, tmp_path, monkeypatch, threads):
    want = expected(made)
    assert len(set(want)) == FRAMES, "frames must differ, or their order could not be seen"
    assert recorded(made, tmp_path, monkeypatch, threads=threads)[0] == want


@pytest.mark.parametrize("seconds", [0.1, 1, 100])
def test_the_length_of_segments_does_not_show(made, tmp_path, monkeypatch, seconds):
    monkeypatch.setattr(render, "SEGMENT_SECONDS", seconds)
    assert recorded(made, tmp_path, monkeypatch)[0] == expected(made)


def test_an_excerpt_is_cut_from_the_whole(made, tmp_path, monkeypatch):
    got, report = recorded(made, tmp_path, monkeypatch, frames=(13, 50))
    assert got == expected(made, range(13, 50))
    assert report.seconds == pytest.approx(37 / 30)


def test_segments_have_a_fixed_number_of_frames(monkeypatch):
    monkeypatch.setattr(render, "SEGMENT_SECONDS", 10)
    assert [frames_per_segment(f) for f in (24, 30, 30000 / 1001, 0.01)] == [240, 300, 300, 1]


def test_segments_are_whole_videos_in_order(made, tmp_path):
    place = Workplace(tmp_path / "video.mp4", "id")
    done = []
    segments, _ = run(made, place, on_frame=done.append)
    assert [count_frames(s) for s in segments] == [30, 30, 15]
    assert segments == sorted(segments)
    assert sum(done) == FRAMES
    assert set(done) == {1}
    place.clear()
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------- going on


def test_a_render_goes_on_with_the_same_bits(tmp_path, monkeypatch):
    made = piece(strobe=1.0)
    output = tmp_path / "video.mp4"
    place = Workplace(output, "id")
    segments, whole = run(made, place, threads=1)
    assert whole.general > 3, "the screen must have something to say"
    join(segments, output, FORMAT)
    want = output.read_bytes()
    place.leave()
    for missing in ([1], [0, 2], [0, 1, 2]):
        place = Workplace(output, "id")
        for index in missing:
            # Without its thumbnails a segment counts as missing, and the other way around.
            (place.segment if index else place.thumbnails)(index).unlink()
        written, done = [], []

        class Counted(SegmentWriter):
            def __init__(self, path, fmt):
                written.append(Path(path).name)  # noqa: B023
                super().__init__(path, fmt)

        monkeypatch.setattr(render, "SegmentWriter", Counted)
        segments, again = run(made, place, threads=3, on_frame=done.append)
        assert written == [f"segment_{i:05d}.mp4" for i in missing]
        assert sum(done) == FRAMES
        assert again == whole
        join(segments, output, FORMAT)
        assert output.read_bytes() == want
        place.leave()


def test_a_failure_keeps_finished_segments_and_stops_the_threads(made, tmp_path, monkeypatch):
    place = Workplace(tmp_path / "video.mp4", "id")
    real = type(made).picture

    def failing(self, frame, **options):
        if frame == 40:
            raise RuntimeError("lens cap on")
        return real(self, frame, **options)

    before = threading.active_count()
    monkeypatch.setattr(type(made), "picture", failing)
    with pytest.raises(RuntimeError, match="lens cap"):
        run(made, place)
    assert threading.active_count() == before
    assert [place.thumbnails(i).exists() for i in range(3)] == [True, False, False]
    assert not place.segment(1).exists()
    monkeypatch.undo()
    monkeypatch.setattr(render, "SEGMENT_SECONDS", 1)
    assert len(run(made, place)[0]) == 3
    place.clear()


def test_an_interrupt_in_the_middle_leaves_only_whole_segments(made, tmp_path):
    place = Workplace(tmp_path / "video.mp4", "id")

    def impatient(frames, count=[0]):  # noqa: B006
        count[0] += frames
        if count[0] == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(made, place, on_frame=impatient)
    place.leave()
    names = {p.name for p in place.folder.iterdir()}
    assert names == {"lock", "identity", "segment_00000.mp4", "segment_00000.npy"}


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
@pytest.mark.parametrize("part", ["thumbnails", "segment"])
def test_what_was_damaged_is_made_again(made, tmp_path, damage, part):
    place = Workplace(tmp_path / "video.mp4", "id")
    whole = [p.read_bytes() for p in run(made, place)[0]]
    path = getattr(place, part)(1)
    if damage is not None:
        path.write_bytes(damage)
    elif part == "segment":  # cut in the middle
        path.write_bytes(path.read_bytes()[:-200])
    else:
        np.save(path, np.zeros((3, 36, 64, 3), np.uint8))
    assert [p.read_bytes() for p in run(made, place)[0]] == whole
    place.clear()


# --------------------------------------------------------------------- the workplace


def test_fingerprints_tell_settings_apart_whatever_their_order():
    a = fingerprint({"seed": 1, "size": (64, 36)})
    assert a == fingerprint({"size": [64, 36], "seed": 1})
    assert len({a, fingerprint({"seed": 2, "size": (64, 36)}), fingerprint({})}) == 3


def test_segments_of_other_settings_are_removed(made, tmp_path):
    output = tmp_path / "video.mp4"
    place = Workplace(output, "one")
    run(made, place)
    place.leave()
    same = Workplace(output, "one")
    assert all(same.segment(i).exists() for i in range(3))
    same.leave()
    other = Workplace(output, "two")
    assert not any(other.segment(i).exists() for i in range(3))
    assert {p.name for p in other.folder.iterdir()} == {"lock", "identity"}
    other.leave()
    assert not other.folder.exists(), "an empty workplace leaves nothing behind"


@pytest.mark.skipif(sys.platform == "win32", reason="there, open files cannot be removed anyway")
def test_two_renders_cannot_work_on_one_output(tmp_path):
    output = tmp_path / "video.mp4"
    first = Workplace(output, "one")
    for _ in range(2):
        with pytest.raises(VideoError, match=r"another render is writing .*video\.mp4"):
            Workplace(output, "two")
        # The refused one must not take the first one's folder away.
        assert (first.folder / "identity").read_text() == "one"
        assert (first.folder / "lock").exists()
    code = (
        "import sys; from pathlib import Path; from afx.render import Workplace\n"
        "try: Workplace(Path(sys.argv[1]), 'x')\n"
        "except Exception as e: print(type(e).__name__)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(output)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "VideoError"
    first.leave()
    Workplace(output, "two").clear()
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_one_line_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VideoError, match=r"cannot write .*video\.mp4"):
        Workplace(tmp_path / "file" / "video.mp4", "id")


# --------------------------------------------------------------------- pictures


@pytest.mark.parametrize("threads", [1, 3])
def test_pictures_are_numbered_and_the_painters(made, tmp_path, threads):
    import av

    folder = tmp_path / "frames"
    screen, done = FlashScreen(30), []
    render_frames(
        made, *SIZE, FrameSequence(folder, {}), (30, 42),
        threads=threads, screen=screen, on_frame=done.append,
    )  # fmt: skip
    files = sorted(folder.glob("*.png"))
    assert len(files) == sum(done) == 12
    painter = Painter(*SIZE)
    for k in (0, 5, 11):
        with av.open(str(files[k])) as file:
            got = next(file.decode(video=0)).to_ndarray(format="rgb24")
        np.testing.assert_array_equal(got, painter.rgb(made.picture(30 + k)))
    assert screen.result().seconds == pytest.approx(12 / 30)


# --------------------------------------------------------------------- memory


def test_memory_does_not_grow_with_the_frames(tmp_path, monkeypatch):
    """A ring of buffers is used again and again: no frame is kept, only thumbnails."""
    size = (256, 144)
    made = director(scene(ACROSS, 0, 80, turn=np.arange(80) / 80))
    monkeypatch.setattr(render, "SEGMENT_SECONDS", 100)
    fmt = VideoFormat(*size, Fraction(30), quality="draft")
    place = Workplace(tmp_path / "video.mp4", "id")
    held = []

    def note(_frames):
        held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        render_segments(made, fmt, place, (0, 80), threads=2, screen=FlashScreen(30), on_frame=note)
    finally:
        tracemalloc.stop()
        place.clear()
    frame, thumbnail = size[0] * size[1] * 3 // 2, 64 * 36 * 3
    growth = held[75] - held[25]
    assert growth < 50 * thumbnail * 1.5 + 2 * frame
    assert 50 * frame > 2 * (50 * thumbnail * 1.5 + 2 * frame), "else the test could not fail"


def test_the_ring_is_as_long_as_it_says(made, tmp_path, monkeypatch):
    rings = []
    real = np.empty

    def empty(shape, *rest, **options):
        array = real(shape, *rest, **options)
        if array.shape[1:] == (SIZE[1] * 3 // 2, SIZE[0]):
            rings.append(array.shape[0])
        return array

    monkeypatch.setattr(render.np, "empty", empty)
    recorded(made, tmp_path, monkeypatch, threads=3)
    assert rings == [3 + render.AHEAD]
