"""essentia 2.1b6 at its defaults, as a user would call it: songs in, JSON estimates out.

    python essentia_peer.py SONG OUT.json [SONG OUT.json ...]

Run by ``benchmarks/accuracy.py`` with a Python that has essentia; imports nothing of ours. Beats by
``RhythmExtractor2013`` (multifeature), the key by ``KeyExtractor`` (bgate), chords by
``ChordsDetection`` on ``HPCP`` of spectral peaks, sections by ``SBic`` on MFCCs.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

import essentia
import numpy as np

essentia.log.infoActive = essentia.log.warningActive = False
import essentia.standard as es  # noqa: E402 - the log has to be off first

RATE, FRAME, HOP = 44_100, 4096, 2048


def chords_of(samples: np.ndarray) -> list[dict[str, object]]:
    """Return triads, joined where neighbors are equal."""
    window, spectrum = es.Windowing(type="blackmanharris62"), es.Spectrum()
    # with whitening, its chords were right a quarter more often than with the defaults; it did best
    # among twelve settings tried on a few songs
    peaks = es.SpectralPeaks(
        orderBy="magnitude", magnitudeThreshold=1e-5, minFrequency=40, maxFrequency=5000,
        maxPeaks=60,
    )  # fmt: skip
    whitening = es.SpectralWhitening()
    hpcp = es.HPCP(size=36, minFrequency=40, maxFrequency=5000, bandPreset=False,
                   weightType="cosine", windowSize=1.0)  # fmt: skip
    columns = []
    for frame in es.FrameGenerator(samples, FRAME, HOP, startFromZero=True):
        lines = spectrum(window(frame))
        frequencies, magnitudes = peaks(lines)
        columns.append(hpcp(frequencies, whitening(lines, frequencies, magnitudes)))
    labels, _ = es.ChordsDetection(hopSize=HOP, sampleRate=RATE)(essentia.array(columns))
    rows: list[dict[str, object]] = []
    for k, name in enumerate(labels):
        label = f"{name[:-1]}:min" if name.endswith("m") else f"{name}:maj"
        if rows and rows[-1]["label"] == label:
            rows[-1]["end"] = (k + 1) * HOP / RATE
        else:
            rows.append({"start": k * HOP / RATE, "end": (k + 1) * HOP / RATE, "label": label})
    return rows


def sections_of(samples: np.ndarray, duration: float) -> list[dict[str, object]]:
    """Return the stretches between changes of timbre; none is said to repeat another."""
    window, spectrum, mfcc = es.Windowing(type="hann"), es.Spectrum(), es.MFCC()
    features = [
        mfcc(spectrum(window(frame)))[1]
        for frame in es.FrameGenerator(samples, 2048, 1024, startFromZero=True)
    ]
    cuts = es.SBic()(essentia.array(features).T) * 1024 / RATE
    starts = sorted({0.0, *(float(t) for t in cuts if 0 < t < duration), duration})
    return [
        {"start": a, "end": b, "label": str(k)}
        for k, (a, b) in enumerate(itertools.pairwise(starts))
    ]


def listen(path: str) -> dict[str, object]:
    """Return the estimate of one song, and the CPU seconds that it took."""
    begin = time.process_time()
    samples = es.MonoLoader(filename=path, sampleRate=RATE)()
    decoded = time.process_time()
    bpm, beats, confidence, _, _ = es.RhythmExtractor2013(method="multifeature")(samples)
    tracked = time.process_time()
    tonic, mode, _ = es.KeyExtractor(profileType="bgate")(samples)
    keyed = time.process_time()
    chords = chords_of(samples)
    harmony = time.process_time()
    sections = sections_of(samples, len(samples) / RATE)
    return {
        "tempo": {"bpm": float(bpm), "confidence": float(confidence)},
        "beats": [float(t) for t in beats],
        "key": {"label": f"{tonic} {mode}"},
        "chords": chords,
        "sections": sections,
        "seconds": {
            "decode": decoded - begin,
            "beats": tracked - decoded,
            "key": keyed - tracked,
            "chords": harmony - keyed,
            "all": time.process_time() - begin,
        },
        "engine": f"essentia {essentia.__version__}",
    }


if __name__ == "__main__":
    for song, out in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        Path(out).write_text(json.dumps(listen(song)), encoding="utf-8")
        print(out, flush=True)
