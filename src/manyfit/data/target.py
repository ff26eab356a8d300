"""The target: whether numbers or classes are predicted, which rows have one, and how predictions get their own values back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from manyfit.data.cells import HUGE, finite
from manyfit.data.notes import Note, note, shown
from manyfit.data.numeric import read_numbers
from manyfit.errors import DataError, Problem, did_you_mean

Task = Literal["regression", "binary", "multiclass"]
TASKS = ("regression", "binary", "multiclass", "classification")
TASK_ZH = {"regression": "回归", "binary": "二分类", "multiclass": "多分类", "classification": "分类"}
_FEW_CLASSES = 20  # whole numbers with no more different values than this are classes, unless rows are few
_ROWS_A_CLASS = 10
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
        raise DataError(
            Problem("task", f"must be one of {', '.join(TASKS)}", repr(task), hint=did_you_mean(task, TASKS))
        )
    name = f"{where} target {series.name!r}"
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise DataError(Problem(name, "must be numbers or classes", "lists or structures"))
    if series.dtype.is_temporal():
        raise DataError(
            Problem(
                name,
                "must be numbers or classes",
                "dates",
                hint="Predict a number, such as days since a start.",
            )
        )
    values = _cells(series)
    n_given = len(values) - values.null_count()
    if n_given == 0:
        raise DataError(Problem(name, "has no value in any row", hint="Choose another target."))
    notes: list[Note] = []
    if values.null_count():
        notes.append(note("missing_target", [series.name], count=values.null_count(), target=series.name))
    if values.dtype == pl.String:
        values = _numbers_if_all(values, task, name)
    if values.dtype.is_numeric():
        _refuse_infinite(values, name)
    distinct = values.drop_nulls().n_unique()
    if distinct == 1:
        rule = f"has one value only: {shown(values.drop_nulls().head(1).to_list())}"
        raise DataError(
            Problem(
                name,
                rule,
                hint="There is nothing to predict; choose another target or add rows of another class.",
            )
        )
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


def _numbers_if_all(text: pl.Series, task: str | None, name: str) -> pl.Series:
    """Numbers when every cell is one; text when it holds classes; an error when it is mostly numbers, or should be."""
    read = read_numbers(text)
    if read.n_others == 0:
        return read.values
    n_given = len(text) - text.null_count()
    is_mixed = read.n_others < n_given / 2 and text.n_unique() > _FEW_CLASSES
    if task == "regression" or (task is None and is_mixed):
        rows = np.flatnonzero((read.values.is_null() & text.is_not_null()).to_numpy())
        cells = ", ".join(f"row {row + 1} {text[int(row)]!r}" for row in rows[:3])
        hint = "Mend these cells or leave them empty."
        hint += (
            " If these are classes, say so: task='classification' (--task classification)."
            if task is None
            else ""
        )
        got = f"{len(rows)} of {n_given} cells that are none: {cells}" + (" …" if len(rows) > 3 else "")
        raise DataError(Problem(name, "must be numbers", got, hint=hint))
    return text


def _refuse_infinite(values: pl.Series, name: str) -> None:
    _, n_infinite = finite(values)
    if n_infinite:
        rows = np.flatnonzero((values.cast(pl.Float64).abs() > HUGE).fill_null(False).to_numpy())
        places = ", ".join(str(row + 1) for row in rows[:5]) + (" …" if len(rows) > 5 else "")
        hint = "Mend these cells or leave them empty: rows without a target are left out."
        got = f"{values[int(rows[0])]:g} in row {places}"
        raise DataError(Problem(name, f"must be finite (below {HUGE:g})", got, hint=hint))


def _choose(
    values: pl.Series, distinct: int, n_given: int, task: str | None, name: str
) -> tuple[Task, list[Note]]:
    is_number = values.dtype.is_numeric()
    if task == "regression":
        return "regression", []
    if task == "binary" and distinct != 2:
        hint = "Use task='multiclass' (--task multiclass)."
        raise DataError(
            Problem(name, "must have two classes for the task 'binary'", str(distinct), hint=hint)
        )
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
        kind = "numbers" if is_number else "texts"
        hint = (
            "For numbers use task='regression' (--task regression)."
            if is_number
            else "Choose another target."
        )
        raise DataError(
            Problem(
                name, f"has {distinct} different {kind} in {n_given} rows: no classes to learn", hint=hint
            )
        )
    return "binary" if distinct == 2 else "multiclass", []


def _task_note(name: str, distinct: int, task: str, other: str) -> Note:
    return note("task", [name], target=name, distinct=distinct, task=task, task_zh=TASK_ZH[task], other=other)
