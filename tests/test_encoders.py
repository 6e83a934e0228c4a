"""What may be asked of a video, what is refused and how, and which encoder is chosen."""

from fractions import Fraction

import pytest

from afx import encoders, video
from afx.video import VideoError, VideoFormat


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1280x720", (1280, 720)),
        (" 640 X 360 ", (640, 360)),
        ("16x16", (16, 16)),
        ("720p", (1280, 720)),
        ("1080p", (1920, 1080)),
        ("4K", (3840, 2160)),
        ("vertical", (1080, 1920)),
        ("square", (1080, 1080)),
    ],
)
def test_sizes_are_read(text, size):
    assert video.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0x0", "16 to 8192"),
        ("1281x721", "odd sizes are not possible in yuv420p: use 1282x722"),
        ("100000x720", "16 to 8192"),
        ("8192x8192", "at most 8192x4352"),
        ("720", "use 1280x720"),
        ("-64x48", "use 1280x720"),
        ("big", "use 1280x720"),
        ("", "use 1280x720"),
        ("64x48x3", "use 1280x720"),
        ("９６x９６", "use 1280x720"),
    ],
)
def test_impossible_sizes_say_what_to_write(text, says):
    with pytest.raises(VideoError, match=says) as error:
        video.parse_size(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("30", Fraction(30)),
        ("24", Fraction(24)),
        ("12.5", Fraction(25, 2)),
        ("30000/1001", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("120", Fraction(120)),
    ],
)
def test_rates_are_read(text, fps):
    assert video.parse_fps(text) == fps


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0", "12 to 120"),
        ("1000", "12 to 120"),
        ("-30", "positive"),
        ("30/0", "divides by zero"),
        ("nan", "30000/1001"),
        ("fast", "30000/1001"),
        ("30.00001", "too odd"),
        ("", "30000/1001"),
    ],
)
def test_impossible_rates_say_what_to_write(text, says):
    with pytest.raises(VideoError, match=says):
        video.parse_fps(text)


def test_a_format_checks_itself():
    with pytest.raises(VideoError, match="odd sizes"):
        VideoFormat(63, 48, Fraction(30))
    with pytest.raises(VideoError, match="12 to 120"):
        VideoFormat(64, 48, Fraction(1000))
    with pytest.raises(VideoError, match="h264, h265 or av1"):
        VideoFormat(64, 48, Fraction(30), "vp9")
    with pytest.raises(VideoError, match="draft, standard or high"):
        VideoFormat(64, 48, Fraction(30), "h264", "best")
    with pytest.raises(VideoError, match="AV1 needs at least 32"):
        VideoFormat(16, 256, Fraction(30), "av1", "draft", "libsvtav1")
    with pytest.raises(VideoError, match="does not make av1"):
        VideoFormat(64, 48, Fraction(30), "av1", "draft", "libx264")


def test_encoders_are_chosen_by_what_works(monkeypatch):
    assert video.choose_encoder("h264", 1280, 720, hardware=False) == "libx264"
    with pytest.raises(VideoError, match="unknown codec"):
        video.choose_encoder("vp9", 1280, 720)
    works = {"h264_qsv", "libx264"}
    monkeypatch.setattr(encoders, "encodes", lambda _, name: name in works)
    assert video.choose_encoder("h264", 1280, 720, hardware=True) == "h264_qsv"
    assert video.choose_encoder("h264", 1280, 720) == "libx264"  # unless it is asked for
    assert video.choose_encoder("h264", 64, 48, hardware=True) == "libx264"
    assert video.choose_encoder("h264", 8192, 4096, hardware=True) == "libx264"
    with pytest.raises(VideoError, match="cannot encode av1"):
        video.choose_encoder("av1", 1280, 720)


def test_probing_hardware_is_quiet(capfd):
    for codec in video.CODECS:
        assert video.choose_encoder(codec, 640, 360, hardware=True) in (
            encoders._SOFTWARE[codec],
            *encoders._HARDWARE[codec],
        )
    assert capfd.readouterr() == ("", "")
