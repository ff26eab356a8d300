"""Which batch size: the score at each with its own rate, the rate as the batch grows, steps and seconds to a target, memory.

The chapter's 3.6.5 says that small batches generalize well and converge slowly, and that large ones need another rate. Here each
size is tuned by itself; the rules that spare the tuning (the rate grows with the batch, or with its root) are met on the same
pairs; and what a step of each size is worth tells how noisy the gradient is.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer
from manyfit.hyper import AnyRange, Choice, hyper
from manyfit.population import Population
from manyfit.questions._batches.batches import SIZES, Pace, sizes_of, steps_to
from manyfit.questions._batches.scaling import RULES, Scaled
from manyfit.questions._batches.told import Batches, batches_told
from manyfit.questions._contest.contest import MEET, Contest, member_of
from manyfit.questions._contest.meeting import Found, compared_with, eased
from manyfit.questions._contest.options import Option
from manyfit.questions._frame.base import Interrupted, Rounds, question
from manyfit.questions._frame.task import Task
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Interval, Looks

Floats = NDArray[np.float64]

PACE, TIMED = 3, 4
"""Stages beyond those of a contest: rates are chosen for speed on some pairs, steps are counted on others."""
BELOW, TRIALS = 2, 6
"""Rates tried for speed: so many in all, from this many below the one that is best for the score."""
LONGER = 10
"""How many times the recipe's epochs a network gets at most to come to the goal."""
DOWN = 1 / 3
"""The goal lies this share of the way down which the smallest size's training loss goes, in its logarithm."""
SPARE = 2.0
"""Every size gets this many times the steps that the smallest needs."""


@question
class BatchSize(Contest):
    """Which batch size: score, steps and seconds to a target, whether the rate must grow with it, and what fits in memory.

    Every size is tuned over the same rates on the same pairs of seed and split, and what was picked is met on fresh pairs, all
    with the same epochs. Two rules that spare the tuning are met there too: the rate of the smallest size, grown in proportion to
    the batch or to its root. Then networks of each size train to the same loss: how the steps fall as the batch grows tells the
    gradient's noise.

    Example:
        >>> BatchSize(sizes=Choice((32, 64))).replicates
        10
    """

    example: ClassVar[str] = "digits"

    sizes: AnyRange = hyper(
        Choice(SIZES), above=0, doc="Batch sizes, commas between, or LOW..HIGH for the powers of two."
    )
    goal: float | None = hyper(
        None,
        above=0,
        optional=True,
        kind="number",
        doc="Training loss to count steps to; by default a third of the way down, in its logarithm.",
    )
    paced: int = hyper(3, low=1, doc="Pairs on which each size's rate is chosen for speed.")
    points: int = hyper(12, low=1, doc="How many rates: trials of each tuning.")

    def options(self, task: Task) -> tuple[Option, ...]:
        """The sizes within the training rows, rising."""
        inside, _ = sizes_of(self.sizes, _n_rows(task))
        return tuple(Option(str(size), {"batch_size": size}) for size in inside)

    def rounds(self, task: Task) -> Rounds:
        """Tune the sizes and let them meet; the rules; steps to the target; the winner again."""
        options = self.options(task)
        found, is_whole = yield from self.compete(task, options)
        scaled: Scaled | None = None
        pace: Pace | None = None
        confirmed: Interval | None = None
        if is_whole:
            try:
                scaled = yield from self._scaled(task, options, found)
                pace = yield from self._pace(task, options, found)
                confirmed = yield from self.met_again(task, options, found)
            except Interrupted:  # what was asked before it can be told
                is_whole = False
        left_out = sizes_of(self.sizes, _n_rows(task))[1]
        few = task.population([task.member(options[0].of(task.recipe), task.replicates(1)[0])])
        known = Batches(found, scaled, pace, confirmed, tuple(left_out), _n_rows(task), is_whole)
        return batches_told(task, known, few, len(self.tried()), self.level)

    def answer(self, task: Task, found: Found, confirmed: Interval | None) -> Answer:
        """Told by `rounds`, which knows more."""
        raise NotImplementedError

    def _scaled(
        self, task: Task, options: Sequence[Option], found: Found
    ) -> Generator[Population, Run, Scaled]:
        """Every rule at every size, on the pairs on which the tuned sizes have met."""
        n, m = found.races[0].score.shape
        pairs = task.replicates(n * m, stage=MEET, each=m)
        base = found.races[0].rates.tolist()
        sizes = [option.settings["batch_size"] for option in options]
        run = yield task.population(
            member_of(
                task, options, option.of(task.recipe, base[j] * grown(size / sizes[0])), pairs[j * m + i]
            )
            for grown in RULES.values()
            for size, option in zip(sizes[1:], options[1:], strict=True)
            for j in range(n)
            for i in range(m)
        )
        score = task.scores(run).reshape(len(RULES), len(sizes) - 1, n, m).mean(3)
        overlap = task.overlap.of_means(m)
        looks = Looks(self.most or self.looks[-1], self.level, overlap=overlap, taken=self.looks[:-1])
        return scaled_of(found, score, looks, task.scope)

    def _pace(
        self, task: Task, options: Sequence[Option], found: Found
    ) -> Generator[Population, Run, Pace | None]:
        """Steps of each size to the target, at the rate that comes there soonest; None where no target can be said."""
        target = goal_of(found) if self.goal is None else self.goal
        if not np.isfinite(target):
            return None
        recipes = longer(task, options, epochs_to(found, target))
        pairs = task.replicates(self.paced, stage=PACE)
        windows = [window(found, k) for k in range(len(options))]
        run = yield task.population(
            member_of(task, options, recipe.set("optimizer.lr", rate), pair)
            for recipe, rates in zip(recipes, windows, strict=True)
            for rate in rates.tolist()
            for pair in pairs
        )
        steps = np.split(steps_to(run, target), np.cumsum([len(r) * self.paced for r in windows])[:-1])
        rates = [
            soonest(rates, each.reshape(len(rates), -1)) for rates, each in zip(windows, steps, strict=True)
        ]
        pairs = task.replicates(self.looks[-1], stage=TIMED)
        counted, seconds = [], []
        for recipe, rate in zip(
            recipes, rates, strict=True
        ):  # a size a round, so that its seconds are its own
            run = yield task.population(
                member_of(task, options, recipe.set("optimizer.lr", rate), pair) for pair in pairs
            )
            counted.append(steps_to(run, target))
            n_steps = int(run.steps.sum())
            seconds.append(run.core_seconds / n_steps if n_steps and run.core_seconds else np.nan)
        sizes = np.array([option.settings["batch_size"] for option in options], dtype=np.float64)
        return Pace(sizes, np.array(rates), np.array(counted), np.array(seconds), target)


def scaled_of(found: Found, score: Floats, looks: Looks, scope: str) -> Scaled:
    """What rules and tuning are beside the smallest size, tuned: a pure function of scores.

    Args:
        found: The tuned sizes.
        score: [rules, K − 1, n] mean scores on fresh pairs at every size but the smallest.
        looks: As in `decide`.
        scope: What varies between replicates.
    """
    tuned = found.verdict.tuned
    whole = np.concatenate([score, tuned[:, 1:].T[None]])  # tuned for itself comes last
    others = list(range(1, tuned.shape[1]))
    against = []
    for way in whole:  # a family of findings for each way to set the rate
        columns = np.concatenate([tuned[:, :1], way.T], axis=1)
        against.append(tuple(compared_with(columns, 0, others, looks, scope, found.verdict.margin)))
    return Scaled(tuple(option.name for option in found.options), whole, tuple(against))


def course(found: Found) -> Floats:
    """[T] training loss of the smallest size at its rate, the median over replicates; infinite where most have ended."""
    loss = found.tuning[0].loss[:, found.basins[0].chosen]
    return np.median(np.nan_to_num(loss, nan=np.inf), axis=1) if len(loss) else np.empty(0)


def goal_of(found: Found) -> float:
    """The training loss to count steps to: a third of the way down, in its logarithm. NaN where the loss doesn't fall.

    Far down, where every row is nearly learned, the noise of the gradient is that of the last few rows.
    """
    losses = course(found)
    if not len(losses) or not np.isfinite(losses[0]) or not 0 < losses.min() < losses[0]:
        return np.nan
    return float(losses[0] ** (1 - DOWN) * losses.min() ** DOWN)


def epochs_to(found: Found, target: float) -> int:
    """Epochs after which the smallest size is at the target; all of them where it never is."""
    there = np.flatnonzero(course(found) <= target)
    return int(there[0]) + 1 if len(there) else found.tuning[0].loss.shape[0]


def window(found: Found, k: int) -> Floats:
    """The rates that a size is tried with for speed: as many for every size, around the one that is best for the score."""
    rates = found.tuning[k].rates
    start = min(max(found.basins[k].chosen - BELOW, 0), max(len(rates) - TRIALS, 0))
    return rates[start : start + TRIALS]


def soonest(rates: Floats, steps: Floats) -> float:
    """The rate with the fewest steps, each averaged with its neighbors'; that at which most networks come there, if some don't.

    Args:
        rates: [R].
        steps: [R, n] steps to the target; infinite where it was not reached.

    Example:
        >>> soonest(np.array([0.1, 0.2, 0.4, 0.8]), np.array([[9.0], [5.0], [3.0], [np.inf]]))
        0.2
    """
    middle = eased(steps.mean(1)[None], rates)[0]
    if np.isfinite(middle).any():
        return float(rates[int(np.argmin(middle))])
    came = np.isfinite(steps)
    mean = np.where(came, steps, 0.0).sum(1) / np.maximum(came.sum(1), 1)
    most = came.sum(1) == came.sum(1).max()
    return float(rates[int(np.argmin(np.where(most, mean, np.inf)))])


def longer(task: Task, options: Sequence[Option], epochs: int) -> list[Recipe]:
    """The recipe at each size with the same number of steps: `SPARE` times those of so many epochs of the smallest.

    None gets more than `LONGER` times the recipe's epochs.
    """
    n, most = _n_rows(task), LONGER * max(task.recipe.epochs, 1)
    steps = SPARE * epochs * -(-n // options[0].settings["batch_size"])
    recipes = []
    for option in options:
        needed = -(-steps // -(-n // option.settings["batch_size"]))
        recipe = option.of(task.recipe).set("epochs", int(min(max(needed, 1), most)))
        recipes.append(recipe.set("stopping.patience", None).set("stopping.target_loss", None))
    return recipes


def _n_rows(task: Task) -> int:
    """Training rows of a split."""
    return len(task.member(task.recipe, task.replicates(1)[0]).rows.train)
