"""``afx explore``: contact sheets, sweeps, and looks taken out of pictures.

Walks, mutation, breeding and evolution are in ``commands_breed``.
"""

from __future__ import annotations

from cyclopts import App, Group

explore = App(
    name="explore",
    help="Find looks: sheets, sweeps, walks, breeding, evolution.",
    help_format="plaintext",
    group_commands=Group("Commands", sort_key=0),
    group_parameters=Group("Options", sort_key=1),
)
