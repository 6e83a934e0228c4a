"""CREMA 0.2 with its pretrained chord network: songs in, JSON estimates out.

    python crema_peer.py SONG OUT.json [SONG OUT.json ...]

Run by ``benchmarks/accuracy.py`` with a Python that has crema (0.2.0 runs with Python 3.9,
tensorflow-cpu 2.11, keras 2.11, librosa 0.9 and numpy 1.23); imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")

import crema  # noqa: E402 - the log has to be off first
from crema.analyze import analyze  # noqa: E402


def listen(path: str) -> dict[str, object]:
    """Return the estimate of one song, and the CPU seconds that it took."""
    begin = time.process_time()
    rows = analyze(filename=path).annotations.search(namespace="chord")[0].data
    return {
        "chords": [
            {"start": float(r.time), "end": float(r.time + r.duration), "label": str(r.value)}
            for r in rows
        ],
        "seconds": {"all": time.process_time() - begin},
        "engine": f"CREMA {getattr(crema, '__version__', '0.2')}",
    }


if __name__ == "__main__":
    # its Python is too old for strict=True
    for song, out in zip(sys.argv[1::2], sys.argv[2::2]):  # noqa: B905
        Path(out).write_text(json.dumps(listen(song)), encoding="utf-8")
        print(out, flush=True)
