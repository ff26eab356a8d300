"""Columns with a role of their own: weights of rows and classes, groups, and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from manyfit.data.cells import as_text, cast_column
from manyfit.data.columns import read_column
from manyfit.data.frames import to_array
from manyfit.data.notes import ROWS_COUNTED, row_text
from manyfit.data.target import Target
from manyfit.errors import DataError, Problem, did_you_mean
from manyfit.text import Text

NOT_NEGATIVE = Text("must be a number ≥ 0", "必须是 ≥ 0 的数")
NOT_ALL_ZERO = Text("must not all be 0", "不能全为 0")


def role_series(role: str, value: Any, frame: pl.DataFrame, where: str) -> pl.Series:
    """The cells that play a role: a column of the table, or values given for each of its rows."""
    if isinstance(value, str):
        return frame[value]
    series = value if isinstance(value, pl.Series) else _plain_series(role, value)
    if len(series) != frame.height:
        rule = Text(
            f"must have one value for each of the {frame.height} rows of {where}",
            f"必须对 {where} 的 {frame.height} 行各有一个值",
        )
        raise DataError(Problem(role, rule, str(len(series))))
    return series


def _plain_series(role: str, value: Any) -> pl.Series:
    array = to_array(value)
    if array.ndim != 1:
        got = Text(f"shape {array.shape}", f"形状 {array.shape}")
        raise DataError(Problem(role, Text("must be one-dimensional", "必须是一维的"), got))
    if array.dtype.kind in "OUS":
        return pl.Series(role, [None if v is None else str(v) for v in array.tolist()], dtype=pl.String)
    return pl.Series(role, array, nan_to_null=True)


def weights_of(series: pl.Series | None, where: str) -> np.ndarray | None:
    """[N] weights of the rows, float64, finite and ≥ 0, not all 0."""
    if series is None:
        return None
    name = Text(f"{where} weights {series.name!r}", f"{where} 的权重列 {series.name!r}")
    column = read_column(series, keep=True).column
    if column.kind not in ("number", "boolean"):
        raise DataError(Problem(name, Text("must be numbers", "必须是数字"), Text(column.why, column.why_zh)))
    values = cast_column(series, column).values.cast(pl.Float64).to_numpy().astype(np.float64)
    wrong = np.flatnonzero(~(values >= 0))
    if len(wrong):
        row = int(wrong[0])
        hint = Text("A row without weight is given weight 0.", "没有权重的行请写 0。") + ROWS_COUNTED
        raise DataError(Problem(name + " " + row_text(row), NOT_NEGATIVE, repr(series[row]), hint=hint))
    if not values.any():
        raise DataError(Problem(name, NOT_ALL_ZERO))
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
    name = Text(f"{where} time {series.name!r}", f"{where} 的时间列 {series.name!r}")
    column = read_column(series, keep=True).column
    if column.kind not in ("date", "number"):
        rule = Text("must be dates or numbers", "必须是日期或数字")
        raise DataError(Problem(name, rule, Text(column.why, column.why_zh)))
    values = cast_column(series, column).values
    if column.kind == "date":
        values = values.cast(pl.Int64)
    order = values.cast(pl.Float64).to_numpy()
    if np.isnan(order).any():
        row = int(np.flatnonzero(np.isnan(order))[0])
        hint = Text(
            "Every row needs a moment; leave out the rows without one.", "每行都需要时刻；请去掉没有时刻的行。"
        )
        rule, hint = Text("has no moment", "没有时刻"), hint + ROWS_COUNTED
        raise DataError(Problem(name + " " + row_text(row), rule, repr(series[row]), hint=hint))
    return order.astype(np.float64)


def class_weights_of(given: Any, y: np.ndarray, target: Target) -> np.ndarray | None:
    """[C] weights of the classes: "balanced" makes every class count the same, a mapping says each."""
    if given is None:
        return None
    if target.task == "regression":
        hint = Text("Use weights= (--weights).", "请用 weights=（--weights）。")
        got = Text("a target of numbers", "数值目标")
        raise DataError(Problem("class_weights", Text("need classes", "需要类别"), got, hint=hint))
    if isinstance(given, str):
        if given != "balanced":
            rule = Text("must be 'balanced' or a weight for each class", "必须是 'balanced' 或每类一个权重")
            raise DataError(Problem("class_weights", rule, repr(given)))
        counts = np.bincount(y.astype(np.int64), minlength=target.n_classes)
        return len(y) / (target.n_classes * np.maximum(counts, 1.0))
    if not isinstance(given, Mapping):
        given = dict(zip(target.labels, given, strict=False))
    by_name = {str(label): label for label in target.labels}
    weights = np.ones(target.n_classes)
    for label, weight in given.items():
        if str(label) not in by_name:
            hint = did_you_mean(str(label), by_name)
            rule = Text(f"is no class of {target.name!r}", f"不是 {target.name!r} 的类别")
            raise DataError(Problem(f"class_weights {label!r}", rule, hint=hint))
        if not (isinstance(weight, (int, float, np.number)) and 0 <= float(weight) < np.inf):
            raise DataError(Problem(f"class_weights {label!r}", NOT_NEGATIVE, repr(weight)))
        weights[target.labels.index(by_name[str(label)])] = float(weight)
    if not weights.any():
        raise DataError(Problem("class_weights", NOT_ALL_ZERO))
    return weights
