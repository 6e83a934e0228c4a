"""Frames from fields: strips of rows small enough to stay in a core's cache.

For each strip the fields (one, or two in a cross-fade) are evaluated, on a coarse grid perhaps and
then enlarged; then colored, then their color differences averaged to 4:2:0. A :class:`Painter`
belongs to one thread and keeps its memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

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
from afx.color import (
    Colors,
    light_program,
    planes_program,
    rgb_program,
    video_program,
)
from afx.field.jit import Call, Geometry, Kernel
from afx.halo import Spread, halo_size
from afx.patterns import Pattern
from afx.picture import FieldState, Part, Picture
from afx.post import grain_table
from afx.stage import staged
from afx.upscale import FACTORS, LEFT, PLANES, Window, factor_for

__all__ = [
    "FieldState",
    "Painter",
    "Painters",
    "Paints",
    "Part",
    "Picture",
    "field_kernel",
    "field_weights",
    "kernel_of",
]

SPARE = FACTORS[-1] - 1
"""Rows around a strip of a field that enlarging may write: it makes whole samples."""

STRIP_BYTES = 1_600_000
"""Memory of a strip's planes: most of them stay in the second-level cache of a laptop's core."""


def field_kernel(pattern: Pattern) -> Kernel:
    """Return a pattern's compiled field, on the stage."""
    return kernel_of(pattern.function)


@functools.lru_cache(maxsize=256)
def kernel_of(function: Callable[..., Any]) -> Kernel:
    """Return a pattern function's compiled field.

    By function: networks of one shape with other weights are other patterns with the same field.
    """
    return Kernel(staged(function))


@functools.lru_cache(maxsize=24)
def field_weights(pattern: Pattern, seed: int) -> Mapping[str, NDArray[np.float32]]:
    """Return the weights of a pattern's networks; the same arrays when they are asked for again.

    Few are kept: the largest network has 12 MB of them.
    """
    return {} if pattern.weights is None else dict(pattern.weights(seed))


@functools.lru_cache(maxsize=64)
def _video_kernel(colors: Colors) -> Kernel:
    return Kernel(video_program(colors), byte_outputs=("y",))


@functools.lru_cache(maxsize=64)
def _rgb_kernel(colors: Colors, floats: bool) -> Kernel:
    return Kernel(
        rgb_program(colors, floats=floats), byte_outputs=() if floats else ("r", "g", "b")
    )


@functools.lru_cache(maxsize=32)
def _planes_kernel(colors: Colors) -> Kernel:
    return Kernel(planes_program(colors))


@functools.lru_cache(maxsize=32)
def _light_kernel(colors: Colors) -> Kernel:
    return Kernel(light_program(colors))


@functools.lru_cache(maxsize=8)
def _chroma_kernel(reach: int) -> Kernel:
    program = fringed_chroma_program(reach) if reach else chroma_program()
    return Kernel(program, byte_outputs=("u", "v"))


@functools.lru_cache(maxsize=1)
def _half_kernel() -> Kernel:
    return Kernel(half_program())


@functools.lru_cache(maxsize=8)
def _fringe_kernel(reach: int, floats: bool) -> Kernel:
    program = fringed_rgb_program(reach, floats=floats)
    return Kernel(program, byte_outputs=() if floats else ("r", "g", "b"))


class Paints(Protocol):
    """What paints pictures of one size, for one thread: a :class:`Painter`, or one on a device."""

    def video(self, picture: Picture, out: NDArray[np.uint8]) -> None:
        """Paint a frame as 8-bit 4:2:0 planes [height · 3/2, width]."""

    def rgb(self, picture: Picture) -> NDArray[np.uint8]:
        """Return a frame as display RGB bytes [height, width, 3]."""

    def rgb_float(self, picture: Picture) -> NDArray[np.float32]:
        """Return a frame as display RGB in [0, 1], [height, width, 3], without dither."""

    def field(self, state: FieldState) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a field's raw tone and mask, each [height, width]."""


Painters = Callable[[int, int], Paints]
"""``painters(width, height)`` makes what paints pictures of that size."""


class Painter:
    """Paints pictures of one size; for one thread.

    Parameters
    ----------
    width, height : int
        Pixels, even.
    strip : int, optional
        Rows painted together, even; chosen by the cache if not given. Pixels do not depend on it.
    """

    def __init__(self, width: int, height: int, *, strip: int | None = None) -> None:
        self.width, self.height = width, height
        self.move(Part(0, 0, width, height))
        self.half = Geometry.of(width // 2, height // 2)
        self.stride = LEFT + -(-width // 64) * 64 + 64
        rows = strip or max(8, min(64, STRIP_BYTES // (20 * self.stride) // 2 * 2))
        self.strip = min(rows, height)
        self._memory: dict[str, NDArray[Any]] = {}
        self._calls: dict[tuple[str, int], Call] = {}
        self._windows: dict[tuple[str, int], Window] = {}
        self._halos: dict[tuple[int, int], tuple[Painter, Spread]] = {}

    def move(self, part: Part) -> None:
        """Paint a rectangle of a larger picture from now on, of this painter's size."""
        self.geometry = part.geometry
        self._whole = (part.width, part.height)
        self._inverse_aspect = part.height / part.width

    # ------------------------------------------------------------ memory

    def _plane(self, name: str, kind: type[np.generic] = np.float32) -> NDArray[Any]:
        if name not in self._memory:
            self._memory[name] = np.zeros((self.strip + 2 + 2 * SPARE, self.stride), kind)
        return self._memory[name]

    def _call(self, role: str, kernel: Kernel) -> Call:
        """Return this painter's call of a kernel, its planes connected."""
        key = (role, id(kernel))
        call = self._calls.get(key)
        if call is None:
            self._room_for_call()
            call = Call(kernel)
            for name in kernel.module.outputs:
                whole = f"{name}_{role}" if role in ("a", "b", "rgb_float") else name
                kind = np.uint8 if name in kernel.byte_outputs else np.float32
                call.output(name, self._plane(whole, kind), LEFT)
            for name in kernel.module.planes:
                call.plane(name, self._plane(name), LEFT)
            self._calls[key] = call
        return call

    def _room_for_call(self) -> None:
        if len(self._calls) > 64:
            self._calls.clear()

    def _window(self, role: str, factor: int) -> Window:
        """Return the samples from which a field is enlarged."""
        if (role, factor) not in self._windows:
            self._windows[role, factor] = Window(self.width, self.height, self.strip + 2, factor)
        return self._windows[role, factor]

    def _field_call(self, role: str, state: FieldState) -> tuple[Call, Window | None]:
        """Return the call that evaluates a field, and what enlarges it if anything does."""
        factor = factor_for(self.width, self.height, state.internal)
        window = None
        if factor == 1:
            call = self._call(role, state.kernel)
        else:
            window = self._window(role, factor)
            window.start(self.geometry)
            call = self._coarse_call(role, factor, window, state.kernel)
        call.knobs[:] = state.knobs
        for name, values in state.weights.items():
            call.weights(name, values)
        for name, buffer in state.buffers.items():
            call.buffer(name, buffer)
        return call, window

    def _coarse_call(self, role: str, factor: int, window: Window, kernel: Kernel) -> Call:
        key = (f"{role}{factor}", id(kernel))
        if key not in self._calls:
            self._room_for_call()
            self._calls[key] = window.call(kernel)
        return self._calls[key]

    def _field_calls(self, picture: Picture) -> list[tuple[Call, Window | None]]:
        return [self._field_call(r, state) for r, state in zip("ab", picture.fields, strict=False)]

    def _color_call(self, role: str, kernel: Kernel, picture: Picture) -> Call:
        call = self._call(role, kernel)
        call.knobs[:] = picture.values(self._inverse_aspect)
        for name, table in picture.tables.items():
            call.buffer(name, table)
        if picture.gain is not None:
            call.buffer("gain", picture.gain)
        effects = picture.colors.effects
        if "halo" in effects:
            call.buffer("halo", self._halo(picture))
        if "grain" in effects:
            call.buffer("grain", grain_table(*self._whole))
        return call

    def _halo(self, picture: Picture) -> NDArray[np.int32]:
        """Return the spread light of a picture, from a small one of the whole."""
        size = halo_size(*self._whole)
        if size not in self._halos:
            self._halos[size] = Painter(*size), Spread(*size)
        small, spread = self._halos[size]
        small._light(picture.unfinished(), spread.light)
        return spread.words()

    def _light(self, picture: Picture, planes: Mapping[str, NDArray[np.float32]]) -> None:
        """Write the light of what is bright in a picture."""
        fields = self._field_calls(picture)
        color = self._color_call("light", _light_kernel(picture.colors), picture)
        for name, plane in planes.items():
            color.output(name, plane, LEFT)
        for top in range(0, self.height, self.strip):
            bottom = min(top + self.strip, self.height)
            self._fields(fields, top, bottom)
            color.run(self.geometry, (top, bottom), (0, self.width), in_row=top - 1 - SPARE)

    def _fringe_call(
        self, role: str, kernel: Kernel, picture: Picture, *, half: bool = False
    ) -> Call:
        """Return the call of a kernel that lets colors drift apart."""
        call = self._call(role, kernel)
        pixels = fringe_pixels(*self._whole, picture.fringe)
        call.knobs[:] = pixels * 0.5 if half else pixels, self._inverse_aspect
        return call

    def _continue(self, names: tuple[str, str], width: int, reach: int) -> None:
        """Write color differences beside the rows: as they are at the edge."""
        for name in names:
            plane, end = self._memory[name], LEFT + width
            plane[:, LEFT - reach : LEFT] = plane[:, LEFT, None]
            plane[:, end : end + reach] = plane[:, end - 1, None]

    def _fields(self, calls: list[tuple[Call, Window | None]], top: int, bottom: int) -> None:
        """Make a strip of the fields and one row around it; row `top` lies in row 1 + `SPARE`."""
        rows, first = (top - 1, bottom + 1), top - 1 - SPARE
        for role, (call, window) in zip("ab", calls, strict=False):
            if window is None:
                call.run(self.geometry, rows, (0, self.width), out_row=first)
            else:
                planes = {name: self._plane(f"{name}_{role}") for name in PLANES}
                window.fill(call, rows, planes, first, LEFT)
            tone = self._memory[f"tone_{role}"]
            tone[:, LEFT - 1] = tone[:, LEFT]
            tone[:, LEFT + self.width] = tone[:, LEFT + self.width - 1]

    # ------------------------------------------------------------ pictures

    def video(self, picture: Picture, out: NDArray[np.uint8]) -> None:
        """Paint a frame as 8-bit 4:2:0 planes.

        Parameters
        ----------
        picture : Picture
        out : uint8 array [height · 3/2, width]
            Luma, then the two half-size planes, one after the other (I420).
        """
        fields = self._field_calls(picture)
        color = self._color_call("video", _video_kernel(picture.colors), picture)
        half: Call | None = None
        reach = 0
        if picture.fringe:
            half = self._call("half", _half_kernel())
            reach = fringe_reach(self._whole[0] // 2, self._whole[1] // 2)
            chroma = self._fringe_call("chroma", _chroma_kernel(reach), picture, half=True)
        else:
            chroma = self._call("chroma", _chroma_kernel(0))
        w, h = self.width, self.height
        luma = out[:h]
        flat = out.reshape(-1)[h * w :]
        u = flat[: h // 2 * (w // 2)].reshape(h // 2, w // 2)
        v = flat[h // 2 * (w // 2) :].reshape(h // 2, w // 2)
        span = slice(LEFT, LEFT + w)
        half_span = slice(LEFT, LEFT + w // 2)
        for top in range(0, h, self.strip):
            bottom = min(top + self.strip, h)
            self._fields(fields, top, bottom)
            color.run(self.geometry, (top, bottom), (0, w), out_row=top, in_row=top - 1 - SPARE)
            for name in ("cb", "cr"):
                plane = self._memory[name]
                plane[:, LEFT - 1] = plane[:, LEFT]
            rows, columns = (top // 2, bottom // 2), (0, w // 2)
            if half is None:
                chroma.run(self.half, rows, columns, out_row=rows[0], in_row=top)
            else:
                half.run(self.half, rows, columns, out_row=rows[0], in_row=top)
                self._continue(("u_half", "v_half"), w // 2, reach)
                chroma.run(self.half, rows, columns, out_row=rows[0], in_row=rows[0])
            n = bottom - top
            luma[top:bottom] = self._memory["y"][:n, span]
            u[top // 2 : bottom // 2] = self._memory["u"][: n // 2, half_span]
            v[top // 2 : bottom // 2] = self._memory["v"][: n // 2, half_span]

    def rgb(self, picture: Picture) -> NDArray[np.uint8]:
        """Return a frame as display RGB bytes [height, width, 3]."""
        return self._rgb(picture, floats=False)

    def rgb_float(self, picture: Picture) -> NDArray[np.float32]:
        """Return a frame as display RGB in [0, 1], [height, width, 3], without dither."""
        return self._rgb(picture, floats=True)

    def _rgb(self, picture: Picture, *, floats: bool) -> NDArray[Any]:
        fields = self._field_calls(picture)
        role = "rgb_float" if floats else "rgb"
        reach = fringe_reach(*self._whole) if picture.fringe else 0
        last: Call | None = None
        if reach:  # colors first, as planes from which they then drift apart
            color = self._color_call("planes", _planes_kernel(picture.colors), picture)
            last = self._fringe_call(role, _fringe_kernel(reach, floats), picture)
        else:
            color = self._color_call(role, _rgb_kernel(picture.colors, floats), picture)
        kind = np.float32 if floats else np.uint8
        out: NDArray[Any] = np.empty((self.height, self.width, 3), kind)
        planes = [np.zeros((self.strip + 2, self.stride), kind) for _ in range(3)]
        for name, plane in zip("rgb", planes, strict=True):
            (last or color).output(name, plane, LEFT)
        for top in range(0, self.height, self.strip):
            bottom = min(top + self.strip, self.height)
            self._fields(fields, top, bottom)
            rows, columns = (top, bottom), (0, self.width)
            color.run(self.geometry, rows, columns, out_row=top, in_row=top - 1 - SPARE)
            if last is not None:
                self._continue(("cb", "cr"), self.width, reach)
                last.run(self.geometry, rows, columns, out_row=top, in_row=top)
            for k, plane in enumerate(planes):
                out[top:bottom, :, k] = plane[: bottom - top, LEFT : LEFT + self.width]
        return out

    def field(self, state: FieldState) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a field's raw tone and mask, each [height, width], evaluated at every pixel."""
        values = dict(zip(state.kernel.module.knobs, state.knobs.tolist(), strict=True))
        whole = state.kernel.evaluate(
            self.width, self.height, values, buffers=state.buffers, weights=state.weights
        )
        return whole["tone"], whole["mask"]
