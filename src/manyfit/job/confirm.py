"""Confirmation: the best recipes of a search, met again on fresh folds with fresh seeds. Its networks are the model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Encoder, Fold
from manyfit.job.defaults import for_epochs
from manyfit.job.plan import Plan
from manyfit.job.rows import Stage, Table
from manyfit.job.search import Search
from manyfit.job.training import Trainer, shares
from manyfit.metrics import metric_for
from manyfit.model import Network, forward, to_values
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Confirmed:
    """What confirmation measured. R recipes, F folds, S seeds.

    table: The data.
    recipes: [R] the recipes, best of the search first.
    folds: [F] the rows of each.
    encoders: [F] fitted on the training rows of each fold.
    parameters: [R][F][S] flat parameters.
    scores: [R, F, S] the deciding metric on held-out rows, as a loss (negated where large is good); infinite for
        diverged networks.
    train_losses, held_losses: [R, F, S] loss of training on training and on held-out rows.
    predictions: [R] arrays [S, N] or [S, N, C], out-of-fold predictions of the N development rows; NaN for rows never held out.
    n_diverged: Networks that diverged.
    curves: [R] losses of training and on held-out rows after each epoch, each [T, F·S]; NaN once a network has ended.
    seconds: What training took.
    """

    table: Table
    folds: tuple[Fold, ...]
    encoders: tuple[Encoder, ...]
    recipes: list[Recipe] = field(default_factory=list)
    parameters: list[list[list[NDArray[np.floating]]]] = field(default_factory=list)
    scores: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    train_losses: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    held_losses: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    predictions: list[NDArray[np.float32]] = field(default_factory=list)
    n_diverged: int = 0
    curves: list[tuple[Floats, Floats]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def overlap(self) -> float:
        """Held-out rows over training rows: what Nadeau and Bengio's correction needs."""
        return float(np.mean([len(fold.held) / len(fold.train) for fold in self.folds]))

    @property
    def pairs(self) -> Floats:
        """[R, F·S] scores, paired by fold and seed."""
        return self.scores.reshape(len(self.recipes), -1)

    @property
    def order(self) -> list[int]:
        """Recipes that never diverged, the best mean score first."""
        means = self.pairs.mean(1)
        return [int(i) for i in np.argsort(means, kind="stable") if np.isfinite(means[i])]

    def networks(self, recipes: list[int]) -> list[Network]:
        """The networks of some recipes; with a time order only those of the last fold, which have seen the latest rows."""
        folds = range(len(self.folds)) if self.table.data.time is None else [len(self.folds) - 1]
        return [
            Network(self.recipes[r].network, flat, fold, place)
            for place, r in enumerate(recipes)
            for fold in folds
            for flat in self.parameters[r][fold]
        ]


def confirm(
    table: Table, search: Search, plan: Plan, trainer: Trainer, *, until: float = np.inf
) -> Confirmed:
    """Train the best recipes of a search on fresh folds and seeds, which all share so that they make pairs.

    Args:
        table: The data.
        search: What was found.
        plan: How many recipes, folds and seeds.
        trainer: What trains.
        until: Second of the job at which it should be over. The best recipe is confirmed whatever it says.
    """
    folds = table.confirm_folds(plan.folds)
    encoders = tuple(table.fit_encoder(fold) for fold in folds)
    views = {f"fold {f}": table.view(encoder) for f, encoder in enumerate(encoders)}
    rows = [table.rows(fold, f"fold {f}") for f, fold in enumerate(folds)]
    found = Confirmed(table, folds, encoders)
    finalists = [for_epochs(recipe, plan.epochs) for recipe in search.ranking[: plan.finalists]]
    total = len(finalists) * plan.folds * plan.seeds
    begun = trainer.elapsed
    for part in shares(len(finalists), 4):
        has_some = bool(found.recipes)
        share = part.start / max(len(finalists), 1)
        pace = (trainer.elapsed - begun) / share if share else 0.0
        late = (
            trainer.elapsed + pace * len(part) / max(len(finalists), 1) > until
            if np.isfinite(until)
            else False
        )
        if has_some and (late or trainer.interrupt.is_set):
            break
        if trainer.interrupt.is_set:
            part = part[:1]
        recipes = [finalists[i] for i in part]
        population = _population(recipes, plan, views, rows)
        done = part.start * plan.folds * plan.seeds
        was_set, trainer.interrupt.is_set = (
            trainer.interrupt.is_set,
            False if not has_some else trainer.interrupt.is_set,
        )
        run = trainer.train(
            population,
            stage="confirm",
            done=done,
            total=total,
            diverged=found.n_diverged,
            best=np.nan,
            until=until * 1.5 if has_some else np.inf,
            left_s=lambda share: max(until - trainer.elapsed, 0.0),
        )
        trainer.interrupt.is_set |= was_set
        if run is None and not has_some:
            # Ctrl-C before anything was confirmed: one recipe still is, because without it there is no model
            recipes = recipes[:1]
            trainer.interrupt.is_set = False
            run = trainer.train(
                _population(recipes, plan, views, rows),
                stage="confirm",
                done=0,
                total=plan.folds * plan.seeds,
                diverged=0,
                best=np.nan,
            )
            trainer.interrupt.is_set = True
            if run is None:
                raise KeyboardInterrupt
        if run is None:
            break
        _collect(found, recipes, run.parameters, run.score, run.final_loss, views, plan)
        each = plan.folds * plan.seeds
        for r in range(len(recipes)):
            of_recipe = slice(r * each, (r + 1) * each)
            found.curves.append((run.loss[:, of_recipe], run.held_loss[:, of_recipe]))
        found.seconds += run.seconds
        found.n_diverged += int(run.diverged.sum())
    return found


def _population(recipes: list[Recipe], plan: Plan, views: dict[str, View], rows: list[Rows]) -> Population:
    members = tuple(
        Member(recipe, Streams.of(plan.seed, Stage.CONFIRM, fold * plan.seeds + seed), rows[fold])
        for recipe in recipes
        for fold in range(plan.folds)
        for seed in range(plan.seeds)
    )
    return Population(members, views)


def _collect(
    found: Confirmed,
    recipes: list[Recipe],
    parameters: tuple[NDArray[np.floating], ...],
    held_losses: Floats,
    train_losses: Floats,
    views: dict[str, View],
    plan: Plan,
) -> None:
    """Predict the held-out rows with every network and score them."""
    table, target = found.table, found.table.data.target
    metric = metric_for(target.task, plan.metric)
    y = table.data.y[table.development]
    weights = None if table.data.weights is None else table.data.weights[table.development]
    shape = (len(recipes), plan.folds, plan.seeds)
    scores = np.full(shape, np.inf)
    n_classes = target.n_classes
    for r, recipe in enumerate(recipes):
        flat = [
            [parameters[(r * plan.folds + f) * plan.seeds + s] for s in range(plan.seeds)]
            for f in range(plan.folds)
        ]
        kept = np.full((plan.seeds, len(y), *([n_classes] if n_classes else [])), np.nan, dtype=np.float32)
        for f, fold in enumerate(found.folds):
            held = np.searchsorted(table.development, fold.held)
            values = to_values(
                forward(recipe.network, np.stack(flat[f]), views[f"fold {f}"].X[held]),
                found.encoders[f],
                target,
            )
            for s in range(plan.seeds):
                if not np.isfinite(values[s]).all():
                    continue
                kept[s, held] = values[s]
                score = metric.score(y[held], values[s], None if weights is None else weights[held])
                scores[r, f, s] = score if metric.is_loss else -score
        found.predictions.append(kept)
        found.parameters.append(flat)
    held = held_losses.reshape(shape)
    scores = np.where(np.isfinite(held), scores, np.inf)  # diverged
    found.recipes += recipes
    found.scores = np.concatenate([found.scores.reshape(-1, *shape[1:]), scores])
    found.held_losses = np.concatenate([found.held_losses.reshape(-1, *shape[1:]), held])
    found.train_losses = np.concatenate(
        [found.train_losses.reshape(-1, *shape[1:]), train_losses.reshape(shape)]
    )
