"""Looks changed from outside: what options of a command say of every look at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal

from pydantic import ValidationError

from afx.look import Look, knobs_of, pattern_of
from afx.look_parts import Symmetry
from afx.patterns import PATTERNS, Pattern
from afx.patterns.architecture import Architecture
from music_analysis.errors import UserError


def with_network(
    looks: Mapping[str, Look], size: str, patterns: Mapping[str, Pattern] = PATTERNS
) -> dict[str, Look]:
    """Return those of `looks` that run a network, with one of another size.

    Parameters
    ----------
    looks : mapping of str to Look
    size : str
        Width and depth, such as ``"256x8"``.

    Raises
    ------
    UserError
        If the size is none, or no look runs a network.
    """
    found = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", size.strip().lower())
    if found is None:
        raise UserError(f"--network {size!r}: write width x depth, such as 256x8")
    width, depth = int(found[1]), int(found[2])
    shaped = {}
    for name, look in looks.items():
        if patterns[look.pattern].shape is None:
            continue
        said = {} if look.network is None else look.network.model_dump(exclude_unset=True)
        if said.get("weights"):
            raise UserError(
                f"--network {size}: the look {name} has its weights from a file, which is for"
                f" {said['width']}x{said['depth']}: leave --network out"
            )
        try:
            network = Architecture.model_validate(said | {"width": width, "depth": depth})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            word = first["msg"].removeprefix("Input ")
            loc = f"{first['loc'][0]} " if first["loc"] else ""
            word = word.removeprefix("Value error, ")
            raise UserError(f"--network {size}: {loc}{word}") from None
        shaped[name] = look.model_copy(update={"network": network})
    if not shaped:
        only = next(iter(looks))
        raise UserError(f"--network: the look {only} runs no network; afx looks tells which do")
    return shaped


def with_knobs(
    looks: Mapping[str, Look],
    values: Mapping[str, str],
    patterns: Mapping[str, Pattern] = PATTERNS,
) -> dict[str, Look]:
    """Return looks with some knobs at other values; each look takes those of its knobs.

    Raises
    ------
    UserError
        If a value is no number or outside its knob's range, or no look has such a knob.
    """
    changed = dict(looks)
    for name, text in values.items():
        try:
            value = float(text)
        except ValueError:
            raise UserError(f"--set {name}={text}: {text!r} is not a number") from None
        known = set()
        for key, look in changed.items():
            for knob in knobs_of(pattern_of(look, patterns)):
                known.add(knob.name)
                if knob.name != name:
                    continue
                if not knob.lo <= value <= knob.hi:
                    raise UserError(
                        f"--set {name}={text}: outside {knob.lo:g} to {knob.hi:g} (look {key})"
                    )
                changed[key] = look.model_copy(update={"knobs": {**look.knobs, name: value}})
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else "afx looks NAME lists a look's knobs"
            raise UserError(f"--set {name}: no look in play has such a knob; {hint}")
    return changed


def with_symmetry(
    looks: Mapping[str, Look], fold: int | None, mirror: Literal["none", "x", "y", "both"] | None
) -> dict[str, Look]:
    """Return looks seen in a kaleidoscope of `fold` sectors, or mirrored; None leaves theirs.

    Raises
    ------
    UserError
        If there are too few or too many sectors.
    """
    if fold is not None and not (fold == 0 or 2 <= fold <= 32):
        raise UserError(f"--kaleidoscope {fold}: use 2 to 32 sectors, or 0 for none")
    changed = {}
    for name, look in looks.items():
        symmetry = Symmetry(
            fold=look.symmetry.fold if fold is None else fold,
            mirror=look.symmetry.mirror if mirror is None else mirror,
        )
        changed[name] = look.model_copy(update={"symmetry": symmetry})
    return changed
