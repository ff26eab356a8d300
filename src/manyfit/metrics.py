"""Metrics: how good predictions are, in a number that a reader understands. Losses train, metrics report.

A metric is given by a few statistics of each row and by what their weighted means amount to. That makes every resample
of the rows (weights drawn by a bootstrap) one matrix product. Predictions are probabilities `[N, C]` for classes,
numbers `[N]` for a regression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.registry import Registry, name_of
from manyfit.text import Text

Floats = NDArray[np.float64]
T = TypeVar("T")

registry = Registry("metric")

CLASSES = ("binary", "multiclass")
NUMBERS = ("regression",)

SMALLEST = 1e-15
"""Probabilities are clipped to this before a logarithm, as scikit-learn does for double precision."""


class Metric(Protocol):
    """A metric.

    tasks: What it can score: some of "regression", "binary", "multiclass".
    label: How it is shown.
    is_loss: Whether small is good.
    in_units: Whether it has the units of the target.
    """

    tasks: ClassVar[tuple[str, ...]]
    label: ClassVar[str]
    is_loss: ClassVar[bool]
    in_units: ClassVar[bool]

    @classmethod
    def score(cls, y: NDArray[Any], predicted: Floats, weights: Floats | None = None) -> float:
        """One number for all rows: `y` [N] against predictions, weighted by `weights` [N]."""
        ...

    @classmethod
    def of_weights(cls, y: NDArray[Any], predicted: Floats) -> Callable[[Floats], Floats]:
        """The score as a function of weights, [R, N] to [R]: many resamples of the rows at once."""
        ...


class OfRows:
    """A metric that is a function of weighted means over rows."""

    tasks: ClassVar[tuple[str, ...]] = ()
    label: ClassVar[str] = ""
    is_loss: ClassVar[bool] = True
    in_units: ClassVar[bool] = False

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """Statistics of each row, shape `(N, K)`."""
        raise NotImplementedError

    @staticmethod
    def of(means: Floats) -> Floats:
        """The metric from means of the statistics, `(..., K)` to `(...)`. The mean of the only statistic by default."""
        return means[..., 0]

    @classmethod
    def score(cls, y: NDArray[Any], predicted: Floats, weights: Floats | None = None) -> float:
        """One number for all rows."""
        return float(cls.of(np.average(cls.rows(y, predicted), axis=0, weights=weights)))

    @classmethod
    def of_weights(cls, y: NDArray[Any], predicted: Floats) -> Callable[[Floats], Floats]:
        """The score as a function of weights, [R, N] to [R]: one matrix product."""
        rows = cls.rows(y, predicted)
        return lambda weights: cls.of(weights @ rows / np.maximum(weights.sum(1, keepdims=True), 1e-300))


def rule(cls: type[T]) -> type[T]:
    """Make a class a registered metric."""
    registry.add(name_of(cls), cls)
    return cls


@rule
class LogLoss(OfRows):
    """−log of the probability that was given to the right class, averaged: cross-entropy.

    Example:
        >>> round(LogLoss.score(np.array([0, 1]), np.array([[0.5, 0.5], [0.0, 1.0]])), 4)
        0.3466
    """

    tasks, label = CLASSES, "log loss"

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """−log p of the right class."""
        right = predicted[np.arange(len(y)), y.astype(np.int64)]
        return -np.log(np.clip(right, SMALLEST, 1.0))[:, None]


@rule
class Accuracy(OfRows):
    """Share of rows whose likeliest class is the right one.

    Example:
        >>> Accuracy.score(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]))
        0.5
    """

    tasks, label, is_loss = CLASSES, "accuracy", False

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """1 where right, 0 where wrong."""
        return (predicted.argmax(-1) == y).astype(np.float64)[:, None]


@rule
class Brier(OfRows):
    """Squared distance between the probabilities and the truth, summed over classes."""

    tasks, label = CLASSES, "Brier score"

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """Σ (p − 1[class is right])²."""
        truth = np.eye(predicted.shape[1])[y.astype(np.int64)]
        return ((predicted - truth) ** 2).sum(-1, keepdims=True)


@rule
class AUC:
    """Chance that a row of the second class gets a higher probability of it than a row of the first; ties count half.

    Example:
        >>> AUC.score(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]))
        0.75
    """

    name: ClassVar[str] = "auc"
    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    label: ClassVar[str] = "AUC"
    is_loss: ClassVar[bool] = False
    in_units: ClassVar[bool] = False

    @classmethod
    def score(cls, y: NDArray[Any], predicted: Floats, weights: Floats | None = None) -> float:
        """One number for all rows; NaN where one of the classes is absent."""
        given = np.ones(len(y)) if weights is None else weights
        return float(cls.of_weights(y, predicted)(given[None])[0])

    @classmethod
    def of_weights(cls, y: NDArray[Any], predicted: Floats) -> Callable[[Floats], Floats]:
        """The score as a function of weights, [R, N] to [R]; rows are sorted once."""
        order = np.argsort(predicted[:, 1], kind="stable")
        ties = np.flatnonzero(np.diff(predicted[order, 1], prepend=-np.inf))  # where a new value begins
        is_second = y[order] == 1

        def score(weights: Floats) -> Floats:
            sorted_ = weights[:, order]
            second = np.add.reduceat(sorted_ * is_second, ties, axis=1)
            first = np.add.reduceat(sorted_ * ~is_second, ties, axis=1)
            below = np.cumsum(first, axis=1) - first
            pairs = second.sum(1) * first.sum(1)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(pairs > 0, (second * (below + first / 2)).sum(1) / pairs, np.nan)

        return score


@rule
class RMSE(OfRows):
    """Root of the mean squared error, in units of the target.

    Example:
        >>> RMSE.score(np.array([0.0, 0.0]), np.array([3.0, 4.0])) == 12.5**0.5
        True
    """

    name: ClassVar[str] = "rmse"
    tasks, label, in_units = NUMBERS, "RMSE", True

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """Squared errors."""
        return ((predicted - y) ** 2)[:, None]

    @staticmethod
    def of(means: Floats) -> Floats:
        """Root of the mean square."""
        return np.sqrt(means[..., 0])


@rule
class MAE(OfRows):
    """Mean absolute error, in units of the target."""

    name: ClassVar[str] = "mae"
    tasks, label, in_units = NUMBERS, "MAE", True

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """Absolute errors."""
        return np.abs(predicted - y)[:, None]


@rule
class R2(OfRows):
    """Share of the target's variance that is explained; 0 is as good as the mean of the scored rows, negative is worse.

    Example:
        >>> R2.score(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
        0.0
    """

    name: ClassVar[str] = "r2"
    tasks, label, is_loss = NUMBERS, "R²", False

    @staticmethod
    def rows(y: NDArray[Any], predicted: Floats) -> Floats:
        """Squared error, target, squared target; the target is centered first so that no digits are lost."""
        centered = y - y.mean()
        return np.stack([(predicted - y) ** 2, centered, centered**2], axis=-1)

    @staticmethod
    def of(means: Floats) -> Floats:
        """1 − mean squared error / variance; NaN where the target does not vary."""
        variance = means[..., 2] - means[..., 1] ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(variance > 0, 1 - means[..., 0] / variance, np.nan)


def metrics_for(task: str) -> dict[str, type[Metric]]:
    """The metrics that can score a task, the default one first.

    Example:
        >>> list(metrics_for("regression")), next(iter(metrics_for("binary")))
        (['rmse', 'mae', 'r2'], 'log_loss')
    """
    first = "rmse" if task == "regression" else "log_loss"
    fitting = {name: metric for name, metric in registry.all().items() if task in metric.tasks}
    return {name: fitting[name] for name in sorted(fitting, key=lambda name: name != first)}


def metric_for(task: str, name: str | None = None) -> type[Metric]:
    """The metric of that name, or the default one of the task.

    Raises:
        UsageError: If there is none of that name, or it can't score the task.
    """
    fitting = metrics_for(task)
    if name is None:
        return next(iter(fitting.values()))
    wanted = name.lower().replace("-", "_").replace(" ", "_")
    wanted = {"logloss": "log_loss", "cross_entropy": "log_loss", "roc_auc": "auc", "acc": "accuracy"}.get(
        wanted, wanted
    )
    if wanted not in fitting:
        rule_ = {
            "regression": Text("can't score a regression", "不能为回归打分"),
            "multiclass": Text("can't score a classification", "不能为多分类打分"),
        }.get(task, Text("can't score a yes-or-no task", "不能为二分类打分"))
        if wanted not in registry.all():
            rule_ = Text("is no metric", "不是指标")
        where = Text(f"metric {name!r}", f"指标 {name!r}")
        raise UsageError(Problem(where, rule_, hint=did_you_mean(wanted, fitting)))
    return fitting[wanted]


def better(metric: type[Metric], a: float, b: float) -> bool:
    """Whether score `a` is better than score `b`; NaN is never better."""
    return bool(a < b) if metric.is_loss else bool(a > b)
