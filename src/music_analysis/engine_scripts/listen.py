"""Lets another program listen: run by the user's Python, which has it, and not by ours.

    python listen.py essentia|madmom|crema SONG.wav

Prints one JSON object: ``engine`` (name and version) and what the program says: ``beats``
(seconds), ``downbeats``, ``bpm``, ``confidence``, ``key`` (label and strength of each that it
weighs), ``chords`` (start, end, label in Harte's syntax, confidence or null). What libraries print
goes to the standard error. Exit code 3: the program is not installed. Nothing of ours is imported;
the modules are loaded by name, for they are not ours to type-check.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import os
import sys
import warnings
from importlib import import_module
from typing import Any

MISSING = 3


def essentia(path: str) -> dict[str, Any]:
    """RhythmExtractor2013 (multifeature), KeyExtractor (bgate), ChordsDetection on HPCP."""
    base: Any = import_module("essentia")
    base.log.infoActive = base.log.warningActive = False
    lib: Any = import_module("essentia.standard")
    rate, frame, hop = 44_100, 4096, 2048
    samples = lib.MonoLoader(filename=path, sampleRate=rate)()
    bpm, beats, confidence, _, _ = lib.RhythmExtractor2013(method="multifeature")(samples)
    tonic, mode, strength = lib.KeyExtractor(profileType="bgate")(samples)
    window, spectrum = lib.Windowing(type="blackmanharris62"), lib.Spectrum()
    # whitened: see essentia_peer.py of the benchmarks
    peaks = lib.SpectralPeaks(
        orderBy="magnitude", magnitudeThreshold=1e-5, minFrequency=40, maxFrequency=5000,
        maxPeaks=60,
    )  # fmt: skip
    whitening = lib.SpectralWhitening()
    hpcp = lib.HPCP(
        size=36, minFrequency=40, maxFrequency=5000, bandPreset=False, weightType="cosine",
        windowSize=1.0,
    )  # fmt: skip
    columns = []
    for piece in lib.FrameGenerator(samples, frame, hop, startFromZero=True):
        lines = spectrum(window(piece))
        places, heights = peaks(lines)
        columns.append(hpcp(places, whitening(lines, places, heights)))
    names, _ = lib.ChordsDetection(hopSize=hop, sampleRate=rate)(base.array(columns))
    chords: list[list[Any]] = []
    for k, name in enumerate(names):
        label = f"{name[:-1]}:min" if name.endswith("m") else f"{name}:maj"
        if chords and chords[-1][2] == label:
            chords[-1][1] = (k + 1) * hop / rate
        else:
            chords.append([k * hop / rate, (k + 1) * hop / rate, label, None])
    return {
        "engine": f"essentia {base.__version__}",
        "bpm": float(bpm),
        # its documentation: 0 to 5.32, above 3.5 is excellent
        "confidence": min(1.0, max(0.0, float(confidence) / 5.32)),
        "beats": [float(t) for t in beats],
        "key": [[f"{tonic} {mode}", min(1.0, max(0.0, float(strength)))]],
        "chords": chords,
    }


def madmom(path: str) -> dict[str, Any]:
    """Recurrent networks for beats and bars, convolutional ones for key and chords."""
    base: Any = import_module("madmom")
    bars: Any = import_module("madmom.features.downbeats")
    keys: Any = import_module("madmom.features.key")
    harmony: Any = import_module("madmom.features.chords")
    activations = bars.RNNDownBeatProcessor()(path)
    tracker = bars.DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4], fps=100)
    found = tracker(activations)
    # how sure the network was at the beats
    frames = [min(len(activations) - 1, round(float(t) * 100)) for t, _ in found]
    sure = [float(activations[f].max()) for f in frames]
    probabilities = keys.CNNKeyRecognitionProcessor()(path)[0]
    chords = harmony.CRFChordRecognitionProcessor()(harmony.CNNChordFeatureProcessor()(path))
    return {
        "engine": f"madmom {getattr(base, '__version__', '')}".strip(),
        "confidence": sum(sure) / len(sure) if sure else 0.0,
        "beats": [float(t) for t, _ in found],
        "downbeats": [float(t) for t, place in found if place == 1],
        "key": [
            [str(label), float(p)] for label, p in zip(keys.KEY_LABELS, probabilities, strict=True)
        ],
        "chords": [[float(a), float(b), str(label), None] for a, b, label in chords],
    }


def crema(path: str) -> dict[str, Any]:
    """Its convolutional and recurrent network for chords."""
    base: Any = import_module("crema")
    lib: Any = import_module("crema.analyze")
    jam = lib.analyze(filename=path)
    rows = jam.annotations.search(namespace="chord")[0].data
    return {
        "engine": f"CREMA {getattr(base, '__version__', '')}".strip(),
        "chords": [
            [float(r.time), float(r.time + r.duration), str(r.value), float(r.confidence)]
            for r in rows
        ],
    }


ENGINES = {"essentia": essentia, "madmom": madmom, "crema": crema}


def main() -> int:
    """Listen, and print what was heard."""
    name, path = sys.argv[1:]
    warnings.filterwarnings("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever libraries print, also from C, is not the answer
    # madmom 0.16.1 is from 2018 and looks for this name where it was then
    if not hasattr(collections, "MutableSequence"):
        collections.MutableSequence = collections.abc.MutableSequence  # type: ignore[attr-defined]
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed", file=sys.stderr)
        return MISSING
    said = json.dumps(ENGINES[name](path))
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        out.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
