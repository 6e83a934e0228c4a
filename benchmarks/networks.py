"""How fast networks run on one core: a part of ``speed.py``."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from timing import HEIGHT, WIDTH, best

if TYPE_CHECKING:
    from afx.field import Network


def measure(results: dict[str, Any]) -> None:
    """Random networks on one core, against a matrix product and torch; and two threads."""
    from concurrent.futures import ThreadPoolExecutor

    from afx.bench.network import KNOBS, NAME, random_network, work
    from afx.bench.peak import ProcessorPeak
    from afx.field.jit import Call, Geometry, Kernel

    rows = []
    geometry = Geometry.of(WIDTH, HEIGHT)
    for width, depth in ((16, 8), (32, 6), (64, 4), (128, 6), (256, 8)):
        made = random_network(width, depth)
        os.environ["AFX_CACHE_DIR"] = tempfile.mkdtemp()
        begin = time.process_time()
        kernel = Kernel(made.program)
        compiled = time.process_time() - begin

        def make(kernel: Kernel = kernel, weights: Any = made.weights) -> Call:
            call = Call(kernel)
            for output in kernel.module.outputs:
                call.output(output, np.zeros((HEIGHT, WIDTH), np.float32))
            call.weights(NAME, weights)
            call.knobs[:] = [KNOBS[k] for k in kernel.module.knobs]
            return call

        call = make()
        # Large networks on a part of the frame: a pixel costs the same anywhere.
        height = HEIGHT if width <= 64 else HEIGHT // 8
        eager = _naive_torch(kernel.module.networks[0], made.weights, height)
        ours, theirs = [], []
        with ProcessorPeak() as peak:
            for round_ in range(7):  # in turn, so that the machine's moods meet all of them
                peak.measure(1)
                ours.append(best(partial(call.run, geometry, (0, height), (0, WIDTH)), 2,
                                 time.process_time))  # fmt: skip
                if round_ < 3:
                    theirs.append(best(eager, 1, time.process_time))
            rate = WIDTH * height / min(ours)
            row = {
                "network": f"{width}×{depth}",
                "mpx": rate / 1e6,
                "peak": rate * work(made.program) / peak.best[1],
                "torch": min(theirs) / min(ours),
                "compile": compiled,
            }
        if width == 32:
            calls = [make(), make()]

            def frames(call: Call) -> None:
                for _ in range(6):
                    call.run(geometry, (0, HEIGHT), (0, WIDTH))

            def pair(calls: list[Call] = calls) -> None:
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(frames, calls))

            single = best(partial(frames, calls[0]), 3, time.perf_counter)
            results["two threads"] = 2 * single / best(pair, 3, time.perf_counter)
        rows.append(row)
        print(f"  {row['network']:8} {row['mpx']:6.2f} Mpx/s  {100 * row['peak']:4.0f} % of the"
              f" matrix peak  {row['torch']:5.1f} × torch  compile {compiled:.2f} s")  # fmt: skip
    results["networks"] = rows
    results["network frames"] = _network_frames()


def _network_frames() -> list[dict[str, Any]]:
    """Return CPU ms of whole frames, field to 4:2:0, at each internal resolution."""
    from dataclasses import replace

    from afx.easel import Easel
    from afx.look import load_library
    from afx.look_changes import with_network
    from afx.painter import Painter

    rows = []
    painter = Painter(WIDTH, HEIGHT)
    out = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    library = {"neural-dream": load_library()["neural-dream"]}
    for size, factors in (("12x4", (1, 2, 3, 4)), ("64x4", (1, 2, 3, 4)), ("256x8", (2, 4))):
        look = with_network(library, size)["neural-dream"]
        picture = Easel(WIDTH, HEIGHT).picture(look, seed=1)
        row: dict[str, Any] = {"network": size.replace("x", "×")}
        for factor in factors:
            coarse = replace(picture.fields[0], internal=factor)
            made = replace(picture, fields=(coarse,))
            times = 7 if size != "256x8" else 2
            row[str(factor)] = 1e3 * best(
                partial(painter.video, made, out), times, time.process_time
            )
        rows.append(row)
        print("  " + json.dumps(row))
    return rows


def _naive_torch(network: Network, weights: Any, height: int) -> Callable[[], object]:
    """Return what one would write in torch: each layer for all pixels, one thread, eager."""
    import torch

    torch.set_num_threads(1)
    x = torch.linspace(-1.7, 1.7, WIDTH).repeat(height)
    y = torch.linspace(-1, 1, height).repeat_interleave(WIDTH)
    same = torch.ones_like(x)
    inputs = torch.stack([0.3 * same, 0.5 * same, x, y, (x * x + y * y).sqrt(), x * y], 1)
    layers = [
        (torch.from_numpy(matrix.copy()), torch.from_numpy(bias.copy()))
        for matrix, bias in network.split(weights)
    ]
    kinds: dict[str, Callable[[Any], Any]] = {
        "linear": lambda h: h,
        "sine": torch.sin,
        "cosine": torch.cos,
        "tanh": torch.tanh,
        "gaussian": lambda h: torch.exp(-0.5 * h * h),
    }

    def run() -> object:
        with torch.inference_mode():
            h = inputs
            for layer, (matrix, bias) in zip(network.layers, layers, strict=True):
                h = torch.nn.functional.linear(h, matrix, bias)
                parts = h.split([count for _, count in layer.activations], 1)
                made = [kinds[name](part) for (name, _), part in
                        zip(layer.activations, parts, strict=True)]  # fmt: skip
                h = torch.cat(made, 1) if len(made) > 1 else made[0]
            return h

    return run


def section(results: dict[str, Any]) -> list[str]:
    """Return the section of RESULTS.md."""
    lines = [
        "## Networks, one core",
        "",
        "The bars: 20 Mpx/s for 16×8, 9 for 32×6, 4 for 64×4, 60 % of the float32 matrix peak"
        " for 128×6 and 256×8; 6 × naive torch up to 64 wide, 2 × at 256; 0.5 s to compile. The"
        " peak is the best product of two large matrices by NumPy or torch on one thread, in"
        " the same minute; it moves memory too, so more than 100 % is possible. The share"
        " counts the layers' matrices alone. Naive torch is eager, one thread, layer by layer"
        " for the whole frame (an eighth of it from 128 wide).",
        "",
        "| width × depth | Mpx/s | % of matrix peak | × naive torch | compile (CPU s) |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['network']} | {r['mpx']:.2f} | {100 * r['peak']:.0f}"
        f" | {r['torch']:.1f} | {r['compile']:.2f} |"
        for r in results["networks"]
    ]
    lines += ["", f"Two threads do {results['two threads']:.2f} × the work of one.", ""]

    if "network frames" in results:
        lines += [
            "A whole frame of `neural-dream` with such a network, from the field to 4:2:0, its"
            " forms made at a part of the size, in ms of one core. The bar: 60 for 64×4 at 1/2.",
            "",
            "| width × depth | 1 | 1/2 | 1/3 | 1/4 |",
            "|---|---|---|---|---|",
        ]
        for r in results["network frames"]:
            cells = [f"{r[k]:.0f}" if k in r else "–" for k in "1234"]
            lines.append(f"| {r['network']} | {' | '.join(cells)} |")
        lines.append("")
    return lines
