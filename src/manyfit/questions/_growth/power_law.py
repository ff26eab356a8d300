"""A power law with an offset through scores over numbers of rows, its extrapolation, and whether it foretold what was measured.

score(n) = a + b · n^−c: what is left with endless rows, and how fast the rest goes. That what is left can't be below 0 is not
used: intervals that stop at a bound are too narrow near it. Replicates are resampled whole, so that what sizes share (one split,
one seed) stays shared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.stats import LEVEL, Interval, pooled
from manyfit.stats.interval import widened

Floats = NDArray[np.float64]

EXPONENTS = np.geomspace(0.05, 1.25, 40)
"""Exponents tried: from hardly any bend to a little faster than 1/n, the fastest that theory promises of means of rows. A steeper
law through the fewest rows would call everything beyond them flat, whatever the noise."""
GOLDEN = 12
"""Steps of the search between two exponents: each leaves 0.62 of the gap."""
N_RESAMPLES = 2000
FEWEST = 4
"""Sizes that a curve of three numbers needs at least."""


class Law(NamedTuple):
    """score = a + b · x^−c, one for each of R resamples; x = 1 at the largest size measured.

    a, b, c: [R].
    """

    a: Floats
    b: Floats
    c: Floats

    def at(self, x: float) -> Floats:
        """[R] the score at x."""
        return self.a + self.b * x**-self.c

    def change(self, x: float) -> Floats:
        """[R] what x times the rows change."""
        return self.b * (x**-self.c - 1.0)


def fitted(x: Floats, scores: Floats, error: Floats) -> Law:
    """Least squares, each size by its standard error; for each exponent the best a and b, then the best exponent.

    Args:
        x: [K] sizes as shares of the largest.
        scores: [R, K] mean scores.
        error: [K] standard errors of the means.

    Example:
        >>> x = np.array([0.125, 0.25, 0.5, 1.0])
        >>> law = fitted(x, (1.0 + 2.0 * x**-0.5)[None], np.ones(4))
        >>> [round(float(part[0]), 1) for part in law]
        [1.0, 2.0, 0.5]
    """
    weight = 1 / np.maximum(error, 1e-9 + 1e-3 * float(error.max(initial=0.0))) ** 2
    weight = weight / weight.sum()
    level = scores @ weight
    off = (scores - level[:, None]) * weight

    def explained(c: Floats) -> tuple[Floats, Floats, Floats]:
        """[R] squared error that an exponent for each resample takes away, the b that does, and the mean power."""
        power = np.exp(np.multiply.outer(-c, np.log(x)))
        middle = power @ weight
        power -= middle[:, None]
        both = np.einsum("rk,rk->r", off, power)
        b = both / np.einsum("rk,rk,k->r", power, power, weight)
        return b * both, b, middle

    grid = x[None] ** -EXPONENTS[:, None]
    grid -= (grid @ weight)[:, None]
    place = ((off @ grid.T) ** 2 / (grid**2 @ weight)).argmax(1)
    low = np.log(EXPONENTS[np.maximum(place - 1, 0)])
    high = np.log(EXPONENTS[np.minimum(place + 1, len(EXPONENTS) - 1)])
    for _ in range(GOLDEN):  # golden section between the neighbors of the best exponent
        width = high - low
        inner, outer = high - 0.618034 * width, low + 0.618034 * width
        is_lower = explained(np.exp(inner))[0] > explained(np.exp(outer))[0]
        low, high = np.where(is_lower, low, inner), np.where(is_lower, outer, high)
    c = np.exp((low + high) / 2)
    _, b, middle = explained(c)
    return Law(level - b * middle, b, c)


class Curve(NamedTuple):
    """A law with what resampling says of it. R resamples.

    x: [K] sizes it was fitted to, as shares of the largest measured.
    law: Of the means themselves, one.
    laws: Of the resamples.
    n: Replicates, or the data sets that they are on.
    wider: By what intervals are wider than those of replicates that share no rows.
    """

    x: Floats
    law: Law
    laws: Law
    n: int
    wider: float = 1.0

    def change(self, x: float, *, scope: str, level: float = LEVEL) -> Interval:
        """What x times the rows change."""
        return _interval(float(self.law.change(x)[0]), self.laws.change(x), self.n, scope, level, self.wider)

    def at(self, x: float, *, scope: str, level: float = LEVEL) -> Interval:
        """The score at x times the rows."""
        return _interval(float(self.law.at(x)[0]), self.laws.at(x), self.n, scope, level, self.wider)

    def left(self, *, scope: str, level: float = LEVEL) -> Interval:
        """What is left with endless rows."""
        return _interval(float(self.law.a[0]), self.laws.a, self.n, scope, level, self.wider)


def curve(x: Floats, scores: Floats, *, overlap: float = 0.0, seed: int = 0) -> Curve:
    """The law through the mean scores, and through those of resampled replicates.

    Args:
        x: [K] sizes as shares of the largest measured, at least `FEWEST`.
        scores: [K, n] scores of n replicates, finite.
        overlap: As in `mean_interval`.
        seed: Of the resamples; curves of the same replicates and seed share them.
    """
    scores = pooled(scores, overlap)
    n = scores.shape[1]
    return Curve(x, *_both(x, scores, seed), n, (1 + n * overlap) ** 0.5)


class Check(NamedTuple):
    """Whether the smaller sizes foretold the largest.

    foretold: What the law through sizes up to half of the rows says of all of them.
    measured: Mean score with all rows.
    miss: Measured − foretold, on the same replicates.
    """

    foretold: Interval
    measured: float
    miss: Interval

    @property
    def holds(self) -> bool:
        """Whether the miss may be nothing."""
        return self.miss.contains(0.0)


def check(
    x: Floats, scores: Floats, *, scope: str, level: float = LEVEL, overlap: float = 0.0, seed: int = 0
) -> Check | None:
    """Foretell all rows from half of them and less: as far ahead as twice the rows lie beyond all of them.

    None where there are too few sizes up to half of the rows.
    """
    small = x <= 0.5 + 1e-9
    if small.sum() < FEWEST:
        return None
    scores = pooled(scores, overlap)
    earlier = curve(x[small], scores[small], overlap=overlap, seed=seed)
    foretold = earlier.at(1.0, scope=scope, level=level)
    measured = float(scores[-1].mean())
    drawn = scores[-1][_draws(scores.shape[1], seed)].mean(1) - earlier.laws.at(1.0)
    miss = _interval(measured - foretold.estimate, drawn, earlier.n, scope, level, earlier.wider)
    return Check(foretold, measured, miss)


def _both(x: Floats, scores: Floats, seed: int) -> tuple[Law, Law]:
    error = scores.std(axis=1, ddof=1)
    drawn = scores[:, _draws(scores.shape[1], seed)].mean(2).T
    whole = fitted(x, scores.mean(1)[None], error)
    return whole, fitted(x, drawn, error)


def _draws(n: int, seed: int) -> NDArray[np.int64]:
    """[R, n] which replicates stand in for which."""
    random = np.random.Generator(np.random.Philox(seed))
    return random.integers(0, n, size=(N_RESAMPLES, n))


def _interval(
    estimate: float, values: Floats, n: int, scope: str, level: float, wider: float = 1.0
) -> Interval:
    share = widened(level, n)
    low, high = np.quantile(values, [0.5 - share / 2, 0.5 + share / 2])
    method = "power law, bootstrap of replicates"
    if wider > 1:
        low, high = (estimate + wider * (end - estimate) for end in (low, high))
    return Interval(estimate, float(low), float(high), level, n, scope, method)
