"""madmom 0.16.1 with its pretrained networks: songs in, JSON estimates out.

    python madmom_peer.py SONG OUT.json [SONG OUT.json ...]

Run by ``benchmarks/accuracy.py`` with a Python that has madmom (its models are CC BY-NC-SA 4.0: not
for commercial use); imports nothing of ours. Beats and bars by ``RNNDownBeatProcessor`` and its
dynamic Bayesian network, the key by ``CNNKeyRecognitionProcessor``, chords by the deep chroma
recognizer (the convolutional one costs forty times as much).
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

# madmom 0.16.1 is from 2018 and asks for this name where it was then
collections.MutableSequence = collections.abc.MutableSequence  # type: ignore[attr-defined]
warnings.filterwarnings("ignore")

from madmom.audio.chroma import DeepChromaProcessor  # noqa: E402
from madmom.features.chords import DeepChromaChordRecognitionProcessor  # noqa: E402
from madmom.features.downbeats import (  # noqa: E402
    DBNDownBeatTrackingProcessor,
    RNNDownBeatProcessor,
)
from madmom.features.key import CNNKeyRecognitionProcessor, key_prediction_to_label  # noqa: E402


def listen(path: str) -> dict[str, object]:
    """Return the estimate of one song, and the CPU seconds that it took."""
    begin = time.process_time()
    activations = RNNDownBeatProcessor()(path)
    found = DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4], fps=100)(activations)
    beats = found[:, 0]
    tracked = time.process_time()
    label = key_prediction_to_label(CNNKeyRecognitionProcessor()(path))
    keyed = time.process_time()
    rows = DeepChromaChordRecognitionProcessor()(DeepChromaProcessor()(path))
    done = time.process_time()
    return {
        "tempo": {"bpm": 60 / float(np.median(np.diff(beats)))} if len(beats) > 1 else None,
        "beats": [float(t) for t in beats],
        "downbeats": [float(t) for t, place in found if place == 1],
        "key": {"label": label},
        "chords": [
            {"start": float(start), "end": float(end), "label": str(name)}
            for start, end, name in rows
        ],
        "seconds": {
            "beats": tracked - begin,
            "key": keyed - tracked,
            "chords": done - keyed,
            "all": done - begin,
        },
        "engine": "madmom 0.16.1",
    }


if __name__ == "__main__":
    for song, out in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        Path(out).write_text(json.dumps(listen(song)), encoding="utf-8")
        print(out, flush=True)
