"""Which rows each stage of a job sees, encoded by an encoder that was fitted on the training rows of that stage alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Dataset, Encoder, Fold, folds, hold_out, holdout
from manyfit.population import Rows, View
from manyfit.rng import derive, epoch_order

FOLDS = 5


class Stage(IntEnum):
    """What random streams are for. Stages of one seed never share a number."""

    MEASURE = 10
    SEARCH = 11
    CONFIRM = 12
    TEST = 13
    TWINS = 14
    COLUMNS = 15
    SHOWN = 16


@dataclass(frozen=True, eq=False)
class Table:
    """A data set with its test rows locked away.

    data: The whole table.
    seed: Root of the splits.
    """

    data: Dataset
    seed: int

    @cached_property
    def development(self) -> NDArray[np.int64]:
        """Rows that may be learned from, in increasing order."""
        return holdout(self.data, self.seed).development

    @cached_property
    def n_test(self) -> int:
        """How many rows are locked."""
        return self.data.n_rows - len(self.development)

    @cached_property
    def search_fold(self) -> Fold:
        """The search's one split of the development rows."""
        return hold_out(self.data, self.development, derive(self.seed, Stage.SEARCH))

    @property
    def n_folds(self) -> int:
        """Folds that the development rows allow: five, or fewer where few groups or moments must stay whole."""
        rows, data = self.development, self.data
        if data.time is not None:
            return min(FOLDS, len(np.unique(data.time[rows])) - 1)
        return min(FOLDS, len(rows) if data.block is None else len(np.unique(data.block[rows])))

    def confirm_folds(self, n_folds: int) -> tuple[Fold, ...]:
        """Fresh folds of the development rows, of which the search has seen none."""
        return folds(self.data, self.development, n_folds, derive(self.seed, Stage.CONFIRM))

    def fit_encoder(self, fold: Fold) -> Encoder:
        """An encoder fitted on the training rows of a fold; which inputs there are is decided by all development rows."""
        return self.encoder_of(fold.train)

    def encoder_of(self, rows: NDArray[np.int64]) -> Encoder:
        """An encoder fitted on some of the development rows; which inputs there are is decided by all of them."""
        return Encoder.fit(self.data, rows, self.development)

    def view(self, encoder: Encoder) -> View:
        """The development rows as networks read them."""
        return self.view_of(encoder, self.development)

    def view_of(self, encoder: Encoder, rows: NDArray[np.int64]) -> View:
        """Some rows, in the order given, as networks read them."""
        weights = self.data.training_weights()
        y: Any = encoder.encode_target(self.data.y[rows])
        n_classes = self.data.target.n_classes if self.data.task == "multiclass" else None
        X = encoder.transform(self.data.frame[rows])
        return View(
            X, y if n_classes else y.astype(np.float64), None if weights is None else weights[rows], n_classes
        )

    def rows(self, fold: Fold, view: str, n_rows: int | None = None) -> Rows:
        """A fold as places in the development rows; with `n_rows`, that many of its training rows, drawn at random."""
        train = np.searchsorted(self.development, fold.train)
        if n_rows is not None and n_rows < len(train):
            order = epoch_order(derive(self.seed, Stage.SEARCH, 1), 0, len(train))
            train = np.sort(train[order[:n_rows]])
        return Rows(train, np.searchsorted(self.development, fold.held), view)
