"""Which schedule of the learning rate is better: each tuned with as many trials, the rate drawn beside the score."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Curves, Section, Series, Text
from manyfit.errors import Problem, RecipeError, UsageError
from manyfit.hyper import hyper
from manyfit.questions._contest.compared import Told, answer_of
from manyfit.questions._contest.contest import Contest
from manyfit.questions._contest.meeting import Found
from manyfit.questions._contest.options import MOST, Option
from manyfit.questions._contest.raced import MOST_DRAWN
from manyfit.questions._frame.base import question
from manyfit.questions._frame.task import Task
from manyfit.recipe import Recipe
from manyfit.schedules import registry as schedules
from manyfit.schedules.plateau import plateau_of
from manyfit.stats import Interval

Floats = NDArray[np.float64]

CLASSIC = (
    "constant",
    "step_lr",
    "exponential_lr",
    "cosine",
    "warmup >> cosine",
    "one_cycle",
    "cosine_restarts",
    "plateau",
)
"""The chapter's schedules (3.5.5) and three that have become common: what is compared when nothing is said."""

WARMUP = 0.1
"""Share of the epochs that a warm-up takes."""
LEAST = 0.01
"""Share of the rate to which step and exponential schedules fall by the end."""
CUTS = 3
"""Lengths of a stretch of StepLR, and periods of restarts, in the whole training."""
DRAWN = 200
"""Points of a drawn rate."""


@question
class Schedule(Contest):
    """Which schedule of the learning rate: each tuned over the same rates with as many trials, then met on fresh pairs.

    Lengths fit the training: a warm-up takes a tenth of the epochs, step and exponential schedules fall to a hundredth of the
    rate by the end. The rate over the steps is drawn beside the score. Where one schedule watches held-out rows (plateau), all of
    them leave these rows out of training.

    Example:
        >>> fitted("step_lr", 30)
        StepLR(length=None, unit='epoch', size=10.0, gamma=0.1)
    """

    schedules: tuple[str, ...] = hyper(
        (),
        kind="texts",
        doc="Schedules to compare, commas between; by default constant and the chapter's with some others.",
    )

    def options(self, task: Task) -> tuple[Option, ...]:
        """The schedules, with lengths that fit the recipe's epochs."""
        return options_of(task.recipe, self.schedules or CLASSIC)

    def answer(self, task: Task, found: Found, confirmed: Interval | None) -> Answer:
        """Who is better, with the rate over the steps."""
        told = Told("schedule", ("schedule", "种调度"), ("Which schedule for {}?", "{} 用哪种学习率调度？"))
        return answer_of(told, task, found, confirmed, len(self.tried()), [_rates_section(task, found)])


def options_of(recipe: Recipe, names: tuple[str, ...]) -> tuple[Option, ...]:
    """An option for each schedule.

    Raises:
        UsageError: If there are fewer than two or too many, or one is unknown; all problems at once.
    """
    found, problems = [], []
    for name in dict.fromkeys(names):
        try:
            made = fitted(name, recipe.epochs)
            problems += recipe.set("schedule", made).problems()
            found.append(Option(name, {"schedule": made}))
        except RecipeError as error:
            problems += error.problems
    if not problems and not 2 <= len(found) <= MOST:
        hint = Text("For example --schedules constant,cosine.", "例如 --schedules constant,cosine。")
        rule = Text(f"needs 2 to {MOST} schedules", f"需要 2 到 {MOST} 个计划")
        problems.append(Problem("schedule", rule, str(len(found)), hint=hint))
    if problems:
        raise UsageError(list(dict.fromkeys(problems)), Text("what is compared", "要比较的内容"))
    return tuple(found)


def fitted(name: str, epochs: int) -> object:
    """A schedule by name, or several joined by >>, with lengths that fit so many epochs.

    Example:
        >>> fitted("warmup >> cosine", 20).parts[0].length
        2.0
    """
    parts = [schedules.make(part.strip()) for part in name.split(">>")]
    parts = [_stretched(part, epochs, is_last=k == len(parts) - 1) for k, part in enumerate(parts)]
    return schedules.make(parts) if len(parts) > 1 else parts[0]


def _stretched(schedule: object, epochs: int, *, is_last: bool) -> object:
    lengths = {
        "Warmup": {"length": max(WARMUP * epochs, 1.0)},
        "StepLR": {"size": max(epochs / CUTS, 1.0), "gamma": math.sqrt(LEAST)},
        "ExponentialLR": {"gamma": LEAST ** (1 / max(epochs, 1))},
        "CosineRestarts": {"period": max(epochs / CUTS, 1.0)},
        "Plateau": {"factor": math.sqrt(LEAST), "patience": max(epochs // 10, 1)},
    }.get(type(schedule).__name__, {})
    assert dataclasses.is_dataclass(schedule) and not isinstance(schedule, type)
    return dataclasses.replace(schedule, **lengths)


def _rates_section(task: Task, found: Found) -> Section:
    series = []
    for k in found.verdict.order[:MOST_DRAWN]:
        race = found.races[k]
        a_step = int(np.median(race.a_step))
        rate = found.rates[k] * rate_over_steps(found.options[k].of(task.recipe), a_step, race.curves)
        kept = np.unique(np.linspace(0, len(rate) - 1, min(DRAWN, len(rate))).round().astype(int))
        series.append(Series(found.options[k].name, kept + np.float64(1), rate[kept]))
    figure = Curves(
        Text("Rate over the steps, at each schedule's best", "各调度在其最佳学习率下的变化"),
        tuple(series),
        Text("steps", "步数"),
        Text("learning rate", "学习率"),
        y_log=all(float(each.middle.min()) > 0 for each in series),
    )
    said = Text(
        "The rate that a schedule is given is where it is highest; a schedule that falls can afford a higher one.",
        "给定的学习率是调度的最高值；会下降的调度可以承受更高的学习率。",
    )
    return Section(Text("The rate", "学习率"), (said,), (figure,))


def rate_over_steps(recipe: Recipe, steps_per_epoch: int, losses: Floats) -> Floats:
    """[steps] what the rate is multiplied by at each step; for a schedule that waits for a plateau the median over networks.

    Args:
        recipe: Its schedule and its epochs.
        steps_per_epoch: Updates of an epoch.
        losses: [T, networks] losses that it watched; NaN after a network's end.
    """
    table = recipe.schedule.table(recipe.epochs, steps_per_epoch)
    watched = plateau_of(recipe.schedule, steps_per_epoch)
    if watched is None:
        return table
    plateau, first = watched
    cuts = []
    for curve in losses.T:
        seen = curve[first:][np.isfinite(curve[first:])]
        cuts.append(np.pad(plateau.multipliers(seen)[:-1], (first, 0), constant_values=1.0))
    length = max(map(len, cuts), default=0)
    middle = np.median([np.pad(cut, (0, length - len(cut)), mode="edge") for cut in cuts if len(cut)], axis=0)
    by_step = np.repeat(middle, steps_per_epoch)[: len(table)]
    return table * np.pad(by_step, (0, len(table) - len(by_step)), mode="edge")
