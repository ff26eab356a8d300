"""Where the inputs of a view may lie: what a corruption or an attack must know of an encoding to stay believable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.data.encode import Encoder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Sample(NamedTuple):
    """Rows that are corrupted: inputs, targets, weights.

    X: [N, D] encoded inputs.
    y: [N, C] numbers, or [N] class labels.
    weights: [N] sample weights.
    n_classes: C when y holds labels.
    """

    X: Floats
    y: NDArray[np.floating] | Ints
    weights: Floats
    n_classes: int | None = None


@dataclass(frozen=True, eq=False)
class Domain:
    """Where the D inputs of a view may lie. Made from its rows and, for a table, its encoder.

    spread: [D] standard deviation of each input over the rows; 0 for one that does not vary.
    low, high: [D] its range over the rows.
    is_number: [D] whether a small nudge of it makes sense. It does not for flags and one-hot inputs, nor where nothing varies.
    mark: [D] the input that says that the cell of a number was empty; −1 where there is none. An empty cell can't be nudged.
    columns: For each column of the table the inputs it became: what is emptied together.
    empty: [D] what empty cells look like.
    floor, ceiling: [D] the smallest and the largest number that the encoding lets through.

    Example:
        >>> domain = Domain.of(np.array([[0.0, 1.5], [1.0, 0.0], [1.0, -1.5]]))
        >>> domain.is_number.tolist(), domain.high.tolist()
        ([False, True], [1.0, 1.5])
    """

    spread: Floats
    low: Floats
    high: Floats
    is_number: NDArray[np.bool_]
    mark: Ints
    columns: tuple[Ints, ...]
    empty: Floats
    floor: Floats
    ceiling: Floats

    @classmethod
    def of(
        cls, X: Floats, encoder: Encoder | None = None, is_float: NDArray[np.bool_] | None = None
    ) -> Domain:
        """The domain of encoded rows.

        Args:
            X: [N, D] rows, as a rule all development rows.
            encoder: What encoded them. Without one every input is a column of its own, empty cells become its median, and
                inputs of two values only are taken for flags.
            is_float: [D] False for inputs that a module is given as whole numbers or switches: nothing nudges them.
        """
        n_inputs = X.shape[1]
        low, high, spread = X.min(0), X.max(0), X.std(0)
        spread = np.where(low == high, 0.0, spread)  # a deviation of equal numbers need not be an exact 0
        mark = np.full(n_inputs, -1)
        if encoder is None:
            is_number = (spread > 0) & ~((low == X) | (high == X)).all(0)
            columns = tuple(np.arange(n_inputs)[:, None])
            unknown = np.full(n_inputs, np.inf)
            return cls(spread, low, high, is_number, mark, columns, np.median(X, axis=0), -unknown, unknown)
        for inputs in encoder.groups.values():
            marks = [i for i in inputs if encoder.inputs[i].kind == "missing"]
            if marks:
                mark[[i for i in inputs if i not in marks]] = marks[0]
        is_number = (spread > 0) & ~encoder.is_discrete
        columns = tuple(encoder.groups.values())
        return cls(spread, low, high, is_number, mark, columns, encoder.empty, *encoder.reach)

    def free(self, X: Floats) -> NDArray[np.bool_]:
        """[N, D] which inputs of rows [N, D] may be nudged: numbers whose cells are not empty."""
        is_empty = (X[:, np.maximum(self.mark, 0)] > 0) & (self.mark >= 0)
        return self.is_number & ~is_empty

    def within(self, X: Floats) -> Floats:
        """Numbers held within what the encoding lets through."""
        return np.clip(X, self.floor, self.ceiling)
