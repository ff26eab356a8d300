"""The plan of a job: what will be trained, sized by a budget of time once, then fixed, stored and hashed.

The clock decides how large the plan is and where it is cut short; it never decides a result. Whoever runs the realised
plan again with the same seed and table gets the same bits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.recipe import Recipe
from manyfit.samplers.halving import Rung, ladder
from manyfit.space import Space
from manyfit.text import Text

SEARCH_SHARE, CONFIRM_SHARE = 0.45, 0.27
"""How the budget is shared out; the rest goes to reading, baselines, the verdict and the report."""
MAX_RECIPES = 512
MAX_FINALISTS = 24
STEPS = 4000
"""Updates that the longest training may have: more seldom pays on a table."""
ENOUGH = 1200
"""Updates below which a network is still far from what it can learn: rather fewer seeds than less training."""
MAX_EPOCHS, MIN_EPOCHS = 300, 4
TWINS = 7
AROUND_S = 3.0
"""Remedies that the verdict tries, its base included; seconds for baselines and the report."""
NETWORK_S = 0.002
"""Seconds around the training of a network: drawing its recipe, packing it, writing its records."""

SIZING = ("expected_s", "about_s", "rate")
"""Fields of a plan that say how it was sized."""


@dataclass(frozen=True)
class Plan:
    """What a job trains, in full. Equal plans with equal seeds on equal tables give equal bits.

    seed: Root of every random stream.
    rungs: Rounds of the search, in order.
    finalists: Recipes that are confirmed.
    epochs: Length of a confirmed training.
    folds: Fresh folds of the development rows.
    seeds: Fresh seeds for each fold.
    block: Recipes of one structure in a row.
    metric: Name of the metric that decides.
    margin: Share of the best score within which recipes count as the same.
    ensemble: How the model is put together from confirmed networks.
    twin_folds, twin_seeds: Folds and seeds on which remedies for over- and underfitting are tried; 0 tries none.
    twin_rows: Training rows that these see at most; 0 for all.
    expected_s: Seconds that each rung should take, for deadlines; no part of what the plan is.
    about_s: Seconds that all of it should take, for whoever waits.
    rate: Operations per second as measured, for deadlines too.
    """

    seed: int
    rungs: tuple[Rung, ...]
    finalists: int
    epochs: int
    folds: int = 5
    seeds: int = 3
    block: int = 16
    metric: str = "rmse"
    margin: float = 0.01
    ensemble: str = "same"
    twin_folds: int = 0
    twin_seeds: int = 0
    twin_rows: int = 0
    expected_s: tuple[float, ...] = dataclasses.field(default=(), compare=False)
    about_s: float = dataclasses.field(default=0.0, compare=False)
    rate: float = dataclasses.field(default=0.0, compare=False)

    @property
    def hash(self) -> str:
        """Four hex digits that name the plan."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:4]

    @property
    def n_networks(self) -> int:
        """Networks trained in all."""
        return sum(rung.recipes for rung in self.rungs) + self.finalists * self.folds * self.seeds

    def realised(self, rungs: list[Rung], finalists: int, **twins: int) -> Plan:
        """The plan that was really carried out: what was cut is left out, so that it can be repeated."""
        return dataclasses.replace(self, rungs=tuple(rungs), finalists=finalists, **twins)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for TOML."""
        fields = {**dataclasses.asdict(self), "rungs": [dataclasses.asdict(rung) for rung in self.rungs]}
        for name in SIZING:
            del fields[name]
        return fields

    @property
    def sizing(self) -> dict[str, Any]:
        """How it was sized: no part of what it is, but what a killed job needs to go on by the same clock."""
        return {name: getattr(self, name) for name in SIZING}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Plan:
        """The plan that `to_dict` wrote.

        Raises:
            UsageError: If a field is unknown or missing.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = [
            Problem("", Text(f"unknown field {name!r} of a plan", f"计划没有 {name!r} 项"), hint=did_you_mean(name, known))
            for name in fields
            if name not in known
        ]
        if unknown:
            raise UsageError(unknown, Text("this plan", "这个计划"))
        try:
            values: dict[str, Any] = {**fields, "rungs": tuple(Rung(**rung) for rung in fields["rungs"])}
            return cls(**values)
        except (KeyError, TypeError) as error:
            rule = Text(
                f"must have seed, rungs, finalists and epochs: {error}",
                f"必须有 seed、rungs、finalists 和 epochs：{error}",
            )
            raise UsageError(Problem(Text("plan", "计划"), rule)) from None


def work(recipe: Recipe, widths: tuple[int, ...], n_train: int, n_held: int, epochs: int) -> float:
    """Floating-point operations to train one network: the cost model, up to a factor that is measured.

    Forward and backward cost six operations a weight and row, scoring held-out rows two, an update about twenty a
    weight; every row and layer costs a little whatever its width.

    Example:
        >>> work(Recipe(batch_size=10), (2, 3, 1), 100, 0, 1) > 6 * 100 * 13
        True
    """
    weights = sum(a * b + b for a, b in pairwise(widths))
    steps = math.ceil(n_train / min(recipe.batch_size or n_train, n_train))
    per_epoch = 6.0 * weights * n_train + 2.0 * weights * n_held + 20.0 * weights * steps
    return epochs * (per_epoch + 40.0 * sum(widths) * (n_train + n_held / 3) + 2000.0 * steps)


@dataclass(frozen=True)
class Size:
    """What the sizing of a plan looks at: the table's rows and widths.

    n_train, n_held: Rows of the search's one split.
    n_inputs, n_outputs: Width of the encoded table and of its target.
    """

    n_train: int
    n_held: int
    n_inputs: int
    n_outputs: int

    def work(self, recipe: Recipe, epochs: int, rows: int | None = None) -> float:
        """Operations of one network of this recipe on this table."""
        widths = recipe.dense.widths(self.n_inputs, self.n_outputs)
        return work(recipe, widths, min(rows or self.n_train, self.n_train), self.n_held, epochs)


def size_plan(
    space: Space,
    size: Size,
    *,
    rate: float,
    seconds: float,
    seed: int,
    metric: str,
    margin: float = 0.01,
    ensemble: str = "same",
    folds: int = 5,
    spent: float = 0.0,
) -> Plan:
    """Fit a plan into a budget.

    Confirmation comes first, because without it nothing may be said; what is left buys recipes.

    Args:
        space: What is searched.
        size: The table.
        rate: Operations per second, as measured.
        seconds: Budget of wall time.
        seed: Root of every random stream.
        metric: Name of the metric that decides.
        margin: Within which share recipes count as the same.
        ensemble: How confirmed networks are put together.
        folds: Folds that the table allows.
        spent: Seconds of the budget that are gone already.
    """
    usual = [space.at(i, dict.fromkeys(space.ranges_of(i), 0.5)) for i in range(len(space.structures))]

    def cost(epochs: int, rows: int | None = None) -> float:
        works = [size.work(recipe, epochs, rows) for recipe in usual]
        return (sum(works) / len(works)) / rate + NETWORK_S

    def winner_cost(epochs: int) -> float:
        """Winners tend to be larger than the average."""
        works = sorted(size.work(recipe, epochs) for recipe in usual)
        return works[int(0.8 * (len(works) - 1))] / rate + NETWORK_S

    left = max(seconds - spent, 0.3 * seconds)
    for_search, for_confirm = SEARCH_SHARE * left, CONFIRM_SHARE * left
    batch = min(space.base.batch_size or size.n_train, size.n_train)
    epochs, seeds = length_of(winner_cost, size, batch, folds=folds, seconds=for_confirm)
    finalists = min(max(int(for_confirm / max(winner_cost(epochs) * folds * seeds, 1e-9)), 1), MAX_FINALISTS)

    def rungs_of(recipes: int) -> tuple[Rung, ...]:
        return ladder(recipes, epochs, size.n_train, last=min(max(finalists, 4), 12))

    def seconds_of(rungs: tuple[Rung, ...]) -> tuple[float, ...]:
        return tuple(rung.recipes * cost(rung.epochs, rung.rows) for rung in rungs)

    recipes = 1
    for tried in (2, 4, 6, 8, 12, *range(16, MAX_RECIPES + 1, 16)):
        if sum(seconds_of(rungs_of(tried))) > for_search:
            break
        recipes = tried
    n_structures = len(space.structures)
    block = 16 if recipes >= 8 * n_structures else max(recipes // n_structures, 1)
    rungs = rungs_of(recipes)
    expected = seconds_of(rungs)
    # a plan that fills less than its share of the budget has that much more patience
    slack = max(for_search / max(sum(expected), 1e-9), 1.0)
    finalists = min(finalists, rungs[-1].recipes)  # who has not come through the search is not confirmed
    confirming = winner_cost(epochs) * folds * (finalists * seeds + TWINS * 3)
    about = spent + sum(expected) + confirming + AROUND_S
    return Plan(
        seed,
        rungs,
        finalists,
        epochs,
        folds,
        seeds,
        block,
        metric,
        margin,
        ensemble,
        twin_folds=folds,
        twin_seeds=3,
        expected_s=tuple(s * slack for s in expected),
        about_s=min(about, seconds),
        rate=rate,
    )


def length_of(
    cost: Callable[[int], float], size: Size, batch: int, *, folds: int, seconds: float, most: int = MAX_EPOCHS, seeds: int = 3
) -> tuple[int, int]:
    """How long a confirmed training lasts, and on how many seeds.

    Three recipes on all seeds, if the training stays long enough for that; else fewer seeds, fewer recipes, then less training.
    On a short budget for a large table even that of one recipe; folds stay, because they are the uncertainty.

    Args:
        cost: Seconds of one training of so many epochs.
        size: The table.
        batch: Rows per update.
        folds: Folds.
        seconds: What there is.
        most: Epochs at most.
        seeds: Seeds at most.

    Returns:
        Epochs and seeds.
    """
    steps = max(math.ceil(size.n_train / batch), 1)
    longest = min(max(round(STEPS / steps), 12), most)
    enough = min(max(math.ceil(ENOUGH / steps), MIN_EPOCHS), longest)
    epochs = longest
    while cost(epochs) * folds * seeds * 3 > seconds and epochs > enough:
        epochs = max(int(epochs / 1.25), enough)
    while cost(epochs) * folds * seeds * 2 > seconds and seeds > 1:
        seeds -= 1
    while cost(epochs) * folds * seeds * 2 > seconds and epochs > min(MIN_EPOCHS, longest):
        epochs = max(int(epochs / 1.25), MIN_EPOCHS)
    while cost(epochs) * folds * seeds > seconds and epochs > 1:
        epochs -= 1
    return epochs, seeds
