"""Learn the weights of the key estimate: ``python benchmarks/fit_key.py --train DIR --held DIR``.

Folders hold songs as ``ID/audio.*`` with ``ID/ref.json`` (``key.label``, ``key.agree``,
``key.segments``). Multinomial logistic regression over the 24 keys with L2 penalties, on whole
songs and on windows of half a minute; all twelve tonics share their weights. Songs whose annotators
differ are left out. Writes ``src/music_analysis/weights/key.safetensors``. Takes about 1.5 s a
song, once: what is measured is kept in ``--cache``. Deterministic.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy.optimize import minimize

from music_analysis import chords, tempo
from music_analysis.audio import load
from music_analysis.chord_labels import pitch_class
from music_analysis.key import ALONG, PARTS, WINDOW, Evidence, gather, log_beliefs, relative
from music_analysis.song_spectra import measure_song

WEIGHTS = Path(__file__).parents[1] / "src" / "music_analysis" / "weights" / "key.safetensors"
PENALTY = {"treble": 0.01, "bass": 0.02, "chords": 0.02, "first": 0.3, "last": 0.3}
SONG, ALONG_SCALE = 1.0, 3.0
"""Of the penalties, for songs and for windows."""

Numbers = NDArray[np.float64]
Example = tuple[NDArray[np.float32], int]


def number_of(label: str) -> int:
    """Give a key's number: pitch class of the tonic, plus 12 in minor."""
    tonic, mode = label.split()
    return pitch_class(tonic) + 12 * (mode == "minor")


def examples(
    evidence: Evidence, key: dict[str, Any], duration: float
) -> tuple[Example, list[Example]]:
    """One example of the song, and one of a window every 10 s."""
    seconds = len(evidence.chords)
    label = number_of(key["label"])
    stretches = key.get("segments") or [[0.0, duration, key["label"]]]
    # the song's key is told by what lies between its first stretch in it and its last
    mine = [stretch for stretch in stretches if number_of(stretch[2]) == label]
    first, stop = (int(mine[0][0]), round(mine[-1][1])) if mine else (0, seconds)
    song = (evidence.of(first, stop if stop < seconds - 1 else seconds), label)
    rows = evidence.along()
    windows = []
    for start, end, name in stretches:
        inside = np.arange(int(start + WINDOW / 2), min(int(end - WINDOW / 2), seconds), 10)
        windows += [(rows[k], number_of(name)) for k in inside]
    return song, windows


def fit(data: list[Example], parts: tuple[str, ...], scale: float) -> tuple[Numbers, float]:
    """Weights [2, D] of major and minor, and what is added for minor."""
    inputs = relative(np.array([features for features, _ in data]))
    truth = np.array([key for _, key in data])
    penalty = scale * np.repeat([PENALTY[p] for p in parts], [PARTS[p] for p in parts])
    width = inputs.shape[2]

    def loss(values: Numbers) -> tuple[float, Numbers]:
        weights, minor = values[:-1].reshape(2, width), values[-1]
        score = np.einsum("nkd,md->nmk", inputs, weights)
        score[:, 1] += minor
        flat = score.reshape(len(score), 24)
        flat -= flat.max(axis=1, keepdims=True)
        logs = flat - np.log(np.exp(flat).sum(axis=1, keepdims=True))
        error = np.exp(logs)
        error[np.arange(len(truth)), truth] -= 1
        shaped = error.reshape(-1, 2, 12)
        slope = np.einsum("nmk,nkd->md", shaped, inputs) + 2 * penalty * weights
        total = -logs[np.arange(len(truth)), truth].sum() + (penalty * weights**2).sum()
        return float(total), np.append(slope.ravel(), shaped[:, 1].sum())

    start = np.zeros(2 * width + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return found.x[:-1].reshape(2, width), float(found.x[-1])


def learn(songs: list[Example], windows: list[Example], path: Path = WEIGHTS) -> None:
    """Fit both sets of weights and write them."""
    whole, whole_minor = fit(songs, tuple(PARTS), SONG)
    # a window is one of about thirty of its song: they are not as many as they seem
    along, along_minor = fit(windows, ALONG, ALONG_SCALE)
    tensors = {
        "song": whole,
        "song_minor": np.array([whole_minor]),
        "along": along,
        "along_minor": np.array([along_minor]),
    }
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(save({name: value.astype(np.float32) for name, value in tensors.items()}))


def read(folder: Path, cache: Path) -> tuple[list[Example], list[Example]]:
    """Examples of all songs of a folder whose annotators agree."""
    songs: list[Example] = []
    windows: list[Example] = []
    for place in sorted(folder.glob("*/ref.json")):
        reference = json.loads(place.read_text())
        if not reference["key"].get("agree", True):
            continue
        kept = cache / f"{folder.name}-{place.parent.name}.npz"
        if not kept.exists():
            audio = next(place.parent.glob("audio.*"))
            spectra = measure_song(load(audio))
            found = chords.estimate(spectra, tempo.estimate(spectra))
            song, parts = examples(gather(spectra, found), reference["key"], spectra.duration)
            kept.parent.mkdir(parents=True, exist_ok=True)
            rows = np.array([features for features, _ in parts])
            labels = np.array([key for _, key in parts])
            np.savez(kept, song=song[0], key=song[1], rows=rows, labels=labels)
        with np.load(kept) as stored:
            songs.append((stored["song"], int(stored["key"])))
            windows += [
                (row, int(key)) for row, key in zip(stored["rows"], stored["labels"], strict=True)
            ]
    return songs, windows


def main() -> None:
    """Read the songs, fit, and say how often the weights are right on songs they have not seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--held", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(".cache/key"))
    given = parser.parse_args()
    learn(*read(given.train, given.cache))
    if given.held is not None:
        for kind, data in zip(("song", "along"), read(given.held, given.cache), strict=True):
            found = log_beliefs(np.array([features for features, _ in data]), kind).argmax(axis=1)
            truth = np.array([key for _, key in data])
            print(f"{kind}: {len(data)} held, {np.mean(found == truth):.3f} right")


if __name__ == "__main__":
    main()
