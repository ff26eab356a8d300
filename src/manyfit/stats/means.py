"""Intervals of means: of independent replicates, and of folds that share training rows."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy import stats as scipy_stats

from manyfit.stats.interval import LEVEL, Interval, t_quantile, widened
from manyfit.stats.overlap import pooled

Floats = NDArray[np.float64]

BOOTSTRAP_FROM = 30
"""From this many values on a mean's interval comes from the bootstrap; below it from Student's t, which small samples need."""
N_RESAMPLES = 2000


def mean_interval(
    values: ArrayLike, *, scope: str, level: float = LEVEL, overlap: float = 0.0, seed: int = 0
) -> Interval:
    """Interval of the mean of independent values (or of values from overlapping folds).

    Args:
        values: [n] numbers.
        scope: What varied between them.
        level: Confidence level.
        overlap: Held-out rows over training rows when the values come from folds of the same data, whose training
            rows overlap; the variance is then corrected as by Nadeau and Bengio. 0 for values that share no data. An
            `Overlap` also averages first what is on the same data.
        seed: Of the bootstrap.

    Returns:
        Student's t below 30 values or with overlap, BCa bootstrap above (at the level that makes up for few values).

    Example:
        >>> mean_interval([1.0, 2.0, 3.0], scope="seeds").low.__round__(3)
        -0.484

    References:
        Nadeau & Bengio 2003, Inference for the Generalization Error, https://doi.org/10.1023/A:1024068626366
        Efron 1987, Better Bootstrap Confidence Intervals, https://doi.org/10.1080/01621459.1987.10478410
    """
    x = pooled(np.asarray(values, dtype=np.float64), overlap)
    n = len(x)
    if n < 2 or not np.isfinite(x).all():
        estimate = float(x[0]) if n == 1 else math.nan
        return Interval(estimate, -math.inf, math.inf, level, n, scope, "none: too few finite values")
    mean = float(x.mean())
    if n < BOOTSTRAP_FROM or overlap:
        half = t_quantile(level, n - 1) * float(x.std(ddof=1)) * math.sqrt(1 / n + overlap)
        method = "Nadeau–Bengio t" if overlap else "Student t"
        return Interval(mean, mean - half, mean + half, level, n, scope, method)
    if np.ptp(x) == 0:
        return Interval(mean, mean, mean, level, n, scope, "all values equal")
    return _bca(x, level, scope, seed)


def mean_p(values: ArrayLike, *, overlap: float = 0.0) -> float:
    """Two-sided p-value of a mean against a true mean of 0: Student's t, corrected for overlap as in `mean_interval`.

    Example:
        >>> round(mean_p([1.0, 2.0, 3.0]), 4)
        0.0742
    """
    return 2 * min(
        above_zero(values, overlap=overlap), above_zero(-np.asarray(values, float), overlap=overlap), 0.5
    )


def above_zero(values: ArrayLike, *, overlap: float = 0.0) -> float:
    """p-value of a mean against a true mean of 0 or less: Student's t, corrected for overlapping folds as in `mean_interval`.

    Example:
        >>> round(above_zero([1.0, 2.0, 3.0]), 4)
        0.0371
    """
    x = pooled(np.asarray(values, dtype=np.float64), overlap)
    n = len(x)
    if n < 2 or not np.isfinite(x).all():
        return 1.0
    error = float(x.std(ddof=1)) * math.sqrt(1 / n + overlap)
    if error == 0:
        return 0.0 if x.mean() > 0 else 1.0
    return float(special.stdtr(n - 1, -float(x.mean()) / error))


def _bca(x: Floats, level: float, scope: str, seed: int) -> Interval:
    """BCa bootstrap of the mean; percentile where BCa is undefined, and the method says so."""
    method, asked = "BCa", widened(level, len(x))
    low, high = _bootstrap(x, method, asked, seed)
    if not (math.isfinite(low) and math.isfinite(high)):
        method = "percentile"
        low, high = _bootstrap(x, method, asked, seed)
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
