"""Networks on a device, in the fastest form that works there: fused, compiled or eager.

* *fused*: one Triton kernel takes a block of pixels through all layers (``fused_network``);
* *compiled*: torch's compiler joins bias, activation and rounding to each matrix product;
* *eager*: a matrix product and then an activation for each layer, a batch of pixels at a time.

All of them round alike: the first layer is float32, later layers take inputs and weights in the
chosen precision and add in float32, and what is the same for a whole frame is folded into biases.
A form that cannot be built here gives way to the next, which is said once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from afx.field.fused_layers import activate_in_place, compiled_stack, layer_stack
from afx.field.fused_network import Block, run_network
from afx.field.fused_weights import Matrices, Tiled, chunks, matrices, padded_bias, tiled
from afx.field.network import Network

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["fused", "compiled", "eager"]
Note = Callable[[str], None]

BATCH = {"cuda": 1 << 17, "mps": 1 << 16, "cpu": 1 << 10}
"""Pixels whose activations are in memory together. On a card so many that its launches do not count
(256 wide: 128 MB of sums); on a CPU so few that they stay in its cache."""

LEAST = 1 << 8
"""A batch is not halved below this."""

WIDEST_HALF, WIDEST_FLOAT32 = 256, 64
"""Widest networks for which the fused kernel is the first choice. Of wider ones a multiprocessor's
registers cannot hold two layers: the compiler spills them, and takes minutes over it. In float32,
which cards multiply exactly only outside of their matrix units, that is so beyond 64 (10 KB a
thread spilled at 256)."""

KEPT = 8
"""Networks whose weights stay on the device."""


class Stack(Protocol):
    """A network's layers: takes pixels' inputs through all of them."""

    def __call__(self, x: Tensor, biases: Tensor, /) -> Tensor:
        """Return float32 [outputs, pixels] of [pixel inputs, pixels] and the frame's biases."""


def _silent(_text: str) -> None:
    return


class Runner:
    """Evaluates networks on a device; for ``TensorProgram(...)(run_network=...)``.

    Parameters
    ----------
    device : torch.device
    precision : {"float32", "half"}
    forms : sequence of str
        Tried in this order. By default the fused kernel where it pays and Triton is there.
    batch : int, optional
        Pixels that the eager and compiled forms take at once. Pixels do not depend on it.
    note : callable, optional
        Told, once each, what a person may want to know.
    backend : str
        Of torch's compiler.
    block : Block, optional
        Layout of the fused kernel.
    """

    def __init__(
        self,
        device: Any,
        precision: Literal["float32", "half"] = "float32",
        *,
        forms: Sequence[Form] | None = None,
        batch: int | None = None,
        note: Note = _silent,
        backend: str = "inductor",
        block: Block | None = None,
    ) -> None:
        import torch

        self.device = torch.device(device)
        self.half = precision == "half"
        self.forms = tuple(forms) if forms is not None else None
        self.batch = batch or BATCH.get(self.device.type, 1 << 16)
        self.note, self.backend, self.block = note, backend, block
        self._made: dict[tuple[object, ...], _Prepared] = {}
        self._forms: dict[Network, list[Form]] = {}  # what is still to be tried
        self._said: set[str] = set()

    def say(self, text: str) -> None:
        """Tell a person something, once."""
        if text not in self._said:
            self._said.add(text)
            self.note(text)

    def __call__(self, network: Network, weights: Any, inputs: Sequence[Tensor]) -> Tensor:
        """Return ``[outputs, *points]``; inputs without axes are the same for the whole frame."""
        import torch

        frame = tuple(value.ndim == 0 for value in inputs)
        key = (network, id(weights), frame)
        prepared = self._made.get(key)
        if prepared is None:
            if len(self._made) >= KEPT:
                self._made.pop(next(iter(self._made)))
            prepared = self._made[key] = _Prepared(self, network, weights, frame)
        shape = np.broadcast_shapes(*(value.shape for value in inputs))
        pixels = [
            value.expand(shape) for value, whole in zip(inputs, frame, strict=True) if not whole
        ]
        constant = [value for value, whole in zip(inputs, frame, strict=True) if whole]
        if pixels:
            x = torch.stack(pixels).reshape(len(pixels), -1)
        else:
            x = torch.zeros((0, int(np.prod(shape))), device=self.device)
        knobs = torch.stack(constant) if constant else x.new_zeros(0)
        biases = prepared.matrices.biases(knobs)
        return self._run(prepared, x, biases).reshape(-1, *shape)

    def _run(self, prepared: _Prepared, x: Tensor, biases: Tensor) -> Tensor:
        """Run the first form that can be built."""
        forms = self._forms.setdefault(prepared.network, self.forms_for(prepared.network))
        while True:
            form = forms[0]
            try:
                return prepared.stack(form)(x, biases)
            except Exception as error:  # whatever a compiler raises, the next form can do without
                if len(forms) == 1 or memory_is_full(error):
                    raise
                forms.pop(0)
                reason = (str(error).strip().splitlines() or [""])[0][:120]
                self.say(
                    f"the {form} form of a network could not be built here"
                    f" ({type(error).__name__}: {reason}); the {forms[0]} one is used"
                )

    def forms_for(self, network: Network) -> list[Form]:
        """Return what to try for a network, the best first."""
        if self.forms is not None:
            return list(self.forms)
        if self.device.type != "cuda":
            return ["eager"]
        widest = max(sum(chunks(layer.outputs)) for layer in network.layers)
        pays = widest <= (WIDEST_HALF if self.half else WIDEST_FLOAT32)
        return ["fused", "compiled", "eager"] if pays else ["compiled", "eager"]

    def in_batches(self, stack: Stack, network: Network, x: Tensor, biases: Tensor) -> Tensor:
        """Take pixels through a stack a batch at a time; halve the batch when memory runs out.

        The last batch is filled up, so that every product has the same shape and rounds alike.
        """
        import torch

        count = x.shape[1]
        out = torch.empty((network.outputs, count), dtype=torch.float32, device=x.device)
        at = 0
        while at < count:
            n = self.batch
            part = x[:, at : at + n]
            missing = n - part.shape[1]
            try:
                whole = torch.nn.functional.pad(part, (0, missing)) if missing else part
                out[:, at : at + n] = stack(whole, biases)[:, : n - missing]
            except Exception as error:
                if not memory_is_full(error) or self.batch // 2 < LEAST:
                    raise
                self.batch //= 2
                if x.device.type == "cuda":
                    torch.cuda.empty_cache()
                self.say("the device's memory is full: networks are made in smaller batches")
                continue
            at += n
        return out


def memory_is_full(error: Exception) -> bool:
    """Tell whether an error says that the device's memory is full."""
    import torch

    # Apple's graphics, Triton's loader and cuBLAS say it in words alone.
    said = ("out of memory", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in said)
    )


class _Prepared:
    """A network with its weights on a device, and the forms in which it was built."""

    def __init__(
        self, runner: Runner, network: Network, weights: Any, frame: tuple[bool, ...]
    ) -> None:
        import torch

        self.kept = weights  # so that no other array gets its id
        if isinstance(weights, torch.Tensor):
            weights = weights.detach().cpu().numpy()
        array: NDArray[np.float32] = np.asarray(weights, np.float32)
        half = torch.float16 if runner.half else torch.float32
        self.runner, self.network = runner, network
        self.matrices: Matrices = matrices(network, array, frame, runner.device, half)
        self._stacks: dict[str, Stack] = {}
        self._tiled: Tiled | None = None

    def stack(self, form: Form) -> Stack:
        """Return the network in a form."""
        if form not in self._stacks:
            self._stacks[form] = {
                "fused": self._fused, "compiled": self._compiled, "eager": self._eager
            }[form]()  # fmt: skip
        return self._stacks[form]

    def _fused(self) -> Stack:
        parts = self._tiled = tiled(self.network, self.matrices)

        def run(x: Tensor, biases: Tensor) -> Tensor:
            bias = padded_bias(self.network, biases)
            return run_network(
                self.network, x.contiguous(), parts.first, parts.tiles, bias,
                half=self.runner.half, block=self.runner.block,
            )  # fmt: skip

        return run

    def _batched(self, one: Stack) -> Stack:
        return lambda x, biases: self.runner.in_batches(one, self.network, x, biases)

    def _eager(self) -> Stack:
        layers, made = self.network.layers, self.matrices
        emulated = self.runner.half and self.runner.device.type == "cpu"
        return self._batched(
            lambda x, biases: layer_stack(
                layers, made.first, made.rest, biases, x, activate_in_place, emulated=emulated
            )
        )

    def _compiled(self) -> Stack:
        made = self.matrices
        emulated = self.runner.half and self.runner.device.type == "cpu"
        stack = compiled_stack(self.network.layers, emulated, self.runner.backend)
        return self._batched(lambda x, biases: stack(made.first, made.rest, biases, x))
