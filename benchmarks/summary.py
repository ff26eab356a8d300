"""What the rounds say: milliseconds for one trained network, ratios, and whether everybody trained as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.rounds import Measurement

MANYFIT = "manyfit"
ORACLE = "PyTorch loop"
PROTOTYPES = ("prototype across", "prototype within")

TARGET = 0.9
"""Least ratio of the better prototype's time to manyfit's: keeping books and promises may cost a tenth."""

_ALIKE = 3.0
"""Standard errors between two mean losses that still count as chance; beyond it comes up once in 370 comparisons."""


class Loss(NamedTuple):
    """Final losses of one peer on one task: mean and standard deviation over networks, how many, how many not finite."""

    mean: float
    sd: float
    n: int
    n_diverged: int


@dataclass(frozen=True)
class Entry:
    """One line of the table: a peer on a task. Times are milliseconds for one trained network.

    over_whole, over_core: this peer's least time as a multiple of manyfit's, whole and in the core; None without manyfit.
    """

    task: str
    peer: str
    n_networks: int
    whole_ms: float | None = None
    median_ms: float | None = None
    core_ms: float | None = None
    over_whole: float | None = None
    over_core: float | None = None
    compile_s: float | None = None
    loss: Loss | None = None
    note: str = ""


class Verdict(NamedTuple):
    """The two things the table must show for a task; None where a peer is missing.

    ratio: the better prototype's least time by manyfit's least core time, at least `TARGET`.
    median_ratio: the same of the medians.
    distance: standard errors between the mean losses of manyfit and the PyTorch loop, at most 3 either way.
    """

    task: str
    ratio: float | None
    median_ratio: float | None
    distance: float | None

    @property
    def is_fast(self) -> bool | None:
        """Whether manyfit keeps up with the prototypes."""
        return None if self.ratio is None else self.ratio >= TARGET

    @property
    def is_alike(self) -> bool | None:
        """Whether manyfit and PyTorch reach the same loss, within sampling error."""
        return None if self.distance is None else abs(self.distance) <= _ALIKE


def summarize(measurements: Sequence[Measurement]) -> list[Entry]:
    """One entry for each measurement, in the same order."""
    own = {m.task: m for m in measurements if m.peer == MANYFIT and m.seconds}
    return [_entry(m, own.get(m.task)) for m in measurements]


def judge(measurements: Sequence[Measurement]) -> list[Verdict]:
    """A verdict for each task, in the order of the tasks."""
    found = {(m.task, m.peer): m for m in measurements}
    return [_verdict(task, found) for task in dict.fromkeys(m.task for m in measurements)]


def share_of_core(measurements: Sequence[Measurement]) -> float | None:
    """Median part of the wall time in which a peer had its core; the rest went to other processes."""
    shares = [share for m in measurements for share in m.undisturbed]
    return float(np.median(shares)) if shares else None


def per_network_ms(seconds: Sequence[float], n_networks: int) -> np.ndarray:
    """Milliseconds for one network, from the seconds of trainings of `n_networks` together."""
    return np.asarray(seconds) / n_networks * 1e3


def loss_of(losses: Sequence[float]) -> Loss | None:
    """Mean and deviation of final losses. Losses that are not finite are counted and make the mean infinite."""
    values = np.asarray(losses, dtype=float)
    if not len(values):
        return None
    n_diverged = int((~np.isfinite(values)).sum())
    if n_diverged:
        return Loss(np.inf, np.nan, len(values), n_diverged)
    return Loss(float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0, len(values), 0)


def distance(a: Loss | None, b: Loss | None) -> float | None:
    """Difference of two mean losses in standard errors (Welch); None when one is missing or has no spread."""
    if a is None or b is None or a.n_diverged or b.n_diverged:
        return None
    error = np.sqrt(a.sd**2 / a.n + b.sd**2 / b.n)
    return float((a.mean - b.mean) / error) if error > 0 else None


def _entry(m: Measurement, own: Measurement | None) -> Entry:
    if not m.seconds:
        note = f"failed: {m.failed}" if m.failed else f"not run: {m.absent}"
        return Entry(m.task, m.peer, m.n_networks, note=note)
    times = per_network_ms(m.seconds, m.n_networks)
    least = float(times.min())
    notes = [m.note] if m.note else []
    if m.share < 1:
        notes.append(f"ran {m.share:.0%} of the steps, scaled")
    if m.failed:
        notes.append(f"failed later: {m.failed}")
    is_other = own is not None and m is not own
    return Entry(
        m.task,
        m.peer,
        m.n_networks,
        whole_ms=least,
        median_ms=float(np.median(times)),
        core_ms=_least_core_ms(m),
        over_whole=least / float(per_network_ms(own.seconds, own.n_networks).min())
        if own and is_other
        else None,
        over_core=least / _least_core_ms(own) if own and is_other and own.core_seconds else None,
        compile_s=m.compile_seconds,
        loss=loss_of(m.losses),
        note="; ".join(notes),
    )


def _least_core_ms(m: Measurement) -> float | None:
    return float(per_network_ms(m.core_seconds, m.n_networks).min()) if m.core_seconds else None


def _verdict(task: str, found: dict[tuple[str, str], Measurement]) -> Verdict:
    own = found.get((task, MANYFIT))
    oracle = found.get((task, ORACLE))
    prototypes = [m for name in PROTOTYPES if (m := found.get((task, name))) and m.core_seconds]
    ratio = median_ratio = None
    if own and own.core_seconds and prototypes:
        core = per_network_ms(own.core_seconds, own.n_networks)
        theirs = [per_network_ms(m.core_seconds, m.n_networks) for m in prototypes]
        ratio = float(min(t.min() for t in theirs) / core.min())
        median_ratio = float(min(np.median(t) for t in theirs) / np.median(core))
    apart = distance(loss_of(own.losses), loss_of(oracle.losses)) if own and oracle else None
    return Verdict(task, ratio, median_ratio, apart)
