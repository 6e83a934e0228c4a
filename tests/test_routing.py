"""Each route does its job: what sounds alone is seen where it is meant to be seen, and only there.

A track of lone kicks, lone hats, a swelling pad and a sweep is painted at small size.
"""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from afx.compose import compose
from afx.director import Director
from afx.gates import activity
from afx.judge.reactivity import detrended, hits_link
from afx.look import Look
from afx.look_parts import Route
from afx.oklch import oklab_from_display
from afx.painter import Painter
from afx.rehearsal import normalize
from afx.shaping import smooth
from music_analysis import instruments
from music_analysis.audio import load
from music_analysis.features import extract
from music_analysis.synth import write_wav

FPS, RATE, PART = Fraction(30), 22_050, 7.0
SIZE = (128, 72)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Kicks, hats, a pad that swells twice, and a sweep: seven seconds of each, one by one."""
    rng = np.random.default_rng(1)
    sound = np.zeros(int(4 * PART * RATE), np.float32)

    def put(one, at, gain=1.0):
        mono = one if one.ndim == 1 else one.mean(axis=0)
        first = int(at * RATE)
        room = sound[first : first + len(mono)]
        room += gain * mono[: len(room)]

    # Uneven, so that nothing fits by itself when it is moved.
    for at in np.cumsum(rng.uniform(0.40, 0.75, 9)):
        put(instruments.kick(RATE), at, 0.8)
    for at in PART + np.cumsum(rng.uniform(0.25, 0.50, 15)):
        put(instruments.hat(RATE, rng, seconds=0.05), at, 0.5)
    pad = instruments.pad(RATE, (220.0, 277.2, 329.6), seconds=PART, cutoff=900.0).mean(axis=0)
    time = np.arange(len(pad)) / RATE
    put(pad * (0.5 - 0.5 * np.cos(2 * np.pi * 2 * time / PART)).astype(np.float32), 2 * PART, 2.0)
    octaves = 5.0 * (0.5 - 0.5 * np.cos(2 * np.pi * time / PART))
    angle = np.cumsum(2 * np.pi * 110.0 * 2.0**octaves) / RATE
    put((0.15 * np.sin(angle)).astype(np.float32), 3 * PART)
    path = tmp_path_factory.mktemp("routing") / "track.wav"
    write_wav(path, np.stack([sound, sound]), RATE)
    return extract(load(path), FPS)


def seen(features, pattern, routes=(), **told):
    """Return what is measured of the pictures of a plain look, each [frames]."""
    look = Look(title="Test", pattern=pattern, palette="copper-patina", routes=routes)
    whole = compose(features, look, seed=2, **told)
    director = Director(whole)
    normalize(director, *SIZE)
    painter = Painter(*SIZE)
    rgb = np.stack([painter.rgb(director.picture(i, full=True)) for i in range(whole.frames)])
    light = oklab_from_display(rgb[:, ::2, ::2] / 255.0)[..., 0]
    moved = activity(light)
    spectrum = np.abs(np.fft.rfft2(light - light.mean(axis=(1, 2), keepdims=True)))
    h, w = light.shape[1:]
    cycles = np.hypot(np.fft.fftfreq(h)[:, None] * h, np.fft.rfftfreq(w)[None, :] * h)
    fine = np.log(spectrum[:, cycles > 9].mean(axis=1) / spectrum[:, cycles > 1].mean(axis=1))
    return SimpleNamespace(
        motion=np.concatenate([moved[:1], moved]), fine=fine, light=light.mean(axis=(1, 2))
    )


def _link(a, b):
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def fast(a, b, reach=4):
    """Return the largest correlation, within some frames, of what is fast in both."""
    a, b = detrended(a, 30.0), detrended(b, 30.0)
    inner = slice(reach, -reach)
    return max(abs(_link(a[inner], np.roll(b, k)[inner])) for k in range(-reach, reach + 1))


def slow(a, b):
    """Return the correlation of both over most of a second."""
    return abs(_link(uniform_filter1d(a, 20), uniform_filter1d(b, 20)))


@pytest.fixture(scope="module", params=["membranes", "silk"])
def pictures(request, heard):
    pictures = seen(heard, request.param)
    # Flow changes textures as well: what the hat does to them is the difference to none.
    deaf = seen(heard, request.param, (Route(source="hit.hat", knob="detail", depth=0.0),))
    pictures.texture = np.abs(pictures.fine - deaf.fine)
    return pictures


@pytest.mark.parametrize(
    ("statistic", "how", "meant", "part"),
    [("motion", fast, "kick", 0), ("texture", fast, "hat", 1),
     ("motion", slow, "pad", 2), ("light", slow, "sweep", 3)],
)  # fmt: skip
def test_every_source_is_seen_where_it_is_meant_to_be(heard, pictures, statistic, how, meant, part):
    tracks = heard.tracks
    loudness = smooth(0.6 * tracks["level.all"] + 0.4 * tracks["level.bass"], 30.0, 0.25)
    sources = {
        "kick": tracks["hit.kick"],
        "hat": tracks["hit.hat"],
        "pad": loudness,
        "sweep": tracks["centroid"],
    }
    if meant == "sweep":
        del sources["hat"]  # the brightest sound of the track: they *are* its centroid
    if meant == "pad":
        del sources["kick"]  # kicks push the clocks that loudness paces
    shown = getattr(pictures, statistic)
    row = {name: how(np.float64(track), shown) for name, track in sources.items()}
    assert max(row, key=row.__getitem__) == meant, row
    alone = slice(int(part * PART * 30), int((part + 1) * PART * 30))
    assert how(np.float64(sources[meant])[alone], shown[alone]) >= 0.3


def test_pictures_follow_more_as_reactivity_rises(heard):
    kicks = slice(0, int(PART * 30))
    links = []
    for reactivity in (0.0, 0.5, 1.0):
        moved = seen(heard, "membranes", reactivity=reactivity, frames=int(PART * 30)).motion
        links.append(hits_link(heard.tracks["hit.kick"][kicks], heard.raw["hit"][kicks], moved, 30))
    r = [link.r for link in links]
    assert r[0] + 0.2 < r[1] < r[2] + 0.05  # near the top they are as good as equal
    assert r[0] < 0.3
    assert r[2] >= 0.5
    assert -0.080 <= links[2].lag <= 0.020
