"""Exploration: contact sheets, sweeps, walks, breeding, and pages that fill with good looks."""
