"""Splits and encodings that somebody else has made, as a source of replicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.data.notes import Note
from manyfit.losses import Target
from manyfit.population import View
from manyfit.questions._frame.rows import BY_SEEDS, BY_SPLITS, Encoded, Split
from manyfit.stats import Overlap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GivenRows:
    """Splits and encodings that somebody else has made, such as the folds of a main job. Replicates take turns at them.

    views: Encodings by name.
    splits: Ways to divide the rows.
    overlap_given: Nadeau and Bengio's correction; None for scored rows over training rows, 0 for splits that share none.
    leaking: What the data room warned of: columns that predict the target all alone.
    reduced: From the name of a column to the same splits encoded without it.
    numbers: By view, the number in the table of each of its rows; None where no row stands in two views.
    block: Group of each row of the table, by its number; None without groups.
    """

    views: Mapping[str, View]
    splits: Sequence[Split]
    overlap_given: float | None = None
    leaking: tuple[Note, ...] = ()
    reduced: Callable[[str], GivenRows] | None = None
    numbers: Mapping[str, Ints] | None = None
    block: Ints | None = None

    @property
    def task(self) -> str:
        """Unknown: scores are losses."""
        return "regression"

    @property
    def n_classes(self) -> int:
        """Unknown as well."""
        return 0

    @property
    def y(self) -> NDArray[Any]:
        """Every view has its own."""
        return np.empty(0)

    @property
    def weights(self) -> Floats | None:
        """Every view has its own."""
        return None

    @property
    def scope(self) -> Text:
        """Seeds, and splits where there are several."""
        return BY_SPLITS if len(self.splits) > 1 else BY_SEEDS

    @property
    def overlap(self) -> Overlap:
        """What was given, or else scored rows over training rows; 0 for a single split."""
        share = self.overlap_given
        if share is None:
            shares = [len(split.score) / len(split.train) for split in self.splits]
            share = float(np.mean(shares)) if len(shares) > 1 else 0.0
        return Overlap(share, len(self.splits), has_more=True)

    def split(self, key: int, number: int, name: str, root: int = 0) -> Split:
        """The next one in turn."""
        return self.splits[number % len(self.splits)]

    def encoded(self, split: Split, target: Target) -> Encoded:
        """As given."""
        return Encoded(self.views[split.view])

    def numbered(self, view: str, rows: Ints) -> Ints:
        """Numbers that tell rows of views apart, equal where it is the same row of the table."""
        if self.numbers is not None:
            return self.numbers[view][rows]
        sizes = [len(each.X) for each in self.views.values()]
        return sum(sizes[: list(self.views).index(view)]) + rows
