"""Intervals over test rows: the rows, or the groups or time blocks they came in, are drawn anew."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.stats.interval import LEVEL, Interval, widened
from manyfit.stats.means import N_RESAMPLES

Floats = NDArray[np.float64]


def bootstrap_rows(
    statistic: Callable[[Floats], Floats],
    n_rows: int,
    *,
    blocks: ArrayLike | None = None,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    scope: str = "test rows",
) -> Interval:
    """Interval of a score over the rows (or groups of rows) that it was measured on.

    Args:
        statistic: From weights [R, n_rows] (how often each row was drawn) to R scores. For a mean of rows: a product.
        n_rows: Rows that were scored.
        blocks: [n_rows] label of the group or time block of each row; whole blocks are then drawn. None draws rows.
        level: Confidence level.
        n_resamples: Bootstrap samples.
        seed: Of the draws.
        scope: What is drawn anew.

    Returns:
        Percentile interval around the score of the rows as they are, at the level that makes up for few rows.

    Example:
        >>> errors = np.arange(100.0)
        >>> interval = bootstrap_rows(lambda w: w @ errors / w.sum(1), 100)
        >>> interval.estimate, 43 < interval.low < 45, 54 < interval.high < 56
        (49.5, True, True)

    References:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, https://doi.org/10.1201/9780429246593
    """
    codes = (
        np.arange(n_rows)
        if blocks is None
        else np.unique(np.asarray(blocks), return_inverse=True)[1].reshape(n_rows)
    )
    n_blocks = int(codes.max()) + 1 if n_rows else 0
    estimate = float(statistic(np.ones((1, n_rows)))[0]) if n_rows else math.nan
    if n_blocks < 2:
        return Interval(estimate, -math.inf, math.inf, level, n_blocks, scope, "none: a single block")
    random = np.random.Generator(np.random.Philox(seed))
    drawn: list[Floats] = []
    chunk = max(1, min(n_resamples, 4_000_000 // max(n_rows, 1)))
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        picks = random.integers(0, n_blocks, size=(size, n_blocks)) + n_blocks * np.arange(size)[:, None]
        counts = (
            np.bincount(picks.ravel(), minlength=size * n_blocks).reshape(size, n_blocks).astype(np.float64)
        )
        drawn.append(np.asarray(statistic(counts[:, codes]), dtype=np.float64))
    scores = np.concatenate(drawn)
    finite = scores[np.isfinite(scores)]
    if len(finite) < 0.9 * n_resamples:
        method = "none: the score is undefined on many resamples"
        return Interval(estimate, -math.inf, math.inf, level, n_blocks, scope, method)
    share = widened(level, n_blocks)
    low, high = np.quantile(finite, [0.5 - share / 2, 0.5 + share / 2])
    return Interval(estimate, float(low), float(high), level, n_blocks, scope, "percentile bootstrap")
