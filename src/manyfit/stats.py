"""Where significance is decided: intervals, paired differences, equivalence, and how many more replicates would tell.

Scores are losses here: lower is better, and a difference a − b below 0 means that a is better. Every interval names
its scope: what was drawn anew between the values it was made from (seeds, splits, test rows).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from manyfit.errors import Problem, UsageError

Floats = NDArray[np.float64]

LEVEL = 0.95
POWER = 0.8
BOOTSTRAP_FROM = 30
"""From this many values on a mean's interval comes from the bootstrap; below it from Student's t, which small samples need."""
N_RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """An estimate with its uncertainty.

    estimate: The number itself.
    low: Lower end; −inf when nothing is known.
    high: Upper end.
    level: Confidence level, such as 0.95.
    n: How many values it was made from.
    scope: What varied between them: "seeds and splits", "test rows", …
    method: How the ends were found.
    """

    estimate: float
    low: float
    high: float
    level: float
    n: int
    scope: str
    method: str

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval, ends included."""
        return self.low <= value <= self.high

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies in ±margin."""
        return -margin <= self.low and self.high <= margin


class Finding(StrEnum):
    """What a paired comparison of a with b found."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Comparison:
    """a against b, on pairs.

    difference: Interval of mean(a − b).
    finding: Better, worse, the same within ± margin, or cannot tell.
    margin: What counts as the same.
    more: Replicates to add before a difference of one margin would be seen (at `POWER`); 0 when the finding stands.
    gain: By how much pairing has narrowed the interval: standard error of unpaired values over that of paired ones.
    """

    difference: Interval
    finding: Finding
    margin: float
    more: int
    gain: float


def mean_interval(
    values: ArrayLike, *, scope: str, level: float = LEVEL, overlap: float = 0.0, seed: int = 0
) -> Interval:
    """Interval of the mean of independent values (or of values from overlapping folds).

    Args:
        values: [n] numbers.
        scope: What varied between them.
        level: Confidence level.
        overlap: Held-out rows over training rows when the values come from folds of the same data, whose training
            rows overlap; the variance is then corrected as by Nadeau and Bengio. 0 for values that share no data.
        seed: Of the bootstrap.

    Returns:
        Student's t below 30 values or with overlap, BCa bootstrap above.

    Example:
        >>> mean_interval([1.0, 2.0, 3.0], scope="seeds").low.__round__(3)
        -0.484

    References:
        Nadeau & Bengio 2003, Inference for the Generalization Error, https://doi.org/10.1023/A:1024068626366
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 2 or not np.isfinite(x).all():
        return Interval(
            float(x[0]) if n == 1 else math.nan,
            -math.inf,
            math.inf,
            level,
            n,
            scope,
            "none: too few finite values",
        )
    mean = float(x.mean())
    if n < BOOTSTRAP_FROM or overlap:
        half = _t_quantile(level, n - 1) * float(x.std(ddof=1)) * math.sqrt(1 / n + overlap)
        return Interval(
            mean, mean - half, mean + half, level, n, scope, "Nadeau–Bengio t" if overlap else "Student t"
        )
    if np.ptp(x) == 0:
        return Interval(mean, mean, mean, level, n, scope, "all values equal")
    return _bca(x, level, scope, seed)


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

    Args:
        a: [n] losses of one recipe.
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
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise UsageError(
            Problem("paired", "needs as many values of a as of b", f"shapes {first.shape} and {second.shape}")
        )
    with np.errstate(invalid="ignore"):  # two diverged networks differ by inf − inf: unknown
        d = first - second
    interval = mean_interval(d, scope=scope, level=level, overlap=overlap, seed=seed)
    # Two one-sided tests at 1 − level are an interval of level 1 − 2(1 − level) inside ± margin (Schuirmann 1987).
    narrow = mean_interval(d, scope=scope, level=2 * level - 1, overlap=overlap, seed=seed)
    finding = judge(interval, narrow, margin)
    n = len(d)
    is_known = n > 1 and bool(np.isfinite(first).all() and np.isfinite(second).all())
    sd = float(d.std(ddof=1)) if is_known else math.nan
    apart = math.sqrt(first.var(ddof=1) + second.var(ddof=1)) if is_known else math.nan
    more = (
        max(replicates_needed(sd, margin, level=level, overlap=overlap) - n, 1)
        if finding is Finding.UNKNOWN
        else 0
    )
    return Comparison(interval, finding, margin, more, apart / sd if sd > 0 else math.nan)


def judge(interval: Interval, narrow: Interval, margin: float) -> Finding:
    """The finding that an interval (for a difference) and its narrower twin (for equivalence) support."""
    if margin > 0 and narrow.within(margin):
        return Finding.SAME
    if interval.high < 0:
        return Finding.BETTER
    if interval.low > 0:
        return Finding.WORSE
    return Finding.UNKNOWN


def replicates_needed(
    sd: float, difference: float, *, level: float = LEVEL, power: float = POWER, overlap: float = 0.0
) -> int:
    """How many pairs show a given true difference with the given power, from the standard deviation of paired differences.

    Planned from the smallest difference that matters, never from the difference that was observed.

    Returns:
        Pairs in all; a huge number when overlap alone drowns the difference, or when there is nothing to plan with.

    Example:
        >>> replicates_needed(1.0, 1.0)
        10
    """
    if not (math.isfinite(sd) and sd > 0 and difference > 0):
        return 0 if sd == 0 else 10**6
    n = 2
    while n < 10**6:
        freedom = n - 1
        root = scipy_stats.t.ppf(0.5 + level / 2, freedom) + scipy_stats.t.ppf(power, freedom)
        if root * sd * math.sqrt(1 / n + overlap) <= difference:
            return n
        n = n + 1 if n < 100 else int(n * 1.05)
    return 10**6


def holm(p_values: ArrayLike) -> Floats:
    """p-values adjusted for asking many questions at once (Holm 1979), in the order given.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """p-values adjusted so that of the questions below α a share of α at most is there by chance, in the order given.

    For naming some of many things, where a few wrong names do less harm than naming none.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
        [0.04, 0.0533, 0.0533, 0.5]

    References:
        Benjamini & Hochberg 1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    ranks_ = np.arange(len(p), 0, -1)
    stepped = np.minimum.accumulate(p[order] * len(p) / ranks_)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def above_zero(values: ArrayLike, *, overlap: float = 0.0) -> float:
    """p-value of a mean against a true mean of 0 or less: Student's t, corrected for overlapping folds as in `mean_interval`.

    Example:
        >>> round(above_zero([1.0, 2.0, 3.0]), 4)
        0.0371
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 2 or not np.isfinite(x).all():
        return 1.0
    error = float(x.std(ddof=1)) * math.sqrt(1 / n + overlap)
    if error == 0:
        return 0.0 if x.mean() > 0 else 1.0
    return float(scipy_stats.t.sf(float(x.mean()) / error, n - 1))


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
        Percentile interval around the score of the rows as they are.

    Example:
        >>> errors = np.arange(100.0)
        >>> interval = bootstrap_rows(lambda w: w @ errors / w.sum(1), 100)
        >>> interval.estimate, 43 < interval.low < 45, 54 < interval.high < 56
        (49.5, True, True)
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
        return Interval(
            estimate,
            -math.inf,
            math.inf,
            level,
            n_blocks,
            scope,
            "none: the score is undefined on many resamples",
        )
    low, high = np.quantile(finite, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(estimate, float(low), float(high), level, n_blocks, scope, "percentile bootstrap")


def proportion_interval(successes: int, n: int, *, scope: str, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share.

    Example:
        >>> share = proportion_interval(9, 10, scope="test rows")
        >>> round(share.low, 3), round(share.high, 3)
        (0.596, 0.982)
    """
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, level, 0, scope, "none: no rows")
    found = scipy_stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    return Interval(successes / n, float(found.low), float(found.high), level, n, scope, "Wilson")


def ranks(scores: ArrayLike) -> Floats:
    """Average ranks of options over replicates, 1 the best; NaN and infinity (diverged) rank worst.

    Args:
        scores: [n, K] losses of K options on n replicates.

    Example:
        >>> ranks([[1.0, 2.0, np.inf], [1.0, 3.0, 2.0]]).tolist()
        [1.0, 2.5, 2.5]
    """
    table = np.asarray(scores, dtype=np.float64)
    table = np.where(np.isnan(table), np.inf, table)
    return scipy_stats.rankdata(table, axis=1).mean(0)


def _t_quantile(level: float, freedom: int) -> float:
    return float(scipy_stats.t.ppf(0.5 + level / 2, freedom))


def _bca(x: Floats, level: float, scope: str, seed: int) -> Interval:
    """BCa bootstrap of the mean; percentile where BCa is undefined, and the method says so."""
    method = "BCa"
    low, high = _bootstrap(x, method, level, seed)
    if not (math.isfinite(low) and math.isfinite(high)):
        method = "percentile"
        low, high = _bootstrap(x, method, level, seed)
    return Interval(float(x.mean()), low, high, level, len(x), scope, f"{method} bootstrap")


def _bootstrap(x: Floats, method: str, level: float, seed: int) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy_stats.DegenerateDataWarning)
        found = scipy_stats.bootstrap(
            (x,),
            np.mean,
            confidence_level=level,
            n_resamples=N_RESAMPLES,
            method=method,
            batch=256,
            rng=np.random.Generator(np.random.Philox(seed)),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
