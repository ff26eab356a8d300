"""Confidence sequences: intervals that hold at all numbers of replicates at once, so that anybody may stop whenever they like.

Wider than those of declared looks, which know how many replicates there will be. The price is known beforehand, and no number
has to be declared.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import Problem, UsageError
from manyfit.stats.comparison import Comparison, as_pairs, spread_and_gain
from manyfit.stats.finding import Finding, judge
from manyfit.stats.interval import LEVEL, Interval
from manyfit.stats.planning import NEVER

Floats = NDArray[np.float64]

TUNED_FOR = 20
"""Replicates at which a sequence of level 0.95 is about as narrow as it can be; it holds at any number."""
_SPREAD = -2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))
"""Variance of the normal law over effects, times `tuned_for`, that makes it so (Howard et al. 2021, section 3.5). The same for
all levels, so that their intervals lie in each other and p-values come from one martingale."""


def sequence_interval(
    values: ArrayLike, *, scope: str, level: float = LEVEL, tuned_for: int = TUNED_FOR
) -> Interval:
    """Interval of the mean of independent values that holds however often, and whenever, somebody looks.

    The chance that it ever leaves out the mean, at any number of values, is 1 − level: exact for normal values of unknown
    standard deviation. A likelihood ratio with a normal law over true effects is a martingale, which rarely grows large.

    Args:
        values: [n] numbers so far.
        scope: What varied between them.
        level: Confidence that all intervals of the sequence hold.
        tuned_for: Values at which it is about as narrow as it can be; chosen before the first look.

    Returns:
        Infinite ends while n is small: below about seven values for `tuned_for` 20.

    Example:
        >>> found = sequence_interval([0.1, -0.2, 0.3, 0.0, 0.2, -0.1, 0.1, 0.0, 0.1, 0.1], scope="seeds")
        >>> round(found.estimate, 3), round(found.low, 3), round(found.high, 3)
        (0.06, -0.132, 0.252)

    References:
        Lai 1976, On Confidence Sequences, https://doi.org/10.1214/aos/1176343406
        Howard et al. 2021, Time-uniform, Nonparametric, Nonasymptotic Confidence Sequences, https://arxiv.org/abs/1810.08240
        Wang & Ramdas 2023, Anytime-valid t-tests and confidence sequences, https://arxiv.org/abs/2310.03722
    """
    x = np.asarray(values, dtype=np.float64)
    n, method = len(x), "confidence sequence"
    if n < 2 or not np.isfinite(x).all():
        estimate = float(x[0]) if n == 1 else math.nan
        return Interval(estimate, -math.inf, math.inf, level, n, scope, "none: too few finite values")
    half = t_bound(n, level, tuned_for) * float(x.std(ddof=1)) / math.sqrt(n)
    half = 0.0 if math.isnan(half) else half  # values that are all equal, while the bound is infinite
    mean = float(x.mean())
    return Interval(mean, mean - half, mean + half, level, n, scope, method)


def t_bound(n: int, level: float = LEVEL, tuned_for: int = TUNED_FOR) -> float:
    """Half the width of the interval at n values, in standard errors; infinite while n is too small.

    Example:
        >>> [round(t_bound(n), 2) for n in (5, 10, 20, 100)]
        [inf, 4.24, 3.4, 3.22]
    """
    grown = 1 + n * _SPREAD / tuned_for
    ratio = (math.sqrt(grown) / (1 - level)) ** (2 / n)
    return math.sqrt((n - 1) * (ratio - 1) / (1 - ratio / grown)) if ratio < grown else math.inf


def paired_sequence(
    a: ArrayLike,
    b: ArrayLike,
    *,
    scope: str,
    margin: float = 0.0,
    level: float = LEVEL,
    tuned_for: int = TUNED_FOR,
) -> Comparison:
    """Compare two recipes on pairs, as often as anybody likes, with no number of replicates declared.

    For pairs that share no rows. A network that diverged has no place in it: `paired_look` has ranks for it.

    Args:
        a: [n] losses of one recipe, finite.
        b: [n] losses of the other on the same pairs.
        scope: What varied between pairs.
        margin: What counts as the same, in the unit of the loss.
        level: Confidence that none of all looks finds what is not there.
        tuned_for: As in `sequence_interval`.

    Example:
        >>> a, b = np.arange(12.0) % 3, np.arange(12.0) % 3 + 2 + np.arange(12.0) % 2 / 10
        >>> paired_sequence(a, b, scope="seeds").finding.value
        'better'
    """
    first, second = as_pairs("paired_sequence", a, b)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        hint = "Declare looks: `paired_look` ranks networks that diverged."
        raise UsageError(Problem("paired_sequence", "needs finite losses", hint=hint))
    d = first - second

    def interval(at: float) -> Interval:
        return sequence_interval(d, scope=scope, level=at, tuned_for=tuned_for)

    finding = judge(interval(level), interval(2 * level - 1), margin)
    sd, gain = spread_and_gain(first, second)
    more = 0
    if finding is Finding.UNKNOWN:
        needed = _needed(sd, margin, level, tuned_for)
        more = NEVER if needed >= NEVER else max(needed - len(d), 1)
    p_same = max(_p(d - margin, tuned_for), _p(d + margin, tuned_for)) / 2 if abs(d.mean()) < margin else 1.0
    return Comparison(interval(level), finding, margin, more, gain, _p(d, tuned_for), p_same, sd=sd)


def _p(d: Floats, tuned_for: int) -> float:
    """p-value of a mean of 0 that holds at any number of values: one over the likelihood ratio, where `t_bound` is reached."""
    n = len(d)
    if n < 2:
        return 1.0
    grown, sd = 1 + n * _SPREAD / tuned_for, float(d.std(ddof=1))
    # Sum of squares explained by the mean over what is left; its limit where nothing is left.
    u = n * float(d.mean()) ** 2 / ((n - 1) * sd**2) if sd > 0 else math.inf if d.any() else 0.0
    gain = math.log((1 + u) / (1 + u / grown)) if u < math.inf else math.log(grown)
    return math.exp(min(math.log(grown) / 2 - n / 2 * gain, 0.0))


def _needed(sd: float, margin: float, level: float, tuned_for: int) -> int:
    """Values at which the interval is as wide as the margin on either side."""
    n = 2
    while n < NEVER and margin > 0 and sd > 0:
        if t_bound(n, level, tuned_for) * sd / math.sqrt(n) <= margin:
            return n
        n = n + 1 if n < 100 else int(n * 1.05)
    return 0 if sd == 0 else NEVER
