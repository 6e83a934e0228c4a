"""Train the structure networks: ``python benchmarks/learn_structure.py --data FOLDER``.

FOLDER holds songs as ``train/ID`` and ``held/ID``, each with ``ref.json`` (segments, segments_alt,
beats, downbeats) and ``audio.*``; what is measured of the sound is kept in ``FOLDER/feat``. Writes
``src/music_analysis/weights/structure.safetensors``. Needs torch and mir_eval; one thread, a fixed
seed.

Every song is seen with its true bars and with those the analyzers find, and every seventh in steps
of two seconds; what the two annotators say counts half each. Trained on ``train``; the few numbers
of the dynamic programme, the clusters and the confidence are then chosen on ``train`` as well, and
``held`` is only scored.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pickle
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from music_analysis import bar_features, grouping, segmentation
from music_analysis import chords as chord_finder
from music_analysis import self_similarity as similar
from music_analysis import tempo as tempo_finder
from music_analysis.audio import load
from music_analysis.song_spectra import SongSpectra, measure_song

ROOT = Path(__file__).parents[1]
WIDTH, HEADS, EACH = 24, 3, 8
PAIR_WIDTH = 16
HIT = 0.5  # seconds
ANNOTATORS = ("segments", "segments_alt")
NO_CHORDS = chord_finder.Chords(
    (), 0.0, np.zeros(0, np.float32), np.zeros((0, 12), np.float32), np.zeros((0, 25), np.float32)
)
Floats = NDArray[np.float32]


@dataclass
class Lesson:
    """A song cut into bars in one way, and its truth."""

    name: str
    bars: bar_features.BarFeatures
    meter: float
    truth: dict[str, Any]

    def __post_init__(self) -> None:
        similarity = similar.similarities(self.bars)
        onward, back = similar.along_diagonals(similarity)
        self.rows = torch.from_numpy(similar.evidence(self.bars, similarity, onward, back))
        self.matrices = torch.from_numpy(np.stack([*onward, *back], axis=-1))
        self.target = torch.from_numpy(self._boundaries())

    @property
    def borders(self) -> NDArray[np.float64]:
        """[n+1] seconds."""
        return self.bars.borders

    def _boundaries(self) -> Floats:
        """[n] share of the annotators who have a boundary nearest to each bar line."""
        near = HIT if self.meter >= 0 else 0.5 * bar_features.STEP
        target = np.zeros(len(self.bars), np.float32)
        for annotator in ANNOTATORS:
            times = np.array([row[0] for row in self.truth[annotator]])
            times = times[times > 0.3]
            distance = np.abs(self.borders[:-1, None] - times)
            nearest = distance.argmin(axis=0)
            target[np.unique(nearest[distance.min(axis=0) <= near])] += 0.5
        return target

    def labels(self, starts: NDArray[np.int64], annotator: str) -> NDArray[np.str_]:
        """Find what the annotator calls most of each section."""
        stops = np.append(starts[1:], len(self.bars))
        names = []
        for a, b in zip(self.borders[starts], self.borders[stops], strict=True):
            shares: dict[str, float] = {}
            for start, end, label in self.truth[annotator]:
                shared = max(0.0, min(end, b) - max(start, a))
                shares[label] = shares.get(label, 0.0) + shared
            names.append(max(shares, key=lambda label: shares[label]))
        return np.array(names)

    def true_starts(self, annotator: str) -> NDArray[np.int64]:
        """Find the bars nearest to the annotator's boundaries, 0 first."""
        times = [row[0] for row in self.truth[annotator]]
        nearest = {int(np.abs(self.borders[:-1] - t).argmin()) for t in times}
        return np.array(sorted({0} | nearest))


def measured(folder: Path, cache: Path) -> SongSpectra:
    if not cache.exists():
        sound = next(p for p in sorted(folder.iterdir()) if p.name.startswith("audio."))
        spectra = measure_song(load(sound))
        cache.parent.mkdir(parents=True, exist_ok=True)
        fields = dataclasses.fields(spectra)
        parts: dict[str, Any] = {f.name: np.asarray(getattr(spectra, f.name)) for f in fields}
        np.savez(cache, **parts)
    with np.load(cache) as file:
        values: dict[str, Any] = {f.name: file[f.name] for f in dataclasses.fields(SongSpectra)}
    # numbers of no dimension come back as arrays
    return SongSpectra(**{k: v if v.ndim else v.item() for k, v in values.items()})


def lessons(data: Path, group: str, count: int | None) -> Iterator[tuple[str, Lesson]]:
    """(kind, lesson) of every song: true bars, found bars, and steps of every seventh."""
    folders = sorted(p.parent for p in (data / group).glob("*/ref.json"))
    for number, folder in enumerate(folders[:count]):
        truth = json.loads((folder / "ref.json").read_text(encoding="utf-8"))
        spectra = measured(folder, data / "feat" / group / f"{folder.name}.npz")
        found = data / "feat" / f"{group}-structure" / f"{folder.name}.pickle"
        if not found.exists():
            tempo = tempo_finder.estimate(spectra)
            found.parent.mkdir(parents=True, exist_ok=True)
            found.write_bytes(pickle.dumps((tempo, chord_finder.estimate(spectra, tempo))))
        tempo, chords = pickle.loads(found.read_bytes())
        beats, downbeats = np.array(truth["beats"]), np.array(truth["downbeats"])
        true = dataclasses.replace(
            tempo, bpm=truth["tempo"], beats=beats, downbeats=downbeats, meter_confidence=1.0
        )
        ways = [("true", true, NO_CHORDS), ("found", tempo, chords)]
        if number % 7 == 0:
            ways.append(("steps", dataclasses.replace(tempo, bpm=None), NO_CHORDS))
        for kind, way, harmony in ways:
            borders = bar_features.bar_borders(spectra.duration, way)
            if len(borders) < 10:
                continue
            bars = bar_features.describe(spectra, borders, harmony)
            meter = -1.0 if kind == "steps" else way.meter_confidence
            yield kind, Lesson(folder.name, bars, meter, truth)


class Boundaries(nn.Module):
    """The network of :mod:`music_analysis.segmentation`."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv1d(similar.INPUTS, WIDTH, 3, padding=1)
        self.m = nn.Linear(2 * len(similar.GROUPS), HEADS)
        self.null = nn.Parameter(torch.zeros(HEADS))
        self.v = nn.Conv1d(WIDTH, HEADS * EACH, 1)
        self.c2 = nn.Conv1d(WIDTH + HEADS * EACH, WIDTH, 5, padding=2)
        self.c3 = nn.Conv1d(WIDTH, WIDTH, 5, padding=4, dilation=2)
        self.v2 = nn.Conv1d(WIDTH, HEADS * EACH, 1)
        self.c4 = nn.Conv1d(WIDTH + HEADS * EACH, WIDTH, 5, padding=2)
        self.o = nn.Conv1d(WIDTH, 1, 3, padding=1)
        self.drop, self.forget = nn.Dropout(0.2), nn.Dropout(0.1)

    def forward(self, rows: Tensor, matrices: Tensor, inside: Tensor) -> Tensor:
        """Logits [songs, n] of rows [songs, INPUTS, n] and matrices [songs, n, n, 6]."""
        n = rows.shape[2]
        mask = inside[:, None].float()
        hidden = self.drop(torch.relu(self.c1(self.forget(rows) * mask)) * mask)
        scores = self.m(matrices * float(segmentation._SHARPNESS)).permute(0, 3, 1, 2)
        near = (torch.arange(n)[:, None] - torch.arange(n)).abs() < segmentation._FAR
        scores = scores.masked_fill(near | ~inside[:, None, None, :], -1e9)
        null = self.null[None, :, None, None].expand(len(rows), -1, n, 1)
        mix = torch.cat([null, scores], 3).softmax(3)[..., 1:]

        def seen(values: nn.Module) -> Tensor:
            parts = values(hidden).view(len(rows), HEADS, EACH, n)
            flat = torch.einsum("bhij,bhdj->bhdi", mix, parts).reshape(len(rows), -1, n)
            return torch.cat([hidden, flat], 1)

        hidden = self.drop((torch.relu(self.c2(seen(self.v))) + hidden) * mask)
        hidden = (torch.relu(self.c3(hidden)) + hidden) * mask
        hidden = self.drop((torch.relu(self.c4(seen(self.v2))) + hidden) * mask)
        out: Tensor = self.o(hidden)[:, 0]
        return out

    def export(self) -> dict[str, Floats]:
        """Give the weights in the layout of :mod:`music_analysis.convolution`."""
        out = {"null": self.null.detach().numpy()}
        for name, layer in self.named_children():
            if isinstance(layer, nn.Conv1d):
                out[f"{name}.weight"] = layer.weight.detach().permute(2, 1, 0).numpy()
                out[f"{name}.bias"] = layer.bias.detach().numpy()  # type: ignore[union-attr]
        out["m.weight"] = self.m.weight.detach().T.numpy()
        out["m.bias"] = self.m.bias.detach().numpy()
        return {name: np.ascontiguousarray(rows, np.float32) for name, rows in out.items()}


def learn_boundaries(songs: list[Lesson], epochs: int) -> Boundaries:
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    network = Boundaries()
    together = 8
    steps = epochs * -(-len(songs) // together)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    sizes = np.array([len(song.rows) for song in songs])
    for epoch in range(epochs):
        network.train()
        total = 0.0
        # songs of about the same length together
        order = np.argsort(sizes * np.exp(0.3 * draw.standard_normal(len(songs))))
        batches = [order[k : k + together] for k in range(0, len(songs), together)]
        for k in draw.permutation(len(batches)):
            rows, matrices, target, inside = stacked([songs[j] for j in batches[k]])
            logits = network(rows + 0.1 * torch.randn_like(rows), matrices, inside)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
            mean = (loss * inside / inside.sum(1, keepdim=True)).sum() / len(rows)
            optimizer.zero_grad()
            mean.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(mean.detach()) * len(rows)
        print(f"boundaries, epoch {epoch + 1}: {total / len(songs):.4f}", flush=True)
    return network.eval()


def stacked(songs: list[Lesson]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    n = max(len(song.rows) for song in songs)
    rows = torch.zeros(len(songs), similar.INPUTS, n)
    matrices = torch.zeros(len(songs), n, n, 2 * len(similar.GROUPS))
    target = torch.zeros(len(songs), n)
    inside = torch.zeros(len(songs), n, dtype=torch.bool)
    for k, song in enumerate(songs):
        size = len(song.rows)
        rows[k, :, :size] = song.rows.T
        matrices[k, :size, :size] = song.matrices
        target[k, :size] = song.target
        inside[k, :size] = True
    return rows, matrices, target, inside


def learn_pairs(songs: list[Lesson], epochs: int) -> dict[str, Floats]:
    """Weights of the network of :mod:`music_analysis.grouping`."""
    torch.manual_seed(1)
    draw = np.random.default_rng(1)
    examples = []
    for song in songs:
        for annotator in ANNOTATORS:
            starts = song.true_starts(annotator)
            names = song.labels(starts, annotator)
            rows = torch.from_numpy(grouping.pair_evidence(song.bars, starts))
            same = torch.from_numpy((names[:, None] == names).astype(np.float32))
            length = np.diff(np.append(starts, len(song.bars))).astype(np.float32)
            weight = np.sqrt(length[:, None] * length)
            np.fill_diagonal(weight, 0)
            examples.append((rows, same, torch.from_numpy(weight / (weight.sum() + 1e-6))))
    first, second = nn.Linear(grouping.PAIR_INPUTS, PAIR_WIDTH), nn.Linear(PAIR_WIDTH, 1)
    together = 16
    parameters = [*first.parameters(), *second.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=1e-3)
    steps = epochs * -(-len(examples) // together)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for epoch in range(epochs):
        order = draw.permutation(len(examples))
        total = 0.0
        for k in range(0, len(order), together):
            loss = torch.zeros(())
            for j in order[k : k + together]:
                rows, same, weight = examples[j]
                logits = second(torch.relu(first(rows)))[..., 0]
                logits = 0.5 * (logits + logits.T)
                each = nn.functional.binary_cross_entropy_with_logits(
                    logits, same, reduction="none"
                )
                loss = loss + (each * weight).sum() / together
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * together
        print(f"pairs, epoch {epoch + 1}: {total / len(examples):.4f}", flush=True)
    out = {}
    for name, layer in (("p1", first), ("p2", second)):
        out[f"{name}.weight"] = np.ascontiguousarray(layer.weight.detach().T.numpy())
        out[f"{name}.bias"] = layer.bias.detach().numpy()
    return out


def length_gains(songs: list[Lesson]) -> Floats:
    """Log of how common each length in bars is, over how common it would be by chance."""
    counts = np.zeros(segmentation.LONGEST + 1)
    for song in songs:
        for annotator in ANNOTATORS:
            lengths = np.diff(np.append(song.true_starts(annotator), len(song.bars)))
            counts += np.bincount(
                np.minimum(lengths, segmentation.LONGEST), minlength=segmentation.LONGEST + 1
            )
    share = (counts + 2) / (counts + 2).sum()
    mean = float((counts * np.arange(len(counts))).sum() / counts.sum())
    chance = (1 - 1 / mean) ** np.arange(len(counts)) / mean
    gains: Floats = np.log(share / chance).astype(np.float32)
    return gains


def scores(
    song: Lesson, starts: NDArray[np.int64], labels: list[str] | None, frame: float = 0.1
) -> NDArray[np.float64]:
    """F at 0.5 s and at 3 s and, with labels, pairwise F; each of the better annotator."""
    from mir_eval import segment, util

    end = max(float(song.truth["duration"]), float(song.borders[-1]))
    times = np.append(song.borders[starts], end)
    mine = np.stack([times[:-1], times[1:]], axis=1)
    best = np.zeros(3)
    for annotator in ANNOTATORS:
        rows = song.truth[annotator]
        true, names = util.adjust_intervals(
            np.array([row[:2] for row in rows], float), [row[2] for row in rows], 0, end, "s", "e"
        )
        found = [segment.detection(true, mine, window=w, trim=True)[2] for w in (HIT, 3.0)]
        pairwise = 0.0
        if labels is not None:
            pairwise = segment.pairwise(true, names, mine, labels, frame_size=frame)[2]
        best = np.maximum(best, [*found, pairwise])
    return best


def choose(songs: list[Lesson], weights: dict[str, Floats]) -> None:
    """Set the numbers of the dynamic programme, the clusters and the confidence."""
    logits = [segmentation.boundary_logits(song.bars, weights) for song in songs]
    gains = weights["lengths"].copy()
    table: list[tuple[float, float, float]] = []
    for share in (0.0, 0.2, 0.4, 0.7):
        for bonus in (0.0, 0.3, 0.6, 0.9, 1.2):
            total = 0.0
            for song, rows in zip(songs, logits, strict=True):
                starts = segmentation.best_boundaries(rows, share * gains, bonus)
                total += float(scores(song, starts, None)[:2].sum())
            table.append((total / len(songs) / 2, share, bonus))
    # where it costs next to nothing, lengths that are usual: songs unlike these need them
    top = max(table)[0]
    best = max((row for row in table if row[0] > top - 0.003), key=lambda row: (row[1], row[0]))
    print(f"boundaries: mean F {best[0]:.3f} with lengths × {best[1]} and bonus {best[2]}")
    weights["lengths"] = (best[1] * gains).astype(np.float32)
    weights["bonus"] = np.array([best[2]], np.float32)
    steps = np.arange(2.0, -2.01, -0.25)
    sums = np.zeros(len(steps))
    hits: list[tuple[float, float, bool]] = []
    for song, rows in zip(songs, logits, strict=True):
        starts = segmentation.best_boundaries(rows, weights["lengths"], best[2])
        pairs = grouping.pair_logits(grouping.pair_evidence(song.bars, starts), weights)
        sizes = np.diff(np.append(starts, len(song.bars))).astype(np.float32)
        kinds = grouping.clusters(pairs, sizes, tuple(steps.tolist()))
        sums += [scores(song, starts, [str(k) for k in kind], 0.5)[2] for kind in kinds]
        truth = np.concatenate([[row[0] for row in song.truth[a]] for a in ANNOTATORS])
        for k in starts[1:]:
            hit = bool(np.abs(truth - song.borders[k]).min() <= HIT)
            hits.append((float(np.clip(rows[k], -9.2, 9.2)), max(song.meter, 0.0), hit))
    same = float(steps[sums.argmax()])
    print(f"clusters: pairwise F {sums.max() / len(songs):.3f} at {same}")
    weights["thresholds"] = np.array([same, same - 1.5], np.float32)
    weights["trust"] = logistic(np.array(hits, float))


def logistic(table: NDArray[np.float64]) -> Floats:
    """Slope of logits, offset and slope of meter confidence by Newton's method."""
    inputs = np.stack([table[:, 0], np.ones(len(table)), table[:, 1]], axis=1)
    weight = np.array([1.0, 0.0, 0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-inputs @ weight))
        slope = inputs.T @ (table[:, 2] - p) - 0.1 * weight
        curve = (inputs * (p * (1 - p))[:, None]).T @ inputs + 0.1 * np.eye(3)
        weight += np.linalg.solve(curve, slope)
    print("confidence:", weight.round(3))
    return weight.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the structure networks.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, help="default: the package's own weights")
    parser.add_argument("--count", type=int, help="songs of each group at most")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--pair-epochs", type=int, default=8)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    train = list(lessons(options.data, "train", options.count))
    weights = fit(train, options.epochs, options.pair_epochs)
    report("held", list(lessons(options.data, "held", options.count)), weights)
    out = options.out or ROOT / "src/music_analysis/weights/structure.safetensors"
    save(weights, out)


def fit(train: list[tuple[str, Lesson]], epochs: int, pair_epochs: int) -> dict[str, Floats]:
    """All weights from (kind, lesson) of the train songs."""
    songs = [song for _, song in train]
    weights = learn_boundaries(songs, epochs).export()
    in_bars = [song for kind, song in train if kind != "steps"]
    weights |= learn_pairs(in_bars, pair_epochs)
    weights["lengths"] = length_gains([song for kind, song in train if kind == "true"])
    # on a fifth of what it is used for: eight numbers need no more
    choose([song for kind, song in train if kind == "found"][::5], weights)
    return weights


def report(group: str, found: list[tuple[str, Lesson]], weights: dict[str, Floats]) -> None:
    for kind in ("found", "true", "steps"):
        table = []
        for way, song in found:
            if way == kind:
                logits = segmentation.boundary_logits(song.bars, weights)
                starts = segmentation.best_boundaries(
                    logits, weights["lengths"], float(weights["bonus"][0])
                )
                pairs = grouping.pair_logits(grouping.pair_evidence(song.bars, starts), weights)
                sizes = np.diff(np.append(starts, len(song.bars))).astype(np.float32)
                (labels,) = grouping.clusters(pairs, sizes, (float(weights["thresholds"][0]),))
                table.append(scores(song, starts, [str(k) for k in labels]))
        if table:
            means = np.mean(table, axis=0).round(3)
            print(f"{group}, {kind} bars ({len(table)}): F@0.5, F@3, pairwise {means}", flush=True)


def save(weights: dict[str, Floats], path: Path) -> None:
    from safetensors.numpy import save_file

    small = {name: rows.astype(np.float16) for name, rows in weights.items()}
    save_file(small, path)
    print(f"{path}: {sum(r.size for r in small.values())} numbers, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
