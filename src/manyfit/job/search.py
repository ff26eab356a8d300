"""The search: rungs of successive halving over one split of the development rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from manyfit.job.defaults import for_epochs
from manyfit.job.plan import Plan
from manyfit.job.rows import Stage, Table
from manyfit.job.training import Trainer, groups_of, shares
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams, derive
from manyfit.runs import Fate
from manyfit.samplers.halving import Rung, survivors
from manyfit.samplers.random import Random
from manyfit.space import Space

PARTS = 8
"""A rung is trained in about so many parts: between parts it can be cut without making a result depend on the clock."""
PAYS = 0.25
"""Share of the margin by which doubling the recipes must lower the best loss, or the search has paid out."""
PAYS_FROM = 128
"""Recipes before which no search is ended for paying no more."""


@dataclass
class Tried:
    """One rung, as it went.

    rung: What was realised.
    recipes: [n] recipes, at the rung's own length.
    scores: [n] held-out losses; infinite for diverged networks.
    """

    rung: Rung
    recipes: list[Recipe]
    scores: NDArray[np.float64]


@dataclass
class Search:
    """What a search found.

    rungs: Every rung that came to something.
    diverged: [(rate, optimizer)] of all networks that diverged.
    best_after: Best loss after so many recipes of the first rung: (recipes, loss).
    """

    rungs: list[Tried] = field(default_factory=list)
    n_networks: int = 0
    diverged: list[tuple[float, str]] = field(default_factory=list)
    best_after: list[tuple[int, float]] = field(default_factory=list)
    paid_out: bool = False

    @property
    def ranking(self) -> list[Recipe]:
        """Recipes of the last rung, the best first; then those of earlier rungs."""
        found: list[Recipe] = []
        for tried in reversed(self.rungs):
            order = np.argsort(tried.scores, kind="stable")
            found += [tried.recipes[i] for i in order if np.isfinite(tried.scores[i])]
            if found:
                break
        return found


def run_search(table: Table, space: Space, plan: Plan, trainer: Trainer, *, until: float = np.inf) -> Search:
    """Search by successive halving.

    Args:
        table: The data.
        space: What is searched.
        plan: How much.
        trainer: What trains.
        until: Second of the job at which the search should be over; parts not begun by then are left out. Infinity repeats a plan
            that was realised before, to the last network.

    Returns:
        What was found. The first part of the first rung is always trained.
    """
    fold = table.search_fold
    view = table.view(table.fit_encoder(fold))
    key = derive(plan.seed, Stage.SEARCH, 2)
    recipes = Random(plan.block).draw(space, range(plan.rungs[0].recipes), key)
    search = Search()
    begun = trainer.elapsed
    total = sum(rung.recipes for rung in plan.rungs)
    weight = np.cumsum([0.0, *(rung.recipes * rung.epochs * rung.rows for rung in plan.rungs)])
    for level, rung in enumerate(plan.rungs):
        chosen = recipes[: rung.recipes]
        # each rung gets the share of the time that its work is of the whole
        deadline = begun + (until - begun) * weight[level + 1] / weight[-1] if np.isfinite(until) else np.inf
        rows = table.rows(fold, "search", rung.rows)
        tried = _run_rung(search, level, rung, chosen, view, rows, plan, trainer, deadline, total, until)
        if not len(tried.scores):
            break
        search.rungs.append(tried)
        if level + 1 < len(plan.rungs):
            order = survivors(tried.scores, plan.rungs[level + 1].recipes, groups_of(tried.recipes))
            recipes = [tried.recipes[i] for i in order]
        if trainer.interrupt.is_set or not recipes:
            break
    return search


def _run_rung(
    search: Search,
    level: int,
    rung: Rung,
    recipes: list[Recipe],
    view: View,
    rows: Rows,
    plan: Plan,
    trainer: Trainer,
    deadline: float,
    total: int,
    until: float,
) -> Tried:
    streams = Streams.of(plan.seed, Stage.SEARCH, level)
    scores: list[float] = []
    made: list[Recipe] = []
    parts = shares(len(recipes), PARTS if level == 0 else PARTS // 2, plan.block if level == 0 else 1)
    for number, part in enumerate(parts):
        is_first = level == 0 and number == 0
        if not is_first and (trainer.elapsed > deadline or trainer.interrupt.is_set):
            break
        length = [for_epochs(recipes[i], rung.epochs) for i in part]
        population = Population(tuple(Member(recipe, streams, rows) for recipe in length), {"search": view})
        run = trainer.train(
            population,
            stage="search",
            done=search.n_networks,
            total=total,
            diverged=len(search.diverged),
            best=min(scores, default=float("inf")),
            until=np.inf if is_first else until,
            left_s=lambda share: max(until - trainer.elapsed, 0.0),
        )
        if run is None:
            break
        scores += run.score.tolist()
        made += length
        search.n_networks += len(run)
        for recipe, fate in zip(length, run.fate, strict=True):
            if fate == Fate.DIVERGED:
                search.diverged.append((float(recipe.optimizer.lr), groups_of([recipe])[0]))
        if level == 0:
            search.best_after.append((len(scores), float(np.min(scores))))
            if np.isfinite(until) and _has_paid_out(search.best_after, plan):
                search.paid_out = True
                break
    return Tried(Rung(len(scores), rung.epochs, rung.rows), made, np.array(scores))


def _has_paid_out(best_after: list[tuple[int, float]], plan: Plan) -> bool:
    """Whether the second half of the recipes tried so far has lowered the best loss by next to nothing."""
    n, best = best_after[-1]
    half = [loss for count, loss in best_after if count <= n / 2]
    if n < PAYS_FROM or not half or not np.isfinite(best):
        return False
    return bool(half[-1] - best <= PAYS * plan.margin * abs(half[-1]))
