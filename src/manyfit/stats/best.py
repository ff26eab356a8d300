"""The options that may be the best: a model confidence set, in place of a winner that the next replicates would depose.

Options leave one after another, the worst first, for as long as a test says that those still there are not all alike. What
is left holds the best one with the stated confidence, and is large when the replicates tell little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import Problem, UsageError
from manyfit.stats.interval import LEVEL
from manyfit.stats.means import N_RESAMPLES
from manyfit.stats.overlap import pooled
from manyfit.stats.ranked import ranks_within

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ConfidenceSet:
    """Which of K options may be the best.

    included: [K] whether the option is in the set.
    p: [K] the option leaves every set of a level above 1 − p; 1 for the last one.
    level: Confidence that the best option is in the set.
    n: Replicates.
    scope: What varied between them.
    method: How options were compared.
    """

    included: tuple[bool, ...]
    p: tuple[float, ...]
    level: float
    n: int
    scope: str
    method: str

    @property
    def options(self) -> tuple[int, ...]:
        """Indices of the options in the set, rising."""
        return tuple(int(i) for i in np.flatnonzero(self.included))


def confidence_set(
    losses: ArrayLike,
    *,
    scope: str,
    level: float = LEVEL,
    overlap: float = 0.0,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> ConfidenceSet:
    """The options that may have the lowest mean loss, on paired replicates.

    Options are told apart by the largest Student's t among their pairs, against its bootstrap distribution over
    replicates. The published bootstrap takes standard errors for known; with ten replicates of sixteen options it then
    throws out the best one in half of all cases, so that here every pair's standard error varies as it does in
    samples of this size (a drawn chi-squared for each), which vanishes with many replicates.

    While an option that diverged anywhere is among them, ranks within each replicate decide (a divergence is the last
    rank), against all ways to deal the same ranks out anew.

    Args:
        losses: [n, K] losses of K options on n replicates that they share; infinite or NaN where a network diverged.
        scope: What varied between replicates.
        level: Confidence that the best option is in the set.
        overlap: As in `mean_interval`.
        n_resamples: Bootstrap samples.
        seed: Of the draws.

    Returns:
        All options where there is nothing to tell them apart by.

    Example:
        >>> noise = np.array([[0.1, -0.2, 0.0], [-0.1, 0.3, 0.1], [0.2, 0.0, -0.2], [0.0, 0.1, 0.2], [-0.2, -0.1, 0.1]])
        >>> confidence_set(noise + [1.0, 1.1, 9.0], scope="seeds").options
        (0, 1)

    References:
        Hansen, Lunde & Nason 2011, The Model Confidence Set, https://doi.org/10.3982/ECTA5771
    """
    table = np.asarray(losses, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0:
        raise UsageError(
            Problem("confidence_set", "needs losses of [replicates, options]", f"shape {table.shape}")
        )
    table = pooled(table.T, overlap).T
    n, n_options = table.shape
    shrunk = 1 / np.sqrt(1 + n * overlap)  # by what standard errors are larger where replicates share rows
    if n < 2:
        everything = (True,) * n_options, (1.0,) * n_options
        return ConfidenceSet(*everything, level, n, scope, "none: a single replicate")
    random = np.random.Generator(np.random.Philox(seed))
    left, p, reached = list(range(n_options)), np.ones(n_options), 0.0
    while len(left) > 1 and not np.isfinite(table[:, left]).all():
        worst, chance = _worst_by_rank(table[:, left], shrunk, n_resamples, random)
        reached = max(reached, chance)
        p[left.pop(worst)] = reached
    by_rank = len(left) < n_options
    for worst, chance in _leave_by_mean(table[:, left], shrunk, n_resamples, random):
        reached = max(reached, chance)
        p[left[worst]] = reached
    method = "ranks while there was divergence, then largest t" if by_rank else "largest t of all pairs"
    return ConfidenceSet(tuple((p > 1 - level).tolist()), tuple(p.tolist()), level, n, scope, method)


def _worst_by_rank(
    table: Floats, shrunk: float, n_resamples: int, random: np.random.Generator
) -> tuple[int, float]:
    """The option of the highest mean rank, and the chance of ranks as far apart where all options are alike."""
    rank = ranks_within(table)
    mean = rank.mean(0)
    # Of equal ranks the one leaves that diverged more often, then the last.
    worst = max(range(len(mean)), key=lambda j: (mean[j], np.sum(~np.isfinite(table[:, j])), j))
    apart = shrunk * np.ptp(mean)
    null, at_once = np.empty(n_resamples), max(4_000_000 // rank.size, 1)
    for start in range(0, n_resamples, at_once):
        dealt = np.broadcast_to(rank, (min(at_once, n_resamples - start), *rank.shape))
        null[start : start + at_once] = np.ptp(random.permuted(dealt, axis=2).mean(1), axis=1)
    # One is added above and below: the ranks as they are are one of the ways to deal them out. 1e-9: sums of halves, rounded.
    return worst, float((1 + np.sum(null >= apart - 1e-9)) / (1 + n_resamples))


def _leave_by_mean(
    table: Floats, shrunk: float, n_resamples: int, random: np.random.Generator
) -> list[tuple[int, float]]:
    """(option, p-value of the test before it leaves) in the order in which options leave; the last one with 1."""
    n, n_options = table.shape
    if n_options == 1:  # which may have diverged
        return [(0, 1.0)]
    mean = table.mean(0)
    centred = table - mean
    # Σ (x_i − x_j)² without an array of [n, K, K].
    square = np.einsum("ni,ni->i", centred, centred)
    between = np.maximum(square[:, None] + square[None] - 2 * centred.T @ centred, 0.0)
    error = np.sqrt(between / (n * (n - 1)))
    apart = mean[:, None] - mean[None]
    # What is left of equal columns by rounding is no difference.
    is_same = np.abs(apart) <= 1e-12 * np.abs(mean).max(initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(is_same, 0.0, shrunk * apart / error)

    # Who leaves when depends on the sample alone; the bootstrap is then added up from the last pair backwards.
    left, order, found = list(range(n_options)), [], []
    while len(left) > 1:
        highest = t[np.ix_(left, left)].max(1)
        position = int(highest.argmax())
        found.append(float(highest[position]))
        order.append(left.pop(position))
    order += left

    counts = random.multinomial(n, np.full(n, 1 / n), size=n_resamples)
    # √(n / (n − 1)): a bootstrap's variance divides by n where n − 1 is due.
    drawn = counts @ centred / n * np.sqrt(n / (n - 1))
    largest, chances = np.zeros(n_resamples), [1.0]
    for k in range(n_options - 2, -1, -1):
        leaver, others = order[k], order[k + 1 :]
        spread = error[leaver, others] * np.sqrt(
            random.chisquare(n - 1, size=(n_resamples, len(others))) / (n - 1)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.abs(drawn[:, [leaver]] - drawn[:, others]) / spread
        largest = np.maximum(largest, np.nan_to_num(ratio, nan=0.0, posinf=0.0).max(1))
        chances.append(float(np.mean(largest >= found[k])))
    return list(zip(order, reversed(chances), strict=True))
