"""From measurements to settings, each with its reason.

A setting leaves its default only where another one was better in every run, by more than the runs
differ among themselves: on a busy machine nothing is recommended rather than noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from afx.bench.encode import EncodeRow
from afx.bench.field_rows import FieldRow
from afx.bench.render import Speed
from afx.bench.results import Advice, Results
from afx.bench.tables import size_name
from afx.profile import Profile

LEAST_GAIN = 0.05
"""Below it a difference is not worth a setting."""
FLUENT = 1.1
"""Frames a second over those shown, so that a render keeps ahead of the music."""
_RATES = (60, 30, 24)
_NAMES = {"h264": "H.264", "h265": "H.265", "av1": "AV1"}


def gain(candidate: Sequence[float], usual: Sequence[float]) -> float | None:
    """Return how much faster a candidate is than the usual, or None where it may be noise.

    Parameters
    ----------
    candidate, usual : sequence of float
        Rates of the same rounds, in turn.

    Returns
    -------
    float or None
        The gain of the medians, a share; given only if the candidate won every round of at least
        three, and by more than `LEAST_GAIN` and than either's runs differ.
    """
    if min(len(candidate), len(usual)) < 3:
        return None
    share = median(candidate) / median(usual) - 1.0
    noise = max((max(r) - min(r)) / max(r) for r in (candidate, usual))
    won = all(a > b for a, b in zip(candidate, usual, strict=False))
    return share if won and share > max(LEAST_GAIN, noise) else None


def advise(results: Results) -> tuple[list[Advice], Profile]:
    """Return what is recommended, for people, and of it what ``afx render`` uses."""
    advice: list[Advice] = []
    threads = device = precision = None
    usual = _usual(results)
    if usual is not None:
        threads, told = _threads(results.speeds, usual)
        advice.append(told)
        if any(s.study == "device" for s in results.speeds):
            device, precision, told = _device(results.speeds, usual)
            advice.append(told)
        advice.append(_fluent(results, usual, device, precision))
    if any(r.work and r.device == "cpu" for r in results.rows):
        advice.append(_network(results.rows))
    if results.encoders:
        advice.append(_encoder(results.encoders))
    return advice, Profile(threads, device, precision)  # type: ignore[arg-type]


def _usual(results: Results) -> Speed | None:
    cores = results.machine["cores"]
    found = (s for s in results.speeds if s.study == "threads" and s.threads == cores)
    return next(found, None)


def _threads(speeds: Sequence[Speed], usual: Speed) -> tuple[int | None, Advice]:
    tried = [s for s in speeds if s.study == "threads"]
    gains = [(gain(s.rates, usual.rates), s) for s in tried if s is not usual]
    better = [(g, s) for g, s in gains if g is not None]
    figures = ", ".join(f"{s.threads}: {s.timing.best:.0f}" for s in tried)
    where = f"frames/s by painters at {size_name(usual.size)}: {figures}"
    if not better:
        value = f"{usual.threads}, one for each core"
        return None, Advice(
            "Painters", value, f"nothing else was better by more than noise ({where})"
        )
    best, speed = max(better, key=lambda pair: pair[0])
    return speed.threads, Advice(
        "Painters", str(speed.threads), f"{100 * best:.0f} % faster than {usual.threads} ({where})",
        f"--threads {speed.threads}",
    )  # fmt: skip


def _device(speeds: Sequence[Speed], usual: Speed) -> tuple[str | None, str | None, Advice]:
    tried = [s for s in speeds if s.study == "device" and s.size == usual.size]
    gains = [(gain(s.rates, usual.rates), s) for s in tried]
    better = [(g, s) for g, s in gains if g is not None]
    figures = ", ".join(
        [f"cpu {usual.timing.best:.0f}"]
        + [f"{s.device} {s.precision} {s.timing.best:.0f}" for s in tried]
    )
    where = f"frames/s at {size_name(usual.size)}: {figures}"
    if not better:
        if all(gain(usual.rates, s.rates) is not None for s in tried):
            return "cpu", None, Advice("Device", "cpu", where, "--device cpu")
        return (
            None,
            None,
            Advice("Device", "as it comes", f"none was better by more than noise ({where})"),
        )
    fastest = max((s for _, s in better), key=lambda s: median(s.rates))
    # Half precision is less exact: it must be worth it.
    exact = next(
        (s for _, s in better if (s.device, s.precision) == (fastest.device, "float32")), None
    )
    if exact is not None and gain(fastest.rates, exact.rates) is None:
        fastest = exact
    return fastest.device, fastest.precision, Advice(
        "Device", f"{fastest.device}, {fastest.precision}", where,
        f"--device {fastest.device} --precision {fastest.precision}",
    )  # fmt: skip


def _fluent(results: Results, usual: Speed, device: str | None, precision: str | None) -> Advice:
    """Say what size and rate is made as fast as it plays."""
    chosen = [
        s for s in results.speeds
        if (s.device, s.precision) == (device, precision) and s.study == "device"
    ] or [usual, *(s for s in results.speeds if s.study == "size")]  # fmt: skip
    chosen = sorted(chosen, key=lambda s: s.size[0] * s.size[1])
    figures = ", ".join(f"{s.timing.best:.0f} at {size_name(s.size)}" for s in chosen)
    why = f"frames/s painted and encoded: {figures}"
    fits: list[str] = []
    largest = -1
    for rate in _RATES:
        able = [i for i, s in enumerate(chosen) if s.timing.best >= FLUENT * rate]
        if able and able[-1] > largest:
            largest = able[-1]
            fits.append(f"{size_name(chosen[largest].size)} at {rate} fps")
    if not fits:
        return Advice("Real time", "none of the sizes tried", f"{why}; try 480p, or --internal 2")
    size = size_name(chosen[largest].size).lower().replace("×", "x")
    fps = fits[-1].split()[-2]
    return Advice("Real time", ", ".join(fits), why, f"--size {size} --fps {fps}")


def _network(rows: Sequence[FieldRow]) -> Advice:
    """Say which networks keep up with a 720p video, fields alone, on all cores."""
    most = max(r.threads for r in rows if r.study == "architecture" and r.work)
    able = sorted(
        (
            r for r in rows
            if r.study == "architecture" and r.threads == most and r.work and "×" in r.name
        ),
        key=lambda r: r.work,
    )  # fmt: skip
    figures = ", ".join(f"{r.name} {_fps(r.fps('720p'))}" for r in able)
    why = f"frames/s of the field alone at 720p on {most} thread{'s' * (most != 1)}: {figures}"
    fast = [r for r in able if r.fps("720p") >= 30]
    half = [r for r in able if 4 * r.fps("720p") >= 30]
    if not half:
        return Advice("Networks", "small ones", why)
    value = f"up to {fast[-1].name} at 720p30" if fast else "none at 720p30 in full"
    if half[-1] not in fast:
        value += f"; up to {half[-1].name} at half the internal resolution"
    return Advice("Networks", value, why)


def _encoder(rows: Sequence[EncodeRow]) -> Advice:
    smallest = min((r.size for r in rows), key=lambda s: s[0] * s[1])
    same = [r for r in rows if r.size == smallest]
    quality = "standard" if any(r.quality == "standard" for r in same) else same[0].quality
    same = [r for r in same if r.quality == quality]
    figures = "; ".join(
        f"{_NAMES[r.codec]} ({r.encoder}) {r.rate:.0f} frames/s, {r.megabits:.1f} Mb/s"
        for r in same
    )
    why = f"at {size_name(smallest)}, {quality}: {figures}"
    by_hand = [r for r in same if not r.hardware]
    plain = next((r for r in by_hand if r.codec == "h264"), by_hand[0] if by_hand else same[0])
    cards = [r for r in same if r.hardware and r.codec == plain.codec]
    if cards and cards[0].rate > 1.2 * plain.rate:
        card = cards[0]
        option = "--hardware" if card.codec == "h264" else f"--codec {card.codec} --hardware"
        return Advice("Encoder", f"{_NAMES[card.codec]}, {card.encoder}", why, option)
    option = f"--codec {plain.codec}"
    return Advice("Encoder", f"{_NAMES[plain.codec]}, {plain.encoder}", why, option)


def _fps(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
