"""Fixed splits: 80 % to learn from, 20 % that no contender sees before it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.sources import Frame, Source

SHARE = 0.2
FEW = 150
"""Test rows below which one row more is most of a point: every contender then has `SEEDS` seeds a split, averaged."""
SEEDS = 5
OVERLAP = SHARE / (1 - SHARE)
"""Test rows over training rows, which Nadeau and Bengio's correction for overlapping splits needs."""


@dataclass(frozen=True)
class Split:
    """One split of a table, both parts with the target.

    train, test: pandas DataFrames.
    target: Name of the column that is predicted.
    task: "regression" or "classification".
    labels: Classes in increasing order of their text; empty for numbers.
    """

    train: Frame
    test: Frame
    target: str
    task: str
    labels: tuple[str, ...]

    @property
    def y_test(self) -> NDArray[Any]:
        """[n] truth: numbers, or places in `labels`."""
        return self.coded(self.test[self.target])

    def coded(self, values: Any) -> NDArray[Any]:
        """Numbers as they are, classes as places in `labels`."""
        if self.task == "regression":
            return np.asarray(values, dtype=np.float64)
        return np.searchsorted(self.labels, np.asarray(values, dtype=str))


def repeats_of(source: Source) -> Sequence[int]:
    """Numbers of the repeats of each split, which tell their seeds apart: one, or several where there are few test rows.

    The several have none of the one's seed: that one was a first look, at whether several are needed.
    """
    return range(1, 1 + SEEDS) if SHARE * source.shape[0] < FEW else range(1)


def split_of(source: Source, number: int) -> Split:
    """Split `number` of a table; classes keep their shares on both sides."""
    from sklearn.model_selection import train_test_split

    frame = source.load()
    classes = None if source.task == "regression" else frame[source.target]
    train, test = train_test_split(frame, test_size=SHARE, random_state=number, stratify=classes)
    labels = () if classes is None else tuple(sorted(classes.unique().tolist()))
    train, test = train.reset_index(drop=True), test.reset_index(drop=True)
    return Split(train, test, source.target, source.task, labels)
