"""Sources that a person adds to the song's own: stems and macros, as options of a command say them.

Knows what a word of the command line means and whether any look listens to it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from afx.expression import parse
from afx.job import Attached, attach
from afx.look import Look
from afx.source_names import MACROS, STAND_INS, stem_source
from music_analysis.errors import UserError


def attach_stems(files: Mapping[str, str]) -> dict[str, Attached]:
    """Return the stems that a person names, by name.

    Parameters
    ----------
    files : mapping of str to str
        Paths by names. A name is a word: letters, digits, - and _, of which - becomes _, as it
        would be a minus in a route.

    Raises
    ------
    UserError
        If a name is none or comes twice, or a file cannot be read.
    """
    stems: dict[str, Attached] = {}
    for given, file in files.items():
        name = given.replace("-", "_")
        if not re.fullmatch(r"[A-Za-z0-9_]{1,40}", name):
            raise UserError(
                f"--stem {given[:60]!r}: a stem's name is a word of letters, digits, - and _,"
                " such as drums"
            )
        if name in stems:
            raise UserError(f"--stem {given}: there are two stems {name!r}")
        try:
            stems[name] = attach(Path(file))
        except UserError as error:
            raise UserError(f"--stem {given}: {error}") from None
    return stems


def macro_values(texts: Mapping[str, str]) -> dict[int, float]:
    """Return the values of macros by their numbers.

    Raises
    ------
    UserError
        If a number is not 1 to 8 or comes twice, or a value is not 0 to 1.
    """
    values: dict[int, float] = {}
    for name, text in texts.items():
        option = f"--macro {name[:40]}={text[:40]}"
        if not re.fullmatch(r"0*[1-9]", name, re.ASCII) or int(name) > MACROS:
            raise UserError(f"{option}: macros are numbered 1 to {MACROS}, as in 1=0.8")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0.0 <= value <= 1.0:
            raise UserError(f"{option}: a macro's value is a number from 0 to 1")
        if int(name) in values:
            raise UserError(f"{option}: macro {int(name)} is said twice")
        values[int(name)] = value
    return values


def check_heard(looks: Mapping[str, Look], stems: Collection[str], macros: Collection[int]) -> None:
    """See to it that looks get the stems they listen to, and that nothing was given in vain.

    Raises
    ------
    UserError
        If a look listens to a stem that there is not, or none to one that there is, or to a macro.
    """
    names: dict[str, str] = {}
    for key, look in looks.items():
        for route in look.routes:
            names |= dict.fromkeys(parse(route.source).names, key)
    for source, key in names.items():
        stem = stem_source(source)
        if stem is not None and stem[0] not in stems:
            raise UserError(
                f"the look {key} listens to {source}: give this stem with --stem {stem[0]}=FILE"
            )
    heard = {stem[0] for stem in map(stem_source, names) if stem is not None}
    for name in stems:
        if name not in heard and name not in STAND_INS:
            raise UserError(
                f"--stem {name}: no look in play listens to stem.{name}; give a look such a route,"
                f" or name it {', '.join(list(STAND_INS)[:-1])} or {list(STAND_INS)[-1]}"
            )
    for number in macros:
        if f"macro.{number}" not in names:
            raise UserError(
                f"--macro {number}: no look in play listens to macro.{number};"
                " give a look a route with that source"
            )
