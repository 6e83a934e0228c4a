"""Exploration: contact sheets, sweeps, walks, breeding, and pages that fill with good looks."""

MOST_PIXELS = 64_000_000
"""Of a sheet: what picture viewers open without complaint."""
