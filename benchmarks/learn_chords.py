"""Train the chord network of ``music_analysis.chord_network``.

    python benchmarks/learn_chords.py --data FOLDER [--out FILE] [--steps N] [--start FILE]

``FOLDER/train/ID/`` holds songs to learn from, ``FOLDER/held/ID/`` songs to watch the progress
with: a sound file and ``ref.json`` with ``chords`` as ``[start, end, label]``. Measured spectra are
kept in ``FOLDER/feat``. Besides, clips of synthesized tones are made here (``made_chords.py``):
plain waveforms, rare qualities, and sounds without chords. One seed for everything.

Each crop is transposed, detuned, filtered, and has noise, drum hits and a singing line added.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chord_crops import UNKNOWN, Bank, Item, crop
from made_chords import made_clips
from music_analysis import chord_network as cn
from music_analysis.chord_labels import NAMES, TRIAD_OF, parse
from music_analysis.song_spectra import in_semitones, measure_song

BATCH, MADE = 10, 1  # crops to a step, those of made clips among them
FILTERS, CHANNELS = 8, 24
SEED = 20


def labels(chords: list[Any], rows: int) -> tuple[NDArray[np.int16], ...]:
    """Chord, bass (UNKNOWN where there is none) and change for every row at 5 Hz."""
    times = (2 * np.arange(rows) + 0.5) / 10
    chord = np.full(rows, cn.CHORDS - 1, np.int16)
    bass = np.full(rows, UNKNOWN, np.int16)
    change = np.zeros(rows, np.float32)
    for start, end, label in chords:
        inside = (times >= start) & (times < end)
        try:
            name = parse(label)
        except ValueError:
            chord[inside] = UNKNOWN
            continue
        if start > 0:
            change[np.abs(times - start) < 0.2] = 1
        if name is not None:
            chord[inside] = 12 * NAMES.index(name.quality) + name.root
            bass[inside] = (name.root + name.bass) % 12
    return chord, bass, change


def make_item(pitches: NDArray[np.float32], tuning: float, chords: list[Any]) -> Item:
    scale = max(float(np.abs(pitches).max()), 1e-6)
    pitches = pitches / scale * 100  # what float16 loses is 150 dB down
    level = cn.song_level(in_semitones(pitches, tuning))
    rows = (len(pitches) + 1) // 2
    return Item(pitches.astype(np.float16), tuning, level, *labels(chords, rows))


def read(data: Path, group: str) -> list[Item]:
    """Songs of a group, measured where they are not yet."""
    items = []
    for ref in sorted((data / group).glob("*/ref.json")):
        cache = data / "feat" / group / f"{ref.parent.name}.npz"
        if not cache.exists():
            from music_analysis.audio import load

            sounds = [p for p in ref.parent.iterdir() if p.stem == "audio"]
            if not sounds:
                continue
            spectra = measure_song(load(sounds[0]))
            cache.parent.mkdir(parents=True, exist_ok=True)
            np.savez(cache, pitches=spectra.pitches, tuning=spectra.tuning)
        with np.load(cache) as z:
            pitches, tuning = z["pitches"], float(z["tuning"])
        items.append(make_item(pitches, tuning, json.loads(ref.read_text())["chords"]))
    return items


def batches(songs: list[Item], made: list[Item], seed: int) -> Iterator[list[NDArray[Any]]]:
    rng = np.random.Generator(np.random.Philox(key=[seed, 1]))
    bank = Bank(rng)
    weights = np.array([len(i.pitches) for i in songs], float)
    weights /= weights.sum()
    while True:
        chosen = [songs[k] for k in rng.choice(len(songs), BATCH - MADE, p=weights)]
        chosen += [made[k] for k in rng.integers(0, len(made), MADE)]
        yield [np.stack(parts) for parts in zip(*(crop(i, bank, rng) for i in chosen), strict=True)]


# --- the network in torch ---------------------------------------------------------------------


def build(torch: Any, filters: int = FILTERS, channels: int = CHANNELS) -> Any:
    """Build the same network as ``ChordNetwork``, with normalization that export folds away."""
    nn, blocks, taps = torch.nn, len(cn.DILATIONS), cn.TAPS
    reach = cn.HIGHEST_OVERTONE - cn.LOWEST_OVERTONE + 1
    intervals = torch.from_numpy((np.arange(12)[:, None] - np.arange(12)) % 12)
    pitch = np.arange(cn.SEMITONES)
    offset = pitch[:, None] - pitch - cn.LOWEST_OVERTONE  # [input, output]
    within = torch.from_numpy((offset >= 0) & (offset < reach))
    offset = torch.from_numpy(np.clip(offset, 0, reach - 1))
    part = torch.arange(12)[:, None, None, None] / 12

    def spread(kernel: Any) -> Any:
        full = kernel[intervals].permute(0, 2, 1, 3)
        return full.reshape(12 * kernel.shape[1], 12 * kernel.shape[2])

    class Taps(torch.autograd.Function):  # type: ignore[name-defined,misc]
        """Weighted sum of shifted rows, each channel for itself; torch's own is slow here."""

        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, dilation: int) -> Any:
            ctx.save_for_backward(x, weight)
            ctx.dilation = dilation
            y = torch.zeros_like(x)
            for tap, (to, come) in enumerate(spans(x.shape[1], dilation)):
                y[:, to].addcmul_(x[:, come], weight[tap])
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, weight = ctx.saved_tensors
            back, own = torch.zeros_like(x), []
            for tap, (to, come) in enumerate(spans(x.shape[1], ctx.dilation)):
                back[:, come].addcmul_(grad[:, to], weight[tap])
                own.append((x[:, come] * grad[:, to]).sum((0, 1, 2)))
            return back, torch.stack(own), None

    def spans(length: int, dilation: int) -> Iterator[tuple[slice, slice]]:
        for tap in range(taps):
            shift = (tap - taps // 2) * dilation
            low, high = max(0, -shift), min(length, length - shift)
            yield slice(low, high), slice(low + shift, high + shift)

    class Net(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.tones = nn.Parameter(torch.randn(filters, reach) * 0.05)
            with torch.no_grad():
                self.tones[:, -cn.LOWEST_OVERTONE] += 0.5
            self.norm_tones = nn.BatchNorm1d(filters)
            self.fold = nn.Parameter(torch.randn(8, filters, channels) * (7 * filters) ** -0.5)
            self.norm_fold = nn.BatchNorm1d(channels)
            self.time = nn.Parameter(torch.randn(blocks, taps, channels) * 0.3)
            with torch.no_grad():
                self.time[:, taps // 2] += 0.6
            self.norm_time = nn.ModuleList(nn.BatchNorm1d(channels) for _ in range(blocks))
            self.mix = nn.Parameter(
                torch.randn(blocks, 12, channels, channels) * 0.4 * (12 * channels) ** -0.5
            )
            self.mix_bias = nn.Parameter(torch.zeros(blocks, channels))
            size = (12 * channels) ** -0.5
            self.roots = nn.Parameter(torch.randn(12, channels, len(NAMES)) * size)
            self.roots_bias = nn.Parameter(torch.zeros(len(NAMES)))
            self.bass = nn.Parameter(torch.randn(12, channels, 1) * size)
            self.whole = nn.Parameter(torch.randn(channels, 2) * channels**-0.5)
            self.whole_bias = nn.Parameter(torch.zeros(2))

        def forward(self, rows: Any) -> Any:
            """[B, T, 84] to chord, bass and change logits."""
            batch, length, _ = rows.shape
            kernel = self.tones[:, offset] * within  # [K, input, output]
            x = rows.reshape(-1, cn.SEMITONES) @ kernel.permute(1, 2, 0).reshape(cn.SEMITONES, -1)
            x = torch.relu(self.norm_tones(x.reshape(-1, filters)))
            x = x.reshape(-1, 7, 12, filters).permute(2, 0, 1, 3).reshape(12, -1, 7 * filters)
            fold = (1 - part) * self.fold[None, :-1] + part * self.fold[None, 1:]
            x = (x @ fold.reshape(12, 7 * filters, channels)).permute(1, 0, 2)
            x = torch.relu(self.norm_fold(x.reshape(-1, channels)))
            x = x.reshape(batch, length, 12, channels)
            for block, dilation in enumerate(cn.DILATIONS):
                y = Taps.apply(x, self.time[block], dilation)
                y = torch.relu(self.norm_time[block](y.reshape(-1, channels)))
                y = torch.addmm(
                    self.mix_bias[block].repeat(12),
                    y.reshape(-1, 12 * channels),
                    spread(self.mix[block]),
                )
                x = x + y.reshape(batch, length, 12, channels)
            x = torch.relu(x)
            flat = x.reshape(-1, 12 * channels)
            roots = (flat @ spread(self.roots)).reshape(-1, 12, len(NAMES)) + self.roots_bias
            whole = x.mean(dim=2).reshape(-1, channels) @ self.whole + self.whole_bias
            chords = torch.cat([roots.transpose(1, 2).flatten(1), whole[:, :1]], dim=1)
            bass = flat @ spread(self.bass)
            return chords, bass, whole[:, 1]

    return Net()


def export(net: Any) -> dict[str, NDArray[np.float32]]:
    """Weights as ``ChordNetwork.from_arrays`` takes them, batch normalization folded in."""

    def folded(norm: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * gain
        return gain.detach().double().numpy(), shift.detach().double().numpy()

    def get(name: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = getattr(net, name).detach().double().numpy()
        return values

    gain, shift = folded(net.norm_tones)
    out = {"tones": get("tones") * gain[:, None], "tones_bias": shift}
    gain, shift = folded(net.norm_fold)
    out |= {"fold": get("fold") * gain, "fold_bias": shift}
    pairs = [folded(norm) for norm in net.norm_time]
    out["time"] = get("time") * np.stack([g for g, _ in pairs])[:, None]
    out["time_bias"] = np.stack([s for _, s in pairs])
    for name in ("mix", "mix_bias", "roots", "roots_bias", "bass", "whole", "whole_bias"):
        out[name] = get(name)
    return {name: np.ascontiguousarray(a, np.float32) for name, a in out.items()}


def restore(net: Any, arrays: dict[str, NDArray[np.float32]], rows: Any, torch: Any) -> None:
    """Go on from exported weights: normalization is set so that it changes nothing at first."""
    bias = [("tones_bias", net.norm_tones), ("fold_bias", net.norm_fold)]
    bias += [(("time_bias", k), norm) for k, norm in enumerate(net.norm_time)]
    with torch.no_grad():
        for name, values in arrays.items():
            if hasattr(net, name):
                getattr(net, name).copy_(torch.from_numpy(np.asarray(values, np.float32)))
        seen: dict[Any, tuple[Any, Any]] = {}
        for key, norm in bias:
            shift = arrays[key] if isinstance(key, str) else arrays[key[0]][key[1]]
            norm.bias.copy_(torch.from_numpy(np.asarray(shift, np.float32)))
            norm.running_var.fill_(1 - norm.eps)

            def keep(norm: Any, inputs: Any) -> None:
                seen[norm] = (inputs[0].mean(0), inputs[0].var(0))

            norm.hook = norm.register_forward_pre_hook(keep)
        net.eval()
        net(rows)
        for norm, (mean, variance) in seen.items():
            norm.hook.remove()
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.bias.add_(mean)
            norm.weight.copy_((variance + norm.eps).sqrt())
        net.train()


# --- training ---------------------------------------------------------------------------------


def families() -> NDArray[np.int64]:
    """[CHORDS] what counts as one chord for the main loss: sevenths as their triads."""
    of = [NAMES.index(TRIAD_OF.get(name, name) if name != "hdim7" else name) for name in NAMES]
    return np.append(np.repeat(of, 12) * 12 + np.tile(np.arange(12), len(NAMES)), cn.CHORDS - 1)


def accuracy(arrays: dict[str, NDArray[np.float32]], items: list[Item]) -> tuple[float, float]:
    """Share of major and minor (and sevenths) frames that are right: triads; sevenths too."""
    network, of = cn.ChordNetwork.from_arrays(arrays), families()
    basic = [12 * NAMES.index(q) + r for q in ("maj", "min") for r in range(12)]
    right = np.zeros((2, 2))
    for item in items:
        whole = in_semitones(item.pitches.astype(np.float32), item.tuning)
        logits = network.logits(cn.features(whole, item.level))[:, : cn.CHORDS]
        probability = np.exp(logits - logits.max(axis=1, keepdims=True))
        grouped = np.zeros_like(probability)
        np.add.at(grouped.T, of, probability.T)
        truth = item.chord[: len(logits)]
        known = (truth >= 0) & np.isin(of[truth], [*basic, cn.CHORDS - 1])
        found = grouped.argmax(axis=1)
        right[0] += [(found == of[truth])[known].sum(), known.sum()]
        right[1] += [(logits.argmax(axis=1) == truth)[known].sum(), known.sum()]
    return float(right[0, 0] / right[0, 1]), float(right[1, 0] / right[1, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the chord network.")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=None, metavar="FILE")
    parser.add_argument("--steps", type=int, default=3500)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--start", type=Path, metavar="FILE", help="go on from these weights")
    options = parser.parse_args()
    import torch
    from safetensors.numpy import load_file, save_file

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    songs, held = read(options.data, "train"), read(options.data, "held")
    made = [make_item(*clip) for clip in made_clips(SEED, options.data / "feat" / "made.npz")]
    minutes = sum(len(i.pitches) for i in songs) / 600
    print(
        f"{len(songs)} songs, {minutes:.0f} minutes; {len(made)} made; {len(held)} held", flush=True
    )
    out = options.out or Path(cn.__file__).parent / "weights" / "chords.safetensors"
    net = build(torch)
    print(sum(p.numel() for p in net.parameters()), "parameters", flush=True)
    if options.start:
        some = next(batches(songs, made, SEED + 2))[0]
        restore(net, load_file(options.start), torch.from_numpy(some), torch)
        print("held at the start", *accuracy(export(net), held[::4]), flush=True)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    decay = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 1e-2}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.rate, total_steps=options.steps, pct_start=0.1
    )
    of = torch.from_numpy(families())
    f = torch.nn.functional
    begin = time.monotonic()
    losses: list[list[float]] = []
    for step, batch in enumerate(batches(songs, made, SEED + bool(options.start)), 1):
        chord, bass, change = (torch.from_numpy(b).flatten(0, 1) for b in batch[1:])
        net.train()
        logits, low, turn = net(torch.from_numpy(batch[0]))
        known = chord >= 0
        log_p = f.log_softmax(logits[known], dim=1)
        truth = chord[known]
        grouped = torch.zeros_like(log_p).index_add(1, of, log_p.exp()).clamp_min(1e-8).log()
        family = grouped.gather(1, of[truth][:, None]).mean()
        exact = log_p.gather(1, truth[:, None]).mean()
        sung_bass, seen = bass >= 0, change >= 0
        loss = -0.6 * family - 0.4 * exact
        loss = loss + 0.25 * f.cross_entropy(low[sung_bass], bass[sung_bass])
        loss = loss + 0.15 * f.binary_cross_entropy_with_logits(turn[seen], change[seen])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        losses.append([loss.item(), -family.item(), -exact.item()])
        if step % 100 == 0 or step == options.steps:
            mean = np.mean(losses[-100:], axis=0).round(3)
            print(step, f"{time.monotonic() - begin:.0f} s", *mean, flush=True)
        if step % 500 == 0 or step == options.steps:
            arrays = export(average.module)
            print("held", *accuracy(arrays, held[::4]), flush=True)
            save_file({k: v.astype(np.float16) for k, v in arrays.items()}, out)
        if step == options.steps:
            return


if __name__ == "__main__":
    main()
