"""The four commands ``python -m music_analysis.cli.analyze_…``, and what commands share."""
