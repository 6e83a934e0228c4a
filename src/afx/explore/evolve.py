"""Evolution: rounds of children of good looks, judged and put into the archive.

A round's children follow from the archive before it, the seed and the round's number alone, and
enter in their order; so neither threads nor interruptions change what comes out. Knows genetics,
measures and the archive; files and people are the caller's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from afx.chance import generator
from afx.explore.archive import Archive, settled
from afx.explore.genetics import breed, mutate
from afx.explore.measures import Judge, Traits
from afx.explore.tiles import fixed
from afx.look import Look, pattern_of
from afx.painter import field_kernel

BATCH = 16
"""Children of a round; a part of the definition, since the archive stands still meanwhile."""
BRED = 0.35
"""Share of children with two parents."""
FRESH = 0.1
"""Share of children whose parent is a founder, wherever the archive has gone."""
STRENGTHS = (0.12, 0.6)
"""Of mutation; drawn evenly between them."""


MOVED = 0.5
"""Share of children that are seen elsewhere in time than their parent."""


@dataclass(frozen=True)
class Candidate:
    """A look, and the seed under which it is seen: where its clocks start."""

    look: Look
    seed: int


@dataclass(frozen=True)
class Progress:
    """How far an evolution is.

    Attributes
    ----------
    archive : Archive
    seconds : float
        Since this run began.
    rate : float
        Looks judged a second, in this run.
    """

    archive: Archive
    seconds: float
    rate: float


OnRound = Callable[[Progress], None]


def evolve(
    archive: Archive,
    *,
    rounds: int | None = None,
    seconds: float | None = None,
    threads: int = 1,
    on_round: OnRound | None = None,
) -> Archive:
    """Go on with an evolution; `archive` is changed, at the end of every round.

    Parameters
    ----------
    archive : Archive
    rounds : int, optional
        Stop when it has had this many in all.
    seconds : float, optional
        Stop after the round in which this time is over.
    threads : int
        Judges at work; what comes out does not depend on it.
    on_round : callable, optional
        Told after every round; what it raises ends the evolution, the archive being whole.
    """
    if rounds is None and seconds is None:
        raise ValueError("an evolution needs an end: rounds or seconds")
    begin, before = time.monotonic(), archive.tried
    mine = threading.local()
    compiling = threading.Lock()

    def judge(candidate: Candidate) -> Traits:
        if not hasattr(mine, "judge"):
            mine.judge = Judge()
        # One at a time: judges that need the same field would all compile it.
        with compiling:
            field_kernel(pattern_of(candidate.look))
        traits: Traits = mine.judge.traits(candidate.look, candidate.seed)
        return traits

    with ThreadPoolExecutor(max(1, threads), "judge") as pool:
        try:
            while (rounds is None or archive.rounds < rounds) and (
                seconds is None or time.monotonic() - begin < seconds
            ):
                made = candidates(archive)
                judged = list(pool.map(judge, made))
                _enter(archive, made, judged)
                spent = time.monotonic() - begin
                if on_round is not None:
                    rate = (archive.tried - before) / max(spent, 1e-9)
                    on_round(Progress(archive, spent, rate))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return archive


def _enter(archive: Archive, made: Sequence[Candidate], judged: Sequence[Traits]) -> None:
    """Let a round's looks compete in their order; all of it, or (when stopped) nothing."""
    after = archive.copy()
    for candidate, traits in zip(made, judged, strict=True):
        after.offer(candidate.look, candidate.seed, traits)
    after.rounds += 1
    archive.elites, archive.rounds = after.elites, after.rounds
    archive.tried, archive.good = after.tried, after.good


def candidates(archive: Archive) -> list[Candidate]:
    """Return the next round: first the founders, then children of elites."""
    founders, seed = archive.settings.founders, archive.settings.seed
    first = archive.rounds * BATCH
    if first < len(founders):
        batch = founders[first : first + BATCH]
        return [Candidate(settled(fixed(look, seed)), seed) for look in batch]
    made: list[Candidate] = []
    for k in range(BATCH):
        names = {elite.look.name for elite in archive.elites.values()}
        names |= {candidate.look.name for candidate in made}
        made.append(_child(archive, first + k, names))
    return made


def _child(archive: Archive, number: int, taken: set[str]) -> Candidate:
    settings = archive.settings
    rng = generator(settings.seed, f"evolve {number}")
    fresh, bred, moved = rng.random() < FRESH, rng.random() < BRED, rng.random() < MOVED
    low, high = STRENGTHS
    strength = round(low + (high - low) * float(rng.random()), 3)
    # Any elite is as good a parent as any other: chance spreads over the grid, not over merit.
    elites = [archive.elites[cell] for cell in sorted(archive.elites)]
    parents = [Candidate(elite.look, elite.seed) for elite in elites]
    if fresh or not parents:
        parents = [Candidate(look, settings.seed) for look in settings.founders]
    a = parents[int(rng.integers(len(parents)))]
    b = parents[int(rng.integers(len(parents)))]
    seed, elsewhere = int(rng.integers(2**31)), int(rng.integers(1000))
    if bred and a.look is not b.look:
        # Where two meet, a smaller step is enough to be new.
        child = breed(
            a.look, b.look, seed=seed, strength=round(0.5 * strength, 3), locks=settings.locks,
            scene=settings.seed, taken=taken,
        )  # fmt: skip
    else:
        child = mutate(
            a.look, seed=seed, strength=strength, locks=settings.locks, scene=settings.seed,
            taken=taken,
        )  # fmt: skip
    # Written and read once: its text then tells everything of it.
    return Candidate(settled(child), elsewhere if moved else a.seed)
