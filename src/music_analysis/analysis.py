"""An analysis: everything that the analyzers say of one song, from one decode.

Knows the order in which they need one another, the cache and files; what they do is theirs. The
layout of analysis.json is in :mod:`music_analysis.schema`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from music_analysis.chords import Chords
from music_analysis.errors import UserError
from music_analysis.key import Key
from music_analysis.mood import Mood
from music_analysis.structure import Structure
from music_analysis.tempo import Tempo
from music_analysis.windows import SAMPLE_RATE, Floats

if TYPE_CHECKING:
    from music_analysis.audio import Audio
    from music_analysis.song_spectra import SongSpectra

SCHEMA: Final = 1
"""Version of the layout of analysis.json."""
ANALYZERS: Final = "1"
"""Version of the analyzers: what an older one found is found anew."""

OnProgress = Callable[[float], None]
"""Told how much of a song is done, 0 to 1."""


@dataclass(frozen=True)
class Analysis:
    """Everything that the analyzers say of one song."""

    file: str
    """Name of the file, without its folder."""
    title: str | None
    artist: str | None
    duration: float
    """Exact length of the sound, seconds."""
    sound: str
    """SHA-256 of the sound as it is encoded, hexadecimal: the same whatever the tags."""
    analyzers: str
    """Version of the analyzers, and the engine if it is another one."""
    tempo: Tempo
    key: Key
    chords: Chords
    structure: Structure
    mood: Mood
    wave: Floats
    """[W, 2] smallest and largest sample at 20 Hz, for drawing."""


def estimate(
    spectra: SongSpectra,
    *,
    file: str = "",
    title: str | None = None,
    artist: str | None = None,
    sound: str = "",
) -> Analysis:
    """Ask every analyzer about a song that was measured.

    Parameters
    ----------
    spectra
    file, title, artist, sound
        What the analysis says of where its sound is from.
    """
    from music_analysis import chords, harmony, key, mood, structure, tempo

    beats = tempo.estimate(spectra)
    found = chords.estimate(spectra, beats)
    tonality = key.estimate(spectra, beats, found)
    return Analysis(
        file=file,
        title=title,
        artist=artist,
        duration=spectra.duration,
        sound=sound,
        analyzers=ANALYZERS,
        tempo=beats,
        key=tonality,
        chords=harmony.with_roman_numerals(found, tonality),
        structure=structure.estimate(spectra, beats, found),
        mood=mood.estimate(spectra, beats, tonality),
        wave=spectra.wave,
    )


def analyze(
    audio: Audio,
    *,
    cache: bool = True,
    engine: str = "own",
    progress: OnProgress | None = None,
) -> Analysis:
    """Analyze a song, or find what was found before.

    Parameters
    ----------
    audio
        The song (:func:`music_analysis.audio.load`).
    cache
        Whether to look for an earlier analysis of the same sound, and to keep this one.
    engine
        ``"own"``, or one of :data:`music_analysis.engines.ENGINES`, which the user has installed.
    progress
        Told how much is done.

    Returns
    -------
    Analysis
        With numbers as they are written to files, whether it was kept or made.

    Raises
    ------
    UserError
        The sound cannot be read, or the engine is not there.
    """
    from music_analysis.cache import fetch, keep

    version = ANALYZERS if engine == "own" else f"{ANALYZERS}+{engine}"
    # what cannot be shown (half a character of a name that is not UTF-8) stops here
    name = os.fsencode(audio.path.name).decode("utf-8", "replace")
    if cache:
        kept = fetch(audio.sound_hash, version)
        with suppress(UserError):
            if kept is not None:
                found = parse(kept.decode("utf-8", "replace"))
                return replace(found, file=name, title=audio.title, artist=audio.artist)
    if engine == "own":
        made = _listen(audio, name, progress)
    else:
        from music_analysis import engines

        own = analyze(audio, cache=cache, progress=progress)
        made = engines.run(engine, audio, own)
    from music_analysis.schema import analysis_of, document

    whole = document(made)
    if cache:
        keep(audio.sound_hash, version, json.dumps(whole, allow_nan=False).encode())
    return analysis_of(whole)


def _listen(audio: Audio, name: str, progress: OnProgress | None) -> Analysis:
    from music_analysis.song_spectra import measure_song

    spectra = measure_song(audio if progress is None else _Watched(audio, progress))
    return estimate(
        spectra, file=name, title=audio.title, artist=audio.artist, sound=audio.sound_hash
    )


class _Watched:
    """A song that tells how much of it was read."""

    def __init__(self, audio: Audio, progress: OnProgress) -> None:
        self.audio, self.progress, self.path = audio, progress, audio.path

    def blocks(
        self, *, sample_rate: int | None = None, channels: int | None = None
    ) -> Iterator[Floats]:
        """Yield the song's blocks."""
        rate = sample_rate or SAMPLE_RATE
        total, done = max(self.audio.duration, 1.0) * rate, 0
        for block in self.audio.blocks(sample_rate=sample_rate, channels=channels):
            yield block
            done += block.shape[1]
            self.progress(min(1.0, done / total))


def parse(text: str) -> Analysis:
    """Return the analysis that the text of an analysis.json tells of.

    Raises
    ------
    UserError
        What is wrong with it, without its name.
    """
    from music_analysis.schema import analysis_of

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("is not an analysis: it is no JSON, or cut short") from None
    return analysis_of(value)


def load(path: str | Path) -> Analysis:
    """Read an analysis.json, also of an older version.

    Raises
    ------
    UserError
        There is no such file, or it is not an analysis that can be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        return parse(data.decode("utf-8", "replace"))
    except UserError as error:
        raise UserError(f"{path} {error}") from None


def save(analysis: Analysis, path: str | Path) -> None:
    """Write an analysis.json, whole or not at all.

    Raises
    ------
    UserError
        It cannot be written.
    """
    from music_analysis.schema import document, text_of

    write_text(path, text_of(document(analysis)))


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises
    ------
    UserError
        It cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode("utf-8"))
        part.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()
