"""Splits in time that may cut anywhere: train on all that came before, score the short stretch right after (a rolling origin)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import DataError, Problem
from manyfit.text import Text

Ints = NDArray[np.int64]

STRETCH = 0.05
"""Share of the rows that a stretch holds: short, so that what a network has followed has not moved on before it is scored."""
LEAST_ROWS, MOST_ROWS = 20, 500
"""Rows of a stretch of a small table, where they are no more than a fifth of it, and of a large one, where they are enough."""
FIRST = 1 / 3
"""Share of the rows before the first cut."""
FEWEST = 5
"""Cuts below which the whole of the time is cut, from the second moment on."""


class Cuts(NamedTuple):
    """Where rows in the order of time may be cut, K ways: before `cut` they train, from there to `end` they score.

    stop: [K] where the stretch before the cut begins, which may be watched.
    cut: [K] rising; always between two moments.
    end: [K] likewise, or the last row.
    """

    stop: Ints
    cut: Ints
    end: Ints

    @property
    def shared(self) -> float:
        """Share of its scored rows that one cut has in common with another, on the average over all pairs of them.

        Example:
            >>> round(cuts(np.arange(400.0)).shared, 2)
            0.08
        """
        k, sizes = len(self.cut), self.end - self.cut
        if k < 2:
            return 0.0
        steps = np.zeros(int(self.end.max()) + 1)
        np.add.at(steps, self.cut, 1)
        np.add.at(steps, self.end, -1)
        times_scored = np.cumsum(steps)
        return float(((times_scored**2).sum() - sizes.sum()) / ((k - 1) * sizes.sum()))


def cuts(time: NDArray[np.float64], *, share: float = STRETCH, first: float = FIRST) -> Cuts:
    """All ways to cut rows in the order of time.

    Every moment is a place to cut, from a share of the rows on, for as long as a whole stretch comes after it. Of a table with so
    few moments that this leaves next to none, every moment but the first begins a stretch.

    Args:
        time: [N] moments of the rows, rising.
        share: Share of the rows that a stretch holds, for tables that are neither small nor large.
        first: Share of the rows before the first cut.

    Raises:
        DataError: If all rows are of one moment.

    Example:
        >>> found = cuts(np.repeat(np.arange(4.0), 10))
        >>> found.cut.tolist(), found.end.tolist(), found.stop.tolist()
        ([10, 20, 30], [20, 30, 40], [8, 10, 20])

    References:
        Tashman 2000, Out-of-sample tests of forecasting accuracy, https://doi.org/10.1016/S0169-2070(00)00065-0
    """
    n = len(time)
    starts = np.flatnonzero(np.diff(time) > 0) + 1
    if not len(starts):
        hint = Text(
            f"All {n} rows belong to one of the moments; leave that column out or take another.",
            f"全部 {n} 行属于同一时刻；请去掉该列，或换一列。",
        )
        where, rule = Text("the held-out rows", "留出的行"), Text("can't be cut from the others", "无法与其他行分开")
        raise DataError(Problem(where, rule, hint=hint))
    size = max(min(int(np.ceil(share * n)), MOST_ROWS), min(LEAST_ROWS, n // 5), 1)
    cut = starts[(starts >= first * n) & (starts + size <= n)]
    if len(cut) < FEWEST:
        cut = starts[starts >= size] if (starts >= size).any() else starts
    edges = np.concatenate([starts, [n]])
    end = edges[np.minimum(np.searchsorted(edges, cut + size), len(edges) - 1)]
    before = np.searchsorted(starts, np.maximum(cut - size, starts[0]), side="right") - 1
    # Before the second moment there is none to begin a stretch: the first one is parted, which no score sees.
    stop = np.where(starts[before] < cut, starts[before], cut - np.maximum(cut // 5, 1))
    return Cuts(stop, cut, end)
