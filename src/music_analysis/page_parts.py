"""What every self-contained page of ours is made of: template, files, data; and writing it whole.

Knows HTML and where packages keep their templates; knows nothing of what a page shows.
"""

from __future__ import annotations

import contextlib
import functools
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music_analysis.errors import UserError

if TYPE_CHECKING:
    import jinja2


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: ``</script>`` cannot occur in it.

    Raises
    ------
    ValueError, TypeError
        If a value is not JSON (NaN, an array, …).
    """
    return in_script(json.dumps(value, separators=(",", ":"), allow_nan=False))


def in_script(text: str) -> str:
    """Return JSON text as it can stand inside a script element."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@functools.cache
def file_of(package: str, name: str) -> str:
    """Return the text of a file in a package's folder ``templates``."""
    return (resources.files(package) / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def template_of(package: str, name: str) -> jinja2.Template:
    """Return a page's template; what is put into it is escaped, and must all be there."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(file_of(package, name))


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; names of bytes that are no text get question marks.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        part.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
