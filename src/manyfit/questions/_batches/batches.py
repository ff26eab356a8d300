"""Batch sizes: which there are, what steps to a target say of the gradient's noise, and what a network takes of memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, UsageError
from manyfit.hyper import AnyRange, Choice
from manyfit.population import Population
from manyfit.runs import Run
from manyfit.stats import Interval, mean_interval
from manyfit.text import Text

Floats = NDArray[np.float64]

SIZES = tuple(2**k for k in range(5, 14))
"""32 to 8,192: what is tried when nothing is said."""
FEWEST = 4
"""Sizes that a law of two numbers needs before its fit can be checked."""
OFTEN = 0.8
"""A size counts where at least this share of its networks comes to the target."""
POOR = 0.25
"""The law is not told where the steps of some size lie further from it than this share."""
FAR = 1000.0
"""How far beyond the sizes tried the critical size is looked for."""


def sizes_of(sizes: AnyRange, n_rows: int) -> tuple[list[int], list[int]]:
    """The sizes within the training rows, rising, and those that exceed them.

    Args:
        sizes: Sizes as they were given, or a range, of which the powers of two are meant.
        n_rows: Training rows of a network.

    Raises:
        UsageError: If one is no whole number, or fewer than two are left.

    Example:
        >>> sizes_of(Choice(SIZES), 200)
        ([32, 64, 128], [256, 512, 1024, 2048, 4096, 8192])
    """
    if isinstance(sizes, Choice):
        given = sorted({float(size) for size in sizes.options})
    else:
        given = [float(2**k) for k in range(31) if sizes.low <= 2**k <= sizes.high]
    odd = [size for size in given if size != int(size) or size < 1]
    if odd:
        rule = Text("must hold whole numbers ≥ 1", "必须是 ≥ 1 的整数")
        raise UsageError(Problem("--sizes", rule, ", ".join(f"{size:g}" for size in odd)))
    inside = [int(size) for size in given if size <= n_rows]
    outside = [int(size) for size in given if size > n_rows]
    if len(inside) < 2:
        got = ", ".join(map(str, inside)) or Text("none", "无")
        hint = Text("For example --sizes 4,8,16,32.", "例如 --sizes 4,8,16,32。")
        rule = Text(
            f"needs two sizes or more within the {n_rows:,} training rows of a split",
            f"至少需要两个不超过一次划分中 {n_rows:,} 个训练行的大小",
        )
        raise UsageError(Problem("--sizes", rule, got, hint=hint))
    return inside, outside


class Pace(NamedTuple):
    """How many steps networks of each size need to a target. K sizes, n pairs of seed and split.

    sizes: [K] rising.
    rates: [K] at which they come there soonest, chosen on other pairs.
    steps: [K, n] steps to the target; infinite where it was not reached.
    step_seconds: [K] seconds of one core that a step takes; NaN where the record has none.
    target: Training loss to reach.
    """

    sizes: Floats
    rates: Floats
    steps: Floats
    step_seconds: Floats
    target: float

    @property
    def reached(self) -> Floats:
        """[K] share of the networks that come to the target."""
        return np.isfinite(self.steps).mean(1)

    @property
    def middle(self) -> Floats:
        """[K] median steps; infinite where most networks don't come there."""
        return np.median(self.steps, axis=1)


def steps_to(run: Run, target: float) -> Floats:
    """[P] steps until the training loss first lies at or below a target; infinite where it never does.

    A loss recorded for an epoch is the mean over its steps, and stands for the middle of the epoch. Between two epochs the
    logarithm of the loss is taken as straight.

    Args:
        run: Trained networks.
        target: The loss to reach.
    """
    a_step = np.array([run.population.steps_per_epoch(i) for i in range(len(run))], dtype=np.float64)
    loss = np.nan_to_num(run.loss, nan=np.inf, posinf=np.inf)
    return np.array([_crossing(loss[:, i], target) * a_step[i] for i in range(len(run))])


def _crossing(loss: Floats, target: float) -> float:
    """Epochs until a curve of losses, each of the middle of an epoch, comes down to a target."""
    there = np.flatnonzero(loss <= target)
    if not len(there):
        return math.inf
    k = int(there[0])
    if k == 0 or not np.isfinite(loss[k - 1]) or loss[k] <= 0 or target <= 0:
        return k + 0.5
    before, after = math.log(loss[k - 1]), math.log(loss[k])
    return k - 0.5 + (before - math.log(target)) / (before - after)


class Law(NamedTuple):
    """S(B) = S_min · (1 + B_crit / B): what the noise of the gradient costs in steps.

    least: S_min, steps that even the largest batch needs.
    critical: Interval of B_crit, the simple noise scale as far as steps show it; ends may be infinite.
    off: The largest share by which the steps of a size lie off the law.
    sizes: The sizes that it was fitted to.
    n: Pairs that it was fitted to.
    finding: "told"; "above" or "below" where the whole interval lies beyond the sizes tried; "unknown".
    """

    least: float
    critical: Interval
    off: float
    sizes: Floats
    n: int
    finding: str

    def steps(self, sizes: Floats) -> Floats:
        """The steps that the law says."""
        return self.least * (1 + self.critical.estimate / sizes)


def law_of(pace: Pace, *, level: float, scope: str, overlap: float = 0.0) -> Law | None:
    """The law fitted to steps by least squares of their logarithms, with an interval by leaving out each pair in turn.

    Args:
        pace: Steps to the target.
        level: Confidence level of the critical size.
        scope: What varies between pairs.
        overlap: As in `mean_interval`.

    Returns:
        None where fewer than `FEWEST` sizes come to the target often enough, or fewer than three pairs do at all of them.

    References:
        McCandlish, Kaplan, Amodei & the OpenAI Dota team 2018, An Empirical Model of Large-Batch Training,
        https://arxiv.org/abs/1812.06162
    """
    used = pace.reached >= OFTEN
    sizes = pace.sizes[used]
    whole = np.isfinite(pace.steps[used]).all(0)
    n = int(whole.sum())
    if len(sizes) < FEWEST or n < 3:
        return None
    logs = np.log(pace.steps[used][:, whole])
    least, critical = _fitted(sizes, logs.mean(1))
    without = np.array([_fitted(sizes, np.delete(logs, j, axis=1).mean(1))[1] for j in range(n)])
    spread = mean_interval(n * critical - (n - 1) * without, scope=scope, level=level, overlap=overlap)
    half = (spread.high - spread.low) / 2
    low, high = math.exp(critical - half), math.exp(min(critical + half, 700.0))
    interval = Interval(math.exp(critical), low, high, level, n, scope, "jackknife of the logarithm")
    law = Law(math.exp(least), interval, 0.0, sizes, n, "unknown")
    off = float(np.abs(np.expm1(logs.mean(1) - np.log(law.steps(sizes)))).max())
    return law._replace(off=off, finding=_found(interval, off, sizes))


def _found(critical: Interval, off: float, sizes: Floats) -> str:
    if off > POOR:
        return "unknown"
    if critical.low > sizes[-1]:
        return "above"
    if critical.high < sizes[0]:
        return "below"
    is_seen = critical.high <= 10 * sizes[-1] and critical.low >= sizes[0] / 10
    return "told" if is_seen else "unknown"


def _fitted(sizes: Floats, logs: Floats) -> tuple[float, float]:
    """Logarithms of S_min and of B_crit, by least squares: on a grid, made finer around its best place."""
    low, high = math.log(sizes[0] / FAR), math.log(sizes[-1] * FAR)
    for _ in range(5):  # a grid of 60 leaves a thirtieth of the range: 5 times a millionth
        places = np.linspace(low, high, 61)
        off = logs - np.log1p(np.exp(places)[:, None] / sizes)
        best = int(np.argmin(off.var(1)))
        low, high = places[max(best - 1, 0)], places[min(best + 1, 60)]
    return float(off[best].mean()), float(places[best])


def step_bytes(population: Population, sizes: Sequence[int]) -> list[int]:
    """About how many bytes a network of a population takes while it trains, at each size of its batch.

    Weights, their gradient and what the optimizer remembers of each, once; for each row of the batch its inputs and outputs, and
    of every hidden unit its sum, its value and its gradient. What a module holds inside is not known: there it is a lower bound.
    """
    member = population.members[0]
    view, layout, rule = population.view_of(member), population.layout(0), member.recipe.optimizer
    n_states = len(rule.init(np, np.zeros(1), rule))
    kept = layout.size * (2 + n_states + (member.recipe.stopping.patience is not None))
    a_row = view.X.shape[1] + 3 * sum(population.hidden(0)) + 3 * view.n_outputs
    return [np.dtype(member.recipe.precision).itemsize * (kept + size * a_row) for size in sizes]


def bytes_text(n: float) -> str:
    """Bytes as people read them.

    Example:
        >>> bytes_text(900), bytes_text(36_000), bytes_text(2.5e6)
        ('900 B', '36 kB', '2.5 MB')
    """
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"
