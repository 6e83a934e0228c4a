"""``afx looks`` and ``afx patterns``: what there is to show.

Heavy modules are imported inside the commands.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from cyclopts import Parameter

from afx.options import Json, examples
from music_analysis.errors import UserError

LOOKS_EXAMPLES = examples(
    ("afx looks", "the library"),
    ("afx looks NAME", "one look: pattern, knobs, music"),
    ("afx looks NAME --toml > mine.toml", "a copy to edit"),
)
PATTERNS_EXAMPLES = examples(
    ("afx patterns", "all of them"),
    ("afx patterns NAME", "one and its knobs"),
    ("afx patterns --json", "for programs"),
)


def looks(
    name: str | None = None,
    /,
    *,
    toml: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Json = False,
) -> None:
    """List the looks, or show one.

    Parameters
    ----------
    name
        A look's name or a look file.
    toml
        Print the look as a file that you can edit and give to --look.
    """
    from afx.look import dump, find_look, load_library
    from afx.patterns import PATTERNS
    from afx.shown import look_json, show_json, show_look, show_looks

    library = load_library()
    if name is None:
        if toml:
            raise UserError("--toml needs a look's name: try afx looks")
        if json:
            show_json([look_json(look, PATTERNS) for look in library.values()])
        else:
            show_looks(library, PATTERNS)
        return
    look = find_look(name, library)
    if toml:
        print(dump(look), end="")
    elif json:
        show_json(look_json(look, PATTERNS))
    else:
        show_look(look, PATTERNS)


def patterns(name: str | None = None, /, *, json: Json = False) -> None:
    """List the patterns, or show one and its knobs.

    Parameters
    ----------
    name
        A pattern's name.
    """
    from afx.patterns import PATTERNS
    from afx.shown import pattern_json, show_json, show_pattern, show_patterns
    from afx.stage import GRADE_KNOBS, STAGE_KNOBS

    if name is None:
        if json:
            show_json([pattern_json(p) for p in PATTERNS.values()])
        else:
            show_patterns(PATTERNS)
        return
    if name not in PATTERNS:
        near = get_close_matches(name, PATTERNS, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else "afx patterns lists them"
        raise UserError(f"no pattern {name!r}: {hint}")
    if json:
        show_json(pattern_json(PATTERNS[name]))
    else:
        show_pattern(PATTERNS[name], STAGE_KNOBS + GRADE_KNOBS)
