"""A library as a table: one row a song, as CSV or Parquet.

Knows columns and files. CSV is UTF-8 with a header; numbers that cannot be told are left empty.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from music_analysis.errors import UserError

if TYPE_CHECKING:
    from music_analysis.analysis import Analysis

COLUMNS: Final[dict[str, type]] = {
    "path": str,
    "title": str,
    "artist": str,
    "duration": float,
    "bpm": float,
    "bpm_confidence": float,
    "time_signature": str,
    "meter_confidence": float,
    "beats": int,
    "tempo_variation": float,
    "key": str,
    "key_confidence": float,
    "camelot": str,
    "modulations": int,
    "tuning_hz": float,
    "chords": int,
    "chords_confidence": float,
    "main_chords": str,
    "sections": int,
    "sections_confidence": float,
    "form": str,
    "loudness_lufs": float,
    "loudness_range_lu": float,
    "true_peak_dbtp": float,
    "dynamic_range_db": float,
    "energy": float,
    "brightness": float,
    "pulse_clarity": float,
    "onset_rate": float,
    "sound": str,
    "analyzers": str,
}


def row_of(analysis: Analysis, song: Path) -> dict[str, Any]:
    """Return a song's row: a value for each of :data:`COLUMNS`, None where it cannot be told."""
    tempo, key, mood = analysis.tempo, analysis.key, analysis.mood
    chords, structure = analysis.chords, analysis.structure
    letters = [section.label for section in structure.sections if section.label != "N"]
    return {
        "path": os.fsencode(song).decode("utf-8", "replace"),
        "title": analysis.title,
        "artist": analysis.artist,
        "duration": analysis.duration,
        "bpm": tempo.bpm,
        "bpm_confidence": tempo.confidence,
        "time_signature": tempo.time_signature,
        "meter_confidence": tempo.meter_confidence,
        "beats": len(tempo.beats),
        "tempo_variation": tempo.variation,
        "key": key.label,
        "key_confidence": key.confidence,
        "camelot": key.camelot,
        "modulations": len(key.modulations),
        "tuning_hz": key.tuning_hz,
        "chords": sum(chord.label != "N" for chord in chords.segments),
        "chords_confidence": chords.confidence,
        "main_chords": " ".join(label for label, _ in main_chords(analysis)[:4]),
        "sections": len(letters),
        "sections_confidence": structure.confidence,
        "form": " ".join(letters),
        "loudness_lufs": mood.integrated_loudness,
        "loudness_range_lu": mood.loudness_range,
        "true_peak_dbtp": mood.true_peak,
        "dynamic_range_db": mood.dynamic_range,
        "energy": mood.energy,
        "brightness": mood.brightness,
        "pulse_clarity": mood.pulse_clarity,
        "onset_rate": mood.onset_rate,
        "sound": analysis.sound,
        "analyzers": analysis.analyzers,
    }


def main_chords(analysis: Analysis) -> list[tuple[str, float]]:
    """Return chords (without their bass) and the share of the time that each sounds, most first."""
    total: Counter[str] = Counter()
    for chord in analysis.chords.segments:
        if chord.label != "N":
            total[chord.label.partition("/")[0]] += chord.end - chord.start  # type: ignore[assignment]
    whole = sum(total.values())
    return [(label, seconds / whole) for label, seconds in total.most_common() if whole > 0]


def check_table(path: Path) -> None:
    """Raise a `UserError` if a table of that name cannot be made."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"--table {path}: name it {path.with_suffix('.csv').name} or .parquet")
    if path.is_dir():
        raise UserError(f"--table {path} is a folder: name a file in it")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--table {path}: there is no folder {path.parent}")
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise UserError(
                'Parquet tables need pyarrow: pip install "audio-feature-explorer[tables]",'
                " or name the table .csv"
            ) from None


def write_table(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a table, whole or not at all.

    Raises
    ------
    UserError
        It cannot be written.
    """
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        if path.suffix.lower() == ".parquet":
            _write_parquet(rows, part)
        else:
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, list(COLUMNS))
            writer.writeheader()
            writer.writerows(rows)
            part.write_bytes(text.getvalue().encode("utf-8", "replace"))
        part.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _write_parquet(rows: Sequence[dict[str, Any]], path: Path) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    kinds = {str: arrow.string(), float: arrow.float64(), int: arrow.int64()}
    layout = arrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    parquet.write_table(arrow.Table.from_pylist(list(rows), schema=layout), str(path))
