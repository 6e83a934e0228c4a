"""The command ``python -m music_analysis.cli.analyze_structure SONG…``."""

import sys

from music_analysis.cli.command import main

if __name__ == "__main__":
    sys.exit(main("structure"))
