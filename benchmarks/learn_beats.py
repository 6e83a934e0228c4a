"""Train the beat network: ``python benchmarks/learn_beats.py --data FOLDER``.

FOLDER holds songs as ``train/ID`` and ``held/ID``, each with ``ref.json`` (beats, downbeats,
time_signature) and ``audio.*``; what is measured of the sound is kept in ``FOLDER/feat``. Writes
``src/music_analysis/weights/beats.safetensors``. Needs torch; one thread, a fixed seed.

Every example is a minute of a song, played at another and changing speed, with other bands, noise
and gain; now and then made-up clicks of any meter, or noise and onsets without any beat, so that
the network says so where there is none.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beat_lessons import Lesson, clicks, example, lesson, made_songs, nothing, plain_example
from music_analysis import beat_network as net

ROOT = Path(__file__).parents[1]
CHANNELS, TAPS, LAYERS = 24, 5, 9
SHARES = {"made": 0.05, "pop": 0.48, "dance": 0.12, "breakbeat": 0.10, "waltz": 0.10, "six": 0.10}
CLICKS, NOTHING = 0.06, 0.04


def style(name: str) -> str:
    first = name.split("-")[0]
    return first if first in SHARES else "pop"


def build() -> Any:
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv1d(net.INPUTS, CHANNELS, TAPS, padding=TAPS // 2)
            self.far = nn.ModuleList(
                nn.Conv1d(CHANNELS, CHANNELS, TAPS, padding=TAPS // 2 * 2**k, dilation=2**k)
                for k in range(LAYERS)
            )
            self.near = nn.ModuleList(nn.Conv1d(CHANNELS, CHANNELS, 1) for _ in range(LAYERS))
            self.head = nn.Conv1d(CHANNELS, 2 + len(net.METERS) + len(net.TEMPOS), 1)
            self.drop = nn.Dropout(0.1)
            with torch.no_grad():
                for layer in self.near:
                    layer.weight *= 0.5
                self.head.bias[:2] = torch.tensor([-2.5, -3.5])

        def forward(self, x: Any) -> Any:
            act = nn.functional.elu
            x = self.drop(act(self.stem(x)))
            for far, near in zip(self.far, self.near, strict=True):
                x = x + near(self.drop(act(far(x))))
            return self.head(act(x))

    return Network()


def losses(out: Any, both: Any, meters: Any, tempos: Any) -> Any:
    import torch
    from torch.nn import functional

    known = (both >= 0).float()
    each = functional.binary_cross_entropy_with_logits(
        out[:, :2], both.clamp(min=0), reduction="none"
    )
    beat = (each * known).mean(dim=(0, 2))
    stop = 2 + len(net.METERS)
    meter = functional.cross_entropy(out[:, 2:stop], meters, ignore_index=-1)
    tempo = functional.cross_entropy(out[:, stop:], tempos, ignore_index=-1)
    return beat[0] + 1.5 * beat[1] + 0.04 * meter + 0.08 * tempo, torch.stack(
        [*beat, meter, tempo]
    ).detach()


def export(model: Any, path: Path) -> None:
    from safetensors.numpy import save_file

    def plain(tensor: Any) -> NDArray[np.float16]:
        array = tensor.detach().numpy()
        return np.ascontiguousarray(array.transpose(2, 1, 0) if array.ndim == 3 else array).astype(
            np.float16
        )

    arrays = {}
    for name, value in model.state_dict().items():
        parts = name.split(".")
        place = f"block.{parts[1]}.{parts[0]}.{parts[2]}" if len(parts) == 3 else name
        arrays[place] = plain(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, path)
    path.chmod(0o644)


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path(net.__file__).parent / "weights")
    parser.add_argument("--steps", type=int, default=3500)
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop earlier than steps")
    parser.add_argument("--seed", type=int, default=909)
    parser.add_argument("--start", type=Path, help="weights (torch) to go on from")
    parser.add_argument("--rate", type=float, default=4e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    random = np.random.Generator(np.random.Philox(options.seed))

    def lessons(group: str) -> dict[str, list[Lesson]]:
        out: dict[str, list[Lesson]] = {}
        for ref in sorted((options.data / group).glob("*/ref.json")):
            name = ref.parent.name
            cache = options.data / "feat" / group / f"{name}.npz"
            sound = any(p.stat().st_size for p in ref.parent.glob("audio.*"))
            if not (cache.exists() or sound):
                continue
            try:
                out.setdefault(style(name), []).append(lesson(ref.parent, cache))
            except KeyError as error:
                print(f"{cache}: {error}: left out", flush=True)
        return out

    train = lessons("train")
    train["made"] = made_songs(24, random)
    print({name: len(part) for name, part in train.items()}, flush=True)
    names = [name for name in SHARES if name in train]
    shares = np.array([SHARES[name] for name in names] + [CLICKS, NOTHING])
    shares /= shares.sum()

    def draw(random: np.random.Generator) -> tuple[Any, ...]:
        kind = int(random.choice(len(shares), p=shares))
        if kind == len(names):
            return clicks(random)
        if kind > len(names):
            return nothing(random)
        songs = train[names[kind]]
        return example(songs[random.integers(len(songs))], random)

    def batch(items: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        x, both, meters, tempos = (np.stack(column) for column in zip(*items, strict=True))
        return (
            torch.from_numpy(x.transpose(0, 2, 1).copy()),
            torch.from_numpy(both),
            torch.from_numpy(meters),
            torch.from_numpy(tempos),
        )

    held = lessons("held")
    fixed = np.random.Generator(np.random.Philox(1))
    test = {
        name: batch([plain_example(song, fixed) for song in songs[:8]])
        for name, songs in held.items()
    }
    model = build()
    if options.start:
        model.load_state_dict(torch.load(options.start))
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=1e-3)
    begun = time.monotonic()
    sums, count = torch.zeros(4), 0
    for step in range(options.steps):
        passed = (time.monotonic() - begun) / 60 / options.minutes
        share = max(step / options.steps, passed)
        if share >= 1:
            break
        warm = min(1.0, (step + 1) / 100)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * warm * (0.5 + 0.5 * math.cos(math.pi * share))
        model.train()
        x, *truth = batch([draw(random) for _ in range(8)])
        loss, parts = losses(model(x), *truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        sums, count = sums + parts, count + 1
        if (step + 1) % 100 == 0:
            model.eval()
            with torch.no_grad():
                scores = {n: losses(model(b[0]), *b[1:])[1].numpy() for n, b in test.items()}
            text = "  ".join(f"{n} {s[0]:.3f} {s[1]:.3f}" for n, s in scores.items())
            means = (sums / count).numpy().round(3)
            print(step + 1, f"{time.monotonic() - begun:.0f} s", means, "|", text, flush=True)
            sums, count = torch.zeros(4), 0
            export(model, options.out / "beats.safetensors")
            torch.save(model.state_dict(), options.out / "beats.pt") if options.out.name != (
                "weights"
            ) else None
    model.eval()
    export(model, options.out / "beats.safetensors")


if __name__ == "__main__":
    main()
