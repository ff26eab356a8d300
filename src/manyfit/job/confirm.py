"""Confirmation: the best recipes of a search, met again on fresh folds with fresh seeds. Its networks are the model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Encoder, Fold
from manyfit.errors import ManyfitError, Problem
from manyfit.job.defaults import for_epochs
from manyfit.job.plan import Plan, length_of
from manyfit.job.rows import Stage, Table
from manyfit.job.search import Search
from manyfit.job.training import Trainer, shares
from manyfit.metrics import metric_for
from manyfit.model import Network, forward, to_values
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Run
from manyfit.text import Text

Floats = NDArray[np.float64]

MOST_BYTES = 1e9
"""Encoded tables of all folds are held at once up to this size; beyond it, as many folds at a time as fit."""
LEAST_SHARE = 0.3
"""Share of its seconds that confirmation trains in, however long the encoding of its folds takes."""
CELL_BYTES = 12
"""Bytes of a cell: double precision here, single precision in the core."""


@dataclass(eq=False)
class Confirmed:
    """What confirmation measured. R recipes, F folds, S seeds.

    table: The data.
    recipes: [R] the recipes, best of the search first.
    folds: [F] the rows of each.
    encoders: [F] fitted on the training rows of each fold.
    parameters: [R][F][S] flat parameters.
    scores: [R, F, S] the deciding metric on held-out rows, as a loss (negated where large is good); infinite for
        diverged networks, NaN where the held-out rows don't define it.
    train_losses, held_losses: [R, F, S] loss of training on training and on held-out rows.
    predictions: [R] arrays [S, N] or [S, N, C], out-of-fold predictions of the N development rows; NaN for rows never
        held out.
    n_diverged: Networks that diverged.
    curves: [R] losses of training and on held-out rows after each epoch, each [T, F·S]; NaN once a network has ended.
    seconds: What training took.
    interrupted: Whether Ctrl-C ended it.
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
    interrupted: bool = False

    @property
    def overlap(self) -> float:
        """Held-out rows over training rows: what Nadeau and Bengio's correction needs."""
        return float(np.mean([len(fold.held) / len(fold.train) for fold in self.folds]))

    @property
    def pairs(self) -> Floats:
        """[R, pairs] scores, paired by fold and seed.

        A pair is left out where the metric says nothing (an AUC of held-out rows that are all of one class); where it never
        says anything, the loss of training decides.
        """
        scores = self.scores.reshape(len(self.recipes), -1)
        is_defined = ~np.isnan(scores).any(0)
        return scores[:, is_defined] if is_defined.any() else self.held_losses.reshape(len(self.recipes), -1)

    @property
    def order(self) -> list[int]:
        """Recipes that never diverged, the best mean score first."""
        means = self.pairs.mean(1)
        return [int(i) for i in np.argsort(means, kind="stable") if np.isfinite(means[i])]

    def networks(self, recipes: list[int]) -> list[Network]:
        """The networks of some recipes; with a time order only those of the last fold, which have seen the latest rows."""
        folds = range(len(self.folds)) if self.table.data.time is None else [len(self.folds) - 1]
        return [
            Network(self.recipes[r].dense, flat, fold, place)
            for place, r in enumerate(recipes)
            for fold in folds
            for flat in self.parameters[r][fold]
        ]


@dataclass(eq=False)
class _Book:
    """What one recipe has shown so far: [F, S] scores and losses, [F][S] parameters, [S, N] or [S, N, C] predictions."""

    scores: Floats
    held_losses: Floats
    train_losses: Floats
    predictions: NDArray[np.float32]
    parameters: list[list[NDArray[np.floating]]] = field(default_factory=list)
    curves: list[tuple[Floats, Floats]] = field(default_factory=list)
    n_diverged: int = 0

    @classmethod
    def blank(cls, plan: Plan, n_rows: int, n_classes: int) -> _Book:
        """Nothing known: every score is infinite, every prediction NaN."""
        shape = (plan.folds, plan.seeds)
        outputs = (plan.seeds, n_rows, n_classes) if n_classes else (plan.seeds, n_rows)
        return cls(
            np.full(shape, np.inf),
            np.full(shape, np.inf),
            np.full(shape, np.inf),
            np.full(outputs, np.nan, dtype=np.float32),
        )


def fitted(plan: Plan, search: Search, trainer: Trainer, *, seconds: float) -> Plan:
    """The plan with a confirmation that fits, now that the finalists and their pace are known.

    Args:
        plan: As it was sized before anything was trained; it is never exceeded.
        search: What was found.
        trainer: What trains; its log knows what a killed job decided.
        seconds: What there is.
    """
    recorded = trainer.recorded("confirm")
    if recorded is not None and recorded.networks:
        return dataclasses.replace(plan, **recorded.facts)
    ranked = search.ranking[: plan.finalists]
    if not ranked or not search.pace.is_known:
        return plan
    size, best = search.pace.size, ranked[:3]
    left = max(seconds - plan.folds * search.encoding_s, LEAST_SHARE * seconds)

    def cost(epochs: int) -> float:
        return search.pace.seconds([for_epochs(recipe, epochs) for recipe in best]) / len(best)

    batch = min(ranked[0].batch_size or size.n_train, size.n_train)
    epochs, seeds = length_of(
        cost, size, batch, folds=plan.folds, seconds=left, most=plan.epochs, seeds=plan.seeds
    )
    each = [for_epochs(recipe, epochs) for recipe in ranked]
    finalists = max(search.pace.fitting(each, left / (plan.folds * seeds)), 1)
    return dataclasses.replace(plan, epochs=epochs, seeds=seeds, finalists=finalists)


def confirm(
    table: Table, search: Search, plan: Plan, trainer: Trainer, *, until: float = np.inf
) -> Confirmed:
    """Train the best recipes of a search on fresh folds and seeds, which all share so that they make pairs.

    All folds at once where the encoded tables fit into little memory, else some after others.

    Args:
        table: The data.
        search: What was found.
        plan: How many recipes, folds and seeds.
        trainer: What trains.
        until: Second of the job at which it should be over. The best recipe is confirmed whatever it says.
    """
    folds = table.confirm_folds(plan.folds)
    finalists = [for_epochs(recipe, plan.epochs) for recipe in search.ranking[: plan.finalists]]
    if not finalists:
        n = search.n_networks
        hint = Text(
            "Search lower rates, or look at the target's largest values.",
            "请搜索更小的学习率，或检查目标的最大值。",
        )
        rule = Text(
            f"found nothing that trains: all {n} networks diverged", f"没有找到能训练的：全部 {n} 个网络都发散"
        )
        raise ManyfitError(Problem(Text("the search", "搜索"), rule, hint=hint))
    n_rows, n_classes = len(table.development), table.data.target.n_classes
    books = [_Book.blank(plan, n_rows, n_classes) for _ in finalists]
    first = table.fit_encoder(folds[0])
    at_once = int(np.clip(MOST_BYTES / (n_rows * first.n_inputs * CELL_BYTES), 1, plan.folds))
    groups = shares(plan.folds, -(-plan.folds // at_once))
    encoders: list[Encoder] = []
    kept, seconds, begun = len(finalists), 0.0, trainer.elapsed
    for group in groups:
        encoders += [table.fit_encoder(folds[f]) if f else first for f in group]
        meeting = _Meeting(table, plan, trainer, group, folds, encoders)
        end = begun + (until - begun) * (group.stop / plan.folds) if np.isfinite(until) else np.inf
        kept = meeting.run(finalists[:kept], books, end)
        seconds += meeting.seconds
    interrupted = trainer.ends("confirm")
    books = books[:kept]
    return Confirmed(
        table,
        folds,
        tuple(encoders),
        finalists[:kept],
        [book.parameters for book in books],
        np.array([book.scores for book in books]),
        np.array([book.train_losses for book in books]),
        np.array([book.held_losses for book in books]),
        [book.predictions for book in books],
        sum(book.n_diverged for book in books),
        [(np.hstack([a for a, _ in book.curves]), np.hstack([b for _, b in book.curves])) for book in books],
        seconds,
        interrupted,
    )


class _Meeting:
    """Some folds, encoded, on which recipes are trained part by part."""

    def __init__(
        self,
        table: Table,
        plan: Plan,
        trainer: Trainer,
        group: range,
        folds: tuple[Fold, ...],
        encoders: list[Encoder],
    ) -> None:
        self.table, self.plan, self.trainer, self.group = table, plan, trainer, group
        self.folds, self.encoders = folds, encoders
        self.views: dict[str, View] = {f"fold {f}": table.view(encoders[f]) for f in group}
        self.rows: dict[int, Rows] = {f: table.rows(folds[f], f"fold {f}") for f in group}
        self.seconds = 0.0

    def run(self, recipes: list[Recipe], books: list[_Book], end: float) -> int:
        """Train recipes in their order until the second `end` of the job; returns how many were, at least one."""
        trainer, begun, done = self.trainer, self.trainer.elapsed, 0
        each = len(self.group) * self.plan.seeds
        for part in shares(len(recipes), 4):
            recorded = trainer.recorded("confirm", self.group.start)
            chosen = recipes[part.start : part.stop]
            if recorded is not None:
                chosen = chosen[: recorded.networks // each]
            elif done and (
                trainer.interrupt.is_set
                or trainer.elapsed + (trainer.elapsed - begun) / done * len(part) > end
            ):
                break
            run = self._train(chosen, done, len(recipes), end) if chosen else None
            if run is None and not done:
                # Ctrl-C before anything was confirmed: one recipe still is, because without it there is no model
                chosen = recipes[:1]
                trainer.interrupt.is_set = False
                run = self._train(chosen, 0, 1, end)
                trainer.interrupt.is_set = True
                if run is None:
                    raise KeyboardInterrupt
            if run is None:
                break
            for r, recipe in enumerate(chosen):
                self._enter(recipe, run, r * each, books[done + r])
            done += len(chosen)
            self.seconds += run.seconds
            if len(chosen) < len(part):
                break
        return done

    def _train(self, recipes: list[Recipe], done: int, total: int, end: float) -> Run | None:
        plan, trainer = self.plan, self.trainer
        members = tuple(
            Member(recipe, Streams.of(plan.seed, Stage.CONFIRM, f * plan.seeds + s), self.rows[f])
            for recipe in recipes
            for f in self.group
            for s in range(plan.seeds)
        )
        each, before = plan.seeds * len(self.group), self.group.start * plan.seeds
        return trainer.train(
            Population(members, self.views),
            stage="confirm",
            number=self.group.start,
            done=total * before + done * each,
            total=total * plan.folds * plan.seeds,
            diverged=0,
            best=np.nan,
            until=np.inf if not done else 1.5 * end,
            left_s=lambda share: max(min(end, 1e6) - trainer.elapsed, 0.0),
            facts={"epochs": plan.epochs, "seeds": plan.seeds},
        )

    def _enter(self, recipe: Recipe, run: Run, start: int, book: _Book) -> None:
        """Predict the held-out rows with a recipe's networks, score them, and write it all down."""
        table, plan = self.table, self.plan
        data, target = table.data, table.data.target
        metric = metric_for(target.task, plan.metric)
        of_recipe = slice(start, start + len(self.group) * plan.seeds)
        book.curves.append((run.loss[:, of_recipe], run.held_loss[:, of_recipe]))
        book.n_diverged += int(run.diverged[of_recipe].sum())
        for f in self.group:
            at = slice(start, start + plan.seeds)
            start += plan.seeds
            fold = self.folds[f]
            held = np.searchsorted(table.development, fold.held)
            parameters = list(run.parameters[at])
            book.parameters.append(parameters)
            book.held_losses[f], book.train_losses[f] = run.score[at], run.final_loss[at]
            outputs = forward(recipe.dense, np.stack(parameters), self.views[f"fold {f}"].X[held])
            values = to_values(outputs, self.encoders[f], target)
            weights = None if data.weights is None else data.weights[fold.held]
            for s in range(plan.seeds):
                if np.isfinite(values[s]).all() and np.isfinite(book.held_losses[f, s]):  # else it diverged
                    book.predictions[s, held] = values[s]
                    score = metric.score(data.y[fold.held], values[s], weights)
                    book.scores[f, s] = score if metric.is_loss else -score
