"""New rows, brought into the shape of the training rows: columns in any order, of other types, missing or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manyfit.data.cells import cast_column
from manyfit.data.columns import KIND_ZH, Column
from manyfit.data.dates import expand
from manyfit.data.notes import Note, note, shown
from manyfit.data.parts import CategoryPart, Part
from manyfit.data.table import Table, read
from manyfit.errors import DataError, Problem
from manyfit.text import Text

_NAMES = {"number": "a number", "boolean": "true or false", "category": "a category", "date": "a date"}


@dataclass(frozen=True)
class NewRows:
    """New rows in the kinds of the training table.

    name: What to call their table.
    frame: [N] the used columns, in their kinds and order.
    notes: What was done to make them fit.
    table: The table as read, with every column it has (a target, perhaps).
    """

    name: str
    frame: pl.DataFrame
    notes: tuple[Note, ...]
    table: Table


def read_new(
    source: Any, columns: Sequence[Column], parts: Sequence[Part], target: str, **options: Any
) -> NewRows:
    """Read new rows for a trained model.

    Args:
        source: Whatever `load` takes.
        columns: Decisions of the training table, dropped columns included.
        parts: Fitted parts, for the values and ranges seen in training.
        target: Name of the target, which may be there or not.
        **options: `encoding`, `delimiter`, `header` as `load` takes them.

    Returns:
        The rows and what was done. Nothing is refused that can be filled; a table without any known column is.

    Raises:
        DataError: If the source can't be read or has none of the model's columns.
    """
    used = [column for column in columns if column.kind != "dropped"]
    table = read(source, text=[column.name for column in used if column.kind == "category"], **options)
    frame = table.frame
    names = set(frame.columns)
    positional = [f"x{i}" for i in range(frame.width)]
    if (
        not names & {column.name for column in used}
        and frame.columns == positional
        and frame.width == len(columns)
    ):
        frame = frame.rename(
            dict(zip(positional, (column.name for column in columns), strict=True))
        )  # a bare array
        names = set(frame.columns)
    absent = [column.name for column in used if column.name not in names]
    if len(absent) == len(used):
        names = ", ".join(frame.columns[:30]) + (" …" if frame.width > 30 else "")
        rule = Text(
            f"has none of the model's columns ({shown(absent, 5)})", f"没有模型所用的任何一列（{shown(absent, 5)}）"
        )
        raise DataError(Problem(table.name, rule, hint=Text(f"Its columns: {names}.", f"它的各列：{names}。")))
    notes: list[Note] = [*table.notes]
    if absent:
        notes.append(note("absent", absent))
    extra = [name for name in frame.columns if name not in {c.name for c in columns} and name != target]
    if extra:
        notes.append(note("ignored", extra))
    series: list[pl.Series] = []
    for column in used:
        if column.name in absent:
            empty = pl.Series(column.name, [None] * frame.height, dtype=pl.String)
            series.append(cast_column(empty, column).values)
            continue
        cast = cast_column(frame[column.name], column)
        if cast.n_unreadable:
            facts = {
                "kind": _NAMES[column.kind],
                "kind_zh": KIND_ZH[column.kind],
                "examples": ", ".join(map(repr, cast.unreadable)),
            }
            notes.append(note("unreadable", [column.name], count=cast.n_unreadable, **facts))
        series.append(cast.values)
    aligned = pl.DataFrame(series)
    filled = [
        column.name for column in used if column.name not in absent and aligned[column.name].null_count()
    ]
    if filled:
        notes.append(note("filled", filled, count=sum(aligned[name].null_count() for name in filled)))
    notes += _surprises(aligned, parts)
    return NewRows(table.name, aligned, tuple(notes), table)


def _surprises(frame: pl.DataFrame, parts: Sequence[Part]) -> list[Note]:
    """Notes on values that training never showed: unknown categories, numbers far out."""
    notes: list[Note] = []
    outside: dict[str, int] = {}
    for part in parts:
        series = frame[part.column]
        if isinstance(part, CategoryPart):
            is_new = part.codes_of(series) == len(part.categories) + 1
            if is_new.any():
                examples = series.filter(pl.Series(is_new)).unique(maintain_order=True).to_list()
                notes.append(note("unseen", [part.column], count=int(is_new.sum()), examples=shown(examples)))
        elif part.kind == "number" or part.part == "elapsed":
            values = expand(series, ["elapsed"])["elapsed"] if part.part else series.to_numpy()
            count = part.count_outside(values)
            if count:
                outside[part.column] = count
    if outside:
        notes.append(note("outside", list(outside), count=sum(outside.values())))
    return notes
