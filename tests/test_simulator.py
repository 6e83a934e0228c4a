"""The runner of memories: the same buffers whoever asks when, no more steps than needed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from afx.patterns.simulation import COARSEST, Grid, Simulation
from afx.simulator import APART, EARLY, LATE, RECENT, Simulator, sketch

GRID = Grid(8, 16)
FRAMES = 400


@dataclass
class Ledger:
    """What was done to all states together."""

    steps: list[float] = field(default_factory=list)
    starts: int = 0
    fail_at: float | None = None


class Sum:
    """Adds up a knob; its value tells every step that was taken."""

    def __init__(self, ledger: Ledger, value: float) -> None:
        self.ledger, self.value = ledger, value

    def step(self, knobs, seconds):
        self.ledger.steps.append(seconds)
        self.value = (self.value * 1.25 + knobs["k"]) % 1000.0
        if knobs["k"] == self.ledger.fail_at:
            raise KeyboardInterrupt

    def buffers(self):
        return {"b": np.full((GRID.rows, GRID.columns), self.value, np.float32)}

    def copy(self):
        return Sum(self.ledger, self.value)


def made(fps=30.0, picture=None):
    ledger = Ledger()

    def start(grid, seed, knobs, begun):
        ledger.starts += 1
        return Sum(ledger, seed + knobs["k"] + (0.0 if begun is None else float(begun[0, 0])))

    simulation = Simulation(start, 128)
    return ledger, Simulator(simulation, GRID, 3, lambda f: {"k": f % 7}, fps, picture)


def value(simulator, frame):
    return float(simulator.at(frame)["b"][0, 0])


@pytest.fixture(scope="module")
def want():
    simulator = made()[1]
    return [value(simulator, f) for f in range(FRAMES)]


def test_a_frame_is_the_sum_of_the_frames_before_it(want):
    total, found = 3.0 + 0, [3.0]
    for frame in range(1, FRAMES):
        total = (total * 1.25 + frame % 7) % 1000.0
        found.append(float(np.float32(total)))
    assert want == found


def test_in_order_every_step_is_taken_once(want):
    ledger, simulator = made()
    for frame in range(FRAMES):
        simulator.at(frame)
    assert ledger.starts == 1
    assert ledger.steps == [1 / 30] * (FRAMES - 1)
    # Back to one that was just seen costs nothing, farther back only from where a state is kept.
    simulator.at(FRAMES - RECENT[0] + 1)
    assert len(ledger.steps) == FRAMES - 1
    simulator.at(APART + 10)
    assert (len(ledger.steps), ledger.starts) == (FRAMES - 1 + 10, 1)


def test_few_frames_far_apart_take_one_way_through(want):
    ledger, simulator = made()
    for frame in range(0, FRAMES, 57):
        assert value(simulator, frame) == want[frame]
    assert len(ledger.steps) == max(range(0, FRAMES, 57))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_does_not_show(want, seed):
    simulator = made()[1]
    for frame in np.random.default_rng(seed).integers(0, FRAMES, 60):
        assert value(simulator, int(frame)) == want[frame]


def test_threads_do_not_show(want):
    simulator = made()[1]
    frames = [int(f) for f in np.random.default_rng(3).permutation(FRAMES)][:150]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda f: value(simulator, f), frames)) == [want[f] for f in frames]


def test_a_frame_that_is_there_waits_for_nobody(want):
    simulator = made()[1]
    simulator.at(5)
    with simulator._lock, ThreadPoolExecutor(1) as pool:  # somebody makes a later one
        assert pool.submit(value, simulator, 5).result(timeout=5) == want[5]


def test_an_hour_keeps_no_more_than_a_minute():
    ledger, simulator = made()
    most = 0
    for frame in range(0, 108_000, 500):
        simulator.at(frame)
        most = max(most, len(simulator._kept))
    assert most <= EARLY + LATE + 1
    assert len(simulator._recent) <= RECENT[1]
    # From anywhere it is not far back: a part of the way, and near the end a few seconds.
    before = len(ledger.steps)
    simulator.at(107_000)
    assert len(ledger.steps) - before < 1.1 * 108_000 / EARLY * 2
    assert ledger.starts == 1


def test_what_breaks_off_leaves_no_lock_and_no_half_step(want):
    ledger, simulator = made()
    simulator.at(10)
    ledger.fail_at = 20 % 7
    with pytest.raises(KeyboardInterrupt):
        simulator.at(20)
    ledger.fail_at = None
    done = threading.Event()

    def go_on():
        assert value(simulator, 20) == want[20]
        done.set()

    threading.Thread(target=go_on, daemon=True).start()
    assert done.wait(5)


def test_it_begins_with_the_picture_that_is_handed_over():
    asked = []

    def picture():
        asked.append(1)
        return np.full((GRID.rows, GRID.columns), 0.5, np.float32)

    simulator = made(picture=picture)[1]
    assert asked == []  # not before it is needed
    assert value(simulator, 0) == 3.5
    assert value(simulator, 30) != value(made()[1], 30)


def test_a_sketch_comes_to_its_moments_in_coarse_steps():
    ledger, simulator = made()
    seen = []

    def knobs(time):
        seen.append(time)
        return {"k": 1.0}

    def go(moments, **more):
        ledger.steps.clear()
        seen.clear()
        return list(sketch(simulator.simulation, GRID, 3, knobs, moments, **more))

    assert len(go([0.0, 1.0, 2.5])) == 3
    assert len(ledger.steps) == round(2.5 / COARSEST + 0.49)
    assert sum(ledger.steps) == pytest.approx(2.5)
    assert {0.0, 1.0, 2.5} <= {round(t, 9) for t in seen}
    # A longer way is gone in leaps: no more steps, none longer.
    go([10.0, 600.0], most=50)
    assert len(ledger.steps) <= 52
    assert max(ledger.steps) <= COARSEST
    assert seen[-1] == pytest.approx(600.0)
    go([30.0], begin=29.9)
    assert sum(ledger.steps) == pytest.approx(0.1)


def test_grids_have_the_pictures_shape():
    for aspect in (16 / 9, 1.0, 9 / 16, 21 / 9):
        grid = Grid.of(640 * 360, aspect)
        assert grid.columns / grid.rows == pytest.approx(aspect, rel=0.02)
        assert grid.rows * grid.columns == pytest.approx(640 * 360, rel=0.03)
        assert grid.rows % 4 == grid.columns % 4 == 0
