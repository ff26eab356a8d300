"""Which columns matter: how much worse held-out rows are predicted when one column's cells are shuffled among them.

The networks of each fold look at the rows that this fold held out, so no row is predicted by a network that has seen
it, and the locked test rows stay locked. All inputs that come from one column are shuffled together, which is the same as
shuffling the column and encoding it.

References:
    Breiman 2001, Random Forests; Fisher, Rudin & Dominici 2019, https://jmlr.org/papers/v20/18-760.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import ordered
from manyfit.job.confirm import Confirmed
from manyfit.job.rows import Stage
from manyfit.metrics import Metric, metric_for
from manyfit.model import forward, tempered, to_values
from manyfit.registry import name_of
from manyfit.rng import derive, epoch_order
from manyfit.stats import Interval, above_zero, benjamini_hochberg, mean_interval

Floats = NDArray[np.float64]

SHUFFLES = 5
"""Shuffles of each column in each fold."""
MAX_ROWS, MIN_ROWS = 1000, 60
"""Held-out rows of a fold that are looked at."""
MAX_COLUMNS = 150
"""Columns that are shuffled; of more, those whose inputs have the largest first weights."""
MAX_RECIPES = 3
"""Recipes whose networks look; the best ones, with all their seeds."""
BY_CHANCE = 0.1
"""Share of the columns that are said to matter which may be there by chance."""
OPERATIONS = 3e10
"""Multiplications spent on all columns together: a second or so."""


@dataclass(frozen=True)
class Importance:
    """What shuffling one column does.

    column: Its name.
    increase: Interval of the loss of score: how much worse the metric gets, positive when the column is of use.
    share: The same as a share of the score, as a plain number.
    matters: Whether it is named among those that matter, of which a tenth at most should be there by chance.
    """

    column: str
    increase: Interval
    share: float
    matters: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        i = self.increase
        return {
            "name": self.column,
            "estimate": i.estimate,
            "low": i.low,
            "high": i.high,
            "level": i.level,
            "n": i.n,
            "scope": i.scope,
            "method": i.method,
            "share": self.share,
            "matters": self.matters,
        }


@dataclass(frozen=True)
class Looked:
    """What was found out about all columns.

    found: The columns that were shuffled, the most important first.
    metric: Name of the metric.
    n_rows: Held-out rows that were looked at, over all folds.
    n_columns: Columns that networks read, shuffled or not.
    """

    found: tuple[Importance, ...]
    metric: str
    n_rows: int
    n_columns: int


def importance(
    confirmed: Confirmed,
    chosen: Sequence[int],
    metric: str,
    *,
    temperature: float = 1.0,
    shuffles: int = SHUFFLES,
) -> Looked:
    """Shuffle every column among the held-out rows of each fold.

    Args:
        confirmed: Networks, encoders and folds.
        chosen: Recipes of the model, the best first.
        metric: Name of the deciding metric; where it is undefined on a fold, the metric of the training takes its place.
        temperature: Of the model's probabilities.
        shuffles: How often each column is shuffled in each fold.

    Returns:
        For every column an interval over folds and shuffles, corrected for folds that share training rows.
    """
    table = confirmed.table
    recipes = list(chosen)[:MAX_RECIPES]
    encoder = confirmed.encoders[0]
    groups = encoder.groups
    names = _largest(confirmed, recipes, groups) if len(groups) > MAX_COLUMNS else list(groups)
    most = _rows_that_fit(confirmed, recipes, len(names), shuffles)
    scorers = [
        metric_for(table.data.task, name)
        for name in dict.fromkeys((metric, "rmse" if table.data.task == "regression" else "log_loss"))
    ]
    for scorer in scorers:
        base, increases, n_rows = _measured(confirmed, recipes, names, scorer, most, temperature, shuffles)
        if np.isfinite(base).all() and np.isfinite(increases).all():
            break
    scale = abs(float(base.mean())) or 1.0
    overlap = confirmed.overlap
    chance = benjamini_hochberg([above_zero(values, overlap=overlap) for values in increases.T])
    found = []
    for name, values, p in zip(names, increases.T, chance, strict=True):
        interval = mean_interval(values, scope="folds and shuffles", overlap=overlap)
        found.append(Importance(name, interval, interval.estimate / scale, bool(p < BY_CHANCE)))
    order = ordered(names, np.array([each.increase.estimate for each in found]))
    return Looked(tuple(found[j] for j in order), name_of(scorer), n_rows, len(groups))


def _measured(
    confirmed: Confirmed,
    recipes: Sequence[int],
    names: Sequence[str],
    scorer: type[Metric],
    most: int,
    temperature: float,
    shuffles: int,
) -> tuple[Floats, Floats, int]:
    """[F] scores as losses of the rows as they are, [F·shuffles, columns] what shuffling adds, and how many rows there were."""
    table = confirmed.table
    sign = 1.0 if scorer.is_loss else -1.0
    base = np.zeros(len(confirmed.folds))
    increases = np.zeros((len(confirmed.folds), shuffles, len(names)))
    n_rows = 0
    for f, fold in enumerate(confirmed.folds):
        key = derive(table.seed, Stage.COLUMNS, f)
        held = (
            fold.held
            if len(fold.held) <= most
            else np.sort(fold.held[epoch_order(key, 0, len(fold.held))[:most]])
        )
        n_rows += len(held)
        encoder = confirmed.encoders[f]
        X = encoder.transform(table.data.frame[held])
        y = table.data.y[held]
        weights = None if table.data.weights is None else table.data.weights[held]

        def loss(inputs: Floats, f: int = f, y: Any = y, weights: Any = weights) -> float:
            return sign * scorer.score(y, _predicted(confirmed, recipes, f, inputs, temperature), weights)

        base[f] = loss(X)
        groups = encoder.groups
        orders = [
            epoch_order(key, 1 + s, len(held)) for s in range(shuffles)
        ]  # the same for all columns: pairs
        for j, name in enumerate(names):
            inputs = groups[name]
            kept = X[:, inputs].copy()
            for s, order in enumerate(orders):
                X[:, inputs] = kept[order]
                increases[f, s, j] = loss(X) - base[f]
            X[:, inputs] = kept
    return base, increases.reshape(-1, len(names)), n_rows


def _predicted(
    confirmed: Confirmed, recipes: Sequence[int], fold: int, X: Floats, temperature: float
) -> Floats:
    """What the networks of one fold say, averaged as the model averages them."""
    target, encoder = confirmed.table.data.target, confirmed.encoders[fold]
    values = [
        to_values(
            forward(confirmed.recipes[r].network, np.stack(confirmed.parameters[r][fold]), X), encoder, target
        ).mean(0)
        for r in recipes
    ]
    average = np.mean(values, axis=0)
    return average if target.task == "regression" else tempered(average, temperature)


def _rows_that_fit(confirmed: Confirmed, recipes: Sequence[int], n_columns: int, shuffles: int) -> int:
    """Rows of each fold, so that the whole costs about as much whatever the table."""
    n_weights = sum(flat.size for r in recipes for flat in confirmed.parameters[r][0])
    each = n_weights * len(confirmed.folds) * max(n_columns, 1) * shuffles
    return int(np.clip(OPERATIONS / max(each, 1), MIN_ROWS, MAX_ROWS))


def _largest(confirmed: Confirmed, recipes: Sequence[int], groups: dict[str, NDArray[np.int64]]) -> list[str]:
    """The columns whose inputs carry the largest weights of the first layer, in the order of the table."""
    n_inputs = confirmed.encoders[0].n_inputs
    strength = np.zeros(n_inputs)
    for r in recipes:
        hidden = confirmed.recipes[r].network.hidden
        width = hidden[0] if hidden else confirmed.encoders[0].n_outputs
        for of_fold in confirmed.parameters[r]:
            for flat in of_fold:
                strength += np.square(
                    flat[: n_inputs * width].astype(np.float64).reshape(n_inputs, width)
                ).sum(1)
    by_column = {name: float(strength[places].sum()) for name, places in groups.items()}
    kept = set(sorted(by_column, key=lambda name: -by_column[name])[:MAX_COLUMNS])
    return [name for name in groups if name in kept]
