"""Sound that is missing, damaged, cut short or none at all: one clear line, or what is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from music_analysis.audio import load
from music_analysis.errors import UserError
from soundfiles import decode, encode, pitch_of, raw_wav, sine


def bad_text(folder: Path) -> Path:
    path = folder / "notes.mp3"
    path.write_text("These are only words, and no music at all.\n" * 200)
    return path


def bad_bytes(folder: Path) -> Path:
    path = folder / "zeros.flac"
    path.write_bytes(bytes(5_000))
    return path


def bad_empty(folder: Path) -> Path:
    path = folder / "empty.mp3"
    path.touch()
    return path


def bad_missing(folder: Path) -> Path:
    (folder / "My Song.mp3").touch()
    return folder / "my songs.mp3"


def bad_video(folder: Path) -> Path:
    path = folder / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 90, np.uint8), "yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def bad_wav(samples: NDArray[np.generic], rate: int) -> Callable[[Path], Path]:
    return lambda folder: raw_wav(folder / "a.wav", samples, rate)


def cut_m4a(folder: Path) -> Path:
    whole = encode(folder / "cut.m4a", sine(440, 2.0, 44_100), 44_100).read_bytes()
    (folder / "cut.m4a").write_bytes(whole[: len(whole) // 2])  # its index comes last
    return folder / "cut.m4a"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (bad_missing, "no such file; did you mean My Song.mp3?"),
        (lambda folder: folder / "nowhere" / "a.mp3", "no such file \\(nor a folder"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: folder / ("x" * 300), "cannot be read"),
        (lambda folder: folder / "a\0b.wav", "cannot be read|no such file"),
        (bad_empty, "is empty"),
        (bad_text, "cannot be read as sound"),
        (bad_bytes, "cannot be read as sound"),
        (bad_video, "without sound"),
        (cut_m4a, "cut short"),
        (bad_wav(np.zeros(0, np.int16), 44_100), "holds no sound"),
        (bad_wav(np.zeros(100, np.int16), 1), "sample rate is 1 Hz; 8 to 192 kHz"),
        (bad_wav(np.zeros(100, np.int16), 384_000), "384,000 Hz; 8 to 192 kHz"),
        (bad_wav(np.zeros(100, np.int16), 0), "a.wav"),
        (bad_wav(np.zeros((9, 100), np.int16), 44_100), "9 channels; up to 8"),
    ],
)
def test_bad_input_gets_one_clear_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], Path], says: str
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        load(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="permissions and pipes are POSIX matters")
def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = raw_wav(tmp_path / "a.wav", np.ones(100, np.int16), 44_100)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # root may read everything, so refuse by hand
        patch.setattr(Path, "open", refuse)
        with pytest.raises(UserError, match="may not be read; change its permissions"):
            load(path)
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="is not a file"):
        load(pipe)


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "opus", "wav", "aac", "mka"])
def test_a_file_cut_short_plays_up_to_the_cut(tmp_path: Path, kind: str) -> None:
    path = encode(tmp_path / f"a.{kind}", sine(440, 2.0, 48_000), 48_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    sound = decode(load(path))
    assert 0.3 < sound.shape[1] / 48_000 < 1.8
    assert pitch_of(sound[0, 2_000:14_000], 48_000) == pytest.approx(440, abs=5)


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "opus", "m4a", "aac"])
def test_damage_in_the_middle_is_left_out(tmp_path: Path, kind: str) -> None:
    path = encode(tmp_path / f"a.{kind}", sine(440, 2.0, 48_000), 48_000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    rng = np.random.default_rng(5)
    data[middle : middle + 600] = rng.integers(0, 256, 600, np.uint8).tobytes()
    path.write_bytes(bytes(data))
    sound = decode(load(path))
    assert 1.0 < sound.shape[1] / 48_000 < 2.1
    assert np.isfinite(sound).all()


@settings(max_examples=40, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=400), suffix=st.sampled_from(["mp3", "wav", "ogg", "m4a"])
)
def test_junk_is_refused_or_read_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("junk") / f"junk.{suffix}"
    path.write_bytes(data)
    try:
        sound = decode(load(path))
    except UserError:
        return
    assert np.isfinite(sound).all()


def test_joined_recordings_of_different_shapes_play_as_one(tmp_path: Path) -> None:
    first = encode(tmp_path / "a.mp3", sine(440, 4.0, 44_100), 44_100).read_bytes()
    second = encode(tmp_path / "b.mp3", sine(440, 1.0, 22_050, 1), 22_050).read_bytes()
    path = tmp_path / "joined.mp3"
    path.write_bytes(first + second)
    audio = load(path)
    sound = decode(audio)
    rate = audio.sample_rate
    assert rate in {44_100, 22_050}  # which of the two FFmpeg names depends on how far it looks
    assert sound.shape == (2, pytest.approx(5 * rate, abs=0.15 * rate))
    for at in (1, 4.3):
        part = sound[0, int(at * rate) : int((at + 0.4) * rate)]
        assert pitch_of(part, rate) == pytest.approx(440, abs=4)


def test_a_file_that_changes_underneath_is_noticed(tmp_path: Path) -> None:
    audio = load(raw_wav(tmp_path / "a.wav", np.ones(100, np.int16), 44_100))
    raw_wav(tmp_path / "a.wav", np.ones(100, np.int16), 48_000)
    with pytest.raises(UserError, match="changed while"):
        decode(audio)
    (tmp_path / "a.wav").unlink()
    with pytest.raises(UserError, match="no such file"):
        decode(audio)
