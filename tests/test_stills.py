"""Pictures and frame sequences (their settings are tested with the video's)."""

import av
import numpy as np
import pytest

from afx.stills import FrameSequence
from afx.video import VideoError


def test_a_frame_sequence_is_numbered_and_exact(tmp_path):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    frames = FrameSequence(tmp_path / "deep" / "frames", {"seed": 1})
    for index in (2, 0, 1):
        frames.write(index, pictures[index])
    names = sorted(p.name for p in frames.folder.iterdir())
    assert names == ["frame_000001.png", "frame_000002.png", "frame_000003.png"]
    for picture, name in zip(pictures, names, strict=True):
        with av.open(str(frames.folder / name)) as container:
            frame = next(container.decode(video=0))
            assert np.array_equal(frame.to_ndarray(format="rgb24"), picture)
    with pytest.raises(ValueError, match="uint8"):
        frames.write(3, pictures[0].astype(np.float32))
    with pytest.raises(VideoError, match="cannot make folder"):
        FrameSequence(frames.folder / names[0])
    assert sorted(p.name for p in frames.folder.iterdir()) == names
