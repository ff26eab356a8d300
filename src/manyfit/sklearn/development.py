"""The main job without test rows: search, confirmation, the model; and a plan that the table alone decides."""

from __future__ import annotations

import dataclasses
import time as clocks
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from manyfit.data import Dataset
from manyfit.errors import DataError, Problem, UsageError
from manyfit.job.confirm import Confirmed, confirm, fitted
from manyfit.job.defaults import default_space
from manyfit.job.ensemble import calibrate, choose, held_out, out_of_fold
from manyfit.job.measure import measure
from manyfit.job.narrator import Silent
from manyfit.job.options import AT_LEAST_ONE, Options
from manyfit.job.plan import CONFIRM_SHARE, SEARCH_SHARE, Plan, Size, size_plan
from manyfit.job.rows import Table
from manyfit.job.search import run_search
from manyfit.job.training import Trainer
from manyfit.metrics import Metric, metric_for
from manyfit.model import Model
from manyfit.registry import name_of
from manyfit.samplers.halving import ladder
from manyfit.space import Space

RATE = 1e11
"""Operations a second of an imagined machine, so that plans have the same size on all real ones."""
FOLDS = 5
MIN_ROWS = 3
"""Different rows: two to train on and one to hold out."""


def usual_seconds(n_rows: int) -> float:
    """Seconds on the imagined machine that a table of so many rows is worth: 5 ms a row, no less than 0.5 s, no more than 60 s.

    Example:
        >>> [usual_seconds(n) for n in (60, 1000, 500_000)]
        [0.5, 5.0, 60.0]
    """
    return min(max(0.005 * n_rows, 0.5), 60.0)


@dataclass(frozen=True)
class Development:
    """What came out.

    model: The model; it keeps no training data.
    confirmed: What was measured of the recipes that reached confirmation.
    chosen: Indices of the recipes that are averaged, the best first.
    metric: What decided.
    plan: The plan as it was carried out.
    space: What was searched.
    """

    model: Model
    confirmed: Confirmed
    chosen: list[int]
    metric: type[Metric]
    plan: Plan
    space: Space


def develop(
    data: Dataset, options: Options, *, budget: float | None = None, n_recipes: int | None = None
) -> Development:
    """Search, confirm, choose and calibrate on all rows of a table.

    Args:
        data: The table, without test rows.
        options: How. Their budget is not read, their plan is repeated exactly.
        budget: Seconds of wall time that size the plan; None lets the table size it.
        n_recipes: Recipes that the search begins with; None for as many as fit.

    Raises:
        DataError: If the table has too few different rows.
    """
    options.check()
    if n_recipes is not None and n_recipes < 1:
        raise UsageError(Problem("n_recipes", AT_LEAST_ONE, str(n_recipes)))
    if data.n_rows < MIN_ROWS:
        got = f"{data.n_rows} sample{'s' * (data.n_rows != 1)}"
        hint = "Copies of a row, and rows of weight 0, don't count."
        raise DataError(Problem("X", f"must have at least {MIN_ROWS} different rows", got, hint=hint))
    metric = metric_for(data.task, options.metric)
    table = Table(data, options.seed)
    trainer = Trainer(Silent(), engine=options.engine, threads=options.threads, began=clocks.perf_counter())
    space = options.space or default_space(
        data.task, len(table.search_fold.train), max_width=options.max_width
    )
    plan = options.plan or _plan(table, space, trainer, options, name_of(metric), budget, n_recipes)
    has_deadline = budget is not None and options.plan is None
    left = max(budget - trainer.elapsed, 0.3 * budget) if has_deadline and budget is not None else np.inf
    found = run_search(table, space, plan, trainer, until=trainer.elapsed + SEARCH_SHARE * left)
    seconds = (CONFIRM_SHARE + 0.05) * left
    if has_deadline:
        plan = fitted(plan, found, trainer, seconds=seconds)
    confirmed = confirm(table, found, plan, trainer, until=trainer.elapsed + seconds)
    chosen = choose(confirmed, plan.margin, plan.ensemble)
    realised = dataclasses.replace(
        plan.realised([tried.rung for tried in found.rungs], len(confirmed.recipes)),
        twin_folds=0,  # remedies are tried by the main job only
        twin_seeds=0,
        twin_rows=0,
    )
    known = held_out(confirmed)
    rows = table.development[known]
    weights = None if data.weights is None else data.weights[rows]
    calibration = calibrate(data.target, data.y[rows], out_of_fold(confirmed, chosen)[known], weights)
    facts = {
        "source": data.name,
        "seed": options.seed,
        "metric": realised.metric,
        "margin": realised.margin,
        "plan": realised.to_dict(),
        "plan_hash": realised.hash,
        "engine": trainer.described,
        "rows": {"development": len(table.development), "test": 0},
        "columns": [column.to_dict() for column in data.columns],
        "notes": [
            {"code": n.code, "en": n.text, "zh": n.zh, "flag": n.flag, "warning": n.is_warning}
            for n in data.notes
        ],
        "recipes": [confirmed.recipes[r].to_dict() for r in chosen],
    }
    model = Model(data.target, confirmed.encoders, confirmed.networks(chosen), calibration, facts)
    return Development(model, confirmed, chosen, metric, realised, space)


def _plan(
    table: Table,
    space: Space,
    trainer: Trainer,
    options: Options,
    metric: str,
    budget: float | None,
    n_recipes: int | None,
) -> Plan:
    """A plan sized by the table, on a machine that never changes; with a budget by the clock of this one."""
    if budget is None:
        size, rate = size_of(table), RATE
        seconds = usual_seconds(table.data.n_rows)
    else:
        size, rate, _ = measure(table, space, trainer)
        seconds = budget
    plan = size_plan(
        space,
        size,
        rate=rate,
        seconds=seconds,
        seed=options.seed,
        metric=metric,
        margin=options.margin,
        ensemble=options.ensemble,
        spent=0.0 if budget is None else trainer.elapsed,
    )
    plan = dataclasses.replace(plan, folds=min(FOLDS, plan.folds, table.data.n_rows))
    if n_recipes is None:
        return plan
    rungs = ladder(n_recipes, plan.epochs, size.n_train, last=min(max(plan.finalists, 4), 12))
    n_structures = len(space.structures)
    return dataclasses.replace(
        plan,
        rungs=rungs,
        finalists=min(plan.finalists, rungs[-1].recipes),
        block=16 if n_recipes >= 8 * n_structures else max(n_recipes // n_structures, 1),
        expected_s=(),
    )


def size_of(table: Table) -> Size:
    """What the sizing of a plan looks at, without training anything."""
    fold = table.search_fold
    encoder = table.fit_encoder(fold)
    return Size(len(fold.train), len(fold.held), encoder.n_inputs, encoder.n_outputs)


def results_of(found: Development) -> dict[str, Any]:
    """What confirmation measured, in the words of `GridSearchCV.cv_results_`: one entry for each confirmed recipe.

    Returns:
        "params" and "param_…": what was searched, by dotted path; "split{k}_test_score": the metric on held-out rows of
        fold k, averaged over seeds; their mean, standard deviation and rank. Scores are negated where small is good.
    """
    paths = dict.fromkeys(
        path for s in (found.space, *found.space.structures) for path in (*getattr(s, "fixed", ()), *s.ranges)
    )
    params: list[dict[str, Any]] = []
    for recipe in found.confirmed.recipes:
        plain = {path: _value(recipe, path) for path in paths}
        params.append({path: value for path, value in plain.items() if value is not None})
    results: dict[str, Any] = {"params": params}
    for path in paths:
        column = np.ma.masked_all(len(params), dtype=object)
        for i, values in enumerate(params):
            if path in values:
                column[i] = values[path]
        results[f"param_{path}"] = column
    scores = -cast(Any, found.confirmed.scores)  # [R, F, S], large is good
    by_fold = scores.mean(2)
    for fold in range(by_fold.shape[1]):
        results[f"split{fold}_test_score"] = by_fold[:, fold]
    mean = scores.mean((1, 2))
    with np.errstate(invalid="ignore"):  # a recipe that diverged scores −infinity
        results["std_test_score"] = scores.std((1, 2))
    results["mean_test_score"] = mean
    results["rank_test_score"] = np.array([1 + int((mean > value).sum()) for value in mean], dtype=np.int32)
    return results


def _value(recipe: Any, path: str) -> Any:
    """A setting as one plain value: rules by their name; None where this recipe has no such setting."""
    from manyfit.errors import RecipeError

    try:
        value = recipe.get(path)
    except RecipeError:
        return None
    return name_of(value) if dataclasses.is_dataclass(value) else value
