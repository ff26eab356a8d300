"""Rows that repeat another row: found, and kept on one side of every split, dropped, or left to chance.

A copy is a row that is equal to another in every column that is used and in the target: what a network sees. Were it parted from
the other by a split, the network would be tested on what it has learned, whatever a column that was left out (a number of the
row, a free text) says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from manyfit.data.columns import Column
from manyfit.data.dataset import Dataset
from manyfit.data.notes import note

CHOICES = ("auto", "together", "apart", "drop")
_MANY_COPIES = 0.1  # up to this share of the rows it costs nothing to keep copies together


def settle_copies(data: Dataset, choice: str) -> Dataset:
    """Find rows that repeat another row, and do with them what was chosen.

    Args:
        data: The table.
        choice: "together" keeps copies on one side of every split, "apart" leaves them to chance, "drop" keeps the first of
            each; "auto" keeps them together unless the table is so coarse that equal rows are no copies.

    Returns:
        The data set with its `block`, or with fewer rows, and a note.
    """
    block = row_blocks(data.frame, data.y)
    n_different = int(block.max()) + 1
    count = data.n_rows - n_different
    if count == 0:
        return data
    if choice == "drop":
        _, first = np.unique(block, return_index=True)
        return data.take(np.sort(first)).noting(note("duplicates_dropped", count=count))
    is_settled = any(
        role is not None for role in (data.group, data.time, data.test_rows)
    )  # these decide the splits already
    is_coarse = count > _MANY_COPIES * data.n_rows and not can_tell_rows_apart(data.used, n_different)
    if is_settled or choice == "apart" or (choice == "auto" and is_coarse):
        return data.noting(note("coarse", count=count, rows=data.n_rows))
    return replace(data, block=block).noting(note("duplicates", count=count))


def row_blocks(frame: pl.DataFrame, y: np.ndarray) -> np.ndarray:
    """[N] one number for rows that are equal in every used column and in the target, counted by first appearance."""
    keys = frame.with_columns(pl.Series("\0y", y)).hash_rows(seed=0).to_numpy()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    # the hash may change with the version of polars; the order of first appearance does not
    return np.argsort(np.argsort(first, kind="stable"), kind="stable")[inverse]


def can_tell_rows_apart(columns: Sequence[Column], n_different: int) -> bool:
    """Whether equal rows are likely copies: some column has so many values that equality by chance is rare."""
    return any(column.distinct >= max(50, 0.1 * n_different) for column in columns)
