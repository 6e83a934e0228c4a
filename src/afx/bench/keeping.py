"""What is kept of a round for ``afx render``: the profile, and what is said of it."""

from __future__ import annotations

from afx import profile as kept
from afx.bench.results import Results
from afx.profile import Profile


def keep_profile(results: Results, best: Profile) -> str:
    """Write this machine's profile; say what became of it, also if it cannot be written."""
    old = kept.look()
    measured = {
        f"{s.size[0]}x{s.size[1]} {s.device} {s.precision} {s.threads}": round(s.timing.best, 2)
        for s in results.speeds
    }
    because = [f"{a.setting}: {a.value}. {a.why}" for a in results.advice]
    try:
        kept.write_profile(
            best, measured_at=results.measured_at, because=because,
            measured={"frames_per_second": measured},
        )  # fmt: skip
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"The profile could not be kept ({reason}): afx render goes on without."
    said = {
        "threads": best.threads, "device": best.device, "precision": best.precision,
    }  # fmt: skip
    words = ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)
    lines = "Kept for afx render: "
    lines += words or "its defaults, for nothing was better by more than noise"
    lines += " (--profile off ignores it)."
    if old.state == "damaged":
        lines += f" The old profile was of no use: {old.why}."
    return lines
