"""Programs carried out on a device: by Triton's kernels, or by torch's operations.

A workbench holds what one painter needs on a graphics card: a stream of its own, tables that come
again, memory through which results come back, and the networks' runner. It knows programs, points
and planes, and nothing of pictures.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from afx.field.fused import Form, Note, Runner, memory_is_full
from afx.field.fused_program import Same, fused_program
from afx.field.jit import Geometry
from afx.field.program import Program
from afx.field.tensor import TensorProgram
from music_analysis.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

FORMS: tuple[Form, ...] = ("fused", "compiled", "eager")

KEPT = 64
"""Tables that stay on the device."""


@dataclass(frozen=True)
class Work:
    """A program to be carried out over rows of a picture.

    Attributes
    ----------
    program : Program
    rows : (int, int)
        First and one past the last.
    columns : int
    geometry : Geometry
    knobs : sequence of float
        In the program's order.
    planes : mapping of str to Tensor
        All of one size; beyond their edge the edge's values continue.
    lead : int
        How many rows of the planes come before the first, and after the last.
    buffers, weights : mapping
    byte_outputs : tuple of str
        Outputs that are bytes.
    """

    program: Program
    rows: tuple[int, int]
    columns: int
    geometry: Geometry
    knobs: Sequence[float]
    planes: Mapping[str, Tensor] = field(default_factory=dict)
    lead: int = 0
    buffers: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    byte_outputs: tuple[str, ...] = ()


class Workbench:
    """A device and what lies ready on it; for one thread.

    Parameters
    ----------
    device : str
    precision : {"float32", "half"}
    network : {"fused", "compiled", "eager"}, optional
        Form in which networks run; the forms after it are what is tried if it cannot be built. Left
        out, what suits the device and the network.
    programs : {"fused", "eager"}, optional
        Everything else by Triton's kernels or by torch's operations.
    batch : int, optional
        Pixels for which a network's activations are in memory.
    note : callable
        Told, once each, what a person may want to know.
    backend : str
        Of torch's compiler.
    """

    def __init__(
        self,
        device: str,
        precision: Literal["float32", "half"],
        *,
        network: Form | None,
        programs: Literal["fused", "eager"] | None,
        batch: int | None,
        note: Note,
        backend: str,
    ) -> None:
        import torch

        self.device = torch.device(device)
        forms = None if network is None else FORMS[FORMS.index(network) :]
        self.runner = Runner(
            self.device, precision, forms=forms, batch=batch, note=note, backend=backend
        )
        self.fused = (programs or ("fused" if self.device.type == "cuda" else "eager")) == "fused"
        self._tables: dict[int, tuple[NDArray[Any], Tensor]] = {}
        self._pinned: dict[tuple[int, ...], Tensor] = {}
        self._stream: Any = None
        if self.device.type == "cuda":
            self._stream = cast(Any, torch.cuda.Stream)(self.device)
            # Sums stay float32 whatever kernel cuBLAS chooses.
            torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Work on this bench's stream, without gradients.

        Raises
        ------
        UserError
            If the device's memory is too small for the smallest pieces of the work.
        """
        import torch

        try:
            with torch.inference_mode():
                if self._stream is None:
                    yield
                else:
                    with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
                        yield
        except Exception as error:
            if not memory_is_full(error):
                raise
            raise UserError(
                f"the memory of the device ({self.device.type}) is too small for these pictures:"
                " close what else uses it, choose a smaller --size, or use --device cpu"
            ) from error

    def put(self, array: NDArray[Any], *, keep: bool = False) -> Tensor:
        """Return an array on the device; `keep` what comes again."""
        import torch

        known = self._tables.get(id(array))
        if known is not None:
            return known[1]
        if array.dtype == np.uint32:
            array = array.view(np.int32)
        # A copy: tables may be read-only, of which torch warns.
        tensor = torch.from_numpy(np.array(array)).to(
            self.device, non_blocking=self.device.type == "cuda"
        )
        if keep:
            if len(self._tables) >= KEPT:
                self._tables.clear()
            self._tables[id(array)] = (array, tensor)  # held, so that its id stays its own
        return tensor

    def back(self, tensor: Tensor, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return a tensor's values; from a card by way of memory that it writes to by itself."""
        import torch

        if self._stream is None:
            values: NDArray[Any] = tensor.cpu().numpy()
        else:
            key = (*tensor.shape, tensor.element_size())
            if key not in self._pinned:
                self._pinned[key] = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            pinned = self._pinned[key]
            pinned.copy_(tensor, non_blocking=True)
            self._stream.synchronize()  # other threads go on meanwhile
            values = pinned.numpy()
        if out is None:
            return values.copy()
        out[...] = values
        return out

    def evaluate(self, work: Work) -> dict[str, Tensor]:
        """Return a program's outputs, float32 or uint8 [rows, columns]."""
        if self.fused:
            try:
                return self._by_kernels(work)
            except Exception as error:  # whatever a compiler raises, torch can do without it
                if memory_is_full(error):
                    raise
                self.fused = False
                reason = (str(error).strip().splitlines() or [""])[0][:120]
                self.runner.say(
                    "Triton's kernels could not be built here"
                    f" ({type(error).__name__}: {reason}); torch's operations are used, slower"
                )
        return self._by_operations(work)

    def _by_kernels(self, work: Work) -> dict[str, Tensor]:
        g = work.geometry
        frame = np.array([g.x0, g.dx, g.y0, g.dy, g.pixel, *work.knobs], np.float32)
        return fused_program(work.program, work.byte_outputs)(
            work.rows,
            work.columns,
            self.put(frame),
            planes=work.planes,
            lead=work.lead,
            buffers=work.buffers,
            weights=work.weights,
            run_network=self.runner,
        )

    def _by_operations(self, work: Work) -> dict[str, Tensor]:
        """Carry out the rows around, too: torch reads no planes outside of its points."""
        import torch

        first, last = work.rows[0] - work.lead, work.rows[1] + work.lead
        g = work.geometry
        x0, dx, y0, dy = (float(np.float32(v)) for v in (g.x0, g.dx, g.y0, g.dy))
        column = torch.arange(work.columns, device=self.device, dtype=torch.float32)
        row = torch.arange(first, last, device=self.device, dtype=torch.float32)
        knobs = self.put(np.array(work.knobs, np.float32)).unbind() if len(work.knobs) else ()
        made = _tensor_program(Same(work.program))(
            ((column + 0.5) * dx + x0)[None, :],
            ((row + 0.5) * dy + y0)[:, None],
            dict(zip(work.program.knobs, knobs, strict=True)),
            pixel=float(np.float32(g.pixel)),
            planes=work.planes,
            buffers=work.buffers,
            weights=work.weights,
            run_network=self.runner,
        )
        inner = slice(work.lead, last - first - work.lead)
        return {
            name: _bytes(value[inner]) if name in work.byte_outputs else value[inner]
            for name, value in made.items()
        }


@functools.lru_cache(maxsize=256)
def _tensor_program(program: Same) -> TensorProgram:
    return TensorProgram(program.program)


def _bytes(value: Tensor) -> Tensor:
    """Cut floats off to bytes, held in their range; NaN becomes 0."""
    import torch

    held = value.where(value > 0, 0.0)
    return held.where(held < 255, 255.0).to(torch.uint8)
