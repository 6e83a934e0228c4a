"""All that a round of measuring found, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from afx import __version__
from afx.bench.encode import EncodeRow
from afx.bench.field_rows import FRAMES, FieldRow, Peak
from afx.bench.fields import PATIENCE
from afx.bench.render import Job, Speed

BUSY = 0.5
"""Threads of others for each core, above which figures on the clock are said to be too low."""


@dataclass(frozen=True)
class Advice:
    """One recommended setting.

    Attributes
    ----------
    setting : str
        What it is about, for a person.
    value : str
        What is recommended.
    why : str
        The measurement behind it.
    option : str
        How it is typed, where it is an option.
    """

    setting: str
    value: str
    why: str
    option: str = ""


@dataclass
class Results:
    """What was found.

    Attributes
    ----------
    machine : dict
        From `machine.describe`.
    measured_at : str
        Date and time, ISO 8601.
    quick : bool
    rows, peaks : list
        Of fields.
    left_out : int
        Batches that would have taken too long.
    remarks : list of str
        What painters on devices had to say.
    jobs, speeds : list
        Of renders.
    encoders : list
    advice : list
    memory : int or None
        The most that the process held, bytes.
    seconds : float
        How long measuring took.
    profile : str
        What became of the profile, for a person.
    """

    machine: dict[str, Any]
    measured_at: str
    quick: bool
    rows: Sequence[FieldRow] = ()
    peaks: Sequence[Peak] = ()
    left_out: int = 0
    remarks: Sequence[str] = ()
    jobs: Sequence[Job] = ()
    speeds: Sequence[Speed] = ()
    encoders: Sequence[EncodeRow] = ()
    advice: list[Advice] = field(default_factory=list)
    memory: int | None = None
    seconds: float = 0.0
    profile: str = ""

    @property
    def notes(self) -> list[str]:
        """What a reader of the figures must know."""
        return [*self._of_fields(), *self._of_the_rest()]

    def _of_fields(self) -> list[str]:
        lines = []
        if self.peaks:
            lines.append(
                "% of peak: additions and multiplications of the layers' matrices alone, against"
                " the fastest float32 matrix product of this run"
                f" ({', '.join(_peak(p) for p in self.peaks)})."
                " Activations, inputs and colors take time and count nothing."
            )
        if any(r.device == "cpu" for r in self.rows):
            lines.append(
                "Fields are timed alone, without colors and encoding: one thread in its own CPU"
                " seconds, several by the clock; sweeps of threads always by the clock."
            )
        if any(r.device != "cpu" for r in self.rows):
            lines.append(
                "On graphics cards whole frames are timed: colors and the way back to memory"
                " are in the figures."
            )
        if self.left_out:
            lines.append(
                f"{self.left_out} batches were left out: a call would take over {PATIENCE:.0f} s."
            )
        if over := [r for r in self.rows if (r.share or 0) > 1]:
            worst = max(over, key=lambda r: r.share or 0)
            lines.append(
                f"Above 100 % ({worst.name} on {worst.threads}: {100 * (worst.share or 0):.0f} %)"
                " is not beyond what the processor can do: the matrix product stays below that"
                " limit itself, and other programs and changing clocks disturb both."
            )
        return lines

    def _of_the_rest(self) -> list[str]:
        lines = []
        spreads = [r.spread for r in self.rows if r.runs > 1]
        spreads += [s.timing.spread for s in self.speeds if len(s.rates) > 1]
        if spreads:
            lines.append(
                "Figures are the best of several short runs; the median run lies"
                f" {100 * max(spreads):.0f} % below it at worst."
            )
        load, cores = self.machine.get("load"), self.machine["cores"]
        if load is not None and load > BUSY * cores:
            lines.append(
                f"The machine was busy when this began ({load:.1f} threads at work on {cores}"
                " cores): figures by the clock are too low."
            )
        lines += dict.fromkeys(f"{r[:1].upper()}{r[1:]}." for r in self.remarks)
        if self.quick:
            lines.append("This was a quick round: runs of a tenth of a second.")
        return lines

    def document(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "made_with": f"Audio Feature Explorer {__version__}",
            "measured_at": self.measured_at,
            "seconds": round(self.seconds, 1),
            "quick": self.quick,
            "machine": self.machine,
            "peaks": [asdict(p) for p in self.peaks],
            "fields": [
                asdict(r) | {"fps": {size: r.fps(size) for size in FRAMES}} for r in self.rows
            ],
            "render": {
                "jobs": [asdict(j) | {"realtime": j.realtime, "rate": j.rate} for j in self.jobs],
                "speeds": [
                    asdict(s) | {"rate": s.timing.best, "spread": s.timing.spread}
                    for s in self.speeds
                ],
            },
            "encode": [asdict(r) for r in self.encoders],
            "recommended": [asdict(a) for a in self.advice],
            "peak_memory": self.memory,
            "notes": self.notes,
            "profile": self.profile,
        }


def _peak(peak: Peak) -> str:
    rate = (
        f"{peak.rate / 1e12:.2f} TFLOP/s" if peak.rate > 2e12 else f"{peak.rate / 1e9:.0f} GFLOP/s"
    )
    if peak.device == "cpu":
        return f"{rate} on {peak.threads} thread{'s' * (peak.threads != 1)}, {peak.library}"
    return f"{rate} on {peak.device}, {peak.precision}"
