"""Where the spread of scores comes from: initial weights, batch order, data split, hyperparameters, and what they do together.

Measured on a crossed design: every level of one thing with every level of the others, one network for each combination. A
training is a function of these alone, so nothing is left over that would be noise; what they do together takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import Problem, UsageError
from manyfit.stats.interval import LEVEL, Interval

Floats = NDArray[np.float64]
Names = tuple[str, ...]

N_DRAWS = 10_000
"""Draws behind an interval: its ends are then good to a few per cent of its width."""


@dataclass(frozen=True)
class Component:
    """One source of spread.

    factors: What it is due to: one name, or several for what they do together.
    variance: Interval of its variance, in squared units of the score.
    share: Interval of its share of the whole variance.
    """

    factors: Names
    variance: Interval
    share: Interval


@dataclass(frozen=True)
class Components:
    """The spread of scores, taken apart.

    levels: How many levels each factor had.
    parts: One for each factor, then for each combination of several.
    """

    levels: Mapping[str, int]
    parts: tuple[Component, ...]

    def __getitem__(self, factors: str | Names) -> Component:
        wanted = (factors,) if isinstance(factors, str) else tuple(factors)
        return next(part for part in self.parts if part.factors == wanted)

    def standard_error(self, levels: Mapping[str, int] | None = None) -> float:
        """Standard error of the mean score of a crossed design with so many levels; of the one at hand by default.

        Example:
            >>> found = components(np.array([[1.0, 1.1], [3.0, 3.1], [5.0, 5.1]]), ["init", "order"])
            >>> more_inits, more_orders = found.standard_error({"init": 6}), found.standard_error({"order": 4})
            >>> round(more_inits / found.standard_error(), 2), round(more_orders / found.standard_error(), 2)
            (0.71, 1.0)
        """
        many = {**self.levels, **(levels or {})}
        return math.sqrt(
            sum(
                part.variance.estimate / math.prod(many[name] for name in part.factors) for part in self.parts
            )
        )

    def doubled(self) -> dict[str, float]:
        """By factor, the standard error after doubling its levels, what helps most first: each costs as many networks."""
        errors = {name: self.standard_error({name: 2 * n}) for name, n in self.levels.items()}
        return dict(sorted(errors.items(), key=lambda item: item[1]))

    def fresh(self, n: int) -> float:
        """Standard error of the mean of n networks that share nothing: the least that n networks can have."""
        return math.sqrt(sum(part.variance.estimate for part in self.parts) / n)

    def design(self, networks: int, most: Mapping[str, int] | None = None) -> dict[str, int]:
        """Levels of each factor that make the mean most certain with so many networks, all combinations trained.

        Args:
            networks: How many networks may be trained.
            most: Levels that a factor can have at the most: a table gives only so many splits.

        Example:
            >>> found = components(np.array([[1.0, 1.1], [3.0, 3.1], [5.0, 5.1]]), ["init", "order"])
            >>> found.design(12), found.design(12, most={"init": 4})
            ({'init': 12, 'order': 1}, {'init': 4, 'order': 3})
        """
        names, limit = list(self.levels), most or {}
        best: tuple[float, int, dict[str, int]] | None = None

        def search(k: int, chosen: dict[str, int], left: int) -> None:
            nonlocal best
            if k == len(names):
                found = round(self.standard_error(chosen), 15), networks // left, dict(chosen)
                if best is None or found[:2] < best[:2]:
                    best = found
                return
            for levels in range(1, min(left, limit.get(names[k], left)) + 1):
                search(k + 1, {**chosen, names[k]: levels}, left // levels)

        search(0, {}, max(networks, 1))
        return best[2] if best else {}


def components(
    scores: ArrayLike, factors: Sequence[str], *, scope: str = "networks", level: float = LEVEL, seed: int = 0
) -> Components:
    """Take the variance of scores apart, by the analysis of variance of a crossed design.

    A component is what its mean square has beyond those of larger combinations; one that comes out below 0 is 0. Its interval
    draws a chi-squared for every mean square, which holds for normal effects and is close for others.

    Args:
        scores: [levels of the first factor, of the second, …] one score for each combination, finite.
        factors: Their names, in the order of the axes, two at least: "init", "order", "split", …
        scope: What varied.
        level: Confidence level.
        seed: Of the draws.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> scores = 2.0 * draw.normal(size=(8, 1)) + draw.normal(size=(1, 10)) + 0.1 * draw.normal(size=(8, 10))
        >>> found = components(scores, ["split", "init"])
        >>> [part.factors for part in found.parts]
        [('split',), ('init',), ('split', 'init')]
        >>> found["split"].variance.contains(4.0), found["init"].variance.contains(1.0), next(iter(found.doubled()))
        (True, True, 'split')

    References:
        Searle, Casella & McCulloch 1992, Variance Components, chapter 4, https://doi.org/10.1002/9780470316856
        Weerahandi 1993, Generalized Confidence Intervals, https://doi.org/10.1080/01621459.1993.10476355
        Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks, https://arxiv.org/abs/2103.03098
    """
    table, names = np.asarray(scores, dtype=np.float64), tuple(factors)
    _check(table, names)
    axes = range(table.ndim)
    subsets = list(chain.from_iterable(combinations(axes, size) for size in range(1, table.ndim + 1)))
    squares, freedoms = zip(*(_mean_square(table, subset) for subset in subsets), strict=True)
    # Each row: by which mean squares, with which sign and divided by what, a component is estimated.
    weights = np.zeros((len(subsets), len(subsets)))
    for i, part in enumerate(subsets):
        others = math.prod(table.shape[axis] for axis in axes if axis not in part)
        for j, larger in enumerate(subsets):
            if set(part) <= set(larger):
                weights[i, j] = (-1) ** (len(larger) - len(part)) / others
    estimates = np.maximum(weights @ np.array(squares), 0.0)
    random = np.random.Generator(np.random.Philox(seed))
    freedom = np.array(freedoms, dtype=np.float64)
    drawn = np.array(squares) * freedom / random.chisquare(freedom, size=(N_DRAWS, len(freedom)))
    variances = np.maximum(drawn @ weights.T, 0.0)
    totals = variances.sum(1, keepdims=True)
    shares = np.divide(variances, totals, out=np.zeros_like(variances), where=totals > 0)
    total = float(estimates.sum())

    def interval(estimate: float, values: Floats) -> Interval:
        low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
        return Interval(estimate, float(low), float(high), level, table.size, scope, "generalized pivot")

    parts = tuple(
        Component(
            tuple(names[axis] for axis in part),
            interval(float(estimates[i]), variances[:, i]),
            interval(float(estimates[i]) / total if total else 0.0, shares[:, i]),
        )
        for i, part in enumerate(subsets)
    )
    return Components(dict(zip(names, table.shape, strict=True)), parts)


def _mean_square(table: Floats, subset: tuple[int, ...]) -> tuple[float, int]:
    """Mean square of one effect, and its degrees of freedom: what means over the other axes have beyond smaller effects."""
    others = tuple(axis for axis in range(table.ndim) if axis not in subset)
    effect = table.mean(axis=others, keepdims=True)
    for axis in subset:
        effect = effect - effect.mean(axis=axis, keepdims=True)
    freedom = math.prod(table.shape[axis] - 1 for axis in subset)
    repeats = math.prod(table.shape[axis] for axis in others)
    return repeats * float((effect**2).sum()) / freedom, freedom


def _check(table: Floats, names: Names) -> None:
    problems = []
    if table.ndim != len(names) or len(names) < 2 or len(set(names)) < len(names):
        rule = "must have one axis for each of two factors or more, with names of their own"
        problems.append(Problem("components", rule, f"shape {table.shape} and {list(names)}"))
    elif min(table.shape) < 2:
        problems.append(
            Problem("components", "needs at least 2 levels of each factor", f"shape {table.shape}")
        )
    if not np.isfinite(table).all():
        hint = (
            "A network that diverged has no place in a variance: take a smaller rate, or ranks of the scores."
        )
        problems.append(
            Problem("components", "needs finite scores", f"{np.sum(~np.isfinite(table))} others", hint=hint)
        )
    if problems:
        raise UsageError(problems, "these scores")
