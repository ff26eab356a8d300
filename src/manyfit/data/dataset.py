"""The data set: a table whose columns, target, weights and order are settled, with everything that was decided on record."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from manyfit.data.columns import KIND_ZH, KINDS, Column
from manyfit.data.notes import Note, listed
from manyfit.data.target import TASK_ZH, Target, Task


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table ready to be split and encoded. `load` makes it; the job, the questions and the splits read it. Axis N: rows.

    name: What to call it: file name, or name of the example.
    frame: [N] rows of the columns that are used, in their kinds (Float64, Boolean, Datetime, String), null where missing.
    y: [N] target: float64 numbers in their own unit, or int64 codes of classes.
    target: Name of the target, task, and the classes.
    columns: A decision for every column of the table, dropped ones included, in the order of the table.
    weights: [N] float64 ≥ 0, or None when all rows weigh the same. They count in training and in scores.
    class_weights: [C] float64, or None. They count in training only.
    group: [N] int64, rows of one number belong together; None without groups.
    time: [N] float64, orders the rows; None without a time column.
    block: [N] int64, rows that a split must not part (groups, or copies of one row); None when every row stands alone.
    test_rows: [n] rows that came as a test file; None without one.
    notes: What the reader should know.
    memo: What encoders worked out about it and need again for the next fold.
    fingerprint: SHA-256 of the content; the same rows, columns and roles give the same one on every machine.
    """

    name: str
    frame: pl.DataFrame
    y: np.ndarray
    target: Target
    columns: tuple[Column, ...]
    weights: np.ndarray | None = None
    class_weights: np.ndarray | None = None
    group: np.ndarray | None = None
    time: np.ndarray | None = None
    block: np.ndarray | None = None
    test_rows: np.ndarray | None = None
    notes: tuple[Note, ...] = ()
    fingerprint: str = field(default="")
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.block is None and self.group is not None:
            object.__setattr__(self, "block", self.group)
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", fingerprint(self))
        for array in (
            self.y,
            self.weights,
            self.class_weights,
            self.group,
            self.time,
            self.block,
            self.test_rows,
        ):
            if array is not None:
                array.setflags(write=False)

    @property
    def task(self) -> Task:
        """ "regression", "binary" or "multiclass"."""
        return self.target.task

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes in their own type, in the order of their codes; empty for regression."""
        return self.target.labels

    @property
    def n_rows(self) -> int:
        """N."""
        return len(self.y)

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that become inputs, in the order of `frame`."""
        return tuple(column for column in self.columns if column.kind != "dropped")

    @property
    def counts(self) -> dict[str, int]:
        """How many columns of each kind are used, kinds without any left out."""
        kinds = [column.kind for column in self.used]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    @property
    def missing(self) -> float:
        """Share of the used cells without a value, in [0, 1]."""
        cells = self.n_rows * max(len(self.used), 1)
        return sum(self.frame[column.name].null_count() for column in self.used) / max(cells, 1)

    def take(self, rows: np.ndarray) -> Dataset:
        """The data set of some of the rows, in the order given; decisions and notes stay.

        Args:
            rows: [n] indices of different rows.
        """
        rows = np.asarray(rows)
        sliced = {role: None if array is None else array[rows] for role, array in self._by_row().items()}
        test_rows = None if self.test_rows is None else np.flatnonzero(np.isin(rows, self.test_rows))
        return replace(
            self, frame=self.frame[rows], y=self.y[rows], test_rows=test_rows, fingerprint="", **sliced
        )

    def without(self, name: str) -> Dataset:
        """The data set without one of its columns: rows, roles and copies stay as they are.

        Args:
            name: A column that is used.
        """
        columns = tuple(replace(c, kind="dropped") if c.name == name else c for c in self.columns)
        return replace(self, frame=self.frame.drop(name), columns=columns, fingerprint="")

    def _by_row(self) -> dict[str, np.ndarray | None]:
        return {"weights": self.weights, "group": self.group, "time": self.time, "block": self.block}

    def noting(self, *notes: Note) -> Dataset:
        """The same data set with more notes."""
        return replace(self, notes=self.notes + notes)

    def training_weights(self) -> np.ndarray | None:
        """[N] what each row weighs in training: its own weight times that of its class; None when all weigh the same."""
        if self.class_weights is None:
            return self.weights
        by_class = self.class_weights[self.y.astype(np.int64)]
        return by_class if self.weights is None else by_class * self.weights

    def describe(self, lang: str = "en") -> list[str]:
        """What was found, in a few lines for the terminal: size and task, columns, warnings.

        Args:
            lang: "en" or "zh".

        Returns:
            Lines without a line end; warnings begin with "! " and end with the flag that acts on them.
        """
        is_zh = lang == "zh"
        kinds = {"number": "numbers", "boolean": "yes/no", "category": "categories", "date": "dates"}
        singular = {"number": "number", "boolean": "yes/no", "category": "category", "date": "date"}
        found = [
            f"{n} 列{KIND_ZH[kind]}" if is_zh else f"{n:,} {singular[kind] if n == 1 else kinds[kind]}"
            for kind, n in self.counts.items()
        ]
        parts = [("、" if is_zh else ", ").join(found)]
        parts += [n.say(lang) for n in self.notes if n.code in ("id", "constant", "empty_column")]
        if self.missing:
            share = f"{self.missing:.0%}" if self.missing >= 0.005 else "<1%"
            parts.append(f"缺失 {share[:-1]} %" if is_zh else f"{share[:-1]} % missing")
        task = TASK_ZH[self.task] if is_zh else self.task
        if self.target.n_classes:
            classes = listed([str(label) for label in self.labels], *(("、", "等 {} 类") if is_zh else ()))
            task += (
                f"（{self.target.n_classes} 类：{classes}）"
                if is_zh
                else f", {self.target.n_classes} classes ({classes})"
            )
        width = len(self.columns) + 1
        size = f"{self.n_rows:,} 行 × {width:,} 列" if is_zh else f"{self.n_rows:,} rows × {width:,} columns"
        lines = [f"{self.name}   {size} → {self.target.name}: {task}", ("；" if is_zh else "; ").join(parts)]
        for item in self.notes:
            if item.code not in ("id", "constant", "empty_column"):
                mark = "! " if item.is_warning else ""
                lines.append(f"{mark}{item.say(lang)}" + (f"   {item.flag}" if item.flag else ""))
        return lines

    def __repr__(self) -> str:
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.counts.items())
        task = self.task + (f" of {self.target.n_classes}" if self.task == "multiclass" else "")
        return f"Dataset({self.name!r}, {self.n_rows:,} rows, {kinds} → {self.target.name!r}: {task})"

    def _repr_html_(self) -> str:
        return "<br>".join(html.escape(line) for line in self.describe())


def fingerprint(data: Dataset) -> str:
    """SHA-256 of a data set's content: values, names, kinds and roles, not the name of the file or the way it was read."""
    digest = hashlib.sha256()
    for column in data.used:
        series = data.frame[column.name]
        digest.update(repr((column.name, column.kind, column.is_time)).encode())
        if column.kind == "category":
            digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
            filled = series.fill_null("")
            digest.update(filled.str.len_bytes().to_numpy().astype("<u4").tobytes())
            digest.update("".join(filled.to_list()).encode())
        else:
            physical = series.cast(pl.Int64) if column.kind in ("date", "boolean") else series
            cells = physical.to_numpy().astype("<f8")
            digest.update(np.packbits(np.isnan(cells)).tobytes() + np.nan_to_num(cells).tobytes())
    digest.update(repr((data.target.name, data.target.task, data.target.labels)).encode())
    digest.update(data.y.astype("<f8").tobytes())
    for role in ("weights", "class_weights", "group", "time", "test_rows"):
        array = getattr(data, role)
        if array is not None:
            digest.update(role.encode() + np.ascontiguousarray(array.astype("<f8")).tobytes())
    return digest.hexdigest()
