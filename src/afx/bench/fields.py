"""How fast fields are: networks of many sizes, and the library's patterns.

On the processor a row times the compiled field alone, as RESULTS.md does: one thread by its CPU
seconds, several by the clock. On a graphics card it times whole frames through that device's
painter, colors and the way back to memory included. The matrix peak is measured in between, so that
both meet the same clocks and neighbors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from afx.bench.compiled import (
    WIDTH,
    CompiledField,
    many_threads,
    network_field,
    one_thread,
    pattern_field,
)
from afx.bench.field_rows import FRAMES, FieldPlan, FieldRow, Peak, Study
from afx.bench.network import random_network, work
from afx.bench.peak import ProcessorPeak, device_peak
from afx.bench.timing import Timing, rounds
from afx.profile import available_cores

if TYPE_CHECKING:
    from afx.device import Device, Precision

MOST_WORKERS = 24
PATIENCE = 5.0
"""Seconds: a call that would take longer is not measured."""
_BATCHED, _THREADED = (16, 8), (64, 4)
"""The networks whose batches and threads are varied: where memory counts most, and a usual one."""


def usual_threads(cores: int) -> list[int]:
    """Return the numbers of threads worth trying: powers of two to twice the cores, and the cores.

    At most 24, but for the cores themselves, which are what is used if nothing is chosen.
    """
    most = min(MOST_WORKERS, 2 * cores)
    return sorted({1 << k for k in range(10) if 1 << k <= most} | {cores})


def _field_row(
    study: Study, field: CompiledField, threads: int, rows: int, timing: Timing,
    clock: Literal["cpu", "wall"],
) -> FieldRow:  # fmt: skip
    return FieldRow(
        study, field.name, "cpu", "float32", threads, rows * WIDTH, timing.best, timing.spread,
        len(timing.rates), clock, field.work, field.memory(rows, threads),
    )  # fmt: skip


class FieldBench:
    """Carries out a plan, row by row.

    Parameters
    ----------
    plan : FieldPlan

    Attributes
    ----------
    rows : list of FieldRow
        What `run` has found so far.
    peaks : list of Peak
    left_out : int
        Batches that would have taken longer than `PATIENCE`.
    remarks : list of str
        What painters on devices had to say.
    """

    def __init__(self, plan: FieldPlan) -> None:
        self.plan = plan
        self.left_out = 0
        self.remarks: list[str] = []
        self.cores = available_cores()
        self._rows: list[FieldRow] = []
        self._again: dict[int, tuple[Callable[[], float], Timing]] = {}
        self._peaks: dict[tuple[str, str, int], float] = {}
        self._library = "NumPy"
        self._budget, self._least = (0.35, 3) if plan.quick else (1.2, 5)
        self._span = 0.08 if plan.quick else 0.2  # seconds of one run

    @property
    def peaks(self) -> list[Peak]:
        """The matrix peaks found so far."""
        return [
            Peak(*key, rate, self._library if key[0] == "cpu" else "torch")
            for key, rate in sorted(self._peaks.items())
        ]

    @property
    def rows(self) -> list[FieldRow]:
        """The rows found so far, with their share of the best peak found so far."""
        return [replace(row, share=self._share(row)) for row in self._rows]

    def _share(self, row: FieldRow) -> float | None:
        # On a busy machine more threads get more of it: as many make products as make the field.
        peaks = [
            rate
            for (device, precision, threads), rate in self._peaks.items()
            if (device, precision) == (row.device, row.precision) and threads <= row.threads
        ]
        return row.rate * row.work / max(peaks) if peaks and row.work else None

    def run(self) -> Iterator[FieldRow]:
        """Measure; yield each row as soon as it is there."""
        for row in self._measured():
            self._rows.append(row)
            yield self.rows[-1]

    def _measured(self) -> Iterator[FieldRow]:
        if self.plan.processor:
            with ProcessorPeak() as peak:
                yield from self._on_processor(peak)
        for device, precision in self.plan.devices:
            yield from self._on_device(device, precision)

    # ------------------------------------------------------------ processor

    def _on_processor(self, peak: ProcessorPeak) -> Iterator[FieldRow]:
        plan = self.plan
        threads = sorted(set(plan.threads or usual_threads(self.cores)))
        # Chosen threads are taken at their word; else rows are for one core and for all.
        usual = threads if plan.threads else sorted({1, self.cores})
        fields = {size: network_field(*size) for size in plan.networks}
        for field in [*fields.values(), pattern_field("cppn")]:
            for count in usual:
                yield self._row("architecture", field, count, peak)
        if fields and not plan.full:
            field = fields.get(_BATCHED) or next(iter(fields.values()))
            yield from self._batches("batch", field, min(usual), peak)
            field = fields.get(_THREADED) or next(iter(fields.values()))
            yield from self._sweep(field, threads, peak)
        if self._again:
            self._once_more(peak)
        if plan.full:
            for field in fields.values():
                for count in threads:
                    yield from self._batches("cross", field, count, peak)
        if plan.patterns:
            from afx.patterns import PATTERNS

            for name in sorted(PATTERNS):
                yield self._row("pattern", pattern_field(name), min(usual), peak)

    def _batches(
        self, study: Study, field: CompiledField, threads: int, peak: ProcessorPeak
    ) -> Iterator[FieldRow]:
        speed = one_thread(field.call(2), 2)()
        for batch in self.plan.batches:
            if batch / speed > PATIENCE:
                self.left_out += 1
            else:
                yield self._row(study, field, threads, peak, max(1, round(batch / WIDTH)))

    def _row(
        self, study: Study, field: CompiledField, threads: int, peak: ProcessorPeak,
        rows: int | None = None,
    ) -> FieldRow:  # fmt: skip
        """Measure a field on some threads, and the peak of as many between its runs."""
        least, budget = self._least, self._budget
        speed = one_thread(field.call(2), 2)()
        if rows is None:
            rows = self._rows_of_a_run(speed)
        elif rows * WIDTH / speed > 1.5:  # slow networks are not run over millions of pixels often
            least, budget = 1, 0.0
        with ThreadPoolExecutor(threads, thread_name_prefix="bench") as pool:
            if threads == 1:
                run = one_thread(field.call(rows), rows)
            else:
                run = self._many(pool, field, threads, rows, speed)
            beside = [lambda: peak.measure(threads)] if field.work else []
            timing = rounds([*beside, run], budget=budget, least=least)[-1]
        if study == "architecture" and threads == 1:
            self._again[len(self._rows)] = run, timing
        self._take(peak)
        clock: Literal["cpu", "wall"] = "cpu" if threads == 1 else "wall"
        return _field_row(study, field, threads, rows, timing, clock)

    def _once_more(self, peak: ProcessorPeak) -> None:
        """Run what one thread did again: a bad moment of the machine shall not decide a row.

        Neighbors on the same core slow its CPU seconds too, for seconds at a time.
        """
        found = rounds(
            [lambda: peak.measure(1), *(run for run, _ in self._again.values())],
            budget=self._budget * len(self._again), least=2,
        )[1:]  # fmt: skip
        for (index, (_, before)), after in zip(self._again.items(), found, strict=True):
            both = Timing(before.rates + after.rates)
            self._rows[index] = replace(
                self._rows[index], rate=both.best, spread=both.spread, runs=len(both.rates)
            )
        self._again.clear()
        self._take(peak)

    def _sweep(
        self, field: CompiledField, threads: Sequence[int], peak: ProcessorPeak
    ) -> Iterator[FieldRow]:
        """Measure a field on several numbers of threads in turn, all by the clock."""
        speed = one_thread(field.call(2), 2)()
        rows = self._rows_of_a_run(speed)
        with ThreadPoolExecutor(max(threads), thread_name_prefix="bench") as pool:
            products = [partial(peak.measure, count) for count in threads]
            runs = [self._many(pool, field, count, rows, speed) for count in threads]
            budget = self._budget * len(threads)
            timings = rounds([*products, *runs], budget=budget, least=self._least)[-len(runs) :]
        self._take(peak)
        for count, timing in zip(threads, timings, strict=True):
            yield _field_row("threads", field, count, rows, timing, "wall")

    def _rows_of_a_run(self, speed: float) -> int:
        """Return as many rows as take the time of a run, at most those of a 720p frame."""
        return int(min(720, max(2, speed * self._span / WIDTH)))

    def _many(
        self, pool: ThreadPoolExecutor, field: CompiledField, threads: int, rows: int, speed: float
    ) -> Callable[[], float]:
        calls = [field.call(rows) for _ in range(threads)]
        return many_threads(pool, calls, rows, max(1, round(speed * self._span / (rows * WIDTH))))

    def _take(self, peak: ProcessorPeak) -> None:
        """Keep the best products so far."""
        self._library = peak.library
        for count, rate in peak.best.items():
            self._peaks["cpu", "float32", count] = rate

    # ------------------------------------------------------------ devices

    def _on_device(self, device: Device, precision: Precision) -> Iterator[FieldRow]:
        key = (device, precision, 1)
        seconds = 0.5 if self.plan.quick else 2.0
        self._peaks[key] = device_peak(device, precision, seconds)
        for size in self.plan.networks:
            yield self._frame("device", size, FRAMES["720p"], device, precision)
        if self.plan.networks and (256, 8) in self.plan.networks and not self.plan.full:
            for batch in self.plan.batches:
                yield self._frame("batch", (256, 8), _frame_of(batch), device, precision)
        if self.plan.full:
            for size in self.plan.networks:
                for batch in self.plan.batches:
                    yield self._frame("cross", size, _frame_of(batch), device, precision)
        # Again, for a card clocks itself down when it is warm and up when it is not.
        self._peaks[key] = max(self._peaks[key], device_peak(device, precision, seconds))

    def _frame(
        self, study: Study, size: tuple[int, int], frame: tuple[int, int],
        device: Device, precision: Precision,
    ) -> FieldRow:  # fmt: skip
        from afx.bench.frames import plain_picture
        from afx.device import painters_for

        made = random_network(*size)
        width, height = frame
        _forget_memory(device)
        painter = painters_for(device, precision, self.remarks.append)(width, height)
        picture = plain_picture(made)
        out = np.empty((height * 3 // 2, width), np.uint8)
        painter.video(picture, out)  # compiles, and warms up

        def run() -> float:
            start = time.perf_counter()
            painter.video(picture, out)
            return width * height / (time.perf_counter() - start)

        timing = rounds([run], budget=self._budget, least=self._least, most=50)[0]
        return FieldRow(
            study, f"{size[0]}×{size[1]}", device, precision, 1, width * height, timing.best,
            timing.spread, len(timing.rates), "wall", work(made.program), _device_memory(device),
        )  # fmt: skip


def _frame_of(pixels: int) -> tuple[int, int]:
    """Return a frame of 16 : 9 with about so many pixels."""
    height = max(16, round((pixels * 9 / 16) ** 0.5 / 2) * 2)
    return max(16, round(pixels / height / 2) * 2), height


def _forget_memory(device: str) -> None:
    """Count the most memory that torch holds on a device from now on."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def _device_memory(device: str) -> int:
    """Return the most memory that torch has held on a device since, bytes; 0 if it cannot say."""
    if device != "cuda":
        return 0
    import torch

    return int(torch.cuda.max_memory_allocated())
