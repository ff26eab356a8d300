"""Tuned options meet: each replicate tunes every option by itself and meets what it picked on fresh pairs of seed and split.

Tuning is a part of the replicate, because it is a part of the luck: two options tuned once and met often would differ by what
the two tunings happened to find.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.questions._contest.options import Option
from manyfit.questions._frame.task import Task
from manyfit.questions._rates.response import Basin, Response
from manyfit.runs import Run
from manyfit.stats import (
    Comparison,
    Finding,
    Interval,
    Looks,
    Overlap,
    as_family,
    chances_of_best,
    margin_of,
    mean_interval,
    paired_look,
    picks,
    pooled,
    ranks,
    winner_chances,
)
from manyfit.stats.interval import t_quantile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLOSE = 4.0
"""Rates that differ by no more than this factor have scores that are much alike, so that one tells of the other."""


class Race(NamedTuple):
    """What an option's picks did on fresh pairs. n replicates, m fresh pairs each, T epochs.

    rates: [n] the rate that each replicate picked.
    score: [n, m].
    curves: [T, n·m] loss on the rows that score, after each epoch; NaN after a network's end.
    diverged: [n, m].
    a_step: [n·m] updates an epoch.
    seconds: Of one core, for all its networks.
    steps: Updates of all its networks.
    """

    rates: Floats
    score: Floats
    curves: Floats
    diverged: NDArray[np.bool_]
    a_step: Floats
    seconds: float
    steps: int

    def joined(self, other: Race) -> Race:
        """The two together."""
        return Race(
            np.concatenate([self.rates, other.rates]),
            np.concatenate([self.score, other.score]),
            np.concatenate([self.curves, other.curves], axis=1),
            np.concatenate([self.diverged, other.diverged]),
            np.concatenate([self.a_step, other.a_step]),
            self.seconds + other.seconds,
            self.steps + other.steps,
        )


class Found(NamedTuple):
    """All that a comparison found.

    options, tuning, basins, races: [K] of each.
    verdict: What the meeting says.
    level: Confidence level.
    """

    options: tuple[Option, ...]
    tuning: tuple[Response, ...]
    basins: tuple[Basin, ...]
    races: tuple[Race, ...]
    verdict: Verdict
    level: float

    def is_about(self, path: str) -> bool:
        """Whether the options differ in nothing but this setting."""
        return all(tuple(option.settings) == (path,) for option in self.options)

    @property
    def rates(self) -> list[float]:
        """[K] the rate of each option that all replicates together recommend: the middle of its good basin."""
        return [float(r.rates[b.chosen]) for r, b in zip(self.tuning, self.basins, strict=True)]

    @property
    def rate(self) -> float:
        """That of the winner."""
        return self.rates[self.verdict.winner]


class Verdict(NamedTuple):
    """What a meeting of K options on n replicates says.

    reference: The option with the best tuning, or the one that was named: the others are compared with it.
    winner: The one to take: that with the best mean on fresh pairs, among those that are not worse than the reference.
    order: [K] options, the best mean first.
    tuned: [n, K] mean score on fresh pairs of what each replicate's tuning picked; infinite where one diverged.
    score: [K] interval of its mean.
    against: [K] option − reference, findings good for the whole family, and intervals as wide as that asks; None for the
        reference.
    ranks: [K] average ranks.
    p_best: [K] how often it is the best.
    diverged: [K] share of all trials of the tuning that diverged.
    margin: What counts as the same.
    """

    reference: int
    winner: int
    order: tuple[int, ...]
    tuned: Floats
    score: tuple[Interval, ...]
    against: tuple[Comparison | None, ...]
    ranks: Floats
    p_best: tuple[Interval, ...]
    diverged: tuple[Interval, ...]
    margin: float


def decide(
    search: Floats,
    met: Floats,
    *,
    margin: float | None,
    share: float,
    looks: Looks,
    scope: str,
    reference: int | None = None,
    values: Floats | None = None,
) -> Verdict:
    """The verdict: a pure function of scores.

    Args:
        search: [n, K, R] scores by which each replicate tunes each option over R trials; infinite where a network diverged.
        met: [n, K, m] scores of what it picked on m fresh pairs.
        margin: What counts as the same; None for a share of the reference's score.
        share: That share.
        looks: Looks taken before this one, how many replicates there may ever be, and what single pairs share.
        scope: What varies between replicates.
        reference: The option that the others are compared with; None for the one with the best tuning.
        values: [R] the trials' values, as in `eased`.
    """
    n_options = search.shape[1]
    found = np.stack([eased(search[:, k], values).min(1) for k in range(n_options)], axis=1)  # [n, K]
    tuned, overlap = met.mean(2), looks.overlap
    shared = [Overlap.of(overlap).of_groups(met[:, k]) for k in range(n_options)]
    reference = int(np.argmin(_worst_last(found.mean(0)))) if reference is None else reference
    score = tuple(
        mean_interval(tuned[:, k], scope=scope, level=looks.level, overlap=shared[k])
        for k in range(n_options)
    )
    base = float(tuned[:, reference].mean())
    within = margin_of(margin, share, base)
    others = [k for k in range(n_options) if k != reference]
    against: list[Comparison | None] = [None] * n_options
    shared = [Overlap.of(overlap).of_paired_groups(met[:, k], met[:, reference]) for k in others]
    for k, comparison in zip(
        others, compared_with(tuned, reference, others, looks, scope, within, shared), strict=True
    ):
        against[k] = comparison
    mean = _worst_last(tuned.mean(0))
    rank = ranks(tuned)
    order = tuple(sorted(range(n_options), key=lambda k: (mean[k], rank[k], k)))
    winner = next(k for k in order if (c := against[k]) is None or c.finding is not Finding.WORSE)
    return Verdict(
        reference,
        winner,
        order,
        tuned,
        score,
        tuple(against),
        rank,
        chances_of_best(pooled(tuned.T, overlap).T, scope=scope, level=looks.level),
        tuple(
            mean_interval(
                (~np.isfinite(search[:, k])).mean(1), scope=scope, level=looks.level, overlap=overlap
            )
            for k in range(n_options)
        ),
        within,
    )


def responses_of(task: Task, run: Run, rates: Sequence[float], n_options: int) -> list[Response]:
    """The response of each option, from a run of options × rates × pairs in this order."""
    shape = (n_options, len(rates), -1)
    score, diverged = task.scores(run).reshape(shape), run.diverged.reshape(shape)
    loss = run.loss.reshape(len(run.loss), *shape)
    return [Response(np.array(rates), score[k], diverged[k], loss[:, k]) for k in range(n_options)]


def race_of(task: Task, run: Run, rates: Floats, fresh: int) -> Race:
    """An option's race, from a run of replicates × fresh pairs in this order."""
    members = run.population.members
    a_step = [-(-len(m.rows.train) // (m.recipe.batch_size or len(m.rows.train))) for m in members]
    return Race(
        rates,
        task.scores(run).reshape(-1, fresh),
        run.held_loss,
        run.diverged.reshape(-1, fresh),
        np.array(a_step, dtype=np.float64),
        run.core_seconds,
        int(run.steps.sum()),
    )


def eased(search: Floats, values: Floats | None = None) -> Floats:
    """[n, R] each trial's score averaged with its neighbors' (1, 2, 1): less luck of one training, and a step from the cliff.

    Where nothing is left beside what diverged, the scores stay as they are.

    Args:
        search: [n, R] scores.
        values: [R] what was tried, rising: neighbors further apart than `CLOSE` times tell nothing of each other.

    Example:
        >>> eased(np.array([[4.0, 2.0, 0.0, np.inf]])).tolist()
        [[3.5, 2.0, inf, inf]]
        >>> eased(np.array([[4.0, 2.0, 0.0, np.inf]]), np.array([1.0, 2.0, 4.0, 100.0])).tolist()
        [[3.5, 2.0, 0.5, inf]]
    """
    n_rates = search.shape[1]
    if n_rates < 3:
        return search
    step = np.ones(n_rates - 1) if values is None else values[1:] / values[:-1]
    before, after = search.copy(), search.copy()
    before[:, 1:] = np.where(step <= CLOSE, search[:, :-1], search[:, 1:])
    after[:, :-1] = np.where(step <= CLOSE, search[:, 1:], search[:, :-1])
    smooth = (before + 2 * search + after) / 4
    none_left = ~np.isfinite(smooth).any(1, keepdims=True)
    return np.where(none_left, search, smooth)


def picked(search: Floats, values: Floats | None = None) -> Ints:
    """[n] the trial that each replicate's tuning picks, from [n, R] scores of [R] values, if neighbors are to count."""
    return picks(eased(search, values))


def best_after(search: Floats) -> Floats:
    """[R] expected score of the best of k trials on other pairs, for k = 1 … R; infinite where all k may diverge.

    Each replicate picks by its own scores, and is paid by the mean score of that trial on the other replicates.

    Args:
        search: [n, R] scores of R trials on n ≥ 2 replicates.

    Example:
        >>> best_after(np.array([[1.0, 3.0], [1.0, 3.0]])).tolist()
        [2.0, 1.0]
    """
    return _worth(search, _chances(search))


def _chances(search: Floats) -> Floats:
    """[n, k, R] how likely each trial is the best of k, on every replicate."""
    ks = range(1, search.shape[1] + 1)
    return np.array([[winner_chances(scores, k) for k in ks] for scores in search])


def _worth(search: Floats, chances: Floats) -> Floats:
    """[k] mean over replicates of what the best of k has on the other ones."""
    bad = ~np.isfinite(search)
    known = np.where(bad, 0.0, search)
    elsewhere = (known.sum(0) - known) / (len(search) - 1)
    elsewhere = np.where(bad.sum(0) > bad, np.inf, elsewhere)[:, None, :]
    with np.errstate(invalid="ignore"):
        paid = np.where(chances > 0, chances * elsewhere, 0.0)  # 0 · ∞ is no loss
    return paid.sum(2).mean(0)


class Paid(NamedTuple):
    """What tuning with k trials is worth, for k = 1 … R.

    mean: [R] as `best_after` says.
    low, high: [R] ends of its interval over replicates, each left out in turn (jackknife); NaN where some networks diverged.
    """

    mean: Floats
    low: Floats
    high: Floats


def paid_by_trials(search: Floats, level: float) -> Paid:
    """The expected score after k trials with its interval: tuning is repeated on every replicate, and paid on the others.

    Args:
        search: [n, R] scores of R trials on n ≥ 3 replicates.
        level: Confidence level, for each k by itself.

    References:
        Tukey 1958, the jackknife; Efron & Stein 1981, https://doi.org/10.1214/aos/1176345462
    """
    n, chances = len(search), _chances(search)
    mean = _worth(search, chances)
    without = np.array(
        [_worth(np.delete(search, j, axis=0), np.delete(chances, j, axis=0)) for j in range(n)]
    )
    with np.errstate(invalid="ignore"):
        spread = without - without.mean(0)
    half = t_quantile(level, n - 1) * np.sqrt((n - 1) / n * np.square(spread).sum(0))
    half = np.where(np.isfinite(mean), half, np.nan)
    return Paid(mean, mean - half, mean + half)


def compared_with(
    tuned: Floats,
    reference: int,
    others: Sequence[int],
    looks: Looks,
    scope: str,
    margin: float,
    shared: Sequence[Overlap] | None = None,
) -> list[Comparison]:
    """Every other option against the reference: findings by Holm's procedure, and intervals that agree with them.

    An interval has the level of the step at which Holm's procedure decides about it: then it leaves out 0 exactly where the
    difference is found. What replicates share is that of the looks, where it is not given for each of the others.
    """
    shared = [Overlap.of(looks.overlap)] * len(others) if shared is None else shared

    def compared(level: float) -> list[Comparison]:
        asked = [dataclasses.replace(looks, level=level, overlap=overlap) for overlap in shared]
        base = tuned[:, reference]
        return [
            paired_look(tuned[:, k], base, each, scope=scope, margin=margin)[0]
            for k, each in zip(others, asked, strict=True)
        ]

    alone = compared(looks.level)
    together = as_family(alone, level=looks.level, overlap=max(shared, default=0.0))
    alpha, found = 1 - looks.level, []
    for place, (raw, among) in enumerate(zip(alone, together, strict=True)):
        is_decided = 0 < among.p <= alpha
        share = raw.p / among.p if is_decided else 1 / len(others)
        wide = compared(1 - alpha * share)[place].difference if share < 1 else among.difference
        found.append(dataclasses.replace(among, difference=wide))
    return found


class Arrival(NamedTuple):
    """When an option reaches a target loss.

    share: Of its networks that reach it.
    steps: Median update at which those that reach it do; NaN for none.
    seconds: The same in seconds of one core.
    """

    share: float
    steps: float
    seconds: float


def arrivals(races: Sequence[Race], target: float) -> tuple[Arrival, ...]:
    """When each option's held-out loss first lies at or below a target.

    Args:
        races: Of each option.
        target: The loss to reach.
    """
    found = []
    for race in races:
        there = np.nan_to_num(race.curves, nan=np.inf) <= target
        reached = there.any(0)
        first = (there.argmax(0)[reached] + 1) * race.a_step[reached]
        median = float(np.median(first)) if reached.any() else np.nan
        found.append(Arrival(float(reached.mean()), median, median * race.seconds / max(race.steps, 1)))
    return tuple(found)


def _worst_last(values: Floats) -> Floats:
    return np.where(np.isnan(values), np.inf, values)
