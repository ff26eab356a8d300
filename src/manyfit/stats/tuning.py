"""What tuning buys: the score expected of the best of k trials, from more trials than k, and who that best one is.

Lower scores are better. All k-subsets of the trials are averaged over exactly, so that nothing depends on the order in which
the trials happened to run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from manyfit.errors import Problem, UsageError
from manyfit.stats.interval import LEVEL
from manyfit.stats.means import N_RESAMPLES

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TuningCurve:
    """The best of k trials, for k = 1 … K.

    mean: [K] expected score of the best of k, unbiased; infinite where k trials may all have diverged.
    low, high: [K] ends of its interval.
    median: [K] the middle of the scores that the best of k has; divergence moves it little.
    median_low, median_high: [K] ends of its interval, exact; infinite where the trials don't reach.
    level: Confidence level, for each k by itself.
    n: Trials in all.
    scope: What varied between trials.
    """

    mean: Floats
    low: Floats
    high: Floats
    median: Floats
    median_low: Floats
    median_high: Floats
    level: float
    n: int
    scope: str


def winner_chances(scores: ArrayLike, k: int) -> Floats:
    """[n] chance that each trial is the best of k drawn from the n without putting back; trials that tie share.

    Whatever the trials also have (a score on fresh rows, the rate they chose) is averaged over tuning with these.

    Args:
        scores: [n] scores that tuning looks at; infinite or NaN where a network diverged.
        k: Trials of one tuning, 1 to n.

    Example:
        >>> winner_chances([3.0, 1.0, 2.0], 2).round(3).tolist()
        [0.0, 0.667, 0.333]
    """
    x = np.asarray(scores, dtype=np.float64)
    x, n = np.where(np.isnan(x), np.inf, x), len(x)
    if not 1 <= k <= n:
        raise UsageError(Problem("k", f"must be 1 to the number of trials, {n}", str(k)))
    weights = _weights(n, k)
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    total = np.concatenate([[0.0], np.cumsum(weights)])
    return ((total[ends] - total[ends - counts]) / counts)[place]


def expected_best(scores: ArrayLike, k: int, confirmed: ArrayLike | None = None) -> float:
    """Expected score of the best of k trials, unbiased for k up to the number of trials.

    Args:
        scores: [n] scores that tuning looks at; infinite or NaN where a network diverged.
        k: Trials of one tuning, 1 to n.
        confirmed: [n] scores of the same trials on rows or seeds that tuning has not seen: the expectation is then of the
            score that the winner has there, without the luck that made it win.

    Example:
        >>> expected_best([3.0, 1.0, 2.0], 1), round(expected_best([3.0, 1.0, 2.0], 2), 3)
        (2.0, 1.333)

    References:
        Dodge et al. 2019, Show Your Work, https://arxiv.org/abs/1909.03004
        Tang et al. 2020, Showing Your Work Doesn't Always Work (the unbiased form), https://arxiv.org/abs/2004.13705
    """
    chances = winner_chances(scores, k)
    outcome = np.asarray(scores if confirmed is None else confirmed, dtype=np.float64)
    outcome = np.where(np.isnan(outcome), np.inf, outcome)
    can_win = chances > 0  # 0 · ∞ is no loss
    return float(chances[can_win] @ outcome[can_win])


def tuned_scores(search: ArrayLike, confirmed: ArrayLike) -> Floats:
    """Score on fresh rows of the trial that each replicate's own tuning picks: what two tuned options are compared by.

    Tuning is a part of the replicate, because it is a part of the luck: two options that were tuned once and met often
    differ by what the two tunings happened to find, and one of them wins though they are the same.

    Args:
        search: [n, k] scores of k trials on n replicates, by which tuning picks; infinite or NaN where a network diverged.
        confirmed: [n, k] scores of the same trials on rows and seeds that tuning has not seen; [n] of the picked ones alone.

    Example:
        >>> tuned_scores([[3.0, 1.0], [2.0, float("nan")]], [[0.5, 0.7], [0.4, 0.1]]).tolist()
        [0.7, 0.4]
    """
    picked, fresh = picks(search), np.asarray(confirmed, dtype=np.float64)
    return fresh if fresh.ndim == 1 else fresh[np.arange(len(fresh)), picked]


def picks(search: ArrayLike) -> NDArray[np.int64]:
    """[n] the trial that each replicate's tuning picks: the lowest score, the first of those that tie, none that diverged.

    Example:
        >>> picks([[3.0, 1.0, 1.0], [2.0, float("nan"), 3.0]]).tolist()
        [1, 0]
    """
    scores = np.asarray(search, dtype=np.float64)
    return np.where(np.isnan(scores), np.inf, scores).argmin(1)


def tuning_curve(
    scores: ArrayLike,
    most: int | None = None,
    *,
    scope: str,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> TuningCurve:
    """How good the best of k trials is, for every k, with intervals.

    The mean's interval comes from a bootstrap of the trials. It can't know of scores better than the best one seen, and is
    too narrow where k comes near n: by default k goes to half of the trials. The median's interval is that of a
    quantile of the trials' scores, exact whatever their law.

    Args:
        scores: [n] scores of n trials drawn alike; infinite or NaN where a network diverged.
        most: Largest k; half of the trials by default.
        scope: What varied between trials.
        level: Confidence level, for each k by itself.
        n_resamples: Bootstrap samples.
        seed: Of the draws.

    Example:
        >>> curve = tuning_curve(np.arange(20.0), 3, scope="trials")
        >>> curve.mean.round(2).tolist(), curve.median.tolist()
        ([9.5, 6.0, 4.25], [9.5, 5.0, 3.0])
    """
    x = np.asarray(scores, dtype=np.float64)
    x = np.sort(np.where(np.isnan(x), np.inf, x))
    n = len(x)
    k = np.arange(1, (max(n // 2, 1) if most is None else min(most, n)) + 1)
    weights = np.stack([_weights(n, each) for each in k.tolist()], axis=1)  # [n, K]
    random = np.random.Generator(np.random.Philox(seed))
    drawn = x[np.sort(random.integers(0, n, size=(n_resamples, n)), axis=1)]
    best = _averaged(drawn, weights)
    low, high = np.quantile(best, [0.5 - level / 2, 0.5 + level / 2], axis=0, method="nearest")
    ends = _quantile_ends(x, 1 - 0.5 ** (1 / k), level)
    median = np.array([_weighted_median(x, w) for w in weights.T])
    return TuningCurve(_averaged(x[None], weights)[0], low, high, median, *ends, level, n, scope)


def _weights(n: int, k: int) -> Floats:
    """[n] chance of each trial, best first, to be the best of k of n: C(n − i, k − 1) / C(n, k)."""
    i = np.arange(1, n)
    return np.concatenate([[1.0], np.cumprod(np.maximum(n - i - k + 1, 0) / (n - i))]) * (k / n)


def _averaged(ordered: Floats, weights: Floats) -> Floats:
    """[R, K] weighted means of sorted scores; infinite where an infinite score has a weight."""
    is_lost = np.isinf(ordered)
    means = np.where(is_lost, 0.0, ordered) @ weights
    return np.where(is_lost.astype(np.float64) @ weights > 0, np.inf, means)


def _weighted_median(ordered: Floats, weights: Floats) -> float:
    """The middle of sorted scores by weight; between two of them where half lies on either side."""
    reached = np.cumsum(weights)
    below = int(np.searchsorted(reached, 0.5 - 1e-12))  # 1e-12: sums of weights, rounded
    is_between = abs(reached[below] - 0.5) <= 1e-12 and below + 1 < len(ordered)
    return float((ordered[below] + ordered[below + 1]) / 2 if is_between else ordered[below])


def _quantile_ends(ordered: Floats, share: Floats, level: float) -> tuple[Floats, Floats]:
    """[K] ends of exact intervals of the quantiles at [K] shares: the best of k lies below F⁻¹(u) with chance 1 − (1 − u)^k.

    How many of n scores lie below a quantile is binomial, whatever their law; infinite beyond the scores that there are.
    """
    n = len(ordered)
    padded = np.concatenate([[-np.inf], ordered, [np.inf]])
    first = scipy_stats.binom.ppf(0.5 - level / 2, n, share).astype(int)
    last = scipy_stats.binom.ppf(0.5 + level / 2, n, share).astype(int) + 1
    return padded[first], padded[np.minimum(last, n + 1)]
