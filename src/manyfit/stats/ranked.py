"""Options ranked over replicates or data sets: average ranks, and how often each is the best. Lower scores are better."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from manyfit.stats.interval import LEVEL, Interval
from manyfit.stats.proportions import proportion_interval

Floats = NDArray[np.float64]


def ranks(scores: ArrayLike) -> Floats:
    """Average ranks of options over replicates, 1 the best; NaN and infinity (diverged) rank worst.

    Args:
        scores: [n, K] losses of K options on n replicates.

    Example:
        >>> ranks([[1.0, 2.0, np.inf], [1.0, 3.0, 2.0]]).tolist()
        [1.0, 2.5, 2.5]
    """
    return ranks_within(scores).mean(0)


def ranks_within(scores: ArrayLike) -> Floats:
    """[n, K] rank of each option within its replicate, 1 the best; ties share their ranks, diverged ones the last.

    Example:
        >>> ranks_within([[1.0, np.nan, np.inf]]).tolist()
        [[1.0, 2.5, 2.5]]
    """
    table = np.asarray(scores, dtype=np.float64)
    return scipy_stats.rankdata(np.where(np.isnan(table), np.inf, table), axis=1)


@dataclass(frozen=True)
class Ranking:
    """Average ranks of K options, and how far apart they must lie.

    mean: [K] average ranks, 1 the best.
    critical_difference: Average ranks farther apart than this differ (Nemenyi).
    p: p-value against all options being alike (Friedman's test in Iman and Davenport's form).
    level: Confidence level of the critical difference.
    n: Replicates or data sets.
    scope: What varied between them.
    """

    mean: tuple[float, ...]
    critical_difference: float
    p: float
    level: float
    n: int
    scope: str


def ranking(scores: ArrayLike, *, scope: str, level: float = LEVEL) -> Ranking:
    """Average ranks over data sets or replicates, with the difference that matters.

    Args:
        scores: [n, K] losses; infinite or NaN where a network diverged, which ranks worst.
        scope: What varied between the n.
        level: Confidence level.

    Example:
        >>> found = ranking([[1.0, 2.0, 3.0]] * 9 + [[2.0, 1.0, 3.0]], scope="data sets")
        >>> found.mean, round(found.critical_difference, 2), found.p < 0.001
        ((1.1, 1.9, 3.0), 1.05, True)

    References:
        Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets,
        https://jmlr.org/papers/v7/demsar06a.html
    """
    rank = ranks_within(scores)
    n, n_options = rank.shape
    mean = rank.mean(0)
    if n < 2 or n_options < 2:
        return Ranking(tuple(mean.tolist()), math.inf, 1.0, level, n, scope)
    between = n * float(((mean - mean.mean()) ** 2).sum())
    within = float(((rank - rank.mean(1, keepdims=True)) ** 2).sum()) - between
    freedom = (n_options - 1, (n - 1) * (n_options - 1))
    p = 1.0 if between < 1e-12 else 0.0  # 1e-12: sums of halves, rounded
    if between >= 1e-12 and within > 1e-12:
        p = float(scipy_stats.f.sf(between / within * freedom[1] / freedom[0], *freedom))
    quantile = float(scipy_stats.studentized_range.ppf(level, n_options, np.inf)) / math.sqrt(2)
    critical = quantile * math.sqrt(n_options * (n_options + 1) / (6 * n))
    return Ranking(tuple(mean.tolist()), critical, p, level, n, scope)


def chances_of_best(scores: ArrayLike, *, scope: str, level: float = LEVEL) -> tuple[Interval, ...]:
    """P(best): how often each option is the best of its replicate, with Wilson's interval; options that tie share.

    About single trainings, not about means: of two options with equal means the one that varies more is best more often.

    Args:
        scores: [n, K] losses; infinite or NaN where a network diverged.
        scope: What varied between the n.
        level: Confidence level.

    Example:
        >>> chances = chances_of_best([[1.0, 2.0], [1.0, 3.0], [2.0, 2.0], [1.0, float("inf")]], scope="seeds")
        >>> [share.estimate for share in chances]
        [0.875, 0.125]
    """
    table = np.asarray(scores, dtype=np.float64)
    table = np.where(np.isnan(table), np.inf, table)
    is_best = table == table.min(1, keepdims=True)
    wins = (is_best / is_best.sum(1, keepdims=True)).sum(0)
    return tuple(proportion_interval(float(won), len(table), scope=scope, level=level) for won in wins)
