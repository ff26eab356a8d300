"""What scikit-learn's callers hand over, into a data set: any array or DataFrame, targets and weights.

A weight is a number of copies. So rows that are equal in every column and in the target are merged into one row that
weighs as much as they did together, rows of weight 0 are left out, and the order of the rows is forgotten: a table with
copies, its merged form with weights, and both of them shuffled are one and the same data set. No split parts copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import narwhals as nw
import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray
from sklearn.utils import check_array

from manyfit.data import Dataset, Target, read
from manyfit.data.decide import decide_columns
from manyfit.errors import DataError, Problem

Floats = NDArray[np.float64]
TARGET = "\0target"
"""Internal name of the target: no column of a user's table has it."""


def is_frame(X: Any) -> bool:
    """Whether this is a DataFrame of any library, whose columns may be of different kinds.

    Raises:
        DataError: If it is one that can't be read: two columns have one name.
    """
    if not hasattr(X, "columns"):
        return False
    try:
        nw.from_native(X)
    except TypeError:
        return False
    except nw.exceptions.NarwhalsError as error:
        hint = "Give each column its own name."
        raise DataError(Problem("X", "can't be read", " ".join(str(error).split()), hint=hint)) from None
    return True


def is_numeric(X: Any) -> bool:
    """Whether a checked input is an array of numbers."""
    return isinstance(X, np.ndarray) and X.dtype.kind == "f"


def checked(X: Any) -> NDArray[Any]:
    """An array-like of two dimensions: float64 where all of it is numbers, else objects.

    Raises:
        ValueError: As scikit-learn says it, for complex, infinite, empty, sparse or flat input.
    """
    array = check_array(X, dtype=None, ensure_all_finite=False)
    if array.dtype.kind in "OUSMm":
        return array.astype(object)
    return cast(NDArray[Any], check_array(array, dtype=np.float64, ensure_all_finite="allow-nan"))


def frame_of(X: Any, names: Sequence[str]) -> pl.DataFrame:
    """A DataFrame, or a checked array, as a frame whose columns have these names.

    Raises:
        DataError: If a number is infinite, or the DataFrame can't be read.
    """
    if is_numeric(X):
        return pl.DataFrame([pl.Series(name, X[:, i], nan_to_null=True) for i, name in enumerate(names)])
    frame = read(X).frame
    frame.columns = list(names)
    frame = frame.with_columns(
        cs.by_dtype(pl.Categorical, pl.Enum).cast(pl.String), cs.float().cast(pl.Float64).fill_nan(None)
    )
    infinite = frame.select(cs.float().is_infinite().any())
    hint = "Missing values are fine: NaN or None."
    found = [
        Problem(f"column {name!r}", "must be finite", "infinity", hint=hint)
        for name in infinite.columns
        if infinite[name][0]
    ]
    if found:
        raise DataError(found, "X")
    return frame


def dataset_of(
    frame: pl.DataFrame,
    y: NDArray[Any],
    target: Target,
    weights: Floats | None,
    class_weights: Floats | None = None,
    *,
    numeric: bool = False,
) -> Dataset:
    """The data set that estimators learn from: no test rows, because their callers hold out rows themselves.

    Args:
        frame: [N] rows, as read.
        y: [N] numbers, or codes of classes.
        target: Name and task.
        weights: [N] weights ≥ 0 of which one at least is positive; None when all rows weigh the same.
        class_weights: [C] weights of classes; they count in training only.
        numeric: Whether all columns are numbers, however few different ones they hold.

    Raises:
        DataError: If no column can be used.
    """
    frame, y, weights = merged(frame, y, weights)
    kinds = dict.fromkeys(frame.columns, "number") if numeric else {}
    # Columns of an array were chosen by their owner; in a DataFrame an identifier or free text teaches nothing.
    columns, series, notes = decide_columns(frame, frame.height, (), numeric, kinds, None)
    if not series:
        why = "; ".join(f"{column.name}: {column.why}" for column in columns[:6])
        raise DataError(Problem("X", "has no usable column", hint=f"What was found: {why}."))
    return Dataset(
        name="X",
        frame=pl.DataFrame(series),
        y=y,
        target=target,
        columns=tuple(columns),
        weights=weights,
        class_weights=class_weights,
        test_rows=np.empty(0, np.int64),
        notes=tuple(notes),
    )


def merged(
    frame: pl.DataFrame, y: NDArray[Any], weights: Floats | None
) -> tuple[pl.DataFrame, NDArray[Any], Floats | None]:
    """Rows of positive weight, equal ones as one, in an order that only their content decides.

    Returns:
        Rows, targets, and weights with mean 1; None for the weights when all are the same.

    Example:
        >>> frame, y, weights = merged(pl.DataFrame({"a": [2.0, 1.0, 2.0]}), np.array([5.0, 3.0, 5.0]), None)
        >>> frame["a"].to_list(), y.tolist(), weights.round(2).tolist()
        ([1.0, 2.0], [3.0, 5.0], [0.67, 1.33])
    """
    whole = frame.with_columns(cs.float() + 0.0, pl.Series(TARGET, y))  # so that −0 is 0
    weights = np.ones(len(y)) if weights is None else weights
    if not weights.all():
        whole, weights = whole.filter(weights > 0), weights[weights > 0]
    keys = whole.hash_rows(seed=0).to_numpy()
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    total = np.bincount(place, weights)
    whole = whole[first].with_columns(pl.Series("\0weight", total))
    sortable = [name for name, dtype in whole.schema.items() if not dtype.is_nested() and dtype != pl.Object]
    whole = whole.sort(sortable, nulls_last=True, maintain_order=True)
    total = whole["\0weight"].to_numpy()
    same = total.min() == total.max()
    rows = whole.drop(TARGET, "\0weight")
    return rows, whole[TARGET].to_numpy().copy(), None if same else total / total.mean()
