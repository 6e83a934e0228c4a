"""Compiled kernels: IR text made a function that fills planes, and the cache of compiled code."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from afx.field.llvm import Module, emit
from afx.field.program import Program

OPTIMIZATION = 2
_lock = threading.Lock()


@dataclass(frozen=True)
class Geometry:
    """Where pixels lie: point = (x0 + (column + ½)·dx, y0 + (row + ½)·dy).

    Attributes
    ----------
    x0, dx, y0, dy : float
    pixel : float
        What a pattern is told is the size of one pixel.
    """

    x0: float
    dx: float
    y0: float
    dy: float
    pixel: float

    @staticmethod
    def of(width: int, height: int) -> Geometry:
        """Return the picture's usual geometry: y from −1 to 1, square pixels."""
        step = 2.0 / height
        return Geometry(-width / height, step, -1.0, step, step)


def _target_machine() -> Any:
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=OPTIMIZATION,
        jit=True,
    )


@functools.cache
def _machine() -> tuple[Any, int, str]:
    """Return the target machine, its vector width in bits, and a name for cache keys."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512vl"):
        width = 512
    elif features.get("avx2"):
        width = 256
    else:
        width = 128  # SSE and NEON
    name = f"{llvmlite.__version__} {llvm.get_host_cpu_name()} {features.flatten()} {OPTIMIZATION}"
    return _target_machine(), width, name


def vector_width() -> int:
    """Return the bits of this machine's vectors."""
    return _machine()[1]


def cache_folder() -> Path:
    """Return the folder in which compiled kernels are kept."""
    if override := os.environ.get("AFX_CACHE_DIR"):
        return Path(override)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "audio-feature-explorer" / "kernels"


def _object_code(text: str) -> bytes:
    """Return machine code for IR text, from the cache if it is there."""
    machine, _, name = _machine()
    key = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()
    path = cache_folder() / f"{key}.o"
    with contextlib.suppress(OSError):
        # Damaged code would crash the program, so a kept object begins with its own hash.
        kept = path.read_bytes()
        if kept[:32] == hashlib.sha256(kept[32:]).digest():
            return kept[32:]
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=OPTIMIZATION)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    # A cache that cannot be written only costs time.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            part = Path(file.name)
        try:
            part.write_bytes(hashlib.sha256(code).digest() + code)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return code


def _loaded(text: str, name: str) -> tuple[Any, int]:
    code = _object_code(text)
    # The engine takes possession of its target machine, so it gets one of its own.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, engine.get_function_address(name)


def load_function(text: str, name: str) -> tuple[Any, int]:
    """Return the engine that holds a function of IR text, and its address while that lives."""
    with _lock:
        _machine()
        return _loaded(text, name)


class Kernel:
    """A compiled program: fills blocks of rows of its output planes.

    Parameters
    ----------
    program : Program
    byte_outputs : sequence of str
        Outputs that are stored as bytes.
    fma : bool
        Fuse products and sums.
    width : int, optional
        Bits of vectors; the machine's own if not given. Pixels do not depend on it.
    """

    def __init__(
        self,
        program: Program,
        *,
        byte_outputs: Sequence[str] = (),
        fma: bool = True,
        width: int | None = None,
    ) -> None:
        with _lock:
            _, native, _ = _machine()
            self.module: Module = emit(
                program, width=width or native, fma=fma, byte_outputs=byte_outputs
            )
            self._engine, address = _loaded(self.module.text, "kernel")
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self.function = ctypes.CFUNCTYPE(None, *[pointer] * 7, *[number] * 4)(address)
        self.byte_outputs = frozenset(byte_outputs)
        self.program = program

    @property
    def tile(self) -> int:
        """A row is written in multiples of this many pixels."""
        return self.module.tile

    def evaluate(
        self,
        width: int,
        height: int,
        knobs: Mapping[str, float] | None = None,
        *,
        geometry: Geometry | None = None,
        planes: Mapping[str, NDArray[np.float32]] | None = None,
        buffers: Mapping[str, NDArray[Any]] | None = None,
        weights: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Return whole output planes as arrays [height, width]; for stills, tests and sheets."""
        call = Call(self)
        stride = -(-width // self.tile) * self.tile
        arrays: dict[str, NDArray[Any]] = {}
        for name in self.module.outputs:
            kind = np.uint8 if name in self.byte_outputs else np.float32
            arrays[name] = np.zeros((height, stride), kind)
            call.output(name, arrays[name])
        for name, array in (planes or {}).items():
            call.plane(name, array)
        for name, array in (buffers or {}).items():
            call.buffer(name, array)
        for name, array in (weights or {}).items():
            call.weights(name, array)
        given = knobs or {}
        if missing := [n for n in self.module.knobs if n not in given]:
            raise ValueError(f"the program needs the knob {missing[0]!r}: pass it by that name")
        call.knobs[:] = [given[n] for n in self.module.knobs]
        call.run(geometry or Geometry.of(width, height), (0, height), (0, width))
        return {name: a[:, :width] for name, a in arrays.items()}


_KINDS = {"out": "output", "in": "plane", "buffer": "buffer", "weights": "network"}


class Call:
    """The arguments of one thread's calls of a kernel, kept from call to call.

    A call costs a few microseconds and releases the interpreter's lock. What is passed is changed
    in place: ``call.knobs[:] = values``.

    Attributes
    ----------
    knobs : float32 array
        Values in the order of the module's knobs.
    """

    def __init__(self, kernel: Kernel) -> None:
        module = kernel.module
        self.kernel = kernel
        self.knobs: NDArray[np.float32] = np.zeros(max(1, len(module.knobs)), np.float32)
        self.knobs = self.knobs[: len(module.knobs)]
        self._names = {
            "out": module.outputs,
            "in": module.planes,
            "buffer": module.buffers,
            "weights": tuple(n.name for n in module.networks),
        }
        sizes = {"out": 2, "in": 2, "buffer": 3, "weights": 1}
        self._tables: dict[str, NDArray[np.int64]] = {
            kind: np.zeros((max(1, len(names)), sizes[kind]), np.int64)
            for kind, names in self._names.items()
        }
        self._origins = {kind: [0] * len(self._names[kind]) for kind in ("out", "in")}
        self._item = {kind: [4] * len(self._names[kind]) for kind in ("out", "in")}
        self._kept: dict[tuple[str, int], NDArray[Any]] = {}
        self._connected = False
        self._geometry = np.zeros(5, np.float32)
        self._scratch = np.empty(module.scratch + 16, np.float32)
        start = (int(self._scratch.ctypes.data) + 63) // 64 * 64
        self._fixed = (
            self._tables["in"].ctypes.data,
            self._tables["out"].ctypes.data,
            self._tables["buffer"].ctypes.data,
            self._tables["weights"].ctypes.data,
            start,
            self._geometry.ctypes.data,
        )

    def _index(self, kind: str, name: str) -> int:
        """Return where `name` stands among the program's inputs or outputs of a kind."""
        try:
            return self._names[kind].index(name)
        except ValueError:
            text = f"the program has no {_KINDS[kind]} {name!r}: {', '.join(self._names[kind])}"
            raise ValueError(text) from None

    def _check(self) -> None:
        """Refuse to run with something missing: the kernel would read from nowhere."""
        for kind, names in self._names.items():
            for index, name in enumerate(names):
                if (kind, index) not in self._kept:
                    raise ValueError(
                        f"the program needs the {_KINDS[kind]} {name!r}: connect it before running"
                    )
        self._connected = True

    def _plane(self, kind: str, name: str, array: NDArray[Any], left: int) -> None:
        index = self._index(kind, name)
        if array.ndim != 2 or array.strides[1] != array.itemsize:
            raise ValueError(f"plane {name!r} must be a 2-D array with contiguous rows")
        self._kept[kind, index] = array
        self._origins[kind][index] = int(array.ctypes.data) + left * array.itemsize
        self._item[kind][index] = array.strides[0]
        self._tables[kind][index] = (self._origins[kind][index], array.strides[0] // array.itemsize)

    def output(self, name: str, array: NDArray[Any], left: int = 0) -> None:
        """Write output `name` to `array`, column 0 at index `left`.

        Columns are written in whole tiles: rows must have room for them.
        """
        byte = name in self.kernel.byte_outputs
        if array.dtype != (np.uint8 if byte else np.float32):
            raise ValueError(f"output {name!r} needs {'uint8' if byte else 'float32'} memory")
        self._plane("out", name, array, left)

    def plane(self, name: str, array: NDArray[np.float32], left: int = 0) -> None:
        """Read plane `name` from `array`, column 0 at index `left`."""
        self._plane("in", name, array, left)

    def buffer(self, name: str, array: NDArray[Any]) -> None:
        """Read buffer `name` from a C-contiguous [rows, columns] array of 4-byte values."""
        if name not in self._names["buffer"]:
            return
        index = self._names["buffer"].index(name)
        if array.ndim != 2 or array.itemsize != 4 or not array.flags.c_contiguous or not array.size:
            raise ValueError(f"buffer {name!r} must be a contiguous 2-D array of 4-byte values")
        self._kept["buffer", index] = array
        self._tables["buffer"][index] = (array.ctypes.data, array.shape[1], array.shape[0])

    def weights(self, name: str, array: NDArray[np.float32]) -> None:
        """Use `array` as the flat weights of network `name`."""
        self._index("weights", name)
        contiguous = np.ascontiguousarray(array)
        # A network that is evaluated at several points is there several times.
        for index, network in enumerate(self.kernel.module.networks):
            if network.name != name:
                continue
            if array.shape != (network.size,) or array.dtype != np.float32:
                raise ValueError(
                    f"network {name!r} needs {network.size} float32 weights, got {array.shape}"
                )
            self._kept["weights", index] = contiguous
            self._tables["weights"][index] = contiguous.ctypes.data

    def run(
        self,
        geometry: Geometry,
        rows: tuple[int, int],
        columns: tuple[int, int],
        *,
        out_row: int = 0,
        in_row: int = 0,
    ) -> None:
        """Fill rows [rows[0], rows[1]) and columns [columns[0], columns[1]).

        Parameters
        ----------
        geometry : Geometry
        rows, columns : (int, int)
            First and one past the last, in pixels of the whole picture.
        out_row, in_row : int
            Row of the picture that lies in row 0 of the output and input arrays.

        Raises
        ------
        ValueError
            If something that the program reads or writes was not connected.
        """
        if not self._connected:
            self._check()
        for kind, first in (("out", out_row), ("in", in_row)):
            table = self._tables[kind]
            for index, origin in enumerate(self._origins[kind]):
                table[index, 0] = origin - first * self._item[kind][index]
        self._geometry[:] = (geometry.x0, geometry.dx, geometry.y0, geometry.dy, geometry.pixel)
        self.kernel.function(
            self.knobs.ctypes.data,
            *self._fixed,
            rows[0],
            rows[1],
            columns[0],
            columns[1] - columns[0],
        )
