"""The judge on whole videos: some follow, some do not, some cannot be read."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from afx.judge.activity import lab_of
from afx.judge.judging import Judgment, judge
from afx.judge.reading import look_into, watch
from afx.judge.verdict import as_json, verdict
from afx.judge.viewing import view
from afx.stills import read_settings
from afxcommand import INK, Outcome, afx, made_look
from made_films import (
    RATE,
    SIZE,
    kicks,
    pulse,
    pulsing,
    texture,
    uneven,
    write_film,
    write_song,
)
from music_analysis.errors import UserError
from music_analysis.synth import clicks
from soundfiles import encode

pytest_plugins = ("browser",)

SECONDS = 12.0
TIMES = uneven(SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of kicks without a tempo, and another one."""
    path = tmp_path_factory.mktemp("films")
    write_song(path / "song.wav", kicks(TIMES, SECONDS))
    write_song(path / "other.wav", kicks(uneven(SECONDS, 7), SECONDS))
    return path


def answering(folder: Path, fps: int = 30, shift: float = -0.03, size=SIZE) -> Path:
    path = folder / f"answer-{fps}-{shift}-{size[0]}.mp4"
    if not path.exists():
        strength = pulse(TIMES, SECONDS, fps, shift=shift)
        write_film(path, pulsing(strength, size, fps), fps=Fraction(fps))
    return path


def measures(found: Judgment) -> dict[str, object]:
    return {m.id: m.met for m in verdict(found).measures}


@pytest.mark.parametrize(
    ("fps", "shift", "size"),
    [(30, -0.03, SIZE), (25, -0.03, (72, 128)), (60, 0.1, SIZE), (30, -0.12, SIZE)],
)
def test_a_picture_that_answers_the_drum(folder: Path, fps: int, shift: float, size) -> None:
    film = answering(folder, fps, shift, size)
    found = judge(film, folder / "song.wav", folder / "other.wav")
    assert found.heard.rhythmic
    assert found.hits.r > 0.5
    assert found.hits.sure > 5
    assert found.hits.lag == pytest.approx(shift + 0.5 / fps, abs=1 / fps)
    assert found.hits.follows == (shift == -0.03)
    said = verdict(found)
    assert said.follows == (shift == -0.03)
    word = {0.1: "late", -0.12: "too early"}.get(shift, "in time")
    assert word in said.sentence
    assert found.control is not None
    assert found.control.refused
    assert found.control.link.r < 0.3 * found.hits.r


def test_the_wrong_song(folder: Path) -> None:
    found = judge(answering(folder), folder / "other.wav")
    assert not verdict(found).follows
    assert "not follow" in verdict(found).sentence


def test_pictures_that_do_not_follow(folder: Path) -> None:
    rng = np.random.default_rng(0)
    count = 240
    films = {
        "frozen": [texture(*SIZE)] * count,
        "noise": [rng.random((SIZE[1], SIZE[0])) for _ in range(count)],
        "strobe": [np.full((72, 128), float(k // 3 % 2)) for k in range(count)],
        "random": pulsing(pulse(uneven(SECONDS, 11), SECONDS, 30))[:count],
    }
    found = {}
    for name, frames in films.items():
        path = write_film(folder / f"{name}.mp4", frames)
        found[name] = judge(path, folder / "song.wav")
        assert not verdict(found[name]).follows, name
        assert found[name].hits.r < 0.35, name
    met = {name: measures(each) for name, each in found.items()}
    assert met["frozen"]["freezes"] is False
    assert "hardly moves" in verdict(found["frozen"]).sentence
    assert met["noise"]["pictures"] is False
    assert met["noise"]["smoothness"] is False
    assert met["strobe"]["flashes"] is False
    assert met["strobe"]["dead"] is False
    assert "flashes too much" in verdict(found["strobe"]).sentence
    assert met["random"]["flashes"] is met["random"]["freezes"] is True
    # Every measure speaks, and programs can read all of it.
    assert json.loads(json.dumps(as_json(found["frozen"], verdict(found["frozen"]))))


def test_beats_that_are_seen(folder: Path) -> None:
    beats = np.arange(0.5, SECONDS - 0.3, 60 / 110)
    write_song(folder / "beat.wav", kicks(beats, SECONDS))
    on = write_film(folder / "on.mp4", pulsing(pulse(beats, SECONDS, 30, shift=-0.01)))
    found = judge(on, folder / "beat.wav").beats
    assert found is not None
    assert found.score > 0.75
    off = judge(folder / "answer-30--0.03-128.mp4", folder / "beat.wav").beats
    assert off is not None
    assert abs(off.score) < 0.25


def test_silence_in_the_middle(folder: Path) -> None:
    times = TIMES[(TIMES < 3.5) | (TIMES > 8.5)]
    sound = kicks(times, SECONDS)
    sound[:, 4 * RATE : 8 * RATE] = 0
    path = write_film(folder / "pause.mp4", pulsing(pulse(times, SECONDS, 30)), sound=sound)
    found = judge(path)
    assert found.own_sound
    assert found.silence is not None
    assert found.silence.seconds == pytest.approx(4.7, abs=0.5)
    assert found.silence.ratio > 3
    assert found.silence.idle > 0
    assert measures(found)["silence"] is True
    assert found.hits.r > 0.4


def test_sound_that_starts_after_the_picture(folder: Path) -> None:
    """A stream's own time counts: sound that comes 0.5 s later is heard 0.5 s later."""
    silent, path = answering(folder), folder / "later.mkv"
    strength = kicks(TIMES, SECONDS)[:, RATE // 2 :]
    with av.open(str(silent)) as source, av.open(str(path), "w") as made:
        pictures = made.add_stream_from_template(source.streams.video[0])
        stream = made.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(strength.T.reshape(1, -1).copy(), "flt", "stereo")
        frame.sample_rate, frame.pts = RATE, RATE // 2
        frame.time_base = Fraction(1, RATE)
        resampler = av.AudioResampler("s16", "stereo", RATE)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                made.mux(packet)
        for part in resampler.resample(frame):
            made.mux(stream.encode(part))
        made.mux(stream.encode(None))
    found = judge(path)
    assert found.film.sound_start == pytest.approx(0.5, abs=0.01)
    assert found.hits.r > 0.5
    assert found.hits.lag == pytest.approx(-0.03 + 0.5 / 30, abs=1 / 30)


def test_uneven_frames_are_laid_on_an_even_grid(folder: Path) -> None:
    """Every third picture left out: the rest keeps its time."""
    path = folder / "uneven.mkv"
    strength = pulse(TIMES, SECONDS, 30, shift=-0.03)
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mpeg4", rate=30, options={"qscale": "3"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for k, tones in enumerate(pulsing(strength)):
            if k % 3 != 1:
                picture = np.repeat(np.rint(tones * 220)[..., None], 3, axis=2).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts, frame.time_base = k, Fraction(1, 30)
                made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    film = look_into(path)
    assert not film.even
    assert film.duration == pytest.approx(SECONDS, abs=0.1)
    assert [s.slot for s in watch(film)] == list(range(film.slots))
    found = judge(path, folder / "song.wav")
    assert found.hits.r > 0.4
    assert found.hits.lag == pytest.approx(-0.03 + 0.5 / 30, abs=1.5 / 30)


def timed(path: Path, times: list[float], *, ticks: int = 1000) -> Path:
    """A film whose pictures come at these seconds, each another gray; times in whole ticks."""
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mpeg4", rate=ticks)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, ticks)
        for k, time in enumerate(times):
            picture = np.full((32, 32, 3), 60 + 40 * (k % 4), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("fps", [24, 30, 48, 60, 120])
def test_times_in_whole_milliseconds_keep_their_rate(tmp_path: Path, fps: int) -> None:
    """Matroska rounds times: 16 and 17 ms are 60 frames a second, not 62."""
    film = look_into(timed(tmp_path / "film.mkv", [k / fps for k in range(4 * fps)]))
    assert film.rate == fps
    assert film.slots == film.frames == 4 * fps
    assert film.even


def test_a_picture_that_is_held_for_long_stays_what_it_was(tmp_path: Path) -> None:
    """A slide show: what is measured keeps its time, and a slide is a cut, not a jump."""
    times = [*np.arange(0, 3, 0.1), 15.0, 30.0, *np.arange(31, 34, 0.1)]
    film = look_into(timed(tmp_path / "slides.mkv", times))
    shown = list(watch(film))
    assert [s.slot for s in shown] == list(range(film.slots))
    rate = float(film.rate)
    fresh = [s.slot / rate for s in shown if s.frame is not None]
    assert fresh == pytest.approx(times, abs=1 / rate)
    seen = view(film).activity
    for held in (shown[round(14 * rate)], shown[round(29 * rate)]):
        assert held.frame is None
        light = lab_of(held.rgb)[..., 0]
        assert seen.mean[held.slot] == pytest.approx(light.mean(), abs=1e-6)
    assert seen.change[round(29 * rate)] == 0


def test_a_film_of_years_is_told_before_the_work(tmp_path: Path) -> None:
    times = [*np.arange(0, 4, 0.1), 1e8]
    with pytest.raises(UserError, match="hours by its own word"):
        look_into(timed(tmp_path / "years.mkv", times, ticks=10))


def test_the_same_again(folder: Path) -> None:
    film = answering(folder)
    one, two = (judge(film, folder / "song.wav", folder / "other.wav") for _ in range(2))
    assert as_json(one, verdict(one)) == as_json(two, verdict(two))


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def ours(folder: Path) -> Path:
    made_look(folder / "ink.toml", INK)
    done = afx(
        "render", folder / "song.wav", "--look", folder / "ink.toml", "--size", "128x72",
        "--fps", "24", "--quality", "draft", "--start", "2", "--duration", "8",
        "-o", folder / "ours.mp4",
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "ours.mp4"


def test_our_own_videos_tell_why(folder: Path, ours: Path) -> None:
    found = judge(ours)  # its song lies beside it
    assert found.why is not None
    (scene,) = found.why.scenes
    assert scene.look == "ink"
    assert (scene.start, scene.end) == (0.0, 8.0)
    kick = next(p for p in scene.pulls if (p.source, p.knob) == ("event.kick", "zoom"))
    # The knob's hold is where the kicks are, in the video's time.
    at = np.arange(len(kick.values)) * found.why.step
    near = np.abs(at[:, None] - (TIMES - 2.0)[None]).min(axis=1)
    assert kick.values[near < 0.06].mean() > 2 * kick.values[near > 0.3].mean()
    by_song = judge(ours, folder / "song.wav")
    assert by_song.heard.shift == 2.0  # a video of ours knows where it begins in its song
    assert by_song.hits.lag == pytest.approx(found.hits.lag, abs=0.02)
    copy = folder / "elsewhere" / "copy.mp4"
    copy.parent.mkdir()
    copy.write_bytes(ours.read_bytes())
    lost = judge(copy)
    assert lost.why is None
    assert "song.wav" in lost.why_not
    assert "\n" not in lost.why_not


@pytest.mark.parametrize("wrong", [{"fps": "1/0"}, {"fps": "9999"}, {"start": 1e300}])
def test_settings_made_to_do_harm_do_none(
    folder: Path, ours: Path, tmp_path: Path, wrong: dict[str, object]
) -> None:
    settings = read_settings(ours) | wrong
    film = write_film(
        tmp_path / "copy.mp4", pulsing(pulse(TIMES, 6.0, 30)), settings=settings,
    )  # fmt: skip
    found = judge(film, folder / "song.wav")
    assert found.why is None
    assert "not from a version this one can read" in found.why_not
    assert found.heard.shift == 0.0


@pytest.fixture(scope="module")
def judged(folder: Path, ours: Path) -> tuple[Outcome, Path]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return afx("judge", ours, "--control", "other.wav"), folder / "ours.judge.html"
    finally:
        os.chdir(before)


def test_the_page(folder: Path, ours: Path, judged: tuple[Outcome, Path]) -> None:
    done, page = judged
    assert done.code == 0, done.err
    assert "Moves with the hits" in done.out
    assert max(map(len, (line.rstrip() for line in done.out.splitlines()))) <= 80
    assert "http" not in page.read_text().replace("http-equiv", "")
    mine = folder / "mine.html"
    mine.write_text("mine")
    kept = afx("judge", ours, "-o", mine)
    assert (kept.code, mine.read_text()) == (1, "mine")
    assert "--overwrite" in kept.err
    assert afx("judge", ours, "-o", ours).code == 1
    again = afx("judge", ours, "--json", "-o", page)  # our own page is replaced
    assert again.json["measures"][0]["id"] == "correlation"
    assert again.json["page"] == str(page)


@pytest.mark.browser
def test_the_page_works_in_a_browser(judged: tuple[Outcome, Path], browser) -> None:
    _, target = judged

    def visit(page):
        trouble: list[str] = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: r.url.startswith("http") and trouble.append(r.url))
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(target.as_uri())
        page.wait_for_selector(".pull")
        before = page.inner_text("#now")
        page.focus("#moment")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        after = page.inner_text("#now")
        first = page.inner_text("#why")
        page.locator("#sound").click(position={"x": 200, "y": 20})
        page.click("#theme")
        wide = page.evaluate("document.documentElement.scrollWidth")
        drawn = page.evaluate(
            "['sound','motion','detail'].map((id) => { const c = document.getElementById(id);"
            " const g = c.getContext('2d');"
            " return g.getImageData(0, 0, c.width, c.height).data.some((v) => v) })"
        )
        return trouble, before, after, first, page.inner_text("#why"), wide, drawn

    page = browser.new_page()
    trouble, before, after, first, second, wide, drawn = browser.call(lambda _: visit(page))
    assert trouble == []
    assert before != after == "0:00.1"
    assert "→" in first
    assert first != second
    assert wide <= 390
    assert drawn == [True] * 3


# ---------------------------------------------------------------- what cannot be judged


def test_what_cannot_be_judged_is_said_in_one_line(folder: Path) -> None:
    film = answering(folder)
    text = folder / "text.mp4"
    text.write_text("no video")
    short = write_film(folder / "short.mp4", pulsing(np.zeros(60)))
    cut = folder / "cut.mp4"
    cut.write_bytes(film.read_bytes()[:900])
    brief = write_song(folder / "brief.wav", kicks(np.array([0.5, 1.0]), 5.0))
    cover = encode(folder / "sound.mp3", clicks(120, 4.0, RATE), RATE)
    song = ("--song", folder / "song.wav")
    wrong = {
        (folder / "none.mp4", *song): "no such file",
        (folder, *song): "is a folder",
        (text, *song): "cannot be read as a video",
        (short, *song): "at least 3 are needed",
        (film,): "has no sound; say with --song",
        (film, "--song", brief): "name the whole song",
        (film, *song, "--control", brief): "longer song as a control",
        (film, "--song", folder / "none.wav"): "no such file",
        (cut, *song): "cannot be read as a video",
        (cover,): "without a moving picture",
        (film, *song, "-o", folder / "page.txt"): "name it such as",
        (film, *song, "-o", folder / "no" / "page.html"): "there is no folder",
    }
    for arguments, words in wrong.items():
        said = afx("judge", *arguments, "--json")
        assert said.code == 1, arguments
        assert words in said.err, arguments
        assert len(said.err.splitlines()) == 1
        assert said.out == ""


def test_a_file_that_breaks_off_is_judged_as_far_as_it_goes(folder: Path) -> None:
    source, path = answering(folder), folder / "broken.mkv"
    with av.open(str(source)) as old, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    film = look_into(path)
    assert 4 < film.duration < 11
    assert judge(path, folder / "song.wav").hits.r > 0.4
    path.write_bytes(data[:300])
    with pytest.raises(UserError, match="cannot be read"):
        look_into(path)
