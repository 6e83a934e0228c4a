"""Audio Feature Explorer: pictures that move with the music."""

__version__ = "0.1.0"
