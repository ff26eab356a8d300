"""Where replicates get their rows: each a new split of the rows that may be learned from, encoded by its training rows alone.

Test rows are not here: a question never sees one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.data import Cuts, Dataset, Encoder, Fold, cuts, group_ways, hold_out, holdout, shared_rows
from manyfit.data.split import MOST_WAYS
from manyfit.errors import DataError, Problem
from manyfit.losses import Target
from manyfit.networks import Inputs, flatten
from manyfit.population import View
from manyfit.rng import derive, epoch_order
from manyfit.stats import Overlap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCORE_SHARE = 0.2
"""Share of the rows that score, where they have no order of time."""
STOP_SHARE = 0.15
"""Share of the others that early stopping watches, where a recipe stops early."""
_KEEP = 0x726F7773
"""Under which number a root says which rows of a large table are used."""


@dataclass(frozen=True, eq=False)
class Split:
    """One way to divide the rows. No row is in two parts.

    view: Name of the encoding, made from what its training rows alone can tell.
    train: Rows that train.
    stop: Rows that early stopping watches; may be empty. They train where a recipe doesn't stop early.
    score: Rows that decide; no network has seen them, not even to stop.
    """

    view: str
    train: Ints
    stop: Ints
    score: Ints


class Encoded(NamedTuple):
    """Rows as networks read them, and what leads back to the unit of the target: value = output · scale + mean.

    encoder: What encoded a table; None for arrays that are taken as they are.
    """

    view: View
    mean: float = 0.0
    scale: float = 1.0
    encoder: Encoder | None = None


class RowSource(Protocol):
    """What a task draws its replicates from.

    task: "regression", "binary" or "multiclass".
    n_classes: 0 for numbers.
    y: [N] target in its own unit, or codes of classes; [N, C] for several numbers.
    weights: [N] weights that count in scores, or None.
    overlap: What intervals must know of rows that replicates share: Nadeau and Bengio's correction, 0 where splits are drawn at
        random, and the scope says so; and how many different splits there are, where they are so few that they come back.
    scope: What varies between replicates, as in "20 seeds and splits of digits".
    """

    @property
    def task(self) -> str: ...
    @property
    def n_classes(self) -> int: ...
    @property
    def y(self) -> NDArray[Any]: ...
    @property
    def weights(self) -> Floats | None: ...
    @property
    def overlap(self) -> Overlap: ...
    @property
    def scope(self) -> Text: ...

    def split(self, key: int, number: int, name: str, root: int = 0) -> Split:
        """The split of a replicate.

        Args:
            key: Its random key.
            number: Which replicate, from 0.
            name: What to call its encoding.
            root: Random key that all replicates of its stage share.
        """
        ...

    def encoded(self, split: Split, target: Target) -> Encoded:
        """The rows in the encoding of a split, targets in the form that a loss compares with."""
        ...


BY_SPLITS = Text("seeds and splits", "种子与划分")
BY_SEEDS = Text("seeds", "种子")
BY_GROUPS = Text("seeds and overlapping splits of the groups", "种子与相互重叠的分组划分")
BY_TIME = Text("seeds and overlapping stretches of time", "种子与相互重叠的时段")


@dataclass(frozen=True, eq=False)
class TableRows:
    """The development rows of a table.

    data: The table.
    seed: Root of the split that locks the test rows, the same that `manyfit train` makes.
    most: Most development rows that are used, drawn at random (the latest, where there is a time order); None for all.

    With a time order a replicate has a cut of its own: it trains on all rows before it, and scores the short stretch right after.

    Example:
        >>> from manyfit.data import load
        >>> rows = TableRows(load("iris", leaks=False))
        >>> len(rows.y), [len(part) for part in (rows.split(1, 0, "a").train, rows.split(1, 0, "a").score)]
        (120, [82, 24])
    """

    data: Dataset
    seed: int = 0
    most: int | None = None

    @property
    def task(self) -> str:
        """The table's task."""
        return self.data.task

    @property
    def n_classes(self) -> int:
        """Classes of the target."""
        return self.data.target.n_classes

    @cached_property
    def development(self) -> Ints:
        """Rows of the table that may be learned from: in the order of time where there is one, else as they stand."""
        rows = holdout(self.data, self.seed).development
        if self.data.time is not None:
            in_time = rows[np.argsort(self.data.time[rows], kind="stable")]
            return in_time if self.most is None else in_time[-self.most :]
        if self.most is None or len(rows) <= self.most:
            return rows
        return np.sort(rows[epoch_order(derive(self.seed, _KEEP), 0, len(rows))[: self.most]])

    @cached_property
    def y(self) -> NDArray[Any]:
        """[N] targets of the development rows."""
        return self.data.y[self.development]

    @cached_property
    def weights(self) -> Floats | None:
        """[N] their weights."""
        return None if self.data.weights is None else self.data.weights[self.development]

    @cached_property
    def overlap(self) -> Overlap:
        """Random splits need none: the scope is this table. Stretches of time and groups are to speak of others like them."""
        if self._cuts is None and self._ways:
            return Overlap.of_shared(shared_rows(self._ways), len(self._ways))
        if self._cuts is None:
            return Overlap() if self.data.group is None else Overlap.of_shared(SCORE_SHARE)
        n_cuts = len(self._cuts.cut)
        return Overlap.of_shared(self._cuts.shared, n_cuts if n_cuts <= MOST_WAYS else 0)

    @property
    def scope(self) -> Text:
        """Splits of rows or groups, or stretches of time; how many, where they are so few that they come back."""
        k, in_time = self.overlap.turns, self._cuts is not None
        if not k:
            return BY_TIME if in_time else BY_GROUPS if self.data.group is not None else BY_SPLITS
        if k == 1:
            return BY_SEEDS
        by = Text("overlapping ", "相互重叠的") if self.overlap else Text("", "")
        if in_time:
            return Text(f"seeds and {k} {by.en}stretches of time", f"种子与 {k} 个{by.zh}时段")
        return Text(f"seeds and {k} {by.en}splits of the groups", f"种子与 {k} 种{by.zh}分组划分")

    @cached_property
    def _cuts(self) -> Cuts | None:
        return None if self.data.time is None else cuts(self.data.time[self.development])

    @cached_property
    def _ways(self) -> tuple[Fold, ...]:
        return group_ways(self.data, self.development, self.seed, share=SCORE_SHARE)

    def split(self, key: int, number: int, name: str, root: int = 0) -> Split:
        """A random fifth scores; with a time order the stretch after a cut. Where there are few ways, replicates take turns."""
        if self._cuts is not None:
            n = len(self._cuts.cut)
            stop, cut, end = (int(ends[epoch_order(root, 0, n)[number % n]]) for ends in self._cuts)
            return Split(name, np.arange(stop), np.arange(stop, cut), np.arange(cut, end))
        outer = hold_out(self.data, self.development, key, share=SCORE_SHARE)
        if self._ways:
            n = len(self._ways)
            outer = self._ways[epoch_order(root, 0, n)[number % n]]
        try:
            inner = hold_out(self.data, outer.train, key, share=STOP_SHARE)
        except DataError:  # one group or one moment is left: nothing to stop by
            inner = Fold(outer.train, outer.train[:0])
        return Split(name, self.places(inner.train), self.places(inner.held), self.places(outer.held))

    def encoded(self, split: Split, target: Target) -> Encoded:
        """Encoded by an encoder fitted on the split's training rows; which inputs there are is decided by all rows."""
        known = self.development[np.concatenate([split.train, split.stop])]
        encoder = Encoder.fit(self.data, np.sort(known), self.development)
        weights = self.data.training_weights()
        y = encoder.encode_target(self.y)
        view = View(
            encoder.transform(self.data.frame[self.development]),
            targets(y, target, self.n_classes, self.data.target.name),
            None if weights is None else weights[self.development],
            self.n_classes if target == "labels" else None,
        )
        return Encoded(view, encoder.y_mean, encoder.y_scale, encoder)

    def places(self, rows: Ints) -> Ints:
        """Where rows of the table lie among those that may be learned from, rising."""
        in_order = np.argsort(self.development, kind="stable")
        return np.sort(in_order[np.searchsorted(self.development, rows, sorter=in_order)])


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Arrays that are taken as they are: for a module of the user's own, which knows what its inputs mean.

    A fifth of the rows is locked away first, as it is with a table.

    X: Inputs of any shape, or several in a tuple or by name, as `View` takes them.
    y_given: [N] numbers or class codes from 0, or [N, C] numbers.
    task: "regression", "binary" or "multiclass"; class codes are needed for the last two.
    seed: Root of the split that locks the test rows.
    weights_given: [N] weights, or None.

    Example:
        >>> rows = ArrayRows(np.zeros((50, 3)), np.arange(50.0), "regression")
        >>> len(rows.y)
        40
    """

    X: Any
    y_given: NDArray[Any]
    task: str
    seed: int = 0
    weights_given: Floats | None = None

    @cached_property
    def n_classes(self) -> int:
        """Classes of the target, those of the locked rows included."""
        return 0 if self.task == "regression" else int(self.y_given.max()) + 1

    @cached_property
    def development(self) -> Ints:
        """Rows that may be learned from."""
        return holdout(_Bare(self.y_given, self.task), self.seed).development

    @cached_property
    def y(self) -> NDArray[Any]:
        """[N] targets of the development rows."""
        return self.y_given[self.development]

    @cached_property
    def weights(self) -> Floats | None:
        """[N] their weights."""
        return None if self.weights_given is None else self.weights_given[self.development]

    @property
    def overlap(self) -> Overlap:
        """Random splits need none: the scope is these rows."""
        return Overlap()

    @property
    def scope(self) -> Text:
        """Splits."""
        return BY_SPLITS

    @cached_property
    def _table(self) -> tuple[Floats, Inputs]:
        return flatten(self.X)

    @cached_property
    def _views(self) -> dict[Target, Encoded]:
        return {}

    def split(self, key: int, number: int, name: str, root: int = 0) -> Split:
        """A random fifth scores. All splits share one encoding: nothing is fitted."""
        bare = _Bare(self.y_given, self.task)
        outer = hold_out(bare, self.development, key, share=SCORE_SHARE)
        inner = hold_out(bare, outer.train, key, share=STOP_SHARE)
        places = (np.searchsorted(self.development, part) for part in (inner.train, inner.held, outer.held))
        return Split("all", *places)

    def encoded(self, split: Split, target: Target) -> Encoded:
        """The arrays themselves."""
        if target not in self._views:
            y = targets(self.y, target, self.n_classes, "y")
            labels = self.n_classes if target == "labels" else None
            table, inputs = self._table
            self._views[target] = Encoded(View(table[self.development], y, self.weights, labels, inputs))
        return self._views[target]


def targets(y: NDArray[Any], target: Target, n_classes: int, name: str) -> NDArray[Any]:
    """Targets in the form that a loss compares with.

    Args:
        y: [N] numbers or class codes, or [N, C] numbers.
        target: What the loss takes.
        n_classes: Classes; 0 for numbers.
        name: Of the target, for errors.

    Returns:
        [N] codes for "labels"; for "numbers" and "binary" numbers [N, C], where each class is 0 and 1 in a column of its own (two
        classes in one column).

    Raises:
        DataError: If a loss on classes meets numbers.

    Example:
        >>> targets(np.array([0, 2]), "numbers", 3, "y").tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if not n_classes:
        if target != "numbers":
            where = Text(f"target {name!r}", f"目标 {name!r}")
            rule = Text("holds numbers, and the loss takes classes", "为数值，而损失函数需要类别")
            hint = Text("Take a loss on numbers, such as mse.", "请用数值的损失函数，例如 mse。")
            raise DataError(Problem(where, rule, hint=hint))
        return np.asarray(y, dtype=np.float64)
    codes = y.astype(np.int64)
    if target == "labels":
        return codes
    return codes.astype(np.float64)[:, None] if n_classes == 2 else np.eye(n_classes)[codes]


class _Bare:
    """Targets alone, as the splits look at them."""

    block = time = test_rows = None

    def __init__(self, y: NDArray[Any], task: str) -> None:
        self.y, self.task = y, task
