"""Dataclasses and arrays as JSON values, and back, with every type checked.

Knows type annotations, rounding and base64; knows nothing of music. A dataclass is an object with
its fields' names, a tuple a list, ``X | None`` may be null. What comes in is checked against the
annotations, and :class:`WrongError` says where it does not fit.

Numbers are rounded to four digits after the point. There is no NaN and no infinity: what is not
a number is null where that is allowed, else 0.
"""

from __future__ import annotations

import base64
import math
import types
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

DIGITS: Final = 4
LARGEST: Final = 2**26
"""Numbers in a packed array; an honest one has a quarter of a million."""

_KINDS: Final = ("int8", "uint8", "int16", "int32")


class WrongError(Exception):
    """What is wrong with a document, and where in it."""


def record(value: Any, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a dataclass as a JSON object, without the fields `leave`."""
    kind: Any = type(value)
    kinds = hints(kind)
    return {
        field.name: plain(getattr(value, field.name), none=may_be_none(kinds[field.name]))
        for field in fields(value)
        if field.name not in leave
    }


def plain(value: Any, *, none: bool = False) -> Any:
    """Return a value as JSON has it; ``none`` says that it may be null."""
    if is_dataclass(value):
        return record(value)
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            return None if none else 0.0
        return round(float(value), DIGITS) + 0.0  # no −0.0
    if isinstance(value, np.integer):
        return int(value)
    return value


def numbers(values: NDArray[Any]) -> list[float]:
    """Return a curve as a list of rounded numbers."""
    rounded: list[float] = (np.round(_finite(values), DIGITS) + 0.0).tolist()
    return rounded


def pack(values: NDArray[Any], kind: str, scale: float | None) -> dict[str, Any]:
    """Return an array as integers of a type, each `scale` in value; by the largest if not given."""
    finite = _finite(values)
    limits = np.iinfo(kind)
    if scale is None:
        # six digits, so that what was read can be written again unchanged
        largest = float(np.abs(finite).max(initial=0.0)) / limits.max
        scale = float(f"{largest:.5e}") or 1.0
    whole = np.clip(np.rint(finite / scale), limits.min, limits.max).astype(kind)
    data = zlib.compress(whole.astype(whole.dtype.newbyteorder("<")).tobytes(), 6)
    return {
        "shape": list(whole.shape),
        "dtype": kind,
        "scale": scale,
        "data": base64.b64encode(data).decode("ascii"),
    }


def unpack(packed: Any, axes: int, memory: str, where: str) -> NDArray[Any]:
    """Return a packed array with so many axes, in a type; raise `WrongError` if it is not one."""
    shape = build(tuple[int, ...], member(packed, "shape", where), f"{where}.shape")
    kind = member(packed, "dtype", where)
    right = kind in _KINDS and len(shape) == axes and min(shape) >= 0
    check(right, f"{where} has no such shape or type")
    count = math.prod(shape)
    check(count <= LARGEST, f"{where} is too large")
    scale = build(float, member(packed, "scale", where), f"{where}.scale")
    text = build(str, member(packed, "data", where), f"{where}.data")
    try:
        stored = base64.b64decode(text, validate=True)
        size = count * np.dtype(kind).itemsize
        data = zlib.decompressobj().decompress(stored, size + 1)
        whole = np.frombuffer(data, np.dtype(kind).newbyteorder("<")).reshape(shape)
    except (ValueError, zlib.error):
        raise WrongError(f"{where} cannot be unpacked") from None
    values: NDArray[Any] = (whole.astype(np.float64) * scale).astype(memory)
    return values


def _finite(values: NDArray[Any]) -> NDArray[np.float64]:
    finite: NDArray[np.float64] = np.nan_to_num(
        np.asarray(values, np.float64), posinf=0.0, neginf=0.0
    )
    return finite


def check(right: bool, complaint: str) -> None:
    """Raise a `WrongError` unless it is right."""
    if not right:
        raise WrongError(complaint)


def member(value: Any, name: str, where: str = "") -> Any:
    """Return what a JSON object, itself found at `where`, has under a name, if it has."""
    check(isinstance(value, Mapping), f"{where} must be an object")
    found = value.get(name)
    check(found is not None, f"{where}{'.' * bool(where)}{name} is missing")
    return found


def assemble(kind: Any, value: Any, where: str, **given: Any) -> Any:
    """Return a dataclass made of a JSON object and of fields that stand elsewhere."""
    check(isinstance(value, Mapping), f"{where} must be an object")
    made = dict(given)
    for field in fields(kind):
        if field.name in given:
            continue
        if field.name not in value:
            check(field.default is not MISSING, f"{where}.{field.name} is missing")
            continue
        inner = f"{where}.{field.name}"
        made[field.name] = build(hints(kind)[field.name], value[field.name], inner)
    return kind(**made)


def build(kind: Any, value: Any, where: str) -> Any:
    """Return a value of a type out of what JSON has of it."""
    if may_be_none(kind):
        if value is None:
            return None
        kind = next(option for option in get_args(kind) if option is not types.NoneType)
    if get_origin(kind) is tuple:
        check(isinstance(value, list), f"{where} must be a list")
        inner = get_args(kind)[0]
        return tuple(build(inner, v, f"{where}[{k}]") for k, v in enumerate(value))
    if is_dataclass(kind):
        return assemble(kind, value, where)
    if kind is float:
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
        # a whole number may be too large to be a float
        check(right and abs(value) < 1e300, f"{where} must be a number")
        return float(value)
    names = {str: "text", int: "a whole number", bool: "true or false"}
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    check(right, f"{where} must be {names[kind]}")
    return value


def times(value: Any, where: str) -> NDArray[np.float64]:
    """Return a list of numbers as an array."""
    return np.array(build(tuple[float, ...], value, where), np.float64)


@cache
def hints(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    return get_type_hints(kind)


@cache
def may_be_none(kind: Any) -> bool:
    """Return whether a type is ``X | None``."""
    return get_origin(kind) in (Union, types.UnionType) and types.NoneType in get_args(kind)
