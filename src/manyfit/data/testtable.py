"""A test table that comes on its own: its rows are put below the others, and stay locked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from manyfit.data.notes import Note, note
from manyfit.data.table import Table
from manyfit.errors import DataError, Problem, did_you_mean
from manyfit.text import Text


def append_test(
    frame: pl.DataFrame, test: Table, target: str, roles: Mapping[str, Any]
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Put the rows of a test table below the others, column by column of the same name."""
    given = [role for role, value in roles.items() if not isinstance(value, str)]
    if given:
        rule = Text(
            "must be the name of a column when a test table is given", "在给出测试表时必须是列名"
        )
        raise DataError(Problem(", ".join(given), rule))
    needed = [target, *roles.values()]
    problems = [
        Problem(
            Text(f"column {column!r}", f"列 {column!r}"),
            Text(f"is not in the test table {test.name}", f"不在测试表 {test.name} 中"),
            hint=did_you_mean(column, test.frame.columns),
        )
        for column in needed
        if column not in test.frame.columns
    ]
    if problems:
        raise DataError(problems, scope=test.name)
    absent = [column for column in frame.columns if column not in test.frame.columns]
    extra = [column for column in test.frame.columns if column not in frame.columns]
    notes = [*test.notes]
    if absent:
        notes.append(note("absent", absent))
    if extra:
        notes.append(note("ignored", extra))
    below = test.frame.select(
        [pl.col(c) if c not in absent else pl.lit(None).alias(c) for c in frame.columns]
    )
    upper, lower = [], []
    for column in frame.columns:
        a, b = frame[column], below[column]
        if (
            a.dtype != b.dtype
            and not (a.dtype.is_numeric() and b.dtype.is_numeric())
            and pl.Null not in (a.dtype, b.dtype)
        ):
            nested = a.dtype.is_nested() or b.dtype.is_nested()
            a, b = (
                (pl.Series(column, [None] * len(s), dtype=pl.String) for s in (a, b))
                if nested
                else (a.cast(pl.String), b.cast(pl.String))
            )
        upper.append(a)
        lower.append(b)
    return pl.concat([pl.DataFrame(upper), pl.DataFrame(lower)], how="vertical_relaxed"), tuple(notes)
