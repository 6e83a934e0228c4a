"""Weights in safetensors files: written with what one wants to know, read with suspicion.

A file says in its header which architecture it is for, what it was made from, by what, and under
which license. Nothing in it can run: a header of JSON, then numbers. What cannot be used is refused
before it is unpacked, in one line that says what to do.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from afx.field import Network
from afx.patterns.architecture import Architecture
from afx.patterns.network_shape import network_of

MAX_BYTES = 64 * 1024 * 1024
"""The largest network, 512 wide and 12 deep, needs 14 MB."""
MAX_HEADER = 256 * 1024

_FORMAT = "afx-cppn-1"
_HALF_MOST = 65504.0
_DTYPES = ("F32", "F16")
_FOREIGN = {
    b"\x80": "a Python pickle, which can hide programs",
    b"PK": "a zip archive, as torch.save writes (.pt), which can hide programs",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"\x93NUMPY": "a NumPy file",
}
_SHAPING = (
    "width",
    "depth",
    "activations",
    "coordinates",
    "fourier",
    "symmetry",
    "folds",
    "tiles",
    "latents",
    "music",
    "output",
)
"""What weights were made for; with anything else the same numbers would be another picture."""


def save_weights(
    path: str | Path,
    architecture: Architecture,
    weights: NDArray[np.float32],
    *,
    provenance: str = "",
    license: str = "CC0-1.0",
    half: bool = False,
) -> str:
    """Write weights to a safetensors file, whole or not at all.

    Parameters
    ----------
    path : path
        Where; an existing file is replaced.
    architecture : Architecture
        What they are for; its genes and initializer tell where they come from.
    weights : float32 [network.size]
        As `Pattern.weights` gives them.
    provenance : str
        For people: how they were made.
    license : str
        An SPDX name.
    half : bool
        Write 16-bit numbers: half the size, and exact for weights from chance.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    ValueError
        If the weights do not fit the architecture, are not finite, or too large for `half`.
    """
    from safetensors.numpy import save

    from afx import __version__

    network = network_of(architecture, "weights")
    if not np.isfinite(weights).all():
        raise ValueError("weights with NaN or infinity are not written")
    tensors = {}
    for k, (matrix, bias) in enumerate(network.split(weights)):
        for part, array in (("weight", matrix), ("bias", bias)):
            if half and np.abs(array).max() > _HALF_MOST:
                raise ValueError("weights are too large for half precision: write them without it")
            kind = np.float16 if half else np.float32
            tensors[f"layers.{k}.{part}"] = np.ascontiguousarray(array, dtype=kind)
    told = architecture.model_dump(mode="json", exclude={"weights", "weights_sha256"})
    metadata = {
        "format": _FORMAT,
        "architecture": json.dumps(told, separators=(",", ":")),
        "license": license,
        "provenance": provenance,
        "made_with": f"Audio Feature Explorer {__version__}",
    }
    raw = save(tensors, metadata)
    target = Path(path)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as file:
        unfinished = Path(file.name)
    try:
        unfinished.write_bytes(raw)
        # A temporary file is for its owner alone; this one is as readable as any new file.
        mask = os.umask(0)
        os.umask(mask)
        unfinished.chmod(0o666 & ~mask)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return hashlib.sha256(raw).hexdigest()


def load_weights(
    path: str | Path, architecture: Architecture | None = None
) -> tuple[Architecture, NDArray[np.float32]]:
    """Read weights and what they are for.

    Parameters
    ----------
    path : path
    architecture : Architecture, optional
        What they are wanted for; another one is refused.

    Returns
    -------
    Architecture
        As the file tells it.
    float32 [network.size]

    Raises
    ------
    ValueError
        One line that says what is wrong with the file, and what to do.
    """
    raw = _read(Path(path))
    name = Path(path).name
    header, start = _header(raw, name)
    told = _told(header, name)
    if architecture is not None:
        _compare(told, architecture, name)
        wanted = architecture.weights_sha256
        if wanted is not None and wanted != hashlib.sha256(raw).hexdigest():
            raise ValueError(
                f"{name} is not the file that the look was made with (its hash differs):"
                " bring that file, or take weights_sha256 out of the look"
            )
    return told, _numbers(raw, header, start, network_of(told, "weights"), name)


def file_sha256(path: str | Path) -> str:
    """Return the hash of a weights file; raises as `load_weights` if it cannot be read."""
    return hashlib.sha256(_read(Path(path))).hexdigest()


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(
                f"{path.name} is no weights file of ours: {size >> 20} MB, the largest have 14"
            )
        return _bytes(path, path.stat().st_mtime_ns, size)
    except FileNotFoundError:
        raise ValueError(f"no weights file {path.name}: put it beside the look") from None
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read ({error.strerror or error})") from None


@functools.lru_cache(maxsize=4)
def _bytes(path: Path, _modified: int, _size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _header(raw: bytes, name: str) -> tuple[dict[str, Any], int]:
    """Return the header and where the numbers begin."""
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 10 or length < 2 or length > MAX_HEADER or raw[8:9] != b"{":
        for start, what in _FOREIGN.items():
            if raw.startswith(start):
                raise ValueError(f"{name} is {what}: only safetensors files are read")
        raise ValueError(f"{name} is not a safetensors file")
    if 8 + length > len(raw):
        raise ValueError(f"{name} is cut off: copy it again")
    try:
        header = json.loads(raw[8 : 8 + length])
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is not a safetensors file: its header is damaged") from None
    if not isinstance(header, dict):
        raise ValueError(f"{name} is not a safetensors file: its header is damaged")
    return header, 8 + length


def _told(header: Mapping[str, Any], name: str) -> Architecture:
    """Return the architecture in a header."""
    metadata = header.get("__metadata__")
    text = metadata.get("architecture") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ValueError(
            f"{name} does not say which network it is for: only files that afx wrote can be used"
        )
    try:
        return Architecture.model_validate_json(text)
    except (ValidationError, RecursionError):
        raise ValueError(f"{name} is for a network that this version cannot make") from None


def _numbers(
    raw: bytes, header: Mapping[str, Any], start: int, network: Network, name: str
) -> NDArray[np.float32]:
    """Return the tensors as one flat array, each checked against the network first."""
    parts = []
    for k, layer in enumerate(network.layers):
        for part, shape in (("weight", (layer.outputs, layer.inputs)), ("bias", (layer.outputs,))):
            parts.append(_tensor(raw, header.get(f"layers.{k}.{part}"), start, shape, name, k))
    if len(header) - ("__metadata__" in header) != 2 * len(network.layers):
        raise ValueError(f"{name} has other layers than it says: it is damaged")
    flat = np.concatenate(parts)
    if not np.isfinite(flat).all():
        raise ValueError(f"{name} has weights that are NaN or infinite: its training went wrong")
    return flat


def _tensor(
    raw: bytes, entry: Any, start: int, shape: tuple[int, ...], name: str, layer: int
) -> NDArray[np.float32]:
    if not isinstance(entry, dict):
        raise ValueError(f"{name} lacks layer {layer + 1} of the network it says it is for")
    kind, found, span = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if kind not in _DTYPES:
        raise ValueError(f"{name} has {kind} numbers: only F32 and F16 are read")
    if not isinstance(found, list) or found != list(shape):
        raise ValueError(
            f"{name}: layer {layer + 1} is {_times(found)}, its network needs {_times(shape)}"
        )
    item = 2 if kind == "F16" else 4
    size = int(np.prod(shape)) * item
    # Two whole numbers, and true is none.
    begin, end = span if isinstance(span, list) and len(span) == 2 else (-1, -1)
    if type(begin) is not int or type(end) is not int or begin < 0 or end - begin != size:
        raise ValueError(f"{name} is not a safetensors file: its header is damaged")
    if start + end > len(raw):
        raise ValueError(f"{name} is cut off: copy it again")
    numbers = np.frombuffer(raw, np.dtype(f"<f{item}"), int(np.prod(shape)), start + begin)
    return numbers.astype(np.float32)


def _times(shape: Any) -> str:
    if isinstance(shape, (list, tuple)) and len(shape) <= 4:
        return "×".join(str(n) for n in shape)
    return "something else"


def _compare(told: Architecture, wanted: Architecture, name: str) -> None:
    """Refuse weights that were made for another network than the one wanted."""
    if wanted.latents > told.latents:
        raise ValueError(
            f"{wanted.latents} latents are asked for, but {name} has {told.latents}:"
            f" write latents = {told.latents} or leave it out"
        )
    for field in _SHAPING:
        ours, theirs = getattr(wanted, field), getattr(told, field)
        if ours != theirs:
            raise ValueError(
                f"{name} is for another network ({field} {_said(theirs)}, not {_said(ours)}):"
                f" leave {field} out of [network]"
            )


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
