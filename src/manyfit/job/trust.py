"""Whether probabilities mean what they say: how far they lie from what happened, before and after the temperature.

Measured on out-of-fold rows. The temperature that a row is judged with was found on the other folds, so it has not seen
that row either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Target
from manyfit.job.ensemble import calibrate
from manyfit.model import tempered
from manyfit.stats import Interval, bootstrap_rows

Floats = NDArray[np.float64]

BINS = 15
"""Groups of rows of about equal size, by the probability of the class that was decided for."""


@dataclass(frozen=True)
class Trust:
    """How far to trust the probabilities.

    temperature: Of the model; above 1 the networks were too sure of themselves.
    before, after: Expected calibration error of the raw and of the tempered probabilities, with intervals over rows.
    change: After − before, paired over rows.
    n_rows: Out-of-fold rows.
    """

    temperature: float
    before: Interval
    after: Interval
    change: Interval
    n_rows: int


class Bins:
    """Rows in groups of about equal size, by the probability of the class that was decided for.

    Args:
        probabilities: [N, C].
        y: [N] classes.
        n_bins: How many groups; fewer where there are few rows.
    """

    def __init__(self, probabilities: Floats, y: NDArray[Any], n_bins: int = BINS) -> None:
        self.sure = probabilities.max(1)
        self.right = (probabilities.argmax(1) == y).astype(np.float64)
        n = len(y)
        self.n_bins = max(min(n_bins, n // 10), 1)
        order = np.argsort(self.sure, kind="stable")
        self.of_row = np.empty(n, dtype=np.int64)
        self.of_row[order] = np.arange(n) * self.n_bins // max(n, 1)

    def error(self, counts: Floats) -> Floats:
        """Expected calibration error for [R, N] weights of the rows: mean distance between how sure and how right the groups are.

        Example:
            >>> Bins(np.array([[0.8, 0.2]] * 5), np.array([0, 0, 0, 0, 1])).error(np.ones((1, 5))).round(6).tolist()
            [0.0]
        """
        off = np.zeros((len(self.of_row), self.n_bins))
        off[np.arange(len(self.of_row)), self.of_row] = self.sure - self.right
        return np.abs(counts @ off).sum(1) / np.maximum(counts.sum(1), 1e-300)

    def curve(self, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
        """[bins] how sure, how right, and how many rows."""
        w = np.ones(len(self.of_row)) if weights is None else weights
        total = np.maximum(np.bincount(self.of_row, w, self.n_bins), 1e-300)
        sure = np.bincount(self.of_row, w * self.sure, self.n_bins) / total
        right = np.bincount(self.of_row, w * self.right, self.n_bins) / total
        return sure, right, np.bincount(self.of_row, minlength=self.n_bins).astype(np.float64)


def cross_tempered(
    target: Target, y: NDArray[Any], predicted: Floats, fold: NDArray[np.int64], weights: Floats | None = None
) -> Floats:
    """[N, C] probabilities, those of each fold tempered by what the other folds teach.

    Args:
        target: What is predicted.
        y: [N] classes.
        predicted: [N, C] out-of-fold probabilities, raw.
        fold: [N] which fold held each row out.
        weights: [N] weights of the rows.
    """
    result = predicted.copy()
    for f in np.unique(fold):
        others, mine = fold != f, fold == f
        if others.any():
            found = calibrate(
                target, y[others], predicted[others], None if weights is None else weights[others]
            )
            result[mine] = tempered(predicted[mine], found.temperature)
    return result


def trust(
    y: NDArray[Any],
    predicted: Floats,
    after: Floats,
    temperature: float,
    *,
    weights: Floats | None = None,
    blocks: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Trust:
    """Measure the calibration error before and after.

    Args:
        y: [N] classes.
        predicted: [N, C] raw probabilities, out of fold.
        after: [N, C] the same tempered, by temperatures that have not seen the row.
        temperature: Of the model.
        weights: [N] weights of the rows.
        blocks: [N] rows that are drawn together.
        seed: Of the bootstrap.
    """
    w = np.ones(len(y)) if weights is None else weights
    first, second = Bins(predicted, y), Bins(after, y)

    def interval(statistic: Any) -> Interval:
        return bootstrap_rows(
            statistic, len(y), blocks=blocks, seed=seed, n_resamples=500, scope="out-of-fold rows"
        )

    return Trust(
        temperature,
        interval(lambda counts: first.error(counts * w)),
        interval(lambda counts: second.error(counts * w)),
        interval(lambda counts: second.error(counts * w) - first.error(counts * w)),
        len(y),
    )
