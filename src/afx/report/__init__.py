"""The report on a video of ours: film, form of the song, every knob over time, on one page."""
