"""Stems and macros: what people add to a song's own sources, and what is said to them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from afx.added_sources import attach_stems, check_heard, macro_values
from afx.compose import compose
from afx.job import Attached, Job
from afx.judge.why import _pulls
from afx.look import Look
from afx.routes import Grip
from afx.sources import Sources
from afx.stems import listen_to_stems
from afxcommand import SMALL, afx, made_song
from made_music import MadeSummary, silence, song, with_tracks
from music_analysis.audio import load
from music_analysis.errors import UserError
from music_analysis.listening import listen, listen_to_part
from music_analysis.synth import clicks, write_wav
from music_analysis.synth import silence as hush

RATE = 22_050
FPS = Fraction(30)
SECONDS = 3.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stems")
    made_song(path / "song.wav", SECONDS)
    write_wav(path / "drums.wav", clicks(120, SECONDS, RATE, first=0.25), RATE)
    return path


@pytest.fixture(scope="module")
def features(folder):
    return listen(load(folder / "song.wav"), FPS).features


def job(folder: Path, **stems: Path) -> Job:
    attached = {name: Attached(path=str(path), sha256="0") for name, path in stems.items()}
    return Job(song=str(folder / "song.wav"), song_sha256="0", looks={"x": ""}, stems=attached)


def look(*sources: str) -> Look:
    routes = [{"source": s, "knob": "zoom", "depth": 0.1 + k} for k, s in enumerate(sources)]
    return Look.model_validate(
        {"name": "mine", "title": "M", "pattern": "ink", "palette": "dusk", "routes": routes}
    )


# --- listening -----------------------------------------------------------------------------------


def test_a_stem_has_its_own_sound_on_the_beats_of_the_song(folder, features):
    found = listen_to_stems(job(folder, drums=folder / "drums.wav"), features)["drums"]
    assert found.frames == features.frames
    assert found.beats == features.beats
    assert all(len(track) == features.frames for track in found.tracks.values())
    hits = Sources(features, stems={"drums": found}, lead=0.0)["stem.drums.hit"]
    for beat in np.arange(0.25, SECONDS, 0.5):
        frame = round(beat * FPS)
        assert hits[frame - 1 : frame + 2].max() > 0.8
        assert hits[frame + 6 : frame + 9].max() < 0.5


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 6)])
def test_another_rate_and_other_channels_are_fine(folder, features, rate, channels):
    path = folder / f"drums{rate}.wav"
    write_wav(path, np.repeat(clicks(120, SECONDS, rate, first=0.25), channels, axis=0), rate)
    paths = {"same": folder / "drums.wav", "other": path}
    found = listen_to_stems(job(folder, **paths), features)
    hits = [found[name].tracks["hit.all"] for name in paths]
    assert np.abs(hits[0] - hits[1]).max() < 0.25
    assert np.corrcoef(*hits)[0, 1] > 0.97


@pytest.mark.parametrize("seconds", [SECONDS - 0.9, SECONDS + 0.9])
def test_a_stem_a_little_off_is_cut_or_followed_by_silence(folder, features, seconds):
    path = folder / f"about{seconds:g}.wav"
    write_wav(path, clicks(120, seconds, RATE), RATE)
    found = listen_to_stems(job(folder, a=path), features)["a"]
    assert {len(track) for track in found.tracks.values()} == {features.frames}
    if seconds < SECONDS:
        assert (found.tracks["level.all"][int(seconds * FPS) + 1 :] == 0).all()


def test_silence_is_fine(folder, features):
    path = folder / "silence.wav"
    write_wav(path, hush(SECONDS, RATE), RATE)
    stems = listen_to_stems(job(folder, quiet=path), features)
    sources = Sources(features, stems=stems)
    for part in ("", ".hit", ".event", ".slow", ".bass", ".air"):
        assert (sources[f"stem.quiet{part}"] == 0).all()


def test_what_was_kept_is_what_was_made(folder, features):
    audio = load(folder / "drums.wav")
    first = listen_to_part(audio, FPS, features.beats)
    again = listen_to_part(audio, FPS, features.beats)
    fresh = listen_to_part(audio, FPS, features.beats, cache=False)
    for name, track in fresh.tracks.items():
        np.testing.assert_array_equal(track, first.tracks[name])
        np.testing.assert_array_equal(track, again.tracks[name])
    shifted = replace(features.beats, beats=features.beats.beats + 0.1)
    moved = listen_to_part(audio, FPS, shifted)
    assert moved.beats is shifted
    np.testing.assert_array_equal(moved.tracks["hit.all"], fresh.tracks["hit.all"])


def test_what_cannot_be_used_is_one_line(folder, features):
    def told(**stems: Path) -> str:
        with pytest.raises(UserError) as raised:
            listen_to_stems(job(folder, **stems), features)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    write_wav(folder / "long.wav", clicks(120, 5.0, RATE), RATE)
    (folder / "text.wav").write_text("no sound")
    assert told(keys=folder / "long.wav") == (
        "--stem keys: long.wav lasts 5.0 seconds and the song 3.0:"
        " a stem is as long as the song, from its start"
    )
    assert told(a=folder / "text.wav").startswith("--stem a: ")
    assert "no such file" in told(a=folder / "none.wav")


# --- sources -------------------------------------------------------------------------------------


def test_a_stem_is_read_ahead_and_its_events_are_thinned():
    frames = 300
    ramp, hits = np.linspace(0, 1, frames), np.zeros(frames)
    hits[::3] = 0.9
    part = with_tracks(silence(10.0), level__all=ramp, hit__all=hits)
    sources = Sources(silence(10.0), stems={"lead": part})
    assert sources["stem.lead"][100] == pytest.approx(ramp[100] + 1.2 / 299, abs=1e-4)
    where = np.flatnonzero(sources["stem.lead.event"])
    assert 20 <= len(where) <= 31
    assert np.diff(where).min() >= 10


def test_stems_by_their_usual_names_stand_in_for_the_mix():
    loud = np.full(300, 0.7)
    hits = np.zeros(300)
    hits[150] = 0.9
    drums = with_tracks(silence(10.0), hit__kick=hits, level__bass=loud)
    plain, found = Sources(silence(10.0)), Sources(silence(10.0), stems={"drums": drums})
    assert plain["event.kick"].max() == 0
    assert np.flatnonzero(found["event.kick"]).tolist() == [149]
    assert found["hit.kick"].max() == pytest.approx(0.9, abs=0.2)
    assert (found["level.bass"] == 0).all()
    bass = Sources(silence(10.0), stems={"bass": drums})
    assert bass["level.bass"] == pytest.approx(0.7, abs=1e-4)
    assert bass["event.kick"].max() == 0


def test_a_stem_that_was_not_given_is_asked_for():
    def composed(*sources: str, **given):
        return compose(
            song("AB"), look(*sources), seed=1, summarize=lambda *_: MadeSummary(), **given
        )

    with pytest.raises(UserError) as raised:
        composed("0.5*stem.drums.hit + bass")
    assert str(raised.value) == (
        "the look listens to stem.drums.hit, and there is no stem 'drums':"
        " give it with --stem drums=FILE"
    )
    assert composed("stem.drums.hit", stems={"drums": song("BA")}).frames


# --- what people say -----------------------------------------------------------------------------


def test_stems_are_named_and_found(folder):
    drums = str(folder / "drums.wav")
    found = attach_stems({"drums": drums, "lead-vox": drums})
    assert set(found) == {"drums", "lead_vox"}
    assert found["drums"].path == drums
    for name in ("lead vox", "a.b", "a/b", "ö", "-x" * 40, "=", "a\nb"):
        with pytest.raises(UserError, match="a stem's name is a word") as raised:
            attach_stems({name: drums})
        assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match="there are two stems 'lead_vox'"):
        attach_stems({"lead-vox": drums, "lead_vox": drums})
    with pytest.raises(UserError, match=r"--stem a: .*: no such file"):
        attach_stems({"a": "nothing.wav"})


def test_macros_are_numbers():
    assert macro_values({"1": "0.8", "8": "1", "02": "0"}) == {1: 0.8, 8: 1.0, 2: 0.0}
    for name in ("9", "0", "x", "-1", "1.5", "²", "99999999999"):
        with pytest.raises(UserError, match="macros are numbered 1 to 8"):
            macro_values({name: "1"})
    for text in ("2", "-0.1", "nan", "inf", "loud", "0,5"):
        with pytest.raises(UserError, match="a macro's value is a number from 0 to 1"):
            macro_values({"1": text})
    with pytest.raises(UserError, match="macro 1 is said twice"):
        macro_values({"1": "0", "01": "1"})
    for wrong in ({9: 0.5}, {1: 2.0}):
        with pytest.raises(ValidationError):
            Job(song="x", song_sha256="0", looks={"x": ""}, macros=wrong)


def test_nothing_is_given_or_missed_in_vain():
    mine = {"mine": look("stem.vox.hit + macro.2", "bass")}
    check_heard(mine, {"vox"}, {2})
    check_heard(mine, {"vox", "drums", "bass", "vocals"}, set())
    with pytest.raises(UserError, match=r"the look mine listens to stem\.vox\.hit: give this"):
        check_heard(mine, {"drums"}, set())
    with pytest.raises(UserError, match=r"--stem keys: no look in play listens to stem\.keys"):
        check_heard(mine, {"vox", "keys"}, set())
    with pytest.raises(UserError, match=r"--macro 1: no look in play listens to macro\.1"):
        check_heard(mine, {"vox"}, {1})


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--macro", "9=1"), "--macro 9=1: macros are numbered 1 to 8, as in 1=0.8"),
        (("--macro", "x=1"), "--macro x=1: macros are numbered 1 to 8, as in 1=0.8"),
        (("--macro", "1=2"), "--macro 1=2: a macro's value is a number from 0 to 1"),
        (("--macro", "1"), "--macro '1': write a name, = and a value"),
        (("--stem", "drums"), "--stem 'drums': write a name, = and a value"),
        (("--stem", "a=x.wav", "--stem", "a=y.wav"), "--stem a: said twice"),
        (("--stem", "drums=none.wav"), "--stem drums: none.wav: no such file"),
    ],
)
def test_the_command_says_what_is_wrong(folder, options, line):
    said = afx("render", folder / "song.wav", *SMALL, *options)
    assert said.code == 1
    assert said.err == f"afx: {line}\n"


def test_why_it_moved_tells_of_stems_and_macros():
    mine = look("stem.drums.event", "macro.3*bass")
    sources = Sources(song("AB"), stems={"drums": song("BA")}, macros={3: 0.5})
    pulls = _pulls(mine, Grip(sources), np.arange(0, sources.frames, 7))
    told = {pull.source: pull.source_words for pull in pulls if pull.knob == "zoom"}
    assert told["stem.drums.event"] == "stem drums: its onsets, at most three a second"
    assert told["macro.3*bass"] == "set by hand: --macro 3=0.8; loudness: bass"
