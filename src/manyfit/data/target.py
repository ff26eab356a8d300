"""The target: whether numbers or classes are predicted, which rows have one, and how predictions get their own values back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from manyfit.data.cells import HUGE, finite
from manyfit.data.notes import ROWS_COUNTED, Note, note, row_text, shown
from manyfit.data.numeric import read_numbers
from manyfit.errors import DataError, Problem, did_you_mean
from manyfit.text import Text

Task = Literal["regression", "binary", "multiclass"]
TASKS = ("regression", "binary", "multiclass", "classification")
TASK_ZH = {"regression": "回归", "binary": "二分类", "multiclass": "多分类", "classification": "分类"}
_FEW_CLASSES = 20  # whole numbers with no more different values than this are classes, unless rows are few
_ROWS_A_CLASS = 10
ANOTHER = Text("Choose another target.", "请换一个目标。")
AS_NUMBERS = Text(
    "For numbers use task='regression' (--task regression).", "若是数值，请用 task='regression'（--task regression）。"
)
_MISSING = ("", "na", "n/a", "nan", "null", "?", "#n/a", "<na>")  # "none" may well be a class


@dataclass(frozen=True)
class Target:
    """What is predicted.

    name: Name of its column.
    task: "regression", "binary" or "multiclass".
    labels: The classes in their own type, in order; a code is an index into it. Empty for regression.
    dtype: Polars' name of the labels' type ("Int64", "String", …).
    """

    name: str
    task: Task
    labels: tuple[Any, ...] = ()
    dtype: str = "Float64"

    @property
    def n_classes(self) -> int:
        """How many classes there are; 0 for regression."""
        return len(self.labels)

    def decode(self, codes: np.ndarray) -> pl.Series:
        """Classes in their own type from codes, or numbers as they are.

        Example:
            >>> Target("ok", "binary", ("no", "yes"), "String").decode(np.array([1, 0])).to_list()
            ['yes', 'no']
        """
        if self.task == "regression":
            return pl.Series(self.name, np.asarray(codes, np.float64))
        return pl.Series(self.name, self.labels, dtype=getattr(pl, self.dtype))[np.asarray(codes, np.int64)]

    def encode(self, series: pl.Series) -> np.ndarray:
        """New target cells as numbers or codes, shape (N,), float64: NaN where missing or of an unknown class."""
        read = _cells(series)
        if self.task == "regression" or self.dtype not in ("String", "Boolean"):
            values = read_numbers(read).values if read.dtype == pl.String else read
            values = values.cast(pl.Float64, strict=False)
            if self.task == "regression":
                return values.to_numpy().astype(np.float64)
            read = values
        known = pl.Series(self.labels, dtype=getattr(pl, self.dtype)).cast(
            pl.Float64 if read.dtype == pl.Float64 else pl.String
        )
        keys = read if read.dtype == pl.Float64 else read.cast(pl.String)
        codes = dict(zip(known.to_list(), range(len(known)), strict=True))
        return np.array([codes.get(key, np.nan) for key in keys.to_list()], dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, "task": self.task, "labels": list(self.labels), "dtype": self.dtype}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Target:
        """The target that `to_dict` wrote."""
        return cls(values["name"], values["task"], tuple(values["labels"]), values["dtype"])


class ReadTarget(NamedTuple):
    """The target, its value in each row ([N], float64 or int64 codes; valid where `has_value`), and what there is to say."""

    target: Target
    y: np.ndarray
    has_value: np.ndarray
    notes: tuple[Note, ...]


def read_target(series: pl.Series, task: str | None, where: str) -> ReadTarget:
    """Decide what kind of target a column is and read it.

    Args:
        series: The column as read, shape (N,).
        task: What the user wants: one of `TASKS`; None to find it out.
        where: Name of the table, for errors.

    Returns:
        The target and its values.

    Raises:
        DataError: If the column can't be predicted: dates, infinite numbers, one value only, no classes.
    """
    if task is not None and task not in TASKS:
        rule = Text(f"must be one of {', '.join(TASKS)}", f"必须是 {'、'.join(TASKS)} 之一")
        raise DataError(Problem("task", rule, repr(task), hint=did_you_mean(task, TASKS)))
    name = Text(f"{where} target {series.name!r}", f"{where} 的目标列 {series.name!r}")
    rule = Text("must be numbers or classes", "必须是数字或类别")
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise DataError(Problem(name, rule, Text("lists or structures", "列表或结构")))
    if series.dtype.is_temporal():
        hint = Text("Predict a number, such as days since a start.", "请预测一个数，例如距起点的天数。")
        raise DataError(Problem(name, rule, Text("dates", "日期"), hint=hint))
    values = _cells(series)
    n_given = len(values) - values.null_count()
    if n_given == 0:
        raise DataError(Problem(name, Text("has no value in any row", "任何一行都没有值"), hint=ANOTHER))
    notes: list[Note] = []
    if values.null_count():
        notes.append(note("missing_target", [series.name], count=values.null_count(), target=series.name))
    if values.dtype == pl.String:
        values = _numbers_if_all(values, task, name)
    if values.dtype.is_numeric():
        _refuse_infinite(values, name)
    distinct = values.drop_nulls().n_unique()
    if distinct == 1:
        value = shown(values.drop_nulls().head(1).to_list())
        rule = Text(f"has one value only: {value}", f"只有一个值：{value}")
        hint = Text(
            "There is nothing to predict; choose another target or add rows of another class.",
            "没有什么可预测的；请换一个目标，或加上别的类别的行。",
        )
        raise DataError(Problem(name, rule, hint=hint))
    chosen, more = _choose(values, distinct, n_given, task, name)
    notes += more
    has_value = values.is_not_null().to_numpy()
    if chosen == "regression":
        return ReadTarget(
            Target(series.name, chosen),
            values.cast(pl.Float64).fill_null(np.nan).to_numpy(),
            has_value,
            tuple(notes),
        )
    labels = values.drop_nulls().unique().sort()
    if values.dtype.is_float() and bool((labels == labels.floor()).all()) and not series.dtype.is_float():
        labels = labels.cast(pl.Int64)  # whole numbers that were written as text
    codes = (
        values.cast(labels.dtype)
        .to_frame("v")
        .with_columns(
            pl.col("v")
            .replace_strict(labels, pl.Series(range(len(labels))), default=-1, return_dtype=pl.Int64)
            .alias("code")
        )["code"]
    )
    target = Target(series.name, chosen, tuple(labels.to_list()), str(labels.dtype))
    return ReadTarget(target, codes.to_numpy().copy(), has_value, tuple(notes))


def _cells(series: pl.Series) -> pl.Series:
    """Target cells as Boolean, a number type, or tidy text, with null where there is none."""
    if series.dtype == pl.Boolean:
        return series
    if series.dtype.is_float() or series.dtype.is_decimal():
        return series.cast(pl.Float64).fill_nan(None)
    if series.dtype.is_integer():
        return series if series.dtype not in (pl.Int128, pl.UInt64) else series.cast(pl.Float64)
    text = series.cast(pl.String).str.strip_chars()
    is_missing = text.str.to_lowercase().is_in(_MISSING).fill_null(True)
    return text.set(is_missing, None) if is_missing.any() else text


def _numbers_if_all(text: pl.Series, task: str | None, name: Text) -> pl.Series:
    """Numbers when every cell is one; text when it holds classes; an error when it is mostly numbers, or should be."""
    read = read_numbers(text)
    if read.n_others == 0:
        return read.values
    n_given = len(text) - text.null_count()
    is_mixed = read.n_others < n_given / 2 and text.n_unique() > _FEW_CLASSES
    if task == "regression" or (task is None and is_mixed):
        rows = np.flatnonzero((read.values.is_null() & text.is_not_null()).to_numpy())
        hint = Text("Mend these cells or leave them empty.", "请改好这些单元格，或留空。")
        if task is None:
            hint += Text(
                " If these are classes, say so: task='classification' (--task classification).",
                "若本来就是类别，请说明：task='classification'（--task classification）。",
            )
        cells = [row_text(int(row)) + f" {text[int(row)]!r}" for row in rows[:3]]
        more = " …" if len(rows) > 3 else ""
        got = Text(
            f"{len(rows)} of {n_given} cells that are none: {', '.join(cell.en for cell in cells)}{more}",
            f"{n_given} 个单元格中有 {len(rows)} 个不是：{'、'.join(cell.zh for cell in cells)}{more}",
        )
        raise DataError(Problem(name, Text("must be numbers", "必须是数字"), got, hint=hint + ROWS_COUNTED))
    return text


def _refuse_infinite(values: pl.Series, name: Text) -> None:
    _, n_infinite = finite(values)
    if n_infinite:
        rows = np.flatnonzero((values.cast(pl.Float64).abs() > HUGE).fill_null(False).to_numpy())
        places = ", ".join(str(row + 1) for row in rows[:5]) + (" …" if len(rows) > 5 else "")
        hint = Text(
            "Mend these cells or leave them empty: rows without a target are left out.",
            "请改好这些单元格，或留空：没有目标值的行会被略去。",
        )
        value = f"{values[int(rows[0])]:g}"
        got = Text(f"{value} in row {places}", f"{value}，在第 {places} 行")
        rule = Text(f"must be finite (below {HUGE:g})", f"必须有限（小于 {HUGE:g}）")
        raise DataError(Problem(name, rule, got, hint=hint + ROWS_COUNTED))


def _choose(
    values: pl.Series, distinct: int, n_given: int, task: str | None, name: Text
) -> tuple[Task, list[Note]]:
    is_number = values.dtype.is_numeric()
    if task == "regression":
        return "regression", []
    if task == "binary" and distinct != 2:
        hint = Text("Use task='multiclass' (--task multiclass).", "请用 task='multiclass'（--task multiclass）。")
        rule = Text("must have two classes for the task 'binary'", "在 'binary' 任务中必须有两个类别")
        raise DataError(Problem(name, rule, str(distinct), hint=hint))
    if task is None and is_number:
        is_whole = bool((values.drop_nulls() == values.drop_nulls().cast(pl.Float64).floor()).all())
        if distinct > 2 and not (
            is_whole and distinct <= _FEW_CLASSES and distinct * _ROWS_A_CLASS <= n_given
        ):
            few = (
                [_task_note(values.name, distinct, "regression", "classification")]
                if is_whole and distinct <= min(_FEW_CLASSES, n_given / 2)
                else []
            )
            return "regression", few
        if distinct > 2:
            return "multiclass", [_task_note(values.name, distinct, "classification", "regression")]
    if distinct > max(_FEW_CLASSES, n_given / 2) or distinct == n_given:
        kind = Text("numbers", "数") if is_number else Text("texts", "文本")
        rule = Text(
            f"has {distinct} different {kind.en} in {n_given} rows: no classes to learn",
            f"{n_given} 行中有 {distinct} 个不同的{kind.zh}：没有可学的类别",
        )
        raise DataError(Problem(name, rule, hint=AS_NUMBERS if is_number else ANOTHER))
    return "binary" if distinct == 2 else "multiclass", []


def _task_note(name: str, distinct: int, task: str, other: str) -> Note:
    return note("task", [name], target=name, distinct=distinct, task=task, task_zh=TASK_ZH[task], other=other)
