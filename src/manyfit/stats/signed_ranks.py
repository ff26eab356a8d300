"""Differences of which some are infinite, because a network of the pair diverged: Wilcoxon's signed ranks.

A pair in which one network diverged has an infinite difference: the largest there can be, whatever the other one scored.
Ranks have room for it, means have not. What is estimated is the pseudo-median, the middle of all averages of two
differences; where differences lie evenly around it, it is their mean and their median.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy import stats as scipy_stats

from manyfit.stats.interval import LEVEL, Interval, t_quantile
from manyfit.stats.overlap import pooled

Floats = NDArray[np.float64]

EXACT_TO = 100
"""Up to this many pairs the null distribution is exact; beyond it Student's t of the signed ranks differs in the fourth digit."""


def differences(a: ArrayLike, b: ArrayLike) -> Floats:
    """a − b, where a diverged network (infinite or NaN) is worse than any other and two of them are a tie.

    Example:
        >>> differences([1.0, float("inf"), float("nan")], [2.0, 2.0, float("inf")]).tolist()
        [-1.0, inf, 0.0]
    """
    first, second = (
        np.nan_to_num(np.asarray(x, dtype=np.float64), nan=np.inf, posinf=np.inf, neginf=-np.inf)
        for x in (a, b)
    )
    with np.errstate(invalid="ignore"):  # inf − inf, which is the tie
        return np.where(first == second, 0.0, first - second)


def signed_rank_interval(d: ArrayLike, *, scope: str, level: float = LEVEL, overlap: float = 0.0) -> Interval:
    """Interval of the pseudo-median of differences, some of which may be infinite.

    All shifts that the signed-rank test does not reject: exact for pairs that share no rows; with overlap, Student's t
    of the signed ranks with the variance of Nadeau and Bengio.

    Args:
        d: [n] differences of losses; ±inf where one network of the pair diverged.
        scope: What varied between pairs.
        level: Confidence level.
        overlap: As in `mean_interval`.

    Returns:
        Ends are infinite where so many pairs diverged, or so few there are, that no shift can be ruled out.

    Example:
        >>> found = signed_rank_interval([-1.0, -2.0, -1.5, -0.5, -1.2, -float("inf")], scope="seeds")
        >>> found.estimate, found.low, found.high
        (-1.5, -inf, -0.5)

    References:
        Hodges & Lehmann 1963, https://doi.org/10.1214/aoms/1177704172
        Conover & Iman 1981, Rank Transformations as a Bridge, https://doi.org/10.1080/00031305.1981.10479327
    """
    x = pooled(np.asarray(d, dtype=np.float64), overlap)
    n = len(x)
    finite = np.sort(x[np.isfinite(x)])
    n_infinite = n - len(finite)
    i, j = np.triu_indices(len(finite))
    walsh = np.sort((finite[i] + finite[j]) / 2)
    # Ranks of positive differences after a shift add up to the averages of two that lie above it, and to `above` for the
    # pairs that are infinite whatever the shift.
    top = n - (n_infinite - 1) / 2
    above = top * float(np.sum(x == np.inf))
    middle = n * (n + 1) / 4
    reject = _critical(n, n_infinite, level, overlap)
    count = len(walsh) + above

    def at(place: float, up: bool) -> float:
        """The average at a place counted from 1; beyond the first or the last one a shift is infinite."""
        place = math.ceil(place) if up else math.floor(place) + 1
        return -math.inf if place < 1 else math.inf if place > len(walsh) else float(walsh[place - 1])

    centre = [at(count - middle, up) for up in (True, False)]
    estimate = centre[0] if centre[0] == centre[1] else sum(centre) / 2
    low = -math.inf if reject > 2 * middle else at(count - reject, False)
    high = math.inf if reject > 2 * middle else at(count - (2 * middle - reject), True)
    return Interval(estimate, low, high, level, n, scope, "signed ranks")


def signed_rank_p(d: ArrayLike, *, overlap: float = 0.0) -> float:
    """Two-sided p-value of signed ranks against differences that lie evenly around 0.

    Every difference keeps its size and takes its sign by a fair coin: exact up to `EXACT_TO` pairs, ties and zeros
    (Pratt's way) included.

    Example:
        >>> signed_rank_p([-1.0, -2.0, -3.0, -4.0, -5.0, -float("inf")])
        0.03125
    """
    x = pooled(np.asarray(d, dtype=np.float64), overlap)
    n = len(x)
    if n < 2 or not x.any():
        return 1.0
    rank = scipy_stats.rankdata(np.abs(x))
    signed = np.sign(x) * rank
    if n <= EXACT_TO and not overlap:
        kept = np.rint(2 * rank[x != 0]).astype(int)
        chances = _chances(kept)
        positive = round(2 * float(rank[x > 0].sum()))
        tail = min(chances[: positive + 1].sum(), chances[positive:].sum())
        return float(min(2 * tail, 1.0))
    error = float(signed.std(ddof=1)) * math.sqrt(1 / n + overlap)
    if error == 0:
        return 0.0
    return float(2 * special.stdtr(n - 1, -abs(float(signed.mean())) / error))


@lru_cache(maxsize=1024)
def _critical(n: int, n_infinite: int, level: float, overlap: float) -> float:
    """The smallest sum of positive ranks that rejects; larger than all of them together when none can."""
    rank = np.arange(1.0, n + 1)
    rank[n - n_infinite :] = n - (n_infinite - 1) / 2
    total = n * (n + 1) / 2
    if n < 2:
        return total + 1
    if n <= EXACT_TO and not overlap:
        tail = np.cumsum(_chances(np.rint(2 * rank).astype(int))[::-1])
        allowed = np.flatnonzero(tail <= (1 - level) / 2 + 1e-12)  # 1e-12: sums of powers of two, rounded
        return (2 * total - allowed[-1]) / 2 if len(allowed) else total + 1
    # Student's t of n signed ranks reaches its quantile q where their mean is m: m² = q² (1/n + overlap)(Σr² − n m²)/(n − 1).
    q2 = t_quantile(level, n - 1) ** 2 * (1 / n + overlap) / (n - 1)
    mean = math.sqrt(q2 * float(rank @ rank) / (1 + q2 * n))
    return (total + n * mean) / 2


def _chances(doubled: NDArray[np.integer]) -> Floats:
    """[Σ + 1] chance of each sum of the (doubled) ranks that get a plus by a fair coin."""
    chances = np.zeros(int(doubled.sum()) + 1)
    chances[0], reached = 1.0, 0
    for rank in doubled.tolist():
        chances[rank : reached + rank + 1] += chances[: reached + 1].copy()
        chances[: reached + rank + 1] /= 2
        reached += rank
    return chances
