"""The judge: how well the picture of a video followed its sound, in numbers and in words.

Works on any video file, ours or a rival's. Everything is measured on a small proxy of the picture
that is streamed, never kept, and on what ``music_analysis`` hears; the measures and their bars are
described in docs/judge.md.
"""
