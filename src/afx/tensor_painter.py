"""Frames from fields on a device: a graphics card through torch and Triton.

The same programs as on the processor (field, enlarging, colors, 4:2:0) run over bands of a frame in
the device's memory, and only finished bytes come back, through memory that the card can write to by
itself. A painter belongs to one thread and has a stream of its own, so that two of them overlap:
while one's frame is on its way back and encoded, the other's is painted.

Torch is imported when a painter is made, not with this module.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from afx.chroma import (
    chroma_program,
    fringe_pixels,
    fringe_reach,
    fringed_chroma_program,
    fringed_rgb_program,
    half_program,
)
from afx.color import Colors, light_program, planes_program, rgb_program, video_program
from afx.field.fused import Form, Note, memory_is_full
from afx.field.graph import order
from afx.field.jit import Geometry, Kernel
from afx.field.program import Program
from afx.halo import halo_size
from afx.painter import Paints
from afx.picture import FieldState, Picture
from afx.post import grain_table
from afx.tensor_planes import enlarged, spread
from afx.upscale import PLANES, REACH, coarse, factor_for, samples, varying
from afx.workbench import Work, Workbench

if TYPE_CHECKING:
    from torch import Tensor

BAND = {"cuda": 1 << 21, "mps": 1 << 20, "cpu": 1 << 15}
"""Pixels of a band: on a card so many that its launches do not count and so few that the inputs of
a network (up to 64 planes) stay below a gigabyte; on a CPU so few that they stay in its cache."""


def _silent(_text: str) -> None:
    return


@functools.lru_cache(maxsize=64)
def _video(colors: Colors) -> Program:
    return video_program(colors)


@functools.lru_cache(maxsize=64)
def _rgb(colors: Colors, floats: bool) -> Program:
    return rgb_program(colors, floats=floats)


@functools.lru_cache(maxsize=32)
def _planes(colors: Colors) -> Program:
    return planes_program(colors)


@functools.lru_cache(maxsize=32)
def _light(colors: Colors) -> Program:
    return light_program(colors)


@functools.lru_cache(maxsize=8)
def _chroma(reach: int) -> Program:
    return fringed_chroma_program(reach) if reach else chroma_program()


@functools.lru_cache(maxsize=1)
def _half() -> Program:
    return half_program()


@functools.lru_cache(maxsize=8)
def _fringe(reach: int, floats: bool) -> Program:
    return fringed_rgb_program(reach, floats=floats)


@functools.lru_cache(maxsize=64)
def _words(kernel: Kernel) -> frozenset[str]:
    """Return the buffers that a field reads as words, whatever type their memory has."""
    nodes = order([e for _, e in kernel.program.outputs]).all()
    return frozenset(n.data.name for n in nodes if n.op == "fetch" and n.data.type == "i")


class TensorPainter:
    """Paints pictures of one size on a device; for one thread.

    Parameters
    ----------
    width, height : int
        Pixels, even.
    device : str
        ``"cuda"``, ``"mps"``, or ``"cpu"``, which is slow and there to test the rest.
    precision : {"float32", "half"}
        Of networks after their first layer.
    network : {"fused", "compiled", "eager"}, optional
        Form in which networks run; the forms after it are what is tried if it cannot be built. Left
        out, what suits the device and the network.
    programs : {"fused", "eager"}, optional
        Everything else as one Triton kernel each, or as torch operations.
    batch : int, optional
        Pixels for which a network's activations are in memory. Pixels do not depend on it.
    strip : int, optional
        Rows painted together, even. Pixels do not depend on it.
    note : callable, optional
        Told, once each, what a person may want to know.
    backend : str
        Of torch's compiler.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        device: str = "cpu",
        precision: Literal["float32", "half"] = "float32",
        network: Form | None = None,
        programs: Literal["fused", "eager"] | None = None,
        batch: int | None = None,
        strip: int | None = None,
        note: Note = _silent,
        backend: str = "inductor",
    ) -> None:
        self.width, self.height = width, height
        self.geometry = Geometry.of(width, height)
        self.half = Geometry.of(width // 2, height // 2)
        self.bench = Workbench(
            device, precision, network=network, programs=programs, batch=batch, note=note,
            backend=backend,
        )  # fmt: skip
        rows = strip or max(2, BAND[self.bench.device.type] // width // 2 * 2)
        self.strip = min(rows, height)

    def _bands(self, paint: Callable[[int, int], None]) -> None:
        """Paint band after band; when the device's memory runs out, in smaller ones."""
        top = 0
        while top < self.height:
            bottom = min(top + self.strip, self.height)
            try:
                paint(top, bottom)
            except Exception as error:
                if not memory_is_full(error) or self.strip <= 16:
                    raise
                self.strip = max(16, self.strip // 4 * 2)
                self.bench.runner.say(
                    "the device's memory is full: frames are made in smaller bands"
                )
                continue
            top = bottom

    # ------------------------------------------------------------ fields

    def _fields(self, picture: Picture, top: int, bottom: int) -> dict[str, Tensor]:
        """Return the planes of all fields for rows and one row around them."""
        planes = {}
        for role, state in zip("ab", picture.fields, strict=False):
            for name, plane in self._planes(state, (top - 1, bottom + 1)).items():
                planes[f"{name}_{role}"] = plane
        return planes

    def _planes(self, state: FieldState, rows: tuple[int, int]) -> dict[str, Tensor]:
        factor = factor_for(self.width, self.height, state.internal)
        if factor == 1:
            return self._sampled(state, rows, self.width, self.geometry)
        first, last = rows[0] // factor, (rows[1] - 1) // factor + 1
        around = (first - REACH, last + REACH)
        columns = samples(self.width, factor)
        made = self._sampled(state, around, columns, coarse(self.geometry, factor))
        differ = varying(state.kernel)
        begin = rows[0] - first * factor
        results = {}
        for name in PLANES:
            if name in differ:
                large = enlarged(made[name], factor)
                results[name] = large[begin : begin + rows[1] - rows[0], : self.width].contiguous()
            else:  # the same everywhere, so any sample tells it
                results[name] = (
                    made[name][:1, :1].expand(rows[1] - rows[0], self.width).contiguous()
                )
        return results

    def _sampled(
        self, state: FieldState, rows: tuple[int, int], columns: int, geometry: Geometry
    ) -> dict[str, Tensor]:
        words = _words(state.kernel) if state.buffers else ()
        return self.bench.evaluate(
            Work(
                state.kernel.program, rows, columns, geometry, state.knobs.tolist(),
                buffers={
                    name: self.bench.put(buffer.view(np.int32) if name in words else buffer)
                    for name, buffer in state.buffers.items()
                },
                weights=state.weights,
            )
        )  # fmt: skip

    # ------------------------------------------------------------ pictures

    def _buffers(self, picture: Picture) -> dict[str, Tensor]:
        """Return what a picture's colors read: the same for all of its bands."""
        buffers = {name: self.bench.put(table, keep=True) for name, table in picture.tables.items()}
        if picture.gain is not None:
            buffers["gain"] = self.bench.put(picture.gain)
        if "halo" in picture.colors.effects:
            buffers["halo"] = self._halo(picture.unfinished())
        if "grain" in picture.colors.effects:
            buffers["grain"] = self.bench.put(grain_table(self.width, self.height), keep=True)
        return buffers

    def _colors(
        self,
        program: Program,
        picture: Picture,
        rows: tuple[int, int],
        buffers: Mapping[str, Tensor],
        bytes_: tuple[str, ...] = (),
    ) -> dict[str, Tensor]:
        return self.bench.evaluate(
            Work(
                program, rows, self.width, self.geometry,
                picture.values(self.height / self.width),
                planes=self._fields(picture, *rows), lead=1, buffers=buffers, byte_outputs=bytes_,
            )
        )  # fmt: skip

    def _halo(self, picture: Picture) -> Tensor:
        """Return the spread light of a picture, packed."""
        small = copy.copy(self)  # the same bench, another size
        w, h = small.width, small.height = halo_size(self.width, self.height)
        small.geometry = Geometry.of(w, h)
        light = small._colors(_light(picture.colors), picture, (0, h), small._buffers(picture))
        return spread(self.bench, light, w, h)

    def _drift(self, picture: Picture, *, half: bool) -> tuple[float, float]:
        """Return the values of ``afx.chroma.FRINGE_KNOBS``."""
        pixels = fringe_pixels(self.width, self.height, picture.fringe)
        return pixels * 0.5 if half else pixels, self.height / self.width

    def video(self, picture: Picture, out: NDArray[np.uint8]) -> None:
        """Paint a frame as 8-bit 4:2:0 planes; parameters as ``Painter.video``."""
        import torch

        w, h = self.width, self.height
        program = _video(picture.colors)
        reach = fringe_reach(w // 2, h // 2) if picture.fringe else 0
        drift = self._drift(picture, half=True) if reach else ()
        with self.bench.at_work():
            buffers = self._buffers(picture)
            whole = torch.empty(h * w * 3 // 2, dtype=torch.uint8, device=self.bench.device)
            luma = whole[: h * w].view(h, w)
            u, v = (p.view(h // 2, w // 2) for p in whole[h * w :].chunk(2))

            def paint(top: int, bottom: int) -> None:
                made = self._colors(program, picture, (top, bottom), buffers, ("y",))
                luma[top:bottom] = made.pop("y")
                rows = (top // 2, bottom // 2)
                if reach:
                    made = self.bench.evaluate(
                        Work(_half(), rows, w // 2, self.half, (), planes=made)
                    )
                small = self.bench.evaluate(
                    Work(
                        _chroma(reach), rows, w // 2, self.half, drift,
                        planes=made, byte_outputs=("u", "v"),
                    )
                )  # fmt: skip
                u[top // 2 : bottom // 2] = small["u"]
                v[top // 2 : bottom // 2] = small["v"]

            self._bands(paint)
            self.bench.back(whole, out.reshape(-1))

    def rgb(self, picture: Picture) -> NDArray[np.uint8]:
        """Return a frame as display RGB bytes [height, width, 3]."""
        return self._picture(picture, floats=False)

    def rgb_float(self, picture: Picture) -> NDArray[np.float32]:
        """Return a frame as display RGB in [0, 1], [height, width, 3], without dither."""
        return self._picture(picture, floats=True)

    def _picture(self, picture: Picture, *, floats: bool) -> NDArray[Any]:
        import torch

        reach = fringe_reach(self.width, self.height) if picture.fringe else 0
        colors = picture.colors
        program = _planes(colors) if reach else _rgb(colors, floats)
        bytes_ = () if floats else ("r", "g", "b")
        kind = torch.float32 if floats else torch.uint8
        with self.bench.at_work():
            whole = torch.empty((self.height, self.width, 3), dtype=kind, device=self.bench.device)

            buffers = self._buffers(picture)

            def paint(top: int, bottom: int) -> None:
                rows = (top, bottom)
                made = self._colors(program, picture, rows, buffers, () if reach else bytes_)
                if reach:
                    made = self.bench.evaluate(
                        Work(
                            _fringe(reach, floats), rows, self.width, self.geometry,
                            self._drift(picture, half=False), planes=made, byte_outputs=bytes_,
                        )
                    )  # fmt: skip
                for k, name in enumerate("rgb"):
                    whole[top:bottom, :, k] = made[name]

            self._bands(paint)
            return self.bench.back(whole)

    def field(self, state: FieldState) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a field's raw tone and mask, each [height, width], evaluated at every pixel."""
        import torch

        with self.bench.at_work():
            whole = torch.empty(
                (2, self.height, self.width), dtype=torch.float32, device=self.bench.device
            )

            def paint(top: int, bottom: int) -> None:
                made = self._sampled(state, (top, bottom), self.width, self.geometry)
                for k, name in enumerate(("tone", "mask")):
                    whole[k, top:bottom] = made[name]

            self._bands(paint)
            tone, mask = self.bench.back(whole)
        return tone, mask


class TensorPainters:
    """Makes painters on a device.

    Parameters
    ----------
    device, precision
        As of :class:`TensorPainter`.
    note : callable
        Told, once each, what a person may want to know.
    options
        Of :class:`TensorPainter`.
    """

    def __init__(
        self,
        device: str,
        precision: Literal["float32", "half"],
        note: Note = _silent,
        **options: Any,
    ) -> None:
        self.device, self.precision, self.options = device, precision, options
        self._note, self._said = note, set[str]()

    def _say(self, text: str) -> None:
        if text not in self._said:  # each painter says it, a person is told once
            self._said.add(text)
            self._note(text)

    def __call__(self, width: int, height: int) -> Paints:
        """Return a painter of pictures of this size."""
        return TensorPainter(
            width, height, device=self.device, precision=self.precision, note=self._say,
            **self.options,
        )  # fmt: skip
