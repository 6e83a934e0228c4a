"""The command ``python -m music_analysis.cli.analyze_key SONG…``."""

import sys

from music_analysis.cli.command import main

if __name__ == "__main__":
    sys.exit(main("key"))
