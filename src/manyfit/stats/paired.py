"""Two recipes compared on pairs that share seeds and splits: better, worse, the same within a margin, or cannot tell.

Scores are losses: lower is better, and a difference a − b below 0 means that a is better.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import Problem, UsageError
from manyfit.stats.finding import Finding, judge
from manyfit.stats.interval import LEVEL, Interval
from manyfit.stats.means import above_zero, mean_interval, mean_p
from manyfit.stats.planning import NEVER, replicates_to_tell
from manyfit.stats.proportions import mcnemar_p, proportion_interval, share_difference
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
    """

    difference: Interval
    finding: Finding
    margin: float
    more: int
    gain: float
    p: float = math.nan
    p_same: float = math.nan
    diverged: tuple[Interval, Interval] | None = None


def paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    scope: str,
    margin: float = 0.0,
    level: float = LEVEL,
    overlap: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """Compare two recipes on pairs that share seeds and splits.

    Better or worse: the interval of the mean difference leaves out 0. The same: two one-sided tests at (1 − level) put it inside
    ± margin, which comes first, because a real difference that is too small to matter is no difference. Else: cannot tell.
    Where a network diverged, its loss is the worst there is, and signed ranks take the place of means; two recipes of
    which one diverges more often than by chance are not the same, however close the networks that came through.

    Args:
        a: [n] losses of one recipe; infinite or NaN where a network diverged.
        b: [n] losses of the other on the same pairs.
        scope: What varied between pairs.
        margin: What counts as the same, in the unit of the loss; 0 for no such answer.
        level: Confidence level.
        overlap: As in `mean_interval`.
        seed: Of the bootstrap.

    Example:
        >>> comparison = paired([1.0, 1.1, 0.9, 1.0], [2.0, 2.2, 1.9, 2.1], scope="seeds")
        >>> comparison.finding.value
        'better'
        >>> diverges = [1.0, float("inf"), 1.2, float("inf"), 1.1, float("inf"), float("inf")]
        >>> paired(diverges, [1.0, 0.9, 1.1, 1.0, 1.0, 0.8, 1.0], scope="seeds").finding.value
        'worse'
    """
    first, second = _pairs("paired", a, b)
    return _compared(first, second, scope, margin, level, overlap, seed)


def paired_ratios(
    a: ArrayLike,
    b: ArrayLike,
    *,
    scope: str,
    margin: float = 0.0,
    level: float = LEVEL,
    overlap: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """Compare two recipes by the ratio of their losses: for losses that are skewed, or differ in size from pair to pair.

    The logarithms are compared as in `paired`, and their geometric mean ratio is said as a share: −0.03 is 3 % lower.

    Args:
        a: [n] losses ≥ 0 of one recipe; infinite or NaN where a network diverged.
        b: [n] losses of the other on the same pairs.
        scope: What varied between pairs.
        margin: Share that counts as the same: 0.01 for ratios from 1/1.01 to 1.01; 0 for no such answer.
        level: Confidence level.
        overlap: As in `mean_interval`.
        seed: Of the bootstrap.

    Example:
        >>> comparison = paired_ratios([1.0, 10.0, 99.0], [2.0, 21.0, 200.0], scope="data sets", margin=0.01)
        >>> round(comparison.difference.estimate, 3), comparison.finding.value
        (-0.51, 'better')
    """
    first, second = _pairs("paired_ratios", a, b)
    if (first < 0).any() or (second < 0).any():
        lowest = float(np.nanmin(np.concatenate([first, second])))
        raise UsageError(Problem("paired_ratios", "needs losses ≥ 0", f"{lowest:g}", hint="Take `paired`."))
    with np.errstate(divide="ignore"):  # a loss of 0 has no ratio: it is better than any other, by ranks
        logs = np.log(first), np.log(second)
    found = _compared(*logs, scope, math.log1p(margin), level, overlap, seed)
    d = found.difference
    estimate, low, high = (float(np.expm1(end)) for end in (d.estimate, d.low, d.high))
    ratio = Interval(estimate, low, high, d.level, d.n, d.scope, f"{d.method} of logarithms")
    return dataclasses.replace(found, difference=ratio, margin=margin)


def paired_shares(
    a: ArrayLike, b: ArrayLike, *, scope: str, margin: float = 0.0, level: float = LEVEL
) -> Comparison:
    """Compare how often something bad happens: rows that are wrong, networks that miss their target.

    Args:
        a: [n] 0 or 1: whether it happened to the one of each pair.
        b: [n] the same of the other.
        scope: What varied between pairs.
        margin: Difference of shares that counts as the same; 0 for no such answer.
        level: Confidence level.

    Example:
        >>> comparison = paired_shares([1] * 3 + [0] * 97, [1] * 15 + [0] * 85, scope="test rows")
        >>> comparison.difference.estimate, comparison.finding.value
        (-0.12, 'better')
    """
    first, second = _pairs("paired_shares", a, b)
    both = np.concatenate([first, second])
    if not np.isin(both, (0, 1)).all():
        got = f"{both[~np.isin(both, (0, 1))][0]:g}"
        raise UsageError(Problem("paired_shares", "needs 0 or 1 for each of a pair", got))

    def interval(at: float) -> Interval:
        return share_difference(first, second, scope=scope, level=at)

    found, n = judge(interval(level), interval(2 * level - 1), margin), len(first)
    apart, sd = math.sqrt(_variance(first) + _variance(second)), math.sqrt(_variance(first - second))
    return Comparison(
        interval(level),
        found,
        margin,
        _more(found, n, sd, margin, level, 0.0),
        apart / sd if sd > 0 else math.nan,
        mcnemar_p(first, second),
        _p_by(interval, margin),
    )


def _compared(
    first: Floats, second: Floats, scope: str, margin: float, level: float, overlap: float, seed: int
) -> Comparison:
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return _by_ranks(first, second, scope, margin, level, overlap)
    d, n = first - second, len(first)
    interval = mean_interval(d, scope=scope, level=level, overlap=overlap, seed=seed)
    narrow = mean_interval(d, scope=scope, level=2 * level - 1, overlap=overlap, seed=seed)
    finding = judge(interval, narrow, margin)
    apart, sd = math.sqrt(_variance(first) + _variance(second)), math.sqrt(_variance(d))
    p_same = max(above_zero(margin - d, overlap=overlap), above_zero(d + margin, overlap=overlap))
    return Comparison(
        interval,
        finding,
        margin,
        _more(finding, n, sd, margin, level, overlap),
        apart / sd if sd > 0 else math.nan,
        mean_p(d, overlap=overlap),
        p_same if margin > 0 else 1.0,
    )


def _by_ranks(
    first: Floats, second: Floats, scope: str, margin: float, level: float, overlap: float
) -> Comparison:
    """The comparison where networks diverged (or losses of 0 have no logarithm)."""
    d, n = differences(first, second), len(first)

    def interval(at: float) -> Interval:
        return signed_rank_interval(d, scope=scope, level=at, overlap=overlap)

    gone = ~(first < np.inf), ~(second < np.inf)
    # One that diverges more often is not the same, however close the networks that came through.
    is_as_safe = mcnemar_p(*gone) > 1 - level
    lost = tuple(proportion_interval(int(each.sum()), n, scope=scope) for each in gone)
    found = judge(interval(level), interval(2 * level - 1), margin if is_as_safe else 0.0)
    return Comparison(
        interval(level),
        found,
        margin,
        _more(found, n, _spread(d), margin, level, overlap),
        math.nan,
        signed_rank_p(d, overlap=overlap),
        _p_by(interval, margin) if is_as_safe else 1.0,
        (lost[0], lost[1]) if np.any(gone) else None,
    )


def _spread(d: Floats) -> float:
    """A standard deviation for planning where some differences are infinite: from their quartiles, by what ranks cost."""
    low, high = np.quantile(d, [0.25, 0.75], method="nearest")
    if not np.isfinite([low, high]).all():
        return math.inf
    # 1.349: quartiles of the normal law lie so many standard deviations apart. π/3: ranks need 5 % more pairs than means.
    return float(high - low) / 1.349 * math.sqrt(math.pi / 3)


def _more(finding: Finding, n: int, sd: float, margin: float, level: float, overlap: float) -> int:
    if finding is not Finding.UNKNOWN:
        return 0
    needed = replicates_to_tell(sd, margin, level=level, overlap=overlap) if n > 1 else NEVER
    return NEVER if needed >= NEVER else max(needed - n, 1)


def _p_by(interval: Callable[[float], Interval], margin: float) -> float:
    """p-value of two one-sided tests: the level at which the interval just fits into ± margin, by halving."""
    if margin <= 0:
        return 1.0
    low, high = 0.0, 0.5  # one-sided p-values of two tests that may both be made
    if not interval(1 - 2 * high + 1e-9).within(margin):
        return 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if interval(1 - 2 * middle).within(margin) else (middle, high)
    return high


def _pairs(where: str, a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        got = f"shapes {first.shape} and {second.shape}"
        raise UsageError(Problem(where, "needs as many values of a as of b", got))
    return first, second


def _variance(x: Floats) -> float:
    return float(x.var(ddof=1)) if len(x) > 1 else math.nan
