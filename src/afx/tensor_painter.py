"""Frames from fields on a graphics card."""
