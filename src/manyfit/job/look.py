"""The look at the test rows: the model and its rivals on rows that nobody has learned from, compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.job.baselines import baselines
from manyfit.job.rows import Stage, Table
from manyfit.metrics import Metric, OfRows, metric_for, metrics_for
from manyfit.model import Model
from manyfit.rng import derive
from manyfit.stats import LEVEL, Finding, Interval, bootstrap_rows, judge

Floats = NDArray[np.float64]
OURS = "manyfit"


@dataclass(frozen=True)
class Contender:
    """One line of the TEST table.

    name: "manyfit", "boosting", "linear", "mean" or "majority".
    score: The metric on the test rows, with its interval over rows.
    minus: Its score minus manyfit's, paired over rows; None for manyfit itself.
    finding: Whether it is better or worse than manyfit, the same within the margin, or cannot be told.
    others: Other metrics of the task by name.
    """

    name: str
    score: Interval
    minus: Interval | None
    finding: Finding | None
    others: Mapping[str, float]


@dataclass(frozen=True)
class Look:
    """One opening of the test rows.

    opening: How often they have been opened, this time included.
    metric: Name of the metric.
    n_rows: Test rows.
    contenders: manyfit first, then the others, the best first.
    covered: Share of test rows inside the 90 % prediction intervals, with its interval; None for classes.
    """

    opening: int
    metric: str
    n_rows: int
    contenders: tuple[Contender, ...]
    covered: Interval | None = None

    def __getitem__(self, name: str) -> Contender:
        return next(contender for contender in self.contenders if contender.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def look(model: Model, table: Table, metric: str, margin: float) -> Look:
    """Open the test rows once, and score the model beside the baselines on them.

    Args:
        model: The trained model.
        table: The data it was trained on.
        metric: Name of the deciding metric.
        margin: Share of the model's score within which a rival counts as the same.
    """
    from manyfit.stats import proportion_interval

    opened = model.open_test(table.data)
    predictions = {OURS: opened.predicted}
    predictions.update(baselines(table, opened.rows))
    scorer = metric_for(table.data.task, metric)
    blocks = _blocks(table, opened.rows)
    seed = derive(table.seed, Stage.TEST, 1)
    statistics = {
        name: statistic(scorer, opened.y, values, opened.weights) for name, values in predictions.items()
    }
    ours = over_rows(statistics[OURS], len(opened.y), blocks=blocks, seed=seed)
    contenders = []
    for name, values in predictions.items():
        score, minus, finding = ours, None, None
        if name != OURS:
            score = over_rows(statistics[name], len(opened.y), blocks=blocks, seed=seed)
            minus, finding = _paired(
                statistics[name],
                statistics[OURS],
                len(opened.y),
                blocks,
                seed,
                margin * abs(ours.estimate),
                scorer,
            )
        others = {
            key: other.score(opened.y, values, opened.weights)
            for key, other in metrics_for(table.data.task).items()
            if key != metric
        }
        contenders.append(Contender(name, bounded(score, scorer), minus, finding, others))
    sign = 1 if scorer.is_loss else -1
    rivals = sorted(contenders[1:], key=lambda c: (np.isnan(c.score.estimate), sign * c.score.estimate))
    covered = None
    if 0.9 in model.calibration.widths:
        inside = np.abs(opened.y - opened.predicted) <= model.calibration.widths[0.9]
        covered = proportion_interval(int(inside.sum()), len(inside), scope="test rows")
    return Look(opened.opening, metric, len(opened.y), (contenders[0], *rivals), covered)


def over_rows(score: Any, n: int, *, blocks: Any, seed: int, level: float = LEVEL) -> Interval:
    """A bootstrap interval over rows, widened where there are few of them.

    A bootstrap of few rows is too narrow: it divides by n where n − 1 is due, and knows no heavier tail than the rows
    have. The ends are moved out by what separates Student's t from the normal law; at 100 rows that is 2 %, at 12 rows
    17 %, and 2 rows know next to nothing.
    """
    from scipy import stats

    found = bootstrap_rows(score, n, blocks=blocks, seed=seed, level=level)
    if found.n < 2:
        return found
    share = 0.5 + level / 2
    factor = float(stats.t.ppf(share, found.n - 1) / stats.norm.ppf(share)) * (found.n / (found.n - 1)) ** 0.5
    low, high = (found.estimate + factor * (end - found.estimate) for end in (found.low, found.high))
    return replace(found, low=low, high=high, method=f"{found.method}, widened for few rows")


def bounded(interval: Interval, metric: type[Metric]) -> Interval:
    """An interval without values that the metric can't have."""
    least = -np.inf if metric.label == "R²" else 0.0
    most = np.inf if metric.is_loss else 1.0
    return replace(interval, low=max(interval.low, least), high=min(interval.high, most))


def statistic(metric: type[Metric], y: NDArray[Any], predicted: Floats, weights: Floats | None) -> Any:
    """The metric as a function of how often each row was drawn: [R, n] counts to [R] scores."""
    w = np.ones(len(y)) if weights is None else weights
    if issubclass(metric, OfRows):
        rows = metric.rows(y, predicted)

        def of_means(counts: Floats) -> Floats:
            weighted = counts * w
            return metric.of(weighted @ rows / np.maximum(weighted.sum(1, keepdims=True), 1e-300))

        return of_means
    return lambda counts: np.array([metric.score(y, predicted, drawn * w) for drawn in counts])


def _paired(
    a: Any, b: Any, n: int, blocks: Any, seed: int, margin: float, metric: type[Metric]
) -> tuple[Interval, Finding]:
    def difference(counts: Floats) -> Floats:
        return a(counts) - b(counts)

    sign = 1 if metric.is_loss else -1
    minus = over_rows(difference, n, blocks=blocks, seed=seed)
    narrow = over_rows(difference, n, blocks=blocks, seed=seed, level=2 * LEVEL - 1)
    if sign < 0:
        turned = [
            Interval(-i.estimate, -i.high, -i.low, i.level, i.n, i.scope, i.method) for i in (minus, narrow)
        ]
        return minus, judge(turned[0], turned[1], margin)
    return minus, judge(minus, narrow, margin)


def _blocks(table: Table, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """What is drawn whole: groups or copies where there are some, about thirty blocks of time where there is time."""
    data = table.data
    if data.time is not None:
        order = np.argsort(np.argsort(data.time[rows], kind="stable"), kind="stable")
        return (order * 30 // max(len(rows), 1)).astype(np.int64)
    return None if data.block is None else data.block[rows]
