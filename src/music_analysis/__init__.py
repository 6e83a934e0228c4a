"""Sound to facts: decoding, features, and (in time) tempo, key, chords and structure."""
