"""What the Triton kernels compute, by Triton's interpreter: prints measurements as JSON.

A program of its own, because the interpreter must be chosen before Triton is imported.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress

os.environ["TRITON_INTERPRET"] = "1"

import numpy as np
import torch

from afx import halo
from afx.color import packed_tables, paired_tables
from afx.easel import Easel
from afx.field import lib
from afx.field.expr import Expr, as_expr, constant, select
from afx.field.fused import Runner
from afx.field.fused_network import Block
from afx.field.fused_program import FusedProgram, fused_program
from afx.field.jit import Geometry, Kernel
from afx.field.network import ACTIVATIONS, Layer, Network
from afx.field.noise import cells, fbm
from afx.field.program import Buffer, Program, iterate, plane, run_network, uniform
from afx.field.tensor import TensorProgram
from afx.look import Look
from afx.painter import FieldState, Painter, Picture
from afx.palette import PALETTES
from afx.stage import GRADE_KNOBS
from afx.tensor_painter import TensorPainter
from afx.transition import Wipe

X, Y = Expr("x", "f"), Expr("y", "f")
WIDTH, HEIGHT = 13, 7
GEOMETRY = Geometry(-1.3, 0.2, -0.9, 0.25, 0.02)
Measurements = dict[str, float | str | bool]


def layers(*widths: tuple[tuple[str, int], ...], inputs: int, film: int) -> tuple[Layer, ...]:
    made, before = [], inputs
    for runs in widths:
        made.append(Layer(before, runs))
        before = made[-1].outputs + film
    return tuple(made)


EVERY = tuple((name, 3) for name in ACTIVATIONS)
WAVY = (("sine", 5), ("gaussian", 11))
NETWORKS = {
    "one layer": ((WAVY,), 3, 0),
    "every activation": ((EVERY, EVERY, (("linear", 3),)), 4, 2),
    "a loop of equal layers": ((WAVY, WAVY, WAVY, WAVY, (("sigmoid", 2),)), 3, 1),
    "odd widths": (((("sine", 70), ("tanh", 33)), (("cosine", 9),), (("linear", 20),)), 3, 0),
    "many inputs": ((WAVY, (("linear", 1),)), 12, 0),
}


def network(name: str) -> tuple[Network, np.ndarray]:
    widths, inputs, film = NETWORKS[name]
    made = Network("net", layers(*widths, inputs=inputs, film=film), film)
    rng = np.random.default_rng(len(name))
    parts = []
    for layer in made.layers:
        weights = rng.normal(0, 1.2 / layer.inputs**0.5, (layer.outputs, layer.inputs))
        parts += [weights.ravel(), rng.normal(0, 0.3, layer.outputs)]
    return made, np.concatenate(parts).astype(np.float32)


def program_of(made: Network) -> Program:
    """A network of the point, its waves, and frame values last."""
    points = [X, Y, *(lib.sin(X * (k + 1.0)) for k in range(10))][: made.inputs - max(made.film, 1)]
    knobs = tuple(f"k{i}" for i in range(made.inputs - len(points)))
    outputs = run_network(made, (*points, *map(uniform, knobs)))
    return Program(tuple((f"out{i}", e) for i, e in enumerate(outputs)), knobs)


def frame(program: Program, knobs: dict[str, float]) -> torch.Tensor:
    g = GEOMETRY
    return torch.tensor([g.x0, g.dx, g.y0, g.dy, g.pixel, *(knobs[n] for n in program.knobs)])


def by_kernels(program: Program, knobs, bytes_=(), **given) -> dict[str, np.ndarray]:
    given.setdefault("planes", {})
    given.setdefault("buffers", {})
    given.setdefault("weights", {})
    given.setdefault("run_network", Runner("cpu", forms=["fused"], block=Block(16, 4)))
    made = FusedProgram(program, bytes_)((0, HEIGHT), WIDTH, frame(program, knobs), **given)
    return {name: value.numpy() for name, value in made.items()}


def by_torch(program: Program, knobs, **given) -> dict[str, np.ndarray]:
    g = GEOMETRY
    x = (torch.arange(WIDTH, dtype=torch.float32) + 0.5) * float(np.float32(g.dx)) + float(
        np.float32(g.x0)
    )
    y = (torch.arange(HEIGHT, dtype=torch.float32) + 0.5) * g.dy + float(np.float32(g.y0))
    pixel = float(np.float32(g.pixel))
    made = TensorProgram(program)(x[None, :], y[:, None], knobs, pixel=pixel, **given)
    return {name: value.numpy() for name, value in made.items()}


def networks() -> Iterator[tuple[str, Measurements]]:
    for name in NETWORKS:
        made, weights = network(name)
        program = program_of(made)
        knobs = {n: 0.3 * i - 0.4 for i, n in enumerate(program.knobs)}
        want = Kernel(program).evaluate(
            WIDTH, HEIGHT, knobs, geometry=GEOMETRY, weights={"net": weights}
        )
        seen: Measurements = {}
        for precision in ("float32", "half"):
            blocks = []
            for pixels in (16, 32) if name != "every activation" else (32,):
                runner = Runner("cpu", precision, forms=["fused"], block=Block(pixels, 4))
                blocks.append(
                    by_kernels(program, knobs, weights={"net": weights}, run_network=runner)
                )
            eager = by_torch(
                program, knobs, weights={"net": weights},
                run_network=Runner("cpu", precision, forms=["eager"], batch=256),
            )  # fmt: skip
            seen[precision] = max(float(np.abs(blocks[0][n] - want[n]).max()) for n in want)
            seen[f"{precision} eager"] = max(
                float(np.abs(blocks[0][n] - eager[n]).max()) for n in want
            )
            seen[f"{precision} blocks"] = all(
                np.array_equal(blocks[0][n], blocks[-1][n]) for n in want
            )
        seen["spread"] = float(np.std([want[n] for n in want]))
        yield name, seen


def expressions() -> dict[str, Expr]:
    """Every operation, and loops of every kind."""
    n = lib.to_int(X * 40.0)
    z = iterate(
        30, (X, Y, 0.0), lambda a, b, k: (a * a - b * b - 0.7, 2.0 * a * b + 0.27, k + 1.0),
        until=lambda a, b, _k: a * a + b * b > 4.0,
    )  # fmt: skip
    swap = iterate(3, (X, Y), lambda a, b: (b, a + 0.5))

    def outer(total: Expr, k: Expr) -> tuple[Expr, Expr]:
        (inner,) = iterate(6, (k,), lambda v: (v + X,), until=lambda v: v >= total + 1.0)
        return total + inner, k + 1.0

    nest = iterate(5, (0.0, 0.0), outer, until=lambda total, _k: total > 3.0)
    table, words = Buffer("table"), Buffer("words", "i")
    odd = constant(float("inf")) * constant(0.0)
    return {
        "arithmetic": (X + Y) * (X - 2.0) / (Y * Y + 1.0) - -X,
        "functions": lib.sin(X * 9.0) + lib.exp(Y) + lib.log(X * X + 0.1) + lib.atan2(Y, X),
        "root and floor": lib.sqrt(X * X + Y * Y) + lib.floor(X * 3.0) + lib.absolute(Y),
        "choice": select((X < Y) & ~(X <= 0.2) | (Y == X), X, lib.minimum(Y, 0.3)),
        "not a number": lib.clamp(odd) + lib.maximum(as_expr(odd), X),
        "bits": lib.to_float((n * 0x27D4EB2D ^ (n >> 3)) & 0xFFFF) + lib.to_float(n << 2 | 1),
        "zeros": Expr("bits", "i", (constant(-0.0),)),
        "truth": X > Y,
        "noise": fbm(X * 3.0, Y * 3.0, uniform("t"), octaves=2),
        "cells": cells(X * 2.0, Y * 2.0, 0.2).nearest,
        "escape": z[0] + z[2],
        "swapped": swap[0] - swap[1] * 2.0,
        "nested": nest[0] + nest[1],
        "fetched": table.fetch(n, lib.to_int(Y * 9.0)) + table.width * 10.0 + table.height,
        "words": lib.to_float(words.fetch(n, 0) >> 16 & 0xFF),
        "beside": plane("p", 1, -1) - plane("p", -2, 1) + plane("q"),
        "frame": uniform("t") * 2.0,
        "pixel": X / Expr("pixel", "f"),
    }


def programs() -> Iterator[tuple[str, Measurements]]:
    rng = np.random.default_rng(3)
    given = {
        "planes": {
            n: torch.tensor(rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)) for n in "pq"
        },
        "buffers": {
            "table": torch.tensor(rng.normal(size=(3, 5)).astype(np.float32)),
            "words": torch.tensor(rng.integers(-(2**31), 2**31, (1, 9)).astype(np.int32)),
        },
    }
    knobs = {"t": 0.37}
    for name, value in expressions().items():
        program = Program((("out", as_expr(value)),), ("t",))
        want = by_torch(program, knobs, **given)["out"].astype(np.float32)
        got = by_kernels(program, knobs, **given)["out"]
        same = (got == want) | (np.isnan(got) & np.isnan(want))
        yield name, {"same": bool(np.all(same)), "error": float(np.nanmax(np.abs(got - want)))}
    value = as_expr(select(X > 0.5, as_expr(float("nan")), X * 400.0))
    made = by_kernels(Program((("b", value),), ()), {}, ("b",))["b"]
    x = by_torch(Program((("x", X),), ()), {})["x"]
    want = np.where(x > 0.5, 0, np.clip(x * np.float32(400), 0, 255)).astype(np.uint8)
    yield "bytes", {"same": bool(np.array_equal(made, want)), "error": 0.0}
    twice = rng.normal(size=(2 * HEIGHT, 2 * WIDTH)).astype(np.float32)
    half = Program((("out", plane("d", -1, 1, step=2)),), ())
    got = by_kernels(half, {}, planes={"d": torch.tensor(twice)})["out"]
    wide = np.pad(twice, ((0, 0), (1, 0)), mode="edge")
    yield "half size", {"same": bool(np.array_equal(got, wide[1::2, 0:-1:2])), "error": 0.0}
    inner = FusedProgram(Program((("out", plane("p", 0, -1)),), ()))
    tall = torch.tensor(rng.normal(size=(HEIGHT + 2, WIDTH)).astype(np.float32))
    led = inner(
        (0, HEIGHT), WIDTH, torch.zeros(5), planes={"p": tall}, lead=1, buffers={}, weights={},
        run_network=Runner("cpu"),
    )["out"]  # fmt: skip
    yield "rows around", {"same": bool(torch.equal(led, tall[:-2])), "error": 0.0}

    def inside(a: Expr) -> tuple[Expr]:
        net = Network("net", (Layer(1, (("sine", 1),)),))
        return run_network(net, (a,))

    refused = False
    with suppress(NotImplementedError):
        fused_program(Program((("out", iterate(2, (X,), inside)[0]),), ()))
        refused = True
    yield "a network in a loop is refused", {"same": not refused, "error": 0.0}


def pictures() -> Iterator[tuple[str, Measurements]]:
    width, height = 34, 20
    easel, painter = Easel(width, height), Painter(width, height)
    device = TensorPainter(width, height, programs="fused", network="fused", strip=10)

    def still(name: str) -> Picture:
        palette = PALETTES["ember"]
        knobs = {"relief": 0.6, "glow": 0.4}
        return easel.picture(
            Look(name=name, title=name, pattern=name, palette=palette, knobs=knobs)
        )

    one, two = still("cppn"), still("julia")
    gain = np.random.default_rng(1).uniform(0.4, 1.1, (9, 16)).astype(np.float32)
    state = one.fields[0]
    coarse = FieldState(
        state.kernel, state.knobs, state.weights, state.scale, state.offset, internal=2
    )
    tables = packed_tables(PALETTES["ember"], PALETTES["glacier"], 0.3)
    halo.PIXELS = 24 * 16  # the interpreter is slow
    pair = paired_tables(PALETTES["ember"], PALETTES["glacier"])
    lit = one.grade.copy()
    for index, knob in enumerate(GRADE_KNOBS):
        if knob.name in ("warmth", "halo", "film", "grain", "fringe"):
            lit[index] = 0.7
    cases = {
        "fade, gain, enlarged": Picture((coarse, two.fields[0]), 0.4, one.grade, tables, gain),
        "wipe, light and film": Picture(
            (coarse, two.fields[0]), 0.4, lit, pair, wipe=Wipe(0.5, "plasma", angle=0.2)
        ),
    }
    for name, picture in cases.items():
        want, got = (np.empty((height * 3 // 2, width), np.uint8) for _ in range(2))
        painter.video(picture, want)
        device.video(picture, got)
        difference = np.abs(want.astype(int) - got)
        yield name, {
            "within": float(np.mean(difference <= 1)), "fused": device.bench.fused,
            "spread": float(want.std()),
        }  # fmt: skip


def main() -> None:
    parts: dict[str, Callable[[], Iterator[tuple[str, Measurements]]]] = {
        "networks": networks, "programs": programs, "pictures": pictures
    }  # fmt: skip
    warnings.simplefilter("error")
    # The interpreter computes with NumPy, which warns where integers wrap and NaN is converted.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="triton")
        found = {name: dict(part()) for name, part in parts.items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
