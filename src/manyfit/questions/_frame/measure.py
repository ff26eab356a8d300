"""How a question scores a network: one number for its scored rows, lower is better, in words that a user reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.losses import Loss
from manyfit.metrics import Metric, metric_for
from manyfit.registry import name_of

Floats = NDArray[np.float64]

MOST_ALIKE = 0.8
"""Where one class holds more of the rows than this, the share of errors says little, and log loss is the default."""


class Scored(NamedTuple):
    """The rows that score one network.

    target: [n] or [n, C] targets as its loss compares with them.
    y: [n] targets in their own unit, or codes of classes.
    weights: [n] or None.
    mean, scale: value = output · scale + mean.
    n_classes: 0 for numbers.
    """

    target: NDArray[Any]
    y: NDArray[Any]
    weights: Floats | None
    mean: float
    scale: float
    n_classes: int


class Measure(Protocol):
    """What decides.

    label: Its name with its unit, such as "error %".
    words: The same around a number, as in "error 2.1 %".
    share: Share of the score within which two recipes count as the same when nothing is said.
    """

    @property
    def label(self) -> Text: ...
    @property
    def words(self) -> Text: ...
    @property
    def share(self) -> float: ...

    def score(self, output: Floats, loss: Loss, rows: Scored) -> float:
        """One number for the rows from outputs [n, C] of a network that was trained on that loss; lower is better."""
        ...


@dataclass(frozen=True)
class OfLoss:
    """The mean loss of the recipe itself.

    to_score: From a mean loss to the number that users read (a log loss as it is, a squared error to a root in its own unit).
    """

    label: Text = Text("loss", "损失")
    to_score: Callable[[Any], Any] = staticmethod(lambda loss: loss)
    share: float = 0.05

    @property
    def words(self) -> Text:
        """The name before the number."""
        return Text(f"{self.label.en} {{}}", f"{self.label.zh} {{}}")

    def score(self, output: Floats, loss: Loss, rows: Scored) -> float:
        """Weighted mean over the rows."""
        return float(self.to_score(mean_loss(output, loss, rows)))


@dataclass(frozen=True)
class OfMetric:
    """A metric, turned so that lower is better: accuracy becomes the percentage of errors.

    Example:
        >>> measure_for("multiclass", "accuracy").label.en
        'error %'
    """

    metric: type[Metric]
    label: Text
    share: float
    turned: Callable[[float], float]

    @property
    def words(self) -> Text:
        """The name before the number, a sign of percent after it."""
        parts = (label.removesuffix("%").rstrip(" ,，") for label in self.label)
        unit = " %" if self.label.en.endswith("%") else ""
        return Text(*(f"{part} {{}}{unit}" for part in parts))

    def score(self, output: Floats, loss: Loss, rows: Scored) -> float:
        """The metric of the predictions; NaN where the rows don't define it."""
        if not rows.n_classes:
            predicted = output * rows.scale + rows.mean
            y = np.asarray(rows.y, dtype=np.float64).reshape(predicted.shape)
            weights = None if rows.weights is None else np.repeat(rows.weights, predicted.shape[1])
            return self.turned(self.metric.score(y.ravel(), predicted.ravel(), weights))
        return self.turned(self.metric.score(rows.y, probabilities(output, loss), rows.weights))


_TURNED: dict[str, tuple[Text, float, Callable[[float], float]]] = {
    "accuracy": (Text("error %", "错误率 %"), 0.1, lambda accuracy: 100 * (1 - accuracy)),
    "auc": (Text("1 − AUC, %", "1 − AUC，%"), 0.1, lambda auc: 100 * (1 - auc)),
    "r2": (Text("1 − R², %", "1 − R²，%"), 0.05, lambda r2: 100 * (1 - r2)),
    "log_loss": (Text("log loss", "对数损失"), 0.05, float),
    "brier": (Text("Brier score", "Brier 分数"), 0.05, float),
    "rmse": (Text("RMSE", "RMSE"), 0.02, float),
    "mae": (Text("MAE", "MAE"), 0.02, float),
}


def said(measure: Measure, number: str) -> Text:
    """A score in words.

    Example:
        >>> said(measure_for("binary", "accuracy"), "2.1").en, said(measure_for("regression"), "2.1").zh
        ('error 2.1 %', 'RMSE 2.1')
    """
    return Text(measure.words.en.format(number), measure.words.zh.format(number))


def measure_for(task: str, name: str | None = None, y: NDArray[Any] | None = None) -> Measure:
    """What decides for a task.

    Args:
        task: "regression", "binary" or "multiclass".
        name: A metric, or "loss" for the recipe's own; by default the percentage of errors, or RMSE.
        y: [N] codes of classes: where nearly all rows are of one class the default is log loss.

    Raises:
        UsageError: If there is no such metric, or it can't score the task.
    """
    if name == "loss":
        return OfLoss()
    if name is None and task != "regression":
        most = 0.0 if y is None or not len(y) else float(np.bincount(y.astype(np.int64)).max() / len(y))
        name = "log_loss" if most > MOST_ALIKE else "accuracy"
    metric = metric_for(task, name)
    plain = (Text(metric.label, metric.label), 0.05, float if metric.is_loss else float.__neg__)
    label, share, turned = _TURNED.get(name_of(metric), plain)
    return OfMetric(metric, label, share, turned)


def probabilities(output: Floats, loss: Loss) -> Floats:
    """[n, classes] what a network says of each class: from logits for a loss on classes, the outputs as they are else.

    Example:
        >>> from manyfit.losses import MSE
        >>> probabilities(np.array([[0.25]]), MSE()).tolist()
        [[0.75, 0.25]]
    """
    if loss.target == "labels":
        shares = np.exp(output - output.max(-1, keepdims=True))
    elif loss.target == "binary":
        shares = 1 / (1 + np.exp(-np.clip(output, -500, 500)))
    else:
        shares = np.clip(output, 0, 1)
    if output.shape[-1] == 1:
        return np.concatenate([1 - shares, shares], axis=-1)
    total = shares.sum(-1, keepdims=True)
    return np.where(total > 0, shares / np.maximum(total, 1e-300), 1 / shares.shape[-1])


def mean_loss(output: Floats, loss: Loss, rows: Scored) -> float:
    """Weighted mean over the rows of what scores: `loss.scoring`; 0 where nothing weighs."""
    scores = loss.scoring
    weights = 1.0 if rows.weights is None else rows.weights
    weighted = np.asarray(weights * scores.rows(np, output, rows.target))
    total = float(np.broadcast_to(weights * scores.row_weight(np, rows.target), weighted.shape).sum())
    return float(weighted.sum()) / total if total > 0 else 0.0
