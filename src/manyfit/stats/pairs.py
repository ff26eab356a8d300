"""Two recipes compared on pairs that share seeds and splits: by their mean difference, by the ratio of their losses, by shares.

Scores are losses: lower is better, and a difference a − b below 0 means that a is better.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from manyfit.errors import Problem, UsageError
from manyfit.stats.comparison import (
    Comparison,
    Levels,
    as_pairs,
    compared,
    p_by_interval,
    pairs_to_add,
    spread_and_gain,
)
from manyfit.stats.finding import judge
from manyfit.stats.interval import LEVEL, Interval
from manyfit.stats.proportions import mcnemar_p, share_difference


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
    first, second = as_pairs("paired", a, b)
    return compared(
        first, second, scope=scope, margin=margin, levels=Levels.of(level), overlap=overlap, seed=seed
    )


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
    first, second = as_pairs("paired_ratios", a, b)
    if (first < 0).any() or (second < 0).any():
        lowest = float(np.nanmin(np.concatenate([first, second])))
        raise UsageError(Problem("paired_ratios", "needs losses ≥ 0", f"{lowest:g}", hint="Take `paired`."))
    with np.errstate(divide="ignore"):  # a loss of 0 has no ratio: it is better than any other, by ranks
        logs = np.log(first), np.log(second)
    found = compared(
        *logs, scope=scope, margin=math.log1p(margin), levels=Levels.of(level), overlap=overlap, seed=seed
    )
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
    first, second = as_pairs("paired_shares", a, b)
    both = np.concatenate([first, second])
    if not np.isin(both, (0, 1)).all():
        got = f"{both[~np.isin(both, (0, 1))][0]:g}"
        raise UsageError(Problem("paired_shares", "needs 0 or 1 for each of a pair", got))

    def interval(at: float) -> Interval:
        return share_difference(first, second, scope=scope, level=at)

    finding = judge(interval(level), interval(2 * level - 1), margin)
    sd, gain = spread_and_gain(first, second)
    more = pairs_to_add(finding, len(first), sd, margin, level)
    p, p_same = mcnemar_p(first, second), p_by_interval(interval, margin)
    return Comparison(interval(level), finding, margin, more, gain, p, p_same, sd=sd)
