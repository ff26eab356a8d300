"""Whether the best recipe underfits or overfits: its twins, each with one remedy, on folds of their own.

What is tried is part of the plan. The clock only decides beforehand how much of it there is room for; where there is no
room at all, that is said, because a remedy that was not tried proves nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer
from manyfit.data import Fold, folds, hold_out
from manyfit.errors import DataError
from manyfit.job.plan import NETWORK_S, Plan, Size
from manyfit.job.rows import Stage, Table
from manyfit.job.training import Trainer
from manyfit.losses import BCE, MSE, CrossEntropy
from manyfit.population import Population
from manyfit.questions import GivenRows, OfLoss, Split, Task, ask
from manyfit.questions.diagnose import SHARES, Diagnose, twins
from manyfit.recipe import Recipe
from manyfit.rng import derive, epoch_order
from manyfit.runs import Run
from manyfit.stats import Finding
from manyfit.text import Text

Ints = NDArray[np.int64]

STOP_SHARE = 0.15
"""Share of a fold's training rows that early stopping watches, so that the rows that score have decided nothing."""
MIN_ROWS = 2000
"""Twins of a large table see no fewer training rows than this: the answer would be about another table."""
SLACK = 2.5
"""Twins that take so many times longer than expected are given up: the budget is the user's."""
AGAIN = 4
"""Networks like the recipe as it is, for each pair, that the remedies of findings may take: itself on a fresh pair, and three."""
MOST_CELLS = 20_000_000
"""Cells of all encodings together up to which every seed has folds of its own; beyond, seeds share them: 160 MB."""
Edges = Callable[[Mapping[str, Finding]], Sequence[Sequence[Any]]]


@dataclass(frozen=True)
class Trial:
    """How much is tried.

    folds: Folds of their own; 0 tries nothing.
    seeds: Fresh seeds for each.
    rows: Training rows at most; 0 for all.
    """

    folds: int
    seeds: int
    rows: int = 0

    @property
    def n_pairs(self) -> int:
        """Pairs of twins."""
        return self.folds * self.seeds


NOTHING = Trial(0, 0)


@dataclass(frozen=True)
class Tried:
    """What came of it.

    facts: Plain values: the code and its evidence, or why there is none.
    answer: The question's own answer with its figures; None when nothing was tried.
    trial: How much was really tried, for the realised plan.
    """

    facts: Mapping[str, Any]
    answer: Answer | None
    trial: Trial


def seconds_of(trial: Trial, recipe: Recipe, size: Size, rate: float) -> float:
    """Seconds that a trial takes, by the cost model of the plan.

    Args:
        trial: How much is tried.
        recipe: The recipe in question, at its full length.
        size: The table.
        rate: Operations per second, as measured.
    """
    rows = min(trial.rows or size.n_train, size.n_train)
    each = sum(
        size.work(twin, twin.epochs, round(rows * SHARES.get(name, 1.0))) / rate + NETWORK_S
        for name, twin in twins(recipe).items()
    )
    each += AGAIN * (size.work(recipe, recipe.epochs, rows) / rate + NETWORK_S)
    return trial.n_pairs * each


def size_trial(recipe: Recipe, size: Size, rate: float, seconds: float, most: Trial) -> Trial:
    """The largest trial that fits: fewer seeds first, then fewer rows; folds stay, they are the uncertainty.

    Args:
        recipe: The recipe in question.
        size: The table.
        rate: Operations per second, as measured.
        seconds: What there is.
        most: What the plan allows.

    Returns:
        What fits; `NOTHING` when nothing does.
    """
    tried = [Trial(most.folds, seeds, most.rows) for seeds in range(most.seeds, 0, -1)]
    rows = min(most.rows or size.n_train, size.n_train) // 2
    while rows >= MIN_ROWS:
        tried.append(Trial(most.folds, 1, rows))
        rows //= 2
    return next(
        (trial for trial in tried if trial.n_pairs and seconds_of(trial, recipe, size, rate) <= seconds),
        NOTHING,
    )


def recorded_trial(trainer: Trainer) -> Trial | None:
    """The trial that a killed job has carried out already; None when there is none."""
    part = trainer.recorded("twins")
    return Trial(**part.facts) if part is not None and part.networks else None


def try_twins(
    table: Table,
    recipe: Recipe,
    plan: Plan,
    trial: Trial,
    trainer: Trainer,
    *,
    expected_s: float = math.inf,
    needs_s: float = math.nan,
    mute: Sequence[str] = (),
    edges: Edges | None = None,
) -> Tried:
    """Ask whether the recipe fits, on development rows alone.

    Args:
        table: The data.
        recipe: The best confirmed recipe.
        plan: Seed and margin.
        trial: How much.
        trainer: What trains.
        expected_s: Seconds this should take; much more, and it is given up.
        needs_s: Seconds that the smallest trial would have taken, for whoever had too few.
        mute: Codes of findings that nobody wants to hear of.
        edges: From what remedies have shown to the settings at an edge of the search.
    """
    if trainer.ends("twins"):
        return untried("interrupted", needs_s)
    if not trial.n_pairs:
        return untried("budget", needs_s)
    try:
        task = task_for(table, recipe, trial)
    except DataError:  # too few rows, groups or moments to hold rows out twice
        return untried("rows")
    task = dataclasses.replace(task, edges=edges)
    until, numbers = trainer.elapsed + SLACK * expected_s, count()

    def fit(population: Population) -> Run:
        run = trainer.train(
            population,
            stage="twins",
            number=next(numbers),
            done=0,
            total=len(population),
            diverged=0,
            best=np.nan,
            until=until,
            left_s=lambda share: max(min(until, 1e6) - trainer.elapsed, 0.0),
            facts=dataclasses.asdict(trial),
        )
        if run is None:
            raise _GivenUpError
        return run

    try:
        question = Diagnose(replicates=trial.n_pairs, margin=plan.margin, mute=tuple(mute))
        answer = ask(question, task, fit=fit)
    except _GivenUpError:
        return untried("interrupted" if trainer.ends("twins") else "budget", needs_s)
    assert isinstance(task.rows, GivenRows)
    splits = task.rows.splits
    facts = {
        **answer.numbers,
        "tried": True,
        "score_name": task.measure.label.en,
        "pairs": trial.n_pairs,
        "n_train": float(np.mean([len(split.train) for split in splits])),
        "is_part": bool(trial.rows) and all(len(split.train) == trial.rows for split in splits),
    }
    return Tried(facts, answer, trial)


def task_for(table: Table, recipe: Recipe, trial: Trial) -> Task:
    """What the question is asked about: fresh folds, each with rows to stop by apart from rows to score.

    Raises:
        DataError: If the rows can't be divided so.
    """
    rows, scale = _rows_of(table, trial)
    to_score, score_name = _scored(recipe, scale)
    measure = OfLoss(Text(score_name, score_name), to_score)
    return Task(table.data.name, rows, recipe, measure, derive(table.seed, Stage.TWINS))


def _rows_of(table: Table, trial: Trial) -> tuple[GivenRows, float]:
    """The splits with their encodings, and the deviation of the target that scores are in."""
    views, splits, numbers = {}, [], {}
    scale = 1.0
    for number, fold in enumerate(_folds(table, trial)):
        key = derive(table.seed, Stage.TWINS, 1 + number)
        inner = hold_out(table.data, fold.train, key, share=STOP_SHARE)
        train = _some(inner.train, trial.rows, key)
        stop = _some(inner.held, trial.rows // 4, key)
        score = _some(fold.held, trial.rows // 2, key)
        encoder = table.encoder_of(train)
        if number == 0:
            scale = encoder.y_scale
        # one unit for all folds, so that their scores are in the unit of the target
        encoder = dataclasses.replace(encoder, y_scale=scale)
        name = f"twins {number}"
        numbers[name] = np.concatenate([train, stop, score])
        views[name] = table.view_of(encoder, numbers[name])
        ends = np.cumsum([len(train), len(stop), len(score)])
        places = np.arange(ends[-1])
        splits.append(Split(name, places[: ends[0]], places[ends[0] : ends[1]], places[ends[1] :]))
    leaking = tuple(note for note in table.data.notes if note.code == "leak")

    def reduced(column: str) -> GivenRows:
        return _rows_of(dataclasses.replace(table, data=table.data.without(column)), trial)[0]

    return GivenRows(views, tuple(splits), None, leaking, reduced, numbers, table.data.block), scale


def _folds(table: Table, trial: Trial) -> tuple[Fold, ...]:
    """Folds of their own for every seed, so that no two pairs share their rows; those of the first where that takes too much."""
    data, rows = table.data, table.development
    used = min(trial.rows or len(rows), len(rows)) * max(len(data.used), 1)
    n_seeds = trial.seeds if data.time is None and used * trial.n_pairs <= MOST_CELLS else 1
    return tuple(
        fold
        for seed in range(n_seeds)
        for fold in folds(data, rows, trial.folds, derive(table.seed, Stage.TWINS, 0, seed))
    )


def _scored(recipe: Recipe, scale: float) -> tuple[Any, str]:
    """From a mean loss to the number that users read, and its name."""
    if isinstance(recipe.loss, MSE):
        return lambda loss: scale * np.sqrt(loss), "RMSE"
    if isinstance(recipe.loss, (CrossEntropy, BCE)):
        return lambda loss: loss, "log loss"
    return lambda loss: loss, "loss"


def _some(rows: Ints, most: int, key: int) -> Ints:
    """At most so many of the rows, drawn at random; all of them for 0."""
    if not most or len(rows) <= most:
        return rows
    return np.sort(rows[epoch_order(key, 0, len(rows))[:most]])


def untried(why: str, needs_s: float = math.nan) -> Tried:
    """Nothing was tried: why ("budget", "interrupted" or "rows"), and the budget that would leave time for it."""
    facts = {
        "tried": False,
        "code": "cannot-tell",
        "why": why,
        "needs_s": needs_s if math.isfinite(needs_s) else None,
    }
    return Tried(facts, None, NOTHING)


class _GivenUpError(Exception):
    """A trial took too long, or was interrupted: half of it proves nothing."""
