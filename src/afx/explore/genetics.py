"""Genetics of looks: children a little unlike their parent, and children of two.

A look's genes are its network's draws of chance, its knobs at rest, its clocks' speeds and its
palette. Steps of one seed point in one direction whatever the strength, so a stronger child lies
further along the same way. All functions are pure. Knows looks; knows nothing of pictures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from afx.chance import generator
from afx.explore.colors import mixed, reflected, stepped
from afx.explore.naming import COLOR_TAGS, christened
from afx.explore.tiles import fixed
from afx.field.knob import Knob
from afx.look import Look, knobs_of, pattern_of, problems
from afx.look_parts import LAYERS, Suits
from afx.palette import Palette
from afx.patterns import PATTERNS, Pattern
from afx.patterns.architecture import Architecture, Gene, merged
from afx.stage import GRADE_KNOBS, STAGE_KNOBS
from afx.wander import walked
from music_analysis.errors import UserError

LOCKS = ("network", "latents", "knobs", "palette", "speeds", "pattern")
"""Groups of genes that can be held; a knob's own name holds that knob."""

MOST_GENES = 64
LEAST_SHARE = 0.02
"""Draws with less than this share of a network's weights are dropped."""

STEP, LATENT_STEP = 0.35, 0.7
"""Standard deviation of a pattern's knob at strength 1, and of a latent, in its range."""
SPEED_STEP = 0.5
"""The same for the logarithm of a clock's speed."""

# Knobs of the stage and the grade, in shares of their range. The camera's are small, since what it
# shows was framed by somebody; hue is the palette's to turn; brightness and strikes are the music's
# and stay.
_SHARED_STEPS = {
    "zoom": 0.06, "turn": 0.006, "pan_x": 0.06, "pan_y": 0.06, "sway": 0.25, "contrast": 0.10,
    "lift": 0.08, "chroma": 0.06, "hue": 0.0, "hue_spread": 0.15, "relief": 0.15, "glow": 0.15,
    "vignette": 0.10, "exposure": 0.0, "pulse": 0.0,
}  # fmt: skip
_CAMERA = ("zoom", "turn", "spin", "pan_x", "pan_y")

_REBUILT = 0.5
"""Chance, per strength, that a network gets another shape."""
# Sizes that a laptop paints at once; few of them, so that kernels are made once and used again.
_WIDTHS, _DEPTHS = (8, 12, 16, 24, 32), (2, 3, 4, 5, 6)
_MIXES = (
    ("mixed",), ("sine", "tanh", "gaussian"), ("sine", "gaussian"), ("tanh", "gaussian"),
    ("cosine", "tanh"), ("sine", "tanh"), ("atan", "atan_squared"),
)  # fmt: skip
_SYMMETRIES = ("none", "none", "none", "mirror", "quarter", "rotate", "kaleidoscope")


def check_locks(locks: Collection[str], looks: Sequence[Look]) -> None:
    """Raise a `UserError` for a lock that holds nothing of these looks."""
    known = {k.name for look in looks for k in knobs_of(pattern_of(look))}
    for lock in locks:
        if lock not in LOCKS and lock not in known:
            near = get_close_matches(lock, [*LOCKS, *known], 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else "or a knob's name"
            raise UserError(f"--lock {lock}: there is {', '.join(LOCKS)}; {hint}")


def mutate(
    look: Look,
    *,
    seed: int,
    strength: float = 0.3,
    locks: Collection[str] = (),
    scene: int = 0,
    taken: Collection[str] = (),
) -> Look:
    """Return a child of one look.

    Parameters
    ----------
    look : Look
    seed : int
        Which child; the same seed gives the same child.
    strength : float
        From 0, the parent's picture, to 1, hardly a likeness.
    locks : collection of str
        What stays: names from `LOCKS`, or of knobs.
    scene : int
        The seed under which the parent was seen: a network without genes of its own has that one's.
    taken : collection of str
        Names that the child may not have.
    """
    parent = fixed(look, scene)
    child = _stepped(parent, seed, strength, locks) if strength > 0.0 else parent
    summary = f"A child of {look.title} (strength {strength:g}, seed {seed})"
    return _named(child, look.palette, summary, seed, taken)


def breed(
    a: Look,
    b: Look,
    *,
    seed: int,
    strength: float = 0.1,
    locks: Collection[str] = (),
    scene: int = 0,
    taken: Collection[str] = (),
) -> Look:
    """Return a child of two looks.

    Of one pattern, every gene lies between the parents'. Of two patterns, the child has one
    parent's pattern, framing and routes, and colors and grade of both.

    Parameters
    ----------
    a, b : Look
    seed : int
        Which child.
    strength : float
        Of the steps away from where the parents' genes led.
    locks : collection of str
        What stays as in `a`: names from `LOCKS`, or of knobs.
    scene : int
        The seed under which the parents were seen.
    taken : collection of str
        Names that the child may not have.
    """
    rng = generator(seed, "breed")
    lead, other = fixed(a, scene), fixed(b, scene)
    if rng.random() < 0.5 and "pattern" not in locks and "network" not in locks:
        lead, other = other, lead
    changes: dict[str, object] = {
        "knobs": _crossed_knobs(lead, other, a, generator(seed, "breed.knobs"), locks),
        "routes": _crossed_routes(lead, other, float(generator(seed, "breed.routes").random())),
        "suits": _between(a.suits, b.suits),
    }
    if "palette" in locks:
        changes["palette"] = a.palette
    else:
        changes["palette"] = _crossed_palette(
            a.palette, b.palette, generator(seed, "breed.palette")
        )
    network = _crossed_network(lead, other, generator(seed, "breed.network"), locks)
    if network is not None:
        changes["network"] = network
    child = _valid(lead.model_copy(update=changes), lead)
    if strength > 0.0:
        child = _stepped(child, seed, strength, locks)
    summary = f"A child of {a.title} and {b.title} (strength {strength:g}, seed {seed})"
    return _named(child, lead.palette, summary, seed, taken)


def _stepped(parent: Look, seed: int, strength: float, locks: Collection[str]) -> Look:
    changes: dict[str, object] = {}
    if "palette" not in locks:
        changes["palette"] = stepped(parent.palette, generator(seed, "mutate.palette"), strength)
    network = parent.network
    if "network" not in locks and network is not None and network.weights is None:
        changes["network"] = _stepped_network(parent, network, seed, strength)
    child = _valid(parent.model_copy(update=changes), parent)
    return child.model_copy(update={"knobs": _stepped_knobs(child, seed, strength, locks)})


def _stepped_knobs(
    look: Look, seed: int, strength: float, locks: Collection[str]
) -> dict[str, float]:
    values = dict(look.knobs)
    for knob in knobs_of(pattern_of(look)):
        if _held(knob, locks):
            continue
        rest = look.knobs.get(knob.name, knob.default)
        # One stream a knob: another knob in a pattern does not move the others.
        z = float(generator(seed, f"mutate.{knob.name}").standard_normal())
        if knob.kind == "clock":
            # A clock that stands has no logarithm, and stays.
            new = knob.clamp(rest * float(np.exp(SPEED_STEP * strength * z)))
        else:
            name = _plain(knob.name)
            own = LATENT_STEP if name.startswith("latent_") else STEP
            step = _SHARED_STEPS.get(name, own)
            new = reflected(rest + step * strength * z * (knob.hi - knob.lo), knob.lo, knob.hi)
        if new != rest:
            values[knob.name] = knob.clamp(float(f"{new:.4g}"))
    return values


def _held(knob: Knob, locks: Collection[str]) -> bool:
    if knob.name in locks:
        return True
    if knob.kind == "clock":
        return "speeds" in locks
    return ("latents" if _plain(knob.name).startswith("latent_") else "knobs") in locks


def _plain(name: str) -> str:
    """Return a knob's name without its layer's: what steps on it mean does not hang on that."""
    return name.rpartition(".")[2]


def _stepped_network(look: Look, network: Architecture, seed: int, strength: float) -> Architecture:
    rng = generator(seed, "mutate.network")
    new, rebuilt, kind = int(rng.integers(2**53)), float(rng.random()), int(rng.integers(4))
    pick, updown = float(rng.random()), -1 if rng.random() < 0.5 else 1
    # Pictures change faster than weights: small strengths are taken smaller.
    angle = 0.5 * np.pi * min(strength, 1.0) ** 1.3
    changes: dict[str, object] = {
        "genes": mixed_genes(network.genes, (Gene(seed=new),), angle),
    }
    base = pattern_of(look).architecture
    if base is not None and rebuilt < _REBUILT * strength:
        whole = merged(base, network)
        if kind == 0:
            changes["width"] = _neighbor(_WIDTHS, whole.width, updown)
        elif kind == 1:
            changes["depth"] = _neighbor(_DEPTHS, whole.depth, updown)
        elif kind == 2:
            changes["activations"] = _MIXES[int(pick * len(_MIXES))]
        else:
            changes["symmetry"] = _SYMMETRIES[int(pick * len(_SYMMETRIES))]
            changes["folds"] = 3 + int(pick * 1000) % 6
    return _said(network, changes)


def _neighbor(sizes: Sequence[int], size: int, updown: int) -> int:
    """Return the next size in a direction; sizes beyond the list stay as they are."""
    beyond = [s for s in sizes if (s - size) * updown > 0]
    if not beyond:
        return size
    return min(beyond, key=lambda s: abs(s - size))


def _said(network: Architecture, changes: Mapping[str, object]) -> Architecture:
    """Return a network with these fields said explicitly (`model_copy` keeps track of them)."""
    return network.model_copy(update=dict(changes))


def mixed_genes(
    a: Sequence[Gene], b: Sequence[Gene], angle: float, most: int = MOST_GENES
) -> tuple[Gene, ...]:
    """Mix two networks' draws: cos(angle) of `a` and sin(angle) of `b`, each brought to norm 1.

    Independent draws are all but orthogonal, so this is the great circle between two networks
    (Shoemake 1985, slerp). Equal seeds are added up, negligible ones dropped, the result has norm
    1.
    """
    shares: dict[int, float] = {}
    for genes, weight in ((a, float(np.cos(angle))), (b, float(np.sin(angle)))):
        total: dict[int, float] = {}
        for gene in genes:
            total[gene.seed] = total.get(gene.seed, 0.0) + gene.share
        norm = float(np.sqrt(sum(v * v for v in total.values())))
        if norm > 0.0:
            for seed, share in total.items():
                shares[seed] = shares.get(seed, 0.0) + weight * share / norm
    ranked = sorted(shares.items(), key=lambda item: -abs(item[1]))[:most]
    kept = [(seed, share) for seed, share in ranked if abs(share) >= LEAST_SHARE] or ranked[:1]
    norm = float(np.sqrt(sum(v * v for _, v in kept)))
    if norm == 0.0:  # two networks that cancel out: either is as good
        return tuple(a)
    return tuple(Gene(seed=seed, share=float(f"{share / norm:.6g}")) for seed, share in kept)


def _crossed_network(
    lead: Look, other: Look, rng: np.random.Generator, locks: Collection[str]
) -> Architecture | None:
    """Return the lead's architecture with draws of both; None where nothing is mixed."""
    mine, theirs = lead.network, other.network
    share = 0.25 + 0.5 * float(rng.random())
    if "network" in locks or mine is None or theirs is None:
        return None
    if mine.weights is not None or theirs.weights is not None:
        return None
    # A draw means another network in another shape: it would be a stranger's.
    if _shape(lead) != _shape(other):
        return None
    return _said(mine, {"genes": mixed_genes(mine.genes, theirs.genes, 0.5 * np.pi * share)})


def _shape(look: Look) -> tuple[str, Architecture | None]:
    whole = pattern_of(look).architecture
    if whole is None:
        return look.pattern, None
    return look.pattern, whole.model_copy(update={"genes": ()})


def _crossed_knobs(
    lead: Look, other: Look, first: Look, rng: np.random.Generator, locks: Collection[str]
) -> dict[str, float]:
    kin = lead.pattern == other.pattern
    theirs = {k.name for k in knobs_of(pattern_of(other))} if kin else set()
    for layer in LAYERS:  # another pattern's knobs, if they are called the same, are not kin
        if getattr(lead, layer) != getattr(other, layer):
            theirs = {name for name in theirs if not name.startswith(f"{layer}.")}
    if not kin:
        # The camera shows a place in a pattern, and stays with it.
        theirs = {k.name for k in STAGE_KNOBS + GRADE_KNOBS} - set(_CAMERA)
    values = dict(lead.knobs)
    for knob in knobs_of(pattern_of(lead)):
        u = float(rng.random())
        if knob.name not in theirs:
            continue
        mine = lead.knobs.get(knob.name, knob.default)
        yours = other.knobs.get(knob.name, knob.default)
        if _held(knob, locks):
            new = first.knobs.get(knob.name, knob.default)
        else:
            # A third each: one parent's, the other's, or something between.
            share = min(max(1.5 * u - 0.25, 0.0), 1.0)
            new = (1.0 - share) * mine + share * yours
        if new != mine:
            values[knob.name] = knob.clamp(float(f"{new:.4g}"))
    return values


def _crossed_palette(a: Palette, b: Palette, rng: np.random.Generator) -> Palette:
    kind, share = float(rng.random()), 0.3 + 0.4 * float(rng.random())
    if kind < 0.6:
        return mixed(a, b, share)
    return a if kind < 0.8 else b


def _crossed_routes(lead: Look, other: Look, share: float) -> tuple[object, ...]:
    """Return the lead's routes; where the other parent has the same one, between their depths."""
    theirs = {(r.source, r.knob): r for r in other.routes} if lead.pattern == other.pattern else {}
    routes = []
    for route in lead.routes:
        twin = theirs.get((route.source, route.knob))
        if twin is not None:
            depth = float(f"{(1.0 - share) * route.depth + share * twin.depth:.4g}")
            route = route.model_copy(update={"depth": depth})
        routes.append(route)
    return tuple(routes)


def _between(a: Suits, b: Suits) -> Suits:
    return Suits(
        energy=round(0.5 * (a.energy + b.energy), 3),
        brightness=round(0.5 * (a.brightness + b.brightness), 3),
        tempo=round(0.5 * (a.tempo + b.tempo), 1),
    )


def _valid(child: Look, parent: Look, patterns: Mapping[str, Pattern] = PATTERNS) -> Look:
    """Return a child that works: routes and knobs that its network lost are taken away.

    A shape that cannot be made at all is the parent's again.
    """
    try:
        known = {k.name for k in knobs_of(pattern_of(child, patterns))}
    except ValueError:
        return child.model_copy(update={"network": parent.network})
    kept = {name: value for name, value in child.knobs.items() if name in known}
    routes = tuple(r for r in child.routes if r.knob in known)
    walk = child.walk if walked(known) else None
    child = child.model_copy(update={"knobs": kept, "routes": routes, "walk": walk})
    if child.network != parent.network and any(problems(child, patterns)):
        return child.model_copy(update={"network": parent.network})
    return child


def _named(child: Look, before: Palette, summary: str, seed: int, taken: Collection[str]) -> Look:
    tags = child.tags
    if child.palette != before:
        tags = tuple(tag for tag in tags if tag not in COLOR_TAGS)
    if len(summary) > 200:
        summary = summary[:197].rstrip() + "…"
    child = child.model_copy(update={"tags": tags, "summary": summary})
    return christened(child, seed, taken)
