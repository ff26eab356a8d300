"""Shares: how often networks diverge, rows are right, targets are reached; alone, and compared on pairs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from manyfit.stats.interval import LEVEL, Interval


def proportion_interval(successes: float, n: int, *, scope: str, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share.

    Args:
        successes: How many of them; a tie may count for a part.
        n: Of how many.
        scope: What varied between them.
        level: Confidence level.

    Example:
        >>> share = proportion_interval(9, 10, scope="test rows")
        >>> round(share.low, 3), round(share.high, 3)
        (0.596, 0.982)

    References:
        Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, level, 0, scope, "none: no rows")
    # Not scipy's binomtest, which has the same interval: it works out a p-value first, which takes a millisecond.
    share, z2 = successes / n, float(special.ndtri(0.5 + level / 2)) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(share, low, high, level, n, scope, "Wilson")


def divergence(scores: ArrayLike, *, scope: str, level: float = LEVEL) -> Interval:
    """P(diverge): the share of scores that are not finite, with Wilson's interval.

    Example:
        >>> divergence([0.3, float("inf"), 0.2, 0.4], scope="seeds").estimate
        0.25
    """
    x = np.asarray(scores, dtype=np.float64).ravel()
    return proportion_interval(int((~np.isfinite(x)).sum()), len(x), scope=scope, level=level)


def share_difference(first: ArrayLike, second: ArrayLike, *, scope: str, level: float = LEVEL) -> Interval:
    """Interval of the difference of two shares that were counted on the same pairs.

    Args:
        first: [n] 0 or 1: whether it happened to the one of each pair.
        second: [n] the same of the other.
        scope: What varied between pairs.
        level: Confidence level.

    Returns:
        Interval of mean(first) − mean(second), Wald's after adding one pair to each kind of disagreement.

    Example:
        >>> found = share_difference([1, 1, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0], scope="rows")
        >>> found.estimate, round(found.low, 2), round(found.high, 2)
        (0.25, -0.17, 0.57)

    References:
        Bonett & Price 2012, https://doi.org/10.3102/1076998611411915
    """
    x, y = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    n = len(x)
    if n == 0:
        return Interval(math.nan, -1.0, 1.0, level, 0, scope, "none: no pairs")
    only_first, only_second = int((x & ~y).sum()), int((~x & y).sum())
    p, q = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    half = float(special.ndtri(0.5 + level / 2)) * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    low, high = max(p - q - half, -1.0), min(p - q + half, 1.0)
    return Interval((only_first - only_second) / n, low, high, level, n, scope, "Bonett–Price")


def mcnemar_p(first: ArrayLike, second: ArrayLike) -> float:
    """Exact two-sided p-value against both shares being equal: McNemar's test on the pairs that disagree.

    Example:
        >>> mcnemar_p([1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0])
        0.03125

    References:
        McNemar 1947, https://doi.org/10.1007/BF02295996
    """
    x, y = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    only_first, only_second = int((x & ~y).sum()), int((~x & y).sum())
    return min(1.0, 2 * float(special.bdtr(min(only_first, only_second), only_first + only_second, 0.5)))
