"""Analyses written by hand: rich ones and one that knows nothing, for tests of what shows them.

No analyzer runs here, so that pictures, pages and files can be tested alone and at once. The song
of :func:`made_analysis` is in E flat major at 120 bpm in 4/4, with verses, choruses and a bridge, a
last chorus in F major, one build, one drop, and a tempo that breathes a little.
"""

from __future__ import annotations

import itertools

import numpy as np

from music_analysis.analysis import ANALYZERS, Analysis
from music_analysis.chords import Chord, Chords
from music_analysis.key import Key, KeyCandidate, KeySegment, Modulation
from music_analysis.mood import Mood
from music_analysis.structure import Event, Section, Structure
from music_analysis.tempo import Tempo, TempoAlternative

BPM = 120.0
FORM = (  # name, letter, bars; played over and over until the song is long enough
    ("intro", "A", 4),
    ("verse", "B", 8),
    ("chorus", "C", 8),
    ("verse", "B'", 8),
    ("chorus", "C", 8),
    ("bridge", "D", 8),
    ("solo", "B''", 8),
    ("break", "E", 4),
    ("chorus", "C'", 8),
)
PROGRESSIONS = {  # roman numeral, semitones above the tonic, quality
    "A": (("I", 0, "maj"), ("IV", 5, "maj7")),
    "B": (("I", 0, "maj"), ("vi7", 9, "min7"), ("ii", 2, "min"), ("V7", 7, "7")),
    "C": (("IV", 5, "maj"), ("V6", 7, "maj/3"), ("iii", 4, "min"), ("vi", 9, "min")),
    "D": (("ii", 2, "min"), ("V7/V", 2, "7"), ("Vsus4", 7, "sus4"), ("viio", 11, "dim")),
    "E": (("N", 0, "N"),),
}
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINORS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_TONES = {"maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "7": (0, 4, 7), "N": ()}


def made_analysis(
    duration: float = 180.0,
    *,
    title: str | None = "Harbor at Dawn",
    artist: str | None = "The Tide Tables",
    file: str = "harbor-at-dawn.ogg",
) -> Analysis:
    """Make a song of which everything is known; ``duration`` in seconds, 4 or more."""
    noise = np.random.default_rng(7)
    beats = _beats(duration)
    downbeats = beats[::4]
    sections, bars = _sections(duration, downbeats)
    last = max(len(sections) - 1, 1)
    lift = sections[last].start if len(sections) > 1 else duration
    chords = _chords(duration, beats, bars, lift, noise)
    return Analysis(
        file=file,
        title=title,
        artist=artist,
        duration=duration,
        sound="5e" * 32,
        analyzers=ANALYZERS,
        tempo=_tempo(beats, downbeats),
        key=_key(duration, lift),
        chords=chords,
        structure=_structure(duration, beats, downbeats, sections, chords, noise),
        mood=_mood(duration),
        wave=_wave(duration, sections, noise),
    )


def nothing_analysis(
    duration: float = 2.0, *, title: str | None = None, file: str = "hum.wav"
) -> Analysis:
    """Make a song of which there is nothing to say: all None or empty."""
    none = np.zeros(0)
    return Analysis(
        file=file,
        title=title,
        artist=None,
        duration=duration,
        sound="00" * 32,
        analyzers=ANALYZERS,
        tempo=Tempo(None, 0.0, (), none, 0.0, none, 4, None, 0.0, none, none, 0.0),
        key=Key(None, None, None, 0.0, (), (), (), None, 440.0),
        chords=Chords(
            segments=(),
            confidence=0.0,
            step_times=np.zeros(0, np.float32),
            chroma=np.zeros((0, 12), np.float32),
            probabilities=np.zeros((0, 25), np.float32),
        ),
        structure=Structure(
            sections=(),
            confidence=0.0,
            novelty_times=none,
            novelty=np.zeros(0, np.float32),
            events=(),
            bar_times=none,
            bar_similarity=np.zeros((0, 0), np.float32),
            beat_times=none,
            beat_similarity=np.zeros((0, 0), np.float32),
        ),
        mood=Mood(None, None, None, None, None, None, None, 0.0, 0.0, 0.0, 0.0, None, (), ()),
        wave=np.zeros((0, 2), np.float32),
    )


def _beats(duration: float) -> np.ndarray:
    """Beats from 0.2 s on; the tempo swings by 2 % every 20 s."""
    times = [0.2]
    while times[-1] < duration - 60 / BPM - 0.1:
        times.append(times[-1] + 60 / BPM * (1 + 0.02 * np.sin(times[-1] / 20 * 2 * np.pi)))
    return np.array(times)


def _tempo(beats: np.ndarray, downbeats: np.ndarray) -> Tempo:
    intervals = np.diff(beats)
    return Tempo(
        bpm=60 / float(np.median(intervals)),
        confidence=0.86,
        alternatives=(
            TempoAlternative(60.0, 0.74),
            TempoAlternative(240.0, 0.41),
            TempoAlternative(80.0, 0.18),
            TempoAlternative(180.0, 0.07),
        ),
        beats=beats,
        beat_confidence=0.93,
        downbeats=downbeats,
        meter=4,
        time_signature="4/4",
        meter_confidence=0.72,
        curve_times=beats[:-1],
        curve_bpm=60 / intervals,
        variation=float(intervals.std() / intervals.mean()),
    )


def _sections(
    duration: float, downbeats: np.ndarray
) -> tuple[tuple[Section, ...], list[tuple[float, str, int]]]:
    """Sections, and of every bar its start, letter and number in its section."""
    found: list[Section] = []
    bars: list[tuple[float, str, int]] = []
    k = 0
    for name, letter, count in itertools.cycle(FORM):
        chosen = downbeats[k : k + count]
        start = 0.0 if not found else float(chosen[0])
        bars += [(float(t), letter[0], number) for number, t in enumerate(chosen)]
        k += count
        end = float(downbeats[k]) if k < len(downbeats) else duration
        sure = 0.35 + 0.6 * ((len(found) * 7) % 5) / 4
        group = ord(letter[0]) - ord("A")
        if k >= len(downbeats) and found:
            name = "outro"
        found.append(Section(start, end, letter, group, name, 0.8 * sure, sure))
        if k >= len(downbeats):
            break
    return tuple(found), bars


def _chords(
    duration: float,
    beats: np.ndarray,
    bars: list[tuple[float, str, int]],
    lift: float,
    noise: np.random.Generator,
) -> Chords:
    segments: list[Chord] = []
    for index, (start, letter, number) in enumerate(bars):
        roman, above, quality = PROGRESSIONS[letter][number % len(PROGRESSIONS[letter])]
        root = ((3 if start < lift else 5) + above) % 12
        label = "N" if quality == "N" else f"{FLATS[root]}:{quality}"
        begin = 0.0 if index == 0 else start
        end = bars[index + 1][0] if index + 1 < len(bars) else duration
        sure = 0.55 + 0.4 * float(noise.random())
        if segments and segments[-1].label == label:
            before = segments.pop()
            begin, sure = before.start, before.confidence
        segments.append(Chord(begin, end, label, sure, None if label == "N" else roman))
    middle = (beats[:-1] + beats[1:]) / 2
    inner = np.sort(np.concatenate([beats, middle]))
    steps = np.unique(np.concatenate([[0.0], inner, [duration]])).astype(np.float32)
    centers = (steps[:-1] + steps[1:]) / 2
    ends = np.array([s.end for s in segments])
    chroma = (0.25 * noise.random((len(centers), 12))).astype(np.float32)
    scores = noise.random((len(centers), 25)) * 2
    for row, center in enumerate(centers):
        chord = segments[min(int(np.searchsorted(ends, center)), len(segments) - 1)]
        if chord.label == "N":
            scores[row, 24] += 4
            continue
        root_name, quality = chord.label.split(":")
        root = FLATS.index(root_name)
        minor = quality.startswith(("min", "dim"))
        kind = "min" if minor else "maj"
        for tone in _TONES["dim" if quality == "dim" else kind]:
            chroma[row, (root + tone) % 12] += 0.7 * (0.8 + 0.2 * noise.random())
        scores[row, root + 12 * minor] += 4
    weights = np.exp(scores)
    return Chords(
        segments=tuple(segments),
        confidence=0.77,
        step_times=steps,
        chroma=np.minimum(chroma, 1).astype(np.float32),
        probabilities=(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def _key(duration: float, lift: float) -> Key:
    strengths = {"Eb major": 0.46, "C minor": 0.16, "Bb major": 0.11, "Ab major": 0.08}
    names = [f"{n} major" for n in _KEYS] + [f"{n} minor" for n in _MINORS]
    rest = (1 - sum(strengths.values())) / (24 - len(strengths))
    ranking = sorted(
        (KeyCandidate(name, strengths.get(name, rest)) for name in names),
        key=lambda c: -c.strength,
    )
    segments = [KeySegment(0.0, min(lift, duration), "Eb major", 0.88)]
    changes: tuple[Modulation, ...] = ()
    if lift < duration:
        segments.append(KeySegment(lift, duration, "F major", 0.64))
        changes = (Modulation(lift, "Eb major", "F major"),)
    return Key(
        label="Eb major",
        tonic="Eb",
        mode="major",
        confidence=0.81,
        ranking=tuple(ranking),
        segments=tuple(segments),
        modulations=changes,
        camelot="5B",
        tuning_hz=442.3,
    )


def _structure(
    duration: float,
    beats: np.ndarray,
    downbeats: np.ndarray,
    sections: tuple[Section, ...],
    chords: Chords,
    noise: np.random.Generator,
) -> Structure:
    bar_times = _borders(downbeats, duration)
    beat_times = _borders(beats, duration)
    starts = np.array([s.start for s in sections[1:]])
    near = np.abs(bar_times[:-1, None] - starts[None, :]) < 1.0
    novelty = 0.25 * noise.random(len(bar_times) - 1) + 0.7 * near.any(axis=1)
    events: list[Event] = []
    for section in sections:
        if section.name == "break":
            events.append(Event(section.end, "build", max(section.end - 8, 0.0), 0.7))
            events.append(Event(section.end, "drop", section.end, 0.9))
    return Structure(
        sections=sections,
        confidence=0.66,
        novelty_times=bar_times[:-1],
        novelty=novelty.astype(np.float32),
        events=tuple(events),
        bar_times=bar_times,
        bar_similarity=_similarity(bar_times, sections, noise),
        beat_times=beat_times,
        beat_similarity=_similarity(beat_times, sections, noise),
    )


def _borders(times: np.ndarray, duration: float) -> np.ndarray:
    joined = np.concatenate([times, [duration]])
    return joined[:: -(-len(joined) // 512)]


def _similarity(
    borders: np.ndarray, sections: tuple[Section, ...], noise: np.random.Generator
) -> np.ndarray:
    """High where groups are the same, higher where the place in the phrase is too."""
    starts = np.array([s.start for s in sections])
    inside = np.searchsorted(starts, borders[:-1] + 0.01, side="right") - 1
    group = np.array([s.group for s in sections])[inside]
    phase = (borders[:-1] - starts[inside]) % 8.0
    same = group[:, None] == group[None, :]
    apart = np.abs(phase[:, None] - phase[None, :])
    matrix = 0.15 + 0.4 * same + 0.4 * same * (np.minimum(apart, 8 - apart) < 0.4)
    matrix = matrix + 0.15 * noise.random(matrix.shape)
    matrix = np.clip((matrix + matrix.T) / 2, 0, 1)
    np.fill_diagonal(matrix, 1.0)
    return matrix.astype(np.float32)


def _mood(duration: float) -> Mood:
    times = np.arange(1.0, duration, 1.0)
    loud = -17 + 4 * np.sin(times / duration * 9) + np.sin(times)
    return Mood(
        integrated_loudness=-14.2,
        loudness_range=6.8,
        loudest_momentary=-9.1,
        loudest_short_term=-10.6,
        true_peak=-0.4,
        dynamic_range=9.3,
        crest=12.1,
        energy=0.63,
        brightness=0.41,
        pulse_clarity=0.78,
        onset_rate=3.4,
        mode_majorness=0.52,
        loudness_times=tuple(times.tolist()),
        loudness_curve=tuple(loud.tolist()),
    )


def _wave(duration: float, sections: tuple[Section, ...], noise: np.random.Generator) -> np.ndarray:
    times = np.arange(int(duration * 20)) / 20
    level = {"intro": 0.25, "break": 0.12, "chorus": 0.85, "bridge": 0.4, "outro": 0.3}
    ends = np.array([s.end for s in sections])
    inside = np.minimum(np.searchsorted(ends, times), len(sections) - 1)
    height = np.array([level.get(s.name, 0.55) for s in sections])[inside]
    beat = 0.55 + 0.45 * np.exp(-((times - 0.2) % (60 / BPM)) * 6)
    top = height * beat * (0.7 + 0.3 * noise.random(len(times)))
    bottom = -height * beat * (0.7 + 0.3 * noise.random(len(times)))
    return np.stack([bottom, top], axis=1).astype(np.float32)
