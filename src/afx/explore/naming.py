"""Names for looks that nobody has named yet: a color and a thing, short and easy to say."""

from __future__ import annotations

import itertools
from collections.abc import Container

from afx.chance import generator
from afx.explore.colors import color_word
from afx.look import Look

_THINGS = (
    "anthem", "arbor", "atlas", "ballad", "bloom", "bower", "canopy", "cascade", "choir", "cove",
    "current", "delta", "dome", "dune", "echo", "embrace", "ferry", "field", "flare", "fountain",
    "garden", "grotto", "grove", "halo", "harbor", "haze", "hollow", "horizon", "island", "lagoon",
    "lantern", "loom", "lullaby", "meadow", "mirage", "mosaic", "nebula", "nocturne", "orbit",
    "orchard", "pavilion", "prism", "pulse", "quarry", "reef", "reverie", "ribbon", "river",
    "sanctum", "serenade", "shore", "silk", "sonata", "spire", "spring", "strand", "tapestry",
    "temple", "thicket", "tide", "valley", "veil", "voyage", "waltz", "wave", "weaver", "well",
    "wilds", "window", "winter",
)  # fmt: skip
_MOODS = (
    "quiet", "slow", "deep", "high", "distant", "hidden", "early", "late", "little", "great",
    "gentle", "bright", "dim", "first", "last", "lost", "silent", "drifting", "sleeping", "endless",
)  # fmt: skip

COLOR_TAGS = frozenset(
    ("blue", "red", "green", "gold", "golden", "orange", "yellow", "violet", "purple", "pink",
     "rose", "copper", "teal", "turquoise", "silver", "gray", "cyan", "amber", "brown", "white",
     "black", "warm", "cold", "cool")
)  # fmt: skip
"""Tags that tell of colors: children of other colors lose them."""


def slug(title: str) -> str:
    """Return a title as a name: ``"Amber lagoon"`` is called ``amber-lagoon``."""
    return "-".join(title.lower().split())


def christened(look: Look, seed: int, taken: Container[str] = ()) -> Look:
    """Return a look with a title and a name made of its color and chance.

    Parameters
    ----------
    look : Look
    seed : int
        The same seed, summary and color give the same name.
    taken : container of str
        Names that it may not have.
    """
    rng = generator(seed, f"name of {look.pattern} {look.summary}")
    color = color_word(look.palette)
    things = [_THINGS[int(k)] for k in rng.permutation(len(_THINGS))]
    moods = [_MOODS[int(k)] for k in rng.permutation(len(_MOODS))]
    # Thousands of names; a crowd of more gets numbers.
    titles = itertools.chain(
        (f"{color} {thing}" for thing in things),
        (f"{mood} {color} {thing}" for mood in moods for thing in things),
        (f"{color} {things[0]} {number}" for number in itertools.count(2)),
    )
    title = next(title for title in titles if slug(title) not in taken)
    return look.model_copy(update={"title": title.capitalize(), "name": slug(title)})
