"""How a row of numbers becomes what a network takes: images, sequences, whole numbers for embeddings, several inputs.

All data lie in one table [N, D] of numbers, which every engine and file shares; an `Input` says how a part of each row is cut
out and shaped. Whole numbers are exact in it up to 2⁵³.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import DataError, Problem

Kind = Literal["float", "int", "bool"]


@dataclass(frozen=True)
class Input:
    """One input of a network: the shape of one row's part of it.

    shape: Without the axis of rows: (3,) for three columns, (1, 28, 28) for an image, () for a single number.
    kind: What the network is given: "float" in the precision of its recipe, "int", or "bool".
    name: The argument it is passed as; empty when inputs are passed in their order.

    Example:
        >>> Input((1, 8, 8)).size
        64
    """

    shape: tuple[int, ...]
    kind: Kind = "float"
    name: str = ""

    @property
    def size(self) -> int:
        """How many numbers of a row it takes."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        what = f"[{', '.join(['rows', *map(str, self.shape)])}]"
        what += "" if self.kind == "float" else f" {self.kind}"
        return f"{self.name}: {what}" if self.name else what


Inputs = tuple[Input, ...]


def vector(n_columns: int) -> Inputs:
    """A single input of that many numbers: what a table is."""
    return (Input((n_columns,)),)


def flatten(given: Any) -> tuple[NDArray[np.float64], Inputs]:
    """Arrays of any shape as one table, and how to get them back.

    Args:
        given: An array or torch tensor with the rows along its first axis; or several, as a tuple (passed in that order) or a
            mapping (passed by name). A one-dimensional float array is one column.

    Returns:
        The table [N, D], and its inputs.

    Raises:
        DataError: If they have not the same number of rows, or are no numbers.

    Example:
        >>> table, inputs = flatten((np.zeros((5, 2, 2)), np.arange(5)))
        >>> table.shape, [str(each) for each in inputs]
        ((5, 5), ['[rows, 2, 2]', '[rows] int'])
    """
    if isinstance(given, Mapping):
        named = [(str(name), _array(part)) for name, part in given.items()]
    elif isinstance(given, tuple):
        named = [("", _array(part)) for part in given]
    else:
        named = [("", _array(given))]
    if not named or any(part.ndim == 0 for _, part in named):
        raise DataError(Problem("X", "must be an array with its rows along the first axis"))
    lengths = {len(part) for _, part in named}
    if len(lengths) > 1:
        raise DataError(
            Problem("X", "must have as many rows in each input", f"{[len(part) for _, part in named]}")
        )
    inputs = []
    for name, part in named:
        kind: Kind = {"i": "int", "u": "int", "b": "bool"}.get(part.dtype.kind, "float")  # type: ignore[assignment]
        is_column = part.ndim == 1 and kind == "float"
        inputs.append(Input((1,) if is_column else part.shape[1:], kind, name))
    n = lengths.pop()
    tables = [part.reshape(n, each.size) for (_, part), each in zip(named, inputs, strict=True)]
    table = tables[0] if len(tables) == 1 else np.concatenate(tables, axis=1)
    return np.ascontiguousarray(table, dtype=np.float64), tuple(inputs)


def cut(table: Any, inputs: Sequence[Input]) -> list[Any]:
    """The parts of a table [..., D], each shaped as its input, in the table's own type of number.

    Example:
        >>> [part.shape for part in cut(np.zeros((5, 5)), (Input((2, 2)), Input((), "int")))]
        [(5, 2, 2), (5,)]
    """
    ends = list(accumulate(each.size for each in inputs))
    return [
        table[..., end - each.size : end].reshape((*table.shape[:-1], *each.shape))
        for each, end in zip(inputs, ends, strict=True)
    ]


def _array(given: Any) -> NDArray[Any]:
    if hasattr(given, "detach"):  # a torch tensor, without importing torch
        given = given.detach().cpu()
        given = (given.double() if given.is_floating_point() else given).numpy()
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(Problem("X", "must hold numbers", str(array.dtype), hint=str(error))) from error
    return array
