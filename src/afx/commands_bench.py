"""``afx bench``: the profiler."""

from __future__ import annotations

from cyclopts import App, Group

bench = App(
    name="bench",
    help="Measure this machine and find its best settings.",
    help_format="plaintext",
    group_commands=Group("Commands", sort_key=0),
    group_parameters=Group("Options", sort_key=1),
)
