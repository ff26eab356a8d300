"""Columns with a role of their own: weights of rows and classes, groups, and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from manyfit.data.cells import as_text, cast_column
from manyfit.data.columns import read_column
from manyfit.data.frames import to_array
from manyfit.data.target import Target
from manyfit.errors import DataError, Problem, did_you_mean


def role_series(role: str, value: Any, frame: pl.DataFrame, where: str) -> pl.Series:
    """The cells that play a role: a column of the table, or values given for each of its rows."""
    if isinstance(value, str):
        return frame[value]
    series = value if isinstance(value, pl.Series) else _plain_series(role, value)
    if len(series) != frame.height:
        raise DataError(
            Problem(
                role, f"must have one value for each of the {frame.height} rows of {where}", str(len(series))
            )
        )
    return series


def _plain_series(role: str, value: Any) -> pl.Series:
    array = to_array(value)
    if array.ndim != 1:
        raise DataError(Problem(role, "must be one-dimensional", f"shape {array.shape}"))
    if array.dtype.kind in "OUS":
        return pl.Series(role, [None if v is None else str(v) for v in array.tolist()], dtype=pl.String)
    return pl.Series(role, array, nan_to_null=True)


def weights_of(series: pl.Series | None, where: str) -> np.ndarray | None:
    """[N] weights of the rows, float64, finite and ≥ 0, not all 0."""
    if series is None:
        return None
    name = f"{where} weights {series.name!r}"
    column = read_column(series, keep=True).column
    if column.kind not in ("number", "boolean"):
        raise DataError(Problem(name, "must be numbers", column.why))
    values = cast_column(series, column).values.cast(pl.Float64).to_numpy().astype(np.float64)
    wrong = np.flatnonzero(~(values >= 0))
    if len(wrong):
        row = int(wrong[0])
        hint = "A row without weight is given weight 0."
        raise DataError(
            Problem(f"{name} row {row + 1}", "must be a number ≥ 0", repr(series[row]), hint=hint)
        )
    if not values.any():
        raise DataError(Problem(name, "must not all be 0"))
    return values


def group_of(series: pl.Series | None) -> np.ndarray | None:
    """[N] number of each row's group, counted by first appearance; a row without a group is one of its own."""
    if series is None:
        return None
    text = as_text(series) if not series.dtype.is_temporal() else series.cast(pl.String)
    is_alone = text.is_null()
    keys = pl.select(
        pl.when(is_alone).then(pl.format("\0{}", pl.int_range(len(text)))).otherwise(text)
    ).to_series()
    _, first, inverse = np.unique(keys.to_numpy().astype(str), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first, kind="stable"), kind="stable")[inverse]


def time_of(series: pl.Series | None, where: str) -> np.ndarray | None:
    """[N] what orders the rows, float64: microseconds of a date, or a number as it is."""
    if series is None:
        return None
    name = f"{where} time {series.name!r}"
    column = read_column(series, keep=True).column
    if column.kind not in ("date", "number"):
        raise DataError(Problem(name, "must be dates or numbers", column.why))
    values = cast_column(series, column).values
    if column.kind == "date":
        values = values.cast(pl.Int64)
    order = values.cast(pl.Float64).to_numpy()
    if np.isnan(order).any():
        row = int(np.flatnonzero(np.isnan(order))[0])
        hint = "Every row needs a moment; leave out the rows without one."
        raise DataError(Problem(f"{name} row {row + 1}", "has no moment", repr(series[row]), hint=hint))
    return order.astype(np.float64)


def class_weights_of(given: Any, y: np.ndarray, target: Target) -> np.ndarray | None:
    """[C] weights of the classes: "balanced" makes every class count the same, a mapping says each."""
    if given is None:
        return None
    if target.task == "regression":
        raise DataError(
            Problem("class_weights", "need classes", "a target of numbers", hint="Use weights= (--weights).")
        )
    if isinstance(given, str):
        if given != "balanced":
            raise DataError(
                Problem("class_weights", "must be 'balanced' or a weight for each class", repr(given))
            )
        counts = np.bincount(y.astype(np.int64), minlength=target.n_classes)
        return len(y) / (target.n_classes * np.maximum(counts, 1.0))
    if not isinstance(given, Mapping):
        given = dict(zip(target.labels, given, strict=False))
    by_name = {str(label): label for label in target.labels}
    weights = np.ones(target.n_classes)
    for label, weight in given.items():
        if str(label) not in by_name:
            hint = did_you_mean(str(label), by_name)
            raise DataError(Problem(f"class_weights {label!r}", f"is no class of {target.name!r}", hint=hint))
        if not (isinstance(weight, (int, float, np.number)) and 0 <= float(weight) < np.inf):
            raise DataError(Problem(f"class_weights {label!r}", "must be a number ≥ 0", repr(weight)))
        weights[target.labels.index(by_name[str(label)])] = float(weight)
    if not weights.any():
        raise DataError(Problem("class_weights", "must not all be 0"))
    return weights
