"""Data sets that networks are trained on to tell bias from variance: fresh ones from a known law, disjoint parts, bootstraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.data import Dataset, Encoder, folds
from manyfit.data.truth import Truth
from manyfit.losses import Target
from manyfit.population import View
from manyfit.questions._frame.rows import STOP_SHARE, Encoded, Split, TableRows, targets
from manyfit.questions._frame.task import Replicate, Task
from manyfit.rng import Purpose, derive, epoch_order, uniform, words
from manyfit.stats import Overlap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCORED = 500
"""Fresh rows that score a group of networks, unless the data sets are larger."""


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """Fresh data sets from a known law. Each group has its own sets, all of one size, and rows of its own that score.

    X: [N, D] encoded inputs, group after group: for each the rows of its sets, the rows to stop by, the rows that score.
    y: [N] numbers in their own unit, or codes of classes.
    center: [N] true means, or [N, C] true probabilities.
    noise: Deviation of a number around its mean.
    n_sets: K, data sets of a group.
    n_rows, n_stop, n_score: Rows of a set, to stop by, that score.
    task: "regression", "binary" or "multiclass".
    n_classes: 0 for numbers.
    mean, scale: value = output · scale + mean.
    """

    X: Floats
    y: NDArray[Any]
    center: Floats
    noise: float
    n_sets: int
    n_rows: int
    n_stop: int
    n_score: int
    task: str
    n_classes: int = 0
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of_example(cls, data: Dataset, truth: Truth, n_groups: int, n_sets: int, seed: int) -> DrawnRows:
        """Fresh sets as large as an embedded example, encoded as it is.

        Args:
            data: The example.
            truth: Its law.
            n_groups: Groups of data sets.
            n_sets: K.
            seed: Root of the draws.
        """
        n, encoder = data.n_rows, Encoder.fit(data)
        n_stop, n_score = max(round(STOP_SHARE * n), 2), max(n, SCORED)
        sizes = [*[n] * n_sets, n_stop, n_score]
        frames = [
            truth.rows(size, derive(seed, group, place))
            for group in range(n_groups)
            for place, size in enumerate(sizes)
        ]
        frame = pl.concat(frames)
        given = frame[data.target.name]
        y: NDArray[Any] = given.to_numpy()
        if data.labels:
            y = np.array([data.labels.index(label) for label in given.to_list()])
        return cls(
            encoder.transform(frame),
            y,
            truth.center(frame),
            truth.noise,
            n_sets,
            n,
            n_stop,
            n_score,
            data.task,
            data.target.n_classes,
            encoder.y_mean,
            encoder.y_scale,
        )

    @property
    def weights(self) -> Floats | None:
        """All rows weigh the same."""
        return None

    @property
    def overlap(self) -> Overlap:
        """No two sets share a row."""
        return Overlap()

    @property
    def scope(self) -> Text:
        """Everything is drawn anew."""
        return Text("seeds and fresh data sets", "种子与全新数据集")

    @property
    def _each(self) -> int:
        return self.n_sets * self.n_rows + self.n_stop + self.n_score

    def split(self, key: int, number: int, name: str, root: int = 0) -> Split:
        """The rows of a group; its sets train."""
        start = number * self._each
        ends = start + np.cumsum([self.n_sets * self.n_rows, self.n_stop, self.n_score])
        return Split(
            "all", np.arange(start, ends[0]), np.arange(ends[0], ends[1]), np.arange(ends[1], ends[2])
        )

    def sets(self, split: Split) -> list[Ints]:
        """The rows of each set of a group."""
        return list(split.train.reshape(self.n_sets, self.n_rows))

    @cached_property
    def _views(self) -> dict[Target, Encoded]:
        return {}

    def encoded(self, split: Split, target: Target) -> Encoded:
        """All rows in one encoding, whose numbers are no part of what varies."""
        if target not in self._views:
            y = self.y if self.n_classes else (np.asarray(self.y, dtype=np.float64) - self.mean) / self.scale
            labels = self.n_classes if target == "labels" else None
            view = View(self.X, targets(y, target, self.n_classes, "y"), None, labels)
            self._views[target] = Encoded(view, self.mean, self.scale)
        return self._views[target]


def data_sets(task: Task, replicate: Replicate, n_sets: int, how: str) -> list[Ints]:
    """The training rows of each data set of a group.

    Args:
        task: What the networks are trained for.
        replicate: Seed and split of the group.
        n_sets: How many.
        how: "fresh" (the rows must be drawn ones), "halves" or "bootstraps".

    Returns:
        Row indices for each set: disjoint parts of one size for "halves", repeated ones for "bootstraps".
    """
    rows, split = task.rows, replicate.split
    if isinstance(rows, DrawnRows):
        return rows.sets(split)
    stops = task.recipe.stopping.patience is not None
    known = split.train if stops else np.sort(np.concatenate([split.train, split.stop]))
    key = replicate.streams.split
    if how == "bootstraps":
        drawn = uniform(words(derive(key, 1), Purpose.SAMPLE, n_sets, len(known)))
        return [known[places] for places in np.sort((drawn * len(known)).astype(np.int64), axis=1)]
    if (
        isinstance(rows, TableRows) and rows.data.time is None
    ):  # classes keep their shares, copies stay together
        of_table = rows.development[known]
        found = [part.held for part in folds(rows.data, of_table, n_sets, derive(key, 1))]
        return [rows.places(part) for part in found]
    order = epoch_order(derive(key, 1), 0, len(known))
    n = len(known) // n_sets
    return [np.sort(known[order[k * n : (k + 1) * n]]) for k in range(n_sets)]


def n_rows_text(sets: Sequence[Ints]) -> str:
    """How many rows the sets have: one number, or from … to.

    Example:
        >>> n_rows_text([np.arange(5), np.arange(5)]), n_rows_text([np.arange(1200), np.arange(1201)])
        ('5', '1,200–1,201')
    """
    low, high = min(map(len, sets)), max(map(len, sets))
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
