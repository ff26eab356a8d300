"""Options ranked over replicates or data sets: average ranks, and how often each is the best. Lower scores are better."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

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
