"""Scores of many runs on several tasks as one number: interquartile mean, chance of an improvement, performance profile.

Tasks are strata: their runs are resampled within each. Lower scores are better.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from manyfit.stats.interval import LEVEL, Interval, widened
from manyfit.stats.means import N_RESAMPLES

Floats = NDArray[np.float64]


def interquartile_mean(scores: ArrayLike) -> float:
    """Mean of the middle half of all runs on all tasks: a few lucky or lost ones don't move it, and it uses more than a median.

    Args:
        scores: Any shape, [n runs, M tasks] for instance; infinite for networks that diverged.

    Returns:
        Infinite when more than a quarter diverged.

    Example:
        >>> interquartile_mean([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, float("inf")])
        4.5

    References:
        Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice, https://arxiv.org/abs/2108.13264
    """
    return float(scipy_stats.trim_mean(np.asarray(scores, dtype=np.float64), 0.25, axis=None))


def improvement(a: ArrayLike, b: ArrayLike) -> float:
    """Chance that a run of a is better than a run of b on the same task, ties half, averaged over tasks.

    Args:
        a: [n, M] scores of n runs on M tasks, or [n] on one; lower is better.
        b: [m, M] scores of the other.

    Example:
        >>> improvement([1.0, 2.0], [1.5, 2.0])
        0.625

    References:
        Agarwal et al. 2021, as above; Mann & Whitney 1947, https://doi.org/10.1214/aoms/1177730491
    """
    x, y = _by_task(a), _by_task(b)
    n, m = len(x), len(y)
    rank = scipy_stats.rankdata(np.concatenate([x, y]), axis=0)
    # Mann and Whitney's U of y over x: pairs in which b scores higher, ties half.
    above = rank[n:].sum(0) - m * (m + 1) / 2
    return float(np.mean(above / (n * m)))


def profile(scores: ArrayLike, at: ArrayLike) -> Floats:
    """Performance profile: the share of runs that score at most τ, for several τ, each task counting alike.

    Args:
        scores: [n, M] scores of n runs on M tasks; infinite for networks that diverged.
        at: [q] values of τ.

    Returns:
        [q] shares, rising.

    Example:
        >>> profile([[1.0, 2.0], [3.0, float("inf")]], [1.0, 2.5, 10.0]).tolist()
        [0.25, 0.5, 0.75]

    References:
        Dolan & Moré 2002, Benchmarking Optimization Software with Performance Profiles, https://arxiv.org/abs/cs/0102001
    """
    every = np.sort(np.asarray(scores, dtype=np.float64), axis=None)
    return np.searchsorted(every, np.asarray(at, dtype=np.float64), side="right") / every.size


def stratified_draws(
    n_runs: int, n_tasks: int, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> NDArray[np.int64]:
    """[R, n runs, M tasks] which run stands in for which: drawn anew for every task.

    Example:
        >>> stratified_draws(3, 2, n_resamples=5).shape
        (5, 3, 2)
    """
    random = np.random.Generator(np.random.Philox(seed))
    return random.integers(0, n_runs, size=(n_resamples, n_runs, n_tasks))


def stratified_interval(
    statistic: Callable[..., float],
    *scores: ArrayLike,
    scope: str,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    draws: NDArray[np.integer] | None = None,
) -> Interval:
    """Interval of a statistic of runs on tasks, by resampling the runs within each task.

    Args:
        statistic: From [n, M] scores (one table for each one given) to a number: `interquartile_mean`, `improvement`.
        scores: [n, M] each; their numbers of runs may differ, their tasks may not.
        scope: What varied between runs.
        level: Confidence level.
        n_resamples: Bootstrap samples.
        seed: Of the draws.
        draws: [R, n, M] from `stratified_draws`, when they are to be shared; for one table of scores only.

    Returns:
        Percentile interval, at the level that makes up for few runs.

    Example:
        >>> runs = np.arange(20.0).reshape(10, 2)
        >>> found = stratified_interval(interquartile_mean, runs, scope="seeds")
        >>> found.estimate, found.low < 9.5 < found.high
        (9.5, True)
    """
    tables = [_by_task(table) for table in scores]
    picked = [
        stratified_draws(*table.shape, n_resamples=n_resamples, seed=seed + i) if draws is None else draws
        for i, table in enumerate(tables)
    ]
    estimate, n = float(statistic(*tables)), min(table.size for table in tables)
    if min(len(table) for table in tables) < 2:
        return Interval(estimate, -math.inf, math.inf, level, n, scope, "none: a single run")
    values = np.array(
        [
            statistic(
                *(
                    np.take_along_axis(table, pick[r], axis=0)
                    for table, pick in zip(tables, picked, strict=True)
                )
            )
            for r in range(len(picked[0]))
        ]
    )
    share = widened(level, n)
    low, high = np.quantile(
        values, [0.5 - share / 2, 0.5 + share / 2], method="nearest" if np.isinf(values).any() else "linear"
    )
    return Interval(estimate, float(low), float(high), level, n, scope, "stratified bootstrap")


def _by_task(scores: ArrayLike) -> Floats:
    """[n, M] scores; a single axis is one task. NaN is a divergence."""
    table = np.asarray(scores, dtype=np.float64)
    table = np.where(np.isnan(table), np.inf, table)
    return table.reshape(len(table), -1)
