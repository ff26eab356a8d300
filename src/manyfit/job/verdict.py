"""The verdict: what can be said of the confirmed recipes and of the model, with what shows it, all of it on development rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.job.columns import Looked, importance
from manyfit.job.confirm import Confirmed
from manyfit.job.ensemble import held_out, out_of_fold
from manyfit.job.plan import Plan, Size
from manyfit.job.rows import Stage
from manyfit.job.training import Trainer
from manyfit.job.trust import Trust, cross_tempered, trust
from manyfit.job.twins import (
    MIN_ROWS,
    Edges,
    Trial,
    Tried,
    recorded_trial,
    seconds_of,
    size_trial,
    try_twins,
    untried,
)
from manyfit.model import Model
from manyfit.rng import derive, epoch_order

Floats = NDArray[np.float64]

LOOK_S, LOOK_SHARE = 1.5, 0.08
"""Seconds, and share of the budget, that the columns, the baselines and the report take after the remedies."""
TWINS_SHARE = 0.12
"""Share of the budget that the remedies have in any case, even when search and confirmation took longer than they should."""
MAX_ROWS = 20_000
"""Out-of-fold rows that pictures and calibration errors are made from."""


@dataclass(frozen=True, eq=False)
class Held:
    """Out-of-fold rows: predicted by networks that have not seen them.

    rows: [n] places in the table.
    y: [n] truth.
    predicted: [n] numbers, or [n, C] probabilities as the networks give them.
    trusted: [n, C] the same tempered, by temperatures found on other folds; for numbers the predictions.
    weights: [n] weights of the rows, or None.
    """

    rows: NDArray[np.int64]
    y: NDArray[Any]
    predicted: Floats
    trusted: Floats
    weights: Floats | None


@dataclass(frozen=True, eq=False)
class Judged:
    """All that the verdict stands on.

    tried: Remedies for over- and underfitting.
    columns: Which columns matter.
    held: Out-of-fold rows.
    trust: Calibration of the probabilities; None for numbers.
    """

    tried: Tried
    columns: Looked
    held: Held
    trust: Trust | None

    def facts(self) -> dict[str, Any]:
        """Plain values, for the model and for JSON."""
        looked = self.columns
        return {
            "fit": dict(self.tried.facts),
            "importance": {
                "metric": looked.metric,
                "n_rows": looked.n_rows,
                "n_columns": looked.n_columns,
                "found": [each.to_dict() for each in looked.found],
            },
            "trust": None if self.trust is None else dataclasses.asdict(self.trust),
        }


def remedies(
    confirmed: Confirmed,
    best: int,
    plan: Plan,
    trainer: Trainer,
    *,
    budget: float,
    is_repeated: bool,
    mute: Sequence[str] = (),
    edges: Edges | None = None,
) -> Tried:
    """Try what the plan allows and the budget still holds.

    Args:
        confirmed: What confirmation measured, its pace included.
        best: The recipe in question.
        plan: The plan.
        trainer: What trains.
        budget: Seconds of the whole job.
        is_repeated: Whether the plan is one that was realised before: then it is carried out, whatever the clock says.
        mute: Codes of findings that nobody wants to hear of.
        edges: From what remedies have shown to the settings at an edge of the search.
    """
    about: dict[str, Any] = {"mute": mute, "edges": edges}
    recipe, most = confirmed.recipes[best], Trial(plan.twin_folds, plan.twin_seeds, plan.twin_rows)
    if is_repeated:
        return try_twins(confirmed.table, recipe, plan, most, trainer, **about)
    if confirmed.interrupted:
        return untried("interrupted")
    size = size_of(confirmed)
    done = sum(size.work(each, each.epochs) for each in confirmed.recipes) * plan.folds * plan.seeds
    rate = max(done, 1.0) / max(confirmed.seconds, 1e-3)
    left = max(budget - trainer.elapsed - LOOK_S - LOOK_SHARE * budget, TWINS_SHARE * budget)
    trial = recorded_trial(trainer) or size_trial(recipe, size, rate, left, most)
    least = Trial(most.folds, 1, MIN_ROWS if size.n_train > 2 * MIN_ROWS else 0)
    enough = (seconds_of(least, recipe, size, rate) + LOOK_S) / TWINS_SHARE
    return try_twins(
        confirmed.table,
        recipe,
        plan,
        trial,
        trainer,
        expected_s=max(seconds_of(trial, recipe, size, rate), 0.5),
        needs_s=max(enough, 1.5 * budget),
        **about,
    )


def size_of(confirmed: Confirmed) -> Size:
    """The table as the cost model sees it, from the folds of the confirmation."""
    n_train, n_held = (
        round(float(np.mean([len(part) for part in parts]))) for parts in zip(*confirmed.folds, strict=True)
    )
    encoder = confirmed.encoders[0]
    return Size(n_train, n_held, encoder.n_inputs, encoder.n_outputs)


def judge(model: Model, confirmed: Confirmed, chosen: Sequence[int], tried: Tried, metric: str) -> Judged:
    """What the networks of the model say of themselves, on rows that they have not seen.

    Args:
        model: The model, calibrated.
        confirmed: What confirmation measured.
        chosen: Recipes of the model, the best first.
        tried: What came of the remedies.
        metric: Name of the deciding metric.
    """
    held = held_rows(confirmed, chosen)
    found = None
    if model.target.task != "regression":
        data = confirmed.table.data
        blocks = None if data.block is None else data.block[held.rows]
        found = trust(
            held.y,
            held.predicted,
            held.trusted,
            model.calibration.temperature,
            weights=held.weights,
            blocks=blocks,
            seed=derive(confirmed.table.seed, Stage.SHOWN),
        )
    looked = importance(confirmed, chosen, metric, temperature=model.calibration.temperature)
    return Judged(tried, looked, held, found)


def held_rows(confirmed: Confirmed, chosen: Sequence[int]) -> Held:
    """The out-of-fold rows, at most `MAX_ROWS` of them drawn at random."""
    table = confirmed.table
    known = np.flatnonzero(held_out(confirmed))
    if len(known) > MAX_ROWS:
        order = epoch_order(derive(table.seed, Stage.SHOWN, 1), 0, len(known))
        known = np.sort(known[order[:MAX_ROWS]])
    predicted = out_of_fold(confirmed, list(chosen))[known]
    rows = table.development[known]
    y = table.data.y[rows]
    weights = None if table.data.weights is None else table.data.weights[rows]
    if table.data.task == "regression":
        return Held(rows, y, predicted, predicted, weights)
    fold = np.zeros(len(table.development), dtype=np.int64)
    for number, each in enumerate(confirmed.folds):
        fold[np.searchsorted(table.development, each.held)] = number
    return Held(
        rows, y, predicted, cross_tempered(table.data.target, y, predicted, fold[known], weights), weights
    )


def enough(seconds: float) -> float:
    """A budget as people write it: rounded up to two digits at most.

    Example:
        >>> enough(61.3), enough(7.2), enough(1234.0)
        (70.0, 8.0, 2000.0)
    """
    if seconds <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(seconds))
    return math.ceil(seconds / size) * size
