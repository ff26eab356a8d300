"""A comparison on pairs, and how it is made: by means where every network came through, by signed ranks where one diverged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import Problem, UsageError
from manyfit.stats.finding import Finding, judge
from manyfit.stats.interval import Interval
from manyfit.stats.means import above_zero, mean_interval, mean_p
from manyfit.stats.overlap import Overlap, pooled
from manyfit.stats.planning import NEVER, replicates_to_tell
from manyfit.stats.proportions import mcnemar_p, proportion_interval
from manyfit.stats.signed_ranks import differences, signed_rank_interval, signed_rank_p

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """a against b, on pairs.

    difference: Interval of mean(a − b); of the pseudo-median where networks diverged; of a/b − 1 for ratios.
    finding: Better, worse, the same within ± margin, or cannot tell.
    margin: What counts as the same.
    more: Replicates to add before a difference of one margin would be seen, or shown not to be there (at `POWER`); 0 when
        the finding stands.
    gain: By how much pairing has narrowed the interval: standard error of unpaired values over that of paired ones.
    p: Two-sided p-value against no difference.
    p_same: p-value of two one-sided tests against a difference of one margin or more.
    diverged: P(diverge) of a and of b; None where no network diverged.
    sd: Standard deviation of the differences, from which `more` is planned; of their logarithms for ratios.
    """

    difference: Interval
    finding: Finding
    margin: float
    more: int
    gain: float
    p: float = math.nan
    p_same: float = math.nan
    diverged: tuple[Interval, Interval] | None = None
    sd: float = math.nan


class Levels(NamedTuple):
    """Confidence levels of one comparison.

    wide: Of the interval that shall leave out 0.
    narrow: Of the interval that shall lie within ± margin.
    planned: Of the whole, for planning more replicates.
    """

    wide: float
    narrow: float
    planned: float

    @classmethod
    def of(cls, level: float) -> Levels:
        """Those of a single look: two one-sided tests at 1 − level are an interval of level 1 − 2(1 − level)."""
        return cls(level, 2 * level - 1, level)


def compared(
    first: Floats,
    second: Floats,
    *,
    scope: str,
    margin: float,
    levels: Levels,
    overlap: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """The comparison of two columns of losses, as `paired` describes it."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return _by_ranks(first, second, scope, margin, levels, overlap)
    first, second = pooled(first, overlap), pooled(second, overlap)
    d = first - second
    wide, narrow = (
        mean_interval(d, scope=scope, level=level, overlap=overlap, seed=seed) for level in levels[:2]
    )
    finding = judge(wide, narrow, margin)
    sd, gain = spread_and_gain(first, second)
    more = pairs_to_add(finding, len(d), sd, margin, levels.planned, overlap)
    p_same = max(above_zero(margin - d, overlap=overlap), above_zero(d + margin, overlap=overlap))
    p = mean_p(d, overlap=overlap)
    return Comparison(wide, finding, margin, more, gain, p, p_same if margin > 0 else 1.0, sd=sd)


def _by_ranks(
    first: Floats, second: Floats, scope: str, margin: float, levels: Levels, overlap: float
) -> Comparison:
    """The comparison where networks diverged (or losses of 0 have no logarithm)."""
    d = differences(pooled(first, overlap), pooled(second, overlap))

    def interval(level: float) -> Interval:
        return signed_rank_interval(d, scope=scope, level=level, overlap=overlap)

    gone = ~(first < np.inf), ~(second < np.inf)
    shares = [proportion_interval(int(each.sum()), len(each), scope=scope) for each in gone]
    # One that diverges more often is not the same, however close the networks that came through.
    is_as_safe = mcnemar_p(*gone) > 1 - levels.wide
    wide = interval(levels.wide)
    finding = judge(wide, interval(levels.narrow), margin if is_as_safe else 0.0)
    sd = _spread(d)
    more = pairs_to_add(finding, len(d), sd, margin, levels.planned, overlap)
    p = signed_rank_p(d, overlap=overlap)
    p_same = p_by_interval(interval, margin) if is_as_safe else 1.0
    diverged = (shares[0], shares[1]) if np.any(gone) else None
    return Comparison(wide, finding, margin, more, math.nan, p, p_same, diverged, sd)


def spread_and_gain(first: Floats, second: Floats) -> tuple[float, float]:
    """Standard deviation of the differences, and the gain by pairing; NaN for a single pair."""
    if len(first) < 2:
        return math.nan, math.nan
    sd = float((first - second).std(ddof=1))
    apart = math.sqrt(float(first.var(ddof=1) + second.var(ddof=1)))
    return sd, apart / sd if sd > 0 else math.nan


def pairs_to_add(
    finding: Finding, n: int, sd: float, margin: float, level: float, overlap: float = 0.0
) -> int:
    """Pairs to add before the comparison tells either way; 0 when the finding stands, `NEVER` when no number will do."""
    if finding is not Finding.UNKNOWN:
        return 0
    needed = replicates_to_tell(sd, margin, level=level, overlap=overlap) if n > 1 else NEVER
    if not Overlap.of(overlap).allows(needed):
        return NEVER  # more replicates would come back to the same data
    return NEVER if needed >= NEVER else max(needed - n, 1)


def p_by_interval(interval: Callable[[float], Interval], margin: float) -> float:
    """p-value of two one-sided tests: half the error of the widest interval that fits into ± margin, by halving."""
    low, high = 0.0, 0.5
    if margin <= 0 or not interval(1e-9).within(margin):
        return 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if interval(1 - 2 * middle).within(margin) else (middle, high)
    return high


def as_pairs(where: str, a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """Two columns of as many values.

    Raises:
        UsageError: If they are not.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        got = f"shapes {first.shape} and {second.shape}"
        raise UsageError(Problem(where, "needs as many values of a as of b", got))
    return first, second


def _spread(d: Floats) -> float:
    """A standard deviation for planning where some differences are infinite: from their quartiles, by what ranks cost."""
    low, high = np.quantile(d, [0.25, 0.75], method="nearest")
    if not np.isfinite([low, high]).all():
        return math.inf
    # 1.349: quartiles of the normal law lie so many standard deviations apart. π/3: ranks need 5 % more pairs than means.
    return float(high - low) / 1.349 * math.sqrt(math.pi / 3)
