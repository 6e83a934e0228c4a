"""The page of a song: safe, whole, offline; it plays, follows, seeks and explains."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from made_analysis import made_analysis, nothing_analysis
from music_analysis import notation, plots, report, report_data, report_facts, report_sound
from music_analysis.audio import load
from music_analysis.errors import UserError
from soundfiles import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from browser import Browser

pytest_plugins = ("browser",)

LENGTH = 40.0
SONG = made_analysis(LENGTH)
in_browser = pytest.mark.browser


def sound(seconds: float, channels: int = 2) -> np.ndarray:
    """A decaying note a second."""
    t = np.arange(round(seconds * 44_100)) / 44_100
    wave = 0.3 * np.sin(2 * np.pi * 330 * t) * np.exp(-(t % 1) * 4)
    return np.tile(wave.astype(np.float32), (channels, 1))


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("song") / "song.ogg", sound(LENGTH), 44_100)


@pytest.fixture(scope="module")
def page_file(song):
    path = song.with_suffix(".html")
    report.write(SONG, song, path)
    return path


class Opened:
    """A page in the browser, with all that it said and asked for."""

    def __init__(self, browser: Browser, path: Path, width: int = 1400, theme: str = "light"):
        self.browser, self.said, self.asked = browser, [], []

        def start(_, url):
            context = browser._chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme
            )
            page = context.new_page()
            page.on("console", lambda message: self.said.append(message.text))
            page.on("pageerror", lambda error: self.said.append(str(error)))
            page.on("request", lambda request: self.asked.append(request.url))
            page.goto(url)
            page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
            return page

        self.page = browser.call(start, path.as_uri())

    def __call__(self, script: str):
        return self.do(lambda page: page.evaluate(script))

    def do(self, function):
        return self.browser.call(lambda _: function(self.page))

    def text(self, selector: str) -> str:
        return self.do(lambda page: page.inner_text(selector))

    def wait(self, script: str) -> None:
        """Wait until an expression is true; the page's policy forbids Playwright's own way."""
        for _ in range(200):
            if self(script):
                return
            self.do(lambda page: page.wait_for_timeout(50))
        raise AssertionError(f"never came true: {script}")

    def close(self) -> None:
        self.do(lambda page: page.context.close())

    def lane(self, name: str) -> dict[str, float]:
        """Place of a lane's canvas, scrolled into view."""
        place = self.page.locator(f"[data-lane={name}] canvas")

        def find(page):
            place.scroll_into_view_if_needed()
            return place.bounding_box()

        return self.do(find)


@pytest.fixture(scope="module")
def opened_once(browser, page_file):
    page = Opened(browser, page_file)
    yield page
    page.close()


@pytest.fixture
def page(opened_once):
    """The page of the song, at its beginning, at rest."""
    opened_once("document.getElementById('audio').pause()")
    opened_once.do(lambda p: (p.mouse.move(2, 2), p.keyboard.press("Home"), p.keyboard.press("0")))
    opened_once("document.activeElement.blur()")
    opened_once.wait("!document.getElementById('audio').seeking")
    return opened_once


@pytest.fixture
def opened(browser):
    pages = []

    def open_page(path, **kwargs):
        pages.append(Opened(browser, path, **kwargs))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


COLORS = """[...document.querySelectorAll('.lane canvas')].map((canvas) => new Set(
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size)"""
TIME = "document.getElementById('audio').currentTime"


# -- without a browser ---------------------------------------------------------------------------


def payload(text: str, name: str) -> str:
    found = re.search(rf'<script [^>]*id="{name}"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert found
    return found[1]


def test_the_page_holds_the_song_itself(page_file, song):
    text = page_file.read_text()
    assert base64.b64decode(payload(text, "sound")) == song.read_bytes()
    assert page_file.stat().st_size < song.stat().st_size * 4 / 3 + 2_600_000


def test_arrays_come_back_as_they_were(page_file):
    data = json.loads(payload(page_file.read_text(), "data"))
    raw = np.frombuffer(base64.b64decode(data["similarity"]), np.uint8)
    matrix = SONG.structure.bar_similarity
    assert np.allclose(raw.reshape(matrix.shape) / 255, matrix, atol=0.5 / 255 + 1e-6)
    beats = np.frombuffer(base64.b64decode(data["beats"]), "<f4")
    assert np.allclose(beats, SONG.tempo.beats, atol=1e-4)
    assert len(data["chords"]) == len(SONG.chords.segments)
    start, end, kind, numeral, _ = data["chords"][4]
    chord = SONG.chords.segments[4]
    assert (start, end) == (
        pytest.approx(chord.start, abs=1e-3),
        pytest.approx(chord.end, abs=1e-3),
    )
    assert data["kinds"][kind][0] == notation.chord_name(chord.label)
    assert data["romans"][numeral] == chord.roman


def test_the_same_song_gives_the_same_page(page_file, song, tmp_path):
    report.write(SONG, song, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page_file.read_bytes()


@pytest.mark.parametrize("part", plots.PARTS)
def test_a_page_has_the_lanes_and_panels_that_belong_to_it(part, song, tmp_path):
    report.write(SONG, song, tmp_path / "page.html", part)
    text = (tmp_path / "page.html").read_text()
    assert json.loads(payload(text, "data"))["lanes"] == list(report_data.LANES[part])
    for panel, mark in (
        ("sheet", 'class="sheet"'), ("similarity", 'id="similarity"'), ("ranking", 'id="ranking"'),
        ("circle", 'id="circle"'), ("sections", "<table>"), ("tempos", 'id="tempos"'),
    ):  # fmt: skip
        assert (mark in text) == (panel in report_data.PANELS[part]), panel


def test_the_cards_say_how_sure_they_are():
    cards = {card.title: card for card in report_facts.cards(SONG, "analysis")}
    assert cards["Key"].answer == "E♭ major"
    assert cards["Key"].words == "sure"
    assert "Camelot 5B" in cards["Key"].more
    assert cards["Loudness"].answer == "−14.2 LUFS"
    doubt = dataclasses.replace(SONG, key=dataclasses.replace(SONG.key, confidence=0.2))
    card = next(c for c in report_facts.cards(doubt, "key") if c.title == "Key")
    assert card.doubtful
    assert card.words == "not sure"
    assert all(c.answer is None for c in report_facts.cards(nothing_analysis(), "analysis"))


def test_the_chord_sheet_has_every_bar_once_and_every_chord_by_name():
    groups = report_facts.sheet(SONG)
    bars = [bar for _, group in groups for bar in group]
    assert len(groups) == len(SONG.structure.sections)
    assert [bar.number for bar in bars] == list(range(1, len(SONG.tempo.downbeats) + 1))
    assert [bar.start for bar in bars] == pytest.approx(list(SONG.tempo.downbeats))
    named = {index for bar in bars for index, name, _, _ in bar.chords if name != "·"}
    assert named == set(range(len(SONG.chords.segments)))


def test_without_bars_every_chord_is_a_cell():
    none = np.zeros(0)
    tempo = dataclasses.replace(SONG.tempo, downbeats=none, beats=none)
    groups = report_facts.sheet(dataclasses.replace(SONG, tempo=tempo))
    cells = [bar.chords for _, group in groups for bar in group]
    assert [c[0][0] for c in cells] == list(range(len(SONG.chords.segments)))
    assert all(len(c) == 1 for c in cells)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("flac", "audio/flac"), ("ogg", "audio/ogg"),
     ("opus", "audio/ogg"), ("m4a", "audio/mp4"), ("aac", "audio/aac")],
)  # fmt: skip
def test_what_browsers_play_goes_in_as_it_is(suffix, kind, tmp_path):
    rate = 48_000 if suffix == "opus" else 44_100
    path = encode(tmp_path / f"song.{suffix}", sound(1.0), rate)
    made = report_sound.sound_for(path, tmp_path / "page.html", link=False)
    assert made.kind == kind
    assert made.data == path.read_bytes()


@pytest.mark.parametrize("video", [False, True])
def test_other_files_become_aac(video, tmp_path):
    name, codec = ("film.m4a", "aac") if video else ("song.mka", "flac")
    path = encode(tmp_path / name, sound(3.0), 44_100, codec=codec, video=video)
    made = report_sound.sound_for(path, tmp_path / "page.html", link=False)
    assert made.kind == "audio/mp4"
    assert made.data != path.read_bytes()
    again = tmp_path / "again.m4a"
    again.write_bytes(made.data)
    back = load(again)
    assert back.codec == "aac"
    samples = np.concatenate(list(back.blocks(channels=1)), axis=1)[0]
    # the notes begin where they did, to a thousandth of a second
    rises = [int(np.argmax(np.abs(samples[k * 44_100 - 800 :]) > 0.1)) for k in (1, 2)]
    assert np.allclose(rises, 800, atol=100)


def test_a_large_file_is_encoded_and_a_long_one_linked(tmp_path, monkeypatch):
    path = encode(tmp_path / "large.wav", sound(4.0, 1), 44_100)
    monkeypatch.setattr(report_sound, "MOST_BYTES", 100_000)
    made = report_sound.sound_for(path, tmp_path / "page.html", link=False)
    assert made.kind == "audio/mp4"
    assert len(made.data) < 100_000
    monkeypatch.setattr(report_sound, "_LONGEST", 3.0)
    assert report_sound.sound_for(path, tmp_path / "p.html", link=False).link == "./large.wav"


def test_a_link_is_relative_and_quoted(tmp_path):
    folder = tmp_path / "my songs"
    folder.mkdir()
    path = encode(folder / "50% of #1: für.wav", sound(0.1), 44_100)
    (tmp_path / "out").mkdir()
    made = report_sound.sound_for(path, tmp_path / "out" / "page.html", link=True)
    assert made.link == "./../my%20songs/50%25%20of%20%231%3A%20f%C3%BCr.wav"
    assert made.data == b""


def test_a_page_that_breaks_off_leaves_the_old_one(song, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def breaks(data):
        raise RuntimeError("power cut")

    report._plotly()  # it is encoded once a process, and not what is to break here
    monkeypatch.setattr(report.base64, "b64encode", breaks)
    monkeypatch.setattr(report, "_page", lambda *_: (b"", b""))
    with pytest.raises(RuntimeError, match="power cut"):
        report.write(SONG, song, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_mistakes_are_named(song, tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        report.write(SONG, song, tmp_path / "nowhere" / "page.html")
    with pytest.raises(UserError, match="no such file"):
        report.write(SONG, tmp_path / "gone.mp3", tmp_path / "page.html")
    with pytest.raises(ValueError, match="part must be"):
        report.write(SONG, song, tmp_path / "page.html", "mood")  # type: ignore[arg-type]


# -- in a browser --------------------------------------------------------------------------------


@in_browser
@pytest.mark.parametrize(
    ("part", "case"), [*((part, "song") for part in plots.PARTS), ("analysis", "nothing")]
)
def test_every_page_opens_without_errors_and_without_network(opened, part, case, song, tmp_path):
    path = tmp_path / "page.html"
    report.write(SONG if case == "song" else nothing_analysis(), song, path, part)
    page = opened(path)
    assert page.said == []
    assert page.text("#trouble") == ""
    assert [url for url in page.asked if not url.startswith(("blob:", "data:"))] == [path.as_uri()]
    drawn = page(COLORS)
    assert len(drawn) == len(report_data.LANES[part]) + 1
    assert min(drawn) > 2
    if case == "nothing":
        assert "not sure" in page.text(".cards")
        assert "not enough to tell" in page.text(".cards")
    else:
        charts = {"similarity", "ranking", "circle", "tempos"} & set(report_data.PANELS[part])
        assert page("document.querySelectorAll('.js-plotly-plot').length") == len(charts)


@in_browser
def test_it_plays_and_shows_the_moment(page):
    head = "document.querySelector('.over .head').getBoundingClientRect().left"
    page(f"{TIME} = 17.2")
    page.wait("!document.getElementById('audio').seeking")
    before = page(head)
    page.do(lambda p: p.keyboard.press(" "))
    page.wait(f"{TIME} > 17.9")
    width = page("document.querySelector('[data-lane=chords] canvas').clientWidth")
    # on a busy machine frames may be late: the playhead is never ahead, and it comes
    page.wait(f"{head} > {before + 0.5 / LENGTH * width}")
    now, after = page(f"[{TIME}, {head}]")
    assert after - before <= (now - 17.2 + 0.15) / LENGTH * width
    assert page("document.querySelector('#play').getAttribute('aria-label')") == "Pause"
    page.do(lambda p: p.keyboard.press(" "))
    page.wait("document.getElementById('audio').paused")
    page.do(lambda p: p.wait_for_timeout(200))
    time = page(TIME)
    assert page(head) == pytest.approx(before + (time - 17.2) / LENGTH * width, abs=1)
    chord = next(c for c in SONG.chords.segments if c.start <= time < c.end)
    section = next(s for s in SONG.structure.sections if s.start <= time < s.end)
    assert page.text("#chord") == notation.chord_name(chord.label)
    assert page.text("#numeral") == chord.roman
    assert page.text("#section").startswith(f"{section.label} · {section.name}")
    bar = int(np.searchsorted(SONG.tempo.downbeats, time, side="right"))
    inside = (SONG.tempo.beats >= SONG.tempo.downbeats[bar - 1]) & (SONG.tempo.beats <= time)
    assert page.text("#count") == f"{bar}:{inside.sum()}"
    lit = page("document.querySelector('.cell button.now b').textContent")
    assert lit in {notation.chord_name(chord.label), "·"}
    assert page.text("tr.now td") == section.label
    stands = page("document.querySelector('.cross').getBoundingClientRect().width")
    assert stands == pytest.approx(2)


@in_browser
@pytest.mark.parametrize("lane", ["sections", "chords", "beats", "tempo", "loudness", "key"])
def test_a_click_in_a_lane_seeks(page, lane):
    place = page.lane(lane)
    x, y = place["x"] + 0.6 * place["width"], place["y"] + place["height"] / 2
    page.do(lambda p: p.mouse.click(x, y))
    assert page(TIME) == pytest.approx(0.6 * LENGTH, abs=0.1)
    assert page.text("#now") == notation.clock(int(0.6 * LENGTH))


@in_browser
def test_hovering_tells_what_is_there(page):
    chord = SONG.chords.segments[5]
    middle = (chord.start + chord.end) / 2
    place = page.lane("chords")
    x, y = place["x"] + middle / LENGTH * place["width"], place["y"] + 20
    page.do(lambda p: p.mouse.move(x, y))
    tip = page.text("#tip")
    assert f"{notation.chord_name(chord.label)} ({chord.roman})" in tip
    assert notation.clock(middle) in tip
    assert f"{100 * chord.confidence:.0f} % sure" in tip
    page.do(lambda p: p.mouse.move(5, 5))
    assert not page.do(lambda p: p.is_visible("#tip"))


@in_browser
def test_the_matrix_tells_and_jumps(page):
    page.do(lambda p: p.locator("#similarity").scroll_into_view_if_needed())
    box = page.do(lambda p: p.locator("#similarity .nsewdrag").first.bounding_box())
    x, y = box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"]
    page.do(lambda p: p.mouse.move(x - 3, y))
    page.do(lambda p: p.mouse.move(x, y, steps=3))
    page.wait("!document.getElementById('tip').hidden")
    assert "% alike" in page.text("#tip")
    page.do(lambda p: p.mouse.click(x, y))
    page.wait(f"{TIME} > 1")
    borders = SONG.structure.bar_times
    at = borders[0] + 0.7 * (borders[-1] - borders[0])
    assert page(TIME) == pytest.approx(borders[borders <= at][-1], abs=0.1)


@in_browser
def test_keys_zoom_and_following(page):
    press = lambda key: page.do(lambda p: p.keyboard.press(key))  # noqa: E731
    press("ArrowRight")
    assert page(TIME) == pytest.approx(SONG.tempo.downbeats[0], abs=0.02)
    press("ArrowRight")
    assert page(TIME) == pytest.approx(SONG.tempo.downbeats[1], abs=0.02)
    press("Shift+ArrowRight")
    assert page(TIME) == pytest.approx(SONG.structure.sections[1].start, abs=0.02)
    press("Home")
    press("+")
    press("+")
    place = page.lane("tempo")
    page.do(lambda p: p.mouse.click(place["x"] + 0.8 * place["width"], place["y"] + 9))
    assert page(TIME) == pytest.approx(0.8 * LENGTH / 4, abs=0.1)
    # the page turns when the playhead leaves
    press(" ")
    page.wait(f"{TIME} > {0.92 * LENGTH / 4}")
    page.do(lambda p: p.wait_for_timeout(500))
    head = page("document.querySelector('.over .head').getBoundingClientRect().left")
    assert head < place["x"] + 0.6 * place["width"]
    press(" ")
    press("0")
    page.do(lambda p: p.mouse.click(place["x"] + 0.5 * place["width"], place["y"] + 9))
    assert page(TIME) == pytest.approx(LENGTH / 2, abs=0.1)


@in_browser
def test_a_section_and_a_chord_play_from_where_they_begin(page):
    page.do(lambda p: p.click("tr[data-section='1'] td:nth-child(3)"))
    page.wait("!document.getElementById('audio').paused")
    start = SONG.structure.sections[1].start
    assert start - 0.05 <= page(TIME) < start + 2
    page.do(lambda p: p.keyboard.press(" "))
    page.do(lambda p: p.click(".cell:nth-child(4) button"))
    assert page(TIME) == pytest.approx(SONG.tempo.downbeats[3], abs=0.05)


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_light_and_dark(opened, song, tmp_path, theme):
    path = tmp_path / "page.html"
    report.write(SONG, song, path, "key")
    page = opened(path, theme=theme)
    paper = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert (page(paper) < 60) == (theme == "dark")
    page.do(lambda p: p.click("#theme"))
    assert (page(paper) < 60) == (theme == "light")
    assert page.said == []


@in_browser
def test_a_malicious_name_is_only_text(opened, song, tmp_path):
    bad = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\"'{{7*7}}"
    path = tmp_path / "page.html"
    report.write(made_analysis(LENGTH, title=bad, artist=bad, file=bad), song, path)
    page = opened(path)
    assert page("window.hacked") is None
    assert page("document.querySelector('h1').textContent") == bad
    assert page("document.querySelectorAll('img').length") == 0
    assert page.said == []
    # and what might get in some day does not run: the page's policy forbids it
    page("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked=1\">')")
    page.do(lambda p: p.wait_for_timeout(100))
    assert page("window.hacked") is None


@in_browser
def test_a_phone_is_wide_enough(opened, song, tmp_path):
    path = tmp_path / "page.html"
    report.write(made_analysis(LENGTH, title="Donaudampfschiffahrt" * 4), song, path)
    page = opened(path, width=380)
    assert page("document.documentElement.scrollWidth") <= 380
    assert page("document.querySelector('.dock').scrollWidth") <= 380


@in_browser
@pytest.mark.parametrize("suffix", ["mp3", "flac", "opus", "mka"])
def test_every_kind_of_file_plays(opened, suffix, tmp_path):
    rate = 48_000 if suffix == "opus" else 44_100
    path = encode(tmp_path / f"song.{suffix}", sound(5.0), rate)
    report.write(made_analysis(5.0), path, tmp_path / "page.html", "chords")
    page = opened(tmp_path / "page.html")
    page.wait("document.getElementById('audio').readyState > 0")
    assert page("document.getElementById('audio').duration") == pytest.approx(
        load(path).duration, abs=0.1
    )
    page.do(lambda p: p.keyboard.press(" "))
    page.wait(f"{TIME} > 0.3")
    assert page.text("#trouble") == ""


@in_browser
def test_a_linked_song_plays_and_a_lost_one_is_missed(opened, tmp_path):
    path = encode(tmp_path / "my #1 song.ogg", sound(5.0), 44_100)
    report.write(made_analysis(5.0), path, tmp_path / "page.html", "chords", link_audio=True)
    assert (tmp_path / "page.html").stat().st_size < 2_600_000
    page = opened(tmp_path / "page.html")
    page.do(lambda p: p.keyboard.press(" "))
    page.wait(f"{TIME} > 0.3")
    path.unlink()
    lost = opened(tmp_path / "page.html")
    lost.wait("document.getElementById('trouble').textContent")
    assert "not where this page looks for it: ./my" in lost.text("#trouble")
