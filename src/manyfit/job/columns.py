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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import ordered
from manyfit.job.confirm import Confirmed
from manyfit.job.rows import Stage, Table
from manyfit.metrics import RMSE, LogLoss, Metric, metric_for
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


NO_SIGNAL = 0.001
"""Unless the networks beat a constant guess at this level, no column is said to matter. Strict, because the rows that tell
also ended the trainings and chose the recipes."""


class _Rows(NamedTuple):
    """What single held-out rows show, in the loss of training.

    added: [N, columns] what shuffling a column adds to the loss of a row, averaged over shuffles.
    gained: [N] what the networks take off the loss of a constant guess (the mean, the shares of the classes).
    """

    added: Floats
    gained: Floats


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
        For every column an interval over folds and shuffles, corrected for folds that share training rows. A column
        matters when it does so over folds and over rows too (folds share whatever is by chance in these rows), and when
        the networks beat a constant guess at all.
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
        base, increases, rows = _measured(confirmed, recipes, names, scorer, most, temperature, shuffles)
        if np.isfinite(base).all() and np.isfinite(increases).all():
            break
    scale = abs(float(base.mean())) or 1.0
    overlap = confirmed.overlap
    chance = benjamini_hochberg(
        [
            max(above_zero(values, overlap=overlap), above_zero(of_rows))
            for values, of_rows in zip(increases.T, rows.added.T, strict=True)
        ]
    )
    if above_zero(rows.gained) > NO_SIGNAL:
        chance = np.ones_like(chance)
    found = []
    for name, values, p in zip(names, increases.T, chance, strict=True):
        interval = mean_interval(values, scope="folds and shuffles", overlap=overlap)
        found.append(Importance(name, interval, interval.estimate / scale, bool(p < BY_CHANCE)))
    order = ordered(names, np.array([each.increase.estimate for each in found]))
    return Looked(tuple(found[j] for j in order), name_of(scorer), len(rows.gained), len(groups))


def _measured(
    confirmed: Confirmed,
    recipes: Sequence[int],
    names: Sequence[str],
    scorer: type[Metric],
    most: int,
    temperature: float,
    shuffles: int,
) -> tuple[Floats, Floats, _Rows]:
    """[F] scores as losses of the rows as they are, [F·shuffles, columns] what shuffling adds, and the single rows."""
    table = confirmed.table
    target = table.data.target
    sign = 1.0 if scorer.is_loss else -1.0
    of_training = RMSE if target.task == "regression" else LogLoss
    base = np.zeros(len(confirmed.folds))
    increases = np.zeros((len(confirmed.folds), shuffles, len(names)))
    added, gained = [], []
    for f, fold in enumerate(confirmed.folds):
        key = derive(table.seed, Stage.COLUMNS, f)
        held = fold.held
        if len(held) > most:
            held = np.sort(held[epoch_order(key, 0, len(held))[:most]])
        encoder = confirmed.encoders[f]
        X = encoder.transform(table.data.frame[held])
        y = table.data.y[held]
        weights = None if table.data.weights is None else table.data.weights[held]
        share = np.ones(len(held)) if weights is None else weights / (weights.mean() or 1.0)
        as_it_is = _predicted(confirmed, recipes, f, X, temperature)
        base[f] = sign * scorer.score(y, as_it_is, weights)
        own = share * of_training.rows(y, as_it_is)[:, 0]
        gained.append(share * of_training.rows(y, _constant(table, fold.train, len(held)))[:, 0] - own)
        of_rows = np.zeros((len(held), len(names)))
        orders = [
            epoch_order(key, 1 + s, len(held)) for s in range(shuffles)
        ]  # the same for all columns: pairs
        for j, name in enumerate(names):
            inputs = encoder.groups[name]
            kept = X[:, inputs].copy()
            for s, order in enumerate(orders):
                X[:, inputs] = kept[order]
                shuffled = _predicted(confirmed, recipes, f, X, temperature)
                increases[f, s, j] = sign * scorer.score(y, shuffled, weights) - base[f]
                of_rows[:, j] += (share * of_training.rows(y, shuffled)[:, 0] - own) / shuffles
            X[:, inputs] = kept
        added.append(of_rows)
    return base, increases.reshape(-1, len(names)), _Rows(np.concatenate(added), np.concatenate(gained))


def _constant(table: Table, train: NDArray[np.int64], n: int) -> Floats:
    """What a guess that looks at no column says of n rows: the mean, or the shares of the classes, of the training rows."""
    y, n_classes = table.data.y[train], table.data.target.n_classes
    if not n_classes:
        return np.full(n, y.mean())
    counts = np.bincount(y.astype(np.int64), minlength=n_classes) + 1.0 / n_classes  # no class is impossible
    return np.tile(counts / counts.sum(), (n, 1))


def _predicted(
    confirmed: Confirmed, recipes: Sequence[int], fold: int, X: Floats, temperature: float
) -> Floats:
    """What the networks of one fold say, averaged as the model averages them."""
    target, encoder = confirmed.table.data.target, confirmed.encoders[fold]
    values = [
        to_values(
            forward(confirmed.recipes[r].dense, np.stack(confirmed.parameters[r][fold]), X), encoder, target
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
        hidden = confirmed.recipes[r].dense.hidden
        width = hidden[0] if hidden else confirmed.encoders[0].n_outputs
        for of_fold in confirmed.parameters[r]:
            for flat in of_fold:
                strength += np.square(
                    flat[: n_inputs * width].astype(np.float64).reshape(n_inputs, width)
                ).sum(1)
    by_column = {name: float(strength[places].sum()) for name, places in groups.items()}
    kept = set(sorted(by_column, key=lambda name: -by_column[name])[:MAX_COLUMNS])
    return [name for name in groups if name in kept]
