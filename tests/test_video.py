"""A finished file is decoded and measured: tags, times, offset, bits; nothing is left behind."""

import contextlib
import itertools
import json
import os
import resource
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from afx import video
from afx.video import FrameSequence, SegmentWriter, Sound, VideoError, VideoFormat

RATES = [Fraction(30), Fraction(24), Fraction(30000, 1001), Fraction(60)]


def form(codec="h264", quality="standard", fps=Fraction(30), size=(64, 48)) -> VideoFormat:
    encoder = video.choose_encoder(codec, *size, hardware=False)
    return VideoFormat(*size, fps, codec, quality, encoder)


def moving(fmt: VideoFormat, first: int, last: int) -> Iterator[NDArray[np.uint8]]:
    """Smooth dithered pictures whose mean luma tells the frame's number."""
    y, x = np.mgrid[0 : fmt.height * 3 // 2, 0 : fmt.width] / 16
    for index in range(first, last):
        grain = np.random.default_rng(index).random(x.shape)
        wave = 40 + 3 * (index % 50) + 20 * np.sin(x + 0.2 * index) * np.cos(y - 0.1 * index)
        wave[fmt.height :] = 128 + 0.2 * (wave[fmt.height :] - 128)
        yield np.floor(wave + grain).astype(np.uint8)


def segment(path: Path, fmt: VideoFormat, first: int, last: int) -> Path:
    with SegmentWriter(path, fmt) as writer:
        for planes in moving(fmt, first, last):
            writer.write(planes)
    return path


def segments(folder: Path, fmt: VideoFormat, *cuts: int) -> list[Path]:
    return [segment(folder / f"{a:06d}.mp4", fmt, a, b) for a, b in itertools.pairwise(cuts)]


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="yuv420p") for f in container.decode(video=0)]


def heard(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        assert frames[0].pts == 0
        return np.concatenate([f.to_ndarray() for f in frames], axis=1)


def tone(seconds: float, rate: int = 44100, channels: int = 2, block: int = 5000) -> Sound:
    t = np.arange(round(seconds * rate)) / rate
    wave = np.stack([0.3 * np.sin(2 * np.pi * 440 * t)] * channels).astype(np.float32)
    parts = [wave[:, i : i + block] for i in range(0, wave.shape[1], block)]
    return Sound(rate, channels, iter(parts))


def atoms(path: Path) -> list[str]:
    data, names, at = path.read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size
    assert at == len(data)
    return names


# ---------------------------------------------------------------- the finished file


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("quality", ["standard", "high"])
def test_every_frame_is_at_its_exact_time(tmp_path, fps, quality):
    fmt = form(quality=quality, fps=fps)
    parts = segments(tmp_path, fmt, 0, 13, 14, 31)  # a segment of one frame, too
    out = tmp_path / "out.mp4"
    video.join(parts, out, fmt, sound=tone(float(31 / fps)))
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == stream.base_rate == fps
        assert stream.frames == video.count_frames(out) == 31
        assert stream.duration * stream.time_base == 31 / fps
        packets = [p for p in container.demux(stream) if p.size]
        clock = [p.dts for p in packets]
        assert all(a < b for a, b in itertools.pairwise(clock))
        assert all(p.dts <= p.pts for p in packets)
        assert sorted(p.pts * p.time_base for p in packets) == [i / fps for i in range(31)]
        assert {p.duration * p.time_base for p in packets} == {1 / fps}
        container.seek(0)
        times = [f.pts * f.time_base for f in container.decode(stream)]
    assert times == [i / fps for i in range(31)]
    assert any(p.pts != p.dts for p in packets) == (quality == "high")


@pytest.mark.parametrize("codec", video.CODECS)
@pytest.mark.parametrize("quality", video.QUALITIES)
def test_joining_changes_no_pixel(tmp_path, codec, quality, capfd):
    fmt = form(codec, quality)
    parts = segments(tmp_path, fmt, 0, 9, 20, 26)
    assert [video.count_frames(p) for p in parts] == [9, 11, 6]
    out = tmp_path / "out.mp4"
    video.join(parts, out, fmt)
    with av.open(str(out)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        frame = 1 / fmt.fps
        keys = [p.pts * p.time_base / frame for p in packets if p.is_keyframe]
    assert keys == [0, 9, 20]  # where a player may jump to
    joined = decoded(out)
    apart = [frame for part in parts for frame in decoded(part)]
    assert len(joined) == 26
    assert all(np.array_equal(a, b) for a, b in zip(joined, apart, strict=True))
    for frame, planes in zip(joined, moving(fmt, 0, 26), strict=True):
        error = frame[: fmt.height].astype(float) - planes[: fmt.height]
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 36
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("codec", "profile", "tag"),
    [("h264", "High", "avc1"), ("h265", "Main", "hvc1"), ("av1", "Main", "av01")],
)
def test_tags_of_the_finished_file(tmp_path, codec, profile, tag):
    out = tmp_path / "out.mp4"
    for quality in video.QUALITIES:
        fmt = form(codec, quality, size=(320, 180))
        part = segment(tmp_path / "part.mp4", fmt, 0, 4)
        video.join([part], out, fmt, sound=tone(0.2), title="Ünï\ncode 🎵", artist="A\ud800")
        with av.open(str(out)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            assert (stream.profile, context.codec_tag) == (profile, tag)
            assert (context.width, context.height, context.pix_fmt) == (320, 180, "yuv420p")
            colors = context.colorspace, context.color_primaries, context.color_trc
            assert (*colors, context.color_range) == (1, 1, 1, 1)  # bt709, limited
            sound = container.streams.audio[0]
            assert (sound.codec_context.name, sound.rate, sound.channels) == ("aac", 44100, 2)
            assert container.metadata["title"] == "Ünï code 🎵"
            assert container.metadata["artist"] == "A"
            assert container.metadata["encoder"].startswith("Audio Feature Explorer 0.")
            next(container.decode(stream))
    names = atoms(out)
    assert names.index("moov") < names.index("mdat")


@pytest.mark.parametrize("codec", video.CODECS)
def test_small_and_crooked_sizes(tmp_path, codec):
    for size in ((16, 16), (86, 50), (16, 600)) if codec != "av1" else ((32, 32), (86, 50)):
        fmt = form(codec, size=size)
        part = segment(tmp_path / "part.mp4", fmt, 0, 3)
        video.join([part], tmp_path / "out.mp4", fmt)
        frames = decoded(tmp_path / "out.mp4")
        for frame, planes in zip(frames, moving(fmt, 0, 3), strict=True):
            assert frame.shape == planes.shape
            assert np.abs(frame.astype(float) - planes).mean() < 4


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for codec in video.CODECS:
        fmt = form(codec, size=(320, 180))
        one = segment(tmp_path / "1.mp4", fmt, 0, 12).read_bytes()
        assert segment(tmp_path / "2.mp4", fmt, 0, 12).read_bytes() == one
    for out in ("a.mp4", "b.mp4"):
        video.join([tmp_path / "1.mp4"], tmp_path / out, fmt, sound=tone(0.4), settings={"a": 1})
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(("rate", "quality"), [(44100, "standard"), (48000, "high")])
def test_a_flash_and_its_click_come_together(tmp_path, rate, quality):
    fmt = form(quality=quality)
    click_at = [40, 75]  # frames, in different segments
    parts = []
    for first in (0, 60):
        parts.append(tmp_path / f"{first}.mp4")
        with SegmentWriter(parts[-1], fmt) as writer:
            for index in range(first, first + 60):
                planes = np.full((72, 64), 128, np.uint8)
                planes[:48] = 235 if index in click_at else 16
                writer.write(planes)
    wave = np.zeros((2, 4 * rate), np.float32)
    for index in click_at:
        wave[:, index * rate // 30] = 0.9
    video.join(parts, tmp_path / "out.mp4", fmt, sound=Sound(rate, 2, iter([wave])))
    with av.open(str(tmp_path / "out.mp4")) as container:
        shown = [
            f.time for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 120
        ]
    sound = heard(tmp_path / "out.mp4")
    assert shown == pytest.approx([index / 30 for index in click_at])
    for index in click_at:
        start = (index - 5) * rate // 30
        peak = start + np.argmax(np.abs(sound[0, start : start + rate // 3]))
        assert abs(peak / rate - index / 30) < 0.0005
    assert sound.shape[1] >= wave.shape[1]


@pytest.mark.parametrize(
    ("rate", "channels"), [(8000, 1), (11025, 2), (22050, 1), (44100, 2), (48000, 1)]
)
def test_sound_keeps_its_length_and_its_wave(tmp_path, rate, channels):
    fmt = form()
    part = segment(tmp_path / "part.mp4", fmt, 0, 15)
    video.join([part], tmp_path / "out.mp4", fmt, sound=tone(0.5123, rate, channels, block=777))
    samples = round(0.5123 * rate)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == (rate, channels)
        assert stream.duration * stream.time_base == Fraction(samples, rate)
    source = np.concatenate(list(tone(0.5123, rate, channels).blocks), axis=1)
    sound = heard(tmp_path / "out.mp4")[:, :samples]
    assert np.sqrt(np.mean((sound - source) ** 2)) < 0.02
    assert video.sound_rate(rate) == rate


def test_odd_sounds_still_make_a_video(tmp_path):
    fmt = form()
    part = segment(tmp_path / "part.mp4", fmt, 0, 15)
    wild = np.full((1, 20_000), np.nan, np.float32)
    wild[0, 1000:2000], wild[0, 2000:3000], wild[0, 3000:4000] = np.inf, -np.inf, 8.0
    for blocks in ([wild], [wild[:, :1]], [wild[:, :0], wild[:, :3000]]):
        video.join([part], tmp_path / "out.mp4", fmt, sound=Sound(44100, 1, iter(blocks)))
        assert np.isfinite(heard(tmp_path / "out.mp4")).all()
    for sound in (None, Sound(44100, 1, iter([])), Sound(44100, 1, iter([wild[:, :0]]))):
        video.join([part], tmp_path / "out.mp4", fmt, sound=sound)
        with av.open(str(tmp_path / "out.mp4")) as container:
            assert [s.type for s in container.streams] == ["video"]
    assert video.sound_rate(96000) == video.sound_rate(37800) == 48000
    with pytest.raises(ValueError, match="resample"):
        Sound(96000, 2, iter([]))
    with pytest.raises(ValueError, match="1 or 2"):
        Sound(48000, 6, iter([]))


# ---------------------------------------------------------------- failing


def test_a_failed_segment_leaves_nothing(tmp_path):
    fmt = form()
    good = next(moving(fmt, 0, 1))

    def interrupted() -> None:
        with SegmentWriter(tmp_path / "a.mp4", fmt) as writer:
            writer.write(good)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ValueError, match="at least one frame"):
        SegmentWriter(tmp_path / "b.mp4", fmt).close()
    with pytest.raises(ValueError, match="planes must be"), SegmentWriter(tmp_path / "c", fmt) as w:
        w.write(np.zeros((48, 64), np.uint8))
    writer = SegmentWriter(tmp_path / "d.mp4", fmt)
    writer.abort()
    writer.abort()
    with pytest.raises(ValueError, match="closed"):
        writer.write(good)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_has_its_name_only_when_complete(tmp_path):
    fmt = form()
    with SegmentWriter(tmp_path / "a.mp4", fmt) as writer:
        for planes in moving(fmt, 0, 5):
            writer.write(planes)
        assert not (tmp_path / "a.mp4").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


class SongError(Exception):
    pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, SongError, OSError])
def test_a_failing_sound_goes_through_and_leaves_the_old_file(tmp_path, error):
    def blocks() -> Iterator[NDArray[np.float32]]:
        yield np.zeros((2, 30_000), np.float32)
        raise error("stop")

    fmt = form()
    part = segment(tmp_path / "part.mp4", fmt, 0, 30)
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(error, match="stop"):
        video.join([part], tmp_path / "out.mp4", fmt, sound=Sound(44100, 2, blocks()))
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "part.mp4"]


def test_where_nothing_can_be_written_one_line_says_so(tmp_path):
    fmt = form()
    with pytest.raises(VideoError, match=r"cannot write .*no/a\.mp4: No such file"):
        SegmentWriter(tmp_path / "no" / "a.mp4", fmt)
    part = segment(tmp_path / "part.mp4", fmt, 0, 3)
    with pytest.raises(VideoError, match="Not a directory"):
        video.join([part], part / "out.mp4", fmt)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(VideoError, match=r"cannot write .*folder\.mp4: it is a folder"):
        video.join([part], tmp_path / "folder.mp4", fmt)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.mp4", "part.mp4"]


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the same kind of error as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing(tmp_path):
    fmt = form("h264", "high", size=(320, 180))
    part = segment(tmp_path / "part.mp4", fmt, 0, 30)
    picture = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for size in (100, 5_000, part.stat().st_size - 100):
        with full_disk(size), pytest.raises(VideoError, match="File too large") as error:
            segment(tmp_path / "new.mp4", fmt, 0, 30)
        assert "\n" not in str(error.value)
        with full_disk(size), pytest.raises(VideoError, match="File too large"):
            video.join([part], tmp_path / "out.mp4", fmt, sound=tone(1.0))
        with full_disk(size), pytest.raises(VideoError, match="File too large"):
            video.write_png(tmp_path / "a.png", picture)
    assert list(tmp_path.iterdir()) == [part]


def test_broken_and_foreign_segments_are_refused(tmp_path):
    fmt = form()
    a, b = segments(tmp_path, fmt, 0, 10, 20)
    out = tmp_path / "out.mp4"
    with pytest.raises(ValueError, match="at least one"):
        video.join([], out, fmt)
    with pytest.raises(VideoError, match="No such file"):
        video.join([a, tmp_path / "none.mp4"], out, fmt)
    other = segment(tmp_path / "other.mp4", form("h264", "high"), 0, 5)
    with pytest.raises(VideoError, match="other settings"):
        video.join([a, other], out, fmt)
    with pytest.raises(VideoError, match="other settings"):
        video.join([a, b], out, form(size=(80, 48)))
    with pytest.raises(VideoError, match="another rate"):
        video.join([a, b], out, form(fps=Fraction(24)))
    b.write_bytes(b.read_bytes()[:-300])
    with pytest.raises(VideoError, match="cannot read"):
        video.join([a, b], out, fmt)
    b.write_text("no video")
    with pytest.raises(VideoError, match="cannot read"):
        video.count_frames(b)
    assert sorted(p.name for p in tmp_path.iterdir()) == [a.name, b.name, "other.mp4"]


# ---------------------------------------------------------------- pictures and settings


def test_settings_survive_in_every_kind_of_file(tmp_path):
    settings = {
        "seed": 7,
        "song": "Größe 🎵.mp3",
        "bad name": os.fsdecode(b"\xff"),
        "x": [1.5, None],
    }
    settings["long"] = {f"knob {i}": "ä" * 40 for i in range(1000)}
    assert len(json.dumps(settings, ensure_ascii=False)) > 50_000
    fmt = form()
    part = segment(tmp_path / "part.mp4", fmt, 0, 3)
    video.join([part], tmp_path / "out.mp4", fmt, settings=settings)
    assert video.read_settings(tmp_path / "out.mp4") == settings
    picture = np.zeros((20, 30, 3), np.uint8)
    video.write_png(tmp_path / "a.png", picture, settings)
    assert video.read_settings(tmp_path / "a.png") == settings
    FrameSequence(tmp_path / "frames", settings).write(0, picture)
    assert video.read_settings(tmp_path / "frames") == settings
    with pytest.raises(ValueError, match="JSON"):
        video.write_png(tmp_path / "a.png", picture, {"x": float("nan")})


def test_files_of_others_have_no_settings(tmp_path):
    fmt = form()
    part = segment(tmp_path / "part.mp4", fmt, 0, 3)
    video.write_png(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "text.mp4").write_text("{}")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:20])
    for path in (part, *(tmp_path / n for n in ("a.png", "text.mp4", "empty.png", "cut.png"))):
        with pytest.raises(VideoError, match="not made by"):
            video.read_settings(path)
    with pytest.raises(VideoError, match="no such file"):
        video.read_settings(tmp_path / "none.mp4")
