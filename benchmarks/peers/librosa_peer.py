"""librosa 0.11 at its defaults, as a user would call it: songs in, JSON estimates out.

    python librosa_peer.py SONG OUT.json [SONG OUT.json ...]

Run by ``benchmarks/accuracy.py`` with a Python that has librosa; imports nothing of ours. Beats by
``beat_track``, the key by Krumhansl's profiles on ``chroma_cqt``, chords by 24 triad templates on
the same chroma averaged between beats, sections by agglomerative clustering of MFCCs (which did
best among fifteen settings tried on four songs).
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

import librosa
import numpy as np

NAMES = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]
# Krumhansl and Kessler 1982, probe-tone ratings
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]


def key_of(chroma: np.ndarray) -> str:
    """Return the best correlated of 24 rotated profiles."""
    mean = chroma.mean(axis=1)
    fits = {
        f"{NAMES[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), mean)[0, 1])
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for tonic in range(12)
    }
    return max(fits, key=lambda name: fits[name])


def chords_of(chroma: np.ndarray, borders: np.ndarray) -> list[dict[str, object]]:
    """Return the best of 24 triads in every column; equal neighbors are joined."""
    triads, labels = [], []
    for quality, steps in (("maj", (0, 4, 7)), ("min", (0, 3, 7))):
        for root in range(12):
            template = np.zeros(12)
            template[[(root + step) % 12 for step in steps]] = 1 / np.sqrt(3)
            triads.append(template)
            labels.append(f"{NAMES[root]}:{quality}")
    best = (np.array(triads) @ chroma).argmax(axis=0)
    rows: list[dict[str, object]] = []
    for k, which in enumerate(best):
        if rows and rows[-1]["label"] == labels[which]:
            rows[-1]["end"] = float(borders[k + 1])
        else:
            rows.append(
                {
                    "start": float(borders[k]),
                    "end": float(borders[k + 1]),
                    "label": labels[which],
                }
            )
    return rows


def listen(path: str) -> dict[str, object]:
    """Return the estimate of one song, and the CPU seconds that it took."""
    begin = time.process_time()
    samples, rate = librosa.load(path)
    decoded = time.process_time()
    duration = len(samples) / rate
    tempo, frames = librosa.beat.beat_track(y=samples, sr=rate)
    beats = librosa.frames_to_time(frames, sr=rate)
    tracked = time.process_time()
    chroma = librosa.feature.chroma_cqt(y=samples, sr=rate)
    colored = time.process_time()
    edges = librosa.util.fix_frames(frames, x_min=0, x_max=chroma.shape[1])
    synced = librosa.util.sync(chroma, edges)
    borders = librosa.frames_to_time(edges, sr=rate)
    timbre = librosa.feature.mfcc(y=samples, sr=rate)
    # one section in 20 seconds: the number of clusters has no default
    count = max(2, int(duration / 20))
    found = librosa.segment.agglomerative(timbre, count) if timbre.shape[1] > count else [0]
    starts = [*librosa.frames_to_time(np.asarray(found), sr=rate), duration]
    done = time.process_time()
    return {
        "tempo": {"bpm": float(np.atleast_1d(tempo)[0])},
        "beats": beats.tolist(),
        "key": {"label": key_of(chroma)},
        "chords": chords_of(synced, borders),
        "sections": [
            {"start": float(a), "end": float(b), "label": str(k)}
            for k, (a, b) in enumerate(itertools.pairwise(starts))
        ],
        "seconds": {
            "decode": decoded - begin,
            "beats": tracked - decoded,
            "chroma": colored - tracked,
            "chords, key and sections": done - colored,
            "all": done - begin,
        },
        "engine": f"librosa {librosa.__version__}",
    }


if __name__ == "__main__":
    for song, out in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        Path(out).write_text(json.dumps(listen(song)), encoding="utf-8")
        print(out, flush=True)
