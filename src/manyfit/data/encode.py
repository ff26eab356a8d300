"""Rows of a table into the numbers a network takes, and its predictions back into the table's own units."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from manyfit.data.columns import KIND_ZH, Column
from manyfit.data.dataset import Dataset
from manyfit.data.fitting import MAX_CATEGORIES, Structure, decide_structure, fit_parts, sample_rows, sources
from manyfit.data.newrows import NewRows, read_new
from manyfit.data.parts import CategoryPart, Input, NumberPart, Part
from manyfit.data.target import Target
from manyfit.errors import DataError, Problem
from manyfit.text import Text

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Encoder:
    """The fitted preprocessing of one table: made by `Encoder.fit`, kept inside every model. Axes: N rows, D inputs.

    columns: Decisions on the columns of the table, dropped ones included.
    target: What is predicted.
    parts: Fitted numbers of each column, in the order of the inputs.
    y_mean, y_scale: What the target is shifted and divided by; 0 and 1 for classes.

    Example:
        >>> from manyfit.data import Encoder, load
        >>> data = load("iris")
        >>> Encoder.fit(data).transform(data.frame).shape
        (150, 4)
    """

    columns: tuple[Column, ...]
    target: Target
    parts: tuple[Part, ...]
    y_mean: float = 0.0
    y_scale: float = 1.0
    _width: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_width", sum(len(part.inputs) for part in self.parts))

    @classmethod
    def fit(
        cls,
        data: Dataset,
        rows: np.ndarray | None = None,
        structure: np.ndarray | None = None,
        *,
        max_categories: int = MAX_CATEGORIES,
    ) -> Encoder:
        """Fit to rows.

        Args:
            data: The table.
            rows: Rows to train on, from which medians, means and quantiles come; None takes all.
            structure: Rows that decide which inputs there are, so that D is the same in every fold: the development rows as a
                rule. None takes `rows`.
            max_categories: Most inputs that one category column may take; its rarer values share one.

        Returns:
            The encoder.

        Raises:
            DataError: If no column varies in the structure rows, or the target in neither them nor the training rows.
        """
        rows = np.arange(data.n_rows) if rows is None else np.asarray(rows)
        structure = rows if structure is None else np.asarray(structure)
        decided = _structure(data, structure, max_categories)
        parts = fit_parts(decided, data.frame[sample_rows(rows)], data.used)
        if not parts:
            n = len(structure)
            rule = Text(f"has no column that varies in {n} rows", f"没有一列在 {n} 行中有变化")
            raise DataError(Problem(data.name, rule, hint=Text("Add rows or columns.", "请增加行或列。")))
        if data.task != "regression":
            return cls(data.columns, data.target, parts)
        y = data.y[rows]
        # a fold may hold out the only rows that differ: then all development rows say how far apart values lie
        scale = float(y.std()) or float(data.y[structure].std())
        if not scale > 0:
            hint = Text(
                "There is nothing to learn from them; add rows or choose another target.",
                "从中学不到什么；请增加行，或换一个目标。",
            )
            where = Text(f"target {data.target.name!r}", f"目标 {data.target.name!r}")
            rule = Text(
                f"has one value in all {len(y)} training rows", f"在全部 {len(y)} 个训练行中只有一个值"
            )
            raise DataError(Problem(where, rule, f"{y[0]:g}", hint=hint))
        return cls(data.columns, data.target, parts, float(y.mean()), scale)

    @property
    def n_inputs(self) -> int:
        """D."""
        return self._width

    @property
    def n_outputs(self) -> int:
        """Outputs a network needs: 1 for regression and two classes, otherwise one for each class."""
        return self.target.n_classes if self.target.task == "multiclass" else 1

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """[D] what each input is."""
        return tuple(made for part in self.parts for made in part.inputs)

    @property
    def names(self) -> list[str]:
        """[D] names of the inputs, for reports."""
        return [made.name for made in self.inputs]

    @property
    def is_discrete(self) -> np.ndarray:
        """[D] True where an input takes a few values only (categories, yes/no, indicators): attacks must leave these alone."""
        return np.array([made.is_discrete for made in self.inputs])

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """The inputs of each column that has any: what a permutation of the column changes."""
        places: dict[str, list[int]] = {}
        for i, made in enumerate(self.inputs):
            places.setdefault(made.column, []).append(i)
        return {name: np.array(found) for name, found in places.items()}

    @cached_property
    def empty(self) -> np.ndarray:
        """[D] a row without a single value, encoded."""
        kinds = {"number": pl.Float64, "boolean": pl.Boolean, "date": pl.Datetime, "category": pl.String}
        cells = {c.name: pl.Series([None], dtype=kinds[c.kind]) for c in self.columns if c.kind in kinds}
        return self.transform(pl.DataFrame(cells))[0]

    @cached_property
    def reach(self) -> np.ndarray:
        """[2, D] the smallest and the largest number that each input can be, whatever its cell holds."""
        ends: list[tuple[float, float]] = []
        for part in self.parts:
            first = [part.reach] if isinstance(part, NumberPart) else []
            ends += [*first, *[(0.0, 1.0)] * (len(part.inputs) - len(first))]
        return np.array(ends).T.reshape(2, -1)

    def account(self, lang: str = "en") -> list[tuple[str, str, str, str]]:
        """What became of every column of the table: (name, kind, what is done, why), for reports.

        Args:
            lang: "en" or "zh".
        """
        is_zh = lang == "zh"
        by_column: dict[str, list[Part]] = {}
        for part in self.parts:
            by_column.setdefault(part.column, []).append(part)
        rows = []
        for column in self.columns:
            parts = by_column.get(column.name, [])
            done = column.did_zh if is_zh else column.did
            if column.kind == "date":
                n = sum(len(part.inputs) for part in parts)
                done += f"（{n} 个输入）" if is_zh else f" ({n} inputs)"
            elif parts:
                done = parts[0].done(lang)
            elif column.kind != "dropped":
                done = "略去，不变化" if is_zh else "left out: it does not vary"
            kind = KIND_ZH[column.kind] if is_zh else column.kind
            rows.append((column.name, kind, done, column.why_zh if is_zh else column.why))
        return rows

    def transform(self, frame: pl.DataFrame, dtype: Any = np.float64) -> np.ndarray:
        """Encode rows.

        Args:
            frame: Rows in the kinds of the training table: `Dataset.frame`, some rows of it, or `read(...).frame`.
            dtype: Type of the result; float32 halves a large table.

        Returns:
            [N, D] finite numbers, standardised inputs clipped to ±5.
        """
        out = np.zeros((frame.height, self._width), dtype)
        done: dict[str, dict[str, np.ndarray]] = {}
        by_name = {column.name: column for column in self.columns}
        start = 0
        for part in self.parts:
            block = out[:, start : start + len(part.inputs)]
            start += len(part.inputs)
            if isinstance(part, CategoryPart):
                part.apply(part.codes_of(frame[part.column]), block)
                continue
            if part.column not in done:
                done = {part.column: {s.part: s.values for s in sources(frame, by_name[part.column])}}
            part.apply(done[part.column][part.part], block)
        return out

    def read(self, source: Any, **options: Any) -> NewRows:
        """Read new rows from whatever `load` takes, for `transform`; its notes say what was done to make them fit.

        Args:
            source: Columns in any order and type; missing ones are filled, unknown ones ignored.
            **options: `encoding`, `delimiter`, `header` as `load` takes them.

        Returns:
            The rows in the kinds of the training table, and notes.
        """
        return read_new(source, self.columns, self.parts, self.target.name, **options)

    def encode_target(self, y: np.ndarray) -> np.ndarray:
        """Numbers as the network learns them (mean 0, deviation 1); class codes unchanged."""
        return (y - self.y_mean) / self.y_scale if self.target.task == "regression" else y

    def decode_target(self, outputs: np.ndarray) -> np.ndarray:
        """What a network puts out, in the target's own unit."""
        return outputs * self.y_scale + self.y_mean

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Everything as plain values for JSON and named arrays for a tensor file, with no loss of a bit."""
        meta: dict[str, Any] = {
            "schema": SCHEMA,
            "columns": [column.to_dict() for column in self.columns],
            "target": self.target.to_dict(),
            "parts": [],
        }
        arrays = {"encoder.y": np.array([self.y_mean, self.y_scale])}
        for i, part in enumerate(self.parts):
            if isinstance(part, CategoryPart):
                entry = {"type": "category", "column": part.column, "categories": list(part.categories)}
                meta["parts"].append(entry | {"names": list(part.names), "rare": part.rare})
                arrays[f"encoder.{i}.slots"] = part.slots
                continue
            entry = {name: getattr(part, name) for name in ("column", "part", "kind", "has_indicator")}
            meta["parts"].append({"type": "number", **entry})
            arrays[f"encoder.{i}.numbers"] = np.array([getattr(part, name) for name in _NUMBERS])
            if len(part.quantiles):
                arrays[f"encoder.{i}.quantiles"] = part.quantiles
        return meta, arrays

    @classmethod
    def from_arrays(cls, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> Encoder:
        """The encoder that `to_arrays` wrote; its transform is equal bit for bit.

        Raises:
            DataError: If it was written by a newer manyfit.
        """
        if meta["schema"] > SCHEMA:
            rule = Text(
                f"has format {meta['schema']}, newer than {SCHEMA}", f"的格式 {meta['schema']} 比 {SCHEMA} 新"
            )
            hint = Text("Update manyfit.", "请更新 manyfit。")
            raise DataError(Problem(Text("the encoder", "编码器"), rule, hint=hint))
        parts: list[Part] = []
        for i, entry in enumerate(meta["parts"]):
            fields: dict[str, Any] = {name: value for name, value in entry.items() if name != "type"}
            if entry["type"] == "category":
                fields |= {"categories": tuple(entry["categories"]), "names": tuple(entry["names"])}
                parts.append(CategoryPart(**fields, slots=np.asarray(arrays[f"encoder.{i}.slots"], np.int64)))
                continue
            fields |= dict(zip(_NUMBERS, map(float, arrays[f"encoder.{i}.numbers"]), strict=True))
            quantiles = np.asarray(arrays.get(f"encoder.{i}.quantiles", np.empty(0)), np.float64)
            parts.append(NumberPart(**fields, quantiles=quantiles))
        columns = tuple(Column.from_dict(values) for values in meta["columns"])
        y_mean, y_scale = map(float, arrays["encoder.y"])
        return cls(columns, Target.from_dict(meta["target"]), tuple(parts), y_mean, y_scale)

    def __repr__(self) -> str:
        kinds = [made.kind for made in self.inputs]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        return f"Encoder({len(self.groups)} columns → {self._width} inputs: {counts})"


_NUMBERS = tuple(f.name for f in dataclasses.fields(NumberPart) if f.type == "float")


def _structure(data: Dataset, rows: np.ndarray, max_categories: int) -> Structure:
    """The structure of a data set, decided once for all its folds."""
    key = (hashlib.sha256(rows.tobytes()).digest(), max_categories)
    if key not in data.memo:
        data.memo[key] = decide_structure(data.frame[sample_rows(rows)], data.used, max_categories)
    return data.memo[key]
