"""Networks and programs for graphics cards: what they compute, and what happens when they cannot.

There need be no card: Triton's interpreter carries the kernels out (``interpreted_kernels.py``),
Triton's compiler builds them for cards that are not here, and torch runs on the processor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from afx.field.expr import Expr
from afx.field.fused import Runner, memory_is_full
from afx.field.fused_layers import activate_in_place, layer_stack, torch_activation
from afx.field.fused_network import Block, _runs, block_for, network_kernel
from afx.field.fused_text import activation_text
from afx.field.fused_weights import chunks, matrices
from afx.field.jit import Geometry, Kernel
from afx.field.network import ACTIVATIONS, Layer, Network
from afx.field.program import Program, run_network, uniform
from afx.field.tensor import TensorProgram
from afx.patterns import Architecture
from afx.patterns.network_shape import network_of

torch = pytest.importorskip("torch", reason="torch is not installed")

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed")
needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Networks this small are evaluated more quickly by one thread than shared out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


X, Y = Expr("x", "f"), Expr("y", "f")
SIZE = (48, 27)
KNOBS = {"a": 0.3, "b": -0.2, "c": 0.9}


def network(width=24, depth=3, film=2) -> Network:
    runs = (("sine", width // 2), ("tanh", width - width // 2))
    layers = [Layer(5, runs)]
    layers += [Layer(width + film, runs) for _ in range(depth - 1)]
    return Network("net", (*layers, Layer(width + film, (("linear", 2), ("sigmoid", 1)))), film)


def weights_of(made: Network, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = []
    for layer in made.layers:
        scale = 1.5 / layer.inputs**0.5
        parts += [
            rng.normal(0, scale, layer.outputs * layer.inputs),
            rng.normal(0, 0.5, layer.outputs),
        ]
    return np.concatenate(parts).astype(np.float32)


def program_of(made: Network) -> Program:
    outputs = run_network(made, (X, Y, *map(uniform, KNOBS)))
    return Program(tuple((f"o{i}", e) for i, e in enumerate(outputs)), tuple(KNOBS))


def evaluated(made: Network, weights: np.ndarray, runner: Runner, device="cpu") -> np.ndarray:
    """Outputs [3, height, width] by a runner."""
    w, h = SIZE
    g = Geometry.of(w, h)
    x = ((torch.arange(w, device=device) + 0.5) * g.dx + g.x0)[None, :]
    y = ((torch.arange(h, device=device) + 0.5) * g.dy + g.y0)[:, None]
    with torch.inference_mode():
        found = TensorProgram(program_of(made))(
            x, y, KNOBS, pixel=g.pixel, weights={"net": weights}, run_network=runner
        )
    return np.stack([value.cpu().numpy() for value in found.values()])


def by_processor(made: Network, weights: np.ndarray) -> np.ndarray:
    found = Kernel(program_of(made)).evaluate(*SIZE, KNOBS, weights={"net": weights})
    return np.stack(list(found.values()))


# ------------------------------------------------------------------ the kernels, interpreted


@pytest.fixture(scope="module")
def interpreted():
    if find_spec("triton") is None:
        pytest.skip("triton is not installed")
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, str(here / "interpreted_kernels.py")],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_networks_kernel_is_the_processors_network(interpreted):
    assert len(interpreted["networks"]) == 5
    for name, seen in interpreted["networks"].items():
        assert seen["spread"] > 0.02, name
        assert seen["float32"] < 2e-6, name
        assert seen["half"] < 4e-3, name


def test_the_networks_kernel_rounds_as_the_eager_form(interpreted):
    for name, seen in interpreted["networks"].items():
        assert seen["float32 eager"] < 2e-6, name
        assert seen["half eager"] < 1e-3, name


def test_how_many_pixels_a_kernel_takes_does_not_show(interpreted):
    for name, seen in interpreted["networks"].items():
        assert seen["float32 blocks"], name
        assert seen["half blocks"], name


def test_program_kernels_have_the_bits_of_torch(interpreted):
    assert len(interpreted["programs"]) > 20
    assert [n for n, seen in interpreted["programs"].items() if not seen["same"]] == []


def test_pictures_by_kernels_are_the_processors(interpreted):
    for name, seen in interpreted["pictures"].items():
        assert seen["fused"], name
        assert seen["spread"] > 10, name
        assert seen["within"] >= 0.995, name


# ------------------------------------------------------------------ the kernels, compiled


def built(made: Network, pixel_inputs: int) -> str:
    """A network's kernel in half precision as it is built for Hopper."""
    import triton
    from triton.backends.compiler import GPUTarget

    kernel, block = network_kernel(made, pixel_inputs, half=True), block_for(made, half=True)
    floats = ("out", "inputs", "first", "bias")
    kinds = dict.fromkeys(floats, "*fp32") | {"tiles": "*fp16", "count": "i32"}
    signature = {name: kinds.get(name, "constexpr") for name in kernel.arg_names}
    source = triton.compiler.ASTSource(
        kernel, signature=signature, constexprs={(len(signature) - 1,): block.pixels}
    )
    options = {"num_warps": block.warps, "num_stages": 1, "enable_fp_fusion": True}
    target = GPUTarget("cuda", 90, 32)
    return str(triton.compile(source, target=target, options=options).asm["ptx"])


@needs_triton
def test_the_networks_kernel_compiles_for_cards(monkeypatch, tmp_path):
    """Matrix units take the products, and everything stays in registers."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    text = built(network(64, 4), 2)
    assert "wgmma.mma_async" in text
    assert ".local" not in text
    assert "sin.approx" not in text, "sines are our own polynomials"
    # The interpreter does not see it, but a loop may not change the shape of what is known before.
    waves = Architecture(width=32, depth=3, fourier=16, activations=("relu", "sine"))
    assert "mma" in built(network_of(waves, "net"), 4)


# ------------------------------------------------------------------ weights


def test_layers_are_cut_into_powers_of_two():
    assert [chunks(n) for n in (1, 16, 17, 64, 100, 256)] == [
        (16,), (16,), (32,), (64,), (64, 32, 16), (64,) * 4
    ]  # fmt: skip


def test_equal_hidden_layers_are_one_loop():
    assert _runs(network(24, 5).layers) == [(1, 4), (5, 1)]
    runs = [(("sine", 16),)] * 3 + [(("sine", 32),)] * 3
    layers = [Layer(2, runs[0])]
    for run in runs[1:]:
        layers.append(Layer(layers[-1].outputs, run))
    assert _runs(layers) == [(1, 2), (3, 1), (4, 1), (5, 1)]


def test_frame_inputs_are_folded_into_biases():
    made = network()
    weights = weights_of(made)
    found = matrices(made, weights, (False, False, True, True, True), "cpu", torch.float32)
    assert found.first.shape == (24, 2)
    assert all(matrix.shape[1] == 24 for matrix in found.rest)
    frame = np.array(list(KNOBS.values()), np.float32)
    parts = made.split(weights)
    want = [parts[0][0][:, 2:] @ frame + parts[0][1]]
    want += [matrix[:, 24:] @ frame[1:] + bias for matrix, bias in parts[1:]]
    got = found.biases(torch.from_numpy(frame)).numpy()
    np.testing.assert_allclose(got, np.concatenate(want), atol=1e-6)
    with pytest.raises(ValueError, match="film inputs of network 'net' differ"):
        matrices(made, weights, (False,) * 5, "cpu", torch.float32)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_as_text_are_the_activations(name):
    x = torch.linspace(-9, 9, 1001)
    want = TensorProgram(Program((("v", ACTIVATIONS[name](X)),), ()))(x, x, {}, pixel=0.0)["v"]
    np.testing.assert_allclose(
        torch_activation(name)(x).numpy(), want.numpy(), rtol=1e-6, atol=1e-6
    )
    layer = Layer(1, ((name, 1),))
    eager = activate_in_place(layer, x[None, :].clone())[0]
    np.testing.assert_allclose(eager.numpy(), want.numpy(), rtol=1e-5, atol=2e-6)
    assert activation_text(name).startswith("@triton.jit\ndef act_")


# ------------------------------------------------------------------ the other forms


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of values whose range is about 2."""
    return float(10 * np.log10(4 / np.mean((a - b) ** 2)))


@pytest.mark.parametrize("form", ["eager", "compiled"])
def test_forms_are_the_processors_network(form):
    made = network(24, 2)
    weights = weights_of(made)
    want = by_processor(made, weights)
    # The compiler's front and middle; its back needs a card, or a C++ compiler.
    runner = Runner("cpu", forms=[form], batch=512, backend="aot_eager")
    np.testing.assert_allclose(evaluated(made, weights, runner), want, atol=3e-6)
    half = Runner("cpu", "half", forms=[form], batch=512, backend="eager")
    found = evaluated(made, weights, half)
    assert np.abs(found - want).max() > 1e-5, "rounding to half precision must show"
    assert psnr(found, want) > 60


def test_the_first_layer_keeps_float32_in_half_precision():
    """A position times a high frequency: in half precision neighbors would be alike."""
    made = Network("net", (Layer(5, (("sine", 2),)), Layer(2, (("linear", 3),))), 0)
    (w0, b0), (w1, b1) = (
        (np.zeros((2, 5), np.float32), np.zeros(2, np.float32)),
        (np.eye(3, 2, dtype=np.float32), np.zeros(3, np.float32)),
    )
    w0[:, 0], b0[:] = 3000.0, (0.0, 1.5)
    weights = np.concatenate([w0.ravel(), b0, w1.ravel(), b1])
    want = by_processor(made, weights)
    found = evaluated(made, weights, Runner("cpu", "half"))
    assert np.abs(found - want).max() < 2e-3


@pytest.mark.parametrize("form", ["eager", "compiled"])
def test_half_precision_holds_what_is_too_large_for_it(form):
    made, weights = too_large()
    runner = Runner("cpu", "half", forms=[form], backend="eager")
    found = evaluated(made, weights, runner)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0], 1.0, atol=1e-3)


def too_large() -> tuple[Network, np.ndarray]:
    """Values of 1e6: in half precision they are infinite, and times 0 they are no number.

    Held at the end of its range they come to 1.
    """
    made = Network("net", (Layer(5, (("relu", 2),)), Layer(2, (("linear", 1),))), 0)
    first, last = np.zeros((2, 5)), np.array([[1 / 65504, 0.0]])
    parts = (first, np.full(2, 1e6), last, np.zeros(1))
    return made, np.concatenate([p.ravel() for p in parts]).astype(np.float32)


def test_batches_do_not_show():
    made = network(40, 3)
    weights = weights_of(made)
    for precision in ("float32", "half"):
        found = [
            evaluated(made, weights, Runner("cpu", precision, forms=["eager"], batch=batch))
            for batch in (256, 320, 1024, 4096)
        ]
        assert all(np.array_equal(one, found[0]) for one in found[1:])


def test_when_memory_is_full_batches_are_halved_and_it_is_said_once(monkeypatch):
    made = network()
    weights = weights_of(made)
    want = evaluated(made, weights, Runner("cpu", forms=["eager"], batch=256))
    seen, notes = [], []

    def short_of_memory(*args, **named):
        pixels = args[4].shape[1]
        seen.append(pixels)
        if pixels > 300:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return layer_stack(*args, **named)

    monkeypatch.setattr("afx.field.fused.layer_stack", short_of_memory)
    runner = Runner("cpu", forms=["eager"], batch=1024, note=notes.append)
    np.testing.assert_array_equal(evaluated(made, weights, runner), want)
    assert seen[:3] == [1024, 512, 256]
    assert set(seen[2:]) == {256}
    assert notes == ["the device's memory is full: networks are made in smaller batches"]

    def no_memory(*_args, **_named):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("afx.field.fused.layer_stack", no_memory)
    with pytest.raises(torch.OutOfMemoryError):
        evaluated(made, weights, Runner("cpu", forms=["eager"], batch=1024))


def test_full_memory_is_known_by_its_words_too():
    assert memory_is_full(torch.OutOfMemoryError("CUDA"))
    assert memory_is_full(RuntimeError("MPS backend out of memory (MPS allocated: 8.1 GB)"))
    assert memory_is_full(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert not memory_is_full(RuntimeError("out of resource: shared memory, Required: 300000"))
    assert not memory_is_full(ValueError("out of memory"))


def test_a_form_that_cannot_be_built_gives_way_and_says_so_once(monkeypatch):
    made = network()
    weights = weights_of(made)
    notes = []
    tried = []

    def broken(*_args, **_named):
        tried.append("fused")
        raise RuntimeError("no compiler\nfor this card")

    monkeypatch.setattr("afx.field.fused.run_network", broken)
    runner = Runner(
        "cpu", forms=["fused", "compiled", "eager"], backend="no such backend", note=notes.append
    )
    want = evaluated(made, weights, Runner("cpu", forms=["eager"]))
    for _ in range(2):
        np.testing.assert_array_equal(evaluated(made, weights, runner), want)
    assert tried == ["fused"]
    assert len(notes) == 2
    assert (
        "the fused form of a network could not be built here (RuntimeError: no compiler)"
        in notes[0]
    )
    assert notes[1].endswith("the eager one is used")


def test_the_last_form_says_what_is_wrong(monkeypatch):
    made = network()
    with pytest.raises(ValueError, match="needs"):
        evaluated(made, weights_of(made)[:-1], Runner("cpu", forms=["eager"]))


def test_forms_suit_the_device():
    wide, narrow = network(256), network(32)
    assert Runner("cpu").forms_for(wide) == ["eager"]
    card, half = Runner.__new__(Runner), Runner.__new__(Runner)
    for runner, is_half in ((card, False), (half, True)):
        runner.forms, runner.half, runner.device = None, is_half, torch.device("cuda")
    assert half.forms_for(wide)[0] == "fused"
    assert half.forms_for(network(512))[0] == "compiled"
    assert card.forms_for(narrow)[0] == "fused"
    assert card.forms_for(wide)[0] == "compiled"
    assert block_for(wide, half=True) == Block(128, 8)


# ------------------------------------------------------------------ with a card


@needs_card
@pytest.mark.parametrize("form", ["fused", "compiled", "eager"])
def test_forms_on_a_card_are_the_processors_network(form):
    for width, precision, least in ((40, "float32", 90), (40, "half", 50), (256, "half", 45)):
        made = network(width, 4)
        weights = weights_of(made)
        runner = Runner("cuda", precision, forms=[form])
        found = evaluated(made, weights, runner, "cuda")
        assert psnr(found, by_processor(made, weights)) > least
